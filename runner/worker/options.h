/* SPDX-License-Identifier: Apache-2.0
 *
 * Options JSON of CH_JOB (runner/channel.h). They come from the listener, which is trusted. */
#ifndef RUNNER_WORKER_OPTIONS_H
#define RUNNER_WORKER_OPTIONS_H

#include "base/err.h"
#include "base/strv.h"

#define OPTIONS_MAX_BYTES (1U << 20)

struct worker_options {
    char *source_repository, *source_sha, *source_ref, *source_folder; /* NULL = no local source */
    bool checkout_action; /* run the stock action instead of the native checkout */
    bool prefill;
    char *ca_file, *proxy; /* NULL = default */
    char *runner_name;     /* never NULL after reading */
    bool no_color;
    struct strv env; /* "NAME=value": base environment of steps, from the runner's configuration */
};
/* out is zeroed storage. FAIL_INPUT. */
MUST_USE int worker_options_parse(struct sv json, struct worker_options *out, struct err *e);
void worker_options_done(struct worker_options *o);

#endif
