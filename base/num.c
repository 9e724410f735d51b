/* SPDX-License-Identifier: Apache-2.0
 *
 * Checked numbers from text: decimal digits and nothing else, so no locale, no white space, no sign tricks. */
#include "base/num.h"

/* How much of a wrong value goes into the message. */
#define SHOW(s) (int)((s).n > 40 ? 40 : (s).n), (s).p

int num_u64(struct sv s, uint64_t max, uint64_t *out, struct err *e)
{
    uint64_t v = 0;
    bool over = false;

    if (s.n == 0)
        return err_set(e, FAIL_INPUT, "expected a number, got nothing");
    for (size_t i = 0; i < s.n; i++) {
        unsigned d = (unsigned char)s.p[i] - (unsigned)'0';
        if (d > 9)
            return err_set(e, FAIL_INPUT, "'%.*s' is not a number", SHOW(s));
        over = over || __builtin_mul_overflow(v, 10U, &v) || __builtin_add_overflow(v, d, &v) ||
               v > max;
    }
    if (over)
        return err_set(e, FAIL_LIMIT, "number '%.*s' is above %llu", SHOW(s),
                       (unsigned long long)max);
    *out = v;
    return 0;
}

int num_i64(struct sv s, int64_t min, int64_t max, int64_t *out, struct err *e)
{
    bool neg = s.n > 0 && s.p[0] == '-';
    /* The magnitude of INT64_MIN is one more than INT64_MAX. */
    uint64_t limit = (uint64_t)INT64_MAX + (neg ? 1 : 0), v;

    if (num_u64(neg ? sv_sub(s, 1, s.n) : s, limit, &v, e) < 0) {
        if (e->code == FAIL_INPUT)
            return err_set(e, FAIL_INPUT, "'%.*s' is not a number", SHOW(s));
        return err_set(e, FAIL_LIMIT, "number '%.*s' is outside %lld to %lld", SHOW(s),
                       (long long)min, (long long)max);
    }
    int64_t r = neg ? (int64_t)(0 - v) : (int64_t)v;
    if (r < min || r > max)
        return err_set(e, FAIL_LIMIT, "number '%.*s' is outside %lld to %lld", SHOW(s),
                       (long long)min, (long long)max);
    *out = r;
    return 0;
}
