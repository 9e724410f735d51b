/* SPDX-License-Identifier: Apache-2.0
 *
 * The path patterns of hashFiles, exactly as @actions/glob and minimatch read them, over absolute path text.
 * Pure: touches no file; base/glob_walk.h walks folders with it. Depends on libc alone.
 * Source: actions/toolkit: packages/glob/src/internal-{pattern,globber,pattern-helper}.ts (0.7.0),
 * isaacs/minimatch 10.2.6 with { dot, nobrace, noext, nocomment, nonegate }; spec expressions 1.10.
 *
 * Not the same: POSIX classes such as [[:alpha:]] know ASCII only. */
#ifndef BASE_GLOB_H
#define BASE_GLOB_H

#include "base/err.h"
#include "base/sv.h"

#define GLOB_MAX_PATTERNS 1024U      /* lines, over all arguments */
#define GLOB_MAX_BYTES    (1U << 20) /* of all arguments together */

struct glob;
/* patterns: each may hold several lines; '#' lines are comments, '!' excludes, later lines win. Relative ones
 * are rooted at `root`, "~" is `home` (both absolute, without a slash at the end unless "/"); home may be
 * empty. FAIL_INPUT: "Invalid pattern ...", FAIL_LIMIT. */
MUST_USE int glob_new(const struct sv *patterns, size_t n, struct sv root, struct sv home,
                      struct glob **out, struct err *e);
void glob_free(struct glob *g);
void auto_glob(struct glob **g);

enum glob_match { GLOB_NONE = 0, GLOB_DIR = 1, GLOB_FILE = 2, GLOB_ALL = 3 };
/* What the patterns, applied in order, say about an absolute path: bits; GLOB_DIR alone = only if it is a
 * directory. */
unsigned glob_match_path(const struct glob *g, struct sv path);
/* Whether an include may match something below the path. */
bool glob_may_descend(const struct glob *g, struct sv path);
/* Where to search: literal beginnings of the includes, in order, none below another. Lent. */
size_t glob_roots(const struct glob *g);
struct sv glob_root(const struct glob *g, size_t i);

#endif
