/* SPDX-License-Identifier: Apache-2.0
 *
 * Absolute URLs (RFC 3986) as HTTP and WebSocket use them: taking apart, percent coding, and which hosts
 * are this machine. */
#ifndef BASE_URL_H
#define BASE_URL_H

#include "base/buf.h"

#include <stdint.h>

/* All lent from the text that was taken apart. */
struct url {
    struct sv scheme;
    struct sv host;  /* without the brackets of an IPv6 literal */
    uint16_t port;   /* the scheme's own when the text names none */
    bool has_port;   /* the text names one */
    bool ipv6;       /* host is an IPv6 literal */
    struct sv path;  /* from the first '/' on, "" when there is none; without the query */
    struct sv query; /* without '?' */
};
#define URL_MAX_BYTES ((size_t)16 * 1024)

/* Takes http, https, ws and wss. FAIL_INPUT: other schemes, user names, fragments, a port that is none,
 * an odd host name, control characters, blanks, backslashes, non-ASCII. */
MUST_USE int url_parse(struct sv text, struct url *out, struct err *e);
/* localhost, *.localhost, 127.0.0.0/8, ::1. */
bool url_host_is_loopback(struct sv host);
/* localhost and *.localhost, which go to 127.0.0.1 without asking a resolver (RFC 6761 6.3). */
bool url_host_is_localhost(struct sv host);
/* RFC 3986 unreserved stay. */
void url_encode(struct buf *b, struct sv s);
/* FAIL_INPUT for % without two hexadecimal digits, and for an encoded NUL. */
MUST_USE int url_decode(struct sv s, struct buf *out, struct err *e);

#endif
