/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of toJSON (spec expressions 1.9): two spaces a level, strings escaped as Newtonsoft.Json does it, numbers
 * as everywhere in the language.
 * Source: actions/runner 258d6c8: src/Sdk/Expressions/Sdk/Functions/ToJson.cs. */
#include <stdint.h>
#include <stdlib.h>

#include "actions/value_priv.h"
#include "base/mem.h"

#define FIRST_ROOM ((size_t)512) /* of a text and the struct before it */

/* Bytes that end a run of plain text: they are escaped, or may begin a character that is. */
static inline bool is_special(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\' || c == 0xC2 || c == 0xE2;
}

/* The escape of the character at s[i], 0 = it stands for itself; *eats: its bytes. */
static size_t escape_of(struct sv s, size_t i, char esc[6], size_t *eats)
{
    static const char hex[] = "0123456789abcdef", two[] = "btn\0fr"; /* 8, 9, 10, -, 12, 13 */
    unsigned char c = (unsigned char)s.p[i];
    unsigned code = c;

    *eats = 1;
    esc[0] = '\\';
    if (c == '"' || c == '\\') {
        esc[1] = (char)c;
        return 2;
    }
    if (c >= 8 && c <= 13 && two[c - 8] != '\0') {
        esc[1] = two[c - 8];
        return 2;
    }
    if (c == 0xC2 && i + 1 < s.n && (unsigned char)s.p[i + 1] == 0x85) {
        *eats = 2;
        code = 0x85;
    } else if (c == 0xE2 && i + 2 < s.n && (unsigned char)s.p[i + 1] == 0x80 &&
               ((unsigned char)s.p[i + 2] | 1) == 0xA9) {
        *eats = 3;
        code = 0x2000U + ((unsigned char)s.p[i + 2] & 0x3FU);
    } else if (c >= 0x20) {
        return 0;
    }
    esc[1] = 'u';
    for (unsigned k = 0; k < 4; k++)
        esc[2 + k] = hex[code >> (12 - 4 * k) & 15];
    return 6;
}

static void add_escaped(struct buf *b, struct sv s)
{
    size_t start = 0, eats = 1;
    char esc[6];

    buf_addc(b, '"');
    for (size_t i = 0; i < s.n;) {
        size_t n = is_special((unsigned char)s.p[i]) ? escape_of(s, i, esc, &eats) : 0;
        if (n == 0) {
            i++;
            continue;
        }
        buf_add(b, s.p + start, i - start);
        buf_add(b, esc, n);
        start = i += eats;
    }
    buf_add(b, s.p + start, s.n - start);
    buf_addc(b, '"');
}

/* Whether none of eight bytes is special; those above ASCII may be. */
static inline bool is_plain8(uint64_t w)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\');

    return (((w - ones * 0x20) | (quote - ones) | (slash - ones) | w) & FOLD_HIGH) == 0;
}

/* Between quotes; NULL: something in it may have to be escaped. */
static inline char *put_plain(char *w, struct sv s)
{
    *w++ = '"';
    for (; s.n >= sizeof(uint64_t); s.p += sizeof(uint64_t), s.n -= sizeof(uint64_t)) {
        uint64_t eight = fold_load8(s.p);
        if (!is_plain8(eight))
            return NULL;
        memcpy(w, &eight, sizeof eight);
        w += sizeof eight;
    }
    if (s.n >= 4 ? !is_plain8(fold_load_few(s.p, s.n))
                 : s.n > 0 && !is_plain8(fold_load_few(s.p, s.n) | UINT64_C(0x2020202020000000)))
        return NULL;
    w = sv_put(w, s);
    *w++ = '"';
    return w;
}

/* The line end before an item, behind a comma unless it is the first. */
static inline char *put_line(char *w, bool comma, size_t depth)
{
    if (comma)
        *w++ = ',';
    *w++ = '\n';
    for (size_t i = 0; i < depth; i++) {
        *w++ = ' ';
        *w++ = ' ';
    }
    return w;
}

/* All but strings; of containers that have members only the beginning. At most 32 bytes. */
static inline char *put_scalar(char *w, const struct val *v)
{
    switch ((enum val_kind)v->kind) {
    case VAL_NULL:
        return sv_put(w, SV("null"));
    case VAL_BOOL:
        return sv_put(w, v->flag ? SV("true") : SV("false"));
    case VAL_NUMBER:
        return w + val_number_text(v->num, w);
    case VAL_ARRAY:
        return sv_put(w, v->arr.n > 0 ? SV("[") : SV("[]"));
    case VAL_OBJECT:
        return sv_put(w, v->obj.n > 0 ? SV("{") : SV("{}"));
    case VAL_STRING:
        break;
    }
    return w;
}

/* A value, or the beginning of a container. */
static void add_value(struct buf *b, const struct val *v)
{
    char *w;

    if (v->kind == VAL_STRING)
        add_escaped(b, v->str.s);
    else if ((w = buf_room(b, 32)) != NULL)
        buf_grew(b, (size_t)(put_scalar(w, v) - w));
}

static void add_line(struct buf *b, bool comma, size_t depth)
{
    char *w = buf_room(b, 2 + 2 * depth);

    if (w != NULL)
        buf_grew(b, (size_t)(put_line(w, comma, depth) - w));
}

/* The line of an item, m: a member of an object. Nearly always there is nothing to escape, and one look for room is
 * enough. False: the line may be more than ASCII. */
static bool add_item(struct buf *b, bool comma, size_t depth, const struct val_member *m,
                     const struct val *v)
{
    struct sv key = {m != NULL ? m->key : "", m != NULL ? m->key_len : 0};
    size_t most = 2 + 2 * depth + key.n + 4 + (v->kind == VAL_STRING ? v->str.s.n + 2 : 32);
    char *start = buf_room(b, most), *w = start;

    if (w == NULL)
        return true;
    w = put_line(w, comma, depth);
    if (m != NULL && (w = put_plain(w, key)) != NULL) {
        *w++ = ':';
        *w++ = ' ';
    }
    if (w != NULL)
        w = v->kind == VAL_STRING ? put_plain(w, v->str.s) : put_scalar(w, v);
    if (w != NULL) {
        buf_grew(b, (size_t)(w - start));
        return true;
    }
    add_line(b, comma, depth);
    if (m != NULL) {
        add_escaped(b, key);
        buf_add(b, ": ", 2);
    }
    add_value(b, v);
    return false;
}

/* A container that is being written, and the next child to write. */
struct level {
    const struct val *v;
    size_t i, n;
};
struct levels {
    struct level *v;
    size_t n, cap;
    struct level few[16]; /* v points here while they suffice */
};

static void open_level(struct levels *ls, const struct val *v)
{
    if (ls->n == ls->cap) {
        bool first = ls->v == ls->few;
        ls->v = xreallocarray(first ? NULL : ls->v, ls->cap * 2, sizeof *ls->v);
        if (first)
            memcpy(ls->v, ls->few, sizeof ls->few);
        ls->cap *= 2;
    }
    struct level *l = &ls->v[ls->n++];
    l->v = v;
    l->i = 0;
    l->n = val_size(v);
}

/* Walks with a stack of its own: values may be nested deeper than the C stack would like. Stops early once
 * the buffer has passed its limit. */
struct pretty {
    size_t
        pieces; /* texts that the reference would have put together: one for each key, scalar, empty container,
                    * beginning and end of a container */
    bool ascii; /* surely */
};
static struct pretty write_pretty(const struct val *v, struct buf *b)
{
    UNINIT struct levels ls;
    struct pretty r = {1, v->kind != VAL_STRING};

    add_value(b, v);
    if (val_size(v) == 0)
        return r;
    ls.v = ls.few;
    ls.n = 0;
    ls.cap = sizeof ls.few / sizeof ls.few[0];
    open_level(&ls, v);
    while (ls.n > 0 && !b->over) {
        struct level *l = &ls.v[ls.n - 1];
        r.pieces++;
        if (l->i == l->n) {
            add_line(b, false, --ls.n);
            buf_addc(b, l->v->kind == VAL_ARRAY ? ']' : '}');
            continue;
        }
        const struct val_member *m = l->v->kind == VAL_OBJECT ? &l->v->obj.m[l->i] : NULL;
        const struct val *child = m != NULL ? m->value : l->v->arr.v[l->i];
        r.pieces += m != NULL;
        r.ascii = add_item(b, l->i++ > 0, ls.n, m, child) && r.ascii;
        if (val_size(child) > 0)
            open_level(&ls, child);
    }
    if (ls.v != ls.few)
        free(ls.v);
    return r;
}

void val_to_pretty(const struct val *v, struct buf *b)
{
    (void)write_pretty(v, b);
}

/* The buffer becomes the value: its text is written behind where the struct will be. */
struct val *val_pretty_string(const struct val *v, size_t max_memory)
{
    struct buf b = BUF_INIT(FIRST_ROOM + 2 * max_memory);
    char *head = buf_room(&b, FIRST_ROOM);

    if (head != NULL) {
        memset(head, 0, sizeof(struct val));
        buf_grew(&b, sizeof(struct val));
    }
    struct pretty done = write_pretty(v, &b);
    struct sv text = {b.p + sizeof(struct val), b.len - sizeof(struct val)};
    size_t units = b.over ? 0 : done.ascii ? text.n : utf8_utf16_len(text);
    size_t overhead = VAL_STRING_BYTES * done.pieces;
    if (b.over || overhead > max_memory || units > (max_memory - overhead) / 2) {
        buf_free(&b);
        return NULL;
    }
    size_t n = text.n;
    struct val *s = (struct val *)(void *)buf_take(&b, NULL);
    *s = (struct val){.refs = 1, .kind = VAL_STRING};
    s->str.s = (struct sv){val_text(s), n};
    s->str.utf16 = units;
    return s;
}
