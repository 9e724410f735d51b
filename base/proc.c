/* SPDX-License-Identifier: Apache-2.0
 *
 * Children: fork, prepare, execve; a failure before or in execve comes back over a close-on-exec pipe. */
#include "base/proc.h"

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum stage {
    STAGE_PARENT,
    STAGE_SESSION,
    STAGE_STDIO,
    STAGE_CLOSE,
    STAGE_KEEP,
    STAGE_CWD,
    STAGE_EXEC
};
static const char *const stage_text[] = {
    [STAGE_PARENT] = "tie child to its parent for",
    [STAGE_SESSION] = "start a session for",
    [STAGE_STDIO] = "set up standard streams of",
    [STAGE_CLOSE] = "close descriptors for",
    [STAGE_KEEP] = "pass descriptors to",
    [STAGE_CWD] = "enter the folder for",
    [STAGE_EXEC] = "execute",
};
struct report {
    int stage;
    int sys;
};

static int too_many(const char *path, struct err *e)
{
    (void)err_set(e, FAIL_SYS,
                  "cannot fork for '%s': too many processes; end some, or raise their limit "
                  "(ulimit -u)",
                  path);
    e->sys = EAGAIN;
    return -1;
}

static _Noreturn void child_die(int wr, enum stage stage)
{
    struct report r = {(int)stage, errno};

    /* One write below PIPE_BUF: whole or not at all. Nobody can be told if it fails. */
    ssize_t ignored = write(wr, &r, sizeof r);
    (void)ignored;
    _exit(127);
}

/* Marks everything from 3 on close-on-exec. Only async-signal-safe calls. */
static bool cloexec_all(void)
{
    if (syscall(SYS_close_range, 3U, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0)
        return true;
    if (errno != ENOSYS && errno != EINVAL && errno != EPERM)
        return false;
    /* Kernels before 5.11, or an old seccomp list: number by number. */
    struct rlimit lim;
    if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
        return false;
    int max = lim.rlim_cur > 1048576 ? 1048576 : (int)lim.rlim_cur;
    for (int fd = 3; fd < max; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (flags >= 0 && fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0)
            return false;
    }
    return true;
}

/* Between fork() and execve(): async-signal-safe calls only. No malloc, no stdio, no logging, no locks;
 * everything was prepared by the parent. */
static _Noreturn void child_exec(const struct proc_spec *s, const int stdio[3], int wr,
                                 pid_t parent)
{
    static char *const no_env[] = {NULL};
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int sig = 1; sig < NSIG; sig++)
        (void)sigaction(sig, &dfl, NULL); /* SIG_IGN (SIGPIPE!) would survive execve() */
    if (s->die_with_parent) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
            child_die(wr, STAGE_PARENT);
        if (getppid() != parent) /* parent died before prctl() took effect */
            _exit(127);
    }
    if (s->new_session && setsid() < 0)
        child_die(wr, STAGE_SESSION);
    for (int i = 0; i < 3; i++)
        if (dup2(stdio[i], i) < 0) /* clears FD_CLOEXEC, since stdio[i] > 2 */
            child_die(wr, STAGE_STDIO);
    if (!cloexec_all())
        child_die(wr, STAGE_CLOSE);
    for (size_t i = 0; i < s->n_keep; i++)
        if (fcntl(s->keep[i], F_SETFD, 0) < 0)
            child_die(wr, STAGE_KEEP);
    if (s->cwd_fd >= 0 && fchdir(s->cwd_fd) < 0)
        child_die(wr, STAGE_CWD);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL); /* the mask also survives execve() */
    execve(s->path, s->argv, s->envp != NULL ? s->envp : no_env);
    child_die(wr, STAGE_EXEC);
}

/* Copies of the three sources above the numbers that they will take: dup2(n, n) would keep CLOEXEC. */
static int lift_stdio(const struct proc_spec *s, int out[3], struct err *e)
{
    AUTO(auto_fd) int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null_fd < 0)
        return err_sys(e, "cannot open '/dev/null'");
    for (int i = 0; i < 3; i++) {
        out[i] = fcntl(s->stdio[i] >= 0 ? s->stdio[i] : null_fd, F_DUPFD_CLOEXEC, 10);
        if (out[i] < 0)
            return err_sys(e, "cannot duplicate descriptor %d", s->stdio[i]);
    }
    return 0;
}

static pid_t fork_blocked(const struct proc_spec *s, const int stdio[3], int wr)
{
    pid_t parent = getpid();
    sigset_t all, old;

    /* No handler may run in the child before its dispositions are reset. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    pid_t pid = fork();
    if (pid == 0)
        child_exec(s, stdio, wr, parent);
    int sys = errno;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = sys;
    return pid;
}

/* What the child says: nothing = execve() worked. */
static int read_report(int rd, const struct proc_spec *s, struct err *e)
{
    struct report r;
    ssize_t n = fd_read_full(rd, &r, sizeof r, e);

    if (n == 0)
        return 0;
    if (n < 0)
        return -1;
    if ((size_t)n != sizeof r || r.stage < 0 || r.stage > STAGE_EXEC)
        return err_set(e, FAIL_INTERNAL, "child of '%s' sent a broken report", s->path);
    errno = r.sys;
    (void)err_sys(e, "cannot %s '%s'", stage_text[r.stage], s->path);
    if (r.stage == STAGE_EXEC && r.sys == ENOENT)
        e->code = FAIL_NOTFOUND;
    return -1;
}

static int spawn_with(const struct proc_spec *s, const int stdio[3], struct proc *out,
                      struct err *e)
{
    int p[2];

    if (fd_pipe(p, e) < 0)
        return -1;
    AUTO(auto_fd) int rd = p[0];
    AUTO(auto_fd) int low = p[1];
    AUTO(auto_fd) int wr = fcntl(low, F_DUPFD_CLOEXEC, 10); /* out of the way of 0 to 2 */
    if (wr < 0)
        return err_sys(e, "cannot duplicate a pipe");
    struct proc child = {fork_blocked(s, stdio, wr), -1};
    if (child.pid < 0)
        return errno == EAGAIN ? too_many(s->path, e) : err_sys(e, "cannot fork for '%s'", s->path);
    fd_close(&low);
    fd_close(&wr);
    child.pidfd = (int)syscall(SYS_pidfd_open, child.pid, 0U);
    if (child.pidfd < 0)
        (void)err_sys(e, "cannot open a pidfd; Linux 5.3 or newer is needed");
    if (child.pidfd < 0 || read_report(rd, s, e) < 0) {
        proc_kill_and_reap(&child);
        return -1;
    }
    *out = child;
    return 0;
}

int proc_spawn(const struct proc_spec *s, struct proc *out, struct err *e)
{
    int stdio[3] = {-1, -1, -1};

    BUG(s->path == NULL || s->argv == NULL || s->argv[0] == NULL);
    for (size_t i = 0; i < s->n_keep; i++)
        BUG(s->keep[i] < 3);
    int r = lift_stdio(s, stdio, e);
    if (r == 0)
        r = spawn_with(s, stdio, out, e);
    for (int i = 0; i < 3; i++)
        fd_close(&stdio[i]);
    return r;
}

int proc_signal(const struct proc *p, int sig, struct err *e)
{
    if (p->pidfd < 0)
        return err_set(e, FAIL_NOTFOUND, "process has ended");
    if (syscall(SYS_pidfd_send_signal, p->pidfd, sig, NULL, 0U) == 0)
        return 0;
    if (errno == ESRCH)
        return err_set(e, FAIL_NOTFOUND, "process has ended");
    return err_sys(e, "cannot signal process %d", (int)p->pid);
}

int proc_wait(struct proc *p, bool nohang, int *status, struct err *e)
{
    int st;
    pid_t r;

    if (p->pid <= 0)
        return err_set(e, FAIL_NOTFOUND, "process was reaped already");
    do
        r = waitpid(p->pid, &st, nohang ? WNOHANG : 0);
    while (r < 0 && errno == EINTR);
    if (r == 0)
        return 0;
    if (r < 0)
        return err_sys(e, "cannot wait for process %d", (int)p->pid);
    fd_close(&p->pidfd);
    p->pid = -1;
    *status = WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
    return 1;
}

void proc_kill_and_reap(struct proc *p)
{
    struct err e;
    int status;

    if (p->pid <= 0)
        return;
    /* Not reaped yet, so the number is still ours. */
    (void)kill(p->pid, SIGKILL);
    if (proc_wait(p, false, &status, &e) < 0) {
        fd_close(&p->pidfd); /* somebody else reaped it: nothing left to do */
        p->pid = -1;
    }
}

static int collect(int rd, struct buf *b, struct err *e)
{
    char block[16384];

    for (;;) {
        ssize_t r = read(rd, block, sizeof block);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return err_sys(e, "cannot read output");
        if (r == 0)
            return 0;
        buf_add(b, block, (size_t)r);
        if (buf_done(b, "output", e) < 0)
            return -1;
    }
}

int proc_capture_begin(const struct proc_spec *s, size_t max, struct proc_capture *c, struct err *e)
{
    struct proc_spec spec = *s;
    struct proc child = PROC_INIT;
    int p[2];

    if (fd_pipe(p, e) < 0)
        return -1;
    AUTO(auto_fd) int rd = p[0];
    AUTO(auto_fd) int wr = p[1];
    spec.stdio[1] = wr;
    if (spec.stdio[2] < 0)
        spec.stdio[2] = 2;
    if (proc_spawn(&spec, &child, e) < 0)
        return -1;
    *c = (struct proc_capture){.child = child, .from = fd_take(&rd), .max = max, .path = s->path};
    return 0;
}

int proc_capture_end(struct proc_capture *c, char **out, size_t *n, int *status, struct err *e)
{
    AUTO(proc_capture_drop) struct proc_capture own = *c;
    AUTO(buf_free) struct buf b = BUF_INIT(c->max);
    int st = 0;

    *c = PROC_CAPTURE_INIT;
    if (collect(own.from, &b, e) < 0)
        return err_wrap(e, "run '%s'", own.path);
    if (proc_wait(&own.child, false, &st, e) < 0)
        return -1;
    *status = st;
    *out = buf_take(&b, n);
    return 0;
}

void proc_capture_drop(struct proc_capture *c)
{
    fd_close(&c->from);
    proc_kill_and_reap(&c->child);
}

int proc_capture(const struct proc_spec *s, size_t max, char **out, size_t *n, int *status,
                 struct err *e)
{
    struct proc_capture c = PROC_CAPTURE_INIT;

    return proc_capture_begin(s, max, &c, e) < 0 ? -1 : proc_capture_end(&c, out, n, status, e);
}

static bool is_program(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int proc_which(const char *name, const char *path_list, char **out, struct err *e)
{
    const char *list = path_list != NULL ? path_list : getenv("PATH");
    struct sv rest = sv_of(list != NULL ? list : "/usr/local/bin:/usr/bin:/bin"), dir;

    if (strchr(name, '/') != NULL) {
        AUTO(auto_free) char *full = realpath(name, NULL);
        if (full == NULL || !is_program(full))
            return err_set(e, FAIL_NOTFOUND, "'%s' is not a program", name);
        *out = TAKE_PTR(full);
        return 0;
    }
    while (name[0] != '\0' && sv_next(&rest, ':', &dir)) {
        if (dir.n == 0 || dir.p[0] != '/')
            continue; /* the current folder is no place to find programs in */
        AUTO(auto_free) char *folder = sv_dup(dir);
        AUTO(auto_free) char *full = path_join(folder, name);
        if (is_program(full)) {
            *out = TAKE_PTR(full);
            return 0;
        }
    }
    return err_set(e, FAIL_NOTFOUND, "program '%s' was not found on PATH", name);
}

void proc_main_init(void)
{
    static const int handled[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGUSR1, SIGUSR2, SIGWINCH};
    struct sigaction ign = {.sa_handler = SIG_IGN};
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    struct sigaction hangup;
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof handled / sizeof *handled; i++)
        (void)sigaddset(&set, handled[i]);
    /* Started by nohup: blocked, the signal would come in spite of being ignored (signal(7)). */
    BUG(sigaction(SIGHUP, NULL, &hangup) < 0);
    if (hangup.sa_handler == SIG_IGN)
        (void)sigdelset(&set, SIGHUP);
    BUG(pthread_sigmask(SIG_SETMASK, &set, NULL) != 0);
    /* Inherited SIG_IGN of SIGCHLD would make the kernel reap our children (nohup-like parents). */
    BUG(sigaction(SIGCHLD, &dfl, NULL) < 0 || sigaction(SIGPIPE, &ign, NULL) < 0);
    fd_ensure_stdio();
}

bool proc_on_terminal(void)
{
    return isatty(STDIN_FILENO) || isatty(STDOUT_FILENO) || isatty(STDERR_FILENO);
}

void proc_no_dump(void)
{
    struct rlimit none = {0, 0};

    BUG(setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0);
}
