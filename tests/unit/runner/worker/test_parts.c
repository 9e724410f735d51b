/* SPDX-License-Identifier: Apache-2.0
 *
 * Pure parts of the worker: shells, positions of annotations, merging of results, the bodies of requests, lines
 * of the console. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/json.h"
#include "base/mem.h"
#include "runner/worker/commands.h"
#include "runner/worker/completion.h"
#include "runner/worker/feed.h"
#include "runner/worker/listing.h"
#include "runner/worker/results.h"
#include "runner/worker/shell.h"

struct shell_case {
    const char *in, *command, *template_, *extension; /* command NULL: refused */
    const char *argv;                                 /* joined with '|' */
};
static const struct shell_case shells[] = {
    {"bash", "bash", "--noprofile --norc -e -o pipefail {0}", ".sh",
     "--noprofile|--norc|-e|-o|pipefail|/t/s"},
    {"BASH", "BASH", "--noprofile --norc -e -o pipefail {0}", ".sh",
     "--noprofile|--norc|-e|-o|pipefail|/t/s"},
    {"sh", "sh", "-e {0}", ".sh", "-e|/t/s"},
    {"python", "python", "{0}", ".py", "/t/s"},
    {"pwsh", "pwsh", "-command \". '{0}'\"", ".ps1", "-command|. '/t/s'"},
    {"perl {0}", "perl", "{0}", "", "/t/s"},
    {"bash   -x {0} a\"b c\"", "bash", "-x {0} a\"b c\"", ".sh", "-x|/t/s|ab c"},
    {"/bin/bash {0}", "/bin/bash", "{0}", "", "/t/s"},
    {"awk {{x}} {0}", "awk", "{{x}} {0}", "", "{x}|/t/s"},
    {"x \\\"q\\\" \\a {0}", "x", "\\\"q\\\" \\a {0}", "", "\"q\"|\\a|/t/s"},
    {"perl", NULL, NULL, NULL, NULL},
    {"bash -e", NULL, NULL, NULL, NULL},
    {" bash", NULL, NULL, NULL, NULL},
};

static void test_shells(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        const struct shell_case *c = &shells[i];
        AUTO(strv_free) struct strv argv = STRV_INIT;
        AUTO(buf_free) struct buf joined = BUF_INIT(4096);
        struct shell s;
        struct err e = {0};

        assert_int_equal(shell_parse(sv_of(c->in), &s, &e), c->command != NULL ? 0 : -1);
        if (c->command == NULL)
            continue;
        assert_true(sv_is(s.command, c->command));
        assert_true(sv_is(s.template_, c->template_));
        assert_string_equal(s.extension, c->extension);
        assert_int_equal(shell_arguments(s.template_, "/t/s", &argv, &e), 0);
        for (size_t k = 0; k < argv.n; k++)
            buf_addf(&joined, "%s%s", k > 0 ? "|" : "", argv.v[k]);
        assert_string_equal(joined.p, c->argv);
    }
}

static void test_placeholder_refused(void **state)
{
    AUTO(strv_free) struct strv argv = STRV_INIT;
    struct err e = {0};

    (void)state;
    assert_int_equal(shell_arguments(SV("{0} {1}"), "/t/s", &argv, &e), -1);
    assert_int_equal(e.code, FAIL_INPUT);
}

/* Spec logs 8.2, rule by rule. */
static void test_positions(void **state)
{
    static const struct {
        struct command_position in, want;
        unsigned done;
    } rows[] = {
        {{.has_end_line = true, .end_line = 4},
         {.has_line = true, .has_end_line = true, .line = 4, .end_line = 4},
         1U},
        {{.has_line = true, .line = 1, .has_end_col = true, .end_col = 7},
         {.has_line = true,
          .line = 1,
          .has_col = true,
          .has_end_col = true,
          .col = 7,
          .end_col = 7},
         2U},
        {{.has_col = true, .col = 3}, {.col = 3}, 4U},
        {{.has_line = true,
          .line = 1,
          .has_end_line = true,
          .end_line = 2,
          .has_col = true,
          .col = 3},
         {.has_line = true, .line = 1, .has_end_line = true, .end_line = 2, .col = 3},
         8U},
        {{.has_line = true, .line = 5, .has_end_line = true, .end_line = 2},
         {.line = 5, .end_line = 2},
         16U},
        {{.has_line = true,
          .line = 5,
          .has_col = true,
          .col = 9,
          .has_end_col = true,
          .end_col = 2},
         {.has_line = true, .line = 5, .col = 9, .end_col = 2},
         32U},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct command_position p = rows[i].in;
        const struct command_position *w = &rows[i].want;
        assert_int_equal(command_position_fix(&p), rows[i].done);
        assert_int_equal(p.has_line, w->has_line);
        assert_int_equal(p.has_end_line, w->has_end_line);
        assert_int_equal(p.has_col, w->has_col);
        assert_int_equal(p.has_end_col, w->has_end_col);
        assert_int_equal(p.line, w->line);
        assert_int_equal(p.col, w->col);
    }
}

static void test_merge(void **state)
{
    (void)state;
    assert_int_equal(result_merge(RES_NONE, RES_FAILED), RES_FAILED);
    assert_int_equal(result_merge(RES_SUCCEEDED, RES_FAILED), RES_FAILED);
    assert_int_equal(result_merge(RES_FAILED, RES_SUCCEEDED), RES_FAILED);
    assert_int_equal(result_merge(RES_FAILED, RES_CANCELED), RES_CANCELED);
    assert_int_equal(result_merge(RES_CANCELED, RES_FAILED),
                     RES_CANCELED); /* the first above Failed sticks */
    assert_int_equal(result_merge(RES_SKIPPED, RES_CANCELED), RES_SKIPPED);
}

static void test_update(void **state)
{
    struct records l = {.v = NULL};
    struct record *a = records_add(&l, "51a0c7d2-aaaa-4bbb-8ccc-0123456789ab", SV("Set up job"));
    const bool take[] = {true, false};
    AUTO(buf_free) struct buf b = BUF_INIT(65536);

    (void)state;
    (void)records_add(&l, NULL, SV("not sent"));
    a->started_us = 1772600767123000;
    a->state = REC_IN_PROGRESS;
    AUTO(auto_json) json_t *j = results_body(&l, take, 7, SV("plan"), SV("job"));
    jx_write(&b, j);
    assert_string_equal(
        b.p, "{\"steps\":[{\"external_id\":\"51a0c7d2-aaaa-4bbb-8ccc-0123456789ab\",\"number\":1,"
             "\"name\":\"Set up job\",\"status\":3,\"started_at\":\"2026-03-04T05:06:07.123Z\","
             "\"completed_at\":null,\"conclusion\":0}],\"change_order\":7,"
             "\"workflow_job_run_backend_id\":\"job\",\"workflow_run_backend_id\":\"plan\"}");
    records_free(&l);
}

static void test_annotation(void **state)
{
    struct issue i = {.level = ISSUE_ERROR, .message = xstrdup("bad"), .log_line = 12};
    AUTO(buf_free) struct buf b = BUF_INIT(65536);

    (void)state;
    AUTO(auto_json) json_t *without = completion_annotation(&i, 2);
    jx_write(&b, without);
    assert_string_equal(
        b.p, "{\"level\":\"failure\",\"message\":\"bad\",\"startLine\":12,\"endLine\":12,"
             "\"stepNumber\":2}");
    i.file = xstrdup("src/a.c");
    i.line = 3;
    buf_reset(&b);
    AUTO(auto_json) json_t *with = completion_annotation(&i, 2);
    jx_write(&b, with);
    assert_string_equal(
        b.p, "{\"level\":\"failure\",\"message\":\"bad\",\"path\":\"src/a.c\",\"startLine\":3,"
             "\"endLine\":3,\"stepNumber\":2}");
    free(i.message);
    i.message = xstrdup("  ");
    assert_null(completion_annotation(&i, 2));
    issue_done(&i);
}

static void test_issues_have_a_limit(void **state)
{
    struct records l = {.v = NULL};
    struct record *r = records_add(&l, NULL, SV("s"));

    (void)state;
    for (unsigned i = 0; i < ISSUES_PER_LEVEL + 1; i++) {
        struct issue w = {.level = ISSUE_WARNING, .message = xstrdup("w")};
        record_add_issue(r, &w);
    }
    struct issue e = {.level = ISSUE_ERROR, .message = xstrdup("e")};
    record_add_issue(r, &e);
    assert_int_equal(r->n_issues, ISSUES_PER_LEVEL + 1); /* ten warnings and one error */
    records_free(&l);
}

static void test_cut(void **state)
{
    char text[2048];
    AUTO(buf_free) struct buf b = BUF_INIT(8192);

    (void)state;
    memset(text, 'x', sizeof text);
    assert_int_equal(feed_cut((struct sv){text, 1024}, &b).n, 1024);
    struct sv cut = feed_cut((struct sv){text, 1025}, &b);
    assert_int_equal(cut.n, 1027);
    assert_true(sv_ends(cut, SV("x...")));
}

#define LISTING \
    ".git/\0a.txt\0lib/x/.git\0lib/x/f\0lib/x/deep/.git\0lib/x/deep/g\0own/.git/\0own/h\0"

static void test_listing(void **state)
{
    const struct {
        unsigned depth;
        struct sv want;
        const char *empty;
    } rows[] = {
        {0, SV(".git/\0a.txt\0own/.git/\0own/h\0"), "lib/x"},
        {1, SV(".git/\0a.txt\0lib/x/.git\0lib/x/f\0own/.git/\0own/h\0"), "lib/x/deep"},
        {9, SV(LISTING), NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO(buf_free) struct buf out = BUF_INIT(4096);
        AUTO(strv_free) struct strv empty = STRV_INIT;
        listing_filter(SV(LISTING), rows[i].depth, &out, &empty);
        assert_int_equal(out.len, rows[i].want.n);
        assert_memory_equal(out.p, rows[i].want.p, out.len);
        assert_int_equal(empty.n, rows[i].empty != NULL ? 1 : 0);
        if (rows[i].empty != NULL)
            assert_string_equal(empty.v[0], rows[i].empty);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shells),
        cmocka_unit_test(test_placeholder_refused),
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_annotation),
        cmocka_unit_test(test_issues_have_a_limit),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_listing),
    };

    jx_init();
    return cmocka_run_group_tests_name("worker parts", tests, NULL, NULL);
}
