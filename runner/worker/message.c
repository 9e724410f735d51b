/* SPDX-License-Identifier: Apache-2.0
 *
 * Reader of the job request message. Source of the members: actions/runner 2.336.0
 * src/Sdk/DTPipelines/Pipelines/AgentJobRequestMessage.cs, as laid down in spec job-execution 1. */
#include "runner/worker/message.h"

#include <jansson.h>

#include "base/mem.h"

#define SYSTEM_CONNECTION "SystemVssConnection" /* Source: JobRunner.cs */

static struct sv text_of(const json_t *o, const char *key)
{
    const json_t *v = jx_iget(o, key);

    return json_is_string(v) ? (struct sv){json_string_value(v), json_string_length(v)} : SV("");
}

static bool is_guid(struct sv s)
{
    if (s.n != 36)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.p[i] != '-' : !ch_is_hex(s.p[i]))
            return false;
    }
    return true;
}

static int need_guid(const json_t *o, const char *key, const char *what, struct sv *out,
                     struct err *e)
{
    struct sv s = text_of(o, key);

    if (!is_guid(s))
        return err_set(e, FAIL_INPUT, "job message: '%s' is missing or not a GUID", what);
    *out = s;
    return 0;
}

/* The array member, or NULL when it is absent; *n is checked against max. */
static int array_of(const json_t *o, const char *key, size_t max, const json_t **out, size_t *n,
                    struct err *e)
{
    const json_t *a = jx_iget(o, key);

    *out = NULL;
    *n = 0;
    if (a == NULL || json_is_null(a))
        return 0;
    if (!json_is_array(a))
        return err_set(e, FAIL_INPUT, "job message: '%s' is not an array", key);
    if (json_array_size(a) > max)
        return err_set(e, FAIL_LIMIT, "job message: '%s' has %zu entries, at most %zu are allowed",
                       key, json_array_size(a), max);
    *out = a;
    *n = json_array_size(a);
    return 0;
}

static int token_of(const json_t *o, const char *key, struct tok **out, struct err *e)
{
    json_t *v = jx_iget(o, key);

    if (v == NULL || json_is_null(v))
        return 0;
    if (tok_from_json(v, out, e) < 0)
        return err_wrap(e, "job message: '%s'", key);
    if (*out != NULL && (*out)->kind == TOK_NULL) {
        tok_free(*out);
        *out = NULL;
    }
    return 0;
}

static int tokens_of(const json_t *o, const char *key, struct tok ***out, size_t *out_n,
                     struct err *e)
{
    const json_t *a;
    size_t n;

    if (array_of(o, key, MESSAGE_MAX_MAPPINGS, &a, &n, e) < 0)
        return -1;
    if (n == 0)
        return 0;
    *out = xcalloc(n, sizeof(struct tok *));
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(a, i);
        if (json_is_null(v))
            continue;
        if (tok_from_json(v, &(*out)[*out_n], e) < 0)
            return err_wrap(e, "job message: '%s', entry %zu", key, i + 1);
        (*out_n)++;
    }
    return 0;
}

static int strings_of(const json_t *o, const char *key, size_t max, struct sv **out, size_t *out_n,
                      struct err *e)
{
    const json_t *a;
    size_t n;

    if (array_of(o, key, max, &a, &n, e) < 0)
        return -1;
    if (n == 0)
        return 0;
    *out = xcalloc(n, sizeof **out);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(a, i);
        (*out)[i] =
            json_is_string(v) ? (struct sv){json_string_value(v), json_string_length(v)} : SV("");
    }
    *out_n = n;
    return 0;
}

/* An enum member arrives as its number or as its name in any case (1.1). */
static bool enum_is(const json_t *v, json_int_t number, const char *name)
{
    if (json_is_integer(v))
        return json_integer_value(v) == number;
    if (!json_is_string(v))
        return false;
    return sv_ieq((struct sv){json_string_value(v), json_string_length(v)}, sv_of(name));
}

static int read_reference(const json_t *s, struct msg_step *out, struct err *e)
{
    const json_t *r = jx_iget(s, "reference");
    const json_t *type = jx_iget(r, "type");

    if (enum_is(type, 3, "script")) {
        out->ref_kind = REF_SCRIPT;
        return 0;
    }
    if (enum_is(type, 2, "containerRegistry")) {
        out->ref_kind = REF_CONTAINER;
        out->image = text_of(r, "image");
        return 0;
    }
    if (!enum_is(type, 1, "repository"))
        return err_set(e, FAIL_INPUT, "the step's reference has an unknown type");

    struct sv kind = text_of(r, "repositoryType");
    out->repository = text_of(r, "name");
    out->ref = text_of(r, "ref");
    out->path = text_of(r, "path");
    if (sv_ieq(kind, SV("self")))
        out->ref_kind = REF_LOCAL;
    else if (sv_ieq(kind, SV("selfRepository")))
        out->ref_kind = REF_SELF_REPOSITORY;
    else
        out->ref_kind = REF_REPOSITORY;
    if (out->ref_kind == REF_REPOSITORY && (out->repository.n == 0 || out->ref.n == 0))
        return err_set(e, FAIL_INPUT, "the step's reference lacks its name or ref");
    return 0;
}

static int read_step(const json_t *s, struct msg_step *out, struct err *e)
{
    const json_t *type = jx_iget(s, "type");
    const json_t *cond = jx_iget(s, "condition");

    if (need_guid(s, "id", "steps[].id", &out->id, e) < 0)
        return -1;
    out->name = text_of(s, "name");
    out->context_name = text_of(s, "contextName");
    out->legacy_display = text_of(s, "displayName");
    out->has_condition = json_is_string(cond);
    out->condition = text_of(s, "condition");
    out->background = json_is_true(jx_iget(s, "background"));
    if (token_of(s, "displayNameToken", &out->display, e) < 0 ||
        token_of(s, "continueOnError", &out->continue_on_error, e) < 0 ||
        token_of(s, "timeoutInMinutes", &out->timeout, e) < 0)
        return -1;
    if (enum_is(type, 5, "backgroundStepControl")) {
        out->ref_kind = REF_CONTROL;
        return 0;
    }
    if (!enum_is(type, 4, "action"))
        return err_set(e, FAIL_INPUT, "the step has an unknown type");
    if (token_of(s, "environment", &out->env, e) < 0 || token_of(s, "inputs", &out->inputs, e) < 0)
        return -1;
    return read_reference(s, out, e);
}

static int read_steps(struct message *m, struct err *e)
{
    const json_t *a;
    size_t n;

    if (array_of(m->root, "steps", MESSAGE_MAX_STEPS, &a, &n, e) < 0)
        return -1;
    if (a == NULL)
        return err_set(e, FAIL_INPUT, "job message: 'steps' is missing");
    m->steps = xcalloc(n + 1, sizeof *m->steps);
    for (size_t i = 0; i < n; i++) {
        m->n_steps = i + 1; /* what a failing read_step() made is freed with the message */
        if (read_step(json_array_get(a, i), &m->steps[i], e) < 0)
            return err_wrap(e, "job message: step %zu", i + 1);
    }
    return 0;
}

static int read_variables(struct message *m, struct err *e)
{
    json_t *vars = jx_iget(m->root, "variables");
    const char *key;
    json_t *v;

    if (!json_is_object(vars))
        return err_set(e, FAIL_INPUT, "job message: 'variables' is missing or not an object");
    if (json_object_size(vars) > MESSAGE_MAX_VARIABLES)
        return err_set(e, FAIL_LIMIT, "job message: more than %u variables", MESSAGE_MAX_VARIABLES);
    m->variables = xcalloc(json_object_size(vars) + 1, sizeof *m->variables);
    json_object_foreach(vars, key, v)
    {
        if (sv_trim(sv_of(key)).n == 0) /* dropped by the official reader too */
            continue;
        m->variables[m->n_variables++] = (struct msg_variable){
            .name = sv_of(key),
            .value = text_of(v, "value"),
            .secret = json_is_true(jx_iget(v, "isSecret")),
        };
    }
    return 0;
}

static int read_masks(struct message *m, struct err *e)
{
    const json_t *a;
    size_t n;

    if (array_of(m->root, "mask", MESSAGE_MAX_MASKS, &a, &n, e) < 0)
        return -1;
    m->masks = xcalloc(n + 1, sizeof *m->masks);
    for (size_t i = 0; i < n; i++) {
        const json_t *h = json_array_get(a, i);
        if (enum_is(jx_iget(h, "type"), 2, "regex") && text_of(h, "value").n > 0)
            m->masks[m->n_masks++] = text_of(h, "value");
    }
    return 0;
}

static void read_auth_values(struct message *m, const json_t *ep, size_t *cap)
{
    json_t *params = jx_iget(jx_iget(ep, "authorization"), "parameters");
    const char *key;
    json_t *v;

    if (!json_is_object(params))
        return;
    json_object_foreach(params, key, v)
    {
        (void)key;
        if (!json_is_string(v) || m->n_auth_values >= MESSAGE_MAX_MASKS)
            continue;
        GROW(m->auth_values, *cap, m->n_auth_values + 1);
        m->auth_values[m->n_auth_values++] =
            (struct sv){json_string_value(v), json_string_length(v)};
    }
}

static int read_endpoints(struct message *m, struct err *e)
{
    const json_t *res = jx_iget(m->root, "resources");
    const json_t *a;
    size_t n, cap = 0, found = 0;

    if (!json_is_object(res))
        return err_set(e, FAIL_INPUT, "job message: 'resources' is missing or not an object");
    if (array_of(res, "endpoints", MESSAGE_MAX_MAPPINGS, &a, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        const json_t *ep = json_array_get(a, i);
        const json_t *data = jx_iget(ep, "data");

        read_auth_values(m, ep, &cap);
        if (!sv_ieq(text_of(ep, "name"), SV(SYSTEM_CONNECTION)))
            continue;
        found++;
        m->endpoint = (struct msg_endpoint){
            .url = text_of(ep, "url"),
            .token = text_of(jx_iget(jx_iget(ep, "authorization"), "parameters"), "AccessToken"),
            .cache_url = text_of(data, "CacheServerUrl"),
            .pipelines_url = text_of(data, "PipelinesServiceUrl"),
            .results_url = text_of(data, "ResultsServiceUrl"),
            .id_token_url = text_of(data, "GenerateIdTokenUrl"),
            .feed_url = text_of(data, "FeedStreamUrl"),
        };
    }
    if (found != 1)
        return err_set(e, FAIL_INPUT,
                       "job message: %zu endpoints are named '" SYSTEM_CONNECTION "', not one",
                       found);
    if (m->endpoint.url.n == 0 || m->endpoint.token.n == 0)
        return err_set(e, FAIL_INPUT,
                       "job message: '" SYSTEM_CONNECTION "' lacks its url or access token");
    return 0;
}

static int read_context(struct message *m, struct err *e)
{
    json_t *cd = jx_iget(m->root, "contextData");
    const char *key;
    json_t *j;

    m->context = val_object();
    if (json_is_object(cd)) {
        json_object_foreach(cd, key, j)
        {
            struct val *v = NULL;
            if (val_from_context(j, &v, e) < 0)
                return err_wrap(e, "job message: contextData '%s'", key);
            val_sets(m->context, key, v);
        }
    }
    const struct val *gh = val_gets(m->context, "github");
    if (gh == NULL || val_kind(gh) != VAL_OBJECT)
        return err_set(e, FAIL_INPUT,
                       "job message: contextData 'github' is missing or not a dictionary");
    return 0;
}

static int read_tokens(struct message *m, struct err *e)
{
    const json_t *env = jx_iget(m->root, "actionsEnvironment");

    if (tokens_of(m->root, "environmentVariables", &m->env, &m->n_env, e) < 0 ||
        tokens_of(m->root, "defaults", &m->defaults, &m->n_defaults, e) < 0 ||
        token_of(m->root, "jobOutputs", &m->outputs, e) < 0 ||
        token_of(m->root, "jobContainer", &m->container, e) < 0 ||
        token_of(m->root, "jobServiceContainers", &m->services, e) < 0)
        return -1;
    m->environment_name = text_of(env, "name");
    if (token_of(env, "url", &m->environment_url, e) < 0)
        return -1;
    const json_t *snapshot = jx_iget(m->root, "snapshot");
    m->has_snapshot = snapshot != NULL && !json_is_null(snapshot);
    if (strings_of(m->root, "fileTable", MESSAGE_MAX_FILES, &m->files, &m->n_files, e) < 0)
        return -1;
    return strings_of(m->root, "dependencies", MESSAGE_MAX_FILES, &m->dependencies,
                      &m->n_dependencies, e);
}

static int read_all(struct message *m, struct err *e)
{
    if (!json_is_object(m->root))
        return err_set(e, FAIL_INPUT, "job message: not a JSON object");
    m->type = text_of(m->root, "messageType");
    if (!sv_ieq(m->type, SV("RunnerJobRequest")))
        return err_set(e, FAIL_UNSUPPORTED,
                       "job message: type '" SV_FMT
                       "' is not known; only RunnerJobRequest (the run "
                       "service protocol) is",
                       SV_ARG(sv_sub(m->type, 0, 60)));
    m->display_name = text_of(m->root, "jobDisplayName");
    m->job_name = text_of(m->root, "jobName");
    m->billing_owner = text_of(m->root, "billingOwnerId");
    if (need_guid(jx_iget(m->root, "plan"), "planId", "plan.planId", &m->plan_id, e) < 0 ||
        need_guid(m->root, "jobId", "jobId", &m->job_id, e) < 0)
        return -1;
    if (read_endpoints(m, e) < 0 || read_variables(m, e) < 0 || read_masks(m, e) < 0 ||
        read_context(m, e) < 0 || read_tokens(m, e) < 0)
        return -1;
    return read_steps(m, e);
}

int message_parse(struct sv text, struct message **out, struct err *e)
{
    AUTO(auto_message) struct message *m = NULL;

    if (text.n > MESSAGE_MAX_BYTES)
        return err_set(e, FAIL_LIMIT, "job message: %zu bytes, at most %u are allowed", text.n,
                       MESSAGE_MAX_BYTES);
    if (sv_starts(text, SV("\xef\xbb\xbf"))) /* answers may begin with a BOM (protocol 9.2) */
        text = sv_sub(text, 3, text.n);
    m = xcalloc(1, sizeof *m);
    m->root = jx_parse_lax(text, "job message", e);
    if (m->root == NULL || read_all(m, e) < 0)
        return -1;
    *out = TAKE_PTR(m);
    return 0;
}

static void free_tokens(struct tok **v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        tok_free(v[i]);
    free(v);
}

void message_free(struct message *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->n_steps; i++) {
        struct msg_step *s = &m->steps[i];
        tok_free(s->display);
        tok_free(s->env);
        tok_free(s->inputs);
        tok_free(s->continue_on_error);
        tok_free(s->timeout);
    }
    free(m->steps);
    free_tokens(m->env, m->n_env);
    free_tokens(m->defaults, m->n_defaults);
    tok_free(m->outputs);
    tok_free(m->container);
    tok_free(m->services);
    tok_free(m->environment_url);
    val_unref(m->context);
    free(m->variables);
    free(m->masks);
    free(m->auth_values);
    free(m->files);
    free(m->dependencies);
    json_decref(m->root);
    free(m);
}

void auto_message(struct message **m)
{
    message_free(*m);
    *m = NULL;
}

bool message_var(const struct message *m, const char *name, struct sv *value)
{
    for (size_t i = 0; i < m->n_variables; i++) {
        if (sv_ieq(m->variables[i].name, sv_of(name))) {
            *value = m->variables[i].value;
            return true;
        }
    }
    return false;
}

bool message_flag(const struct message *m, const char *name)
{
    struct sv v;

    return message_var(m, name, &v) && sv_ieq(sv_trim(v), SV("true"));
}
