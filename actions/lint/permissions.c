/* SPDX-License-Identifier: Apache-2.0
 *
 * Rights of the token. Rules: missing-permissions, excessive-permissions, broad-permissions. */
#include "actions/lint/lint_priv.h"

static void check_all(struct lint *l, const struct yx_node *p)
{
    if (p != NULL && p->kind == YX_SCALAR && sv_is(p->text, "write-all"))
        lint_at(l, &rule_excessive_permissions, p,
                "'write-all' gives every right to every step; name the ones that are needed");
}

/* Rights to write for the whole file, where only one of several jobs may need them. */
static void check_broad(struct lint *l, const struct yx_node *p)
{
    for (size_t i = 0; l->n_jobs > 1 && p != NULL && p->kind == YX_MAPPING && i < p->n; i++) {
        const struct yx_node *v = p->items[2 * i + 1];
        if (v->kind == YX_SCALAR && sv_is(v->text, "write"))
            lint_at(l, &rule_broad_permissions, p->items[2 * i],
                    "all %zu jobs may write '" SV_FMT "'; give it to the job that needs it",
                    l->n_jobs, SV_ARG(p->items[2 * i]->text));
    }
}

void lint_permissions(struct lint *l)
{
    const struct yx_node *p = lint_get(l->root, "permissions");
    bool privileged = lint_is_privileged(l);

    check_all(l, p);
    check_broad(l, p);
    for (size_t i = 0; i < l->n_jobs; i++) {
        const struct lint_job *j = &l->jobs[i];
        check_all(l, lint_get(j->node, "permissions"));
        if (lint_key(l->root, "permissions") == NULL && lint_key(j->node, "permissions") == NULL)
            lint_level_at(l, &rule_missing_permissions, privileged ? LINT_WARNING : LINT_NOTE,
                          j->key,
                          "job '" SV_FMT "' has no permissions: its token has whatever the "
                          "repository's settings give%s",
                          SV_ARG(j->key->text), privileged ? ", and outsiders can start it" : "");
    }
}
