/* SPDX-License-Identifier: Apache-2.0
 *
 * Segments of glob patterns. The official code runs on JavaScript strings, so '?' and classes see UTF-16 units:
 * names are turned into units where a pattern needs it. Sources: see base/glob.h; there ast.ts
 * (#parseGlob), brace-expressions.ts (parseClass), and the fast tests of index.ts. */
#include "base/glob_priv.h"

#include <stdlib.h>

#include "base/mem.h"

#define NAME_UNITS 256U /* NAME_MAX is 255 bytes: a longer name is on no disk */

/* ---- UTF-16 ---- */

static size_t put_unit(unsigned code, uint16_t *dst)
{
    if (code < 0x10000) {
        dst[0] = (uint16_t)code;
        return 1;
    }
    dst[0] = (uint16_t)(0xD800 + ((code - 0x10000) >> 10));
    dst[1] = (uint16_t)(0xDC00 + ((code - 0x10000) & 0x3FF));
    return 2;
}

/* dst has room for s.n units. */
static size_t to_units(struct sv s, uint16_t *dst)
{
    size_t n = 0;
    unsigned code;

    while (utf8_next(&s, &code) > 0)
        n += put_unit(code, dst + n);
    return n;
}

/* ---- compiling ---- */

struct compiler {
    const uint16_t *p;
    size_t n;
    struct op *ops;
    size_t n_ops, cap;
    unsigned char *seen; /* per unit: states in which a class that is not closed was read there */
    bool never;
};

static struct op *add_op(struct compiler *c, enum op_kind kind)
{
    GROW(c->ops, c->cap, c->n_ops + 1);
    c->ops[c->n_ops] = (struct op){.kind = (uint8_t)kind};
    return &c->ops[c->n_ops++];
}

static const char *const posix_names[] = {"alnum", "alpha", "ascii", "blank", "cntrl",
                                          "digit", "graph", "lower", "print", "punct",
                                          "space", "upper", "word",  "xdigit"};
enum { N_POSIX = sizeof posix_names / sizeof posix_names[0] };

static bool posix_has(unsigned cls, uint16_t u)
{
    char c = (char)u;

    if (u > 0x7F)
        return false;
    bool graph = u > 0x20 && u < 0x7F;
    switch (cls) {
    case 0:
        return ch_is_alnum(c);
    case 1:
        return ch_is_alpha(c);
    case 2:
        return true;
    case 3:
        return c == ' ' || c == '\t';
    case 4:
        return u < 0x20 || u == 0x7F;
    case 5:
        return ch_is_digit(c);
    case 6:
        return graph;
    case 7:
        return ch_is_lower(c);
    case 8:
        return graph || c == ' ';
    case 9: /* the Unicode category P: without the symbols $ + < = > ^ ` | ~ */
        return graph && !ch_is_alnum(c) && strchr("$+<=>^`|~", c) == NULL;
    case 10:
        return ch_is_space(c);
    case 11:
        return ch_is_upper(c);
    case 12:
        return ch_is_alnum(c) || c == '_';
    default:
        return ch_is_hex(c);
    }
}

/* Length of "[:name:]" at the position, 0 = none; *bit tells which. */
static size_t posix_at(const struct compiler *c, size_t i, uint16_t *bit)
{
    if (c->n - i < 2 || c->p[i + 1] != ':')
        return 0;
    for (unsigned k = 0; k < N_POSIX; k++) {
        const char *name = posix_names[k];
        size_t len = strlen(name), j = 0;
        if (c->n - i < len + 4)
            continue;
        while (j < len && c->p[i + 2 + j] == (unsigned char)name[j])
            j++;
        if (j == len && c->p[i + 2 + len] == ':' && c->p[i + 3 + len] == ']') {
            *bit = (uint16_t)(1U << k);
            return len + 4;
        }
    }
    return 0;
}

static void add_range(struct op *cls, size_t *cap, uint16_t lo, uint16_t hi)
{
    GROW(cls->ranges, *cap, cls->n_ranges + 1);
    cls->ranges[cls->n_ranges++] = (struct range){lo, hi};
}

/* Where the reader of a class is. */
struct class_state {
    size_t at, i; /* the bracket that opened it; the next unit */
    size_t cap;
    uint16_t from; /* pending: first of a range */
    bool seen, escaping, pending;
};

/* Was an earlier class of this segment read on from the same unit in the same state? It was not closed, or there
 * would be no later one here: so this one is not either. Without that, brackets cost quadratic time. */
static bool known_open(struct compiler *c, const struct class_state *t)
{
    unsigned bit = 1U << ((t->escaping ? 1U : 0U) + (t->pending ? 2U : 0U));

    if (!t->seen)
        return false;
    if (c->seen == NULL)
        c->seen = xcalloc(c->n, 1);
    bool known = (c->seen[t->i] & bit) != 0;
    c->seen[t->i] = (unsigned char)(c->seen[t->i] | bit);
    return known;
}

/* A unit that stands for itself or for an end of a range. */
static void read_member(const struct compiler *c, struct class_state *t, struct op *cls)
{
    size_t i = t->i;
    uint16_t u = c->p[i];

    t->escaping = false;
    t->i++;
    if (t->pending) { /* an empty range such as z-a is dropped */
        if (u >= t->from)
            add_range(cls, &t->cap, t->from, u);
        t->pending = false;
    } else if (i + 2 < c->n && c->p[i + 1] == '-' && c->p[i + 2] == ']') {
        add_range(cls, &t->cap, u, u);
        add_range(cls, &t->cap, '-', '-');
        t->i++;
    } else if (i + 1 < c->n && c->p[i + 1] == '-') {
        t->from = u;
        t->pending = true;
        t->i++;
    } else {
        add_range(cls, &t->cap, u, u);
    }
}

/* Reads a class at p[at] == '['. Returns the units it takes, 0 when it is not closed: then the bracket is an
 * ordinary character. Sets never for a class that nothing can match. */
static size_t read_class(struct compiler *c, size_t at, struct op *cls)
{
    struct class_state t = {.at = at, .i = at + 1};

    while (t.i < c->n && !known_open(c, &t)) {
        uint16_t u = c->p[t.i], bit = 0;
        size_t len;
        if ((u == '!' || u == '^') && t.i == at + 1) {
            cls->negated = true;
            t.i++;
            continue;
        }
        if (u == ']' && t.seen && !t.escaping) {
            c->never = c->never || (cls->n_ranges == 0 && cls->posix == 0);
            return t.i + 1 - at;
        }
        t.seen = true;
        if (u == '\\' && !t.escaping) {
            t.escaping = true;
            t.i++;
        } else if (u == '[' && !t.escaping && (len = posix_at(c, t.i, &bit)) > 0) {
            if (t.pending) { /* [a-[:alpha:]] */
                c->never = true;
                return c->n - at;
            }
            cls->posix |= bit;
            t.i += len;
        } else {
            read_member(c, &t, cls);
        }
    }
    free(cls->ranges);
    *cls = (struct op){.kind = OP_CLASS};
    return 0;
}

/* minimatch tests "*text" and "?text" without its parser, which leaves a backslash in the text as it is. */
static bool is_shortcut(const struct compiler *c)
{
    size_t i = 0;

    if (c->n == 0 || (c->p[0] != '*' && c->p[0] != '?'))
        return false;
    while (i < c->n && c->p[i] == c->p[0])
        i++;
    for (; i < c->n; i++)
        if (c->p[i] < 0x80 && strchr("+@!?*[(", (char)c->p[i]) != NULL && c->p[i] != 0)
            return false;
    return true;
}

static void compile_units(struct compiler *c)
{
    bool escapes = !is_shortcut(c);

    for (size_t i = 0; i < c->n && !c->never; i++) {
        uint16_t u = c->p[i];
        if (u == '*') {
            if (c->n_ops == 0 || c->ops[c->n_ops - 1].kind != OP_STAR)
                (void)add_op(c, OP_STAR);
            continue;
        }
        if (u == '?') {
            (void)add_op(c, OP_ONE);
            continue;
        }
        if (u == '[') {
            struct op cls = {.kind = OP_CLASS};
            size_t len = read_class(c, i, &cls);
            if (len > 0) {
                *add_op(c, OP_CLASS) = cls;
                i += len - 1;
                continue;
            }
        }
        if (u == '\\' && escapes && i + 1 < c->n)
            u = c->p[++i];
        add_op(c, OP_UNIT)->unit = u;
    }
}

/* Bytes of a run of ordinary units into s->buffer; false when a lone surrogate half is in it. */
static bool units_to_text(struct seg *s, const struct op *ops, size_t n)
{
    char *w = s->buffer = xmalloc(n * 3 + 1);

    for (size_t i = 0; i < n; i++) {
        unsigned code = ops[i].unit;
        if (ops[i].kind != OP_UNIT)
            return false;
        if (code >= 0xD800 && code < 0xE000) {
            if (code >= 0xDC00 || i + 1 == n || (ops[i + 1].unit & 0xFC00U) != 0xDC00U)
                return false;
            code = 0x10000 + ((code & 0x3FF) << 10) + (ops[++i].unit & 0x3FFU);
        }
        w = utf8_put(w, code);
    }
    s->text = (struct sv){s->buffer, (size_t)(w - s->buffer)};
    return true;
}

void seg_compile(struct sv pattern, struct seg *s)
{
    AUTO(auto_free) uint16_t *units = xcalloc(pattern.n + 1, sizeof *units);
    struct compiler c = {.p = units, .n = to_units(pattern, units)};

    *s = (struct seg){.kind = SEG_OPS};
    if (sv_eq(pattern, SV("**"))) {
        s->kind = SEG_GLOBSTAR;
        return;
    }
    compile_units(&c);
    free(c.seen);
    s->ops = c.ops;
    s->n_ops = c.n_ops;
    if (c.never)
        s->kind = SEG_NEVER;
    else if (c.n_ops == 1 && c.ops[0].kind == OP_STAR)
        s->kind = SEG_ANY;
    else if (c.n_ops > 0 && c.ops[0].kind == OP_STAR && units_to_text(s, c.ops + 1, c.n_ops - 1))
        s->kind = SEG_SUFFIX;
    else if (s->buffer == NULL && units_to_text(s, c.ops, c.n_ops))
        s->kind = SEG_LITERAL;
}

void seg_done(struct seg *s)
{
    for (size_t i = 0; i < s->n_ops; i++)
        free(s->ops[i].ranges);
    free(s->ops);
    free(s->buffer);
}

/* ---- matching ---- */

static bool class_has(const struct op *o, uint16_t u)
{
    bool in = false;

    for (size_t i = 0; i < o->n_ranges && !in; i++)
        in = u >= o->ranges[i].lo && u <= o->ranges[i].hi;
    for (unsigned k = 0; k < N_POSIX && !in; k++)
        in = ((unsigned)o->posix >> k & 1U) != 0 && posix_has(k, u);
    return in != o->negated;
}

static bool op_takes(const struct op *o, uint16_t u)
{
    return o->kind == OP_ONE || (o->kind == OP_UNIT ? o->unit == u : class_has(o, u));
}

/* Only the last star needs to be gone back to: no recursion, at most ops x units steps. */
static bool match_ops(const struct seg *s, const uint16_t *u, size_t n)
{
    size_t p = 0, i = 0, star = SIZE_MAX, mark = 0;

    while (i < n) {
        if (p < s->n_ops && s->ops[p].kind == OP_STAR) {
            star = p++;
            mark = i;
        } else if (p < s->n_ops && op_takes(&s->ops[p], u[i])) {
            p++;
            i++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            i = ++mark;
        } else {
            return false;
        }
    }
    while (p < s->n_ops && s->ops[p].kind == OP_STAR)
        p++;
    return p == s->n_ops;
}

bool seg_match(const struct seg *s, struct sv name)
{
    uint16_t units[NAME_UNITS];

    switch (s->kind) {
    case SEG_LITERAL:
        return sv_eq(s->text, name);
    case SEG_ANY:
    case SEG_GLOBSTAR:
        return name.n > 0;
    case SEG_SUFFIX:
        return name.n > 0 && sv_ends(name, s->text);
    case SEG_OPS:
        return name.n > 0 && name.n < NAME_UNITS && match_ops(s, units, to_units(name, units));
    case SEG_NEVER:
        return false;
    }
    return false;
}

/* A class in getLiteral(): one character (or unit) stands for itself. Returns the bytes taken, 0 = the
 * bracket is literal, SIZE_MAX = a real class. Sets *open when nothing closes it. */
static size_t literal_class(struct sv s, char *dst, size_t *n, bool *open)
{
    AUTO(auto_free) char *set = xmalloc(s.n + 1);
    size_t len = 0, i = 1;

    for (; i < s.n && s.p[i] != ']'; i++) {
        if (s.p[i] == '\\' && i + 1 < s.n)
            i++;
        set[len++] = s.p[i];
    }
    *open = i >= s.n;
    if (*open || len == 0)
        return 0;
    if (utf8_utf16_len((struct sv){set, len}) > 1)
        return SIZE_MAX;
    memcpy(dst + *n, set, len);
    *n += len;
    return i + 1;
}

bool seg_literal(struct sv s, char *dst, size_t *n)
{
    bool open = false; /* then no later bracket is closed either: none is read to the end again */

    *n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '\\' && i + 1 < s.n) {
            c = s.p[++i];
        } else if (c == '*' || c == '?') {
            *n = 0;
            return false;
        } else if (c == '[' && !open && i + 1 < s.n) {
            size_t k = literal_class(sv_sub(s, i, s.n), dst, n, &open);
            if (k == SIZE_MAX) {
                *n = 0;
                return false;
            }
            if (k > 0) {
                i += k - 1;
                continue;
            }
        }
        dst[(*n)++] = c;
    }
    return true;
}
