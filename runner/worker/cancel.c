/* SPDX-License-Identifier: Apache-2.0
 *
 * The reaction to a cancel while a step is under way (spec job-execution 11.3): the job's result becomes
 * Canceled, the condition of the running step is evaluated again, and only if it does not hold the step ends. */
#include "runner/worker/worker.h"

/* Whether the step, seen by itself, may go on. */
static bool still_wanted(struct exec *x)
{
    struct err ignored = {0}; /* an error counts as false */
    bool holds = false;

    if (x->def == NULL || !x->def->has_condition)
        return false;
    exec_debugf(x, "Re-evaluate condition on job cancellation for step: '%s'.",
                x->display != NULL ? x->display : "run");
    if (x->w->shutdown) {
        exec_debugf(x, "Skip Re-evaluate condition on runner shutdown.");
        return false;
    }
    x->no_trace = true; /* as the official runner: in its own log only */
    holds = exec_condition(x, x->def->condition, &holds, &ignored) == 0 && holds;
    x->no_trace = false;
    return holds;
}

/* The enclosing steps are asked first: their end ends what runs inside. */
static bool chain_wanted(struct exec *x)
{
    if (x->parent != NULL && !chain_wanted(x->parent))
        return false;
    return still_wanted(x);
}

void cancel_react(struct worker *w)
{
    if (!w->cancel_requested || w->cancel_handled)
        return;
    w->cancel_handled = true;
    w->result = result_merge(w->result, w->shutdown ? RES_FAILED : RES_CANCELED);
    contexts_set_status(w);
    if (w->running == NULL)
        return;
    if (w->shutdown)
        exec_errorf(w->running,
                    "The runner has received a shutdown signal. This can happen when the "
                    "runner service is stopped, or a manually started runner is "
                    "canceled.");
    if (chain_wanted(w->running))
        w->running->shielded = true;
    else
        w->running->cancelled = true;
}
