/* SPDX-License-Identifier: Apache-2.0
 *
 * Walks the YAML nodes along the schema, to know at each scalar which contexts are available, what its value may
 * be, and to which job and step it belongs. */
#include "actions/lint/lint_priv.h"
#include "actions/manifest.h"

#define MAX_ALTERNATIVES 16U

enum walk_at { AT_ROOT, AT_JOBS, AT_JOB, AT_RUNS, AT_STEPS, AT_STEP, AT_OTHER };
struct walk {
    struct lint *l;
    enum walk_at at;
    const struct lint_job *job;
    const struct lint_step *step;
    struct sv key;       /* the last one */
    enum lint_place map; /* what the values of the mapping are: PLACE_ENV, PLACE_WITH */
};

static size_t alternatives(const struct schema *s, enum schema_kind kind, const struct schema **out,
                           size_t n)
{
    if (s->kind == kind && n < MAX_ALTERNATIVES)
        out[n++] = s;
    if (s->kind == SCHEMA_ONE_OF) {
        for (const struct schema *const *p = s->one_of; *p != NULL; p++)
            n = alternatives(*p, kind, out, n);
    }
    return n;
}

static const struct schema_property *property(const struct schema *map, struct sv key)
{
    for (const struct schema_property *p = map->props; p != NULL && p->name != NULL; p++) {
        if (sv_is(key, p->name))
            return p;
    }
    return NULL;
}

/* ---- what was meant ---- */

/* meant: NULL when nothing is near. For a value what it must be, for a key where it is; the other is NULL. */
static void suggest(struct walk *w, const struct yx_node *n, const char *meant,
                    const struct schema *type, const struct yx_node *map)
{
    struct lint_suggestion *s = lint_alloc(w->l, sizeof *s);

    *s = (struct lint_suggestion){
        .next = w->l->suggestions, .key = n, .meant = meant, .type = type, .map = map};
    w->l->suggestions = s;
}

static void note_unknown(struct walk *w, const struct yx_node *map, const struct yx_node *key,
                         const struct schema *const *alts, size_t n)
{
    const char *names[256];
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        for (const struct schema_property *p = alts[i]->props;
             p != NULL && p->name != NULL && k < 255; p++)
            names[k++] = p->name;
    }
    names[k] = NULL;
    const char *best = nearest_name(key->text, names);
    if (best != NULL)
        suggest(w, key, best, NULL, map);
}

static bool has_kind(const struct schema *type, enum schema_kind kind)
{
    const struct schema *alts[MAX_ALTERNATIVES];

    return alternatives(type, kind, alts, 0) > 0;
}

/* Not a text that is allowed; another scalar may be. */
static bool fits(const struct yx_node *n, const struct schema *type)
{
    switch (lint_kind(n)) {
    case TOK_BOOL:
        return has_kind(type, SCHEMA_BOOL);
    case TOK_NUMBER:
        return has_kind(type, SCHEMA_NUMBER);
    case TOK_NULL:
        return has_kind(type, SCHEMA_NULL);
    case TOK_STRING:
    case TOK_SEQUENCE:
    case TOK_MAPPING:
    case TOK_EXPR:
    case TOK_INSERT:
        break;
    }
    return lint_has_expr(n);
}

/* A value that is none of those allowed: which there are, and which of them it is nearly. */
static void check_values(struct walk *w, const struct yx_node *n, const struct schema *type)
{
    const struct schema *alts[MAX_ALTERNATIVES];
    size_t n_alts = alternatives(type, SCHEMA_STRING, alts, 0);
    const char *best = NULL;

    if (type->kind == SCHEMA_ANY)
        return;
    for (size_t i = 0; i < n_alts; i++) {
        if (alts[i]->values == NULL && !(alts[i]->non_empty && n->text.n == 0))
            return; /* any text */
        if (alts[i]->values == NULL)
            continue;
        for (const char *const *v = alts[i]->values; *v != NULL; v++) {
            if (sv_is(n->text, *v))
                return;
        }
        if (best == NULL)
            best = nearest_name(n->text, alts[i]->values);
    }
    if (!fits(n, type))
        suggest(w, n, best, type, NULL);
}

static void add_one(struct buf *b, const char *name)
{
    buf_addf(b, "%s%s", b->len > 0 ? ", " : "", name);
}

void lint_expected(const struct lint *l, unsigned line, unsigned col, struct buf *b)
{
    const struct schema *alts[MAX_ALTERNATIVES];
    const struct lint_suggestion *s = l->suggestions;
    size_t n = 0;

    while (s != NULL && (s->key->line != line || s->key->col != col))
        s = s->next;
    if (s == NULL || s->type == NULL)
        return;
    size_t n_alts = alternatives(s->type, SCHEMA_STRING, alts, 0);
    for (size_t i = 0; i < n_alts; i++) {
        if (alts[i]->values == NULL)
            add_one(b, "a text that is not empty");
        for (const char *const *v = alts[i]->values; v != NULL && *v != NULL && n < 12; v++, n++)
            add_one(b, *v);
    }
    static const struct {
        enum schema_kind kind;
        const char *words;
    } others[] = {
        {SCHEMA_BOOL, "true, false"},
        {SCHEMA_NUMBER, "a number"},
        {SCHEMA_SEQUENCE, "a list"},
        {SCHEMA_MAPPING, "a mapping"},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (has_kind(s->type, others[i].kind))
            add_one(b, others[i].words);
    }
}

const char *lint_suggest(const struct lint *l, unsigned line, unsigned col)
{
    for (const struct lint_suggestion *s = l->suggestions; s != NULL; s = s->next) {
        if (s->key->line == line && s->key->col == col)
            return s->meant;
    }
    return NULL;
}

/* ---- the walk ---- */

static void walk(struct walk w, const struct yx_node *n, const struct schema *type,
                 unsigned context);

static enum lint_place place_of(const struct walk *w)
{
    if (w->map != PLACE_OTHER)
        return w->map;
    if (sv_is(w->key, "if"))
        return PLACE_IF;
    if (sv_is(w->key, "run") && w->at == AT_STEP)
        return PLACE_RUN;
    return PLACE_OTHER;
}

static void visit(const struct walk *w, const struct yx_node *n, const struct schema *type,
                  unsigned context, enum lint_place place)
{
    const struct lint_site s = {
        .node = n,
        .context = context,
        .type = type,
        .key = w->key,
        .place = place,
        .job = w->job,
        .step = w->step,
    };

    lint_site(w->l, &s);
}

/* Where the value of a key is. i: index of the pair. */
static void enter(struct walk *w, const struct yx_node *map, size_t i)
{
    enum walk_at from = w->at;
    struct sv key = map->items[2 * i]->text;
    const struct yx_node *value = map->items[2 * i + 1];

    w->at = AT_OTHER;
    if (from == AT_ROOT && value == lint_get(map, w->l->action ? "runs" : "jobs"))
        w->at = sv_is(key, "runs") ? AT_RUNS : sv_is(key, "jobs") ? AT_JOBS : AT_OTHER;
    if (from == AT_JOBS) {
        w->at = AT_JOB;
        w->job = NULL;
        for (size_t k = i + 1; k > 0 && w->job == NULL; k--) { /* mostly the first look hits */
            if (k <= w->l->n_jobs && w->l->jobs[k - 1].key == map->items[2 * i])
                w->job = &w->l->jobs[k - 1];
        }
    }
    if ((from == AT_JOB || from == AT_RUNS) && sv_is(key, "steps") &&
        value == lint_get(map, "steps"))
        w->at = AT_STEPS;
    if (from == AT_STEP && sv_is(key, "parallel") && value == lint_get(map, "parallel"))
        w->at = AT_STEPS;
    if (from == AT_STEP && w->at == AT_OTHER)
        w->at = sv_is(key, "run") ? AT_STEP : AT_OTHER;
}

/* What the key's value must be; drops the alternatives that do not know it. NULL: the key is unknown. */
static const struct schema *match(const struct schema **alts, size_t *n_alts, struct sv key)
{
    const struct schema *type = NULL;
    size_t kept = 0;

    for (size_t a = 0; a < *n_alts && type == NULL; a++) {
        const struct schema_property *p = property(alts[a], key);
        if (p != NULL)
            type = p->type;
    }
    for (size_t a = 0; a < *n_alts && type != NULL; a++) {
        if (property(alts[a], key) != NULL)
            alts[kept++] = alts[a];
    }
    if (type != NULL)
        *n_alts = kept;
    return type;
}

static void walk_mapping(struct walk w, const struct yx_node *n, const struct schema *type,
                         unsigned context)
{
    const struct schema *alts[MAX_ALTERNATIVES];
    size_t n_alts = alternatives(type, SCHEMA_MAPPING, alts, 0);
    enum lint_place map = sv_is(w.key, "env")    ? PLACE_ENV
                          : sv_is(w.key, "with") ? PLACE_WITH
                                                 : PLACE_OTHER;
    if (type->kind != SCHEMA_ANY && n_alts == 0)
        return;
    for (size_t i = 0; i < n->n; i++) {
        const struct yx_node *k = n->items[2 * i];
        struct walk inner = w;
        if (k->kind != YX_SCALAR)
            continue;
        visit(&w, k, &schema_string, context, PLACE_KEY);
        const struct schema *vt = match(alts, &n_alts, k->text);
        inner.key = k->text;
        inner.map = vt == NULL ? map : PLACE_OTHER;
        enter(&inner, n, i);
        if (vt == NULL && n_alts > 0 && (alts[0]->key == NULL || alts[0]->lenient)) {
            if (!lint_has_expr(k))
                note_unknown(&w, n, k, alts, n_alts);
            if (type->kind != SCHEMA_ANY && !lint_has_expr(k))
                continue; /* the value is nothing */
        }
        if (vt == NULL)
            vt = n_alts > 0 && alts[0]->key != NULL ? alts[0]->item : &schema_any;
        walk(inner, n->items[2 * i + 1], vt, context);
    }
}

static void walk(struct walk w, const struct yx_node *n, const struct schema *type,
                 unsigned context)
{
    const struct schema *alts[MAX_ALTERNATIVES];
    const struct schema *item = &schema_any;

    context |= type->context;
    if (n->kind == YX_SCALAR) {
        check_values(&w, n, type);
        visit(&w, n, type, context, place_of(&w));
        return;
    }
    if (n->kind == YX_MAPPING) {
        walk_mapping(w, n, type, context);
        return;
    }
    if (alternatives(type, SCHEMA_SEQUENCE, alts, 0) > 0)
        item = alts[0]->item;
    const struct lint_step *steps = w.job != NULL ? w.job->steps : w.l->steps;
    size_t n_steps = w.job != NULL ? w.job->n_steps : w.l->n_steps, next = 0;
    bool is_steps = w.at == AT_STEPS;
    if (is_steps && w.step != NULL) /* members of `parallel` follow it */
        next = w.step->index + 1;
    for (size_t i = 0; i < n->n; i++) {
        struct walk inner = w;
        if (is_steps) {
            while (next < n_steps && steps[next].node != n->items[i])
                next++;
            inner.at = AT_STEP;
            inner.step = next < n_steps ? &steps[next] : NULL;
            next++;
        }
        walk(inner, n->items[i], item, context);
    }
}

void lint_walk(struct lint *l)
{
    const struct walk w = {.l = l, .at = AT_ROOT};

    walk(w, l->root, l->action ? &schema_action : &schema_workflow, SET_NONE);
}
