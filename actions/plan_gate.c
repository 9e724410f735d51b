/* SPDX-License-Identifier: Apache-2.0
 *
 * Concurrency groups (spec expressions 4.12): their evaluation, and what the arrival of one more means for those that
 * wait or run. Source of the rules: docs.github.com, "Control the concurrency of workflows and jobs" (order of arrival,
 * 100 that wait, the newcomer goes when they are full); of the texts: annotations of github.com. */
#include <stdlib.h>

#include "actions/fold.h"
#include "actions/plan_priv.h"
#include "base/mem.h"

void plan_group_free(struct plan_group *g)
{
    free(g->name);
    *g = (struct plan_group){.name = NULL};
}

enum plan_gate_phase plan_gate_at(const struct planner *pl, const char *id)
{
    return pl->in->gate != NULL ? pl->in->gate(pl->in->gate_ctx, id) : PLAN_GATE_OPEN;
}

/* A gate that is not known, of something that has jobs already, was let go when the last of them ended. */
bool plan_gate_holds(const struct planner *pl, const char *id)
{
    enum plan_gate_phase at = plan_gate_at(pl, id);
    size_t n = strlen(id);
    AUTO(auto_free) char *jobs = n > 0 && id[n - 1] == '/' ? xstrdup(id) : xasprintf("%s/", id);

    if (at != PLAN_GATE_NEW)
        return at == PLAN_GATE_WAITING;
    return n == 0 ? pl->n_states == 0 : !plan_any_below(pl, jobs);
}

bool plan_group_same(const char *a, const char *b)
{
    return fold_eq(sv_of(a), sv_of(b));
}

char *plan_deadlock(const struct held *h, const char *group, const char *who)
{
    for (; h != NULL; h = h->up) {
        if (plan_group_same(h->group, group))
            return xasprintf("Canceling since a deadlock for concurrency group '%s' was detected "
                             "between '%s' and '%s'",
                             group, h->who, who);
    }
    return NULL;
}

/* ---- evaluation ---- */

static int bad_kind(const struct plan_env *p, const struct tok *t, const struct val *v,
                    struct err *e)
{
    return tok_fail_kind(t, PLAN_FILES(p->scope), v, e);
}

static int set_name(const struct plan_env *p, const struct tok *t, const struct val *v,
                    struct plan_group *out, struct err *e)
{
    AUTO(buf_free) struct buf text = BUF_INIT(1U << 20);

    if (val_kind(v) == VAL_ARRAY || val_kind(v) == VAL_OBJECT)
        return bad_kind(p, t, v, e);
    val_to_text(v, &text);
    if (buf_done(&text, "name of the concurrency group", e) < 0)
        return -1;
    if (text.len == 0)
        return tok_fail(t, PLAN_FILES(p->scope), e, "Concurrency group name must not be empty");
    if (utf8_utf16_len(buf_sv(&text)) > PLAN_MAX_GROUP)
        return tok_fail(t, PLAN_FILES(p->scope), e,
                        "Concurrency group name must be less than 400 characters");
    free(out->name);
    out->name = buf_take(&text, NULL);
    return 0;
}

static int set_queue(const struct plan_env *p, const struct tok *t, const struct val *v,
                     struct plan_group *out, struct err *e)
{
    if (val_kind(v) != VAL_STRING ||
        (!sv_is(val_get_string(v), "max") && !sv_is(val_get_string(v), "single")))
        return bad_kind(p, t, v, e);
    out->queue_max = sv_is(val_get_string(v), "max");
    return 0;
}

static int set_member(const struct plan_env *p, const struct tok *t, struct sv key,
                      const struct val *v, struct plan_group *out, struct err *e)
{
    const struct tok *at = tok_get(t, key) != NULL ? tok_get(t, key) : t;

    if (sv_is(key, "group"))
        return set_name(p, at, v, out, e);
    if (sv_is(key, "queue"))
        return set_queue(p, at, v, out, e);
    if (!sv_is(key, "cancel-in-progress"))
        return tok_fail(at, PLAN_FILES(p->scope), e, "Unexpected value '%.*s'", SV_ARG(key));
    if (val_kind(v) != VAL_BOOL)
        return bad_kind(p, at, v, e);
    out->cancel_in_progress = val_get_bool(v);
    return 0;
}

static int eval(const struct plan_env *p, const struct tok *t, struct plan_group *out,
                struct err *e)
{
    AUTO(auto_val) struct val *v = NULL;

    if (tok_eval(t, &p->expr, PLAN_FILES(p->scope), &v, e) < 0)
        return -1;
    if (val_kind(v) != VAL_OBJECT)
        return set_name(p, t, v, out, e);
    for (size_t i = 0; i < val_count(v); i++) {
        if (set_member(p, t, val_key_at(v, i), val_at(v, i), out, e) < 0)
            return -1;
    }
    if (out->name == NULL)
        return tok_fail(t, PLAN_FILES(p->scope), e, "Required property is missing: group");
    if (out->queue_max && out->cancel_in_progress)
        return tok_fail(t, PLAN_FILES(p->scope), e,
                        "'queue: max' cannot be combined with 'cancel-in-progress: true'");
    return 0;
}

int plan_group_eval(const struct plan_env *p, const struct tok *t, const struct wf_job *job,
                    struct plan_group *out, char **reason)
{
    struct plan_group g = {.name = NULL};
    struct err e = {0};

    if (eval(p, t, &g, &e) < 0) {
        plan_group_free(&g);
        *reason = plan_reason(job, "concurrency", err_whole(&e));
        return -1;
    }
    *out = g;
    return 0;
}

/* ---- decisions ---- */

bool plan_group_arrive(const struct plan_member *m, size_t n, const struct plan_group *newcomer,
                       enum plan_verdict *out)
{
    size_t waiting = 0;

    for (size_t i = 0; i < n; i++) {
        out[i] = PLAN_KEEP;
        if (m[i].ending)
            continue;
        if (!m[i].open) {
            waiting++;
            if (!newcomer->queue_max)
                out[i] = PLAN_REPLACE;
        } else if (newcomer->cancel_in_progress) {
            out[i] = PLAN_CANCEL_RUNNING;
        }
    }
    return !newcomer->queue_max || waiting < PLAN_MAX_PENDING;
}

size_t plan_group_next(const struct plan_member *m, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (m[i].open)
            return SIZE_MAX;
    }
    return n > 0 ? 0 : SIZE_MAX;
}
