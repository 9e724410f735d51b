/* SPDX-License-Identifier: Apache-2.0
 *
 * The job message, composed when a runner acquires the job (spec job-execution 1): only then do secrets and tokens
 * meet the rest, and only in memory. */
#include "runner/service/svc_priv.h"

#include <jansson.h>

#include "actions/message.h"
#include "actions/workflow_call.h"
#include "base/log.h"
#include "base/mem.h"

static void variable(json_t *vars, const char *name, struct sv value, bool secret)
{
    json_t *o = json_pack("{s:o}", "value", jx_str_new(value));

    if (secret)
        (void)json_object_set_new(o, "isSecret", json_true());
    (void)json_object_set_new(vars, name, o);
}

static const struct run_secret *find_secret(const struct run *r, const char *name)
{
    for (size_t i = 0; i < r->n_secrets; i++)
        if (sv_ieq(sv_of(r->secrets[i].name), sv_of(name)))
            return &r->secrets[i];
    return NULL;
}

/* The token of the job: the user's GITHUB_TOKEN, or one that is good for nothing but looks like one. */
static struct sv github_token(struct leg *l)
{
    const struct run_secret *own = find_secret(l->run, "GITHUB_TOKEN");
    char text[41] = "ghs_";

    if (own != NULL)
        return secret_sv(&own->value);
    if (l->github_token.p == NULL) {
        ids_token(text + 4, 36);
        l->github_token = secret_new(text, 40);
        secret_wipe(text, sizeof text);
    }
    return secret_sv(&l->github_token);
}

/* "__default", or the matrix values joined by '_' (1.2). */
static char *job_name(const struct leg *l)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1024);
    struct err e;

    for (size_t i = 0; i < val_count(l->plan->matrix); i++) {
        AUTO(buf_free) struct buf t = BUF_INIT(4096);
        val_to_text(val_at(l->plan->matrix, i), &t);
        buf_addc(&b, '_');
        for (size_t k = 0; k < t.len && b.len < 200; k++)
            buf_addc(&b, (char)(ch_is_alnum(t.p[k]) || t.p[k] == '-' ? t.p[k] : '_'));
    }
    if (b.len == 0 || buf_done(&b, "job name", &e) < 0)
        return xstrdup("__default");
    return buf_take(&b, NULL);
}

/* What every job gets; values as github.com sends them (1.4.2). */
static void fixed_variables(const struct svc *s, json_t *vars)
{
    static const char *const on[] = {
        "DistributedTask.AllowRunnerContainerHooks",
        "DistributedTask.EnhancedAnnotations",
        "DistributedTask.DeprecateStepOutputCommands",
        "DistributedTask.NewActionMetadata",
        "DistributedTask.EnableCompositeActions",
        "DistributedTask.UploadStepSummary",
        "DistributedTask.LogTemplateErrorsAsDebugMessages",
        "RunService.FixEmbeddedIssues",
        "actions_send_job_level_annotations",
        "actions_display_helpful_actions_download_errors",
        "actions_self_repository",
        "actions_service_container_command",
        "actions_set_orchestration_id_env_for_actions",
        "actions_uses_cache_service_v2",
        "actions.runner.usenode24bydefault",
        "system.github.results_upload_with_sdk",
        "system.from_run_service",
        "gantry.step_details",
        "gantry.log_blocks",
    };

    for (size_t i = 0; i < sizeof on / sizeof *on; i++)
        variable(vars, on[i], SV("true"), false);
    if (!s->cfg.serve) /* its only reader goes with the run, and reads the steps' logs */
        variable(vars, "gantry.no_job_log", SV("true"), false);
    variable(vars, "system.culture", SV("en-US"), false);
    variable(vars, "system.runnerEnvironment", SV("self-hosted"), false);
    variable(vars, "system.runnerGroupName", SV("Default"), false);
}

/* "pull-requests" is "PullRequests" here; contents and metadata can be read where nothing was stated (1.4.2). */
static void permissions_variable(const struct leg *l, json_t *vars)
{
    const struct wf_permissions *p = &l->plan->job->allowed;
    AUTO(auto_json) json_t *o = json_object();
    AUTO(buf_free) struct buf text = BUF_INIT(4096);

    if (!p->stated)
        (void)json_object_set_new(o, "Contents", json_string("read"));
    for (size_t i = 0; p->stated && i < WF_SCOPES; i++) {
        AUTO(buf_free) struct buf name = BUF_INIT(64);
        bool upper = true;
        if (p->level[i] == WF_NONE)
            continue;
        for (const char *c = wf_scopes[i]; *c != '\0'; c++) {
            if (upper)
                buf_addc(&name, ch_upper(*c));
            else if (*c != '-')
                buf_addc(&name, *c);
            upper = *c == '-';
        }
        (void)json_object_set_new(o, name.p,
                                  json_string(p->level[i] == WF_WRITE ? "write" : "read"));
    }
    (void)json_object_set_new(o, "Metadata", json_string("read"));
    jx_write(&text, o);
    variable(vars, "system.github.token.permissions", buf_sv(&text), false);
}

/* The secrets that the job may know: those of the run, or what calls passed on (spec expressions 7.3). */
static int secret_variables(const struct leg *l, struct sv token, json_t *vars, struct err *e)
{
    const struct run *r = l->run;
    AUTO(auto_val) struct val *all = val_object();
    AUTO(auto_val) struct val *own = NULL;

    for (size_t i = 0; i < r->n_secrets; i++)
        val_sets(all, r->secrets[i].name, val_string(secret_sv(&r->secrets[i].value)));
    val_sets(all, "GITHUB_TOKEN", val_string(token));
    if (plan_secrets(&r->in, l->plan, all, &own, e) < 0)
        return -1;
    for (size_t i = 0; i < val_count(own); i++) {
        AUTO(auto_free) char *name = sv_dup(val_key_at(own, i));
        if (!sv_ieq(val_key_at(own, i), SV("GITHUB_TOKEN")))
            variable(vars, name, val_get_string(val_at(own, i)), true);
    }
    return 0;
}

/* "call.build": the path of job ids with dots. */
static char *dotted(const char *path)
{
    char *s = xstrdup(path);

    for (char *c = s; *c != '\0'; c++)
        *c = (char)(*c == '/' ? '.' : *c);
    return s;
}

static json_t *variables(struct svc *s, struct leg *l, const char *name, struct err *e)
{
    AUTO(auto_free) char *path = dotted(l->job_id);
    AUTO(auto_free) char *job = sv_dup(l->plan->job_id);
    json_t *vars = json_object();
    struct sv token = github_token(l), launch = sv_of(s->url);
    AUTO(buf_free) struct buf orchestration = BUF_INIT(1024);

    launch.n--; /* without the slash: only its origin counts (3.5) */
    fixed_variables(s, vars);
    permissions_variable(l, vars);
    buf_addf(&orchestration, "%s.%s.%s", l->run->plan_id, path, name);
    variable(vars, "system.github.job", sv_of(job), false);
    variable(vars, "system.github.token", token, true);
    variable(vars, "github_token", token, true);
    variable(vars, "system.github.launch_endpoint", launch, false);
    variable(vars, "system.github.results_endpoint", sv_of(s->url), false);
    variable(vars, "system.orchestrationId", buf_sv(&orchestration), false);
    variable(vars, "system.phaseDisplayName", sv_of(l->name), false);
    if (secret_variables(l, token, vars, e) == 0)
        return vars;
    json_decref(vars);
    return NULL;
}

/* .NET regular expressions (1.5). */
static json_t *mask_hints(void)
{
    return json_pack("[{s:s, s:s}, {s:s, s:s}]", "type", "regex", "value",
                     "\\bgh[pousr]_[A-Za-z0-9]{36,}\\b", "type", "regex", "value",
                     "\\bgithub_pat_[A-Za-z0-9_]{22,}\\b");
}

static json_t *resources(struct svc *s, const struct leg *l)
{
    AUTO(buf_free) struct buf run = BUF_INIT(1024);
    AUTO(buf_free) struct buf token = BUF_INIT(16384);
    json_t *o;

    buf_addf(&run, "%srun/", s->url);
    token_job(s, l, &token);
    o = json_pack("{s:[{s:s, s:s, s:b, s:b, s:{s:s, s:{s:s}}, "
                  "s:{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}}]}",
                  "endpoints", "name", "SystemVssConnection", "url", run.p, "isShared", 0,
                  "isReady", 1, "authorization", "scheme", "OAuth", "parameters", "AccessToken",
                  token.p, "data", "CacheServerUrl", "", "ResultsServiceUrl", s->url,
                  "PipelinesServiceUrl", "", "GenerateIdTokenUrl", "", "FeedStreamUrl", s->feed,
                  "ConnectivityChecks", "", "ConnectivityAndDNSChecks", "", "ServerId", "",
                  "ServerName", "");
    secret_wipe(token.p, token.len);
    return o;
}

static void context(json_t *data, const char *name, struct val *v)
{
    (void)json_object_set_new(data, name, val_to_context(v));
}

/* The file that the job stands in: a called one where it was called (spec expressions 7.3). */
static void workflow_of(const struct leg *l, struct val *job)
{
    const struct run *r = l->run;
    struct sv file = sv_of(l->plan->wf->file),
              repository = val_get_string(val_gets(r->github, "repository"));
    AUTO(buf_free) struct buf ref = BUF_INIT(8192);
    AUTO(buf_free) struct buf remote = BUF_INIT(1024);
    struct sv sha = jx_str(r->request, "sha", "");
    struct wf_call_name name;

    wf_call_split(file, &name);
    if (l->plan->call != NULL && name.owner.n > 0) {
        buf_addf(&remote, SV_FMT "/" SV_FMT, SV_ARG(name.owner), SV_ARG(name.repo));
        repository = buf_sv(&remote);
        buf_addsv(&ref, file);
        sha = jx_str(jx_get(r->request, "commits"), l->plan->wf->file, "");
    } else {
        name.path = file;
        buf_addf(&ref, SV_FMT "/" SV_FMT "@" SV_FMT, SV_ARG(repository), SV_ARG(file),
                 SV_ARG(jx_str(r->request, "ref", "")));
    }
    val_sets(job, "workflow_ref", val_string(buf_sv(&ref)));
    val_sets(job, "workflow_sha", val_string(sha));
    val_sets(job, "workflow_repository", val_string(repository));
    val_sets(job, "workflow_file_path", val_string(name.path));
}

static json_t *context_data(const struct leg *l)
{
    const struct run *r = l->run;
    json_t *data = json_object();
    struct val *job = val_object(), *empty = val_object();

    context(data, "github", r->github);
    context(data, "inputs",
            l->plan->inputs != NULL && val_kind(l->plan->inputs) == VAL_OBJECT ? l->plan->inputs
                                                                               : empty);
    val_sets(job, "check_run_id", val_number((double)r->id * 1000.0 + (double)l->number));
    workflow_of(l, job);
    context(data, "job", job);
    if (l->plan->matrix != NULL && val_kind(l->plan->matrix) == VAL_OBJECT)
        context(data, "matrix", l->plan->matrix);
    else
        (void)json_object_set_new(data, "matrix", json_null());
    context(data, "needs", l->plan->needs != NULL ? l->plan->needs : empty);
    context(data, "strategy", l->plan->strategy != NULL ? l->plan->strategy : empty);
    context(data, "vars", r->vars);
    val_unref(job);
    val_unref(empty);
    return data;
}

/* `--env NAME=VALUE` of the front end: below everything that the workflow sets. */
static void front_end_env(const struct run *r, json_t *message)
{
    json_t *env = jx_get(r->request, "env");
    json_t *list = json_object_get(message, "environmentVariables"), *map, *v;
    const char *name;

    if (!json_is_object(env) || json_object_size(env) == 0)
        return;
    if (!json_is_array(list)) {
        list = json_array();
        (void)json_object_set_new(message, "environmentVariables", list);
    }
    map = json_array();
    json_object_foreach(env, name, v)
    {
        if (json_is_string(v))
            (void)json_array_append_new(map,
                                        json_pack("{s:{s:i, s:s}, s:{s:i, s:O}}", "Key", "type", 0,
                                                  "lit", name, "Value", "type", 0, "lit", v));
    }
    (void)json_array_insert_new(list, 0, json_pack("{s:i, s:o}", "type", 2, "map", map));
}

/* The runner names steps by these ids; events name them by context name. */
static void remember_steps(struct leg *l, const json_t *message)
{
    const json_t *steps = json_object_get(message, "steps"), *o;
    size_t i;

    for (size_t k = 0; k < l->n_steps; k++)
        step_free(l->steps[k]);
    l->n_steps = 0;
    json_array_foreach(steps, i, o)
    {
        struct sv id = jx_str(o, "id", ""), name = jx_str(o, "contextName", "");
        AUTO(auto_free) char *text = sv_dup(id);
        struct step *st = id.n == UUID_TEXT_SIZE - 1 ? step_get(l, text, 0) : NULL;
        if (st != NULL && st->context_name == NULL)
            st->context_name = sv_dup(name);
    }
}

int job_message(struct svc *s, struct leg *l, json_t **out, struct err *e)
{
    AUTO(auto_json) json_t *m = json_object();
    AUTO(auto_free) char *name = NULL;
    const char *file = l->plan->wf->file;
    json_t *vars;

    if (l->run->secrets_lost)
        return err_set(
            e, FAIL_INPUT,
            "the service was restarted and secrets are never stored; start the run again");
    name = job_name(l);
    (void)json_object_set_new(m, "fileTable", json_pack("[s]", file));
    (void)json_object_set_new(m, "mask", mask_hints());
    if (message_job_parts(l->plan, 1, m, e) < 0)
        return -1;
    front_end_env(l->run, m);
    vars = variables(s, l, name, e);
    if (vars == NULL)
        return -1;
    (void)json_object_set_new(m, "variables", vars);
    svc_set_text(m, "messageType", "RunnerJobRequest");
    (void)json_object_set_new(m, "plan",
                              json_pack("{s:s, s:s, s:i, s:s, s:s}", "planId", l->run->plan_id,
                                        "planType", "actions", "version", 0, "artifactUri", "",
                                        "artifactLocation", ""));
    (void)json_object_set_new(
        m, "timeline",
        json_pack("{s:s, s:i, s:n}", "id", l->run->plan_id, "changeId", 0, "location"));
    svc_set_text(m, "jobId", l->uuid);
    svc_set_text(m, "jobDisplayName", l->name);
    svc_set_text(m, "jobName", name);
    (void)json_object_set_new(m, "requestId", json_integer(0));
    svc_set_text(m, "lockedUntil", "0001-01-01T00:00:00");
    (void)json_object_set_new(m, "resources", resources(s, l));
    (void)json_object_set_new(m, "contextData", context_data(l));
    svc_set_text(m, "billingOwnerId", SVC_BILLING_OWNER);
    remember_steps(l, m);
    *out = json_incref(m);
    return 0;
}
