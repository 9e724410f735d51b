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
        if (functions[i].name.n == name.n && sv_ieq(functions[i].name, name))
            return &functions[i];
    return NULL;
}

static struct res text_result(struct sv s)
{
    return res_own(val_string(s));
}

/* The text so far counts against the limit of one result, as MemoryCounter does it. */
struct counted {
    struct buf b;
    size_t bytes;
};
static int add_counted(struct eval *ev, const struct node *n, struct counted *c, struct sv s)
{
    size_t cost = 26 + 2 * utf8_utf16_len(s);

    if (cost > ev->max_memory || c->bytes > ev->max_memory - cost)
        return expr_fail_memory(ev, n);
    c->bytes += cost;
    buf_addsv(&c->b, s);
    return 0;
}

static int fn_contains(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    struct res left, right;
    char t1[32], t2[32];
    bool found = false;

    if (expr_eval_node(ev, n->first, level + 1, &left) < 0)
        return -1;
    if (left.kind == VAL_OBJECT || (left.kind == VAL_ARRAY && left.v->arr.n == 0)) {
        res_done(&left);
        *out = res_bool(false);
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
            struct res item = res_lent(left.v->arr.v[i]);
            found = res_equal(&right, &item);
        }
    }
    res_done(&left);
    res_done(&right);
    *out = res_bool(found);
    return 0;
}

static int fn_affix(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    struct res left, right = {.kind = VAL_NULL};
    char t1[32], t2[32];
    bool found = false;

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
    *out = res_bool(found);
    return 0;
}

static int join_items(struct eval *ev, const struct node *n, unsigned level, const struct val *arr,
                      struct counted *c)
{
    struct res sep_res = {.kind = VAL_NULL};
    struct sv sep = SV(",");
    char t1[32], t2[32];
    int rc = 0;

    if (arr->arr.n > 1 && n->n_args > 1) {
        if (expr_eval_node(ev, n->last, level + 1, &sep_res) < 0)
            return -1;
        if (res_is_primitive(&sep_res))
            sep = res_text(&sep_res, t1);
    }
    for (size_t i = 0; i < arr->arr.n && rc == 0; i++) {
        struct res item = res_lent(arr->arr.v[i]);
        if (i > 0)
            rc = add_counted(ev, n, c, sep);
        if (rc == 0)
            rc = add_counted(ev, n, c, res_text(&item, t2));
    }
    res_done(&sep_res);
    return rc;
}

static int fn_join(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    struct counted c = {.b = BUF_INIT(ev->max_memory * 2)};
    struct res items;
    char tmp[32];

    if (expr_eval_node(ev, n->first, level + 1, &items) < 0)
        return -1;
    int rc = 0;
    if (items.kind == VAL_ARRAY)
        rc = join_items(ev, n, level, items.v, &c);
    if (rc == 0)
        *out = text_result(res_is_primitive(&items) ? res_text(&items, tmp) : buf_sv(&c.b));
    buf_free(&c.b);
    res_done(&items);
    return rc;
}

static int fn_to_json(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    AUTO(buf_free) struct buf b = BUF_INIT(ev->max_memory * 2);
    struct res r;

    if (expr_eval_node(ev, n->first, level + 1, &r) < 0)
        return -1;
    if (r.v != NULL) {
        val_to_pretty(r.v, &b);
    } else if (r.kind == VAL_STRING) {
        struct val *v = val_string(r.s);
        val_to_pretty(v, &b);
        val_unref(v);
    } else {
        char tmp[32];
        buf_addsv(&b, r.kind == VAL_NULL ? SV("null") : res_text(&r, tmp));
    }
    res_done(&r);
    if (b.over || utf8_utf16_len(buf_sv(&b)) > ev->max_memory / 2)
        return expr_fail_memory(ev, n);
    *out = text_result(buf_sv(&b));
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
    *out = res_own(v);
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
        bool boolean = pred.kind == VAL_BOOL, yes = pred.b;
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

/* Arguments are evaluated when first referred to, and once. Leaves the text of every piece in it, and the
 * lengths of the result. */
static int fill_pieces(struct eval *ev, const struct node *n, unsigned level, struct pieces *ps,
                       struct args *args, size_t *bytes, size_t *units)
{
    size_t cost = 0;

    *bytes = *units = 0;
    for (size_t i = 0; i < ps->n; i++) {
        struct piece *p = &ps->v[i];
        if (p->arg >= 0) {
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
        }
        if (p->text.n == 0)
            continue;
        size_t u = p->arg >= 0 && args->r[p->arg].kind == VAL_STRING && args->r[p->arg].v != NULL
                       ? args->r[p->arg].v->str.utf16
                       : utf8_utf16_len(p->text);
        size_t c = 26 + 2 * u;
        if (c > ev->max_memory || cost > ev->max_memory - c)
            return expr_fail_memory(ev, n);
        cost += c;
        *units += u;
        *bytes += p->text.n;
    }
    return 0;
}

static struct res join_pieces(const struct pieces *ps, size_t bytes, size_t units)
{
    struct val *v = val_string_room(bytes, units);
    char *w = val_text(v);

    for (size_t i = 0; i < ps->n; i++) {
        if (ps->v[i].text.n > 0)
            memcpy(w, ps->v[i].text.p, ps->v[i].text.n);
        w += ps->v[i].text.n;
    }
    return res_own(v);
}

static int fn_format(struct eval *ev, const struct node *n, unsigned level, struct res *out)
{
    struct res values[ARGS_MAX];
    char numbers[ARGS_MAX][32];
    bool done[ARGS_MAX] = {false};
    struct args args = {values, numbers, done};
    struct pieces ps;
    struct res fmt;
    size_t n_args = n->n_args - 1U, bytes = 0, units = 0;
    char tmp[32];

    ps.v = ps.few;
    ps.n = 0;
    ps.cap = sizeof ps.few / sizeof ps.few[0];
    if (expr_eval_node(ev, n->first, level + 1, &fmt) < 0)
        return -1;
    int rc = scan_format(ev, res_text(&fmt, tmp), n_args, &ps);
    if (rc == 0)
        rc = fill_pieces(ev, n, level, &ps, &args, &bytes, &units);
    if (rc == 0)
        *out = join_pieces(&ps, bytes, units);
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
        *out = res_bool(plain(env->ctx));
        return 0;
    }
    struct texts t;
    int rc = eval_texts(ev, n, level, &t);
    if (rc == 0)
        *out = res_bool(of(env->ctx, t.s, t.n));
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
        *out = text_result(buf_sv(&hex));
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
        *out = res_bool(true);
        return 0;
    case FN_CANCELLED:
        if (ev->env->cancelled == NULL)
            break;
        *out = res_bool(ev->env->cancelled(ev->env->ctx));
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
