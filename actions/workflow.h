/* SPDX-License-Identifier: Apache-2.0
 *
 * YAML -> workflow model with line and column (spec expressions 3 to 7). What is parsed is right, and what is
 * not known is an error, never ignored. */
#ifndef ACTIONS_WORKFLOW_H
#define ACTIONS_WORKFLOW_H

#include "actions/token.h"

struct wf_error {
    const char *file; /* lent from the caller's file name */
    unsigned line, col;
    char *text; /* owned by the list */
};
struct wf_errors {
    struct wf_error *v;
    size_t n, cap;
};
void wf_errors_free(struct wf_errors *l); /* for AUTO(wf_errors_free) */
/* Ignored when the list is full; cut at the official length. */
void wf_errors_addf(struct wf_errors *l, const char *file, unsigned line, unsigned col,
                    const char *fmt, ...) PRINTF_LIKE(5, 6);

#define WF_MAX_ERRORS  10U  /* kept, as the official reader does (spec 2.6) */
#define WF_MAX_MESSAGE 500U /* characters of a message with its position, then "[...]" */

/* WF_STEP_CONTROL: wait, wait-all, cancel, parallel (4.5.3); never in an action. */
enum wf_step_kind { WF_STEP_RUN, WF_STEP_USES, WF_STEP_CONTROL };
struct wf_step {
    enum wf_step_kind kind;
    unsigned line, col;
    struct sv id; /* the user's id, or empty */
    char *
        context_name; /* id, or a generated "__run", "__actions_checkout", ... (job-execution 1.8) */
    struct tok *name, *env, *with, *continue_on_error, *timeout_minutes; /* NULL = absent */
    char *condition; /* expression text with success() added where it must be */
    struct tok *run, *shell, *working_directory; /* WF_STEP_RUN */
    struct sv uses;                              /* WF_STEP_USES, literal */
    struct sv control;                           /* WF_STEP_CONTROL: its key */
    struct tok *control_value;
    bool background;
};
struct wf_need {
    struct sv name;
    unsigned line, col;
    size_t job; /* index into wf.jobs */
};
struct wf_job {
    struct sv id;
    unsigned line, col;
    struct tok *name, *runs_on, *env, *strategy, *outputs, *continue_on_error, *timeout_minutes,
        *defaults, *container, *services, *environment, *concurrency, *permissions, *snapshot,
        *cancel_timeout_minutes;
    char *condition;          /* with success() added; spec 9.3 */
    unsigned if_line, if_col; /* 0: no `if` */
    struct wf_need *needs;
    size_t n_needs;
    struct wf_step *steps;
    size_t n_steps;
    struct sv uses; /* reusable workflow; empty for an ordinary job */
    struct tok *with, *secrets;
    bool secrets_inherit;
};
struct wf {
    char *file;
    struct tok *name, *run_name, *on, *env, *defaults, *permissions, *concurrency;
    struct wf_job *jobs;
    size_t n_jobs;
    size_t *order; /* indexes of all jobs, each behind those that it needs */
    /* Names of the events in `on`, in order. */
    struct sv *events;
    size_t n_events;
    struct tok *root; /* owns every token above */
};
/* file: the name in messages and in the file table. On any error returns -1 (FAIL_INPUT, "N errors") with the
 * whole list in *errors, at most 10 reported like the official reader. */
MUST_USE int wf_parse(struct sv yaml, const char *file, struct wf **out, struct wf_errors *errors,
                      struct err *e);
void wf_free(struct wf *w);
void auto_wf(struct wf **w);
const struct wf_job *wf_job(const struct wf *w, struct sv id); /* ASCII case ignored; NULL */
const struct tok *wf_event(const struct wf *w,
                           struct sv name); /* its configuration or NULL; see wf_has_event */
bool wf_has_event(const struct wf *w, struct sv name);

#endif
