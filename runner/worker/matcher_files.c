/* SPDX-License-Identifier: Apache-2.0
 *
 * Source of the rules: actions/runner 2.336.0 src/Runner.Worker/Handlers/OutputManager.cs. All is looked at inside of the
 * job, as its user. */
#include "runner/worker/matcher_files.h"

#include <errno.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/url.h"
#include "runner/worker/worker.h"

enum {
    LEVELS_MAX = 50,        /* Source: OutputManager.cs _failsafe */
    LEVELS_AT_ONCE = 4,     /* mostly the repository is not further up */
    FOLDERS_MAX = 100,      /* Source: OutputManager.cs */
    CONFIG_BYTES = 1 << 20, /* ours */
    PATH_BYTES = 4096,
};

struct known {
    char *folder, *repository; /* NULL: in none, or in another one */
};
struct matcher_files {
    struct exec *x;
    struct known v[FOLDERS_MAX + 1];
    size_t n;
};

struct matcher_files *matcher_files_new(struct exec *x)
{
    struct matcher_files *f = xcalloc(1, sizeof *f);

    f->x = x;
    return f;
}

static void forget(struct matcher_files *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->v[i].folder);
        free(f->v[i].repository);
    }
    f->n = 0;
}

void matcher_files_free(struct matcher_files *f)
{
    if (f == NULL)
        return;
    forget(f);
    free(f);
}

static const struct known *find(const struct matcher_files *f, const char *folder)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->v[i].folder, folder) == 0)
            return &f->v[i];
    return NULL;
}

/* ---- which repository a folder belongs to ---- */

static struct sv github_text(const struct worker *w, const char *key)
{
    const struct val *v = val_gets(w->github, key);

    return v != NULL && val_kind(v) == VAL_STRING ? val_get_string(v) : SV("");
}

/* A line of .git/config names the workflow's repository. */
static bool names_repository(const struct worker *w, struct sv config)
{
    struct sv server = github_text(w, "server_url"), name = github_text(w, "repository"), line;
    struct err ignored = {0}; /* a server without a host has no second form */
    struct url url = {.host = SV("")};

    if (server.n == 0)
        server = SV("https://github.com");
    if (url_parse(server, &url, &ignored) < 0)
        url.host = SV("");
    AUTO(auto_free)
    char *https = xasprintf("url = " SV_FMT "/" SV_FMT, SV_ARG(server), SV_ARG(name));
    AUTO(auto_free)
    char *ssh = xasprintf("url = git@" SV_FMT ":" SV_FMT ".git", SV_ARG(url.host), SV_ARG(name));
    while (sv_next(&config, '\n', &line)) {
        line = sv_trim(line);
        if (sv_ieq(line, sv_of(https)) || sv_ieq(line, sv_of(ssh)))
            return true;
    }
    return false;
}

/* Ours: what the native checkout copied is the workflow's repository, whatever its remotes are called. */
static bool is_source_copy(const struct worker *w, const char *folder)
{
    for (size_t i = 0; i < w->source_copies.n; i++)
        if (strcmp(w->source_copies.v[i], folder) == 0)
            return true;
    return false;
}

/* The first folder that is a repository decides, whichever it is. */
struct search {
    const struct worker *w;
    char *folders[LEVELS_AT_ONCE];
    size_t decided; /* index, or SV_NPOS */
    bool ours;
};

static void on_config(void *ctx, size_t i, const char *text, size_t n, const struct err *why)
{
    struct search *s = ctx;

    if (s->decided != SV_NPOS)
        return;
    if (text == NULL && why->sys != EACCES && why->sys != EFBIG)
        return; /* no such file */
    s->decided = i;
    s->ours = is_source_copy(s->w, s->folders[i]) ||
              (text != NULL && names_repository(s->w, (struct sv){text, n}));
}

/* Next few folders upwards from *dir, which becomes the one behind them, or empty. */
static size_t climb(struct sv *dir, char *folders[LEVELS_AT_ONCE])
{
    size_t n = 0;

    while (n < LEVELS_AT_ONCE && dir->n > 0) {
        folders[n++] = sv_dup(*dir);
        *dir = sv_is(*dir, "/") ? SV("") : path_dir(*dir);
    }
    return n;
}

static int look(struct matcher_files *f, struct search *s, size_t n, struct err *e)
{
    char *paths[LEVELS_AT_ONCE];

    for (size_t i = 0; i < n; i++)
        paths[i] = path_join(s->folders[i], ".git/config");
    struct sbx_look l = {.paths = (const char *const *)paths,
                         .n_paths = n,
                         .max = CONFIG_BYTES,
                         .fn = on_config,
                         .ctx = s};
    int rc = sbx_look(f->x->w->sbx, &l, NULL, e);
    for (size_t i = 0; i < n; i++)
        free(paths[i]);
    return rc;
}

/* The repository that the folder is in if it is the workflow's, else NULL. free(). */
static char *search(struct matcher_files *f, struct sv dir, struct err *e)
{
    char *result = NULL;

    for (size_t level = 0; level <= LEVELS_MAX && dir.n > 0 && result == NULL;) {
        struct search s = {.w = f->x->w, .decided = SV_NPOS};
        size_t n = climb(&dir, s.folders);
        bool failed = look(f, &s, n, e) < 0;
        if (s.ours && level + s.decided <= LEVELS_MAX)
            result = TAKE_PTR(s.folders[s.decided]);
        for (size_t i = 0; i < n; i++)
            free(s.folders[i]);
        if (failed || s.decided != SV_NPOS)
            break;
        level += n;
    }
    return result;
}

static const char *repository_of(struct matcher_files *f, const char *file)
{
    AUTO(auto_free) char *folder = sv_dup(path_dir(sv_of(file)));
    const struct known *known = find(f, folder);
    struct err e = {0};

    if (known != NULL)
        return known->repository;
    if (f->n > FOLDERS_MAX)
        forget(f);
    char *repository = search(f, sv_of(folder), &e);
    if (e.code != FAIL_NONE)
        exec_debugf(
            f->x,
            "Error when attempting to determine whether the path '%s' is under the workflow "
            "repository: %s",
            file, e.msg);
    f->v[f->n++] = (struct known){.folder = TAKE_PTR(folder), .repository = repository};
    return repository;
}

/* ---- the file ---- */

/* Absolute and normal. free(). */
static char *full_path(const struct worker *w, struct sv file, struct sv from_path)
{
    AUTO(auto_free) char *path = sv_dup(file);

    if (sv_trim(from_path).n > 0 && path[0] != '/' && sv_chr(from_path, '/') != SV_NPOS) {
        AUTO(auto_free) char *dir = sv_dup(path_dir(from_path));
        char *joined = path_join(dir, path);
        free(path);
        path = joined;
    }
    AUTO(auto_free) char *rooted = path_join(w->workspace, path);
    return path_clean(sv_of(rooted));
}

char *matcher_files_map(struct matcher_files *f, struct sv file, struct sv from_path)
{
    struct exec *x = f->x;
    struct err e = {0};
    bool there = false;

    if (file.n > PATH_BYTES || from_path.n > PATH_BYTES || sv_chr(file, '\0') != SV_NPOS ||
        sv_chr(from_path, '\0') != SV_NPOS) {
        exec_debugf(x, "Dropping file value '" SV_FMT "'. It is no path.", SV_ARG(file));
        return NULL;
    }
    AUTO(auto_free) char *path = full_path(x->w, file, from_path);
    if (sbx_exists(x->w->sbx, path, SBX_FILE, &there, &e) < 0) {
        exec_debugf(x,
                    "Dropping file value '" SV_FMT "' and fromPath value '" SV_FMT
                    "'. Exception during validation: %s",
                    SV_ARG(file), SV_ARG(from_path), e.msg);
        return NULL;
    }
    if (!there) {
        exec_debugf(x, "Dropping file value '%s'. Path does not exist", path);
        return NULL;
    }
    const char *repository = repository_of(f, path);
    if (repository == NULL) {
        exec_debugf(x, "Dropping file value '%s'. Path is not under the workflow repo.", path);
        return NULL;
    }
    struct sv relative = sv_sub(sv_of(path), strlen(repository), SIZE_MAX);
    while (sv_starts(relative, SV("/")))
        relative = sv_sub(relative, 1, relative.n);
    return sv_dup(relative);
}
