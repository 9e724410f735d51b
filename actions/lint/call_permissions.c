/* SPDX-License-Identifier: Apache-2.0
 *
 * Rights of called workflows against those of their callers, through nested calls (spec expressions 7.4), in the
 * reader's own words. Rule: call-permissions. */
#include "actions/lint/lint_priv.h"
#include "base/mem.h"

#define MAX_LEVELS 10U /* spec expressions 7.1 */
#define MAX_JOBS \
    50000U /* Ours: of called files, looked at for all jobs of one file: files may call one another */

struct check {
    struct lint *l;
    const struct yx_node *uses; /* of the job of our file */
    unsigned jobs;              /* looked at so far */
};

/* What `permissions` of a file or a job says. False: nothing that can be read, so nothing follows from it. */
static bool stated_by(const struct yx_node *map, struct wf_permissions *out)
{
    const struct yx_node *n = lint_get(map, "permissions");
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    AUTO(auto_tok) struct tok *t = NULL;
    struct wf_reader r = {.file = "", .errors = &errors, .opt = &wf_default_options};
    struct err e; /* told where that file is checked */

    *out = (struct wf_permissions){.stated = false};
    if (n == NULL)
        return true;
    if (n->kind == YX_SEQUENCE || tok_from_yaml(n, 1, NULL, &t, &e) < 0 ||
        (t->kind != TOK_MAPPING && t->kind != TOK_STRING))
        return false;
    *out = wf_read_permissions(&r, t);
    return true;
}

static void compare(const struct check *c, const char *file, const struct wf_permissions *max,
                    const struct yx_node *id, const struct yx_node *job,
                    const struct wf_permissions *requested)
{
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    struct wf_reader r = {.file = file, .errors = &errors, .opt = &wf_default_options};
    const struct yx_node *name = lint_get(job, "name");
    struct tok text = {.kind = TOK_STRING};
    struct wf_job caller = {.line = 1}, nested = {.line = 1};

    if (id != NULL)
        nested.id = id->text;
    if (name != NULL && name->kind == YX_SCALAR && !lint_has_expr(name)) {
        text.text = name->text;
        nested.name = &text;
    }
    wf_check_permissions(&r, &caller, max, id != NULL ? &nested : NULL, requested);
    for (size_t i = 0; i < errors.n; i++)
        lint_at(c->l, &rule_call_permissions, c->uses, "%s", errors.v[i].text);
}

/* max: of the calling job, stated or not. Recursion is bounded by MAX_LEVELS. */
static void check_call(struct check *c, struct sv uses, const struct wf_permissions *max,
                       unsigned level)
{
    const char *path = NULL;
    const struct yx_node *file = lint_called_file(c->l, uses, &path);
    const struct yx_node *jobs = lint_get(file, "jobs");
    struct wf_permissions down, own;

    if (file == NULL || level > MAX_LEVELS || !stated_by(file, &down))
        return;
    if (down.stated && max->stated)
        compare(c, path, max, NULL, NULL, &down);
    if (!down.stated)
        down = *max;
    for (size_t i = 0; jobs != NULL && jobs->kind == YX_MAPPING && i < jobs->n; i++) {
        const struct yx_node *id = jobs->items[2 * i], *job = jobs->items[2 * i + 1];
        if (++c->jobs > MAX_JOBS)
            return;
        if (!stated_by(job, &own))
            continue;
        if (own.stated && max->stated)
            compare(c, path, max, id, job, &own);
        if (lint_str(job, "uses").n > 0)
            check_call(c, lint_str(job, "uses"), own.stated ? &own : &down, level + 1);
    }
}

void lint_call_permissions(struct lint *l)
{
    struct wf_permissions of_file, own;
    struct check c = {.l = l};

    if (!stated_by(l->root, &of_file))
        return;
    for (size_t i = 0; i < l->n_jobs && c.jobs <= MAX_JOBS; i++) {
        c.uses = lint_get(l->jobs[i].node, "uses");
        if (c.uses != NULL && c.uses->kind == YX_SCALAR && stated_by(l->jobs[i].node, &own))
            check_call(&c, c.uses->text, own.stated ? &own : &of_file, 1);
    }
}
