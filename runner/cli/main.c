/* SPDX-License-Identifier: Apache-2.0
 *
 * gantry: command line and listener. */
#include "runner/cli/options.h"

#include "actions/nearest.h"
#include "actions/workflow.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"

#include <unistd.h>

static bool in_list(const char *word, const char *const *list)
{
    while (*list != NULL && strcmp(word, *list) != 0)
        list++;
    return *list != NULL;
}

/* Who comes from other programs gives events and options without a command. */
static int unknown_command(const char *word)
{
    const char **names = xcalloc(cli_n_commands + 1, sizeof *names);
    const char *meant;
    struct err e = {0};

    for (size_t i = 0; i < cli_n_commands; i++)
        names[i] = cli_commands[i].name;
    meant = nearest_name(sv_of(word), names);
    if (word[0] == '-')
        (void)err_set(&e, FAIL_INPUT,
                      "'%.60s' comes before a command; options follow it, as in gantry run --list",
                      word);
    else if (in_list(word, wf_event_names()))
        (void)err_set(&e, FAIL_INPUT, "unknown command '%.60s'; did you mean gantry run %.60s?",
                      word, word);
    else if (meant != NULL)
        (void)err_set(&e, FAIL_INPUT, "unknown command '%.60s'; did you mean '%s'?", word, meant);
    else
        (void)err_set(&e, FAIL_INPUT, "unknown command '%.60s'; see gantry help", word);
    free(names);
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

/* On a terminal the lines of the official runner say it already ("Running job: x"). */
static const char *levels(int argc, char **argv)
{
    bool doubled =
        argc > 1 && strcmp(argv[1], "start") == 0 && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO);

    return doubled && getenv("GANTRY_LOG") == NULL ? "warn" : NULL;
}

int main(int argc, char **argv)
{
    const struct command *c;
    struct log_options log = {.program = "gantry", .levels = levels(argc, argv)};
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
