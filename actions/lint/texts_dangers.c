/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules and what --explain says about them: what attackers look for, and the linter's own comments. */
#include "actions/lint/rules.h"

const struct lint_rule rule_broad_app_token = {
    .id = "broad-app-token",
    .level = LINT_WARNING,
    .summary = "A token of a GitHub App that can do more than it has to",
    .why =
        "The app may be installed in many repositories with many rights. A token can be limited to "
        "some of both, and is revoked at the end of the job unless that is switched off.",
    .scope = LINT_STEPS,
    .bad = "- uses: actions/create-github-app-token@v2\n"
           "  with:\n"
           "    app-id: 1\n"
           "    private-key: ${{ secrets.KEY }}\n"
           "    permission-contents: read\n"
           "    owner: ${{ github.repository_owner }}\n",
    .good = "- uses: actions/create-github-app-token@v2\n"
            "  with:\n"
            "    app-id: 1\n"
            "    private-key: ${{ secrets.KEY }}\n"
            "    permission-contents: read\n"
            "    owner: ${{ github.repository_owner }}\n"
            "    repositories: library\n",
};
const struct lint_rule rule_incomplete_credentials = {
    .id = "incomplete-credentials",
    .level = LINT_WARNING,
    .summary = "Credentials of a registry with one half",
    .why =
        "The runner logs in when it has both a username and a password, and says nothing when it "
        "does not: the image is then pulled as anybody could.",
    .scope = LINT_JOB,
    .bad = "runs-on: ubuntu-latest\n"
           "container:\n"
           "  image: ghcr.io/acme/build\n"
           "  credentials:\n"
           "    password: ${{ secrets.TOKEN }}\n"
           "steps:\n"
           "  - run: make\n",
    .good = "runs-on: ubuntu-latest\n"
            "container:\n"
            "  image: ghcr.io/acme/build\n"
            "  credentials:\n"
            "    username: acme\n"
            "    password: ${{ secrets.TOKEN }}\n"
            "steps:\n"
            "  - run: make\n",
};
const struct lint_rule rule_long_lived_token = {
    .id = "long-lived-token",
    .level = LINT_NOTE,
    .summary = "A stored token where the workflow's identity would do",
    .why = "A token that is stored can be stolen and used elsewhere, for as long as it is valid.",
    .scope = LINT_STEPS,
    .bad = "- uses: pypa/gh-action-pypi-publish@v1.13.0\n"
           "  with:\n"
           "    password: ${{ secrets.PYPI }}\n",
    .good = "- uses: pypa/gh-action-pypi-publish@v1.13.0\n",
};
const struct lint_rule rule_script_injection = {
    .id = "script-injection",
    .level = LINT_WARNING,
    .summary = "A text that anybody may choose becomes part of a script",
    .why = "Titles, branch names and comments can hold shell commands. A variable does "
           "not: the shell never reads its value as code.",
    .scope = LINT_WORKFLOW,
    .bad = "on: pull_request\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: echo \"${{ github.event.pull_request.title }}\"\n",
    .good = "on: pull_request\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: echo \"$TITLE\"\n"
            "        env:\n"
            "          TITLE: ${{ github.event.pull_request.title }}\n",
};
const struct lint_rule rule_template_in_script = {
    .id = "template-in-script",
    .level = LINT_NOTE,
    .summary = "An input or a name of a branch becomes part of a script",
    .why = "Who may start the run, or push a branch, may write code into the script.",
    .scope = LINT_STEPS,
    .bad = "- run: git push origin ${{ github.ref_name }}\n",
    .good = "- run: git push origin \"$GITHUB_REF_NAME\"\n",
};
const struct lint_rule rule_dangerous_checkout = {
    .id = "dangerous-checkout",
    .level = LINT_WARNING,
    .summary = "Code of a pull request in a run that has secrets",
    .why = "pull_request_target, workflow_run and issue_comment run with the rights of the "
           "repository. What they check out from outside must not be built, installed or "
           "tested.",
    .scope = LINT_WORKFLOW,
    .bad = "on: pull_request_target\n"
           "permissions: {}\n"
           "jobs:\n"
           "  build:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - uses: actions/checkout@v4\n"
           "        with:\n"
           "          ref: ${{ github.event.pull_request.head.sha }}\n",
    .good = "on: pull_request\n"
            "permissions: {}\n"
            "jobs:\n"
            "  build:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - uses: actions/checkout@v4\n"
            "        with:\n"
            "          ref: ${{ github.event.pull_request.head.sha }}\n",
};
const struct lint_rule rule_dangerous_trigger = {
    .id = "dangerous-trigger",
    .level = LINT_NOTE,
    .summary = "A trigger with rights for outsiders' events",
    .why = "pull_request_target and workflow_run are hard to use safely; pull_request "
           "needs no care.",
    .scope = LINT_WORKFLOW,
    .bad = "on: pull_request_target\n"
           "permissions: {}\n"
           "jobs:\n"
           "  label:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: make\n",
    .good = "on: pull_request\n"
            "permissions: {}\n"
            "jobs:\n"
            "  label:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_github_env_write = {
    .id = "github-env-write",
    .level = LINT_WARNING,
    .summary = "GITHUB_ENV or GITHUB_PATH in a run that outsiders can start",
    .why = "A line break in a text of theirs sets any variable of all later steps, "
           "LD_PRELOAD among them.",
    .scope = LINT_WORKFLOW,
    .bad = "on: pull_request_target\n"
           "permissions: {}\n"
           "jobs:\n"
           "  label:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - run: echo \"TITLE=$TITLE\" >> $GITHUB_ENV\n",
    .good = "on: pull_request_target\n"
            "permissions: {}\n"
            "jobs:\n"
            "  label:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: echo \"title=$TITLE\" >> $GITHUB_OUTPUT\n",
};
const struct lint_rule rule_cache_poisoning = {
    .id = "cache-poisoning",
    .level = LINT_NOTE,
    .summary = "A cache in a run that publishes",
    .why = "Caches are shared by runs of less trusted branches; what they put there ends "
           "up in the release.",
    .scope = LINT_WORKFLOW,
    .bad = "on: release\n"
           "permissions: {}\n"
           "jobs:\n"
           "  publish:\n"
           "    runs-on: ubuntu-latest\n"
           "    steps:\n"
           "      - uses: actions/cache@v4\n"
           "        with:\n"
           "          path: build\n"
           "          key: k\n",
    .good = "on: release\n"
            "permissions: {}\n"
            "jobs:\n"
            "  publish:\n"
            "    runs-on: ubuntu-latest\n"
            "    steps:\n"
            "      - run: make\n",
};
const struct lint_rule rule_hardcoded_secret = {
    .id = "hardcoded-secret",
    .level = LINT_WARNING,
    .summary = "A text that looks like a token or a private key",
    .why = "Whoever reads the file has it. Revoke it, and put its successor into a secret.",
    .scope = LINT_STEPS,
    .bad = "- run: make\n"
           "  env:\n"
           "    TOKEN: ghp_a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2\n",
    .good = "- run: make\n"
            "  env:\n"
            "    TOKEN: ${{ secrets.TOKEN }}\n",
};
const struct lint_rule rule_hardcoded_credential = {
    .id = "hardcoded-credential",
    .level = LINT_WARNING,
    .summary = "A password of a registry in the file",
    .why = "Use a secret.",
    .scope = LINT_JOB,
    .bad =
        "runs-on: ubuntu-latest\n"
        "container:\n"
        "  image: registry.example/app@sha256:1d9d1b9a1b6a2e1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f\n"
        "  credentials:\n"
        "    username: me\n"
        "    password: hunter2\n"
        "steps:\n"
        "  - run: make\n",
    .good =
        "runs-on: ubuntu-latest\n"
        "container:\n"
        "  image: registry.example/app@sha256:1d9d1b9a1b6a2e1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f\n"
        "  credentials:\n"
        "    username: me\n"
        "    password: ${{ secrets.REGISTRY }}\n"
        "steps:\n"
        "  - run: make\n",
};
const struct lint_rule rule_unknown_rule = {
    .id = "unknown-rule",
    .level = LINT_WARNING,
    .summary = "An ignore comment names no rule",
    .why = "Write # gantry: ignore[rule, ...]; gantry lint --rules lists them.",
    .scope = LINT_STEPS,
    .bad = "- run: make # gantry: ignore[no-such-rule]\n",
    .good = "- run: '' # gantry: ignore[empty-run]\n",
};
const struct lint_rule rule_unused_ignore = {
    .id = "unused-ignore",
    .level = LINT_NOTE,
    .summary = "An ignore comment silences nothing",
    .why = "It can be removed.",
    .scope = LINT_STEPS,
    .bad = "- run: make # gantry: ignore[empty-run]\n",
    .good = "- run: '' # gantry: ignore[empty-run]\n",
};
