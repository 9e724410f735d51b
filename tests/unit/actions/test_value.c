/* SPDX-License-Identifier: Apache-2.0
 *
 * Values: life time, look-up, conversions (spec expressions 1.6), JSON and context data both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "actions/fold.h"
#include "actions/value.h"
#include "actions/value_priv.h"

/* Bit for bit, so that -0 is not 0; but one NaN is like another. */
static bool same(double a, double b)
{
    uint64_t x, y;

    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    return (isnan(a) && isnan(b)) || x == y;
}

static void check_text(const struct val *v, const char *want)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1000);

    val_to_text(v, &b);
    assert_string_equal(b.p, want);
}

static void number_text(void **state)
{
    static const struct {
        double d;
        const char *want;
    } rows[] = {
        {0, "0"},
        {-0.0, "0"},
        {1, "1"},
        {-1, "-1"},
        {0.5, "0.5"},
        {-2.0, "-2"},
        {123456789012345, "123456789012345"},
        {-999999999999999, "-999999999999999"},
        {1e15, "1E+15"},
        {-1e15, "-1E+15"},
        {1234567890123456789.0, "1.23456789012346E+18"},
        {0.1 + 0.2, "0.3"},
        {0.0001, "0.0001"},
        {0.00001, "1E-05"},
        {1e100, "1E+100"},
        {1e-300, "1E-300"},
        {0.84551240822557006, "0.84551240822557"},
        {999999999999999.9, "1E+15"},
        {123456.789, "123456.789"},
        {4294967296.0, "4294967296"},
        {1.7976931348623157e308, "1.79769313486232E+308"},
        {5e-324, "4.94065645841247E-324"},
        {INFINITY, "Infinity"},
        {-INFINITY, "-Infinity"},
        {NAN, "NaN"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO(auto_val) struct val *v = val_number(rows[i].d);
        check_text(v, rows[i].want);
    }
}

static void text_to_number(void **state)
{
    static const struct {
        const char *s;
        double want;
    } rows[] = {
        {"", 0},
        {"  ", 0},
        {"1", 1},
        {" 1 ", 1},
        {"\t\r\n1\v\f", 1},
        {"\xC2\xA0"
         "1\xE3\x80\x80",
         1},
        {"\xC2\x85"
         "1\xE2\x80\xA8",
         1},
        {"+1", 1},
        {"01", 1},
        {".5", 0.5},
        {"5.", 5},
        {"-.5", -0.5},
        {"1e3", 1000},
        {"1E-2", 0.01},
        {"1.25e2", 125},
        {"0xff", 255},
        {"0xFf", 255},
        {"0o17", 15},
        {"0xFFFFFFFF", -1},
        {"0x80000000", -2147483648.0},
        {"0x00000000FF", 255},
        {"0x100000000", NAN},
        {"0o37777777777", -1},
        {"0o40000000000", NAN},
        {"0o8", NAN},
        {"0XFF", NAN},
        {"0O17", NAN},
        {"-0xff", NAN},
        {"0b1", NAN},
        {"0x", NAN},
        {"0o", NAN},
        {"0xg", NAN},
        {"1_000", NAN},
        {"1,000", NAN},
        {"1 2", NAN},
        {"abc", NAN},
        {"1e", NAN},
        {"1e+", NAN},
        {"e1", NAN},
        {".", NAN},
        {"+", NAN},
        {"-", NAN},
        {"1.2.3", NAN},
        {"--1", NAN},
        {"nan", NAN},
        {"inf", NAN},
        {"0x1p3", NAN},
        {"Infinity", INFINITY},
        {"+Infinity", INFINITY},
        {"-Infinity", -INFINITY},
        {"infinity", INFINITY},
        {"1e400", INFINITY},
        {"-1e400", -INFINITY},
        {"1e-400", 0},
        {"1e999999999999", INFINITY},
        {"1e-999999999999", 0},
        {"9007199254740993", 9007199254740992.0},
        {"0.1", 0.1},
        {"1.7976931348623157e308", 1.7976931348623157e308},
        {"123456789012345678901234567890", 123456789012345678901234567890.0},
        {"0.000000000000000000000000000001", 1e-30},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO(auto_val) struct val *v = val_string(sv_of(rows[i].s));
        double got = val_to_number(v);
        if (!same(got, rows[i].want))
            fail_msg("'%s': %.17g, want %.17g", rows[i].s, got, rows[i].want);
    }
}

static void kinds(void **state)
{
    struct val *rows[] = {val_null(),          val_bool(false), val_bool(true), val_number(0),
                          val_number(-0.0),    val_number(NAN), val_number(2),  val_string(SV("")),
                          val_string(SV("0")), val_array(),     val_object(),   val_object_cs()};
    static const char *const text[] = {"",  "false", "true", "0",     "0",      "NaN",
                                       "2", "",      "0",    "Array", "Object", "Object"};
    static const bool truthy[] = {false, false, true, false, false, false,
                                  true,  false, true, true,  true,  true};
    static const double number[] = {0, 0, 1, 0, -0.0, NAN, 2, 0, 0, NAN, NAN, NAN};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_text(rows[i], text[i]);
        assert_int_equal(val_truthy(rows[i]), truthy[i]);
        double got = val_to_number(rows[i]);
        assert_true(same(got, number[i]));
        AUTO(auto_val) struct val *copy = val_clone_shallow(rows[i]);
        assert_int_equal(val_kind(copy), val_kind(rows[i]));
        val_unref(rows[i]);
    }
    val_unref(NULL);
    assert_null(val_ref(NULL));
}

static void objects(void **state)
{
    AUTO(auto_val) struct val *o = val_object();
    char key[16];

    (void)state;
    for (int round = 0; round < 2; round++)
        for (unsigned i = 0; i < 1000; i++) {
            (void)snprintf(key, sizeof key, "%sey%u", round == 0 ? "K" : "k", i);
            val_sets(o, key, val_number(i + (unsigned)round * 1000));
        }
    assert_int_equal(val_count(o), 1000);
    assert_string_equal(val_key_at(o, 7).p, "Key7"); /* the first spelling stays */
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(key, sizeof key, "KEY%u", i);
        assert_true(val_get_number(val_gets(o, key)) >= 1000);
    }
    for (unsigned i = 0; i < 1000; i += 2) {
        (void)snprintf(key, sizeof key, "key%u", i);
        val_del(o, sv_of(key));
        val_del(o, sv_of(key));
        assert_null(val_gets(o, key));
    }
    assert_int_equal(val_count(o), 500);
    assert_string_equal(val_key_at(o, 3).p, "Key7");
    assert_true(val_get_number(val_gets(o, "kEY7")) >= 1000);
    /* Not only ASCII letters have a case. */
    val_sets(o, "\xC3\xA4\xCF\x82", val_number(1));
    assert_non_null(val_gets(o, "\xC3\x84\xCE\xA3"));
    assert_null(val_gets(o, "\xC3\x85\xCE\xA3"));
    AUTO(auto_val) struct val *cs = val_object_cs();
    val_sets(cs, "a", val_number(1));
    val_sets(cs, "A", val_number(2));
    assert_int_equal(val_count(cs), 2);
    AUTO(auto_val) struct val *copy = val_clone_shallow(cs);
    assert_int_equal(val_count(copy), 2);
    assert_null(val_get(cs, SV("b")));
    assert_null(val_gets(val_null(), "x"));
}

static void deep_values_are_freed(void **state)
{
    struct val *v = val_array();

    (void)state;
    for (unsigned i = 0; i < 1000000; i++) {
        struct val *up = i % 2 ? val_array() : val_object();
        if (i % 2) {
            val_push(up, v);
        } else {
            val_sets(up, "x", v);
            val_sets(up, "n", val_number(i));
        }
        v = up;
    }
    AUTO(buf_free) struct buf b = BUF_INIT(100000);
    val_to_pretty(v, &b);
    assert_true(b.over);
    val_unref(v);
}

static void folding(void **state)
{
    static const struct {
        const char *a, *b;
        bool eq;
        int cmp;
    } rows[] = {
        {"abc", "ABC", true, 0},
        {"a", "[", false, -1},
        {"_", "Z", false, 1},
        {"\xC4\xB1", "I", false, 1},       /* dotless i */
        {"\xC4\xB0", "i", false, 1},       /* I with dot */
        {"\xC5\xBF", "s", false, 1},       /* long s */
        {"\xCF\x82", "\xCE\xA3", true, 0}, /* final sigma */
        {"\xCF\x83", "\xCF\x82", true, 0},
        {"\xC3\x9F", "ss", false, 1},      /* sharp s */
        {"\xC2\xB5", "\xCE\xBC", true, 0}, /* micro and mu */
        {"\xC3\xBF", "\xC5\xB8", true, 0},
        {"\xC7\x85", "\xC7\x86", true, 0},                 /* dz in title case */
        {"\xF0\x90\x90\xA8", "\xF0\x90\x90\x80", true, 0}, /* Deseret */
        {"\xEF\xBF\xBD", "\xF0\x90\x80\x80", false, 1},    /* U+FFFD is above a surrogate */
        {"a", "ab", false, -1},
        {"", "", true, 0},
        {"\xFF", "\xFE", false, 1},
        {"\xFF", "\xFF", true, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sv a = sv_of(rows[i].a), b = sv_of(rows[i].b);
        assert_int_equal(fold_eq(a, b), rows[i].eq);
        assert_int_equal(fold_cmp(a, b), rows[i].cmp);
        assert_int_equal(fold_cmp(b, a), -rows[i].cmp);
    }
    assert_true(fold_has(SV("xAbCx"), SV("aBc")));
    assert_false(fold_has(SV("xAbC"), SV("abd")));
    assert_true(fold_has(SV("x"), SV("")));
    assert_false(fold_has(SV(""), SV("x")));
    assert_true(fold_has(sv_of("a\xCF\x82z"), sv_of("\xCE\xA3Z")));
    assert_true(fold_starts(SV("FOObar"), SV("foo")));
    assert_false(fold_starts(SV("fo"), SV("foo")));
    assert_true(fold_ends(sv_of("foo\xCF\x82"), sv_of("O\xCE\xA3")));
    assert_false(fold_ends(SV("o"), SV("fo")));
    assert_true(fold_ends(SV("o"), SV("")));
    /* The two searches agree. */
    char hay[6000];
    memset(hay, 'a', sizeof hay);
    hay[5999] = 'B';
    assert_true(fold_has((struct sv){hay, sizeof hay}, SV("AAAAAAb")));
    assert_false(fold_has((struct sv){hay, sizeof hay - 1}, SV("AAAAAAb")));
}

static void pretty(void **state)
{
    static const struct {
        const char *json, *want;
    } rows[] = {
        {"null", "null"},
        {"[]", "[]"},
        {"{}", "{}"},
        {"1e15", "1E+15"},
        {"-0.0", "0"},
        {"\"a\\\"b\\\\/<>&\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\"",
         "\"a\\\"b\\\\/<>&\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\""},
        {"\"\\u0085\\u2028\\u2029\\u2027\\u00e9\"",
         "\"\\u0085\\u2028\\u2029\xE2\x80\xA7\xC3\xA9\""},
        {"{\"name\":\"x\",\"list\":[1,2.5,null],\"empty\":{},\"none\":[]}",
         "{\n  \"name\": \"x\",\n  \"list\": [\n    1,\n    2.5,\n    null\n  ],\n  \"empty\": {},\n"
         "  \"none\": []\n}"},
        {"[[1],{\"a\":[true]}]",
         "[\n  [\n    1\n  ],\n  {\n    \"a\": [\n      true\n    ]\n  }\n]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_error_t je;
        json_t *j = json_loads(rows[i].json, JSON_DECODE_ANY, &je);
        assert_non_null(j);
        struct val *v = val_from_json(j);
        AUTO(buf_free) struct buf b = BUF_INIT(10000);
        val_to_pretty(v, &b);
        assert_string_equal(b.p, rows[i].want);
        json_decref(j);
        val_unref(v);
    }
}

static void json_both_ways(void **state)
{
    static const char text[] = "{\"a\":[1,-2,0.5,\"x\",true,false,null,{}],\"b\":{\"c\":[[]]}}";
    json_error_t je;
    json_t *j = json_loads(text, 0, &je);
    struct val *v = val_from_json(j);
    json_t *back = val_to_json(v);

    (void)state;
    assert_true(json_equal(j, back));
    AUTO(auto_val) struct val *nan = val_number(NAN);
    json_t *n = val_to_json(nan);
    assert_true(json_is_null(n));
    json_decref(n);
    json_decref(j);
    json_decref(back);
    val_unref(v);
}

static void context_data(void **state)
{
    static const struct {
        const char *in, *json; /* json NULL: refused, out is the message */
        const char *out;
    } rows[] = {
        {"null", "null", "null"},
        {"\"s\"", "\"s\"", "\"s\""},
        {"true", "true", "true"},
        {"1.5", "1.5", "1.5"},
        {"{\"t\":0,\"s\":\"x\"}", "\"x\"", "\"x\""},
        {"{\"s\":\"x\"}", "\"x\"", "\"x\""},
        {"{}", "\"\"", "\"\""},
        {"{\"t\":3,\"b\":true}", "true", "true"},
        {"{\"t\":3}", "false", "false"},
        {"{\"t\":4,\"n\":1.5}", "1.5", "1.5"},
        {"{\"t\":4}", "0", "0"},
        {"{\"t\":1}", "[]", "{\"t\":1}"},
        {"{\"a\":[1,{\"t\":2}],\"t\":1}", "[1,{}]", "{\"t\":1,\"a\":[1,{\"t\":2}]}"},
        {"{\"t\":2,\"d\":[]}", "{}", "{\"t\":2}"},
        {"{\"d\":[{\"k\":\"A\",\"v\":1},{\"k\":\"b\",\"v\":null}],\"t\":2}", "{\"A\":1,\"b\":null}",
         "{\"t\":2,\"d\":[{\"k\":\"A\",\"v\":1},{\"k\":\"b\",\"v\":null}]}"},
        {"{\"t\":5,\"d\":[{\"k\":\"A\",\"v\":1},{\"k\":\"a\",\"v\":2}]}", "{\"A\":1,\"a\":2}",
         "{\"t\":5,\"d\":[{\"k\":\"A\",\"v\":1},{\"k\":\"a\",\"v\":2}]}"},
        {"[1]", "null", "null"},
        {"{\"t\":\"2\"}", "null", "null"},
        {"{\"t\":9}", NULL, "Unexpected PipelineContextDataType '9'"},
        {"{\"t\":2,\"d\":[{\"k\":\"A\",\"v\":1},{\"k\":\"a\",\"v\":2}]}", NULL,
         "context data has the key 'a' twice"},
        {"{\"t\":2,\"d\":[{\"v\":1}]}", NULL, "context data has a pair without key"},
        {"{\"t\":1,\"a\":[{\"t\":9}]}", NULL, "Unexpected PipelineContextDataType '9'"},
        {"{\"t\":2,\"d\":[{\"k\":\"x\",\"v\":{\"t\":9}}]}", NULL,
         "Unexpected PipelineContextDataType '9'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_error_t je;
        struct err e = {0};
        struct val *v = NULL;
        json_t *j = json_loads(rows[i].in, JSON_DECODE_ANY, &je);
        int rc = val_from_context(j, &v, &e);
        json_decref(j);
        if (rows[i].json == NULL) {
            assert_int_equal(rc, -1);
            assert_int_equal(e.code, FAIL_INPUT);
            assert_string_equal(e.msg, rows[i].out);
            assert_null(v);
            continue;
        }
        assert_int_equal(rc, 0);
        json_t *plain = val_to_json(v), *want = json_loads(rows[i].json, JSON_DECODE_ANY, &je);
        assert_true(json_equal(plain, want));
        json_t *ctx = val_to_context(v);
        char *text = json_dumps(ctx, JSON_COMPACT | JSON_ENCODE_ANY);
        assert_string_equal(text, rows[i].out);
        free(text);
        json_decref(plain);
        json_decref(want);
        json_decref(ctx);
        val_unref(v);
    }
}

static void context_depth(void **state)
{
    json_t *j = json_null();
    struct val *v = NULL;
    struct err e = {0};

    (void)state;
    for (int i = 0; i < 200; i++)
        j = json_pack("{s:i, s:[o]}", "t", 1, "a", j);
    assert_int_equal(val_from_context(j, &v, &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
    json_decref(j);
}

/* fromJSON's reader. out: what toJSON makes of it, white space left out; or the message when bad. */
static const struct json_row {
    const char *in, *out;
    bool bad;
} json_rows[] = {
    {"null", "null", false},
    {" true\n", "true", false},
    {"-0", "0", false},
    {"1e3", "1000", false},
    {"-1.5E-1", "-0.15", false},
    {"1e400", "Infinity", false},
    {"[NaN, Infinity,-Infinity]", "[NaN,Infinity,-Infinity]", false},
    {"\"\\u0041\\u00e9\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\\"\\\\\"",
     "\"A\u00e9\U0001F600/\\b\\f\\n\\r\\t\\\"\\\\\"", false},
    {"\"\\ud83d-\\ude00\\ud83d\\u0041\"", "\"\uFFFD-\uFFFD\uFFFDA\"", false}, /* halves of pairs */
    {"\"\\u0000\"", "\"\\u0000\"", false},
    {"[]", "[]", false},
    {" { } ", "{}", false},
    {"{\"a\":[1,{\"b\":[[]]}],\"\\u0063\":2}", "{\"a\":[1,{\"b\":[[]]}],\"c\":2}", false},
    {"{\"a\":1,\"b\":2,\"A\":3}", "{\"a\":3,\"b\":2}",
     false}, /* the first spelling, the last value */
    {"", "Error reading JToken from JsonReader. Path '', line 0, position 0.", true},
    {" \n", "Error reading JToken from JsonReader. Path '', line 0, position 0.", true},
    {"[", "Unexpected end when reading JSON. Path '', line 1, position 1.", true},
    {"{\"a\":", "Unexpected end when reading JSON. Path '', line 1, position 5.", true},
    {"[1,\n 2 3]",
     "After parsing a value an unexpected character was encountered: 3. Path '', line 2, position 3.",
     true},
    {"[1,]",
     "Unexpected character encountered while parsing value: ]. Path '', line 1, position 3.", true},
    {"{\"a\":1,}", "Invalid property identifier character: }. Path '', line 1, position 7.", true},
    {"{\"a\" 1}",
     "Invalid character after parsing property name. Expected ':' but got: 1. Path '', line 1, position 5.",
     true},
    {"\"\u00e9\" \u00e9",
     "Additional text encountered after finished reading JSON content: \u00e9. Path '', line 1, position 4.",
     true},
    {"\"a", "Unterminated string. Expected delimiter: \". Path '', line 1, position 2.", true},
    {"\"a\\", "Unterminated string. Expected delimiter: \". Path '', line 1, position 3.", true},
    {"\"\\x\"", "Bad JSON escape sequence: \\x. Path '', line 1, position 2.", true},
    {"\"\\u12g4\"", "Invalid Unicode escape sequence: g. Path '', line 1, position 5.", true},
    {"\"a\tb\"", "Invalid control character in a string. Path '', line 1, position 2.", true},
    {"01", "Unexpected character encountered while parsing value: 0. Path '', line 1, position 0.",
     true},
    {"1.", "Unexpected character encountered while parsing value: 1. Path '', line 1, position 0.",
     true},
    {"1e+", "Unexpected character encountered while parsing value: 1. Path '', line 1, position 0.",
     true},
    {"-", "Unexpected character encountered while parsing value: -. Path '', line 1, position 0.",
     true},
    {"nul", "Unexpected character encountered while parsing value: n. Path '', line 1, position 0.",
     true},
    {"{\"a\":[1,{\"b\":\"c\"},x]}",
     "Unexpected character encountered while parsing value: x. Path '', line 1, position 18.",
     true},
};

static void json_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof json_rows / sizeof json_rows[0]; i++) {
        const struct json_row *row = &json_rows[i];
        AUTO(buf_free) struct buf b = BUF_INIT(1000), packed = BUF_INIT(1000);
        struct err e = {0};
        struct val *v = NULL;
        int rc = val_parse_json(sv_of(row->in), &v, &e);
        if (row->bad) {
            assert_null(v);
            assert_string_equal(e.msg, row->out);
            assert_int_equal(e.code, FAIL_INPUT);
        } else {
            assert_int_equal(rc, 0);
            val_to_pretty(v, &b);
            for (size_t k = 0; k < b.len; k++)
                if (b.p[k] != ' ' && b.p[k] != '\n')
                    buf_addc(&packed, b.p[k]);
            assert_string_equal(packed.p, row->out);
        }
        val_unref(v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(number_text),  cmocka_unit_test(text_to_number),
        cmocka_unit_test(kinds),        cmocka_unit_test(objects),
        cmocka_unit_test(folding),      cmocka_unit_test(deep_values_are_freed),
        cmocka_unit_test(pretty),       cmocka_unit_test(json_both_ways),
        cmocka_unit_test(context_data), cmocka_unit_test(context_depth),
        cmocka_unit_test(json_text),
    };
    return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
