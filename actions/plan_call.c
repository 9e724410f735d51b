/* SPDX-License-Identifier: Apache-2.0
 *
 * Jobs that call a workflow (spec expressions 7.3, 9): each leg is a workflow of its own with its inputs; its result and
 * its outputs are those of the jobs in it. */
#include <stdlib.h>

#include "actions/plan_priv.h"
#include "base/mem.h"

/* ---- what a call hands over ---- */

static struct val *zero_of(struct sv type)
{
    return sv_is(type, "boolean")  ? val_bool(false)
           : sv_is(type, "number") ? val_number(0)
                                   : val_string(SV(""));
}

/* There is no conversion to a boolean or a number; a text takes every scalar. */
static int convert(const struct scope *s, const struct tok *where, struct sv type,
                   const struct val *v, struct val **out, struct err *e)
{
    AUTO(buf_free) struct buf text = BUF_INIT(PLAN_MAX_TEXT);
    enum val_kind want = sv_is(type, "boolean") ? VAL_BOOL : VAL_NUMBER;

    if (val_kind(v) == VAL_ARRAY)
        return tok_fail(where, PLAN_FILES(s), e, "A sequence was not expected");
    if (val_kind(v) == VAL_OBJECT)
        return tok_fail(where, PLAN_FILES(s), e, "A mapping was not expected");
    val_to_text(v, &text);
    if (buf_done(&text, "input of a called workflow", e) < 0)
        return -1;
    if (sv_is(type, "string"))
        *out = val_string(buf_sv(&text));
    else if (val_kind(v) == want)
        *out = want == VAL_BOOL ? val_bool(val_get_bool(v)) : val_number(val_get_number(v));
    else
        return tok_fail(where, PLAN_FILES(s), e, "Unexpected value '%s'", text.p);
    return 0;
}

/* The value of an input that was not passed. Its expressions see the event, the variables and the inputs before it. */
static int default_of(const struct scope *callee, const struct tok *def, struct sv type,
                      struct val **out, struct err *e)
{
    const struct tok *dflt = tok_get(def, SV("default"));
    AUTO(auto_val) struct val *v = NULL;
    struct plan_env env;

    if (dflt == NULL) {
        *out = zero_of(type);
        return 0;
    }
    plan_env_init(&env, callee, NULL);
    if (tok_eval(dflt, &env.expr, PLAN_FILES(callee), &v, e) < 0)
        return -1;
    return convert(callee, dflt, type, v, out, e);
}

static int read_input(const struct scope *caller, const struct scope *callee,
                      const struct wf_job *job, const struct val *given, const struct tok *name,
                      const struct tok *def, struct err *e)
{
    const struct tok *t = tok_get(def, SV("type"));
    struct sv type = t != NULL ? t->text : SV("string");
    const struct val *v = given != NULL ? val_get(given, name->text) : NULL;
    const struct tok *where = tok_get(job->with, name->text);
    struct val *out = NULL;

    if (v != NULL ? convert(caller, where != NULL ? where : job->with, type, v, &out, e) < 0
                  : default_of(callee, def, type, &out, e) < 0)
        return -1;
    val_set(callee->inputs, name->text, out);
    return 0;
}

/* Into callee->inputs, an empty object. env: of the calling leg. */
static int read_inputs(const struct scope *caller, const struct plan_env *env,
                       const struct scope *callee, const struct wf_job *job, struct err *e)
{
    const struct tok *defs = tok_get(wf_event(callee->wf, SV("workflow_call")), SV("inputs"));
    AUTO(auto_val) struct val *given = NULL;

    if (job->with != NULL && tok_eval(job->with, &env->expr, PLAN_FILES(caller), &given, e) < 0)
        return -1;
    for (size_t i = 0; defs != NULL && defs->kind == TOK_MAPPING && i < defs->n; i++) {
        if (read_input(caller, callee, job, given, defs->items[2 * i], defs->items[2 * i + 1], e) <
            0)
            return -1;
    }
    return 0;
}

/* ---- what comes back ---- */

static struct val *jobs_context(const struct scope *s)
{
    struct val *jobs = val_object();

    for (size_t i = 0; i < s->wf->n_jobs; i++) {
        const struct job_work *w = &s->jobs[i];
        struct val *o = val_object();
        val_sets(o, "result", val_string(sv_of(plan_result_name(w->result))));
        val_sets(o, "outputs", w->outputs != NULL ? val_ref(w->outputs) : val_object());
        val_set(jobs, s->wf->jobs[i].id, o);
    }
    return jobs;
}

/* Only what is not empty is an output, as for a job (9.6). */
static int read_outputs(const struct scope *callee, struct val **out, struct err *e)
{
    const struct tok *defs = tok_get(wf_event(callee->wf, SV("workflow_call")), SV("outputs"));
    AUTO(auto_val) struct val *jobs = jobs_context(callee);
    AUTO(auto_val) struct val *all = val_object();
    struct plan_env env;

    plan_env_init(&env, callee, NULL);
    env.jobs = jobs;
    for (size_t i = 0; defs != NULL && defs->kind == TOK_MAPPING && i < defs->n; i++) {
        const struct tok *value = tok_get(defs->items[2 * i + 1], SV("value"));
        AUTO(buf_free) struct buf text = BUF_INIT(PLAN_MAX_TEXT);
        if (tok_eval_text(value, &env.expr, PLAN_FILES(callee), &text, e) < 0 ||
            buf_done(&text, "output of a called workflow", e) < 0)
            return -1;
        if (text.len > 0)
            val_set(all, defs->items[2 * i]->text, val_string(buf_sv(&text)));
    }
    *out = TAKE_PTR(all);
    return 0;
}

/* ---- one leg ---- */

struct call {
    struct scope *caller;
    const struct wf_job *job;
    struct plan_env env; /* of the leg */
    const struct matrix *m;
    size_t i;
    struct leg_work *leg;
    const char *name; /* as shown */
};

static void end_call(struct call *c, enum plan_result r, char *own_reason)
{
    plan_end_leg(c->caller, &c->env, c->job, c->m, c->i, c->leg, r, own_reason);
}

/* The group of the calling job; a called workflow that asks for the same one has it instead. */
static int caller_group(struct call *c, const struct scope *callee, struct plan_group *out,
                        char **reason)
{
    AUTO(plan_group_free) struct plan_group own = {.name = NULL};
    AUTO(plan_group_free) struct plan_group below = {.name = NULL};
    AUTO(auto_free) char *ignored = NULL; /* told when the called workflow starts */
    struct plan_env env;

    if (c->job->concurrency == NULL)
        return 0;
    if (plan_group_eval(&c->env, c->job->concurrency, c->job, &own, reason) < 0)
        return -1;
    plan_env_init(&env, callee, NULL);
    if (callee->wf->concurrency != NULL &&
        plan_group_eval(&env, callee->wf->concurrency, NULL, &below, &ignored) == 0 &&
        plan_group_same(own.name, below.name))
        return 0;
    *out = own;
    own.name = NULL;
    return 0;
}

/* False: the leg has to wait, or it is over. */
static bool pass_caller_gate(struct call *c, struct scope *callee, const struct plan_group *g)
{
    enum plan_gate_phase at = plan_gate_at(c->caller->pl, c->leg->id);
    char *reason = plan_deadlock(c->caller->held, g->name, c->name);
    bool waiting = plan_gate_holds(c->caller->pl, c->leg->id);

    if (reason == NULL && at == PLAN_GATE_DROPPED)
        reason = xasprintf(PLAN_TEXT_REPLACED, g->name);
    if (reason != NULL || (waiting && callee->cancelled)) {
        end_call(c, PLAN_CANCELLED, reason);
        return false;
    }
    callee->cancelled = callee->cancelled || at == PLAN_GATE_CANCELLED;
    return !waiting;
}

static void want_gate(const struct call *c, const struct plan_group *g)
{
    plan_add_gate(c->caller->pl,
                  (struct plan_gate){
                      .id = xstrdup(c->leg->id),
                      .name = xstrdup(c->name),
                      .path = plan_path(c->caller, c->job->id),
                      .group = {xstrdup(g->name), g->cancel_in_progress, g->queue_max},
                  });
}

/* The place of the last of its jobs that ended; what has none yet comes after all. */
static size_t place_of(const struct call *c)
{
    const struct planner *pl = c->caller->pl;
    size_t n;
    AUTO(auto_free) const struct plan_leg_state **v = plan_states_below(pl, c->leg->id, &n);

    return n > 0 ? (size_t)(v[n - 1] - pl->states) + 1 : pl->n_states + 1 + c->i;
}

static void finish_call(struct call *c, struct scope *callee)
{
    struct err e = {0};

    if (callee->no_jobs) {
        end_call(c, callee->result, TAKE_PTR(callee->reason));
    } else if (read_outputs(callee, &c->leg->outputs, &e) < 0) {
        end_call(c, PLAN_FAILURE, plan_reason(c->job, "outputs", err_whole(&e)));
    } else {
        c->leg->result = callee->result;
        c->leg->finished = place_of(c);
    }
}

static void run_callee(struct call *c, struct scope *callee)
{
    AUTO(plan_group_free) struct plan_group group = {.name = NULL};
    struct held held;
    char *reason = NULL;

    if (caller_group(c, callee, &group, &reason) < 0) {
        end_call(c, PLAN_FAILURE, reason);
        return;
    }
    if (group.name != NULL && !pass_caller_gate(c, callee, &group)) {
        if (c->leg->result == PLAN_NONE)
            want_gate(c, &group);
        return;
    }
    if (group.name != NULL) {
        held = (struct held){c->caller->held, group.name, c->name};
        callee->held = &held;
    }
    plan_scope(callee);
    callee->held = NULL; /* it was this function's */
    if (callee->done)
        finish_call(c, callee);
    else if (group.name != NULL)
        want_gate(c, &group);
}

static void run_call(struct call *c, bool cancelled)
{
    struct scope *s = c->caller;
    AUTO(auto_val) struct val *inputs = val_object();
    AUTO(auto_free) char *id = xasprintf("%s/", c->leg->id);
    AUTO(auto_free) char *path = xasprintf("%s%.*s/", s->path, SV_ARG(c->job->id));
    AUTO(auto_free) char *names = xasprintf("%s / ", c->name);
    const struct plan_call call = {
        .up = (struct plan_call *)(uintptr_t)s->call, /* read only, here and in clones */
        .wf = s->wf,
        .job = c->job,
        .inputs = s->inputs,
        .needs = c->env.needs,
        .matrix = c->env.matrix,
        .strategy = c->env.strategy,
    };
    struct scope callee = {
        .pl = s->pl,
        .wf = c->job->called,
        .inputs = inputs,
        .call = &call,
        .held = s->held,
        .id = id,
        .path = path,
        .names = names,
        .cancelled = cancelled,
        .whole = s->jobs[c->job - s->wf->jobs].whole,
    };
    struct err e = {0};

    if (++s->pl->n_scopes > PLAN_MAX_JOBS)
        end_call(c, PLAN_FAILURE, xasprintf("The run has more than %u jobs", PLAN_MAX_JOBS));
    else if (read_inputs(s, &c->env, &callee, c->job, &e) < 0)
        end_call(c, PLAN_FAILURE, plan_reason(c->job, "with", err_whole(&e)));
    else
        run_callee(c, &callee);
    scope_done(&callee);
}

static void run_leg(struct scope *s, const struct plan_env *env, const struct wf_job *job,
                    const struct matrix *m, size_t i, struct leg_work *leg, bool cancelled)
{
    AUTO(auto_val) struct val *strategy = plan_strategy_context(m, i);
    struct call c = {.caller = s, .job = job, .env = *env, .m = m, .i = i, .leg = leg};
    AUTO(auto_free) char *name = plan_leg_name(&c.env, job, m, i);

    c.env.expr.ctx = &c.env;
    c.env.matrix = m->legs[i].values;
    c.env.strategy = strategy;
    c.name = name;
    run_call(&c, cancelled);
}

/* ---- all legs ---- */

static bool is_started(const struct scope *s, const struct leg_work *leg)
{
    AUTO(auto_free) char *inner = xasprintf("%s/", leg->id);
    size_t n = 0;

    free(plan_states_below(s->pl, leg->id, &n));
    return n > 0 || (s->pl->in->gate != NULL && (plan_gate_at(s->pl, leg->id) != PLAN_GATE_NEW ||
                                                 plan_gate_at(s->pl, inner) != PLAN_GATE_NEW));
}

/* Whether one of the legs has failed already: the others are then cancelled before anything new starts in them. */
static bool look_ahead(struct scope *s, const struct plan_env *env, const struct wf_job *job,
                       const struct matrix *m, const struct leg_work *legs)
{
    bool tripped = false;

    if (!m->present || !m->fail_fast || m->n < 2)
        return false;
    s->pl->mute++;
    for (size_t i = 0; i < m->n && !tripped; i++) {
        struct leg_work copy = legs[i];
        if (copy.state == NULL && copy.started) {
            run_leg(s, env, job, m, i, &copy, s->cancelled);
            val_unref(copy.outputs);
        }
        tripped = copy.result == PLAN_FAILURE;
    }
    s->pl->mute--;
    return tripped;
}

static void not_loaded(struct scope *s, struct plan_env *env, const struct wf_job *job,
                       const struct matrix *m, struct leg_work *legs)
{
    for (size_t i = 0; i < m->n; i++) {
        if (legs[i].exists && legs[i].result == PLAN_NONE)
            plan_end_leg(s, env, job, m, i, &legs[i], PLAN_FAILURE,
                         xasprintf("%s:%u:%u: job '%.*s' calls the workflow '%.*s', which is "
                                   "read when the workflow runs",
                                   s->wf->file, job->line, job->col, SV_ARG(job->id),
                                   SV_ARG(job->uses)));
    }
}

void plan_call_legs(struct scope *s, struct plan_env *env, const struct wf_job *job,
                    const struct matrix *m, struct leg_work *legs, bool stop)
{
    double running = 0;

    if (job->called == NULL) {
        not_loaded(s, env, job, m, legs);
        return;
    }
    for (size_t i = 0; i < m->n; i++)
        legs[i].started = legs[i].state == NULL && is_started(s, &legs[i]);
    bool tripped = look_ahead(s, env, job, m, legs);
    for (size_t i = 0; i < m->n; i++)
        running += legs[i].started ? 1 : 0;
    for (size_t i = 0; i < m->n; i++) {
        struct leg_work *l = &legs[i];
        if (l->state != NULL || !l->exists)
            continue;
        if (!l->started && (stop || tripped)) {
            plan_end_leg(s, env, job, m, i, l, PLAN_CANCELLED, NULL);
            continue;
        }
        if (!l->started && m->max_parallel >= 1 && running >= m->max_parallel)
            continue;
        running += l->started ? 0 : 1;
        run_leg(s, env, job, m, i, l, s->cancelled || tripped);
        running -= l->result != PLAN_NONE ? 1 : 0;
        tripped = tripped || (l->result == PLAN_FAILURE && m->fail_fast && m->present);
    }
}

/* ---- secrets ---- */

struct plan_call *plan_call_clone(const struct plan_call *c)
{
    struct plan_call *n;

    if (c == NULL)
        return NULL;
    n = xcalloc(1, sizeof *n);
    *n = (struct plan_call){
        .up = plan_call_clone(c->up), /* as deep as calls may be nested */
        .wf = c->wf,
        .job = c->job,
        .inputs = val_ref(c->inputs),
        .needs = val_ref(c->needs),
        .matrix = val_ref(c->matrix),
        .strategy = val_ref(c->strategy),
    };
    return n;
}

void plan_call_free(struct plan_call *c)
{
    while (c != NULL) {
        struct plan_call *up = c->up;
        val_unref(c->inputs);
        val_unref(c->needs);
        val_unref(c->matrix);
        val_unref(c->strategy);
        free(c);
        c = up;
    }
}

static int map_secrets(struct planner *pl, const struct plan_call *c, struct val *given,
                       struct val **out, struct err *e)
{
    const struct tok *map = c->job->secrets;
    const struct scope caller = {.pl = pl, .wf = c->wf, .inputs = c->inputs};
    AUTO(auto_val) struct val *all = val_object();
    struct plan_env env;

    plan_env_init(&env, &caller, c->needs);
    env.matrix = c->matrix;
    env.strategy = c->strategy;
    env.secrets = given;
    for (size_t i = 0; map != NULL && map->kind == TOK_MAPPING && i < map->n; i++) {
        AUTO(buf_free) struct buf text = BUF_INIT(PLAN_MAX_TEXT);
        if (tok_eval_text(map->items[2 * i + 1], &env.expr, PLAN_FILES(&caller), &text, e) < 0 ||
            buf_done(&text, "secret of a called workflow", e) < 0)
            return -1;
        if (text.len > 0) /* an empty one is as one that was not passed */
            val_set(all, map->items[2 * i]->text, val_string(buf_sv(&text)));
    }
    *out = TAKE_PTR(all);
    return 0;
}

/* The token of the job is there at every level, whether it was passed or not. */
static int secrets_of(struct planner *pl, const struct plan_call *c, struct val *of_run,
                      struct val **out, struct err *e)
{
    AUTO(auto_val) struct val *given = NULL;
    struct val *token = val_gets(of_run, "GITHUB_TOKEN");

    if (c == NULL) {
        *out = val_ref(of_run);
        return 0;
    }
    if (secrets_of(pl, c->up, of_run, &given, e) < 0)
        return -1;
    if (!c->job->secrets_inherit) {
        if (map_secrets(pl, c, given, out, e) < 0)
            return -1;
        if (token != NULL && val_gets(*out, "GITHUB_TOKEN") == NULL)
            val_sets(*out, "GITHUB_TOKEN", val_ref(token));
        return 0;
    }
    *out = TAKE_PTR(given);
    return 0;
}

int plan_secrets(const struct plan_inputs *in, const struct plan_leg *leg, struct val *of_run,
                 struct val **out, struct err *e)
{
    AUTO(auto_val) struct val *empty = val_object();
    struct planner pl = {.in = in, .empty = empty};

    return secrets_of(&pl, leg->call, of_run, out, e);
}
