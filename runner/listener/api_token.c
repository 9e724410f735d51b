/* SPDX-License-Identifier: Apache-2.0
 *
 * The listener's token: sent as is, or asked for with a signed client assertion (spec runner-protocol 3). */
#include "runner/listener/api_priv.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#include <jansson.h>

#define TOKEN_ATTEMPTS  6U /* source: spec 3.2 */
#define TOKEN_MAX_BYTES 65536U
/* Ours: backdated against clocks that run ahead; the lifetime stays 300 s (3.1). */
#define ASSERTION_BACK_S  60
#define ASSERTION_AHEAD_S 240

static void ask(struct gh_api *a);

void gh_token_reset(struct gh_api *a)
{
    if (a->token_req != NULL)
        hc_cancel(a->token_req);
    a->token_req = NULL;
    loop_del_timer(a->token_timer);
    a->token_timer = NULL;
    secret_free(&a->token);
}

bool gh_token_drop(struct gh_api *a)
{
    secret_free(&a->token);
    return a->o.reg->rsa != NULL;
}

/* Every waiting call goes on: each may start, cancel or free others meanwhile. */
static void wake(struct gh_api *a, const struct gh_answer *failed)
{
    struct gh_call *c;

    a->token_busy = false;
    for (;;) {
        for (c = a->calls; c != NULL && !c->waits; c = c->next)
            ;
        if (c == NULL)
            return;
        c->waits = false;
        if (failed == NULL)
            gh_call_send_with(c, &a->token);
        else
            gh_call_settle(c, failed);
    }
}

static void give_up(struct gh_api *a, enum gh_oauth why, const struct err *e)
{
    struct gh_answer f = {.oauth = why, .e = *e};

    (void)err_wrap(&f.e, "get a token");
    wake(a, &f);
}

static void on_token_timer(void *ctx)
{
    ask(ctx);
}

static bool retried(int status)
{
    return status == 500 || status == 429 || status == 502 || status == 503 || status == 504;
}

static void on_token_error(struct gh_api *a, const struct hc_response *r)
{
    AUTO(auto_json) json_t *j = NULL;
    struct err e = {0}, ignored; /* not JSON: only the status speaks */
    struct sv code, text;
    enum gh_oauth why = GH_OAUTH_OTHER;

    j = jx_parse_lax(r->body, "token answer", &ignored);
    code = jx_str(j, "error", "");
    text = jx_str(j, "error_description", "");
    (void)err_http(&e, r->status, "the token endpoint answered %d " SV_FMT ": " SV_FMT, r->status,
                   SV_ARG(sv_sub(code, 0, 40)), SV_ARG(sv_sub(text, 0, 180)));
    if (sv_is(code, "invalid_client"))
        why = GH_OAUTH_INVALID_CLIENT;
    else if (sv_find(text, SV("Current server time is")) != SV_NPOS)
        why = GH_OAUTH_SKEW;
    give_up(a, why, &e);
}

static void on_token(void *ctx, const struct hc_response *r, const struct err *e)
{
    struct gh_api *a = ctx;
    AUTO(auto_json) json_t *j = NULL;
    struct err fail;
    struct sv token;
    int64_t lifetime_s;

    a->token_req = NULL;
    if ((e != NULL && e->code == FAIL_NET) || (e == NULL && retried(r->status))) {
        if (++a->token_tries < TOKEN_ATTEMPTS) {
            loop_del_timer(a->token_timer);
            a->token_timer =
                loop_add_timer(a->o.loop, gh_handler_delay(a->token_tries), on_token_timer, a);
            return;
        }
    }
    if (e != NULL) {
        give_up(a, GH_OAUTH_OTHER, e);
        return;
    }
    if (r->status < 200 || r->status > 299) {
        on_token_error(a, r);
        return;
    }
    j = jx_parse_lax(r->body, "token answer", &fail);
    if (j == NULL || jx_need_str(j, "access_token", &token, &fail) < 0) {
        give_up(a, GH_OAUTH_OTHER, &fail);
        return;
    }
    lifetime_s = jx_int(j, "expires_in", 3000);
    if (lifetime_s < 60 || lifetime_s > INT64_C(86400) * 30)
        lifetime_s = 60;
    secret_free(&a->token);
    a->token = secret_new(token.p, token.n);
    a->token_until_ms = tm_now_ms() + lifetime_s * 800;
    log_mask(token.p, token.n);
    wake(a, NULL);
}

static int assertion(struct gh_api *a, struct buf *jwt, struct err *e)
{
    const struct gh_registration *r = a->o.reg;
    AUTO(buf_free) struct buf claims = BUF_INIT(8192);
    int64_t now_s = tm_wall_ms() / 1000;
    char jti[UUID_TEXT_SIZE];

    ids_uuid4(jti);
    buf_adds(&claims, "{\"sub\":");
    jx_quote(&claims, sv_of(r->client_id));
    buf_adds(&claims, ",\"jti\":");
    jx_quote(&claims, sv_of(jti));
    buf_adds(&claims, ",\"iss\":");
    jx_quote(&claims, sv_of(r->client_id));
    buf_adds(&claims, ",\"aud\":"); /* as stored, byte for byte (12, row 17) */
    jx_quote(&claims, sv_of(r->authorization_url));
    buf_addf(&claims, ",\"nbf\":%lld,\"exp\":%lld}", (long long)(now_s - ASSERTION_BACK_S),
             (long long)(now_s + ASSERTION_AHEAD_S));
    if (buf_done(&claims, "client assertion", e) < 0)
        return -1;
    return r->fips ? cry_jwt_ps256(r->rsa, buf_sv(&claims), jwt, e)
                   : cry_jwt_rs256(r->rsa, buf_sv(&claims), jwt, e);
}

static void ask(struct gh_api *a)
{
    const struct gh_registration *r = a->o.reg;
    AUTO(buf_free) struct buf jwt = BUF_INIT(TOKEN_MAX_BYTES);
    AUTO(buf_free) struct buf body = BUF_INIT((size_t)2 * TOKEN_MAX_BYTES);
    const char *headers[] = {"Accept: application/json",
                             "Content-Type: application/x-www-form-urlencoded", NULL};
    struct hc_spec s = {
        .method = "POST",
        .url = r->oauth_endpoint != NULL ? r->oauth_endpoint : r->authorization_url,
        .headers = headers,
        .max_bytes = TOKEN_MAX_BYTES,
        .done = on_token,
        .ctx = a,
    };
    struct err e = {0};

    buf_adds(&body, "grant_type=client_credentials&client_assertion_type="
                    "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
                    "&client_assertion=");
    if (assertion(a, &jwt, &e) < 0 || buf_done(&jwt, "client assertion", &e) < 0) {
        give_up(a, GH_OAUTH_OTHER, &e);
        return;
    }
    buf_addsv(&body, buf_sv(&jwt)); /* base64url and dots need no escape */
    if (buf_done(&body, "token request", &e) < 0) {
        give_up(a, GH_OAUTH_OTHER, &e);
        return;
    }
    s.body = buf_sv(&body);
    if (hc_start(a->o.hc, &s, &a->token_req, &e) < 0) {
        a->token_req = NULL;
        give_up(a, GH_OAUTH_OTHER, &e);
    }
}

void gh_token_get(struct gh_call *c)
{
    struct gh_api *a = c->api;

    if (a->o.reg->rsa == NULL) {
        gh_call_send_with(c, &a->o.reg->token);
        return;
    }
    if (a->token.p != NULL && tm_now_ms() < a->token_until_ms) {
        gh_call_send_with(c, &a->token);
        return;
    }
    c->waits = true;
    if (a->token_busy)
        return;
    a->token_busy = true;
    /* From the loop, so that a failure never comes back from inside gh_call_start. */
    a->token_tries = 0;
    loop_del_timer(a->token_timer);
    a->token_timer = loop_add_timer(a->o.loop, 0, on_token_timer, a);
}
