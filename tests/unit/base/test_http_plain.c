/* SPDX-License-Identifier: Apache-2.0
 *
 * What the HTTP client's own transport to this machine does beyond test_http_client.c, which runs over it too: kept
 * connections, answers that come early, and where redirects lead. */
#include "tests/unit/base/helper.h"
#include "tests/unit/base/http_raw.h"

#include "base/fd.h"
#include "base/http_client.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

enum after { KEEP, CLOSE_AFTER, CLOSE_INSTEAD, EARLY };

/* A server of one answer a request; `after` is what becomes of each connection. */
static struct {
    struct loop *l;
    struct hc *h;
    int listener, conn;
    struct loop_fd *watch, *conn_watch;
    unsigned port, accepted, requests;
    enum after after;
    unsigned odd_at;   /* CLOSE_INSTEAD: of this request */
    const char *first; /* answer of the first request, or NULL: OK */
    struct buf in;
    char line[200]; /* of the last request */
    bool done;
    int status;
    unsigned attempts;
    struct err e;
    size_t left;
} fx;

static void drop_conn(void)
{
    loop_del_fd(fx.conn_watch);
    fx.conn_watch = NULL;
    fd_close(&fx.conn);
    buf_reset(&fx.in);
}

static void on_request(void)
{
    size_t nl = sv_chr(buf_sv(&fx.in), '\r');
    const char *answer = ++fx.requests == 1 && fx.first != NULL ? fx.first : OK;

    (void)snprintf(fx.line, sizeof fx.line, "%.*s", (int)nl, fx.in.p);
    if (fx.after == CLOSE_INSTEAD && fx.requests == fx.odd_at) {
        drop_conn();
        return;
    }
    assert_int_equal(send(fx.conn, answer, strlen(answer), MSG_NOSIGNAL), (ssize_t)strlen(answer));
    if (fx.after == CLOSE_AFTER)
        drop_conn();
    else if (fx.after == EARLY) /* reads no more, and does not hang up either */
        loop_set_fd(fx.conn_watch, 0);
    buf_reset(&fx.in);
}

static void on_data(void *ctx, int fd, unsigned events)
{
    char block[1000];
    ssize_t n = recv(fd, block, sizeof block, MSG_DONTWAIT);

    (void)ctx;
    (void)events;
    if (n <= 0) {
        drop_conn();
        return;
    }
    buf_add(&fx.in, block, (size_t)n);
    if (sv_find(buf_sv(&fx.in), SV("\r\n\r\n")) != SV_NPOS)
        on_request();
}

static void on_accept(void *ctx, int fd, unsigned events)
{
    int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    struct err e;

    (void)ctx;
    (void)events;
    if (fx.conn >= 0)
        drop_conn();
    fx.conn = c;
    fx.accepted++;
    if (loop_add_fd(fx.l, c, LOOP_READ, on_data, NULL, &fx.conn_watch, &e) < 0)
        abort();
}

static int setup(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    struct err e;

    (void)state;
    memset(&fx, 0, sizeof fx);
    fx.in = BUF_INIT(1 << 20);
    fx.conn = -1;
    fx.l = loop_new(&e);
    fx.h = hc_new(fx.l, &(struct hc_options){.user_agent = "x"}, &e);
    fx.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bind(fx.listener, (struct sockaddr *)&a, len) < 0 || listen(fx.listener, 8) < 0 ||
        getsockname(fx.listener, (struct sockaddr *)&a, &len) < 0)
        return -1;
    fx.port = ntohs(a.sin_port);
    return loop_add_fd(fx.l, fx.listener, LOOP_READ, on_accept, NULL, &fx.watch, &e);
}

static int teardown(void **state)
{
    (void)state;
    hc_free(fx.h);
    drop_conn();
    loop_del_fd(fx.watch);
    fd_close(&fx.listener);
    loop_free(fx.l);
    buf_free(&fx.in);
    return 0;
}

static void on_done(void *ctx, const struct hc_response *r, const struct err *e)
{
    (void)ctx;
    fx.done = true;
    fx.status = r->status;
    fx.attempts = r->attempts;
    if (e != NULL)
        fx.e = *e;
}

static void fetch(struct hc_spec s, const char *path)
{
    AUTO(auto_free) char *url = xasprintf("http://a.localhost:%u%s", fx.port, path);
    struct err e;

    s.url = url;
    s.done = on_done;
    fx.done = false;
    assert_int_equal(hc_start(fx.h, &s, NULL, &e), 0);
    assert_true(raw_until(fx.l, &fx.done));
}

static void connection_is_kept(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        fetch((struct hc_spec){.method = "POST", .body = SV("")}, "/");
        assert_int_equal(fx.status, 200);
    }
    assert_int_equal(fx.accepted, 1);
    assert_int_equal(fx.requests, 3);
}

static void closed_while_idle(void **state)
{
    (void)state;
    fx.after = CLOSE_AFTER;
    for (int i = 0; i < 3; i++) {
        fetch((struct hc_spec){.method = "GET"}, "/");
        assert_int_equal(fx.status, 200);
        assert_int_equal(fx.attempts, 1);
        raw_turn(fx.l);
    }
    assert_int_equal(fx.accepted, 3);
}

/* The peer gives a kept connection up just when the next request comes: that is no attempt. */
static void closed_when_used_again(void **state)
{
    (void)state;
    fx.after = CLOSE_INSTEAD;
    fx.odd_at = 2;
    fetch((struct hc_spec){.method = "GET"}, "/");
    fetch((struct hc_spec){.method = "GET"}, "/second");
    assert_int_equal(fx.status, 200);
    assert_int_equal(fx.attempts, 1);
    assert_int_equal(fx.accepted, 2);
    assert_int_equal(fx.requests, 3);
    assert_string_equal(fx.line, "GET /second HTTP/1.1");
}

/* A fresh one is not tried twice. */
static void closed_at_once(void **state)
{
    (void)state;
    fx.after = CLOSE_INSTEAD;
    fx.odd_at = 1;
    fetch((struct hc_spec){.method = "GET"}, "/");
    assert_int_equal(fx.e.code, FAIL_NET);
    assert_non_null(strstr(fx.e.msg, "failed: the connection was closed without an answer"));
    assert_int_equal(fx.requests, 1);
}

static ssize_t endless(void *ctx, void *p, size_t n)
{
    (void)ctx;
    n = n > fx.left ? fx.left : n;
    memset(p, 'u', n);
    fx.left -= n;
    return (ssize_t)n;
}

static void early_answer_counts(void **state)
{
    (void)state;
    fx.after = EARLY;
    fx.first = "HTTP/1.1 413 too much\r\nContent-Length: 0\r\n\r\n";
    fx.left = 64 << 20; /* more than the buffers of the two sockets hold */
    fetch((struct hc_spec){.method = "PUT", .source = endless, .source_bytes = 64 << 20}, "/");
    assert_int_equal(fx.status, 413);
    assert_true(fx.left > 0);
    fx.after = KEEP;
    fetch((struct hc_spec){.method = "GET"}, "/"); /* not over that connection */
    assert_int_equal(fx.status, 200);
    assert_int_equal(fx.accepted, 2);
}

static void source_shorter_than_said(void **state)
{
    (void)state;
    fx.left = 10;
    fetch((struct hc_spec){.method = "PUT", .source = endless, .source_bytes = 11}, "/");
    assert_int_equal(fx.e.code, FAIL_NET);
    assert_non_null(strstr(fx.e.msg, "failed: the body has another length than was said"));
}

struct hop {
    const char *name, *from, *to, *line;
};
static const struct hop hops[] = {
    {"path", "/a/b?c=d", "/e/f?g=h", "GET /e/f?g=h HTTP/1.1"},
    {"beside", "/a/b?c=d/e", "f", "GET /a/f HTTP/1.1"},
    {"beside the root", "/", "f?x", "GET /f?x HTTP/1.1"},
    {"no path", "", "f", "GET /f HTTP/1.1"},
    {"query without a path", "?q=/x", "f", "GET /f HTTP/1.1"},
    {"a URL in the query", "/a/b", "/c?to=http://x/", "GET /c?to=http://x/ HTTP/1.1"},
    {"another query", "/a/b?c=d", "?e", "GET /a/b?e HTTP/1.1"},
};

static void check_hop(void **state)
{
    const struct hop *c = *state;
    AUTO(auto_free)
    char *answer = xasprintf("HTTP/1.1 302 x\r\nLocation:%s\r\nContent-Length: 0\r\n\r\n", c->to);

    assert_int_equal(setup(state), 0);
    fx.first = answer;
    fetch((struct hc_spec){.method = "GET", .max_redirects = 1}, c->from);
    assert_int_equal(fx.status, 200);
    assert_string_equal(fx.line, c->line);
    (void)teardown(state);
}

int main(void)
{
#define ONE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        ONE(connection_is_kept), ONE(closed_while_idle),   ONE(closed_when_used_again),
        ONE(closed_at_once),     ONE(early_answer_counts), ONE(source_shorter_than_said),
    };

    raw_clock_setup();
    return RUN_TABLE("redirects", hops, check_hop) +
           cmocka_run_group_tests_name("http_plain", tests, NULL, NULL);
}
