/* SPDX-License-Identifier: Apache-2.0
 *
 * init, pid 1 of a job: serves the worker until it or the launcher goes away. */
#ifndef SANDBOX_PROGRAM_INIT_H
#define SANDBOX_PROGRAM_INIT_H

#include "sandbox/program/plan.h"

/* Both sockets are taken over; every other descriptor but those of the box is closed already. */
_Noreturn void init_run(const struct box *b, int worker, int launcher);

#endif
