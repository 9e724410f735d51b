/* SPDX-License-Identifier: Apache-2.0
 *
 * Ending processes that have no PID namespace around them (level none, and orphans of the launcher). */
#ifndef SANDBOX_PROGRAM_REAPER_H
#define SANDBOX_PROGRAM_REAPER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Kills our direct children but those listed; true when there was one. As a subreaper we inherit what they
 * leave, so that repeating it ends a whole tree. */
bool reaper_kill_children(const pid_t *keep, size_t n_keep);

#endif
