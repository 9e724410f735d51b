/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules and what --explain says about them: steps and actions. */
#include "actions/lint/rules.h"

const struct lint_rule rule_deprecated_command = {
    .id = "deprecated-command",
    .level = LINT_WARNING,
    .summary = "A workflow command that was replaced by a file",
    .why = "set-output and save-state are deprecated, since any program that prints could "
           "use them.",
    .scope = LINT_STEPS,
    .bad = "- run: echo \"::set-output name=tag::1\"\n",
    .good = "- run: echo \"tag=1\" >> \"$GITHUB_OUTPUT\"\n",
};
const struct lint_rule rule_disabled_command = {
    .id = "disabled-command",
    .level = LINT_ERROR,
    .summary = "A workflow command that runners refuse",
    .why = "set-env and add-path fail since 2020.",
    .scope = LINT_STEPS,
    .bad = "- run: echo \"::set-env name=TAG::1\"\n",
    .good = "- run: echo \"TAG=1\" >> \"$GITHUB_ENV\"\n",
};
const struct lint_rule rule_unknown_shell = {
    .id = "unknown-shell",
    .level = LINT_ERROR,
    .summary = "A shell that the runner does not know",
    .why = "The shells are bash, sh, pwsh, python, cmd and powershell; another command "
           "needs {0} for the script's path.",
    .scope = LINT_STEPS,
    .bad = "- run: make\n"
           "  shell: fish\n",
    .good = "- run: make\n"
            "  shell: fish {0}\n",
};
const struct lint_rule rule_shell_platform = {
    .id = "shell-platform",
    .level = LINT_WARNING,
    .summary = "A shell that this runner does not have",
    .why = "cmd and powershell are on Windows, sh is not.",
    .scope = LINT_STEPS,
    .bad = "- run: dir\n"
           "  shell: cmd\n",
    .good = "- run: ls\n"
            "  shell: bash\n",
};
const struct lint_rule rule_empty_run = {
    .id = "empty-run",
    .level = LINT_WARNING,
    .summary = "A step with an empty script",
    .why = "It does nothing.",
    .scope = LINT_STEPS,
    .bad = "- run: ''\n",
    .good = "- run: make\n",
};
const struct lint_rule rule_remote_script = {
    .id = "remote-script",
    .level = LINT_NOTE,
    .summary = "A downloaded script that runs at once",
    .why = "What runs is whatever the server sends that day.",
    .scope = LINT_STEPS,
    .bad = "- run: curl -fsSL https://example.com/install.sh | sh\n",
    .good = "- run: |\n"
            "    curl -fsSLo install.sh https://example.com/install.sh\n"
            "    echo \"0a1b  install.sh\" | sha256sum -c\n"
            "    sh install.sh\n",
};
const struct lint_rule rule_unpinned_action = {
    .id = "unpinned-action",
    .level = LINT_WARNING,
    .summary = "An action at a branch",
    .why = "What runs changes with every push to that branch. Pin a commit SHA, or at "
           "least a version.",
    .scope = LINT_STEPS,
    .bad = "- uses: octo/tool@main\n",
    .good = "- uses: octo/tool@8f4b7f84864484a7bf31766abe9204da3cbe65b3\n",
};
const struct lint_rule rule_tag_pinned_action = {
    .id = "tag-pinned-action",
    .level = LINT_NOTE,
    .summary = "An action at a tag",
    .why = "Its owner, or whoever takes over that account, can move the tag. List owners "
           "that you trust under trusted-actions in .github/gantry-lint.yml.",
    .scope = LINT_STEPS,
    .bad = "- uses: octo/tool@v1\n",
    .good = "- uses: octo/tool@8f4b7f84864484a7bf31766abe9204da3cbe65b3\n",
};
const struct lint_rule rule_short_sha = {
    .id = "short-sha",
    .level = LINT_ERROR,
    .summary = "A shortened commit SHA",
    .why = "GitHub does not resolve it: the job fails.",
    .scope = LINT_STEPS,
    .bad = "- uses: octo/tool@8f4b7f8\n",
    .good = "- uses: octo/tool@8f4b7f84864484a7bf31766abe9204da3cbe65b3\n",
};
const struct lint_rule rule_unpinned_image = {
    .id = "unpinned-image",
    .level = LINT_NOTE,
    .summary = "A container image without its digest",
    .why = "The image may change under its name.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-latest\n"
           "container: node:24\n"
           "steps:\n"
           "  - run: make\n",
    .good =
        "runs-on: ubuntu-latest\n"
        "container: node@sha256:1d9d1b9a1b6a2e1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f\n"
        "steps:\n"
        "  - run: make\n",
};
const struct lint_rule rule_retired_action = {
    .id = "retired-action",
    .level = LINT_WARNING,
    .summary = "A version of an action that no longer works",
    .why = "The service that it talks to was replaced: the step fails.",
    .scope = LINT_STEPS,
    .bad = "- uses: actions/upload-artifact@v3\n"
           "  with:\n"
           "    path: dist\n",
    .good = "- uses: actions/upload-artifact@v4\n"
            "  with:\n"
            "    path: dist\n",
};
const struct lint_rule rule_archived_action = {
    .id = "archived-action",
    .level = LINT_WARNING,
    .summary = "An action whose repository is archived",
    .why = "Nobody mends it any more, and it ends with the node version that it was made for.",
    .scope = LINT_STEPS,
    .bad = "- uses: actions-rs/toolchain@v1\n",
    .good = "- run: rustup toolchain install stable\n",
};
const struct lint_rule rule_misspelled_action = {
    .id = "misspelled-action",
    .level = LINT_WARNING,
    .summary = "An action that is nearly a well-known one",
    .why = "Anybody may register an owner or a repository of a similar name and wait for the slip.",
    .scope = LINT_STEPS,
    .bad = "- uses: action/checkout@v4\n",
    .good = "- uses: actions/checkout@v4\n",
};
const struct lint_rule rule_obfuscated_action = {
    .id = "obfuscated-action",
    .level = LINT_WARNING,
    .summary = "A path of an action with . or .. in it",
    .why = "The path leads to another action than it seems to: those who review it, and lists of "
           "actions that are allowed, go by the text.",
    .scope = LINT_STEPS,
    .bad = "- uses: acme/tools/lint/../deploy@v1\n",
    .good = "- uses: acme/tools/deploy@v1\n",
};
const struct lint_rule rule_deprecated_node = {
    .id = "deprecated-node",
    .level = LINT_WARNING,
    .summary = "Node 12 or 16",
    .why = "Runners no longer have them and take a newer one, with which the action was "
           "not tested.",
    .scope = LINT_ACTION,
    .bad = "name: a\n"
           "description: b\n"
           "runs:\n"
           "  using: node16\n"
           "  main: index.js\n",
    .good = "name: a\n"
            "description: b\n"
            "runs:\n"
            "  using: node24\n"
            "  main: index.js\n",
};
const struct lint_rule rule_local_action_missing = {
    .id = "local-action-missing",
    .level = LINT_WARNING,
    .summary = "The folder of a local action has no manifest",
    .why = "It may be made by an earlier step or come from another repository; then "
           "silence this finding.",
    .scope = LINT_STEPS,
    .bad = "- uses: actions/checkout@v4\n"
           "- uses: ./lint-missing\n",
    .good = "- uses: actions/checkout@v4\n"
            "- uses: ./lint-example\n"
            "  with:\n"
            "    level: low\n",
};
const struct lint_rule rule_local_action_before_checkout = {
    .id = "local-action-before-checkout",
    .level = LINT_WARNING,
    .summary = "A local action before anything was checked out",
    .why = "The workspace of a job begins empty: the action is not there.",
    .scope = LINT_STEPS,
    .bad = "- uses: ./lint-example\n"
           "  with:\n"
           "    level: low\n",
    .good = "- uses: actions/checkout@v4\n"
            "- uses: ./lint-example\n"
            "  with:\n"
            "    level: low\n",
};
const struct lint_rule rule_persist_credentials = {
    .id = "persist-credentials",
    .level = LINT_NOTE,
    .summary = "checkout leaves its token behind",
    .why = "Every later step, and everything that packs the folder, can read it in "
           ".git/config.",
    .scope = LINT_STEPS,
    .bad = "- uses: actions/checkout@v4\n",
    .good = "- uses: actions/checkout@v4\n"
            "  with:\n"
            "    persist-credentials: false\n",
};
const struct lint_rule rule_unknown_action_input = {
    .id = "unknown-action-input",
    .level = LINT_WARNING,
    .summary = "The action has no such input",
    .why =
        "The runner warns and ignores it. Local actions and some that very many workflows use are "
        "known.",
    .scope = LINT_STEPS,
    .bad = "- uses: actions/checkout@v4\n"
           "- uses: ./lint-example\n"
           "  with:\n"
           "    level: low\n"
           "    colour: red\n",
    .good = "- uses: actions/checkout@v4\n"
            "- uses: ./lint-example\n"
            "  with:\n"
            "    level: low\n",
};
const struct lint_rule rule_missing_action_input = {
    .id = "missing-action-input",
    .level = LINT_WARNING,
    .summary = "A required input of an action is not given",
    .why = "The runner does not check it; the action gets an empty text.",
    .scope = LINT_STEPS,
    .bad = "- uses: actions/checkout@v4\n"
           "- uses: ./lint-example\n",
    .good = "- uses: actions/checkout@v4\n"
            "- uses: ./lint-example\n"
            "  with:\n"
            "    level: low\n",
};
const struct lint_rule rule_deprecated_input = {
    .id = "deprecated-input",
    .level = LINT_WARNING,
    .summary = "An input that its action calls deprecated",
    .why = "The message is the action's.",
    .scope = LINT_STEPS,
    .bad = "- uses: actions/checkout@v4\n"
           "- uses: ./lint-example\n"
           "  with:\n"
           "    level: low\n"
           "    old: 1\n",
    .good = "- uses: actions/checkout@v4\n"
            "- uses: ./lint-example\n"
            "  with:\n"
            "    level: low\n",
};
const struct lint_rule rule_unused_step_id = {
    .id = "unused-step-id",
    .level = LINT_NOTE,
    .summary = "An id that nothing reads",
    .why = "It may be left out.",
    .scope = LINT_STEPS,
    .bad = "- id: build\n"
           "  run: make\n",
    .good = "- id: build\n"
            "  run: make\n"
            "- run: echo ${{ steps.build.outcome }}\n",
};
const struct lint_rule rule_invalid_env_name = {
    .id = "invalid-env-name",
    .level = LINT_WARNING,
    .summary = "A name that no shell can read",
    .why = "Names of variables hold letters, digits and '_'; '=', '&' and blanks cannot be "
           "part of them.",
    .scope = LINT_STEPS,
    .bad = "- run: make\n"
           "  env:\n"
           "    MY NAME: x\n",
    .good = "- run: make\n"
            "  env:\n"
            "    MY_NAME: x\n",
};
const struct lint_rule rule_reserved_env_name = {
    .id = "reserved-env-name",
    .level = LINT_WARNING,
    .summary = "A variable that the runner sets itself",
    .why = "GITHUB_* and RUNNER_* variables cannot be overwritten.",
    .scope = LINT_STEPS,
    .bad = "- run: make\n"
           "  env:\n"
           "    GITHUB_SHA: x\n",
    .good = "- run: make\n"
            "  env:\n"
            "    COMMIT_SHA: x\n",
};
const struct lint_rule rule_insecure_commands = {
    .id = "insecure-commands",
    .level = LINT_WARNING,
    .summary = "Commands that were switched off are switched on again",
    .why = "Every program whose output is in the log can then change the environment of "
           "later steps.",
    .scope = LINT_STEPS,
    .bad = "- run: make\n"
           "  env:\n"
           "    ACTIONS_ALLOW_UNSECURE_COMMANDS: true\n",
    .good = "- run: make\n",
};
const struct lint_rule rule_ignored_key = {
    .id = "ignored-key",
    .level = LINT_WARNING,
    .summary = "A key of an action that means nothing",
    .why = "The runner ignores it. Often it is misspelled.",
    .scope = LINT_ACTION,
    .bad = "name: a\n"
           "description: b\n"
           "runs:\n"
           "  using: node24\n"
           "  mian: index.js\n"
           "  main: index.js\n",
    .good = "name: a\n"
            "description: b\n"
            "runs:\n"
            "  using: node24\n"
            "  main: index.js\n",
};
const struct lint_rule rule_missing_action_file = {
    .id = "missing-action-file",
    .level = LINT_WARNING,
    .summary = "A file that the action runs does not exist",
    .why = "The step fails. If it is built before a release, silence this finding.",
    .scope = LINT_ACTION,
    .bad = "name: a\n"
           "description: b\n"
           "runs:\n"
           "  using: node24\n"
           "  main: lint-missing.js\n",
    .good = "name: a\n"
            "description: b\n"
            "runs:\n"
            "  using: node24\n"
            "  main: index.js\n",
};
const struct lint_rule rule_missing_output_value = {
    .id = "missing-output-value",
    .level = LINT_WARNING,
    .summary = "An output of a composite action without a value",
    .why = "It is always empty.",
    .scope = LINT_ACTION,
    .bad = "name: a\n"
           "description: b\n"
           "outputs:\n"
           "  tag:\n"
           "    description: c\n"
           "runs:\n"
           "  using: composite\n"
           "  steps:\n"
           "    - run: make\n"
           "      shell: bash\n",
    .good = "name: a\n"
            "description: b\n"
            "outputs:\n"
            "  tag:\n"
            "    description: c\n"
            "    value: ${{ github.sha }}\n"
            "runs:\n"
            "  using: composite\n"
            "  steps:\n"
            "    - run: make\n"
            "      shell: bash\n",
};
const struct lint_rule rule_missing_metadata = {
    .id = "missing-metadata",
    .level = LINT_NOTE,
    .summary = "An action without a name or a description",
    .why = "The marketplace and editors show them.",
    .scope = LINT_ACTION,
    .bad = "runs:\n"
           "  using: node24\n"
           "  main: index.js\n",
    .good = "name: a\n"
            "description: b\n"
            "runs:\n"
            "  using: node24\n"
            "  main: index.js\n",
};
const struct lint_rule rule_invalid_branding = {
    .id = "invalid-branding",
    .level = LINT_NOTE,
    .summary = "A color or an icon that the marketplace does not have",
    .why = "The action cannot be listed with it.",
    .scope = LINT_ACTION,
    .bad = "name: a\n"
           "description: b\n"
           "branding:\n"
           "  color: pink\n"
           "runs:\n"
           "  using: node24\n"
           "  main: index.js\n",
    .good = "name: a\n"
            "description: b\n"
            "branding:\n"
            "  color: red\n"
            "runs:\n"
            "  using: node24\n"
            "  main: index.js\n",
};
