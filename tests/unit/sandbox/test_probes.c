/* SPDX-License-Identifier: Apache-2.0
 *
 * The probe table: an attacker program inside the job, every answer compared with what the level promises.
 * Each negative is meaningful because the test makes the thing first and sees it from outside. */
#include "tests/unit/sandbox/rig.h"

/* What a row must answer: as root of the job (full with sudo), as its user at full, as its user at single. NULL:
 * the level does not promise it; tests/probes/README.md says why. */
struct row {
    const char *what;
    const char *root, *user, *single;
};
#define ALL(w, a)  \
    {              \
        w, a, a, a \
    }
static const struct row rows[] = {
    ALL("P01 marker", "ENOENT"),
    ALL("P02 etc-gantry", "ENOENT"),
    ALL("P02 state", "ENOENT"),
    ALL("P03 root-of-1", "EACCES"),
    ALL("P04 dotdot", "ENOENT"),
    ALL("P05 docker", "ENOENT"),
    ALL("P05 containerd", "ENOENT"),
    ALL("P05 dbus", "ENOENT"),
    ALL("P05 fake", "ENOENT"),
    ALL("P06 groups", "none"),
    ALL("P07 tmpfs", "EPERM"),
    ALL("P07 proc", "EPERM"),
    ALL("P08 mask", "EPERM"),
    ALL("P08 proc", "EPERM"),
    ALL("P09 remount", "EPERM"),
    ALL("P10 open_tree", "EPERM"),
    ALL("P10 fsopen", "EPERM"),
    ALL("P11 pivot_root", "EPERM"),
    {"P12 chroot", "ENOENT", "EPERM", "EPERM"},
    ALL("P13 setns", "EPERM"),
    ALL("P14 ns-of-1", "EACCES"),
    ALL("P15 handle", "EPERM"),
    ALL("P17 core_pattern", "refused"),
    ALL("P18 sysrq", "refused"),
    ALL("P19 modprobe", "refused"),
    ALL("P22 ip_forward", "refused"),
    ALL("P22 userns", "refused"),
    ALL("P25 block", "EPERM"),
    ALL("P25 mem", "EPERM"),
    ALL("P25 null", "EPERM"),
    ALL("P26 devices", "none"),
    ALL("P28 syslog", "EPERM"),
    ALL("P29 ptrace", "EPERM"),
    ALL("P30 vm_readv", "EPERM"),
    ALL("P31 mem", "EACCES"),
    ALL("P31 environ", "EACCES"),
    ALL("P32 kcmp", "EPERM"),
    ALL("P32 getfd", "EPERM"),
    {"P33 others", NULL, "0", NULL},
    {"P33 pid-1", "EPERM", "EPERM", NULL},
    ALL("P34 descriptors", "0"),
    ALL("P35 exe", "EACCES"),
    ALL("P35 fd", "EACCES"),
    ALL("P36 keyctl", "EPERM"),
    ALL("P36 add_key", "EPERM"),
    ALL("P37 userns", "EPERM"),
    ALL("P37 mntns", "EPERM"),
    ALL("P38 clone3", "ENOSYS"),
    ALL("P39 clone", "EPERM"),
    ALL("P40 io_uring", "EPERM"),
    ALL("P40 userfaultfd", "EPERM"),
    ALL("P40 bpf", "EPERM"),
    ALL("P40 perf", "EPERM"),
    ALL("P42 unknown", "ENOSYS"),
    ALL("P44 tiocsti", "EPERM"),
    ALL("P44 tiocsti-high", "EPERM"),
    ALL("P45 tioclinux", "EPERM"),
    {"P47 kill-1", "EPERM", "EPERM", NULL},
    ALL("P48 settime", "EPERM"),
    ALL("P48 adjtimex", "EPERM"),
    ALL("P49 hostname", "EPERM"),
    ALL("P52 bounding", "0"),
    ALL("P65 alg", "EAFNOSUPPORT"),
    ALL("P65 vsock", "EAFNOSUPPORT"),
    ALL("P65 packet", "EAFNOSUPPORT"),
    ALL("P65 nfnetlink", "EPROTONOSUPPORT"),
};

static struct rig_result res;

/* Everything that the probes look for, seen from outside. */
static void make_bait(const struct rig *r, char *marker, size_t n)
{
    struct stat st;
    int fd;

    (void)snprintf(marker, n, "%s/marker", r->dir);
    fd = open(marker, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(stat(marker, &st), 0);
    if (geteuid() != 0)
        return;
    fd = open("/run/gantry-probe.sock", O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    assert_true(fd >= 0);
    (void)close(fd);
}

static void put_probe(struct rig *r, const char *token, const char *program)
{
    struct err e = {0};
    char *text;
    size_t n;

    assert_int_equal(fs_read_file(AT_FDCWD, GANTRY_PROBE, 16U << 20, &text, &n, &e), 0);
    assert_int_equal(sbx_write_file(r->job, program, 0755, text, n, &e), 0);
    assert_int_equal(sbx_write_file(r->job, token, 0644, "", 0, &e), 0);
    free(text);
}

static void run_probe(struct rig *r, bool as_root)
{
    char marker[PATH_MAX];
    const char *argv[] = {SBX_WORK "/probe", SBX_WORK "/token", marker, NULL};

    make_bait(r, marker, sizeof marker);
    put_probe(r, argv[1], argv[0]);
    rig_exec(r, argv, as_root, &res);
    if (geteuid() == 0)
        (void)unlink("/run/gantry-probe.sock");
    assert_int_equal(res.error.code, FAIL_NONE);
    assert_int_equal(res.status, 0);
}

/* The answer to a row, or NULL. */
static const char *answer_to(const char *what, char *dst, size_t n)
{
    char line[128];
    const char *at;
    size_t len;

    (void)snprintf(line, sizeof line, "%s ", what);
    for (at = res.out; at != NULL && strncmp(at, line, strlen(line)) != 0;) {
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    if (at == NULL)
        return NULL;
    at += strlen(line);
    len = strcspn(at, "\n");
    (void)snprintf(dst, n, "%.*s", (int)len, at);
    return dst;
}

/* Rows whose answer is not the promised one; each is printed when `loud`. */
static int count_wrong(enum sbx_level level, bool as_root, bool loud)
{
    int wrong = 0;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *want = level == SBX_SINGLE ? rows[i].single
                           : as_root           ? rows[i].root
                                               : rows[i].user;
        char got[64];

        if (want == NULL)
            continue;
        if (answer_to(rows[i].what, got, sizeof got) == NULL)
            (void)snprintf(got, sizeof got, "no answer");
        if (strcmp(got, want) == 0)
            continue;
        wrong++;
        if (loud)
            print_error("%s (%s%s): want %s, got %s\n", rows[i].what, sbx_level_name(level),
                        as_root ? ", root" : "", want, got);
    }
    return wrong;
}

static enum sbx_level own_level(void)
{
    return geteuid() == 0 ? SBX_FULL : SBX_SINGLE;
}

/* Every probe, from inside a job: each must get the errno that its row wants. */
struct probe_case {
    bool as_root;
    enum sbx_net net;
};

static void check_probes(void **state)
{
    const struct probe_case *c = *state;
    bool as_root = c->as_root;
    struct rig r;

    rig_init(&r, own_level());
    r.policy.network = c->net;
    r.policy.allow_sudo = as_root;
    rig_open(&r);
    run_probe(&r, as_root);
    assert_int_equal(count_wrong(own_level(), as_root, true), 0);
    rig_sh(&r, "echo alive", &res); /* P47: what serves the job survived */
    assert_string_equal(res.out, "alive\n");
    rig_close(&r);
    rig_done(&r);
}

/* A test build without one wall: some probe must notice, or the probes are worth nothing. */
static void test_walls(void **state)
{
    static const char *const walls[] = {"GANTRY_SANDBOX_OFF=userns2", "GANTRY_SANDBOX_OFF=seccomp",
                                        "GANTRY_SANDBOX_OFF=mounts"};
    char **kept = environ;

    (void)state;
    for (size_t i = 0; i < sizeof walls / sizeof walls[0]; i++) {
        char wall[64];
        char *env[] = {wall, NULL};
        struct rig r;
        int wrong;

        (void)snprintf(wall, sizeof wall, "%s", walls[i]);
        rig_init(&r, own_level());
        r.policy.network = SBX_NET_NONE;
        environ = env;
        rig_start_launcher(&r);
        environ = kept;
        rig_open(&r);
        run_probe(&r, false);
        wrong = count_wrong(own_level(), false, false);
        print_message("%s: %d probes notice\n", walls[i], wrong);
        assert_true(wrong > 0);
        rig_close(&r);
        rig_done(&r);
    }
}

/* P57 to P59: paths that the worker reads for the job. The rows of P57 are in test_job. */
static void test_paths_out_of_the_job(void **state)
{
    static const struct {
        const char *make, *read;
        int sys;
    } paths[] = {
        {"ln -sfn /proc/self $W/d", "d/environ", EACCES},
        {"ln -sfn /proc/1/root $W/d", "d/etc/passwd", EACCES},
        {"ln -sfn $HOST $W/d", "d/marker", ENOENT},
        {":", "../../../../../../../../$HOST/marker", ENOENT},
        {"mkdir -p $W/e && ln -sfn / $W/e/up", "e/up/etc/sudoers.d/x", ENOENT},
    };
    struct rig r;
    char marker[PATH_MAX];

    (void)state;
    rig_init(&r, own_level());
    rig_open(&r);
    make_bait(&r, marker, sizeof marker);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char script[4096];
        char path[4096];
        struct err e = {0};
        char *text = NULL;
        size_t n;

        (void)snprintf(script, sizeof script, "W=%s HOST=%s; %s", SBX_WORK, r.dir, paths[i].make);
        rig_sh(&r, script, &res);
        assert_int_equal(res.status, 0);
        (void)snprintf(path, sizeof path, "%s/%s", SBX_WORK, paths[i].read);
        if (strstr(path, "$HOST") != NULL)
            (void)snprintf(path, sizeof path, "%s/../../..%s/marker", SBX_WORK, r.dir);
        assert_int_equal(sbx_read_file(r.job, path, 65536, &text, &n, &e), -1);
        assert_int_equal(e.sys, paths[i].sys);
        if (strstr(path, "/d/environ") != NULL)
            continue; /* a link to /proc/self: the helper's, whose content is not given */
        bool there = true;
        assert_int_equal(sbx_exists(r.job, path, SBX_FILE, &there, &e), 0);
        assert_false(there);
    }
    if (geteuid() == 0)
        (void)unlink("/run/gantry-probe.sock");
    rig_close(&r);
    rig_done(&r);
}

/* P16: a host folder that leads to what must not be shown is refused before anything is built. */
static void test_hostile_host_folder(void **state)
{
    static const char *const targets[] = {"/", "/proc", "/home", "/etc/../", "/usr"};
    (void)state;

    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        struct rig r;
        char link[PATH_MAX];
        const char *dirs[] = {link, NULL};

        rig_init(&r, own_level());
        (void)snprintf(link, sizeof link, "%s/link", r.dir);
        assert_int_equal(symlink(targets[i], link), 0);
        r.policy.host_dirs = dirs;
        rig_launch(&r);
        rig_expect(&r, SBX_EV_REFUSED);
        assert_int_equal(r.last.error.code, FAIL_INPUT);
        rig_done(&r);
    }
}

/* Host files and mounts, as text that must be the same afterwards. */
static void snapshot(struct buf *b)
{
    static const char *const files[] = {"/proc/self/mounts", "/etc/passwd",      "/etc/group",
                                        "/etc/hosts",        "/etc/resolv.conf", "/etc/hostname",
                                        "/bin/sh",           "/usr/bin/env"};

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        int fd = open(files[i], O_RDONLY | O_CLOEXEC);
        char block[4096];
        uint64_t sum = 1469598103934665603U; /* FNV-1a */
        struct stat st = {0};
        ssize_t n;

        if (fd < 0)
            continue;
        (void)fstat(fd, &st);
        while ((n = read(fd, block, sizeof block)) > 0)
            for (ssize_t k = 0; k < n; k++)
                sum = (sum ^ (unsigned char)block[k]) * 1099511628211U;
        (void)close(fd);
        buf_addf(b, "%s %llx %o %u %lld\n", files[i], (unsigned long long)sum, st.st_mode,
                 st.st_uid, i == 0 ? 0LL : (long long)st.st_mtim.tv_sec);
    }
}

static struct buf before = {.p = buf_empty, .max = 65536};

static int take_snapshot(void **state)
{
    (void)state;
    snapshot(&before);
    return 0;
}

static int compare_snapshot(void **state)
{
    AUTO(buf_free) struct buf after = BUF_INIT(65536);
    int r;

    (void)state;
    snapshot(&after);
    r = strcmp(before.p, after.p);
    if (r != 0)
        print_error("the host changed:\n%s---\n%s", before.p, after.p);
    buf_free(&before);
    return r != 0 ? -1 : 0;
}

static int run_all(void)
{
    struct probe_case user = {false, SBX_NET_NONE}, user_host = {false, SBX_NET_HOST},
                      root = {true, SBX_NET_NONE};
    const struct CMUnitTest tests[] = {
        {.name = "probes", .test_func = check_probes, .initial_state = &user},
        {.name = "probes, host network", .test_func = check_probes, .initial_state = &user_host},
        cmocka_unit_test(test_walls),
        cmocka_unit_test(test_paths_out_of_the_job),
        cmocka_unit_test(test_hostile_host_folder),
        /* level full only: last, and left out by the count */
        {.name = "probes, root of the job", .test_func = check_probes, .initial_state = &root},
    };
    size_t n = sizeof tests / sizeof tests[0] - (own_level() == SBX_FULL ? 0 : 1);

    return _cmocka_run_group_tests(sbx_level_name(own_level()), tests, n, take_snapshot,
                                   compare_snapshot);
}

int main(int argc, char **argv)
{
    if (rig_was_worker(argc, argv))
        return 0;
    return (geteuid() == 0 ? run_all() : 0) + rig_as_user(run_all) != 0;
}
