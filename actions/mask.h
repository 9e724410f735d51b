/* SPDX-License-Identifier: Apache-2.0
 *
 * Secret masking (spec logs 3): every registered value and every usual encoding of it is replaced by ***.
 * One pass over the text whatever the number of secrets. */
#ifndef ACTIONS_MASK_H
#define ACTIONS_MASK_H

#include "base/buf.h"
#include "base/secret.h"

struct mask;
struct mask *mask_new(void);
void mask_free(struct mask *m); /* wipes */
/* Registers a value and its encodings (3.2, 3.3). Empty values are ignored. */
void mask_add(struct mask *m, struct sv value);
/* A .NET-style regular expression of the message's mask hints. FAIL_INPUT when it cannot be compiled. */
MUST_USE int mask_add_regex(struct mask *m, struct sv pattern, struct err *e);
/* Appends text with secrets replaced. A line is masked whole: callers never cut before masking. */
void mask_apply(struct mask *m, struct sv text, struct buf *out);
/* One piece of a line that is too long to be held: appends what is certain and returns how many bytes of text
 * were used. The caller puts the rest in front of the next piece (a literal that straddles the border is then
 * found; a match of a regular expression may be kept back for 64 KiB at most). last: everything is used. */
size_t mask_apply_part(struct mask *m, struct sv text, bool last, struct buf *out);
bool mask_hits(struct mask *m, struct sv text); /* whether anything would be replaced */

#endif
