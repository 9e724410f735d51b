/* SPDX-License-Identifier: Apache-2.0
 *
 * The blob endpoint: the subset of Azure's block and append blobs that runners use for logs and summaries (spec logs
 * 7.3, job-services 3). Content is stored under its SHA-256, a small one in the database; a name points to it once it
 * is complete. An append blob grows in a file of its own until it is sealed. */
#include "runner/service/actions_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/crypto.h"
#include "base/failpoint.h"
#include "base/fd.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"

enum put_kind { PUT_BLOCK, PUT_CREATE, PUT_APPEND, PUT_SEAL };
struct put {
    struct svc *s;
    enum put_kind kind;
    char *name;
    struct buf small; /* PUT_BLOCK: the content, as long as it is small */
    char *temp;       /* file below the state folder; NULL: PUT_APPEND writes in place */
    int fd;
    uint64_t size; /* bytes of this request */
    uint64_t from; /* PUT_APPEND: where the block begins */
    bool seal;
    struct cry_sha256 *hash;
    int failed; /* errno */
};

static void append_path(const char *name, struct buf *out)
{
    unsigned char h[SHA256_BYTES];

    cry_sha256_once(name, strlen(name), h);
    buf_adds(out, "blobs/append/");
    hex_encode(out, h, sizeof h);
}

static void put_end(void *data, bool completed)
{
    struct put *p = data;

    /* A block whose sender went away is not part of the blob. */
    if (!completed && p->kind == PUT_APPEND && p->fd >= 0 && ftruncate(p->fd, (off_t)p->from) < 0)
        log_warn("service", "blob", "cannot cut a broken block of '%s'", p->name);
    fd_close(&p->fd);
    if (p->temp != NULL)
        (void)unlinkat(p->s->state_fd, p->temp, 0); /* gone already when it was stored */
    cry_sha256_free(p->hash);
    buf_free(&p->small);
    free(p->temp);
    free(p->name);
    free(p);
}

static void reply(struct hs_req *r, int status, const char *code)
{
    AUTO(auto_free) char *id = NULL;
    AUTO(auto_free) char *error = code != NULL ? xasprintf("x-ms-error-code: %s", code) : NULL;
    AUTO(buf_free) struct buf body = BUF_INIT(1024);
    char uuid[UUID_TEXT_SIZE];
    const char *headers[6] = {NULL};
    size_t n = 0;

    ids_uuid4(uuid);
    id = xasprintf("x-ms-request-id: %s", uuid); /* clients insist on it: job-services 3.3 */
    headers[n++] = id;
    headers[n++] = "x-ms-version: 2025-11-05";
    if (code != NULL) {
        headers[n++] = error;
        headers[n++] = "Content-Type: application/xml";
        buf_addf(&body,
                 "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>%s</Code>"
                 "<Message>%s</Message></Error>",
                 code, code);
    }
    svc_reply_headers(r, status, headers, buf_sv(&body));
}

static void write_out(struct put *p, const char *at, size_t left)
{
    while (left > 0 && p->failed == 0) {
        ssize_t w = write(p->fd, at, left);
        if (w < 0 && errno != EINTR)
            p->failed = errno;
        if (w > 0) {
            at += w;
            left -= (size_t)w;
        }
    }
}

/* A block that is too large for the database goes to a file. */
static void move_to_file(struct put *p)
{
    char token[25];

    ids_token(token, 24);
    p->temp = xasprintf("blobs/tmp/%s", token);
    p->fd = openat(p->s->state_fd, p->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (p->fd < 0)
        p->failed = errno;
    write_out(p, p->small.p, p->small.len);
    buf_free(&p->small);
    p->small = BUF_INIT(SVC_SMALL_BLOB);
}

static ssize_t sink(void *ctx, const void *data, size_t n)
{
    struct put *p = ctx;

    if (p->size + n > SVC_MAX_BLOB && p->failed == 0)
        p->failed = EFBIG;
    if (p->failed == 0)
        p->failed = failpoint_hit("blob-write");
    if (p->failed == 0 && p->fd < 0 && n > SVC_SMALL_BLOB - p->small.len)
        move_to_file(p);
    if (p->failed == 0 && p->fd < 0)
        buf_add(&p->small, data, n);
    else
        write_out(p, data, n);
    if (p->hash != NULL)
        cry_sha256_add(p->hash, data, n);
    p->size += n;
    return (ssize_t)n; /* the rest is read and dropped, so that the answer is seen */
}

static enum put_kind kind_of(const struct hs_req *r)
{
    const char *comp = hs_query(r, "comp");
    struct sv type = sv_of(hs_header(r, "x-ms-blob-type"));

    if (comp == NULL)
        return sv_ieq(type, SV("AppendBlob")) ? PUT_CREATE : PUT_BLOCK;
    return strcmp(comp, "seal") == 0 ? PUT_SEAL : PUT_APPEND;
}

static bool exists(struct svc *s, const char *name)
{
    AUTO(buf_free) struct buf path = BUF_INIT(256);
    struct store_blob b = {.content = NULL};
    struct err e;

    append_path(name, &path);
    return fs_exists(s->state_fd, path.p) || store_get_blob(s->store, name, &b, &e) == 0;
}

/* A log that is lost here would be missed by nobody: the one run ends with a line that says so. Others are served
 * on, and their runners told. */
static void lost(struct svc *s, const struct err *e)
{
    log_error("service", "blob", "error=%s", e->msg);
    if (!s->cfg.serve && s->fatal.code == FAIL_NONE) {
        s->fatal = *e;
        loop_stop(s->loop);
    }
}

static void disk_failed(struct svc *s, int sys)
{
    struct err e;

    (void)err_set(&e, FAIL_SYS, "cannot store a log in '%s/blobs': %s%s", s->cfg.state_dir,
                  strerrordesc_np(sys), sys == ENOSPC ? "; free some space and run again" : "");
    lost(s, &e);
}

/* Opens what the body goes to. 0, or the status and error code to answer with. */
static int open_target(struct put *p, const struct hs_req *r, const char **code)
{
    AUTO(buf_free) struct buf path = BUF_INIT(256);
    const char *at = hs_header(r, "x-ms-blob-condition-appendpos");
    uint64_t want;
    struct stat st;
    struct err e;

    if (p->kind == PUT_BLOCK) {
        p->hash = cry_sha256_new();
        return 0;
    }
    int flags = p->kind == PUT_CREATE ? O_CREAT | O_TRUNC : O_APPEND;
    append_path(p->name, &path);
    p->fd = openat(p->s->state_fd, path.p, flags | O_WRONLY | O_CLOEXEC, 0600);
    if (p->fd < 0 && errno == ENOENT) {
        *code = exists(p->s, p->name) ? "InvalidBlobType" : "BlobNotFound";
        return exists(p->s, p->name) ? 409 : 404;
    }
    if (p->fd < 0 || fstat(p->fd, &st) < 0) {
        disk_failed(p->s, errno);
        *code = "InternalError";
        return 500;
    }
    p->from = (uint64_t)st.st_size;
    if (p->kind == PUT_APPEND && at != NULL &&
        (num_u64(sv_of(at), INT64_MAX, &want, &e) < 0 || want != p->from)) {
        p->kind = PUT_SEAL; /* nothing to cut */
        *code = "AppendPositionConditionNotMet";
        return 412;
    }
    return 0;
}

static void put_headers(struct svc *s, struct hs_req *r)
{
    const char *name = hs_param(r, "name"), *code = NULL;
    const char *comp = hs_query(r, "comp");
    struct put *p;
    int status;

    if (!token_blob_ok(s, r, name, 'w')) {
        reply(r, 403, "AuthenticationFailed");
        return;
    }
    if (comp != NULL && strcmp(comp, "seal") != 0 && strcmp(comp, "appendblock") != 0) {
        reply(r, 400, "InvalidQueryParameterValue");
        return;
    }
    p = xcalloc(1, sizeof *p);
    *p = (struct put){.s = s,
                      .kind = kind_of(r),
                      .name = xstrdup(name),
                      .small = BUF_INIT(SVC_SMALL_BLOB),
                      .fd = -1};
    p->seal = p->kind == PUT_SEAL || sv_ieq(sv_of(hs_query(r, "seal")), SV("true"));
    hs_set_data(r, p, put_end);
    if ((p->kind == PUT_BLOCK || p->kind == PUT_CREATE) &&
        sv_is(sv_of(hs_header(r, "If-None-Match")), "*") && exists(s, name)) {
        reply(r, 409, "BlobAlreadyExists");
        return;
    }
    if (p->kind == PUT_SEAL) {
        struct store_blob b = {.content = NULL};
        struct err e;
        if (blob_seal(s, name, &e) < 0 && store_get_blob(s->store, name, &b, &e) < 0) {
            reply(r, 404, "BlobNotFound");
            return;
        }
    } else if ((status = open_target(p, r, &code)) != 0) {
        reply(r, status, code);
        return;
    }
    hs_body_to(r, sink, p);
}

/* Moves a complete file to its place, known by 64 hexadecimal digits, and gives it its name. */
static int store_content(struct svc *s, const char *from, const char *hex, const char *name,
                         uint64_t size, struct err *e)
{
    AUTO(auto_free) char *dir = xasprintf("blobs/%.2s", hex);
    AUTO(auto_free) char *path = xasprintf("%s/%s", dir, hex);

    if (fs_mkdir_all(s->state_fd, dir, 0700, e) < 0)
        return -1;
    if (renameat(s->state_fd, from, s->state_fd, path) < 0)
        return err_sys(e, "cannot store a blob");
    return store_put_blob(s->store, name, hex, size, NULL, e);
}

static int store_block(struct put *p, struct err *e)
{
    AUTO(buf_free) struct buf hex = BUF_INIT(128);
    struct sv content = buf_sv(&p->small);
    unsigned char h[SHA256_BYTES];

    cry_sha256_end(p->hash, h);
    p->hash = NULL;
    hex_encode(&hex, h, sizeof h);
    if (p->temp != NULL)
        return store_content(p->s, p->temp, hex.p, p->name, p->size, e);
    return store_put_blob(p->s->store, p->name, hex.p, p->size, &content, e);
}

static void put_done(struct svc *s, struct hs_req *r)
{
    struct put *p = hs_data(r);
    struct err e;

    if (p->failed != 0) {
        if (p->kind == PUT_APPEND && ftruncate(p->fd, (off_t)p->from) < 0)
            log_warn("service", "blob", "cannot cut a broken block of '%s'", p->name);
        if (p->failed != EFBIG)
            disk_failed(s, p->failed);
        reply(r, p->failed == EFBIG ? 413 : 500,
              p->failed == EFBIG ? "RequestBodyTooLarge" : "InternalError");
        return;
    }
    if (p->kind == PUT_BLOCK && store_block(p, &e) < 0) {
        lost(s, &e);
        reply(r, 500, "InternalError");
        return;
    }
    if (p->kind == PUT_APPEND)
        step_log_grew(s, p->name, p->from + p->size);
    if (p->kind == PUT_APPEND && p->seal && blob_seal(s, p->name, &e) < 0)
        log_error("service", "blob", "error=%s", e.msg);
    reply(r, p->kind == PUT_SEAL ? 200 : 201, NULL);
    if (p->kind == PUT_APPEND)
        svc_pump(s);
}

void blob_put(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    if (stage == HS_HEADERS)
        put_headers(ctx, r);
    else
        put_done(ctx, r);
}

static int digest(int fd, unsigned char h[SHA256_BYTES], uint64_t *size, struct err *e)
{
    char chunk[65536];
    struct cry_sha256 *hash = cry_sha256_new();
    ssize_t n;

    *size = 0;
    while ((n = read(fd, chunk, sizeof chunk)) > 0) {
        cry_sha256_add(hash, chunk, (size_t)n);
        *size += (uint64_t)n;
    }
    cry_sha256_end(hash, h);
    return n < 0 ? err_sys(e, "cannot read a blob") : 0;
}

/* What grew in blocks is known by a number of its own, not by its digest: it would have to be read once more, all of
 * it, while everybody waits, and logs that hold the time are never equal. */
int blob_seal(struct svc *s, const char *name, struct err *e)
{
    AUTO(buf_free) struct buf path = BUF_INIT(256);
    AUTO(buf_free) struct buf hex = BUF_INIT(128);
    unsigned char id[SHA256_BYTES];
    struct stat st;

    append_path(name, &path);
    if (fstatat(s->state_fd, path.p, &st, 0) < 0)
        return err_set(e, FAIL_NOTFOUND, "there is no open blob '%s'", name);
    ids_random(id, sizeof id);
    hex_encode(&hex, id, sizeof id);
    return store_content(s, path.p, hex.p, name, (uint64_t)st.st_size, e);
}

/* Takes a complete temporary file into the store under a name. name NULL: only computes the digest. */
int blob_adopt(struct svc *s, const char *temp, const char *name, char **sha256, struct err *e)
{
    AUTO(auto_fd) int fd = openat(s->state_fd, temp, O_RDONLY | O_CLOEXEC);
    AUTO(buf_free) struct buf hex = BUF_INIT(128);
    unsigned char h[SHA256_BYTES];
    uint64_t size = 0;

    if (fd < 0)
        return err_sys(e, "cannot open a file of the blob store");
    if (digest(fd, h, &size, e) < 0)
        return -1;
    hex_encode(&hex, h, sizeof h);
    if (name != NULL && store_content(s, temp, hex.p, name, size, e) < 0)
        return -1;
    if (sha256 != NULL)
        *sha256 = buf_take(&hex, NULL);
    return 0;
}

int blob_open_growing(struct svc *s, const char *name, int *fd, struct err *e)
{
    AUTO(buf_free) struct buf path = BUF_INIT(256);

    append_path(name, &path);
    *fd = openat(s->state_fd, path.p, O_RDONLY | O_CLOEXEC);
    return *fd >= 0 ? 0 : err_sys(e, "cannot open the blob '%s'", name);
}

int blob_open(struct svc *s, const char *name, int *fd, uint64_t *size, struct err *e)
{
    AUTO(buf_free) struct buf content = BUF_INIT(SVC_SMALL_BLOB);
    AUTO(auto_free) char *path = NULL;
    struct store_blob b = {.content = &content};

    if (store_get_blob(s->store, name, &b, e) < 0)
        return -1;
    if (b.is_inline) {
        if (buf_done(&content, "blob", e) < 0 ||
            fd_memfd("gantry-blob", content.p, content.len, fd, e) < 0)
            return -1;
        *size = content.len;
        return 0;
    }
    path = xasprintf("blobs/%.2s/%s", b.sha256, b.sha256);
    *fd = openat(s->state_fd, path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return err_sys(e, "cannot open blob '%s'", name);
    *size = b.size;
    return 0;
}

void blob_get(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    struct svc *s = ctx;
    const char *name = hs_param(r, "name");
    AUTO(auto_free) char *etag = NULL;
    const char *headers[] = {"Content-Type: application/octet-stream", NULL, NULL};
    struct store_blob b = {.content = NULL};
    struct err e;
    uint64_t size;
    int fd;

    if (stage != HS_BODY)
        return;
    if (!token_blob_ok(s, r, name, 'r')) {
        reply(r, 403, "AuthenticationFailed");
        return;
    }
    if (store_get_blob(s->store, name, &b, &e) < 0 || blob_open(s, name, &fd, &size, &e) < 0) {
        reply(r, 404, "BlobNotFound");
        return;
    }
    etag = xasprintf("ETag: \"%s\"", b.sha256);
    headers[1] = etag;
    hs_reply_fd(r, 200, headers, fd, 0, size);
}

/* The paths that github.com uses: logs 7.1. */
void blob_log_name(struct buf *b, const struct leg *l, const char *step_id, const char *kind)
{
    buf_addf(b, "actions-results/%s/workflow-job-run-%s/", l->run->plan_id, l->uuid);
    if (strcmp(kind, "step") == 0)
        buf_addf(b, "logs/steps/step-logs-%s.txt", step_id);
    else if (strcmp(kind, "summary") == 0)
        buf_addf(b, "summaries/summary-%s.md", step_id);
    else if (strcmp(kind, "diagnostics") == 0)
        buf_adds(b, "logs/diagnostics.zip");
    else
        buf_adds(b, "logs/job/job-logs.txt");
}
