/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by render.c (events as they come) and render_end.c (the table and the summaries at the end). */
#ifndef RUNNER_CLI_RENDER_PRIV_H
#define RUNNER_CLI_RENDER_PRIV_H

#include "runner/cli/render.h"

#include "base/buf.h"
#include "base/strv.h"

struct row {
    char *name, *result;
    int64_t ms;
    char *failed, *why; /* its first failed step, its first error; NULL: none */
    bool continued;     /* continue-on-error: its failure is not the run's */
    bool done;
};
struct note {                /* a step's summary */
    char *job, *step, *text; /* step: NULL for one inside a composite action */
};
struct live_job { /* what is shown of a job's running step */
    char *name;
    char *step;       /* its name; NULL: none runs */
    bool announced;   /* its name was printed */
    bool quiet;       /* a step of the runner's own: only what went wrong in it is shown */
    char *level;      /* of the sandbox, as the log said; NULL: not said */
    unsigned depth;   /* open ##[group]s, for indentation */
    struct strv said; /* messages of annotations that its log has shown */
};
struct render {
    FILE *f;
    bool json, color, verbose, broken;
    struct row *rows;
    size_t n_rows, cap_rows;
    struct note *notes;
    size_t n_notes, cap_notes, more_notes; /* kept; and those that were not */
    struct live_job *jobs;
    size_t n_jobs, cap_jobs;
    size_t width; /* of the longest job name so far */
    char *title, *result;
    int64_t ms;
    size_t errors, warnings;
    bool inside; /* of a line that comes in parts; no other event comes between them */
    bool hidden; /* that line is not shown */
    struct buf out;
};

#define PAINT_BOLD  "\x1b[1m"
#define PAINT_RESET "\x1b[0m"
void render_paint(struct render *r, const char *color);
void render_put(struct render *r); /* writes what was collected */
const char *render_result_color(struct sv result);

/* render_end.c: keeps the text of an event `summary` for the end; drops what is kept. */
void render_keep_note(struct render *r, struct sv job, struct sv step, struct sv text);
void render_forget_notes(struct render *r);
void render_forget_rows(struct render *r);

#endif
