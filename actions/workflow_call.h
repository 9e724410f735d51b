/* SPDX-License-Identifier: Apache-2.0
 *
 * Loads the workflows that jobs call with `uses`, nested ones too, and checks caller against callee (spec
 * expressions 7). Pure: the text of a file comes through the caller's function. */
#ifndef ACTIONS_WORKFLOW_CALL_H
#define ACTIONS_WORKFLOW_CALL_H

#include "actions/workflow.h"

/* A workflow file by its name in messages: "PATH", a file of the top file's own repository at its own commit
 * (owner, repo and ref are empty), or "OWNER/REPO/PATH@REF". The parts are lent from the name. */
struct wf_call_name {
    struct sv owner, repo, path, ref;
};
void wf_call_split(struct sv name, struct wf_call_name *out);
/* The name of what `uses` calls from the file `caller`: a call of "./PATH" or "$/PATH" goes to the repository and
 * commit of the caller's file (7.2), anything else names itself. */
void wf_call_resolve(struct sv caller, struct sv uses, struct buf *name);
/* The form of `uses` (7.2). FAIL_INPUT: what is wrong with it. */
MUST_USE int wf_call_check(struct sv uses, struct err *e);

struct wf_loader {
    void *ctx;
    /* Appends the text of the file to *out, whose limit is what the reader accepts. Called once for each file of a
     * load. On failure -1 and one line in *e, which becomes an error at the job's `uses`. */
    int (*read)(void *ctx, struct sv name, struct buf *out, struct err *e);
    /* Of the top file's repository; only called workflows of the same owner (ASCII case ignored), and those of the
     * repository itself, get id-token from the policy WF_POLICY_WRITE. */
    struct sv owner;
};

/* Loads into jobs[].called what the jobs of w call, depth first in the order of the file, and stops at the first
 * file with errors (7.1): then -1, FAIL_INPUT, the list in *errors, and w, of which a part may be loaded, is fit
 * for wf_free only. Limits are those of *o (NULL: wf_default_options); a chain of calls that closes on itself
 * ends at max_nested. w: fresh from wf_parse with the same options. */
MUST_USE int wf_load_calls(struct wf *w, const struct wf_loader *l, const struct wf_options *o,
                           struct wf_errors *errors, struct err *e);

/* The job of a path of ids from w down, ASCII case ignored: "build", or "call/build" in what the job "call" calls. NULL
 * when there is none; *unread: because a call on the way was not loaded. */
const struct wf_job *wf_job_at(const struct wf *w, struct sv path, bool *unread);

#endif
