/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers of HTTP servers, whole and cut at every place: the same comes out, or the same refusal. */
#include "tests/unit/base/helper.h"

#include "base/http_answer.h"

struct seen {
    struct buf head, body;
};

static int on_line(void *ctx, struct sv line)
{
    struct seen *s = ctx;

    if (sv_starts(line, SV("HTTP/")))
        buf_reset(&s->head);
    buf_addsv(&s->head, line);
    return 0;
}

static int on_body(void *ctx, const void *p, size_t n)
{
    struct seen *s = ctx;

    buf_add(&s->body, p, n);
    return 0;
}

struct answer_case {
    const char *name;
    const char *text;
    bool to_head;
    int rc;  /* of the feed: 1 complete, 0 more is needed, -1 */
    int end; /* of the connection's end after it; 9: not asked */
    int status;
    const char *body;
    bool keep;
    const char *msg; /* of the failure */
};
#define H "HTTP/1.1 200 OK\r\n"
static const struct answer_case cases[] = {
    {"length", H "Content-Length: 5\r\n\r\nhello", false, 1, 9, 200, "hello", true, NULL},
    {"no body", H "content-length:0\r\n\r\n", false, 1, 9, 200, "", true, NULL},
    {"bare line feeds", "HTTP/1.1 201 \nContent-Length: 2\n\nok", false, 1, 9, 201, "ok", true,
     NULL},
    {"no reason", "HTTP/1.1 204\r\n\r\n", false, 1, 9, 204, "", true, NULL},
    {"304 has no body", "HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n", false, 1, 9, 304, "", true,
     NULL},
    {"answer to HEAD", H "Content-Length: 9\r\n\r\n", true, 1, 9, 200, "", true, NULL},
    {"chunks", H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
     false, 1, 9, 200, "abc0123456789", true, NULL},
    {"trailers", H "Transfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\nZ: w\r\n\r\n", false,
     1, 9, 200, "a", true, NULL},
    {"to the end", H "\r\nall of it", false, 0, 0, 200, "all of it", false, NULL},
    {"HTTP/1.0 is not kept", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", false, 1, 9, 200, "x",
     false, NULL},
    {"closing is announced", H "Connection: x, Close\r\nContent-Length: 1\r\n\r\nx", false, 1, 9,
     200, "x", false, NULL},
    {"interim first", "HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" H "Content-Length: 1\r\n\r\nx", false,
     1, 9, 200, "x", true, NULL},
    {"bytes behind it", H "Content-Length: 1\r\n\r\nxyz", false, 1, 9, 200, "x", false, NULL},
    {"both lengths: chunks count, nothing is kept",
     H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", false, 1, 9,
     200, "x", false, NULL},
    {"equal lengths", H "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", false, 1, 9, 200, "x",
     true, NULL},
    {"nothing", "", false, 0, -1, 0, "", false, "the connection was closed without an answer"},
    {"cut head", H "X: y\r\n", false, 0, -1, 200, "", true,
     "connection closed in the headers of the answer"},
    {"cut body", H "Content-Length: 5\r\n\r\nhe", false, 0, -1, 200, "he", true,
     "connection closed 3 bytes before the end of the answer"},
    {"cut chunk", H "Transfer-Encoding: chunked\r\n\r\n5\r\nhe", false, 0, -1, 200, "he", true,
     "connection closed 3 bytes before the end of the chunk"},
    {"another protocol", "SSH-2.0-OpenSSH\r\n", false, -1, 9, 0, "", false,
     "the answer is not HTTP/1"},
    {"HTTP/2", "HTTP/2.0 200 OK\r\n", false, -1, 9, 0, "", false, "the answer is not HTTP/1"},
    {"four digits", "HTTP/1.1 2000 OK\r\n", false, -1, 9, 0, "", false, "the answer is not HTTP/1"},
    {"signed status", "HTTP/1.1 +20 OK\r\n", false, -1, 9, 0, "", false,
     "the answer is not HTTP/1"},
    {"switch", "HTTP/1.1 101 x\r\n\r\n", false, -1, 9, 101, "", true,
     "the answer switches the protocol"},
    {"different lengths", H "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", false, -1, 9, 200,
     "", true, "the answer's Content-Length is none"},
    {"negative length", H "Content-Length: -1\r\n\r\n", false, -1, 9, 200, "", true,
     "the answer's Content-Length is none"},
    {"list of lengths", H "Content-Length: 1, 1\r\n\r\nx", false, -1, 9, 200, "", true,
     "the answer's Content-Length is none"},
    {"length above 63 bits", H "Content-Length: 9223372036854775808\r\n\r\n", false, -1, 9, 200, "",
     true, "the answer's Content-Length is none"},
    {"other coding", H "Transfer-Encoding: gzip, chunked\r\n\r\n", false, -1, 9, 200, "", true,
     "the answer's Transfer-Encoding is not chunked"},
    {"folded header", H "X: y\r\n z\r\n\r\n", false, -1, 9, 200, "", true,
     "a header of the answer is not 'Name: value'"},
    {"blank before the colon", H "Content-Length : 3\r\n\r\n", false, -1, 9, 200, "", true,
     "a header of the answer is not 'Name: value'"},
    {"chunk without a size", H "Transfer-Encoding: chunked\r\n\r\n;x\r\n", false, -1, 9, 200, "",
     true, "a chunk of the answer has no size"},
    {"chunk with a sign", H "Transfer-Encoding: chunked\r\n\r\n-1\r\n", false, -1, 9, 200, "", true,
     "a chunk of the answer has no size"},
    {"chunk above 2^40", H "Transfer-Encoding: chunked\r\n\r\nfffffffffff\r\n", false, -1, 9, 200,
     "", true, "a chunk of the answer has no size"},
    {"chunk longer than it says", H "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", false, -1, 9,
     200, "a", true, "a chunk of the answer is longer than it says"},
};

static void check(const struct answer_case *c, size_t cut, size_t step)
{
    struct seen s = {.head = BUF_INIT(10000), .body = BUF_INIT(10000)};
    const struct http_answer_events ev = {.line = on_line, .body = on_body, .ctx = &s};
    struct sv text = sv_of(c->text);
    struct http_answer a;
    struct err e = {0};
    int rc;

    http_answer_init(&a, c->to_head);
    rc = http_answer_feed(&a, sv_sub(text, 0, cut), &ev, &e);
    for (size_t at = cut; rc >= 0 && at < text.n;
         at += step) /* what comes behind the end is fed too */
        rc = http_answer_feed(&a, sv_sub(text, at, step), &ev, &e);
    assert_int_equal(rc, c->rc);
    if (c->end != 9)
        assert_int_equal(http_answer_end(&a, &e), c->end);
    if (c->msg != NULL)
        assert_string_equal(e.msg, c->msg);
    assert_int_equal(a.status, c->status);
    assert_string_equal(s.body.p, c->body);
    assert_int_equal(a.keep, c->keep);
    http_answer_done(&a);
    buf_free(&s.head);
    buf_free(&s.body);
}

static void check_cuts(void **state)
{
    const struct answer_case *c = *state;
    size_t n = strlen(c->text);

    for (size_t cut = 0; cut <= n; cut++)
        check(c, cut, n + 1);
    check(c, 0, 1);
}

static int stop_line(void *ctx, struct sv line)
{
    (void)ctx;
    return line.n == 2 ? -1 : 0;
}

static int stop_body(void *ctx, const void *p, size_t n)
{
    (void)ctx;
    (void)p;
    (void)n;
    return -1;
}

static void limits_and_stops(void **state)
{
    struct seen s = {.head = BUF_INIT(1 << 20), .body = BUF_INIT(100)};
    struct http_answer_events ev = {.line = on_line, .body = on_body, .ctx = &s};
    AUTO(buf_free) struct buf text = BUF_INIT(1 << 20);
    struct http_answer a;
    struct err e = {0};

    (void)state;
    buf_adds(&text, H "X: ");
    while (text.len < strlen(H) + HTTP_LINE_MAX_BYTES + 1) /* one byte above the longest line */
        buf_addc(&text, 'x');
    http_answer_init(&a, false);
    assert_int_equal(http_answer_feed(&a, buf_sv(&text), &ev, &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
    http_answer_done(&a);
    buf_reset(&text);
    buf_adds(&text, H);
    while (text.len <= HTTP_HEAD_MAX_BYTES)
        buf_adds(&text, "X: 0123456789\r\n");
    http_answer_init(&a, false);
    assert_int_equal(http_answer_feed(&a, buf_sv(&text), &ev, &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
    assert_string_equal(e.msg, "the head of the answer is too large");
    http_answer_done(&a);
    ev.line = stop_line;
    http_answer_init(&a, false);
    assert_int_equal(http_answer_feed(&a, SV(H "\r\n"), &ev, &e), -1);
    assert_int_equal(e.code, FAIL_CANCELED);
    http_answer_done(&a);
    ev = (struct http_answer_events){.line = on_line, .body = stop_body, .ctx = &s};
    http_answer_init(&a, false);
    assert_int_equal(http_answer_feed(&a, SV(H "Content-Length: 3\r\n\r\nabc"), &ev, &e), -1);
    assert_int_equal(e.code, FAIL_CANCELED);
    http_answer_done(&a);
    buf_free(&s.head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(limits_and_stops)};

    return RUN_TABLE("http answers", cases, check_cuts) +
           cmocka_run_group_tests_name("http_answer", tests, NULL, NULL);
}
