/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls and their retries; the token cache is api_token.c. */
#include "runner/listener/api_priv.h"

#include "base/clock.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#include <jansson.h>

#define HTTP_RETRIES 3U /* source: spec 9.4, GITHUB_ACTIONS_RUNNER_HTTP_RETRY's default */

char *gh_url(const char *base, const char *relative)
{
    struct sv b = sv_of(base);
    size_t scheme = sv_find(b, SV("://"));
    size_t host = scheme == SV_NPOS ? 0 : scheme + 3;
    size_t cut, slash;

    for (cut = host; cut < b.n && b.p[cut] != '?' && b.p[cut] != '#';)
        cut++;
    b.n = cut;
    slash = sv_rchr(sv_sub(b, host, b.n - host), '/');
    if (slash == SV_NPOS)
        return xasprintf("%.*s/%s", (int)b.n, b.p, relative);
    return xasprintf("%.*s%s", (int)(host + slash + 1), b.p, relative);
}

int64_t gh_jitter(int64_t min_ms, int64_t max_ms)
{
    uint32_t r;

    ids_random(&r, sizeof r);
    return min_ms + (int64_t)((uint64_t)r * (uint64_t)(max_ms - min_ms) / UINT32_MAX);
}

struct gh_api *gh_api_new(const struct gh_api_options *o)
{
    struct gh_api *a = xcalloc(1, sizeof *a);
    const struct gh_registration *r = o->reg;

    a->o = *o;
    ids_uuid4(a->session_guid);
    /* Servers look at the first product (9.2). */
    a->agent =
        r->client_id != NULL
            ? xasprintf("GitHubActionsRunner-linux-" GH_ARCH_LOWER "/%s ClientId/%s "
                        "RunnerId/%lld GroupId/%lld (Runner) Gantry/" GANTRY_VERSION,
                        o->version, r->client_id, (long long)r->agent_id, (long long)r->pool_id)
            : xasprintf("GitHubActionsRunner-linux-" GH_ARCH_LOWER "/%s RunnerId/%lld "
                        "GroupId/%lld (Runner) Gantry/" GANTRY_VERSION,
                        o->version, (long long)r->agent_id, (long long)r->pool_id);
    return a;
}

static void unlink_call(struct gh_call *c)
{
    struct gh_call **at = &c->api->calls;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
}

/* A call that is on no list any more. */
static void call_drop(struct gh_call *c)
{
    if (c->req != NULL)
        hc_cancel(c->req);
    loop_del_timer(c->timer);
    free(c->url);
    free(c->body);
    free(c);
}

static void call_free(struct gh_call *c)
{
    unlink_call(c);
    call_drop(c);
}

void gh_call_cancel(struct gh_call **c)
{
    if (*c != NULL)
        call_free(*c);
    *c = NULL;
}

void gh_api_free(struct gh_api *a)
{
    if (a == NULL)
        return;
    for (struct gh_call *c = a->calls, *next; c != NULL; c = next) {
        next = c->next;
        call_drop(c);
    }
    gh_token_reset(a);
    free(a->agent);
    free(a);
}

void gh_api_forget_token(struct gh_api *a)
{
    gh_token_drop(a);
}

/* ---- what an answer means ---- */

static enum gh_kind kind_of(struct sv name)
{
    static const struct {
        const char *name;
        enum gh_kind kind;
    } kinds[] = {
        /* source: actions/runner: src/Sdk/RSWebApi/Contracts/BrokerErrorKind.cs */
        {"RunnerNotFound", GH_KIND_RUNNER_NOT_FOUND},
        {"RunnerVersionTooOld", GH_KIND_VERSION_TOO_OLD},
        {"HostedRunnerDeprovisioned", GH_KIND_DEPROVISIONED},
        {"RunnerSessionInvalid", GH_KIND_SESSION_INVALID},
        {"AcknowledgeJobNotFound", GH_KIND_ACK_JOB_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (sv_ieq(name, sv_of(kinds[i].name)))
            return kinds[i].kind;
    return GH_KIND_OTHER;
}

/* An error body is believed only with the right `source` (5.3, 6). */
static void read_error_body(struct gh_answer *a, const char *what)
{
    AUTO(auto_json) json_t *j = NULL;
    struct err ignored; /* no JSON: not believed, which is not a failure of its own */
    struct sv source, text;

    (void)err_http(&a->e, a->status, "%s: the server answered %d", what, a->status);
    if (a->body.n == 0)
        return;
    j = jx_parse_lax(a->body, what, &ignored);
    if (j == NULL)
        return;
    source = jx_str(jx_iget(j, "source") != NULL ? j : NULL, "source", "");
    text = jx_str(j, "errorMessage", "");
    if (sv_is(source, "actions-broker-listener")) {
        struct sv kind = jx_str(j, "errorKind", "");
        a->kind = kind_of(kind);
        (void)err_http(&a->e, a->status, "%s: " SV_FMT ": " SV_FMT, what,
                       SV_ARG(sv_sub(kind, 0, 60)), SV_ARG(sv_sub(text, 0, 160)));
    } else if (sv_is(source, "actions-run-service")) {
        int64_t n = jx_int(j, "statusCode", 0);
        a->run_status = n > 0 && n < 1000 ? (int)n : 0;
        (void)err_http(&a->e, a->status, "%s: %d: " SV_FMT, what, a->run_status,
                       SV_ARG(sv_sub(text, 0, 200)));
    }
}

static bool is_json_type(struct sv headers)
{
    struct sv type, media;

    if (!hc_header(headers, "Content-Type", &type))
        return false;
    (void)sv_next(&type, ';', &media);
    return sv_ieq(sv_trim(media), SV("application/json"));
}

/* ---- one attempt ---- */

static void finish(struct gh_call *c, const struct gh_answer *a)
{
    gh_done_fn *done = c->s.done;
    void *ctx = c->s.ctx;

    *c->s.ref = NULL;
    c->req = NULL;
    /* The answer's body is lent by the HTTP client until its callback returns, not by the call. */
    call_free(c);
    done(ctx, a);
}

static void again(void *ctx)
{
    struct gh_call *c = ctx;

    gh_call_send(c);
}

static void retry_in(struct gh_call *c, int64_t ms, const struct gh_answer *a)
{
    char text[512];

    log_debug("listener", "retry", "in_ms=%lld why=%s", (long long)ms,
              err_text(&a->e, text, sizeof text));
    if (c->timer == NULL)
        c->timer = loop_add_timer(c->api->o.loop, ms, again, c);
    else
        loop_set_timer(c->timer, ms);
}

/* min(10 s + (2^n - 1) x r, 10 min), r in 0.8..1.2 s (9.4) */
int64_t gh_handler_delay(unsigned n)
{
    int64_t ms = 10000 + (((int64_t)1 << n) - 1) * gh_jitter(800, 1200);

    return ms < 600000 ? ms : 600000;
}

void gh_call_settle(struct gh_call *c, const struct gh_answer *a)
{
    bool transient = a->status == 502 || a->status == 503 || a->status == 504 ||
                     (a->status == 0 && a->oauth == GH_OAUTH_OK && a->e.code == FAIL_NET);

    if (!gh_ok(a) && c->s.http_retry && transient && a->kind == GH_KIND_NONE &&
        a->run_status == 0 && c->handler_tries < HTTP_RETRIES) {
        retry_in(c, gh_handler_delay(++c->handler_tries), a);
    } else if (!gh_ok(a) && c->tries + 1 < c->s.attempts && a->oauth == GH_OAUTH_OK &&
               !(c->s.final != NULL && c->s.final(a))) {
        c->tries++;
        c->handler_tries = 0;
        retry_in(c, gh_jitter(c->s.gap_min_ms, c->s.gap_max_ms), a);
    } else {
        finish(c, a);
    }
}

static void on_answer(void *ctx, const struct hc_response *r, const struct err *e)
{
    struct gh_call *c = ctx;
    struct gh_answer a = {.status = 0};

    c->req = NULL;
    if (e != NULL) {
        a.e = *e;
        (void)err_wrap(&a.e, "%s", c->s.what);
        gh_call_settle(c, &a);
        return;
    }
    /* A 401 makes the token worthless: a fresh one, once (3.3). A static one is final. */
    if (r->status == 401 && c->s.bearer == NULL && gh_token_drop(c->api) && !c->renewed) {
        c->renewed = true;
        gh_call_send(c);
        return;
    }
    a.status = r->status;
    if (is_json_type(r->headers))
        a.body = r->body;
    if (!gh_ok(&a))
        read_error_body(&a, c->s.what);
    gh_call_settle(c, &a);
}

static void on_failed_start(void *ctx)
{
    struct gh_call *c = ctx;
    struct gh_answer a = {.e = c->start_error};

    finish(c, &a);
}

/* From the loop, never from inside gh_call_start. */
static void fail_later(struct gh_call *c)
{
    (void)err_wrap(&c->start_error, "%s", c->s.what);
    loop_del_timer(c->timer);
    c->timer = loop_add_timer(c->api->o.loop, 0, on_failed_start, c);
}

void gh_call_send_with(struct gh_call *c, const struct secret *token)
{
    char *agent = xasprintf("User-Agent: %s", c->api->agent);
    char *session = xasprintf("X-Actions-Session: %s", c->api->session_guid);
    const char *headers[] = {"Accept: application/json", agent, session,
                             c->body_n > 0 ? "Content-Type: application/json; charset=utf-8" : NULL,
                             NULL};
    struct hc_spec s = {
        .method = c->s.method,
        .url = c->url,
        .headers = headers,
        .bearer = token,
        .body = {c->body, c->body_n},
        .max_bytes = c->s.max_bytes,
        .timeout_ms = c->s.timeout_ms,
        .done = on_answer,
        .ctx = c,
    };

    if (hc_start(c->api->o.hc, &s, &c->req, &c->start_error) < 0) {
        c->req = NULL;
        fail_later(c);
    }
    free(agent);
    free(session);
}

void gh_call_send(struct gh_call *c)
{
    if (c->s.bearer != NULL)
        gh_call_send_with(c, c->s.bearer);
    else
        gh_token_get(c);
}

void gh_call_start(struct gh_api *a, const struct gh_call_spec *s)
{
    struct gh_call *c = xcalloc(1, sizeof *c);

    c->api = a;
    c->s = *s;
    if (c->s.attempts == 0)
        c->s.attempts = 1;
    if (c->s.gap_max_ms == 0) {
        c->s.gap_min_ms = 5000; /* source: actions/runner: src/Runner.Common/RunnerService.cs */
        c->s.gap_max_ms = 15000;
    }
    c->url = xstrdup(s->url);
    if (s->body.n > 0)
        c->body = xmemdup(s->body.p, s->body.n);
    c->body_n = s->body.n;
    c->next = a->calls;
    a->calls = c;
    BUG(*s->ref != NULL); /* one call a purpose */
    *s->ref = c;
    gh_call_send(c);
}
