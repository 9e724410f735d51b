/* SPDX-License-Identifier: Apache-2.0
 *
 * Shells of `run:` steps. */
#include "runner/worker/shell.h"

#include "base/mem.h"

enum { COMMAND_LINE_MAX = 1 << 20 };

static const struct {
    const char *name, *template_, *extension;
} builtins[] = {
    {"bash", "--noprofile --norc -e -o pipefail {0}", ".sh"},
    {"sh", "-e {0}", ".sh"},
    {"pwsh", "-command \". '{0}'\"", ".ps1"},
    {"powershell", "-command \". '{0}'\"", ".ps1"},
    {"python", "{0}", ".py"},
    {"cmd", "/D /E:ON /V:OFF /S /C \"CALL \"{0}\"\"", ".cmd"},
};

static const char *builtin_template(struct sv name)
{
    for (size_t i = 0; i < sizeof builtins / sizeof builtins[0]; i++)
        if (sv_ieq(name, sv_of(builtins[i].name)))
            return builtins[i].template_;
    return NULL;
}

/* By the command's name exactly as written: "/bin/bash" has none. */
static const char *extension_of(struct sv command)
{
    for (size_t i = 0; i < sizeof builtins / sizeof builtins[0]; i++)
        if (sv_ieq(command, sv_of(builtins[i].name)))
            return builtins[i].extension;
    return "";
}

static int invalid(struct err *e)
{
    return err_set(
        e, FAIL_INPUT,
        "Invalid shell option. Shell must be a valid built-in (bash, sh, cmd, powershell, "
        "pwsh) or a format string containing '{0}'");
}

int shell_parse(struct sv text, struct shell *out, struct err *e)
{
    size_t blank = sv_chr(text, ' ');
    struct shell s = {.command = text};

    if (blank != SV_NPOS) {
        s.command = sv_sub(text, 0, blank);
        s.template_ = sv_sub(text, blank, text.n);
        while (s.template_.n > 0 && s.template_.p[0] == ' ')
            s.template_ = sv_sub(s.template_, 1, s.template_.n);
    }
    if (s.command.n == 0)
        return invalid(e);
    if (s.template_.n == 0)
        s.template_ = sv_of(builtin_template(s.command));
    if (sv_find(s.template_, SV("{0}")) == SV_NPOS)
        return invalid(e);
    s.extension = extension_of(s.command);
    *out = s;
    return 0;
}

struct shell shell_default(bool has_bash)
{
    return (struct shell){.command = has_bash ? SV("bash") : SV("sh"),
                          .template_ = sv_of(builtin_template(SV("sh"))),
                          .extension = ".sh"};
}

/* .NET composite formatting: {{ and }} are literal, {0} the path, anything else an error. */
static int format_template(struct sv t, const char *script, struct buf *out, struct err *e)
{
    for (size_t i = 0; i < t.n; i++) {
        char c = t.p[i];
        if (c != '{' && c != '}') {
            buf_addc(out, c);
        } else if (i + 1 < t.n && t.p[i + 1] == c) {
            buf_addc(out, c);
            i++;
        } else if (sv_starts(sv_sub(t, i, t.n), SV("{0}"))) {
            for (const char *p = script; *p != '\0'; p++) {
                if (*p == '"')
                    buf_addc(out, '\\');
                buf_addc(out, *p);
            }
            i += 2;
        } else {
            return err_set(e, FAIL_INPUT, "Input string was not in a correct format: '" SV_FMT "'",
                           SV_ARG(sv_sub(t, 0, 100)));
        }
    }
    return buf_done(out, "command line", e);
}

/* Blanks separate, double quotes group, \" is a quote, backslashes count only in front of a quote. */
static void split(struct sv s, struct strv *argv)
{
    AUTO(buf_free) struct buf word = BUF_INIT(COMMAND_LINE_MAX);
    bool quoted = false, any = false;

    for (size_t i = 0; i <= s.n; i++) {
        char c = (char)(i < s.n ? s.p[i] : ' ');
        if (i == s.n || (!quoted && (c == ' ' || c == '\t'))) {
            if (any || word.len > 0)
                strv_addsv(argv, buf_sv(&word));
            buf_reset(&word);
            any = false;
            continue;
        }
        size_t slashes = 0;
        while (i + slashes < s.n && s.p[i + slashes] == '\\')
            slashes++;
        if (slashes > 0) {
            bool before_quote = i + slashes < s.n && s.p[i + slashes] == '"';
            for (size_t k = 0; k < (before_quote ? slashes / 2 : slashes); k++)
                buf_addc(&word, '\\');
            i += slashes - 1;
            if (before_quote && slashes % 2 == 1) {
                buf_addc(&word, '"');
                i++;
            }
        } else if (c == '"') {
            quoted = !quoted;
            any = true;
        } else {
            buf_addc(&word, c);
        }
    }
}

int shell_arguments(struct sv template_, const char *script, struct strv *argv, struct err *e)
{
    AUTO(buf_free) struct buf line = BUF_INIT(COMMAND_LINE_MAX);

    if (format_template(template_, script, &line, e) < 0)
        return -1;
    split(buf_sv(&line), argv);
    return 0;
}

void shell_script_text(struct sv command, struct sv script, struct buf *out)
{
    if (sv_ieq(command, SV("pwsh")) || sv_ieq(command, SV("powershell"))) {
        buf_adds(out, "$ErrorActionPreference = 'stop'\n");
        buf_addsv(out, script);
        buf_adds(out, "\nif ((Test-Path -LiteralPath variable:\\LASTEXITCODE)) { exit "
                      "$LASTEXITCODE }");
        return;
    }
    if (sv_ieq(command, SV("cmd")))
        buf_adds(out, "@echo off\n");
    buf_addsv(out, script);
}
