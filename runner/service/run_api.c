/* SPDX-License-Identifier: Apache-2.0
 *
 * The three entries of our own, for front ends (docs/internals/local-service.md). */
#include "runner/service/svc_priv.h"

#include <jansson.h>

#include "base/mem.h"
#include "base/num.h"
#include "runner/service/calls.h"

/* {"errors":[{"file","line","column","message"}]} */
static void reply_errors(struct hs_req *r, int status, const struct wf_errors *l,
                         const struct err *e)
{
    json_t *list = json_array();

    for (size_t i = 0; i < l->n; i++) {
        const struct wf_error *x = &l->v[i];
        (void)json_array_append_new(list, json_pack("{s:o, s:i, s:i, s:o}", "file",
                                                    jx_str_new(sv_of(x->file)), "line",
                                                    (int)x->line, "column", (int)x->col, "message",
                                                    jx_str_new(sv_of(wf_error_plain(x)))));
    }
    if (l->n == 0) {
        char text[600];
        (void)json_array_append_new(
            list, json_pack("{s:n, s:i, s:i, s:o}", "file", "line", 0, "column", 0, "message",
                            jx_str_new(sv_of(err_text(e, text, sizeof text)))));
    }
    svc_reply(r, status, json_pack("{s:o}", "errors", list));
}

static void take_secrets(struct run *r)
{
    json_t *secrets = json_object_get(r->request, "secrets"), *names = json_array(), *v;
    const char *name;

    if (json_is_object(secrets)) {
        r->secrets = xcalloc(json_object_size(secrets) + 1, sizeof *r->secrets);
        json_object_foreach(secrets, name, v)
        {
            if (!json_is_string(v))
                continue;
            r->secrets[r->n_secrets++] = (struct run_secret){
                .name = xstrdup(name),
                .value = secret_new(json_string_value(v), json_string_length(v)),
            };
            strv_add(&r->secret_names, name);
            (void)json_array_append_new(names, json_string(name));
        }
    }
    /* What is stored has the names alone. */
    (void)json_object_del(r->request, "secrets");
    (void)json_object_set_new(r->request, "secret_names", names);
}

static const char *bad_shape(const json_t *b)
{
    static const char *const objects[] = {"inputs", "vars", "secrets", "env", "files", "event"};
    static const char *const texts[] = {
        "repository", "sha", "ref", "ref_type", "actor", "default_branch", "head_ref", "base_ref"};
    const json_t *w = jx_get(b, "workflow");

    if (!json_is_string(jx_get(w, "path")) || !json_is_string(jx_get(w, "text")))
        return "'workflow' must be an object with 'path' and 'text'";
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        const json_t *v = jx_get(b, objects[i]);
        if (v != NULL && !json_is_null(v) && !json_is_object(v))
            return "'inputs', 'vars', 'secrets', 'env', 'files' and 'event' must be objects";
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const json_t *v = jx_get(b, texts[i]);
        if (v != NULL && !json_is_null(v) && !json_is_string(v))
            return "'repository', 'sha', 'ref', 'actor' and the other names must be text";
    }
    return NULL;
}

/* A request for a run, while the workflows that it calls are read. */
struct create {
    struct svc *s;
    struct hs_req *req;
    struct run *run; /* NULL once the service has it */
    struct calls *calls;
    bool suspended;
};

static void create_end(void *data, bool completed)
{
    struct create *c = data;

    (void)completed;
    calls_free(c->calls);
    run_free(c->run);
    free(c);
}

static void create_started(struct create *c)
{
    struct run *run = TAKE_PTR(c->run);

    svc_reply(c->req, 201,
              json_pack("{s:o}", "run_id", json_sprintf("%llu", (unsigned long long)run->id)));
    svc_pump(c->s);
}

/* Goes on when a called workflow was fetched; answers at the end. */
static void create_go_on(void *ctx)
{
    struct create *c = ctx;
    AUTO(wf_errors_free) struct wf_errors errors = {.v = NULL};
    struct err e = {.code = FAIL_NONE};

    while (run_prepare(c->run, c->calls, &errors, &e) < 0) {
        enum calls_next next = calls_fetch(c->calls);
        if (next == CALLS_FETCHING) {
            if (!c->suspended)
                hs_suspend(c->req);
            c->suspended = true;
            return;
        }
        if (next == CALLS_OVER) {
            reply_errors(c->req, 422, &errors, &e);
            return;
        }
        wf_errors_free(&errors);
        errors = (struct wf_errors){.v = NULL};
    }
    c->run->id = c->s->next_run + 1; /* others may have started meanwhile */
    if (c->suspended && run_prepare(c->run, c->calls, &errors, &e) < 0) { /* contexts with its id */
        reply_errors(c->req, 422, &errors, &e);
        return;
    }
    c->s->next_run = c->run->id;
    if (run_start(c->run, &e) < 0)
        reply_errors(c->req, 500, &errors, &e);
    else
        create_started(c);
}

void run_api_create(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    struct svc *s = ctx;
    AUTO(wf_errors_free) struct wf_errors none = {.v = NULL};
    struct err e = {.code = FAIL_NONE};
    struct create *c;
    json_t *body;

    if (stage != HS_BODY || !token_front(s, r) || (body = svc_body(r)) == NULL)
        return;
    if (bad_shape(body) != NULL) {
        (void)err_set(&e, FAIL_INPUT, "%s", bad_shape(body));
        reply_errors(r, 422, &none, &e);
        json_decref(body);
        return;
    }
    c = xcalloc(1, sizeof *c);
    c->s = s;
    c->req = r;
    c->run = run_new(s, s->next_run + 1, body);
    take_secrets(c->run);
    c->calls = calls_new(s, body, true, create_go_on, c);
    hs_set_data(r, c, create_end);
    create_go_on(c);
}

static struct run *run_of(struct svc *s, struct hs_req *r)
{
    struct run *run = NULL;
    struct err e;
    uint64_t id;

    if (!token_front(s, r))
        return NULL;
    if (num_u64(sv_of(hs_param(r, "id")), INT64_MAX, &id, &e) == 0)
        run = run_find(s, id);
    if (run == NULL)
        svc_reply(r, 404, json_pack("{s:s}", "message", "there is no such run"));
    return run;
}

void run_api_cancel(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    struct svc *s = ctx;
    AUTO(auto_json) json_t *body = NULL;
    struct run *run;

    if (stage != HS_BODY || (run = run_of(s, r)) == NULL)
        return;
    if (hs_body(r).n > 0 && (body = svc_body(r)) == NULL)
        return;
    run_cancel(run, body != NULL && jx_bool(body, "force", false));
    svc_reply(r, 202, json_object());
    svc_pump(s);
}

void run_api_events(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    struct run *run;
    uint64_t after = 0;
    struct err e;

    if (stage != HS_BODY || (run = run_of(ctx, r)) == NULL)
        return;
    if (hs_query(r, "after") != NULL &&
        num_u64(sv_of(hs_query(r, "after")), INT64_MAX, &after, &e) < 0)
        svc_reply(r, 400, json_pack("{s:s}", "message", "'after' must be a number"));
    else if (run->events == NULL && evlog_open(ctx, run->id, &run->events, &e) < 0)
        svc_reply(r, 500, json_pack("{s:s}", "message", e.msg));
    else {
        evlog_stream(run->events, r, after);
        if (run->done)
            evlog_end(run->events);
    }
}
