/* SPDX-License-Identifier: Apache-2.0
 *
 * A repository that somebody else prepared: reading it runs nothing that its configuration names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "runner/cli/run_git.h"

/* Two commits; the older one's objects are what `spoil` is about. */
#define MAKE                                                                          \
    "set -e; cd \"$1\"; git init -q -b main; echo a >f; git add .; "                  \
    "export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a "   \
    "GIT_COMMITTER_EMAIL=a@example.org; git commit -qm one; git rm -q f; echo b >g; " \
    "git add .; git commit -qm two; evil=\"touch $1/ran\"; "

static const struct {
    const char *name, *spoil;
} cases[] = {
    {"file system monitor", "git config core.fsmonitor \"$evil; false\""},
    {"hooks", "printf '#!/bin/sh\\n%s\\n' \"$evil\" >.git/hooks/post-index-change; "
              "chmod +x .git/hooks/post-index-change"},
    {"pager", "git config core.pager \"$evil\"; git config pager.log true"},
    {"program of signatures",
     "git config log.showSignature true; git config gpg.program \"$evil\""},
    {"external diff", "git config diff.external \"$evil\""},
    {"a promisor that is a command",
     "git config core.repositoryformatversion 1; git config extensions.partialClone o; "
     "git config remote.o.promisor true; git config protocol.ext.allow always; "
     "git config remote.o.url \"ext::sh -c touch% $1/ran\"; tree=$(git rev-parse HEAD~1^{tree}); "
     "rm -f .git/objects/$(echo $tree | cut -c1-2)/$(echo $tree | cut -c3-)"},
};

static void make(const char *dir, const char *spoil)
{
    AUTO(auto_free) char *script = xasprintf(MAKE "%s", spoil);
    AUTO(auto_free) char *text = NULL;
    AUTO(auto_free) char *arg = xstrdup(dir);
    char sh[] = "/bin/sh", c[] = "-c";
    char *argv[] = {sh, c, script, sh, arg, NULL};
    struct proc_spec spec = PROC_SPEC_INIT;
    struct err e = {0};
    int status = -1;
    size_t n;

    spec.path = sh;
    spec.argv = argv;
    spec.envp = environ;
    assert_int_equal(proc_capture(&spec, 65536, &text, &n, &status, &e), 0);
    assert_int_equal(status, 0);
}

static void a_repository_runs_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(repo_done) struct repo r = {.top = NULL};
        AUTO(auto_free) char *dir = NULL;
        AUTO(auto_free) char *text = NULL;
        AUTO(auto_fd) int folder = -1;
        AUTO(auto_fd) int listing = -1;
        const char **paths = NULL;
        struct err e = {0};
        size_t n;

        assert_int_equal(fs_temp_dir("/tmp", "gantry-git", &dir, &e), 0);
        make(dir, cases[i].spoil);
        AUTO(auto_free) char *ran = xasprintf("%s/ran", dir);
        assert_int_equal(repo_read(dir, NULL, &r, &e), 0);
        assert_string_equal(r.ref, "refs/heads/main");
        assert_int_equal(repo_source(&r, "/nonexistent", &folder, &listing, &e), 0);
        /* Without the older tree this fails; what counts is what did not run. */
        if (repo_changed(&r, &text, &paths, &n, &e) == 0)
            free(paths);
        if (fs_exists(AT_FDCWD, ran))
            fail_msg("%s: it ran", cases[i].name);
        assert_int_equal(fs_remove_tree(AT_FDCWD, dir, &e), 0);
    }
}

/* The index names a file below a folder that is a link to somewhere else by now: it is no part of the source, in a
 * plain repository and in one whose ".git" is a file (which is copied first). */
static void nothing_behind_a_link_is_source(void **state)
{
    static const char *const spoils[] = {
        "mkdir a; echo x >a/b; git add .; git commit -qm three; rm -r a; mkdir -p \"$1.out\"; "
        "echo private >\"$1.out/b\"; ln -s \"$1.out\" a",
        "mkdir a; echo x >a/b; git add .; git commit -qm three; rm -r a; mkdir -p \"$1.out\"; "
        "echo private >\"$1.out/b\"; ln -s \"$1.out\" a; mv .git real; "
        "echo 'gitdir: real' >.git; echo real >real/info/exclude",
    };

    (void)state;
    for (size_t i = 0; i < sizeof spoils / sizeof spoils[0]; i++) {
        AUTO(repo_done) struct repo r = {.top = NULL};
        AUTO(auto_free) char *dir = NULL;
        AUTO(auto_fd) int folder = -1;
        AUTO(auto_fd) int listing = -1;
        AUTO(auto_free) char *list = NULL;
        struct err e = {0};
        bool has_link = false;
        size_t n;

        assert_int_equal(fs_temp_dir("/tmp", "gantry-git", &dir, &e), 0);
        AUTO(auto_free) char *stage = xasprintf("%s.stage", dir);
        AUTO(auto_free) char *out = xasprintf("%s.out", dir);
        make(dir, spoils[i]);
        assert_int_equal(repo_read(dir, NULL, &r, &e), 0);
        assert_int_equal(repo_source(&r, stage, &folder, &listing, &e), 0);
        assert_int_equal(fd_read_memfd(listing, 1 << 20, &list, &n, &e), 0);
        for (const char *p = list; p < list + n; p += strlen(p) + 1) {
            assert_string_not_equal(p, "a/b");
            has_link = has_link || strcmp(p, "a") == 0;
        }
        assert_true(has_link);
        assert_int_equal(fs_remove_tree(AT_FDCWD, dir, &e), 0);
        assert_int_equal(fs_remove_tree(AT_FDCWD, stage, &e), 0);
        assert_int_equal(fs_remove_tree(AT_FDCWD, out, &e), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repository_runs_nothing),
        cmocka_unit_test(nothing_behind_a_link_is_source),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
