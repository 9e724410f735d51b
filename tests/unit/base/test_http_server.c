/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of base/http_server.h against bare sockets: answers, connections, long polls, streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/base/http_server_rig.h"

/* ---- one request, one answer ------------------------------------------------------------------------- */

struct exchange_case {
    const char *name;
    const char *request;
    const char *status; /* begin of the answer */
    const char *body;   /* end of the answer; NULL: not looked at */
    const char *header; /* somewhere in the answer, or NULL */
};
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

static const char *const vanish_paths[] = {"/poll", "/poll-head", "/stream", "/pull"};

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

static void more_text(struct sv text, bool ends)
{
    fx.text = text;
    fx.text_ends = ends;
    hs_stream_more(fx.held);
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
    more_text(SV("{\"seq\":1}\n"), false);
    assert_true(raw_read(fx.l, fd, &in, 0, "\r\nA\r\n{\"seq\":1}\n\r\n"));
    more_text(SV("{\"seq\":2}\n{\"seq\":3}\n"), false);
    assert_true(raw_read(fx.l, fd, &in, 0, "14\r\n{\"seq\":2}\n{\"seq\":3}\n\r\n"));
    more_text(SV(""), true);
    assert_true(raw_read(fx.l, fd, &in, 0, "\r\n0\r\n\r\n"));
    assert_true(raw_until(fx.l, &fx.ended));
    assert_true(fx.completed);
    (void)close(fd);
}

/* What comes later is asked for when it is said to be there. */
static void check_pulled_stream(void **state)
{
    AUTO(buf_free) struct buf in = BUF_INIT(64 << 20);
    int fd = raw_dial(hs_port(fx.s));

    (void)state;
    assert_true(raw_send(fx.l, fd, SV("GET /pull HTTP/1.0\r\n\r\n")));
    assert_true(raw_until(fx.l, &fx.have_held));
    for (size_t ready = 1; ready <= 10000; ready *= 100) {
        fx.pulled_ready = ready;
        hs_stream_more(fx.held);
        for (int i = 0; i < 100 && fx.pulled < ready; i++)
            raw_turn(fx.l);
        assert_int_equal(fx.pulled, ready);
    }
    fx.pulled_ready = SIZE_MAX;
    hs_stream_more(fx.held);
    assert_true(raw_read(fx.l, fd, &in, 0, NULL));
    size_t head = sv_find(buf_sv(&in), SV("\r\n\r\n"));
    assert_int_equal(in.len - head - 4, PULLED_BYTES);
    assert_true(raw_until(fx.l, &fx.ended));
    (void)close(fd);
}

/* A client that does not read is not read for: nothing is collected on its behalf. */
static void check_pulled_slowly(void **state)
{
    int fd = raw_dial(hs_port(fx.s)), small = 4096;

    (void)state;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    fx.pulled_ready = SIZE_MAX;
    assert_true(raw_send(fx.l, fd, SV("GET /pull HTTP/1.1\r\nHost: x\r\n\r\n")));
    assert_true(raw_until(fx.l, &fx.have_held));
    for (int i = 0; i < 200; i++)
        raw_turn(fx.l);
    assert_true(fx.pulled > 0 && fx.pulled < PULLED_BYTES);
    (void)close(fd);
    assert_true(raw_until(fx.l, &fx.ended));
    assert_false(fx.completed);
}

#define ROW(table, i, fn)                           \
    ((struct CMUnitTest){.name = (table)[i].name,   \
                         .test_func = (fn),         \
                         .setup_func = setup,       \
                         .teardown_func = teardown, \
                         .initial_state = (void *)(uintptr_t) & (table)[i]})
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
        ONE(check_stream),
        ONE(check_pulled_stream),
        ONE(check_pulled_slowly),
    };

    raw_clock_setup();
    for (size_t i = 0; i < N; i++)
        tests[i] = ROW(exchange_cases, i, check_exchange);
    for (size_t i = 0; i < M; i++)
        tests[N + i] = ROW(header_cases, i, check_headers);
    int failed = cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("connections", more, NULL, NULL);
}
