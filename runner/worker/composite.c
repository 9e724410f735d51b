/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop over a composite action's steps. Source: actions/runner 2.336.0
 * src/Runner.Worker/Handlers/CompositeActionHandler.cs (spec job-execution 8). */
#include "runner/worker/composite.h"

#include "base/mem.h"
#include "runner/worker/step_run.h"
#include "runner/worker/worker.h"

/* Names that an enclosing step set in its `env:` stay as it set them; everything else is the job's current
 * environment (8.1). Outermost first. */
static void overlay_enclosing(struct exec *sub, const struct exec *outer)
{
    if (outer == NULL)
        return;
    overlay_enclosing(sub, outer->parent);
    for (size_t i = 0; outer->env_set != NULL && i < val_count(outer->env_set); i++)
        val_set(sub->env, val_key_at(outer->env_set, i), val_ref(val_at(outer->env_set, i)));
}

static void init_sub(struct exec *sub, struct exec *x, const struct action *a,
                     const struct step_def *d, struct val *scope, struct val *inputs)
{
    char id[UUID_TEXT_SIZE];

    ids_uuid4(id);
    exec_init_step(sub, x->w, d, x->rec, id);
    sub->parent = x;
    val_unref(sub->github); /* a copy of the root object, whatever the nesting (5.2) */
    sub->github = val_clone_shallow(x->w->github);
    val_sets(sub->github, "action_path", val_string(sv_of(a->dir)));
    val_sets(sub->github, "action_status", val_string(sv_of(result_context(x->result))));
    val_unref(sub->steps);
    sub->steps = val_ref(scope);
    sub->inputs = val_ref(inputs);
    overlay_enclosing(sub, x);
}

/* True: run it. Sets sub->result otherwise; *stop: the loop ends (8.3). */
static bool is_wanted(struct exec *sub, bool *stop)
{
    struct err why = {0};
    bool holds = false;

    if (step_overlay_env(sub, &why) < 0) {
        step_fail(sub, &why);
        return false;
    }
    cancel_react(sub->w);
    exec_debugf(sub, "Evaluating condition for step: '%s'", sub->display);
    if (sub->w->shutdown) {
        exec_debugf(sub, "Skip evaluate condition on runner shutdown.");
        sub->result = RES_SKIPPED;
        return false;
    }
    if (sub->def->has_condition && exec_condition(sub, sub->def->condition, &holds, &why) < 0) {
        step_fail(sub, &why);
        *stop = true;
        return false;
    }
    if (!holds)
        sub->result = RES_SKIPPED;
    return holds;
}

static int run_sub(struct exec *x, const struct action *a, const struct step_def *d,
                   struct val *scope, struct val *inputs, bool *stop, struct err *e)
{
    AUTO(exec_done) struct exec sub;

    init_sub(&sub, x, a, d, scope, inputs);
    exec_refresh_display(&sub);
    if (is_wanted(&sub, stop)) {
        if (step_run(&sub, e) < 0)
            return -1;
    } else {
        step_conclude(&sub);
    }
    if (sub.result == RES_FAILED || sub.result == RES_CANCELED)
        x->result = result_merge(x->result, sub.result);
    return 0;
}

/* Also after failures; steps that did not run leave empty texts (8.3). */
static int set_outputs(struct exec *x, const struct action *a, struct val *scope,
                       struct val *inputs, struct err *e)
{
    AUTO(exec_done) struct exec view;

    init_sub(&view, x, a, x->def, scope, inputs);
    for (size_t i = 0; i < a->manifest->n_outputs; i++) {
        const struct manifest_output *o = &a->manifest->outputs[i];
        AUTO(buf_free) struct buf b = BUF_INIT(10 << 20);
        if (exec_text(&view, o->value, &b, e) < 0)
            return err_wrap(e, "output '" SV_FMT "'", SV_ARG(o->name));
        exec_set_output(x, o->name, buf_sv(&b));
    }
    return 0;
}

int composite_run(struct exec *x, const struct action *a, struct val *inputs, struct err *e)
{
    AUTO(auto_val) struct val *scope = val_object();
    struct err why = {0};
    bool stop = false;
    int rc = 0;

    for (size_t i = 0; rc == 0 && !stop && i < a->n_steps; i++)
        rc = run_sub(x, a, &a->steps[i], scope, inputs, &stop, e);
    if (rc == 0 && set_outputs(x, a, scope, inputs, &why) < 0)
        step_fail(x, &why);
    return rc;
}
