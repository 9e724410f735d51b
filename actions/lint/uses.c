/* SPDX-License-Identifier: Apache-2.0
 *
 * References to actions and images. Rules: unpinned-action, tag-pinned-action, short-sha, unpinned-image,
 * retired-action, deprecated-node, local-action-missing, local-action-before-checkout, persist-credentials. */
#include "actions/event.h"
#include "actions/lint/lint_priv.h"
#include "actions/manifest.h"
#include "actions/names.h"
#include "base/num.h"

/* Major versions of well-known actions that run on a node that is no longer supported, and those that the
 * service refuses since its artifact and cache back ends were replaced.
 * Source: the runs.using of each action's action.yml by tag; github.blog changelog 2024-04-16, 2024-12-05. */
static const struct {
    const char *action;
    unsigned old, refused; /* up to this major version */
} versions[] = {
    {"actions/checkout", 3, 0},
    {"actions/cache", 3, 2},
    {"actions/cache/save", 3, 2},
    {"actions/cache/restore", 3, 2},
    {"actions/upload-artifact", 3, 3},
    {"actions/download-artifact", 3, 3},
    {"actions/setup-node", 3, 0},
    {"actions/setup-python", 4, 0},
    {"actions/setup-java", 3, 0},
    {"actions/setup-go", 4, 0},
    {"actions/setup-dotnet", 3, 0},
    {"actions/github-script", 6, 0},
    {"actions/labeler", 4, 0},
    {"actions/stale", 8, 0},
    {"actions/upload-pages-artifact", 1, 2},
    {"actions/deploy-pages", 2, 3},
    {"actions/configure-pages", 3, 0},
    {"actions/dependency-review-action", 3, 0},
    {"github/codeql-action/init", 2, 0},
    {"github/codeql-action/analyze", 2, 0},
    {"github/codeql-action/autobuild", 2, 0},
    {"github/codeql-action/upload-sarif", 2, 0},
    {"docker/build-push-action", 4, 0},
    {"docker/login-action", 2, 0},
    {"docker/setup-buildx-action", 2, 0},
    {"docker/setup-qemu-action", 2, 0},
    {"docker/metadata-action", 4, 0},
    {"codecov/codecov-action", 3, 0},
    {"softprops/action-gh-release", 1, 0},
    {"peaceiris/actions-gh-pages", 3, 0},
};

static bool is_hex(struct sv s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!ch_is_hex(s.p[i]))
            return false;
    }
    return s.n > 0;
}

/* v1, v1.2.3, 1.2, v1-beta, release-1.2: a tag by its looks. */
static bool looks_like_version(struct sv ref)
{
    size_t i = 0, digits;

    while (i < ref.n && (ch_is_alpha(ref.p[i]) || strchr("-_/", ref.p[i]) != NULL))
        i++;
    if (i > 1 && sv_chr(ref, '.') == SV_NPOS)
        return false; /* release2, feature/3: branches are named so too */
    for (digits = i; digits < ref.n && ch_is_digit(ref.p[digits]);)
        digits++;
    return digits > i && (digits == ref.n || strchr(".-+_", ref.p[digits]) != NULL);
}

static bool is_trusted(const struct lint *l, struct sv repository)
{
    const struct lint_config *c = l->o->config;

    for (size_t i = 0; c != NULL && i < c->n_trusted; i++) {
        bool hit = false;
        struct err e;
        if (event_pattern(sv_of(c->trusted[i]), repository, &hit, &e) == 0 && hit)
            return true;
    }
    return false;
}

static void check_pin(struct lint *l, const struct yx_node *n, const struct uses *u)
{
    bool hex = is_hex(u->ref);

    if (hex && (u->ref.n == 40 || u->ref.n == 64))
        return;
    size_t at = n->text.n - u->ref.n;
    if (hex && u->ref.n >= 7 && !looks_like_version(u->ref)) {
        lint_in(l, &rule_short_sha, n, at, u->ref.n,
                "GitHub does not resolve a shortened commit SHA; write all 40 digits");
        return;
    }
    if (is_trusted(l, u->repository))
        return;
    if (looks_like_version(u->ref))
        lint_in(l, &rule_tag_pinned_action, n, at, u->ref.n,
                "whoever owns '" SV_FMT "' can move the tag '" SV_FMT "'; pin a commit SHA",
                SV_ARG(u->repository), SV_ARG(u->ref));
    else
        lint_in(l, &rule_unpinned_action, n, at, u->ref.n,
                "'" SV_FMT "' of '" SV_FMT "' is a branch or a moving tag: other code may run "
                "tomorrow; pin a version or a commit SHA",
                SV_ARG(u->ref), SV_ARG(u->repository));
}

static void check_version(struct lint *l, const struct yx_node *n, const struct uses *u)
{
    struct sv name = sv_sub(n->text, 0, sv_rchr(n->text, '@')), major = u->ref;
    struct err e;
    uint64_t v;

    if (sv_starts(major, SV("v")))
        major = sv_sub(major, 1, SV_NPOS);
    major = sv_sub(major, 0, sv_chr(major, '.'));
    if (num_u64(major, 1000, &v, &e) < 0)
        return;
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        if (!sv_ieq(name, sv_of(versions[i].action)))
            continue;
        if (v <= versions[i].refused)
            lint_at(l, &rule_retired_action, n,
                    "version " SV_FMT " of %s no longer works; use v%u or newer", SV_ARG(u->ref),
                    versions[i].action, versions[i].refused + 1);
        else if (v <= versions[i].old)
            lint_at(l, &rule_deprecated_node, n,
                    "%s@" SV_FMT " was made for a node version that runners no longer have; use "
                    "v%u or newer",
                    versions[i].action, SV_ARG(u->ref), versions[i].old + 1);
    }
}

static bool is_pinned_image(struct sv image)
{
    return sv_find(image, SV("@sha256:")) != SV_NPOS;
}

static void check_image(struct lint *l, const struct yx_node *n)
{
    if (n == NULL || n->kind != YX_SCALAR || n->text.n == 0 || lint_has_expr(n) ||
        is_pinned_image(n->text) || sv_is(n->text, "docker://"))
        return;
    if (sv_ends(n->text, SV(":")) || sv_ends(n->text, SV("@"))) {
        lint_at(l, &rule_invalid_container, n, "the %s of the image '" SV_FMT "' is empty",
                sv_ends(n->text, SV(":")) ? "tag" : "digest", SV_ARG(n->text));
        return;
    }
    lint_at(l, &rule_unpinned_image, n,
            "the image '" SV_FMT "' may change under its name; pin its digest (@sha256:...)",
            SV_ARG(n->text));
}

/* A step that brings the repository's files: checkout, or any script that may. */
static bool brings_files(const struct lint_step *s)
{
    if (s->run != NULL)
        return sv_find(s->run->text, SV("git ")) != SV_NPOS ||
               sv_find(s->run->text, SV("gh ")) != SV_NPOS;
    return s->uses != NULL && !sv_starts(s->uses->text, SV("./"));
}

static bool is_checkout(const struct lint_step *s)
{
    return s->uses != NULL && sv_istarts(s->uses->text, SV("actions/checkout@"));
}

static void check_local(struct lint *l, const struct lint_step *s, bool files)
{
    const struct manifest *m;
    enum lint_found found = lint_action(l, s->uses->text, &m);

    if (found == NOT_FOUND)
        lint_at(l, &rule_local_action_missing, s->uses,
                "there is no action.yml, action.yaml or Dockerfile in '" SV_FMT "'",
                SV_ARG(s->uses->text));
    if (!files && s->job != NULL && sv_starts(s->uses->text, SV("./")))
        lint_at(
            l, &rule_local_action_before_checkout, s->uses,
            "no step before this one brings the repository's files: the action is not there yet");
    if (found == FOUND && m->using == MANIFEST_NODE && m->node_version < 20)
        lint_at(l, &rule_deprecated_node, s->uses,
                "the action runs on node%u, which runners no longer have", m->node_version);
}

static void check_containers(struct lint *l, const struct lint_job *j)
{
    const struct yx_node *c = lint_get(j->node, "container");
    const struct yx_node *services = lint_get(j->node, "services");

    check_image(l, c != NULL && c->kind == YX_MAPPING ? lint_get(c, "image") : c);
    for (size_t i = 0; services != NULL && services->kind == YX_MAPPING && i < services->n; i++) {
        const struct yx_node *s = services->items[2 * i + 1];
        check_image(l, s->kind == YX_MAPPING ? lint_get(s, "image") : s);
    }
}

void lint_uses(struct lint *l, const struct lint_step *steps, size_t n)
{
    bool files = false;

    if (n > 0 && steps[0].job != NULL)
        check_containers(l, steps[0].job);
    for (size_t i = 0; i < n; i++) {
        const struct lint_step *s = &steps[i];
        struct uses u;
        struct err e = {0};
        if (s->uses != NULL && uses_parse(s->uses->text, &u, &e) == 0) {
            if (u.kind == USES_REPOSITORY) {
                check_pin(l, s->uses, &u);
                check_version(l, s->uses, &u);
            } else if (u.kind == USES_DOCKER) {
                check_image(l, s->uses);
            } else {
                check_local(l, s, files);
            }
        } else if (s->uses != NULL && sv_is(s->uses->text, "docker://")) {
            lint_at(l, &rule_invalid_container, s->uses, "%s", e.msg);
        }
        if (is_checkout(s) && lint_key(s->with, "persist-credentials") == NULL)
            lint_at(l, &rule_persist_credentials, s->uses,
                    "checkout leaves the token in .git/config, where every later step can read it; "
                    "set persist-credentials: false");
        files = files || brings_files(s);
    }
}
