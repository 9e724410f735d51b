/* SPDX-License-Identifier: Apache-2.0
 *
 * Filter patterns (spec expressions 5.4), inputs of a manual run (5.6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>

#include "actions/event.h"
#include "base/json.h"
#include "base/mem.h"

static const struct {
    const char *pattern, *name;
    bool want;
} patterns[] = {
    {"feature/*", "feature/x", true},
    {"x\xaf", "x\xaf", true}, /* no UTF-8 */
    {"x\xaf", "x\xad", false},
    {"x\xaf", "x\xef\xbf\xbd", false},
    {"feature/*", "feature/a/b", false},
    {"feature/**", "feature/a/b/c", true},
    {"feature/**", "feature", false},
    {"**", "any/thing", true},
    {"**", "", true},
    {"*", "main", true},
    {"*", "releases/1", false},
    {"*feature", "mona-feature", true},
    {"*feature", "feature", true},
    {"*feature", "feature-1", false},
    {"v2*", "v2", true},
    {"v2*", "v2.0", true},
    {"v2*", "release/v2", false},
    {"v[12].[0-9]+.[0-9]+", "v1.10.1", true},
    {"v[12].[0-9]+.[0-9]+", "v2.0.0", true},
    {"v[12].[0-9]+.[0-9]+", "v3.0.0", false},
    {"*.jsx?", "page.js", true},
    {"*.jsx?", "page.jsx", true},
    {"*.jsx?", "src/page.js", false},
    {"**.js", "index.js", true},
    {"**.js", "src/a/b.js", true},
    {"docs/**/*.md", "docs/README.md", true},
    {"docs/**/*.md", "docs/a/b.md", true},
    {"**/docs/**", "docs/hello.md", true},
    {"**/docs/**", "dir/docs/x.txt", true},
    {"**/docs/**", "mydocs/x.txt", false},
    {"**/*src/**", "a/src/app.js", true},
    {"**/*src/**", "my-src/code/js/app.js", true},
    {"**/README.md", "README.md", true},
    {"**/README.md", "js/README.md", true},
    {"**/README.md", "js/XREADME.md", false},
    {".yml", ".yml", true},
    {".yml", "fyml", false},
    {"\\!file", "!file", true},
    {"a/**/x", "a/x", true},
    {"a/**/x", "a/b/c/x", true},
    {"*", ".hidden", true},
    {"+a", "+a", true},
    {"?a", "?a", true},
    {"ab+", "abbb", true},
    {"ab+", "a", false},
    {"ab?c", "ac", true},
    {"ab?c", "abbc", false},
    {"[a-c]x", "bx", true},
    {"[a-c]x", "dx", false},
    {"[A-z]x", "kx", true},
    {"[A-z]x", "_x", true},
    {"[A-z]x", "7x", false},
    {"[Y-b]", "a", true},
    {"[Y-b]", "c", false},
    {"Main", "main", false},
    {"", "", true},
    {"\\*", "*", true},
    {"\\*", "x", false},
    {"\xC3\xA9+", "\xC3\xA9\xC3\xA9", true},
    {"x?y", "y", true},
};
static void patterns_match_whole_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct err e = {0};
        bool got = !patterns[i].want;
        assert_int_equal(
            event_pattern(sv_of(patterns[i].pattern), sv_of(patterns[i].name), &got, &e), 0);
        if (got != patterns[i].want)
            fail_msg("%s against %s", patterns[i].pattern, patterns[i].name);
    }
}

static const struct {
    const char *pattern, *error;
} bad_patterns[] = {
    {"a[", "invalid pattern: missing ']' at position 1"},
    {"[]", "invalid pattern: empty brackets at position 1"},
    {"[z-a]", "invalid pattern: the range is reversed at position 3"},
    {"[a-9]", "invalid pattern: ranges are within A-z or 0-9 at position 3"},
    {"[!a]", "invalid pattern: only A-z and 0-9 may stand in brackets at position 1"},
    {"a\\", "invalid pattern: nothing follows the last '\\' at position 1"},
};
static void bad_patterns_name_the_position(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_patterns / sizeof bad_patterns[0]; i++) {
        struct err e = {0};
        bool hit = false;
        assert_int_equal(event_pattern(sv_of(bad_patterns[i].pattern), SV("x"), &hit, &e), -1);
        assert_string_equal(e.msg, bad_patterns[i].error);
    }
}

/* (a?)^n a^n is exponential for a backtracking matcher. */
static void no_pattern_is_slow(void **state)
{
    AUTO(buf_free) struct buf p = BUF_INIT(4096);
    AUTO(buf_free) struct buf name = BUF_INIT(4096);
    struct err e = {0};
    bool hit = false;

    (void)state;
    for (int i = 0; i < 500; i++)
        buf_adds(&p, "a?");
    for (int i = 0; i < 500; i++) {
        buf_adds(&p, "a");
        buf_adds(&name, "a");
    }
    assert_int_equal(event_pattern(buf_sv(&p), buf_sv(&name), &hit, &e), 0);
    assert_true(hit);
    buf_reset(&p);
    p.max = 8192;
    while (p.len < 4096)
        buf_addc(&p, 'a');
    assert_int_equal(event_pattern(buf_sv(&p), SV("x"), &hit, &e), 0);
    buf_addc(&p, 'a');
    assert_int_equal(event_pattern(buf_sv(&p), SV("x"), &hit, &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
}

static struct wf *parse(const char *on)
{
    AUTO(buf_free) struct buf b = BUF_INIT(8192);
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    struct wf *w = NULL;
    struct err e = {0};

    buf_addf(&b, "on:%s\njobs:\n  a: {runs-on: x, steps: [{run: x}]}\n", on);
    if (wf_parse(buf_sv(&b), "f.yml", &w, &errors, &e) < 0)
        fail_msg("%s: %s", on, errors.v[0].text);
    return w;
}

struct input_case {
    const char *name, *inputs, *given;
    const char *want;   /* JSON, or NULL */
    const char *errors; /* lines, or NULL */
};
static const struct input_case input_cases[] = {
    {"defaults",
     "{s: , t: {default: x}, n: {type: number}, m: {type: number, default: 5}, b: {type: boolean}, c: "
     "{type: boolean, default: true}, d: {type: choice, options: [p, q]}, e: {type: environment}}",
     "{}",
     "{\"s\":\"\",\"t\":\"x\",\"n\":\"0\",\"m\":\"5\",\"b\":false,\"c\":true,\"d\":\"p\",\"e\":\"\"}",
     NULL},
    {"given values",
     "{s: , b: {type: boolean}, d: {type: choice, options: [p, q]}, n: {type: number}}",
     "{\"S\":\"v\",\"b\":\"true\",\"d\":\"q\",\"n\":\"1.5\"}",
     "{\"s\":\"v\",\"b\":true,\"d\":\"q\",\"n\":\"1.5\"}", NULL},
    {"a required input is missing", "{s: {required: true}}", "{}", NULL,
     "4:8: Required input 's' not provided\n"},
    {"a required input with a default", "{s: {required: true, default: d}}", "{}", "{\"s\":\"d\"}",
     NULL},
    {"not a boolean", "{b: {type: boolean}}", "{\"b\":\"yes\"}", NULL,
     "4:8: Provided value 'yes' for input 'b' is not a boolean; use true or false\n"},
    {"not a choice", "{d: {type: choice, options: [p]}}", "{\"d\":\"P\"}", NULL,
     "4:8: Provided value 'P' for input 'd' not in the list of allowed values\n"},
    {"not a number", "{n: {type: number}}", "{\"n\":\"x\"}", NULL,
     "4:8: Provided value 'x' for input 'n' is not a number\n"},
    {"an input that is not defined", "{s: }", "{\"t\":\"x\"}", NULL,
     "2:3: Unexpected inputs provided: [\"t\"]\n"},
};
static void check_inputs(void **state)
{
    const struct input_case *c = *state;
    AUTO(auto_free)
    char *on = xasprintf("\n  workflow_dispatch:\n    inputs:\n      %s", c->inputs);
    AUTO(auto_wf) struct wf *w = parse(on);
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    AUTO(buf_free) struct buf b = BUF_INIT(8192);
    AUTO(auto_val) struct val *inputs = NULL;
    struct err e = {0};
    AUTO(auto_json) json_t *j = jx_parse(sv_of(c->given), "given", &e);
    AUTO(auto_val) struct val *given = val_from_json(j);

    int rc = event_dispatch_inputs(w, given, &inputs, &errors, &e);
    for (size_t i = 0; i < errors.n; i++)
        buf_addf(&b, "%u:%u: %s\n", errors.v[i].line, errors.v[i].col, errors.v[i].text);
    if (c->errors != NULL) {
        assert_int_equal(rc, -1);
        assert_string_equal(b.p, c->errors);
        return;
    }
    assert_string_equal(b.p, "");
    assert_int_equal(rc, 0);
    AUTO(auto_json) json_t *out = val_to_json(inputs);
    jx_write(&b, out);
    assert_string_equal(b.p, c->want);
}

static void a_workflow_without_dispatch(void **state)
{
    AUTO(auto_wf) struct wf *w = parse(" push");
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    struct val *inputs = NULL;
    struct err e = {0};

    (void)state;
    assert_int_equal(event_dispatch_inputs(w, NULL, &inputs, &errors, &e), -1);
    assert_string_equal(e.msg, "'f.yml' has no workflow_dispatch trigger");
}

int main(void)
{
    enum { B = sizeof input_cases / sizeof input_cases[0], M = 4 };
    struct CMUnitTest tests[M + B] = {
        cmocka_unit_test(patterns_match_whole_names),
        cmocka_unit_test(bad_patterns_name_the_position),
        cmocka_unit_test(no_pattern_is_slow),
        cmocka_unit_test(a_workflow_without_dispatch),
    };

    for (size_t i = 0; i < B; i++)
        tests[M + i] = (struct CMUnitTest){.name = input_cases[i].name,
                                           .test_func = check_inputs,
                                           .initial_state = (void *)(uintptr_t)&input_cases[i]};
    return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
