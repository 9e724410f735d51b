/* SPDX-License-Identifier: Apache-2.0
 *
 * Jobs and their graph. Rules: unreachable-job, duplicate-need, missing-timeout, timeout-range, empty-steps,
 * concurrency-deadlock, duplicate-job-name, missing-name. */
#include "actions/lint/lint_priv.h"
#include "base/mem.h"
#include "base/num.h"

enum fate { FATE_OPEN, FATE_RUNS, FATE_NEVER };

static void check_needs(struct lint *l, const struct lint_job *j)
{
    const struct yx_node *needs = lint_get(j->node, "needs");

    for (size_t i = 0; i < lint_count(needs); i++) {
        const struct yx_node *n = lint_item(needs, i);
        for (size_t k = 0; k < i && i < 500; k++) {
            if (sv_ieq(lint_item(needs, k)->text, n->text)) {
                lint_at(l, &rule_duplicate_need, n, "job '" SV_FMT "' is in the list already",
                        SV_ARG(n->text));
                break;
            }
        }
    }
}

/* ---- what never runs ---- */

static const struct lint_job *dead_need(const struct lint *l, const struct lint_job *j,
                                        const enum fate *fate, bool *open)
{
    const struct yx_node *needs = lint_get(j->node, "needs");

    *open = false;
    for (size_t i = 0; i < lint_count(needs); i++) {
        const struct lint_job *o = lint_job(l, lint_item(needs, i)->text);
        if (o == NULL || o == j)
            continue;
        if (fate[o - l->jobs] == FATE_NEVER)
            return o;
        *open = *open || fate[o - l->jobs] == FATE_OPEN;
    }
    return NULL;
}

/* Skips go through to the dependants that ask for no status. Rounds are bounded: chains are short in practice,
 * and a longer one only loses findings. */
static void check_reach(struct lint *l)
{
    enum fate *fate = lint_alloc(l, (l->n_jobs + 1) * sizeof *fate);
    bool *status = lint_alloc(l, l->n_jobs + 1);
    int constant;

    for (size_t i = 0; i < l->n_jobs; i++) {
        lint_condition(lint_get(l->jobs[i].node, "if"), &constant, &status[i]);
        if (constant == 0)
            fate[i] = FATE_NEVER; /* constant-condition has said so */
    }
    for (unsigned round = 0; round < 20; round++) {
        bool changed = false;
        for (size_t i = 0; i < l->n_jobs; i++) {
            bool open = false;
            if (fate[i] != FATE_OPEN)
                continue;
            const struct lint_job *dead = status[i] ? NULL : dead_need(l, &l->jobs[i], fate, &open);
            if (dead != NULL)
                lint_at(l, &rule_unreachable_job, l->jobs[i].key,
                        "job '" SV_FMT "' never runs: it needs '" SV_FMT
                        "', which never runs; use always() or !cancelled() in its `if`",
                        SV_ARG(l->jobs[i].key->text), SV_ARG(dead->key->text));
            if (dead != NULL || status[i] || !open)
                fate[i] = dead != NULL ? FATE_NEVER : FATE_RUNS;
            changed = changed || fate[i] != FATE_OPEN;
        }
        if (!changed)
            return;
    }
}

/* ---- times ---- */

/* Source: docs: five days on self-hosted runners. The runner cuts fractions of a step's limit off and takes 0
 * and less for no limit at all (spec job-execution 4); what the service makes of a job's 0 is not documented. */
static void check_minutes(struct lint *l, const struct yx_node *map, bool step)
{
    static const double most = 7200;
    const struct yx_node *t = lint_get(map, "timeout-minutes");
    struct err e;
    uint64_t v;

    if (t == NULL || t->kind != YX_SCALAR || lint_kind(t) != TOK_NUMBER)
        return;
    bool fraction = sv_chr(t->text, '.') != SV_NPOS;
    if (step && (t->text.p[0] == '-' || sv_starts(t->text, SV("0.")) || sv_is(t->text, "0")))
        lint_at(l, &rule_timeout_range, t, "a time limit of '" SV_FMT "' is none; write 1 or more",
                SV_ARG(t->text));
    else if (t->text.p[0] == '-' || sv_is(t->text, "0"))
        lint_at(l, &rule_timeout_range, t, "a time limit of '" SV_FMT "' ends it at once",
                SV_ARG(t->text));
    else if (fraction)
        lint_at(l, &rule_timeout_range, t,
                "a time limit is a number of whole minutes; the fraction of '" SV_FMT
                "' is cut off",
                SV_ARG(t->text));
    else if (num_u64(t->text, UINT32_MAX, &v, &e) == 0 && (double)v > most)
        lint_at(l, &rule_timeout_range, t, "%.0f minutes is the most that GitHub allows", most);
}

static void check_times(struct lint *l, const struct lint_job *j)
{
    check_minutes(l, j->node, false);
    for (size_t i = 0; i < j->n_steps; i++)
        check_minutes(l, j->steps[i].node, true);
    if (lint_key(j->node, "timeout-minutes") == NULL && lint_key(j->node, "uses") == NULL &&
        j->n_steps > 0)
        lint_at(l, &rule_missing_timeout, j->key,
                "job '" SV_FMT "' may hang for six hours; set timeout-minutes",
                SV_ARG(j->key->text));
}

/* ---- concurrency ---- */

static const struct yx_node *group_of(const struct yx_node *map)
{
    const struct yx_node *c = lint_get(map, "concurrency");

    if (c != NULL && c->kind == YX_MAPPING)
        c = lint_get(c, "group");
    return c != NULL && c->kind == YX_SCALAR && c->text.n > 0 ? c : NULL;
}

/* Expressions with the same text have the same value on both levels when they see the same contexts. */
static bool same_group(const struct yx_node *a, const struct yx_node *b)
{
    return a != NULL && b != NULL && sv_ieq(a->text, b->text);
}

static void check_names(struct lint *l)
{
    for (size_t i = 0; i < l->n_jobs && l->n_jobs < 500; i++) {
        const struct yx_node *a = lint_get(l->jobs[i].node, "name");
        for (size_t k = 0; a != NULL && a->text.n > 0 && k < i; k++) {
            const struct yx_node *b = lint_get(l->jobs[k].node, "name");
            if (b == NULL || !sv_eq(a->text, b->text) || lint_has_expr(a))
                continue;
            lint_at(l, &rule_duplicate_job_name, a,
                    "job '" SV_FMT "' has this name too: their checks cannot be told apart",
                    SV_ARG(l->jobs[k].key->text));
            break;
        }
    }
}

void lint_jobs(struct lint *l)
{
    const struct yx_node *group = group_of(l->root);

    if (lint_key(l->root, "name") == NULL)
        lint_at(l, &rule_missing_name, l->root,
                "the workflow has no name; its path is shown instead");
    for (size_t i = 0; i < l->n_jobs; i++) {
        const struct lint_job *j = &l->jobs[i];
        const struct yx_node *steps = lint_get(j->node, "steps"), *own = group_of(j->node);
        check_needs(l, j);
        check_times(l, j);
        if (steps != NULL && steps->kind == YX_SEQUENCE && steps->n == 0)
            lint_at(l, &rule_empty_steps, steps, "job '" SV_FMT "' has no steps",
                    SV_ARG(j->key->text));
        if (same_group(group, own))
            lint_at(l, &rule_concurrency_deadlock, own,
                    "the job waits for its own workflow, which holds the group '" SV_FMT
                    "': the run is cancelled",
                    SV_ARG(own->text));
    }
    check_names(l);
    check_reach(l);
}
