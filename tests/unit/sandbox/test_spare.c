/* SPDX-License-Identifier: Apache-2.0
 *
 * Spare workers: who gets one, what it is like, and that one that fails costs nothing but time. */
#include "tests/unit/sandbox/rig.h"

#include <stdlib.h>
#include <time.h>

#define UID 65200U /* of the worker, at level full */

static enum sbx_level level;

struct told { /* by the worker */
    uint64_t from_spare, pid, own_session, death, highest;
    char env[40];
};

/* A worker of this program whose environment holds RIG_ENV=text. */
struct worker {
    char self[PATH_MAX], text[60], asan[40];
    char *envp[3];
    struct sbx_worker w;
};

static struct worker *worker(const char *text)
{
    struct worker *k = xcalloc(1, sizeof *k);
    ssize_t n = readlink("/proc/self/exe", k->self, sizeof k->self - 1);

    assert_true(n > 0);
    (void)snprintf(k->text, sizeof k->text, "RIG_ENV=%s", text);
    (void)snprintf(k->asan, sizeof k->asan, "ASAN_OPTIONS=detect_leaks=0");
    k->envp[0] = k->text;
    k->envp[1] = k->asan;
    k->w = (struct sbx_worker){
        .path = k->self, .envp = k->envp, .channel_fd = -1, .uid = level == SBX_FULL ? UID : 0};
    return k;
}

static struct rig *new_rig(void)
{
    struct rig *r = xcalloc(1, sizeof *r);

    rig_init(r, level);
    rig_start_launcher(r);
    return r;
}

static void keep(struct rig *r, const char *env, bool again)
{
    AUTO(auto_free) struct worker *k = worker(env);
    struct err e = {0};

    if (sbx_keep_spare(r->launcher, &k->w, again, &e) < 0)
        rig_fail("keep a spare", &e);
}

static uint64_t number(const struct ipc_in *in, uint16_t tag)
{
    uint64_t v = 0;

    assert_true(ipc_get_u64(in, tag, &v));
    return v;
}

/* Launches a job and reads what its worker says. */
static struct told begin(struct rig *r, const char *env)
{
    AUTO(auto_free) struct worker *k = worker(env);
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
    struct told t = {0};
    struct sv text = SV("");
    struct err e = {0};
    int pair[2];

    assert_int_equal(fs_mkdir_all(AT_FDCWD, r->job_dir, 0700, &e), 0);
    assert_int_equal(ipc_pair(pair, &e), 0);
    r->channel = pair[0];
    k->w.channel_fd = pair[1];
    if (sbx_launch(r->launcher, &r->policy, &k->w, &r->job_id, &e) < 0)
        rig_fail("launch", &e);
    (void)close(pair[1]);
    rig_expect(r, SBX_EV_STARTED);
    if (ipc_recv(r->channel, &in, &e) != 1)
        rig_fail("worker", &e);
    t.from_spare = number(&in, RIG_FROM_SPARE);
    t.pid = number(&in, RIG_PID);
    t.own_session = number(&in, RIG_OWN_SESSION);
    t.death = number(&in, RIG_DEATH_SIGNAL);
    t.highest = number(&in, RIG_HIGHEST_FD);
    assert_true(ipc_get_sv(&in, RIG_ENV, &text));
    (void)snprintf(t.env, sizeof t.env, SV_FMT, SV_ARG(text));
    if (sbx_attach(ipc_take_fd(&in, 0), &r->job, &r->hello, &e) < 0)
        rig_fail("attach", &e);
    return t;
}

static struct told whole_job(struct rig *r, const char *env)
{
    struct told t = begin(r, env);

    rig_close(r);
    return t;
}

static void done(struct rig *r)
{
    rig_done(r);
    free(r);
}

/* Children of the launcher, which is our only child; at most n. */
static size_t children(pid_t *out, size_t n)
{
    char path[64], text[200] = "";
    size_t count = 0;
    pid_t launcher = -1;

    for (int turn = 0; turn < 2; turn++) {
        AUTO(auto_fd) int fd = -1;
        ssize_t got;
        struct sv rest, word;

        if (turn == 0)
            (void)snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
        else
            (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)launcher,
                           (int)launcher);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        got = read(fd, text, sizeof text - 1);
        assert_true(got >= 0);
        rest = (struct sv){text, (size_t)got};
        while (sv_next(&rest, ' ', &word)) {
            pid_t pid = 0;
            for (size_t i = 0; i < word.n && ch_is_digit(word.p[i]); i++)
                pid = pid * 10 + (word.p[i] - '0');
            if (pid > 0 && turn == 0)
                launcher = pid;
            else if (pid > 0 && count < n)
                out[count++] = pid;
        }
    }
    return count;
}

static bool was_executed(pid_t pid)
{
    char path[40], text[40] = "";

    (void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    AUTO(auto_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read(fd, text, sizeof text - 1) > 0 && strcmp(text, "gantry-worker") == 0;
}

/* Until the launcher has n children, each a program of its own: what it was asked for comes in its time. */
static void await_children(size_t n, pid_t *out)
{
    pid_t all[8];
    size_t got = 99;

    for (int i = 0; i < 3000 && got != n; i++) {
        got = children(all, 8);
        for (size_t k = 0; k < got && got == n; k++)
            if (!was_executed(all[k]))
                got = 99;
        if (got != n)
            (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    assert_int_equal(got, n);
    if (n > 0 && out != NULL)
        *out = all[0];
}

static void it_is_like_any_worker(void **state)
{
    struct rig *r = new_rig();
    struct told fresh = whole_job(r, "x"), t;
    pid_t spare = 0;

    (void)state;
    assert_false(fresh.from_spare);
    keep(r, "x", true);
    await_children(1, &spare);
    t = begin(r, "x");
    assert_true(t.from_spare);
    assert_true(t.pid != (uint64_t)spare);
    assert_true(t.own_session);
    assert_int_equal(t.death, SIGKILL);
    assert_int_equal(t.highest, fresh.highest);
    assert_string_equal(t.env, "x");
    struct rig_result res;
    rig_exec(r, (const char *const[]){"/bin/echo", "works", NULL}, false, &res);
    assert_string_equal(res.out, "works\n");
    rig_close(r);
    done(r);
}

static void it_serves_again(void **state)
{
    struct rig *r = new_rig();
    struct told a, b;
    pid_t spare = 0, later = 0;

    (void)state;
    keep(r, "x", true);
    keep(r, "x", true); /* is there already */
    await_children(1, &spare);
    a = whole_job(r, "x");
    b = whole_job(r, "x");
    assert_true(a.from_spare && b.from_spare && a.pid != b.pid);
    await_children(1, &later);
    assert_int_equal(spare, later);
    done(r);
}

static void it_serves_once(void **state)
{
    struct rig *r = new_rig();
    pid_t spare = 0, later = 0;

    (void)state;
    keep(r, "x", false);
    await_children(1, &spare);
    assert_true(whole_job(r, "x").from_spare);
    await_children(0, NULL);
    assert_false(whole_job(r, "x").from_spare);
    keep(r, "x", false);
    await_children(1, &later);
    assert_int_not_equal(spare, later);
    keep(r, "y", false); /* one is kept: the last */
    await_children(1, &spare);
    assert_false(whole_job(r, "x").from_spare);
    assert_true(whole_job(r, "y").from_spare);
    done(r);
}

static void another_job_gets_none(void **state)
{
    struct rig *r = new_rig();
    struct told t;

    (void)state;
    keep(r, "x", true);
    t = whole_job(r, "other");
    assert_false(t.from_spare);
    assert_string_equal(t.env, "other");
    assert_true(whole_job(r, "x").from_spare);
    done(r);
}

static void it_dies_while_idle(void **state)
{
    struct rig *r = new_rig();
    pid_t spare = 0;

    (void)state;
    keep(r, "x", true);
    await_children(1, &spare);
    assert_int_equal(kill(spare, SIGKILL), 0);
    assert_false(whole_job(r, "x").from_spare);
    keep(r, "x", true);
    assert_true(whole_job(r, "x").from_spare);
    done(r);
}

static void it_does_not_answer(void **state)
{
    struct rig *r = new_rig();
    pid_t spare = 0;

    (void)state;
    keep(r, "x", true);
    await_children(1, &spare);
    assert_int_equal(kill(spare, SIGSTOP), 0);
    assert_false(whole_job(r, "x").from_spare); /* two seconds later */
    await_children(0, NULL);
    done(r);
}

static void its_job_is_killed(void **state)
{
    struct rig *r = new_rig();
    struct err e = {0};

    (void)state;
    keep(r, "x", true);
    assert_true(begin(r, "x").from_spare);
    assert_int_equal(sbx_kill(r->launcher, r->job_id, &e), 0);
    rig_expect(r, SBX_EV_WORKER_ENDED);
    assert_int_equal(r->last.status, 128 + SIGKILL);
    rig_expect(r, SBX_EV_GONE);
    fd_close(&r->channel);
    sbx_job_free(r->job);
    r->job = NULL;
    assert_true(whole_job(r, "x").from_spare);
    done(r);
}

static bool is_gone(pid_t pid)
{
    for (int i = 0; i < 500; i++) {
        if (kill(pid, 0) < 0 && errno == ESRCH)
            return true;
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return false;
}

/* The end of the socket is all that the launcher sees of a listener that was killed. */
static void the_listener_goes(void **state)
{
    struct rig *r = new_rig();
    struct told t;
    pid_t spare = 0;

    (void)state;
    keep(r, "x", true);
    await_children(1, &spare);
    t = begin(r, "x");
    assert_true(t.from_spare);
    sbx_launcher_free(r->launcher);
    r->launcher = NULL;
    assert_true(is_gone(spare));
    assert_true(is_gone((pid_t)t.pid));
    assert_false(fs_exists(AT_FDCWD, r->job_dir));
    done(r);
}

static void the_launcher_is_killed(void **state)
{
    struct rig *r = new_rig();
    AUTO(auto_free) char *path = xasprintf("/proc/self/task/%d/children", (int)getpid());
    pid_t spare = 0, launcher = 0;
    char text[40] = "";

    (void)state;
    keep(r, "x", true);
    await_children(1, &spare);
    AUTO(auto_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
    for (size_t i = 0; ch_is_digit(text[i]); i++)
        launcher = launcher * 10 + (text[i] - '0');
    assert_int_equal(kill(launcher, SIGKILL), 0);
    assert_true(is_gone(spare));
    done(r);
}

/* Nobody is told: a job that asks for the same is refused with the reason. */
static void beyond_the_limits_there_is_none(void **state)
{
    struct rig *r = new_rig();
    AUTO(auto_free) struct worker *k = worker("x");
    AUTO(auto_free) char *jobs = xasprintf("%s/jobs", r->dir);
    struct sbx_limits m = {.least = level,
                           .jobs_dir = jobs,
                           .worker_path = k->self,
                           .keep_groups = true, /* as the rig's policy */
                           .first_uid = UID,
                           .n_uids = level == SBX_FULL ? 1 : 0};
    struct err e = {0};

    (void)state;
    assert_int_equal(sbx_launcher_limit(r->launcher, &m, &e), 0);
    k->w.path = "/bin/cat";
    assert_int_equal(sbx_keep_spare(r->launcher, &k->w, true, &e), 0);
    k->w.path = k->self;
    if (level == SBX_FULL) {
        k->w.uid = UID + 1;
        assert_int_equal(sbx_keep_spare(r->launcher, &k->w, true, &e), 0);
        k->w.uid = 0;
        assert_int_equal(sbx_keep_spare(r->launcher, &k->w, true, &e), 0);
    }
    assert_false(whole_job(r, "x").from_spare);
    await_children(0, NULL);
    keep(r, "x", true); /* and this one may be */
    assert_true(whole_job(r, "x").from_spare);
    done(r);
}

static int run_level(enum sbx_level l)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_like_any_worker),  cmocka_unit_test(it_serves_again),
        cmocka_unit_test(it_serves_once),         cmocka_unit_test(another_job_gets_none),
        cmocka_unit_test(it_dies_while_idle),     cmocka_unit_test(it_does_not_answer),
        cmocka_unit_test(its_job_is_killed),      cmocka_unit_test(the_listener_goes),
        cmocka_unit_test(the_launcher_is_killed), cmocka_unit_test(beyond_the_limits_there_is_none),
    };

    level = l;
    return cmocka_run_group_tests_name(sbx_level_name(l), tests, NULL, NULL);
}

static int run_user(void)
{
    return run_level(SBX_NONE) + run_level(SBX_SINGLE);
}

int main(int argc, char **argv)
{
    if (rig_was_worker(argc, argv))
        return 0;
    return (geteuid() == 0 ? run_level(SBX_FULL) : 0) + rig_as_user(run_user) != 0;
}
