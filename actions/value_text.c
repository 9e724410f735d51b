/* SPDX-License-Identifier: Apache-2.0
 *
 * Conversions of the language between kinds (spec expressions 1.6).
 * Source: actions/runner 258d6c8: src/Sdk/Expressions/EvaluationResult.cs, Sdk/ExpressionUtility.cs
 * (ParseNumber), Sdk/Functions/ToJson.cs; strings there are escaped by Newtonsoft.Json. */
#include "actions/value.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "actions/value_priv.h"
#include "base/mem.h"

bool val_truthy(const struct val *v)
{
    switch ((enum val_kind)v->kind) {
    case VAL_NULL:
        return false;
    case VAL_BOOL:
        return v->flag;
    case VAL_NUMBER:
        return fpclassify(v->num) != FP_ZERO && !isnan(v->num);
    case VAL_STRING:
        return v->str.s.n > 0;
    case VAL_ARRAY:
    case VAL_OBJECT:
        return true;
    }
    return true;
}

/* .NET "G15" in the invariant culture with -0 as 0. %.15G agrees with it, exponents and rounding included;
 * our programs never call setlocale(), so the decimal point is a point. */
size_t val_number_text(double d, char *dst)
{
    if (isnan(d)) {
        memcpy(dst, "NaN", 4);
        return 3;
    }
    if (isinf(d)) {
        memcpy(dst, d < 0 ? "-Infinity" : "Infinity", d < 0 ? 10 : 9);
        return d < 0 ? 9 : 8;
    }
    if (d > -1e15 && d < 1e15) { /* most numbers are small integers */
        int64_t i = (int64_t)d;
        if (fpclassify((double)i - d) == FP_ZERO) {
            char tmp[24], *p = tmp + sizeof tmp;
            uint64_t u = i < 0 ? (uint64_t)-i : (uint64_t)i;
            do
                *--p = (char)('0' + u % 10);
            while ((u /= 10) > 0);
            if (i < 0)
                *--p = '-';
            size_t n = (size_t)(tmp + sizeof tmp - p);
            memcpy(dst, p, n);
            dst[n] = '\0';
            return n;
        }
    }
    int n = snprintf(dst, 32, "%.15G", d);
    BUG(n <= 0 || n >= 32);
    return (size_t)n;
}

struct sv val_lend_text_any(const struct val *v, char tmp[32])
{
    switch ((enum val_kind)v->kind) {
    case VAL_NULL:
        return SV("");
    case VAL_BOOL:
        return v->flag ? SV("true") : SV("false");
    case VAL_NUMBER:
        return (struct sv){tmp, val_number_text(v->num, tmp)};
    case VAL_STRING:
        return v->str.s;
    case VAL_ARRAY:
        return SV("Array");
    case VAL_OBJECT:
        return SV("Object");
    }
    return SV("");
}

void val_to_text(const struct val *v, struct buf *b)
{
    char num[32];

    buf_addsv(b, val_lend_text(v, num));
}

/* Bytes of the white-space character (.NET Char.IsWhiteSpace) at the start of s, 0 = none. */
size_t val_space(struct sv s)
{
    unsigned code;

    if (s.n == 0)
        return 0;
    if ((unsigned char)s.p[0] < 0x80)
        return ch_is_space(s.p[0]) ? 1 : 0;
    size_t k = utf8_next(&s, &code);
    bool space = code == 0x85 || code == 0xA0 || code == 0x1680 ||
                 (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 ||
                 code == 0x202F || code == 0x205F || code == 0x3000;
    return space ? k : 0;
}

struct sv val_trim(struct sv s)
{
    for (size_t k; (k = val_space(s)) > 0;)
        s = (struct sv){s.p + k, s.n - k};
    while (s.n > 0) {
        size_t k = 1; /* white space takes one, two or three bytes */
        while (k <= 3 && k <= s.n && val_space((struct sv){s.p + s.n - k, k}) != k)
            k++;
        if (k > 3 || k > s.n)
            break;
        s.n -= k;
    }
    return s;
}

/* Checks the decimal grammar; collects up to 19 digits and the scale for the fast path. */
struct decimal {
    uint64_t digits;
    int scale; /* value = digits * 10^scale when exact */
    bool neg, exact;
};
static bool decimal_scan(struct sv s, struct decimal *d)
{
    size_t i = 0, any = 0;
    int64_t exp = 0;
    bool exp_neg = false;

    *d = (struct decimal){.exact = true};
    if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
        d->neg = s.p[i++] == '-';
    for (bool point = false; i < s.n; i++) {
        if (s.p[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (!ch_is_digit(s.p[i]))
            break;
        any++;
        if (d->digits > UINT64_MAX / 10 - 1)
            d->exact = false;
        else
            d->digits = d->digits * 10 + (uint64_t)(s.p[i] - '0');
        if (point && d->scale > -1000)
            d->scale--;
    }
    if (any == 0)
        return false;
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
            exp_neg = s.p[i++] == '-';
        if (i == s.n)
            return false;
        for (; i < s.n && ch_is_digit(s.p[i]); i++)
            if (exp < 100000)
                exp = exp * 10 + (s.p[i] - '0');
    }
    d->scale += (int)(exp_neg ? -exp : exp);
    return i == s.n;
}

static double decimal_value(struct sv s, const struct decimal *d)
{
    static const double ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

    /* Both factors are exact doubles: one correctly rounded operation (Clinger 1990). */
    if (d->exact && d->digits < (UINT64_C(1) << 53) && d->scale >= -22 && d->scale <= 22) {
        double v = (double)d->digits;
        v = d->scale < 0 ? v / ten[-d->scale] : v * ten[d->scale];
        return d->neg ? -v : v;
    }
    AUTO(auto_free) char *copy = sv_dup(s);
    return strtod(copy, NULL); /* the grammar was checked: no hexadecimal, no "inf" */
}

/* 0x... and 0o...: 32-bit signed, as Int32.TryParse and Convert.ToInt32 read them. NaN when it does not fit. */
static double radix_value(struct sv digits, unsigned bits)
{
    uint64_t v = 0;

    for (size_t i = 0; i < digits.n; i++) {
        char c = ch_lower(digits.p[i]);
        if (!ch_is_hex(c) || (bits == 3 && (c < '0' || c > '7')))
            return NAN;
        v = v << bits | (uint64_t)(ch_is_digit(c) ? c - '0' : c - 'a' + 10);
        if (v > UINT32_MAX)
            return NAN;
    }
    return (double)(int32_t)(uint32_t)v;
}

double val_parse_number(struct sv s)
{
    struct decimal d;

    s = val_trim(s);
    if (s.n == 0)
        return 0;
    if (decimal_scan(s, &d))
        return decimal_value(s, &d);
    if (s.n > 2 && s.p[0] == '0' && s.p[1] == 'x')
        return radix_value(sv_sub(s, 2, s.n), 4);
    if (s.n > 2 && s.p[0] == '0' && s.p[1] == 'o')
        return radix_value(sv_sub(s, 2, s.n), 3);
    bool neg = s.p[0] == '-';
    if (neg || s.p[0] == '+')
        s = sv_sub(s, 1, s.n);
    if (sv_ieq(s, SV("Infinity"))) /* .NET reads it in any case, with either sign */
        return neg ? -INFINITY : INFINITY;
    return NAN;
}

double val_to_number(const struct val *v)
{
    switch ((enum val_kind)v->kind) {
    case VAL_NULL:
        return 0;
    case VAL_BOOL:
        return v->flag ? 1 : 0;
    case VAL_NUMBER:
        return v->num;
    case VAL_STRING:
        return val_parse_number(val_sv(v));
    case VAL_ARRAY:
    case VAL_OBJECT:
        return NAN;
    }
    return NAN;
}
