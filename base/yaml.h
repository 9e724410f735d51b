/* SPDX-License-Identifier: Apache-2.0
 *
 * YAML through libyaml's event API into a node tree with positions, limits and alias handling. Knows
 * nothing of workflows: scalars keep their text and style, typing is the caller's. */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "base/err.h"
#include "base/sv.h"

#include <stdbool.h>
#include <stddef.h>

enum yx_kind { YX_SCALAR, YX_SEQUENCE, YX_MAPPING };
enum yx_style { YX_PLAIN, YX_SINGLE, YX_DOUBLE, YX_LITERAL, YX_FOLDED };

struct yx_node {
    enum yx_kind kind;
    enum yx_style style; /* scalars */
    struct sv text;      /* scalars; NUL-terminated too */
    const char *tag;     /* explicit tag or NULL */
    unsigned line, col;  /* 1-based; columns in UTF-16 units */
    unsigned end_line, end_col;
    size_t n;               /* items, or pairs of a mapping */
    struct yx_node **items; /* sequence: n; mapping: 2 * n, key then value */
    bool cut; /* yx_parse_part: a problem stands inside or behind; the last value may be NULL */
};
struct yx_mark {
    unsigned line, col; /* 1-based, columns in UTF-16 units */
    size_t index;       /* UTF-16 units from the start */
};
/* Why reading ended, in the words of the official reader. */
struct yx_problem {
    struct yx_mark from, to;
    bool has_marks; /* the official message begins with both */
    char text[200];
};
struct yx_limits {
    unsigned depth;     /* nesting */
    size_t nodes;       /* after alias expansion */
    size_t alias_nodes; /* the same, for a document that has aliases */
    size_t input_bytes;
    size_t total_bytes; /* scalar text after alias expansion */
    bool no_anchors;    /* '&' and '*' are errors */
    /* Equal scalar keys of one mapping are errors unless this is set; a caller with its own rule (case
     * ignored, one error for each) sets it and looks itself. */
    bool duplicates_ok;
};
extern const struct yx_limits yx_default_limits;

struct yx_doc;
/* One document, UTF-8. An alias gives the anchored node itself: nodes may be shared, so a walk sees a tree of
 * at most lim->nodes nodes, and positions are those of the anchored text. "<<" is an ordinary key.
 * FAIL_INPUT, FAIL_LIMIT: msg "LINE:COL: text". An empty stream gives a doc whose root is NULL. */
MUST_USE int yx_parse(struct sv text, const struct yx_limits *lim, struct yx_doc **out,
                      struct err *e);
/* As yx_parse, but what the official reader uses before a problem is there: on failure *out is a document whose last
 * open collections are cut, without the node right in front of a problem of the text (its root may be NULL), and *p
 * says what happened. */
MUST_USE int yx_parse_part(struct sv text, const struct yx_limits *lim, struct yx_doc **out,
                           struct yx_problem *p, struct err *e);
struct yx_node *yx_root(const struct yx_doc *d);
void yx_free(struct yx_doc *d);
void auto_yx(struct yx_doc **d);

#endif
