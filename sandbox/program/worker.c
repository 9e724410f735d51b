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

static _Noreturn void program_child(const struct program *p, int image, int report, pid_t parent)
{
    char name[] = "gantry-worker";
    char word[] = WIRE_SPARE_WORD;
    char *argv[] = {name, p->word != NULL ? word : NULL, NULL};
    int fds[PROGRAM_FDS + 2];
    int keep[PROGRAM_FDS + 2];
    size_t n = p->n_fds;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int tell = report;
    int sys;

    for (size_t i = 0; i < n; i++)
        fds[i] = p->fds[i];
    fds[n] = image;
    fds[n + 1] = report;
    for (size_t i = 0; i < n + 2; i++)
        keep[i] = 3 + (int)i;
    if (null < 0 || place(fds, n + 2) < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
        goto failed;
    image = keep[n];
    tell = keep[n + 1];
    (void)fcntl(image, F_SETFD, FD_CLOEXEC);
    (void)fcntl(tell, F_SETFD, FD_CLOEXEC);
    child_begin(keep, n + 2);
    (void)setsid();
    if (drop_to(p->uid) < 0)
        goto failed;
    /* After the change of ids, which clears it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        goto failed;
    (void)fexecve(image, argv, p->env);
failed:
    sys = errno != 0 ? errno : EIO;
    wire_ignore(write(tell, &sys, sizeof sys)); /* nobody to tell if this fails */
    _exit(127);
}

int program_start(const struct program *p, pid_t *pid, struct err *e)
{
    AUTO(auto_fd) int image = open(p->path, O_PATH | O_CLOEXEC);
    AUTO(auto_fd) int rd = -1;
    AUTO(auto_fd) int wr = -1;
    pid_t parent = getpid();
    int pipe[2];
    int sys = 0;
    ssize_t n;
    pid_t child;

    if (image < 0)
        return err_sys(e, "cannot open the worker '%s'", p->path);
    if (fd_pipe(pipe, e) < 0)
        return -1;
    rd = pipe[0];
    wr = pipe[1];
    child = fork();
    if (child < 0)
        return err_sys(e, "cannot start the worker");
    if (child == 0)
        program_child(p, image, wr, parent);
    fd_close(&wr);
    n = fd_read_full(rd, &sys, sizeof sys, e);
    if (n < 0 || n == sizeof sys) {
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
        if (n < 0)
            return -1;
        errno = sys;
        return err_sys(e, "cannot start the worker '%s'", p->path);
    }
    *pid = child;
    return 0;
}

int worker_start(const struct plan *p, struct built *b, pid_t *pid, struct err *e)
{
    const struct program w = {.path = p->worker_path,
                              .env = p->worker_env.v,
                              .uid = b->worker_uid,
                              .fds = {p->channel_fd, b->worker_end, b->actions_dir},
                              .n_fds = PROGRAM_FDS};

    if (program_start(&w, pid, e) < 0)
        return -1;
    fd_close(&b->worker_end);
    fd_close(&b->actions_dir);
    return 0;
}
