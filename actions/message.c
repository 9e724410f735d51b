/* SPDX-License-Identifier: Apache-2.0
 *
 * Workflow model -> job message. Source: actions/runner: src/Sdk/DTPipelines/Pipelines/{StepConverter,ActionStep,
 * ActionStepDefinitionReference}.cs and captures of github.com, through spec job-execution 1.7 to 1.10. */
#include "actions/message.h"

#include <jansson.h>

#include "actions/names.h"
#include "actions/plan_priv.h"
#include "actions/token_priv.h"
#include "base/ids.h"

static void set_file(struct tok *t, unsigned file)
{
    size_t n = t->kind == TOK_MAPPING ? 2 * t->n : t->n;

    if (t->file != 0)
        t->file = file;
    for (size_t i = 0; i < n; i++)
        set_file(t->items[i], file);
}

/* The token with its file index as the message's table has it. */
static json_t *token(const struct tok *t, unsigned file)
{
    AUTO(auto_tok) struct tok *copy = NULL;

    if (t == NULL || t->file == file)
        return tok_to_json(t);
    copy = tok_clone(t);
    set_file(copy, file);
    return tok_to_json(copy);
}

static void set(json_t *o, const char *key, json_t *own)
{
    (void)json_object_set_new(o, key, own);
}

static void set_sv(json_t *o, const char *key, struct sv s)
{
    set(o, key, jx_str_new(s));
}

static json_t *reference(const struct wf_step *s, struct err *e)
{
    struct uses u;

    if (s->kind == WF_STEP_RUN)
        return json_pack("{s:s}", "type", "script");
    if (uses_parse(s->uses, &u, e) < 0) /* an image is missing: the reader lets that pass */
        return NULL;
    json_t *o = json_object();
    set(o, "type", json_string(u.kind == USES_DOCKER ? "containerRegistry" : "repository"));
    switch (u.kind) {
    case USES_DOCKER:
        set_sv(o, "image", u.image);
        break;
    case USES_LOCAL:
    case USES_SELF_REPOSITORY:
        set(o, "repositoryType", json_string(u.kind == USES_LOCAL ? "self" : "selfRepository"));
        set_sv(o, "path", u.path);
        break;
    case USES_REPOSITORY:
        set(o, "repositoryType", json_string("GitHub"));
        set_sv(o, "name", u.repository);
        set_sv(o, "ref", u.ref);
        if (u.path.n > 0)
            set_sv(o, "path", u.path);
        break;
    }
    return o;
}

static void add_input(json_t *map, const char *key, const struct tok *value, unsigned file)
{
    if (value == NULL)
        return;
    json_t *pair = json_object();
    set(pair, "Key", json_string(key));
    set(pair, "Value", token(value, file));
    (void)json_array_append_new(map, pair);
}

static json_t *step_inputs(const struct wf_step *s, unsigned file)
{
    if (s->kind == WF_STEP_USES)
        return token(s->with, file);
    json_t *map = json_array();
    add_input(map, "script", s->run, file);
    add_input(map, "workingDirectory", s->working_directory, file);
    add_input(map, "shell", s->shell, file);
    return json_pack("{s:i,s:o}", "type", (int)TOK_MAPPING, "map", map);
}

static json_t *step_json(const struct wf_step *s, unsigned file, struct err *e)
{
    char id[UUID_TEXT_SIZE];
    json_t *ref = reference(s, e);

    if (ref == NULL)
        return NULL;
    json_t *o = json_object();
    ids_uuid4(id);
    set(o, "type", json_string("action"));
    set(o, "id", json_string(id));
    set(o, "name", json_string(s->context_name)); /* github.com sends the same text in both */
    set(o, "contextName", json_string(s->context_name));
    if (s->name != NULL)
        set(o, "displayNameToken", token(s->name, file));
    set_sv(o, "condition", sv_of(s->condition));
    set(o, "continueOnError", token(s->continue_on_error, file));
    set(o, "timeoutInMinutes", token(s->timeout_minutes, file));
    set(o, "reference", ref);
    if (s->env != NULL)
        set(o, "environment", token(s->env, file));
    if (s->kind == WF_STEP_RUN || s->with != NULL)
        set(o, "inputs", step_inputs(s, file));
    return o;
}

/* Workflow level first; later ones win on the runner. */
static json_t *levels(const struct tok *workflow, const struct tok *job, unsigned file)
{
    json_t *a = json_array();

    if (workflow != NULL)
        (void)json_array_append_new(a, token(workflow, file));
    if (job != NULL)
        (void)json_array_append_new(a, token(job, file));
    return a;
}

int message_job_parts(const struct plan_leg *leg, unsigned file, json_t *into, struct err *e)
{
    const struct wf_job *job = leg->job;
    AUTO(auto_json) json_t *steps = json_array();

    if (plan_check_supported(leg->wf, job, e) < 0)
        return -1;
    for (size_t i = 0; i < job->n_steps; i++) {
        json_t *s = step_json(&job->steps[i], file, e);
        if (s == NULL)
            return err_wrap(e, "%s:%u:%u", leg->wf->file, job->steps[i].line, job->steps[i].col);
        (void)json_array_append_new(steps, s);
    }
    set(into, "steps", json_incref(steps));
    set(into, "environmentVariables", levels(leg->wf->env, job->env, file));
    set(into, "defaults", levels(leg->wf->defaults, job->defaults, file));
    set(into, "jobOutputs", token(job->outputs, file));
    set(into, "jobContainer", token(job->container, file));
    set(into, "jobServiceContainers", token(job->services, file));
    set(into, "snapshot", json_null());
    if (leg->environment != NULL) {
        json_t *env = json_object();
        set(env, "name", json_string(leg->environment));
        set(env, "url", token(tok_get(job->environment, SV("url")), file));
        set(into, "actionsEnvironment", env);
    }
    return 0;
}
