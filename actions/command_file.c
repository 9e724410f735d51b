/* SPDX-License-Identifier: Apache-2.0
 *
 * File commands: GITHUB_ENV, GITHUB_OUTPUT, GITHUB_STATE and GITHUB_PATH. Source: actions/runner 2.336.0:
 * src/Runner.Worker/FileCommandManager.cs; spec logs 2.2 to 2.4. */
#include "actions/command.h"

#include "base/mem.h"

/* Text in memory is at most this much larger in UTF-8: every ill-formed byte becomes three. */
#define MAX_GROWTH 3

/* As System.IO.File.ReadAllText() recognises them. UTF-32 before 16: its mark begins with the other. */
static const struct mark {
    struct sv bytes;
    unsigned unit; /* bytes */
    bool big;
} marks[] = {
    {{"\xEF\xBB\xBF", 3}, 1, false}, {{"\xFF\xFE\0\0", 4}, 4, false},
    {{"\0\0\xFE\xFF", 4}, 4, true},  {{"\xFF\xFE", 2}, 2, false},
    {{"\xFE\xFF", 2}, 2, true},
};

static unsigned load_unit(const char *p, unsigned unit, bool big)
{
    unsigned v = 0;

    for (unsigned i = 0; i < unit; i++)
        v |= (unsigned)(unsigned char)p[big ? unit - 1 - i : i] << 8 * i;
    return v;
}

static void decode_units(struct sv s, unsigned unit, bool big, struct buf *out)
{
    for (; s.n >= unit; s = sv_sub(s, unit, s.n)) {
        unsigned c = load_unit(s.p, unit, big);
        if (unit == 2 && c >= 0xD800 && c <= 0xDBFF && s.n >= 4) {
            unsigned low = load_unit(s.p + 2, unit, big);
            if (low >= 0xDC00 && low <= 0xDFFF) {
                c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
                s = sv_sub(s, 2, s.n);
            }
        }
        buf_add_utf8(out, c); /* lone surrogates become U+FFFD */
    }
    if (s.n > 0)
        buf_add_utf8(out, 0xFFFD);
}

static struct buf decode_room(struct sv s)
{
    size_t max;

    BUG(__builtin_mul_overflow(s.n, MAX_GROWTH, &max));
    return BUF_INIT(max + 4);
}

struct sv cmd_file_text(struct sv s, struct buf *own)
{
    unsigned code;

    *own = decode_room(s);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (!sv_starts(s, marks[i].bytes))
            continue;
        s = sv_sub(s, marks[i].bytes.n, s.n);
        if (marks[i].unit > 1) {
            decode_units(s, marks[i].unit, marks[i].big, own);
            return buf_sv(own);
        }
        break;
    }
    if (utf8_valid(s))
        return s;
    while (utf8_next(&s, &code) > 0)
        buf_add_utf8(own, code);
    return buf_sv(own);
}

/* A line ends at LF alone; CR stays part of it. False at the end of the text. */
static bool take_line(struct sv *s, struct sv *line, bool *had_lf)
{
    if (s->n == 0)
        return false;
    size_t at = sv_chr(*s, '\n');
    *had_lf = at != SV_NPOS;
    *line = sv_sub(*s, 0, at);
    *s = sv_sub(*s, *had_lf ? at + 1 : s->n, s->n);
    return true;
}

#define SHOWN(s) (int)((s).n > 200 ? 200 : (s).n), (s).p

/* The lines up to the delimiter; the LF before it is not part of the value. */
static int take_heredoc(struct sv *text, struct sv delimiter, struct sv *value, struct err *e)
{
    const char *start = text->p;
    struct sv line;
    bool had_lf = true;
    size_t n = 0;

    while (take_line(text, &line, &had_lf)) {
        if (sv_eq(line, delimiter)) {
            *value = (struct sv){start, n};
            return 0;
        }
        if (!had_lf)
            return err_set(e, FAIL_INPUT, "Invalid value. EOF marker missing new line.");
        n = (size_t)(line.p + line.n - start);
    }
    return err_set(e, FAIL_INPUT, "Invalid value. Matching delimiter not found '%.*s'",
                   SHOWN(delimiter));
}

static int take_entry(struct sv line, struct sv *text, struct sv *key, struct sv *value,
                      struct err *e)
{
    size_t eq = sv_chr(line, '='), here = sv_find(line, SV("<<"));

    /* SV_NPOS is larger than every index. An empty name is refused here already: upstream stores it and
     * fails afterwards (spec logs 2.2, item 6). */
    if (eq < here && eq > 0) {
        *key = sv_sub(line, 0, eq);
        *value = sv_sub(line, eq + 1, line.n);
        return 0;
    }
    if (here >= eq)
        return err_set(e, FAIL_INPUT, "Invalid format '%.*s'", SHOWN(line));
    *key = sv_sub(line, 0, here);
    struct sv delimiter = sv_sub(line, here + 2, line.n);
    if (key->n == 0 || delimiter.n == 0)
        return err_set(
            e, FAIL_INPUT,
            "Invalid format '%.*s'. Name must not be empty and delimiter must not be empty",
            SHOWN(line));
    return take_heredoc(text, delimiter, value, e);
}

int cmd_file_pairs(struct sv text, cmd_pair_fn *fn, void *ctx, struct err *e)
{
    AUTO(buf_free) struct buf own = BUF_INIT(0);
    struct sv line, key, value;
    bool had_lf;

    text = cmd_file_text(text, &own);
    while (take_line(&text, &line, &had_lf)) {
        if (line.n == 0)
            continue;
        if (take_entry(line, &text, &key, &value, e) < 0 || fn(ctx, key, value, e) < 0)
            return -1;
    }
    return 0;
}

void cmd_file_lines(struct sv text, struct strv *out)
{
    AUTO(buf_free) struct buf own = BUF_INIT(0);
    struct sv line, part;

    text = cmd_file_text(text, &own);
    while (sv_next(&text, '\n', &line))
        while (sv_next(&line, '\r', &part))
            if (part.n > 0)
                strv_addsv(out, part);
}

/* Source: src/Runner.Worker/FileCommandManager.cs (_setEnvBlockList). */
bool cmd_env_is_blocked(struct sv name)
{
    return sv_ieq(name, SV("NODE_OPTIONS"));
}
