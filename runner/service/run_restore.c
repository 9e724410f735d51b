/* SPDX-License-Identifier: Apache-2.0
 *
 * After a restart of `gantry serve`: runners, runs and legs come back from the store, the steps of running jobs
 * from the log of events; then the planner is asked again. */
#include "runner/service/svc_priv.h"

#include <jansson.h>

#include "base/clock.h"
#include "base/event_stream.h"
#include "base/log.h"
#include "base/mem.h"
#include "runner/service/calls.h"

static int on_runner(void *ctx, const struct runner *r, struct err *e)
{
    struct svc *s = ctx;
    struct runner *n = runner_add(s, r->name, &r->labels, r->ephemeral);

    (void)e;
    n->id = r->id;
    n->deleted = r->deleted;
    memcpy(n->client_id, r->client_id, sizeof n->client_id);
    n->public_key = r->public_key != NULL ? xstrdup(r->public_key) : NULL;
    return 0;
}

static int on_run(void *ctx, uint64_t id, struct sv plan_id, struct sv request, int64_t started_ms,
                  bool cancelled, bool done, int64_t result, struct err *e)
{
    struct svc *s = ctx;
    json_t *j = jx_parse_lax(request, "stored run", e), *v;
    struct run *r;
    size_t i;

    if (j == NULL)
        return -1;
    r = run_new(s, id, j);
    GROW(s->runs, s->runs_cap, s->n_runs + 1);
    s->runs[s->n_runs++] = r;
    if (plan_id.n < sizeof r->plan_id)
        memcpy(r->plan_id, plan_id.p, plan_id.n);
    r->started_ms = started_ms;
    r->cancelled = cancelled;
    r->done = done;
    r->result = (enum plan_result)result;
    json_array_foreach(jx_get(j, "secret_names"), i, v)
        strv_add(&r->secret_names, json_string_value(v));
    r->secrets_lost = r->secret_names.n > 0;
    if (s->next_run < id)
        s->next_run = id;
    return done ? 0 : evlog_open(s, id, &r->events, e); /* a finished one when somebody asks */
}

static int on_leg(void *ctx, uint64_t run_id, const struct store_leg *g, struct err *e)
{
    struct svc *s = ctx;
    struct run *r = run_find(s, run_id);
    AUTO(auto_json) json_t *steps = jx_parse_lax(g->steps, "steps", e);
    const json_t *v;
    struct leg *l;
    size_t i;

    if (r == NULL)
        return 0; /* cannot be: legs follow their run */
    l = leg_restore(r, g, e);
    if (l == NULL)
        return -1;
    json_array_foreach(steps, i, v)
    {
        AUTO(auto_free) char *id = sv_dup(jx_str(v, "id", ""));
        struct step *st = step_get(l, id, 0);
        if (st != NULL && st->context_name == NULL)
            st->context_name = sv_dup(jx_str(v, "name", ""));
    }
    if (l->state == LEG_RUNNING) {
        l->runner = runner_find(s, (uint64_t)g->runner);
        l->renewed = true;
        l->since_ms = tm_now_ms() - (tm_wall_ms() - l->started_ms);
        l->lock_ms =
            tm_now_ms() + SVC_LOCK_MS; /* the runner could not renew while nobody listened */
        if (l->runner != NULL)
            l->runner->leg = l;
    }
    return 0;
}

static int on_place(void *ctx, uint64_t run_id, const struct store_place *p, struct err *e)
{
    struct svc *s = ctx;
    struct run *r = run_find(s, run_id);
    AUTO(auto_free) char *id = sv_dup(p->id);
    AUTO(auto_free) char *group = sv_dup(p->group);
    struct place *n;

    (void)e;
    if (r == NULL || r->done)
        return 0; /* the end of a run is written before its places are */
    n = groups_restore(r, id, group);
    n->path = sv_dup(p->path);
    n->name = sv_dup(p->name);
    n->group.cancel_in_progress = p->cancel_in_progress;
    n->group.queue_max = p->queue_max;
    n->phase = p->phase >= PLAN_GATE_WAITING && p->phase <= PLAN_GATE_DROPPED
                   ? (enum plan_gate_phase)p->phase
                   : PLAN_GATE_WAITING;
    n->order = (uint64_t)p->order;
    if (s->next_place < n->order)
        s->next_place = n->order;
    return 0;
}

static void on_event(void *ctx, const json_t *event)
{
    struct run *r = ctx;

    for (size_t i = 0; i < r->n_legs; i++)
        if (r->legs[i]->state == LEG_RUNNING &&
            sv_eq(jx_str(event, "name", ""), sv_of(r->legs[i]->name)))
            step_restore(r->legs[i], event);
}

static void on_lines(void *ctx, const struct event_block *block)
{
    struct run *r = ctx;

    for (size_t i = 0; i < r->n_legs; i++)
        if (r->legs[i]->state == LEG_RUNNING && sv_eq(block->name, sv_of(r->legs[i]->name)))
            step_restore_lines(r->legs[i], block);
}

static int resume(struct run *r, struct err *e)
{
    struct wf_errors errors = {.v = NULL};
    const struct evlog_seen seen = {.ctx = r, .object = on_event, .lines = on_lines};
    struct calls *calls;
    int rc;

    if (r->done)
        return 0;
    calls = calls_new(r->svc, r->request, false, NULL, NULL); /* all texts were stored */
    rc = run_prepare(r, calls, &errors, e);
    calls_free(calls);
    wf_errors_free(&errors);
    if (rc < 0)
        return err_wrap(e, "restore run %llu", (unsigned long long)r->id);
    r->dirty = true;
    log_info("service", "resumed", "run=%llu", (unsigned long long)r->id);
    return evlog_read(r->events, &seen, e);
}

int run_restore(struct svc *s, struct err *e)
{
    struct store_loader l = {
        .ctx = s, .runner = on_runner, .run = on_run, .leg = on_leg, .place = on_place};

    if (store_load(s->store, &l, e) < 0)
        return -1;
    for (size_t i = 0; i < s->n_runs; i++)
        if (resume(s->runs[i], e) < 0)
            return -1;
    groups_restored(s);
    return 0;
}
