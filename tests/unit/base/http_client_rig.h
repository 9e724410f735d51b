/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of base/http_client.h share: a scripted socket (status, delay, cut) and our own server. */
#ifndef TESTS_UNIT_BASE_HTTP_CLIENT_RIG_H
#define TESTS_UNIT_BASE_HTTP_CLIENT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/http_client.h"
#include "base/http_server.h"
#include "base/mem.h"
#include "tests/unit/base/http_raw.h"

#define OK_ANSWER   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define BUSY_ANSWER "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"
#define MAX_STEPS   8
#define SILENCE     ((const char *)1) /* the scripted server reads and never answers */

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

static inline void on_script_conn(void *ctx, int fd, unsigned events)
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

static inline void on_script_accept(void *ctx, int fd, unsigned events)
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

static inline void script(size_t n, const char *const *answers)
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

static inline const char *script_url(const char *path)
{
    (void)snprintf(fx.url, sizeof fx.url, "http://127.0.0.1:%u%s", (unsigned)fx.script.port, path);
    return fx.url;
}

static inline const char *server_url(const char *host, const char *path)
{
    (void)snprintf(fx.url, sizeof fx.url, "http://%s:%u%s", host, (unsigned)hs_port(fx.s), path);
    return fx.url;
}

/* ---- our own server ---------------------------------------------------------------------------------- */

static inline void h_show(void *ctx, struct hs_req *r, enum hs_stage stage)
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

static inline void h_redirect(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    (void)ctx;
    if (stage == HS_HEADERS)
        return;
    AUTO(auto_free) char *line = xasprintf("Location: %s", hs_query(r, "to"));
    int status = (hs_query(r, "status")[0] - '0') * 100 + (hs_query(r, "status")[1] - '0') * 10 +
                 (hs_query(r, "status")[2] - '0');
    hs_reply_headers(r, status, (const char *const[]){line, NULL}, SV("moved"));
}

static inline void h_big(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    AUTO(auto_free) char *block = xcalloc(1, 5000000);

    (void)ctx;
    if (stage == HS_BODY)
        hs_reply(r, 200, "text/plain", (struct sv){block, 5000000});
}

static inline void on_held_end(void *data, bool completed)
{
    (void)data;
    (void)completed;
    fx.held_ended = true;
}

static inline void h_hold(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    (void)ctx;
    if (stage == HS_HEADERS)
        return;
    fx.held = r;
    fx.have_held = true;
    hs_set_data(r, &fx, on_held_end);
    hs_suspend(r);
}

static inline ssize_t count_sink(void *ctx, const void *p, size_t n)
{
    (void)ctx;
    (void)p;
    fx.source_total += n;
    return (ssize_t)n;
}

static inline void h_upload(void *ctx, struct hs_req *r, enum hs_stage stage)
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

static inline int setup(void **state)
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

static inline int teardown(void **state)
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

static inline void on_done(void *ctx, const struct hc_response *r, const struct err *e)
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

static inline void start(struct hc_spec *s)
{
    struct err e = {0};

    s->done = on_done;
    s->ctx = &fx;
    assert_int_equal(hc_start(fx.h, s, NULL, &e), 0);
    assert_false(fx.r.done);
}

static inline void fetch(struct hc_spec s)
{
    start(&s);
    assert_true(raw_until(fx.l, &fx.r.done));
}

static inline int sink(void *ctx, const void *p, size_t n)
{
    struct fixture *f = ctx;

    buf_add(&f->sunk, p, n);
    return f->sunk.len > f->sink_limit ? -1 : 0;
}

static inline ssize_t source(void *ctx, void *p, size_t n)
{
    struct fixture *f = ctx;

    n = n > f->source_left ? f->source_left : n;
    memset(p, 'u', n);
    f->source_left -= n;
    return (ssize_t)n;
}

static inline int rewind_source(void *ctx)
{
    struct fixture *f = ctx;

    f->source_left = 7;
    f->rewinds++;
    return 0;
}

static inline const char *redirect_url(int status, const char *to)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1000);

    buf_addf(&b, "/redirect?status=%d&to=", status);
    url_encode(&b, sv_of(to));
    return server_url("localhost", b.p);
}

#define ONE(fn)  cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define ROW(table, i, fn)                           \
    ((struct CMUnitTest){.name = (table)[i].name,   \
                         .test_func = (fn),         \
                         .setup_func = setup,       \
                         .teardown_func = teardown, \
                         .initial_state = (void *)(uintptr_t) & (table)[i]})

#endif
