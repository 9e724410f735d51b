/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the parts of the planner: matrix expansion, evaluation of one leg, the graph. */
#ifndef ACTIONS_PLAN_PRIV_H
#define ACTIONS_PLAN_PRIV_H

#include "actions/plan.h"

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
};
/* strategy: the evaluated `strategy`, or null. FAIL_INPUT: text with position. */
MUST_USE int matrix_expand(const struct wf *wf, const struct wf_job *job,
                           const struct val *strategy, struct matrix *out, struct err *e);
void matrix_free(struct matrix *m); /* for AUTO */

/* What expressions of one job see, and its status functions. */
struct plan_env {
    const struct plan_inputs *in;
    struct val *needs, *matrix, *strategy; /* lent; NULL = not available here */
    struct val *empty;                     /* for absent contexts */
    bool cancelled, all_success, any_failure;
    /* Result of a direct or transitive dependency by id; PLAN_NONE when it is none. */
    enum plan_result (*ancestor)(void *graph, struct sv id);
    void *graph;
    struct expr_env expr; /* points back here */
};
void plan_env_init(struct plan_env *p, const struct plan_inputs *in, struct val *needs,
                   struct val *empty);
/* Fills a leg for the matrix leg i. -1: *reason is the error text (malloc'd). */
MUST_USE int plan_leg_make(struct plan_env *p, const struct wf_job *job, const struct matrix *m,
                           size_t i, struct plan_leg *out, char **reason);
void plan_leg_free(struct plan_leg *l);
char *plan_leg_id(const struct wf_job *job, const struct matrix *m, size_t i);
/* The display name as far as it can be known: for a leg that is not made. */
char *plan_leg_name(struct plan_env *p, const struct wf_job *job, const struct matrix *m, size_t i);
/* Job-level continue-on-error of a leg; false when it cannot be evaluated. */
bool plan_leg_continues(struct plan_env *p, const struct wf_job *job, const struct matrix *m,
                        size_t i);
/* What cannot be run yet: FAIL_UNSUPPORTED "file:line:col: ...". A container is checked by plan_leg_make. */
MUST_USE int plan_check_supported(const struct wf *wf, const struct wf_job *job, struct err *e);
struct val *plan_strategy_context(const struct matrix *m, size_t i);

#endif
