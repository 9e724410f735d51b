/* SPDX-License-Identifier: Apache-2.0
 *
 * `uses:` steps: inputs, and the way to the native checkout or to a composite action (spec job-execution 8). */
#ifndef RUNNER_WORKER_ACTION_RUN_H
#define RUNNER_WORKER_ACTION_RUN_H

#include "runner/worker/exec.h"

/* Sets x->result when the step failed; -1 only when the job cannot go on. */
MUST_USE int action_run(struct exec *x, struct err *e);

#endif
