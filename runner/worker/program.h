/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking up the program of a step. It is looked up already when the files of the step before are read, in the
 * same exchange with the sandbox: mostly it is the same shell. */
#ifndef RUNNER_WORKER_PROGRAM_H
#define RUNNER_WORKER_PROGRAM_H

#include "sandbox/sandbox.h"

struct worker;

/* As sbx_which. */
MUST_USE int program_find(struct worker *w, struct sv name, const char *list, char **out,
                          struct err *e);
/* As sbx_look, and looks up the program that was asked for last. */
MUST_USE int program_look(struct worker *w, struct sbx_look *l, struct err *e);
void program_forget(struct worker *w);

#endif
