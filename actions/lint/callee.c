/* SPDX-License-Identifier: Apache-2.0
 *
 * Jobs that call a workflow of this repository. Rules: called-workflow-missing, not-callable, unknown-call-input,
 * missing-call-input, call-input-type, unknown-call-secret, missing-call-secret, secrets-inherit. */
#include "actions/lint/lint_priv.h"

static const struct yx_node *find(const struct yx_node *map, struct sv name)
{
    for (size_t i = 0; map != NULL && map->kind == YX_MAPPING && i < map->n; i++) {
        if (sv_ieq(map->items[2 * i]->text, name))
            return map->items[2 * i + 1];
    }
    return NULL;
}

static bool has(const struct yx_node *map, struct sv name)
{
    for (size_t i = 0; map != NULL && map->kind == YX_MAPPING && i < map->n; i++) {
        if (sv_ieq(map->items[2 * i]->text, name) || lint_has_expr(map->items[2 * i]))
            return true;
    }
    return false;
}

static void check_type(struct lint *l, const struct yx_node *v, struct sv type, struct sv name)
{
    enum tok_kind k = lint_kind(v);

    if (v->kind != YX_SCALAR || lint_has_expr(v))
        return;
    if ((sv_is(type, "boolean") && k != TOK_BOOL) || (sv_is(type, "number") && k != TOK_NUMBER))
        lint_at(l, &rule_call_input_type, v,
                "input '" SV_FMT "' of the called workflow is a " SV_FMT ", not '" SV_FMT "'%s",
                SV_ARG(name), SV_ARG(type), SV_ARG(v->text),
                v->style != YX_PLAIN ? "; write it without quotes" : "");
}

static void check_inputs(struct lint *l, const struct lint_job *j, const struct yx_node *uses,
                         const struct yx_node *call)
{
    const struct yx_node *with = lint_get(j->node, "with"), *inputs = lint_get(call, "inputs");

    for (size_t i = 0; with != NULL && with->kind == YX_MAPPING && i < with->n; i++) {
        const struct yx_node *key = with->items[2 * i];
        if (lint_has_expr(key))
            continue;
        if (!has(inputs, key->text))
            lint_at(l, &rule_unknown_call_input, key,
                    "the called workflow has no input '" SV_FMT "'", SV_ARG(key->text));
        else
            check_type(l, with->items[2 * i + 1], lint_str(find(inputs, key->text), "type"),
                       key->text);
    }
    for (size_t i = 0; inputs != NULL && inputs->kind == YX_MAPPING && i < inputs->n; i++) {
        if (lint_is_true(lint_get(inputs->items[2 * i + 1], "required")) &&
            !has(with, inputs->items[2 * i]->text))
            lint_at(l, &rule_missing_call_input, uses,
                    "the called workflow requires the input '" SV_FMT "'",
                    SV_ARG(inputs->items[2 * i]->text));
    }
}

static void check_secrets(struct lint *l, const struct lint_job *j, const struct yx_node *uses,
                          const struct yx_node *call)
{
    const struct yx_node *given = lint_get(j->node, "secrets"), *want = lint_get(call, "secrets");

    if (given != NULL && given->kind == YX_SCALAR)
        return; /* inherit */
    for (size_t i = 0; given != NULL && given->kind == YX_MAPPING && i < given->n; i++) {
        const struct yx_node *key = given->items[2 * i];
        if (!lint_has_expr(key) && !has(want, key->text))
            lint_at(l, &rule_unknown_call_secret, key,
                    "the called workflow does not declare the secret '" SV_FMT "'",
                    SV_ARG(key->text));
    }
    for (size_t i = 0; want != NULL && want->kind == YX_MAPPING && i < want->n; i++) {
        if (lint_is_true(lint_get(want->items[2 * i + 1], "required")) &&
            !has(given, want->items[2 * i]->text))
            lint_at(l, &rule_missing_call_secret, uses,
                    "the called workflow requires the secret '" SV_FMT "'",
                    SV_ARG(want->items[2 * i]->text));
    }
}

static void check_pin(struct lint *l, const struct yx_node *uses)
{
    size_t at = sv_rchr(uses->text, '@');
    struct sv ref = sv_sub(uses->text, at + 1, SV_NPOS);

    if (at == SV_NPOS || (ref.n > 0 && (ch_is_digit(ref.p[0]) || ref.p[0] == 'v')) || ref.n == 40)
        return;
    lint_in(l, &rule_unpinned_action, uses, at + 1, ref.n,
            "'" SV_FMT "' is a branch or a moving tag: another workflow may run tomorrow; pin a "
            "version or a commit SHA",
            SV_ARG(ref));
}

void lint_calls(struct lint *l)
{
    for (size_t i = 0; i < l->n_jobs; i++) {
        const struct lint_job *j = &l->jobs[i];
        const struct yx_node *uses = lint_get(j->node, "uses"), *call;
        const struct yx_node *secrets = lint_get(j->node, "secrets");
        bool callable;
        if (uses == NULL || uses->kind != YX_SCALAR)
            continue;
        if (secrets != NULL && secrets->kind == YX_SCALAR && sv_is(secrets->text, "inherit"))
            lint_at(l, &rule_secrets_inherit, secrets,
                    "the called workflow gets every secret; pass the ones that it needs");
        enum lint_found found = lint_callee(l, uses->text, &call, &callable);
        if (found == NOT_FOUND)
            lint_at(l, &rule_called_workflow_missing, uses, "there is no file '" SV_FMT "'",
                    SV_ARG(sv_sub(uses->text, 2, SV_NPOS)));
        else if (found == UNKNOWN && !sv_starts(uses->text, SV("./")) &&
                 !sv_starts(uses->text, SV("$/")))
            check_pin(l, uses);
        if (found != FOUND)
            continue;
        if (!callable) {
            lint_at(l, &rule_not_callable, uses,
                    "'" SV_FMT "' cannot be called: it has no 'workflow_call' in its 'on'",
                    SV_ARG(uses->text));
            continue;
        }
        check_inputs(l, j, uses, call);
        check_secrets(l, j, uses, call);
    }
}
