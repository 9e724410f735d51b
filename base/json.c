/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON on top of jansson. Error texts never quote the document: job messages hold secrets. */
#include "base/json.h"

#include <stdio.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/secret.h"

void auto_json(json_t **j)
{
    json_decref(*j);
    *j = NULL;
}

/* ---- allocators -------------------------------------------------------------------------------------- */

/* The size goes in front of the block, in a header that keeps malloc's alignment. jansson needs no realloc:
 * it grows by malloc, copy and free (akheron/jansson 2.14: src/strbuffer.c). */
union block_head {
    size_t n;
    max_align_t align;
};

static void *wiping_malloc(size_t n)
{
    union block_head *h;
    size_t total;

    if (__builtin_add_overflow(n, sizeof *h, &total))
        return NULL;
    h = xmalloc(total);
    h->n = n;
    return h + 1;
}

static void wiping_free(void *p)
{
    if (p == NULL)
        return;
    union block_head *h = (union block_head *)p - 1;
    secret_wipe(p, h->n);
    free(h);
}

void jx_init(void)
{
    json_set_alloc_funcs(wiping_malloc, wiping_free);
    json_object_seed(0); /* before threads: jansson would seed at the first object otherwise */
}

/* ---- reading ----------------------------------------------------------------------------------------- */

/* jansson's own limit is 2,048 levels of recursion; ours is found before it starts. */
static int check_depth(struct sv text, const char *what, struct err *e)
{
    unsigned depth = 0;
    size_t line = 1, line_start = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
            continue;
        }
        if (c == '"') {
            in_string = true;
        } else if (c == '\n') {
            line++;
            line_start = i + 1;
        } else if ((c == '[' || c == '{') && ++depth > JX_MAX_DEPTH) {
            return err_set(e, FAIL_INPUT, "%s: line %zu, column %zu: nested deeper than %d levels",
                           what, line, i - line_start + 1, JX_MAX_DEPTH);
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return 0;
}

static const char *cause_text(enum json_error_code code)
{
    if (code == json_error_premature_end_of_input)
        return "the text ends in the middle of a value";
    if (code == json_error_end_of_input_expected)
        return "text after the end of the value";
    if (code == json_error_invalid_utf8)
        return "invalid UTF-8";
    if (code == json_error_duplicate_key)
        return "duplicate key";
    if (code == json_error_numeric_overflow)
        return "number out of range";
    if (code == json_error_null_character || code == json_error_null_byte_in_key)
        return "NUL character in a string";
    if (code == json_error_out_of_memory || code == json_error_stack_overflow)
        return "too large";
    return "invalid JSON";
}

static json_t *load(struct sv text, const char *what, size_t flags, struct err *e)
{
    json_error_t je;
    json_t *j;

    if (check_depth(text, what, e) < 0)
        return NULL;
    flags |= JSON_DECODE_ANY;
    j = json_loadb(text.p, text.n, flags, &je);
    /* Workflow data may hold integers above 64 bits, which JavaScript reads as doubles. */
    if (j == NULL && !(flags & JSON_REJECT_DUPLICATES) &&
        json_error_code(&je) == json_error_numeric_overflow)
        j = json_loadb(text.p, text.n, flags | JSON_DECODE_INT_AS_REAL, &je);
    if (j == NULL)
        (void)err_set(e, FAIL_INPUT, "%s: line %d, column %d: %s", what, je.line, je.column,
                      cause_text(json_error_code(&je)));
    return j;
}

json_t *jx_parse(struct sv text, const char *what, struct err *e)
{
    return load(text, what, JSON_REJECT_DUPLICATES, e);
}

json_t *jx_parse_lax(struct sv text, const char *what, struct err *e)
{
    return load(text, what, JSON_ALLOW_NUL, e);
}

/* ---- writing ----------------------------------------------------------------------------------------- */

/* Where the top bit of a byte is set: that byte of w, or one above it, is c. */
static uint64_t bytes_equal(uint64_t w, char c)
{
    const uint64_t one = UINT64_C(0x0101010101010101);
    const uint64_t x = w ^ one * (unsigned char)c;

    return (x - one) & ~x;
}

/* How much at the front stands for itself; eight bytes at once where they all do (see sv_printable()). */
static size_t plain_part(struct sv s)
{
    const uint64_t top = UINT64_C(0x8080808080808080), blanks = UINT64_C(0x2020202020202020);
    size_t n = 0;
    uint64_t w;

    for (; s.n - n >= sizeof w; n += sizeof w) {
        memcpy(&w, s.p + n, sizeof w);
        if (((w | (w - blanks) | bytes_equal(w, '"') | bytes_equal(w, '\\')) & top) != 0)
            break;
    }
    while (n < s.n && (unsigned char)s.p[n] >= 0x20 && (unsigned char)s.p[n] < 0x80 &&
           s.p[n] != '"' && s.p[n] != '\\')
        n++;
    return n;
}

void jx_escape(struct buf *b, struct sv s)
{
    unsigned code;

    while (s.n > 0) {
        size_t plain = plain_part(s);

        buf_add(b, s.p, plain);
        s = sv_sub(s, plain, s.n);
        if (utf8_next(&s, &code) == 0)
            break;
        if (code == '"' || code == '\\')
            buf_addf(b, "\\%c", (char)code);
        else if (code == '\n')
            buf_adds(b, "\\n");
        else if (code == '\r')
            buf_adds(b, "\\r");
        else if (code == '\t')
            buf_adds(b, "\\t");
        else if (code < 0x20)
            buf_addf(b, "\\u%04x", code);
        else
            buf_add_utf8(b, code);
    }
}

void jx_quote(struct buf *b, struct sv s)
{
    buf_addc(b, '"');
    jx_escape(b, s);
    buf_addc(b, '"');
}

/* The shortest text that reads back as the same double, always recognisable as a real. */
static void write_real(struct buf *b, double v)
{
    char text[40];

    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, v);
        double back = strtod(text, NULL);
        if (!(back < v) && !(back > v))
            break;
    }
    buf_adds(b, text);
    if (strpbrk(text, ".e") == NULL)
        buf_adds(b, ".0");
}

struct writer {
    struct buf *b;
    bool pretty;
    unsigned indent;
};

static void write_break(const struct writer *w, unsigned depth)
{
    if (!w->pretty)
        return;
    buf_addc(w->b, '\n');
    for (size_t i = 0; i < (size_t)depth * w->indent; i++)
        buf_addc(w->b, ' ');
}

static void write_value(const struct writer *w, const json_t *j, unsigned depth);

/* jansson's iterators take a pointer that is not const although they do not change the object. */
static void write_object(const struct writer *w, const json_t *j, unsigned depth)
{
    json_t *o = json_incref((json_t *)(uintptr_t)j);
    bool first = true;

    buf_addc(w->b, '{');
    for (void *it = json_object_iter(o); it != NULL; it = json_object_iter_next(o, it)) {
        if (!first)
            buf_addc(w->b, ',');
        first = false;
        write_break(w, depth + 1);
        jx_quote(w->b, sv_of(json_object_iter_key(it)));
        buf_adds(w->b, w->pretty ? ": " : ":");
        write_value(w, json_object_iter_value(it), depth + 1);
    }
    if (!first)
        write_break(w, depth);
    buf_addc(w->b, '}');
    json_decref(o);
}

static void write_array(const struct writer *w, const json_t *j, unsigned depth)
{
    size_t n = json_array_size(j);

    buf_addc(w->b, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_addc(w->b, ',');
        write_break(w, depth + 1);
        write_value(w, json_array_get(j, i), depth + 1);
    }
    if (n > 0)
        write_break(w, depth);
    buf_addc(w->b, ']');
}

static void write_value(const struct writer *w, const json_t *j, unsigned depth)
{
    if (depth > 2 * JX_MAX_DEPTH) { /* only a value that we built ourselves can be this deep */
        w->b->over = true;
        return;
    }
    if (json_is_object(j))
        write_object(w, j, depth);
    else if (json_is_array(j))
        write_array(w, j, depth);
    else if (json_is_string(j))
        jx_quote(w->b, (struct sv){json_string_value(j), json_string_length(j)});
    else if (json_is_integer(j))
        buf_addf(w->b, "%lld", (long long)json_integer_value(j));
    else if (json_is_real(j))
        write_real(w->b, json_real_value(j));
    else
        buf_adds(w->b, json_is_true(j) ? "true" : json_is_false(j) ? "false" : "null");
}

void jx_write(struct buf *b, const json_t *j)
{
    const struct writer w = {.b = b};

    write_value(&w, j, 0);
}

void jx_write_pretty(struct buf *b, const json_t *j, unsigned indent)
{
    const struct writer w = {.b = b, .pretty = true, .indent = indent};

    write_value(&w, j, 0);
}

/* ---- typed access ------------------------------------------------------------------------------------ */

json_t *jx_get(const json_t *o, const char *key)
{
    return json_object_get(o, key);
}

json_t *jx_iget(const json_t *o, const char *key)
{
    json_t *exact = json_object_get(o, key);

    if (exact != NULL || !json_is_object(o))
        return exact;
    json_t *obj = json_incref((json_t *)(uintptr_t)o); /* see write_object() */
    json_t *found = NULL;
    for (void *it = json_object_iter(obj); it != NULL && found == NULL;
         it = json_object_iter_next(obj, it))
        if (sv_ieq(sv_of(json_object_iter_key(it)), sv_of(key)))
            found = json_object_iter_value(it);
    json_decref(obj);
    return found;
}

/* The member, or NULL with e set when it is missing or null. */
static json_t *need(const json_t *o, const char *key, struct err *e)
{
    json_t *v = json_object_get(o, key);

    if (v != NULL && !json_is_null(v))
        return v;
    if (!json_is_object(o))
        (void)err_set(e, FAIL_INPUT, "expected an object with member '%s'", key);
    else
        (void)err_set(e, FAIL_INPUT, "member '%s' is missing", key);
    return NULL;
}

static int wrong_type(const char *key, const char *want, struct err *e)
{
    return err_set(e, FAIL_INPUT, "member '%s' is not %s", key, want);
}

int jx_need_str(const json_t *o, const char *key, struct sv *out, struct err *e)
{
    const json_t *v = need(o, key, e);

    if (v == NULL)
        return -1;
    if (!json_is_string(v))
        return wrong_type(key, "a string", e);
    *out = (struct sv){json_string_value(v), json_string_length(v)};
    return 0;
}

/* Also takes 5.0: some writers have no integers. Above 2^53 a double is not exact any more. */
static bool to_int(const json_t *v, int64_t *out)
{
    if (json_is_integer(v)) {
        *out = json_integer_value(v);
        return true;
    }
    double d = json_real_value(v);
    if (!json_is_real(v) || d < -9007199254740992.0 || d > 9007199254740992.0)
        return false;
    int64_t whole = (int64_t)d;
    if ((double)whole < d || (double)whole > d)
        return false;
    *out = whole;
    return true;
}

int jx_need_int(const json_t *o, const char *key, int64_t *out, struct err *e)
{
    const json_t *v = need(o, key, e);

    if (v == NULL)
        return -1;
    return to_int(v, out) ? 0 : wrong_type(key, "an integer", e);
}

int jx_need_obj(const json_t *o, const char *key, json_t **out, struct err *e)
{
    json_t *v = need(o, key, e);

    if (v == NULL)
        return -1;
    if (!json_is_object(v))
        return wrong_type(key, "an object", e);
    *out = v;
    return 0;
}

int jx_need_arr(const json_t *o, const char *key, json_t **out, struct err *e)
{
    json_t *v = need(o, key, e);

    if (v == NULL)
        return -1;
    if (!json_is_array(v))
        return wrong_type(key, "an array", e);
    *out = v;
    return 0;
}

struct sv jx_str(const json_t *o, const char *key, const char *dflt)
{
    const json_t *v = json_object_get(o, key);

    if (!json_is_string(v))
        return sv_of(dflt);
    return (struct sv){json_string_value(v), json_string_length(v)};
}

int64_t jx_int(const json_t *o, const char *key, int64_t dflt)
{
    int64_t n;

    return to_int(json_object_get(o, key), &n) ? n : dflt;
}

bool jx_bool(const json_t *o, const char *key, bool dflt)
{
    const json_t *v = json_object_get(o, key);

    return json_is_boolean(v) ? json_is_true(v) : dflt;
}

json_t *jx_str_new(struct sv s)
{
    unsigned code;

    if (utf8_valid(s))
        return json_stringn_nocheck(s.p, s.n);
    /* Each ill-formed byte becomes three. */
    AUTO(buf_free) struct buf b = BUF_INIT(s.n > SIZE_MAX / 3 ? SIZE_MAX : s.n * 3);
    while (utf8_next(&s, &code) > 0)
        buf_add_utf8(&b, code);
    json_t *j = json_stringn_nocheck(b.p, b.len);
    secret_wipe(b.p, b.len);
    return j;
}
