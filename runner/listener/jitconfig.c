/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a JIT configuration. Nothing is written to disk: the official runner unpacks the blob into its
 * root folder, Gantry keeps the registration in memory. */
#include "runner/listener/jitconfig.h"

#include "base/base64.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/num.h"

#include <jansson.h>

static void wipe_buf(struct buf *b)
{
    if (b->cap > 0)
        secret_wipe(b->p, b->len);
    buf_free(b);
}

/* Text of a member in any case; numbers and booleans as they would be spelled. */
static int member(const json_t *o, const char *key, char **out, struct err *e)
{
    const json_t *v = jx_iget(o, key);

    *out = NULL;
    if (v == NULL || json_is_null(v))
        return 0;
    if (json_is_string(v)) {
        const char *s = json_string_value(v);
        if (strlen(s) != json_string_length(v))
            return err_set(e, FAIL_INPUT, "jit configuration: NUL in '%s'", key);
        *out = xstrdup(s);
    } else if (json_is_integer(v)) {
        *out = xasprintf("%lld", (long long)json_integer_value(v));
    } else if (json_is_boolean(v)) {
        *out = xstrdup(json_is_true(v) ? "true" : "false");
    } else {
        return err_set(e, FAIL_INPUT, "jit configuration: '%s' is neither text nor a number", key);
    }
    return 0;
}

static int member_int(const json_t *o, const char *key, int64_t *out, struct err *e)
{
    AUTO(auto_free) char *s = NULL;

    *out = 0;
    if (member(o, key, &s, e) < 0)
        return -1;
    if (s == NULL || s[0] == '\0')
        return 0;
    if (num_i64(sv_of(s), 0, INT64_MAX, out, e) < 0)
        return err_wrap(e, "jit configuration: '%s'", key);
    return 0;
}

/* .NET's helper: 1, true, $true in any case (1.4); anything else is the default. */
static int member_bool(const json_t *o, const char *key, bool dflt, bool *out, struct err *e)
{
    AUTO(auto_free) char *s = NULL;
    struct sv v;

    if (member(o, key, &s, e) < 0)
        return -1;
    v = sv_of(s);
    if (sv_is(v, "1") || sv_ieq(v, SV("true")) || sv_ieq(v, SV("$true")))
        *out = true;
    else if (sv_is(v, "0") || sv_ieq(v, SV("false")) || sv_ieq(v, SV("$false")))
        *out = false;
    else
        *out = dflt;
    return 0;
}

/* The decoded content of one file of the blob; false when it is not there. */
static int file_text(const json_t *blob, const char *name, struct buf *out, bool *there,
                     struct err *e)
{
    struct sv b64;

    *there = false;
    if (jx_get(blob, name) == NULL)
        return 0;
    if (jx_need_str(blob, name, &b64, e) < 0 || base64_decode(b64, out, e) < 0)
        return err_wrap(e, "jit configuration: file '%s'", name);
    if (buf_done(out, "jit configuration", e) < 0)
        return -1;
    if (sv_starts(buf_sv(out), SV("\xef\xbb\xbf"))) /* written with a BOM (1.7) */
        buf_consume(out, 3);
    *there = true;
    return 0;
}

static int file_json(const json_t *blob, const char *name, json_t **out, struct err *e)
{
    AUTO(wipe_buf) struct buf b = BUF_INIT(GH_JIT_MAX_BYTES);
    bool there;

    if (file_text(blob, name, &b, &there, e) < 0)
        return -1;
    if (!there)
        return err_set(e, FAIL_INPUT, "jit configuration: no file '%s' in it", name);
    *out = jx_parse_lax(buf_sv(&b), name, e);
    return *out != NULL ? 0 : err_wrap(e, "jit configuration");
}

static int read_settings(const json_t *s, struct gh_registration *r, struct err *e)
{
    /* A JIT runner is ephemeral unless its settings say otherwise (2.6). */
    if (member_int(s, "agentId", &r->agent_id, e) < 0 ||
        member_int(s, "poolId", &r->pool_id, e) < 0 ||
        member(s, "agentName", &r->agent_name, e) < 0 ||
        member(s, "poolName", &r->pool_name, e) < 0 ||
        member(s, "serverUrl", &r->server_url, e) < 0 ||
        member(s, "serverUrlV2", &r->server_url_v2, e) < 0 ||
        member(s, "gitHubUrl", &r->github_url, e) < 0 ||
        member_bool(s, "disableUpdate", true, &r->disable_update, e) < 0 ||
        member_bool(s, "ephemeral", true, &r->ephemeral, e) < 0 ||
        member_bool(s, "useV2Flow", false, &r->use_v2, e) < 0 ||
        member_bool(s, "skipSessionRecover", false, &r->skip_session_recover, e) < 0)
        return -1;
    if (r->agent_name == NULL)
        r->agent_name = xstrdup("gantry");
    if (r->pool_name == NULL)
        r->pool_name = xstrdup("Default");
    if (!r->use_v2)
        return err_set(
            e, FAIL_UNSUPPORTED,
            "jit configuration: useV2Flow is not set; this runner speaks the V2 flow only");
    if (r->server_url_v2 == NULL || r->server_url_v2[0] == '\0')
        return err_set(e, FAIL_INPUT, "jit configuration: useV2Flow without serverUrlV2");
    return 0;
}

static int read_rsa(const json_t *blob, struct gh_registration *r, struct err *e)
{
    AUTO(wipe_buf) struct buf b = BUF_INIT(GH_JIT_MAX_BYTES);
    bool there;

    if (file_text(blob, ".credentials_rsaparams", &b, &there, e) < 0)
        return -1;
    if (!there)
        return err_set(e, FAIL_INPUT,
                       "jit configuration: scheme OAuth without .credentials_rsaparams");
    if (cry_rsa_from_params(buf_sv(&b), &r->rsa, e) < 0)
        return err_wrap(e, "jit configuration: .credentials_rsaparams");
    return 0;
}

static int read_credentials(const json_t *blob, const json_t *c, struct gh_registration *r,
                            struct err *e)
{
    AUTO(auto_free) char *scheme = NULL;
    const json_t *data = jx_iget(c, "data");

    if (member(c, "scheme", &scheme, e) < 0)
        return -1;
    if (scheme == NULL || !json_is_object(data))
        return err_set(e, FAIL_INPUT, "jit configuration: .credentials without scheme or data");
    if (sv_ieq(sv_of(scheme), SV("OAuthAccessToken"))) {
        char *t = NULL;
        if (member(data, "token", &t, e) < 0)
            return -1;
        if (t == NULL || t[0] == '\0') {
            free(t);
            return err_set(e, FAIL_INPUT, "jit configuration: .credentials without a token");
        }
        r->token = secret_new(t, strlen(t));
        secret_wipe(t, strlen(t));
        free(t);
        return 0;
    }
    if (!sv_ieq(sv_of(scheme), SV("OAuth")))
        return err_set(e, FAIL_UNSUPPORTED, "jit configuration: unknown credential scheme '%.60s'",
                       scheme);
    if (member(data, "clientId", &r->client_id, e) < 0 ||
        member(data, "authorizationUrl", &r->authorization_url, e) < 0 ||
        member(data, "oauthEndpointUrl", &r->oauth_endpoint, e) < 0 ||
        member_bool(data, "requireFipsCryptography", false, &r->fips, e) < 0)
        return -1;
    if (r->client_id == NULL || r->authorization_url == NULL)
        return err_set(e, FAIL_INPUT,
                       "jit configuration: .credentials without clientId or authorizationUrl");
    return read_rsa(blob, r, e);
}

int gh_jit_parse(struct sv base64, struct gh_registration *out, struct err *e)
{
    AUTO(wipe_buf) struct buf text = BUF_INIT(GH_JIT_MAX_BYTES);
    AUTO(auto_json) json_t *blob = NULL;
    AUTO(auto_json) json_t *settings = NULL;
    AUTO(auto_json) json_t *credentials = NULL;
    AUTO(gh_registration_done) struct gh_registration r = GH_REGISTRATION_INIT;

    if (base64_decode(sv_trim(base64), &text, e) < 0 || buf_done(&text, "jit configuration", e) < 0)
        return err_wrap(e, "jit configuration: give it whole, as the server gave it");
    blob = jx_parse(buf_sv(&text), "its JSON", e);
    if (blob == NULL)
        return err_wrap(e, "jit configuration: give it whole, as the server gave it");
    if (!json_is_object(blob))
        return err_set(e, FAIL_INPUT, "jit configuration: not a JSON object of files");
    if (file_json(blob, ".runner", &settings, e) < 0 ||
        file_json(blob, ".credentials", &credentials, e) < 0 ||
        read_settings(settings, &r, e) < 0 || read_credentials(blob, credentials, &r, e) < 0)
        return -1;
    *out = r;
    r = GH_REGISTRATION_INIT;
    return 0;
}

void gh_registration_done(struct gh_registration *r)
{
    free(r->agent_name);
    free(r->pool_name);
    free(r->server_url);
    free(r->server_url_v2);
    free(r->github_url);
    secret_free(&r->token);
    free(r->client_id);
    free(r->authorization_url);
    free(r->oauth_endpoint);
    cry_rsa_free(r->rsa);
    *r = GH_REGISTRATION_INIT;
}
