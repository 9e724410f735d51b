/* SPDX-License-Identifier: Apache-2.0
 *
 * Values: construction, life time and look-up. Objects keep their members in an array in insertion order;
 * from SMALL members on a hash index of positions is kept beside it. Hashes are seeded per process, so that
 * chosen keys cannot make look-ups slow. */
#include "actions/value.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>

#include "actions/fold.h"
#include "actions/value_priv.h"
#include "base/mem.h"

#define SMALL 8 /* members that are searched one by one */

/* The first items and members live behind the struct: most containers are small, and are one block then. */
#define FEW_ITEMS   6
#define FEW_MEMBERS 4

/* Never written: the immortal count keeps val_ref and val_unref off them. */
struct val val_nothing = {.refs = VAL_IMMORTAL, .kind = VAL_NULL};
struct val val_false = {.refs = VAL_IMMORTAL, .kind = VAL_BOOL, .flag = false};
struct val val_true = {.refs = VAL_IMMORTAL, .kind = VAL_BOOL, .flag = true};

static struct val *make(enum val_kind kind, size_t extra)
{
    struct val *v = xmalloc(sizeof *v + extra);

    *v = (struct val){.refs = 1, .kind = (uint8_t)kind};
    return v;
}

struct val *val_null(void)
{
    return &val_nothing;
}

struct val *val_bool(bool b)
{
    return b ? &val_true : &val_false;
}

/* Small whole numbers exist once. Written before main. */
#define SMALL_NUMBERS 256
static struct val small[SMALL_NUMBERS];

__attribute__((constructor)) static void small_init(void)
{
    for (unsigned i = 0; i < SMALL_NUMBERS; i++)
        small[i] = (struct val){.refs = VAL_IMMORTAL, .kind = VAL_NUMBER, .num = i};
}

struct val *val_number(double d)
{
    if (d >= 0 && d < SMALL_NUMBERS && !signbit(d)) {
        struct val *v = &small[(unsigned)d];
        if (v->num >= d) /* whole */
            return v;
    }
    struct val *v = make(VAL_NUMBER, 0);

    v->num = d;
    return v;
}

struct val *val_string_room(size_t n, size_t utf16)
{
    BUG(n > SIZE_MAX / 2);
    struct val *v = make(VAL_STRING, n + 1);

    v->str.s = (struct sv){val_text(v), n};
    v->str.utf16 = utf16;
    val_text(v)[n] = '\0';
    return v;
}

struct val *val_string(struct sv s)
{
    struct val *v = val_string_room(s.n, utf8_utf16_len(s));

    if (s.n > 0)
        memcpy(val_text(v), s.p, s.n);
    return v;
}

static struct val *make_array(size_t room)
{
    struct val *v = make(VAL_ARRAY, room * sizeof(struct val *));

    v->arr.cap = room;
    v->arr.v = (struct val **)(void *)(v + 1);
    return v;
}

static struct val *make_object(void)
{
    struct val *v = make(VAL_OBJECT, FEW_MEMBERS * sizeof(struct val_member));

    v->obj.cap = FEW_MEMBERS;
    v->obj.m = (struct val_member *)(void *)(v + 1);
    return v;
}

static bool is_inside(const struct val *v, const void *items)
{
    return items == (const void *)(v + 1);
}

/* Room for one more item of this size. */
static void *more_room(const struct val *v, void *items, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return items;
    bool inside = is_inside(v, items);
    void *more = xreallocarray(inside ? NULL : items, *cap * 2, size);
    if (inside)
        memcpy(more, items, n * size);
    *cap *= 2;
    return more;
}

struct val *val_array(void)
{
    return make_array(FEW_ITEMS);
}

struct val *val_filtered(size_t room)
{
    BUG(room > SIZE_MAX / 2 / sizeof(struct val *));
    struct val *v = make_array(room);

    v->flag = true;
    return v;
}

struct val *val_object(void)
{
    return make_object();
}

struct val *val_object_cs(void)
{
    struct val *v = make_object();

    v->flag = true;
    return v;
}

struct val *val_ref(struct val *v)
{
    if (v != NULL && v->refs != VAL_IMMORTAL) {
        BUG(v->refs == VAL_IMMORTAL - 1);
        v->refs++;
    }
    return v;
}

/* Takes the children off a container and appends them to the list of values to release, which is threaded
 * through the freed values' own memory: no recursion, however deep the tree is. */
static void release_children(struct val *v, struct val **list)
{
    size_t n = v->kind == VAL_ARRAY ? v->arr.n : v->obj.n;

    for (size_t i = 0; i < n; i++) {
        struct val *c = v->kind == VAL_ARRAY ? v->arr.v[i] : v->obj.m[i].value;
        if (v->kind == VAL_OBJECT)
            free(v->obj.m[i].key);
        if (c->refs == VAL_IMMORTAL || --c->refs > 0)
            continue;
        if (c->kind != VAL_ARRAY && c->kind != VAL_OBJECT) {
            free(c);
            continue;
        }
        /* A dead container: its count is of no use any more, its first array pointer is still needed. */
        if (c->kind == VAL_ARRAY)
            c->arr.cap = (size_t)(uintptr_t)*list;
        else
            c->obj.cap = (size_t)(uintptr_t)*list;
        *list = c;
    }
    if (v->kind == VAL_ARRAY) {
        if (!is_inside(v, v->arr.v))
            free(v->arr.v);
    } else {
        if (!is_inside(v, v->obj.m))
            free(v->obj.m);
        free(v->obj.slots);
    }
    free(v);
}

void val_unref(struct val *v)
{
    if (v == NULL || v->refs == VAL_IMMORTAL || --v->refs > 0)
        return;
    if (v->kind != VAL_ARRAY && v->kind != VAL_OBJECT) {
        free(v);
        return;
    }
    struct val *list = NULL;
    release_children(v, &list);
    while (list != NULL) {
        struct val *next = list;
        /* The pointer was kept as a number in the capacity that a dead container does not need. */
        list = (struct val *)(uintptr_t)(next->kind == VAL_ARRAY ? next->arr.cap : next->obj.cap);
        release_children(next, &list);
    }
}

void auto_val(struct val **v)
{
    val_unref(*v);
}

enum val_kind val_kind(const struct val *v)
{
    return (enum val_kind)v->kind;
}

bool val_get_bool(const struct val *v)
{
    return v->kind == VAL_BOOL && v->flag;
}

double val_get_number(const struct val *v)
{
    return v->kind == VAL_NUMBER ? v->num : 0;
}

struct sv val_get_string(const struct val *v)
{
    return v->kind == VAL_STRING ? val_sv(v) : SV("");
}

size_t val_count(const struct val *v)
{
    return v->kind == VAL_ARRAY ? v->arr.n : v->kind == VAL_OBJECT ? v->obj.n : 0;
}

struct val *val_at(const struct val *v, size_t i)
{
    BUG(i >= val_count(v));
    return v->kind == VAL_ARRAY ? v->arr.v[i] : v->obj.m[i].value;
}

struct sv val_key_at(const struct val *v, size_t i)
{
    BUG(v->kind != VAL_OBJECT || i >= v->obj.n);
    return (struct sv){v->obj.m[i].key, v->obj.m[i].key_len};
}

/* Seeds of the hash, from the 16 random bytes that the kernel gives every process at exec. Written once,
 * before main. */
uint64_t val_seed[2] = {0x9E3779B97F4A7C15U, 0xD1B54A32D192ED03U};

__attribute__((constructor)) static void seed_init(void)
{
    uintptr_t at = getauxval(AT_RANDOM);

    if (at != 0)
        memcpy(val_seed, (const void *)at, sizeof val_seed);
    val_seed[1] = (val_seed[1] ^ 0xA0761D6478BD642FU) | 1;
}

/* Text with characters above ASCII, a code point at a time. */
static uint64_t hash_wide(struct sv key)
{
    uint64_t h = val_seed[0];
    size_t n = 0;
    unsigned code;

    for (; key.n > 0; n++) {
        unsigned char c = (unsigned char)key.p[0];
        bool well_formed = utf8_next(&key, &code) > 1 || c < 0x80;
        h = val_hash_step(h, well_formed ? fold_upper(code) : 0x110000U + c);
    }
    return val_hash_step(h, ~(uint64_t)n);
}

static uint64_t hash_key(struct sv key, bool cs)
{
    uint64_t h = val_seed[0] ^ key.n, w;
    struct sv rest = key;

    for (; rest.n >= sizeof w; rest = (struct sv){rest.p + sizeof w, rest.n - sizeof w}) {
        w = fold_load8(rest.p);
        if (!cs && (w & FOLD_HIGH) != 0)
            return hash_wide(key);
        h = val_hash_step(h, cs ? w : fold_upper8(w));
    }
    w = fold_load_few(rest.p, rest.n);
    if (!cs && (w & FOLD_HIGH) != 0)
        return hash_wide(key);
    return val_hash_step(h, cs ? w : fold_upper8(w));
}

static inline bool key_eq(const struct val *o, const struct val_member *m, struct sv key)
{
    if (m->key_len == key.n && val_same_bytes(m->key, key.p, key.n))
        return true;
    return !o->flag && fold_eq((struct sv){m->key, m->key_len}, key);
}

/* Position of the member, or obj.n. */
static size_t find(const struct val *o, struct sv key, uint64_t hash)
{
    if (o->obj.slots == NULL) {
        for (size_t i = 0; i < o->obj.n; i++)
            if (o->obj.m[i].hash == hash && key_eq(o, &o->obj.m[i], key))
                return i;
        return o->obj.n;
    }
    size_t mask = o->obj.n_slots - 1;
    for (size_t s = (size_t)hash & mask; o->obj.slots[s] != 0; s = (s + 1) & mask) {
        size_t i = o->obj.slots[s] - 1;
        if (o->obj.m[i].hash == hash && key_eq(o, &o->obj.m[i], key))
            return i;
    }
    return o->obj.n;
}

struct val *val_get(const struct val *v, struct sv key)
{
    if (v->kind != VAL_OBJECT || v->obj.n == 0)
        return NULL;
    if (!v->flag)
        return val_get_hashed(v, key, val_key_hash(key));
    size_t i = find(v, key, hash_key(key, v->flag));
    return i < v->obj.n ? v->obj.m[i].value : NULL;
}

uint64_t val_key_hash_any(struct sv key)
{
    return hash_key(key, false);
}

struct val *val_get_hashed_any(const struct val *obj, struct sv key, uint64_t hash)
{
    if (obj->flag)
        return val_get(obj, key);
    size_t i = find(obj, key, hash);
    return i < obj->obj.n ? obj->obj.m[i].value : NULL;
}

void val_push(struct val *arr, struct val *own_item)
{
    BUG(arr->kind != VAL_ARRAY || (arr->flag && arr->arr.n == arr->arr.cap));
    arr->arr.v = more_room(arr, arr->arr.v, arr->arr.n, &arr->arr.cap, sizeof(struct val *));
    arr->arr.v[arr->arr.n++] = own_item;
}

static void put_slot(struct val *o, size_t i)
{
    size_t mask = o->obj.n_slots - 1, s = (size_t)o->obj.m[i].hash & mask;

    while (o->obj.slots[s] != 0)
        s = (s + 1) & mask;
    o->obj.slots[s] = (uint32_t)(i + 1);
}

/* Builds the index anew for room for n members at half load. */
static void reindex(struct val *o, size_t n)
{
    BUG(n >= UINT32_MAX / 4);
    free(o->obj.slots);
    o->obj.slots = NULL;
    o->obj.n_slots = 0;
    if (n <= SMALL)
        return;
    size_t want = 32;
    while (want < n * 2)
        want *= 2;
    o->obj.slots = xcalloc(want, sizeof *o->obj.slots);
    o->obj.n_slots = want;
    for (size_t i = 0; i < o->obj.n; i++)
        put_slot(o, i);
}

void val_set(struct val *obj, struct sv key, struct val *own_value)
{
    BUG(obj->kind != VAL_OBJECT);
    uint64_t hash = hash_key(key, obj->flag);
    size_t i = find(obj, key, hash);

    if (i < obj->obj.n) { /* the first spelling and position stay */
        struct val *old = obj->obj.m[i].value;
        obj->obj.m[i].value = own_value;
        val_unref(old);
        return;
    }
    obj->obj.m = more_room(obj, obj->obj.m, i, &obj->obj.cap, sizeof *obj->obj.m);
    obj->obj.m[i] =
        (struct val_member){.value = own_value, .key = sv_dup(key), .key_len = key.n, .hash = hash};
    obj->obj.n++;
    if (obj->obj.n > SMALL && obj->obj.n * 2 > obj->obj.n_slots)
        reindex(obj, obj->obj.n * 2);
    else if (obj->obj.slots != NULL)
        put_slot(obj, i);
}

void val_del(struct val *obj, struct sv key)
{
    BUG(obj->kind != VAL_OBJECT);
    size_t i = find(obj, key, hash_key(key, obj->flag));

    if (i == obj->obj.n)
        return;
    struct val_member gone = obj->obj.m[i];
    obj->obj.n--;
    memmove(obj->obj.m + i, obj->obj.m + i + 1, (obj->obj.n - i) * sizeof *obj->obj.m);
    reindex(obj, obj->obj.n);
    free(gone.key);
    val_unref(gone.value);
}

struct val *val_clone_shallow(const struct val *v)
{
    if (v->kind == VAL_ARRAY) {
        struct val *c = val_array();
        for (size_t i = 0; i < v->arr.n; i++)
            val_push(c, val_ref(v->arr.v[i]));
        return c;
    }
    if (v->kind == VAL_OBJECT) {
        struct val *c = v->flag ? val_object_cs() : val_object();
        for (size_t i = 0; i < v->obj.n; i++)
            val_set(c, val_key_at(v, i), val_ref(v->obj.m[i].value));
        return c;
    }
    if (v->kind == VAL_STRING)
        return val_string(val_sv(v));
    return v->kind == VAL_NUMBER ? val_number(v->num)
           : v->kind == VAL_BOOL ? val_bool(v->flag)
                                 : val_null();
}
