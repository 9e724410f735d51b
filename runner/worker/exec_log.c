/* SPDX-License-Identifier: Apache-2.0
 *
 * The lines and issues that the worker itself writes into a step's log. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "runner/worker/exec.h"
#include "runner/worker/worker.h"

enum { LOG_TEXT_MAX = 16 << 20 }; /* ours: of one formatted text; inputs are bounded before */

void exec_log(struct exec *x, struct sv text)
{
    spool_tick(x->w->spool);
    spool_line(x->w->spool, x->rec, text);
}

static struct buf format(const char *fmt, va_list ap) PRINTF_LIKE(1, 0);
static struct buf format(const char *fmt, va_list ap)
{
    struct buf b = BUF_INIT(LOG_TEXT_MAX);

    buf_addvf(&b, fmt, ap);
    return b;
}

void exec_logf(struct exec *x, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    AUTO(buf_free) struct buf b = format(fmt, ap);
    va_end(ap);
    exec_log(x, buf_sv(&b));
}

void exec_debug(struct exec *x, struct sv text)
{
    AUTO(buf_free) struct buf b = BUF_INIT(LOG_TEXT_MAX);
    struct sv line;

    if (!x->w->step_debug)
        return;
    while (sv_next(&text, '\n', &line)) { /* one tagged line each (spec logs 4.1) */
        if (text.p != NULL && sv_ends(line, SV("\r")))
            line.n--;
        buf_reset(&b);
        buf_adds(&b, "##[debug]");
        buf_addsv(&b, line);
        exec_log(x, buf_sv(&b));
    }
}

void exec_debugf(struct exec *x, const char *fmt, ...)
{
    va_list ap;

    if (!x->w->step_debug)
        return;
    va_start(ap, fmt);
    AUTO(buf_free) struct buf b = format(fmt, ap);
    va_end(ap);
    exec_debug(x, buf_sv(&b));
}

char *exec_masked(struct exec *x, struct sv text)
{
    struct buf b = BUF_INIT(LOG_TEXT_MAX);

    mask_apply(x->w->mask, text, &b);
    b.over = false; /* a text this long is cut below anyway */
    return buf_take(&b, NULL);
}

/* Cuts at a number of UTF-16 units, never inside a character. */
static void cut_units(char *s, size_t max)
{
    struct sv rest = sv_of(s);
    size_t units = 0, n;
    unsigned code;

    if (rest.n <= max) /* no text has more units than bytes */
        return;
    while ((n = utf8_next(&rest, &code)) > 0) {
        units += code >= 0x10000 ? 2 : 1;
        if (units > max) {
            s[(size_t)(rest.p - s) - n] = '\0';
            return;
        }
    }
}

static const char *const level_names[] = {
    [ISSUE_NOTICE] = "notice", [ISSUE_WARNING] = "warning", [ISSUE_ERROR] = "error"};

void exec_issue(struct exec *x, enum issue_level level, struct sv message,
                const struct issue_props *p)
{
    static const struct issue_props none = {.line = 0};
    struct issue i = {.level = level};

    if (p == NULL)
        p = &none;
    i.message = exec_masked(x, message);
    cut_units(i.message, ISSUE_MESSAGE_UNITS);
    i.title = p->title.n > 0 ? exec_masked(x, p->title) : NULL;
    i.file = p->file.n > 0 ? exec_masked(x, p->file) : NULL;
    i.line = p->line;
    i.end_line = p->end_line;
    i.col = p->col;
    i.end_col = p->end_col;
    i.infrastructure = p->infrastructure;
    if (p->infrastructure != NULL && x->w->infrastructure == NULL)
        x->w->infrastructure = p->infrastructure;
    i.log_line = (int64_t)(x->rec != NULL ? x->rec->lines : spool_lines(x->w->spool)) + 1;
    AUTO(buf_free) struct buf line = BUF_INIT(LOG_TEXT_MAX);
    buf_addf(&line, "##[%s]", level_names[level]);
    buf_addsv(&line, p->log_text.p != NULL ? p->log_text : sv_of(i.message));
    exec_log(x, buf_sv(&line));
    if (x->rec != NULL)
        record_add_issue(x->rec, &i);
    else
        issue_done(&i);
}

void exec_errorf(struct exec *x, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    AUTO(buf_free) struct buf b = format(fmt, ap);
    va_end(ap);
    exec_issue(x, ISSUE_ERROR, buf_sv(&b), NULL);
}

void exec_warningf(struct exec *x, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    AUTO(buf_free) struct buf b = format(fmt, ap);
    va_end(ap);
    exec_issue(x, ISSUE_WARNING, buf_sv(&b), NULL);
}

/* Paths in errors are the job's; where there is no space is a folder of the host. */
static void add_place(const struct exec *x, struct buf *b)
{
    char path[PATH_MAX];
    ssize_t n = readlink(x->w->hello.actions_host, path, sizeof path);
    struct sv host = n > 0 ? (struct sv){path, (size_t)n} : sv_of(x->w->hello.actions_host);

    if (sv_starts(host, SV("/")))
        buf_addf(b, " (the job lies in '" SV_FMT "')", SV_ARG(path_dir(host)));
}

void exec_error(struct exec *x, const struct err *e)
{
    AUTO(buf_free) struct buf masked = BUF_INIT(LOG_TEXT_MAX);
    char text[ERR_MAX_TEXT];

    /* What an error quotes was cut before it could be masked. */
    mask_apply_cut(x->w->mask, sv_of(err_text(e, text, sizeof text)), &masked);
    if (e->sys == ENOSPC || e->sys == EDQUOT)
        add_place(x, &masked);
    exec_errorf(x, "%s", masked.p);
}
