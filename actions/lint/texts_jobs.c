/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules and what --explain says about them: triggers, jobs and matrices. */
#include "actions/lint/rules.h"

const struct lint_rule rule_cron_interval = {
    .id = "cron-interval",
    .level = LINT_WARNING,
    .summary = "A schedule closer than five minutes",
    .why = "GitHub starts scheduled runs every five minutes at most.",
    .scope = LINT_WORKFLOW,
    .bad = "on:\n"
           "  schedule:\n"
           "    - cron: '*/2 * * * *'\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on:\n"
            "  schedule:\n"
            "    - cron: '*/15 * * * *'\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_invalid_timezone = {
    .id = "invalid-timezone",
    .level = LINT_WARNING,
    .summary = "A time zone that is no IANA name",
    .why = "Write AREA/CITY, such as Europe/Berlin, or UTC.",
    .scope = LINT_WORKFLOW,
    .bad = "on:\n"
           "  schedule:\n"
           "    - cron: '0 4 * * *'\n"
           "      timezone: Berlin\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on:\n"
            "  schedule:\n"
            "    - cron: '0 4 * * *'\n"
            "      timezone: Europe/Berlin\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_glob_never_matches = {
    .id = "glob-never-matches",
    .level = LINT_WARNING,
    .summary = "A filter pattern that matches nothing",
    .why = "Branches and tags are named without refs/heads/ and refs/tags/, paths without "
           "./ and /, and a list needs a pattern without '!'.",
    .scope = LINT_WORKFLOW,
    .bad = "on:\n"
           "  push:\n"
           "    branches: [refs/heads/main]\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on:\n"
            "  push:\n"
            "    branches: [main]\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_duplicate_filter = {
    .id = "duplicate-filter",
    .level = LINT_NOTE,
    .summary = "A pattern stands twice in a list",
    .why = "The second one changes nothing.",
    .scope = LINT_WORKFLOW,
    .bad = "on:\n"
           "  push:\n"
           "    branches: [main, main]\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on:\n"
            "  push:\n"
            "    branches: [main]\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_useless_default = {
    .id = "useless-default",
    .level = LINT_NOTE,
    .summary = "A default of a required input",
    .why = "A required input is always given, so that the default is never used.",
    .scope = LINT_WORKFLOW,
    .bad = "on:\n"
           "  workflow_call:\n"
           "    inputs:\n"
           "      level:\n"
           "        type: string\n"
           "        required: true\n"
           "        default: low\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on:\n"
            "  workflow_call:\n"
            "    inputs:\n"
            "      level:\n"
            "        type: string\n"
            "        default: low\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_choice_default = {
    .id = "choice-default",
    .level = LINT_WARNING,
    .summary = "The default of a choice is none of its options",
    .why = "The form of a manual run cannot show it.",
    .scope = LINT_WORKFLOW,
    .bad = "on:\n"
           "  workflow_dispatch:\n"
           "    inputs:\n"
           "      level:\n"
           "        type: choice\n"
           "        options: [low, high]\n"
           "        default: medium\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on:\n"
            "  workflow_dispatch:\n"
            "    inputs:\n"
            "      level:\n"
            "        type: choice\n"
            "        options: [low, high]\n"
            "        default: low\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_duplicate_choice = {
    .id = "duplicate-choice",
    .level = LINT_WARNING,
    .summary = "An option stands twice",
    .why = "The second one cannot be told from the first.",
    .scope = LINT_WORKFLOW,
    .bad = "on:\n"
           "  workflow_dispatch:\n"
           "    inputs:\n"
           "      level:\n"
           "        type: choice\n"
           "        options: [low, low]\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on:\n"
            "  workflow_dispatch:\n"
            "    inputs:\n"
            "      level:\n"
            "        type: choice\n"
            "        options: [low, high]\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_unreachable_job = {
    .id = "unreachable-job",
    .level = LINT_WARNING,
    .summary = "A job that needs one that never runs",
    .why = "A skipped job skips what needs it, unless that job's if calls always(), "
           "failure() or cancelled().",
    .scope = LINT_JOBS,
    .bad = "build:\n"
           "  if: false\n"
           "  runs-on: ubuntu-latest\n"
           "  steps:\n"
           "    - run: make\n"
           "test:\n"
           "  needs: build\n"
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
const struct lint_rule rule_duplicate_need = {
    .id = "duplicate-need",
    .level = LINT_NOTE,
    .summary = "A job stands twice in needs",
    .why = "The second one changes nothing.",
    .scope = LINT_JOBS,
    .bad = "build:\n"
           "  runs-on: ubuntu-latest\n"
           "  steps:\n"
           "    - run: make\n"
           "test:\n"
           "  needs: [build, build]\n"
           "  runs-on: ubuntu-latest\n"
           "  steps:\n"
           "    - run: make test\n",
    .good = "build:\n"
            "  runs-on: ubuntu-latest\n"
            "  steps:\n"
            "    - run: make\n"
            "test:\n"
            "  needs: [build]\n"
            "  runs-on: ubuntu-latest\n"
            "  steps:\n"
            "    - run: make test\n",
};
const struct lint_rule rule_missing_timeout = {
    .id = "missing-timeout",
    .level = LINT_NOTE,
    .summary = "A job without a time limit",
    .why = "Without timeout-minutes a job that hangs is ended after six hours.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-latest\n"
           "steps:\n"
           "  - run: make\n",
    .good = "runs-on: ubuntu-latest\n"
            "timeout-minutes: 10\n"
            "steps:\n"
            "  - run: make\n",
};
const struct lint_rule rule_timeout_range = {
    .id = "timeout-range",
    .level = LINT_WARNING,
    .summary = "A time limit that cannot be meant",
    .why =
        "A limit of 0 or less ends a job at once and is no limit for a step, nothing runs longer "
        "than five days, and fractions of a minute are cut off.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-latest\n"
           "timeout-minutes: 0\n"
           "steps:\n"
           "  - run: make\n",
    .good = "runs-on: ubuntu-latest\n"
            "timeout-minutes: 10\n"
            "steps:\n"
            "  - run: make\n",
};
const struct lint_rule rule_empty_steps = {
    .id = "empty-steps",
    .level = LINT_WARNING,
    .summary = "A job without steps",
    .why = "It takes a runner and does nothing.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-latest\n"
           "steps: []\n",
    .good = "runs-on: ubuntu-latest\n"
            "steps:\n"
            "  - run: make\n",
};
const struct lint_rule rule_concurrency_deadlock = {
    .id = "concurrency-deadlock",
    .level = LINT_ERROR,
    .summary = "A job and its workflow are in the same concurrency group",
    .why = "The job waits for the run that it is part of; GitHub cancels it.",
    .scope = LINT_WORKFLOW,
    .bad = "on: push\n"
           "concurrency: deploy\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    concurrency: deploy\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on: push\n"
            "concurrency: deploy\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_duplicate_job_name = {
    .id = "duplicate-job-name",
    .level = LINT_NOTE,
    .summary = "Two jobs have the same name",
    .why = "Required checks go by name; the two cannot be told apart.",
    .scope = LINT_JOBS,
    .bad = "a:\n"
           "  name: Build\n"
           "  runs-on: ubuntu-latest\n"
           "  steps:\n"
           "    - run: make\n"
           "b:\n"
           "  name: Build\n"
           "  runs-on: ubuntu-latest\n"
           "  steps:\n"
           "    - run: make\n",
    .good = "a:\n"
            "  name: Build\n"
            "  runs-on: ubuntu-latest\n"
            "  steps:\n"
            "    - run: make\n"
            "b:\n"
            "  name: Test\n"
            "  runs-on: ubuntu-latest\n"
            "  steps:\n"
            "    - run: make\n",
};
const struct lint_rule rule_missing_name = {
    .id = "missing-name",
    .level = LINT_NOTE,
    .summary = "A workflow without a name",
    .why = "Lists show its path instead.",
    .scope = LINT_WORKFLOW,
    .bad = "on: push\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "name: Build\n"
            "on: push\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_retired_label = {
    .id = "retired-label",
    .level = LINT_WARNING,
    .summary = "A runner image that GitHub no longer has",
    .why = "The job waits for a runner until it is cancelled, unless a runner of your own "
           "carries the label.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-20.04\n"
           "steps:\n"
           "  - run: make\n",
    .good = "runs-on: ubuntu-24.04\n"
            "steps:\n"
            "  - run: make\n",
};
const struct lint_rule rule_unknown_label = {
    .id = "unknown-label",
    .level = LINT_NOTE,
    .summary = "A label that no runner of GitHub has",
    .why = "It may be one of your own: name it under labels in .github/gantry-lint.yml.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-lastest\n"
           "steps:\n"
           "  - run: make\n",
    .good = "runs-on: ubuntu-latest\n"
            "steps:\n"
            "  - run: make\n",
};
const struct lint_rule rule_label_conflict = {
    .id = "label-conflict",
    .level = LINT_WARNING,
    .summary = "Labels of two different runner images",
    .why = "A runner must carry all labels of a job; none does. A matrix runs a job on "
           "several.",
    .scope = LINT_JOB,
    .bad = "runs-on: [ubuntu-latest, windows-latest]\n"
           "steps:\n"
           "  - run: make\n",
    .good = "runs-on: [self-hosted, linux]\n"
            "steps:\n"
            "  - run: make\n",
};
const struct lint_rule rule_self_hosted_on_pull_request = {
    .id = "self-hosted-on-pull-request",
    .level = LINT_NOTE,
    .summary = "Pull requests on a machine of your own",
    .why = "In a public repository anybody can open a pull request, whose code then runs "
           "there.",
    .scope = LINT_WORKFLOW,
    .bad = "on: pull_request\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: [self-hosted, linux]\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on: push\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: [self-hosted, linux]\n"
            "    steps:\n"
            "      - run: make\n",
};
