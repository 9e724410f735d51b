/* SPDX-License-Identifier: Apache-2.0
 *
 * Events against a workflow's `on` (spec expressions 5): filters of push and pull requests, activity types, and
 * the inputs of a manual run. Pure. */
#ifndef ACTIONS_EVENT_H
#define ACTIONS_EVENT_H

#include "actions/workflow.h"

/* What happened. Absent texts are empty views. */
struct event {
    struct sv name;     /* "push" */
    struct sv ref;      /* refs/heads/x, refs/tags/x */
    struct sv base_ref; /* pull requests: the base branch, short */
    struct sv action;   /* activity type: "opened"; empty = any type matches */
    /* Changed files, relative to the repository. NULL: not known, path filters pass (as for a diff that the
     * service could not make). At most the first 300 count. */
    const char *const *paths;
    size_t n_paths;
};
#define EVENT_MAX_PATHS 300U /* docs, spec 5.3 */

/* Whether the event starts the workflow. When not, *reason (may be NULL) says why in one line, free(). */
bool event_matches(const struct wf *w, const struct event *ev, char **reason);

/* Whether event_matches() would look at `paths`: finding them out costs, and few workflows filter by them. */
bool event_asks_paths(const struct wf *w, struct sv name);

/* Inputs of workflow_dispatch from the texts that the user gave (object of strings, or NULL): defaults filled in,
 * required, choice, boolean and number checked (5.6). *inputs: the `inputs` context; github.event.inputs are the
 * same as text. FAIL_INPUT with every error in *errors (position of the input's definition). */
MUST_USE int event_dispatch_inputs(const struct wf *w, const struct val *given, struct val **inputs,
                                   struct wf_errors *errors, struct err *e);

/* One pattern of a filter list (5.4) against a whole name, without its leading '!'. FAIL_INPUT when the pattern
 * is malformed, with its 0-based position. */
MUST_USE int event_pattern(struct sv pattern, struct sv name, bool *matches, struct err *e);

#endif
