/* SPDX-License-Identifier: Apache-2.0
 *
 * Allocation that never fails: a program that is out of memory for sizes it chose itself cannot go on,
 * and start-up is its recovery. */
#include "base/mem.h"

#include <limits.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void mem_keep(void)
{
    (void)mallopt(M_TRIM_THRESHOLD, INT_MAX); /* a hint: without it the process is slower */
}

static _Noreturn void out_of_memory(void)
{
    (void)fputs("gantry: error: out of memory\n", stderr);
    abort();
}

void *xmalloc(size_t n)
{
    void *p = malloc(n > 0 ? n : 1);

    if (p == NULL)
        out_of_memory();
    return p;
}

void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(n > 0 ? n : 1, size > 0 ? size : 1);

    if (p == NULL)
        out_of_memory();
    return p;
}

void *xreallocarray(void *p, size_t n, size_t size)
{
    void *q = n > 0 && size > 0 ? reallocarray(p, n, size) : realloc(p, 1);

    if (q == NULL)
        out_of_memory();
    return q;
}

char *xstrdup(const char *s)
{
    return xmemdup(s, strlen(s));
}

char *xmemdup(const void *p, size_t n)
{
    size_t size;

    if (__builtin_add_overflow(n, 1U, &size))
        out_of_memory();
    char *q = xmalloc(size);
    if (n > 0)
        memcpy(q, p, n);
    q[n] = '\0';
    return q;
}

char *xasprintf(const char *fmt, ...)
{
    char *p = NULL;
    va_list ap;

    va_start(ap, fmt);
    int n = vasprintf(&p, fmt, ap);
    va_end(ap);
    if (n < 0)
        out_of_memory();
    return p;
}
