/* SPDX-License-Identifier: Apache-2.0
 *
 * Running one step. Source: actions/runner 2.336.0 src/Runner.Worker/StepsRunner.cs, ActionRunner.cs,
 * Handlers/ScriptHandler.cs (spec job-execution 4.2, 6.2, 11.2 to 11.5). */
#include "runner/worker/step_run.h"

#include "base/clock.h"
#include "base/mem.h"
#include "runner/worker/action_run.h"
#include "runner/worker/file_commands.h"
#include "runner/worker/script.h"
#include "runner/worker/step_files.h"
#include "runner/worker/worker.h"

enum { TIMEOUT_MAX_MINUTES = 60 * 24 * 365 }; /* ours: a year; keeps the arithmetic in range */

int step_overlay_env(struct exec *x, struct err *e)
{
    AUTO(auto_val) struct val *set = val_object_cs();

    /* All entries see the state before any of them (4.2 step 5). */
    if (x->def->env == NULL)
        return 0;
    if (exec_mapping(x, x->def->env, set, e) < 0)
        return -1;
    for (size_t i = 0; i < val_count(set); i++)
        val_set(x->env, val_key_at(set, i), val_ref(val_at(set, i)));
    val_unref(x->env_set);
    x->env_set = TAKE_PTR(set);
    return 0;
}

void step_env_lines(struct exec *x)
{
    const struct val *states = val_gets(x->w->states, x->id);
    size_t n_states = states != NULL ? val_count(states) : 0;

    if (val_count(x->env) + n_states == 0)
        return;
    exec_log(x, SV("env:"));
    for (size_t i = 0; i < val_count(x->env); i++)
        exec_logf(x, "  " SV_FMT ": %s", SV_ARG(val_key_at(x->env, i)),
                  val_get_string(val_at(x->env, i)).p);
    for (size_t i = 0; i < n_states; i++)
        exec_logf(x, "  STATE_" SV_FMT ": %s", SV_ARG(val_key_at(states, i)),
                  val_get_string(val_at(states, i)).p);
}

void step_action_header(struct exec *x, const struct val *with)
{
    AUTO(auto_free) char *uses = step_def_uses(x->def);
    bool any = false;

    exec_debugf(x, "Loading env");
    exec_logf(x, "##[group]Run %s", uses);
    for (size_t i = 0; i < val_count(with); i++) {
        struct sv value = val_get_string(val_at(with, i));
        if (value.n == 0)
            continue;
        if (!any)
            exec_log(x, SV("with:"));
        any = true;
        exec_logf(x, "  " SV_FMT ": %s", SV_ARG(val_key_at(with, i)), value.p);
    }
    step_env_lines(x);
    exec_log(x, SV("##[endgroup]"));
}

void step_fail(struct exec *x, const struct err *e)
{
    exec_error(x, e);
    x->result = RES_FAILED;
}

static void set_action_members(struct exec *x)
{
    bool remote = x->def->kind == REF_REPOSITORY;

    val_sets(x->github, "action_repository", val_string(remote ? x->def->repository : SV("")));
    val_sets(x->github, "action_ref", val_string(remote ? x->def->ref : SV("")));
}

static void start_limit(struct exec *x)
{
    struct err e = {0};
    double minutes = 0;

    if (x->parent != NULL || x->def->timeout == NULL)
        return;
    if (exec_number(x, x->def->timeout, 0, &minutes, &e) < 0) {
        exec_errorf(x, "An error occurred when attempting to determine the step timeout.");
        exec_error(x, &e);
        return;
    }
    /* Cut to an integer first: 0.5 means no limit (trap 18). */
    int64_t whole = minutes >= 1 && minutes < TIMEOUT_MAX_MINUTES ? (int64_t)minutes : 0;
    x->limit_from_ms = tm_now_ms();
    if (whole > 0)
        x->deadline_ms = x->limit_from_ms + whole * 60000;
}

static void report_limit(struct exec *x)
{
    int64_t minutes = (x->deadline_ms - x->limit_from_ms) / 60000;

    if (x->parent != NULL) {
        exec_errorf(x, "The action has timed out.");
        return;
    }
    exec_errorf(x, "The action '%s' has timed out after %lld minutes.", x->display,
                (long long)minutes);
}

static int handle(struct exec *x, struct err *e)
{
    switch (x->def->kind) {
    case REF_SCRIPT:
        return script_run(x, e);
    case REF_REPOSITORY:
    case REF_LOCAL:
    case REF_SELF_REPOSITORY:
    case REF_CONTAINER:
        return action_run(x, e);
    case REF_CONTROL:
        x->result = RES_FAILED;
        exec_errorf(x,
                    "background steps (wait, wait-all, cancel) are not available in this version "
                    "of Gantry");
        return 0;
    }
    return 0;
}

void step_conclude(struct exec *x)
{
    struct err e = {0};
    bool go_on = false;

    if (x->command_result == RES_FAILED)
        x->result = result_merge(x->result, RES_FAILED);
    if (x->result == RES_FAILED && x->ran && x->def->continue_on_error != NULL) {
        if (exec_bool(x, x->def->continue_on_error, false, &go_on, &e) < 0) {
            exec_log(x, SV("The step failed and an error occurred when attempting to determine "
                           "whether to continue on error."));
            exec_error(x, &e);
        } else if (go_on) {
            x->outcome = RES_FAILED;
            x->result = RES_SUCCEEDED;
        }
    }
    if (x->result == RES_NONE)
        x->result = RES_SUCCEEDED;
    if (x->outcome == RES_NONE)
        x->outcome = x->result;
    exec_record_conclusion(x);
}

int step_run(struct exec *x, struct err *e)
{
    struct worker *w = x->w;
    struct err why = {0};
    int rc = 0;

    x->ran = true;
    exec_debugf(x, "Starting: %s", x->display);
    start_limit(x);
    set_action_members(x);
    if (w->sbx_gone) {
        step_fail(x, &w->sbx_error);
    } else if (step_files_name(x, &why) < 0 ||
               (x->def->kind != REF_SCRIPT && step_files_write(x, &why) < 0)) {
        step_fail(x, &why);
    } else {
        rc = handle(x, e);
        if (rc == 0 && file_commands_process(x, &why) < 0)
            step_fail(x, &why);
    }
    if (rc < 0)
        return -1;
    if (x->cancelled) {
        exec_errorf(x, "The operation was canceled.");
        x->result = RES_CANCELED;
    } else if (x->timed_out) {
        report_limit(x);
        x->result = RES_FAILED;
    }
    step_conclude(x);
    exec_debugf(x, "Finishing: %s", x->display);
    return 0;
}
