/* SPDX-License-Identifier: Apache-2.0
 *
 * The folder of a job on the host, and its removal. While a job lives, the launcher holds a lock on the folder:
 * a folder that carries our mark and is not locked belongs to a dead runner.
 *
 *   JOB/box/home     /home/runner      (work/ and work/_temp in it)
 *   JOB/box/tools    /opt/hostedtoolcache
 *   JOB/box/upper    what the job wrote to the shown host folders (level full)
 *   JOB/actions      /home/runner/work/_actions; written by the worker from outside
 * and at level none, where the job sees them under these names:
 *   JOB/home JOB/work JOB/work/_temp JOB/work/_actions JOB/tools */
#ifndef SANDBOX_PROGRAM_JOBDIR_H
#define SANDBOX_PROGRAM_JOBDIR_H

#include "sandbox/program/plan.h"

#include <sys/types.h>

/* Ids that own the parts, as the host sees them. */
struct jobdir_owner {
    uint32_t worker, job_user, set_up; /* (uint32_t)-1: leave as made */
};
/* Opens and locks the folder and makes what is in it; *dir holds the lock. */
MUST_USE int jobdir_make(const struct plan *p, const struct jobdir_owner *who, int *dir,
                         struct err *e);
/* Forks a child that removes the folder. Where `range` is not 0, from inside that id map. */
MUST_USE int jobdir_remove_start(const char *path, uint32_t range, pid_t *pid, struct err *e);
/* Removes every unlocked, marked folder below jobs_dir. */
MUST_USE int jobdir_recover(const char *jobs_dir, struct err *e);

#endif
