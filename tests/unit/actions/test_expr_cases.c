/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs the expression cases below tests/data/expressions, in the form of the official test data (spec
 * expressions 12.1): group name -> cases with expr, contexts, and result {kind, value} or err {kind, value},
 * value being a part of the message. Beyond that form: `trace`, the lines of the step-debug trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>

#include "actions/expr.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/path.h"

/* A failed case is counted, not thrown: the rest still runs, and nothing leaks. */
static size_t failed;
#define WRONG(...) (print_error(__VA_ARGS__), print_error("\n"), (void)failed++)

struct world {
    struct val *contexts;
    struct buf trace;
};

static struct val *context(void *ctx, struct sv name)
{
    const struct world *w = ctx;

    return val_get(w->contexts, name);
}

static void trace(void *ctx, struct sv line)
{
    struct world *w = ctx;

    buf_addsv(&w->trace, line);
    buf_addc(&w->trace, '\n');
}

static const char *const kinds[] = {"Null", "Boolean", "Number", "String", "Array", "Object"};
static const char *const errors[] = {"lexing", "parsing", "evaluation"};

static void check_trace(const char *expr, const json_t *want, const struct buf *have)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);

    for (size_t i = 0; i < json_array_size(want); i++)
        buf_addf(&b, "%s\n", json_string_value(json_array_get(want, i)));
    if (strcmp(b.p, have->p) != 0)
        WRONG("%s: trace is\n%swanted\n%s", expr, have->p, b.p);
}

static void check_result(const char *expr, const json_t *want, const struct val *v)
{
    AUTO(buf_free) struct buf a = BUF_INIT(1 << 24), b = BUF_INIT(1 << 24);
    AUTO(auto_val) struct val *w = val_from_json(jx_get(want, "value"));

    val_to_pretty(v, &a);
    val_to_pretty(w, &b);
    const char *kind = kinds[val_kind(v)];
    if (strcmp(kind, json_string_value(jx_get(want, "kind"))) != 0 || strcmp(a.p, b.p) != 0)
        WRONG("%.200s: %s %.300s, wanted %s %.300s", expr, kind, a.p,
              json_string_value(jx_get(want, "kind")), b.p);
}

static void check_error(const char *expr, const json_t *want, const struct expr_error *xe,
                        const struct buf *text)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1 << 24);

    buf_addsv(&b, buf_sv(text));
    if (xe->kind == EXPR_EVALUATION)
        buf_addf(&b, ". Located within expression: %s", expr);
    const char *part = json_string_value(jx_get(want, "value"));
    if (strcmp(errors[xe->kind], json_string_value(jx_get(want, "kind"))) != 0 ||
        strstr(b.p, part) == NULL)
        WRONG("%.200s: %s error %.300s, wanted %s %.300s", expr, errors[xe->kind], b.p,
              json_string_value(jx_get(want, "kind")), part);
}

/* "repeat": N makes the expression of N times itself between "before" and "after": for the limits. */
static void expression_of(const json_t *c, struct buf *b)
{
    for (int64_t i = 0; i < jx_int(c, "repeat_before", 0); i++)
        buf_addsv(b, jx_str(c, "before", ""));
    buf_addsv(b, jx_str(c, "expr", ""));
    for (int64_t i = 0; i < jx_int(c, "repeat_after", 0); i++)
        buf_addsv(b, jx_str(c, "after", ""));
}

static void check_case(const json_t *c)
{
    AUTO(buf_free) struct buf expr = BUF_INIT(1 << 24), text = BUF_INIT(1 << 24);
    AUTO(auto_val) struct val *contexts = val_object();
    struct world w = {.trace = BUF_INIT(1 << 20)};
    struct expr_error xe = {.text = &text};
    struct err e = {0};
    struct val *v = NULL;

    if (jx_get(c, "contexts") != NULL) {
        val_unref(contexts);
        contexts = val_from_json(jx_get(c, "contexts"));
    }
    w.contexts = contexts;
    const json_t *trace_want = jx_get(c, "trace"), *err_want = jx_get(c, "err");
    const struct expr_env env = {.ctx = &w,
                                 .context = context,
                                 .trace = trace_want != NULL ? trace : NULL,
                                 .max_memory = (size_t)jx_int(c, "max_memory", 0)};
    expression_of(c, &expr);
    int rc = expr_eval_text(buf_sv(&expr), &env, &v, &xe, &e);
    if (rc < 0 && err_want == NULL)
        WRONG("%.200s: unexpected %s error %.300s", expr.p, errors[xe.kind], text.p);
    else if (rc == 0 && err_want != NULL)
        WRONG("%.200s: no error, wanted %s", expr.p, json_string_value(jx_get(err_want, "value")));
    else if (rc < 0)
        check_error(expr.p, err_want, &xe, &text);
    else
        check_result(expr.p, jx_get(c, "result"), v);
    if (trace_want != NULL)
        check_trace(expr.p, trace_want, &w.trace);
    buf_free(&w.trace);
    val_unref(v);
}

static int names(const struct dirent *de)
{
    return sv_ends(sv_of(de->d_name), SV(".json"));
}

static void all_files(void **state)
{
    const char *dir = getenv("GANTRY_EXPRESSION_CASES"); /* e.g. a checkout of the official data */
    struct dirent **files;
    size_t cases = 0;

    (void)state;
    if (dir == NULL)
        dir = GANTRY_TEST_DATA "/expressions";
    int n = scandir(dir, &files, names, alphasort);
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        struct err e = {0};
        char *path = path_join(dir, files[i]->d_name), *text;
        size_t len;
        if (fs_read_file(AT_FDCWD, path, 1 << 24, &text, &len, &e) < 0)
            fail_msg("%s", e.msg);
        json_t *j = jx_parse((struct sv){text, len}, files[i]->d_name, &e);
        if (j == NULL)
            fail_msg("%s", e.msg);
        for (void *it = json_object_iter(j); it != NULL; it = json_object_iter_next(j, it)) {
            const json_t *group = json_object_iter_value(it);
            for (size_t k = 0; k < json_array_size(group); k++, cases++)
                check_case(json_array_get(group, k));
        }
        json_decref(j);
        free(text);
        free(path);
        free(files[i]);
    }
    free(files);
    print_message("%zu cases\n", cases);
    assert_int_equal(failed, 0);
    if (getenv("GANTRY_EXPRESSION_CASES") == NULL)
        assert_true(cases >= 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_files)};

    return cmocka_run_group_tests_name("expr_cases", tests, NULL, NULL);
}
