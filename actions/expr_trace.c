/* SPDX-License-Identifier: Apache-2.0
 *
 * The step-debug trace (spec expressions 1.13): every node as it is evaluated, the expression with values put in,
 * the result.
 * Source: actions/runner 258d6c8: src/Sdk/Expressions/Sdk/ExpressionNode.cs, EvaluationContext.cs. */
#include <stdlib.h>

#include "actions/expr_priv.h"
#include "base/mem.h"

#define EXPANDED_MEMORY ((size_t)1 << 20)  /* EvaluationContext's MaxCacheMemory */
#define TEXT_MAX        ((size_t)64 << 20) /* a line */

static void trace(const struct eval *ev, unsigned level, const char *head, struct sv tail)
{
    AUTO(buf_free) struct buf b = BUF_INIT(TEXT_MAX);

    for (unsigned i = 0; i < level; i++)
        buf_add(&b, "..", 2);
    buf_adds(&b, head);
    buf_addsv(&b, tail);
    ev->env->trace(ev->env->ctx, buf_sv(&b));
}

void expr_trace_enter(const struct eval *ev, const struct node *n, unsigned level)
{
    AUTO(buf_free) struct buf b = BUF_INIT(TEXT_MAX);
    struct sv name;

    buf_adds(&b, expr_node_name(n, &name));
    buf_addsv(&b, name);
    buf_addc(&b, ':');
    trace(ev, level, "Evaluating ", buf_sv(&b));
}

/* Operators, literals and the plain string tests print as an expression in the "Expanded" line. */
static bool stands_for_itself(const struct node *n)
{
    return n->kind == N_NAME || n->kind == N_INDEX || (n->kind == N_CALL && n->fn->expand);
}

void expr_trace_leave(struct eval *ev, const struct node *n, unsigned level, const struct val *v)
{
    AUTO(buf_free) struct buf b = BUF_INIT(TEXT_MAX);

    expr_print_value(ev->env, v, &b);
    trace(ev, level, "=> ", buf_sv(&b));
    size_t bytes = VAL_STRING_BYTES + 2 * utf8_utf16_len(buf_sv(&b));
    if (!stands_for_itself(n) || bytes > EXPANDED_MEMORY - ev->expanded_bytes || b.over)
        return;
    ev->expanded_bytes += bytes;
    free(ev->expanded[n->at]);
    ev->expanded[n->at] = buf_take(&b, NULL);
}

static void trace_result(const struct eval *ev, struct sv original, const struct val *result)
{
    AUTO(buf_free) struct buf expanded = BUF_INIT(TEXT_MAX), value = BUF_INIT(TEXT_MAX);

    expr_print(ev->x->root, ev->expanded, &expanded);
    expr_print_value(ev->env, result, &value);
    struct sv text = buf_sv(&expanded), v = buf_sv(&value);
    bool same = sv_eq(text, original) || sv_eq(text, v);
    /* A number beside the same number as a string says nothing. */
    if (result->kind == VAL_NUMBER && text.n == v.n + 2 && text.p[0] == '\'' &&
        sv_eq(sv_sub(text, 1, v.n), v))
        same = true;
    if (!same)
        trace(ev, 0, "Expanded: ", text);
    trace(ev, 0, "Result: ", v);
}

struct res expr_eval_traced(struct eval *ev)
{
    AUTO(buf_free) struct buf original = BUF_INIT(TEXT_MAX);

    ev->expanded_bytes = 0;
    ev->expanded = xcalloc(ev->x->text.n, sizeof *ev->expanded);
    expr_print(ev->x->root, NULL, &original);
    trace(ev, 0, "Evaluating: ", buf_sv(&original));
    struct res r = expr_eval_node(ev, ev->x->root, 0);
    if (r.v != NULL)
        trace_result(ev, buf_sv(&original), r.v);
    for (size_t i = 0; i < ev->x->text.n; i++)
        free(ev->expanded[i]);
    free(ev->expanded);
    return r;
}
