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
    struct sv message; /* of the head commit, of a push or a pull request */
    size_t n_commits;  /* of a push; more than 1,000 pass every path filter */
    /* Filters of other events look at it: workflow_run, schedule, release, ... NULL: they pass. */
    const struct val *payload;
};
#define EVENT_MAX_PATHS   300U /* docs, spec 5.3 */
#define EVENT_MAX_FILTERS 4U

/* A filter that took part in the decision. */
struct event_filter {
    const char *filter; /* "branches", "paths-ignore", "types", "cron", "commit message", ... */
    char *pattern;      /* that matched, as written ("!x"); NULL: none did */
    char *value;        /* what was tested: a branch, a path; "" where it was all of them */
    unsigned line, col; /* of the pattern, or of the filter; 0 = none */
};
struct event_why {
    char *text; /* one line */
    struct event_filter v[EVENT_MAX_FILTERS];
    size_t n;
};
void event_why_done(struct event_why *w); /* for AUTO(event_why_done) */

/* Whether the event starts the workflow. *why (may be NULL) starts empty and says what decided, either way. */
bool event_matches(const struct wf *w, const struct event *ev, struct event_why *why);
/* Whether the answer depends on the changed files. */
bool event_asks_paths(const struct wf *w, struct sv event);
/* What in a commit's message skips workflows of push and pull_request; NULL: nothing. */
const char *event_skip_word(struct sv message);

/* Inputs of workflow_dispatch from the texts that the user gave (object of strings, or NULL): defaults filled in,
 * required, choice, boolean and number checked (5.6). *inputs: the `inputs` context; github.event.inputs are the
 * same as text. FAIL_INPUT with every error in *errors (position of the input's definition). */
MUST_USE int event_dispatch_inputs(const struct wf *w, const struct val *given, struct val **inputs,
                                   struct wf_errors *errors, struct err *e);

/* One pattern of a filter list (5.4) against a whole name, without its leading '!'. FAIL_INPUT when the pattern
 * is malformed, with its 0-based position. */
MUST_USE int event_pattern(struct sv pattern, struct sv name, bool *matches, struct err *e);

#endif
