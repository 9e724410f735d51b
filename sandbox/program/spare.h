/* SPDX-License-Identifier: Apache-2.0
 *
 * Spare workers, the launcher's side. */
#ifndef SANDBOX_PROGRAM_SPARE_H
#define SANDBOX_PROGRAM_SPARE_H

#include "sandbox/program/build.h"

struct spare; /* a list of them */

/* What a WIRE_SPARE asks for, within the limits. */
MUST_USE int spare_keep(struct spare **list, struct ipc_in *in, const struct limits *m,
                        struct err *e);
enum spare_result {
    SPARE_NONE, /* none that fits: nothing happened */
    SPARE_USED, /* *pid is the worker, a child of ours; the descriptors of b that it got are closed */
    SPARE_LOST, /* one was asked and did not answer: whatever child it has made is nobody's */
};
enum spare_result spare_use(struct spare **list, const struct plan *p, struct built *b, pid_t *pid);
/* True when the process that was reaped was one. */
bool spare_ended(struct spare **list, pid_t pid);
size_t spare_count(const struct spare *list);
size_t spare_pids(const struct spare *list, pid_t *out); /* of all; how many */
void spare_drop_all(struct spare **list);                /* killed and reaped */

#endif
