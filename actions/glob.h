/* SPDX-License-Identifier: Apache-2.0
 *
 * hashFiles globbing over a reader that is handed in (spec expressions 1.10), pure. */
#ifndef ACTIONS_GLOB_H
#define ACTIONS_GLOB_H

#include "base/buf.h"

struct glob;
/* Patterns, '!' excludes, in order. Relative ones are rooted at `root` (absolute path text). */
MUST_USE int glob_new(const struct sv *patterns, size_t n, struct sv root, struct glob **out,
                      struct err *e);
void glob_free(struct glob *g);
enum glob_match { GLOB_NONE = 0, GLOB_FILE = 1, GLOB_DIR = 2, GLOB_ALL = 3, GLOB_PARTIAL = 4 };
unsigned glob_match_path(const struct glob *g, struct sv path); /* bits of GLOB_FILE/GLOB_DIR */
bool glob_may_descend(const struct glob *g, struct sv dir_path);

#endif
