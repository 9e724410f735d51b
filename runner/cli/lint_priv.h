/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of `gantry lint` share. */
#ifndef RUNNER_CLI_LINT_PRIV_H
#define RUNNER_CLI_LINT_PRIV_H

#include "actions/lint/lint.h"
#include "base/strv.h"

#define LINT_MAX_FILE \
    ((size_t)1048576 + 1) /* above the reader's own limit, which has the better text */

/* A repository, or what stands in for one: the folder that other files are looked for in. */
struct lint_root {
    char *top; /* absolute, without links */
    int fd;
};
/* The nearest folder at or above `start` with a .git or a .github in it, else `start` itself. */
MUST_USE int lint_root_find(const char *start, struct lint_root *out, struct err *e);
void lint_root_done(struct lint_root *r); /* for AUTO */
/* The workflows and manifests of the repository, relative to its top, sorted. */
MUST_USE int lint_root_list(const struct lint_root *r, struct strv *out, struct err *e);
/* FAIL_NOTFOUND when there is none, or it is no regular file; ctx: struct lint_root. */
int lint_root_read(void *ctx, const char *path, char **out, size_t *n, struct err *e);
/* The path from the top, or NULL when the file is not below it. free() */
char *lint_root_relative(const struct lint_root *r, const char *file);
/* What stands in front of a path from the top to make it one from here: "" when the top is the current folder, "DIR/"
 * when it is dir (may be NULL), else the absolute path. free() */
char *lint_root_prefix(const struct lint_root *r, const char *dir);

/* ---- output ---- */

struct lint_output {
    struct lint_shown {
        char *file;     /* as it is shown */
        size_t from, n; /* of the report */
    } * files;
    size_t n_files, cap_files;
    struct lint_report report;
};
void lint_output_done(struct lint_output *o); /* for AUTO */
void lint_print_text(const struct lint_output *o, bool color);
void lint_print_json(const struct lint_output *o);
void lint_print_sarif(const struct lint_output *o);
void lint_print_rules(void);
void lint_print_rule(const struct lint_rule *r);

#endif
