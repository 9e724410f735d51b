/* SPDX-License-Identifier: Apache-2.0
 *
 * WebSocket client that only sends text: libwebsockets in a thread of its own, fed through base/queue. It
 * connects, answers pings, sends each message in frames of 1,024 bytes, connects again after a loss and
 * then repeats the whole message that was under way. What the server sends is discarded. */
#ifndef BASE_WS_CLIENT_H
#define BASE_WS_CLIENT_H

#include "base/loop.h"
#include "base/secret.h"
#include "base/sv.h"

#include <stddef.h>

struct wsc;

enum wsc_event {
    WSC_OPEN,   /* connected, for the first time or again */
    WSC_LOST,   /* connection lost; tries again by itself. e says why */
    WSC_CLOSED, /* wsc_close() is complete: everything that could be sent was. Last event */
    WSC_FAILED, /* gave up for good. e: FAIL_NET, FAIL_TIMEOUT, FAIL_DENIED (401, 403), FAIL_HTTP. Last event */
};
/* On the loop's thread, never from inside a wsc_* call. e is NULL at WSC_OPEN and WSC_CLOSED. */
typedef void wsc_event_fn(void *ctx, enum wsc_event event, const struct err *e);

struct wsc_options {
    const char *url; /* wss://host[:port]/path[?query], ws:// (see allow_plain); https, http too */
    const struct secret *bearer; /* Authorization: Bearer; copied */
    const char *user_agent;      /* required */
    const char *ca_file;         /* PEM; NULL = system store */
    bool allow_plain;            /* else ws:// only to loopback and *.localhost */
    int64_t connect_ms;          /* one attempt; 0 = 30 s */
    unsigned connects;           /* attempts until the first WSC_OPEN; 0 = 3 */
    unsigned retries;            /* reconnects for the sake of one message; 0 = 3 */
    size_t max_queue_bytes;      /* 0 = 4 MiB */
};
/* Starts the thread and the first attempt. Names that are localhost or end in .localhost go to 127.0.0.1
 * (RFC 6761 6.3), the Host header keeps the name. FAIL_INPUT for a bad URL. */
MUST_USE struct wsc *wsc_new(struct loop *l, const struct wsc_options *o, wsc_event_fn *fn,
                             void *ctx, struct err *e);
/* Queues one text message (UTF-8, copied); allowed before WSC_OPEN. FAIL_LIMIT: the queue is full, the
 * message was dropped; FAIL_NET: gave up or closed. */
MUST_USE int wsc_send(struct wsc *w, struct sv text, struct err *e);
/* Sends what is queued, at most for grace_ms, then closes with this code (1000 normal) and reason
 * (<= 123 bytes); WSC_CLOSED or WSC_FAILED follows. */
void wsc_close(struct wsc *w, unsigned code, const char *reason, int64_t grace_ms);
/* Drops what is queued, ends the thread (joins it: some milliseconds). No event is reported any more. */
void wsc_free(struct wsc *w);

#endif
