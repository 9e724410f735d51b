/* SPDX-License-Identifier: Apache-2.0
 *
 * The `github` context of a run with its event payload: what the front end said, filled up with what actions read
 * (spec job-execution 1.9, expressions 10, job-services 11). */
#include "runner/service/svc_priv.h"

#include <jansson.h>

#include "base/mem.h"

static void set(struct val *o, const char *key, struct sv text)
{
    val_sets(o, key, val_string(text));
}

static struct sv owner_of(struct sv repository)
{
    size_t slash = sv_chr(repository, '/');

    return slash == SV_NPOS ? repository : sv_sub(repository, 0, slash);
}

static struct sv short_ref(struct sv ref)
{
    if (sv_starts(ref, SV("refs/heads/")))
        return sv_sub(ref, 11, ref.n);
    if (sv_starts(ref, SV("refs/tags/")))
        return sv_sub(ref, 10, ref.n);
    return sv_starts(ref, SV("refs/pull/")) ? sv_sub(ref, 10, ref.n) : ref;
}

static void missing(json_t *o, const char *key, json_t *own_value)
{
    AUTO(auto_json) json_t *v = own_value;

    if (json_object_get(o, key) == NULL)
        (void)json_object_set(o, key, v);
}

/* Ids must be numbers here: actions/checkout looks at the type (job-services 11). */
static void fill_event(json_t *ev, const json_t *req, struct sv repository)
{
    struct sv owner = owner_of(repository);
    struct sv name = owner.n < repository.n ? sv_sub(repository, owner.n + 1, repository.n) : owner;
    struct sv branch = jx_str(req, "default_branch", "main"), actor = jx_str(req, "actor", "");
    struct sv event = jx_str(jx_get(req, "event"), "name", "push");

    missing(ev, "repository",
            json_pack("{s:i, s:o, s:o, s:b, s:s, s:o, s:{s:i, s:o, s:s}}", "id", 1001, "name",
                      jx_str_new(name), "full_name", jx_str_new(repository), "private", 1,
                      "visibility", "private", "default_branch", jx_str_new(branch), "owner", "id",
                      501, "login", jx_str_new(owner), "type", "Organization"));
    missing(ev, "sender",
            json_pack("{s:i, s:o, s:s}", "id", 601, "login", jx_str_new(actor), "type", "User"));
    if (sv_is(event, "push")) {
        missing(ev, "ref", jx_str_new(jx_str(req, "ref", "")));
        missing(ev, "after", jx_str_new(jx_str(req, "sha", "")));
        missing(ev, "before", json_string("0000000000000000000000000000000000000000"));
    } else if (sv_is(event, "workflow_dispatch")) {
        missing(ev, "ref", jx_str_new(jx_str(req, "ref", "")));
        missing(ev, "workflow", jx_str_new(jx_str(jx_get(req, "workflow"), "path", "")));
    }
}

/* github.event.inputs: as text, whatever their types (spec expressions 5.6). */
static json_t *inputs_as_text(const struct val *inputs)
{
    json_t *o = json_object();

    for (size_t i = 0; i < val_count(inputs); i++) {
        AUTO(buf_free) struct buf t = BUF_INIT(1U << 20);
        AUTO(auto_free) char *key = sv_dup(val_key_at(inputs, i));
        val_to_text(val_at(inputs, i), &t);
        (void)json_object_set_new(o, key, jx_str_new(buf_sv(&t)));
    }
    return o;
}

static struct val *event_of(struct run *r, struct sv repository)
{
    const json_t *given = jx_get(jx_get(r->request, "event"), "payload");
    AUTO(auto_json)
    json_t *ev = json_is_object(given) ? json_deep_copy(given) : json_object();

    fill_event(ev, r->request, repository);
    if (sv_is(jx_str(jx_get(r->request, "event"), "name", ""), "workflow_dispatch"))
        missing(ev, "inputs", inputs_as_text(r->inputs));
    return val_from_json(ev);
}

static void set_names(struct run *r, struct val *g, struct sv repository)
{
    const json_t *req = r->request;
    struct sv ref = jx_str(req, "ref", ""), sha = jx_str(req, "sha", "");
    struct sv path = jx_str(jx_get(req, "workflow"), "path", "");
    AUTO(buf_free) struct buf b = BUF_INIT(4096);

    buf_addf(&b, SV_FMT "/" SV_FMT "@" SV_FMT, SV_ARG(repository), SV_ARG(path), SV_ARG(ref));
    set(g, "workflow_ref", buf_sv(&b));
    set(g, "workflow_sha", sha);
    set(g, "repository_id", SV("1001"));
    set(g, "triggering_actor", jx_str(req, "actor", ""));
}

struct val *context_github(struct run *r)
{
    const json_t *req = r->request;
    struct sv repository = jx_str(req, "repository", "local/repository");
    struct sv ref = jx_str(req, "ref", ""), path = jx_str(jx_get(req, "workflow"), "path", "");
    struct sv server = sv_of(r->svc->cfg.action_server);
    AUTO(buf_free) struct buf b = BUF_INIT(4096);
    AUTO(buf_free) struct buf id = BUF_INIT(32);
    struct val *g = val_object();

    while (server.n > 0 && server.p[server.n - 1] == '/')
        server.n--;
    buf_addf(&id, "%llu", (unsigned long long)r->id);
    set(g, "ref", ref);
    set(g, "sha", jx_str(req, "sha", ""));
    set(g, "repository", repository);
    set(g, "repository_owner", owner_of(repository));
    set(g, "repository_owner_id", SV("501"));
    buf_addf(&b, "git://github.com/" SV_FMT ".git", SV_ARG(repository));
    set(g, "repositoryUrl", buf_sv(&b));
    set(g, "run_id", buf_sv(&id));
    set(g, "run_number", buf_sv(&id));
    set(g, "retention_days", SV("90"));
    set(g, "run_attempt", SV("1"));
    set(g, "artifact_cache_size_limit", SV("10"));
    set(g, "repository_visibility", SV("private"));
    set(g, "actor_id", SV("601"));
    set(g, "actor", jx_str(req, "actor", ""));
    set(g, "workflow",
        r->wf->name != NULL && r->wf->name->kind == TOK_STRING && r->wf->name->text.n > 0
            ? r->wf->name->text
            : path);
    set(g, "head_ref", jx_str(req, "head_ref", ""));
    set(g, "base_ref", jx_str(req, "base_ref", ""));
    set(g, "event_name", jx_str(jx_get(req, "event"), "name", "push"));
    set(g, "server_url", server);
    if (sv_is(server, "https://github.com")) {
        set(g, "api_url", SV("https://api.github.com"));
        set(g, "graphql_url", SV("https://api.github.com/graphql"));
    } else {
        buf_reset(&b);
        buf_addf(&b, SV_FMT "/api/v3", SV_ARG(server));
        set(g, "api_url", buf_sv(&b));
        buf_reset(&b);
        buf_addf(&b, SV_FMT "/api/graphql", SV_ARG(server));
        set(g, "graphql_url", buf_sv(&b));
    }
    set(g, "ref_name", short_ref(ref));
    val_sets(g, "ref_protected", val_bool(false));
    set(g, "ref_type",
        jx_str(req, "ref_type", sv_starts(ref, SV("refs/tags/")) ? "tag" : "branch"));
    set(g, "secret_source", SV("Actions"));
    val_sets(g, "event", event_of(r, repository));
    set_names(r, g, repository);
    return g;
}
