/* SPDX-License-Identifier: Apache-2.0
 *
 * What `gantry doctor` reads of the host, one line a part. */
#ifndef RUNNER_CLI_DOCTOR_HOST_H
#define RUNNER_CLI_DOCTOR_HOST_H

#include <stdio.h>
#include <sys/types.h>

/* root: "" = this host; a folder in tests. uid: whose subordinate ids are looked for; those of root are not needed. */
void doctor_host(const char *root, uid_t uid, FILE *f);

#endif
