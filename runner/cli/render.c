/* SPDX-License-Identifier: Apache-2.0
 *
 * Rendering of events. */
#include "runner/cli/render_priv.h"

#include "base/event_stream.h"
#include "base/mem.h"
#include "base/strv.h"

#include <jansson.h>

static const char bold[] = PAINT_BOLD, dim[] = PAINT_DIM, red[] = PAINT_RED, green[] = "\x1b[32m",
                  yellow[] = PAINT_YELLOW, blue[] = PAINT_BLUE, reset[] = PAINT_RESET;

struct render *render_new(FILE *f, bool json, bool color, bool verbose)
{
    struct render *r = xcalloc(1, sizeof *r);

    r->f = f;
    r->json = json;
    r->color = color && !json;
    r->verbose = verbose;
    r->out = BUF_INIT(2 * (size_t)EVENT_MAX_BYTES);
    r->cut = BUF_INIT(2 * (size_t)RENDER_SGR_BYTES);
    return r;
}

void render_free(struct render *r)
{
    if (r == NULL)
        return;
    render_forget_rows(r);
    render_forget_runs(r);
    for (size_t i = 0; i < r->n_jobs; i++) {
        free(r->jobs[i].name);
        free(r->jobs[i].step);
        free(r->jobs[i].level);
        buf_free(&r->jobs[i].head);
        strv_free(&r->jobs[i].said);
    }
    render_forget_notes(r);
    free(r->notes);
    free(r->rows);
    free(r->jobs);
    free(r->title);
    free(r->path);
    free(r->result);
    buf_free(&r->out);
    buf_free(&r->cut);
    free(r);
}

bool render_broken(const struct render *r)
{
    return r->broken;
}

void render_paint(struct render *r, const char *color)
{
    if (r->color)
        buf_adds(&r->out, color);
}

void render_put(struct render *r)
{
    if (fwrite(r->out.p, 1, r->out.len, r->f) != r->out.len)
        r->broken = true;
    buf_reset(&r->out);
}

void render_flush(struct render *r)
{
    if (r->out.len > 0)
        render_put(r);
    if (fflush(r->f) != 0)
        r->broken = true;
}

/* "name | " in a colour of the job's own. */
void render_prefix(struct render *r, struct sv name)
{
    static const char *const colors[] = {"\x1b[36m", "\x1b[35m", "\x1b[34m", "\x1b[33m",
                                         "\x1b[32m"};
    unsigned hash = 5381;

    for (size_t i = 0; i < name.n; i++)
        hash = hash * 33U + (unsigned char)name.p[i];
    if (utf8_utf16_len(name) > r->width && name.n < 60)
        r->width = utf8_utf16_len(name);
    render_paint(r, colors[hash % 5]);
    render_safe(&r->out, name, false);
    for (size_t i = utf8_utf16_len(name); i < r->width; i++)
        buf_addc(&r->out, ' ');
    buf_adds(&r->out, " | ");
    render_paint(r, reset);
}

static struct sv name_of(const json_t *e)
{
    struct sv name = jx_str(e, "name", "");

    return name.n > 0 ? name : jx_str(e, "job", "");
}

const char *render_result_color(struct sv result)
{
    return sv_is(result, "success")   ? green
           : sv_is(result, "failure") ? red
           : sv_is(result, "skipped") ? dim
                                      : yellow;
}

static const char *mark_of(struct sv result)
{
    return sv_is(result, "success")   ? "\xe2\x9c\x93" /* check mark */
           : sv_is(result, "failure") ? "\xe2\x9c\x97" /* ballot x */
                                      : "-";
}

/* ---- jobs and groups ---- */

/* The row of a job that is not over; NULL: there is none. */
static struct row *find_row(struct render *r, struct sv name)
{
    for (size_t i = 0; i < r->n_rows; i++) /* legs may share a name: the first unfinished one */
        if (sv_is(name, r->rows[i].name) && !r->rows[i].done)
            return &r->rows[i];
    return NULL;
}

static struct row *row_of(struct render *r, struct sv name)
{
    struct row *row = find_row(r, name);

    if (row != NULL)
        return row;
    GROW(r->rows, r->cap_rows, r->n_rows + 1);
    row = &r->rows[r->n_rows++];
    *row = (struct row){.name = sv_dup(name), .result = xstrdup("")};
    return row;
}

struct live_job *render_job(struct render *r, struct sv name)
{
    struct live_job *j;

    for (size_t i = 0; i < r->n_jobs; i++)
        if (sv_is(name, r->jobs[i].name))
            return &r->jobs[i];
    GROW(r->jobs, r->cap_jobs, r->n_jobs + 1);
    j = &r->jobs[r->n_jobs++];
    *j = (struct live_job){.name = sv_dup(name), .said = STRV_INIT, .head = BUF_INIT(4096)};
    return j;
}

static bool was_said(const struct live_job *j, struct sv message)
{
    for (size_t i = 0; i < j->said.n; i++)
        if (sv_is(message, j->said.v[i]))
            return true;
    return false;
}

/* ---- events ---- */

static void on_run_started(struct render *r, const json_t *e)
{
    struct sv sha = jx_str(e, "sha", ""), name = jx_str(e, "run_name", "");

    render_paint(r, bold);
    render_safe(&r->out, jx_str(e, "workflow", ""), false);
    render_paint(r, reset);
    if (name.n > 0 && !sv_eq(name, jx_str(e, "workflow", ""))) {
        buf_adds(&r->out, ": ");
        render_safe(&r->out, name, false);
    }
    buf_addf(&r->out, " (" SV_FMT " ", SV_ARG(jx_str(e, "event", "")));
    render_safe(&r->out, jx_str(e, "ref", ""), false);
    buf_addf(&r->out, " " SV_FMT, SV_ARG(sv_sub(sha, 0, 7)));
    if (r->path != NULL && !sv_is(jx_str(e, "workflow", ""), r->path)) {
        buf_adds(&r->out, ", ");
        render_safe(&r->out, sv_of(r->path), false);
    }
    buf_adds(&r->out, ")\n");
    free(r->title);
    r->title = sv_dup(jx_str(e, "workflow", ""));
}

/* A run, or a job of it, that waits for a concurrency group. */
static void on_waiting(struct render *r, const json_t *e)
{
    if (name_of(e).n > 0)
        render_prefix(r, name_of(e));
    render_paint(r, dim);
    buf_adds(&r->out, "waits for the concurrency group '");
    render_safe(&r->out, jx_str(e, "concurrency_group", ""), false);
    buf_adds(&r->out, "'\n");
    render_paint(r, reset);
}

static void on_job_started(struct render *r, const json_t *e)
{
    render_prefix(r, name_of(e));
    render_paint(r, dim);
    buf_adds(&r->out, "started\n");
    render_paint(r, reset);
}

/* The first and the last step of every job: a dozen lines that hardly ever differ. */
static bool own_step(const json_t *e)
{
    struct sv name = jx_str(e, "step_name", "");

    return json_is_null(json_object_get(e, "id")) &&
           (sv_is(name, "Set up job") || sv_is(name, "Complete job"));
}

/* Printed with the step's first line, so that a step that is skipped takes one line, not two. */
static void on_step_started(struct render *r, const json_t *e)
{
    struct live_job *j = render_job(r, name_of(e));

    free(j->step);
    j->step = sv_dup(jx_str(e, "step_name", ""));
    j->announced = false;
    j->quiet = !r->verbose && own_step(e);
    j->began = j->opening = j->script = j->inner = false;
    j->depth = 0;
}

void render_announce(struct render *r, struct live_job *j)
{
    if (j->step == NULL || j->announced)
        return;
    j->announced = true;
    render_prefix(r, sv_of(j->name));
    render_paint(r, bold);
    buf_adds(&r->out, "> ");
    render_safe(&r->out, sv_of(j->step), false);
    render_paint(r, reset);
    buf_addc(&r->out, '\n');
}

static void annotation_place(struct render *r, const json_t *e)
{
    struct sv file = jx_str(e, "file", ""), title = jx_str(e, "title", "");

    if (file.n > 0) {
        render_safe(&r->out, file, false);
        if (jx_int(e, "line", 0) > 0)
            buf_addf(&r->out, ":%lld", (long long)jx_int(e, "line", 0));
        if (jx_int(e, "col", 0) > 0)
            buf_addf(&r->out, ":%lld", (long long)jx_int(e, "col", 0));
        buf_adds(&r->out, ": ");
    }
    if (title.n > 0) {
        render_safe(&r->out, title, false);
        buf_adds(&r->out, ": ");
    }
}

/* Errors of other steps than the failed one are no reason: those steps went on, or were allowed to fail. */
static void take_reason(struct row *row, int64_t step, struct sv message)
{
    bool better = step > 0 && step == row->failed_step && row->why_step != step;

    if (row->failed_step > 0 && step > 0 && step != row->failed_step)
        return;
    if (row->why != NULL && !better)
        return;
    free(row->why);
    row->why = sv_dup(message);
    row->why_step = step;
}

static void take_failed_step(struct row *row, int64_t step, struct sv name)
{
    if (row->failed != NULL)
        return;
    row->failed = sv_dup(name);
    row->failed_step = step;
    if (row->why_step > 0 && row->why_step != step) {
        free(row->why);
        row->why = NULL;
        row->why_step = 0;
    }
}

/* A message of several lines is shown by its first: the log has them all. */
static void on_annotation(struct render *r, const json_t *e)
{
    struct sv level = jx_str(e, "level", ""), message = jx_str(e, "message", "");
    struct sv name = name_of(e), first;
    bool error = sv_is(level, "error") || sv_is(level, "failure");
    bool warning = sv_is(level, "warning");
    bool placed = jx_str(e, "file", "").n > 0 || jx_str(e, "title", "").n > 0;

    r->errors += error;
    r->warnings += warning;
    if (!sv_next(&message, '\n', &first))
        first = message;
    if (error && name.n > 0)
        take_reason(row_of(r, name), jx_int(e, "step", 0), first);
    if (!placed && name.n > 0 && was_said(render_job(r, name), first))
        return; /* nothing that the log has not shown */
    if (name.n > 0)
        render_prefix(r, name);
    render_paint(r, error ? red : warning ? yellow : blue);
    buf_addf(&r->out, "%s: ", error ? "error" : warning ? "warning" : "notice");
    annotation_place(r, e);
    render_safe(&r->out, first, false);
    if (message.n > 0)
        buf_adds(&r->out, " ...");
    render_paint(r, reset);
    buf_addc(&r->out, '\n');
}

static void on_step_completed(struct render *r, const json_t *e)
{
    struct sv conclusion = jx_str(e, "conclusion", ""), outcome = jx_str(e, "outcome", "");

    struct live_job *j = render_job(r, name_of(e));
    bool quiet = j->quiet;
    bool boring = quiet && !j->announced && sv_is(conclusion, "success");
    struct row *row = row_of(r, name_of(e));

    if (sv_is(conclusion, "failure"))
        take_failed_step(row, jx_int(e, "step", 0), jx_str(e, "step_name", ""));
    if (!sv_is(conclusion, "skipped") && !quiet)
        render_announce(r, j);
    free(j->step);
    j->step = NULL;
    j->depth = 0;
    j->quiet = false;
    if (boring && sv_is(jx_str(e, "step_name", ""), "Complete job"))
        return;
    render_prefix(r, name_of(e));
    render_paint(r, render_result_color(conclusion));
    buf_addf(&r->out, "%s ", mark_of(conclusion));
    render_safe(&r->out, jx_str(e, "step_name", ""), false);
    if (quiet && j->level != NULL)
        buf_addf(&r->out, sv_is(sv_of(j->level), "none") ? ", without a sandbox" : ", sandbox %s",
                 j->level);
    if (outcome.n > 0 && !sv_eq(outcome, conclusion))
        buf_addf(&r->out, " [" SV_FMT ", continued]", SV_ARG(outcome));
    else if (!sv_is(conclusion, "success"))
        buf_addf(&r->out, " [" SV_FMT "]", SV_ARG(conclusion));
    render_paint(r, dim);
    buf_adds(&r->out, " (");
    render_duration(&r->out, jx_int(e, "duration_ms", 0));
    buf_adds(&r->out, ")\n");
    render_paint(r, reset);
}

static void on_job_completed(struct render *r, const json_t *e)
{
    struct sv result = jx_str(e, "result", ""), reason = jx_str(e, "reason", "");
    struct row *row = row_of(r, name_of(e));

    free(row->result);
    row->result = sv_dup(result);
    row->ms = jx_int(e, "duration_ms", 0);
    row->continued = jx_bool(e, "continued", false);
    row->done = true;
    render_prefix(r, name_of(e));
    render_paint(r, render_result_color(result));
    buf_addf(&r->out, "%s job " SV_FMT, mark_of(result), SV_ARG(result));
    if (reason.n > 0) {
        buf_adds(&r->out, ", ");
        render_safe(&r->out, reason, false);
        row->why = row->why != NULL ? row->why : sv_dup(reason);
    }
    if (row->continued)
        buf_adds(&r->out, " [continued]");
    render_paint(r, dim);
    buf_adds(&r->out, " (");
    render_duration(&r->out, row->ms);
    buf_adds(&r->out, ")\n");
    render_paint(r, reset);
}

static void on_artifact(struct render *r, const json_t *e)
{
    buf_adds(&r->out, "artifact ");
    render_safe(&r->out, jx_str(e, "name", ""), false);
    buf_addf(&r->out, ", %lld bytes\n", (long long)jx_int(e, "size", 0));
}

/* Kept for the end: while jobs run, a page of text between their lines helps nobody. */
static void on_summary(struct render *r, const json_t *e)
{
    render_keep_note(r, name_of(e), jx_str(e, "step_name", ""), jx_str(e, "text", ""));
}

static enum run_result result_of(struct sv s)
{
    return sv_is(s, "success")     ? RUN_SUCCESS
           : sv_is(s, "skipped")   ? RUN_SKIPPED
           : sv_is(s, "cancelled") ? RUN_CANCELLED
                                   : RUN_FAILURE;
}

enum run_result render_event(struct render *r, struct sv line, const json_t *e)
{
    static const struct {
        const char *type;
        void (*fn)(struct render *, const json_t *);
    } handlers[] = {
        {"run.started", on_run_started},
        {"job.started", on_job_started},
        {"step.started", on_step_started},
        {"annotation", on_annotation},
        {"step.completed", on_step_completed},
        {"job.completed", on_job_completed},
        {"artifact", on_artifact},
        {"job.waiting", on_waiting},
        {"run.waiting", on_waiting},
        {"summary", on_summary},
    };
    struct sv type = jx_str(e, "type", "");

    if (r->json) {
        buf_addsv(&r->out, line);
        buf_addc(&r->out, '\n');
    } else {
        for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
            if (sv_is(type, handlers[i].type))
                handlers[i].fn(r, e);
    }
    if (r->out.len >= RENDER_BLOCK_BYTES)
        render_put(r);
    if (!sv_is(type, "run.completed"))
        return RUN_UNKNOWN;
    free(r->result);
    r->result = sv_dup(jx_str(e, "result", ""));
    r->ms = jx_int(e, "duration_ms", 0);
    return result_of(sv_of(r->result));
}
