/* SPDX-License-Identifier: Apache-2.0
 *
 * Matrices that are literally there. Rules: duplicate-matrix-value, duplicate-matrix-row, exclude-matches-nothing,
 * matrix-too-large, matrix-all-excluded, unused-matrix-key. */
#include "actions/lint/lint_priv.h"
#include "actions/plan.h"

#define MAX_WORK 2000U /* Ours: rows that are compared with one another */

/* Equal as YAML: kinds and texts; keys in any order. Recursion is bounded by the depth of the file. */
static bool equal(const struct yx_node *a, const struct yx_node *b)
{
    if (a->kind != b->kind || (a->kind != YX_SCALAR && a->n != b->n))
        return false;
    if (a->kind == YX_SCALAR)
        return sv_eq(a->text, b->text) && lint_kind(a) == lint_kind(b);
    if (a->kind == YX_SEQUENCE) {
        for (size_t i = 0; i < a->n; i++) {
            if (!equal(a->items[i], b->items[i]))
                return false;
        }
        return true;
    }
    for (size_t i = 0; i < a->n; i++) {
        size_t k = 0;
        while (k < b->n && !sv_eq(a->items[2 * i]->text, b->items[2 * k]->text))
            k++;
        if (k == b->n || !equal(a->items[2 * i + 1], b->items[2 * k + 1]))
            return false;
    }
    return true;
}

static const struct yx_node *twin(const struct yx_node *list, size_t i)
{
    for (size_t k = 0; k < i && i < MAX_WORK; k++) {
        if (equal(list->items[k], list->items[i]))
            return list->items[k];
    }
    return NULL;
}

static const struct yx_node *vector(const struct yx_node *matrix, struct sv name)
{
    for (size_t i = 0; i < matrix->n; i++) {
        struct sv key = matrix->items[2 * i]->text;
        if (sv_ieq(key, name) && !sv_is(key, "include") && !sv_is(key, "exclude"))
            return matrix->items[2 * i + 1];
    }
    return NULL;
}

/* Filters compare loosely, '3' equals 3: only texts that differ are certain. Objects match by parts. */
static bool may_match(const struct yx_node *want, const struct yx_node *vector_values)
{
    if (want->kind != YX_SCALAR || vector_values->kind != YX_SEQUENCE ||
        lint_has_expr(vector_values) || lint_has_expr(want))
        return true;
    for (size_t i = 0; i < vector_values->n; i++) {
        const struct yx_node *v = vector_values->items[i];
        double a, b;
        if (v->kind != YX_SCALAR || sv_ieq(v->text, want->text) || lint_kind(v) != lint_kind(want))
            return true;
        if (lint_number(v, &a) && lint_number(want, &b) && !(a < b) && !(a > b))
            return true;
    }
    return false;
}

static void check_exclude(struct lint *l, const struct yx_node *matrix, const struct yx_node *list)
{
    for (size_t i = 0; i < list->n && i < MAX_WORK; i++) {
        const struct yx_node *row = list->items[i];
        for (size_t k = 0; row->kind == YX_MAPPING && k < row->n; k++) {
            const struct yx_node *values = vector(matrix, row->items[2 * k]->text);
            const struct yx_node *want = row->items[2 * k + 1];
            if (values == NULL || may_match(want, values))
                continue;
            lint_at(l, &rule_exclude_matches_nothing, want,
                    "'" SV_FMT "' is none of the values of '" SV_FMT "': nothing is excluded",
                    SV_ARG(want->text), SV_ARG(row->items[2 * k]->text));
        }
    }
}

/* Combinations, or 0 when an expression has a part in it. */
static uint64_t legs(const struct yx_node *matrix)
{
    uint64_t n = 1;
    bool any = false;

    for (size_t i = 0; i < matrix->n; i++) {
        struct sv key = matrix->items[2 * i]->text;
        const struct yx_node *v = matrix->items[2 * i + 1];
        if (sv_is(key, "exclude"))
            return 0;
        if (sv_is(key, "include") || v->kind != YX_SEQUENCE)
            continue;
        for (size_t k = 0; k < v->n; k++) {
            if (v->items[k]->kind == YX_SCALAR && lint_has_expr(v->items[k]))
                return 0;
        }
        any = true;
        if (v->n == 0 || n > 1000000 / v->n)
            return v->n == 0 ? 0 : 1000001;
        n *= v->n;
    }
    return any ? n : 0;
}

static void check_vector(struct lint *l, const struct yx_node *key, const struct yx_node *v)
{
    for (size_t i = 0; v->kind == YX_SEQUENCE && i < v->n; i++) {
        if (twin(v, i) != NULL && !lint_has_expr(v->items[i]))
            lint_at(l, &rule_duplicate_matrix_value, v->items[i],
                    "'" SV_FMT "' has this value already: the same job runs twice",
                    SV_ARG(key->text));
    }
}

static void check_include(struct lint *l, const struct yx_node *list)
{
    for (size_t i = 0; list->kind == YX_SEQUENCE && i < list->n; i++) {
        if (twin(list, i) != NULL && !lint_has_expr(list->items[i]))
            lint_at(l, &rule_duplicate_matrix_row, list->items[i],
                    "the list of 'include' has this row already");
    }
}

static void check_used(struct lint *l, const struct lint_job *j, const struct yx_node *matrix)
{
    if (j->matrix->kind != LT_OBJECT)
        return;
    for (size_t i = 0; i < matrix->n; i++) {
        const struct yx_node *key = matrix->items[2 * i];
        const struct lt_prop *p = lt_find(j->matrix, key->text);
        if (p == NULL || sv_is(key->text, "include") || sv_is(key->text, "exclude"))
            continue;
        if (!j->matrix_used[p - j->matrix->props])
            lint_at(l, &rule_unused_matrix_key, key,
                    "the job does not read matrix." SV_FMT ": its legs do the same work",
                    SV_ARG(key->text));
    }
}

static void check_matrix(struct lint *l, const struct lint_job *j, const struct yx_node *matrix)
{
    uint64_t n = legs(matrix);

    if (n > PLAN_MAX_LEGS)
        lint_at(l, &rule_matrix_too_large, matrix,
                "the matrix makes %llu jobs; GitHub runs %u at most", (unsigned long long)n,
                PLAN_MAX_LEGS);
    for (size_t i = 0; i < matrix->n; i++) {
        const struct yx_node *k = matrix->items[2 * i], *v = matrix->items[2 * i + 1];
        if (sv_is(k->text, "include"))
            check_include(l, v);
        else if (sv_is(k->text, "exclude") && v->kind == YX_SEQUENCE)
            check_exclude(l, matrix, v);
        else if (!sv_is(k->text, "exclude"))
            check_vector(l, k, v);
    }
    check_used(l, j, matrix);
}

void lint_matrices(struct lint *l)
{
    for (size_t i = 0; i < l->n_jobs; i++) {
        const struct lint_job *j = &l->jobs[i];
        const struct yx_node *m = lint_get(lint_get(j->node, "strategy"), "matrix");
        if (m != NULL && m->kind == YX_MAPPING)
            check_matrix(l, j, m);
    }
}
