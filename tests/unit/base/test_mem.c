/* SPDX-License-Identifier: Apache-2.0
 *
 * Allocation, secrets, and the abort of BUG(). */
#include "tests/unit/base/helper.h"

#include "base/secret.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void zero_sizes_are_valid(void **state)
{
    (void)state;
    void *a = xmalloc(0), *b = xcalloc(0, 8), *c = xreallocarray(NULL, 0, 8);

    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    free(a);
    free(b);
    free(c);
}

static void memdup_appends_a_nul(void **state)
{
    (void)state;
    char *p = xmemdup("a\0b", 3), *q = xmemdup(NULL, 0);

    assert_memory_equal(p, "a\0b\0", 4);
    assert_string_equal(q, "");
    free(p);
    free(q);
}

static void grow_doubles(void **state)
{
    (void)state;
    int *v = NULL;
    size_t cap = 0;

    for (size_t i = 0; i < 1000; i++) {
        GROW(v, cap, i + 1);
        v[i] = (int)i;
    }
    assert_int_equal(v[999], 999);
    assert_int_equal(cap, 1024);
    free(v);
}

static void take_ptr_leaves_null(void **state)
{
    (void)state;
    char *p = xstrdup("x"), *q = TAKE_PTR(p);

    assert_null(p);
    assert_string_equal(q, "x");
    free(q);
}

/* Runs fn in a child and gives its wait status. */
static int status_of(void (*fn)(void))
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        struct rlimit none = {0, 0};
        struct sigaction dfl = {.sa_handler = SIG_DFL}; /* cmocka catches some */
        (void)sigaction(SIGABRT, &dfl, NULL);
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)dup2(null, STDERR_FILENO);
        fn();
        _exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void broken(void)
{
    BUG(1 + 1 == 2);
}

static void too_big(void)
{
    /* Read from outside, so that no compiler sees the overflow. */
    volatile size_t n = SIZE_MAX / 2;
    free(xreallocarray(NULL, n, 4));
}

static void bug_aborts(void **state)
{
    (void)state;
    int st = status_of(broken);

    assert_true(WIFSIGNALED(st) && WTERMSIG(st) == SIGABRT);
}

static void overflow_aborts(void **state)
{
    (void)state;
    int st = status_of(too_big);

    assert_true(!WIFEXITED(st) || WEXITSTATUS(st) != 0);
}

static void secrets_compare_and_wipe(void **state)
{
    (void)state;
    struct secret s = secret_new("hunter2", 7);

    assert_true(secret_eq(&s, "hunter2", 7));
    assert_false(secret_eq(&s, "hunter3", 7));
    assert_false(secret_eq(&s, "hunter", 6));
    assert_true(sv_is(secret_sv(&s), "hunter2"));
    secret_free(&s);
    assert_null(s.p);
    secret_free(&s);
    struct secret none = {NULL, 0};
    assert_true(secret_eq(&none, "", 0));
    assert_int_equal(secret_sv(&none).n, 0);
    char text[] = "secret";
    secret_wipe(text, sizeof text);
    assert_memory_equal(text, "\0\0\0\0\0\0\0", 7);
    secret_wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_sizes_are_valid),
        cmocka_unit_test(memdup_appends_a_nul),
        cmocka_unit_test(grow_doubles),
        cmocka_unit_test(take_ptr_leaves_null),
        cmocka_unit_test(bug_aborts),
        cmocka_unit_test(overflow_aborts),
        cmocka_unit_test(secrets_compare_and_wipe),
    };

    return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
