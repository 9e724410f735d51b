/* SPDX-License-Identifier: Apache-2.0
 *
 * Function attributes, the cleanup idiom and BUG(). Every other header of Gantry may rely on this one. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#define MUST_USE               __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define AUTO(fn)               __attribute__((cleanup(fn)))
/* For a large local that is written before it is read, on a hot path: releases clear every local otherwise
 * (-ftrivial-auto-var-init=zero). */
#define NOINLINE __attribute__((noinline)) /* keeps its locals off its caller's frame */
#define UNINIT   __attribute__((uninitialized))

/* A broken invariant of Gantry itself: prints one line and aborts, in releases too. Never for input,
 * peers or the kernel; the condition has no side effects. */
#define BUG(cond)                                 \
    do {                                          \
        if (__builtin_expect(!!(cond), 0))        \
            bug_abort(__FILE__, __LINE__, #cond); \
    } while (0)
_Noreturn void bug_abort(const char *file, int line, const char *cond);

#endif
