/* SPDX-License-Identifier: Apache-2.0
 *
 * The long poll and what its messages mean (spec runner-protocol 5). */
#include "runner/listener/listener_priv.h"

#include "runner/listener/api_priv.h"

#include "base/num.h"

#include <jansson.h>

#define POLL_TIMEOUT_MS   100000     /* source: spec 9.1; the server holds a poll for about 50 s */
#define POLL_MAX_BYTES    (4U << 20) /* Ours: messages are small in the V2 flow */
#define POLL_ATTEMPTS     5U         /* source: spec 5.4 */
#define POLL_ERRORS_MAX   10U        /* the 10th failure in a row ends the process with 2 */
#define POLL_ERRORS_LONG  6U         /* from here on the long pause */
#define QUICK_POLL_MS     1000       /* Ours (5.1): empty answers faster than this get a brake */
#define QUICK_POLLS       3U
#define QUICK_PAUSE_MS    1000
#define CANCEL_DEFAULT_MS 300000 /* cancel-timeout-minutes of the service */

char *gh_poll_url(const struct gh_runner *r, const char *name, bool disable_update)
{
    AUTO(auto_free) char *base = gh_url(r->reg.server_url_v2, name);
    AUTO(buf_free) struct buf b = BUF_INIT(16384);

    buf_addf(&b, "%s?sessionId=", base);
    url_encode(&b, sv_of(r->session_id));
    buf_addf(&b, "&status=%s&runnerVersion=", r->busy_poll ? "Busy" : "Online");
    url_encode(&b, sv_of(r->l->o.version));
    buf_adds(&b, "&os=Linux&architecture=" GH_ARCH);
    if (disable_update)
        buf_addf(&b, "&disableUpdate=%s", r->reg.disable_update ? "true" : "false");
    return xstrdup(b.p);
}

int64_t gh_timespan_ms(struct sv s)
{
    struct sv part, fraction = s;
    uint64_t v[4] = {0}; /* days, hours, minutes, seconds */
    struct err ignored;  /* every failure is -1 */
    size_t colon = sv_chr(s, ':'), dot;
    static const uint64_t max[4] = {10675199, 23, 59, 59};

    if (colon == SV_NPOS)
        return -1;
    dot = sv_chr(sv_sub(s, 0, colon), '.');
    if (dot != SV_NPOS) {
        if (num_u64(sv_sub(s, 0, dot), max[0], &v[0], &ignored) < 0)
            return -1;
        s = sv_sub(s, dot + 1, s.n);
    }
    for (int i = 1; i < 4; i++) {
        if (i == 3) {
            if (!sv_next(&s, '.', &part))
                return -1;
            fraction = s;
        } else if (!sv_next(&s, ':', &part)) {
            return -1;
        }
        if (num_u64(part, max[i], &v[i], &ignored) < 0)
            return -1;
    }
    if (fraction.p != NULL && num_u64(fraction, UINT64_MAX, &(uint64_t){0}, &ignored) < 0)
        return -1;
    return (int64_t)((((v[0] * 24 + v[1]) * 60 + v[2]) * 60 + v[3]) * 1000);
}

/* ---- messages ---- */

static void on_cancellation(struct gh_runner *r, const json_t *body)
{
    struct sv job = jx_str(body, "jobId", "");
    struct sv span = jx_str(body, "timeout", "");
    int64_t ms = gh_timespan_ms(span);

    gh_job_cancel(r, job, ms < 0 ? CANCEL_DEFAULT_MS : ms, "The run was canceled.");
}

static void on_shutdown_message(struct gh_runner *r)
{
    struct err none = {0};

    r->keep_session = true; /* 4.1: not deleted after this message */
    gh_runner_stop(r, GH_EXIT_OK, &none);
}

static void dispatch(struct gh_runner *r, struct sv type, const json_t *body)
{
    if (sv_ieq(type, SV("RunnerJobRequest"))) {
        gh_job_request(r, body);
    } else if (sv_ieq(type, SV("JobCancellation"))) {
        on_cancellation(r, body);
    } else if (sv_is(type, "ForceTokenRefresh")) {
        gh_api_forget_token(r->api);
    } else if (sv_ieq(type, SV("RunnerShutdown"))) {
        on_shutdown_message(r);
    } else if (sv_ieq(type, SV("RunnerRefresh")) || sv_ieq(type, SV("AgentRefresh"))) {
        /* A runner that cannot update itself goes on (8.2). */
        log_info("listener", "update-offered", "target=" SV_FMT "",
                 SV_ARG(jx_str(body, "target_version", "")));
    } else {
        log_warn("listener", "unsupported-message", "type=" SV_FMT "", SV_ARG(sv_sub(type, 0, 80)));
    }
}

/* False when the answer holds no message (12, row 2). The body is JSON inside a JSON string. */
static bool read_message(struct gh_runner *r, struct sv text)
{
    AUTO(auto_json) json_t *m = NULL;
    AUTO(auto_json) json_t *body = NULL;
    struct err e = {0};
    struct sv type, inner;

    if (text.n == 0)
        return false;
    m = jx_parse_lax(text, "message", &e);
    if (m == NULL || !json_is_object(m))
        return false;
    type = jx_str(m, "messageType", "");
    if (type.n == 0)
        return false;
    inner = jx_str(m, "body", "");
    if (inner.n > 0) {
        body = jx_parse_lax(inner, "message body", &e);
        if (body == NULL) {
            char line[512];
            log_warn("listener", "bad-message", "type=" SV_FMT " why=%s",
                     SV_ARG(sv_sub(type, 0, 80)), err_text(&e, line, sizeof line));
            return true;
        }
    }
    dispatch(r, type, body);
    return true;
}

/* ---- the loop ---- */

static void on_pause_over(void *ctx)
{
    struct gh_runner *r = ctx;

    if (r->state == GH_POLLING)
        gh_poll_start(r);
}

static void pause_poll(struct gh_runner *r, int64_t ms)
{
    loop_del_timer(r->timer);
    r->timer = loop_add_timer(r->l->loop, ms, on_pause_over, r);
}

static void on_poll_answer(struct gh_runner *r, const struct gh_answer *a)
{
    bool quick = tm_now_ms() - r->poll_began_ms < QUICK_POLL_MS;

    if (r->disconnected)
        gh_say_timed(r->l, "Runner reconnected.");
    r->disconnected = false;
    if (read_message(r, a->body)) {
        r->poll_errors = 0;
        r->quick_polls = 0;
    } else if (quick && ++r->quick_polls >= QUICK_POLLS) {
        if (r->state == GH_POLLING)
            pause_poll(r, QUICK_PAUSE_MS);
        return;
    } else if (!quick) {
        r->quick_polls = 0;
    }
    if (r->state == GH_POLLING && r->call == NULL)
        gh_poll_start(r);
}

static void on_poll_failure(struct gh_runner *r, const struct gh_answer *a)
{
    char text[512];

    if (!r->disconnected) {
        r->disconnected = true;
        gh_say_timed(r->l, "Runner connect error: %s. Retrying until reconnected.",
                     err_text(&a->e, text, sizeof text));
    }
    log_warn("listener", "poll-failed", "runner=%s errors=%u why=%s", r->reg.agent_name,
             r->poll_errors + 1, err_text(&a->e, text, sizeof text));
    /* While a job runs the renewals decide whether it is still ours, not the poll (5.4). */
    if (++r->poll_errors >= POLL_ERRORS_MAX && r->job.state == GH_JOB_NONE) {
        gh_runner_stop(r, GH_EXIT_RETRY, &a->e);
        return;
    }
    gh_api_forget_token(r->api); /* the connection is built anew */
    pause_poll(r, r->poll_errors < POLL_ERRORS_LONG ? gh_jitter(15000, 30000)
                                                    : gh_jitter(30000, 60000));
}

static void not_found(struct gh_runner *r)
{
    struct err e = {0};

    r->keep_session = true;
    gh_say(r->l, "The runner no longer exists on the server. Cleaning up local configuration.");
    gh_runner_stop(r, GH_EXIT_OK, &e);
}

static void too_old(struct gh_runner *r)
{
    struct err e = {0};

    (void)err_set(&e, FAIL_DENIED,
                  "the server refuses runner version %s; update gantry or report a newer one",
                  r->l->o.version);
    gh_runner_stop(r,
                   getenv("ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE") != NULL
                       ? GH_EXIT_OLD
                       : GH_EXIT_TERMINATED,
                   &e);
}

static void on_poll(void *ctx, const struct gh_answer *a)
{
    struct gh_runner *r = ctx;
    struct err none = {0};

    if (gh_ok(a)) {
        on_poll_answer(r, a);
        return;
    }
    switch (a->kind) {
    case GH_KIND_RUNNER_NOT_FOUND:
        not_found(r);
        return;
    case GH_KIND_VERSION_TOO_OLD:
        too_old(r);
        return;
    case GH_KIND_DEPROVISIONED:
        gh_runner_stop(r, GH_EXIT_OK, &none);
        return;
    case GH_KIND_SESSION_INVALID:
        if (r->reg.skip_session_recover) {
            gh_runner_stop(r, GH_EXIT_TERMINATED, &a->e);
        } else if (r->received && r->job.state == GH_JOB_NONE) {
            not_found(r); /* its one job is over */
        } else {
            gh_session_open(r);
        }
        return;
    case GH_KIND_NONE:
    case GH_KIND_OTHER:
    case GH_KIND_ACK_JOB_NOT_FOUND:
        break;
    }
    if (a->status == 401 && r->job.state == GH_JOB_NONE) { /* after a fresh token: fatal (5.3) */
        gh_runner_stop(r, GH_EXIT_TERMINATED, &a->e);
        return;
    }
    on_poll_failure(r, a);
}

static bool poll_is_final(const struct gh_answer *a)
{
    return a->status == 401 || (a->kind != GH_KIND_NONE && a->kind != GH_KIND_OTHER);
}

void gh_poll_start(struct gh_runner *r)
{
    AUTO(auto_free) char *url = NULL;
    struct gh_call_spec s = {
        .what = "poll for messages",
        .method = "GET",
        .timeout_ms = POLL_TIMEOUT_MS,
        .max_bytes = POLL_MAX_BYTES,
        .http_retry = true,
        .attempts = POLL_ATTEMPTS,
        .final = poll_is_final,
        .done = on_poll,
        .ctx = r,
        .ref = &r->call,
    };

    r->state = GH_POLLING;
    loop_del_timer(r->timer);
    r->timer = NULL;
    r->busy_poll = r->job.state != GH_JOB_NONE;
    r->poll_began_ms = tm_now_ms();
    url = gh_poll_url(r, "message", true);
    s.url = url;
    gh_call_start(r->api, &s);
}

void gh_poll_refresh(struct gh_runner *r)
{
    if (r->state != GH_POLLING || r->busy_poll == (r->job.state != GH_JOB_NONE))
        return;
    if (r->call == NULL) /* in a pause: the next poll says it */
        return;
    gh_call_cancel(&r->call);
    gh_poll_start(r);
}
