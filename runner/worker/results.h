/* SPDX-License-Identifier: Apache-2.0
 *
 * Step states to the Results service: WorkflowStepsUpdate (spec logs 6.3). States that were not acknowledged are
 * sent again with the next update. */
#ifndef RUNNER_WORKER_RESULTS_H
#define RUNNER_WORKER_RESULTS_H

#include "base/json.h"
#include "runner/worker/records.h"

struct results;
struct worker;

struct results *results_new(struct worker *w);
void results_free(struct results *r);
/* A record changed: sent soon (RESULTS_INTERVAL_MS after the last one at the earliest). */
void results_poke(struct results *r);
/* Nothing is owed and nothing under way. */
bool results_idle(const struct results *r);
/* Sends what is owed now, not after the interval; for the end of the job. */
void results_hurry(struct results *r);
/* Adds what the embedded service asks for beyond the protocol, once the record is complete. */
void results_add_details(json_t *step, const struct record *r);
/* The request for these records; new reference. Pure. */
json_t *results_body(const struct records *l, const bool *take, int64_t change_order,
                     struct sv plan_id, struct sv job_id);

#endif
