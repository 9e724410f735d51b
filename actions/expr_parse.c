/* SPDX-License-Identifier: Apache-2.0
 *
 * The parser (spec expressions 1.2 to 1.4): a shunting-yard with two stacks threaded through the nodes, so
 * that no input drives recursion. Which token may follow which is settled by the lexer; here are precedence,
 * the tree, names, argument counts and limits. All memory of a tree is one block, or a few for long texts.
 * Source: actions/runner 258d6c8: src/Sdk/Expressions/ExpressionParser.cs, ParseException.cs. The argument
 * errors carry the function's name as token, as the official test data expects. */
#include "actions/expr.h"

#include <limits.h>
#include <stdlib.h>

#include "actions/expr_priv.h"
#include "base/mem.h"
#include "base/num.h"

struct parser {
    struct lexer lex;
    struct sv text; /* the caller's; tokens are slices of it */
    struct expr *x;
    const struct expr_names *names;
    const struct expr_env *env;
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

static struct node *new_node(struct parser *p, enum node_kind kind, const struct token *t)
{
    struct chunk *c = p->x->chunks;

    if (c->n == c->cap) {
        struct chunk *more = xmalloc(sizeof *more + 2 * c->cap * sizeof more->nodes[0]);
        *more = (struct chunk){.next = c, .cap = 2 * c->cap};
        p->x->chunks = more;
        c = more;
    }
    struct node *n = &c->nodes[c->n++];
    *n = (struct node){.kind = (uint8_t)kind,
                       .depth = 1,
                       .id = p->x->n_nodes++,
                       .at = (uint32_t)t->at,
                       .n = (uint32_t)t->n};
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

static void open_bracket(struct parser *p, const struct token *t, enum node_kind kind)
{
    struct node *n = new_node(p, kind, t);

    n->outer = p->bracket;
    p->bracket = n;
    n->next = p->operators;
    p->operators = n;
    set_lexer_bracket(p);
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

    append(n, left);
    append(n, right);
    push_operand(p, n);
}

static struct sv copied(const struct parser *p, size_t at, size_t n)
{
    return sv_sub(p->x->text, at, n);
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
    n->hash = t->kind == T_PROPERTY ? val_key_hash(value) : 0;
    push_operand(p, n);
}

static int push_name(struct parser *p, const struct token *t)
{
    struct node *n = new_node(p, N_NAME, t);
    bool known = true;

    n->text = copied(p, t->at, t->n);
    if (p->env != NULL) {
        n->lent = p->env->context != NULL ? p->env->context(p->env->ctx, n->text) : NULL;
        known = n->lent != NULL;
    } else if (p->names != NULL && p->names->contexts != NULL) {
        const char *const *c = p->names->contexts;
        while (*c != NULL && !sv_ieq(sv_of(*c), n->text))
            c++;
        known = *c != NULL;
    }
    if (!known)
        return fail_token(p, EXPR_PARSING, "Unrecognized named-value", t->at, t->n);
    push_operand(p, n);
    return 0;
}

static bool env_offers(const struct expr_env *env, enum fn_id id)
{
    switch (id) {
    case FN_ALWAYS:
        return env->success != NULL || env->failure != NULL || env->cancelled != NULL;
    case FN_CANCELLED:
        return env->cancelled != NULL;
    case FN_FAILURE:
        return env->failure != NULL;
    case FN_SUCCESS:
        return env->success != NULL;
    case FN_HASH_FILES:
        return env->hash_files != NULL;
    case FN_OTHER:
        return false;
    case FN_CASE:
    case FN_CONTAINS:
    case FN_ENDS_WITH:
    case FN_FORMAT:
    case FN_FROM_JSON:
    case FN_JOIN:
    case FN_STARTS_WITH:
    case FN_TO_JSON:
        return true;
    }
    return false;
}

/* The entry of the caller's list for this function: "name" or "name(min,max)"; NULL when it has none. */
static const char *listed(const struct expr_names *names, struct sv name)
{
    for (const char *const *f = names->functions; *f != NULL; f++) {
        struct sv entry = sv_of(*f);
        size_t paren = sv_chr(entry, '(');
        if (sv_ieq(sv_sub(entry, 0, paren == SV_NPOS ? entry.n : paren), name))
            return *f;
    }
    return NULL;
}

static const struct fn fn_other = {{"", 0}, 0, SIZE_MAX, FN_OTHER, true};

static int push_function(struct parser *p, const struct token *t)
{
    struct node *n = new_node(p, N_CALL, t);
    bool known;

    n->text = copied(p, t->at, t->n);
    n->fn = expr_fn_find(n->text);
    if (n->fn != NULL && n->fn->id < FN_ALWAYS)
        known = true; /* the well-known ones are everywhere */
    else if (p->env != NULL)
        known = n->fn != NULL && env_offers(p->env, n->fn->id);
    else
        known =
            p->names == NULL || p->names->functions == NULL || listed(p->names, n->text) != NULL;
    if (!known)
        return fail_token(p, EXPR_PARSING, "Unrecognized function", t->at, t->n);
    if (n->fn == NULL)
        n->fn = &fn_other;
    if (n->fn->id >= FN_ALWAYS && n->fn->id != FN_HASH_FILES && n->fn->id != FN_OTHER)
        p->x->status_function = true;
    push_operand(p, n);
    return 0;
}

/* Argument counts: the function's own, or those that the caller's list or environment gives. */
static void limits_of(const struct parser *p, const struct node *call, size_t *min, size_t *max)
{
    *min = call->fn->min;
    *max = call->fn->max;
    if (call->fn->id < FN_ALWAYS)
        return;
    if (p->env != NULL) {
        if ((call->fn->id == FN_SUCCESS && p->env->success_of != NULL) ||
            (call->fn->id == FN_FAILURE && p->env->failure_of != NULL))
            *max = INT_MAX;
        return;
    }
    if (p->names == NULL || p->names->functions == NULL) {
        if (call->fn->id == FN_SUCCESS || call->fn->id == FN_FAILURE)
            *max = INT_MAX;
        return;
    }
    struct sv entry = sv_of(listed(p->names, call->text)), lo;
    size_t paren = sv_chr(entry, '(');
    if (paren == SV_NPOS)
        return;
    struct sv hi = sv_sub(entry, paren + 1, entry.n - paren - 2);
    uint64_t v;
    struct err ignored; /* the lists are ours: anything but a number means MAX */
    if (!sv_next(&hi, ',', &lo))
        return;
    *min = num_u64(sv_trim(lo), INT_MAX, &v, &ignored) == 0 ? (size_t)v : 0;
    *max = num_u64(sv_trim(hi), INT_MAX, &v, &ignored) == 0 ? (size_t)v : INT_MAX;
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
    limits_of(p, call, &min, &max);
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

static int push_token(struct parser *p, const struct token *t, enum token_kind last)
{
    struct node *n;

    switch (t->kind) {
    case T_BAD_SYMBOL:
        return fail_token(p, EXPR_LEXING, "Unexpected symbol", t->at, t->n);
    case T_MISPLACED:
        return fail_token(p, EXPR_PARSING, "Unexpected symbol", t->at, t->n);
    case T_GROUP:
        open_bracket(p, t, N_OPEN_GROUP);
        return 0;
    case T_INDEX:
        open_bracket(p, t, N_OPEN_INDEX);
        return 0;
    case T_PARAMS:
        open_bracket(p, t, N_OPEN_PARAMS);
        return 0;
    case T_END_GROUP:
        flush_to_bracket(p);
        close_bracket(p);
        return 0;
    case T_END_INDEX:
        flush_to_bracket(p);
        close_bracket(p);
        make_index(p, t);
        return 0;
    case T_END_PARAMS:
        flush_to_bracket(p);
        return close_call(p, last == T_PARAMS);
    case T_SEPARATOR:
        flush_to_bracket(p);
        p->bracket->n_args++;
        return 0;
    case T_DEREFERENCE: /* the name or wildcard that must follow does the work */
        return 0;
    case T_PROPERTY:
        push_string(p, t, copied(p, t->at, t->n));
        make_index(p, t);
        return 0;
    case T_WILDCARD:
        push_operand(p, new_node(p, N_WILDCARD, t));
        if (last == T_DEREFERENCE)
            make_index(p, t);
        return 0;
    case T_NOT:
        push_operator(p, t, N_NOT);
        return 0;
    case T_OPERATOR:
        push_operator(p, t, t->op);
        return 0;
    case T_STRING:
        push_string(p, t, string_value(p, t));
        return 0;
    case T_NULL:
        push_operand(p, new_node(p, N_NULL, t));
        return 0;
    case T_BOOL:
        n = new_node(p, N_BOOL, t);
        n->b = t->n == 4;
        push_operand(p, n);
        return 0;
    case T_NUMBER:
        n = new_node(p, N_NUMBER, t);
        n->num = t->num;
        push_operand(p, n);
        return 0;
    case T_FUNCTION:
        return push_function(p, t);
    case T_NAME:
        return push_name(p, t);
    case T_START:
    case T_END:
        break;
    }
    BUG(true);
}

static int parse_all(struct parser *p)
{
    struct token t = {.kind = T_START}, last = t;

    for (;;) {
        expr_lex(&p->lex, &t);
        if (t.kind == T_END)
            break;
        if (push_token(p, &t, last.kind) < 0)
            return -1;
        last = t;
    }
    if (last.kind == T_START)
        return 0;
    if (p->bracket != NULL || last.kind == T_NOT || last.kind == T_OPERATOR ||
        last.kind == T_DEREFERENCE)
        return fail_token(p, EXPR_PARSING, "Unexpected end of expression", last.at, last.n);
    flush_to_bracket(p);
    p->x->root = pop_operand(p);
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
    struct parser p = {.text = text, .names = names, .env = env, .xe = xe, .e = e};

    /* UTF-8 takes at most three bytes a UTF-16 unit: no need to count in the extremes. */
    if (text.n > EXPR_MAX_LENGTH &&
        (text.n > (size_t)3 * EXPR_MAX_LENGTH || utf8_utf16_len(text) > EXPR_MAX_LENGTH)) {
        int rc = fail_bare(&p, "Exceeded max expression length 21000");
        xe->kind = EXPR_LEXING; /* the reference lexer refuses it */
        return rc;
    }
    AUTO(auto_expr) struct expr *x = new_expr(text, room);
    p.x = x;
    p.lex = (struct lexer){.text = text};
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
