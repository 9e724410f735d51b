/* SPDX-License-Identifier: Apache-2.0
 *
 * Vector of owned strings; v[n] is NULL at all times. */
#include "base/strv.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

char *strv_empty[1];

void strv_free(struct strv *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->v[i]);
    if (s->cap > 0)
        free(s->v);
    *s = STRV_INIT;
}

void strv_own(struct strv *s, char *own_str)
{
    if (s->n + 2 > s->cap) {
        size_t cap = s->cap < 8 ? 8 : s->cap * 2;
        s->v = xreallocarray(s->cap > 0 ? s->v : NULL, cap, sizeof *s->v);
        s->cap = cap;
    }
    s->v[s->n++] = own_str;
    s->v[s->n] = NULL;
}

void strv_add(struct strv *s, const char *str)
{
    strv_own(s, xstrdup(str));
}

void strv_addsv(struct strv *s, struct sv str)
{
    strv_own(s, sv_dup(str));
}

void strv_addf(struct strv *s, const char *fmt, ...)
{
    char *p = NULL;
    va_list ap;

    va_start(ap, fmt);
    int n = vasprintf(&p, fmt, ap);
    va_end(ap);
    BUG(n < 0);
    strv_own(s, p);
}

/* Index of the entry NAME=..., or s->n. */
static size_t find_env(const struct strv *s, struct sv name)
{
    for (size_t i = 0; i < s->n; i++)
        if (strncmp(s->v[i], name.p, name.n) == 0 && s->v[i][name.n] == '=')
            return i;
    return s->n;
}

void strv_setenv(struct strv *s, struct sv name, struct sv value)
{
    size_t i = find_env(s, name);
    char *entry = xmalloc(name.n + value.n + 2);

    if (name.n > 0)
        memcpy(entry, name.p, name.n);
    entry[name.n] = '=';
    if (value.n > 0)
        memcpy(entry + name.n + 1, value.p, value.n);
    entry[name.n + 1 + value.n] = '\0';
    if (i == s->n) {
        strv_own(s, entry);
        return;
    }
    free(s->v[i]);
    s->v[i] = entry;
}

const char *strv_getenv(const struct strv *s, const char *name)
{
    struct sv n = sv_of(name);
    size_t i = find_env(s, n);

    return i < s->n ? s->v[i] + n.n + 1 : NULL;
}
