/* SPDX-License-Identifier: Apache-2.0
 *
 * The command `gantry expr`. Names that the contexts do not list are unrecognized, as in a workflow. In a
 * batch only the well-known functions exist and an evaluation has the 1 MiB that the reference gives it unless
 * told otherwise (the form of the official test data, spec expressions 12.1); a single expression also has the status functions of a job in which nothing failed yet, and hashFiles over
 * the current folder. */
#include "runner/cli/expr_cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "actions/expr.h"
#include "base/file_digest.h"
#include "base/fs.h"
#include "base/glob_walk.h"
#include "base/json.h"
#include "base/mem.h"
#include "runner/cli/each_line.h"

#define MAX_CONTEXTS ((size_t)64 << 20)
#define MAX_MESSAGE  ((size_t)16 << 20)
#define BATCH_MEMORY ((size_t)1 << 20) /* of an evaluation: EvaluationOptions.cs */

static const char usage[] = "usage: gantry expr [--contexts FILE] EXPR\n"
                            "       gantry expr --batch\n";

struct world {
    struct val *contexts; /* object */
    struct sv workspace;  /* root of hashFiles; empty in a batch */
};

static struct val *context(void *ctx, struct sv name)
{
    const struct world *w = ctx;

    return w->contexts != NULL ? val_get(w->contexts, name) : NULL;
}

static bool yes(void *ctx)
{
    (void)ctx;
    return true;
}

static bool no(void *ctx)
{
    (void)ctx;
    return false;
}

static int hash_one(void *ctx, int fd, struct sv path, struct err *e)
{
    if (file_digest_add(ctx, fd, e) < 0)
        return err_wrap(e, "hash '%.*s'", SV_ARG(path));
    return 0;
}

/* hashFiles([--follow-symbolic-links,] pattern, ...), spec expressions 1.10. */
static int hash_files(void *ctx, const struct sv *patterns, size_t n, struct buf *out,
                      struct err *e)
{
    const struct world *w = ctx;
    AUTO(auto_glob) struct glob *g = NULL;
    struct glob_walk_options o = {.workspace = w->workspace, .file = hash_one};
    char hex[65];

    if (n > 0 && sv_starts(patterns[0], SV("--"))) {
        if (!sv_ieq(patterns[0], SV("--follow-symbolic-links")))
            return err_set(e, FAIL_INPUT,
                           "Invalid glob option %.*s, avaliable option: '--follow-symbolic-links'.",
                           SV_ARG(patterns[0]));
        o.follow = true;
        patterns++;
        n--;
    }
    const char *home = getenv("HOME");
    if (glob_new(patterns, n, w->workspace, sv_of(home), &g, e) < 0)
        return -1;
    struct file_digest *d = file_digest_new();
    o.ctx = d;
    int rc = glob_walk(g, &o, e);
    if (rc == 0) {
        file_digest_end(d, hex);
        buf_adds(out, hex);
    }
    file_digest_free(d);
    return rc;
}

static const char *kind_name(enum val_kind k)
{
    static const char *const names[] = {"Null", "Boolean", "Number", "String", "Array", "Object"};

    return names[k];
}

/* ---- batch ---- */

static json_t *pair(const char *kind, json_t *own_value)
{
    json_t *o = json_object();

    (void)json_object_set_new(o, "kind", json_string(kind));
    (void)json_object_set_new(o, "value", own_value);
    return o;
}

static json_t *error_of(const struct expr_error *xe, struct sv text, struct sv expr)
{
    static const char *const kinds[] = {"lexing", "parsing", "evaluation"};
    AUTO(buf_free) struct buf b = BUF_INIT(MAX_MESSAGE + EACH_LINE_MAX);

    buf_addsv(&b, text);
    if (xe->kind == EXPR_EVALUATION) { /* as the runner of the official cases composes it */
        buf_adds(&b, ". Located within expression: ");
        buf_addsv(&b, expr);
    }
    return pair(kinds[xe->kind], jx_str_new(buf_sv(&b)));
}

static int batch_line(struct sv line, struct buf *out, struct err *e)
{
    AUTO(auto_json) json_t *in = jx_parse_lax(line, "batch line", e);
    AUTO(auto_json) json_t *answer = json_object();
    AUTO(buf_free) struct buf text = BUF_INIT(MAX_MESSAGE);
    AUTO(auto_val) struct val *v = NULL;
    struct expr_error xe = {.text = &text};
    struct err why = {0};
    struct sv expr;

    if (in == NULL || jx_need_str(in, "expr", &expr, e) < 0)
        return -1;
    const json_t *contexts = jx_get(in, "contexts");
    if (contexts != NULL && !json_is_object(contexts) && !json_is_null(contexts))
        return err_set(e, FAIL_INPUT, "\"contexts\" is not an object");
    AUTO(auto_val) struct val *names = val_from_json(contexts);
    struct world w = {.contexts = names};
    const struct expr_env env = {.ctx = &w, .context = context, .max_memory = BATCH_MEMORY};
    if (expr_eval_text(expr, &env, &v, &xe, &why) == 0)
        (void)json_object_set_new(answer, "result", pair(kind_name(val_kind(v)), val_to_json(v)));
    else
        (void)json_object_set_new(answer, "error", error_of(&xe, buf_sv(&text), expr));
    jx_write(out, answer);
    buf_addc(out, '\n');
    return buf_done(out, "result", e);
}

/* ---- one expression ---- */

static int read_contexts(const char *file, struct val **out, struct err *e)
{
    AUTO(auto_free) char *text = NULL;
    size_t n;

    if (fs_read_file(AT_FDCWD, file, MAX_CONTEXTS, &text, &n, e) < 0)
        return -1;
    AUTO(auto_json) json_t *j = jx_parse_lax((struct sv){text, n}, file, e);
    if (j == NULL)
        return -1;
    if (!json_is_object(j))
        return err_set(e, FAIL_INPUT, "'%s' holds no JSON object; give {\"github\": {...}, ...}",
                       file);
    *out = val_from_json(j);
    return 0;
}

static int single(const char *expr, const char *contexts_file)
{
    AUTO(buf_free) struct buf text = BUF_INIT(MAX_MESSAGE);
    AUTO(buf_free) struct buf out = BUF_INIT(SIZE_MAX / 4);
    AUTO(auto_val) struct val *v = NULL, *contexts = NULL;
    struct expr_error xe = {.text = &text};
    struct err e = {0};

    if (contexts_file != NULL && read_contexts(contexts_file, &contexts, &e) < 0) {
        err_print(&e);
        return 2;
    }
    AUTO(auto_free) char *here = realpath(".", NULL);
    if (here == NULL) {
        (void)err_sys(&e, "cannot find out the current folder");
        err_print(&e);
        return 2;
    }
    struct world w = {.contexts = contexts, .workspace = sv_of(here)};
    const struct expr_env env = {.ctx = &w,
                                 .context = context,
                                 .success = yes,
                                 .failure = no,
                                 .cancelled = no,
                                 .hash_files = hash_files};
    if (expr_eval_text(sv_trim(sv_of(expr)), &env, &v, &xe, &e) < 0) {
        (void)fprintf(stderr, "gantry: error: %s\n", text.p);
        return 1;
    }
    val_to_pretty(v, &out);
    (void)printf("%s\n", out.p);
    return fflush(stdout) == 0 ? 0 : 2;
}

int cli_expr(int argc, char **argv)
{
    static const struct option options[] = {{"contexts", required_argument, NULL, 'c'},
                                            {"batch", no_argument, NULL, 'b'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *contexts = NULL;
    bool is_batch = false;
    int c;

    optind = 0; /* the caller may have used getopt for its own options */
    while ((c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
        if (c == 'c') {
            contexts = optarg;
        } else if (c == 'b') {
            is_batch = true;
        } else {
            (void)fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : 2;
        }
    }
    if (is_batch ? optind != argc || contexts != NULL : optind + 1 != argc) {
        (void)fputs(usage, stderr);
        return 2;
    }
    return is_batch ? cli_each_line(batch_line) : single(argv[optind], contexts);
}
