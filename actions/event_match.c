/* SPDX-License-Identifier: Apache-2.0
 *
 * Does an event start a workflow, and which filter decided it (spec expressions 5.2, 5.3).
 * Source: docs.github.com, "Workflow syntax", "Events that trigger workflows" and "Skipping workflow runs". */
#include "actions/event.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "actions/workflow_priv.h"
#include "base/mem.h"

#define MAX_COMMITS 1000U /* docs: a push of more passes every path filter */

void event_why_done(struct event_why *w)
{
    for (size_t i = 0; i < w->n; i++) {
        free(w->v[i].pattern);
        free(w->v[i].value);
    }
    free(w->text);
    *w = (struct event_why){.text = NULL};
}

/* ---- what is said ---- */

static void say(struct event_why *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(struct event_why *w, const char *fmt, ...)
{
    AUTO(buf_free) struct buf b = BUF_INIT(8192);
    va_list ap;

    if (w->text != NULL)
        buf_addf(&b, "%s; ", w->text);
    va_start(ap, fmt);
    buf_addvf(&b, fmt, ap);
    va_end(ap);
    free(w->text);
    w->text = xstrdup(b.p);
}

/* The filter that decided; at: the pattern, or the list when none matched. */
static void decided(struct event_why *w, const char *filter, const struct tok *pattern,
                    const struct tok *list, struct sv value)
{
    const struct tok *at = pattern != NULL ? pattern : list;
    struct event_filter *f;

    if (w->n >= EVENT_MAX_FILTERS)
        return;
    f = &w->v[w->n++];
    *f = (struct event_filter){.filter = filter, .value = sv_dup(value)};
    f->pattern = pattern != NULL ? sv_dup(pattern->text) : NULL;
    f->line = at != NULL ? at->line : 0;
    f->col = at != NULL ? at->col : 0;
}

/* ---- lists of patterns ---- */

static size_t list_size(const struct tok *t)
{
    return t == NULL ? 0 : t->kind == TOK_SEQUENCE ? t->n : 1;
}

static const struct tok *list_at(const struct tok *t, size_t i)
{
    return t->kind == TOK_SEQUENCE ? t->items[i] : t;
}

static bool is_negative(const struct tok *pattern)
{
    return sv_starts(pattern->text, SV("!"));
}

/* The reader checked the patterns, so that a bad one cannot come here; it would match nothing. */
static bool pattern_hits(const struct tok *pattern, struct sv name)
{
    struct sv text = is_negative(pattern) ? sv_sub(pattern->text, 1, SV_NPOS) : pattern->text;
    struct err e;
    bool hit = false;

    return event_pattern(text, name, &hit, &e) == 0 && hit;
}

/* The last pattern that matches decides; "!" makes it negative. NULL: none matches. */
static const struct tok *last_hit(const struct tok *list, struct sv name)
{
    for (size_t i = list_size(list); i-- > 0;) {
        if (pattern_hits(list_at(list, i), name))
            return list_at(list, i);
    }
    return NULL;
}

/* In a list of what is ignored "!p" is everything that p does not match (act, RS; not verified). */
static const struct tok *ignoring(const struct tok *list, struct sv name)
{
    for (size_t i = 0; i < list_size(list); i++) {
        const struct tok *p = list_at(list, i);
        if (pattern_hits(p, name) != is_negative(p))
            return p;
    }
    return NULL;
}

/* One name against a pair of filters. */
static bool name_passes(const struct tok *cfg, const char *include, const char *ignore,
                        struct sv name, struct event_why *w)
{
    const struct tok *in = tok_get(cfg, sv_of(include)), *out = tok_get(cfg, sv_of(ignore));
    const struct tok *hit;

    if (in != NULL) {
        hit = last_hit(in, name);
        decided(w, include, hit, in, name);
        if (hit == NULL)
            say(w, "'%.*s' matches no pattern of '%s'", SV_ARG(name), include);
        else
            say(w, "'%.*s' matches '%.*s' of '%s'", SV_ARG(name), SV_ARG(hit->text), include);
        return hit != NULL && !is_negative(hit);
    }
    if (out != NULL) {
        hit = ignoring(out, name);
        decided(w, ignore, hit, out, name);
        if (hit == NULL)
            say(w, "'%.*s' matches no pattern of '%s'", SV_ARG(name), ignore);
        else
            say(w, "'%.*s' matches '%.*s' of '%s'", SV_ARG(name), SV_ARG(hit->text), ignore);
        return hit == NULL;
    }
    return true;
}

/* ---- changed files ---- */

static bool a_path_is_included(const struct tok *in, const struct event *ev, size_t n,
                               struct event_why *w)
{
    for (size_t i = 0; i < n; i++) {
        struct sv path = sv_of(ev->paths[i]);
        const struct tok *hit = last_hit(in, path);
        if (hit == NULL || is_negative(hit))
            continue;
        decided(w, "paths", hit, in, path);
        say(w, "the changed file '%.*s' matches '%.*s' of 'paths'", SV_ARG(path),
            SV_ARG(hit->text));
        return true;
    }
    decided(w, "paths", NULL, in, SV(""));
    if (n < ev->n_paths)
        say(w, "none of the first %zu of %zu changed files matches a pattern of 'paths'", n,
            ev->n_paths);
    else
        say(w, "no changed file matches a pattern of 'paths'");
    return false;
}

static bool a_path_is_left(const struct tok *out, const struct event *ev, size_t n,
                           struct event_why *w)
{
    for (size_t i = 0; i < n; i++) {
        struct sv path = sv_of(ev->paths[i]);
        if (ignoring(out, path) != NULL)
            continue;
        decided(w, "paths-ignore", NULL, out, path);
        say(w, "the changed file '%.*s' matches no pattern of 'paths-ignore'", SV_ARG(path));
        return true;
    }
    decided(w, "paths-ignore", NULL, out, SV(""));
    say(w, "every changed file matches a pattern of 'paths-ignore'");
    return false;
}

static bool paths_pass(const struct tok *cfg, const struct event *ev, struct event_why *w)
{
    const struct tok *in = tok_get(cfg, SV("paths")), *out = tok_get(cfg, SV("paths-ignore"));
    size_t n = ev->n_paths < EVENT_MAX_PATHS ? ev->n_paths : EVENT_MAX_PATHS;

    if (in == NULL && out == NULL)
        return true;
    if (ev->paths == NULL || ev->n_commits > MAX_COMMITS) {
        say(w, "the changed files are not known: '%s' passes",
            in != NULL ? "paths" : "paths-ignore");
        return true;
    }
    return in != NULL ? a_path_is_included(in, ev, n, w) : a_path_is_left(out, ev, n, w);
}

bool event_asks_paths(const struct wf *w, struct sv event)
{
    const struct tok *cfg = wf_event(w, event);

    return tok_get(cfg, SV("paths")) != NULL || tok_get(cfg, SV("paths-ignore")) != NULL;
}

/* ---- single events ---- */

static bool push_passes(const struct tok *cfg, const struct event *ev, struct event_why *w)
{
    bool branches =
        tok_get(cfg, SV("branches")) != NULL || tok_get(cfg, SV("branches-ignore")) != NULL;
    bool tags = tok_get(cfg, SV("tags")) != NULL || tok_get(cfg, SV("tags-ignore")) != NULL;

    if (sv_starts(ev->ref, SV("refs/tags/"))) {
        if (branches && !tags) {
            say(w, "a tag was pushed and only branches are asked for");
            return false;
        }
        return name_passes(cfg, "tags", "tags-ignore", sv_sub(ev->ref, 10, SV_NPOS), w);
    }
    if (tags && !branches) {
        say(w, "a branch was pushed and only tags are asked for");
        return false;
    }
    struct sv name = sv_starts(ev->ref, SV("refs/heads/")) ? sv_sub(ev->ref, 11, SV_NPOS) : ev->ref;
    return name_passes(cfg, "branches", "branches-ignore", name, w) && paths_pass(cfg, ev, w);
}

/* Without `types` every activity counts, except for pull requests (5.2). */
static bool type_passes(const struct tok *cfg, const struct event *ev, struct event_why *w)
{
    const struct tok *types = tok_get(cfg, SV("types"));
    bool pull = sv_is(ev->name, "pull_request") || sv_is(ev->name, "pull_request_target");

    if (ev->action.n == 0)
        return true;
    if (types == NULL) {
        if (!pull || sv_is(ev->action, "opened") || sv_is(ev->action, "synchronize") ||
            sv_is(ev->action, "reopened"))
            return true;
        say(w, "activity '%.*s' is not one of opened, synchronize, reopened", SV_ARG(ev->action));
        return false;
    }
    for (size_t i = 0; i < list_size(types); i++) {
        if (!sv_eq(list_at(types, i)->text, ev->action))
            continue;
        decided(w, "types", list_at(types, i), types, ev->action);
        say(w, "activity '%.*s' is in 'types'", SV_ARG(ev->action));
        return true;
    }
    decided(w, "types", NULL, types, ev->action);
    say(w, "activity '%.*s' is not in 'types'", SV_ARG(ev->action));
    return false;
}

/* A text of the payload: "workflow_run", "name". */
static struct sv payload_text(const struct event *ev, const char *object, const char *key)
{
    const struct val *o = ev->payload != NULL ? val_gets(ev->payload, object) : NULL;
    const struct val *v = o != NULL ? val_gets(o, key) : NULL;

    return v != NULL && val_kind(v) == VAL_STRING ? val_get_string(v) : SV("");
}

static bool payload_true(const struct event *ev, const char *object, const char *key)
{
    const struct val *o = ev->payload != NULL ? val_gets(ev->payload, object) : NULL;
    const struct val *v = o != NULL ? val_gets(o, key) : NULL;

    return v != NULL && val_kind(v) == VAL_BOOL && val_get_bool(v);
}

/* `workflows` are names; patterns are taken too, as RS does. */
static bool workflow_run_passes(const struct tok *cfg, const struct event *ev, struct event_why *w)
{
    const struct tok *names = tok_get(cfg, SV("workflows"));
    struct sv name = payload_text(ev, "workflow_run", "name");
    const struct tok *hit = NULL;

    for (size_t i = 0; i < list_size(names) && hit == NULL; i++) {
        if (sv_eq(list_at(names, i)->text, name))
            hit = list_at(names, i);
    }
    if (hit == NULL)
        hit = last_hit(names, name);
    if (names != NULL && name.n > 0) {
        decided(w, "workflows", hit, names, name);
        if (hit == NULL || is_negative(hit)) {
            say(w, "the workflow '%.*s' is not among 'workflows'", SV_ARG(name));
            return false;
        }
        say(w, "the workflow '%.*s' is among 'workflows'", SV_ARG(name));
    }
    struct sv branch = payload_text(ev, "workflow_run", "head_branch");
    return branch.n == 0 || name_passes(cfg, "branches", "branches-ignore", branch, w);
}

static bool schedule_passes(const struct tok *cfg, const struct event *ev, struct event_why *w)
{
    const struct val *v = ev->payload != NULL ? val_gets(ev->payload, "schedule") : NULL;
    struct sv due = v != NULL ? val_get_string(v) : SV("");

    if (due.n == 0)
        return true;
    for (size_t i = 0; i < list_size(cfg); i++) {
        const struct tok *cron = tok_get(list_at(cfg, i), SV("cron"));
        if (cron == NULL || !sv_eq(cron->text, due))
            continue;
        decided(w, "cron", cron, cfg, due);
        say(w, "'%.*s' is one of its schedules", SV_ARG(due));
        return true;
    }
    decided(w, "cron", NULL, cfg, due);
    say(w, "'%.*s' is none of its schedules", SV_ARG(due));
    return false;
}

/* Activities of drafts start nothing (5.2). */
static bool release_passes(const struct event *ev, struct event_why *w)
{
    if (!payload_true(ev, "release", "draft") ||
        (!sv_is(ev->action, "created") && !sv_is(ev->action, "edited") &&
         !sv_is(ev->action, "deleted")))
        return true;
    say(w, "the release is a draft");
    return false;
}

static bool image_version_passes(const struct tok *cfg, const struct event *ev, struct event_why *w)
{
    struct sv name = payload_text(ev, "image_version", "image_name");
    struct sv version = payload_text(ev, "image_version", "version");

    return (name.n == 0 || name_passes(cfg, "names", "", name, w)) &&
           (version.n == 0 || name_passes(cfg, "versions", "", version, w));
}

static struct sv short_branch(struct sv ref)
{
    return sv_starts(ref, SV("refs/heads/")) ? sv_sub(ref, 11, SV_NPOS) : ref;
}

static bool filters_pass(const struct tok *cfg, const struct event *ev, struct event_why *w)
{
    if (sv_is(ev->name, "push"))
        return push_passes(cfg, ev, w);
    if (sv_is(ev->name, "schedule"))
        return schedule_passes(cfg, ev, w);
    if (!type_passes(cfg, ev, w))
        return false;
    if (sv_is(ev->name, "pull_request") || sv_is(ev->name, "pull_request_target"))
        return name_passes(cfg, "branches", "branches-ignore", ev->base_ref, w) &&
               paths_pass(cfg, ev, w);
    if (sv_is(ev->name, "workflow_run"))
        return workflow_run_passes(cfg, ev, w);
    if (sv_is(ev->name, "merge_group"))
        return name_passes(cfg, "branches", "branches-ignore",
                           short_branch(payload_text(ev, "merge_group", "base_ref")), w);
    if (sv_is(ev->name, "release"))
        return release_passes(ev, w);
    if (sv_is(ev->name, "image_version"))
        return image_version_passes(cfg, ev, w);
    if (sv_is(ev->name, "deployment_status") &&
        sv_is(payload_text(ev, "deployment_status", "state"), "inactive")) {
        say(w, "the state 'inactive' of a deployment starts nothing");
        return false;
    }
    return true;
}

/* ---- messages of commits that skip ---- */

/* Takes the last line off a text. */
static struct sv take_last_line(struct sv *text)
{
    size_t at = sv_rchr(*text, '\n');
    struct sv line = at == SV_NPOS ? *text : sv_sub(*text, at + 1, SV_NPOS);

    *text = at == SV_NPOS ? SV("") : sv_sub(*text, 0, at);
    return sv_trim(line);
}

/* "skip-checks: true" as the last trailer; the trailers stand at the end, behind two empty lines. */
static bool has_skip_trailer(struct sv message)
{
    struct sv rest = sv_trim(message), line = take_last_line(&rest);

    if (!sv_is(line, "skip-checks:true") && !sv_is(line, "skip-checks: true"))
        return false;
    while (rest.n > 0 && (line = take_last_line(&rest)).n > 0)
        ; /* the trailers before it */
    return rest.n > 0 && line.n == 0 && take_last_line(&rest).n == 0 && rest.n > 0;
}

const char *event_skip_word(struct sv message)
{
    static const char *const words[] = {"[skip ci]", "[ci skip]", "[no ci]", "[skip actions]",
                                        "[actions skip]"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (sv_find(message, sv_of(words[i])) != SV_NPOS)
            return words[i];
    }
    return has_skip_trailer(message) ? "skip-checks: true" : NULL;
}

/* ---- the whole ---- */

static bool matches(const struct wf *w, const struct event *ev, struct event_why *why)
{
    bool skips = sv_is(ev->name, "push") || sv_is(ev->name, "pull_request");
    const char *word = skips ? event_skip_word(ev->message) : NULL;

    if (!wf_has_event(w, ev->name)) {
        AUTO(buf_free) struct buf names = BUF_INIT(1024);
        for (size_t i = 0; i < w->n_events; i++)
            buf_addf(&names, "%s%.*s", i > 0 ? ", " : "", SV_ARG(w->events[i]));
        say(why, "it does not run on '%.*s' (on: %s)", SV_ARG(ev->name), names.p);
        return false;
    }
    if (word != NULL) {
        decided(why, "commit message", NULL, NULL, sv_of(word));
        say(why, "the commit message says '%s'", word);
        return false;
    }
    if (!filters_pass(wf_event(w, ev->name), ev, why))
        return false;
    if (why->text == NULL)
        say(why, "it runs on every '%.*s'", SV_ARG(ev->name));
    return true;
}

bool event_matches(const struct wf *w, const struct event *ev, struct event_why *why)
{
    struct event_why ignored = {.text = NULL};
    bool yes = matches(w, ev, why != NULL ? why : &ignored);

    event_why_done(&ignored);
    return yes;
}
