/* SPDX-License-Identifier: Apache-2.0
 *
 * Loading of called workflows: names, order, limits, what the reader is asked for. What callers and callees may say
 * is in the cases of tests/data/cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "actions/workflow_call.h"
#include "base/mem.h"

#define TOP  ".github/workflows/top.yml"
#define STEP "{runs-on: x, steps: [{run: x}]}"

struct file {
    const char *name, *text;
};
struct world {
    const struct file *files;
    struct buf asked; /* names, one a line */
};

static int read_file(void *ctx, struct sv name, struct buf *out, struct err *e)
{
    struct world *w = ctx;

    buf_addf(&w->asked, "%.*s\n", (int)name.n, name.p);
    for (const struct file *f = w->files; f->name != NULL; f++) {
        if (sv_is(name, f->name)) {
            buf_adds(out, f->text);
            return 0;
        }
    }
    return err_set(e, FAIL_NOTFOUND, "no such file");
}

struct result {
    struct wf *w;
    struct buf errors; /* official messages, one a line */
    struct buf asked;
};

static void result_free(struct result *r)
{
    wf_free(r->w);
    buf_free(&r->errors);
    buf_free(&r->asked);
}

static struct result load(const char *top, const struct file *files, const struct wf_options *o)
{
    struct world world = {.files = files, .asked = BUF_INIT(65536)};
    const struct wf_loader loader = {.ctx = &world, .read = read_file, .owner = SV("me")};
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    struct result r = {.errors = BUF_INIT(65536)};
    struct err e = {0};

    if (wf_parse_with(sv_of(top), TOP, o, &r.w, &errors, &e) == 0 &&
        wf_load_calls(r.w, &loader, o, &errors, &e) == 0)
        assert_int_equal(errors.n, 0);
    else
        assert_int_equal(e.code, FAIL_INPUT);
    for (size_t i = 0; i < errors.n; i++) {
        wf_error_message(&errors.v[i], &r.errors);
        buf_addc(&r.errors, '\n');
    }
    r.asked = world.asked;
    return r;
}

static void local_and_remote_calls_are_loaded(void **state)
{
    static const struct file files[] = {
        {".github/workflows/a.yml",
         "on: workflow_call\njobs: {x: {uses: o/r/.github/workflows/b.yml@v1}}\n"},
        {"o/r/.github/workflows/b.yml@v1",
         "on: workflow_call\njobs: {y: {uses: ./.github/workflows/c.yml}}\n"},
        {"o/r/.github/workflows/c.yml@v1", "on: workflow_call\njobs: {z: " STEP "}\n"},
        {NULL, NULL}};

    (void)state;
    struct result r = load("on: push\njobs: {j: {uses: ./.github/workflows/a.yml}, k: {uses: "
                           "$/.github/workflows/a.yml}, l: " STEP "}\n",
                           files, &wf_default_options);
    assert_string_equal(r.errors.p, "");
    assert_string_equal(r.asked.p, ".github/workflows/a.yml\no/r/.github/workflows/b.yml@v1\n"
                                   "o/r/.github/workflows/c.yml@v1\n"); /* each once */
    assert_int_equal(r.w->n_files, 4);
    assert_string_equal(r.w->files[0], TOP);
    assert_string_equal(r.w->files[3], "o/r/.github/workflows/c.yml@v1");
    const struct wf *a = r.w->jobs[0].called;
    assert_string_equal(a->file, ".github/workflows/a.yml");
    const struct wf *c = a->jobs[0].called->jobs[0].called;
    assert_string_equal(c->file, "o/r/.github/workflows/c.yml@v1");
    assert_int_equal(c->jobs[0].file, 4);
    assert_non_null(r.w->jobs[1].called);
    assert_ptr_not_equal(r.w->jobs[1].called, a);
    assert_null(r.w->jobs[2].called);
    assert_int_equal(r.w->all_jobs, 3 + 2 * 3);
    result_free(&r);
}

static void a_chain_that_closes_ends_at_the_depth(void **state)
{
    static const struct file files[] = {
        {".github/workflows/a.yml",
         "on: workflow_call\njobs: {x: {uses: ./.github/workflows/a.yml}}\n"},
        {NULL, NULL}};
    static const char top[] = "on: push\njobs: {j: {uses: ./.github/workflows/a.yml}}\n";
    struct wf_options o = wf_default_options;

    (void)state;
    struct result r = load(top, files, &o);
    assert_string_equal(r.errors.p, "Nested reusable workflow depth exceeded 9.\n");
    result_free(&r);
    o.max_nested = 0;
    r = load(top, files, &o);
    assert_string_equal(r.errors.p, "Nested reusable workflow depth exceeded 0.\n");
    assert_string_equal(r.asked.p, "");
    result_free(&r);
    o.skip_calls = true;
    r = load(top, files, &o);
    assert_string_equal(r.errors.p, "");
    assert_null(r.w->jobs[0].called);
    result_free(&r);
}

static void a_file_that_is_not_there_is_an_error_at_uses(void **state)
{
    static const struct file files[] = {{NULL, NULL}};

    (void)state;
    struct result r = load("on: push\njobs:\n  j:\n    uses: ./.github/workflows/a.yml\n", files,
                           &wf_default_options);
    assert_string_equal(r.errors.p, TOP " (Line: 4, Col: 11): Unable to find reusable workflow "
                                        "'.github/workflows/a.yml': no such file\n");
    result_free(&r);
}

static void errors_of_a_called_file_name_the_caller(void **state)
{
    static const struct file files[] = {
        {".github/workflows/a.yml",
         "on: workflow_call\njobs: {x: {uses: ./.github/workflows/b.yml}}\n"},
        {".github/workflows/b.yml",
         "on: workflow_call\njobs:\n  y: {runs-on: x, steps: [{}], z: 1}\n"},
        {NULL, NULL}};

    (void)state;
    struct result r = load("on: push\njobs: {j: {uses: ./.github/workflows/a.yml}}\n", files,
                           &wf_default_options);
    assert_non_null(strstr(
        r.errors.p, "In .github/workflows/a.yml (Line: 2, Col: 18): Error from called workflow "
                    ".github/workflows/b.yml (Line: 3, Col: 32): Unexpected value 'z'\n"));
    result_free(&r);
}

/* One file more than the limit; names that differ in case are one file, as in the official file table. */
static void the_number_of_files_is_limited(void **state)
{
    static const struct file files[] = {
        {"o/r/.github/workflows/a.yml@v1", "on: workflow_call\njobs: {x: " STEP "}\n"},
        {"o/r/.github/workflows/b.yml@v1", "on: workflow_call\njobs: {x: " STEP "}\n"},
        {NULL, NULL}};
    static const char top[] = "on: push\njobs:\n"
                              "  a: {uses: o/r/.github/workflows/a.yml@v1}\n"
                              "  b: {uses: O/R/.github/workflows/A.yml@v1}\n"
                              "  c: {uses: o/r/.github/workflows/b.yml@v1}\n";
    struct wf_options o = wf_default_options;

    (void)state;
    o.max_files = 3;
    struct result r = load(top, files, &o);
    assert_string_equal(r.errors.p, "");
    result_free(&r);
    o.max_files = 2;
    r = load(top, files, &o);
    assert_string_equal(r.errors.p, "In " TOP " (Line: 5, Col: 13): Error from called workflow "
                                    "The maximum file count of 2 has been exceeded\n");
    result_free(&r);
}

/* A tree of calls that would grow without bound ends at the size of the result. */
static void a_tree_of_calls_is_bounded(void **state)
{
    AUTO(buf_free) struct buf many = BUF_INIT(1 << 20);

    (void)state;
    buf_adds(&many, "on: workflow_call\njobs:\n");
    for (int i = 0; i < 100; i++)
        buf_addf(&many, "  j%d: {uses: ./.github/workflows/a.yml}\n", i);
    const struct file files[] = {{".github/workflows/a.yml", many.p}, {NULL, NULL}};
    struct wf_options o = wf_default_options;
    o.max_nested = 4; /* 100^4 jobs otherwise */
    o.max_result_size = 400000;
    struct result r = load("on: push\njobs: {j: {uses: ./.github/workflows/a.yml}}\n", files, &o);
    /* depth first: the depth is passed before the size */
    assert_string_equal(r.errors.p, "Nested reusable workflow depth exceeded 4.\n");
    result_free(&r);
    buf_reset(&many);
    buf_adds(&many, "on: workflow_call\njobs: {x: " STEP "}\n#");
    AUTO(buf_free) struct buf top = BUF_INIT(1 << 20);
    buf_adds(&top, "on: push\njobs:\n");
    for (int i = 0; i < 1000; i++)
        buf_addf(&top, "  j%d: {uses: ./.github/workflows/a.yml}\n", i);
    r = load(top.p, files, &o);
    assert_non_null(strstr(r.errors.p, ".github/workflows/a.yml: Maximum object size exceeded\n"));
    result_free(&r);
}

static void jobs_count_over_all_files(void **state)
{
    static const struct file files[] = {{".github/workflows/a.yml",
                                         "on: workflow_call\njobs: {x: " STEP ", y: " STEP
                                         ", z: " STEP "}\n"},
                                        {NULL, NULL}};
    struct wf_options o = wf_default_options;

    (void)state;
    o.max_jobs = 4;
    struct result r = load("on: push\njobs: {j: {uses: ./.github/workflows/a.yml}}\n", files, &o);
    assert_string_equal(r.errors.p, "");
    result_free(&r);
    o.max_jobs = 2;
    r = load("on: push\njobs: {j: {uses: ./.github/workflows/a.yml}}\n", files, &o);
    assert_string_equal(r.errors.p, "In " TOP " (Line: 2, Col: 18): Error from called workflow "
                                    ".github/workflows/a.yml (Line: 2, Col: 44): Workflows may "
                                    "not contain more than 2 jobs across all referenced files\n");
    result_free(&r);
}

static void permissions_go_down(void **state)
{
    static const struct file files[] = {
        {".github/workflows/a.yml",
         "on: workflow_call\npermissions: {contents: read}\njobs: {x: " STEP
         ", y: {uses: ./.github/workflows/b.yml}}\n"},
        {".github/workflows/b.yml", "on: workflow_call\njobs: {z: " STEP "}\n"},
        {NULL, NULL}};

    (void)state;
    struct result r = load("on: push\npermissions: write-all\n"
                           "jobs: {j: {uses: ./.github/workflows/a.yml}, k: " STEP "}\n",
                           files, &wf_default_options);
    assert_string_equal(r.errors.p, "");
    const struct wf *a = r.w->jobs[0].called;
    for (size_t i = 0; i < WF_SCOPES; i++) {
        unsigned want = strcmp(wf_scopes[i], "contents") == 0 ? WF_READ : WF_NONE;
        assert_int_equal(r.w->jobs[0].allowed.level[i], want);
        assert_int_equal(a->jobs[0].allowed.level[i], want);
        assert_int_equal(a->jobs[1].called->jobs[0].allowed.level[i], want);
    }
    assert_int_equal(r.w->jobs[1].allowed.level[0], WF_WRITE); /* actions */
    result_free(&r);
}

static void names_are_split_and_resolved(void **state)
{
    static const struct {
        const char *caller, *uses, *name, *owner, *repo, *path, *ref;
    } rows[] = {
        {TOP, "./.github/workflows/a.yml", ".github/workflows/a.yml", "", "",
         ".github/workflows/a.yml", ""},
        {"o/r/.github/workflows/t.yml@v1", "$/.github/workflows/a.yml",
         "o/r/.github/workflows/a.yml@v1", "o", "r", ".github/workflows/a.yml", "v1"},
        {TOP, "p/q/.github/workflows/a.yml@x/y", "p/q/.github/workflows/a.yml@x/y", "p", "q",
         ".github/workflows/a.yml", "x/y"},
        {".github/workflows/odd@name.yml", "./.github/workflows/a.yml", ".github/workflows/a.yml",
         "", "", ".github/workflows/a.yml", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO(buf_free) struct buf name = BUF_INIT(4096);
        struct wf_call_name at;
        wf_call_resolve(sv_of(rows[i].caller), sv_of(rows[i].uses), &name);
        assert_string_equal(name.p, rows[i].name);
        wf_call_split(buf_sv(&name), &at);
        assert_true(sv_is(at.owner, rows[i].owner));
        assert_true(sv_is(at.repo, rows[i].repo));
        assert_true(sv_is(at.path, rows[i].path));
        assert_true(sv_is(at.ref, rows[i].ref));
    }
}

#define REMOTE "o/r/.github/workflows/"
#define ROOTED "must be rooted in '.github/workflows'"
#define PREFIXED                                                                                  \
    "references to workflows must be prefixed with format 'owner/repository/' or './' for local " \
    "workflows"
#define ENDING "workflow file should have either a '.yml' or '.yaml' file extension"
#define LEVEL  "workflows must be defined at the top level of the .github/workflows/ directory"
#define EDGES  "version cannot begin or end with a slash '/' or a dot '.'"

static void forms_of_uses(void **state)
{
    static const struct {
        const char *uses, *why; /* NULL: good */
    } rows[] = {
        {"./.github/workflows/a.yml", NULL},
        {"$/.github/workflows/a.yaml", NULL},
        {"./.github/workflows-lab/a.yml", NULL},
        {REMOTE "a.yml@v1", NULL},
        {"O-1/r_2.x/.github/workflows-lab/a.b.yaml@feature/x@y",
         "too many '@' in workflow reference"},
        {REMOTE "a.yml@feature/x-1.2", NULL},
        {"./a.yml", "local workflow references " ROOTED},
        {"./x/.github/workflows/a.yml", "local workflow references " ROOTED},
        {"$/a.yml@v1", "local workflow references " ROOTED},
        {"./.github/workflows/a.yml@v1", "cannot specify version when calling local workflows"},
        {"./.github/workflows/d/a.txt", ENDING},
        {"./.github/workflows/d/a.yml", LEVEL},
        {"./.github/workflows/../a.yml", LEVEL},
        {"./.github/workflows/.yml", "invalid workflow file name"},
        {"", "no version specified"},
        {REMOTE "a.yml", "no version specified"},
        {REMOTE "a.yml@", "no version specified"},
        {"o/r@v1", "references to workflows " ROOTED},
        {".github/workflows/a.yml@v1", PREFIXED},
        {"r/.github/workflows/a.yml@v1", PREFIXED},
        {"o//.github/workflows/a.yml@v1", PREFIXED},
        {"/o/.github/workflows/a.yml@v1", PREFIXED},
        {"o/r/d/.github/workflows/a.yml@v1", PREFIXED},
        {"o/r//.github/workflows/a.yml@v1", PREFIXED},
        {"o!/r/.github/workflows/a.yml@v1", "owner name must be a valid repository owner name"},
        {"o/r r/.github/workflows/a.yml@v1", "repository name is invalid"},
        {REMOTE "d/a.txt@v1", LEVEL},
        {REMOTE "a@v1", ENDING},
        {REMOTE ".yaml@v1", "invalid workflow file name"},
        {REMOTE "a@v1..2", "invalid character '..' in version"},
        {REMOTE "a.yml@a?[", "invalid character '?' in version"},
        {REMOTE "a.yml@\\", "invalid character '\\' in version"},
        {REMOTE "a.yml@a//b", "invalid character '//' in version"},
        {REMOTE "a.yml@/a", EDGES},
        {REMOTE "a.yml@a/", EDGES},
        {REMOTE "a.yml@.a", EDGES},
        {REMOTE "a.yml@a.", EDGES},
        {REMOTE "a.yml@a/.b", "invalid version: a/.b"},
        {REMOTE "a.yml@b.lock/a", "invalid version: b.lock/a"},
        {REMOTE "a.yml@a b\t", "version cannot have ASCII control characters"},
        {REMOTE "a.yml@a b", "version cannot have whitespace"},
        {REMOTE "a.yml@a\xE2\x80\x83"
                "b",
         "version cannot have whitespace"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = {0};
        int rc = wf_call_check(sv_of(rows[i].uses), &e);
        if (rc != (rows[i].why == NULL ? 0 : -1))
            fail_msg("%s: %s", rows[i].uses, e.msg);
        if (rc < 0)
            assert_string_equal(e.msg, rows[i].why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_and_remote_calls_are_loaded),
        cmocka_unit_test(a_chain_that_closes_ends_at_the_depth),
        cmocka_unit_test(a_file_that_is_not_there_is_an_error_at_uses),
        cmocka_unit_test(errors_of_a_called_file_name_the_caller),
        cmocka_unit_test(the_number_of_files_is_limited),
        cmocka_unit_test(a_tree_of_calls_is_bounded),
        cmocka_unit_test(jobs_count_over_all_files),
        cmocka_unit_test(permissions_go_down),
        cmocka_unit_test(names_are_split_and_resolved),
        cmocka_unit_test(forms_of_uses),
    };

    return cmocka_run_group_tests_name("workflow_call", tests, NULL, NULL);
}
