/* SPDX-License-Identifier: Apache-2.0
 *
 * The workflow model out of the checked token tree (spec expressions 4).
 * Source: actions/runner: src/Sdk/WorkflowParser/Conversion/WorkflowTemplateConverter.cs. */
#include "actions/workflow.h"

#include <stddef.h>
#include <stdlib.h>

#include "actions/workflow_priv.h"
#include "base/mem.h"

#define MAX_DEPTH 50U /* ParseOptions.cs (MaxDepth), spec 3.3 */

void wf_free(struct wf *w)
{
    if (w == NULL)
        return;
    for (size_t i = 0; i < w->n_jobs; i++) {
        free(w->jobs[i].condition);
        free(w->jobs[i].needs);
        wf_steps_free(w->jobs[i].steps, w->jobs[i].n_steps);
    }
    free(w->jobs);
    free(w->order);
    free(w->events);
    tok_free(w->root);
    free(w->file);
    free(w);
}

void auto_wf(struct wf **w)
{
    wf_free(*w);
    *w = NULL;
}

const struct wf_job *wf_job(const struct wf *w, struct sv id)
{
    for (size_t i = 0; i < w->n_jobs; i++) {
        if (sv_ieq(w->jobs[i].id, id))
            return &w->jobs[i];
    }
    return NULL;
}

bool wf_has_event(const struct wf *w, struct sv name)
{
    for (size_t i = 0; i < w->n_events; i++) {
        if (sv_eq(w->events[i], name)) /* event names are case-sensitive */
            return true;
    }
    return false;
}

const struct tok *wf_event(const struct wf *w, struct sv name)
{
    for (size_t i = 0; w->on != NULL && w->on->kind == TOK_MAPPING && i < w->on->n; i++) {
        const struct tok *v = w->on->items[2 * i + 1];
        if (sv_eq(w->on->items[2 * i]->text, name))
            return v->kind == TOK_NULL ? NULL : v;
    }
    return NULL;
}

/* ---- jobs ---- */

static void read_needs(struct wf_job *j, const struct tok *v)
{
    size_t n = v->kind == TOK_SEQUENCE ? v->n : 1;

    j->needs = xcalloc(n > 0 ? n : 1, sizeof *j->needs);
    for (size_t i = 0; i < n; i++) {
        const struct tok *t = v->kind == TOK_SEQUENCE ? v->items[i] : v;
        j->needs[j->n_needs++] = (struct wf_need){t->text, t->line, t->col, 0};
    }
}

/* Keys that are kept as they are, with their check. */
static const struct job_key {
    const char *key;
    size_t offset;
    void (*check)(struct wf_reader *r, const struct tok *v);
} job_keys[] = {
    {"name", offsetof(struct wf_job, name), NULL},
    {"runs-on", offsetof(struct wf_job, runs_on), wf_check_runs_on},
    {"env", offsetof(struct wf_job, env), NULL},
    {"strategy", offsetof(struct wf_job, strategy), wf_check_strategy},
    {"outputs", offsetof(struct wf_job, outputs), NULL},
    {"continue-on-error", offsetof(struct wf_job, continue_on_error), NULL},
    {"timeout-minutes", offsetof(struct wf_job, timeout_minutes), NULL},
    {"cancel-timeout-minutes", offsetof(struct wf_job, cancel_timeout_minutes), NULL},
    {"defaults", offsetof(struct wf_job, defaults), NULL},
    {"container", offsetof(struct wf_job, container), NULL},
    {"services", offsetof(struct wf_job, services), wf_check_services},
    {"environment", offsetof(struct wf_job, environment), NULL},
    {"concurrency", offsetof(struct wf_job, concurrency), wf_check_concurrency},
    {"permissions", offsetof(struct wf_job, permissions), NULL},
    {"snapshot", offsetof(struct wf_job, snapshot), wf_check_snapshot},
    {"with", offsetof(struct wf_job, with), NULL},
};

static void read_job_key(struct wf_reader *r, struct wf_job *j, struct sv key, struct tok *v)
{
    for (size_t i = 0; i < sizeof job_keys / sizeof job_keys[0]; i++) {
        if (!sv_is(key, job_keys[i].key))
            continue;
        *(struct tok **)(void *)((char *)j + job_keys[i].offset) = v;
        if (job_keys[i].check != NULL)
            job_keys[i].check(r, v);
    }
    if (sv_is(key, "container"))
        wf_check_container(r, v, false);
    if (sv_is(key, "needs"))
        read_needs(j, v);
    if (sv_is(key, "if")) {
        j->condition = wf_condition(r, v, SET_JOBIF);
        j->if_line = v->line;
        j->if_col = v->col;
    }
    if (sv_is(key, "steps"))
        wf_convert_steps(r, v, SET_STEPIF, &j->steps, &j->n_steps);
    if (sv_is(key, "uses")) {
        j->uses = v->text;
        wf_check_call(r, v);
    }
    if (sv_is(key, "secrets")) {
        j->secrets_inherit = v->kind == TOK_STRING;
        j->secrets = v->kind == TOK_STRING ? NULL : v;
    }
}

static void read_job(struct wf_reader *r, struct wf_job *j, const struct tok *id,
                     const struct tok *map)
{
    struct nameset scope = {0}; /* job ids are unique by the mapping already */

    *j = (struct wf_job){.id = id->text, .line = id->line, .col = id->col, .uses = {"", 0}};
    wf_check_id(r, &scope, id);
    nameset_free(&scope);
    for (size_t i = 0; i < map->n; i++)
        read_job_key(r, j, map->items[2 * i]->text, map->items[2 * i + 1]);
    if (j->condition == NULL)
        j->condition = xstrdup("success()");
}

static void read_jobs(struct wf_reader *r, struct wf *w, const struct tok *jobs)
{
    w->jobs = xcalloc(jobs->n > 0 ? jobs->n : 1, sizeof *w->jobs);
    for (size_t i = 0; i < jobs->n; i++)
        read_job(r, &w->jobs[w->n_jobs++], jobs->items[2 * i], jobs->items[2 * i + 1]);
}

/* ---- root ---- */

static void read_events(struct wf *w)
{
    const struct tok *on = w->on;
    size_t n = on->kind == TOK_STRING ? 1 : on->n;

    w->events = xcalloc(n > 0 ? n : 1, sizeof *w->events);
    for (size_t i = 0; i < n; i++) {
        const struct tok *t = on->kind == TOK_STRING     ? on
                              : on->kind == TOK_SEQUENCE ? on->items[i]
                                                         : on->items[2 * i];
        if (!wf_has_event(w, t->text))
            w->events[w->n_events++] = t->text;
    }
}

static void read_root(struct wf_reader *r, struct wf *w)
{
    const struct tok *jobs = NULL;
    static const struct {
        const char *key;
        size_t offset;
    } keys[] = {
        {"name", offsetof(struct wf, name)},
        {"run-name", offsetof(struct wf, run_name)},
        {"on", offsetof(struct wf, on)},
        {"env", offsetof(struct wf, env)},
        {"defaults", offsetof(struct wf, defaults)},
        {"permissions", offsetof(struct wf, permissions)},
        {"concurrency", offsetof(struct wf, concurrency)},
    };

    for (size_t i = 0; i < w->root->n; i++) {
        struct sv key = w->root->items[2 * i]->text;
        struct tok *v = w->root->items[2 * i + 1];
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
            if (sv_is(key, keys[k].key))
                *(struct tok **)(void *)((char *)w + keys[k].offset) = v;
        }
        if (sv_is(key, "concurrency"))
            wf_check_concurrency(r, v);
        if (sv_is(key, "on"))
            wf_check_on(r, v);
        if (sv_is(key, "jobs")) {
            read_jobs(r, w, v);
            jobs = v;
        }
    }
    read_events(w);
    if (r->errors->n == 0)
        wf_check_needs(r, w, jobs);
}

int wf_parse(struct sv yaml, const char *file, struct wf **out, struct wf_errors *errors,
             struct err *e)
{
    AUTO(auto_wf) struct wf *w = xcalloc(1, sizeof *w);
    struct wf_reader r = {.file = file, .index = 1, .errors = errors};

    w->file = xstrdup(file);
    w->root = wf_read_text(&r, yaml, &schema_workflow, true, MAX_DEPTH);
    if (w->root != NULL && errors->n == 0)
        read_root(&r, w);
    if (errors->n > 0)
        return err_set(e, FAIL_INPUT, "%zu error%s in '%.200s'", errors->n,
                       errors->n == 1 ? "" : "s", file);
    *out = TAKE_PTR(w);
    return 0;
}
