/* SPDX-License-Identifier: Apache-2.0
 *
 * Order as in sandbox.md 3.10: namespaces, rlimits, bounding set, ambient set, seccomp profile, guard, and last
 * the ids, whose change drops the remaining capabilities. */
#include "sandbox/program/confine.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* moby's fourteen (daemon/pkg/oci/caps/defaults.go), sandbox.md 3.10. */
#define CAP_BIT(c) (UINT64_C(1) << (c))
static const uint64_t kept_caps =
    CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_FSETID) | CAP_BIT(CAP_FOWNER) |
    CAP_BIT(CAP_MKNOD) | CAP_BIT(CAP_NET_RAW) | CAP_BIT(CAP_SETGID) | CAP_BIT(CAP_SETUID) |
    CAP_BIT(CAP_SETFCAP) | CAP_BIT(CAP_SETPCAP) | CAP_BIT(CAP_NET_BIND_SERVICE) |
    CAP_BIT(CAP_SYS_CHROOT) | CAP_BIT(CAP_KILL) | CAP_BIT(CAP_AUDIT_WRITE);

static int limit(int what, rlim_t soft, rlim_t hard, struct err *e)
{
    struct rlimit r;

    if (getrlimit((__rlimit_resource_t)what, &r) < 0)
        return err_sys(e, "getrlimit %d", what);
    /* Clamp to what we have: raising a hard limit needs a privilege of the host. */
    if (hard > r.rlim_max)
        hard = r.rlim_max;
    if (soft > hard)
        soft = hard;
    r = (struct rlimit){.rlim_cur = soft, .rlim_max = hard};
    if (setrlimit((__rlimit_resource_t)what, &r) < 0)
        return err_sys(e, "setrlimit %d", what);
    return 0;
}

static int set_limits(const struct box *b, struct err *e)
{
    if (limit(RLIMIT_NOFILE, 65536, 1048576, e) < 0 || limit(RLIMIT_CORE, 0, 0, e) < 0)
        return -1;
    if (b->level == SBX_NONE)
        return 0; /* NPROC counts all processes of the user's login there */
    if (limit(RLIMIT_NPROC, b->max_processes, b->max_processes, e) < 0 ||
        limit(RLIMIT_RTPRIO, 0, 0, e) < 0 || limit(RLIMIT_NICE, 0, 0, e) < 0)
        return -1;
    return 0;
}

static int set_caps(uint64_t permitted, struct err *e)
{
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct d[2] = {
        {.effective = (uint32_t)permitted, .permitted = (uint32_t)permitted},
        {.effective = (uint32_t)(permitted >> 32), .permitted = (uint32_t)(permitted >> 32)},
    };

    if (syscall(SYS_capset, &h, d) < 0)
        return err_sys(e, "capset");
    return 0;
}

static int cut_bounding_set(uint64_t keep, struct err *e)
{
    for (int cap = 0; cap < 64; cap++) {
        if (keep & CAP_BIT(cap))
            continue;
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
            if (errno == EINVAL) /* above the kernel's last one */
                break;
            return err_sys(e, "drop capability %d from the bounding set", cap);
        }
    }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        return err_sys(e, "clear the ambient capabilities");
    return 0;
}

static int load_filter(const struct sock_fprog *f, struct err *e)
{
    if (f == NULL)
        return 0;
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, f) == 0)
        return 0;
    /* SBX-SECCOMP, sandbox.md section 4. */
    return err_sys(e, "SBX-SECCOMP: cannot load the seccomp filter");
}

int confine_early(const struct box *b, struct err *e)
{
    if (set_limits(b, e) < 0)
        return -1;
    if (b->level == SBX_NONE)
        return 0;
    if (b->user_ns >= 0 && setns(b->user_ns, CLONE_NEWUSER) < 0)
        return err_sys(e, "join the inner user namespace");
    if (b->mount_ns >= 0 && setns(b->mount_ns, CLONE_NEWNS) < 0)
        return err_sys(e, "join the job's mount namespace");
    if (b->walls_off &
        WALL_USERNS2) /* a test build: the job is root of U1, as with one namespace */
        return load_filter(b->profile, e) < 0 || load_filter(b->guard, e) < 0 ? -1 : 0;
    if (cut_bounding_set(b->no_new_privs ? 0 : kept_caps, e) < 0)
        return -1;
    if (b->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_sys(e, "set no_new_privs");
    /* Profile first: of two filters with equal actions the newest decides (sandbox.md 3.9.2). */
    if (load_filter(b->profile, e) < 0 || load_filter(b->guard, e) < 0)
        return -1;
    return 0;
}

int confine_ids(const struct box *b, bool as_root, struct err *e)
{
    uid_t id = as_root ? 0 : b->step_uid;

    if (b->level == SBX_NONE || (b->walls_off & WALL_USERNS2))
        return 0;
    if (b->level == SBX_FULL) {
        if (setgroups(0, NULL) < 0)
            return err_sys(e, "setgroups");
        if (setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0)
            return err_sys(e, "become uid %u of the job", (unsigned)id);
    }
    return set_caps(as_root ? kept_caps : 0, e);
}
