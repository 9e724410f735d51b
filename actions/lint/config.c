/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration file of the linter, .github/gantry-lint.yml. */
#include <stdlib.h>

#include "actions/event.h"
#include "actions/lint/lint_priv.h"
#include "base/mem.h"

#define MAX_LIST 1000U

void lint_config_done(struct lint_config *c)
{
    for (size_t i = 0; i < c->n_ignores; i++) {
        free(c->ignores[i].rule);
        free(c->ignores[i].path);
        free(c->ignores[i].message);
    }
    for (size_t i = 0; i < c->n_labels; i++)
        free(c->labels[i]);
    for (size_t i = 0; i < c->n_trusted; i++)
        free(c->trusted[i]);
    free(c->ignores);
    free(c->labels);
    free(c->trusted);
    *c = (struct lint_config){0};
}

bool lint_path_matches(const char *pattern, const char *path)
{
    struct err e; /* the pattern was checked when it was read */
    bool hit = false;

    return event_pattern(sv_of(pattern), sv_of(path), &hit, &e) == 0 && hit;
}

static int fail(const struct yx_node *n, struct err *e, const char *what, struct sv name,
                const char *hint)
{
    return err_set(e, FAIL_INPUT, "%u:%u: %s '%.*s'%s%s", n->line, n->col, what,
                   (int)(name.n > 60 ? 60 : name.n), name.p, hint[0] != '\0' ? "; " : "", hint);
}

static int want(const struct yx_node *n, enum yx_kind kind, struct err *e)
{
    static const char *const names[] = {"a text", "a list", "a mapping"};

    if (n->kind == kind)
        return 0;
    return err_set(e, FAIL_INPUT, "%u:%u: %s was expected", n->line, n->col, names[kind]);
}

static int want_list(const struct yx_node *n, struct err *e)
{
    if (want(n, YX_SEQUENCE, e) < 0)
        return -1;
    if (n->n > MAX_LIST)
        return err_set(e, FAIL_LIMIT, "%u:%u: a list of %zu items; at most %u are read", n->line,
                       n->col, n->n, MAX_LIST);
    return 0;
}

static int read_bool(const struct yx_node *n, bool *out, struct err *e)
{
    if (n->kind != YX_SCALAR || lint_kind(n) != TOK_BOOL)
        return err_set(e, FAIL_INPUT, "%u:%u: true or false was expected", n->line, n->col);
    *out = lint_is_true(n);
    return 0;
}

static int check_pattern(const struct yx_node *n, struct err *e)
{
    struct err why = {0};
    bool hit;

    if (want(n, YX_SCALAR, e) < 0)
        return -1;
    if (event_pattern(n->text, SV(""), &hit, &why) < 0)
        return err_set(e, FAIL_INPUT, "%u:%u: %.200s", n->line, n->col, why.msg);
    return 0;
}

static int read_patterns(const struct yx_node *n, char ***v, size_t *count, size_t *cap,
                         struct err *e)
{
    if (want_list(n, e) < 0)
        return -1;
    for (size_t i = 0; i < n->n; i++) {
        if (check_pattern(n->items[i], e) < 0)
            return -1;
        GROW(*v, *cap, *count + 1);
        (*v)[(*count)++] = sv_dup(n->items[i]->text);
    }
    return 0;
}

static int read_rules(const struct yx_node *n, struct lint_config *c, struct err *e)
{
    if (want(n, YX_MAPPING, e) < 0)
        return -1;
    for (size_t i = 0; i < n->n; i++) {
        const struct yx_node *k = n->items[2 * i], *v = n->items[2 * i + 1];
        enum lint_level level;
        size_t r = 0;
        while (r < lint_n_rules && !sv_is(k->text, lint_rules[r]->id))
            r++;
        if (r == lint_n_rules)
            return fail(k, e, "there is no rule", k->text, "see gantry lint --rules");
        if (v->kind != YX_SCALAR || !lint_level_parse(v->text, &level))
            return fail(v, e, "there is no level", v->text, "use off, note, warning or error");
        c->levels[r] = level;
        c->has_level[r] = true;
    }
    return 0;
}

static int read_ignore(const struct yx_node *n, struct lint_config *c, struct err *e)
{
    struct lint_ignore g = {NULL, NULL, NULL};
    const struct yx_node *rule, *path, *message;

    if (want(n, YX_MAPPING, e) < 0)
        return -1;
    for (size_t i = 0; i < n->n; i++) {
        const struct yx_node *k = n->items[2 * i];
        if (!sv_is(k->text, "rule") && !sv_is(k->text, "path") && !sv_is(k->text, "message"))
            return fail(k, e, "unknown key", k->text, "use rule, path and message");
        if (want(n->items[2 * i + 1], YX_SCALAR, e) < 0)
            return -1;
    }
    rule = lint_get(n, "rule");
    path = lint_get(n, "path");
    message = lint_get(n, "message");
    if (n->n == 0)
        return err_set(e, FAIL_INPUT,
                       "%u:%u: this would ignore everything; use rule, path or message", n->line,
                       n->col);
    if (rule != NULL && lint_rule_find(rule->text) == NULL)
        return fail(rule, e, "there is no rule", rule->text, "see gantry lint --rules");
    if (path != NULL && check_pattern(path, e) < 0)
        return -1;
    g.rule = rule != NULL ? sv_dup(rule->text) : NULL;
    g.path = path != NULL ? sv_dup(path->text) : NULL;
    g.message = message != NULL ? sv_dup(message->text) : NULL;
    GROW(c->ignores, c->cap_ignores, c->n_ignores + 1);
    c->ignores[c->n_ignores++] = g;
    return 0;
}

static int read_ignores(const struct yx_node *n, struct lint_config *c, struct err *e)
{
    if (want_list(n, e) < 0)
        return -1;
    for (size_t i = 0; i < n->n; i++) {
        if (read_ignore(n->items[i], c, e) < 0)
            return -1;
    }
    return 0;
}

static int read_key(const struct yx_node *k, const struct yx_node *v, struct lint_config *c,
                    struct err *e)
{
    if (sv_is(k->text, "rules"))
        return read_rules(v, c, e);
    if (sv_is(k->text, "ignore"))
        return read_ignores(v, c, e);
    if (sv_is(k->text, "labels"))
        return read_patterns(v, &c->labels, &c->n_labels, &c->cap_labels, e);
    if (sv_is(k->text, "trusted-actions"))
        return read_patterns(v, &c->trusted, &c->n_trusted, &c->cap_trusted, e);
    if (sv_is(k->text, "strict"))
        return read_bool(v, &c->strict, e);
    if (sv_is(k->text, "notes"))
        return read_bool(v, &c->notes, e);
    return fail(k, e, "unknown key", k->text,
                "use rules, ignore, labels, trusted-actions, strict and notes");
}

int lint_config_parse(struct sv yaml, struct lint_config *out, struct err *e)
{
    AUTO(auto_yx) struct yx_doc *doc = NULL;
    AUTO(lint_config_done) struct lint_config c = {0};
    struct yx_limits lim = yx_default_limits;

    lim.nodes = lim.alias_nodes = 10000;
    if (yx_parse(yaml, &lim, &doc, e) < 0)
        return -1;
    const struct yx_node *root = yx_root(doc);
    if (root != NULL && want(root, YX_MAPPING, e) < 0)
        return -1;
    for (size_t i = 0; root != NULL && i < root->n; i++) {
        if (read_key(root->items[2 * i], root->items[2 * i + 1], &c, e) < 0)
            return -1;
    }
    *out = c;
    c = (struct lint_config){0};
    return 0;
}
