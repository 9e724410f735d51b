/* SPDX-License-Identifier: Apache-2.0
 *
 * Libraries that are opened on demand: all of the functions or none. */
#include "tests/unit/base/helper.h"

#include "base/dl.h"

static double (*f_sqrt)(double);
static double (*f_pow)(double, double);

static void all_functions(void **state)
{
    const struct dl_symbol symbols[] = {{"sqrt", &f_sqrt}, {"pow", &f_pow}};
    struct err e = {0};

    (void)state;
    assert_int_equal(dl_open("libm.so.6", symbols, 2, &e), 0);
    assert_int_equal((int)f_sqrt(81.0), 9);
    assert_int_equal((int)f_pow(2.0, 10.0), 1024);
}

static void none_when_one_is_missing(void **state)
{
    double (*cube)(double) = NULL;
    int (*no_such)(void) = NULL;
    const struct dl_symbol symbols[] = {{"cbrt", &cube}, {"gantry_no_such_function", &no_such}};
    struct err e = {0};

    (void)state;
    assert_int_equal(dl_open("libm.so.6", symbols, 2, &e), -1);
    assert_int_equal(e.code, FAIL_UNSUPPORTED);
    assert_non_null(strstr(e.msg, "the library 'libm.so.6' has no function "
                                  "'gantry_no_such_function'"));
    assert_null(cube);
    assert_null(no_such);
}

static void no_library(void **state)
{
    struct err e = {0};

    (void)state;
    assert_int_equal(dl_open("libgantry-is-not-there.so.1", NULL, 0, &e), -1);
    assert_int_equal(e.code, FAIL_UNSUPPORTED);
    assert_non_null(strstr(e.msg, "cannot open the library 'libgantry-is-not-there.so.1'"));
    assert_non_null(strstr(e.msg, "; install it"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_functions),
        cmocka_unit_test(none_when_one_is_missing),
        cmocka_unit_test(no_library),
    };

    return cmocka_run_group_tests_name("dl", tests, NULL, NULL);
}
