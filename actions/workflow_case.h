/* SPDX-License-Identifier: Apache-2.0
 *
 * Reader cases in the format of the official tests (spec expressions 12.2): one file holds options, a workflow,
 * the workflows that it calls and the expected result, parted by lines "---". */
#ifndef ACTIONS_WORKFLOW_CASE_H
#define ACTIONS_WORKFLOW_CASE_H

#include "actions/workflow.h"
#include "base/json.h"

#define WF_CASE_MAX ((size_t)16 << 20) /* ours: bytes of a case file */

struct wf_case;
/* file: the case's own name; its workflow is read as ".github/workflows/<last part of it>". FAIL_INPUT with one line
 * when the form is wrong: a part is missing, an option is unknown or of the wrong type. */
MUST_USE int wf_case_parse(struct sv text, struct sv file, struct wf_case **out, struct err *e);
void wf_case_free(struct wf_case *c);
void auto_wf_case(struct wf_case **c);
/* Reads the workflow with what the case supplies. New reference: the template, or {"errors": [...]}. */
json_t *wf_case_run(const struct wf_case *c);
/* Appends the value in the form that is compared: two blanks of indentation, numbers as JavaScript writes them. */
void wf_case_print(struct buf *b, const json_t *j);
/* 0 when the expected text, parsed and printed again, is the same; else -1, FAIL_INPUT, with the first line that
 * differs. */
MUST_USE int wf_case_check(const struct wf_case *c, const json_t *result, struct err *e);

#endif
