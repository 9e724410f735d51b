/* SPDX-License-Identifier: Apache-2.0
 *
 * "Set up job" (spec job-execution 3.3). Source: actions/runner 2.336.0 src/Runner.Worker/JobExtension.cs. */
#include <jansson.h>
#include <unistd.h>

#include "actions/names.h"
#include "base/mem.h"
#include "base/path.h"
#include "runner/worker/action_prepare.h"
#include "runner/worker/checkout.h"
#include "runner/worker/results.h"
#include "runner/worker/step_files.h"
#include "runner/worker/steps.h"
#include "runner/worker/upload.h"
#include "runner/worker/worker.h"

static void log_runner(struct exec *x)
{
    struct worker *w = x->w;
    char host[256] = "";
    struct sv group;

    (void)gethostname(host, sizeof host - 1); /* an empty name is shown when there is none */
    exec_log(x,
             SV("Current runner version: '" WORKER_RUNNER_VERSION "' (Gantry " GANTRY_VERSION ")"));
    exec_logf(x, "Runner name: '%s'", w->opt.runner_name);
    if (message_var(w->msg, "system.runnerGroupName", &group))
        exec_logf(x, "Runner group name: '" SV_FMT "'", SV_ARG(group));
    exec_logf(x, "Machine name: '%s'", host);
    exec_logf(x, "sandbox: %s worker=%s", w->hello.facts, w->walls);
    size_t groups = sv_find(sv_of(w->hello.facts), SV(" groups="));
    if (groups != SV_NPOS)
        exec_logf(x,
                  "Level single cannot take the groups of the runner's user away: these stay "
                  "effective in this job: %s",
                  w->hello.facts + groups + 8);
    if (w->hello.level == SBX_NONE)
        exec_log(x, SV("This job runs without a sandbox (--no-sandbox): its steps can do whatever "
                       "the user of the runner can."));
}

static void log_permissions(struct exec *x)
{
    struct err ignored = {0}; /* text that is no JSON is not shown */
    struct sv text;
    const char *key;
    json_t *v;

    if (!message_var(x->w->msg, "system.github.token.permissions", &text) || text.n == 0)
        return;
    AUTO(auto_json) json_t *j = jx_parse_lax(text, "permissions", &ignored);
    if (!json_is_object(j))
        return;
    exec_log(x, SV("##[group]GITHUB_TOKEN Permissions"));
    json_object_foreach(j, key, v)
    {
        exec_logf(x, "%s: %s", key, json_is_string(v) ? json_string_value(v) : "");
    }
    exec_log(x, SV("##[endgroup]"));
}

static void log_origin(struct exec *x)
{
    const struct val *source = val_gets(x->w->github, "secret_source");
    struct sv v;

    if (source != NULL && val_get_string(source).n > 0)
        exec_logf(x, "Secret source: " SV_FMT, SV_ARG(val_get_string(source)));
    if (message_var(x->w->msg, "actions_cache_mode", &v) && v.n > 0)
        exec_logf(x, "Cache mode: " SV_FMT, SV_ARG(v));
    if (x->w->msg->n_dependencies > 0)
        exec_log(x, SV("Using locked action versions from the workflow's lockfile"));
}

static void debug_repository(struct exec *x)
{
    const struct val *name = val_gets(x->w->github, "repository");

    if (name != NULL)
        exec_debugf(x, "Primary repository: " SV_FMT, SV_ARG(val_get_string(name)));
}

static int make_folders(struct exec *x, struct err *e)
{
    struct worker *w = x->w;

    exec_log(x, SV("Prepare workflow directory"));
    exec_debugf(x, "Creating pipeline directory: '" SV_FMT "'",
                SV_ARG(path_dir(sv_of(w->workspace))));
    exec_debugf(x, "Creating workspace directory: '%s'", w->workspace);
    if (sbx_mkdir(w->sbx, w->workspace, e) < 0)
        return err_wrap(e, "make the workspace");
    return step_files_folders(w, e);
}

/* Later entries see the earlier ones through `env` (3.3 step 10). */
static int evaluate_env(struct exec *x, struct err *e)
{
    struct worker *w = x->w;

    exec_debugf(x, "Update context data");
    exec_debugf(x, "Evaluating job-level environment variables");
    for (size_t i = 0; i < w->msg->n_env; i++) {
        AUTO(auto_val) struct val *set = val_object_cs();
        if (exec_mapping(x, w->msg->env[i], set, e) < 0)
            return err_wrap(e, "environment of the job");
        for (size_t k = 0; k < val_count(set); k++) {
            val_set(w->env, val_key_at(set, k), val_ref(val_at(set, k)));
            val_set(x->env, val_key_at(set, k), val_ref(val_at(set, k)));
        }
    }
    return 0;
}

static int evaluate_containers(struct exec *x, struct err *e)
{
    const struct message *m = x->w->msg;
    AUTO(auto_val) struct val *container = NULL;
    AUTO(auto_val) struct val *services = NULL;

    exec_debugf(x, "Evaluating job container");
    if (exec_value(x, m->container, &container, e) < 0)
        return err_wrap(e, "container of the job");
    if (names_image(container))
        return err_set(e, FAIL_UNSUPPORTED,
                       "the job asks for a container: container jobs are not available in this "
                       "version of Gantry");
    exec_debugf(x, "Evaluating job service containers");
    if (exec_value(x, m->services, &services, e) < 0)
        return err_wrap(e, "services of the job");
    for (size_t i = 0; val_kind(services) == VAL_OBJECT && i < val_count(services); i++) {
        if (names_image(val_at(services, i)))
            return err_set(e, FAIL_UNSUPPORTED,
                           "the job asks for services: service containers are not available in "
                           "this version of Gantry");
        exec_logf(x,
                  "The service '" SV_FMT
                  "' will not be started because the container definition has an empty image.",
                  SV_ARG(val_key_at(services, i)));
    }
    return 0;
}

/* A later mapping with `run` replaces the earlier one as a whole (QUIRK of 3.3 step 12). */
static int evaluate_defaults(struct exec *x, struct err *e)
{
    struct worker *w = x->w;

    exec_debugf(x, "Evaluating job defaults");
    for (size_t i = 0; i < w->msg->n_defaults; i++) {
        const struct tok *run = tok_get(w->msg->defaults[i], SV("run"));
        AUTO(auto_val) struct val *set = val_object();
        if (run == NULL)
            continue;
        if (exec_mapping(x, run, set, e) < 0)
            return err_wrap(e, "defaults of the job");
        val_unref(w->run_defaults);
        w->run_defaults = TAKE_PTR(set);
    }
    return 0;
}

/* What this version cannot do is said at once, in one line. */
static int refuse_unsupported(struct exec *x, struct err *e)
{
    const struct message *m = x->w->msg;

    if (m->has_snapshot)
        return err_set(e, FAIL_UNSUPPORTED,
                       "the job asks for a snapshot of its image: not available on this runner");
    for (size_t i = 0; i < m->n_steps; i++)
        if (m->steps[i].background || m->steps[i].ref_kind == REF_CONTROL)
            return err_set(e, FAIL_UNSUPPORTED,
                           "step %zu is a background step: not available in this version of Gantry",
                           i + 1);
    return 0;
}

static int prepare_actions(struct exec *x, const struct step_list *steps, struct err *e)
{
    const struct step_def **defs = xcalloc(steps->n + 1, sizeof(const struct step_def *));
    int rc;

    for (size_t i = 0; i < steps->n; i++)
        defs[i] = &steps->v[i].def;
    exec_log(x, SV("Prepare all required actions"));
    rc = actions_prepare(x, defs, steps->n, 0, e);
    free(defs);
    return rc;
}

static void log_reusable(struct exec *x)
{
    const struct worker *w = x->w;
    const struct val *inputs = val_gets(w->msg->context, "inputs");
    struct sv path, ref = SV(""), sha = SV("");

    if (!message_var(w->msg, "system.workflowFileFullPath", &path))
        return;
    (void)message_var(w->msg, "system.workflowFileRef", &ref);
    (void)message_var(w->msg, "system.workflowFileSha", &sha);
    if (sha.n == 0)
        exec_logf(x, "Uses: " SV_FMT, SV_ARG(path));
    else if (ref.n == 0)
        exec_logf(x, "Uses: " SV_FMT "@" SV_FMT, SV_ARG(path), SV_ARG(sha));
    else
        exec_logf(x, "Uses: " SV_FMT "@" SV_FMT " (" SV_FMT ")", SV_ARG(path), SV_ARG(ref),
                  SV_ARG(sha));
    if (inputs == NULL || val_count(inputs) == 0)
        return;
    exec_log(x, SV("##[group] Inputs"));
    for (size_t i = 0; i < val_count(inputs); i++) {
        AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
        val_to_text(val_at(inputs, i), &b);
        exec_logf(x, "  " SV_FMT ": %s", SV_ARG(val_key_at(inputs, i)), b.p);
    }
    exec_log(x, SV("##[endgroup]"));
}

static int set_up(struct exec *x, struct step_list *steps, struct err *e)
{
    struct worker *w = x->w;

    exec_debugf(x, "Starting: Set up job");
    log_runner(x);
    log_permissions(x);
    log_origin(x);
    debug_repository(x);
    if (refuse_unsupported(x, e) < 0 || make_folders(x, e) < 0 || evaluate_env(x, e) < 0 ||
        evaluate_containers(x, e) < 0 || evaluate_defaults(x, e) < 0 ||
        prepare_actions(x, steps, e) < 0)
        return -1;
    if (w->opt.prefill && w->listing_fd >= 0 && checkout_prefill(x, e) < 0)
        return err_wrap(e, "copy the local source");
    step_list_make_records(steps, w, x);
    log_reusable(x);
    if (sv_trim(w->msg->display_name).n > 0)
        exec_logf(x, "Complete job name: " SV_FMT, SV_ARG(w->msg->display_name));
    exec_debugf(x, "Finishing: Set up job");
    return 0;
}

int job_setup(struct worker *w, struct step_list *steps, bool *ok, struct err *e)
{
    AUTO(exec_done) struct exec x;
    struct err why = {0};
    struct record *r = records_add(&w->records, NULL, SV("Set up job"));

    record_set_kind(r, "runner", SV("setup_job"), SV(""));
    exec_init_job(&x, w, r);
    r->log_from = spool_size(w->spool);
    record_start(r);
    upload_begin(w->upload, r);
    results_poke(w->results);
    *ok = set_up(&x, steps, &why) == 0;
    if (!*ok && w->listener_gone) {
        *e = why;
        return -1;
    }
    if (!*ok)
        exec_error(&x, &why);
    cancel_react(w);
    enum task_result result = *ok ? RES_SUCCEEDED : RES_FAILED;
    if (!*ok)
        w->result = result_merge(w->result, RES_FAILED);
    if (!*ok && w->result == RES_CANCELED)
        result = RES_CANCELED;
    r->has_details = message_flag(w->msg, "gantry.step_details");
    r->log_to = spool_size(w->spool);
    r->outcome = result;
    record_complete(&w->records, r, result);
    upload_record(w->upload, r);
    results_poke(w->results);
    contexts_set_status(w);
    return 0;
}
