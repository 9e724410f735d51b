/* SPDX-License-Identifier: Apache-2.0
 *
 * Template tokens: making, typing of YAML scalars, and the search for ${{ }} in them.
 * Source: actions/runner: src/Sdk/WorkflowParser/ObjectTemplating/TemplateReader.cs and
 * Conversion/YamlObjectReader.cs, through spec expressions 2.2 and 3.1. */
#include "actions/token.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "actions/token_priv.h"
#include "base/mem.h"

/* Reasons quote the expression that they are about. */
#define MAX_REASON (8 * (size_t)EXPR_MAX_LENGTH)

static const char *const no_list[] = {NULL};
const struct expr_names tok_no_names = {.contexts = no_list, .functions = no_list};

#define CHUNK_SIZE ((size_t)64 << 10)

struct chunk {
    struct chunk *next;
    size_t used, size;
    _Alignas(16) char data[];
};
struct tok_arena {
    struct chunk *chunks;
};

struct tok_arena *tok_arena_new(void)
{
    return xcalloc(1, sizeof(struct tok_arena));
}

void tok_arena_free(struct tok_arena *a)
{
    for (struct chunk *c = a->chunks, *next; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    free(a);
}

void tok_arena_give(struct tok_arena *a, struct tok *root)
{
    if (root != NULL)
        root->owns_arena = true;
    else
        tok_arena_free(a);
}

static void *take(struct tok_arena *a, size_t n)
{
    struct chunk *c = a->chunks;

    n = (n + 15) & ~(size_t)15;
    if (c == NULL || n > c->size - c->used) {
        size_t size = n > CHUNK_SIZE ? n : CHUNK_SIZE;
        c = xmalloc(sizeof *c + size);
        c->next = a->chunks;
        c->used = 0;
        c->size = size;
        a->chunks = c;
    }
    void *p = c->data + c->used;
    c->used += n;
    return p;
}

struct tok *tok_make(enum tok_kind kind, struct sv text)
{
    return tok_make_in(NULL, kind, text);
}

struct tok *tok_make_in(struct tok_arena *a, enum tok_kind kind, struct sv text)
{
    size_t size = sizeof(struct tok) + text.n + 1;
    struct tok *t = a != NULL ? take(a, size) : xmalloc(size);
    char *copy = (char *)(t + 1);

    *t = (struct tok){.kind = kind, .text = {copy, text.n}, .arena = a};
    if (text.n > 0)
        memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    return t;
}

struct tok *tok_make_at(enum tok_kind kind, struct sv text, const struct tok *where)
{
    struct tok *t = tok_make(kind, text);

    t->file = where->file;
    t->line = where->line;
    t->col = where->col;
    return t;
}

void tok_replace(struct tok **t, enum tok_kind kind, struct sv text)
{
    struct tok *old = *t, *n = tok_make_in(old->arena, kind, text);

    n->file = old->file;
    n->line = old->line;
    n->col = old->col;
    tok_free(old);
    *t = n;
}

static size_t item_count(const struct tok *t)
{
    return t->kind == TOK_MAPPING ? 2 * t->n : t->n;
}

/* Recursive: whoever builds a tree bounds its depth (TOK_MAX_DEPTH). */
void tok_free(struct tok *t)
{
    if (t == NULL)
        return;
    if (t->arena != NULL) {
        if (t->owns_arena)
            tok_arena_free(t->arena);
        return;
    }
    for (size_t i = 0; i < item_count(t); i++)
        tok_free(t->items[i]);
    free(t->items);
    free(t);
}

void auto_tok(struct tok **t)
{
    tok_free(*t);
    *t = NULL;
}

struct tok *tok_clone(const struct tok *t)
{
    if (t == NULL)
        return NULL;
    struct tok *c = tok_make_at(t->kind, t->text, t);
    c->b = t->b;
    c->num = t->num;
    size_t n = item_count(t);
    tok_reserve(c, n);
    for (size_t i = 0; i < n; i++)
        c->items[i] = tok_clone(t->items[i]);
    c->n = t->n;
    return c;
}

void tok_reserve(struct tok *t, size_t n_items)
{
    if (n_items > 0 && t->arena != NULL)
        t->items = take(t->arena, n_items * sizeof(struct tok *)); /* as many as nodes */
    else if (n_items > 0)
        t->items = xreallocarray(NULL, n_items, sizeof(struct tok *));
}

void tok_append(struct tok *seq, struct tok *own_item)
{
    BUG(seq->items == NULL); /* tok_reserve was not called */
    seq->items[seq->n++] = own_item;
}

void tok_append_pair(struct tok *map, struct tok *own_key, struct tok *own_value)
{
    BUG(map->items == NULL); /* tok_reserve was not called */
    map->items[2 * map->n] = own_key;
    map->items[2 * map->n + 1] = own_value;
    map->n++;
}

struct tok *tok_get(const struct tok *map, struct sv key)
{
    if (map == NULL || map->kind != TOK_MAPPING)
        return NULL;
    for (size_t i = 0; i < map->n; i++) {
        const struct tok *k = map->items[2 * i];
        if (k->kind == TOK_STRING && sv_ieq(k->text, key))
            return map->items[2 * i + 1];
    }
    return NULL;
}

bool tok_has_expr(const struct tok *t)
{
    if (t == NULL)
        return false;
    if (t->kind == TOK_EXPR || t->kind == TOK_INSERT)
        return true;
    for (size_t i = 0; i < item_count(t); i++) {
        if (tok_has_expr(t->items[i]))
            return true;
    }
    return false;
}

void tok_literal_text(const struct tok *t, struct buf *b)
{
    AUTO(auto_val) struct val *v = NULL;

    switch (t->kind) {
    case TOK_STRING:
    case TOK_EXPR:
        buf_addsv(b, t->text);
        return;
    case TOK_BOOL:
        buf_adds(b, t->b ? "true" : "false");
        return;
    case TOK_NUMBER:
        v = val_number(t->num);
        val_to_text(v, b);
        return;
    case TOK_INSERT:
        buf_adds(b, "insert");
        return;
    case TOK_SEQUENCE:
    case TOK_MAPPING:
    case TOK_NULL:
        return;
    }
}

/* ---- typing of plain scalars (3.1) ---- */

static bool one_of(struct sv s, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (tok_names(s, *list))
            return true;
    }
    return false;
}

static bool match_null(struct sv s)
{
    static const char *const words[] = {"", "null", "Null", "NULL", "~", NULL};

    return one_of(s, words);
}

static bool match_bool(struct sv s, bool *b)
{
    static const char *const yes[] = {"true", "True", "TRUE", NULL};
    static const char *const no[] = {"false", "False", "FALSE", NULL};

    *b = one_of(s, yes);
    return *b || one_of(s, no);
}

static size_t digits(struct sv s, size_t from)
{
    size_t i = from;

    while (i < s.n && ch_is_digit(s.p[i]))
        i++;
    return i - from;
}

/* 0x.. and 0o.. through a signed 32-bit integer: more bits are an error, not a string. */
enum number_match { NUMBER_NO, NUMBER_YES, NUMBER_BAD };

static enum number_match match_radix(struct sv s, double *out)
{
    unsigned shift = s.n > 2 && s.p[0] == '0' ? (s.p[1] == 'x' ? 4U : s.p[1] == 'o' ? 3U : 0U) : 0;
    uint64_t v = 0;
    bool over = false;

    if (shift == 0)
        return NUMBER_NO;
    for (size_t i = 2; i < s.n; i++) {
        char c = ch_lower(s.p[i]);
        unsigned d = ch_is_digit(c) ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10U;
        if (!ch_is_hex(c) || d >= 1U << shift)
            return NUMBER_NO;
        v = v << shift | d;
        over = over || v > UINT32_MAX;
        v &= UINT32_MAX;
    }
    *out = (double)(int32_t)(uint32_t)v;
    return over ? NUMBER_BAD : NUMBER_YES;
}

static bool match_decimal(struct sv s)
{
    size_t i = s.n > 0 && (s.p[0] == '+' || s.p[0] == '-') ? 1 : 0;
    size_t whole = digits(s, i), fraction = 0;

    i += whole;
    if (i < s.n && s.p[i] == '.') {
        fraction = digits(s, ++i);
        i += fraction;
    }
    if (whole == 0 && fraction == 0)
        return false;
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
            i++;
        size_t n = digits(s, i);
        if (n == 0)
            return false;
        i += n;
    }
    return i == s.n;
}

static bool match_special(struct sv s, double *out)
{
    static const char *const inf[] = {".inf", ".Inf", ".INF", NULL};
    static const char *const nan_words[] = {".nan", ".NaN", ".NAN", NULL};

    if (one_of(s, nan_words)) {
        *out = (double)NAN;
        return true;
    }
    bool sign = s.n > 0 && (s.p[0] == '+' || s.p[0] == '-');
    if (!one_of(sign ? sv_sub(s, 1, SV_NPOS) : s, inf))
        return false;
    *out = s.p[0] == '-' ? -(double)INFINITY : (double)INFINITY;
    return true;
}

/* The text of a YAML node is NUL-terminated and was matched before, so strtod sees decimal digits only. */
static enum number_match match_number(struct sv s, double *out)
{
    enum number_match m = match_radix(s, out);

    if (m != NUMBER_NO)
        return m;
    if (match_special(s, out))
        return NUMBER_YES;
    if (!match_decimal(s))
        return NUMBER_NO;
    *out = strtod(s.p, NULL);
    return NUMBER_YES;
}

#define TAG_PREFIX "tag:yaml.org,2002:"

static int bad_value(const struct yx_node *n, const char *tag, struct err *e)
{
    return err_set(e, FAIL_INPUT,
                   "The value '%.*s' on line %u and column %u is invalid for the type '%s'",
                   (int)(n->text.n > 100 ? 100 : n->text.n), n->text.p, n->line, n->col, tag);
}

static const char *style_name(enum yx_style s)
{
    switch (s) {
    case YX_SINGLE:
        return "SingleQuoted";
    case YX_DOUBLE:
        return "DoubleQuoted";
    case YX_LITERAL:
        return "Literal";
    case YX_FOLDED:
        return "Folded";
    case YX_PLAIN:
        break;
    }
    return "Plain";
}

static int typed_by_tag(const struct yx_node *n, struct tok *t, struct err *e)
{
    struct sv tag = sv_of(n->tag);
    enum tok_kind kind;

    if (sv_is(tag, TAG_PREFIX "str"))
        return 0;
    if (n->style != YX_PLAIN)
        return err_set(e, FAIL_INPUT,
                       "The scalar style '%s' on line %u and column %u is not valid with the tag "
                       "'%s'",
                       style_name(n->style), n->line, n->col, n->tag);
    if (sv_is(tag, TAG_PREFIX "bool"))
        kind = match_bool(n->text, &t->b) ? TOK_BOOL : TOK_STRING;
    else if (sv_is(tag, TAG_PREFIX "null"))
        kind = match_null(n->text) ? TOK_NULL : TOK_STRING;
    else if (sv_is(tag, TAG_PREFIX "float"))
        kind = match_number(n->text, &t->num) == NUMBER_YES &&
                       match_radix(n->text, &t->num) == NUMBER_NO
                   ? TOK_NUMBER
                   : TOK_STRING;
    else if (sv_is(tag, TAG_PREFIX "int"))
        kind =
            match_number(n->text, &t->num) == NUMBER_YES && sv_chr(n->text, '.') == SV_NPOS &&
                    (match_radix(n->text, &t->num) == NUMBER_YES ||
                     sv_chr(n->text, 'e') == SV_NPOS) &&
                    (match_radix(n->text, &t->num) == NUMBER_YES || sv_chr(n->text, 'E') == SV_NPOS)
                ? TOK_NUMBER
                : TOK_STRING;
    else
        return err_set(e, FAIL_INPUT, "Unexpected tag '%s'", n->tag);
    if (kind == TOK_STRING)
        return bad_value(n, n->tag, e);
    t->kind = kind;
    return 0;
}

/* By the first character: no number, boolean or null begins otherwise. */
static bool may_be_typed(struct sv s)
{
    return s.n == 0 || ch_is_digit(s.p[0]) ||
           (s.p[0] != '\0' && strchr("+-.~nNtTfF", s.p[0]) != NULL);
}

int tok_typed(struct tok_arena *a, const struct yx_node *n, unsigned file, struct tok **out,
              struct err *e)
{
    AUTO(auto_tok) struct tok *t = tok_make_in(a, TOK_STRING, n->text);

    t->file = file;
    t->line = n->line;
    t->col = n->col;
    if (n->tag != NULL) {
        if (typed_by_tag(n, t, e) < 0)
            return -1;
    } else if (n->style == YX_PLAIN) {
        enum number_match m;
        if (!may_be_typed(n->text))
            ; /* most texts */
        else if (match_null(n->text))
            t->kind = TOK_NULL;
        else if (match_bool(n->text, &t->b))
            t->kind = TOK_BOOL;
        else if ((m = match_number(n->text, &t->num)) == NUMBER_YES)
            t->kind = TOK_NUMBER;
        else if (m == NUMBER_BAD)
            return bad_value(n, TAG_PREFIX "int", e);
    }
    *out = TAKE_PTR(t);
    return 0;
}

/* A whole tree without a schema. */
static int from_yaml(const struct yx_node *n, unsigned file, const struct expr_names *allowed,
                     unsigned depth, struct tok **out, struct err *e)
{
    AUTO(buf_free) struct buf why = BUF_INIT((size_t)1 << 20);
    AUTO(auto_tok) struct tok *t = NULL;

    if (depth > TOK_MAX_DEPTH)
        return err_set(e, FAIL_INPUT, "%u:%u: Maximum object depth exceeded", n->line, n->col);
    if (n->kind == YX_SCALAR) {
        struct err bad;
        if (tok_typed(NULL, n, file, &t, &bad) < 0)
            return err_set(e, FAIL_INPUT, "%u:%u: %s", n->line, n->col, err_whole(&bad));
        if (tok_scan(&t, allowed != NULL ? allowed : &tok_no_names, &why) < 0)
            return err_set(e, FAIL_INPUT, "%u:%u: %s", n->line, n->col, why.p);
        if (allowed == NULL && tok_has_expr(t))
            return err_set(e, FAIL_INPUT,
                           "%u:%u: A template expression is not allowed in this context", n->line,
                           n->col);
        *out = TAKE_PTR(t);
        return 0;
    }
    t = tok_make(n->kind == YX_MAPPING ? TOK_MAPPING : TOK_SEQUENCE, SV(""));
    t->file = file;
    t->line = n->line;
    t->col = n->col;
    tok_reserve(t, n->kind == YX_MAPPING ? 2 * n->n : n->n);
    for (size_t i = 0; i < n->n; i++) {
        AUTO(auto_tok) struct tok *key = NULL;
        struct tok *item = NULL;
        if (n->kind == YX_MAPPING) {
            if (from_yaml(n->items[2 * i], file, allowed, depth + 1, &key, e) < 0 ||
                from_yaml(n->items[2 * i + 1], file, allowed, depth + 1, &item, e) < 0)
                return -1;
            tok_append_pair(t, TAKE_PTR(key), item);
        } else {
            if (from_yaml(n->items[i], file, allowed, depth + 1, &item, e) < 0)
                return -1;
            tok_append(t, item);
        }
    }
    *out = TAKE_PTR(t);
    return 0;
}

int tok_from_yaml(const struct yx_node *n, unsigned file, const struct expr_names *allowed,
                  struct tok **out, struct err *e)
{
    return from_yaml(n, file, allowed, 1, out, e);
}
