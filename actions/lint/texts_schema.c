/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules and what --explain says about them: what the official reader refuses. */
#include "actions/lint/rules.h"

/* Runs of a letter, for examples that are too long. */
#define X10  "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X401 X100 X100 X100 X100 "x"

const struct lint_rule rule_yaml_syntax = {
    .id = "yaml-syntax",
    .level = LINT_ERROR,
    .summary = "The file is not YAML as GitHub reads it",
    .why = "GitHub does not start a workflow whose file it cannot read; the message is the "
           "parser's.",
    .scope = LINT_WORKFLOW,
    .bad = "on: push\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: [ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on: push\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: [ubuntu-latest]\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_limit_exceeded = {
    .id = "limit-exceeded",
    .level = LINT_ERROR,
    .summary = "A limit of the reader is passed",
    .why = "Files may be 1 MiB long, 50 levels deep and, with aliases expanded, 50,000 "
           "nodes large. What is larger is refused.",
    .scope = LINT_JOB,
    .bad =
        "runs-on: ubuntu-latest\n"
        "strategy:\n"
        "  matrix:\n"
        "    a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n"
        "steps:\n"
        "  - run: echo ${{ toJSON(matrix.a) }}\n",
    .good = "runs-on: ubuntu-latest\n"
            "strategy:\n"
            "  matrix:\n"
            "    a: [[1, 2], [3, 4]]\n"
            "steps:\n"
            "  - run: echo ${{ toJSON(matrix.a) }}\n",
};
const struct lint_rule rule_unknown_key = {
    .id = "unknown-key",
    .level = LINT_ERROR,
    .summary = "A key that has no meaning at its place",
    .why = "GitHub refuses files with unknown keys, and keys of another kind of job or "
           "step; those of an event it passes over, so that they filter nothing. Keys are "
           "case-sensitive.",
    .scope = LINT_JOB,
    .bad = "runs_on: ubuntu-latest\n"
           "steps:\n"
           "  - run: make\n",
    .good = "runs-on: ubuntu-latest\n"
            "steps:\n"
            "  - run: make\n",
};
const struct lint_rule rule_missing_key = {
    .id = "missing-key",
    .level = LINT_ERROR,
    .summary = "A key that must be there is missing",
    .why = "A job needs runs-on or uses, a step needs run or uses, a called input needs a "
           "type.",
    .scope = LINT_JOB,
    .bad = "name: no runner\n"
           "steps:\n"
           "  - run: make\n",
    .good = "runs-on: ubuntu-latest\n"
            "steps:\n"
            "  - run: make\n",
};
const struct lint_rule rule_duplicate_key = {
    .id = "duplicate-key",
    .level = LINT_ERROR,
    .summary = "A key stands twice in one mapping",
    .why = "Keys of a mapping are compared without regard to case; GitHub refuses the "
           "second one.",
    .scope = LINT_STEPS,
    .bad = "- name: build\n"
           "  run: make\n"
           "  name: test\n",
    .good = "- name: build\n"
            "  run: make\n",
};
const struct lint_rule rule_invalid_value = {
    .id = "invalid-value",
    .level = LINT_ERROR,
    .summary = "A value that is none of those allowed here",
    .why = "Some keys have a fixed list of values, a type, or must not be empty.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-latest\n"
           "timeout-minutes: '30'\n"
           "steps:\n"
           "  - run: make\n",
    .good = "runs-on: ubuntu-latest\n"
            "timeout-minutes: 30\n"
            "steps:\n"
            "  - run: make\n",
};
const struct lint_rule rule_wrong_type = {
    .id = "wrong-type",
    .level = LINT_ERROR,
    .summary = "A list or mapping where none may stand",
    .why = "For example a list of commands under run, or a mapping where a text is wanted.",
    .scope = LINT_STEPS,
    .bad = "- run:\n"
           "    - make\n"
           "    - make test\n",
    .good = "- run: |\n"
            "    make\n"
            "    make test\n",
};
const struct lint_rule rule_unknown_permission = {
    .id = "unknown-permission",
    .level = LINT_ERROR,
    .summary = "There is no such permission",
    .why = "The names of permissions are a fixed list; GitHub refuses the file.",
    .scope = LINT_WORKFLOW,
    .bad = "on: push\n"
           "permissions:\n"
           "  content: read\n"
           "jobs:\n"
           "  build:\n"
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
            "      - run: make\n",
};
const struct lint_rule rule_unknown_event = {
    .id = "unknown-event",
    .level = LINT_ERROR,
    .summary = "There is no such event",
    .why = "The names of events are a fixed list and case-sensitive; GitHub refuses the "
           "file.",
    .scope = LINT_WORKFLOW,
    .bad = "on: [push, pull-request]\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on: [push, pull_request]\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_unknown_activity_type = {
    .id = "unknown-activity-type",
    .level = LINT_ERROR,
    .summary = "The event has no such activity type",
    .why = "Each event has its own list of types; GitHub takes others, which never occur.",
    .scope = LINT_WORKFLOW,
    .bad = "on:\n"
           "  pull_request:\n"
           "    types: [opened, updated]\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on:\n"
            "  pull_request:\n"
            "    types: [opened, synchronize]\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_invalid_cron = {
    .id = "invalid-cron",
    .level = LINT_ERROR,
    .summary = "A schedule that is not five valid cron fields",
    .why = "Fields are minute (0-59), hour (0-23), day (1-31), month (1-12 or jan-dec) and "
           "weekday (0-6 or sun-sat); @daily and 7 for Sunday do not exist.",
    .scope = LINT_WORKFLOW,
    .bad = "on:\n"
           "  schedule:\n"
           "    - cron: '0 24 * * *'\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on:\n"
            "  schedule:\n"
            "    - cron: '0 0 * * *'\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_invalid_glob = {
    .id = "invalid-glob",
    .level = LINT_ERROR,
    .summary = "A filter pattern that is malformed",
    .why = "Brackets hold letters or digits and ranges of one kind; a backslash needs a "
           "character behind it.",
    .scope = LINT_WORKFLOW,
    .bad = "on:\n"
           "  push:\n"
           "    branches: ['release/[z-a]']\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on:\n"
            "  push:\n"
            "    branches: ['release/[a-z]']\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_filter_conflict = {
    .id = "filter-conflict",
    .level = LINT_ERROR,
    .summary = "A filter and its -ignore form for one event",
    .why = "GitHub accepts one of branches and branches-ignore, tags and tags-ignore, "
           "paths and paths-ignore. A pattern with '!' in the first form excludes.",
    .scope = LINT_WORKFLOW,
    .bad = "on:\n"
           "  push:\n"
           "    branches: [main]\n"
           "    branches-ignore: [wip]\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on:\n"
            "  push:\n"
            "    branches: [main, '!wip']\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_invalid_input = {
    .id = "invalid-input",
    .level = LINT_ERROR,
    .summary = "An input of a manual run that contradicts itself",
    .why = "A choice needs options, options need the type choice, and a default must be of "
           "the input's type.",
    .scope = LINT_WORKFLOW,
    .bad = "on:\n"
           "  workflow_dispatch:\n"
           "    inputs:\n"
           "      debug:\n"
           "        type: boolean\n"
           "        default: 'yes'\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on:\n"
            "  workflow_dispatch:\n"
            "    inputs:\n"
            "      debug:\n"
            "        type: boolean\n"
            "        default: true\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_invalid_matrix = {
    .id = "invalid-matrix",
    .level = LINT_ERROR,
    .summary = "A matrix without any combination",
    .why = "A matrix needs a vector or include, and a vector needs a value.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-latest\n"
           "strategy:\n"
           "  matrix:\n"
           "    os: []\n"
           "steps:\n"
           "  - run: make\n",
    .good = "runs-on: ubuntu-latest\n"
            "strategy:\n"
            "  matrix:\n"
            "    os: [a, b]\n"
            "steps:\n"
            "  - run: echo ${{ matrix.os }}\n",
};
const struct lint_rule rule_unknown_exclude_key = {
    .id = "unknown-exclude-key",
    .level = LINT_ERROR,
    .summary = "exclude names a key that the matrix does not have",
    .why = "GitHub refuses the file: the row could exclude nothing.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-latest\n"
           "strategy:\n"
           "  matrix:\n"
           "    node: [20, 24]\n"
           "    exclude:\n"
           "      - nodes: 20\n"
           "steps:\n"
           "  - run: echo ${{ matrix.node }}\n",
    .good = "runs-on: ubuntu-latest\n"
            "strategy:\n"
            "  matrix:\n"
            "    node: [20, 24]\n"
            "    exclude:\n"
            "      - node: 20\n"
            "steps:\n"
            "  - run: echo ${{ matrix.node }}\n",
};
const struct lint_rule rule_invalid_runner_group = {
    .id = "invalid-runner-group",
    .level = LINT_ERROR,
    .summary = "The name of a runner group is malformed",
    .why = "A group is a name, or organization/NAME or enterprise/NAME.",
    .scope = LINT_JOB,
    .bad = "runs-on:\n"
           "  group: team/linux\n"
           "steps:\n"
           "  - run: make\n",
    .good = "runs-on:\n"
            "  group: organization/linux\n"
            "steps:\n"
            "  - run: make\n",
};
const struct lint_rule rule_invalid_concurrency = {
    .id = "invalid-concurrency",
    .level = LINT_ERROR,
    .summary = "The name of a concurrency group is too long",
    .why = "A group's name may have 400 characters.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-latest\n"
           "concurrency: " X401 "\n"
           "steps:\n"
           "  - run: make\n",
    .good = "runs-on: ubuntu-latest\n"
            "concurrency: deploy\n"
            "steps:\n"
            "  - run: make\n",
};
const struct lint_rule rule_queue_conflict = {
    .id = "queue-conflict",
    .level = LINT_ERROR,
    .summary = "queue: max together with cancel-in-progress",
    .why = "A queue that cancels what runs makes no sense; GitHub refuses the file.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-latest\n"
           "concurrency:\n"
           "  group: deploy\n"
           "  queue: max\n"
           "  cancel-in-progress: true\n"
           "steps:\n"
           "  - run: make\n",
    .good = "runs-on: ubuntu-latest\n"
            "concurrency:\n"
            "  group: deploy\n"
            "  queue: max\n"
            "steps:\n"
            "  - run: make\n",
};
const struct lint_rule rule_invalid_container = {
    .id = "invalid-container",
    .level = LINT_ERROR,
    .summary = "A container without an image",
    .why = "A service or a container given as a mapping needs an image.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-latest\n"
           "services:\n"
           "  db:\n"
           "    image: ''\n"
           "steps:\n"
           "  - run: make\n",
    .good = "runs-on: ubuntu-latest\n"
            "services:\n"
            "  db:\n"
            "    image: postgres:17\n"
            "steps:\n"
            "  - run: make\n",
};
const struct lint_rule rule_invalid_snapshot = {
    .id = "invalid-snapshot",
    .level = LINT_ERROR,
    .summary = "The version of a snapshot is malformed",
    .why = "A version is written MAJOR.*, for example 2.*.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-latest\n"
           "snapshot:\n"
           "  image-name: base\n"
           "  version: '2.1'\n"
           "steps:\n"
           "  - run: make\n",
    .good = "runs-on: ubuntu-latest\n"
            "snapshot:\n"
            "  image-name: base\n"
            "  version: '2.*'\n"
            "steps:\n"
            "  - run: make\n",
};
const struct lint_rule rule_invalid_uses = {
    .id = "invalid-uses",
    .level = LINT_ERROR,
    .summary = "A reference to an action is malformed",
    .why = "Actions are OWNER/REPO[/PATH]@REF, ./PATH or docker://IMAGE.",
    .scope = LINT_STEPS,
    .bad = "- uses: actions/checkout\n",
    .good = "- uses: actions/checkout@v4\n",
};
const struct lint_rule rule_invalid_call = {
    .id = "invalid-call",
    .level = LINT_ERROR,
    .summary = "A reference to a reusable workflow is malformed",
    .why = "Reusable workflows are ./.github/workflows/FILE.yml, without @, or "
           "OWNER/REPO/.github/workflows/FILE.yml@REF.",
    .scope = LINT_JOBS,
    .bad = "call:\n"
           "  uses: ./.github/workflows/build.yml@main\n",
    .good = "call:\n"
            "  uses: octo/tools/.github/workflows/build.yml@v1\n",
};
const struct lint_rule rule_unknown_need_job = {
    .id = "unknown-need-job",
    .level = LINT_ERROR,
    .summary = "needs names a job that does not exist",
    .why = "GitHub refuses the file.",
    .scope = LINT_JOBS,
    .bad = "build:\n"
           "  runs-on: ubuntu-latest\n"
           "  steps:\n"
           "    - run: make\n"
           "test:\n"
           "  needs: biuld\n"
           "  runs-on: ubuntu-latest\n"
           "  steps:\n"
           "    - run: make test\n",
    .good = "build:\n"
            "  runs-on: ubuntu-latest\n"
            "  steps:\n"
            "    - run: make\n"
            "test:\n"
            "  needs: build\n"
            "  runs-on: ubuntu-latest\n"
            "  steps:\n"
            "    - run: make test\n",
};
const struct lint_rule rule_needs_cycle = {
    .id = "needs-cycle",
    .level = LINT_ERROR,
    .summary = "Jobs wait for one another",
    .why = "A job that needs itself, directly or through others, can never start; GitHub "
           "refuses the file.",
    .scope = LINT_JOBS,
    .bad = "start:\n"
           "  runs-on: ubuntu-latest\n"
           "  steps:\n"
           "    - run: make\n"
           "a:\n"
           "  needs: [start, b]\n"
           "  runs-on: ubuntu-latest\n"
           "  steps:\n"
           "    - run: make\n"
           "b:\n"
           "  needs: a\n"
           "  runs-on: ubuntu-latest\n"
           "  steps:\n"
           "    - run: make\n",
    .good = "a:\n"
            "  runs-on: ubuntu-latest\n"
            "  steps:\n"
            "    - run: make\n"
            "b:\n"
            "  needs: a\n"
            "  runs-on: ubuntu-latest\n"
            "  steps:\n"
            "    - run: make\n",
};
const struct lint_rule rule_no_start_job = {
    .id = "no-start-job",
    .level = LINT_ERROR,
    .summary = "No job can start first",
    .why =
        "At least one job must need no other. Where jobs wait for one another, needs-cycle says which.",
    .scope = LINT_WORKFLOW,
    .bad = "on: push\n"
           "jobs: {}\n",
    .good = "on: push\n"
            "jobs:\n"
            "  a:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_invalid_id = {
    .id = "invalid-id",
    .level = LINT_ERROR,
    .summary = "An id of a job or step that is not allowed",
    .why = "Ids begin with a letter or '_', hold letters, digits, '_' and '-', are shorter "
           "than 100 characters and do not begin with '__'.",
    .scope = LINT_JOBS,
    .bad = "build.all:\n"
           "  runs-on: ubuntu-latest\n"
           "  steps:\n"
           "    - run: make\n",
    .good = "build-all:\n"
            "  runs-on: ubuntu-latest\n"
            "  steps:\n"
            "    - run: make\n",
};
const struct lint_rule rule_duplicate_id = {
    .id = "duplicate-id",
    .level = LINT_ERROR,
    .summary = "Two steps of a job have the same id",
    .why = "Ids are compared without regard to case.",
    .scope = LINT_STEPS,
    .bad = "- id: build\n"
           "  run: make\n"
           "- id: Build\n"
           "  run: make all\n",
    .good = "- id: build\n"
            "  run: make\n"
            "- run: echo ${{ steps.build.outcome }}\n",
};
const struct lint_rule rule_invalid_control_step = {
    .id = "invalid-control-step",
    .level = LINT_ERROR,
    .summary = "wait, cancel or parallel that cannot work",
    .why = "wait and cancel name steps that stand before them; wait-all takes nothing or "
           "true; parallel holds run and uses steps.",
    .scope = LINT_STEPS,
    .bad = "- run: make\n"
           "- wait: build\n",
    .good = "- id: build\n"
            "  run: make\n"
            "  background: true\n"
            "- wait: build\n",
};
const struct lint_rule rule_invalid_manifest = {
    .id = "invalid-manifest",
    .level = LINT_ERROR,
    .summary = "An action that the runner cannot start",
    .why = "runs.using must be composite, docker, node20 or node24, with the keys that go "
           "with it.",
    .scope = LINT_ACTION,
    .bad = "name: a\n"
           "description: b\n"
           "runs:\n"
           "  using: node18\n"
           "  main: index.js\n",
    .good = "name: a\n"
            "description: b\n"
            "runs:\n"
            "  using: node24\n"
            "  main: index.js\n",
};
