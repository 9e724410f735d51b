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

    return !x->w->shutdown && x->def != NULL && x->def->has_condition &&
           exec_condition(x, x->def->condition, &holds, &ignored) == 0 && holds;
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
