/* SPDX-License-Identifier: Apache-2.0
 *
 * Text comparison without regard to case, as .NET's OrdinalIgnoreCase does it (spec expressions 1.7): every
 * character goes through the simple, locale-free upper-case mapping, then UTF-16 units are compared. All of
 * it is linear in the length of its arguments. Ill-formed bytes compare as themselves. */
#ifndef ACTIONS_FOLD_H
#define ACTIONS_FOLD_H

#include "base/buf.h"

#include <stdint.h>

unsigned fold_upper(unsigned code);        /* simple upper case of a code point */
bool fold_eq(struct sv a, struct sv b);    /* equal ignoring case */
int fold_cmp(struct sv a, struct sv b);    /* -1, 0, 1 by upper-cased UTF-16 units */
bool fold_has(struct sv s, struct sv sub); /* contains; an empty sub is everywhere */
bool fold_starts(struct sv s, struct sv prefix);
bool fold_ends(struct sv s, struct sv suffix);

/* Eight bytes at once, for text that is ASCII: the usual case. */
#define FOLD_HIGH UINT64_C(0x8080808080808080) /* set in a word: not ASCII */

/* The top bit of (c + 0x80 - 'a') & ~(c + 0x80 - 'z' - 1) tells which are lower-case letters. */
static inline uint64_t fold_upper8(uint64_t w)
{
    uint64_t lower =
        (w + UINT64_C(0x1F1F1F1F1F1F1F1F)) & ~(w + UINT64_C(0x0505050505050505)) & FOLD_HIGH;

    return w - (lower >> 2);
}
static inline uint64_t fold_load8(const char *p)
{
    uint64_t w;

    memcpy(&w, p, sizeof w);
    return w;
}
/* Up to seven bytes as a word: all of them are in it, some perhaps twice. */
static inline uint64_t fold_load_few(const char *p, size_t n)
{
    uint32_t low, high;

    if (n >= sizeof low) {
        memcpy(&low, p, sizeof low);
        memcpy(&high, p + n - sizeof high, sizeof high);
        return (uint64_t)high << 32 | low;
    }
    if (n == 0)
        return 0;
    return (uint64_t)(unsigned char)p[0] | (uint64_t)(unsigned char)p[n / 2] << 8 |
           (uint64_t)(unsigned char)p[n - 1] << 16;
}

#endif
