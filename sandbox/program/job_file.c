/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening and replacing files of the job. */
#include "sandbox/program/job_file.h"

#include "sandbox/program/step.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REPLACE_ATTEMPTS 8 /* against a job that makes the file again and again */

static int try_open(const char *path, struct open_how *how)
{
    long fd;

    do
        fd = syscall(SYS_openat2, AT_FDCWD, path, how, sizeof *how);
    while (fd < 0 && (errno == EINTR || errno == EAGAIN));
    return (int)fd;
}

mode_t job_file_kind(const char *path)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
    AUTO(auto_fd) int fd = try_open(path, &how);
    struct stat st;

    return fd >= 0 && fstat(fd, &st) == 0 ? st.st_mode & S_IFMT : 0;
}

int job_file_open(const char *path, uint64_t flags, uint64_t mode, int *out, struct err *e)
{
    struct open_how how = {.flags = flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY,
                           .mode = mode,
                           .resolve = RESOLVE_NO_MAGICLINKS};
    int fd = try_open(path, &how);

    if (fd < 0 && errno == ENOENT) {
        (void)err_set(e, FAIL_NOTFOUND, "'%s' does not exist", path);
        e->sys = ENOENT;
        return -1;
    }
    if (fd < 0)
        return err_sys(e, "cannot open '%s'", path);
    *out = fd;
    return 0;
}

int job_file_write(const char *path, mode_t mode, struct sv content, struct err *e)
{
    AUTO(auto_fd) int fd = -1;

    for (int attempt = 0; fd < 0; attempt++) {
        if (job_file_open(path, O_WRONLY | O_CREAT | O_EXCL, mode, &fd, e) == 0)
            break;
        if (e->sys != EEXIST || attempt == REPLACE_ATTEMPTS)
            return -1;
        if (unlink(path) < 0 && errno != ENOENT)
            return err_sys(e, "cannot replace '%s'", path);
    }
    if (content.n > 0 && fd_write_full(fd, content.p, content.n, e) < 0)
        return err_wrap(e, "write '%s'", path);
    /* The umask is not the worker's wish. */
    if ((mode & CHILD_UMASK) != 0 && fchmod(fd, mode) < 0)
        return err_sys(e, "chmod '%s'", path);
    return 0;
}

bool job_file_recycle(const char *old, const char *path, mode_t mode, struct sv content)
{
    AUTO(auto_fd) int fd = -1;
    struct err ignored = {0};
    struct stat st;

    if (job_file_open(old, O_RDWR, 0, &fd, &ignored) < 0 || fstat(fd, &st) < 0 ||
        !S_ISREG(st.st_mode) || st.st_nlink != 1 || (st.st_mode & 07777) != mode)
        return false;
    /* A write lease is granted to the only opener. It ends with the descriptor; whoever opens the file meanwhile waits
     * for that. Cut afterwards: ext4 writes a file that was cut to nothing to the disk when it is closed. */
    if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0 ||
        fd_write_full(fd, content.p, content.n, &ignored) < 0 ||
        ((uint64_t)st.st_size > content.n && ftruncate(fd, (off_t)content.n) < 0))
        return false;
    return rename(old, path) == 0;
}
