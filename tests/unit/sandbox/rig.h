/* SPDX-License-Identifier: Apache-2.0
 *
 * A sandbox under test. The test program is its own worker: started by the launcher it sends its socket to
 * init over the channel and waits for the channel to close, so that the test talks to init itself. */
#ifndef TESTS_UNIT_SANDBOX_RIG_H
#define TESTS_UNIT_SANDBOX_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/fs.h"
#include "base/ipc.h"
#include "base/mem.h"
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RIG_LAUNCHER GANTRY_BIN "/gantry-sandbox"
#define RIG_WAIT_MS  30000

struct rig {
    char *dir;     /* temporary, everything below */
    char *job_dir; /* dir/jobs/1 */
    struct sbx_policy policy;
    struct sbx_launcher *launcher;
    const char *worker; /* NULL: this program */
    uint32_t job_id;
    int channel;
    struct sbx_job *job;
    struct sbx_hello hello;
    struct sbx_event last; /* the last event of the launcher */
};

/* What the worker tells the test of itself. */
enum { RIG_FROM_SPARE = 1, RIG_PID, RIG_OWN_SESSION, RIG_DEATH_SIGNAL, RIG_HIGHEST_FD, RIG_ENV };

static inline int rig_highest_fd(void)
{
    int top = -1;

    for (int fd = 0; fd < 256; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            top = fd;
    return top;
}

/* First statement of main: true when this process was the worker and is done. */
static inline bool rig_was_worker(int argc, char **argv)
{
    struct ipc_out o;
    struct err e = {0};
    int death = 0;
    char byte;

    if (argc > 2 || strcmp(argv[0], "gantry-worker") != 0)
        return false;
    if (sbx_is_spare(argc, argv) && sbx_spare_serve(&e) != 0)
        return true;
    (void)prctl(PR_GET_PDEATHSIG, &death);
    ipc_begin(&o, 1, 0);
    ipc_put_u64(&o, RIG_FROM_SPARE, argc == 2);
    ipc_put_u64(&o, RIG_PID, (uint64_t)getpid());
    ipc_put_u64(&o, RIG_OWN_SESSION, getsid(0) == getpid());
    ipc_put_u64(&o, RIG_DEATH_SIGNAL, (uint64_t)death);
    ipc_put_u64(&o, RIG_HIGHEST_FD, (uint64_t)rig_highest_fd());
    ipc_put_str(&o, RIG_ENV, getenv("RIG_ENV"));
    ipc_put_fd(&o, 4);
    ipc_put_fd(&o, 5);
    if (ipc_send(3, &o, &e) == 0) {
        (void)close(4);
        while (read(3, &byte, 1) > 0)
            ;
    }
    return true;
}

static inline void rig_fail(const char *what, const struct err *e)
{
    char text[512];

    fail_msg("%s: %s", what, err_text(e, text, sizeof text));
}

static inline void rig_init(struct rig *r, enum sbx_level require)
{
    struct err e = {0};
    int dir;

    *r = (struct rig){.channel = -1};
    if (fs_temp_dir("/tmp", "gantry-sbx", &r->dir, &e) < 0)
        rig_fail("temporary folder", &e);
    r->job_dir = xasprintf("%s/jobs/1", r->dir);
    *strrchr(r->job_dir, '/') = '\0';
    if (fs_mkdir_all(AT_FDCWD, r->job_dir, 0700, &e) < 0)
        rig_fail("folder of jobs", &e);
    dir = open(r->job_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(dir >= 0);
    fs_spread(dir); /* as runners have it */
    (void)close(dir);
    r->job_dir[strlen(r->job_dir)] = '/';
    if (mkdir(r->job_dir, 0700) < 0)
        fail_msg("cannot make '%s'", r->job_dir);
    r->policy = (struct sbx_policy){.require = require,
                                    .network = SBX_NET_HOST,
                                    .job_dir = r->job_dir,
                                    .hostname = "gantry-test",
                                    .keep_groups = true, /* whoever runs the tests */
                                    .source_fd = -1};
}

/* Waits for an event of the launcher of this kind. */
static inline void rig_expect(struct rig *r, enum sbx_event_kind kind)
{
    struct err e = {0};

    for (;;) {
        struct pollfd p = {.fd = sbx_launcher_fd(r->launcher), .events = POLLIN};
        int n = poll(&p, 1, RIG_WAIT_MS);

        assert_int_equal(n, 1);
        n = sbx_launcher_next(r->launcher, &r->last, &e);
        if (n < 0)
            rig_fail("launcher", &e);
        if (n == 1)
            break;
    }
    if (r->last.kind != kind && r->last.kind == SBX_EV_REFUSED)
        rig_fail("refused", &r->last.error);
    assert_int_equal(r->last.kind, kind);
}

static inline void rig_start_launcher(struct rig *r)
{
    struct err e = {0};

    if (sbx_launcher_start(RIG_LAUNCHER, &r->launcher, &e) < 0)
        rig_fail("start the launcher", &e);
}

static inline void rig_launch(struct rig *r)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    char asan[] = "ASAN_OPTIONS=detect_leaks=0";
    char *envp[] = {asan, NULL};
    struct sbx_worker w = {.path = self, .envp = envp};
    struct err e = {0};
    int pair[2];

    assert_true(n > 0);
    self[n] = '\0';
    if (r->worker != NULL)
        w.path = r->worker;
    if (r->launcher == NULL)
        rig_start_launcher(r);
    if (ipc_pair(pair, &e) < 0)
        rig_fail("pair", &e);
    r->channel = pair[0];
    w.channel_fd = pair[1];
    if (sbx_launch(r->launcher, &r->policy, &w, &r->job_id, &e) < 0)
        rig_fail("launch", &e);
    (void)close(pair[1]);
}

/* Launches and attaches. */
static inline void rig_open(struct rig *r)
{
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
    struct err e = {0};

    rig_launch(r);
    rig_expect(r, SBX_EV_STARTED);
    if (ipc_recv(r->channel, &in, &e) != 1)
        rig_fail("worker", &e);
    if (sbx_attach(ipc_take_fd(&in, 0), &r->job, &r->hello, &e) < 0)
        rig_fail("attach", &e);
}

/* Ends the worker and waits until nothing is left. */
static inline void rig_close(struct rig *r)
{
    fd_close(&r->channel);
    sbx_job_free(r->job);
    r->job = NULL;
    rig_expect(r, SBX_EV_WORKER_ENDED);
    rig_expect(r, SBX_EV_GONE);
    assert_int_equal(r->last.error.code, FAIL_NONE);
    assert_false(fs_exists(AT_FDCWD, r->job_dir));
}

static inline void rig_done(struct rig *r)
{
    struct err e = {0};

    fd_close(&r->channel);
    sbx_job_free(r->job);
    sbx_launcher_free(r->launcher);
    if (fs_remove_tree(AT_FDCWD, r->dir, &e) < 0)
        rig_fail("clean up", &e);
    free(r->dir);
    free(r->job_dir);
}

static inline struct sbx_job_event rig_next(struct rig *r)
{
    struct sbx_job_event ev;
    struct err e = {0};

    for (;;) {
        struct pollfd p = {.fd = sbx_job_fd(r->job), .events = POLLIN};
        int n = poll(&p, 1, RIG_WAIT_MS);

        assert_int_equal(n, 1);
        n = sbx_job_next(r->job, &ev, &e);
        if (n < 0)
            rig_fail("init", &e);
        if (n == 1)
            return ev;
    }
}

struct rig_result {
    int status;
    struct err error; /* of a spawn that failed */
    struct rusage usage;
    char out[65536]; /* stdout and stderr */
};

/* Runs argv to its end. */
static inline void rig_exec(struct rig *r, const char *const *argv, bool as_root,
                            struct rig_result *res)
{
    static const char *const envp[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/home/runner",
                                       NULL};
    struct sbx_spawn s = {.path = argv[0],
                          .argv = (char *const *)(uintptr_t)argv,
                          .envp = (char *const *)(uintptr_t)envp,
                          .cwd = r->hello.work,
                          .as_root = as_root};
    struct sbx_job_event ev;
    struct err e = {0};
    uint32_t id;
    size_t got = 0;
    int pipe[2];

    memset(res, 0, sizeof *res);
    if (fd_pipe(pipe, &e) < 0)
        rig_fail("pipe", &e);
    s.stdout_fd = s.stderr_fd = pipe[1];
    if (sbx_spawn(r->job, &s, &id, &e) < 0)
        rig_fail("spawn", &e);
    (void)close(pipe[1]);
    ev = rig_next(r);
    assert_int_equal(ev.id, id);
    if (ev.kind == SBX_JOB_SPAWN_ERROR) {
        res->error = ev.error;
        (void)close(pipe[0]);
        return;
    }
    assert_int_equal(ev.kind, SBX_JOB_SPAWNED);
    for (;;) {
        struct pollfd p = {.fd = pipe[0], .events = POLLIN};
        ssize_t n;

        assert_int_equal(poll(&p, 1, RIG_WAIT_MS), 1);
        n = read(pipe[0], res->out + got, sizeof res->out - 1 - got);
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    (void)close(pipe[0]);
    ev = rig_next(r);
    assert_int_equal(ev.kind, SBX_JOB_EXITED);
    assert_int_equal(ev.id, id);
    res->status = ev.status;
    res->usage = ev.usage;
}

static inline void rig_sh(struct rig *r, const char *script, struct rig_result *res)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};

    rig_exec(r, argv, false, res);
}

/* Becomes an ordinary user in a child and runs `group` there; its failures are ours. */
static inline int rig_as_user_in(const gid_t *groups, size_t n, int (*group)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        if (geteuid() == 0 && (setgroups(n, groups) < 0 || setresgid(65533, 65533, 65533) < 0 ||
                               setresuid(65533, 65533, 65533) < 0))
            _exit(99);
        (void)prctl(PR_SET_DUMPABLE, 1, 0, 0,
                    0); /* as after a login: own files in /proc are ours */
        exit(group());
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return 98;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 97;
}

static inline int rig_as_user(int (*group)(void))
{
    return rig_as_user_in(NULL, 0, group);
}

#endif
