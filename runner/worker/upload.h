/* SPDX-License-Identifier: Apache-2.0
 *
 * Uploads of step logs, the job's log and step summaries to the Results service: signed URL, blob, metadata
 * (spec logs 7). Reads the spool; runs beside the steps; failures never change the job's result. */
#ifndef RUNNER_WORKER_UPLOAD_H
#define RUNNER_WORKER_UPLOAD_H

#include "runner/worker/records.h"

struct upload;
struct worker;

struct upload *upload_new(struct worker *w);
void upload_free(struct upload *u);
/* More was written to the spool: long logs go up while the step still runs. */
void upload_poke(struct upload *u);
/* What there is of the open step's log goes up at once, be it less than a block. */
void upload_push(struct upload *u);
/* The record's log begins at r->log_from. */
void upload_begin(struct upload *u, const struct record *r);
/* It is complete: r->log_to and r->lines are final. */
void upload_record(struct upload *u, const struct record *r);
/* The job's log is complete: all of the spool. */
void upload_job(struct upload *u);
/* Text is copied; it is masked already. */
void upload_summary(struct upload *u, const char *step_id, struct sv text);
bool upload_idle(const struct upload *u);
/* First failure as text for the worker's own log, or NULL. */
const struct err *upload_failed(const struct upload *u);

#endif
