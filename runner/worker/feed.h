/* SPDX-License-Identifier: Apache-2.0
 *
 * The live console: lines of the spool over a WebSocket, in batches; lossy by design, the uploaded log is the truth
 * (spec logs 5). */
#ifndef RUNNER_WORKER_FEED_H
#define RUNNER_WORKER_FEED_H

#include "base/buf.h"

struct feed;
struct worker;

/* NULL when the job has no feed, or its URL is of no use (the reason goes to the daemon's log). */
struct feed *feed_new(struct worker *w);
void feed_free(struct feed *f);
/* The last pass, then the end of the connection; feed_idle() tells when. */
void feed_close(struct feed *f);
bool feed_idle(const struct feed *f);

/* A line as the console shows it: cut at 1,024 UTF-16 units, "..." behind. Pure. */
struct sv feed_cut(struct sv line, struct buf *b);

#endif
