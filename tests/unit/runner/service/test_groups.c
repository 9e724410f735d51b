/* SPDX-License-Identifier: Apache-2.0
 *
 * Concurrency groups over the runs of one service (spec expressions 4.12): who waits, who is replaced, who is
 * cancelled, and that a crash changes none of it. */
#include "tests/unit/runner/service/rig.h"

#define JOB(id, more)   "  " id ": {runs-on: ubuntu-latest, " more "steps: [{run: x}]}\n"
#define IN_GROUP(group) "on: push\nconcurrency: " group "\njobs:\n" JOB("a", "")

static void complete(struct rig *g, struct job *j, const char *conclusion)
{
    assert_int_equal(rig_complete(g, j, conclusion, NULL), 204);
    job_done(j);
}

/* Takes a job, which must be this one, and ends it. */
static void pass(struct rig *g, int runner, const char *name)
{
    struct job j = rig_take(g, runner);

    assert_string_equal(j.name, name);
    complete(g, &j, "succeeded");
}

static void cancel(struct rig *g, const char *run)
{
    AUTO(auto_free) char *url = xasprintf("_gantry/runs/%s/cancel", run);
    struct answer a = rig_json(g, "POST", url, g->front, json_object());

    assert_int_equal(a.status, 202);
    answer_done(&a);
}

static void restart(struct rig *g)
{
    struct err e;
    int status = -1;

    if (proc_signal(&g->proc, SIGKILL, &e) < 0 || proc_wait(&g->proc, false, &status, &e) < 0)
        fail_err(&e);
    fd_close(&g->ready);
    rig_configure(g, "serve", "");
    rig_connect(g);
    rig_session(g, 0);
    rig_session(g, 1);
}

#define ONE_RUN "job.queued a\njob.started a\njob.completed a success\nrun.completed success\n"
#define REPLACED(group) \
    "error: Canceling since a higher priority waiting request for '" group "' exists\n"

static void a_run_waits_and_a_newer_one_takes_its_place(void **state)
{
    struct rig *g = rig_new("serve", "");
    AUTO(auto_free) char *one = NULL;
    AUTO(auto_free) char *two = NULL;
    AUTO(auto_free) char *three = NULL;
    struct job j;

    (void)state;
    rig_session(g, 0);
    rig_session(g, 1);
    one = rig_run(g, IN_GROUP("prod"), NULL);
    j = rig_take(g, 0);
    two = rig_run(g, IN_GROUP("\"p${{ 'rod' }}\""), NULL);
    three = rig_run(g, IN_GROUP("PROD"), NULL);
    rig_expect_events(
        g, two,
        "run.started\nrun.waiting\nannotation " REPLACED("prod") "run.completed cancelled\n");
    complete(g, &j, "succeeded");
    pass(g, 1, "a");
    rig_expect_events(g, one, "run.started\n" ONE_RUN);
    rig_expect_events(g, three, "run.started\nrun.waiting\n" ONE_RUN);
    rig_free(g);
}

static void another_repository_has_groups_of_its_own(void **state)
{
    struct rig *g = rig_new("serve", "");
    AUTO(auto_free) char *two = NULL;
    struct job j, k;

    (void)state;
    rig_session(g, 0);
    rig_session(g, 1);
    free(rig_run(g, IN_GROUP("prod"), NULL));
    two = rig_run(g, IN_GROUP("prod"), json_pack("{s:s}", "repository", "acme/other"));
    j = rig_take(g, 0);
    k = rig_take(g, 1);
    complete(g, &j, "succeeded");
    complete(g, &k, "succeeded");
    rig_expect_events(g, two, "run.started\n" ONE_RUN);
    rig_free(g);
}

static void cancel_in_progress_ends_the_running_one(void **state)
{
    struct rig *g = rig_new("serve", "");
    AUTO(auto_free) char *one = NULL;
    AUTO(auto_free) char *two = NULL;
    struct answer a;
    struct job j;

    (void)state;
    rig_session(g, 0);
    rig_session(g, 1);
    one = rig_run(g, IN_GROUP("prod"), NULL);
    j = rig_take(g, 0);
    two = rig_run(g, IN_GROUP("{group: prod, cancel-in-progress: true}"), NULL);
    a = rig_poll(g, 0, "Busy");
    json_decref(rig_message(&a, "JobCancellation"));
    answer_done(&a);
    complete(g, &j, "canceled");
    pass(g, 1, "a");
    rig_expect_events(g, one,
                      "run.started\njob.queued a\njob.started a\nannotation " REPLACED(
                          "prod") "job.completed a cancelled\nrun.completed cancelled\n");
    rig_expect_events(g, two, "run.started\nrun.waiting\n" ONE_RUN);
    rig_free(g);
}

static void jobs_of_one_run_share_a_group(void **state)
{
    static const char workflow[] =
        "on: push\njobs:\n" JOB("a", "concurrency: prod, ") JOB("b", "concurrency: Prod, ")
            JOB("c", "concurrency: '${{ github.ref_name && ''PROD'' }}', ");
    struct rig *g = rig_new("run", "");
    AUTO(auto_free) char *run = NULL;

    (void)state;
    rig_session(g, 0);
    run = rig_run(g, workflow, NULL);
    pass(g, 0, "a");
    pass(g, 0, "c");
    rig_expect_events(
        g, run,
        "run.started\njob.queued a\njob.queued b\njob.waiting b\njob.queued c\n"
        "annotation b " REPLACED(
            "Prod") "job.completed b cancelled\njob.waiting c\n"
                    "job.started a\njob.completed a success\n"
                    "job.started c\njob.completed c success\nrun.completed cancelled\n");
    rig_free(g);
}

static void a_queue_lets_all_go_in_their_order(void **state)
{
    static const char workflow[] =
        "on: push\njobs:\n"
        "  t:\n    runs-on: ubuntu-latest\n    strategy: {matrix: {n: [1, 2, 3]}}\n"
        "    concurrency: {group: prod, queue: max}\n    steps: [{run: x}]\n";
    struct rig *g = rig_new("run", "");
    AUTO(auto_free) char *run = NULL;

    (void)state;
    rig_session(g, 0);
    run = rig_run(g, workflow, NULL);
    pass(g, 0, "t (1)");
    pass(g, 0, "t (2)");
    pass(g, 0, "t (3)");
    rig_expect_events(
        g, run,
        "run.started\njob.queued t (1)\njob.queued t (2)\njob.waiting t (2)\njob.queued t (3)\n"
        "job.waiting t (3)\njob.started t (1)\njob.completed t (1) success\n"
        "job.started t (2)\njob.completed t (2) success\njob.started t (3)\n"
        "job.completed t (3) success\nrun.completed success\n");
    rig_free(g);
}

static void a_full_queue_takes_no_more(void **state)
{
    static const char workflow[] =
        "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    strategy: {fail-fast: false, matrix: "
        "{n: \"${{ fromJSON(vars.n) }}\"}}\n    concurrency: {group: prod, queue: max}\n"
        "    steps: [{run: x}]\n";
    struct rig *g = rig_new("run", "");
    AUTO(buf_free) struct buf list = BUF_INIT(4096);
    AUTO(auto_free) char *run = NULL;
    AUTO(auto_json) json_t *events = NULL;
    const json_t *v;
    unsigned waiting = 0, replaced = 0;
    size_t i;

    (void)state;
    for (unsigned n = 1; n <= 103; n++)
        buf_addf(&list, "%s%u", n == 1 ? "[" : ",", n);
    buf_addc(&list, ']');
    run = rig_run(g, workflow, json_pack("{s:{s:s}}", "vars", "n", list.p));
    cancel(g, run);
    events = rig_events(g, run, 0);
    json_array_foreach(events, i, v)
    {
        waiting += sv_is(jx_str(v, "type", ""), "job.waiting");
        replaced += sv_is(jx_str(v, "type", ""), "annotation");
    }
    assert_int_equal(waiting, 100);
    assert_int_equal(replaced, 2);
    rig_free(g);
}

static void a_group_inside_itself_can_never_start(void **state)
{
    struct rig *g = rig_new("run", "");
    AUTO(auto_free) char *run = NULL;

    (void)state;
    run = rig_run(g,
                  "on: push\nconcurrency: \"x-${{ github.ref_name }}\"\njobs:\n" JOB(
                      "a", "concurrency: X-main, "),
                  NULL);
    rig_expect_events(g, run,
                      "run.started\nannotation a error: Canceling since a deadlock for concurrency "
                      "group 'X-main' was detected between 'top level workflow' and 'a'\n"
                      "job.completed a cancelled\nrun.completed cancelled\n");
    rig_free(g);
}

static void a_name_that_cannot_be_evaluated_fails_the_run(void **state)
{
    struct rig *g = rig_new("run", "");
    AUTO(auto_free) char *run = NULL;

    (void)state;
    run = rig_run(g, IN_GROUP("'${{ github.none }}'"), NULL);
    rig_expect_events(
        g, run,
        "run.started\nannotation error: Error when evaluating 'concurrency'. "
        ".github/workflows/ci.yml (Line: 2, Col: 14): Concurrency group name must not "
        "be empty\nrun.completed failure\n");
    rig_free(g);
}

static void who_waits_can_be_cancelled(void **state)
{
    struct rig *g = rig_new("serve", "");
    AUTO(auto_free) char *one = NULL;
    AUTO(auto_free) char *two = NULL;
    struct job j;

    (void)state;
    rig_session(g, 0);
    one = rig_run(g, IN_GROUP("prod"), NULL);
    j = rig_take(g, 0);
    two = rig_run(g, IN_GROUP("prod"), NULL);
    cancel(g, two);
    rig_expect_events(g, two, "run.started\nrun.waiting\nrun.completed cancelled\n");
    complete(g, &j, "succeeded");
    two[0] = one[0];
    rig_expect_events(g, one, "run.started\n" ONE_RUN);
    rig_free(g);
}

static void a_crash_changes_nothing(void **state)
{
    static const char of_jobs[] =
        "on: push\njobs:\n" JOB("a", "concurrency: job, ") JOB("b", "concurrency: JOB, ");
    struct rig *g = rig_new("serve", "");
    AUTO(auto_free) char *one = NULL;
    AUTO(auto_free) char *two = NULL;
    AUTO(auto_free) char *three = NULL;
    AUTO(auto_free) char *four = NULL;
    struct answer a;
    struct job j, k;

    (void)state;
    rig_session(g, 0);
    rig_session(g, 1);
    one = rig_run(g, IN_GROUP("prod"), NULL);
    j = rig_take(g, 0);
    two = rig_run(g, of_jobs, NULL);
    k = rig_take(g, 1);
    three = rig_run(g, IN_GROUP("prod"), NULL);
    restart(g);
    complete(g, &k, "succeeded");
    pass(g, 1, "b"); /* it waited, and the group was free only now */
    /* The arrival of the next one still finds who waits and who runs. */
    four = rig_run(g, IN_GROUP("{group: prod, cancel-in-progress: true}"), NULL);
    restart(g);
    a = rig_poll(g, 0, "Busy");
    json_decref(rig_message(&a, "JobCancellation"));
    answer_done(&a);
    complete(g, &j, "canceled");
    pass(g, 1, "a");
    rig_expect_events(g, one,
                      "run.started\njob.queued a\njob.started a\nannotation " REPLACED(
                          "prod") "job.completed a cancelled\nrun.completed cancelled\n");
    rig_expect_events(g, two,
                      "run.started\njob.queued a\njob.queued b\njob.waiting b\njob.started a\n"
                      "job.completed a success\njob.started b\njob.completed b success\n"
                      "run.completed success\n");
    rig_expect_events(
        g, three,
        "run.started\nrun.waiting\nannotation " REPLACED("prod") "run.completed cancelled\n");
    rig_expect_events(g, four, "run.started\nrun.waiting\n" ONE_RUN);
    rig_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_waits_and_a_newer_one_takes_its_place),
        cmocka_unit_test(another_repository_has_groups_of_its_own),
        cmocka_unit_test(cancel_in_progress_ends_the_running_one),
        cmocka_unit_test(jobs_of_one_run_share_a_group),
        cmocka_unit_test(a_queue_lets_all_go_in_their_order),
        cmocka_unit_test(a_full_queue_takes_no_more),
        cmocka_unit_test(a_group_inside_itself_can_never_start),
        cmocka_unit_test(a_name_that_cannot_be_evaluated_fails_the_run),
        cmocka_unit_test(who_waits_can_be_cancelled),
        cmocka_unit_test(a_crash_changes_nothing),
    };

    rig_reserve();
    return cmocka_run_group_tests_name("groups", tests, NULL, NULL);
}
