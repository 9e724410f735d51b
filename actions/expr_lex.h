/* SPDX-License-Identifier: Apache-2.0
 *
 * The lexer (spec expressions 1.1). What a character means depends on the token before it, so the rules of
 * which token may follow which live here too; a token out of place is an error of its own.
 * A header, as the parser takes every token in its loop: half of the lexer's time would be calls.
 * Source: actions/runner 258d6c8: src/Sdk/Expressions/Tokens/LexicalAnalyzer.cs. */
#ifndef ACTIONS_EXPR_LEX_H
#define ACTIONS_EXPR_LEX_H

#include "actions/expr_priv.h"

#include <math.h>

struct token {
    enum token_kind kind;
    enum node_kind op;
    size_t at, n; /* bytes of the text */
    double num;
};

struct lexer {
    const char *text, *end; /* *end is a NUL */
    const char *p;
    enum token_kind last;
    enum token_kind
        open; /* innermost open bracket, T_START = none: the parser keeps it up to date */
};

#define BIT(t) (1U << (t))

/* Previous tokens after which an operand may begin, a value has ended, and a value takes a postfix. */
#define BEGINS                                                                                    \
    (BIT(T_START) | BIT(T_SEPARATOR) | BIT(T_GROUP) | BIT(T_PARAMS) | BIT(T_INDEX) | BIT(T_NOT) | \
     BIT(T_OPERATOR))
#define POSTFIX                                                                                    \
    (BIT(T_END_GROUP) | BIT(T_END_PARAMS) | BIT(T_END_INDEX) | BIT(T_WILDCARD) | BIT(T_PROPERTY) | \
     BIT(T_NAME))
#define ENDED (POSTFIX | BIT(T_NULL) | BIT(T_BOOL) | BIT(T_NUMBER) | BIT(T_STRING))

static const unsigned may_follow[T_END] = {
    [T_GROUP] = BEGINS,
    [T_INDEX] = POSTFIX,
    [T_PARAMS] = BIT(T_FUNCTION),
    [T_END_GROUP] = ENDED,
    [T_END_INDEX] = ENDED,
    [T_END_PARAMS] = ENDED | BIT(T_PARAMS),
    [T_SEPARATOR] = ENDED,
    [T_DEREFERENCE] = POSTFIX,
    [T_WILDCARD] = BIT(T_INDEX) | BIT(T_DEREFERENCE),
    [T_NOT] = BEGINS,
    [T_OPERATOR] = ENDED,
    [T_NULL] = BEGINS,
    [T_BOOL] = BEGINS,
    [T_NUMBER] = BEGINS,
    [T_STRING] = BEGINS,
    [T_PROPERTY] = BIT(T_DEREFERENCE),
    [T_FUNCTION] = BEGINS,
    [T_NAME] = BEGINS,
};

/* Classes of characters; 0 = none of them. The text ends with a NUL, which has none: loops need no other end. */
enum { WORD = 1, BOUNDARY = 2, SPACE = 4, DIGIT = 8, HIGH = 16 };

#define W WORD
#define D (WORD | DIGIT)
#define B BOUNDARY
#define S (SPACE | BOUNDARY)
#define H HIGH
/* clang-format off */
static const uint8_t classes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, S, S, S, S, S, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    S, B, 0, 0, 0, 0, B, 0, B, B, 0, 0, B, W, B, 0, D, D, D, D, D, D, D, D, D, D, 0, 0, B, B, B, 0,
    0, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, B, 0, B, 0, W,
    0, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, 0, B, 0, 0, 0,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
};
/* clang-format on */
#undef W
#undef D
#undef B
#undef S
#undef H

static inline bool begins_word(char c)
{
    return ch_is_alpha(c) || c == '_';
}

static inline unsigned class_of(const char *p)
{
    return classes[(unsigned char)*p];
}

/* Bytes of the white space above ASCII at p, 0 = none. */
static inline size_t wide_space(const struct lexer *l, const char *p)
{
    size_t left = (size_t)(l->end - p);

    return val_space((struct sv){p, left < 3 ? left : 3});
}

static inline bool is_boundary(const struct lexer *l, const char *p)
{
    unsigned c = class_of(p);

    return (c & BOUNDARY) != 0 || (c == HIGH && wide_space(l, p) > 0);
}

static inline const char *skip_space(const struct lexer *l, const char *p)
{
    for (;;) {
        while ((class_of(p) & SPACE) != 0)
            p++;
        size_t k = class_of(p) == HIGH ? wide_space(l, p) : 0;
        if (k == 0)
            return p;
        p += k;
    }
}

static inline const char *to_boundary(const struct lexer *l, const char *p)
{
    while (p < l->end && !is_boundary(l, p))
        p++;
    return p;
}

/* The read_ functions begin at l->p and move it behind the token. */

static inline enum token_kind read_number(struct lexer *l, struct token *t)
{
    const char *start = l->p, *p = start;
    uint64_t v = 0;

    for (; (class_of(p) & DIGIT) != 0 && p - start < 15; p++)
        v = v * 10 + (uint64_t)(*p - '0');
    if (p > start && *p != '.' && (p == l->end || is_boundary(l, p))) { /* exact in a double */
        l->p = p;
        t->num = (double)v;
        return T_NUMBER;
    }
    p = start + 1;
    while (p < l->end && (*p == '.' || !is_boundary(l, p)))
        p++;
    l->p = p;
    t->num = val_parse_number((struct sv){start, (size_t)(p - start)});
    return isnan(t->num) ? T_BAD_SYMBOL : T_NUMBER;
}

static inline enum token_kind read_string(struct lexer *l)
{
    const char *p = l->p + 1;

    for (;;) {
        p = memchr(p, '\'', (size_t)(l->end - p));
        if (p == NULL) {
            l->p = l->end;
            return T_BAD_SYMBOL; /* not closed: all the rest */
        }
        if (*++p != '\'') {
            l->p = p;
            return T_STRING;
        }
        p++; /* a doubled quote */
    }
}

/* The words that are values, in exactly this case; T_NAME for the others. */
static inline enum token_kind read_literal(struct sv w, struct token *t)
{
    switch (w.p[0]) {
    case 'n':
        return sv_eq(w, SV("null")) ? T_NULL : T_NAME;
    case 't':
        return sv_eq(w, SV("true")) ? T_BOOL : T_NAME;
    case 'f':
        return sv_eq(w, SV("false")) ? T_BOOL : T_NAME;
    case 'N':
    case 'I':
        if (!sv_eq(w, SV("NaN")) && !sv_eq(w, SV("Infinity")))
            return T_NAME;
        t->num = w.n == 3 ? NAN : INFINITY;
        return T_NUMBER;
    default:
        return T_NAME;
    }
}

static inline enum token_kind read_word(struct lexer *l, struct token *t)
{
    const char *start = l->p, *p = start + 1;

    while ((class_of(p) & WORD) != 0)
        p++;
    bool legal = begins_word(*start);
    if (p < l->end && !is_boundary(l, p)) {
        legal = false;
        p = to_boundary(l, p);
    }
    l->p = p;
    if (!legal)
        return T_BAD_SYMBOL;
    if (l->last == T_DEREFERENCE)
        return T_PROPERTY;
    struct sv w = {start, (size_t)(p - start)};
    enum token_kind literal = w.n >= 3 && w.n <= 8 ? read_literal(w, t) : T_NAME;
    if (literal != T_NAME)
        return literal;
    return *skip_space(l, p) == '(' ? T_FUNCTION : T_NAME;
}

static inline enum token_kind read_operator(struct lexer *l, struct token *t)
{
    char c = l->p[0], d = l->p[1]; /* the NUL at the end, at worst */

    l->p += 2;
    if (d == '=' && (c == '=' || c == '!' || c == '<' || c == '>')) {
        t->op = c == '=' ? N_EQ : c == '!' ? N_NE : c == '<' ? N_LE : N_GE;
        return T_OPERATOR;
    }
    if (c == d && (c == '&' || c == '|')) {
        t->op = c == '&' ? N_AND : N_OR;
        return T_OPERATOR;
    }
    l->p--;
    if (c == '!')
        return T_NOT;
    if (c == '>' || c == '<') {
        t->op = c == '>' ? N_GT : N_LT;
        return T_OPERATOR;
    }
    l->p = to_boundary(l, l->p);
    return T_BAD_SYMBOL;
}

static inline enum token_kind read_token(struct lexer *l, struct token *t)
{
    switch (*l->p) {
    case '(':
        l->p++;
        return l->last == T_FUNCTION ? T_PARAMS : T_GROUP;
    case ')':
        l->p++;
        return l->open == T_PARAMS ? T_END_PARAMS : T_END_GROUP;
    case '[':
        l->p++;
        return T_INDEX;
    case ']':
        l->p++;
        return T_END_INDEX;
    case ',':
        l->p++;
        return T_SEPARATOR;
    case '*':
        l->p++;
        return T_WILDCARD;
    case '\'':
        return read_string(l);
    case '!':
    case '>':
    case '<':
    case '=':
    case '&':
    case '|':
        return read_operator(l, t);
    case '.':
        if ((BEGINS & BIT(l->last)) != 0)
            return read_number(l, t);
        l->p++;
        return T_DEREFERENCE;
    case '-':
    case '+':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return read_number(l, t);
    default:
        return read_word(l, t);
    }
}

/* Whether a closer or a comma fits the innermost open bracket. */
static inline bool fits_bracket(const struct lexer *l, enum token_kind k)
{
    if (k == T_END_GROUP)
        return l->open == T_GROUP;
    if (k == T_END_INDEX)
        return l->open == T_INDEX;
    if (k == T_END_PARAMS || k == T_SEPARATOR)
        return l->open == T_PARAMS;
    return true;
}

static inline void expr_lex(struct lexer *l, struct token *t)
{
    const char *start = skip_space(l, l->p);

    if (*start == '.' && (POSTFIX & BIT(l->last)) != 0 && begins_word(start[1])) {
        l->last = T_DEREFERENCE; /* ".name" is most of all tokens: both at once */
        start++;
    }
    l->p = start;
    t->at = (size_t)(start - l->text);
    if (start == l->end) {
        t->kind = T_END;
        t->n = 0;
        return;
    }
    enum token_kind k = read_token(l, t);
    if (k != T_BAD_SYMBOL && ((may_follow[k] & BIT(l->last)) == 0 || !fits_bracket(l, k)))
        k = T_MISPLACED;
    t->kind = k;
    t->n = (size_t)(l->p - start);
    l->last = k;
}

#undef BIT
#undef BEGINS
#undef POSTFIX
#undef ENDED

#endif
