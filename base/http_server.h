/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/1.1 server: libmicrohttpd in the process's own epoll loop. Routes, streaming bodies with and without
 * Content-Length, Expect: 100-continue, back-pressure, long polls by suspend and resume, limits, graceful
 * stop. 64 KiB of request headers; 431 above. */
#ifndef BASE_HTTP_SERVER_H
#define BASE_HTTP_SERVER_H

#include "base/buf.h"
#include "base/loop.h"

#include <stdint.h>
#include <sys/types.h>

struct hs;
struct hs_req; /* one request, from its headers to the end of its answer */

struct hs_options {
    const char *address;      /* "127.0.0.1", "::1", "0.0.0.0" */
    uint16_t port;            /* 0 = any; see hs_port() */
    int listen_fd;            /* >= 0: used instead, owned by the server; 0 or -1 = none */
    unsigned max_connections; /* 0 = 256 */
    int64_t idle_ms;          /* keep-alive and slow-client limit; 0 = 120 s */
};
/* A handler is called twice or more: HS_HEADERS (no body yet; may answer at once, e.g. 401, or call
 * hs_body_*), then HS_BODY when the whole body was read (buffered mode), or after the sink saw its end.
 * Answer with hs_reply*; hs_suspend keeps the request open until hs_reply is called later. */
enum hs_stage { HS_HEADERS, HS_BODY };
typedef void hs_handler(void *ctx, struct hs_req *r, enum hs_stage stage);

struct hs_route {
    const char *method; /* "GET"; "*" = any */
    const char *path;   /* segments; "{name}" matches one, "{name...}" the rest (last only) */
    hs_handler *fn;
    size_t max_body; /* buffered mode: 413 above; 0 = 1 MiB */
};
/* FAIL_SYS EADDRINUSE: the text names address and port. Unknown path 404, known path with another method 405. */
MUST_USE struct hs *hs_new(struct loop *l, const struct hs_options *o,
                           const struct hs_route *routes, size_t n, void *ctx, struct err *e);
uint16_t hs_port(const struct hs *s);
/* Serves a connected stream socket as if it had been accepted; owned by the server, closed on failure too. */
MUST_USE int hs_adopt(struct hs *s, int own_fd, struct err *e);
/* Graceful: no new connection, suspended requests get 503, others finish up to grace_ms; then done(ctx). */
void hs_stop(struct hs *s, int64_t grace_ms, void (*done)(void *ctx), void *ctx);
/* At once: what is under way is cut off, each request's `end` runs. Never from a handler, sink or `end`;
 * `done` of hs_stop is the place. */
void hs_free(struct hs *s);

/* Request. All lent until the answer is complete. */
const char *hs_method(const struct hs_req *r);
const char *hs_path(const struct hs_req *r); /* decoded, without the query */
const char *hs_param(const struct hs_req *r,
                     const char *name); /* path parameter, decoded; "" when absent */
const char *hs_query(const struct hs_req *r, const char *name);  /* NULL when absent */
const char *hs_header(const struct hs_req *r, const char *name); /* NULL when absent */
struct sv hs_body(const struct hs_req *r);                       /* at HS_BODY, buffered mode */
void *hs_server_ctx(const struct hs_req *r);
/* Own state of one request; `end` runs once when the request is over, answered or vanished. */
void hs_set_data(struct hs_req *r, void *data, void (*end)(void *data, bool completed));
void *hs_data(const struct hs_req *r);
/* At HS_HEADERS: body blocks go to fn as they arrive instead of being buffered. fn returns bytes taken;
 * fewer than n (0 too) applies back-pressure until hs_resume_body(); -1 aborts the connection. */
typedef ssize_t hs_sink_fn(void *ctx, const void *p, size_t n);
void hs_body_to(struct hs_req *r, hs_sink_fn *fn, void *ctx);
void hs_resume_body(struct hs_req *r);

/* Answers. Each copies what it is given. headers: "Name: value" list, NULL-terminated, or NULL. */
void hs_reply(struct hs_req *r, int status, const char *content_type, struct sv body);
void hs_reply_headers(struct hs_req *r, int status, const char *const *headers, struct sv body);
void hs_reply_json(struct hs_req *r, int status, struct sv json);
void hs_reply_fd(struct hs_req *r, int status, const char *const *headers, int own_fd,
                 uint64_t offset, uint64_t n);
/* Chunked answer that is pulled: fn puts up to n bytes at p whenever the socket takes more and returns how many; 0:
 * there is nothing now, hs_stream_more() says when there is; -1: that was all. Nothing is buffered. fn is not called
 * any more once the request's `end` ran. */
typedef ssize_t hs_source_fn(void *ctx, char *p, size_t n);
void hs_stream(struct hs_req *r, int status, const char *const *headers, hs_source_fn *fn,
               void *ctx);
void hs_stream_more(struct hs_req *r);
/* Long poll: call from the handler and answer later (the same thread). */
void hs_suspend(struct hs_req *r);

#endif
