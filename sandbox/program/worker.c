/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker is a child of the launcher and not of init: it lives outside of the job's namespaces, in a session
 * of its own, with its three sockets and nothing else. As root it becomes its slot's uid first. */
#include "sandbox/program/worker.h"

#include "sandbox/program/step.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Moves fds[i] to 3 + i. They are lifted first, so that none is overwritten before its turn. */
static int place(int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 16);
        if (fds[i] < 0)
            return -1;
    }
    for (size_t i = 0; i < n; i++)
        if (dup2(fds[i], 3 + (int)i) < 0)
            return -1;
    return 0;
}

static int drop_to(uint32_t uid)
{
    if (uid == (uint32_t)-1)
        return 0;
    return setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0
               ? -1
               : 0;
}

static _Noreturn void worker_child(const struct plan *p, const struct built *b, int program,
                                   int report, pid_t parent)
{
    char name[] = "gantry-worker";
    char *argv[] = {name, NULL};
    int fds[5] = {p->channel_fd, b->worker_end, b->actions_dir, program, report};
    int keep[5] = {3, 4, 5, 6, 7};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int tell = report;
    int sys;

    if (null < 0 || place(fds, 5) < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
        goto failed;
    tell = 7;
    (void)fcntl(6, F_SETFD, FD_CLOEXEC);
    (void)fcntl(7, F_SETFD, FD_CLOEXEC);
    child_begin(keep, 5);
    (void)setsid();
    if (drop_to(b->worker_uid) < 0)
        goto failed;
    /* After the change of ids, which clears it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        goto failed;
    (void)fexecve(6, argv, p->worker_env.v);
failed:
    sys = errno != 0 ? errno : EIO;
    wire_ignore(write(tell, &sys, sizeof sys)); /* nobody to tell if this fails */
    _exit(127);
}

int worker_start(const struct plan *p, struct built *b, pid_t *pid, struct err *e)
{
    AUTO(auto_fd) int program = open(p->worker_path, O_PATH | O_CLOEXEC);
    AUTO(auto_fd) int rd = -1;
    AUTO(auto_fd) int wr = -1;
    pid_t parent = getpid();
    int pipe[2];
    int sys = 0;
    ssize_t n;
    pid_t child;

    if (program < 0)
        return err_sys(e, "cannot open the worker '%s'", p->worker_path);
    if (fd_pipe(pipe, e) < 0)
        return -1;
    rd = pipe[0];
    wr = pipe[1];
    child = fork();
    if (child < 0)
        return err_sys(e, "cannot start the worker");
    if (child == 0)
        worker_child(p, b, program, wr, parent);
    fd_close(&wr);
    n = fd_read_full(rd, &sys, sizeof sys, e);
    if (n < 0 || n == sizeof sys) {
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
        if (n < 0)
            return -1;
        errno = sys;
        return err_sys(e, "cannot start the worker '%s'", p->worker_path);
    }
    fd_close(&b->worker_end);
    fd_close(&b->actions_dir);
    *pid = child;
    return 0;
}
