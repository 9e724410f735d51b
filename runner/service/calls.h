/* SPDX-License-Identifier: Apache-2.0
 *
 * The texts of the workflows that a run calls. */
#ifndef RUNNER_SERVICE_CALLS_H
#define RUNNER_SERVICE_CALLS_H

#include "actions/workflow_call.h"
#include "runner/service/svc_priv.h"

struct calls;
/* request: of the run; its members `files` (name: text) and `commits` (name: commit) are read and filled up. fetches:
 * what is nowhere else may come from the network; else only what is there already counts. */
struct calls *calls_new(struct svc *s, json_t *request, bool fetches, void (*done)(void *ctx),
                        void *ctx);
void calls_free(struct calls *c);
/* wf_load_calls with these texts. After a failure ask calls_fetch(). */
MUST_USE int calls_load(struct calls *c, struct wf *w, struct sv owner, struct wf_errors *errors,
                        struct err *e);
/* What to do after a load that failed. FETCHING: a file that it missed is on its way, done is called once, then load
 * again from a fresh wf; AGAIN: at once, why it cannot be fetched is known now; OVER: the errors are all there is. */
enum calls_next { CALLS_OVER, CALLS_FETCHING, CALLS_AGAIN };
enum calls_next calls_fetch(struct calls *c);

#endif
