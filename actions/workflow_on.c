/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks of `on` beyond its schema: cron texts, filter pairs, inputs of a manual run (spec expressions 5.3, 5.5, 5.6).
 * Source of the texts: actions/languageservices: workflow-parser/src/model/converter/workflow-dispatch.ts;
 * filter pairs: github.com's own message. */
#include "actions/cron.h"
#include "actions/event.h"
#include "actions/workflow_priv.h"

static void check_schedule(struct wf_reader *r, const struct tok *list)
{
    for (size_t i = 0; list->kind == TOK_SEQUENCE && i < list->n; i++) {
        const struct tok *cron = tok_get(list->items[i], SV("cron"));
        struct cron ignored;
        UNINIT struct err e; /* the official text does not say what is wrong */
        if (cron != NULL && cron_parse(cron->text, &ignored, &e) < 0)
            wf_error_at(r, cron,
                        "Invalid cron expression. Expected format: '* * * * *' (minute hour day "
                        "month weekday)");
    }
}

/* ---- filters ---- */

static void check_patterns(struct wf_reader *r, const struct tok *list)
{
    for (size_t i = 0; i < (list->kind == TOK_SEQUENCE ? list->n : 1); i++) {
        const struct tok *t = list->kind == TOK_SEQUENCE ? list->items[i] : list;
        UNINIT struct err e;
        bool hit;
        struct sv p = sv_starts(t->text, SV("!")) ? sv_sub(t->text, 1, SV_NPOS) : t->text;
        if (event_pattern(p, SV(""), &hit, &e) < 0)
            wf_error_at(r, t, "%s", err_whole(&e));
    }
}

static void check_filters(struct wf_reader *r, const struct tok *event)
{
    static const char *const pairs[][2] = {
        {"branches", "branches-ignore"}, {"tags", "tags-ignore"}, {"paths", "paths-ignore"}};

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (r->opt->edition != WF_EDITION_EDITOR && tok_get(event, sv_of(pairs[i][0])) != NULL &&
            tok_get(event, sv_of(pairs[i][1])) != NULL)
            wf_error_at(r, event, "you may only define one of `%s` and `%s` for a single event",
                        pairs[i][0], pairs[i][1]);
        for (size_t k = 0; k < 2; k++) {
            const struct tok *list = tok_get(event, sv_of(pairs[i][k]));
            if (list != NULL && (list->kind == TOK_SEQUENCE || list->kind == TOK_STRING))
                check_patterns(r, list);
        }
    }
}

/* ---- inputs of workflow_dispatch and workflow_call ---- */

/* A boolean input needs a boolean default; the service turns every other one into text. */
static void check_default(struct wf_reader *r, struct sv type, const struct tok *dflt)
{
    if (dflt == NULL || !sv_is(type, "boolean") || dflt->kind == TOK_BOOL || dflt->kind == TOK_EXPR)
        return;
    wf_error_at(r, dflt,
                "Unexpected type '%s' encountered while reading 'input default'. The type "
                "'BooleanToken' was expected.",
                dflt->kind == TOK_NUMBER ? "NumberToken" : "StringToken");
}

static void check_dispatch_input(struct wf_reader *r, const struct tok *in)
{
    const struct tok *type = tok_get(in, SV("type")), *options = tok_get(in, SV("options"));
    struct sv kind = type != NULL ? type->text : SV("string");
    bool choice = sv_is(kind, "choice");

    check_default(r, kind, tok_get(in, SV("default")));
    if (choice && (options == NULL || options->n == 0))
        wf_error_at(r, in, "Missing 'options' for choice input");
    if (!choice && options != NULL)
        wf_error_at(r, in, "Input type is not 'choice', but 'options' is defined");
}

static void check_inputs(struct wf_reader *r, const struct tok *event, bool dispatch)
{
    const struct tok *inputs = tok_get(event, SV("inputs"));

    for (size_t i = 0; inputs != NULL && inputs->kind == TOK_MAPPING && i < inputs->n; i++) {
        const struct tok *in = inputs->items[2 * i + 1], *type = tok_get(in, SV("type"));
        if (dispatch && in->kind == TOK_MAPPING)
            check_dispatch_input(r, in);
        else if (type != NULL)
            check_default(r, type->text, tok_get(in, SV("default")));
    }
}

void wf_check_on(struct wf_reader *r, const struct tok *on)
{
    for (size_t i = 0; on->kind == TOK_MAPPING && i < on->n; i++) {
        const struct tok *v = on->items[2 * i + 1];
        struct sv name = on->items[2 * i]->text;
        if (sv_is(name, "schedule"))
            check_schedule(r, v);
        if (sv_is(name, "workflow_dispatch") || sv_is(name, "workflow_call"))
            check_inputs(r, v, sv_is(name, "workflow_dispatch"));
        check_filters(r, v);
    }
}
