/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens in the encoding of the job message (spec job-execution 1.7).
 * Source: actions/runner: src/Sdk/DTObjectTemplating/ObjectTemplating/Tokens/TemplateTokenJsonConverter.cs. */
#include <limits.h>
#include <math.h>

#include <jansson.h>

#include "actions/token_priv.h"
#include "base/mem.h"

/* Ours: above what the official reader would evaluate (1,000,000 events). */
#define MAX_TOKENS 1000000U

/* ---- writing ---- */

static json_t *number_json(double d)
{
    /* The official serializer writes these as texts; JSON has no other form. */
    if (isnan(d))
        return json_string("NaN");
    if (isinf(d))
        return json_string(d < 0 ? "-Infinity" : "Infinity");
    if (d >= -9007199254740992.0 && d <= 9007199254740992.0 && !(d < trunc(d)) && !(d > trunc(d)))
        return json_integer((json_int_t)d);
    return json_real(d);
}

static json_t *bare(const struct tok *t)
{
    switch (t->kind) {
    case TOK_STRING:
        return jx_str_new(t->text);
    case TOK_BOOL:
        return json_boolean(t->b);
    case TOK_NUMBER:
        return number_json(t->num);
    case TOK_NULL:
        return json_null();
    case TOK_SEQUENCE:
    case TOK_MAPPING:
    case TOK_EXPR:
    case TOK_INSERT:
        break;
    }
    return NULL;
}

static json_t *items_json(const struct tok *t)
{
    json_t *a = json_array();

    for (size_t i = 0; i < t->n; i++) {
        if (t->kind == TOK_SEQUENCE) {
            (void)json_array_append_new(a, tok_to_json(t->items[i]));
            continue;
        }
        json_t *pair = json_object();
        (void)json_object_set_new(pair, "Key", tok_to_json(t->items[2 * i]));
        (void)json_object_set_new(pair, "Value", tok_to_json(t->items[2 * i + 1]));
        (void)json_array_append_new(a, pair);
    }
    return a;
}

static void set_payload(json_t *o, const struct tok *t)
{
    switch (t->kind) {
    case TOK_STRING:
        (void)json_object_set_new(o, "lit", bare(t));
        return;
    case TOK_SEQUENCE:
        if (t->n > 0)
            (void)json_object_set_new(o, "seq", items_json(t));
        return;
    case TOK_MAPPING:
        if (t->n > 0)
            (void)json_object_set_new(o, "map", items_json(t));
        return;
    case TOK_EXPR:
        (void)json_object_set_new(o, "expr", jx_str_new(t->text));
        return;
    case TOK_INSERT:
        (void)json_object_set_new(o, "directive", json_string("insert"));
        return;
    case TOK_BOOL:
        (void)json_object_set_new(o, "bool", bare(t));
        return;
    case TOK_NUMBER:
        (void)json_object_set_new(o, "num", bare(t));
        return;
    case TOK_NULL:
        return;
    }
}

json_t *tok_to_json(const struct tok *t)
{
    if (t == NULL)
        return json_null();
    if (t->line == 0 && t->file == 0) {
        json_t *j = bare(t);
        if (j != NULL)
            return j;
    }
    json_t *o = json_object();
    (void)json_object_set_new(o, "type", json_integer((json_int_t)t->kind));
    if (t->file != 0)
        (void)json_object_set_new(o, "file", json_integer((json_int_t)t->file));
    if (t->line != 0) {
        (void)json_object_set_new(o, "line", json_integer((json_int_t)t->line));
        (void)json_object_set_new(o, "col", json_integer((json_int_t)t->col));
    }
    set_payload(o, t);
    return o;
}

/* ---- reading ---- */

struct reader {
    size_t n;
};

static struct sv json_sv(const json_t *j)
{
    return (struct sv){json_string_value(j), json_string_length(j)};
}

static unsigned position(const json_t *o, const char *key)
{
    int64_t v = jx_int(o, key, 0);

    return v > 0 && v <= INT_MAX ? (unsigned)v : 0;
}

static double number_of(const json_t *j)
{
    if (json_is_number(j))
        return json_number_value(j);
    if (json_is_string(j)) {
        AUTO(auto_val) struct val *v = val_string(json_sv(j));
        return val_to_number(v);
    }
    return 0;
}

static int read_token(struct reader *r, const json_t *j, unsigned depth, struct tok **out,
                      struct err *e);

/* An ignored value inside a collection is a null token, so that indexes and pairs stay whole. */
static int read_item(struct reader *r, const json_t *j, unsigned depth, struct tok **out,
                     struct err *e)
{
    struct tok *t = NULL;

    if (j != NULL && read_token(r, j, depth, &t, e) < 0)
        return -1;
    *out = t != NULL ? t : tok_make(TOK_NULL, SV(""));
    return 0;
}

static int read_items(struct reader *r, const json_t *list, struct tok *t, unsigned depth,
                      struct err *e)
{
    size_t n = json_array_size(list);

    if (list != NULL && !json_is_null(list) && !json_is_array(list))
        return err_set(e, FAIL_INPUT, "template token: the items are not an array");
    tok_reserve(t, t->kind == TOK_MAPPING ? 2 * n : n);
    for (size_t i = 0; i < n; i++) {
        const json_t *j = json_array_get(list, i);
        struct tok *item;
        if (t->kind == TOK_SEQUENCE) {
            if (read_item(r, j, depth + 1, &item, e) < 0)
                return -1;
            tok_append(t, item);
            continue;
        }
        AUTO(auto_tok) struct tok *key = NULL;
        if (!json_is_object(j))
            return err_set(e, FAIL_INPUT, "template token: a pair of a mapping is not an object");
        if (read_item(r, jx_iget(j, "Key"), depth + 1, &key, e) < 0 ||
            read_item(r, jx_iget(j, "Value"), depth + 1, &item, e) < 0)
            return -1;
        if (key->kind == TOK_SEQUENCE || key->kind == TOK_MAPPING) {
            tok_free(item);
            return err_set(e, FAIL_INPUT, "template token: a key of a mapping is not a scalar");
        }
        tok_append_pair(t, TAKE_PTR(key), item);
    }
    return 0;
}

static struct tok *read_bare(const json_t *j)
{
    struct tok *t = tok_make(TOK_NULL, json_is_string(j) ? json_sv(j) : SV(""));

    if (json_is_string(j))
        t->kind = TOK_STRING;
    else if (json_is_boolean(j))
        t->kind = TOK_BOOL;
    else if (json_is_number(j))
        t->kind = TOK_NUMBER;
    t->b = json_is_true(j);
    t->num = json_number_value(j);
    return t;
}

static int read_object(struct reader *r, const json_t *j, unsigned depth, struct tok **out,
                       struct err *e)
{
    const json_t *type = jx_iget(j, "type");
    json_int_t k = type != NULL ? json_integer_value(type) : TOK_STRING;

    if (type != NULL && !json_is_integer(type)) {
        *out = NULL; /* the official reader ignores such a value */
        return 0;
    }
    if (k < TOK_STRING || k > TOK_NULL)
        return err_set(e, FAIL_INPUT, "template token: unknown type %lld", (long long)k);
    enum tok_kind kind = (enum tok_kind)k;
    const json_t *text = kind == TOK_STRING ? jx_iget(j, "lit")
                         : kind == TOK_EXPR ? jx_iget(j, "expr")
                                            : NULL;
    if (text != NULL && !json_is_string(text) && !json_is_null(text))
        return err_set(e, FAIL_INPUT, "template token: the text is not a string");
    struct sv directive = kind == TOK_INSERT ? jx_str(j, "directive", "insert") : SV("insert");
    if (!sv_is(directive, "insert"))
        return err_set(e, FAIL_INPUT, "template token: unknown directive '%.*s'",
                       (int)(directive.n > 40 ? 40 : directive.n), directive.p);
    AUTO(auto_tok)
    struct tok *t = tok_make(kind, json_is_string(text) ? json_sv(text) : SV(""));
    t->file = position(j, "file");
    t->line = position(j, "line");
    t->col = position(j, "col");
    if (kind == TOK_BOOL)
        t->b = json_is_true(jx_iget(j, "bool"));
    if (kind == TOK_NUMBER)
        t->num = number_of(jx_iget(j, "num"));
    if ((kind == TOK_SEQUENCE && read_items(r, jx_iget(j, "seq"), t, depth, e) < 0) ||
        (kind == TOK_MAPPING && read_items(r, jx_iget(j, "map"), t, depth, e) < 0))
        return -1;
    *out = TAKE_PTR(t);
    return 0;
}

static int read_token(struct reader *r, const json_t *j, unsigned depth, struct tok **out,
                      struct err *e)
{
    if (depth > TOK_MAX_DEPTH)
        return err_set(e, FAIL_LIMIT, "template token: nested deeper than %u", TOK_MAX_DEPTH);
    if (++r->n > MAX_TOKENS)
        return err_set(e, FAIL_LIMIT, "template token: more than %u parts", MAX_TOKENS);
    if (json_is_object(j))
        return read_object(r, j, depth, out, e);
    if (json_is_array(j))
        return err_set(e, FAIL_INPUT, "template token: unexpected array");
    *out = read_bare(j);
    return 0;
}

int tok_from_json(const json_t *j, struct tok **out, struct err *e)
{
    struct reader r = {0};

    if (j == NULL) {
        *out = NULL;
        return 0;
    }
    return read_token(&r, j, 1, out, e);
}
