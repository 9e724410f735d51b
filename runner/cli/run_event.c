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
    json_t *j = text(own);

    free(own);
    return j;
}

static json_t *user(const char *login)
{
    json_t *o = json_object();

    set(o, "login", text(login));
    set(o, "id", json_integer(1));
    set(o, "type", text("User"));
    set(o, "site_admin", json_false());
    set(o, "html_url", owned(xasprintf(SERVER "/%s", login)));
    set(o, "url", owned(xasprintf("https://api.github.com/users/%s", login)));
    return o;
}

static json_t *repository(const struct repo *r)
{
    json_t *o = json_object();
    const char *slash = strchr(r->repository, '/');

    set(o, "id", json_integer(1));
    set(o, "name", text(slash + 1));
    set(o, "full_name", text(r->repository));
    set(o, "private", json_false());
    set(o, "owner", user(r->owner));
    set(o, "html_url", owned(xasprintf(SERVER "/%s", r->repository)));
    set(o, "url", owned(xasprintf("https://api.github.com/repos/%s", r->repository)));
    set(o, "git_url", owned(xasprintf("git://github.com/%s.git", r->repository)));
    set(o, "ssh_url", owned(xasprintf("git@github.com:%s.git", r->repository)));
    set(o, "clone_url", owned(xasprintf(SERVER "/%s.git", r->repository)));
    set(o, "description", json_null());
    set(o, "fork", json_false());
    set(o, "archived", json_false());
    set(o, "visibility", text("public"));
    set(o, "default_branch", text(r->default_branch));
    set(o, "master_branch", text(r->default_branch));
    set(o, "topics", json_array());
    return o;
}

static json_t *person(const char *name, const char *email, const char *login)
{
    json_t *o = json_object();

    set(o, "name", text(name));
    set(o, "email", text(email));
    if (login != NULL)
        set(o, "username", text(login));
    return o;
}

static json_t *commit(const struct repo *r, const char *actor)
{
    json_t *o = json_object();

    set(o, "id", text(r->sha));
    set(o, "tree_id", text(r->tree));
    set(o, "distinct", json_true());
    set(o, "message", text(r->message));
    set(o, "timestamp", text(r->committer_date));
    set(o, "url", owned(xasprintf(SERVER "/%s/commit/%s", r->repository, r->sha)));
    set(o, "author", person(r->author_name, r->author_email, actor));
    set(o, "committer", person(r->committer_name, r->committer_email, actor));
    return o;
}

static const char zero_sha[] = "0000000000000000000000000000000000000000";

static void push(json_t *p, const struct repo *r, const char *actor)
{
    const char *before = r->parent[0] != '\0' ? r->parent : zero_sha;
    json_t *commits = json_array();

    set(p, "ref", text(r->ref));
    set(p, "before", text(before));
    set(p, "after", text(r->sha));
    set(p, "created", json_boolean(r->parent[0] == '\0'));
    set(p, "deleted", json_false());
    set(p, "forced", json_false());
    set(p, "base_ref", json_null());
    set(p, "compare", owned(xasprintf(SERVER "/%s/compare/%s", r->repository, r->sha)));
    BUG(json_array_append_new(commits, commit(r, actor)) < 0);
    set(p, "commits", commits);
    set(p, "head_commit", commit(r, actor));
    set(p, "pusher", person(actor, r->committer_email, NULL));
}

static json_t *pull_side(const struct repo *r, const char *ref, const char *sha)
{
    json_t *o = json_object();

    set(o, "label", owned(xasprintf("%s:%s", r->owner, ref)));
    set(o, "ref", text(ref));
    set(o, "sha", text(sha));
    set(o, "user", user(r->owner));
    set(o, "repo", repository(r));
    return o;
}

static void pull_request(json_t *p, const struct repo *r, const char *actor)
{
    json_t *pr = json_object();
    const char *base = r->fork != NULL ? r->fork : r->parent;
    struct sv title = sv_of(r->message), first;

    (void)sv_next(&title, '\n', &first);
    set(p, "number", json_integer(1));
    set(pr, "id", json_integer(1));
    set(pr, "number", json_integer(1));
    set(pr, "state", text("open"));
    set(pr, "locked", json_false());
    set(pr, "title", jx_str_new(first));
    set(pr, "body", json_null());
    set(pr, "user", user(actor));
    set(pr, "draft", json_false());
    set(pr, "merged", json_false());
    set(pr, "mergeable", json_true());
    set(pr, "labels", json_array());
    set(pr, "commits", json_integer(1));
    set(pr, "created_at", text(r->committer_date));
    set(pr, "updated_at", text(r->committer_date));
    set(pr, "merge_commit_sha", text(r->sha));
    set(pr, "html_url", owned(xasprintf(SERVER "/%s/pull/1", r->repository)));
    set(pr, "url", owned(xasprintf("https://api.github.com/repos/%s/pulls/1", r->repository)));
    set(pr, "head", pull_side(r, r->branch, r->sha));
    set(pr, "base", pull_side(r, r->default_branch, base[0] != '\0' ? base : r->sha));
    set(p, "pull_request", pr);
}

static void issue(json_t *p, const struct repo *r, const char *actor)
{
    json_t *o = json_object();

    set(o, "id", json_integer(1));
    set(o, "number", json_integer(1));
    set(o, "state", text("open"));
    set(o, "title", text("Local issue"));
    set(o, "body", text(""));
    set(o, "user", user(actor));
    set(o, "labels", json_array());
    set(o, "html_url", owned(xasprintf(SERVER "/%s/issues/1", r->repository)));
    set(p, "issue", o);
}

static void release(json_t *p, const struct repo *r, const char *actor)
{
    json_t *o = json_object();

    set(o, "id", json_integer(1));
    set(o, "tag_name", text(r->branch));
    set(o, "target_commitish", text(r->default_branch));
    set(o, "name", text(r->branch));
    set(o, "body", text(""));
    set(o, "draft", json_false());
    set(o, "prerelease", json_false());
    set(o, "author", user(actor));
    set(o, "assets", json_array());
    set(p, "release", o);
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
    set(p, "ref", text(r->ref));
    set(p, "workflow", json_null());
    set(p, "inputs",
        inputs != NULL && json_object_size(inputs) > 0 ? json_deep_copy(inputs) : json_null());
}

static json_t *make_payload(const char *name, const struct repo *r, const char *actor,
                            const json_t *dispatch)
{
    json_t *p = json_object();
    struct sv n = sv_of(name);
    const char *action = default_action(n);

    if (action[0] != '\0')
        set(p, "action", text(action));
    if (sv_is(n, "push"))
        push(p, r, actor);
    else if (is_pull(n))
        pull_request(p, r, actor);
    else if (sv_is(n, "workflow_dispatch"))
        dispatch_payload(p, r, dispatch);
    else if (sv_is(n, "schedule"))
        set(p, "schedule", text("0 0 * * *"));
    else if (sv_is(n, "issues") || sv_is(n, "issue_comment"))
        issue(p, r, actor);
    else if (sv_is(n, "release"))
        release(p, r, actor);
    else if (sv_is(n, "repository_dispatch"))
        set(p, "client_payload", json_object());
    else if (sv_is(n, "create") || sv_is(n, "delete")) {
        set(p, "ref", text(r->branch));
        set(p, "ref_type", text(r->is_tag ? "tag" : "branch"));
    }
    set(p, "repository", repository(r));
    set(p, "sender", user(actor));
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

    ev->head_ref = sv_dup(head);
    ev->base_ref = sv_dup(base);
    ev->ref = strcmp(ev->name, "pull_request_target") == 0
                  ? xasprintf("refs/heads/%s", ev->base_ref)
                  : xasprintf("refs/pull/%lld/merge", (long long)jx_int(ev->payload, "number", 1));
    ev->ref_type = xstrdup("branch");
}

int run_event_make(const char *name, const struct repo *r, const char *actor,
                   const char *payload_path, const json_t *dispatch, struct run_event *out,
                   struct err *e)
{
    AUTO(run_event_done) struct run_event ev = {.name = xstrdup(name)};

    if (payload_path == NULL)
        ev.payload = make_payload(name, r, actor, dispatch);
    else if (read_payload(payload_path, &ev.payload, e) < 0)
        return -1;
    ev.action = sv_dup(jx_str(ev.payload, "action", ""));
    if (is_pull(sv_of(name))) {
        pull_refs(&ev, r);
    } else {
        struct sv ref = jx_str(ev.payload, "ref", "");
        ev.ref = sv_starts(ref, SV("refs/")) ? sv_dup(ref) : xstrdup(r->ref);
        ev.ref_type = xstrdup(sv_starts(sv_of(ev.ref), SV("refs/tags/")) ? "tag" : "branch");
        ev.head_ref = xstrdup("");
        ev.base_ref = xstrdup("");
    }
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
