/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of the linter: the file as a tolerant model over its YAML nodes, types, and what the rules share. */
#ifndef ACTIONS_LINT_LINT_PRIV_H
#define ACTIONS_LINT_LINT_PRIV_H

#include <stdint.h>

#include "actions/expr_priv.h"
#include "actions/lint/lint.h"
#include "actions/lint/rules.h"
#include "actions/nearest.h"
#include "actions/workflow_priv.h"
#include "base/yaml.h"

/* ---- types of expressions ---- */

enum lt_kind { LT_ANY, LT_NULL, LT_BOOL, LT_NUMBER, LT_STRING, LT_ARRAY, LT_OBJECT };
struct lt_prop {
    struct sv name;
    const struct lt *type;
    size_t order; /* steps: where it is defined */
};
struct lt {
    enum lt_kind kind;
    const struct lt
        *item; /* array: of its items; object: of names that are not listed, NULL = none */
    const struct lt_prop *props; /* object; sorted when n > 0, else ended by a NULL name */
    size_t n;
    const struct lint_rule *rule; /* for a name that is not there; NULL = unknown-property */
    const char *what;             /* "the job has no output": what is said in front of the name */
    bool filtered;                /* array made by a wildcard */
};
extern const struct lt lt_any, lt_null, lt_bool, lt_number, lt_string, lt_array, lt_map, lt_texts;
const char *lt_name(const struct lt *t);
/* NULL: the object has no such name. */
const struct lt_prop *lt_find(const struct lt *t, struct sv name);
static inline bool lt_is_container(const struct lt *t)
{
    return t->kind == LT_ARRAY || t->kind == LT_OBJECT;
}

/* ---- the file ---- */

struct lint_step {
    const struct yx_node *node, *uses, *run, *id, *with;
    const struct lint_job *job; /* NULL: of a composite action */
    size_t index;
    bool used; /* its id */
};
struct lint_job {
    const struct yx_node *key, *node;
    struct lint_step *steps;
    size_t n_steps;
    bool *matrix_used; /* by index into the matrix type's names */
    const struct lt *matrix, *needs, *outputs, *result, *steps_type, *context;
};
struct manifest;
struct lint_chunk;
struct lint_manifest;
struct lint_called;
struct lint_suggestion {
    struct lint_suggestion *next;
    const struct yx_node *key;
    const struct yx_node *map; /* that has an unknown key; NULL for a value */
    const char *meant;
    const struct schema *type;
};
struct lint {
    const struct lint_options *o;
    const char *path;
    struct sv text;
    bool action;
    uint32_t *lines; /* offsets of their starts */
    size_t n_lines;
    const struct yx_node *root;
    struct lint_report *out;
    size_t first;                /* index of our first finding */
    size_t n_of[LINT_ERROR + 1]; /* findings of each level, before comments take some away */
    struct lint_job *jobs;
    size_t n_jobs;
    struct lint_step *steps; /* composite */
    size_t n_steps;
    const struct lt *github, *inputs, *secrets, *jobs_type, *comp_steps;
    struct lint_manifest *manifests;
    struct lint_called *called;
    struct lint_chunk *chunks;
    struct lint_suggestion *suggestions, *marks;
};
void *lint_alloc(struct lint *l, size_t n); /* lives as long as the file's check; zeroed */
struct sv lint_text(struct lint *l, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- findings ---- */

void lint_at(struct lint *l, const struct lint_rule *r, const struct yx_node *where,
             const char *fmt, ...) PRINTF_LIKE(4, 5);
/* With a level of its own. */
void lint_level_at(struct lint *l, const struct lint_rule *r, enum lint_level level,
                   const struct yx_node *where, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* Of n bytes from an offset in the scalar's value. */
void lint_in(struct lint *l, const struct lint_rule *r, const struct yx_node *scalar, size_t offset,
             size_t n, const char *fmt, ...) PRINTF_LIKE(6, 7);
struct lint_range {
    unsigned line, col, end_line, end_col;
};
/* Scalars whose expressions have errors of their own already. */
void lint_mark(struct lint *l, const struct yx_node *scalar);
bool lint_is_marked(const struct lint *l, unsigned line, unsigned col);
bool lint_is_full(const struct lint *l); /* nothing that is added would be kept */
void lint_add(struct lint *l, const struct lint_rule *r, enum lint_level level,
              struct lint_range at, const char *message);

/* ---- positions (positions.c) ---- */

void lint_index_lines(struct lint *l);
/* Line and column of a byte of a scalar's value in the file. */
void lint_locate(const struct lint *l, const struct yx_node *scalar, size_t offset, unsigned *line,
                 unsigned *col);
struct lint_range lint_range_of(const struct lint *l, const struct yx_node *n);
struct sv lint_line(const struct lint *l, unsigned line); /* 1-based, without its end */

/* ---- nodes ---- */

/* By the exact key; NULL when there is none or map is no mapping. */
const struct yx_node *lint_get(const struct yx_node *map, const char *key);
const struct yx_node *lint_key(const struct yx_node *map, const char *key); /* the key itself */
struct sv lint_str(const struct yx_node *map, const char *key);             /* or empty */
bool lint_has_expr(const struct yx_node *n);                                /* anywhere below */
enum tok_kind lint_kind(const struct yx_node *scalar); /* its YAML type; TOK_STRING when in doubt */
bool lint_is_true(const struct yx_node *n);
bool lint_number(const struct yx_node *scalar, double *out); /* false: it is none */
/* The items of a sequence, or the scalar alone. */
size_t lint_count(const struct yx_node *n);
const struct yx_node *lint_item(const struct yx_node *n, size_t i);

/* ---- the model (model.c) ---- */

void lint_model(struct lint *l);
const struct lint_job *lint_job(const struct lint *l, struct sv id);
bool lint_has_event(const struct lint *l, const char *name);
const struct yx_node *lint_event(const struct lint *l,
                                 const char *name); /* configuration or NULL */
/* Types of literal values. */
const struct lt *lint_value_type(struct lint *l, const struct yx_node *n);
struct lt_builder {
    struct lt_prop *v;
    size_t n, cap;
};
void lt_add(struct lt_builder *b, struct sv name, const struct lt *type, size_t order);
/* Ends the builder; item: type of other names, or NULL = there are none. */
const struct lt *lt_build(struct lint *l, struct lt_builder *b, const struct lt *item,
                          const struct lint_rule *rule, const char *what);
const struct lt *lint_matrix_type(struct lint *l, const struct yx_node *matrix); /* matrix_type.c */
const struct lt *lint_event_type(struct lint *l);                                /* payload.c */
void lint_types(struct lint *l); /* context types of the whole file and of each job (types.c) */
const struct lt *lint_context(const struct lint *l, const struct lint_job *job, struct sv name);

/* ---- other files (files.c) ---- */

enum lint_found { FOUND, NOT_FOUND, UNREADABLE, UNKNOWN };
/* A local action, "./PATH"; *out is set for FOUND. */
enum lint_found lint_action(struct lint *l, struct sv uses, const struct manifest **out);
/* A workflow of this repository that a job calls; *out: the workflow_call node, NULL when it has none or an empty
 * one; *callable tells these apart. */
enum lint_found lint_callee(struct lint *l, struct sv uses, const struct yx_node **call,
                            bool *callable);
/* The same file as a whole and its path from the repository's top; NULL when it cannot be read. */
const struct yx_node *lint_called_file(struct lint *l, struct sv uses, const char **path);
void lint_files_done(struct lint *l);

/* ---- places with expressions (walk.c) ---- */

enum lint_place { PLACE_OTHER, PLACE_IF, PLACE_RUN, PLACE_WITH, PLACE_ENV, PLACE_KEY };
struct lint_site {
    const struct yx_node *node;
    unsigned context;
    const struct schema *type;
    struct sv key;
    enum lint_place place;
    const struct lint_job *job;
    const struct lint_step *step;
};
void lint_walk(struct lint *l);
void lint_site(struct lint *l, const struct lint_site *s); /* expr.c */
/* Whether the place knows the context. */
bool lint_is_available(const struct lint_site *s, struct sv name);
/* The known key that was meant by the unknown one at this place, or NULL. */
const char *lint_suggest(const struct lint *l, unsigned line, unsigned col);
/* What the value at this place may be: "true, false, a number"; nothing when any text may stand there. */
void lint_expected(const struct lint *l, unsigned line, unsigned col, struct buf *b);

/* An expression of a site. */
struct lint_expr {
    struct lint *l;
    const struct lint_site *site;
    size_t offset; /* of its text in the scalar's value */
    const struct expr *x;
    bool mixed; /* one of several parts of the scalar */
};
void lint_expr_at(const struct lint_expr *x, const struct lint_rule *r, const struct node *n,
                  const char *fmt, ...) PRINTF_LIKE(4, 5);
void lint_expr_level_at(const struct lint_expr *x, const struct lint_rule *r, enum lint_level level,
                        const struct node *n, const char *fmt, ...) PRINTF_LIKE(5, 6);
const struct lt *lint_type_of(const struct lint_expr *x, const struct node *n);
const struct lt *lint_call(const struct lint_expr *x, const struct node *n); /* functions.c */
/* Every step counts as used when t is the whole of the steps context. */
void lint_use_all(const struct lint_expr *x, const struct lt *t);
void lint_untrusted(const struct lint_expr *x); /* untrusted.c */
void lint_habits(const struct lint_expr *x);    /* habits.c */
/* Of an `if`: -1 = depends on something, else 0 or 1; and whether it calls a status function. */
void lint_condition(const struct yx_node *n, int *value, bool *status);
/* "a.b.*" of a chain of names, wildcards and literal indexes; false when it does not start with a context. */
bool lint_path(const struct node *n, struct buf *out);

/* ---- rule families; each file tells which ---- */

void lint_reader(struct lint *l);
void lint_events(struct lint *l);
void lint_jobs(struct lint *l);
void lint_labels(struct lint *l);
void lint_matrices(struct lint *l);
void lint_scripts(struct lint *l, const struct lint_step *steps, size_t n);
void lint_uses(struct lint *l, const struct lint_step *steps, size_t n);
/* known_actions.c: outputs of a well-known action, or NULL. */
const struct lt *lint_known_outputs(struct lint *l, struct sv uses);
bool lint_given(const struct yx_node *with, struct sv name); /* or it cannot be told */
void lint_known(struct lint *l, const struct lint_step *steps, size_t n);
void lint_inputs(struct lint *l, const struct lint_step *steps, size_t n);
void lint_environments(struct lint *l);
void lint_credentials(struct lint *l);
void lint_permissions(struct lint *l);
void lint_calls(struct lint *l);
void lint_call_permissions(struct lint *l);
void lint_manifest(struct lint *l);
void lint_branding(struct lint *l, const struct yx_node *branding);
bool lint_in_list(struct sv s, const char *const *list); /* ended by NULL */
void lint_dangers(struct lint *l, const struct lint_step *steps, size_t n);
void lint_triggers(struct lint *l);
void lint_ids(struct lint *l, const struct lint_step *steps, size_t n);
void lint_comments(struct lint *l);
/* Whether outsiders can start the workflow with the rights of the repository. */
bool lint_is_privileged(const struct lint *l);
bool lint_path_matches(const char *pattern, const char *path); /* config.c */

#endif
