/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading, writing and locking files below a directory descriptor. Opening below a folder: fs_beneath.c;
 * removing trees: fs_remove.c. */
#include "base/fs.h"

#include "base/failpoint.h"
#include "base/fd.h"
#include "base/ids.h"
#include "base/mem.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* As err_sys, with the code that callers branch on. */
static int path_failed(struct err *e, const char *what, const char *path)
{
    (void)err_sys(e, "cannot %s '%s'", what, path);
    if (e->sys == ENOENT || e->sys == ENOTDIR)
        e->code = FAIL_NOTFOUND;
    return -1;
}

/* Reads to the end, at most max bytes. st_size is a hint only: /proc files say 0. */
static int read_all(int fd, const char *path, size_t hint, size_t max, char **out, size_t *n,
                    struct err *e)
{
    size_t cap = hint < max ? hint : max, len = 0;
    AUTO(auto_free) char *p = xmalloc(cap + 2);

    for (;;) {
        /* One byte more than the limit shows that there is more. */
        ssize_t r = read(fd, p + len, cap + 1 - len);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return err_sys(e, "cannot read '%s'", path);
        if (r == 0)
            break;
        len += (size_t)r;
        if (len > max)
            return err_set(e, FAIL_LIMIT, "'%s' is larger than %zu bytes", path, max);
        if (len > cap) {
            cap = cap < 2048 ? 4096 : cap > max / 2 ? max : cap * 2;
            if (cap > max)
                cap = max;
            p = xreallocarray(p, cap + 2, 1);
        }
    }
    p[len] = '\0';
    *out = TAKE_PTR(p);
    *n = len;
    return 0;
}

int fs_read_file(int dirfd, const char *path, size_t max, char **out, size_t *n, struct err *e)
{
    BUG(max > SSIZE_MAX - 2);
    /* O_NONBLOCK: a FIFO under this name must not hang us. */
    AUTO(auto_fd) int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0)
        return path_failed(e, "open", path);
    if (fstat(fd, &st) < 0)
        return path_failed(e, "stat", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, FAIL_INPUT, "'%s' is not a regular file", path);
    size_t hint = st.st_size > 0 && (uintmax_t)st.st_size < SIZE_MAX ? (size_t)st.st_size : 0;
    if (hint > max)
        return err_set(e, FAIL_LIMIT, "'%s' is larger than %zu bytes", path, max);
    return read_all(fd, path, hint, max, out, n, e);
}

static int hit(const char *point, struct err *e)
{
    int sys = failpoint_hit(point);

    if (sys == 0)
        return 0;
    errno = sys;
    return err_sys(e, "fail point '%s'", point);
}

/* Makes a rename durable. */
static int sync_folder(int dirfd, const char *path, struct err *e)
{
    AUTO(auto_free) char *dir = sv_dup(path_dir(sv_of(path)));
    AUTO(auto_fd) int fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return path_failed(e, "open", dir);
    /* Some file systems have nothing to sync for a folder and say EINVAL. */
    if (fsync(fd) < 0 && errno != EINVAL)
        return err_sys(e, "cannot sync '%s'", dir);
    return 0;
}

static int fill_and_rename(int fd, int dirfd, const char *tmp, const char *path, const void *p,
                           size_t n, struct err *e)
{
    if (hit("fs.write", e) < 0 || fd_write_full(fd, p, n, e) < 0)
        return err_wrap(e, "write '%s'", path);
    if (hit("fs.sync", e) < 0)
        return err_wrap(e, "write '%s'", path);
    if (fsync(fd) < 0)
        return err_sys(e, "cannot sync '%s'", path);
    if (hit("fs.rename", e) < 0)
        return err_wrap(e, "write '%s'", path);
    if (renameat(dirfd, tmp, dirfd, path) < 0)
        return path_failed(e, "replace", path);
    return 0;
}

int fs_write_atomic(int dirfd, const char *path, mode_t mode, const void *p, size_t n,
                    struct err *e)
{
    char word[13];

    ids_token(word, sizeof word - 1);
    AUTO(auto_free) char *tmp = xasprintf("%s.tmp-%s", path, word);
    AUTO(auto_fd)
    int fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return path_failed(e, "create", tmp);
    if (fill_and_rename(fd, dirfd, tmp, path, p, n, e) < 0) {
        (void)unlinkat(dirfd, tmp, 0); /* best effort: the first failure is the one to report */
        return -1;
    }
    return sync_folder(dirfd, path, e);
}

int fs_temp_dir(const char *dir, const char *prefix, char **out, struct err *e)
{
    for (int i = 0; i < 100; i++) {
        char word[9];
        ids_token(word, sizeof word - 1);
        AUTO(auto_free) char *path = xasprintf("%s/%s-%s", dir, prefix, word);
        if (mkdir(path, 0700) == 0) {
            *out = TAKE_PTR(path);
            return 0;
        }
        if (errno != EEXIST)
            return path_failed(e, "create folder", path);
    }
    return err_set(e, FAIL_LIMIT, "no free temporary name in '%s'", dir);
}

bool fs_exists(int dirfd, const char *path)
{
    struct stat st;

    return fstatat(dirfd, path, &st, 0) == 0;
}

int fs_lock(int dirfd, const char *path, int *out, struct err *e)
{
    AUTO(auto_fd)
    int fd = openat(dirfd, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

    if (fd < 0)
        return path_failed(e, "open", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK)
            return err_set(e, FAIL_DENIED, "'%s' is locked by another process", path);
        return err_sys(e, "cannot lock '%s'", path);
    }
    *out = fd_take(&fd);
    return 0;
}

void fs_spread(int dirfd)
{
    int flags = 0; /* the kernel takes an int, whatever the request's number says */

    if (ioctl(dirfd, FS_IOC_GETFLAGS, &flags) < 0 || (flags & FS_TOPDIR_FL) != 0)
        return;
    flags |= FS_TOPDIR_FL;
    (void)ioctl(dirfd, FS_IOC_SETFLAGS, &flags); /* most file systems know no such hint */
}

int fs_self_dir(char **out, struct err *e)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path);

    if (n < 0)
        return err_sys(e, "cannot read '/proc/self/exe'; mount /proc");
    if ((size_t)n >= sizeof path)
        return err_set(e, FAIL_LIMIT, "path of this program is too long");
    *out = sv_dup(path_dir((struct sv){path, (size_t)n}));
    return 0;
}
