/* SPDX-License-Identifier: Apache-2.0
 *
 * Permission levels out of `permissions`, and the check of what a called workflow asks for (spec expressions 4.11,
 * 7.4). Source: actions/runner: src/Sdk/WorkflowParser/{Permissions.cs,Conversion/PermissionsHelper.cs}. */
#include "actions/workflow_priv.h"

enum scope {
    ACTIONS,
    ARTIFACT_METADATA,
    ATTESTATIONS,
    CHECKS,
    CODE_QUALITY,
    CONTENTS,
    COPILOT_REQUESTS,
    DEPLOYMENTS,
    DISCUSSIONS,
    DRIVES,
    ID_TOKEN,
    ISSUES,
    MODELS,
    PACKAGES,
    PAGES,
    PULL_REQUESTS,
    REPOSITORY_PROJECTS,
    SECURITY_EVENTS,
    STATUSES,
    VULNERABILITY_ALERTS,
    SCOPE_COUNT_
};
_Static_assert(SCOPE_COUNT_ == WF_SCOPES, "one name each");

const char *const wf_scopes[WF_SCOPES] = {
    [ACTIONS] = "actions",
    [ARTIFACT_METADATA] = "artifact-metadata",
    [ATTESTATIONS] = "attestations",
    [CHECKS] = "checks",
    [CODE_QUALITY] = "code-quality",
    [CONTENTS] = "contents",
    [COPILOT_REQUESTS] = "copilot-requests",
    [DEPLOYMENTS] = "deployments",
    [DISCUSSIONS] = "discussions",
    [DRIVES] = "drives",
    [ID_TOKEN] = "id-token",
    [ISSUES] = "issues",
    [MODELS] = "models",
    [PACKAGES] = "packages",
    [PAGES] = "pages",
    [PULL_REQUESTS] = "pull-requests",
    [REPOSITORY_PROJECTS] = "repository-projects",
    [SECURITY_EVENTS] = "security-events",
    [STATUSES] = "statuses",
    [VULNERABILITY_ALERTS] = "vulnerability-alerts",
};

/* The order in which violations are listed (7.4); scopes of the newest schema only come last. */
static const enum scope listed[WF_SCOPES] = {
    ACTIONS,       ARTIFACT_METADATA,    ATTESTATIONS, CHECKS,           CONTENTS,
    DEPLOYMENTS,   DISCUSSIONS,          ISSUES,       PACKAGES,         PAGES,
    PULL_REQUESTS, REPOSITORY_PROJECTS,  STATUSES,     SECURITY_EVENTS,  ID_TOKEN,
    MODELS,        VULNERABILITY_ALERTS, CODE_QUALITY, COPILOT_REQUESTS, DRIVES,
};

/* read-all, write-all and the policies: what the newest schema alone knows is in none of them. */
static struct wf_permissions all(const struct wf_options *o, enum wf_level level)
{
    enum wf_level capped = level == WF_WRITE ? WF_READ : level;
    struct wf_permissions p = {.stated = true};

    for (size_t i = 0; i < WF_SCOPES; i++)
        p.level[i] = (unsigned char)level;
    p.level[CODE_QUALITY] = p.level[COPILOT_REQUESTS] = p.level[DRIVES] = WF_NONE;
    if ((o->features & WF_PROVENANCE_IN_ALL) == 0)
        p.level[ARTIFACT_METADATA] = p.level[ATTESTATIONS] = WF_NONE;
    p.level[MODELS] = (unsigned char)((o->features & WF_MODELS_IN_ALL) != 0 ? capped : WF_NONE);
    p.level[VULNERABILITY_ALERTS] =
        (unsigned char)((o->features & WF_ALERTS_IN_ALL) != 0 ? capped : WF_NONE);
    return p;
}

static enum wf_level level_of(struct sv text)
{
    if (sv_is(text, "write"))
        return WF_WRITE;
    return sv_is(text, "read") ? WF_READ : WF_NONE;
}

/* False after the error of a scope that is switched off. */
static bool scope_is_on(struct wf_reader *r, const struct tok *key)
{
    unsigned on = r->opt->features;

    if (sv_is(key->text, "id-token") && (on & WF_ID_TOKEN) == 0)
        wf_error_at(r, key, "The key 'id-token' is not allowed");
    else if (sv_is(key->text, "models") && (on & WF_MODELS) == 0)
        wf_error_at(r, key, "The permission 'models' is not allowed");
    else if (sv_is(key->text, "vulnerability-alerts") && (on & WF_VULNERABILITY_ALERTS) == 0)
        wf_error_at(r, key, "The permission 'vulnerability-alerts' is not allowed");
    else
        return true;
    return false;
}

struct wf_permissions wf_read_permissions(struct wf_reader *r, const struct tok *t)
{
    struct wf_permissions p = {.stated = t != NULL};

    if (t == NULL)
        return p;
    if (t->kind == TOK_STRING)
        return all(r->opt, sv_is(t->text, "write-all") ? WF_WRITE : WF_READ);
    for (size_t i = 0; i < t->n; i++) {
        const struct tok *key = t->items[2 * i];
        if (!scope_is_on(r, key))
            continue;
        for (size_t k = 0; k < WF_SCOPES; k++) {
            if (sv_is(key->text, wf_scopes[k]))
                p.level[k] = (unsigned char)level_of(t->items[2 * i + 1]->text);
        }
    }
    return p;
}

static struct wf_permissions of_policy(const struct wf_options *o, bool trusted)
{
    struct wf_permissions p;

    if (o->policy == WF_POLICY_LIMITED_READ) {
        p = (struct wf_permissions){.stated = true};
        p.level[CONTENTS] = p.level[PACKAGES] = WF_READ;
        return p;
    }
    p = all(o, WF_WRITE);
    if (!trusted)
        p.level[ID_TOKEN] = WF_NONE;
    return p;
}

/* The display name, as written. */
static void add_name(const struct wf_job *j, struct buf *b)
{
    const struct tok *name = j->name;

    if (name != NULL && name->kind == TOK_EXPR)
        buf_addf(b, "${{ " SV_FMT " }}", SV_ARG(name->text));
    else if (name != NULL && name->text.n > 0)
        buf_addsv(b, name->text);
    else
        buf_addsv(b, j->id);
}

/* Who asks for too much. The service once gave a job by its name, and repeated the reference of the file. */
static void add_asker(const struct wf_reader *r, const struct wf_job *nested, struct buf *b)
{
    const bool today = r->opt->edition == WF_EDITION_TODAY;

    if (nested != NULL) {
        buf_adds(b, "nested job '");
        if (today)
            buf_addsv(b, nested->id);
        else
            add_name(nested, b);
        buf_addc(b, '\'');
    } else if (today) {
        buf_adds(b, "workflow");
    } else {
        buf_addf(b, "workflow '%s'", r->file);
    }
}

void wf_check_permissions(struct wf_reader *r, const struct wf_job *caller,
                          const struct wf_permissions *max, const struct wf_job *nested,
                          const struct wf_permissions *requested)
{
    static const char *const names[] = {"none", "read", "write"};
    AUTO(buf_free) struct buf want = BUF_INIT(4096);
    AUTO(buf_free) struct buf have = BUF_INIT(4096);
    AUTO(buf_free) struct buf who = BUF_INIT(1U << 20);
    struct wf_permissions limit = max->stated ? *max : of_policy(r->opt, r->trusted);
    struct tok at = {.file = caller->file, .line = caller->line, .col = caller->col};

    for (size_t i = 0; requested->stated && i < WF_SCOPES; i++) {
        enum scope s = listed[i];
        if (requested->level[s] <= limit.level[s])
            continue;
        const char *comma = want.len > 0 ? ", " : "";
        buf_addf(&want, "%s%s: %s", comma, wf_scopes[s], names[requested->level[s]]);
        buf_addf(&have, "%s%s: %s", comma, wf_scopes[s], names[limit.level[s]]);
    }
    if (want.len == 0)
        return;
    add_asker(r, nested, &who);
    wf_error_at(r, &at,
                "Error calling workflow '%s'. The %s is requesting '%s', but is only allowed '%s'.",
                r->file, who.p, want.p, have.p);
}
