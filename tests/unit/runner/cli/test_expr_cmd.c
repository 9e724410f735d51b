/* SPDX-License-Identifier: Apache-2.0
 *
 * `gantry expr`: exit status and output of a batch and of single expressions, run in this process with standard
 * input and output on memfds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runner/cli/expr_cmd.h"

#define MAX_ARGS 6
#define TIMES_16 "format('{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}', "
#define BOMB     TIMES_16 TIMES_16 TIMES_16 TIMES_16 "'abcdefghij'))))"

static void run(const char *const *args, const char *in, int want_rc, const char *want_out)
{
    char *argv[MAX_ARGS] = {NULL};
    char words[MAX_ARGS][256], out[4096];
    int argc = 0;

    for (; args[argc] != NULL; argc++) {
        (void)snprintf(words[argc], sizeof words[0], "%s", args[argc]);
        argv[argc] = words[argc];
    }
    int fd_in = memfd_create("in", MFD_CLOEXEC), fd_out = memfd_create("out", MFD_CLOEXEC);
    assert_true(fd_in >= 0 && fd_out >= 0);
    assert_int_equal(write(fd_in, in, strlen(in)), (ssize_t)strlen(in));
    assert_int_equal(lseek(fd_in, 0, SEEK_SET), 0);
    (void)fflush(stdout);
    int keep_in = dup(0), keep_out = dup(1);
    assert_true(dup2(fd_in, 0) == 0 && dup2(fd_out, 1) == 1);
    clearerr(stdin);
    int rc = cli_expr(argc, argv);
    (void)fflush(stdout);
    (void)dup2(keep_in, 0);
    (void)dup2(keep_out, 1);
    ssize_t n = pread(fd_out, out, sizeof out - 1, 0);
    (void)close(keep_in);
    (void)close(keep_out);
    (void)close(fd_in);
    (void)close(fd_out);
    assert_true(n >= 0);
    out[n] = '\0';
    assert_int_equal(rc, want_rc);
    assert_string_equal(out, want_out);
}

static void batch(void **state)
{
    static const char *const args[] = {"expr", "--batch", NULL};

    (void)state;
    run(args,
        "{\"expr\":\"a.b\",\"contexts\":{\"a\":{\"B\":0.1}}}\n"
        "\n"
        "{\"expr\":\"\"}\n"
        "{\"expr\":\"fromJSON('[1,{}]')\",\"contexts\":null}\n"
        "{\"expr\":\"1 = 2\"}\n"
        "{\"expr\":\"x\"}\n"
        "{\"expr\":\"always()\"}\n"
        "{\"expr\":\"format('{')\"}\n",
        0,
        "{\"result\":{\"kind\":\"Number\",\"value\":0.1}}\n"
        "{\"result\":{\"kind\":\"Null\",\"value\":null}}\n"
        "{\"result\":{\"kind\":\"Array\",\"value\":[1,{}]}}\n"
        "{\"error\":{\"kind\":\"lexing\",\"value\":\"Unexpected symbol: '='. Located at position 3 within "
        "expression: 1 = 2\"}}\n"
        "{\"error\":{\"kind\":\"parsing\",\"value\":\"Unrecognized named-value: 'x'. Located at position 1 "
        "within expression: x\"}}\n"
        "{\"error\":{\"kind\":\"parsing\",\"value\":\"Unrecognized function: 'always'. Located at position 1 "
        "within expression: always()\"}}\n"
        "{\"error\":{\"kind\":\"evaluation\",\"value\":\"The following format string is invalid: {. Located "
        "within expression: format('{')\"}}\n");
    run(args, /* 10 letters, 16 times 16 times 16 times 16 */
        "{\"expr\":\"" BOMB "\"}\n", 0,
        "{\"error\":{\"kind\":\"evaluation\",\"value\":\"The maximum allowed memory size was exceeded while "
        "evaluating the following expression: " BOMB ". Located within expression: " BOMB "\"}}\n");
    run(args, "{\"expr\":1}\n", 2, "");
    run(args, "{\"expr\":\"1\",\"contexts\":[]}\n", 2, "");
    run(args, "not json\n", 2, "");
    run(args, "", 0, "");
}

static void single(void **state)
{
    static const char *const one[] = {"expr", " success() && 'x' ", NULL};
    static const char *const wrong[] = {"expr", "nope", NULL};
    static const char *const nothing[] = {"expr", NULL};
    static const char *const both[] = {"expr", "--batch", "1", NULL};
    static const char *const no_file[] = {"expr", "--contexts", "/nonexistent/contexts.json", "1",
                                          NULL};
    static const char *const no_match[] = {"expr", "hashFiles('/nonexistent/**')", NULL};

    (void)state;
    run(one, "", 0, "\"x\"\n");
    run(wrong, "", 1, "");
    run(nothing, "", 2, "");
    run(both, "", 2, "");
    run(no_file, "", 2, "");
    run(no_match, "", 0, "\"\"\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(batch), cmocka_unit_test(single)};

    return cmocka_run_group_tests_name("expr_cmd", tests, NULL, NULL);
}
