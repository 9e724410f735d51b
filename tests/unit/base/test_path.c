/* SPDX-License-Identifier: Apache-2.0
 *
 * Path text and Gantry's places. */
#include "tests/unit/base/helper.h"

#include "base/path.h"

#include <sys/stat.h>
#include <unistd.h>

struct text_case {
    const char *name;
    const char *in;
    const char *clean;
    const char *base;
    const char *dir;
};
static const struct text_case text_cases[] = {
    {"plain", "a/b", "a/b", "b", "a"},
    {"absolute", "/a/b", "/a/b", "b", "/a"},
    {"root", "/", "/", "/", "/"},
    {"one name", "a", "a", "a", "."},
    {"below root", "/a", "/a", "a", "/"},
    {"trailing slashes", "a/b//", "a/b", "b", "a"},
    {"doubled slashes", "a//b", "a/b", "b", "a"},
    {"dots", "./a/./b/.", "a/b", ".", "./a/./b"},
    {"up", "a/../b", "b", "b", "a/.."},
    {"up to nothing", "a/..", ".", "..", "a"},
    {"above a relative path", "a/../../b", "../b", "b", "a/../.."},
    {"twice above", "../../a/..", "../..", "..", "../../a"},
    {"above root", "/../a", "/a", "a", "/.."},
    {"empty", "", ".", "", "."},
};

static void check_text(void **state)
{
    const struct text_case *c = *state;
    char *clean = path_clean(sv_of(c->in)), *base = sv_dup(path_base(sv_of(c->in))),
         *dir = sv_dup(path_dir(sv_of(c->in)));

    assert_string_equal(clean, c->clean);
    assert_string_equal(base, c->base);
    assert_string_equal(dir, c->dir);
    free(clean);
    free(base);
    free(dir);
}

#define NAME_255                                                                                    \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" \
    "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define EIGHT(s) s s s s s s s s

struct name_case {
    const char *name;
    struct sv in;
    const char *out; /* NULL: refused */
    enum fail code;
};
#define ROW(name, lit, out, code)               \
    {                                           \
        name, {lit, sizeof(lit) - 1}, out, code \
    }
static const struct name_case name_cases[] = {
    ROW("plain", "a/b.txt", "a/b.txt", FAIL_NONE),
    ROW("dots and slashes are cleaned", "./a//b/", "a/b", FAIL_NONE),
    ROW("names that begin with dots", "..a/.b", "..a/.b", FAIL_NONE),
    ROW("empty", "", NULL, FAIL_INPUT),
    ROW("absolute", "/a", NULL, FAIL_INPUT),
    ROW("up", "a/../b", NULL, FAIL_INPUT),
    ROW("up at the end", "a/..", NULL, FAIL_INPUT),
    ROW("NUL", "a\0b", NULL, FAIL_INPUT),
    ROW("nothing but dots", "././/", NULL, FAIL_INPUT),
    ROW("longest name", NAME_255, NAME_255, FAIL_NONE),
    ROW("name too long", NAME_255 "d", NULL, FAIL_LIMIT),
    ROW("deepest", EIGHT(EIGHT("a/")), NULL, FAIL_NONE), /* out: see the check */
    ROW("too deep", EIGHT(EIGHT("a/")) "a", NULL, FAIL_LIMIT),
};

static void check_name(void **state)
{
    const struct name_case *c = *state;
    char *out = NULL;
    struct err e = {0};
    int rc = path_from_untrusted(c->in, &out, &e);

    assert_int_equal(rc, c->code == FAIL_NONE ? 0 : -1);
    assert_int_equal(e.code, c->code);
    if (rc < 0)
        assert_null(out);
    else if (c->out != NULL)
        assert_string_equal(out, c->out);
    free(out);
}

static void longest_path(void **state)
{
    (void)state;
    char text[4097], *out;
    struct err e;

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 200 == 199 ? '/' : 'x';
    assert_int_equal(path_from_untrusted((struct sv){text, 4095}, &out, &e), 0);
    free(out);
    assert_int_equal(path_from_untrusted((struct sv){text, 4096}, &out, &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
}

static void join(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"a", "/b", "/b"},
        {"", "b", "b"},    {"a", "", "a"},     {"/", "b", "/b"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char *p = path_join(rows[i][0], rows[i][1]);
        assert_string_equal(p, rows[i][2]);
        free(p);
    }
}

static void places_below_gantry_home(void **state)
{
    char *p, *want = xasprintf("%s/h/state", (char *)*state);
    struct err e;
    struct stat st;
    char *home = xasprintf("%s/h", (char *)*state);

    assert_int_equal(setenv("GANTRY_HOME", home, 1), 0); /* allow: own test process */
    assert_int_equal(path_place(PATH_STATE, &p, &e), 0);
    assert_string_equal(p, want);
    assert_int_equal(stat(p, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    free(p);
    assert_int_equal(setenv("GANTRY_HOME", "relative", 1), 0); /* allow: own test process */
    assert_int_equal(path_place(PATH_STATE, &p, &e), -1);
    assert_int_equal(e.code, FAIL_INPUT);
    assert_int_equal(unsetenv("GANTRY_HOME"), 0);
    free(want);
    free(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(join),
        cmocka_unit_test(longest_path),
        cmocka_unit_test_setup_teardown(places_below_gantry_home, make_dir, remove_dir),
    };

    return cmocka_run_group_tests_name("path", tests, NULL, NULL) +
           RUN_TABLE("path text", text_cases, check_text) +
           RUN_TABLE("path_from_untrusted", name_cases, check_name);
}
