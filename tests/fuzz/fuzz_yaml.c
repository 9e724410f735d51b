/* SPDX-License-Identifier: Apache-2.0
 *
 * base/yaml: what was read obeys the limits, whatever the bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/yaml.h"
#include "tests/fuzz/said.h"

#define MAX_INPUT 65536U /* of the small limits; longer texts have those of workflows */
#define MAX_LONG  ((size_t)2 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct yx_limits small = {.depth = 20,
                                       .nodes = 2000,
                                       .alias_nodes = 500,
                                       .input_bytes = MAX_INPUT,
                                       .total_bytes = 100000};

static const struct yx_limits *lim;

struct seen {
    size_t nodes, bytes;
};

static void walk(const struct yx_node *n, unsigned depth, struct seen *s)
{
    size_t items = n->kind == YX_MAPPING ? 2 * n->n : n->n;

    if (n->line == 0 || n->col == 0 || (n->kind == YX_SCALAR && n->n != 0))
        abort();
    s->nodes++;
    s->bytes += n->text.n;
    if (s->nodes > lim->nodes || s->bytes > lim->total_bytes || (items > 0 && depth > lim->depth) ||
        n->text.p[n->text.n] != '\0')
        abort();
    for (size_t i = 0; i < items; i++)
        walk(n->items[i], depth + 1, s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(auto_yx) struct yx_doc *doc = NULL;
    struct seen s = {0};
    struct err e = {0};

    if (size > MAX_LONG)
        return 0;
    lim = size > MAX_INPUT ? &yx_default_limits : &small;
    AUTO(auto_free)
    char *in = xmalloc(size > 0 ? size : 1); /* exact size: ASan sees one byte too far */
    if (size > 0)
        memcpy(in, data, size);
    if (yx_parse((struct sv){in, size}, lim, &doc, &e) < 0) {
        if ((e.code != FAIL_INPUT && e.code != FAIL_LIMIT) || e.msg[0] == '\0' || doc != NULL)
            abort();
        said(err_whole(&e));
        return 0;
    }
    if (yx_root(doc) != NULL)
        walk(yx_root(doc), 1, &s);
    return 0;
}
