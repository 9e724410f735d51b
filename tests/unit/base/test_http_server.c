/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of base/http_server.h against bare sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>

#include "base/fd.h"
#include "base/http_server.h"
#include "base/listen.h"
#include "base/mem.h"
#include "tests/unit/base/http_raw.h"

/* What the handlers saw and keep; reset for each test. */
struct fixture {
    struct loop *l;
    struct hs *s;
    struct hs_req *held; /* suspended or streaming */
    struct loop_timer *timer;
    bool ended, completed, stopped, have_held;
    size_t sunk; /* bytes that the sink took */
    bool sink_open;
    bool sink_abort;
};
static struct fixture fx;

static void on_end(void *data, bool completed)
{
    struct fixture *f = data;

    f->ended = true;
    f->completed = completed;
    f->held = NULL;
}

static void hold(struct hs_req *r)
{
    fx.held = r;
    fx.have_held = true;
    hs_set_data(r, &fx, on_end);
}

static void h_echo(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    AUTO(buf_free) struct buf b = BUF_INIT(100000);

    assert_ptr_equal(ctx, &fx);
    if (stage == HS_HEADERS)
        return;
    buf_addf(&b, "%s %s name=%s q=%s body=", hs_method(r), hs_path(r), hs_param(r, "name"),
             hs_query(r, "q") != NULL ? hs_query(r, "q") : "-");
    buf_addsv(&b, hs_body(r));
    hs_reply(r, 200, "text/plain", buf_sv(&b));
}

static void h_denied(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    (void)ctx;
    assert_int_equal(stage, HS_HEADERS);
    hs_reply_json(r, 401, SV("{}"));
}

static void h_silent(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    (void)ctx;
    (void)r;
    (void)stage;
}

static void h_bad_header(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    (void)ctx;
    if (stage == HS_BODY)
        hs_reply_headers(r, 302, (const char *const[]){"Location: /\r\nSet-Cookie: a=b", NULL},
                         SV(""));
}

static void on_poll_over(void *ctx)
{
    struct fixture *f = ctx;

    if (f->held != NULL)
        hs_reply(f->held, 202, NULL, SV(""));
}

static void h_poll(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    (void)ctx;
    if (stage == HS_HEADERS)
        return;
    hold(r);
    fx.timer = loop_add_timer(fx.l, 50000, on_poll_over, &fx);
    hs_suspend(r);
}

static void h_poll_head(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    (void)ctx;
    assert_int_equal(stage, HS_HEADERS);
    hold(r);
    hs_suspend(r);
}

/* Answers the poll that is held from the handler of another request: nothing else happens afterwards. */
static void h_release(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    (void)ctx;
    if (stage == HS_HEADERS)
        return;
    if (fx.held != NULL)
        hs_reply_json(fx.held, 200, SV("[\"released\"]"));
    hs_reply_json(r, 200, SV("[]"));
}

static void h_stream(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    (void)ctx;
    if (stage == HS_HEADERS)
        return;
    hold(r);
    hs_stream(r, 200, (const char *const[]){"Content-Type: application/x-ndjson", NULL});
}

static ssize_t sink(void *ctx, const void *p, size_t n)
{
    (void)p;
    assert_ptr_equal(ctx, &fx);
    if (fx.sink_abort)
        return -1;
    if (!fx.sink_open)
        return 0;
    n = n > 1000 ? 1000 : n; /* never all of it: the rest must come again */
    fx.sunk += n;
    hs_resume_body(fx.held);
    return (ssize_t)n;
}

static void h_upload(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    char text[64];

    if (stage == HS_HEADERS) {
        hold(r);
        hs_body_to(r, sink, ctx);
        return;
    }
    (void)snprintf(text, sizeof text, "took %zu", fx.sunk);
    hs_reply(r, 201, "text/plain", sv_of(text));
}

static void h_file(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    struct err e;
    int fd = -1;

    (void)ctx;
    if (stage == HS_HEADERS)
        return;
    assert_int_equal(fd_memfd("x", "0123456789", 10, &fd, &e), 0);
    hs_reply_fd(r, 200, (const char *const[]){"Content-Type: x/y", NULL}, fd, 2, 5);
}

static const struct hs_route routes[] = {
    {"GET", "/echo/{name}", h_echo, 0},
    {"POST", "/echo/{name}", h_echo, 100},
    {"GET", "/rest/{name...}", h_echo, 0},
    {"*", "/any", h_echo, 0},
    {"PUT", "/denied", h_denied, 0},
    {"GET", "/silent", h_silent, 0},
    {"GET", "/bad-header", h_bad_header, 0},
    {"GET", "/poll", h_poll, 0},
    {"GET", "/poll-head", h_poll_head, 0},
    {"GET", "/stream", h_stream, 0},
    {"POST", "/release", h_release, 0},
    {"PUT", "/upload", h_upload, 0},
    {"GET", "/file", h_file, 0},
};

static int setup(void **state)
{
    const struct hs_options o = {.address = "127.0.0.1"};
    struct err e = {0};

    (void)state;
    fx = (struct fixture){.sink_open = true};
    fx.l = loop_new(&e);
    fx.s = hs_new(fx.l, &o, routes, sizeof routes / sizeof routes[0], &fx, &e);
    return fx.s == NULL;
}

static int teardown(void **state)
{
    (void)state;
    loop_del_timer(fx.timer);
    hs_free(fx.s);
    loop_free(fx.l);
    return 0;
}

/* ---- one request, one answer ------------------------------------------------------------------------- */

struct exchange_case {
    const char *name;
    const char *request;
    const char *status; /* begin of the answer */
    const char *body;   /* end of the answer; NULL: not looked at */
    const char *header; /* somewhere in the answer, or NULL */
};
#define HOST "Host: x\r\nConnection: close\r\n"
static const struct exchange_case exchange_cases[] = {
    {"parameter", "GET /echo/a HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 200 ",
     "\r\n\r\nGET /echo/a name=a q=- body=", "Content-Length: 28\r\n"},
    {"decoded path and query", "GET /echo/a%2Fb%20c?q=1%262+3&r HTTP/1.1\r\n" HOST "\r\n",
     "HTTP/1.1 200 ", "GET /echo/a/b c name=a/b c q=1&2 3 body=", NULL},
    {"encoded literal", "GET /%65cho/a HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 200 ",
     "GET /echo/a name=a q=- body=", NULL},
    {"rest of the path", "GET /rest/a/b%2f/c HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 200 ",
     "name=a/b//c q=- body=", NULL},
    {"empty segment is no parameter", "GET /echo/ HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 404 ",
     "{\"message\":\"not found\"}\n", NULL},
    {"unknown path", "GET /nothing HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 404 ", NULL, NULL},
    {"longer path", "GET /any/more HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 404 ", NULL, NULL},
    {"other method", "DELETE /echo/a HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 405 ", NULL,
     "\r\nAllow: GET, POST\r\n"},
    {"any method", "PURGE /any HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 200 ",
     "PURGE /any name= q=- body=", NULL},
    {"HEAD of a GET route", "HEAD /echo/a HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 200 ", "\r\n\r\n",
     "Content-Length: 29\r\n"},
    {"encoded NUL in the path", "GET /echo/a%00b HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 400 ", NULL,
     NULL},
    {"half an escape in the query", "GET /any?q=%4 HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 400 ", NULL,
     NULL},
    {"no Host", "GET /any HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", NULL, NULL},
    {"HTTP/1.0", "GET /echo/a HTTP/1.0\r\n\r\n", "HTTP/1.", "body=", NULL},
    {"Content-Length body", "POST /echo/a HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello",
     "HTTP/1.1 200 ", "body=hello", NULL},
    {"chunked body with extension and trailers",
     "POST /echo/a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
     "3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n",
     "HTTP/1.1 200 ", "body=hello", NULL},
    {"body at the limit",
     "POST /echo/a HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\n"
     "0123456789012345678901234567890123456789012345678901234567890123456789"
     "012345678901234567890123456789",
     "HTTP/1.1 200 ", "6789", NULL},
    {"Content-Length above the limit",
     "POST /echo/a HTTP/1.1\r\n" HOST "Content-Length: 101\r\n\r\n"
     "0123456789012345678901234567890123456789012345678901234567890123456789"
     "0123456789012345678901234567890",
     "HTTP/1.1 413 ", "too large\"}\n", NULL},
    {"chunks above the limit",
     "POST /echo/a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
     "32\r\n01234567890123456789012345678901234567890123456789\r\n"
     "33\r\n012345678901234567890123456789012345678901234567890\r\n0\r\n\r\n",
     "HTTP/1.1 413 ", "too large\"}\n", NULL},
    {"length that is none", "POST /any HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n",
     "HTTP/1.1 400 ", NULL, NULL},
    {"refused at the headers", "PUT /denied HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbody",
     "HTTP/1.1 401 ", "\r\n\r\n{}", "Content-Type: application/json; charset=utf-8\r\n"},
    {"refused before 100",
     "PUT /denied HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n",
     "HTTP/1.1 401 ", "\r\n\r\n{}", NULL},
    {"handler without an answer", "GET /silent HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 500 ", NULL,
     NULL},
    {"answer header with a line break", "GET /bad-header HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 500 ",
     "answer with an invalid header\n", NULL},
    {"part of a file", "GET /file HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 200 ", "\r\n\r\n23456",
     "Content-Type: x/y\r\n"},
    {"garbage is hung up on", "\x16\x03\x01\x02\r\n\r\n", "", "", NULL},
};

static void check_exchange(void **state)
{
    const struct exchange_case *c = *state;
    AUTO(buf_free) struct buf in = BUF_INIT(1 << 20);
    int fd = raw_dial(hs_port(fx.s));

    assert_true(raw_send(fx.l, fd, sv_of(c->request)));
    assert_true(raw_read(fx.l, fd, &in, 0, NULL));
    (void)close(fd);
    if (!sv_starts(buf_sv(&in), sv_of(c->status)) ||
        (c->body != NULL && !sv_ends(buf_sv(&in), sv_of(c->body))) ||
        (c->header != NULL && sv_find(buf_sv(&in), sv_of(c->header)) == SV_NPOS))
        fail_msg("unexpected answer: %s", in.p);
}

/* ---- connections ------------------------------------------------------------------------------------- */

static void check_keep_alive(void **state)
{
    AUTO(buf_free) struct buf in = BUF_INIT(1 << 20);
    int fd = raw_dial(hs_port(fx.s));

    (void)state;
    /* Two requests in one packet and a third after their answers. */
    assert_true(raw_send(fx.l, fd,
                         SV("POST /echo/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nA"
                            "POST /echo/2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "1\r\nB\r\n0\r\n\r\n")));
    assert_true(raw_read(fx.l, fd, &in, 0, "name=2 q=- body=B"));
    assert_true(sv_find(buf_sv(&in), SV("name=1 q=- body=A")) != SV_NPOS);
    assert_true(raw_send(fx.l, fd, SV("GET /echo/3 HTTP/1.1\r\nHost: x\r\n\r\n")));
    assert_true(raw_read(fx.l, fd, &in, 0, "name=3 q=- body="));
    (void)close(fd);
}

static void check_continue(void **state)
{
    AUTO(buf_free) struct buf in = BUF_INIT(1 << 20);
    int fd = raw_dial(hs_port(fx.s));

    (void)state;
    assert_true(raw_send(fx.l, fd,
                         SV("POST /echo/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                            "Expect: 100-continue\r\n\r\n")));
    assert_true(raw_read(fx.l, fd, &in, 0, "HTTP/1.1 100 Continue\r\n\r\n"));
    assert_int_equal(in.len, strlen("HTTP/1.1 100 Continue\r\n\r\n"));
    assert_true(raw_send(fx.l, fd, SV("hello")));
    assert_true(raw_read(fx.l, fd, &in, 0, "body=hello"));
    (void)close(fd);
}

struct header_case {
    const char *name;
    size_t one; /* bytes of each header */
    size_t count;
    const char *status;
};
static const struct header_case header_cases[] = {
    {"one header of 60 KiB", 60000, 1, "HTTP/1.1 200 "},
    {"fifteen headers of 4 KiB", 4096, 15, "HTTP/1.1 200 "},
    {"five hundred short headers", 100, 500, "HTTP/1.1 200 "},
    {"one header of 66 KiB", 66000, 1, "HTTP/1.1 431 "},
    {"seventeen headers of 4 KiB", 4096, 17, "HTTP/1.1 431 "},
    {"one header of 300 KiB", 300000, 1, "HTTP/1.1 431 "},
};

static void check_headers(void **state)
{
    const struct header_case *c = *state;
    AUTO(buf_free) struct buf out = BUF_INIT(1 << 20);
    AUTO(buf_free) struct buf in = BUF_INIT(1 << 20);
    int fd = raw_dial(hs_port(fx.s));

    buf_adds(&out, "GET /echo/a HTTP/1.1\r\n" HOST);
    for (size_t i = 0; i < c->count; i++) {
        size_t start = out.len;
        buf_addf(&out, "X-%zu: ", i);
        while (out.len - start + 2 < c->one)
            buf_addc(&out, 'v');
        buf_adds(&out, "\r\n");
    }
    buf_adds(&out, "\r\n");
    (void)raw_send(fx.l, fd, buf_sv(&out)); /* the server may close before it saw everything */
    (void)raw_read(fx.l, fd, &in, 0, "\r\n\r\n");
    (void)close(fd);
    assert_true(sv_starts(buf_sv(&in), sv_of(c->status)));
}

/* ---- long polls and streams -------------------------------------------------------------------------- */

static void check_poll(void **state)
{
    AUTO(buf_free) struct buf in = BUF_INIT(1 << 20);
    int64_t start = tm_now_ms();
    int fd = raw_dial(hs_port(fx.s));

    (void)state;
    assert_true(raw_send(fx.l, fd, SV("GET /poll HTTP/1.1\r\nHost: x\r\n\r\n")));
    assert_true(raw_until(fx.l, &fx.have_held));
    for (int i = 0; i < 20; i++)
        raw_turn(fx.l);
    assert_false(fx.ended);
    raw_clock_jump(49000);
    for (int i = 0; i < 20; i++)
        raw_turn(fx.l);
    assert_false(fx.ended);
    raw_clock_jump(1000);
    assert_true(raw_read(fx.l, fd, &in, 0, "\r\n\r\n"));
    assert_true(sv_starts(buf_sv(&in), SV("HTTP/1.1 202 ")));
    assert_true(tm_now_ms() - start >= 50000);
    assert_true(raw_until(fx.l, &fx.ended));
    assert_true(fx.completed);
    /* The connection lives on. */
    assert_true(raw_send(fx.l, fd, SV("GET /echo/next HTTP/1.1\r\nHost: x\r\n\r\n")));
    assert_true(raw_read(fx.l, fd, &in, 0, "name=next"));
    (void)close(fd);
}

static void check_poll_head(void **state)
{
    AUTO(buf_free) struct buf in = BUF_INIT(1 << 20);
    int fd = raw_dial(hs_port(fx.s));

    (void)state;
    assert_true(raw_send(fx.l, fd, SV("GET /poll-head HTTP/1.1\r\nHost: x\r\n\r\n")));
    assert_true(raw_until(fx.l, &fx.have_held));
    for (int i = 0; i < 20; i++)
        raw_turn(fx.l);
    hs_reply_json(fx.held, 200, SV("[1]"));
    hs_reply_json(fx.held, 500, SV("[2]")); /* the second does nothing */
    assert_true(raw_read(fx.l, fd, &in, 0, "\r\n\r\n[1]"));
    (void)close(fd);
}

static void check_release(void **state)
{
    AUTO(buf_free) struct buf poll_in = BUF_INIT(1 << 20);
    AUTO(buf_free) struct buf in = BUF_INIT(1 << 20);
    int poll_fd = raw_dial(hs_port(fx.s)), fd = raw_dial(hs_port(fx.s));

    (void)state;
    assert_true(raw_send(fx.l, poll_fd, SV("GET /poll HTTP/1.1\r\nHost: x\r\n\r\n")));
    assert_true(raw_until(fx.l, &fx.have_held));
    assert_true(
        raw_send(fx.l, fd, SV("POST /release HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")));
    assert_true(raw_read(fx.l, poll_fd, &poll_in, 0, "[\"released\"]"));
    assert_true(raw_read(fx.l, fd, &in, 0, "\r\n\r\n[]"));
    (void)close(poll_fd);
    (void)close(fd);
}

static const char *const vanish_paths[] = {"/poll", "/poll-head", "/stream"};

static void check_vanish(void **state)
{
    AUTO(buf_free) struct buf out = BUF_INIT(1000);
    int fd = raw_dial(hs_port(fx.s));

    buf_addf(&out, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", (const char *)*state);
    assert_true(raw_send(fx.l, fd, buf_sv(&out)));
    assert_true(raw_until(fx.l, &fx.have_held));
    for (int i = 0; i < 10; i++)
        raw_turn(fx.l);
    (void)close(fd);
    assert_true(raw_until(fx.l, &fx.ended));
    assert_false(fx.completed);
}

/* The client resets the connection while the server has more to say than the socket takes. */
static void check_vanish_full(void **state)
{
    AUTO(auto_free) char *block = xcalloc(1, 1 << 20);
    int fd = raw_dial(hs_port(fx.s));

    (void)state;
    assert_true(raw_send(fx.l, fd, SV("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")));
    assert_true(raw_until(fx.l, &fx.have_held));
    for (int i = 0; i < 20; i++)
        hs_stream_write(fx.held, (struct sv){block, 1 << 20});
    for (int i = 0; i < 20; i++)
        raw_turn(fx.l);
    assert_true(hs_stream_pending(fx.held) > 0);
    (void)close(fd);
    assert_true(raw_until(fx.l, &fx.ended));
    assert_false(fx.completed);
}

static void check_stream(void **state)
{
    AUTO(buf_free) struct buf in = BUF_INIT(1 << 20);
    int fd = raw_dial(hs_port(fx.s));

    (void)state;
    assert_true(raw_send(fx.l, fd, SV("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")));
    assert_true(raw_read(fx.l, fd, &in, 0, "\r\n\r\n"));
    assert_true(sv_find(buf_sv(&in), SV("Transfer-Encoding: chunked\r\n")) != SV_NPOS);
    assert_true(sv_find(buf_sv(&in), SV("Content-Type: application/x-ndjson\r\n")) != SV_NPOS);
    hs_stream_write(fx.held, SV("{\"seq\":1}\n"));
    assert_true(raw_read(fx.l, fd, &in, 0, "\r\nA\r\n{\"seq\":1}\n\r\n"));
    hs_stream_write(fx.held, SV("{\"seq\":2}\n"));
    hs_stream_write(fx.held, SV("{\"seq\":3}\n"));
    assert_true(raw_read(fx.l, fd, &in, 0, "14\r\n{\"seq\":2}\n{\"seq\":3}\n\r\n"));
    hs_stream_end(fx.held);
    hs_stream_write(fx.held, SV("too late"));
    assert_true(raw_read(fx.l, fd, &in, 0, "\r\n0\r\n\r\n"));
    assert_true(raw_until(fx.l, &fx.ended));
    assert_true(fx.completed);
    (void)close(fd);
}

static void check_big_stream(void **state)
{
    AUTO(buf_free) struct buf in = BUF_INIT(64 << 20);
    AUTO(auto_free) char *block = xcalloc(1, 100000);
    int fd = raw_dial(hs_port(fx.s));

    (void)state;
    assert_true(raw_send(fx.l, fd, SV("GET /stream HTTP/1.0\r\n\r\n")));
    assert_true(raw_until(fx.l, &fx.have_held));
    memset(block, 'x', 100000);
    for (int i = 0; i < 100; i++)
        hs_stream_write(fx.held, (struct sv){block, 100000});
    hs_stream_end(fx.held);
    assert_true(raw_read(fx.l, fd, &in, 0, NULL));
    size_t head = sv_find(buf_sv(&in), SV("\r\n\r\n"));
    assert_int_equal(in.len - head - 4, 10000000);
    (void)close(fd);
}

/* ---- uploads ----------------------------------------------------------------------------------------- */

static void check_back_pressure(void **state)
{
    AUTO(buf_free) struct buf in = BUF_INIT(1 << 20);
    AUTO(auto_free) char *block = xcalloc(1, 1 << 20);
    size_t sent = 0, total = (size_t)64 << 20;
    int fd = raw_dial(hs_port(fx.s));

    (void)state;
    fx.sink_open = false;
    assert_true(raw_send(fx.l, fd,
                         SV("PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: "
                            "67108864\r\n\r\n")));
    /* Full when 50 turns moved nothing. */
    for (int idle = 0; idle < 50 && sent < total; idle++) {
        ssize_t n = send(fd, block, 1 << 20, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            sent += (size_t)n;
            idle = 0;
        }
        raw_turn(fx.l);
    }
    assert_true(sent < (size_t)32 << 20); /* what two socket buffers hold, not the body */
    assert_int_equal(fx.sunk, 0);
    fx.sink_open = true;
    hs_resume_body(fx.held);
    while (sent < total) {
        size_t n = total - sent > 1 << 20 ? 1 << 20 : total - sent;
        assert_true(raw_send(fx.l, fd, (struct sv){block, n}));
        sent += n;
    }
    assert_true(raw_read(fx.l, fd, &in, 0, "took 67108864"));
    assert_true(sv_starts(buf_sv(&in), SV("HTTP/1.1 201 ")));
    (void)close(fd);
}

/* While the sink is closed and the server does not read, the client goes. */
static void check_vanish_pressure(void **state)
{
    int fd = raw_dial(hs_port(fx.s));

    (void)state;
    fx.sink_open = false;
    assert_true(raw_send(fx.l, fd,
                         SV("PUT /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "5\r\nhello\r\n")));
    for (int i = 0; i < 10; i++)
        raw_turn(fx.l);
    assert_false(fx.ended);
    (void)close(fd);
    assert_true(raw_until(fx.l, &fx.ended));
    assert_false(fx.completed);
}

static void check_sink_abort(void **state)
{
    AUTO(buf_free) struct buf in = BUF_INIT(1 << 20);
    int fd = raw_dial(hs_port(fx.s));

    (void)state;
    fx.sink_abort = true;
    assert_true(raw_send(fx.l, fd,
                         SV("PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
                            "hello")));
    assert_true(raw_read(fx.l, fd, &in, 0, NULL));
    assert_int_equal(in.len, 0);
    assert_true(fx.ended);
    (void)close(fd);
}

/* The answer comes while the body is still on its way (a full disk): the rest is dropped, then answered. */
static void check_answer_in_body(void **state)
{
    AUTO(buf_free) struct buf in = BUF_INIT(1 << 20);
    int fd = raw_dial(hs_port(fx.s));

    (void)state;
    fx.sink_open = false;
    assert_true(raw_send(fx.l, fd,
                         SV("PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"
                            "hello")));
    assert_true(raw_until(fx.l, &fx.have_held));
    hs_reply_json(fx.held, 507, SV("{}"));
    assert_true(raw_send(fx.l, fd, SV("world")));
    assert_true(raw_read(fx.l, fd, &in, 0, "\r\n\r\n{}"));
    assert_true(sv_starts(buf_sv(&in), SV("HTTP/1.1 507 ")));
    (void)close(fd);
}

/* ---- start and stop ---------------------------------------------------------------------------------- */

static void on_stopped(void *ctx)
{
    struct fixture *f = ctx;

    f->stopped = true;
}

static void check_stop(void **state)
{
    AUTO(buf_free) struct buf poll_in = BUF_INIT(1 << 20);
    int poll_fd = raw_dial(hs_port(fx.s)), stream_fd = raw_dial(hs_port(fx.s));

    (void)state;
    assert_true(raw_send(fx.l, poll_fd, SV("GET /poll HTTP/1.1\r\nHost: x\r\n\r\n")));
    assert_true(raw_until(fx.l, &fx.have_held));
    fx.have_held = false;
    assert_true(raw_send(fx.l, stream_fd, SV("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")));
    assert_true(raw_until(fx.l, &fx.have_held));
    hs_stop(fx.s, 60000, on_stopped, &fx);
    assert_true(raw_read(fx.l, poll_fd, &poll_in, 0, NULL));
    assert_true(sv_starts(buf_sv(&poll_in), SV("HTTP/1.1 503 ")));
    assert_false(fx.stopped);
    raw_clock_jump(60000); /* the stream never ends by itself */
    assert_true(raw_until(fx.l, &fx.stopped));
    (void)close(poll_fd);
    (void)close(stream_fd);
}

static void check_stop_idle(void **state)
{
    (void)state;
    hs_stop(fx.s, 60000, on_stopped, &fx);
    assert_false(fx.stopped); /* never from inside */
    assert_true(raw_until(fx.l, &fx.stopped));
}

static void check_port_in_use(void **state)
{
    const struct hs_options o = {.address = "127.0.0.1", .port = hs_port(fx.s)};
    struct err e = {0};
    char want[100];

    (void)state;
    assert_null(hs_new(fx.l, &o, routes, 1, NULL, &e));
    assert_int_equal(e.code, FAIL_SYS);
    assert_int_equal(e.sys, EADDRINUSE);
    (void)snprintf(want, sizeof want, "cannot listen on 127.0.0.1 port %u: Address already in use",
                   (unsigned)o.port);
    assert_string_equal(e.msg, want);
}

static void check_addresses(void **state)
{
    struct err e = {0};
    struct hs *s;

    (void)state;
    s = hs_new(fx.l, &(struct hs_options){.address = "here"}, routes, 1, NULL, &e);
    assert_null(s);
    assert_string_equal(e.msg, "listening address 'here' is not an IP address");
    int fd = listen_tcp("::1", 0, &e);
    if (fd < 0 && (e.sys == EADDRNOTAVAIL || e.sys == EAFNOSUPPORT))
        return; /* no IPv6 on this host: nothing more to see */
    assert_true(fd >= 0);
    s = hs_new(fx.l, &(struct hs_options){.listen_fd = fd}, routes, 1, NULL, &e);
    assert_non_null(s);
    assert_true(hs_port(s) != 0);
    hs_free(s);
}

static void check_free_busy(void **state)
{
    int fd = raw_dial(hs_port(fx.s));

    (void)state;
    assert_true(raw_send(fx.l, fd, SV("GET /poll HTTP/1.1\r\nHost: x\r\n\r\n")));
    assert_true(raw_until(fx.l, &fx.have_held));
    hs_free(fx.s);
    fx.s = NULL;
    assert_true(fx.ended);
    assert_false(fx.completed);
    (void)close(fd);
}

static void check_adopt(void **state)
{
    AUTO(buf_free) struct buf in = BUF_INIT(1 << 20);
    struct err e;
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(fd_nonblock(pair[1], true, &e), 0);
    assert_int_equal(hs_adopt(fx.s, pair[1], &e), 0);
    assert_true(raw_send(fx.l, pair[0], SV("GET /echo/a HTTP/1.1\r\n" HOST "\r\n")));
    assert_true(raw_read(fx.l, pair[0], &in, 0, NULL));
    assert_true(sv_starts(buf_sv(&in), SV("HTTP/1.1 200 ")));
    (void)close(pair[0]);
}

#define ROW(table, i, fn)                           \
    ((struct CMUnitTest){.name = (table)[i].name,   \
                         .test_func = (fn),         \
                         .setup_func = setup,       \
                         .teardown_func = teardown, \
                         .initial_state = (void *)(uintptr_t) & (table)[i]})
#define ONE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define VANISH(i)                                                   \
    {                                                               \
        "client that vanishes: " #i, check_vanish, setup, teardown, \
            (void *)(uintptr_t)vanish_paths[i]                      \
    }

int main(void)
{
    enum {
        N = sizeof exchange_cases / sizeof exchange_cases[0],
        M = sizeof header_cases / sizeof header_cases[0]
    };
    struct CMUnitTest tests[N + M];
    const struct CMUnitTest more[] = {
        ONE(check_keep_alive),
        ONE(check_continue),
        ONE(check_poll),
        ONE(check_poll_head),
        ONE(check_release),
        VANISH(0),
        VANISH(1),
        VANISH(2),
        ONE(check_vanish_full),
        ONE(check_stream),
        ONE(check_big_stream),
        ONE(check_back_pressure),
        ONE(check_vanish_pressure),
        ONE(check_sink_abort),
        ONE(check_answer_in_body),
        ONE(check_stop),
        ONE(check_stop_idle),
        ONE(check_port_in_use),
        ONE(check_free_busy),
        ONE(check_adopt),
        ONE(check_addresses),
    };

    raw_clock_setup();
    for (size_t i = 0; i < N; i++)
        tests[i] = ROW(exchange_cases, i, check_exchange);
    for (size_t i = 0; i < M; i++)
        tests[N + i] = ROW(header_cases, i, check_headers);
    int failed = cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("connections", more, NULL, NULL);
}
