/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps of a running job as the protocol tells them (step updates, live feed, uploaded logs), turned into
 * events in one order: start, every log line once, end; and one step after the other. */
#include "runner/service/svc_priv.h"

#include <jansson.h>

#include "base/clock.h"
#include "base/event_stream.h"
#include "base/log.h"
#include "base/mem.h"

#define STEP_PENDING     5
#define STEP_IN_PROGRESS 3
#define STEP_COMPLETED   6
#define STEP_SKIPPED     7 /* conclusion */

#define STEPS_MAX 5000U /* of one job */
void step_free(struct step *st)
{
    if (st == NULL)
        return;
    step_log_forget(st);
    free(st->waiting);
    free(st->name);
    free(st->context_name);
    free(st->outcome);
    json_decref(st->outputs);
    free(st);
}

static int by_number(const void *a, const void *b)
{
    int64_t x = (*(struct step *const *)a)->number, y = (*(struct step *const *)b)->number;

    return x < y ? -1 : x > y;
}

/* After a restart a step may be there twice: by number from the events, by id from the job message. */
static void merge_named(struct leg *l, struct step *st, const char *external_id)
{
    for (size_t i = 0; i < l->n_steps; i++) {
        struct step *other = l->steps[i];
        if (other == st || external_id[0] == '\0' || other->number != 0 ||
            !sv_ieq(sv_of(other->external_id), sv_of(external_id)))
            continue;
        if (st->context_name == NULL)
            st->context_name = TAKE_PTR(other->context_name);
        if (other->log_size > st->log_size)
            st->log_size = other->log_size;
        st->log_uploaded = st->log_uploaded || other->log_uploaded;
        step_free(other);
        memmove(l->steps + i, l->steps + i + 1, (--l->n_steps - i) * sizeof(struct step *));
        return;
    }
}

struct step *step_get(struct leg *l, const char *external_id, int64_t number)
{
    struct step *st = NULL;

    for (size_t i = 0; i < l->n_steps && st == NULL && number > 0; i++)
        if (l->steps[i]->external_id[0] == '\0' && l->steps[i]->number == number)
            st = l->steps[i]; /* known from before a restart */
    if (st != NULL)
        merge_named(l, st, external_id);
    for (size_t i = 0; i < l->n_steps && st == NULL && external_id[0] != '\0'; i++)
        if (sv_ieq(sv_of(l->steps[i]->external_id), sv_of(external_id)))
            st = l->steps[i];
    if (st == NULL) {
        if (l->n_steps >= STEPS_MAX)
            return NULL;
        st = xcalloc(1, sizeof *st);
        st->status = STEP_PENDING;
        step_log_init(st);
        GROW(l->steps, l->steps_cap, l->n_steps + 1);
        l->steps[l->n_steps++] = st;
    }
    if (st->external_id[0] == '\0' && strlen(external_id) < sizeof st->external_id)
        for (size_t i = 0; i <= strlen(external_id); i++)
            st->external_id[i] = ch_lower(external_id[i]);
    if (number > 0 && number != st->number) {
        st->number = number;
        qsort(l->steps, l->n_steps, sizeof(struct step *), by_number);
    }
    return st;
}

static int status_of(const json_t *v)
{
    struct sv t;

    if (json_is_integer(v))
        return (int)(json_integer_value(v) & 0xff);
    t = sv_of(json_string_value(v));
    if (sv_ieq(t, SV("completed")))
        return STEP_COMPLETED;
    return sv_ieq(t, SV("inProgress")) ? STEP_IN_PROGRESS : STEP_PENDING;
}

static int conclusion_of(const json_t *v)
{
    struct sv t;

    if (json_is_integer(v))
        return (int)(json_integer_value(v) & 0xff);
    t = sv_of(json_string_value(v));
    if (sv_ieq(t, SV("succeeded")) || sv_ieq(t, SV("succeededWithIssues")))
        return 2;
    if (sv_ieq(t, SV("canceled")))
        return 4;
    return sv_ieq(t, SV("skipped")) ? STEP_SKIPPED : 3;
}

static void take_time(const json_t *o, const char *key, int64_t *out)
{
    struct sv t = jx_str(o, key, "");
    struct err e;

    if (t.n > 0 && tm_parse(t, out, &e) < 0)
        log_debug("service", "step-time", "error=%s", e.msg); /* shown as 0 ms */
}

static int rank(int status)
{
    return status == STEP_COMPLETED ? 2 : status == STEP_IN_PROGRESS ? 1 : 0;
}

/* One element of WorkflowStepsUpdate, or of completejob's stepResults (final). */
void step_update(struct leg *l, const json_t *o, bool final)
{
    struct sv ext = jx_str(o, "external_id", "");
    struct sv name = jx_str(o, "name", "");
    struct sv outcome = jx_str(o, "outcome", "");
    char id[UUID_TEXT_SIZE];
    struct step *st;
    int status;

    if (!json_is_object(o) || ext.n == 0 || ext.n >= sizeof id)
        return;
    memcpy(id, ext.p, ext.n);
    id[ext.n] = '\0';
    st = step_get(l, id, jx_int(o, "number", 0));
    if (st == NULL || st->told_completed)
        return;
    status = final ? STEP_COMPLETED : status_of(jx_iget(o, "status"));
    if (name.n > 0) {
        free(st->name);
        st->name = sv_dup(name);
    }
    take_time(o, "started_at", &st->started_ms);
    take_time(o, "completed_at", &st->completed_ms);
    if (rank(status) >= rank(st->status)) {
        if (status == STEP_COMPLETED && st->status != STEP_COMPLETED)
            st->done_ms = tm_now_ms();
        st->status = status;
        st->conclusion = conclusion_of(jx_iget(o, "conclusion"));
    }
    if (outcome.n > 0) {
        free(st->outcome);
        st->outcome = sv_dup(outcome);
    }
    if (json_is_object(jx_get(o, "outputs"))) {
        json_decref(st->outputs);
        st->outputs = json_deep_copy(jx_get(o, "outputs"));
    }
    if (json_is_integer(jx_get(o, "log_lines")))
        st->total_lines = jx_int(o, "log_lines", -1);
}

static json_t *event_step(const struct leg *l, const struct step *st, const char *type)
{
    json_t *o = event_job(l, type);

    (void)json_object_set_new(o, "step", json_integer(st->number));
    svc_set_text(o, "id", st->context_name);
    svc_set_text(o, "step_name", st->name != NULL ? st->name : "");
    return o;
}

static bool log_complete(const struct step *st)
{
    return st->log_done || (st->total_lines >= 0 && st->next_line > (uint64_t)st->total_lines) ||
           (st->conclusion == STEP_SKIPPED && st->total_lines < 0);
}

static void tell_completed(struct leg *l, struct step *st)
{
    json_t *o = event_step(l, st, "step.completed");
    int64_t ms = st->completed_ms - st->started_ms;

    svc_set_text(o, "outcome", st->outcome != NULL ? st->outcome : conclusion_name(st->conclusion));
    svc_set_text(o, "conclusion", conclusion_name(st->conclusion));
    (void)json_object_set_new(o, "duration_ms",
                              json_integer(st->started_ms != 0 && ms > 0 ? ms : 0));
    (void)json_object_set_new(o, "outputs",
                              st->outputs != NULL ? json_incref(st->outputs) : json_object());
    evlog_add(l->run->events, o);
    st->told_completed = true;
    step_log_forget(st);
}

static bool exact_feed(const struct leg *l)
{
    return l->runner != NULL && l->runner->exact_feed;
}

/* False: the steps after this one have to wait. */
static bool advance(struct leg *l, struct step *st, bool finishing)
{
    if (st->status == STEP_PENDING)
        return true;
    if (!st->told_started) {
        st->told_started = true;
        evlog_add(l->run->events, event_step(l, st, "step.started"));
    }
    step_log_report(l, st, exact_feed(l) || finishing);
    if (st->status != STEP_COMPLETED)
        return true;
    if (finishing || log_complete(st)) {
        tell_completed(l, st);
        return true;
    }
    return tm_now_ms() - st->done_ms >= SVC_LOG_LATE_MS;
}

void steps_advance(struct leg *l, bool finishing)
{
    l->steps_wait_ms = -1;
    for (size_t i = 0; i < l->n_steps; i++) {
        struct step *st = l->steps[i];
        if (st->number <= 0 || st->told_completed)
            continue;
        if (!advance(l, st, finishing) && !finishing) {
            l->steps_wait_ms = st->done_ms + SVC_LOG_LATE_MS;
            return;
        }
    }
}

int64_t steps_deadline(const struct leg *l)
{
    return l->steps_wait_ms;
}

void step_log_uploaded(struct leg *l, struct step *st)
{
    st->log_uploaded = true;
    steps_advance(l, false);
}

/* A leg's steps as the events of a run that is restored say. */
void step_restore(struct leg *l, const json_t *event)
{
    struct sv type = jx_str(event, "type", "");
    int64_t number = jx_int(event, "step", 0);
    struct step *st = NULL;

    if (number <= 0)
        return;
    for (size_t i = 0; i < l->n_steps; i++)
        if (l->steps[i]->number == number)
            st = l->steps[i];
    if (st == NULL && sv_is(type, "step.started")) {
        struct sv id = jx_str(event, "id", "");
        st = step_get(l, "", number);
        if (st == NULL)
            return;
        st->context_name = id.n > 0 ? sv_dup(id) : NULL;
        st->name = sv_dup(jx_str(event, "step_name", ""));
        st->status = STEP_IN_PROGRESS;
        st->told_started = true;
    } else if (st != NULL && sv_is(type, "log")) {
        if (!jx_bool(event, "partial", false)) /* as it was written before there were blocks */
            st->next_line++;
    } else if (st != NULL && sv_is(type, "step.completed")) {
        st->status = STEP_COMPLETED;
        st->told_completed = true;
    }
}

void step_restore_lines(struct leg *l, const struct event_block *block)
{
    for (size_t i = 0; i < l->n_steps; i++)
        if (l->steps[i]->number == block->step && !block->partial)
            l->steps[i]->next_line += block->lines;
}
