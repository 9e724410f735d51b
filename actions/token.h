/* SPDX-License-Identifier: Apache-2.0
 *
 * Template tokens (spec expressions 2, job-execution 1.7): YAML values that may hold ${{ }}, with file, line
 * and column; their JSON encoding in the job message; and their evaluation to values. */
#ifndef ACTIONS_TOKEN_H
#define ACTIONS_TOKEN_H

#include "actions/expr.h"
#include "base/yaml.h"

enum tok_kind {
    TOK_STRING = 0,
    TOK_SEQUENCE = 1,
    TOK_MAPPING = 2,
    TOK_EXPR =
        3, /* one ${{ expression }}, or a scalar mixed of text and expressions as format(...) */
    TOK_INSERT = 4, /* ${{ insert }} as a mapping key */
    TOK_BOOL = 5,
    TOK_NUMBER = 6,
    TOK_NULL = 7,
};
/* Immutable after building; owned as a tree by its root. */
struct tok {
    enum tok_kind kind;
    unsigned file;      /* 1-based index into the file table; 0 = none */
    unsigned line, col; /* 1-based; 0 = none */
    bool b;
    bool owns_arena; /* the root: frees what the arena holds, all at once */
    struct sv text;  /* TOK_STRING: value; TOK_EXPR: the expression without ${{ }} */
    double num;
    size_t n;                /* items, or pairs of a mapping */
    struct tok **items;      /* sequence: n; mapping: 2 * n */
    struct tok_arena *arena; /* whose memory it is; NULL: its own */
};
void tok_free(struct tok *t);
void auto_tok(struct tok **t);
struct tok *tok_clone(const struct tok *t);
struct tok *tok_get(const struct tok *map,
                    struct sv key); /* lent; literal string keys, ASCII case ignored */

/* From YAML: scalar typing of spec 3.1, ${{ }} scanning of 2.2. `contexts`: names allowed in expressions here
 * (NULL: none allowed, "${{" is then an error). FAIL_INPUT "LINE:COL: text". */
MUST_USE int tok_from_yaml(const struct yx_node *n, unsigned file, const struct expr_names *allowed,
                           struct tok **out, struct err *e);
MUST_USE int tok_from_json(const json_t *j, struct tok **out,
                           struct err *e); /* job message encoding */
json_t *tok_to_json(const struct tok *t);  /* new reference; NULL token -> null */
bool tok_has_expr(const struct tok *t);

/* Evaluation (2.3). FAIL_INPUT with "file (Line: L, Col: C): text"; the caller adds what stands before it (the
 * worker: "The template is not valid. "). files: the file table, names by index - 1, may be NULL. An absent
 * token (NULL) is null. All values together take at most env->max_memory, as the official evaluator counts them. */
MUST_USE int tok_eval(const struct tok *t, const struct expr_env *env, const char *const *files,
                      size_t n_files, struct val **out, struct err *e);
/* As above, but the result must be a scalar; converted to text. */
MUST_USE int tok_eval_text(const struct tok *t, const struct expr_env *env,
                           const char *const *files, size_t n_files, struct buf *out,
                           struct err *e);
/* As above for a boolean or a number: there is no conversion to either ("Unexpected value '30'"). */
MUST_USE int tok_eval_bool(const struct tok *t, const struct expr_env *env,
                           const char *const *files, size_t n_files, bool *out, struct err *e);
MUST_USE int tok_eval_number(const struct tok *t, const struct expr_env *env,
                             const char *const *files, size_t n_files, double *out, struct err *e);
/* Fills e with "file (Line: L, Col: C): text" for this token and returns -1. */
int tok_fail(const struct tok *t, const char *const *files, size_t n_files, struct err *e,
             const char *fmt, ...) PRINTF_LIKE(5, 6);
/* The same for a value that is none of those expected. */
int tok_fail_kind(const struct tok *t, const char *const *files, size_t n_files,
                  const struct val *v, struct err *e);

#endif
