/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the HTTP client share: the multi handle in the loop with retries and redirects
 * (http_client.c), and one attempt as libcurl sees it (http_transfer.c). */
#ifndef BASE_HTTP_CLIENT_PRIV_H
#define BASE_HTTP_CLIENT_PRIV_H

#include "base/http_curl_priv.h"

#include "base/http_client.h"
#include "base/strv.h"

#define HC_MAX_HEADER_BYTES ((size_t)256 * 1024)
#define HC_DEFAULT_BYTES    ((size_t)1 << 20)
#define HC_EXPECT_BYTES     65536 /* Ours: from here a body asks first */
#define HC_TIMEOUT_MS       100000
#define HC_CONNECT_MS       30000

struct hc {
    struct loop *l;
    CURLM *m;
    struct loop_timer *timer;
    char *user_agent, *ca_file, *proxy;
    bool allow_http;
    bool in_curl; /* libcurl is on the stack: handles may not be removed */
    bool in_done; /* so is a done callback */
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
    CURL *easy; /* NULL between attempts */
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
bool hc_status_is_final(const struct hc_req *r, int status); /* neither repeated nor redirected */

#endif
