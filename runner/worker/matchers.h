/* SPDX-License-Identifier: Apache-2.0
 *
 * Problem matchers of a job (spec logs 1.6): the commands that add and remove them, and what a match becomes. Matcher
 * files, and the files and repositories that matches name, are looked at inside of the job as its user. */
#ifndef RUNNER_WORKER_MATCHERS_H
#define RUNNER_WORKER_MATCHERS_H

#include "runner/worker/exec.h"

struct cmd;
MUST_USE int matchers_add_command(struct exec *x, const struct cmd *c, struct err *e);
MUST_USE int matchers_remove_command(struct exec *x, const struct cmd *c, struct err *e);

/* Of one stream of a step's process. NULL while the job has no matcher. */
struct stream_matchers;
struct stream_matchers *stream_matchers_new(struct exec *x);
void stream_matchers_free(struct stream_matchers *m); /* NULL is fine */
struct matching;
struct matching *stream_matchers_of(struct stream_matchers *m); /* lent */
/* True when the line became an issue, which its log line is part of. */
bool stream_matchers_line(struct stream_matchers *m, struct sv line);

#endif
