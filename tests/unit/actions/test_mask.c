/* SPDX-License-Identifier: Apache-2.0
 *
 * Masking: the vectors of spec logs 3.3 and 3.4, lines and structure, hints, pieces of long lines, limits. */
#include "tests/unit/base/helper.h"

#include "actions/mask.h"
#include "base/base64.h"

struct mask_case {
    const char *name;
    const char *secrets[4];
    const char *in;
    const char *out;
};
static const struct mask_case mask_cases[] = {
    {"nothing registered", {NULL}, "text", "text"},
    {"empty text", {"x"}, "", ""},
    {"inside of text", {"Password123!"}, "123Password123!123", "123***123"},
    {"case counts", {"secret"}, "Secret secret", "Secret ***"},
    {"touching hits are one", {"foo", "bar"}, "foobar foo-bar", "*** ***-***"},
    {"overlapping hits are one", {"aba"}, "ababa", "***"},
    {"overlap of two secrets", {"abcd", "cdef"}, "xabcdefx", "x***x"},
    {"one inside the other", {"b", "abc"}, "abc b", "*** ***"},
    {"longest prefix fails late", {"aaab", "aac"}, "aaaac aaaab", "aa*** a***"},
    {"one letter", {"a"}, "banana", "b***n***n***"},
    {"two letters", {"ab"}, "aab ba", "a*** ba"},
    {"at both ends", {"key"}, "key and key", "*** and ***"},
    {"blank is ignored", {" ", "", "\r\n\t"}, "a b", "a b"},
    {"trimmed too", {"  padded  "}, "x padded x", "x *** x"},
    {"lines of a secret", {"abc\ndef\rghi\r\njkl"}, "abc-def-ghi-jkl", "***-***-***-***"},
    {"the whole of several lines", {"abc\ndef"}, "xabc\ndefx", "x***x"},
    {"structure lines are not secrets", {"{\n  \"a\": 1,\n}\n"}, "{ x }", "{ x }"},
    {"but other lines of JSON are", {"{\n  \"a\": 1\n}\n"}, "say \"a\": 1", "say ***"},
    {"one bracket alone is a secret", {"{"}, "{", "***"},
    {"base64", {"hunter2&\"x\" y"}, "aHVudGVyMiYieCIgeQ==", "***"},
    {"base64 shifted by one", {"hunter2&\"x\" y"}, "x dW50ZXIyJiJ4IiB5 x", "x *** x"},
    {"base64 shifted by two", {"hunter2&\"x\" y"}, "bnRlcjImIngiIHk=", "***"},
    {"command line and JSON", {"hunter2&\"x\" y"}, "hunter2&\\\"x\\\" y", "***"},
    {"percent", {"Pass word 123!"}, "123Pass%20word%20123%21123", "123***123"},
    {"percent of UTF-8", {"p\xC3\xA4ss"}, "p%C3%A4ss p\xC3\xA4ss", "*** ***"},
    {"XML", {"hunter2&\"x\" y"}, "hunter2&amp;&quot;x&quot; y", "***"},
    {"expression", {"it's secret"}, "it''s secret", "***"},
    {"JSON escapes", {"a\tb\x01\xE2\x80\xA8"}, "a\\tb\\u0001\\u2028", "***"},
    {"JSON keeps the slash and other letters", {"a/\xC3\xA4\""}, "a/\xC3\xA4\\\"", "***"},
    {"outer quotes", {"\"long secret\""}, "long secret", "***"},
    {"outer quotes of seven", {"\"short\""}, "short", "short"},
    {"outer quotes of eight", {"\"123456\""}, "123456", "123456"},
    {"outer quotes of nine", {"\"1234567\""}, "1234567", "***"},
    {"before the last ampersand", {"hunter2&\"x\" y"}, "hunter2&", "***"},
    {"after it is too short", {"hunter2&\"x\" y"}, "\"x\" y", "\"x\" y"},
    {"before the last of two ampersands", {"a&bcde&xy"}, "a&bcde& a&bcd", "*** a&bcd"},
    {"after the ampersand", {"x&secret"}, "secret", "***"},
    {"ampersand and plus", {"before&+Xafterwards"}, "before&+ afterwards", "*** ***"},
    {"stars", {"***"}, "a***b", "a***b"},
};

static void check_mask(void **state)
{
    const struct mask_case *c = *state;
    struct mask *m = mask_new();
    struct buf out = BUF_INIT(1000);

    for (size_t i = 0; i < COUNT(c->secrets) && c->secrets[i] != NULL; i++)
        mask_add(m, sv_of(c->secrets[i]));
    mask_apply(m, sv_of(c->in), &out);
    assert_string_equal(out.p, c->out);
    bool changed = strcmp(c->in, c->out) != 0;
    assert_true(mask_hits(m, sv_of(c->in)) == changed || strcmp(c->name, "stars") == 0);
    buf_free(&out);
    mask_free(m);
}

/* Source: actions/runner: src/Test/L0/HostContextL0.cs. */
static void base64_of_a_longer_text(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{":Password123!", "OlBh***"},
                                          {"a:Password123!", "YTpQ***"},
                                          {"ab:Password123!", "YWI6***"}};
    struct mask *m = mask_new();

    mask_add(m, SV("Password123!"));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf b = BUF_INIT(100), out = BUF_INIT(100);
        base64_encode(&b, rows[i][0], strlen(rows[i][0]));
        mask_apply(m, buf_sv(&b), &out);
        assert_string_equal(out.p, rows[i][1]);
        buf_free(&b);
        buf_free(&out);
    }
    mask_free(m);
}

struct regex_case {
    const char *name;
    const char *pattern;
    const char *in;
    const char *out; /* NULL: does not compile */
};
static const struct regex_case regex_cases[] = {
    {"class and count", "gh[ps]_[A-Za-z0-9]{4}", "x ghp_ab12 ghs_zzzz!", "x *** ***!"},
    {"matches that overlap", "a.a", "ababa", "***"},
    {"literal with escapes", "ey\\.J0\\-x", "1ey.J0-x2", "1***2"},
    {"its own text", "a[bc]", "x a[bc] ab", "x *** ***"},
    {"empty matches", "z*", "azzb", "a***b"},
    {"Unicode letters, as in .NET", "k\\w+", "k\xC3\xA4\xC3\xB6 x", "*** x"},
    {"code point escape", "\\u00e4", "x\xC3\xA4y", "x***y"},
    {"text that is not UTF-8", "s.cret",
     "\xff s\xff"
     "cret \xfe",
     "\xff *** \xfe"},
    {"look-behind", "(?<=key=)\\S+", "key=abc other", "key=*** other"},
    {"to the end", "x.*", "1 x 2 x 3", "1 ***"},
    {"engine gives up: the rest is hidden", "(?:(?:a+)+)+$",
     "ok aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "***"},
    {"does not compile", "(", "", NULL},
    {"empty pattern", "", "", NULL},
};

static void check_regex(void **state)
{
    const struct regex_case *c = *state;
    struct mask *m = mask_new();
    struct buf out = BUF_INIT(1000);
    struct err e = {0};

    assert_int_equal(mask_add_regex(m, sv_of(c->pattern), &e), c->out != NULL ? 0 : -1);
    if (c->out == NULL) {
        assert_int_equal(e.code, FAIL_INPUT);
    } else {
        mask_apply(m, sv_of(c->in), &out);
        assert_string_equal(out.p, c->out);
    }
    buf_free(&out);
    mask_free(m);
}

static void beginnings_of_secrets_are_hidden(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"Invalid format '-----BEGIN KEY----- abc'", "Invalid format '***'"},
        {"Invalid format '-----BEGIN KEY----- abc", "Invalid format '***"},
        {"a -----BEGIN KEY----- abcdefgh b", "a *** b"},
        {"LS0tLS1CRUdJ (base64)", "*** (base64)"},
        {"'correcth' and 'correct' ", "'***' and 'correct' "},
    };
    struct mask *m = mask_new();

    (void)state;
    mask_add(m, SV("-----BEGIN KEY----- abcdefgh"));
    mask_add(m, SV("correcthorsebatterystaple"));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(buf_free) struct buf out = BUF_INIT(4096);
        mask_apply_cut(m, sv_of(cases[i].text), &out);
        assert_string_equal(out.len > 0 ? out.p : "", cases[i].want);
    }
    mask_free(m);
}

static void number_of_regexes(void **state)
{
    (void)state;
    struct mask *m = mask_new();
    struct err e = {0};

    for (int i = 0; i < MASK_MAX_REGEXES; i++)
        assert_int_equal(mask_add_regex(m, SV("a+"), &e), 0);
    assert_int_equal(mask_add_regex(m, SV("a+"), &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
    mask_free(m);
}

static void too_many_bytes_hide_everything(void **state)
{
    (void)state;
    struct mask *m = mask_new();
    struct buf out = BUF_INIT(100);
    char *big = xmalloc((4U << 20) + 1);

    (void)memset(big, 'x', (4U << 20) + 1);
    mask_add(m, (struct sv){big, 4U << 20});
    mask_apply(m, SV("hello"), &out);
    assert_string_equal(out.p, "***");
    assert_true(mask_hits(m, SV("h")));
    assert_false(mask_hits(m, SV("")));
    buf_free(&out);
    free(big);
    mask_free(m);
}

/* Added one by one with use in between, as add-mask does, and again. */
static void added_while_in_use(void **state)
{
    (void)state;
    struct mask *m = mask_new();
    struct buf out = BUF_INIT(1000);
    char text[64];

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 400; i++) {
            (void)snprintf(text, sizeof text, "secret-number-%d-of-many", i);
            mask_add(m, sv_of(text));
            assert_true(mask_hits(m, sv_of(text)));
        }
    }
    mask_apply(m, SV("a secret-number-0-of-many secret-number-399-of-manysecret-number-7-of-many"),
               &out);
    assert_string_equal(out.p, "a *** ***");
    buf_free(&out);
    mask_free(m);
}

static void pieces_equal_the_whole(void **state)
{
    (void)state;
    static const char text[] = "xx foo secret-one secret-onefoo foofoofoofoofoo sEcret secret-on";

    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct mask *m = mask_new();
        struct buf want = BUF_INIT(1000), got = BUF_INIT(1000), carry = BUF_INIT(1000);
        size_t n = strlen(text);
        mask_add(m, SV("secret-one"));
        mask_add(m, SV("foo"));
        for (int line = 0; line < 2; line++) {
            mask_apply(m, (struct sv){text, n}, &want);
            for (size_t at = 0; at < n; at += piece) {
                buf_addsv(&carry, sv_sub((struct sv){text, n}, at, piece));
                buf_consume(&carry, mask_apply_part(m, buf_sv(&carry), n - at <= piece, &got));
            }
        }
        assert_int_equal(carry.len, 0);
        assert_string_equal(got.p, want.p);
        buf_free(&want);
        buf_free(&got);
        buf_free(&carry);
        mask_free(m);
    }
}

/* What is kept back stays small, even when everything is hidden. */
static void pieces_have_bounded_memory(void **state)
{
    (void)state;
    struct mask *m = mask_new();
    struct buf got = BUF_INIT(1000), carry = BUF_INIT(100000);
    char block[1000];

    (void)memset(block, 'a', sizeof block);
    mask_add(m, SV("aa"));
    for (int i = 0; i < 1000; i++) {
        buf_add(&carry, block, sizeof block);
        buf_consume(&carry, mask_apply_part(m, buf_sv(&carry), i == 999, &got));
        assert_in_range(carry.len, 0, 100);
    }
    assert_string_equal(got.p, "***");
    buf_free(&got);
    buf_free(&carry);
    mask_free(m);
}

static void limit_of_the_output(void **state)
{
    (void)state;
    struct mask *m = mask_new();
    struct buf out = BUF_INIT(5);
    struct err e;

    mask_add(m, SV("x"));
    mask_apply(m, SV("axb"), &out);
    assert_int_equal(buf_done(&out, "text", &e), 0);
    mask_apply(m, SV("c"), &out);
    assert_int_equal(buf_done(&out, "text", &e), -1);
    buf_free(&out);
    mask_free(m);
    mask_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_of_a_longer_text),
        cmocka_unit_test(beginnings_of_secrets_are_hidden),
        cmocka_unit_test(number_of_regexes),
        cmocka_unit_test(too_many_bytes_hide_everything),
        cmocka_unit_test(added_while_in_use),
        cmocka_unit_test(pieces_equal_the_whole),
        cmocka_unit_test(pieces_have_bounded_memory),
        cmocka_unit_test(limit_of_the_output),
    };

    return RUN_TABLE("mask", mask_cases, check_mask) +
           RUN_TABLE("mask hints", regex_cases, check_regex) +
           cmocka_run_group_tests_name("masker", tests, NULL, NULL);
}
