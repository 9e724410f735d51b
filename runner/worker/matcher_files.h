/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the file that a problem matcher found lies in the workflow's repository (spec logs 1.6.4, "File mapping"). */
#ifndef RUNNER_WORKER_MATCHER_FILES_H
#define RUNNER_WORKER_MATCHER_FILES_H

#include "runner/worker/exec.h"

/* Holds what was found out about folders, for the time of one process. */
struct matcher_files;
struct matcher_files *matcher_files_new(struct exec *x);
void matcher_files_free(struct matcher_files *f);
/* Relative to the repository; NULL when there is no such file in it (a debug line says why). free(). */
char *matcher_files_map(struct matcher_files *f, struct sv file, struct sv from_path);

#endif
