/* SPDX-License-Identifier: Apache-2.0
 *
 * Running one step: environment, condition, handler, result (spec job-execution 4.2, 6, 11). Used for workflow
 * steps and for the steps of a composite action alike. */
#ifndef RUNNER_WORKER_STEP_RUN_H
#define RUNNER_WORKER_STEP_RUN_H

#include "runner/worker/exec.h"

/* Evaluates the step's `env:` over x->env. FAIL_INPUT. */
MUST_USE int step_overlay_env(struct exec *x, struct err *e);
/* The handler: from the time limit to continue-on-error. x->result and x->outcome are set; -1 only when the
 * job cannot go on (the listener is gone). */
MUST_USE int step_run(struct exec *x, struct err *e);
/* What step_run() does last, for the parts that set a result themselves. */
void step_conclude(struct exec *x);
/* "##[group]Run ..." of an action with its inputs (spec logs 4.3). */
void step_action_header(struct exec *x, const struct val *with);
/* The lines of the `env:` block. */
void step_env_lines(struct exec *x);
/* An error issue with the text of e, and the result Failed. */
void step_fail(struct exec *x, const struct err *e);

#endif
