/* SPDX-License-Identifier: Apache-2.0
 *
 * What a run is said to have been, once it is over: a row a job, and what steps wrote to GITHUB_STEP_SUMMARY. */
#include "runner/cli/render_priv.h"

#include "base/mem.h"

#define SUMMARIES_MAX 20U /* Source: GitHub shows as many a job; here a run */
#define SUMMARY_LINES 50U /* Ours: of one summary */

void render_forget_notes(struct render *r)
{
    for (size_t i = 0; i < r->n_notes; i++) {
        free(r->notes[i].job);
        free(r->notes[i].step);
        free(r->notes[i].text);
    }
    r->n_notes = r->more_notes = 0;
}

void render_keep_note(struct render *r, struct sv job, struct sv step, struct sv text)
{
    if (r->n_notes == SUMMARIES_MAX) {
        r->more_notes++;
        return;
    }
    GROW(r->notes, r->cap_notes, r->n_notes + 1);
    r->notes[r->n_notes++] = (struct note){
        .job = sv_dup(job), .step = step.n > 0 ? sv_dup(step) : NULL, .text = sv_dup(text)};
}

static void summary_row(struct render *r, const struct row *row, size_t width)
{
    buf_adds(&r->out, "  ");
    render_safe(&r->out, sv_of(row->name), false);
    for (size_t i = utf8_utf16_len(sv_of(row->name)); i < width + 2; i++)
        buf_addc(&r->out, ' ');
    render_paint(r, render_result_color(sv_of(row->result)));
    buf_addf(&r->out, "%-11s", row->result);
    render_paint(r, PAINT_RESET);
    if (row->why != NULL && sv_is(sv_of(row->result), "skipped"))
        render_safe(&r->out, sv_of(row->why), false);
    else
        render_duration(&r->out, row->ms);
    if (row->continued)
        buf_adds(&r->out, "  (continue-on-error)");
    buf_addc(&r->out, '\n');
}

/* Below the row: what a reader would otherwise search the log for. */
static void failure_row(struct render *r, const struct row *row)
{
    if ((row->failed == NULL && row->why == NULL) || !sv_is(sv_of(row->result), "failure"))
        return;
    buf_adds(&r->out, "    ");
    if (row->failed != NULL)
        render_safe(&r->out, sv_of(row->failed), false);
    if (row->failed != NULL && row->why != NULL)
        buf_adds(&r->out, ": ");
    if (row->why != NULL)
        render_safe(&r->out, sv_of(row->why), false);
    buf_addc(&r->out, '\n');
}

/* Returns the width of the names, at least `width`. */
static size_t show_rows(struct render *r, const struct row *rows, size_t n, size_t width)
{
    for (size_t i = 0; i < n; i++)
        if (utf8_utf16_len(sv_of(rows[i].name)) > width)
            width = utf8_utf16_len(sv_of(rows[i].name));
    for (size_t i = 0; i < n; i++) {
        summary_row(r, &rows[i], width);
        failure_row(r, &rows[i]);
    }
    return width;
}

void render_forget_rows(struct render *r)
{
    for (size_t i = 0; i < r->n_rows; i++) {
        free(r->rows[i].name);
        free(r->rows[i].result);
        free(r->rows[i].failed);
        free(r->rows[i].why);
    }
    r->n_rows = 0;
}

static void show_note(struct render *r, const struct note *note)
{
    struct sv rest = sv_trim(sv_of(note->text)), line;
    size_t lines = 0;

    render_paint(r, PAINT_BOLD);
    buf_adds(&r->out, "\nSummary of ");
    render_safe(&r->out, sv_of(note->job), false);
    if (note->step != NULL) {
        buf_adds(&r->out, ": ");
        render_safe(&r->out, sv_of(note->step), false);
    }
    render_paint(r, PAINT_RESET);
    buf_addc(&r->out, '\n');
    while (sv_next(&rest, '\n', &line)) {
        if (++lines > SUMMARY_LINES)
            continue;
        buf_adds(&r->out, line.n > 0 ? "  " : "");
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        render_safe(&r->out, line, false);
        buf_addc(&r->out, '\n');
    }
    if (lines > SUMMARY_LINES)
        buf_addf(&r->out, "  ... %zu more lines; gantry run --json prints them all\n",
                 lines - SUMMARY_LINES);
}

/* What steps wrote to GITHUB_STEP_SUMMARY: plain text, cut. */
static void show_notes(struct render *r)
{
    for (size_t i = 0; i < r->n_notes; i++)
        show_note(r, &r->notes[i]);
    if (r->more_notes > 0)
        buf_addf(&r->out, "\n%zu more step summaries; gantry run --json prints them all\n",
                 r->more_notes);
    render_forget_notes(r);
}

/* ---- several runs ---- */

void render_forget_runs(struct render *r)
{
    for (size_t i = 0; i < r->n_runs; i++) {
        free(r->runs[i].name);
        free(r->runs[i].result);
    }
    free(r->runs);
    r->runs = NULL;
    r->n_runs = r->cap_runs = 0;
}

void render_next(struct render *r, const char *path)
{
    if (r->path != NULL && !r->json)
        buf_addc(&r->out, '\n');
    free(r->path);
    r->path = xstrdup(path);
}

static void keep_run(struct render *r, const struct row *whole)
{
    GROW(r->runs, r->cap_runs, r->n_runs + 1);
    r->runs[r->n_runs++] = (struct row){
        .name = strcmp(whole->name, r->path) == 0 ? xstrdup(whole->name)
                                                  : xasprintf("%s (%s)", whole->name, r->path),
        .result = xstrdup(whole->result),
        .ms = whole->ms,
    };
}

void render_whole(struct render *r)
{
    if (r->n_runs < 2)
        return;
    render_paint(r, PAINT_BOLD);
    buf_addf(&r->out, "\n%zu workflows\n", r->n_runs);
    render_paint(r, PAINT_RESET);
    show_rows(r, r->runs, r->n_runs, 0);
}

void render_summary(struct render *r)
{
    char nameless[] = "run";
    struct row whole = {
        .name = r->title != NULL ? r->title : nameless, .result = r->result, .ms = r->ms};
    size_t width;

    if (r->json || r->result == NULL)
        return;
    if (r->path != NULL)
        keep_run(r, &whole);
    buf_addc(&r->out, '\n');
    width = show_rows(r, r->rows, r->n_rows, utf8_utf16_len(sv_of(whole.name)));
    render_paint(r, PAINT_BOLD);
    summary_row(r, &whole, width);
    render_paint(r, PAINT_RESET);
    if (r->errors + r->warnings > 0)
        buf_addf(&r->out, "  %zu error%s, %zu warning%s\n", r->errors, r->errors == 1 ? "" : "s",
                 r->warnings, r->warnings == 1 ? "" : "s");
    show_notes(r);
    render_put(r);
    render_forget_rows(r);
    r->errors = 0;
    r->warnings = 0;
}
