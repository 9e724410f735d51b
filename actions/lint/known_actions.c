/* SPDX-License-Identifier: Apache-2.0
 *
 * Actions that very many workflows use: their inputs and outputs, so that these are checked without the network; and
 * repositories that nobody works on any more. Rules: unknown-action-input, missing-action-input, misspelled-action,
 * archived-action, obfuscated-action, broad-app-token, long-lived-token. Source: the action.yml of each, all of these major versions together: an input of a newer minor
 * version that is not here would be called unknown, so that only versions up to `last` are looked at. */
#include "actions/lint/lint_priv.h"
#include "actions/names.h"
#include "base/num.h"

struct known {
    const char *name; /* OWNER/REPO or OWNER/REPO/PATH */
    unsigned first, last;
    const char *inputs;  /* parted by blanks; '!': required */
    const char *outputs; /* "": none */
};

static const struct known known[] = {
    {"actions/checkout", 1, 5,
     "repository ref token ssh-key ssh-known-hosts ssh-strict ssh-user persist-credentials path clean "
     "filter sparse-checkout sparse-checkout-cone-mode fetch-depth fetch-tags show-progress reference "
     "lfs submodules set-safe-directory github-server-url",
     "ref commit"},
    {"actions/setup-node", 1, 5,
     "always-auth node-version node-version-file architecture check-latest registry-url scope token "
     "cache cache-dependency-path package-manager-cache mirror mirror-token version",
     "cache-hit node-version"},
    {"actions/setup-python", 1, 5,
     "python-version python-version-file cache architecture check-latest token cache-dependency-path "
     "update-environment allow-prereleases freethreaded ignore-platform-version pip-version pip-install",
     "python-version cache-hit python-path"},
    {"actions/setup-java", 2, 4,
     "java-version java-version-file distribution java-package architecture jdkFile jdk-file "
     "check-latest force-download set-default verify-signature verify-signature-public-key server-id "
     "server-username server-username-env-var server-password server-password-env-var settings-path "
     "overwrite-settings gpg-private-key gpg-passphrase gpg-passphrase-env-var cache cache-jdk "
     "cache-dependency-path cache-path cache-read-only job-status token mvn-toolchain-id "
     "mvn-toolchain-vendor show-download-progress problem-matcher",
     "distribution version path cache-hit cache-primary-key"},
    {"actions/setup-go", 1, 5,
     "go-version go-version-file check-latest token cache cache-dependency-path architecture stable",
     "go-version cache-hit"},
    {"actions/setup-dotnet", 1, 4,
     "dotnet-version dotnet-quality global-json-file source-url owner config-file cache "
     "cache-dependency-path include-prerelease version workloads architecture",
     "cache-hit dotnet-version"},
    {"actions/cache", 1, 4,
     "path! key! restore-keys upload-chunk-size enableCrossOsArchive fail-on-cache-miss lookup-only "
     "save-always",
     "cache-hit cache-primary-key cache-matched-key"},
    {"actions/cache/restore", 1, 4,
     "path! key! restore-keys enableCrossOsArchive fail-on-cache-miss lookup-only",
     "cache-hit cache-primary-key cache-matched-key"},
    {"actions/cache/save", 1, 4, "path! key! upload-chunk-size enableCrossOsArchive matched-key",
     ""},
    {"actions/upload-artifact", 2, 4,
     "name path! if-no-files-found retention-days compression-level overwrite include-hidden-files",
     "artifact-id artifact-url artifact-digest"},
    {"actions/download-artifact", 2, 5,
     "name artifact-ids path pattern merge-multiple github-token repository run-id",
     "download-path artifacts"},
    {"actions/github-script", 3, 7,
     "script! github-token debug user-agent previews result-encoding retries "
     "retry-exempt-status-codes base-url",
     "result"},
    {"actions/upload-pages-artifact", 1, 3, "name path retention-days include-hidden-files",
     "artifact_id"},
    {"actions/deploy-pages", 1, 4,
     "token timeout error_count reporting_interval artifact_name preview emit_telemetry",
     "page_url"},
    {"actions/configure-pages", 1, 5,
     "static_site_generator generator_config_file token enablement",
     "base_url origin host base_path"},
    {"docker/login-action", 1, 3, "registry username password scope ecr logout registry-auth", ""},
    {"docker/build-push-action", 2, 6,
     "add-hosts allow annotations attests build-args build-contexts builder cache-from cache-to call "
     "cgroup-parent context file labels load network no-cache no-cache-filters outputs platforms "
     "provenance pull push sbom secrets secret-envs secret-files shm-size ssh tags target ulimit "
     "github-token",
     "imageid digest metadata"},
    {"docker/setup-buildx-action", 1, 3,
     "version driver driver-opts buildkitd-flags buildkitd-config buildkitd-config-inline config "
     "config-inline install use endpoint platforms append cache-binary cleanup keep-state name",
     "name driver platforms nodes endpoint status flags"},
    {"docker/setup-qemu-action", 1, 3, "image platforms cache-image reset", "platforms"},
    {"docker/metadata-action", 3, 5,
     "context images tags flavor labels annotations sep-tags sep-labels sep-annotations bake-target "
     "github-token",
     "version tags labels annotations json bake-file-tags bake-file-labels bake-file-annotations "
     "bake-file tag-names"},
    {"softprops/action-gh-release", 1, 2,
     "body body_path name tag_name draft prerelease preserve_order files overwrite_files "
     "working_directory fail_on_unmatched_files repository token target_commitish "
     "discussion_category_name generate_release_notes append_body make_latest previous_tag",
     "url id upload_url assets"},
};

/* Whose repositories are archived: they get no fixes, and end with the node version that they were made for. */
static const struct {
    const char *name, *instead;
} archived[] = {
    {"actions/create-release", "gh release create"},
    {"actions/upload-release-asset", "gh release upload"},
    {"actions/setup-ruby", "ruby/setup-ruby"},
    {"actions/setup-elixir", "erlef/setup-beam"},
    {"actions/setup-haskell", "haskell-actions/setup"},
    {"actions-rs/audit-check", "rustsec/audit-check"},
    {"actions-rs/cargo", "a script that calls cargo"},
    {"actions-rs/clippy-check", "a script that calls cargo clippy"},
    {"actions-rs/grcov", "a script that calls grcov"},
    {"actions-rs/install", "a script that calls cargo install"},
    {"actions-rs/tarpaulin", "a script that calls cargo tarpaulin"},
    {"actions-rs/toolchain", "a script that calls rustup"},
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* v4, v4.1.2, 4 */
static bool major_of(struct sv ref, uint64_t *out)
{
    struct err e; /* another kind of ref */

    if (sv_starts(ref, SV("v")))
        ref = sv_sub(ref, 1, SV_NPOS);
    return num_u64(sv_sub(ref, 0, sv_chr(ref, '.')), 1000, out, &e) == 0;
}

static struct sv name_of(struct sv uses)
{
    return sv_sub(uses, 0, sv_rchr(uses, '@'));
}

static const struct known *find(struct sv uses)
{
    struct sv ref = sv_sub(uses, sv_rchr(uses, '@') + 1, SV_NPOS);
    uint64_t major;

    for (size_t i = 0; i < COUNT(known); i++) {
        if (sv_ieq(name_of(uses), sv_of(known[i].name)))
            return major_of(ref, &major) && major >= known[i].first && major <= known[i].last
                       ? &known[i]
                       : NULL;
    }
    return NULL;
}

/* ---- outputs ---- */

const struct lt *lint_known_outputs(struct lint *l, struct sv uses)
{
    const struct known *k = find(uses);
    struct lt_builder b = {0};
    struct sv rest, name;

    if (k == NULL)
        return NULL;
    rest = sv_of(k->outputs);
    while (rest.n > 0 && sv_next(&rest, ' ', &name))
        lt_add(&b, name, &lt_string, 0);
    return lt_build(l, &b, NULL, &rule_unknown_step_output, "the action has no output");
}

/* ---- inputs ---- */

static bool has_input(const struct known *k, struct sv wanted)
{
    struct sv rest = sv_of(k->inputs), name;

    while (sv_next(&rest, ' ', &name)) {
        if (sv_ends(name, SV("!")))
            name.n--;
        if (sv_ieq(name, wanted))
            return true;
    }
    return false;
}

static const char *nearest_input(struct lint *l, const struct known *k, struct sv word)
{
    const char *names[64];
    struct sv rest = sv_of(k->inputs), name;
    size_t n = 0;

    while (n < COUNT(names) - 1 && sv_next(&rest, ' ', &name)) {
        if (sv_ends(name, SV("!")))
            name.n--;
        names[n++] = lint_text(l, SV_FMT, SV_ARG(name)).p;
    }
    names[n] = NULL;
    return nearest_name(word, names);
}

static void check_inputs(struct lint *l, const struct lint_step *s, const struct known *k)
{
    struct sv rest = sv_of(k->inputs), name;

    for (size_t i = 0; s->with != NULL && s->with->kind == YX_MAPPING && i < s->with->n; i++) {
        const struct yx_node *key = s->with->items[2 * i];
        if (lint_has_expr(key) || has_input(k, key->text))
            continue;
        const char *meant = nearest_input(l, k, key->text);
        lint_at(l, &rule_unknown_action_input, key, "%s has no input '" SV_FMT "'%s%s%s", k->name,
                SV_ARG(key->text), meant != NULL ? "; did you mean '" : "",
                meant != NULL ? meant : "", meant != NULL ? "'?" : "");
    }
    while (sv_next(&rest, ' ', &name)) {
        if (!sv_ends(name, SV("!")))
            continue;
        name.n--;
        if (!lint_given(s->with, name))
            lint_at(l, &rule_missing_action_input, s->uses, "%s requires the input '" SV_FMT "'",
                    k->name, SV_ARG(name));
    }
}

/* ---- tokens ---- */

static bool is_action(const struct lint_step *s, const char *name)
{
    return s->uses != NULL && sv_ieq(name_of(s->uses->text), sv_of(name));
}

/* Whether a key begins so. */
static bool has_key_of(const struct yx_node *with, const char *start)
{
    for (size_t i = 0; with != NULL && with->kind == YX_MAPPING && i < with->n; i++) {
        if (sv_istarts(with->items[2 * i]->text, sv_of(start)) || lint_has_expr(with->items[2 * i]))
            return true;
    }
    return false;
}

static void check_app_token(struct lint *l, const struct lint_step *s)
{
    const struct yx_node *owner = lint_key(s->with, "owner");
    const struct yx_node *keep = lint_get(s->with, "skip-token-revoke");

    if (!is_action(s, "actions/create-github-app-token"))
        return;
    if (!has_key_of(s->with, "permission-"))
        lint_level_at(l, &rule_broad_app_token, LINT_NOTE, s->uses,
                      "the token may do all that the app may; name what is needed: permission-...");
    if (owner != NULL && !has_key_of(s->with, "repositories"))
        lint_at(l, &rule_broad_app_token, owner,
                "without 'repositories' the token is for every repository of the owner");
    if (keep != NULL && (lint_is_true(keep) || sv_is(keep->text, "true")))
        lint_at(l, &rule_broad_app_token, keep,
                "the token stays valid after the job; leave it to be revoked");
}

static void check_publishing(struct lint *l, const struct lint_step *s)
{
    const struct yx_node *password = lint_key(s->with, "password");

    if (is_action(s, "pypa/gh-action-pypi-publish") && password != NULL)
        lint_at(l, &rule_long_lived_token, password,
                "PyPI takes this workflow's own identity instead of a stored token: trusted "
                "publishing, with id-token: write");
}

/* ---- names ---- */

/* a/b/./c and a/b/x/../c are a/b/c: reviewers and lists of allowed actions may not see it. */
static void check_path(struct lint *l, const struct lint_step *s, const struct uses *u)
{
    struct sv rest = u->path, part;

    while (rest.n > 0 && sv_next(&rest, '/', &part)) {
        if (!sv_is(part, ".") && !sv_is(part, ".."))
            continue;
        lint_at(l, &rule_obfuscated_action, s->uses,
                "the part '" SV_FMT "' hides which action this is; write its plain path",
                SV_ARG(part));
        return;
    }
}

static void check_name(struct lint *l, const struct lint_step *s, const struct uses *u)
{
    const char *names[COUNT(known) + 1];

    check_path(l, s, u);
    for (size_t i = 0; i < COUNT(archived); i++) {
        if (sv_ieq(u->repository, sv_of(archived[i].name)))
            lint_at(l, &rule_archived_action, s->uses,
                    "%s is archived: nobody mends it any more; use %s", archived[i].name,
                    archived[i].instead);
    }
    for (size_t i = 0; i < COUNT(known); i++) {
        names[i] = known[i].name;
        if (sv_ieq(name_of(s->uses->text), sv_of(names[i])))
            return;
    }
    names[COUNT(known)] = NULL;
    const char *meant = nearest_by_one(name_of(s->uses->text), names);
    if (meant != NULL)
        lint_in(l, &rule_misspelled_action, s->uses, 0, name_of(s->uses->text).n,
                "'" SV_FMT "' is nearly %s: is that meant? Anybody may take a name like this one",
                SV_ARG(name_of(s->uses->text)), meant);
}

void lint_known(struct lint *l, const struct lint_step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct lint_step *s = &steps[i];
        const struct known *k = s->uses != NULL ? find(s->uses->text) : NULL;
        struct uses u;
        struct err e; /* invalid-uses */
        if (k != NULL)
            check_inputs(l, s, k);
        check_app_token(l, s);
        check_publishing(l, s);
        if (s->uses != NULL && uses_parse(s->uses->text, &u, &e) == 0 && u.kind == USES_REPOSITORY)
            check_name(l, s, &u);
    }
}
