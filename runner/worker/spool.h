/* SPDX-License-Identifier: Apache-2.0
 *
 * The log of the job: one unnamed file that every masked, time-stamped line is appended to. The live feed and
 * the uploads read it; a step's log is a range of it, since steps run one after the other. */
#ifndef RUNNER_WORKER_SPOOL_H
#define RUNNER_WORKER_SPOOL_H

#include "actions/mask.h"
#include "base/clock.h"
#include "runner/worker/records.h"

#include <sys/types.h>

/* "2026-03-04T05:06:07.1234567Z " (spec logs 4.1). */
#define SPOOL_STAMP_BYTES TM_STAMP_BYTES
/* A line longer than this is masked and written in pieces (spec logs 0.4 Gantry note). */
#define SPOOL_PIECE_BYTES (1U << 20)

struct spool;
/* An O_TMPFILE below dir: it has no name, and ends with the process. m is lent. */
MUST_USE int spool_new(const char *dir, struct mask *m, struct spool **out, struct err *e);
void spool_free(struct spool *s);
/* Takes the time that the next lines are stamped with; once per block of input. */
void spool_tick(struct spool *s);
/* One logical line (line breaks inside are kept): masked, stamped, appended and counted for r and the job.
 * r NULL: a line of the job alone. Errors are sticky, see spool_failed(). */
void spool_line(struct spool *s, struct record *r, struct sv text);
/* A long line in pieces: begin, any number of pieces, end. A secret that straddles two pieces is masked. */
void spool_piece(struct spool *s, struct record *r, struct sv text, bool first, bool last);
/* Where the next line begins. */
uint64_t spool_size(const struct spool *s);
uint64_t spool_lines(const struct spool *s);
/* The last line, which is counted, has not ended: it comes in pieces. */
bool spool_inside(const struct spool *s);
/* Hands buffered lines to the file. */
void spool_flush(struct spool *s);
/* First error of a write (a full disk); NULL = none. */
const struct err *spool_failed(const struct spool *s);
/* Reads flushed bytes; fewer at the end. */
MUST_USE ssize_t spool_read(const struct spool *s, uint64_t at, void *p, size_t n, struct err *e);

#endif
