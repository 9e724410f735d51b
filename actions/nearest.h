/* SPDX-License-Identifier: Apache-2.0
 *
 * Which name was meant by one that is not there. */
#ifndef ACTIONS_NEAREST_H
#define ACTIONS_NEAREST_H

#include "base/sv.h"

/* The name of a NULL-terminated list that the word is nearly (ASCII case ignored, '-' and '_' alike), or NULL. */
const char *nearest_name(struct sv word, const char *const *list);
/* The same for one that has one character more, less or other. */
const char *nearest_by_one(struct sv word, const char *const *list);

#endif
