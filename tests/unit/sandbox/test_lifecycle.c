/* SPDX-License-Identifier: Apache-2.0
 *
 * How jobs begin and end: refusals, deaths of each process, recovery, the source, the network. */
#include "tests/unit/sandbox/rig.h"

#include "base/num.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <grp.h>
#include <netinet/in.h>
#include <sched.h>

static enum sbx_level level;
static struct rig_result res;

static struct rig *open_job(void)
{
    struct rig *r = xcalloc(1, sizeof *r);

    rig_init(r, level);
    return r;
}

static void done(struct rig *r)
{
    rig_done(r);
    free(r);
}

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

static int run_level(enum sbx_level l)
{
    char in_memory[] = "GANTRY_NOTHING=", on_disk[] = "GANTRY_SANDBOX_OFF=tmpfs-upper";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_launcher_dies),
        cmocka_unit_test(test_recover_spares_the_living),
        cmocka_unit_test(test_worker_dies),
        cmocka_unit_test(test_init_dies),
        cmocka_unit_test(test_listener_goes),
        cmocka_unit_test(test_hostile_leftovers),
        cmocka_unit_test(test_two_jobs),
        cmocka_unit_test(test_refuse_network_without_sandbox),
        cmocka_unit_test(test_refuse_missing_worker),
        cmocka_unit_test(test_refuse_beyond_limits),
        cmocka_unit_test(test_refuse_without_user_namespaces),
        cmocka_unit_test(test_copy_source),
        cmocka_unit_test(test_copy_refused),
        cmocka_unit_test(test_no_source),
        cmocka_unit_test(test_actions_folder),
        cmocka_unit_test(test_network_host),
        cmocka_unit_test(test_host_folder_is_shown),
        cmocka_unit_test(test_probe_of_the_host),
        /* These need a sandbox. */
        cmocka_unit_test(test_network_none),
        cmocka_unit_test(test_refuse_missing_host_folder),
        cmocka_unit_test(test_failing_setup),
        /* These need root. */
        {.name = "root of the job", .test_func = check_root_of_the_job, .initial_state = in_memory},
        {.name = "root of the job, upper folder on disk",
         .test_func = check_root_of_the_job,
         .initial_state = on_disk},
    };
    size_t n = sizeof tests / sizeof tests[0] - (l == SBX_NONE ? 5 : l == SBX_SINGLE ? 2 : 0);

    level = l;
    return _cmocka_run_group_tests(sbx_level_name(l), tests, n, NULL, NULL);
}

static int run_user(void)
{
    return run_level(SBX_NONE) + run_level(SBX_SINGLE);
}

int main(int argc, char **argv)
{
    const struct group *adm;
    int failed = 0;

    if (rig_was_worker(argc, argv))
        return 0;
    adm = getgrnam("adm"); /* of every Debian and Ubuntu */
    if (geteuid() == 0) {
        failed += run_level(SBX_FULL);
        failed += adm == NULL || rig_as_user_in(&adm->gr_gid, 1, run_strong_group) != 0;
    }
    return failed + rig_as_user(run_user) != 0;
}
