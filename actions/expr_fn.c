/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions of the language (spec expressions 1.9 to 1.11).
 * Source: actions/runner 258d6c8: src/Sdk/Expressions/Sdk/Functions, ExpressionConstants.cs. */
#include "actions/expr_priv.h"

#include <stdlib.h>

#include "actions/fold.h"
#include "base/mem.h"

static const struct fn functions[] = {
    {{"case", sizeof "case" - 1}, 3, 255, FN_CASE, true},
    {{"contains", sizeof "contains" - 1}, 2, 2, FN_CONTAINS, false},
    {{"endsWith", sizeof "endsWith" - 1}, 2, 2, FN_ENDS_WITH, false},
    {{"format", sizeof "format" - 1}, 1, 255, FN_FORMAT, true},
    {{"fromJson", sizeof "fromJson" - 1}, 1, 1, FN_FROM_JSON, true},
    {{"join", sizeof "join" - 1}, 1, 2, FN_JOIN, true},
    {{"startsWith", sizeof "startsWith" - 1}, 2, 2, FN_STARTS_WITH, false},
    {{"toJson", sizeof "toJson" - 1}, 1, 1, FN_TO_JSON, true},
    {{"always", sizeof "always" - 1}, 0, 0, FN_ALWAYS, true},
    {{"cancelled", sizeof "cancelled" - 1}, 0, 0, FN_CANCELLED, true},
    {{"failure", sizeof "failure" - 1}, 0, 0, FN_FAILURE, true},
    {{"hashFiles", sizeof "hashFiles" - 1}, 1, 255, FN_HASH_FILES, true},
    {{"success", sizeof "success" - 1}, 0, 0, FN_SUCCESS, true},
};

const struct fn *expr_fn_find(struct sv name)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (functions[i].name.n == name.n && fold_eq(functions[i].name, name))
            return &functions[i];
    return NULL;
}

static struct res text_result(struct eval *ev, struct sv s)
{
    return expr_counted(ev, res_own(val_string(s)));
}

static bool contains(const struct val *left, const struct val *right)
{
    UNINIT char t1[32], t2[32];

    if (left->kind != VAL_ARRAY)
        return val_is_scalar(right) && fold_has(val_lend_text(left, t1), val_lend_text(right, t2));
    for (size_t i = 0; i < left->arr.n; i++)
        if (expr_equal(right, left->arr.v[i]))
            return true;
    return false;
}

static struct res fn_contains(struct eval *ev, const struct node *n, unsigned level)
{
    struct res left = expr_eval_node(ev, n->first, level + 1);

    if (left.v == NULL)
        return left;
    if (left.v->kind == VAL_OBJECT || (left.v->kind == VAL_ARRAY && left.v->arr.n == 0)) {
        res_done(left);
        return res_bool(false);
    }
    struct res right = expr_eval_node(ev, n->last, level + 1);
    bool found = right.v != NULL && contains(left.v, right.v);
    res_done(left);
    if (right.v == NULL)
        return right;
    res_done(right);
    return res_bool(found);
}

static bool has_affix(const struct node *n, const struct val *left, const struct val *right)
{
    UNINIT char t1[32], t2[32];
    struct sv s = val_lend_text(left, t1), affix = val_lend_text(right, t2);

    return n->fn->id == FN_STARTS_WITH ? fold_starts(s, affix) : fold_ends(s, affix);
}

static struct res fn_affix(struct eval *ev, const struct node *n, unsigned level)
{
    struct res left = expr_eval_node(ev, n->first, level + 1);

    if (left.v == NULL)
        return left;
    if (!val_is_scalar(left.v)) {
        res_done(left);
        return res_bool(false);
    }
    struct res right = expr_eval_node(ev, n->last, level + 1);
    if (right.v == NULL) {
        res_done(left);
        return right;
    }
    bool found = val_is_scalar(right.v) && has_affix(n, left.v, right.v);
    res_done(left);
    res_done(right);
    return res_bool(found);
}

/* The text so far counts against the limit of one result, as MemoryCounter does it. */
struct measure {
    size_t cost;         /* as accounted */
    size_t bytes, units; /* of the result */
};
static inline bool measure_text(const struct eval *ev, struct measure *m, struct sv s, size_t units)
{
    size_t cost = VAL_STRING_BYTES + 2 * units;

    if (cost > ev->max_memory || m->cost > ev->max_memory - cost)
        return false;
    m->cost += cost;
    m->bytes += s.n;
    m->units += units;
    return true;
}

/* UTF-16 units of a value's text. */
static inline size_t units_of(const struct val *v, struct sv text)
{
    return v->kind == VAL_STRING ? val_units(v) : text.n; /* the others are ASCII */
}

static struct res join_items(struct eval *ev, const struct node *n, const struct val *arr,
                             struct sv sep)
{
    struct measure m = {0};
    UNINIT char num[32];
    size_t sep_units = utf8_utf16_len(sep);

    for (size_t i = 0; i < arr->arr.n; i++) {
        struct sv text = val_lend_text(arr->arr.v[i], num);
        if ((i > 0 && !measure_text(ev, &m, sep, sep_units)) ||
            !measure_text(ev, &m, text, units_of(arr->arr.v[i], text)))
            return expr_fail_memory(ev, n);
    }
    struct val *v = val_string_room(m.bytes, m.units);
    char *w = val_text(v);
    for (size_t i = 0; i < arr->arr.n; i++) {
        if (i > 0)
            w = sv_put(w, sep);
        w = sv_put(w, val_lend_text(arr->arr.v[i], num));
    }
    return expr_counted(ev, res_own(v));
}

static struct res join_array(struct eval *ev, const struct node *n, unsigned level,
                             const struct val *arr)
{
    UNINIT char num[32];
    struct sv sep = SV(",");

    if (arr->arr.n < 2 || n->n_args < 2)
        return join_items(ev, n, arr, sep);
    struct res sep_res = expr_eval_node(ev, n->last, level + 1);
    if (sep_res.v == NULL)
        return sep_res;
    if (val_is_scalar(sep_res.v))
        sep = val_lend_text(sep_res.v, num);
    struct res r = join_items(ev, n, arr, sep);
    res_done(sep_res);
    return r;
}

static struct res fn_join(struct eval *ev, const struct node *n, unsigned level)
{
    struct res items = expr_eval_node(ev, n->first, level + 1), r;
    UNINIT char tmp[32];

    if (items.v == NULL)
        return items;
    if (items.v->kind == VAL_ARRAY)
        r = join_array(ev, n, level, items.v);
    else
        r = text_result(ev, items.v->kind == VAL_OBJECT ? SV("") : val_lend_text(items.v, tmp));
    res_done(items);
    return r;
}

static struct res fn_to_json(struct eval *ev, const struct node *n, unsigned level)
{
    struct res r = expr_eval_node(ev, n->first, level + 1);

    if (r.v == NULL)
        return r;
    struct val *text = val_pretty_string(r.v, ev->max_memory);
    res_done(r);
    return text != NULL ? expr_counted(ev, res_own(text)) : expr_fail_memory(ev, n);
}

static struct res fn_from_json(struct eval *ev, const struct node *n, unsigned level)
{
    struct res r = expr_eval_node(ev, n->first, level + 1);
    struct val *v = NULL;
    UNINIT struct err why;
    UNINIT char tmp[32];

    if (r.v == NULL)
        return r;
    int rc = val_parse_json(val_lend_text(r.v, tmp), &v, &why);
    res_done(r);
    if (rc < 0)
        return expr_fail(ev, why.code, "Error parsing fromJson,%s", err_whole(&why));
    return expr_counted(ev, (struct res){v, RES_OWN | RES_RAW});
}

static struct res fn_case(struct eval *ev, const struct node *n, unsigned level)
{
    const struct node *c = n->first;

    for (; c->next != NULL; c = c->next->next) {
        struct res pred = expr_eval_node(ev, c, level + 1);
        if (pred.v == NULL)
            return pred;
        bool boolean = pred.v->kind == VAL_BOOL, yes = boolean && pred.v->flag;
        res_done(pred);
        if (!boolean)
            return expr_fail(ev, FAIL_INPUT, "case predicate must evaluate to a boolean value");
        if (yes) {
            c = c->next;
            break;
        }
    }
    struct res r = expr_eval_node(ev, c, level + 1);
    if (r.v == NULL)
        return r;
    r.how &= ~(unsigned)RES_RAW;
    return expr_counted(ev, r);
}

/* ---- format ---- */

/* A piece of the result: text of the format string, or an argument with a specifier behind ':'. */
struct piece {
    struct sv text; /* the specifier when arg >= 0 */
    int arg;        /* -1 = text */
};
struct pieces {
    struct piece *v;
    size_t n, cap;
    struct piece few[16]; /* v points here while they suffice */
};

static void add_piece(struct pieces *ps, struct sv text, int arg)
{
    if (arg < 0 && text.n == 0)
        return;
    if (ps->n == ps->cap) {
        bool first = ps->v == ps->few;
        ps->v = xreallocarray(first ? NULL : ps->v, ps->cap * 2, sizeof *ps->v);
        if (first)
            memcpy(ps->v, ps->few, sizeof ps->few);
        ps->cap *= 2;
    }
    ps->v[ps->n++] = (struct piece){text, arg};
}

static char char_at(struct sv s, size_t i)
{
    return (char)(i < s.n ? s.p[i] : '\0');
}

/* Reads "{N}" or "{N:spec}" at s[at] == '{'; *end is the index behind it. */
static bool read_argument(struct sv s, size_t at, struct piece *p, size_t *end)
{
    size_t i = at + 1;
    int n = 0;

    for (; ch_is_digit(char_at(s, i)); i++) {
        n = n * 10 + (s.p[i] - '0');
        if (n > 255)
            return false;
    }
    if (i == at + 1)
        return false;
    p->arg = n;
    p->text = SV("");
    if (char_at(s, i) == '}') {
        *end = i + 1;
        return true;
    }
    if (char_at(s, i) != ':')
        return false;
    size_t from = ++i;
    for (; i < s.n; i++) {
        if (s.p[i] != '}')
            continue;
        if (char_at(s, i + 1) != '}') {
            p->text = sv_sub(s, from, i - from);
            *end = i + 1;
            return true;
        }
        i++;
    }
    return false;
}

/* Splits the format string; errors in it come before any argument is evaluated. False: it has failed. */
static bool scan_format(struct eval *ev, struct sv s, size_t n_args, struct pieces *ps)
{
    size_t start = 0, i = 0;

    while (i < s.n) {
        char c = s.p[i];
        struct piece p;
        size_t end;
        if (c != '{' && c != '}') {
            i++;
        } else if (char_at(s, i + 1) == c) {
            add_piece(ps, sv_sub(s, start, i - start + 1), -1);
            start = i += 2;
        } else if (c == '{' && read_argument(s, i, &p, &end)) {
            if ((size_t)p.arg >= n_args) {
                (void)expr_fail(
                    ev, FAIL_INPUT,
                    "The following format string references more arguments than were supplied: %.*s",
                    (int)s.n, s.p);
                return false;
            }
            add_piece(ps, sv_sub(s, start, i - start), -1);
            add_piece(ps, p.text, p.arg);
            start = i = end;
        } else {
            (void)expr_fail(ev, FAIL_INPUT, "The following format string is invalid: %.*s",
                            (int)s.n, s.p);
            return false;
        }
    }
    add_piece(ps, sv_sub(s, start, s.n - start), -1);
    return true;
}

static void fail_specifier(struct eval *ev, struct sv spec, const struct val *v)
{
    static const char *const kinds[] = {"Null", "Boolean", "Number", "String", "Array", "Object"};
    AUTO(buf_free) struct buf b = BUF_INIT(spec.n + 1);

    for (size_t i = 0; i < spec.n; i++) { /* "}}" means "}" */
        buf_addc(&b, spec.p[i]);
        if (spec.p[i] == '}')
            i++;
    }
    (void)expr_fail(ev, FAIL_INPUT,
                    "The format specifiers '%s' are not valid for objects of type '%s'", b.p,
                    kinds[v->kind]);
}

enum { ARGS_MAX = 255 };
struct args {
    struct res *r;   /* those up to n; v is NULL where not evaluated */
    char (*num)[32]; /* text of numbers */
};

/* The value of an argument, which is evaluated when first referred to, and once. NULL: that has failed. */
static const struct val *argument(struct eval *ev, const struct node *n, unsigned level,
                                  const struct args *args, int i)
{
    struct res *r = &args->r[i];

    if (r->v == NULL) {
        const struct node *a = n->first->next;
        for (int k = 0; k < i; k++)
            a = a->next;
        *r = expr_eval_node(ev, a, level + 1);
    }
    return r->v;
}

/* Leaves the text of every piece in it. False: it has failed. */
static bool fill_pieces(struct eval *ev, const struct node *n, unsigned level, struct pieces *ps,
                        const struct args *args, struct measure *m)
{
    for (size_t i = 0; i < ps->n; i++) {
        struct piece *p = &ps->v[i];
        size_t units;
        if (p->arg < 0) {
            units = utf8_utf16_len(p->text);
        } else {
            const struct val *v = argument(ev, n, level, args, p->arg);
            if (v == NULL)
                return false;
            if (p->text.n > 0) {
                fail_specifier(ev, p->text, v);
                return false;
            }
            p->text = val_lend_text(v, args->num[p->arg]);
            units = units_of(v, p->text);
        }
        if (p->text.n > 0 && !measure_text(ev, m, p->text, units)) {
            (void)expr_fail_memory(ev, n);
            return false;
        }
    }
    return true;
}

static struct val *join_pieces(const struct pieces *ps, const struct measure *m)
{
    struct val *v = val_string_room(m->bytes, m->units);
    char *w = val_text(v);

    for (size_t i = 0; i < ps->n; i++)
        w = sv_put(w, ps->v[i].text);
    return v;
}

static struct res fn_format(struct eval *ev, const struct node *n, unsigned level)
{
    UNINIT struct res values[ARGS_MAX];
    UNINIT char numbers[ARGS_MAX][32];
    struct args args = {values, numbers};
    UNINIT struct pieces ps;
    struct measure m = {0};
    size_t n_args = n->n_args - 1U;
    UNINIT char tmp[32];
    struct res fmt = expr_eval_node(ev, n->first, level + 1), r = RES_FAILED;

    if (fmt.v == NULL)
        return fmt;
    ps.v = ps.few;
    ps.n = 0;
    ps.cap = sizeof ps.few / sizeof ps.few[0];
    for (size_t i = 0; i < n_args; i++)
        values[i] = RES_FAILED;
    if (scan_format(ev, val_lend_text(fmt.v, tmp), n_args, &ps) &&
        fill_pieces(ev, n, level, &ps, &args, &m))
        r = expr_counted(ev, res_own(join_pieces(&ps, &m)));
    for (size_t i = 0; i < n_args; i++)
        res_done(values[i]);
    if (ps.v != ps.few)
        free(ps.v);
    res_done(fmt);
    return r;
}

/* ---- functions of the call site ---- */

/* All arguments as text; the results keep it alive. */
struct texts {
    struct res *r;
    char (*num)[32];
    struct sv *s;
    size_t n;
};

static void texts_done(struct texts *t)
{
    for (size_t i = 0; i < t->n; i++)
        res_done(t->r[i]);
    free(t->r);
    free(t->num);
    free(t->s);
}

/* False: it has failed. */
static bool eval_texts(struct eval *ev, const struct node *n, unsigned level, struct texts *t)
{
    *t = (struct texts){.r = xcalloc(n->n_args + 1U, sizeof *t->r),
                        .num = xcalloc(n->n_args + 1U, sizeof *t->num),
                        .s = xcalloc(n->n_args + 1U, sizeof *t->s)};
    for (const struct node *a = n->first; a != NULL; a = a->next) {
        struct res r = expr_eval_node(ev, a, level + 1);
        if (r.v == NULL)
            return false;
        t->r[t->n] = r;
        t->s[t->n] = val_lend_text(r.v, t->num[t->n]);
        t->n++;
    }
    return true;
}

static struct res fn_status(struct eval *ev, const struct node *n, unsigned level)
{
    const struct expr_env *env = ev->env;
    bool ok = n->fn->id == FN_SUCCESS;
    bool (*plain)(void *) = ok ? env->success : env->failure;
    bool (*of)(void *, const struct sv *, size_t) = ok ? env->success_of : env->failure_of;

    if (n->n_args == 0 ? plain == NULL : of == NULL)
        return expr_fail(ev, FAIL_INPUT, "Unrecognized function: '%.*s'", SV_ARG(n->text));
    if (n->n_args == 0)
        return res_bool(plain(env->ctx));
    struct texts t;
    struct res r = RES_FAILED;
    if (eval_texts(ev, n, level, &t))
        r = res_bool(of(env->ctx, t.s, t.n));
    texts_done(&t);
    return r;
}

static struct res fn_hash_files(struct eval *ev, const struct node *n, unsigned level)
{
    AUTO(buf_free) struct buf hex = BUF_INIT(1024);
    struct err why = {0};
    struct texts t;
    struct res r = RES_FAILED;

    if (ev->env->hash_files == NULL)
        return expr_fail(ev, FAIL_INPUT, "Unrecognized function: '%.*s'", SV_ARG(n->text));
    if (eval_texts(ev, n, level, &t)) {
        if (ev->env->hash_files(ev->env->ctx, t.s, t.n, &hex, &why) == 0) {
            r = text_result(ev, buf_sv(&hex));
        } else {
            char text[ERR_MAX_TEXT];
            r = expr_fail(ev, why.code, "%s", err_text(&why, text, sizeof text));
        }
    }
    texts_done(&t);
    return r;
}

struct res expr_call(struct eval *ev, const struct node *n, unsigned level)
{
    switch (n->fn->id) {
    case FN_CASE:
        return fn_case(ev, n, level);
    case FN_CONTAINS:
        return fn_contains(ev, n, level);
    case FN_STARTS_WITH:
    case FN_ENDS_WITH:
        return fn_affix(ev, n, level);
    case FN_FORMAT:
        return fn_format(ev, n, level);
    case FN_FROM_JSON:
        return fn_from_json(ev, n, level);
    case FN_JOIN:
        return fn_join(ev, n, level);
    case FN_TO_JSON:
        return fn_to_json(ev, n, level);
    case FN_ALWAYS:
        return res_bool(true);
    case FN_CANCELLED:
        if (ev->env->cancelled == NULL)
            break;
        return res_bool(ev->env->cancelled(ev->env->ctx));
    case FN_SUCCESS:
    case FN_FAILURE:
        return fn_status(ev, n, level);
    case FN_HASH_FILES:
        return fn_hash_files(ev, n, level);
    case FN_OTHER:
        break;
    }
    return expr_fail(ev, FAIL_INPUT, "Unrecognized function: '%.*s'", SV_ARG(n->text));
}
