/* SPDX-License-Identifier: Apache-2.0
 *
 * init, pid 1 of a job: serves the worker until it or the launcher goes away. */
#ifndef SANDBOX_PROGRAM_INIT_H
#define SANDBOX_PROGRAM_INIT_H

#include "sandbox/program/plan.h"
#include "sandbox/program/step.h"

/* first: a starter, or none. Both sockets are taken over; every other descriptor but those of the box is closed already. */
_Noreturn void init_run(const struct box *b, const struct starter *first, int worker, int launcher);

#endif
