/* SPDX-License-Identifier: Apache-2.0
 *
 * The set-up child: from the clone into new namespaces to a running init (sandbox.md 3.3, rows 8 to 17). */
#ifndef SANDBOX_PROGRAM_SETUP_H
#define SANDBOX_PROGRAM_SETUP_H

#include "sandbox/program/etc.h"
#include "sandbox/program/plan.h"
#include "sandbox/program/rootfs.h"
#include "sandbox/program/step.h"

struct setup {
    const struct plan *plan;
    const struct etc *etc;
    struct rootfs *rootfs; /* opened already at level full */
    struct box *box;
    struct starter starter; /* with which U2 was made */
    int go;                 /* one byte comes when the id maps are written */
    int worker, launcher;
};
_Noreturn void setup_child(struct setup *s);

/* Namespaces that the child is cloned into. */
unsigned long setup_clone_flags(const struct plan *p);

#endif
