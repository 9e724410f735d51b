/* SPDX-License-Identifier: Apache-2.0
 *
 * action.yml (spec expressions 8) and references of `uses` (job-execution 1.8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actions/manifest.h"
#include "actions/names.h"
#include "base/mem.h"

/* One line about everything that a manifest holds. */
static void dump(const struct manifest *m, struct buf *b)
{
    switch (m->using) {
    case MANIFEST_COMPOSITE:
        buf_adds(b, "composite");
        break;
    case MANIFEST_DOCKER:
        buf_addf(b, "docker image=%.*s entry=%.*s args=%zu env=%zu", SV_ARG(m->image),
                 SV_ARG(m->entrypoint), m->args != NULL ? m->args->n : 0,
                 m->env != NULL ? m->env->n : 0);
        break;
    case MANIFEST_NODE:
        buf_addf(b, "node%u main=%.*s pre=%.*s post=%.*s", m->node_version, SV_ARG(m->main),
                 SV_ARG(m->pre), SV_ARG(m->post));
        break;
    case MANIFEST_PLUGIN:
        buf_addf(b, "plugin=%.*s", SV_ARG(m->plugin));
        break;
    }
    buf_addf(b, " pre-if=%.*s post-if=%.*s", SV_ARG(m->pre_if), SV_ARG(m->post_if));
    for (size_t i = 0; i < m->n_inputs; i++) {
        const struct manifest_input *in = &m->inputs[i];
        buf_addf(b, " in:%.*s%s%s%.*s", SV_ARG(in->name), in->required ? "!" : "",
                 in->dflt == NULL             ? ""
                 : in->dflt->kind == TOK_EXPR ? "=$"
                                              : "=",
                 in->dflt != NULL ? (int)in->dflt->text.n : 0,
                 in->dflt != NULL ? in->dflt->text.p : "");
        if (in->deprecation.n > 0)
            buf_addf(b, "(%.*s)", SV_ARG(in->deprecation));
    }
    for (size_t i = 0; i < m->n_outputs; i++)
        buf_addf(b, " out:%.*s%s", SV_ARG(m->outputs[i].name),
                 m->outputs[i].value != NULL ? "=" : "");
    for (size_t i = 0; i < m->n_steps; i++)
        buf_addf(b, " step:%s[%s]", m->steps[i].context_name, m->steps[i].condition);
}

struct manifest_case {
    const char *name, *yaml;
    const char *want;   /* dump, or NULL */
    const char *errors; /* lines */
};
#define R   "runs: {using: node20, main: m.js}\n"
#define IFS " pre-if=always() post-if=always()"
static const struct manifest_case cases[] = {
    {"a node action", "name: n\ndescription: d\n" R, "node20 main=m.js pre= post=" IFS, NULL},
    {"using ignores case", "runs: {using: NODE24, main: m.js}", "node24 main=m.js pre= post=" IFS,
     NULL},
    {"an old node", "runs: {using: node12, main: m.js}", "node12 main=m.js pre= post=" IFS, NULL},
    {"pre and post",
     "runs: {using: node16, main: m, pre: a, post: b, pre-if: 'runner.os', post-if: success()}",
     "node16 main=m pre=a post=b pre-if=runner.os post-if=success()", NULL},
    {"a docker action",
     "runs: {using: docker, image: Dockerfile, entrypoint: e, args: ['${{ inputs.x }}', 1], env: {A: b}}",
     "docker image=Dockerfile entry=e args=2 env=1" IFS, NULL},
    {"a composite action",
     "runs:\n  using: composite\n  steps:\n    - {run: x, shell: bash, id: s, if: \"inputs.x\"}\n    - {uses: a/b@c, "
     "with: {k: '${{ inputs.x }}'}, continue-on-error: true}\n    - {run: y, shell: '${{ inputs.s }}', if: always()}",
     "composite" IFS " step:s[success() && (inputs.x)] step:__a_b[success()] step:__run[always()]",
     NULL},
    {"a default in capitals", "inputs:\n  a: {DEFAULT: true}\n  b: {Default: False}\n" R,
     "node20 main=m.js pre= post=" IFS " in:a=true in:b=false", NULL},
    {"inputs",
     "inputs:\n  a: {required: true, description: d}\n  b: {default: 1}\n  c: {default: true}\n  d: {default: '${{ "
     "github.token }}'}\n  E: {default: x, deprecationMessage: old}\n  f: {DEFAULT: no, DeprecationMessage: m}\n" R,
     "node20 main=m.js pre= post=" IFS
     " in:a! in:b=1 in:c=true in:d=$github.token in:E=x(old) in:f=no(m)",
     NULL},
    {"a plugin of the official runner", "runs: {plugin: p, main: m}", "plugin=p" IFS, NULL},
    {"using before plugin", "runs: {plugin: p, using: node20, main: m.js}",
     "node20 main=m.js pre= post=" IFS, NULL},
    {"a plugin without a name", "runs: {plugin: }", NULL,
     "1:7: Missing 'using' value. 'using' requires 'composite', 'docker', 'node12', 'node16', 'node20' or "
     "'node24'.\n"},
    {"outputs", "outputs: {a: {description: d}, b: {value: '${{ steps.s.outputs.x }}'}}\n" R,
     "node20 main=m.js pre= post=" IFS " out:a out:b=", NULL},
    {"unknown keys are ignored",
     "author: a\nbranding: {icon: x, color: y}\nfoo: [1]\ninputs: {a: {bar: x}}\n"
     "runs: {using: node20, main: m.js, foo: [1]}",
     "node20 main=m.js pre= post=" IFS " in:a", NULL},
    {"known keys in another case are others",
     "Inputs: [a]\nOUTPUTS: x\nruns: {using: composite, Steps: [[a, b]]}", NULL,
     "3:7: Steps are not provided for action 'action.yml'; set 'runs.steps'\n"},
    {"an input whose default is no text", "inputs: {a: {Default: [1]}}\n" R, NULL,
     "1:23: A sequence was not expected\n"},
    {"no runs", "name: n\n", NULL, "1:1: Missing 'runs' in the action manifest 'action.yml'\n"},
    {"no using", "runs: {main: x}", NULL,
     "1:7: Missing 'using' value. 'using' requires 'composite', 'docker', 'node12', 'node16', 'node20' or "
     "'node24'.\n"},
    {"an unknown using", "runs: {using: node99, main: x}", NULL,
     "1:15: 'using: node99' is not supported, use 'docker', 'node12', 'node16', 'node20' or 'node24' instead.\n"},
    {"node without main", "runs: {using: node20}", NULL,
     "1:7: Entry javascript file is not provided for action 'action.yml'; set 'runs.main'\n"},
    {"docker without image", "runs: {using: docker}", NULL,
     "1:7: Image is not provided for action 'action.yml'; set 'runs.image'\n"},
    {"composite without steps", "runs: {using: composite}", NULL,
     "1:7: Steps are not provided for action 'action.yml'; set 'runs.steps'\n"},
    {"a composite run step without shell", "runs: {using: composite, steps: [{run: x}]}", NULL,
     "1:34: Required property is missing: shell\n"},
    {"a key that composite steps lack",
     "runs: {using: composite, steps: [{run: x, shell: s, timeout-minutes: 1}]}", NULL,
     "1:53: Unexpected value 'timeout-minutes'\n"},
    {"a context that composite steps lack",
     "runs: {using: composite, steps: [{run: '${{ secrets.x }}', shell: s}]}", NULL,
     "1:40: Unrecognized named-value: 'secrets'. Located at position 1 within expression: secrets.x\n"},
    {"inputs are not available in defaults", "inputs: {a: {default: '${{ inputs.b }}'}}\n" R, NULL,
     "1:23: Unrecognized named-value: 'inputs'. Located at position 1 within expression: inputs.b\n"},
    {"an input that is null", "inputs: {a: }\n" R, NULL, "1:13: Unexpected value ''\n"},
    {"steps are not available in pre-if", "runs: {using: node20, main: m, pre: p, pre-if: steps.x}",
     NULL,
     "1:48: Unrecognized named-value: 'steps'. Located at position 1 within expression: steps.x\n"},
    {"anchors", "name: &a n\n" R, NULL,
     "1:7: Anchors are not currently supported. Remove the anchor 'a'\n"},
    {"two inputs of one name", "inputs: {a: {}, A: {}}\n" R, NULL,
     "1:17: 'A' is already defined\n"},
    {"a bad reference", "runs: {using: composite, steps: [{uses: a/b}]}", NULL,
     "1:41: Expected format {org}/{repo}[/path]@ref. Actual 'a/b'\n"},
    {"not a mapping", "- a\n", NULL, "1:1: A sequence was not expected\n"},
    {"an empty file", "", NULL, "1:1: Expected document start parse event\n"},
};

static void check(void **state)
{
    const struct manifest_case *c = *state;
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    AUTO(auto_manifest) struct manifest *m = NULL;
    AUTO(buf_free) struct buf b = BUF_INIT(65536);
    struct err e = {0};

    int rc = manifest_parse(sv_of(c->yaml), "action.yml", 3, &m, &errors, &e);
    for (size_t i = 0; i < errors.n; i++)
        buf_addf(&b, "%u:%u: %s\n", errors.v[i].line, errors.v[i].col, errors.v[i].text);
    if (c->errors != NULL) {
        assert_string_equal(b.p, c->errors);
        assert_int_equal(rc, -1);
        assert_null(m);
        return;
    }
    assert_string_equal(b.p, "");
    assert_int_equal(rc, 0);
    assert_int_equal(m->root->file, 3);
    dump(m, &b);
    assert_string_equal(b.p, c->want);
}

/* Depth 100 passes, 101 does not. */
static void nesting_is_limited(void **state)
{
    (void)state;
    for (int levels = 99; levels <= 100; levels++) {
        AUTO(wf_errors_free) struct wf_errors errors = {0};
        AUTO(auto_manifest) struct manifest *m = NULL;
        AUTO(buf_free) struct buf b = BUF_INIT(65536);
        struct err e = {0};
        buf_adds(&b, R "x: ");
        for (int i = 0; i < levels; i++)
            buf_addc(&b, '[');
        for (int i = 0; i < levels; i++)
            buf_addc(&b, ']');
        assert_int_equal(manifest_parse(buf_sv(&b), "a", 1, &m, &errors, &e),
                         levels == 99 ? 0 : -1);
        if (levels == 100)
            assert_string_equal(errors.v[0].text, "Maximum object depth exceeded");
    }
}

static const struct {
    const char *text;
    enum uses_kind kind;
    const char *repository, *ref, *path, *image; /* repository NULL: an error */
} uses_rows[] = {
    {"a/b@v1", USES_REPOSITORY, "a/b", "v1", "", ""},
    {"a/b/c/d@feature/x", USES_REPOSITORY, "a/b", "feature/x", "c/d", ""},
    {"a/b/@v1", USES_REPOSITORY, "a/b", "v1", "", ""},
    {"./x/y", USES_LOCAL, "", "", "./x/y", ""},
    {"./", USES_LOCAL, "", "", "./", ""},
    {".\\x", USES_LOCAL, "", "", ".\\x", ""},
    {"$/x", USES_SELF_REPOSITORY, "", "", "x", ""},
    {"$///x/y", USES_SELF_REPOSITORY, "", "", "x/y", ""},
    {"$/x@v1", USES_SELF_REPOSITORY, NULL, "", "", ""},
    {"docker://alpine:3", USES_DOCKER, "", "", "", "alpine:3"},
    {"docker://", USES_DOCKER, NULL, "", "", ""},
    {"a/b", USES_REPOSITORY, NULL, "", "", ""},
    {"a@v1", USES_REPOSITORY, NULL, "", "", ""},
    {"a/b@", USES_REPOSITORY, NULL, "", "", ""},
    {"@v1", USES_REPOSITORY, NULL, "", "", ""},
    {"a/b@c@d", USES_REPOSITORY, NULL, "", "", ""},
    {"/b@c", USES_REPOSITORY, NULL, "", "", ""},
    {"a//c@d", USES_REPOSITORY, NULL, "", "", ""},
    {"a\\b@c", USES_REPOSITORY, NULL, "", "", ""},
    {"", USES_REPOSITORY, NULL, "", "", ""},
};
static void references_are_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof uses_rows / sizeof uses_rows[0]; i++) {
        struct uses u = {0};
        struct err e = {0};
        int rc = uses_parse(sv_of(uses_rows[i].text), &u, &e);
        if (rc != (uses_rows[i].repository != NULL ? 0 : -1))
            fail_msg("%s: %d", uses_rows[i].text, rc);
        if (uses_rows[i].repository == NULL)
            continue;
        assert_int_equal(u.kind, uses_rows[i].kind);
        assert_true(sv_is(u.repository, uses_rows[i].repository));
        assert_true(sv_is(u.ref, uses_rows[i].ref));
        assert_true(sv_is(u.path, uses_rows[i].path));
        assert_true(sv_is(u.image, uses_rows[i].image));
    }
}

int main(void)
{
    enum { N = sizeof cases / sizeof cases[0], M = 2 };
    struct CMUnitTest tests[N + M] = {cmocka_unit_test(nesting_is_limited),
                                      cmocka_unit_test(references_are_split)};

    for (size_t i = 0; i < N; i++)
        tests[M + i] = (struct CMUnitTest){.name = cases[i].name,
                                           .test_func = check,
                                           .initial_state = (void *)(uintptr_t)&cases[i]};
    return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
