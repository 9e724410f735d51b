/* SPDX-License-Identifier: Apache-2.0
 *
 * Children of init that touch files as the job's user: the file helper and the copier of the source. */
#ifndef SANDBOX_PROGRAM_HELPER_H
#define SANDBOX_PROGRAM_HELPER_H

#include "sandbox/program/plan.h"

#include <sys/types.h>

/* Forks a file helper; *theirs is the worker's end. */
MUST_USE int helper_start(const struct box *b, pid_t *pid, int *theirs, struct err *e);
/* Forks a copier; *sock gets one WIRE_COPIED record. listing is closed by the caller. */
MUST_USE int copier_start(const struct box *b, const char *dest, int listing, pid_t *pid, int *sock,
                          struct err *e);
/* Acts on files as the job's user from here on, without any capability. */
MUST_USE int helper_identity(const struct box *b, struct err *e);
/* Copies the listed entries of the source below dest. */
MUST_USE int copy_tree(int source, const char *dest, int listing, uint64_t *files, uint64_t *bytes,
                       struct err *e);

#endif
