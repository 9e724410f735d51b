/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of the expression language (spec expressions 1.5): null, boolean, number, string, array, object.
 * Reference-counted and immutable once shared; objects keep insertion order and look members up without
 * regard to ASCII case unless they are case-sensitive. One thread. */
#ifndef ACTIONS_VALUE_H
#define ACTIONS_VALUE_H

#include "base/json.h"
#include "base/sv.h"

enum val_kind { VAL_NULL, VAL_BOOL, VAL_NUMBER, VAL_STRING, VAL_ARRAY, VAL_OBJECT };
struct val;

struct val *val_null(void); /* every constructor returns a new reference */
struct val *val_bool(bool b);
struct val *val_number(double d);
struct val *val_string(struct sv s); /* copies */
struct val *val_array(void);
struct val *val_object(void);       /* ASCII case ignored on look-up */
struct val *val_object_cs(void);    /* case-sensitive */
struct val *val_ref(struct val *v); /* NULL is fine */
void val_unref(struct val *v);      /* NULL is fine */
void auto_val(struct val **v);

enum val_kind val_kind(const struct val *v);
bool val_get_bool(const struct val *v);
double val_get_number(const struct val *v);
struct sv val_get_string(const struct val *v);       /* lent, NUL-terminated; "" for other kinds */
size_t val_count(const struct val *v);               /* items or members; 0 for others */
struct val *val_at(const struct val *v, size_t i);   /* lent; item or member value */
struct sv val_key_at(const struct val *v, size_t i); /* lent */
struct val *val_get(const struct val *v, struct sv key); /* lent or NULL */
static inline struct val *val_gets(const struct val *v, const char *key)
{
    return val_get(v, sv_of(key));
}
/* Building only, before the value is shared. own_: the reference is taken over. Set replaces. */
void val_push(struct val *arr, struct val *own_item);
void val_set(struct val *obj, struct sv key, struct val *own_value);
static inline void val_sets(struct val *obj, const char *key, struct val *own_value)
{
    val_set(obj, sv_of(key), own_value);
}
void val_del(struct val *obj, struct sv key);
struct val *val_clone_shallow(const struct val *v); /* a fresh container with the same children */

/* Conversions of the language (1.6). Text of null "", numbers as G15, arrays "Array", objects "Object". */
bool val_truthy(const struct val *v);
void val_to_text(const struct val *v, struct buf *b);
double val_to_number(const struct val *v);

/* Plain JSON both ways, and the two encodings of the job message. */
struct val *val_from_json(const json_t *j); /* case-insensitive objects */
json_t *val_to_json(const struct val *v);   /* new reference */
/* "ContextData" (spec job-execution 1.6). FAIL_INPUT. */
MUST_USE int val_from_context(const json_t *j, struct val **out, struct err *e);
json_t *val_to_context(const struct val *v); /* new reference */
/* JSON text as fromJSON() reads it: NaN and infinities too, at most 64 levels. FAIL_INPUT. */
MUST_USE int val_parse_json(struct sv text, struct val **out, struct err *e);
/* toJSON() of the language: two spaces, member order kept, .NET-compatible number text. */
void val_to_pretty(const struct val *v, struct buf *b);

#endif
