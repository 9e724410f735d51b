/* SPDX-License-Identifier: Apache-2.0
 *
 * `gantry doctor`: what this host offers, what is missing, how to get it; and help and version. */
#include "runner/cli/doctor_host.h"
#include "runner/cli/options.h"

#include "base/mem.h"
#include "base/proc.h"
#include "runner/cli/supervise.h"
#include "sandbox/sandbox.h"

#include <sys/utsname.h>
#include <unistd.h>

/* First line of `PROGRAM --version`, or NULL. */
static char *version_of(const char *program)
{
    AUTO(auto_free) char *path = NULL;
    AUTO(auto_free) char *text = NULL;
    struct proc_spec p = PROC_SPEC_INIT;
    struct err ignored; /* not there, or it does not run: the same for the user */
    char *argv[3];
    struct sv s, line;
    size_t n;
    int status;

    if (proc_which(program, NULL, &path, &ignored) < 0)
        return NULL;
    argv[0] = path;
    argv[1] = (char[]){"--version"};
    argv[2] = NULL;
    p.path = path;
    p.argv = argv;
    p.envp = environ;
    if (proc_capture(&p, 65536, &text, &n, &status, &ignored) < 0 || status != 0)
        return NULL;
    s = (struct sv){text, n};
    (void)sv_next(&s, '\n', &line);
    return sv_dup(line);
}

static const struct {
    const char *name, *use, *remedy;
} tools[] = {
    {"git", "gantry run reads the repository with it", "apt-get install git"},
    {"bash", "run steps (default shell)", "apt-get install bash"},
    {"python3", "steps with shell: python", "apt-get install python3"},
    {"pwsh", "steps with shell: pwsh", "see learn.microsoft.com/powershell"},
    {"node", "JavaScript programs that steps start", "apt-get install nodejs"},
};

static void show_tools(void)
{
    for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++) {
        AUTO(auto_free) char *version = version_of(tools[i].name);
        if (version != NULL)
            (void)printf("%-12s%s\n", tools[i].name, version);
        else
            (void)printf("%-12snot found (%s); %s\n", tools[i].name, tools[i].use, tools[i].remedy);
    }
}

static int show_sandbox(const struct programs *p)
{
    enum sbx_level level;
    char missing[1024] = "";
    struct err e = {0};

    if (sbx_probe(p->launcher, &level, missing, sizeof missing, &e) < 0) {
        err_print(&e);
        return EXIT_HOST;
    }
    (void)printf("%-12s%s%s\n", "sandbox", sbx_level_name(level),
                 geteuid() == 0 ? "" : " (as an ordinary user)");
    if (missing[0] != '\0')
        (void)printf("%-12s%s\n", "missing", missing);
    if (level == SBX_NONE)
        (void)printf("%-12sjobs run only with --no-sandbox on this host\n", "");
    return level == SBX_NONE ? EXIT_HOST : EXIT_OK;
}

int cmd_doctor(const struct args *a)
{
    AUTO(programs_done) struct programs p = {.self = NULL};
    struct err e = {0};
    struct utsname u;
    int status;

    (void)a;
    if (programs_find(&p, &e) < 0)
        return cli_fail(&e);
    (void)printf("%-12s%s\n", "gantry", GANTRY_VERSION);
    if (uname(&u) == 0)
        (void)printf("%-12s%s %s %s\n", "kernel", u.sysname, u.release, u.machine);
    status = show_sandbox(&p);
    doctor_host("", geteuid(), stdout);
    show_tools();
    return status;
}

int cmd_version(const struct args *a)
{
    (void)a;
    (void)printf("gantry " GANTRY_VERSION "\n");
    return EXIT_OK;
}

int cmd_help(const struct args *a)
{
    const struct command *c = NULL;
    struct err e = {0};

    if (a->words.n > 0) {
        c = cli_command(sv_of(a->words.v[0]));
        if (c == NULL || c->hidden) {
            (void)err_set(&e, FAIL_INPUT, "unknown command '%.60s'; see gantry help",
                          a->words.v[0]);
            return cli_fail(&e);
        }
        if (c->missing != NULL) {
            (void)err_set(&e, FAIL_INPUT, "%s is not available yet; %s", c->name, c->missing);
            return cli_fail(&e);
        }
    }
    cli_help(stdout, c);
    return EXIT_OK;
}
