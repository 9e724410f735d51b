/* SPDX-License-Identifier: Apache-2.0
 *
 * Expressions: parse, evaluate in a fixed world, print. Invariants: an error has a text, and a position inside
 * the expression when it has one; the canonical text of what parses (the trace shows it) parses again and
 * has the same value; a result stays within the memory limit. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "actions/expr.h"
#include "base/mem.h"
#include "tests/fuzz/said.h"

#define MAX_INPUT  ((size_t)2 << 20)
#define MAX_MEMORY ((size_t)1 << 18)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char world_json[] =
    "{\"github\":{\"ref\":\"refs/heads/main\",\"event\":{\"n\":12,\"labels\":[{\"name\":\"bug\",\"id\":1},"
    "{\"name\":\"Help\",\"t\":[\"a\",[\"b\"]]}],\"x y\":null}},\"a\":[1,\"2\",true,null,[5],{\"x\":1}],"
    "\"s\":\"it's\",\"e\":{},\"\\u00e4\":1}";

struct world {
    struct val *contexts;
    struct buf canonical;
};

static struct val *context(void *ctx, struct sv name)
{
    const struct world *w = ctx;

    return val_get(w->contexts, name);
}

static bool yes(void *ctx)
{
    (void)ctx;
    return true;
}

static bool of(void *ctx, const struct sv *jobs, size_t n)
{
    (void)ctx;
    return n > 0 && jobs[0].n > 0;
}

static int hash(void *ctx, const struct sv *patterns, size_t n, struct buf *out, struct err *e)
{
    (void)ctx;
    if (n > 1)
        return err_set(e, FAIL_INPUT, "no more than one pattern here");
    buf_addf(out, "%zu", patterns[0].n);
    return 0;
}

static void trace(void *ctx, struct sv line)
{
    struct world *w = ctx;
    const struct sv head = SV("Evaluating: ");

    if (sv_starts(line, head) && w->canonical.len == 0)
        buf_addsv(&w->canonical, sv_sub(line, head.n, line.n));
}

static void check_error(const struct expr_error *xe, const struct buf *text, struct sv expr)
{
    if (text->len == 0)
        abort();
    if (xe->has_pos && xe->pos >= utf8_utf16_len(expr))
        abort();
}

static int evaluate(struct sv text, const struct expr_env *env, struct buf *shown)
{
    AUTO(buf_free) struct buf message = BUF_INIT((size_t)1 << 26);
    struct expr_error xe = {.text = &message};
    struct err e = {0};
    struct val *v = NULL;

    if (expr_eval_text(text, env, &v, &xe, &e) < 0) {
        check_error(&xe, &message, text);
        if (env->trace != NULL) /* not the canonical text, which is longer */
            said(message.p);
        return -1;
    }
    if (val_get_string(v).n > 2 * MAX_MEMORY)
        abort();
    val_to_pretty(v, shown);
    json_decref(val_to_json(v));
    val_unref(v);
    return 0;
}

static void count_path(void *ctx, const struct sv *path, size_t n)
{
    size_t *sum = ctx;

    for (size_t i = 0; i < n; i++)
        *sum += path[i].n;
}

static void parse_alone(struct sv text)
{
    static const char *const contexts[] = {"github", "a", NULL};
    static const char *const functions[] = {"success(0,MAX)", "hashFiles(1,255)", "always(0,0)",
                                            "own", NULL};
    const struct expr_names names = {contexts, functions};
    AUTO(buf_free) struct buf message = BUF_INIT((size_t)1 << 20);
    struct expr_error xe = {.text = &message};
    struct err e = {0};
    struct expr *x = NULL;
    size_t sum = 0;
    struct sv lit;

    if (expr_parse(text, &names, &x, &xe, &e) < 0) {
        check_error(&xe, &message, text);
        return;
    }
    expr_visit_contexts(x, count_path, &sum);
    (void)expr_has_status_function(x);
    (void)(expr_is_blank(x) || expr_is_string(x, &lit));
    expr_free(x);
}

static bool loses_in_print(struct sv s)
{
    size_t run = 0;

    if (sv_chr(s, '!') != SV_NPOS && sv_chr(s, ')') != SV_NPOS)
        return true;
    for (size_t i = 0; i < s.n; i++) {
        run = ch_is_digit(s.p[i]) || s.p[i] == '.' ? run + 1 : 0;
        if (run > 15)
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.canonical = BUF_INIT((size_t)1 << 22)};
    struct expr_env env = {.ctx = &w,
                           .context = context,
                           .success = yes,
                           .failure = yes,
                           .cancelled = yes,
                           .success_of = of,
                           .failure_of = of,
                           .hash_files = hash,
                           .trace = trace,
                           .max_memory = MAX_MEMORY};
    AUTO(buf_free) struct buf first = BUF_INIT((size_t)1 << 26), second = BUF_INIT((size_t)1 << 26);

    if (size > MAX_INPUT)
        return 0;
    json_t *j = json_loadb(world_json, sizeof world_json - 1, 0, NULL);
    char *in =
        malloc(size + 1); /* a copy of the exact size would do; the last byte is never read */
    if (j == NULL || in == NULL)
        abort();
    memcpy(in, data, size);
    w.contexts = val_from_json(j);
    json_decref(j);
    struct sv text = {in, size};
    parse_alone(text);
    if (evaluate(text, &env, &first) == 0 && w.canonical.len > 0) {
        env.trace = NULL;
        struct sv canonical = buf_sv(&w.canonical);
        if (!loses_in_print(text) && evaluate(canonical, &env, &second) == 0 &&
            strcmp(first.p, second.p) != 0)
            abort();
    }
    val_unref(w.contexts);
    buf_free(&w.canonical);
    free(in);
    return 0;
}
