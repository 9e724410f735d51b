/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker's own walls, up before it reads the job message: no_new_privs, Landlock where the kernel has it, and
 * a seccomp list. They bind this process alone: steps run in the sandbox, which is not its child. */
#ifndef RUNNER_WORKER_CONFINE_H
#define RUNNER_WORKER_CONFINE_H

#include "base/err.h"

struct confine {
    const char *writable;              /* the folder of actions; the only one that may be changed */
    const char *const *readable_extra; /* NULL-terminated; missing ones are skipped */
};
/* *facts: static text for the job's log, e.g. "landlock,seccomp". Before any thread exists. */
MUST_USE int confine_self(const struct confine *c, const char **facts, struct err *e);

#endif
