/* SPDX-License-Identifier: Apache-2.0
 *
 * Evaluation of a token tree to a value (spec expressions 2.3): insert merges, arrays in sequences are spliced,
 * keys are unique without regard to case.
 * Source: actions/runner: src/Sdk/WorkflowParser/ObjectTemplating/{TemplateEvaluator,TemplateUnraveler}.cs. */
#include <stdarg.h>
#include <stdio.h>

#include "actions/token_priv.h"
#include "base/mem.h"

#define QUOTED_MAX \
    ((size_t)32 << 20) /* above the memory of an evaluation; struct err cuts what is shown */

/* What the official reader counts for a token, and for a string besides two bytes a UTF-16 unit (spec 3.3). */
#define TOKEN_BYTES  24U
#define STRING_BYTES 26U
#define MAX_BYTES    ((size_t)10 << 20)

struct eval {
    const struct expr_env *env;
    const char *const *files;
    size_t n_files;
    unsigned file; /* of the root */
    size_t bytes, max_bytes;
};

int tok_fail(const struct tok *t, const char *const *files, size_t n_files, struct err *e,
             const char *fmt, ...)
{
    AUTO(buf_free) struct buf b = BUF_INIT(QUOTED_MAX);
    va_list ap;

    if (t != NULL && files != NULL && t->file > 0 && t->file <= n_files) {
        buf_addf(&b, "%.200s", files[t->file - 1]);
        buf_adds(&b, t->line > 0 ? " " : ": ");
    }
    if (t != NULL && t->line > 0)
        buf_addf(&b, "(Line: %u, Col: %u): ", t->line, t->col);
    va_start(ap, fmt);
    buf_addvf(&b, fmt, ap);
    va_end(ap);
    return err_set(e, FAIL_INPUT, "%s", b.p);
}

#define FAIL(ev, t, e, ...) tok_fail((t), (ev)->files, (ev)->n_files, (e), __VA_ARGS__)

static size_t string_bytes(struct sv s)
{
    return TOKEN_BYTES + STRING_BYTES + 2 * utf8_utf16_len(s);
}

/* A value that an expression gave: of what is shared, every use counts. Ends early above `left`. */
static size_t value_bytes(const struct val *v, size_t left)
{
    size_t sum = TOKEN_BYTES;

    if (val_kind(v) == VAL_STRING)
        return string_bytes(val_get_string(v));
    for (size_t i = 0; i < val_count(v) && sum <= left; i++) {
        if (val_kind(v) == VAL_OBJECT)
            sum += string_bytes(val_key_at(v, i));
        if (sum <= left)
            sum += value_bytes(val_at(v, i), left - sum);
    }
    return sum;
}

/* All values of one evaluation together: each alone has the limit of expressions. */
static int count(struct eval *ev, size_t bytes, struct err *e)
{
    const struct tok nowhere = {.file = ev->file};

    if (bytes > ev->max_bytes - ev->bytes)
        return FAIL(ev, &nowhere, e, "Maximum object size exceeded");
    ev->bytes += bytes;
    return 0;
}

static int eval_expr(struct eval *ev, const struct tok *t, struct val **out, struct err *e)
{
    AUTO(auto_val) struct val *v = NULL;
    struct expr_error xe = {0};
    struct err bad = {0};

    if (expr_eval_text(t->text, ev->env, &v, &xe, &bad) < 0)
        return FAIL(ev, t, e, "%s", err_whole(&bad));
    if (count(ev, value_bytes(v, ev->max_bytes - ev->bytes), e) < 0)
        return -1;
    *out = TAKE_PTR(v);
    return 0;
}

static int eval_node(struct eval *ev, const struct tok *t, unsigned depth, struct val **out,
                     struct err *e);

static int eval_sequence(struct eval *ev, const struct tok *t, unsigned depth, struct val **out,
                         struct err *e)
{
    AUTO(auto_val) struct val *arr = val_array();

    for (size_t i = 0; i < t->n; i++) {
        AUTO(auto_val) struct val *v = NULL;
        if (eval_node(ev, t->items[i], depth + 1, &v, e) < 0)
            return -1;
        if (t->items[i]->kind != TOK_EXPR || val_kind(v) != VAL_ARRAY) {
            val_push(arr, TAKE_PTR(v));
            continue;
        }
        for (size_t k = 0; k < val_count(v); k++)
            val_push(arr, val_ref(val_at(v, k)));
    }
    *out = TAKE_PTR(arr);
    return 0;
}

static int set_pair(const struct eval *ev, const struct tok *where, struct val *obj, struct sv key,
                    struct val *own_value, struct err *e)
{
    if (val_get(obj, key) != NULL) {
        val_unref(own_value);
        return FAIL(ev, where, e, "'%.*s' is already defined", SV_ARG(key));
    }
    val_set(obj, key, own_value);
    return 0;
}

static int eval_key(struct eval *ev, const struct tok *k, struct buf *key, struct err *e)
{
    AUTO(auto_val) struct val *v = NULL;

    if (k->kind != TOK_EXPR) {
        tok_literal_text(k, key);
        return count(ev, string_bytes(buf_sv(key)), e);
    }
    if (eval_expr(ev, k, &v, e) < 0)
        return -1;
    if (val_kind(v) == VAL_ARRAY || val_kind(v) == VAL_OBJECT)
        return FAIL(ev, k, e, "Expected a string");
    val_to_text(v, key);
    return 0;
}

static int merge(const struct eval *ev, const struct tok *where, struct val *obj,
                 const struct val *from, struct err *e)
{
    if (val_kind(from) != VAL_OBJECT)
        return FAIL(ev, where, e, "Expected a mapping");
    for (size_t i = 0; i < val_count(from); i++) {
        if (set_pair(ev, where, obj, val_key_at(from, i), val_ref(val_at(from, i)), e) < 0)
            return -1;
    }
    return 0;
}

static int eval_mapping(struct eval *ev, const struct tok *t, unsigned depth, struct val **out,
                        struct err *e)
{
    AUTO(auto_val) struct val *obj = val_object();

    for (size_t i = 0; i < t->n; i++) {
        const struct tok *k = t->items[2 * i];
        AUTO(auto_val) struct val *v = NULL;
        AUTO(buf_free) struct buf key = BUF_INIT(1U << 20);
        if (eval_node(ev, t->items[2 * i + 1], depth + 1, &v, e) < 0)
            return -1;
        if (k->kind == TOK_INSERT) {
            if (merge(ev, t->items[2 * i + 1], obj, v, e) < 0)
                return -1;
            continue;
        }
        if (eval_key(ev, k, &key, e) < 0)
            return -1;
        if (buf_done(&key, "key of a mapping", e) < 0)
            return -1;
        if (set_pair(ev, k, obj, buf_sv(&key), TAKE_PTR(v), e) < 0)
            return -1;
    }
    *out = TAKE_PTR(obj);
    return 0;
}

static int eval_node(struct eval *ev, const struct tok *t, unsigned depth, struct val **out,
                     struct err *e)
{
    if (depth > TOK_MAX_DEPTH)
        return FAIL(ev, t, e, "Maximum object depth exceeded");
    if (t->kind != TOK_EXPR &&
        count(ev, t->kind == TOK_STRING ? string_bytes(t->text) : TOKEN_BYTES, e) < 0)
        return -1;
    switch (t->kind) {
    case TOK_STRING:
        *out = val_string(t->text);
        return 0;
    case TOK_SEQUENCE:
        return eval_sequence(ev, t, depth, out, e);
    case TOK_MAPPING:
        return eval_mapping(ev, t, depth, out, e);
    case TOK_EXPR:
        return eval_expr(ev, t, out, e);
    case TOK_INSERT:
        return FAIL(ev, t, e, "The expression directive 'insert' is not supported in this context");
    case TOK_BOOL:
        *out = val_bool(t->b);
        return 0;
    case TOK_NUMBER:
        *out = val_number(t->num);
        return 0;
    case TOK_NULL:
        break;
    }
    *out = val_null();
    return 0;
}

int tok_eval(const struct tok *t, const struct expr_env *env, const char *const *files,
             size_t n_files, struct val **out, struct err *e)
{
    struct eval ev = {.env = env, .files = files, .n_files = n_files};

    if (t == NULL) {
        *out = val_null();
        return 0;
    }
    ev.file = t->file;
    ev.max_bytes = env->max_memory > 0 ? env->max_memory : MAX_BYTES;
    return eval_node(&ev, t, 1, out, e);
}

int tok_eval_text(const struct tok *t, const struct expr_env *env, const char *const *files,
                  size_t n_files, struct buf *out, struct err *e)
{
    AUTO(auto_val) struct val *v = NULL;

    if (tok_eval(t, env, files, n_files, &v, e) < 0)
        return -1;
    if (val_kind(v) == VAL_ARRAY || val_kind(v) == VAL_OBJECT)
        return tok_fail_kind(t, files, n_files, v, e);
    val_to_text(v, out);
    return 0;
}

int tok_fail_kind(const struct tok *t, const char *const *files, size_t n_files,
                  const struct val *v, struct err *e)
{
    AUTO(buf_free) struct buf text = BUF_INIT(QUOTED_MAX);

    if (val_kind(v) == VAL_ARRAY)
        return tok_fail(t, files, n_files, e, "A sequence was not expected");
    if (val_kind(v) == VAL_OBJECT)
        return tok_fail(t, files, n_files, e, "A mapping was not expected");
    val_to_text(v, &text);
    return tok_fail(t, files, n_files, e, "Unexpected value '%s'", text.p);
}

/* The scalar, or the error that the schema check of the official evaluator gives. */
static int eval_kind(const struct tok *t, const struct expr_env *env, const char *const *files,
                     size_t n_files, enum val_kind want, struct val **out, struct err *e)
{
    AUTO(auto_val) struct val *v = NULL;

    if (tok_eval(t, env, files, n_files, &v, e) < 0)
        return -1;
    if (val_kind(v) == want) {
        *out = TAKE_PTR(v);
        return 0;
    }
    return tok_fail_kind(t, files, n_files, v, e);
}

int tok_eval_bool(const struct tok *t, const struct expr_env *env, const char *const *files,
                  size_t n_files, bool *out, struct err *e)
{
    AUTO(auto_val) struct val *v = NULL;

    if (eval_kind(t, env, files, n_files, VAL_BOOL, &v, e) < 0)
        return -1;
    *out = val_get_bool(v);
    return 0;
}

int tok_eval_number(const struct tok *t, const struct expr_env *env, const char *const *files,
                    size_t n_files, double *out, struct err *e)
{
    AUTO(auto_val) struct val *v = NULL;

    if (eval_kind(t, env, files, n_files, VAL_NUMBER, &v, e) < 0)
        return -1;
    *out = val_get_number(v);
    return 0;
}
