/* SPDX-License-Identifier: Apache-2.0
 *
 * The file as the rules see it: nodes by key, jobs and steps. Tolerant: what is not as the schema wants it is
 * simply not there, so that one mistake hides no other finding. */
#include "actions/lint/lint_priv.h"
#include "base/mem.h"

const struct yx_node *lint_key(const struct yx_node *map, const char *key)
{
    if (map == NULL || map->kind != YX_MAPPING)
        return NULL;
    for (size_t i = 0; i < map->n; i++) {
        if (map->items[2 * i]->kind == YX_SCALAR && sv_is(map->items[2 * i]->text, key))
            return map->items[2 * i];
    }
    return NULL;
}

const struct yx_node *lint_get(const struct yx_node *map, const char *key)
{
    if (map == NULL || map->kind != YX_MAPPING)
        return NULL;
    for (size_t i = 0; i < map->n; i++) {
        if (map->items[2 * i]->kind == YX_SCALAR && sv_is(map->items[2 * i]->text, key))
            return map->items[2 * i + 1];
    }
    return NULL;
}

struct sv lint_str(const struct yx_node *map, const char *key)
{
    const struct yx_node *n = lint_get(map, key);

    return n != NULL && n->kind == YX_SCALAR ? n->text : (struct sv){"", 0};
}

/* Recursion is bounded by the depth limit of yx_parse. */
bool lint_has_expr(const struct yx_node *n)
{
    if (n == NULL)
        return false;
    if (n->kind == YX_SCALAR)
        return sv_find(n->text, SV("${{")) != SV_NPOS;
    for (size_t i = 0; i < (n->kind == YX_MAPPING ? 2 * n->n : n->n); i++) {
        if (lint_has_expr(n->items[i]))
            return true;
    }
    return false;
}

enum tok_kind lint_kind(const struct yx_node *scalar)
{
    struct tok *t = NULL;
    struct err e; /* a value that is none of its tag's: the reader says so */

    if (scalar->kind == YX_SEQUENCE)
        return TOK_SEQUENCE;
    if (scalar->kind == YX_MAPPING)
        return TOK_MAPPING;
    if (scalar->style != YX_PLAIN && scalar->tag == NULL)
        return TOK_STRING;
    if (tok_typed(NULL, scalar, 1, &t, &e) < 0)
        return TOK_STRING;
    enum tok_kind k = t->kind;
    tok_free(t);
    return k;
}

bool lint_number(const struct yx_node *scalar, double *out)
{
    struct tok *t = NULL;
    struct err e; /* as above */

    if (lint_kind(scalar) != TOK_NUMBER || tok_typed(NULL, scalar, 1, &t, &e) < 0)
        return false;
    *out = t->num;
    tok_free(t);
    return true;
}

bool lint_is_true(const struct yx_node *n)
{
    return n != NULL && n->kind == YX_SCALAR && lint_kind(n) == TOK_BOOL &&
           (n->text.p[0] == 't' || n->text.p[0] == 'T');
}

size_t lint_count(const struct yx_node *n)
{
    return n == NULL || n->kind == YX_MAPPING ? 0 : n->kind == YX_SEQUENCE ? n->n : 1;
}

const struct yx_node *lint_item(const struct yx_node *n, size_t i)
{
    return n->kind == YX_SEQUENCE ? n->items[i] : n;
}

/* ---- events ---- */

bool lint_has_event(const struct lint *l, const char *name)
{
    const struct yx_node *on = lint_get(l->root, "on");

    if (on != NULL && on->kind == YX_MAPPING)
        return lint_key(on, name) != NULL;
    for (size_t i = 0; i < lint_count(on); i++) {
        if (sv_is(lint_item(on, i)->text, name))
            return true;
    }
    return false;
}

const struct yx_node *lint_event(const struct lint *l, const char *name)
{
    return lint_get(lint_get(l->root, "on"), name);
}

/* ---- steps and jobs ---- */

static size_t count_steps(const struct yx_node *list)
{
    size_t n = 0;

    for (size_t i = 0; list != NULL && list->kind == YX_SEQUENCE && i < list->n; i++) {
        const struct yx_node *inner = lint_get(list->items[i], "parallel");
        n += 1 + (inner != NULL && inner->kind == YX_SEQUENCE ? inner->n : 0);
    }
    return n;
}

static const struct yx_node *scalar_of(const struct yx_node *map, const char *key)
{
    const struct yx_node *n = lint_get(map, key);

    return n != NULL && n->kind == YX_SCALAR ? n : NULL;
}

static void add_steps(const struct yx_node *list, const struct lint_job *job,
                      struct lint_step *steps, size_t *n)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct yx_node *s = list->items[i];
        const struct yx_node *inner = lint_get(s, "parallel");
        steps[*n] = (struct lint_step){
            .node = s,
            .uses = scalar_of(s, "uses"),
            .run = scalar_of(s, "run"),
            .id = scalar_of(s, "id"),
            .with = lint_get(s, "with"),
            .job = job,
            .index = *n,
        };
        ++*n;
        for (size_t k = 0; inner != NULL && inner->kind == YX_SEQUENCE && k < inner->n; k++) {
            const struct yx_node *m = inner->items[k];
            steps[*n] = (struct lint_step){
                .node = m,
                .uses = scalar_of(m, "uses"),
                .run = scalar_of(m, "run"),
                .id = scalar_of(m, "id"),
                .with = lint_get(m, "with"),
                .job = job,
                .index = *n,
            };
            ++*n;
        }
    }
}

static struct lint_step *read_steps(struct lint *l, const struct yx_node *list,
                                    const struct lint_job *job, size_t *n)
{
    size_t max = count_steps(list);

    *n = 0;
    if (max == 0)
        return NULL;
    struct lint_step *steps = lint_alloc(l, max * sizeof *steps);
    add_steps(list, job, steps, n);
    return steps;
}

const struct lint_job *lint_job(const struct lint *l, struct sv id)
{
    const struct lt_prop *p = l->jobs_type != NULL ? lt_find(l->jobs_type, id) : NULL;

    return p != NULL && p->order < l->n_jobs ? &l->jobs[p->order] : NULL;
}

void lint_model(struct lint *l)
{
    const struct yx_node *jobs = lint_get(l->root, "jobs");

    if (l->action) {
        l->steps = read_steps(l, lint_get(lint_get(l->root, "runs"), "steps"), NULL, &l->n_steps);
        return;
    }
    if (jobs == NULL || jobs->kind != YX_MAPPING || jobs->n == 0)
        return;
    l->jobs = lint_alloc(l, jobs->n * sizeof *l->jobs);
    for (size_t i = 0; i < jobs->n; i++) {
        struct lint_job *j = &l->jobs[l->n_jobs];
        if (jobs->items[2 * i]->kind != YX_SCALAR)
            continue;
        *j = (struct lint_job){.key = jobs->items[2 * i], .node = jobs->items[2 * i + 1]};
        j->steps = read_steps(l, lint_get(j->node, "steps"), j, &j->n_steps);
        l->n_jobs++;
    }
}
