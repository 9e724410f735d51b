/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps of a running job as the protocol tells them (step updates, live feed, uploaded logs), turned into
 * events in one order: start, every log line once, end; and one step after the other. */
#include "runner/service/svc_priv.h"

#include <jansson.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"

#define STEP_PENDING     5
#define STEP_IN_PROGRESS 3
#define STEP_COMPLETED   6
#define STEP_SKIPPED     7 /* conclusion */

#define STEPS_MAX 5000U /* of one job */
#define LINE_COST 32U   /* of a waiting line beside its text: empty ones cost memory too */
#define STEP_WAITING_BYTES \
    (8U << 20)                      /* feed lines that wait; the uploaded log has what is dropped */
#define FEED_CUT_UNITS  1027U       /* 1,024 units and "...": logs 5.1 */
#define STAMP_BYTES     29U         /* "2026-03-04T05:06:07.1234567Z " */
#define LOG_PIECE_BYTES (12U << 20) /* Ours: a longer line comes in several events */
#define LOG_READ_BYTES  (256U << 10)

void step_free(struct step *st)
{
    if (st == NULL)
        return;
    for (size_t i = 0; i < st->n_waiting; i++)
        strv_free(&st->waiting[i].lines);
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
        st->next_line = 1;
        st->total_lines = -1;
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

static void drop_waiting(struct step *st)
{
    for (size_t i = 0; i < st->n_waiting; i++)
        strv_free(&st->waiting[i].lines);
    st->n_waiting = 0;
    st->waiting_bytes = 0;
}

/* Lines of the feed that continue exactly where the log is. exact: a batch has no holes inside; otherwise only a
 * batch that the next one follows seamlessly is known to have none. */
static void use_feed(struct leg *l, struct step *st, bool exact)
{
    size_t used = 0;

    while (used < st->n_waiting) {
        struct step_lines *b = &st->waiting[used];
        uint64_t end = b->first + b->lines.n;
        if (end <= st->next_line) {
            used++;
            continue;
        }
        if (b->first > st->next_line ||
            (!exact && (used + 1 >= st->n_waiting || st->waiting[used + 1].first != end)))
            break;
        for (size_t i = (size_t)(st->next_line - b->first); i < b->lines.n; i++)
            evlog_line(l->run->events, l, st->number, sv_of(b->lines.v[i]), false);
        st->next_line = end;
        used++;
    }
    for (size_t i = 0; i < used; i++) {
        for (size_t k = 0; k < st->waiting[i].lines.n; k++)
            st->waiting_bytes -= strlen(st->waiting[i].lines.v[k]) + LINE_COST;
        strv_free(&st->waiting[i].lines);
    }
    if (used > 0)
        memmove(st->waiting, st->waiting + used, (st->n_waiting - used) * sizeof *st->waiting);
    st->n_waiting -= used;
}

static bool is_stamp(struct sv s)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddddddZ ";

    if (s.n < STAMP_BYTES)
        return false;
    for (size_t i = 0; i < STAMP_BYTES; i++)
        if (form[i] == 'd' ? !ch_is_digit(s.p[i]) : s.p[i] != form[i])
            return false;
    return true;
}

/* The uploaded log as it is read. */
struct upload_reader {
    struct buf text;
    uint64_t number; /* of the line at the front of text */
    size_t seen;     /* bytes of text that hold no line end */
    bool inside;     /* its start was told already */
};

/* A physical line of an uploaded log, or a part of one. Blocks may begin with a BOM (logs 4.2). */
static void use_line(struct leg *l, struct step *st, const struct upload_reader *u, struct sv line,
                     bool partial)
{
    if (u->number < st->next_line)
        return;
    while (!u->inside && sv_starts(line, SV("\xef\xbb\xbf")))
        line = sv_sub(line, 3, line.n);
    if (!u->inside && is_stamp(line))
        line = sv_sub(line, STAMP_BYTES, line.n);
    if (!partial && line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    evlog_line(l->run->events, l, st->number, line, partial);
    if (!partial)
        st->next_line = u->number + 1;
}

/* All whole lines of what was read; the start of one that is too long to be held, cut between characters. */
static void use_text(struct leg *l, struct step *st, struct upload_reader *u)
{
    struct sv rest = buf_sv(&u->text);
    size_t cut;

    while ((cut = sv_chr(sv_sub(rest, u->seen, rest.n), '\n')) != SV_NPOS) {
        cut += u->seen;
        u->seen = 0;
        use_line(l, st, u, sv_sub(rest, 0, cut), false);
        rest = sv_sub(rest, cut + 1, rest.n);
        u->number++;
        u->inside = false;
    }
    if (rest.n > LOG_PIECE_BYTES) {
        cut = rest.n - 1; /* one byte stays: it may be a CR before the LF */
        for (unsigned i = 0; i < 3 && ((unsigned char)rest.p[cut] & 0xc0) == 0x80; i++)
            cut--;
        use_line(l, st, u, sv_sub(rest, 0, cut), true);
        rest = sv_sub(rest, cut, rest.n);
        u->inside = true;
    }
    u->seen = rest.n;
    buf_consume(&u->text, u->text.len - rest.n);
}

/* The uploaded log is the truth: what the feed did not bring is reported from it. */
static void use_upload(struct leg *l, struct step *st)
{
    AUTO(buf_free) struct buf name = BUF_INIT(512);
    struct upload_reader u = {.text = BUF_INIT(LOG_PIECE_BYTES + 4U * LOG_READ_BYTES), .number = 1};
    AUTO(auto_fd) int fd = -1;
    uint64_t size = 0, at = 0;
    struct err e;

    blob_log_name(&name, l, st->external_id, "step");
    if (blob_open(l->run->svc, name.p, &fd, &size, &e) < 0) {
        log_warn("service", "log", "job=%s step=%lld error=%s", l->name, (long long)st->number,
                 e.msg);
        return;
    }
    while (at < size) {
        char *room = buf_room(&u.text, LOG_READ_BYTES);
        ssize_t n = room != NULL ? pread(fd, room, LOG_READ_BYTES, (off_t)at) : -1;
        if (n <= 0)
            break;
        buf_grew(&u.text, (size_t)n);
        at += (uint64_t)n;
        use_text(l, st, &u);
    }
    if (u.inside || (u.text.len > 0 && !sv_eq(buf_sv(&u.text), SV("\xef\xbb\xbf")))) {
        use_line(l, st, &u, buf_sv(&u.text), false);
        u.number++;
    }
    buf_free(&u.text);
    if (st->next_line > u.number)
        log_warn("service", "log", "job=%s step=%lld feed=%llu upload=%llu", l->name,
                 (long long)st->number, (unsigned long long)st->next_line - 1,
                 (unsigned long long)u.number - 1);
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
    drop_waiting(st);
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
    if (st->log_uploaded && !st->log_done) {
        use_upload(l, st);
        st->log_done = true;
        drop_waiting(st);
    }
    if (!st->log_done)
        use_feed(l, st, exact_feed(l) || finishing);
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

/* One batch of the live feed: logs 5.3. */
void step_feed(struct leg *l, const json_t *message)
{
    const json_t *lines = jx_iget(message, "value"), *v;
    struct sv ext = jx_str(message, "stepId", "");
    int64_t first = jx_int(message, "startLine", 0);
    struct step_lines b = {.first = (uint64_t)first, .lines = STRV_INIT};
    char id[UUID_TEXT_SIZE];
    struct step *st;
    size_t i, bytes = 0;
    bool cut = false;

    if (first < 1 || ext.n == 0 || ext.n >= sizeof id || sv_ieq(ext, sv_of(l->uuid)))
        return; /* lines of the job itself belong to no step */
    memcpy(id, ext.p, ext.n);
    id[ext.n] = '\0';
    st = step_get(l, id, 0);
    if (st == NULL || st->log_done || st->waiting_bytes > STEP_WAITING_BYTES)
        return;
    json_array_foreach(lines, i, v)
    {
        struct sv t = {json_string_value(v), json_string_length(v)}, part;
        if (t.p == NULL || (sv_ends(t, SV("...")) && utf8_utf16_len(t) >= FEED_CUT_UNITS))
            cut = true; /* only the upload has the whole line, and so what follows it */
        while (!cut && sv_next(&t, '\n', &part)) {
            strv_addsv(&b.lines, part);
            bytes += part.n + LINE_COST;
        }
    }
    if (b.lines.n == 0) {
        strv_free(&b.lines);
        return;
    }
    GROW(st->waiting, st->waiting_cap, st->n_waiting + 1);
    st->waiting[st->n_waiting++] = b;
    st->waiting_bytes += bytes;
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
        if (!jx_bool(event, "partial", false))
            st->next_line++;
    } else if (st != NULL && sv_is(type, "step.completed")) {
        st->status = STEP_COMPLETED;
        st->told_completed = true;
    }
}
