/* SPDX-License-Identifier: Apache-2.0
 *
 * The private copy of the local source: entries of a listing, relative to the source folder. Reflinks where the
 * file system has them, else copy_file_range, else read and write. Modes and modification times are kept
 * (git's index compares times), ownership is the job's. Links are copied as links. */
#include "sandbox/program/helper.h"

#include "base/fd.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_MAX_DEPTH     200
#define COPY_SMALL_BYTES   65536 /* below, one read and one write are cheaper than copy_file_range */
#define COPY_LISTING_BYTES (256U << 20)

struct copy {
    uint64_t files, bytes;
    bool no_reflink; /* EOPNOTSUPP or EXDEV once: not asked again */
    bool no_range;
};

static int copy_by_hand(int from, int to, struct err *e)
{
    static char block[1 << 17];

    for (;;) {
        ssize_t n = read(from, block, sizeof block);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "read");
        if (n == 0)
            return 0;
        if (fd_write_full(to, block, (size_t)n, e) < 0)
            return -1;
    }
}

static int copy_content(struct copy *c, int from, int to, off_t size, struct err *e)
{
    if (!c->no_reflink) {
        if (ioctl(to, FICLONE, from) == 0)
            return 0;
        c->no_reflink = true;
    }
    while (!c->no_range && size > COPY_SMALL_BYTES) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, 1U << 30, 0);

        if (n == 0)
            return 0;
        if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO))
            return err_sys(e, "write");
        if (n < 0)
            c->no_range = true; /* what is left is copied by hand, from the same offsets */
    }
    return copy_by_hand(from, to, e);
}

static int copy_file(struct copy *c, int src, const char *name, int dst, const char *as,
                     struct err *e)
{
    AUTO(auto_fd) int from = openat(src, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    AUTO(auto_fd) int to = -1;
    struct timespec times[2];
    struct stat st;

    if (from < 0 || fstat(from, &st) < 0)
        return err_sys(e, "cannot open '%s' of the source", name);
    if (!S_ISREG(st.st_mode))
        return err_set(e, FAIL_INPUT, "'%s' of the source changed while it was copied", name);
    to = openat(dst, as, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                (st.st_mode & 0777) | 0600);
    if (to < 0 && errno == EEXIST && unlinkat(dst, as, 0) == 0)
        to = openat(dst, as, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    (st.st_mode & 0777) | 0600);
    if (to < 0)
        return err_sys(e, "cannot create '%s' in the job", as);
    if (st.st_size > 0 && copy_content(c, from, to, st.st_size, e) < 0)
        return err_wrap(e, "copy '%s'", name);
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    if (futimens(to, times) < 0)
        return err_sys(e, "cannot set the time of '%s'", as);
    c->files++;
    c->bytes += (uint64_t)st.st_size;
    return 0;
}

static int copy_link(struct copy *c, int src, const char *name, int dst, const char *as,
                     struct err *e)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(src, name, target, sizeof target - 1);

    if (n < 0)
        return err_sys(e, "cannot read the link '%s' of the source", name);
    target[n] = '\0';
    if (symlinkat(target, dst, as) < 0 &&
        (errno != EEXIST || unlinkat(dst, as, 0) < 0 || symlinkat(target, dst, as) < 0))
        return err_sys(e, "cannot create the link '%s' in the job", as);
    c->files++;
    return 0;
}

static int open_dir_at(int at, const char *name, bool make, int *out, struct err *e)
{
    if (make && mkdirat(at, name, 0755) < 0 && errno != EEXIST)
        return err_sys(e, "cannot make the folder '%s' in the job", name);
    *out = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *out < 0 ? err_sys(e, "cannot open the folder '%s'", name) : 0;
}

static int copy_dir(struct copy *c, int src, const char *name, int dst, const char *as,
                    unsigned depth, struct err *e);

static int copy_entry(struct copy *c, int src, const char *name, int dst, const char *as,
                      unsigned depth, struct err *e)
{
    struct stat st;

    if (fstatat(src, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT) /* listed (tracked), but deleted in the working copy */
            return 0;
        return err_sys(e, "cannot stat '%s' of the source", name);
    }
    if (S_ISREG(st.st_mode))
        return copy_file(c, src, name, dst, as, e);
    if (S_ISLNK(st.st_mode))
        return copy_link(c, src, name, dst, as, e);
    if (S_ISDIR(st.st_mode))
        return copy_dir(c, src, name, dst, as, depth, e);
    return 0; /* sockets, FIFOs and devices are no source */
}

static int copy_dir(struct copy *c, int src, const char *name, int dst, const char *as,
                    unsigned depth, struct err *e)
{
    AUTO(auto_fd) int from = -1;
    AUTO(auto_fd) int to = -1;
    struct dirent *entry;
    DIR *d;
    int r = 0;

    if (depth > COPY_MAX_DEPTH)
        return err_set(e, FAIL_LIMIT, "the source is deeper than %d folders", COPY_MAX_DEPTH);
    if (open_dir_at(src, name, false, &from, e) < 0 || open_dir_at(dst, as, true, &to, e) < 0)
        return -1;
    d = fdopendir(from);
    if (d == NULL)
        return err_sys(e, "cannot list '%s' of the source", name);
    from = -1;
    while (r == 0 && (entry = readdir(d)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        r = copy_entry(c, dirfd(d), entry->d_name, to, entry->d_name, depth + 1, e);
    }
    (void)closedir(d);
    return r;
}

/* Listings are sorted by folder, so the folder of the last entry is kept open on both sides. */
struct folders {
    int root_src, root_dst;
    int src, dst;
    char *dir; /* their path, "" = the roots */
};

static int enter(struct folders *f, struct sv dir, struct err *e)
{
    char *path;
    int src = -1;
    int dst = -1;

    if (f->dir != NULL && sv_is(dir, f->dir))
        return 0;
    fd_close(&f->src);
    fd_close(&f->dst);
    free(f->dir);
    f->dir = NULL;
    path = sv_dup(dir.n == 0 ? SV(".") : dir);
    if (fs_open_beneath(f->root_src, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, true, &src, e) <
            0 ||
        fs_mkdir_all(f->root_dst, path, 0755, e) < 0 ||
        fs_open_beneath(f->root_dst, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, true, &dst, e) <
            0) {
        fd_close(&src);
        free(path);
        return -1;
    }
    f->src = src;
    f->dst = dst;
    free(path);
    f->dir = sv_dup(dir);
    return 0;
}

static int copy_listed(struct copy *c, struct folders *f, struct sv entry, struct err *e)
{
    AUTO(auto_free) char *clean = NULL;
    const char *name;
    struct sv path;
    size_t slash;

    while (entry.n > 0 && entry.p[entry.n - 1] == '/') /* a folder, copied whole */
        entry.n--;
    if (path_from_untrusted(entry, &clean, e) < 0)
        return err_wrap(e, "listing of the source");
    path = sv_of(clean);
    slash = sv_rchr(path, '/');
    if (enter(f, slash == SV_NPOS ? SV("") : sv_sub(path, 0, slash), e) < 0)
        return e->sys == ENOENT || e->code == FAIL_NOTFOUND ? 0 : -1;
    name = slash == SV_NPOS ? clean : clean + slash + 1;
    if (copy_entry(c, f->src, name, f->dst, name, 0, e) < 0)
        return err_wrap(e, "in '%s/'", f->dir);
    return 0;
}

int copy_tree(int source, const char *dest, int listing, uint64_t *files, uint64_t *bytes,
              struct err *e)
{
    AUTO(auto_free) char *list = NULL;
    AUTO(auto_fd) int to = -1;
    struct folders f = {.root_src = source, .src = -1, .dst = -1};
    struct copy c = {0};
    struct sv rest;
    struct sv entry;
    size_t n;
    int r = 0;

    (void)umask(0); /* files keep their modes; we do nothing else any more */
    if (fd_read_memfd(listing, COPY_LISTING_BYTES, &list, &n, e) < 0 ||
        fs_mkdir_all(AT_FDCWD, dest, 0755, e) < 0)
        return -1;
    to = open(dest, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (to < 0)
        return err_sys(e, "cannot open '%s' in the job", dest);
    f.root_dst = to;
    rest = (struct sv){list, n};
    while (r == 0 && sv_next(&rest, '\0', &entry))
        if (entry.n > 0)
            r = copy_listed(&c, &f, entry, e);
    fd_close(&f.src);
    fd_close(&f.dst);
    free(f.dir);
    *files = c.files;
    *bytes = c.bytes;
    return r;
}
