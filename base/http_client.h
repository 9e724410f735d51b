/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP client: libcurl's multi interface in the process's own loop; plain http to this machine goes without it.
 * Time-outs, retries with jitter, proxies, a CA of the user's, streaming up and down, own byte limits. */
#ifndef BASE_HTTP_CLIENT_H
#define BASE_HTTP_CLIENT_H

#include "base/buf.h"
#include "base/loop.h"
#include "base/secret.h"
#include "base/url.h" /* url_encode, which came from here first */

#include <stdint.h>

struct hc;     /* one a process: connection pool, DNS, TLS settings */
struct hc_req; /* one request under way */

struct hc_options {
    const char *user_agent; /* required */
    const char *ca_file;    /* PEM, added to nothing else; NULL = system store */
    const char *proxy; /* NULL = http_proxy, https_proxy, no_proxy of the environment; "" = none */
    bool allow_http;   /* else https only; loopback and *.localhost are always allowed plain */
    bool curl_only;    /* for tests: libcurl also where our own transport would do (http_plain.c) */
};
MUST_USE struct hc *hc_new(struct loop *l, const struct hc_options *o, struct err *e);
/* Cancels what is under way without calling back. Not from a done callback, sink or source. */
void hc_free(struct hc *h);

struct hc_response {
    int status;
    struct sv body;    /* lent, valid during the callback; empty when a sink took it */
    struct sv headers; /* raw header block, for hc_header() */
    const char *effective_url;
    unsigned attempts;
};
/* Called exactly once, never from inside hc_start. e is NULL when an HTTP answer of any status arrived;
 * otherwise FAIL_NET, FAIL_TIMEOUT, FAIL_LIMIT (body above max_bytes), FAIL_CANCELED. */
typedef void hc_done_fn(void *ctx, const struct hc_response *r, const struct err *e);
/* Streaming down: return 0 to go on, -1 to abort. */
typedef int hc_sink_fn(void *ctx, const void *p, size_t n);
/* Streaming up: fills p, returns bytes, 0 at the end, -1 to abort. Called again from the start on a retry
 * after `rewind`. */
typedef ssize_t hc_source_fn(void *ctx, void *p, size_t n);

struct hc_retry {
    unsigned attempts; /* in all; 0 and 1 = no retry */
    int64_t min_ms,
        max_ms; /* exponential with full jitter between; Retry-After is honoured up to max_ms */
    bool (*again)(int status); /* NULL: 408, 429, 5xx */
};
struct hc_spec {
    const char *method; /* "GET" when NULL */
    const char *url;
    const char *const *headers;  /* "Name: value", NULL-terminated; checked for CR, LF, NUL */
    const struct secret *bearer; /* Authorization: Bearer; follows no redirect to another host */
    struct sv body;              /* copied */
    hc_source_fn *source;        /* instead of body */
    int (*rewind)(void *ctx);
    int64_t source_bytes; /* -1 = chunked */
    hc_sink_fn *sink; /* gets the body of a 2xx answer; any other body is in the response. After the
                       * sink took a byte there is no retry */
    size_t max_bytes; /* of the answer's body; 0 = 1 MiB */
    int64_t timeout_ms;     /* whole attempt; 0 = 100 s, < 0 = none */
    int64_t connect_ms;     /* 0 = 30 s */
    unsigned max_redirects; /* 0 = none are followed; above the limit FAIL_PROTO */
    struct hc_retry retry;
    hc_done_fn *done;
    void *ctx;
};
/* FAIL_INPUT for a bad URL or header. *out may be NULL. */
MUST_USE int hc_start(struct hc *h, const struct hc_spec *s, struct hc_req **out, struct err *e);
void hc_cancel(struct hc_req *r); /* done is not called any more; frees r */
/* Value of a header in a raw block, ASCII case ignored; false when absent. */
bool hc_header(struct sv headers, const char *name, struct sv *value);

/* For programs without a loop of their own (tests, tools): runs a private loop until the answer. Body is
 * appended to *body. */
MUST_USE int hc_fetch(const struct hc_options *o, const struct hc_spec *s, int *status,
                      struct buf *body, struct err *e);

#endif
