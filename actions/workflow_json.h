/* SPDX-License-Identifier: Apache-2.0
 *
 * A workflow as the JSON template of the official parser (spec expressions 12.2). */
#ifndef ACTIONS_WORKFLOW_JSON_H
#define ACTIONS_WORKFLOW_JSON_H

#include "actions/workflow.h"

enum wf_json {
    WF_JSON_POSITIONS = 1U << 0, /* file, line and column of every token, and the file table */
    /* The template of the editor's parser: with `events`, without what it does not convert. */
    WF_JSON_EDITOR = 1U << 1,
    /* A job whose call was not loaded has an empty list of jobs, as officially. */
    WF_JSON_EMPTY_CALLS = 1U << 2,
};
/* New reference. flags: wf_json. */
json_t *wf_to_json(const struct wf *w, unsigned flags);
/* `events` of the editor's template: each event with its filters, inputs and secrets. New reference. */
json_t *wf_events_to_json(const struct wf *w);
/* {"errors":[{"Message": "file (Line: l, Col: c): text"}]} */
json_t *wf_errors_to_json(const struct wf_errors *l);

#endif
