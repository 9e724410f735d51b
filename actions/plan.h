/* SPDX-License-Identifier: Apache-2.0
 *
 * The planner (spec expressions 6, 9): a pure function of (workflow, event, finished jobs) that says which job
 * legs are ready, which are skipped and which must be cancelled. The service persists the inputs and asks
 * again after a crash; the same inputs give the same answer. */
#ifndef ACTIONS_PLAN_H
#define ACTIONS_PLAN_H

#include "actions/workflow.h"

enum plan_result { PLAN_NONE, PLAN_SUCCESS, PLAN_FAILURE, PLAN_CANCELLED, PLAN_SKIPPED };
const char *plan_result_name(enum plan_result r); /* "success", ... */

struct plan_inputs {
    const struct wf *wf;
    struct val *github, *inputs, *vars; /* contexts */
    const char *const
        *secret_names; /* NULL-terminated; for secrets.* in reusable workflows' checks */
    /* Restriction of `gantry run -j/--matrix`: NULL/0 = none. A job that is not wanted (nor needed by a wanted
     * one) does not exist. */
    const char *const *only_jobs;
    const struct plan_matrix_filter {
        const char *key, *value;
    } * matrix_filter;
    size_t n_matrix_filter;
};
#define PLAN_MAX_LEGS 256U /* of one matrix; docs, spec 6.2 */

/* What happened to a leg, as far as known. Outputs of the legs of one job are merged in the order of the states,
 * a later one wins: keep them in the order in which the legs finished. */
struct plan_leg_state {
    const char *leg_id;      /* see plan_leg.id */
    enum plan_result result; /* PLAN_NONE = queued or running */
    bool started;
    struct val *outputs; /* object of strings, or NULL */
};
struct plan_leg {
    char *id; /* stable: "build", or "build.0" for the leg of a matrix; unique in the run */
    char *
        matrix_id; /* "__default", or made of the matrix values: "3_11_unit"; unique in the job (6.5) */
    struct sv job_id;
    char *name;           /* display name: "build (3.11, unit)" */
    struct val *matrix;   /* object or val_null */
    struct val *strategy; /* fail-fast, job-index, job-total, max-parallel */
    struct val *needs;    /* the needs context */
    struct val *inputs;   /* of the called workflow, or the run's */
    char **labels;        /* runs-on, NULL-terminated */
    char *group;          /* runs-on.group or NULL */
    bool continue_on_error;
    double timeout_minutes;        /* 360 when absent; whole minutes */
    double cancel_timeout_minutes; /* 5 when absent */
    char *environment;             /* name, or NULL */
    const struct wf *wf;
    const struct wf_job *job;
};
struct plan_skip {
    char *id, *name;
    struct sv job_id;
    struct val *matrix;
    /* PLAN_SKIPPED; PLAN_FAILURE with a reason; PLAN_CANCELLED for what never started when the run or, by
     * fail-fast, its matrix was cancelled. A whole job has its id, a leg the leg's. */
    enum plan_result result;
    char *reason; /* error text or NULL; "file (Line: L, Col: C): ..." */
};
struct plan {
    struct plan_leg *
        ready; /* legs that may be queued now and are not yet in the states (max-parallel obeyed) */
    size_t n_ready;
    struct plan_skip *skipped; /* newly decided without running */
    size_t n_skipped;
    /* Ids of queued or running legs to cancel (fail-fast, run cancelled), NULL-terminated; named again by every
     * call until they have a result. */
    char **cancel;
    bool done;               /* every job is decided */
    enum plan_result result; /* of the run, when done */
};
/* states: every leg that was ever returned as ready or skipped. cancelled: the user cancelled the run.
 * What follows from a skip is in the same answer. FAIL_INPUT: the restriction names a job that is not there. */
MUST_USE int plan_next(const struct plan_inputs *in, const struct plan_leg_state *states,
                       size_t n_states, bool cancelled, struct plan *out, struct err *e);
void plan_done(struct plan *p);
/* Of two results of legs (9.5). */
enum plan_result plan_merge(enum plan_result current, enum plan_result leg);

#endif
