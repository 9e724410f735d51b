/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of a repository's work tree as a checkout would bring them: with the user's uncommitted changes, without what
 * git ignores, and through no link. */
#ifndef RUNNER_CLI_SOURCE_FILES_H
#define RUNNER_CLI_SOURCE_FILES_H

#include "base/buf.h"

#include <stdbool.h>

struct source_files {
    const char *top; /* lent */
    int top_fd;
    char *
        listing; /* of the workflow files that belong to the source, NUL-terminated each; NULL: not asked for */
    size_t n;
};
#define SOURCE_FILES_INIT(folder) ((struct source_files){.top = (folder), .top_fd = -1})
void source_files_done(struct source_files *s); /* for AUTO */

/* The text of a workflow file by its path from the top. 1; 0: the source has none (or none that can be read, or one
 * that is longer than *out takes), -1: git failed. The first call asks git; a folder without a .git holds what lies in
 * it. */
MUST_USE int source_files_read(struct source_files *s, const char *path, struct buf *out,
                               struct err *e);

#endif
