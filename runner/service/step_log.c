/* SPDX-License-Identifier: Apache-2.0
 *
 * The lines of a step. The live feed brings few of them at once; the blocks that the runner uploads while the step
 * runs bring everything, and are what is read once there is more than the feed can carry. Each line is reported once,
 * in order. Nothing of a log is held: lines go from the blob's file to the log of events. */
#include "runner/service/svc_priv.h"

#include <jansson.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/event_stream.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"

#define LINE_COST 32U /* of a waiting line beside its text: empty ones cost memory too */
#define STEP_WAITING_BYTES \
    (8U << 20)                      /* feed lines that wait; the uploaded log has what is dropped */
#define FEED_CUT_UNITS  1027U       /* 1,024 units and "...": logs 5.1 */
#define LOG_PIECE_BYTES (12U << 20) /* Ours: a longer line comes in several events */
#define LOG_READ_BYTES  (256U << 10)
#define BOM_BYTES       3U

void step_log_init(struct step *st)
{
    st->next_line = st->log_line = 1;
    st->total_lines = -1;
}

/* ---- the live feed ----------------------------------------------------------------------------------- */

void step_log_forget(struct step *st)
{
    for (size_t i = 0; i < st->n_waiting; i++)
        strv_free(&st->waiting[i].lines);
    st->n_waiting = 0;
    st->waiting_bytes = 0;
}

static void report_batch(struct leg *l, struct step *st, const struct step_lines *b)
{
    AUTO(buf_free) struct buf text = BUF_INIT(EVENT_MAX_BYTES);
    size_t from = (size_t)(st->next_line - b->first);

    for (size_t i = from; i < b->lines.n; i++) {
        buf_adds(&text, b->lines.v[i]);
        buf_addc(&text, '\n');
    }
    evlog_block(l->run->events, l, st->number, b->lines.n - from, text.len, false);
    evlog_bytes(l->run->events, buf_sv(&text));
}

/* Lines of the feed that continue exactly where the log is. exact: a batch has no holes inside; otherwise only a
 * batch that the next one follows seamlessly is known to have none. */
static void use_feed(struct leg *l, struct step *st, bool exact)
{
    size_t used = 0;

    while (used < st->n_waiting) {
        struct step_lines *b = &st->waiting[used];
        uint64_t end = b->first + b->lines.n;
        if (end <= st->next_line) {
            used++;
            continue;
        }
        if (b->first > st->next_line ||
            (!exact && (used + 1 >= st->n_waiting || st->waiting[used + 1].first != end)))
            break;
        report_batch(l, st, b);
        st->next_line = end;
        used++;
    }
    for (size_t i = 0; i < used; i++) {
        for (size_t k = 0; k < st->waiting[i].lines.n; k++)
            st->waiting_bytes -= strlen(st->waiting[i].lines.v[k]) + LINE_COST;
        strv_free(&st->waiting[i].lines);
    }
    if (used > 0)
        memmove(st->waiting, st->waiting + used, (st->n_waiting - used) * sizeof *st->waiting);
    st->n_waiting -= used;
}

/* One batch: logs 5.3. */
void step_feed(struct leg *l, const json_t *message)
{
    const json_t *lines = jx_iget(message, "value"), *v;
    struct sv ext = jx_str(message, "stepId", "");
    int64_t first = jx_int(message, "startLine", 0);
    struct step_lines b = {.first = (uint64_t)first, .lines = STRV_INIT};
    char id[UUID_TEXT_SIZE];
    struct step *st;
    size_t i, bytes = 0;
    bool cut = false;

    if (first < 1 || ext.n == 0 || ext.n >= sizeof id || sv_ieq(ext, sv_of(l->uuid)))
        return; /* lines of the job itself belong to no step */
    memcpy(id, ext.p, ext.n);
    id[ext.n] = '\0';
    st = step_get(l, id, 0);
    if (st == NULL || st->log_done || st->waiting_bytes > STEP_WAITING_BYTES)
        return;
    json_array_foreach(lines, i, v)
    {
        struct sv t = {json_string_value(v), json_string_length(v)}, part;
        if (t.p == NULL || sv_chr(t, '\0') != SV_NPOS ||
            (sv_ends(t, SV("...")) && utf8_utf16_len(t) >= FEED_CUT_UNITS))
            cut =
                true; /* only the upload has the whole line, and so what follows it; a NUL cannot be held */
        while (!cut && sv_next(&t, '\n', &part)) {
            strv_addsv(&b.lines, part);
            bytes += part.n + LINE_COST;
        }
    }
    if (b.lines.n == 0) {
        strv_free(&b.lines);
        return;
    }
    GROW(st->waiting, st->waiting_cap, st->n_waiting + 1);
    st->waiting[st->n_waiting++] = b;
    st->waiting_bytes += bytes;
    steps_advance(l, false);
}

/* ---- what was uploaded ------------------------------------------------------------------------------- */

struct log_file {
    struct leg *l;
    struct step *st;
    int fd;
    char *block;    /* LOG_READ_BYTES */
    struct buf out; /* the lines of a block, as they are reported */
    uint64_t lines; /* in out */
};

/* A physical line without what the log's format puts in front (logs 4.1, 4.2: blocks may begin with a BOM). */
static struct sv inner(struct sv line)
{
    while (sv_starts(line, SV("\xef\xbb\xbf")))
        line = sv_sub(line, BOM_BYTES, line.n);
    return tm_starts_stamp(line) ? sv_sub(line, TM_STAMP_BYTES, line.n) : line;
}

/* Whole lines, each with its LF. */
static void report_lines(struct log_file *f, struct sv text)
{
    struct step *st = f->st;

    buf_reset(&f->out);
    f->lines = 0;
    while (text.n > 0) {
        size_t nl = sv_chr(text, '\n');
        if (st->log_line++ >= st->next_line) {
            struct sv line = inner(sv_sub(text, 0, nl));
            if (line.n > 0 && line.p[line.n - 1] == '\r')
                line.n--;
            buf_addsv(&f->out, line);
            buf_addc(&f->out, '\n');
            f->lines++;
        }
        text = sv_sub(text, nl + 1, text.n);
    }
    if (f->lines == 0)
        return;
    evlog_block(f->l->run->events, f->l, st->number, f->lines, f->out.len, false);
    evlog_bytes(f->l->run->events, buf_sv(&f->out));
    st->next_line = st->log_line;
}

/* Reads some of [at, end) to the front of the block; 0 at the end, or when it cannot be read. */
static size_t read_at(const struct log_file *f, uint64_t at, uint64_t end)
{
    size_t want = end - at < LOG_READ_BYTES ? (size_t)(end - at) : LOG_READ_BYTES;
    ssize_t n = want > 0 ? pread(f->fd, f->block, want, (off_t)at) : 0;

    return n > 0 ? (size_t)n : 0;
}

/* Bytes of the file as (the rest of) a block of events. What cannot be read any more becomes blanks: the length was
 * announced. */
static void copy_bytes(const struct log_file *f, uint64_t at, uint64_t end)
{
    while (at < end) {
        size_t n = read_at(f, at, end);
        if (n == 0) {
            n = end - at < LOG_READ_BYTES ? (size_t)(end - at) : LOG_READ_BYTES;
            memset(f->block, ' ', n);
        }
        evlog_bytes(f->l->run->events, (struct sv){f->block, n});
        at += n;
    }
}

/* A line that is longer than what is read at once: [at, end) without its LF. */
static void report_long(struct log_file *f, uint64_t at, uint64_t end)
{
    struct evlog *log = f->l->run->events;
    struct step *st = f->st;
    struct sv start = {f->block, read_at(f, at, end)};

    if (st->log_line++ < st->next_line)
        return;
    st->next_line = st->log_line;
    at += start.n - inner(start).n;
    if (read_at(f, end - 1, end) == 1 && f->block[0] == '\r')
        end--;
    while (end - at > LOG_PIECE_BYTES) { /* cut between characters */
        uint64_t cut = at + LOG_PIECE_BYTES;
        struct sv last = {f->block, read_at(f, cut - 4, cut)};
        cut -= last.n - utf8_whole(last);
        evlog_block(log, f->l, st->number, 1, cut - at, true);
        copy_bytes(f, at, cut);
        at = cut;
    }
    evlog_block(log, f->l, st->number, 1, end - at + 1, false);
    copy_bytes(f, at, end);
    evlog_bytes(log, SV("\n"));
}

/* The next LF from `at` on; `end` when there is none. */
static uint64_t line_end(const struct log_file *f, uint64_t at, uint64_t end)
{
    size_t n;

    while (at < end && (n = read_at(f, at, end)) > 0) {
        size_t nl = sv_chr((struct sv){f->block, n}, '\n');
        if (nl != SV_NPOS)
            return at + nl;
        at += n;
    }
    return end;
}

/* All whole lines of what is there. */
static void read_lines(struct log_file *f)
{
    struct step *st = f->st;
    size_t n, last;
    uint64_t end;

    while ((n = read_at(f, st->log_at, st->log_size)) > 0) {
        last = sv_rchr((struct sv){f->block, n}, '\n');
        if (last != SV_NPOS) {
            report_lines(f, (struct sv){f->block, last + 1});
            end = st->log_at + last;
        } else {
            end =
                line_end(f, st->log_at + (n > st->log_scanned ? n : st->log_scanned), st->log_size);
            st->log_scanned = end - st->log_at;
            if (end == st->log_size)
                return;
            report_long(f, st->log_at, end);
        }
        st->log_at = end + 1;
        st->log_scanned = 0;
    }
}

/* What follows the last LF of a complete log. */
static void read_rest(struct log_file *f)
{
    struct step *st = f->st;
    struct sv rest = {f->block, read_at(f, st->log_at, st->log_size)};

    if (rest.n == 0 || sv_is(rest, "\xef\xbb\xbf"))
        return;
    report_long(f, st->log_at, st->log_size);
    st->log_at = st->log_size;
}

static int open_log(const struct leg *l, const struct step *st, int *fd, uint64_t *size,
                    struct err *e)
{
    AUTO(buf_free) struct buf name = BUF_INIT(512);

    blob_log_name(&name, l, st->external_id, "step");
    if (!st->log_uploaded && blob_open_growing(l->run->svc, name.p, fd, e) == 0)
        return 0;
    return blob_open(l->run->svc, name.p, fd, size, e);
}

static void use_upload(struct leg *l, struct step *st)
{
    struct log_file f = {.l = l, .st = st, .fd = -1, .out = BUF_INIT(EVENT_MAX_BYTES)};
    AUTO(auto_fd) int fd = -1;
    struct err e;

    if (open_log(l, st, &fd, &st->log_size, &e) < 0) {
        log_warn("service", "log", "job=%s step=%lld error=%s", l->name, (long long)st->number,
                 e.msg);
        return;
    }
    if (st->log_size < st->log_at) { /* it was begun anew: what was reported of it is passed over */
        st->log_at = st->log_scanned = 0;
        st->log_line = 1;
    }
    f.fd = fd;
    f.block = xmalloc(LOG_READ_BYTES);
    read_lines(&f);
    if (st->log_uploaded) {
        read_rest(&f);
        if (st->next_line > st->log_line)
            log_warn("service", "log", "job=%s step=%lld feed=%llu upload=%llu", l->name,
                     (long long)st->number, (unsigned long long)st->next_line - 1,
                     (unsigned long long)st->log_line - 1);
    }
    free(f.block);
    buf_free(&f.out);
}

void step_log_report(struct leg *l, struct step *st, bool exact)
{
    if (st->log_done)
        return;
    if (st->log_uploaded || st->log_size > st->log_at + st->log_scanned)
        use_upload(l, st);
    if (st->log_uploaded) {
        st->log_done = true;
        step_log_forget(st);
    } else {
        use_feed(l, st, exact);
    }
}

/* The text between two others that a name has to begin and to end with. */
static bool between(struct sv *s, struct sv before, size_t n, char out[UUID_TEXT_SIZE])
{
    if (n >= UUID_TEXT_SIZE || s->n < before.n + n || !sv_starts(*s, before))
        return false;
    memcpy(out, s->p + before.n, n);
    out[n] = '\0';
    *s = sv_sub(*s, before.n + n, s->n);
    return true;
}

void step_log_grew(struct svc *s, const char *blob, uint64_t size)
{
    AUTO(buf_free) struct buf name = BUF_INIT(512);
    struct sv rest = sv_of(blob);
    char plan[UUID_TEXT_SIZE], uuid[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE];
    const size_t n = UUID_TEXT_SIZE - 1;
    struct leg *l;
    struct step *st;

    if (!between(&rest, SV("actions-results/"), n, plan) ||
        !between(&rest, SV("/workflow-job-run-"), n, uuid) ||
        !between(&rest, SV("/logs/steps/step-logs-"), n, id))
        return;
    l = leg_find(s, sv_of(uuid));
    if (l == NULL || l->state != LEG_RUNNING || (st = step_get(l, id, 0)) == NULL)
        return;
    blob_log_name(&name, l, id, "step");
    if (!sv_is(buf_sv(&name), blob))
        return;
    st->log_size = size;
    steps_advance(l, false);
}
