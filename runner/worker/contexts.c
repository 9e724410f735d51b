/* SPDX-License-Identifier: Apache-2.0
 *
 * The job's contexts: github, runner, job, secrets, and the empty ones that steps fill (spec job-execution 3.1,
 * 5.1, 5.2). */
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "runner/worker/worker.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const struct val *message_context(const struct worker *w, const char *name)
{
    const struct val *v = val_gets(w->msg->context, name);

    return v != NULL && val_kind(v) == VAL_OBJECT ? v : NULL;
}

static void copy_members(struct val *into, const struct val *from)
{
    for (size_t i = 0; from != NULL && i < val_count(from); i++)
        val_set(into, val_key_at(from, i), val_ref(val_at(from, i)));
}

static void set_text(struct val *o, const char *key, struct sv text)
{
    val_sets(o, key, val_string(text));
}

static void make_github(struct worker *w)
{
    struct sv v;

    w->github = val_object();
    if (message_var(w->msg, "system.github.token", &v))
        set_text(w->github, "token", v);
    if (message_var(w->msg, "system.github.job", &v) && v.n > 0)
        set_text(w->github, "job", v);
    copy_members(w->github, message_context(w, "github"));
}

static const char *architecture(void)
{
    struct utsname u;

    if (uname(&u) < 0)
        return "X64";
    if (strcmp(u.machine, "aarch64") == 0)
        return "ARM64";
    if (strncmp(u.machine, "arm", 3) == 0)
        return "ARM";
    return strcmp(u.machine, "x86_64") == 0 ? "X64" : "X86";
}

static void make_runner(struct worker *w, struct sv repository_name)
{
    AUTO(auto_free)
    char *pipeline = xasprintf("%s/" SV_FMT, w->hello.work, SV_ARG(repository_name));
    struct sv environment;

    w->runner = val_object();
    if (w->step_debug)
        set_text(w->runner, "debug", SV("1"));
    set_text(w->runner, "os", SV("Linux"));
    set_text(w->runner, "arch", sv_of(architecture()));
    set_text(w->runner, "name", sv_of(w->opt.runner_name));
    if (message_var(w->msg, "system.runnerEnvironment", &environment))
        set_text(w->runner, "environment", environment);
    set_text(w->runner, "tool_cache", sv_of(w->hello.tools));
    set_text(w->runner, "temp", sv_of(w->hello.temp));
    set_text(w->runner, "workspace", sv_of(pipeline));
    w->workspace = xasprintf("%s/" SV_FMT, pipeline, SV_ARG(repository_name));
}

static void make_secrets(struct worker *w)
{
    w->secrets = val_object();
    for (size_t i = 0; i < w->msg->n_variables; i++) {
        const struct msg_variable *v = &w->msg->variables[i];
        if (v->secret && !sv_ieq(v->name, SV("system.accessToken")) &&
            !sv_ieq(v->name, SV("system.github.token")))
            val_set(w->secrets, v->name, val_string(v->value));
    }
}

/* The switch may come as a secret, a variable, or from `vars` (1.4). */
static bool debug_wanted(const struct worker *w)
{
    const struct val *vars = message_context(w, "vars");
    struct sv v;

    if (message_var(w->msg, "ACTIONS_STEP_DEBUG", &v))
        return message_flag(w->msg, "ACTIONS_STEP_DEBUG");
    const struct val *s = vars != NULL ? val_gets(vars, "ACTIONS_STEP_DEBUG") : NULL;
    return s != NULL && val_kind(s) == VAL_STRING && sv_ieq(sv_trim(val_get_string(s)), SV("true"));
}

/* Ours: the official runner hands its own environment on; here it is built from nothing, plus what the
 * runner's configuration names. */
static void make_base_environment(struct worker *w)
{
    static const char *const fixed[][2] = {
        {"PATH", DEFAULT_PATH}, {"LANG", "C.UTF-8"}, {"USER", "runner"}, {"LOGNAME", "runner"}};
    struct strv env = STRV_INIT;
    char guid[UUID_TEXT_SIZE], tracking[64];

    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        strv_setenv(&env, sv_of(fixed[i][0]), sv_of(fixed[i][1]));
    strv_setenv(&env, SV("HOME"), sv_of(w->hello.home));
    /* As a login has it, and the official runner as a service: without it each bash looks itself up in /etc/passwd. */
    if (w->hello.level != SBX_NONE)
        strv_setenv(&env, SV("SHELL"), SV(SBX_SHELL));
    ids_uuid4(guid);
    (void)snprintf(tracking, sizeof tracking, "github_%s", guid);
    strv_setenv(&env, SV("RUNNER_TRACKING_ID"), sv_of(tracking));
    for (size_t i = 0; i < w->opt.env.n; i++) {
        struct sv entry = sv_of(w->opt.env.v[i]), name;
        if (sv_next(&entry, '=', &name) && name.n > 0 && entry.p != NULL)
            strv_setenv(&env, name, entry);
    }
    strv_free(&w->opt.env);
    w->opt.env = env;
}

void contexts_set_status(struct worker *w)
{
    set_text(w->job, "status", sv_of(result_context(w->result)));
}

int contexts_init(struct worker *w, struct err *e)
{
    w->step_debug = debug_wanted(w);
    make_github(w);
    struct sv repository = SV("");
    const struct val *r = val_gets(w->github, "repository");
    if (r != NULL)
        repository = val_get_string(r);
    struct sv name = path_base(repository);
    if (name.n == 0 || sv_is(name, ".") || sv_is(name, "..") || sv_chr(name, '\0') != SV_NPOS)
        return err_set(e, FAIL_INPUT, "github.repository of the job is missing or malformed");
    make_runner(w, name);
    make_secrets(w);
    make_base_environment(w);
    w->job = val_object();
    copy_members(w->job, message_context(w, "job"));
    contexts_set_status(w);
    w->null = val_null();
    w->steps = val_object();
    w->env = val_object_cs();
    w->states = val_object();
    w->telemetry = val_object_cs();
    w->outputs = val_object();
    for (size_t i = 0; i < w->msg->n_files; i++)
        strv_addsv(&w->files, w->msg->files[i]);
    set_text(w->github, "workspace", sv_of(w->workspace));
    return 0;
}
