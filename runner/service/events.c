/* SPDX-License-Identifier: Apache-2.0
 *
 * The log of one run's events: a file that only grows (base/event_stream.h). Memory does not depend on its length. */
#include "runner/service/events_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/event_stream.h"
#include "base/failpoint.h"
#include "base/fd.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"

#define EV_INDEX_EVERY 1024U        /* events between two index entries */
#define EV_FLUSH_BYTES (256U << 10) /* pending bytes that are written at once */
#define EV_READ_BYTES  (64U << 10)

/* Events that begin at `at`, after so many others. */
static void index_at(struct evlog *l, uint64_t seq, uint64_t at)
{
    if (l->n_index > 0 && seq < l->index[l->n_index - 1].seq + EV_INDEX_EVERY)
        return;
    GROW(l->index, l->index_cap, l->n_index + 1);
    l->index[l->n_index++] = (struct evlog_index){seq, at};
}

static void index_next(struct evlog *l)
{
    index_at(l, l->seq, l->size + l->pending.len);
}

/* ---- what is there ----------------------------------------------------------------------------------- */

struct scan {
    struct evlog *log;
    struct event_reader *reader;
    const struct evlog_seen *seen; /* NULL: it is only counted */
};

static int on_object(void *ctx, struct sv text, const json_t *event, struct err *e)
{
    struct scan *sc = ctx;
    struct evlog *l = sc->log;

    (void)text;
    (void)e;
    if (sc->seen != NULL) {
        sc->seen->object(sc->seen->ctx, event);
        return 0;
    }
    index_at(l, l->seq, event_reader_whole(sc->reader));
    l->seq = (uint64_t)jx_int(event, "seq", (int64_t)l->seq + 1);
    return 0;
}

static int on_line(void *ctx, const struct event_line *line, struct err *e)
{
    struct scan *sc = ctx;
    const struct event_block *k = line->block;

    (void)e;
    if (sc->seen == NULL && line->first && line->seq == k->seq)
        index_at(sc->log, sc->log->seq, event_reader_whole(sc->reader));
    if (!line->last || line->seq != k->seq + k->lines - 1)
        return 0;
    if (sc->seen != NULL)
        sc->seen->lines(sc->seen->ctx, k);
    else
        sc->log->seq = line->seq;
    return 0;
}

/* From the beginning to the end; *whole: behind it is what an interrupted write left. */
static int scan(struct evlog *l, const struct evlog_seen *seen, uint64_t *whole, struct err *e)
{
    AUTO(auto_free) char *chunk = xmalloc(EV_READ_BYTES);
    struct scan sc = {.log = l, .seen = seen};
    uint64_t at = 0;
    ssize_t n = 0;
    int rc = 0;

    sc.reader = event_reader_new(on_object, on_line, &sc);
    while (rc == 0 && (n = pread(l->fd, chunk, EV_READ_BYTES, (off_t)at)) > 0) {
        rc = event_reader_feed(sc.reader, (struct sv){chunk, (size_t)n}, e);
        at += (uint64_t)n;
    }
    if (rc == 0 && n < 0)
        rc = err_sys(e, "cannot read the log of events");
    *whole = event_reader_whole(sc.reader);
    event_reader_free(sc.reader);
    return rc;
}

/* Counts what is there after a restart; a last event that was cut by a crash is dropped. So is what a loss of power
 * left, from the first event on that is none: one run's log must not keep all others from going on. */
static int count(struct evlog *l, struct err *e)
{
    struct stat st;

    if (scan(l, NULL, &l->size, e) < 0) {
        if (e->code == FAIL_SYS)
            return -1;
        log_warn("service", "events", "run=%llu at=%llu dropped=rest why=%s",
                 (unsigned long long)l->run_id, (unsigned long long)l->size, e->msg);
    }
    if (fstat(l->fd, &st) < 0)
        return err_sys(e, "cannot read the log of events");
    if ((uint64_t)st.st_size != l->size && ftruncate(l->fd, (off_t)l->size) < 0)
        return err_sys(e, "cannot cut the log of events");
    return 0;
}

int evlog_read(struct evlog *l, const struct evlog_seen *seen, struct err *e)
{
    uint64_t whole;

    return scan(l, seen, &whole, e);
}

/* ---- life -------------------------------------------------------------------------------------------- */

static void on_timer(void *ctx)
{
    evlog_flush(ctx);
}

int evlog_open_file(struct evlog *l, struct err *e)
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
void evlog_rest(struct evlog *l)
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
    l->pending = BUF_INIT(EVENT_MAX_BYTES);
    l->timer = loop_add_timer(s->loop, 0, on_timer, l);
    if (fs_mkdir_all(s->state_fd, "events", 0700, e) < 0 || evlog_open_file(l, e) < 0 ||
        count(l, e) < 0) {
        evlog_free(l);
        return -1;
    }
    *out = l;
    return 0;
}

void evlog_free(struct evlog *l)
{
    if (l == NULL)
        return;
    evlog_flush(l);
    evlog_forget_readers(l);
    loop_del_timer(l->timer);
    fd_close(&l->fd);
    buf_free(&l->pending);
    free(l->index);
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

void evlog_write_pending(struct evlog *l)
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

void evlog_flush(struct evlog *l)
{
    if (l->pending.len == 0 && l->n_readers == 0)
        return;
    evlog_write_pending(l);
    loop_set_timer(l->timer, -1);
    evlog_wake_readers(l);
    evlog_rest(l);
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
    BUG(l->block_left > 0);
    index_next(l);
    tm_format_ms(&at, tm_wall_ms());
    (void)json_object_set_new(event, "time", json_string(at.p));
    (void)json_object_set_new(event, "seq", json_integer((json_int_t)++l->seq));
    jx_write(&l->pending, event);
    buf_addc(&l->pending, '\n');
    after_append(l);
}

/* The one frequent event: many of them at once, as plain bytes. */
void evlog_block(struct evlog *l, const struct leg *leg, int64_t step, uint64_t lines,
                 uint64_t bytes, bool partial)
{
    AUTO(buf_free) struct buf at = BUF_INIT(64);

    if (l == NULL || l->failed)
        return;
    BUG(l->block_left > 0);
    index_next(l);
    tm_format_ms(&at, tm_wall_ms());
    event_block_head(&l->pending, &(struct event_block){.job = sv_of(leg->job_id),
                                                        .name = sv_of(leg->name),
                                                        .step = step,
                                                        .time = buf_sv(&at),
                                                        .seq = l->seq + 1,
                                                        .lines = lines,
                                                        .bytes = bytes,
                                                        .partial = partial});
    l->seq += lines;
    l->block_left = bytes;
}

void evlog_bytes(struct evlog *l, struct sv text)
{
    if (l == NULL || l->failed)
        return;
    BUG(text.n > l->block_left);
    l->block_left -= text.n;
    buf_addsv(&l->pending, text);
    after_append(l);
}

void evlog_end(struct evlog *l)
{
    evlog_flush(l);
    l->ended = true;
    loop_set_timer(l->timer, 0); /* readers are let go */
    evlog_rest(l);
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
