/* SPDX-License-Identifier: Apache-2.0
 *
 * The client API against a real launcher and init, at every level that this caller can have. */
#include "tests/unit/sandbox/rig.h"

static enum sbx_level level;

static int open_job(void **state)
{
    struct rig *r = xcalloc(1, sizeof *r);

    rig_init(r, level);
    rig_open(r);
    *state = r;
    return 0;
}

static int close_job(void **state)
{
    struct rig *r = *state;

    if (r->job != NULL)
        rig_close(r);
    rig_done(r);
    free(r);
    return 0;
}

static struct rig_result res;

static void test_hello(void **state)
{
    const struct rig *r = *state;

    assert_int_equal(r->hello.level, level);
    assert_int_equal(r->last.level, level);
    assert_non_null(strstr(r->hello.facts, sbx_level_name(level)));
    assert_string_equal(r->hello.facts, r->last.facts);
    assert_false(r->hello.has_source);
    if (level != SBX_NONE) {
        assert_string_equal(r->hello.home, SBX_HOME);
        assert_string_equal(r->hello.work, SBX_WORK);
        assert_string_equal(r->hello.temp, SBX_TEMP);
        assert_string_equal(r->hello.actions, SBX_ACTIONS);
        assert_string_equal(r->hello.tools, SBX_TOOLS);
    }
}

static void test_output_and_status(void **state)
{
    struct rig *r = *state;

    rig_sh(r, "echo out; echo err >&2; pwd; exit 7", &res);
    assert_int_equal(res.status, 7);
    assert_non_null(strstr(res.out, "out\nerr\n"));
    assert_non_null(strstr(res.out, r->hello.work));
    assert_true(res.usage.ru_maxrss > 0);
    rig_sh(r, "cat; ls /proc/self/fd", &res); /* stdin is empty, nothing else is inherited */
    assert_string_equal(res.out, "0\n1\n2\n3\n");
}

static void test_killed_by_signal(void **state)
{
    struct rig *r = *state;

    rig_sh(r, "kill -TERM $$", &res);
    assert_int_equal(res.status, 128 + SIGTERM);
}

static void test_default_signals(void **state)
{
    struct rig *r = *state;

    rig_sh(r, "grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\\t'", &res);
    assert_string_equal(res.out, "SigBlk:0000000000000000\nSigIgn:0000000000000000\n");
}

static void test_exec_errors(void **state)
{
    static const struct {
        const char *path;
        int sys;
    } rows[] = {{"/usr/bin/no-such-program", ENOENT}, {"/etc/passwd", EACCES}, {"/usr", EACCES}};
    struct rig *r = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *argv[] = {rows[i].path, NULL};
        char want[128];

        rig_exec(r, argv, false, &res);
        assert_int_equal(res.error.code, FAIL_SYS);
        assert_int_equal(res.error.sys, rows[i].sys);
        (void)snprintf(want, sizeof want, "cannot execute '%s'", rows[i].path);
        assert_non_null(strstr(res.error.msg, want));
    }
    rig_sh(r, "exit 0", &res); /* and the next one works */
    assert_int_equal(res.error.code, FAIL_NONE);
}

static void test_missing_folder(void **state)
{
    struct rig *r = *state;
    char keep[sizeof r->hello.work];

    (void)snprintf(keep, sizeof keep, "%s", r->hello.work);
    (void)snprintf(r->hello.work, sizeof r->hello.work, "/no/such/folder");
    rig_sh(r, "exit 0", &res);
    (void)snprintf(r->hello.work, sizeof r->hello.work, "%s", keep);
    assert_int_equal(res.error.sys, ENOENT);
    assert_non_null(strstr(res.error.msg, "working folder '/no/such/folder'"));
}

static void test_no_root_without_sudo(void **state)
{
    static const char *const argv[] = {"/bin/true", NULL};
    struct rig *r = *state;

    rig_exec(r, argv, true, &res);
    assert_int_equal(res.error.code, FAIL_DENIED);
}

/* An argument block that does not fit into a record. */
static void test_large_environment(void **state)
{
    struct rig *r = *state;
    char *big = xcalloc(1, 120001);
    const char *argv[] = {"/bin/sh", "-c", "echo ${#0}", big, NULL};

    memset(big, 'x', 120000);
    rig_exec(r, argv, false, &res);
    free(big);
    assert_string_equal(res.out, "120000\n");
}

static void test_many_in_a_row(void **state)
{
    struct rig *r = *state;

    for (int i = 0; i < 20; i++) {
        rig_sh(r, "echo $PPID >/dev/null", &res);
        assert_int_equal(res.status, 0);
    }
}

static void spawn_shell(struct rig *r, const char *script, uint32_t *id, int *out)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    struct sbx_spawn s = {
        .path = argv[0], .argv = (char *const *)(uintptr_t)argv, .cwd = r->hello.work};
    struct err e = {0};
    int pipe[2];

    assert_int_equal(fd_pipe(pipe, &e), 0);
    s.stdout_fd = s.stderr_fd = pipe[1];
    assert_int_equal(sbx_spawn(r->job, &s, id, &e), 0);
    (void)close(pipe[1]);
    *out = pipe[0];
}

static void test_signal_group(void **state)
{
    struct rig *r = *state;
    struct sbx_job_event ev;
    struct err e = {0};
    uint32_t id;
    char line[3] = {0};
    int out;

    spawn_shell(r, "/bin/sleep 600 & echo up; wait", &id, &out);
    assert_int_equal(rig_next(r).kind, SBX_JOB_SPAWNED);
    assert_int_equal(fd_read_full(out, line, 3, &e), 3);
    assert_int_equal(sbx_signal(r->job, id, SIGTERM, true, &e), 0);
    assert_int_equal(fd_read_full(out, line, 1, &e), 0); /* the sleep went too: end of the pipe */
    ev = rig_next(r);
    assert_int_equal(ev.kind, SBX_JOB_EXITED);
    assert_int_equal(ev.status, 128 + SIGTERM);
    (void)close(out);
}

static void test_two_at_once(void **state)
{
    struct rig *r = *state;
    struct sbx_job_event ev;
    struct err e = {0};
    uint32_t a, b;
    int out_a, out_b;

    spawn_shell(r, "sleep 600", &a, &out_a);
    spawn_shell(r, "exit 3", &b, &out_b);
    for (int i = 0; i < 3; i++) {
        ev = rig_next(r);
        assert_true(ev.id == (ev.kind == SBX_JOB_EXITED ? b : ev.id));
    }
    assert_int_equal(sbx_signal(r->job, a, SIGKILL, false, &e), 0);
    ev = rig_next(r);
    assert_int_equal(ev.id, a);
    assert_int_equal(ev.status, 128 + SIGKILL);
    (void)close(out_a);
    (void)close(out_b);
}

/* ---- files ---- */

static void path_in(const struct rig *r, const char *name, char *dst, size_t n)
{
    (void)snprintf(dst, n, "%s/%s", r->hello.temp, name);
}

static void test_write_and_read(void **state)
{
    struct rig *r = *state;
    struct err e = {0};
    char path[512];
    char *text;
    size_t n;

    path_in(r, "a/b/script.sh", path, sizeof path);
    *strrchr(path, '/') = '\0';
    assert_int_equal(sbx_mkdir(r->job, path, &e), 0);
    assert_int_equal(sbx_mkdir(r->job, path, &e), 0);
    path_in(r, "a/b/script.sh", path, sizeof path);
    assert_int_equal(sbx_write_file(r->job, path, 0755, "#!/bin/sh\necho hi\n", 18, &e), 0);
    {
        const char *argv[] = {path, NULL};
        rig_exec(r, argv, false, &res);
        assert_string_equal(res.out, "hi\n");
    }
    assert_int_equal(sbx_write_file(r->job, path, 0644, "second", 6, &e), 0);
    assert_int_equal(sbx_read_file(r->job, path, 6, &text, &n, &e), 0);
    assert_int_equal(n, 6);
    assert_string_equal(text, "second");
    free(text);
    assert_int_equal(sbx_read_file(r->job, path, 5, &text, &n, &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
    path_in(r, "a", path, sizeof path);
    assert_int_equal(sbx_remove(r->job, path, &e), 0);
    assert_int_equal(sbx_remove(r->job, path, &e), 0);
    assert_int_equal(sbx_read_file(r->job, path, 5, &text, &n, &e), -1);
    assert_int_equal(e.code, FAIL_NOTFOUND);
}

static void test_large_file(void **state)
{
    struct rig *r = *state;
    size_t size = 3 << 20;
    char *big = xcalloc(1, size);
    struct err e = {0};
    char path[512];
    char *text;
    size_t n;

    memset(big, 'y', size);
    path_in(r, "big", path, sizeof path);
    assert_int_equal(sbx_write_file(r->job, path, 0600, big, size, &e), 0);
    assert_int_equal(sbx_read_file(r->job, path, size, &text, &n, &e), 0);
    assert_int_equal(n, size);
    assert_memory_equal(text, big, size);
    free(text);
    free(big);
}

/* What a job may leave where the worker reads (P57): an error at once, nothing read. */
static void test_hostile_files(void **state)
{
    static const struct {
        const char *make;
        int sys;
    } rows[] = {
        {"ln -s /etc/passwd $F", ELOOP},
        {"mkfifo $F", EINVAL},
        {"mkdir $F", EINVAL},
        {"ln -s /dev/zero $F", ELOOP},
        {"truncate -s 2G $F", EFBIG},
        {"ln -s /proc/self/environ $F", ELOOP},
    };
    struct rig *r = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = {0};
        char script[1024];
        char path[512];
        char *text = NULL;
        size_t n;

        path_in(r, "hostile", path, sizeof path);
        (void)snprintf(script, sizeof script, "F=%s; rm -rf $F; %s", path, rows[i].make);
        rig_sh(r, script, &res);
        assert_int_equal(res.status, 0);
        assert_int_equal(sbx_read_file(r->job, path, 1 << 20, &text, &n, &e), -1);
        assert_int_equal(e.sys, rows[i].sys);
        assert_null(text);
    }
}

static void test_write_replaces_a_link(void **state)
{
    struct rig *r = *state;
    struct err e = {0};
    char script[2048];
    char path[512];

    path_in(r, "out", path, sizeof path);
    (void)snprintf(script, sizeof script, "cd %s && echo keep >victim && ln -sf victim out",
                   r->hello.temp);
    rig_sh(r, script, &res);
    assert_int_equal(sbx_write_file(r->job, path, 0600, "new", 3, &e), 0);
    (void)snprintf(script, sizeof script, "cd %s && cat victim out", r->hello.temp);
    rig_sh(r, script, &res);
    assert_string_equal(res.out, "keep\nnew");
}

static void test_which(void **state)
{
    struct rig *r = *state;
    struct err e = {0};
    char *found;

    assert_int_equal(sbx_which(r->job, "sh", "/nowhere:/bin:/usr/bin", &found, &e), 0);
    assert_string_equal(found, "/bin/sh");
    free(found);
    assert_int_equal(sbx_which(r->job, "no-such-tool", "/bin:/usr/bin", &found, &e), -1);
    assert_int_equal(e.code, FAIL_NOTFOUND);
    assert_int_equal(sbx_which(r->job, "passwd", "/etc", &found, &e), -1); /* not executable */
}

static void test_exists(void **state)
{
    static const struct {
        const char *make;
        bool file, folder;
    } rows[] = {
        {"true", false, false},
        {": >$F", true, false},
        {"mkdir $F", false, true},
        {"mkfifo $F", false, false},
        {"ln -s /etc/passwd $F", true, false},
        {"ln -s /etc $F", false, true},
        {"ln -s nowhere $F", false, false},
        {"ln -s $F $F", false, false},
    };
    struct rig *r = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = {0};
        char script[1024];
        char path[512];
        bool file = false;
        bool folder = false;

        path_in(r, "exists", path, sizeof path);
        (void)snprintf(script, sizeof script, "F=%s; rm -rf $F; %s", path, rows[i].make);
        rig_sh(r, script, &res);
        assert_int_equal(res.status, 0);
        assert_int_equal(sbx_exists(r->job, path, SBX_FILE, &file, &e), 0);
        assert_int_equal(sbx_exists(r->job, path, SBX_FOLDER, &folder, &e), 0);
        assert_int_equal(file, rows[i].file);
        assert_int_equal(folder, rows[i].folder);
        assert_int_equal(sbx_exists(r->job, "relative", SBX_FILE, &file, &e), -1);
    }
}

static void test_hash_files(void **state)
{
    /* sha256(sha256("a\n") || sha256("b\n")), made with sha256sum and xxd */
    static const char want[] = "6ec7b73f58839768f5eb006d96b02ebaa7bf3d30c5daaccc832663c8266e0931";
    struct sv patterns[] = {SV("**/*.lock"), SV("!**/skip.lock")};
    struct sv nothing[] = {SV("*.none")};
    struct sv wrong[] = {SV("../up")};
    struct rig *r = *state;
    struct err e = {0};
    char hex[65];

    rig_sh(r, "mkdir -p d && echo a >1.lock && echo b >d/2.lock && echo c >d/skip.lock", &res);
    assert_int_equal(sbx_hash_files(r->job, r->hello.work, patterns, 2, false, hex, &e), 0);
    assert_string_equal(hex, want);
    assert_int_equal(sbx_hash_files(r->job, r->hello.work, nothing, 1, false, hex, &e), 0);
    assert_string_equal(hex, "");
    assert_int_equal(sbx_hash_files(r->job, r->hello.work, wrong, 1, false, hex, &e), -1);
    assert_int_equal(e.code, FAIL_INPUT);
}

/* The job kills all it can reach. What serves the worker survives, or is made anew. */
static void test_survives_kill_all(void **state)
{
    struct rig *r = *state;
    struct err e = {0};
    char path[512];

    rig_sh(r, "trap '' TERM; kill -TERM -1; kill -KILL -1; exit 0", &res);
    rig_sh(r, "echo alive", &res);
    assert_string_equal(res.out, "alive\n");
    path_in(r, "after", path, sizeof path);
    assert_int_equal(sbx_write_file(r->job, path, 0600, "x", 1, &e), 0);
}

/* ---- ends ---- */

static void test_nothing_outlives_the_job(void **state)
{
    struct rig *r = *state;
    struct pollfd p = {.events = POLLIN};
    struct err e = {0};
    uint32_t id;
    char line[3];
    int out;

    /* A daemon that holds the pipe: the pipe's end shows its death. */
    spawn_shell(r,
                "RUNNER_TRACKING_ID=0 setsid sh -c 'trap \"\" TERM HUP INT; (sleep 600; :) & echo "
                "up; sleep 600; :' &",
                &id, &out);
    assert_int_equal(fd_read_full(out, line, 3, &e), 3);
    rig_close(r);
    p.fd = out;
    assert_int_equal(poll(&p, 1, 1000), 1);
    assert_int_equal(read(out, line, 1), 0);
    (void)close(out);
}

static void test_kill(void **state)
{
    struct rig *r = *state;
    struct err e = {0};

    assert_int_equal(sbx_kill(r->launcher, r->job_id, &e), 0);
    rig_close(r);
}

static int run_level(enum sbx_level l)
{
#define JOB(f) cmocka_unit_test_setup_teardown(f, open_job, close_job)
    const struct CMUnitTest tests[] = {
        JOB(test_hello),
        JOB(test_output_and_status),
        JOB(test_killed_by_signal),
        JOB(test_default_signals),
        JOB(test_exec_errors),
        JOB(test_missing_folder),
        JOB(test_no_root_without_sudo),
        JOB(test_large_environment),
        JOB(test_many_in_a_row),
        JOB(test_signal_group),
        JOB(test_two_at_once),
        JOB(test_write_and_read),
        JOB(test_large_file),
        JOB(test_hostile_files),
        JOB(test_write_replaces_a_link),
        JOB(test_which),
        JOB(test_exists),
        JOB(test_hash_files),
        JOB(test_nothing_outlives_the_job),
        JOB(test_kill),
        /* At level none it would reach every process of the login, this test included. */
        JOB(test_survives_kill_all),
    };
    size_t n = sizeof tests / sizeof tests[0] - (l == SBX_NONE ? 1 : 0);

    level = l;
    return _cmocka_run_group_tests(sbx_level_name(l), tests, n, NULL, NULL);
}

static int run_user(void)
{
    return run_level(SBX_NONE) + run_level(SBX_SINGLE);
}

int main(int argc, char **argv)
{
    if (rig_was_worker(argc, argv))
        return 0;
    /* As root: what root has, and what the ordinary user has. */
    return run_level(SBX_NONE) + (geteuid() == 0 ? run_level(SBX_FULL) : 0) +
               rig_as_user(run_user) !=
           0;
}
