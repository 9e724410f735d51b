/* SPDX-License-Identifier: Apache-2.0
 *
 * The kinds of tokens and where each one is good (spec github-runner-protocol 0): the listener's, the job's, the
 * front end's, and signed URLs. All are HMACs under one key of the service; a token of one kind is nothing to the
 * others. */
#include "runner/service/svc_priv.h"

#include <jansson.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/num.h"

static void mint(struct svc *s, json_t *claims, int64_t ttl_ms, struct buf *out)
{
    AUTO(buf_free) struct buf text = BUF_INIT(8192);
    char jti[UUID_TEXT_SIZE];
    int64_t now = tm_wall_ms() / 1000;

    ids_uuid4(jti);
    (void)json_object_set_new(claims, "iss", json_string(s->url));
    (void)json_object_set_new(claims, "jti", json_string(jti));
    (void)json_object_set_new(claims, "iat", json_integer(now));
    (void)json_object_set_new(claims, "nbf", json_integer(now - 60)); /* clocks differ a little */
    (void)json_object_set_new(claims, "exp", json_integer(now + ttl_ms / 1000));
    jx_write(&text, claims);
    cry_jwt_hs256(&s->key, buf_sv(&text), out);
}

void token_listener(struct svc *s, const struct runner *r, int64_t ttl_ms, struct buf *out)
{
    AUTO(auto_json)
    json_t *c = json_pack("{s:s, s:I}", "kind", "listener", "runner_id", (json_int_t)r->id);

    mint(s, c, ttl_ms, out);
}

/* The claims that clients read: job-services 1.4. */
void token_job(struct svc *s, const struct leg *l, struct buf *out)
{
    AUTO(auto_json) json_t *c = json_object();
    AUTO(buf_free) struct buf scp = BUF_INIT(512);
    AUTO(auto_json) json_t *ac = json_array();
    AUTO(buf_free) struct buf act = BUF_INIT(2048);
    struct sv ref = val_get_string(val_gets(l->run->github, "ref"));
    double minutes = l->plan != NULL ? l->plan->timeout_minutes : 360;
    int64_t ttl;

    if (!(minutes > 0) || minutes > 60.0 * 24 * 35)
        minutes = 60.0 * 24 * 35;
    ttl = (int64_t)(minutes * 60000) + 600000;
    buf_addf(&scp, "Actions.Results:%s:%s Actions.Runner:%s:%s", l->run->plan_id, l->uuid,
             l->run->plan_id, l->uuid);
    (void)json_array_append_new(ac,
                                json_pack("{s:o, s:i}", "Scope", jx_str_new(ref), "Permission", 3));
    jx_write(&act, ac);
    (void)json_object_set_new(c, "kind", json_string("job"));
    (void)json_object_set_new(c, "scp", json_string(scp.p));
    (void)json_object_set_new(c, "ac", jx_str_new(buf_sv(&act)));
    (void)json_object_set_new(c, "job_id", json_string(l->uuid));
    (void)json_object_set_new(c, "run_id", json_integer((json_int_t)l->run->id));
    mint(s, c, ttl, out);
}

/* Claims of a token of this kind that is valid now; NULL otherwise. Pure but for the clock: used on two threads. */
static json_t *claims_of(const struct secret *key, struct sv token, const char *kind)
{
    struct err e;
    AUTO(buf_free) struct buf text = BUF_INIT(16384);
    AUTO(auto_json) json_t *c = NULL;
    int64_t now = tm_wall_ms() / 1000;

    if (token.n == 0 || token.n > 16384 || cry_jwt_hs256_verify(key, token, &text, &e) < 0)
        return NULL;
    c = jx_parse(buf_sv(&text), "token", &e);
    if (c == NULL || !sv_is(jx_str(c, "kind", ""), kind) || jx_int(c, "exp", 0) < now ||
        jx_int(c, "nbf", 0) > now + 300)
        return NULL;
    return json_incref(c);
}

static struct sv bearer(const struct hs_req *r)
{
    struct sv h = sv_of(hs_header(r, "Authorization"));

    if (!sv_istarts(h, SV("Bearer ")))
        return SV("");
    return sv_trim(sv_sub(h, 7, h.n));
}

struct runner *token_runner(struct svc *s, struct hs_req *r)
{
    AUTO(auto_json) json_t *c = claims_of(&s->key, bearer(r), "listener");
    struct runner *run = NULL;

    if (c != NULL)
        run = runner_find(s, (uint64_t)jx_int(c, "runner_id", 0));
    if (run == NULL)
        svc_unauthorized(r, "a listener token is needed");
    return run;
}

struct leg *token_leg(struct svc *s, struct hs_req *r)
{
    AUTO(auto_json) json_t *c = claims_of(&s->key, bearer(r), "job");
    struct leg *l = NULL;

    if (c != NULL)
        l = leg_find(s, jx_str(c, "job_id", ""));
    if (l == NULL)
        svc_unauthorized(r, "a job token is needed");
    return l;
}

static bool plain(const struct secret *want, struct hs_req *r)
{
    struct sv t = bearer(r);

    if (secret_eq(want, t.p, t.n))
        return true;
    svc_unauthorized(r, "a valid token is needed");
    return false;
}

bool token_front(struct svc *s, struct hs_req *r)
{
    return plain(&s->front, r);
}

bool token_admin(struct svc *s, struct hs_req *r)
{
    return plain(&s->admin, r);
}

bool token_feed(const void *ctx, struct sv path, struct sv query, struct sv token, struct buf *who)
{
    AUTO(auto_json) json_t *c = claims_of(ctx, token, "job");

    (void)query;
    if (c == NULL || !sv_is(path, "/_ws/ingest.sock"))
        return false;
    buf_addsv(who, jx_str(c, "job_id", ""));
    return true;
}

static void blob_sig(struct svc *s, const char *name, char purpose, int64_t until_s,
                     struct buf *out)
{
    AUTO(buf_free) struct buf t = BUF_INIT(2048);
    unsigned char mac[SHA256_BYTES];

    buf_addf(&t, "blob\n%c\n%lld\n%s", purpose, (long long)until_s, name);
    cry_hmac_sha256(&s->key, t.p, t.len, mac);
    base64url_encode(out, mac, sizeof mac);
}

void token_blob_url(struct svc *s, const char *name, char purpose, struct buf *out)
{
    int64_t until =
        tm_wall_ms() / 1000 + INT64_C(6) * 3600; /* about as long as a job: job-services 3.1 */

    buf_addf(out, "%sblob/%s?sp=%s&se=%lld&sig=", s->url, name, purpose == 'w' ? "cw" : "r",
             (long long)until);
    blob_sig(s, name, purpose, until, out);
}

bool token_blob_ok(struct svc *s, struct hs_req *r, const char *name, char purpose)
{
    AUTO(buf_free) struct buf want = BUF_INIT(128);
    struct sv sig = sv_of(hs_query(r, "sig"));
    struct err e;
    int64_t until;

    if (num_i64(sv_of(hs_query(r, "se")), 0, INT64_MAX, &until, &e) < 0 || strlen(name) > 1024 ||
        until < tm_wall_ms() / 1000)
        return false;
    blob_sig(s, name, purpose, until, &want);
    return sig.n == want.len && cry_eq(sig.p, want.p, want.len);
}
