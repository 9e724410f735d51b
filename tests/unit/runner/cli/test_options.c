/* SPDX-License-Identifier: Apache-2.0
 *
 * The option tables: argv by them, and that help, man page and README say what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "runner/cli/options.h"
#include "runner/cli/render.h"

struct parse_case {
    const char *name;
    const char *argv[8];
    const char *error; /* part of the line; NULL = fine */
    const char *json;  /* "1": --json is set */
    const char *word;  /* first word */
    const char *C;
};
static const struct parse_case cases[] = {
    {"nothing", {"run"}, NULL, NULL, NULL, NULL},
    {"an event and options around it",
     {"run", "-C", "x", "push", "--json"},
     NULL,
     "1",
     "push",
     "x"},
    {"a value glued to its letter", {"run", "-Cx"}, NULL, NULL, NULL, "x"},
    {"words only behind --", {"run", "--", "--json"}, NULL, NULL, "--json", NULL},
    {"an unknown option",
     {"run", "--jsn"},
     "unknown option '--jsn'; see gantry help run",
     NULL,
     NULL,
     NULL},
    {"an unknown letter", {"run", "-x"}, "unknown option '-x'", NULL, NULL, NULL},
    {"a single dash", {"run", "-"}, "unknown option '-'", NULL, NULL, NULL},
    {"a flag with a value", {"run", "--json=1"}, "'--json' takes no value", NULL, NULL, NULL},
    {"a value that is missing", {"run", "--jobs"}, "'--jobs' needs a value: N", NULL, NULL, NULL},
    {"a word too much", {"run", "a", "b"}, "'b' is too much", NULL, NULL, NULL},
    {"an option that is not there yet",
     {"run", "--artifacts", "d"},
     "not available yet",
     NULL,
     NULL,
     NULL},
};

static void check_parse(void **state)
{
    const struct parse_case *c = *state;
    struct args a;
    struct err e = {0};
    bool help = false;
    int argc = 0, rc;

    while (argc < 8 && c->argv[argc] != NULL)
        argc++;
    rc = args_parse(cli_command(SV("run")), argc, (char **)(uintptr_t)c->argv, &a, &help, &e);
    assert_int_equal(rc, c->error == NULL ? 0 : -1);
    if (rc < 0) {
        assert_non_null(strstr(e.msg, c->error));
        return;
    }
    assert_int_equal(args_flag(&a, "json"), c->json != NULL);
    if (c->word != NULL)
        assert_string_equal(a.words.v[0], c->word);
    if (c->C != NULL)
        assert_string_equal(args_text(&a, "C"), c->C);
    args_done(&a);
}

/* Values of secrets are taken, and are gone from argv, which is everybody's to read; others stay. */
static void secrets_leave_argv(void **state)
{
    char run[] = "run", option[] = "--secret", value[] = "A=hunter2", glued[] = "--secret=B=x";
    char other[] = "--var=C=y", start[] = "start", jit[] = "--jitconfig", blob[] = "e30=";
    char *of_run[] = {run, option, value, glued, other, NULL};
    char *of_start[] = {start, jit, blob, NULL};
    struct args a;
    struct err e = {0};
    bool help = false;

    (void)state;
    assert_int_equal(args_parse(cli_command(SV("run")), 5, of_run, &a, &help, &e), 0);
    assert_string_equal(args_list(&a, "secret")->v[0], "A=hunter2");
    assert_string_equal(args_list(&a, "secret")->v[1], "B=x");
    assert_memory_equal(value, "\0\0\0\0\0\0\0\0\0", sizeof value);
    assert_memory_equal(glued, "--secret=\0\0\0", sizeof glued);
    assert_string_equal(other, "--var=C=y");
    args_done(&a);
    assert_int_equal(args_parse(cli_command(SV("start")), 3, of_start, &a, &help, &e), 0);
    assert_string_equal(args_list(&a, "jitconfig")->v[0], "e30=");
    assert_memory_equal(blob, "\0\0\0\0", sizeof blob);
    args_done(&a);
}

static char *printed(void (*fn)(FILE *, const struct command *), const struct command *c, bool man)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);

    assert_non_null(f);
    if (man)
        cli_man(f);
    else
        fn(f, c);
    assert_int_equal(fclose(f), 0);
    return text;
}

static void help_names_every_option(void **state)
{
    (void)state;
    for (size_t i = 0; i < cli_n_commands; i++) {
        const struct command *c = &cli_commands[i];
        if (c->hidden || c->missing != NULL)
            continue;
        char *text = printed(cli_help, c, false);
        for (size_t k = 0; k < c->n_opts; k++) {
            AUTO(auto_free)
            char *want = c->opts[k].name != NULL ? xasprintf("--%s", c->opts[k].name)
                                                 : xasprintf("-%c", c->opts[k].letter);
            assert_non_null(strstr(text, want));
        }
        free(text);
    }
}

static char *read_source(const char *name)
{
    AUTO(auto_free) char *path = xasprintf(GANTRY_SOURCE "/%s", name);
    struct err e;
    char *text;
    size_t n;

    assert_int_equal(fs_read_file(AT_FDCWD, path, 1U << 20, &text, &n, &e), 0);
    return text;
}

static void the_man_page_is_of_these_tables(void **state)
{
    char *page = read_source("packaging/man/gantry.1"), *made = printed(NULL, NULL, true);

    (void)state;
    assert_string_equal(page, made); /* build/.../gantry _man > packaging/man/gantry.1 */
    free(page);
    free(made);
}

/* Every --option that the README names belongs to a command. */
static void the_readme_names_real_options(void **state)
{
    char *text = read_source("README.md");

    (void)state;
    for (const char *p = strstr(text, " --"); p != NULL; p = strstr(p + 1, " --")) {
        size_t n = 0;
        bool known = false;
        while (ch_is_alnum(p[3 + n]) || p[3 + n] == '-')
            n++;
        struct sv name = {p + 3, n};
        if (n == 0 || !ch_is_lower(name.p[0]) || sv_is(name, "help") || sv_is(name, "version"))
            continue;
        const char *line = p;
        while (line > text && line[-1] != '\n')
            line--;
        size_t len = strcspn(line, "\n");
        if (sv_find((struct sv){line, len}, SV("gantry")) == SV_NPOS)
            continue; /* another program's */
        for (size_t i = 0; i < cli_n_commands; i++)
            for (size_t k = 0; k < cli_commands[i].n_opts; k++)
                known |= cli_commands[i].opts[k].name != NULL &&
                         sv_is(name, cli_commands[i].opts[k].name);
        if (!known)
            fail_msg("README names --%.*s, which no command has", (int)n, name.p);
    }
    free(text);
}

static void text_of_jobs_cannot_drive_the_terminal(void **state)
{
    static const struct {
        const char *in, *plain, *color;
    } rows[] = {
        {"a\tb", "a\tb", "a\tb"},
        {"\x1b[31mred", "red", "\x1b[31mred\x1b[0m"},
        {"\x1b]0;title\x07", "\\x1b]0;title\\x07", "\\x1b]0;title\\x07"},
        {"\x1b[2J", "\\x1b[2J", "\\x1b[2J"},
        {"\xc2\x9b"
         "2J",
         "\\x9b2J", "\\x9b2J"},
        {"\xc3\xa9", "\xc3\xa9", "\xc3\xa9"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf b = BUF_INIT(1024);
        render_safe(&b, sv_of(rows[i].in), false);
        assert_string_equal(b.p, rows[i].plain);
        buf_reset(&b);
        render_safe(&b, sv_of(rows[i].in), true);
        assert_string_equal(b.p, rows[i].color);
        buf_free(&b);
    }
}

static void durations(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {{0, "0ms"}, {999, "999ms"}, {1250, "1.2s"}, {184000, "3m04s"}, {3725000, "1h02m"}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf b = BUF_INIT(64);
        render_duration(&b, rows[i].ms);
        assert_string_equal(b.p, rows[i].text);
        buf_free(&b);
    }
}

int main(void)
{
    enum { N = sizeof cases / sizeof cases[0], MORE = 6 };
    static const struct CMUnitTest more[MORE] = {
        cmocka_unit_test(help_names_every_option),
        cmocka_unit_test(secrets_leave_argv),
        cmocka_unit_test(the_man_page_is_of_these_tables),
        cmocka_unit_test(the_readme_names_real_options),
        cmocka_unit_test(text_of_jobs_cannot_drive_the_terminal),
        cmocka_unit_test(durations)};
    struct CMUnitTest tests[N + MORE];

    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = check_parse,
                                       .initial_state = (void *)(uintptr_t)&cases[i]};
    for (size_t i = 0; i < MORE; i++)
        tests[N + i] = more[i];
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
