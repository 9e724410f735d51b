/* SPDX-License-Identifier: Apache-2.0
 *
 * Filtering the listing of the local source. */
#include "runner/worker/listing.h"

static bool is_inside(struct sv path, struct sv folder)
{
    return path.n > folder.n && path.p[folder.n] == '/' && sv_starts(path, folder);
}

static unsigned depth_of(struct sv path, const struct strv *roots)
{
    unsigned n = 0;

    for (size_t i = 0; i < roots->n; i++)
        n += is_inside(path, sv_of(roots->v[i]));
    return n;
}

void listing_filter(struct sv listing, unsigned depth, struct buf *out, struct strv *empty)
{
    AUTO(strv_free) struct strv roots = STRV_INIT;
    struct sv rest = listing, path;

    while (sv_next(&rest, '\0', &path))
        if (path.n > 5 && sv_ends(path, SV("/.git")))
            strv_addsv(&roots, sv_sub(path, 0, path.n - 5));
    rest = listing;
    while (sv_next(&rest, '\0', &path)) {
        if (path.n == 0 || depth_of(path, &roots) > depth)
            continue;
        buf_addsv(out, path);
        buf_addc(out, '\0');
    }
    for (size_t i = 0; i < roots.n; i++)
        if (depth_of(sv_of(roots.v[i]), &roots) == depth)
            strv_add(empty, roots.v[i]);
}
