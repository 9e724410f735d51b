/* SPDX-License-Identifier: Apache-2.0
 *
 * The parser (spec expressions 1.2 to 1.4): a shunting-yard with two stacks threaded through the nodes, so
 * that no input drives recursion. Which token may follow which is settled by the lexer; here are precedence,
 * the tree, names, argument counts and limits. All memory of a tree is one block, or a few for long texts.
 * Source: actions/runner 258d6c8: src/Sdk/Expressions/ExpressionParser.cs, ParseException.cs. The argument
 * errors carry the function's name as token, as the official test data expects. */
#include "actions/expr.h"

#include <stdlib.h>

#include "actions/expr_lex.h"
#include "actions/expr_priv.h"
#include "base/mem.h"

struct parser {
    struct lexer lex;
    struct sv text; /* the caller's; tokens are slices of it */
    struct expr *x;
    struct naming naming;
    struct node *spare, *spare_end; /* the rest of the newest chunk */
    uint32_t next_id;
    struct node *operands;  /* top */
    struct node *operators; /* top */
    struct node *bracket;   /* innermost open */
    struct expr_error *xe;
    struct err *e;
};

static int report(struct expr_error *xe, struct err *e, struct sv msg)
{
    if (xe->text != NULL)
        buf_addsv(xe->text, msg);
    return err_set(e, FAIL_INPUT, "%.*s", (int)(msg.n > 1000 ? 1000 : msg.n), msg.p);
}

static int fail_bare(struct parser *p, const char *label)
{
    p->xe->kind = EXPR_PARSING;
    p->xe->has_pos = false;
    p->xe->pos = 0;
    return report(p->xe, p->e, sv_of(label));
}

static int fail_token(struct parser *p, enum expr_error_kind kind, const char *label, size_t at,
                      size_t n)
{
    AUTO(buf_free) struct buf b = BUF_INIT((size_t)EXPR_MAX_LENGTH * 8);
    size_t pos = utf8_utf16_len(sv_sub(p->text, 0, at));

    p->xe->kind = kind;
    p->xe->has_pos = true;
    p->xe->pos = pos;
    buf_addf(&b, "%s: '", label);
    buf_addsv(&b, sv_sub(p->text, at, n));
    buf_addf(&b, "'. Located at position %zu within expression: ", pos + 1);
    buf_addsv(&b, p->text);
    return report(p->xe, p->e, buf_sv(&b));
}

static NOINLINE void more_nodes(struct parser *p)
{
    struct chunk *c = p->x->chunks,
                 *more = xmalloc(sizeof *more + 2 * c->cap * sizeof more->nodes[0]);

    *more = (struct chunk){.next = c, .cap = 2 * c->cap};
    p->x->chunks = more;
    p->spare = more->nodes;
    p->spare_end = more->nodes + more->cap;
}

/* The value in the union is the caller's. */
static inline struct node *new_node(struct parser *p, enum node_kind kind, const struct token *t)
{
    if (p->spare == p->spare_end)
        more_nodes(p);
    struct node *n = p->spare++;
    n->kind = (uint8_t)kind;
    n->prec = 0;
    n->depth = 1;
    n->id = p->next_id++;
    n->at = (uint32_t)t->at;
    n->n = (uint32_t)t->n;
    n->n_args = 0;
    n->next = n->first = n->last = NULL;
    return n;
}

static void push_operand(struct parser *p, struct node *n)
{
    n->next = p->operands;
    p->operands = n;
}

static struct node *pop_operand(struct parser *p)
{
    struct node *n = p->operands;

    BUG(n == NULL); /* the lexer's order guarantees the operands */
    p->operands = n->next;
    n->next = NULL;
    return n;
}

static void add_depth(struct node *n, unsigned child)
{
    if (child >= n->depth)
        n->depth = (uint16_t)(child < UINT16_MAX ? child + 1 : UINT16_MAX);
}

static void append(struct node *n, struct node *child)
{
    if (n->last != NULL)
        n->last->next = child;
    else
        n->first = child;
    n->last = child;
    n->n_args++;
    add_depth(n, child->depth);
}

/* A chain of && or of || is one node: the children of an operand of the same kind are taken over. */
static void append_flat(struct node *n, struct node *child)
{
    if (child->kind != n->kind) {
        append(n, child);
        return;
    }
    if (n->last != NULL)
        n->last->next = child->first;
    else
        n->first = child->first;
    n->last = child->last;
    n->n_args += child->n_args;
    add_depth(n, child->depth - 1U);
}

/* Turns the operator on top of its stack into an operand. */
static void flush_top(struct parser *p)
{
    struct node *op = p->operators, *right;

    p->operators = op->next;
    op->next = NULL;
    right = pop_operand(p);
    if (op->kind == N_NOT) {
        append(op, right);
    } else {
        struct node *left = pop_operand(p);
        if (op->kind == N_AND || op->kind == N_OR) {
            append_flat(op, left);
            append_flat(op, right);
        } else {
            append(op, left);
            append(op, right);
        }
    }
    push_operand(p, op);
}

static bool is_bracket(const struct node *n)
{
    return n->kind >= N_OPEN_GROUP;
}

static void flush_to_bracket(struct parser *p)
{
    while (p->operators != NULL && !is_bracket(p->operators))
        flush_top(p);
}

static void push_operator(struct parser *p, const struct token *t, enum node_kind kind)
{
    /* Indexed by kind - N_NOT; higher binds tighter. */
    static const uint8_t precedence[] = {16, 11, 11, 11, 11, 10, 10, 6, 5};
    struct node *n = new_node(p, kind, t);

    n->prec = precedence[kind - N_NOT];
    while (kind != N_NOT && p->operators != NULL && !is_bracket(p->operators) &&
           n->prec <= p->operators->prec)
        flush_top(p);
    n->next = p->operators;
    p->operators = n;
}

static void set_lexer_bracket(struct parser *p)
{
    p->lex.open = p->bracket == NULL                 ? T_START
                  : p->bracket->kind == N_OPEN_GROUP ? T_GROUP
                  : p->bracket->kind == N_OPEN_INDEX ? T_INDEX
                                                     : T_PARAMS;
}

static void open_bracket(struct parser *p, const struct token *t)
{
    struct node *n = new_node(p,
                              t->kind == T_GROUP   ? N_OPEN_GROUP
                              : t->kind == T_INDEX ? N_OPEN_INDEX
                                                   : N_OPEN_PARAMS,
                              t);

    n->outer = p->bracket;
    p->bracket = n;
    n->next = p->operators;
    p->operators = n;
    p->lex.open = t->kind;
}

static void close_bracket(struct parser *p)
{
    BUG(p->operators == NULL || p->operators != p->bracket);
    p->operators = p->bracket->next;
    p->bracket = p->bracket->outer;
    set_lexer_bracket(p);
}

/* left[right] or left.right: takes the two topmost operands. */
static void make_index(struct parser *p, const struct token *t)
{
    struct node *n = new_node(p, N_INDEX, t), *right = pop_operand(p), *left = pop_operand(p);

    if (right->kind == N_STRING)
        right->hash = val_key_hash(right->text);
    append(n, left);
    append(n, right);
    push_operand(p, n);
}

static inline struct sv copied(const struct parser *p, size_t at, size_t n)
{
    return (struct sv){p->x->text.p + at, n};
}

/* The value of a string literal, unescaped inside our copy of the text. */
static struct sv string_value(const struct parser *p, const struct token *t)
{
    struct sv s = copied(p, t->at + 1, t->n - 2);
    size_t q = sv_chr(s, '\'');

    if (q == SV_NPOS)
        return s;
    char *w = (char *)(p->x + 1) + t->at + 1 + q; /* the copy follows the struct */
    const char *r = w, *end = s.p + s.n;
    while (r < end) {
        *w++ = *r;
        r += *r == '\'' ? 2 : 1;
    }
    return (struct sv){s.p, (size_t)(w - s.p)};
}

static void push_string(struct parser *p, const struct token *t, struct sv value)
{
    struct node *n = new_node(p, N_STRING, t);

    n->text = value;
    push_operand(p, n);
}

/* ".name" behind the topmost operand: what push_string() and make_index() would do, in one go. */
static void push_property(struct parser *p, const struct token *t)
{
    struct node *key = new_node(p, N_STRING, t), *n = new_node(p, N_INDEX, t), *left = p->operands;

    BUG(left == NULL);
    key->text = copied(p, t->at, t->n);
    key->hash = val_key_hash(key->text);
    n->next = left->next;
    left->next = key;
    n->first = left;
    n->last = key;
    n->n_args = 2;
    add_depth(n, left->depth);
    p->operands = n;
}

static int push_name(struct parser *p, const struct token *t)
{
    struct node *n = new_node(p, N_NAME, t);

    n->text = copied(p, t->at, t->n);
    if (!expr_name_known(&p->naming, n->text, &n->lent))
        return fail_token(p, EXPR_PARSING, "Unrecognized named-value", t->at, t->n);
    push_operand(p, n);
    return 0;
}

static int push_function(struct parser *p, const struct token *t)
{
    struct node *n = new_node(p, N_CALL, t);

    n->text = copied(p, t->at, t->n);
    n->fn = expr_function_known(&p->naming, n->text);
    if (n->fn == NULL)
        return fail_token(p, EXPR_PARSING, "Unrecognized function", t->at, t->n);
    if (n->fn->id >= FN_ALWAYS && n->fn->id != FN_HASH_FILES && n->fn->id != FN_OTHER)
        p->x->status_function = true;
    push_operand(p, n);
    return 0;
}

/* ")" of a call: hands the operands above the function over to it. */
static int close_call(struct parser *p, bool empty)
{
    size_t count = empty ? 0 : p->bracket->n_args + 1;
    struct node *args = NULL;
    size_t min, max;

    close_bracket(p);
    for (size_t i = 0; i < count; i++) {
        struct node *a = pop_operand(p);
        a->next = args;
        args = a;
    }
    struct node *call = p->operands;
    BUG(call == NULL || call->kind != N_CALL);
    while (args != NULL) {
        struct node *next = args->next;
        args->next = NULL;
        append(call, args);
        args = next;
    }
    expr_argument_limits(&p->naming, call, &min, &max);
    if (count < min)
        return fail_token(p, EXPR_PARSING, "Too few parameters supplied", call->at, call->n);
    if (count > max)
        return fail_token(p, EXPR_PARSING, "Too many parameters supplied", call->at, call->n);
    if (call->fn->id == FN_CASE && count % 2 == 0)
        return fail_token(
            p, EXPR_PARSING,
            "Even number of parameters supplied, requires an odd number of parameters", call->at,
            call->n);
    return 0;
}

static void push_literal(struct parser *p, const struct token *t)
{
    struct node *n;

    if (t->kind == T_STRING) {
        push_string(p, t, string_value(p, t));
        return;
    }
    n = new_node(p, t->kind == T_NULL ? N_NULL : t->kind == T_BOOL ? N_BOOL : N_NUMBER, t);
    if (t->kind == T_BOOL)
        n->b = t->n == sizeof "true" - 1;
    else if (t->kind == T_NUMBER)
        n->num = t->num;
    push_operand(p, n);
}

/* A closer or a comma: what is open inside is complete. */
static int push_closer(struct parser *p, const struct token *t, enum token_kind last)
{
    flush_to_bracket(p);
    if (t->kind == T_SEPARATOR) {
        p->bracket->n_args++;
        return 0;
    }
    if (t->kind == T_END_PARAMS)
        return close_call(p, last == T_PARAMS);
    close_bracket(p);
    if (t->kind == T_END_INDEX)
        make_index(p, t);
    return 0;
}

static int push_token(struct parser *p, const struct token *t, enum token_kind last)
{
    switch (t->kind) {
    case T_NAME:
        return push_name(p, t);
    case T_DEREFERENCE: /* the name or wildcard that must follow does the work */
        return 0;
    case T_PROPERTY:
        push_property(p, t);
        return 0;
    case T_WILDCARD:
        push_operand(p, new_node(p, N_WILDCARD, t));
        if (last == T_DEREFERENCE)
            make_index(p, t);
        return 0;
    case T_NULL:
    case T_BOOL:
    case T_NUMBER:
    case T_STRING:
        push_literal(p, t);
        return 0;
    case T_NOT:
        push_operator(p, t, N_NOT);
        return 0;
    case T_OPERATOR:
        push_operator(p, t, t->op);
        return 0;
    case T_FUNCTION:
        return push_function(p, t);
    case T_GROUP:
    case T_INDEX:
    case T_PARAMS:
        open_bracket(p, t);
        return 0;
    case T_END_GROUP:
    case T_END_INDEX:
    case T_END_PARAMS:
    case T_SEPARATOR:
        return push_closer(p, t, last);
    case T_BAD_SYMBOL:
        return fail_token(p, EXPR_LEXING, "Unexpected symbol", t->at, t->n);
    case T_MISPLACED:
        return fail_token(p, EXPR_PARSING, "Unexpected symbol", t->at, t->n);
    case T_START:
    case T_END:
        break;
    }
    BUG(true);
}

static int parse_all(struct parser *p)
{
    struct token two[2] = {{.kind = T_START}};
    unsigned turn = 1;

    for (;; turn ^= 1) { /* the token and the one before it */
        struct token *t = &two[turn];
        expr_lex(&p->lex, t);
        if (t->kind == T_END)
            break;
        if (push_token(p, t, two[turn ^ 1].kind) < 0)
            return -1;
    }
    const struct token last = two[turn ^ 1];
    if (last.kind == T_START)
        return 0;
    if (p->bracket != NULL || last.kind == T_NOT || last.kind == T_OPERATOR ||
        last.kind == T_DEREFERENCE)
        return fail_token(p, EXPR_PARSING, "Unexpected end of expression", last.at, last.n);
    flush_to_bracket(p);
    p->x->root = pop_operand(p);
    p->x->n_nodes = p->next_id;
    BUG(p->operands != NULL);
    if (p->x->root->depth > EXPR_MAX_DEPTH)
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
    *x = (struct expr){.text = {p, text.n}, .chunks = c, .borrowed = borrow};
    return x;
}

int expr_parse_with(struct sv text, const struct expr_names *names, const struct expr_env *env,
                    struct expr_room *room, struct expr **out, struct expr_error *xe, struct err *e)
{
    struct parser p = {.text = text, .naming = {names, env}, .xe = xe, .e = e};

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
    /* It reads our copy, which ends with a NUL. Strings are unescaped there behind its back, but only in tokens
     * that it is done with; messages quote the caller's text. */
    p.lex = (struct lexer){.text = x->text.p, .end = x->text.p + x->text.n, .p = x->text.p};
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

void expr_free(struct expr *x)
{
    if (x == NULL)
        return;
    while (x->chunks->next != NULL) { /* the first chunk lives in the block of the expression */
        struct chunk *c = x->chunks;
        x->chunks = c->next;
        free(c);
    }
    if (!x->borrowed)
        free(x);
}

void auto_expr(struct expr **x)
{
    expr_free(*x);
}

bool expr_is_blank(const struct expr *x)
{
    return x->root == NULL;
}

bool expr_is_string(const struct expr *x, struct sv *out)
{
    if (x->root == NULL || x->root->kind != N_STRING)
        return false;
    *out = x->root->text;
    return true;
}

bool expr_has_status_function(const struct expr *x)
{
    return x->status_function;
}

typedef void context_fn(void *ctx, const struct sv *path, size_t n);

/* The tree is at most EXPR_MAX_DEPTH deep: so is this recursion. */
static void visit(const struct node *n, context_fn *fn, void *ctx)
{
    const struct node *chain[EXPR_MAX_DEPTH + 1];
    struct sv path[EXPR_MAX_DEPTH + 1];
    size_t len = 0, n_path = 0;

    while (n->kind == N_INDEX) { /* down to the base; visits what is in the brackets */
        if (n->last->kind != N_STRING)
            visit(n->last, fn, ctx);
        chain[len++] = n;
        n = n->first;
    }
    if (n->kind != N_NAME) {
        for (const struct node *c = n->first; c != NULL; c = c->next)
            visit(c, fn, ctx);
        return;
    }
    path[n_path++] = n->text;
    while (len > 0 && chain[len - 1]->last->kind == N_STRING)
        path[n_path++] = chain[--len]->last->text;
    fn(ctx, path, n_path);
}

void expr_visit_contexts(const struct expr *x,
                         void (*fn)(void *ctx, const struct sv *path, size_t n), void *ctx)
{
    if (x->root != NULL)
        visit(x->root, fn, ctx);
}
