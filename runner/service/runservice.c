/* SPDX-License-Identifier: Apache-2.0
 *
 * acquirejob, renewjob and completejob (spec github-runner-protocol 6, 11.3; logs 9). */
#include "runner/service/svc_priv.h"

#include <jansson.h>

#include "base/clock.h"
#include "base/log.h"

void runservice_acquire(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    struct svc *s = ctx;
    struct runner *run;
    struct leg *l;
    AUTO(auto_json) json_t *body = NULL;
    json_t *message = NULL, *o;
    struct err e;

    if (stage != HS_BODY || (run = token_runner(s, r)) == NULL || (body = svc_body(r)) == NULL)
        return;
    l = leg_find(s, jx_str(body, "jobMessageId", ""));
    if (l == NULL || l->state == LEG_DONE) {
        svc_run_error(r, 404, "job message not found");
        return;
    }
    /* The runner that holds the job and did not renew yet may ask again: its first answer was lost. */
    if (l->runner != run || l->state == LEG_QUEUED || (l->state == LEG_RUNNING && l->renewed)) {
        svc_run_error(r, 409, "the job was already acquired, or is assigned to another runner");
        return;
    }
    if (job_message(s, l, &message, &e) < 0) {
        svc_run_error(r, 422, e.msg);
        leg_finish(l, PLAN_FAILURE, e.msg);
        svc_pump(s);
        return;
    }
    if (l->state == LEG_ASSIGNED) {
        l->state = LEG_RUNNING;
        l->started_ms = tm_wall_ms();
        l->since_ms = tm_now_ms();
        o = event_job(l, "job.started");
        (void)json_object_set(o, "matrix", l->matrix);
        evlog_add(l->run->events, o);
        log_info("service", "acquired", "job=%s runner=%s", l->name, run->name);
        if (store_put_leg(s->store, l, &e) < 0)
            log_error("service", "store", "error=%s", e.msg);
    }
    l->lock_ms = tm_now_ms() + SVC_LOCK_MS;
    svc_reply(r, 200, message);
    svc_pump(s);
}

/* The ids of the body must be those of the token. False after it answered. */
static bool same_job(const struct leg *l, const json_t *body, struct hs_req *r)
{
    if (sv_ieq(jx_str(body, "planId", ""), sv_of(l->run->plan_id)) &&
        sv_ieq(jx_str(body, "jobId", ""), sv_of(l->uuid)))
        return true;
    svc_run_error(r, 404, "job not found");
    return false;
}

void runservice_renew(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    struct svc *s = ctx;
    struct leg *l;
    AUTO(auto_json) json_t *body = NULL;
    AUTO(buf_free) struct buf until = BUF_INIT(64);

    if (stage != HS_BODY || (l = token_leg(s, r)) == NULL || (body = svc_body(r)) == NULL ||
        !same_job(l, body, r))
        return;
    if (l->state != LEG_RUNNING) {
        svc_run_error(r, 404, "the job is not running");
        return;
    }
    l->renewed = true;
    l->lock_ms = tm_now_ms() + SVC_LOCK_MS;
    tm_format_ms(&until, tm_wall_ms() + SVC_LOCK_MS);
    svc_reply(r, 200, json_pack("{s:s}", "lockedUntil", until.p));
    svc_pump(s);
}

static enum plan_result conclusion(struct sv c)
{
    if (sv_ieq(c, SV("succeeded")) || sv_ieq(c, SV("succeededWithIssues")))
        return PLAN_SUCCESS;
    if (sv_ieq(c, SV("canceled")) || sv_ieq(c, SV("cancelled")))
        return PLAN_CANCELLED;
    if (sv_ieq(c, SV("skipped")))
        return PLAN_SKIPPED;
    return PLAN_FAILURE; /* failed, abandoned */
}

/* Steps whose last update was lost, then annotations: they come with the end of the job only. */
static void take_steps(struct leg *l, const json_t *body)
{
    const json_t *list = jx_iget(body, "stepResults"), *st, *a;
    size_t i, k;

    json_array_foreach(list, i, st) step_update(l, st, true);
    steps_advance(l, true);
    json_array_foreach(list, i, st)
    {
        const json_t *annotations = jx_iget(st, "annotations");
        json_array_foreach(annotations, k, a) event_annotation(l, jx_int(st, "number", 0), a);
    }
    list = jx_iget(body, "annotations");
    json_array_foreach(list, i, a) event_annotation(l, 0, a);
}

void runservice_complete(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    struct svc *s = ctx;
    struct leg *l;
    AUTO(auto_json) json_t *body = NULL;
    const json_t *usage;

    if (stage != HS_BODY || (l = token_leg(s, r)) == NULL || (body = svc_body(r)) == NULL ||
        !same_job(l, body, r))
        return;
    if (l->state == LEG_DONE) { /* a repeat, or the service had ended the job by itself */
        queue_release(l);
        svc_reply(r, 204, NULL);
        svc_pump(s);
        return;
    }
    if (l->state != LEG_RUNNING) {
        svc_run_error(r, 404, "the job is not running");
        return;
    }
    take_steps(l, body);
    const char *too_large = outputs_take(l, jx_iget(body, "outputs"));
    usage = jx_iget(body, "usage");
    if (json_is_object(usage))
        l->usage = json_deep_copy(usage);
    log_info("service", "completed", "job=%s conclusion=%.*s", l->name,
             SV_ARG(jx_str(body, "conclusion", "")));
    l->completed_by_runner = true;
    enum plan_result result = conclusion(jx_str(body, "conclusion", ""));
    if (too_large != NULL && result == PLAN_SUCCESS)
        result = PLAN_FAILURE;
    leg_finish(l, result, too_large);
    svc_reply(r, 204, NULL);
    svc_pump(s);
}
