/* SPDX-License-Identifier: Apache-2.0
 *
 * action.yml: schema and model (spec expressions 8). Unknown keys are ignored, as the runner does; unknown keys of
 * composite steps are errors.
 * Source: actions/runner: src/Runner.Worker/{action_yaml.json,ActionManifestManager.cs}. */
#include "actions/manifest.h"

#include <stdlib.h>

#include "actions/workflow_priv.h"
#include "base/mem.h"

#define MAX_DEPTH 100U /* ActionManifestManager.cs */

#define ONE_OF(...) ((const struct schema *const[]){__VA_ARGS__, NULL})
#define PROPS(...)  ((const struct schema_property[]){__VA_ARGS__, {NULL, NULL, false}})
/* Other keys: any value, ignored. */
#define LOOSE(ctx, ...)                                                                       \
    {                                                                                         \
        .kind = SCHEMA_MAPPING, .context = (ctx), .key = &schema_string, .item = &schema_any, \
        .props = PROPS(__VA_ARGS__)                                                           \
    }

static const struct schema input_default = {.kind = SCHEMA_STRING,
                                            .context = CX_GITHUB | CX_STRATEGY | CX_MATRIX |
                                                       CX_JOB | CX_RUNNER | CX_HASHFILES};
/* Keys of an input are found without regard to case, so their types are checked in read_input. */
static const struct schema input_value = {.kind = SCHEMA_ONE_OF,
                                          .context = CX_GITHUB | CX_STRATEGY | CX_MATRIX | CX_JOB |
                                                     CX_RUNNER | CX_HASHFILES,
                                          .one_of = ONE_OF(&schema_string, &schema_bool)};
static const struct schema input = {.kind = SCHEMA_MAPPING,
                                    .key = &schema_string,
                                    .item = &input_value,
                                    .props = PROPS({"description", &schema_string, false},
                                                   {"required", &schema_bool, false},
                                                   {"default", &input_default, false},
                                                   {"deprecationMessage", &schema_string, false})};
static const struct schema inputs = {.kind = SCHEMA_MAPPING, .key = &schema_name, .item = &input};

static const struct schema output_value = {.kind = SCHEMA_STRING,
                                           .context = CX_GITHUB | CX_STRATEGY | CX_MATRIX |
                                                      CX_STEPS | CX_INPUTS | CX_JOB | CX_RUNNER |
                                                      CX_ENV};
static const struct schema output =
    LOOSE(SET_NONE, {"description", &schema_string, false}, {"value", &output_value, false});
static const struct schema outputs = {.kind = SCHEMA_MAPPING, .key = &schema_name, .item = &output};

/* composite steps (8.3) */
static const struct schema comp_string = {.kind = SCHEMA_STRING, .context = SET_COMP};
static const struct schema comp_bool = {.kind = SCHEMA_BOOL, .context = SET_COMP};
static const struct schema comp_if = {.kind = SCHEMA_STRING, .context = SET_COMP | CX_STATUS};
static const struct schema comp_map = {
    .kind = SCHEMA_MAPPING, .context = SET_COMP, .key = &schema_name, .item = &schema_string};
static const struct schema comp_run = {
    .kind = SCHEMA_MAPPING,
    .props = PROPS({"name", &comp_string, false}, {"id", &schema_name, false},
                   {"if", &comp_if, false}, {"run", &comp_string, true}, {"env", &comp_map, false},
                   {"continue-on-error", &comp_bool, false},
                   {"working-directory", &comp_string, false}, {"shell", &comp_string, true})};
static const struct schema comp_uses = {
    .kind = SCHEMA_MAPPING,
    .props =
        PROPS({"name", &comp_string, false}, {"id", &schema_name, false}, {"if", &comp_if, false},
              {"uses", &schema_name, true}, {"with", &comp_map, false},
              {"continue-on-error", &comp_bool, false}, {"env", &comp_map, false})};
static const struct schema comp_step = {.kind = SCHEMA_ONE_OF,
                                        .one_of = ONE_OF(&comp_run, &comp_uses)};
static const struct schema comp_steps = {.kind = SCHEMA_SEQUENCE, .item = &comp_step};

static const struct schema docker_string = {.kind = SCHEMA_STRING, .context = CX_INPUTS};
static const struct schema docker_args = {.kind = SCHEMA_SEQUENCE, .item = &docker_string};
static const struct schema docker_env = {
    .kind = SCHEMA_MAPPING, .context = CX_INPUTS, .key = &schema_name, .item = &schema_string};
static const struct schema runs =
    LOOSE(SET_NONE, {"using", &schema_string, false}, {"main", &schema_string, false},
          {"pre", &schema_string, false}, {"pre-if", &schema_string, false},
          {"post", &schema_string, false}, {"post-if", &schema_string, false},
          {"image", &schema_string, false}, {"entrypoint", &schema_string, false},
          {"pre-entrypoint", &schema_string, false}, {"post-entrypoint", &schema_string, false},
          {"args", &docker_args, false}, {"env", &docker_env, false}, {"steps", &comp_steps, false},
          {"plugin", &schema_string, false});
const struct schema schema_action =
    LOOSE(SET_NONE, {"name", &schema_string, false}, {"description", &schema_string, false},
          {"inputs", &inputs, false}, {"outputs", &outputs, false}, {"runs", &runs, false});

void manifest_free(struct manifest *m)
{
    if (m == NULL)
        return;
    wf_steps_free(m->steps, m->n_steps);
    free(m->inputs);
    free(m->outputs);
    tok_free(m->root);
    free(m);
}

void auto_manifest(struct manifest **m)
{
    manifest_free(*m);
    *m = NULL;
}

/* Known keys are those of this very spelling; others were read as any value. */
static struct tok *get(const struct tok *map, const char *key)
{
    for (size_t i = 0; i < map->n; i++) {
        if (sv_is(map->items[2 * i]->text, key))
            return map->items[2 * i + 1];
    }
    return NULL;
}

static struct sv text_of(const struct tok *map, const char *key)
{
    const struct tok *t = get(map, key);

    return t != NULL && t->kind == TOK_STRING ? t->text : SV("");
}

static void read_input(struct manifest_input *in, const struct tok *key, const struct tok *map)
{
    const struct tok *required = get(map, "required");
    /* The runner finds these two without regard to case (8.1). */
    const struct tok *ignoring_case = tok_get(map, SV("deprecationMessage"));

    *in = (struct manifest_input){
        .name = key->text,
        .dflt = tok_get(map, SV("default")),
        .deprecation = ignoring_case != NULL && ignoring_case->kind == TOK_STRING
                           ? ignoring_case->text
                           : SV(""),
    };
    if (required != NULL && required->kind == TOK_BOOL)
        in->required = required->b;
    if (in->dflt != NULL && in->dflt->kind == TOK_BOOL) { /* spelled DEFAULT: not converted above */
        in->dflt->kind = TOK_STRING;
        in->dflt->text = in->dflt->b ? SV("true") : SV("false");
    }
}

static void read_inputs(struct manifest *m)
{
    const struct tok *map = get(m->root, "inputs");

    if (map != NULL) {
        m->inputs = xcalloc(map->n > 0 ? map->n : 1, sizeof *m->inputs);
        for (size_t i = 0; i < map->n; i++)
            read_input(&m->inputs[m->n_inputs++], map->items[2 * i], map->items[2 * i + 1]);
    }
    map = get(m->root, "outputs");
    if (map != NULL) {
        m->outputs = xcalloc(map->n > 0 ? map->n : 1, sizeof *m->outputs);
        for (size_t i = 0; i < map->n; i++)
            m->outputs[m->n_outputs++] = (struct manifest_output){
                .name = map->items[2 * i]->text,
                .value = get(map->items[2 * i + 1], "value"),
            };
    }
}

/* pre-if and post-if are not wrapped in success() and default to always() (8.2). */
static void check_run_if(struct wf_reader *r, const struct tok *runs_map, const char *key,
                         struct sv *out)
{
    const struct tok *t = get(runs_map, key);
    AUTO(buf_free) struct buf why = BUF_INIT(WF_MAX_REASON);
    struct wf_names names;

    *out = SV("always()");
    if (t == NULL || sv_trim(t->text).n == 0)
        return;
    wf_names_init(&names, (SET_COMP & ~(unsigned)CX_STEPS) | CX_STATUS);
    if (tok_check_expr(t->text, &names.names, &why) < 0)
        wf_error_at(r, t, "%s", why.p);
    *out = t->text;
}

static void read_node(struct wf_reader *r, struct manifest *m, const struct tok *runs_map)
{
    m->main = text_of(runs_map, "main");
    m->pre = text_of(runs_map, "pre");
    m->post = text_of(runs_map, "post");
    if (m->main.n == 0)
        wf_error_at(r, runs_map,
                    "Entry javascript file is not provided for action '%s'; set 'runs.main'",
                    r->file);
}

static void read_docker(struct wf_reader *r, struct manifest *m, const struct tok *runs_map)
{
    m->image = text_of(runs_map, "image");
    m->entrypoint = text_of(runs_map, "entrypoint");
    m->pre_entrypoint = text_of(runs_map, "pre-entrypoint");
    m->post_entrypoint = text_of(runs_map, "post-entrypoint");
    m->args = get(runs_map, "args");
    m->env = get(runs_map, "env");
    if (m->image.n == 0)
        wf_error_at(r, runs_map, "Image is not provided for action '%s'; set 'runs.image'",
                    r->file);
}

static void read_composite(struct wf_reader *r, struct manifest *m, const struct tok *runs_map)
{
    const struct tok *steps = get(runs_map, "steps");

    if (steps == NULL) {
        wf_error_at(r, runs_map, "Steps are not provided for action '%s'; set 'runs.steps'",
                    r->file);
        return;
    }
    wf_convert_steps(r, steps, SET_COMP | CX_STATUS, &m->steps, &m->n_steps);
}

static void read_runs(struct wf_reader *r, struct manifest *m)
{
    static const struct {
        const char *name;
        unsigned version;
    } nodes[] = {{"node12", 12}, {"node16", 16}, {"node20", 20}, {"node24", 24}};
    const struct tok *map = get(m->root, "runs");

    if (map == NULL) {
        wf_error_at(r, m->root, "Missing 'runs' in the action manifest '%s'", r->file);
        return;
    }
    check_run_if(r, map, "pre-if", &m->pre_if);
    check_run_if(r, map, "post-if", &m->post_if);
    const struct tok *using = get(map, "using");
    struct sv kind = using != NULL ? using->text : SV("");
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++) {
        if (sv_ieq(kind, sv_of(nodes[i].name))) {
            m->using = MANIFEST_NODE;
            m->node_version = nodes[i].version;
            read_node(r, m, map);
            return;
        }
    }
    if (sv_ieq(kind, SV("docker"))) {
        m->using = MANIFEST_DOCKER;
        read_docker(r, m, map);
    } else if (sv_ieq(kind, SV("composite"))) {
        m->using = MANIFEST_COMPOSITE;
        read_composite(r, m, map);
    } else if (using == NULL && text_of(map, "plugin").n > 0) {
        m->using = MANIFEST_PLUGIN;
        m->plugin = text_of(map, "plugin");
    } else if (using == NULL) {
        wf_error_at(
            r, map,
            "Missing 'using' value. 'using' requires 'composite', 'docker', 'node12', 'node16', 'node20' or 'node24'.");
    } else {
        wf_error_at(
            r, using,
            "'using: %.*s' is not supported, use 'docker', 'node12', 'node16', 'node20' or 'node24' instead.",
            SV_ARG(kind));
    }
}

static int parse(struct sv yaml, const char *file, unsigned file_index, bool go_on,
                 struct manifest **out, struct wf_errors *errors, struct err *e)
{
    AUTO(auto_manifest) struct manifest *m = xcalloc(1, sizeof *m);
    struct wf_options o = wf_default_options;
    struct wf_reader r = {.file = file, .index = file_index, .errors = errors, .opt = &o};

    o.max_depth = MAX_DEPTH;
    m->root = wf_read_text(&r, yaml, &schema_action, false);
    errors->of_schema = errors->n;
    /* what the schema refuses is an empty token: conversion finds no more in it */
    if (m->root != NULL && (errors->n == 0 || (go_on && !r.stopped))) {
        m->name = text_of(m->root, "name");
        m->description = text_of(m->root, "description");
        read_inputs(m);
        read_runs(&r, m);
    }
    if (errors->n > 0)
        return err_set(e, FAIL_INPUT, "%zu error%s in '%.200s'", errors->n,
                       errors->n == 1 ? "" : "s", file);
    *out = TAKE_PTR(m);
    return 0;
}

int manifest_parse(struct sv yaml, const char *file, unsigned file_index, struct manifest **out,
                   struct wf_errors *errors, struct err *e)
{
    return parse(yaml, file, file_index, false, out, errors, e);
}

int manifest_parse_all(struct sv yaml, const char *file, struct manifest **out,
                       struct wf_errors *errors, struct err *e)
{
    return parse(yaml, file, 1, true, out, errors, e);
}
