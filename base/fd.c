/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptor hygiene. */
#include "base/fd.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/num.h"

void auto_fd(const int *fd)
{
    if (*fd >= 0) {
        int keep = errno;
        (void)close(*fd);
        errno = keep;
    }
}

void fd_close(int *fd)
{
    auto_fd(fd);
    *fd = -1;
}

int fd_nonblock(int fd, bool on, struct err *e)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0)
        return err_sys(e, "cannot read the flags of descriptor %d", fd);
    flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (fcntl(fd, F_SETFL, flags) < 0)
        return err_sys(e, "cannot set the flags of descriptor %d", fd);
    return 0;
}

int fd_pipe(int out[2], struct err *e)
{
    int p[2];

    if (pipe2(p, O_CLOEXEC) < 0)
        return err_sys(e, "cannot create a pipe");
    out[0] = p[0];
    out[1] = p[1];
    return 0;
}

ssize_t fd_read_full(int fd, void *p, size_t n, struct err *e)
{
    size_t got = 0;

    while (got < n) {
        ssize_t r = read(fd, (char *)p + got, n - got);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return err_sys(e, "cannot read");
        if (r == 0)
            break;
        got += (size_t)r;
    }
    return (ssize_t)got;
}

int fd_write_full(int fd, const void *p, size_t n, struct err *e)
{
    size_t done = 0;

    while (done < n) {
        ssize_t r = write(fd, (const char *)p + done, n - done);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return err_sys(e, "cannot write");
        done += (size_t)r;
    }
    return 0;
}

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

int fd_memfd(const char *name, const void *p, size_t n, int *out, struct err *e)
{
    AUTO(auto_fd) int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return err_sys(e, "cannot create memory file '%s'", name);
    if (fd_write_full(fd, p, n, e) < 0)
        return err_wrap(e, "fill memory file '%s'", name);
    if (lseek(fd, 0, SEEK_SET) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
        return err_sys(e, "cannot seal memory file '%s'", name);
    *out = fd_take(&fd);
    return 0;
}

int fd_read_memfd(int fd, size_t max, char **out, size_t *n, struct err *e)
{
    AUTO(auto_free) char *p = NULL;
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    size_t got = 0;

    if (seals < 0 || (seals & SEALS) != SEALS)
        return err_set(e, FAIL_DENIED, "descriptor is not a sealed memory file");
    if (fstat(fd, &st) < 0)
        return err_sys(e, "cannot stat the memory file");
    if (st.st_size < 0 || (uintmax_t)st.st_size > max)
        return err_set(e, FAIL_LIMIT, "memory file of %lld bytes is larger than %zu",
                       (long long)st.st_size, max);
    size_t size = (size_t)st.st_size;
    p = xmalloc(size + 1);
    /* pread: the offset is shared with whoever else holds the descriptor. */
    while (got < size) {
        ssize_t r = pread(fd, p + got, size - got, (off_t)got);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return err_sys(e, "cannot read the memory file");
        if (r == 0)
            return err_set(e, FAIL_PROTO, "memory file ended early");
        got += (size_t)r;
    }
    p[size] = '\0';
    *out = TAKE_PTR(p);
    *n = size;
    return 0;
}

void fd_ensure_stdio(void)
{
    for (int fd = 0; fd < 3; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
            continue;
        /* Lower ones are open, so open() gives exactly fd; without CLOEXEC: children need it too. */
        int got = open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY); /* allow: stdio is inherited */
        if (got != fd)
            _exit(127); /* no /dev/null: going on would write messages into data files */
    }
}

static bool is_kept(int fd, const int *keep, size_t n_keep)
{
    for (size_t i = 0; i < n_keep; i++)
        if (keep[i] == fd)
            return true;
    return false;
}

static bool close_span(unsigned from, unsigned to)
{
    return from > to || syscall(SYS_close_range, from, to, 0U) == 0;
}

/* Smallest kept descriptor >= from, or -1. */
static int next_kept(int from, const int *keep, size_t n_keep)
{
    int best = -1;

    for (size_t i = 0; i < n_keep; i++)
        if (keep[i] >= from && (best < 0 || keep[i] < best))
            best = keep[i];
    return best;
}

/* Kernels before 5.9, or a seccomp list that does not know close_range. */
static void close_by_walk(int low, const int *keep, size_t n_keep)
{
    DIR *d = opendir("/proc/self/fd");
    struct err e;

    if (d == NULL) {
        long max = sysconf(_SC_OPEN_MAX);
        for (int fd = low; fd < (max > 0 && max < 1048576 ? (int)max : 65536); fd++)
            if (!is_kept(fd, keep, n_keep))
                (void)close(fd);
        return;
    }
    for (struct dirent *de; (de = readdir(d)) != NULL;) {
        uint64_t fd;
        if (num_u64(sv_of(de->d_name), INT_MAX, &fd, &e) < 0)
            continue; /* "." and ".." */
        if ((int)fd >= low && (int)fd != dirfd(d) && !is_kept((int)fd, keep, n_keep))
            (void)close((int)fd);
    }
    (void)closedir(d);
}

void fd_close_from(int low, const int *keep, size_t n_keep)
{
    int from = low;

    for (;;) {
        int k = next_kept(from, keep, n_keep);
        if (!close_span((unsigned)from, k < 0 ? UINT_MAX : (unsigned)k - 1)) {
            close_by_walk(low, keep, n_keep);
            return;
        }
        if (k < 0)
            return;
        from = k + 1;
    }
}
