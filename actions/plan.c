/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole of a run: which workflow instances there are, what the answer holds, and when the run is over
 * (spec expressions 9). Everything is computed anew from the inputs and the states.
 * Source: docs and ChristopherHX/runner.server: src/Runner.Server/Controllers/MessageController.cs, through 9.3-9.7. */
#include "actions/plan.h"

#include <stdlib.h>

#include "actions/plan_priv.h"
#include "actions/workflow_call.h"
#include "base/mem.h"

const char *plan_result_name(enum plan_result r)
{
    switch (r) {
    case PLAN_SUCCESS:
        return "success";
    case PLAN_FAILURE:
        return "failure";
    case PLAN_CANCELLED:
        return "cancelled";
    case PLAN_SKIPPED:
        return "skipped";
    case PLAN_NONE:
        break;
    }
    return "";
}

/* The table of 9.5. */
enum plan_result plan_merge(enum plan_result current, enum plan_result leg)
{
    if (current == PLAN_NONE || current == leg)
        return leg;
    if (current == PLAN_CANCELLED || leg == PLAN_CANCELLED || leg == PLAN_FAILURE ||
        current == PLAN_FAILURE)
        return PLAN_FAILURE;
    return PLAN_SUCCESS; /* success and skipped */
}

/* ---- the answer ---- */

static void skip_free(struct plan_skip *s)
{
    free(s->id);
    free(s->path);
    free(s->name);
    free(s->reason);
    val_unref(s->matrix);
}

static void gate_free(struct plan_gate *g)
{
    free(g->id);
    free(g->name);
    free(g->path);
    plan_group_free(&g->group);
}

void plan_done(struct plan *p)
{
    for (size_t i = 0; i < p->n_ready; i++)
        plan_leg_free(&p->ready[i]);
    for (size_t i = 0; i < p->n_skipped; i++)
        skip_free(&p->skipped[i]);
    for (size_t i = 0; i < p->n_gates; i++)
        gate_free(&p->gates[i]);
    for (size_t i = 0; p->cancel != NULL && p->cancel[i] != NULL; i++)
        free(p->cancel[i]);
    free(p->ready);
    free(p->skipped);
    free(p->gates);
    free(p->cancel);
    free(p->reason);
    *p = (struct plan){0};
}

void plan_add_skip(struct planner *pl, struct plan_skip own)
{
    if (pl->mute > 0) {
        skip_free(&own);
        return;
    }
    GROW(pl->out->skipped, pl->cap_skipped, pl->out->n_skipped + 1);
    pl->out->skipped[pl->out->n_skipped++] = own;
}

void plan_add_cancel(struct planner *pl, const char *id)
{
    if (pl->mute > 0)
        return;
    GROW(pl->out->cancel, pl->cap_cancel, pl->n_cancel + 2);
    pl->out->cancel[pl->n_cancel++] = xstrdup(id);
    pl->out->cancel[pl->n_cancel] = NULL;
}

void plan_add_gate(struct planner *pl, struct plan_gate own)
{
    if (pl->mute > 0) {
        gate_free(&own);
        return;
    }
    GROW(pl->out->gates, pl->cap_gates, pl->out->n_gates + 1);
    pl->out->gates[pl->out->n_gates++] = own;
}

/* ---- states ---- */

static int by_id(const void *a, const void *b)
{
    const struct plan_leg_state *const *x = a, *const *y = b;

    return strcmp((*x)->leg_id, (*y)->leg_id);
}

static int by_place(const void *a, const void *b)
{
    const struct plan_leg_state *const *x = a, *const *y = b;

    return *x < *y ? -1 : *x > *y;
}

/* The first of the sorted states that is not before id. */
static size_t lower_bound(const struct planner *pl, struct sv id)
{
    size_t from = 0, to = pl->n_states;

    while (from < to) {
        size_t mid = from + (to - from) / 2;
        const char *at = pl->by_id[mid]->leg_id;
        int c = strncmp(at, id.p, id.n);
        if (c < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

const struct plan_leg_state *plan_find(const struct planner *pl, struct sv id)
{
    size_t i = lower_bound(pl, id);

    return i < pl->n_states && sv_is(id, pl->by_id[i]->leg_id) ? pl->by_id[i] : NULL;
}

bool plan_any_below(const struct planner *pl, const char *prefix)
{
    size_t i = lower_bound(pl, sv_of(prefix));

    return i < pl->n_states && strncmp(pl->by_id[i]->leg_id, prefix, strlen(prefix)) == 0;
}

const struct plan_leg_state **plan_states_below(const struct planner *pl, const char *id, size_t *n)
{
    const struct plan_leg_state **v = NULL;
    size_t cap = 0, len = strlen(id);

    *n = 0;
    for (size_t i = lower_bound(pl, sv_of(id));
         i < pl->n_states && strncmp(pl->by_id[i]->leg_id, id, len) == 0; i++) {
        char next = pl->by_id[i]->leg_id[len];
        if (next != '\0' && next != '.' && next != '/')
            continue;
        GROW(v, cap, *n + 1);
        v[(*n)++] = pl->by_id[i];
    }
    if (*n > 1)
        qsort(v, *n, sizeof(struct plan_leg_state *), by_place);
    return v;
}

char *plan_reason(const struct wf_job *job, const char *key, const char *text)
{
    if (job == NULL)
        return xasprintf("Error when evaluating '%s'. %s", key, text);
    return xasprintf("Error when evaluating '%s' for job '%.*s'. %s", key, SV_ARG(job->id), text);
}

/* ---- one workflow ---- */

/* 9.2 step 7, for a run and for a call alike. */
static void conclude(struct scope *s)
{
    bool failed = false, cancelled = false;

    s->done = true;
    for (size_t i = 0; i < s->wf->n_jobs; i++) {
        const struct job_work *w = &s->jobs[i];
        if (!w->wanted)
            continue;
        s->done = s->done && w->decided;
        failed = failed || w->result == PLAN_FAILURE;
        cancelled = cancelled || w->cancelled;
    }
    if (s->done)
        s->result = failed ? PLAN_FAILURE : cancelled ? PLAN_CANCELLED : PLAN_SUCCESS;
}

static void end_without_jobs(struct scope *s, enum plan_result r, char *own_reason)
{
    s->done = s->no_jobs = true;
    s->result = r;
    s->reason = own_reason;
}

/* The workflow's own group (4.12). False: its jobs have to wait, or there will be none. who: of a called one, how its
 * caller is shown. */
static bool pass_gate(struct scope *s, const char *who, struct plan_group *group)
{
    struct plan_env env;
    char *reason = NULL;

    plan_env_init(&env, s, NULL);
    if (plan_group_eval(&env, s->wf->concurrency, NULL, group, &reason) < 0) {
        end_without_jobs(s, PLAN_FAILURE, reason);
        return false;
    }
    enum plan_gate_phase at = plan_gate_at(s->pl, s->id);
    reason = plan_deadlock(s->held, group->name, who);
    if (reason == NULL && at == PLAN_GATE_DROPPED)
        reason = xasprintf(PLAN_TEXT_REPLACED, group->name);
    s->waiting = plan_gate_holds(s->pl, s->id);
    s->cancelled = s->cancelled || at == PLAN_GATE_CANCELLED;
    if (reason != NULL || (s->waiting && s->cancelled)) {
        end_without_jobs(s, PLAN_CANCELLED, reason);
        return false;
    }
    return !s->waiting;
}

static void want_gate(const struct scope *s, const char *who, const struct plan_group *g)
{
    size_t n = strlen(s->path); /* "call/" */

    plan_add_gate(s->pl, (struct plan_gate){
                             .id = xstrdup(s->id),
                             .name = xstrdup(who),
                             .path = sv_dup(sv_sub(sv_of(s->path), 0, n > 0 ? n - 1 : 0)),
                             .group = {xstrdup(g->name), g->cancel_in_progress, g->queue_max},
                         });
}

/* Jobs of the restriction and all that they need; of what is needed, all that it calls. */
static void mark_wanted(struct scope *s)
{
    const struct wf *wf = s->wf;
    const char *const *only = s->pl->in->only_jobs;
    bool all = s->whole || only == NULL || only[0] == NULL;

    for (size_t i = 0; i < wf->n_jobs; i++)
        s->jobs[i].wanted = s->jobs[i].whole = all;
    for (; !all && *only != NULL; only++) {
        struct sv rest = sv_of(*only), id;
        if (!sv_istarts(rest, sv_of(s->path)))
            continue;
        rest = sv_sub(rest, strlen(s->path), SV_NPOS);
        (void)sv_next(&rest, '/', &id);
        const struct wf_job *j = wf_job(wf, id);
        if (j == NULL)
            continue; /* of a call that is not loaded */
        s->jobs[j - wf->jobs].wanted = true;
        s->jobs[j - wf->jobs].whole |= rest.p == NULL;
    }
    for (size_t i = wf->n_jobs; i-- > 0;) { /* dependants come later in the order */
        const struct wf_job *j = &wf->jobs[wf->order[i]];
        for (size_t k = 0; s->jobs[wf->order[i]].wanted && k < j->n_needs; k++)
            s->jobs[j->needs[k].job].wanted = s->jobs[j->needs[k].job].whole = true;
    }
}

void plan_scope(struct scope *s)
{
    size_t n = strlen(s->names);
    /* "call (1) / " without the rest */
    AUTO(auto_free) char *who = s->call != NULL ? sv_dup(sv_sub(sv_of(s->names), 0, n - 3)) : NULL;
    AUTO(plan_group_free) struct plan_group group = {.name = NULL};
    struct held held;

    if (who == NULL)
        who = xstrdup("top level workflow");
    s->jobs = xcalloc(s->wf->n_jobs + 1, sizeof *s->jobs);
    mark_wanted(s);
    if (s->wf->concurrency != NULL) {
        if (!pass_gate(s, who, &group)) {
            if (!s->done)
                want_gate(s, who, &group);
            return;
        }
        held = (struct held){s->held, group.name, who};
        s->held = &held;
    }
    for (size_t i = 0; i < s->wf->n_jobs; i++) {
        size_t k = s->wf->order[i];
        if (s->jobs[k].wanted)
            plan_job(s, &s->wf->jobs[k], &s->jobs[k]);
    }
    s->held = NULL; /* it was this function's */
    conclude(s);
    if (group.name != NULL && !s->done)
        want_gate(s, who, &group);
}

void scope_done(struct scope *s)
{
    for (size_t i = 0; s->jobs != NULL && i < s->wf->n_jobs; i++)
        val_unref(s->jobs[i].outputs);
    free(s->jobs);
    free(s->reason);
    s->jobs = NULL;
    s->reason = NULL;
}

/* ---- the run ---- */

static int check_restriction(const struct plan_inputs *in, struct err *e)
{
    bool unread;

    for (const char *const *only = in->only_jobs; only != NULL && *only != NULL; only++) {
        if (wf_job_at(in->wf, sv_of(*only), &unread) == NULL && !unread)
            return err_set(e, FAIL_INPUT, "no job '%.100s' in '%.150s'; see gantry run --list",
                           *only, in->wf->file);
    }
    return 0;
}

int plan_next(const struct plan_inputs *in, const struct plan_leg_state *states, size_t n_states,
              bool cancelled, struct plan *out, struct err *e)
{
    AUTO(auto_val) struct val *empty = val_object();
    AUTO(auto_free)
    const struct plan_leg_state **sorted = xcalloc(n_states + 1, sizeof(struct plan_leg_state *));
    struct plan p = {0};
    struct planner pl = {.in = in,
                         .states = states,
                         .by_id = sorted,
                         .n_states = n_states,
                         .out = &p,
                         .empty = empty};
    struct scope root = {
        .pl = &pl, .wf = in->wf, .id = "", .path = "", .names = "", .cancelled = cancelled};

    for (size_t i = 0; i < n_states; i++)
        sorted[i] = &states[i];
    if (n_states > 1)
        qsort(sorted, n_states, sizeof(struct plan_leg_state *), by_id);
    root.inputs = in->inputs != NULL ? in->inputs : empty;
    if (check_restriction(in, e) < 0)
        return -1;
    plan_scope(&root);
    p.done = root.done;
    if (p.done)
        p.result = root.result == PLAN_SUCCESS && cancelled ? PLAN_CANCELLED : root.result;
    p.reason = TAKE_PTR(root.reason);
    scope_done(&root);
    if (p.cancel == NULL)
        p.cancel = xcalloc(1, sizeof *p.cancel);
    *out = p;
    return 0;
}
