/* SPDX-License-Identifier: Apache-2.0
 *
 * Ids of jobs and steps: their rules, generated ones, and the case-insensitive set that keeps them unique.
 * Source: actions/runner: src/Sdk/WorkflowParser/Conversion/IdBuilder.cs. */
#include <stdlib.h>

#include "actions/workflow_priv.h"
#include "base/mem.h"

static size_t slot_of(const struct nameset *s, struct sv name)
{
    uint64_t h = 1469598103934665603U;

    for (size_t i = 0; i < name.n; i++)
        h = (h ^ (unsigned char)ch_lower(name.p[i])) * 1099511628211U;
    size_t k = (size_t)(h ^ (h >> 32)) & (s->size - 1);
    while (s->v[k] != NULL && !sv_ieq(sv_of(s->v[k]), name))
        k = (k + 1) & (s->size - 1);
    return k;
}

void nameset_free(struct nameset *s)
{
    for (size_t i = 0; i < s->size; i++)
        free(s->v[i]);
    free(s->v);
    *s = (struct nameset){0};
}

static void grow(struct nameset *s)
{
    struct nameset old = *s;

    s->size = old.size == 0 ? 16 : 2 * old.size;
    s->v = xcalloc(s->size, sizeof *s->v);
    for (size_t i = 0; i < old.size; i++) {
        if (old.v[i] != NULL)
            s->v[slot_of(s, sv_of(old.v[i]))] = old.v[i];
    }
    free(old.v);
}

bool nameset_add(struct nameset *s, struct sv name)
{
    if (2 * (s->n + 1) > s->size)
        grow(s);
    size_t k = slot_of(s, name);
    if (s->v[k] != NULL)
        return false;
    s->v[k] = sv_dup(name);
    s->n++;
    return true;
}

bool nameset_has(const struct nameset *s, struct sv name)
{
    return s->size > 0 && s->v[slot_of(s, name)] != NULL;
}

bool nameset_has_exactly(const struct nameset *s, struct sv name)
{
    const char *found = s->size > 0 ? s->v[slot_of(s, name)] : NULL;

    return found != NULL && sv_is(name, found);
}

static bool legal(char c)
{
    return ch_is_alnum(c) || c == '_' || c == '-';
}

void wf_check_id(struct wf_reader *r, struct nameset *known, const struct tok *id)
{
    struct sv s = id->text;
    bool valid = s.n > 0 && s.n < WF_MAX_ID && !ch_is_digit(s.p[0]) && s.p[0] != '-';

    for (size_t i = 0; valid && i < s.n; i++)
        valid = legal(s.p[i]);
    if (!valid)
        wf_error_at(
            r, id,
            "The identifier '%.*s' is invalid. IDs may only contain alphanumeric "
            "characters, '_', and '-'. IDs must start with a letter or '_' and %smust be less "
            "than 100 characters.",
            SV_ARG(s), r->opt->edition == WF_EDITION_TODAY ? "" : "and ");
    else if (sv_starts(s, SV("__")))
        wf_error_at(r, id, "The identifier '%.*s' is invalid. IDs starting with '__' are reserved.",
                    SV_ARG(s));
    else if (!nameset_add(known, s))
        wf_error_at(r, id,
                    "The identifier '%.*s' may not be used more than once within the same scope.",
                    SV_ARG(s));
}

static void add_segment(struct buf *b, struct sv s)
{
    if (s.n == 0)
        return;
    if (b->len > 0 || ch_is_digit(s.p[0]) || s.p[0] == '-')
        buf_addc(b, '_');
    for (size_t i = 0; i < s.n;) {
        struct sv rest = sv_sub(s, i, SV_NPOS);
        unsigned code;
        size_t n = utf8_next(&rest, &code);
        buf_addc(b, (char)(n == 1 && legal(s.p[i]) ? s.p[i] : '_'));
        if (code > 0xFFFF) /* the official one walks UTF-16 */
            buf_addc(b, '_');
        i += n;
    }
}

char *wf_make_id(struct nameset *used, const struct sv *segments, size_t n, bool reserved_ok)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1U << 20);

    for (size_t i = 0; i < n; i++)
        add_segment(&b, segments[i]);
    if (b.len == 0)
        buf_adds(&b, "job");
    struct sv name = buf_sv(&b);
    if (!reserved_ok && sv_starts(name, SV("__"))) {
        while (name.n > 1 && name.p[1] == '_')
            name = sv_sub(name, 1, SV_NPOS); /* one underscore stays */
    }
    for (unsigned attempt = 1; attempt < 1000; attempt++) {
        AUTO(buf_free) struct buf id = BUF_INIT(WF_MAX_ID);
        AUTO(buf_free) struct buf suffix = BUF_INIT(8);
        if (attempt > 1)
            buf_addf(&suffix, "%s%u", !reserved_ok && sv_is(name, "_") ? "" : "_", attempt);
        buf_addsv(&id, sv_sub(name, 0, WF_MAX_ID - suffix.len));
        buf_addsv(&id, buf_sv(&suffix));
        if (nameset_add(used, buf_sv(&id)))
            return buf_take(&id, NULL);
    }
    return NULL;
}
