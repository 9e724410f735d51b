/* SPDX-License-Identifier: Apache-2.0
 *
 * The linter of workflow files and action manifests. Pure: files come in as text, other files of the repository
 * through a reader that is handed in. docs/internals/lint.md tells how its parts fit. */
#ifndef ACTIONS_LINT_LINT_H
#define ACTIONS_LINT_LINT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/sv.h"

/* error: what GitHub refuses or what must fail at run time; warning: dangerous or deprecated, or certainly not
 * meant; note: a matter of taste. */
enum lint_level { LINT_OFF, LINT_NOTE, LINT_WARNING, LINT_ERROR };
const char *lint_level_name(enum lint_level l);
bool lint_level_parse(struct sv name, enum lint_level *out);

/* What an example is part of: a whole workflow file, what stands below jobs:, the keys of a job, the list of a
 * job's steps, or an action.yml. */
enum lint_scope { LINT_WORKFLOW, LINT_JOBS, LINT_JOB, LINT_STEPS, LINT_ACTION };
struct lint_rule {
    const char *id;
    enum lint_level level;
    const char *summary; /* one line */
    const char *why;
    enum lint_scope scope;
    const char *bad, *good;
};
extern const struct lint_rule *const lint_rules[]; /* sorted by id */
extern const size_t lint_n_rules;
#define LINT_MAX_RULES 160U
const struct lint_rule *lint_rule_find(struct sv id); /* NULL */
/* The example as a whole file, free(). */
char *lint_example(const struct lint_rule *r, bool good);

struct lint_finding {
    const struct lint_rule *rule;
    enum lint_level level;
    unsigned line, col;         /* 1-based; columns count UTF-16 units, as GitHub does */
    unsigned end_line, end_col; /* behind the last character */
    char *message;
};
struct lint_report {
    struct lint_finding *v; /* by position */
    size_t n, cap;
    bool
        full; /* more than LINT_MAX_FINDINGS of a file: others, the lowest levels first, were dropped */
};
#define LINT_MAX_FINDINGS 1000U               /* Ours: of one file */
#define LINT_MAX_MESSAGE  8191U               /* Ours: bytes; what is longer ends with "[...]" */
void lint_report_done(struct lint_report *r); /* for AUTO */

struct lint_ignore {
    char *rule;    /* NULL: every rule */
    char *path;    /* glob against the file's path; NULL: every file */
    char *message; /* part of the message; NULL: any */
};
struct lint_config {
    enum lint_level levels[LINT_MAX_RULES]; /* by index into lint_rules */
    bool has_level[LINT_MAX_RULES];
    struct lint_ignore *ignores;
    size_t n_ignores, cap_ignores;
    char **labels; /* patterns of labels that the user's own runners carry */
    size_t n_labels, cap_labels;
    char **trusted; /* patterns OWNER/REPO of actions that need no commit SHA */
    size_t n_trusted, cap_trusted;
    bool strict, notes;
};
/* YAML text of the configuration; FAIL_INPUT "LINE:COL: text". */
MUST_USE int lint_config_parse(struct sv yaml, struct lint_config *out, struct err *e);
void lint_config_done(struct lint_config *c); /* for AUTO */

/* Another file of the repository, by its path from the repository's top. FAIL_NOTFOUND when there is none. */
struct lint_source {
    void *ctx;
    int (*read)(void *ctx, const char *path, char **out, size_t *n, struct err *e);
};
struct lint_options {
    const struct lint_config *config; /* NULL: as the rules come */
    const struct lint_source *source; /* NULL: nothing else can be read */
};
/* path: from the repository's top, with "/"; names in messages and for ignores. An action manifest is told by its
 * name, action.yml or action.yaml. Findings are added to *out; a file that cannot be read as YAML has one. */
void lint_file(const struct lint_options *o, const char *path, struct sv text,
               struct lint_report *out);
bool lint_is_action(const char *path);

#endif
