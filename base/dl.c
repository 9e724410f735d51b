/* SPDX-License-Identifier: Apache-2.0
 *
 * dlopen() and dlsym(), with errors of ours. */
#include "base/dl.h"

#include "base/mem.h"

#include <dlfcn.h>
#include <string.h>

static const char *why(void)
{
    const char *text = dlerror();

    return text != NULL ? text : "no reason given";
}

int dl_open(const char *soname, const struct dl_symbol *symbols, size_t n, struct err *e)
{
    void *lib = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
    AUTO(auto_free) void **found = xcalloc(n, sizeof *found);

    if (lib == NULL)
        return err_set(e, FAIL_UNSUPPORTED, "cannot open the library '%s': %.200s; install it",
                       soname, why());
    for (size_t i = 0; i < n; i++) {
        found[i] = dlsym(lib, symbols[i].name);
        if (found[i] == NULL) {
            (void)err_set(e, FAIL_UNSUPPORTED, "the library '%s' has no function '%s': %.160s",
                          soname, symbols[i].name, why());
            (void)dlclose(lib);
            return -1;
        }
    }
    for (size_t i = 0; i < n; i++) /* POSIX promises that an object pointer carries it */
        memcpy(symbols[i].slot, &found[i], sizeof found[i]);
    return 0;
}
