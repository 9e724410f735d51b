/* SPDX-License-Identifier: Apache-2.0
 *
 * The evaluator (spec expressions 1.6 to 1.8, 1.12): operators, look-ups, comparison and memory accounting. A result is a
 * value and whose it is, which fits two registers; most are lent from the contexts or the tree, so that a usual
 * condition allocates nothing. The recursion follows the tree, which is at most EXPR_MAX_DEPTH deep.
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

struct val *res_to_val(struct res r)
{
    if ((r.how & RES_OWN) != 0)
        return r.v;
    if ((r.how & RES_IN_TREE) == 0)
        return val_ref(r.v);
    return r.v->kind == VAL_NUMBER ? val_number(r.v->num) : val_string(r.v->str.s);
}

/* ---- comparison (1.7) ---- */

/* Whether the two kinds meet as numbers: both scalar, and not the same kind. */
static bool meet_as_numbers(const struct val *a, const struct val *b)
{
    return a->kind != b->kind && val_is_scalar(a) && val_is_scalar(b);
}

static bool equal_numbers(double a, double b)
{
    return a >= b && a <= b; /* false with NaN; -Wfloat-equal */
}

bool expr_equal(const struct val *a, const struct val *b)
{
    if (meet_as_numbers(a, b))
        return equal_numbers(val_to_number(a), val_to_number(b));
    if (a->kind != b->kind)
        return false;
    switch ((enum val_kind)a->kind) {
    case VAL_NULL:
        return true;
    case VAL_BOOL:
        return a->flag == b->flag;
    case VAL_NUMBER:
        return equal_numbers(a->num, b->num);
    case VAL_STRING:
        return fold_eq(a->str.s, b->str.s);
    case VAL_ARRAY:
    case VAL_OBJECT:
        return a == b; /* the same instance */
    }
    return false;
}

static bool less(const struct val *a, const struct val *b)
{
    if (meet_as_numbers(a, b))
        return val_to_number(a) < val_to_number(b);
    if (a->kind != b->kind)
        return false;
    switch ((enum val_kind)a->kind) {
    case VAL_BOOL:
        return !a->flag && b->flag;
    case VAL_NUMBER:
        return a->num < b->num;
    case VAL_STRING:
        return fold_cmp(a->str.s, b->str.s) < 0;
    case VAL_NULL:
    case VAL_ARRAY:
    case VAL_OBJECT:
        return false;
    }
    return false;
}

/* ---- errors and memory ---- */

struct res expr_fail(struct eval *ev, enum fail code, const char *fmt, ...)
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
    (void)err_set(ev->e, code, "%.*s", (int)(b.len < ERR_MAX_TEXT ? b.len : ERR_MAX_TEXT), b.p);
    return RES_FAILED;
}

struct res expr_fail_memory(struct eval *ev, const struct node *n)
{
    AUTO(buf_free) struct buf b = BUF_INIT(TEXT_MAX);

    expr_print(n, NULL, &b);
    return expr_fail(
        ev, FAIL_LIMIT,
        "The maximum allowed memory size was exceeded while evaluating the following expression: %s",
        b.p);
}

/* Adds bytes for a level; false: the limit is passed. trim: deeper levels are done with. */
static bool account(struct eval *ev, unsigned level, size_t bytes, bool trim)
{
    for (; trim && ev->deepest > level; ev->deepest--)
        ev->total -= ev->at_depth[ev->deepest];
    while (level > ev->deepest)
        ev->at_depth[++ev->deepest] = 0;
    if (bytes > ev->max_memory || ev->total > ev->max_memory - bytes)
        return false;
    ev->at_depth[level] += bytes;
    ev->total += bytes;
    return true;
}

/* Accounts for a result by the rules. */
static size_t bytes_of(struct res r)
{
    size_t raw = (r.how & RES_RAW) != 0 ? OBJECT_BYTES
                                        : 0; /* the context's object, and the value made from it */

    if (r.v->kind == VAL_STRING)
        return raw + VAL_STRING_BYTES + 2 * val_units(r.v);
    if (r.v->kind == VAL_ARRAY && (r.how & RES_OWN) != 0 && r.v->flag)
        return OBJECT_BYTES + sizeof(void *) * r.v->arr.n;
    return val_is_scalar(r.v) ? raw + OBJECT_BYTES : OBJECT_BYTES;
}

/* The most that the rules account for a tree, without the text of strings and the items of filtered arrays that are
 * not literals: no byte of its text makes more than one node, and no node is evaluated twice. */
static size_t fixed_bytes(const struct expr *x)
{
    return x->text.n * (2 * OBJECT_BYTES + VAL_STRING_BYTES + 2);
}

struct res expr_over(struct eval *ev, struct res r)
{
    ev->again = true;
    res_done(r);
    return RES_FAILED;
}

/* ---- operators ---- */

NOINLINE static struct res eval_compare(struct eval *ev, const struct node *n, unsigned level)
{
    struct res a = expr_eval_node(ev, n->first, level + 1);
    bool r;

    if (a.v == NULL)
        return a;
    struct res b = expr_eval_node(ev, n->last, level + 1);
    if (b.v == NULL) {
        res_done(a);
        return b;
    }
    if (n->kind == N_EQ || n->kind == N_NE)
        r = expr_equal(a.v, b.v) == (n->kind == N_EQ);
    else if (n->kind == N_LT || n->kind == N_LE)
        r = (n->kind == N_LE && expr_equal(a.v, b.v)) || less(a.v, b.v);
    else
        r = (n->kind == N_GE && expr_equal(a.v, b.v)) || less(b.v, a.v);
    res_done(a);
    res_done(b);
    return res_bool(r);
}

NOINLINE static struct res eval_logic(struct eval *ev, const struct node *n, unsigned level)
{
    for (const struct node *c = n->first;; c = c->next) {
        struct res r = expr_eval_node(ev, c, level + 1);
        if (r.v == NULL)
            return r;
        if (c->next == NULL || val_is_true(r.v) == (n->kind == N_OR)) {
            r.how &= ~(unsigned)RES_RAW; /* the reference hands the plain value on */
            return expr_counted(ev, r);
        }
        res_done(r);
    }
}

/* The key of a look-up, converted once: to text at first, to a number when an array is met. */
struct index {
    const struct val *key;
    bool has_text;
    bool has_position, read; /* read: has_position and position are known */
    struct sv text;
    uint64_t hash;
    size_t position;
    char tmp[32];
};

static void index_init(struct index *ix, const struct node *n, const struct val *key)
{
    ix->key = key;
    ix->has_text = val_is_scalar(key);
    ix->read = false;
    if (ix->has_text) {
        ix->text = val_lend_text(key, ix->tmp);
        ix->hash = n->kind == N_STRING ? n->hash : val_key_hash(ix->text);
    }
}

static struct val *item_at(const struct val *arr, struct index *ix)
{
    if (!ix->read) {
        double d = floor(val_to_number(ix->key));
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
static struct res key_filtered(struct res left, struct index *ix)
{
    struct val *from = left.v, *to = from;
    size_t n = 0;

    if ((left.how & RES_OWN) == 0 || from->refs != 1)
        to = val_filtered(from->arr.n);
    for (size_t i = 0; i < from->arr.n; i++) {
        struct val *item = from->arr.v[i], *hit = find_in(item, ix);
        if (hit != NULL)
            to->arr.v[n++] = val_keep(hit);
        if (to == from)
            val_drop(item);
    }
    to->arr.n = n;
    if (to != from)
        res_done(left);
    return res_own(to);
}

static void add_members(struct val *to, const struct val *v)
{
    size_t n = val_count(v);

    for (size_t i = 0; i < n; i++)
        to->arr.v[to->arr.n++] = val_keep(v->kind == VAL_ARRAY ? v->arr.v[i] : v->obj.m[i].value);
}

/* All members of a container, or of the elements of a filtered array. */
static struct res all_members(struct res left)
{
    const struct val *v = left.v;
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
    res_done(left);
    return res_own(to);
}

/* The member of a container that the left side is, lent or, when nobody else holds the container, kept. */
static inline struct res member(struct res left, struct val *hit)
{
    struct res r = hit != NULL ? (struct res){hit, RES_RAW} : res_lent(&val_nothing);

    if ((left.how & RES_OWN) != 0) {
        (void)val_ref(r.v);
        r.how |= RES_OWN;
        val_drop(left.v);
    }
    return r;
}

/* left[key] with a key that must be evaluated, or in an array. */
NOINLINE static struct res index_any(struct eval *ev, const struct node *key, unsigned level,
                                     struct res left)
{
    struct res right = expr_eval_node(ev, key, level + 1), r;
    UNINIT struct index ix;

    if (right.v == NULL) {
        res_done(left);
        return right;
    }
    if (key->kind == N_WILDCARD) {
        r = all_members(left);
    } else {
        index_init(&ix, key, right.v);
        if (left.v->kind == VAL_ARRAY && left.v->flag)
            r = key_filtered(left, &ix);
        else
            r = member(left, find_in(left.v, &ix));
    }
    res_done(right);
    return expr_counted(ev, r);
}

static struct res eval_index(struct eval *ev, const struct node *n, unsigned level)
{
    const struct node *key = n->last;
    struct res left = expr_eval_node(ev, n->first, level + 1);

    if (left.v == NULL)
        return left;
    if (left.v->kind == VAL_OBJECT && key->kind == N_STRING && !ev->by_rules) /* nearly always */
        return expr_counted(ev, member(left, val_get_hashed(left.v, key->text, key->hash)));
    if (!val_is_scalar(left.v))
        return index_any(ev, key, level, left);
    res_done(left); /* the index is not even evaluated */
    return key->kind == N_WILDCARD ? res_own(val_filtered(0)) : res_lent(&val_nothing);
}

static struct res eval_name(struct eval *ev, const struct node *n)
{
    struct val *v = ev->env->context != NULL ? ev->env->context(ev->env->ctx, n->text) : NULL;

    if (v == NULL)
        return expr_fail(ev, FAIL_INPUT, "Unrecognized named-value: '%.*s'", SV_ARG(n->text));
    return expr_counted(ev, (struct res){v, RES_RAW});
}

static struct res eval_not(struct eval *ev, const struct node *n, unsigned level)
{
    struct res r = expr_eval_node(ev, n->first, level + 1);

    if (r.v == NULL)
        return r;
    bool yes = val_is_true(r.v);
    res_done(r);
    return res_bool(!yes);
}

static inline struct res eval_core(struct eval *ev, const struct node *n, unsigned level)
{
    switch ((enum node_kind)n->kind) {
    case N_INDEX:
        return eval_index(ev, n, level);
    case N_CALL:
        return expr_call(ev, n, level);
    case N_GT:
    case N_GE:
    case N_LT:
    case N_LE:
    case N_EQ:
    case N_NE:
        return eval_compare(ev, n, level);
    case N_AND:
    case N_OR:
        return eval_logic(ev, n, level);
    case N_NOT:
        return eval_not(ev, n, level);
    case N_NAME:
        return eval_name(ev, n);
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
NOINLINE static struct res eval_by_rules(struct eval *ev, const struct node *n, unsigned level)
{
    if (ev->env->trace != NULL)
        expr_trace_enter(ev, n, level);
    struct res r = n->v != NULL ? res_of_leaf(n) : eval_core(ev, n, level);
    if (r.v == NULL)
        return r;
    bool trim = val_is_scalar(r.v) && (r.how & RES_RAW) == 0;
    if (!account(ev, level, bytes_of(r), trim)) {
        res_done(r);
        return expr_fail_memory(ev, ev->x->root);
    }
    if (ev->env->trace != NULL)
        expr_trace_leave(ev, n, level, r.v);
    return r;
}

struct res expr_eval_any(struct eval *ev, const struct node *n, unsigned level)
{
    if (ev->by_rules)
        return eval_by_rules(ev, n, level);
    return eval_core(ev, n, level);
}

/* ---- entry points ---- */

/* Again from the start, by the rules: the sum has passed the limit, what is accounted may not. */
static NOINLINE struct res evaluate_by_rules(struct eval *ev)
{
    ev->by_rules = true;
    ev->max_sum = SIZE_MAX;
    ev->total = 0;
    ev->deepest = 0;
    ev->at_depth[0] = 0;
    if (ev->env->trace != NULL)
        return expr_eval_traced(ev);
    return expr_eval_node(ev, ev->x->root, 0);
}

int expr_eval(const struct expr *x, const struct expr_env *env, struct val **out,
              struct expr_error *xe, struct err *e)
{
    UNINIT struct eval ev; /* at_depth is large and filled as levels are reached */
    struct res r = RES_FAILED;

    if (x->root == NULL) {
        *out = val_null();
        return 0;
    }
    ev.x = x;
    ev.env = env;
    ev.xe = xe;
    ev.e = e;
    ev.max_memory = env->max_memory > 0 ? env->max_memory : DEFAULT_MEMORY;
    ev.by_rules = false;
    ev.sum = fixed_bytes(x);
    ev.max_sum = ev.max_memory;
    ev.again = env->trace != NULL || ev.sum > ev.max_sum;
    if (!ev.again)
        r = expr_eval_node(&ev, x->root, 0);
    if (ev.again)
        r = evaluate_by_rules(&ev);
    if (r.v == NULL)
        return -1;
    *out = res_to_val(r);
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
