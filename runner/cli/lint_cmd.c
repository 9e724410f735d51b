/* SPDX-License-Identifier: Apache-2.0
 *
 * `gantry lint`: which files, with which configuration, and what their findings mean for the exit status. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/path.h"
#include "runner/cli/lint_priv.h"
#include "runner/cli/options.h"

#define CONFIG "gantry-lint"

struct lint_run {
    const struct args *a;
    struct lint_config config;
    struct lint_output out;
    bool notes, strict;
};

/* ---- configuration ---- */

static int parse_config(struct lint_run *r, const char *name, struct sv text, struct err *e)
{
    struct err why = {0};

    if (lint_config_parse(text, &r->config, &why) == 0)
        return 0;
    return err_set(e, FAIL_INPUT, "%.120s:%.160s", name, why.msg);
}

static int load_config(struct lint_run *r, struct lint_root *root, struct err *e)
{
    static const char *const names[] = {".github/" CONFIG ".yml", ".github/" CONFIG ".yaml"};
    const char *given = args_text(r->a, "config");
    AUTO(auto_free) char *text = NULL;
    size_t n;

    if (args_flag(r->a, "no-config"))
        return 0;
    if (given != NULL) {
        if (fs_read_file(AT_FDCWD, given, LINT_MAX_FILE, &text, &n, e) < 0)
            return -1;
        return parse_config(r, given, (struct sv){text, n}, e);
    }
    for (size_t i = 0; i < 2; i++) {
        struct err why = {0};
        if (lint_root_read(root, names[i], &text, &n, &why) == 0)
            return parse_config(r, names[i], (struct sv){text, n}, e);
        if (why.code != FAIL_NOTFOUND) {
            *e = why;
            return -1;
        }
    }
    return 0;
}

/* ---- a file ---- */

/* Findings below what is asked for are dropped. */
static void keep_shown(struct lint_run *r, size_t from)
{
    struct lint_report *l = &r->out.report;
    size_t kept = from;

    for (size_t i = from; i < l->n; i++) {
        if (l->v[i].level == LINT_NOTE && !r->notes)
            free(l->v[i].message);
        else
            l->v[kept++] = l->v[i];
    }
    l->n = kept;
}

static void check(struct lint_run *r, struct lint_root *root, const char *shown, const char *path,
                  struct sv text)
{
    const struct lint_source source = {root, lint_root_read};
    const struct lint_options o = {.config = &r->config, .source = &source};
    struct lint_output *out = &r->out;
    size_t from = out->report.n;

    lint_file(&o, path, text, &out->report);
    keep_shown(r, from);
    GROW(out->files, out->cap_files, out->n_files + 1);
    out->files[out->n_files++] =
        (struct lint_shown){.file = xstrdup(shown), .from = from, .n = out->report.n - from};
}

static int check_named(struct lint_run *r, struct lint_root *root, const char *file, struct err *e)
{
    AUTO(lint_root_done) struct lint_root own = {.fd = -1};
    AUTO(auto_free) char *path = lint_root_relative(root, file);
    AUTO(auto_free) char *text = NULL;
    size_t n;

    if (fs_read_file(AT_FDCWD, file, LINT_MAX_FILE, &text, &n, e) < 0)
        return -1;
    if (path == NULL) { /* of another repository */
        AUTO(auto_free) char *folder = sv_dup(path_dir(sv_of(file)));
        if (lint_root_find(folder, &own, e) < 0)
            return -1;
        root = &own;
        path = lint_root_relative(root, file);
    }
    check(r, root, file, path != NULL ? path : file, (struct sv){text, n});
    return 0;
}

static int check_stdin(struct lint_run *r, struct lint_root *root, const char *name, struct err *e)
{
    AUTO(auto_free) char *text = xmalloc(LINT_MAX_FILE + 1);
    ssize_t n = fd_read_full(STDIN_FILENO, text, LINT_MAX_FILE, e);

    if (n < 0)
        return err_wrap(e, "standard input");
    check(r, root, name, name, (struct sv){text, (size_t)n});
    return 0;
}

static int check_repository(struct lint_run *r, struct lint_root *root, const char *dir,
                            struct err *e)
{
    AUTO(auto_free) char *prefix = lint_root_prefix(root, dir);
    AUTO(strv_free) struct strv list = STRV_INIT;

    if (lint_root_list(root, &list, e) < 0)
        return -1;
    for (size_t i = 0; i < list.n; i++) {
        AUTO(auto_free) char *shown = xasprintf("%s%s", prefix, list.v[i]);
        AUTO(auto_free) char *text = NULL;
        size_t n;
        if (lint_root_read(root, list.v[i], &text, &n, e) < 0)
            return -1;
        check(r, root, shown, list.v[i], (struct sv){text, n});
    }
    return 0;
}

/* ---- the command ---- */

static int open_root(const struct args *a, struct lint_root *root, struct err *e)
{
    const char *dir = args_text(a, "C");

    if (dir == NULL && a->words.n > 0) {
        struct stat st;
        if (stat(a->words.v[0], &st) == 0 && S_ISDIR(st.st_mode))
            return lint_root_find(a->words.v[0], root, e);
        AUTO(auto_free) char *folder = sv_dup(path_dir(sv_of(a->words.v[0])));
        struct err why = {0};
        if (lint_root_find(folder, root, &why) == 0)
            return 0;
    }
    return lint_root_find(dir != NULL ? dir : ".", root, e);
}

static int check_word(struct lint_run *r, struct lint_root *root, const char *word, struct err *e)
{
    AUTO(lint_root_done) struct lint_root own = {.fd = -1};
    struct stat st;

    if (stat(word, &st) < 0 || !S_ISDIR(st.st_mode))
        return check_named(r, root, word, e);
    if (lint_root_find(word, &own, e) < 0)
        return -1;
    return check_repository(r, &own, word, e);
}

static int run(struct lint_run *r, struct err *e)
{
    AUTO(lint_root_done) struct lint_root root = {.fd = -1};
    const char *in = args_text(r->a, "stdin");
    bool notes = args_flag(r->a, "notes"), strict = args_flag(r->a, "strict");

    if (open_root(r->a, &root, e) < 0 || load_config(r, &root, e) < 0)
        return -1;
    r->notes = notes || r->config.notes;
    r->strict = strict || r->config.strict;
    if (in != NULL)
        return check_stdin(r, &root, in, e);
    if (r->a->words.n == 0)
        return check_repository(r, &root, args_text(r->a, "C"), e);
    for (size_t i = 0; i < r->a->words.n; i++) {
        if (check_word(r, &root, r->a->words.v[i], e) < 0)
            return -1;
    }
    return 0;
}

static bool use_color(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0') &&
           !(term != NULL && strcmp(term, "dumb") == 0);
}

static int status_of(const struct lint_run *r)
{
    for (size_t i = 0; i < r->out.report.n; i++) {
        enum lint_level l = r->out.report.v[i].level;
        if (l == LINT_ERROR || (l == LINT_WARNING && r->strict))
            return EXIT_JOB_FAILED;
    }
    return EXIT_OK;
}

static int explain(const char *id)
{
    const struct lint_rule *r = lint_rule_find(sv_of(id));
    struct err e = {0};

    if (r != NULL) {
        lint_print_rule(r);
        return EXIT_OK;
    }
    (void)err_set(&e, FAIL_INPUT, "lint: there is no rule '%.60s'; see gantry lint --rules", id);
    return cli_fail(&e);
}

int cmd_lint(const struct args *a)
{
    struct lint_run r = {.a = a};
    const char *format = args_text(a, "format");
    struct err e = {0};
    int status;

    if (args_text(a, "explain") != NULL)
        return explain(args_text(a, "explain"));
    if (args_flag(a, "rules")) {
        lint_print_rules();
        return EXIT_OK;
    }
    if (format == NULL)
        format = "text";
    if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0 &&
        strcmp(format, "sarif") != 0) {
        (void)err_set(&e, FAIL_INPUT, "lint: there is no format '%.60s'; use text, json or sarif",
                      format);
        return cli_fail(&e);
    }
    if (run(&r, &e) < 0) {
        status = cli_fail(&e);
    } else {
        if (format[0] == 't')
            lint_print_text(&r.out, use_color());
        else if (format[0] == 'j')
            lint_print_json(&r.out);
        else
            lint_print_sarif(&r.out);
        status = status_of(&r);
    }
    lint_output_done(&r.out);
    lint_config_done(&r.config);
    return status;
}
