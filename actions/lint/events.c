/* SPDX-License-Identifier: Apache-2.0
 *
 * Triggers. Rules: cron-interval, invalid-timezone, glob-never-matches, duplicate-filter, useless-default,
 * choice-default, duplicate-choice, filter-conflict, invalid-input (defaults). */
#include "actions/cron.h"
#include "actions/event.h"
#include "actions/lint/lint_priv.h"

/* ---- schedule ---- */

/* AREA/CITY, or one of the names without an area. Source: tzdata, backward and etcetera. */
static bool is_timezone(struct sv s)
{
    static const char *const names[] = {
        "UTC",       "GMT",     "UCT",     "Zulu",     "Universal", "Greenwich", "EST",
        "MST",       "HST",     "EST5EDT", "CST6CDT",  "MST7MDT",   "PST8PDT",   "CET",
        "MET",       "EET",     "WET",     "GB",       "GB-Eire",   "Eire",      "Portugal",
        "Poland",    "Turkey",  "Israel",  "Iran",     "Egypt",     "Libya",     "Japan",
        "ROK",       "ROC",     "PRC",     "Hongkong", "NZ",        "NZ-CHAT",   "Iceland",
        "Singapore", "Jamaica", "Cuba",    "Navajo",   "Kwajalein", "W-SU",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (sv_is(s, names[i]))
            return true;
    }
    return sv_chr(s, '/') != SV_NPOS && sv_chr(s, ' ') == SV_NPOS;
}

static void check_schedule(struct lint *l, const struct yx_node *list)
{
    for (size_t i = 0; list != NULL && list->kind == YX_SEQUENCE && i < list->n; i++) {
        const struct yx_node *cron = lint_get(list->items[i], "cron");
        const struct yx_node *zone = lint_get(list->items[i], "timezone");
        struct cron parsed;
        struct err e; /* an invalid text is another rule's */
        if (zone != NULL && zone->kind == YX_SCALAR && !is_timezone(zone->text))
            lint_at(l, &rule_invalid_timezone, zone,
                    "'" SV_FMT "' is not the name of a time zone such as Europe/Berlin",
                    SV_ARG(zone->text));
        if (cron == NULL || cron->kind != YX_SCALAR)
            continue;
        if (cron_parse(sv_trim(cron->text), &parsed, &e) == 0 && cron_shortest_gap(&parsed) < 5)
            lint_at(l, &rule_cron_interval, cron,
                    "runs are started every five minutes at most; the minutes of '" SV_FMT
                    "' are closer",
                    SV_ARG(cron->text));
    }
}

/* ---- filters ---- */

/* Outside of [...] and not behind a backslash: what git allows in no ref. */
static bool has_forbidden(struct sv p)
{
    bool in_set = false;

    for (size_t i = 0; i < p.n; i++) {
        if (p.p[i] == '\\')
            i++;
        else if (p.p[i] == '[' || p.p[i] == ']')
            in_set = p.p[i] == '[';
        else if (!in_set && strchr("^~:", p.p[i]) != NULL)
            return true;
    }
    return sv_find(p, SV("..")) != SV_NPOS || sv_find(p, SV("@{")) != SV_NPOS;
}

static const char *never_matches(struct sv pattern, const char *key)
{
    struct sv p = pattern;

    if (sv_starts(p, SV("!")))
        p = sv_sub(p, 1, SV_NPOS);
    if (key[0] == 'b' && sv_starts(p, SV("refs/heads/")))
        return "branch patterns stand without 'refs/heads/'";
    if (key[0] == 't' && sv_starts(p, SV("refs/tags/")))
        return "tag patterns stand without 'refs/tags/'";
    if (key[0] == 'p' && (sv_starts(p, SV("./")) || sv_starts(p, SV("/"))))
        return "paths are relative to the repository, without './' or '/' in front";
    if (key[0] == 'p' && sv_ends(p, SV("/")))
        return "only files have changes; to match what is in a folder, end with '/**'";
    if (p.n == 0 && !sv_is(pattern, ""))
        return "nothing stands behind the '!'";
    if (key[0] == 'p' && p.n > 0 && (p.p[0] == ' ' || p.p[p.n - 1] == ' '))
        return "it begins or ends with a blank";
    if (key[0] == 'p' && (sv_starts(p, SV("../")) || sv_find(p, SV("/../")) != SV_NPOS))
        return "nothing outside of the repository has changes";
    if (key[0] != 'p' && has_forbidden(p))
        return "no branch or tag can have such a name; these are globs, not regular expressions";
    if (key[0] != 'p' && (sv_starts(p, SV("/")) || sv_ends(p, SV("/")) || sv_ends(p, SV(".lock")) ||
                          sv_chr(p, ' ') != SV_NPOS))
        return "no branch or tag can have such a name";
    return NULL;
}

static void check_list(struct lint *l, const struct yx_node *list, const char *key)
{
    bool positive = false;

    for (size_t i = 0; i < lint_count(list); i++) {
        const struct yx_node *p = lint_item(list, i);
        const char *why = p->kind == YX_SCALAR ? never_matches(p->text, key) : NULL;
        positive = positive || !sv_starts(p->text, SV("!"));
        if (why != NULL)
            lint_at(l, &rule_glob_never_matches, p, "'" SV_FMT "' never matches: %s",
                    SV_ARG(p->text), why);
        for (size_t k = 0; k < i && i < 300; k++) {
            if (p->text.n > 0 && sv_eq(lint_item(list, k)->text, p->text)) {
                lint_at(l, &rule_duplicate_filter, p, "'" SV_FMT "' is in the list already",
                        SV_ARG(p->text));
                break;
            }
        }
    }
    if (lint_count(list) > 0 && !positive && strstr(key, "-ignore") == NULL)
        lint_at(
            l, &rule_glob_never_matches, lint_item(list, 0),
            "a list of patterns with '!' only never matches; begin with '**' or use '%s-ignore'",
            key);
}

/* Source: the schema of `on`; of others the key is unknown, and nothing more is said. */
static bool has_filter(struct sv event, const char *key)
{
    static const char *const of_pull[] = {"pull_request", "pull_request_target"};
    static const char *const of_branches[] = {"workflow_run", "merge_group"};

    if (sv_is(event, "push"))
        return true;
    for (size_t i = 0; i < 2; i++) {
        if ((sv_is(event, of_pull[i]) && key[0] != 't') ||
            (sv_is(event, of_branches[i]) && key[0] == 'b'))
            return true;
    }
    return false;
}

static void check_filters(struct lint *l, struct sv name, const struct yx_node *event)
{
    static const char *const keys[] = {"branches",    "branches-ignore", "tags",
                                       "tags-ignore", "paths",           "paths-ignore"};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct yx_node *list = lint_get(event, keys[i]);
        if (!has_filter(name, keys[i]))
            continue;
        if (list != NULL)
            check_list(l, list, keys[i]);
        if (i % 2 == 1 && list != NULL && lint_key(event, keys[i - 1]) != NULL)
            lint_at(l, &rule_filter_conflict, lint_key(event, keys[i]),
                    "an event takes '%s' or '%s', not both; a pattern with '!' in '%s' excludes",
                    keys[i - 1], keys[i], keys[i - 1]);
    }
}

/* ---- inputs ---- */

static void check_choice(struct lint *l, const struct yx_node *input)
{
    const struct yx_node *options = lint_get(input, "options"), *dflt = lint_get(input, "default");
    bool found = dflt == NULL || dflt->kind != YX_SCALAR;

    if (options == NULL || options->kind != YX_SEQUENCE ||
        !sv_is(lint_str(input, "type"), "choice"))
        return;
    for (size_t i = 0; i < options->n; i++) {
        const struct yx_node *o = options->items[i];
        found = found || sv_eq(o->text, dflt->text);
        for (size_t k = 0; k < i && i < 300; k++) {
            if (sv_eq(options->items[k]->text, o->text)) {
                lint_at(l, &rule_duplicate_choice, o, "'" SV_FMT "' can be chosen already",
                        SV_ARG(o->text));
                break;
            }
        }
    }
    if (!found)
        lint_at(l, &rule_choice_default, dflt, "the default '" SV_FMT "' is not one of the options",
                SV_ARG(dflt->text));
}

static bool is_number_text(struct sv s)
{
    const struct yx_node n = {.kind = YX_SCALAR, .style = YX_PLAIN, .text = s};
    double ignored;

    return lint_number(&n, &ignored);
}

/* GitHub refuses the call, or the form starts with what it does not accept. */
static void check_default(struct lint *l, const struct yx_node *input, bool call)
{
    const struct yx_node *dflt = lint_get(input, "default");
    struct sv type = lint_str(input, "type");
    bool number = sv_is(type, "number");

    if (dflt == NULL || dflt->kind != YX_SCALAR || lint_has_expr(dflt) ||
        !(number || sv_is(type, "boolean")))
        return;
    enum tok_kind k = lint_kind(dflt);
    if (number ? k == TOK_NUMBER || (!call && is_number_text(dflt->text)) : k == TOK_BOOL)
        return;
    lint_at(l, &rule_invalid_input, dflt, "the default of a %s must be %s, not '" SV_FMT "'%s",
            number ? "number" : "boolean", number ? "one" : "true or false", SV_ARG(dflt->text),
            dflt->style != YX_PLAIN &&
                    (number ? is_number_text(dflt->text)
                            : sv_is(dflt->text, "true") || sv_is(dflt->text, "false"))
                ? "; write it without quotes"
                : "");
}

static void check_inputs(struct lint *l, const struct yx_node *inputs, bool call)
{
    for (size_t i = 0; inputs != NULL && inputs->kind == YX_MAPPING && i < inputs->n; i++) {
        const struct yx_node *in = inputs->items[2 * i + 1];
        const struct yx_node *dflt = lint_key(in, "default");
        if (call && lint_is_true(lint_get(in, "required")) &&
            dflt != NULL) /* a form begins with it */
            lint_at(l, &rule_useless_default, dflt,
                    "'" SV_FMT "' is required: its default is never used",
                    SV_ARG(inputs->items[2 * i]->text));
        check_choice(l, in);
        check_default(l, in, call);
    }
}

void lint_events(struct lint *l)
{
    const struct yx_node *on = lint_get(l->root, "on");

    for (size_t i = 0; on != NULL && on->kind == YX_MAPPING && i < on->n; i++) {
        struct sv name = on->items[2 * i]->text;
        const struct yx_node *v = on->items[2 * i + 1];
        if (sv_is(name, "schedule"))
            check_schedule(l, v);
        else if (sv_is(name, "workflow_call") || sv_is(name, "workflow_dispatch"))
            check_inputs(l, lint_get(v, "inputs"), sv_is(name, "workflow_call"));
        else
            check_filters(l, name, v);
    }
}
