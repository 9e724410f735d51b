/* SPDX-License-Identifier: Apache-2.0
 *
 * What a process of the job must not have: the walls that a child puts around itself before execve. */
#ifndef SANDBOX_PROGRAM_CONFINE_H
#define SANDBOX_PROGRAM_CONFINE_H

#include "sandbox/program/plan.h"

/* Joins U2, sets limits, cuts the bounding set, loads the filters. Keeps the ids. */
MUST_USE int confine_early(const struct box *b, struct err *e);
/* Becomes the job's user (or its root) without capabilities. */
MUST_USE int confine_ids(const struct box *b, bool as_root, struct err *e);

#endif
