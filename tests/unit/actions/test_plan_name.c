/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of runs: run-name, and what stands in for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "actions/plan.h"
#include "base/json.h"
#include "base/mem.h"

#define JOBS "on: push\njobs:\n  a:\n    runs-on: x\n    steps: [{run: x}]\n"

struct name_case {
    const char *head;    /* of the workflow */
    const char *event;   /* name */
    const char *payload; /* with ' for " */
    const char *want;    /* the name, or the error */
};
static const struct name_case cases[] = {
    {"run-name: Deploy ${{ inputs.where }} ${{ vars.MARK }}\n", "push", "{}", "Deploy here !"},
    {"run-name: '${{ github.event_name }}: ${{ github.event.number }}'\n", "push", "{'number':7}",
     "push: 7"},
    {"run-name: \"first\\nsecond\"\n", "push", "{}", "first"},
    {"run-name: '  '\n", "push", "{'head_commit':{'message':'\\n Add wings \\n\\nbody'}}",
     "Add wings"},
    {"run-name: ${{ github.none }}\n", "push", "{'head_commit':{'message':'x'}}", "x"},
    {"", "push", "{'head_commit':{'message':'x'}}", "x"},
    {"", "push", "{'head_commit':null}", "CI"}, /* a branch was deleted */
    {"", "push", "{'head_commit':{'message':' \\n'}}", "CI"},
    {"", "pull_request", "{'pull_request':{'title':'T'}}", "T"},
    {"", "pull_request_target", "{'pull_request':{'title':'T'}}", "T"},
    {"", "pull_request_review", "{'pull_request':{'title':'T'}}", "T"},
    {"", "issues", "{'issue':{'title':'I'}}", "I"},
    {"", "issue_comment", "{'issue':{'title':'I'},'pull_request':{'title':'T'}}", "I"},
    {"", "discussion_comment", "{'discussion':{'title':'D'}}", "D"},
    {"", "release", "{'release':{'name':'1.0'}}", "1.0"},
    {"", "release", "{'release':{'name':null}}", "CI"},
    {"", "schedule", "{'head_commit':{'message':'x'}}", "CI"},
    {"", "workflow_dispatch", "{}", "CI"},
    {"run-name: ${{ fromJSON('{') }}\n", "push", "{}",
     "f.yml (Line: 1, Col: 11): Error parsing fromJson,Unexpected end when reading JSON. Path '', line "
     "1, position 1."},
};

static struct val *json_val(const char *quoted)
{
    AUTO(auto_free) char *text = xstrdup(quoted);
    AUTO(auto_json) json_t *j = NULL;
    struct err e;

    for (char *p = text; *p != '\0'; p++)
        if (*p == '\'')
            *p = '"';
    j = jx_parse_lax(sv_of(text), "case", &e);
    if (j == NULL)
        fail_msg("%s: %s", quoted, e.msg);
    return val_from_json(j);
}

static void names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct name_case *c = &cases[i];
        AUTO(auto_free) char *yaml = xasprintf("%s" JOBS, c->head);
        AUTO(auto_free) char *got = NULL;
        AUTO(auto_val) struct val *github = val_object();
        AUTO(auto_val) struct val *inputs = json_val("{'where':'here'}");
        AUTO(auto_val) struct val *vars = json_val("{'MARK':'!'}");
        AUTO(auto_wf) struct wf *w = NULL;
        AUTO(wf_errors_free) struct wf_errors errors = {.n = 0};
        struct plan_inputs in = {.github = github, .inputs = inputs, .vars = vars};
        struct err e = {0};
        val_sets(github, "event_name", val_string(sv_of(c->event)));
        val_sets(github, "workflow", val_string(SV("CI")));
        val_sets(github, "event", json_val(c->payload));
        assert_int_equal(wf_parse(sv_of(yaml), "f.yml", &w, &errors, &e), 0);
        in.wf = w;
        if (plan_run_name(&in, &got, &e) < 0)
            assert_string_equal(e.msg, c->want);
        else
            assert_string_equal(got, c->want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
