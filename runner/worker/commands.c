/* SPDX-License-Identifier: Apache-2.0
 *
 * Effects of workflow commands. Source of texts and rules: actions/runner 2.336.0
 * src/Runner.Worker/ActionCommandManager.cs, src/Runner.Common/Constants.cs (spec logs 1.3 to 1.5). */
#include "runner/worker/commands.h"

#include "actions/command.h"
#include "base/mem.h"
#include "base/num.h"
#include "runner/worker/matchers.h"
#include "runner/worker/worker.h"

enum { STOP_TOKEN_MASK_MIN = 6 }; /* longer tokens become secrets (1.5) */

enum command_kind {
    C_SET_ENV,
    C_ADD_PATH,
    C_SET_OUTPUT,
    C_SAVE_STATE,
    C_ADD_MASK,
    C_DEBUG,
    C_NOTICE,
    C_WARNING,
    C_ERROR,
    C_GROUP,
    C_ENDGROUP,
    C_ECHO,
    C_ADD_MATCHER,
    C_REMOVE_MATCHER,
    C_STOP_COMMANDS,
    C_COUNT_
};
static const struct {
    const char *name;
    bool echo;
} table[C_COUNT_] = {
    [C_SET_ENV] = {"set-env", true},
    [C_ADD_PATH] = {"add-path", true},
    [C_SET_OUTPUT] = {"set-output", true},
    [C_SAVE_STATE] = {"save-state", true},
    [C_ADD_MASK] = {"add-mask", false},
    [C_DEBUG] = {"debug", false},
    [C_NOTICE] = {"notice", false},
    [C_WARNING] = {"warning", false},
    [C_ERROR] = {"error", false},
    [C_GROUP] = {"group", true},
    [C_ENDGROUP] = {"endgroup", true},
    [C_ECHO] = {"echo", true},
    [C_ADD_MATCHER] = {"add-matcher", true},
    [C_REMOVE_MATCHER] = {"remove-matcher", true},
    [C_STOP_COMMANDS] = {"stop-commands", false}, /* always printed, by itself */
};

static enum command_kind kind_of(struct sv name)
{
    for (int i = 0; i < C_COUNT_; i++)
        if (sv_ieq(name, sv_of(table[i].name)))
            return (enum command_kind)i;
    return C_COUNT_;
}

/* The ConvertToBoolean rule, or GetBoolean when `strict` (spec job-execution 0). */
static bool switched_on(const struct exec *x, const char *name, bool strict)
{
    struct sv v = sv_trim(exec_env_value(x, name));

    if (sv_ieq(v, SV("true")))
        return true;
    return !strict && (sv_is(v, "1") || sv_ieq(v, SV("$true")));
}

static int disabled(const char *name, struct err *e)
{
    return err_set(
        e, FAIL_INPUT,
        "The `%s` command is disabled. Please upgrade to using Environment Files or opt "
        "into unsecure command execution by setting the `ACTIONS_ALLOW_UNSECURE_COMMANDS` "
        "environment variable to `true`.",
        name);
}

static int missing(const char *field, const char *command, struct err *e)
{
    return err_set(e, FAIL_INPUT, "Required field '%s' is missing in ##[%s] command.", field,
                   command);
}

static void telemetry_once(struct worker *w, const char *command)
{
    AUTO(auto_free) char *m = xasprintf("DeprecatedCommand: %s", command);

    val_sets(w->telemetry, m, val_string(SV("ActionCommand")));
}

static void deprecated(struct exec *x, const char *name)
{
    telemetry_once(x->w, name);
    if (!message_flag(x->w->msg, "DistributedTask.DeprecateStepOutputCommands"))
        return;
    exec_warningf(
        x,
        "The `%s` command is deprecated and will be disabled soon. Please upgrade to using "
        "Environment Files. For more information see: "
        "https://github.blog/changelog/"
        "2022-10-11-github-actions-deprecating-save-state-and-set-output-commands/",
        name);
}

static int do_set_env(struct exec *x, const struct cmd *c, struct err *e)
{
    const char *name = cmd_prop(c, "name");

    if (!switched_on(x, "ACTIONS_ALLOW_UNSECURE_COMMANDS", true))
        return disabled("set-env", e);
    if (name == NULL)
        return missing("name", "set-env", e);
    if (cmd_env_is_blocked(sv_of(name))) {
        exec_errorf(x, "Can't update %s environment variable using ::set-env:: command.", name);
        return 0;
    }
    exec_set_env(x, sv_of(name), sv_of(c->data));
    exec_debugf(x, "%s='%s'", name, c->data);
    return 0;
}

static int do_add_path(struct exec *x, const struct cmd *c, struct err *e)
{
    if (!switched_on(x, "ACTIONS_ALLOW_UNSECURE_COMMANDS", true))
        return disabled("add-path", e);
    if (c->data[0] == '\0')
        return missing("path", "add-path", e);
    exec_add_path(x, sv_of(c->data));
    return 0;
}

static int do_set_output(struct exec *x, const struct cmd *c, struct err *e)
{
    const char *name = cmd_prop(c, "name");

    deprecated(x, "set-output");
    if (name == NULL)
        return missing("name", "set-output", e);
    exec_set_output(x, sv_of(name), sv_of(c->data));
    return 0;
}

static int do_save_state(struct exec *x, const struct cmd *c, struct err *e)
{
    const char *name = cmd_prop(c, "name");

    deprecated(x, "save-state");
    if (name == NULL)
        return missing("name", "save-state", e);
    state_save(x, sv_of(name), sv_of(c->data));
    return 0;
}

static void do_add_mask(struct exec *x, const struct cmd *c)
{
    if (sv_trim(sv_of(c->data)).n == 0) {
        exec_warningf(x, "Can't add secret mask for empty string in ##[add-mask] command.");
        return;
    }
    mask_add(x->w->mask, sv_of(c->data));
    if (x->echo)
        exec_log(x, SV("::add-mask::***"));
}

static void do_debug(struct exec *x, const struct cmd *c)
{
    exec_debugf(x, "%s", c->data);
}

unsigned command_position_fix(struct command_position *p)
{
    unsigned done = 0;

    if (p->has_end_line && !p->has_line) {
        done |= 1U;
        p->has_line = true;
        p->line = p->end_line;
    }
    if (p->has_end_col && !p->has_col) {
        done |= 2U;
        p->has_col = true;
        p->col = p->end_col;
    }
    bool column = p->has_col || p->has_end_col;
    bool lines_differ = p->has_end_line && p->has_line && p->line != p->end_line;
    if (column && !p->has_line)
        done |= 4U;
    if (column && lines_differ)
        done |= 8U;
    if (done & (4U | 8U))
        p->has_col = p->has_end_col = false;
    if (p->has_end_line && p->has_line && p->end_line < p->line) {
        done |= 16U;
        p->has_line = p->has_end_line = false;
    }
    if (p->has_end_col && p->has_col && p->end_col < p->col) {
        done |= 32U;
        p->has_col = p->has_end_col = false;
    }
    return done;
}

static void debug_position(struct exec *x, struct sv command, unsigned done)
{
    static const char *const texts[] = {
        "'endLine' can only be set if 'line' is provided",
        "'endColumn' can only be set if 'col' is provided",
        "'col' and 'endColumn' can only be set if 'line' value is provided.",
        "'col' and 'endColumn' cannot be set if 'line' and 'endLine' are different values.",
        "'endLine' cannot be less than 'line'.",
        "'endColumn' cannot be less than 'col'.",
    };

    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (done & 1U << i)
            exec_debugf(x, "Invalid " SV_FMT " command value. %s", SV_ARG(command), texts[i]);
}

static bool number_prop(const struct cmd *c, const char *key, int64_t *out)
{
    struct err ignored = {0}; /* "anything else counts as absent" (8.2) */
    const char *v = cmd_prop(c, key);

    return v != NULL && num_i64(sv_of(v), INT32_MIN, INT32_MAX, out, &ignored) == 0;
}

/* Below the workspace: relative to it, on whole components; otherwise as given. */
static struct sv relative_file(const struct exec *x, const char *file)
{
    struct sv f = sv_of(file), root = sv_of(x->w->workspace);

    if (root.n > 0 && sv_starts(f, root) && f.n > root.n && f.p[root.n] == '/')
        return sv_sub(f, root.n + 1, f.n);
    return f;
}

static void do_annotation(struct exec *x, const struct cmd *c, enum issue_level level)
{
    struct command_position p = {.line = 0};
    bool enhanced = message_flag(x->w->msg, "DistributedTask.EnhancedAnnotations");
    struct issue_props props = {.line = 0};

    p.has_line = number_prop(c, "line", &p.line);
    p.has_col = number_prop(c, "col", &p.col);
    if (enhanced) {
        p.has_end_line = number_prop(c, "endLine", &p.end_line);
        p.has_end_col = number_prop(c, "endColumn", &p.end_col);
        props.title = sv_of(cmd_prop(c, "title"));
    }
    debug_position(x, c->name, command_position_fix(&p));
    if (cmd_prop(c, "file") != NULL)
        props.file = relative_file(x, cmd_prop(c, "file"));
    props.line = p.has_line ? p.line : 0;
    props.end_line = p.has_end_line ? p.end_line : 0;
    props.col = p.has_col ? p.col : 0;
    props.end_col = p.has_end_col ? p.end_col : 0;
    exec_issue(x, level, sv_of(c->data), &props);
}

static int do_echo(struct exec *x, const struct cmd *c, struct err *e)
{
    struct sv v = sv_trim(sv_of(c->data));

    if (!sv_ieq(v, SV("on")) && !sv_ieq(v, SV("off")))
        return err_set(e, FAIL_INPUT,
                       "Invalid echo command value. Possible values can be: 'on', 'off'. Current "
                       "value is: '%s'.",
                       c->data);
    x->echo = sv_ieq(v, SV("on"));
    exec_debugf(x, "Setting echo command value to '%s'", x->echo ? "on" : "off");
    return 0;
}

static void do_stop(struct exec *x, const struct cmd *c, struct sv line)
{
    struct sv token = sv_of(c->data);
    bool invalid = token.n == 0 || kind_of(token) != C_COUNT_ || sv_ieq(token, SV("pause-logging"));

    if (invalid && !switched_on(x, "ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS", false)) {
        exec_errorf(x, "Unable to process command '" SV_FMT "' successfully.", SV_ARG(line));
        exec_errorf(x,
                    "You cannot use a endToken that is an empty string, the string "
                    "'pause-logging', or another workflow command. For more information see: "
                    "https://docs.github.com/actions/learn-github-actions/"
                    "workflow-commands-for-github-actions#"
                    "example-stopping-and-starting-workflow-commands or opt into insecure command "
                    "execution by setting the `ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS` "
                    "environment variable to `true`.");
        x->command_result = RES_FAILED;
        x->unsafe_stop = true; /* the process is ended: what it prints cannot be told apart */
        return;
    }
    exec_log(x, line);
    free(x->stop_token);
    x->stop_token = sv_dup(token);
    if (token.n > STOP_TOKEN_MASK_MIN)
        mask_add(x->w->mask, token);
}

static int run_command(struct exec *x, enum command_kind k, const struct cmd *c, struct sv line,
                       struct err *e)
{
    switch (k) {
    case C_SET_ENV:
        return do_set_env(x, c, e);
    case C_ADD_PATH:
        return do_add_path(x, c, e);
    case C_SET_OUTPUT:
        return do_set_output(x, c, e);
    case C_SAVE_STATE:
        return do_save_state(x, c, e);
    case C_ECHO:
        return do_echo(x, c, e);
    case C_ADD_MASK:
        do_add_mask(x, c);
        return 0;
    case C_DEBUG:
        do_debug(x, c);
        return 0;
    case C_NOTICE:
        do_annotation(x, c, ISSUE_NOTICE);
        return 0;
    case C_WARNING:
        do_annotation(x, c, ISSUE_WARNING);
        return 0;
    case C_ERROR:
        do_annotation(x, c, ISSUE_ERROR);
        return 0;
    case C_GROUP:
        exec_logf(x, "##[group]%s", c->data);
        return 0;
    case C_ENDGROUP:
        exec_log(x, SV("##[endgroup]"));
        return 0;
    case C_ADD_MATCHER:
        return matchers_add_command(x, c, e);
    case C_REMOVE_MATCHER:
        return matchers_remove_command(x, c, e);
    case C_STOP_COMMANDS:
        do_stop(x, c, line);
        return 0;
    case C_COUNT_:
        break;
    }
    return 0;
}

/* While stopped every command is output; the token itself starts them again (1.5). */
static bool handle_stopped(struct exec *x, const struct cmd *c, struct sv line)
{
    if (!sv_ieq(c->name, sv_of(x->stop_token)))
        return false;
    free(x->stop_token);
    x->stop_token = NULL;
    exec_log(x, line);
    return true;
}

bool commands_handle(struct exec *x, struct sv line)
{
    struct cmd c;
    struct err e = {0};

    if (!cmd_parse_with(line, sv_of(x->stop_token), &c))
        return false;
    enum command_kind k = kind_of(c.name);
    bool handled = false;
    if (x->stop_token != NULL) {
        handled = handle_stopped(x, &c, line);
    } else if (k != C_COUNT_ &&
               (k != C_NOTICE || message_flag(x->w->msg, "DistributedTask.EnhancedAnnotations"))) {
        handled = true;
        if (x->echo && table[k].echo)
            exec_log(x, line);
        if (run_command(x, k, &c, line, &e) < 0) {
            exec_errorf(x, "Unable to process command '" SV_FMT "' successfully.", SV_ARG(line));
            exec_error(x, &e);
            x->command_result = RES_FAILED;
        }
    }
    cmd_done(&c);
    return handled;
}
