/* SPDX-License-Identifier: Apache-2.0
 *
 * Expressions that are legal and rarely meant. Rules: constant-condition, unsound-contains, spoofable-actor,
 * all-secrets, unmasked-secret, always-in-condition, redundant-braces, unsound-ternary. */
#include "actions/lint/lint_priv.h"
#include "base/mem.h"

/* -1 = not constant, else whether it is truthy. */
static int constant(const struct node *n)
{
    switch ((enum node_kind)n->kind) {
    case N_NULL:
        return 0;
    case N_BOOL:
        return val_get_bool(n->v);
    case N_NUMBER:
        return n->literal.num < 0 || n->literal.num > 0;
    case N_STRING:
        return n->text.n > 0;
    case N_NOT: {
        int inner = constant(n->first);
        return inner < 0 ? -1 : !inner;
    }
    case N_AND:
    case N_OR: {
        int all = n->kind == N_AND;
        for (const struct node *c = n->first; c != NULL; c = c->next) {
            int k = constant(c);
            if (k == (n->kind == N_OR))
                return k; /* decides alone */
            if (k < 0)
                all = -1;
        }
        return all;
    }
    case N_NAME:
    case N_WILDCARD:
    case N_CALL:
    case N_INDEX:
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
    return -1;
}

static bool is_status_call(const struct node *n, enum fn_id id)
{
    return n->kind == N_CALL && n->fn->id == id;
}

static void check_condition(const struct lint_expr *x)
{
    const struct node *root = x->x->root;
    int k = constant(root);
    bool always = is_status_call(root, FN_ALWAYS);

    if (k >= 0) {
        lint_expr_at(x, &rule_constant_condition, root, "the condition is always %s%s",
                     k > 0 ? "true" : "false",
                     k > 0 ? "; leave it out" : "; what it guards never runs");
    } else if (always || (root->kind == N_AND && is_status_call(root->first, FN_ALWAYS))) {
        lint_expr_at(x, &rule_always_in_condition, always ? root : root->first,
                     "always() runs this when the run is cancelled too; !cancelled() does not");
    }
    if (x->offset > 0 && x->site->node->text.p[x->offset - 1] != '\n' &&
        sv_starts(sv_trim(x->site->node->text), SV("${{")) && !x->mixed)
        lint_expr_at(x, &rule_redundant_braces, root,
                     "`if` is an expression already: ${{ }} adds "
                     "nothing");
}

/* ---- inside ---- */

static bool is_path(const struct node *n, const char *path)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1024);

    return (n->kind == N_INDEX || n->kind == N_NAME) && lint_path(n, &b) &&
           sv_ieq(buf_sv(&b), sv_of(path));
}

static bool is_chosen_by_author(const struct node *n)
{
    return is_path(n, "github.head_ref") || is_path(n, "github.ref") ||
           is_path(n, "github.ref_name") || is_path(n, "github.base_ref") ||
           is_path(n, "github.actor") || is_path(n, "github.triggering_actor") ||
           is_path(n, "github.event.pull_request.head.ref");
}

/* contains('main release', github.ref): true for "ma", and for any part. */
static void check_contains(const struct lint_expr *x, const struct node *n)
{
    if (n->fn->id == FN_CONTAINS && n->n_args == 2 && n->first->kind == N_STRING &&
        is_chosen_by_author(n->last))
        lint_expr_at(x, &rule_unsound_contains, n,
                     "contains() on a text is true for every part of it; use "
                     "contains(fromJSON('[\"...\"]'), ...) for a list");
}

static bool is_actor(const struct node *n)
{
    return is_path(n, "github.actor") || is_path(n, "github.triggering_actor");
}

static void check_actor(const struct lint_expr *x, const struct node *n)
{
    const struct node *text = n->first->kind == N_STRING  ? n->first
                              : n->last->kind == N_STRING ? n->last
                                                          : NULL;

    if (text != NULL && sv_ends(text->text, SV("[bot]")) && n->kind == N_EQ &&
        (is_actor(n->first) || is_actor(n->last)) &&
        (lint_has_event(x->l, "pull_request_target") || lint_has_event(x->l, "issue_comment") ||
         lint_has_event(x->l, "workflow_run")))
        lint_expr_at(
            x, &rule_spoofable_actor, n,
            "the actor is who caused this event, not who wrote the change: anybody can make "
            "a bot do that; ask github.event.pull_request.user.login");
}

static void check_secrets(const struct lint_expr *x, const struct node *n,
                          const struct node *parent)
{
    if (n->kind == N_NAME && sv_ieq(n->text, SV("secrets")) &&
        (parent == NULL || parent->kind != N_INDEX || parent->last->kind != N_STRING) &&
        (x->site->context & CX_SECRETS) != 0)
        lint_expr_at(x, &rule_all_secrets, n,
                     "this hands over every secret of the repository; name the one that is needed");
    if (n->kind == N_INDEX && n->first->kind == N_CALL && n->first->fn->id == FN_FROM_JSON) {
        const struct node *a = n->first->first;
        if (a != NULL && a->kind == N_INDEX && a->first->kind == N_NAME &&
            sv_ieq(a->first->text, SV("secrets")))
            lint_expr_at(x, &rule_unmasked_secret, n->first,
                         "parts of a JSON secret are not masked in the log; make each a secret of "
                         "its own");
    }
}

/* `a && '' || b` is b, whatever a is. */
static void check_ternary(const struct lint_expr *x, const struct node *n)
{
    for (const struct node *c = n->first; c != NULL && c->next != NULL; c = c->next) {
        const struct node *middle = c->kind == N_AND ? c->last : NULL;
        if (middle != NULL && constant(middle) == 0 && constant(c->first) < 0)
            lint_expr_at(x, &rule_unsound_ternary, middle,
                         "what stands between && and || is false itself, so what follows || comes "
                         "out always; turn the condition around, or use case()");
    }
}

static void look(const struct lint_expr *x, const struct node *n, const struct node *parent)
{
    if (n->kind == N_OR)
        check_ternary(x, n);
    if (n->kind == N_CALL)
        check_contains(x, n);
    if (n->kind == N_EQ)
        check_actor(x, n);
    check_secrets(x, n, parent);
    for (const struct node *c = n->first; c != NULL; c = c->next)
        look(x, c, n);
}

void lint_habits(const struct lint_expr *x)
{
    const struct node *root = x->x->root;

    if (x->site->place == PLACE_IF && !x->mixed)
        check_condition(x);
    look(x, root, NULL);
}

/* ---- for the rules about jobs ---- */

void lint_condition(const struct yx_node *n, int *value, bool *status)
{
    AUTO(auto_expr) struct expr *x = NULL;
    struct expr_error xe = {0};
    struct err e = {0}; /* reported where the expression is checked */

    *value = -1;
    *status = false;
    if (n == NULL || n->kind != YX_SCALAR)
        return;
    struct sv s = sv_trim(n->text);
    if (sv_starts(s, SV("${{")) && sv_ends(s, SV("}}"))) {
        if (s.n != n->text.n)
            return; /* with white space around it a text */
        s = sv_trim(sv_sub(s, 3, s.n - 5));
    }
    if (expr_parse(s, NULL, &x, &xe, &e) < 0 || expr_is_blank(x))
        return;
    *status = expr_has_status_function(x);
    *value = constant(x->root);
}
