/* SPDX-License-Identifier: Apache-2.0
 *
 * Does an event start a workflow, and what are the inputs of a manual run (spec expressions 5.2, 5.3, 5.6). */
#include "actions/event.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "actions/workflow_priv.h"
#include "base/mem.h"

/* ---- filters ---- */

static size_t list_size(const struct tok *t)
{
    return t == NULL ? 0 : t->kind == TOK_SEQUENCE ? t->n : 1;
}

static struct sv list_at(const struct tok *t, size_t i)
{
    return t->kind == TOK_SEQUENCE ? t->items[i]->text : t->text;
}

/* The reader checked the patterns, so that a bad one cannot come here; it would match nothing. */
static bool pattern_hits(struct sv pattern, struct sv name)
{
    struct err e;
    bool hit = false;

    return event_pattern(pattern, name, &hit, &e) == 0 && hit;
}

/* The last pattern that matches decides; "!" makes it negative. */
static bool is_included(const struct tok *list, struct sv name)
{
    bool in = false;

    for (size_t i = 0; i < list_size(list); i++) {
        struct sv p = list_at(list, i);
        bool negative = sv_starts(p, SV("!"));
        if (pattern_hits(negative ? sv_sub(p, 1, SV_NPOS) : p, name))
            in = !negative;
    }
    return in;
}

static bool is_ignored(const struct tok *list, struct sv name)
{
    for (size_t i = 0; i < list_size(list); i++) {
        struct sv p = list_at(list, i);
        bool negative = sv_starts(p, SV("!"));
        if (pattern_hits(negative ? sv_sub(p, 1, SV_NPOS) : p, name) != negative)
            return true;
    }
    return false;
}

static void say(char **reason, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(char **reason, const char *fmt, ...)
{
    AUTO(buf_free) struct buf b = BUF_INIT(4096);
    va_list ap;

    if (reason == NULL)
        return;
    va_start(ap, fmt);
    buf_addvf(&b, fmt, ap);
    va_end(ap);
    *reason = xstrdup(b.p);
}

static bool name_passes(const struct tok *cfg, const char *include, const char *ignore,
                        struct sv name, char **reason)
{
    const struct tok *in = tok_get(cfg, sv_of(include)), *out = tok_get(cfg, sv_of(ignore));

    if (in != NULL && !is_included(in, name)) {
        say(reason, "'%.*s' matches no pattern of '%s'", SV_ARG(name), include);
        return false;
    }
    if (out != NULL && is_ignored(out, name)) {
        say(reason, "'%.*s' matches a pattern of '%s'", SV_ARG(name), ignore);
        return false;
    }
    return true;
}

static bool paths_pass(const struct tok *cfg, const struct event *ev, char **reason)
{
    const struct tok *in = tok_get(cfg, SV("paths")), *out = tok_get(cfg, SV("paths-ignore"));
    size_t n = ev->n_paths < EVENT_MAX_PATHS ? ev->n_paths : EVENT_MAX_PATHS;

    if ((in == NULL && out == NULL) || ev->paths == NULL)
        return true;
    for (size_t i = 0; i < n; i++) {
        struct sv path = sv_of(ev->paths[i]);
        if (in != NULL ? is_included(in, path) : !is_ignored(out, path))
            return true;
    }
    say(reason, in != NULL ? "no changed file matches a pattern of 'paths'"
                           : "every changed file matches a pattern of 'paths-ignore'");
    return false;
}

static bool push_passes(const struct tok *cfg, const struct event *ev, char **reason)
{
    bool branches =
        tok_get(cfg, SV("branches")) != NULL || tok_get(cfg, SV("branches-ignore")) != NULL;
    bool tags = tok_get(cfg, SV("tags")) != NULL || tok_get(cfg, SV("tags-ignore")) != NULL;

    if (sv_starts(ev->ref, SV("refs/tags/"))) {
        if (branches && !tags) {
            say(reason, "a tag was pushed and only branches are asked for");
            return false;
        }
        return name_passes(cfg, "tags", "tags-ignore", sv_sub(ev->ref, 10, SV_NPOS), reason);
    }
    if (tags && !branches) {
        say(reason, "a branch was pushed and only tags are asked for");
        return false;
    }
    struct sv name = sv_starts(ev->ref, SV("refs/heads/")) ? sv_sub(ev->ref, 11, SV_NPOS) : ev->ref;
    return name_passes(cfg, "branches", "branches-ignore", name, reason) &&
           paths_pass(cfg, ev, reason);
}

/* Without `types` every activity counts, except for pull requests (5.2). */
static bool type_passes(const struct tok *cfg, const struct event *ev, bool pull, char **reason)
{
    const struct tok *types = tok_get(cfg, SV("types"));

    if (ev->action.n == 0)
        return true;
    if (types == NULL) {
        if (!pull || sv_is(ev->action, "opened") || sv_is(ev->action, "synchronize") ||
            sv_is(ev->action, "reopened"))
            return true;
        say(reason, "activity '%.*s' is not one of opened, synchronize, reopened",
            SV_ARG(ev->action));
        return false;
    }
    for (size_t i = 0; i < list_size(types); i++) {
        if (sv_eq(list_at(types, i), ev->action))
            return true;
    }
    say(reason, "activity '%.*s' is not in 'types'", SV_ARG(ev->action));
    return false;
}

bool event_matches(const struct wf *w, const struct event *ev, char **reason)
{
    const struct tok *cfg = wf_event(w, ev->name);
    bool pull = sv_is(ev->name, "pull_request") || sv_is(ev->name, "pull_request_target");

    if (!wf_has_event(w, ev->name)) {
        AUTO(buf_free) struct buf names = BUF_INIT(1024);
        for (size_t i = 0; i < w->n_events; i++)
            buf_addf(&names, "%s%.*s", i > 0 ? ", " : "", SV_ARG(w->events[i]));
        say(reason, "it does not run on '%.*s' (on: %s)", SV_ARG(ev->name), names.p);
        return false;
    }
    if (!type_passes(cfg, ev, pull, reason))
        return false;
    if (sv_is(ev->name, "push"))
        return push_passes(cfg, ev, reason);
    if (pull)
        return name_passes(cfg, "branches", "branches-ignore", ev->base_ref, reason) &&
               paths_pass(cfg, ev, reason);
    return true;
}

bool event_asks_paths(const struct wf *w, struct sv name)
{
    const struct tok *cfg = wf_event(w, name);

    return cfg != NULL &&
           (tok_get(cfg, SV("paths")) != NULL || tok_get(cfg, SV("paths-ignore")) != NULL);
}

/* ---- workflow_dispatch ---- */

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
