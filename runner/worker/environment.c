/* SPDX-License-Identifier: Apache-2.0
 *
 * The environment of one step, in the order of spec job-execution 5.5: later entries win. */
#include "base/mem.h"
#include "runner/worker/worker.h"

/* Source: actions/runner src/Runner.Worker/GitHubContext.cs (5.3). */
static const char *const exported[] = {
    "action",
    "action_path",
    "action_ref",
    "action_repository",
    "actor",
    "actor_id",
    "api_url",
    "artifacts",
    "artifacts_list",
    "base_ref",
    "env",
    "event_name",
    "event_path",
    "graphql_url",
    "head_ref",
    "job",
    "output",
    "path",
    "ref",
    "ref_name",
    "ref_protected",
    "ref_type",
    "repository",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "retention_days",
    "run_attempt",
    "run_id",
    "run_number",
    "server_url",
    "sha",
    "state",
    "step_summary",
    "triggering_actor",
    "workflow",
    "workflow_ref",
    "workflow_sha",
    "workspace",
};

static bool is_exported(struct sv key)
{
    for (size_t i = 0; i < sizeof exported / sizeof exported[0]; i++)
        if (sv_ieq(key, sv_of(exported[i])))
            return true;
    return false;
}

/* PREFIX_UPPER=value; only strings and booleans are exported. */
static void export_member(struct strv *env, const char *prefix, struct sv key, const struct val *v)
{
    AUTO(buf_free) struct buf name = BUF_INIT(4096);

    if (val_kind(v) != VAL_STRING && val_kind(v) != VAL_BOOL)
        return;
    buf_adds(&name, prefix);
    for (size_t i = 0; i < key.n; i++)
        buf_addc(&name, ch_upper(key.p[i]));
    struct sv value = val_kind(v) == VAL_STRING ? val_get_string(v)
                      : val_get_bool(v)         ? SV("true")
                                                : SV("false");
    strv_setenv(env, buf_sv(&name), value);
}

static void export_contexts(struct exec *x, struct strv *env)
{
    for (size_t i = 0; i < val_count(x->github); i++)
        if (is_exported(val_key_at(x->github, i)))
            export_member(env, "GITHUB_", val_key_at(x->github, i), val_at(x->github, i));
    for (size_t i = 0; i < val_count(x->w->runner); i++)
        export_member(env, "RUNNER_", val_key_at(x->w->runner, i), val_at(x->w->runner, i));
}

static void add_object(struct strv *env, const struct val *o, const char *prefix)
{
    for (size_t i = 0; o != NULL && i < val_count(o); i++) {
        AUTO(buf_free) struct buf name = BUF_INIT(128 << 10);
        AUTO(buf_free) struct buf value = BUF_INIT(64 << 20);
        buf_adds(&name, prefix);
        buf_addsv(&name, val_key_at(o, i));
        val_to_text(val_at(o, i), &value);
        strv_setenv(env, buf_sv(&name), buf_sv(&value));
    }
}

/* GITHUB_PATH entries, the most recent first, in front of the PATH so far (item 5). */
static void add_paths(const struct worker *w, struct strv *env)
{
    AUTO(buf_free) struct buf path = BUF_INIT(1 << 20);
    const char *base = strv_getenv(env, "PATH");

    if (w->paths.n == 0)
        return;
    for (size_t i = w->paths.n; i > 0; i--) {
        buf_adds(&path, w->paths.v[i - 1]);
        if (i > 1)
            buf_addc(&path, ':');
    }
    if (base != NULL && *base != '\0') {
        if (sv_starts(sv_of(base), buf_sv(&path)))
            return; /* begins with exactly these already */
        buf_addc(&path, ':');
        buf_adds(&path, base);
    }
    strv_setenv(env, SV("PATH"), buf_sv(&path));
}

static void add_actions_variables(const struct worker *w, struct strv *env)
{
    struct sv orchestration;

    if (w->msg->endpoint.id_token_url.n > 0) {
        strv_setenv(env, SV("ACTIONS_ID_TOKEN_REQUEST_URL"), w->msg->endpoint.id_token_url);
        strv_setenv(env, SV("ACTIONS_ID_TOKEN_REQUEST_TOKEN"), w->msg->endpoint.token);
    }
    if (message_flag(w->msg, "actions_set_orchestration_id_env_for_actions") &&
        message_var(w->msg, "system.orchestrationId", &orchestration))
        strv_setenv(env, SV("ACTIONS_ORCHESTRATION_ID"), orchestration);
}

void environment_build(struct exec *x, struct strv *out)
{
    struct worker *w = x->w;

    for (size_t i = 0; i < w->opt.env.n; i++)
        strv_add(out, w->opt.env.v[i]);
    bool runner_has_ci = strv_getenv(out, "CI") != NULL;
    add_object(out, x->env, "");
    add_object(out, val_gets(w->states, x->id), "STATE_");
    add_paths(w, out);
    export_contexts(x, out);
    add_actions_variables(w, out);
    strv_setenv(out, SV("GITHUB_ACTIONS"), SV("true"));
    if (!runner_has_ci && strv_getenv(out, "CI") == NULL)
        strv_setenv(out, SV("CI"), SV("true"));
}
