/* SPDX-License-Identifier: Apache-2.0
 *
 * A workflow as the JSON template of the official parser (spec expressions 12.2). */
#ifndef ACTIONS_WORKFLOW_JSON_H
#define ACTIONS_WORKFLOW_JSON_H

#include "actions/workflow.h"

/* New reference. positions: file, line and column of every token. */
json_t *wf_to_json(const struct wf *w, bool positions);
/* {"errors":[{"Message": "file (Line: l, Col: c): text"}]} */
json_t *wf_errors_to_json(const struct wf_errors *l);

#endif
