/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP client: bodies both ways, proxies, cancelling, its place in a loop. */
#include "tests/unit/base/http_client_rig.h"

#include <sys/prctl.h>
#include <sys/wait.h>

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

#define MOVED(status) "HTTP/1.1 " status " x\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n"
/* A PUT stays one, with its body from the beginning. */
static void check_redirect_rewind(void **state)
{
    const char *moved = *state;

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
        {"redirected with 302", check_redirect_rewind, setup, teardown,
         (void *)(uintptr_t)MOVED("302")},
        {"redirected with 307", check_redirect_rewind, setup, teardown,
         (void *)(uintptr_t)MOVED("307")},
        ONE(check_fetch),
    };

    raw_clock_setup();
    int failed = cmocka_run_group_tests_name("transfers", tests, NULL, NULL);
    curl_only = true;
    return failed + cmocka_run_group_tests_name("transfers of libcurl's", tests, NULL, NULL);
}
