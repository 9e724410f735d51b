/* SPDX-License-Identifier: Apache-2.0
 *
 * What `gantry doctor` says of a host whose files are these. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/path.h"
#include "runner/cli/doctor_host.h"

#define UID    4711 /* no such user here: found by its number */
#define UNUSED "(no job is limited by cgroups yet)"

struct file {
    const char *path, *text;
};
struct doctor_case {
    const char *name;
    struct file files[4];
    const char *want[3]; /* whole lines that are there */
    uid_t uid;
};
static const struct doctor_case cases[] = {
    {"nothing is there",
     {{NULL, NULL}},
     {"cgroup      missing: SBX-CGROUP-V1: no cgroup v2; boot with systemd.unified_cgroup_hierarchy=1 " UNUSED
      "\n",
      "subid       missing: SBX-SUBID-MISSING: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "
      "USER (no level uses them yet)\n",
      "apparmor    does not restrict user namespaces\n"},
     UID},
    {"everything is",
     {{"sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory hugetlb pids\n"},
      {"etc/subuid", "ada:100000:65536\n4711:200000:65536\n"},
      {"etc/subgid", "4711:200000:65536\n"},
      {"proc/sys/kernel/apparmor_restrict_unprivileged_userns", "0\n"}},
     {"cgroup      v2 with memory and pids " UNUSED "\n", NULL,
      "apparmor    does not restrict user namespaces\n"},
     UID},
    {"too few of it",
     {{"sys/fs/cgroup/cgroup.controllers", "cpu memory pidsx\n"},
      {"etc/subuid", "4711:200000:65536\n"},
      {"etc/subgid", "4711:200000:65535\n14711:1:99999\n4711:x:y\n"},
      {"proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n"}},
     {"cgroup      missing: SBX-CGROUP-NONE: v2 without the controllers memory and pids " UNUSED
      "\n",
      "subid       missing: SBX-SUBID-MISSING: ",
      "apparmor    takes capabilities from user namespaces: SBX-USERNS-APPARMOR: install "
      "packaging/apparmor/gantry as /etc/apparmor.d/gantry and run apparmor_parser -r on it, or start gantry as "
      "root\n"},
     UID},
};

static char *look(const struct doctor_case *c)
{
    AUTO(auto_free) char *dir = NULL;
    char *text = NULL;
    size_t n = 0;
    struct err e;
    FILE *f = open_memstream(&text, &n);

    if (fs_temp_dir("/tmp", "gantry-unit", &dir, &e) < 0)
        fail_msg("%s", e.msg);
    for (size_t i = 0; i < 4 && c->files[i].path != NULL; i++) {
        AUTO(auto_free) char *path = path_join(dir, c->files[i].path);
        AUTO(auto_free) char *folder = sv_dup(path_dir(sv_of(path)));
        if (fs_mkdir_all(AT_FDCWD, folder, 0755, &e) < 0 ||
            fs_write_atomic(AT_FDCWD, path, 0644, c->files[i].text, strlen(c->files[i].text), &e) <
                0)
            fail_msg("%s", e.msg);
    }
    doctor_host(dir, c->uid, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(fs_remove_tree(AT_FDCWD, dir, &e), 0);
    return text;
}

static void parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(auto_free) char *text = look(&cases[i]);
        for (size_t k = 0; k < 3; k++)
            if (cases[i].want[k] != NULL && strstr(text, cases[i].want[k]) == NULL)
                fail_msg("%s:\n%s", cases[i].name, text);
        assert_non_null(strstr(text, "\nlandlock    "));
        assert_non_null(strstr(text, "\nopen files  "));
    }
}

static void enough_ids(void **state)
{
    AUTO(auto_free) char *text = look(&cases[1]);

    (void)state;
    /* newuidmap may be missing where the tests run; the ids are not. */
    assert_null(strstr(text, "SBX-SUBID-MISSING"));
    assert_non_null(strstr(text, "\nsubid       "));
}

static void root_needs_no_ids(void **state)
{
    struct doctor_case c = cases[0];
    AUTO(auto_free) char *text = NULL;

    (void)state;
    c.uid = 0;
    text = look(&c);
    assert_null(strstr(text, "subid"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parts), cmocka_unit_test(enough_ids),
                                       cmocka_unit_test(root_needs_no_ids)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
