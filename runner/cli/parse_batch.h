/* SPDX-License-Identifier: Apache-2.0
 *
 * `gantry parse --batch`: many files in one process. One JSON object a line in, {"file": "name", "text": "..."}, and
 * one a line out: {"template": ...} for a workflow, {"tokens": ...} for an action manifest, or {"errors": [...]}.
 * "tokens": true in the request adds the tokens of a workflow file as they were read, "editor": true asks for the
 * template of the editor's parser (with `events`, without what that does not convert). */
#ifndef RUNNER_CLI_PARSE_BATCH_H
#define RUNNER_CLI_PARSE_BATCH_H

/* Exit status: 0, or 2 when a line of the input is not such an object. */
int cli_parse_batch(void);

#endif
