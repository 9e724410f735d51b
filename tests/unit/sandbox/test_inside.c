/* SPDX-License-Identifier: Apache-2.0
 *
 * What a job finds inside: the source, actions, host folders, the network; and what its root can do. */
#include "tests/unit/sandbox/levels.h"

#include "base/num.h"

#include <arpa/inet.h>
#include <netinet/in.h>

/* ---- the source ---- */

static void put(const char *dir, const char *name, const char *text, mode_t mode)
{
    AUTO(auto_free) char *path = xasprintf("%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
}

static void make_source(const char *dir)
{
    AUTO(auto_free) char *sub = xasprintf("%s/sub/deep", dir);
    AUTO(auto_free) char *git = xasprintf("%s/.git/objects", dir);
    AUTO(auto_free) char *link = xasprintf("%s/sub/link", dir);
    struct err e = {0};

    assert_int_equal(fs_mkdir_all(AT_FDCWD, sub, 0700, &e), 0);
    assert_int_equal(fs_mkdir_all(AT_FDCWD, git, 0700, &e), 0);
    put(dir, "secret 0600", "private\n", 0600);
    put(dir, "sub/run.sh", "#!/bin/sh\necho ran\n", 0755);
    put(dir, "sub/deep/\xff\xfe", "bytes\n", 0644);
    put(dir, "ignored", "no\n", 0644);
    put(dir, ".git/objects/o", "object\n", 0444);
    assert_int_equal(symlink("../secret 0600", link), 0);
}

static void test_copy_source(void **state)
{
    static const char listing[] = "deleted/file\0gone\0secret 0600\0sub/deep/\xff\xfe\0sub/link\0"
                                  "sub/run.sh\0.git/";
    struct rig *r = open_job();
    AUTO(auto_free) char *dir = xasprintf("%s/source", r->dir);
    AUTO(auto_fd) int memfd = -1;
    AUTO(auto_free) char *dest = NULL;
    AUTO(auto_free) char *script = NULL;
    struct sbx_job_event ev;
    struct err e = {0};
    uint32_t id;

    (void)state;
    assert_int_equal(mkdir(dir, 0700), 0);
    make_source(dir);
    r->policy.source_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(r->policy.source_fd >= 0);
    rig_open(r);
    (void)close(r->policy.source_fd);
    assert_true(r->hello.has_source);
    dest = xasprintf("%s/repo/repo", r->hello.work);
    assert_int_equal(fd_memfd("listing", listing, sizeof listing, &memfd, &e), 0);
    assert_int_equal(sbx_copy_source(r->job, dest, memfd, &id, &e), 0);
    ev = rig_next(r);
    assert_int_equal(ev.kind, SBX_JOB_COPIED);
    assert_int_equal(ev.id, id);
    if (ev.error.code != FAIL_NONE)
        rig_fail("copy", &ev.error);
    assert_int_equal(ev.files, 5);
    script = xasprintf("cd %s && cat 'secret 0600' sub/link && ./sub/run.sh && cat sub/deep/* "
                       ".git/objects/o && ls && stat -c '%%a %%U' 'secret 0600'",
                       dest);
    rig_sh(r, script, &res);
    assert_int_equal(res.status, 0);
    assert_non_null(
        strstr(res.out, "private\nprivate\nran\nbytes\nobject\nsecret 0600\nsub\n600 "));
    if (level != SBX_NONE)
        assert_non_null(strstr(res.out, "600 runner\n"));
    rig_sh(r, "ls /proc/self/fd | wc -l", &res);
    assert_string_equal(res.out, "4\n");
    rig_close(r);
    done(r);
}

static void test_copy_refused(void **state)
{
    static const char *const listings[] = {"../up", "/etc/passwd", "a/../../b"};
    struct rig *r = open_job();
    struct err e = {0};
    struct sbx_job_event ev;
    uint32_t id;

    (void)state;
    r->policy.source_fd = open(r->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    rig_open(r);
    (void)close(r->policy.source_fd);
    for (size_t i = 0; i < sizeof listings / sizeof listings[0]; i++) {
        AUTO(auto_free) char *dest = xasprintf("%s/out", r->hello.work);
        AUTO(auto_fd) int memfd = -1;

        assert_int_equal(fd_memfd("l", listings[i], strlen(listings[i]) + 1, &memfd, &e), 0);
        assert_int_equal(sbx_copy_source(r->job, dest, memfd, &id, &e), 0);
        ev = rig_next(r);
        assert_int_equal(ev.kind, SBX_JOB_COPIED);
        assert_int_not_equal(ev.error.code, FAIL_NONE);
    }
    rig_close(r);
    done(r);
}

static void test_no_source(void **state)
{
    struct rig *r = open_job();
    AUTO(auto_fd) int memfd = -1;
    struct err e = {0};
    struct sbx_job_event ev;
    uint32_t id;

    (void)state;
    rig_open(r);
    assert_int_equal(fd_memfd("l", "a", 2, &memfd, &e), 0);
    assert_int_equal(sbx_copy_source(r->job, r->hello.work, memfd, &id, &e), 0);
    ev = rig_next(r);
    assert_int_equal(ev.error.code, FAIL_DENIED);
    rig_close(r);
    done(r);
}

/* ---- what the worker fills from outside ---- */

static void test_actions_folder(void **state)
{
    struct rig *r = open_job();
    AUTO(auto_free) char *host = NULL;
    AUTO(auto_free) char *script = NULL;

    (void)state;
    rig_open(r);
    /* At level full the worker has it by descriptor; the test is root and reaches it by name. */
    host = level == SBX_FULL ? xasprintf("%s/actions", r->job_dir) : xstrdup(r->hello.actions_host);
    put(host, "action.yml", "name: x\n", 0644);
    script = xasprintf("cat %s/action.yml; touch %s/new && echo written", r->hello.actions,
                       r->hello.actions);
    rig_sh(r, script, &res);
    assert_non_null(strstr(res.out, "name: x\n"));
    if (level != SBX_NONE)
        assert_non_null(strstr(res.out, "Read-only file system"));
    rig_close(r);
    done(r);
}

/* ---- network ---- */

static uint16_t listen_outside(int *fd)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof a;

    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(*fd, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(*fd, 8), 0);
    assert_int_equal(getsockname(*fd, (struct sockaddr *)&a, &n), 0);
    return ntohs(a.sin_port);
}

#define CONNECT "exec 3<>/dev/tcp/%s/%u && cat <&3"

static void bash(struct rig *r, const char *host, unsigned port)
{
    AUTO(auto_free) char *script = xasprintf(CONNECT, host, port);
    const char *argv[] = {"/bin/bash", "-c", script, NULL};

    rig_exec(r, argv, false, &res);
}

static void test_network_none(void **state)
{
    struct rig *r = open_job();
    struct err e = {0};
    int outside;
    int inside;
    uint16_t port = listen_outside(&outside);

    (void)state;
    r->policy.network = SBX_NET_NONE;
    r->policy.service_port = 4711;
    r->policy.service_host = "gantry.localhost";
    rig_open(r);
    bash(r, "127.0.0.1", port); /* a port of the host's loopback */
    assert_non_null(strstr(res.out, "Connection refused"));
    bash(r, "192.0.2.1", 80);
    assert_non_null(strstr(res.out, "Network is unreachable"));
    assert_int_equal(sbx_listen(r->job, 4712, &inside, &e), -1);
    assert_int_equal(e.code, FAIL_DENIED);
    assert_int_equal(sbx_listen(r->job, 4711, &inside, &e), 0);
    if (fork() == 0) { /* the relay's part, in short */
        int c = accept(inside, NULL, NULL);
        _exit(c >= 0 && write(c, "served\n", 7) == 7 ? 0 : 1);
    }
    bash(r, "gantry.localhost", 4711);
    assert_string_equal(res.out, "served\n");
    (void)wait(NULL);
    (void)close(inside);
    (void)close(outside);
    rig_close(r);
    done(r);
}

static void test_network_host(void **state)
{
    struct rig *r = open_job();
    struct err e = {0};
    int outside;
    int fd;
    uint16_t port = listen_outside(&outside);

    (void)state;
    r->policy.service_host = "gantry.localhost";
    r->policy.service_port = port;
    rig_open(r);
    assert_int_equal(sbx_listen(r->job, port, &fd, &e), -1); /* it is there already */
    if (fork() == 0) {
        int c = accept(outside, NULL, NULL);
        _exit(c >= 0 && write(c, "served\n", 7) == 7 ? 0 : 1);
    }
    bash(r, level == SBX_NONE ? "127.0.0.1" : "gantry.localhost", port);
    assert_string_equal(res.out, "served\n");
    (void)wait(NULL);
    (void)close(outside);
    rig_close(r);
    done(r);
}

static void test_host_folder_is_shown(void **state)
{
    struct rig *r = open_job();
    AUTO(auto_free) char *dir = xasprintf("%s/shown", r->dir);
    AUTO(auto_free) char *script = xasprintf("cat %s/tool; touch %s/x; ls %s", dir, dir, r->dir);
    const char *dirs[] = {dir, NULL};

    (void)state;
    assert_int_equal(mkdir(dir, 0755), 0);
    put(dir, "tool", "tool\n", 0644);
    r->policy.host_dirs = dirs;
    rig_open(r);
    rig_sh(r, script, &res);
    assert_non_null(strstr(res.out, "tool\n"));
    if (level != SBX_NONE) {
        assert_non_null(strstr(res.out, "Read-only file system"));
        assert_non_null(strstr(res.out, "shown\n"));
        assert_null(strstr(res.out, "jobs")); /* its neighbours are not there */
    }
    rig_close(r);
    done(r);
}

/* The job's root writes where it likes, in memory or on the job's disk; the host has nothing of it, and files with ids
 * of the job's range are removed. */
/* What root in a job does stays in the job; with the upper folder in memory and on disk (the seam). */
static void check_root_of_the_job(void **state)
{
    const char *seam = *state;
    static const char *const argv[] = {
        "/bin/sh", "-c",
        "set -e; touch /usr/bin/gantry-was-here; rm -rf /etc/apt; mkdir /etc/apt /x; mv /root /root2; "
        "ls -A /etc/apt; chown 5:5 /usr/bin/gantry-was-here; chmod 4755 /usr/bin/gantry-was-here; "
        "mkdir -m 000 " SBX_WORK "/locked; chown 33:33 " SBX_WORK "/locked; "
        "stat -c '%u %a' /usr/bin/gantry-was-here; id -u",
        NULL};
    char wall[64];
    char *env[] = {wall, NULL};
    char **kept = environ;
    struct rig *r = open_job();

    (void)snprintf(wall, sizeof wall, "%s", seam);
    r->policy.allow_sudo = true;
    environ = env;
    rig_start_launcher(r);
    environ = kept;
    rig_open(r);
    rig_exec(r, argv, true, &res);
    assert_string_equal(res.out, "5 4755\n0\n");
    assert_int_equal(res.status, 0);
    rig_sh(r, "id -u; cat /etc/shadow", &res);
    assert_non_null(strstr(res.out, "1001\n"));
    assert_non_null(strstr(res.out, "Permission denied"));
    assert_false(fs_exists(AT_FDCWD, "/usr/bin/gantry-was-here"));
    assert_false(fs_exists(AT_FDCWD, "/x"));
    rig_close(r);
    done(r);
}

int main(int argc, char **argv)
{
    char in_memory[] = "GANTRY_NOTHING=", on_disk[] = "GANTRY_SANDBOX_OFF=tmpfs-upper";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy_source),
        cmocka_unit_test(test_copy_refused),
        cmocka_unit_test(test_no_source),
        cmocka_unit_test(test_actions_folder),
        cmocka_unit_test(test_network_host),
        cmocka_unit_test(test_host_folder_is_shown),
        /* These need a sandbox. */
        cmocka_unit_test(test_network_none),
        /* These need root. */
        {.name = "root of the job", .test_func = check_root_of_the_job, .initial_state = in_memory},
        {.name = "root of the job, upper folder on disk",
         .test_func = check_root_of_the_job,
         .initial_state = on_disk},
    };
    enum { N = sizeof tests / sizeof tests[0] };

    if (rig_was_worker(argc, argv))
        return 0;
    return run_levels((struct level_tests){tests, N - 3, N - 2, N}) != 0;
}
