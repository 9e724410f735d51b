/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting programs through the starter, with the files that are made for them, and looking at what they left. */
#include "tests/unit/sandbox/rig.h"

#include <sys/stat.h>

static enum sbx_level level;
static struct rig_result res;

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

    rig_close(r);
    rig_done(r);
    free(r);
    return 0;
}

static char *in_temp(const struct rig *r, const char *name)
{
    return xasprintf("%s/%s", r->hello.temp, name);
}

/* Runs a shell's script that finds these files made for it. */
static void start(struct rig *r, const char *script, const struct sbx_file *files, size_t n,
                  uint32_t *id, int *out)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    struct sbx_spawn s = {.path = argv[0],
                          .argv = (char *const *)(uintptr_t)argv,
                          .cwd = r->hello.temp,
                          .files = files,
                          .n_files = n};
    struct err e = {0};
    int pipe[2];

    assert_int_equal(fd_pipe(pipe, &e), 0);
    s.stdout_fd = s.stderr_fd = pipe[1];
    assert_int_equal(sbx_spawn(r->job, &s, id, &e), 0);
    (void)close(pipe[1]);
    *out = pipe[0];
}

static void finish(struct rig *r, uint32_t id, int out, int status, const char *text)
{
    struct err e = {0};
    ssize_t n = fd_read_full(out, res.out, sizeof res.out - 1, &e);

    assert_true(n >= 0);
    res.out[n] = '\0';
    (void)close(out);
    for (;;) {
        struct sbx_job_event ev = rig_next(r);
        assert_int_not_equal(ev.kind, SBX_JOB_SPAWN_ERROR);
        if (ev.kind != SBX_JOB_EXITED)
            continue;
        assert_int_equal(ev.id, id);
        assert_int_equal(ev.status, status);
        break;
    }
    assert_string_equal(res.out, text);
}

static void run(struct rig *r, const char *script, const struct sbx_file *files, size_t n,
                const char *text)
{
    uint32_t id;
    int out;

    start(r, script, files, n, &id, &out);
    finish(r, id, out, 0, text);
}

static void test_files_are_made(void **state)
{
    struct rig *r = *state;
    AUTO(auto_free) char *a = in_temp(r, "a");
    AUTO(auto_free) char *b = in_temp(r, "b");
    AUTO(auto_free) char *big = in_temp(r, "big");
    AUTO(auto_free) char *content = xcalloc(1, 100000);
    const struct sbx_file files[] = {{.path = a, .mode = 0644, .content = SV("first\n")},
                                     {.path = b, .mode = 0666, .content = SV("")},
                                     {.path = big, .mode = 0600, .content = {content, 100000}}};

    memset(content, 'z', 100000);
    /* Whatever lies there is replaced, and a link not followed. */
    run(r, "echo kept > target; ln -s target a", NULL, 0, "");
    run(r, "cat a target; wc -c < b; wc -c < big; stat -c %a a b big; tail -c 1 big", files, 3,
        "first\nkept\n0\n100000\n644\n666\n600\nz");
}

static void test_file_cannot_be_made(void **state)
{
    struct rig *r = *state;
    AUTO(auto_free) char *path = in_temp(r, "missing/a");
    const struct sbx_file file = {.path = path, .mode = 0644, .content = SV("x")};
    struct sbx_job_event ev;
    uint32_t id;
    char byte;
    int out;

    start(r, "echo ran", &file, 1, &id, &out);
    ev = rig_next(r);
    assert_int_equal(ev.kind, SBX_JOB_SPAWN_ERROR);
    assert_int_equal(ev.id, id);
    assert_true(ev.file_failed);
    assert_int_equal(ev.error.code, FAIL_NOTFOUND);
    assert_non_null(strstr(ev.error.msg, path));
    assert_int_equal(read(out, &byte, 1), 0); /* nothing ran */
    (void)close(out);
    run(r, "echo next", NULL, 0, "next\n");
}

static void test_recycled(void **state)
{
    struct rig *r = *state;
    AUTO(auto_free) char *old = in_temp(r, "old");
    AUTO(auto_free) char *new = in_temp(r, "new");
    const struct sbx_file first = {.path = old, .mode = 0644, .content = SV("a long content\n")};
    const struct sbx_file file = {
        .path = new, .mode = 0644, .content = SV("short\n"), .recycle = old};

    run(r, "ls -i old | cut -d ' ' -f 1 > inode", &first, 1, "");
    run(r, "cat new; ls -i new | cut -d ' ' -f 1 | diff - inode && ls old 2>/dev/null || echo gone",
        &file, 1, "short\ngone\n");
    /* Nothing to recycle any more: a fresh file. */
    run(r, "cat new", &file, 1, "short\n");
}

/* A file that somebody still reads, or that has a second name, stays as it is. */
static void test_not_recycled(void **state)
{
    static const char *const holds[] = {"sleep 600 < old > /dev/null 2>&1 & echo held",
                                        "ln old second; echo held", "chmod 600 old; echo held",
                                        "rm old; ln -s /etc/hosts old; echo held"};
    struct rig *r = *state;
    AUTO(auto_free) char *old = in_temp(r, "old");
    AUTO(auto_free) char *new = in_temp(r, "new");
    const struct sbx_file first = {.path = old, .mode = 0644, .content = SV("before\n")};
    const struct sbx_file file = {
        .path = new, .mode = 0644, .content = SV("after\n"), .recycle = old};

    for (size_t i = 0; i < sizeof holds / sizeof holds[0]; i++) {
        run(r, holds[i], &first, 1, "held\n");
        run(r, "cat new; test -e old && test ! new -ef old && ! grep -q after old && echo kept",
            &file, 1, "after\nkept\n");
    }
}

/* ---- looking ---- */

struct seen {
    size_t n;
    char what[8][64];
};

static void see(void *ctx, size_t i, const char *text, size_t n, const struct err *why)
{
    struct seen *s = ctx;

    assert_int_equal(i, s->n);
    if (text == NULL)
        (void)snprintf(s->what[s->n++], 64, "code %d errno %d", (int)why->code, why->sys);
    else
        (void)snprintf(s->what[s->n++], 64, "%zu %.*s", n, n < 8 ? (int)n : 8, text);
}

static void test_look(void **state)
{
    static const char *const names[] = {"small", "none", "large", "empty", "link", "fifo", "huge"};
    static const char *const wanted[] = {
        "6 small\n",       "code 4 errno 2",  "20000 ",         "0 ",
        "code 1 errno 40", "code 2 errno 22", "code 3 errno 27"};
    struct rig *r = *state;
    char *paths[7];
    char *found = NULL;
    struct seen s = {.n = 0};
    struct err e = {0};
    struct sbx_look l = {.paths = (const char *const *)(uintptr_t)paths,
                         .n_paths = 7,
                         .max = 20000,
                         .fn = see,
                         .ctx = &s,
                         .which_name = "sh",
                         .which_list = "/nowhere:/usr/bin:/bin"};

    for (size_t i = 0; i < 7; i++)
        paths[i] = in_temp(r, names[i]);
    run(r,
        "echo small > small; head -c 20000 /dev/zero > large; : > empty; ln -s small link;"
        "mkfifo fifo; head -c 20001 /dev/zero > huge",
        NULL, 0, "");
    assert_int_equal(sbx_look(r->job, &l, &found, &e), 0);
    assert_string_equal(found, "/usr/bin/sh");
    assert_int_equal(s.n, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_string_equal(s.what[i], wanted[i]);
        free(paths[i]);
    }
    free(found);
    l.n_paths = s.n = 0;
    l.which_name = "no-such-program";
    assert_int_equal(sbx_look(r->job, &l, &found, &e), 0);
    assert_null(found);
}

static void test_memory(void **state)
{
    struct rig *r = *state;
    AUTO(auto_free) char *link = in_temp(r, "link");
    struct err e = {0};

    if (level == SBX_NONE) {
        assert_string_equal(r->hello.memory, "");
        return;
    }
    assert_string_equal(r->hello.memory, SBX_MEMORY);
    assert_int_equal(sbx_link(r->job, link, SBX_MEMORY, &e), 0);
    assert_int_equal(sbx_link(r->job, link, SBX_MEMORY, &e), 0);
    run(r, "cd link && pwd -P && echo x > file && cat file && stat -f -c %T . && stat -c %a:%U .",
        NULL, 0, "/run/runner\nx\ntmpfs\n755:runner\n");
}

/* ---- the starter ---- */

static void test_many_at_once(void **state)
{
    struct rig *r = *state;
    uint32_t ids[40];
    int outs[40];
    unsigned exits = 0;
    struct err e = {0};

    for (size_t i = 0; i < 40; i++) {
        AUTO(auto_free) char *script = xasprintf("echo %zu; exit %zu", i, i);
        start(r, script, NULL, 0, &ids[i], &outs[i]);
    }
    while (exits < 40) {
        struct sbx_job_event ev = rig_next(r);
        assert_int_not_equal(ev.kind, SBX_JOB_SPAWN_ERROR);
        if (ev.kind != SBX_JOB_EXITED)
            continue;
        assert_int_equal(ev.status, ev.id - ids[0]);
        exits++;
    }
    for (size_t i = 0; i < 40; i++) {
        AUTO(auto_free) char *text = xasprintf("%zu\n", i);
        char got[8] = {0};
        assert_true(fd_read_full(outs[i], got, sizeof got - 1, &e) > 0);
        assert_string_equal(got, text);
        (void)close(outs[i]);
    }
}

/* Asked for before the program runs: it comes when it does. */
static void test_early_signal(void **state)
{
    struct rig *r = *state;
    struct err e = {0};
    uint32_t id;
    int out;

    start(r, "sleep 600", NULL, 0, &id, &out);
    assert_int_equal(sbx_signal(r->job, id, SIGTERM, true, &e), 0);
    finish(r, id, out, 128 + SIGTERM, "");
}

static void test_early_kill(void **state)
{
    struct rig *r = *state;
    struct sbx_job_event ev;
    struct err e = {0};
    uint32_t id;
    int out;

    start(r, "sleep 600", NULL, 0, &id, &out);
    assert_int_equal(sbx_signal(r->job, id, SIGKILL, true, &e), 0);
    do
        ev = rig_next(r);
    while (ev.kind == SBX_JOB_SPAWNED);
    if (ev.kind == SBX_JOB_EXITED)
        assert_int_equal(ev.status, 128 + SIGKILL);
    else
        assert_int_equal(ev.error.code, FAIL_CANCELED);
    (void)close(out);
    run(r, "echo next", NULL, 0, "next\n");
}

/* What has been heard of has started, however fast the signal follows. */
static void test_kill_once_it_is_heard(void **state)
{
    enum { TIMES = 300 };
    struct rig *r = *state;

    for (int i = 0; i < TIMES; i++) {
        struct sbx_job_event ev;
        struct err e = {0};
        uint32_t id;
        char c;
        int out;

        start(r, "echo; sleep 600", NULL, 0, &id, &out);
        assert_int_equal(read(out, &c, 1), 1);
        assert_int_equal(sbx_signal(r->job, id, SIGKILL, true, &e), 0);
        do
            ev = rig_next(r);
        while (ev.kind == SBX_JOB_SPAWNED);
        assert_int_equal(ev.kind, SBX_JOB_EXITED);
        assert_int_equal(ev.status, 128 + SIGKILL);
        (void)close(out);
    }
}

/* At level single the job's processes have the starter's uid: they can stop it. A step that does not start because of
 * that can be killed, and the next one starts. */
static void test_stopped_starter(void **state)
{
    struct rig *r = *state;
    struct sbx_job_event ev;
    struct err e = {0};
    uint32_t id;
    int out;

    if (level != SBX_SINGLE)
        return;
    start(r, "kill -STOP -1; :", NULL, 0, &id, &out);
    /* Its pipe may be held by the starter, where that was stopped before it closed its end. */
    do
        ev = rig_next(r);
    while (ev.kind == SBX_JOB_SPAWNED);
    assert_int_equal(ev.kind, SBX_JOB_EXITED);
    assert_int_equal(ev.status, 0);
    (void)close(out);
    start(r, "echo never", NULL, 0, &id, &out);
    assert_int_equal(poll(&(struct pollfd){.fd = out, .events = POLLIN}, 1, 300), 0);
    assert_int_equal(sbx_signal(r->job, id, SIGKILL, true, &e), 0);
    ev = rig_next(r);
    assert_int_equal(ev.kind, SBX_JOB_SPAWN_ERROR);
    assert_int_equal(ev.error.code, FAIL_CANCELED);
    (void)close(out);
    run(r, "echo next", NULL, 0, "next\n");
}

/* Nobody in the job can look into the starter or into init. */
static void test_starter_is_closed(void **state)
{
    struct rig *r = *state;

    if (level == SBX_NONE)
        return;
    run(r,
        "for p in /proc/[0-9]*; do test $p = /proc/$$ && continue; grep -q gantry-sandbox $p/comm || "
        "continue; echo found; cat $p/environ $p/mem 2>/dev/null && echo open; done | sort -u",
        NULL, 0, "found\n");
}

static int run_level(enum sbx_level l)
{
#define JOB(f) cmocka_unit_test_setup_teardown(f, open_job, close_job)
    const struct CMUnitTest tests[] = {
        JOB(test_files_are_made),
        JOB(test_file_cannot_be_made),
        JOB(test_recycled),
        JOB(test_not_recycled),
        JOB(test_look),
        JOB(test_memory),
        JOB(test_many_at_once),
        JOB(test_early_signal),
        JOB(test_early_kill),
        JOB(test_kill_once_it_is_heard),
        JOB(test_stopped_starter),
        JOB(test_starter_is_closed),
    };

    level = l;
    return _cmocka_run_group_tests(sbx_level_name(l), tests, sizeof tests / sizeof tests[0], NULL,
                                   NULL);
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
