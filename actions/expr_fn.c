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

static void text_result(struct res *out, struct sv s)
{
    res_set_own(out, val_string(s));
}

static char *put_text(char *w, struct sv s)
{
    if (s.n > 0)
        memcpy(w, s.p, s.n);
    return w + s.n;
}

static int fn_contains(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    UNINIT struct res left, right;
    UNINIT char t1[32], t2[32];
    bool found = false;

    if (expr_eval_node(ev, n->first, level + 1, &left) < 0)
        return -1;
    if (left.kind == VAL_OBJECT || (left.kind == VAL_ARRAY && left.v->arr.n == 0)) {
        res_done(&left);
        res_set_bool(out, false);
        return 0;
    }
    if (expr_eval_node(ev, n->last, level + 1, &right) < 0) {
        res_done(&left);
        return -1;
    }
    if (left.kind != VAL_ARRAY) {
        found = res_is_primitive(&right) && fold_has(res_text(&left, t1), res_text(&right, t2));
    } else {
        for (size_t i = 0; i < left.v->arr.n && !found; i++) {
            UNINIT struct res item;
            res_set_lent(&item, left.v->arr.v[i]);
            found = res_equal(&right, &item);
        }
    }
    res_done(&left);
    res_done(&right);
    res_set_bool(out, found);
    return 0;
}

static int fn_affix(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    UNINIT struct res left, right;
    UNINIT char t1[32], t2[32];
    bool found = false;

    res_set_null(&right);
    if (expr_eval_node(ev, n->first, level + 1, &left) < 0)
        return -1;
    if (res_is_primitive(&left)) {
        if (expr_eval_node(ev, n->last, level + 1, &right) < 0) {
            res_done(&left);
            return -1;
        }
        if (res_is_primitive(&right)) {
            struct sv s = res_text(&left, t1), affix = res_text(&right, t2);
            found = n->fn->id == FN_STARTS_WITH ? fold_starts(s, affix) : fold_ends(s, affix);
        }
    }
    res_done(&left);
    res_done(&right);
    res_set_bool(out, found);
    return 0;
}

/* The text so far counts against the limit of one result, as MemoryCounter does it. */
struct measure {
    size_t cost;         /* as accounted */
    size_t bytes, units; /* of the result */
};
static int measure_text(struct eval *ev, const struct node *n, struct measure *m, struct sv s,
                        size_t units)
{
    size_t cost = VAL_STRING_BYTES + 2 * units;

    if (cost > ev->max_memory || m->cost > ev->max_memory - cost)
        return expr_fail_memory(ev, n);
    m->cost += cost;
    m->bytes += s.n;
    m->units += units;
    return 0;
}

/* UTF-16 units of a result's text. */
static size_t units_of(const struct res *r, struct sv text)
{
    return r->kind == VAL_STRING && r->v != NULL ? r->v->str.utf16 : utf8_utf16_len(text);
}

static int join_items(struct eval *ev, const struct node *n, const struct val *arr, struct sv sep,
                      struct res *out)
{
    struct measure m = {0};
    UNINIT struct res item;
    UNINIT char num[32];
    size_t sep_units = utf8_utf16_len(sep);

    for (size_t i = 0; i < arr->arr.n; i++) {
        res_set_lent(&item, arr->arr.v[i]);
        struct sv text = res_text(&item, num);
        if ((i > 0 && measure_text(ev, n, &m, sep, sep_units) < 0) ||
            measure_text(ev, n, &m, text, units_of(&item, text)) < 0)
            return -1;
    }
    struct val *v = val_string_room(m.bytes, m.units);
    char *w = val_text(v);
    for (size_t i = 0; i < arr->arr.n; i++) {
        res_set_lent(&item, arr->arr.v[i]);
        struct sv text = res_text(&item, num);
        if (i > 0)
            w = put_text(w, sep);
        w = put_text(w, text);
    }
    res_set_own(out, v);
    return 0;
}

static int join_array(struct eval *ev, const struct node *n, unsigned level, const struct val *arr,
                      struct res *out)
{
    UNINIT struct res sep_res;
    UNINIT char num[32];
    struct sv sep = SV(",");

    if (arr->arr.n < 2 || n->n_args < 2)
        return join_items(ev, n, arr, sep, out);
    if (expr_eval_node(ev, n->last, level + 1, &sep_res) < 0)
        return -1;
    if (res_is_primitive(&sep_res))
        sep = res_text(&sep_res, num);
    int rc = join_items(ev, n, arr, sep, out);
    res_done(&sep_res);
    return rc;
}

static int fn_join(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    UNINIT struct res items;
    UNINIT char tmp[32];
    int rc = 0;

    if (expr_eval_node(ev, n->first, level + 1, &items) < 0)
        return -1;
    if (items.kind == VAL_ARRAY)
        rc = join_array(ev, n, level, items.v, out);
    else
        text_result(out, items.kind == VAL_OBJECT ? SV("") : res_text(&items, tmp));
    res_done(&items);
    return rc;
}

static int fn_to_json(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    UNINIT struct res r;

    if (expr_eval_node(ev, n->first, level + 1, &r) < 0)
        return -1;
    AUTO(auto_val) struct val *v = res_to_val(&r);
    struct val *text = val_pretty_string(v, ev->max_memory);
    if (text == NULL)
        return expr_fail_memory(ev, n);
    res_set_own(out, text);
    return 0;
}

static int fn_from_json(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    struct res r;
    struct val *v;
    struct err why = {0};
    char tmp[32];

    if (expr_eval_node(ev, n->first, level + 1, &r) < 0)
        return -1;
    int rc = val_parse_json(res_text(&r, tmp), &v, &why);
    res_done(&r);
    if (rc < 0)
        return expr_fail(ev, why.code, "Error parsing fromJson,%s", why.msg);
    res_set_own(out, v);
    out->raw = true;
    return 0;
}

static int fn_case(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    const struct node *c = n->first;

    for (; c->next != NULL; c = c->next->next) {
        struct res pred;
        if (expr_eval_node(ev, c, level + 1, &pred) < 0)
            return -1;
        bool boolean = pred.kind == VAL_BOOL, yes = boolean && pred.b;
        res_done(&pred);
        if (!boolean)
            return expr_fail(ev, FAIL_INPUT, "case predicate must evaluate to a boolean value");
        if (yes) {
            c = c->next;
            break;
        }
    }
    if (expr_eval_node(ev, c, level + 1, out) < 0)
        return -1;
    out->raw = false;
    return 0;
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

/* Splits the format string; errors in it come before any argument is evaluated. */
static int scan_format(struct eval *ev, struct sv s, size_t n_args, struct pieces *ps)
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
            if ((size_t)p.arg >= n_args)
                return expr_fail(
                    ev, FAIL_INPUT,
                    "The following format string references more arguments than were supplied: %.*s",
                    (int)s.n, s.p);
            add_piece(ps, sv_sub(s, start, i - start), -1);
            add_piece(ps, p.text, p.arg);
            start = i = end;
        } else {
            return expr_fail(ev, FAIL_INPUT, "The following format string is invalid: %.*s",
                             (int)s.n, s.p);
        }
    }
    add_piece(ps, sv_sub(s, start, s.n - start), -1);
    return 0;
}

static int fail_specifier(struct eval *ev, struct sv spec, const struct res *r)
{
    static const char *const kinds[] = {"Null", "Boolean", "Number", "String", "Array", "Object"};
    AUTO(buf_free) struct buf b = BUF_INIT(spec.n + 1);

    for (size_t i = 0; i < spec.n; i++) { /* "}}" means "}" */
        buf_addc(&b, spec.p[i]);
        if (spec.p[i] == '}')
            i++;
    }
    return expr_fail(ev, FAIL_INPUT,
                     "The format specifiers '%s' are not valid for objects of type '%s'", b.p,
                     kinds[r->kind]);
}

enum { ARGS_MAX = 255 };
struct args {
    struct res *r;   /* set where done */
    char (*num)[32]; /* text of numbers */
    bool *done;
};

/* Arguments are evaluated when first referred to, and once. Leaves the text of every piece in it. */
static int fill_pieces(struct eval *ev, const struct node *n, unsigned level, struct pieces *ps,
                       struct args *args, struct measure *m)
{
    for (size_t i = 0; i < ps->n; i++) {
        struct piece *p = &ps->v[i];
        size_t units;
        if (p->arg < 0) {
            units = utf8_utf16_len(p->text);
        } else {
            const struct node *a = n->first->next;
            for (int k = 0; k < p->arg; k++)
                a = a->next;
            struct res *r = &args->r[p->arg];
            if (!args->done[p->arg]) {
                if (expr_eval_node(ev, a, level + 1, r) < 0)
                    return -1;
                args->done[p->arg] = true;
            }
            if (p->text.n > 0)
                return fail_specifier(ev, p->text, r);
            p->text = res_text(r, args->num[p->arg]);
            units = units_of(r, p->text);
        }
        if (p->text.n > 0 && measure_text(ev, n, m, p->text, units) < 0)
            return -1;
    }
    return 0;
}

static struct val *join_pieces(const struct pieces *ps, const struct measure *m)
{
    struct val *v = val_string_room(m->bytes, m->units);
    char *w = val_text(v);

    for (size_t i = 0; i < ps->n; i++)
        w = put_text(w, ps->v[i].text);
    return v;
}

static int fn_format(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    UNINIT struct res values[ARGS_MAX];
    UNINIT char numbers[ARGS_MAX][32];
    bool done[ARGS_MAX] = {false};
    struct args args = {values, numbers, done};
    UNINIT struct pieces ps;
    UNINIT struct res fmt;
    struct measure m = {0};
    size_t n_args = n->n_args - 1U;
    UNINIT char tmp[32];

    ps.v = ps.few;
    ps.n = 0;
    ps.cap = sizeof ps.few / sizeof ps.few[0];
    if (expr_eval_node(ev, n->first, level + 1, &fmt) < 0)
        return -1;
    int rc = scan_format(ev, res_text(&fmt, tmp), n_args, &ps);
    if (rc == 0)
        rc = fill_pieces(ev, n, level, &ps, &args, &m);
    if (rc == 0)
        res_set_own(out, join_pieces(&ps, &m));
    for (size_t i = 0; i < n_args; i++)
        if (args.done[i])
            res_done(&args.r[i]);
    if (ps.v != ps.few)
        free(ps.v);
    res_done(&fmt);
    return rc;
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
        res_done(&t->r[i]);
    free(t->r);
    free(t->num);
    free(t->s);
}

static int eval_texts(struct eval *ev, const struct node *n, unsigned level, struct texts *t)
{
    *t = (struct texts){.r = xcalloc(n->n_args + 1U, sizeof *t->r),
                        .num = xcalloc(n->n_args + 1U, sizeof *t->num),
                        .s = xcalloc(n->n_args + 1U, sizeof *t->s)};
    for (const struct node *a = n->first; a != NULL; a = a->next) {
        if (expr_eval_node(ev, a, level + 1, &t->r[t->n]) < 0)
            return -1;
        t->s[t->n] = res_text(&t->r[t->n], t->num[t->n]);
        t->n++;
    }
    return 0;
}

static int fn_status(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    const struct expr_env *env = ev->env;
    bool ok = n->fn->id == FN_SUCCESS;
    bool (*plain)(void *) = ok ? env->success : env->failure;
    bool (*of)(void *, const struct sv *, size_t) = ok ? env->success_of : env->failure_of;

    if (n->n_args == 0 ? plain == NULL : of == NULL)
        return expr_fail(ev, FAIL_INPUT, "Unrecognized function: '%.*s'", SV_ARG(n->text));
    if (n->n_args == 0) {
        res_set_bool(out, plain(env->ctx));
        return 0;
    }
    struct texts t;
    int rc = eval_texts(ev, n, level, &t);
    if (rc == 0)
        res_set_bool(out, of(env->ctx, t.s, t.n));
    texts_done(&t);
    return rc;
}

static int fn_hash_files(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    AUTO(buf_free) struct buf hex = BUF_INIT(1024);
    struct err why = {0};
    struct texts t;

    if (ev->env->hash_files == NULL)
        return expr_fail(ev, FAIL_INPUT, "Unrecognized function: '%.*s'", SV_ARG(n->text));
    int rc = eval_texts(ev, n, level, &t);
    if (rc == 0) {
        rc = ev->env->hash_files(ev->env->ctx, t.s, t.n, &hex, &why);
        if (rc < 0) {
            char text[512];
            rc = expr_fail(ev, why.code, "%s", err_text(&why, text, sizeof text));
        }
    }
    if (rc == 0)
        text_result(out, buf_sv(&hex));
    texts_done(&t);
    return rc;
}

int expr_call(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    switch (n->fn->id) {
    case FN_CASE:
        return fn_case(ev, n, level, out);
    case FN_CONTAINS:
        return fn_contains(ev, n, level, out);
    case FN_STARTS_WITH:
    case FN_ENDS_WITH:
        return fn_affix(ev, n, level, out);
    case FN_FORMAT:
        return fn_format(ev, n, level, out);
    case FN_FROM_JSON:
        return fn_from_json(ev, n, level, out);
    case FN_JOIN:
        return fn_join(ev, n, level, out);
    case FN_TO_JSON:
        return fn_to_json(ev, n, level, out);
    case FN_ALWAYS:
        res_set_bool(out, true);
        return 0;
    case FN_CANCELLED:
        if (ev->env->cancelled == NULL)
            break;
        res_set_bool(out, ev->env->cancelled(ev->env->ctx));
        return 0;
    case FN_SUCCESS:
    case FN_FAILURE:
        return fn_status(ev, n, level, out);
    case FN_HASH_FILES:
        return fn_hash_files(ev, n, level, out);
    case FN_OTHER:
        break;
    }
    return expr_fail(ev, FAIL_INPUT, "Unrecognized function: '%.*s'", SV_ARG(n->text));
}
