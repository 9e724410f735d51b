/* SPDX-License-Identifier: Apache-2.0
 *
 * Payloads of events. Member names are those of GitHub's webhook documentation; ids are made up but stable. */
#include "runner/cli/run_event.h"
#include "runner/cli/json_make.h"

#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <jansson.h>

#define PAYLOAD_MAX_BYTES (25U << 20) /* docs: webhook payloads are capped at 25 MB */
#define SERVER            "https://github.com"

static json_t *owned(char *own)
{
    json_t *j = jm_text(own);

    free(own);
    return j;
}

static json_t *user(const char *login)
{
    json_t *o = json_object();

    jm_set(o, "login", jm_text(login));
    jm_set(o, "id", json_integer(1));
    jm_set(o, "type", jm_text("User"));
    jm_set(o, "site_admin", json_false());
    jm_set(o, "html_url", owned(xasprintf(SERVER "/%s", login)));
    jm_set(o, "url", owned(xasprintf("https://api.github.com/users/%s", login)));
    return o;
}

static json_t *repository(const struct repo *r)
{
    json_t *o = json_object();
    const char *slash = strchr(r->repository, '/');

    jm_set(o, "id", json_integer(1));
    jm_set(o, "name", jm_text(slash + 1));
    jm_set(o, "full_name", jm_text(r->repository));
    jm_set(o, "private", json_false());
    jm_set(o, "owner", user(r->owner));
    jm_set(o, "html_url", owned(xasprintf(SERVER "/%s", r->repository)));
    jm_set(o, "url", owned(xasprintf("https://api.github.com/repos/%s", r->repository)));
    jm_set(o, "git_url", owned(xasprintf("git://github.com/%s.git", r->repository)));
    jm_set(o, "ssh_url", owned(xasprintf("git@github.com:%s.git", r->repository)));
    jm_set(o, "clone_url", owned(xasprintf(SERVER "/%s.git", r->repository)));
    jm_set(o, "description", json_null());
    jm_set(o, "fork", json_false());
    jm_set(o, "archived", json_false());
    jm_set(o, "visibility", jm_text("public"));
    jm_set(o, "default_branch", jm_text(r->default_branch));
    jm_set(o, "master_branch", jm_text(r->default_branch));
    jm_set(o, "topics", json_array());
    return o;
}

static json_t *person(const char *name, const char *email, const char *login)
{
    json_t *o = json_object();

    jm_set(o, "name", jm_text(name));
    jm_set(o, "email", jm_text(email));
    if (login != NULL)
        jm_set(o, "username", jm_text(login));
    return o;
}

static json_t *commit(const struct repo *r, const char *actor)
{
    json_t *o = json_object();

    jm_set(o, "id", jm_text(r->sha));
    jm_set(o, "tree_id", jm_text(r->tree));
    jm_set(o, "distinct", json_true());
    jm_set(o, "message", jm_text(r->message));
    jm_set(o, "timestamp", jm_text(r->committer_date));
    jm_set(o, "url", owned(xasprintf(SERVER "/%s/commit/%s", r->repository, r->sha)));
    jm_set(o, "author", person(r->author_name, r->author_email, actor));
    jm_set(o, "committer", person(r->committer_name, r->committer_email, actor));
    return o;
}

static const char zero_sha[] = "0000000000000000000000000000000000000000";

static void push(json_t *p, const struct repo *r, const char *actor)
{
    const char *before = r->parent[0] != '\0' ? r->parent : zero_sha;
    json_t *commits = json_array();

    jm_set(p, "ref", jm_text(r->ref));
    jm_set(p, "before", jm_text(before));
    jm_set(p, "after", jm_text(r->sha));
    jm_set(p, "created", json_boolean(r->parent[0] == '\0'));
    jm_set(p, "deleted", json_false());
    jm_set(p, "forced", json_false());
    jm_set(p, "base_ref", json_null());
    jm_set(p, "compare", owned(xasprintf(SERVER "/%s/compare/%s", r->repository, r->sha)));
    BUG(json_array_append_new(commits, commit(r, actor)) < 0);
    jm_set(p, "commits", commits);
    jm_set(p, "head_commit", commit(r, actor));
    jm_set(p, "pusher", person(actor, r->committer_email, NULL));
}

static json_t *pull_side(const struct repo *r, const char *ref, const char *sha)
{
    json_t *o = json_object();

    jm_set(o, "label", owned(xasprintf("%s:%s", r->owner, ref)));
    jm_set(o, "ref", jm_text(ref));
    jm_set(o, "sha", jm_text(sha));
    jm_set(o, "user", user(r->owner));
    jm_set(o, "repo", repository(r));
    return o;
}

static void pull_request(json_t *p, const struct repo *r, const char *actor)
{
    json_t *pr = json_object();
    const char *base = r->fork != NULL ? r->fork : r->parent;
    struct sv title = sv_of(r->message), first;

    (void)sv_next(&title, '\n', &first);
    jm_set(p, "number", json_integer(1));
    jm_set(pr, "id", json_integer(1));
    jm_set(pr, "number", json_integer(1));
    jm_set(pr, "state", jm_text("open"));
    jm_set(pr, "locked", json_false());
    jm_set(pr, "title", jx_str_new(first));
    jm_set(pr, "body", json_null());
    jm_set(pr, "user", user(actor));
    jm_set(pr, "draft", json_false());
    jm_set(pr, "merged", json_false());
    jm_set(pr, "mergeable", json_true());
    jm_set(pr, "labels", json_array());
    jm_set(pr, "commits", json_integer(1));
    jm_set(pr, "created_at", jm_text(r->committer_date));
    jm_set(pr, "updated_at", jm_text(r->committer_date));
    jm_set(pr, "merge_commit_sha", jm_text(r->sha));
    jm_set(pr, "html_url", owned(xasprintf(SERVER "/%s/pull/1", r->repository)));
    jm_set(pr, "url", owned(xasprintf("https://api.github.com/repos/%s/pulls/1", r->repository)));
    jm_set(pr, "head", pull_side(r, r->branch, r->sha));
    jm_set(pr, "base", pull_side(r, r->default_branch, base[0] != '\0' ? base : r->sha));
    jm_set(p, "pull_request", pr);
}

static void issue(json_t *p, const struct repo *r, const char *actor)
{
    json_t *o = json_object();

    jm_set(o, "id", json_integer(1));
    jm_set(o, "number", json_integer(1));
    jm_set(o, "state", jm_text("open"));
    jm_set(o, "title", jm_text("Local issue"));
    jm_set(o, "body", jm_text(""));
    jm_set(o, "user", user(actor));
    jm_set(o, "labels", json_array());
    jm_set(o, "html_url", owned(xasprintf(SERVER "/%s/issues/1", r->repository)));
    jm_set(p, "issue", o);
}

static void release(json_t *p, const struct repo *r, const char *actor)
{
    json_t *o = json_object();

    jm_set(o, "id", json_integer(1));
    jm_set(o, "tag_name", jm_text(r->branch));
    jm_set(o, "target_commitish", jm_text(r->default_branch));
    jm_set(o, "name", jm_text(r->branch));
    jm_set(o, "body", jm_text(""));
    jm_set(o, "draft", json_false());
    jm_set(o, "prerelease", json_false());
    jm_set(o, "author", user(actor));
    jm_set(o, "assets", json_array());
    jm_set(p, "release", o);
}

/* The activity type that is assumed; "" for events that have none (spec expressions 5.2). */
static const char *default_action(struct sv name)
{
    static const struct {
        const char *name, *action;
    } table[] = {
        {"pull_request", "opened"},
        {"pull_request_target", "opened"},
        {"pull_request_review", "submitted"},
        {"pull_request_review_comment", "created"},
        {"issues", "opened"},
        {"issue_comment", "created"},
        {"release", "published"},
        {"workflow_run", "completed"},
        {"check_run", "completed"},
        {"check_suite", "completed"},
        {"discussion", "created"},
        {"discussion_comment", "created"},
        {"label", "created"},
        {"milestone", "created"},
        {"registry_package", "published"},
        {"watch", "started"},
        {"merge_group", "checks_requested"},
        {"branch_protection_rule", "created"},
        {"repository_dispatch", "local"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (sv_is(name, table[i].name))
            return table[i].action;
    return "";
}

static bool is_pull(struct sv name)
{
    return sv_starts(name, SV("pull_request"));
}

static void dispatch_payload(json_t *p, const struct repo *r, const json_t *inputs)
{
    jm_set(p, "ref", jm_text(r->ref));
    jm_set(p, "workflow", json_null());
    jm_set(p, "inputs",
           inputs != NULL && json_object_size(inputs) > 0 ? json_deep_copy(inputs) : json_null());
}

static json_t *make_payload(const char *name, const struct repo *r, const char *actor,
                            const json_t *dispatch)
{
    json_t *p = json_object();
    struct sv n = sv_of(name);
    const char *action = default_action(n);

    if (action[0] != '\0')
        jm_set(p, "action", jm_text(action));
    if (sv_is(n, "push"))
        push(p, r, actor);
    else if (is_pull(n))
        pull_request(p, r, actor);
    else if (sv_is(n, "workflow_dispatch"))
        dispatch_payload(p, r, dispatch);
    else if (sv_is(n, "schedule"))
        jm_set(p, "schedule", jm_text("0 0 * * *"));
    else if (sv_is(n, "issues") || sv_is(n, "issue_comment"))
        issue(p, r, actor);
    else if (sv_is(n, "release"))
        release(p, r, actor);
    else if (sv_is(n, "repository_dispatch"))
        jm_set(p, "client_payload", json_object());
    else if (sv_is(n, "create") || sv_is(n, "delete")) {
        jm_set(p, "ref", jm_text(r->branch));
        jm_set(p, "ref_type", jm_text(r->is_tag ? "tag" : "branch"));
    }
    jm_set(p, "repository", repository(r));
    jm_set(p, "sender", user(actor));
    return p;
}

static int read_payload(const char *path, json_t **out, struct err *e)
{
    AUTO(auto_free) char *content = NULL;
    size_t n;

    if (fs_read_file(AT_FDCWD, path, PAYLOAD_MAX_BYTES, &content, &n, e) < 0)
        return err_wrap(e, "--event-path");
    *out = jx_parse_lax((struct sv){content, n}, path, e);
    if (*out == NULL) {
        e->code = FAIL_INPUT;
        return err_wrap(e, "--event-path");
    }
    if (!json_is_object(*out)) {
        auto_json(out);
        *out = NULL;
        return err_set(e, FAIL_INPUT, "--event-path: '%s' does not hold a JSON object", path);
    }
    return 0;
}

/* ref, head_ref and base_ref of a pull request: of the payload, so that a given one counts too. */
static void pull_refs(struct run_event *ev, const struct repo *r)
{
    const json_t *pr = jx_get(ev->payload, "pull_request");
    struct sv head = jx_str(jx_get(pr, "head"), "ref", r->branch);
    struct sv base = jx_str(jx_get(pr, "base"), "ref", r->default_branch);
    bool merged = strcmp(ev->action, "closed") == 0 && jx_bool(pr, "merged", false);

    ev->head_ref = sv_dup(head);
    ev->base_ref = sv_dup(base);
    if (strcmp(ev->name, "pull_request_target") == 0)
        ev->ref = xasprintf("refs/heads/%s", r->default_branch); /* since the end of 2025 (5.2) */
    else if (merged)
        ev->ref = xasprintf("refs/heads/%s", ev->base_ref);
    else
        ev->ref = xasprintf("refs/pull/%lld/merge", (long long)jx_int(ev->payload, "number", 1));
}

/* Events that are about no branch: their ref is the default branch (5.2). */
static bool is_of_default_branch(struct sv name)
{
    static const char *const names[] = {
        "branch_protection_rule",
        "check_run",
        "check_suite",
        "delete",
        "discussion",
        "discussion_comment",
        "fork",
        "gollum",
        "image_version",
        "issue_comment",
        "issues",
        "label",
        "milestone",
        "page_build",
        "project",
        "project_card",
        "project_column",
        "public",
        "repository_dispatch",
        "schedule",
        "status",
        "watch",
        "workflow_run",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (sv_is(name, names[i]))
            return true;
    return false;
}

/* "refs/tags/v1" of a payload that names a tag or a branch without its folder. */
static char *full_ref(struct sv ref, bool tag)
{
    if (sv_starts(ref, SV("refs/")))
        return sv_dup(ref);
    return xasprintf("refs/%s/" SV_FMT, tag ? "tags" : "heads", SV_ARG(ref));
}

/* github.ref (5.2). ref: the user's --ref was given, which counts where the event says nothing. */
static void set_ref(struct run_event *ev, const struct repo *r, bool ref)
{
    const json_t *p = ev->payload;
    struct sv name = sv_of(ev->name);
    struct sv tag = jx_str(jx_get(p, "release"), "tag_name", "");
    struct sv group = jx_str(jx_get(p, "merge_group"), "head_ref", "");
    struct sv deployed = jx_str(jx_get(p, "deployment"), "ref", "");

    if (is_pull(name))
        pull_refs(ev, r);
    else if (sv_is(name, "release") && tag.n > 0)
        ev->ref = full_ref(tag, true);
    else if (sv_is(name, "merge_group") && group.n > 0)
        ev->ref = full_ref(group, false);
    else if (sv_is(name, "create") && jx_str(p, "ref", "").n > 0)
        ev->ref = full_ref(jx_str(p, "ref", ""), sv_is(jx_str(p, "ref_type", ""), "tag"));
    else if (sv_starts(name, SV("deployment")) && deployed.n > 0)
        ev->ref = full_ref(deployed, false);
    else if (is_of_default_branch(name) && !ref)
        ev->ref = xasprintf("refs/heads/%s", r->default_branch);
    else if (sv_starts(jx_str(p, "ref", ""), SV("refs/")))
        ev->ref = sv_dup(jx_str(p, "ref", ""));
    else
        ev->ref = xstrdup(r->ref);
    if (ev->head_ref == NULL) {
        ev->head_ref = xstrdup("");
        ev->base_ref = xstrdup("");
    }
    ev->ref_type = xstrdup(sv_starts(sv_of(ev->ref), SV("refs/tags/")) ? "tag" : "branch");
}

int run_event_make(const char *name, const struct repo *r, const char *actor, bool ref,
                   const char *payload_path, const json_t *dispatch, struct run_event *out,
                   struct err *e)
{
    AUTO(run_event_done) struct run_event ev = {.name = xstrdup(name)};

    if (payload_path == NULL)
        ev.payload = make_payload(name, r, actor, dispatch);
    else if (read_payload(payload_path, &ev.payload, e) < 0)
        return -1;
    ev.action = sv_dup(jx_str(ev.payload, "action", ""));
    set_ref(&ev, r, ref);
    *out = ev;
    ev = (struct run_event){.name = NULL};
    return 0;
}

void run_event_done(struct run_event *ev)
{
    free(ev->name);
    free(ev->action);
    free(ev->ref);
    free(ev->ref_type);
    free(ev->head_ref);
    free(ev->base_ref);
    auto_json(&ev->payload);
    *ev = (struct run_event){.name = NULL};
}
