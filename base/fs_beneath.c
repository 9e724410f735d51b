/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening and making things below a folder whose content somebody else controls. */
#include "base/fs.h"

#include "base/failpoint.h"
#include "base/fd.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Ours: as the kernel's limit on links, and deep enough for any sane tree. */
#define MAX_LINKS 40
#define MAX_DEPTH 128

static int open_failed(struct err *e, const char *path)
{
    int sys = errno;

    (void)err_sys(e, "cannot open '%s'", path);
    if (sys == ENOENT || sys == ENOTDIR)
        e->code = FAIL_NOTFOUND;
    else if (sys == EXDEV || sys == ELOOP)
        e->code = FAIL_DENIED;
    return -1;
}

static int try_openat2(int dirfd, const char *path, int flags, mode_t mode, bool no_symlinks)
{
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
        .mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    int sys = failpoint_hit("fs.openat2");

    if (sys != 0) {
        errno = sys;
        return -1;
    }
    if (no_symlinks)
        how.resolve |= RESOLVE_NO_SYMLINKS;
    for (int i = 0;; i++) {
        long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof how);
        /* EAGAIN: a rename elsewhere raced with "..": openat2(2) asks to try again. */
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR) || i == 100)
            return (int)fd;
    }
}

/* The walk for kernels before 5.6: every component is opened without following, so nothing that is
 * swapped under us can lead outside; the folders on the way are kept for "..". */
struct walk {
    int stack[MAX_DEPTH]; /* [0] is the caller's */
    size_t depth;
    size_t links;
    char *todo; /* what is left, owned */
};

static void walk_done(struct walk *w)
{
    while (w->depth > 1)
        fd_close(&w->stack[--w->depth]);
    free(w->todo);
}

/* Replaces the component at the front by the target of the link `name`. errno on failure. */
static bool follow_link(struct walk *w, const char *name, const char *rest)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(w->stack[w->depth - 1], name, target, sizeof target - 1);

    if (n < 0)
        return false;
    target[n] = '\0';
    if (n == 0 || ++w->links > MAX_LINKS) {
        errno = ELOOP;
        return false;
    }
    if (target[0] == '/') {
        errno = EXDEV;
        return false;
    }
    char *todo = xasprintf("%s%s", target, rest);
    free(w->todo);
    w->todo = todo;
    return true;
}

/* Enters the folder `name`, or follows it when it is a link. */
static bool enter(struct walk *w, const char *name, const char *rest, bool no_symlinks)
{
    int at = w->stack[w->depth - 1];
    struct stat st;

    if (w->depth == MAX_DEPTH) {
        errno = ENAMETOOLONG;
        return false;
    }
    AUTO(auto_fd) int fd = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return false;
    if (S_ISLNK(st.st_mode)) {
        errno = ELOOP;
        return !no_symlinks && follow_link(w, name, rest);
    }
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return false;
    }
    w->stack[w->depth++] = fd_take(&fd);
    char *todo = xstrdup(rest);
    free(w->todo);
    w->todo = todo;
    return true;
}

/* The last component: O_NOFOLLOW, and once more through the target when it is a link to follow. */
static int open_last(struct walk *w, const char *name, int flags, mode_t mode, bool no_symlinks,
                     bool *again)
{
    int at = w->stack[w->depth - 1];
    struct stat st;
    bool excl = (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
    bool follow = !no_symlinks && (flags & O_NOFOLLOW) == 0 && !excl;

    *again = false;
    if (follow && fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode)) {
        *again = follow_link(w, name, "");
        return -1;
    }
    return openat(at, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
}

static bool go_up(struct walk *w, const char *rest)
{
    if (w->depth == 1) {
        errno = EXDEV;
        return false;
    }
    fd_close(&w->stack[--w->depth]);
    char *todo = xstrdup(rest);
    free(w->todo);
    w->todo = todo;
    return true;
}

static int walk_open(struct walk *w, int flags, mode_t mode, bool no_symlinks)
{
    for (;;) {
        char *name = w->todo + strspn(w->todo, "/");
        size_t n = strcspn(name, "/");
        char *rest = name + n;
        bool last = rest[strspn(rest, "/")] == '\0', again;
        struct sv part = {name, n};

        if (n == 0 || (last && (sv_is(part, ".") || sv_is(part, "..")))) {
            if (sv_is(part, "..") && !go_up(w, ""))
                return -1;
            return openat(w->stack[w->depth - 1], ".", flags | O_CLOEXEC, mode);
        }
        AUTO(auto_free) char *own = sv_dup(part);
        AUTO(auto_free) char *own_rest = xstrdup(rest);
        if (sv_is(part, ".")) {
            char *todo = xstrdup(rest);
            free(w->todo);
            w->todo = todo;
        } else if (sv_is(part, "..")) {
            if (!go_up(w, own_rest))
                return -1;
        } else if (!last || *rest == '/') {
            if (!enter(w, own, own_rest, no_symlinks))
                return -1;
        } else {
            int fd = open_last(w, own, flags, mode, no_symlinks, &again);
            if (!again)
                return fd;
        }
    }
}

int fs_open_beneath(int dirfd, const char *path, int flags, mode_t mode, bool no_symlinks, int *out,
                    struct err *e)
{
    int fd = try_openat2(dirfd, path, flags, mode, no_symlinks);

    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
        /* EPERM: old container seccomp lists answer so to calls that they do not know. */
        struct walk w = {.stack = {dirfd}, .depth = 1, .todo = xstrdup(path)};
        errno = EXDEV;
        fd = path[0] == '/' ? -1 : walk_open(&w, flags, mode, no_symlinks);
        if (path[0] == '\0') {
            fd_close(&fd);
            errno = ENOENT;
        }
        int sys = errno;
        walk_done(&w);
        errno = sys;
    }
    if (fd < 0)
        return open_failed(e, path);
    *out = fd;
    return 0;
}

/* Below a descriptor: component by component, never through a link. */
static int mkdir_below(int dirfd, const char *path, mode_t mode, struct err *e)
{
    AUTO(auto_fd) int at = -1;
    struct sv rest = sv_of(path), part;

    while (sv_next(&rest, '/', &part)) {
        if (part.n == 0 || sv_is(part, "."))
            continue;
        if (sv_is(part, ".."))
            return err_set(e, FAIL_DENIED, "cannot create folder '%s': it has '..' in it", path);
        AUTO(auto_free) char *name = sv_dup(part);
        int from = at >= 0 ? at : dirfd;
        if (mkdirat(from, name, mode) < 0 && errno != EEXIST)
            return err_sys(e, "cannot create folder '%s'", path);
        int next = openat(from, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0) {
            (void)err_sys(e, "cannot open folder '%s'", path);
            if (e->sys == ENOTDIR || e->sys == ELOOP)
                e->code = FAIL_DENIED;
            return -1;
        }
        fd_close(&at);
        at = next;
    }
    return 0;
}

int fs_mkdir_all(int dirfd, const char *path, mode_t mode, struct err *e)
{
    AUTO(auto_free) char *p = xstrdup(path);
    struct stat st;

    if (dirfd != AT_FDCWD && path[0] != '/')
        return mkdir_below(dirfd, path, mode, e);
    for (char *s = p + strspn(p, "/");; s++) {
        if (*s != '/' && *s != '\0')
            continue;
        char c = *s;
        *s = '\0';
        /* Read-only and unsearchable parents that exist answer EROFS or EACCES instead of EEXIST. */
        int sys = p[0] != '\0' && mkdir(p, mode) < 0 ? errno : 0;
        if (sys != 0 && sys != EEXIST && (stat(p, &st) < 0 || !S_ISDIR(st.st_mode))) {
            errno = sys;
            return err_sys(e, "cannot create folder '%s'", p);
        }
        *s = c;
        if (c == '\0')
            break;
    }
    if (stat(path, &st) < 0)
        return err_sys(e, "cannot stat folder '%s'", path);
    if (!S_ISDIR(st.st_mode))
        return err_set(e, FAIL_INPUT, "'%s' is not a folder", path);
    return 0;
}
