/* SPDX-License-Identifier: Apache-2.0
 *
 * Pipe reader and line splitter. A line ends at LF, CR or CRLF. Lines inside a block are looked at in place;
 * only one that straddles blocks is collected, and one above SPOOL_PIECE_BYTES is passed on in pieces, so that
 * memory stays bounded whatever a step prints. */
#include "runner/worker/log_chain.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "actions/matcher.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "runner/worker/commands.h"
#include "runner/worker/matchers.h"
#include "runner/worker/worker.h"

enum {
    BLOCK_BYTES = 64 << 10,
    READS_PER_TURN = 4, /* then the other pipe, timers and uploads get their turn */
    PIPE_BYTES = 1 << 20,
    TURN_MS = 50, /* of matchers; then the rest of the worker gets its turn */
};

struct log_stream {
    struct exec *x;
    struct log_stream *next; /* of the job */
    int fd;
    struct loop_fd *watch;
    struct stream_matchers *matchers; /* NULL: none */
    struct loop_timer *later;
    int64_t turn_until_ms;
    size_t from, to;    /* of block: not looked at yet */
    struct buf partial; /* a line without its end yet */
    bool after_cr;      /* an LF that comes now belongs to the CR before it */
    bool in_pieces;     /* the current line was begun with spool_piece() */
    bool ended;
    bool wide;      /* the pipe was made larger */
    bool unmatched; /* given up waiting for: no matcher sees it any more */
    char block[BLOCK_BYTES];
};

static bool is_ascii(struct sv s)
{
    unsigned char any = 0;

    for (size_t i = 0; i < s.n; i++)
        any |= (unsigned char)s.p[i];
    return any < 0x80;
}

/* Invalid bytes become U+FFFD (spec logs 0.4). */
static struct sv repair(struct sv line, struct buf *b)
{
    unsigned code;

    while (utf8_next(&line, &code) > 0)
        buf_add_utf8(b, code);
    return buf_sv(b);
}

/* A program must not be able to forge the markers of composite steps (spec logs 0.4 step 2). */
static struct sv defuse(struct sv line, struct buf *b)
{
    size_t at;

    while ((at = sv_find(line, SV("##["))) != SV_NPOS) {
        struct sv rest = sv_sub(line, at + 3, line.n);
        buf_addsv(b, sv_sub(line, 0, at + 3));
        if (sv_starts(rest, SV("start-action")) || sv_starts(rest, SV("end-action")))
            buf_addc(b, '\\');
        line = rest;
    }
    buf_addsv(b, line);
    return buf_sv(b);
}

static bool may_be_command(struct sv line, bool *has_marker)
{
    size_t i = 0;

    *has_marker = memmem(line.p, line.n, "##[", 3) != NULL;
    while (i < line.n && ch_is_space(line.p[i]))
        i++;
    return *has_marker || (i + 1 < line.n && line.p[i] == ':' && line.p[i + 1] == ':');
}

static void put_line(struct log_stream *s, struct sv line)
{
    AUTO(buf_free) struct buf fixed = BUF_INIT((size_t)4 * SPOOL_PIECE_BYTES);
    AUTO(buf_free) struct buf defused = BUF_INIT((size_t)8 * SPOOL_PIECE_BYTES);
    bool marker = false;

    if (!is_ascii(line) && !utf8_valid(line))
        line = repair(line, &fixed);
    if (line.n > 0 && may_be_command(line, &marker) && commands_handle(s->x, line))
        return;
    if (marker)
        line = defuse(line, &defused);
    if (s->matchers != NULL && stream_matchers_line(s->matchers, line))
        return;
    spool_line(s->x->w->spool, s->x->rec, line);
}

static void put_piece(struct log_stream *s, struct sv text, bool last)
{
    AUTO(buf_free) struct buf fixed = BUF_INIT((size_t)8 * SPOOL_PIECE_BYTES);

    if (!is_ascii(text) && !utf8_valid(text))
        text = repair(text, &fixed);
    if (s->matchers != NULL && !s->in_pieces)
        (void)stream_matchers_line(s->matchers, text); /* too long: ends what is running */
    spool_piece(s->x->w->spool, s->x->rec, text, !s->in_pieces, last);
    s->in_pieces = !last;
}

/* What is collected is too long to be held: everything but a cut character goes on, so that both pieces are
 * well-formed if the line is. */
static void spill(struct log_stream *s)
{
    size_t n = utf8_whole(buf_sv(&s->partial));

    put_piece(s, sv_sub(buf_sv(&s->partial), 0, n), false);
    buf_consume(&s->partial, n);
}

static void end_line(struct log_stream *s, struct sv tail)
{
    if (s->in_pieces) {
        buf_addsv(&s->partial, tail);
        put_piece(s, buf_sv(&s->partial), true);
        buf_reset(&s->partial);
        return;
    }
    if (s->partial.len == 0) {
        put_line(s, tail);
        return;
    }
    buf_addsv(&s->partial, tail);
    put_line(s, buf_sv(&s->partial));
    buf_reset(&s->partial);
}

/* First LF or CR; the length when there is none. */
static size_t line_end(const char *p, size_t n)
{
    const char *nl = memchr(p, '\n', n);
    size_t len = nl != NULL ? (size_t)(nl - p) : n;
    const char *cr = memchr(p, '\r', len);

    return cr != NULL ? (size_t)(cr - p) : len;
}

/* A matcher may be slow: between two lines the rest of the worker gets its turn. */
static bool is_turn_over(const struct log_stream *s)
{
    return s->matchers != NULL && tm_now_ms() >= s->turn_until_ms;
}

/* Returns how much of it was looked at: all, unless the turn is over. */
static size_t feed_turn(struct log_stream *s, const char *p, size_t n)
{
    const char *begin = p;

    if (n > 0) {
        bool belongs = s->after_cr && *p == '\n';
        s->after_cr = false;
        p += belongs;
        n -= belongs;
    }
    while (n > 0) {
        size_t len = line_end(p, n);
        if (len == n) {
            buf_add(&s->partial, p, n);
            if (s->partial.len >= SPOOL_PIECE_BYTES || s->in_pieces)
                spill(s);
            return (size_t)(p + n - begin);
        }
        end_line(s, (struct sv){p, len});
        bool cr = p[len] == '\r';
        p += len + 1;
        n -= len + 1;
        if (cr && n == 0) {
            s->after_cr = true;
        } else if (cr && *p == '\n') {
            p++;
            n--;
        }
        if (is_turn_over(s))
            break;
    }
    return (size_t)(p - begin);
}

void log_stream_feed(struct log_stream *s, const char *p, size_t n)
{
    while (n > 0) {
        size_t done = feed_turn(s, p, n);
        p += done;
        n -= done;
    }
}

static void leave_job(struct log_stream *s)
{
    struct log_stream **at = &s->x->w->streams;

    while (*at != NULL && *at != s)
        at = &(*at)->next;
    if (*at == s)
        *at = s->next;
}

static void finish(struct log_stream *s)
{
    loop_del_fd(s->watch);
    s->watch = NULL;
    loop_del_timer(s->later);
    s->later = NULL;
    fd_close(&s->fd);
    if (!s->ended && (s->partial.len > 0 || s->in_pieces))
        end_line(s, SV(""));
    s->ended = true;
}

static void on_later(void *ctx);

/* Goes on with the block. False: there is more, for another turn. */
static bool take_block(struct log_stream *s)
{
    s->from += feed_turn(s, s->block + s->from, s->to - s->from);
    if (s->from == s->to)
        return true;
    if (s->later == NULL)
        s->later = loop_add_timer(s->x->w->loop, 0, on_later, s);
    loop_set_timer(s->later, 0);
    loop_set_fd(s->watch, 0);
    return false;
}

static void begin_turn(struct log_stream *s)
{
    spool_tick(s->x->w->spool);
    if (s->matchers != NULL)
        s->turn_until_ms = tm_now_ms() + TURN_MS;
}

static void on_later(void *ctx)
{
    struct log_stream *s = ctx;

    if (s->from == s->to)
        return;
    begin_turn(s);
    if (take_block(s))
        loop_set_fd(s->watch, LOOP_READ);
}

static void on_readable(void *ctx, int fd, unsigned events)
{
    struct log_stream *s = ctx;

    (void)events;
    begin_turn(s);
    if (s->from < s->to) /* a hang-up is told even of a watch that pauses */
        return;
    for (int i = 0; i < READS_PER_TURN; i++) {
        ssize_t n = read(fd, s->block, sizeof s->block);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) { /* end of file; a read error of a pipe means the same */
            finish(s);
            return;
        }
        if ((size_t)n == sizeof s->block && !s->wide) {
            s->wide = true; /* a limit of the user's may forbid it: slower only */
            (void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
        }
        s->from = 0;
        s->to = (size_t)n;
        if (!take_block(s))
            return;
    }
}

struct log_stream *log_stream_detached(struct exec *x)
{
    struct log_stream *s = xmalloc(sizeof *s);

    s->x = x;
    s->fd = -1;
    s->watch = NULL;
    s->later = NULL;
    s->turn_until_ms = 0;
    s->from = s->to = 0;
    s->matchers = stream_matchers_new(x);
    s->next = x->w->streams;
    x->w->streams = s;
    s->partial = BUF_INIT((size_t)4 * SPOOL_PIECE_BYTES);
    s->after_cr = s->in_pieces = s->ended = s->wide = s->unmatched = false;
    return s;
}

int log_stream_new(struct loop *l, struct exec *x, int own_fd, struct log_stream **out,
                   struct err *e)
{
    struct log_stream *s = log_stream_detached(x);

    s->fd = own_fd;
    if (fd_nonblock(own_fd, true, e) < 0 ||
        loop_add_fd(l, own_fd, LOOP_READ, on_readable, s, &s->watch, e) < 0) {
        log_stream_free(s);
        return -1;
    }
    *out = s;
    return 0;
}

bool log_stream_ended(const struct log_stream *s)
{
    return s->ended;
}

/* Given up waiting for: what it read, and what waits in the pipe, still belongs into the log. */
static void take_rest(struct log_stream *s)
{
    size_t taken = 0;
    ssize_t n;

    stream_matchers_free(s->matchers);
    s->matchers = NULL;
    s->unmatched = true;
    log_stream_feed(s, s->block + s->from, s->to - s->from);
    s->from = s->to;
    while (s->fd >= 0 && taken < PIPE_BYTES && (n = read(s->fd, s->block, sizeof s->block)) > 0) {
        log_stream_feed(s, s->block, (size_t)n);
        taken += (size_t)n;
    }
}

void log_stream_free(struct log_stream *s)
{
    if (s == NULL)
        return;
    if (s->from < s->to)
        take_rest(s);
    finish(s);
    leave_job(s);
    stream_matchers_free(s->matchers);
    buf_free(&s->partial);
    free(s);
}

bool log_stream_is_behind(const struct log_stream *s)
{
    return s->from < s->to;
}

/* Each in its turn: the last one of the file comes first (spec logs 1.6.2). */
void log_streams_add_matchers(struct worker *w, const struct matcher_set *file)
{
    for (struct log_stream *s = w->streams; s != NULL; s = s->next) {
        if (s->unmatched)
            continue;
        if (s->matchers == NULL)
            s->matchers = stream_matchers_new(s->x);
        for (size_t i = 0; i < file->n; i++)
            matching_prepend(stream_matchers_of(s->matchers), file->v[i]);
    }
}

void log_streams_remove_matchers(struct worker *w, const struct strv *owners)
{
    for (struct log_stream *s = w->streams; s != NULL; s = s->next)
        if (s->matchers != NULL)
            matching_remove(stream_matchers_of(s->matchers), owners);
}
