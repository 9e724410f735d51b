/* SPDX-License-Identifier: Apache-2.0
 *
 * The pre-armed child: forked, joined to U2, limited and filtered ahead of time, then blocked on its socket
 * until init sends it a WIRE_SPAWN record. What is left to do then is: ids, folder, stdio, execve. */
#ifndef SANDBOX_PROGRAM_STEP_H
#define SANDBOX_PROGRAM_STEP_H

#include "sandbox/program/plan.h"

#include <sys/types.h>

struct armed {
    pid_t pid; /* 0 = none */
    int sock;  /* closed by execve, or by a death before; WIRE_SPAWN_ERROR says why it failed */
    volatile uint32_t *started; /* set by the child right before execve; shared memory */
};
#define ARMED_INIT ((struct armed){0, -1, NULL})
/* Makes U2 and its mount namespace with a first armed child, and keeps them open in b->user_ns and b->mount_ns. Mounts
 * that are there now are locked in it: nobody in U2 can take a mask away. */
MUST_USE int step_inner(struct box *b, struct armed *out, struct err *e);
MUST_USE int step_arm(const struct box *b, struct armed *out, struct err *e);

/* Start of every child of init: drops init's descriptors but `keep` (and 0 to 2), restores signals. */
void child_begin(const int *keep, size_t n_keep);

#endif
