/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules and what --explain says about them: expressions. */
#include "actions/lint/rules.h"

const struct lint_rule rule_expression_syntax = {
    .id = "expression-syntax",
    .level = LINT_ERROR,
    .summary = "An expression that cannot be parsed",
    .why = "Texts stand in single quotes, there is no arithmetic, and every bracket needs "
           "its partner.",
    .scope = LINT_STEPS,
    .bad = "- run: echo ${{ github.ref == \"main\" }}\n",
    .good = "- run: echo ${{ github.ref == 'main' }}\n",
};
const struct lint_rule rule_expression_not_allowed = {
    .id = "expression-not-allowed",
    .level = LINT_ERROR,
    .summary = "An expression where none is read",
    .why = "ids, uses, needs, on and shell of a workflow take literal values only.",
    .scope = LINT_STEPS,
    .bad = "- uses: actions/checkout@${{ github.ref }}\n",
    .good = "- uses: actions/checkout@v4\n",
};
const struct lint_rule rule_expression_too_long = {
    .id = "expression-too-long",
    .level = LINT_ERROR,
    .summary = "A text with expressions is longer than 21,000 characters",
    .why = "A script with one ${{ }} in it becomes one long expression, which has this "
           "limit; GitHub refuses the file.",
    .scope = LINT_STEPS,
    .bad = "- run: |\n"
           "    echo ${{ github.sha }}\n"
           "    # and 21,000 characters more\n",
    .good = "- run: |\n"
            "    echo \"$SHA\"\n"
            "    # and 21,000 characters more\n"
            "  env:\n"
            "    SHA: ${{ github.sha }}\n",
};
const struct lint_rule rule_function_arguments = {
    .id = "function-arguments",
    .level = LINT_ERROR,
    .summary = "A function with too many or too few arguments",
    .why = "The number of arguments is checked before a workflow starts.",
    .scope = LINT_STEPS,
    .bad = "- if: contains(github.ref)\n"
           "  run: make\n",
    .good = "- if: contains(github.ref, 'release')\n"
            "  run: make\n",
};
const struct lint_rule rule_unknown_context = {
    .id = "unknown-context",
    .level = LINT_ERROR,
    .summary = "There is no context of this name",
    .why = "A word without quotes is the name of a context.",
    .scope = LINT_STEPS,
    .bad = "- if: github.ref == main\n"
           "  run: make\n",
    .good = "- if: github.ref == 'main'\n"
            "  run: make\n",
};
const struct lint_rule rule_unavailable_context = {
    .id = "unavailable-context",
    .level = LINT_ERROR,
    .summary = "A context that cannot be read at this place",
    .why = "Each key knows some contexts only; matrix, for example, does not exist yet "
           "when a job's if is decided.",
    .scope = LINT_JOB,
    .bad = "if: matrix.os == 'linux'\n"
           "runs-on: ubuntu-latest\n"
           "strategy:\n"
           "  matrix:\n"
           "    os: [linux]\n"
           "steps:\n"
           "  - run: make\n",
    .good = "runs-on: ubuntu-latest\n"
            "strategy:\n"
            "  matrix:\n"
            "    os: [linux]\n"
            "steps:\n"
            "  - if: matrix.os == 'linux'\n"
            "    run: make\n",
};
const struct lint_rule rule_secrets_in_if = {
    .id = "secrets-in-if",
    .level = LINT_ERROR,
    .summary = "secrets cannot be read in if",
    .why = "Put the secret into a variable of the job or step and compare that.",
    .scope = LINT_STEPS,
    .bad = "- if: secrets.TOKEN != ''\n"
           "  run: make\n",
    .good = "- if: env.TOKEN != ''\n"
            "  env:\n"
            "    TOKEN: ${{ secrets.TOKEN }}\n"
            "  run: make\n",
};
const struct lint_rule rule_unknown_function = {
    .id = "unknown-function",
    .level = LINT_ERROR,
    .summary = "There is no function of this name",
    .why = "The functions are contains, startsWith, endsWith, format, join, toJSON, "
           "fromJSON, case, hashFiles, success, failure, always and cancelled.",
    .scope = LINT_STEPS,
    .bad = "- run: echo ${{ toUpper(github.ref) }}\n",
    .good = "- run: echo ${{ toJSON(github.ref) }}\n",
};
const struct lint_rule rule_unavailable_function = {
    .id = "unavailable-function",
    .level = LINT_ERROR,
    .summary = "A function that does not work at this place",
    .why = "success(), failure(), always() and cancelled() belong into if, hashFiles() "
           "into steps.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-latest\n"
           "env:\n"
           "  KEY: ${{ hashFiles('go.sum') }}\n"
           "steps:\n"
           "  - run: make\n",
    .good = "runs-on: ubuntu-latest\n"
            "steps:\n"
            "  - run: make\n"
            "    env:\n"
            "      KEY: ${{ hashFiles('go.sum') }}\n",
};
const struct lint_rule rule_unknown_property = {
    .id = "unknown-property",
    .level = LINT_WARNING,
    .summary = "A context has no property of this name",
    .why = "The value is always null, which is not an error for GitHub.",
    .scope = LINT_STEPS,
    .bad = "- run: echo ${{ github.branch }}\n",
    .good = "- run: echo ${{ github.workflow }}\n",
};
const struct lint_rule rule_unknown_need = {
    .id = "unknown-need",
    .level = LINT_WARNING,
    .summary = "A job that is not in needs",
    .why = "Only jobs that are named in needs are in the context, and their results are "
           "known.",
    .scope = LINT_JOBS,
    .bad = "build:\n"
           "  runs-on: ubuntu-latest\n"
           "  steps:\n"
           "    - run: make\n"
           "test:\n"
           "  runs-on: ubuntu-latest\n"
           "  steps:\n"
           "    - run: echo ${{ needs.build.result }}\n",
    .good = "build:\n"
            "  runs-on: ubuntu-latest\n"
            "  steps:\n"
            "    - run: make\n"
            "test:\n"
            "  needs: build\n"
            "  runs-on: ubuntu-latest\n"
            "  steps:\n"
            "    - run: echo ${{ needs.build.result }}\n",
};
const struct lint_rule rule_unknown_job_output = {
    .id = "unknown-job-output",
    .level = LINT_WARNING,
    .summary = "An output that the job does not set",
    .why = "The value is always empty.",
    .scope = LINT_JOBS,
    .bad = "build:\n"
           "  runs-on: ubuntu-latest\n"
           "  outputs:\n"
           "    tag: ${{ github.sha }}\n"
           "  steps:\n"
           "    - run: make\n"
           "test:\n"
           "  needs: build\n"
           "  runs-on: ubuntu-latest\n"
           "  steps:\n"
           "    - run: echo ${{ needs.build.outputs.version }}\n",
    .good = "build:\n"
            "  runs-on: ubuntu-latest\n"
            "  outputs:\n"
            "    tag: ${{ github.sha }}\n"
            "  steps:\n"
            "    - run: make\n"
            "test:\n"
            "  needs: build\n"
            "  runs-on: ubuntu-latest\n"
            "  steps:\n"
            "    - run: echo ${{ needs.build.outputs.tag }}\n",
};
const struct lint_rule rule_unknown_job = {
    .id = "unknown-job",
    .level = LINT_WARNING,
    .summary = "An output of a called workflow reads a job that does not exist",
    .why = "The value is always empty.",
    .scope = LINT_WORKFLOW,
    .bad = "on:\n"
           "  workflow_call:\n"
           "    outputs:\n"
           "      tag:\n"
           "        value: ${{ jobs.biuld.outputs.tag }}\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    outputs:\n"
           "      tag: ${{ github.sha }}\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on:\n"
            "  workflow_call:\n"
            "    outputs:\n"
            "      tag:\n"
            "        value: ${{ jobs.build.outputs.tag }}\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    outputs:\n"
            "      tag: ${{ github.sha }}\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_unknown_step = {
    .id = "unknown-step",
    .level = LINT_WARNING,
    .summary = "No step of the job has this id",
    .why = "The value is always null.",
    .scope = LINT_STEPS,
    .bad = "- id: build\n"
           "  run: make\n"
           "- run: echo ${{ steps.biuld.outcome }}\n",
    .good = "- id: build\n"
            "  run: make\n"
            "- run: echo ${{ steps.build.outcome }}\n",
};
const struct lint_rule rule_step_order = {
    .id = "step-order",
    .level = LINT_WARNING,
    .summary = "A step reads results of itself or of a later step",
    .why = "They do not exist yet; the value is null.",
    .scope = LINT_STEPS,
    .bad = "- run: echo ${{ steps.build.outcome }}\n"
           "- id: build\n"
           "  run: make\n",
    .good = "- id: build\n"
            "  run: make\n"
            "- run: echo ${{ steps.build.outcome }}\n",
};
const struct lint_rule rule_unknown_step_output = {
    .id = "unknown-step-output",
    .level = LINT_WARNING,
    .summary = "The action does not declare this output",
    .why = "The value is always empty. Local actions and some that very many workflows use are "
           "known; others are not checked.",
    .scope = LINT_STEPS,
    .bad = "- uses: actions/checkout@v4\n"
           "- id: build\n"
           "  uses: ./lint-example\n"
           "  with:\n"
           "    level: low\n"
           "- run: echo ${{ steps.build.outputs.version }}\n",
    .good = "- uses: actions/checkout@v4\n"
            "- id: build\n"
            "  uses: ./lint-example\n"
            "  with:\n"
            "    level: low\n"
            "- run: echo ${{ steps.build.outputs.tag }}\n",
};
const struct lint_rule rule_unknown_matrix_key = {
    .id = "unknown-matrix-key",
    .level = LINT_WARNING,
    .summary = "The matrix has no such key",
    .why = "The value is always null.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-latest\n"
           "strategy:\n"
           "  matrix:\n"
           "    node: [20, 24]\n"
           "steps:\n"
           "  - run: echo ${{ matrix.version }}\n",
    .good = "runs-on: ubuntu-latest\n"
            "strategy:\n"
            "  matrix:\n"
            "    node: [20, 24]\n"
            "steps:\n"
            "  - run: echo ${{ matrix.node }}\n",
};
const struct lint_rule rule_unknown_input = {
    .id = "unknown-input",
    .level = LINT_WARNING,
    .summary = "The workflow or action has no such input",
    .why = "The value is always null. Inputs are declared under workflow_dispatch, "
           "workflow_call or, in an action, inputs.",
    .scope = LINT_WORKFLOW,
    .bad = "on:\n"
           "  workflow_dispatch:\n"
           "    inputs:\n"
           "      level:\n"
           "        type: string\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n"
           "        env:\n"
           "          LEVEL: ${{ inputs.levle }}\n",
    .good = "on:\n"
            "  workflow_dispatch:\n"
            "    inputs:\n"
            "      level:\n"
            "        type: string\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n"
            "        env:\n"
            "          LEVEL: ${{ inputs.level }}\n",
};
const struct lint_rule rule_undeclared_secret = {
    .id = "undeclared-secret",
    .level = LINT_WARNING,
    .summary = "A called workflow reads a secret that it does not declare",
    .why = "A caller can only pass declared secrets, unless it says inherit.",
    .scope = LINT_WORKFLOW,
    .bad = "on:\n"
           "  workflow_call:\n"
           "    secrets:\n"
           "      token:\n"
           "        required: true\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n"
           "        env:\n"
           "          KEY: ${{ secrets.key }}\n",
    .good = "on:\n"
            "  workflow_call:\n"
            "    secrets:\n"
            "      token:\n"
            "        required: true\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n"
            "        env:\n"
            "          KEY: ${{ secrets.token }}\n",
};
const struct lint_rule rule_wrong_value_type = {
    .id = "wrong-value-type",
    .level = LINT_ERROR,
    .summary = "An expression gives another type than its key takes",
    .why = "There is no conversion from text to a boolean or a number, nor from an object "
           "to a text: the job fails when the value is computed.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-latest\n"
           "timeout-minutes: ${{ vars.TIMEOUT }}\n"
           "steps:\n"
           "  - run: make\n",
    .good = "runs-on: ubuntu-latest\n"
            "timeout-minutes: ${{ fromJSON(vars.TIMEOUT) }}\n"
            "steps:\n"
            "  - run: make\n",
};
const struct lint_rule rule_object_in_string = {
    .id = "object-in-string",
    .level = LINT_WARNING,
    .summary = "An object or list in the middle of a text",
    .why = "It becomes the word Object or Array.",
    .scope = LINT_STEPS,
    .bad = "- run: echo 'the event is ${{ github.event }}'\n",
    .good = "- run: echo \"$EVENT\"\n"
            "  env:\n"
            "    EVENT: ${{ toJSON(github.event) }}\n",
};
const struct lint_rule rule_argument_type = {
    .id = "argument-type",
    .level = LINT_WARNING,
    .summary = "An argument of a kind that the function cannot use",
    .why = "contains() of an object, startsWith() of a list and the like are always false "
           "or empty.",
    .scope = LINT_STEPS,
    .bad = "- if: contains(github.event, 'push')\n"
           "  run: make\n",
    .good = "- if: contains(github.event_name, 'push')\n"
            "  run: make\n",
};
const struct lint_rule rule_comparison_type = {
    .id = "comparison-type",
    .level = LINT_WARNING,
    .summary = "Two sides that can never be equal, or have no order",
    .why = "A boolean is not equal to the text 'true', and an object equals nothing but "
           "itself.",
    .scope = LINT_WORKFLOW,
    .bad = "on:\n"
           "  workflow_dispatch:\n"
           "    inputs:\n"
           "      debug:\n"
           "        type: boolean\n"
           "jobs:\n"
           "  build:\n"
           "    if: inputs.debug == 'true'\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on:\n"
            "  workflow_dispatch:\n"
            "    inputs:\n"
            "      debug:\n"
            "        type: boolean\n"
            "jobs:\n"
            "  build:\n"
            "    if: inputs.debug == true\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_format_placeholder = {
    .id = "format-placeholder",
    .level = LINT_ERROR,
    .summary = "format() asks for an argument that is not there, or is malformed",
    .why = "The expression fails when it is evaluated.",
    .scope = LINT_STEPS,
    .bad = "- run: echo ${{ format('{0} and {1}', github.sha) }}\n",
    .good = "- run: echo ${{ format('{0} and {1}', github.sha, github.run_id) }}\n",
};
const struct lint_rule rule_unused_format_argument = {
    .id = "unused-format-argument",
    .level = LINT_WARNING,
    .summary = "An argument that the format does not use",
    .why = "It is never evaluated.",
    .scope = LINT_STEPS,
    .bad = "- run: echo ${{ format('{0}', github.sha, github.run_id) }}\n",
    .good = "- run: echo ${{ format('{0} {1}', github.sha, github.run_id) }}\n",
};
const struct lint_rule rule_invalid_json = {
    .id = "invalid-json",
    .level = LINT_ERROR,
    .summary = "fromJSON() of something that is not JSON",
    .why = "The expression fails when it is evaluated.",
    .scope = LINT_STEPS,
    .bad = "- run: make\n"
           "  continue-on-error: ${{ fromJSON('yes') }}\n",
    .good = "- run: make\n"
            "  continue-on-error: ${{ fromJSON('true') }}\n",
};
const struct lint_rule rule_case_predicate = {
    .id = "case-predicate",
    .level = LINT_ERROR,
    .summary = "A predicate of case() that is not a boolean",
    .why = "case() takes no truthy values; the expression fails.",
    .scope = LINT_STEPS,
    .bad = "- run: echo ${{ case(github.ref, 'a', 'b') }}\n",
    .good = "- run: echo ${{ case(github.ref == 'main', 'a', 'b') }}\n",
};
const struct lint_rule rule_condition_literal_text = {
    .id = "condition-literal-text",
    .level = LINT_WARNING,
    .summary = "A condition that is always true because of text around ${{ }}",
    .why = "With anything outside of ${{ }} the whole becomes a text, and a text that is "
           "not empty is true. The line break at the end of `if: |` is such a thing, too.",
    .scope = LINT_STEPS,
    .bad = "- if: ${{ github.ref }} == 'refs/heads/main'\n"
           "  run: make\n",
    .good = "- if: github.ref == 'refs/heads/main'\n"
            "  run: make\n",
};
const struct lint_rule rule_unsound_ternary = {
    .id = "unsound-ternary",
    .level = LINT_WARNING,
    .summary = "a && b || c with a b that is false",
    .why =
        "There is no ternary operator: a && b || c gives c whenever b is false, and '', 0, false "
        "and null are.",
    .scope = LINT_STEPS,
    .bad = "- run: make $FLAGS\n"
           "  env:\n"
           "    FLAGS: ${{ github.ref == 'refs/heads/main' && '' || '--draft' }}\n",
    .good = "- run: make $FLAGS\n"
            "  env:\n"
            "    FLAGS: ${{ github.ref != 'refs/heads/main' && '--draft' || '' }}\n",
};
const struct lint_rule rule_constant_condition = {
    .id = "constant-condition",
    .level = LINT_WARNING,
    .summary = "A condition that depends on nothing",
    .why = "It is always true or always false.",
    .scope = LINT_STEPS,
    .bad = "- if: false\n"
           "  run: make\n",
    .good = "- if: github.ref == 'refs/heads/main'\n"
            "  run: make\n",
};
const struct lint_rule rule_always_in_condition = {
    .id = "always-in-condition",
    .level = LINT_NOTE,
    .summary = "always() where !cancelled() would do",
    .why = "always() runs the step even when somebody cancels the run, and after a time "
           "limit.",
    .scope = LINT_STEPS,
    .bad = "- if: always()\n"
           "  run: make\n",
    .good = "- if: '!cancelled()'\n"
            "  run: make\n",
};
const struct lint_rule rule_redundant_braces = {
    .id = "redundant-braces",
    .level = LINT_NOTE,
    .summary = "${{ }} around a whole condition",
    .why = "if is an expression without them.",
    .scope = LINT_STEPS,
    .bad = "- if: ${{ github.ref == 'main' }}\n"
           "  run: make\n",
    .good = "- if: github.ref == 'main'\n"
            "  run: make\n",
};
const struct lint_rule rule_unsound_contains = {
    .id = "unsound-contains",
    .level = LINT_WARNING,
    .summary = "contains() with a text as a list",
    .why = "contains('main release', x) is true for every part of the text, such as 'm'.",
    .scope = LINT_STEPS,
    .bad = "- if: contains('refs/heads/main refs/heads/release', github.ref)\n"
           "  run: make\n",
    .good =
        "- if: contains(fromJSON('[\"refs/heads/main\", \"refs/heads/release\"]'), github.ref)\n"
        "  run: make\n",
};
const struct lint_rule rule_spoofable_actor = {
    .id = "spoofable-actor",
    .level = LINT_WARNING,
    .summary = "Trust in github.actor where it can be borrowed",
    .why = "The actor is who caused the last event. Anybody can make a bot act on a pull "
           "request of their own.",
    .scope = LINT_WORKFLOW,
    .bad = "on: pull_request_target\n"
           "permissions: {}\n"
           "jobs:\n"
           "  merge:\n"
           "    if: github.actor == 'dependabot[bot]'\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on: pull_request_target\n"
            "permissions: {}\n"
            "jobs:\n"
            "  merge:\n"
            "    if: github.event.pull_request.user.login == 'dependabot[bot]'\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_all_secrets = {
    .id = "all-secrets",
    .level = LINT_WARNING,
    .summary = "Every secret at once",
    .why = "toJSON(secrets) and secrets[...] put all secrets of the repository into the "
           "job; only those should be there that it needs.",
    .scope = LINT_STEPS,
    .bad = "- run: make\n"
           "  env:\n"
           "    ALL: ${{ toJSON(secrets) }}\n",
    .good = "- run: make\n"
            "  env:\n"
            "    TOKEN: ${{ secrets.TOKEN }}\n",
};
const struct lint_rule rule_unmasked_secret = {
    .id = "unmasked-secret",
    .level = LINT_WARNING,
    .summary = "A part of a secret that logs do not mask",
    .why = "Only the whole value of a secret is masked, not what fromJSON() takes out of "
           "it.",
    .scope = LINT_STEPS,
    .bad = "- run: make\n"
           "  env:\n"
           "    PASSWORD: ${{ fromJSON(secrets.LOGIN).password }}\n",
    .good = "- run: make\n"
            "  env:\n"
            "    PASSWORD: ${{ secrets.PASSWORD }}\n",
};
