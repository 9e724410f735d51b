/* SPDX-License-Identifier: Apache-2.0
 *
 * Workflow commands in a step's output: the two grammars and their escapes. What a command does is the
 * worker's business. Source: actions/runner 2.336.0: src/Runner.Common/ActionCommand.cs,
 * src/Runner.Worker/ActionCommandManager.cs; spec logs 1.1, 1.3. */
#include "actions/command.h"

#include "base/mem.h"

/* Sorted as in spec logs 1.3. */
static const char *const known[] = {
    "set-env",     "add-path",       "set-output",    "save-state",
    "add-mask",    "debug",          "notice",        "warning",
    "error",       "group",          "endgroup",      "echo",
    "add-matcher", "remove-matcher", "stop-commands", "internal-set-repo-path",
};

bool cmd_is_known(struct sv name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (sv_ieq(name, sv_of(known[i])))
            return true;
    return false;
}

/* Char.IsWhiteSpace() of .NET. Source: learn.microsoft.com, System.Char.IsWhiteSpace. */
static bool is_dotnet_space(unsigned c)
{
    return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

static struct sv trim_start(struct sv s)
{
    unsigned code;

    for (struct sv next = s; utf8_next(&next, &code) > 0 && is_dotnet_space(code);)
        s = next;
    return s;
}

static struct sv trim(struct sv s)
{
    unsigned code;
    size_t end = 0;

    s = trim_start(s);
    for (struct sv next = s; utf8_next(&next, &code) > 0;)
        if (!is_dotnet_space(code))
            end = (size_t)(next.p - s.p);
    return sv_sub(s, 0, end);
}

/* What an escape stands for; '\0' ends a table. One pass from left to right equals upstream's order of
 * replacements, in which %25 comes last. */
struct escape {
    char hex[2];
    char c;
};
static const struct escape v2_data[] = {{"25", '%'}, {"0D", '\r'}, {"0A", '\n'}, {"", '\0'}};
static const struct escape v2_property[] = {{"25", '%'}, {"0D", '\r'}, {"0A", '\n'},
                                            {"3A", ':'}, {"2C", ','},  {"", '\0'}};
static const struct escape v1_any[] = {{"25", '%'}, {"0D", '\r'}, {"0A", '\n'},
                                       {"3B", ';'}, {"5D", ']'},  {"", '\0'}};

static char *unescape(struct sv s, const struct escape *table)
{
    char *out = xmalloc(s.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        const struct escape *t = table;
        if (s.p[i] == '%' && s.n - i > 2)
            while (t->c != '\0' && (t->hex[0] != s.p[i + 1] || t->hex[1] != s.p[i + 2]))
                t++;
        if (s.p[i] == '%' && s.n - i > 2 && t->c != '\0') {
            out[n++] = t->c;
            i += 2;
        } else {
            out[n++] = s.p[i];
        }
    }
    out[n] = '\0';
    return out;
}

static struct sv drop_equals(struct sv s)
{
    while (s.n > 0 && s.p[0] == '=')
        s = sv_sub(s, 1, s.n);
    return s;
}

static void set_property(struct cmd *c, struct sv key, char *own_value)
{
    size_t i = 0;

    while (i < c->n_props && !sv_ieq(c->props[i].key, key))
        i++;
    if (i == CMD_MAX_PROPERTIES) {
        free(own_value);
        return;
    }
    if (i == c->n_props)
        c->n_props++;
    else
        free(c->props[i].value);
    c->props[i] = (struct cmd_property){key, own_value};
}

/* .NET's Split(..., RemoveEmptyEntries), twice: empty pieces and pieces without a value do not count, and
 * '=' at the beginning of key or value is dropped. */
static void parse_properties(struct cmd *c, struct sv list, char separator,
                             const struct escape *table)
{
    struct sv piece;

    while (sv_next(&list, separator, &piece)) {
        piece = drop_equals(piece);
        size_t eq = sv_chr(piece, '=');
        if (eq == SV_NPOS)
            continue;
        struct sv value = drop_equals(sv_sub(piece, eq + 1, piece.n));
        if (value.n > 0)
            set_property(c, sv_sub(piece, 0, eq), unescape(value, table));
    }
}

/* The raw parts of a line in one of the two forms. */
struct parts {
    struct sv name, properties, data;
};

static bool cut_header(struct sv header, struct sv data, struct parts *out)
{
    size_t space = sv_chr(header, ' ');

    out->name = sv_sub(header, 0, space);
    out->properties = space == SV_NPOS ? SV("") : sv_sub(header, space + 1, header.n);
    out->data = data;
    return out->name.n > 0;
}

/* ::name key=value,key=value::data */
static bool cut_v2(struct sv line, struct parts *out)
{
    line = trim_start(line);
    if (!sv_starts(line, SV("::")))
        return false;
    struct sv rest = sv_sub(line, 2, line.n);
    size_t end = sv_find(rest, SV("::"));
    return end != SV_NPOS && cut_header(sv_sub(rest, 0, end), sv_sub(rest, end + 2, rest.n), out);
}

/* ##[name key=value;key=value]data, anywhere in the line; text before it is lost. */
static bool cut_v1(struct sv line, struct parts *out)
{
    size_t at = sv_find(line, SV("##["));

    if (at == SV_NPOS)
        return false;
    struct sv rest = sv_sub(line, at + 3, line.n);
    size_t end = sv_chr(rest, ']');
    return end != SV_NPOS && cut_header(sv_sub(rest, 0, end), sv_sub(rest, end + 1, rest.n), out);
}

static void fill(const struct parts *p, bool v2, struct cmd *out)
{
    out->name = p->name;
    out->n_props = 0;
    if (v2)
        parse_properties(out, trim(p->properties), ',', v2_property);
    else
        parse_properties(out, p->properties, ';', v1_any);
    out->data = unescape(p->data, v2 ? v2_data : v1_any);
}

bool cmd_parse_with(struct sv line, struct sv token, struct cmd *out)
{
    struct parts two, one;
    bool is_two = cut_v2(line, &two);

    if (is_two && (cmd_is_known(two.name) || sv_ieq(two.name, token))) {
        fill(&two, true, out);
        return true;
    }
    bool is_one = cut_v1(line, &one);
    if (is_one && (!is_two || cmd_is_known(one.name) || sv_ieq(one.name, token))) {
        fill(&one, false, out);
        return true;
    }
    if (is_two)
        fill(&two, true, out);
    return is_two;
}

bool cmd_parse(struct sv line, struct cmd *out)
{
    return cmd_parse_with(line, SV(""), out);
}

void cmd_done(struct cmd *c)
{
    for (size_t i = 0; i < c->n_props; i++)
        free(c->props[i].value);
    free(c->data);
    c->n_props = 0;
    c->data = NULL;
}

const char *cmd_prop(const struct cmd *c, const char *key)
{
    for (size_t i = 0; i < c->n_props; i++)
        if (sv_ieq(c->props[i].key, sv_of(key)))
            return c->props[i].value;
    return NULL;
}

static void escape(struct buf *b, struct sv s, const struct escape *table)
{
    for (size_t i = 0; i < s.n; i++) {
        const struct escape *t = table;
        while (t->c != '\0' && t->c != s.p[i])
            t++;
        if (t->c == '\0') {
            buf_addc(b, s.p[i]);
            continue;
        }
        char three[3] = {'%', t->hex[0], t->hex[1]};
        buf_add(b, three, sizeof three);
    }
}

/* Source: actions/toolkit: packages/core/src/command.ts (escapeData, escapeProperty). */
void cmd_escape_data(struct buf *b, struct sv s)
{
    escape(b, s, v2_data);
}

void cmd_escape_property(struct buf *b, struct sv s)
{
    escape(b, s, v2_property);
}
