/* SPDX-License-Identifier: Apache-2.0
 *
 * Children: what they inherit, how failures come back, that nothing is left. */
#include "tests/unit/base/helper.h"

#include "base/fd.h"
#include "base/proc.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define SH(script)                                                                            \
    (char *[])                                                                                \
    {                                                                                         \
        (char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t)(script), NULL \
    }

static struct proc_spec shell(char **argv)
{
    struct proc_spec s = PROC_SPEC_INIT;

    s.path = "/bin/sh";
    s.argv = argv;
    return s;
}

struct run_case {
    const char *name;
    const char *script;
    int status;
    const char *out;
};
static const struct run_case run_cases[] = {
    {"output and success", "echo hi", 0, "hi\n"},
    {"exit code", "exit 7", 7, ""},
    {"ended by a signal", "kill -9 $$", 128 + 9, ""},
    {"empty environment", "/usr/bin/env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= | wc -l", 0, "0\n"},
    {"standard input is /dev/null", "cat", 0, ""},
    {"only standard streams", "ls /proc/self/fd | wc -l", 0, "4\n"}, /* the fourth lists */
    {"SIGPIPE is not ignored and nothing is blocked",
     "grep -e SigIgn -e SigBlk /proc/self/status | tr -d '[:alpha:][:space:]:0'", 0, ""},
};

static void check_run(void **state)
{
    const struct run_case *c = *state;
    struct proc_spec s = shell(SH(c->script));
    char *out = NULL;
    size_t n = 0, before = open_fds();
    int status = -1;
    struct err e;

    if (proc_capture(&s, 1000, &out, &n, &status, &e) < 0)
        fail_msg("%s", e.msg);
    assert_string_equal(out, c->out);
    assert_int_equal(status, c->status);
    assert_int_equal(open_fds(), before);
    free(out);
}

static void exec_failures_are_reported(void **state)
{
    size_t before = open_fds();
    struct proc_spec s = shell(SH("true"));
    struct proc p = PROC_INIT;
    struct err e;

    s.path = "/nonexistent";
    assert_int_equal(proc_spawn(&s, &p, &e), -1);
    assert_int_equal(e.code, FAIL_NOTFOUND);
    assert_string_equal(e.msg, "cannot execute '/nonexistent': No such file or directory");
    s.path = "/etc/passwd";
    assert_int_equal(proc_spawn(&s, &p, &e), -1);
    assert_int_equal(e.sys, EACCES);
    s = shell(SH("true"));
    s.cwd_fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    assert_int_equal(proc_spawn(&s, &p, &e), -1);
    assert_non_null(strstr(e.msg, "cannot enter the folder for '/bin/sh'"));
    (void)close(s.cwd_fd);
    s.cwd_fd = -1;
    s.keep = (int[]){333};
    s.n_keep = 1;
    assert_int_equal(proc_spawn(&s, &p, &e), -1);
    assert_non_null(strstr(e.msg, "cannot pass descriptors to '/bin/sh'"));
    s.n_keep = 0;
    s.stdio[1] = 334;
    assert_int_equal(proc_spawn(&s, &p, &e), -1);
    assert_int_equal(e.sys, EBADF);
    assert_int_equal(p.pid, -1); /* untouched */
    assert_int_equal(open_fds(), before);
    (void)state;
}

static void streams_may_be_crossed(void **state)
{
    (void)state;
    int p[2];
    char got[16] = "";
    struct err e;
    struct proc child = PROC_INIT;
    struct proc_spec s = shell(SH("echo err >&2; echo out"));
    int status;

    /* The child's 1 and 2 swapped into one pipe, and a kept descriptor beyond stdio. */
    assert_int_equal(fd_pipe(p, &e), 0);
    s.stdio[1] = p[1];
    s.stdio[2] = p[1];
    assert_int_equal(proc_spawn(&s, &child, &e), 0);
    fd_close(&p[1]);
    assert_int_equal(fd_read_full(p[0], got, sizeof got, &e), 8);
    assert_string_equal(got, "err\nout\n");
    assert_int_equal(proc_wait(&child, false, &status, &e), 1);
    assert_int_equal(child.pidfd, -1);
    assert_int_equal(proc_wait(&child, false, &status, &e), -1);
    fd_close(&p[0]);
}

static void kept_descriptor_has_its_number(void **state)
{
    (void)state;
    int p[2], status;
    char got[16] = "", script[64];
    struct err e;
    struct proc child = PROC_INIT;

    assert_int_equal(fd_pipe(p, &e), 0);
    int keep[] = {fcntl(p[1], F_DUPFD_CLOEXEC, 7)};
    (void)snprintf(script, sizeof script, "echo kept >&%d", keep[0]);
    struct proc_spec s = shell(SH(script));
    s.keep = keep;
    s.n_keep = 1;
    s.new_session = true;
    s.die_with_parent = true;
    assert_int_equal(proc_spawn(&s, &child, &e), 0);
    fd_close(&p[1]);
    fd_close(&keep[0]);
    assert_int_equal(fd_read_full(p[0], got, sizeof got, &e), 5);
    assert_string_equal(got, "kept\n");
    assert_int_equal(proc_wait(&child, false, &status, &e), 1);
    fd_close(&p[0]);
}

static void pidfd_is_readable_at_the_end(void **state)
{
    (void)state;
    struct err e;
    struct proc child = PROC_INIT;
    struct proc_spec s = shell(SH("read x"));
    int p[2], status = -1;

    assert_int_equal(fd_pipe(p, &e), 0);
    s.stdio[0] = p[0];
    assert_int_equal(proc_spawn(&s, &child, &e), 0);
    assert_int_equal(proc_wait(&child, true, &status, &e), 0);
    assert_int_equal(status, -1);
    assert_int_equal(proc_signal(&child, SIGTERM, &e), 0);
    struct pollfd pfd = {child.pidfd, POLLIN, 0};
    assert_int_equal(poll(&pfd, 1, 20000), 1);
    assert_int_equal(proc_signal(&child, 0, &e), 0); /* a zombie is still there */
    assert_int_equal(proc_wait(&child, true, &status, &e), 1);
    assert_int_equal(status, 128 + SIGTERM);
    assert_int_equal(proc_signal(&child, SIGTERM, &e), -1);
    assert_int_equal(e.code, FAIL_NOTFOUND);
    fd_close(&p[0]);
    fd_close(&p[1]);
    proc_kill_and_reap(&child);
}

static void kill_and_reap(void **state)
{
    (void)state;
    size_t before = open_fds();
    struct err e;
    struct proc child = PROC_INIT;
    struct proc_spec s = shell(SH("trap '' TERM; while :; do read x </dev/tty || exec cat; done"));
    int p[2];

    assert_int_equal(fd_pipe(p, &e), 0);
    s.stdio[0] = p[0];
    assert_int_equal(proc_spawn(&s, &child, &e), 0);
    pid_t pid = child.pid;
    proc_kill_and_reap(&child);
    assert_int_equal(child.pid, -1);
    assert_int_equal(kill(pid, 0), -1);
    fd_close(&p[0]);
    fd_close(&p[1]);
    assert_int_equal(open_fds(), before);
}

static void capture_limit(void **state)
{
    (void)state;
    struct proc_spec s = shell(SH("printf 12345"));
    char *out = NULL;
    size_t n = 0;
    int status;
    struct err e;

    assert_int_equal(proc_capture(&s, 5, &out, &n, &status, &e), 0);
    assert_int_equal(n, 5);
    free(out);
    out = NULL;
    assert_int_equal(proc_capture(&s, 4, &out, &n, &status, &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
    assert_null(out);
    s.argv = SH("while :; do echo flood; done");
    assert_int_equal(proc_capture(&s, 100000, &out, &n, &status, &e), -1); /* and is killed */
    assert_int_equal(e.code, FAIL_LIMIT);
}

static void captures_run_side_by_side(void **state)
{
    (void)state;
    struct proc_spec s = shell(SH("read word; echo $word"));
    struct proc_capture a = PROC_CAPTURE_INIT, b = PROC_CAPTURE_INIT;
    char *out = NULL;
    size_t n = 0, before = open_fds();
    int pipe_ends[2], status = -1;
    struct err e;

    /* The first can only end when the second has run. */
    assert_int_equal(fd_pipe(pipe_ends, &e), 0);
    s.stdio[0] = pipe_ends[0];
    assert_int_equal(proc_capture_begin(&s, 100, &a, &e), 0);
    s = shell(SH("echo second >&2; echo first"));
    s.stdio[2] = pipe_ends[1];
    assert_int_equal(proc_capture_begin(&s, 100, &b, &e), 0);
    fd_close(&pipe_ends[0]);
    fd_close(&pipe_ends[1]);
    assert_int_equal(proc_capture_end(&a, &out, &n, &status, &e), 0);
    assert_string_equal(out, "second\n");
    free(out);
    assert_int_equal(proc_capture_end(&b, &out, &n, &status, &e), 0);
    assert_string_equal(out, "first\n");
    free(out);
    assert_int_equal(a.child.pid, -1);
    s = shell(SH("exec sleep 1000"));
    assert_int_equal(proc_capture_begin(&s, 100, &a, &e), 0);
    proc_capture_drop(&a); /* does not wait for it */
    assert_int_equal(open_fds(), before);
}

static void which(void **state)
{
    char *p = NULL, *dir = *state, *list, *file;
    struct err e;

    assert_int_equal(proc_which("sh", "/nowhere:/bin:/usr/bin", &p, &e), 0);
    assert_string_equal(p, "/bin/sh");
    free(p);
    assert_int_equal(proc_which("sh", "", &p, &e), -1);
    assert_int_equal(e.code, FAIL_NOTFOUND);
    assert_int_equal(proc_which("", NULL, &p, &e), -1);
    /* Not executable, a folder, a relative entry of the list: no programs. */
    file = xasprintf("%s/tool", dir);
    list = xasprintf("%s:.:", dir);
    assert_int_equal(fs_write_atomic(AT_FDCWD, file, 0600, "", 0, &e), 0);
    assert_int_equal(proc_which("tool", list, &p, &e), -1);
    assert_int_equal(chmod(file, 0700), 0);
    assert_int_equal(proc_which("tool", list, &p, &e), 0);
    assert_string_equal(p, file);
    free(p);
    assert_int_equal(proc_which("/bin", NULL, &p, &e), -1);
    assert_int_equal(proc_which(file, NULL, &p, &e), 0);
    free(p);
    free(file);
    free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exec_failures_are_reported),
        cmocka_unit_test(streams_may_be_crossed),
        cmocka_unit_test(kept_descriptor_has_its_number),
        cmocka_unit_test(pidfd_is_readable_at_the_end),
        cmocka_unit_test(kill_and_reap),
        cmocka_unit_test(capture_limit),
        cmocka_unit_test(captures_run_side_by_side),
        cmocka_unit_test_setup_teardown(which, make_dir, remove_dir),
    };

    proc_main_init(); /* so that the children would inherit what it blocks and ignores */
    return RUN_TABLE("proc_capture", run_cases, check_run) +
           cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
