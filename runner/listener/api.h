/* SPDX-License-Identifier: Apache-2.0
 *
 * One authenticated call of the runner protocol: the listener's token (static, or fetched by a client
 * assertion and cached), the two retry layers of spec runner-protocol 5.4 and 9.4, and what an answer means
 * by its believed error body (5.3, 6). Knows no states of sessions or jobs. */
#ifndef RUNNER_LISTENER_API_H
#define RUNNER_LISTENER_API_H

#include "runner/listener/jitconfig.h"

#include "base/http_client.h"

struct gh_api;  /* one a registration */
struct gh_call; /* one call, with its retries */

struct gh_api_options {
    struct loop *loop;
    struct hc *hc;
    const struct gh_registration *reg; /* borrowed */
    const char *version;               /* reported runner version */
};
struct gh_api *gh_api_new(const struct gh_api_options *o);
void gh_api_free(struct gh_api *a);         /* cancels its calls without calling back */
void gh_api_forget_token(struct gh_api *a); /* ForceTokenRefresh, rebuilt connection */

/* `errorKind` of an error body whose source is actions-broker-listener (5.3). */
enum gh_kind {
    GH_KIND_NONE, /* no believed body */
    GH_KIND_OTHER,
    GH_KIND_RUNNER_NOT_FOUND,
    GH_KIND_VERSION_TOO_OLD,
    GH_KIND_DEPROVISIONED,
    GH_KIND_SESSION_INVALID,
    GH_KIND_ACK_JOB_NOT_FOUND,
};
/* Why the token endpoint gave no token (3.2). */
enum gh_oauth { GH_OAUTH_OK, GH_OAUTH_INVALID_CLIENT, GH_OAUTH_SKEW, GH_OAUTH_OTHER };

struct gh_answer {
    int status;          /* of HTTP; 0 when no answer came, then *e says why */
    struct sv body;      /* lent; empty unless the media type is application/json (9.2) */
    enum gh_kind kind;   /* of an error answer */
    int run_status;      /* `statusCode` of a body whose source is actions-run-service; else 0 */
    enum gh_oauth oauth; /* not OK: the call was not sent */
    struct err e;        /* set unless the status is 2xx: one line for the log */
};
static inline bool gh_ok(const struct gh_answer *a)
{
    return a->status >= 200 && a->status < 300;
}

typedef void gh_done_fn(void *ctx, const struct gh_answer *a);
struct gh_call_spec {
    const char *what;            /* "create session": for the log and errors; a literal */
    const char *method;          /* a literal */
    const char *url;             /* copied */
    struct sv body;              /* copied; JSON */
    const struct secret *bearer; /* NULL: the listener's token; borrowed for the call's life */
    int64_t timeout_ms;          /* of one attempt; 0 = 100 s (9.1) */
    size_t max_bytes;
    bool http_retry;                          /* the HTTP retry handler of 9.4 */
    unsigned attempts;                        /* RetryRequest layer; 0 = 1 */
    int64_t gap_min_ms, gap_max_ms;           /* uniform; 0 = 5 to 15 s */
    bool (*final)(const struct gh_answer *a); /* failures that the second layer does not repeat */
    gh_done_fn *done;                         /* called once, never from inside gh_call_start */
    void *ctx;
    struct gh_call **ref; /* holds the call while it lives: NULL again before done runs */
};
void gh_call_start(struct gh_api *a, const struct gh_call_spec *s);
void gh_call_cancel(struct gh_call **c); /* done is not called; *c may be NULL, becomes NULL */

/* RFC 3986 resolution of a plain relative name against a base URL (6): the part behind the base path's last
 * slash is replaced. *out free(). */
char *gh_url(const char *base, const char *relative) __attribute__((malloc));
/* Uniform in [min, max]. */
int64_t gh_jitter(int64_t min_ms, int64_t max_ms);

#endif
