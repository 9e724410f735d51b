/* SPDX-License-Identifier: Apache-2.0
 *
 * What can be asked about a parsed expression, and its end. */
#include <stdlib.h>

#include "actions/expr_priv.h"

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
