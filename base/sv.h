/* SPDX-License-Identifier: Apache-2.0
 *
 * String views: a pointer and a length, no ownership, no NUL. Passed by value. ASCII character classes
 * without a locale. */
#ifndef BASE_SV_H
#define BASE_SV_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct sv {
    const char *p;
    size_t n;
};
#define SV(lit)   ((struct sv){("" lit), sizeof(lit) - 1})
#define SV_FMT    "%.*s"
#define SV_ARG(s) (int)((s).n > 8192 ? 8192 : (s).n), (s).p

static inline struct sv sv_of(const char *s) /* NULL gives the empty view */
{
    return (struct sv){s != NULL ? s : "", s != NULL ? strlen(s) : 0};
}
static inline bool sv_eq(struct sv a, struct sv b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
bool sv_ieq(struct sv a, struct sv b); /* ASCII case only */
/* Mostly against the words of a table, which differ in their first characters. */
static inline bool sv_is(struct sv a, const char *s)
{
    for (size_t i = 0; i < a.n; i++) {
        if (s[i] == '\0' || s[i] != a.p[i])
            return false;
    }
    return s[a.n] == '\0';
}
bool sv_starts(struct sv s, struct sv prefix);
bool sv_ends(struct sv s, struct sv suffix);
bool sv_istarts(struct sv s, struct sv prefix);
#define SV_NPOS ((size_t)-1)
static inline size_t sv_chr(struct sv s, char c) /* index or SV_NPOS */
{
    const char *hit = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

    return hit != NULL ? (size_t)(hit - s.p) : SV_NPOS;
}
size_t sv_rchr(struct sv s, char c);
size_t sv_find(struct sv s, struct sv needle);
static inline struct sv sv_sub(struct sv s, size_t from, size_t n) /* clamped to s */
{
    if (s.p == NULL)
        return (struct sv){NULL, 0};
    if (from > s.n)
        from = s.n;
    if (n > s.n - from)
        n = s.n - from;
    return (struct sv){s.p + from, n};
}
struct sv sv_trim(struct sv s); /* space, tab, CR, LF, VT, FF at both ends */
/* Takes the part before the first `c` into *head and advances *s behind it; at the end *head is the rest
 * and *s becomes empty with p == NULL. False once *s.p is NULL. */
bool sv_next(struct sv *s, char c, struct sv *head);
int sv_cmp(struct sv a, struct sv b);              /* bytewise, shorter first */
char *sv_dup(struct sv s) __attribute__((malloc)); /* NUL-terminated copy */
/* Copies s to w, without a call while it is short; returns the end. */
static inline char *sv_put(char *w, struct sv s)
{
    if (s.n > 32)
        memcpy(w, s.p, s.n);
    else if (s.n >= 8) {
        for (size_t i = 0; i + 8 < s.n; i += 8)
            memcpy(w + i, s.p + i, 8);
        memcpy(w + s.n - 8, s.p + s.n - 8, 8); /* the last ones, some perhaps once more */
    } else if (s.n >= 4) {
        memcpy(w, s.p, 4);
        memcpy(w + s.n - 4, s.p + s.n - 4, 4);
    } else if (s.n > 0) {
        w[0] = s.p[0];
        w[s.n / 2] = s.p[s.n / 2];
        w[s.n - 1] = s.p[s.n - 1];
    }
    return w + s.n;
}

static inline bool ch_is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static inline bool ch_is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}
static inline bool ch_is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}
static inline bool ch_is_alpha(char c)
{
    return ch_is_lower(c) || ch_is_upper(c);
}
static inline bool ch_is_alnum(char c)
{
    return ch_is_alpha(c) || ch_is_digit(c);
}
static inline bool ch_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}
static inline bool ch_is_hex(char c)
{
    return ch_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
static inline char ch_lower(char c)
{
    if (ch_is_upper(c))
        c = (char)((unsigned char)c | 0x20U);
    return c;
}
static inline char ch_upper(char c)
{
    if (ch_is_lower(c))
        c = (char)((unsigned char)c & 0x5FU);
    return c;
}

/* How much at the front is printable ASCII. */
size_t sv_printable(struct sv s);
/* True when s is well-formed UTF-8 (no surrogates, no overlong forms, <= U+10FFFF). */
bool utf8_valid(struct sv s);
/* Reads one code point and advances; an ill-formed byte gives U+FFFD and advances one byte.
 * Returns (size_t) bytes consumed, 0 at the end. */
size_t utf8_next(struct sv *s, unsigned *code);
/* Writes a code point that is no surrogate as 1 to 4 bytes; returns their end. */
char *utf8_put(char *w, unsigned code);
/* How much of s ends with a whole character: up to three bytes less than s.n where its last one is cut. */
size_t utf8_whole(struct sv s);
/* Number of UTF-16 units that .NET or JavaScript would count. */
size_t utf8_utf16_len(struct sv s);

#endif
