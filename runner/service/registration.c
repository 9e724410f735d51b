/* SPDX-License-Identifier: Apache-2.0
 *
 * Registrations of runners and the configuration that a runner starts from (spec github-runner-protocol 2.6, 11.2):
 * a static token for the runners of `gantry run`, a key pair for those that an operator adds to `gantry serve`. */
#include "runner/service/svc_priv.h"

#include <jansson.h>

#include "base/base64.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"

struct runner *runner_find(struct svc *s, uint64_t id)
{
    for (size_t i = 0; i < s->n_runners; i++)
        if (s->runners[i]->id == id)
            return s->runners[i];
    return NULL;
}

struct runner *runner_by_name(struct svc *s, const char *name)
{
    for (size_t i = 0; i < s->n_runners; i++)
        if (!s->runners[i]->deleted && sv_ieq(sv_of(s->runners[i]->name), sv_of(name)))
            return s->runners[i];
    return NULL;
}

struct runner *runner_by_client(struct svc *s, struct sv client_id)
{
    for (size_t i = 0; i < s->n_runners; i++)
        if (s->runners[i]->client_id[0] != '\0' &&
            sv_ieq(sv_of(s->runners[i]->client_id), client_id))
            return s->runners[i];
    return NULL;
}

struct runner *runner_add(struct svc *s, const char *name, const struct strv *labels,
                          bool ephemeral)
{
    struct runner *r = xcalloc(1, sizeof *r);
    uint64_t id = 1;

    for (size_t i = 0; i < s->n_runners; i++)
        if (s->runners[i]->id >= id)
            id = s->runners[i]->id + 1;
    r->id = id;
    r->name = xstrdup(name);
    r->labels = STRV_INIT;
    for (size_t i = 0; i < labels->n; i++)
        strv_add(&r->labels, labels->v[i]);
    r->ephemeral = ephemeral;
    GROW(s->runners, s->runners_cap, s->n_runners + 1);
    s->runners[s->n_runners++] = r;
    return r;
}

void runner_free(struct runner *r)
{
    if (r == NULL)
        return;
    free(r->name);
    free(r->public_key);
    strv_free(&r->labels);
    free(r);
}

bool runner_has_labels(const struct runner *r, char *const *labels, const char **missing)
{
    for (size_t i = 0; labels != NULL && labels[i] != NULL; i++) {
        bool found = false;
        for (size_t k = 0; k < r->labels.n && !found; k++)
            found = sv_ieq(sv_of(r->labels.v[k]), sv_of(labels[i]));
        if (!found) {
            if (missing != NULL)
                *missing = labels[i];
            return false;
        }
    }
    return true;
}

static void add_file(json_t *files, const char *name, json_t *own_content)
{
    AUTO(auto_json) json_t *content = own_content;
    AUTO(buf_free) struct buf text = BUF_INIT(65536);
    AUTO(buf_free) struct buf b64 = BUF_INIT(131072);

    jx_write(&text, content);
    base64_encode(&b64, text.p, text.len);
    (void)json_object_set_new(files, name, jx_str_new(buf_sv(&b64)));
    secret_wipe(text.p, text.len);
    secret_wipe(b64.p, b64.len);
}

/* serverUrl equal to serverUrlV2 keeps the official runner from its V1 side connection (11.2). */
static json_t *dot_runner(struct svc *s, const struct runner *r)
{
    AUTO(buf_free) struct buf broker = BUF_INIT(1024);
    AUTO(buf_free) struct buf page = BUF_INIT(1024);

    buf_addf(&broker, "%sbroker/", s->url);
    buf_addf(&page, "%slocal/repository", s->url);
    return json_pack("{s:I, s:s, s:i, s:s, s:b, s:b, s:s, s:s, s:b, s:s, s:s}", "agentId",
                     (json_int_t)r->id, "agentName", r->name, "poolId", 1, "poolName", "Default",
                     "disableUpdate", 1, "ephemeral", r->ephemeral, "serverUrl", broker.p,
                     "serverUrlV2", broker.p, "useV2Flow", 1, "gitHubUrl", page.p, "workFolder",
                     "_work");
}

void runner_jit_files(struct svc *s, const struct runner *r, json_t *own_credentials,
                      const struct buf *rsa, struct buf *out)
{
    AUTO(auto_json) json_t *files = json_object();
    AUTO(buf_free) struct buf text = BUF_INIT(262144);

    add_file(files, ".runner", dot_runner(s, r));
    add_file(files, ".credentials", own_credentials);
    if (rsa != NULL) {
        AUTO(buf_free) struct buf b64 = BUF_INIT(65536);
        base64_encode(&b64, rsa->p, rsa->len);
        (void)json_object_set_new(files, ".credentials_rsaparams", jx_str_new(buf_sv(&b64)));
        secret_wipe(b64.p, b64.len);
    }
    jx_write(&text, files);
    base64_encode(out, text.p, text.len);
    secret_wipe(text.p, text.len);
}

void runner_jit(struct svc *s, struct runner *r, struct buf *out)
{
    AUTO(buf_free) struct buf token = BUF_INIT(8192);

    token_listener(s, r, SVC_TOKEN_TTL_MS, &token);
    runner_jit_files(
        s, r, json_pack("{s:s, s:{s:s}}", "scheme", "OAuthAccessToken", "data", "token", token.p),
        NULL, out);
    secret_wipe(token.p, token.len);
}

/* The answer of the REST call, as far as clients read it. */
static json_t *describe(const struct runner *r)
{
    json_t *labels = json_array();

    for (size_t i = 0; i < r->labels.n; i++)
        (void)json_array_append_new(labels, json_pack("{s:I, s:s, s:s}", "id", (json_int_t)i + 1,
                                                      "name", r->labels.v[i], "type", "custom"));
    return json_pack("{s:I, s:s, s:s, s:s, s:b, s:b, s:o}", "id", (json_int_t)r->id, "name",
                     r->name, "os", "linux", "status", "offline", "busy", 0, "ephemeral",
                     r->ephemeral, "labels", labels);
}

static int read_labels(const json_t *body, struct strv *out)
{
    const json_t *list = jx_get(body, "labels"), *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (!json_is_string(item) || json_string_length(item) == 0 ||
            json_string_length(item) > 256)
            return -1;
        strv_add(out, json_string_value(item));
    }
    return out->n >= 1 && out->n <= 100 ? 0 : -1;
}

/* POST .../actions/runners/generate-jitconfig (2.6). "credentials": "static" is ours: no key pair. */
void registration_jit(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    struct svc *s = ctx;
    AUTO(auto_json) json_t *body = NULL;
    AUTO(strv_free) struct strv labels = STRV_INIT;
    AUTO(buf_free) struct buf blob = BUF_INIT(1U << 20);
    struct err e = {.code = FAIL_NONE};
    struct runner *run;
    const char *name;
    bool fixed;

    if (stage != HS_BODY || !token_admin(s, r) || (body = svc_body(r)) == NULL)
        return;
    name = json_string_value(jx_get(body, "name"));
    if (name == NULL || name[0] == '\0' || strlen(name) > 64 || read_labels(body, &labels) < 0 ||
        !json_is_integer(jx_get(body, "runner_group_id"))) {
        svc_reply(r, 422,
                  json_pack("{s:s}", "message",
                            "name (1..64), runner_group_id and labels (1..100) are required"));
        return;
    }
    if (runner_by_name(s, name) != NULL || s->n_runners >= SVC_MAX_RUNNERS) {
        svc_reply(r, 409, json_pack("{s:s}", "message", "a runner of this name exists already"));
        return;
    }
    fixed = sv_is(jx_str(body, "credentials", ""), "static");
    run = runner_add(s, name, &labels, true);
    if (fixed)
        runner_jit(s, run, &blob);
    if ((!fixed && oauth_jit(s, run, &blob, &e) < 0) || store_put_runner(s->store, run, &e) < 0) {
        log_error("service", "registration", "error=%s", e.msg);
        run->deleted = true;
        svc_reply(r, 500, json_pack("{s:s}", "message", e.msg));
        return;
    }
    log_info("service", "registered", "runner=%s id=%llu", run->name, (unsigned long long)run->id);
    svc_reply(r, 201,
              json_pack("{s:o, s:s}", "runner", describe(run), "encoded_jit_config", blob.p));
    secret_wipe(blob.p, blob.len);
}

/* DELETE .../actions/runners/{id}: later polls are told RunnerNotFound (5.3). */
void registration_delete(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    struct svc *s = ctx;
    struct runner *run = NULL;
    struct err e;
    uint64_t id;

    if (stage != HS_BODY || !token_admin(s, r))
        return;
    if (num_u64(sv_of(hs_param(r, "id")), INT64_MAX, &id, &e) == 0)
        run = runner_find(s, id);
    if (run == NULL || run->deleted) {
        svc_reply(r, 404, json_pack("{s:s}", "message", "Not Found"));
        return;
    }
    run->deleted = true;
    if (store_put_runner(s->store, run, &e) < 0)
        log_error("service", "registration", "error=%s", e.msg);
    session_end(run);
    svc_reply(r, 204, NULL);
    svc_pump(s);
}
