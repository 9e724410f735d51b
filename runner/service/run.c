/* SPDX-License-Identifier: Apache-2.0
 *
 * One run of a workflow: asks the planner what may start, keeps the legs, and reports their ends. The planner is a
 * pure function, so a restart only has to bring the inputs and the finished legs back (run_restore.c). */
#include "runner/service/svc_priv.h"

#include <jansson.h>

#include "actions/workflow_call.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "runner/service/calls.h"

struct run *run_find(struct svc *s, uint64_t id)
{
    for (size_t i = 0; i < s->n_runs; i++)
        if (s->runs[i]->id == id)
            return s->runs[i];
    return NULL;
}

struct leg *leg_find(struct svc *s, struct sv uuid)
{
    for (size_t i = s->n_runs; i-- > 0;)
        for (size_t k = 0; k < s->runs[i]->n_legs; k++)
            if (sv_ieq(sv_of(s->runs[i]->legs[k]->uuid), uuid))
                return s->runs[i]->legs[k];
    return NULL;
}

static void read_filter(struct run *r)
{
    const json_t *list = jx_get(r->request, "matrix"), *v;
    size_t i;

    json_array_foreach(list, i, v)
    {
        strv_addsv(&r->filter_keys, jx_str(v, "key", ""));
        strv_addsv(&r->filter_values, jx_str(v, "value", ""));
    }
    if (r->filter_keys.n == 0)
        return;
    r->filter = xcalloc(r->filter_keys.n, sizeof *r->filter);
    for (i = 0; i < r->filter_keys.n; i++)
        r->filter[i] = (struct plan_matrix_filter){r->filter_keys.v[i], r->filter_values.v[i]};
}

static struct val *object_of(const json_t *v)
{
    return json_is_object(v) ? val_from_json(v) : val_object();
}

/* What run_prepare() makes. */
static void unprepare(struct run *r)
{
    wf_free(r->wf);
    val_unref(r->github);
    val_unref(r->inputs);
    val_unref(r->vars);
    free(r->wf_path);
    free(r->name);
    free(r->filter);
    strv_free(&r->only_jobs);
    strv_free(&r->filter_keys);
    strv_free(&r->filter_values);
    r->wf = NULL;
    r->github = r->inputs = r->vars = NULL;
    r->wf_path = r->name = NULL;
    r->filter = NULL;
}

static struct sv owner_of(const struct run *r)
{
    struct sv repository = jx_str(r->request, "repository", "");

    return sv_sub(repository, 0, sv_chr(repository, '/'));
}

/* The place is the key's own, so that the text goes without it. */
static int read_name(struct run *r, struct wf_errors *errors, struct err *e)
{
    const struct tok *t = r->wf->run_name;
    size_t at;

    if (plan_run_name(&r->in, &r->name, e) == 0)
        return 0;
    at = sv_find(sv_of(e->msg), SV("): "));
    if (t != NULL && at != SV_NPOS)
        wf_errors_addf(errors, r->wf_path, t->line, t->col, "%s", e->msg + at + 3);
    return -1;
}

int run_prepare(struct run *r, struct calls *calls, struct wf_errors *errors, struct err *e)
{
    const json_t *w = jx_get(r->request, "workflow"), *jobs = jx_get(r->request, "jobs"), *v;
    struct sv path = jx_str(w, "path", "");
    size_t i;

    unprepare(r);
    r->wf_path = sv_dup(path);
    if (wf_parse(jx_str(w, "text", ""), r->wf_path, &r->wf, errors, e) < 0 ||
        calls_load(calls, r->wf, owner_of(r), errors, e) < 0)
        return -1;
    r->inputs = object_of(jx_get(r->request, "inputs"));
    r->vars = object_of(jx_get(r->request, "vars"));
    r->github = context_github(r);
    json_array_foreach(jobs, i, v)
    {
        struct sv id = {json_string_value(v), json_string_length(v)};
        bool unread;
        if (id.p == NULL || wf_job_at(r->wf, id, &unread) == NULL)
            return err_set(e, FAIL_INPUT, "the workflow '%s' has no job '" SV_FMT "'", r->wf_path,
                           SV_ARG(id.p != NULL ? id : SV("")));
        strv_addsv(&r->only_jobs, id);
    }
    read_filter(r);
    r->in = (struct plan_inputs){
        .wf = r->wf,
        .github = r->github,
        .inputs = r->inputs,
        .vars = r->vars,
        .secret_names = (const char *const *)r->secret_names.v,
        .only_jobs = r->only_jobs.n > 0 ? (const char *const *)r->only_jobs.v : NULL,
        .matrix_filter = r->filter,
        .n_matrix_filter = r->filter_keys.n,
        .gate = groups_phase,
        .gate_ctx = r,
    };
    return read_name(r, errors, e);
}

int run_start(struct run *r, struct err *e)
{
    json_t *o;

    ids_uuid4(r->plan_id);
    r->started_ms = tm_wall_ms();
    if (store_put_run(r->svc->store, r, e) < 0 || evlog_open(r->svc, r->id, &r->events, e) < 0)
        return -1;
    o = event_new("run.started");
    (void)json_object_set_new(o, "run_id", json_sprintf("%llu", (unsigned long long)r->id));
    (void)json_object_set_new(o, "workflow",
                              jx_str_new(val_get_string(val_gets(r->github, "workflow"))));
    svc_set_text(o, "run_name", r->name);
    (void)json_object_set_new(o, "event",
                              jx_str_new(val_get_string(val_gets(r->github, "event_name"))));
    (void)json_object_set_new(o, "sha", jx_str_new(val_get_string(val_gets(r->github, "sha"))));
    (void)json_object_set_new(o, "ref", jx_str_new(val_get_string(val_gets(r->github, "ref"))));
    evlog_add(r->events, o);
    GROW(r->svc->runs, r->svc->runs_cap, r->svc->n_runs + 1);
    r->svc->runs[r->svc->n_runs++] = r;
    r->dirty = true;
    return 0;
}

static struct leg *leg_add(struct run *r, const char *id, const char *name, struct sv job_id,
                           const struct val *matrix)
{
    struct leg *l = xcalloc(1, sizeof *l);

    l->summaries = STRV_INIT;
    l->run = r;
    l->id = xstrdup(id);
    l->name = xstrdup(name);
    l->job_id = sv_dup(job_id);
    l->matrix =
        matrix != NULL && val_kind(matrix) == VAL_OBJECT ? val_to_json(matrix) : json_null();
    l->queued_ms = tm_wall_ms();
    l->steps_wait_ms = -1;
    ids_uuid4(l->uuid);
    GROW(r->legs, r->legs_cap, r->n_legs + 1);
    r->legs[r->n_legs++] = l;
    l->number = (unsigned)r->n_legs;
    return l;
}

static void leg_store(struct leg *l)
{
    struct err e;

    if (store_put_leg(l->run->svc->store, l, &e) < 0)
        log_error("service", "store", "job=%s error=%s", l->name, e.msg);
}

/* The runner keeps what it has until it says that it is free: a job that the service ended by itself goes on there
 * until its cancellation or the next renewal reaches it. */
static void let_go(struct leg *l)
{
    struct runner *run = l->runner;

    if (run == NULL)
        return;
    if (l->state == LEG_RUNNING && !l->completed_by_runner && session_alive(run, tm_now_ms())) {
        l->orphan = true;
        l->cancel = true;
        l->cancel_sent_ms = 0;
        return;
    }
    queue_release(l);
    if (run->ephemeral && l->state == LEG_RUNNING) {
        struct err e;
        run->deleted = true;
        if (store_put_runner(l->run->svc->store, run, &e) < 0)
            log_error("service", "store", "error=%s", e.msg);
    }
}

void leg_finish(struct leg *l, enum plan_result result, const char *reason)
{
    json_t *o;
    int64_t ms = l->started_ms != 0 ? tm_wall_ms() - l->started_ms : 0;

    if (l->state == LEG_DONE)
        return;
    if (l->state == LEG_RUNNING)
        steps_advance(l, true);
    if (reason != NULL && result != PLAN_SKIPPED) {
        AUTO(auto_json)
        json_t *a =
            json_pack("{s:s, s:o}", "level", "failure", "message", jx_str_new(sv_of(reason)));
        event_annotation(l, 0, a);
    }
    let_go(l);
    l->state = LEG_DONE;
    l->result = result;
    l->finished = ++l->run->n_finished;
    if (l->outputs == NULL)
        l->outputs = val_object();
    summaries_report(l);
    o = event_job(l, "job.completed");
    (void)json_object_set(o, "matrix", l->matrix);
    svc_set_text(o, "result", plan_result_name(result));
    if (result == PLAN_SKIPPED && reason != NULL)
        svc_set_text(o, "reason", reason);
    if (result == PLAN_FAILURE && l->plan != NULL && l->plan->continue_on_error)
        (void)json_object_set_new(o, "continued", json_true());
    (void)json_object_set_new(o, "outputs", val_to_json(l->outputs));
    (void)json_object_set_new(o, "duration_ms", json_integer(ms > 0 ? ms : 0));
    (void)json_object_set_new(o, "usage", l->usage != NULL ? json_incref(l->usage) : json_object());
    evlog_add(l->run->events, o);
    secret_free(&l->github_token);
    leg_store(l);
    l->run->dirty = true;
    groups_leave_leg(l);
}

void leg_request_cancel(struct leg *l)
{
    if (l->state == LEG_DONE || l->cancel)
        return;
    l->cancel = true;
    l->cancel_ms = tm_now_ms();
}

struct leg *leg_by_id(struct run *r, const char *id)
{
    for (size_t i = 0; i < r->n_legs; i++)
        if (strcmp(r->legs[i]->id, id) == 0)
            return r->legs[i];
    return NULL;
}

/* In mode `run` nobody else can register: a label that no runner has would wait for ever. */
static bool has_runner(struct leg *l)
{
    struct svc *s = l->run->svc;
    AUTO(buf_free) struct buf t = BUF_INIT(4096);
    const char *missing = NULL;

    if (s->cfg.serve)
        return true;
    for (size_t i = 0; i < s->n_runners; i++)
        if (!s->runners[i]->deleted && runner_has_labels(s->runners[i], l->plan->labels, &missing))
            return true;
    buf_addf(&t, "no local runner has the label '%s'; leave the job out with -j or --matrix",
             missing != NULL ? missing : "");
    leg_finish(l, PLAN_FAILURE, t.p);
    return false;
}

static void add_ready(struct run *r, struct plan_leg *pl)
{
    struct leg *l = leg_by_id(r, pl->id);
    json_t *o;

    if (l != NULL) { /* after a restart: it is known already */
        l->plan = pl;
        groups_enter_leg(l);
        return;
    }
    l = leg_add(r, pl->id, pl->name, sv_of(pl->path), pl->matrix);
    l->plan = pl;
    o = event_job(l, "job.queued");
    (void)json_object_set(o, "matrix", l->matrix);
    evlog_add(r->events, o);
    if (r->forced) {
        leg_finish(l, PLAN_CANCELLED, NULL);
    } else if (has_runner(l)) {
        leg_store(l);
        groups_enter_leg(l);
    }
}

static void add_skipped(struct run *r, const struct plan_skip *sk)
{
    struct leg *l = leg_by_id(r, sk->id);

    if (l != NULL && l->plan == NULL &&
        l->state != LEG_DONE) /* restored, but not to be made again */
        leg_finish(l, sk->result, sk->reason);
    if (l != NULL)
        return;
    l = leg_add(r, sk->id, sk->name, sv_of(sk->path), sk->matrix);
    leg_finish(l, sk->result, sk->reason);
}

static void run_end(struct run *r, enum plan_result result)
{
    json_t *o = event_new("run.completed");
    int64_t ms = tm_wall_ms() - r->started_ms;
    struct err e;

    r->done = true;
    r->result = result;
    (void)json_object_set_new(o, "run_id", json_sprintf("%llu", (unsigned long long)r->id));
    svc_set_text(o, "result", plan_result_name(result));
    (void)json_object_set_new(o, "duration_ms", json_integer(ms > 0 ? ms : 0));
    evlog_add(r->events, o);
    evlog_end(r->events);
    if (store_put_run(r->svc->store, r, &e) < 0)
        log_error("service", "store", "error=%s", e.msg);
    log_info("service", "run-completed", "run=%llu result=%s", (unsigned long long)r->id,
             plan_result_name(result));
    groups_run_over(r);
    run_settle(r);
}

void run_annotation(struct run *r, const char *path, const char *name, const char *text)
{
    static const char *const none[] = {"step", "file",    "line", "end_line",
                                       "col",  "end_col", "title"};
    json_t *o = event_new("annotation");

    svc_set_text(o, "job", path);
    if (path != NULL)
        svc_set_text(o, "name", name);
    svc_set_text(o, "level", "error");
    svc_set_text(o, "message", text);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        (void)json_object_set_new(o, none[i], json_null());
    evlog_add(r->events, o);
}

/* A planner that cannot go on is the end of the run. */
static void plan_failed(struct run *r, const struct err *e)
{
    run_annotation(r, NULL, NULL, e->msg);
    for (size_t i = 0; i < r->n_legs; i++)
        leg_finish(r->legs[i], PLAN_FAILURE, NULL);
    run_end(r, PLAN_FAILURE);
}

static int by_end(const void *a, const void *b)
{
    const struct leg *const *x = a, *const *y = b;
    uint64_t p = (*x)->finished - 1,
             q = (*y)->finished - 1; /* those that have not ended come last */

    if (p == q)
        return (*x)->number < (*y)->number ? -1 : (*x)->number > (*y)->number;
    return p < q ? -1 : 1;
}

/* The states in the order in which the legs ended. */
static struct plan *ask(struct run *r, struct err *e)
{
    struct plan_leg_state *states = xcalloc(r->n_legs + 1, sizeof *states);
    struct leg **legs = xcalloc(r->n_legs + 1, sizeof(struct leg *));
    struct plan *p = xcalloc(1, sizeof *p);
    size_t n = 0;
    int rc;

    for (size_t i = 0; i < r->n_legs; i++)
        legs[n++] = r->legs[i];
    if (n > 1)
        qsort(legs, n, sizeof(struct leg *), by_end);
    for (size_t i = 0; i < n; i++)
        states[i] = (struct plan_leg_state){.leg_id = legs[i]->id,
                                            .result = legs[i]->result,
                                            .started = legs[i]->state == LEG_RUNNING,
                                            .again = legs[i]->plan == NULL &&
                                                     legs[i]->state != LEG_DONE, /* restored */
                                            .outputs = legs[i]->outputs};
    rc = plan_next(&r->in, states, n, r->cancelled, p, e);
    free(states);
    free(legs);
    if (rc == 0)
        return p;
    free(p);
    return NULL;
}

void run_advance(struct run *r)
{
    struct plan *p;
    struct err e;

    r->dirty = false;
    if (r->done)
        return;
    p = ask(r, &e);
    if (p == NULL) {
        plan_failed(r, &e);
        return;
    }
    GROW(r->plans, r->plans_cap, r->n_plans + 1);
    r->plans[r->n_plans++] = p;
    for (size_t i = 0; i < p->n_skipped; i++)
        add_skipped(r, &p->skipped[i]);
    for (size_t i = 0; i < p->n_ready; i++)
        add_ready(r, &p->ready[i]);
    for (size_t i = 0; p->cancel != NULL && p->cancel[i] != NULL; i++) {
        struct leg *l = leg_by_id(r, p->cancel[i]);
        if (l != NULL)
            leg_request_cancel(l);
    }
    groups_sync(r, p);
    if (p->done && p->reason != NULL)
        run_annotation(r, NULL, NULL, p->reason);
    if (p->done)
        run_end(r, p->result);
}

void run_cancel(struct run *r, bool force)
{
    struct err e;

    if (r->done)
        return;
    r->cancelled = true;
    r->dirty = true;
    if (store_put_run(r->svc->store, r, &e) < 0)
        log_error("service", "store", "error=%s", e.msg);
    if (!force)
        return;
    r->forced = true;
    for (size_t i = 0; i < r->n_legs; i++)
        leg_finish(r->legs[i], PLAN_CANCELLED, NULL);
}

/* Lets go of what only a running run needs, secrets first. */
void run_settle(struct run *r)
{
    for (size_t i = 0; i < r->n_secrets; i++) {
        free(r->secrets[i].name);
        secret_free(&r->secrets[i].value);
    }
    free(r->secrets);
    r->secrets = NULL;
    r->n_secrets = 0;
    for (size_t i = 0; i < r->n_legs; i++)
        r->legs[i]->plan = NULL;
    for (size_t i = 0; i < r->n_plans; i++) {
        plan_done(r->plans[i]);
        free(r->plans[i]);
    }
    free(r->plans);
    r->plans = NULL;
    r->n_plans = r->plans_cap = 0;
    unprepare(r);
}

static void leg_free(struct leg *l)
{
    for (size_t i = 0; i < l->n_steps; i++)
        step_free(l->steps[i]);
    free(l->steps);
    free(l->id);
    free(l->name);
    free(l->job_id);
    json_decref(l->matrix);
    json_decref(l->usage);
    strv_free(&l->summaries);
    val_unref(l->outputs);
    secret_free(&l->github_token);
    free(l);
}

void run_free(struct run *r)
{
    if (r == NULL)
        return;
    run_settle(r);
    for (size_t i = 0; i < r->n_legs; i++)
        leg_free(r->legs[i]);
    free(r->legs);
    evlog_free(r->events);
    json_decref(r->request);
    strv_free(&r->secret_names);
    free(r);
}

struct run *run_new(struct svc *s, uint64_t id, json_t *own_request)
{
    struct run *r = xcalloc(1, sizeof *r);

    r->svc = s;
    r->id = id;
    r->request = own_request;
    r->secret_names = r->only_jobs = r->filter_keys = r->filter_values = STRV_INIT;
    return r;
}

struct leg *leg_restore(struct run *r, const struct store_leg *g, struct err *e)
{
    AUTO(auto_json) json_t *matrix = jx_parse_lax(g->matrix, "matrix", e);
    AUTO(auto_json) json_t *outputs = jx_parse_lax(g->outputs, "outputs", e);
    AUTO(auto_free) char *id = sv_dup(g->id);
    AUTO(auto_free) char *name = sv_dup(g->name);
    struct leg *l;

    if (outputs == NULL)
        return NULL;
    l = leg_add(r, id, name, g->job_id, NULL);
    json_decref(l->matrix);
    l->matrix = matrix != NULL ? json_incref(matrix) : json_null();
    l->outputs = val_from_json(outputs);
    l->output_bytes = outputs_bytes(l->outputs);
    if (g->uuid.n < sizeof l->uuid) {
        memcpy(l->uuid, g->uuid.p, g->uuid.n);
        l->uuid[g->uuid.n] = '\0';
    }
    l->queued_ms = g->queued_ms;
    l->started_ms = g->started_ms;
    l->result = (enum plan_result)g->result;
    l->finished = (uint64_t)g->finished;
    if (r->n_finished < l->finished)
        r->n_finished = l->finished;
    l->state =
        g->state == LEG_DONE || g->state == LEG_RUNNING ? (enum leg_state)g->state : LEG_QUEUED;
    return l;
}
