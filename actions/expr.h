/* SPDX-License-Identifier: Apache-2.0
 *
 * The expression engine: lexer, parser, evaluator (spec expressions 1). Pure. Texts, kinds and positions of
 * errors equal those of the official packages. */
#ifndef ACTIONS_EXPR_H
#define ACTIONS_EXPR_H

#include "actions/value.h"
#include "base/err.h"

#define EXPR_MAX_LENGTH 21000U /* UTF-16 units; spec 1.3 */
#define EXPR_MAX_DEPTH  50U

enum expr_error_kind { EXPR_LEXING, EXPR_PARSING, EXPR_EVALUATION };
struct expr_error {
    enum expr_error_kind kind;
    bool has_pos; /* false: the error has no token (length, depth, evaluation) */
    size_t pos;   /* 0-based UTF-16 offset in the expression, lexing and parsing */
    struct buf
        *text; /* in, may be NULL: the whole message is appended; err.msg holds its beginning */
};

struct expr; /* a parsed expression */
/* Names known while parsing; others are parse errors ("Unrecognized named-value"). NULL list = anything. */
struct expr_names {
    const char *const *contexts; /* NULL-terminated */
    /* Beyond the well-known ones: "always", "hashFiles", ...; "success(0,MAX)" gives other argument counts
     * than the usual ones (none for status functions, 1 to 255 for hashFiles), as the schema writes them. */
    const char *const *functions;
};
/* A blank text gives an expression without a tree, whose value is null: callers decide what that means. */
MUST_USE int expr_parse(struct sv text, const struct expr_names *names, struct expr **out,
                        struct expr_error *x, struct err *e);
void expr_free(struct expr *x);
void auto_expr(struct expr **x);
bool expr_is_blank(const struct expr *x);
/* Whether the whole expression is one string literal (spec 2.2); *out is lent. */
bool expr_is_string(const struct expr *x, struct sv *out);
/* Whether the tree calls one of success(), failure(), cancelled(), always() (spec 1.11). */
bool expr_has_status_function(const struct expr *x);
/* Calls fn for every use of a context with the literal path that follows it ("steps", "a", "outputs", "b"). */
void expr_visit_contexts(const struct expr *x,
                         void (*fn)(void *ctx, const struct sv *path, size_t n), void *ctx);

/* What an evaluation may see. Callbacks may be NULL: the name is then unknown. */
struct expr_env {
    void *ctx;
    /* The value of a context, lent; NULL = unknown name. */
    struct val *(*context)(void *ctx, struct sv name);
    bool (*success)(void *ctx);
    bool (*failure)(void *ctx);
    bool (*cancelled)(void *ctx);
    /* success('a', ...) and failure('a', ...) of jobs.<id>.if; NULL: these functions take no arguments. */
    bool (*success_of)(void *ctx, const struct sv *jobs, size_t n);
    bool (*failure_of)(void *ctx, const struct sv *jobs, size_t n);
    /* hashFiles(patterns...): appends the hexadecimal digest, or nothing when no file matched. */
    int (*hash_files)(void *ctx, const struct sv *patterns, size_t n, struct buf *out,
                      struct err *e);
    /* Step-debug trace lines; NULL = off. */
    void (*trace)(void *ctx, struct sv line);
    /* Masks secrets in a value before the trace quotes it; NULL = as it is. */
    void (*mask)(void *ctx, struct sv text, struct buf *out);
    size_t max_memory; /* bytes; 0 = 10 MiB (spec 1.12) */
};
MUST_USE int expr_eval(const struct expr *x, const struct expr_env *env, struct val **out,
                       struct expr_error *xe, struct err *e);
/* Parse and evaluate; for tools. */
MUST_USE int expr_eval_text(struct sv text, const struct expr_env *env, struct val **out,
                            struct expr_error *xe, struct err *e);

#endif
