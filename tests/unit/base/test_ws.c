/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of base/ws_client.h and base/ws_server.h: each against the other, and each against a bare socket that
 * follows RFC 6455 by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/listen.h"
#include "base/mem.h"
#include "base/ws_client.h"
#include "base/ws_server.h"
#include "tests/unit/base/http_raw.h"

struct fixture {
    struct loop *l;
    struct wss *s;
    struct wsc *c;
    char url[200];
    /* client */
    unsigned opens, losses;
    bool open, lost, over, closed;
    struct err e;
    /* server */
    unsigned n_open, n_close, n_messages;
    bool s_open, s_close, s_message;
    struct buf texts; /* each followed by '|' */
    size_t bytes;
    struct buf who;
    bool free_in_event;
};
static struct fixture fx;
static const char good_token[] = "good";

static bool auth(const void *ctx, struct sv path, struct sv query, struct sv token, struct buf *who)
{
    buf_addf(who, "path=" SV_FMT " query=" SV_FMT, SV_ARG(path), SV_ARG(query));
    return sv_is(token, ctx);
}

static void on_server(void *ctx, enum wss_event event, uint64_t conn, struct sv who, struct sv text)
{
    struct fixture *f = ctx;

    BUG(conn == 0);
    if (event == WSS_OPEN) {
        f->n_open++;
        f->s_open = true;
        buf_reset(&f->who);
        buf_addsv(&f->who, who);
    } else if (event == WSS_CLOSE) {
        f->n_close++;
        f->s_close = true;
    } else {
        f->n_messages++;
        f->s_message = true;
        f->bytes += text.n;
        buf_addsv(&f->texts, text);
        buf_addc(&f->texts, '|');
        if (f->free_in_event) {
            wss_free(f->s);
            f->s = NULL;
        }
    }
}

static void on_client(void *ctx, enum wsc_event event, const struct err *e)
{
    struct fixture *f = ctx;

    BUG(f->over);
    if (e != NULL)
        f->e = *e;
    if (event == WSC_OPEN) {
        f->opens++;
        f->open = true;
    } else if (event == WSC_LOST) {
        f->losses++;
        f->lost = true;
    } else {
        f->over = true;
        f->closed = event == WSC_CLOSED;
        if (f->free_in_event) {
            wsc_free(f->c);
            f->c = NULL;
        }
    }
}

static int setup(void **state)
{
    const struct wss_options o = {
        .auth = auth, .auth_ctx = good_token, .max_message = 100000, .max_queue_bytes = 300000};
    struct err e;

    (void)state;
    fx = (struct fixture){.texts = BUF_INIT(64 << 20), .who = BUF_INIT(10000)};
    fx.l = loop_new(&e);
    fx.s = wss_new(fx.l, &o, on_server, &fx, &e);
    return fx.s == NULL;
}

static int teardown(void **state)
{
    (void)state;
    wsc_free(fx.c);
    wss_free(fx.s);
    loop_free(fx.l);
    buf_free(&fx.texts);
    buf_free(&fx.who);
    return 0;
}

static void connect_to(uint16_t port, const char *host, const char *token)
{
    AUTO(secret_free) struct secret t = secret_new(token, strlen(token));
    const struct wsc_options o = {.url = fx.url, .bearer = &t, .user_agent = "gantry-test/1"};
    struct err e = {0};

    (void)snprintf(fx.url, sizeof fx.url, "http://%s:%u/feed/x?a=1&b=2", host, (unsigned)port);
    fx.c = wsc_new(fx.l, &o, on_client, &fx, &e);
    assert_non_null(fx.c);
}

static void send_text(struct sv s)
{
    struct err e;

    assert_int_equal(wsc_send(fx.c, s, &e), 0);
}

static bool until_messages(unsigned n)
{
    int64_t end = raw_real_ms() + RAW_DEADLINE_MS;

    while (fx.n_messages < n && raw_real_ms() < end)
        raw_turn(fx.l);
    return fx.n_messages == n;
}

/* ---- client with server ------------------------------------------------------------------------------ */

static void check_feed(void **state)
{
    AUTO(buf_free) struct buf long_text = BUF_INIT(1 << 20);
    AUTO(buf_free) struct buf want = BUF_INIT(1 << 20);

    (void)state;
    connect_to(wss_port(fx.s), "gantry.localhost", "good");
    send_text(SV("before it is open"));
    /* Two-byte characters over frame borders: 1,024 is even, so one byte first. */
    buf_addc(&long_text, 'x');
    for (int i = 0; i < 20000; i++)
        buf_add(&long_text, "\xc3\xa9", 2);
    send_text(buf_sv(&long_text));
    send_text(SV(""));
    send_text(SV("last"));
    assert_true(until_messages(4));
    buf_addf(&want, "before it is open|%s||last|", long_text.p);
    assert_string_equal(fx.texts.p, want.p);
    assert_string_equal(fx.who.p, "path=/feed/x query=a=1&b=2");
    wsc_close(fx.c, 1000, "Closing websocket", 5000);
    assert_true(raw_until(fx.l, &fx.over));
    assert_true(fx.closed);
    assert_true(raw_until(fx.l, &fx.s_close));
    assert_int_equal(fx.opens, 1);
    assert_int_equal(fx.losses, 0);
    struct err e;
    assert_int_equal(wsc_send(fx.c, SV("too late"), &e), -1);
    assert_int_equal(e.code, FAIL_NET);
}

/* Everything queued goes out before the close. */
static void check_drain(void **state)
{
    (void)state;
    connect_to(wss_port(fx.s), "localhost", "good");
    for (int i = 0; i < 500; i++)
        send_text(SV("line"));
    wsc_close(fx.c, 1000, "", 10000);
    assert_true(raw_until(fx.l, &fx.over));
    assert_true(fx.closed);
    assert_true(until_messages(500));
}

/* The server's loop does not keep up: connections are held, nothing is lost. */
static void check_pressure(void **state)
{
    AUTO(auto_free) char *block = xcalloc(1, 50000);

    (void)state;
    memset(block, 'a', 50000);
    connect_to(wss_port(fx.s), "localhost", "good");
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 50; i++)
            send_text((struct sv){block, 50000});
        assert_true(until_messages((unsigned)(round + 1) * 50));
    }
    assert_int_equal(fx.bytes, 200 * 50000);
}

static void check_full(void **state)
{
    AUTO(auto_free) char *block = xcalloc(1, 1 << 20);
    AUTO(auto_fd) int listener = -1;
    struct err e = {0};

    (void)state;
    listener = listen_tcp("127.0.0.1", 0, &e); /* never accepts */
    connect_to(listen_port(listener), "localhost", "good");
    for (int i = 0; i < 4; i++)
        send_text((struct sv){block, 1 << 20});
    assert_int_equal(wsc_send(fx.c, SV("x"), &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
    wsc_close(fx.c, 1000, "", 50);
    assert_true(raw_until(fx.l, &fx.over));
    assert_false(fx.closed);
    assert_int_equal(fx.e.code, FAIL_TIMEOUT);
}

static void check_denied(void **state)
{
    (void)state;
    connect_to(wss_port(fx.s), "localhost", "bad");
    assert_true(raw_until(fx.l, &fx.over));
    assert_false(fx.closed);
    assert_int_equal(fx.e.code, FAIL_DENIED);
    assert_int_equal(fx.n_open, 0);
}

static void check_refused(void **state)
{
    struct err e;
    int listener = listen_tcp("127.0.0.1", 0, &e);
    uint16_t port = listen_port(listener);

    (void)state;
    fd_close(&listener);
    fx.free_in_event = true;
    connect_to(port, "localhost", "good");
    assert_true(raw_until(fx.l, &fx.over));
    assert_int_equal(fx.e.code, FAIL_NET);
    assert_null(fx.c);
}

static void check_server_goes(void **state)
{
    (void)state;
    connect_to(wss_port(fx.s), "localhost", "good");
    assert_true(raw_until(fx.l, &fx.open));
    wss_free(fx.s);
    fx.s = NULL;
    assert_true(raw_until(fx.l, &fx.lost));
    send_text(SV("nobody hears this"));
    assert_true(raw_until(fx.l, &fx.over));
    assert_false(fx.closed);
    assert_int_equal(fx.e.code, FAIL_NET);
}

static void check_free_server_in_event(void **state)
{
    (void)state;
    fx.free_in_event = true;
    connect_to(wss_port(fx.s), "localhost", "good");
    send_text(SV("one"));
    send_text(SV("two"));
    assert_true(raw_until(fx.l, &fx.s_message));
    assert_null(fx.s);
    assert_int_equal(fx.n_messages, 1);
}

struct bad_case {
    const char *name;
    const char *url;
    const char *msg;
};
static const struct bad_case bad_cases[] = {
    {"plain to a foreign host", "ws://example.com/",
     "plain ws:// to 'example.com' is not allowed; use wss://"},
    {"no URL", "x", "bad URL: it does not begin with http://, https://, ws:// or wss://"},
};

static void check_bad_url(void **state)
{
    const struct bad_case *c = *state;
    const struct wsc_options o = {.url = c->url, .user_agent = "x"};
    struct err e = {0};

    assert_null(wsc_new(fx.l, &o, on_client, &fx, &e));
    assert_int_equal(e.code, FAIL_INPUT);
    assert_string_equal(e.msg, c->msg);
}

static void check_port_in_use(void **state)
{
    const struct wss_options o = {.auth = auth, .port = wss_port(fx.s)};
    struct err e = {0};

    (void)state;
    assert_null(wss_new(fx.l, &o, on_server, &fx, &e));
    assert_int_equal(e.sys, EADDRINUSE);
}

/* ---- server against a bare socket -------------------------------------------------------------------- */

#define UPGRADE                                                                     \
    "GET /raw HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
#define BEARER "Authorization: Bearer good\r\n"

static int raw_open(struct buf *in)
{
    int fd = raw_dial(wss_port(fx.s));

    if (!raw_send(fx.l, fd, SV(UPGRADE BEARER "\r\n")) || !raw_read(fx.l, fd, in, 0, "\r\n\r\n") ||
        !sv_starts(buf_sv(in), SV("HTTP/1.1 101 ")))
        fd_close(&fd);
    buf_reset(in);
    return fd;
}

/* A client's frame, masked with zeroes. */
static bool frame(int fd, unsigned first, struct sv payload)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);

    buf_addc(&b, (char)first);
    if (payload.n < 126) {
        buf_addc(&b, (char)(0x80 | payload.n));
    } else {
        buf_addc(&b, (char)(0x80 | 127));
        for (int shift = 56; shift >= 0; shift -= 8)
            buf_addc(&b, (char)((uint64_t)payload.n >> shift & 255));
    }
    buf_add(&b, "\0\0\0\0", 4);
    buf_addsv(&b, payload);
    return raw_send(fx.l, fd, buf_sv(&b));
}

static void check_fragments(void **state)
{
    AUTO(buf_free) struct buf in = BUF_INIT(100000);
    int fd = raw_open(&in);

    (void)state;
    assert_true(fd >= 0);
    assert_true(frame(fd, 0x01, SV("a")));
    assert_true(frame(fd, 0x00, SV("")));
    assert_true(frame(fd, 0x89, SV("ping"))); /* in between, as RFC 6455 5.4 allows */
    assert_true(frame(fd, 0x00, SV("b")));
    assert_true(frame(fd, 0x80, SV("c")));
    assert_true(frame(fd, 0x81, SV("d")));
    assert_true(until_messages(2));
    assert_string_equal(fx.texts.p, "abc|d|");
    assert_true(raw_read(fx.l, fd, &in, 0, "\x8a\x04ping"));
    (void)close(fd);
    assert_true(raw_until(fx.l, &fx.s_close));
}

struct close_case {
    const char *name;
    unsigned first;
    size_t n;
    char fill;
    unsigned code;
};
static const struct close_case close_cases[] = {
    {"message above the limit", 0x81, 100001, 'x', 1009},
    {"binary", 0x82, 3, 'x', 1003},
    {"not UTF-8", 0x81, 3, '\xff', 1007},
};

static void check_close(void **state)
{
    const struct close_case *c = *state;
    AUTO(buf_free) struct buf in = BUF_INIT(100000);
    AUTO(auto_free) char *text = xcalloc(1, c->n);
    int fd = raw_open(&in);

    assert_true(fd >= 0);
    memset(text, c->fill, c->n);
    (void)frame(fd, c->first, (struct sv){text, c->n});
    assert_true(raw_read(fx.l, fd, &in, 0, "\x88"));
    (void)close(fd);
    assert_true(raw_until(fx.l, &fx.s_close));
    assert_int_equal(fx.n_messages, 0);
    assert_true(in.len >= 4);
    assert_int_equal((unsigned char)in.p[0], 0x88);
    assert_int_equal((unsigned)(unsigned char)in.p[2] << 8 | (unsigned char)in.p[3], c->code);
}

struct refuse_case {
    const char *name;
    const char *request;
    const char *status;
};
static const struct refuse_case refuse_cases[] = {
    {"no token", UPGRADE "\r\n", "HTTP/1.0 401 "},
    {"other scheme", UPGRADE "Authorization: Basic good\r\n\r\n", "HTTP/1.0 401 "},
    {"no upgrade", "GET /raw HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 "},
    {"garbage", "\x16\x03\x01 x\r\n\r\n", ""},
};

static void check_refuse(void **state)
{
    const struct refuse_case *c = *state;
    AUTO(buf_free) struct buf in = BUF_INIT(100000);
    int fd = raw_dial(wss_port(fx.s));

    assert_true(raw_send(fx.l, fd, sv_of(c->request)));
    assert_true(raw_read(fx.l, fd, &in, 0, c->status[0] != '\0' ? "\r\n\r\n" : NULL));
    (void)close(fd);
    if (!sv_starts(buf_sv(&in), sv_of(c->status)))
        fail_msg("unexpected answer: %s", in.p);
    assert_int_equal(fx.n_open, 0);
}

/* ---- client against a bare socket -------------------------------------------------------------------- */

struct peer {
    int listener, fd;
    struct loop_fd *watch;
    bool accepted;
};

static void on_accept(void *ctx, int fd, unsigned events)
{
    struct peer *p = ctx;

    (void)events;
    if (p->accepted)
        return;
    p->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    p->accepted = p->fd >= 0;
}

static void peer_listen(struct peer *p)
{
    struct err e;

    *p = (struct peer){.fd = -1};
    p->listener = listen_tcp("127.0.0.1", 0, &e);
    assert_int_equal(loop_add_fd(fx.l, p->listener, LOOP_READ, on_accept, p, &p->watch, &e), 0);
}

/* Sec-WebSocket-Accept comes from our own server, to which the handshake is forwarded. */
static bool peer_handshake(struct peer *p, struct buf *in)
{
    AUTO(buf_free) struct buf answer = BUF_INIT(100000);

    p->accepted = false;
    if (!raw_until(fx.l, &p->accepted) || !raw_read(fx.l, p->fd, in, 0, "\r\n\r\n"))
        return false;
    int up = raw_dial(wss_port(fx.s));
    bool ok = raw_send(fx.l, up, buf_sv(in)) && raw_read(fx.l, up, &answer, 0, "\r\n\r\n") &&
              raw_send(fx.l, p->fd, buf_sv(&answer));
    (void)close(up);
    return ok;
}

/* Takes one frame's payload length and first byte from `in`; unmasks in place. */
static bool next_frame(struct peer *p, struct buf *in, unsigned *first, struct buf *payload)
{
    size_t n, head;
    int64_t end = raw_real_ms() + RAW_DEADLINE_MS;

    for (;;) {
        n = in->len >= 2 ? (unsigned char)in->p[1] & 127 : 0;
        head = 2 + (n == 126 ? 2U : 0) + 4;
        if (n == 126 && in->len >= 4)
            n = (size_t)(unsigned char)in->p[2] << 8 | (unsigned char)in->p[3];
        if (in->len >= 4 && in->len >= head + n)
            break;
        char block[4096];
        raw_turn(fx.l);
        ssize_t got = recv(p->fd, block, sizeof block, MSG_DONTWAIT);
        if (got > 0)
            buf_add(in, block, (size_t)got);
        else if (got == 0 || raw_real_ms() > end)
            return false;
    }
    *first = (unsigned char)in->p[0];
    for (size_t i = 0; i < n; i++)
        buf_addc(payload, (char)(in->p[head + i] ^ in->p[head - 4 + i % 4]));
    buf_consume(in, head + n);
    return true;
}

/* Frames of 1,024 bytes; a ping is answered in the middle; the close carries code and text. */
static void check_wire(void **state)
{
    AUTO(buf_free) struct buf in = BUF_INIT(100000);
    AUTO(buf_free) struct buf payload = BUF_INIT(100000);
    struct peer p;
    unsigned first;
    char text[2500];

    (void)state;
    peer_listen(&p);
    memset(text, 'x', sizeof text);
    connect_to(listen_port(p.listener), "gantry.localhost", "good");
    assert_true(peer_handshake(&p, &in));
    char host[60];
    (void)snprintf(host, sizeof host, "Host: gantry.localhost:%u\r\n",
                   (unsigned)listen_port(p.listener));
    assert_true(sv_starts(buf_sv(&in), SV("GET /feed/x?a=1&b=2 HTTP/1.1\r\n")));
    assert_true(sv_find(buf_sv(&in), sv_of(host)) != SV_NPOS);
    assert_true(sv_find(buf_sv(&in), SV("Authorization: Bearer good\r\n")) != SV_NPOS);
    assert_true(sv_find(buf_sv(&in), SV("User-Agent: gantry-test/1\r\n")) != SV_NPOS);
    assert_true(sv_find(buf_sv(&in), SV("Sec-WebSocket-Protocol")) == SV_NPOS);
    buf_reset(&in);
    assert_true(raw_until(fx.l, &fx.open));
    assert_true(raw_send(fx.l, p.fd, SV("\x89\x02hi")));
    assert_true(next_frame(&p, &in, &first, &payload));
    assert_int_equal(first, 0x8a);
    assert_string_equal(payload.p, "hi");
    send_text((struct sv){text, sizeof text});
    static const struct {
        unsigned first;
        size_t n;
    } want[] = {{0x01, 1024}, {0x00, 1024}, {0x80, 452}};
    for (size_t i = 0; i < 3; i++) {
        buf_reset(&payload);
        assert_true(next_frame(&p, &in, &first, &payload));
        assert_int_equal(first, want[i].first);
        assert_int_equal(payload.len, want[i].n);
    }
    wsc_close(fx.c, 1000, "Closing websocket", 5000);
    buf_reset(&payload);
    assert_true(next_frame(&p, &in, &first, &payload));
    assert_int_equal(first, 0x88);
    assert_int_equal(payload.len, 2 + strlen("Closing websocket"));
    assert_memory_equal(payload.p,
                        "\x03\xe8"
                        "Closing websocket",
                        payload.len);
    fd_close(&p.fd);
    assert_true(raw_until(fx.l, &fx.over));
    assert_true(fx.closed);
    loop_del_fd(p.watch);
    fd_close(&p.listener);
}

/* Cut after the first frame: the next connection gets the whole message. */
static void check_repeat(void **state)
{
    AUTO(buf_free) struct buf in = BUF_INIT(1 << 20);
    AUTO(buf_free) struct buf payload = BUF_INIT(1 << 20);
    AUTO(auto_free) char *text = xcalloc(1, 3000000);
    struct peer p;
    unsigned first = 0;

    (void)state;
    peer_listen(&p);
    memset(text, 'x', 3000000); /* more than the socket buffers hold */
    connect_to(listen_port(p.listener), "localhost", "good");
    assert_true(peer_handshake(&p, &in));
    buf_reset(&in);
    send_text((struct sv){text, 3000000});
    assert_true(next_frame(&p, &in, &first, &payload));
    assert_int_equal(first, 0x01);
    fd_close(&p.fd);
    p.accepted = false;
    assert_true(raw_until(fx.l, &fx.lost));
    buf_reset(&in);
    assert_true(peer_handshake(&p, &in));
    assert_int_equal(fx.opens >= 1, 1);
    buf_reset(&in);
    size_t total = 0;
    for (bool begin = true;; begin = false) {
        buf_reset(&payload);
        assert_true(next_frame(&p, &in, &first, &payload));
        assert_int_equal(first & 0x7f, begin ? 1 : 0);
        total += payload.len;
        if ((first & 0x80) != 0)
            break;
    }
    assert_int_equal(total, 3000000);
    assert_int_equal(fx.losses, 1);
    fd_close(&p.fd);
    loop_del_fd(p.watch);
    fd_close(&p.listener);
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
    enum { B = COUNT(bad_cases), C = COUNT(close_cases), R = COUNT(refuse_cases) };
    struct CMUnitTest tests[B + C + R];
    const struct CMUnitTest more[] = {
        ONE(check_feed),        ONE(check_drain),
        ONE(check_pressure),    ONE(check_full),
        ONE(check_denied),      ONE(check_refused),
        ONE(check_server_goes), ONE(check_free_server_in_event),
        ONE(check_port_in_use), ONE(check_fragments),
        ONE(check_wire),        ONE(check_repeat),
    };

    (void)signal(SIGPIPE, SIG_IGN); /* allow: as proc_main_init() does */
    for (size_t i = 0; i < B; i++)
        tests[i] = ROW(bad_cases, i, check_bad_url);
    for (size_t i = 0; i < C; i++)
        tests[B + i] = ROW(close_cases, i, check_close);
    for (size_t i = 0; i < R; i++)
        tests[B + C + i] = ROW(refuse_cases, i, check_refuse);
    int failed = cmocka_run_group_tests_name("rules", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("feed", more, NULL, NULL);
}
