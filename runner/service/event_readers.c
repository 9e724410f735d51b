/* SPDX-License-Identifier: Apache-2.0
 *
 * Who reads the log of a run's events: as it is (the front end of this program), or as JSON Lines (everybody else).
 * A reader takes from the file what its socket takes: none of them costs memory by being slow. */
#include "runner/service/events_priv.h"

#include <jansson.h>
#include <unistd.h>

#include "base/event_stream.h"
#include "base/fd.h"
#include "base/mem.h"

#define READ_BYTES  (64U << 10) /* at once, where lines have to be made of it */
#define LINES_BYTES (64U << 20) /* and what may become of them */

struct reader {
    struct evlog *log; /* NULL: it is gone */
    struct hs_req *req;
    uint64_t at;
    /* JSON Lines: */
    struct event_reader *parts; /* NULL: as it is */
    struct buf lines;
    size_t lines_at; /* of lines: sent already */
    bool broken;
};

/* ---- JSON Lines -------------------------------------------------------------------------------------- */

static int on_object(void *ctx, struct sv text, const json_t *event, struct err *e)
{
    struct reader *r = ctx;

    (void)event;
    (void)e;
    buf_addsv(&r->lines, text);
    buf_addc(&r->lines, '\n');
    return 0;
}

static int on_line(void *ctx, const struct event_line *l, struct err *e)
{
    struct reader *r = ctx;

    (void)e;
    event_line_json(&r->lines, l);
    return 0;
}

/* The next lines. False: there are none now. */
static bool make_lines(struct reader *r)
{
    char block[READ_BYTES];
    struct err e;

    buf_reset(&r->lines);
    r->lines_at = 0;
    while (r->lines.len == 0 && r->at < r->log->size) {
        size_t want =
            r->log->size - r->at < sizeof block ? (size_t)(r->log->size - r->at) : sizeof block;
        ssize_t n = pread(r->log->fd, block, want, (off_t)r->at);
        if (n <= 0 || event_reader_feed(r->parts, (struct sv){block, (size_t)n}, &e) < 0 ||
            r->lines.over) {
            r->broken = true;
            return false;
        }
        r->at += (uint64_t)n;
    }
    return r->lines.len > 0;
}

static ssize_t take_lines(struct reader *r, char *p, size_t n)
{
    if (r->lines_at == r->lines.len && !make_lines(r))
        return 0;
    if (n > r->lines.len - r->lines_at)
        n = r->lines.len - r->lines_at;
    memcpy(p, r->lines.p + r->lines_at, n);
    r->lines_at += n;
    return (ssize_t)n;
}

/* ---- readers ----------------------------------------------------------------------------------------- */

static ssize_t source(void *ctx, char *p, size_t n)
{
    struct reader *r = ctx;
    struct evlog *l = r->log;
    ssize_t got = 0;

    if (l == NULL)
        return -1;
    if (r->parts != NULL) {
        got = take_lines(r, p, n);
    } else if (r->at < l->size) {
        got = pread(l->fd, p, l->size - r->at < n ? (size_t)(l->size - r->at) : n, (off_t)r->at);
        r->broken = got <= 0;
        r->at += got > 0 ? (uint64_t)got : 0;
    }
    return r->broken || (got == 0 && l->ended) ? -1 : got;
}

static void drop_reader(struct evlog *l, struct reader *r)
{
    for (size_t i = 0; i < l->n_readers; i++)
        if (l->readers[i] == r) {
            l->readers[i] = l->readers[--l->n_readers];
            return;
        }
}

static void reader_end(void *data, bool completed)
{
    struct reader *r = data;

    (void)completed;
    if (r->log != NULL) {
        drop_reader(r->log, r);
        evlog_rest(r->log);
    }
    event_reader_free(r->parts);
    buf_free(&r->lines);
    free(r);
}

void evlog_wake_readers(struct evlog *l)
{
    for (size_t i = l->n_readers; i-- > 0;)
        hs_stream_more(l->readers[i]->req);
}

void evlog_forget_readers(struct evlog *l)
{
    for (size_t i = 0; i < l->n_readers; i++)
        l->readers[i]->log = NULL;
    free(l->readers);
    l->readers = NULL;
    l->n_readers = 0;
}

/* Where to begin for the events after seq `after`: at some of those before it, maybe. */
static uint64_t offset_after(const struct evlog *l, uint64_t after)
{
    size_t lo = 0, hi = l->n_index;

    if (after >= l->seq)
        return l->size;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (l->index[mid].seq <= after)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo > 0 ? l->index[lo - 1].at : 0;
}

void evlog_stream(struct evlog *l, struct hs_req *r, uint64_t after)
{
    bool as_is = sv_is(sv_of(hs_header(r, "Accept")), EVENT_STREAM_TYPE);
    const char *const headers[] = {as_is ? "Content-Type: " EVENT_STREAM_TYPE
                                         : "Content-Type: application/x-ndjson",
                                   "Cache-Control: no-store", NULL};
    struct reader *rd;
    struct err e;

    if (evlog_open_file(l, &e) < 0) {
        svc_reply(r, 500, json_pack("{s:s}", "message", e.msg));
        return;
    }
    evlog_write_pending(l);
    rd = xcalloc(1, sizeof *rd);
    *rd = (struct reader){.log = l,
                          .req = r,
                          .at = offset_after(l, after),
                          .lines = BUF_INIT(LINES_BYTES),
                          .parts = as_is ? NULL : event_reader_new(on_object, on_line, rd)};
    if (!as_is)
        event_reader_begin(rd->parts, after);
    GROW(l->readers, l->readers_cap, l->n_readers + 1);
    l->readers[l->n_readers++] = rd;
    hs_set_data(r, rd, reader_end);
    hs_stream(r, 200, headers, source, rd);
    loop_set_timer(l->timer, 0);
}
