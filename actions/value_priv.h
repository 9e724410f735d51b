/* SPDX-License-Identifier: Apache-2.0
 *
 * The body of a value, for value*.c and the evaluator (expr_*.c), whose speed depends on seeing it. */
#ifndef ACTIONS_VALUE_PRIV_H
#define ACTIONS_VALUE_PRIV_H

#include "actions/fold.h"
#include "actions/value.h"

#include <stdint.h>

#define VAL_IMMORTAL UINT32_MAX /* reference count of null, true and false: never changed */

struct val_member {
    struct val *value;
    char *key; /* NUL-terminated */
    size_t key_len;
    uint64_t hash; /* of the key, upper-cased unless case-sensitive */
};

struct val {
    uint32_t refs;
    uint8_t kind;
    bool flag; /* VAL_BOOL: the value; VAL_OBJECT: case-sensitive; VAL_ARRAY: filtered (spec 1.8) */
    union {
        double num;
        struct {
            struct sv s;  /* the bytes follow the struct, but in the literals of a tree */
            size_t utf16; /* length in UTF-16 units; VAL_UNITS_UNKNOWN in literals */
        } str;
        struct {
            size_t n, cap;
            struct val **v;
        } arr;
        struct {
            size_t n, cap;
            struct val_member *m;
            uint32_t *slots; /* open addressing: index + 1, 0 = free; NULL while n is small */
            size_t n_slots;  /* a power of two */
        } obj;
    };
};

static inline char *val_text(struct val *v)
{
    return (char *)(v + 1);
}
static inline struct sv val_sv(const struct val *v)
{
    return v->str.s;
}
static inline bool val_is_scalar(const struct val *v)
{
    return v->kind < VAL_ARRAY;
}
static inline size_t val_size(const struct val *v) /* val_count() without a call */
{
    return v->kind == VAL_ARRAY ? v->arr.n : v->kind == VAL_OBJECT ? v->obj.n : 0;
}
#define VAL_UNITS_UNKNOWN SIZE_MAX
static inline size_t val_units(const struct val *v) /* of a string */
{
    return v->str.utf16 != VAL_UNITS_UNKNOWN ? v->str.utf16 : utf8_utf16_len(v->str.s);
}

/* What val_null() and val_bool() return. */
extern struct val val_nothing, val_false, val_true;

static inline bool val_is_true(const struct val *v) /* val_truthy() without a call for most kinds */
{
    return v->kind == VAL_BOOL ? v->flag : v->kind == VAL_STRING ? v->str.s.n > 0 : val_truthy(v);
}

/* A string of n bytes whose content the caller writes at val_text(); utf16 is its length in UTF-16 units. */
struct val *val_string_room(size_t n, size_t utf16);
/* val_ref() and val_unref() without a call where there is nothing else to do. Not NULL. */
static inline struct val *val_keep(struct val *v)
{
    if (v->refs >= VAL_IMMORTAL - 1)
        return val_ref(v);
    v->refs++;
    return v;
}
static inline void val_drop(struct val *v)
{
    if (v->refs > 1 && v->refs != VAL_IMMORTAL)
        v->refs--;
    else
        val_unref(v);
}

/* What the reference accounts for a string, besides 2 bytes a UTF-16 unit (MemoryCounter.cs). */
#define VAL_STRING_BYTES ((size_t)26)

/* toJSON's text as a value; NULL when putting it together takes more than max_memory, accounted as the reference does. */
struct val *val_pretty_string(const struct val *v, size_t max_memory);
struct val *val_filtered(size_t room); /* the result of a wildcard: room items follow the struct */

extern uint64_t val_seed[2]; /* of the hash; written once, before main */

/* 64 x 64 -> 128 bits, folded: the mixing step of wyhash. */
static inline uint64_t val_hash_step(uint64_t h, uint64_t w)
{
    __extension__ unsigned __int128 r = (__extension__(unsigned __int128)(h ^ w)) * val_seed[1];

    return (uint64_t)r ^ (uint64_t)(r >> 64);
}

/* memcmp() for keys, which are short. */
static inline bool val_same_bytes(const char *a, const char *b, size_t n)
{
    for (; n >= sizeof(uint64_t);
         n -= sizeof(uint64_t), a += sizeof(uint64_t), b += sizeof(uint64_t))
        if (fold_load8(a) != fold_load8(b))
            return false;
    return fold_load_few(a, n) == fold_load_few(b, n);
}

/* Look-up with the hash of the key at hand: val_key_hash() fits every object but case-sensitive ones. Short ASCII
 * keys and small objects, which nearly all are, go without a call. */
uint64_t val_key_hash_any(struct sv key);
struct val *val_get_hashed_any(const struct val *obj, struct sv key, uint64_t hash);
static inline uint64_t val_key_hash(struct sv key)
{
    uint64_t h = val_seed[0] ^ key.n, w;

    if (key.n >= 2 * sizeof w)
        return val_key_hash_any(key);
    if (key.n >= sizeof w) {
        w = fold_load8(key.p);
        if ((w & FOLD_HIGH) != 0)
            return val_key_hash_any(key);
        h = val_hash_step(h, fold_upper8(w));
        key = (struct sv){key.p + sizeof w, key.n - sizeof w};
    }
    w = fold_load_few(key.p, key.n);
    if ((w & FOLD_HIGH) != 0)
        return val_key_hash_any(key);
    return val_hash_step(h, fold_upper8(w));
}
static inline struct val *val_get_hashed(const struct val *obj, struct sv key, uint64_t hash)
{
    if (obj->flag || obj->obj.slots != NULL)
        return val_get_hashed_any(obj, key, hash);
    for (size_t i = 0; i < obj->obj.n; i++) {
        const struct val_member *m = &obj->obj.m[i];
        if (m->hash != hash)
            continue;
        if (m->key_len == key.n && val_same_bytes(m->key, key.p, key.n))
            return m->value;
        return val_get_hashed_any(obj, key, hash);
    }
    return NULL;
}
/* Text of a number into at least 32 bytes; returns its length. */
size_t val_number_text(double d, char *dst);
/* What val_to_text() appends. Lent; numbers are written into tmp. */
struct sv val_lend_text_any(const struct val *v, char tmp[32]);
static inline struct sv val_lend_text(const struct val *v, char tmp[32])
{
    return v->kind == VAL_STRING ? v->str.s : val_lend_text_any(v, tmp);
}
double val_parse_number(struct sv s); /* ParseNumber of spec 1.6 */
struct sv val_trim(struct sv s); /* Unicode white space (.NET Char.IsWhiteSpace) at both ends */
size_t val_space(struct sv s);   /* bytes of the white-space character at the start, 0 = none */

#endif
