/* SPDX-License-Identifier: Apache-2.0
 *
 * Native checkout: a private copy of the local source, then what the inputs ask for, with git inside the job.
 * Source of inputs, defaults and outputs: actions/checkout v4 action.yml, src/input-helper.ts. */
#include "runner/worker/checkout.h"

#include <limits.h>
#include <math.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "runner/worker/listing.h"
#include "runner/worker/process.h"
#include "runner/worker/step_run.h"
#include "runner/worker/worker.h"

enum { GIT_FILE_MAX = 16 << 20, DEPTH_MAX = 1000000 };

static const char *const known_inputs[] = {"repository",
                                           "ref",
                                           "token",
                                           "ssh-key",
                                           "ssh-known-hosts",
                                           "ssh-strict",
                                           "ssh-user",
                                           "persist-credentials",
                                           "path",
                                           "clean",
                                           "filter",
                                           "sparse-checkout",
                                           "sparse-checkout-cone-mode",
                                           "fetch-depth",
                                           "fetch-tags",
                                           "show-progress",
                                           "lfs",
                                           "submodules",
                                           "set-safe-directory",
                                           "github-server-url"};

struct checkout {
    struct exec *x;
    struct sv ref; /* input */
    const char *source_sha, *source_ref;
    char *dest; /* as the job sees it */
    bool clean, cone, lfs;
    bool submodules, recursive;
    struct sv sparse;
    uint64_t depth; /* 0 = all */
    char *git;      /* in the job; NULL until asked for */
};

static void checkout_done(struct checkout *c)
{
    free(c->dest);
    free(c->git);
}

bool checkout_is_native(const struct worker *w, const struct step_def *d)
{
    const struct tok *repo;

    if (w->opt.source_repository == NULL || w->opt.checkout_action || w->listing_fd < 0 ||
        d->kind != REF_REPOSITORY || !sv_ieq(d->repository, SV("actions/checkout")) ||
        d->path.n > 0)
        return false;
    repo = d->with != NULL ? tok_get(d->with, SV("repository")) : NULL;
    return repo == NULL || repo->kind != TOK_STRING || repo->text.n == 0 ||
           sv_ieq(repo->text, sv_of(w->opt.source_repository));
}

/* ---- inputs ---- */

static struct sv input(const struct val *with, const char *key)
{
    const struct val *v = val_gets(with, key);

    return v != NULL ? sv_trim(val_get_string(v)) : SV("");
}

static bool is_true(struct sv v, bool dflt)
{
    return v.n == 0 ? dflt : sv_ieq(v, SV("true"));
}

static void warn_unknown(struct exec *x, const struct val *with)
{
    enum { N = sizeof known_inputs / sizeof known_inputs[0] };
    AUTO(buf_free) struct buf unknown = BUF_INIT(64 << 10);
    AUTO(buf_free) struct buf valid = BUF_INIT(64 << 10);

    for (size_t i = 0; i < val_count(with); i++) {
        bool known = false;
        for (size_t k = 0; k < N && !known; k++)
            known = sv_ieq(val_key_at(with, i), sv_of(known_inputs[k]));
        if (!known)
            buf_addf(&unknown, "%s'" SV_FMT "'", unknown.len > 0 ? ", " : "",
                     SV_ARG(val_key_at(with, i)));
    }
    if (unknown.len == 0)
        return;
    for (size_t k = 0; k < N; k++)
        buf_addf(&valid, "%s'%s'", k > 0 ? ", " : "", known_inputs[k]);
    exec_warningf(x, "Unexpected input(s) %s, valid inputs are [%s]", unknown.p, valid.p);
}

static int read_inputs(struct checkout *c, const struct val *with, struct err *e)
{
    struct worker *w = c->x->w;
    AUTO(auto_free) char *path = sv_dup(input(with, "path"));
    AUTO(auto_free) char *joined = path_join(w->workspace, path);
    struct sv sub = input(with, "submodules");

    c->dest = path_clean(sv_of(joined));
    struct sv dest = sv_of(c->dest), root = sv_of(w->workspace);
    if (!sv_eq(dest, root) && !(sv_starts(dest, root) && dest.n > root.n && dest.p[root.n] == '/'))
        return err_set(e, FAIL_INPUT, "Repository path '%s' is not under '%s'", c->dest,
                       w->workspace);
    c->ref = input(with, "ref");
    c->clean = is_true(input(with, "clean"), true);
    c->cone = is_true(input(with, "sparse-checkout-cone-mode"), true);
    c->lfs = is_true(input(with, "lfs"), false);
    c->recursive = sv_ieq(sub, SV("recursive"));
    c->submodules = c->recursive || sv_ieq(sub, SV("true"));
    c->sparse = input(with, "sparse-checkout");
    c->depth = 1;
    if (input(with, "fetch-depth").n > 0) { /* Math.floor(Number(x)); NaN and below 0 count as 0 */
        AUTO(auto_val) struct val *v = val_string(input(with, "fetch-depth"));
        double d = val_to_number(v);
        c->depth = isnan(d) || d < 1 ? 0 : d > DEPTH_MAX ? DEPTH_MAX : (uint64_t)d;
    }
    return 0;
}

/* ---- the copy ---- */

static int wait_for_copy(struct worker *w, uint32_t id, struct err *e)
{
    w->copy_id = id;
    w->copy_done = false;
    while (!w->copy_done) {
        if (worker_turn(w, e) < 0)
            return -1;
        if (w->sbx_gone && !w->copy_done) {
            *e = w->sbx_error;
            return -1;
        }
    }
    if (w->copy_error.code == FAIL_NONE)
        return 0;
    *e = w->copy_error;
    return -1;
}

/* depth: of submodules that come along; what is left out leaves an empty folder, as a clone does. */
static int copy_listed(struct exec *x, const char *dest, unsigned depth, struct err *e)
{
    struct worker *w = x->w;
    AUTO(buf_free) struct buf listing = BUF_INIT(LISTING_MAX_BYTES);
    AUTO(strv_free) struct strv empty = STRV_INIT;
    AUTO(auto_free) char *all = NULL;
    AUTO(auto_fd) int fd = -1;
    uint32_t id = 0;
    size_t n = 0;

    if (fd_read_memfd(w->listing_fd, LISTING_MAX_BYTES, &all, &n, e) < 0)
        return -1;
    listing_filter((struct sv){all, n}, depth, &listing, &empty);
    if (buf_done(&listing, "listing of the source", e) < 0 ||
        fd_memfd("gantry-listing", listing.p, listing.len, &fd, e) < 0 ||
        sbx_copy_source(w->sbx, dest, fd, &id, e) < 0 || wait_for_copy(w, id, e) < 0)
        return -1;
    for (size_t i = 0; i < empty.n; i++) {
        AUTO(auto_free) char *dir = path_join(dest, empty.v[i]);
        if (sbx_mkdir(w->sbx, dir, e) < 0)
            return -1;
    }
    return 0;
}

static int copy_source(struct exec *x, const char *dest, bool clean, unsigned depth, struct err *e)
{
    struct worker *w = x->w;

    if (clean && sbx_remove(w->sbx, dest, e) < 0)
        return err_wrap(e, "clean '%s'", dest);
    if (sbx_mkdir(w->sbx, dest, e) < 0)
        return -1;
    AUTO(auto_free) char *folder = path_clean(sv_of(dest));
    strv_add(&w->source_copies, folder);
    return copy_listed(x, dest, depth, e);
}

int checkout_prefill(struct exec *x, struct err *e)
{
    exec_log(x, SV("Copy the local source to the workspace (--source)"));
    return copy_source(x, x->w->workspace, false, UINT_MAX, e);
}

/* ---- git in the job ---- */

static int git_status(struct checkout *c, const char *const *words, int *status, struct err *e)
{
    struct exec *x = c->x;
    AUTO(strv_free) struct strv argv = STRV_INIT;
    AUTO(strv_free) struct strv env = STRV_INIT;
    AUTO(buf_free) struct buf line = BUF_INIT(1 << 20);
    const char *path = strv_getenv(&x->w->opt.env, "PATH");

    if (c->git == NULL &&
        sbx_which(x->w->sbx, "git", path != NULL ? path : "/usr/bin:/bin", &c->git, e) < 0)
        return err_wrap(e, "this checkout needs git in the job");
    strv_add(&argv, c->git);
    buf_addf(&line, "[command]%s", c->git);
    for (; *words != NULL; words++) {
        strv_add(&argv, *words);
        buf_addf(&line, " %s", *words);
    }
    exec_log(x, buf_sv(&line));
    environment_build(x, &env);
    strv_setenv(&env, SV("GIT_TERMINAL_PROMPT"), SV("0"));
    struct process_spec spec = {.path = c->git, .argv = argv.v, .envp = env.v, .cwd = c->dest};
    return process_run(x, &spec, status, e);
}

static int run_git(struct checkout *c, const char *const *words, struct err *e)
{
    int status = 0;

    if (git_status(c, words, &status, e) < 0)
        return -1;
    if (status != 0)
        return err_set(e, FAIL_INPUT, "The process '%s' failed with exit code %d", c->git, status);
    return 0;
}

static int git_file(struct checkout *c, const char *name, char **out, size_t *n, struct err *e)
{
    AUTO(auto_free) char *path = xasprintf("%s/.git/%s", c->dest, name);

    return sbx_read_file(c->x->w->sbx, path, GIT_FILE_MAX, out, n, e);
}

/* The commit of a ref from packed-refs: "<sha> <ref>\n". */
static bool packed_ref(struct sv text, struct sv ref, struct sv *sha)
{
    struct sv line, id;

    while (sv_next(&text, '\n', &line)) {
        struct sv rest = line;
        if (sv_next(&rest, ' ', &id) && rest.p != NULL && sv_eq(rest, ref)) {
            *sha = id;
            return true;
        }
    }
    return false;
}

/* The commit that HEAD is; read from the files so that no output has to be captured. free(). */
static char *head_commit(struct checkout *c)
{
    AUTO(auto_free) char *head = NULL;
    AUTO(auto_free) char *loose = NULL;
    AUTO(auto_free) char *packed = NULL;
    struct err ignored = {0}; /* no repository: no commit */
    struct sv sha;
    size_t n = 0;

    if (git_file(c, "HEAD", &head, &n, &ignored) < 0)
        return NULL;
    struct sv text = sv_trim((struct sv){head, n});
    if (!sv_starts(text, SV("ref: ")))
        return sv_dup(text);
    AUTO(auto_free) char *ref = sv_dup(sv_sub(text, 5, text.n));
    if (sv_starts(sv_of(ref), SV("refs/")) && git_file(c, ref, &loose, &n, &ignored) == 0)
        return sv_dup(sv_trim((struct sv){loose, n}));
    if (git_file(c, "packed-refs", &packed, &n, &ignored) == 0 &&
        packed_ref((struct sv){packed, n}, sv_of(ref), &sha))
        return sv_dup(sha);
    return NULL;
}

/* "main", "refs/heads/main" and the commit itself all mean the source as it lies there. */
static bool is_source_state(const struct checkout *c)
{
    struct sv ref = sv_of(c->source_ref), short_ref = ref;

    if (sv_starts(ref, SV("refs/heads/")))
        short_ref = sv_sub(ref, 11, ref.n);
    else if (sv_starts(ref, SV("refs/tags/")))
        short_ref = sv_sub(ref, 10, ref.n);
    return c->ref.n == 0 || sv_eq(c->ref, ref) || sv_eq(c->ref, short_ref) ||
           (c->source_sha != NULL && sv_ieq(c->ref, sv_of(c->source_sha)));
}

static int other_ref(struct checkout *c, struct err *e)
{
    struct sv name = c->ref;

    if (sv_starts(name, SV("refs/heads/")))
        name = sv_sub(name, 11, name.n);
    if (name.n > 0 && name.p[0] == '-')
        return err_set(e, FAIL_INPUT, "'" SV_FMT "' is not a ref", SV_ARG(name));
    AUTO(auto_free) char *ref = sv_dup(name);
    const char *const reset[] = {
        "-c", "advice.detachedHead=false", "checkout", "--force", ref, "--", NULL};
    const char *const tidy[] = {"clean", "-ffdx", NULL};
    if (run_git(c, reset, e) < 0)
        return err_wrap(e, "check out '%s' from the local repository", ref);
    return run_git(c, tidy, e);
}

/* The history ends where a fetch of that depth would end it. */
static int shorten(struct checkout *c, const char *commit, struct err *e)
{
    AUTO(auto_free) char *shallow = NULL;
    struct err missing = {0};
    size_t n = 0;

    if (c->depth == 0 || commit == NULL ||
        git_file(c, "shallow", &shallow, &n, &missing) == 0) /* the source is shallow itself */
        return 0;
    if (c->depth == 1) {
        AUTO(auto_free) char *path = xasprintf("%s/.git/shallow", c->dest);
        AUTO(auto_free) char *text = xasprintf("%s\n", commit);
        return sbx_write_file(c->x->w->sbx, path, 0644, text, strlen(text), e);
    }
    AUTO(auto_free) char *depth = xasprintf("--depth=%llu", (unsigned long long)c->depth);
    const char *const words[] = {"fetch", "--quiet", "--no-tags", "--update-shallow",
                                 depth,   ".",       "HEAD",      NULL};
    return run_git(c, words, e);
}

static int sparse(struct checkout *c, struct err *e)
{
    const char *const refresh[] = {"update-index", "-q", "--refresh", NULL};
    AUTO(strv_free) struct strv words = STRV_INIT;
    struct sv rest = c->sparse, line;
    int status = 0;

    if (c->sparse.n == 0)
        return 0;
    /* The copies are younger than the index says: git would take each for changed, and leave it. */
    if (git_status(c, refresh, &status, e) < 0) /* above 0: some are changed */
        return -1;
    strv_add(&words, "sparse-checkout");
    strv_add(&words, "set");
    strv_add(&words, c->cone ? "--cone" : "--no-cone");
    while (sv_next(&rest, '\n', &line)) {
        line = sv_trim(line);
        if (line.n == 0)
            continue;
        if (line.p[0] == '-')
            return err_set(e, FAIL_INPUT, "sparse-checkout: '" SV_FMT "' is not a path",
                           SV_ARG(line));
        strv_addsv(&words, line);
    }
    return run_git(c, (const char *const *)words.v, e);
}

static int submodules(struct checkout *c, struct err *e)
{
    const char *const flat[] = {
        "-c", "protocol.file.allow=always", "submodule", "update", "--init", "--force", NULL};
    const char *const deep[] = {"-c",          "protocol.file.allow=always",
                                "submodule",   "update",
                                "--init",      "--force",
                                "--recursive", NULL};
    AUTO(auto_free) char *modules = xasprintf("%s/.gitmodules", c->dest);
    AUTO(auto_free) char *text = NULL;
    struct err missing = {0};
    size_t n = 0;

    if (!c->submodules ||
        sbx_read_file(c->x->w->sbx, modules, GIT_FILE_MAX, &text, &n, &missing) < 0)
        return 0;
    return run_git(c, c->recursive ? deep : flat, e);
}

static int perform(struct checkout *c, struct err *e)
{
    struct exec *x = c->x;
    struct worker *w = x->w;

    exec_logf(x,
              "Native checkout of '%s': a private copy of the local source, with its uncommitted "
              "changes",
              w->opt.source_repository);
    unsigned depth = c->recursive ? UINT_MAX : c->submodules ? 1 : 0;
    if (copy_source(x, c->dest, c->clean, depth, e) < 0)
        return err_wrap(e, "copy the local source");
    if (c->lfs)
        exec_warningf(x,
                      "Git LFS is not consulted by the native checkout: files are as they lie in "
                      "the local source");
    bool same = is_source_state(c);
    if (!same && other_ref(c, e) < 0)
        return -1;
    AUTO(auto_free) char *commit = head_commit(c);
    if (shorten(c, commit, e) < 0 || sparse(c, e) < 0 ||
        (!same && submodules(c, e) < 0)) /* those of the source itself came with the copy */
        return -1;
    const struct val *workflow_ref = val_gets(w->github, "ref");
    struct sv ref = c->ref.n > 0           ? c->ref
                    : workflow_ref != NULL ? val_get_string(workflow_ref)
                                           : SV("");
    exec_set_output(x, SV("ref"), ref);
    if (commit != NULL)
        exec_set_output(x, SV("commit"), sv_of(commit));
    return 0;
}

int checkout_run(struct exec *x, const struct val *with, struct err *e)
{
    AUTO(checkout_done)
    struct checkout c = {
        .x = x, .source_sha = x->w->opt.source_sha, .source_ref = x->w->opt.source_ref};
    struct err why = {0};

    warn_unknown(x, with);
    if (read_inputs(&c, with, &why) == 0 && perform(&c, &why) == 0)
        return 0;
    if (why.code == FAIL_CANCELED && x->w->listener_gone) {
        *e = why;
        return -1;
    }
    step_fail(x, &why);
    return 0;
}
