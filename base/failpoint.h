/* SPDX-License-Identifier: Apache-2.0
 *
 * Named fail points at every durable write and IPC step. Compiled out of builds without GANTRY_SEAMS.
 * GANTRY_FAIL="name=error:ENOSPC,other=stall,third=exit:9,fourth@2=error:EIO" (the @2: from the 2nd hit on). */
#ifndef BASE_FAILPOINT_H
#define BASE_FAILPOINT_H

/* Returns 0, or an errno to fail with. `stall` sleeps until killed, `exit:N` ends the process. */
#ifdef GANTRY_SEAMS
int failpoint_hit(const char *name);
#else
static inline int failpoint_hit(const char *name)
{
    (void)name;
    return 0;
}
#endif

#endif
