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

/* A place that needs a concurrency group before anything below it starts (4.12). */
enum plan_gate_phase {
    PLAN_GATE_NEW,     /* not known to the caller yet */
    PLAN_GATE_WAITING, /* another one has the group */
    PLAN_GATE_OPEN,    /* it has the group */
    PLAN_GATE_CANCELLED, /* it had the group when a newer one cancelled it: what runs is being cancelled */
    PLAN_GATE_DROPPED, /* it never got the group: replaced by a newer one */
};
struct plan_group {
    char *name; /* NULL: no group */
    bool cancel_in_progress;
    bool queue_max; /* up to 100 wait instead of one */
};
/* What github.com says of a job or run that a newer one of its group replaced. */
#define PLAN_TEXT_REPLACED "Canceling since a higher priority waiting request for '%s' exists"
#define PLAN_MAX_GROUP     400U /* characters of a name */
#define PLAN_MAX_PENDING   100U /* docs: of one group with `queue: max` */

struct plan_inputs {
    const struct wf *wf;
    struct val *github, *inputs, *vars; /* contexts */
    const char *const
        *secret_names; /* NULL-terminated; for secrets.* in reusable workflows' checks */
    /* Restriction of `gantry run -j/--matrix`: NULL/0 = none. A job that is not wanted (nor needed by a wanted
     * one) does not exist. Paths of ids: "build"; "call/build" wants that one of what the job "call" calls. */
    const char *const *only_jobs;
    const struct plan_matrix_filter {
        const char *key, *value;
    } * matrix_filter;
    size_t n_matrix_filter;
    /* Where each plan_gate stands, by its id. NULL: every gate is open (nothing else runs). */
    enum plan_gate_phase (*gate)(void *ctx, const char *id);
    void *gate_ctx;
};
#define PLAN_MAX_LEGS 256U   /* of one matrix; docs, spec 6.2 */
#define PLAN_MAX_JOBS 10000U /* Ours: legs of a run, called workflows included */

/* What happened to a leg, as far as known. Outputs of the legs of one job are merged in the order of the states,
 * a later one wins: keep them in the order in which the legs finished. */
struct plan_leg_state {
    const char *leg_id;      /* see plan_leg.id */
    enum plan_result result; /* PLAN_NONE = queued or running */
    bool started;
    bool again;          /* after a restart: the leg is to be among the ready ones once more */
    struct val *outputs; /* object of strings, or NULL */
};
/* One level of calls above a job: the calling job's contexts, with which its secrets are evaluated (7.3). */
struct plan_call {
    struct plan_call *up; /* NULL: called by the run's own workflow */
    const struct wf *wf;  /* of the calling job */
    const struct wf_job *job;
    struct val *inputs, *needs, *matrix, *strategy;
};
struct plan_leg {
    /* Stable and unique in the run: "build", "build.0" for the leg of a matrix, "call/build" in a called workflow,
     * "call.1/build.0" where both have a matrix. */
    char *id;
    char *
        matrix_id; /* "__default", or made of the matrix values: "3_11_unit"; unique in the job (6.5) */
    struct sv job_id;     /* in its own workflow: "build" */
    char *path;           /* of job ids, from the run's workflow down: "call/build" */
    char *name;           /* display name: "build (3.11, unit)", "call / build" */
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
    struct plan_group concurrency; /* the leg waits until it has the group */
    const struct wf *wf;           /* the called one, in a called workflow */
    const struct wf_job *job;
    struct plan_call *call; /* NULL: a job of the run's own workflow */
};
struct plan_skip {
    char *id, *path, *name;
    struct val *matrix;
    /* PLAN_SKIPPED; PLAN_FAILURE with a reason; PLAN_CANCELLED for what never started when the run or, by
     * fail-fast, its matrix was cancelled. A whole job has its id, a leg the leg's. */
    enum plan_result result;
    char
        *reason; /* why it was skipped; else an error text "file (Line: L, Col: C): ...", or NULL */
};
/* Of a workflow (id "", or "call/" for a called one) or of a job that calls one ("call", "call.1"). */
struct plan_gate {
    char *id, *name;
    char *path; /* of job ids down to the calling job; "" for the run's own workflow */
    struct plan_group group;
};
struct plan {
    /* Legs that may be queued now and are not yet in the states (max-parallel obeyed), and those of the states with
     * `again`. */
    struct plan_leg *ready;
    size_t n_ready;
    struct plan_skip *skipped; /* newly decided without running */
    size_t n_skipped;
    /* Ids of queued or running legs to cancel (fail-fast, run cancelled), NULL-terminated; named again by every
     * call until they have a result. */
    char **cancel;
    /* Every gate that is wanted now, whether it is open or not. One that is not named any more is to be let go. */
    struct plan_gate *gates;
    size_t n_gates;
    bool done;               /* every job is decided */
    enum plan_result result; /* of the run, when done */
    char *reason;            /* why a run ended without jobs, or NULL */
};
/* states: every leg that was ever returned as ready or skipped. cancelled: the user cancelled the run.
 * What follows from a skip is in the same answer. FAIL_INPUT: the restriction names a job that is not there. */
MUST_USE int plan_next(const struct plan_inputs *in, const struct plan_leg_state *states,
                       size_t n_states, bool cancelled, struct plan *out, struct err *e);
void plan_done(struct plan *p);
/* Those of one group, in the order of their arrival. ending: it has the group and is being cancelled. */
struct plan_member {
    bool open, ending;
};
enum plan_verdict { PLAN_KEEP, PLAN_REPLACE, PLAN_CANCEL_RUNNING };
/* What one more means for the others (out: n verdicts). False: as many wait as may, the newcomer is cancelled. */
bool plan_group_arrive(const struct plan_member *m, size_t n, const struct plan_group *newcomer,
                       enum plan_verdict *out);
/* Which of them gets the group now; SIZE_MAX: none. */
size_t plan_group_next(const struct plan_member *m, size_t n);
bool plan_group_same(const char *a, const char *b); /* names compare without regard to case */

/* The name of the run, on one line: `run-name`, or what its event is about. FAIL_INPUT: text with position. */
MUST_USE int plan_run_name(const struct plan_inputs *in, char **out, struct err *e);
/* The secrets of a leg as object of texts, from those of the run: names that called workflows give them, and only those
 * that they were given (7.3). FAIL_INPUT: text with position. */
MUST_USE int plan_secrets(const struct plan_inputs *in, const struct plan_leg *leg,
                          struct val *of_run, struct val **out, struct err *e);
/* Of two results of legs (9.5). */
enum plan_result plan_merge(enum plan_result current, enum plan_result leg);

#endif
