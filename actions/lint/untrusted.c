/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts that anybody may choose, written into scripts. Rules: script-injection, script-injection-env,
 * template-in-script.
 * Source of the list: docs.github.com, "Script injections"; securitylab.github.com, "Untrusted input". */
#include "actions/lint/lint_priv.h"
#include "base/mem.h"

/* Paths whose value an outsider writes. "*" stands for any name or index. */
static const char *const untrusted[] = {
    "github.head_ref",
    "github.event.issue.title",
    "github.event.issue.body",
    "github.event.pull_request.title",
    "github.event.pull_request.body",
    "github.event.pull_request.head.ref",
    "github.event.pull_request.head.label",
    "github.event.pull_request.head.repo.default_branch",
    "github.event.pull_request.head.repo.description",
    "github.event.pull_request.head.repo.homepage",
    "github.event.comment.body",
    "github.event.review.body",
    "github.event.review_comment.body",
    "github.event.discussion.title",
    "github.event.discussion.body",
    "github.event.pages.*.page_name",
    "github.event.pages.*.title",
    "github.event.pages.*.summary",
    "github.event.commits.*.message",
    "github.event.commits.*.author.email",
    "github.event.commits.*.author.name",
    "github.event.commits.*.committer.email",
    "github.event.commits.*.committer.name",
    "github.event.head_commit.message",
    "github.event.head_commit.author.email",
    "github.event.head_commit.author.name",
    "github.event.head_commit.committer.email",
    "github.event.head_commit.committer.name",
    "github.event.workflow_run.head_branch",
    "github.event.workflow_run.display_title",
    "github.event.workflow_run.head_commit.message",
    "github.event.workflow_run.head_commit.author.email",
    "github.event.workflow_run.head_commit.author.name",
    "github.event.workflow_run.head_repository.description",
    "github.event.workflow_run.pull_requests.*.head.ref",
    "github.event.check_suite.head_branch",
    "github.event.check_run.check_suite.head_branch",
    "github.event.merge_group.head_commit.message",
    "github.event.merge_group.head_commit.author.email",
    "github.event.merge_group.head_commit.author.name",
    "github.event.changes.title.from",
    "github.event.changes.body.from",
};
/* Chosen by people who may write to the repository or start runs. */
static const char *const chosen[] = {
    "github.ref_name",
    "github.ref",
    "github.base_ref",
    "github.event.client_payload",
    "github.event.release.name",
    "github.event.release.body",
    "github.event.release.tag_name",
    "github.event.inputs",
    "inputs",
};

/* Inputs of actions that are scripts. */
static const struct {
    const char *action, *input;
} scripts[] = {
    {"actions/github-script", "script"},
    {"azure/cli", "inlineScript"},
    {"azure/powershell", "inlineScript"},
    {"appleboy/ssh-action", "script"},
    {"nick-fields/retry", "command"},
    {"nick-invision/retry", "command"},
    {"mikefarah/yq", "cmd"},
    {"cardinalby/js-eval-action", "expression"},
    {"jannekem/run-python-script-action", "script"},
    {"amadevus/pwsh-script", "script"},
    {"gradle/gradle-build-action", "arguments"},
    {"addnab/docker-run-action", "run"},
    {"reactivecircus/android-emulator-runner", "script"},
    {"lannonbr/vsce-action", "args"},
    {"borales/actions-yarn", "cmd"},
    {"roots/issue-closer-action", "issue-close-message"},
};

/* ---- paths ---- */

bool lint_path(const struct node *n, struct buf *out)
{
    if (n->kind == N_NAME) {
        buf_addsv(out, n->text);
        return true;
    }
    if (n->kind != N_INDEX || !lint_path(n->first, out))
        return false;
    buf_addc(out, '.');
    if (n->last->kind == N_STRING)
        buf_addsv(out, n->last->text);
    else if (n->last->kind == N_WILDCARD || n->last->kind == N_NUMBER)
        buf_addc(out, '*');
    else
        buf_addc(out, '?'); /* computed: any, which is no reason to suspect one */
    return true;
}

static bool segment_is(struct sv path, struct sv pattern)
{
    return sv_is(path, "*") || sv_is(pattern, "*") || sv_ieq(path, pattern);
}

/* Equal by segments, where "*" on either side is any; the path may also go on behind the pattern when below. */
static bool path_is(struct sv path, struct sv pattern, bool below)
{
    struct sv a, b;

    while (sv_next(&pattern, '.', &b)) {
        if (!sv_next(&path, '.', &a))
            return false;
        if (!segment_is(a, b))
            return false;
    }
    return below || path.p == NULL;
}

/* A whole object that holds something untrusted: github, github.event, github.event.issue. */
static bool holds(struct sv path, struct sv pattern)
{
    struct sv a, b;

    while (sv_next(&path, '.', &a)) {
        if (!sv_next(&pattern, '.', &b) || !segment_is(a, b))
            return false;
    }
    return true;
}

static bool in_list(struct sv path, const char *const *list, size_t n, bool below)
{
    for (size_t i = 0; i < n; i++) {
        if (path_is(path, sv_of(list[i]), below))
            return true;
    }
    return false;
}

/* ---- env ---- */

/* The value that a variable has at the site: of the step, the job or the workflow. */
static const struct yx_node *variable(const struct lint_expr *x, struct sv name)
{
    const struct lint_site *s = x->site;
    const struct yx_node *maps[] = {s->step != NULL ? lint_get(s->step->node, "env") : NULL,
                                    s->job != NULL ? lint_get(s->job->node, "env") : NULL,
                                    lint_get(x->l->root, "env")};

    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; maps[i] != NULL && maps[i]->kind == YX_MAPPING && k < maps[i]->n; k++) {
            if (sv_ieq(maps[i]->items[2 * k]->text, name))
                return maps[i]->items[2 * k + 1];
        }
    }
    return NULL;
}

/* Whether the text names an untrusted path anywhere in an expression. */
static bool names_untrusted(struct sv text)
{
    for (size_t i = 0; i < sizeof untrusted / sizeof untrusted[0]; i++) {
        struct sv p = sv_of(untrusted[i]);
        size_t star = sv_find(p, SV(".*"));
        struct sv head = star == SV_NPOS ? p : sv_sub(p, 0, star);
        size_t at = sv_find(text, head);
        if (at == SV_NPOS || sv_find(sv_sub(text, 0, at), SV("${{")) == SV_NPOS)
            continue;
        size_t end = at + head.n;
        if (end >= text.n ||
            (!ch_is_alnum(text.p[end]) && text.p[end] != '_' && text.p[end] != '-'))
            return true;
    }
    return false;
}

/* ---- the walk ---- */

/* Whether there was something to say. */
static bool report(const struct lint_expr *x, const struct node *n, struct sv path)
{
    const struct yx_node *v;

    if (in_list(path, untrusted, sizeof untrusted / sizeof untrusted[0], false)) {
        lint_expr_at(
            x, &rule_script_injection, n,
            "anybody may choose the text of '" SV_FMT
            "', and it becomes part of the script; pass it through `env` and use \"$NAME\"",
            SV_ARG(path));
        return true;
    }
    if (sv_istarts(path, SV("env.")) && (v = variable(x, sv_sub(path, 4, SV_NPOS))) != NULL &&
        v->kind == YX_SCALAR && names_untrusted(v->text)) {
        lint_expr_at(x, &rule_script_injection, n,
                     "'" SV_FMT
                     "' holds a text that anybody may choose, and ${{ }} makes it part of "
                     "the script; use the variable of the shell, \"$" SV_FMT "\"",
                     SV_ARG(path), SV_ARG(sv_sub(path, 4, SV_NPOS)));
        return true;
    }
    bool is_chosen = in_list(path, chosen, sizeof chosen / sizeof chosen[0], true) &&
                     !sv_is(path, "inputs") && !sv_is(path, "github.event.inputs");
    if (is_chosen)
        lint_expr_at(x, &rule_template_in_script, n,
                     "'" SV_FMT "' becomes part of the script, whatever it holds; pass it through "
                     "`env` and use \"$NAME\"",
                     SV_ARG(path));
    return is_chosen;
}

static bool is_boolean_input(const struct lint_expr *x, const struct node *n)
{
    const struct lt_prop *p;

    if (n->kind != N_INDEX || n->first->kind != N_NAME || n->last->kind != N_STRING ||
        !sv_ieq(n->first->text, SV("inputs")))
        return false;
    p = lt_find(x->l->inputs, n->last->text);
    return p != NULL && (p->type->kind == LT_BOOL || p->type->kind == LT_NUMBER);
}

/* Goes to every node whose text may come out of the expression. */
static void follow(const struct lint_expr *x, const struct node *n, bool whole)
{
    AUTO(buf_free) struct buf path = BUF_INIT(1024);

    switch ((enum node_kind)n->kind) {
    case N_NAME:
    case N_INDEX:
        if (!lint_path(n, &path) || is_boolean_input(x, n))
            return;
        if (report(x, n, buf_sv(&path)))
            return;
        for (size_t i = 0; whole && i < sizeof untrusted / sizeof untrusted[0]; i++) {
            if (holds(buf_sv(&path), sv_of(untrusted[i])) &&
                !path_is(buf_sv(&path), sv_of(untrusted[i]), false)) {
                lint_expr_at(x, &rule_script_injection, n,
                             "'" SV_FMT
                             "' holds texts that anybody may choose, and it becomes part "
                             "of the script; pass it through `env` and use \"$NAME\"",
                             SV_ARG(buf_sv(&path)));
                return;
            }
        }
        return;
    case N_AND: /* the others come out when they are empty only */
        follow(x, n->last, whole);
        return;
    case N_OR:
        for (const struct node *c = n->first; c != NULL; c = c->next)
            follow(x, c, whole);
        return;
    case N_CALL:
        if (n->fn->id != FN_FORMAT && n->fn->id != FN_JOIN && n->fn->id != FN_TO_JSON &&
            n->fn->id != FN_FROM_JSON && n->fn->id != FN_CASE)
            return;
        for (const struct node *c = n->first; c != NULL; c = c->next)
            follow(x, c, n->fn->id == FN_TO_JSON || n->fn->id == FN_JOIN);
        return;
    case N_NULL:
    case N_BOOL:
    case N_NUMBER:
    case N_STRING:
    case N_WILDCARD:
    case N_NOT:
    case N_GT:
    case N_GE:
    case N_LT:
    case N_LE:
    case N_EQ:
    case N_NE:
    case N_OPEN_GROUP:
    case N_OPEN_INDEX:
    case N_OPEN_PARAMS:
        break;
    }
}

static bool is_script(const struct lint_site *s)
{
    if (s->place == PLACE_RUN)
        return true;
    if (s->place != PLACE_WITH || s->step == NULL || s->step->uses == NULL)
        return false;
    struct sv name = sv_sub(s->step->uses->text, 0, sv_chr(s->step->uses->text, '@'));
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        if (sv_ieq(name, sv_of(scripts[i].action)) && sv_ieq(s->key, sv_of(scripts[i].input)))
            return true;
    }
    return false;
}

void lint_untrusted(const struct lint_expr *x)
{
    if (is_script(x->site))
        follow(x, x->x->root, false);
}
