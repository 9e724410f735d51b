/* SPDX-License-Identifier: Apache-2.0
 *
 * `gantry parse`: a workflow (or action manifest) as the official parser's JSON template, or its errors; reads the file
 * and what it calls, never writes one. */
#include <fcntl.h>
#include <stdio.h>

#include "actions/manifest.h"
#include "actions/workflow_case.h"
#include "actions/workflow_json.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/path.h"
#include "runner/cli/options.h"
#include "runner/cli/parse_batch.h"
#include "runner/cli/parse_calls.h"
#include "runner/cli/render.h"

#define MAX_FILE ((size_t)4 << 20) /* of a million characters in UTF-8; the reader counts them */
#define MAX_JSON ((size_t)256 << 20)

struct options {
    const char *file;
    const struct strv *mirrors;
    bool json, positions, check, calls;
};

static int print_text(const struct buf *b)
{
    struct err e = {0};

    if (buf_done(b, "the template", &e) < 0)
        return cli_fail(&e);
    (void)fwrite(b->p, 1, b->len, stdout);
    (void)fputc('\n', stdout);
    return EXIT_OK;
}

static int print_json(json_t *own)
{
    AUTO(auto_json) json_t *j = own;
    AUTO(buf_free) struct buf b = BUF_INIT(MAX_JSON);

    jx_write_pretty(&b, j, 2);
    return print_text(&b);
}

/* What stands in a workflow is not the terminal's business. */
static void print_safe(const char *text)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1U << 20);

    render_safe(&b, sv_of(text), false);
    (void)fputs(b.p, stderr);
}

/* A file as it can be found from here: the one that was named, or another one of its repository. */
static void print_name(const struct options *o, const struct parse_calls *c, const char *name)
{
    struct wf_call_name at;

    wf_call_split(sv_of(name), &at);
    if (c == NULL || strcmp(name, c->name) == 0)
        name = o->file;
    else if (at.owner.n == 0)
        print_safe(c->prefix);
    print_safe(name);
}

/* c: NULL when nothing can be called. */
static int report(const struct options *o, const struct parse_calls *c,
                  const struct wf_errors *errors, const struct err *e)
{
    if (o->json)
        (void)print_json(wf_errors_to_json(errors));
    else if (errors->n == 0)
        err_print(e);
    for (size_t i = 0; !o->json && i < errors->n; i++) {
        const struct wf_error *x = &errors->v[i];
        print_name(o, c, x->file);
        (void)fprintf(stderr, ":%u:%u: ", x->line, x->col);
        print_safe(wf_error_plain(x));
        (void)fputc('\n', stderr);
        if (x->caller != NULL) {
            (void)fputs("  ", stderr);
            print_safe(x->caller);
            (void)fputc('\n', stderr);
        }
    }
    return EXIT_USAGE;
}

static bool has_call(const struct wf *w)
{
    for (size_t i = 0; i < w->n_jobs; i++) {
        if (w->jobs[i].uses.n > 0)
            return true;
    }
    return false;
}

static int parse_workflow(const struct options *o, struct sv text)
{
    AUTO(parse_calls_done) struct parse_calls calls = PARSE_CALLS_INIT;
    AUTO(wf_errors_free) struct wf_errors errors = {.whole = !o->json};
    AUTO(auto_wf) struct wf *w = NULL;
    struct err e = {0};

    if (parse_calls_open(&calls, o->file, o->mirrors, &e) < 0)
        return cli_fail(&e);
    if (wf_parse(text, calls.name, &w, &errors, &e) < 0)
        return report(o, &calls, &errors, &e);
    if (o->calls && has_call(w)) {
        const struct wf_loader loader = parse_calls_loader(&calls);
        if (wf_load_calls(w, &loader, NULL, &errors, &e) < 0)
            return report(o, &calls, &errors, &e);
    }
    return print_json(wf_to_json(w, o->positions ? WF_JSON_POSITIONS : 0));
}

/* A manifest has no template of its own: its tokens as they were read. */
static int parse_manifest(const struct options *o, struct sv text)
{
    AUTO(wf_errors_free) struct wf_errors errors = {.whole = !o->json};
    AUTO(auto_manifest) struct manifest *m = NULL;
    struct err e = {0};

    if (manifest_parse(text, o->file, 1, &m, &errors, &e) < 0)
        return report(o, NULL, &errors, &e);
    return print_json(tok_to_json(m->root));
}

static int parse_case(const struct options *o, struct sv text)
{
    AUTO(buf_free) struct buf b = BUF_INIT(MAX_JSON);
    AUTO(auto_wf_case) struct wf_case *c = NULL;
    struct err e = {0};

    if (wf_case_parse(text, sv_of(o->file), &c, &e) < 0) {
        (void)err_wrap(&e, "%.150s", o->file);
        return cli_fail(&e);
    }
    AUTO(auto_json) json_t *result = wf_case_run(c);
    wf_case_print(&b, result);
    int status = print_text(&b);
    if (status != EXIT_OK || !o->check || wf_case_check(c, result, &e) == 0)
        return status;
    (void)err_wrap(&e, "%.150s", o->file);
    err_print(&e);
    return EXIT_JOB_FAILED;
}

int cmd_parse_file(const struct args *a)
{
    const bool is_case = args_flag(a, "case");
    struct options o = {
        .file = a->words.v[0], /* NULL when there is none */
        .json = args_flag(a, "json"),
        .positions = !args_flag(a, "no-positions"),
        .check = args_flag(a, "check"),
        .calls = !args_flag(a, "no-calls"),
        .mirrors = args_list(a, "actions"),
    };
    AUTO(auto_free) char *text = NULL;
    struct err e = {0};
    size_t n;

    mem_keep();
    if (args_flag(a, "batch") && a->words.n == 0)
        return cli_parse_batch();
    if (o.file == NULL || args_flag(a, "batch")) {
        (void)err_set(&e, FAIL_INPUT, "either a FILE or --batch; see gantry help parse");
        return cli_fail(&e);
    }
    if (o.check && !is_case) {
        (void)err_set(&e, FAIL_INPUT, "--check compares a case with its result; add --case");
        return cli_fail(&e);
    }
    if (fs_read_file(AT_FDCWD, o.file, is_case ? WF_CASE_MAX : MAX_FILE, &text, &n, &e) < 0) {
        err_print(&e);
        return EXIT_USAGE;
    }
    if (is_case)
        return parse_case(&o, (struct sv){text, n});
    struct sv base = path_base(sv_of(o.file));
    if (sv_is(base, "action.yml") || sv_is(base, "action.yaml"))
        return parse_manifest(&o, (struct sv){text, n});
    return parse_workflow(&o, (struct sv){text, n});
}
