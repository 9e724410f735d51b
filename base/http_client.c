/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP client's life in the loop: libcurl's sockets and timer, attempts and their time-outs on the one
 * clock, redirects, retries. libcurl is opened by the first request that needs it. */
#include "base/http_client.h"

#include <stdio.h>

#include "base/http_client_priv.h"
#include "base/ids.h"
#include "base/mem.h"
#include "base/num.h"

/* ---- libcurl in the loop ----------------------------------------------------------------------------- */

static void check_finished(struct hc *h);

static void action(struct hc *h, curl_socket_t fd, int mask)
{
    int running;

    h->in_transfer = true;
    (void)hc_curl.multi_socket_action(h->m, fd, mask, &running);
    h->in_transfer = false;
    check_finished(h);
}

static void on_socket(void *ctx, int fd, unsigned events)
{
    int mask = 0;

    if ((events & LOOP_READ) != 0)
        mask |= CURL_CSELECT_IN;
    if ((events & LOOP_WRITE) != 0)
        mask |= CURL_CSELECT_OUT;
    action(ctx, fd, mask != 0 ? mask : CURL_CSELECT_ERR);
}

static int on_watch(CURL *easy, curl_socket_t fd, int what, void *ctx, void *watch)
{
    struct hc *h = ctx;
    struct loop_fd *w = watch;
    unsigned events = 0;
    struct err e;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        loop_del_fd(w);
        (void)hc_curl.multi_assign(h->m, fd, NULL);
        return 0;
    }
    if (what != CURL_POLL_OUT)
        events |= LOOP_READ;
    if (what != CURL_POLL_IN)
        events |= LOOP_WRITE;
    if (w != NULL) {
        loop_set_fd(w, events);
        return 0;
    }
    if (loop_add_fd(h->l, fd, events, on_socket, h, &w, &e) < 0)
        return -1;
    (void)hc_curl.multi_assign(h->m, fd, w);
    return 0;
}

static int on_timer_wanted(CURLM *m, long delay_ms, void *ctx)
{
    struct hc *h = ctx;

    (void)m;
    loop_set_timer(h->timer, delay_ms);
    return 0;
}

/* libcurl reads the real clock. When the test clock jumps, this timer comes too early and libcurl does not
 * ask for it again, so it is asked. */
static void on_timer(void *ctx)
{
    struct hc *h = ctx;
    long delay_ms = -1;

    action(h, CURL_SOCKET_TIMEOUT, 0);
    if (hc_curl.multi_timeout(h->m, &delay_ms) == CURLM_OK && delay_ms >= 0)
        loop_set_timer(h->timer, delay_ms);
}

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

/* Follows by hand, so that neither the bearer nor a header with a secret reaches another host. */
static void next_hop(struct hc_req *r, int status, const char *location)
{
    struct url from = {.port = 0}, to = {.port = 0};
    struct err e = {0};

    if (++r->redirects > r->spec.max_redirects) {
        (void)err_set(&e, FAIL_PROTO, "more than %u redirects", r->spec.max_redirects);
    } else if (hc_check_url(r->h, r->url, &from, &e) == 0 &&
               hc_check_url(r->h, location, &to, &e) == 0) {
        if (sv_ieq(from.scheme, SV("https")) && !sv_ieq(to.scheme, SV("https")))
            (void)err_set(&e, FAIL_PROTO, "redirected from https:// to http://");
        else if (r->source_read && status >= 307 &&
                 (r->spec.rewind == NULL || r->spec.rewind(r->spec.ctx) < 0))
            (void)err_set(&e, FAIL_PROTO, "redirected, and the body cannot be sent again");
    }
    if (e.code != FAIL_NONE) {
        finish(r, 0, &e);
        return;
    }
    if (!sv_ieq(from.host, to.host) || from.port != to.port || !sv_ieq(from.scheme, to.scheme))
        drop_secrets(r);
    bool post = sv_is(sv_of(r->method), "POST");
    if ((status == 303 && !sv_is(sv_of(r->method), "HEAD")) || (status < 303 && post)) {
        free(r->method);
        r->method = xstrdup("GET");
        r->no_body = true; /* RFC 9110 15.4 */
    }
    char *url = xstrdup(location);
    hc_transfer_free(r);
    free(r->url);
    r->url = url;
    r->attempts--; /* a hop is not a retry */
    begin_attempt(r);
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

/* RFC 3986 5.2 for what redirects name: a whole URL, a path, or something beside the last one. */
static char *resolve(const char *base, struct sv to)
{
    struct sv from = sv_of(base), path;
    size_t scheme = sv_find(from, SV("://")), slash;

    if (sv_find(to, SV("://")) != SV_NPOS)
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
    path.n = slash == SV_NPOS ? 0 : sv_rchr(path, '/');
    return xasprintf("%.*s%.*s/%.*s", (int)from.n, base, (int)path.n, path.p, (int)to.n, to.p);
}

/* Where a redirect leads, free(); NULL: it does not say. */
static char *location_of(const struct hc_req *r)
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

static void answered(struct hc_req *r)
{
    AUTO(auto_free) char *location = NULL;
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
        location = location_of(r);
    if (location != NULL)
        next_hop(r, status, location);
    else
        finish(r, status, NULL);
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

/* A certificate does not get better by trying again. */
static void transfer_over(struct hc_req *r, CURLcode rc)
{
    bool certificate = rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CACERT_BADFILE;
    enum fail code = rc == CURLE_OK                   ? FAIL_NONE
                     : rc == CURLE_OPERATION_TIMEDOUT ? FAIL_TIMEOUT
                                                      : FAIL_NET;

    hc_attempt_over(r, code, r->error[0] != '\0' ? r->error : hc_curl.easy_strerror(rc),
                    !certificate);
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

static void check_finished(struct hc *h)
{
    CURLMsg *msg;
    int left;

    hc_sweep(h);
    while ((msg = hc_curl.multi_info_read(h->m, &left)) != NULL) {
        struct hc_req *r = NULL;
        CURLcode rc = msg->data.result; /* msg dies with the handle */

        if (msg->msg != CURLMSG_DONE)
            continue;
        BUG(hc_curl.easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &r) != CURLE_OK || r == NULL);
        transfer_over(r, rc);
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

int hc_need_curl(struct hc *h, struct err *e)
{
    if (h->m != NULL)
        return 0;
    if (hc_curl_open(e) < 0)
        return -1;
    if (hc_curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(e, FAIL_INTERNAL, "cannot start libcurl");
    h->m = hc_curl.multi_init();
    BUG(h->m == NULL);
    BUG(hc_curl.multi_setopt(h->m, CURLMOPT_SOCKETFUNCTION, on_watch) != CURLM_OK ||
        hc_curl.multi_setopt(h->m, CURLMOPT_SOCKETDATA, h) != CURLM_OK ||
        hc_curl.multi_setopt(h->m, CURLMOPT_TIMERFUNCTION, on_timer_wanted) != CURLM_OK ||
        hc_curl.multi_setopt(h->m, CURLMOPT_TIMERDATA, h) != CURLM_OK);
    return 0;
}

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
    h->timer = loop_add_timer(l, 0, on_timer, h);
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
    if (h->m != NULL) {
        (void)hc_curl.multi_cleanup(h->m);
        hc_curl.global_cleanup();
    }
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
    if (!r->h->in_transfer) /* else check_finished() frees it */
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

/* ---- one request in a loop of its own ---------------------------------------------------------------- */

struct fetch {
    struct loop *l;
    struct buf *body;
    struct err e;
    int status;
};

static void on_fetched(void *ctx, const struct hc_response *r, const struct err *e)
{
    struct fetch *f = ctx;

    if (e != NULL)
        f->e = *e;
    f->status = r->status;
    if (e == NULL && f->body != NULL)
        buf_addsv(f->body, r->body);
    loop_stop(f->l);
}

static void auto_loop(struct loop **l)
{
    loop_free(*l);
}

static void auto_hc(struct hc **h)
{
    hc_free(*h);
}

int hc_fetch(const struct hc_options *o, const struct hc_spec *s, int *status, struct buf *body,
             struct err *e)
{
    AUTO(auto_loop) struct loop *l = loop_new(e);
    AUTO(auto_hc) struct hc *h = l != NULL ? hc_new(l, o, e) : NULL;
    struct fetch f = {.l = l, .body = body};
    struct hc_spec spec = *s;

    if (h == NULL)
        return -1;
    spec.done = on_fetched;
    spec.ctx = &f;
    BUG(s->source != NULL || s->sink != NULL); /* they would get our ctx */
    if (hc_start(h, &spec, NULL, e) < 0 || loop_run(l, e) < 0)
        return -1;
    if (f.e.code != FAIL_NONE) {
        *e = f.e;
        return -1;
    }
    *status = f.status;
    return 0;
}
