/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls: types of arguments and results. Rules: argument-type, format-placeholder, unused-format-argument,
 * invalid-json, case-predicate, object-in-string, unknown-need. */
#include <stdlib.h>

#include "actions/lint/lint_priv.h"
#include "base/mem.h"

#define MAX_ARGS 255U

static void warn(const struct lint_expr *x, const struct node *arg, const struct lt *t,
                 const char *what)
{
    lint_expr_at(x, &rule_argument_type, arg, "%s: the argument is %s", what, lt_name(t));
}

/* ---- format ---- */

struct placeholders {
    bool used[256];
    unsigned highest; /* + 1 */
    const char *wrong;
};

/* The scan of the evaluator (spec 1.9): {{ and }} are braces, {N} an argument. */
static void scan_format(struct sv s, struct placeholders *p)
{
    for (size_t i = 0; i < s.n && p->wrong == NULL; i++) {
        char c = s.p[i];
        if (c != '{' && c != '}')
            continue;
        if (i + 1 < s.n && s.p[i + 1] == c) {
            i++;
            continue;
        }
        if (c == '}') {
            p->wrong = "a '}' stands alone; write '}}'";
            return;
        }
        unsigned k = 0;
        size_t start = ++i;
        while (i < s.n && ch_is_digit(s.p[i]) && k < 256)
            k = k * 10 + (unsigned)(s.p[i++] - '0');
        if (i == start || i >= s.n || s.p[i] != '}' || k > 255) {
            p->wrong = "a '{' is not followed by a number and '}'; write '{{' for a brace";
            return;
        }
        p->used[k] = true;
        if (k + 1 > p->highest)
            p->highest = k + 1;
    }
}

static void check_format(const struct lint_expr *x, const struct node *n,
                         const struct lt *const *types)
{
    const struct node *f = n->first;
    struct placeholders p = {.highest = 0};
    size_t i = 0;

    if (f == NULL)
        return; /* the parser has refused that */
    for (const struct node *a = f->next; a != NULL; a = a->next, i++) {
        if (i + 1 < MAX_ARGS && lt_is_container(types[i + 1]))
            lint_expr_at(
                x, &rule_object_in_string, a, "%s becomes the text '%s' in format(); use toJSON()",
                lt_name(types[i + 1]), types[i + 1]->kind == LT_ARRAY ? "Array" : "Object");
    }
    if (f->kind != N_STRING)
        return;
    scan_format(f->text, &p);
    if (p.wrong != NULL) {
        lint_expr_at(x, &rule_format_placeholder, f, "the format is wrong: %s", p.wrong);
        return;
    }
    if (p.highest > n->n_args - 1) {
        lint_expr_at(x, &rule_format_placeholder, f,
                     "the format uses {%u}, but only %u argument%s given", p.highest - 1,
                     n->n_args - 1, n->n_args == 2 ? " is" : "s are");
        return;
    }
    i = 0;
    for (const struct node *a = f->next; a != NULL && i < 256; a = a->next, i++) {
        if (!p.used[i])
            lint_expr_at(x, &rule_unused_format_argument, a,
                         "the format has no {%zu}: the argument is not used", i);
    }
}

/* ---- JSON ---- */

/* Recursion is bounded by the depth limit of fromJSON(). */
static const struct lt *json_type(struct lint *l, const struct val *v);

static const struct lt *json_object_type(struct lint *l, const struct val *v)
{
    struct lt_builder b = {0};

    for (size_t i = 0; i < val_count(v); i++) {
        struct sv key = val_key_at(v, i);
        char *copy = lint_alloc(l, key.n + 1);
        memcpy(copy, key.p, key.n);
        lt_add(&b, (struct sv){copy, key.n}, json_type(l, val_at(v, i)), i);
    }
    return lt_build(l, &b, NULL, NULL, "the object has no");
}

static const struct lt *json_array_type(struct lint *l, const struct val *v)
{
    const struct lt *item = NULL;

    for (size_t i = 0; i < val_count(v); i++) {
        const struct lt *t = json_type(l, val_at(v, i));
        if (i > 0 && (t->kind != item->kind || lt_is_container(t)))
            return &lt_array;
        item = t;
    }
    if (item == NULL || item->kind == LT_ANY)
        return &lt_array;
    struct lt *t = lint_alloc(l, sizeof *t);
    *t = (struct lt){.kind = LT_ARRAY, .item = item};
    return t;
}

static const struct lt *json_type(struct lint *l, const struct val *v)
{
    switch (val_kind(v)) {
    case VAL_NULL:
        return &lt_null;
    case VAL_BOOL:
        return &lt_bool;
    case VAL_NUMBER:
        return &lt_number;
    case VAL_STRING:
        return &lt_string;
    case VAL_ARRAY:
        return json_array_type(l, v);
    case VAL_OBJECT:
        break;
    }
    return val_count(v) > 0 ? json_object_type(l, v) : &lt_map;
}

static const struct lt *check_from_json(const struct lint_expr *x, const struct node *arg,
                                        const struct lt *t)
{
    AUTO(auto_val) struct val *v = NULL;
    AUTO(buf_free) struct buf b = BUF_INIT((size_t)1 << 20);
    const struct expr_env env = {0};
    struct expr_error xe = {0};
    struct err e = {0};

    if (lt_is_container(t)) {
        lint_expr_at(x, &rule_invalid_json, arg, "fromJSON() always fails: the argument is %s",
                     lt_name(t));
        return &lt_any;
    }
    if (arg->kind != N_STRING)
        return &lt_any;
    buf_adds(&b, "fromJSON('"); /* by the evaluator itself, so that both agree */
    for (size_t i = 0; i < arg->text.n; i++) {
        if (arg->text.p[i] == '\'')
            buf_addc(&b, '\'');
        buf_addc(&b, arg->text.p[i]);
    }
    buf_adds(&b, "')");
    if (expr_eval_text(buf_sv(&b), &env, &v, &xe, &e) < 0) {
        lint_expr_at(x, &rule_invalid_json, arg, "fromJSON() always fails: the text is not JSON");
        return &lt_any;
    }
    return json_type(x->l, v);
}

/* ---- the others ---- */

static void check_case(const struct lint_expr *x, const struct node *n,
                       const struct lt *const *types)
{
    size_t i = 0;

    for (const struct node *a = n->first; a != NULL && a->next != NULL && i < MAX_ARGS;
         a = a->next, i++) {
        if (i % 2 == 0 && types[i]->kind != LT_BOOL && types[i]->kind != LT_ANY)
            lint_expr_at(x, &rule_case_predicate, a,
                         "a predicate of case() must be a boolean, not %s", lt_name(types[i]));
    }
}

static const struct lt *case_type(const struct node *n, const struct lt *const *types)
{
    const struct lt *t = NULL;
    size_t i = 0;

    for (const struct node *a = n->first; a != NULL && i < MAX_ARGS; a = a->next, i++) {
        if (i % 2 == 0 && a->next != NULL)
            continue;
        if (t != NULL && (t->kind != types[i]->kind || lt_is_container(t)))
            return &lt_any;
        t = types[i];
    }
    return t != NULL ? t : &lt_any;
}

static void check_status(const struct lint_expr *x, const struct node *n)
{
    const struct lint_job *job = x->site->job;

    if ((x->site->context & CX_JOB_STATUS) == 0)
        return; /* no arguments there at all */
    for (const struct node *a = n->first; a != NULL && job != NULL; a = a->next) {
        if (a->kind == N_STRING && lt_find(job->needs, a->text) == NULL)
            lint_expr_at(x, &rule_unknown_need, a,
                         "job '" SV_FMT "' is not in the needs of this job", SV_ARG(a->text));
    }
}

static void check_contains(const struct lint_expr *x, const struct node *n,
                           const struct lt *const *types)
{
    if (types[0]->kind == LT_OBJECT)
        warn(x, n->first, types[0], "contains() is always false");
    else if (types[0]->kind != LT_ARRAY && types[0]->kind != LT_ANY && lt_is_container(types[1]))
        warn(x, n->last, types[1], "contains() is always false");
}

static void check_join(const struct lint_expr *x, const struct node *n,
                       const struct lt *const *types)
{
    if (types[0]->kind == LT_OBJECT)
        warn(x, n->first, types[0], "join() gives an empty text");
    else if (types[0]->kind == LT_STRING || types[0]->kind == LT_NUMBER ||
             types[0]->kind == LT_BOOL)
        warn(x, n->first, types[0], "join() has nothing to join");
    if (n->n_args > 1 && lt_is_container(types[1]))
        warn(x, n->last, types[1], "the separator of join() is ignored");
}

static void check_affix(const struct lint_expr *x, const struct node *n,
                        const struct lt *const *types)
{
    size_t i = 0;

    for (const struct node *a = n->first; a != NULL && i < 2; a = a->next, i++) {
        if (lt_is_container(types[i]))
            warn(x, a, types[i],
                 n->fn->id == FN_ENDS_WITH ? "endsWith() is always false"
                                           : "startsWith() is always false");
    }
}

static void check_patterns(const struct lint_expr *x, const struct node *n,
                           const struct lt *const *types)
{
    size_t i = 0;

    for (const struct node *a = n->first; a != NULL && i < MAX_ARGS; a = a->next, i++) {
        if (lt_is_container(types[i]))
            warn(x, a, types[i], "hashFiles() wants patterns");
    }
}

const struct lt *lint_call(const struct lint_expr *x, const struct node *n)
{
    const struct lt *types[MAX_ARGS + 1];
    size_t i = 0;

    for (size_t k = 0; k <= MAX_ARGS; k++)
        types[k] = &lt_any;

    for (const struct node *a = n->first; a != NULL; a = a->next) {
        const struct lt *t = lint_type_of(x, a);
        if (i < MAX_ARGS)
            types[i++] = t;
    }
    switch (n->fn->id) {
    case FN_CASE:
        check_case(x, n, types);
        return case_type(n, types);
    case FN_CONTAINS:
        check_contains(x, n, types);
        return &lt_bool;
    case FN_STARTS_WITH:
    case FN_ENDS_WITH:
        check_affix(x, n, types);
        return &lt_bool;
    case FN_FORMAT:
        check_format(x, n, types);
        return &lt_string;
    case FN_FROM_JSON:
        return check_from_json(x, n->first, types[0]);
    case FN_JOIN:
        check_join(x, n, types);
        return &lt_string;
    case FN_TO_JSON:
        lint_use_all(x, types[0]);
        return &lt_string;
    case FN_ALWAYS:
    case FN_CANCELLED:
        return &lt_bool;
    case FN_SUCCESS:
    case FN_FAILURE:
        check_status(x, n);
        return &lt_bool;
    case FN_HASH_FILES:
        check_patterns(x, n, types);
        return &lt_string;
    case FN_OTHER:
        break;
    }
    return &lt_any;
}
