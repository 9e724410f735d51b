/* SPDX-License-Identifier: Apache-2.0
 *
 * The files that every step finds made for it: event.json and those of its file commands. A script's are made by
 * its own process right before it runs, with the script; those of any other step through the file helper. */
#ifndef RUNNER_WORKER_STEP_FILES_H
#define RUNNER_WORKER_STEP_FILES_H

#include "runner/worker/exec.h"
#include "sandbox/sandbox.h"

struct worker;

struct step_files {
    struct sbx_file v[FILE_COMMAND_COUNT_ + 1];
    size_t n;
};
/* The folders they lie in; again after a step removed them. */
MUST_USE int step_files_folders(struct worker *w, struct err *e);
/* Names them, for the step's contexts. */
MUST_USE int step_files_name(struct exec *x, struct err *e);
/* What has to be made; paths and contents are lent by x and its worker. */
void step_files_list(const struct exec *x, struct step_files *out);
/* Makes them now. */
MUST_USE int step_files_write(struct exec *x, struct err *e);
/* What event.json holds after a step; text is NULL where it cannot be read. */
void step_files_saw_event(struct worker *w, const char *text, size_t n);

#endif
