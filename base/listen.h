/* SPDX-License-Identifier: Apache-2.0
 *
 * Listening TCP sockets. */
#ifndef BASE_LISTEN_H
#define BASE_LISTEN_H

#include "base/err.h"

#include <stdint.h>

/* address: IPv4 or IPv6 literal; port 0 = any. Returns a non-blocking descriptor. FAIL_INPUT; FAIL_SYS, whose
 * text names address and port. */
MUST_USE int listen_tcp(const char *address, uint16_t port, struct err *e);
/* Port that a TCP socket is bound to; 0 for any other socket. */
uint16_t listen_port(int fd);

#endif
