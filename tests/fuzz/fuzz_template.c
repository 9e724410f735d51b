/* SPDX-License-Identifier: Apache-2.0
 *
 * Templates: a YAML value with expressions, read as tokens and evaluated in a fixed world. Invariants: an error has a
 * text, with a place where the text was read; a copy, and what came through the job message's encoding, has the same
 * value or the same error; a value obeys the limit of its size; a value without expressions is what was written. */
#include <stdint.h>
#include <stdlib.h>

#include "actions/token.h"
#include "base/json.h"
#include "base/mem.h"
#include "tests/fuzz/said.h"

#define MAX_INPUT  ((size_t)2 << 20)
#define MAX_MEMORY ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char world_json[] =
    "{\"github\":{\"ref\":\"refs/heads/main\",\"n\":12,\"no\":false,\"list\":[1,\"b\",[true,null],{\"k\":2}],"
    "\"map\":{\"a\":1,\"B\":\"two\",\"c\":{\"d\":[]}},\"none\":null,\"x\\u00e4\":\"\\ud83d\\ude00\"},"
    "\"matrix\":{\"os\":\"linux\",\"v\":1.5},\"inputs\":{\"flag\":true},\"env\":{\"A\":\"}} ${{ 1 }}\"}}";

static const char *const files[] = {"f.yml"};

static struct val *context(void *ctx, struct sv name)
{
    return val_get(ctx, name);
}

static bool yes(void *ctx)
{
    (void)ctx;
    return true;
}

/* What became of a token: the value, or the error, as text. */
static void evaluate(const struct tok *t, const struct expr_env *env, struct buf *out)
{
    AUTO(auto_val) struct val *v = NULL;
    struct err e = {0};

    if (tok_eval(t, env, files, 1, &v, &e) < 0) {
        if (e.code != FAIL_INPUT || e.msg[0] == '\0' || v != NULL)
            abort();
        said(err_whole(&e));
        buf_addf(out, "error: %s", err_whole(&e));
        return;
    }
    AUTO(auto_json) json_t *j = val_to_json(v);
    jx_write(out, j);
    if (out->len > 8 * MAX_MEMORY) /* a byte of a text is at most six in JSON */
        abort();
}

/* The typed forms say the same as the plain one. */
static void check_scalars(const struct tok *t, const struct expr_env *env)
{
    AUTO(auto_val) struct val *v = NULL;
    AUTO(buf_free) struct buf text = BUF_INIT(MAX_MEMORY * 4), plain = BUF_INIT(MAX_MEMORY * 4);
    struct err e = {0}, ignored = {0};
    bool b = false;
    double d = 0;

    bool good = tok_eval(t, env, files, 1, &v, &e) == 0;
    enum val_kind kind = good ? val_kind(v) : VAL_OBJECT;
    bool is_text = tok_eval_text(t, env, files, 1, &text, &ignored) == 0;
    bool is_bool = tok_eval_bool(t, env, files, 1, &b, &ignored) == 0;
    bool is_number = tok_eval_number(t, env, files, 1, &d, &ignored) == 0;
    if (is_text != (kind != VAL_ARRAY && kind != VAL_OBJECT) || is_bool != (kind == VAL_BOOL) ||
        is_number != (kind == VAL_NUMBER))
        abort();
    if (is_text)
        val_to_text(v, &plain);
    if (is_text && !sv_eq(buf_sv(&text), buf_sv(&plain)))
        abort();
}

static bool has_infinity(const struct tok *t)
{
    size_t n = t->kind == TOK_MAPPING ? 2 * t->n : t->n;

    for (size_t i = 0; i < n; i++)
        if (has_infinity(t->items[i]))
            return true;
    return t->kind == TOK_NUMBER && !(t->num - t->num <= 0); /* the encoding has texts for these */
}

static bool has_lone_key(const struct tok *t)
{
    for (size_t i = 0; t->kind == TOK_MAPPING && i < t->n; i++)
        if (t->items[2 * i]->kind == TOK_SEQUENCE || t->items[2 * i]->kind == TOK_MAPPING)
            return true;
    size_t n = t->kind == TOK_MAPPING ? 2 * t->n : t->n;
    for (size_t i = 0; i < n; i++)
        if (has_lone_key(t->items[i]))
            return true;
    return false;
}

static void check_copies(const struct tok *t, const struct expr_env *env, struct sv want)
{
    AUTO(buf_free) struct buf of_clone = BUF_INIT(64U << 20), of_json = BUF_INIT(64U << 20);
    AUTO(auto_tok) struct tok *clone = tok_clone(t);
    AUTO(auto_tok) struct tok *back = NULL;
    AUTO(auto_json) json_t *j = tok_to_json(t);
    struct err e = {0};

    evaluate(clone, env, &of_clone);
    if (!sv_eq(buf_sv(&of_clone), want))
        abort();
    if (tok_from_json(j, &back, &e) < 0) {
        if (!has_lone_key(t)) /* a key is a scalar there */
            abort();
        return;
    }
    evaluate(back, env, &of_json);
    if (!sv_eq(buf_sv(&of_json), want) && !has_infinity(t))
        abort();
}

static void check_template(const struct tok *t, struct val *world)
{
    const struct expr_env env = {.ctx = world,
                                 .context = context,
                                 .success = yes,
                                 .failure = yes,
                                 .cancelled = yes,
                                 .max_memory = MAX_MEMORY};
    AUTO(buf_free) struct buf want = BUF_INIT(64U << 20);

    evaluate(t, &env, &want);
    check_copies(t, &env, buf_sv(&want));
    check_scalars(t, &env);
    if (t->kind == TOK_MAPPING || t->kind == TOK_SEQUENCE)
        for (size_t i = 0; i < t->n && i < 8; i++)
            check_scalars(t->items[t->kind == TOK_MAPPING ? 2 * i + 1 : i], &env);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const contexts[] = {"github", "matrix", "inputs", "env", NULL};
    static const char *const functions[] = {"success(0,MAX)", "always(0,0)", NULL};
    const struct expr_names names = {contexts, functions};
    AUTO(auto_yx) struct yx_doc *doc = NULL;
    AUTO(auto_tok) struct tok *t = NULL;
    struct err e = {0};

    if (size == 0 || size > MAX_INPUT)
        return 0;
    AUTO(auto_free) char *in = xmemdup(data, size);
    struct yx_limits lim = yx_default_limits;
    lim.duplicates_ok = true; /* evaluation has its own rule */
    if (yx_parse((struct sv){in, size}, &lim, &doc, &e) < 0) {
        said(err_whole(&e));
        return 0;
    }
    if (yx_root(doc) == NULL)
        return 0;
    if (tok_from_yaml(yx_root(doc), 1, data[size - 1] == '#' ? NULL : &names, &t, &e) < 0) {
        if (e.code != FAIL_INPUT || !ch_is_digit(e.msg[0]) || t != NULL)
            abort();
        said(err_whole(&e));
        return 0;
    }
    AUTO(auto_json) json_t *j = jx_parse(sv_of(world_json), "world", &e);
    AUTO(auto_val) struct val *world = val_from_json(j);
    check_template(t, world);
    return 0;
}
