/* SPDX-License-Identifier: Apache-2.0
 *
 * File commands of a step: GITHUB_PATH, ENV, STEP_SUMMARY, STATE, OUTPUT (spec logs 2). The files are fresh for
 * every step and read through init, as the job's user. */
#ifndef RUNNER_WORKER_FILE_COMMANDS_H
#define RUNNER_WORKER_FILE_COMMANDS_H

#include "runner/worker/exec.h"

#define FILE_COMMAND_MAX_BYTES (64U << 20) /* ours: the protocol has no limit (spec logs 2.1) */
#define SUMMARY_MAX_BYTES      (1U << 20)  /* Source: CreateStepSummaryCommand.cs */

/* Names new files in that folder, and puts their paths into x->files and x->github. */
void file_commands_name(struct exec *x, const char *dir);
/* Reads and applies them, and looks at what the next step needs to know besides. What is wrong in them becomes issues and a failed command result; fails only when
 * the sandbox is gone. */
MUST_USE int file_commands_process(struct exec *x, struct err *e);
/* Masked copy of a summary, line by line (7.5). */
void summary_scrub(struct exec *x, struct sv text, struct buf *out);

#endif
