/* SPDX-License-Identifier: Apache-2.0
 *
 * Time of the expression engine: nanoseconds for lexing + parsing + evaluating each expression of a file
 * (tests/bench/expressions.json), and for evaluating its tree alone; medians of several rounds. expr.py puts
 * the official package beside it. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "actions/expr.h"
#include "base/num.h"

#define ROUNDS 9

static unsigned turns = 20000; /* a round */

static struct val *context(void *ctx, struct sv name)
{
    return val_get(ctx, name);
}

static double now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* a busy machine does not count */
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y ? 1 : 0;
}

static double median(const char *text, const struct expr *x, const struct expr_env *env)
{
    double t[ROUNDS];

    for (int r = 0; r < ROUNDS; r++) {
        double start = now_ns();
        struct expr_error xe = {0};
        struct err e = {0};
        for (unsigned i = 0; i < turns; i++) {
            struct val *v = NULL;
            int rc = x != NULL ? expr_eval(x, env, &v, &xe, &e)
                               : expr_eval_text(sv_of(text), env, &v, &xe, &e);
            if (rc < 0) {
                err_print(&e);
                exit(1);
            }
            val_unref(v);
        }
        t[r] = (now_ns() - start) / turns;
    }
    qsort(t, ROUNDS, sizeof t[0], by_value);
    return t[ROUNDS / 2];
}

int main(int argc, char **argv)
{
    json_error_t je;
    json_t *j = argc >= 2 ? json_load_file(argv[1], 0, &je) : NULL;

    if (j == NULL) {
        (void)fprintf(stderr, "usage: bench_expr tests/bench/expressions.json [TURNS]\n");
        return 2;
    }
    uint64_t n;
    struct err bad;
    if (argc > 2 && num_u64(sv_of(argv[2]), 1000000, &n, &bad) == 0 && n > 0)
        turns = (unsigned)n;
    struct val *contexts = val_from_json(json_object_get(j, "contexts"));
    const struct expr_env env = {.ctx = contexts, .context = context};
    const json_t *list = json_object_get(j, "expressions");
    printf("%10s %10s  expression\n", "all ns", "eval ns");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        struct expr *x = NULL;
        struct expr_error xe = {0};
        struct err e = {0};
        if (expr_parse(sv_of(text), NULL, &x, &xe, &e) < 0) {
            err_print(&e);
            return 1;
        }
        printf("%10.1f %10.1f  %s\n", median(text, NULL, &env), median(text, x, &env), text);
        expr_free(x);
    }
    val_unref(contexts);
    json_decref(j);
    return 0;
}
