/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP client: requests, what is refused, failures and retries, redirects. */
#include "tests/unit/base/http_client_rig.h"

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

/* ---- redirects --------------------------------------------------------------------------------------- */

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

int main(void)
{
    enum { B = COUNT(bad_cases), R = COUNT(retry_cases), D = COUNT(redirect_cases) };
    struct CMUnitTest tests[B + R + D];
    const struct CMUnitTest more[] = {
        ONE(check_request),
        ONE(check_methods),
        ONE(check_retry_after),
        ONE(check_refused),
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
