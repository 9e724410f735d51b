/* SPDX-License-Identifier: Apache-2.0
 *
 * What the official reader refuses, as findings: all of its errors, each under the rule that its text belongs to.
 * Expressions have been looked at more closely before; the reader's word on those is not repeated. */
#include "actions/lint/lint_priv.h"
#include "actions/manifest.h"
#include "base/mem.h"

#define MAX_ERRORS 100U
#define COUNT(a)   (sizeof(a) / sizeof(a)[0])

struct entry {
    const struct yx_node *node;
    uint32_t parent; /* index of the collection's entry */
    bool is_key;
};
struct index {
    struct entry *v;
    size_t n, cap;
};

/* In order of the file; keys in front of their values. */
static void add_nodes(struct index *x, const struct yx_node *n, size_t parent, bool is_key)
{
    size_t self = x->n;

    GROW(x->v, x->cap, x->n + 1);
    x->v[x->n++] = (struct entry){n, (uint32_t)parent, is_key};
    for (size_t i = 0; i < (n->kind == YX_MAPPING ? 2 * n->n : n->n); i++)
        add_nodes(x, n->items[i], self, n->kind == YX_MAPPING && i % 2 == 0);
}

static const struct entry *entry_at(const struct index *x, unsigned line, unsigned col)
{
    const struct entry *hit = NULL; /* the innermost: the last one that starts here */

    for (size_t i = 0; i < x->n; i++) {
        if (x->v[i].node->line == line && x->v[i].node->col == col)
            hit = &x->v[i];
    }
    return hit;
}

/* The key under which the entry stands; for a key or an item that of the collection around it. */
static struct sv key_above(const struct index *x, const struct entry *e)
{
    const struct entry *in = &x->v[e->parent];

    for (size_t i = 0; !e->is_key && in->node->kind == YX_MAPPING && i < in->node->n; i++) {
        if (in->node->items[2 * i + 1] == e->node)
            return in->node->items[2 * i]->text;
    }
    if (in == e || in == x->v)
        return (struct sv){"", 0};
    const struct entry *out = &x->v[in->parent];
    for (size_t i = 0; out->node->kind == YX_MAPPING && i < out->node->n; i++) {
        if (out->node->items[2 * i + 1] == in->node)
            return out->node->items[2 * i]->text;
    }
    return (struct sv){"", 0};
}

/* Which rule an unexpected value breaks. */
static const struct lint_rule *unexpected(const struct lint *l, const struct index *x,
                                          const struct entry *e)
{
    if (e == NULL)
        return &rule_invalid_value;
    const struct entry *in = &x->v[e->parent];
    bool below_on = in->node == lint_get(l->root, "on") || e->node == lint_get(l->root, "on");
    if (below_on && !l->action)
        return &rule_unknown_event;
    if (e->is_key)
        return sv_is(key_above(x, e), "permissions") ? &rule_unknown_permission : &rule_unknown_key;
    if (sv_is(key_above(x, e), "types"))
        return &rule_unknown_activity_type;
    return &rule_invalid_value;
}

static const struct {
    const char *text; /* part of the reader's message */
    const struct lint_rule *rule;
} texts[] = {
    {"is already defined", &rule_duplicate_key},
    {"Required property is missing", &rule_missing_key},
    {"not enough info", &rule_missing_key},
    {"was not expected", &rule_wrong_type},
    {"Invalid cron expression", &rule_invalid_cron},
    {"invalid pattern", &rule_invalid_glob},
    {"you may only define one of", &rule_filter_conflict},
    {"Missing 'options'", &rule_invalid_input},
    {"Input type is not", &rule_invalid_input},
    {"reading 'input default'", &rule_invalid_input},
    {"Matrix exclude key", &rule_unknown_exclude_key},
    {"Matrix ", &rule_invalid_matrix},
    {"Invalid runs-on group", &rule_invalid_runner_group},
    {"Concurrency group name", &rule_invalid_concurrency},
    {"'queue: max'", &rule_queue_conflict},
    {"Container image cannot be empty", &rule_invalid_container},
    {"Expected format '{major", &rule_invalid_snapshot},
    {"Expected format {org}", &rule_invalid_uses},
    {"Expected format $/", &rule_invalid_uses},
    {"depends on unknown job", &rule_unknown_need_job},
    {"creates a cycle", &rule_needs_cycle},
    {"at least one job with no dependencies", &rule_no_start_job},
    {"Invalid workflow reference", &rule_invalid_call},
    {"may not be used more than once", &rule_duplicate_id},
    {"The identifier '", &rule_invalid_id},
    {"cannot reference itself", &rule_invalid_control_step},
    {"Step references unknown", &rule_invalid_control_step},
    {"The value of 'wait-all'", &rule_invalid_control_step},
    {"inside a parallel", &rule_invalid_control_step},
    {"'parallel'", &rule_invalid_control_step},
    {"Maximum ", &rule_limit_exceeded},
    {"The maximum ", &rule_limit_exceeded},
    {"Unable to create a unique name", &rule_limit_exceeded},
    {"may not contain more than", &rule_limit_exceeded},
    {"Anchors are not", &rule_yaml_syntax},
    {"Missing 'runs'", &rule_invalid_manifest},
    {"Missing 'using'", &rule_invalid_manifest},
    {"'using: ", &rule_invalid_manifest},
    {"is not provided for action", &rule_invalid_manifest},
    {"are not provided for action", &rule_invalid_manifest},
};

static bool is_about_expression(struct sv text)
{
    static const char *const starts[] = {
        "Unexpected symbol",  "Unexpected end of expression", "Unrecognized ",
        "Too few parameters", "Too many parameters",          "Even number of parameters",
        "Exceeded max",       "The expression is not closed", "An expression was expected",
        "Exactly 0 param",    "The directive 'insert'",       "A template expression",
    };

    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        if (sv_starts(text, sv_of(starts[i])))
            return true;
    }
    return false;
}

static const struct lint_rule *rule_of(const struct lint *l, const struct index *x,
                                       const struct wf_error *w)
{
    struct sv text = sv_of(w->text);

    if (sv_starts(text, SV("Unexpected value '")))
        return unexpected(l, x, entry_at(x, w->line, w->col));
    if (is_about_expression(text))
        return &rule_expression_syntax;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (sv_find(text, sv_of(texts[i].text)) != SV_NPOS)
            return texts[i].rule;
    }
    return l->root == NULL ? &rule_yaml_syntax : &rule_invalid_value;
}

/* A misspelled key is missing too: one word about it is enough. */
static bool is_misspelled(const struct lint *l, const struct wf_error *w)
{
    for (const struct lint_suggestion *s = l->suggestions; s != NULL; s = s->next) {
        if (s->map != NULL && s->map->line == w->line && s->map->col == w->col &&
            sv_find(sv_of(w->text), sv_of(s->meant)) != SV_NPOS)
            return true;
    }
    return false;
}

/* The reader says "Unexpected value" to many things. */
static void say(const struct lint_rule *r, const struct entry *e, const struct wf_error *w,
                bool of_event, struct buf *b)
{
    static const struct {
        const struct lint_rule *rule;
        const char *text;
    } words[] = {
        {&rule_unknown_key, "unexpected key"},
        {&rule_unknown_event, "there is no event"},
        {&rule_unknown_activity_type, "the event has no activity type"},
        {&rule_unknown_permission, "there is no permission"},
    };
    static const char *const filters[] = {"branches",    "branches-ignore", "tags",
                                          "tags-ignore", "paths",           "paths-ignore"};

    for (size_t i = 0; of_event && i < COUNT(filters); i++) {
        if (sv_is(e->node->text, filters[i])) {
            buf_addf(b, "this event has no filter '%s'", filters[i]);
            return;
        }
    }

    for (size_t i = 0; e != NULL && i < sizeof words / sizeof words[0]; i++) {
        if (r == words[i].rule) {
            buf_addf(b, "%s '" SV_FMT "'", words[i].text, SV_ARG(e->node->text));
            return;
        }
    }
    buf_adds(b, wf_error_plain(w));
}

static void say_expected(const struct lint *l, const struct entry *e, const struct wf_error *w,
                         struct buf *b)
{
    AUTO(buf_free) struct buf list = BUF_INIT(4096);

    lint_expected(l, w->line, w->col, &list);
    if (list.len == 0)
        return;
    if (e != NULL && e->node->kind == YX_SCALAR && e->node->style != YX_PLAIN) {
        struct yx_node plain = *e->node;
        plain.style = YX_PLAIN;
        enum tok_kind k = lint_kind(&plain);
        if ((k == TOK_BOOL && sv_find(buf_sv(&list), SV("true")) != SV_NPOS) ||
            (k == TOK_NUMBER && sv_find(buf_sv(&list), SV("a number")) != SV_NPOS)) {
            buf_adds(b, "; write it without quotes");
            return;
        }
    }
    buf_addf(b, "; expected: %s", list.p);
}

static void report(struct lint *l, const struct index *x, const struct wf_error *w)
{
    AUTO(buf_free) struct buf b = BUF_INIT((size_t)2 << 20);
    const struct lint_rule *r = rule_of(l, x, w);
    const char *meant = lint_suggest(l, w->line, w->col);
    const struct entry *e = entry_at(x, w->line, w->col);
    struct lint_range at = {w->line, w->col, w->line, w->col};

    if ((is_about_expression(sv_of(w->text)) ||
         sv_starts(sv_of(w->text), SV("Unexpected value"))) &&
        lint_is_marked(l, w->line, w->col))
        return; /* its expressions have errors of their own */
    if (r == &rule_missing_key && is_misspelled(l, w))
        return;
    if (r == &rule_filter_conflict || sv_find(sv_of(w->text), SV("'input default'")) != SV_NPOS)
        return; /* events.c says more */
    bool of_event = r == &rule_unknown_key && e != NULL && !l->action &&
                    x->v[x->v[e->parent].parent].node == lint_get(l->root, "on");
    say(r, e, w, of_event, &b);
    if (meant == NULL && r == &rule_invalid_value &&
        sv_starts(sv_of(w->text), SV("Unexpected value '")))
        say_expected(l, e, w, &b);
    if (meant != NULL && r != &rule_missing_key)
        buf_addf(&b, "; did you mean '%s'?", meant);
    if (e != NULL)
        at = lint_range_of(l, e->node);
    lint_add(l, r, r->level, at, b.p);
}

/* What conversion says of a value that the schema has refused, or of one of its keys, follows from that. */
static bool follows(const struct index *x, const struct wf_errors *errors, size_t i)
{
    const struct wf_error *w = &errors->v[i];

    for (size_t k = 0; i >= errors->of_schema && k < errors->of_schema; k++) {
        const struct entry *e = entry_at(x, errors->v[k].line, errors->v[k].col);
        if (errors->v[k].line == w->line && errors->v[k].col == w->col)
            return true;
        if (e != NULL && e->is_key && x->v[e->parent].node->line == w->line &&
            x->v[e->parent].node->col == w->col)
            return true;
    }
    return false;
}

/* Unknown needs and cycles tell why no job can start. */
static bool tells_why(const struct index *x, const struct wf_errors *errors, size_t i)
{
    if (sv_find(sv_of(errors->v[i].text), SV("one job with no dependencies")) == SV_NPOS)
        return false;
    for (size_t k = 0; k < errors->n; k++) {
        if (sv_find(sv_of(errors->v[k].text), SV("' depends on ")) != SV_NPOS &&
            !follows(x, errors, k))
            return true;
    }
    return false;
}

void lint_reader(struct lint *l)
{
    AUTO(wf_errors_free) struct wf_errors errors = {.max = MAX_ERRORS, .whole = true};
    AUTO(auto_wf) struct wf *w = NULL;
    AUTO(auto_manifest) struct manifest *m = NULL;
    struct wf_options o = wf_default_options;
    struct index x = {0};
    struct err e = {0};

    o.go_on = o.strict = true;
    int rc = l->action ? manifest_parse_all(l->text, l->path, &m, &errors, &e)
                       : wf_parse_with(l->text, l->path, &o, &w, &errors, &e);
    if (rc == 0)
        return;
    if (l->root != NULL)
        add_nodes(&x, l->root, 0, false);
    for (size_t i = 0; i < errors.n; i++) {
        if (!follows(&x, &errors, i) && !tells_why(&x, &errors, i))
            report(l, &x, &errors.v[i]);
    }
    free(x.v);
}
