/* SPDX-License-Identifier: Apache-2.0
 *
 * The lexer (spec expressions 1.1). What a character means depends on the token before it, so the rules of
 * which token may follow which live here too; a token out of place is an error of its own.
 * Source: actions/runner 258d6c8: src/Sdk/Expressions/Tokens/LexicalAnalyzer.cs. */
#include "actions/expr_priv.h"

#include <math.h>

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

/* [A-Za-z0-9_-] as a bit set. */
static const uint64_t word_bits[4] = {UINT64_C(0x03FF200000000000), UINT64_C(0x07FFFFFE87FFFFFE), 0,
                                      0};

static bool is_word(char c)
{
    unsigned char u = (unsigned char)c;

    return (word_bits[u >> 6] >> (u & 63) & 1) != 0;
}

/* Bytes of the white space at the position, 0 = none. */
static inline size_t space_here(const struct lexer *l)
{
    unsigned char c = (unsigned char)l->text.p[l->at];

    if (c < 0x80)
        return ch_is_space((char)c) ? 1 : 0;
    return val_space(sv_sub(l->text, l->at, 3));
}

static bool at_boundary(const struct lexer *l)
{
    switch (l->text.p[l->at]) {
    case '(':
    case '[':
    case ')':
    case ']':
    case ',':
    case '.':
    case '!':
    case '>':
    case '<':
    case '=':
    case '&':
    case '|':
        return true;
    default:
        return space_here(l) > 0;
    }
}

static void skip_space(struct lexer *l)
{
    size_t k;

    while (l->at < l->text.n && (k = space_here(l)) > 0)
        l->at += k;
}

static void to_boundary(struct lexer *l)
{
    while (l->at < l->text.n && !at_boundary(l))
        l->at++;
}

bool expr_is_keyword(struct sv s)
{
    if (s.n == 0 || !(ch_is_alpha(s.p[0]) || s.p[0] == '_'))
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (!is_word(s.p[i]))
            return false;
    return true;
}

static enum token_kind read_number(struct lexer *l, struct token *t)
{
    size_t start = l->at++;
    uint64_t v = 0;
    bool digits = ch_is_digit(l->text.p[start]);

    if (digits)
        v = (uint64_t)(l->text.p[start] - '0');
    while (l->at < l->text.n && (l->text.p[l->at] == '.' || !at_boundary(l))) {
        char c = l->text.p[l->at++];
        digits = digits && ch_is_digit(c);
        if (digits && l->at - start <= 15)
            v = v * 10 + (uint64_t)(c - '0');
    }
    if (digits && l->at - start <= 15) { /* exact in a double */
        t->num = (double)v;
        return T_NUMBER;
    }
    t->num = val_parse_number(sv_sub(l->text, start, l->at - start));
    return isnan(t->num) ? T_BAD_SYMBOL : T_NUMBER;
}

static enum token_kind read_string(struct lexer *l)
{
    l->at++;
    for (;;) {
        size_t q = sv_chr(sv_sub(l->text, l->at, l->text.n), '\'');
        if (q == SV_NPOS) {
            l->at = l->text.n;
            return T_BAD_SYMBOL; /* not closed: all the rest */
        }
        l->at += q + 1;
        if (l->at == l->text.n || l->text.p[l->at] != '\'')
            return T_STRING;
        l->at++; /* a doubled quote */
    }
}

/* The words that are values, in exactly this case; T_NAME for the others. */
static enum token_kind read_literal(struct sv w, struct token *t)
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

static enum token_kind read_word(struct lexer *l, struct token *t)
{
    size_t start = l->at++;

    while (l->at < l->text.n && is_word(l->text.p[l->at]))
        l->at++;
    char first = l->text.p[start];
    bool legal = ch_is_alpha(first) || first == '_';
    if (l->at < l->text.n && !at_boundary(l)) {
        legal = false;
        to_boundary(l);
    }
    if (!legal)
        return T_BAD_SYMBOL;
    struct sv w = {l->text.p + start, l->at - start};
    if (l->last == T_DEREFERENCE)
        return T_PROPERTY;
    enum token_kind literal = w.n >= 3 && w.n <= 8 ? read_literal(w, t) : T_NAME;
    if (literal != T_NAME)
        return literal;
    if (l->at == l->text.n || l->text.p[l->at] == '.')
        return T_NAME;
    struct lexer ahead = *l;
    skip_space(&ahead);
    return ahead.at < l->text.n && l->text.p[ahead.at] == '(' ? T_FUNCTION : T_NAME;
}

static enum token_kind read_operator(struct lexer *l, struct token *t)
{
    static const struct {
        char text[3];
        enum node_kind op;
    } two[] = {{"!=", N_NE}, {">=", N_GE}, {"<=", N_LE}, {"==", N_EQ}, {"&&", N_AND}, {"||", N_OR}};
    char c = l->text.p[l->at], d = (char)(l->at + 1 < l->text.n ? l->text.p[l->at + 1] : '\0');

    for (size_t i = 0; i < sizeof two / sizeof two[0]; i++) {
        if (two[i].text[0] == c && two[i].text[1] == d) {
            l->at += 2;
            t->op = two[i].op;
            return T_OPERATOR;
        }
    }
    l->at++;
    if (c == '!')
        return T_NOT;
    if (c == '>' || c == '<') {
        t->op = c == '>' ? N_GT : N_LT;
        return T_OPERATOR;
    }
    to_boundary(l);
    return T_BAD_SYMBOL;
}

static enum token_kind read_token(struct lexer *l, struct token *t)
{
    switch (l->text.p[l->at]) {
    case '(':
        l->at++;
        return l->last == T_FUNCTION ? T_PARAMS : T_GROUP;
    case ')':
        l->at++;
        return l->open == T_PARAMS ? T_END_PARAMS : T_END_GROUP;
    case '[':
        l->at++;
        return T_INDEX;
    case ']':
        l->at++;
        return T_END_INDEX;
    case ',':
        l->at++;
        return T_SEPARATOR;
    case '*':
        l->at++;
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
        l->at++;
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
static bool fits_bracket(const struct lexer *l, enum token_kind k)
{
    if (k == T_END_GROUP)
        return l->open == T_GROUP;
    if (k == T_END_INDEX)
        return l->open == T_INDEX;
    if (k == T_END_PARAMS || k == T_SEPARATOR)
        return l->open == T_PARAMS;
    return true;
}

void expr_lex(struct lexer *l, struct token *t)
{
    skip_space(l);
    t->at = l->at;
    if (l->at == l->text.n) {
        t->kind = T_END;
        t->n = 0;
        return;
    }
    enum token_kind k = read_token(l, t);
    if (k != T_BAD_SYMBOL && ((may_follow[k] & BIT(l->last)) == 0 || !fits_bracket(l, k)))
        k = T_MISPLACED;
    t->kind = k;
    t->n = l->at - t->at;
    l->last = k;
}
