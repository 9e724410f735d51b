/* SPDX-License-Identifier: Apache-2.0
 *
 * Types of the contexts at each place of a file.
 * Source of the names: github/docs: content/actions/reference/workflows-and-actions/contexts.md. */
#include <stdlib.h>

#include "actions/lint/lint_priv.h"
#include "actions/manifest.h"
#include "base/mem.h"

const struct lt lt_any = {.kind = LT_ANY};
const struct lt lt_null = {.kind = LT_NULL};
const struct lt lt_bool = {.kind = LT_BOOL};
const struct lt lt_number = {.kind = LT_NUMBER};
const struct lt lt_string = {.kind = LT_STRING};
const struct lt lt_array = {.kind = LT_ARRAY, .item = &lt_any};
const struct lt lt_map = {.kind = LT_OBJECT, .item = &lt_any};
const struct lt lt_texts = {.kind = LT_OBJECT, .item = &lt_string};

const char *lt_name(const struct lt *t)
{
    static const char *const names[] = {"any value", "null",     "a boolean", "a number",
                                        "a string",  "an array", "an object"};

    return names[t->kind];
}

static int fold(struct sv a, struct sv b)
{
    for (size_t i = 0; i < a.n && i < b.n; i++) {
        int d = (unsigned char)ch_lower(a.p[i]) - (unsigned char)ch_lower(b.p[i]);
        if (d != 0)
            return d;
    }
    return a.n < b.n ? -1 : a.n > b.n;
}

static int prop_cmp(const void *a, const void *b)
{
    const struct lt_prop *x = a, *y = b;
    int c = fold(x->name, y->name);

    return c != 0 ? c : x->order < y->order ? -1 : x->order > y->order;
}

const struct lt_prop *lt_find(const struct lt *t, struct sv name)
{
    size_t lo = 0, hi = t->n;

    if (t->n == 0) {
        for (const struct lt_prop *p = t->props; p != NULL && p->name.p != NULL; p++) {
            if (sv_ieq(p->name, name))
                return p;
        }
        return NULL;
    }
    while (lo < hi) { /* the first of equals */
        size_t mid = (lo + hi) / 2;
        if (fold(t->props[mid].name, name) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < t->n && sv_ieq(t->props[lo].name, name) ? &t->props[lo] : NULL;
}

void lt_add(struct lt_builder *b, struct sv name, const struct lt *type, size_t order)
{
    GROW(b->v, b->cap, b->n + 1);
    b->v[b->n++] = (struct lt_prop){.name = name, .type = type, .order = order};
}

const struct lt *lt_build(struct lint *l, struct lt_builder *b, const struct lt *item,
                          const struct lint_rule *rule, const char *what)
{
    struct lt *t = lint_alloc(l, sizeof *t);
    struct lt_prop *props = lint_alloc(l, (b->n + 1) * sizeof *props);

    if (b->n > 0) {
        qsort(b->v, b->n, sizeof *b->v, prop_cmp);
        memcpy(props, b->v, b->n * sizeof *props);
    }
    *t = (struct lt){
        .kind = LT_OBJECT, .item = item, .props = props, .n = b->n, .rule = rule, .what = what};
    free(b->v);
    *b = (struct lt_builder){0};
    return t;
}

/* ---- fixed contexts ---- */

#define P(text, t)                                    \
    {                                                 \
        .name = {text, sizeof(text) - 1}, .type = (t) \
    }
#define S(text) P(text, &lt_string)
#define END          \
    {                \
        .type = NULL \
    }

static const struct lt_prop github_props[] = {S("action"),
                                              S("action_path"),
                                              S("action_ref"),
                                              S("action_repository"),
                                              S("action_status"),
                                              S("actor"),
                                              S("actor_id"),
                                              S("api_url"),
                                              S("base_ref"),
                                              S("env"),
                                              S("event_name"),
                                              S("event_path"),
                                              S("graphql_url"),
                                              S("head_ref"),
                                              S("host-workspace"),
                                              S("job"),
                                              S("job_workflow_sha"),
                                              S("path"),
                                              S("ref"),
                                              S("ref_name"),
                                              P("ref_protected", &lt_bool),
                                              S("ref_type"),
                                              S("repository"),
                                              S("repository_id"),
                                              S("repository_owner"),
                                              S("repository_owner_id"),
                                              S("repository_visibility"),
                                              S("repositoryUrl"),
                                              S("retention_days"),
                                              S("run_attempt"),
                                              S("run_id"),
                                              S("run_number"),
                                              S("secret_source"),
                                              S("server_url"),
                                              S("sha"),
                                              S("token"),
                                              S("triggering_actor"),
                                              S("workflow"),
                                              S("workflow_ref"),
                                              S("workflow_sha"),
                                              S("workspace"),
                                              S("artifact_cache_size_limit"),
                                              S("output"),
                                              S("state"),
                                              S("step_summary"),
                                              END};
static const struct lt_prop runner_props[] = {S("name"),        S("os"),         S("arch"),
                                              S("temp"),        S("tool_cache"), S("debug"),
                                              S("environment"), S("workspace"),  END};
static const struct lt_prop strategy_props[] = {
    P("fail-fast", &lt_bool), P("job-index", &lt_number), P("job-total", &lt_number),
    P("max-parallel", &lt_number), END};
static const struct lt_prop container_props[] = {S("id"), S("network"), END};
static const struct lt lt_container = {.kind = LT_OBJECT, .props = container_props};
static const struct lt_prop service_props[] = {S("id"), S("network"), P("ports", &lt_texts), END};
static const struct lt lt_service = {.kind = LT_OBJECT, .props = service_props};
static const struct lt lt_services = {.kind = LT_OBJECT, .item = &lt_service};
static const struct lt_prop job_props[] = {
    P("container", &lt_container), P("services", &lt_services), S("status"),
    P("check_run_id", &lt_any),    S("workflow_ref"),           S("workflow_sha"),
    S("workflow_repository"),      S("workflow_file_path"),     END};
static const struct lt lt_runner = {.kind = LT_OBJECT, .props = runner_props};
static const struct lt lt_strategy = {.kind = LT_OBJECT, .props = strategy_props};
static const struct lt lt_job = {.kind = LT_OBJECT, .props = job_props};

/* ---- inputs and secrets ---- */

static const struct lt *input_type(struct sv type, bool dispatch)
{
    if (sv_is(type, "boolean"))
        return &lt_bool;
    if (sv_is(type, "number"))
        return dispatch ? &lt_any : &lt_number; /* text or number: spec 5.6 leaves it open */
    return &lt_string;
}

static void add_inputs(struct lt_builder *b, const struct yx_node *inputs, bool dispatch)
{
    for (size_t i = 0; inputs != NULL && inputs->kind == YX_MAPPING && i < inputs->n; i++) {
        struct sv type = lint_str(inputs->items[2 * i + 1], "type");
        lt_add(b, inputs->items[2 * i]->text, input_type(type, dispatch), dispatch ? 1 : 0);
    }
}

/* An input that both triggers declare with different types may be either. */
static void merge_equal(struct lt_builder *b)
{
    for (size_t i = 0; i < b->n && b->n < 200; i++) {
        for (size_t k = i + 1; k < b->n; k++) {
            if (sv_ieq(b->v[i].name, b->v[k].name) && b->v[i].type != b->v[k].type)
                b->v[i].type = b->v[k].type = &lt_any;
        }
    }
}

static void read_inputs(struct lint *l)
{
    struct lt_builder b = {0};

    if (l->action) {
        const struct yx_node *inputs = lint_get(l->root, "inputs");
        for (size_t i = 0; inputs != NULL && inputs->kind == YX_MAPPING && i < inputs->n; i++)
            lt_add(&b, inputs->items[2 * i]->text, &lt_string, 0);
    } else {
        add_inputs(&b, lint_get(lint_event(l, "workflow_call"), "inputs"), false);
        add_inputs(&b, lint_get(lint_event(l, "workflow_dispatch"), "inputs"), true);
        merge_equal(&b);
    }
    l->inputs = lt_build(l, &b, NULL, &rule_unknown_input, "there is no input");
}

/* A workflow that is only called and declares its secrets has those; the token is always there. */
static void read_secrets(struct lint *l)
{
    const struct yx_node *on = lint_get(l->root, "on");
    const struct yx_node *secrets = lint_get(lint_event(l, "workflow_call"), "secrets");
    struct lt_builder b = {0};

    l->secrets = &lt_texts;
    if (on == NULL || on->kind != YX_MAPPING || on->n != 1 || secrets == NULL ||
        secrets->kind != YX_MAPPING)
        return;
    for (size_t i = 0; i < secrets->n; i++)
        lt_add(&b, secrets->items[2 * i]->text, &lt_string, 0);
    lt_add(&b, SV("GITHUB_TOKEN"), &lt_string, 0);
    l->secrets = lt_build(l, &b, NULL, &rule_undeclared_secret, "this workflow declares no secret");
}

static void read_github(struct lint *l)
{
    struct lt_builder b = {0};

    for (const struct lt_prop *p = github_props; p->name.p != NULL; p++)
        lt_add(&b, p->name, p->type, 0);
    lt_add(&b, SV("event"), l->action ? &lt_map : lint_event_type(l), 0);
    l->github = lt_build(l, &b, NULL, &rule_unknown_property, "github has no property");
}

/* ---- steps ---- */

static const struct lt *action_outputs(struct lint *l, struct sv uses)
{
    const struct manifest *m;
    struct lt_builder b = {0};

    const struct lt *known = lint_known_outputs(l, uses);
    if (known != NULL)
        return known;
    if (lint_action(l, uses, &m) != FOUND)
        return &lt_texts;
    for (size_t i = 0; i < m->n_outputs; i++)
        lt_add(&b, m->outputs[i].name, &lt_string, 0);
    return lt_build(l, &b, NULL, &rule_unknown_step_output, "the action has no output");
}

static const struct lt *steps_type(struct lint *l, const struct lint_step *steps, size_t n)
{
    struct lt_builder all = {0};

    for (size_t i = 0; i < n; i++) {
        struct lt_builder b = {0};
        if (steps[i].id == NULL || steps[i].id->text.n == 0)
            continue;
        lt_add(&b, SV("outputs"),
               steps[i].uses != NULL ? action_outputs(l, steps[i].uses->text) : &lt_texts, 0);
        lt_add(&b, SV("outcome"), &lt_string, 0);
        lt_add(&b, SV("conclusion"), &lt_string, 0);
        lt_add(&all, steps[i].id->text,
               lt_build(l, &b, NULL, &rule_unknown_property, "the results of a step have no"), i);
    }
    return lt_build(l, &all, NULL, &rule_unknown_step, "no step has the id");
}

/* ---- jobs ---- */

static const struct lt *job_outputs(struct lint *l, const struct lint_job *j)
{
    const struct yx_node *uses = lint_get(j->node, "uses"), *call, *outputs;
    struct lt_builder b = {0};
    bool callable;

    if (uses != NULL) {
        if (lint_callee(l, uses->text, &call, &callable) != FOUND)
            return &lt_texts;
        outputs = lint_get(call, "outputs");
    } else {
        outputs = lint_get(j->node, "outputs");
    }
    if (outputs != NULL && (outputs->kind != YX_MAPPING || lint_has_expr(lint_key(outputs, ""))))
        return &lt_texts;
    for (size_t i = 0; outputs != NULL && i < outputs->n; i++) {
        if (lint_has_expr(outputs->items[2 * i])) { /* computed names */
            free(b.v);
            return &lt_texts;
        }
        lt_add(&b, outputs->items[2 * i]->text, &lt_string, 0);
    }
    return lt_build(l, &b, NULL, &rule_unknown_job_output, "the job has no output");
}

static const struct lt *result_type(struct lint *l, const struct lint_job *j)
{
    struct lt_builder b = {0};

    lt_add(&b, SV("outputs"), j->outputs, 0);
    lt_add(&b, SV("result"), &lt_string, 0);
    return lt_build(l, &b, NULL, &rule_unknown_property, "the results of a job have no");
}

static const struct lt *needs_type(struct lint *l, const struct lint_job *j)
{
    const struct yx_node *needs = lint_get(j->node, "needs");
    struct lt_builder b = {0};

    for (size_t i = 0; i < lint_count(needs); i++) {
        const struct lint_job *o = lint_job(l, lint_item(needs, i)->text);
        if (o != NULL)
            lt_add(&b, o->key->text, o->result, 0);
    }
    return lt_build(l, &b, NULL, &rule_unknown_need, "this job does not need a job");
}

static const struct lt *job_context(struct lint *l, const struct lint_job *j)
{
    const struct yx_node *services = lint_get(j->node, "services");
    struct lt_builder b = {0};

    if (services != NULL && lint_has_expr(services))
        return &lt_job;
    for (const struct lt_prop *p = job_props; p->name.p != NULL; p++)
        lt_add(&b, p->name, p->type, 0);
    struct lt_builder s = {0};
    for (size_t i = 0; services != NULL && services->kind == YX_MAPPING && i < services->n; i++)
        lt_add(&s, services->items[2 * i]->text, &lt_service, 0);
    const struct lt *named =
        lt_build(l, &s, NULL, &rule_unknown_property, "the job has no service");
    for (size_t i = 0; i < b.n; i++) {
        if (sv_is(b.v[i].name, "services"))
            b.v[i].type = named;
    }
    return lt_build(l, &b, NULL, &rule_unknown_property, "job has no property");
}

void lint_types(struct lint *l)
{
    struct lt_builder b = {0};

    read_inputs(l);
    read_secrets(l);
    read_github(l);
    l->comp_steps = steps_type(l, l->steps, l->n_steps);
    for (size_t i = 0; i < l->n_jobs; i++) {
        struct lint_job *j = &l->jobs[i];
        j->outputs = job_outputs(l, j);
        j->result = result_type(l, j);
        j->matrix = lint_matrix_type(l, lint_get(lint_get(j->node, "strategy"), "matrix"));
        if (lint_has_expr(lint_get(j->node, "strategy")) &&
            lint_get(j->node, "strategy")->kind == YX_SCALAR)
            j->matrix = &lt_any;
        j->matrix_used = lint_alloc(l, j->matrix->n + 1);
        j->steps_type = steps_type(l, j->steps, j->n_steps);
        j->context = job_context(l, j);
        lt_add(&b, j->key->text, j->result, i);
    }
    l->jobs_type = lt_build(l, &b, NULL, &rule_unknown_job, "there is no job");
    for (size_t i = 0; i < l->n_jobs; i++)
        l->jobs[i].needs = needs_type(l, &l->jobs[i]);
}

const struct lt *lint_context(const struct lint *l, const struct lint_job *job, struct sv name)
{
    if (sv_ieq(name, SV("github")))
        return l->github;
    if (sv_ieq(name, SV("inputs")))
        return l->inputs;
    if (sv_ieq(name, SV("secrets")))
        return l->secrets;
    if (sv_ieq(name, SV("vars")) || sv_ieq(name, SV("env")))
        return &lt_texts;
    if (sv_ieq(name, SV("runner")))
        return &lt_runner;
    if (sv_ieq(name, SV("strategy")))
        return &lt_strategy;
    if (sv_ieq(name, SV("jobs")))
        return l->jobs_type;
    if (sv_ieq(name, SV("job")))
        return job != NULL ? job->context : &lt_job;
    if (sv_ieq(name, SV("steps")))
        return job != NULL ? job->steps_type : l->comp_steps;
    if (sv_ieq(name, SV("needs")))
        return job != NULL ? job->needs : &lt_map;
    if (sv_ieq(name, SV("matrix")))
        return job != NULL ? job->matrix : &lt_any;
    return &lt_any;
}
