/* SPDX-License-Identifier: Apache-2.0
 *
 * `gantry doctor`: the parts of the host that a sandbox is made of, each with what is missing and the remedy (codes
 * of sandbox.md section 4). What is tried is tried by gantry-sandbox; here is what can be read. */
#include "runner/cli/doctor_host.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SMALL_FILE_BYTES (1U << 20)
#define FILES_WANTED     4096U  /* Ours: descriptors of a worker and its job */
#define SUBIDS_WANTED    65536U /* sandbox.md 3.4 */

/* A file's text without white space around it; "" when it cannot be read. */
static char *read_text(const char *root, const char *path)
{
    AUTO(auto_free) char *full = xasprintf("%s%s", root, path);
    AUTO(auto_free) char *text = NULL;
    struct err ignored; /* not there: the kernel or the package is not */
    size_t n;

    if (fs_read_file(AT_FDCWD, full, SMALL_FILE_BYTES, &text, &n, &ignored) < 0)
        return xstrdup("");
    return sv_dup(sv_trim((struct sv){text, n}));
}

static bool has_word(const char *text, const char *word)
{
    struct sv rest = sv_of(text), one;

    while (sv_next(&rest, ' ', &one))
        if (sv_is(one, word))
            return true;
    return false;
}

static void say(FILE *f, const char *what, const char *text)
{
    (void)fprintf(f, "%-12s%s\n", what, text);
}

/* This version limits jobs by rlimits and the size of their file systems; what cgroups would add is named. */
static void show_cgroup(const char *root, FILE *f)
{
    AUTO(auto_free) char *controllers = read_text(root, "/sys/fs/cgroup/cgroup.controllers");
    AUTO(auto_free) char *folder = xasprintf("%s/sys/fs/cgroup", root);

    if (controllers[0] == '\0')
        say(f, "cgroup",
            "missing: SBX-CGROUP-V1: no cgroup v2; boot with systemd.unified_cgroup_hierarchy=1 (no job is "
            "limited by cgroups yet)");
    else if (!has_word(controllers, "memory") || !has_word(controllers, "pids"))
        say(f, "cgroup",
            "missing: SBX-CGROUP-NONE: v2 without the controllers memory and pids (no job is limited by "
            "cgroups yet)");
    else if (access(folder, W_OK) < 0)
        say(f, "cgroup",
            "v2, not delegated: SBX-CGROUP-DELEGATE: Delegate=yes in gantry's unit (no job is limited by "
            "cgroups yet)");
    else
        say(f, "cgroup", "v2 with memory and pids (no job is limited by cgroups yet)");
}

static void show_landlock(FILE *f)
{
    long abi =
        syscall(SYS_landlock_create_ruleset, NULL, 0, 1U /* LANDLOCK_CREATE_RULESET_VERSION */);

    if (abi >= 1)
        (void)fprintf(f, "%-12sABI %ld (confines the worker)\n", "landlock", abi);
    else if (errno == ENOSYS)
        say(f, "landlock",
            "missing: SBX-LANDLOCK: this kernel has none; it needs CONFIG_SECURITY_LANDLOCK");
    else
        say(f, "landlock",
            "missing: SBX-LANDLOCK: switched off; add landlock to lsm= of the kernel's command line");
}

/* How many ids a file like /etc/subuid gives to the user: lines NAME-or-UID:START:COUNT. */
static uint64_t count_subids(const char *root, const char *path, const char *user, uid_t uid)
{
    AUTO(auto_free) char *text = read_text(root, path);
    struct sv rest = sv_of(text), line, name, word;
    struct err ignored; /* a line of another form is not the user's */
    uint64_t most = 0, n;

    while (sv_next(&rest, '\n', &line)) {
        (void)sv_next(&line, ':', &name);
        if (!sv_is(name, user) && (num_u64(name, UINT32_MAX, &n, &ignored) < 0 || n != uid))
            continue;
        (void)sv_next(&line, ':', &word);
        if (line.p != NULL && num_u64(sv_trim(line), UINT32_MAX, &n, &ignored) == 0 && n > most)
            most = n;
    }
    return most;
}

static void show_subid(const char *root, uid_t uid, FILE *f)
{
    const struct passwd *pw = getpwuid(uid);
    const char *user = pw != NULL ? pw->pw_name : "";
    AUTO(auto_free) char *helper = NULL;
    struct err ignored; /* not on PATH */

    if (count_subids(root, "/etc/subuid", user, uid) < SUBIDS_WANTED ||
        count_subids(root, "/etc/subgid", user, uid) < SUBIDS_WANTED)
        (void)fprintf(f,
                      "%-12smissing: SBX-SUBID-MISSING: usermod --add-subuids 100000-165535 "
                      "--add-subgids 100000-165535 %s (no level uses them yet)\n",
                      "subid", user[0] != '\0' ? user : "USER");
    else if (proc_which("newuidmap", NULL, &helper, &ignored) < 0)
        say(f, "subid",
            "missing: SBX-NEWUIDMAP-MISSING: apt-get install uidmap (no level uses it yet)");
    else
        say(f, "subid", "65536 ids and newuidmap (no level uses them yet)");
}

static void show_apparmor(const char *root, FILE *f)
{
    AUTO(auto_free)
    char *restricted = read_text(root, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns");

    if (strcmp(restricted, "1") == 0)
        say(f, "apparmor",
            "takes capabilities from user namespaces: SBX-USERNS-APPARMOR: install packaging/apparmor/gantry as "
            "/etc/apparmor.d/gantry and run apparmor_parser -r on it, or start gantry as root");
    else
        say(f, "apparmor", "does not restrict user namespaces");
}

static void show_files(rlim_t hard, FILE *f)
{
    if (hard < FILES_WANTED)
        (void)fprintf(
            f,
            "%-12smissing: SBX-RLIMIT: at most %llu open files; raise it with 'ulimit -Hn 65536', or "
            "LimitNOFILE=65536 in gantry's unit\n",
            "open files", (unsigned long long)hard);
    else
        (void)fprintf(f, "%-12sat most %llu\n", "open files", (unsigned long long)hard);
}

void doctor_host(const char *root, uid_t uid, FILE *f)
{
    struct rlimit r;

    show_cgroup(root, f);
    show_landlock(f);
    if (uid != 0)
        show_subid(root, uid, f);
    show_apparmor(root, f);
    if (getrlimit(RLIMIT_NOFILE, &r) == 0)
        show_files(r.rlim_max, f);
}
