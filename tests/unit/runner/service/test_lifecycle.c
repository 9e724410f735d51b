/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules of the protocol over time and across runners (spec github-runner-protocol 5, 6, 7.4, 11.3), each against a
 * service of its own on the test clock. */
#include "tests/unit/runner/service/rig.h"

#include "base/clock.h"
#include "base/loop.h"

#define ONE_JOB \
    "on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo hi\n"

/* A request that is answered later, while the test does other things. */
struct pending {
    struct loop *loop;
    struct hc *hc;
    int status; /* 0: not yet */
    struct buf body;
};

static void on_done(void *ctx, const struct hc_response *r, const struct err *e)
{
    struct pending *p = ctx;

    p->status = e == NULL ? r->status : -1;
    if (e == NULL)
        buf_addsv(&p->body, r->body);
}

static struct pending *start_poll(struct rig *g, int i, const char *status)
{
    AUTO(auto_free)
    char *url = xasprintf("%sbroker/message?sessionId=%s&status=%s", g->url, g->session[i], status);
    struct secret bearer = secret_new(g->listener[i], strlen(g->listener[i]));
    struct pending *p = xcalloc(1, sizeof *p);
    struct hc_spec spec = {
        .url = url, .bearer = &bearer, .done = on_done, .ctx = p, .timeout_ms = 30000};
    struct err e;

    p->body = BUF_INIT(1U << 20);
    p->loop = loop_new(&e);
    p->hc = hc_new(p->loop, rig_client(), &e);
    if (p->hc == NULL || hc_start(p->hc, &spec, NULL, &e) < 0)
        fail_err(&e);
    secret_free(&bearer);
    return p;
}

/* Turns the loop until the answer is there, or for ms. */
static int wait_poll(struct pending *p, int64_t ms)
{
    int64_t end = tm_now_ms() + ms;
    struct err e;

    while (p->status == 0 && tm_now_ms() < end)
        if (loop_turn(p->loop, 10, &e) < 0)
            fail_err(&e);
    return p->status;
}

static void end_poll(struct pending *p)
{
    hc_free(p->hc);
    loop_free(p->loop);
    buf_free(&p->body);
    free(p);
}

static void an_empty_poll_is_held_for_50_seconds(void **state)
{
    struct rig *g = rig_new("run", "");
    struct pending *p;

    (void)state;
    rig_session(g, 0);
    p = start_poll(g, 0, "Online");
    assert_int_equal(wait_poll(p, 200), 0);
    rig_jump(g, 49000);
    assert_int_equal(wait_poll(p, 200), 0);
    rig_jump(g, 1500);
    assert_int_equal(wait_poll(p, 10000), 202);
    assert_int_equal(p->body.len, 0);
    end_poll(p);
    rig_free(g);
}

static void a_session_excludes_another_until_it_is_dead(void **state)
{
    struct rig *g = rig_new("run", "");
    struct answer a;

    (void)state;
    rig_session(g, 0);
    a = rig_json(g, "POST", "broker/session", g->listener[0], json_pack("{s:s}", "ownerName", "b"));
    assert_int_equal(a.status, 409);
    answer_done(&a);
    rig_jump(g, 91000);
    rig_session(g, 0); /* the old one was silent for 90 s */
    a = rig_call(g, "DELETE", "broker/session", g->listener[0], SV(""), NULL);
    assert_int_equal(a.status, 204);
    answer_done(&a);
    a = rig_call(g, "DELETE", "broker/session", g->listener[0], SV(""), NULL);
    assert_int_equal(a.status, 204);
    answer_done(&a);
    a = rig_poll(g, 0, "Online");
    assert_int_equal(a.status, 400);
    assert_true(sv_is(jx_str(a.json, "errorKind", ""), "RunnerSessionInvalid"));
    answer_done(&a);
    rig_free(g);
}

static void a_job_that_is_not_picked_up_goes_to_another_runner(void **state)
{
    struct rig *g = rig_new("run", "");
    struct answer a;
    struct pending *p;
    struct job j;
    json_t *m;
    AUTO(auto_free) char *run = NULL;
    AUTO(auto_free) char *request = NULL;

    (void)state;
    rig_session(g, 0);
    rig_session(g, 1);
    run = rig_run(g, ONE_JOB, NULL);
    a = rig_poll(g, 0, "Online");
    m = rig_message(&a, "RunnerJobRequest");
    request = sv_dup(jx_str(m, "runner_request_id", ""));
    json_decref(m);
    answer_done(&a);
    a = rig_acquire(g, 1, request); /* it is not this one's */
    assert_int_equal(a.status, 409);
    assert_int_equal(jx_int(a.json, "statusCode", 0), 409);
    answer_done(&a);
    p = start_poll(g, 1, "Online");
    assert_int_equal(wait_poll(p, 200), 0);
    rig_jump(g, 45000);
    assert_int_equal(wait_poll(p, 100), 0);
    end_poll(p);
    rig_jump(g, 16000);
    j = rig_take(g, 1);
    assert_string_equal(j.id, request);
    a = rig_acquire(g, 0, request);
    assert_int_equal(a.status, 409);
    answer_done(&a);
    assert_int_equal(rig_complete(g, &j, "succeeded", NULL), 204);
    assert_int_equal(rig_complete(g, &j, "succeeded", NULL), 204); /* a repeat is no error */
    a = rig_json(g, "POST", "run/renewjob", j.token,
                 json_pack("{s:s, s:s}", "planId", j.plan, "jobId", j.id));
    assert_int_equal(jx_int(a.json, "statusCode", 0), 404);
    answer_done(&a);
    job_done(&j);
    rig_expect_events(g, run,
                      "run.started\njob.queued build\njob.started build\n"
                      "job.completed build success\nrun.completed success\n");
    rig_free(g);
}

static void an_expired_lock_fails_the_job(void **state)
{
    struct rig *g = rig_new("run", "");
    AUTO(auto_free) char *run = NULL;
    struct job j;

    (void)state;
    rig_session(g, 0);
    run = rig_run(g, ONE_JOB, NULL);
    j = rig_take(g, 0);
    rig_jump(g, 601000);
    rig_expect_events(g, run,
                      "run.started\njob.queued build\njob.started build\n"
                      "annotation build error: the runner stopped renewing the job's lock; it was "
                      "killed, or lost its connection\n"
                      "job.completed build failure\nrun.completed failure\n");
    job_done(&j);
    rig_free(g);
}

static void cancel(struct rig *g, const char *run, bool force)
{
    AUTO(auto_free) char *url = xasprintf("_gantry/runs/%s/cancel", run);
    struct answer a = rig_json(g, "POST", url, g->front, json_pack("{s:b}", "force", force));

    assert_int_equal(a.status, 202);
    answer_done(&a);
}

static void a_cancellation_comes_by_busy_poll_and_again(void **state)
{
    struct rig *g = rig_new("run", "");
    AUTO(auto_free) char *run = NULL;
    struct answer a;
    struct pending *p;
    struct job j;
    json_t *m;

    (void)state;
    rig_session(g, 0);
    run = rig_run(g, ONE_JOB, NULL);
    j = rig_take(g, 0);
    p = start_poll(g, 0, "Busy");
    assert_int_equal(wait_poll(p, 100), 0);
    cancel(g, run, false);
    assert_int_equal(wait_poll(p, 10000), 200);
    end_poll(p);
    p = start_poll(g, 0, "Busy");
    assert_int_equal(wait_poll(p, 200), 0);
    rig_jump(g, 30000);
    assert_int_equal(wait_poll(p, 10000), 200);
    assert_non_null(strstr(p->body.p, "JobCancellation"));
    end_poll(p);
    rig_jump(g, 30000);
    a = rig_poll(g, 0, "Busy");
    m = rig_message(&a, "JobCancellation");
    assert_true(sv_is(jx_str(m, "jobId", ""), j.id));
    assert_true(sv_is(jx_str(m, "timeout", ""), "00:05:00"));
    json_decref(m);
    answer_done(&a);
    assert_int_equal(rig_complete(g, &j, "canceled", NULL), 204);
    job_done(&j);
    rig_expect_events(g, run,
                      "run.started\njob.queued build\njob.started build\n"
                      "job.completed build cancelled\nrun.completed cancelled\n");
    rig_free(g);
}

static void a_job_may_take_its_time_and_no_more(void **state)
{
    struct rig *g = rig_new("run", "");
    AUTO(auto_free) char *run = NULL;
    struct pending *p;
    struct job j;

    (void)state;
    rig_session(g, 0);
    run = rig_run(g,
                  "on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    timeout-minutes: 5\n"
                  "    steps:\n      - run: echo hi\n",
                  NULL);
    j = rig_take(g, 0);
    rig_jump(g, 299000);
    rig_session(g, 0); /* nobody polled for so long */
    p = start_poll(g, 0, "Busy");
    assert_int_equal(wait_poll(p, 200), 0);
    rig_jump(g, 2000);
    assert_int_equal(wait_poll(p, 10000), 200);
    assert_non_null(strstr(p->body.p, "JobCancellation"));
    end_poll(p);
    assert_int_equal(rig_complete(g, &j, "canceled", NULL), 204);
    job_done(&j);
    rig_expect_events(g, run,
                      "run.started\njob.queued build\njob.started build\n"
                      "annotation build error: The job has exceeded the maximum execution time of "
                      "5m0s\njob.completed build cancelled\nrun.completed cancelled\n");
    rig_free(g);
}

static void a_cancelled_job_has_the_time_that_it_asked_for(void **state)
{
    struct rig *g = rig_new("run", "");
    AUTO(auto_free) char *run = NULL;
    struct answer a;
    struct job j;
    json_t *m;

    (void)state;
    rig_session(g, 0);
    run = rig_run(
        g,
        "on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    cancel-timeout-minutes: "
        "1501\n    steps:\n      - run: echo hi\n",
        NULL);
    j = rig_take(g, 0);
    cancel(g, run, false);
    a = rig_poll(g, 0, "Busy");
    m = rig_message(&a, "JobCancellation");
    assert_true(sv_is(jx_str(m, "timeout", ""), "1.01:01:00"));
    json_decref(m);
    answer_done(&a);
    assert_int_equal(rig_complete(g, &j, "canceled", NULL), 204);
    job_done(&j);
    rig_free(g);
}

static void a_job_waits_for_a_runner_for_a_day(void **state)
{
    struct rig *g = rig_new("serve", "");
    AUTO(auto_free) char *run = rig_run(g, ONE_JOB, NULL);

    (void)state;
    rig_jump(g, 24LL * 3600 * 1000 + 1000);
    rig_expect_events(
        g, run,
        "run.started\njob.queued build\nannotation build error: no runner took the job "
        "for 24 hours\njob.completed build failure\nrun.completed failure\n");
    rig_free(g);
}

static void a_forced_cancel_ends_the_run_at_once(void **state)
{
    struct rig *g = rig_new("run", "");
    AUTO(auto_free) char *run = NULL;
    struct answer a;
    struct job j;

    (void)state;
    rig_session(g, 0);
    run = rig_run(g, ONE_JOB, NULL);
    j = rig_take(g, 0);
    cancel(g, run, false);
    cancel(g, run, true);
    rig_expect_events(g, run,
                      "run.started\njob.queued build\njob.started build\n"
                      "job.completed build cancelled\nrun.completed cancelled\n");
    a = rig_poll(g, 0, "Busy"); /* its runner is told nevertheless */
    json_decref(rig_message(&a, "JobCancellation"));
    answer_done(&a);
    assert_int_equal(rig_complete(g, &j, "canceled", NULL), 204);
    job_done(&j);
    rig_free(g);
}

#define MATRIX                                                                          \
    "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    strategy:\n      matrix:\n" \
    "        n: [1, 2, 3, 4]\n    steps:\n      - run: echo\n"

static void a_failing_leg_cancels_the_others(void **state)
{
    struct rig *g = rig_new("run", "");
    AUTO(auto_free) char *run = NULL;
    AUTO(auto_json) json_t *events = NULL;
    const json_t *v;
    struct answer a;
    struct job one, two;
    size_t i;
    int cancelled = 0, failed = 0;

    (void)state;
    rig_session(g, 0);
    rig_session(g, 1);
    run = rig_run(g, MATRIX, NULL);
    one = rig_take(g, 0);
    two = rig_take(g, 1);
    assert_int_equal(rig_complete(g, &one, "failed", NULL), 204);
    a = rig_poll(g, 1, "Busy");
    json_decref(rig_message(&a, "JobCancellation"));
    answer_done(&a);
    assert_int_equal(rig_complete(g, &two, "canceled", NULL), 204);
    events = rig_events(g, run, 0);
    json_array_foreach(events, i, v)
    {
        if (!sv_is(jx_str(v, "type", ""), "job.completed"))
            continue;
        cancelled += sv_is(jx_str(v, "result", ""), "cancelled") ? 1 : 0;
        failed += sv_is(jx_str(v, "result", ""), "failure") ? 1 : 0;
        assert_true(json_is_object(jx_get(v, "matrix")));
    }
    assert_int_equal(failed, 1);
    assert_int_equal(cancelled, 3);
    job_done(&one);
    job_done(&two);
    rig_free(g);
}

static void outputs_reach_the_jobs_that_need_them(void **state)
{
    struct rig *g = rig_new("run", "");
    AUTO(auto_free) char *run = NULL;
    AUTO(buf_free) struct buf text = BUF_INIT(1U << 20);
    struct job j;

    (void)state;
    rig_session(g, 0);
    run = rig_run(g,
                  "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n"
                  "    outputs: {n: '${{ steps.s.outputs.n }}'}\n"
                  "    steps: [{run: x, id: s}]\n  b:\n    needs: a\n    runs-on: ubuntu-latest\n"
                  "    steps: [{run: y}]\n  c:\n    if: needs.a.outputs.n == '9'\n    needs: a\n"
                  "    runs-on: ubuntu-latest\n    steps: [{run: z}]\n",
                  NULL);
    j = rig_take(g, 0);
    assert_int_equal(rig_complete(g, &j, "succeeded", json_pack("{s:{s:s}}", "n", "value", "41")),
                     204);
    job_done(&j);
    j = rig_take(g, 0);
    jx_write(&text, jx_get(jx_get(j.message, "contextData"), "needs"));
    assert_string_equal(text.p,
                        "{\"t\":2,\"d\":[{\"k\":\"a\",\"v\":{\"t\":2,\"d\":[{\"k\":\"result\","
                        "\"v\":\"success\"},{\"k\":\"outputs\",\"v\":{\"t\":2,\"d\":[{\"k\":\"n\","
                        "\"v\":\"41\"}]}}]}}]}");
    assert_int_equal(rig_complete(g, &j, "succeeded", NULL), 204);
    job_done(&j);
    rig_expect_events(g, run,
                      "run.started\njob.queued a\njob.started a\njob.completed a success\n"
                      "job.completed c skipped\njob.queued b\njob.started b\n"
                      "job.completed b success\nrun.completed success\n");
    rig_free(g);
}

static void a_label_that_no_runner_has_is_named(void **state)
{
    struct rig *g = rig_new("run", ",\"labels\":[\"self-hosted\",\"linux\"]");
    AUTO(auto_free)
    char *run = rig_run(g,
                        "on: push\njobs:\n  w:\n    runs-on: [self-hosted, windows-2025]\n"
                        "    steps: [{run: x}]\n",
                        NULL);

    (void)state;
    rig_expect_events(
        g, run,
        "run.started\njob.queued w\nannotation w error: no local runner has the label "
        "'windows-2025'; leave the job out with -j or --matrix\n"
        "job.completed w failure\nrun.completed failure\n");
    rig_free(g);
}

struct bad_run {
    const char *name, *body, *want;
};
static const struct bad_run bad_runs[] = {
    {"no workflow", "{}", "'workflow' must be an object"},
    {"no text", "{\"workflow\":{\"path\":\"a.yml\"}}", "'workflow' must be an object"},
    {"inputs list", "{\"workflow\":{\"path\":\"a\",\"text\":\"\"},\"inputs\":[]}",
     "must be objects"},
    {"broken yaml", "{\"workflow\":{\"path\":\"a.yml\",\"text\":\"on: push\\njobs: [\\n\"}}",
     "\"file\":\"a.yml\""},
    {"cycle",
     "{\"workflow\":{\"path\":\"a.yml\",\"text\":\"on: push\\njobs:\\n  a:\\n    needs: a\\n"
     "    runs-on: x\\n    steps: [{run: x}]\\n\"}}",
     "\"line\":"},
    {"unknown job",
     "{\"workflow\":{\"path\":\"a.yml\",\"text\":\"on: push\\njobs:\\n  a:\\n    runs-on: x\\n"
     "    steps: [{run: x}]\\n\"},\"jobs\":[\"b\"]}",
     "the workflow 'a.yml' has no job 'b'"},
};

static void a_bad_run_is_refused(void **state)
{
    struct rig *g = rig_new("run", "");

    (void)state;
    for (size_t i = 0; i < sizeof bad_runs / sizeof *bad_runs; i++) {
        struct answer a =
            rig_call(g, "POST", "_gantry/runs", g->front, sv_of(bad_runs[i].body), NULL);
        if (a.status != 422 || strstr(a.body.p, bad_runs[i].want) == NULL)
            fail_msg("%s: %d %s", bad_runs[i].name, a.status, a.body.p);
        answer_done(&a);
    }
    rig_free(g);
}

static void the_front_end_token_is_needed(void **state)
{
    struct rig *g = rig_new("run", "");
    const char *const tokens[] = {NULL, g->listener[0], "x"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct answer a = rig_call(g, "POST", "_gantry/runs", tokens[i], SV("{}"), NULL);
        assert_int_equal(a.status, 401);
        answer_done(&a);
        a = rig_call(g, "GET", "_gantry/runs/1/events", tokens[i], SV(""), NULL);
        assert_int_equal(a.status, 401);
        answer_done(&a);
    }
    rig_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_poll_is_held_for_50_seconds),
        cmocka_unit_test(a_session_excludes_another_until_it_is_dead),
        cmocka_unit_test(a_job_that_is_not_picked_up_goes_to_another_runner),
        cmocka_unit_test(an_expired_lock_fails_the_job),
        cmocka_unit_test(a_cancellation_comes_by_busy_poll_and_again),
        cmocka_unit_test(a_job_may_take_its_time_and_no_more),
        cmocka_unit_test(a_cancelled_job_has_the_time_that_it_asked_for),
        cmocka_unit_test(a_job_waits_for_a_runner_for_a_day),
        cmocka_unit_test(a_forced_cancel_ends_the_run_at_once),
        cmocka_unit_test(a_failing_leg_cancels_the_others),
        cmocka_unit_test(outputs_reach_the_jobs_that_need_them),
        cmocka_unit_test(a_label_that_no_runner_has_is_named),
        cmocka_unit_test(a_bad_run_is_refused),
        cmocka_unit_test(the_front_end_token_is_needed),
    };

    rig_reserve();
    proc_main_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
