/* SPDX-License-Identifier: Apache-2.0
 *
 * One attempt of a request with libcurl: its options, its headers; and where the answer of any goes. */
#include "base/http_client_priv.h"
#include "base/mem.h"

/* ---- callbacks of libcurl ---------------------------------------------------------------------------- */

static int stop(struct hc_req *r, enum fail code)
{
    r->stop_code = code;
    return -1;
}

/* The body of the last answer goes to the sink when it is a success; an error's text stays readable. */
int hc_take_body(struct hc_req *r, int status, const void *p, size_t n)
{
    size_t max = r->spec.max_bytes > 0 ? r->spec.max_bytes : HC_DEFAULT_BYTES;

    if (r->canceled)
        return stop(r, FAIL_CANCELED);
    bool sink = r->spec.sink != NULL && status >= 200 && status < 300;
    if (!sink && r->spec.sink != NULL) /* the limit was meant for the sink */
        max = HC_DEFAULT_BYTES;
    if (n > max - r->received) {
        /* What nobody will read is not worth failing for. */
        return hc_status_is_final(r, status) ? stop(r, FAIL_LIMIT) : 0;
    }
    r->received += n;
    if (!sink) {
        buf_add(&r->answer, p, n);
        return 0;
    }
    r->to_sink = true;
    int rc = r->spec.sink(r->spec.ctx, p, n);
    return rc < 0 || r->canceled ? stop(r, FAIL_CANCELED) : 0;
}

static size_t on_body(char *p, size_t size, size_t count, void *ctx)
{
    struct hc_req *r = ctx;
    size_t n = size * count; /* size is 1 */
    long status = 0;

    (void)hc_curl.easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    return hc_take_body(r, (int)status, p, n) < 0 ? CURL_WRITEFUNC_ERROR : n;
}

/* Each block (100-continue, a proxy's answer) replaces the one before. */
int hc_take_head(struct hc_req *r, struct sv line)
{
    if (sv_starts(line, SV("HTTP/"))) {
        buf_reset(&r->head);
        r->head_complete = false;
    }
    if (sv_trim(line).n == 0)
        r->head_complete = true;
    buf_addsv(&r->head, line);
    return r->head.over ? stop(r, FAIL_LIMIT) : 0;
}

/* libcurl gives the type. NOLINTNEXTLINE(readability-non-const-parameter) */
static size_t on_header(char *p, size_t size, size_t count, void *ctx)
{
    return hc_take_head(ctx, (struct sv){p, size * count}) < 0 ? 0 : size * count;
}

static size_t on_upload(char *p, size_t size, size_t count, void *ctx)
{
    struct hc_req *r = ctx;

    r->source_read = true;
    ssize_t n = r->canceled ? -1 : r->spec.source(r->spec.ctx, p, size * count);
    if (n < 0 || r->canceled) {
        (void)stop(r, FAIL_CANCELED);
        return CURL_READFUNC_ABORT;
    }
    return (size_t)n;
}

/* libcurl wants to start the body again on a fresh connection when a kept one turned out dead. */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct hc_req *r = ctx;

    if (offset != 0 || origin != SEEK_SET || r->spec.rewind == NULL)
        return CURL_SEEKFUNC_CANTSEEK;
    return r->spec.rewind(r->spec.ctx) == 0 ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

/* ---- headers ----------------------------------------------------------------------------------------- */

static void add_line(struct hc_req *r, const char *line)
{
    struct curl_slist *s = hc_curl.slist_append(r->slist, line);

    BUG(s == NULL);
    r->slist = s;
}

bool hc_has_header(const struct hc_req *r, struct sv name)
{
    for (size_t i = 0; i < r->headers.n; i++) {
        struct sv rest = sv_of(r->headers.v[i]), got;
        if (sv_next(&rest, ':', &got) && sv_ieq(got, name))
            return true;
    }
    return false;
}

static void build_headers(struct hc_req *r)
{
    for (size_t i = 0; i < r->headers.n; i++) {
        struct sv rest = sv_of(r->headers.v[i]), name;
        (void)sv_next(&rest, ':', &name);
        if (sv_trim(rest).n > 0) {
            add_line(r, r->headers.v[i]);
        } else { /* "Name:" would remove a header; this sends an empty one */
            AUTO(auto_free) char *line = xasprintf(SV_FMT ";", SV_ARG(name));
            add_line(r, line);
        }
    }
    if (r->bearer.p != NULL) {
        AUTO(secret_free)
        struct secret line = {.n = strlen("Authorization: Bearer ") + r->bearer.n};
        line.p = xmalloc(line.n + 1);
        memcpy(line.p, "Authorization: Bearer ", line.n - r->bearer.n);
        memcpy(line.p + line.n - r->bearer.n, r->bearer.p, r->bearer.n);
        line.p[line.n] = '\0';
        add_line(r, (const char *)line.p);
    }
    if (!hc_has_header(r, SV("Content-Type")))
        add_line(r, "Content-Type:"); /* libcurl would call every body a form */
    /* A short body is sent at once; waiting for a 100 pays only for long ones. */
    if (r->spec.source == NULL ||
        (r->spec.source_bytes >= 0 && r->spec.source_bytes <= HC_EXPECT_BYTES))
        add_line(r, "Expect:");
}

/* ---- options ----------------------------------------------------------------------------------------- */

int hc_check_url(const struct hc *h, const char *url, struct url *out, struct err *e)
{
    if (url_parse(sv_of(url), out, e) < 0)
        return -1;
    if (sv_ieq(out->scheme, SV("https")))
        return 0;
    if (!sv_ieq(out->scheme, SV("http")))
        return err_set(e, FAIL_INPUT, "bad URL: neither http:// nor https://");
    if (!h->allow_http && !url_host_is_loopback(out->host))
        return err_set(e, FAIL_INPUT, "plain http:// to '" SV_FMT "' is not allowed; use https://",
                       SV_ARG(out->host));
    return 0;
}

#define OPT(option, value)                                                \
    do {                                                                  \
        if (hc_curl.easy_setopt(r->easy, (option), (value)) != CURLE_OK)  \
            return err_set(e, FAIL_INTERNAL, "libcurl refuses " #option); \
    } while (0)

static int set_method(struct hc_req *r, struct err *e)
{
    bool sends = sv_is(sv_of(r->method), "POST") || sv_is(sv_of(r->method), "PUT") ||
                 sv_is(sv_of(r->method), "PATCH");

    if (r->no_body) {
        OPT(CURLOPT_HTTPGET, 1L);
    } else if (r->spec.source != NULL) {
        OPT(CURLOPT_UPLOAD, 1L);
        OPT(CURLOPT_READFUNCTION, on_upload);
        OPT(CURLOPT_READDATA, r);
        OPT(CURLOPT_SEEKFUNCTION, on_seek);
        OPT(CURLOPT_SEEKDATA, r);
        OPT(CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->spec.source_bytes);
    } else if (r->body.n > 0 || sends) {
        OPT(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
        OPT(CURLOPT_POSTFIELDS, r->body.n > 0 ? (const char *)r->body.p : "");
    } else if (sv_is(sv_of(r->method), "HEAD")) {
        OPT(CURLOPT_NOBODY, 1L);
        return 0;
    }
    OPT(CURLOPT_CUSTOMREQUEST, r->method);
    return 0;
}

static int set_route(struct hc_req *r, const struct url *u, struct err *e)
{
    if (url_host_is_localhost(u->host)) {
        AUTO(auto_free)
        char *line = xasprintf(SV_FMT ":%u:127.0.0.1", SV_ARG(u->host), (unsigned)u->port);
        r->resolve = hc_curl.slist_append(NULL, line);
        OPT(CURLOPT_RESOLVE, r->resolve);
    }
    if (url_host_is_loopback(u->host))
        OPT(CURLOPT_PROXY, "");
    else if (r->h->proxy != NULL)
        OPT(CURLOPT_PROXY, r->h->proxy);
    if (r->h->ca_file != NULL) {
        OPT(CURLOPT_CAINFO, r->h->ca_file);
        OPT(CURLOPT_CAPATH, NULL);
    }
    return 0;
}

static int set_options(struct hc_req *r, const struct url *u, struct err *e)
{
    int64_t connect_ms = r->spec.connect_ms > 0 ? r->spec.connect_ms : HC_CONNECT_MS;

    OPT(CURLOPT_URL, r->url);
    OPT(CURLOPT_PROTOCOLS_STR, "http,https");
    OPT(CURLOPT_FOLLOWLOCATION, 0L); /* by hand: see hc_redirect() */
    /* One answer a connection: a long poll must not share its connection with anything. */
    OPT(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    OPT(CURLOPT_NOSIGNAL, 1L);
    OPT(CURLOPT_TCP_KEEPALIVE, 1L);
    OPT(CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    OPT(CURLOPT_USERAGENT, r->h->user_agent);
    OPT(CURLOPT_HTTPHEADER, r->slist);
    OPT(CURLOPT_ERRORBUFFER, r->error);
    OPT(CURLOPT_PRIVATE, r);
    OPT(CURLOPT_WRITEFUNCTION, on_body);
    OPT(CURLOPT_WRITEDATA, r);
    OPT(CURLOPT_HEADERFUNCTION, on_header);
    OPT(CURLOPT_HEADERDATA, r);
    if (set_method(r, e) < 0)
        return -1;
    return set_route(r, u, e);
}

int hc_transfer_new(struct hc_req *r, struct err *e)
{
    struct url u;

    if (hc_check_url(r->h, r->url, &u, e) < 0)
        return -1;
    r->error[0] = '\0';
    buf_reset(&r->answer);
    buf_reset(&r->head);
    r->head_complete = false;
    r->received = 0;
    r->source_read = false;
    r->stop_code = FAIL_NONE;
    if (hc_plain_takes(r->h, &u))
        return hc_plain_new(r, &u, e);
    if (hc_need_curl(r->h, e) < 0)
        return -1;
    r->easy = hc_curl.easy_init();
    BUG(r->easy == NULL);
    build_headers(r);
    return set_options(r, &u, e);
}

void hc_transfer_free(struct hc_req *r)
{
    hc_plain_free(r);
    if (r->easy == NULL)
        return;
    (void)hc_curl.multi_remove_handle(r->h->m, r->easy);
    hc_curl.easy_cleanup(r->easy);
    r->easy = NULL;
    for (struct curl_slist *s = r->slist; s != NULL; s = s->next)
        secret_wipe(s->data, strlen(s->data)); /* the bearer is among them */
    hc_curl.slist_free_all(r->slist);
    hc_curl.slist_free_all(r->resolve);
    r->slist = r->resolve = NULL;
}
