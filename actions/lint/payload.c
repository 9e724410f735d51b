/* SPDX-License-Identifier: Apache-2.0
 *
 * The type of github.event: the names at the top of the payloads of the workflow's events. What lies deeper is any.
 * Source of the names: docs.github.com, webhook events and payloads. */
#include <stdlib.h>

#include "actions/lint/lint_priv.h"

struct payload {
    const char *event;
    const char *names[28];
};
static const char *const common[] = {"action",     "enterprise", "installation", "organization",
                                     "repository", "sender",     "workflow",     NULL};
static const struct payload payloads[] = {
    {"branch_protection_rule", {"changes", "rule"}},
    {"check_run", {"check_run", "requested_action"}},
    {"check_suite", {"check_suite"}},
    {"create", {"description", "master_branch", "pusher_type", "ref", "ref_type"}},
    {"delete", {"pusher_type", "ref", "ref_type"}},
    {"deployment", {"deployment", "workflow_run"}},
    {"deployment_status", {"check_run", "deployment", "deployment_status", "workflow_run"}},
    {"discussion", {"answer", "changes", "comment", "discussion", "label", "old_answer"}},
    {"discussion_comment", {"changes", "comment", "discussion"}},
    {"fork", {"forkee"}},
    {"gollum", {"pages"}},
    {"issue_comment", {"changes", "comment", "issue"}},
    {"issues", {"assignee", "changes", "issue", "label", "milestone", "type", "issue_field"}},
    {"label", {"changes", "label"}},
    {"merge_group", {"merge_group", "reason"}},
    {"milestone", {"changes", "milestone"}},
    {"page_build", {"build", "id"}},
    {"project", {"changes", "project"}},
    {"project_card", {"after_id", "changes", "project_card"}},
    {"project_column", {"after_id", "changes", "project_column"}},
    {"public", {NULL}},
    {"pull_request",
     {"after", "assignee", "before", "changes", "label", "milestone", "number", "pull_request",
      "reason", "requested_reviewer", "requested_team"}},
    {"pull_request_review", {"changes", "pull_request", "review"}},
    {"pull_request_review_comment", {"changes", "comment", "pull_request"}},
    {"pull_request_target",
     {"after", "assignee", "before", "changes", "label", "milestone", "number", "pull_request",
      "reason", "requested_reviewer", "requested_team"}},
    {"push",
     {"after", "base_ref", "before", "commits", "compare", "created", "deleted", "forced",
      "head_commit", "pusher", "ref"}},
    {"registry_package", {"registry_package"}},
    {"release", {"changes", "release"}},
    {"repository_dispatch", {"branch", "client_payload"}},
    {"schedule", {"schedule"}},
    {"status",
     {"avatar_url", "branches", "commit", "context", "created_at", "description", "id", "name",
      "sha", "state", "target_url", "updated_at"}},
    {"watch", {NULL}},
    {"workflow_dispatch", {"inputs", "ref"}},
    {"workflow_run", {"workflow_run"}},
};

static bool is_text(struct sv name)
{
    static const char *const texts[] = {"action",   "after",    "before", "compare", "ref",
                                        "ref_type", "schedule", "sha",    "state",   NULL};

    for (const char *const *t = texts; *t != NULL; t++) {
        if (sv_is(name, *t))
            return true;
    }
    return false;
}

static const struct lt *type_of(struct sv name, const struct lt *inputs)
{
    static const struct lt push_list = {.kind = LT_ARRAY, .item = &lt_map};

    if (sv_is(name, "inputs"))
        return inputs;
    if (sv_is(name, "commits") || sv_is(name, "pages"))
        return &push_list;
    return is_text(name) ? &lt_string : &lt_any;
}

/* False: the payload of the event is not known. */
static bool add_event(struct lt_builder *b, struct sv event, const struct lt *inputs)
{
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        if (!sv_is(event, payloads[i].event))
            continue;
        for (size_t k = 0; payloads[i].names[k] != NULL; k++)
            lt_add(b, sv_of(payloads[i].names[k]), type_of(sv_of(payloads[i].names[k]), inputs), 0);
        return true;
    }
    return false;
}

/* The inputs of a manual run, as the texts that the payload holds. */
static const struct lt *payload_inputs(struct lint *l)
{
    const struct yx_node *inputs = lint_get(lint_event(l, "workflow_dispatch"), "inputs");
    struct lt_builder b = {0};

    for (size_t i = 0; inputs != NULL && inputs->kind == YX_MAPPING && i < inputs->n; i++)
        lt_add(&b, inputs->items[2 * i]->text, &lt_string, 0);
    return lt_build(l, &b, NULL, &rule_unknown_input, "there is no input");
}

const struct lt *lint_event_type(struct lint *l)
{
    const struct yx_node *on = lint_get(l->root, "on");
    const struct lt *inputs = payload_inputs(l);
    struct lt_builder b = {0};
    size_t n = on == NULL ? 0 : on->kind == YX_MAPPING ? on->n : lint_count(on);
    bool known = n > 0 && n < 100;

    for (size_t i = 0; known && i < n; i++) {
        const struct yx_node *name = on->kind == YX_MAPPING ? on->items[2 * i] : lint_item(on, i);
        known = add_event(&b, name->text, inputs);
    }
    if (!known) {
        free(b.v);
        return &lt_map;
    }
    for (size_t i = 0; common[i] != NULL; i++)
        lt_add(&b, sv_of(common[i]), type_of(sv_of(common[i]), inputs), 0);
    return lt_build(l, &b, NULL, &rule_unknown_property,
                    "no event of this workflow has a payload with");
}
