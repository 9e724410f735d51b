/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the parts of the planner: matrix expansion, evaluation of one leg, the graph of one workflow, calls. */
#ifndef ACTIONS_PLAN_PRIV_H
#define ACTIONS_PLAN_PRIV_H

#include "actions/plan.h"

#define PLAN_MAX_TEXT (8U << 20) /* Ours: bytes of one evaluated input, output or secret */

/* An evaluated strategy (6.2). A job without a matrix has one leg whose matrix is null. */
struct matrix_leg {
    struct val *values; /* object, or null */
    char *id;           /* "3_11_unit", "__default" */
    char *segments;     /* "3.11, unit", without extras of include; may be empty */
};
struct matrix {
    struct matrix_leg *legs;
    size_t n, cap;
    bool fail_fast;
    double max_parallel; /* 0 = not given */
    bool present;        /* legs come from a matrix */
    size_t left_out;     /* above PLAN_MAX_LEGS: counted only */
};
/* strategy: the evaluated `strategy`, or null. top: has the file table. FAIL_INPUT: text with position. */
MUST_USE int matrix_expand(const struct wf *top, const struct wf_job *job,
                           const struct val *strategy, struct matrix *out, struct err *e);
void matrix_free(struct matrix *m); /* for AUTO */

struct job_work {
    bool wanted, decided;
    bool whole;              /* wanted with everything that it calls */
    enum plan_result result; /* continue-on-error applied */
    bool cancelled;          /* a leg of it was */
    struct val *outputs;
    bool all_success, any_failure; /* of all ancestors */
};

struct planner {
    const struct plan_inputs *in;
    const struct plan_leg_state *states;
    const struct plan_leg_state **by_id; /* the same, sorted by id */
    size_t n_states;
    struct plan *out;
    size_t cap_ready, cap_skipped, cap_gates, n_cancel, cap_cancel;
    struct val *empty; /* for absent contexts */
    unsigned mute;     /* > 0: looking ahead, nothing is answered */
    size_t n_scopes;
};

/* A group that is held while jobs of a scope run, and by whom. */
struct held {
    const struct held *up;
    const char *group, *who;
};

/* One workflow of the run: its own, or one instance of a called one. */
struct scope {
    struct planner *pl;
    const struct wf *wf;
    struct val *inputs;            /* lent; the `inputs` context */
    const struct plan_call *call;  /* lent; NULL: the run's own workflow */
    const struct held *held;       /* lent */
    const char *id, *path, *names; /* before those of its jobs: "call.0/", "call/", "call (1) / " */
    bool cancelled;
    bool whole; /* a called one: all of its jobs are wanted */
    struct job_work *jobs;
    bool waiting;            /* for its gate */
    bool done, no_jobs;      /* no_jobs: it ended before any of its jobs was looked at */
    enum plan_result result; /* when done; without the run's own cancellation */
    char *reason;            /* with no_jobs: why, or NULL; owned */
};

/* The file table of messages about tokens of this workflow: two arguments. */
#define PLAN_FILES(s) (const char *const *)(s)->pl->in->wf->files, (s)->pl->in->wf->n_files

/* What expressions of one job see, and its status functions. */
struct plan_env {
    const struct scope *scope;
    const struct plan_inputs *in;
    struct val *needs, *matrix, *strategy, *jobs; /* lent; NULL = not available here */
    struct val *secrets;                          /* lent; NULL = not available here */
    struct val *empty;                            /* for absent contexts */
    bool cancelled, all_success, any_failure;
    /* Result of a direct or transitive dependency by id; PLAN_NONE when it is none. */
    enum plan_result (*ancestor)(void *graph, struct sv id);
    void *graph;
    struct expr_env expr; /* points back here */
};
void plan_env_init(struct plan_env *p, const struct scope *scope, struct val *needs);

/* plan.c: what the answer holds. */
const struct plan_leg_state *plan_find(const struct planner *pl, struct sv id);
void plan_add_skip(struct planner *pl, struct plan_skip own);
void plan_add_cancel(struct planner *pl, const char *id);
void plan_add_gate(struct planner *pl, struct plan_gate own);
/* Plans the jobs of a workflow. s->jobs is made here; scope_done() frees it. */
void plan_scope(struct scope *s);
void scope_done(struct scope *s);
bool plan_any_below(const struct planner *pl, const char *prefix); /* a state whose id starts so */
/* States of the legs of a job, of everything in a called workflow too, in the order of the states; free(). */
const struct plan_leg_state **plan_states_below(const struct planner *pl, const char *id,
                                                size_t *n);
/* "Error when evaluating 'KEY' for job 'ID'. TEXT" */
char *plan_reason(const struct wf_job *job, const char *key, const char *text);

/* plan_job.c */
void plan_job(struct scope *s, const struct wf_job *job, struct job_work *w);
char *plan_id(const struct scope *s, struct sv id);
char *plan_path(const struct scope *s, struct sv id);

/* The legs of one job. */
struct leg_work {
    char *id;
    const struct plan_leg_state *state;
    enum plan_result result;
    bool exists; /* not filtered out */
    /* Of a calling job: */
    bool started;
    struct val *outputs;
    size_t finished; /* its last leg's place in the states, from 1 */
};
void plan_end_leg(struct scope *s, struct plan_env *env, const struct wf_job *job,
                  const struct matrix *m, size_t i, struct leg_work *l, enum plan_result r,
                  char *own_reason);

/* plan_call.c: the legs of a job that calls a workflow. stop: the run or its scope was cancelled, and the condition of
 * the job does not hold any more. */
void plan_call_legs(struct scope *s, struct plan_env *env, const struct wf_job *job,
                    const struct matrix *m, struct leg_work *legs, bool stop);

/* plan_gate.c: an evaluated `concurrency`. job: NULL = of the workflow. -1: *reason is the error text. */
MUST_USE int plan_group_eval(const struct plan_env *p, const struct tok *t,
                             const struct wf_job *job, struct plan_group *out, char **reason);
void plan_group_free(struct plan_group *g);
/* A group that is held above: the job could never start. NULL: it is not; else the text, free(). */
char *plan_deadlock(const struct held *h, const char *group, const char *who);
enum plan_gate_phase plan_gate_at(const struct planner *pl, const char *id);
bool plan_gate_holds(const struct planner *pl, const char *id);

/* Fills a leg for the matrix leg i. -1: *reason is the error text (malloc'd). */
MUST_USE int plan_leg_make(struct plan_env *p, const struct wf_job *job, const struct matrix *m,
                           size_t i, struct plan_leg *out, char **reason);
void plan_leg_free(struct plan_leg *l);
char *plan_leg_id(const struct scope *s, const struct wf_job *job, const struct matrix *m,
                  size_t i);
/* The display name as far as it can be known: for a leg that is not made. */
char *plan_leg_name(struct plan_env *p, const struct wf_job *job, const struct matrix *m, size_t i);
/* Job-level continue-on-error of a leg; false when it cannot be evaluated. */
bool plan_leg_continues(struct plan_env *p, const struct wf_job *job, const struct matrix *m,
                        size_t i);
struct plan_call *plan_call_clone(const struct plan_call *c);
void plan_call_free(struct plan_call *c);
/* What cannot be run yet: FAIL_UNSUPPORTED "file:line:col: ...". Containers and services are checked by
 * plan_leg_make. */
MUST_USE int plan_check_supported(const struct wf *wf, const struct wf_job *job, struct err *e);
struct val *plan_strategy_context(const struct matrix *m, size_t i);

#endif
