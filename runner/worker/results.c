/* SPDX-License-Identifier: Apache-2.0
 *
 * WorkflowStepsUpdate. Source: actions/runner 2.336.0 src/Sdk/WebApi/WebApi/ResultsHttpClient.cs,
 * Contracts.cs (spec logs 6.3). */
#include "runner/worker/results.h"

#include <jansson.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "runner/worker/http_wait.h"
#include "runner/worker/worker.h"

enum {
    RESULTS_INTERVAL_MS = 500,      /* Source: spec logs 6.2 */
    RESULTS_INTERVAL_LOCAL_MS = 20, /* ours: the embedded service on this host can take more */
    RESULTS_RETRY_MS = 2000,
};

struct results {
    struct worker *w;
    char *url;
    struct loop_timer *timer;
    struct hc_req *under_way;
    bool *taken; /* by record index: part of the request under way */
    size_t n_taken;
    int64_t change_order, last_ms, interval_ms;
    bool armed, hurry;
    unsigned failures;
};

static int status_number(enum record_state s)
{
    switch (s) {
    case REC_PENDING:
        return 5;
    case REC_IN_PROGRESS:
        return 3;
    case REC_COMPLETED:
        return 6;
    }
    return 0;
}

static int conclusion_number(const struct record *r)
{
    if (r->state != REC_COMPLETED)
        return 0;
    switch (r->result) {
    case RES_NONE:
    case RES_SUCCEEDED:
        return 2;
    case RES_FAILED:
        return 3;
    case RES_CANCELED:
        return 4;
    case RES_SKIPPED:
        return 7;
    }
    return 0;
}

static json_t *time_or_null(int64_t wall_us)
{
    AUTO(buf_free) struct buf b = BUF_INIT(64);

    if (wall_us == 0)
        return json_null();
    tm_format_ms(&b, wall_us / 1000);
    return jx_str_new(buf_sv(&b));
}

/* Source: docs/internals/local-service.md, variable gantry.step_details. */
void results_add_details(json_t *step, const struct record *r)
{
    if (!r->has_details || r->state != REC_COMPLETED)
        return;
    json_object_set_new(step, "outcome", json_string(result_context(r->outcome)));
    json_object_set_new(step, "outputs",
                        r->outputs != NULL ? val_to_json(r->outputs) : json_object());
    json_object_set_new(step, "log_lines", json_integer((json_int_t)r->lines));
}

static json_t *step_json(const struct record *r)
{
    json_t *o = json_object();

    json_object_set_new(o, "external_id", json_string(r->id));
    json_object_set_new(o, "number", json_integer(r->number));
    json_object_set_new(o, "name", jx_str_new(sv_of(r->name)));
    json_object_set_new(o, "status", json_integer(status_number(r->state)));
    json_object_set_new(o, "started_at", time_or_null(r->started_us));
    json_object_set_new(o, "completed_at", time_or_null(r->finished_us));
    json_object_set_new(o, "conclusion", json_integer(conclusion_number(r)));
    results_add_details(o, r);
    return o;
}

json_t *results_body(const struct records *l, const bool *take, int64_t change_order,
                     struct sv plan_id, struct sv job_id)
{
    json_t *steps = json_array(), *o = json_object();

    for (size_t i = 0; i < l->n; i++)
        if (take[i])
            json_array_append_new(steps, step_json(l->v[i]));
    json_object_set_new(o, "steps", steps);
    json_object_set_new(o, "change_order", json_integer(change_order));
    json_object_set_new(o, "workflow_job_run_backend_id", jx_str_new(job_id));
    json_object_set_new(o, "workflow_run_backend_id", jx_str_new(plan_id));
    return o;
}

static bool is_owed(const struct results *r)
{
    for (size_t i = 0; i < r->w->records.n; i++)
        if (r->w->records.v[i]->changed)
            return true;
    return false;
}

static void arm(struct results *r, int64_t delay_ms)
{
    r->armed = true;
    loop_set_timer(r->timer, delay_ms);
}

static bool answer_ok(const struct hc_response *r)
{
    struct err ignored = {0}; /* not JSON: not ok */
    AUTO(auto_json) json_t *j = jx_parse(r->body, "answer", &ignored);

    return j != NULL && jx_bool(j, "ok", false);
}

static void on_answer(void *ctx, const struct hc_response *resp, const struct err *e)
{
    struct results *r = ctx;
    bool ok = e == NULL && answer_ok(resp);

    r->under_way = NULL;
    r->last_ms = tm_now_ms();
    if (!ok) {
        log_debug("results", "step update failed", "status=%d", resp != NULL ? resp->status : 0);
        for (size_t i = 0; i < r->n_taken; i++) /* owed again (6.2 Gantry note) */
            if (r->taken[i])
                r->w->records.v[i]->changed = true;
        r->failures++;
    } else {
        r->failures = 0;
    }
    free(r->taken);
    r->taken = NULL;
    if (is_owed(r))
        arm(r, !ok ? RESULTS_RETRY_MS : r->hurry ? 0 : r->interval_ms);
}

static void send_now(void *ctx)
{
    struct results *r = ctx;
    struct worker *w = r->w;
    AUTO(buf_free) struct buf text = BUF_INIT(HTTP_REQUEST_MAX);
    struct http_headers h;
    struct hc_spec spec;
    struct err e = {0};

    r->armed = false;
    if (r->under_way != NULL || !is_owed(r))
        return;
    r->n_taken = w->records.n;
    r->taken = xcalloc(r->n_taken + 1, sizeof *r->taken);
    for (size_t i = 0; i < r->n_taken; i++) {
        r->taken[i] = w->records.v[i]->changed;
        w->records.v[i]->changed = false;
    }
    AUTO(auto_json)
    json_t *body =
        results_body(&w->records, r->taken, ++r->change_order, w->msg->plan_id, w->msg->job_id);
    if (http_spec_json(w, r->url, body, &text, &h, &spec, &e) == 0) {
        spec.done = on_answer;
        spec.ctx = r;
        if (hc_start(w->http, &spec, &r->under_way, &e) == 0)
            return;
    }
    on_answer(r, NULL, &e);
}

static bool is_local(struct sv url)
{
    return sv_find(url, SV(".localhost:")) != SV_NPOS || sv_find(url, SV("//127.0.0.1")) != SV_NPOS;
}

struct results *results_new(struct worker *w)
{
    struct results *r = xcalloc(1, sizeof *r);
    struct sv base = w->msg->endpoint.results_url;

    (void)message_var(w->msg, "system.github.results_endpoint", &base);
    r->w = w;
    r->url = http_join(base, "twirp/github.actions.results.api.v1.WorkflowStepUpdateService/"
                             "WorkflowStepsUpdate");
    r->interval_ms = is_local(base) ? RESULTS_INTERVAL_LOCAL_MS : RESULTS_INTERVAL_MS;
    r->last_ms = tm_now_ms() - r->interval_ms;
    r->timer = loop_add_timer(w->loop, 0, send_now, r);
    loop_set_timer(r->timer, -1);
    return r;
}

void results_free(struct results *r)
{
    if (r == NULL)
        return;
    if (r->under_way != NULL)
        hc_cancel(r->under_way);
    loop_del_timer(r->timer);
    free(r->taken);
    free(r->url);
    free(r);
}

void results_poke(struct results *r)
{
    int64_t wait = r->last_ms + r->interval_ms - tm_now_ms();

    if (r->under_way != NULL || r->armed || !is_owed(r))
        return;
    arm(r, wait > 0 ? wait : 0);
}

void results_hurry(struct results *r)
{
    r->hurry = true;
    if (r->under_way == NULL && is_owed(r))
        arm(r, 0);
}

bool results_idle(const struct results *r)
{
    return r->under_way == NULL && (!is_owed(r) || r->failures >= 5);
}
