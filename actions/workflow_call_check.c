/* SPDX-License-Identifier: Apache-2.0
 *
 * The inputs and secrets that a job passes against those that the called workflow defines (spec expressions 7.3).
 * Source: actions/runner: src/Sdk/WorkflowParser/Conversion/WorkflowTemplateConverter.cs. */
#include "actions/workflow_priv.h"

static size_t pairs(const struct tok *map)
{
    return map != NULL && map->kind == TOK_MAPPING ? map->n : 0;
}

static bool is_required(const struct tok *definition)
{
    const struct tok *required = tok_get(definition, SV("required"));

    return required != NULL && required->kind == TOK_BOOL && required->b;
}

/* A literal must have the type already: nothing but a string takes other scalars. */
static void check_type(struct wf_reader *r, struct sv type, const struct tok *v)
{
    AUTO(buf_free) struct buf text = BUF_INIT((size_t)4 << 20);

    if (tok_has_expr(v) || sv_is(type, "string") ||
        (sv_is(type, "boolean") && v->kind == TOK_BOOL) ||
        (sv_is(type, "number") && v->kind == TOK_NUMBER))
        return;
    tok_literal_text(v, &text);
    wf_error_at(r, v, "Unexpected value '%s'", text.p);
}

static void check_undefined(struct wf_reader *r, const struct tok *definitions,
                            const struct tok *values, const char *what)
{
    for (size_t i = 0; i < pairs(values); i++) {
        const struct tok *key = values->items[2 * i];
        if (key->kind == TOK_STRING && tok_get(definitions, key->text) == NULL)
            wf_error_at(r, values->items[2 * i + 1],
                        "Invalid %s, " SV_FMT " is not defined in the referenced workflow.", what,
                        SV_ARG(key->text));
    }
}

static void check_inputs(struct wf_reader *r, const struct wf_job *caller,
                         const struct tok *definitions)
{
    for (size_t i = 0; i < pairs(definitions); i++) {
        struct sv name = definitions->items[2 * i]->text;
        const struct tok *d = definitions->items[2 * i + 1];
        const struct tok *type = tok_get(d, SV("type")), *dflt = tok_get(d, SV("default"));
        const struct tok *value = tok_get(caller->with, name);
        if (type == NULL)
            continue; /* the reader of the file has reported it */
        if (dflt != NULL)
            check_type(r, type->text, dflt);
        if (value != NULL)
            check_type(r, type->text, value);
        else if (is_required(d))
            wf_error_at(r, caller->uses_token,
                        "Input " SV_FMT " is required, but not provided while calling.",
                        SV_ARG(name));
    }
    check_undefined(r, definitions, caller->with, "input");
}

static void check_secrets(struct wf_reader *r, const struct wf_job *caller,
                          const struct tok *definitions)
{
    if (caller->secrets_inherit)
        return;
    for (size_t i = 0; i < pairs(definitions); i++) {
        struct sv name = definitions->items[2 * i]->text;
        if (is_required(definitions->items[2 * i + 1]) && tok_get(caller->secrets, name) == NULL)
            wf_error_at(r, caller->uses_token,
                        "Secret " SV_FMT " is required, but not provided while calling.",
                        SV_ARG(name));
    }
    check_undefined(r, definitions, caller->secrets, "secret");
}

static bool names_call(const struct tok *t)
{
    return t->kind == TOK_STRING && sv_is(t->text, "workflow_call");
}

void wf_check_trigger(struct wf_reader *r, const struct wf_job *caller, const struct tok *on)
{
    const struct tok *call = NULL;
    bool found = names_call(on);

    for (size_t i = 0; i < (on->kind == TOK_SEQUENCE ? on->n : 0); i++)
        found = found || names_call(on->items[i]);
    for (size_t i = 0; i < pairs(on); i++) {
        if (names_call(on->items[2 * i])) {
            found = true;
            call = on->items[2 * i + 1];
        }
    }
    if (!found) {
        wf_error_at(r, on, "workflow_call key is not defined in the referenced workflow.");
        return;
    }
    check_inputs(r, caller, tok_get(call, SV("inputs")));
    check_secrets(r, caller, tok_get(call, SV("secrets")));
}
