/* SPDX-License-Identifier: Apache-2.0
 *
 * `events` of the editor's template. Source: actions/languageservices:
 * workflow-parser/src/model/converter/{events,workflow-call,workflow-dispatch}.ts. */
#include <jansson.h>

#include "actions/token_priv.h"
#include "actions/workflow_json.h"

static void put(json_t *o, struct sv key, json_t *own)
{
    (void)json_object_set_new(o, key.p, own); /* texts of tokens end with a NUL */
}

static json_t *list(const struct tok *t)
{
    json_t *a = json_array();

    for (size_t i = 0; i < (t->kind == TOK_SEQUENCE ? t->n : 1); i++)
        (void)json_array_append_new(
            a, jx_str_new(t->kind == TOK_SEQUENCE ? t->items[i]->text : t->text));
    return a;
}

/* A filter and its opposite stand together, in the order of the file. */
static void put_filter(json_t *o, const struct tok *event, struct sv name, struct sv opposite)
{
    for (size_t i = 0; i < event->n; i++) {
        struct sv key = event->items[2 * i]->text;
        if (sv_eq(key, name) || (opposite.n > 0 && sv_eq(key, opposite)))
            put(o, key, list(event->items[2 * i + 1]));
    }
}

static json_t *scalar(const struct tok *t)
{
    AUTO(auto_tok) struct tok *copy = tok_make(t->kind, t->text);

    copy->b = t->b;
    copy->num = t->num;
    return tok_to_json(copy);
}

/* Defaults of numbers are dropped, as the editor does. */
static bool default_is_kept(struct sv type, const struct tok *dflt)
{
    return dflt->kind != TOK_EXPR && !sv_is(type, "number");
}

static json_t *input(const struct tok *t)
{
    const struct tok *type = tok_get(t, SV("type")), *dflt = tok_get(t, SV("default"));
    struct sv kind = type != NULL ? type->text : SV("string");
    json_t *o = json_object();

    /* the editor's parser has no type "number": the member is absent */
    if (!sv_is(kind, "number"))
        put(o, SV("type"), jx_str_new(kind));
    for (size_t i = 0; t->kind == TOK_MAPPING && i < t->n; i++) {
        struct sv key = t->items[2 * i]->text;
        const struct tok *v = t->items[2 * i + 1];
        if (sv_is(key, "description") || sv_is(key, "required"))
            put(o, key, scalar(v));
        if (sv_is(key, "options"))
            put(o, key, list(v));
    }
    if (dflt != NULL && default_is_kept(kind, dflt))
        put(o, SV("default"), scalar(dflt));
    return o;
}

static json_t *secret(const struct tok *t)
{
    json_t *o = json_object();

    for (size_t i = 0; t->kind == TOK_MAPPING && i < t->n; i++)
        put(o, t->items[2 * i]->text, scalar(t->items[2 * i + 1]));
    return o;
}

static json_t *each(const struct tok *map, json_t *(*one)(const struct tok *t))
{
    json_t *o = json_object();

    for (size_t i = 0; map->kind == TOK_MAPPING && i < map->n; i++)
        put(o, map->items[2 * i]->text, one(map->items[2 * i + 1]));
    return o;
}

static json_t *inputs(const struct tok *event)
{
    json_t *o = json_object();

    for (size_t i = 0; i < event->n; i++) {
        struct sv key = event->items[2 * i]->text;
        if (sv_is(key, "inputs"))
            put(o, key, each(event->items[2 * i + 1], input));
        if (sv_is(key, "secrets"))
            put(o, key, each(event->items[2 * i + 1], secret));
    }
    return o;
}

static json_t *schedule(const struct tok *t)
{
    json_t *a = json_array();

    for (size_t i = 0; i < t->n; i++)
        (void)json_array_append_new(a, secret(t->items[i])); /* cron, timezone: plain members */
    return a;
}

static json_t *event(struct sv name, const struct tok *t)
{
    json_t *o;

    if (sv_is(name, "schedule") && t->kind == TOK_SEQUENCE)
        return schedule(t);
    if (t->kind != TOK_MAPPING)
        return json_object();
    if (sv_is(name, "workflow_call") || sv_is(name, "workflow_dispatch"))
        return inputs(t);
    o = json_object();
    put_filter(o, t, SV("branches"), SV("branches-ignore"));
    put_filter(o, t, SV("tags"), SV("tags-ignore"));
    put_filter(o, t, SV("paths"), SV("paths-ignore"));
    put_filter(o, t, SV("types"), SV(""));
    put_filter(o, t, SV("versions"), SV(""));
    put_filter(o, t, SV("names"), SV(""));
    put_filter(o, t, SV("workflows"), SV(""));
    return o;
}

json_t *wf_events_to_json(const struct wf *w)
{
    const struct tok *on = w->on;
    json_t *o = json_object();

    for (size_t i = 0; i < w->n_events; i++)
        put(o, w->events[i], json_object());
    for (size_t i = 0; on->kind == TOK_MAPPING && i < on->n; i++)
        put(o, on->items[2 * i]->text, event(on->items[2 * i]->text, on->items[2 * i + 1]));
    return o;
}
