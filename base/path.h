/* SPDX-License-Identifier: Apache-2.0
 *
 * Path text, and the places where Gantry keeps its files (XDG for a user, FHS for root). */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include "base/err.h"
#include "base/sv.h"

char *path_join(const char *a, const char *b) __attribute__((malloc)); /* b absolute: b */
/* Lexical: removes ".", "..", doubled slashes; never above "/" for absolute paths. */
char *path_clean(struct sv p) __attribute__((malloc));
struct sv path_base(struct sv p);
struct sv path_dir(struct sv p); /* "." when there is no slash */
/* A name from a server: relative, no "..", no NUL, components <= 255 bytes, depth <= 64. */
MUST_USE int path_from_untrusted(struct sv p, char **out, struct err *e);

enum path_kind { PATH_CONFIG, PATH_STATE, PATH_JOBS, PATH_CACHE, PATH_RUNTIME };
/* GANTRY_HOME=DIR (documented, for tests and containers) puts all of them below DIR. The folder is made, 0700. */
MUST_USE int path_place(enum path_kind kind, char **out, struct err *e);

#endif
