/* SPDX-License-Identifier: Apache-2.0
 *
 * What this host can do, found by doing it in a throw-away child (sandbox.md section 4): never by the version of the
 * kernel alone. Each reason is one line with a stable code and the remedy. */
#include "sandbox/program/build.h"
#include "sandbox/program/namespaces.h"
#include "sandbox/program/seccomp_profile.h"

#include "base/fd.h"
#include "base/fs.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* A small setting of the kernel; "" when it does not exist. */
static void read_setting(const char *path, char *dst, size_t n)
{
    AUTO(auto_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, dst, n - 1) : -1;

    dst[got > 0 ? got : 0] = '\0';
    dst[strcspn(dst, "\n")] = '\0';
}

static bool under_seccomp(void)
{
    char status[4096];

    AUTO(auto_fd) int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, status, sizeof status - 1) : -1;
    status[n > 0 ? n : 0] = '\0';
    return strstr(status, "\nSeccomp:\t2") != NULL;
}

/* Why the kernel gives no user namespace. */
static int explain_clone(int sys, struct err *e)
{
    char text[32];

    if (sys == ENOSPC || sys == EUSERS) {
        read_setting("/proc/sys/user/max_user_namespaces", text, sizeof text);
        return err_set(
            e, FAIL_UNSUPPORTED,
            "SBX-USERNS-ENOSPC: no more user namespaces (user.max_user_namespaces is %s); "
            "raise it with 'sysctl user.max_user_namespaces=16384'",
            text);
    }
    if (sys == EAGAIN)
        return err_set(e, FAIL_UNSUPPORTED,
                       "SBX-RLIMIT: cannot start a process: too many processes; end some, or raise "
                       "their limit (ulimit -u)");
    if (sys == EINVAL)
        return err_set(e, FAIL_UNSUPPORTED,
                       "SBX-USERNS-EINVAL: this kernel has no user namespaces; it needs "
                       "CONFIG_USER_NS");
    read_setting("/proc/sys/kernel/unprivileged_userns_clone", text, sizeof text);
    if (strcmp(text, "0") == 0)
        return err_set(e, FAIL_UNSUPPORTED,
                       "SBX-USERNS-EPERM: user namespaces are switched off; allow them with "
                       "'sysctl kernel.unprivileged_userns_clone=1', or start gantry as root");
    if (under_seccomp())
        return err_set(e, FAIL_UNSUPPORTED,
                       "SBX-USERNS-EPERM: a seccomp filter around gantry forbids user namespaces; "
                       "run the container with '--security-opt seccomp=unconfined'");
    return err_set(
        e, FAIL_UNSUPPORTED,
        "SBX-USERNS-EPERM: cannot create a user namespace (%s); is gantry in a chroot or "
        "a restricted unit (RestrictNamespaces=)?",
        strerrordesc_np(sys));
}

/* A user namespace was made, but is worth nothing. */
static int explain_inside(struct err *e)
{
    char text[32];

    read_setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", text, sizeof text);
    if ((e->sys == EPERM || e->sys == EACCES) && strcmp(text, "1") == 0)
        return err_set(
            e, FAIL_UNSUPPORTED,
            "SBX-USERNS-APPARMOR: AppArmor takes the capabilities of user namespaces away; "
            "install packaging/apparmor/gantry as /etc/apparmor.d/gantry, or start gantry as root");
    return -1;
}

/* ---- the throw-away child ---- */

static int try_mounts(struct err *e)
{
    static const char *const dirs[] = {"a", "b", "m", "p"};

    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, NULL) < 0 || chdir("/tmp") < 0)
        return err_sys(e, "cannot mount a tmpfs in a user namespace");
    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
        if (mkdir(dirs[i], 0755) < 0)
            return err_sys(e, "mkdir");
    if (mount("overlay", "m", "overlay", MS_NODEV | MS_RDONLY, "lowerdir=a:b,userxattr") < 0)
        return err_sys(e, "SBX-OVERLAY: cannot mount an overlay in a user namespace; it needs "
                          "Linux 5.11 or later with overlayfs");
    if (mount("proc", "p", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        return err_sys(e, "SBX-PROC: cannot mount a new /proc; in a container run it with "
                          "'--security-opt systempaths=unconfined'");
    return 0;
}

static int try_inner(struct err *e)
{
    pid_t pid = ns_fork(CLONE_NEWUSER | CLONE_NEWNS);

    if (pid == 0)
        _exit(0);
    if (pid < 0)
        return explain_clone(errno, e);
    return waitpid(pid, NULL, 0) == pid ? 0 : err_sys(e, "waitpid");
}

static _Noreturn void try_child(int go, int report)
{
    struct err e = {0};
    char byte;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (read(go, &byte, 1) != 1)
        _exit(1);
    if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
        (void)err_sys(&e, "cannot become root of a user namespace");
    else if (try_mounts(&e) == 0)
        (void)(try_inner(&e) == 0);
    wire_ignore(write(report, &e, sizeof e));
    _exit(0);
}

static int try_namespaces(const char *uids, const char *gids, bool deny, struct err *e)
{
    AUTO(auto_fd) int go_rd = -1;
    AUTO(auto_fd) int go_wr = -1;
    AUTO(auto_fd) int report_rd = -1;
    AUTO(auto_fd) int report_wr = -1;
    struct err got = {0};
    int pair[2];
    int r;
    pid_t pid;

    if (fd_pipe(pair, e) < 0)
        return -1;
    go_rd = pair[0];
    go_wr = pair[1];
    if (fd_pipe(pair, e) < 0)
        return -1;
    report_rd = pair[0];
    report_wr = pair[1];
    pid = ns_fork(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
                  CLONE_NEWNET);
    if (pid < 0)
        return explain_clone(errno, e);
    if (pid == 0) {
        fd_close(&go_wr);
        try_child(go_rd, report_wr);
    }
    fd_close(&report_wr);
    r = ns_write_maps(pid, uids, gids, deny, e);
    if (r == 0)
        r = fd_write_full(go_wr, "g", 1, e);
    fd_close(&go_wr);
    if (r == 0 && fd_read_full(report_rd, &got, sizeof got, e) != sizeof got)
        r = err_set(e, FAIL_UNSUPPORTED, "a process in new namespaces was killed");
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (r == 0 && got.code != FAIL_NONE) {
        *e = got;
        e->whole = 0; /* the other process has it */
        r = -1;
    }
    if (r < 0 && explain_inside(e) < 0)
        return -1;
    return r;
}

static int try_single(struct err *e)
{
    char uids[64];
    char gids[64];

    (void)snprintf(uids, sizeof uids, "0 %u 1\n", (unsigned)geteuid());
    (void)snprintf(gids, sizeof gids, "0 %u 1\n", (unsigned)getegid());
    return try_namespaces(uids, gids, true, e);
}

int host_idmap(struct host *h, uint32_t range, struct err *e)
{
    char map[64];
    int ns;

    if (h->idmap_range == range)
        return 0;
    (void)snprintf(map, sizeof map, "0 %u %u\n", range, RANGE_IDS);
    if (ns_for_map(map, map, &ns, e) < 0)
        return -1;
    if (h->idmap_range != 0)
        fd_close(&h->idmap);
    h->idmap = ns;
    h->idmap_range = range;
    return 0;
}

static int try_idmap(int ns, const char *path, struct err *e)
{
    AUTO(auto_fd) int tree = -1;
    struct mount_attr a = {.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_RDONLY};

    tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    a.userns_fd = (unsigned)ns;
    if (tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH, &a, sizeof a) < 0)
        return err_sys(e,
                       "SBX-IDMAP: the file system of '%s' cannot be ID-mapped; it must be ext4, "
                       "xfs or btrfs on Linux 5.19 or later",
                       path);
    return 0;
}

/* An upper folder needs user.* attributes (tmpfs: since 6.6; older kernels mount it and fail later with EIO), and
 * what a job installs must not push the host out of memory. */
#define UPPER_MEMORY_BYTES (UINT64_C(8) << 30)

static bool memory_can_hold_uppers(void)
{
    AUTO(auto_fd) int fd = memfd_create("gantry-probe", MFD_CLOEXEC); /* a tmpfs file */
    struct sysinfo i;

    return fd >= 0 && fsetxattr(fd, "user.gantry", "1", 1, 0) == 0 && sysinfo(&i) == 0 &&
           (uint64_t)i.totalram * i.mem_unit >= UPPER_MEMORY_BYTES;
}

static int try_full(struct host *h, struct err *e)
{
    AUTO(auto_fd) int lock = -1;
    uint32_t range;
    char map[96];

    if (geteuid() != 0)
        return err_set(e, FAIL_UNSUPPORTED, "level full needs gantry to be started as root");
    if (range_take(&range, &lock, e) < 0)
        return -1;
    if (host_idmap(h, range, e) < 0 || try_idmap(h->idmap, "/usr", e) < 0 ||
        try_idmap(h->idmap, "/etc", e) < 0)
        return -1;
    (void)snprintf(map, sizeof map, "0 %u 1\n1 %u %u\n", range + RANGE_IDS, range, RANGE_IDS);
    return try_namespaces(map, map, false, e);
}

static void note_missing(struct host *h, const struct err *e)
{
    char text[400];
    struct rlimit r;

    (void)snprintf(h->missing, sizeof h->missing, "%s", err_text(e, text, sizeof text));
    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_max < 4096)
        (void)snprintf(h->missing + strlen(h->missing), sizeof h->missing - strlen(h->missing),
                       "; SBX-RLIMIT: only %lu open files, raise it with 'ulimit -Hn 65536'",
                       (unsigned long)r.rlim_max);
}

void host_look(struct host *h)
{
    struct err full = {0};
    struct err single = {0};

    h->best = SBX_NONE;
    etc_read(&h->etc);
    seccomp_guard_compile(&h->guard);
    if (seccomp_profile_compile(&h->profile, &single) < 0) {
        note_missing(h, &single);
        return;
    }
    if (try_full(h, &full) == 0) {
        h->best = SBX_FULL;
        h->upper_in_memory = memory_can_hold_uppers();
        (void)snprintf(h->lacks, sizeof h->lacks, "cgroup");
        return;
    }
    if (try_single(&single) == 0) {
        h->best = SBX_SINGLE;
        host_groups(h->groups, sizeof h->groups);
        note_missing(h, &full);
        if (h->groups[0] != '\0')
            (void)snprintf(h->missing + strlen(h->missing), sizeof h->missing - strlen(h->missing),
                           "; SBX-GROUPS: gantry start refuses jobs of a user in the groups %s",
                           h->groups);
        (void)snprintf(h->lacks, sizeof h->lacks, "full,subid,cgroup");
        return;
    }
    note_missing(h, &single); /* the lower wall is the one to mend first */
}

void host_done(struct host *h)
{
    free(h->profile.filter);
    free(h->guard.filter);
    etc_done(&h->etc);
    if (h->idmap_range != 0)
        fd_close(&h->idmap);
    *h = (struct host){0};
}

int host_choose(struct host *h, struct plan *p, struct err *e)
{
    if (p->require == SBX_NONE) { /* --no-sandbox: asked for, so nothing more is built */
        p->level = SBX_NONE;
        h->used_none = true;
        if (p->network == SBX_NET_NONE)
            return err_set(e, FAIL_UNSUPPORTED,
                           "network 'none' needs a sandbox; leave out --no-sandbox or use "
                           "--network host");
        return 0;
    }
    p->level = h->best;
    p->upper_on_disk = !h->upper_in_memory || (p->off & SEAM_DISK);
    if (p->level < p->require)
        return err_set(
            e, FAIL_UNSUPPORTED,
            "this host can build a sandbox of level '%s' at most, and '%s' is required: %s",
            sbx_level_name(h->best), sbx_level_name(p->require), h->missing);
    if (p->level == SBX_SINGLE && h->groups[0] != '\0' && !p->keep_groups)
        return err_set(
            e, FAIL_UNSUPPORTED,
            "SBX-GROUPS: level 'single' cannot take the groups of its user away from a job, and "
            "these are too strong: %s; start gantry as root, or as a user without them",
            h->groups);
    return 0;
}
