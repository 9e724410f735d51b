/* SPDX-License-Identifier: Apache-2.0
 *
 * What the listener reads: envelopes, JIT configurations, time spans, base URLs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "runner/listener/listener_priv.h"

#define IDS "\"messageType\":\"RunnerJobRequest\",\"plan\":{\"planId\":\"p-1\"},\"jobId\":\"j-1\""
#define ENDPOINT(name)                                                                \
    "{\"name\":\"" name "\",\"url\":\"http://h/run/\",\"authorization\":{\"scheme\":" \
    "\"OAuth\",\"parameters\":{\"AccessToken\":\"a.b.c\"}}}"
#define RESOURCES(list) ",\"resources\":{\"endpoints\":[" list "]}"

struct envelope_case {
    const char *name, *json;
    enum fail code;
    const char *text; /* part of the message */
};
static const struct envelope_case envelope_cases[] = {
    {"a minimal message", "{" IDS RESOURCES(ENDPOINT("SystemVssConnection")) "}", FAIL_NONE, NULL},
    {"another endpoint beside it",
     "{" IDS RESOURCES(ENDPOINT("x") "," ENDPOINT("systemvssconnection")) "}", FAIL_NONE, NULL},
    {"keys in another case",
     "{\"MessageType\":\"RunnerJobRequest\",\"Plan\":{\"PLANID\":\"p-1\"},"
     "\"JobId\":\"j-1\"" RESOURCES(ENDPOINT("SystemVssConnection")) "}",
     FAIL_NONE, NULL},
    {"no endpoint", "{" IDS "}", FAIL_PROTO, "no endpoint named SystemVssConnection"},
    {"two endpoints",
     "{" IDS RESOURCES(ENDPOINT("SystemVssConnection") "," ENDPOINT("SystemVssConnection")) "}",
     FAIL_PROTO, "two endpoints"},
    {"an id twice", "{" IDS ",\"jobId\":\"k\"" RESOURCES(ENDPOINT("SystemVssConnection")) "}",
     FAIL_PROTO, "'jobId' is there twice"},
    {"an id that would break out of its quotes", "{\"messageType\":\"R\",\"jobId\":\"a\\\"b\"}",
     FAIL_PROTO, "is missing"},
    {"an id of another type", "{\"jobId\":5}", FAIL_PROTO, "expected a string"},
    {"text behind the end", "{" IDS RESOURCES(ENDPOINT("SystemVssConnection")) "}x", FAIL_PROTO,
     "text behind the end"},
    {"not an object", "[]", FAIL_PROTO, "expected an object"},
    {"a number with a leading zero", "{\"a\":01}", FAIL_PROTO, "expected ','"},
    {"a control character", "{\"a\":\"\n\"}", FAIL_PROTO, "control character"},
    {"a NUL in a field", "{\"jobDisplayName\":\"\\u0000\"}", FAIL_PROTO, "NUL in 'jobDisplayName'"},
    {"nothing", "", FAIL_PROTO, "expected an object"},
};

static void check_envelope(void **state)
{
    const struct envelope_case *c = *state;
    struct gh_envelope v = GH_ENVELOPE_INIT;
    struct err e = {0};
    int rc = gh_envelope_parse(sv_of(c->json), &v, &e);

    assert_int_equal(rc, c->code == FAIL_NONE ? 0 : -1);
    assert_int_equal(e.code, c->code);
    if (c->text != NULL)
        assert_non_null(strstr(e.msg, c->text));
    if (rc == 0) {
        assert_string_equal(v.plan_id, "p-1");
        assert_string_equal(v.job_id, "j-1");
        assert_string_equal(v.url, "http://h/run/");
        assert_true(secret_eq(&v.token, "a.b.c", 5));
    }
    gh_envelope_done(&v);
}

static void nesting_has_a_limit(void **state)
{
    AUTO(buf_free) struct buf b = BUF_INIT(65536);
    struct gh_envelope v = GH_ENVELOPE_INIT;
    struct err e = {0};

    (void)state;
    for (int more = 0; more < 2; more++) {
        unsigned n = GH_ENVELOPE_MAX_DEPTH - 1 + (unsigned)more; /* the object around counts */
        buf_reset(&b);
        buf_adds(&b, "{\"x\":");
        for (unsigned i = 0; i < n; i++)
            buf_addc(&b, '[');
        for (unsigned i = 0; i < n; i++)
            buf_addc(&b, ']');
        buf_addc(&b, '}');
        assert_int_equal(gh_envelope_parse(buf_sv(&b), &v, &e), -1);
        assert_int_equal(e.code, more ? FAIL_LIMIT : FAIL_PROTO);
    }
}

static void escapes_are_decoded(void **state)
{
    static const char json[] =
        "{" IDS ",\"jobDisplayName\":\"a\\n\\u00e9\\ud83d\\ude00\\ud800x\"" RESOURCES(
            ENDPOINT("SystemVssConnection")) "}";
    struct gh_envelope v = GH_ENVELOPE_INIT;
    struct err e = {0};

    (void)state;
    assert_int_equal(gh_envelope_parse(sv_of(json), &v, &e), 0);
    assert_string_equal(v.display_name, "a\n\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbdx");
    gh_envelope_done(&v);
}

struct span_case {
    const char *text;
    int64_t ms;
};
static const struct span_case spans[] = {
    {"00:05:00", 300000},
    {"1.02:00:00", 93600000},
    {"00:00:01.5000000", 1000},
    {"00:60:00", -1},
    {"5", -1},
    {"", -1},
    {"00:00", -1},
    {"00:00:00.x", -1},
};
static void time_spans(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++)
        assert_int_equal(gh_timespan_ms(sv_of(spans[i].text)), spans[i].ms);
}

static void base_urls(void **state)
{
    static const char *const rows[][2] = {
        {"https://h/a/b/", "https://h/a/b/session"},  {"https://h/a/b", "https://h/a/session"},
        {"https://h", "https://h/session"},           {"https://h/", "https://h/session"},
        {"https://h/a/?x=/y", "https://h/a/session"}, {"https://h?x", "https://h/session"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *url = gh_url(rows[i][0], "session");
        assert_string_equal(url, rows[i][1]);
        free(url);
    }
}

/* ---- JIT configurations ---- */

static char *blob(const char *runner, const char *credentials)
{
    AUTO(buf_free) struct buf in = BUF_INIT(65536);
    AUTO(buf_free) struct buf out = BUF_INIT(65536);

    buf_adds(&in, "{\".runner\":\"");
    base64_encode(&in, runner, strlen(runner));
    buf_adds(&in, "\"");
    if (credentials != NULL) {
        buf_adds(&in, ",\".credentials\":\"");
        base64_encode(&in, credentials, strlen(credentials));
        buf_adds(&in, "\"");
    }
    buf_adds(&in, ",\"../evil\":\"eA==\"}");
    base64_encode(&out, in.p, in.len);
    return xstrdup(out.p);
}

#define RUNNER "{\"agentId\":7,\"useV2Flow\":true,\"serverUrlV2\":\"https://b/\"}"
#define TOKEN  "{\"scheme\":\"OAuthAccessToken\",\"data\":{\"Token\":\"t\"}}"
struct jit_case {
    const char *name, *runner, *credentials;
    enum fail code;
    const char *text;
};
static const struct jit_case jit_cases[] = {
    {"plain values", RUNNER, TOKEN, FAIL_NONE, NULL},
    {"a BOM, strings for numbers and booleans",
     "\xef\xbb\xbf{\"AgentId\":\"7\",\"UseV2Flow\":\"True\",\"ServerUrlV2\":\"https://b/\"}", TOKEN,
     FAIL_NONE, NULL},
    {"the old flow", "{\"agentId\":7}", TOKEN, FAIL_UNSUPPORTED, "useV2Flow"},
    {"no server", "{\"useV2Flow\":true}", TOKEN, FAIL_INPUT, "serverUrlV2"},
    {"an id above 63 bits", "{\"agentId\":\"9223372036854775808\",\"useV2Flow\":true}", TOKEN,
     FAIL_LIMIT, "agentId"},
    {"no credentials", RUNNER, NULL, FAIL_INPUT, "no file '.credentials'"},
    {"an unknown scheme", RUNNER, "{\"scheme\":\"X\",\"data\":{}}", FAIL_UNSUPPORTED, "scheme 'X'"},
    {"no token", RUNNER, "{\"scheme\":\"OAuthAccessToken\",\"data\":{}}", FAIL_INPUT,
     "without a token"},
    {"no key", RUNNER,
     "{\"scheme\":\"OAuth\",\"data\":{\"clientId\":\"c\",\"authorizationUrl\":\"https://t\"}}",
     FAIL_INPUT, ".credentials_rsaparams"},
};

static void check_jit(void **state)
{
    const struct jit_case *c = *state;
    struct gh_registration r = GH_REGISTRATION_INIT;
    struct err e = {0};
    char *b64 = blob(c->runner, c->credentials), text[512];
    int rc = gh_jit_parse(sv_of(b64), &r, &e);

    free(b64);
    assert_int_equal(rc, c->code == FAIL_NONE ? 0 : -1);
    assert_int_equal(e.code, c->code);
    if (c->text != NULL)
        assert_non_null(strstr(err_text(&e, text, sizeof text), c->text));
    if (rc == 0) {
        assert_int_equal(r.agent_id, 7);
        assert_true(r.ephemeral);
        assert_true(secret_eq(&r.token, "t", 1));
    }
    gh_registration_done(&r);
}

/* A job's name is a workflow's text: what it would do to a terminal is shown instead. */
static void names_do_not_reach_the_terminal(void **state)
{
    const struct gh_listener l = {.o = {.announce = true}};
    int memfd = memfd_create("out", MFD_CLOEXEC), kept = dup(STDOUT_FILENO);
    char text[256];
    ssize_t n;

    (void)state;
    assert_true(memfd >= 0 && kept >= 0);
    (void)fflush(stdout);
    assert_true(dup2(memfd, STDOUT_FILENO) >= 0);
    gh_say(&l, "Running job: %s", "a\x1b]0;t\x07\nJob b \xc2\x9b \xc3\xa4\x7f");
    assert_true(dup2(kept, STDOUT_FILENO) >= 0);
    (void)close(kept);
    n = pread(memfd, text, sizeof text - 1, 0);
    (void)close(memfd);
    assert_true(n > 0);
    text[n] = '\0';
    assert_string_equal(text, "Running job: a\\x1b]0;t\\x07\\x0aJob b \\x9b \xc3\xa4\\x7f\n");
}

static void garbage_is_no_jit(void **state)
{
    struct gh_registration r = GH_REGISTRATION_INIT;
    struct err e = {0};

    (void)state;
    assert_int_equal(gh_jit_parse(SV("%%%"), &r, &e), -1);
    assert_int_equal(gh_jit_parse(SV("W10="), &r, &e), -1); /* [] */
    assert_int_equal(gh_jit_parse(SV(""), &r, &e), -1);
}

int main(void)
{
    enum {
        N = sizeof envelope_cases / sizeof envelope_cases[0],
        M = sizeof jit_cases / sizeof jit_cases[0],
        MORE = 6
    };
    static const struct CMUnitTest more[MORE] = {
        cmocka_unit_test(nesting_has_a_limit), cmocka_unit_test(escapes_are_decoded),
        cmocka_unit_test(time_spans),          cmocka_unit_test(base_urls),
        cmocka_unit_test(garbage_is_no_jit),   cmocka_unit_test(names_do_not_reach_the_terminal)};
    struct CMUnitTest tests[N + M + MORE];

    jx_init();
    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){.name = envelope_cases[i].name,
                                       .test_func = check_envelope,
                                       .initial_state = (void *)(uintptr_t)&envelope_cases[i]};
    for (size_t i = 0; i < M; i++)
        tests[N + i] = (struct CMUnitTest){.name = jit_cases[i].name,
                                           .test_func = check_jit,
                                           .initial_state = (void *)(uintptr_t)&jit_cases[i]};
    for (size_t i = 0; i < MORE; i++)
        tests[N + M + i] = more[i];
    return cmocka_run_group_tests_name("what the listener reads", tests, NULL, NULL);
}
