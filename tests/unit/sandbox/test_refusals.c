/* SPDX-License-Identifier: Apache-2.0
 *
 * Jobs that are refused: beyond the limits of the launcher, or what this host cannot do. */
#include "tests/unit/sandbox/levels.h"

#include <grp.h>
#include <sched.h>

/* ---- refusals ---- */

static void test_refuse_network_without_sandbox(void **state)
{
    struct rig *r = open_job();

    (void)state;
    r->policy.require = SBX_NONE;
    r->policy.network = SBX_NET_NONE;
    rig_launch(r);
    rig_expect(r, SBX_EV_REFUSED);
    assert_string_equal(
        r->last.error.msg,
        "network 'none' needs a sandbox; leave out --no-sandbox or use --network host");
    assert_false(fs_exists(AT_FDCWD, r->job_dir));
    done(r);
}

static void test_refuse_missing_host_folder(void **state)
{
    static const char *const dirs[] = {"/no/such/host-folder", NULL};
    struct rig *r = open_job();

    (void)state;
    r->policy.host_dirs = dirs;
    rig_launch(r);
    rig_expect(r, SBX_EV_REFUSED);
    assert_non_null(strstr(r->last.error.msg,
                           "cannot open the host folder '/no/such/host-folder': No such file"));
    assert_false(fs_exists(AT_FDCWD, r->job_dir));
    done(r);
}

static void test_refuse_missing_worker(void **state)
{
    struct rig *r = open_job();
    struct sbx_worker w = {.path = "/no/such/worker", .envp = environ};
    struct err e = {0};

    (void)state;
    rig_start_launcher(r);
    r->channel = open("/dev/null", O_RDWR | O_CLOEXEC);
    w.channel_fd = r->channel;
    assert_int_equal(sbx_launch(r->launcher, &r->policy, &w, &r->job_id, &e), 0);
    rig_expect(r, SBX_EV_REFUSED);
    assert_non_null(
        strstr(r->last.error.msg, "cannot open the worker '/no/such/worker': No such file"));
    assert_false(fs_exists(AT_FDCWD, r->job_dir));
    done(r);
}

/* A listener that was taken over asks for more than it said before it gave up root: nothing is touched. */
static void test_refuse_beyond_limits(void **state)
{
    static const char *const shown[] = {"/usr/share", NULL};
    static const char *const other[] = {"/usr/share", "/srv", NULL};
    struct rig *r = open_job();
    AUTO(auto_free) char *deeper = xasprintf("%s/x", r->job_dir);
    AUTO(auto_free) char *jobs = xasprintf("%s/jobs", r->dir);
    struct sbx_limits m = {.least = SBX_SINGLE,
                           .jobs_dir = jobs,
                           .host_dirs = shown,
                           .worker_path = "/bin/true",
                           .first_uid = 65200,
                           .n_uids = 2,
                           .keep_groups = true};
    const struct {
        enum sbx_level require;
        const char *job_dir;
        const char *const *host_dirs;
        const char *worker;
        uint32_t uid;
        const char *want;
    } table[] = {
        {SBX_NONE, r->job_dir, shown, "/bin/true", 65200, "a weaker sandbox"},
        {SBX_SINGLE, deeper, shown, "/bin/true", 65200, "a folder that is no job's"},
        {SBX_SINGLE, r->dir, shown, "/bin/true", 65200, "a folder that is no job's"},
        {SBX_SINGLE, "/etc", shown, "/bin/true", 65200, "a folder that is no job's"},
        {SBX_SINGLE, r->job_dir, other, "/bin/true", 65200, "another host folder"},
        {SBX_SINGLE, r->job_dir, shown, "/bin/sh", 65200, "another worker"},
        {SBX_SINGLE, r->job_dir, shown, "/bin/true", 65202, "a worker with another uid"},
        {SBX_SINGLE, r->job_dir, shown, "/bin/true", 0, "a worker with another uid"},
        {SBX_SINGLE, r->job_dir, shown, "/bin/true", UINT32_MAX, "a worker with another uid"},
    };
    struct err e = {0};

    (void)state;
    assert_int_equal(mkdir(deeper, 0700), 0);
    rig_start_launcher(r);
    assert_int_equal(sbx_launcher_limit(r->launcher, &m, &e), 0);
    r->channel = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct sbx_worker w = {.path = table[i].worker,
                               .envp = environ,
                               .channel_fd = r->channel,
                               .uid = table[i].uid};
        r->policy.require = table[i].require;
        r->policy.job_dir = table[i].job_dir;
        r->policy.host_dirs = table[i].host_dirs;
        assert_int_equal(sbx_launch(r->launcher, &r->policy, &w, &r->job_id, &e), 0);
        rig_expect(r, SBX_EV_REFUSED);
        assert_int_equal(r->last.error.code, FAIL_DENIED);
        assert_non_null(strstr(r->last.error.msg, table[i].want));
        assert_true(fs_exists(AT_FDCWD, deeper));
    }
    /* Limits are set once. */
    assert_int_equal(sbx_launcher_limit(r->launcher, &m, &e), 0);
    assert_int_equal(poll(&(struct pollfd){.fd = sbx_launcher_fd(r->launcher), .events = POLLIN}, 1,
                          RIG_WAIT_MS),
                     1);
    assert_int_equal(sbx_launcher_next(r->launcher, &r->last, &e), -1);
    done(r);
}

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        _exit(90);
    (void)close(fd);
}

/* In a user namespace of our own, where none below is allowed. */
static void launch_without_userns(struct rig *r)
{
    static const char want[] =
        "this host can build a sandbox of level 'none' at most, and 'single' is required: "
        "SBX-USERNS-ENOSPC: no more user namespaces (user.max_user_namespaces is 0); raise it with "
        "'sysctl user.max_user_namespaces=16384'";
    char uids[64];
    char gids[64];
    struct err e = {0};
    struct sbx_event ev = {0};
    struct sbx_worker w = {.path = "/bin/true", .envp = environ, .channel_fd = 2};
    struct pollfd p = {.events = POLLIN};

    (void)snprintf(uids, sizeof uids, "0 %u 1", geteuid());
    (void)snprintf(gids, sizeof gids, "0 %u 1", getegid());
    if (unshare(CLONE_NEWUSER) < 0)
        _exit(91);
    write_text("/proc/self/setgroups", "deny");
    write_text("/proc/self/gid_map", gids);
    write_text("/proc/self/uid_map", uids);
    write_text("/proc/sys/user/max_user_namespaces", "0");
    r->policy.require = SBX_SINGLE;
    if (sbx_launcher_start(RIG_LAUNCHER, &r->launcher, &e) < 0 ||
        sbx_launch(r->launcher, &r->policy, &w, &r->job_id, &e) < 0)
        _exit(92);
    p.fd = sbx_launcher_fd(r->launcher);
    if (poll(&p, 1, RIG_WAIT_MS) != 1 || sbx_launcher_next(r->launcher, &ev, &e) != 1)
        _exit(93);
    if (ev.kind == SBX_EV_REFUSED && strcmp(ev.error.msg, want) == 0)
        _exit(0);
    print_error("%d %s\n", (int)ev.kind, ev.error.msg);
    _exit(94);
}

static void test_refuse_without_user_namespaces(void **state)
{
    struct rig *r = open_job();
    pid_t pid = fork();
    int status = -1;

    (void)state;
    if (pid == 0)
        launch_without_userns(r);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_false(fs_exists(AT_FDCWD, r->job_dir));
    done(r);
}

/* A caller in group adm: nothing at level single can take the group away. */
static void test_strong_group(void **state)
{
    struct rig *r = open_job();
    struct sbx_limits m = {.least = SBX_SINGLE, .worker_path = "/bin/true"};
    AUTO(auto_free) char *jobs = NULL;
    struct err e = {0};

    (void)state;
    r->policy.keep_groups = false;
    rig_launch(r);
    rig_expect(r, SBX_EV_REFUSED);
    assert_non_null(strstr(r->last.error.msg, "SBX-GROUPS: "));
    assert_non_null(strstr(r->last.error.msg, "too strong: adm;"));
    done(r);

    r = open_job(); /* the caller's own job */
    rig_open(r);
    assert_non_null(strstr(r->last.facts, " groups=adm"));
    rig_sh(r, "id -G | wc -w", &res); /* it stays, as a group that has no number here */
    assert_string_equal(res.out, "2\n");
    rig_close(r);
    done(r);

    r = open_job(); /* but not where the launcher was bound before */
    jobs = xasprintf("%s/jobs", r->dir);
    m.jobs_dir = jobs;
    r->worker = "/bin/true";
    rig_start_launcher(r);
    if (sbx_launcher_limit(r->launcher, &m, &e) < 0)
        rig_fail("limits", &e);
    rig_launch(r);
    rig_expect(r, SBX_EV_REFUSED);
    assert_non_null(strstr(r->last.error.msg, "asks for more groups"));
    done(r);
}

static int run_strong_group(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_strong_group)};

    level = SBX_SINGLE;
    return cmocka_run_group_tests_name("in group adm", tests, NULL, NULL);
}

/* An ordinary user in group adm, as only root can make one. */
static int strong_group(void)
{
    const struct group *adm = getgrnam("adm"); /* of every Debian and Ubuntu */

    if (geteuid() != 0)
        return 0;
    return adm == NULL || rig_as_user_in(&adm->gr_gid, 1, run_strong_group) != 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuse_network_without_sandbox),
        cmocka_unit_test(test_refuse_missing_worker),
        cmocka_unit_test(test_refuse_beyond_limits),
        cmocka_unit_test(test_refuse_without_user_namespaces),
        /* These need a sandbox. */
        cmocka_unit_test(test_refuse_missing_host_folder),
    };
    enum { N = sizeof tests / sizeof tests[0] };

    if (rig_was_worker(argc, argv))
        return 0;
    return run_levels((struct level_tests){tests, N - 1, N, N}) + strong_group() != 0;
}
