/* SPDX-License-Identifier: Apache-2.0
 *
 * The way of a step's output into the log: pipe reader (64 KiB blocks), line splitter, command parser; the spool
 * masks and keeps (spec logs 0.4, 1). One object for each of the two pipes of a process. */
#ifndef RUNNER_WORKER_LOG_CHAIN_H
#define RUNNER_WORKER_LOG_CHAIN_H

#include "base/loop.h"
#include "runner/worker/exec.h"

struct log_stream;
/* Takes the read end over. Lines go to x's log; commands act on x. */
MUST_USE int log_stream_new(struct loop *l, struct exec *x, int own_fd, struct log_stream **out,
                            struct err *e);
bool log_stream_ended(const struct log_stream *s);
/* Treats what is left as the last line. */
void log_stream_free(struct log_stream *s);
/* The splitter by itself, for tests and benchmarks: fd -1, nothing is read. */
struct log_stream *log_stream_detached(struct exec *x);
void log_stream_feed(struct log_stream *s, const char *p, size_t n);

struct matcher_set;
/* For the streams of all processes under way. */
void log_streams_add_matchers(struct worker *w, const struct matcher_set *file);
void log_streams_remove_matchers(struct worker *w, const struct strv *owners);
/* It has read text that it had no time for yet. */
bool log_stream_is_behind(const struct log_stream *s);

#endif
