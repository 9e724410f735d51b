/* SPDX-License-Identifier: Apache-2.0
 *
 * Matching of a request's raw path against the routes of base/http_server.h. Segments are split before
 * percent decoding, so that an encoded slash never changes the route. */
#ifndef BASE_HTTP_ROUTE_H
#define BASE_HTTP_ROUTE_H

#include "base/buf.h"
#include "base/http_server.h"

#define ROUTE_MAX_PARAMS 12

struct route_param {
    struct sv name; /* lent from the route */
    char *value;    /* decoded, owned */
};
struct route_match {
    const struct hs_route *route;
    struct route_param params[ROUTE_MAX_PARAMS];
    size_t n;
};

/* 200 with *m filled, else 404, 405 (*allow gets "GET, POST") or 400 (ill-formed coding). HEAD is served by
 * a GET route when it has none of its own. */
int route_find(const struct hs_route *routes, size_t n, const char *method, const char *raw_path,
               struct route_match *m, struct buf *allow);
void route_done(struct route_match *m);

#endif
