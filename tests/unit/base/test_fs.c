/* SPDX-License-Identifier: Apache-2.0
 *
 * Files below a folder: escapes through links, limits, atomic writes under failure, removal of hostile trees. */
#include "tests/unit/base/helper.h"

#include "base/fd.h"

#include <errno.h>
#include <linux/fs.h>
#include <linux/magic.h>

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static void put(int dir, const char *path, const char *text)
{
    struct err e;

    if (fs_write_atomic(dir, path, 0600, text, strlen(text), &e) < 0)
        fail_msg("%s", e.msg);
}

/* ext4 keeps the hint; others refuse it, and nothing is different. */
static void spread_is_a_hint(void **state)
{
    int dir = open_dir(*state);
    struct statfs fs;
    int flags = 0;

    fs_spread(dir);
    fs_spread(dir);
    assert_int_equal(fstatfs(dir, &fs), 0);
    if (fs.f_type == EXT4_SUPER_MAGIC) {
        assert_int_equal(ioctl(dir, FS_IOC_GETFLAGS, &flags), 0);
        assert_true((flags & FS_TOPDIR_FL) != 0);
    }
    put(dir, "f", "12345");
    assert_true(fs_exists(dir, "f"));
    (void)close(dir);
}

static void read_at_limit_and_above(void **state)
{
    int dir = open_dir(*state);
    char *p = NULL;
    size_t n = 9;
    struct err e;

    put(dir, "f", "12345");
    assert_int_equal(fs_read_file(dir, "f", 5, &p, &n, &e), 0);
    assert_string_equal(p, "12345");
    assert_int_equal(n, 5);
    free(p);
    p = NULL;
    assert_int_equal(fs_read_file(dir, "f", 4, &p, &n, &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
    assert_null(p);
    assert_int_equal(fs_read_file(dir, "none", 5, &p, &n, &e), -1);
    assert_int_equal(e.code, FAIL_NOTFOUND);
    assert_int_equal(fs_read_file(dir, ".", 5, &p, &n, &e), -1);
    assert_int_equal(e.code, FAIL_INPUT);
    assert_int_equal(mkfifoat(dir, "fifo", 0600), 0);
    assert_int_equal(fs_read_file(dir, "fifo", 5, &p, &n, &e), -1); /* and does not hang */
    assert_int_equal(e.code, FAIL_INPUT);
    put(dir, "empty", "");
    assert_int_equal(fs_read_file(dir, "empty", 0, &p, &n, &e), 0);
    assert_int_equal(n, 0);
    free(p);
    (void)close(dir);
}

static void files_of_unknown_size(void **state)
{
    (void)state;
    char *p;
    size_t n;
    struct err e;

    assert_int_equal(fs_read_file(AT_FDCWD, "/proc/self/maps", 10000000, &p, &n, &e), 0);
    assert_true(n > 100 && p[n] == '\0');
    free(p);
    assert_int_equal(fs_read_file(AT_FDCWD, "/proc/self/maps", 100, &p, &n, &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
}

/* Each failure leaves the old content and no temporary file. */
static void atomic_write_under_failure(void **state)
{
    int dir = open_dir(*state);
    struct err e;
    char *p;
    size_t n, entries = 0;
    struct stat st;

    put(dir, "f", "old");
    assert_int_equal(fstatat(dir, "f", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(fs_write_atomic(dir, "no/f", 0600, "x", 1, &e), -1);
    assert_int_equal(e.code, FAIL_NOTFOUND);
    assert_int_equal(symlinkat("/etc/passwd", dir, "link"), 0);
    put(dir, "link", "mine"); /* replaces the link, not its target */
    assert_int_equal(fstatat(dir, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(mkdirat(dir, "folder", 0700), 0);
    assert_int_equal(fs_write_atomic(dir, "folder", 0600, "x", 1, &e), -1);
    assert_int_equal(fs_read_file(dir, "f", 10, &p, &n, &e), 0);
    assert_string_equal(p, "old");
    free(p);
    DIR *d = fdopendir(dir);
    while (readdir(d) != NULL)
        entries++;
    assert_int_equal(entries, 2 + 3);
    (void)closedir(d);
}

struct beneath_case {
    const char *name;
    const char *path;
    bool no_symlinks;
    int rc;
    enum fail code;
};
static const struct beneath_case beneath_cases[] = {
    {"plain", "a/b/file", false, 0, FAIL_NONE},
    {"doubled slashes and dots", "a//./b/./file", false, 0, FAIL_NONE},
    {"up and down inside", "a/../a/b/../b/file", false, 0, FAIL_NONE},
    {"the folder itself", ".", false, 0, FAIL_NONE},
    {"trailing slash of a folder", "a/b/", false, 0, FAIL_NONE},
    {"trailing slash of a file", "a/b/file/", false, -1, FAIL_NOTFOUND},
    {"up to the folder itself", "a/..", false, 0, FAIL_NONE},
    {"above", "..", false, -1, FAIL_DENIED},
    {"above in the middle", "a/../../x", false, -1, FAIL_DENIED},
    {"absolute", "/etc/passwd", false, -1, FAIL_DENIED},
    {"link inside", "a/inside", false, 0, FAIL_NONE},
    {"link inside, refused", "a/inside", true, -1, FAIL_DENIED},
    {"folder link inside", "dirlink/file", false, 0, FAIL_NONE},
    {"folder link inside, refused", "dirlink/file", true, -1, FAIL_DENIED},
    {"link to an absolute path", "abs", false, -1, FAIL_DENIED},
    {"link to a folder outside", "out/file", false, -1, FAIL_DENIED},
    {"link above the root", "a/up", false, -1, FAIL_DENIED},
    {"link to itself", "loop", false, -1, FAIL_DENIED},
    {"dangling link", "dangling", false, -1, FAIL_NOTFOUND},
    {"missing", "a/none", false, -1, FAIL_NOTFOUND},
    {"file as a folder", "a/b/file/x", false, -1, FAIL_NOTFOUND},
    {"empty", "", false, -1, FAIL_NOTFOUND},
};

static int build_tree(void **state)
{
    if (make_dir(state) < 0)
        return -1;
    int dir = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct err e;
    int r = dir < 0 || fs_mkdir_all(dir, "a/b", 0700, &e) < 0 ||
            fs_write_atomic(dir, "a/b/file", 0600, "x", 1, &e) < 0 ||
            symlinkat("b/file", dir, "a/inside") < 0 || symlinkat("a/./b", dir, "dirlink") < 0 ||
            symlinkat("/etc/passwd", dir, "abs") < 0 || symlinkat("../..", dir, "out") < 0 ||
            symlinkat("../../etc/passwd", dir, "a/up") < 0 || symlinkat("loop", dir, "loop") < 0 ||
            symlinkat("none", dir, "dangling") < 0;

    (void)close(dir);
    return r ? -1 : 0;
}

static void check_all_beneath(const char *root)
{
    int dir = open_dir(root);
    size_t before = open_fds();

    for (size_t i = 0; i < COUNT(beneath_cases); i++) {
        const struct beneath_case *c = &beneath_cases[i];
        struct err e = {0};
        int fd = -7;
        int rc = fs_open_beneath(dir, c->path, O_RDONLY, 0, c->no_symlinks, &fd, &e);
        if (rc != c->rc || e.code != c->code || (rc < 0 && fd != -7))
            fail_msg("%s: %d %d %s", c->name, rc, e.code, e.msg);
        if (rc == 0) {
            assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
            (void)close(fd);
        }
    }
    assert_int_equal(open_fds(), before);
    (void)close(dir);
}

static void beneath_by_the_kernel(void **state)
{
    check_all_beneath(*state);
}

/* A process of its own, since fail points are read once: see main(). */
static int run_again(const char *fail_points, const char *group)
{
    char *argv[] = {(char *)(uintptr_t)group, NULL}, *envp[3] = {NULL}, self[4096];
    int status = -1;
    /* By its name: below valgrind the link itself is valgrind. */
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    assert_true(n > 0);
    self[n] = '\0';
    envp[0] = xasprintf("GANTRY_FAIL=%s", fail_points);
    envp[1] = xasprintf("GANTRY_UNIT_GROUP=%s", group);
    pid_t pid = fork();
    if (pid == 0) {
        (void)execve(self, argv, envp);
        _exit(126);
    }
    free(envp[0]);
    free(envp[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void beneath_by_the_walk(void **state)
{
    (void)state;
    assert_int_equal(run_again("fs.openat2=error:ENOSYS", "walk"), 0);
}

static void atomic_write_at_each_fail_point(void **state)
{
    (void)state;
    assert_int_equal(run_again("fs.write=error:ENOSPC", "write"), 0);
    assert_int_equal(run_again("fs.sync=error:EIO", "write"), 0);
    assert_int_equal(run_again("fs.rename=error:EIO", "write"), 0);
}

/* The group `write`: every attempt fails, the old content stays, nothing is left lying about. */
static void injected_failure_keeps_the_old_file(void **state)
{
    int dir = open_dir(*state);
    int fd = openat(dir, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    struct err e;
    char *p;
    size_t n, entries = 0, before = open_fds();

    assert_int_equal(write(fd, "old", 3), 3);
    assert_int_equal(fs_write_atomic(dir, "f", 0600, "new", 3, &e), -1);
    assert_true(e.sys == ENOSPC || e.sys == EIO);
    assert_non_null(strstr(e.ctx, "write 'f'"));
    assert_int_equal(open_fds(), before);
    assert_int_equal(fs_read_file(dir, "f", 10, &p, &n, &e), 0);
    assert_string_equal(p, "old");
    free(p);
    (void)close(fd);
    DIR *d = fdopendir(dir);
    while (readdir(d) != NULL)
        entries++;
    assert_int_equal(entries, 2 + 1);
    (void)closedir(d);
}

/* Folders without permissions, as somebody who is not root meets them. */
static void remove_as_nobody(const char *root)
{
    struct err e;
    int dir;

    if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
        _exit(10);
    dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || fs_mkdir_all(dir, "t/a/b", 0700, &e) < 0 ||
        fs_write_atomic(dir, "t/a/b/f", 0, "", 0, &e) < 0 || fchmodat(dir, "t/a/b", 0, 0) < 0 ||
        fchmodat(dir, "t/a", 0500, 0) < 0 || fchmodat(dir, "t", 0, 0) < 0)
        _exit(11);
    if (fs_remove_tree(dir, "t", &e) < 0 || fs_exists(dir, "t"))
        _exit(12);
    _exit(0);
}

static void removal_without_permissions(void **state)
{
    int status = -1;

    assert_int_equal(chmod(*state, 0777), 0);
    pid_t pid = fork();
    if (pid == 0)
        remove_as_nobody(*state);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void create_beneath(void **state)
{
    int dir = open_dir(*state), fd;
    struct err e;
    struct stat st;

    assert_int_equal(
        fs_open_beneath(dir, "a/new", O_WRONLY | O_CREAT | O_EXCL, 0640, true, &fd, &e), 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    (void)close(fd);
    assert_int_equal(
        fs_open_beneath(dir, "dangling", O_WRONLY | O_CREAT | O_EXCL, 0640, false, &fd, &e), -1);
    assert_false(fs_exists(dir, "none"));
    assert_true(fs_exists(dir, "a/new"));
    (void)close(dir);
}

static void mkdir_below_follows_nothing(void **state)
{
    int dir = open_dir(*state);
    struct err e;

    assert_int_equal(fs_mkdir_all(dir, "x/y//z/", 0700, &e), 0);
    assert_int_equal(fs_mkdir_all(dir, "x/y/z", 0700, &e), 0);
    assert_true(fs_exists(dir, "x/y/z"));
    assert_int_equal(fs_mkdir_all(dir, "dirlink/n", 0700, &e), -1);
    assert_int_equal(e.code, FAIL_DENIED);
    assert_false(fs_exists(dir, "a/b/n"));
    assert_int_equal(fs_mkdir_all(dir, "x/../../n", 0700, &e), -1);
    assert_int_equal(e.code, FAIL_DENIED);
    assert_int_equal(fs_mkdir_all(dir, "a/b/file", 0700, &e), -1);
    char *path = xasprintf("%s/dirlink/n/m", (char *)*state);
    assert_int_equal(fs_mkdir_all(AT_FDCWD, path, 0700, &e), 0); /* our own path: followed */
    assert_true(fs_exists(dir, "a/b/n/m"));
    free(path);
    path = xasprintf("%s/a/b/file", (char *)*state);
    assert_int_equal(fs_mkdir_all(AT_FDCWD, path, 0700, &e), -1);
    free(path);
    (void)close(dir);
}

static void removal_stays_inside(void **state)
{
    int dir = open_dir(*state);
    struct err e;

    assert_int_equal(mkdirat(dir, "victim", 0700), 0);
    put(dir, "victim/keep", "x");
    assert_int_equal(mkdirat(dir, "tree", 0700), 0);
    assert_int_equal(symlinkat("../victim", dir, "tree/link"), 0);
    assert_int_equal(mkdirat(dir, "tree/locked", 0700), 0);
    put(dir, "tree/locked/f", "x");
    assert_int_equal(fchmodat(dir, "tree/locked", 0, 0), 0);
    assert_int_equal(mkfifoat(dir, "tree/fifo", 0), 0);
    assert_int_equal(fs_remove_tree(dir, "tree", &e), 0);
    assert_false(fs_exists(dir, "tree"));
    assert_true(fs_exists(dir, "victim/keep"));
    assert_int_equal(symlinkat("victim", dir, "to"), 0);
    assert_int_equal(fs_remove_tree(dir, "to", &e), 0); /* the link itself */
    assert_true(fs_exists(dir, "victim/keep"));
    assert_int_equal(fs_remove_tree(dir, "victim/keep", &e), 0); /* a file */
    assert_int_equal(fs_remove_tree(dir, "none", &e), 0);
    (void)close(dir);
}

/* Deeper than PATH_MAX and than any descriptor limit. */
static void removal_of_a_deep_tree(void **state)
{
    int dir = open_dir(*state);
    int at = open_dir(*state);
    size_t before = open_fds();
    struct err e;

    for (int i = 0; i < 3000; i++) {
        int next;
        if (mkdirat(at, i == 0 ? "deep" : "d", 0700) < 0)
            break;
        next = openat(at, i == 0 ? "deep" : "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        (void)close(at);
        at = next;
    }
    (void)close(at);
    assert_int_equal(fs_remove_tree(dir, "deep", &e), 0);
    assert_false(fs_exists(dir, "deep"));
    assert_int_equal(open_fds(), before - 1);
    (void)close(dir);
}

static void locks_exclude(void **state)
{
    int dir = open_dir(*state), a = -1, b = -1;
    struct err e;

    assert_int_equal(fs_lock(dir, "lock", &a, &e), 0);
    assert_int_equal(fs_lock(dir, "lock", &b, &e), -1);
    assert_int_equal(e.code, FAIL_DENIED);
    assert_int_equal(b, -1);
    fd_close(&a);
    assert_int_equal(fs_lock(dir, "lock", &b, &e), 0);
    fd_close(&b);
    (void)close(dir);
}

static void self_dir_and_temp_dir(void **state)
{
    (void)state;
    char *dir, *tmp;
    struct err e;

    assert_int_equal(fs_self_dir(&dir, &e), 0);
    assert_int_equal(dir[0], '/');
    free(dir);
    assert_int_equal(fs_temp_dir(*state, "x", &tmp, &e), 0);
    struct stat st;
    assert_int_equal(stat(tmp, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    free(tmp);
    assert_int_equal(fs_temp_dir("/nowhere", "x", &tmp, &e), -1);
    assert_int_equal(e.code, FAIL_NOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(read_at_limit_and_above, make_dir, remove_dir),
        cmocka_unit_test(files_of_unknown_size),
        cmocka_unit_test_setup_teardown(atomic_write_under_failure, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(beneath_by_the_kernel, build_tree, remove_dir),
        cmocka_unit_test(beneath_by_the_walk),
        cmocka_unit_test(atomic_write_at_each_fail_point),
        cmocka_unit_test_setup_teardown(removal_without_permissions, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(create_beneath, build_tree, remove_dir),
        cmocka_unit_test_setup_teardown(mkdir_below_follows_nothing, build_tree, remove_dir),
        cmocka_unit_test_setup_teardown(removal_stays_inside, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(removal_of_a_deep_tree, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(locks_exclude, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(self_dir_and_temp_dir, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(spread_is_a_hint, make_dir, remove_dir),
    };
    const struct CMUnitTest walk[] = {
        cmocka_unit_test_setup_teardown(beneath_by_the_kernel, build_tree, remove_dir),
        cmocka_unit_test_setup_teardown(create_beneath, build_tree, remove_dir),
    };

    const struct CMUnitTest write_group[] = {
        cmocka_unit_test_setup_teardown(injected_failure_keeps_the_old_file, make_dir, remove_dir),
    };
    const char *group = getenv("GANTRY_UNIT_GROUP");

    if (group != NULL && strcmp(group, "walk") == 0)
        return cmocka_run_group_tests_name("walk", walk, NULL, NULL);
    if (group != NULL)
        return cmocka_run_group_tests_name("write", write_group, NULL, NULL);
    return cmocka_run_group_tests_name("fs", tests, NULL, NULL);
}
