/* SPDX-License-Identifier: Apache-2.0
 *
 * A spare worker: started and linked before there is a job. It looks at nothing but its socket to the launcher, holds
 * nothing of any job, and makes a child for each. */
#include "sandbox/wire.h"

#include "base/fd.h"
#include "base/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_GET_TID_ADDRESS
#    define PR_GET_TID_ADDRESS 40
#endif

bool sbx_is_spare(int argc, char *const *argv)
{
    return argc == 2 && strcmp(argv[1], WIRE_SPARE_WORD) == 0;
}

/* fork() but for CLONE_PARENT: the child is the launcher's, which waits for it as for any worker. As fork() does, the
 * kernel is told where the C library keeps the thread's number; without that abort() would signal somebody else. */
static pid_t fork_beside(void)
{
    int *tid = NULL;
    struct clone_args a = {.flags = CLONE_PARENT | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID};

    if (prctl(PR_GET_TID_ADDRESS, &tid, 0, 0, 0) < 0)
        return -1;
    if (tid == NULL || *tid != (int)syscall(SYS_gettid)) {
        errno = ENOTSUP;
        return -1;
    }
    a.child_tid = (uintptr_t)tid;
    return (pid_t)syscall(SYS_clone3, &a, sizeof a);
}

/* In the child: descriptors, session and death signal of a worker that was started afresh. */
static int become_worker(struct ipc_in *in, pid_t launcher, struct err *e)
{
    int fds[3];

    for (size_t i = 0; i < 3; i++) {
        AUTO(auto_fd) int low = ipc_take_fd(in, i);
        fds[i] = fcntl(low, F_DUPFD_CLOEXEC, 16); /* out of the way of 3 to 5 */
        if (fds[i] < 0)
            return err_sys(e, "cannot duplicate a descriptor");
    }
    for (int i = 0; i < 3; i++)
        if (dup2(fds[i], WIRE_CHANNEL_FD + i) < 0)
            return err_sys(e, "cannot place a descriptor");
    fd_close_from(WIRE_ACTIONS_FD + 1, NULL, 0);
    (void)setsid();
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return err_sys(e, "cannot set the death signal");
    if (getppid() != launcher)
        return err_set(e, FAIL_CANCELED, "the launcher went away");
    return 0;
}

int sbx_spare_serve(struct err *e)
{
    pid_t launcher = getppid();

    for (;;) {
        AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
        struct ipc_out o;
        int r = ipc_recv(WIRE_SPARE_FD, &in, e);
        if (r == 0)
            return 1;
        if (r < 0)
            return -1;
        if (in.type != WIRE_FORK || in.n_fds != 3)
            return err_set(e, FAIL_PROTO, "unexpected record %u from the launcher",
                           (unsigned)in.type);
        pid_t pid = fork_beside();
        if (pid == 0)
            return become_worker(&in, launcher, e);
        ipc_begin(&o, WIRE_FORKED, 0);
        if (pid < 0)
            ipc_put_u64(&o, TAG_ERR_SYS, (uint64_t)errno);
        else
            ipc_put_u64(&o, TAG_PID, (uint64_t)pid);
        if (ipc_send(WIRE_SPARE_FD, &o, e) < 0)
            return -1;
    }
}
