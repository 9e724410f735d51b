/* SPDX-License-Identifier: Apache-2.0
 *
 * The body of a value, for value*.c and the evaluator (expr_*.c), whose speed depends on seeing it. */
#ifndef ACTIONS_VALUE_PRIV_H
#define ACTIONS_VALUE_PRIV_H

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
            size_t n;
            size_t utf16; /* length in UTF-16 units */
        } str;            /* the bytes follow the struct */
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
    return (struct sv){(const char *)(v + 1), v->str.n};
}

/* A string of n bytes whose content the caller writes at val_text(); utf16 is its length in UTF-16 units. */
struct val *val_string_room(size_t n, size_t utf16);
struct val *val_filtered(void); /* the result of a wildcard */
/* Look-up with the hash of the key at hand: val_key_hash() fits every object but case-sensitive ones. */
uint64_t val_key_hash(struct sv key);
struct val *val_get_hashed(const struct val *obj, struct sv key, uint64_t hash);
/* Text of a number into at least 32 bytes; returns its length. */
size_t val_number_text(double d, char *dst);
double val_parse_number(struct sv s); /* ParseNumber of spec 1.6 */
struct sv val_trim(struct sv s); /* Unicode white space (.NET Char.IsWhiteSpace) at both ends */
size_t val_space(struct sv s);   /* bytes of the white-space character at the start, 0 = none */

#endif
