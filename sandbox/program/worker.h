/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting the worker of a job beside its sandbox. */
#ifndef SANDBOX_PROGRAM_WORKER_H
#define SANDBOX_PROGRAM_WORKER_H

#include "sandbox/program/build.h"

/* A worker program to be started: in a session of its own, with nothing but its sockets from descriptor 3 on. */
#define PROGRAM_FDS 3
struct program {
    const char *path;
    const char *word; /* its one argument, WIRE_SPARE_WORD or NULL */
    char *const *env; /* complete */
    uint32_t uid;     /* (uint32_t)-1: ours */
    int fds[PROGRAM_FDS];
    size_t n_fds;
};
/* Forks and executes; a failure to execute is found before this returns. */
MUST_USE int program_start(const struct program *p, pid_t *pid, struct err *e);
/* The worker of a job. */
MUST_USE int worker_start(const struct plan *p, struct built *b, pid_t *pid, struct err *e);

#endif
