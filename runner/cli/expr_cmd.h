/* SPDX-License-Identifier: Apache-2.0
 *
 * `gantry expr [--contexts F] EXPR` and `gantry expr --batch`: evaluates expressions outside of a workflow. */
#ifndef RUNNER_CLI_EXPR_CMD_H
#define RUNNER_CLI_EXPR_CMD_H

/* argv[0] is "expr". EXPR is printed as JSON (strings quoted); in a batch every line of standard input is an
 * object {"expr": "...", "contexts": {...}} and every line of output {"result": {"kind", "value"}} or
 * {"error": {"kind": "lexing|parsing|evaluation", "value": message}}.
 * Returns the exit status: 0; 1 the expression is wrong or fails; 2 wrong usage or input. */
int cli_expr(int argc, char **argv);

#endif
