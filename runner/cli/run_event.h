/* SPDX-License-Identifier: Apache-2.0
 *
 * The event of a local run: its payload, as GitHub would send it for the repository at hand, and the parts of the
 * `github` context that follow from it. */
#ifndef RUNNER_CLI_RUN_EVENT_H
#define RUNNER_CLI_RUN_EVENT_H

#include "base/json.h"
#include "runner/cli/run_git.h"

struct run_event {
    char *name;
    char *action;              /* activity type or "" */
    char *ref;                 /* github.ref */
    char *ref_type;            /* "branch", "tag" */
    char *head_ref, *base_ref; /* of pull requests, short; else "" */
    json_t *payload;
};
/* ref: r is of a ref that the user named, which counts where the event itself says nothing of one.
 * payload_path: NULL = made up. dispatch: text inputs of workflow_dispatch (JSON object) or NULL. FAIL_INPUT. */
MUST_USE int run_event_make(const char *name, const struct repo *r, const char *actor, bool ref,
                            const char *payload_path, const json_t *dispatch, struct run_event *out,
                            struct err *e);
void run_event_done(struct run_event *ev); /* for AUTO(run_event_done) */

#endif
