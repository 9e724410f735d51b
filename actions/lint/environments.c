/* SPDX-License-Identifier: Apache-2.0
 *
 * Variables and what is written into them. Rules: invalid-env-name, reserved-env-name, insecure-commands,
 * hardcoded-secret, hardcoded-credential. */
#include "actions/lint/lint_priv.h"

/* The runner sets these itself; what a workflow gives is not used. Source: docs, "Default environment variables". */
static const char *const reserved[] = {
    "GITHUB_ACTION",
    "GITHUB_ACTION_PATH",
    "GITHUB_ACTION_REPOSITORY",
    "GITHUB_ACTIONS",
    "GITHUB_ACTOR",
    "GITHUB_ACTOR_ID",
    "GITHUB_API_URL",
    "GITHUB_BASE_REF",
    "GITHUB_ENV",
    "GITHUB_EVENT_NAME",
    "GITHUB_EVENT_PATH",
    "GITHUB_GRAPHQL_URL",
    "GITHUB_HEAD_REF",
    "GITHUB_JOB",
    "GITHUB_OUTPUT",
    "GITHUB_PATH",
    "GITHUB_REF",
    "GITHUB_REF_NAME",
    "GITHUB_REF_PROTECTED",
    "GITHUB_REF_TYPE",
    "GITHUB_REPOSITORY",
    "GITHUB_REPOSITORY_ID",
    "GITHUB_REPOSITORY_OWNER",
    "GITHUB_REPOSITORY_OWNER_ID",
    "GITHUB_RETENTION_DAYS",
    "GITHUB_RUN_ATTEMPT",
    "GITHUB_RUN_ID",
    "GITHUB_RUN_NUMBER",
    "GITHUB_SERVER_URL",
    "GITHUB_SHA",
    "GITHUB_STATE",
    "GITHUB_STEP_SUMMARY",
    "GITHUB_TRIGGERING_ACTOR",
    "GITHUB_WORKFLOW",
    "GITHUB_WORKFLOW_REF",
    "GITHUB_WORKFLOW_SHA",
    "GITHUB_WORKSPACE",
    "RUNNER_ARCH",
    "RUNNER_DEBUG",
    "RUNNER_ENVIRONMENT",
    "RUNNER_NAME",
    "RUNNER_OS",
    "RUNNER_TEMP",
    "RUNNER_TOOL_CACHE",
};

/* Beginnings of tokens, and how many letters, digits, '_' or '-' must follow at least. */
static const struct {
    const char *start, *what;
    size_t n;
} tokens[] = {
    {"ghp_", "a personal access token of GitHub", 36},
    {"gho_", "an OAuth token of GitHub", 36},
    {"ghu_", "a user token of GitHub", 36},
    {"ghs_", "an installation token of GitHub", 36},
    {"ghr_", "a refresh token of GitHub", 36},
    {"github_pat_", "a personal access token of GitHub", 50},
    {"glpat-", "an access token of GitLab", 20},
    {"AKIA", "an access key of AWS", 16},
    {"ASIA", "an access key of AWS", 16},
    {"xoxb-", "a bot token of Slack", 20},
    {"xoxp-", "a user token of Slack", 20},
    {"AIza", "an API key of Google", 35},
    {"sk_live_", "a secret key of Stripe", 20},
    {"npm_", "an access token of npm", 36},
    {"pypi-AgEIcHlwaS5vcmc", "an API token of PyPI", 50},
    {"dop_v1_", "an access token of DigitalOcean", 64},
    {"-----BEGIN RSA PRIVATE KEY", "a private key", 0},
    {"-----BEGIN OPENSSH PRIVATE KEY", "a private key", 0},
    {"-----BEGIN EC PRIVATE KEY", "a private key", 0},
    {"-----BEGIN PRIVATE KEY", "a private key", 0},
};

static bool word_char(char c)
{
    return ch_is_alnum(c) || c == '_' || c == '-';
}

static void check_tokens(struct lint *l, const struct yx_node *n)
{
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        struct sv start = sv_of(tokens[i].start);
        size_t at = sv_find(n->text, start);
        if (at == SV_NPOS || (at > 0 && word_char(n->text.p[at - 1])))
            continue;
        size_t more = 0;
        while (at + start.n + more < n->text.n && word_char(n->text.p[at + start.n + more]))
            more++;
        if (more < tokens[i].n)
            continue;
        lint_in(l, &rule_hardcoded_secret, n, at, start.n + more,
                "this looks like %s; whoever reads the file has it: revoke it and use a secret",
                tokens[i].what);
        return;
    }
}

/* Recursion is bounded by the depth of the file. */
static void check_texts(struct lint *l, const struct yx_node *n)
{
    if (n->kind == YX_SCALAR) {
        if (n->text.n >= 16)
            check_tokens(l, n);
        return;
    }
    for (size_t i = 0; i < (n->kind == YX_MAPPING ? 2 * n->n : n->n); i++)
        check_texts(l, n->items[i]);
}

/* ---- names ---- */

static void check_name(struct lint *l, const struct yx_node *key, const struct yx_node *value)
{
    struct sv s = key->text;
    bool valid = s.n > 0;

    if (lint_has_expr(key))
        return;
    for (size_t i = 0; i < s.n; i++)
        valid = valid && s.p[i] != '=' && s.p[i] != '&' && (unsigned char)s.p[i] > ' ';
    if (!valid) {
        lint_at(l, &rule_invalid_env_name, key, "'" SV_FMT "' is no name of a variable", SV_ARG(s));
        return;
    }
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (sv_is(s, reserved[i])) {
            lint_at(l, &rule_reserved_env_name, key,
                    "'" SV_FMT "' is set by the runner itself: this value is not used", SV_ARG(s));
            return;
        }
    }
    if (sv_is(s, "ACTIONS_ALLOW_UNSECURE_COMMANDS") && sv_ieq(value->text, SV("true")))
        lint_at(l, &rule_insecure_commands, key,
                "set-env and add-path let every line of output change the environment; write to "
                "GITHUB_ENV and GITHUB_PATH");
}

static void check_env(struct lint *l, const struct yx_node *owner)
{
    const struct yx_node *env = lint_get(owner, "env");

    for (size_t i = 0; env != NULL && env->kind == YX_MAPPING && i < env->n; i++) {
        if (env->items[2 * i]->kind == YX_SCALAR)
            check_name(l, env->items[2 * i], env->items[2 * i + 1]);
    }
}

void lint_environments(struct lint *l)
{
    check_env(l, l->root);
    for (size_t i = 0; i < l->n_jobs; i++) {
        check_env(l, l->jobs[i].node);
        for (size_t k = 0; k < l->jobs[i].n_steps; k++)
            check_env(l, l->jobs[i].steps[k].node);
    }
    for (size_t i = 0; i < l->n_steps; i++)
        check_env(l, l->steps[i].node);
}

/* ---- credentials ---- */

static void check_password(struct lint *l, const struct yx_node *container)
{
    const struct yx_node *c = lint_get(container, "credentials");
    const struct yx_node *p = lint_get(c, "password");
    bool user = lint_key(c, "username") != NULL, password = lint_key(c, "password") != NULL;

    if (c != NULL && c->kind == YX_MAPPING && c->n > 0 && user != password)
        lint_at(l, &rule_incomplete_credentials, lint_key(container, "credentials"),
                "without '%s' nobody is logged in", user ? "password" : "username");
    if (p != NULL && p->kind == YX_SCALAR && p->text.n > 0 && !lint_has_expr(p))
        lint_at(l, &rule_hardcoded_credential, p,
                "the password stands in the file; use ${{ secrets.NAME }}");
}

void lint_credentials(struct lint *l)
{
    check_texts(l, l->root);
    for (size_t i = 0; i < l->n_jobs; i++) {
        const struct yx_node *services = lint_get(l->jobs[i].node, "services");
        check_password(l, lint_get(l->jobs[i].node, "container"));
        for (size_t k = 0; services != NULL && services->kind == YX_MAPPING && k < services->n; k++)
            check_password(l, services->items[2 * k + 1]);
    }
}
