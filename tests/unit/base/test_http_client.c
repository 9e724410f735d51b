/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of base/http_client.h: against a scripted socket (status, delay, cut) and against our own server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/http_client.h"
#include "base/http_server.h"
#include "base/mem.h"
#include "tests/unit/base/http_raw.h"

#define MAX_STEPS 8
#define SILENCE   ((const char *)1) /* the scripted server reads and never answers */

/* The scripted server: one connection an answer, in order; requests are kept. */
struct script {
    int listener;
    uint16_t port;
    struct loop_fd *watch;
    const char *answers[MAX_STEPS];
    size_t n, served;
    int conn[MAX_STEPS];
    struct loop_fd *conn_watch[MAX_STEPS];
    struct buf in[MAX_STEPS];
};

struct result {
    bool done;
    int status;
    struct buf body;
    struct buf headers;
    struct buf url;
    unsigned attempts;
    struct err e;
};

struct fixture {
    struct loop *l;
    struct hc *h;
    struct hs *s;
    struct script script;
    struct result r;
    struct buf sunk;
    size_t sink_limit;
    size_t source_left, source_total;
    unsigned rewinds;
    char url[200];
    struct hs_req *held;
    bool have_held, held_ended;
};
static struct fixture fx;

/* ---- scripted server --------------------------------------------------------------------------------- */

static void on_script_conn(void *ctx, int fd, unsigned events)
{
    size_t i = (size_t)(uintptr_t)ctx;
    struct buf *in = &fx.script.in[i];
    char block[65536];
    struct sv length = SV("");
    size_t want = 0;

    (void)events;
    ssize_t n = recv(fd, block, sizeof block, MSG_DONTWAIT);
    if (n <= 0) {
        loop_del_fd(fx.script.conn_watch[i]);
        fx.script.conn_watch[i] = NULL;
        return;
    }
    buf_add(in, block, (size_t)n);
    size_t head = sv_find(buf_sv(in), SV("\r\n\r\n"));
    if (head == SV_NPOS)
        return;
    if (hc_header(buf_sv(in), "Content-Length", &length))
        for (size_t k = 0; k < length.n; k++)
            want = want * 10 + (size_t)(length.p[k] - '0');
    if (in->len < head + 4 + want || fx.script.answers[i] == SILENCE)
        return;
    const char *a = fx.script.answers[i];
    (void)send(fd, a, strlen(a), MSG_NOSIGNAL);
    loop_del_fd(fx.script.conn_watch[i]);
    fx.script.conn_watch[i] = NULL;
    (void)shutdown(fd, SHUT_RDWR);
}

static void on_script_accept(void *ctx, int fd, unsigned events)
{
    struct script *s = ctx;
    struct err e;
    int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

    (void)events;
    if (c < 0 || s->served >= s->n) {
        fd_close(&c);
        return;
    }
    s->conn[s->served] = c;
    s->in[s->served] = BUF_INIT(1 << 20);
    if (loop_add_fd(fx.l, c, LOOP_READ, on_script_conn, (void *)s->served,
                    &s->conn_watch[s->served], &e) < 0)
        abort();
    s->served++;
}

static void script(size_t n, const char *const *answers)
{
    struct script *s = &fx.script;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    struct err e;

    s->n = n;
    memcpy(s->answers, answers, n * sizeof *answers);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(s->listener, 8), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&a, &len), 0);
    s->port = ntohs(a.sin_port);
    assert_int_equal(loop_add_fd(fx.l, s->listener, LOOP_READ, on_script_accept, s, &s->watch, &e),
                     0);
}

static const char *script_url(const char *path)
{
    (void)snprintf(fx.url, sizeof fx.url, "http://127.0.0.1:%u%s", (unsigned)fx.script.port, path);
    return fx.url;
}

static const char *server_url(const char *host, const char *path)
{
    (void)snprintf(fx.url, sizeof fx.url, "http://%s:%u%s", host, (unsigned)hs_port(fx.s), path);
    return fx.url;
}

/* ---- our own server ---------------------------------------------------------------------------------- */

static void h_show(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    static const char *const names[] = {"Host",    "Authorization", "X-A",
                                        "X-Empty", "Content-Type",  "User-Agent",
                                        "Cookie",  "Expect",        "Content-Length"};
    AUTO(buf_free) struct buf b = BUF_INIT(100000);

    (void)ctx;
    if (stage == HS_HEADERS)
        return;
    buf_addf(&b, "%s\n", hs_method(r));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (hs_header(r, names[i]) != NULL)
            buf_addf(&b, "%s: %s\n", names[i], hs_header(r, names[i]));
    buf_addsv(&b, hs_body(r));
    hs_reply(r, 200, "text/plain", buf_sv(&b));
}

static void h_redirect(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    (void)ctx;
    if (stage == HS_HEADERS)
        return;
    AUTO(auto_free) char *line = xasprintf("Location: %s", hs_query(r, "to"));
    int status = (hs_query(r, "status")[0] - '0') * 100 + (hs_query(r, "status")[1] - '0') * 10 +
                 (hs_query(r, "status")[2] - '0');
    hs_reply_headers(r, status, (const char *const[]){line, NULL}, SV("moved"));
}

static void h_big(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    AUTO(auto_free) char *block = xcalloc(1, 5000000);

    (void)ctx;
    if (stage == HS_BODY)
        hs_reply(r, 200, "text/plain", (struct sv){block, 5000000});
}

static void on_held_end(void *data, bool completed)
{
    (void)data;
    (void)completed;
    fx.held_ended = true;
}

static void h_hold(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    (void)ctx;
    if (stage == HS_HEADERS)
        return;
    fx.held = r;
    fx.have_held = true;
    hs_set_data(r, &fx, on_held_end);
    hs_suspend(r);
}

static ssize_t count_sink(void *ctx, const void *p, size_t n)
{
    (void)ctx;
    (void)p;
    fx.source_total += n;
    return (ssize_t)n;
}

static void h_upload(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    char text[60];

    if (stage == HS_HEADERS) {
        hs_body_to(r, count_sink, ctx);
        return;
    }
    (void)snprintf(text, sizeof text, "got %zu", fx.source_total);
    hs_reply(r, 200, NULL, sv_of(text));
}

static const struct hs_route routes[] = {
    {"*", "/show", h_show, 0},   {"*", "/redirect", h_redirect, 0}, {"GET", "/big", h_big, 0},
    {"GET", "/hold", h_hold, 0}, {"PUT", "/upload", h_upload, 0},
};

/* ---- fixture ----------------------------------------------------------------------------------------- */

static bool curl_only; /* every test runs over both transports */

static int setup(void **state)
{
    const struct hs_options so = {.address = "127.0.0.1"};
    const struct hc_options o = {.user_agent = "gantry-test/1", .curl_only = curl_only};
    struct err e = {0};

    (void)state;
    fx = (struct fixture){
        .r = {.body = BUF_INIT(64 << 20), .headers = BUF_INIT(1 << 20), .url = BUF_INIT(10000)},
        .sunk = BUF_INIT(64 << 20),
        .sink_limit = SIZE_MAX,
        .script = {.listener = -1}};
    fx.l = loop_new(&e);
    fx.s = hs_new(fx.l, &so, routes, sizeof routes / sizeof routes[0], NULL, &e);
    fx.h = hc_new(fx.l, &o, &e);
    return fx.s == NULL || fx.h == NULL;
}

static int teardown(void **state)
{
    (void)state;
    hc_free(fx.h);
    hs_free(fx.s);
    for (size_t i = 0; i < fx.script.served; i++) {
        loop_del_fd(fx.script.conn_watch[i]);
        fd_close(&fx.script.conn[i]);
        buf_free(&fx.script.in[i]);
    }
    loop_del_fd(fx.script.watch);
    fd_close(&fx.script.listener);
    loop_free(fx.l);
    buf_free(&fx.r.body);
    buf_free(&fx.r.headers);
    buf_free(&fx.r.url);
    buf_free(&fx.sunk);
    return 0;
}

static void on_done(void *ctx, const struct hc_response *r, const struct err *e)
{
    struct fixture *f = ctx;

    BUG(f->r.done);
    f->r.done = true;
    f->r.status = r->status;
    buf_addsv(&f->r.body, r->body);
    buf_addsv(&f->r.headers, r->headers);
    buf_adds(&f->r.url, r->effective_url);
    f->r.attempts = r->attempts;
    if (e != NULL)
        f->r.e = *e;
}

static void start(struct hc_spec *s)
{
    struct err e = {0};

    s->done = on_done;
    s->ctx = &fx;
    assert_int_equal(hc_start(fx.h, s, NULL, &e), 0);
    assert_false(fx.r.done);
}

static void fetch(struct hc_spec s)
{
    start(&s);
    assert_true(raw_until(fx.l, &fx.r.done));
}

static int sink(void *ctx, const void *p, size_t n)
{
    struct fixture *f = ctx;

    buf_add(&f->sunk, p, n);
    return f->sunk.len > f->sink_limit ? -1 : 0;
}

static ssize_t source(void *ctx, void *p, size_t n)
{
    struct fixture *f = ctx;

    n = n > f->source_left ? f->source_left : n;
    memset(p, 'u', n);
    f->source_left -= n;
    return (ssize_t)n;
}

static int rewind_source(void *ctx)
{
    struct fixture *f = ctx;

    f->source_left = 7;
    f->rewinds++;
    return 0;
}

/* ---- plain requests ---------------------------------------------------------------------------------- */

static void check_request(void **state)
{
    AUTO(secret_free) struct secret token = secret_new("t0k", 3);

    (void)state;
    fetch((struct hc_spec){.method = "POST",
                           .url = server_url("a.b.localhost", "/show"),
                           .headers = (const char *const[]){"X-A: 1", "X-Empty:", NULL},
                           .bearer = &token,
                           .body = SV("{}")});
    assert_int_equal(fx.r.status, 200);
    assert_int_equal(fx.r.attempts, 1);
    char want[300];
    (void)snprintf(want, sizeof want,
                   "POST\nHost: a.b.localhost:%u\nAuthorization: Bearer t0k\nX-A: 1\nX-Empty: \n"
                   "User-Agent: gantry-test/1\nContent-Length: 2\n{}",
                   (unsigned)hs_port(fx.s));
    assert_string_equal(fx.r.body.p, want);
    struct sv v;
    assert_true(hc_header(buf_sv(&fx.r.headers), "content-TYPE", &v));
    assert_true(sv_is(v, "text/plain"));
    assert_false(hc_header(buf_sv(&fx.r.headers), "X-None", &v));
}

static const struct {
    const char *method;
    const char *want;
} methods[] = {
    {"GET", "GET\n"},
    {"DELETE", "DELETE\n"},
    {"POST", "Content-Length: 0\n"},
    {"PUT", "Content-Length: 0\n"},
};

static void check_methods(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        fx.r.done = false;
        buf_reset(&fx.r.body);
        fetch(
            (struct hc_spec){.method = methods[i].method, .url = server_url("localhost", "/show")});
        assert_int_equal(fx.r.status, 200);
        assert_true(sv_find(buf_sv(&fx.r.body), sv_of(methods[i].want)) != SV_NPOS);
    }
    fx.r.done = false;
    buf_reset(&fx.r.body);
    fetch((struct hc_spec){.method = "HEAD", .url = server_url("127.0.0.1", "/show")});
    assert_int_equal(fx.r.status, 200);
    assert_int_equal(fx.r.body.len, 0);
}

struct bad_case {
    const char *name;
    const char *url;
    const char *header;
    const char *method;
    const char *token;
    const char *msg;
};
static const struct bad_case bad_cases[] = {
    {"plain http to a foreign host", "http://example.com/", NULL, NULL, NULL,
     "plain http:// to 'example.com' is not allowed; use https://"},
    {"127.0.0.1 in a foreign name", "http://127.0.0.1.example.com/", NULL, NULL, NULL,
     "plain http:// to '127.0.0.1.example.com' is not allowed; use https://"},
    {"other scheme", "file:///etc/passwd", NULL, NULL, NULL,
     "bad URL: it does not begin with http://, https://, ws:// or wss://"},
    {"WebSocket scheme", "ws://localhost/", NULL, NULL, NULL,
     "bad URL: neither http:// nor https://"},
    {"user name", "https://u:p@h/", NULL, NULL, NULL, "bad URL: it holds a user name"},
    {"line break in the URL", "https://h/\r\nX: y", NULL, NULL, NULL,
     "bad URL: blank, control or non-ASCII character"},
    {"line break in a header", "https://h/", "X: a\r\nY: b", NULL, NULL,
     "request header 1 is not 'Name: value'"},
    {"header without a colon", "https://h/", "X", NULL, NULL,
     "request header 1 is not 'Name: value'"},
    {"blank in a header name", "https://h/", "X : y", NULL, NULL,
     "request header 1 is not 'Name: value'"},
    {"method with a blank", "https://h/", NULL, "GET /", NULL, "bad request method"},
    {"line break in the token", "https://h/", NULL, NULL, "a\nb",
     "the access token holds a blank or control character"},
};

static void check_bad(void **state)
{
    const struct bad_case *c = *state;
    const char *const headers[] = {c->header, NULL};
    AUTO(secret_free)
    struct secret token = secret_new(c->token, c->token != NULL ? strlen(c->token) : 0);
    const struct hc_spec s = {.url = c->url,
                              .headers = headers,
                              .method = c->method,
                              .bearer = c->token != NULL ? &token : NULL,
                              .done = on_done,
                              .ctx = &fx};
    struct err e = {0};

    assert_int_equal(hc_start(fx.h, &s, NULL, &e), -1);
    assert_int_equal(e.code, FAIL_INPUT);
    assert_string_equal(e.msg, c->msg);
}

/* ---- failures and retries ---------------------------------------------------------------------------- */

#define OK_ANSWER   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define BUSY_ANSWER "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"

struct retry_case {
    const char *name;
    const char *answers[4];
    unsigned attempts; /* allowed */
    int status;
    unsigned made;
    enum fail code;
    const char *msg; /* in it */
};
static const struct retry_case retry_cases[] = {
    {"503, then good", {BUSY_ANSWER, OK_ANSWER}, 3, 200, 2, FAIL_NONE, NULL},
    {"503 without retry", {BUSY_ANSWER}, 0, 503, 1, FAIL_NONE, NULL},
    {"503 to the end", {BUSY_ANSWER, BUSY_ANSWER, BUSY_ANSWER}, 3, 503, 3, FAIL_NONE, NULL},
    {"429 and 408",
     {"HTTP/1.1 429 x\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 408 x\r\nContent-Length: 0\r\n\r\n",
      OK_ANSWER},
     3,
     200,
     3,
     FAIL_NONE,
     NULL},
    {"404 is an answer",
     {"HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n"},
     3,
     404,
     1,
     FAIL_NONE,
     NULL},
    {"hung up without a word, then good", {"", OK_ANSWER}, 2, 200, 2, FAIL_NONE, NULL},
    {"cut in the body",
     {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"},
     1,
     0,
     1,
     FAIL_NET,
     " 6 bytes "},
    {"cut in the headers",
     {"HTTP/1.1 200 OK\r\nConte"},
     1,
     0,
     1,
     FAIL_NET,
     "failed: connection closed in the headers of the answer"},
    {"not HTTP", {"SSH-2.0-OpenSSH_9.2\r\n"}, 1, 0, 1, FAIL_NET, ""},
    {"silence, then good", {SILENCE, OK_ANSWER}, 2, 200, 2, FAIL_NONE, NULL},
    {"silence", {SILENCE}, 1, 0, 1, FAIL_TIMEOUT, "failed: no answer in time"},
};

static void check_retry(void **state)
{
    const struct retry_case *c = *state;
    size_t n = 0;

    while (n < 4 && c->answers[n] != NULL)
        n++;
    script(n, c->answers);
    struct hc_spec s = {.url = script_url("/x?token=hidden"),
                        .timeout_ms = 60000,
                        .retry = {.attempts = c->attempts, .min_ms = 1000, .max_ms = 30000}};
    start(&s);
    for (int i = 0; i < 3000 && !fx.r.done; i++) {
        raw_turn(fx.l);
        if (i % 20 == 19) /* waits pass on the test clock */
            raw_clock_jump(30001);
    }
    assert_true(fx.r.done);
    assert_int_equal(fx.r.status, c->status);
    assert_int_equal(fx.r.attempts, c->made);
    assert_int_equal(fx.script.served, c->made);
    assert_int_equal(fx.r.e.code, c->code);
    if (c->msg != NULL) {
        assert_true(sv_starts(sv_of(fx.r.e.msg), SV("GET to '127.0.0.1:")));
        assert_non_null(strstr(fx.r.e.msg, c->msg));
        assert_null(strstr(fx.r.e.msg, "hidden"));
    }
}

/* Nothing happens before the wait is over; Retry-After is honoured, up to the caller's limit. */
static void check_retry_after(void **state)
{
    (void)state;
    script(2, (const char *const[]){
                  "HTTP/1.1 429 x\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n", OK_ANSWER});
    struct hc_spec s = {.url = script_url("/"),
                        .retry = {.attempts = 2, .min_ms = 10, .max_ms = 120000}};
    start(&s);
    while (fx.script.served == 0)
        raw_turn(fx.l);
    for (int i = 0; i < 50; i++)
        raw_turn(fx.l);
    raw_clock_jump(110000);
    for (int i = 0; i < 50; i++)
        raw_turn(fx.l);
    assert_int_equal(fx.script.served, 1);
    raw_clock_jump(10000);
    assert_true(raw_until(fx.l, &fx.r.done));
    assert_int_equal(fx.r.status, 200);
}

static void check_refused(void **state)
{
    struct hc_spec s = {.retry = {.attempts = 3}};

    (void)state;
    script(0, (const char *const[]){NULL});
    s.url = script_url("/");
    loop_del_fd(fx.script.watch);
    fx.script.watch = NULL;
    fd_close(&fx.script.listener); /* a port that nobody has now */
    fetch(s);
    assert_int_equal(fx.r.e.code, FAIL_NET);
    assert_int_equal(fx.r.attempts, 3);
}

/* ---- bodies ------------------------------------------------------------------------------------------ */

static void check_limits(void **state)
{
    (void)state;
    fetch((struct hc_spec){.url = server_url("localhost", "/big")});
    assert_int_equal(fx.r.e.code, FAIL_LIMIT);
    fx.r.done = false;
    fx.r.e = (struct err){0};
    fetch((struct hc_spec){
        .url = server_url("localhost", "/big"), .max_bytes = 4999999, .sink = sink});
    assert_int_equal(fx.r.e.code, FAIL_LIMIT);
    fx.r.done = false;
    fx.r.e = (struct err){0};
    buf_reset(&fx.sunk);
    fetch((struct hc_spec){
        .url = server_url("localhost", "/big"), .max_bytes = 5000000, .sink = sink});
    assert_int_equal(fx.r.e.code, FAIL_NONE);
    assert_int_equal(fx.sunk.len, 5000000);
    assert_int_equal(fx.r.body.len, 0);
}

static void check_sink_abort(void **state)
{
    (void)state;
    fx.sink_limit = 100000;
    fetch((struct hc_spec){.url = server_url("localhost", "/big"),
                           .max_bytes = 5000000,
                           .sink = sink,
                           .retry = {.attempts = 3}});
    assert_int_equal(fx.r.e.code, FAIL_CANCELED);
    assert_int_equal(fx.r.attempts, 1);
}

/* The text of an error does not land in the caller's file. */
static void check_sink_error_body(void **state)
{
    (void)state;
    fetch((struct hc_spec){.url = server_url("localhost", "/nothing"), .sink = sink});
    assert_int_equal(fx.r.status, 404);
    assert_int_equal(fx.sunk.len, 0);
    assert_string_equal(fx.r.body.p, "{\"message\":\"not found\"}\n");
}

static void check_upload(void **state)
{
    static const int64_t lengths[] = {5000000, -1};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        fx.source_left = 5000000;
        fx.source_total = 0;
        fx.r.done = false;
        buf_reset(&fx.r.body);
        fetch((struct hc_spec){.method = "PUT",
                               .url = server_url("localhost", "/upload"),
                               .source = source,
                               .source_bytes = lengths[i]});
        assert_int_equal(fx.r.status, 200);
        assert_string_equal(fx.r.body.p, "got 5000000");
    }
}

static void check_upload_retry(void **state)
{
    (void)state;
    script(2, (const char *const[]){BUSY_ANSWER, OK_ANSWER});
    fx.source_left = 7;
    fetch((struct hc_spec){.method = "PUT",
                           .url = script_url("/"),
                           .source = source,
                           .source_bytes = 7,
                           .rewind = rewind_source,
                           .retry = {.attempts = 2}});
    assert_int_equal(fx.r.status, 200);
    assert_int_equal(fx.rewinds, 1);
    assert_true(sv_ends(buf_sv(&fx.script.in[1]), SV("\r\n\r\nuuuuuuu")));
}

static void check_upload_no_rewind(void **state)
{
    (void)state;
    script(2, (const char *const[]){BUSY_ANSWER, OK_ANSWER});
    fx.source_left = 7;
    fetch((struct hc_spec){.method = "PUT",
                           .url = script_url("/"),
                           .source = source,
                           .source_bytes = 7,
                           .retry = {.attempts = 2}});
    assert_int_equal(fx.r.status, 503);
    assert_string_equal(fx.r.body.p, "busy");
}

/* ---- redirects --------------------------------------------------------------------------------------- */

static const char *redirect_url(int status, const char *to)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1000);

    buf_addf(&b, "/redirect?status=%d&to=", status);
    url_encode(&b, sv_of(to));
    return server_url("localhost", b.p);
}

struct redirect_case {
    const char *name;
    int status;
    unsigned max;
    const char *method;
    const char *to;
    int want;
    const char *body; /* somewhere in it */
    const char *no_body;
    const char *msg;
};
static const struct redirect_case redirect_cases[] = {
    {"not followed unless asked", 302, 0, "GET", "/show", 302, "moved", "GET", NULL},
    {"same host keeps the bearer", 302, 1, "GET", "/show", 200, "Authorization: Bearer t", "\r",
     NULL},
    {"302 turns POST into GET", 302, 1, "POST", "/show", 200, "GET\n", "payload", NULL},
    {"303 turns PUT into GET", 303, 1, "PUT", "/show", 200, "GET\n", "payload", NULL},
    {"307 repeats", 307, 1, "POST", "/show", 200, "payload", "GET\n", NULL},
    {"308 repeats", 308, 1, "PUT", "/show", 200, "payload", "GET\n", NULL},
    {"too many", 302, 3, "GET", "LOOP", 0, NULL, NULL, "more than 3 redirects"},
    {"other host drops the bearer and cookies", 307, 1, "GET", "OTHER", 200, "X-A: 1",
     "Authorization", NULL},
    {"to a file", 302, 1, "GET", "file:///etc/passwd", 0, NULL, NULL,
     "bad URL: it does not begin with http://, https://, ws:// or wss://"},
    {"to plain http elsewhere", 302, 1, "GET", "http://example.com/", 0, NULL, NULL,
     "plain http:// to 'example.com' is not allowed; use https://"},
};

static void check_redirect(void **state)
{
    const struct redirect_case *c = *state;
    AUTO(secret_free) struct secret token = secret_new("t", 1);
    char to[300];
    bool has_body = strcmp(c->method, "GET") != 0;

    (void)snprintf(to, sizeof to, "%s", c->to);
    if (strcmp(to, "OTHER") == 0)
        (void)snprintf(to, sizeof to, "http://other.localhost:%u/show", (unsigned)hs_port(fx.s));
    if (strcmp(to, "LOOP") == 0)
        (void)snprintf(
            to, sizeof to, "%s",
            redirect_url(
                302,
                "/redirect?status=302&to=%2Fredirect%3Fstatus%3D302%26to%3D%252Fredirect%253Fstatus%253D302%2526to%253D%25252Fshow"));
    fetch((struct hc_spec){.method = c->method,
                           .url = redirect_url(c->status, to),
                           .bearer = &token,
                           .headers = (const char *const[]){"X-A: 1", "Cookie: c", NULL},
                           .body = has_body ? SV("payload") : SV(""),
                           .max_redirects = c->max});
    assert_int_equal(fx.r.status, c->want);
    if (c->msg != NULL) {
        assert_string_equal(fx.r.e.msg, c->msg);
        return;
    }
    assert_int_equal(fx.r.e.code, FAIL_NONE);
    assert_true(sv_find(buf_sv(&fx.r.body), sv_of(c->body)) != SV_NPOS);
    assert_true(sv_find(buf_sv(&fx.r.body), sv_of(c->no_body)) == SV_NPOS);
    if (c->want == 200)
        assert_true(sv_ends(buf_sv(&fx.r.url), SV("/show")));
}

/* ---- proxy, cancel, own loop ------------------------------------------------------------------------- */

static void check_proxy(void **state)
{
    char proxy[60];
    struct err e = {0};

    (void)state;
    script(1, (const char *const[]){OK_ANSWER});
    (void)snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", (unsigned)fx.script.port);
    hc_free(fx.h);
    fx.h = hc_new(fx.l, &(struct hc_options){.user_agent = "x", .proxy = proxy, .allow_http = true},
                  &e);
    fetch((struct hc_spec){.url = "http://elsewhere.test/path"});
    assert_int_equal(fx.r.status, 200);
    assert_true(
        sv_starts(buf_sv(&fx.script.in[0]), SV("GET http://elsewhere.test/path HTTP/1.1\r\n")));
    /* Loopback never goes through the proxy. */
    fx.r.done = false;
    fetch((struct hc_spec){.url = server_url("x.localhost", "/show")});
    assert_int_equal(fx.r.status, 200);
}

static void check_cancel(void **state)
{
    struct hc_spec s = {.url = server_url("localhost", "/hold"), .done = on_done, .ctx = &fx};
    struct hc_req *r = NULL;
    struct err e = {0};

    (void)state;
    assert_int_equal(hc_start(fx.h, &s, &r, &e), 0);
    assert_true(raw_until(fx.l, &fx.have_held));
    hc_cancel(r);
    assert_true(raw_until(fx.l, &fx.held_ended));
    assert_false(fx.r.done);
    assert_int_equal(hc_start(fx.h, &s, &r, &e), 0); /* and one that never began */
    hc_cancel(r);
    assert_int_equal(hc_start(fx.h, &s, &r, &e), 0); /* one is left to hc_free() */
}

static struct hc_req *self;
static int cancel_sink(void *ctx, const void *p, size_t n)
{
    (void)ctx;
    (void)p;
    (void)n;
    hc_cancel(self);
    fx.sunk.over = true;
    return 0;
}

static void check_cancel_from_sink(void **state)
{
    struct hc_spec s = {.url = server_url("localhost", "/big"),
                        .done = on_done,
                        .ctx = &fx,
                        .max_bytes = 5000000,
                        .sink = cancel_sink};
    struct err e = {0};

    (void)state;
    assert_int_equal(hc_start(fx.h, &s, &self, &e), 0);
    assert_true(raw_until(fx.l, &fx.sunk.over));
    for (int i = 0; i < 20; i++)
        raw_turn(fx.l);
    assert_false(fx.r.done);
}

/* The long poll of the listener: the test clock jumps, the answer comes, nothing is lost. */
static void check_jump(void **state)
{
    struct hc_spec s = {.url = server_url("localhost", "/hold"), .timeout_ms = 60000};

    (void)state;
    start(&s);
    assert_true(raw_until(fx.l, &fx.have_held));
    raw_clock_jump(50000);
    for (int i = 0; i < 20; i++)
        raw_turn(fx.l);
    assert_false(fx.r.done);
    hs_reply_json(fx.held, 202, SV("{}"));
    assert_true(raw_until(fx.l, &fx.r.done));
    assert_int_equal(fx.r.status, 202);
}

/* Several at once over one client: one is canceled, the others are answered. */
static unsigned n_done;
static void on_one_done(void *ctx, const struct hc_response *r, const struct err *e)
{
    hc_cancel(*(struct hc_req **)ctx); /* does nothing: it is over */
    if (e == NULL && r->status == 200)
        n_done++;
}

static void check_concurrent(void **state)
{
    struct hc_req *r[6] = {NULL};
    struct err e = {0};

    (void)state;
    n_done = 0;
    for (size_t i = 0; i < 6; i++) {
        struct hc_spec s = {.url = server_url("localhost", i % 2 == 0 ? "/show" : "/hold"),
                            .done = on_one_done,
                            .ctx = &r[i]};
        assert_int_equal(hc_start(fx.h, &s, &r[i], &e), 0);
    }
    hc_cancel(r[3]);
    int64_t end = raw_real_ms() + RAW_DEADLINE_MS;
    while ((n_done < 3 || !fx.have_held) && raw_real_ms() < end)
        raw_turn(fx.l);
    assert_int_equal(n_done, 3);
    hc_cancel(r[1]);
    assert_true(raw_until(fx.l, &fx.held_ended) || fx.have_held);
}

static int no_rewind(void *ctx)
{
    (void)ctx;
    return -1;
}

/* A body that cannot be sent again ends the request instead of sending half of it. */
static void check_rewind_fails(void **state)
{
    (void)state;
    script(2, (const char *const[]){BUSY_ANSWER, OK_ANSWER});
    fx.source_left = 7;
    fetch((struct hc_spec){.method = "PUT",
                           .url = script_url("/"),
                           .source = source,
                           .source_bytes = 7,
                           .rewind = no_rewind,
                           .retry = {.attempts = 2}});
    assert_int_equal(fx.r.e.code, FAIL_CANCELED);
    assert_string_equal(fx.r.e.msg, "the request's body cannot be sent again");
    assert_int_equal(fx.script.served, 1);
}

static void check_redirect_rewind(void **state)
{
    static const char moved[] = "HTTP/1.1 307 x\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n";

    (void)state;
    script(3, (const char *const[]){moved, moved, OK_ANSWER});
    fx.source_left = 7;
    struct hc_spec s = {.method = "PUT",
                        .url = script_url("/"),
                        .source = source,
                        .source_bytes = 7,
                        .max_redirects = 2};
    fetch(s);
    assert_int_equal(fx.r.e.code, FAIL_PROTO);
    assert_string_equal(fx.r.e.msg, "redirected, and the body cannot be sent again");
    fx.r.done = false;
    fx.r.e = (struct err){0};
    fx.source_left = 7;
    s.rewind = rewind_source;
    fetch(s);
    assert_int_equal(fx.r.status, 200);
    assert_true(sv_starts(buf_sv(&fx.script.in[2]), SV("PUT /next HTTP/1.1\r\n")));
    assert_true(sv_ends(buf_sv(&fx.script.in[2]), SV("\r\n\r\nuuuuuuu")));
}

/* hc_fetch() has a loop of its own, so the server runs in a child. */
static void check_fetch(void **state)
{
    const struct hc_options o = {.user_agent = "x"};
    AUTO(buf_free) struct buf body = BUF_INIT(1000);
    struct err e = {0};
    int status = 0;

    (void)state;
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(loop_run(fx.l, &e) < 0);
    }
    struct hc_spec s = {
        .method = "PUT", .url = server_url("x.localhost", "/show"), .body = SV("hi")};
    int rc = hc_fetch(&o, &s, &status, &body, &e);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    assert_int_equal(rc, 0);
    assert_int_equal(status, 200);
    assert_true(sv_starts(buf_sv(&body), SV("PUT\nHost: x.localhost:")));
    assert_true(sv_ends(buf_sv(&body), SV("hi")));
    s.url = "http://example.com/";
    assert_int_equal(hc_fetch(&o, &s, &status, &body, &e), -1);
    assert_int_equal(e.code, FAIL_INPUT);
    s.url = "http://127.0.0.1:1/";
    assert_int_equal(hc_fetch(&o, &s, &status, &body, &e), -1);
    assert_int_equal(e.code, FAIL_NET);
}

#define ROW(table, i, fn)                           \
    ((struct CMUnitTest){.name = (table)[i].name,   \
                         .test_func = (fn),         \
                         .setup_func = setup,       \
                         .teardown_func = teardown, \
                         .initial_state = (void *)(uintptr_t) & (table)[i]})
#define ONE(fn)  cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define COUNT(a) (sizeof(a) / sizeof(a)[0])

int main(void)
{
    enum { B = COUNT(bad_cases), R = COUNT(retry_cases), D = COUNT(redirect_cases) };
    struct CMUnitTest tests[B + R + D];
    const struct CMUnitTest more[] = {
        ONE(check_request),
        ONE(check_methods),
        ONE(check_retry_after),
        ONE(check_refused),
        ONE(check_limits),
        ONE(check_sink_abort),
        ONE(check_sink_error_body),
        ONE(check_upload),
        ONE(check_upload_retry),
        ONE(check_upload_no_rewind),
        ONE(check_proxy),
        ONE(check_cancel),
        ONE(check_cancel_from_sink),
        ONE(check_jump),
        ONE(check_concurrent),
        ONE(check_rewind_fails),
        ONE(check_redirect_rewind),
        ONE(check_fetch),
    };

    raw_clock_setup();
    for (size_t i = 0; i < B; i++)
        tests[i] = ROW(bad_cases, i, check_bad);
    for (size_t i = 0; i < R; i++)
        tests[B + i] = ROW(retry_cases, i, check_retry);
    for (size_t i = 0; i < D; i++)
        tests[B + R + i] = ROW(redirect_cases, i, check_redirect);
    int failed = cmocka_run_group_tests_name("rules", tests, NULL, NULL) +
                 cmocka_run_group_tests_name("client", more, NULL, NULL);
    curl_only = true;
    failed += cmocka_run_group_tests_name("rules of libcurl's", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("client of libcurl's", more, NULL, NULL);
}
