/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a byte of a scalar's value stands in the file: the value is read again beside its source, by the rules of
 * the scalar's style. Lines are those of libyaml, columns count UTF-16 units as the reader's do. */
#include "actions/lint/lint_priv.h"
#include "base/mem.h"

/* Length of the line break at p[i], 0 if there is none. NEL, LS and PS break lines in YAML 1.1. */
static size_t line_break(struct sv s, size_t i)
{
    const unsigned char *p = (const unsigned char *)s.p;

    if (p[i] == '\n')
        return 1;
    if (p[i] == '\r')
        return i + 1 < s.n && p[i + 1] == '\n' ? 2 : 1;
    if (p[i] == 0xC2 && i + 1 < s.n && p[i + 1] == 0x85)
        return 2;
    if (p[i] == 0xE2 && i + 2 < s.n && p[i + 1] == 0x80 && (p[i + 2] & 0xFE) == 0xA8)
        return 3;
    return 0;
}

void lint_index_lines(struct lint *l)
{
    size_t cap = 0, start = 0;

    if (sv_starts(l->text, SV("\xEF\xBB\xBF")))
        start = 3; /* a byte order mark takes no column */
    GROW(l->lines, cap, 1);
    l->lines[l->n_lines++] = (uint32_t)start;
    for (size_t i = start; i < l->text.n && i < UINT32_MAX / 2;) {
        size_t n = line_break(l->text, i);
        i += n > 0 ? n : 1;
        if (n == 0)
            continue;
        GROW(l->lines, cap, l->n_lines + 1);
        l->lines[l->n_lines++] = (uint32_t)i;
    }
}

struct sv lint_line(const struct lint *l, unsigned line)
{
    if (line == 0 || line > l->n_lines)
        return (struct sv){"", 0};
    size_t from = l->lines[line - 1];
    size_t to = line < l->n_lines ? l->lines[line] : l->text.n;
    struct sv s = sv_sub(l->text, from, to - from);
    while (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
        s.n--;
    return s;
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* UTF-16 units of the character that begins with this byte; 0 inside of one. */
static unsigned units(char c)
{
    return is_continuation(c) ? 0 : (unsigned char)c >= 0xF0 ? 2 : 1;
}

static size_t offset_of(const struct lint *l, unsigned line, unsigned col)
{
    size_t at = line <= l->n_lines ? l->lines[line - 1] : l->text.n;

    for (unsigned k = 1; k < col && at < l->text.n;) {
        k += units(l->text.p[at++]);
        while (at < l->text.n && is_continuation(l->text.p[at]))
            at++;
    }
    return at;
}

static void position_of(const struct lint *l, size_t at, unsigned *line, unsigned *col)
{
    size_t lo = 0, hi = l->n_lines;

    while (hi - lo > 1) {
        size_t mid = (lo + hi) / 2;
        if (l->lines[mid] <= at)
            lo = mid;
        else
            hi = mid;
    }
    *line = (unsigned)lo + 1;
    *col = 1;
    for (size_t i = l->lines[lo]; i < at && i < l->text.n; i++)
        *col += units(l->text.p[i]);
}

/* Behind anchors and tags. */
static size_t skip_properties(struct sv s, size_t at)
{
    while (at < s.n && (s.p[at] == '&' || s.p[at] == '!')) {
        while (at < s.n && !ch_is_space(s.p[at]))
            at++;
        while (at < s.n && ch_is_space(s.p[at]))
            at++;
    }
    return at;
}

static size_t next_line(struct sv s, size_t at)
{
    while (at < s.n && line_break(s, at) == 0)
        at++;
    return at < s.n ? at + line_break(s, at) : s.n;
}

static size_t line_end(struct sv s, size_t at)
{
    while (at < s.n && line_break(s, at) == 0)
        at++;
    return at;
}

/* Lines of the value are lines of the file, shorter by their indentation. */
static size_t in_literal(struct sv s, size_t at, struct sv value, size_t offset)
{
    size_t line = 0; /* start of the value's line */

    for (size_t i = 0; i < offset && i < value.n; i++) {
        if (value.p[i] == '\n') {
            at = next_line(s, at);
            line = i + 1;
        }
    }
    size_t end = line_end(s, at), n = line_end(value, line) - line;
    size_t indent = end - at > n ? end - at - n : 0;
    return at + indent + (offset - line);
}

struct escape {
    size_t raw, value; /* bytes */
};

/* s.p[at] is a backslash in double quotes. */
static struct escape read_escape(struct sv s, size_t at)
{
    size_t digits = 0;
    unsigned long code = 0;

    if (at + 1 >= s.n)
        return (struct escape){1, 1};
    switch (s.p[at + 1]) {
    case 'x':
        digits = 2;
        break;
    case 'u':
        digits = 4;
        break;
    case 'U':
        digits = 8;
        break;
    case 'N':
    case '_':
        return (struct escape){2, 2};
    case 'L':
    case 'P':
        return (struct escape){2, 3};
    default:
        return (struct escape){2, 1};
    }
    for (size_t i = 0; i < digits && at + 2 + i < s.n; i++) {
        char c = ch_lower(s.p[at + 2 + i]);
        code = code * 16 + (unsigned long)(ch_is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    return (struct escape){2 + digits, code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4};
}

static size_t blank_run(struct sv s, size_t at)
{
    size_t n = 0;

    while (at + n < s.n && ch_is_space(s.p[at + n]))
        n++;
    return n;
}

static bool has_break(struct sv s)
{
    return sv_chr(s, '\n') != SV_NPOS || sv_chr(s, '\r') != SV_NPOS;
}

/* Reads source and value side by side. Blanks around a line break fold into whatever the value has there. */
static size_t in_folded(struct sv s, size_t at, struct sv value, size_t offset, enum yx_style style)
{
    size_t v = 0;

    while (v < offset && at < s.n) {
        size_t blanks = blank_run(s, at);
        if (style == YX_DOUBLE && s.p[at] == '\\' && at + 1 < s.n && line_break(s, at + 1) > 0) {
            at++;
            at += blank_run(s, at);
        } else if (style == YX_DOUBLE && s.p[at] == '\\') {
            struct escape x = read_escape(s, at);
            at += x.raw;
            v += x.value;
        } else if (blanks > 0 && has_break(sv_sub(s, at, blanks))) {
            at += blanks;
            v += blank_run(value, v);
        } else {
            at += style == YX_SINGLE && s.p[at] == '\'' ? 2 : 1;
            v++;
        }
    }
    return at;
}

void lint_locate(const struct lint *l, const struct yx_node *scalar, size_t offset, unsigned *line,
                 unsigned *col)
{
    size_t at = skip_properties(l->text, offset_of(l, scalar->line, scalar->col));

    switch (scalar->style) {
    case YX_LITERAL:
        at = in_literal(l->text, next_line(l->text, at), scalar->text, offset);
        break;
    case YX_FOLDED:
        at = next_line(l->text, at);
        at += blank_run(l->text, at);
        at = in_folded(l->text, at, scalar->text, offset, YX_FOLDED);
        break;
    case YX_SINGLE:
    case YX_DOUBLE:
        at = in_folded(l->text, at + 1, scalar->text, offset, scalar->style);
        break;
    case YX_PLAIN:
        at = in_folded(l->text, at, scalar->text, offset, YX_PLAIN);
        break;
    }
    position_of(l, at < l->text.n ? at : l->text.n, line, col);
}

struct lint_range lint_range_of(const struct lint *l, const struct yx_node *n)
{
    struct lint_range r = {n->line, n->col, n->end_line, n->end_col};

    /* libyaml ends a block at the start of what follows it: the line it starts on is enough */
    if (n->kind != YX_SCALAR || n->style == YX_LITERAL || n->style == YX_FOLDED) {
        r.end_line = n->line;
        position_of(l, line_end(l->text, offset_of(l, n->line, n->col)), &r.end_line, &r.end_col);
    }
    return r;
}
