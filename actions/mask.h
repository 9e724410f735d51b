/* SPDX-License-Identifier: Apache-2.0
 *
 * Secret masking (spec logs 3): every registered value and every usual encoding of it is replaced by ***.
 * One pass over the text whatever the number of secrets. */
#ifndef ACTIONS_MASK_H
#define ACTIONS_MASK_H

#include "base/buf.h"
#include "base/secret.h"

/* Ours: the sum of all encoded forms. Beyond it the masker hides every line whole instead of leaking. */
#define MASK_MAX_BYTES   (16U << 20)
#define MASK_MAX_REGEXES 256

struct mask;
struct mask *mask_new(void);
void mask_free(struct mask *m); /* wipes */
/* Registers a value as it is, trimmed, and each of its lines trimmed, all with their encodings (3.2, 3.3).
 * Blank values are ignored, and lines that are one bracket or comma: they would hide half of every log. */
void mask_add(struct mask *m, struct sv value);
/* A .NET-style regular expression of the message's mask hints; its own text is registered too.
 * FAIL_INPUT when it cannot be compiled, FAIL_LIMIT above MASK_MAX_REGEXES. */
MUST_USE int mask_add_regex(struct mask *m, struct sv pattern, struct err *e);
/* Appends text with secrets replaced. A line is masked whole: callers never cut before masking. */
void mask_apply(struct mask *m, struct sv text, struct buf *out);
/* One piece of a line that is too long to be held: appends what is certain and returns how many bytes of text
 * were used. The caller puts the rest in front of the next piece (a literal that straddles the border is then
 * found; a match of a regular expression may be kept back for 64 KiB at most). last: everything is used. */
size_t mask_apply_part(struct mask *m, struct sv text, bool last, struct buf *out);
/* For short texts that may hold a value cut off at any place (errors): the beginning of a secret is hidden too,
 * from this length on. */
#define MASK_CUT_BYTES 8U
void mask_apply_cut(struct mask *m, struct sv text, struct buf *out);
bool mask_hits(struct mask *m, struct sv text); /* whether anything would be replaced */

#endif
