/* SPDX-License-Identifier: Apache-2.0
 *
 * actions/checkout of the repository that the runner was started with, done natively (design: local source). */
#ifndef RUNNER_WORKER_CHECKOUT_H
#define RUNNER_WORKER_CHECKOUT_H

#include "runner/worker/exec.h"

/* Whether this step can only be the local source: no `repository` input, or a literal one that names it. */
bool checkout_is_native(const struct worker *w, const struct step_def *d);
/* with: the evaluated inputs. Sets x->result when it failed; -1 only when the job cannot go on. */
MUST_USE int checkout_run(struct exec *x, const struct val *with, struct err *e);
/* --source: the copy is in place before the first step. */
MUST_USE int checkout_prefill(struct exec *x, struct err *e);

#endif
