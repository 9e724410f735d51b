/* SPDX-License-Identifier: Apache-2.0
 *
 * Shells of `run:` steps: built-in templates, custom ones, and how a command line is split. Pure.
 * Source: actions/runner src/Runner.Worker/Handlers/ScriptHandlerHelpers.cs (spec job-execution 6). */
#ifndef RUNNER_WORKER_SHELL_H
#define RUNNER_WORKER_SHELL_H

#include "base/buf.h"
#include "base/strv.h"

struct shell {
    struct sv command;   /* to be looked up */
    struct sv template_; /* with {0} for the script's path */
    const char *extension;
};
/* text: the `shell:` value, not empty. FAIL_INPUT with the official text. */
MUST_USE int shell_parse(struct sv text, struct shell *out, struct err *e);
/* The one that is used when a step names none: template of sh, command bash or sh. */
struct shell shell_default(bool has_bash);
/* Replaces {0}, splits by the .NET rules, appends to argv. */
MUST_USE int shell_arguments(struct sv template_, const char *script, struct strv *argv,
                             struct err *e);
/* The script as it is written to its file. */
void shell_script_text(struct sv command, struct sv script, struct buf *out);

#endif
