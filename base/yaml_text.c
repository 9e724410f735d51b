/* SPDX-License-Identifier: Apache-2.0
 *
 * libyaml takes the characters of YAML 1.1 only; the official reader's library takes any. Others are shown to
 * libyaml as characters of the last private plane and put back into scalars. */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/yaml_priv.h"

#define STAND_IN   0x10F000U /* + the character; ours */
#define LAST_PLANE 0x10F000U
#define BOM        0xFEFFU

static bool is_printable(unsigned c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c <= 0x7E) || c == 0x85 ||
           (c >= 0xA0 && c <= 0xFFFD && c != BOM) || c > 0xFFFF;
}

static bool is_break(unsigned c)
{
    return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

static inline bool is_plain_byte(unsigned char c)
{
    return c < 0x7F && (c >= 0x20 || c == '\n' || c == '\t' || c == '\r');
}

static bool is_plain(struct sv s)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
    uint64_t w;

    while (s.n > 0) {
        /* Nearly all words of eight bytes have neither control characters nor more than ASCII. */
        while (s.n >= sizeof w) {
            memcpy(&w, s.p, sizeof w);
            if ((((w - ones * 0x20) | (w + ones) | w) & high) != 0)
                break;
            s = (struct sv){s.p + sizeof w, s.n - sizeof w};
        }
        for (size_t i = 0; i < sizeof w && s.n > 0; i++, s = (struct sv){s.p + 1, s.n - 1})
            if (!is_plain_byte((unsigned char)s.p[0]))
                return false;
    }
    return true;
}

static unsigned stand_in(unsigned c)
{
    return c == BOM       ? STAND_IN + 0x200U
           : c >= 0xFFFEU ? STAND_IN + 0x300U + (c & 1U)
                          : STAND_IN + c;
}

static unsigned original(unsigned c)
{
    unsigned k = c - STAND_IN;

    return k == 0x200U ? BOM : k >= 0x300U ? 0xFFFEU + (k & 1U) : k;
}

bool yx_text_init(struct yx_text *t, struct sv in)
{
    AUTO(buf_free) struct buf b = BUF_INIT(4 * in.n + 16);
    struct yx_place at = {0, 0};
    unsigned c = 0;

    *t = (struct yx_text){.text = in};
    if (is_plain(in))
        return true;
    while (in.n > 0) {
        bool after_cr = c == '\r';
        (void)utf8_next(&in, &c);
        if (c == 0 || c >= LAST_PLANE) {
            t->bad = at;
            return false;
        }
        if (c > 0xFFFF) {
            GROW(t->wide, t->cap_wide, t->n_wide + 1);
            t->wide[t->n_wide++] = at;
        }
        t->replaced = t->replaced || !is_printable(c);
        buf_add_utf8(&b, is_printable(c) ? c : stand_in(c));
        if (c == '\n' && after_cr)
            continue; /* the break was counted */
        at.col++;
        if (is_break(c))
            at = (struct yx_place){at.line + 1, 0};
    }
    t->text.n = b.len;
    t->text.p = t->own = buf_take(&b, NULL);
    return true;
}

void yx_text_done(struct yx_text *t)
{
    free(t->own);
    free(t->wide);
    *t = (struct yx_text){.text = {"", 0}};
}

size_t yx_text_restore(const char *p, size_t n, char *out)
{
    AUTO(buf_free) struct buf b = BUF_INIT(n);
    struct sv s = {p, n};
    unsigned c;

    while (s.n > 0) {
        (void)utf8_next(&s, &c);
        buf_add_utf8(&b, c >= LAST_PLANE ? original(c) : c);
    }
    memcpy(out, b.p, b.len);
    return b.len;
}

/* Wide characters in front of the place; they are in order. */
static size_t wide_before(const struct yx_text *t, size_t line, size_t col)
{
    size_t from = 0, to = t->n_wide;

    while (from < to) {
        size_t mid = from + (to - from) / 2;
        const struct yx_place *w = &t->wide[mid];
        if (w->line < line || (w->line == line && w->col < col))
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

unsigned yx_text_col(const struct yx_text *t, size_t line, size_t col)
{
    if (t->n_wide > 0)
        col += wide_before(t, line, col) - wide_before(t, line, 0);
    return (unsigned)col + 1;
}

size_t yx_text_index(const struct yx_text *t, size_t line, size_t col, size_t index)
{
    return index + wide_before(t, line, col);
}

/* ---- problems ---- */

static const struct {
    const char *ours, *theirs;
} phrases[] = {
    {"while parsing a block node", "while parsing a node"},
    {"while parsing a flow node", "while parsing a node"},
    {"did not find expected ',' or '}'",
     " did not find expected ',' or '}'"}, /* two blanks, theirs */
    {"while scanning an anchor", "while scanning an anchor or alias"},
    {"while scanning an alias", "while scanning an anchor or alias"},
    {"found an indentation indicator equal to 0", "find an intendation indicator equal to 0"},
    {"found a tab character where an indentation space is expected",
     "find a tab character where an intendation space is expected"},
    {"found a tab character that violates indentation",
     "find a tab character that violate intendation"},
};

static void add_phrase(struct buf *b, const char *s)
{
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        if (strcmp(phrases[i].ours, s) == 0) {
            buf_adds(b, phrases[i].theirs);
            return;
        }
    }
    if (strncmp(s, "found ", 6) == 0 && b->len > 0)
        buf_addf(b, "find %s", s + 6);
    else
        buf_adds(b, s);
}

void yx_problem_text(const char *context, const char *problem, struct yx_problem *out)
{
    AUTO(buf_free) struct buf b = BUF_INIT(sizeof out->text - 1);

    if (context != NULL) {
        add_phrase(&b, context);
        buf_adds(&b, ", ");
    }
    add_phrase(&b, problem != NULL ? problem : "invalid YAML");
    buf_addc(&b, '.');
    (void)memcpy(out->text, b.p, b.len + 1);
    out->text[0] = ch_upper(out->text[0]);
}
