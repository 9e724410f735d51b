/* SPDX-License-Identifier: Apache-2.0
 *
 * Growing byte buffer with a hard limit. `p` is never NULL and p[len] is always '\0', but content may hold
 * NUL bytes. After the limit every append is a no-op: append freely, check once with buf_done(). */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/err.h"
#include "base/sv.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *p;
    size_t len;
    size_t cap; /* 0: p is the shared empty string */
    size_t max; /* bytes; limit on len */
    bool over;
};
extern char buf_empty[1];
#define BUF_INIT(limit) ((struct buf){.p = buf_empty, .max = (limit)})

void buf_free(struct buf *b);  /* for AUTO(buf_free); leaves it empty and usable */
void buf_reset(struct buf *b); /* empty, keeps memory */
#ifdef __clang_analyzer__ /* seen from the inside, they make it take every view for NULL with a length */
char *buf_room(struct buf *b, size_t n);
void buf_grew(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *data, size_t n);
#else
/* What buf_room() does where the room is not there yet. */
char *buf_room_grow(struct buf *b, size_t n);
/* Room for n more bytes at p + len, or NULL when that passes the limit; commit with buf_grew(). */
static inline char *buf_room(struct buf *b, size_t n)
{
    return !b->over && n < b->cap - b->len ? b->p + b->len : buf_room_grow(b, n);
}
static inline void buf_grew(struct buf *b, size_t n)
{
    if (n == 0)
        return;
    BUG(n >= b->cap - b->len);
    b->len += n;
    b->p[b->len] = '\0';
}
static inline void buf_add(struct buf *b, const void *data, size_t n)
{
    char *w = n > 0 ? buf_room(b, n) : NULL;

    if (w == NULL)
        return;
    memcpy(w, data, n);
    b->len += n;
    b->p[b->len] = '\0';
}
#endif
static inline void buf_addc(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}
void buf_adds(struct buf *b, const char *s);
static inline void buf_addsv(struct buf *b, struct sv s)
{
    buf_add(b, s.p, s.n);
}
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_addvf(struct buf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
/* Appends the code point as UTF-8. */
void buf_add_utf8(struct buf *b, unsigned code);
/* Drops n bytes from the front (n <= len). */
void buf_consume(struct buf *b, size_t n);
/* FAIL_LIMIT if anything was dropped. */
MUST_USE int buf_done(const struct buf *b, const char *what, struct err *e);
/* Gives the NUL-terminated content away (free()); the buffer is empty afterwards. */
MUST_USE char *buf_take(struct buf *b, size_t *len);
static inline struct sv buf_sv(const struct buf *b)
{
    return (struct sv){b->p, b->len};
}

#endif
