/* SPDX-License-Identifier: Apache-2.0
 *
 * Error texts: context, cutting, escaping. */
#include "tests/unit/base/helper.h"

#include "base/sv.h"

#include <errno.h>

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
    };

    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
