/* SPDX-License-Identifier: Apache-2.0
 *
 * One failure and the context it travelled through. A function that can fail returns -1 or NULL and fills
 * the `struct err` that is its last parameter; outputs are untouched on failure. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/attr.h"

#include <stddef.h>

enum fail {
    FAIL_NONE = 0,
    FAIL_SYS,   /* a system call failed; .sys is its errno */
    FAIL_INPUT, /* the user's or peer's data is wrong; a retry cannot help */
    FAIL_LIMIT, /* a documented limit was reached */
    FAIL_NOTFOUND,
    FAIL_DENIED,
    FAIL_TIMEOUT,
    FAIL_CANCELED,
    FAIL_NET,         /* DNS, connect, TLS, transfer: retryable */
    FAIL_HTTP,        /* .http is the status */
    FAIL_PROTO,       /* the peer broke the protocol */
    FAIL_UNSUPPORTED, /* kernel or build lacks a feature; the text names it */
    FAIL_INTERNAL,    /* bug in Gantry */
};

struct err {
    enum fail code;
    int sys;        /* errno at the origin, or 0 */
    int http;       /* HTTP status at the origin, or 0 */
    unsigned whole; /* not 0: msg is the beginning of a text that err_whole() may still have */
    char ctx[200];  /* "run job 'build': start sandbox", outermost first */
    char msg[296];  /* the cause; never shortened by err_wrap() */
};
_Static_assert(sizeof(struct err) <= 512, "fits one atomic pipe write");

/* All return -1, so that `return err_sys(e, ...)` is the failing path. Text: lower case, no full stop,
 * error first, values in single quotes, a hint after ';' when the user can act. */
int err_set(struct err *e, enum fail code, const char *fmt, ...) PRINTF_LIKE(3, 4);
int err_sys(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3); /* appends ": " + errno text */
int err_http(struct err *e, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);
int err_wrap(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3); /* adds one level to ctx */
#ifdef __clang_analyzer__ /* it looks into one file at a time: tell it the result */
#    define err_set(...)  ((void)err_set(__VA_ARGS__), -1)
#    define err_sys(...)  ((void)err_sys(__VA_ARGS__), -1)
#    define err_http(...) ((void)err_http(__VA_ARGS__), -1)
#    define err_wrap(...) ((void)err_wrap(__VA_ARGS__), -1)
#endif

#define ERR_MAX_TEXT 8192U /* bytes of a cause with its zero; what is longer is cut */
/* The cause as a whole. Each thread keeps one that is longer than msg, the last: of an older one, or of another
 * thread's, this is msg. Lent until the thread's next failure. */
const char *err_whole(const struct err *e);
/* "ctx: msg" or "msg" (the whole of it, as above), control characters escaped as \xNN; always NUL-terminated, at most n - 1 bytes. */
const char *err_text(const struct err *e, char *dst, size_t n);
/* Prints "gantry: error: <text>" as one line on standard error. */
void err_print(const struct err *e);

#endif
