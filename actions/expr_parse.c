/* SPDX-License-Identifier: Apache-2.0
 *
 * The parser (spec expressions 1.2 to 1.4): a shunting-yard with two stacks threaded through the nodes, so
 * that no input drives recursion. Two states, an operand to come or one complete, tell by its first character what
 * a token is and whether it may stand there. All memory of a tree is one block, or a few for long texts.
 * Source: actions/runner 258d6c8: src/Sdk/Expressions/ExpressionParser.cs, ParseException.cs. The argument
 * errors carry the function's name as token, as the official test data expects. */
#include "actions/expr.h"

#include <stdlib.h>

#include "actions/expr_build.h"
#include "actions/expr_lex.h"
#include "actions/expr_priv.h"
#include "base/mem.h"

/* What the text goes on with, as far as the tokens so far tell. */
enum state {
    ST_FAILED = -1,
    ST_END,
    ST_OPERAND, /* an operand must follow */
    ST_LITERAL, /* an operand is complete; it takes no index */
    ST_VALUE,   /* it does */
};

static int report(struct expr_error *xe, struct err *e, struct sv msg)
{
    if (xe->text != NULL)
        buf_addsv(xe->text, msg);
    return err_set(e, FAIL_INPUT, "%.*s", (int)(msg.n < ERR_MAX_TEXT ? msg.n : ERR_MAX_TEXT),
                   msg.p);
}

static int fail_bare(struct parser *p, const char *label)
{
    p->xe->kind = EXPR_PARSING;
    p->xe->has_pos = false;
    p->xe->pos = 0;
    return report(p->xe, p->e, sv_of(label));
}

/* At a token of our copy. */
static enum state fail_token(struct parser *p, enum expr_error_kind kind, const char *label,
                             const char *token, size_t n)
{
    AUTO(buf_free) struct buf b = BUF_INIT((size_t)EXPR_MAX_LENGTH * 8);
    size_t at = (size_t)(token - p->start), pos = utf8_utf16_len(sv_sub(p->text, 0, at));

    p->xe->kind = kind;
    p->xe->has_pos = true;
    p->xe->pos = pos;
    buf_addf(&b, "%s: '", label);
    buf_addsv(&b, sv_sub(p->text, at, n));
    buf_addf(&b, "'. Located at position %zu within expression: ", pos + 1);
    buf_addsv(&b, p->text);
    (void)report(p->xe, p->e, buf_sv(&b));
    return ST_FAILED;
}

static enum state fail_call(struct parser *p, const struct node *call, const char *label)
{
    return fail_token(p, EXPR_PARSING, label, p->start + call->at, call->n);
}

/* The token at a place where it may not stand, or the text has ended too early. */
static NOINLINE enum state fail_symbol(struct parser *p, const char *at, bool operand)
{
    bool good;

    if (at == p->end)
        return fail_token(p, EXPR_PARSING, "Unexpected end of expression", p->last,
                          (size_t)(p->p - p->last));
    const char *stop = symbol_end(at, p->end, operand, &good);
    return fail_token(p, good ? EXPR_PARSING : EXPR_LEXING, "Unexpected symbol", at,
                      (size_t)(stop - at));
}

/* ---- operands ---- */

static inline enum state read_string(struct parser *p, const char *at)
{
    bool escapes;
    const char *stop = string_end(at, p->end, &escapes);

    if (stop == NULL)
        return fail_symbol(p, at, true);
    (void)push_text(p, at, stop,
                    escapes ? unescaped(p, at, stop) : token_text(p, at + 1, stop - 1));
    return ST_LITERAL;
}

static inline enum state read_number(struct parser *p, const char *at)
{
    double value;
    const char *stop = number_end(at, p->end, &value);

    if (isnan(value))
        return fail_symbol(p, at, true);
    push_literal(p, N_NUMBER, VAL_NUMBER, at, stop)->literal.num = value;
    return ST_LITERAL;
}

/* ---- operators and brackets ---- */

static inline enum state binary(struct parser *p, enum node_kind kind, const char *at,
                                const char *stop)
{
    /* Indexed by kind - N_NOT; higher binds tighter, and brackets have none. */
    static const uint8_t precedence[] = {16, 11, 11, 11, 11, 10, 10, 6, 5};
    unsigned prec = precedence[kind - N_NOT];

    while (prec <= p->operators->prec)
        flush_top(p);
    (void)push_operator(p, kind, prec, at, stop);
    return ST_OPERAND;
}

static inline enum state open_bracket(struct parser *p, enum node_kind kind, const char *at)
{
    push_operator(p, kind, 0, at, at + 1)->n_args = 0;
    return ST_OPERAND;
}

/* The innermost open bracket, or the bottom: all operators inside it are operands now. */
static inline struct node *flush_to_bracket(struct parser *p)
{
    while (p->operators->prec > 0)
        flush_top(p);
    return p->operators;
}

/* Whether the last token is the bracket of this kind. */
static inline bool just_opened(const struct parser *p, enum node_kind kind)
{
    return p->operators->kind == kind && p->last == p->start + p->operators->at;
}

/* ")" at a call's bracket: hands the operands above the function over to it. */
static enum state close_call(struct parser *p, const char *at, size_t count)
{
    struct node *args = NULL, *last = count > 0 ? p->operands : NULL;
    unsigned depth = 0;

    p->last = at;
    p->p = at + 1;
    p->operators = p->operators->next;
    for (size_t i = 0; i < count; i++) {
        struct node *a = p->operands;
        BUG(a == NULL);
        p->operands = a->next;
        a->next = args;
        args = a;
        depth = deeper(depth, a->depth);
    }
    struct node *call = p->operands;
    BUG(call == NULL || call->kind != N_CALL);
    call->first = args;
    call->last = last;
    call->n_args = (uint32_t)count;
    call->depth = depth + 1;
    size_t min = call->fn->min, max = call->fn->max;
    if (call->fn->id >= FN_ALWAYS)
        expr_argument_limits(&p->naming, call, &min, &max);
    if (count < min)
        return fail_call(p, call, "Too few parameters supplied");
    if (count > max)
        return fail_call(p, call, "Too many parameters supplied");
    if (call->fn->id == FN_CASE && count % 2 == 0)
        return fail_call(
            p, call, "Even number of parameters supplied, requires an odd number of parameters");
    return ST_VALUE;
}

static inline enum state close_paren(struct parser *p, const char *at)
{
    const struct node *open = flush_to_bracket(p);

    if (open->kind == N_OPEN_PARAMS)
        return close_call(p, at, open->n_args + 1U);
    if (open->kind != N_OPEN_GROUP)
        return fail_symbol(p, at, false);
    p->operators = open->next;
    p->last = at;
    p->p = at + 1;
    return ST_VALUE;
}

static inline enum state close_index(struct parser *p, const char *at)
{
    const struct node *open = flush_to_bracket(p);

    if (open->kind != N_OPEN_INDEX)
        return fail_symbol(p, at, false);
    p->operators = open->next;
    struct node *key = p->operands;
    BUG(key == NULL);
    if (key->kind == N_STRING)
        key->hash = val_key_hash(key->text);
    make_index(p, at, at + 1);
    return ST_VALUE;
}

static inline enum state next_argument(struct parser *p, const char *at)
{
    struct node *open = flush_to_bracket(p);

    if (open->kind != N_OPEN_PARAMS)
        return fail_symbol(p, at, false);
    open->n_args++;
    p->last = at;
    p->p = at + 1;
    return ST_OPERAND;
}

/* ---- words ---- */

/* The words that are values, in exactly this case. False: it is another word. */
static bool push_constant(struct parser *p, const char *at, const char *stop)
{
    struct sv w = {at, (size_t)(stop - at)};

    if (sv_eq(w, SV("true")) || sv_eq(w, SV("false")))
        (void)push_leaf(p, N_BOOL, at, stop, val_bool(*at == 't'), 0);
    else if (sv_eq(w, SV("null")))
        (void)push_leaf(p, N_NULL, at, stop, val_null(), 0);
    else if (sv_eq(w, SV("NaN")) || sv_eq(w, SV("Infinity")))
        push_literal(p, N_NUMBER, VAL_NUMBER, at, stop)->literal.num =
            *at == 'N' ? (double)NAN : (double)INFINITY;
    else
        return false;
    return true;
}

static inline enum state push_name(struct parser *p, const char *at, const char *stop)
{
    struct node *n = push_leaf(p, N_NAME, at, stop, NULL, RES_RAW);
    struct val *v;

    n->text = token_text(p, at, stop);
    if (!expr_name_known(&p->naming, n->text, &v))
        return fail_token(p, EXPR_PARSING, "Unrecognized named-value", at, n->text.n);
    if (v != NULL && v->kind != VAL_STRING) /* whose memory is accounted when they are evaluated */
        n->v = v;
    return ST_VALUE;
}

static inline enum state push_call(struct parser *p, const char *at, const char *stop,
                                   const char *open)
{
    struct node *n = push_leaf(p, N_CALL, at, stop, NULL, 0);

    n->text = token_text(p, at, stop);
    n->fn = expr_function_known(&p->naming, n->text);
    if (n->fn == NULL)
        return fail_token(p, EXPR_PARSING, "Unrecognized function", at, n->text.n);
    if (n->fn->id >= FN_ALWAYS && n->fn->id != FN_HASH_FILES && n->fn->id != FN_OTHER)
        p->x->status_function = true;
    return open_bracket(p, N_OPEN_PARAMS, open);
}

static inline enum state read_word(struct parser *p, const char *at)
{
    const char *stop = word_end(at, p->end);

    if (stop == NULL)
        return fail_symbol(p, at, true);
    if ((class_of(at) & LITERAL) != 0 && push_constant(p, at, stop))
        return ST_LITERAL;
    const char *next = skip_space(stop, p->end);
    return *next == '(' ? push_call(p, at, stop, next) : push_name(p, at, stop);
}

/* The properties and wildcards from a '.' on. */
static inline enum state read_path(struct parser *p, const char *at)
{
    do {
        const char *name = skip_space(at + 1, p->end), *stop;
        p->last = at;
        p->p = at + 1;
        if (begins_word(name)) {
            stop = word_end(name, p->end);
            if (stop == NULL)
                return fail_symbol(p, name, false);
            push_property(p, name, stop);
        } else if (*name == '*') {
            stop = name + 1;
            push_wildcard(p, name);
            make_index(p, name, stop);
        } else {
            return fail_symbol(p, name, false);
        }
        at = stop;
    } while (*at == '.');
    return ST_VALUE;
}

/* ---- states ---- */

static inline enum state read_operand(struct parser *p)
{
    const char *at = skip_space(p->p, p->end);

    if (begins_word(at))
        return read_word(p, at);
    switch (*at) {
    case '\'':
        return read_string(p, at);
    case '!':
        if (at[1] == '=')
            break;
        (void)push_operator(p, N_NOT, 16, at, at + 1);
        return ST_OPERAND;
    case '(':
        return open_bracket(p, N_OPEN_GROUP, at);
    case ')':
        return just_opened(p, N_OPEN_PARAMS) ? close_call(p, at, 0) : fail_symbol(p, at, true);
    case '*':
        if (!just_opened(p, N_OPEN_INDEX))
            break;
        push_wildcard(p, at);
        return ST_VALUE;
    case '\0':
        if (at == p->end && p->last == NULL)
            return ST_END; /* a blank text */
        break;
    case '.':
    case '-':
    case '+':
        return read_number(p, at);
    default:
        if ((class_of(at) & DIGIT) != 0)
            return read_number(p, at);
        break;
    }
    return fail_symbol(p, at, true);
}

/* What may stand behind an operand, by its first character. */
enum sign {
    SIGN_NONE,
    SIGN_DOT,
    SIGN_OPEN_INDEX,
    SIGN_CLOSE_INDEX,
    SIGN_CLOSE_PAREN,
    SIGN_COMMA,
    SIGN_LESS,
    SIGN_GREATER,
    SIGN_EQUALS,
    SIGN_NOT,
    SIGN_AND,
    SIGN_OR,
};
static const uint8_t signs[256] = {
    ['.'] = SIGN_DOT,         [','] = SIGN_COMMA, ['['] = SIGN_OPEN_INDEX, [']'] = SIGN_CLOSE_INDEX,
    [')'] = SIGN_CLOSE_PAREN, ['<'] = SIGN_LESS,  ['>'] = SIGN_GREATER,    ['='] = SIGN_EQUALS,
    ['!'] = SIGN_NOT,         ['&'] = SIGN_AND,   ['|'] = SIGN_OR,
};

/* An operator that its second character completes. */
static inline enum state read_pair(struct parser *p, enum node_kind kind, const char *at,
                                   char second)
{
    return at[1] == second ? binary(p, kind, at, at + 2) : fail_symbol(p, at, false);
}

/* Behind an operand. */
static inline enum state read_on(struct parser *p, bool value)
{
    const char *at = skip_space(p->p, p->end);

    switch ((enum sign)signs[(unsigned char)*at]) {
    case SIGN_DOT:
        return value ? read_path(p, at) : fail_symbol(p, at, false);
    case SIGN_OPEN_INDEX:
        return value ? open_bracket(p, N_OPEN_INDEX, at) : fail_symbol(p, at, false);
    case SIGN_CLOSE_INDEX:
        return close_index(p, at);
    case SIGN_CLOSE_PAREN:
        return close_paren(p, at);
    case SIGN_COMMA:
        return next_argument(p, at);
    case SIGN_LESS:
        return at[1] == '=' ? binary(p, N_LE, at, at + 2) : binary(p, N_LT, at, at + 1);
    case SIGN_GREATER:
        return at[1] == '=' ? binary(p, N_GE, at, at + 2) : binary(p, N_GT, at, at + 1);
    case SIGN_EQUALS:
        return read_pair(p, N_EQ, at, '=');
    case SIGN_NOT:
        return read_pair(p, N_NE, at, '=');
    case SIGN_AND:
        return read_pair(p, N_AND, at, '&');
    case SIGN_OR:
        return read_pair(p, N_OR, at, '|');
    case SIGN_NONE:
        break;
    }
    if (at != p->end || flush_to_bracket(p) != &p->bottom)
        return fail_symbol(p, at, false);
    return ST_END;
}

static int parse_all(struct parser *p)
{
    enum state state = ST_OPERAND;

    do
        state = state == ST_OPERAND ? read_operand(p) : read_on(p, state == ST_VALUE);
    while (state > ST_END);
    if (state == ST_FAILED)
        return -1;
    p->x->root = p->operands;
    if (p->x->root != NULL && p->x->root->depth > EXPR_MAX_DEPTH)
        return fail_bare(p, "Exceeded max expression depth 50");
    return 0;
}

static struct expr *new_expr(struct sv text, struct expr_room *room)
{
    /* The text, then the first nodes: a token every three characters is dense. */
    size_t copy = (text.n + 1 + 15) / 16 * 16, cap = text.n / 3 + 4;
    struct expr *x;

    if (cap > 256)
        cap = 256;
    size_t size = sizeof *x + copy + sizeof(struct chunk) + cap * sizeof(struct node);
    bool borrow = room != NULL && size <= sizeof room->bytes;
    x = borrow ? (struct expr *)(void *)room->bytes : xmalloc(size);
    char *p = (char *)(x + 1);
    struct chunk *c = (struct chunk *)(void *)(p + copy);
    if (text.n > 0)
        memcpy(p, text.p, text.n);
    p[text.n] = '\0';
    *c = (struct chunk){.cap = cap};
    *x =
        (struct expr){.text = {room != NULL ? text.p : p, text.n}, .chunks = c, .borrowed = borrow};
    return x;
}

int expr_parse_with(struct sv text, const struct expr_names *names, const struct expr_env *env,
                    struct expr_room *room, struct expr **out, struct expr_error *xe, struct err *e)
{
    UNINIT struct parser p; /* clearing it all would take as long as a short expression */

    p.text = text;
    p.naming.names = names;
    p.naming.env = env;
    p.xe = xe;
    p.e = e;
    /* UTF-8 takes at most three bytes a UTF-16 unit: no need to count in the extremes. */
    if (text.n > EXPR_MAX_LENGTH &&
        (text.n > (size_t)3 * EXPR_MAX_LENGTH || utf8_utf16_len(text) > EXPR_MAX_LENGTH)) {
        int rc = fail_bare(&p, "Exceeded max expression length 21000");
        xe->kind = EXPR_LEXING; /* the reference lexer refuses it */
        return rc;
    }
    AUTO(auto_expr) struct expr *x = new_expr(text, room);
    p.x = x;
    p.spare = x->chunks->nodes;
    p.spare_end = p.spare + x->chunks->cap;
    p.operands = NULL;
    p.operators = &p.bottom;
    p.bottom.kind = N_NULL;
    p.bottom.prec = 0;
    p.bottom.at = 0;
    p.last = NULL;
    /* Our copy ends with a NUL. Strings are unescaped there, but only in tokens that are done with. */
    p.names = x->text.p;
    p.start = p.p = (const char *)(x + 1);
    p.end = p.start + text.n;
    if (parse_all(&p) < 0)
        return -1;
    *out = TAKE_PTR(x);
    return 0;
}

int expr_parse(struct sv text, const struct expr_names *names, struct expr **out,
               struct expr_error *x, struct err *e)
{
    return expr_parse_with(text, names, NULL, NULL, out, x, e);
}
