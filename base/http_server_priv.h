/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the HTTP server share: the daemon (http_server.c), the stages of a request
 * (http_request.c) and its answer (http_reply.c). */
#ifndef BASE_HTTP_SERVER_PRIV_H
#define BASE_HTTP_SERVER_PRIV_H

#include <microhttpd.h>

#include "base/http_route.h"
#include "base/http_server.h"

#define HS_MAX_HEADER_BYTES ((size_t)64 * 1024)
/* Pool of a connection: request head, its parsed form (about 60 bytes a header) and the read buffer, which
 * begins with half of it. Above 32 KiB libmicrohttpd maps it, so that only what is used costs memory. */
#define HS_POOL_BYTES (4 * HS_MAX_HEADER_BYTES)
/* Ours: how much of a refused body is read and dropped, so that the client gets to see the answer instead
 * of a reset connection. */
#define HS_DRAIN_BYTES  (16U << 20)
#define HS_STREAM_BLOCK ((size_t)64 * 1024)
#define HS_DEFAULT_BODY ((size_t)1 << 20)

struct hs_query {
    char *name;
    char *value;
};

struct hs_req {
    struct hs *s;
    struct hs_req *prev, *next;
    struct MHD_Connection *c;
    int fd;
    struct loop_fd *watch; /* hang-up of the client; made at the first suspension */
    char *method;
    char *path;
    struct route_match match;
    struct hs_query *query;
    size_t n_query, cap_query;

    /* stages */
    bool has_body;
    bool expects_continue;
    uint64_t content_length; /* UINT64_MAX: chunked */
    bool headers_again;      /* suspended in the first call: libmicrohttpd repeats it */
    bool body_stage_done;    /* the handler had HS_BODY */
    bool waiting;            /* hs_suspend() and no answer yet */
    bool suspended;          /* in libmicrohttpd's sense */
    bool vanished;           /* nobody to answer: end the connection */
    bool draining;
    uint64_t drained;
    struct buf body;
    hs_sink_fn *sink;
    void *sink_ctx;
    bool sink_resumed;

    /* answer */
    struct MHD_Response *resp; /* made, not yet queued */
    int status;
    bool queued;
    hs_source_fn *source; /* of a stream */
    void *source_ctx;

    void *data;
    void (*end)(void *data, bool completed);
};

struct hs {
    struct loop *l;
    struct MHD_Daemon *d;
    struct loop_fd *watch;
    struct loop_timer *run_timer;
    struct loop_timer *grace_timer;
    struct hs_route *routes;
    size_t n_routes;
    void *ctx;
    uint16_t port;
    bool running; /* inside MHD_run() */
    bool again;   /* something was resumed meanwhile */
    bool stopping;
    bool grace_over;
    struct hs_req *reqs;
    void (*done)(void *ctx);
    void *done_ctx;
};

/* http_server.c */
void hs_schedule(struct hs *s); /* MHD_run() in the next turn of the loop */

/* http_request.c */
enum MHD_Result hs_on_access(void *cls, struct MHD_Connection *c, const char *url,
                             const char *method, const char *version, const char *data,
                             size_t *data_n, void **con_cls);
void hs_on_completed(void *cls, struct MHD_Connection *c, void **con_cls,
                     enum MHD_RequestTerminationCode toe);
MUST_USE bool hs_req_sleep(struct hs_req *r); /* suspends; false when the client is gone */
void hs_req_wake(struct hs_req *r);

/* http_reply.c */
enum MHD_Result hs_queue(struct hs_req *r); /* hands r->resp to libmicrohttpd */
void hs_reply_error(struct hs_req *r, int status, const char *const *headers, const char *text);

#endif
