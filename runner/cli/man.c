/* SPDX-License-Identifier: Apache-2.0
 *
 * The man page, made from the tables: `gantry _man > packaging/man/gantry.1`. A test compares the two. */
#include "runner/cli/options.h"

static void roff(FILE *f, const char *s)
{
    if (*s == '.' || *s == '\'')
        (void)fputs("\\&", f);
    for (; *s != '\0'; s++) {
        if (*s == '-')
            (void)fputs("\\-", f);
        else if (*s == '\\')
            (void)fputs("\\e", f);
        else
            (void)fputc(*s, f);
    }
}

static void man_option(FILE *f, const struct opt *o)
{
    (void)fputs(".TP\n", f);
    if (o->letter != 0)
        (void)fprintf(f, "\\fB\\-%c\\fR%s", o->letter, o->name != NULL ? ", " : "");
    if (o->name != NULL) {
        (void)fputs("\\fB\\-\\-", f);
        roff(f, o->name);
        (void)fputs("\\fR", f);
    }
    if (o->arg != NULL)
        (void)fprintf(f, " \\fI%s\\fR", o->arg);
    (void)fputc('\n', f);
    roff(f, o->help);
    (void)fprintf(f, "%s%s.\n", o->kind >= OPT_LIST ? "; repeatable" : "",
                  o->missing != NULL ? " (not available yet)" : "");
}

static void man_command(FILE *f, const struct command *c)
{
    (void)fprintf(f, ".SS gantry %s ", c->name);
    roff(f, c->synopsis);
    (void)fputc('\n', f);
    roff(f, c->summary);
    (void)fputs(".\n", f);
    for (size_t i = 0; i < c->n_opts; i++)
        man_option(f, &c->opts[i]);
}

void cli_man(FILE *f)
{
    (void)fputs(".\\\" Made by gantry _man from the tables in runner/cli/commands.c; do not edit.\n"
                ".TH GANTRY 1 \"\" \"Gantry " GANTRY_VERSION "\" \"User Commands\"\n"
                ".SH NAME\n"
                "gantry \\- run GitHub Actions workflows locally and as a self\\-hosted runner\n"
                ".SH SYNOPSIS\n"
                ".B gantry\n"
                ".I COMMAND\n"
                "[\\fIOPTION\\fR...]\n"
                ".SH DESCRIPTION\n"
                "Gantry runs GitHub Actions workflows on this machine: locally and offline\n"
                "(\\fBgantry run\\fR), or as a self\\-hosted runner (\\fBgantry start\\fR).\n"
                "Every job runs in a throw\\-away sandbox; nothing of it is left behind.\n"
                ".SH COMMANDS\n",
                f);
    for (size_t i = 0; i < cli_n_commands; i++)
        if (!cli_commands[i].hidden && cli_commands[i].missing == NULL)
            man_command(f, &cli_commands[i]);
    (void)fputs(
        ".SH EXIT STATUS\n"
        "0 all jobs succeeded; 1 a job failed; 2 wrong usage or invalid workflow; 3 this host cannot\n"
        "do it (sandbox, port, disk); 130 cancelled by the user. \\fBgantry start\\fR ends with the\n"
        "codes of the official runner's listener.\n"
        ".SH ENVIRONMENT\n"
        ".TP\n\\fBGANTRY_HOME\\fR\nA folder for all of Gantry's files instead of the usual places.\n"
        ".TP\n\\fBGANTRY_LOG\\fR\nLevel of the log on standard error: error, warn, info, debug, trace, or\n"
        "MODULE=LEVEL, separated by commas. Without it: info; of \\fBgantry start\\fR on a terminal: warn.\n"
        ".TP\n\\fBNO_COLOR\\fR\nNot empty: no colours.\n"
        ".TP\n\\fBACTIONS_RUNNER_INPUT_JITCONFIG\\fR\nThe JIT configuration for \\fBgantry start\\fR.\n"
        ".SH FILES\n"
        "As an ordinary user \\fI$XDG_STATE_HOME/gantry\\fR (state, jobs) and\n"
        "\\fI$XDG_CACHE_HOME/gantry\\fR; as root \\fI/var/lib/gantry\\fR and \\fI/var/cache/gantry\\fR.\n",
        f);
}

int cmd_man(const struct args *a)
{
    (void)a;
    cli_man(stdout);
    return EXIT_OK;
}
