/* SPDX-License-Identifier: Apache-2.0
 *
 * Values straight from JSON text, for fromJSON (spec expressions 1.9). Strict JSON, and beyond it what toJSON
 * itself writes: NaN, Infinity and -Infinity. Texts of errors as Newtonsoft.Json 13 gives them (JsonTextReader.cs),
 * whose limit of 64 levels bounds the recursion. */
#include "actions/value.h"

#include <math.h>
#include <stdlib.h>

#include "actions/value_priv.h"
#include "base/mem.h"

#define JSON_DEPTH 64U

struct reader {
    const char *p, *end;
    const char *start;
    struct err *e;
};

/* Appends where it went wrong, as the reference does; it counts from the start of the line. */
static int fail(const struct reader *r, const char *at, const char *text, bool with_char)
{
    const char *line_start = r->start;
    size_t line = 1, n = 1;

    for (const char *p = r->start; p < at; p++) {
        if (*p == '\n') {
            line++;
            line_start = p + 1;
        }
    }
    while (at + n < r->end && n < 4 && ((unsigned char)at[n] & 0xC0) == 0x80)
        n++; /* the whole character */
    size_t column = utf8_utf16_len((struct sv){line_start, (size_t)(at - line_start)});
    return err_set(r->e, FAIL_INPUT, "%s%.*s. Path '', line %zu, position %zu.", text,
                   with_char ? (int)n : 0, at, line, column);
}

static int fail_here(const struct reader *r, const char *text)
{
    if (r->p == r->end)
        return fail(r, r->p, "Unexpected end when reading JSON", false);
    return fail(r, r->p, text, true);
}

static void skip_space(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t'))
        r->p++;
}

/* ---- strings ---- */

static int hex4(struct reader *r, unsigned *out)
{
    unsigned v = 0;

    for (int i = 0; i < 4; i++) {
        if (r->p == r->end || !ch_is_hex(*r->p))
            return fail_here(r, "Invalid Unicode escape sequence: ");
        char c = ch_lower(*r->p++);
        v = v << 4 | (unsigned)(ch_is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    *out = v;
    return 0;
}

/* What follows "\u". Half a surrogate pair becomes U+FFFD: text is UTF-8 here and cannot hold it. */
static int unicode_escape(struct reader *r, unsigned *code)
{
    unsigned low;

    if (hex4(r, code) < 0)
        return -1;
    if (*code < 0xD800 || *code > 0xDFFF)
        return 0;
    struct reader ahead = *r;
    if (*code < 0xDC00 && r->end - r->p >= 6 && r->p[0] == '\\' && r->p[1] == 'u') {
        struct err ignored; /* a bad escape is reported when it is its turn */
        ahead.e = &ignored;
        ahead.p += 2;
        if (hex4(&ahead, &low) == 0 && low >= 0xDC00 && low <= 0xDFFF) {
            r->p = ahead.p;
            *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
            return 0;
        }
    }
    *code = 0xFFFD;
    return 0;
}

static int escape(struct reader *r, char **w)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    unsigned code;

    if (r->p == r->end)
        return fail(r, r->p, "Unterminated string. Expected delimiter: \"", false);
    if (*r->p == 'u') {
        r->p++;
        if (unicode_escape(r, &code) < 0)
            return -1;
        *w = utf8_put(*w, code);
        return 0;
    }
    const char *known = memchr(from, *r->p, sizeof from - 1);
    if (known == NULL)
        return fail(r, r->p, "Bad JSON escape sequence: \\", true);
    *(*w)++ = to[known - from];
    r->p++;
    return 0;
}

/* Finds the end of the string behind the quote at r->p; *plain: it holds no escape. */
static int string_end(struct reader *r, const char **end, bool *plain)
{
    const char *p = r->p;

    *plain = true;
    for (; p < r->end && *p != '"'; p++) {
        if ((unsigned char)*p < 0x20)
            return fail(r, p, "Invalid control character in a string", false);
        if (*p == '\\') {
            *plain = false;
            if (++p == r->end)
                break;
        }
    }
    if (p >= r->end)
        return fail(r, r->end, "Unterminated string. Expected delimiter: \"", false);
    *end = p;
    return 0;
}

/* The text of the string at r->p, which is a quote: a slice of the input, or of *own, which the caller frees. */
static int read_string(struct reader *r, struct sv *out, char **own)
{
    const char *end = r->end;
    bool plain = false;

    r->p++;
    if (string_end(r, &end, &plain) < 0)
        return -1;
    *out = (struct sv){r->p, (size_t)(end - r->p)};
    if (plain) {
        r->p = end + 1;
        return 0;
    }
    char *text = xmalloc(out->n), *w = text; /* an escape is longer than what it stands for */
    while (r->p < end) {
        if (*r->p != '\\') {
            *w++ = *r->p++;
            continue;
        }
        r->p++;
        if (escape(r, &w) < 0) {
            free(text);
            return -1;
        }
    }
    r->p = end + 1;
    *out = (struct sv){text, (size_t)(w - text)};
    *own = text;
    return 0;
}

/* ---- numbers and words ---- */

static const char *digits(const char *p, const char *end)
{
    while (p < end && ch_is_digit(*p))
        p++;
    return p;
}

/* The end of a JSON number at p, or NULL. */
static const char *number_end(const char *p, const char *end)
{
    const char *from;

    if (p < end && *p == '-')
        p++;
    from = p;
    p = digits(p, end);
    if (p == from || (*from == '0' && p > from + 1))
        return NULL;
    if (p < end && *p == '.') {
        from = ++p;
        p = digits(p, end);
        if (p == from)
            return NULL;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        from = p;
        p = digits(p, end);
        if (p == from)
            return NULL;
    }
    return p;
}

static bool continues_number(const char *p, const char *end)
{
    return p < end && (*p == '.' || *p == 'e' || *p == 'E');
}

static bool word(struct reader *r, struct sv w)
{
    if (!sv_starts((struct sv){r->p, (size_t)(r->end - r->p)}, w))
        return false;
    r->p += w.n;
    return true;
}

static int read_scalar(struct reader *r, struct val **out)
{
    const char *end = digits(r->p, r->end);

    if (end == r->p + 1 && !continues_number(end, r->end)) { /* one digit: most numbers */
        *out = val_number(*r->p - '0');
        r->p = end;
        return 0;
    }
    end = number_end(r->p, r->end);
    if (end != NULL) {
        *out = val_number(val_parse_number((struct sv){r->p, (size_t)(end - r->p)}));
        r->p = end;
        return 0;
    }
    if (word(r, SV("null")))
        *out = val_null();
    else if (word(r, SV("true")))
        *out = val_bool(true);
    else if (word(r, SV("false")))
        *out = val_bool(false);
    else if (word(r, SV("NaN")))
        *out = val_number(NAN);
    else if (word(r, SV("Infinity")))
        *out = val_number(INFINITY);
    else if (word(r, SV("-Infinity")))
        *out = val_number(-INFINITY);
    else
        return fail_here(r, "Unexpected character encountered while parsing value: ");
    return 0;
}

/* ---- containers ---- */

static int read_value(struct reader *r, unsigned depth, struct val **out);

/* Behind an item: 1 = another one follows, 0 = the container has ended. */
static int next_item(struct reader *r, char closer)
{
    skip_space(r);
    if (r->p < r->end && (*r->p == ',' || *r->p == closer))
        return *r->p++ == ',';
    return fail_here(r, "After parsing a value an unexpected character was encountered: ");
}

static int read_array(struct reader *r, unsigned depth, struct val *arr)
{
    struct val *item = NULL;
    int more = 1;

    r->p++;
    skip_space(r);
    if (r->p < r->end && *r->p == ']') {
        r->p++;
        return 0;
    }
    while (more > 0) {
        if (read_value(r, depth, &item) < 0)
            return -1;
        val_push(arr, item);
        more = next_item(r, ']');
    }
    return more;
}

static int read_member(struct reader *r, unsigned depth, struct val *obj)
{
    AUTO(auto_free) char *own = NULL;
    struct val *value = NULL;
    struct sv key;

    skip_space(r);
    if (r->p == r->end || *r->p != '"')
        return fail_here(r, "Invalid property identifier character: ");
    if (read_string(r, &key, &own) < 0)
        return -1;
    skip_space(r);
    if (r->p == r->end || *r->p != ':')
        return fail_here(r,
                         "Invalid character after parsing property name. Expected ':' but got: ");
    r->p++;
    if (read_value(r, depth, &value) < 0)
        return -1;
    val_set(obj, key, value);
    return 0;
}

static int read_object(struct reader *r, unsigned depth, struct val *obj)
{
    int more = 1;

    r->p++;
    skip_space(r);
    if (r->p < r->end && *r->p == '}') {
        r->p++;
        return 0;
    }
    while (more > 0) {
        if (read_member(r, depth, obj) < 0)
            return -1;
        more = next_item(r, '}');
    }
    return more;
}

static int read_value(struct reader *r, unsigned depth, struct val **out)
{
    AUTO(auto_free) char *own = NULL;
    struct sv text;

    skip_space(r);
    char c = (char)(r->p < r->end ? *r->p : '\0');
    if (c == '"') {
        if (read_string(r, &text, &own) < 0)
            return -1;
        *out = val_string(text);
        return 0;
    }
    if (c != '[' && c != '{')
        return read_scalar(r, out);
    if (depth == JSON_DEPTH)
        return err_set(r->e, FAIL_INPUT, "The reader's MaxDepth of %u has been exceeded.",
                       JSON_DEPTH);
    AUTO(auto_val) struct val *v = c == '[' ? val_array() : val_object();
    if ((c == '[' ? read_array(r, depth + 1, v) : read_object(r, depth + 1, v)) < 0)
        return -1;
    *out = TAKE_PTR(v);
    return 0;
}

int val_parse_json(struct sv text, struct val **out, struct err *e)
{
    struct reader r = {.p = text.p, .end = text.p + text.n, .start = text.p, .e = e};
    AUTO(auto_val) struct val *v = NULL;

    if (text.n == 0 || (val_space(text) > 0 && val_trim(text).n == 0))
        return err_set(e, FAIL_INPUT,
                       "Error reading JToken from JsonReader. Path '', line 0, position 0.");
    if (read_value(&r, 0, &v) < 0)
        return -1;
    skip_space(&r);
    if (r.p < r.end)
        return fail(&r, r.p,
                    "Additional text encountered after finished reading JSON content: ", true);
    *out = TAKE_PTR(v);
    return 0;
}
