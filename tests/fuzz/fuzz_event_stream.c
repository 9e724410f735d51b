/* SPDX-License-Identifier: Apache-2.0
 *
 * A stream of events, whole and byte by byte: the same verdict and the same JSON Lines either way; every line of a
 * block reads back as JSON, and the parts of a line are never longer than what may be held. */
#include <stdint.h>
#include <stdlib.h>

#include "base/event_stream.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_INPUT ((size_t)256 * 1024)

struct seen {
    struct buf text, line;
    int rc;
    uint64_t whole;
};

static int on_object(void *ctx, struct sv text, const json_t *event, struct err *e)
{
    struct seen *s = ctx;

    (void)e;
    BUG(event == NULL);
    buf_addsv(&s->text, text);
    buf_addc(&s->text, '\n');
    return 0;
}

static int on_line(void *ctx, const struct event_line *l, struct err *e)
{
    struct seen *s = ctx;

    (void)e;
    BUG(l->first != (s->line.len == 0));
    event_line_json(&s->line, l);
    if (!l->last)
        return 0;
    buf_addsv(&s->text, buf_sv(&s->line));
    buf_reset(&s->line);
    return 0;
}

static void feed(struct seen *s, struct sv in, size_t step)
{
    struct event_reader *r = event_reader_new(on_object, on_line, s);
    struct err e = {0};

    /* A line of controls takes six times its length, and each line the names of its block. */
    *s = (struct seen){.text = BUF_INIT(SIZE_MAX / 2), .line = BUF_INIT(SIZE_MAX / 2)};
    for (size_t at = 0; at < in.n && s->rc == 0; at += step)
        s->rc = event_reader_feed(r, sv_sub(in, at, step), &e);
    BUG(s->rc < 0 && (e.code == FAIL_NONE || e.msg[0] == '\0'));
    s->whole = event_reader_whole(r);
    BUG(s->whole > in.n);
    event_reader_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sv in = {(const char *)data, size};
    struct seen whole, bytes;

    if (size > MAX_INPUT)
        return 0;
    feed(&whole, in, SIZE_MAX / 2);
    feed(&bytes, in, size > 4096 ? 4093 : 1);
    BUG(whole.rc != bytes.rc || whole.whole != bytes.whole);
    BUG(!sv_eq(buf_sv(&whole.text), buf_sv(&bytes.text)));
    buf_free(&whole.text);
    buf_free(&whole.line);
    buf_free(&bytes.text);
    buf_free(&bytes.line);
    return 0;
}
