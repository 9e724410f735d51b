/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads a YAML tree by the schema into tokens and collects errors with the official texts (spec expressions 2.5).
 * Source: actions/runner: src/Sdk/WorkflowParser/ObjectTemplating/TemplateReader.cs. */
#include <stdlib.h>
#include <string.h>

#include "actions/workflow_priv.h"
#include "base/mem.h"
#include "base/num.h"

/* Source: TemplateMemory.cs, spec 3.3. */
#define TOKEN_BYTES      24U
#define STRING_BYTES     26U
#define MAX_ALTERNATIVES 8U
#define MAX_SCALARS      8U
#define LITERAL_TEXT     64U /* of a number, a boolean, null */

void wf_names_init(struct wf_names *n, unsigned context)
{
    static const struct {
        unsigned bit;
        const char *name;
    } contexts[] = {
        {CX_GITHUB, "github"},   {CX_INPUTS, "inputs"},     {CX_VARS, "vars"},
        {CX_NEEDS, "needs"},     {CX_STRATEGY, "strategy"}, {CX_MATRIX, "matrix"},
        {CX_SECRETS, "secrets"}, {CX_STEPS, "steps"},       {CX_JOB, "job"},
        {CX_RUNNER, "runner"},   {CX_ENV, "env"},           {CX_JOBS, "jobs"},
    };
    size_t k = 0, f = 0;

    for (size_t i = 0; i < sizeof contexts / sizeof contexts[0]; i++) {
        if ((context & contexts[i].bit) != 0)
            n->contexts[k++] = contexts[i].name;
    }
    n->contexts[k] = NULL;
    if ((context & CX_HASHFILES) != 0)
        n->functions[f++] = "hashFiles";
    if ((context & (CX_STATUS | CX_JOB_STATUS)) != 0) {
        bool jobs = (context & CX_JOB_STATUS) != 0;
        n->functions[f++] = "always";
        n->functions[f++] = jobs ? "success(0,MAX)" : "success";
        n->functions[f++] = jobs ? "failure(0,MAX)" : "failure";
        n->functions[f++] = "cancelled";
    }
    n->functions[f] = NULL;
    n->names = (struct expr_names){.contexts = n->contexts, .functions = n->functions};
}

/* ---- values ---- */

static struct tok *read_value(struct wf_reader *r, const struct yx_node *n,
                              const struct schema *type, unsigned context);

void wf_count_string(struct wf_reader *r, struct sv s)
{
    r->bytes += STRING_BYTES + 2 * utf8_utf16_len(s);
}

static void account(struct wf_reader *r, const struct tok *t)
{
    r->bytes += TOKEN_BYTES;
    if (t->kind == TOK_STRING || t->kind == TOK_EXPR)
        wf_count_string(r, t->text);
    if (r->bytes > r->opt->max_result_size)
        wf_stop(r, WF_AT_FILE, t->line, t->col, "Maximum object size exceeded");
}

static bool deeper(struct wf_reader *r, const struct yx_node *n)
{
    if (r->depth++ < r->opt->max_depth)
        return true;
    wf_stop(r, WF_AT_FILE, n->line, n->col, "Maximum object depth exceeded");
    return false;
}

/* The text ends here for the reader. */
static void stop_at_problem(struct wf_reader *r)
{
    const struct yx_problem *p = r->problem;

    if (p == NULL)
        return;
    if (p->has_marks)
        wf_stop(r, WF_AT_FILE, p->from.line, p->from.col,
                "(Line: %u, Col: %u, Idx: %zu) - (Line: %u, Col: %u, Idx: %zu): %s", p->from.line,
                p->from.col, p->from.index, p->to.line, p->to.col, p->to.index, p->text);
    else
        wf_stop(r, WF_AT_FILE, p->from.line, p->from.col, "%s", p->text);
}

static void skip_items(struct wf_reader *r, const struct yx_node *n);

/* What stands in a wrong place is not read, but its depth counts. */
static void skip(struct wf_reader *r, const struct yx_node *n)
{
    if (n->kind != YX_SCALAR && deeper(r, n)) {
        skip_items(r, n);
        r->depth--;
    }
}

static void skip_items(struct wf_reader *r, const struct yx_node *n)
{
    size_t items = n->kind == YX_MAPPING ? 2 * n->n : n->n;

    for (size_t i = 0; i < items && !r->stopped && n->items[i] != NULL; i++)
        skip(r, n->items[i]);
    if (n->cut)
        stop_at_problem(r);
}

/* The definitions of one kind that a definition offers, one-of unfolded. */
static size_t offers(const struct schema *s, enum schema_kind kind, const struct schema **out,
                     size_t max)
{
    size_t n = 0;

    if (s->kind == kind) {
        out[0] = s;
        return 1;
    }
    if (s->kind != SCHEMA_ONE_OF)
        return 0;
    for (const struct schema *const *p = s->one_of; *p != NULL; p++)
        n += offers(*p, kind, out + n, max - n);
    BUG(n > max);
    return n;
}

static bool has(const struct schema *s, enum schema_kind kind)
{
    const struct schema *found[MAX_SCALARS];

    return s->kind == SCHEMA_ANY || offers(s, kind, found, MAX_SCALARS) > 0;
}

/* null: the text stands for a value that is nothing. */
static bool string_fits(const struct wf_reader *r, const struct schema *s, struct sv text,
                        bool null)
{
    const struct schema *found[MAX_SCALARS];
    size_t n = offers(s, SCHEMA_STRING, found, MAX_SCALARS);

    if (s->kind == SCHEMA_ANY)
        return true;
    for (size_t i = 0; i < n; i++) {
        const char *const *v = found[i]->values;
        if ((found[i]->non_empty && text.n == 0) || (found[i]->not_null && null))
            continue;
        if (v == NULL || (found[i]->open && !r->opt->strict))
            return true;
        for (; *v != NULL; v++) {
            if (tok_names(text, *v))
                return true;
        }
    }
    return false;
}

static bool may_be_nothing(const struct wf_reader *r, const struct schema *s)
{
    return has(s, SCHEMA_NULL) || (s->or_nothing && !r->opt->strict);
}

/* Accepts the literal, converts it to a string, or reports it. */
static void validate(struct wf_reader *r, struct tok **t, const struct schema *type,
                     unsigned context)
{
    switch ((*t)->kind) {
    case TOK_INSERT: /* as a value; a key does not come here */
        wf_error_at(r, *t, "Unexpected value '${{ insert }}'");
        return;
    case TOK_EXPR:
        if (context == SET_NONE)
            wf_error_at(r, *t, "A template expression is not allowed in this context");
        return;
    case TOK_NULL:
        if (may_be_nothing(r, type))
            return;
        break;
    case TOK_BOOL:
        if (has(type, SCHEMA_BOOL))
            return;
        break;
    case TOK_NUMBER:
        if (has(type, SCHEMA_NUMBER))
            return;
        break;
    case TOK_STRING:
    case TOK_SEQUENCE:
    case TOK_MAPPING:
        break;
    }
    if ((*t)->kind == TOK_STRING) {
        if (!string_fits(r, type, (*t)->text, false))
            wf_error_at(r, *t, "Unexpected value '%s'", (*t)->text.p);
        return;
    }
    AUTO(buf_free) struct buf text = BUF_INIT(LITERAL_TEXT);
    tok_literal_text(*t, &text);
    if (!string_fits(r, type, buf_sv(&text), (*t)->kind == TOK_NULL)) {
        wf_error_at(r, *t, "Unexpected value '%s'", text.p);
        return;
    }
    tok_replace(t, TOK_STRING, buf_sv(&text));
}

/* A typed scalar with its expressions folded; after an error a string. */
static struct tok *read_scalar(struct wf_reader *r, const struct yx_node *n, unsigned context)
{
    AUTO(buf_free) struct buf why = BUF_INIT(WF_MAX_REASON);
    struct tok *t = NULL;
    UNINIT struct wf_names names;
    UNINIT struct err e; /* filled by what fails: this runs for every scalar */

    if (tok_typed(r->arena, n, r->index, &t, &e) < 0) { /* ends the official reader */
        wf_stop(r, WF_AT_FILE, n->line, n->col, "%s", err_whole(&e));
        return NULL;
    }
    if (!tok_may_have_expr(t))
        return t;
    wf_names_init(&names, context);
    if (tok_scan(&t, &names.names, &why) < 0) {
        /* the service says what is wrong first in a scalar, the editor all that is */
        const bool all = r->opt->go_on || r->opt->edition == WF_EDITION_EDITOR;
        for (size_t at = 0; at < (all ? why.len : 1); at += strlen(why.p + at) + 1)
            wf_error_at(r, t, "%s", why.p + at);
    }
    return t;
}

static struct tok *collection(struct wf_reader *r, enum tok_kind kind, const struct yx_node *n)
{
    struct tok *t = tok_make_in(r->arena, kind, SV(""));

    t->file = r->index;
    t->line = n->line;
    t->col = n->col;
    account(r, t);
    tok_reserve(t, kind == TOK_MAPPING ? 2 * n->n : n->n);
    return t;
}

static struct tok *read_sequence(struct wf_reader *r, const struct yx_node *n,
                                 const struct schema *type, unsigned context)
{
    const struct schema *found[MAX_SCALARS] = {&schema_any};
    struct tok *t = collection(r, TOK_SEQUENCE, n);

    if (type->kind != SCHEMA_ANY && offers(type, SCHEMA_SEQUENCE, found, MAX_SCALARS) == 0) {
        wf_error_at(r, t, "A sequence was not expected");
        skip_items(r, n);
        return t;
    }
    const struct schema *item = found[0]->kind == SCHEMA_ANY ? &schema_any : found[0]->item;
    for (size_t i = 0; i < n->n && !r->stopped; i++) {
        struct tok *v = read_value(r, n->items[i], item, context);
        if (v != NULL)
            tok_append(t, v);
    }
    if (n->cut)
        stop_at_problem(r);
    return t;
}

/* ---- mappings ---- */

#define FEW_KEYS 12U

struct mapping {
    const struct schema *alts[MAX_ALTERNATIVES];
    size_t n_alts;
    struct sv first[FEW_KEYS]; /* the keys; lent from the YAML tree */
    size_t n_first;
    struct nameset rest; /* those that are more, or were converted */
    bool expression_key;
};

/* Keys of steps that are off without WF_BACKGROUND_STEPS. */
static bool is_off(const struct wf_reader *r, struct sv key)
{
    static const char *const keys[] = {"background", "cancel", "parallel", "wait", "wait-all"};

    if ((r->opt->features & WF_BACKGROUND_STEPS) != 0)
        return false;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (tok_names(key, keys[i]))
            return true;
    }
    return false;
}

static const struct schema_property *property_of(const struct schema *map, struct sv key)
{
    for (const struct schema_property *p = map->props; p != NULL && p->name != NULL; p++) {
        if (tok_names(key, p->name))
            return p;
    }
    return NULL;
}

static bool has_key(const struct mapping *m, struct sv name)
{
    for (size_t i = 0; i < m->n_first; i++) {
        if (sv_ieq(m->first[i], name))
            return true;
    }
    return nameset_has(&m->rest, name);
}

/* node: where the name comes from; false: the name was there, case ignored. */
static bool add_key(struct mapping *m, struct sv name, const struct yx_node *node)
{
    if (has_key(m, name))
        return false;
    if (m->n_first < FEW_KEYS && sv_eq(node->text, name))
        m->first[m->n_first++] = node->text;
    else
        (void)nameset_add(&m->rest, name);
    return true;
}

/* A known key keeps only the alternatives that have it. */
static const struct schema *match_key(struct mapping *m, struct sv key)
{
    const struct schema *type = NULL, *kept[MAX_ALTERNATIVES];
    size_t n = 0;

    for (size_t i = 0; i < m->n_alts; i++) {
        const struct schema_property *p = property_of(m->alts[i], key);
        if (p == NULL)
            continue;
        if (type == NULL)
            type = p->type;
        kept[n++] = m->alts[i];
    }
    if (type == NULL)
        return NULL;
    memcpy(m->alts, kept, n * sizeof(struct schema *));
    m->n_alts = n;
    return type;
}

static int name_cmp(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Lists the keys that occur in exactly one of the remaining alternatives. */
static void report_ambiguous(struct wf_reader *r, const struct mapping *m, const struct tok *t)
{
    AUTO(buf_free) struct buf list = BUF_INIT(4096);
    const char *names[128];
    size_t n = 0;

    for (size_t i = 0; i < m->n_alts; i++) {
        for (const struct schema_property *p = m->alts[i]->props; p->name != NULL; p++) {
            bool twice = false;
            for (size_t k = 0; k < m->n_alts; k++)
                twice = twice || (k != i && property_of(m->alts[k], sv_of(p->name)) != NULL);
            if (!twice && !is_off(r, sv_of(p->name)) && n < sizeof names / sizeof names[0])
                names[n++] = p->name;
        }
    }
    qsort(names, n, sizeof names[0], name_cmp);
    for (size_t i = 0; i < n; i++)
        buf_addf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
    wf_error_at(r, t,
                "There's not enough info to determine what you meant. Add one of these properties: "
                "%s",
                list.p);
}

static void check_required(struct wf_reader *r, struct mapping *m, const struct tok *t)
{
    if (m->n_alts > 1) {
        report_ambiguous(r, m, t);
        return;
    }
    if (m->expression_key || m->n_alts == 0)
        return;
    for (const struct schema_property *p = m->alts[0]->props; p != NULL && p->name != NULL; p++) {
        /* by the set of keys, which ignores case, as the official reader does */
        if (p->required && !has_key(m, sv_of(p->name)))
            wf_error_at(r, t, "Required property is missing: %s", p->name);
    }
}

/* What the value of this key must be, or NULL after an error. */
static const struct schema *value_type(struct wf_reader *r, struct mapping *m, struct tok **key,
                                       const struct yx_node *node, unsigned context)
{
    const struct schema *loose = m->alts[0]->key;

    if ((*key)->kind == TOK_EXPR || (*key)->kind == TOK_INSERT) {
        m->expression_key = true;
        if (context != SET_NONE)
            return loose != NULL && m->alts[0]->props == NULL ? m->alts[0]->item : &schema_any;
        wf_error_at(r, *key, "A template expression is not allowed in this context");
        return NULL;
    }
    validate(r, key, &schema_string, context);
    if (!add_key(m, (*key)->text, node)) {
        wf_error_at(r, *key, "'%.*s' is already defined", SV_ARG((*key)->text));
        return NULL;
    }
    const struct schema *type = match_key(m, (*key)->text);
    if (type != NULL && !is_off(r, (*key)->text))
        return type;
    if (type != NULL || loose == NULL || (m->alts[0]->lenient && r->opt->strict)) {
        wf_error_at(r, *key, "Unexpected value '%.*s'", SV_ARG((*key)->text));
        return NULL;
    }
    validate(r, key, loose, context);
    return m->alts[0]->item;
}

static void read_pair(struct wf_reader *r, struct mapping *m, struct tok *t,
                      const struct yx_node *k, const struct yx_node *v, unsigned context)
{
    AUTO(auto_tok) struct tok *key = read_scalar(r, k, context);
    if (key == NULL)
        return;
    const struct schema *type = value_type(r, m, &key, k, context);
    if (v == NULL) { /* the text ends in front of it */
        stop_at_problem(r);
        return;
    }
    if (type == NULL) {
        skip(r, v);
        return;
    }
    account(r, key);
    AUTO(auto_tok) struct tok *value = read_value(r, v, type, context);
    bool ignored = m->alts[0]->lenient && property_of(m->alts[0], key->text) == NULL;
    bool absent = value != NULL && value->kind == TOK_NULL && type->or_nothing &&
                  !has(type, SCHEMA_NULL); /* that can be nothing itself */
    if (value != NULL && !ignored && !absent)
        tok_append_pair(t, TAKE_PTR(key), TAKE_PTR(value));
}

static struct tok *read_mapping(struct wf_reader *r, const struct yx_node *n,
                                const struct schema *type, unsigned context)
{
    static const struct schema any_mapping = {
        .kind = SCHEMA_MAPPING, .key = &schema_string, .item = &schema_any};
    struct mapping m = {.alts = {&any_mapping}, .n_alts = 1};
    struct tok *t = collection(r, TOK_MAPPING, n);

    if (type->kind != SCHEMA_ANY)
        m.n_alts = offers(type, SCHEMA_MAPPING, m.alts, MAX_ALTERNATIVES);
    if (m.n_alts == 0) {
        wf_error_at(r, t, "A mapping was not expected");
        skip_items(r, n);
        return t;
    }
    size_t i = 0;
    for (; i < n->n && !r->stopped && n->items[2 * i]->kind == YX_SCALAR; i++)
        read_pair(r, &m, t, n->items[2 * i], n->items[2 * i + 1], context);
    if (n->cut && i == n->n)
        stop_at_problem(r);
    if (!r->stopped)
        check_required(r, &m, t);
    if (i < n->n) /* the official reader gives up at a key that is a collection */
        wf_stop(r, WF_AT_FILE, n->items[2 * i]->line, n->items[2 * i]->col, "Expected mapping end");
    nameset_free(&m.rest);
    return t;
}

/* Recursion is bounded by max_depth. */
static struct tok *read_value(struct wf_reader *r, const struct yx_node *n,
                              const struct schema *type, unsigned context)
{
    struct tok *t;

    context |= type->context;
    if (n->kind == YX_SCALAR) {
        t = read_scalar(r, n, context);
        if (t == NULL)
            return NULL;
        validate(r, &t, type, context);
        account(r, t);
        return t;
    }
    if (!deeper(r, n))
        return NULL;
    bool sequence = n->kind == YX_SEQUENCE,
         absent = type->or_nothing && !r->opt->strict && has(type, SCHEMA_NULL) &&
                  !has(type, sequence ? SCHEMA_SEQUENCE : SCHEMA_MAPPING);
    if (absent)
        type = &schema_any;
    t = sequence ? read_sequence(r, n, type, context) : read_mapping(r, n, type, context);
    if (absent)
        tok_replace(&t, TOK_NULL, SV(""));
    r->depth--;
    return t;
}

struct tok *wf_read_text(struct wf_reader *r, struct sv yaml, const struct schema *type,
                         bool anchors)
{
    AUTO(auto_yx) struct yx_doc *doc = NULL;
    struct yx_limits lim = yx_default_limits;
    struct yx_problem problem;
    struct err e = {0}; /* problem says the same */

    if (r->opt == NULL)
        r->opt = &wf_default_options;
    if (utf8_utf16_len(yaml) > r->opt->max_file_size) {
        wf_stop(r, WF_AT_FILE, 1, 1, "The maximum file size of %zu characters has been exceeded",
                r->opt->max_file_size);
        return NULL;
    }
    lim.depth =
        TOK_MAX_DEPTH; /* max_depth is counted while reading: what comes before is reported */
    lim.input_bytes = yaml.n;
    lim.no_anchors = !anchors;
    lim.duplicates_ok = true; /* reported below, without regard to case */
    r->problem = yx_parse_part(yaml, &lim, &doc, &problem, &e) < 0 ? &problem : NULL;
    struct tok *t = NULL;
    r->arena = tok_arena_new();
    if (yx_root(doc) != NULL)
        t = read_value(r, yx_root(doc), type, SET_NONE);
    else if (r->problem == NULL)
        wf_stop(r, WF_AT_FILE, 1, 1, "Expected document start parse event");
    stop_at_problem(r); /* behind the document */
    r->problem = NULL;
    tok_arena_give(r->arena, t);
    r->arena = NULL;
    return t;
}
