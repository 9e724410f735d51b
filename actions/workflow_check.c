/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks of a workflow beyond its schema, where no expression stands in the way (spec expressions 4, 6.1, 9.1).
 * Source of the texts: actions/runner: src/Sdk/WorkflowParser/Conversion/{WorkflowTemplateConverter,MatrixBuilder}.cs. */
#include <stdlib.h>

#include "actions/workflow_priv.h"
#include "base/mem.h"

/* ---- strategy ---- */

/* Below these, in levels and bytes, a filter's expression is within EXPR_MAX_DEPTH and EXPR_MAX_LENGTH. */
#define FILTER_DEPTH  40U
#define FILTER_LENGTH 9000U

/* The literal as an expression spells it. */
static void add_literal(struct buf *b, const struct tok *t)
{
    if (t->kind != TOK_STRING) {
        if (t->kind == TOK_NULL)
            buf_adds(b, "null");
        else
            tok_literal_text(t, b);
        return;
    }
    buf_addc(b, '\'');
    for (size_t i = 0; i < t->text.n; i++) {
        if (t->text.p[i] == '\'')
            buf_addc(b, '\'');
        buf_addc(b, t->text.p[i]);
    }
    buf_addc(b, '\'');
}

static bool is_vector(const struct tok *key)
{
    return !sv_is(key->text, "include") && !sv_is(key->text, "exclude");
}

static bool has_vector(const struct tok *matrix, struct sv name)
{
    for (size_t i = 0; i < matrix->n; i++) {
        const struct tok *k = matrix->items[2 * i];
        if (k->kind == TOK_STRING && is_vector(k) && sv_ieq(k->text, name))
            return true;
    }
    return false;
}

/* A filter is officially made of expressions, matrix['key'][0] == literal, one for each leaf: what does not fit
 * into an expression ends the reading. path: of the value in the filter. */
static void check_filter(struct wf_reader *r, const struct tok *v, const struct buf *path,
                         unsigned depth)
{
    AUTO(buf_free) struct buf b = BUF_INIT((size_t)4 << 20);
    AUTO(buf_free) struct buf why = BUF_INIT((size_t)4 << 20);
    struct wf_names names;

    if (v->kind != TOK_SEQUENCE && v->kind != TOK_MAPPING) {
        if (depth < FILTER_DEPTH && path->len + v->text.n < FILTER_LENGTH)
            return; /* fits for sure */
        buf_addsv(&b, buf_sv(path));
        buf_adds(&b, " == ");
        add_literal(&b, v);
        wf_names_init(&names, CX_MATRIX);
        if (tok_check_expr(buf_sv(&b), &names.names, &why) < 0)
            wf_stop(r, WF_NOWHERE, v->line, v->col, "%s", why.p);
        return;
    }
    for (size_t i = 0; i < v->n && !r->stopped; i++) {
        buf_reset(&b);
        buf_addsv(&b, buf_sv(path));
        buf_addc(&b, '[');
        if (v->kind == TOK_SEQUENCE)
            buf_addf(&b, "%zu", i);
        else
            add_literal(&b, v->items[2 * i]);
        buf_addc(&b, ']');
        check_filter(r, v->items[v->kind == TOK_SEQUENCE ? i : 2 * i + 1], &b, depth + 1);
    }
}

/* Of an item of include (matrix given) only the keys that name vectors are its filter. */
static void check_filter_item(struct wf_reader *r, const struct tok *item, const struct tok *matrix)
{
    for (size_t i = 0; i < item->n && !r->stopped; i++) {
        const struct tok *key = item->items[2 * i];
        AUTO(buf_free) struct buf path = BUF_INIT((size_t)4 << 20);
        if (matrix != NULL && !has_vector(matrix, key->text))
            continue;
        buf_adds(&path, "matrix[");
        add_literal(&path, key);
        buf_addc(&path, ']');
        check_filter(r, item->items[2 * i + 1], &path, 1);
    }
}

static void check_include(struct wf_reader *r, const struct tok *matrix, const struct tok *list)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i]->n == 0)
            wf_error_at(r, list->items[i], "Matrix include mapping does not contain any values");
        check_filter_item(r, list->items[i], matrix);
    }
}

static void check_exclude(struct wf_reader *r, const struct tok *matrix, const struct tok *list)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct tok *item = list->items[i];
        if (item->n == 0)
            wf_error_at(r, item, "Matrix exclude filter must not be empty");
        for (size_t k = 0; k < item->n; k++) {
            const struct tok *key = item->items[2 * k];
            if (!has_vector(matrix, key->text))
                wf_error_at(r, key,
                            "Matrix exclude key '%.*s' does not match any key within the matrix",
                            SV_ARG(key->text));
        }
        check_filter_item(r, item, NULL);
    }
}

static void check_matrix(struct wf_reader *r, const struct tok *matrix)
{
    bool vector = false, include = false, expressions = tok_has_expr(matrix);

    for (size_t i = 0; i < matrix->n; i++) {
        const struct tok *k = matrix->items[2 * i], *v = matrix->items[2 * i + 1];
        if (k->kind != TOK_STRING) {
            vector = true; /* an expression may give one */
        } else if (sv_is(k->text, "include")) {
            include = v->kind == TOK_EXPR || v->n > 0;
        } else if (!sv_is(k->text, "exclude")) {
            vector = true;
            if (v->kind == TOK_SEQUENCE && v->n == 0)
                wf_error_at(r, v, "Matrix vector '%.*s' does not contain any values",
                            SV_ARG(k->text));
        }
    }
    if (!vector && !include)
        wf_error_at(r, matrix, "Matrix must define at least one vector");
    if (expressions)
        return;
    for (size_t i = 0; i < matrix->n; i++) {
        if (sv_is(matrix->items[2 * i]->text, "include"))
            check_include(r, matrix, matrix->items[2 * i + 1]);
    }
    for (size_t i = 0; i < matrix->n; i++) { /* officially behind, wherever it stands */
        if (sv_is(matrix->items[2 * i]->text, "exclude"))
            check_exclude(r, matrix, matrix->items[2 * i + 1]);
    }
}

void wf_check_strategy(struct wf_reader *r, const struct tok *strategy)
{
    const struct tok *matrix = tok_get(strategy, SV("matrix"));

    if (matrix != NULL && matrix->kind == TOK_MAPPING)
        check_matrix(r, matrix);
}

/* ---- runs-on, concurrency, snapshot ---- */

void wf_check_runs_on(struct wf_reader *r, const struct tok *runs_on)
{
    const struct tok *group = tok_get(runs_on, SV("group"));
    struct err e = {0};

    if (group != NULL && group->kind == TOK_STRING && wf_check_group(group->text, &e) < 0)
        wf_error_at(r, group, "%s", err_whole(&e));
}

int wf_check_group(struct sv text, struct err *e)
{
    size_t slash = sv_chr(text, '/');
    struct sv scope = sv_sub(text, 0, slash);
    bool known = sv_is(scope, "org") || sv_is(scope, "organization") || sv_is(scope, "ent") ||
                 sv_is(scope, "enterprise");

    if (slash == SV_NPOS)
        return 0;
    bool two = sv_rchr(text, '/') == slash;
    if (two && slash + 1 == text.n)
        return err_set(e, FAIL_INPUT, "Invalid runs-on group name '%.*s'.", SV_ARG(text));
    if (!two || !known)
        return err_set(e, FAIL_INPUT,
                       "Invalid runs-on group name '%.*s'. Please use 'organization/' or "
                       "'enterprise/' prefix to target a single runner group.",
                       SV_ARG(text));
    return 0;
}

void wf_check_concurrency(struct wf_reader *r, const struct tok *c)
{
    const struct tok *group = c->kind == TOK_MAPPING ? tok_get(c, SV("group")) : c;
    const struct tok *queue = tok_get(c, SV("queue"));
    const struct tok *cancel = tok_get(c, SV("cancel-in-progress"));

    if (group != NULL && group->kind == TOK_STRING && utf8_utf16_len(group->text) > 400)
        wf_error_at(r, c, "Concurrency group name must be less than 400 characters");
    if (queue != NULL && sv_is(queue->text, "max") && cancel != NULL && cancel->b)
        wf_error_at(r, queue, "'queue: max' cannot be combined with 'cancel-in-progress: true'");
}

static bool snapshot_version_fits(struct sv v)
{
    size_t i = 0;

    while (i < v.n && ch_is_digit(v.p[i]))
        i++;
    return i > 0 && i <= 9 && sv_is(sv_sub(v, i, SV_NPOS), ".*");
}

/* In the order of the file; an expression in the name or the version ends the look, as officially. */
void wf_check_snapshot(struct wf_reader *r, const struct tok *snapshot)
{
    for (size_t i = 0; snapshot->kind == TOK_MAPPING && i < snapshot->n; i++) {
        struct sv key = snapshot->items[2 * i]->text;
        const struct tok *v = snapshot->items[2 * i + 1];
        if (sv_is(key, "if")) {
            free(wf_condition(r, v, SET_M));
            continue;
        }
        if (v->kind != TOK_STRING)
            return;
        if (sv_is(key, "version") && !snapshot_version_fits(v->text)) {
            wf_error_at(r, snapshot, "Expected format '{major-version}.*' Actual '%.*s'",
                        SV_ARG(v->text));
            return;
        }
    }
}

/* ---- containers ---- */

/* Keys of a feature that is switched off. */
static void refuse_keys(struct wf_reader *r, const struct tok *map, enum wf_feature feature,
                        const char *a, const char *b)
{
    if ((r->opt->features & feature) != 0)
        return;
    for (size_t i = 0; map->kind == TOK_MAPPING && i < map->n; i++) {
        const struct tok *key = map->items[2 * i];
        if (sv_is(key->text, a) || sv_is(key->text, b))
            wf_error_at(r, key, "The key '" SV_FMT "' is not allowed", SV_ARG(key->text));
    }
}

void wf_check_environment(struct wf_reader *r, const struct tok *environment)
{
    refuse_keys(r, environment, WF_DEPLOYMENT, "deployment", "deployment");
}

void wf_check_container(struct wf_reader *r, const struct tok *c, bool service)
{
    const struct tok *image = c->kind == TOK_MAPPING ? tok_get(c, SV("image")) : c;

    if (tok_has_expr(c))
        return;
    if (service)
        refuse_keys(r, c, WF_SERVICE_COMMAND, "entrypoint", "command");
    struct sv text = image != NULL ? image->text : SV("");
    bool docker = sv_starts(text, SV("docker://"));
    if (docker)
        text = sv_sub(text, 9, SV_NPOS);
    /* A job's empty image means no container; a mapping without any image is a mistake (LS). */
    if (text.n == 0 && (docker || service || image == NULL))
        wf_error_at(r, c, "Container image cannot be empty");
}

void wf_check_services(struct wf_reader *r, const struct tok *services)
{
    if (tok_has_expr(services))
        return;
    for (size_t i = 0; services->kind == TOK_MAPPING && i < services->n; i++)
        wf_check_container(r, services->items[2 * i + 1], true);
}

/* ---- the graph of needs (9.1) ---- */

struct named_job {
    struct sv id;
    size_t job;
};

static int id_cmp(const void *a, const void *b)
{
    struct sv x = ((const struct named_job *)a)->id, y = ((const struct named_job *)b)->id;

    for (size_t i = 0; i < x.n && i < y.n; i++) {
        int d = (unsigned char)ch_lower(x.p[i]) - (unsigned char)ch_lower(y.p[i]);
        if (d != 0)
            return d;
    }
    return x.n < y.n ? -1 : x.n > y.n;
}

#define UNKNOWN ((size_t)-1)

static void resolve(struct wf *w)
{
    AUTO(auto_free) struct named_job *sorted = xcalloc(w->n_jobs, sizeof *sorted);

    for (size_t i = 0; i < w->n_jobs; i++)
        sorted[i] = (struct named_job){w->jobs[i].id, i};
    qsort(sorted, w->n_jobs, sizeof *sorted, id_cmp);
    for (size_t i = 0; i < w->n_jobs; i++) {
        for (size_t k = 0; k < w->jobs[i].n_needs; k++) {
            const struct named_job key = {w->jobs[i].needs[k].name, 0};
            const struct named_job *hit = bsearch(&key, sorted, w->n_jobs, sizeof *sorted, id_cmp);
            w->jobs[i].needs[k].job = hit != NULL ? hit->job : UNKNOWN;
        }
    }
}

/* Removes satisfied jobs, starting with those without needs, and notes their order; open[i] > 0 remains for
 * those that wait for ever. Linear in jobs and needs: the file comes from outside. */
static void satisfy(struct wf *w, size_t *open)
{
    size_t edges = 0, n_queue = 0;

    for (size_t i = 0; i < w->n_jobs; i++)
        edges += w->jobs[i].n_needs;
    AUTO(auto_free) size_t *first = xcalloc(w->n_jobs + 1, sizeof(size_t)); /* of dependants */
    AUTO(auto_free) size_t *dependants = xcalloc(edges + 1, sizeof(size_t));
    size_t *queue = w->order = xcalloc(w->n_jobs, sizeof(size_t));
    for (size_t i = 0; i < w->n_jobs; i++) {
        open[i] = w->jobs[i].n_needs;
        for (size_t k = 0; k < w->jobs[i].n_needs; k++) {
            if (w->jobs[i].needs[k].job != UNKNOWN)
                first[w->jobs[i].needs[k].job + 1]++;
        }
        if (open[i] == 0)
            queue[n_queue++] = i;
    }
    for (size_t i = 0; i < w->n_jobs; i++)
        first[i + 1] += first[i];
    AUTO(auto_free) size_t *fill = xcalloc(w->n_jobs, sizeof(size_t));
    for (size_t i = 0; i < w->n_jobs; i++) {
        for (size_t k = 0; k < w->jobs[i].n_needs; k++) {
            size_t need = w->jobs[i].needs[k].job;
            if (need != UNKNOWN)
                dependants[first[need] + fill[need]++] = i;
        }
    }
    for (size_t q = 0; q < n_queue; q++) {
        for (size_t k = first[queue[q]]; k < first[queue[q] + 1]; k++) {
            if (--open[dependants[k]] == 0)
                queue[n_queue++] = dependants[k];
        }
    }
}

void wf_check_needs(struct wf_reader *r, struct wf *w, const struct tok *jobs)
{
    bool start = false;

    for (size_t i = 0; i < w->n_jobs; i++)
        start = start || w->jobs[i].n_needs == 0;
    if (!start) {
        wf_error_at(r, jobs, "The workflow must contain at least one job with no dependencies.");
        if (r->opt == NULL || !r->opt->go_on)
            return;
    }
    AUTO(auto_free) size_t *open = xcalloc(w->n_jobs, sizeof(size_t));
    resolve(w);
    satisfy(w, open);
    for (size_t i = 0; i < w->n_jobs; i++) {
        const struct wf_job *j = &w->jobs[i];
        for (size_t k = 0; open[i] > 0 && k < j->n_needs; k++) {
            const struct wf_need *n = &j->needs[k];
            if (n->job == UNKNOWN)
                wf_errors_addf(r->errors, r->file, n->line, n->col,
                               "Job '%.*s' depends on unknown job '%.*s'.", SV_ARG(j->id),
                               SV_ARG(n->name));
            else if (open[n->job] > 0)
                wf_errors_addf(r->errors, r->file, n->line, n->col,
                               "Job '%.*s' depends on job '%.*s' which creates a cycle in the "
                               "dependency graph.",
                               SV_ARG(j->id), SV_ARG(n->name));
        }
    }
}
