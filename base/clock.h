/* SPDX-License-Identifier: Apache-2.0
 *
 * The one clock. Durations use the monotonic reading; wall time only goes into output and tokens.
 *
 * Seam (builds with GANTRY_SEAMS): when the environment variable GANTRY_TEST_CLOCK names a file of one
 * page, its first 8 bytes (little-endian milliseconds, written by the test) are added to both readings in
 * every process of the test, so that all jump together. Loops re-read it: see loop.h. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/buf.h"

#include <stdint.h>

int64_t tm_now_ms(void);  /* monotonic */
int64_t tm_now_us(void);  /* monotonic, finer; for durations in reports */
int64_t tm_wall_ms(void); /* Unix time */
/* Test seam: milliseconds added so far (0 in releases). A difference between two calls means that the
 * clock jumped and timers must be looked at again. */
int64_t tm_jumped_ms(void);
/* Names the clock page file for children, or NULL: pass GANTRY_TEST_CLOCK on when building an environment. */
const char *tm_page_path(void);

/* 2026-01-02T03:04:05.678Z */
void tm_format_ms(struct buf *b, int64_t wall_ms);
/* 2026-01-02T03:04:05.6780000Z: seven digits, as the log format of the protocol wants them. */
void tm_format_ticks(struct buf *b, int64_t wall_us);
int64_t tm_wall_us(void);
/* True when s starts as a line of such a log does: a time like that, and a blank (TM_STAMP_BYTES). */
bool tm_starts_stamp(struct sv s);
#define TM_STAMP_BYTES 29U
/* Reads RFC 3339 with Z or an offset, 0 to 9 fraction digits. */
MUST_USE int tm_parse(struct sv s, int64_t *wall_ms, struct err *e);

#endif
