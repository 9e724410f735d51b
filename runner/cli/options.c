/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading argv by a table, and help texts from it. */
#include "runner/cli/options.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdint.h>

#define HELP_COLUMN 28U

const struct command *cli_command(struct sv name)
{
    for (size_t i = 0; i < cli_n_commands; i++)
        if (sv_is(name, cli_commands[i].name))
            return &cli_commands[i];
    return NULL;
}

int cli_fail(const struct err *e)
{
    err_print(e);
    switch (e->code) {
    case FAIL_INPUT:
    case FAIL_LIMIT:
    case FAIL_NOTFOUND:
        return EXIT_USAGE;
    case FAIL_CANCELED:
        return EXIT_CANCELLED;
    case FAIL_INTERNAL:
        return 70;
    case FAIL_NONE:
    case FAIL_SYS:
    case FAIL_DENIED:
    case FAIL_TIMEOUT:
    case FAIL_NET:
    case FAIL_HTTP:
    case FAIL_PROTO:
    case FAIL_UNSUPPORTED:
        break;
    }
    return EXIT_HOST;
}

/* ---- argv ---- */

static size_t find_long(const struct command *c, struct sv name)
{
    size_t i;

    for (i = 0; i < c->n_opts; i++)
        if (c->opts[i].name != NULL && sv_is(name, c->opts[i].name))
            break;
    return i;
}

static size_t find_letter(const struct command *c, char letter)
{
    size_t i;

    for (i = 0; i < c->n_opts; i++)
        if (c->opts[i].letter == letter)
            break;
    return i;
}

static int unknown(const struct command *c, struct sv what, struct err *e)
{
    return err_set(e, FAIL_INPUT, "%s: unknown option '" SV_FMT "'; see gantry help %s", c->name,
                   SV_ARG(sv_sub(what, 0, 60)), c->name);
}

/* value: given with '=', or NULL; then the next word of argv is taken where one is needed. */
static int take(struct args *a, size_t i, struct sv shown, const char *value, int argc, char **argv,
                int *at, struct err *e)
{
    const struct opt *o = &a->cmd->opts[i];

    if (o->kind == OPT_FLAG) {
        if (value != NULL)
            return err_set(e, FAIL_INPUT, "%s: option '" SV_FMT "' takes no value", a->cmd->name,
                           SV_ARG(shown));
        value = "";
    } else if (value == NULL) {
        if (*at + 1 >= argc)
            return err_set(e, FAIL_INPUT, "%s: option '" SV_FMT "' needs a value: %s", a->cmd->name,
                           SV_ARG(shown), o->arg);
        value = argv[++*at];
    }
    if (o->missing != NULL)
        return err_set(e, FAIL_UNSUPPORTED, "%s: option '" SV_FMT "' is not available yet; %s",
                       a->cmd->name, SV_ARG(shown), o->missing);
    strv_add(&a->values[i], value);
    if (o->kind == OPT_SECRETS) /* argv is ours to change (C11 5.1.2.2.1) */
        explicit_bzero((char *)(uintptr_t)value, strlen(value));
    return 0;
}

static int one(struct args *a, int argc, char **argv, int *at, bool *help, struct err *e)
{
    struct sv word = sv_of(argv[*at]), name;
    const char *value = NULL;
    size_t i, eq;

    if (sv_is(word, "-h") || sv_is(word, "--help")) {
        *help = true;
        return 0;
    }
    if (sv_starts(word, SV("--"))) {
        name = sv_sub(word, 2, word.n);
        eq = sv_chr(name, '=');
        if (eq != SV_NPOS) {
            value = name.p + eq + 1;
            name.n = eq;
        }
        i = find_long(a->cmd, name);
        if (i == a->cmd->n_opts)
            return unknown(a->cmd, sv_sub(word, 0, name.n + 2), e);
        return take(a, i, sv_sub(word, 0, name.n + 2), value, argc, argv, at, e);
    }
    i = find_letter(a->cmd, word.p[1]);
    if (i == a->cmd->n_opts || word.p[1] == '\0')
        return unknown(a->cmd, word, e);
    if (word.n > 2)
        value = word.p + 2;
    return take(a, i, sv_sub(word, 0, 2), value, argc, argv, at, e);
}

int args_parse(const struct command *c, int argc, char **argv, struct args *out, bool *help,
               struct err *e)
{
    AUTO(args_done) struct args a = {.cmd = c, .words = STRV_INIT};
    bool only_words = false;

    a.values = xcalloc(c->n_opts + 1, sizeof *a.values);
    for (size_t i = 0; i < c->n_opts; i++)
        a.values[i] = STRV_INIT;
    for (int at = 1; at < argc && !*help; at++) {
        if (!only_words && strcmp(argv[at], "--") == 0)
            only_words = true;
        else if (only_words || argv[at][0] != '-')
            strv_add(&a.words, argv[at]);
        else if (one(&a, argc, argv, &at, help, e) < 0)
            return -1;
    }
    if (!*help && a.words.n < c->min_args)
        return err_set(e, FAIL_INPUT, "%s: something is missing: gantry %s %s", c->name, c->name,
                       c->synopsis);
    if (!*help && a.words.n > c->max_args)
        return err_set(e, FAIL_INPUT, "%s: '%.60s' is too much: gantry %s %s", c->name,
                       a.words.v[c->max_args], c->name, c->synopsis);
    *out = a;
    a = (struct args){.cmd = c, .words = STRV_INIT};
    return 0;
}

void args_done(struct args *a)
{
    for (size_t i = 0; a->values != NULL && i < a->cmd->n_opts; i++)
        strv_free(&a->values[i]);
    free(a->values);
    a->values = NULL;
    strv_free(&a->words);
}

const struct strv *args_list(const struct args *a, const char *name)
{
    size_t i = find_long(a->cmd, sv_of(name));

    if (i == a->cmd->n_opts && name[1] == '\0')
        i = find_letter(a->cmd, name[0]);
    BUG(i == a->cmd->n_opts);
    return &a->values[i];
}

const char *args_text(const struct args *a, const char *name)
{
    const struct strv *l = args_list(a, name);

    return l->n > 0 ? l->v[l->n - 1] : NULL;
}

bool args_flag(const struct args *a, const char *name)
{
    return args_list(a, name)->n > 0;
}

/* ---- help ---- */

static void help_option(FILE *f, const struct opt *o)
{
    AUTO(buf_free) struct buf b = BUF_INIT(256);

    buf_adds(&b, "  ");
    if (o->letter != 0)
        buf_addf(&b, "-%c%s", o->letter, o->name != NULL ? ", " : "");
    else
        buf_adds(&b, "    ");
    if (o->name != NULL)
        buf_addf(&b, "--%s", o->name);
    if (o->arg != NULL)
        buf_addf(&b, " %s", o->arg);
    if (b.len + 2 > HELP_COLUMN)
        (void)fprintf(f, "%s\n%*s", b.p, (int)HELP_COLUMN, "");
    else
        (void)fprintf(f, "%-*s", (int)HELP_COLUMN, b.p);
    (void)fprintf(f, "%s%s%s\n", o->help, o->kind >= OPT_LIST ? "; repeatable" : "",
                  o->missing != NULL ? " (not available yet)" : "");
}

static void help_commands(FILE *f)
{
    (void)fprintf(f, "usage: gantry COMMAND [OPTION...]\n\n");
    for (size_t i = 0; i < cli_n_commands; i++) {
        const struct command *c = &cli_commands[i];
        if (!c->hidden && c->missing == NULL)
            (void)fprintf(f, "  %-12s%s\n", c->name, c->summary);
    }
    (void)fprintf(f,
                  "\ngantry help COMMAND shows the options of one; gantry --version the version.\n"
                  "Exit status: 0 all jobs succeeded, 1 a job failed, 2 wrong usage or invalid "
                  "workflow,\n3 this host cannot do it, 130 cancelled.\n");
}

void cli_help(FILE *f, const struct command *c)
{
    if (c == NULL) {
        help_commands(f);
        return;
    }
    (void)fprintf(f, "usage: gantry %s %s\n\n%s.\n", c->name, c->synopsis, c->summary);
    if (c->n_opts > 0)
        (void)fprintf(f, "\n");
    for (size_t i = 0; i < c->n_opts; i++)
        help_option(f, &c->opts[i]);
}
