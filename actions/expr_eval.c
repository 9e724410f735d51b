/* SPDX-License-Identifier: Apache-2.0
 *
 * The evaluator (spec expressions 1.6 to 1.8, 1.12): operators, look-ups, comparison and memory accounting. Results are lent from the contexts or the tree where that is possible, so that
 * a usual condition allocates nothing. The recursion follows the tree, which is at most EXPR_MAX_DEPTH deep.
 * Source: actions/runner 258d6c8: src/Sdk/Expressions/Sdk/ExpressionNode.cs, EvaluationMemory.cs,
 * EvaluationResult.cs, Operators/Index.cs. */
#include "actions/expr.h"

#include <math.h>
#include <stdlib.h>

#include "actions/expr_priv.h"
#include "actions/fold.h"
#include "base/mem.h"

#define DEFAULT_MEMORY ((size_t)10 << 20) /* TemplateEvaluator's MaxBytes */
#define OBJECT_BYTES   ((size_t)24)       /* EvaluationMemory.cs: any object */
#define TEXT_MAX       ((size_t)64 << 20) /* messages and trace lines */

/* ---- results ---- */

bool res_truthy(const struct res *r)
{
    switch (r->kind) {
    case VAL_NULL:
        return false;
    case VAL_BOOL:
        return r->b;
    case VAL_NUMBER:
        return fpclassify(r->num) != FP_ZERO && !isnan(r->num);
    case VAL_STRING:
        return r->s.n > 0;
    case VAL_ARRAY:
    case VAL_OBJECT:
        return true;
    }
    return true;
}

double res_number(const struct res *r)
{
    switch (r->kind) {
    case VAL_NULL:
        return 0;
    case VAL_BOOL:
        return r->b ? 1 : 0;
    case VAL_NUMBER:
        return r->num;
    case VAL_STRING:
        return val_parse_number(r->s);
    case VAL_ARRAY:
    case VAL_OBJECT:
        return NAN;
    }
    return NAN;
}

struct sv res_text(const struct res *r, char tmp[32])
{
    switch (r->kind) {
    case VAL_NULL:
        return SV("");
    case VAL_BOOL:
        return r->b ? SV("true") : SV("false");
    case VAL_NUMBER:
        return (struct sv){tmp, val_number_text(r->num, tmp)};
    case VAL_STRING:
        return r->s;
    case VAL_ARRAY:
        return SV("Array");
    case VAL_OBJECT:
        return SV("Object");
    }
    return SV("");
}

struct val *res_to_val(struct res *r)
{
    if (r->v != NULL && r->own) {
        r->own = false;
        return r->v;
    }
    if (r->v != NULL)
        return val_ref(r->v);
    switch (r->kind) {
    case VAL_BOOL:
        return val_bool(r->b);
    case VAL_NUMBER:
        return val_number(r->num);
    case VAL_STRING:
        return val_string(r->s);
    case VAL_NULL:
    case VAL_ARRAY:
    case VAL_OBJECT:
        break;
    }
    return val_null();
}

/* ---- comparison (1.7) ---- */

/* Whether the two kinds meet as numbers: both scalar, and not the same kind. */
static bool meet_as_numbers(const struct res *a, const struct res *b)
{
    return a->kind != b->kind && res_is_primitive(a) && res_is_primitive(b);
}

static bool equal_numbers(double a, double b)
{
    return a >= b && a <= b; /* false with NaN; -Wfloat-equal */
}

bool res_equal(const struct res *a, const struct res *b)
{
    if (meet_as_numbers(a, b))
        return equal_numbers(res_number(a), res_number(b));
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case VAL_NULL:
        return true;
    case VAL_BOOL:
        return a->b == b->b;
    case VAL_NUMBER:
        return equal_numbers(a->num, b->num);
    case VAL_STRING:
        return fold_eq(a->s, b->s);
    case VAL_ARRAY:
    case VAL_OBJECT:
        return a->v == b->v; /* the same instance */
    }
    return false;
}

static bool res_less(const struct res *a, const struct res *b)
{
    if (meet_as_numbers(a, b))
        return res_number(a) < res_number(b);
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case VAL_BOOL:
        return !a->b && b->b;
    case VAL_NUMBER:
        return a->num < b->num;
    case VAL_STRING:
        return fold_cmp(a->s, b->s) < 0;
    case VAL_NULL:
    case VAL_ARRAY:
    case VAL_OBJECT:
        return false;
    }
    return false;
}

/* ---- errors and memory ---- */

int expr_fail(struct eval *ev, enum fail code, const char *fmt, ...)
{
    AUTO(buf_free) struct buf b = BUF_INIT(TEXT_MAX);
    va_list ap;

    va_start(ap, fmt);
    buf_addvf(&b, fmt, ap);
    va_end(ap);
    ev->xe->kind = EXPR_EVALUATION;
    ev->xe->has_pos = false;
    ev->xe->pos = 0;
    if (ev->xe->text != NULL)
        buf_addsv(ev->xe->text, buf_sv(&b));
    (void)err_set(ev->e, code, "%.*s", (int)(b.len > 1000 ? 1000 : b.len), b.p);
    return -1;
}

int expr_fail_memory(struct eval *ev, const struct node *n)
{
    AUTO(buf_free) struct buf b = BUF_INIT(TEXT_MAX);

    expr_print(n, NULL, &b);
    return expr_fail(
        ev, FAIL_LIMIT,
        "The maximum allowed memory size was exceeded while evaluating the following expression: %s",
        b.p);
}

/* Adds bytes for a level and fails when the limit is passed. trim: deeper levels are done with. */
static int account(struct eval *ev, unsigned level, size_t bytes, bool trim)
{
    for (; trim && ev->deepest > level; ev->deepest--)
        ev->total -= ev->at_depth[ev->deepest];
    while (level > ev->deepest)
        ev->at_depth[++ev->deepest] = 0;
    if (bytes > ev->max_memory || ev->total > ev->max_memory - bytes)
        return expr_fail_memory(ev, ev->x->root);
    ev->at_depth[level] += bytes;
    ev->total += bytes;
    return 0;
}

static size_t bytes_of(const struct res *r)
{
    if (r->kind != VAL_STRING)
        return OBJECT_BYTES;
    return VAL_STRING_BYTES + 2 * (r->v != NULL ? r->v->str.utf16 : utf8_utf16_len(r->s));
}

/* No less than what eval_by_rules() accounts for a result: a UTF-16 unit takes a byte or more. */
static inline size_t most_bytes_of_text(struct sv s)
{
    return OBJECT_BYTES + VAL_STRING_BYTES + 2 * s.n;
}

static inline size_t most_bytes_of(const struct res *r)
{
    if (r->kind == VAL_STRING)
        return most_bytes_of_text(r->s);
    if (r->kind == VAL_ARRAY && r->own && r->v->flag)
        return OBJECT_BYTES + sizeof(void *) * r->v->arr.n;
    return 2 * OBJECT_BYTES;
}

/* ---- operators ---- */

NOINLINE static int eval_compare(struct eval *ev, const struct node *n, unsigned level,
                                 struct res *out)
{
    UNINIT struct res a, b;
    bool r;

    if (expr_eval_node(ev, n->first, level + 1, &a) < 0)
        return -1;
    if (expr_eval_node(ev, n->last, level + 1, &b) < 0) {
        res_done(&a);
        return -1;
    }
    if (n->kind == N_EQ || n->kind == N_NE)
        r = res_equal(&a, &b) == (n->kind == N_EQ);
    else if (n->kind == N_LT || n->kind == N_LE)
        r = (n->kind == N_LE && res_equal(&a, &b)) || res_less(&a, &b);
    else
        r = (n->kind == N_GE && res_equal(&a, &b)) || res_less(&b, &a);
    res_done(&a);
    res_done(&b);
    res_set_bool(out, r);
    return 0;
}

NOINLINE static int eval_logic(struct eval *ev, const struct node *n, unsigned level,
                               struct res *out)
{
    for (const struct node *c = n->first;; c = c->next) {
        if (expr_eval_node(ev, c, level + 1, out) < 0)
            return -1;
        if (c->next == NULL || res_truthy(out) == (n->kind == N_OR)) {
            out->raw = false; /* the reference hands the plain value on */
            return 0;
        }
        res_done(out);
    }
}

/* The key of a look-up, converted once: to text at first, to a number when an array is met. */
struct index {
    const struct res *key;
    bool has_text;
    bool has_position, read; /* read: has_position and position are known */
    struct sv text;
    uint64_t hash;
    size_t position;
    char tmp[32];
};

static void index_init(struct index *ix, const struct node *n, const struct res *key)
{
    ix->key = key;
    ix->has_text = res_is_primitive(key);
    ix->read = false;
    if (ix->has_text) {
        ix->text = res_text(key, ix->tmp);
        ix->hash = n->kind == N_STRING ? n->hash : val_key_hash(ix->text);
    }
}

static struct val *item_at(const struct val *arr, struct index *ix)
{
    if (!ix->read) {
        double d = floor(res_number(ix->key));
        ix->read = true;
        ix->has_position = d >= 0 && d <= 2147483647.0;
        ix->position = ix->has_position ? (size_t)d : 0;
    }
    return ix->has_position && ix->position < arr->arr.n ? arr->arr.v[ix->position] : NULL;
}

/* What the key finds in a value, or NULL. */
static struct val *find_in(const struct val *v, struct index *ix)
{
    if (v->kind == VAL_OBJECT)
        return ix->has_text ? val_get_hashed(v, ix->text, ix->hash) : NULL;
    return v->kind == VAL_ARRAY ? item_at(v, ix) : NULL;
}

/* Applies the key to every element; what has no such member is left out. An array that nobody else holds is
 * worked on in place. */
static void key_filtered(struct res *left, struct index *ix, struct res *out)
{
    struct val *from = left->v, *to = from;
    size_t n = 0;

    if (!left->own || from->refs != 1)
        to = val_filtered(from->arr.n);
    for (size_t i = 0; i < from->arr.n; i++) {
        struct val *item = from->arr.v[i], *hit = find_in(item, ix);
        if (hit != NULL)
            to->arr.v[n++] = val_keep(hit);
        if (to == from)
            val_drop(item);
    }
    to->arr.n = n;
    if (to == from)
        left->own = false;
    res_set_own(out, to);
}

static void add_members(struct val *to, const struct val *v)
{
    size_t n = val_count(v);

    for (size_t i = 0; i < n; i++)
        to->arr.v[to->arr.n++] = val_keep(v->kind == VAL_ARRAY ? v->arr.v[i] : v->obj.m[i].value);
}

/* All members of a container, or of the elements of a filtered array. */
static void all_members(const struct res *left, struct res *out)
{
    const struct val *v = left->v;
    bool filtered = v->kind == VAL_ARRAY && v->flag;
    size_t room = filtered ? 0 : val_count(v);

    for (size_t i = 0; filtered && i < v->arr.n; i++)
        room += val_count(v->arr.v[i]);
    struct val *to = val_filtered(room);
    if (!filtered)
        add_members(to, v);
    else
        for (size_t i = 0; i < v->arr.n; i++)
            add_members(to, v->arr.v[i]);
    res_set_own(out, to);
}

/* The member of a container that the left side is, lent or, when nobody else holds the container, kept. */
static void member(const struct res *left, struct val *hit, struct res *out)
{
    if (hit == NULL) {
        res_set_null(out);
        return;
    }
    res_set_lent(out, left->own ? val_ref(hit) : hit);
    out->own = left->own;
}

NOINLINE static int eval_index(struct eval *ev, const struct node *n, unsigned level,
                               struct res *out)
{
    const struct node *key = n->last;
    UNINIT struct res left, right;
    UNINIT struct index ix;

    if (expr_eval_node(ev, n->first, level + 1, &left) < 0)
        return -1;
    if (res_is_primitive(&left)) { /* the index is not even evaluated */
        res_done(&left);
        if (key->kind == N_WILDCARD)
            res_set_own(out, val_filtered(0));
        else
            res_set_null(out);
        return 0;
    }
    if (left.kind == VAL_OBJECT && key->kind == N_STRING && !ev->by_rules) { /* nearly always */
        ev->total += most_bytes_of_text(key->text);
        member(&left, val_get_hashed(left.v, key->text, key->hash), out);
        res_done(&left);
        return 0;
    }
    if (expr_eval_node(ev, key, level + 1, &right) < 0) {
        res_done(&left);
        return -1;
    }
    if (key->kind == N_WILDCARD) {
        all_members(&left, out);
    } else {
        index_init(&ix, key, &right);
        if (left.kind == VAL_ARRAY && left.v->flag)
            key_filtered(&left, &ix, out);
        else
            member(&left, find_in(left.v, &ix), out);
    }
    res_done(&right);
    res_done(&left);
    return 0;
}

static int eval_name(struct eval *ev, const struct node *n, struct res *out)
{
    struct val *v = ev->env->context != NULL ? ev->env->context(ev->env->ctx, n->text) : NULL;

    if (v == NULL) {
        (void)expr_fail(ev, FAIL_INPUT, "Unrecognized named-value: '%.*s'", SV_ARG(n->text));
        return -1;
    }
    res_set_lent(out, v);
    return 0;
}

NOINLINE static int eval_not(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    UNINIT struct res r;

    if (expr_eval_node(ev, n->first, level + 1, &r) < 0)
        return -1;
    res_set_bool(out, !res_truthy(&r));
    res_done(&r);
    return 0;
}

/* Half of the nodes are leaves. */
static inline bool eval_leaf(const struct node *n, struct res *out)
{
    switch ((enum node_kind)n->kind) {
    case N_STRING:
        res_set_text(out, n->text);
        return true;
    case N_NAME:
        if (n->lent == NULL)
            return false;
        res_set_lent(out, n->lent);
        return true;
    case N_NUMBER:
        res_set(out, VAL_NUMBER, NULL);
        out->num = n->num;
        return true;
    case N_BOOL:
        res_set_bool(out, n->b);
        return true;
    case N_NULL:
        res_set_null(out);
        return true;
    case N_WILDCARD:
        res_set_text(out, SV("*"));
        return true;
    case N_CALL:
    case N_INDEX:
    case N_NOT:
    case N_GT:
    case N_GE:
    case N_LT:
    case N_LE:
    case N_EQ:
    case N_NE:
    case N_AND:
    case N_OR:
    case N_OPEN_GROUP:
    case N_OPEN_INDEX:
    case N_OPEN_PARAMS:
        break;
    }
    return false;
}

static inline int eval_core(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    if (eval_leaf(n, out))
        return 0;
    switch ((enum node_kind)n->kind) {
    case N_INDEX:
        return eval_index(ev, n, level, out);
    case N_CALL:
        return expr_call(ev, n, level, out);
    case N_GT:
    case N_GE:
    case N_LT:
    case N_LE:
    case N_EQ:
    case N_NE:
        return eval_compare(ev, n, level, out);
    case N_AND:
    case N_OR:
        return eval_logic(ev, n, level, out);
    case N_NOT:
        return eval_not(ev, n, level, out);
    case N_NAME:
        return eval_name(ev, n, out);
    case N_NULL:
    case N_BOOL:
    case N_NUMBER:
    case N_STRING:
    case N_WILDCARD:
    case N_OPEN_GROUP:
    case N_OPEN_INDEX:
    case N_OPEN_PARAMS:
        break;
    }
    BUG(true);
}

/* By the rules of the reference, and with the trace. */
NOINLINE static int eval_by_rules(struct eval *ev, const struct node *n, unsigned level,
                                  struct res *out)
{
    if (ev->env->trace != NULL)
        expr_trace_enter(ev, n, level);
    if (eval_core(ev, n, level, out) < 0)
        return -1;
    size_t bytes = bytes_of(out);
    bool scalar = res_is_primitive(out), trim = scalar && !out->raw;
    if (scalar && out->raw)
        bytes += OBJECT_BYTES; /* the context's object, and the value made from it */
    else if (out->kind == VAL_ARRAY && out->own && out->v->flag)
        bytes = OBJECT_BYTES + sizeof(void *) * out->v->arr.n;
    if (account(ev, level, bytes, trim) < 0) {
        res_done(out);
        return -1;
    }
    if (ev->env->trace != NULL)
        expr_trace_leave(ev, n, level, out);
    return 0;
}

int expr_eval_node(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    if (ev->by_rules)
        return eval_by_rules(ev, n, level, out);
    if (eval_core(ev, n, level, out) < 0)
        return -1;
    ev->total += most_bytes_of(out);
    if (ev->total <= ev->max_memory)
        return 0;
    ev->again = true;
    res_done(out);
    return -1;
}

/* ---- entry points ---- */

int expr_eval(const struct expr *x, const struct expr_env *env, struct val **out,
              struct expr_error *xe, struct err *e)
{
    UNINIT struct eval ev; /* at_depth is large and filled as levels are reached */
    UNINIT struct res r;

    if (x->root == NULL) {
        *out = val_null();
        return 0;
    }
    ev.x = x;
    ev.env = env;
    ev.xe = xe;
    ev.e = e;
    ev.max_memory = env->max_memory > 0 ? env->max_memory : DEFAULT_MEMORY;
    ev.by_rules = env->trace != NULL;
    ev.again = false;
    ev.total = 0;
    ev.deepest = 0;
    ev.at_depth[0] = 0;
    ev.expanded = NULL;
    ev.expanded_bytes = 0;
    int rc = env->trace != NULL ? expr_eval_traced(&ev, &r) : expr_eval_node(&ev, x->root, 0, &r);
    if (rc < 0 && ev.again) {
        ev.by_rules = true;
        ev.total = 0;
        rc = expr_eval_node(&ev, x->root, 0, &r);
    }
    if (rc < 0)
        return -1;
    *out = res_to_val(&r);
    return 0;
}

int expr_eval_text(struct sv text, const struct expr_env *env, struct val **out,
                   struct expr_error *xe, struct err *e)
{
    UNINIT struct expr_room room;
    AUTO(auto_expr) struct expr *x = NULL;

    if (expr_parse_with(text, NULL, env, &room, &x, xe, e) < 0)
        return -1;
    return expr_eval(x, env, out, xe, e);
}
