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
static bool is_special(unsigned char c)
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

static inline bool is_plain(struct sv s)
{
    size_t i = 0;

    while (i < s.n && !is_special((unsigned char)s.p[i]))
        i++;
    return i == s.n;
}

static inline char *put_text(char *w, struct sv s)
{
    if (s.n > 0)
        memcpy(w, s.p, s.n);
    return w + s.n;
}

static inline char *put_quoted(char *w, struct sv s)
{
    *w++ = '"';
    w = put_text(w, s);
    *w++ = '"';
    return w;
}

static void add_quoted(struct buf *b, struct sv s)
{
    char *w = is_plain(s) ? buf_room(b, s.n + 2) : NULL;

    if (w == NULL) {
        add_escaped(b, s);
        return;
    }
    (void)put_quoted(w, s);
    buf_grew(b, s.n + 2);
}

/* The line end before an item, behind a comma unless it is the first. */
static inline char *put_line(char *w, bool comma, size_t depth)
{
    if (comma)
        *w++ = ',';
    *w++ = '\n';
    for (size_t i = 0; i < 2 * depth; i++)
        *w++ = ' ';
    return w;
}

static void add_line(struct buf *b, bool comma, size_t depth)
{
    char *w = buf_room(b, 2 + 2 * depth);

    if (w != NULL)
        buf_grew(b, (size_t)(put_line(w, comma, depth) - w));
}

/* A line with a key and a string, both plain, which most lines are: in one go. False: it is another one. */
static bool add_plain_line(struct buf *b, bool comma, size_t depth, struct sv key,
                           const struct val *child)
{
    if (child->kind != VAL_STRING || !is_plain(val_sv(child)) || !is_plain(key))
        return false;
    char *start = buf_room(b, 2 + 2 * depth + key.n + child->str.s.n + 6), *w = start;
    if (w == NULL)
        return false;
    w = put_quoted(put_line(w, comma, depth), key);
    *w++ = ':';
    *w++ = ' ';
    w = put_quoted(w, val_sv(child));
    buf_grew(b, (size_t)(w - start));
    return true;
}

static void add_scalar(const struct val *v, struct buf *b)
{
    if (v->kind == VAL_NULL)
        buf_add(b, "null", 4);
    else if (v->kind == VAL_STRING)
        add_quoted(b, val_sv(v));
    else if (v->kind == VAL_ARRAY)
        buf_add(b, "[]", 2);
    else if (v->kind == VAL_OBJECT)
        buf_add(b, "{}", 2);
    else
        val_to_text(v, b);
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

static void open_level(struct levels *ls, const struct val *v, struct buf *b)
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
    l->n = val_count(v);
    buf_addc(b, v->kind == VAL_ARRAY ? '[' : '{');
}

/* Walks with a stack of its own: values may be nested deeper than the C stack would like. Stops early once
 * the buffer has passed its limit. Returns how many texts the reference would have put together: one for each key,
 * scalar, empty container, beginning and end of a container. */
static size_t write_pretty(const struct val *v, struct buf *b)
{
    UNINIT struct levels ls;
    size_t pieces = 1;

    if (val_count(v) == 0) {
        add_scalar(v, b);
        return pieces;
    }
    ls.v = ls.few;
    ls.n = 0;
    ls.cap = sizeof ls.few / sizeof ls.few[0];
    open_level(&ls, v, b);
    while (ls.n > 0 && !b->over) {
        struct level *l = &ls.v[ls.n - 1];
        pieces++;
        if (l->i == l->n) {
            add_line(b, false, --ls.n);
            buf_addc(b, l->v->kind == VAL_ARRAY ? ']' : '}');
            continue;
        }
        const struct val *child;
        if (l->v->kind == VAL_OBJECT) {
            const struct val_member *m = &l->v->obj.m[l->i++];
            struct sv key = {m->key, m->key_len};
            child = m->value;
            pieces++;
            if (add_plain_line(b, l->i > 1, ls.n, key, child))
                continue;
            add_line(b, l->i > 1, ls.n);
            add_quoted(b, key);
            buf_add(b, ": ", 2);
        } else {
            child = l->v->arr.v[l->i++];
            add_line(b, l->i > 1, ls.n);
        }
        if (val_count(child) == 0)
            add_scalar(child, b);
        else
            open_level(&ls, child, b);
    }
    if (ls.v != ls.few)
        free(ls.v);
    return pieces;
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
    size_t pieces = write_pretty(v, &b);
    struct sv text = {b.p + sizeof(struct val), b.len - sizeof(struct val)};
    size_t units = b.over ? 0 : utf8_utf16_len(text), overhead = VAL_STRING_BYTES * pieces;
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
