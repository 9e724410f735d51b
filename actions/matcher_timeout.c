/* SPDX-License-Identifier: Apache-2.0
 *
 * The time-out of problem matchers, a .NET time span: [d.]hh:mm[:ss[.fffffff]], d:hh:mm:ss[.fffffff], or d.
 * Source: OutputManager.cs (TimeSpan.TryParse, invariant culture). */
#include "actions/matcher.h"

#include "base/num.h"

#define DAYS_MAX     10675199U /* of .NET's TimeSpan */
#define FRACTION_MAX 7U
#define DAY_MS       INT64_C(86400000)
#define HOUR_MS      INT64_C(3600000)
#define MINUTE_MS    INT64_C(60000)
#define PARTS_MAX    4

static bool number(struct sv s, uint64_t max, int64_t *out)
{
    struct err ignored = {0}; /* malformed means: not set */
    uint64_t n;

    if (s.n > 8 || num_u64(s, max, &n, &ignored) < 0)
        return false;
    *out = (int64_t)n;
    return true;
}

/* ".5" of a second, up to seven digits. */
static bool fraction(struct sv s, int64_t *ms)
{
    int64_t n;

    if (s.n == 0 || s.n > FRACTION_MAX || !number(s, 9999999, &n))
        return false;
    for (size_t i = s.n; i < 3; i++)
        n *= 10;
    for (size_t i = s.n; i > 3; i--)
        n /= 10;
    *ms = n;
    return true;
}

static bool days_in_front(struct sv *first, int64_t *days)
{
    size_t dot = sv_chr(*first, '.');

    if (dot == SV_NPOS)
        return true;
    if (!number(sv_sub(*first, 0, dot), DAYS_MAX, days))
        return false;
    *first = sv_sub(*first, dot + 1, first->n);
    return true;
}

static bool clock(const struct sv *part, size_t n, int64_t *ms)
{
    int64_t hours = 0, minutes = 0, seconds = 0, below = 0;
    struct sv s = n > 2 ? part[2] : SV("0");
    size_t dot = sv_chr(s, '.');

    if (dot != SV_NPOS) {
        if (!fraction(sv_sub(s, dot + 1, s.n), &below))
            return false;
        s = sv_sub(s, 0, dot);
    }
    if (!number(part[0], 23, &hours) || !number(part[1], 59, &minutes) || !number(s, 59, &seconds))
        return false;
    *ms = hours * HOUR_MS + minutes * MINUTE_MS + seconds * 1000 + below;
    return true;
}

bool matcher_timeout(struct sv text, int64_t *ms)
{
    struct sv rest = sv_trim(text), part[PARTS_MAX], head;
    int64_t days = 0, below = 0;
    size_t n = 0;

    while (sv_next(&rest, ':', &head)) {
        if (n == PARTS_MAX)
            return false;
        part[n++] = head;
    }
    bool ok = n == 1   ? number(part[0], DAYS_MAX, &days)
              : n == 4 ? number(part[0], DAYS_MAX, &days) && clock(part + 1, 3, &below)
                       : n > 1 && days_in_front(&part[0], &days) && clock(part, n, &below);
    if (!ok || days * DAY_MS + below <= 0)
        return false;
    *ms = days * DAY_MS + below;
    return true;
}
