/* SPDX-License-Identifier: Apache-2.0
 *
 * What a local run tells its service and its listener. */
#ifndef RUNNER_CLI_LIVE_CONFIG_H
#define RUNNER_CLI_LIVE_CONFIG_H

#include "runner/cli/run_priv.h"
#include "runner/cli/state.h"
#include "runner/cli/supervise.h"

/* The local source as descriptors for the listener. */
struct live_source {
    int folder, listing; /* -1 = none */
    char *json;          /* what it is */
};
#define LIVE_SOURCE_INIT ((struct live_source){-1, -1, NULL})
MUST_USE int live_source_open(const struct run_request *r, const struct run_state *st,
                              struct live_source *out, struct err *e);
void live_source_done(struct live_source *s); /* for AUTO(live_source_done) */

MUST_USE int live_service_config(const struct run_request *r, const struct run_state *st,
                                 struct buf *out, struct err *e);
MUST_USE int live_listener_config(const struct run_request *r, const struct programs *p,
                                  const struct run_state *st, struct buf *out, struct err *e);

#endif
