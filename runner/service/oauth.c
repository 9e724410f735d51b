/* SPDX-License-Identifier: Apache-2.0
 *
 * Registrations with a key pair (spec github-runner-protocol 3, 11.3): the service makes the pair, keeps the public
 * half, and exchanges client assertions for listener tokens. */
#include "runner/service/svc_priv.h"

#include <jansson.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rsa.h"

#define OAUTH_SKEW_S 300

static void oauth_url(struct svc *s, struct buf *out)
{
    buf_addf(out, "%soauth/token", s->url);
}

int oauth_jit(struct svc *s, struct runner *r, struct buf *out, struct err *e)
{
    AUTO(buf_free) struct buf private_key = BUF_INIT(16384);
    AUTO(buf_free) struct buf public_key = BUF_INIT(8192);
    AUTO(buf_free) struct buf url = BUF_INIT(1024);
    json_t *credentials;

    if (rsa_generate(&private_key, &public_key, e) < 0)
        return -1;
    ids_uuid4(r->client_id);
    r->public_key = xstrdup(public_key.p);
    oauth_url(s, &url);
    credentials =
        json_pack("{s:s, s:{s:s, s:s, s:s}}", "scheme", "OAuth", "data", "clientId", r->client_id,
                  "authorizationUrl", url.p, "requireFipsCryptography", "False");
    runner_jit_files(s, r, credentials, &private_key, out);
    secret_wipe(private_key.p, private_key.len);
    return 0;
}

/* Errors must be 400 with a Content-Length, or the official client drops the text (spec 3.2). */
static void refuse(struct hs_req *r, const char *code, const char *text)
{
    svc_reply(r, 400, json_pack("{s:s, s:s}", "error", code, "error_description", text));
}

/* %XX and '+' of a form value. */
static void form_decode(struct sv s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%' && i + 2 < s.n && ch_is_hex(s.p[i + 1]) && ch_is_hex(s.p[i + 2])) {
            unsigned v = 0;
            for (size_t k = 1; k <= 2; k++) {
                char c = ch_lower(s.p[i + k]);
                v = v * 16 + (unsigned)(ch_is_digit(c) ? c - '0' : c - 'a' + 10);
            }
            buf_addc(out, (char)v);
            i += 2;
        } else {
            buf_addc(out, (char)(s.p[i] == '+' ? ' ' : s.p[i]));
        }
    }
}

static bool form_get(struct sv body, const char *name, struct buf *out)
{
    struct sv pair;

    while (sv_next(&body, '&', &pair)) {
        size_t eq = sv_chr(pair, '=');
        if (eq != SV_NPOS && sv_is(sv_sub(pair, 0, eq), name)) {
            form_decode(sv_sub(pair, eq + 1, pair.n), out);
            return !out->over;
        }
    }
    return false;
}

/* Claims before the signature is known to be right: only to find the key. */
static json_t *unverified(struct sv token)
{
    AUTO(buf_free) struct buf text = BUF_INIT(16384);
    size_t dot = sv_chr(token, '.');
    struct sv rest;
    struct err e;

    if (dot == SV_NPOS)
        return NULL;
    rest = sv_sub(token, dot + 1, token.n);
    dot = sv_chr(rest, '.');
    if (dot == SV_NPOS || base64url_decode(sv_sub(rest, 0, dot), &text, &e) < 0)
        return NULL;
    return jx_parse(buf_sv(&text), "assertion", &e);
}

static bool times_ok(const json_t *c)
{
    int64_t now = tm_wall_ms() / 1000;

    return jx_int(c, "exp", 0) + OAUTH_SKEW_S >= now && jx_int(c, "nbf", 0) - OAUTH_SKEW_S <= now;
}

void oauth_token(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    struct svc *s = ctx;
    AUTO(buf_free) struct buf grant = BUF_INIT(256);
    AUTO(buf_free) struct buf type = BUF_INIT(256);
    AUTO(buf_free) struct buf assertion = BUF_INIT(32768);
    AUTO(buf_free) struct buf url = BUF_INIT(1024);
    AUTO(buf_free) struct buf token = BUF_INIT(8192);
    AUTO(auto_json) json_t *c = NULL;
    struct runner *run;
    struct err e;

    if (stage != HS_BODY)
        return;
    if (!form_get(hs_body(r), "grant_type", &grant) ||
        !sv_is(buf_sv(&grant), "client_credentials") ||
        !form_get(hs_body(r), "client_assertion_type", &type) ||
        !sv_is(buf_sv(&type), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer") ||
        !form_get(hs_body(r), "client_assertion", &assertion)) {
        refuse(r, "invalid_request", "grant_type, client_assertion_type and client_assertion");
        return;
    }
    oauth_url(s, &url);
    c = unverified(buf_sv(&assertion));
    run = c != NULL ? runner_by_client(s, jx_str(c, "iss", "")) : NULL;
    if (run == NULL || run->deleted || run->public_key == NULL ||
        !sv_eq(jx_str(c, "iss", ""), jx_str(c, "sub", ""))) {
        refuse(r, "invalid_client", "the client is unknown; the registration was deleted");
    } else if (rsa_jwt_verify(sv_of(run->public_key), buf_sv(&assertion), &e) < 0) {
        refuse(r, "invalid_client", "the signature of the assertion is wrong");
    } else if (!sv_is(jx_str(c, "aud", ""), url.p)) {
        refuse(r, "invalid_client", "the assertion is for another audience");
    } else if (!times_ok(c)) {
        AUTO(buf_free) struct buf t = BUF_INIT(256);
        buf_adds(&t, "the assertion is not valid now. Current server time is ");
        tm_format_ms(&t, tm_wall_ms());
        refuse(r, "invalid_grant", t.p);
    } else {
        token_listener(s, run, SVC_OAUTH_TTL_MS, &token);
        svc_reply(r, 200,
                  json_pack("{s:s, s:i, s:s}", "access_token", token.p, "expires_in",
                            (int)(SVC_OAUTH_TTL_MS / 1000), "token_type", "bearer"));
        secret_wipe(token.p, token.len);
    }
}
