/* SPDX-License-Identifier: Apache-2.0
 *
 * The starter: a child of init that joined U2, was limited and filtered once, and starts every step from there.
 * A step is a clone that shares the starter's memory until its execve, as posix_spawn does it, and is init's own
 * child (CLONE_PARENT). What is left to do for one is: session, stdio, ids, its script, folder, execve. */
#ifndef SANDBOX_PROGRAM_STEP_H
#define SANDBOX_PROGRAM_STEP_H

#include "sandbox/program/plan.h"

#include <sys/types.h>

#define CHILD_UMASK 022

/* What a step under way tells init without a record: memory that init shares with the starter. Nothing of it can
 * be written by the job, which may trace neither. */
struct start_page {
    uint32_t id;       /* the request that the starter works on */
    int32_t pid;       /* of the step's process, as soon as it runs */
    uint32_t executes; /* it came to execve, which has not failed */
};

struct starter {
    pid_t pid; /* 0 = none */
    int sock; /* WIRE_SPAWN in; WIRE_SPAWNED, WIRE_SPAWN_LOST or WIRE_SPAWN_ERROR out. Non-blocking */
    volatile struct start_page *page;
};
#define STARTER_INIT ((struct starter){0, -1, NULL})
/* Makes U2 and its mount namespace with a first starter, and keeps them open in b->user_ns and b->mount_ns. Mounts
 * that are there now are locked in it: nobody in U2 can take a mask away. */
MUST_USE int step_inner(struct box *b, struct starter *out, struct err *e);
MUST_USE int starter_start(const struct box *b, struct starter *out, struct err *e);
/* Kills it, if it is not reaped yet (pid > 0), and forgets it. */
void starter_drop(struct starter *s);

/* Start of every child of init: drops init's descriptors but `keep` (and 0 to 2), restores signals. */
void child_begin(const int *keep, size_t n_keep);

#endif
