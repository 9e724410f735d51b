/* SPDX-License-Identifier: Apache-2.0
 *
 * The interface of the expression engine: lists of names and argument counts, status functions, hashFiles,
 * what a tree tells about itself, masked trace, failures that only evaluation meets. The language itself is
 * tested by test_expr_cases.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "actions/expr.h"

static const char *const step_functions[] = {"always",    "success",   "failure",
                                             "cancelled", "hashFiles", NULL};
static const char *const job_functions[] = {"always(0,0)", "success(0,MAX)", "failure(0,MAX)",
                                            "cancelled(0,0)", NULL};
static const char *const contexts[] = {"github", "needs", NULL};

static void names(void **state)
{
    static const struct {
        const char *expr;
        const char *const *functions;
        const char *want; /* NULL: parses */
    } rows[] = {
        {"success()", step_functions, NULL},
        {"Success() && ALWAYS()", step_functions, NULL},
        {"success('a')", step_functions,
         "Too many parameters supplied: 'success'. Located at position 1 "
         "within expression: success('a')"},
        {"success('a', 'b')", job_functions, NULL},
        {"always(1)", job_functions,
         "Too many parameters supplied: 'always'. Located at position 1 within expression: always(1)"},
        {"hashFiles()", step_functions,
         "Too few parameters supplied: 'hashFiles'. Located at position 1 within expression: hashFiles()"},
        {"hashFiles('x')", job_functions,
         "Unrecognized function: 'hashFiles'. Located at position 1 within expression: hashFiles('x')"},
        {"GitHub.x || needs.y", job_functions, NULL},
        {"1 || env.x", job_functions,
         "Unrecognized named-value: 'env'. Located at position 6 within expression: 1 || env.x"},
        {"success(1, 2) || whatever(env, 1)", NULL, NULL},
        {"cancelled(1)", NULL,
         "Too many parameters supplied: 'cancelled'. Located at position 1 within expression: cancelled(1)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct expr_names n = {rows[i].functions != NULL ? contexts : NULL,
                                     rows[i].functions};
        AUTO(buf_free) struct buf text = BUF_INIT(10000);
        struct expr_error xe = {.text = &text};
        struct err e = {0};
        struct expr *x = NULL;
        int rc = expr_parse(sv_of(rows[i].expr), &n, &x, &xe, &e);
        expr_free(x);
        assert_int_equal(rc, rows[i].want == NULL ? 0 : -1);
        assert_string_equal(text.p, rows[i].want == NULL ? "" : rows[i].want);
        assert_int_equal(rc < 0 ? xe.has_pos : true, true);
    }
}

static void add_path(void *ctx, const struct sv *path, size_t n)
{
    struct buf *b = ctx;

    for (size_t i = 0; i < n; i++) {
        buf_addc(b, i > 0 ? '.' : ' ');
        buf_addsv(b, path[i]);
    }
}

static void tells_about_itself(void **state)
{
    static const struct {
        const char *expr;
        const char *paths;
        bool status, blank, string;
    } rows[] = {
        {"", "", false, true, false},
        {" ", "", false, true, false},
        {"'x'", "", false, false, true},
        {"(('x'))", "", false, false, true},
        {"'x' || 1", "", false, false, false},
        {"github.ref", " github.ref", false, false, false},
        {"steps.a['outputs'].b", " steps.a.outputs.b", false, false, false},
        {"steps.a[env.K].b", " env.K steps.a", false, false, false},
        {"a.*.b && c[0].d", " a c", false, false, false},
        {"fromJSON(needs.x.outputs.y).z[matrix.i]", " matrix.i needs.x.outputs.y", false, false,
         false},
        {"!(a == b) || toJSON(c) < d.e", " a b c d.e", false, false, false},
        {"always()", "", true, false, false},
        {"a && (b || !Failure())", " a b", true, false, false},
        {"contains('success()', success)", " success", false, false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct expr_error xe = {0};
        struct err e = {0};
        struct expr *x = NULL;
        struct sv lit;
        AUTO(buf_free) struct buf b = BUF_INIT(1000);
        assert_int_equal(expr_parse(sv_of(rows[i].expr), NULL, &x, &xe, &e), 0);
        expr_visit_contexts(x, add_path, &b);
        assert_string_equal(b.p, rows[i].paths);
        assert_int_equal(expr_has_status_function(x), rows[i].status);
        assert_int_equal(expr_is_blank(x), rows[i].blank);
        assert_int_equal(expr_is_string(x, &lit), rows[i].string);
        expr_free(x);
    }
    expr_free(NULL);
}

struct job {
    bool ok, cancelled;
    struct buf log;
};

static bool success(void *ctx)
{
    return ((struct job *)ctx)->ok;
}

static bool failure(void *ctx)
{
    return !((struct job *)ctx)->ok;
}

static bool cancelled(void *ctx)
{
    return ((struct job *)ctx)->cancelled;
}

static bool success_of(void *ctx, const struct sv *jobs, size_t n)
{
    (void)ctx;
    return n == 2 && sv_is(jobs[0], "a") && sv_is(jobs[1], "1.5");
}

static bool failure_of(void *ctx, const struct sv *jobs, size_t n)
{
    (void)ctx;
    return n == 1 && sv_is(jobs[0], "true");
}

static int hash_files(void *ctx, const struct sv *patterns, size_t n, struct buf *out,
                      struct err *e)
{
    (void)ctx;
    if (n == 1)
        return err_set(e, FAIL_TIMEOUT, "hashFiles('%.*s') couldn't finish within 120 seconds.",
                       SV_ARG(patterns[0]));
    for (size_t i = 0; i < n; i++)
        buf_addsv(out, patterns[i]);
    return 0;
}

static void keep_line(void *ctx, struct sv line)
{
    struct job *j = ctx;

    buf_addsv(&j->log, line);
    buf_addc(&j->log, '|');
}

static void mask(void *ctx, struct sv text, struct buf *out)
{
    (void)ctx;
    buf_addsv(out, sv_eq(text, SV("se'cret")) ? SV("***") : text);
}

static void call_site_functions(void **state)
{
    static const struct {
        const char *expr;
        bool ok, cancelled;
        const char *want; /* toJSON text, or the error's */
    } rows[] = {
        {"always()", false, true, "true"},
        {"success()", true, false, "true"},
        {"success()", false, false, "false"},
        {"failure() && !cancelled()", false, false, "true"},
        {"cancelled()", true, true, "true"},
        {"success('a', 1.5)", false, false, "true"},
        {"success('b')", true, false, "false"},
        {"failure(true)", true, false, "true"},
        {"hashFiles('x', null, 'y')", true, false, "\"xy\""},
        {"hashFiles('x')", true, false, "hashFiles('x') couldn't finish within 120 seconds."},
        {"hashFiles(fromJSON('{'), 1)", true, false, NULL},
        {"success(fromJSON('{'))", true, false, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct job j = {.ok = rows[i].ok, .cancelled = rows[i].cancelled};
        const struct expr_env env = {.ctx = &j,
                                     .success = success,
                                     .failure = failure,
                                     .cancelled = cancelled,
                                     .success_of = success_of,
                                     .failure_of = failure_of,
                                     .hash_files = hash_files};
        AUTO(buf_free) struct buf text = BUF_INIT(10000);
        struct expr_error xe = {.text = &text};
        struct err e = {0};
        struct val *v = NULL;
        if (expr_eval_text(sv_of(rows[i].expr), &env, &v, &xe, &e) == 0) {
            val_to_pretty(v, &text);
            val_unref(v);
        } else {
            assert_int_equal(xe.kind, EXPR_EVALUATION);
        }
        if (rows[i].want != NULL)
            assert_string_equal(text.p, rows[i].want);
        else
            assert_true(sv_starts(buf_sv(&text), SV("Error parsing fromJson,")));
    }
}

/* A tree that was parsed without an environment may name what its evaluation does not offer. */
static void evaluated_elsewhere(void **state)
{
    static const struct {
        const char *expr, *want;
    } rows[] = {
        {"nope.x", "Unrecognized named-value: 'nope'"},
        {"own(1)", "Unrecognized function: 'own'"},
        {"success()", "Unrecognized function: 'success'"},
        {"failure('x')", "Unrecognized function: 'failure'"},
        {"cancelled()", "Unrecognized function: 'cancelled'"},
        {"hashFiles('x')", "Unrecognized function: 'hashFiles'"},
    };
    const struct expr_env env = {0};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct expr_error xe = {0};
        struct err e = {0};
        struct expr *x = NULL;
        struct val *v = NULL;
        assert_int_equal(expr_parse(sv_of(rows[i].expr), NULL, &x, &xe, &e), 0);
        assert_int_equal(expr_eval(x, &env, &v, &xe, &e), -1);
        assert_string_equal(e.msg, rows[i].want);
        assert_null(v);
        expr_free(x);
    }
}

static struct val *secrets(void *ctx, struct sv name)
{
    static struct val *o;

    (void)ctx;
    (void)name;
    if (o == NULL)
        o = val_object();
    if (val_count(o) == 0)
        val_sets(o, "k", val_string(SV("se'cret")));
    return o;
}

static void masked_trace(void **state)
{
    struct job j = {.log = BUF_INIT(10000)};
    const struct expr_env env = {.ctx = &j, .context = secrets, .trace = keep_line, .mask = mask};
    struct expr_error xe = {0};
    struct err e = {0};
    struct val *v = NULL;

    (void)state;
    assert_int_equal(expr_eval_text(SV("secrets.k"), &env, &v, &xe, &e), 0);
    assert_string_equal(j.log.p,
                        "Evaluating: secrets.k|Evaluating Index:|..Evaluating secrets:|..=> Object|"
                        "..Evaluating String:|..=> 'k'|=> '***'|Result: '***'|");
    val_unref(v);
    buf_free(&j.log);
    val_unref(secrets(NULL, SV("")));
}

/* The result keeps its identity and outlives the evaluation. */
static void results_outlive(void **state)
{
    const struct expr_env env = {0};
    struct expr_error xe = {0};
    struct err e = {0};
    struct val *v = NULL;

    (void)state;
    assert_int_equal(
        expr_eval_text(SV("fromJSON('{\"a\":[{\"b\":\"deep\"}]}').a[0].b"), &env, &v, &xe, &e), 0);
    assert_string_equal(val_get_string(v).p, "deep");
    val_unref(v);
    assert_int_equal(expr_eval_text(SV("fromJSON('[[1,2],[3]]').*[0]"), &env, &v, &xe, &e), 0);
    assert_int_equal(val_count(v), 2);
    val_unref(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(tells_about_itself),
        cmocka_unit_test(call_site_functions),
        cmocka_unit_test(evaluated_elsewhere),
        cmocka_unit_test(masked_trace),
        cmocka_unit_test(results_outlive),
    };
    return cmocka_run_group_tests_name("expr", tests, NULL, NULL);
}
