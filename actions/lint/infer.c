/* SPDX-License-Identifier: Apache-2.0
 *
 * The type of each node of an expression, and what does not fit on the way. Rules: unknown-property and its
 * relatives (unknown-need, unknown-step, ...), step-order, comparison-type, not-an-array, constant parts. */
#include "actions/lint/lint_priv.h"
#include "base/mem.h"

#define MAX_LISTED 12U /* names in a message; longer lists help nobody */

/* ---- properties ---- */

static bool has_prop(const struct lt *t, size_t i)
{
    return t->n > 0 ? i < t->n : t->props != NULL && t->props[i].name.p != NULL;
}

/* The name of the object that is nearly this one; p == NULL: there is none. */
static struct sv nearest_prop(const struct lt *t, struct sv name)
{
    const char *names[257];
    struct sv found[256];
    char copies[256][48];
    size_t n = 0, k = 0;

    for (size_t i = 0; n < 256 && has_prop(t, i); i++) {
        struct sv p = t->props[i].name;
        if (p.n >= sizeof copies[0])
            continue;
        memcpy(copies[n], p.p, p.n);
        copies[n][p.n] = '\0';
        names[n] = copies[n];
        found[n++] = p;
    }
    names[n] = NULL;
    const char *best = nearest_name(name, names);
    while (k < n && names[k] != best)
        k++;
    return best != NULL && k < n ? found[k] : (struct sv){NULL, 0};
}

static void list_props(const struct lt *t, struct buf *b)
{
    size_t n = 0;

    while (n <= MAX_LISTED && has_prop(t, n))
        n++;
    for (size_t i = 0; n <= MAX_LISTED && i < n; i++)
        buf_addf(b, "%s" SV_FMT, i > 0 ? ", " : "; known: ", SV_ARG(t->props[i].name));
}

static void report_missing(const struct lint_expr *x, const struct lt *t, const struct node *at,
                           struct sv name)
{
    AUTO(buf_free) struct buf more = BUF_INIT(4096);
    const struct lint_rule *r = t->rule != NULL ? t->rule : &rule_unknown_property;
    struct sv meant = nearest_prop(t, name);

    if (meant.p != NULL)
        buf_addf(&more, "; did you mean '" SV_FMT "'?", SV_ARG(meant));
    else
        list_props(t, &more);
    lint_expr_at(x, r, at, "%s '" SV_FMT "'%s", t->what != NULL ? t->what : "there is no property",
                 SV_ARG(name), more.p);
}

/* A step sees those in front of it. Remembers what is read. */
static void check_order(const struct lint_expr *x, const struct node *n, const struct lt *steps,
                        const struct lt_prop *p)
{
    const struct lint_site *s = x->site;
    const struct lt *own = s->job != NULL ? s->job->steps_type : x->l->comp_steps;
    struct lint_step *list = s->job != NULL ? s->job->steps : x->l->steps;

    if (s->job != NULL && steps == s->job->matrix)
        s->job->matrix_used[p - steps->props] = true;
    if (steps != own)
        return;
    list[p->order].used = true;
    if (s->step != NULL && p->order >= s->step->index)
        lint_expr_at(x, &rule_step_order, n,
                     p->order == s->step->index ? "step '" SV_FMT
                                                  "' has no results before it has run"
                                                : "step '" SV_FMT "' runs later than this one",
                     SV_ARG(p->name));
}

static const struct lt *property(const struct lint_expr *x, const struct lt *t,
                                 const struct node *at, struct sv name)
{
    const struct lt_prop *p = lt_find(t, name);

    if (p != NULL) {
        check_order(x, at, t, p);
        return p->type;
    }
    if (t->item != NULL)
        return t->item;
    report_missing(x, t, at, name);
    return &lt_any;
}

static const struct lt *array_of(struct lint *l, const struct lt *item)
{
    struct lt *t;

    if (item == NULL || item->kind == LT_ANY)
        return &lt_array;
    t = lint_alloc(l, sizeof *t);
    *t = (struct lt){.kind = LT_ARRAY, .item = item, .filtered = true};
    return t;
}

/* All steps are read by `steps.*`, toJSON(steps) and the like. */
void lint_use_all(const struct lint_expr *x, const struct lt *t)
{
    const struct lint_site *s = x->site;
    const struct lt *own = s->job != NULL ? s->job->steps_type : x->l->comp_steps;
    struct lint_step *list = s->job != NULL ? s->job->steps : x->l->steps;
    size_t n = s->job != NULL ? s->job->n_steps : x->l->n_steps;

    for (size_t i = 0; t == own && i < n; i++)
        list[i].used = true;
    if (s->job != NULL && t == s->job->matrix)
        memset(s->job->matrix_used, 1, t->n);
}

static const struct lt *wildcard(const struct lint_expr *x, const struct lt *t)
{
    if (t->kind == LT_ARRAY)
        return array_of(x->l, t->filtered && t->item->kind == LT_ARRAY ? t->item->item : t->item);
    lint_use_all(x, t);
    return t->kind == LT_OBJECT && t->n == 0 && t->props == NULL ? array_of(x->l, t->item)
                                                                 : &lt_array;
}

static bool is_of_matrix(const struct node *n)
{
    while (n->kind == N_INDEX)
        n = n->first;
    return n->kind == N_NAME && sv_ieq(n->text, SV("matrix"));
}

static const struct lt *index_type(const struct lint_expr *x, const struct node *n)
{
    const struct node *left = n->first, *right = n->last;
    const struct lt *t = lint_type_of(x, left);

    if (right->kind == N_WILDCARD) {
        if (t->kind != LT_ANY && t->kind != LT_NULL && !lt_is_container(t)) {
            lint_expr_at(x, &rule_unknown_property, right, "%s has nothing for '*' to go through",
                         lt_name(t));
            return &lt_any;
        }
        return t->kind == LT_ANY ? &lt_array : wildcard(x, t);
    }
    if (right->kind != N_STRING) { /* computed, or a number */
        (void)lint_type_of(x, right);
        lint_use_all(x, t);
        return t->kind == LT_ARRAY && !t->filtered                                        ? t->item
               : t->kind == LT_OBJECT && t->n == 0 && t->props == NULL && t->item != NULL ? t->item
                                                                                          : &lt_any;
    }
    if (t->kind == LT_OBJECT)
        return property(x, t, right, right->text);
    if (t->kind == LT_ARRAY && t->filtered && t->item->kind == LT_OBJECT)
        return array_of(x->l, property(x, t->item, right, right->text));
    if (t->kind == LT_STRING || t->kind == LT_NUMBER || t->kind == LT_BOOL || t->kind == LT_NULL)
        lint_expr_at(x,
                     t == &lt_null && is_of_matrix(left) ? &rule_unknown_matrix_key
                                                         : &rule_unknown_property,
                     right, "%s has no property '" SV_FMT "'; the value is always null",
                     t == &lt_null && left->kind == N_NAME ? "a job without a matrix" : lt_name(t),
                     SV_ARG(right->text));
    return &lt_any;
}

/* ---- comparisons ---- */

static bool is_literal(const struct node *n)
{
    return n->kind == N_STRING || n->kind == N_NUMBER || n->kind == N_BOOL || n->kind == N_NULL;
}

static bool is_number_text(struct sv s)
{
    AUTO(auto_val) struct val *v = NULL;
    AUTO(buf_free) struct buf b = BUF_INIT(400);
    const struct expr_env env = {0};
    struct expr_error xe = {0};
    struct err e = {0};

    if (s.n > 100)
        return false;
    buf_adds(&b, "0 <= '");
    for (size_t i = 0; i < s.n; i++)
        buf_addf(&b, s.p[i] == '\'' ? "''" : "%c", s.p[i]);
    buf_adds(&b, "' || 0 > '");
    for (size_t i = 0; i < s.n; i++)
        buf_addf(&b, s.p[i] == '\'' ? "''" : "%c", s.p[i]);
    buf_adds(&b, "'");
    return expr_eval_text(buf_sv(&b), &env, &v, &xe, &e) == 0 && val_truthy(v);
}

/* The literal, written as a text, that can never be what the other side is; NULL when it can. */
static bool never_equal(const struct lt *t, const struct node *literal)
{
    if (literal->kind != N_STRING)
        return false;
    if (t->kind == LT_BOOL || t->kind == LT_NUMBER)
        return !is_number_text(literal->text);
    return false;
}

/* Both are the same part of the same context. */
static bool same_path(const struct node *a, const struct node *b)
{
    AUTO(buf_free) struct buf x = BUF_INIT(1024);
    AUTO(buf_free) struct buf y = BUF_INIT(1024);

    return lint_path(a, &x) && lint_path(b, &y) && sv_ieq(buf_sv(&x), buf_sv(&y));
}

static void check_comparison(const struct lint_expr *x, const struct node *n, const struct lt *a,
                             const struct lt *b)
{
    const struct node *left = n->first, *right = n->last;
    bool order = n->kind != N_EQ && n->kind != N_NE;

    if (is_literal(left) && is_literal(right)) {
        lint_expr_at(x, &rule_constant_condition, n, "both sides of the comparison are constants");
        return;
    }
    if (lt_is_container(a) != lt_is_container(b) && a->kind != LT_ANY && b->kind != LT_ANY) {
        lint_expr_at(x, &rule_comparison_type, n,
                     order ? "%s and %s have no order: this is always false"
                           : "%s is never equal to %s",
                     lt_name(a), lt_name(b));
        return;
    }
    if (order && (lt_is_container(a) || lt_is_container(b))) {
        lint_expr_at(x, &rule_comparison_type, n, "%s has no order",
                     lt_name(lt_is_container(a) ? a : b));
        return;
    }
    if (!order && lt_is_container(a) && lt_is_container(b) && !same_path(left, right)) {
        lint_expr_at(
            x, &rule_comparison_type, n,
            "two objects or lists are never equal, whatever they hold; compare toJSON() of both");
        return;
    }
    if (order && (left->kind == N_NULL || right->kind == N_NULL)) {
        lint_expr_at(x, &rule_comparison_type, n, "null has no order: it counts as 0 here");
        return;
    }
    if (order && (a->kind == LT_BOOL) != (b->kind == LT_BOOL) && a->kind != LT_ANY &&
        b->kind != LT_ANY) {
        lint_expr_at(x, &rule_comparison_type, n,
                     "a boolean has no order: it counts as 0 or 1 beside %s",
                     lt_name(a->kind == LT_BOOL ? b : a));
        return;
    }
    const struct node *literal = never_equal(a, right) ? right : never_equal(b, left) ? left : NULL;
    if (literal != NULL)
        lint_expr_at(x, &rule_comparison_type, n, "%s is never equal to the text '" SV_FMT "'%s",
                     lt_name(literal == right ? a : b), SV_ARG(literal->text),
                     sv_ieq(literal->text, SV("true")) || sv_ieq(literal->text, SV("false"))
                         ? "; write it without quotes"
                         : "");
}

/* ---- the tree ---- */

static const struct lt *choose(const struct lt *a, const struct lt *b)
{
    if (b == NULL)
        return &lt_any;
    return a == NULL || a == b || (a->kind == b->kind && !lt_is_container(a)) ? b : &lt_any;
}

/* The types of the operands of &&: joined, and of the last alone. */
static const struct lt *and_type(const struct lint_expr *x, const struct node *n,
                                 const struct lt **last)
{
    const struct lt *t = NULL;

    for (const struct node *c = n->first; c != NULL; c = c->next) {
        *last = lint_type_of(x, c);
        t = choose(t, *last);
    }
    return t;
}

/* || gives its first truthy operand, or its last: of `a && 'x'` in front only 'x' comes out. */
static const struct lt *or_type(const struct lint_expr *x, const struct node *n)
{
    const struct lt *t = NULL;

    for (const struct node *c = n->first; c != NULL; c = c->next) {
        const struct lt *last = NULL, *whole;
        if (c->kind == N_AND)
            whole = and_type(x, c, &last);
        else
            whole = last = lint_type_of(x, c);
        t = choose(t, c->next != NULL ? last : whole);
    }
    return t;
}

const struct lt *lint_type_of(const struct lint_expr *x, const struct node *n)
{
    switch ((enum node_kind)n->kind) {
    case N_NULL:
        return &lt_null;
    case N_BOOL:
        return &lt_bool;
    case N_NUMBER:
        return &lt_number;
    case N_STRING:
        return &lt_string;
    case N_NAME:
        if (!lint_is_available(x->site, n->text))
            return &lt_any;
        return lint_context(x->l, x->site->job, n->text);
    case N_CALL:
        return lint_call(x, n);
    case N_INDEX:
        return index_type(x, n);
    case N_NOT:
        (void)lint_type_of(x, n->first);
        return &lt_bool;
    case N_GT:
    case N_GE:
    case N_LT:
    case N_LE:
    case N_EQ:
    case N_NE: {
        const struct lt *a = lint_type_of(x, n->first), *b = lint_type_of(x, n->last);
        check_comparison(x, n, a, b);
        return &lt_bool;
    }
    case N_AND: {
        const struct lt *last = NULL;
        return and_type(x, n, &last);
    }
    case N_OR:
        return or_type(x, n);
    case N_WILDCARD:
    case N_OPEN_GROUP:
    case N_OPEN_INDEX:
    case N_OPEN_PARAMS:
        break;
    }
    return &lt_any;
}
