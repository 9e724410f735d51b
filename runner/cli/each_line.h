/* SPDX-License-Identifier: Apache-2.0
 *
 * Batches: one question a line on standard input, one answer a line on standard output (`gantry expr --batch`,
 * `gantry parse --batch`). */
#ifndef CLI_EACH_LINE_H
#define CLI_EACH_LINE_H

#include "base/buf.h"

#define EACH_LINE_MAX ((size_t)64 << 20) /* bytes of one question */

/* Appends the answer, with its line end, to `out`. -1: the batch ends here. */
typedef int each_line_fn(struct sv question, struct buf *out, struct err *e);

/* Answers every line that is not blank, until the input ends. Returns the exit status; says on standard error
 * which line was wrong. */
MUST_USE int cli_each_line(each_line_fn *answer);

#endif
