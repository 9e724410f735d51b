/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the HTTP client share: the life of a request with its retries (http_client.c) and redirects
 * (http_redirect.c); one attempt (http_transfer.c) by libcurl's multi handle in the loop (http_curl.c), or over a
 * socket of our own (http_plain.c). */
#ifndef BASE_HTTP_CLIENT_PRIV_H
#define BASE_HTTP_CLIENT_PRIV_H

#include "base/http_curl_priv.h"

#include <netinet/in.h>

#include "base/http_answer.h"
#include "base/http_client.h"
#include "base/strv.h"

#define HC_MAX_HEADER_BYTES HTTP_HEAD_MAX_BYTES
#define HC_IDLE_MAX         8 /* Ours: connections to this machine that are kept */
#define HC_DEFAULT_BYTES    ((size_t)1 << 20)
#define HC_EXPECT_BYTES     65536 /* Ours: from here a body asks first */
#define HC_TIMEOUT_MS       100000
#define HC_CONNECT_MS       30000

/* A connection to this machine. */
struct hc_conn {
    union {
        struct sockaddr_in6 in6; /* the larger first: all of it is compared */
        struct sockaddr_in in4;
    };
    int fd;
};

struct hc {
    struct loop *l;
    CURLM *m; /* NULL until a request needs libcurl */
    struct hc_conn idle[HC_IDLE_MAX];
    size_t n_idle;
    struct loop_timer *timer;
    char *user_agent, *ca_file, *proxy;
    bool allow_http, curl_only;
    bool in_transfer; /* libcurl or our transport is on the stack: attempts may not be freed */
    bool in_done;     /* so is a done callback */
    struct hc_req *reqs;
};

struct hc_req {
    struct hc *h;
    struct hc_req *prev, *next;

    /* the request; what spec points to is copied below, and spec's own pointers are not used */
    struct hc_spec spec;
    char *method;
    char *url; /* of the next attempt: redirects change it */
    struct strv headers;
    struct secret bearer;
    struct secret body;
    bool no_body; /* a redirect turned it into a GET */
    unsigned redirects;
    unsigned attempts;

    /* the attempt */
    CURL *easy; /* both NULL between attempts */
    struct hc_plain *plain;
    struct curl_slist *slist;
    struct curl_slist *resolve;
    char error[CURL_ERROR_SIZE];
    struct loop_timer *timer; /* end of the attempt, or of the wait before the next */
    struct buf answer;
    struct buf head;
    bool head_complete;
    uint64_t received;   /* body bytes of this attempt */
    bool to_sink;        /* the sink took some: no way back */
    bool source_read;    /* the source gave some: rewind before the next */
    enum fail stop_code; /* why a callback stopped the transfer, or FAIL_NONE */
    bool canceled;
    bool finished; /* done was or is being called */
};

/* http_transfer.c: makes the easy handle of the next attempt. */
MUST_USE int hc_transfer_new(struct hc_req *r, struct err *e);
void hc_transfer_free(struct hc_req *r); /* not while libcurl is on the stack */
/* Checks that URL and options allow this transfer. */
MUST_USE int hc_check_url(const struct hc *h, const char *url, struct url *out, struct err *e);
/* What an answer brings, for both transports. -1: stop, stop_code says why. */
MUST_USE int hc_take_head(struct hc_req *r, struct sv line);
MUST_USE int hc_take_body(struct hc_req *r, int status, const void *p, size_t n);
bool hc_has_header(const struct hc_req *r, struct sv name); /* of the request */

/* http_plain.c */
bool hc_plain_takes(const struct hc *h, const struct url *u);
/* On failure (FAIL_SYS) the attempt exists nevertheless, to be ended by hc_attempt_over(). */
MUST_USE int hc_plain_new(struct hc_req *r, const struct url *u, struct err *e);
int hc_plain_status(const struct hc_req *r);
void hc_plain_free(struct hc_req *r);
void hc_plain_close_idle(struct hc *h);

/* http_client.c: the attempt has ended, well (FAIL_NONE) or not; the request may be gone afterwards. */
void hc_attempt_over(struct hc_req *r, enum fail code, const char *why, bool repeatable);
void hc_sweep(struct hc *h); /* frees what was canceled meanwhile */

/* http_redirect.c */
char *
hc_location(const struct hc_req *r); /* where a redirect leads, free(); NULL: it does not say */
/* Turns the request into the one that a redirect wants; neither the bearer nor a header with a secret reaches
 * another host. -1: it may not be followed. */
MUST_USE int hc_redirect(struct hc_req *r, int status, const char *location, struct err *e);

/* http_curl.c: opened by the first request that needs it. */
MUST_USE int hc_need_curl(struct hc *h, struct err *e);
void hc_curl_on_timer(void *ctx);
void hc_curl_close(struct hc *h);

bool hc_status_is_final(const struct hc_req *r, int status); /* neither repeated nor redirected */

#endif
