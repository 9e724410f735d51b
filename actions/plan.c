/* SPDX-License-Identifier: Apache-2.0
 *
 * The graph: which jobs are decided, which may start, what a failure or a cancellation means for the rest
 * (spec expressions 9). Everything is computed anew from the inputs and the states.
 * Source: docs and ChristopherHX/runner.server: src/Runner.Server/Controllers/MessageController.cs, through 9.3-9.7. */
#include "actions/plan.h"

#include <stdlib.h>

#include "actions/plan_priv.h"
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

struct job_work {
    bool wanted, decided;
    enum plan_result result; /* continue-on-error applied */
    bool cancelled;          /* a leg of it was */
    struct val *outputs;
    bool all_success, any_failure; /* of all ancestors */
};

struct planner {
    const struct plan_inputs *in;
    const struct plan_leg_state *states;
    size_t n_states;
    bool cancelled;
    struct plan *out;
    size_t cap_ready, cap_skipped, n_cancel, cap_cancel;
    struct job_work *jobs;
    struct val *empty;
};

static void skip_free(struct plan_skip *s)
{
    free(s->id);
    free(s->name);
    free(s->reason);
    val_unref(s->matrix);
}

void plan_done(struct plan *p)
{
    for (size_t i = 0; i < p->n_ready; i++)
        plan_leg_free(&p->ready[i]);
    for (size_t i = 0; i < p->n_skipped; i++)
        skip_free(&p->skipped[i]);
    for (size_t i = 0; p->cancel != NULL && p->cancel[i] != NULL; i++)
        free(p->cancel[i]);
    free(p->ready);
    free(p->skipped);
    free(p->cancel);
    *p = (struct plan){0};
}

static const struct plan_leg_state *find_state(const struct planner *pl, struct sv id)
{
    for (size_t i = 0; i < pl->n_states; i++) {
        if (sv_is(id, pl->states[i].leg_id))
            return &pl->states[i];
    }
    return NULL;
}

static void add_skip(struct planner *pl, struct plan_skip s)
{
    GROW(pl->out->skipped, pl->cap_skipped, pl->out->n_skipped + 1);
    pl->out->skipped[pl->out->n_skipped++] = s;
}

static void add_cancel(struct planner *pl, char *own_id)
{
    GROW(pl->out->cancel, pl->cap_cancel, pl->n_cancel + 2);
    pl->out->cancel[pl->n_cancel++] = own_id;
    pl->out->cancel[pl->n_cancel] = NULL;
}

/* ---- one job ---- */

static void decide(struct job_work *w, enum plan_result r)
{
    w->decided = true;
    w->result = r;
    if (r == PLAN_CANCELLED)
        w->cancelled = true;
}

/* The whole job ends without legs. */
static void decide_whole(struct planner *pl, struct job_work *w, const struct wf_job *job,
                         enum plan_result r, char *own_reason)
{
    struct sv name = job->name != NULL && job->name->kind == TOK_STRING && job->name->text.n > 0
                         ? job->name->text
                         : job->id;

    add_skip(pl, (struct plan_skip){
                     .id = sv_dup(job->id),
                     .name = sv_dup(name),
                     .job_id = job->id,
                     .matrix = val_null(),
                     .result = r,
                     .reason = own_reason,
                 });
    decide(w, r);
}

/* needs of a job (9.4), and what its ancestors mean for success() and failure(). False: not complete yet. */
static bool collect_needs(struct planner *pl, const struct wf_job *job, struct job_work *w,
                          struct val *needs)
{
    w->all_success = true;
    for (size_t i = 0; i < job->n_needs; i++) {
        const struct job_work *n = &pl->jobs[job->needs[i].job];
        if (!n->decided)
            return false;
        w->all_success = w->all_success && n->result == PLAN_SUCCESS && n->all_success;
        w->any_failure = w->any_failure || n->result == PLAN_FAILURE || n->any_failure;
        struct val *entry = val_object();
        val_sets(entry, "result", val_string(sv_of(plan_result_name(n->result))));
        val_sets(entry, "outputs", n->outputs != NULL ? val_ref(n->outputs) : val_object());
        val_set(needs, job->needs[i].name, entry);
    }
    return true;
}

struct graph {
    const struct planner *pl;
    const struct wf_job *job;
};

static enum plan_result ancestor(void *ctx, struct sv id)
{
    const struct graph *g = ctx;
    const struct wf *wf = g->pl->in->wf;
    const struct wf_job *target = wf_job(wf, id);

    if (target == NULL)
        return PLAN_NONE;
    AUTO(auto_free) bool *above = xcalloc(wf->n_jobs, sizeof(bool)); /* of g->job */
    above[g->job - wf->jobs] = true;
    for (size_t i = wf->n_jobs; i-- > 0;) { /* dependants come later in the order */
        const struct wf_job *j = &wf->jobs[wf->order[i]];
        for (size_t k = 0; above[wf->order[i]] && k < j->n_needs; k++)
            above[j->needs[k].job] = true;
    }
    return target != g->job && above[target - wf->jobs] ? g->pl->jobs[target - wf->jobs].result
                                                        : PLAN_NONE;
}

static char *reason_of(const struct planner *pl, const struct wf_job *job, const char *key,
                       unsigned line, unsigned col, const char *msg)
{
    if (line == 0) /* the message has its own position */
        return xasprintf("Error when evaluating '%s' for job '%.*s'. %s", key, SV_ARG(job->id),
                         msg);
    return xasprintf("Error when evaluating '%s' for job '%.*s'. %s (Line: %u, Col: %u): %s", key,
                     SV_ARG(job->id), pl->in->wf->file, line, col, msg);
}

/* -1: the job fails with *reason. */
static int condition(struct planner *pl, struct plan_env *env, const struct wf_job *job, bool *yes,
                     char **reason)
{
    AUTO(auto_val) struct val *v = NULL;
    struct expr_error xe = {0};
    struct err e = {0};

    if (expr_eval_text(sv_of(job->condition), &env->expr, &v, &xe, &e) < 0) {
        *reason = reason_of(pl, job, "if", job->if_line != 0 ? job->if_line : job->line,
                            job->if_col != 0 ? job->if_col : job->col, e.msg);
        return -1;
    }
    *yes = val_truthy(v);
    return 0;
}

static bool filtered_out(const struct planner *pl, const struct matrix_leg *leg)
{
    for (size_t i = 0; i < pl->in->n_matrix_filter; i++) {
        const struct val *v = val_gets(leg->values, pl->in->matrix_filter[i].key);
        AUTO(buf_free) struct buf text = BUF_INIT(65536);
        if (v == NULL)
            continue; /* this matrix has no such key */
        val_to_text(v, &text);
        if (!sv_is(buf_sv(&text), pl->in->matrix_filter[i].value))
            return true;
    }
    return false;
}

struct leg_work {
    char *id;
    const struct plan_leg_state *state;
    enum plan_result result;
    bool exists; /* not filtered out */
};

static void legs_free(struct leg_work *legs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(legs[i].id);
    free(legs);
}

/* Results so far; true when fail-fast is to cancel the others. */
static bool read_legs(struct planner *pl, struct plan_env *env, const struct wf_job *job,
                      const struct matrix *m, struct leg_work *legs)
{
    bool tripped = false;

    for (size_t i = 0; i < m->n; i++) {
        struct leg_work *l = &legs[i];
        l->id = plan_leg_id(job, m, i);
        l->state = find_state(pl, sv_of(l->id));
        l->exists = l->state != NULL || !filtered_out(pl, &m->legs[i]);
        l->result = l->state != NULL ? l->state->result : PLAN_NONE;
        if (l->result != PLAN_FAILURE)
            continue;
        if (plan_leg_continues(env, job, m, i))
            l->result = PLAN_SUCCESS;
        else if (m->fail_fast && m->present)
            tripped = true;
    }
    return tripped;
}

static void end_leg(struct planner *pl, struct plan_env *env, const struct wf_job *job,
                    const struct matrix *m, size_t i, struct leg_work *l, enum plan_result r,
                    char *own_reason)
{
    add_skip(pl, (struct plan_skip){
                     .id = xstrdup(l->id),
                     .name = plan_leg_name(env, job, m, i),
                     .job_id = job->id,
                     .matrix = val_ref(m->legs[i].values),
                     .result = r,
                     .reason = own_reason,
                 });
    l->result = r;
}

/* Starts what max-parallel allows; a leg that cannot be evaluated fails and may trip fail-fast. */
static void start_legs(struct planner *pl, struct plan_env *env, const struct wf_job *job,
                       const struct matrix *m, struct leg_work *legs, bool *tripped)
{
    double running = 0;

    for (size_t i = 0; i < m->n; i++)
        running += legs[i].state != NULL && legs[i].state->result == PLAN_NONE ? 1 : 0;
    for (size_t i = 0; i < m->n && !*tripped; i++) {
        char *reason = NULL;
        if (legs[i].state != NULL || !legs[i].exists)
            continue;
        if (m->max_parallel >= 1 && running >= m->max_parallel)
            return;
        GROW(pl->out->ready, pl->cap_ready, pl->out->n_ready + 1);
        if (plan_leg_make(env, job, m, i, &pl->out->ready[pl->out->n_ready], &reason) == 0) {
            pl->out->n_ready++;
            running++;
            continue;
        }
        end_leg(pl, env, job, m, i, &legs[i], PLAN_FAILURE, reason);
        if (plan_leg_continues(env, job, m, i)) /* as read_legs() will see it the next time */
            legs[i].result = PLAN_SUCCESS;
        else
            *tripped = m->fail_fast && m->present;
    }
}

/* Legs that were made ready by this very call are dropped again when a later one trips fail-fast. */
static void unready(struct planner *pl, const char *id)
{
    struct plan *out = pl->out;

    for (size_t i = 0; i < out->n_ready; i++) {
        if (strcmp(out->ready[i].id, id) != 0)
            continue;
        plan_leg_free(&out->ready[i]);
        out->ready[i] = out->ready[--out->n_ready];
        return;
    }
}

static void cancel_legs(struct planner *pl, struct plan_env *env, const struct wf_job *job,
                        const struct matrix *m, struct leg_work *legs)
{
    for (size_t i = 0; i < m->n; i++) {
        if (!legs[i].exists || legs[i].result != PLAN_NONE)
            continue;
        if (legs[i].state != NULL) {
            add_cancel(pl, xstrdup(legs[i].id));
            continue;
        }
        unready(pl, legs[i].id);
        end_leg(pl, env, job, m, i, &legs[i], PLAN_CANCELLED, NULL);
    }
}

/* The job is decided once every leg is (9.5). */
static void aggregate(struct job_work *w, const struct matrix *m, const struct leg_work *legs)
{
    enum plan_result r = PLAN_NONE;

    for (size_t i = 0; i < m->n; i++) {
        if (!legs[i].exists)
            continue;
        if (legs[i].result == PLAN_NONE)
            return;
        w->cancelled = w->cancelled || legs[i].result == PLAN_CANCELLED;
        r = plan_merge(r, legs[i].result);
    }
    w->decided = true;
    w->result = r;
}

/* Later finished legs win per name (9.6). */
static struct val *merge_outputs(const struct planner *pl, const struct wf_job *job)
{
    struct val *all = val_object();

    for (size_t i = 0; i < pl->n_states; i++) {
        struct sv id = sv_of(pl->states[i].leg_id);
        const struct val *o = pl->states[i].outputs;
        bool mine = sv_starts(id, job->id) && (id.n == job->id.n || id.p[job->id.n] == '.');
        for (size_t k = 0; mine && o != NULL && k < val_count(o); k++)
            val_set(all, val_key_at(o, k), val_ref(val_at(o, k)));
    }
    return all;
}

static bool was_started(const struct planner *pl, const struct wf_job *job)
{
    for (size_t i = 0; i < pl->n_states; i++) {
        struct sv id = sv_of(pl->states[i].leg_id);
        if (sv_starts(id, job->id) && (id.n == job->id.n || id.p[job->id.n] == '.'))
            return true;
    }
    return false;
}

static int expand(struct planner *pl, struct plan_env *env, const struct wf_job *job,
                  struct matrix *m, char **reason)
{
    const char *const files[] = {pl->in->wf->file};
    AUTO(auto_val) struct val *strategy = NULL;
    struct err e = {0};

    if (tok_eval(job->strategy, &env->expr, files, 1, &strategy, &e) == 0 &&
        matrix_expand(pl->in->wf, job, strategy, m, &e) == 0)
        return 0;
    *reason = reason_of(pl, job, "strategy", 0, 0, e.msg);
    return -1;
}

/* A job whose legs are known: start, cancel, aggregate. */
static void run_legs(struct planner *pl, struct plan_env *env, const struct wf_job *job,
                     struct job_work *w, const struct matrix *m, bool cancel)
{
    struct leg_work *legs = xcalloc(m->n, sizeof *legs);
    bool tripped = read_legs(pl, env, job, m, legs), any = false;

    for (size_t i = 0; i < m->n; i++)
        any = any || legs[i].exists;
    if (!any) {
        decide_whole(pl, w, job, PLAN_SKIPPED, xstrdup("no leg of the matrix matches --matrix"));
        legs_free(legs, m->n);
        return;
    }
    if (!cancel && !tripped)
        start_legs(pl, env, job, m, legs, &tripped);
    if (cancel || tripped)
        cancel_legs(pl, env, job, m, legs);
    aggregate(w, m, legs);
    if (w->decided)
        w->outputs = merge_outputs(pl, job);
    legs_free(legs, m->n);
}

/* continue-on-error of a job that ended without legs: there is no matrix to look at. */
static bool whole_continues(struct planner *pl, struct plan_env *env, const struct wf_job *job)
{
    struct matrix_leg one = {.values = pl->empty, .id = NULL, .segments = NULL};
    const struct matrix single = {.legs = &one, .n = 1, .fail_fast = true};

    return plan_leg_continues(env, job, &single, 0);
}

static void fail_whole(struct planner *pl, struct plan_env *env, const struct wf_job *job,
                       struct job_work *w, char *own_reason)
{
    decide_whole(pl, w, job, PLAN_FAILURE, own_reason);
    if (whole_continues(pl, env, job)) /* as restore_whole() will see it the next time */
        w->result = PLAN_SUCCESS;
}

/* The job ended as a whole before: skipped, failed before its legs, or it has no matrix. */
static bool restore_whole(struct planner *pl, struct plan_env *env, const struct wf_job *job,
                          struct job_work *w)
{
    const struct plan_leg_state *s = find_state(pl, job->id);

    if (s == NULL || s->result == PLAN_NONE)
        return false;
    decide(w, s->result);
    if (s->result == PLAN_FAILURE && whole_continues(pl, env, job))
        w->result = PLAN_SUCCESS;
    w->outputs = merge_outputs(pl, job);
    return true;
}

static void plan_job(struct planner *pl, const struct wf_job *job, struct job_work *w)
{
    AUTO(auto_val) struct val *needs = val_object();
    struct matrix m = {0};
    struct plan_env env;
    char *reason = NULL;
    bool yes = false;

    if (!collect_needs(pl, job, w, needs))
        return;
    plan_env_init(&env, pl->in, needs, pl->empty);
    env.all_success = w->all_success;
    env.any_failure = w->any_failure;
    env.cancelled = pl->cancelled;
    env.ancestor = ancestor;
    env.graph = &(struct graph){pl, job};
    if (restore_whole(pl, &env, job, w))
        return;
    bool started = was_started(pl, job);
    /* A started job asks again only whether a cancelled run stops it. */
    if (started && !pl->cancelled)
        yes = true;
    else if (condition(pl, &env, job, &yes, &reason) < 0 && !started) {
        fail_whole(pl, &env, job, w, reason);
        return;
    }
    free(reason);
    reason = NULL;
    if (!yes && !started) {
        decide_whole(pl, w, job, pl->cancelled ? PLAN_CANCELLED : PLAN_SKIPPED, NULL);
        return;
    }
    if (expand(pl, &env, job, &m, &reason) < 0) {
        fail_whole(pl, &env, job, w, reason);
        return;
    }
    run_legs(pl, &env, job, w, &m, !yes);
    matrix_free(&m);
}

/* ---- the run ---- */

/* Jobs of the restriction and all that they need. */
static int mark_wanted(struct planner *pl, struct err *e)
{
    const struct wf *wf = pl->in->wf;
    const char *const *only = pl->in->only_jobs;

    for (size_t i = 0; i < wf->n_jobs; i++)
        pl->jobs[i].wanted = only == NULL || only[0] == NULL;
    for (; only != NULL && *only != NULL; only++) {
        const struct wf_job *j = wf_job(wf, sv_of(*only));
        if (j == NULL)
            return err_set(e, FAIL_INPUT, "no job '%.100s' in '%.150s'; see gantry run --list",
                           *only, wf->file);
        pl->jobs[j - wf->jobs].wanted = true;
    }
    for (size_t i = wf->n_jobs; i-- > 0;) { /* dependants come later in the order */
        const struct wf_job *j = &wf->jobs[wf->order[i]];
        for (size_t k = 0; pl->jobs[wf->order[i]].wanted && k < j->n_needs; k++)
            pl->jobs[j->needs[k].job].wanted = true;
    }
    return 0;
}

/* 9.2 step 7. */
static void conclude(const struct planner *pl)
{
    bool failed = false, cancelled = pl->cancelled;

    pl->out->done = true;
    for (size_t i = 0; i < pl->in->wf->n_jobs; i++) {
        const struct job_work *w = &pl->jobs[i];
        if (!w->wanted)
            continue;
        pl->out->done = pl->out->done && w->decided;
        failed = failed || w->result == PLAN_FAILURE;
        cancelled = cancelled || w->cancelled;
    }
    if (pl->out->done)
        pl->out->result = failed ? PLAN_FAILURE : cancelled ? PLAN_CANCELLED : PLAN_SUCCESS;
}

int plan_next(const struct plan_inputs *in, const struct plan_leg_state *states, size_t n_states,
              bool cancelled, struct plan *out, struct err *e)
{
    AUTO(auto_val) struct val *empty = val_object();
    AUTO(auto_free) struct job_work *jobs = xcalloc(in->wf->n_jobs + 1, sizeof(struct job_work));
    struct plan p = {0};
    struct planner pl = {.in = in,
                         .states = states,
                         .n_states = n_states,
                         .cancelled = cancelled,
                         .out = &p,
                         .jobs = jobs,
                         .empty = empty};

    if (mark_wanted(&pl, e) < 0)
        return -1;
    for (size_t i = 0; i < in->wf->n_jobs; i++) {
        size_t k = in->wf->order[i];
        if (jobs[k].wanted)
            plan_job(&pl, &in->wf->jobs[k], &jobs[k]);
    }
    conclude(&pl);
    for (size_t i = 0; i < in->wf->n_jobs; i++)
        val_unref(jobs[i].outputs);
    if (p.cancel == NULL)
        p.cancel = xcalloc(1, sizeof *p.cancel);
    *out = p;
    return 0;
}
