/* SPDX-License-Identifier: Apache-2.0
 *
 * The type of the matrix context out of what stands in the file, and types of literal values. */
#include <stdlib.h>

#include "actions/lint/lint_priv.h"
#include "base/mem.h"

#define MAX_KEYS 500U /* Ours: larger objects are not looked at */

static bool same(const struct lt *a, const struct lt *b)
{
    return a->kind == b->kind && !lt_is_container(a);
}

/* What may be either; objects join their names. */
static const struct lt *join(struct lint *l, const struct lt *a, const struct lt *b)
{
    struct lt_builder all = {0};

    if (a == NULL || a == b)
        return b;
    if (same(a, b))
        return a;
    if (a->kind != LT_OBJECT || b->kind != LT_OBJECT || a->item != NULL || b->item != NULL ||
        a->n + b->n > MAX_KEYS)
        return a->kind == LT_ARRAY && b->kind == LT_ARRAY ? &lt_array : &lt_any;
    for (size_t i = 0; i < a->n; i++) {
        const struct lt_prop *other = lt_find(b, a->props[i].name);
        lt_add(&all, a->props[i].name,
               other != NULL && other->type != a->props[i].type &&
                       !same(other->type, a->props[i].type)
                   ? &lt_any
                   : a->props[i].type,
               0);
    }
    for (size_t i = 0; i < b->n; i++) {
        if (lt_find(a, b->props[i].name) == NULL)
            lt_add(&all, b->props[i].name, b->props[i].type, 0);
    }
    return lt_build(l, &all, NULL, &rule_unknown_matrix_key,
                    "the values of the matrix have no key");
}

static const struct lt *scalar_type(const struct yx_node *n)
{
    if (lint_has_expr(n))
        return &lt_any;
    switch (lint_kind(n)) {
    case TOK_BOOL:
        return &lt_bool;
    case TOK_NUMBER:
        return &lt_number;
    case TOK_NULL:
        return &lt_null;
    case TOK_STRING:
    case TOK_SEQUENCE:
    case TOK_MAPPING:
    case TOK_EXPR:
    case TOK_INSERT:
        break;
    }
    return &lt_string;
}

const struct lt *lint_value_type(struct lint *l, const struct yx_node *n)
{
    struct lt_builder b = {0};

    if (n->kind == YX_SCALAR)
        return scalar_type(n);
    if (n->kind == YX_SEQUENCE)
        return &lt_array;
    if (n->n > MAX_KEYS)
        return &lt_map;
    for (size_t i = 0; i < n->n; i++) {
        if (lint_has_expr(n->items[2 * i])) {
            free(b.v);
            return &lt_map;
        }
        lt_add(&b, n->items[2 * i]->text, lint_value_type(l, n->items[2 * i + 1]), 0);
    }
    return lt_build(l, &b, NULL, &rule_unknown_matrix_key, "the values of the matrix have no key");
}

static const struct lt *vector_type(struct lint *l, const struct yx_node *v)
{
    const struct lt *t = NULL;

    if (v->kind != YX_SEQUENCE)
        return &lt_any;
    for (size_t i = 0; i < v->n && t != &lt_any; i++) {
        const struct yx_node *item = v->items[i];
        /* an item that is an expression may be spliced: nothing is known */
        t = join(l, t,
                 item->kind == YX_SCALAR && lint_has_expr(item) ? &lt_any
                                                                : lint_value_type(l, item));
    }
    return t != NULL ? t : &lt_any;
}

static void put(struct lint *l, struct lt_builder *b, struct sv name, const struct lt *t)
{
    for (size_t i = 0; i < b->n; i++) {
        if (sv_ieq(b->v[i].name, name)) {
            b->v[i].type = join(l, b->v[i].type, t);
            return;
        }
    }
    lt_add(b, name, t, 0);
}

/* False: anything may come out of it. */
static bool add_include(struct lint *l, struct lt_builder *b, const struct yx_node *include)
{
    if (include->kind != YX_SEQUENCE)
        return false;
    for (size_t i = 0; i < include->n; i++) {
        const struct yx_node *item = include->items[i];
        if (item->kind != YX_MAPPING || item->n > MAX_KEYS)
            return false;
        for (size_t k = 0; k < item->n; k++) {
            if (lint_has_expr(item->items[2 * k]) || b->n > MAX_KEYS)
                return false;
            put(l, b, item->items[2 * k]->text, lint_value_type(l, item->items[2 * k + 1]));
        }
    }
    return true;
}

const struct lt *lint_matrix_type(struct lint *l, const struct yx_node *matrix)
{
    struct lt_builder b = {0};

    if (matrix == NULL)
        return &lt_null;
    bool known = matrix->kind == YX_MAPPING && matrix->n <= MAX_KEYS;
    for (size_t i = 0; known && i < matrix->n; i++) {
        const struct yx_node *k = matrix->items[2 * i], *v = matrix->items[2 * i + 1];
        if (lint_has_expr(k))
            known = false;
        else if (sv_is(k->text, "include"))
            known = add_include(l, &b, v);
        else if (!sv_is(k->text, "exclude"))
            put(l, &b, k->text, vector_type(l, v));
    }
    if (!known) {
        free(b.v);
        return &lt_any;
    }
    return lt_build(l, &b, NULL, &rule_unknown_matrix_key, "the matrix has no key");
}
