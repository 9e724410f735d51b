/* SPDX-License-Identifier: Apache-2.0
 *
 * The seccomp programs of a step, compiled once a launcher. */
#ifndef SANDBOX_PROGRAM_SECCOMP_PROFILE_H
#define SANDBOX_PROGRAM_SECCOMP_PROFILE_H

#include "base/err.h"

#include <linux/filter.h>

/* out->filter is free()'d by the caller. */
MUST_USE int seccomp_profile_compile(struct sock_fprog *out, struct err *e);
void seccomp_guard_compile(struct sock_fprog *out);

#endif
