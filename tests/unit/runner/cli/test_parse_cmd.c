/* SPDX-License-Identifier: Apache-2.0
 *
 * `gantry parse`: what it prints, where, and its exit status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/sv.h"
#include "runner/cli/options.h"

#define CASES    GANTRY_TEST_DATA "/cases/"
#define WRONG    GANTRY_TEST_DATA "/workflows/wrong.case"
#define VALID    GANTRY_TEST_DATA "/workflows/valid/minimal.yml"
#define CONTROLS GANTRY_TEST_DATA "/workflows/control-characters.yml"
#define INVALID  GANTRY_TEST_DATA "/workflows/invalid/job-unknown-key.yml"

struct parse_case {
    const char *name;
    const char *args[4];
    int status;
    const char *out, *err; /* exact; NULL: not looked at */
};
static const struct parse_case cases[] = {
    {"a workflow as JSON",
     {VALID, "--no-positions"},
     0,
     "{\n  \"jobs\": [\n    {\n      \"type\": \"job\",\n      \"id\": \"a\",\n      \"name\": \"a\",\n      \"if\": "
     "{\n        \"type\": 3,\n        \"expr\": \"success()\"\n      },\n      \"runs-on\": \"x\",\n      "
     "\"steps\": [\n        {\n          \"id\": \"__run\",\n          \"if\": {\n            \"type\": 3,\n            "
     "\"expr\": \"success()\"\n          },\n          \"run\": \"x\"\n        }\n      ]\n    }\n  ]\n}\n",
     ""},
    {"errors on standard error", {INVALID}, 2, "", INVALID ":5:5: Unexpected value 'stepz'\n"},
    {"what a workflow holds does not reach the terminal's ear",
     {CONTROLS},
     2,
     "",
     CONTROLS ":5:5: Unexpected value 'st\\x1b]0;t\\x07epz'\n"},
    {"errors as JSON",
     {INVALID, "--json"},
     2,
     "{\n  \"errors\": [\n    {\n      \"Message\": \"" INVALID
     " (Line: 5, Col: 5): Unexpected value 'stepz'\"\n    }\n  ]\n}\n",
     ""},
    {"no file", {NULL}, 2, "", "gantry: error: either a FILE or --batch; see gantry help parse\n"},
    {"an unknown option",
     {"--what"},
     2,
     "",
     "gantry: error: parse: unknown option '--what'; see gantry help parse\n"},
    {"two files",
     {VALID, "y.yml"},
     2,
     "",
     "gantry: error: parse: 'y.yml' is too much: gantry parse FILE [OPTION...] | --batch\n"},
    {"a case that gives what it expects",
     {CASES "error-unexpected-value.yml", "--case", "--check"},
     0,
     "{\n  \"errors\": [\n    {\n      \"Message\": \".github/workflows/error-unexpected-value.yml "
     "(Line: 5, Col: 5): Unexpected value 'stepz'\"\n    }\n  ]\n}\n",
     ""},
    {"a case that gives something else",
     {WRONG, "--case", "--check"},
     1,
     NULL,
     "gantry: error: " WRONG ": line 2: expected '  \"jobs\": []', got '  \"errors\": ['\n"},
    {"no case",
     {VALID, "--case"},
     2,
     "",
     "gantry: error: " VALID ": not a case: expected options, '---', a workflow\n"},
    {"--check without --case",
     {VALID, "--check"},
     2,
     "",
     "gantry: error: --check compares a case with its result; add --case\n"},
    {"a file that is not there", {"/nowhere/x.yml"}, 2, "", NULL},
};

/* Standard output or error into a memfd; the old one is returned. */
static int redirect(FILE *f, int to)
{
    (void)fflush(f);
    int old = dup(fileno(f));
    if (old < 0 || dup2(to, fileno(f)) < 0)
        abort();
    return old;
}

static void restore(FILE *f, int old)
{
    (void)fflush(f);
    if (dup2(old, fileno(f)) < 0)
        abort();
    (void)close(old);
}

static char *content(int fd)
{
    struct err e = {0};
    char *text = xcalloc(1, 65536);

    (void)lseek(fd, 0, SEEK_SET);
    if (fd_read_full(fd, text, 65535, &e) < 0)
        abort();
    (void)close(fd);
    return text;
}

static int run(int argc, char **argv)
{
    const struct command *c = cli_command(SV("parse"));
    AUTO(args_done) struct args a = {.cmd = c, .words = STRV_INIT};
    struct err e = {0};
    bool help = false;

    return args_parse(c, argc, argv, &a, &help, &e) < 0 ? cli_fail(&e) : c->run(&a);
}

/* Each line of the input has its answer; an answer says what the file is. */
static void check_batch(void **state)
{
    static const char in[] =
        "{\"file\": \"a.yml\", \"text\": \"on: push\\njobs: {a: {runs-on: x, steps: []}}\"}\n"
        "\n"
        "{\"file\": \"d/action.yml\", \"text\": \"runs: {using: node20, main: x}\"}\n"
        "{\"file\": \"b.yml\", \"text\": \"on: push\\njobs: {}\"}\n"
        "{\"file\": \"c.yml\"}\n";
    char *argv[] = {(char[]){"parse"}, (char[]){"--batch"}, NULL};
    int input = memfd_create("in", MFD_CLOEXEC), out = memfd_create("out", MFD_CLOEXEC),
        err = memfd_create("err", MFD_CLOEXEC), old_in = dup(STDIN_FILENO);

    (void)state;
    assert_int_equal(write(input, in, sizeof in - 1), sizeof in - 1);
    assert_int_equal(lseek(input, 0, SEEK_SET), 0);
    assert_true(dup2(input, STDIN_FILENO) >= 0);
    int old_out = redirect(stdout, out), old_err = redirect(stderr, err);
    int status = run(2, argv);
    restore(stdout, old_out);
    restore(stderr, old_err);
    assert_true(dup2(old_in, STDIN_FILENO) >= 0);
    (void)close(old_in);
    (void)close(input);
    AUTO(auto_free) char *got_out = content(out);
    AUTO(auto_free) char *got_err = content(err);
    assert_true(sv_starts(sv_of(got_out), SV("{\"template\":{\"jobs\":[{\"type\":\"job\",")));
    const char *second = strchr(got_out, '\n');
    assert_non_null(second);
    assert_true(sv_starts(sv_of(second + 1), SV("{\"tokens\":{\"type\":2,")));
    const char *third = strchr(second + 1, '\n');
    assert_non_null(third);
    assert_string_equal(third + 1,
                        "{\"errors\":[{\"Message\":\"b.yml (Line: 2, Col: 7): The workflow must "
                        "contain at least one job with no dependencies.\"}]}\n");
    assert_string_equal(got_err, "gantry: error: line 5: member 'text' is missing\n");
    assert_int_equal(status, 2);
}

static void check(void **state)
{
    const struct parse_case *c = *state;
    char *argv[6] = {(char[]){"parse"}};
    int argc = 1, out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);

    while (argc < 5 && c->args[argc - 1] != NULL) {
        argv[argc] = xstrdup(c->args[argc - 1]);
        argc++;
    }
    int old_out = redirect(stdout, out), old_err = redirect(stderr, err);
    int status = run(argc, argv);
    restore(stdout, old_out);
    restore(stderr, old_err);
    AUTO(auto_free) char *got_out = content(out);
    AUTO(auto_free) char *got_err = content(err);
    for (int i = 1; i < argc; i++)
        free(argv[i]);
    if (c->out != NULL)
        assert_string_equal(got_out, c->out);
    if (c->err != NULL)
        assert_string_equal(got_err, c->err);
    assert_int_equal(status, c->status);
}

int main(void)
{
    enum { N = sizeof cases / sizeof cases[0] };
    struct CMUnitTest tests[N + 1];

    tests[N] = (struct CMUnitTest){.name = "many files a process", .test_func = check_batch};
    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = check,
                                       .initial_state = (void *)(uintptr_t)&cases[i]};
    return cmocka_run_group_tests_name("gantry parse", tests, NULL, NULL);
}
