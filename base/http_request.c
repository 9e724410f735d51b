/* SPDX-License-Identifier: Apache-2.0
 *
 * The stages of one request: head, body, answer, and the sleep in between. libmicrohttpd calls
 * hs_on_access() for the head (again after a suspension there), for each piece of the body, and once more
 * at the body's end (again after each suspension there). */
#include <unistd.h>

#include "base/http_server_priv.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/url.h"

/* ---- life -------------------------------------------------------------------------------------------- */

static struct hs_req *req_new(struct hs *s, struct MHD_Connection *c, const char *method)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct hs_req *r = xcalloc(1, sizeof *r);

    BUG(info == NULL);
    r->s = s;
    r->c = c;
    r->fd = info->connect_fd;
    r->method = xstrdup(method);
    r->body = BUF_INIT(0);
    r->next = s->reqs;
    if (s->reqs != NULL)
        s->reqs->prev = r;
    s->reqs = r;
    return r;
}

static void req_free(struct hs_req *r)
{
    if (r->prev != NULL)
        r->prev->next = r->next;
    else
        r->s->reqs = r->next;
    if (r->next != NULL)
        r->next->prev = r->prev;
    loop_del_fd(r->watch);
    if (r->resp != NULL)
        MHD_destroy_response(r->resp);
    for (size_t i = 0; i < r->n_query; i++) {
        free(r->query[i].name);
        free(r->query[i].value);
    }
    free(r->query);
    route_done(&r->match);
    buf_free(&r->body);
    free(r->method);
    free(r->path);
    free(r);
}

void hs_on_completed(void *cls, struct MHD_Connection *c, void **con_cls,
                     enum MHD_RequestTerminationCode toe)
{
    struct hs_req *r = *con_cls;

    (void)cls;
    (void)c;
    if (r == NULL)
        return;
    *con_cls = NULL;
    r->vanished = true; /* whatever `end` still calls does nothing */
    r->suspended = false;
    if (r->end != NULL)
        r->end(r->data, toe == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    req_free(r);
}

/* ---- sleep ------------------------------------------------------------------------------------------- */

/* libmicrohttpd does not look at the socket of a suspended connection: this finds the client that went. */
static void on_hangup(void *ctx, int fd, unsigned events)
{
    struct hs_req *r = ctx;

    (void)fd;
    (void)events;
    loop_del_fd(r->watch);
    r->watch = NULL;
    r->vanished = true;
    hs_req_wake(r);
}

bool hs_req_sleep(struct hs_req *r)
{
    struct err why;

    if (r->vanished)
        return false;
    if (r->watch == NULL &&
        loop_add_fd(r->s->l, r->fd, LOOP_HUP, on_hangup, r, &r->watch, &why) < 0) {
        r->vanished = true; /* out of memory in the kernel: rather end it than never notice */
        return false;
    }
    MHD_suspend_connection(r->c);
    r->suspended = true;
    return true;
}

void hs_req_wake(struct hs_req *r)
{
    if (!r->suspended)
        return;
    r->suspended = false;
    MHD_resume_connection(r->c);
    hs_schedule(r->s);
}

/* ---- head -------------------------------------------------------------------------------------------- */

static enum MHD_Result on_query(void *cls, enum MHD_ValueKind kind, const char *key,
                                const char *value)
{
    struct hs_req *r = cls;
    struct sv in[2] = {sv_of(key), sv_of(value)};
    char *out[2] = {NULL, NULL};

    (void)kind;
    for (size_t i = 0; i < 2; i++) {
        AUTO(buf_free) struct buf b = BUF_INIT(in[i].n);
        struct err why;
        if (url_decode(in[i], &b, &why) < 0) {
            free(out[0]);
            return MHD_NO;
        }
        out[i] = buf_take(&b, NULL);
    }
    GROW(r->query, r->cap_query, r->n_query + 1);
    r->query[r->n_query++] = (struct hs_query){out[0], out[1]};
    return MHD_YES;
}

/* False: a query that is not well-formed. */
static bool read_query(struct hs_req *r)
{
    int n = MHD_get_connection_values(r->c, MHD_GET_ARGUMENT_KIND, NULL, NULL);

    (void)MHD_get_connection_values(r->c, MHD_GET_ARGUMENT_KIND, on_query, r);
    return n >= 0 && r->n_query == (size_t)n;
}

static void read_framing(struct hs_req *r)
{
    const char *length = hs_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
    const char *expect = hs_header(r, MHD_HTTP_HEADER_EXPECT);
    struct err why;

    r->expects_continue = expect != NULL && sv_ieq(sv_of(expect), SV("100-continue"));
    if (hs_header(r, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL) {
        r->has_body = true;
        r->content_length = UINT64_MAX;
    } else if (length != NULL) {
        /* libmicrohttpd checked the number already. */
        if (num_u64(sv_of(length), UINT64_MAX - 1, &r->content_length, &why) < 0)
            r->content_length = UINT64_MAX;
        r->has_body = r->content_length > 0;
    }
}

/* Finds the route; an answer was made when false. */
static bool route_request(struct hs_req *r, const char *url)
{
    AUTO(buf_free) struct buf allow = BUF_INIT(4096);
    AUTO(buf_free) struct buf path = BUF_INIT(HS_MAX_HEADER_BYTES);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->c, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    struct err why;

    bool coded = url_decode(sv_of(url), &path, &why) == 0 && !path.over && read_query(r);
    r->path = path.over ? xstrdup("") : buf_take(&path, NULL);
    if (info == NULL || info->header_size > HS_MAX_HEADER_BYTES) {
        hs_reply_error(r, 431, NULL, "more than 64 KiB of request headers");
        return false;
    }
    if (r->s->stopping) {
        hs_reply_error(r, 503, NULL, "the server is stopping");
        return false;
    }
    int status = route_find(r->s->routes, r->s->n_routes, r->method, url, &r->match, &allow);
    if (status == 405) {
        AUTO(auto_free) char *line = xasprintf("Allow: %s", allow.p);
        hs_reply_error(r, 405, (const char *const[]){line, NULL}, "method not allowed");
    } else if (!coded || status == 400) {
        hs_reply_error(r, 400, NULL, "ill-formed percent coding");
    } else if (status != 200) {
        hs_reply_error(r, 404, NULL, "not found");
    }
    return r->resp == NULL;
}

static size_t max_body(const struct hs_req *r)
{
    size_t max = r->match.route != NULL ? r->match.route->max_body : 0;

    return max > 0 ? max : HS_DEFAULT_BODY;
}

static void refuse_body(struct hs_req *r)
{
    hs_reply_error(r, 413, NULL, "request body too large");
}

/* An early answer: with 100-continue the client holds the body back, otherwise what it is already sending
 * is read first, within reason. */
static enum MHD_Result answer_early(struct hs_req *r)
{
    if (!r->has_body || r->expects_continue ||
        (r->content_length != UINT64_MAX && r->content_length > HS_DRAIN_BYTES))
        return hs_queue(r);
    r->draining = true;
    return MHD_YES;
}

static enum MHD_Result head_done(struct hs_req *r)
{
    if (r->vanished)
        return MHD_NO;
    if (r->resp == NULL && !r->waiting && r->has_body && r->sink == NULL &&
        r->content_length != UINT64_MAX && r->content_length > max_body(r))
        refuse_body(r);
    if (r->resp != NULL)
        return answer_early(r);
    if (r->waiting) {
        r->headers_again = true;
        return hs_req_sleep(r) ? MHD_YES : MHD_NO;
    }
    return MHD_YES;
}

static enum MHD_Result on_head(struct hs_req *r, const char *url)
{
    read_framing(r);
    if (route_request(r, url)) {
        r->body.max = max_body(r);
        r->match.route->fn(r->s->ctx, r, HS_HEADERS);
    }
    return head_done(r);
}

/* ---- body -------------------------------------------------------------------------------------------- */

static enum MHD_Result to_sink(struct hs_req *r, const char *data, size_t *n)
{
    while (*n > 0 && r->resp == NULL) {
        r->sink_resumed = false;
        ssize_t took = r->sink(r->sink_ctx, data, *n);
        if (took < 0 || r->vanished)
            return MHD_NO;
        BUG((size_t)took > *n);
        data += took;
        *n -= (size_t)took;
        if (*n > 0 && r->resp == NULL && !r->sink_resumed)
            return hs_req_sleep(r) ? MHD_YES : MHD_NO;
    }
    return MHD_YES;
}

static enum MHD_Result on_body(struct hs_req *r, const char *data, size_t *n)
{
    if (r->resp == NULL && r->sink != NULL) {
        enum MHD_Result rc = to_sink(r, data, n);
        if (r->resp == NULL || rc == MHD_NO)
            return rc;
    } else if (r->resp == NULL) {
        buf_add(&r->body, data, *n);
        *n = 0;
        if (!r->body.over)
            return MHD_YES;
        buf_free(&r->body);
        refuse_body(r);
    }
    /* Answered before the end: the rest is dropped, within reason. */
    r->draining = true;
    r->drained += *n;
    *n = 0;
    return r->drained <= HS_DRAIN_BYTES ? MHD_YES : MHD_NO;
}

static enum MHD_Result on_end(struct hs_req *r)
{
    if (r->resp == NULL && !r->body_stage_done) {
        r->body_stage_done = true;
        r->match.route->fn(r->s->ctx, r, HS_BODY);
        if (r->resp == NULL && !r->waiting)
            hs_reply_error(r, 500, NULL, "no answer to this request");
    }
    if (r->vanished)
        return MHD_NO;
    if (r->resp != NULL)
        return hs_queue(r);
    return hs_req_sleep(r) ? MHD_YES : MHD_NO;
}

enum MHD_Result hs_on_access(void *cls, struct MHD_Connection *c, const char *url,
                             const char *method, const char *version, const char *data,
                             size_t *data_n, void **con_cls)
{
    struct hs_req *r = *con_cls;

    (void)version;
    if (r == NULL) {
        r = req_new(cls, c, method);
        *con_cls = r;
        return on_head(r, url);
    }
    if (r->vanished)
        return MHD_NO;
    if (*data_n > 0)
        return on_body(r, data, data_n);
    if (r->headers_again) {
        r->headers_again = false;
        return head_done(r);
    }
    return on_end(r);
}

/* ---- what handlers ask ------------------------------------------------------------------------------- */

const char *hs_method(const struct hs_req *r)
{
    return r->method;
}

const char *hs_path(const struct hs_req *r)
{
    return r->path;
}

const char *hs_param(const struct hs_req *r, const char *name)
{
    for (size_t i = 0; i < r->match.n; i++)
        if (sv_is(r->match.params[i].name, name))
            return r->match.params[i].value;
    return "";
}

const char *hs_query(const struct hs_req *r, const char *name)
{
    for (size_t i = 0; i < r->n_query; i++)
        if (sv_eq(sv_of(r->query[i].name), sv_of(name)))
            return r->query[i].value;
    return NULL;
}

const char *hs_header(const struct hs_req *r, const char *name)
{
    return MHD_lookup_connection_value(r->c, MHD_HEADER_KIND, name);
}

struct sv hs_body(const struct hs_req *r)
{
    return buf_sv(&r->body);
}

void *hs_server_ctx(const struct hs_req *r)
{
    return r->s->ctx;
}

void hs_set_data(struct hs_req *r, void *data, void (*end)(void *data, bool completed))
{
    r->data = data;
    r->end = end;
}

void *hs_data(const struct hs_req *r)
{
    return r->data;
}

void hs_body_to(struct hs_req *r, hs_sink_fn *fn, void *ctx)
{
    r->sink = fn;
    r->sink_ctx = ctx;
}

void hs_resume_body(struct hs_req *r)
{
    r->sink_resumed = true;
    if (!r->waiting)
        hs_req_wake(r);
}

void hs_suspend(struct hs_req *r)
{
    if (r->resp == NULL && !r->queued)
        r->waiting = true;
}
