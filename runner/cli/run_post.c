/* SPDX-License-Identifier: Apache-2.0
 *
 * What the service is told to run: the body of POST /_gantry/runs (docs/internals/local-service.md). */
#include "runner/cli/json_make.h"
#include "runner/cli/run_priv.h"

#include "actions/event.h"
#include "base/fs.h"
#include "base/ids.h"
#include "base/mem.h"
#include "base/path.h"

#include <fcntl.h>
#include <jansson.h>

#define BODY_MAX_BYTES (64U << 20)

int run_inputs(const struct run_request *r, const struct workflow *w, struct val **out,
               struct err *e)
{
    AUTO(wf_errors_free) struct wf_errors errors = {.n = 0};
    AUTO(auto_val) struct val *given = NULL;

    *out = NULL;
    if (strcmp(r->event.name, "workflow_dispatch") != 0)
        return 0;
    given = val_from_json(r->inputs);
    if (event_dispatch_inputs(w->wf, given, out, &errors, e) == 0)
        return 0;
    for (size_t i = 0; i < errors.n; i++)
        print_workflow_error(sv_of(w->path), errors.v[i].line, errors.v[i].col,
                             sv_of(wf_error_plain(&errors.v[i])));
    if (errors.n > 0)
        *e = (struct err){.code = FAIL_INPUT}; /* printed */
    return -1;
}

/* github.event.inputs: every value as text (spec expressions 5.6). */
static json_t *payload_with_inputs(const struct run_request *r, const struct workflow *w,
                                   const struct val *inputs)
{
    json_t *p = json_deep_copy(r->event.payload);
    json_t *o = json_object();

    for (size_t i = 0; i < val_count(inputs); i++) {
        AUTO(buf_free) struct buf b = BUF_INIT(1U << 20);
        AUTO(auto_free) char *key = sv_dup(val_key_at(inputs, i));
        val_to_text(val_at(inputs, i), &b);
        jm_set(o, key, jx_str_new(buf_sv(&b)));
    }
    jm_set(p, "inputs", o);
    jm_set(p, "workflow", jm_text(w->path));
    return p;
}

/* github.event.schedule is a line of the workflow's own; the first stands for the one that is due. */
static json_t *payload_with_schedule(const struct run_request *r, const struct workflow *w)
{
    json_t *p = json_deep_copy(r->event.payload);
    const struct tok *list = wf_event(w->wf, SV("schedule"));
    const struct tok *first =
        list != NULL && list->kind == TOK_SEQUENCE && list->n > 0 ? list->items[0] : NULL;
    const struct tok *cron = first != NULL ? tok_get(first, SV("cron")) : NULL;

    if (args_text(r->args, "event-path") == NULL && cron != NULL && cron->kind == TOK_STRING)
        jm_set(p, "schedule", jx_str_new(cron->text));
    return p;
}

static json_t *secrets(const struct run_request *r)
{
    json_t *o = json_deep_copy(r->secrets);
    char token[41];

    if (jx_iget(o, "GITHUB_TOKEN") == NULL) {
        /* Of the form that GitHub hands out; worth nothing anywhere. */
        ids_token(token, 36);
        AUTO(auto_free) char *full = xasprintf("ghs_%s", token);
        jm_set(o, "GITHUB_TOKEN", jm_text(full));
    }
    return o;
}

static json_t *event_json(const struct run_request *r, const struct workflow *w,
                          const struct val *inputs)
{
    json_t *o = json_object();

    jm_set(o, "name", jm_text(r->event.name));
    jm_set(o, "payload",
           inputs != NULL                           ? payload_with_inputs(r, w, inputs)
           : strcmp(r->event.name, "schedule") == 0 ? payload_with_schedule(r, w)
                                                    : json_deep_copy(r->event.payload));
    return o;
}

int run_body(const struct run_request *r, const struct workflow *w, struct buf *out, struct err *e)
{
    AUTO(auto_json) json_t *o = json_object();
    AUTO(auto_val) struct val *inputs = NULL;
    AUTO(strv_free) struct strv jobs = workflow_jobs(r, w);
    json_t *file = json_object(), *files;

    jm_set(file, "path", jm_text(w->path));
    jm_set(file, "text", jx_str_new((struct sv){w->text, w->n}));
    jm_set(o, "workflow", file);
    if (run_called_files(r, w, &files, e) < 0)
        return -1;
    jm_set(o, "files", files);
    if (run_inputs(r, w, &inputs, e) < 0)
        return -1;
    jm_set(o, "event", event_json(r, w, inputs));
    jm_set(o, "repository", jm_text(r->repo.repository));
    jm_set(o, "sha", jm_text(r->repo.sha));
    jm_set(o, "ref", jm_text(r->event.ref));
    jm_set(o, "ref_type", jm_text(r->event.ref_type));
    jm_set(o, "actor", jm_text(r->actor));
    jm_set(o, "default_branch", jm_text(r->repo.default_branch));
    jm_set(o, "head_ref", jm_text(r->event.head_ref));
    jm_set(o, "base_ref", jm_text(r->event.base_ref));
    jm_set(o, "inputs", inputs != NULL ? val_to_json(inputs) : json_object());
    jm_set(o, "vars", json_deep_copy(r->vars));
    jm_set(o, "secrets", secrets(r));
    jm_set(o, "env", json_deep_copy(r->env));
    jm_set(o, "jobs", jm_texts(&jobs));
    jm_set(o, "matrix", json_deep_copy(r->matrix));
    jm_set(o, "approve", jm_texts(args_list(r->args, "approve")));
    *out = BUF_INIT(BODY_MAX_BYTES);
    jx_write(out, o);
    if (buf_done(out, "run request", e) == 0)
        return 0;
    buf_free(out);
    return -1;
}
