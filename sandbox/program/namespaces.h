/* SPDX-License-Identifier: Apache-2.0
 *
 * User namespaces, their id maps and the host ids they take. */
#ifndef SANDBOX_PROGRAM_NAMESPACES_H
#define SANDBOX_PROGRAM_NAMESPACES_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* fork() into new namespaces; flags are CLONE_NEW*. 0 in the child, -1 with errno. */
pid_t ns_fork(unsigned long flags);

/* Maps as text: lines of "inside outside count". */
MUST_USE int ns_write_maps(pid_t pid, const char *uids, const char *gids, bool deny_setgroups,
                           struct err *e);

/* Host ids of level full: RANGE_STRIDE ids a job, of which the first RANGE_IDS are the job's. The lock is a byte
 * of one file and goes with its holder, however that ends. */
MUST_USE int range_take(uint32_t *range, int *lock, struct err *e);
uint32_t range_from_uid(uint32_t uid); /* 0 = not one of ours */

/* A user namespace that only carries a map, for ID-mapped mounts. */
MUST_USE int ns_for_map(const char *uids, const char *gids, int *out, struct err *e);

/* Empties `name` in the folder `dir` from inside the map of the range. */
MUST_USE int idmap_run(uint32_t range, int dir, const char *name, struct err *e);

#endif
