/* SPDX-License-Identifier: Apache-2.0
 *
 * Preparing actions: level by level, each level resolved in one call. Source: actions/runner 2.336.0
 * src/Runner.Worker/ActionManager.cs (spec job-execution 3.4, 3.6). */
#include "runner/worker/action_prepare.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/path.h"
#include "runner/worker/checkout.h"
#include "runner/worker/worker.h"

static const char *const manifest_names[] = {"action.yml", "action.yaml", "Dockerfile",
                                             "dockerfile"};
enum { N_MANIFEST_NAMES = sizeof manifest_names / sizeof manifest_names[0], FIRST_DOCKERFILE = 2 };

struct actions {
    struct action *list;
    struct strv fetched; /* "owner/name@ref" that are on disk */
};

struct actions *actions_new(void)
{
    struct actions *a = xcalloc(1, sizeof *a);

    a->fetched = STRV_INIT;
    return a;
}

static void action_free(struct action *a)
{
    free(a->key);
    free(a->dir);
    free(a->manifest_name);
    manifest_free(a->manifest);
    free(a->steps);
    free(a);
}

void actions_free(struct actions *a)
{
    if (a == NULL)
        return;
    while (a->list != NULL) {
        struct action *next = a->list->next;
        action_free(a->list);
        a->list = next;
    }
    strv_free(&a->fetched);
    free(a);
}

static const struct action *find_key(const struct actions *l, const char *key)
{
    for (const struct action *a = l->list; a != NULL; a = a->next)
        if (strcmp(a->key, key) == 0)
            return a;
    return NULL;
}

const struct action *actions_find(const struct worker *w, const struct step_def *d)
{
    AUTO(auto_free) char *key = step_def_uses(d);

    return find_key(w->actions, key);
}

/* ---- reading a manifest ---- */

/* At most ten errors of the reader, one line each, as error issues; then the summary. */
static int manifest_errors(struct exec *x, const char *file, const struct wf_errors *errors,
                           struct err *e)
{
    for (size_t i = 0; i < errors->n && i < 10; i++)
        exec_errorf(x, "%s (Line: %u, Col: %u): %s", file, errors->v[i].line, errors->v[i].col,
                    errors->v[i].text);
    return errors->n > 0 ? err_set(e, FAIL_INPUT, "Failed to load %s", file) : -1;
}

static int read_manifest(struct exec *x, struct action *a, struct sv text, const char *shown,
                         struct err *e)
{
    AUTO(wf_errors_free) struct wf_errors errors = {.v = NULL};
    unsigned index;

    strv_add(&x->w->files, shown);
    index = (unsigned)x->w->files.n; /* 1-based */
    if (manifest_parse(text, shown, index, &a->manifest, &errors, e) < 0)
        return manifest_errors(x, shown, &errors, e);
    if (a->manifest->using != MANIFEST_COMPOSITE)
        return 0;
    a->n_steps = a->manifest->n_steps;
    a->steps = xcalloc(a->n_steps + 1, sizeof *a->steps);
    for (size_t i = 0; i < a->n_steps; i++)
        if (step_def_from_manifest(&a->steps[i], &a->manifest->steps[i], e) < 0)
            return err_wrap(e, "%s, line %u", shown, a->manifest->steps[i].line);
    return 0;
}

static struct action *add_action(struct actions *l, const char *key, char *own_dir)
{
    struct action *a = xcalloc(1, sizeof *a);

    a->key = xstrdup(key);
    a->dir = own_dir;
    a->next = l->list;
    l->list = a;
    return a;
}

/* ---- repository actions: read from outside, the worker unpacked them ---- */

static int read_host_file(int dir, const char *name, char **out, size_t *n, struct err *e)
{
    AUTO(auto_fd) int fd = -1;
    AUTO(buf_free) struct buf b = BUF_INIT(ACTION_MANIFEST_MAX);

    if (fs_open_beneath(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, false, &fd, e) < 0)
        return -1;
    for (;;) {
        char *p = buf_room(&b, 64 << 10);
        if (p == NULL)
            return err_set(e, FAIL_LIMIT, "'%s' is larger than %u bytes", name,
                           ACTION_MANIFEST_MAX);
        ssize_t got = fd_read_full(fd, p, 64 << 10, e);
        if (got < 0)
            return -1;
        buf_grew(&b, (size_t)got);
        if (got < (64 << 10))
            break;
    }
    *out = buf_take(&b, n);
    return 0;
}

static bool is_missing(const struct err *e)
{
    return e->code == FAIL_NOTFOUND || (e->code == FAIL_SYS && e->sys == ENOENT);
}

static int load_repository(struct exec *x, const struct step_def *d, struct action **out,
                           struct err *e)
{
    struct worker *w = x->w;
    AUTO(auto_free) char *key = step_def_uses(d);
    AUTO(auto_free)
    char *rel = xasprintf(SV_FMT "/" SV_FMT "%s" SV_FMT, SV_ARG(d->repository), SV_ARG(d->ref),
                          d->path.n > 0 ? "/" : "", SV_ARG(d->path));
    AUTO(auto_free) char *clean = NULL;
    AUTO(auto_fd) int host = open(w->hello.actions_host, O_PATH | O_DIRECTORY | O_CLOEXEC);
    AUTO(auto_fd) int dir = -1;

    if (host < 0)
        return err_sys(e, "cannot open the folder of actions '%s'", w->hello.actions_host);
    if (path_from_untrusted(sv_of(rel), &clean, e) < 0)
        return err_wrap(e, "action '%s'", key);
    bool there =
        fs_open_beneath(host, clean, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, false, &dir, e) == 0;
    for (int i = 0; there && i < N_MANIFEST_NAMES; i++) {
        AUTO(auto_free) char *text = NULL;
        size_t n = 0;
        if (read_host_file(dir, manifest_names[i], &text, &n, e) < 0) {
            if (!is_missing(e))
                return err_wrap(e, "action '%s'", key);
            continue;
        }
        struct action *a = add_action(w->actions, key, path_join(w->hello.actions, clean));
        a->manifest_name = xstrdup(manifest_names[i]);
        *out = a;
        AUTO(auto_free) char *shown = xasprintf("%s/%s", clean, manifest_names[i]);
        return i < FIRST_DOCKERFILE ? read_manifest(x, a, (struct sv){text, n}, shown, e) : 0;
    }
    return err_set(e, FAIL_NOTFOUND,
                   "Can't find 'action.yml', 'action.yaml' or 'Dockerfile' for action '%s'.", key);
}

/* ---- one level ---- */

static bool is_fetched(const struct worker *w, const char *key)
{
    for (size_t i = 0; i < w->actions->fetched.n; i++)
        if (strcmp(w->actions->fetched.v[i], key) == 0)
            return true;
    return false;
}

static bool wants_download(const struct worker *w, const struct step_def *d)
{
    return d->kind == REF_REPOSITORY && !checkout_is_native(w, d);
}

static int fetch_level(struct exec *x, const struct step_def *const *steps, size_t n, struct err *e)
{
    struct resolved *v = xcalloc(n + 1, sizeof *v);
    AUTO(strv_free) struct strv keys = STRV_INIT;
    size_t count = 0;
    int rc = 0;

    for (size_t i = 0; i < n; i++) {
        const struct step_def *d = steps[i];
        if (!wants_download(x->w, d))
            continue;
        AUTO(auto_free)
        char *key = xasprintf(SV_FMT "@" SV_FMT, SV_ARG(d->repository), SV_ARG(d->ref));
        bool known = is_fetched(x->w, key);
        for (size_t k = 0; !known && k < keys.n; k++)
            known = strcmp(keys.v[k], key) == 0;
        if (known)
            continue;
        strv_add(&keys, key);
        v[count++] = (struct resolved){.name = sv_dup(d->repository), .ref = sv_dup(d->ref)};
    }
    if (count > 0)
        rc = actions_resolve(x, v, count, e);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = actions_download(x, &v[i], e);
        if (rc == 0)
            strv_add(&x->w->actions->fetched, keys.v[i]);
    }
    for (size_t i = 0; i < count; i++)
        resolved_done(&v[i]);
    free(v);
    return rc;
}

static int prepare_children(struct exec *x, const struct action *a, unsigned depth, struct err *e)
{
    const struct step_def **children;
    int rc;

    if (a->n_steps == 0)
        return 0;
    children = xcalloc(a->n_steps, sizeof(const struct step_def *));
    for (size_t i = 0; i < a->n_steps; i++)
        children[i] = &a->steps[i];
    rc = actions_prepare(x, children, a->n_steps, depth, e);
    free(children);
    return rc;
}

int actions_prepare(struct exec *x, const struct step_def *const *steps, size_t n, unsigned depth,
                    struct err *e)
{
    if (depth > ACTION_MAX_DEPTH)
        return err_set(e, FAIL_LIMIT, "Composite action depth exceeded max depth %u",
                       ACTION_MAX_DEPTH);
    if (fetch_level(x, steps, n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct action *a = NULL;
        if (!wants_download(x->w, steps[i]) || actions_find(x->w, steps[i]) != NULL)
            continue;
        if (load_repository(x, steps[i], &a, e) < 0)
            return -1;
        if (prepare_children(x, a, depth + 1, e) < 0)
            return -1;
    }
    return 0;
}

/* ---- local actions ---- */

int actions_load_local(struct exec *x, const struct step_def *d, const struct action **out,
                       struct err *e)
{
    struct worker *w = x->w;
    AUTO(auto_free) char *given = sv_dup(d->path);
    AUTO(auto_free) char *joined = path_join(w->workspace, given);
    AUTO(auto_free) char *dir = path_clean(sv_of(joined));

    for (int i = 0; i < N_MANIFEST_NAMES; i++) {
        AUTO(auto_free) char *path = path_join(dir, manifest_names[i]);
        AUTO(auto_free) char *text = NULL;
        size_t n = 0;
        if (sbx_read_file(w->sbx, path, ACTION_MANIFEST_MAX, &text, &n, e) < 0) {
            if (is_missing(e))
                continue;
            return err_wrap(e, "read the action '%s'", given);
        }
        /* Read anew each time: an earlier step may have changed it. */
        struct action *a = add_action(w->actions, given, xstrdup(dir));
        a->manifest_name = xstrdup(manifest_names[i]);
        if (i < FIRST_DOCKERFILE) {
            AUTO(auto_free) char *shown = xasprintf("%s/%s", given, manifest_names[i]);
            if (read_manifest(x, a, (struct sv){text, n}, shown, e) < 0)
                return -1;
        }
        *out = a;
        return prepare_children(x, a, 1, e);
    }
    return err_set(e, FAIL_NOTFOUND,
                   "Can't find 'action.yml', 'action.yaml' or 'Dockerfile' under '%s'. Did you "
                   "forget to run actions/checkout before running your local action?",
                   dir);
}
