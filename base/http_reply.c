/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers of the HTTP server: whole, from a file, or streamed. Each is made at once and handed to
 * libmicrohttpd when that asks again, since it takes answers only in its own callback. */
#include <unistd.h>

#include "base/http_server_priv.h"
#include "base/json.h"
#include "base/mem.h"

/* ---- making ------------------------------------------------------------------------------------------ */

/* "Name: value"; false when it is not one (CR or LF inside, for example). */
static bool add_header(struct MHD_Response *resp, const char *line)
{
    struct sv rest = sv_of(line), name;

    if (!sv_next(&rest, ':', &name) || rest.p == NULL || name.n == 0)
        return false;
    AUTO(auto_free) char *n = sv_dup(name);
    AUTO(auto_free) char *v = sv_dup(sv_trim(rest));
    return MHD_add_response_header(resp, n, v) == MHD_YES;
}

static struct MHD_Response *plain(const char *type, struct sv body)
{
    /* MUST_COPY does not write; the parameter is only not const. */
    struct MHD_Response *resp =
        MHD_create_response_from_buffer(body.n, (void *)(uintptr_t)body.p, MHD_RESPMEM_MUST_COPY);

    BUG(resp == NULL);
    if (type != NULL)
        BUG(MHD_add_response_header(resp, MHD_HTTP_HEADER_CONTENT_TYPE, type) != MHD_YES);
    return resp;
}

static bool answered(const struct hs_req *r)
{
    return r->resp != NULL || r->queued || r->vanished;
}

/* Takes resp over. A header that cannot be sent makes the answer a 500: its value came from outside. */
static void set_answer(struct hs_req *r, int status, const char *const *headers,
                       struct MHD_Response *resp)
{
    for (size_t i = 0; headers != NULL && headers[i] != NULL; i++) {
        if (add_header(resp, headers[i]))
            continue;
        MHD_destroy_response(resp);
        resp = plain("text/plain; charset=utf-8", SV("answer with an invalid header\n"));
        status = 500;
        break;
    }
    if (r->s->stopping)
        (void)MHD_add_response_header(resp, MHD_HTTP_HEADER_CONNECTION, "close");
    r->resp = resp;
    r->status = status;
    r->waiting = false;
    hs_req_wake(r);
}

enum MHD_Result hs_queue(struct hs_req *r)
{
    enum MHD_Result rc = MHD_queue_response(r->c, (unsigned)r->status, r->resp);

    MHD_destroy_response(r->resp);
    r->resp = NULL;
    r->queued = true;
    return rc;
}

void hs_reply_error(struct hs_req *r, int status, const char *const *headers, const char *text)
{
    AUTO(buf_free) struct buf body = BUF_INIT(1000);

    if (answered(r))
        return;
    buf_adds(&body, "{\"message\":");
    jx_quote(&body, sv_of(text));
    buf_adds(&body, "}\n");
    set_answer(r, status, headers, plain("application/json; charset=utf-8", buf_sv(&body)));
}

void hs_reply(struct hs_req *r, int status, const char *content_type, struct sv body)
{
    if (!answered(r))
        set_answer(r, status, NULL, plain(content_type, body));
}

void hs_reply_headers(struct hs_req *r, int status, const char *const *headers, struct sv body)
{
    if (!answered(r))
        set_answer(r, status, headers, plain(NULL, body));
}

void hs_reply_json(struct hs_req *r, int status, struct sv json)
{
    hs_reply(r, status, "application/json; charset=utf-8", json);
}

void hs_reply_fd(struct hs_req *r, int status, const char *const *headers, int own_fd,
                 uint64_t offset, uint64_t n)
{
    if (answered(r)) {
        (void)close(own_fd);
        return;
    }
    if (n == 0) { /* libmicrohttpd would map an empty answer from a descriptor wrongly */
        (void)close(own_fd);
        hs_reply_headers(r, status, headers, SV(""));
        return;
    }
    struct MHD_Response *resp = MHD_create_response_from_fd_at_offset64(n, own_fd, offset);
    if (resp == NULL) {
        (void)close(own_fd);
        hs_reply_error(r, 500, NULL, "cannot read the file");
        return;
    }
    set_answer(r, status, headers, resp);
}

/* ---- streams ----------------------------------------------------------------------------------------- */

static ssize_t read_stream(void *cls, uint64_t pos, char *dst, size_t max)
{
    struct hs_req *r = cls;
    ssize_t n = r->vanished ? -1 : r->source(r->source_ctx, dst, max);

    (void)pos;
    BUG(n > 0 && (size_t)n > max);
    if (r->vanished)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (n == 0)
        return hs_req_sleep(r) ? 0 : MHD_CONTENT_READER_END_WITH_ERROR;
    return n > 0 ? n : MHD_CONTENT_READER_END_OF_STREAM;
}

void hs_stream(struct hs_req *r, int status, const char *const *headers, hs_source_fn *fn,
               void *ctx)
{
    if (answered(r))
        return;
    struct MHD_Response *resp =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, HS_STREAM_BLOCK, read_stream, r, NULL);
    BUG(resp == NULL);
    r->source = fn;
    r->source_ctx = ctx;
    set_answer(r, status, headers, resp);
}

void hs_stream_more(struct hs_req *r)
{
    hs_req_wake(r);
}
