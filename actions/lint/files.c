/* SPDX-License-Identifier: Apache-2.0
 *
 * Other files of the repository: manifests of local actions and called workflows, each read once. */
#include <stdlib.h>

#include "actions/lint/lint_priv.h"
#include "actions/manifest.h"
#include "base/mem.h"
#include "base/path.h"

struct lint_manifest {
    struct lint_manifest *next;
    char *path;
    size_t n; /* of path */
    enum lint_found found;
    struct manifest *m;
};
struct lint_called {
    struct lint_called *next;
    char *path;
    enum lint_found found;
    char *text;
    struct yx_doc *doc;
};

#define MAX_FILES 200U /* Ours: other files that one file may make us read */

/* The path from the repository's top, or NULL when it leads out of it. */
static char *local_path(struct sv uses)
{
    AUTO(auto_free) char *clean = path_clean(sv_sub(uses, 2, SV_NPOS));

    if (clean[0] == '/' || sv_starts(sv_of(clean), SV("../")) || strcmp(clean, "..") == 0)
        return NULL;
    return TAKE_PTR(clean);
}

static enum lint_found read_manifest(struct lint *l, const char *folder, struct manifest **out)
{
    static const char *const names[] = {"action.yml", "action.yaml", "Dockerfile", "dockerfile"};
    const struct lint_source *s = l->o->source;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        AUTO(auto_free)
        char *path = strcmp(folder, ".") == 0 ? xstrdup(names[i]) : path_join(folder, names[i]);
        AUTO(auto_free) char *text = NULL;
        AUTO(wf_errors_free) struct wf_errors errors = {0};
        struct err e = {0};
        size_t n;
        if (s->read(s->ctx, path, &text, &n, &e) < 0) {
            if (e.code == FAIL_NOTFOUND)
                continue;
            return UNREADABLE;
        }
        if (i >= 2)
            return UNKNOWN; /* a Dockerfile alone: an action without inputs that are known */
        return manifest_parse((struct sv){text, n}, path, 1, out, &errors, &e) < 0 ? UNREADABLE
                                                                                   : FOUND;
    }
    return NOT_FOUND;
}

enum lint_found lint_action(struct lint *l, struct sv uses, const struct manifest **out)
{
    AUTO(auto_free) char *path = NULL;
    size_t n = 0;

    *out = NULL;
    if (l->o->source == NULL || (!sv_starts(uses, SV("./")) && !sv_starts(uses, SV("$/"))) ||
        (path = local_path(uses)) == NULL)
        return UNKNOWN;
    size_t length = strlen(path);
    for (const struct lint_manifest *m = l->manifests; m != NULL; m = m->next, n++) {
        if (m->n == length && memcmp(m->path, path, length) == 0) {
            *out = m->m;
            return m->found;
        }
    }
    if (n >= MAX_FILES)
        return UNKNOWN;
    struct lint_manifest *m = lint_alloc(l, sizeof *m);
    m->next = l->manifests;
    l->manifests = m;
    m->found = read_manifest(l, path, &m->m);
    m->path = TAKE_PTR(path);
    m->n = length;
    *out = m->m;
    return m->found;
}

static enum lint_found read_called(struct lint *l, struct lint_called *c)
{
    const struct lint_source *s = l->o->source;
    struct yx_limits lim = yx_default_limits;
    struct err e = {0};
    size_t n;

    if (s->read(s->ctx, c->path, &c->text, &n, &e) < 0)
        return e.code == FAIL_NOTFOUND ? NOT_FOUND : UNREADABLE;
    lim.depth = 50;
    lim.duplicates_ok = true;
    if (yx_parse((struct sv){c->text, n}, &lim, &c->doc, &e) < 0)
        return UNREADABLE;
    return FOUND;
}

static const struct yx_node *call_of(const struct yx_node *root, bool *callable)
{
    const struct yx_node *on = lint_get(root, "on");

    *callable = lint_key(on, "workflow_call") != NULL;
    for (size_t i = 0; i < lint_count(on); i++)
        *callable = *callable || sv_is(lint_item(on, i)->text, "workflow_call");
    const struct yx_node *call = lint_get(on, "workflow_call");
    return call != NULL && call->kind == YX_MAPPING ? call : NULL;
}

/* NULL: it is not looked for. */
static struct lint_called *called(struct lint *l, struct sv uses)
{
    AUTO(auto_free) char *path = NULL;
    struct lint_called *c;
    size_t n = 0;

    if (l->o->source == NULL || (!sv_starts(uses, SV("./")) && !sv_starts(uses, SV("$/"))) ||
        sv_chr(uses, '@') != SV_NPOS || (path = local_path(uses)) == NULL)
        return NULL;
    for (c = l->called; c != NULL && strcmp(c->path, path) != 0; c = c->next)
        n++;
    if (c == NULL && n >= MAX_FILES)
        return NULL;
    if (c == NULL) {
        c = lint_alloc(l, sizeof *c);
        c->next = l->called;
        c->path = TAKE_PTR(path);
        l->called = c;
        c->found = read_called(l, c);
    }
    return c;
}

enum lint_found lint_callee(struct lint *l, struct sv uses, const struct yx_node **call,
                            bool *callable)
{
    const struct lint_called *c = called(l, uses);

    *call = NULL;
    *callable = false;
    if (c == NULL)
        return UNKNOWN;
    if (c->found == FOUND)
        *call = call_of(yx_root(c->doc), callable);
    return c->found;
}

const struct yx_node *lint_called_file(struct lint *l, struct sv uses, const char **path)
{
    const struct lint_called *c = called(l, uses);

    if (c == NULL || c->found != FOUND)
        return NULL;
    *path = c->path;
    return yx_root(c->doc);
}

void lint_files_done(struct lint *l)
{
    for (struct lint_manifest *m = l->manifests; m != NULL; m = m->next) {
        manifest_free(m->m);
        free(m->path);
    }
    for (struct lint_called *c = l->called; c != NULL; c = c->next) {
        yx_free(c->doc);
        free(c->text);
        free(c->path);
    }
}
