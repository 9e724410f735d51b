/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests that run at every level that the caller can have: as root `full`, and as a fresh ordinary user
 * `none` and `single`. Tests stand in the order none, single, full: a level leaves out what comes after its own. */
#ifndef TESTS_UNIT_SANDBOX_LEVELS_H
#define TESTS_UNIT_SANDBOX_LEVELS_H

#include "tests/unit/sandbox/rig.h"

static enum sbx_level level;
static struct rig_result res;

static struct rig *open_job(void)
{
    struct rig *r = xcalloc(1, sizeof *r);

    rig_init(r, level);
    return r;
}

static void done(struct rig *r)
{
    rig_done(r);
    free(r);
}

/* The tests of a program; the first n_none of them run without a sandbox, n_single at level single. */
struct level_tests {
    const struct CMUnitTest *v;
    size_t n_none, n_single, n;
};
static struct level_tests level_tests;

static int run_level(enum sbx_level l)
{
    size_t n = l == SBX_NONE     ? level_tests.n_none
               : l == SBX_SINGLE ? level_tests.n_single
                                 : level_tests.n;

    level = l;
    return _cmocka_run_group_tests(sbx_level_name(l), level_tests.v, n, NULL, NULL);
}

static int run_user(void)
{
    return run_level(SBX_NONE) + run_level(SBX_SINGLE);
}

/* Number of failed groups. */
static int run_levels(struct level_tests t)
{
    level_tests = t;
    return (geteuid() == 0 ? run_level(SBX_FULL) : 0) + rig_as_user(run_user);
}

#endif
