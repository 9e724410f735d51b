/* SPDX-License-Identifier: Apache-2.0
 *
 * gantry: command line and listener. */
#include "runner/cli/options.h"

#include "base/json.h"
#include "base/log.h"
#include "base/proc.h"

static int unknown_command(const char *word)
{
    struct err e = {0};

    (void)err_set(&e, FAIL_INPUT, "unknown command '%.60s'; see gantry help", word);
    return cli_fail(&e);
}

static int run_command(const struct command *c, int argc, char **argv)
{
    AUTO(args_done) struct args a = {.cmd = c, .words = STRV_INIT};
    struct err e = {0};
    bool help = false;

    if (c->missing != NULL) {
        (void)err_set(&e, FAIL_UNSUPPORTED, "%s is not available yet; %s", c->name, c->missing);
        err_print(&e);
        return EXIT_USAGE;
    }
    if (c->raw != NULL && argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        cli_help(stdout, c);
        return EXIT_OK;
    }
    if (c->raw != NULL)
        return c->raw(argc, argv);
    if (args_parse(c, argc, argv, &a, &help, &e) < 0) {
        if (e.code != FAIL_UNSUPPORTED)
            return cli_fail(&e);
        err_print(&e);
        return EXIT_USAGE;
    }
    if (help) {
        cli_help(stdout, c);
        return EXIT_OK;
    }
    return c->run(&a);
}

int main(int argc, char **argv)
{
    const struct command *c;
    struct log_options log = {.program = "gantry"};
    struct err e = {0};

    proc_main_init();
    jx_init();
    if (log_init(&log, &e) < 0)
        return cli_fail(&e);
    if (argc < 2) {
        cli_help(stderr, NULL);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0)
        return cmd_version(NULL);
    if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0) {
        cli_help(stdout, NULL);
        return EXIT_OK;
    }
    c = cli_command(sv_of(argv[1]));
    return c != NULL ? run_command(c, argc - 1, argv + 1) : unknown_command(argv[1]);
}
