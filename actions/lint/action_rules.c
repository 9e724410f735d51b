/* SPDX-License-Identifier: Apache-2.0
 *
 * Action manifests. Rules: deprecated-node, missing-action-file, missing-output-value, ignored-key, missing-metadata,
 * useless-default, unused-action-input. */
#include "actions/lint/lint_priv.h"
#include "base/mem.h"
#include "base/path.h"

bool lint_in_list(struct sv s, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (sv_is(s, *list))
            return true;
    }
    return false;
}

static void check_keys(struct lint *l, const struct yx_node *map, const char *const *known,
                       const char *where)
{
    for (size_t i = 0; map != NULL && map->kind == YX_MAPPING && i < map->n; i++) {
        const struct yx_node *key = map->items[2 * i];
        if (key->kind != YX_SCALAR || lint_in_list(key->text, known))
            continue;
        const char *meant = nearest_name(key->text, known);
        lint_at(l, &rule_ignored_key, key, "%s has no key '" SV_FMT "': it is ignored%s%s%s", where,
                SV_ARG(key->text), meant != NULL ? "; did you mean '" : "",
                meant != NULL ? meant : "", meant != NULL ? "'?" : "");
    }
}

static void check_file(struct lint *l, const struct yx_node *runs, const char *key)
{
    const struct yx_node *n = lint_get(runs, key);
    const struct lint_source *s = l->o->source;
    struct err e = {0};

    if (s == NULL || n == NULL || n->kind != YX_SCALAR || n->text.n == 0 || lint_has_expr(n) ||
        sv_starts(n->text, SV("docker://")))
        return;
    AUTO(auto_free) char *dir = sv_dup(path_dir(sv_of(l->path)));
    AUTO(auto_free) char *name = sv_dup(n->text);
    AUTO(auto_free) char *joined = strcmp(dir, ".") == 0 ? xstrdup(name) : path_join(dir, name);
    AUTO(auto_free) char *path = path_clean(sv_of(joined));
    AUTO(auto_free) char *text = NULL;
    size_t size;
    if (path[0] == '/' || sv_starts(sv_of(path), SV("..")))
        return;
    if (s->read(s->ctx, path, &text, &size, &e) < 0 && e.code == FAIL_NOTFOUND)
        lint_at(l, &rule_missing_action_file, n, "there is no file '%s'", path);
}

/* Keys of `runs` that mean something to actions of another kind. */
static void check_kind(struct lint *l, const struct yx_node *runs, struct sv using)
{
    static const struct {
        const char *kind, *words;
        const char *keys[12]; /* ended by NULL */
    } foreign[] = {
        {"node",
         "runs on node",
         {"image", "args", "env", "entrypoint", "pre-entrypoint", "post-entrypoint", "steps",
          NULL}},
        {"docker", "runs in a container", {"main", "pre", "post", "steps", NULL}},
        {"composite",
         "is a list of steps",
         {"main", "pre", "pre-if", "post", "post-if", "image", "args", "env", "entrypoint",
          "pre-entrypoint", "post-entrypoint", NULL}},
    };

    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        if (!sv_istarts(using, sv_of(foreign[i].kind)))
            continue;
        for (const char *const *k = foreign[i].keys; *k != NULL; k++) {
            if (lint_key(runs, *k) != NULL)
                lint_at(l, &rule_ignored_key, lint_key(runs, *k),
                        "'%s' means nothing to an action that %s: it is ignored", *k,
                        foreign[i].words);
        }
    }
}

static void check_runs(struct lint *l, const struct yx_node *runs)
{
    static const char *const known[] = {
        "using",           "main",   "pre", "pre-if",     "post",           "post-if",
        "image",           "args",   "env", "entrypoint", "pre-entrypoint", "steps",
        "post-entrypoint", "plugin", NULL};
    const struct yx_node *using = lint_get(runs, "using");

    check_keys(l, runs, known, "'runs'");
    check_kind(l, runs, lint_str(runs, "using"));
    if (using == NULL && lint_get(runs, "plugin") != NULL)
        lint_at(l, &rule_invalid_manifest, lint_key(runs, "plugin"),
                "plugins are of the official runner alone; say 'using'");
    if (using != NULL && (sv_ieq(using->text, SV("node12")) || sv_ieq(using->text, SV("node16"))))
        lint_at(l, &rule_deprecated_node, using,
                "runners no longer have " SV_FMT " and take a newer one; say node20 or node24",
                SV_ARG(using->text));
    check_file(l, runs, "main");
    check_file(l, runs, "pre");
    check_file(l, runs, "post");
    if (using != NULL && sv_ieq(using->text, SV("docker")))
        check_file(l, runs, "image");
}

static void check_outputs(struct lint *l, const struct yx_node *outputs, bool composite)
{
    static const char *const known[] = {"description", "value", NULL};

    for (size_t i = 0; outputs != NULL && outputs->kind == YX_MAPPING && i < outputs->n; i++) {
        check_keys(l, outputs->items[2 * i + 1], known, "an output");
        if (composite && lint_key(outputs->items[2 * i + 1], "value") == NULL)
            lint_at(l, &rule_missing_output_value, outputs->items[2 * i],
                    "output '" SV_FMT
                    "' of a composite action needs a value, or it is always empty",
                    SV_ARG(outputs->items[2 * i]->text));
    }
}

static void check_inputs(struct lint *l, const struct yx_node *inputs)
{
    static const char *const known[] = {"description",        "required", "default",
                                        "deprecationMessage", "type",     NULL};

    for (size_t i = 0; inputs != NULL && inputs->kind == YX_MAPPING && i < inputs->n; i++) {
        const struct yx_node *in = inputs->items[2 * i + 1];
        check_keys(l, in, known, "an input");
        if (lint_is_true(lint_get(in, "required")) && lint_key(in, "default") != NULL &&
            lint_str(in, "default").n > 0)
            lint_at(l, &rule_useless_default, lint_key(in, "default"),
                    "'" SV_FMT "' is required: say which of the two is meant",
                    SV_ARG(inputs->items[2 * i]->text));
    }
}

void lint_manifest(struct lint *l)
{
    static const char *const known[] = {"name",    "description", "author",   "inputs",
                                        "outputs", "runs",        "branding", NULL};
    const struct yx_node *runs = lint_get(l->root, "runs");
    bool composite = sv_ieq(lint_str(runs, "using"), SV("composite"));

    check_keys(l, l->root, known, "an action");
    static const char *const metadata[] = {"name", "description"};
    for (size_t i = 0; i < 2; i++) {
        if (lint_key(l->root, metadata[i]) == NULL)
            lint_at(l, &rule_missing_metadata, l->root, "an action should have a %s", metadata[i]);
    }
    check_runs(l, runs);
    check_outputs(l, lint_get(l->root, "outputs"), composite);
    check_inputs(l, lint_get(l->root, "inputs"));
    lint_branding(l, lint_get(l->root, "branding"));
}
