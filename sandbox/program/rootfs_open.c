/* SPDX-License-Identifier: Apache-2.0
 *
 * Detached clones of the host folders that a job sees. They are taken before anything is mounted, so that a folder
 * below /tmp is found although the job's root is built there. */
#include "sandbox/program/rootfs.h"

#include "base/fd.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* The default set (sandbox.md 3.5.1). Links among them are recreated, see rootfs_build. */
static const struct {
    const char *path;
    enum source_kind kind;
    bool needs_root; /* only of use to a job that can be root */
} host_set[] = {
    {"/usr", SOURCE_BIND, false},        {"/etc", SOURCE_LAYERED, false},
    {"/opt", SOURCE_LAYERED, false},     {"/bin", SOURCE_BIND, false},
    {"/sbin", SOURCE_BIND, false},       {"/lib", SOURCE_BIND, false},
    {"/lib32", SOURCE_BIND, false},      {"/lib64", SOURCE_BIND, false},
    {"/libx32", SOURCE_BIND, false},     {"/var/lib/dpkg", SOURCE_BIND, false},
    {"/var/lib/apt", SOURCE_BIND, true}, {"/var/cache/apt", SOURCE_BIND, true},
};

static int set_attr(int fd, uint64_t attr, int idmap, unsigned flags, const char *what,
                    struct err *e)
{
    struct mount_attr a = {.attr_set = attr};

    if (idmap >= 0) {
        a.attr_set |= MOUNT_ATTR_IDMAP;
        a.userns_fd = (unsigned)idmap;
    }
    if (mount_setattr(fd, "", AT_EMPTY_PATH | flags, &a, sizeof a) == 0)
        return 0;
    if (idmap >= 0 && (errno == EINVAL || errno == EPERM))
        return err_sys(e, "SBX-IDMAP: the file system of '%s' cannot be ID-mapped", what);
    return err_sys(e, "cannot set the mount flags of '%s'", what);
}

static int clone_at(int at, const char *path, uint64_t attr, int idmap, int *out, struct err *e)
{
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (path[0] == '\0' ? AT_EMPTY_PATH : 0U);
    AUTO(auto_fd) int fd = -1;
    unsigned recursive = 0;

    /* Without the mounts below where that is allowed; in a user namespace they are locked to their parent. */
    flags |= AT_SYMLINK_NOFOLLOW; /* every name is a folder's own: a link was put in its place */
    fd = open_tree(at, path, flags);
    if (fd < 0 && errno == EINVAL) {
        recursive = AT_RECURSIVE;
        fd = open_tree(at, path, flags | AT_RECURSIVE);
    }
    if (fd < 0)
        return err_sys(e, "cannot clone the mount of '%s'", path);
    if (set_attr(fd, attr, idmap, recursive, path, e) < 0)
        return -1;
    *out = fd_take(&fd);
    return recursive != 0;
}

static int add(struct rootfs *r, const char *path, const char *real, enum source_kind kind,
               uint64_t attr, int idmap, struct err *e)
{
    int fd = -1;
    int recursive;

    if (r->n == ROOTFS_MAX_SOURCES)
        return err_set(e, FAIL_LIMIT, "a job sees at most %d host folders", ROOTFS_MAX_SOURCES);
    recursive = clone_at(AT_FDCWD, real, attr, idmap, &fd, e);
    if (recursive < 0)
        return -1;
    /* An overlay cannot lie over a folder with locked mounts in it (a container's /etc/hosts). */
    if (recursive && kind == SOURCE_LAYERED)
        kind = SOURCE_BIND;
    r->sources[r->n++] = (struct source){.path = xstrdup(path), .fd = fd, .kind = kind};
    return 0;
}

static bool is_folder(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int add_host_dirs(struct rootfs *r, const struct plan *p, int idmap, struct err *e)
{
    for (size_t i = 0; i < p->host_dirs.n; i++) {
        const char *dir = p->host_dirs.v[i];
        AUTO(auto_free) char *real = realpath(dir, NULL);
        struct stat st;

        if (real != NULL && plan_check_host_dir(real, e) < 0)
            return err_wrap(e, "'%s'", dir);
        if (real == NULL || stat(real, &st) < 0)
            return err_sys(e, "cannot open the host folder '%s'", dir);
        if (strcmp(real, dir) != 0) /* in the job the same path may lead elsewhere, or nowhere */
            return err_set(e, FAIL_INPUT,
                           "the host folder '%s' lies behind a symbolic link; name it '%s'", dir,
                           real);
        if (!S_ISDIR(st.st_mode))
            return err_set(e, FAIL_INPUT, "the host folder '%s' is not a folder", dir);
        if (add(r, dir, real, SOURCE_BIND, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
                idmap, e) < 0)
            return -1;
    }
    return 0;
}

static int add_job_parts(struct rootfs *r, const struct plan *p, struct err *e)
{
    AUTO(auto_free) char *box = xasprintf("%s/box", p->job_dir);
    AUTO(auto_free) char *actions = xasprintf("%s/actions", p->job_dir);

    if (clone_at(AT_FDCWD, box, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, -1, &r->box, e) < 0 ||
        clone_at(AT_FDCWD, actions, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, -1,
                 &r->actions, e) < 0)
        return -1;
    if (p->network != SBX_NET_HOST)
        return 0;
    /* A new sysfs needs a network namespace of one's own. */
    return clone_at(AT_FDCWD, "/sys",
                    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
                    -1, &r->sys, e) < 0
               ? -1
               : 0;
}

int rootfs_open(struct rootfs *r, const struct plan *p, int idmap, struct err *e)
{
    bool root = p->level == SBX_FULL && p->allow_sudo;
    uint64_t attr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | (root ? 0U : MOUNT_ATTR_NOSUID);

    for (size_t i = 0; i < sizeof host_set / sizeof host_set[0]; i++) {
        if (!is_folder(host_set[i].path) || (host_set[i].needs_root && !root))
            continue;
        if (add(r, host_set[i].path, host_set[i].path, root ? SOURCE_LAYERED : host_set[i].kind,
                attr, idmap, e) < 0)
            return -1;
    }
    if (add_host_dirs(r, p, idmap, e) < 0)
        return -1;
    return add_job_parts(r, p, e);
}

void rootfs_done(struct rootfs *r)
{
    for (size_t i = 0; i < r->n; i++) {
        fd_close(&r->sources[i].fd);
        free(r->sources[i].path);
    }
    fd_close(&r->box);
    fd_close(&r->actions);
    fd_close(&r->sys);
    *r = ROOTFS_INIT;
}
