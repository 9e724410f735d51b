/* SPDX-License-Identifier: Apache-2.0
 *
 * YAML by libyaml's events, without recursion: a stack of open collections, one arena for the whole document.
 * Source of the language decisions: spec expressions 3 (no merge keys, one document, aliases count in full). */
#include "base/yaml.h"

#include <stdint.h>
#include <stdlib.h>

#include <yaml.h>

#include "base/mem.h"
#include "base/yaml_priv.h"

/* Of the official reader (spec 3.3), whose error texts are used for them. */
const struct yx_limits yx_default_limits = {
    .depth = 100,
    .nodes = 1000000,
    .alias_nodes = 50000,
    .input_bytes = 1048576,
    .total_bytes = (size_t)10 << 20,
};

#define CHUNK_SIZE ((size_t)32 << 10)

struct chunk {
    struct chunk *next;
    size_t used, size;
    _Alignas(16) char data[];
};

struct yx_doc {
    struct chunk *chunks;
    struct yx_node *root;
};

struct frame {
    struct yx_node *node;
    size_t first;       /* index in pending of its first item */
    const char *anchor; /* arena, or NULL */
    size_t nodes_before, bytes_before;
    unsigned height; /* levels of collections below */
};

struct anchor {
    const char *name; /* NULL = free slot */
    struct yx_node *node;
    size_t nodes, bytes;
    unsigned height; /* of collections, itself included; 0 for a scalar */
};

struct reader {
    yaml_parser_t parser;
    struct yx_doc *doc;
    const struct yx_limits *lim;
    struct yx_text text;
    struct yx_problem *problem; /* NULL: nobody asks */
    struct frame *stack;
    size_t n_stack, cap_stack;
    struct yx_node **pending;
    size_t n_pending, cap_pending;
    struct anchor *anchors; /* open addressing, size is a power of two */
    size_t n_anchors, size_anchors;
    size_t nodes, bytes;
    size_t max_nodes; /* lim->nodes, or lim->alias_nodes from the first alias on */
    bool ended;       /* the first document is over */
    /* What the last event gave. The official reader has the next event before it uses a node, so a problem that
     * comes with that event (ahead) takes the node with it. */
    enum { GAVE_NOTHING, GAVE_WHOLE, GAVE_OPEN } gave;
    bool ahead;
};

static void *arena(struct yx_doc *d, size_t n)
{
    n = (n + 15) & ~(size_t)15;
    struct chunk *c = d->chunks;
    if (c == NULL || n > c->size - c->used) {
        size_t size = n > CHUNK_SIZE ? n : CHUNK_SIZE;
        c = xmalloc(sizeof *c + size);
        *c = (struct chunk){.next = d->chunks, .size = size};
        d->chunks = c;
    }
    void *p = c->data + c->used;
    c->used += n;
    return p;
}

static const char *arena_text(struct yx_doc *d, const void *p, size_t n)
{
    char *s = arena(d, n + 1);

    if (n > 0)
        memcpy(s, p, n);
    s[n] = '\0';
    return s;
}

static unsigned col_of(const struct reader *r, const yaml_mark_t *m)
{
    return yx_text_col(&r->text, m->line, m->column);
}

static int fail_at(const struct reader *r, const yaml_mark_t *m, enum fail code, const char *text,
                   struct err *e)
{
    unsigned line = (unsigned)m->line + 1, col = col_of(r, m);

    if (r->problem != NULL) {
        *r->problem = (struct yx_problem){.from = {line, col, 0}, .to = {line, col, 0}};
        (void)memcpy(r->problem->text, text,
                     strnlen(text, sizeof r->problem->text - 1)); /* zeroed behind it */
    }
    return err_set(e, code, "%u:%u: %s", line, col, text);
}

static struct yx_mark mark_of(const struct reader *r, const yaml_mark_t *m)
{
    return (struct yx_mark){
        .line = (unsigned)m->line + 1,
        .col = col_of(r, m),
        .index = yx_text_index(&r->text, m->line, m->column, m->index),
    };
}

/* Both ends of the place as the official library chooses them: the token, or from the context to the problem. */
static void note_problem(const struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    yaml_mark_t start = p->problem_mark, end = p->problem_mark;
    const yaml_token_t *token = p->tokens.head;
    struct sv context = sv_of(p->context);

    if (p->error == YAML_READER_ERROR) {
        start = end = p->mark;
    } else if (p->error == YAML_PARSER_ERROR && token != p->tokens.tail) {
        start = token->start_mark;
        end = token->end_mark;
    } else if (sv_is(context, "while scanning for the next token")) {
        end.column++;
        end.index++;
    } else if (context.n > 0 && !sv_is(context, "while scanning a simple key")) {
        start = p->context_mark;
    }
    r->problem->from = mark_of(r, &start);
    r->problem->to = mark_of(r, &end);
    r->problem->has_marks = true;
    yx_problem_text(p->context, p->problem, r->problem);
}

static int fail_parser(const struct reader *r, struct err *e)
{
    const yaml_parser_t *p = &r->parser;
    const yaml_mark_t *m = p->error == YAML_READER_ERROR ? &p->mark : &p->problem_mark;
    const char *problem = p->problem != NULL ? p->problem : "invalid YAML";

    if (r->problem != NULL)
        note_problem(r);
    return err_set(e, FAIL_INPUT, "%zu:%u: %s%s%s", m->line + 1, col_of(r, m), problem,
                   p->context != NULL ? " " : "", p->context != NULL ? p->context : "");
}

static size_t hash_name(const char *s)
{
    uint64_t h = 1469598103934665603U; /* FNV-1a; the table is bounded by the node limit */

    for (; *s != '\0'; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211U;
    return (size_t)(h ^ (h >> 32));
}

static struct anchor *anchor_slot(struct reader *r, const char *name)
{
    size_t i = hash_name(name) & (r->size_anchors - 1);

    while (r->anchors[i].name != NULL && strcmp(r->anchors[i].name, name) != 0)
        i = (i + 1) & (r->size_anchors - 1);
    return &r->anchors[i];
}

/* A later anchor of the same name replaces the earlier. */
static void anchor_set(struct reader *r, struct anchor a)
{
    if (2 * (r->n_anchors + 1) > r->size_anchors) {
        struct anchor *old = r->anchors;
        size_t n = r->size_anchors;
        r->size_anchors = n == 0 ? 16 : 2 * n;
        r->anchors = xcalloc(r->size_anchors, sizeof *r->anchors);
        for (size_t i = 0; i < n; i++) {
            if (old[i].name != NULL)
                *anchor_slot(r, old[i].name) = old[i];
        }
        free(old);
    }
    struct anchor *slot = anchor_slot(r, a.name);
    if (slot->name == NULL)
        r->n_anchors++;
    *slot = a;
}

static int count(struct reader *r, const yaml_mark_t *m, size_t nodes, size_t bytes, struct err *e)
{
    if (nodes > r->max_nodes - r->nodes) {
        r->ahead = true;
        return fail_at(r, m, FAIL_LIMIT, "Maximum YAML nodes exceeded", e);
    }
    if (bytes > r->lim->total_bytes - r->bytes)
        return fail_at(r, m, FAIL_LIMIT, "Maximum object size exceeded", e);
    r->nodes += nodes;
    r->bytes += bytes;
    return 0;
}

/* Hands a finished or opened node to the open collection, or makes it the root. */
static void attach(struct reader *r, struct yx_node *n)
{
    if (r->n_stack == 0) {
        r->doc->root = n;
        return;
    }
    GROW(r->pending, r->cap_pending, r->n_pending + 1);
    r->pending[r->n_pending++] = n;
}

static struct yx_node *node_new(struct reader *r, enum yx_kind kind, const yaml_event_t *ev)
{
    struct yx_node *n = arena(r->doc, sizeof *n);

    *n = (struct yx_node){
        .kind = kind,
        .text = {"", 0},
        .line = (unsigned)ev->start_mark.line + 1,
        .col = col_of(r, &ev->start_mark),
        .end_line = (unsigned)ev->end_mark.line + 1,
        .end_col = col_of(r, &ev->end_mark),
    };
    return n;
}

static enum yx_style style_of(yaml_scalar_style_t s)
{
    switch (s) {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE:
        return YX_SINGLE;
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
        return YX_DOUBLE;
    case YAML_LITERAL_SCALAR_STYLE:
        return YX_LITERAL;
    case YAML_FOLDED_SCALAR_STYLE:
        return YX_FOLDED;
    case YAML_ANY_SCALAR_STYLE:
    case YAML_PLAIN_SCALAR_STYLE:
        break;
    }
    return YX_PLAIN;
}

static int check_anchor(const struct reader *r, const yaml_event_t *ev, const yaml_char_t *anchor,
                        struct err *e)
{
    if (anchor == NULL || !r->lim->no_anchors)
        return 0;
    AUTO(auto_free)
    char *text = xasprintf("Anchors are not currently supported. Remove the anchor '%.60s'",
                           (const char *)anchor);
    return fail_at(r, &ev->start_mark, FAIL_INPUT, text, e);
}

static int on_scalar(struct reader *r, const yaml_event_t *ev, struct err *e)
{
    const yaml_char_t *name = ev->data.scalar.anchor, *tag = ev->data.scalar.tag;
    size_t len = ev->data.scalar.length;

    if (check_anchor(r, ev, name, e) < 0 || count(r, &ev->start_mark, 1, len, e) < 0)
        return -1;
    struct yx_node *n = node_new(r, YX_SCALAR, ev);
    n->style = style_of(ev->data.scalar.style);
    n->text = (struct sv){arena_text(r->doc, ev->data.scalar.value, len), len};
    if (r->text.replaced) {
        char *own = arena(r->doc, len + 1);
        n->text = (struct sv){own, yx_text_restore(n->text.p, len, own)};
        own[n->text.n] = '\0';
    }
    if (tag != NULL)
        n->tag = arena_text(r->doc, tag, strlen((const char *)tag));
    if (name != NULL)
        anchor_set(r, (struct anchor){
                          .name = arena_text(r->doc, name, strlen((const char *)name)),
                          .node = n,
                          .nodes = 1,
                          .bytes = len,
                      });
    attach(r, n);
    r->gave = GAVE_WHOLE;
    return 0;
}

static int on_open(struct reader *r, enum yx_kind kind, const yaml_event_t *ev,
                   const yaml_char_t *anchor, const yaml_char_t *tag, struct err *e)
{
    size_t nodes = r->nodes, bytes = r->bytes;

    if (check_anchor(r, ev, anchor, e) < 0 || count(r, &ev->start_mark, 1, 0, e) < 0)
        return -1;
    if (r->n_stack >= r->lim->depth)
        return fail_at(r, &ev->start_mark, FAIL_LIMIT, "Maximum object depth exceeded", e);
    struct yx_node *n = node_new(r, kind, ev);
    if (tag != NULL)
        n->tag = arena_text(r->doc, tag, strlen((const char *)tag));
    attach(r, n);
    GROW(r->stack, r->cap_stack, r->n_stack + 1);
    r->stack[r->n_stack++] = (struct frame){
        .node = n,
        .first = r->n_pending,
        .anchor = anchor != NULL ? arena_text(r->doc, anchor, strlen((const char *)anchor)) : NULL,
        .nodes_before = nodes,
        .bytes_before = bytes,
    };
    r->gave = GAVE_OPEN;
    if (anchor != NULL) /* known from here on, but not usable before its end */
        anchor_set(r, (struct anchor){.name = r->stack[r->n_stack - 1].anchor});
    return 0;
}

static int key_cmp(const void *a, const void *b)
{
    const struct yx_node *const *x = a, *const *y = b;
    int c = sv_cmp((*x)->text, (*y)->text);

    if (c != 0)
        return c;
    if ((*x)->line != (*y)->line)
        return (*x)->line < (*y)->line ? -1 : 1;
    return (*x)->col < (*y)->col ? -1 : (*x)->col > (*y)->col;
}

static int check_duplicates(const struct yx_node *map, struct err *e)
{
    size_t n = 0;

    if (map->n < 2)
        return 0;
    AUTO(auto_free) struct yx_node **keys = xmalloc(map->n * sizeof(struct yx_node *));
    for (size_t i = 0; i < map->n; i++) {
        if (map->items[2 * i]->kind == YX_SCALAR)
            keys[n++] = map->items[2 * i];
    }
    qsort(keys, n, sizeof(struct yx_node *), key_cmp);
    for (size_t i = 1; i < n; i++) {
        if (sv_eq(keys[i - 1]->text, keys[i]->text))
            return err_set(e, FAIL_INPUT, "%u:%u: '%.*s' is already defined", keys[i]->line,
                           keys[i]->col, (int)(keys[i]->text.n > 100 ? 100 : keys[i]->text.n),
                           keys[i]->text.p);
    }
    return 0;
}

static int on_close(struct reader *r, const yaml_event_t *ev, struct err *e)
{
    struct frame f = r->stack[--r->n_stack];
    size_t n = r->n_pending - f.first;

    r->gave = GAVE_NOTHING;
    f.node->end_line = (unsigned)ev->end_mark.line + 1;
    f.node->end_col = col_of(r, &ev->end_mark);
    f.node->items = arena(r->doc, (n + 1) * sizeof(struct yx_node *));
    if (n > 0)
        memcpy(f.node->items, r->pending + f.first, n * sizeof(struct yx_node *));
    r->n_pending = f.first;
    f.node->n = f.node->kind == YX_MAPPING ? n / 2 : n;
    if (f.anchor != NULL)
        anchor_set(r, (struct anchor){
                          .name = f.anchor,
                          .node = f.node,
                          .nodes = r->nodes - f.nodes_before,
                          .bytes = r->bytes - f.bytes_before,
                          .height = f.height + 1,
                      });
    if (r->n_stack > 0 && r->stack[r->n_stack - 1].height < f.height + 1)
        r->stack[r->n_stack - 1].height = f.height + 1;
    if (f.node->kind == YX_MAPPING && !r->lim->duplicates_ok)
        return check_duplicates(f.node, e);
    return 0;
}

static int on_alias(struct reader *r, const yaml_event_t *ev, struct err *e)
{
    const char *name = (const char *)ev->data.alias.anchor;
    const yaml_mark_t *m = &ev->start_mark;

    if (r->lim->no_anchors)
        return fail_at(r, m, FAIL_INPUT, "Unexpected parsing event type: AnchorAlias", e);
    r->ahead = true;
    const struct anchor *a = r->size_anchors > 0 ? anchor_slot(r, name) : NULL;
    if (a == NULL || a->name == NULL || a->node == NULL) {
        bool known = a != NULL && a->name != NULL;
        AUTO(auto_free)
        char *text = xasprintf(
            known ? "the alias '%.60s' is inside its own anchor" : "Unknown anchor '%.60s'", name);
        return fail_at(r, m, FAIL_INPUT, text, e);
    }
    if (r->max_nodes > r->lim->alias_nodes)
        r->max_nodes = r->lim->alias_nodes;
    if (r->nodes > r->max_nodes)
        return fail_at(r, m, FAIL_LIMIT, "Maximum YAML nodes exceeded", e);
    if (a->height > r->lim->depth - r->n_stack)
        return fail_at(r, m, FAIL_LIMIT, "Maximum object depth exceeded", e);
    if (count(r, m, a->nodes, a->bytes, e) < 0)
        return -1;
    if (r->n_stack > 0 && r->stack[r->n_stack - 1].height < a->height)
        r->stack[r->n_stack - 1].height = a->height;
    attach(r, a->node);
    r->ahead = false;
    r->gave = a->node->kind == YX_SCALAR ? GAVE_WHOLE : GAVE_NOTHING; /* its end came last */
    return 0;
}

static int on_event(struct reader *r, const yaml_event_t *ev, struct err *e)
{
    switch (ev->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (r->ended)
            return fail_at(r, &ev->start_mark, FAIL_INPUT, "Expected stream end parse event", e);
        return 0;
    case YAML_DOCUMENT_END_EVENT:
        r->ended = true;
        return 0;
    case YAML_ALIAS_EVENT:
        return on_alias(r, ev, e);
    case YAML_SCALAR_EVENT:
        return on_scalar(r, ev, e);
    case YAML_SEQUENCE_START_EVENT:
        return on_open(r, YX_SEQUENCE, ev, ev->data.sequence_start.anchor,
                       ev->data.sequence_start.tag, e);
    case YAML_MAPPING_START_EVENT:
        return on_open(r, YX_MAPPING, ev, ev->data.mapping_start.anchor, ev->data.mapping_start.tag,
                       e);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_close(r, ev, e);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
        break;
    }
    return 0;
}

static int read_all(struct reader *r, struct err *e)
{
    for (bool more = true; more;) {
        yaml_event_t ev;
        if (!yaml_parser_parse(&r->parser, &ev)) {
            r->ahead = true;
            return fail_parser(r, e);
        }
        more = ev.type != YAML_STREAM_END_EVENT;
        int rc = on_event(r, &ev, e);
        yaml_event_delete(&ev);
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* Takes the last node away. */
static void drop(struct reader *r)
{
    if (r->gave == GAVE_OPEN)
        r->n_stack--;
    if (r->n_stack == 0)
        r->doc->root = NULL;
    else
        r->n_pending--;
}

/* Closes what is open where reading ended. */
static void cut(struct reader *r)
{
    if (r->ahead && r->gave != GAVE_NOTHING)
        drop(r);
    while (r->n_stack > 0) {
        struct frame f = r->stack[--r->n_stack];
        size_t n = r->n_pending - f.first;
        f.node->items = arena(r->doc, (n + 2) * sizeof(struct yx_node *));
        if (n > 0)
            memcpy(f.node->items, r->pending + f.first, n * sizeof(struct yx_node *));
        f.node->items[n] = NULL; /* the value of a last key */
        r->n_pending = f.first;
        f.node->n = f.node->kind == YX_MAPPING ? (n + 1) / 2 : n;
        f.node->cut = true;
    }
}

static int parse(struct reader *r, struct err *e)
{
    if (!yaml_parser_initialize(&r->parser))
        return err_set(e, FAIL_INTERNAL, "cannot start the YAML parser");
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->text.text.p, r->text.text.n);
    int rc = read_all(r, e);
    yaml_parser_delete(&r->parser);
    return rc;
}

int yx_parse_part(struct sv text, const struct yx_limits *lim, struct yx_doc **out,
                  struct yx_problem *p, struct err *e)
{
    struct yx_doc *doc = xcalloc(1, sizeof *doc);
    struct reader r = {.doc = doc, .lim = lim != NULL ? lim : &yx_default_limits, .problem = p};
    int rc;

    *out = doc;
    r.max_nodes = r.lim->nodes;
    if (text.n > r.lim->input_bytes)
        return err_set(e, FAIL_LIMIT, "1:1: the file is %zu bytes long; the limit is %zu", text.n,
                       r.lim->input_bytes);
    if (sv_starts(text, SV("\xEF\xBB\xBF")))
        text = sv_sub(text, 3, SV_NPOS);
    if (yx_text_init(&r.text, text)) {
        rc = parse(&r, e);
    } else {
        const yaml_mark_t bad = {.line = r.text.bad.line, .column = r.text.bad.col};
        rc = fail_at(&r, &bad, FAIL_INPUT, "control characters are not allowed", e);
    }
    if (rc < 0)
        cut(&r);
    yx_text_done(&r.text);
    free(r.stack);
    free(r.pending);
    free(r.anchors);
    return rc;
}

int yx_parse(struct sv text, const struct yx_limits *lim, struct yx_doc **out, struct err *e)
{
    AUTO(auto_yx) struct yx_doc *doc = NULL;

    if (yx_parse_part(text, lim, &doc, NULL, e) < 0)
        return -1;
    *out = TAKE_PTR(doc);
    return 0;
}

struct yx_node *yx_root(const struct yx_doc *d)
{
    return d->root;
}

void yx_free(struct yx_doc *d)
{
    if (d == NULL)
        return;
    for (struct chunk *c = d->chunks, *next; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    free(d);
}

void auto_yx(struct yx_doc **d)
{
    yx_free(*d);
    *d = NULL;
}
