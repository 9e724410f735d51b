/* SPDX-License-Identifier: Apache-2.0
 *
 * Building the job's root in its own mount namespace and pivoting into it. All of it happens on a scratch tmpfs
 * over the old /tmp that goes away with the old root:
 *
 *   root/   the new root          e/, o/  layers over /etc and /opt
 *   j/      the job's box         l/N     lower layers        empty/  what masks a folder
 *   u/      the job's changes of the shown folders, where memory holds them
 *
 * Every name in it was chosen by us, so that plain relative paths are safe. */
#include "sandbox/program/rootfs.h"

#include "base/failpoint.h"
#include "base/fd.h"
#include "base/fs.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PRIVATE_FLAGS (MS_NOSUID | MS_NODEV)

/* The job's root (uid 0 in U2) as U1 sees it. */
static uint32_t root_of(const struct plan *p)
{
    return p->level == SBX_FULL ? 1 : 0;
}

/* The job's user likewise. */
static uint32_t user_of(const struct plan *p)
{
    return p->level == SBX_FULL ? 1 + SBX_STEP_UID : 0;
}

static int make_dir(const char *path, mode_t mode, const struct plan *p, struct err *e)
{
    uint32_t owner = root_of(p);

    if (mkdir(path, mode) < 0 && errno != EEXIST)
        return err_sys(e, "cannot make '%s' in the new root", path);
    if (owner != 0 && lchown(path, owner, owner) < 0)
        return err_sys(e, "cannot give '%s' to the job's root", path);
    return 0;
}

/* All folders of an absolute path below root/. */
static int make_path(const char *path, const struct plan *p, struct err *e)
{
    char full[PATH_MAX];
    int n = snprintf(full, sizeof full, "root%s", path);

    if (n < 0 || (size_t)n >= sizeof full)
        return err_set(e, FAIL_LIMIT, "the path '%s' is too long", path);
    for (char *s = full + 5; *s != '\0'; s++) {
        if (*s != '/')
            continue;
        *s = '\0';
        if (make_dir(full, 0755, p, e) < 0)
            return -1;
        *s = '/';
    }
    return make_dir(full, 0755, p, e);
}

static int mount_at(const char *type, const char *target, unsigned long flags, const char *data,
                    struct err *e)
{
    if (mount(type, target, type, flags, data) < 0)
        return err_sys(e, "cannot mount %s on '%s'", type, target);
    return 0;
}

static int mount_tmpfs(const char *target, unsigned long flags, const char *mode,
                       const struct plan *p, struct err *e)
{
    char data[128];
    uint32_t owner = root_of(p);

    (void)snprintf(data, sizeof data, "%s,uid=%u,gid=%u", mode, (unsigned)owner, (unsigned)owner);
    return mount_at("tmpfs", target, flags, data, e);
}

static int bind(const char *from, const char *to, struct err *e)
{
    if (mount(from, to, NULL, MS_BIND, NULL) < 0)
        return err_sys(e, "cannot bind '%s' to '%s'", from, to);
    return 0;
}

static int attach(int fd, const char *to, struct err *e)
{
    if (move_mount(fd, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return err_sys(e, "cannot attach a mount to '%s'", to);
    return 0;
}

static int start_scratch(const struct plan *p, struct rootfs *r, struct err *e)
{
    static const char *const dirs[] = {"root", "j", "l", "e", "o", "u", "empty"};

    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_sys(e, "cannot make the mounts private");
    if (mount_at("tmpfs", "/tmp", PRIVATE_FLAGS, "mode=700", e) < 0)
        return -1;
    if (chdir("/tmp") < 0)
        return err_sys(e, "cannot enter '/tmp'");
    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
        if (mkdir(dirs[i], 0755) < 0)
            return err_sys(e, "mkdir");
    if (mount_tmpfs("root", MS_NODEV, "mode=755", p, e) < 0 || attach(r->box, "j", e) < 0)
        return -1;
    if (p->upper_on_disk && mkdir("j/upper", 0700) < 0)
        return err_sys(e, "mkdir");
    if (!p->upper_on_disk && mount_at("tmpfs", "u", PRIVATE_FLAGS, "mode=700,size=50%", e) < 0)
        return -1;
    return mount_at("tmpfs", "empty", PRIVATE_FLAGS | MS_NOEXEC | MS_RDONLY,
                    "mode=555,size=4k,nr_inodes=2", e);
}

/* ---- folders of the host ---- */

/* The layer that lies over a host folder: files of our own in /etc, the place for tools in /opt. */
static const char *layer_of(const struct source *s)
{
    if (strcmp(s->path, "/etc") == 0)
        return "e:";
    if (strcmp(s->path, "/opt") == 0)
        return "o:";
    return "";
}

/* The job's own changes of a folder: in memory where there is much of it (mounting an overlay on a disk costs a
 * dozen journal entries), else on the disk of the job folder. The root folder of an overlay takes owner and mode
 * from the upper one. */
static int make_upper(const struct plan *p, size_t i, char *options, size_t n, struct err *e)
{
    const char *base = p->upper_on_disk ? "j/upper" : "u";
    char dir[64];

    for (int part = 0; part < 3; part++) {
        static const char *const parts[] = {"", "/u", "/w"};

        (void)snprintf(dir, sizeof dir, "%s/%zu%s", base, i, parts[part]);
        if (part == 1 ? make_dir(dir, 0755, p, e) < 0 : mkdir(dir, 0700) < 0)
            return part == 1 ? -1 : err_sys(e, "cannot make '%s'", dir);
    }
    (void)snprintf(options, n, ",upperdir=%s/%zu/u,workdir=%s/%zu/w,volatile", base, i, base, i);
    return 0;
}

static int mount_layered(struct source *s, const struct plan *p, size_t i, const char *target,
                         struct err *e)
{
    bool root = p->level == SBX_FULL && p->allow_sudo;
    char lower[32];
    char options[256];
    char upper[160] = "";
    unsigned long flags = MS_NODEV | (root ? 0U : MS_NOSUID | MS_RDONLY);

    (void)snprintf(lower, sizeof lower, "l/%zu", i);
    if (mkdir(lower, 0755) < 0)
        return err_sys(e, "mkdir");
    if (attach(s->fd, lower, e) < 0 || (root && make_upper(p, i, upper, sizeof upper, e) < 0))
        return -1;
    (void)snprintf(options, sizeof options, "lowerdir=%s%s,userxattr%s", layer_of(s), lower, upper);
    if (layer_of(s)[0] == '\0' && !root) /* an overlay of one layer is refused */
        return bind(lower, target, e);
    if (mount("overlay", target, "overlay", flags, options) < 0)
        return err_sys(e, "SBX-OVERLAY: cannot lay an overlay over '%s'", s->path);
    return 0;
}

/* Where /etc could not be layered: our files are bound over those that are there. */
static int bind_etc(const struct plan *p, const struct etc *t, struct err *e)
{
    AUTO(buf_free) struct buf own = BUF_INIT(4U << 20);
    struct etc_file files[ETC_FILES];
    struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY};
    size_t n = etc_files(t, p, &own, files);
    char from[64];
    char to[64];
    struct stat st;

    for (size_t i = 0; i < n; i++) {
        (void)snprintf(from, sizeof from, "e/%s", files[i].name);
        (void)snprintf(to, sizeof to, "root/etc/%s", files[i].name);
        if (lstat(to, &st) < 0 || !S_ISREG(st.st_mode))
            continue;
        if (bind(from, to, e) < 0)
            return -1;
        if (mount_setattr(AT_FDCWD, to, 0, &ro, sizeof ro) < 0)
            return err_sys(e, "cannot make '%s' read-only", to);
    }
    for (const char *const *name = etc_hidden; *name != NULL; name++) {
        (void)snprintf(to, sizeof to, "root/etc/%s", *name);
        if (lstat(to, &st) < 0)
            continue;
        if (bind(S_ISDIR(st.st_mode) ? "empty" : "/dev/null", to, e) < 0)
            return -1;
    }
    return 0;
}

static int show_sources(struct rootfs *r, const struct plan *p, const struct etc *t, struct err *e)
{
    AUTO(auto_fd) int layer = open("e", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (layer < 0)
        return err_sys(e, "open");
    if (etc_write_layer(layer, t, p, root_of(p), e) < 0 ||
        make_dir("o/hostedtoolcache", 0755, p, e) < 0)
        return -1;
    for (size_t i = 0; i < r->n; i++) {
        struct source *s = &r->sources[i];
        char target[PATH_MAX];

        (void)snprintf(target, sizeof target, "root%s", s->path);
        if (make_path(s->path, p, e) < 0)
            return -1;
        if (s->kind == SOURCE_LAYERED ? mount_layered(s, p, i, target, e) < 0
                                      : attach(s->fd, target, e) < 0)
            return err_wrap(e, "show the host folder '%s'", s->path);
        if (s->kind == SOURCE_BIND && strcmp(s->path, "/etc") == 0 && bind_etc(p, t, e) < 0)
            return -1;
    }
    return 0;
}

/* /bin -> usr/bin and the like. */
static int copy_links(const struct plan *p, struct err *e)
{
    static const char *const names[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};
    char path[32];
    char target[256];
    ssize_t n;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "/%s", names[i]);
        n = readlink(path, target, sizeof target - 1);
        if (n <= 0)
            continue;
        target[n] = '\0';
        (void)snprintf(path, sizeof path, "root/%s", names[i]);
        if (symlink(target, path) < 0 || lchown(path, root_of(p), root_of(p)) < 0)
            return err_sys(e, "cannot make the link '%s'", path);
    }
    return 0;
}

/* ---- what is private ---- */

static int bind_device(const char *name, struct err *e)
{
    char from[32];
    char to[32];
    int fd;

    (void)snprintf(from, sizeof from, "/dev/%s", name);
    (void)snprintf(to, sizeof to, "root/dev/%s", name);
    fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_sys(e, "cannot make '%s'", to);
    fd_close(&fd);
    return bind(from, to, e);
}

static int build_dev(const struct plan *p, struct err *e)
{
    static const char *const nodes[] = {"null", "zero", "full", "random", "urandom", "tty"};
    static const char *const links[][2] = {{"pts/ptmx", "root/dev/ptmx"},
                                           {"/proc/self/fd", "root/dev/fd"},
                                           {"/proc/self/fd/0", "root/dev/stdin"},
                                           {"/proc/self/fd/1", "root/dev/stdout"},
                                           {"/proc/self/fd/2", "root/dev/stderr"}};

    if (mount_tmpfs("root/dev", MS_NOSUID | MS_NOEXEC, "mode=755,size=65536k", p, e) < 0)
        return -1;
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
        if (bind_device(nodes[i], e) < 0)
            return -1;
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        if (symlink(links[i][0], links[i][1]) < 0)
            return err_sys(e, "cannot make '%s'", links[i][1]);
    if (make_dir("root/dev/pts", 0755, p, e) < 0 || make_dir("root/dev/shm", 0755, p, e) < 0 ||
        make_dir("root/dev/mqueue", 0755, p, e) < 0)
        return -1;
    if (mount_at("devpts", "root/dev/pts", MS_NOSUID | MS_NOEXEC,
                 p->level == SBX_FULL ? "newinstance,ptmxmode=0666,mode=0620,gid=6"
                                      : "newinstance,ptmxmode=0666,mode=0620",
                 e) < 0)
        return -1;
    if (mount_at("mqueue", "root/dev/mqueue", PRIVATE_FLAGS | MS_NOEXEC, NULL, e) < 0)
        return -1;
    return mount_tmpfs("root/dev/shm", PRIVATE_FLAGS | MS_NOEXEC, "mode=1777,size=1g", p, e);
}

static int build_sys(struct rootfs *r, const struct plan *p, struct err *e)
{
    if (make_dir("root/sys", 0755, p, e) < 0)
        return -1;
    if (r->sys >= 0)
        return attach(r->sys, "root/sys", e);
    return mount_at("sysfs", "root/sys", PRIVATE_FLAGS | MS_NOEXEC | MS_RDONLY, NULL, e);
}

static int build_writable(const struct plan *p, struct err *e)
{
    static const struct {
        const char *path;
        mode_t mode;
    } dirs[] = {{"root/tmp", 0755},
                {"root/run", 0755},
                {"root/root", 0700},
                {"root/home", 0755},
                {"root/home/runner", 0755},
                {"root/mnt", 0755},
                {"root/srv", 0755},
                {"root/var", 0755},
                {"root/var/lib", 0755},
                {"root/var/cache", 0755},
                {"root/var/log", 0755},
                {"root/opt", 0755},
                {"root/opt/hostedtoolcache", 0755}};

    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
        if (mkdir(dirs[i].path, dirs[i].mode) == 0 &&
            (chmod(dirs[i].path, dirs[i].mode) < 0 ||
             lchown(dirs[i].path, root_of(p), root_of(p)) < 0))
            return err_sys(e, "cannot make '%s'", dirs[i].path);
    if (symlink("/run", "root/var/run") < 0 || symlink("/run/lock", "root/var/lock") < 0 ||
        symlink("/tmp", "root/var/tmp") < 0)
        return err_sys(e, "symlink");
    if (mount_tmpfs("root/tmp", PRIVATE_FLAGS, "mode=1777,size=50%", p, e) < 0 ||
        mount_tmpfs("root/run", PRIVATE_FLAGS, "mode=755,size=256m", p, e) < 0 ||
        make_dir("root/run/lock", 01777, p, e) < 0 || make_dir("root" SBX_MEMORY, 0755, p, e) < 0)
        return -1;
    if (chmod("root/run/lock", 01777) < 0)
        return err_sys(e, "chmod");
    if (lchown("root" SBX_MEMORY, user_of(p), user_of(p)) < 0)
        return err_sys(e, "cannot give '" SBX_MEMORY "' to the job's user");
    return 0;
}

static int build_home(struct rootfs *r, struct err *e)
{
    if (bind("j/home", "root" SBX_HOME, e) < 0 || bind("j/tools", "root" SBX_TOOLS, e) < 0)
        return -1;
    return attach(r->actions, "root" SBX_ACTIONS, e);
}

/* At level single the job's user owns what U1 made: nobody needs to write there any more. */
static int close_root(const struct plan *p, struct err *e)
{
    struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY};

    if (p->level == SBX_FULL)
        return 0;
    if (mount_setattr(AT_FDCWD, "root", 0, &ro, sizeof ro) < 0 ||
        mount_setattr(AT_FDCWD, "root/dev", 0, &ro, sizeof ro) < 0)
        return err_sys(e, "cannot make the root read-only");
    return 0;
}

/* ---- masks ---- */

static const char *const read_only[] = {"root/proc/bus", "root/proc/fs", "root/proc/irq",
                                        "root/proc/sys", "root/proc/sysrq-trigger"};

/* moby's list, and what sandbox.md 3.5.5 adds to it. */
static const char *const masked[] = {
    "root/proc/acpi",           "root/proc/asound",
    "root/proc/interrupts",     "root/proc/kcore",
    "root/proc/keys",           "root/proc/latency_stats",
    "root/proc/sched_debug",    "root/proc/scsi",
    "root/proc/timer_list",     "root/proc/timer_stats",
    "root/proc/kallsyms",       "root/proc/kmsg",
    "root/sys/firmware",        "root/sys/devices/virtual/powercap",
    "root/sys/kernel/security", "root/sys/kernel/debug",
    "root/sys/kernel/tracing",  "root/sys/kernel/boot_params",
    "root/sys/fs/bpf",          "root/sys/fs/cgroup",
};

static int mask(const char *path, struct err *e)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT || errno == EACCES ? 0 : err_sys(e, "cannot stat '%s'", path);
    return bind(S_ISDIR(st.st_mode) ? "empty" : "root/dev/null", path, e);
}

static int mask_thermal(struct err *e)
{
    char path[96];
    struct stat st;
    int r = 0;

    for (unsigned cpu = 0; r == 0 && cpu < 4096; cpu++) {
        (void)snprintf(path, sizeof path, "root/sys/devices/system/cpu/cpu%u/thermal_throttle",
                       cpu);
        if (lstat(path, &st) < 0)
            break; /* on most hosts the first is missing already */
        r = mask(path, e);
    }
    return r;
}

static int build_masks(struct err *e)
{
    struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                        MOUNT_ATTR_NOEXEC};
    struct stat st;

    for (size_t i = 0; i < sizeof masked / sizeof masked[0]; i++)
        if (mask(masked[i], e) < 0)
            return -1;
    if (mask_thermal(e) < 0)
        return -1;
    for (size_t i = 0; i < sizeof read_only / sizeof read_only[0]; i++) {
        if (lstat(read_only[i], &st) < 0)
            continue;
        if (bind(read_only[i], read_only[i], e) < 0)
            return -1;
        if (mount_setattr(AT_FDCWD, read_only[i], 0, &ro, sizeof ro) < 0)
            return err_sys(e, "cannot make '%s' read-only", read_only[i]);
    }
    return 0;
}

#ifdef GANTRY_SEAMS
/* A test build without this wall: the host's /tmp and /run are the job's. */
static int leave_open(int old_tmp, struct err *e)
{
    if (attach(old_tmp, "root/tmp", e) < 0)
        return -1;
    return mount("/run", "root/run", NULL, MS_BIND | MS_REC, NULL) < 0 ? err_sys(e, "bind") : 0;
}
#endif

static int pivot(struct err *e)
{
    if (chdir("root") < 0)
        return err_sys(e, "chdir");
    if (syscall(SYS_pivot_root, ".", ".") < 0)
        return err_sys(e, "SBX-PIVOT: cannot pivot into the job's root");
    if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return err_sys(e, "SBX-PIVOT: cannot detach the old root");
    return 0;
}

static int build_proc(const struct plan *p, struct err *e)
{
    if (make_dir("root/proc", 0755, p, e) < 0)
        return -1;
    if (mount("proc", "root/proc", "proc", PRIVATE_FLAGS | MS_NOEXEC, NULL) < 0)
        return err_sys(e, "SBX-PROC: cannot mount a new /proc; in a container run it with "
                          "'systempaths=unconfined'");
    return 0;
}

int rootfs_build(struct rootfs *r, const struct plan *p, const struct etc *t, struct err *e)
{
#ifdef GANTRY_SEAMS
    AUTO(auto_fd) int old_tmp = -1;
    if (p->off & WALL_MOUNTS)
        old_tmp = open_tree(AT_FDCWD, "/tmp", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
#endif
    if (start_scratch(p, r, e) < 0 || copy_links(p, e) < 0)
        return -1;
    if (make_dir("root/dev", 0755, p, e) < 0 || build_proc(p, e) < 0 || build_sys(r, p, e) < 0 ||
        build_dev(p, e) < 0)
        return -1;
    errno = failpoint_hit("sandbox.mounts");
    if (errno != 0)
        return err_sys(e, "build the root of the job");
    /* /tmp, /run and the like before the host folders: one of those may lie below /tmp. */
    if (build_writable(p, e) < 0 || show_sources(r, p, t, e) < 0 || build_home(r, e) < 0 ||
        close_root(p, e) < 0)
        return -1;
#ifdef GANTRY_SEAMS
    if (p->off & WALL_MOUNTS)
        return leave_open(old_tmp, e) < 0 ? -1 : pivot(e);
#endif
    return build_masks(e) < 0 ? -1 : pivot(e);
}
