/* SPDX-License-Identifier: Apache-2.0
 *
 * The few fields of a job message that the listener itself needs (spec runner-protocol 6.1). The walker
 * validates the JSON grammar with limits while it skips everything else; nothing but these fields is ever
 * decoded in the process that holds the runner's keys. */
#ifndef RUNNER_LISTENER_ENVELOPE_H
#define RUNNER_LISTENER_ENVELOPE_H

#include "base/err.h"
#include "base/secret.h"
#include "base/sv.h"

#include <stdint.h>

#define GH_MESSAGE_MAX_BYTES  (64U << 20) /* Ours: the protocol defines no limit (12, row 31) */
#define GH_ENVELOPE_MAX_DEPTH 200U        /* Ours: above what github.com sends by far */
#define GH_ENVELOPE_MAX_TEXT  4096U       /* decoded bytes of one field but the token */
#define GH_ENVELOPE_MAX_TOKEN 32768U

struct gh_envelope {
    char *message_type, *plan_id, *job_id;
    char *display_name;  /* "" when absent */
    char *billing_owner; /* NULL when absent or null */
    int64_t request_id;  /* 0 when absent */
    char *url;           /* of the endpoint SystemVssConnection */
    struct secret token; /* its AccessToken: the job token */
};
#define GH_ENVELOPE_INIT ((struct gh_envelope){.message_type = NULL})

/* FAIL_PROTO: not JSON, a needed field is missing, twice there or of the wrong type; FAIL_LIMIT. */
MUST_USE int gh_envelope_parse(struct sv json, struct gh_envelope *out, struct err *e);
void gh_envelope_done(struct gh_envelope *v); /* for AUTO(gh_envelope_done) */

#endif
