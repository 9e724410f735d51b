/* SPDX-License-Identifier: Apache-2.0
 *
 * The state of the parser, and how nodes come about: operands and operators on two stacks that are threaded through
 * them. A header for the sake of speed; only the parser uses it. */
#ifndef ACTIONS_EXPR_BUILD_H
#define ACTIONS_EXPR_BUILD_H

#include "actions/expr_priv.h"
#include "base/mem.h"

struct parser {
    struct sv text; /* the caller's: messages quote it */
    struct expr *x;
    const char *start, *end;        /* our copy of the text; tokens are slices of it */
    const char *names;              /* the text that names are slices of */
    const char *last, *p;           /* the last token: where it began, and its end */
    struct node *spare, *spare_end; /* the rest of the newest chunk */
    struct node *operands;          /* top */
    struct node *operators;         /* top; open brackets among them */
    struct node bottom;             /* of the operators */
    struct naming naming;
    struct expr_error *xe;
    struct err *e;
};

static NOINLINE void more_nodes(struct parser *p)
{
    struct chunk *c = p->x->chunks,
                 *more = xmalloc(sizeof *more + 2 * c->cap * sizeof more->nodes[0]);

    *more = (struct chunk){.next = c, .cap = 2 * c->cap};
    p->x->chunks = more;
    p->spare = more->nodes;
    p->spare_end = more->nodes + more->cap;
}

/* For the token from at to stop, which is the last one now. Children, precedence and value are the caller's. */
static inline struct node *new_node(struct parser *p, enum node_kind kind, const char *at,
                                    const char *stop)
{
    if (p->spare == p->spare_end)
        more_nodes(p);
    struct node *n = p->spare++;
    n->kind = kind;
    n->depth = 1;
    n->at = (uint32_t)(at - p->start);
    n->n = (uint32_t)(stop - at);
    p->last = at;
    p->p = stop;
    return n;
}

/* What a token says. Not the copy: that was written a moment ago, in larger pieces than it is compared in, and
 * the processor waits where a load needs several stores. */
static inline struct sv token_text(const struct parser *p, const char *at, const char *stop)
{
    return (struct sv){p->names + (at - p->start), (size_t)(stop - at)};
}

/* v: its value, as how says. */
static inline struct node *push_leaf(struct parser *p, enum node_kind kind, const char *at,
                                     const char *stop, struct val *v, unsigned how)
{
    struct node *n = new_node(p, kind, at, stop);

    n->how = how;
    n->first = NULL;
    n->v = v;
    n->next = p->operands;
    p->operands = n;
    return n;
}

static inline struct node *push_literal(struct parser *p, enum node_kind kind, enum val_kind value,
                                        const char *at, const char *stop)
{
    struct node *n = push_leaf(p, kind, at, stop, NULL, RES_IN_TREE);

    n->v = &n->literal;
    n->literal.refs = VAL_IMMORTAL;
    n->literal.kind = (uint8_t)value;
    n->literal.flag = false;
    return n;
}

static inline struct node *push_text(struct parser *p, const char *at, const char *stop,
                                     struct sv text)
{
    struct node *n = push_literal(p, N_STRING, VAL_STRING, at, stop);

    n->text = text;
    n->literal.str.s = text;
    n->literal.str.utf16 = VAL_UNITS_UNKNOWN;
    return n;
}

static inline unsigned deeper(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

/* left[right] or left.right: takes the two topmost operands. */
static inline void make_index(struct parser *p, const char *at, const char *stop)
{
    struct node *n = new_node(p, N_INDEX, at, stop), *right = p->operands, *left;

    left = right->next; /* the states guarantee the operands */
    BUG(left == NULL);
    n->first = left;
    n->last = right;
    n->n_args = 2;
    n->v = NULL;
    n->depth = 1 + deeper(left->depth, right->depth);
    n->next = left->next;
    left->next = right;
    right->next = NULL;
    p->operands = n;
}

static inline void push_wildcard(struct parser *p, const char *at)
{
    struct node *n = push_literal(p, N_WILDCARD, VAL_STRING, at, at + 1);

    n->literal.str.s = SV("*");
    n->literal.str.utf16 = 1;
}

/* ".name" behind the topmost operand. */
static inline void push_property(struct parser *p, const char *at, const char *stop)
{
    struct node *key = push_text(p, at, stop, token_text(p, at, stop));

    key->hash = val_key_hash(key->text);
    make_index(p, at, stop);
}

/* The value of a string literal with quotes in it: unescaped inside our copy of the text. */
static NOINLINE struct sv unescaped(const struct parser *p, const char *at, const char *stop)
{
    char *copy = (char *)(p->x + 1) + (at + 1 - p->start), *w = copy; /* it follows the struct */
    const char *r = w, *end = copy + (stop - at - 2);
    while (r < end) {
        *w++ = *r;
        r += *r == '\'' ? 2 : 1;
    }
    return (struct sv){copy, (size_t)(w - copy)};
}

/* A chain of && or of || is one node: the children of an operand of the same kind are taken over. */
static inline void take_flat(struct node *op, struct node *left, struct node *right)
{
    bool flat_left = left->kind == op->kind, flat_right = right->kind == op->kind;
    struct node *mid = flat_left ? left->last : left;

    op->first = flat_left ? left->first : left;
    mid->next = flat_right ? right->first : right;
    op->last = flat_right ? right->last : right;
    op->last->next = NULL;
    op->n_args = (flat_left ? left->n_args : 1) + (flat_right ? right->n_args : 1);
    op->depth = deeper(left->depth + !flat_left, right->depth + !flat_right);
}

/* Turns the operator on top of its stack into an operand. */
static void flush_top(struct parser *p)
{
    struct node *op = p->operators, *right = p->operands, *left;

    BUG(right == NULL);
    p->operators = op->next;
    p->operands = op;
    if (op->kind == N_NOT) {
        op->next = right->next;
        op->first = op->last = right;
        right->next = NULL;
        op->n_args = 1;
        op->depth = right->depth + 1;
        return;
    }
    left = right->next;
    BUG(left == NULL);
    op->next = left->next;
    if (op->kind == N_AND || op->kind == N_OR) {
        take_flat(op, left, right);
        return;
    }
    op->first = left;
    op->last = right;
    left->next = right;
    right->next = NULL;
    op->n_args = 2;
    op->depth = 1 + deeper(left->depth, right->depth);
}

static inline struct node *push_operator(struct parser *p, enum node_kind kind, unsigned prec,
                                         const char *at, const char *stop)
{
    struct node *n = new_node(p, kind, at, stop);

    n->prec = prec;
    n->v = NULL;
    n->next = p->operators;
    p->operators = n;
    return n;
}

#endif
