/* SPDX-License-Identifier: Apache-2.0
 *
 * Time of the expression engine: nanoseconds for lexing + parsing + evaluating each of a few usual
 * expressions, the median of several rounds; and the same for evaluating a parsed tree alone. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "actions/expr.h"

#define ROUNDS 9
#define TURNS  20000

static const char contexts_json[] =
    "{\"github\":{\"ref\":\"refs/heads/main\",\"event_name\":\"push\",\"repository\":\"acme/rocket\","
    "\"sha\":\"0123456789abcdef0123456789abcdef01234567\",\"run_id\":\"77001\",\"actor\":\"mona\","
    "\"event\":{\"number\":12,\"labels\":[{\"name\":\"bug\"},{\"name\":\"docs\"},{\"name\":\"ci\"}]}},"
    "\"matrix\":{\"os\":\"linux\",\"node\":20},\"steps\":{\"build\":{\"outputs\":{\"version\":\"1.2.3\"},"
    "\"outcome\":\"success\"}},\"inputs\":{\"flag\":true},\"env\":{\"CI\":\"true\"}}";

static const char *const expressions[] = {
    "github.ref",
    "github.event_name == 'push' && github.ref == 'refs/heads/main'",
    "contains(github.event.labels.*.name, 'docs')",
    "format('{0}-{1}-{2}', github.repository, matrix.os, steps.build.outputs.version)",
    "startsWith(github.ref, 'refs/tags/') || (matrix.node >= 18 && !inputs.flag)",
    "join(github.event.labels.*.name, ', ')",
    "toJSON(github.event)",
    "fromJSON('{\"a\":[1,2,3]}').a[1]",
};

static struct val *context(void *ctx, struct sv name)
{
    return val_get(ctx, name);
}

static double now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
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
        for (int i = 0; i < TURNS; i++) {
            struct expr_error xe = {0};
            struct err e = {0};
            struct val *v = NULL;
            int rc = x != NULL ? expr_eval(x, env, &v, &xe, &e)
                               : expr_eval_text(sv_of(text), env, &v, &xe, &e);
            if (rc < 0) {
                err_print(&e);
                exit(1);
            }
            val_unref(v);
        }
        t[r] = (now_ns() - start) / TURNS;
    }
    qsort(t, ROUNDS, sizeof t[0], by_value);
    return t[ROUNDS / 2];
}

int main(void)
{
    json_t *j = json_loads(contexts_json, 0, NULL);
    struct val *contexts = val_from_json(j);
    const struct expr_env env = {.ctx = contexts, .context = context};

    json_decref(j);
    for (size_t i = 0; i < sizeof expressions / sizeof expressions[0]; i++) {
        struct expr *x = NULL;
        struct expr_error xe = {0};
        struct err e = {0};
        if (expr_parse(sv_of(expressions[i]), NULL, &x, &xe, &e) < 0) {
            err_print(&e);
            return 1;
        }
        printf("lex, parse and evaluate | %6.0f ns, %6.0f ns of it evaluation | %s\n",
               median(expressions[i], NULL, &env), median(expressions[i], x, &env), expressions[i]);
        expr_free(x);
    }
    val_unref(contexts);
    return 0;
}
