/* SPDX-License-Identifier: Apache-2.0
 *
 * Libraries that are opened when they are first needed. Loading one at the start of a program costs milliseconds
 * in every process, needed or not: libcurl brings 30 others along, libarchive 15. */
#ifndef BASE_DL_H
#define BASE_DL_H

#include "base/err.h"

#include <stddef.h>

struct dl_symbol {
    const char *name;
    void *slot; /* address of the function pointer that gets it */
};
/* Opens the library `soname` (found as the dynamic linker finds it) and fills every slot; on failure none. The
 * library stays open until the process ends. Not from two threads at once. */
MUST_USE int dl_open(const char *soname, const struct dl_symbol *symbols, size_t n, struct err *e);

#endif
