/* SPDX-License-Identifier: Apache-2.0
 *
 * Which job goes to which runner, and everything that happens because time passed: delivery again, locks that
 * expire, cancellations that are repeated (spec github-runner-protocol 5.6, 7.4, 11.3). One pass looks at all. */
#include "runner/service/svc_priv.h"

#include <jansson.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

struct turn {
    struct svc *s;
    int64_t now;
    int64_t next; /* earliest deadline; INT64_MAX = none */
};

static void deadline(struct turn *t, int64_t at)
{
    if (at < t->next)
        t->next = at;
}

void queue_release(struct leg *l)
{
    if (l->runner != NULL && l->runner->leg == l)
        l->runner->leg = NULL;
    l->runner = NULL;
    if (l->state == LEG_ASSIGNED)
        l->state = LEG_QUEUED;
}

static void assign(struct turn *t, struct leg *l)
{
    for (size_t i = 0; i < t->s->n_runners; i++) {
        struct runner *r = t->s->runners[i];
        if (r->deleted || r->leg != NULL || r->poll == NULL || r->busy ||
            !runner_has_labels(r, l->plan->labels, NULL))
            continue;
        l->state = LEG_ASSIGNED;
        l->runner = r;
        l->assigned_ms = t->now;
        l->delivered = false;
        l->message_id = (int64_t)++t->s->next_message;
        r->leg = l;
        return;
    }
}

/* `timeout-minutes` of the job: the job message has no place for it, the service keeps it (spec expressions 9.7).
 * The job is stopped as by a cancellation. */
static void look_at_time(struct turn *t, struct leg *l)
{
    double minutes = l->plan != NULL ? l->plan->timeout_minutes : 0;
    AUTO(auto_json) json_t *a = NULL;
    int64_t end;

    if (minutes > SVC_JOB_MAX_MINUTES)
        minutes = SVC_JOB_MAX_MINUTES;
    if (l->cancel || !(minutes > 0))
        return;
    end = l->since_ms + (int64_t)(minutes * 60000);
    if (t->now < end) {
        deadline(t, end);
        return;
    }
    a = json_pack(
        "{s:s, s:o}", "level", "failure", "message",
        json_sprintf("The job has exceeded the maximum execution time of %gm0s", minutes));
    event_annotation(l, 0, a);
    leg_request_cancel(l);
}

/* `cancel-timeout-minutes`; after a restart, before the planner was asked, the usual ones. */
static int64_t cancel_timeout_ms(const struct leg *l)
{
    double minutes = l->plan != NULL ? l->plan->cancel_timeout_minutes : 5;

    if (!(minutes > 0))
        return 0;
    return (int64_t)((minutes < SVC_JOB_MAX_MINUTES ? minutes : SVC_JOB_MAX_MINUTES) * 60000);
}

/* A job that nothing holds back and that no runner takes. */
static void look_at_queue(struct turn *t, struct leg *l)
{
    if (l->waits_ms == 0)
        l->waits_ms = t->now;
    if (t->now - l->waits_ms < SVC_QUEUE_MAX_MS) {
        deadline(t, l->waits_ms + SVC_QUEUE_MAX_MS);
        assign(t, l);
        return;
    }
    leg_finish(l, PLAN_FAILURE, "no runner took the job for 24 hours");
}

static void look_at_leg(struct turn *t, struct leg *l)
{
    if ((l->state == LEG_QUEUED || l->state == LEG_ASSIGNED) && l->cancel) {
        leg_finish(l, PLAN_CANCELLED, NULL);
        return;
    }
    if (l->state == LEG_ASSIGNED) {
        if (t->now - l->assigned_ms >= SVC_PICK_UP_MS || !session_alive(l->runner, t->now))
            queue_release(l);
        else
            deadline(t, l->assigned_ms + SVC_PICK_UP_MS);
    }
    if (l->state == LEG_QUEUED && !groups_holds_back(l))
        look_at_queue(t, l);
    if (l->state != LEG_RUNNING)
        return;
    if (t->now >= l->lock_ms) {
        leg_finish(
            l, PLAN_FAILURE,
            "the runner stopped renewing the job's lock; it was killed, or lost its connection");
        return;
    }
    deadline(t, l->lock_ms);
    look_at_time(t, l);
    if (l->cancel) {
        int64_t end = l->cancel_ms + cancel_timeout_ms(l) + SVC_CANCEL_GRACE_MS;
        if (t->now >= end) {
            leg_finish(l, PLAN_CANCELLED, "the runner did not end the cancelled job in time");
            return;
        }
        deadline(t, end);
    }
    if (steps_deadline(l) >= 0) {
        if (steps_deadline(l) <= t->now)
            steps_advance(l, false);
        if (steps_deadline(l) >= 0)
            deadline(t, steps_deadline(l));
    }
}

static json_t *job_request(struct svc *s, const struct leg *l)
{
    AUTO(buf_free) struct buf id = BUF_INIT(32);
    AUTO(buf_free) struct buf url = BUF_INIT(1024);

    buf_addf(&id, "%lld", (long long)l->message_id);
    buf_addf(&url, "%srun/", s->url);
    return json_pack("{s:s, s:s, s:b, s:s, s:s}", "id", id.p, "runner_request_id", l->uuid,
                     "should_acknowledge", 1, "run_service_url", url.p, "billing_owner_id",
                     SVC_BILLING_OWNER);
}

/* .NET's form: "00:05:00", "1.00:00:00". */
static json_t *time_span(int64_t ms)
{
    long long s = (long long)(ms / 1000), days = s / 86400;
    AUTO(auto_free) char *day = days > 0 ? xasprintf("%lld.", days) : xstrdup("");

    return json_sprintf("%s%02lld:%02lld:%02lld", day, s / 3600 % 24, s / 60 % 60, s % 60);
}

static void deliver(struct turn *t, struct runner *r)
{
    struct leg *l = r->leg;

    if (l != NULL && l->state == LEG_ASSIGNED && !l->delivered && !r->busy) {
        l->delivered = true;
        session_deliver(r, l->message_id, "RunnerJobRequest", job_request(t->s, l));
        return;
    }
    if (l == NULL || (l->state != LEG_RUNNING && !l->orphan) || !l->cancel || !r->busy)
        return;
    if (l->cancel_sent_ms != 0 && t->now - l->cancel_sent_ms < SVC_CANCEL_REPEAT_MS) {
        deadline(t, l->cancel_sent_ms + SVC_CANCEL_REPEAT_MS);
        return;
    }
    l->cancel_sent_ms = t->now;
    l->message_id = (int64_t)++t->s->next_message;
    deadline(t, t->now + SVC_CANCEL_REPEAT_MS);
    session_deliver(r, l->message_id, "JobCancellation",
                    json_pack("{s:s, s:o}", "jobId", l->uuid, "timeout",
                              time_span(l->run->forced ? 0 : cancel_timeout_ms(l))));
}

static void look_at_runner(struct turn *t, struct runner *r)
{
    if (r->session_id[0] != '\0' && !session_alive(r, t->now)) {
        log_info("service", "session-lost", "runner=%s", r->name);
        session_end(r);
    }
    if (r->leg != NULL && r->leg->orphan &&
        ((r->poll != NULL && !r->busy) || r->session_id[0] == '\0'))
        queue_release(r->leg);
    if (r->poll != NULL)
        deliver(t, r);
    if (r->poll != NULL && t->now >= r->poll_until_ms)
        session_poll_empty(r);
    if (r->poll != NULL)
        deadline(t, r->poll_until_ms);
    else if (r->session_id[0] != '\0')
        deadline(t, r->last_poll_ms + SVC_SESSION_ALIVE_MS);
}

int64_t queue_turn(struct svc *s)
{
    struct turn t = {.s = s, .now = tm_now_ms(), .next = INT64_MAX};

    for (size_t i = 0; i < s->n_runs; i++) {
        struct run *run = s->runs[i];
        for (size_t k = 0; !run->done && k < run->n_legs; k++)
            if (run->legs[k]->state != LEG_DONE)
                look_at_leg(&t, run->legs[k]);
    }
    for (size_t i = 0; i < s->n_runners; i++)
        look_at_runner(&t, s->runners[i]);
    if (t.next == INT64_MAX)
        return -1;
    return t.next > t.now ? t.next - t.now : 0;
}
