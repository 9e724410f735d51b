/* SPDX-License-Identifier: Apache-2.0
 *
 * Redirects of the HTTP client, followed by hand. */
#include "base/http_client_priv.h"
#include "base/mem.h"

/* Whether it begins with a scheme: one further on belongs to a query. */
static bool is_whole(struct sv to)
{
    size_t n = 0;

    while (n < to.n && (ch_is_alnum(to.p[n]) || sv_chr(SV("+-."), to.p[n]) != SV_NPOS))
        n++;
    return sv_starts(sv_sub(to, n, SV_NPOS), SV("://"));
}

/* RFC 3986 5.2 for what redirects name: a whole URL, a path, something beside the last one, or another query of it. */
static char *resolve(const char *base, struct sv to)
{
    struct sv from = sv_of(base), path;
    size_t scheme = sv_find(from, SV("://")), slash;

    if (is_whole(to))
        return sv_dup(to);
    BUG(scheme == SV_NPOS);
    if (sv_starts(to, SV("//")))
        return xasprintf("%.*s:%.*s", (int)scheme, base, (int)to.n, to.p);
    if (sv_chr(from, '?') != SV_NPOS)
        from.n = sv_chr(from, '?');
    path = sv_sub(from, scheme + 3, from.n);
    slash = sv_chr(path, '/');
    path = slash == SV_NPOS ? SV("") : sv_sub(path, slash, path.n);
    from.n -= path.n; /* scheme and authority */
    if (sv_starts(to, SV("/")))
        return xasprintf("%.*s%.*s", (int)from.n, base, (int)to.n, to.p);
    if (sv_starts(to, SV("?")))
        return xasprintf("%.*s%.*s%.*s", (int)from.n, base, (int)path.n, path.p, (int)to.n, to.p);
    path.n = slash == SV_NPOS ? 0 : sv_rchr(path, '/');
    return xasprintf("%.*s%.*s/%.*s", (int)from.n, base, (int)path.n, path.p, (int)to.n, to.p);
}

char *hc_location(const struct hc_req *r)
{
    char *text = NULL;
    struct sv to;

    if (r->easy != NULL)
        return hc_curl.easy_getinfo(r->easy, CURLINFO_REDIRECT_URL, &text) == CURLE_OK &&
                       text != NULL
                   ? xstrdup(text)
                   : NULL;
    if (!hc_header(buf_sv(&r->head), "Location", &to) || to.n == 0 || to.n > URL_MAX_BYTES)
        return NULL;
    return resolve(r->url, to);
}

static void drop_secrets(struct hc_req *r)
{
    secret_free(&r->bearer);
    for (size_t i = 0; i < r->headers.n;) {
        struct sv line = sv_of(r->headers.v[i]);
        if (!sv_istarts(line, SV("Authorization:")) && !sv_istarts(line, SV("Cookie:"))) {
            i++;
            continue;
        }
        free(r->headers.v[i]);
        memmove(&r->headers.v[i], &r->headers.v[i + 1],
                (r->headers.n - i) * sizeof *r->headers.v); /* with the NULL at the end */
        r->headers.n--;
    }
}

/* Whether the next request is a GET, without the body (RFC 9110 15.4). */
static bool becomes_get(const struct hc_req *r, int status)
{
    if (status == 303)
        return !sv_is(sv_of(r->method), "HEAD");
    return status < 303 && sv_is(sv_of(r->method), "POST");
}

/* What forbids to follow, or 0. */
static int check_hop(struct hc_req *r, int status, const char *location, struct url *from,
                     struct url *to, struct err *e)
{
    if (++r->redirects > r->spec.max_redirects)
        return err_set(e, FAIL_PROTO, "more than %u redirects", r->spec.max_redirects);
    if (hc_check_url(r->h, r->url, from, e) < 0 || hc_check_url(r->h, location, to, e) < 0)
        return -1;
    if (sv_ieq(from->scheme, SV("https")) && !sv_ieq(to->scheme, SV("https")))
        return err_set(e, FAIL_PROTO, "redirected from https:// to http://");
    if (r->source_read && !r->no_body && !becomes_get(r, status) &&
        (r->spec.rewind == NULL || r->spec.rewind(r->spec.ctx) < 0))
        return err_set(e, FAIL_PROTO, "redirected, and the body cannot be sent again");
    return 0;
}

int hc_redirect(struct hc_req *r, int status, const char *location, struct err *e)
{
    struct url from = {.port = 0}, to = {.port = 0};

    if (check_hop(r, status, location, &from, &to, e) < 0)
        return -1;
    if (!sv_ieq(from.host, to.host) || from.port != to.port || !sv_ieq(from.scheme, to.scheme))
        drop_secrets(r);
    if (becomes_get(r, status)) {
        free(r->method);
        r->method = xstrdup("GET");
        r->no_body = true;
    }
    free(r->url);
    r->url = xstrdup(location);
    r->attempts--; /* a hop is not a retry */
    return 0;
}
