/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions, the message long poll and acknowledge (spec github-runner-protocol 4.1, 5.1, 5.6, 11.3). A runner has
 * at most one session; a session has at most one open poll. */
#include "runner/service/svc_priv.h"

#include <jansson.h>

#include "base/clock.h"
#include "base/log.h"

bool session_alive(const struct runner *r, int64_t now_ms)
{
    return r->session_id[0] != '\0' &&
           (r->poll != NULL || now_ms - r->last_poll_ms < SVC_SESSION_ALIVE_MS);
}

void session_poll_empty(struct runner *r)
{
    struct hs_req *poll = r->poll;

    if (poll == NULL)
        return;
    r->poll = NULL;
    r->last_poll_ms = tm_now_ms();
    svc_reply(poll, 202, NULL);
}

void session_end(struct runner *r)
{
    struct hs_req *poll = r->poll;

    r->session_id[0] = '\0';
    if (poll != NULL) {
        r->poll = NULL;
        svc_broker_error(poll, 404, r->deleted ? "RunnerNotFound" : "RunnerSessionInvalid",
                         r->deleted ? "the runner was deleted" : "the session was closed");
    }
    if (r->leg != NULL && r->leg->state == LEG_ASSIGNED)
        queue_release(r->leg);
}

void session_create(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    struct svc *s = ctx;
    struct runner *run;
    AUTO(auto_json) json_t *body = NULL;
    const char *agent;
    int64_t now = tm_now_ms();

    if (stage != HS_BODY || (run = token_runner(s, r)) == NULL || (body = svc_body(r)) == NULL)
        return;
    if (run->deleted) {
        svc_broker_error(r, 404, "RunnerNotFound", "the runner was deleted");
        return;
    }
    if (session_alive(run, now)) {
        svc_broker_error(r, 409, "SessionConflict", "another session of this runner is open");
        return;
    }
    ids_uuid4(run->session_id);
    run->last_poll_ms = now;
    run->busy = run->leg != NULL && run->leg->state == LEG_RUNNING;
    /* Only our own worker sends the feed without holes; the official one skips empty lines. */
    agent = hs_header(r, "User-Agent");
    run->exact_feed = agent != NULL && (sv_find(sv_of(agent), SV("Gantry")) != SV_NPOS ||
                                        sv_find(sv_of(agent), SV("gantry")) != SV_NPOS);
    log_info("service", "session", "runner=%s owner=%.*s", run->name,
             SV_ARG(jx_str(body, "ownerName", "")));
    svc_reply(r, 200,
              json_pack("{s:s, s:O?, s:O?}", "sessionId", run->session_id, "ownerName",
                        jx_get(body, "ownerName"), "agent", jx_get(body, "agent")));
}

void session_delete(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    struct svc *s = ctx;
    struct runner *run;

    if (stage != HS_BODY || (run = token_runner(s, r)) == NULL)
        return;
    session_end(run);
    svc_reply(r, 204, NULL);
    svc_pump(s);
}

/* False after it answered. */
static bool session_ok(struct runner *run, struct hs_req *r)
{
    const char *id = hs_query(r, "sessionId");

    if (run->deleted) {
        svc_broker_error(r, 404, "RunnerNotFound", "the runner no longer exists");
        return false;
    }
    if (id == NULL || run->session_id[0] == '\0' || !sv_ieq(sv_of(id), sv_of(run->session_id))) {
        svc_broker_error(r, 400, "RunnerSessionInvalid",
                         "the session is unknown; create a new one");
        return false;
    }
    return true;
}

/* What a poll belongs to: outlives neither of both. */
struct poll_data {
    struct svc *s;
    uint64_t runner;
    int64_t message_id; /* delivered with this answer; 0 = none */
};

/* The answer is out, or the client went. A message that was being written when the connection broke is delivered
 * again at the next poll (11.3). */
static void poll_end(void *data, bool completed)
{
    struct poll_data *d = data;
    struct runner *run = runner_find(d->s, d->runner);

    if (run != NULL) {
        if (run->poll != NULL && hs_data(run->poll) == d) {
            run->poll = NULL; /* closed by the client: normal at each status change */
            run->last_poll_ms = tm_now_ms();
        }
        if (!completed && d->message_id != 0 && run->leg != NULL &&
            run->leg->message_id == d->message_id) {
            run->leg->delivered = false;
            run->leg->cancel_sent_ms = 0;
        }
    }
    free(d);
}

void session_poll(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    struct svc *s = ctx;
    struct runner *run;
    struct poll_data *d;

    if (stage != HS_BODY || (run = token_runner(s, r)) == NULL || !session_ok(run, r))
        return;
    session_poll_empty(run); /* a second poll replaces the first */
    run->busy = sv_ieq(sv_of(hs_query(r, "status")), SV("Busy"));
    d = calloc(1, sizeof *d);
    BUG(d == NULL);
    d->s = s;
    d->runner = run->id;
    hs_set_data(r, d, poll_end);
    run->poll = r;
    run->poll_until_ms = tm_now_ms() + SVC_POLL_HOLD_MS;
    hs_suspend(r);
    svc_pump(s);
}

void session_deliver(struct runner *run, int64_t message_id, const char *type, json_t *own_body)
{
    struct hs_req *poll = run->poll;
    AUTO(auto_json) json_t *body = own_body;
    AUTO(buf_free) struct buf text = BUF_INIT(65536);
    struct poll_data *d = hs_data(poll);

    jx_write(&text, body);
    d->message_id = message_id;
    run->poll = NULL;
    run->last_poll_ms = tm_now_ms();
    log_debug("service", "deliver", "runner=%s type=%s", run->name, type);
    svc_reply(poll, 200,
              json_pack("{s:I, s:s, s:s}", "messageId", (json_int_t)message_id, "messageType", type,
                        "body", text.p));
}

void session_acknowledge(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    struct svc *s = ctx;
    struct runner *run;
    AUTO(auto_json) json_t *body = NULL;
    const struct leg *l;

    if (stage != HS_BODY || (run = token_runner(s, r)) == NULL || !session_ok(run, r) ||
        (body = svc_body(r)) == NULL)
        return;
    l = leg_find(s, jx_str(body, "runnerRequestId", ""));
    if (l == NULL || l->state == LEG_DONE || l->runner != run) {
        svc_broker_error(r, 404, "AcknowledgeJobNotFound", "the job is gone");
        return;
    }
    svc_reply(r, 200, json_object());
}
