/* SPDX-License-Identifier: Apache-2.0
 *
 * One segment of a glob pattern, compiled. For glob*.c. */
#ifndef BASE_GLOB_PRIV_H
#define BASE_GLOB_PRIV_H

#include "base/sv.h"

#include <stdint.h>

enum seg_kind {
    SEG_LITERAL,
    SEG_ANY,      /* "*" */
    SEG_GLOBSTAR, /* "**" */
    SEG_SUFFIX,   /* "*" and text */
    SEG_OPS,      /* anything else */
    SEG_NEVER,    /* a class that cannot match */
};
enum op_kind { OP_UNIT, OP_ONE, OP_STAR, OP_CLASS };
struct range {
    uint16_t lo, hi;
};
struct op {
    uint8_t kind;
    bool negated;   /* class */
    uint16_t unit;  /* UTF-16 */
    uint16_t posix; /* class: bits of the POSIX classes */
    struct range *ranges;
    size_t n_ranges;
};
struct seg {
    enum seg_kind kind;
    struct sv text; /* literal or suffix; points into buffer */
    char *buffer;
    struct op *ops;
    size_t n_ops;
};
void seg_compile(struct sv pattern, struct seg *s);
bool seg_match(const struct seg *s, struct sv name);
void seg_done(struct seg *s);
/* A segment without wildcards, unescaped, into dst (room for s.n bytes); false: it has some. Not the same as
 * SEG_LITERAL: it is how the search path is found. *n is the length, 0 also when it has wildcards. */
bool seg_literal(struct sv s, char *dst, size_t *n);

#endif
