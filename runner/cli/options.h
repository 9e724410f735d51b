/* SPDX-License-Identifier: Apache-2.0
 *
 * The commands of gantry and their options as tables, and the reader of argv that follows them. `--help`, the
 * man page and their test are made from the same tables. */
#ifndef RUNNER_CLI_OPTIONS_H
#define RUNNER_CLI_OPTIONS_H

#include "base/err.h"
#include "base/strv.h"

#include <stdio.h>

/* OPT_SECRETS: a list whose values args_parse() takes out of argv, where every user of the host can read them. */
enum opt_kind { OPT_FLAG, OPT_TEXT, OPT_LIST, OPT_SECRETS };
struct opt {
    char letter;      /* 0 = none */
    const char *name; /* without dashes; NULL = only a letter */
    const char *arg;  /* "DIR"; NULL for flags */
    enum opt_kind kind;
    const char *help;
    const char *missing; /* known, but not available yet: why, and what to use instead */
};
struct args;
struct command {
    const char *name;
    const char *synopsis; /* behind the name */
    const char *summary;
    const struct opt *opts;
    size_t n_opts;
    size_t min_args, max_args;
    int (*run)(const struct args *a);  /* exit status */
    int (*raw)(int argc, char **argv); /* reads its own options */
    const char *missing;               /* not available yet: what to do instead */
    bool hidden;
};
extern const struct command cli_commands[];
extern const size_t cli_n_commands;
const struct command *cli_command(struct sv name); /* NULL */

struct args {
    const struct command *cmd;
    struct strv *values; /* one list an option, in the table's order */
    struct strv words;
};
/* argv[0] is the command's name. FAIL_INPUT with one line; *help is set for -h and --help. */
MUST_USE int args_parse(const struct command *c, int argc, char **argv, struct args *out,
                        bool *help, struct err *e);
void args_done(struct args *a); /* for AUTO(args_done) */
/* By long name, or by letter as "C". The option must be in the table. */
bool args_flag(const struct args *a, const char *name);
const char *args_text(const struct args *a, const char *name); /* the last one; NULL when absent */
const struct strv *args_list(const struct args *a, const char *name);

void cli_help(FILE *f, const struct command *c); /* NULL: the list of commands */

int cmd_run(const struct args *a);
int cmd_start(const struct args *a);
int cmd_serve(const struct args *a);
int cmd_lint(const struct args *a);
int cmd_doctor(const struct args *a);
int cmd_parse_file(const struct args *a);
int cmd_help(const struct args *a);
int cmd_version(const struct args *a);
int cmd_listener(const struct args *a);
int cmd_man(const struct args *a);
void cli_man(FILE *f);

/* Exit statuses (design 5) */
enum { EXIT_OK = 0, EXIT_JOB_FAILED = 1, EXIT_USAGE = 2, EXIT_HOST = 3, EXIT_CANCELLED = 130 };
/* Prints the error as its one line and gives the status that it means. */
int cli_fail(const struct err *e);

#endif
