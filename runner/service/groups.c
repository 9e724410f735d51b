/* SPDX-License-Identifier: Apache-2.0
 *
 * Concurrency groups over all runs of the service (spec expressions 4.12): who waits, who has the group, who has to go.
 * The rules are the planner's (actions/plan_gate.c); here they meet the runs, and every place is in the store. */
#include "runner/service/svc_priv.h"

#include <jansson.h>

#include "base/log.h"
#include "base/mem.h"

static void put(struct place *p)
{
    struct err e;

    if (store_put_place(p->run->svc->store, p, &e) < 0)
        log_error("service", "store", "error=%s", e.msg);
}

/* A group belongs to a repository. */
static bool same_group(const struct place *a, const struct place *b)
{
    return sv_ieq(jx_str(a->run->request, "repository", ""),
                  jx_str(b->run->request, "repository", "")) &&
           plan_group_same(a->group.name, b->group.name);
}

static struct place *find(const struct run *r, const char *id)
{
    const struct svc *s = r->svc;

    for (size_t i = 0; i < s->n_places; i++)
        if (s->places[i]->run == r && strcmp(s->places[i]->id, id) == 0)
            return s->places[i];
    return NULL;
}

static void place_free(struct place *p)
{
    free(p->id);
    free(p->path);
    free(p->name);
    free(p->group.name);
    free(p);
}

struct place *groups_restore(struct run *r, const char *id, const char *group)
{
    struct svc *s = r->svc;
    struct place *p = xcalloc(1, sizeof *p);

    *p = (struct place){.run = r, .id = xstrdup(id), .group = {.name = xstrdup(group)}};
    GROW(s->places, s->places_cap, s->n_places + 1);
    s->places[s->n_places++] = p;
    return p;
}

/* ---- what is said ---- */

static void say_replaced(const struct place *p)
{
    AUTO(auto_free) char *text = xasprintf(PLAN_TEXT_REPLACED, p->group.name);

    run_annotation(p->run, p->path[0] != '\0' ? p->path : NULL, p->name, text);
}

static void say_waiting(const struct place *p)
{
    bool job = p->path[0] != '\0';
    json_t *o = event_new(job ? "job.waiting" : "run.waiting");

    if (job) {
        svc_set_text(o, "job", p->path);
        svc_set_text(o, "name", p->name);
    } else {
        (void)json_object_set_new(o, "run_id",
                                  json_sprintf("%llu", (unsigned long long)p->run->id));
    }
    svc_set_text(o, "concurrency_group", p->group.name);
    evlog_add(p->run->events, o);
}

/* ---- the group moves on ---- */

/* Those of the group of one, in the order of their arrival; free(). */
static struct place **members(const struct place *of, size_t *n)
{
    const struct svc *s = of->run->svc;
    struct place **v = xcalloc(s->n_places + 1, sizeof(struct place *));

    *n = 0;
    for (size_t i = 0; i < s->n_places; i++) /* kept in this order */
        if (s->places[i] != of && s->places[i]->phase != PLAN_GATE_DROPPED &&
            same_group(s->places[i], of))
            v[(*n)++] = s->places[i];
    return v;
}

static struct plan_member *as_members(struct place *const *v, size_t n)
{
    struct plan_member *m = xcalloc(n + 1, sizeof *m);

    for (size_t i = 0; i < n; i++)
        m[i] = (struct plan_member){.open = v[i]->phase == PLAN_GATE_OPEN ||
                                            v[i]->phase == PLAN_GATE_CANCELLED,
                                    .ending = v[i]->phase == PLAN_GATE_CANCELLED};
    return m;
}

/* Gives a free group to the one that waits longest. */
static void open_next(struct place **v, size_t n)
{
    AUTO(auto_free) struct plan_member *m = as_members(v, n);
    size_t i = plan_group_next(m, n);

    if (i == SIZE_MAX)
        return;
    v[i]->phase = PLAN_GATE_OPEN;
    put(v[i]);
    v[i]->run->dirty = true;
    v[i]->run->svc->again = true;
}

static void leave(struct place *p)
{
    struct svc *s = p->run->svc;
    struct err e;
    size_t n;
    AUTO(auto_free) struct place **v = members(p, &n);

    for (size_t i = 0; i < s->n_places; i++)
        if (s->places[i] == p) {
            memmove(&s->places[i], &s->places[i + 1],
                    (s->n_places - i - 1) * sizeof(struct place *));
            s->n_places--;
            break;
        }
    if (store_del_place(s->store, p, &e) < 0)
        log_error("service", "store", "error=%s", e.msg);
    if (p->leg != NULL)
        p->leg->place = NULL;
    place_free(p);
    open_next(v, n);
}

/* One that waits gives way. */
static void replace(struct place *p)
{
    if (p->leg != NULL) {
        AUTO(auto_free) char *text = xasprintf(PLAN_TEXT_REPLACED, p->group.name);
        leg_finish(p->leg, PLAN_CANCELLED, text); /* it leaves with it */
        return;
    }
    p->phase = PLAN_GATE_DROPPED; /* the planner ends what it was for, and says why */
    put(p);
    p->run->dirty = true;
    p->run->svc->again = true;
}

/* One that has the group is cancelled; it keeps the group until it has ended. */
static void cancel_running(struct place *p)
{
    p->phase = PLAN_GATE_CANCELLED;
    put(p);
    say_replaced(p);
    if (p->leg != NULL)
        leg_request_cancel(p->leg);
    else if (p->path[0] == '\0')
        run_cancel(p->run, false);
    p->run->dirty = true;
    p->run->svc->again = true;
}

static void arrive(struct place *p)
{
    size_t n;
    AUTO(auto_free) struct place **v = members(p, &n);
    AUTO(auto_free) struct plan_member *m = as_members(v, n);
    AUTO(auto_free) enum plan_verdict *verdicts = xcalloc(n + 1, sizeof *verdicts);
    bool fits = plan_group_arrive(m, n, &p->group, verdicts);

    for (size_t i = 0; fits && i < n; i++) {
        if (verdicts[i] == PLAN_REPLACE)
            replace(v[i]);
        else if (verdicts[i] == PLAN_CANCEL_RUNNING)
            cancel_running(v[i]);
    }
    if (fits) {
        size_t all;
        AUTO(auto_free) struct place **now = members(p, &all);
        now[all++] = p; /* the youngest */
        open_next(now, all);
    }
    if (p->phase == PLAN_GATE_WAITING && fits)
        say_waiting(p);
    else if (!fits)
        replace(p);
}

static struct place *enter(struct run *r, struct leg *l, const char *id, const char *path,
                           const char *name, const struct plan_group *g)
{
    struct place *p = groups_restore(r, id, g->name);

    p->leg = l;
    p->path = xstrdup(path);
    p->name = xstrdup(name);
    p->group.cancel_in_progress = g->cancel_in_progress;
    p->group.queue_max = g->queue_max;
    p->order = ++r->svc->next_place;
    p->phase = PLAN_GATE_WAITING;
    put(p);
    return p;
}

void groups_enter_leg(struct leg *l)
{
    struct place *p = find(l->run, l->id);

    if (l->plan == NULL || l->plan->concurrency.name == NULL || l->state == LEG_DONE)
        return;
    if (p != NULL) { /* after a restart */
        p->leg = l;
        l->place = p;
        return;
    }
    p = enter(l->run, l, l->id, l->job_id, l->name, &l->plan->concurrency);
    l->place = p;
    arrive(p);
}

void groups_leave_leg(struct leg *l)
{
    struct place *p = find(l->run, l->id);

    if (p != NULL)
        leave(p);
}

bool groups_holds_back(const struct leg *l)
{
    return l->place != NULL && l->place->phase == PLAN_GATE_WAITING;
}

enum plan_gate_phase groups_phase(void *ctx, const char *id)
{
    const struct place *p = find(ctx, id);

    return p != NULL ? p->phase : PLAN_GATE_NEW;
}

void groups_sync(struct run *r, const struct plan *plan)
{
    struct svc *s = r->svc;

    for (size_t i = s->n_places; i-- > 0;) {
        struct place *p = s->places[i];
        bool wanted = false;
        const struct leg *l = leg_by_id(r, p->id);
        if (p->run != r || (l != NULL && l->state != LEG_DONE))
            continue; /* a leg's own place goes with it */
        for (size_t k = 0; !plan->done && k < plan->n_gates; k++)
            wanted = wanted || strcmp(plan->gates[k].id, p->id) == 0;
        if (!wanted) {
            leave(p);
            i = s->n_places; /* others may have left with it */
        }
    }
    for (size_t i = 0; !plan->done && i < plan->n_gates; i++) {
        const struct plan_gate *g = &plan->gates[i];
        if (find(r, g->id) == NULL)
            arrive(enter(r, NULL, g->id, g->path, g->name, &g->group));
    }
}

void groups_run_over(struct run *r)
{
    struct svc *s = r->svc;

    for (size_t i = s->n_places; i-- > 0;)
        if (s->places[i]->run == r) {
            leave(s->places[i]);
            i = s->n_places;
        }
}

/* A group that became free while nobody looked. */
void groups_restored(struct svc *s)
{
    for (size_t i = 0; i < s->n_places; i++) {
        size_t n;
        AUTO(auto_free) struct place **v = members(s->places[i], &n);
        size_t at = 0;
        if (s->places[i]->phase == PLAN_GATE_DROPPED)
            continue;
        while (at < n && v[at]->order < s->places[i]->order)
            at++;
        memmove(&v[at + 1], &v[at], (n - at) * sizeof(struct place *));
        v[at] = s->places[i];
        open_next(v, n + 1);
    }
}

void groups_free(struct svc *s)
{
    for (size_t i = 0; i < s->n_places; i++)
        place_free(s->places[i]);
    free(s->places);
    s->places = NULL;
    s->n_places = s->places_cap = 0;
}
