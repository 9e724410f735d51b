/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of base/url.h and base/http_route.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/http_route.h"
#include "base/mem.h"
#include "base/url.h"

struct url_case {
    const char *name;
    const char *in;
    const char *parts; /* scheme|host|port|path|query, or NULL */
    const char *msg;
};
static const struct url_case url_cases[] = {
    {"whole", "https://h.example:8443/a/b?c=d", "https|h.example|8443|/a/b|c=d", NULL},
    {"no path", "http://h", "http|h|80||", NULL},
    {"query without a path", "https://h?x", "https|h|443||x", NULL},
    {"scheme in capitals", "WSS://h/", "WSS|h|443|/|", NULL},
    {"IPv6", "ws://[::1]:81/x", "ws|::1|81|/x|", NULL},
    {"IPv6 without a port", "http://[fe80::1]", "http|fe80::1|80||", NULL},
    {"question mark in the query", "http://h/?a?b", "http|h|80|/|a?b", NULL},
    {"empty", "", NULL, "bad URL: it does not begin with http://, https://, ws:// or wss://"},
    {"no scheme", "h/x", NULL,
     "bad URL: it does not begin with http://, https://, ws:// or wss://"},
    {"no host", "http:///x", NULL, "bad URL: no host, or one above 255 bytes"},
    {"user name", "http://u@h/", NULL, "bad URL: it holds a user name"},
    {"fragment", "http://h/#x", NULL, "bad URL: it holds a fragment"},
    {"blank", "http://h/a b", NULL, "bad URL: blank, control or non-ASCII character"},
    {"backslash", "http://h\\x", NULL, "bad URL: blank, control or non-ASCII character"},
    {"non-ASCII", "http://h/\xc3\xa9", NULL, "bad URL: blank, control or non-ASCII character"},
    {"odd host", "http://a*b/", NULL, "bad URL: odd character in the host"},
    {"unfinished IPv6", "http://[::1", NULL, "bad URL: unfinished IPv6 address"},
    {"text behind IPv6", "http://[::1]x", NULL, "bad URL: unfinished IPv6 address"},
    {"port 0", "http://h:0/", NULL, "bad URL: the port is not a number from 1 to 65535"},
    {"port too large", "http://h:65536/", NULL,
     "bad URL: the port is not a number from 1 to 65535"},
    {"empty port", "http://h:/", NULL, "bad URL: the port is not a number from 1 to 65535"},
};

static void check_url(void **state)
{
    const struct url_case *c = *state;
    AUTO(buf_free) struct buf b = BUF_INIT(1000);
    struct err e = {0};
    struct url u = {.port = 7};

    int rc = url_parse(sv_of(c->in), &u, &e);
    if (c->parts == NULL) {
        assert_int_equal(rc, -1);
        assert_int_equal(u.port, 7); /* untouched */
        assert_string_equal(e.msg, c->msg);
        return;
    }
    assert_int_equal(rc, 0);
    buf_addf(&b, SV_FMT "|" SV_FMT "|%u|" SV_FMT "|" SV_FMT, SV_ARG(u.scheme), SV_ARG(u.host),
             (unsigned)u.port, SV_ARG(u.path), SV_ARG(u.query));
    assert_string_equal(b.p, c->parts);
}

static const struct {
    const char *host;
    bool loopback, localhost;
} hosts[] = {
    {"localhost", true, true},
    {"LocalHost", true, true},
    {"a.b.localhost", true, true},
    {"localhost.", true, true},
    {"127.0.0.1", true, false},
    {"127.9.8.7", true, false},
    {"::1", true, false},
    {"localhost.example", false, false},
    {"notlocalhost", false, false},
    {".localhost", false, false},
    {"127.0.0.1.example", false, false},
    {"127.evil.example.x", false, false},
    {"128.0.0.1", false, false},
    {"", false, false},
};

static void check_hosts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        assert_int_equal(url_host_is_loopback(sv_of(hosts[i].host)), hosts[i].loopback);
        assert_int_equal(url_host_is_localhost(sv_of(hosts[i].host)), hosts[i].localhost);
    }
}

static void check_coding(void **state)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1000);
    AUTO(buf_free) struct buf back = BUF_INIT(1000);
    struct err e;

    (void)state;
    url_encode(&b, SV("aZ09-._~ /?#%\xff+"));
    assert_string_equal(b.p, "aZ09-._~%20%2F%3F%23%25%FF%2B");
    assert_int_equal(url_decode(buf_sv(&b), &back, &e), 0);
    assert_string_equal(back.p, "aZ09-._~ /?#%\xff+");
    assert_int_equal(url_decode(SV("%"), &back, &e), -1);
    assert_int_equal(url_decode(SV("%1"), &back, &e), -1);
    assert_int_equal(url_decode(SV("%1g"), &back, &e), -1);
    assert_int_equal(url_decode(SV("%00"), &back, &e), -1);
}

static void nothing(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    (void)ctx;
    (void)r;
    (void)stage;
}

static const struct hs_route routes[] = {
    {"GET", "/", nothing, 0},
    {"GET", "/a/{x}/b", nothing, 0},
    {"POST", "/a/{x}/b", nothing, 0},
    {"GET", "/a/fixed/b", nothing, 0},
    {"PUT", "/r/{rest...}", nothing, 0},
    {"GET", "/two/{x}/{y}", nothing, 0},
    {"*", "/all", nothing, 0},
};

static const struct {
    const char *method, *path;
    int status;
    int route;          /* index, or -1 */
    const char *params; /* each followed by '|' */
} route_cases[] = {
    {"GET", "/", 200, 0, ""},
    {"GET", "", 404, -1, ""},
    {"GET", "//", 404, -1, ""},
    {"GET", "/a/1/b", 200, 1, "1|"},
    {"POST", "/a/1/b", 200, 2, "1|"},
    {"GET", "/a/fixed/b", 200, 1, "fixed|"}, /* the first that fits wins */
    {"PUT", "/a/1/b", 405, -1, ""},
    {"HEAD", "/a/1/b", 200, 1, "1|"},
    {"HEAD", "/r/x", 405, -1, ""},
    {"GET", "/a/1/b/", 404, -1, ""},
    {"GET", "/a//b", 404, -1, ""},
    {"PUT", "/r/", 200, 4, "|"},
    {"PUT", "/r/x/y%20z", 200, 4, "x/y z|"},
    {"PUT", "/r", 404, -1, ""},
    {"GET", "/two/%2F/..", 200, 5, "/|..|"},
    {"GET", "/two/%zz/x", 400, -1, ""},
    {"GET", "/two/x/%00", 400, -1, ""},
    {"BREW", "/all", 200, 6, ""},
};

static void check_routes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof route_cases / sizeof route_cases[0]; i++) {
        AUTO(buf_free) struct buf allow = BUF_INIT(100);
        AUTO(buf_free) struct buf params = BUF_INIT(100);
        struct route_match m;

        int status = route_find(routes, sizeof routes / sizeof routes[0], route_cases[i].method,
                                route_cases[i].path, &m, &allow);
        assert_int_equal(status, route_cases[i].status);
        assert_int_equal(m.route == NULL ? -1 : m.route - routes, route_cases[i].route);
        for (size_t k = 0; k < m.n; k++)
            buf_addf(&params, "%s|", m.params[k].value);
        assert_string_equal(params.p, route_cases[i].params);
        if (status == 405)
            assert_true(allow.len > 0);
        route_done(&m);
    }
}

int main(void)
{
    enum { N = sizeof url_cases / sizeof url_cases[0] };
    struct CMUnitTest tests[N];
    const struct CMUnitTest more[] = {cmocka_unit_test(check_hosts), cmocka_unit_test(check_coding),
                                      cmocka_unit_test(check_routes)};

    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){.name = url_cases[i].name,
                                       .test_func = check_url,
                                       .initial_state = (void *)(uintptr_t)&url_cases[i]};
    int failed = cmocka_run_group_tests_name("url_parse", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("url", more, NULL, NULL);
}
