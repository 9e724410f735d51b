/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of the steps' logs: markers of the log format (spec logs 4.1) become colour and indentation. */
#include "runner/cli/render_priv.h"

#include "base/event_stream.h"
#include "base/mem.h"

#define SAID_MAX 64U /* Ours: messages remembered a job; what is above is shown twice */

/* The group that a step's log starts with: what is run, its shell, its environment. On GitHub it is folded. */
static bool is_opening(struct render *r, struct live_job *j, struct sv line)
{
    if (j->began || !sv_starts(line, SV("##[group]Run ")))
        return false;
    j->began = true;
    j->opening = !r->verbose;
    return j->opening ||
           (j->step != NULL && !j->announced && sv_is(sv_sub(line, 9, line.n), j->step));
}

/* "sandbox: level=full missing=..." of the first step. */
static void take_level(struct live_job *j, struct sv line)
{
    static const struct sv level = {"sandbox: level=", 15};
    struct sv rest = sv_sub(line, level.n, line.n), word, group = SV("");

    if (!sv_starts(line, level) || j->level != NULL)
        return;
    size_t groups = sv_find(rest, SV(" groups="));
    struct sv names = sv_sub(rest, groups == SV_NPOS ? rest.n : groups + 8, rest.n);
    (void)sv_next(&rest, ' ', &word);
    (void)sv_next(&names, ' ', &group);
    j->level = xasprintf(SV_FMT "%s" SV_FMT, SV_ARG(word), group.n > 0 ? " with your groups " : "",
                         SV_ARG(group));
}

/* Steps of a composite action begin with such groups too. Scripts may print groups that are called so: only lines
 * are hidden that look as the runner's own (script.c, step_env.c). */
static bool hides_inner(struct live_job *j, struct sv line)
{
    if (!j->inner)
        return false;
    if (sv_is(line, "##[endgroup]")) {
        j->inner = false;
        return true;
    }
    j->inner = sv_starts(line, SV("\x1b[36;1m")) || sv_starts(line, SV("shell: ")) ||
               sv_is(line, "with:") || sv_is(line, "env:") ||
               (j->inner_began && sv_starts(line, SV("  ")));
    j->inner_began = j->inner;
    j->depth += !j->inner; /* a group of a script: the rest of it is indented */
    return j->inner;
}

/* What every composite action begins with. */
static bool is_preparation(const struct render *r, const struct live_job *j, struct sv line)
{
    return !r->verbose && !j->script && sv_is(line, "Prepare all required actions");
}

/* A line of a quiet step is dropped unless it says that something is wrong. */
static bool hides(struct render *r, struct live_job *j, struct sv line)
{
    if (j->opening) {
        j->script |= sv_starts(line, SV("shell: "));
        j->opening = !sv_is(line, "##[endgroup]");
        return true;
    }
    if (hides_inner(j, line) || is_preparation(r, j, line))
        return true;
    if (!j->quiet)
        return false;
    take_level(j, line);
    return !sv_starts(line, SV("##[error]")) && !sv_starts(line, SV("##[warning]")) &&
           !sv_starts(line, SV("##[notice]"));
}

/* "name | " and the indentation, made once for many lines. */
static void head(struct render *r, struct live_job *j)
{
    if (j->head.len == 0 || j->head_width != r->width) {
        size_t from = r->out.len;
        render_prefix(r, sv_of(j->name));
        buf_reset(&j->head);
        buf_add(&j->head, r->out.p + from, r->out.len - from);
        j->head_width = r->width;
    } else {
        buf_addsv(&r->out, buf_sv(&j->head));
    }
    for (unsigned i = 0; i < j->depth; i++)
        buf_adds(&r->out, "  ");
}

static const struct {
    const char *marker, *color, *text;
    bool said; /* they become annotations */
} markers[] = {
    {"##[error]", PAINT_RED, "error: ", true},    {"##[warning]", PAINT_YELLOW, "warning: ", true},
    {"##[notice]", PAINT_BLUE, "notice: ", true}, {"##[debug]", PAINT_DIM, "debug: ", false},
    {"##[command]", PAINT_BLUE, "$ ", false},     {"##[section]", PAINT_BOLD, "", false},
};

static void begin_group(struct render *r, struct live_job *j, struct sv *line)
{
    *line = sv_sub(*line, 9, line->n);
    j->inner = !r->verbose && !j->script && j->began && sv_starts(*line, SV("Run "));
    j->inner_began = false;
    j->depth += !j->inner;
    render_paint(r, PAINT_DIM);
    r->painted = true;
    buf_adds(&r->out, j->inner ? "  > " : "");
}

/* What a line begins with. False: it shows nothing. */
static bool begin(struct render *r, struct live_job *j, struct sv *line)
{
    bool group = false;

    r->painted = false;
    if (!sv_starts(*line, SV("##["))) {
        render_announce(r, j);
        head(r, j);
        return true;
    }
    if (sv_is(*line, "##[endgroup]")) {
        j->depth -= j->depth > 0;
        return false;
    }
    group = sv_starts(*line, SV("##[group]"));
    if (is_opening(r, j, *line)) { /* its name stands there already */
        render_announce(r, j);
        j->depth += !j->opening;
        return false;
    }
    render_announce(r, j);
    head(r, j);
    if (group) {
        begin_group(r, j, line);
        return true;
    }
    for (size_t i = 0; i < sizeof markers / sizeof markers[0]; i++) {
        struct sv m = sv_of(markers[i].marker);
        if (!sv_starts(*line, m))
            continue;
        *line = sv_sub(*line, m.n, line->n);
        if (markers[i].said && j->said.n < SAID_MAX)
            strv_addsv(&j->said, *line);
        render_paint(r, markers[i].color);
        buf_adds(&r->out, markers[i].text);
        r->painted = true;
        break;
    }
    return true;
}

/* A part of a line's text. A colour sequence that is cut waits for its rest. */
static void add_text(struct render *r, struct sv text, bool ends)
{
    bool color = r->color && !r->painted;

    if (r->cut.len > 0) {
        size_t n = text.n < RENDER_SGR_BYTES ? text.n : RENDER_SGR_BYTES;
        buf_add(&r->cut, text.p, n);
        text = sv_sub(text, n, text.n);
        if (!ends && text.n == 0 && render_open_sgr(buf_sv(&r->cut)) == r->cut.len)
            return;
        render_safe_part(&r->out, buf_sv(&r->cut), color, &r->colored);
        buf_reset(&r->cut);
    }
    if (!ends) {
        size_t open = render_open_sgr(text);
        buf_add(&r->cut, text.p + text.n - open, open);
        text.n -= open;
    }
    render_safe_part(&r->out, text, color, &r->colored);
    if (!ends)
        return;
    if (r->painted || (r->colored && color))
        render_paint(r, PAINT_RESET);
    r->colored = false;
    buf_addc(&r->out, '\n');
}

static void show(struct render *r, const struct event_line *l)
{
    struct sv name = l->block->name.n > 0 ? l->block->name : l->block->job, text = l->text;
    struct live_job *j = render_job(r, name);
    bool ends = l->last && !l->block->partial, inside = r->inside;

    r->inside = !ends;
    if (!inside)
        r->hidden = hides(r, j, text) || !begin(r, j, &text);
    if (!r->hidden)
        add_text(r, text, ends);
}

void render_line(struct render *r, const struct event_line *l)
{
    if (r->json)
        event_line_json(&r->out, l);
    else
        show(r, l);
    if (r->out.len >= RENDER_BLOCK_BYTES)
        render_put(r);
}
