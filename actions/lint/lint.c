/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine: one file in, findings out, in order of their positions and without repetitions. */
#include "actions/lint/lint.h"

#include <stdarg.h>
#include <stdlib.h>

#include "actions/lint/lint_priv.h"
#include "base/glob.h"
#include "base/mem.h"
#include "base/path.h"

#define MAX_TEXT      4096U
#define MAX_FORMATTED ((size_t)8 << 20) /* of a message that quotes names of a file */
#define MAX_NODES     100000U /* Ours: bounds the memory of a check; the reader takes more */
#define CHUNK_SIZE    ((size_t)16 << 10)

struct lint_chunk {
    struct lint_chunk *next;
    size_t used, size;
    _Alignas(16) char data[];
};

void *lint_alloc(struct lint *l, size_t n)
{
    struct lint_chunk *c = l->chunks;

    n = (n + 15) & ~(size_t)15;
    if (c == NULL || n > c->size - c->used) {
        size_t size = n > CHUNK_SIZE ? n : CHUNK_SIZE;
        c = xmalloc(sizeof *c + size);
        *c = (struct lint_chunk){.next = l->chunks, .size = size};
        l->chunks = c;
    }
    void *p = c->data + c->used;
    c->used += n;
    memset(p, 0, n);
    return p;
}

struct sv lint_text(struct lint *l, const char *fmt, ...)
{
    AUTO(buf_free) struct buf b = BUF_INIT(MAX_TEXT);
    va_list ap;

    va_start(ap, fmt);
    buf_addvf(&b, fmt, ap);
    va_end(ap);
    char *p = lint_alloc(l, b.len + 1);
    memcpy(p, b.p, b.len);
    return (struct sv){p, b.len};
}

/* ---- levels ---- */

static const char *const level_names[] = {"off", "note", "warning", "error"};

const char *lint_level_name(enum lint_level l)
{
    return level_names[l];
}

bool lint_level_parse(struct sv name, enum lint_level *out)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (sv_is(name, level_names[i])) {
            *out = (enum lint_level)i;
            return true;
        }
    }
    return false;
}

const struct lint_rule *lint_rule_find(struct sv id)
{
    for (size_t i = 0; i < lint_n_rules; i++) {
        if (sv_is(id, lint_rules[i]->id))
            return lint_rules[i];
    }
    return NULL;
}

static size_t index_of(const struct lint_rule *r)
{
    size_t i = 0;

    while (i < lint_n_rules && lint_rules[i] != r)
        i++;
    return i;
}

/* ---- findings ---- */

void lint_report_done(struct lint_report *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->v[i].message);
    free(r->v);
    *r = (struct lint_report){0};
}

static bool ignored(const struct lint *l, const struct lint_rule *r, struct sv message)
{
    const struct lint_config *c = l->o->config;

    for (size_t i = 0; c != NULL && i < c->n_ignores; i++) {
        const struct lint_ignore *g = &c->ignores[i];
        if ((g->rule == NULL || strcmp(g->rule, r->id) == 0) &&
            (g->message == NULL || sv_find(message, sv_of(g->message)) != SV_NPOS) &&
            (g->path == NULL || lint_path_matches(g->path, l->path)))
            return true;
    }
    return false;
}

/* free() */
static char *bounded(const char *message)
{
    AUTO(buf_free) struct buf b = BUF_INIT(LINT_MAX_MESSAGE + 8);
    size_t n = strlen(message), keep = n < LINT_MAX_MESSAGE ? n : LINT_MAX_MESSAGE;

    while (keep < n && keep > 0 && ((unsigned char)message[keep] & 0xC0U) == 0x80U)
        keep--;
    buf_add(&b, message, keep);
    if (keep < n)
        buf_adds(&b, "[...]");
    return buf_take(&b, NULL);
}

bool lint_is_full(const struct lint *l)
{
    return l->n_of[LINT_ERROR] >= LINT_MAX_FINDINGS;
}

/* One of the lowest level goes, if that is lower: notes hide no error. */
static bool make_room(struct lint *l, enum lint_level level)
{
    struct lint_report *out = l->out;
    enum lint_level low = LINT_NOTE;

    out->full = true;
    while (low < level && l->n_of[low] == 0)
        low++;
    for (size_t i = out->n; low < level && i-- > l->first;) {
        if (out->v[i].level != low)
            continue;
        free(out->v[i].message);
        out->v[i] = out->v[--out->n];
        l->n_of[low]--;
        return true;
    }
    return false;
}

void lint_add(struct lint *l, const struct lint_rule *r, enum lint_level level,
              struct lint_range at, const char *message)
{
    const struct lint_config *c = l->o->config;
    size_t index = index_of(r);
    struct lint_report *out = l->out;

    if (c != NULL && c->has_level[index])
        level = c->levels[index];
    if (level == LINT_OFF || ignored(l, r, sv_of(message)))
        return;
    if (out->n - l->first >= LINT_MAX_FINDINGS && !make_room(l, level))
        return;
    l->n_of[level]++;
    GROW(out->v, out->cap, out->n + 1);
    out->v[out->n++] = (struct lint_finding){
        .rule = r,
        .level = level,
        .line = at.line,
        .col = at.col,
        .end_line = at.end_line,
        .end_col = at.end_col,
        .message = bounded(message),
    };
}

static void addv(struct lint *l, const struct lint_rule *r, enum lint_level level,
                 struct lint_range at, const char *fmt, va_list ap) PRINTF_LIKE(5, 0);
static void addv(struct lint *l, const struct lint_rule *r, enum lint_level level,
                 struct lint_range at, const char *fmt, va_list ap)
{
    AUTO(buf_free) struct buf b = BUF_INIT(MAX_FORMATTED);

    buf_addvf(&b, fmt, ap);
    lint_add(l, r, level, at, b.p);
}

void lint_mark(struct lint *l, const struct yx_node *scalar)
{
    struct lint_suggestion *m = lint_alloc(l, sizeof *m);

    *m = (struct lint_suggestion){.next = l->marks, .key = scalar};
    l->marks = m;
}

bool lint_is_marked(const struct lint *l, unsigned line, unsigned col)
{
    for (const struct lint_suggestion *m = l->marks; m != NULL; m = m->next) {
        if (m->key->line == line && m->key->col == col)
            return true;
    }
    return false;
}

void lint_at(struct lint *l, const struct lint_rule *r, const struct yx_node *where,
             const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    addv(l, r, r->level, lint_range_of(l, where), fmt, ap);
    va_end(ap);
}

void lint_level_at(struct lint *l, const struct lint_rule *r, enum lint_level level,
                   const struct yx_node *where, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    addv(l, r, level, lint_range_of(l, where), fmt, ap);
    va_end(ap);
}

static struct lint_range range_in(const struct lint *l, const struct yx_node *scalar, size_t offset,
                                  size_t n)
{
    struct lint_range at;

    lint_locate(l, scalar, offset, &at.line, &at.col);
    lint_locate(l, scalar, offset + n, &at.end_line, &at.end_col);
    /* Bytes that are no UTF-8 are counted in another way in the value than in the file: never backwards. */
    if (at.end_line < at.line || (at.end_line == at.line && at.end_col < at.col)) {
        at.end_line = at.line;
        at.end_col = at.col;
    }
    return at;
}

void lint_in(struct lint *l, const struct lint_rule *r, const struct yx_node *scalar, size_t offset,
             size_t n, const char *fmt, ...)
{
    va_list ap;

    if (r->level == LINT_ERROR)
        lint_mark(l, scalar);
    if (lint_is_full(l))
        return;
    va_start(ap, fmt);
    addv(l, r, r->level, range_in(l, scalar, offset, n), fmt, ap);
    va_end(ap);
}

/* From the first token of the tree to the end of its last; an operator's node is its sign alone. Recursion is
 * bounded by the parser's depth limit. */
static void extent(const struct node *n, size_t *from, size_t *to)
{
    if (n->at < *from)
        *from = n->at;
    if (n->at + n->n > *to)
        *to = n->at + n->n;
    for (const struct node *c = n->first; c != NULL; c = c->next)
        extent(c, from, to);
}

static struct lint_range range_of_node(const struct lint_expr *x, const struct node *n)
{
    size_t from = n->at, to = n->at + n->n;

    extent(n, &from, &to);
    return range_in(x->l, x->site->node, x->offset + from, to - from);
}

void lint_expr_at(const struct lint_expr *x, const struct lint_rule *r, const struct node *n,
                  const char *fmt, ...)
{
    va_list ap;

    if (r->level == LINT_ERROR)
        lint_mark(x->l, x->site->node);
    if (lint_is_full(x->l))
        return;
    va_start(ap, fmt);
    addv(x->l, r, r->level, range_of_node(x, n), fmt, ap);
    va_end(ap);
}

void lint_expr_level_at(const struct lint_expr *x, const struct lint_rule *r, enum lint_level level,
                        const struct node *n, const char *fmt, ...)
{
    va_list ap;

    if (lint_is_full(x->l))
        return;
    va_start(ap, fmt);
    addv(x->l, r, level, range_of_node(x, n), fmt, ap);
    va_end(ap);
}

/* ---- order ---- */

static int finding_cmp(const void *a, const void *b)
{
    const struct lint_finding *x = a, *y = b;

    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    if (x->col != y->col)
        return x->col < y->col ? -1 : 1;
    if (x->level != y->level)
        return x->level > y->level ? -1 : 1;
    int c = strcmp(x->rule->id, y->rule->id);
    return c != 0 ? c : strcmp(x->message, y->message);
}

/* An anchored node is seen once for each of its aliases: the same finding counts once. */
static void sort(struct lint *l)
{
    struct lint_report *r = l->out;
    size_t kept = l->first;

    if (r->n <= l->first)
        return;
    qsort(r->v + l->first, r->n - l->first, sizeof *r->v, finding_cmp);
    for (size_t i = l->first; i < r->n; i++) {
        if (kept > l->first && finding_cmp(&r->v[kept - 1], &r->v[i]) == 0)
            free(r->v[i].message);
        else
            r->v[kept++] = r->v[i];
    }
    r->n = kept;
}

/* ---- a file ---- */

bool lint_is_action(const char *path)
{
    struct sv base = path_base(sv_of(path));

    return sv_is(base, "action.yml") || sv_is(base, "action.yaml");
}

static void check_steps(struct lint *l, const struct lint_step *steps, size_t n)
{
    lint_ids(l, steps, n);
    lint_scripts(l, steps, n);
    lint_uses(l, steps, n);
    lint_inputs(l, steps, n);
    lint_known(l, steps, n);
    lint_dangers(l, steps, n);
}

static void check(struct lint *l)
{
    lint_model(l);
    lint_types(l);
    lint_walk(l); /* marks what is used */
    lint_environments(l);
    lint_credentials(l);
    if (l->action) {
        check_steps(l, l->steps, l->n_steps);
        lint_manifest(l);
        return;
    }
    for (size_t i = 0; i < l->n_jobs; i++)
        check_steps(l, l->jobs[i].steps, l->jobs[i].n_steps);
    lint_events(l);
    lint_triggers(l);
    lint_jobs(l);
    lint_labels(l);
    lint_matrices(l);
    lint_permissions(l);
    lint_calls(l);
    lint_call_permissions(l);
}

/* GitHub takes a million nodes, and 50,000 where aliases multiply them. */
static void too_large(struct lint *l, struct yx_limits *lim)
{
    AUTO(auto_yx) struct yx_doc *doc = NULL;
    struct err e = {0};

    lim->no_anchors = true; /* the first anchor ends it */
    bool aliases = yx_parse(l->text, lim, &doc, &e) < 0 &&
                   sv_find(sv_of(e.msg), SV("nodes exceeded")) == SV_NPOS;
    lint_add(l, &rule_limit_exceeded, aliases ? LINT_ERROR : LINT_WARNING,
             (struct lint_range){1, 1, 1, 1},
             aliases ? "with its aliases the file has more than 50000 YAML nodes"
                     : "the file has more than 100000 YAML nodes and is not checked");
}

void lint_file(const struct lint_options *o, const char *path, struct sv text,
               struct lint_report *out)
{
    AUTO(auto_yx) struct yx_doc *doc = NULL;
    struct lint l = {.o = o,
                     .path = path,
                     .text = text,
                     .action = lint_is_action(path),
                     .out = out,
                     .first = out->n};
    struct yx_limits lim = yx_default_limits;
    struct err e = {0}; /* the reader reports it */

    lint_index_lines(&l);
    lim.depth = l.action ? 100 : 50;
    lim.nodes = MAX_NODES;
    lim.no_anchors = l.action;
    lim.duplicates_ok = true;
    if (yx_parse(text, &lim, &doc, &e) == 0) {
        l.root = yx_root(doc);
        if (l.root != NULL && l.root->kind == YX_MAPPING)
            check(&l);
    }
    if (sv_find(sv_of(e.msg), SV("nodes exceeded")) != SV_NPOS)
        too_large(&l, &lim);
    else
        lint_reader(&l);
    sort(&l);
    lint_comments(&l);
    sort(&l);
    lint_files_done(&l);
    free(l.lines);
    while (l.chunks != NULL) {
        struct lint_chunk *next = l.chunks->next;
        free(l.chunks);
        l.chunks = next;
    }
}
