/* SPDX-License-Identifier: Apache-2.0
 *
 * The records of a job. */
#include "runner/worker/records.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"

enum task_result result_merge(enum task_result current, enum task_result next)
{
    if (current == RES_NONE)
        return next;
    if (current > RES_FAILED)
        return current;
    return next >= current ? next : current;
}

const char *result_wire(enum task_result r)
{
    switch (r) {
    case RES_NONE:
    case RES_SUCCEEDED:
        return "succeeded";
    case RES_FAILED:
        return "failed";
    case RES_CANCELED:
        return "canceled";
    case RES_SKIPPED:
        return "skipped";
    }
    return "failed";
}

const char *result_context(enum task_result r)
{
    switch (r) {
    case RES_NONE:
    case RES_SUCCEEDED:
        return "success";
    case RES_FAILED:
        return "failure";
    case RES_CANCELED:
        return "cancelled";
    case RES_SKIPPED:
        return "skipped";
    }
    return "failure";
}

void issue_done(struct issue *i)
{
    free(i->message);
    free(i->title);
    free(i->file);
    *i = (struct issue){.message = NULL};
}

struct record *records_add(struct records *l, const char *id, struct sv name)
{
    struct record *r = xcalloc(1, sizeof *r);

    if (id != NULL)
        (void)snprintf(r->id, sizeof r->id, "%s", id);
    else
        ids_uuid4(r->id);
    r->name = sv_dup(name);
    r->number = ++l->counter;
    r->result = RES_NONE;
    r->changed = true;
    GROW(l->v, l->cap, l->n + 1);
    l->v[l->n++] = r;
    return r;
}

void records_free(struct records *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct record *r = l->v[i];
        for (size_t k = 0; k < r->n_issues; k++)
            issue_done(&r->issues[k]);
        free(r->issues);
        free(r->name);
        free(r->type);
        free(r->action_name);
        free(r->ref);
        val_unref(r->outputs);
        free(r);
    }
    free(l->v);
    *l = (struct records){.v = NULL};
}

void record_set_name(struct record *r, struct sv name)
{
    if (sv_is(name, r->name))
        return;
    free(r->name);
    r->name = sv_dup(name);
    r->changed = true;
}

void record_set_kind(struct record *r, const char *type, struct sv action_name, struct sv ref)
{
    free(r->type);
    free(r->action_name);
    free(r->ref);
    r->type = xstrdup(type);
    r->action_name = action_name.n > 0 ? sv_dup(action_name) : NULL;
    r->ref = ref.n > 0 ? sv_dup(ref) : NULL;
}

void record_start(struct record *r)
{
    r->state = REC_IN_PROGRESS;
    r->started_us = tm_wall_us();
    r->changed = true;
}

void record_complete(struct records *l, struct record *r, enum task_result result)
{
    r->state = REC_COMPLETED;
    r->result = result == RES_NONE ? RES_SUCCEEDED : result;
    r->finished_us = tm_wall_us();
    r->completed_order = ++l->completed;
    r->changed = true;
}

void record_add_issue(struct record *r, struct issue *own)
{
    if (r->per_level[own->level] >= ISSUES_PER_LEVEL) {
        issue_done(own);
        return;
    }
    r->per_level[own->level]++;
    GROW(r->issues, r->issues_cap, r->n_issues + 1);
    r->issues[r->n_issues++] = *own;
    *own = (struct issue){.message = NULL};
}
