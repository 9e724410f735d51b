/* SPDX-License-Identifier: Apache-2.0
 *
 * A runner registration: what `.runner`, `.credentials` and `.credentials_rsaparams` hold, read from a JIT
 * blob (spec runner-protocol 1.7, 2.6). Keys in any case, strings where numbers or booleans are expected. */
#ifndef RUNNER_LISTENER_JITCONFIG_H
#define RUNNER_LISTENER_JITCONFIG_H

#include "base/err.h"
#include "base/secret.h"
#include "base/sv.h"

#include <stdbool.h>
#include <stdint.h>

#define GH_JIT_MAX_BYTES (1U << 20)

struct cry_rsa;

struct gh_registration {
    int64_t agent_id;
    int64_t pool_id;
    char *agent_name, *pool_name;                  /* never NULL */
    char *server_url, *server_url_v2, *github_url; /* NULL when absent */
    bool disable_update, ephemeral, use_v2, skip_session_recover;

    /* One of the two: */
    struct secret token;     /* scheme OAuthAccessToken */
    char *client_id;         /* scheme OAuth */
    char *authorization_url; /* POST target and audience */
    char *oauth_endpoint;    /* POST target instead, or NULL */
    bool fips;               /* PS256 */
    struct cry_rsa *rsa;
};
#define GH_REGISTRATION_INIT ((struct gh_registration){.agent_id = 0})

/* FAIL_INPUT: not a JIT configuration; the text says which part. FAIL_UNSUPPORTED: V1 registration. */
MUST_USE int gh_jit_parse(struct sv base64, struct gh_registration *out, struct err *e);
void gh_registration_done(struct gh_registration *r); /* for AUTO(gh_registration_done) */

#endif
