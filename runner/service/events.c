/* SPDX-License-Identifier: Apache-2.0
 *
 * The log of one run's events: a file of JSON Lines that only grows, and its readers. Memory does not depend on
 * the length of the log: a reader that falls behind reads the file. */
#include "runner/service/svc_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/fd.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"

#define EV_INDEX_EVERY  1024U        /* events between two index entries */
#define EV_FLUSH_BYTES  (256U << 10) /* pending bytes that are written at once */
#define EV_READER_BYTES (1U << 20)   /* unsent bytes of one reader before it has to wait */
#define EV_CHUNK_BYTES  (128U << 10)
#define EV_LAG_MS       10
#define EV_MAX_LINE     (512U << 20) /* one line of a log, quoted */

struct reader {
    struct evlog *log;
    struct hs_req *req;
    uint64_t at;
};
struct evlog {
    struct svc *s;
    uint64_t run_id;
    int fd;
    struct buf pending;
    uint64_t size; /* of the file */
    uint64_t seq;
    bool ended, failed;
    uint64_t *index; /* offset of event k * EV_INDEX_EVERY + 1 */
    size_t n_index, index_cap;
    struct reader **readers;
    size_t n_readers, readers_cap;
    struct loop_timer *timer;
};

static void index_next(struct evlog *l)
{
    if (l->seq % EV_INDEX_EVERY != 0)
        return;
    GROW(l->index, l->index_cap, l->n_index + 1);
    l->index[l->n_index++] = l->size + l->pending.len;
}

/* Counts what is there after a restart; a last line that was cut by a crash is dropped. */
static int scan(struct evlog *l, struct err *e)
{
    char chunk[65536];
    uint64_t at = 0, line = 0;
    ssize_t n;

    while ((n = pread(l->fd, chunk, sizeof chunk, (off_t)at)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            if (chunk[i] != '\n')
                continue;
            l->size = line;
            index_next(l);
            l->seq++;
            line = at + (uint64_t)i + 1;
        }
        at += (uint64_t)n;
    }
    if (n < 0)
        return err_sys(e, "cannot read the log of events");
    l->size = line;
    if (at != line && ftruncate(l->fd, (off_t)line) < 0)
        return err_sys(e, "cannot cut the log of events");
    return 0;
}

static void on_timer(void *ctx)
{
    evlog_flush(ctx);
}

static int open_file(struct evlog *l, struct err *e)
{
    AUTO(auto_free) char *path = xasprintf("events/%llu.jsonl", (unsigned long long)l->run_id);

    if (l->fd >= 0)
        return 0;
    l->fd = openat(l->s->state_fd, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (l->fd < 0)
        return err_sys(e, "cannot open '%s' of the service's state folder", path);
    return 0;
}

/* A finished log that nobody reads holds no descriptor: a service may know thousands of runs. */
static void rest(struct evlog *l)
{
    if (l->ended && l->n_readers == 0)
        fd_close(&l->fd);
}

int evlog_open(struct svc *s, uint64_t run_id, struct evlog **out, struct err *e)
{
    struct evlog *l = xcalloc(1, sizeof *l);

    l->s = s;
    l->run_id = run_id;
    l->fd = -1;
    l->pending = BUF_INIT(EV_MAX_LINE);
    l->timer = loop_add_timer(s->loop, 0, on_timer, l);
    if (fs_mkdir_all(s->state_fd, "events", 0700, e) < 0 || open_file(l, e) < 0 || scan(l, e) < 0) {
        evlog_free(l);
        return -1;
    }
    *out = l;
    return 0;
}

static void drop_reader(struct evlog *l, struct reader *r)
{
    for (size_t i = 0; i < l->n_readers; i++)
        if (l->readers[i] == r) {
            l->readers[i] = l->readers[--l->n_readers];
            return;
        }
}

void evlog_free(struct evlog *l)
{
    if (l == NULL)
        return;
    evlog_flush(l);
    for (size_t i = 0; i < l->n_readers; i++)
        l->readers[i]->log = NULL;
    loop_del_timer(l->timer);
    fd_close(&l->fd);
    buf_free(&l->pending);
    free(l->index);
    free(l->readers);
    free(l);
}

/* The run cannot go on without its log: `gantry run` ends with one line; a service goes on with other runs. */
static void write_failed(struct evlog *l, const struct err *e)
{
    l->failed = true;
    l->ended = true;
    buf_reset(&l->pending);
    log_error("service", "events", "error=%s", e->msg);
    if (!l->s->cfg.serve && l->s->fatal.code == FAIL_NONE) {
        l->s->fatal = *e;
        loop_stop(l->s->loop);
    }
}

static void write_pending(struct evlog *l)
{
    struct err e;
    int injected;
    size_t done = 0;

    if (l->pending.len == 0 || l->failed)
        return;
    injected = failpoint_hit("events-write");
    while (done < l->pending.len) {
        ssize_t n = -1;
        if (injected != 0)
            errno = injected;
        else
            n = pwrite(l->fd, l->pending.p + done, l->pending.len - done, (off_t)(l->size + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            (void)err_set(&e, FAIL_SYS, "cannot write the log of events in '%s': %s%s",
                          l->s->cfg.state_dir, strerrordesc_np(errno),
                          errno == ENOSPC ? "; free some space and run again" : "");
            write_failed(l, &e);
            return;
        }
        done += (size_t)n;
    }
    l->size += l->pending.len;
    buf_reset(&l->pending);
}

/* Gives a reader what it can take. True when it has to be looked at again. */
static bool feed_reader(struct evlog *l, struct reader *r)
{
    AUTO(auto_free) char *chunk = NULL;

    while (r->at < l->size) {
        size_t want = l->size - r->at < EV_CHUNK_BYTES ? (size_t)(l->size - r->at) : EV_CHUNK_BYTES;
        ssize_t n;
        if (hs_stream_pending(r->req) > EV_READER_BYTES)
            return true;
        if (chunk == NULL)
            chunk = xmalloc(EV_CHUNK_BYTES);
        n = pread(l->fd, chunk, want, (off_t)r->at);
        if (n <= 0)
            break;
        hs_stream_write(r->req, (struct sv){chunk, (size_t)n});
        r->at += (uint64_t)n;
    }
    if (l->ended && r->at >= l->size) {
        struct hs_req *req = r->req;
        drop_reader(l, r);
        r->log = NULL;
        hs_stream_end(req);
    }
    return false;
}

void evlog_flush(struct evlog *l)
{
    bool again = false;

    if (l->pending.len == 0 && l->n_readers == 0)
        return;
    write_pending(l);
    for (size_t i = l->n_readers; i-- > 0;)
        again = feed_reader(l, l->readers[i]) || again;
    loop_set_timer(l->timer, again ? EV_LAG_MS : -1);
    rest(l);
}

static void after_append(struct evlog *l)
{
    if (l->pending.len >= EV_FLUSH_BYTES)
        evlog_flush(l);
    else
        loop_set_timer(l->timer, 0);
}

void evlog_add(struct evlog *l, json_t *own_event)
{
    AUTO(auto_json) json_t *event = own_event;
    AUTO(buf_free) struct buf at = BUF_INIT(64);

    if (l == NULL || l->failed || event == NULL)
        return;
    index_next(l);
    tm_format_ms(&at, tm_wall_ms());
    (void)json_object_set_new(event, "time", json_string(at.p));
    (void)json_object_set_new(event, "seq", json_integer((json_int_t)++l->seq));
    jx_write(&l->pending, event);
    buf_addc(&l->pending, '\n');
    after_append(l);
}

/* The one frequent event, written without a tree. */
void evlog_line(struct evlog *l, const struct leg *leg, int64_t step, struct sv line, bool partial)
{
    if (l == NULL || l->failed)
        return;
    index_next(l);
    buf_adds(&l->pending, "{\"type\":\"log\",\"job\":");
    jx_quote(&l->pending, sv_of(leg->job_id));
    buf_adds(&l->pending, ",\"name\":");
    jx_quote(&l->pending, sv_of(leg->name));
    buf_addf(&l->pending, ",\"step\":%lld,\"line\":", (long long)step);
    jx_quote(&l->pending, line);
    if (partial)
        buf_adds(&l->pending, ",\"partial\":true");
    buf_adds(&l->pending, ",\"time\":\"");
    tm_format_ms(&l->pending, tm_wall_ms());
    buf_addf(&l->pending, "\",\"seq\":%llu}\n", (unsigned long long)++l->seq);
    after_append(l);
}

void evlog_end(struct evlog *l)
{
    evlog_flush(l);
    l->ended = true;
    loop_set_timer(l->timer, 0); /* readers are let go */
    rest(l);
}

static void reader_end(void *data, bool completed)
{
    struct reader *r = data;

    (void)completed;
    if (r->log != NULL) {
        drop_reader(r->log, r);
        rest(r->log);
    }
    free(r);
}

/* Offset of the first event after seq `after`. */
static uint64_t offset_after(struct evlog *l, uint64_t after)
{
    char chunk[8192];
    uint64_t k = after / EV_INDEX_EVERY, at, skip;
    ssize_t n;

    if (after >= l->seq || k >= l->n_index)
        return l->size;
    at = l->index[k];
    skip = after - k * EV_INDEX_EVERY;
    while (skip > 0 && (n = pread(l->fd, chunk, sizeof chunk, (off_t)at)) > 0) {
        ssize_t i = 0;
        while (i < n && skip > 0)
            if (chunk[i++] == '\n')
                skip--;
        at += (uint64_t)i;
    }
    return at;
}

void evlog_stream(struct evlog *l, struct hs_req *r, uint64_t after)
{
    static const char *const headers[] = {"Content-Type: application/x-ndjson",
                                          "Cache-Control: no-store", NULL};
    struct reader *rd;
    struct err e;

    if (open_file(l, &e) < 0) {
        svc_reply(r, 500, json_pack("{s:s}", "message", e.msg));
        return;
    }
    write_pending(l);
    rd = xcalloc(1, sizeof *rd);
    rd->log = l;
    rd->req = r;
    rd->at = offset_after(l, after);
    GROW(l->readers, l->readers_cap, l->n_readers + 1);
    l->readers[l->n_readers++] = rd;
    hs_set_data(r, rd, reader_end);
    hs_stream(r, 200, headers);
    loop_set_timer(l->timer, 0);
}

int evlog_read(struct evlog *l, void (*fn)(void *ctx, const json_t *event), void *ctx,
               struct err *e)
{
    AUTO(buf_free) struct buf text = BUF_INIT(EV_MAX_LINE);
    char chunk[65536];
    uint64_t at = 0;
    ssize_t n;

    while ((n = pread(l->fd, chunk, sizeof chunk, (off_t)at)) > 0) {
        struct sv rest;
        size_t cut;
        buf_add(&text, chunk, (size_t)n);
        at += (uint64_t)n;
        if (buf_done(&text, "log of events", e) < 0)
            return -1;
        rest = buf_sv(&text);
        while ((cut = sv_chr(rest, '\n')) != SV_NPOS) {
            AUTO(auto_json) json_t *j = jx_parse(sv_sub(rest, 0, cut), "event", e);
            if (j == NULL)
                return -1;
            fn(ctx, j);
            rest = sv_sub(rest, cut + 1, rest.n);
        }
        buf_consume(&text, text.len - rest.n);
    }
    return 0;
}

json_t *event_new(const char *type)
{
    return json_pack("{s:s}", "type", type);
}

json_t *event_job(const struct leg *l, const char *type)
{
    json_t *o = event_new(type);

    svc_set_text(o, "job", l->job_id);
    svc_set_text(o, "name", l->name);
    return o;
}

static void copy(json_t *to, const char *name, const json_t *from, const char *key)
{
    json_t *v = jx_iget(from, key);

    (void)json_object_set(to, name, v != NULL ? v : json_null());
}

/* Annotation JSON of the protocol: logs 8.3. */
void event_annotation(const struct leg *l, int64_t step, const json_t *a)
{
    json_t *o;
    struct sv level = jx_str(a, "level", "notice");

    if (!json_is_string(jx_iget(a, "message")))
        return; /* logs 8.3: without text there is none */
    o = event_job(l, "annotation");
    (void)json_object_set_new(o, "step", step > 0 ? json_integer(step) : json_null());
    if (sv_ieq(level, SV("failure")) || sv_ieq(level, SV("error")))
        svc_set_text(o, "level", "error");
    else
        svc_set_text(o, "level", sv_ieq(level, SV("warning")) ? "warning" : "notice");
    copy(o, "message", a, "message");
    copy(o, "file", a, "path");
    copy(o, "line", a, "startLine");
    copy(o, "end_line", a, "endLine");
    copy(o, "col", a, "startColumn");
    copy(o, "end_col", a, "endColumn");
    copy(o, "title", a, "title");
    evlog_add(l->run->events, o);
}

const char *conclusion_name(int conclusion)
{
    switch (conclusion) {
    case 2:
        return "success";
    case 4:
        return "cancelled";
    case 7:
        return "skipped";
    }
    return "failure";
}
