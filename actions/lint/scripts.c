/* SPDX-License-Identifier: Apache-2.0
 *
 * Scripts and shells. Rules: deprecated-command, disabled-command, unknown-shell, shell-platform, empty-run,
 * remote-script, github-env-write. */
#include "actions/lint/lint_priv.h"

#define MAX_HITS 20U /* findings of one kind in one script */

/* ---- commands that were replaced ---- */

static const struct {
    const char *text, *instead;
    const struct lint_rule *rule;
} commands[] = {
    {"::set-output ", "echo \"NAME=VALUE\" >> \"$GITHUB_OUTPUT\"", &rule_deprecated_command},
    {"::save-state ", "echo \"NAME=VALUE\" >> \"$GITHUB_STATE\"", &rule_deprecated_command},
    {"::set-env ", "echo \"NAME=VALUE\" >> \"$GITHUB_ENV\"", &rule_disabled_command},
    {"::add-path::", "echo \"FOLDER\" >> \"$GITHUB_PATH\"", &rule_disabled_command},
};

static void check_commands(struct lint *l, const struct yx_node *run)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct sv word = sv_of(commands[i].text);
        size_t at = 0;
        for (unsigned hits = 0; hits < MAX_HITS; hits++) {
            size_t found = sv_find(sv_sub(run->text, at, SV_NPOS), word);
            if (found == SV_NPOS)
                break;
            at += found;
            lint_in(l, commands[i].rule, run, at, word.n, "'" SV_FMT "' %s; write %s",
                    SV_ARG(sv_trim(word)),
                    commands[i].rule == &rule_disabled_command ? "has been switched off and fails"
                                                               : "is deprecated",
                    commands[i].instead);
            at += word.n;
        }
    }
}

/* ---- shells ---- */

static const char *const known_shells[] = {"bash", "sh", "pwsh", "python", "cmd", "powershell"};

static struct sv first_word(struct sv s)
{
    size_t blank = sv_chr(s, ' ');

    return sv_sub(s, 0, blank);
}

/* What the job's only literal label says. */
enum platform { ON_ANY, ON_LINUX, ON_WINDOWS, ON_MACOS };
static enum platform platform_of(const struct lint_job *j)
{
    const struct yx_node *r = j != NULL ? lint_get(j->node, "runs-on") : NULL;

    if (r == NULL || lint_count(r) != 1 || lint_has_expr(r))
        return ON_ANY;
    struct sv label = lint_item(r, 0)->text;
    if (sv_istarts(label, SV("ubuntu-")))
        return ON_LINUX;
    if (sv_istarts(label, SV("windows-")))
        return ON_WINDOWS;
    return sv_istarts(label, SV("macos-")) ? ON_MACOS : ON_ANY;
}

static void check_shell(struct lint *l, const struct yx_node *shell, enum platform on)
{
    bool known = false;

    if (shell == NULL || shell->kind != YX_SCALAR || lint_has_expr(shell) || shell->text.n == 0)
        return;
    struct sv name = first_word(shell->text);
    for (size_t i = 0; i < sizeof known_shells / sizeof known_shells[0]; i++)
        known = known || sv_ieq(name, sv_of(known_shells[i]));
    if (sv_find(shell->text, SV("{0}")) == SV_NPOS && (!known || name.n != shell->text.n)) {
        lint_at(l, &rule_unknown_shell, shell,
                "'" SV_FMT "' is no shell that the runner knows (bash, sh, pwsh, python, cmd, "
                "powershell), and without '{0}' it is no command either",
                SV_ARG(shell->text));
        return;
    }
    if ((on == ON_LINUX || on == ON_MACOS) &&
        (sv_ieq(name, SV("cmd")) || sv_ieq(name, SV("powershell"))))
        lint_at(l, &rule_shell_platform, shell, "there is no '" SV_FMT "' on this runner; use pwsh",
                SV_ARG(name));
    if (on == ON_WINDOWS && sv_ieq(name, SV("sh")))
        lint_at(l, &rule_shell_platform, shell, "there is no 'sh' on Windows runners; use bash");
}

static const struct yx_node *default_shell(const struct yx_node *map)
{
    return lint_get(lint_get(lint_get(map, "defaults"), "run"), "shell");
}

/* ---- habits ---- */

/* "curl URL | sh": what runs is whatever the server sends today. */
static void check_remote(struct lint *l, const struct yx_node *run)
{
    struct sv rest = run->text, line;

    for (unsigned hits = 0; hits < MAX_HITS && sv_next(&rest, '\n', &line);) {
        size_t fetch = sv_find(line, SV("curl "));
        if (fetch == SV_NPOS)
            fetch = sv_find(line, SV("wget "));
        if (fetch == SV_NPOS || sv_starts(sv_trim(line), SV("#")))
            continue;
        for (size_t i = fetch; i + 1 < line.n; i++) {
            if (line.p[i] != '|' || line.p[i + 1] == '|')
                continue;
            struct sv to = sv_trim(sv_sub(line, i + 1, SV_NPOS));
            if (sv_starts(to, SV("sudo ")))
                to = sv_trim(sv_sub(to, 5, SV_NPOS));
            struct sv name = first_word(to);
            if (!sv_is(name, "sh") && !sv_is(name, "bash") && !sv_is(name, "zsh") &&
                !sv_is(name, "python") && !sv_is(name, "python3"))
                continue;
            lint_in(l, &rule_remote_script, run, (size_t)(line.p - run->text.p) + fetch,
                    line.n - fetch,
                    "what is downloaded runs unseen; fetch it, check its digest, "
                    "then run it");
            hits++;
            break;
        }
    }
}

/* With outsiders' data at hand, a line in GITHUB_ENV or GITHUB_PATH may set LD_PRELOAD for what follows. */
static void check_env_file(struct lint *l, const struct yx_node *run)
{
    static const char *const files[] = {"GITHUB_ENV", "GITHUB_PATH"};

    for (size_t i = 0; i < 2; i++) {
        size_t at = sv_find(run->text, sv_of(files[i]));
        if (at == SV_NPOS || sv_find(sv_sub(run->text, 0, at), SV(">>")) == SV_NPOS)
            continue;
        lint_in(l, &rule_github_env_write, run, at, strlen(files[i]),
                "outsiders can start this workflow: what they smuggle into %s changes every later "
                "step; use GITHUB_OUTPUT",
                files[i]);
    }
}

void lint_scripts(struct lint *l, const struct lint_step *steps, size_t n)
{
    enum platform on = n > 0 ? platform_of(steps[0].job) : ON_ANY;

    if (n > 0 && steps[0].job != NULL) {
        if (steps[0].job == l->jobs)
            check_shell(l, default_shell(l->root), ON_ANY);
        check_shell(l, default_shell(steps[0].job->node), on);
    }
    for (size_t i = 0; i < n; i++) {
        const struct yx_node *run = steps[i].run;
        if (run == NULL)
            continue;
        check_shell(l, lint_get(steps[i].node, "shell"), on);
        if (sv_trim(run->text).n == 0)
            lint_at(l, &rule_empty_run, run, "the script is empty");
        check_commands(l, run);
        check_remote(l, run);
        if (lint_is_privileged(l))
            check_env_file(l, run);
    }
}
