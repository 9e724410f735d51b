/* SPDX-License-Identifier: Apache-2.0
 *
 * `run:` steps (spec job-execution 6). */
#ifndef RUNNER_WORKER_SCRIPT_H
#define RUNNER_WORKER_SCRIPT_H

#include "runner/worker/exec.h"

/* Sets x->result when the step failed; -1 only when the job cannot go on. */
MUST_USE int script_run(struct exec *x, struct err *e);

#endif
