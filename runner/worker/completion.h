/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of the job: completejob (spec logs 9). */
#ifndef RUNNER_WORKER_COMPLETION_H
#define RUNNER_WORKER_COMPLETION_H

#include "base/json.h"
#include "runner/worker/records.h"

struct worker;
/* Pure; new references. */
json_t *completion_annotation(const struct issue *i, unsigned step_number); /* NULL: dropped */
json_t *completion_body(const struct worker *w);
/* FAIL_DENIED, FAIL_NOTFOUND: the service does not want it; others: given up after the retries. */
MUST_USE int completion_send(struct worker *w, struct err *e);

#endif
