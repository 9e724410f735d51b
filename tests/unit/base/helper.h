/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of base/ share: cmocka with its includes in order, table rows as tests, a temporary folder
 * for each test and a count of open descriptors. */
#ifndef TESTS_UNIT_BASE_HELPER_H
#define TESTS_UNIT_BASE_HELPER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* One test a row, named by its first member `name`. */
#define RUN_TABLE(group, cases, fn)                                                               \
    __extension__({                                                                               \
        struct CMUnitTest tests_[COUNT(cases)];                                                   \
        for (size_t i_ = 0; i_ < COUNT(cases); i_++)                                              \
            tests_[i_] = (struct CMUnitTest){.name = (cases)[i_].name,                            \
                                             .test_func = (fn),                                   \
                                             .initial_state = (void *)(uintptr_t) & (cases)[i_]}; \
        cmocka_run_group_tests_name(group, tests_, NULL, NULL);                                   \
    })

/* Setup and teardown with the path of a fresh folder as *state. */
static inline int make_dir(void **state)
{
    struct err e;
    char *dir;

    if (fs_temp_dir("/tmp", "gantry-unit", &dir, &e) < 0)
        return -1;
    *state = dir;
    return 0;
}

static inline int remove_dir(void **state)
{
    struct err e;
    int r = fs_remove_tree(AT_FDCWD, *state, &e);

    free(*state);
    return r;
}

static inline size_t open_fds(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");

    if (d == NULL)
        return 0;
    while (readdir(d) != NULL)
        n++;
    (void)closedir(d);
    return n;
}

#endif
