/* SPDX-License-Identifier: Apache-2.0
 *
 * The workflow model out of the checked token tree (spec expressions 4).
 * Source: actions/runner: src/Sdk/WorkflowParser/Conversion/WorkflowTemplateConverter.cs. */
#include "actions/workflow.h"

#include <stddef.h>
#include <stdlib.h>

#include "actions/workflow_call.h"
#include "actions/workflow_priv.h"
#include "base/mem.h"

/* Source: ParseOptions.cs, spec 3.3; nesting: docs reuse-workflows (ten levels, the top file included). */
const struct wf_options wf_default_options = {
    .max_depth = 50,
    .max_file_size = 1048576,
    .max_result_size = (size_t)10 << 20,
    .max_files = 51,
    .max_nested = 9,
    .policy = WF_POLICY_WRITE,
    .features = WF_ALL_FEATURES,
};

void wf_free(struct wf *w)
{
    if (w == NULL)
        return;
    for (size_t i = 0; i < w->n_jobs; i++) {
        free(w->jobs[i].condition);
        free(w->jobs[i].needs);
        wf_steps_free(w->jobs[i].steps, w->jobs[i].n_steps);
        wf_free(w->jobs[i].called); /* recursion: bounded by max_nested */
    }
    for (size_t i = 0; i < w->n_files; i++)
        free(w->files[i]);
    free(w->files);
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
    {"environment", offsetof(struct wf_job, environment), wf_check_environment},
    {"concurrency", offsetof(struct wf_job, concurrency), wf_check_concurrency},
    {"permissions", offsetof(struct wf_job, permissions), NULL},
    {"snapshot", offsetof(struct wf_job, snapshot), wf_check_snapshot},
    {"with", offsetof(struct wf_job, with), NULL},
    {"cache-mode", offsetof(struct wf_job, cache_mode), NULL},
};

static void read_uses(struct wf_reader *r, struct wf_job *j, const struct tok *v)
{
    struct err e = {0};

    j->uses = v->text;
    j->uses_token = v;
    if (!r->opt->any_call_format && wf_call_check(v->text, &e) < 0)
        wf_error_at(r, v, "Invalid workflow reference '%.*s': %s", SV_ARG(v->text), err_whole(&e));
}

static void read_job_key(struct wf_reader *r, struct wf_job *j, const struct tok *name,
                         struct tok *v)
{
    struct sv key = name->text;

    if (tok_names(key, "snapshot") && (r->opt->features & WF_SNAPSHOT) == 0) {
        wf_error_at(r, name, "The key 'snapshot' is not allowed");
        return;
    }
    for (size_t i = 0; i < sizeof job_keys / sizeof job_keys[0]; i++) {
        if (!tok_names(key, job_keys[i].key))
            continue;
        *(struct tok **)(void *)((char *)j + job_keys[i].offset) = v;
        if (job_keys[i].check != NULL)
            job_keys[i].check(r, v);
    }
    if (tok_names(key, "container"))
        wf_check_container(r, v, false);
    if (tok_names(key, "needs"))
        read_needs(j, v);
    if (tok_names(key, "if")) {
        j->condition = wf_condition(r, v, SET_JOBIF);
        j->if_line = v->line;
        j->if_col = v->col;
    }
    if (tok_names(key, "steps"))
        wf_convert_steps(r, v, SET_STEPIF, &j->steps, &j->n_steps);
    if (tok_names(key, "uses"))
        read_uses(r, j, v);
    if (tok_names(key, "permissions"))
        j->allowed = wf_read_permissions(r, v);
    if (tok_names(key, "secrets")) {
        j->secrets_inherit = v->kind == TOK_STRING;
        j->secrets = v->kind == TOK_STRING ? NULL : v;
    }
}

static void read_job(struct wf_reader *r, struct wf_job *j, const struct tok *id,
                     const struct tok *map)
{
    struct nameset scope = {0}; /* job ids are unique by the mapping already */

    *j = (struct wf_job){
        .id = id->text, .file = id->file, .line = id->line, .col = id->col, .uses = {"", 0}};
    if (r->opt->edition == WF_EDITION_TODAY && r->opt->max_jobs > 0 && r->jobs == r->opt->max_jobs)
        wf_error_at(r, id,
                    "Workflows may not contain more than %u jobs across all referenced files",
                    r->opt->max_jobs);
    r->jobs++;
    wf_check_id(r, &scope, id);
    nameset_free(&scope);
    for (size_t i = 0; i < map->n && !r->stopped; i++)
        read_job_key(r, j, map->items[2 * i], map->items[2 * i + 1]);
    if (j->condition == NULL)
        j->condition = xstrdup("success()");
}

static void read_jobs(struct wf_reader *r, struct wf *w, const struct tok *jobs)
{
    w->jobs = xcalloc(jobs->n > 0 ? jobs->n : 1, sizeof *w->jobs);
    for (size_t i = 0; i < jobs->n && !r->stopped; i++)
        read_job(r, &w->jobs[w->n_jobs++], jobs->items[2 * i], jobs->items[2 * i + 1]);
}

/* ---- root ---- */

static void read_events(struct wf *w)
{
    const struct tok *on = w->on;
    size_t n = on == NULL ? 0 : on->kind == TOK_STRING ? 1 : on->n;

    w->events = xcalloc(n > 0 ? n : 1, sizeof *w->events);
    for (size_t i = 0; i < n; i++) {
        const struct tok *t = on->kind == TOK_STRING     ? on
                              : on->kind == TOK_SEQUENCE ? on->items[i]
                                                         : on->items[2 * i];
        if (!wf_has_event(w, t->text))
            w->events[w->n_events++] = t->text;
    }
}

static void keep_root_key(struct wf *w, struct sv key, struct tok *v)
{
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
        {"cache-mode", offsetof(struct wf, cache_mode)},
    };

    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        if (sv_is(key, keys[k].key))
            *(struct tok **)(void *)((char *)w + keys[k].offset) = v;
    }
}

/* Jobs without permissions of their own get those of the file or of the caller; the others are checked (7.4). */
static void hand_permissions_down(struct wf_reader *r, struct wf *w, const struct wf_job *caller,
                                  const struct wf_permissions *max,
                                  const struct wf_permissions *down)
{
    for (size_t i = 0; i < w->n_jobs; i++) {
        struct wf_job *j = &w->jobs[i];
        if (!j->allowed.stated)
            j->allowed = *down;
        else if (caller != NULL)
            wf_check_permissions(r, caller, max, j, &j->allowed);
    }
}

static void read_root(struct wf_reader *r, struct wf *w, struct wf_job *caller)
{
    struct wf_permissions max = {.stated = false}, down = {.stated = false};

    if (caller != NULL)
        max = down = caller->allowed;
    for (size_t i = 0; i < w->root->n && !r->stopped; i++) {
        struct sv key = w->root->items[2 * i]->text;
        struct tok *v = w->root->items[2 * i + 1];
        keep_root_key(w, key, v);
        if (tok_names(key, "concurrency"))
            wf_check_concurrency(r, v);
        if (tok_names(key, "on") && caller == NULL)
            wf_check_on(r, v);
        if (tok_names(key, "on") && caller != NULL) /* only what the call needs, as officially */
            wf_check_trigger(r, caller, v);
        if (tok_names(key, "permissions")) {
            w->allowed = down = wf_read_permissions(r, v);
            if (caller != NULL)
                wf_check_permissions(r, caller, &max, NULL, &down);
        }
        if (tok_names(key, "jobs")) {
            read_jobs(r, w, v);
            if (r->errors->n == 0 || r->opt->go_on)
                wf_check_needs(r, w, v);
        }
    }
    if (r->stopped)
        return;
    if (caller != NULL)
        caller->allowed = down;
    hand_permissions_down(r, w, caller, &max, &down);
    read_events(w);
}

struct wf *wf_read_file(struct wf_reader *r, struct sv yaml, struct wf_job *caller)
{
    struct wf *w = xcalloc(1, sizeof *w);

    w->file = xstrdup(r->file);
    w->root = wf_read_text(r, yaml, &schema_workflow, !r->opt->no_anchors);
    r->errors->of_schema = r->errors->n;
    /* what the schema refuses is an empty token: conversion finds no more in it */
    if (w->root != NULL && (r->errors->n == 0 || (r->opt->go_on && !r->stopped)))
        read_root(r, w, caller);
    return w;
}

int wf_parse_with(struct sv yaml, const char *file, const struct wf_options *o, struct wf **out,
                  struct wf_errors *errors, struct err *e)
{
    struct wf_reader r = {
        .file = file, .index = 1, .errors = errors, .opt = o != NULL ? o : &wf_default_options};

    wf_count_string(&r, sv_of(file));
    AUTO(auto_wf) struct wf *w = wf_read_file(&r, yaml, NULL);
    if (errors->n > 0)
        return wf_errors_summary(errors, file, e);
    w->files = xmalloc(sizeof(char *));
    w->files[w->n_files++] = xstrdup(file);
    w->bytes = r.bytes;
    w->all_jobs = r.jobs;
    *out = TAKE_PTR(w);
    return 0;
}

int wf_parse(struct sv yaml, const char *file, struct wf **out, struct wf_errors *errors,
             struct err *e)
{
    return wf_parse_with(yaml, file, &wf_default_options, out, errors, e);
}
