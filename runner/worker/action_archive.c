/* SPDX-License-Identifier: Apache-2.0
 *
 * Unpacking the archive of an action. The archive comes from a server: names are checked, nothing is written
 * through a link, and entries, bytes and depth have limits. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fs.h"
#include "base/libarchive.h"
#include "base/mem.h"
#include "base/path.h"
#include "runner/worker/action_prepare.h"

struct unpack {
    struct archive *a;
    int root;
    const char *what;
    char *top; /* name of the single top folder */
    size_t entries;
    uint64_t bytes;
};

static void auto_archive(struct archive **a)
{
    if (*a != NULL)
        (void)la.read_free(*a);
}

static int archive_err(const struct unpack *u, struct err *e)
{
    const char *text = la.error_string(u->a);

    return err_set(e, FAIL_INPUT, "cannot unpack the archive of action '%s': %.120s", u->what,
                   text != NULL ? text : "unknown format");
}

/* The path below the top folder; empty for the top folder itself. */
static int inner_path(struct unpack *u, const char *name, char **out, struct err *e)
{
    AUTO(auto_free) char *clean = NULL;
    struct sv all = sv_of(name);

    while (sv_starts(all, SV("./")))
        all = sv_sub(all, 2, all.n);
    while (all.n > 0 && all.p[all.n - 1] == '/')
        all.n--;
    if (path_from_untrusted(all, &clean, e) < 0)
        return err_wrap(e, "archive of action '%s'", u->what);
    struct sv rest = sv_of(clean), top;
    (void)sv_next(&rest, '/', &top);
    if (u->top == NULL)
        u->top = sv_dup(top);
    else if (!sv_is(top, u->top))
        return err_set(e, FAIL_INPUT, "the archive of action '%s' contains more than one folder",
                       u->what);
    *out = rest.p != NULL ? sv_dup(rest) : xstrdup("");
    return 0;
}

static int make_parents(const struct unpack *u, const char *path, struct err *e)
{
    struct sv dir = path_dir(sv_of(path));
    AUTO(auto_free) char *d = sv_dup(dir);

    return sv_is(dir, ".") ? 0 : fs_mkdir_all(u->root, d, 0755, e);
}

static int write_file(struct unpack *u, const char *path, bool executable, struct err *e)
{
    AUTO(auto_fd) int fd = -1;
    const void *p;
    size_t n;
    la_int64_t at, expected = 0;

    if (fs_open_beneath(u->root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                        executable ? 0755 : 0644, true, &fd, e) < 0)
        return -1;
    for (;;) {
        int r = la.read_data_block(u->a, &p, &n, &at);
        if (r == ARCHIVE_EOF)
            return 0;
        if (r < ARCHIVE_WARN)
            return archive_err(u, e);
        if (n > ACTION_UNPACKED_MAX - u->bytes)
            return err_set(e, FAIL_LIMIT, "action '%s' is larger than %llu bytes", u->what,
                           (unsigned long long)ACTION_UNPACKED_MAX);
        u->bytes += n;
        if (at != expected && lseek(fd, (off_t)at, SEEK_SET) < 0)
            return err_sys(e, "cannot write '%s'", path);
        expected = at + (la_int64_t)n;
        if (fd_write_full(fd, p, n, e) < 0)
            return err_wrap(e, "write '%s'", path);
    }
}

static int unpack_link(const struct unpack *u, const char *path, const char *target, struct err *e)
{
    AUTO(auto_fd) int dir = -1;
    AUTO(auto_free) char *parent = sv_dup(path_dir(sv_of(path)));
    AUTO(auto_free) char *base = sv_dup(path_base(sv_of(path)));

    if (target == NULL || *target == '\0')
        return err_set(e, FAIL_INPUT, "the archive of action '%s' holds a link without target",
                       u->what);
    if (fs_open_beneath(u->root, parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, true, &dir, e) < 0)
        return -1;
    if (symlinkat(target, dir, base) < 0)
        return err_sys(e, "cannot make the link '%s'", path);
    return 0;
}

static int unpack_entry(struct unpack *u, struct archive_entry *entry, struct err *e)
{
    AUTO(auto_free) char *path = NULL;
    const char *name = la.entry_pathname(entry);

    if (++u->entries > ACTION_ENTRIES_MAX)
        return err_set(e, FAIL_LIMIT, "action '%s' has more than %u files", u->what,
                       ACTION_ENTRIES_MAX);
    if (name == NULL)
        return err_set(e, FAIL_INPUT, "the archive of action '%s' holds a file without name",
                       u->what);
    if (inner_path(u, name, &path, e) < 0)
        return -1;
    if (path[0] == '\0')
        return 0;
    if (la.entry_hardlink(entry) != NULL)
        return err_set(e, FAIL_INPUT, "the archive of action '%s' holds a hard link ('%.80s')",
                       u->what, path);
    switch (la.entry_filetype(entry)) {
    case AE_IFDIR:
        return fs_mkdir_all(u->root, path, 0755, e);
    case AE_IFREG:
        if (make_parents(u, path, e) < 0)
            return -1;
        return write_file(u, path, (la.entry_perm(entry) & 0111) != 0, e);
    case AE_IFLNK:
        if (make_parents(u, path, e) < 0)
            return -1;
        return unpack_link(u, path, la.entry_symlink(entry), e);
    default:
        return err_set(e, FAIL_INPUT, "the archive of action '%s' holds a device or pipe ('%.80s')",
                       u->what, path);
    }
}

int archive_unpack(int archive_fd, int into_dirfd, const char *what, struct err *e)
{
    AUTO(auto_archive) struct archive *a = NULL;
    struct unpack u = {.root = into_dirfd, .what = what};
    struct archive_entry *entry;
    int rc = 0, r;

    if (la_open(e) < 0)
        return -1;
    u.a = a = la.read_new();
    BUG(a == NULL);
    if (lseek(archive_fd, 0, SEEK_SET) < 0)
        return err_sys(e, "cannot read the archive of action '%s'", what);
    if (la.read_support_filter_gzip(a) < ARCHIVE_WARN ||
        la.read_support_format_tar(a) < ARCHIVE_WARN ||
        la.read_open_fd(a, archive_fd, 64 << 10) < ARCHIVE_WARN)
        return archive_err(&u, e);
    while (rc == 0 && (r = la.read_next_header(a, &entry)) != ARCHIVE_EOF)
        rc = r < ARCHIVE_WARN ? archive_err(&u, e) : unpack_entry(&u, entry, e);
    if (rc == 0 && u.top == NULL)
        rc = err_set(e, FAIL_INPUT, "the archive of action '%s' is empty", what);
    free(u.top);
    return rc;
}
