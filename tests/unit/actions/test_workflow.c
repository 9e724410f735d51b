/* SPDX-License-Identifier: Apache-2.0
 *
 * Workflow files of tests/data/workflows: valid ones against the official template (NAME.json, without positions
 * unless it has a file-table), invalid ones against their errors (NAME.errors: "LINE:COL: text"). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>

#include "actions/workflow_json.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"

#define FOLDER GANTRY_TEST_DATA "/workflows/"

static char *read_text(const char *folder, const char *name, const char *suffix)
{
    AUTO(auto_free) char *path = xasprintf(FOLDER "%s/%s.%s", folder, name, suffix);
    struct err e = {0};
    char *text = NULL;
    size_t n;

    if (fs_read_file(AT_FDCWD, path, (size_t)4 << 20, &text, &n, &e) < 0)
        fail_msg("%s: %s", path, e.msg);
    return text;
}

static void check_invalid(void **state)
{
    const char *name = *state;
    AUTO(auto_free) char *text = read_text("invalid", name, "yml");
    AUTO(auto_free) char *want = read_text("invalid", name, "errors");
    AUTO(auto_free) char *file = xasprintf(".github/workflows/%s.yml", name);
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    AUTO(buf_free) struct buf got = BUF_INIT(1 << 20);
    AUTO(auto_wf) struct wf *w = NULL;
    struct err e = {0};

    int rc = wf_parse(sv_of(text), file, &w, &errors, &e);
    for (size_t i = 0; i < errors.n; i++) {
        buf_addf(&got, "%u:%u: %s\n", errors.v[i].line, errors.v[i].col, errors.v[i].text);
        assert_string_equal(errors.v[i].file, file);
    }
    assert_string_equal(got.p, want);
    assert_int_equal(rc, -1);
    assert_int_equal(e.code, FAIL_INPUT);
    assert_null(w);
}

static void check_valid(void **state)
{
    const char *name = *state;
    AUTO(auto_free) char *text = read_text("valid", name, "yml");
    AUTO(auto_free) char *want_text = read_text("valid", name, "json");
    AUTO(auto_free) char *file = xasprintf(".github/workflows/%s.yml", name);
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    AUTO(buf_free) struct buf got = BUF_INIT(1 << 20);
    AUTO(buf_free) struct buf want = BUF_INIT(1 << 20);
    AUTO(auto_wf) struct wf *w = NULL;
    struct err e = {0};

    int rc = wf_parse(sv_of(text), file, &w, &errors, &e);
    if (errors.n > 0)
        fail_msg("%u:%u: %s", errors.v[0].line, errors.v[0].col, errors.v[0].text);
    assert_int_equal(rc, 0);
    AUTO(auto_json) json_t *wj = jx_parse(sv_of(want_text), name, &e);
    assert_non_null(wj);
    AUTO(auto_json)
    json_t *gj = wf_to_json(w, jx_get(wj, "file-table") != NULL ? WF_JSON_POSITIONS : 0);
    jx_write_pretty(&got, gj, 1);
    jx_write_pretty(&want, wj, 1);
    assert_string_equal(got.p, want.p);
}

/* The last error of a file that is made here because it is large. */
static void expect_error(const struct buf *yaml, const char *want)
{
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    AUTO(auto_wf) struct wf *w = NULL;
    struct err e = {0};

    int rc = wf_parse(buf_sv(yaml), "f.yml", &w, &errors, &e);
    if (want == NULL) {
        if (rc < 0)
            fail_msg("%u:%u: %s", errors.v[0].line, errors.v[0].col, errors.v[0].text);
        return;
    }
    assert_int_equal(rc, -1);
    assert_string_equal(errors.v[errors.n - 1].text, want);
}

#define JOB "jobs: {a: {runs-on: x, steps: [{run: x}]}}\n"

static void files_above_one_mebibyte_are_refused(void **state)
{
    AUTO(buf_free) struct buf b = BUF_INIT(2 << 20);

    (void)state;
    buf_adds(&b, "on: push\n" JOB "#");
    while (b.len < 1048576)
        buf_addc(&b, 'x');
    expect_error(&b, NULL);
    buf_addc(&b, 'x');
    expect_error(&b, "The maximum file size of 1048576 characters has been exceeded");
}

static void aliases_count_against_nodes_and_size(void **state)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);

    (void)state;
    buf_adds(&b, "on: push\n" JOB "env:\n  A: &x ");
    for (int i = 0; i < 100000; i++)
        buf_addc(&b, 'x');
    for (int i = 0; i < 51; i++) /* 52 texts of 200,026 bytes are below 10 MiB, 53 above */
        buf_addf(&b, "\n  B%d: *x", i);
    buf_addc(&b, '\n');
    expect_error(&b, NULL);
    b.len--;
    buf_adds(&b, "\n  C: *x\n");
    expect_error(&b, "Maximum object size exceeded");
    buf_reset(&b);
    buf_adds(
        &b,
        "on: push\nenv: {A: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1], B: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a], "
        "C: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b], D: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c], "
        "E: [*d, *d, *d, *d, *d]}\n" JOB);
    expect_error(&b, "Maximum YAML nodes exceeded");
}

/* What is far deeper or longer than anybody writes ends with the limit's own error. */
static void bombs_end_at_their_limit(void **state)
{
    AUTO(buf_free) struct buf b = BUF_INIT(2 << 20);

    (void)state;
    buf_adds(&b, "on: push\nname: ");
    for (int i = 0; i < 500000; i++)
        buf_addc(&b, '[');
    expect_error(&b, "Maximum object depth exceeded");
    buf_reset(&b);
    buf_adds(&b, "on: push\nenv:\n");
    for (int i = 0; i < 1000; i++)
        buf_addf(&b, "%*s- \n", i, "");
    expect_error(&b, "Maximum object depth exceeded");
    buf_reset(&b);
    buf_adds(&b, "on: push\n" JOB "name: '");
    while (b.len < 1048575)
        buf_addc(&b, 'x');
    buf_addc(&b, '\'');
    expect_error(&b, NULL); /* one line of a mebibyte is a text like others */
    buf_reset(&b);
    buf_adds(&b, "on: push\n" JOB "run-name: ${{ '");
    while (b.len < 1000000)
        buf_addc(&b, 'x');
    buf_adds(&b, "' }}\n");
    expect_error(&b, "Exceeded max expression length 21000");
}

/* Linear work: a chain of jobs in the worst order, far above what anybody writes. */
static void a_long_chain_of_jobs_is_no_burden(void **state)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);

    (void)state;
    buf_adds(&b, "on: push\njobs:\n");
    for (int i = 9000; i > 0; i--)
        buf_addf(&b, "  j%d: {needs: j%d, runs-on: x, steps: [{run: x}]}\n", i, i - 1);
    buf_adds(&b, "  j0: {runs-on: x, steps: [{run: x}]}\n");
    expect_error(&b, NULL);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(const char *folder, struct strv *names)
{
    AUTO(auto_free) char *path = xasprintf(FOLDER "%s", folder);
    DIR *d = opendir(path);

    if (d == NULL)
        abort();
    for (struct dirent *de; (de = readdir(d)) != NULL;) {
        struct sv name = sv_of(de->d_name);
        if (sv_ends(name, SV(".yml")))
            strv_addsv(names, sv_sub(name, 0, name.n - 4));
    }
    (void)closedir(d);
    qsort(names->v, names->n, sizeof(char *), by_name);
}

int main(void)
{
    AUTO(strv_free) struct strv valid = STRV_INIT;
    AUTO(strv_free) struct strv invalid = STRV_INIT;

    list("valid", &valid);
    list("invalid", &invalid);
    const struct CMUnitTest large[] = {
        cmocka_unit_test(files_above_one_mebibyte_are_refused),
        cmocka_unit_test(aliases_count_against_nodes_and_size),
        cmocka_unit_test(bombs_end_at_their_limit),
        cmocka_unit_test(a_long_chain_of_jobs_is_no_burden),
    };
    size_t n = valid.n + invalid.n, n_large = sizeof large / sizeof large[0];
    AUTO(auto_free) struct CMUnitTest *tests = xcalloc(n + n_large, sizeof *tests);
    for (size_t i = 0; i < n; i++) {
        bool ok = i < valid.n;
        char *name = ok ? valid.v[i] : invalid.v[i - valid.n];
        tests[i] = (struct CMUnitTest){
            .name = name, .test_func = ok ? check_valid : check_invalid, .initial_state = name};
    }
    memcpy(tests + n, large, sizeof large);
    return _cmocka_run_group_tests("workflow files", tests, n + n_large, NULL, NULL);
}
