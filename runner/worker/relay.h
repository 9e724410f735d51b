/* SPDX-License-Identifier: Apache-2.0
 *
 * With network none the job reaches exactly one thing, the service: init listens inside the job, and this passes
 * bytes on (design: one protocol). */
#ifndef RUNNER_WORKER_RELAY_H
#define RUNNER_WORKER_RELAY_H

#include "base/loop.h"

#include <stdint.h>

#define RELAY_MAX_CONNECTIONS 128U /* ours; more wait in the listening socket's queue */

struct relay;
/* Takes the listening socket over; connects to 127.0.0.1:port for each connection. */
MUST_USE int relay_new(struct loop *l, int own_listen_fd, uint16_t port, struct relay **out,
                       struct err *e);
void relay_free(struct relay *r);

#endif
