/* SPDX-License-Identifier: Apache-2.0
 *
 * The workflows that a run calls (spec expressions 7): local ones come with the request, those of other repositories
 * from the mirrors, the cache and the network, in that order, as actions do. Every text that was read becomes a
 * part of the request, so that the run is the same after a restart. */
#include "runner/service/calls.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fs.h"
#include "base/mem.h"
#include "runner/service/actions_priv.h"

#define CALL_MAX_BYTES \
    ((size_t)4 << 20) /* above the reader's own limit, which has the better text */

struct calls {
    struct svc *s;
    json_t *files, *commits; /* lent: of the request; by name */
    json_t *failed;          /* name: why it cannot be fetched */
    bool fetches;            /* else: what is not there is an error */
    char *missing;           /* name of a file that has to be fetched */
    struct wanted wanted;    /* its repository */
    struct fetch *fetch;
    void (*done)(void *ctx);
    void *ctx;
};

static void wanted_done(struct wanted *w)
{
    free(w->key);
    free(w->repo);
    free(w->ref);
    free(w->sha);
    *w = (struct wanted){.key = NULL};
}

static json_t *member(json_t *request, const char *key)
{
    json_t *o = json_object_get(request, key);

    if (!json_is_object(o)) {
        o = json_object();
        (void)json_object_set_new(request, key, o);
    }
    return o;
}

struct calls *calls_new(struct svc *s, json_t *request, bool fetches, void (*done)(void *ctx),
                        void *ctx)
{
    struct calls *c = xcalloc(1, sizeof *c);

    *c = (struct calls){.s = s, .fetches = fetches, .done = done, .ctx = ctx};
    c->files = member(request, "files");
    c->commits = member(request, "commits");
    c->failed = json_object();
    return c;
}

void calls_free(struct calls *c)
{
    if (c == NULL)
        return;
    fetch_cancel(c->fetch);
    wanted_done(&c->wanted);
    json_decref(c->failed);
    free(c->missing);
    free(c);
}

/* ---- where a file of another repository comes from ---- */

/* 1 found, 0 no mirror has the repository with this ref, -1 failed. */
static int look_in_mirrors(struct svc *s, struct wanted *w, const char *path, struct buf *out,
                           struct err *e)
{
    for (size_t i = 0; i < s->cfg.actions_dirs.n; i++) {
        bool git = false;
        AUTO(auto_free) char *dir = mirror_find(s->cfg.actions_dirs.v[i], w->repo, &git);
        if (dir == NULL)
            continue;
        if (git && mirror_commit(dir, w->ref, &w->sha, e) < 0) {
            if (e->code != FAIL_NOTFOUND)
                return -1;
            continue;
        }
        int rc = git ? mirror_objects_file(s, dir, w->sha, path, CALL_MAX_BYTES, out, e)
                     : mirror_folder_file(dir, path, CALL_MAX_BYTES, out, e);
        if (rc == 0 || e->code != FAIL_NOTFOUND)
            return rc == 0 ? 1 : -1;
        return err_set(e, FAIL_NOTFOUND, "the mirror '%s' has no file '%s'", dir, path);
    }
    return 0;
}

/* Out of the archive in the blob store. */
static int from_archive(struct svc *s, const struct wanted *w, const char *path, struct buf *out,
                        struct err *e)
{
    AUTO(buf_free) struct buf name = BUF_INIT(1024);
    AUTO(auto_fd) int fd = -1;
    uint64_t size = 0;

    actions_blob_name(w, &name);
    if (blob_open(s, name.p, &fd, &size, e) < 0)
        return -1;
    return tarball_file(fd, path, CALL_MAX_BYTES, out, e);
}

static void keep(struct calls *c, const char *name, const struct wanted *w, struct sv text)
{
    (void)json_object_set_new(c->files, name, jx_str_new(text));
    if (w->sha != NULL)
        svc_set_text(c->commits, name, w->sha);
}

/* The file is of another repository. Its name was checked by the reader; the parts become paths and arguments. */
static int read_remote(struct calls *c, const char *name, const struct wf_call_name *parts,
                       struct buf *out, struct err *e)
{
    AUTO(wanted_done)
    struct wanted w = {.repo =
                           xasprintf(SV_FMT "/" SV_FMT, SV_ARG(parts->owner), SV_ARG(parts->repo)),
                       .ref = sv_dup(parts->ref)};
    AUTO(auto_free) char *path = sv_dup(parts->path);
    int rc;

    if (!mirror_good_repo(sv_of(w.repo)) || !mirror_good_ref(sv_of(w.ref)) ||
        !sv_starts(parts->path, SV(".github/")) || sv_find(parts->path, SV("..")) != SV_NPOS)
        return err_set(e, FAIL_INPUT, "this is no reference of the form owner/name/path@ref");
    rc = look_in_mirrors(c->s, &w, path, out, e);
    if (rc == 0) {
        rc = actions_look_in_cache(c->s, &w, e);
        if (rc > 0)
            rc = from_archive(c->s, &w, path, out, e) == 0 ? 1 : -1;
    }
    if (rc < 0)
        return -1;
    if (rc > 0) {
        keep(c, name, &w, buf_sv(out));
        return 0;
    }
    if (c->s->cfg.offline || !c->fetches)
        return err_set(e, FAIL_NOTFOUND,
                       "it was not found; put its repository into a mirror (--actions DIR) as "
                       "OWNER/NAME or OWNER/NAME.git, or run without --offline");
    c->missing = xstrdup(name);
    c->wanted = w;
    w = (struct wanted){.key = NULL};
    return err_set(e, FAIL_NET, "it is being fetched");
}

static int read_call(void *ctx, struct sv name, struct buf *out, struct err *e)
{
    struct calls *c = ctx;
    AUTO(auto_free) char *key = sv_dup(name);
    const json_t *known = json_object_get(c->files, key), *why = json_object_get(c->failed, key);
    struct wf_call_name parts;

    if (json_is_string(known)) {
        buf_add(out, json_string_value(known), json_string_length(known));
        return 0;
    }
    if (why != NULL)
        return err_set(e, FAIL_NET, "%s", json_string_value(why));
    wf_call_split(name, &parts);
    if (parts.owner.n == 0)
        return err_set(e, FAIL_NOTFOUND,
                       "there is no such file in the repository; is it ignored by git?");
    return read_remote(c, key, &parts, out, e);
}

/* ---- fetching ---- */

static void on_fetched(void *ctx, const struct err *fetch_error)
{
    struct calls *c = ctx;
    AUTO(auto_free) char *name = TAKE_PTR(c->missing);
    AUTO(buf_free) struct buf text = BUF_INIT(CALL_MAX_BYTES);
    AUTO(auto_free) char *path = NULL;
    struct wf_call_name parts;
    struct err e = {.code = FAIL_NONE};

    c->fetch = NULL;
    wf_call_split(sv_of(name), &parts);
    path = sv_dup(parts.path);
    if (fetch_error != NULL)
        e = *fetch_error;
    if (fetch_error == NULL && from_archive(c->s, &c->wanted, path, &text, &e) == 0) {
        keep(c, name, &c->wanted, buf_sv(&text));
    } else {
        AUTO(auto_free)
        char *why = xasprintf("it cannot be fetched from %s: %s; without the network it can come "
                              "from a mirror (--actions DIR)",
                              c->s->cfg.action_server, e.msg);
        svc_set_text(c->failed, name, why);
    }
    wanted_done(&c->wanted);
    c->done(c->ctx);
}

enum calls_next calls_fetch(struct calls *c)
{
    struct err e;

    if (c->missing == NULL)
        return CALLS_OVER;
    c->fetch = fetch_start(c->s, &c->wanted, on_fetched, c, &e);
    if (c->fetch != NULL)
        return CALLS_FETCHING;
    svc_set_text(c->failed, c->missing, e.msg);
    free(TAKE_PTR(c->missing));
    wanted_done(&c->wanted);
    return CALLS_AGAIN;
}

int calls_load(struct calls *c, struct wf *w, struct sv owner, struct wf_errors *errors,
               struct err *e)
{
    const struct wf_loader loader = {.ctx = c, .read = read_call, .owner = owner};

    return wf_load_calls(w, &loader, NULL, errors, e);
}
