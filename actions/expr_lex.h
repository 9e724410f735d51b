/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the tokens of an expression end (spec expressions 1.1). Which token may stand where is the parser's
 * business: it knows by the first character what comes, and asks here for the end. A header, as half of the time
 * would be calls.
 * Source: actions/runner 258d6c8: src/Sdk/Expressions/Tokens/LexicalAnalyzer.cs. */
#ifndef ACTIONS_EXPR_LEX_H
#define ACTIONS_EXPR_LEX_H

#include "actions/expr_priv.h"

#include <math.h>

/* Classes of characters; 0 = none of them. The text ends with a NUL, which has none: loops need no other end. */
enum { WORD = 1, BOUNDARY = 2, SPACE = 4, DIGIT = 8, HIGH = 16, FIRST = 32, LITERAL = 64 };

#define W WORD
#define F (WORD | FIRST) /* a word may begin with it */
#define L (F | LITERAL)  /* "null", "true", "false", "NaN" and "Infinity" do */
#define D (WORD | DIGIT)
#define B BOUNDARY
#define S (SPACE | BOUNDARY)
#define H HIGH
/* clang-format off */
static const uint8_t classes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, S, S, S, S, S, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    S, B, 0, 0, 0, 0, B, 0, B, B, 0, 0, B, W, B, 0, D, D, D, D, D, D, D, D, D, D, 0, 0, B, B, B, 0,
    0, F, F, F, F, F, F, F, F, L, F, F, F, F, L, F, F, F, F, F, F, F, F, F, F, F, F, B, 0, B, 0, F,
    0, F, F, F, F, F, L, F, F, F, F, F, F, F, L, F, F, F, F, F, L, F, F, F, F, F, F, 0, B, 0, 0, 0,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
};
/* clang-format on */
#undef W
#undef F
#undef L
#undef D
#undef B
#undef S
#undef H

/* The text ends with a NUL, which has no class: loops over a class need no other end. */
static inline unsigned class_of(const char *p)
{
    return classes[(unsigned char)*p];
}

static inline bool begins_word(const char *p)
{
    return (class_of(p) & FIRST) != 0;
}

/* Bytes of the white space above ASCII at p, 0 = none. */
static inline size_t wide_space(const char *p, const char *end)
{
    size_t left = (size_t)(end - p);

    return class_of(p) == HIGH ? val_space((struct sv){p, left < 3 ? left : 3}) : 0;
}

/* Whether a word, number or operator that reaches to p has ended. */
static inline bool is_boundary(const char *p, const char *end)
{
    return (class_of(p) & BOUNDARY) != 0 || p == end || wide_space(p, end) > 0;
}

static inline const char *skip_space(const char *p, const char *end)
{
    for (;;) {
        while ((class_of(p) & SPACE) != 0)
            p++;
        if (class_of(p) != HIGH)
            return p;
        size_t k = wide_space(p, end);
        if (k == 0)
            return p;
        p += k;
    }
}

static inline const char *to_boundary(const char *p, const char *end)
{
    while (!is_boundary(p, end))
        p++;
    return p;
}

/* The end of the word that begins at p with a letter or '_'; NULL: it runs into something else. */
static inline const char *word_end(const char *p, const char *end)
{
    do
        p++;
    while ((class_of(p) & WORD) != 0);
    return is_boundary(p, end) ? p : NULL;
}

/* The end of the string at p, which is a quote; NULL: it is not closed. *escapes: there are doubled quotes in it. */
static inline const char *string_end(const char *p, const char *end, bool *escapes)
{
    *escapes = false;
    for (;; *escapes = true) {
        p = memchr(p + 1, '\'', (size_t)(end - p - 1));
        if (p == NULL || *++p != '\'')
            return p;
    }
}

/* The end of the number at p, or of what should be one; its value is NaN then. */
static inline const char *number_end(const char *p, const char *end, double *value)
{
    const char *start = p;
    uint64_t v = 0;

    for (; (class_of(p) & DIGIT) != 0 && p - start < 15; p++)
        v = v * 10 + (uint64_t)(*p - '0');
    if (p > start && *p != '.' && is_boundary(p, end)) { /* exact in a double */
        *value = (double)v;
        return p;
    }
    p = start + 1;
    while (p < end && (*p == '.' || !is_boundary(p, end)))
        p++;
    *value = val_parse_number((struct sv){start, (size_t)(p - start)});
    return p;
}

/* The end of any token, for the message about one that may not stand at p; *good: it is a token at all.
 * operand: a '.' begins a number there. */
static inline const char *symbol_end(const char *p, const char *end, bool operand, bool *good)
{
    const char *stop;
    double number;
    bool escapes;

    *good = true;
    if ((class_of(p) & DIGIT) != 0 || *p == '-' || *p == '+' || (*p == '.' && operand)) {
        stop = number_end(p, end, &number);
        *good = !isnan(number);
        return stop;
    }
    switch (*p) {
    case '(':
    case ')':
    case '[':
    case ']':
    case ',':
    case '*':
    case '.':
        return p + 1;
    case '\'':
        stop = string_end(p, end, &escapes);
        *good = stop != NULL;
        return stop != NULL ? stop : end;
    case '!':
    case '>':
    case '<':
        return p + (p[1] == '=' ? 2 : 1);
    case '=':
    case '&':
    case '|':
        if (p[1] == *p)
            return p + 2;
        break;
    default:
        stop = begins_word(p) ? word_end(p, end) : NULL;
        if (stop != NULL)
            return stop;
        break;
    }
    *good = false;
    return to_boundary(p + 1, end);
}

#endif
