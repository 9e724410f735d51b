/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of libarchive's functions. */
#include "base/libarchive.h"

#include "base/dl.h"

struct la la;

int la_open(struct err *e)
{
    static const struct dl_symbol symbols[] = {
#define LA_SYMBOL(f) {"archive_" #f, &la.f},
        LA_FUNCTIONS(LA_SYMBOL)
#undef LA_SYMBOL
    };

    return la.read_new != NULL
               ? 0
               : dl_open(GANTRY_SONAME_ARCHIVE, symbols, sizeof symbols / sizeof symbols[0], e);
}
