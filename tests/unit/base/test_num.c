/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers from text at their limits. */
#include "tests/unit/base/helper.h"

#include "base/num.h"

struct num_case {
    const char *name;
    struct sv in;
    uint64_t max;
    int rc;
    uint64_t want;
    enum fail code;
};
static const struct num_case num_cases[] = {
    {"zero", {"0", 1}, 10, 0, 0, FAIL_NONE},
    {"leading zeros", {"007", 3}, 10, 0, 7, FAIL_NONE},
    {"at the limit", {"10", 2}, 10, 0, 10, FAIL_NONE},
    {"above the limit", {"11", 2}, 10, -1, 0, FAIL_LIMIT},
    {"largest", {"18446744073709551615", 20}, UINT64_MAX, 0, UINT64_MAX, FAIL_NONE},
    {"wraps 64 bits", {"18446744073709551616", 20}, UINT64_MAX, -1, 0, FAIL_LIMIT},
    {"wraps twice", {"99999999999999999999999999", 26}, UINT64_MAX, -1, 0, FAIL_LIMIT},
    {"too large, then not a number", {"11x", 3}, 10, -1, 0, FAIL_INPUT},
    {"not NUL-terminated", {"123", 2}, 100, 0, 12, FAIL_NONE},
    {"empty", {"", 0}, 10, -1, 0, FAIL_INPUT},
    {"sign", {"+1", 2}, 10, -1, 0, FAIL_INPUT},
    {"minus", {"-1", 2}, 10, -1, 0, FAIL_INPUT},
    {"space in front", {" 1", 2}, 10, -1, 0, FAIL_INPUT},
    {"hexadecimal", {"0x1", 3}, 10, -1, 0, FAIL_INPUT},
    {"NUL", {"1\0", 2}, 10, -1, 0, FAIL_INPUT},
};

static void check_num(void **state)
{
    const struct num_case *c = *state;
    uint64_t got = 77;
    struct err e = {0};

    assert_int_equal(num_u64(c->in, c->max, &got, &e), c->rc);
    assert_int_equal(e.code, c->code);
    assert_int_equal(got, c->rc == 0 ? c->want : 77); /* untouched on failure */
}

struct int_case {
    const char *name;
    const char *in;
    int64_t min, max;
    int rc;
    int64_t want;
    enum fail code;
};
static const struct int_case int_cases[] = {
    {"minus one", "-1", -5, 5, 0, -1, FAIL_NONE},
    {"smallest", "-9223372036854775808", INT64_MIN, INT64_MAX, 0, INT64_MIN, FAIL_NONE},
    {"below the smallest", "-9223372036854775809", INT64_MIN, INT64_MAX, -1, 0, FAIL_LIMIT},
    {"largest", "9223372036854775807", INT64_MIN, INT64_MAX, 0, INT64_MAX, FAIL_NONE},
    {"above the largest", "9223372036854775808", INT64_MIN, INT64_MAX, -1, 0, FAIL_LIMIT},
    {"at min", "-5", -5, 5, 0, -5, FAIL_NONE},
    {"below min", "-6", -5, 5, -1, 0, FAIL_LIMIT},
    {"at max", "5", -5, 5, 0, 5, FAIL_NONE},
    {"above max", "6", -5, 5, -1, 0, FAIL_LIMIT},
    {"minus zero", "-0", 0, 5, 0, 0, FAIL_NONE},
    {"two signs", "--1", -5, 5, -1, 0, FAIL_INPUT},
    {"sign alone", "-", -5, 5, -1, 0, FAIL_INPUT},
    {"empty", "", -5, 5, -1, 0, FAIL_INPUT},
};

static void check_int(void **state)
{
    const struct int_case *c = *state;
    int64_t got = 77;
    struct err e = {0};

    assert_int_equal(num_i64(sv_of(c->in), c->min, c->max, &got, &e), c->rc);
    assert_int_equal(e.code, c->code);
    assert_true(got == (c->rc == 0 ? c->want : 77));
}

static void wire_integers(void **state)
{
    (void)state;
    unsigned char p[8];

    store_le32(p, 0x01020304);
    assert_memory_equal(p, "\x04\x03\x02\x01", 4);
    assert_int_equal(load_le32(p), 0x01020304);
    store_le64(p, 0xFEDCBA9876543210ULL);
    assert_int_equal(p[0], 0x10);
    assert_true(load_le64(p) == 0xFEDCBA9876543210ULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(wire_integers)};

    return RUN_TABLE("num_u64", num_cases, check_num) + RUN_TABLE("num_i64", int_cases, check_int) +
           cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
