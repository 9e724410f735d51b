/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests of the job's sequential flow: started in the loop, waited for by turning it. And the common shape of
 * the calls that run beside it. */
#include "runner/worker/http_wait.h"

#include "base/mem.h"
#include "base/num.h"
#include "runner/worker/worker.h"

struct waiting {
    bool done;
    int status;
    struct buf *body;
    hc_sink_fn *sink; /* the caller's */
    void *sink_ctx;
    struct err error;
};

static void on_done(void *ctx, const struct hc_response *r, const struct err *e)
{
    struct waiting *wt = ctx;

    wt->done = true;
    if (e != NULL) {
        wt->error = *e;
        return;
    }
    wt->status = r->status;
    buf_addsv(wt->body, r->body);
}

static int on_data(void *ctx, const void *p, size_t n)
{
    struct waiting *wt = ctx;

    return wt->sink(wt->sink_ctx, p, n);
}

int http_wait(struct worker *w, const struct hc_spec *s, bool cancellable, int *status,
              struct buf *body, struct err *e)
{
    struct waiting wt = {.body = body, .sink = s->sink, .sink_ctx = s->ctx};
    struct hc_spec spec = *s;
    struct hc_req *req = NULL;

    spec.done = on_done;
    spec.ctx = &wt;
    if (s->sink != NULL)
        spec.sink = on_data;
    BUG(s->source != NULL); /* nobody streams up and waits */
    if (hc_start(w->http, &spec, &req, e) < 0)
        return -1;
    while (!wt.done) {
        if (worker_turn(w, e) < 0) {
            hc_cancel(req);
            return -1;
        }
        if (cancellable && w->cancel_requested && !wt.done) {
            hc_cancel(req);
            return err_set(e, FAIL_CANCELED, "The operation was canceled.");
        }
    }
    if (wt.error.code != FAIL_NONE) {
        *e = wt.error;
        return -1;
    }
    *status = wt.status;
    return buf_done(body, "answer", e);
}

int http_spec_json(const struct worker *w, const char *url, const json_t *body, struct buf *text,
                   struct http_headers *h, struct hc_spec *out, struct err *e)
{
    jx_write(text, body);
    if (buf_done(text, "request", e) < 0)
        return -1;
    *h = (struct http_headers){{"Accept: application/json",
                                "Content-Type: application/json; charset=utf-8", w->session_header,
                                NULL}};
    *out = (struct hc_spec){
        .method = "POST",
        .url = url,
        .headers = h->v,
        .bearer = &w->token,
        .body = buf_sv(text),
        .max_bytes = HTTP_ANSWER_MAX,
        /* Source: spec logs 7.4: four attempts in all. Delays are ours: the official 10 s would hold up every
         * job behind one lost packet. */
        .retry = {.attempts = 4, .min_ms = 1000, .max_ms = 30000},
    };
    return 0;
}

int http_json(struct worker *w, const char *url, const json_t *body, bool cancellable, int *status,
              struct buf *answer, struct err *e)
{
    AUTO(buf_free) struct buf text = BUF_INIT(HTTP_REQUEST_MAX);
    struct http_headers h;
    struct hc_spec spec;

    if (http_spec_json(w, url, body, &text, &h, &spec, e) < 0)
        return -1;
    return http_wait(w, &spec, cancellable, status, answer, e);
}

char *http_join(struct sv base, const char *path)
{
    while (base.n > 0 && base.p[base.n - 1] == '/')
        base.n--;
    struct buf b = BUF_INIT(64 << 10);
    buf_addsv(&b, base);
    buf_addc(&b, '/');
    buf_adds(&b, path);
    b.over = false; /* the message bounds the base; a cut URL fails as a request */
    return buf_take(&b, NULL);
}

int worker_url_port(struct sv url, uint64_t *port, struct err *e)
{
    size_t scheme = sv_find(url, SV("://"));
    struct sv host = scheme == SV_NPOS ? url : sv_sub(url, scheme + 3, url.n);
    size_t end = 0;

    while (end < host.n && host.p[end] != '/' && host.p[end] != '?')
        end++;
    host = sv_sub(host, 0, end);
    size_t colon = sv_rchr(host, ':');
    if (colon == SV_NPOS || sv_chr(sv_sub(host, colon, host.n), ']') != SV_NPOS) {
        *port = sv_starts(url, SV("https:")) ? 443 : 80;
        return 0;
    }
    if (num_u64(sv_sub(host, colon + 1, host.n), UINT16_MAX, port, e) < 0)
        return err_wrap(e, "port of the service's URL");
    return 0;
}
