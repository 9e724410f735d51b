/* SPDX-License-Identifier: Apache-2.0
 *
 * How jobs begin and end: deaths of each process, recovery, two side by side, a set-up that fails. */
#include "tests/unit/sandbox/levels.h"

#include "base/num.h"

#include <dirent.h>

/* Starts a shell whose output stays open as long as any process of it lives. */
static int spawn_long(struct rig *r)
{
    const char *argv[] = {"/bin/sh", "-c", "setsid sleep 600 & echo up; exec sleep 600", NULL};
    struct sbx_spawn s = {
        .path = argv[0], .argv = (char *const *)(uintptr_t)argv, .cwd = r->hello.work};
    struct err e = {0};
    char line[3];
    uint32_t id;
    int pipe[2];

    assert_int_equal(fd_pipe(pipe, &e), 0);
    s.stdout_fd = s.stderr_fd = pipe[1];
    assert_int_equal(sbx_spawn(r->job, &s, &id, &e), 0);
    (void)close(pipe[1]);
    assert_int_equal(fd_read_full(pipe[0], line, 3, &e), 3);
    return pipe[0];
}

static void assert_closes(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char byte;

    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(read(fd, &byte, 1), 0);
    (void)close(fd);
}

static pid_t peer_of(int fd)
{
    struct ucred c;
    socklen_t n = sizeof c;

    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n), 0);
    return c.pid;
}

static pid_t number(const char *s)
{
    uint64_t v = 0;
    struct err e;

    return num_u64(sv_of(s), INT32_MAX, &v, &e) < 0 ? 0 : (pid_t)v;
}

/* The child of a process that has this name; 0 = none. */
static pid_t child_of(pid_t parent, const char *name)
{
    DIR *d = opendir("/proc");
    struct dirent *entry;
    pid_t found = 0;

    while ((entry = readdir(d)) != NULL) {
        char path[64];
        char text[512] = "";
        char want[64];
        const char *at;
        int fd;

        (void)snprintf(path, sizeof path, "/proc/%.16s/stat", entry->d_name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        if (read(fd, text, sizeof text - 1) > 0) {
            /* "pid (name) state ppid ...", in whatever state */
            (void)snprintf(want, sizeof want, "(%s) ", name);
            at = strstr(text, want);
            (void)snprintf(want, sizeof want, " %d ", (int)parent);
            if (at != NULL && strncmp(at + strlen(name) + 4, want, strlen(want)) == 0)
                found = number(entry->d_name);
        }
        (void)close(fd);
    }
    (void)closedir(d);
    return found;
}

static pid_t launcher_pid(void)
{
    return child_of(getpid(), "gantry-sandbox");
}

/* kill -9 of the launcher takes the job along; what it leaves on disk the next start removes. */
static void test_launcher_dies(void **state)
{
    struct rig *r = open_job();
    struct err e = {0};
    struct sbx_event ev;
    struct pollfd p;
    pid_t pid;
    int out;

    (void)state;
    rig_open(r);
    out = spawn_long(r);
    pid = launcher_pid();
    assert_true(pid > 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_closes(out);
    p = (struct pollfd){.fd = sbx_launcher_fd(r->launcher), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(sbx_launcher_next(r->launcher, &ev, &e), -1);
    assert_int_equal(e.code, FAIL_NET);
    p.fd = r->channel; /* the worker died too */
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_true(fs_exists(AT_FDCWD, r->job_dir));
    sbx_job_free(r->job);
    r->job = NULL;
    {
        AUTO(auto_free) char *jobs = xasprintf("%s/jobs", r->dir);
        for (int i = 0; i < 100 && fs_exists(AT_FDCWD, r->job_dir); i++) {
            /* The lock goes with the last process of the job, which may still be on its way out. */
            if (sbx_recover(RIG_LAUNCHER, jobs, &e) < 0)
                rig_fail("recover", &e);
        }
    }
    assert_false(fs_exists(AT_FDCWD, r->job_dir));
    done(r);
}

/* A live job's folder and one that was just made are left alone. */
static void test_recover_spares_the_living(void **state)
{
    struct rig *r = open_job();
    AUTO(auto_free) char *jobs = xasprintf("%s/jobs", r->dir);
    AUTO(auto_free) char *fresh = xasprintf("%s/jobs/2", r->dir);
    struct err e = {0};

    (void)state;
    rig_open(r);
    assert_int_equal(fs_mkdir_all(AT_FDCWD, fresh, 0700, &e), 0);
    assert_int_equal(sbx_recover(RIG_LAUNCHER, jobs, &e), 0);
    assert_true(fs_exists(AT_FDCWD, r->job_dir));
    assert_true(fs_exists(AT_FDCWD, fresh));
    rig_sh(r, "echo alive", &res);
    assert_string_equal(res.out, "alive\n");
    rig_close(r);
    assert_int_equal(sbx_recover(RIG_LAUNCHER, "/no/such/folder", &e), 0);
    done(r);
}

static void test_worker_dies(void **state)
{
    struct rig *r = open_job();
    pid_t pid;
    int out;

    (void)state;
    rig_open(r);
    out = spawn_long(r);
    /* The pair was made by us, so the worker is found by what it sent. */
    pid = peer_of(r->channel);
    assert_true(pid > 0);
    fd_close(&r->channel);
    assert_closes(out);
    rig_expect(r, SBX_EV_WORKER_ENDED);
    assert_int_equal(r->last.status, 0);
    rig_expect(r, SBX_EV_GONE);
    assert_false(fs_exists(AT_FDCWD, r->job_dir));
    done(r);
}

/* Something outside kills init: every process of the job goes, the worker is told, and can end in order. */
static void test_init_dies(void **state)
{
    struct rig *r = open_job();
    struct sbx_job_event ev;
    struct pollfd p = {.events = POLLIN};
    struct err e = {0};
    pid_t launcher;
    pid_t init;
    int out;
    int n;

    (void)state;
    rig_open(r);
    out = spawn_long(r);
    launcher = launcher_pid();
    assert_true(launcher > 0);
    init = child_of(launcher, "gantry-sandbox");
    assert_true(init > 0); /* 0 would be our own process group */
    assert_int_equal(kill(init, SIGKILL), 0);
    assert_closes(out);
    p.fd = sbx_job_fd(r->job);
    do { /* SPAWNED is still there */
        assert_int_equal(poll(&p, 1, 5000), 1);
        n = sbx_job_next(r->job, &ev, &e);
    } while (n == 1);
    assert_int_equal(n, -1);
    assert_int_equal(e.code, FAIL_NET);
    rig_close(r);
    done(r);
}

/* The listener goes away: its launcher ends every job and itself. */
static void test_listener_goes(void **state)
{
    struct rig *r = open_job();
    int out;

    (void)state;
    rig_open(r);
    out = spawn_long(r);
    sbx_launcher_free(r->launcher); /* waits for it */
    r->launcher = NULL;
    assert_closes(out);
    assert_false(fs_exists(AT_FDCWD, r->job_dir));
    done(r);
}

/* A job that made folders nobody may enter, and deep ones, still leaves nothing. */
static void test_hostile_leftovers(void **state)
{
    struct rig *r = open_job();

    (void)state;
    rig_open(r);
    rig_sh(r,
           "mkdir -p a/b && touch a/b/f && chmod 000 a/b && chmod 000 a; mkdir d && cd d && "
           "for i in $(seq 200); do mkdir d && cd d; done; ln -s / /tmp/x; ln -s / link; mkfifo p",
           &res);
    assert_int_equal(res.status, 0);
    rig_close(r);
    done(r);
}

/* Several jobs of one launcher do not see each other and end on their own. */
static void test_two_jobs(void **state)
{
    struct rig *a = open_job();
    struct rig *b = open_job();

    (void)state;
    rig_open(a);
    rig_open(b);
    rig_sh(a, "echo a > mine; ls; ls ..", &res);
    assert_non_null(strstr(res.out, "mine"));
    rig_sh(b, "ls", &res);
    assert_null(strstr(res.out, "mine"));
    rig_close(a);
    rig_sh(b, "echo alive", &res);
    assert_string_equal(res.out, "alive\n");
    rig_close(b);
    done(a);
    done(b);
}

/* A set-up that fails in the middle leaves nothing and says where. */
static void test_failing_setup(void **state)
{
    static const char *const points[] = {
        "GANTRY_FAIL=sandbox.build=error:EIO", "GANTRY_FAIL=sandbox.setup=error:EIO",
        "GANTRY_FAIL=sandbox.setup=exit:9", "GANTRY_FAIL=sandbox.mounts=error:ENOSPC"};
    static const char *const texts[] = {"Input/output error", "Input/output error",
                                        "init ended while it was set up",
                                        "No space left on device"};

    (void)state;
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        char point[64];
        char *env[] = {point, NULL};
        char **kept = environ;
        struct rig *r = open_job();
        char text[512];

        (void)snprintf(point, sizeof point, "%s", points[i]);
        environ = env;
        rig_start_launcher(r);
        environ = kept;
        rig_launch(r);
        rig_expect(r, SBX_EV_REFUSED);
        assert_non_null(strstr(err_text(&r->last.error, text, sizeof text), texts[i]));
        assert_non_null(strstr(text, "SBX-SETUP"));
        assert_false(fs_exists(AT_FDCWD, r->job_dir));
        done(r);
    }
}

static void test_probe_of_the_host(void **state)
{
    char missing[512];
    enum sbx_level best;
    struct err e = {0};

    (void)state;
    if (sbx_probe(RIG_LAUNCHER, &best, missing, sizeof missing, &e) < 0)
        rig_fail("probe", &e);
    assert_int_equal(best, geteuid() == 0 ? SBX_FULL : SBX_SINGLE);
    if (best == SBX_SINGLE)
        assert_non_null(strstr(missing, "level full needs gantry to be started as root"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_launcher_dies),
        cmocka_unit_test(test_recover_spares_the_living),
        cmocka_unit_test(test_worker_dies),
        cmocka_unit_test(test_init_dies),
        cmocka_unit_test(test_listener_goes),
        cmocka_unit_test(test_hostile_leftovers),
        cmocka_unit_test(test_two_jobs),
        cmocka_unit_test(test_probe_of_the_host),
        /* These need a sandbox. */
        cmocka_unit_test(test_failing_setup),
    };
    enum { N = sizeof tests / sizeof tests[0] };

    if (rig_was_worker(argc, argv))
        return 0;
    return run_levels((struct level_tests){tests, N - 1, N, N}) != 0;
}
