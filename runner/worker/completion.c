/* SPDX-License-Identifier: Apache-2.0
 *
 * completejob. Source: actions/runner 2.336.0 src/Sdk/RSWebApi/Contracts, src/Runner.Worker/JobRunner.cs
 * (spec logs 8.3, 9.1, 9.2). */
#include "runner/worker/completion.h"

#include <jansson.h>

#include "base/clock.h"
#include "base/mem.h"
#include "runner/worker/http_wait.h"
#include "runner/worker/results.h"
#include "runner/worker/worker.h"

enum {
    COMPLETE_ATTEMPTS = 5,
    COMPLETE_MIN_MS = 5000, /* Source: RunServer.cs RetryRequest, 5 to 15 s */
    COMPLETE_MAX_MS = 15000,
    COMPLETE_ROUNDS = 5, /* Source: JobRunner.cs */
};

static void set_text(json_t *o, const char *key, const char *text)
{
    if (text != NULL && *text != '\0')
        json_object_set_new(o, key, jx_str_new(sv_of(text)));
}

static void set_number(json_t *o, const char *key, int64_t n)
{
    if (n != 0) /* zero members are left out (8.3) */
        json_object_set_new(o, key, json_integer(n));
}

json_t *completion_annotation(const struct issue *i, unsigned step_number)
{
    static const char *const levels[] = {
        [ISSUE_NOTICE] = "notice", [ISSUE_WARNING] = "warning", [ISSUE_ERROR] = "failure"};
    int64_t line = i->line, end_line = i->end_line != 0 ? i->end_line : i->line;

    if (sv_trim(sv_of(i->message)).n == 0)
        return NULL;
    if (i->file == NULL && line == 0)
        line = end_line = i->log_line;
    json_t *o = json_object();
    json_object_set_new(o, "level", json_string(levels[i->level]));
    set_text(o, "message", i->message);
    set_text(o, "title", i->title);
    set_text(o, "path", i->file);
    set_number(o, "startLine", line);
    set_number(o, "endLine", end_line);
    set_number(o, "startColumn", i->col);
    set_number(o, "endColumn", i->end_col != 0 ? i->end_col : i->col);
    set_number(o, "stepNumber", step_number);
    if (i->infrastructure != NULL)
        json_object_set_new(o, "isInfrastructureIssue", json_true());
    return o;
}

static json_t *ticks(int64_t wall_us)
{
    AUTO(buf_free) struct buf b = BUF_INIT(64);

    tm_format_ticks(&b, wall_us);
    return jx_str_new(buf_sv(&b));
}

static json_t *step_result(const struct record *r)
{
    json_t *o = json_object(), *annotations = json_array();

    json_object_set_new(o, "external_id", json_string(r->id));
    json_object_set_new(o, "number", json_integer(r->number));
    json_object_set_new(o, "name", jx_str_new(sv_of(r->name)));
    set_text(o, "action_name", r->action_name);
    set_text(o, "ref", r->ref);
    set_text(o, "type", r->type);
    json_object_set_new(o, "status", json_string("completed"));
    json_object_set_new(o, "conclusion", json_string(result_wire(r->result)));
    json_object_set_new(o, "started_at", ticks(r->started_us));
    json_object_set_new(o, "completed_at", ticks(r->finished_us));
    for (size_t i = 0; i < r->n_issues; i++) {
        json_t *a = completion_annotation(&r->issues[i], r->number);
        if (a != NULL)
            json_array_append_new(annotations, a);
    }
    json_object_set_new(o, "annotations", annotations);
    results_add_details(o, r);
    return o;
}

/* In the order in which they completed (9.1). */
static json_t *step_results(const struct records *l)
{
    json_t *a = json_array();

    for (unsigned k = 1; k <= l->completed; k++)
        for (size_t i = 0; i < l->n; i++)
            if (l->v[i]->completed_order == k)
                json_array_append_new(a, step_result(l->v[i]));
    return a;
}

static json_t *outputs_json(const struct val *outputs)
{
    json_t *o = json_object();

    for (size_t i = 0; outputs != NULL && i < val_count(outputs); i++) {
        AUTO(auto_free) char *name = sv_dup(val_key_at(outputs, i));
        json_t *v = json_object();
        json_object_set_new(v, "value", jx_str_new(val_get_string(val_at(outputs, i))));
        json_object_set_new(o, name, v);
    }
    return o;
}

static json_t *telemetry_json(const struct val *telemetry)
{
    json_t *a = json_array();

    for (size_t i = 0; telemetry != NULL && i < val_count(telemetry); i++) {
        json_t *o = json_object();
        json_object_set_new(o, "message", jx_str_new(val_key_at(telemetry, i)));
        json_object_set_new(o, "type", jx_str_new(val_get_string(val_at(telemetry, i))));
        json_array_append_new(a, o);
    }
    return a;
}

json_t *completion_body(const struct worker *w)
{
    json_t *o = json_object();

    json_object_set_new(o, "planId", jx_str_new(w->msg->plan_id));
    json_object_set_new(o, "jobId", jx_str_new(w->msg->job_id));
    json_object_set_new(o, "conclusion", json_string(result_wire(w->result)));
    json_object_set_new(o, "outputs", outputs_json(w->outputs));
    json_object_set_new(o, "stepResults", step_results(&w->records));
    json_object_set_new(o, "annotations", json_array());
    if (w->telemetry != NULL && val_count(w->telemetry) > 0)
        json_object_set_new(o, "telemetry", telemetry_json(w->telemetry));
    set_text(o, "environmentUrl", w->environment_url);
    if (w->msg->billing_owner.n > 0)
        json_object_set_new(o, "billingOwnerId", jx_str_new(w->msg->billing_owner));
    set_text(o, "infrastructureFailureCategory", w->infrastructure);
    if (message_flag(w->msg, "gantry.step_details")) {
        json_t *usage = json_object();
        json_object_set_new(usage, "cpu_ms", json_integer(w->cpu_ms));
        json_object_set_new(usage, "max_rss_bytes", json_integer(w->max_rss_bytes));
        json_object_set_new(o, "usage", usage);
    }
    return o;
}

static bool worth_repeating(int status)
{
    return status != 401 && status != 404 && (status < 200 || status > 299);
}

/* Only the body's statusCode decides about "job not found" (9.2). */
static bool job_not_found(struct sv body)
{
    struct err ignored = {0}; /* no JSON: nothing known */
    AUTO(auto_json) json_t *j = jx_parse_lax(body, "answer", &ignored);

    return j != NULL && sv_is(jx_str(j, "source", ""), "actions-run-service") &&
           jx_int(j, "statusCode", 0) == 404;
}

/* 1 done, 0 try again, -1 stop. */
static int attempt(struct worker *w, const char *url, const json_t *body, struct err *e)
{
    AUTO(buf_free) struct buf text = BUF_INIT(HTTP_REQUEST_MAX);
    AUTO(buf_free) struct buf answer = BUF_INIT(HTTP_ANSWER_MAX);
    struct http_headers h;
    struct hc_spec spec;
    int status = 0;

    if (http_spec_json(w, url, body, &text, &h, &spec, e) < 0)
        return -1;
    spec.retry = (struct hc_retry){.attempts = COMPLETE_ATTEMPTS,
                                   .min_ms = COMPLETE_MIN_MS,
                                   .max_ms = COMPLETE_MAX_MS,
                                   .again = worth_repeating};
    if (http_wait(w, &spec, false, &status, &answer, e) < 0)
        return e->code == FAIL_CANCELED ? -1 : 0;
    if (status >= 200 && status <= 299)
        return 1;
    (void)err_http(e, status, "completejob was answered with status %d: " SV_FMT, status,
                   SV_ARG(sv_sub(buf_sv(&answer), 0, 200)));
    if (status == 401)
        e->code = FAIL_DENIED;
    else if (job_not_found(buf_sv(&answer)))
        e->code = FAIL_NOTFOUND;
    else
        return 0;
    return -1;
}

int completion_send(struct worker *w, struct err *e)
{
    AUTO(auto_free) char *url = http_join(w->msg->endpoint.url, "completejob");
    AUTO(auto_json) json_t *body = completion_body(w);

    for (int round = 0; round < COMPLETE_ROUNDS; round++) {
        int r = attempt(w, url, body, e);
        if (r > 0)
            return 0;
        if (r < 0)
            break;
    }
    return err_wrap(e, "complete the job");
}
