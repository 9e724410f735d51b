/* SPDX-License-Identifier: Apache-2.0
 *
 * Text for libyaml, which refuses characters that other YAML readers take; and problems in the words of the
 * official reader's library. For base/yaml*.c only. */
#ifndef BASE_YAML_PRIV_H
#define BASE_YAML_PRIV_H

#include "base/yaml.h"

struct yx_place {
    size_t line, col; /* 0-based, in code points */
};
struct yx_text {
    struct sv text; /* what libyaml gets */
    char *own;      /* NULL: text is the caller's */
    bool replaced;  /* characters stand for others: yx_text_restore() */
    /* Characters above U+FFFF, two UTF-16 units each: columns count units. */
    struct yx_place *wide;
    size_t n_wide, cap_wide;
    struct yx_place bad; /* after a failure: what cannot be shown to libyaml */
};
/* Ill-formed UTF-8 becomes U+FFFD, control characters become stand-ins. False for NUL and for stand-ins in the text
 * itself. */
MUST_USE bool yx_text_init(struct yx_text *t, struct sv in);
void yx_text_done(struct yx_text *t);
/* The original characters; writes at most n bytes to out and returns their number. */
size_t yx_text_restore(const char *p, size_t n, char *out);
/* 1-based, in UTF-16 units. */
unsigned yx_text_col(const struct yx_text *t, size_t line, size_t col);
size_t yx_text_index(const struct yx_text *t, size_t line, size_t col, size_t index);

/* What libyaml says, as the official reader's library says it. context may be NULL. */
void yx_problem_text(const char *context, const char *problem, struct yx_problem *out);

#endif
