/* SPDX-License-Identifier: Apache-2.0
 *
 * Step summaries (spec logs 7.5): which ones were uploaded, and the events that tell them when the job ends, so
 * that they come in one place and in the order of their steps. */
#include "runner/service/svc_priv.h"

#include <jansson.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"

#define SUMMARIES_MAX     256U       /* Ours: uploads remembered a job */
#define SUMMARY_MAX_BYTES (1U << 20) /* the limit that the service states */

void summary_uploaded(struct leg *l, const char *step_id)
{
    for (size_t i = 0; i < l->summaries.n; i++)
        if (strcmp(l->summaries.v[i], step_id) == 0)
            return; /* uploaded again */
    if (l->summaries.n < SUMMARIES_MAX)
        strv_add(&l->summaries, step_id);
}

static const struct step *step_of(const struct leg *l, const char *id)
{
    for (size_t i = 0; i < l->n_steps; i++)
        if (l->steps[i] != NULL && strcmp(l->steps[i]->external_id, id) == 0)
            return l->steps[i];
    return NULL; /* of a composite action's own step */
}

static int read_summary(const struct leg *l, const char *id, char *text, size_t *n, bool *cut,
                        struct err *e)
{
    AUTO(buf_free) struct buf name = BUF_INIT(512);
    AUTO(auto_fd) int fd = -1;
    uint64_t size;
    ssize_t got;

    blob_log_name(&name, l, id, "summary");
    if (blob_open(l->run->svc, name.p, &fd, &size, e) < 0)
        return -1;
    *cut = size > SUMMARY_MAX_BYTES;
    got = fd_read_full(fd, text, *cut ? SUMMARY_MAX_BYTES : (size_t)size, e);
    if (got < 0)
        return -1;
    *n = (size_t)got;
    return 0;
}

static void report(const struct leg *l, const char *id, char *text)
{
    const struct step *st = step_of(l, id);
    bool cut = false;
    struct err e;
    json_t *o;
    size_t n;

    if (read_summary(l, id, text, &n, &cut, &e) < 0) {
        log_error("service", "summary", "error=%s", e.msg);
        return;
    }
    o = event_job(l, "summary");
    (void)json_object_set_new(o, "step", st != NULL ? json_integer(st->number) : json_null());
    svc_set_text(o, "id", st != NULL ? st->context_name : NULL);
    svc_set_text(o, "step_name", st != NULL ? st->name : NULL);
    (void)json_object_set_new(o, "text", jx_str_new((struct sv){text, n}));
    if (cut)
        (void)json_object_set_new(o, "truncated", json_true());
    evlog_add(l->run->events, o);
}

/* Those of a composite action's own steps, whose number nobody tells, come first. */
static int64_t number_of(const struct leg *l, const char *id)
{
    const struct step *st = step_of(l, id);

    return st != NULL ? st->number : 0;
}

void summaries_report(const struct leg *l)
{
    AUTO(auto_free) char *text = NULL;
    const char *ids[SUMMARIES_MAX];

    for (size_t i = 0; i < l->summaries.n; i++) {
        size_t at = i;
        for (; at > 0 && number_of(l, ids[at - 1]) > number_of(l, l->summaries.v[i]); at--)
            ids[at] = ids[at - 1];
        ids[at] = l->summaries.v[i];
    }
    if (l->summaries.n > 0)
        text = xmalloc(SUMMARY_MAX_BYTES);
    for (size_t i = 0; i < l->summaries.n; i++)
        report(l, ids[i], text);
}
