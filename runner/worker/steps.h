/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue of workflow steps. */
#ifndef RUNNER_WORKER_STEPS_H
#define RUNNER_WORKER_STEPS_H

#include "runner/worker/exec.h"

struct planned_step {
    struct step_def def;
    struct record *rec;
};
struct step_list {
    struct planned_step *v;
    size_t n;
};
void step_list_init(struct step_list *l, struct worker *w);
void step_list_free(struct step_list *l); /* for AUTO(step_list_free) */
/* One pending record a step, in order, with the names that can be evaluated now. */
void step_list_make_records(struct step_list *l, struct worker *w, struct exec *setup);
/* -1 only when the job cannot go on (the listener is gone). */
MUST_USE int step_list_run(struct step_list *l, struct worker *w, struct err *e);

#endif
