/* SPDX-License-Identifier: Apache-2.0
 *
 * The lease of a job: renewed before its worker starts and every 60 s from then on (spec runner-protocol 6.2). */
#include "runner/listener/listener_priv.h"

#include <jansson.h>

#define RENEW_EVERY_MS  60000
#define RENEW_ATTEMPTS  5U
#define RENEW_FIRST_MAX 5U     /* rounds before the worker starts */
#define RENEW_GRACE_MS  300000 /* after lockedUntil */
#define LEASE_DEFAULT_MS \
    600000 /* Ours: when lockedUntil cannot be read; the 10 minutes fit the 60 s */
#define LEASE_MAX_MS 86400000
#define ERRORS_LONG  6U

static void renew(struct gh_job *j);

static void on_timer(void *ctx)
{
    renew(ctx);
}

static void renew_in(struct gh_job *j, int64_t ms)
{
    loop_del_timer(j->renew_timer);
    j->renew_timer = loop_add_timer(j->r->l->loop, ms, on_timer, j);
}

/* Counted from receipt, because the clocks may differ (12, row 22): an upper bound only. */
static int read_lease(struct gh_job *j, const struct gh_answer *a, struct err *e)
{
    AUTO(auto_json) json_t *o = jx_parse_lax(a->body, "renew answer", e);
    const json_t *until;
    int64_t wall, left = LEASE_DEFAULT_MS;
    struct err ignored; /* an unreadable time falls back to the default */

    if (o == NULL)
        return -1;
    until = jx_iget(o, "lockedUntil");
    if (json_is_string(until) && tm_parse(sv_of(json_string_value(until)), &wall, &ignored) == 0)
        left = wall - tm_wall_ms();
    if (left < RENEW_EVERY_MS)
        left = RENEW_EVERY_MS;
    if (left > LEASE_MAX_MS)
        left = LEASE_MAX_MS;
    j->lease_until_ms = tm_now_ms() + left;
    return 0;
}

/* The job is not ours any more: the worker is cancelled and nothing is reported. */
static void lost(struct gh_job *j, const char *why)
{
    log_error("listener", "job-lost", "job=%s why=%s", j->env.display_name, why);
    j->lost = true;
    if (j->state == GH_JOB_LEASE) {
        gh_job_over(j);
        return;
    }
    gh_lease_stop(j);
    if (!j->cancel)
        gh_job_cancel(j->r, sv_of(j->env.job_id), 0,
                      "The job is no longer assigned to this runner.");
}

static void on_renewed(void *ctx, const struct gh_answer *a)
{
    struct gh_job *j = ctx;
    struct err e = a->e;
    char text[512];
    bool first = j->state == GH_JOB_LEASE;

    if (gh_ok(a) && read_lease(j, a, &e) == 0) {
        j->renew_errors = 0;
        renew_in(j, RENEW_EVERY_MS);
        if (first)
            gh_worker_launch(j);
        return;
    }
    (void)err_text(&e, text, sizeof text);
    if (a->run_status == 404) {
        lost(j, text);
        return;
    }
    j->renew_errors++;
    log_warn("listener", "renew", "job=%s errors=%u why=%s", j->env.display_name, j->renew_errors,
             text);
    if (first ? j->renew_errors >= RENEW_FIRST_MAX
              : tm_now_ms() >= j->lease_until_ms + RENEW_GRACE_MS) {
        lost(j, text);
        return;
    }
    renew_in(j, first                           ? gh_jitter(1000, 10000)
                : j->renew_errors < ERRORS_LONG ? gh_jitter(5000, 15000)
                                                : gh_jitter(15000, 30000));
}

static bool renew_is_final(const struct gh_answer *a)
{
    return a->run_status == 404;
}

static void renew(struct gh_job *j)
{
    AUTO(auto_free) char *url = gh_url(j->env.url, "renewjob");
    AUTO(auto_free)
    char *body = xasprintf("{\"planId\":\"%s\",\"jobId\":\"%s\"}", j->env.plan_id, j->env.job_id);
    struct gh_call_spec s = {
        .what = "renew job",
        .method = "POST",
        .url = url,
        .body = sv_of(body),
        .bearer = &j->env.token, /* the job's, not the listener's (12, row 7) */
        .http_retry = true,
        .attempts = RENEW_ATTEMPTS,
        .final = renew_is_final,
        .done = on_renewed,
        .ctx = j,
        .ref = &j->renew,
    };

    gh_call_start(j->r->api, &s);
}

void gh_lease_first(struct gh_job *j)
{
    j->state = GH_JOB_LEASE;
    renew(j);
}

void gh_lease_stop(struct gh_job *j)
{
    gh_call_cancel(&j->renew);
    loop_del_timer(j->renew_timer);
    j->renew_timer = NULL;
}
