/* SPDX-License-Identifier: Apache-2.0
 *
 * Filling and printing of struct err. The text is cut at the size of its field, at a UTF-8 boundary; what was longer is
 * kept beside it for the thread's last such error. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Cuts s[0..len) back so that it does not end inside a UTF-8 sequence. */
static void trim_utf8(char *s, size_t len)
{
    size_t i = len;

    while (i > 0 && ((unsigned char)s[i - 1] & 0xC0U) == 0x80U)
        i--;
    if (i > 0 && (unsigned char)s[i - 1] >= 0xC0U)
        s[i - 1] = '\0';
}

/* As vsnprintf(), but cut at a character. */
static int format_into(char *dst, size_t size, const char *fmt, va_list ap) PRINTF_LIKE(3, 0);
static int format_into(char *dst, size_t size, const char *fmt, va_list ap)
{
    int n = vsnprintf(dst, size, fmt, ap);

    if (n < 0)
        dst[0] = '\0';
    else if ((size_t)n >= size)
        trim_utf8(dst, size - 1);
    return n;
}

static void start(struct err *e, enum fail code, int sys, int http)
{
    e->code = code;
    e->sys = sys;
    e->http = http;
    e->ctx[0] = '\0';
}

/* A struct err is on many stacks and in many records: a long text is kept beside it. */
static _Thread_local struct {
    unsigned id;
    char text[ERR_MAX_TEXT];
} longest;

/* The arguments may point into the text that is kept, hence the local copy. */
static __attribute__((noinline)) void keep_whole(struct err *e, const char *fmt, va_list ap)
    PRINTF_LIKE(2, 0);
static void keep_whole(struct err *e, const char *fmt, va_list ap)
{
    static atomic_uint last_id; /* of all threads: an error may be looked at by another one */
    char text[ERR_MAX_TEXT];

    format_into(text, sizeof text, fmt, ap);
    memcpy(longest.text, text, sizeof text);
    do
        longest.id = atomic_fetch_add(&last_id, 1) + 1;
    while (longest.id == 0);
    e->whole = longest.id;
}

const char *err_whole(const struct err *e)
{
    return e->whole != 0 && e->whole == longest.id ? longest.text : e->msg;
}

/* The arguments may point into *e itself (an error reported again), hence the local copy. */
static void set_msg(struct err *e, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
static void set_msg(struct err *e, const char *fmt, va_list ap)
{
    char msg[sizeof e->msg];
    va_list again;

    va_copy(again, ap);
    int n = format_into(msg, sizeof msg, fmt, ap);
    if (n >= (int)sizeof msg)
        keep_whole(e, fmt, again);
    else
        e->whole = 0;
    va_end(again);
    memcpy(e->msg, msg, sizeof msg);
}

/* Puts the tail behind the text, which gives way where there is no room for both. */
static void append(char *text, size_t size, const char *tail)
{
    size_t n = strlen(tail), at = strlen(text);

    if (at > size - 1 - n) {
        at = size - 1 - n;
        text[at] = '\0';
        trim_utf8(text, at);
        at = strlen(text);
    }
    memcpy(text + at, tail, n + 1);
}

int(err_set)(struct err *e, enum fail code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_msg(e, fmt, ap);
    va_end(ap);
    start(e, code, 0, 0);
    return -1;
}

int(err_sys)(struct err *e, const char *fmt, ...)
{
    int sys = errno;
    const char *text = strerrordesc_np(sys);
    va_list ap;

    va_start(ap, fmt);
    set_msg(e, fmt, ap);
    va_end(ap);
    start(e, FAIL_SYS, sys, 0);
    /* The errno text matters more than the end of a long subject. */
    char tail[80];
    (void)snprintf(tail, sizeof tail, ": %s", text != NULL ? text : "unknown error");
    append(e->msg, sizeof e->msg, tail);
    if (e->whole != 0)
        append(longest.text, sizeof longest.text, tail);
    errno = sys;
    return -1;
}

int(err_http)(struct err *e, int status, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_msg(e, fmt, ap);
    va_end(ap);
    start(e, FAIL_HTTP, 0, status);
    return -1;
}

int(err_wrap)(struct err *e, const char *fmt, ...)
{
    char ctx[sizeof e->ctx];
    va_list ap;

    va_start(ap, fmt);
    (void)format_into(ctx, sizeof ctx, fmt, ap);
    va_end(ap);
    size_t n = strlen(ctx);
    if (e->ctx[0] != '\0' && n + 2 < sizeof ctx) {
        int m = snprintf(ctx + n, sizeof ctx - n, ": %s", e->ctx);
        if (m >= 0 && (size_t)m >= sizeof ctx - n)
            trim_utf8(ctx, sizeof ctx - 1);
    }
    memcpy(e->ctx, ctx, sizeof ctx);
    return -1;
}

static size_t escape_into(char *dst, size_t at, size_t size, const char *s)
{
    static const char hex[] = "0123456789abcdef";

    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        bool plain = c >= 0x20 && c != 0x7F;
        size_t need = plain ? 1 : 4;
        if (at + need > size - 1)
            break;
        if (plain) {
            dst[at++] = (char)c;
            continue;
        }
        dst[at++] = '\\';
        dst[at++] = 'x';
        dst[at++] = hex[c >> 4];
        dst[at++] = hex[c & 15];
    }
    return at;
}

/* What to do about it, where the cause alone tells; a text that says so itself has its own. */
static const char *remedy(const struct err *e)
{
    if (strstr(err_whole(e), "; ") != NULL)
        return "";
    if (e->sys == ENOSPC || e->sys == EDQUOT)
        return "; free some space and run again";
    if (e->sys == EMFILE)
        return "; raise the limit of open files (ulimit -n)";
    return "";
}

const char *err_text(const struct err *e, char *dst, size_t n)
{
    size_t at = 0;

    if (n == 0)
        return "";
    if (e->ctx[0] != '\0') {
        at = escape_into(dst, at, n, e->ctx);
        at = escape_into(dst, at, n, ": ");
    }
    at = escape_into(dst, at, n, err_whole(e));
    at = escape_into(dst, at, n, remedy(e));
    dst[at] = '\0';
    trim_utf8(dst, at == n - 1 ? at : 0);
    return dst;
}

void err_print(const struct err *e)
{
    char text[4 * (sizeof e->ctx + ERR_MAX_TEXT) + 80];

    (void)fprintf(stderr, "gantry: error: %s\n", err_text(e, text, sizeof text));
}
