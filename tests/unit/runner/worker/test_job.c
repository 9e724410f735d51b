/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole jobs of the real worker: what is uploaded, what services are told, how the job ends. */
#include "tests/unit/runner/worker/rig.h"

static int setup(void **state)
{
    static struct rig r;

    jx_init();
    rig_init(&r);
    *state = &r;
    return 0;
}

static int teardown(void **state)
{
    rig_done(*state);
    return 0;
}

static const json_t *step_result(const struct rig *r, size_t i)
{
    return json_array_get(json_object_get(r->completion, "stepResults"), i);
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s != NULL ? s : "(none)";
}

/* The job of the exchange as it is, but with the id that its output names. */
static void test_echo(void **state)
{
    struct rig *r = *state;
    json_t *step = json_array_get(json_object_get(r->message, "steps"), 0);

    json_object_set_new(step, "name", json_string("x"));
    json_object_set_new(step, "contextName", json_string("x"));
    rig_run(r);
    assert_true(r->done);
    assert_int_equal(r->status, 0);
    assert_int_equal(r->result, 0);
    assert_string_equal(rig_conclusion(r), "succeeded");
    assert_string_equal(
        text(json_object_get(json_object_get(r->completion, "outputs"), "n"), "value"), "1");
    assert_int_equal(json_array_size(json_object_get(r->completion, "stepResults")), 3);
    assert_string_equal(text(step_result(r, 0), "name"), "Set up job");
    assert_string_equal(text(step_result(r, 1), "name"), "Run echo \"$GREETING\"");
    assert_string_equal(text(step_result(r, 1), "conclusion"), "succeeded");
    assert_string_equal(text(step_result(r, 2), "name"), "Complete job");

    AUTO(auto_free) char *log = rig_log(r, "9c0ffee0-1111-4222-8333-444455556666");
    assert_string_equal(log, "##[group]Run echo \"$GREETING\"\n"
                             "\x1b[36;1mecho \"$GREETING\"\x1b[0m\n"
                             "\x1b[36;1mecho \"n=1\" >> \"$GITHUB_OUTPUT\"\x1b[0m\n"
                             "shell: /usr/bin/bash -e {0}\n"
                             "env:\n"
                             "  CI_LEVEL: 1\n"
                             "  GREETING: hello ada\n"
                             "##[endgroup]\n"
                             "hello ada\n");
    AUTO(auto_free) char *job = rig_log(r, "job");
    assert_non_null(strstr(job, log));
    assert_non_null(strstr(job, "Complete job name: build\n"));
    assert_non_null(strstr(job, "Set output 'n'\n"));
    const struct rig_request *first = rig_find(r, "/WorkflowStepsUpdate", 0);
    assert_non_null(first);
    assert_non_null(strstr(first->body, "\"change_order\":1"));
    assert_non_null(rig_find(r, "/CreateStepLogsMetadata", 2));
    assert_non_null(rig_find(r, "/CreateJobLogsMetadata", 0));
}

/* A service that makes no use of the job's own log says so; the steps' logs go up as ever. */
static void test_no_job_log(void **state)
{
    struct rig *r = *state;

    json_object_set_new(json_object_get(r->message, "variables"), "gantry.no_job_log",
                        json_pack("{s:s}", "value", "true"));
    rig_run(r);
    assert_true(r->done);
    assert_int_equal(r->result, 0);
    assert_null(rig_find(r, "/GetJobLogsSignedBlobURL", 0));
    assert_null(rig_find(r, "/CreateJobLogsMetadata", 0));
    assert_non_null(rig_find(r, "/CreateStepLogsMetadata", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_echo, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_job_log, setup, teardown),
    };

    return cmocka_run_group_tests_name("worker jobs", tests, NULL, NULL);
}
