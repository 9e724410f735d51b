/* SPDX-License-Identifier: Apache-2.0
 *
 * The evaluator (spec expressions 1.6 to 1.8, 1.12): operators, look-ups, comparison, memory accounting and
 * the step-debug trace (1.13). Results are lent from the contexts or the tree where that is possible, so that
 * a usual condition allocates nothing. The recursion follows the tree, which is at most EXPR_MAX_DEPTH deep.
 * Source: actions/runner 258d6c8: src/Sdk/Expressions/Sdk/ExpressionNode.cs, EvaluationMemory.cs,
 * EvaluationResult.cs, Operators/Index.cs. */
#include "actions/expr.h"

#include <math.h>
#include <stdlib.h>

#include "actions/expr_priv.h"
#include "actions/fold.h"
#include "base/mem.h"

#define DEFAULT_MEMORY  ((size_t)10 << 20) /* TemplateEvaluator's MaxBytes */
#define EXPANDED_MEMORY ((size_t)1 << 20)  /* EvaluationContext's MaxCacheMemory */
#define OBJECT_BYTES    24U                /* EvaluationMemory.cs: any object */
#define STRING_BYTES    26U                /* overhead of a string, besides 2 bytes a unit */
#define TEXT_MAX        ((size_t)64 << 20) /* messages and trace lines */

/* ---- results ---- */

void res_done(struct res *r)
{
    if (r->own)
        val_unref(r->v);
    r->own = false;
}

struct res res_bool(bool b)
{
    return (struct res){.kind = VAL_BOOL, .b = b};
}

struct res res_lent(struct val *v)
{
    struct res r = {.kind = (enum val_kind)v->kind, .v = v, .raw = true};

    if (v->kind == VAL_STRING)
        r.s = val_sv(v);
    else if (v->kind == VAL_NUMBER)
        r.num = v->num;
    else if (v->kind == VAL_BOOL)
        r.b = v->flag;
    return r;
}

struct res res_own(struct val *own_v)
{
    struct res r = res_lent(own_v);

    r.own = true;
    r.raw = false;
    return r;
}

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

static struct val *res_to_val(struct res *r)
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
    return err_set(ev->e, code, "%.*s", (int)(b.len > 1000 ? 1000 : b.len), b.p);
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

int expr_account(struct eval *ev, unsigned level, size_t bytes, bool trim)
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
    return STRING_BYTES + 2 * (r->v != NULL ? r->v->str.utf16 : utf8_utf16_len(r->s));
}

/* ---- trace ---- */

static void trace(const struct eval *ev, unsigned level, const char *head, struct sv tail)
{
    AUTO(buf_free) struct buf b = BUF_INIT(TEXT_MAX);

    for (unsigned i = 0; i < level; i++)
        buf_add(&b, "..", 2);
    buf_adds(&b, head);
    buf_addsv(&b, tail);
    ev->env->trace(ev->env->ctx, buf_sv(&b));
}

static void trace_enter(const struct eval *ev, const struct node *n, unsigned level)
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

static void trace_leave(struct eval *ev, const struct node *n, unsigned level, const struct res *r)
{
    AUTO(buf_free) struct buf b = BUF_INIT(TEXT_MAX);

    expr_print_value(ev->env, r, &b);
    trace(ev, level, "=> ", buf_sv(&b));
    size_t bytes = STRING_BYTES + 2 * utf8_utf16_len(buf_sv(&b));
    if (!stands_for_itself(n) || bytes > EXPANDED_MEMORY - ev->expanded_bytes || b.over)
        return;
    ev->expanded_bytes += bytes;
    free(ev->expanded[n->id]);
    ev->expanded[n->id] = buf_take(&b, NULL);
}

static void trace_result(const struct eval *ev, struct sv original, const struct res *r)
{
    AUTO(buf_free) struct buf expanded = BUF_INIT(TEXT_MAX), value = BUF_INIT(TEXT_MAX);

    expr_print(ev->x->root, ev->expanded, &expanded);
    expr_print_value(ev->env, r, &value);
    struct sv text = buf_sv(&expanded), v = buf_sv(&value);
    bool same = sv_eq(text, original) || sv_eq(text, v);
    /* A number beside the same number as a string says nothing. */
    if (r->kind == VAL_NUMBER && text.n == v.n + 2 && text.p[0] == '\'' &&
        sv_eq(sv_sub(text, 1, v.n), v))
        same = true;
    if (!same)
        trace(ev, 0, "Expanded: ", text);
    trace(ev, 0, "Result: ", v);
}

/* ---- operators ---- */

static int eval_compare(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    struct res a, b;
    bool r = false;

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
    *out = res_bool(r);
    return 0;
}

static int eval_logic(struct eval *ev, const struct node *n, unsigned level, struct res *out)
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

/* The index of a look-up, converted once. */
struct index {
    bool wildcard;
    bool has_text;
    struct sv text;
    uint64_t hash;
    bool has_position;
    size_t position;
    char tmp[32];
};

static void index_init(struct index *ix, const struct node *n, const struct res *r)
{
    *ix = (struct index){.wildcard = n->kind == N_WILDCARD};
    if (ix->wildcard)
        return;
    if (res_is_primitive(r)) {
        ix->has_text = true;
        ix->text = res_text(r, ix->tmp);
        ix->hash = n->kind == N_STRING && n->hash != 0 ? n->hash : val_key_hash(ix->text);
    }
}

/* Only arrays need the number: most indexes are names. */
static void index_number(struct index *ix, const struct res *r)
{
    double d = floor(res_number(r));

    ix->has_position = d >= 0 && d <= 2147483647.0;
    ix->position = ix->has_position ? (size_t)d : 0;
}

static void push_all(struct val *to, const struct val *from)
{
    for (size_t i = 0; i < val_count(from); i++)
        val_push(to, val_ref(val_at(from, i)));
}

/* Applies the index to every element; what has no such member is left out. */
static struct val *index_filtered(const struct val *arr, const struct index *ix)
{
    struct val *to = val_filtered();

    for (size_t i = 0; i < arr->arr.n; i++) {
        struct val *item = arr->arr.v[i], *hit = NULL;
        if (item->kind != VAL_OBJECT && item->kind != VAL_ARRAY)
            continue;
        if (ix->wildcard)
            push_all(to, item);
        else if (item->kind == VAL_OBJECT && ix->has_text)
            hit = val_get_hashed(item, ix->text, ix->hash);
        else if (item->kind == VAL_ARRAY && ix->has_position && ix->position < item->arr.n)
            hit = item->arr.v[ix->position];
        if (hit != NULL)
            val_push(to, val_ref(hit));
    }
    return to;
}

static struct val *index_plain(const struct val *v, const struct index *ix)
{
    if (ix->wildcard) {
        struct val *to = val_filtered();
        push_all(to, v);
        return to;
    }
    struct val *hit = NULL;
    if (v->kind == VAL_OBJECT)
        hit = ix->has_text ? val_get_hashed(v, ix->text, ix->hash) : NULL;
    else if (ix->has_position && ix->position < v->arr.n)
        hit = v->arr.v[ix->position];
    return hit;
}

static int eval_index(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    struct res left, right;
    struct index ix;

    if (expr_eval_node(ev, n->first, level + 1, &left) < 0)
        return -1;
    if (res_is_primitive(&left)) { /* the index is not even evaluated */
        res_done(&left);
        *out =
            n->last->kind == N_WILDCARD ? res_own(val_filtered()) : (struct res){.kind = VAL_NULL};
        return 0;
    }
    if (expr_eval_node(ev, n->last, level + 1, &right) < 0) {
        res_done(&left);
        return -1;
    }
    index_init(&ix, n->last, &right);
    bool filtered = left.kind == VAL_ARRAY && left.v->flag;
    if (left.kind == VAL_ARRAY && !ix.wildcard)
        index_number(&ix, &right);
    if (filtered) {
        *out = res_own(index_filtered(left.v, &ix));
    } else {
        struct val *hit = index_plain(left.v, &ix);
        if (hit == NULL) {
            *out = (struct res){.kind = VAL_NULL};
        } else if (ix.wildcard) {
            *out = res_own(hit);
        } else {
            *out = res_lent(left.own ? val_ref(hit) : hit);
            out->own = left.own;
        }
    }
    res_done(&right);
    res_done(&left);
    return 0;
}

static int eval_name(struct eval *ev, const struct node *n, struct res *out)
{
    struct val *v = n->lent;

    if (v == NULL && ev->env->context != NULL)
        v = ev->env->context(ev->env->ctx, n->text);
    if (v == NULL)
        return expr_fail(ev, FAIL_INPUT, "Unrecognized named-value: '%.*s'", SV_ARG(n->text));
    *out = res_lent(v);
    return 0;
}

static int eval_core(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    *out = (struct res){.kind = VAL_NULL};
    switch ((enum node_kind)n->kind) {
    case N_NULL:
        return 0;
    case N_BOOL:
        *out = res_bool(n->b);
        return 0;
    case N_NUMBER:
        out->kind = VAL_NUMBER;
        out->num = n->num;
        return 0;
    case N_STRING:
        out->kind = VAL_STRING;
        out->s = n->text;
        return 0;
    case N_WILDCARD:
        out->kind = VAL_STRING;
        out->s = SV("*");
        return 0;
    case N_NAME:
        return eval_name(ev, n, out);
    case N_CALL:
        return expr_call(ev, n, level, out);
    case N_INDEX:
        return eval_index(ev, n, level, out);
    case N_NOT: {
        struct res r;
        if (expr_eval_node(ev, n->first, level + 1, &r) < 0)
            return -1;
        *out = res_bool(!res_truthy(&r));
        res_done(&r);
        return 0;
    }
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
    case N_OPEN_GROUP:
    case N_OPEN_INDEX:
    case N_OPEN_PARAMS:
        break;
    }
    BUG(true);
}

int expr_eval_node(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    if (ev->env->trace != NULL)
        trace_enter(ev, n, level);
    if (eval_core(ev, n, level, out) < 0)
        return -1;
    size_t bytes = bytes_of(out);
    bool scalar = res_is_primitive(out), trim = scalar && !out->raw;
    if (scalar && out->raw)
        bytes += OBJECT_BYTES; /* the context's object, and the value made from it */
    else if (out->kind == VAL_ARRAY && out->own && out->v->flag)
        bytes = OBJECT_BYTES + sizeof(void *) * out->v->arr.n;
    if (expr_account(ev, level, bytes, trim) < 0) {
        res_done(out);
        return -1;
    }
    if (ev->env->trace != NULL)
        trace_leave(ev, n, level, out);
    return 0;
}

/* ---- entry points ---- */

static int eval_traced(struct eval *ev, struct res *out)
{
    AUTO(buf_free) struct buf original = BUF_INIT(TEXT_MAX);

    ev->expanded = xcalloc(ev->x->n_nodes, sizeof *ev->expanded);
    expr_print(ev->x->root, NULL, &original);
    trace(ev, 0, "Evaluating: ", buf_sv(&original));
    int rc = expr_eval_node(ev, ev->x->root, 0, out);
    if (rc == 0)
        trace_result(ev, buf_sv(&original), out);
    for (size_t i = 0; i < ev->x->n_nodes; i++)
        free(ev->expanded[i]);
    free(ev->expanded);
    return rc;
}

int expr_eval(const struct expr *x, const struct expr_env *env, struct val **out,
              struct expr_error *xe, struct err *e)
{
    struct eval ev; /* not cleared as a whole: at_depth is large and filled as levels are reached */
    struct res r = {.kind = VAL_NULL};

    ev.x = x;
    ev.env = env;
    ev.xe = xe;
    ev.e = e;
    ev.max_memory = env->max_memory > 0 ? env->max_memory : DEFAULT_MEMORY;
    ev.total = 0;
    ev.deepest = 0;
    ev.at_depth[0] = 0;
    ev.expanded = NULL;
    ev.expanded_bytes = 0;
    if (x->root != NULL) {
        int rc = env->trace != NULL ? eval_traced(&ev, &r) : expr_eval_node(&ev, x->root, 0, &r);
        if (rc < 0)
            return -1;
    }
    *out = res_to_val(&r);
    return 0;
}

int expr_eval_text(struct sv text, const struct expr_env *env, struct val **out,
                   struct expr_error *xe, struct err *e)
{
    struct expr_room room;
    AUTO(auto_expr) struct expr *x = NULL;

    if (expr_parse_with(text, NULL, env, &room, &x, xe, e) < 0)
        return -1;
    return expr_eval(x, env, out, xe, e);
}
