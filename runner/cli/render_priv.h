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
    char *failed,
        *why; /* its first failed step; the first error of that step or of the job; NULL: none */
    int64_t failed_step, why_step; /* their numbers; 0: none, the job as a whole */
    bool continued;                /* continue-on-error: its failure is not the run's */
    bool done;
};
struct note {                /* a step's summary */
    char *job, *step, *text; /* step: NULL for one inside a composite action */
};
struct live_job { /* what is shown of a job's running step */
    char *name;
    char *step;     /* its name; NULL: none runs */
    bool announced; /* its name was printed */
    bool quiet;     /* a step of the runner's own: only what went wrong in it is shown */
    bool began; /* its log has begun: with a group of what is run, in which shell and environment */
    bool opening;     /* within that group, which is not shown */
    bool script;      /* that group named a shell: the step is no action */
    bool inner;       /* within such a group of a step of a composite action */
    bool inner_began; /* and a line of it was hidden */
    char *level;      /* of the sandbox, as the log said; NULL: not said */
    unsigned depth;   /* open ##[group]s, for indentation */
    struct strv said; /* messages of annotations that its log has shown */
    struct buf head;  /* what its lines begin with, at this width of the names: */
    size_t head_width;
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
    char *path; /* of its workflow, where several run; else NULL */
    int64_t ms;
    struct row *runs; /* those that are over, where several run */
    size_t n_runs, cap_runs;
    size_t errors, warnings;
    bool inside;    /* of a line that comes in parts; no other event comes between them */
    bool hidden;    /* that line is not shown */
    bool painted;   /* it is in a colour of ours */
    bool colored;   /* it brought colours of its own */
    struct buf cut; /* the start of a colour sequence at the end of a part of it */
    struct buf out;
};

#define RENDER_BLOCK_BYTES ((size_t)64 << 10) /* collected before it is written */
#define RENDER_SGR_BYTES   32U                /* Ours: the longest colour sequence */
#define PAINT_BOLD         "\x1b[1m"
#define PAINT_DIM          "\x1b[2m"
#define PAINT_RED          "\x1b[31m"
#define PAINT_YELLOW       "\x1b[33m"
#define PAINT_BLUE         "\x1b[34m"
#define PAINT_RESET        "\x1b[0m"
void render_paint(struct render *r, const char *color);
void render_put(struct render *r); /* writes what was collected */
const char *render_result_color(struct sv result);
void render_prefix(struct render *r, struct sv name); /* "name | ", in a colour of the job's own */
struct live_job *render_job(struct render *r, struct sv name);
void render_announce(struct render *r, struct live_job *j); /* the step's name, once */

/* render_text.c: render_safe() of a part of a text; *colored: it had colour sequences. */
void render_safe_part(struct buf *b, struct sv s, bool color, bool *colored);
/* Length of the colour sequence that s ends within, or 0. */
size_t render_open_sgr(struct sv s);

/* render_end.c: keeps the text of an event `summary` for the end; drops what is kept. */
void render_keep_note(struct render *r, struct sv job, struct sv step, struct sv text);
void render_forget_notes(struct render *r);
void render_forget_rows(struct render *r);
void render_forget_runs(struct render *r);

#endif
