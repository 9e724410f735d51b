/* SPDX-License-Identifier: Apache-2.0
 *
 * Workflow model -> JSON template. Source of keys and their order: actions/languageservices:
 * workflow-parser/testdata/reader/, spec expressions 12.2. */
#include "actions/workflow_json.h"

#include <jansson.h>

#include "actions/token_priv.h"

struct writer {
    bool positions, editor, empty_calls;
    unsigned file; /* of the workflow at hand, in the file table */
};

static void strip(struct tok *t)
{
    size_t n = t->kind == TOK_MAPPING ? 2 * t->n : t->n;

    t->file = t->line = t->col = 0;
    for (size_t i = 0; i < n; i++)
        strip(t->items[i]);
}

static json_t *token(const struct writer *w, const struct tok *t)
{
    AUTO(auto_tok) struct tok *copy = NULL;

    if (w->positions)
        return tok_to_json(t);
    copy = tok_clone(t);
    strip(copy);
    return tok_to_json(copy);
}

static void put(json_t *o, const char *key, json_t *own)
{
    (void)json_object_set_new(o, key, own);
}

static void put_tok(const struct writer *w, json_t *o, const char *key, const struct tok *t)
{
    if (t != NULL)
        put(o, key, token(w, t));
}

/* A key that the editor's parser does not convert. */
static void put_more(const struct writer *w, json_t *o, const char *key, const struct tok *t)
{
    if (!w->editor)
        put_tok(w, o, key, t);
}

/* A text of the model at a position of its own. */
static json_t *text(const struct writer *w, enum tok_kind kind, struct sv s, unsigned line,
                    unsigned col)
{
    AUTO(auto_tok) struct tok *t = tok_make(kind, s);

    if (w->positions && line != 0) {
        t->file = w->file;
        t->line = line;
        t->col = col;
    }
    return tok_to_json(t);
}

/* Levels that are not none. */
static void put_permissions(const struct writer *w, json_t *o, const struct wf_permissions *p)
{
    if (!p->stated || w->editor)
        return;
    json_t *levels = json_object();
    for (size_t i = 0; i < WF_SCOPES; i++) {
        if (p->level[i] != WF_NONE)
            put(levels, wf_scopes[i], json_string(p->level[i] == WF_WRITE ? "write" : "read"));
    }
    put(o, "permissions", levels);
}

/* What the official converter gives to steps that steer others (spec expressions 4.5.3). */
static json_t *control_name(const struct wf_step *s)
{
    if (sv_is(s->control, "wait"))
        return json_string("Wait");
    if (sv_is(s->control, "wait-all"))
        return json_string("Wait for all");
    return json_string(sv_is(s->control, "cancel") ? "Cancel" : "Parallel group");
}

/* Plain texts, however they were written. */
static void put_targets(const struct writer *w, json_t *o, const struct tok *t)
{
    json_t *a = json_array();

    if (t->kind == TOK_SEQUENCE) {
        for (size_t i = 0; i < t->n; i++)
            (void)json_array_append_new(a, token(w, t->items[i]));
    } else {
        (void)json_array_append_new(a, token(w, t));
    }
    put(o, "wait", a);
}

static void put_steps(const struct writer *w, json_t *o, const char *key,
                      const struct wf_step *steps, size_t n);

/* Recursion: as deep as the file nests. */
static void put_control(const struct writer *w, json_t *o, const struct wf_step *s)
{
    if (sv_is(s->control, "wait-all"))
        put(o, "wait-all", json_true());
    else if (sv_is(s->control, "wait"))
        put_targets(w, o, s->control_value);
    else if (sv_is(s->control, "parallel"))
        put_steps(w, o, "parallel", s->inner, s->n_inner);
    else
        put_tok(w, o, s->control.p, s->control_value);
}

static json_t *control_json(const struct writer *w, const struct wf_step *s)
{
    json_t *o = json_object();

    put(o, "id", text(w, TOK_STRING, sv_of(s->context_name), 0, 0));
    if (s->name != NULL)
        put_tok(w, o, "name", s->name);
    else
        put(o, "name", control_name(s));
    put_tok(w, o, "continue-on-error", s->continue_on_error);
    put_control(w, o, s);
    return o;
}

static json_t *step_json(const struct writer *w, const struct wf_step *s)
{
    if (s->kind == WF_STEP_CONTROL)
        return control_json(w, s);
    json_t *o = json_object();
    put(o, "id", text(w, TOK_STRING, sv_of(s->context_name), 0, 0));
    put_tok(w, o, "name", s->name);
    put(o, "if", text(w, TOK_EXPR, sv_of(s->condition), s->if_line, s->if_col));
    put_tok(w, o, "uses", s->uses_token);
    put_tok(w, o, "continue-on-error", s->continue_on_error);
    put_more(w, o, "timeout-minutes", s->timeout_minutes);
    put_more(w, o, "with", s->with);
    put_tok(w, o, "env", s->env);
    put_more(w, o, "working-directory", s->working_directory);
    put_more(w, o, "shell", s->shell);
    put_tok(w, o, "run", s->run);
    if (s->background_token != NULL)
        put(o, "background", json_boolean(s->background));
    return o;
}

static void put_steps(const struct writer *w, json_t *o, const char *key,
                      const struct wf_step *steps, size_t n)
{
    json_t *a = json_array();

    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(a, step_json(w, &steps[i]));
    put(o, key, a);
}

static void put_name_and_needs(const struct writer *w, json_t *o, const struct wf_job *j)
{
    put(o, "id", text(w, TOK_STRING, j->id, j->line, j->col));
    if (j->name != NULL && (j->name->kind != TOK_STRING || j->name->text.n > 0))
        put_tok(w, o, "name", j->name);
    else
        put(o, "name", text(w, TOK_STRING, j->id, j->line, j->col));
    if (j->n_needs > 0 || j->uses.n > 0) { /* officially a job that calls has a list, empty too */
        json_t *needs = json_array();
        for (size_t i = 0; i < j->n_needs; i++)
            (void)json_array_append_new(
                needs, text(w, TOK_STRING, j->needs[i].name, j->needs[i].line, j->needs[i].col));
        put(o, "needs", needs);
    }
    put(o, "if", text(w, TOK_EXPR, sv_of(j->condition), j->if_line, j->if_col));
}

static json_t *job_json(const struct writer *w, const struct wf_job *j);

static void put_jobs(const struct writer *w, json_t *o, const struct wf *wf)
{
    json_t *jobs = json_array();

    for (size_t i = 0; i < wf->n_jobs; i++)
        (void)json_array_append_new(jobs, job_json(w, &wf->jobs[i]));
    put(o, "jobs", jobs);
}

/* The called workflow's own name stands for a call of a file of the same repository. */
static void put_ref(const struct writer *w, json_t *o, const struct wf_job *j)
{
    struct sv name = j->called != NULL ? sv_of(j->called->file) : j->uses;

    put(o, "ref", text(w, TOK_STRING, name, j->uses_token->line, j->uses_token->col));
}

static json_t *call_json(const struct writer *w, const struct wf_job *j)
{
    const struct wf *c = j->called;
    const struct tok *on = c != NULL ? wf_event(c, SV("workflow_call")) : NULL;
    json_t *o = json_object();

    put(o, "type", json_string("reusableWorkflowJob"));
    put_name_and_needs(w, o, j);
    put_ref(w, o, j);
    put_permissions(w, o, &j->allowed);
    put_tok(w, o, "input-definitions", tok_get(on, SV("inputs")));
    put_tok(w, o, "outputs", tok_get(on, SV("outputs")));
    put_tok(w, o, "input-values", j->with);
    put_tok(w, o, "secret-definitions", tok_get(on, SV("secrets")));
    put_tok(w, o, "strategy", j->strategy);
    put_tok(w, o, "concurrency", j->concurrency);
    put_more(w, o, "cache-mode", j->cache_mode);
    put_tok(w, o, "secret-values", j->secrets);
    if (j->secrets_inherit)
        put(o, "inherit-secrets", json_true());
    if (c != NULL) {
        const struct writer inner = {w->positions, w->editor, w->empty_calls, c->root->file};
        put_more(&inner, o, "defaults", c->defaults);
        put_more(&inner, o, "env", c->env);
        put_more(&inner, o, "embedded-concurrency", c->concurrency);
        put_more(&inner, o, "embedded-cache-mode", c->cache_mode);
        put_jobs(&inner, o, c);
    } else if (w->empty_calls) {
        put(o, "jobs", json_array());
    }
    return o;
}

/* Recursion: as deep as calls are nested. */
static json_t *job_json(const struct writer *w, const struct wf_job *j)
{
    if (j->uses.n > 0)
        return call_json(w, j);
    json_t *o = json_object();
    put(o, "type", json_string("job"));
    put_name_and_needs(w, o, j);
    put_tok(w, o, "strategy", j->strategy);
    put_permissions(w, o, &j->allowed);
    put_more(w, o, "continue-on-error", j->continue_on_error);
    put_more(w, o, "timeout-minutes", j->timeout_minutes);
    put_more(w, o, "cancel-timeout-minutes", j->cancel_timeout_minutes);
    put_tok(w, o, "concurrency", j->concurrency);
    put_tok(w, o, "env", j->env);
    put_tok(w, o, "environment", j->environment);
    put_more(w, o, "defaults", j->defaults);
    put_tok(w, o, "runs-on", j->runs_on);
    put_tok(w, o, "container", j->container);
    put_tok(w, o, "outputs", j->outputs);
    put_tok(w, o, "services", j->services);
    if (j->n_steps > 0)
        put_steps(w, o, "steps", j->steps, j->n_steps);
    put_tok(w, o, "snapshot", j->snapshot);
    put_more(w, o, "cache-mode", j->cache_mode);
    return o;
}

static void put_input_types(json_t *o, const struct wf *wf)
{
    const struct tok *inputs = tok_get(wf_event(wf, SV("workflow_dispatch")), SV("inputs"));
    json_t *types = json_object();

    for (size_t i = 0; inputs != NULL && inputs->kind == TOK_MAPPING && i < inputs->n; i++) {
        const struct tok *type = tok_get(inputs->items[2 * i + 1], SV("type"));
        put(types, inputs->items[2 * i]->text.p,
            type != NULL ? jx_str_new(type->text) : json_string("string"));
    }
    if (json_object_size(types) > 0)
        put(o, "input-types", types);
    else
        json_decref(types);
}

json_t *wf_to_json(const struct wf *wf, unsigned flags)
{
    const struct writer w = {
        .positions = (flags & WF_JSON_POSITIONS) != 0,
        .editor = (flags & WF_JSON_EDITOR) != 0,
        .empty_calls = (flags & WF_JSON_EMPTY_CALLS) != 0,
        .file = 1,
    };
    json_t *o = json_object();

    if (w.editor)
        put(o, "events", wf_events_to_json(wf));
    else
        put_input_types(o, wf);
    put_permissions(&w, o, &wf->allowed);
    put_tok(&w, o, "env", wf->env);
    put_more(&w, o, "defaults", wf->defaults);
    put_tok(&w, o, "concurrency", wf->concurrency);
    put_more(&w, o, "cache-mode", wf->cache_mode);
    put_jobs(&w, o, wf);
    if (w.positions) {
        json_t *files = json_array();
        for (size_t i = 0; i < wf->n_files; i++)
            (void)json_array_append_new(files, jx_str_new(sv_of(wf->files[i])));
        put(o, "file-table", files);
    }
    return o;
}

json_t *wf_errors_to_json(const struct wf_errors *l)
{
    json_t *list = json_array();

    for (size_t i = 0; i < l->n; i++) {
        AUTO(buf_free) struct buf b = BUF_INIT((size_t)8 << 20);
        wf_error_message(&l->v[i], &b);
        json_t *o = json_object();
        put(o, "Message", jx_str_new(buf_sv(&b)));
        (void)json_array_append_new(list, o);
    }
    json_t *o = json_object();
    put(o, "errors", list);
    return o;
}
