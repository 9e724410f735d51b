/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs as pid 1 of the job, as root of U1, before any job code exists. A failure goes to the launcher as one record;
 * the process ends and with it everything that was built. */
#include "sandbox/program/setup.h"

#include "sandbox/program/init.h"
#include "sandbox/program/namespaces.h"
#include "sandbox/program/step.h"

#include "base/failpoint.h"
#include "base/fd.h"
#include "base/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

unsigned long setup_clone_flags(const struct plan *p)
{
    unsigned long flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;

    return p->network == SBX_NET_NONE ? flags | CLONE_NEWNET : flags;
}

/* Dies with the launcher, which has one thread. Cleared by a change of ids. getppid() is 0 in a new PID namespace:
 * a launcher that died before the call shows as a closed socket in init's loop. */
static void die_with_launcher(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static int become_root(const struct setup *s, struct err *e)
{
    /* Without it the process keeps the overflow ids, and mounts fail. */
    if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
        return err_sys(e, "become root of the job's user namespace");
    if (s->plan->level == SBX_FULL && setgroups(0, NULL) < 0)
        return err_sys(e, "setgroups");
    die_with_launcher();
    /* The change of ids made us undumpable; maps of our own child must be written still. */
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
        return err_sys(e, "set dumpable");
    return 0;
}

static int loopback_up(struct err *e)
{
    AUTO(auto_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq r = {.ifr_name = "lo"};

    if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &r) < 0)
        return err_sys(e, "SBX-NETNS: cannot look at the loopback device");
    r.ifr_flags = (short)(r.ifr_flags | IFF_UP);
    if (ioctl(fd, SIOCSIFFLAGS, &r) < 0)
        return err_sys(e, "SBX-USERNS-APPARMOR: cannot bring the loopback device up; allow user "
                          "namespaces for gantry-sandbox in AppArmor");
    return 0;
}

/* Settings of our own namespaces: /proc/sys/net and /proc/sys/user act on the writer's. One that cannot be written
 * (a container's read-only /proc/sys) costs the job a convenience, not a wall. */
static void set_sysctl(const char *path, const char *value)
{
    AUTO(auto_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd >= 0)
        wire_ignore(write(fd, value, strlen(value)));
}

static int private_names(const struct setup *s, struct err *e)
{
    const struct plan *p = s->plan;

    /* Not one of the runner's keys. ENOSYS, EPERM: a kernel or container without keyrings has none to show. */
    (void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
    if (sethostname(p->hostname, strlen(p->hostname)) < 0)
        return err_sys(e, "cannot set the host name");
    if (p->network == SBX_NET_NONE) {
        if (loopback_up(e) < 0)
            return -1;
        set_sysctl("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
        set_sysctl("/proc/sys/net/ipv4/ping_group_range", p->level == SBX_FULL ? "0 65535" : "0 0");
    }
    /* U2 and nothing below it; seccomp refuses the calls besides. */
    set_sysctl("/proc/sys/user/max_user_namespaces", "1");
    set_sysctl("/proc/self/oom_score_adj", "500"); /* steps go before the runner does */
    return 0;
}

/* Nothing of the host stays open. A test build keeps standard error, for the sanitizers. */
static int drop_stdio(struct err *e)
{
    AUTO(auto_fd) int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
        return err_sys(e, "cannot open '/dev/null'");
#ifndef GANTRY_SEAMS
    if (dup2(null, 2) < 0)
        return err_sys(e, "dup2");
#endif
    return 0;
}

static int set_up(struct setup *s, struct err *e)
{
    char byte;

    die_with_launcher();
    if (read(s->go, &byte, 1) != 1)
        _exit(1); /* the launcher gave up, and knows why */
    if (become_root(s, e) < 0 || private_names(s, e) < 0)
        return -1;
    errno = failpoint_hit("sandbox.setup");
    if (errno != 0)
        return err_sys(e, "set up the job");
    if (s->plan->level != SBX_FULL && rootfs_open(s->rootfs, s->plan, -1, e) < 0)
        return -1;
    if (rootfs_build(s->rootfs, s->plan, s->etc, e) < 0)
        return -1;
    if (drop_stdio(e) < 0 || step_inner(s->box, &s->starter, e) < 0)
        return -1;
    /* Now that the inner maps are written. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return err_sys(e, "set undumpable");
    return 0;
}

void setup_child(struct setup *s)
{
    struct err e = {0};
    struct ipc_out o;
    int keep[7];

    (void)setsid();
    if (set_up(s, &e) < 0) {
        (void)err_wrap(&e, "SBX-SETUP: set up the sandbox (level %s)",
                       sbx_level_name(s->plan->level));
        ipc_begin(&o, WIRE_BROKEN, 0);
        wire_put_err(&o, &e);
        wire_tell(s->launcher, &o);
        _exit(1);
    }
    keep[0] = s->worker;
    keep[1] = s->launcher;
    keep[2] = s->box->source_fd;
    keep[3] = s->box->user_ns;
    keep[4] = s->box->mount_ns;
    keep[5] = s->starter.sock;
    keep[6] = s->box->lock_fd;
    child_begin(keep, 7);
    init_run(s->box, &s->starter, s->worker, s->launcher);
}
