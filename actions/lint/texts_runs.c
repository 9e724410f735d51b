/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules and what --explain says about them: matrices, permissions and called workflows. */
#include "actions/lint/rules.h"

const struct lint_rule rule_duplicate_matrix_value = {
    .id = "duplicate-matrix-value",
    .level = LINT_WARNING,
    .summary = "A vector holds a value twice",
    .why = "The same job runs twice.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-latest\n"
           "strategy:\n"
           "  matrix:\n"
           "    node: [20, 24, 20]\n"
           "steps:\n"
           "  - run: echo ${{ matrix.node }}\n",
    .good = "runs-on: ubuntu-latest\n"
            "strategy:\n"
            "  matrix:\n"
            "    node: [20, 24]\n"
            "steps:\n"
            "  - run: echo ${{ matrix.node }}\n",
};
const struct lint_rule rule_duplicate_matrix_row = {
    .id = "duplicate-matrix-row",
    .level = LINT_WARNING,
    .summary = "include holds a row twice",
    .why = "The second one changes nothing, or runs the same job again.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-latest\n"
           "strategy:\n"
           "  matrix:\n"
           "    include:\n"
           "      - node: 20\n"
           "      - node: 20\n"
           "steps:\n"
           "  - run: echo ${{ matrix.node }}\n",
    .good = "runs-on: ubuntu-latest\n"
            "strategy:\n"
            "  matrix:\n"
            "    include:\n"
            "      - node: 20\n"
            "      - node: 24\n"
            "steps:\n"
            "  - run: echo ${{ matrix.node }}\n",
};
const struct lint_rule rule_exclude_matches_nothing = {
    .id = "exclude-matches-nothing",
    .level = LINT_WARNING,
    .summary = "A row of exclude that excludes nothing",
    .why = "The value is none of those of the vector.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-latest\n"
           "strategy:\n"
           "  matrix:\n"
           "    os: [linux, mac]\n"
           "    exclude:\n"
           "      - os: windows\n"
           "steps:\n"
           "  - run: echo ${{ matrix.os }}\n",
    .good = "runs-on: ubuntu-latest\n"
            "strategy:\n"
            "  matrix:\n"
            "    os: [linux, mac]\n"
            "    exclude:\n"
            "      - os: mac\n"
            "steps:\n"
            "  - run: echo ${{ matrix.os }}\n",
};
const struct lint_rule rule_matrix_too_large = {
    .id = "matrix-too-large",
    .level = LINT_ERROR,
    .summary = "A matrix of more than 256 jobs",
    .why = "GitHub refuses to run it.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-latest\n"
           "strategy:\n"
           "  matrix:\n"
           "    a: [1, 2, 3, 4, 5, 6, 7]\n"
           "    b: [1, 2, 3, 4, 5, 6, 7]\n"
           "    c: [1, 2, 3, 4, 5, 6]\n"
           "steps:\n"
           "  - run: echo ${{ matrix.a }} ${{ matrix.b }} ${{ matrix.c }}\n",
    .good = "runs-on: ubuntu-latest\n"
            "strategy:\n"
            "  matrix:\n"
            "    a: [1, 2, 3]\n"
            "steps:\n"
            "  - run: echo ${{ matrix.a }}\n",
};
const struct lint_rule rule_unused_matrix_key = {
    .id = "unused-matrix-key",
    .level = LINT_NOTE,
    .summary = "A key of the matrix that the job does not read",
    .why = "Its values only multiply the jobs.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-latest\n"
           "strategy:\n"
           "  matrix:\n"
           "    node: [20, 24]\n"
           "steps:\n"
           "  - run: make\n",
    .good = "runs-on: ubuntu-latest\n"
            "strategy:\n"
            "  matrix:\n"
            "    node: [20, 24]\n"
            "steps:\n"
            "  - run: echo ${{ matrix.node }}\n",
};
const struct lint_rule rule_missing_permissions = {
    .id = "missing-permissions",
    .level = LINT_NOTE,
    .summary = "A job without permissions",
    .why = "Its token has what the repository's settings give, which may be everything. A "
           "warning where outsiders can start the workflow.",
    .scope = LINT_JOBS,
    .bad = "build:\n"
           "  runs-on: ubuntu-latest\n"
           "  steps:\n"
           "    - run: make\n",
    .good = "build:\n"
            "  permissions:\n"
            "    contents: read\n"
            "  runs-on: ubuntu-latest\n"
            "  steps:\n"
            "    - run: make\n",
};
const struct lint_rule rule_excessive_permissions = {
    .id = "excessive-permissions",
    .level = LINT_WARNING,
    .summary = "permissions: write-all",
    .why = "Every step, and every action that it uses, may do everything to the "
           "repository.",
    .scope = LINT_JOB,
    .bad = "permissions: write-all\n"
           "runs-on: ubuntu-latest\n"
           "steps:\n"
           "  - run: make\n",
    .good = "permissions:\n"
            "  contents: read\n"
            "runs-on: ubuntu-latest\n"
            "steps:\n"
            "  - run: make\n",
};
const struct lint_rule rule_broad_permissions = {
    .id = "broad-permissions",
    .level = LINT_NOTE,
    .summary = "A right to write for all jobs of a file",
    .why = "Give it to the one job that needs it.",
    .scope = LINT_WORKFLOW,
    .bad = "on: push\n"
           "permissions:\n"
           "  contents: write\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n"
           "  test:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on: push\n"
            "permissions:\n"
            "  contents: read\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n"
            "  test:\n"
            "    permissions:\n"
            "      contents: write\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_called_workflow_missing = {
    .id = "called-workflow-missing",
    .level = LINT_ERROR,
    .summary = "The called workflow does not exist",
    .why = "The file is looked for in the same repository and commit.",
    .scope = LINT_JOBS,
    .bad = "call:\n"
           "  uses: ./.github/workflows/lint-missing.yml\n",
    .good = "call:\n"
            "  uses: ./.github/workflows/lint-example.yml\n"
            "  with:\n"
            "    level: low\n"
            "  secrets:\n"
            "    token: ${{ secrets.TOKEN }}\n",
};
const struct lint_rule rule_call_permissions = {
    .id = "call-permissions",
    .level = LINT_ERROR,
    .summary = "A called workflow asks for more rights than its caller has",
    .why =
        "A called workflow can only get what the job that calls it may do itself: its permissions, "
        "and those of its jobs, must lie within those of the calling job, or else of the calling "
        "file, through every nested call. GitHub refuses the whole run otherwise. Nothing is said "
        "where the caller states no permissions: the repository's settings decide then.",
    .scope = LINT_JOBS,
    .bad = "call:\n"
           "  permissions:\n"
           "    contents: read\n"
           "  uses: ./.github/workflows/lint-writes.yml\n",
    .good = "call:\n"
            "  permissions:\n"
            "    contents: write\n"
            "  uses: ./.github/workflows/lint-writes.yml\n",
};
const struct lint_rule rule_not_callable = {
    .id = "not-callable",
    .level = LINT_ERROR,
    .summary = "The called file has no workflow_call",
    .why = "Only workflows with on: workflow_call can be called.",
    .scope = LINT_JOBS,
    .bad = "call:\n"
           "  uses: ./.github/workflows/lint-plain.yml\n",
    .good = "call:\n"
            "  uses: ./.github/workflows/lint-example.yml\n"
            "  with:\n"
            "    level: low\n"
            "  secrets:\n"
            "    token: ${{ secrets.TOKEN }}\n",
};
const struct lint_rule rule_unknown_call_input = {
    .id = "unknown-call-input",
    .level = LINT_ERROR,
    .summary = "The called workflow has no such input",
    .why = "GitHub refuses the run.",
    .scope = LINT_JOBS,
    .bad = "call:\n"
           "  uses: ./.github/workflows/lint-example.yml\n"
           "  with:\n"
           "    level: low\n"
           "    colour: red\n"
           "  secrets:\n"
           "    token: ${{ secrets.TOKEN }}\n",
    .good = "call:\n"
            "  uses: ./.github/workflows/lint-example.yml\n"
            "  with:\n"
            "    level: low\n"
            "  secrets:\n"
            "    token: ${{ secrets.TOKEN }}\n",
};
const struct lint_rule rule_missing_call_input = {
    .id = "missing-call-input",
    .level = LINT_ERROR,
    .summary = "A required input of the called workflow is not given",
    .why = "It must be given even when it has a default.",
    .scope = LINT_JOBS,
    .bad = "call:\n"
           "  uses: ./.github/workflows/lint-example.yml\n"
           "  secrets:\n"
           "    token: ${{ secrets.TOKEN }}\n",
    .good = "call:\n"
            "  uses: ./.github/workflows/lint-example.yml\n"
            "  with:\n"
            "    level: low\n"
            "  secrets:\n"
            "    token: ${{ secrets.TOKEN }}\n",
};
const struct lint_rule rule_call_input_type = {
    .id = "call-input-type",
    .level = LINT_ERROR,
    .summary = "A value of the wrong type for the called workflow",
    .why = "There is no conversion: 'true' is not a boolean.",
    .scope = LINT_JOBS,
    .bad = "call:\n"
           "  uses: ./.github/workflows/lint-example.yml\n"
           "  with:\n"
           "    level: low\n"
           "    debug: 'true'\n"
           "  secrets:\n"
           "    token: ${{ secrets.TOKEN }}\n",
    .good = "call:\n"
            "  uses: ./.github/workflows/lint-example.yml\n"
            "  with:\n"
            "    level: low\n"
            "    debug: true\n"
            "  secrets:\n"
            "    token: ${{ secrets.TOKEN }}\n",
};
const struct lint_rule rule_unknown_call_secret = {
    .id = "unknown-call-secret",
    .level = LINT_ERROR,
    .summary = "The called workflow does not declare this secret",
    .why = "GitHub refuses the run.",
    .scope = LINT_JOBS,
    .bad = "call:\n"
           "  uses: ./.github/workflows/lint-example.yml\n"
           "  with:\n"
           "    level: low\n"
           "  secrets:\n"
           "    token: ${{ secrets.TOKEN }}\n"
           "    key: ${{ secrets.KEY }}\n",
    .good = "call:\n"
            "  uses: ./.github/workflows/lint-example.yml\n"
            "  with:\n"
            "    level: low\n"
            "  secrets:\n"
            "    token: ${{ secrets.TOKEN }}\n",
};
const struct lint_rule rule_missing_call_secret = {
    .id = "missing-call-secret",
    .level = LINT_ERROR,
    .summary = "A required secret of the called workflow is not passed",
    .why = "Pass it, or all with secrets: inherit.",
    .scope = LINT_JOBS,
    .bad = "call:\n"
           "  uses: ./.github/workflows/lint-example.yml\n"
           "  with:\n"
           "    level: low\n",
    .good = "call:\n"
            "  uses: ./.github/workflows/lint-example.yml\n"
            "  with:\n"
            "    level: low\n"
            "  secrets:\n"
            "    token: ${{ secrets.TOKEN }}\n",
};
const struct lint_rule rule_secrets_inherit = {
    .id = "secrets-inherit",
    .level = LINT_NOTE,
    .summary = "Every secret for the called workflow",
    .why = "Pass the secrets that it declares.",
    .scope = LINT_JOBS,
    .bad = "call:\n"
           "  uses: ./.github/workflows/lint-example.yml\n"
           "  with:\n"
           "    level: low\n"
           "  secrets: inherit\n",
    .good = "call:\n"
            "  uses: ./.github/workflows/lint-example.yml\n"
            "  with:\n"
            "    level: low\n"
            "  secrets:\n"
            "    token: ${{ secrets.TOKEN }}\n",
};
