/* SPDX-License-Identifier: Apache-2.0
 *
 * Uploads. Every log is a range of the spool; a short one goes up as one block blob, a long one in blocks to an
 * append blob while the step still runs. Source: actions/runner 2.336.0 ResultsHttpClient.cs, and the documented
 * REST form of the storage service (spec logs 7.1 to 7.3, 7.5). */
#include "runner/worker/upload.h"

#include <jansson.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "runner/worker/http_wait.h"
#include "runner/worker/worker.h"

#define RECEIVER "twirp/results.services.receiver.Receiver/"
#define STORAGE_VERSION \
    "2025-11-05" /* Source: `sv` of the signed URLs of github.com (spec logs 7.1) */
enum {
    BLOCK_BYTES = 2 << 20, /* Source: spec logs 4.2; below the 4 MiB of old service versions */
};

enum item_kind { ITEM_STEP, ITEM_JOB, ITEM_SUMMARY };
enum item_stage {
    IDLE,     /* waits for more bytes or for the end */
    GET_URL,  /* Get*SignedBlobURL */
    CREATE,   /* an empty append blob */
    PUT,      /* block blob, or one block of the append blob */
    SEAL,     /* the append blob is complete */
    METADATA, /* Create*Metadata */
    FINISHED,
};
struct item {
    struct upload *u;
    struct item *next;
    enum item_kind kind;
    enum item_stage stage;
    char id[UUID_TEXT_SIZE];  /* of the step */
    const struct record *rec; /* ITEM_STEP */
    struct buf text;          /* ITEM_SUMMARY */
    uint64_t from, sent, to;  /* spool bytes; to is final once `closed` */
    uint64_t chunk_end, read_at;
    uint64_t push; /* up to here it does not wait for a whole block */
    uint64_t lines;
    bool closed, appending, azure, final;
    char *url;
    struct hc_req *req;
};
struct upload {
    struct worker *w;
    struct item *items, **last;
    struct item *open; /* of the step under way */
    struct item *job;  /* NULL: the service makes no use of the job's log */
    char *base;
    bool has_error;
    struct err error;
};

static const struct {
    const char *get, *url_member, *create;
} methods[] = {
    [ITEM_STEP] = {"GetStepLogsSignedBlobURL", "logs_url", "CreateStepLogsMetadata"},
    [ITEM_JOB] = {"GetJobLogsSignedBlobURL", "logs_url", "CreateJobLogsMetadata"},
    [ITEM_SUMMARY] = {"GetStepSummarySignedBlobURL", "summary_url", "CreateStepSummaryMetadata"},
};

static void advance(struct item *it);
static void go(struct item *it, enum item_stage stage);

static void fail(struct item *it, const struct err *e)
{
    if (!it->u->has_error) {
        it->u->has_error = true;
        it->u->error = *e;
    }
    log_debug("upload", "failed", "step=%s stage=%d", it->id, (int)it->stage);
    it->stage = FINISHED; /* none of these changes the job's result (7.4) */
}

/* ---- requests ---- */

static void on_answer(void *ctx, const struct hc_response *r, const struct err *e);

static json_t *ids(const struct item *it)
{
    const struct message *m = it->u->w->msg;
    json_t *o = json_object();

    json_object_set_new(o, "workflow_run_backend_id", jx_str_new(m->plan_id));
    json_object_set_new(o, "workflow_job_run_backend_id", jx_str_new(m->job_id));
    if (it->kind != ITEM_JOB)
        json_object_set_new(o, "step_backend_id", json_string(it->id));
    return o;
}

static void call(struct item *it, const char *method, const json_t *body)
{
    AUTO(buf_free) struct buf text = BUF_INIT(HTTP_REQUEST_MAX);
    AUTO(auto_free) char *path = xasprintf(RECEIVER "%s", method);
    AUTO(auto_free) char *url = http_join(sv_of(it->u->base), path);
    struct http_headers h;
    struct hc_spec spec;
    struct err e = {0};

    if (http_spec_json(it->u->w, url, body, &text, &h, &spec, &e) == 0) {
        spec.done = on_answer;
        spec.ctx = it;
        if (hc_start(it->u->w->http, &spec, &it->req, &e) == 0)
            return;
    }
    fail(it, &e);
}

static ssize_t read_chunk(void *ctx, void *p, size_t n)
{
    struct item *it = ctx;
    struct err e = {0};
    ssize_t got;

    if (it->kind == ITEM_SUMMARY) {
        if (n > it->text.len - it->read_at)
            n = (size_t)(it->text.len - it->read_at);
        memcpy(p, it->text.p + it->read_at, n);
        got = (ssize_t)n;
    } else {
        if (n > it->chunk_end - it->read_at)
            n = (size_t)(it->chunk_end - it->read_at);
        got = spool_read(it->u->w->spool, it->read_at, p, n, &e);
        if (got == 0 && n > 0) /* a shorter body than announced would wait for its rest */
            got = -1;
    }
    if (got > 0)
        it->read_at += (uint64_t)got;
    return got;
}

static int rewind_chunk(void *ctx)
{
    struct item *it = ctx;

    it->read_at = it->kind == ITEM_SUMMARY ? 0 : it->sent;
    return 0;
}

/* 412: a repeated append was applied the first time; 409: a repeated create succeeded (7.3). */
static bool blob_again(int status)
{
    return status == 408 || status == 429 || status >= 500;
}

static void put(struct item *it, const char *suffix, const char *type, bool body)
{
    AUTO(auto_free) char *url = xasprintf("%s%s", it->url, suffix);
    char type_header[64], pos_header[64];
    const char *headers[10];
    size_t n = 0;
    struct err e = {0};

    headers[n++] = it->u->w->session_header;
    if (it->azure)
        headers[n++] = "x-ms-version: " STORAGE_VERSION;
    if (it->azure && type != NULL) {
        (void)snprintf(type_header, sizeof type_header, "x-ms-blob-type: %s", type);
        headers[n++] = type_header;
        headers[n++] = "If-None-Match: *";
    }
    if (it->azure && type != NULL && it->kind != ITEM_SUMMARY)
        headers[n++] = "x-ms-blob-content-type: text/plain";
    if (type != NULL)
        headers[n++] = it->kind != ITEM_SUMMARY ? "Content-Type: text/plain" : "Content-Type:";
    if (it->azure && body && type == NULL) {
        (void)snprintf(pos_header, sizeof pos_header, "x-ms-blob-condition-appendpos: %llu",
                       (unsigned long long)(it->sent - it->from));
        headers[n++] = pos_header;
    }
    headers[n] = NULL;
    struct hc_spec spec = {
        .method = "PUT",
        .url = url,
        .headers = headers,
        .retry = {.attempts = 4, .min_ms = 1000, .max_ms = 30000, .again = blob_again},
        .done = on_answer,
        .ctx = it,
    };
    (void)rewind_chunk(it);
    if (body) {
        spec.source = read_chunk;
        spec.rewind = rewind_chunk;
        spec.source_bytes =
            it->kind == ITEM_SUMMARY ? (int64_t)it->text.len : (int64_t)(it->chunk_end - it->sent);
    }
    if (hc_start(it->u->w->http, &spec, &it->req, &e) < 0)
        fail(it, &e);
}

static void metadata(struct item *it)
{
    AUTO(auto_json) json_t *body = ids(it);
    AUTO(buf_free) struct buf now = BUF_INIT(64);

    tm_format_ms(&now, tm_wall_ms());
    json_object_set_new(body, "uploaded_at", jx_str_new(buf_sv(&now)));
    if (it->kind == ITEM_SUMMARY)
        json_object_set_new(body, "size", json_integer((json_int_t)it->text.len));
    else
        json_object_set_new(body, "line_count", json_integer((json_int_t)it->lines));
    call(it, methods[it->kind].create, body);
}

static void go(struct item *it, enum item_stage stage)
{
    it->stage = stage;
    switch (stage) {
    case GET_URL: {
        AUTO(auto_json) json_t *body = ids(it);
        call(it, methods[it->kind].get, body);
        return;
    }
    case CREATE:
        put(it, "", "AppendBlob", false);
        return;
    case PUT:
        if (it->appending)
            put(it, "&comp=appendblock", NULL, true);
        else
            put(it, "", "BlockBlob", true);
        return;
    case SEAL:
        put(it, "&comp=seal", NULL, false);
        return;
    case METADATA:
        metadata(it);
        return;
    case IDLE:
        advance(it);
        return;
    case FINISHED:
        return;
    }
}

/* ---- answers ---- */

static int take_url(struct item *it, const struct hc_response *r, struct err *e)
{
    AUTO(auto_json) json_t *j = jx_parse(r->body, "signed URL", e);
    struct sv url;

    if (j == NULL || jx_need_str(j, methods[it->kind].url_member, &url, e) < 0)
        return -1;
    if (url.n == 0)
        return err_set(e, FAIL_PROTO, "no upload URL was given");
    if (it->kind == ITEM_SUMMARY) {
        const json_t *limit = json_object_get(j, "soft_size_limit");
        json_int_t max = json_is_string(limit)    ? (json_int_t)1 << 40
                         : json_is_integer(limit) ? json_integer_value(limit)
                                                  : (json_int_t)1 << 40;
        if ((json_int_t)it->text.len > max)
            return err_set(e, FAIL_LIMIT, "File size is larger than the upload url allows");
    }
    free(it->url);
    it->url = sv_dup(url);
    it->azure = sv_is(jx_str(j, "blob_storage_type", ""), "BLOB_STORAGE_TYPE_AZURE");
    return 0;
}

static bool put_accepted(const struct item *it, const struct hc_response *r)
{
    if (r->status >= 200 && r->status <= 299)
        return true;
    if (r->attempts < 2)
        return false;
    return it->stage == PUT && it->appending ? r->status == 412 : r->status == 409;
}

static void after_put(struct item *it)
{
    it->sent = it->chunk_end;
    if (!it->final)
        go(it, IDLE);
    else
        go(it, it->appending ? SEAL : METADATA);
}

static void on_answer(void *ctx, const struct hc_response *r, const struct err *e)
{
    struct item *it = ctx;
    struct err why = {0};

    it->req = NULL;
    if (e != NULL) {
        fail(it, e);
        return;
    }
    bool ok = it->stage == GET_URL || it->stage == METADATA ? r->status >= 200 && r->status <= 299
                                                            : put_accepted(it, r);
    if (!ok) {
        (void)err_http(&why, r->status, "upload was answered with status %d", r->status);
        fail(it, &why);
        return;
    }
    switch (it->stage) {
    case GET_URL:
        if (take_url(it, r, &why) < 0)
            fail(it, &why);
        else if (!it->final && !it->appending)
            go(it, CREATE);
        else
            go(it, PUT);
        return;
    case CREATE:
        it->appending = true;
        go(it, PUT);
        return;
    case PUT:
        after_put(it);
        return;
    case SEAL:
        go(it, METADATA);
        return;
    case METADATA:
        it->stage = FINISHED;
        return;
    case IDLE:
    case FINISHED:
        return;
    }
}

/* ---- what is to be sent next ---- */

static void advance(struct item *it)
{
    struct spool *s = it->u->w->spool;

    if (it->stage != IDLE)
        return;
    if (it->kind == ITEM_SUMMARY) {
        it->final = true;
        go(it, GET_URL);
        return;
    }
    uint64_t end = it->closed ? it->to : spool_size(s);
    if (end - it->sent >= BLOCK_BYTES || it->closed || it->push > it->sent)
        spool_flush(s);
    if (end > spool_size(s)) /* the disk is full: what was written goes up, the rest is lost */
        end = spool_size(s) > it->sent ? spool_size(s) : it->sent;
    if (it->closed && end == it->sent && !it->appending) {
        it->stage = FINISHED; /* nothing was ever written: no log (4.2) */
        return;
    }
    if (end - it->sent > BLOCK_BYTES) {
        it->chunk_end = it->sent + BLOCK_BYTES;
        it->final = false;
    } else if (it->closed) {
        it->chunk_end = end;
        it->final = true;
    } else if (it->push > it->sent && end > it->sent) {
        it->chunk_end = end;
        it->final = false;
    } else {
        return;
    }
    if (it->final && it->appending && it->chunk_end == it->sent)
        go(it, SEAL);
    else
        go(it, GET_URL);
}

static struct item *add(struct upload *u, enum item_kind kind, const char *id)
{
    struct item *it = xcalloc(1, sizeof *it);

    it->u = u;
    it->kind = kind;
    (void)snprintf(it->id, sizeof it->id, "%s", id);
    it->text = BUF_INIT(HTTP_REQUEST_MAX);
    *u->last = it;
    u->last = &it->next;
    return it;
}

struct upload *upload_new(struct worker *w)
{
    struct upload *u = xcalloc(1, sizeof *u);
    struct sv base = w->msg->endpoint.results_url;

    (void)message_var(w->msg, "system.github.results_endpoint", &base);
    u->w = w;
    u->base = sv_dup(base);
    u->last = &u->items;
    if (!message_flag(w->msg, "gantry.no_job_log")) /* docs/internals/local-service.md */
        u->job = add(u, ITEM_JOB, "");
    return u;
}

void upload_free(struct upload *u)
{
    if (u == NULL)
        return;
    while (u->items != NULL) {
        struct item *it = u->items;
        u->items = it->next;
        if (it->req != NULL)
            hc_cancel(it->req);
        buf_free(&it->text);
        free(it->url);
        free(it);
    }
    free(u->base);
    free(u);
}

void upload_begin(struct upload *u, const struct record *r)
{
    struct item *it = add(u, ITEM_STEP, r->id);

    it->rec = r;
    it->from = it->sent = r->log_from;
    u->open = it;
}

void upload_record(struct upload *u, const struct record *r)
{
    struct item *it = u->open;

    if (it == NULL || it->rec != r)
        return; /* never begun */
    u->open = NULL;
    it->to = r->log_to;
    it->lines = r->lines;
    it->closed = true;
    advance(it);
}

void upload_job(struct upload *u)
{
    struct item *it = u->job;

    if (it == NULL)
        return;
    it->to = spool_size(u->w->spool);
    it->lines = spool_lines(u->w->spool);
    it->closed = true;
    advance(it);
}

void upload_push(struct upload *u)
{
    if (u->open == NULL)
        return;
    u->open->push = spool_size(u->w->spool);
    advance(u->open);
}

void upload_poke(struct upload *u)
{
    for (struct item *it = u->items; it != NULL; it = it->next)
        if (it->stage == IDLE && !it->closed)
            advance(it);
}

void upload_summary(struct upload *u, const char *step_id, struct sv text)
{
    struct item *it = add(u, ITEM_SUMMARY, step_id);

    buf_addsv(&it->text, text);
    advance(it);
}

bool upload_idle(const struct upload *u)
{
    for (const struct item *it = u->items; it != NULL; it = it->next)
        if (it->stage != FINISHED && (it->stage != IDLE || it->closed))
            return false;
    return true;
}

const struct err *upload_failed(const struct upload *u)
{
    return u->has_error ? &u->error : NULL;
}
