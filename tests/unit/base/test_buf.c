/* SPDX-License-Identifier: Apache-2.0
 *
 * Buffer limits, string vectors, base64 and hexadecimal. */
#include "tests/unit/base/helper.h"

#include "base/base64.h"
#include "base/buf.h"
#include "base/strv.h"

static void limit_at_max_and_above(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(4);
    struct err e;

    buf_add(&b, "1234", 4);
    assert_int_equal(buf_done(&b, "text", &e), 0);
    buf_addc(&b, '5');
    assert_int_equal(buf_done(&b, "text", &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
    assert_string_equal(e.msg, "text is larger than 4 bytes");
    assert_string_equal(b.p, "1234"); /* nothing of the part that did not fit */
    buf_adds(&b, "");
    assert_int_equal(b.len, 4);
    buf_reset(&b);
    buf_addf(&b, "%d", 12345);
    assert_true(b.over);
    buf_reset(&b);
    buf_addf(&b, "%d", 1234);
    assert_int_equal(buf_done(&b, "text", &e), 0);
    assert_null(buf_room(&b, 1));
    buf_free(&b);
    struct buf zero = BUF_INIT(0);
    buf_adds(&zero, "");
    assert_int_equal(buf_done(&zero, "nothing", &e), 0);
    assert_null(buf_room(&zero, SIZE_MAX));
    buf_free(&zero);
}

static void content_may_hold_nul(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(100);
    size_t n;

    assert_string_equal(b.p, "");
    buf_add(&b, "a\0b", 3);
    buf_consume(&b, 1);
    assert_memory_equal(b.p, "\0b\0", 3);
    buf_consume(&b, 2);
    assert_int_equal(b.len, 0);
    char *p = buf_take(&b, &n);
    assert_string_equal(p, "");
    free(p);
    p = buf_take(&b, NULL); /* never filled: still a string of the caller's own */
    assert_string_equal(p, "");
    free(p);
}

static void long_formats_and_rooms(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(1000000);
    char want[1001];

    (void)memset(want, 'x', 1000);
    want[1000] = '\0';
    buf_addf(&b, "[%s]", want);
    assert_int_equal(b.len, 1002);
    assert_int_equal(b.p[1001], ']');
    for (size_t i = 0; i < 100; i++) {
        char *room = buf_room(&b, 500);
        assert_non_null(room);
        (void)memset(room, 'y', 500);
        buf_grew(&b, 300);
    }
    assert_int_equal(b.len, 31002);
    assert_int_equal(b.p[31002], '\0');
    buf_free(&b);
    buf_free(&b);
}

static void code_points(void **state)
{
    (void)state;
    static const unsigned codes[] = {0x24, 0x7F, 0x80, 0x7FF, 0x800, 0xFFFF, 0x10000, 0x10FFFF};

    for (size_t i = 0; i < COUNT(codes); i++) {
        struct buf b = BUF_INIT(4);
        unsigned back;
        buf_add_utf8(&b, codes[i]);
        struct sv s = buf_sv(&b);
        assert_int_equal(utf8_next(&s, &back), b.len);
        assert_int_equal(back, codes[i]);
        buf_free(&b);
    }
    struct buf b = BUF_INIT(10);
    buf_add_utf8(&b, 0xD800);
    buf_add_utf8(&b, 0x110000);
    assert_string_equal(b.p, "\xEF\xBF\xBD\xEF\xBF\xBD");
    buf_free(&b);
}

static void strv_is_always_an_argv(void **state)
{
    (void)state;
    struct strv v = STRV_INIT;

    assert_null(v.v[0]);
    for (int i = 0; i < 20; i++) {
        strv_addf(&v, "%d", i);
        assert_null(v.v[v.n]);
    }
    assert_int_equal(v.n, 20);
    assert_string_equal(v.v[19], "19");
    strv_free(&v);
    assert_null(v.v[0]);
    strv_free(&v);
}

static void setenv_replaces_whole_names(void **state)
{
    (void)state;
    struct strv v = STRV_INIT;

    strv_setenv(&v, SV("AB"), SV("1"));
    strv_setenv(&v, SV("A"), SV("2"));
    strv_setenv(&v, SV("AB"), SV("x=y"));
    assert_int_equal(v.n, 2);
    assert_string_equal(strv_getenv(&v, "AB"), "x=y");
    assert_string_equal(strv_getenv(&v, "A"), "2");
    assert_null(strv_getenv(&v, "B"));
    strv_addsv(&v, SV("C="));
    assert_string_equal(strv_getenv(&v, "C"), "");
    strv_free(&v);
}

struct b64_case {
    const char *name;
    const char *plain;
    const char *std; /* padded */
    const char *url;
};
/* The first seven: RFC 4648 section 10. */
static const struct b64_case b64_cases[] = {
    {"empty", "", "", ""},
    {"f", "f", "Zg==", "Zg"},
    {"fo", "fo", "Zm8=", "Zm8"},
    {"foo", "foo", "Zm9v", "Zm9v"},
    {"foob", "foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"both special letters", "\xfb\xef\xff\xff", "++///w==", "--___w"},
};

static void check_b64(void **state)
{
    const struct b64_case *c = *state;
    struct buf b = BUF_INIT(100);
    struct err e;
    size_t n = strlen(c->plain);

    base64_encode(&b, c->plain, n);
    assert_string_equal(b.p, c->std);
    buf_reset(&b);
    base64url_encode(&b, c->plain, n);
    assert_string_equal(b.p, c->url);
    buf_reset(&b);
    assert_int_equal(base64_decode(sv_of(c->std), &b, &e), 0);
    assert_string_equal(b.p, c->plain);
    buf_reset(&b);
    assert_int_equal(base64url_decode(sv_of(c->url), &b, &e), 0);
    assert_string_equal(b.p, c->plain);
    buf_free(&b);
}

struct bad_b64 {
    const char *name;
    const char *text;
};
static const struct bad_b64 bad_b64[] = {
    {"one letter", "Z"},          {"white space", "Zm 9"},  {"new line", "Zm9v\n"},
    {"padding inside", "Zg==Zg"}, {"padding only", "="},    {"short padding", "Zg="},
    {"too much padding", "Z==="}, {"url alphabet", "--__"}, {"not ASCII", "Zm\xC3\xA4"},
    {"long padding", "Zm9v===="},
};

static void check_bad_b64(void **state)
{
    const struct bad_b64 *c = *state;
    struct buf b = BUF_INIT(100);
    struct err e = {0};

    assert_int_equal(base64_decode(sv_of(c->text), &b, &e), -1);
    assert_int_equal(e.code, FAIL_INPUT);
    assert_int_equal(b.len, 0);
    buf_free(&b);
}

static void decoding_obeys_the_limit(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(3), small = BUF_INIT(2);
    struct err e;

    assert_int_equal(base64_decode(SV("Zm9v"), &b, &e), 0);
    assert_int_equal(base64_decode(SV("Zm9v"), &small, &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
    buf_free(&b);
    hex_encode(&b, "\x00\xab", 1);
    assert_string_equal(b.p, "00");
    buf_free(&b);
    buf_free(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limit_at_max_and_above),   cmocka_unit_test(content_may_hold_nul),
        cmocka_unit_test(long_formats_and_rooms),   cmocka_unit_test(code_points),
        cmocka_unit_test(strv_is_always_an_argv),   cmocka_unit_test(setenv_replaces_whole_names),
        cmocka_unit_test(decoding_obeys_the_limit),
    };

    return cmocka_run_group_tests_name("buf", tests, NULL, NULL) +
           RUN_TABLE("base64", b64_cases, check_b64) +
           RUN_TABLE("base64 refused", bad_b64, check_bad_b64);
}
