/* SPDX-License-Identifier: Apache-2.0
 *
 * The job message, from the fixtures of the exchange. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/json.h"
#include "base/mem.h"
#include "runner/worker/message.h"

#define GUID "3b0f6f2e-2f0e-4f66-9d64-0d4f0a1b2c3d"
#define CONNECTION                                                                               \
    "{\"NAME\":\"systemvssconnection\",\"url\":\"http://h/\",\"authorization\":{\"parameters\":" \
    "{\"AccessToken\":\"t\",\"Other\":\"u\"}}}"
#define MESSAGE(steps, endpoints, rest)                                                              \
    "{\"MessageType\":\"runnerjobrequest\",\"plan\":{\"planId\":\"" GUID "\"},\"jobId\":\"" GUID     \
    "\",\"variables\":{\" \":{\"value\":\"dropped\"},\"A\":{\"Value\":\" True \"},\"S\":{\"value\":" \
    "\"x\",\"isSecret\":true}},\"resources\":{\"endpoints\":[" endpoints "]},\"steps\":[" steps      \
    "],\"contextData\":{\"github\":{\"t\":2}}" rest "}"
#define STEP(rest) "{\"type\":\"action\",\"id\":\"" GUID "\"," rest "}"

static void test_whole(void **state)
{
    AUTO(auto_message) struct message *m = NULL;
    struct err e = {0};
    struct sv v;

    (void)state;
    assert_int_equal(
        message_parse(
            SV(MESSAGE(STEP("\"reference\":{\"type\":3},\"condition\":\"success()\"") "," STEP(
                           "\"reference\":{\"Type\":\"Repository\",\"repositoryType\":\"self\","
                           "\"path\":\"./p\"}"),
                       CONNECTION,
                       ",\"mask\":[{\"type\":2,\"value\":\"r\"},{\"type\":1,"
                       "\"value\":\"v\"}]")),
            &m, &e),
        0);
    assert_int_equal(m->n_steps, 2);
    assert_int_equal(m->steps[0].ref_kind, REF_SCRIPT);
    assert_true(m->steps[0].has_condition);
    assert_int_equal(m->steps[1].ref_kind, REF_LOCAL);
    assert_false(m->steps[1].has_condition);
    assert_int_equal(m->n_masks, 1);
    assert_int_equal(m->n_auth_values, 2);
    assert_int_equal(m->n_variables, 2); /* the blank name is dropped */
    assert_true(message_flag(m, "a"));
    assert_true(message_var(m, "s", &v));
    assert_false(message_flag(m, "S"));
}

struct refusal {
    const char *name, *text, *want;
};
static const struct refusal refusals[] = {
    {"not an object", "[]", "job message: not a JSON object"},
    {"another type", "{\"messageType\":\"X\"}",
     "job message: type 'X' is not known; only RunnerJobRequest (the run service protocol) is"},
    {"no connection", MESSAGE("", "", ""),
     "job message: 0 endpoints are named 'SystemVssConnection', not one"},
    {"two connections", MESSAGE("", CONNECTION "," CONNECTION, ""),
     "job message: 2 endpoints are named 'SystemVssConnection', not one"},
    {"an unknown kind of step", MESSAGE("{\"type\":9,\"id\":\"" GUID "\"}", CONNECTION, ""),
     "the step has an unknown type"},
    {"a step without an id", MESSAGE("{\"type\":4}", CONNECTION, ""),
     "job message: 'steps[].id' is missing or not a GUID"},
    {"a repository without a ref",
     MESSAGE(STEP("\"reference\":{\"type\":1,\"name\":\"a/b\"}"), CONNECTION, ""),
     "the step's reference lacks its name or ref"},
    {"masks that are no array", MESSAGE("", CONNECTION, ",\"mask\":{}"),
     "job message: 'mask' is not an array"},
};

static void test_refused(void **state)
{
    const struct refusal *c = *state;
    struct message *m = NULL;
    struct err e = {0};

    assert_int_equal(message_parse(sv_of(c->text), &m, &e), -1);
    assert_string_equal(e.msg, c->want);
    assert_null(m);
}

int main(void)
{
    enum { N = sizeof refusals / sizeof refusals[0] };
    struct CMUnitTest tests[N + 1] = {cmocka_unit_test(test_whole)};

    jx_init();
    for (size_t i = 0; i < N; i++)
        tests[i + 1] = (struct CMUnitTest){.name = refusals[i].name,
                                           .test_func = test_refused,
                                           .initial_state = (void *)(uintptr_t)&refusals[i]};
    return cmocka_run_group_tests_name("job message", tests, NULL, NULL);
}
