/* SPDX-License-Identifier: Apache-2.0
 *
 * Workflow commands in a step's output: what each one does (spec logs 1.2 to 1.5, 8.2). */
#ifndef RUNNER_WORKER_COMMANDS_H
#define RUNNER_WORKER_COMMANDS_H

#include "runner/worker/exec.h"

/* True when the line was a command and is not output. */
bool commands_handle(struct exec *x, struct sv line);

/* The position rules of 8.2 by themselves. has_*: the property was there and a number. */
struct command_position {
    bool has_line, has_end_line, has_col, has_end_col;
    int64_t line, end_line, col, end_col;
};
/* One bit for each rule that changed something, the first rule's is 1. */
unsigned command_position_fix(struct command_position *p);

#endif
