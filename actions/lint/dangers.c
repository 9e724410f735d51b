/* SPDX-License-Identifier: Apache-2.0
 *
 * Workflows that outsiders can start with the rights of the repository. Rules: dangerous-checkout,
 * dangerous-trigger, cache-poisoning; and ids of steps: unused-step-id. */
#include "actions/lint/lint_priv.h"

bool lint_is_privileged(const struct lint *l)
{
    return lint_has_event(l, "pull_request_target") || lint_has_event(l, "workflow_run") ||
           lint_has_event(l, "issue_comment") || lint_has_event(l, "discussion_comment");
}

/* Texts that name the head of somebody else's change. */
static bool names_head(struct sv s)
{
    static const char *const heads[] = {
        "github.event.pull_request.head.",
        "github.head_ref",
        "github.event.workflow_run.head_",
        "github.event.pull_request.merge_commit_sha",
        "refs/pull/",
        "github.event.workflow_run.pull_requests",
        "github.event.number",
        "github.event.issue.number",
    };

    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        if (sv_find(s, sv_of(heads[i])) != SV_NPOS)
            return true;
    }
    return false;
}

static void check_checkout(struct lint *l, const struct lint_step *s)
{
    static const char *const keys[] = {"ref", "repository"};

    if (s->uses == NULL || !sv_istarts(s->uses->text, SV("actions/checkout@")))
        return;
    for (size_t i = 0; i < 2; i++) {
        const struct yx_node *v = lint_get(s->with, keys[i]);
        if (v != NULL && v->kind == YX_SCALAR && names_head(v->text)) {
            lint_at(l, &rule_dangerous_checkout, v,
                    "this brings code that anybody wrote into a run that has the repository's "
                    "secrets and rights; use on: pull_request, or do not run what is checked out");
            return;
        }
    }
}

static void check_script(struct lint *l, const struct yx_node *run)
{
    static const char *const words[] = {"gh pr checkout", "git fetch origin pull/"};

    for (size_t i = 0; run != NULL && i < 2; i++) {
        size_t at = sv_find(run->text, sv_of(words[i]));
        if (at != SV_NPOS)
            lint_in(l, &rule_dangerous_checkout, run, at, strlen(words[i]),
                    "this brings code that anybody wrote into a run that has the repository's "
                    "secrets and rights; use on: pull_request, or do not run what is checked out");
    }
}

/* ---- caches of releases ---- */

static bool publishes(const struct lint *l)
{
    const struct yx_node *push = lint_event(l, "push");

    return lint_has_event(l, "release") ||
           (push != NULL && lint_key(push, "tags") != NULL && lint_key(push, "branches") == NULL);
}

static void check_cache(struct lint *l, const struct lint_step *s)
{
    if (s->uses == NULL)
        return;
    bool cache =
        sv_istarts(s->uses->text, SV("actions/cache@")) ||
        (sv_istarts(s->uses->text, SV("actions/setup-")) && lint_key(s->with, "cache") != NULL);
    if (cache)
        lint_at(l, &rule_cache_poisoning, s->uses,
                "a run for a release restores a cache that any branch may have written; build "
                "releases without it");
}

void lint_dangers(struct lint *l, const struct lint_step *steps, size_t n)
{
    bool privileged = !l->action && lint_is_privileged(l), release = !l->action && publishes(l);

    for (size_t i = 0; i < n; i++) {
        if (privileged) {
            check_checkout(l, &steps[i]);
            check_script(l, steps[i].run);
        }
        if (release)
            check_cache(l, &steps[i]);
    }
}

static const struct yx_node *event_node(const struct lint *l, const char *name)
{
    const struct yx_node *on = lint_get(l->root, "on");

    if (on != NULL && on->kind == YX_MAPPING)
        return lint_key(on, name);
    for (size_t i = 0; i < lint_count(on); i++) {
        if (sv_is(lint_item(on, i)->text, name))
            return lint_item(on, i);
    }
    return NULL;
}

void lint_triggers(struct lint *l)
{
    static const char *const names[] = {"pull_request_target", "workflow_run"};

    for (size_t i = 0; i < 2; i++) {
        const struct yx_node *n = event_node(l, names[i]);
        if (n != NULL)
            lint_at(l, &rule_dangerous_trigger, n,
                    "'%s' gives outsiders' events a token that may write, and secrets", names[i]);
    }
}

/* ---- ids ---- */

/* Steps that run in the background are named by `wait` and `cancel`. */
static bool is_waited_for(const struct lint_step *steps, size_t n, struct sv id)
{
    static const char *const keys[] = {"wait", "cancel"};

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < 2; k++) {
            const struct yx_node *v = lint_get(steps[i].node, keys[k]);
            for (size_t m = 0; m < lint_count(v); m++) {
                if (sv_ieq(lint_item(v, m)->text, id))
                    return true;
            }
        }
    }
    return false;
}

void lint_ids(struct lint *l, const struct lint_step *steps, size_t n)
{
    for (size_t i = 0; i < n && n < 2000; i++) {
        const struct lint_step *s = &steps[i];
        if (s->id == NULL || s->id->text.n == 0 || s->used || is_waited_for(steps, n, s->id->text))
            continue;
        lint_at(l, &rule_unused_step_id, s->id, "nothing reads the results of step '" SV_FMT "'",
                SV_ARG(s->id->text));
    }
}
