/* SPDX-License-Identifier: Apache-2.0
 *
 * Where `gantry parse` finds the workflows that a file calls: in the repository around the file, and for those of
 * other repositories in the mirrors and the cache. The network is never asked. */
#ifndef RUNNER_CLI_PARSE_CALLS_H
#define RUNNER_CLI_PARSE_CALLS_H

#include "actions/workflow_call.h"
#include "base/strv.h"
#include "runner/cli/lint_priv.h"
#include "runner/cli/source_files.h"

struct parse_calls {
    struct lint_root root;
    struct source_files source;
    const struct strv *mirrors; /* folders; lent */
    char *name;                 /* of the file in messages */
    char *prefix; /* in front of the name of another file of the repository, to find it from here */
    char *owner;  /* of the repository, or NULL */
};
#define PARSE_CALLS_INIT ((struct parse_calls){.root = {.fd = -1}, .source = {.top_fd = -1}})
/* file: the one that is parsed. Stays where it is until it is done. */
MUST_USE int parse_calls_open(struct parse_calls *c, const char *file, const struct strv *mirrors,
                              struct err *e);
void parse_calls_done(struct parse_calls *c); /* for AUTO */
struct wf_loader parse_calls_loader(struct parse_calls *c);

#endif
