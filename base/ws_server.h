/* SPDX-License-Identifier: Apache-2.0
 *
 * WebSocket server that only receives text: libwebsockets in a thread of its own. It checks the bearer
 * token of the handshake (401 otherwise), puts fragments together, answers pings and hands whole messages
 * to the loop through base/queue. */
#ifndef BASE_WS_SERVER_H
#define BASE_WS_SERVER_H

#include "base/buf.h"
#include "base/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wss;

/* Runs ON THE WEBSOCKET THREAD: may only read what ctx points to, which must not change while the server
 * lives (a signing key, for example). True accepts; what it appends to `who` (at most 1 KiB) comes with
 * every event of this connection. path is without the query; token is empty when there was none. */
typedef bool wss_auth_fn(const void *ctx, struct sv path, struct sv query, struct sv token,
                         struct buf *who);

enum wss_event { WSS_OPEN, WSS_MESSAGE, WSS_CLOSE };
/* On the loop's thread. conn numbers connections from 1 and is never reused. text: at WSS_MESSAGE, lent. */
typedef void wss_event_fn(void *ctx, enum wss_event event, uint64_t conn, struct sv who,
                          struct sv text);

struct wss_options {
    const char *address;      /* NULL = "127.0.0.1" */
    uint16_t port;            /* 0 = any; see wss_port() */
    unsigned max_connections; /* 0 = 256 */
    size_t max_message;       /* closed with 1009 above; 0 = 1 MiB */
    size_t
        max_queue_bytes; /* waiting for the loop; connections are read no further above; 0 = 16 MiB */
    wss_auth_fn *auth;   /* required */
    const void *auth_ctx;
};
/* FAIL_SYS EADDRINUSE: the text names address and port. */
MUST_USE struct wss *wss_new(struct loop *l, const struct wss_options *o, wss_event_fn *fn,
                             void *ctx, struct err *e);
uint16_t wss_port(const struct wss *s);
/* Closes every connection (1001), ends the thread. No event is reported any more. */
void wss_free(struct wss *s);

#endif
