/* SPDX-License-Identifier: Apache-2.0
 *
 * `gantry parse FILE`: a workflow (or action manifest) as the official parser's JSON template, or its errors. */
#ifndef RUNNER_CLI_PARSE_CMD_H
#define RUNNER_CLI_PARSE_CMD_H

/* argv[0] is "parse". Returns the exit status: 0, or 2 with one "file:line:col: message" a line. */
int cli_parse(int argc, char **argv);

#endif
