/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue of workflow steps (spec job-execution 4.1, 4.2). */
#include "runner/worker/steps.h"
#include "base/mem.h"
#include "runner/worker/results.h"
#include "runner/worker/step_run.h"
#include "runner/worker/upload.h"
#include "runner/worker/worker.h"

void step_list_init(struct step_list *l, struct worker *w)
{
    l->n = w->msg->n_steps;
    l->v = xcalloc(l->n + 1, sizeof *l->v);
    for (size_t i = 0; i < l->n; i++)
        step_def_from_message(&l->v[i].def, &w->msg->steps[i]);
}

void step_list_free(struct step_list *l)
{
    free(l->v);
    *l = (struct step_list){.v = NULL};
}

void step_list_make_records(struct step_list *l, struct worker *w, struct exec *setup)
{
    for (size_t i = 0; i < l->n; i++) {
        AUTO(exec_done) struct exec x;
        AUTO(auto_free) char *id = sv_dup(w->msg->steps[i].id);
        exec_init_step(&x, w, &l->v[i].def, NULL, id);
        l->v[i].rec = records_add(&w->records, id, SV("run"));
        x.rec = l->v[i].rec;
        x.trace_to = setup;
        exec_refresh_display(&x);
        record_set_name(x.rec, sv_of(x.display));
    }
    results_poke(w->results);
}

/* Decides whether the step runs; x->result is set when it does not. */
static bool is_wanted(struct exec *x)
{
    struct worker *w = x->w;
    struct err why = {0};
    bool holds = false;

    if (step_overlay_env(x, &why) < 0) { /* the condition is not looked at (4.2 step 5) */
        step_fail(x, &why);
        return false;
    }
    cancel_react(w);
    exec_refresh_display(x);
    record_set_name(x->rec, sv_of(x->display));
    exec_debugf(x, "Evaluating condition for step: '%s'", x->display);
    if (w->shutdown) {
        exec_debugf(x, "Skip evaluate condition on runner shutdown.");
        x->result = RES_SKIPPED;
        return false;
    }
    if (!x->def->has_condition) {
        exec_errorf(x, "Step if cannot be null");
        x->result = RES_FAILED;
        return false;
    }
    if (exec_condition(x, x->def->condition, &holds, &why) < 0) {
        step_fail(x, &why);
        return false;
    }
    if (!holds)
        x->result = RES_SKIPPED;
    return holds;
}

/* Details of a completed step for the embedded service: outcome, outputs of a step with an id of the user's. */
static void set_details(struct exec *x)
{
    const struct val *entry = exec_has_context(x) ? val_get(x->steps, x->def->context_name) : NULL;
    const struct val *outputs = entry != NULL ? val_gets(entry, "outputs") : NULL;

    if (!message_flag(x->w->msg, "gantry.step_details"))
        return;
    x->rec->has_details = true;
    x->rec->outcome = x->outcome;
    x->rec->outputs = val_object();
    for (size_t i = 0; outputs != NULL && i < val_count(outputs); i++) {
        AUTO(auto_free) char *name = exec_masked(x, val_key_at(outputs, i));
        AUTO(auto_free) char *masked = exec_masked(x, val_get_string(val_at(outputs, i)));
        val_set(x->rec->outputs, sv_of(name), val_string(sv_of(masked)));
    }
}

static int run_one(struct worker *w, struct planned_step *s, struct err *e)
{
    AUTO(exec_done) struct exec x;

    exec_init_step(&x, w, &s->def, s->rec, s->rec->id);
    s->rec->log_from = spool_size(w->spool);
    record_start(s->rec);
    upload_begin(w->upload, s->rec);
    results_poke(w->results);
    w->step = s->rec;
    val_sets(w->github, "action", val_string(s->def.name));
    if (is_wanted(&x)) {
        results_poke(w->results);
        if (step_run(&x, e) < 0)
            return -1;
    } else {
        step_conclude(&x);
    }
    if (x.result == RES_FAILED) {
        w->result = result_merge(w->result, RES_FAILED);
        contexts_set_status(w);
    }
    set_details(&x);
    s->rec->log_to = spool_size(w->spool);
    record_complete(&w->records, s->rec, x.result);
    upload_record(w->upload, s->rec);
    results_poke(w->results);
    return 0;
}

int step_list_run(struct step_list *l, struct worker *w, struct err *e)
{
    for (size_t i = 0; i < l->n; i++)
        if (run_one(w, &l->v[i], e) < 0)
            return -1;
    return 0;
}
