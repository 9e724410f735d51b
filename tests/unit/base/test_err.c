/* SPDX-License-Identifier: Apache-2.0
 *
 * Error texts: context, cutting, escaping. */
#include "tests/unit/base/helper.h"

#include "base/sv.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

static void context_is_outermost_first(void **state)
{
    (void)state;
    struct err e;
    char text[600];

    errno = EPERM;
    assert_int_equal(err_sys(&e, "cannot open '%s'", "/x"), -1);
    assert_int_equal(e.code, FAIL_SYS);
    assert_int_equal(e.sys, EPERM);
    assert_int_equal(err_wrap(&e, "start sandbox"), -1);
    assert_int_equal(err_wrap(&e, "run job '%s'", "build"), -1);
    assert_string_equal(
        err_text(&e, text, sizeof text),
        "run job 'build': start sandbox: cannot open '/x': Operation not permitted");
}

static void http_keeps_the_status(void **state)
{
    (void)state;
    struct err e;

    assert_int_equal(err_http(&e, 409, "name is in use"), -1);
    assert_int_equal(e.code, FAIL_HTTP);
    assert_int_equal(e.http, 409);
    assert_int_equal(err_set(&e, FAIL_NET, "again"), -1);
    assert_int_equal(e.http, 0); /* nothing of the earlier failure is left */
}

static void long_subject_keeps_the_errno_text(void **state)
{
    (void)state;
    struct err e;
    char path[1000];

    (void)memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    errno = ENOENT;
    (void)err_sys(&e, "cannot open '%s'", path);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
    assert_non_null(strstr(e.msg, ": No such file or directory"));
}

static void wrap_never_shortens_the_cause(void **state)
{
    (void)state;
    struct err e;
    char text[600], level[64];

    (void)err_set(&e, FAIL_INPUT, "the cause");
    for (int i = 0; i < 40; i++) {
        (void)snprintf(level, sizeof level, "level number %d of many", i);
        (void)err_wrap(&e, "%s", level);
    }
    (void)err_text(&e, text, sizeof text);
    assert_true(sv_starts(sv_of(text), SV("level number 39 of many: level number 38")));
    assert_true(sv_ends(sv_of(text), SV(": the cause")));
}

static void cut_is_at_a_character(void **state)
{
    (void)state;
    struct err e;
    char many[800];

    for (size_t i = 0; i + 2 < sizeof many; i += 2)
        (void)memcpy(many + i, "\xC3\xA4", 2);
    many[sizeof many - 2] = '\0';
    (void)err_set(&e, FAIL_INPUT, "x%s", many);
    assert_true(utf8_valid(sv_of(e.msg)));
    (void)err_set(&e, FAIL_INPUT, "%s", many);
    assert_true(utf8_valid(sv_of(e.msg)));
    (void)err_wrap(&e, "%s", many);
    assert_true(utf8_valid(sv_of(e.ctx)));
}

static void own_text_as_argument(void **state)
{
    (void)state;
    struct err e;

    (void)err_set(&e, FAIL_INPUT, "inner");
    (void)err_set(&e, FAIL_PROTO, "outer: %s", e.msg);
    assert_string_equal(e.msg, "outer: inner");
}

static void control_characters_are_escaped(void **state)
{
    (void)state;
    struct err e;
    char text[600], small[8];

    (void)err_set(&e, FAIL_INPUT, "a\x1b[31m\nb\x7f");
    assert_string_equal(err_text(&e, text, sizeof text), "a\\x1b[31m\\x0ab\\x7f");
    assert_string_equal(err_text(&e, small, sizeof small), "a\\x1b[3");
    assert_string_equal(err_text(&e, small, 4), "a"); /* an escape is written whole or not at all */
    assert_string_equal(err_text(&e, small, 1), "");
}

/* `n` characters of a letter, NUL-terminated, free(). */
static char *row(char c, size_t n)
{
    char *s = malloc(n + 1);

    assert_non_null(s);
    (void)memset(s, c, n);
    s[n] = '\0';
    return s;
}

static void long_text_is_kept_whole(void **state)
{
    (void)state;
    struct err e, copy, other;
    const size_t size = (size_t)2 * ERR_MAX_TEXT;
    char *a = row('a', 5000), *text = malloc(size);

    assert_non_null(text);
    (void)err_set(&e, FAIL_INPUT, "%s.", a);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
    assert_int_equal(strlen(err_whole(&e)), 5001);
    (void)err_wrap(&e, "step 'x'");
    assert_int_equal(strlen(err_text(&e, text, size)), strlen("step 'x': ") + 5001);
    copy = e;
    assert_ptr_equal(err_whole(&copy), err_whole(&e));
    (void)err_set(&other, FAIL_INPUT, "short");
    assert_string_equal(err_whole(&other), "short");
    assert_int_equal(strlen(err_whole(&e)), 5001);           /* a short one pushes nothing out */
    (void)err_set(&e, FAIL_PROTO, "<%s>", err_whole(&copy)); /* itself as the argument */
    assert_int_equal(strlen(err_whole(&e)), 5003);
    assert_string_equal(err_whole(&copy), copy.msg); /* no longer kept */
    (void)err_set(&e, FAIL_INPUT, "short");
    assert_string_equal(err_whole(&e), "short");
    free(a);
    free(text);
}

static void long_text_has_a_limit(void **state)
{
    (void)state;
    struct err e;

    for (size_t n = sizeof e.msg - 2; n < sizeof e.msg + 2; n++) {
        char *a = row('a', n);
        (void)err_set(&e, FAIL_INPUT, "%s", a);
        assert_string_equal(err_whole(&e), a);
        free(a);
    }
    for (size_t n = ERR_MAX_TEXT - 2; n < ERR_MAX_TEXT + 2; n++) {
        char *a = row('a', n);
        (void)err_set(&e, FAIL_INPUT, "%s", a);
        assert_int_equal(strlen(err_whole(&e)), n < ERR_MAX_TEXT - 1 ? n : ERR_MAX_TEXT - 1);
        errno = ENOENT;
        (void)err_sys(&e, "%s", a);
        assert_true(sv_ends(sv_of(err_whole(&e)), SV("a: No such file or directory")));
        assert_true(strlen(err_whole(&e)) < ERR_MAX_TEXT);
        free(a);
    }
}

static void *fail_elsewhere(void *own)
{
    struct err *e = own;
    char *b = row('b', 1000);

    (void)err_set(e, FAIL_INPUT, "%s", b);
    free(b);
    return NULL;
}

static void another_threads_text_is_not_ours(void **state)
{
    (void)state;
    struct err e, theirs;
    pthread_t t;
    char *a = row('a', 1000);

    (void)err_set(&e, FAIL_INPUT, "%s", a);
    assert_int_equal(pthread_create(&t, NULL, fail_elsewhere, &theirs), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_string_equal(err_whole(&e), a);
    assert_string_equal(err_whole(&theirs), theirs.msg);
    assert_int_equal(strlen(theirs.msg), sizeof theirs.msg - 1);
    assert_int_equal(theirs.msg[0], 'b');
    free(a);
}

static void some_causes_have_a_remedy(void **state)
{
    static const struct {
        int sys;
        const char *what, *want;
    } rows[] = {
        {ENOSPC, "cannot write",
         "cannot write: No space left on device; free some space and run again"},
        {EDQUOT, "cannot write",
         "cannot write: Disk quota exceeded; free some space and run again"},
        {EMFILE, "cannot open",
         "cannot open: Too many open files; raise the limit of open files (ulimit -n)"},
        {ENOSPC, "full; make room", "full; make room: No space left on device"},
        {EIO, "cannot write", "cannot write: Input/output error"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e;
        char text[600];
        errno = rows[i].sys;
        (void)err_sys(&e, "%s", rows[i].what);
        assert_string_equal(err_text(&e, text, sizeof text), rows[i].want);
        (void)err_set(&e, FAIL_INPUT, "%s", rows[i].what); /* not the last one's */
        assert_string_equal(err_text(&e, text, sizeof text), rows[i].what);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(context_is_outermost_first),
        cmocka_unit_test(http_keeps_the_status),
        cmocka_unit_test(long_subject_keeps_the_errno_text),
        cmocka_unit_test(wrap_never_shortens_the_cause),
        cmocka_unit_test(cut_is_at_a_character),
        cmocka_unit_test(own_text_as_argument),
        cmocka_unit_test(control_characters_are_escaped),
        cmocka_unit_test(long_text_is_kept_whole),
        cmocka_unit_test(long_text_has_a_limit),
        cmocka_unit_test(another_threads_text_is_not_ours),
        cmocka_unit_test(some_causes_have_a_remedy),
    };

    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
