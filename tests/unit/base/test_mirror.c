/* SPDX-License-Identifier: Apache-2.0
 *
 * Mirrors and archives of other people's repositories: names, what is no file, what is too large, no git. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fs.h"
#include "base/libarchive.h"
#include "base/mem.h"
#include "base/mirror.h"
#include "base/tarball.h"

static char dir[] = "/tmp/gantry-mirror-XXXXXX";

/* ---- names ---- */

struct name_case {
    const char *text;
    bool repo, ref;
};
static const struct name_case name_cases[] = {
    {"a/b", true, true},          {"A-1/b_2.c", true, true}, {"a", false, true},
    {"a/b/c", false, true},       {"a/.b", false, true},     {"-a/b", false, false},
    {"a/b c", false, false},      {"../b", false, false},    {"a/..", false, false},
    {"a/b@{0}", false, false},    {"a:b", false, false},     {"a/b\n", false, false},
    {"a/\xc3\xa4", false, true},  {"/a", false, false},      {"", false, false},
    {"a/b^{tree}", false, false}, {"a/*", false, false},
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof name_cases / sizeof name_cases[0]; i++) {
        const struct name_case *c = &name_cases[i];
        if (mirror_good_repo(sv_of(c->text)) != c->repo)
            fail_msg("repository '%s'", c->text);
        if (mirror_good_ref(sv_of(c->text)) != c->ref)
            fail_msg("ref '%s'", c->text);
    }
}

/* Two repositories never share a folder. */
static void test_cache_folder(void **state)
{
    AUTO(auto_free) char *plain = mirror_cache_folder("c", "a/b_c");
    AUTO(auto_free) char *other = mirror_cache_folder("c", "a_b/c");

    (void)state;
    assert_string_equal(plain, "c/a_b_c");
    assert_string_equal(other, "c/a_b%c");
}

/* ---- folders, git ---- */

static void put(const char *name, const char *text)
{
    AUTO(auto_free) char *path = xasprintf("%s/%s", dir, name);
    AUTO(auto_fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    struct err e = {0};

    assert_true(fd >= 0);
    assert_int_equal(fd_write_full(fd, text, strlen(text), &e), 0);
}

static int folder_file(const char *path, size_t max, struct buf *out, struct err *e)
{
    buf_reset(out);
    *e = (struct err){0};
    return mirror_folder_file(dir, path, max, out, e);
}

static void test_folder(void **state)
{
    AUTO(auto_free) char *link = xasprintf("%s/link", dir);
    AUTO(buf_free) struct buf b = BUF_INIT(100);
    struct err e;

    (void)state;
    put("file", "12345");
    assert_int_equal(symlink("file", link), 0);
    assert_int_equal(folder_file("file", 5, &b, &e), 0);
    assert_string_equal(b.p, "12345");
    assert_int_equal(folder_file("file", 4, &b, &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
    assert_int_equal(folder_file("link", 5, &b, &e), -1);
    assert_int_equal(folder_file(".", 5, &b, &e), -1);
    assert_int_equal(folder_file("../etc/passwd", 5000, &b, &e), -1);
    assert_int_equal(folder_file("none", 5, &b, &e), -1);
}

/* It is not the ref that is missing. */
static void test_no_git(void **state)
{
    char nowhere[] = "PATH=/nonexistent";
    char *bare[] = {nowhere, NULL}, **saved = environ, *sha = NULL;
    struct err e = {0};

    (void)state;
    environ = bare;
    int rc = mirror_commit(dir, "v1", &sha, &e);
    environ = saved;
    assert_int_equal(rc, -1);
    assert_int_equal(e.code, FAIL_UNSUPPORTED);
    assert_string_equal(e.msg, "a mirror is read by git, which is not on PATH; install it");
}

static void test_no_ref(void **state)
{
    char *sha = NULL;
    struct err e = {0};

    (void)state;
    assert_int_equal(mirror_commit(dir, "v1", &sha, &e), -1);
    assert_int_equal(e.code, FAIL_NOTFOUND);
    assert_non_null(strstr(e.msg, "has no ref 'v1'"));
}

/* ---- archives ---- */

struct member {
    const char *name, *text, *link; /* text of a file, or what a link names */
};
static const struct member members[] = {
    {"top/action.yml", "name: x", NULL},
    {"top/link.yml", NULL, "action.yml"},
    {"top/deep/action.yml", "name: y", NULL},
    {"action.yml", "name: z", NULL},
};

static int make_archive(const struct member *m, size_t n, bool cut)
{
    AUTO(auto_free) char *path = xasprintf("%s/a.tar.gz", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct err e = {0};

    assert_true(fd >= 0);
    assert_int_equal(la_open(&e), 0);
    struct archive *a = la.write_new();
    assert_int_equal(la.write_add_filter_gzip(a), ARCHIVE_OK);
    assert_int_equal(la.write_set_format_pax_restricted(a), ARCHIVE_OK);
    assert_int_equal(la.write_open_fd(a, fd), ARCHIVE_OK);
    for (size_t i = 0; i < n; i++) {
        struct archive_entry *en = la.entry_new();
        la.entry_set_pathname(en, m[i].name);
        la.entry_set_mode(en, m[i].link != NULL ? S_IFLNK | 0777 : S_IFREG | 0644);
        la.entry_set_size(en, m[i].text != NULL ? (la_int64_t)strlen(m[i].text) : 0);
        if (m[i].link != NULL)
            la.entry_set_symlink(en, m[i].link);
        assert_int_equal(la.write_header(a, en), ARCHIVE_OK);
        if (m[i].text != NULL)
            assert_int_equal(la.write_data(a, m[i].text, strlen(m[i].text)), strlen(m[i].text));
        la.entry_free(en);
    }
    assert_int_equal(la.write_close(a), ARCHIVE_OK);
    assert_int_equal(la.write_free(a), ARCHIVE_OK);
    if (cut)
        assert_int_equal(ftruncate(fd, 40), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

struct archive_case {
    const char *path;
    size_t max;
    const char *want; /* NULL: refused with: */
    enum fail code;
    bool cut;
};
static const struct archive_case archive_cases[] = {
    {"action.yml", 7, "name: x", FAIL_NONE, false},
    {"deep/action.yml", 7, "name: y", FAIL_NONE, false},
    {"action.yml", 6, NULL, FAIL_LIMIT, false},
    {"link.yml", 100, NULL, FAIL_NOTFOUND, false},
    {"none.yml", 100, NULL, FAIL_NOTFOUND, false},
    {"action.yml", 7, NULL, FAIL_INPUT, true},
};

static void test_archives(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof archive_cases / sizeof archive_cases[0]; i++) {
        const struct archive_case *c = &archive_cases[i];
        AUTO(auto_fd)
        int fd = make_archive(members, sizeof members / sizeof members[0], c->cut);
        AUTO(buf_free) struct buf b = BUF_INIT(1000);
        struct err e = {0};
        int rc = tarball_file(fd, c->path, c->max, &b, &e);
        if (rc != (c->want != NULL ? 0 : -1) || e.code != c->code)
            fail_msg("'%s', %zu: %d, %s", c->path, i, rc, e.msg);
        if (rc == 0)
            assert_string_equal(b.p, c->want);
    }
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    struct err e = {0};

    (void)state;
    return fs_remove_tree(AT_FDCWD, dir, &e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),  cmocka_unit_test(test_cache_folder),
        cmocka_unit_test(test_folder), cmocka_unit_test(test_no_git),
        cmocka_unit_test(test_no_ref), cmocka_unit_test(test_archives),
    };

    return cmocka_run_group_tests_name("mirror", tests, setup, teardown);
}
