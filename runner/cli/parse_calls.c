/* SPDX-License-Identifier: Apache-2.0
 *
 * The loader of `gantry parse`. */
#include "runner/cli/parse_calls.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/mirror.h"
#include "base/path.h"
#include "base/tarball.h"
#include "runner/cli/run_git.h"

#define MAX_BYTES ((size_t)4 << 20) /* above the reader's own limit, which has the better text */

void parse_calls_done(struct parse_calls *c)
{
    source_files_done(&c->source);
    lint_root_done(&c->root);
    free(c->name);
    free(c->prefix);
    free(c->owner);
}

static bool is_workflow_path(struct sv path)
{
    return sv_starts(path, SV(".github/workflows/")) ||
           sv_starts(path, SV(".github/workflows-lab/"));
}

int parse_calls_open(struct parse_calls *c, const char *file, const struct strv *mirrors,
                     struct err *e)
{
    AUTO(auto_free) char *folder = sv_dup(path_dir(sv_of(file)));
    char *path;

    *c = PARSE_CALLS_INIT;
    c->mirrors = mirrors;
    if (lint_root_find(folder, &c->root, e) < 0)
        return -1;
    c->source.top = c->root.top;
    c->prefix = lint_root_prefix(&c->root, NULL);
    path = lint_root_relative(&c->root, file);
    c->name = path != NULL && is_workflow_path(sv_of(path)) ? TAKE_PTR(path) : xstrdup(file);
    free(path);
    return 0;
}

static int read_here(struct parse_calls *c, struct sv name, struct buf *out, struct err *e)
{
    AUTO(auto_free) char *path = sv_dup(name);
    int rc = source_files_read(&c->source, path, out, e);

    if (rc != 0)
        return rc < 0 ? -1 : 0;
    return err_set(e, FAIL_NOTFOUND,
                   "there is no such file in the repository; is it ignored by git?");
}

/* 1 found, 0 no mirror has the repository with this ref, -1 failed. */
static int read_mirrors(const struct parse_calls *c, const char *repo, const char *ref,
                        const char *path, struct buf *out, struct err *e)
{
    for (size_t i = 0; i < c->mirrors->n; i++) {
        bool git = false;
        AUTO(auto_free) char *sha = NULL;
        AUTO(auto_free) char *dir = mirror_find(c->mirrors->v[i], repo, &git);
        if (dir == NULL)
            continue;
        if (git && mirror_commit(dir, ref, &sha, e) < 0) {
            if (e->code != FAIL_NOTFOUND)
                return -1;
            continue;
        }
        int rc = git ? mirror_git_file(dir, NULL, sha, path, MAX_BYTES, out, e)
                     : mirror_folder_file(dir, path, MAX_BYTES, out, e);
        if (rc == 0)
            return 1;
        if (e->code == FAIL_NOTFOUND)
            (void)err_set(e, FAIL_NOTFOUND, "the mirror '%.100s' has no file '%.100s'", dir, path);
        return -1;
    }
    return 0;
}

static int read_elsewhere(const struct parse_calls *c, const struct wf_call_name *at,
                          struct buf *out, struct err *e)
{
    AUTO(auto_free) char *repo = xasprintf(SV_FMT "/" SV_FMT, SV_ARG(at->owner), SV_ARG(at->repo));
    AUTO(auto_free) char *ref = sv_dup(at->ref);
    AUTO(auto_free) char *path = sv_dup(at->path);
    AUTO(auto_free) char *place = NULL;
    AUTO(auto_free) char *sha = NULL;
    AUTO(auto_fd) int fd = -1;

    if (!mirror_good_repo(sv_of(repo)) || !mirror_good_ref(at->ref) ||
        !is_workflow_path(at->path) || sv_find(at->path, SV("..")) != SV_NPOS)
        return err_set(e, FAIL_INPUT, "this is no reference of the form owner/name/path@ref");
    int rc = read_mirrors(c, repo, ref, path, out, e);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    if (path_place(PATH_CACHE, &place, e) < 0)
        return -1;
    AUTO(auto_free) char *cache = path_join(place, "actions");
    if (mirror_cached(cache, repo, ref, &sha, &fd))
        return tarball_file(fd, path, MAX_BYTES, out, e);
    return err_set(e, FAIL_NOTFOUND,
                   "it is neither in a mirror (--actions DIR, as OWNER/NAME or OWNER/NAME.git) nor "
                   "in the cache; --no-calls leaves calls unread");
}

static int read_call(void *ctx, struct sv name, struct buf *out, struct err *e)
{
    struct parse_calls *c = ctx;
    struct wf_call_name at;

    wf_call_split(name, &at);
    return at.owner.n == 0 ? read_here(c, name, out, e) : read_elsewhere(c, &at, out, e);
}

struct wf_loader parse_calls_loader(struct parse_calls *c)
{
    if (c->owner == NULL && fs_exists(c->root.fd, ".git"))
        c->owner = repo_owner(c->root.top);
    return (struct wf_loader){
        .ctx = c, .read = read_call, .owner = c->owner != NULL ? sv_of(c->owner) : SV("")};
}
