/* SPDX-License-Identifier: Apache-2.0
 *
 * String views and UTF-8. Nothing here looks at p[n]. */
#include "base/sv.h"

#include <stdint.h>

#include "base/mem.h"

bool sv_ieq(struct sv a, struct sv b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (ch_lower(a.p[i]) != ch_lower(b.p[i]))
            return false;
    return true;
}

bool sv_starts(struct sv s, struct sv prefix)
{
    return prefix.n <= s.n && sv_eq((struct sv){s.p, prefix.n}, prefix);
}

bool sv_istarts(struct sv s, struct sv prefix)
{
    return prefix.n <= s.n && sv_ieq((struct sv){s.p, prefix.n}, prefix);
}

bool sv_ends(struct sv s, struct sv suffix)
{
    return suffix.n <= s.n &&
           (suffix.n == 0 || memcmp(s.p + (s.n - suffix.n), suffix.p, suffix.n) == 0);
}

size_t sv_rchr(struct sv s, char c)
{
    const char *hit = s.n > 0 ? memrchr(s.p, c, s.n) : NULL;

    return hit != NULL ? (size_t)(hit - s.p) : SV_NPOS;
}

size_t sv_find(struct sv s, struct sv needle)
{
    if (needle.n == 0)
        return 0;
    if (s.n < needle.n)
        return SV_NPOS;
    const char *hit = memmem(s.p, s.n, needle.p, needle.n);
    return hit != NULL ? (size_t)(hit - s.p) : SV_NPOS;
}

struct sv sv_trim(struct sv s)
{
    while (s.n > 0 && ch_is_space(s.p[0]))
        s = (struct sv){s.p + 1, s.n - 1};
    while (s.n > 0 && ch_is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool sv_next(struct sv *s, char c, struct sv *head)
{
    if (s->p == NULL)
        return false;
    size_t at = sv_chr(*s, c);
    if (at == SV_NPOS) {
        *head = *s;
        *s = (struct sv){NULL, 0};
        return true;
    }
    *head = (struct sv){s->p, at};
    *s = (struct sv){s->p + at + 1, s->n - at - 1};
    return true;
}

int sv_cmp(struct sv a, struct sv b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int r = n > 0 ? memcmp(a.p, b.p, n) : 0;

    if (r != 0)
        return r < 0 ? -1 : 1;
    return a.n == b.n ? 0 : a.n < b.n ? -1 : 1;
}

char *sv_dup(struct sv s)
{
    return xmemdup(s.p, s.n);
}

/* Length of the well-formed sequence at p (1..4), or 0. Source: Unicode 15, table 3-7. */
static size_t utf8_seq(const unsigned char *p, size_t n, unsigned *code)
{
    unsigned c = p[0];
    size_t len;
    unsigned lo = 0x80, hi = 0xBF;

    if (c < 0x80) {
        *code = c;
        return 1;
    }
    if (c < 0xC2 || c > 0xF4)
        return 0;
    len = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    if (n < len)
        return 0;
    if (c == 0xE0)
        lo = 0xA0;
    else if (c == 0xED)
        hi = 0x9F;
    else if (c == 0xF0)
        lo = 0x90;
    else if (c == 0xF4)
        hi = 0x8F;
    if (p[1] < lo || p[1] > hi)
        return 0;
    unsigned v = c & (0xFFU >> (len + 1));
    v = v << 6 | (p[1] & 0x3FU);
    for (size_t i = 2; i < len; i++) {
        if (p[i] < 0x80 || p[i] > 0xBF)
            return 0;
        v = v << 6 | (p[i] & 0x3FU);
    }
    *code = v;
    return len;
}

bool utf8_valid(struct sv s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t i = 0;
    unsigned code;

    while (i < s.n) {
        if (p[i] < 0x80) {
            i++;
            continue;
        }
        size_t k = utf8_seq(p + i, s.n - i, &code);
        if (k == 0)
            return false;
        i += k;
    }
    return true;
}

size_t utf8_next(struct sv *s, unsigned *code)
{
    if (s->n == 0)
        return 0;
    size_t k = utf8_seq((const unsigned char *)s->p, s->n, code);
    if (k == 0) {
        *code = 0xFFFD;
        k = 1;
    }
    *s = (struct sv){s->p + k, s->n - k};
    return k;
}

char *utf8_put(char *w, unsigned code)
{
    if (code < 0x80) {
        *w++ = (char)code;
        return w;
    }
    if (code < 0x800) {
        *w++ = (char)(0xC0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *w++ = (char)(0xE0 | code >> 12);
        } else {
            *w++ = (char)(0xF0 | code >> 18);
            *w++ = (char)(0x80 | (code >> 12 & 0x3F));
        }
        *w++ = (char)(0x80 | (code >> 6 & 0x3F));
    }
    *w++ = (char)(0x80 | (code & 0x3F));
    return w;
}

size_t sv_printable(struct sv s)
{
    const uint64_t top = UINT64_C(0x8080808080808080), one = UINT64_C(0x0101010101010101);
    size_t n = 0;
    uint64_t
        w; /* eight at once: a byte that is none shows in its top bit, at the latest with 0x01 added (DEL) or
                 * 0x20 taken away (controls; the lowest of them borrows from nobody) */

    for (; s.n - n >= sizeof w; n += sizeof w) {
        memcpy(&w, s.p + n, sizeof w);
        if (((w | (w + one) | (w - 0x20 * one)) & top) != 0)
            break;
    }
    while (n < s.n && s.p[n] >= 0x20 && s.p[n] < 0x7f)
        n++;
    return n;
}

size_t utf8_whole(struct sv s)
{
    for (size_t back = 1; back <= 3 && back <= s.n; back++) {
        unsigned char c = (unsigned char)s.p[s.n - back];
        if (c < 0x80)
            break;
        if (c >= 0xc0) { /* a leading byte: complete only if enough bytes follow */
            size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
            return back < need ? s.n - back : s.n;
        }
    }
    return s.n;
}

size_t utf8_utf16_len(struct sv s)
{
    size_t n = 0;
    unsigned code;

    for (;;) {
        uint64_t w; /* eight ASCII characters at once: most text is nothing else */
        while (s.n >= sizeof w) {
            memcpy(&w, s.p, sizeof w);
            if ((w & UINT64_C(0x8080808080808080)) != 0)
                break;
            s = (struct sv){s.p + sizeof w, s.n - sizeof w};
            n += sizeof w;
        }
        while (s.n > 0 && (unsigned char)s.p[0] < 0x80) {
            s = (struct sv){s.p + 1, s.n - 1};
            n++;
        }
        if (s.n == 0)
            return n;
        (void)utf8_next(&s, &code);
        n += code > 0xFFFF ? 2 : 1;
    }
}
