/* SPDX-License-Identifier: Apache-2.0
 *
 * Every file of tests/data/cases must give the JSON at its end; and the form of such files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>

#include "actions/workflow_case.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/strv.h"

#define FOLDER    GANTRY_TEST_DATA "/cases"
#define MIN_CASES 150U
#define MIN_CALLS 25U

static void check_file(void **state)
{
    const char *name = *state;
    AUTO(auto_free) char *path = xasprintf(FOLDER "/%s", name);
    AUTO(auto_free) char *text = NULL;
    AUTO(auto_wf_case) struct wf_case *c = NULL;
    struct err e = {0};
    size_t n;

    if (fs_read_file(AT_FDCWD, path, WF_CASE_MAX, &text, &n, &e) < 0 ||
        wf_case_parse((struct sv){text, n}, sv_of(name), &c, &e) < 0)
        fail_msg("%s: %s", name, e.msg);
    AUTO(auto_json) json_t *result = wf_case_run(c);
    if (wf_case_check(c, result, &e) < 0)
        fail_msg("%s", e.msg);
}

/* ---- the form ---- */

#define JOB "jobs: {a: {runs-on: x}}"
#define TEMPLATE                                                                                 \
    "{\n  \"jobs\": [\n    {\n      \"type\": \"job\",\n      \"id\": \"a\",\n      \"name\": "  \
    "\"a\",\n      \"if\": {\n        \"type\": 3,\n        \"expr\": \"success()\"\n      },\n" \
    "      \"runs-on\": \"x\"\n    }\n  ]\n}"

static const struct form {
    const char *name, *text, *why; /* why NULL: it is a case and gives TEMPLATE */
} forms[] = {
    {"options, workflow, JSON", "include-source: false\n---\non: push\n" JOB "\n---\n{}", NULL},
    {"carriage returns", "include-source: false\r\n---\r\non: push\r\n" JOB "\r\n---\r\n{}\r\n",
     NULL},
    {"a line that only begins like a mark",
     "include-source: false\n---\non: push\nname: \"a\n---x\"\n" JOB "\n---\n{}", NULL},
    {"features by name",
     "include-source: false\nexperimental-features: [Snapshot, whatever]\n---\non: push\n" JOB
     "\n---\n{}",
     NULL},
    {"features by value",
     "include-source: false\nexperimental-features: {all: false}\n---\non: push\n" JOB "\n---\n{}",
     NULL},
    {"every number",
     "include-source: false\nmax-depth: 9\nmax-file-size: 1000\nmax-job-limit: 1\nmax-result-size: 5000\n"
     "max-nested-reusable-workflows-depth: 0\nis-partial-rerun: true\nskip: [Go]\n"
     "permissions-policy: LimitedRead\n---\non: push\n" JOB "\n---\n{}",
     NULL},
    {"a called workflow that nobody calls",
     "include-source: false\n---\non: push\n" JOB
     "\n---\no/r/.github/workflows/x.yml@v1\n---\n!\n---\n{}",
     NULL},
    {"nothing", "", "not a case: expected options, '---', a workflow"},
    {"a workflow only", "on: push\n" JOB "\n", "not a case: expected options, '---', a workflow"},
    {"no JSON", "a: b\n---\non: push\n", "not a case: expected '---' and JSON after the workflow"},
    {"a called workflow without content", "---\non: push\n---\no/r/p@v1\n---\n{}",
     "not a case: the called workflow 'o/r/p@v1' has no content"},
    {"a reference of two lines", "---\non: push\n---\na\nb\n---\nx\n---\n{}",
     "not a case: expected the reference of a called workflow on one line"},
    {"an unknown option", "what: 1\n---\non: push\n---\n{}", "unknown case option 'what'"},
    {"options that are a list", "[a]\n---\non: push\n---\n{}",
     "options of the case: expected a mapping"},
    {"options that are no YAML", "a: [\n---\non: push\n---\n{}", ""},
    {"a number as a key", "1: 2\n---\non: push\n---\n{}",
     "options of the case: expected names as keys"},
    {"not a boolean", "include-source: no\n---\non: push\n---\n{}",
     "case option 'include-source': expected true or false"},
    {"not a whole number", "max-depth: 1.5\n---\non: push\n---\n{}",
     "case option 'max-depth': expected a whole number"},
    {"a negative number", "max-file-size: -1\n---\non: push\n---\n{}",
     "case option 'max-file-size': expected a whole number"},
    {"a depth above what is read", "max-depth: 101\n---\non: push\n---\n{}",
     "case option 'max-depth': at most 100"},
    {"an unknown policy", "permissions-policy: Read\n---\non: push\n---\n{}",
     "case option 'permissions-policy': expected LimitedRead or Write"},
    {"skip as a word", "skip: Go\n---\non: push\n---\n{}",
     "case option 'skip': expected a list of names"},
    {"an unknown edition", "edition: 2023\n---\non: push\n---\n{}",
     "case option 'edition': expected today"},
    {"features as a number", "experimental-features: 1\n---\non: push\n---\n{}",
     "case option 'experimental-features': expected names, or a mapping of names to true or false"},
};

static void check_form(void **state)
{
    const struct form *f = *state;
    AUTO(auto_wf_case) struct wf_case *c = NULL;
    AUTO(buf_free) struct buf b = BUF_INIT(65536);
    struct err e = {0};

    int rc = wf_case_parse(sv_of(f->text), SV("dir/f.yml"), &c, &e);
    if (f->why != NULL) {
        assert_int_equal(rc, -1);
        assert_int_equal(e.code, FAIL_INPUT);
        if (f->why[0] != '\0')
            assert_string_equal(e.msg, f->why);
        return;
    }
    if (rc < 0)
        fail_msg("%s", e.msg);
    AUTO(auto_json) json_t *result = wf_case_run(c);
    wf_case_print(&b, result);
    assert_string_equal(b.p, TEMPLATE);
    assert_int_equal(wf_case_check(c, result, &e), -1);
    assert_string_equal(e.msg, "line 1: expected '{}', got '{'");
}

static void json_is_printed_as_javascript_does(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"[1e21, 1e20, 123456789012345680000.0, 0.000001, 1e-7, -0.0, -1.5, 5e-324, 1.7976931348623157e308]",
         "[\n  1e+21,\n  100000000000000000000,\n  123456789012345680000,\n  0.000001,\n  1e-7,\n  0,\n  "
         "-1.5,\n  5e-324,\n  1.7976931348623157e+308\n]"},
        {"[0.1, 0.05, 0.001234, 12.5, 120, 9007199254740993]",
         "[\n  0.1,\n  0.05,\n  0.001234,\n  12.5,\n  120,\n  9007199254740992\n]"},
        {"[\"\\u0008\\f\\n\\r\\t\\u0001\\\"\\\\/\\u00e4<>&\\u2028\", {}, [], null, true, false]",
         "[\n  \"\\b\\f\\n\\r\\t\\u0001\\\"\\\\/\xC3\xA4<>&\xE2\x80\xA8\",\n  {},\n  [],\n  null,\n  true,\n  "
         "false\n]"},
        {"{\"b\": {\"a\": [1]}, \"a\": 2}",
         "{\n  \"b\": {\n    \"a\": [\n      1\n    ]\n  },\n  \"a\": 2\n}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO(buf_free) struct buf b = BUF_INIT(65536);
        struct err e = {0};
        AUTO(auto_json) json_t *j = jx_parse(sv_of(rows[i].in), "row", &e);
        if (j == NULL)
            fail_msg("%s", e.msg);
        wf_case_print(&b, j);
        assert_string_equal(b.p, rows[i].out);
    }
}

/* ---- all of them ---- */

static struct strv names;
static size_t of_calls;

static void there_are_enough(void **state)
{
    (void)state;
    assert_true(names.n >= MIN_CASES);
    assert_true(of_calls >= MIN_CALLS);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(void)
{
    DIR *d = opendir(FOLDER);
    const struct dirent *x;

    if (d == NULL)
        abort();
    while ((x = readdir(d)) != NULL) {
        if (!sv_ends(sv_of(x->d_name), SV(".yml")))
            continue;
        strv_add(&names, x->d_name);
        of_calls += sv_starts(sv_of(x->d_name), SV("call-"));
    }
    (void)closedir(d);
    qsort(names.v, names.n, sizeof(char *), by_name);
}

int main(void)
{
    enum { FORMS = sizeof forms / sizeof forms[0] };
    size_t n = 0;

    names = STRV_INIT;
    list();
    struct CMUnitTest *tests = xcalloc(names.n + FORMS + 2, sizeof *tests);
    for (size_t i = 0; i < names.n; i++)
        tests[n++] = (struct CMUnitTest){
            .name = names.v[i], .test_func = check_file, .initial_state = names.v[i]};
    for (size_t i = 0; i < FORMS; i++)
        tests[n++] = (struct CMUnitTest){.name = forms[i].name,
                                         .test_func = check_form,
                                         .initial_state = (void *)(uintptr_t)&forms[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(json_is_printed_as_javascript_does);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(there_are_enough);
    int rc = _cmocka_run_group_tests("workflow cases", tests, n, NULL, NULL);
    free(tests);
    strv_free(&names);
    return rc;
}
