/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the actions of a job come from (spec job-execution 3.5): the mirror folders in order, the cache, the
 * network unless the service is offline. The runner always gets a URL of the service itself. */
#include "runner/service/actions_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"

#define ACTIONS_MAX 1000U

struct resolve {
    struct svc *s;
    struct hs_req *req; /* NULL: the client went */
    struct wanted *list;
    size_t n, at;
    json_t *found, *errors;
    struct fetch *fetch;
    bool suspended;
};

void actions_blob_name(const struct wanted *w, struct buf *out)
{
    buf_addf(out, "archive/%s/%s.tar.gz", w->repo, w->sha);
}

int actions_temp(struct svc *s, char **path, int *fd, struct err *e)
{
    char token[25];
    char *name;

    ids_token(token, 24);
    name = xasprintf("blobs/tmp/%s", token);
    *fd = openat(s->state_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (*fd < 0) {
        free(name);
        return err_sys(e, "cannot make a file in the blob store");
    }
    *path = name;
    return 0;
}

/* An archive of the mirror in the blob store. */
static int from_mirror(struct svc *s, struct wanted *w, const char *dir, bool git, struct err *e)
{
    AUTO(auto_free) char *temp = NULL;
    AUTO(auto_free) char *digest = NULL;
    AUTO(auto_fd) int fd = -1;
    AUTO(buf_free) struct buf name = BUF_INIT(1024);
    const char *top = strchr(w->repo, '/') + 1;
    int rc;

    if (git && mirror_commit(dir, w->ref, &w->sha, e) < 0)
        return -1;
    if (actions_temp(s, &temp, &fd, e) < 0)
        return -1;
    rc = git ? mirror_git(s, dir, w->sha, top, fd, e) : mirror_folder(dir, top, fd, e);
    if (rc == 0 && w->sha == NULL) { /* a plain folder has no commit: its content names it */
        rc = blob_adopt(s, temp, NULL, &digest, e);
        if (rc == 0)
            w->sha = sv_dup(sv_sub(sv_of(digest), 0, 40));
    }
    if (rc == 0) {
        actions_blob_name(w, &name);
        rc = blob_adopt(s, temp, name.p, NULL, e);
    }
    (void)unlinkat(s->state_fd, temp, 0);
    return rc;
}

/* 1 found, 0 not in the mirrors (looked: where), -1 failed. */
static int look_in_mirrors(struct svc *s, struct wanted *w, struct buf *looked, struct err *e)
{
    for (size_t i = 0; i < s->cfg.actions_dirs.n; i++) {
        AUTO(auto_free)
        char *tree = xasprintf("%s/%s", s->cfg.actions_dirs.v[i], w->repo);
        bool git = false;
        AUTO(auto_free) char *dir = mirror_find(s->cfg.actions_dirs.v[i], w->repo, &git);
        if (dir != NULL && from_mirror(s, w, dir, git, e) == 0)
            return 1;
        if (dir != NULL && e->code != FAIL_NOTFOUND)
            return -1;
        buf_addf(looked, "%s'%s'%s", looked->len > 0 ? ", " : "", dir != NULL ? dir : tree,
                 dir != NULL ? " (without this ref)" : "");
    }
    return 0;
}

int actions_look_in_cache(struct svc *s, struct wanted *w, struct err *e)
{
    AUTO(auto_free) char *temp = NULL;
    AUTO(auto_fd) int in = -1;
    AUTO(auto_fd) int out = -1;
    AUTO(buf_free) struct buf name = BUF_INIT(1024);
    char chunk[65536];
    ssize_t got;

    if (s->cfg.cache_dir == NULL || !mirror_cached(s->cfg.cache_dir, w->repo, w->ref, &w->sha, &in))
        return 0;
    if (actions_temp(s, &temp, &out, e) < 0)
        return -1;
    while ((got = read(in, chunk, sizeof chunk)) > 0)
        if (fd_write_full(out, chunk, (size_t)got, e) < 0)
            return -1;
    actions_blob_name(w, &name);
    return blob_adopt(s, temp, name.p, NULL, e) < 0 ? -1 : 1;
}

static void add_found(struct resolve *rs, const struct wanted *w)
{
    AUTO(buf_free) struct buf name = BUF_INIT(1024);
    AUTO(buf_free) struct buf url = BUF_INIT(4096);

    actions_blob_name(w, &name);
    token_blob_url(rs->s, name.p, 'r', &url);
    (void)json_object_set_new(rs->found, w->key,
                              json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:n}", "name", w->repo,
                                        "resolved_name", w->repo, "version", w->ref, "resolved_sha",
                                        w->sha, "tar_url", url.p, "zip_url", "", "authentication"));
}

static void add_error(struct resolve *rs, const struct wanted *w, const char *text)
{
    (void)json_object_set_new(rs->errors, w->key,
                              json_pack("{s:o}", "message", jx_str_new(sv_of(text))));
}

static void not_found(struct resolve *rs, const struct wanted *w, const struct buf *looked)
{
    AUTO(buf_free) struct buf t = BUF_INIT(8192);

    /* The remedy first: a line may be cut where it is shown. */
    buf_addf(&t,
             "action '%s' was not found; put it into a mirror (--actions DIR) as OWNER/NAME or "
             "OWNER/NAME.git, or run without --offline",
             w->key);
    if (looked->len > 0)
        buf_addf(&t, "; looked in the mirrors %s", looked->p);
    if (rs->s->cfg.cache_dir != NULL)
        buf_addf(&t, looked->len > 0 ? " and in the cache '%s'" : "; looked in the cache '%s'",
                 rs->s->cfg.cache_dir);
    add_error(rs, w, t.p);
}

static void resolve_free(struct resolve *rs)
{
    fetch_cancel(rs->fetch);
    for (size_t i = 0; i < rs->n; i++) {
        free(rs->list[i].key);
        free(rs->list[i].repo);
        free(rs->list[i].ref);
        free(rs->list[i].sha);
    }
    free(rs->list);
    json_decref(rs->found);
    json_decref(rs->errors);
    free(rs);
}

static void request_end(void *data, bool completed)
{
    (void)completed;
    resolve_free(data);
}

static void go_on(struct resolve *rs);

static void fetched(void *ctx, const struct err *e)
{
    struct resolve *rs = ctx;
    const struct wanted *w = &rs->list[rs->at];

    rs->fetch = NULL;
    if (e == NULL) {
        add_found(rs, w);
    } else {
        AUTO(auto_free)
        char *t = xasprintf("action '%s' cannot be fetched from %s: %s; without the network it can "
                            "come from a mirror (--actions DIR)",
                            w->key, rs->s->cfg.action_server, e->msg);
        add_error(rs, w, t);
    }
    rs->at++;
    go_on(rs);
}

/* Resolves until one has to be fetched; answers after the last. */
static void go_on(struct resolve *rs)
{
    for (; rs->at < rs->n; rs->at++) {
        struct wanted *w = &rs->list[rs->at];
        AUTO(buf_free) struct buf looked = BUF_INIT(4096);
        struct err e = {.code = FAIL_NONE};
        int rc = 0;
        if (!mirror_good_repo(sv_of(w->repo)) || !mirror_good_ref(sv_of(w->ref))) {
            add_error(rs, w, "this is no action reference of the form owner/name@ref");
            continue;
        }
        rc = look_in_mirrors(rs->s, w, &looked, &e);
        if (rc == 0)
            rc = actions_look_in_cache(rs->s, w, &e);
        if (rc == 0 && rs->s->cfg.offline) {
            not_found(rs, w, &looked);
        } else if (rc == 0) {
            rs->fetch = fetch_start(rs->s, w, fetched, rs, &e);
            if (rs->fetch != NULL) {
                if (!rs->suspended)
                    hs_suspend(rs->req);
                rs->suspended = true;
                return;
            }
            rc = -1;
        } else if (rc > 0) {
            add_found(rs, w);
        }
        if (rc < 0)
            add_error(rs, w, e.msg);
    }
    svc_reply(rs->req, json_object_size(rs->errors) > 0 ? 422 : 200,
              json_pack("{s:O, s:O}", "actions", rs->found, "errors", rs->errors));
}

void actions_resolve(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    struct svc *s = ctx;
    AUTO(auto_json) json_t *body = NULL;
    const json_t *list, *v;
    struct resolve *rs;
    size_t i;

    if (stage != HS_BODY || token_leg(s, r) == NULL || (body = svc_body(r)) == NULL)
        return;
    list = jx_iget(body, "actions");
    if (json_array_size(list) > ACTIONS_MAX) {
        svc_reply(r, 400, json_pack("{s:s}", "message", "too many actions in one request"));
        return;
    }
    rs = xcalloc(1, sizeof *rs);
    rs->s = s;
    rs->req = r;
    rs->found = json_object();
    rs->errors = json_object();
    rs->list = xcalloc(json_array_size(list) + 1, sizeof *rs->list);
    json_array_foreach(list, i, v)
    {
        struct wanted *w = &rs->list[rs->n++];
        w->repo = sv_dup(jx_str(v, "action", ""));
        w->ref = sv_dup(jx_str(v, "version", ""));
        w->key = xasprintf("%s@%s", w->repo, w->ref);
    }
    hs_set_data(r, rs, request_end);
    go_on(rs);
}
