/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of errors of a load and their official form (spec expressions 2.6). Source: actions/runner:
 * src/Sdk/WorkflowParser/ObjectTemplating/{TemplateContext,TemplateValidationErrors}.cs. */
#include <stdarg.h>
#include <stdlib.h>

#include "actions/workflow_priv.h"
#include "base/mem.h"

#define MAX_TEXT ((size_t)4 << 20) /* ours: above the longest file, before the cut */

bool wf_errors_full(const struct wf_errors *l)
{
    return l->n >= (l->max > 0 ? l->max : WF_MAX_ERRORS);
}

void wf_errors_free(struct wf_errors *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->v[i].file);
        free(l->v[i].text);
        free(l->v[i].caller);
    }
    free(l->v);
    *l = (struct wf_errors){0};
}

static void add_place(struct buf *b, const char *file, unsigned line, unsigned col,
                      enum wf_place place)
{
    switch (place) {
    case WF_AT_TOKEN:
        buf_addf(b, "%s (Line: %u, Col: %u): ", file, line, col);
        return;
    case WF_AT_FILE:
        buf_addf(b, "%s: ", file);
        return;
    case WF_NOWHERE:
        return;
    }
}

void wf_error_message(const struct wf_error *x, struct buf *b)
{
    if (x->caller != NULL)
        buf_addf(b, "%s ", x->caller);
    add_place(b, x->file, x->line, x->col, x->place);
    buf_adds(b, x->text);
}

const char *wf_error_plain(const struct wf_error *x)
{
    struct sv text = sv_of(x->text), marks = SV(": While ");
    size_t at;

    if (x->place != WF_AT_FILE || !sv_starts(text, SV("(Line: ")))
        return x->text;
    at = sv_find(text, marks);
    if (at == SV_NPOS)
        at =
            sv_find(text, SV("): ")) + 1; /* of the second mark: the first is followed by ") - (" */
    return x->text + at + 2;
}

/* The longest start of s that has at most `units` UTF-16 units. */
static struct sv cut(struct sv s, size_t units)
{
    struct sv rest = s;
    unsigned code;

    while (rest.n > 0) {
        struct sv next = rest;
        (void)utf8_next(&next, &code);
        size_t need = code > 0xFFFF ? 2 : 1;
        if (need > units)
            break;
        units -= need;
        rest = next;
    }
    return sv_sub(s, 0, s.n - rest.n);
}

/* The longest start of s that has at most `bytes` bytes and ends with a character. */
static struct sv cut_bytes(struct sv s, size_t bytes)
{
    while (bytes > 0 && ((unsigned char)s.p[bytes] & 0xC0U) == 0x80U)
        bytes--;
    return sv_sub(s, 0, bytes);
}

static void add(struct wf_errors *l, const char *file, unsigned line, unsigned col,
                enum wf_place place, const char *fmt, va_list ap) PRINTF_LIKE(6, 0);
static void add(struct wf_errors *l, const char *file, unsigned line, unsigned col,
                enum wf_place place, const char *fmt, va_list ap)
{
    AUTO(buf_free) struct buf text = BUF_INIT(MAX_TEXT);
    AUTO(buf_free) struct buf prefix = BUF_INIT(MAX_TEXT);

    if (wf_errors_full(l))
        return;
    file = file != NULL ? file : "";
    buf_addvf(&text, fmt, ap);
    add_place(&prefix, file, line, col, place);
    size_t used = utf8_utf16_len(buf_sv(&prefix));
    if (l->whole) {
        if (text.len >= ERR_MAX_TEXT) {
            text.len = cut_bytes(buf_sv(&text), ERR_MAX_TEXT - 1).n;
            buf_adds(&text, "[...]");
        }
    } else if (used + utf8_utf16_len(buf_sv(&text)) > WF_MAX_MESSAGE) {
        size_t room = used < WF_MAX_MESSAGE ? WF_MAX_MESSAGE - used : 0;
        text.len = cut(buf_sv(&text), room).n;
        buf_adds(&text, "[...]");
    }
    GROW(l->v, l->cap, l->n + 1);
    l->v[l->n++] = (struct wf_error){
        .file = xstrdup(file),
        .line = line,
        .col = col,
        .place = place,
        .text = buf_take(&text, NULL),
    };
}

void wf_errors_addf(struct wf_errors *l, const char *file, unsigned line, unsigned col,
                    const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add(l, file, line, col, WF_AT_TOKEN, fmt, ap);
    va_end(ap);
}

/* A token of another file of the load has its own file's name. */
static const char *file_of(const struct wf_reader *r, const struct tok *t)
{
    if (t->file == 0 || t->file == r->index || t->file > r->n_files)
        return r->file;
    return r->files[t->file - 1];
}

void wf_error_at(struct wf_reader *r, const struct tok *where, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add(r->errors, file_of(r, where), where->line, where->col, WF_AT_TOKEN, fmt, ap);
    va_end(ap);
}

void wf_error_in(struct wf_reader *r, enum wf_place place, unsigned line, unsigned col,
                 const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add(r->errors, r->file, line, col, place, fmt, ap);
    va_end(ap);
}

void wf_stop(struct wf_reader *r, enum wf_place place, unsigned line, unsigned col, const char *fmt,
             ...)
{
    va_list ap;

    if (r->stopped)
        return;
    r->stopped = true;
    va_start(ap, fmt);
    add(r->errors, r->file, line, col, place, fmt, ap);
    va_end(ap);
}

int wf_errors_summary(const struct wf_errors *l, const char *file, struct err *e)
{
    return err_set(e, FAIL_INPUT, "%zu error%s in '%.200s'", l->n, l->n == 1 ? "" : "s", file);
}
