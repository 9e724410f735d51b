/* SPDX-License-Identifier: Apache-2.0
 *
 * The workflow's part of a job message, compared as a whole (ids of steps replaced). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "actions/message.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/mem.h"

static const char workflow[] =
    "on: push\n"
    "env: {A: 1}\n"
    "defaults: {run: {shell: bash}}\n"
    "jobs:\n"
    "  a:\n"
    "    runs-on: x\n"
    "    env: {B: '${{ github.ref }}'}\n"
    "    outputs: {o: '${{ steps.s.outputs.v }}'}\n"
    "    environment: {name: prod, url: '${{ steps.s.outputs.u }}'}\n"
    "    steps:\n"
    "      - {run: echo, id: s, name: N, shell: sh, working-directory: w, if: failure(), timeout-minutes: 5}\n"
    "      - {uses: o/r/p@v1, with: {k: v}, env: {E: f}, continue-on-error: true}\n"
    "      - {uses: ./l}\n"
    "      - {uses: $/q}\n"
    "      - {uses: 'docker://i:1'}\n";

static const char *const want_steps[] = {
    "{\"type\":\"action\",\"id\":\"?\",\"name\":\"s\",\"contextName\":\"s\",\"displayNameToken\":{\"type\":0,"
    "\"file\":2,\"line\":11,\"col\":34,\"lit\":\"N\"},\"condition\":\"failure()\",\"continueOnError\":null,"
    "\"timeoutInMinutes\":{\"type\":6,\"file\":2,\"line\":11,\"col\":102,\"num\":5},\"reference\":{\"type\":"
    "\"script\"},\"inputs\":{\"type\":2,\"map\":[{\"Key\":\"script\",\"Value\":{\"type\":0,\"file\":2,\"line\":11,"
    "\"col\":15,\"lit\":\"echo\"}},{\"Key\":\"workingDirectory\",\"Value\":{\"type\":0,\"file\":2,\"line\":11,"
    "\"col\":67,\"lit\":\"w\"}},{\"Key\":\"shell\",\"Value\":{\"type\":0,\"file\":2,\"line\":11,\"col\":44,"
    "\"lit\":\"sh\"}}]}}",
    "{\"type\":\"action\",\"id\":\"?\",\"name\":\"__o_r\",\"contextName\":\"__o_r\",\"condition\":\"success()\","
    "\"continueOnError\":{\"type\":5,\"file\":2,\"line\":12,\"col\":72,\"bool\":true},\"timeoutInMinutes\":null,"
    "\"reference\":{\"type\":\"repository\",\"repositoryType\":\"GitHub\",\"name\":\"o/r\",\"ref\":\"v1\",\"path\":"
    "\"p\"},\"environment\":{\"type\":2,\"file\":2,\"line\":12,\"col\":45,\"map\":[{\"Key\":{\"type\":0,\"file\":2,"
    "\"line\":12,\"col\":46,\"lit\":\"E\"},\"Value\":{\"type\":0,\"file\":2,\"line\":12,\"col\":49,\"lit\":\"f\"}}]"
    "},\"inputs\":{\"type\":2,\"file\":2,\"line\":12,\"col\":32,\"map\":[{\"Key\":{\"type\":0,\"file\":2,\"line\":"
    "12,\"col\":33,\"lit\":\"k\"},\"Value\":{\"type\":0,\"file\":2,\"line\":12,\"col\":36,\"lit\":\"v\"}}]}}",
    "{\"type\":\"action\",\"id\":\"?\",\"name\":\"__self\",\"contextName\":\"__self\",\"condition\":\"success()\","
    "\"continueOnError\":null,\"timeoutInMinutes\":null,\"reference\":{\"type\":\"repository\",\"repositoryType\":"
    "\"self\",\"path\":\"./l\"}}",
    "{\"type\":\"action\",\"id\":\"?\",\"name\":\"__selfRepository\",\"contextName\":\"__selfRepository\","
    "\"condition\":\"success()\",\"continueOnError\":null,\"timeoutInMinutes\":null,\"reference\":{\"type\":"
    "\"repository\",\"repositoryType\":\"selfRepository\",\"path\":\"q\"}}",
    "{\"type\":\"action\",\"id\":\"?\",\"name\":\"__i_1\",\"contextName\":\"__i_1\",\"condition\":\"success()\","
    "\"continueOnError\":null,\"timeoutInMinutes\":null,\"reference\":{\"type\":\"containerRegistry\",\"image\":"
    "\"i:1\"}}",
};

static struct wf *parse(const char *yaml)
{
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    struct wf *w = NULL;
    struct err e = {0};

    if (wf_parse(sv_of(yaml), "w.yml", &w, &errors, &e) < 0)
        fail_msg("%u:%u: %s", errors.v[0].line, errors.v[0].col, errors.v[0].text);
    return w;
}

static void assert_json(const json_t *j, const char *want)
{
    AUTO(buf_free) struct buf b = BUF_INIT(65536);

    jx_write(&b, j);
    assert_string_equal(b.p, want);
}

static void the_whole_job(void **state)
{
    AUTO(auto_wf) struct wf *w = parse(workflow);
    const struct plan_inputs in = {.wf = w};
    AUTO(auto_json) json_t *out = json_object();
    struct plan p;
    struct err e = {0};

    (void)state;
    assert_int_equal(plan_next(&in, NULL, 0, false, &p, &e), 0);
    assert_int_equal(p.n_ready, 1);
    assert_int_equal(message_job_parts(&p.ready[0], 2, out, &e), 0);
    plan_done(&p);
    json_t *steps = jx_get(out, "steps");
    assert_int_equal(json_array_size(steps), 5);
    for (size_t i = 0; i < 5; i++) {
        json_t *s = json_array_get(steps, i);
        assert_int_equal(strlen(json_string_value(jx_get(s, "id"))), UUID_TEXT_SIZE - 1);
        assert_int_equal(json_object_set_new(s, "id", json_string("?")), 0);
        assert_json(s, want_steps[i]);
    }
    AUTO(auto_json) json_t *env = json_pack("[O]", jx_get(out, "environmentVariables"));
    assert_int_equal(json_array_size(json_array_get(env, 0)), 2);
    assert_json(
        json_array_get(json_array_get(env, 0), 1),
        "{\"type\":2,\"file\":2,\"line\":7,\"col\":10,\"map\":[{\"Key\":{\"type\":0,\"file\":2,\"line\":7,"
        "\"col\":11,\"lit\":\"B\"},\"Value\":{\"type\":3,\"file\":2,\"line\":7,\"col\":14,\"expr\":"
        "\"github.ref\"}}]}");
    assert_int_equal(json_array_size(jx_get(out, "defaults")), 1);
    assert_json(
        jx_get(out, "jobOutputs"),
        "{\"type\":2,\"file\":2,\"line\":8,\"col\":14,\"map\":[{\"Key\":{\"type\":0,\"file\":2,\"line\":8,"
        "\"col\":15,\"lit\":\"o\"},\"Value\":{\"type\":3,\"file\":2,\"line\":8,\"col\":18,\"expr\":"
        "\"steps.s.outputs.v\"}}]}");
    assert_json(jx_get(out, "actionsEnvironment"),
                "{\"name\":\"prod\",\"url\":{\"type\":3,\"file\":2,\"line\":9,\"col\":36,\"expr\":"
                "\"steps.s.outputs.u\"}}");
    assert_true(json_is_null(jx_get(out, "jobContainer")));
    assert_true(json_is_null(jx_get(out, "jobServiceContainers")));
    assert_true(json_is_null(jx_get(out, "snapshot")));
}

static void an_empty_job(void **state)
{
    AUTO(auto_wf) struct wf *w = parse("on: push\njobs: {a: {runs-on: x, steps: []}}\n");
    const struct plan_inputs in = {.wf = w};
    AUTO(auto_json) json_t *out = json_object();
    struct plan p;
    struct err e = {0};

    (void)state;
    assert_int_equal(plan_next(&in, NULL, 0, false, &p, &e), 0);
    assert_int_equal(message_job_parts(&p.ready[0], 1, out, &e), 0);
    plan_done(&p);
    assert_json(out,
                "{\"steps\":[],\"environmentVariables\":[],\"defaults\":[],\"jobOutputs\":null,"
                "\"jobContainer\":null,\"jobServiceContainers\":null,\"snapshot\":null}");
}

/* Whether there is an image is known to the worker, which says what it does not start. */
static void containers_are_left_to_the_worker(void **state)
{
    AUTO(auto_wf)
    struct wf *w = parse("on: push\njobs: {a: {runs-on: x, container: \"${{ vars.C }}\", services: "
                         "{d: \"${{ vars.S }}\"}, steps: []}}\n");
    const struct plan_inputs in = {.wf = w};
    AUTO(auto_json) json_t *out = json_object();
    struct plan p;
    struct err e = {0};

    (void)state;
    assert_int_equal(plan_next(&in, NULL, 0, false, &p, &e), 0);
    assert_int_equal(p.n_ready, 1);
    assert_int_equal(message_job_parts(&p.ready[0], 1, out, &e), 0);
    plan_done(&p);
    assert_json(jx_get(out, "jobContainer"),
                "{\"type\":3,\"file\":1,\"line\":2,\"col\":35,\"expr\":\"vars.C\"}");
    assert_json(
        jx_get(out, "jobServiceContainers"),
        "{\"type\":2,\"file\":1,\"line\":2,\"col\":62,\"map\":[{\"Key\":{\"type\":0,\"file\":1,\"line\":2,"
        "\"col\":63,\"lit\":\"d\"},\"Value\":{\"type\":3,\"file\":1,\"line\":2,\"col\":66,\"expr\":"
        "\"vars.S\"}}]}");
}

/* The planner lets none of these pass; a caller that has an old plan is told all the same. */
static void what_cannot_run_is_refused(void **state)
{
    AUTO(auto_wf)
    struct wf *w =
        parse("on: push\njobs: {a: {runs-on: x, steps: [{run: x, background: true}]}}\n");
    const struct plan_leg leg = {.wf = w, .job = &w->jobs[0]};
    AUTO(auto_json) json_t *out = json_object();
    struct err e = {0};

    (void)state;
    assert_int_equal(message_job_parts(&leg, 1, out, &e), -1);
    assert_int_equal(e.code, FAIL_UNSUPPORTED);
    assert_string_equal(e.msg,
                        "w.yml:2:32: job 'a' has a step with 'background'; background steps cannot "
                        "be run yet");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_job),
        cmocka_unit_test(an_empty_job),
        cmocka_unit_test(containers_are_left_to_the_worker),
        cmocka_unit_test(what_cannot_run_is_refused),
    };

    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
