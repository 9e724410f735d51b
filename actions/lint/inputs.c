/* SPDX-License-Identifier: Apache-2.0
 *
 * What steps give to local actions. Rules: unknown-action-input, missing-action-input, deprecated-input. */
#include "actions/lint/lint_priv.h"
#include "actions/manifest.h"

static const struct manifest_input *input(const struct manifest *m, struct sv name)
{
    for (size_t i = 0; i < m->n_inputs; i++) {
        if (sv_ieq(m->inputs[i].name, name))
            return &m->inputs[i];
    }
    return NULL;
}

bool lint_given(const struct yx_node *with, struct sv name)
{
    for (size_t i = 0; with != NULL && with->kind == YX_MAPPING && i < with->n; i++) {
        if (sv_ieq(with->items[2 * i]->text, name) || lint_has_expr(with->items[2 * i]))
            return true;
    }
    return false;
}

static void list_inputs(const struct manifest *m, struct buf *b)
{
    for (size_t i = 0; i < m->n_inputs && i < 20; i++)
        buf_addf(b, "%s" SV_FMT, i > 0 ? ", " : "", SV_ARG(m->inputs[i].name));
    if (b->len == 0)
        buf_adds(b, "none");
}

static void check_given(struct lint *l, const struct lint_step *s, const struct manifest *m)
{
    for (size_t i = 0; s->with != NULL && s->with->kind == YX_MAPPING && i < s->with->n; i++) {
        const struct yx_node *key = s->with->items[2 * i];
        const struct manifest_input *in = input(m, key->text);
        if (in != NULL && in->deprecation.n > 0)
            lint_at(l, &rule_deprecated_input, key, "input '" SV_FMT "' is deprecated: " SV_FMT,
                    SV_ARG(key->text), SV_ARG(in->deprecation));
        if (in != NULL || lint_has_expr(key) ||
            (m->using == MANIFEST_DOCKER &&
             (sv_ieq(key->text, SV("entrypoint")) || sv_ieq(key->text, SV("args")))))
            continue;
        AUTO(buf_free) struct buf list = BUF_INIT(4096);
        list_inputs(m, &list);
        lint_at(l, &rule_unknown_action_input, key,
                "the action has no input '" SV_FMT "'; known: %s", SV_ARG(key->text), list.p);
    }
}

static void check_required(struct lint *l, const struct lint_step *s, const struct manifest *m)
{
    for (size_t i = 0; i < m->n_inputs; i++) {
        const struct manifest_input *in = &m->inputs[i];
        if (in->required && in->dflt == NULL && !lint_given(s->with, in->name))
            lint_at(l, &rule_missing_action_input, s->uses,
                    "the action requires the input '" SV_FMT "'", SV_ARG(in->name));
    }
}

void lint_inputs(struct lint *l, const struct lint_step *steps, size_t n)
{
    const struct manifest *m;

    for (size_t i = 0; i < n; i++) {
        if (steps[i].uses == NULL || lint_action(l, steps[i].uses->text, &m) != FOUND)
            continue;
        check_given(l, &steps[i], m);
        check_required(l, &steps[i], m);
    }
}
