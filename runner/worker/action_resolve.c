/* SPDX-License-Identifier: Apache-2.0
 *
 * Resolving and downloading actions. Source: actions/runner 2.336.0 src/Runner.Worker/ActionManager.cs,
 * src/Sdk/WebApi/WebApi/LaunchHttpClient.cs (spec job-execution 3.5). */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>

#include "base/base64.h"
#include "base/fd.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/path.h"
#include "runner/worker/action_prepare.h"
#include "runner/worker/http_wait.h"
#include "runner/worker/worker.h"

enum {
    RESOLVE_ATTEMPTS = 3,
    RESOLVE_PAUSE_MIN_S = 10, /* Source: ActionManager.cs, random 10 to 30 s */
    RESOLVE_PAUSE_SPAN_S = 21,
    DOWNLOAD_TIMEOUT_MS = 20 * 60 * 1000,
};

void resolved_done(struct resolved *r)
{
    free(r->name);
    free(r->ref);
    free(r->sha);
    free(r->url);
    free(r->token);
    *r = (struct resolved){.name = NULL};
}

/* Scheme and host of the launch endpoint; its path is dropped (3.5). */
static char *resolve_url(const struct worker *w, struct err *e)
{
    struct sv base;

    if (!message_var(w->msg, "system.github.launch_endpoint", &base) || base.n == 0) {
        (void)err_set(e, FAIL_PROTO,
                      "the job message names no launch endpoint: actions cannot be "
                      "resolved");
        return NULL;
    }
    size_t scheme = sv_find(base, SV("://"));
    struct sv rest = scheme == SV_NPOS ? base : sv_sub(base, scheme + 3, base.n);
    size_t slash = sv_chr(rest, '/');
    size_t host_end = (size_t)(rest.p - base.p) + (slash == SV_NPOS ? rest.n : slash);
    AUTO(auto_free)
    char *path = xasprintf("actions/build/" SV_FMT "/jobs/" SV_FMT "/runnerresolve/actions",
                           SV_ARG(w->msg->plan_id), SV_ARG(w->msg->job_id));
    return http_join(sv_sub(base, 0, host_end), path);
}

static json_t *request_body(const struct worker *w, const struct resolved *v, size_t n)
{
    json_t *list = json_array(), *o = json_object();

    for (size_t i = 0; i < n; i++) {
        json_t *a = json_object();
        json_object_set_new(a, "action", json_string(v[i].name));
        json_object_set_new(a, "version", json_string(v[i].ref));
        json_array_append_new(list, a);
    }
    json_object_set_new(o, "actions", list);
    if (w->msg->n_dependencies > 0) {
        json_t *deps = json_array();
        for (size_t i = 0; i < w->msg->n_dependencies; i++)
            json_array_append_new(deps, jx_str_new(w->msg->dependencies[i]));
        json_object_set_new(o, "actions_dependencies", deps);
    }
    return o;
}

/* 422: every message, joined by ". " (3.5). */
static int refused(struct sv body, int status, struct err *e)
{
    struct err ignored = {0};
    AUTO(auto_json) json_t *j = jx_parse_lax(body, "answer", &ignored);
    AUTO(buf_free) struct buf all = BUF_INIT(4096);
    json_t *errors = jx_iget(j, "errors"), *v;
    const char *key;

    if (json_is_object(errors)) {
        json_object_foreach(errors, key, v)
        {
            if (all.len > 0)
                buf_adds(&all, ". ");
            struct sv m = jx_str(v, "message", "");
            buf_addsv(&all, m.n > 0 ? m : sv_of(key));
        }
    }
    if (all.len == 0)
        buf_addf(&all, "the service answered with status %d", status);
    return err_set(e, FAIL_INPUT, "%.280s", all.p);
}

static int take_one(struct worker *w, const json_t *answers, struct resolved *r, struct err *e)
{
    AUTO(auto_free) char *key = xasprintf("%s@%s", r->name, r->ref);
    const json_t *a = json_object_get(answers, key); /* exactly as asked (trap 20) */
    struct sv url, sha;

    if (a == NULL)
        return err_set(e, FAIL_PROTO, "Missing download info for %s", key);
    if (jx_need_str(a, "tar_url", &url, e) < 0 || jx_need_str(a, "resolved_sha", &sha, e) < 0)
        return err_wrap(e, "download info for %s", key);
    struct sv token = jx_str(jx_iget(a, "authentication"), "token", "");
    r->url = sv_dup(url);
    r->sha = sv_dup(sha);
    if (token.n > 0) {
        mask_add(w->mask, token);
        masks_add_basic_auth(w, token);
        r->token = sv_dup(token);
    }
    return 0;
}

/* 1 done, 0 worth another attempt, -1 final. */
static int attempt(struct worker *w, const char *url, const json_t *body, struct resolved *v,
                   size_t n, struct err *e)
{
    AUTO(buf_free) struct buf answer = BUF_INIT(HTTP_ANSWER_MAX);
    int status = 0;

    if (http_json(w, url, body, true, &status, &answer, e) < 0)
        return e->code == FAIL_CANCELED ? -1 : 0;
    if (status == 422)
        return refused(buf_sv(&answer), status, e);
    if (status < 200 || status > 299) {
        (void)err_http(e, status, "the service answered with status %d%s", status,
                       status == 429 ? " (GitHub has reached an internal rate limit, please try "
                                       "again later)"
                                     : "");
        return status == 429 ? -1 : 0;
    }
    AUTO(auto_json) json_t *j = jx_parse_lax(buf_sv(&answer), "answer", e);
    if (j == NULL)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (take_one(w, jx_iget(j, "actions"), &v[i], e) < 0)
            return -1;
    return 1;
}

int actions_resolve(struct exec *x, struct resolved *v, size_t n, struct err *e)
{
    struct worker *w = x->w;
    AUTO(auto_free) char *url = resolve_url(w, e);
    AUTO(auto_json) json_t *body = request_body(w, v, n);
    char text[512];

    if (url == NULL)
        return -1;
    exec_log(x, SV("Getting action download info"));
    for (int i = 1;; i++) {
        unsigned char r;
        int rc = attempt(w, url, body, v, n, e);
        if (rc > 0)
            return 0;
        if (rc < 0 || i == RESOLVE_ATTEMPTS)
            return -1;
        ids_random(&r, sizeof r);
        int pause = RESOLVE_PAUSE_MIN_S + r % RESOLVE_PAUSE_SPAN_S;
        exec_warningf(x, "Failed to resolve action download info. Error: %s",
                      err_text(e, text, sizeof text));
        exec_logf(x, "Retrying in %d seconds", pause);
        if (worker_pause(w, (int64_t)pause * 1000, true, e) < 0)
            return -1;
    }
}

/* ---- download ---- */

struct download {
    int fd;
    struct err error;
};

static int on_data(void *ctx, const void *p, size_t n)
{
    struct download *d = ctx;

    return fd_write_full(d->fd, p, n, &d->error);
}

static char *auth_header(const struct worker *w, const struct resolved *r)
{
    AUTO(buf_free) struct buf plain = BUF_INIT(64 << 10);
    struct buf out = BUF_INIT(128 << 10);
    struct sv token = sv_of(r->token);

    if (token.n == 0)
        (void)message_var(w->msg, "system.github.token", &token);
    if (token.n == 0)
        return NULL;
    buf_adds(&plain, "x-access-token:");
    buf_addsv(&plain, token);
    buf_adds(&out, "Authorization: Basic ");
    base64_encode(&out, plain.p, plain.len);
    secret_wipe(plain.p, plain.len);
    return buf_take(&out, NULL);
}

static int fetch(struct worker *w, const struct resolved *r, int fd, struct err *e)
{
    AUTO(auto_free) char *auth = auth_header(w, r);
    AUTO(buf_free) struct buf unused = BUF_INIT(4096);
    const char *headers[] = {w->session_header, auth, NULL};
    struct download d = {.fd = fd};
    int status = 0;
    struct hc_spec spec = {
        .url = r->url,
        .headers = headers,
        .sink = on_data,
        .ctx = &d,
        .max_bytes = ACTION_ARCHIVE_MAX,
        .timeout_ms = DOWNLOAD_TIMEOUT_MS,
        .max_redirects = 5,
    };

    int rc = http_wait(w, &spec, true, &status, &unused, e);
    if (auth != NULL)
        secret_wipe(auth, strlen(auth));
    if (d.error.code != FAIL_NONE) {
        *e = d.error;
        return -1;
    }
    if (rc < 0)
        return -1;
    if (status == 404)
        return err_http(e, status, "An action could not be found at the URI '%.200s'", r->url);
    if (status == 403)
        return err_http(e, status, "Access denied to '%.200s'", r->url);
    if (status != 200)
        return err_http(e, status, "'%.180s' was answered with status %d", r->url, status);
    return 0;
}

static bool worth_repeating(const struct err *e)
{
    return e->code == FAIL_NET || e->code == FAIL_TIMEOUT ||
           (e->code == FAIL_HTTP && e->http != 404 && e->http != 403);
}

static int fetch_patiently(struct exec *x, const struct resolved *r, int host, int *out,
                           struct err *e)
{
    for (int i = 1;; i++) {
        AUTO(auto_fd) int fd = openat(host, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        char text[512];
        if (fd < 0)
            return err_sys(e, "cannot make a file for the archive of action '%s@%s'", r->name,
                           r->ref);
        if (fetch(x->w, r, fd, e) == 0) {
            *out = fd_take(&fd);
            return 0;
        }
        if (!worth_repeating(e) || i == RESOLVE_ATTEMPTS)
            return -1;
        exec_warningf(x, "Failed to download action '%s'. Error: %s", r->url,
                      err_text(e, text, sizeof text));
        exec_warningf(x, "Back off %d seconds before retry.", RESOLVE_PAUSE_MIN_S);
        if (worker_pause(x->w, INT64_C(1000) * RESOLVE_PAUSE_MIN_S, true, e) < 0)
            return -1;
    }
}

int actions_download(struct exec *x, const struct resolved *r, struct err *e)
{
    AUTO(auto_fd) int host = open(x->w->hello.actions_host, O_PATH | O_DIRECTORY | O_CLOEXEC);
    AUTO(auto_free) char *wanted = xasprintf("%s/%s", r->name, r->ref);
    AUTO(auto_free) char *what = xasprintf("%s@%s", r->name, r->ref);
    AUTO(auto_free) char *path = NULL;
    AUTO(auto_fd) int into = -1;
    AUTO(auto_fd) int archive = -1;

    if (host < 0)
        return err_sys(e, "cannot open the folder of actions '%s'", x->w->hello.actions_host);
    if (path_from_untrusted(sv_of(wanted), &path, e) < 0)
        return err_wrap(e, "action '%s'", what);
    exec_logf(x, "Download action repository '%s' (SHA:%s)", what, r->sha);
    if (fetch_patiently(x, r, host, &archive, e) < 0)
        return err_wrap(e, "download action '%s'", what);
    if (fs_mkdir_all(host, path, 0755, e) < 0 ||
        fs_open_beneath(host, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, true, &into, e) < 0)
        return err_wrap(e, "unpack action '%s'", what);
    return archive_unpack(archive, into, what, e);
}
