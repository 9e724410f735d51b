/* SPDX-License-Identifier: Apache-2.0
 *
 * The embedded Actions service as a program: configuration from one descriptor, ready line to another, then the
 * protocol over HTTP until the parent is gone (docs/internals/local-service.md). */
#ifndef RUNNER_SERVICE_SERVICE_H
#define RUNNER_SERVICE_SERVICE_H

#include "base/err.h"

#define SVC_CONFIG_FD 3
#define SVC_READY_FD  4

/* Runs until the parent ends or SIGTERM arrives. A failure before the service listens was reported on ready_fd too;
 * *exit_code is what the program ends with then (design section 5). */
MUST_USE int svc_main_run(int config_fd, int ready_fd, int *exit_code, struct err *e);

#endif
