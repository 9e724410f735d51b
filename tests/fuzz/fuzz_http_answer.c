/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP answers, whole and byte by byte: the same head, body, status and verdict either way, and never more body than
 * there was input. The first byte says whether the request was HEAD. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/http_answer.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_INPUT ((size_t)512 * 1024)

struct seen {
    struct buf head, body;
    int rc;
    struct http_answer a;
};

static int on_line(void *ctx, struct sv line)
{
    struct seen *s = ctx;

    BUG(line.n == 0 || line.p[line.n - 1] != '\n');
    buf_addsv(&s->head, line);
    return 0;
}

static int on_body(void *ctx, const void *p, size_t n)
{
    struct seen *s = ctx;

    buf_add(&s->body, p, n);
    return 0;
}

static void feed(struct seen *s, struct sv text, bool to_head, size_t step)
{
    const struct http_answer_events ev = {.line = on_line, .body = on_body, .ctx = s};
    struct err e;

    *s = (struct seen){.head = BUF_INIT(MAX_INPUT), .body = BUF_INIT(MAX_INPUT)};
    http_answer_init(&s->a, to_head);
    for (size_t at = 0; s->rc >= 0 && at < text.n; at += step)
        s->rc = http_answer_feed(&s->a, sv_sub(text, at, step), &ev, &e);
    if (s->rc == 0 && http_answer_end(&s->a, &e) == 0)
        s->rc = 1;
    BUG(s->head.over || s->body.over || s->head.len + s->body.len > text.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen whole, bytes;
    struct sv text;

    if (size == 0 || size > MAX_INPUT)
        return 0;
    text = (struct sv){(const char *)data + 1, size - 1};
    feed(&whole, text, (data[0] & 1) != 0, SIZE_MAX);
    feed(&bytes, text, (data[0] & 1) != 0, 1);
    BUG(whole.rc != bytes.rc || whole.a.status != bytes.a.status);
    BUG(!sv_eq(buf_sv(&whole.head), buf_sv(&bytes.head)));
    if (whole.rc >= 0)
        BUG(whole.a.keep != bytes.a.keep || !sv_eq(buf_sv(&whole.body), buf_sv(&bytes.body)));
    http_answer_done(&whole.a);
    http_answer_done(&bytes.a);
    buf_free(&whole.head);
    buf_free(&whole.body);
    buf_free(&bytes.head);
    buf_free(&bytes.body);
    return 0;
}
