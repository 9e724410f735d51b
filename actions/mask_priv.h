/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the parts of the masker: spans of text to hide, the automaton over literals, the encoders, the
 * regular expressions. */
#ifndef ACTIONS_MASK_PRIV_H
#define ACTIONS_MASK_PRIV_H

#include "actions/mask.h"

#include <stdint.h>

/* Half-open byte ranges. Within one source they are added with growing ends and stay merged. */
struct span {
    size_t start, end;
};
struct spans {
    struct span *v;
    size_t n, cap;
    size_t base; /* spans before it belong to other sources and are left alone */
};
void spans_add(struct spans *s, size_t start, size_t end);

/* The automaton: Aho-Corasick over a trie in breadth-first order, behind a filter on the first three bytes. */
struct ac;
/* Sorts v. The forms are not kept; the result holds secret bytes and is wiped by ac_free(). */
struct ac *ac_new(struct sv *v, size_t n);
void ac_free(struct ac *a); /* NULL is fine */
void ac_scan(const struct ac *a, struct sv text, struct spans *out);

/* Calls fn with each encoded form of the value (spec logs 3.3), the value itself included; forms that are
 * empty are left out, equal ones may come twice. The bytes are wiped afterwards. */
typedef void mask_form_fn(void *ctx, struct sv form);
void mask_encode(struct sv value, mask_form_fn *fn, void *ctx);

struct mask_regex;
/* NULL on failure (FAIL_INPUT). */
struct mask_regex *mask_regex_new(struct sv pattern, struct err *e);
void mask_regex_free(struct mask_regex *r);
/* The text of a pattern that can match one text only; false when it is a real expression. */
bool mask_regex_literal(struct sv pattern, struct buf *out);
/* text is well-formed UTF-8. Where the engine gives up, the rest of the text is one span. */
void mask_regex_scan(const struct mask_regex *r, struct sv text, struct spans *out);

#endif
