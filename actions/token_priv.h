/* SPDX-License-Identifier: Apache-2.0
 *
 * Building tokens; for the readers of actions/ only. */
#ifndef ACTIONS_TOKEN_PRIV_H
#define ACTIONS_TOKEN_PRIV_H

#include "actions/token.h"
#include "base/buf.h"

#define TOK_MAX_DEPTH 128U /* of trees that are walked recursively */

/* sv_is() for tables of names: most differ in their first characters, and no length is taken. */
static inline bool tok_names(struct sv text, const char *name)
{
    for (size_t i = 0; i < text.n; i++) {
        if (name[i] == '\0' || name[i] != text.p[i])
            return false;
    }
    return name[text.n] == '\0';
}

/* Memory of the tokens of a file: they are many, and end together. */
struct tok_arena *tok_arena_new(void);
void tok_arena_free(struct tok_arena *a);
/* The root of the tokens takes the arena over; without a root the arena goes. */
void tok_arena_give(struct tok_arena *a, struct tok *root);
/* A token of its own with a copy of the text; position 0. */
struct tok *tok_make(enum tok_kind kind, struct sv text);
struct tok *tok_make_in(struct tok_arena *a, enum tok_kind kind,
                        struct sv text); /* NULL: its own */
/* Puts another token in the place of *t, where *t has its memory. */
void tok_replace(struct tok **t, enum tok_kind kind, struct sv text);
struct tok *tok_make_at(enum tok_kind kind, struct sv text, const struct tok *where);
/* Reserves items of a fresh sequence or mapping; then tok_append. Ownership of the item moves. */
void tok_reserve(struct tok *t, size_t n_items);
void tok_append(struct tok *seq, struct tok *own_item);
void tok_append_pair(struct tok *map, struct tok *own_key, struct tok *own_value);

/* A scalar typed by spec 3.1, not yet searched for "${{". FAIL_INPUT: text without position (the official texts
 * name line and column themselves). */
MUST_USE int tok_typed(struct tok_arena *a, const struct yx_node *n, unsigned file,
                       struct tok **out, struct err *e);
/* Searches a TOK_STRING for expressions (2.2) and replaces *t by what they make of it. -1: *t stays as it is and
 * the reasons were appended to *why, each with a zero byte behind it. Whether an expression may stand here is the
 * caller's question. */
MUST_USE int tok_scan(struct tok **t, const struct expr_names *names, struct buf *why);
/* Index behind the "}}" that closes the expression opened at `from`, or SV_NPOS. */
size_t tok_find_close(struct sv s, size_t from);
bool tok_may_have_expr(const struct tok *t); /* a string with "${{" */
/* Parses one expression for its errors only; the reason carries the whole expression, unlike struct err. */
MUST_USE int tok_check_expr(struct sv text, const struct expr_names *names, struct buf *why);
/* Text of a literal as the language converts it (1.6). */
void tok_literal_text(const struct tok *t, struct buf *b);
/* Names for a place that allows no expression at all. */
extern const struct expr_names tok_no_names;

#endif
