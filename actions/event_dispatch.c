/* SPDX-License-Identifier: Apache-2.0
 *
 * The inputs of a manual run (spec expressions 5.6). */
#include "actions/event.h"

#include <stdio.h>
#include <stdlib.h>

#include "actions/workflow_priv.h"
#include "base/mem.h"

struct dispatch {
    const struct wf *w;
    struct wf_errors *errors;
    const struct tok *where; /* of what is not about one definition */
};

static void report(struct dispatch *d, const struct tok *where, const char *text, struct sv a,
                   struct sv b)
{
    AUTO(buf_free) struct buf out = BUF_INIT(8192);

    for (; *text != '\0'; text++) {
        if (*text == '1')
            buf_addsv(&out, a);
        else if (*text == '2')
            buf_addsv(&out, b);
        else
            buf_addc(&out, *text);
    }
    wf_errors_addf(d->errors, d->w->file, where->line, where->col, "%s", out.p);
}

static struct sv type_of(const struct tok *def)
{
    const struct tok *t = tok_get(def, SV("type"));

    return t != NULL ? t->text : SV("string");
}

/* What an input is when it was not given. */
static void default_text(const struct tok *def, struct buf *b)
{
    const struct tok *dflt = tok_get(def, SV("default")), *options = tok_get(def, SV("options"));
    struct sv type = type_of(def);

    if (dflt != NULL)
        tok_literal_text(dflt, b);
    else if (sv_is(type, "boolean"))
        buf_adds(b, "false");
    else if (sv_is(type, "number"))
        buf_adds(b, "0");
    else if (sv_is(type, "choice") && options != NULL && options->n > 0)
        buf_addsv(b, options->items[0]->text);
}

static bool is_number(struct sv s)
{
    AUTO(auto_val) struct val *v = val_string(s);
    double d = val_to_number(v);

    return sv_trim(s).n > 0 && (d <= 0 || d > 0); /* not NaN */
}

static void set_input(struct dispatch *d, const struct tok *name, const struct tok *def,
                      struct sv text, struct val *inputs)
{
    struct sv type = type_of(def);
    const struct tok *options = tok_get(def, SV("options"));
    bool ok = !sv_is(type, "choice");

    if (sv_is(type, "boolean")) {
        if (!sv_is(text, "true") && !sv_is(text, "false")) {
            report(d, name, "Provided value '1' for input '2' is not a boolean; use true or false",
                   text, name->text);
            return;
        }
        val_set(inputs, name->text, val_bool(sv_is(text, "true")));
        return;
    }
    if (sv_is(type, "number") && !is_number(text)) {
        report(d, name, "Provided value '1' for input '2' is not a number", text, name->text);
        return;
    }
    for (size_t i = 0; !ok && options != NULL && i < options->n; i++)
        ok = sv_eq(options->items[i]->text, text);
    if (!ok) {
        report(d, name, "Provided value '1' for input '2' not in the list of allowed values", text,
               name->text);
        return;
    }
    val_set(inputs, name->text, val_string(text)); /* numbers stay texts (5.6) */
}

static void read_definition(struct dispatch *d, const struct tok *name, const struct tok *def,
                            const struct val *given, struct val *inputs)
{
    const struct val *v = given != NULL ? val_get(given, name->text) : NULL;
    const struct tok *required = tok_get(def, SV("required"));
    AUTO(buf_free) struct buf text = BUF_INIT(1U << 20);

    if (v != NULL) {
        set_input(d, name, def, val_get_string(v), inputs);
        return;
    }
    if (required != NULL && required->b && tok_get(def, SV("default")) == NULL) {
        report(d, name, "Required input '1' not provided", name->text, SV(""));
        return;
    }
    default_text(def, &text);
    set_input(d, name, def, buf_sv(&text), inputs);
}

int event_dispatch_inputs(const struct wf *w, const struct val *given, struct val **inputs,
                          struct wf_errors *errors, struct err *e)
{
    const struct tok *defs = tok_get(wf_event(w, SV("workflow_dispatch")), SV("inputs"));
    struct dispatch d = {.w = w, .errors = errors, .where = w->on};
    AUTO(auto_val) struct val *out = val_object();
    size_t before = errors->n;

    if (!wf_has_event(w, SV("workflow_dispatch")))
        return err_set(e, FAIL_INPUT, "'%.200s' has no workflow_dispatch trigger", w->file);
    for (size_t i = 0; defs != NULL && defs->kind == TOK_MAPPING && i < defs->n; i++)
        read_definition(&d, defs->items[2 * i], defs->items[2 * i + 1], given, out);
    for (size_t i = 0; given != NULL && i < val_count(given); i++) {
        if (tok_get(defs, val_key_at(given, i)) == NULL)
            report(&d, d.where, "Unexpected inputs provided: [\"1\"]", val_key_at(given, i),
                   SV(""));
    }
    if (errors->n > before)
        return err_set(e, FAIL_INPUT, "%zu error%s in the inputs of '%.200s'", errors->n - before,
                       errors->n - before == 1 ? "" : "s", w->file);
    *inputs = TAKE_PTR(out);
    return 0;
}
