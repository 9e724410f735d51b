/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a request of the HTTP client: attempts, their time-outs on the one clock, retries. */
#include "base/http_client.h"

#include <stdio.h>

#include "base/http_client_priv.h"
#include "base/ids.h"
#include "base/mem.h"
#include "base/num.h"

/* ---- life of a request ------------------------------------------------------------------------------- */

static void unlink_req(struct hc_req *r)
{
    if (r->h->reqs == r)
        r->h->reqs = r->next;
    if (r->prev != NULL)
        r->prev->next = r->next;
    if (r->next != NULL)
        r->next->prev = r->prev;
    r->prev = r->next = NULL;
}

static void req_free(struct hc_req *r)
{
    unlink_req(r);
    hc_transfer_free(r);
    loop_del_timer(r->timer);
    secret_wipe(r->answer.p, r->answer.len);
    buf_free(&r->answer);
    buf_free(&r->head);
    strv_free(&r->headers);
    secret_free(&r->bearer);
    secret_free(&r->body);
    free(r->method);
    free(r->url);
    free(r);
}

static void finish(struct hc_req *r, int status, const struct err *e)
{
    const struct hc_response resp = {
        .status = status,
        .body = e == NULL ? buf_sv(&r->answer) : SV(""), /* never half of one */
        .headers = buf_sv(&r->head),
        .effective_url = r->url,
        .attempts = r->attempts,
    };
    struct hc *h = r->h;
    bool outer = h->in_done;

    /* Off the list first: the callback may cancel others, but this one is over. */
    unlink_req(r);
    r->finished = true;
    loop_set_timer(r->timer, -1);
    h->in_done = true;
    r->spec.done(r->spec.ctx, &resp, e);
    h->in_done = outer;
    req_free(r);
}

static void begin_attempt(struct hc_req *r)
{
    int64_t timeout_ms = r->spec.timeout_ms != 0 ? r->spec.timeout_ms : HC_TIMEOUT_MS;
    struct err e;

    r->attempts++;
    if (hc_transfer_new(r, &e) < 0) {
        if (r->plain != NULL)
            hc_attempt_over(r, FAIL_NET, e.msg, true);
        else
            finish(r, 0, &e);
        return;
    }
    loop_set_timer(r->timer, timeout_ms > 0 ? timeout_ms : -1);
    if (r->easy != NULL)
        BUG(hc_curl.multi_add_handle(r->h->m, r->easy) != CURLM_OK);
}

/* ---- again? ------------------------------------------------------------------------------------------ */

static bool default_again(int status)
{
    return status == 408 || status == 429 || status >= 500;
}

static bool may_repeat(const struct hc_req *r)
{
    if (r->to_sink || (r->source_read && r->spec.rewind == NULL))
        return false;
    return r->attempts < r->spec.retry.attempts;
}

static bool status_repeats(const struct hc_req *r, int status)
{
    bool (*again)(int) = r->spec.retry.again != NULL ? r->spec.retry.again : default_again;

    return may_repeat(r) && again(status);
}

static bool is_redirect(const struct hc_req *r, int status)
{
    return r->spec.max_redirects > 0 &&
           (status == 301 || status == 302 || status == 303 || status == 307 || status == 308);
}

bool hc_status_is_final(const struct hc_req *r, int status)
{
    return !is_redirect(r, status) && !status_repeats(r, status);
}

static int64_t random_below(int64_t n)
{
    uint64_t v;

    ids_random(&v, sizeof v);
    return n > 0 ? (int64_t)(v % (uint64_t)n) : 0;
}

/* Retry-After of the answer, in seconds; 0 = none. */
static int64_t wish(const struct hc_req *r)
{
    curl_off_t seconds = 0;
    struct sv text;
    uint64_t n = 0;
    struct err ignored; /* a date: only servers of this machine come here, and ours sends none */

    if (r->easy != NULL)
        (void)hc_curl.easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &seconds);
    else if (r->plain != NULL && hc_header(buf_sv(&r->head), "Retry-After", &text) &&
             num_u64(text, INT32_MAX, &n, &ignored) == 0)
        seconds = (curl_off_t)n;
    return seconds;
}

/* Full jitter between min and min * 2^attempt, never above max; the server's wish counts up to max. */
static int64_t retry_delay(const struct hc_req *r)
{
    int64_t min = r->spec.retry.min_ms > 0 ? r->spec.retry.min_ms : 0;
    int64_t max = r->spec.retry.max_ms > min ? r->spec.retry.max_ms : min;
    int64_t top = min;
    int64_t wish_s = wish(r);

    for (unsigned i = 0; i < r->attempts && top < max; i++)
        top = top > max / 2 ? max : (top > 0 ? top * 2 : max);
    int64_t delay = min + random_below(top - min + 1);
    if (wish_s > 0 && delay < wish_s * 1000)
        delay = wish_s * 1000 < max ? wish_s * 1000 : max;
    return delay;
}

static void on_req_timer(void *ctx);

static void wait_and_repeat(struct hc_req *r)
{
    int64_t delay = retry_delay(r);

    if (r->source_read && r->spec.rewind(r->spec.ctx) < 0) {
        struct err e;
        (void)err_set(&e, FAIL_CANCELED, "the request's body cannot be sent again");
        finish(r, 0, &e);
        return;
    }
    hc_transfer_free(r);
    loop_set_timer(r->timer, delay);
}

/* ---- ends of attempts -------------------------------------------------------------------------------- */

/* Names host and port only: paths and queries may hold tokens. */
static void describe(const struct hc_req *r, enum fail code, const char *why, struct err *e)
{
    struct url u;
    struct err ignored;

    if (url_parse(sv_of(r->url), &u, &ignored) < 0)
        u = (struct url){.host = SV("?")};
    (void)err_set(e, code, "%s to '" SV_FMT ":%u' failed: %s", r->method, SV_ARG(u.host),
                  (unsigned)u.port, why);
}

static void attempt_failed(struct hc_req *r, enum fail code, const char *why, bool repeatable)
{
    struct err e;

    if (repeatable && may_repeat(r)) {
        wait_and_repeat(r);
        return;
    }
    describe(r, code, why, &e);
    finish(r, 0, &e);
}

static int status_of(const struct hc_req *r)
{
    long status = 0;

    if (r->easy == NULL)
        return hc_plain_status(r);
    (void)hc_curl.easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

static void answered(struct hc_req *r)
{
    AUTO(auto_free) char *location = NULL;
    struct err e;
    int status;

    if (!r->head_complete) { /* libcurl takes the end of the connection for the end of the headers */
        attempt_failed(r, FAIL_NET, "connection closed in the headers of the answer", true);
        return;
    }
    status = status_of(r);
    if (status_repeats(r, status)) {
        wait_and_repeat(r);
        return;
    }
    if (is_redirect(r, status))
        location = hc_location(r);
    if (location == NULL) {
        finish(r, status, NULL);
    } else if (hc_redirect(r, status, location, &e) < 0) {
        finish(r, 0, &e);
    } else {
        hc_transfer_free(r);
        begin_attempt(r);
    }
}

void hc_attempt_over(struct hc_req *r, enum fail code, const char *why, bool repeatable)
{
    if (r->stop_code == FAIL_LIMIT)
        attempt_failed(r, FAIL_LIMIT, "the answer is larger than allowed", false);
    else if (r->stop_code == FAIL_CANCELED)
        attempt_failed(r, FAIL_CANCELED, "stopped by the program", false);
    else if (code != FAIL_NONE)
        attempt_failed(r, code, why, repeatable);
    else
        answered(r);
}

void hc_sweep(struct hc *h)
{
    struct hc_req *next;

    for (struct hc_req *r = h->reqs; r != NULL; r = next) {
        next = r->next;
        if (r->canceled)
            req_free(r);
    }
}

/* End of the attempt's time, or of the wait before the next. */
static void on_req_timer(void *ctx)
{
    struct hc_req *r = ctx;

    if (r->easy == NULL && r->plain == NULL) {
        begin_attempt(r);
        return;
    }
    attempt_failed(r, FAIL_TIMEOUT, "no answer in time", true);
}

/* ---- public ------------------------------------------------------------------------------------------ */

struct hc *hc_new(struct loop *l, const struct hc_options *o, struct err *e)
{
    struct hc *h = xcalloc(1, sizeof *h);

    (void)e; /* nothing that may be missing is needed yet */
    h->l = l;
    h->user_agent = xstrdup(o->user_agent);
    h->ca_file = o->ca_file != NULL ? xstrdup(o->ca_file) : NULL;
    h->proxy = o->proxy != NULL ? xstrdup(o->proxy) : NULL;
    h->allow_http = o->allow_http;
    h->curl_only = o->curl_only;
    h->timer = loop_add_timer(l, 0, hc_curl_on_timer, h);
    loop_set_timer(h->timer, -1);
    return h;
}

void hc_free(struct hc *h)
{
    if (h == NULL)
        return;
    BUG(h->in_transfer || h->in_done);
    for (struct hc_req *r = h->reqs, *next; r != NULL; r = next) {
        next = r->next;
        req_free(r);
    }
    hc_plain_close_idle(h);
    hc_curl_close(h);
    loop_del_timer(h->timer);
    free(h->user_agent);
    free(h->ca_file);
    free(h->proxy);
    free(h);
}

/* A field name (RFC 9110 5.6.2), a colon, and a value without control characters. */
static bool header_is_valid(struct sv line)
{
    size_t colon = sv_chr(line, ':');

    if (colon == SV_NPOS || colon == 0)
        return false;
    for (size_t i = 0; i < line.n; i++) {
        unsigned char c = (unsigned char)line.p[i];
        if (c == 0x7f || (c < 0x20 && c != '\t'))
            return false;
        if (i < colon && !ch_is_alnum((char)c) && strchr("!#$%&'*+-.^_`|~", c) == NULL)
            return false;
    }
    return true;
}

static int check_spec(const struct hc *h, const struct hc_spec *s, struct err *e)
{
    struct sv method = sv_of(s->method != NULL ? s->method : "GET");
    struct url u;

    for (size_t i = 0; i < method.n; i++)
        if (!ch_is_upper(method.p[i]))
            return err_set(e, FAIL_INPUT, "bad request method");
    for (size_t i = 0; s->headers != NULL && s->headers[i] != NULL; i++)
        if (!header_is_valid(sv_of(s->headers[i])))
            return err_set(e, FAIL_INPUT, "request header %zu is not 'Name: value'", i + 1);
    for (size_t i = 0; s->bearer != NULL && i < s->bearer->n; i++)
        if (s->bearer->p[i] <= ' ' || s->bearer->p[i] >= 0x7f)
            return err_set(e, FAIL_INPUT, "the access token holds a blank or control character");
    BUG(s->done == NULL || (s->source != NULL && s->body.n > 0));
    return hc_check_url(h, s->url, &u, e);
}

int hc_start(struct hc *h, const struct hc_spec *s, struct hc_req **out, struct err *e)
{
    if (check_spec(h, s, e) < 0)
        return -1;

    struct hc_req *r = xcalloc(1, sizeof *r);
    r->h = h;
    r->spec = *s;
    r->method = xstrdup(s->method != NULL ? s->method : "GET");
    r->url = xstrdup(s->url);
    r->headers = STRV_INIT;
    for (size_t i = 0; s->headers != NULL && s->headers[i] != NULL; i++)
        strv_add(&r->headers, s->headers[i]);
    if (s->bearer != NULL)
        r->bearer = secret_new(s->bearer->p, s->bearer->n);
    if (s->body.n > 0)
        r->body = secret_new(s->body.p, s->body.n);
    r->answer = BUF_INIT(s->max_bytes > HC_DEFAULT_BYTES ? s->max_bytes : HC_DEFAULT_BYTES);
    r->head = BUF_INIT(HC_MAX_HEADER_BYTES);
    r->next = h->reqs;
    if (h->reqs != NULL)
        h->reqs->prev = r;
    h->reqs = r;
    /* From the timer: a failure must not be reported from inside of hc_start(). */
    r->timer = loop_add_timer(h->l, 0, on_req_timer, r);
    if (out != NULL)
        *out = r;
    return 0;
}

void hc_cancel(struct hc_req *r)
{
    if (r == NULL || r->finished)
        return; /* from its own done callback */
    r->canceled = true;
    if (!r->h->in_transfer) /* else hc_sweep() frees it */
        req_free(r);
}

bool hc_header(struct sv headers, const char *name, struct sv *value)
{
    struct sv line;

    while (sv_next(&headers, '\n', &line)) {
        size_t colon = sv_chr(line, ':');
        if (colon == SV_NPOS || !sv_ieq(sv_sub(line, 0, colon), sv_of(name)))
            continue;
        *value = sv_trim(sv_sub(line, colon + 1, line.n));
        return true;
    }
    return false;
}
