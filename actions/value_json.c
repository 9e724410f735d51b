/* SPDX-License-Identifier: Apache-2.0
 *
 * Values from and to JSON: plain, and the "ContextData" encoding of the job message.
 * Source: actions/runner 258d6c8: src/Sdk/DTPipelines/Pipelines/ContextData/PipelineContextDataJsonConverter.cs
 * and the classes beside it, through spec job-execution 1.6. */
#include "actions/value.h"

#include <jansson.h>
#include <math.h>
#include <stdint.h>

#include "actions/value_priv.h"

/* The values of one document are as deep as its JSON, which JX_MAX_DEPTH bounds where it is read. */

static struct sv json_sv(const json_t *j)
{
    return (struct sv){json_string_value(j), json_string_length(j)};
}

static struct sv iter_key(void *it)
{
    return (struct sv){json_object_iter_key(it), json_object_iter_key_len(it)};
}

/* The value of a JSON scalar, or NULL. */
static struct val *scalar(const json_t *j)
{
    switch (json_typeof(j)) {
    case JSON_NULL:
        return val_null();
    case JSON_TRUE:
    case JSON_FALSE:
        return val_bool(json_is_true(j));
    case JSON_STRING:
        return val_string(json_sv(j));
    case JSON_INTEGER:
    case JSON_REAL:
        return val_number(json_number_value(j));
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return NULL;
}

struct val *val_from_json(const json_t *j)
{
    if (j == NULL)
        return val_null();
    if (json_is_array(j)) {
        struct val *arr = val_array();
        for (size_t i = 0; i < json_array_size(j); i++)
            val_push(arr, val_from_json(json_array_get(j, i)));
        return arr;
    }
    if (json_is_object(j)) {
        struct val *obj = val_object();
        json_t *o = (json_t *)(uintptr_t)j; /* jansson's iterators want it without const */
        for (void *it = json_object_iter(o); it != NULL; it = json_object_iter_next(o, it))
            val_set(obj, iter_key(it), val_from_json(json_object_iter_value(it)));
        return obj;
    }
    return scalar(j);
}

/* Integral numbers become JSON integers while a double holds them exactly; NaN and infinities, which JSON
 * does not have, become null. */
static json_t *number_to_json(double d)
{
    const double exact = 9007199254740992.0; /* 2^53 */

    if (!isfinite(d))
        return json_null();
    if (d >= -exact && d <= exact && fpclassify(trunc(d) - d) == FP_ZERO)
        return json_integer((json_int_t)d);
    return json_real(d);
}

static json_t *scalar_to_json(const struct val *v)
{
    switch ((enum val_kind)v->kind) {
    case VAL_BOOL:
        return json_boolean(v->flag);
    case VAL_NUMBER:
        return number_to_json(v->num);
    case VAL_STRING:
        return jx_str_new(val_sv(v));
    case VAL_NULL:
    case VAL_ARRAY:
    case VAL_OBJECT:
        break;
    }
    return json_null();
}

/* Sets a member whose key may hold what jansson refuses (ill-formed UTF-8): it is made well-formed first. */
static void set_member(json_t *o, struct sv key, json_t *own_value)
{
    json_t *k = jx_str_new(key);

    (void)json_object_setn_new(o, json_string_value(k), json_string_length(k), own_value);
    json_decref(k);
}

json_t *val_to_json(const struct val *v)
{
    if (v == NULL)
        return json_null();
    if (v->kind == VAL_ARRAY) {
        json_t *a = json_array();
        for (size_t i = 0; i < v->arr.n; i++)
            (void)json_array_append_new(a, val_to_json(v->arr.v[i]));
        return a;
    }
    if (v->kind == VAL_OBJECT) {
        json_t *o = json_object();
        for (size_t i = 0; i < v->obj.n; i++)
            set_member(o, val_key_at(v, i), val_to_json(v->obj.m[i].value));
        return o;
    }
    return scalar_to_json(v);
}

enum context_type { CTX_STRING, CTX_ARRAY, CTX_DICT, CTX_BOOL, CTX_NUMBER, CTX_DICT_CS };

static int from_context(const json_t *j, unsigned depth, struct val **out, struct err *e);

static int context_array(const json_t *j, unsigned depth, struct val **out, struct err *e)
{
    AUTO(auto_val) struct val *arr = val_array();
    const json_t *items = json_object_get(j, "a");

    for (size_t i = 0; i < json_array_size(items); i++) {
        struct val *item;
        if (from_context(json_array_get(items, i), depth + 1, &item, e) < 0)
            return -1;
        val_push(arr, item);
    }
    *out = val_ref(arr);
    return 0;
}

static int context_dict(const json_t *j, bool cs, unsigned depth, struct val **out, struct err *e)
{
    AUTO(auto_val) struct val *obj = cs ? val_object_cs() : val_object();
    const json_t *pairs = json_object_get(j, "d");

    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *pair = json_array_get(pairs, i);
        const json_t *key = json_object_get(pair, "k");
        struct val *item;
        if (!json_is_string(key))
            return err_set(e, FAIL_INPUT, "context data has a pair without key");
        if (val_get(obj, json_sv(key)) != NULL)
            return err_set(e, FAIL_INPUT, "context data has the key '%.100s' twice",
                           json_string_value(key));
        if (from_context(json_object_get(pair, "v"), depth + 1, &item, e) < 0)
            return -1;
        val_set(obj, json_sv(key), item);
    }
    *out = val_ref(obj);
    return 0;
}

static int from_context(const json_t *j, unsigned depth, struct val **out, struct err *e)
{
    if (depth > JX_MAX_DEPTH)
        return err_set(e, FAIL_LIMIT, "context data is nested deeper than %d", JX_MAX_DEPTH);
    if (j == NULL || json_is_array(j)) { /* a bare array is not a value of this encoding */
        *out = val_null();
        return 0;
    }
    if (!json_is_object(j)) {
        *out = scalar(j);
        return 0;
    }
    const json_t *t = json_object_get(j, "t");
    if (t != NULL && !json_is_integer(t)) {
        *out = val_null();
        return 0;
    }
    json_int_t type = json_integer_value(t); /* a missing type means string */
    switch (type) {
    case CTX_STRING: {
        const json_t *s = json_object_get(j, "s");
        *out = json_is_string(s) ? val_string(json_sv(s)) : val_string(SV(""));
        return 0;
    }
    case CTX_ARRAY:
        return context_array(j, depth, out, e);
    case CTX_DICT:
    case CTX_DICT_CS:
        return context_dict(j, type == CTX_DICT_CS, depth, out, e);
    case CTX_BOOL:
        *out = val_bool(json_is_true(json_object_get(j, "b")));
        return 0;
    case CTX_NUMBER:
        *out = val_number(json_number_value(json_object_get(j, "n")));
        return 0;
    default:
        return err_set(e, FAIL_INPUT, "Unexpected PipelineContextDataType '%lld'", (long long)type);
    }
}

int val_from_context(const json_t *j, struct val **out, struct err *e)
{
    return from_context(j, 1, out, e);
}

json_t *val_to_context(const struct val *v)
{
    if (v == NULL || (v->kind != VAL_ARRAY && v->kind != VAL_OBJECT))
        return v == NULL ? json_null() : scalar_to_json(v);
    json_t *o = json_object(), *list = json_array();
    bool dict = v->kind == VAL_OBJECT;

    for (size_t i = 0; i < val_count(v); i++) {
        json_t *item = val_to_context(val_at(v, i));
        if (dict) {
            json_t *pair = json_object();
            (void)json_object_set_new(pair, "k", jx_str_new(val_key_at(v, i)));
            (void)json_object_set_new(pair, "v", item);
            item = pair;
        }
        (void)json_array_append_new(list, item);
    }
    (void)json_object_set_new(o, "t",
                              json_integer(!dict     ? CTX_ARRAY
                                           : v->flag ? CTX_DICT_CS
                                                     : CTX_DICT));
    if (json_array_size(list) > 0)
        (void)json_object_set_new(o, dict ? "d" : "a", list);
    else
        json_decref(list);
    return o;
}
