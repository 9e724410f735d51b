/* SPDX-License-Identifier: Apache-2.0
 *
 * The server that the tests of base/http_server.h look at: its routes, and what their handlers saw. */
#ifndef TESTS_HTTP_SERVER_RIG_H
#define TESTS_HTTP_SERVER_RIG_H

#include <fcntl.h>

#include "base/fd.h"
#include "base/http_server.h"
#include "base/mem.h"
#include "tests/unit/base/http_raw.h"

#define HOST "Host: x\r\nConnection: close\r\n"

/* What the handlers saw and keep; reset for each test. */
#define PULLED_BYTES 30000000U /* more than the buffers of a connection hold */
struct fixture {
    struct loop *l;
    struct hs *s;
    struct hs_req *held; /* suspended or streaming */
    struct loop_timer *timer;
    bool ended, completed, stopped, have_held;
    size_t sunk; /* bytes that the sink took */
    size_t pulled, pulled_ready;
    struct sv text; /* of /stream, not yet taken */
    bool text_ends;
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

static ssize_t take_text(void *ctx, char *p, size_t n)
{
    assert_ptr_equal(ctx, &fx);
    if (fx.text.n == 0)
        return fx.text_ends ? -1 : 0;
    if (n > fx.text.n)
        n = fx.text.n;
    memcpy(p, fx.text.p, n);
    fx.text = sv_sub(fx.text, n, fx.text.n);
    return (ssize_t)n;
}

static void h_stream(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    (void)ctx;
    if (stage == HS_HEADERS)
        return;
    hold(r);
    hs_stream(r, 200, (const char *const[]){"Content-Type: application/x-ndjson", NULL}, take_text,
              &fx);
}

/* `pulled_ready` bytes can be had; the stream ends behind PULLED_BYTES. */
static ssize_t pull(void *ctx, char *p, size_t n)
{
    assert_ptr_equal(ctx, &fx);
    if (fx.pulled == PULLED_BYTES)
        return -1;
    if (n > fx.pulled_ready - fx.pulled)
        n = fx.pulled_ready - fx.pulled;
    if (n > PULLED_BYTES - fx.pulled)
        n = PULLED_BYTES - fx.pulled;
    memset(p, 'x', n);
    fx.pulled += n;
    return (ssize_t)n;
}

static void h_pull(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    (void)ctx;
    if (stage == HS_HEADERS)
        return;
    hold(r);
    hs_stream(r, 200, NULL, pull, &fx);
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
    {"GET", "/pull", h_pull, 0},
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

#define ONE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
