/* SPDX-License-Identifier: Apache-2.0
 *
 * One job of a workflow: whether it is decided, may start, or is skipped; its legs (spec expressions 9.2 to 9.7). */
#include <stdlib.h>

#include "actions/plan_priv.h"
#include "base/mem.h"

#define WHY_MAX_TEXT 200U /* Ours: bytes of a condition that is told */

char *plan_id(const struct scope *s, struct sv id)
{
    return xasprintf("%s%.*s", s->id, SV_ARG(id));
}

char *plan_path(const struct scope *s, struct sv id)
{
    return xasprintf("%s%.*s", s->path, SV_ARG(id));
}

static void decide(struct job_work *w, enum plan_result r)
{
    w->decided = true;
    w->result = r;
    if (r == PLAN_CANCELLED)
        w->cancelled = true;
}

/* The whole job ends without legs. */
static void decide_whole(struct scope *s, struct job_work *w, const struct wf_job *job,
                         enum plan_result r, char *own_reason)
{
    struct sv name = job->name != NULL && job->name->kind == TOK_STRING && job->name->text.n > 0
                         ? job->name->text
                         : job->id;

    plan_add_skip(s->pl, (struct plan_skip){
                             .id = plan_id(s, job->id),
                             .path = plan_path(s, job->id),
                             .name = xasprintf("%s%.*s", s->names, SV_ARG(name)),
                             .matrix = val_null(),
                             .result = r,
                             .reason = own_reason,
                         });
    decide(w, r);
}

/* needs of a job (9.4), and what its ancestors mean for success() and failure(). False: not complete yet. */
static bool collect_needs(const struct scope *s, const struct wf_job *job, struct job_work *w,
                          struct val *needs)
{
    w->all_success = true;
    for (size_t i = 0; i < job->n_needs; i++) {
        const struct job_work *n = &s->jobs[job->needs[i].job];
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
    const struct scope *scope;
    const struct wf_job *job;
};

static enum plan_result ancestor(void *ctx, struct sv id)
{
    const struct graph *g = ctx;
    const struct wf *wf = g->scope->wf;
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
    return target != g->job && above[target - wf->jobs] ? g->scope->jobs[target - wf->jobs].result
                                                        : PLAN_NONE;
}

/* -1: the job fails with *reason. */
static int condition(const struct scope *s, struct plan_env *env, const struct wf_job *job,
                     bool *yes, char **reason)
{
    AUTO(auto_val) struct val *v = NULL;
    struct expr_error xe = {0};
    struct err e = {0};

    if (expr_eval_text(sv_of(job->condition), &env->expr, &v, &xe, &e) < 0) {
        AUTO(auto_free)
        char *text = xasprintf("%s (Line: %u, Col: %u): %s", s->wf->file,
                               job->if_line != 0 ? job->if_line : job->line,
                               job->if_col != 0 ? job->if_col : job->col, err_whole(&e));
        *reason = plan_reason(job, "if", text);
        return -1;
    }
    *yes = val_truthy(v);
    return 0;
}

/* One line, not too long. */
static char *condition_line(struct sv text)
{
    size_t n = text.n <= WHY_MAX_TEXT ? text.n : WHY_MAX_TEXT;

    while (n < text.n && n > 0 && ((unsigned char)text.p[n] & 0xC0) == 0x80)
        n--; /* not within a character */
    char *line = xasprintf("if: %.*s%s", (int)n, text.p, n < text.n ? "..." : "");
    for (char *c = line; *c != '\0'; c++)
        if (*c == '\n' || *c == '\r' || *c == '\t')
            *c = ' ';
    return line;
}

/* Why the condition of a job did not hold, in few words. */
static char *why_skipped(const struct scope *s, const struct wf_job *job, const struct job_work *w)
{
    const struct sv wrapped = SV("success() && (");
    struct sv text = sv_of(job->condition);
    bool plain = sv_is(text, "success()"), implied = plain || sv_starts(text, wrapped);

    for (size_t i = 0; implied && i < job->n_needs; i++) {
        enum plan_result r = s->jobs[job->needs[i].job].result;
        if (r != PLAN_SUCCESS)
            return xasprintf("needs '%.*s': %s", SV_ARG(job->needs[i].name), plan_result_name(r));
    }
    if (plain || (implied && !w->all_success))
        return xstrdup("a job before it did not succeed");
    if (implied)
        text = sv_sub(text, wrapped.n, text.n - wrapped.n - 1);
    return condition_line(text);
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

static void legs_free(struct leg_work *legs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(legs[i].id);
        val_unref(legs[i].outputs);
    }
    free(legs);
}

static struct leg_work *legs_of(const struct scope *s, const struct wf_job *job,
                                const struct matrix *m)
{
    struct leg_work *legs = xcalloc(m->n, sizeof *legs);

    for (size_t i = 0; i < m->n; i++) {
        struct leg_work *l = &legs[i];
        l->id = plan_leg_id(s, job, m, i);
        l->state = plan_find(s->pl, sv_of(l->id));
        l->exists = l->state != NULL || !filtered_out(s->pl, &m->legs[i]);
        l->result = l->state != NULL ? l->state->result : PLAN_NONE;
    }
    return legs;
}

/* continue-on-error counts; true when fail-fast is to cancel the others. */
static bool look_at_failures(struct plan_env *env, const struct wf_job *job, const struct matrix *m,
                             struct leg_work *legs)
{
    bool tripped = false;

    for (size_t i = 0; i < m->n; i++) {
        if (legs[i].result != PLAN_FAILURE)
            continue;
        if (plan_leg_continues(env, job, m, i))
            legs[i].result = PLAN_SUCCESS;
        else if (m->fail_fast && m->present)
            tripped = true;
    }
    return tripped;
}

void plan_end_leg(struct scope *s, struct plan_env *env, const struct wf_job *job,
                  const struct matrix *m, size_t i, struct leg_work *l, enum plan_result r,
                  char *own_reason)
{
    plan_add_skip(s->pl, (struct plan_skip){
                             .id = xstrdup(l->id),
                             .path = plan_path(s, job->id),
                             .name = plan_leg_name(env, job, m, i),
                             .matrix = val_ref(m->legs[i].values),
                             .result = r,
                             .reason = own_reason,
                         });
    l->result = r;
}

/* Legs that the caller has, but not their contents. */
static void make_again(struct scope *s, struct plan_env *env, const struct wf_job *job,
                       const struct matrix *m, struct leg_work *legs)
{
    struct plan *out = s->pl->out;

    for (size_t i = 0; i < m->n && s->pl->mute == 0; i++) {
        char *reason = NULL;
        if (legs[i].state == NULL || !legs[i].state->again || legs[i].result != PLAN_NONE)
            continue;
        GROW(out->ready, s->pl->cap_ready, out->n_ready + 1);
        if (plan_leg_make(env, job, m, i, &out->ready[out->n_ready], &reason) == 0)
            out->n_ready++;
        else
            plan_end_leg(s, env, job, m, i, &legs[i], PLAN_FAILURE, reason);
    }
}

/* One leg; false: it ended before it started. */
static bool start_leg(struct scope *s, struct plan_env *env, const struct wf_job *job,
                      const struct matrix *m, size_t i, struct leg_work *l)
{
    struct plan *out = s->pl->out;
    char *reason = NULL;
    struct plan_leg leg = {.id = NULL};

    if (s->pl->n_states + out->n_ready >= PLAN_MAX_JOBS)
        reason = xasprintf("The run has more than %u jobs", PLAN_MAX_JOBS);
    if (reason != NULL || plan_leg_make(env, job, m, i, &leg, &reason) < 0) {
        plan_end_leg(s, env, job, m, i, l, PLAN_FAILURE, reason);
        return false;
    }
    if (leg.concurrency.name != NULL)
        reason = plan_deadlock(s->held, leg.concurrency.name, leg.name);
    if (reason != NULL) {
        plan_leg_free(&leg);
        plan_end_leg(s, env, job, m, i, l, PLAN_CANCELLED, reason);
        return false;
    }
    if (s->pl->mute > 0) {
        plan_leg_free(&leg);
        return true;
    }
    GROW(out->ready, s->pl->cap_ready, out->n_ready + 1);
    out->ready[out->n_ready++] = leg;
    return true;
}

/* Starts what max-parallel allows; a leg that cannot be evaluated fails and may trip fail-fast. */
static void start_legs(struct scope *s, struct plan_env *env, const struct wf_job *job,
                       const struct matrix *m, struct leg_work *legs, bool *tripped)
{
    double running = 0;

    for (size_t i = 0; i < m->n; i++)
        running += legs[i].state != NULL && legs[i].state->result == PLAN_NONE ? 1 : 0;
    for (size_t i = 0; i < m->n && !*tripped; i++) {
        if (legs[i].state != NULL || !legs[i].exists)
            continue;
        if (m->max_parallel >= 1 && running >= m->max_parallel)
            return;
        if (start_leg(s, env, job, m, i, &legs[i])) {
            running++;
            continue;
        }
        if (legs[i].result != PLAN_FAILURE)
            continue;
        if (plan_leg_continues(env, job, m, i)) /* as look_at_failures() will see it next time */
            legs[i].result = PLAN_SUCCESS;
        else
            *tripped = m->fail_fast && m->present;
    }
}

/* Legs that were made ready by this very call are dropped again when a later one trips fail-fast. */
static void unready(struct planner *pl, const char *id)
{
    struct plan *out = pl->out;

    for (size_t i = out->n_ready; i-- > 0;) {
        if (strcmp(out->ready[i].id, id) != 0)
            continue;
        plan_leg_free(&out->ready[i]);
        out->ready[i] = out->ready[--out->n_ready];
        return;
    }
}

static void cancel_legs(struct scope *s, struct plan_env *env, const struct wf_job *job,
                        const struct matrix *m, struct leg_work *legs)
{
    for (size_t i = 0; i < m->n; i++) {
        if (!legs[i].exists || legs[i].result != PLAN_NONE)
            continue;
        if (legs[i].state != NULL) {
            plan_add_cancel(s->pl, legs[i].id);
            continue;
        }
        if (s->pl->mute == 0)
            unready(s->pl, legs[i].id);
        plan_end_leg(s, env, job, m, i, &legs[i], PLAN_CANCELLED, NULL);
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

static void merge(struct val *all, const struct val *outputs)
{
    for (size_t k = 0; outputs != NULL && k < val_count(outputs); k++)
        val_set(all, val_key_at(outputs, k), val_ref(val_at(outputs, k)));
}

/* Later finished legs win per name (9.6). */
static struct val *merge_outputs(const struct scope *s, const struct wf_job *job)
{
    AUTO(auto_free) char *id = plan_id(s, job->id);
    size_t n;
    AUTO(auto_free) const struct plan_leg_state **below = plan_states_below(s->pl, id, &n);
    struct val *all = val_object();

    for (size_t i = 0; i < n; i++)
        merge(all, below[i]->outputs);
    return all;
}

/* Of a matrix of calls the last leg that succeeded (7.3). */
static struct val *merge_calls(const struct matrix *m, const struct leg_work *legs)
{
    struct val *all = val_object();
    size_t done = 0;

    for (;;) {
        const struct leg_work *next = NULL;
        for (size_t i = 0; i < m->n; i++) {
            if (legs[i].outputs != NULL && legs[i].finished > done &&
                (legs[i].result == PLAN_SUCCESS || m->n == 1) &&
                (next == NULL || legs[i].finished < next->finished))
                next = &legs[i];
        }
        if (next == NULL)
            return all;
        merge(all, next->outputs);
        done = next->finished;
    }
}

static bool was_started(const struct scope *s, const struct wf_job *job)
{
    AUTO(auto_free) char *id = plan_id(s, job->id);
    size_t n = 0;

    free(plan_states_below(s->pl, id, &n));
    return n > 0;
}

static int expand(const struct scope *s, struct plan_env *env, const struct wf_job *job,
                  struct matrix *m, char **reason)
{
    AUTO(auto_val) struct val *strategy = NULL;
    struct err e = {0};

    if (tok_eval(job->strategy, &env->expr, PLAN_FILES(s), &strategy, &e) < 0 ||
        matrix_expand(s->pl->in->wf, job, strategy, m, &e) < 0) {
        *reason = plan_reason(job, "strategy", err_whole(&e));
        return -1;
    }
    if (m->left_out == 0)
        return 0;
    /* github.com's own words, which it puts nothing in front of */
    (void)tok_fail(job->strategy, PLAN_FILES(s), &e,
                   "Strategy for job '%.*s' produced %zu configurations which exceeds the maximum "
                   "of %u configurations",
                   SV_ARG(job->id), m->n + m->left_out, PLAN_MAX_LEGS);
    *reason = xstrdup(err_whole(&e));
    matrix_free(m);
    return -1;
}

/* A job whose legs are known: start, cancel, aggregate. */
static void run_legs(struct scope *s, struct plan_env *env, const struct wf_job *job,
                     struct job_work *w, const struct matrix *m, bool cancel)
{
    struct leg_work *legs = legs_of(s, job, m);
    bool any = false;

    for (size_t i = 0; i < m->n; i++)
        any = any || legs[i].exists;
    if (!any) {
        decide_whole(s, w, job, PLAN_SKIPPED, xstrdup("no leg of the matrix matches --matrix"));
    } else if (job->uses.n > 0) {
        plan_call_legs(s, env, job, m, legs, cancel);
        aggregate(w, m, legs);
        if (w->decided)
            w->outputs = merge_calls(m, legs);
    } else {
        make_again(s, env, job, m, legs);
        bool tripped = look_at_failures(env, job, m, legs);
        if (!cancel && !tripped)
            start_legs(s, env, job, m, legs, &tripped);
        if (cancel || tripped)
            cancel_legs(s, env, job, m, legs);
        aggregate(w, m, legs);
        if (w->decided)
            w->outputs = merge_outputs(s, job);
    }
    legs_free(legs, m->n);
}

/* continue-on-error of a job that ended without legs: there is no matrix to look at. */
static bool whole_continues(const struct scope *s, struct plan_env *env, const struct wf_job *job)
{
    struct matrix_leg one = {.values = s->pl->empty, .id = NULL, .segments = NULL};
    const struct matrix single = {.legs = &one, .n = 1, .fail_fast = true};

    return plan_leg_continues(env, job, &single, 0);
}

static void fail_whole(struct scope *s, struct plan_env *env, const struct wf_job *job,
                       struct job_work *w, char *own_reason)
{
    decide_whole(s, w, job, PLAN_FAILURE, own_reason);
    if (whole_continues(s, env, job)) /* as restore_whole() will see it the next time */
        w->result = PLAN_SUCCESS;
}

/* The job ended as a whole before: skipped, failed before its legs, or it has no matrix. */
static bool restore_whole(const struct scope *s, struct plan_env *env, const struct wf_job *job,
                          struct job_work *w)
{
    AUTO(auto_free) char *id = plan_id(s, job->id);
    const struct plan_leg_state *state = plan_find(s->pl, sv_of(id));

    if (state == NULL || state->result == PLAN_NONE)
        return false;
    decide(w, state->result);
    if (state->result == PLAN_FAILURE && whole_continues(s, env, job))
        w->result = PLAN_SUCCESS;
    w->outputs = job->uses.n > 0 ? val_object() : merge_outputs(s, job);
    return true;
}

void plan_job(struct scope *s, const struct wf_job *job, struct job_work *w)
{
    AUTO(auto_val) struct val *needs = val_object();
    struct matrix m = {0};
    struct plan_env env;
    char *reason = NULL;
    bool yes = false;

    if (!collect_needs(s, job, w, needs))
        return;
    plan_env_init(&env, s, needs);
    env.all_success = w->all_success;
    env.any_failure = w->any_failure;
    env.cancelled = s->cancelled;
    env.ancestor = ancestor;
    env.graph = &(struct graph){s, job};
    if (restore_whole(s, &env, job, w))
        return;
    bool started = was_started(s, job);
    /* A started job asks again only whether a cancelled run stops it. */
    if (started && !s->cancelled)
        yes = true;
    else if (condition(s, &env, job, &yes, &reason) < 0 && !started) {
        fail_whole(s, &env, job, w, reason);
        return;
    }
    free(reason);
    reason = NULL;
    if (!yes && !started) {
        if (s->cancelled)
            decide_whole(s, w, job, PLAN_CANCELLED, NULL);
        else
            decide_whole(s, w, job, PLAN_SKIPPED, why_skipped(s, job, w));
        return;
    }
    if (expand(s, &env, job, &m, &reason) < 0) {
        fail_whole(s, &env, job, w, reason);
        return;
    }
    run_legs(s, &env, job, w, &m, !yes);
    matrix_free(&m);
}
