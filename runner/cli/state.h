/* SPDX-License-Identifier: Apache-2.0
 *
 * The state folder of one run: `runs/<id>/` and `jobs/<id>/`, alive as long as `runs/<id>.lock` is locked.
 * Crash-only: whoever starts removes what dead runs left; there is no other clean-up path. */
#ifndef RUNNER_CLI_STATE_H
#define RUNNER_CLI_STATE_H

#include "base/err.h"

struct run_state {
    char *id;
    char *dir;      /* .../state/runs/<id> */
    char *jobs_dir; /* .../jobs/<id> */
    int runs_fd, jobs_fd, lock_fd;
    unsigned uid; /* who made it */
};
#define RUN_STATE_INIT ((struct run_state){.runs_fd = -1, .jobs_fd = -1, .lock_fd = -1})

/* launcher: for sbx_recover, which removes mounts and cgroups of dead jobs. */
MUST_USE int run_state_open(const char *launcher, struct run_state *s, struct err *e);
/* Removes the folders; for AUTO(run_state_close). A process that has given up root cannot: the next start does. */
void run_state_close(struct run_state *s);

#endif
