/* SPDX-License-Identifier: Apache-2.0
 *
 * Globs of hashFiles. The first line is a path, the rest are patterns. Invariants: a refusal has a text; a path
 * that matches something by an include can be reached: each of its parents may be descended; a search root is
 * absolute and not below another. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/glob.h"
#include "base/mem.h"
#include "tests/fuzz/said.h"

#define MAX_INPUT ((size_t)2 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_parents(const struct glob *g, struct sv path)
{
    unsigned asked = 0;

    for (size_t i = 1; i < path.n && asked < 16; i++) {
        if (path.p[i] != '/')
            continue;
        asked++;
        struct sv parent = {path.p, i};
        bool above = false; /* above a search root nothing is asked */
        for (size_t k = 0; k < glob_roots(g) && !above; k++)
            above = glob_root(g, k).n > parent.n;
        if (!above && glob_match_path(g, parent) == GLOB_NONE && !glob_may_descend(g, parent))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct glob *g = NULL;
    struct err e = {0};
    struct sv rest, path;

    if (size == 0 || size > MAX_INPUT)
        return 0;
    char *in = xmemdup(data, size);
    rest = (struct sv){in, size};
    if (!sv_next(&rest, '\n', &path) || rest.p == NULL)
        rest = SV("");
    if (glob_new(&rest, 1, SV("/w/x"), SV("/h"), &g, &e) < 0) {
        if (e.code == FAIL_NONE || e.msg[0] == '\0')
            abort();
        said(err_whole(&e));
        free(in);
        return 0;
    }
    for (size_t i = 0; i < glob_roots(g); i++)
        if (glob_root(g, i).p[0] != '/')
            abort();
    bool clean = path.n > 0 && path.p[0] == '/' && sv_find(path, SV("//")) == SV_NPOS;
    if (glob_match_path(g, path) != GLOB_NONE && clean)
        check_parents(g, path);
    (void)glob_may_descend(g, path);
    glob_free(g);
    free(in);
    return 0;
}
