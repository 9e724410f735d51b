/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of base/json.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/json.h"
#include "base/mem.h"

struct parse_case {
    const char *name;
    const char *in;
    const char *strict; /* written again, or NULL: refused */
    const char *lax;
    const char *msg; /* of the strict refusal */
};
static const struct parse_case parse_cases[] = {
    {"object keeps member order", "{\"b\":1,\"a\":[true,false,null]}",
     "{\"b\":1,\"a\":[true,false,null]}", "{\"b\":1,\"a\":[true,false,null]}", NULL},
    {"scalar at the top", " 12 ", "12", "12", NULL},
    {"real stays a real", "[1.0,0.1,1e3,-0.0]", "[1.0,0.1,1000.0,-0.0]", "[1.0,0.1,1000.0,-0.0]",
     NULL},
    {"largest integer", "9223372036854775807", "9223372036854775807", "9223372036854775807", NULL},
    {"integer above 64 bits", "9223372036854775808", NULL, "9.223372036854776e+18",
     "doc: line 1, column 19: number out of range"},
    {"real out of range", "1e999", NULL, NULL, "doc: line 1, column 5: number out of range"},
    {"duplicate key", "{\"a\":1,\n \"a\":2}", NULL, "{\"a\":2}",
     "doc: line 2, column 4: duplicate key"},
    {"trailing text", "{} x", NULL, NULL, "doc: line 1, column 4: text after the end of the value"},
    {"ends early", "{\"a\":", NULL, NULL,
     "doc: line 1, column 5: the text ends in the middle of a value"},
    {"empty", "", NULL, NULL, "doc: line 1, column 0: the text ends in the middle of a value"},
    {"invalid UTF-8", "\"\xff\"", NULL, NULL, "doc: line 1, column 1: invalid UTF-8"},
    {"lone surrogate", "\"\\ud800\"", NULL, NULL, "doc: line 1, column 8: invalid JSON"},
    {"escaped NUL", "\"\\u0000\"", NULL, "\"\\u0000\"",
     "doc: line 1, column 8: NUL character in a string"},
    {"NUL in a key", "{\"a\\u0000\":1}", NULL, NULL,
     "doc: line 1, column 10: NUL character in a string"},
    {"secret text is not quoted back", "{\"token\": hunter2}", NULL, NULL,
     "doc: line 1, column 16: invalid JSON"},
    {"escapes", "\"\\u00e9\\n\\r\\t\\b\\f\\/\\\\\\\"\\u001f\\ud83d\\ude00\"",
     "\"\xc3\xa9\\n\\r\\t\\u0008\\u000c/\\\\\\\"\\u001f\xf0\x9f\x98\x80\"",
     "\"\xc3\xa9\\n\\r\\t\\u0008\\u000c/\\\\\\\"\\u001f\xf0\x9f\x98\x80\"", NULL},
    {"number up to the end", "12", "12", "12", NULL},
};

static void check_parse(void **state)
{
    const struct parse_case *c = *state;
    char *copy = malloc(strlen(c->in) > 0 ? strlen(c->in)
                                          : 1); /* without the NUL: ASan sees one byte too far */
    struct sv in = {memcpy(copy, c->in, strlen(c->in)), strlen(c->in)};

    for (int lax = 0; lax < 2; lax++) {
        AUTO(buf_free) struct buf b = BUF_INIT(1000);
        struct err e = {0};
        const char *want = lax ? c->lax : c->strict;
        json_t *j = lax ? jx_parse_lax(in, "doc", &e) : jx_parse(in, "doc", &e);

        if (want == NULL) {
            assert_null(j);
            assert_int_equal(e.code, FAIL_INPUT);
            if (!lax)
                assert_string_equal(e.msg, c->msg);
            continue;
        }
        assert_non_null(j);
        jx_write(&b, j);
        json_decref(j);
        assert_string_equal(b.p, want);
    }
    free(copy);
}

static void check_depth(void **state)
{
    char text[2 * (JX_MAX_DEPTH + 1) + 1];
    struct err e = {0};

    (void)state;
    memset(text, '[', JX_MAX_DEPTH + 1);
    memset(text + JX_MAX_DEPTH + 1, ']', JX_MAX_DEPTH + 1);
    json_t *ok = jx_parse((struct sv){text + 1, (size_t)2 * JX_MAX_DEPTH}, "doc", &e);
    assert_non_null(ok);
    json_decref(ok);
    assert_null(jx_parse((struct sv){text, (size_t)2 * (JX_MAX_DEPTH + 1)}, "doc", &e));
    assert_string_equal(e.msg, "doc: line 1, column 129: nested deeper than 128 levels");
    /* Brackets inside of strings do not count. */
    memset(text + 1, '[', sizeof text - 2);
    text[0] = text[sizeof text - 1] = '"';
    ok = jx_parse((struct sv){text, sizeof text}, "doc", &e);
    assert_non_null(ok);
    json_decref(ok);
}

static void check_getters(void **state)
{
    struct err e = {0};
    json_t *o = jx_parse(SV("{\"s\":\"x\",\"n\":5,\"r\":5.0,\"f\":5.5,\"t\":true,\"z\":null,"
                            "\"o\":{},\"a\":[],\"Key\":1,\"key\":2}"),
                         "doc", &e);
    struct sv s = SV("untouched");
    int64_t n = 77;
    json_t *v = NULL;

    (void)state;
    assert_non_null(o);
    assert_int_equal(jx_need_str(o, "s", &s, &e), 0);
    assert_true(sv_is(s, "x"));
    assert_int_equal(jx_need_str(o, "n", &s, &e), -1);
    assert_string_equal(e.msg, "member 'n' is not a string");
    assert_true(sv_is(s, "x"));
    assert_int_equal(jx_need_str(o, "z", &s, &e), -1);
    assert_string_equal(e.msg, "member 'z' is missing");
    assert_int_equal(jx_need_int(o, "s", &n, &e), -1);
    assert_int_equal(n, 77);
    assert_int_equal(jx_need_int(o, "n", &n, &e), 0);
    assert_int_equal(n, 5);
    n = 0;
    assert_int_equal(jx_need_int(o, "r", &n, &e), 0);
    assert_int_equal(n, 5);
    assert_int_equal(jx_need_int(o, "f", &n, &e), -1);
    assert_int_equal(jx_need_obj(o, "o", &v, &e), 0);
    assert_int_equal(jx_need_obj(o, "a", &v, &e), -1);
    assert_int_equal(jx_need_arr(o, "a", &v, &e), 0);
    assert_int_equal(jx_need_arr(o, "nothing", &v, &e), -1);
    assert_int_equal(jx_need_str(v, "s", &s, &e), -1);
    assert_string_equal(e.msg, "expected an object with member 's'");
    assert_true(sv_is(jx_str(o, "s", "d"), "x"));
    assert_true(sv_is(jx_str(o, "n", "d"), "d"));
    assert_int_equal(jx_int(o, "none", -3), -3);
    assert_true(jx_bool(o, "t", false));
    assert_true(jx_bool(o, "n", true));
    assert_null(jx_get(v, "x"));
    assert_null(jx_get(NULL, "x"));
    assert_int_equal(json_integer_value(jx_iget(o, "key")), 2);
    assert_int_equal(json_integer_value(jx_iget(o, "KEY")), 1);
    assert_null(jx_iget(o, "ke"));
    assert_null(jx_iget(v, "x"));
    json_decref(o);
}

static void check_strings(void **state)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1000);
    json_t *j = jx_str_new(SV("a\xff\xc3\xa9"));

    (void)state;
    assert_string_equal(json_string_value(j), "a\xef\xbf\xbd\xc3\xa9");
    json_decref(j);
    jx_quote(&b, SV("a\xff\0\"\x7f"));
    assert_string_equal(b.p, "\"a\xef\xbf\xbd\\u0000\\\"\x7f\"");
}

static void check_pretty(void **state)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1000);
    struct err e = {0};
    json_t *j = jx_parse(SV("{\"a\":[1,2],\"b\":{},\"c\":[]}"), "doc", &e);

    (void)state;
    jx_write_pretty(&b, j, 2);
    json_decref(j);
    assert_string_equal(b.p, "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {},\n  \"c\": []\n}");
}

static void check_limit(void **state)
{
    AUTO(buf_free) struct buf b = BUF_INIT(8);
    struct err e = {0};
    json_t *j = jx_parse(SV("{\"a\":\"0123456789\"}"), "doc", &e);

    (void)state;
    jx_write(&b, j);
    json_decref(j);
    assert_int_equal(buf_done(&b, "answer", &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
}

/* Every byte at every place of a word: what is escaped reads back, and only what has to be is. */
static void check_escape(void **state)
{
    char text[19];

    (void)state;
    for (size_t at = 0; at < sizeof text; at++)
        for (int c = 1; c < 128; c++) {
            AUTO(buf_free) struct buf b = BUF_INIT(200);
            AUTO(auto_json) json_t *j = NULL;
            struct err e;
            memset(text, 'x', sizeof text);
            text[at] = (char)c;
            jx_quote(&b, (struct sv){text, sizeof text});
            assert_true((b.len > sizeof text + 2) == (c < 0x20 || c == '"' || c == '\\'));
            j = jx_parse(buf_sv(&b), "string", &e);
            assert_non_null(j);
            assert_int_equal(json_string_length(j), sizeof text);
            assert_memory_equal(json_string_value(j), text, sizeof text);
        }
}

int main(void)
{
    enum { N = sizeof parse_cases / sizeof parse_cases[0] };
    struct CMUnitTest tests[N];
    const struct CMUnitTest more[] = {
        cmocka_unit_test(check_depth),   cmocka_unit_test(check_getters),
        cmocka_unit_test(check_strings), cmocka_unit_test(check_escape),
        cmocka_unit_test(check_pretty),  cmocka_unit_test(check_limit),
    };

    jx_init();
    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){.name = parse_cases[i].name,
                                       .test_func = check_parse,
                                       .initial_state = (void *)(uintptr_t)&parse_cases[i]};
    int failed = cmocka_run_group_tests_name("jx_parse", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("jx", more, NULL, NULL);
}
