/* SPDX-License-Identifier: Apache-2.0
 *
 * The bytes of an HTTP/1.1 answer (RFC 9112), as they come: head, framing, body. Pure; the plain transport of the
 * HTTP client feeds it. What is not surely right is refused: nothing is guessed. */
#ifndef BASE_HTTP_ANSWER_H
#define BASE_HTTP_ANSWER_H

#include "base/buf.h"

#include <stdint.h>

#define HTTP_LINE_MAX_BYTES  ((size_t)64 * 1024) /* one line of a head */
#define HTTP_HEAD_MAX_BYTES  ((size_t)256 * 1024)
#define HTTP_CHUNK_MAX_BYTES ((uint64_t)1 << 40)

struct http_answer_events {
    /* One line of the head with its line feed; the status line first, an empty one last. An interim answer (100)
     * comes as a head of its own. */
    int (*line)(void *ctx, struct sv line);
    int (*body)(void *ctx, const void *p, size_t n); /* -1 of either: stop */
    void *ctx;
};
enum http_answer_state {
    HTTP_STATUS_LINE,
    HTTP_FIELDS,
    HTTP_BODY_LENGTH,
    HTTP_BODY_TO_END, /* of the connection */
    HTTP_CHUNK_SIZE,
    HTTP_CHUNK_DATA,
    HTTP_CHUNK_BORDER,
    HTTP_TRAILERS,
    HTTP_COMPLETE,
};
struct http_answer {
    enum http_answer_state state;
    bool to_head; /* the request was HEAD: no body whatever the fields say */
    bool keep;    /* the connection may carry another request after it */
    bool begun;   /* at least one byte came */
    int status;
    bool has_length, chunked;
    uint64_t left;   /* of the body or the chunk */
    size_t head;     /* bytes of it so far */
    struct buf line; /* unfinished */
};
void http_answer_init(struct http_answer *a, bool to_head);
void http_answer_done(struct http_answer *a);
/* 1 the answer is complete, 0 more is needed, -1 it is broken (FAIL_PROTO, FAIL_LIMIT) or was stopped (FAIL_CANCELED).
 * Bytes after a complete answer: keep is false. */
MUST_USE int http_answer_feed(struct http_answer *a, struct sv in,
                              const struct http_answer_events *ev, struct err *e);
/* The connection ended: 0 when the answer is complete by that. */
MUST_USE int http_answer_end(struct http_answer *a, struct err *e);

#endif
