/* SPDX-License-Identifier: Apache-2.0
 *
 * Composite actions: a list of steps with a scope of its own (spec job-execution 8). */
#ifndef RUNNER_WORKER_COMPOSITE_H
#define RUNNER_WORKER_COMPOSITE_H

#include "runner/worker/action_prepare.h"

/* inputs: complete, all text. Sets x->result from the steps' and x's outputs; -1 only when the job cannot go
 * on. */
MUST_USE int composite_run(struct exec *x, const struct action *a, struct val *inputs,
                           struct err *e);

#endif
