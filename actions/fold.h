/* SPDX-License-Identifier: Apache-2.0
 *
 * Text comparison without regard to case, as .NET's OrdinalIgnoreCase does it (spec expressions 1.7): every
 * character goes through the simple, locale-free upper-case mapping, then UTF-16 units are compared. All of
 * it is linear in the length of its arguments. Ill-formed bytes compare as themselves. */
#ifndef ACTIONS_FOLD_H
#define ACTIONS_FOLD_H

#include "base/buf.h"

unsigned fold_upper(unsigned code);        /* simple upper case of a code point */
bool fold_eq(struct sv a, struct sv b);    /* equal ignoring case */
int fold_cmp(struct sv a, struct sv b);    /* -1, 0, 1 by upper-cased UTF-16 units */
bool fold_has(struct sv s, struct sv sub); /* contains; an empty sub is everywhere */
bool fold_starts(struct sv s, struct sv prefix);
bool fold_ends(struct sv s, struct sv suffix);

#endif
