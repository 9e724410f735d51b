/* SPDX-License-Identifier: Apache-2.0
 *
 * The growing buffer. Invariants: len <= max; p[len] == '\0'; cap == 0 exactly while p is buf_empty. */
#include "base/buf.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

char buf_empty[1];

void buf_free(struct buf *b)
{
    if (b->cap > 0)
        free(b->p);
    b->p = buf_empty;
    b->len = 0;
    b->cap = 0;
    b->over = false;
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->over = false;
    if (b->cap > 0)
        b->p[0] = '\0';
}

/* Makes room for n more bytes and the NUL. False when the limit is passed. */
static bool make_room(struct buf *b, size_t n)
{
    if (b->over || n > b->max - b->len) {
        b->over = true;
        return false;
    }
    size_t need = b->len + n; /* <= max: cannot wrap */
    if (b->cap > 0 && need < b->cap)
        return true;
    size_t cap = b->cap < 32 ? 64 : b->cap > (size_t)-1 / 2 ? need : b->cap * 2;
    if (cap > b->max)
        cap = b->max;
    if (cap < need)
        cap = need;
    BUG(cap == (size_t)-1);
    b->p = xreallocarray(b->cap > 0 ? b->p : NULL, cap + 1, 1);
    b->cap = cap + 1;
    b->p[b->len] = '\0';
    return true;
}

char *buf_room_grow(struct buf *b, size_t n)
{
    return make_room(b, n) ? b->p + b->len : NULL;
}

void buf_adds(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    buf_addvf(b, fmt, ap);
    va_end(ap);
}

void buf_addvf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    char small[128];

    va_copy(again, ap);
    int n = vsnprintf(small, sizeof small, fmt, again);
    va_end(again);
    BUG(n < 0); /* formats are ours and have no %ls */
    if ((size_t)n < sizeof small) {
        buf_add(b, small, (size_t)n);
        return;
    }
    if (!make_room(b, (size_t)n))
        return;
    (void)vsnprintf(b->p + b->len, (size_t)n + 1, fmt, ap);
    b->len += (size_t)n;
}

void buf_add_utf8(struct buf *b, unsigned code)
{
    char s[4];

    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        code = 0xFFFD;
    buf_add(b, s, (size_t)(utf8_put(s, code) - s));
}

void buf_consume(struct buf *b, size_t n)
{
    BUG(n > b->len);
    if (n == 0)
        return;
    b->len -= n;
    memmove(b->p, b->p + n, b->len + 1);
}

int buf_done(const struct buf *b, const char *what, struct err *e)
{
    if (b->over)
        return err_set(e, FAIL_LIMIT, "%s is larger than %zu bytes", what, b->max);
    return 0;
}

char *buf_take(struct buf *b, size_t *len)
{
    char *p;

    BUG(b->over);
    if (len != NULL)
        *len = b->len;
    p = b->cap > 0 ? b->p : xmemdup("", 0);
    b->p = buf_empty;
    b->len = 0;
    b->cap = 0;
    return p;
}
