/* SPDX-License-Identifier: Apache-2.0
 *
 * An action from the network: the server's list of refs (git's smart HTTP, so that any forge will do and no API
 * limit counts), then its archive of that commit, into the blob store and the cache. */
#include "runner/service/actions_priv.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"

#define REFS_MAX_BYTES    (64U << 20)
#define ARCHIVE_MAX_BYTES (1U << 30)

struct fetch {
    struct svc *s;
    struct wanted *w;
    void (*done)(void *ctx, const struct err *e);
    void *ctx;
    struct hc_req *req;
    char *temp;
    int fd;
    struct err failed; /* of the sink */
};

static void fetch_free(struct fetch *f)
{
    if (f->temp != NULL)
        (void)unlinkat(f->s->state_fd, f->temp, 0);
    free(f->temp);
    fd_close(&f->fd);
    free(f);
}

void fetch_cancel(struct fetch *f)
{
    if (f == NULL)
        return;
    if (f->req != NULL)
        hc_cancel(f->req);
    fetch_free(f);
}

static void finish(struct fetch *f, const struct err *e)
{
    void (*done)(void *, const struct err *) = f->done;
    void *ctx = f->ctx;

    fetch_free(f);
    done(ctx, e);
}

static char *server_url(const struct fetch *f, const char *rest)
{
    struct sv server = sv_of(f->s->cfg.action_server);

    while (server.n > 0 && server.p[server.n - 1] == '/')
        server.n--;
    return xasprintf(SV_FMT "/%s%s", SV_ARG(server), f->w->repo, rest);
}

/* The copy for the next time. A cache that cannot be written costs a download, nothing else. */
static void keep(struct fetch *f)
{
    AUTO(auto_free) char *folder = NULL;
    AUTO(auto_free) char *path = NULL;
    AUTO(auto_free) char *ref = NULL;
    AUTO(auto_free) char *ref_dir = NULL;
    AUTO(auto_free) char *data = NULL;
    size_t n = 0;
    struct err e;

    if (f->s->cfg.cache_dir == NULL)
        return;
    folder = mirror_cache_folder(f->s->cfg.cache_dir, f->w->repo);
    path = xasprintf("%s/%s.tar.gz", folder, f->w->sha);
    ref = xasprintf("%s/refs/%s", folder, f->w->ref);
    ref_dir = sv_dup(path_dir(sv_of(ref)));
    if (fs_mkdir_all(AT_FDCWD, ref_dir, 0700, &e) < 0 ||
        fs_read_file(f->s->state_fd, f->temp, ARCHIVE_MAX_BYTES, &data, &n, &e) < 0 ||
        fs_write_atomic(AT_FDCWD, path, 0600, data, n, &e) < 0 ||
        fs_write_atomic(AT_FDCWD, ref, 0600, f->w->sha, strlen(f->w->sha), &e) < 0)
        log_warn("service", "cache", "error=%s", e.msg);
}

static void got_archive(void *ctx, const struct hc_response *r, const struct err *e)
{
    struct fetch *f = ctx;
    AUTO(buf_free) struct buf name = BUF_INIT(1024);
    struct err x = {.code = FAIL_NONE};

    f->req = NULL;
    if (e != NULL) {
        x = f->failed.code != FAIL_NONE ? f->failed : *e;
    } else if (r->status != 200) {
        (void)err_http(&x, r->status, "the archive of commit %s: HTTP status %d", f->w->sha,
                       r->status);
    } else {
        keep(f);
        actions_blob_name(f->w, &name);
        if (blob_adopt(f->s, f->temp, name.p, NULL, &x) == 0) {
            finish(f, NULL);
            return;
        }
    }
    finish(f, &x);
}

static int archive_sink(void *ctx, const void *p, size_t n)
{
    struct fetch *f = ctx;

    return fd_write_full(f->fd, p, n, &f->failed);
}

static int get_archive(struct fetch *f, struct err *e)
{
    AUTO(auto_free) char *rest = xasprintf("/archive/%s.tar.gz", f->w->sha);
    AUTO(auto_free) char *url = server_url(f, rest);
    struct hc_spec spec = {.url = url,
                           .sink = archive_sink,
                           .max_bytes = ARCHIVE_MAX_BYTES,
                           .timeout_ms = 600000,
                           .max_redirects = 5,
                           .done = got_archive,
                           .ctx = f};

    if (actions_temp(f->s, &f->temp, &f->fd, e) < 0)
        return -1;
    return hc_start(f->s->hc, &spec, &f->req, e);
}

/* One "SHA NAME" of the advertisement. Annotated tags come twice; the peeled one counts. */
static void look_at_ref(struct fetch *f, struct sv line, unsigned *best)
{
    AUTO(auto_free) char *tag = xasprintf("refs/tags/%s", f->w->ref);
    AUTO(auto_free) char *peeled = xasprintf("refs/tags/%s^{}", f->w->ref);
    AUTO(auto_free) char *head = xasprintf("refs/heads/%s", f->w->ref);
    size_t space = sv_chr(line, ' ');
    struct sv sha, name;
    unsigned rank;

    if (space != 40 && space != 64)
        return;
    sha = sv_sub(line, 0, space);
    name = sv_sub(line, space + 1, line.n);
    if (sv_chr(name, '\0') != SV_NPOS)
        name = sv_sub(name, 0, sv_chr(name, '\0'));
    name = sv_trim(name);
    for (size_t i = 0; i < sha.n; i++)
        if (!ch_is_hex(sha.p[i]))
            return;
    rank = sv_is(name, peeled) ? 3 : sv_is(name, tag) ? 2 : sv_is(name, head) ? 1 : 0;
    if (rank <= *best)
        return;
    *best = rank;
    free(f->w->sha);
    f->w->sha = sv_dup(sha);
}

/* pkt-lines: four hexadecimal digits of length, themselves included; 0000 is a border. */
static void read_refs(struct fetch *f, struct sv text)
{
    unsigned best = 0;

    while (text.n >= 4) {
        size_t len = 0;
        for (int i = 0; i < 4; i++) {
            char c = ch_lower(text.p[i]);
            if (!ch_is_hex(c))
                return;
            len = len * 16 + (size_t)(ch_is_digit(c) ? c - '0' : c - 'a' + 10);
        }
        if (len > text.n || (len < 4 && len != 0))
            return;
        if (len > 4)
            look_at_ref(f, sv_sub(text, 4, len - 4), &best);
        text = sv_sub(text, len < 4 ? 4 : len, text.n);
    }
}

static void got_refs(void *ctx, const struct hc_response *r, const struct err *e)
{
    struct fetch *f = ctx;
    struct err x = {.code = FAIL_NONE};

    f->req = NULL;
    if (e == NULL && r->status == 200)
        read_refs(f, r->body);
    if (e != NULL)
        x = *e;
    else if (r->status != 200)
        (void)err_http(&x, r->status, "its refs: HTTP status %d", r->status);
    else if (f->w->sha == NULL)
        (void)err_set(&x, FAIL_NOTFOUND, "it has no tag or branch '%s'", f->w->ref);
    else if (get_archive(f, &x) == 0)
        return;
    finish(f, &x);
}

static bool is_commit(struct sv ref)
{
    for (size_t i = 0; i < ref.n; i++)
        if (!ch_is_hex(ref.p[i]))
            return false;
    return ref.n == 40 || ref.n == 64;
}

/* The client of the service: made for the first action that comes from the network. */
static int need_client(struct svc *s, struct err *e)
{
    AUTO(auto_free) char *agent = xasprintf("gantry-service/%s", GANTRY_VERSION);
    struct hc_options o = {.user_agent = agent};

    if (s->hc == NULL)
        s->hc = hc_new(s->loop, &o, e);
    return s->hc != NULL ? 0 : -1;
}

struct fetch *fetch_start(struct svc *s, struct wanted *w,
                          void (*done)(void *ctx, const struct err *e), void *ctx, struct err *e)
{
    struct fetch *f;
    AUTO(auto_free) char *url = NULL;
    struct hc_spec spec = {.max_bytes = REFS_MAX_BYTES,
                           .timeout_ms = 60000,
                           .max_redirects = 5,
                           .retry = {.attempts = 3, .min_ms = 500, .max_ms = 5000},
                           .done = got_refs};
    int rc;

    if (need_client(s, e) < 0)
        return NULL;
    f = spec.ctx = xcalloc(1, sizeof *f);
    *f = (struct fetch){.s = s, .w = w, .done = done, .ctx = ctx, .fd = -1};
    if (is_commit(sv_of(w->ref))) {
        w->sha = xstrdup(w->ref);
        rc = get_archive(f, e);
    } else {
        url = server_url(f, ".git/info/refs?service=git-upload-pack");
        spec.url = url;
        rc = hc_start(s->hc, &spec, &f->req, e);
    }
    if (rc == 0)
        return f;
    fetch_free(f);
    return NULL;
}
