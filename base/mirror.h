/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies of other people's repositories on this machine, read only: folders OWNER/NAME or OWNER/NAME.git of a mirror
 * (a plain folder, or a git repository), and the archives of a cache. Nothing here asks the network. */
#ifndef BASE_MIRROR_H
#define BASE_MIRROR_H

#include "base/buf.h"

#include <stdbool.h>

/* owner/name of [A-Za-z0-9._-]: both become parts of paths. */
bool mirror_good_repo(struct sv repo);
/* What git allows in a ref, and nothing that looks like an option. */
bool mirror_good_ref(struct sv ref);

/* The folder of a repository in a mirror, or NULL; *git: it is a git repository. free() */
char *mirror_find(const char *mirror, const char *repo, bool *git);
/* One file of a plain folder, through no link; at most max bytes. FAIL_NOTFOUND. */
MUST_USE int mirror_folder_file(const char *dir, const char *path, size_t max, struct buf *out,
                                struct err *e);

/* git in a mirror, with words and further variables (or NULL), both NULL-terminated: its output, at most max bytes, or
 * into a file. FAIL_NOTFOUND when it ends with a status other than 0, FAIL_UNSUPPORTED where there is no git. */
MUST_USE int mirror_git_text(const char *dir, const char *const *args, char *const *more,
                             size_t max, char **text, size_t *n, struct err *e);
MUST_USE int mirror_git_to(const char *dir, const char *const *args, char *const *more, int out_fd,
                           struct err *e);
/* 40 (or 64) hexadecimal digits of the commit that ref names in the repository. FAIL_NOTFOUND. */
MUST_USE int mirror_commit(const char *dir, const char *ref, char **sha, struct err *e);
/* One file of a commit, as it is stored; not what a link names. FAIL_NOTFOUND. */
MUST_USE int mirror_git_file(const char *dir, char *const *more, const char *sha, const char *path,
                             size_t max, struct buf *out, struct err *e);

/* CACHE/OWNER_NAME, where SHA.tar.gz and refs/REF (a SHA, as of the last download) lie. free() */
char *mirror_cache_folder(const char *cache, const char *repo);
/* The archive of what ref was when it was last downloaded (base/tarball.h reads it): true sets *sha (free()) and *fd. */
bool mirror_cached(const char *cache, const char *repo, const char *ref, char **sha, int *fd);

#endif
