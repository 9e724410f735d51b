/* SPDX-License-Identifier: Apache-2.0
 *
 * Allocation that aborts when memory is out, and the free() cleanup. For sizes that the program chose;
 * a size from outside passes a limit first (struct buf, num_u64). */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/attr.h"

#include <stddef.h>
#include <stdlib.h>

/* What is freed is kept for what comes next, instead of given back and faulted in again. For a process that works
 * through its input and ends; not for one that waits for work. */
void mem_keep(void);
void *xmalloc(size_t n) __attribute__((malloc));
void *xcalloc(size_t n, size_t size) __attribute__((malloc));
/* n * size is checked; p may be NULL. */
void *xreallocarray(void *p, size_t n, size_t size) MUST_USE;
char *xstrdup(const char *s) __attribute__((malloc));
/* Copies n bytes and appends a NUL that is not part of the content. */
char *xmemdup(const void *p, size_t n) __attribute__((malloc));
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);

static inline void auto_free(void *pp)
{
    free(*(void **)pp);
}

#define TAKE_PTR(p)                           \
    __extension__({                           \
        __typeof__(p) *pp_ = &(p), v_ = *pp_; \
        *pp_ = NULL;                          \
        v_;                                   \
    })

/* Grows an array field pair (ptr, cap) so that index `need - 1` is valid; doubles. */
#define GROW(ptr, cap, need)                                                               \
    do {                                                                                   \
        if ((need) > (cap)) {                                                              \
            size_t cap_ = (cap) < 8 ? 8 : (cap)*2;                                         \
            if (cap_ < (need))                                                             \
                cap_ = (need);                                                             \
            /* NOLINTNEXTLINE(bugprone-sizeof-expression): arrays of pointers are meant */ \
            (ptr) = xreallocarray((ptr), cap_, sizeof *(ptr));                             \
            (cap) = cap_;                                                                  \
        }                                                                                  \
    } while (0)

#endif
