/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of base/http_server.h against bare sockets: uploads, start and stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/listen.h"
#include "tests/unit/base/http_server_rig.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(check_back_pressure), ONE(check_vanish_pressure),
        ONE(check_sink_abort),    ONE(check_answer_in_body),
        ONE(check_stop),          ONE(check_stop_idle),
        ONE(check_port_in_use),   ONE(check_addresses),
        ONE(check_free_busy),     ONE(check_adopt),
    };

    raw_clock_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
