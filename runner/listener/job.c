/* SPDX-License-Identifier: Apache-2.0
 *
 * One job as the listener sees it: acknowledge, acquire, lease, worker, and completion for a worker that did
 * not complete (spec runner-protocol 5.6, 6, 7.4). */
#include "runner/listener/listener_priv.h"

#include "base/fd.h"
#include "base/fs.h"

#include <jansson.h>
#include <unistd.h>

#define ACK_TIMEOUT_MS     5000 /* source: spec 9.1 */
#define CALL_ATTEMPTS      5U   /* source: spec 5.4, RetryRequest */
#define COMPLETE_ATTEMPTS  25U  /* 5 rounds of 5 (6.3) */
#define EPHEMERAL_GRACE_MS 120000
#define CANCEL_MIN_MS      60000 /* 7.4: killed at max(timeout, 60 s) - 15 s */
#define CANCEL_MARGIN_MS   15000
#define ANNOTATION_MAX     4096U

static void acquire(struct gh_job *j);

static const char *state_name(enum gh_job_state s)
{
    static const char *const names[] = {"none", "acknowledge", "acquire", "lease",
                                        "run",  "complete",    "clean up"};
    return names[s];
}

static void enter(struct gh_job *j, enum gh_job_state s)
{
    log_debug("listener", "job-state", "job=%s from=%s to=%s",
              j->env.display_name != NULL ? j->env.display_name : "", state_name(j->state),
              state_name(s));
    j->state = s;
}

/* ---- end ---- */

void gh_job_drop(struct gh_job *j)
{
    struct gh_runner *r = j->r;

    gh_call_cancel(&j->call);
    gh_lease_stop(j);
    gh_worker_forget(j);
    loop_del_timer(j->kill_timer);
    fd_close(&j->msg_fd);
    free(j->request_id);
    free(j->run_url);
    free(j->billing_owner);
    gh_envelope_done(&j->env);
    free(j->dir);
    free(j->name);
    free(j->cancel_reason);
    free(j->failure);
    *j = (struct gh_job){.r = r, .msg_fd = -1, .channel = -1};
}

static void after_job(struct gh_runner *r, bool ran)
{
    if (ran && (r->l->o.once || r->reg.ephemeral))
        r->stop = true;
    if (r->stop) {
        gh_session_leave(r);
        return;
    }
    gh_poll_refresh(r);
    if (r->l->o.late_fd < 0) /* else it is there */
        gh_worker_spare(r->l, r->slot);
}

void gh_job_over(struct gh_job *j)
{
    struct gh_runner *r = j->r;
    bool ran = j->env.url != NULL;

    gh_call_cancel(&j->call);
    gh_lease_stop(j);
    gh_worker_forget(j);
    loop_del_timer(j->kill_timer);
    j->kill_timer = NULL;
    if (j->launched && !j->worker_gone) { /* the next one has the same uid: never two at once */
        enter(j, GH_JOB_CLEAN);
        return;
    }
    if (j->name != NULL && !j->launched) { /* the launcher never had it */
        struct err e;
        char text[512];
        if (fs_remove_tree(r->l->jobs_fd, j->name, &e) < 0)
            log_warn("listener", "job-folder", "why=%s", err_text(&e, text, sizeof text));
    }
    gh_job_drop(j);
    after_job(r, ran);
}

/* ---- complete for the worker ---- */

static bool complete_is_final(const struct gh_answer *a)
{
    return a->status == 401 || a->run_status == 404;
}

static const char *result_word(uint64_t result)
{
    static const char *const words[] = {
        "Succeeded", "SucceededWithIssues", "Failed", "Canceled", "Skipped", "Abandoned"};
    return result < sizeof words / sizeof words[0] ? words[result] : "Failed";
}

static void on_completed(void *ctx, const struct gh_answer *a)
{
    struct gh_job *j = ctx;
    char text[512];

    if (!gh_ok(a))
        log_error("listener", "complete", "job=%s why=%s", j->env.display_name,
                  err_text(&a->e, text, sizeof text));
    gh_say_timed(j->r->l, "Job %s completed with result: %s", j->env.display_name,
                 j->cancel ? "Canceled" : "Failed");
    gh_job_over(j);
}

void gh_job_complete(struct gh_job *j, const char *text)
{
    AUTO(buf_free) struct buf body = BUF_INIT(65536);
    AUTO(auto_free) char *url = gh_url(j->env.url, "completejob");
    struct gh_call_spec s = {
        .what = "complete job",
        .method = "POST",
        .url = url,
        .bearer = &j->env.token,
        .http_retry = true,
        .attempts = COMPLETE_ATTEMPTS,
        .final = complete_is_final,
        .done = on_completed,
        .ctx = j,
        .ref = &j->call,
    };

    gh_call_cancel(&j->call);
    gh_lease_stop(j);
    enter(j, GH_JOB_COMPLETE);
    buf_addf(&body,
             "{\"planId\":\"%s\",\"jobId\":\"%s\",\"conclusion\":\"%s\",\"outputs\":{},"
             "\"stepResults\":[],\"annotations\":[",
             j->env.plan_id, j->env.job_id, j->cancel ? "canceled" : "failed");
    if (text != NULL) {
        buf_adds(&body, "{\"level\":\"failure\",\"message\":");
        jx_quote(&body, sv_sub(sv_of(text), 0, ANNOTATION_MAX));
        buf_addc(&body, '}');
    }
    buf_adds(&body, "]");
    if (j->env.billing_owner != NULL) {
        buf_adds(&body, ",\"billingOwnerId\":");
        jx_quote(&body, sv_of(j->env.billing_owner));
    }
    buf_addc(&body, '}');
    s.body = buf_sv(&body);
    gh_call_start(j->r->api, &s);
}

/* ---- cancel ---- */

void gh_job_kill(struct gh_job *j)
{
    struct err e;
    char text[512];

    j->killed = true;
    if (!j->launched || j->r->l->launcher_gone)
        return;
    if (sbx_kill(j->r->l->launcher, j->sbx_id, &e) < 0)
        log_error("listener", "kill", "job=%s why=%s", j->env.display_name,
                  err_text(&e, text, sizeof text));
}

static void on_kill_timer(void *ctx)
{
    struct gh_job *j = ctx;

    log_warn("listener", "job-killed", "job=%s why=%s", j->env.display_name,
             "it did not end in time");
    gh_job_kill(j);
}

/* Marks the job cancelled and acts on it in whatever state it is. */
static void cancel(struct gh_job *j, int64_t kill_in_ms, const char *reason, bool shutdown)
{
    if (j->state == GH_JOB_COMPLETE || j->state == GH_JOB_CLEAN)
        return;
    j->shutdown |= shutdown;
    if (!j->cancel || shutdown) {
        j->cancel = true;
        j->cancel_timeout_ms = kill_in_ms;
        free(j->cancel_reason);
        j->cancel_reason = xstrdup(reason);
    }
    switch (j->state) {
    case GH_JOB_ACK:
    case GH_JOB_ACQUIRE: /* ours only once it is acquired: looked at again then */
        if (shutdown)
            gh_job_over(j);
        return;
    case GH_JOB_LEASE:
        gh_job_complete(j, NULL);
        return;
    case GH_JOB_RUN:
        loop_del_timer(j->kill_timer);
        j->kill_timer = loop_add_timer(j->r->l->loop, kill_in_ms, on_kill_timer, j);
        gh_worker_tell_cancel(j);
        return;
    case GH_JOB_NONE:
    case GH_JOB_COMPLETE:
    case GH_JOB_CLEAN:
        return;
    }
}

void gh_job_cancel(struct gh_runner *r, struct sv job_id, int64_t timeout_ms, const char *reason)
{
    struct gh_job *j = &r->job;
    int64_t kill_in = (timeout_ms > CANCEL_MIN_MS ? timeout_ms : CANCEL_MIN_MS) - CANCEL_MARGIN_MS;

    if (j->env.job_id != NULL ? sv_ieq(job_id, sv_of(j->env.job_id))
                              : j->request_id != NULL && sv_ieq(job_id, sv_of(j->request_id))) {
        cancel(j, kill_in, reason, false);
        return;
    }
    /* It can overtake its job: remembered until the next one (7.4). */
    if (j->env.job_id == NULL && job_id.n > 0 && job_id.n <= 64) {
        free(r->early_cancel);
        r->early_cancel = sv_dup(job_id);
        r->early_cancel_timeout_ms = timeout_ms;
    }
}

void gh_job_shutdown(struct gh_runner *r, const char *reason)
{
    int64_t ms = r->l->o.kill_ms;

    if (r->job.state != GH_JOB_NONE && !r->job.shutdown)
        cancel(&r->job, ms, reason, true);
}

/* ---- acquire ---- */

static void on_grace_over(void *ctx)
{
    struct gh_runner *r = ctx;
    struct err none = {0};

    if (r->job.state == GH_JOB_NONE)
        gh_runner_stop(r, GH_EXIT_OK, &none);
}

static void on_throttle_over(void *ctx)
{
    struct gh_job *j = ctx;

    loop_del_timer(j->kill_timer);
    j->kill_timer = NULL;
    gh_job_over(j);
}

/* 404, 409, 422: not ours (6.1). The first time no pause, then 1, 2, 4 ... 60 s (5.4), during which the
 * runner counts as busy. */
static void refused(struct gh_job *j)
{
    struct gh_runner *r = j->r;
    unsigned n = r->acquire_errors++;
    int64_t ms = n == 0 ? 0 : n > 6 ? 60000 : (int64_t)1000 << (n - 1);

    /* An ephemeral runner has used up its one assignment: it goes after a short grace period. */
    if (r->reg.ephemeral) {
        loop_del_timer(r->timer);
        r->timer = loop_add_timer(r->l->loop, EPHEMERAL_GRACE_MS, on_grace_over, r);
    }
    if (ms > 1000)
        ms = gh_jitter(ms * 8 / 10, ms * 12 / 10);
    loop_del_timer(j->kill_timer);
    j->kill_timer = loop_add_timer(r->l->loop, ms, on_throttle_over, j);
}

static bool acquire_is_final(const struct gh_answer *a)
{
    return a->status == 401 || a->run_status == 404 || a->run_status == 409 || a->run_status == 422;
}

static int take_message(struct gh_job *j, struct sv body, struct err *e)
{
    if (body.n == 0)
        return err_set(e, FAIL_PROTO, "acquire job: the answer is not application/json");
    if (gh_envelope_parse(body, &j->env, e) < 0)
        return -1;
    log_mask(j->env.token.p, j->env.token.n);
    return fd_memfd("gantry-job", body.p, body.n, &j->msg_fd, e);
}

static void acquired(struct gh_job *j, const struct gh_answer *a)
{
    struct gh_runner *r = j->r;
    struct err e = {0};
    char text[512];

    if (take_message(j, a->body, &e) < 0) {
        log_error("listener", "job-message", "runner=%s why=%s", r->reg.agent_name,
                  err_text(&e, text, sizeof text));
        /* Without its ids nothing can be reported: the service's lock expires. */
        gh_envelope_done(&j->env);
        gh_job_over(j);
        return;
    }
    r->acquire_errors = 0;
    gh_say_timed(r->l, "Running job: %s", j->env.display_name);
    log_info("listener", "job-acquired", "job=%s id=%s", j->env.display_name, j->env.job_id);
    if (r->early_cancel != NULL && sv_ieq(sv_of(r->early_cancel), sv_of(j->env.job_id)))
        j->cancel = true;
    free(r->early_cancel);
    r->early_cancel = NULL;
    if (j->cancel)
        gh_job_complete(j, NULL);
    else
        gh_lease_first(j);
}

static void on_acquired(void *ctx, const struct gh_answer *a)
{
    struct gh_job *j = ctx;
    char text[512];

    if (gh_ok(a)) {
        acquired(j, a);
        return;
    }
    log_warn("listener", "acquire", "runner=%s why=%s", j->r->reg.agent_name,
             err_text(&a->e, text, sizeof text));
    if (a->run_status == 404 || a->run_status == 409 || a->run_status == 422) {
        refused(j);
        return;
    }
    j->r->received = false; /* redelivered by the server */
    gh_job_over(j);
}

static void acquire(struct gh_job *j)
{
    AUTO(buf_free) struct buf body = BUF_INIT(16384);
    AUTO(auto_free) char *url = gh_url(j->run_url, "acquirejob");
    struct gh_call_spec s = {
        .what = "acquire job",
        .method = "POST",
        .url = url,
        .max_bytes = GH_MESSAGE_MAX_BYTES,
        .http_retry = true,
        .attempts = CALL_ATTEMPTS,
        .final = acquire_is_final,
        .done = on_acquired,
        .ctx = j,
        .ref = &j->call,
    };

    enter(j, GH_JOB_ACQUIRE);
    buf_adds(&body, "{\"jobMessageId\":");
    jx_quote(&body, sv_of(j->request_id));
    buf_adds(&body, ",\"runnerOS\":\"Linux\"");
    if (j->billing_owner != NULL) {
        buf_adds(&body, ",\"billingOwnerId\":");
        jx_quote(&body, sv_of(j->billing_owner));
    }
    buf_addc(&body, '}');
    s.body = buf_sv(&body);
    gh_call_start(j->r->api, &s);
}

/* ---- acknowledge ---- */

static void on_acknowledged(void *ctx, const struct gh_answer *a)
{
    struct gh_job *j = ctx;
    struct gh_runner *r = j->r;
    struct err none = {0};
    char text[512];

    if (!gh_ok(a)) {
        if (a->kind == GH_KIND_ACK_JOB_NOT_FOUND && r->reg.ephemeral) {
            gh_job_over(j);
            gh_runner_stop(r, GH_EXIT_OK, &none);
            return;
        }
        log_warn("listener", "acknowledge", "why=%s", err_text(&a->e, text, sizeof text));
    }
    acquire(j);
}

static void acknowledge(struct gh_job *j)
{
    AUTO(buf_free) struct buf body = BUF_INIT(4096);
    AUTO(auto_free) char *url = gh_poll_url(j->r, "acknowledge", false);
    struct gh_call_spec s = {
        .what = "acknowledge job",
        .method = "POST",
        .url = url,
        .timeout_ms = ACK_TIMEOUT_MS,
        .done = on_acknowledged,
        .ctx = j,
        .ref = &j->call,
    };

    enter(j, GH_JOB_ACK);
    buf_adds(&body, "{\"runnerRequestId\":");
    jx_quote(&body, sv_of(j->request_id));
    buf_addc(&body, '}');
    s.body = buf_sv(&body);
    gh_call_start(j->r->api, &s);
}

void gh_job_request(struct gh_runner *r, const json_t *body)
{
    struct gh_job *j = &r->job;
    struct sv id = jx_str(body, "runner_request_id", "");
    struct sv url = jx_str(body, "run_service_url", "");
    struct sv owner = jx_str(body, "billing_owner_id", "");

    /* One job at a time (6.5: refused, not exchanged); none when stopping or when the one job came. */
    if (j->state != GH_JOB_NONE || r->stop || r->received) {
        log_warn("listener", "job-refused", "runner=%s why=%s", r->reg.agent_name,
                 j->state != GH_JOB_NONE ? "a job is running" : "the runner takes no more jobs");
        return;
    }
    if (id.n == 0 || id.n > 256 || url.n == 0 || url.n > 4096) {
        log_error("listener", "bad-message", "runner=%s why=%s", r->reg.agent_name,
                  "job request without runner_request_id or run_service_url");
        return;
    }
    if (r->reg.ephemeral || r->l->o.once)
        r->received = true;
    j->request_id = sv_dup(id);
    j->run_url = sv_dup(url);
    j->billing_owner = owner.n > 0 ? sv_dup(owner) : NULL;
    if (jx_bool(body, "should_acknowledge", false))
        acknowledge(j);
    else
        acquire(j);
}

/* Says on standard output how the worker's job ended. */
void gh_job_say_result(const struct gh_job *j)
{
    gh_say_timed(j->r->l, "Job %s completed with result: %s", j->env.display_name,
                 result_word(j->result));
}
