/* SPDX-License-Identifier: Apache-2.0
 *
 * The live console. Source: actions/runner 2.336.0 src/Runner.Common/JobServerQueue.cs, ResultsServer.cs
 * (spec logs 5.1 to 5.4). */
#include "runner/worker/feed.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/ws_client.h"
#include "runner/worker/upload.h"
#include "runner/worker/worker.h"

enum {
    PASS_MS = 250, /* for the first 240 passes, then 500 */
    PASS_SLOW_MS = 500,
    PASS_FAST_COUNT = 240,
    PASS_LOCAL_MS = 25, /* ours: the embedded service on this host */
    LINES_PER_BATCH = 100,
    LINES_PER_PASS = 501,
    LINE_UNITS = 1024,
    BACKLOG_BYTES = 1 << 20, /* ours for "1,024 queued lines": what is older is skipped */
    BACKLOG_KEEP = 128 << 10,
    FEED_BYTES = 64 << 10, /* ours: what is more goes up in a block, where that is read at once */
    READ_BYTES = 256 << 10,
    CLOSE_GRACE_MS = 3000,
};

struct feed {
    struct worker *w;
    struct wsc *ws;
    struct loop_timer *timer;
    uint64_t at;              /* spool position */
    const struct record *rec; /* whose lines are at `at` */
    uint64_t line;            /* number of the next line of rec, from 1 */
    unsigned passes;
    int64_t interval_ms;
    bool closing, closed;
    bool blocks;    /* the service reads the blocks of a log as they come */
    bool lost_pass; /* the rest of a line that was skipped */
    /* The batch that is being made. */
    struct buf batch;
    unsigned batch_lines;
    uint64_t batch_start;
    char *block;
};

struct sv feed_cut(struct sv line, struct buf *b)
{
    struct sv rest = line;
    size_t units = 0, n;
    unsigned code;

    if (line.n <= LINE_UNITS)
        return line;
    while ((n = utf8_next(&rest, &code)) > 0) {
        units += code >= 0x10000 ? 2 : 1;
        if (units > LINE_UNITS) {
            buf_addsv(b, sv_sub(line, 0, (size_t)(rest.p - line.p) - n));
            buf_adds(b, "...");
            return buf_sv(b);
        }
    }
    return line;
}

static void on_event(void *ctx, enum wsc_event event, const struct err *e)
{
    struct feed *f = ctx;
    char text[512];

    if (event == WSC_CLOSED || event == WSC_FAILED)
        f->closed = true;
    if (e != NULL)
        log_debug("feed", "connection", "reason=%s", err_text(e, text, sizeof text));
}

static void send_batch(struct feed *f)
{
    AUTO(buf_free) struct buf out = BUF_INIT(4 << 20);
    struct err ignored = {0}; /* lossy by design */

    if (f->batch_lines == 0)
        return;
    buf_addf(&out, "{\"count\":%u,\"value\":[", f->batch_lines);
    buf_addsv(&out, buf_sv(&f->batch));
    buf_addf(&out, "],\"stepId\":\"%s\",\"startLine\":%llu}", f->rec->id,
             (unsigned long long)f->batch_start);
    if (!out.over && !f->closed && wsc_send(f->ws, buf_sv(&out), &ignored) < 0)
        log_debug("feed", "batch dropped", "lines=%u", f->batch_lines);
    buf_reset(&f->batch);
    f->batch_lines = 0;
}

static void add_line(struct feed *f, struct sv line)
{
    AUTO(buf_free) struct buf cut = BUF_INIT(8192);

    if (tm_starts_stamp(line))
        line = sv_sub(line, SPOOL_STAMP_BYTES, line.n);
    if (f->batch_lines == 0)
        f->batch_start = f->line;
    else
        buf_addc(&f->batch, ',');
    jx_quote(&f->batch, feed_cut(line, &cut));
    f->line++;
    if (++f->batch_lines == LINES_PER_BATCH)
        send_batch(f);
}

/* The record that the bytes at f->at belong to; NULL: lines of the job alone, or nothing yet. *end: where its
 * part ends. */
static const struct record *owner(const struct feed *f, uint64_t *end)
{
    const struct records *l = &f->w->records;

    *end = spool_size(f->w->spool);
    for (size_t i = 0; i < l->n; i++) {
        const struct record *r = l->v[i];
        if (r->state == REC_PENDING)
            continue;
        if (r->log_from > f->at) {
            if (r->log_from < *end)
                *end = r->log_from;
        } else if (r->state == REC_IN_PROGRESS || f->at < r->log_to) {
            if (r->state == REC_COMPLETED)
                *end = r->log_to;
            return r;
        }
    }
    return NULL;
}

static void enter(struct feed *f, const struct record *r)
{
    if (r == f->rec)
        return;
    send_batch(f);
    f->rec = r;
    f->line = 1;
}

/* Counts the lines of [at, to) without sending them. */
static void skip_to(struct feed *f, uint64_t to)
{
    struct err ignored = {0};

    send_batch(f);
    while (f->at < to) {
        size_t n = to - f->at < READ_BYTES ? (size_t)(to - f->at) : READ_BYTES;
        ssize_t got = spool_read(f->w->spool, f->at, f->block, n, &ignored);
        if (got <= 0)
            return;
        for (const char *p = f->block, *end = p + got;
             (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
            f->line++;
        f->at += (uint64_t)got;
        f->lost_pass = f->block[got - 1] != '\n';
    }
}

/* The upload takes what there is, and the feed goes on behind it. */
static void leave_to_upload(struct feed *f, const struct record *r, uint64_t end)
{
    bool inside = r->state == REC_IN_PROGRESS && spool_inside(f->w->spool);

    send_batch(f);
    f->at = end;
    f->line = r->lines + (inside ? 0 : 1);
    f->lost_pass = inside;
    upload_push(f->w->upload);
}

/* Sends lines of [at, end); returns how many, 0 when no whole line is there. */
static unsigned take_lines(struct feed *f, uint64_t end, unsigned max)
{
    struct err ignored = {0};
    size_t want = end - f->at < READ_BYTES ? (size_t)(end - f->at) : READ_BYTES;
    ssize_t got = spool_read(f->w->spool, f->at, f->block, want, &ignored);
    unsigned taken = 0;
    struct sv rest = {f->block, got > 0 ? (size_t)got : 0};

    while (taken < max && rest.n > 0) {
        size_t nl = sv_chr(rest, '\n');
        if (nl == SV_NPOS)
            break;
        if (f->lost_pass) /* the end of a line whose start was skipped */
            f->line++;
        else
            add_line(f, sv_sub(rest, 0, nl));
        f->lost_pass = false;
        rest = sv_sub(rest, nl + 1, rest.n);
        taken++;
    }
    size_t used = (size_t)(got > 0 ? got : 0) - rest.n;
    if (used == 0 && got == READ_BYTES) { /* one line longer than the block: its start is shown */
        add_line(f, sv_sub(rest, 0, (size_t)LINE_UNITS * 4));
        f->line--; /* counted where it ends */
        f->lost_pass = true;
        used = (size_t)got;
        taken = 1;
    }
    f->at += used;
    return taken;
}

static void pass(struct feed *f, unsigned max)
{
    uint64_t end;

    spool_flush(f->w->spool);
    while (max > 0 && f->at < spool_size(f->w->spool)) {
        const struct record *r = owner(f, &end);
        if (r == NULL) {
            f->at = end;
            continue;
        }
        enter(f, r);
        if (f->blocks && end - f->at > FEED_BYTES) {
            leave_to_upload(f, r, end);
            continue;
        }
        if (end - f->at > BACKLOG_BYTES)
            skip_to(f, end - BACKLOG_KEEP);
        unsigned n = take_lines(f, end, max);
        if (n == 0)
            break;
        max -= n;
    }
    send_batch(f);
}

static void on_timer(void *ctx)
{
    struct feed *f = ctx;

    pass(f, LINES_PER_PASS);
    if (++f->passes == PASS_FAST_COUNT && f->interval_ms == PASS_MS)
        f->interval_ms = PASS_SLOW_MS;
    if (!f->closing && !f->closed)
        loop_set_timer(f->timer, f->interval_ms);
}

struct feed *feed_new(struct worker *w)
{
    AUTO(auto_free) char *url = sv_dup(w->msg->endpoint.feed_url);
    struct err e = {0};
    char text[512];

    if (url[0] == '\0')
        return NULL;
    struct feed *f = xcalloc(1, sizeof *f);
    f->w = w;
    f->batch = BUF_INIT(2 << 20);
    f->block = xmalloc(READ_BYTES);
    f->blocks = message_flag(w->msg, "gantry.log_blocks");
    bool local = strstr(url, ".localhost:") != NULL || strstr(url, "//127.0.0.1") != NULL;
    f->interval_ms = local ? PASS_LOCAL_MS : PASS_MS;
    struct wsc_options o = {.url = url,
                            .bearer = &w->token,
                            .user_agent = w->user_agent,
                            .ca_file = w->opt.ca_file,
                            .allow_plain = sv_istarts(w->msg->endpoint.url, SV("http://"))};
    f->ws = wsc_new(w->loop, &o, on_event, f, &e);
    if (f->ws == NULL) {
        log_warn("feed", "not used", "reason=%s", err_text(&e, text, sizeof text));
        feed_free(f);
        return NULL;
    }
    f->timer = loop_add_timer(w->loop, f->interval_ms, on_timer, f);
    return f;
}

void feed_free(struct feed *f)
{
    if (f == NULL)
        return;
    loop_del_timer(f->timer);
    if (f->ws != NULL)
        wsc_free(f->ws);
    buf_free(&f->batch);
    free(f->block);
    free(f);
}

void feed_close(struct feed *f)
{
    if (f == NULL || f->closing)
        return;
    f->closing = true;
    loop_set_timer(f->timer, -1);
    if (!f->closed) {
        pass(f, UINT32_MAX);
        wsc_close(f->ws, 1000, "Closing websocket", CLOSE_GRACE_MS);
    }
}

bool feed_idle(const struct feed *f)
{
    return f == NULL || f->closed;
}
