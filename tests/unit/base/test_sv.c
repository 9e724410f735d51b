/* SPDX-License-Identifier: Apache-2.0
 *
 * Views, ASCII classes and UTF-8. */
#include "tests/unit/base/helper.h"

#include "base/sv.h"

static void compare_and_search(void **state)
{
    (void)state;
    struct sv none = {NULL, 0};

    assert_true(sv_eq(none, SV("")));
    assert_true(sv_ieq(SV("AbC"), SV("aBc")));
    assert_false(sv_ieq(SV("abc"), SV("abd")));
    assert_true(sv_starts(SV("abc"), SV("ab")));
    assert_true(sv_starts(SV("abc"), none));
    assert_false(sv_starts(SV("ab"), SV("abc")));
    assert_true(sv_istarts(SV("ABc"), SV("ab")));
    assert_true(sv_ends(SV("abc"), SV("bc")));
    assert_false(sv_ends(SV("bc"), SV("abc")));
    assert_int_equal(sv_chr(SV("a/b/c"), '/'), 1);
    assert_int_equal(sv_rchr(SV("a/b/c"), '/'), 3);
    assert_true(sv_chr(none, '/') == SV_NPOS && sv_rchr(none, '/') == SV_NPOS);
    assert_int_equal(sv_find(SV("aab\0abc"), SV("abc")), 4);
    assert_int_equal(sv_find(SV("x"), none), 0);
    assert_true(sv_find(SV("ab"), SV("abc")) == SV_NPOS);
    assert_true(sv_cmp(SV("a"), SV("b")) < 0 && sv_cmp(SV("b"), SV("a")) > 0);
    assert_true(sv_cmp(SV("a"), SV("ab")) < 0 && sv_cmp(SV("ab"), SV("a")) > 0);
    assert_true(sv_cmp(SV("\xff"), SV("a")) > 0 && sv_cmp(none, none) == 0);
}

static void sub_is_clamped(void **state)
{
    (void)state;

    assert_true(sv_is(sv_sub(SV("hello"), 1, 3), "ell"));
    assert_true(sv_is(sv_sub(SV("hello"), 3, SIZE_MAX), "lo"));
    assert_true(sv_is(sv_sub(SV("hello"), SIZE_MAX, SIZE_MAX), ""));
    assert_true(sv_is(sv_trim(SV(" \t\r\nx y\v\f ")), "x y"));
    assert_true(sv_is(sv_trim(SV("  ")), ""));
}

static void next_splits_with_empty_parts(void **state)
{
    (void)state;
    struct sv s = SV("a,,b,"), head;
    const char *want[] = {"a", "", "b", ""};

    for (size_t i = 0; i < COUNT(want); i++) {
        assert_true(sv_next(&s, ',', &head));
        assert_true(sv_is(head, want[i]));
    }
    assert_false(sv_next(&s, ',', &head));
    s = SV("");
    assert_true(sv_next(&s, ',', &head)); /* the empty text has one empty part */
    assert_int_equal(head.n, 0);
    assert_false(sv_next(&s, ',', &head));
}

static void classes_are_ascii(void **state)
{
    (void)state;

    for (int i = -128; i < 128; i++) {
        char c = (char)i;
        assert_int_equal(ch_is_digit(c), i >= 48 && i <= 57);
        assert_int_equal(ch_is_alpha(c), (i >= 65 && i <= 90) || (i >= 97 && i <= 122));
        assert_int_equal(ch_is_space(c), i == 32 || (i >= 9 && i <= 13));
        assert_int_equal(ch_is_hex(c),
                         (i >= 48 && i <= 57) || (i >= 65 && i <= 70) || (i >= 97 && i <= 102));
        assert_int_equal(ch_lower(c), i >= 65 && i <= 90 ? i + 32 : i);
        assert_int_equal(ch_upper(c), i >= 97 && i <= 122 ? i - 32 : i);
    }
}

struct utf8_case {
    const char *name;
    struct sv in;
    bool valid;
    unsigned first;
    size_t consumed;
    size_t utf16;
};
#define ROW(name, lit, valid, first, consumed, utf16)               \
    {                                                               \
        name, {lit, sizeof(lit) - 1}, valid, first, consumed, utf16 \
    }
static const struct utf8_case utf8_cases[] = {
    ROW("ascii", "a", true, 'a', 1, 1),
    ROW("smallest two bytes", "\xC2\x80", true, 0x80, 2, 1),
    ROW("overlong two bytes", "\xC1\xBF", false, 0xFFFD, 1, 2),
    ROW("smallest three bytes", "\xE0\xA0\x80", true, 0x800, 3, 1),
    ROW("overlong three bytes", "\xE0\x9F\xBF", false, 0xFFFD, 1, 3),
    ROW("last before surrogates", "\xED\x9F\xBF", true, 0xD7FF, 3, 1),
    ROW("surrogate", "\xED\xA0\x80", false, 0xFFFD, 1, 3),
    ROW("first after surrogates", "\xEE\x80\x80", true, 0xE000, 3, 1),
    ROW("real U+FFFD", "\xEF\xBF\xBD", true, 0xFFFD, 3, 1),
    ROW("smallest four bytes", "\xF0\x90\x80\x80", true, 0x10000, 4, 2),
    ROW("overlong four bytes", "\xF0\x8F\xBF\xBF", false, 0xFFFD, 1, 4),
    ROW("largest", "\xF4\x8F\xBF\xBF", true, 0x10FFFF, 4, 2),
    ROW("above the largest", "\xF4\x90\x80\x80", false, 0xFFFD, 1, 4),
    ROW("five bytes", "\xF8\x88\x80\x80\x80", false, 0xFFFD, 1, 5),
    ROW("cut sequence", "\xE2\x82", false, 0xFFFD, 1, 2),
    ROW("lone continuation", "\x80", false, 0xFFFD, 1, 1),
    ROW("wrong third byte", "\xE2\x82x", false, 0xFFFD, 1, 3),
    ROW("NUL is a character", "\0", true, 0, 1, 1),
};

static void check_utf8(void **state)
{
    const struct utf8_case *c = *state;
    /* An exact copy lets the sanitizer see one byte too far. */
    char *exact = xmalloc(c->in.n);
    (void)memcpy(exact, c->in.p, c->in.n);
    struct sv s = {exact, c->in.n};
    unsigned code = 1;

    assert_int_equal(utf8_valid(s), c->valid);
    assert_int_equal(utf8_utf16_len(s), c->utf16);
    assert_int_equal(utf8_next(&s, &code), c->consumed);
    assert_int_equal(code, c->first);
    assert_int_equal(s.n, c->in.n - c->consumed);
    free(exact);
}

/* Every byte at every place of a word, among neighbours that are as low or as high as can be. */
static void printable_is_ascii(void **state)
{
    static const char fill[] = {' ', 'x', '~'};
    char text[19];

    (void)state;
    for (size_t f = 0; f < sizeof fill; f++)
        for (size_t at = 0; at < sizeof text; at++)
            for (int c = 0; c < 256; c++) {
                bool plain = c >= 0x20 && c < 0x7f;
                memset(text, fill[f], sizeof text);
                text[at] = (char)c;
                assert_int_equal(sv_printable((struct sv){text, sizeof text}),
                                 plain ? sizeof text : at);
            }
    assert_int_equal(sv_printable(SV("")), 0);
}

static void whole_characters(void **state)
{
    static const struct {
        const char *text;
        size_t whole;
    } cases[] = {
        {"", 0},
        {"ab", 2},
        {"\xc3\xa4", 2},
        {"a\xc3", 1},
        {"a\xe2\x82", 1},
        {"a\xe2\x82\xac", 4},
        {"a\xf0\x9f\x98", 1},
        {"\xf0\x9f\x98\x80", 4},
        {"\xf0\x9f", 0},
        {"a\x80\x80\x80\x80", 5}, /* belongs to nothing */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(utf8_whole(sv_of(cases[i].text)), cases[i].whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compare_and_search),           cmocka_unit_test(sub_is_clamped),
        cmocka_unit_test(next_splits_with_empty_parts), cmocka_unit_test(classes_are_ascii),
        cmocka_unit_test(printable_is_ascii),           cmocka_unit_test(whole_characters),
    };

    return cmocka_run_group_tests_name("sv", tests, NULL, NULL) +
           RUN_TABLE("utf8", utf8_cases, check_utf8);
}
