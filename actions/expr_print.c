/* SPDX-License-Identifier: Apache-2.0
 *
 * Canonical text of a tree (spec expressions 1.13), as the trace and the memory error show it: operators in
 * parentheses, x.name where the key allows it.
 * Source: actions/runner 258d6c8: the ConvertToExpression methods below src/Sdk/Expressions/Sdk. */
#include "actions/expr_priv.h"

#include <math.h>

static void add_string(struct buf *b, struct sv s)
{
    buf_addc(b, '\'');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\'')
            buf_addc(b, '\'');
        buf_addc(b, s.p[i]);
    }
    buf_addc(b, '\'');
}

static void add_number(struct buf *b, double d)
{
    char tmp[32];

    if (fpclassify(d) == FP_ZERO &&
        signbit(d)) { /* G15 without the correction that conversions make */
        buf_adds(b, "-0");
        return;
    }
    buf_add(b, tmp, val_number_text(d, tmp));
}

void expr_print_value(const struct expr_env *env, const struct val *v, struct buf *b)
{
    AUTO(buf_free) struct buf masked = BUF_INIT(b->max);

    switch ((enum val_kind)v->kind) {
    case VAL_NULL:
        buf_adds(b, "null");
        break;
    case VAL_BOOL:
        buf_adds(b, v->flag ? "true" : "false");
        break;
    case VAL_NUMBER:
        add_number(b, v->num);
        break;
    case VAL_STRING:
        if (env->mask != NULL) {
            env->mask(env->ctx, val_sv(v), &masked);
            add_string(b, buf_sv(&masked));
        } else {
            add_string(b, val_sv(v));
        }
        break;
    case VAL_ARRAY:
        buf_adds(b, "Array");
        break;
    case VAL_OBJECT:
        buf_adds(b, "Object");
        break;
    }
}

static const char *const operators[] = {
    [N_GT] = " > ",  [N_GE] = " >= ", [N_LT] = " < ",   [N_LE] = " <= ",
    [N_EQ] = " == ", [N_NE] = " != ", [N_AND] = " && ", [N_OR] = " || "};

static void print_index(const struct node *n, char *const *expanded, struct buf *b)
{
    const struct node *key = n->last;

    expr_print(n->first, expanded, b);
    if (key->kind == N_WILDCARD) {
        buf_adds(b, ".*");
    } else if (key->kind == N_STRING && expr_is_keyword(key->text)) {
        buf_addc(b, '.');
        buf_addsv(b, key->text);
    } else {
        buf_addc(b, '[');
        expr_print(key, expanded, b);
        buf_addc(b, ']');
    }
}

static void print_list(const struct node *n, const char *between, char *const *expanded,
                       struct buf *b)
{
    buf_addc(b, '(');
    for (const struct node *c = n->first; c != NULL; c = c->next) {
        if (c != n->first)
            buf_adds(b, between);
        expr_print(c, expanded, b);
    }
    buf_addc(b, ')');
}

/* expanded: texts that stand for a node's value, by where its token begins, or NULL. */
void expr_print(const struct node *n, char *const *expanded, struct buf *b)
{
    if (expanded != NULL && expanded[n->at] != NULL) {
        buf_adds(b, expanded[n->at]);
        return;
    }
    switch ((enum node_kind)n->kind) {
    case N_NULL:
        buf_adds(b, "null");
        break;
    case N_BOOL:
        buf_adds(b, n->v->flag ? "true" : "false");
        break;
    case N_NUMBER:
        add_number(b, n->literal.num);
        break;
    case N_STRING:
        add_string(b, n->text);
        break;
    case N_NAME:
        buf_addsv(b, n->text);
        break;
    case N_WILDCARD:
        buf_addc(b, '*');
        break;
    case N_CALL:
        buf_addsv(b, n->text);
        print_list(n, ", ", expanded, b);
        break;
    case N_INDEX:
        print_index(n, expanded, b);
        break;
    case N_NOT:
        buf_addc(b, '!');
        expr_print(n->first, expanded, b);
        break;
    case N_GT:
    case N_GE:
    case N_LT:
    case N_LE:
    case N_EQ:
    case N_NE:
    case N_AND:
    case N_OR:
        print_list(n, operators[n->kind], expanded, b);
        break;
    case N_OPEN_GROUP:
    case N_OPEN_INDEX:
    case N_OPEN_PARAMS:
        break;
    }
}

/* The node's name in the trace: a fixed one, or *name (the other is empty). */
const char *expr_node_name(const struct node *n, struct sv *name)
{
    static const char *const names[] = {
        [N_NULL] = "Null",
        [N_BOOL] = "Boolean",
        [N_NUMBER] = "Number",
        [N_STRING] = "String",
        [N_WILDCARD] = "Wildcard",
        [N_INDEX] = "Index",
        [N_NOT] = "Not",
        [N_GT] = "GreaterThan",
        [N_GE] = "GreaterThanOrEqual",
        [N_LT] = "LessThan",
        [N_LE] = "LessThanOrEqual",
        [N_EQ] = "Equal",
        [N_NE] = "NotEqual",
        [N_AND] = "And",
        [N_OR] = "Or",
    };

    *name = SV("");
    if (n->kind == N_NAME || n->kind == N_CALL) {
        *name = n->text;
        return "";
    }
    return names[n->kind];
}
