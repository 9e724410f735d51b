/* SPDX-License-Identifier: Apache-2.0
 *
 * The spool: write-behind buffer over an unnamed file. Masking happens here, in front of everything that
 * leaves the worker, the spool included. */
#include "runner/worker/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/fd.h"
#include "base/mem.h"

enum {
    SPOOL_FLUSH_BYTES = 256 << 10, /* ours: write in blocks of this size */
    SPOOL_BUFFER_MAX = 64 << 20,   /* the longest piece, masked, fits many times */
};

struct spool {
    int fd;
    struct mask *mask;
    struct buf pending;
    struct buf carry; /* end of the last piece, kept back because a secret may straddle it */
    uint64_t flushed;
    uint64_t lines;
    char stamp[SPOOL_STAMP_BYTES];
    int64_t stamp_us;
    bool inside; /* of a line that comes in pieces */
    bool failed;
    struct err error;
};

int spool_new(const char *dir, struct mask *m, struct spool **out, struct err *e)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_sys(e, "cannot make the log's file in '%s'", dir);
    struct spool *s = xcalloc(1, sizeof *s);
    s->fd = fd;
    s->mask = m;
    s->pending = BUF_INIT(SPOOL_BUFFER_MAX);
    s->carry = BUF_INIT(SPOOL_BUFFER_MAX);
    s->stamp_us = -1;
    spool_tick(s);
    *out = s;
    return 0;
}

void spool_free(struct spool *s)
{
    if (s == NULL)
        return;
    buf_free(&s->pending);
    buf_free(&s->carry);
    fd_close(&s->fd);
    free(s);
}

void spool_tick(struct spool *s)
{
    AUTO(buf_free) struct buf b = BUF_INIT(64);
    int64_t now = tm_wall_us();

    if (now == s->stamp_us)
        return;
    s->stamp_us = now;
    tm_format_ticks(&b, now);
    buf_addc(&b, ' ');
    BUG(b.len != SPOOL_STAMP_BYTES);
    memcpy(s->stamp, b.p, SPOOL_STAMP_BYTES);
}

uint64_t spool_size(const struct spool *s)
{
    return s->flushed + s->pending.len;
}

uint64_t spool_lines(const struct spool *s)
{
    return s->lines;
}

bool spool_inside(const struct spool *s)
{
    return s->inside;
}

const struct err *spool_failed(const struct spool *s)
{
    return s->failed ? &s->error : NULL;
}

void spool_flush(struct spool *s)
{
    if (s->pending.len == 0)
        return;
    if (!s->failed && buf_done(&s->pending, "log line", &s->error) < 0)
        s->failed = true;
    if (!s->failed) {
        int injected = failpoint_hit("worker.spool");
        if (injected != 0) {
            errno = injected;
            s->failed = true;
            (void)err_sys(&s->error, "cannot write the job's log");
        } else if (fd_write_full(s->fd, s->pending.p, s->pending.len, &s->error) < 0) {
            s->failed = true;
            (void)err_wrap(&s->error, "write the job's log");
        }
    }
    if (!s->failed)
        s->flushed += s->pending.len;
    buf_reset(&s->pending);
}

static uint64_t physical_lines(struct sv t)
{
    uint64_t n = 1;

    for (const char *p = t.p, *end = t.p + t.n; (p = memchr(p, '\n', (size_t)(end - p))) != NULL;
         p++)
        n++;
    return n;
}

static void count(struct spool *s, struct record *r, uint64_t n)
{
    s->lines += n;
    if (r != NULL)
        r->lines += n;
}

void spool_line(struct spool *s, struct record *r, struct sv text)
{
    if (s->failed)
        return;
    buf_add(&s->pending, s->stamp, sizeof s->stamp);
    mask_apply(s->mask, text, &s->pending);
    buf_addc(&s->pending, '\n');
    count(s, r, text.n > 0 ? physical_lines(text) : 1);
    if (s->pending.len >= SPOOL_FLUSH_BYTES)
        spool_flush(s);
}

void spool_piece(struct spool *s, struct record *r, struct sv text, bool first, bool last)
{
    if (s->failed)
        return;
    s->inside = !last;
    if (first) {
        buf_reset(&s->carry);
        buf_add(&s->pending, s->stamp, sizeof s->stamp);
        count(s, r, 1);
    }
    buf_addsv(&s->carry, text);
    size_t done = mask_apply_part(s->mask, buf_sv(&s->carry), last, &s->pending);
    buf_consume(&s->carry, done);
    if (last) {
        buf_addc(&s->pending, '\n');
        buf_free(&s->carry); /* may be large: long lines are rare */
        s->carry = BUF_INIT(SPOOL_BUFFER_MAX);
    }
    if (s->pending.len >= SPOOL_FLUSH_BYTES)
        spool_flush(s);
}

ssize_t spool_read(const struct spool *s, uint64_t at, void *p, size_t n, struct err *e)
{
    size_t got = 0;

    if (at >= s->flushed)
        return 0;
    if (n > s->flushed - at)
        n = (size_t)(s->flushed - at);
    while (got < n) {
        ssize_t r = pread(s->fd, (char *)p + got, n - got, (off_t)(at + got));
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return err_sys(e, "cannot read the job's log back");
        if (r == 0)
            break;
        got += (size_t)r;
    }
    return (ssize_t)got;
}
