/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by api.c and api_token.c. */
#ifndef RUNNER_LISTENER_API_PRIV_H
#define RUNNER_LISTENER_API_PRIV_H

#include "runner/listener/api.h"

#include "base/ids.h"

#if defined(__x86_64__)
#    define GH_ARCH       "X64"
#    define GH_ARCH_LOWER "x64"
#elif defined(__aarch64__)
#    define GH_ARCH       "ARM64"
#    define GH_ARCH_LOWER "arm64"
#elif defined(__arm__)
#    define GH_ARCH       "ARM"
#    define GH_ARCH_LOWER "arm"
#else
#    define GH_ARCH       "X86"
#    define GH_ARCH_LOWER "x86"
#endif

struct gh_call {
    struct gh_api *api;
    struct gh_call *next;
    struct gh_call_spec s;
    char *url, *body;
    size_t body_n;
    struct hc_req *req;
    struct loop_timer *timer;
    unsigned handler_tries, tries;
    bool renewed; /* one fresh token after a 401 was tried */
    bool waits;   /* for the token */
    struct err start_error;
};
struct gh_api {
    struct gh_api_options o;
    char *agent;
    char session_guid[UUID_TEXT_SIZE];
    struct gh_call *calls;
    /* OAuth */
    struct secret token;
    int64_t token_until_ms; /* monotonic; refreshed ahead of `expires_in` */
    struct hc_req *token_req;
    struct loop_timer *token_timer;
    unsigned token_tries;
    bool token_busy; /* asked for: a request or a pause between two is under way */
};

void gh_call_send(struct gh_call *c);
void gh_call_send_with(struct gh_call *c, const struct secret *token);
/* An answer, or its absence, passes the retry layers. */
void gh_call_settle(struct gh_call *c, const struct gh_answer *a);
int64_t gh_handler_delay(unsigned n);

/* Sends the call with a token, now or when one has arrived. */
void gh_token_get(struct gh_call *c);
/* True when a fresh token can be asked for. */
bool gh_token_drop(struct gh_api *a);
void gh_token_reset(struct gh_api *a);

#endif
