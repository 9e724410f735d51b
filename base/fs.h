/* SPDX-License-Identifier: Apache-2.0
 *
 * Files and folders below a directory descriptor. Paths that somebody else chose never go through a
 * string check followed by an open: use fs_open_beneath. */
#ifndef BASE_FS_H
#define BASE_FS_H

#include "base/err.h"
#include "base/sv.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Reads a regular file of at most max bytes; *out NUL-terminated, free(). FAIL_NOTFOUND, FAIL_LIMIT. */
MUST_USE int fs_read_file(int dirfd, const char *path, size_t max, char **out, size_t *n,
                          struct err *e);
/* name.tmp-<random>, fsync, renameat, fsync of the folder. */
MUST_USE int fs_write_atomic(int dirfd, const char *path, mode_t mode, const void *p, size_t n,
                             struct err *e);
/* openat2(RESOLVE_BENEATH [| RESOLVE_NO_SYMLINKS]); falls back to a component walk on ENOSYS. */
MUST_USE int fs_open_beneath(int dirfd, const char *path, int flags, mode_t mode, bool no_symlinks,
                             int *out, struct err *e);
/* mkdir -p; existing folders are fine. Below a real dirfd links are not followed and ".." is refused
 * (FAIL_DENIED); with AT_FDCWD or an absolute path, which must be our own, they are followed. */
MUST_USE int fs_mkdir_all(int dirfd, const char *path, mode_t mode, struct err *e);
/* Removes a tree without following links; makes unreadable folders readable first; ENOENT is success. */
MUST_USE int fs_remove_tree(int dirfd, const char *path, struct err *e);
/* A fresh 0700 folder "prefix-XXXXXX" below dir; *out is its full path, free(). */
MUST_USE int fs_temp_dir(const char *dir, const char *prefix, char **out, struct err *e);
bool fs_exists(int dirfd, const char *path);
/* A hint to the file system that the folders in this one have nothing to do with each other (chattr +T): ext4 puts each
 * of them elsewhere on the disk. Trees that come and go would else be made where the last were removed: a place
 * that ext4 without a journal searches for long, since it does not reuse what was freed a minute ago. */
void fs_spread(int dirfd);
/* Takes an exclusive flock; *out stays open as long as the lock is wanted. FAIL_DENIED when taken. */
MUST_USE int fs_lock(int dirfd, const char *path, int *out, struct err *e);
/* The folder of the running executable (/proc/self/exe), free(). */
MUST_USE int fs_self_dir(char **out, struct err *e);

#endif
