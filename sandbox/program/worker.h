/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting the worker of a job beside its sandbox. */
#ifndef SANDBOX_PROGRAM_WORKER_H
#define SANDBOX_PROGRAM_WORKER_H

#include "sandbox/program/build.h"

/* Forks and executes; a failure to execute is found before this returns. */
MUST_USE int worker_start(const struct plan *p, struct built *b, pid_t *pid, struct err *e);

#endif
