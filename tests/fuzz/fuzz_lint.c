/* SPDX-License-Identifier: Apache-2.0
 *
 * The linter over any text, as a workflow and as an action, with a repository that answers with the same text:
 * findings have places inside of the file, and none is there twice. */
#include <stdint.h>
#include <stdlib.h>

#include "actions/lint/lint.h"
#include "base/mem.h"

#define MAX_INPUT 65536U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool climbs(struct sv path)
{
    struct sv name;

    while (sv_next(&path, '/', &name))
        if (sv_is(name, ".."))
            return true;
    return false;
}

static int read_same(void *ctx, const char *path, char **out, size_t *n, struct err *e)
{
    const struct sv *text = ctx;

    if (path[0] == '\0' || path[0] == '/' || climbs(sv_of(path)))
        abort(); /* never out of the repository */
    if (strlen(path) % 3 == 0)
        return err_set(e, FAIL_NOTFOUND, "no '%.100s'", path);
    *out = xmemdup(text->p, text->n);
    *n = text->n;
    return 0;
}

static void check(const struct lint_report *r, struct sv text)
{
    unsigned lines = 1;

    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n' || (unsigned char)text.p[i] >= 0x80 || text.p[i] == '\r';
    if (r->n > LINT_MAX_FINDINGS + 4 * lines)
        abort();
    for (size_t i = 0; i < r->n; i++) {
        const struct lint_finding *f = &r->v[i], *before = i > 0 ? &r->v[i - 1] : NULL;
        if (f->line == 0 || f->col == 0 || f->line > lines + 1 || f->message[0] == '\0' ||
            f->level == LINT_OFF || lint_rule_find(sv_of(f->rule->id)) != f->rule)
            abort();
        if (f->end_line < f->line || (f->end_line == f->line && f->end_col < f->col))
            abort();
        if (before != NULL &&
            (before->line > f->line || (before->line == f->line && before->col > f->col)))
            abort();
        if (before != NULL && before->line == f->line && before->col == f->col &&
            before->rule == f->rule && strcmp(before->message, f->message) == 0)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const paths[] = {".github/workflows/x.yml", "a/action.yml"};

    if (size > MAX_INPUT)
        return 0;
    AUTO(auto_free) char *in = xmalloc(size > 0 ? size : 1);
    if (size > 0)
        memcpy(in, data, size);
    struct sv text = {in, size};
    const struct lint_source source = {&text, read_same};
    const struct lint_options o = {.source = &source};
    for (size_t i = 0; i < 2; i++) {
        AUTO(lint_report_done) struct lint_report r = {0};
        lint_file(&o, paths[i], text, &r);
        check(&r, text);
    }
    AUTO(lint_config_done) struct lint_config c = {0};
    struct err e = {0};
    if (lint_config_parse(text, &c, &e) < 0 && e.msg[0] == '\0')
        abort();
    return 0;
}
