/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of the line for broken invariants. */
#include "base/attr.h"

#include <stdio.h>
#include <stdlib.h>

void bug_abort(const char *file, int line, const char *cond)
{
    (void)fprintf(stderr, "gantry: bug: %s:%d: %s; please report it\n", file, line, cond);
    abort();
}
