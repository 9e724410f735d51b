/* SPDX-License-Identifier: Apache-2.0
 *
 * Events of a run (design 5) as text for people, or as the JSON Lines that they are. Line by line: the live tree
 * is another viewer of the same events. */
#ifndef RUNNER_CLI_RENDER_H
#define RUNNER_CLI_RENDER_H

#include "base/json.h"

#include <stdio.h>

enum run_result { RUN_UNKNOWN, RUN_SUCCESS, RUN_FAILURE, RUN_CANCELLED, RUN_SKIPPED };

struct render;
/* color: escape sequences are written; json: raw objects, one a line; verbose: all lines of the steps with which
 * every job begins and ends, too. */
struct render *render_new(FILE *f, bool json, bool color, bool verbose);
void render_free(struct render *r);
/* One event that is no line of a log: its text and its value. Returns the run's result once run.completed came, else RUN_UNKNOWN. */
enum run_result render_event(struct render *r, struct sv line, const json_t *event);
/* A line of a step's log, or the next part of it. */
struct event_line;
void render_line(struct render *r, const struct event_line *l);
/* What was collected is written: after the events that have come. */
void render_flush(struct render *r);
/* Before the first event of one of several runs: the file that it is of. */
void render_next(struct render *r, const char *path);
/* The table at the end of a run; and that of several runs, when all are over. Nothing in JSON mode. */
void render_summary(struct render *r);
void render_whole(struct render *r);
/* True when writing failed (the reader went away). */
bool render_broken(const struct render *r);

/* Appends text from a job as a terminal may see it: tabs stay, colours (SGR) stay when color is set, every
 * other control character is escaped. */
void render_safe(struct buf *b, struct sv s, bool color);
/* 950ms, 1.2s, 3m04s, 1h02m */
void render_duration(struct buf *b, int64_t ms);

#endif
