/* SPDX-License-Identifier: Apache-2.0
 *
 * Routes: literal segments, "{name}" for one segment, "{name...}" for the rest. */
#include "base/http_route.h"

#include "base/mem.h"
#include "base/url.h"

void route_done(struct route_match *m)
{
    for (; m->n > 0; m->n--) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it loses n in path_fits() */
        free(m->params[m->n - 1].value);
    }
    m->route = NULL;
}

/* False: ill-formed coding. */
static bool decode(struct sv raw, char **out)
{
    AUTO(buf_free) struct buf b = BUF_INIT(raw.n);
    struct err why;

    if (url_decode(raw, &b, &why) < 0 || b.over)
        return false;
    *out = buf_take(&b, NULL);
    return true;
}

static bool add_param(struct route_match *m, struct sv name, struct sv raw)
{
    char *value = NULL;

    BUG(m->n == ROUTE_MAX_PARAMS);
    if (!decode(raw, &value))
        return false;
    m->params[m->n++] = (struct route_param){name, value};
    return true;
}

enum fit { FIT_NO, FIT_YES, FIT_BAD };

static enum fit literal_fits(struct sv pattern, struct sv raw)
{
    char *text = NULL;

    if (sv_chr(raw, '%') == SV_NPOS)
        return sv_eq(pattern, raw) ? FIT_YES : FIT_NO;
    if (!decode(raw, &text))
        return FIT_BAD;
    bool same = sv_is(pattern, text);
    free(text);
    return same ? FIT_YES : FIT_NO;
}

/* Fills *m as far as it got. */
static enum fit path_fits(const struct hs_route *r, const char *raw_path, struct route_match *m)
{
    struct sv pattern = sv_of(r->path), path = sv_of(raw_path);
    struct sv want, got;

    while (sv_next(&pattern, '/', &want)) {
        if (sv_ends(want, SV("...}"))) {
            if (path.p == NULL)
                return FIT_NO;
            return add_param(m, sv_sub(want, 1, want.n - 5), path) ? FIT_YES : FIT_BAD;
        }
        if (!sv_next(&path, '/', &got))
            return FIT_NO;
        if (want.n > 2 && want.p[0] == '{') {
            if (got.n == 0)
                return FIT_NO;
            if (!add_param(m, sv_sub(want, 1, want.n - 2), got))
                return FIT_BAD;
            continue;
        }
        enum fit fit = literal_fits(want, got);
        if (fit != FIT_YES)
            return fit;
    }
    return path.p == NULL ? FIT_YES : FIT_NO;
}

static bool method_fits(const struct hs_route *r, const char *method)
{
    return sv_is(sv_of(r->method), "*") || sv_eq(sv_of(r->method), sv_of(method));
}

int route_find(const struct hs_route *routes, size_t n, const char *method, const char *raw_path,
               struct route_match *m, struct buf *allow)
{
    bool bad = false;

    *m = (struct route_match){.route = NULL};
    for (size_t i = 0; i < n; i++) {
        enum fit fit = path_fits(&routes[i], raw_path, m);
        if (fit == FIT_YES && method_fits(&routes[i], method)) {
            m->route = &routes[i];
            return 200;
        }
        if (fit == FIT_YES)
            buf_addf(allow, "%s%s", allow->len > 0 ? ", " : "", routes[i].method);
        bad = bad || fit == FIT_BAD;
        route_done(m);
    }
    if (sv_is(sv_of(method), "HEAD") && allow->len > 0) {
        buf_reset(allow);
        return route_find(routes, n, "GET", raw_path, m, allow);
    }
    return bad ? 400 : allow->len > 0 ? 405 : 404;
}
