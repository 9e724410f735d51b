/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking git, and reading its answers. */
#include "runner/cli/run_git.h"

#include "base/fd.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/strv.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define TEXT_MAX_BYTES (1U << 20)
#define LIST_MAX_BYTES (256U << 20) /* Ours: names of a very large repository */

/* Ours but for what would make git look at another repository (a hook that calls gantry sets these). */
static void git_env(const char *protocols, struct strv *env)
{
    static const char *const dropped[] = {
        "GIT_DIR=", "GIT_WORK_TREE=", "GIT_INDEX_FILE=", "GIT_PREFIX=", "GIT_OBJECT_DIRECTORY="};

    for (char **v = environ; *v != NULL; v++) {
        size_t i, n = sizeof dropped / sizeof dropped[0];
        for (i = 0; i < n && !sv_starts(sv_of(*v), sv_of(dropped[i])); i++)
            ;
        if (i == n)
            strv_add(env, *v);
    }
    /* An object that a partial clone lacks would be fetched as the repository's configuration says, which may be
     * any command (ext::, core.sshCommand, credential.helper): the repository may be somebody else's. */
    strv_setenv(env, SV("GIT_ALLOW_PROTOCOL"), sv_of(protocols));
    strv_setenv(env, SV("GIT_NO_LAZY_FETCH"), SV("1"));
    strv_setenv(env, SV("GIT_OPTIONAL_LOCKS"), SV("0"));
    strv_setenv(env, SV("GIT_TERMINAL_PROMPT"), SV("0"));
    strv_setenv(env, SV("LC_ALL"), SV("C"));
}

/* First line of what git wrote to standard error, without its "fatal: ". */
static void complaint(int fd, char *dst, size_t n)
{
    ssize_t got = pread(fd, dst, n - 1, 0);
    struct sv s = {dst, got > 0 ? (size_t)got : 0}, line;

    (void)sv_next(&s, '\n', &line);
    if (sv_starts(line, SV("fatal: ")))
        line = sv_sub(line, 7, line.n);
    if (line.n > 0)
        memmove(dst, line.p, line.n);
    dst[line.n] = '\0';
}

/* One question to git, under way: several run side by side. */
struct git {
    struct proc_capture c;
    int errors; /* what it writes to standard error */
};
#define GIT_INIT ((struct git){.c = PROC_CAPTURE_INIT, .errors = -1})

static void git_drop(struct git *g)
{
    proc_capture_drop(&g->c);
    fd_close(&g->errors);
}

static int git_begin(const char *dir, const char *protocols, const char *const *words, size_t max,
                     struct git *out, struct err *e)
{
    AUTO(strv_free) struct strv argv = STRV_INIT;
    AUTO(strv_free) struct strv env = STRV_INIT;
    AUTO(auto_free) char *git = NULL;
    AUTO(git_drop) struct git g = GIT_INIT;
    struct proc_spec p = PROC_SPEC_INIT;

    g.errors = memfd_create("git-errors", MFD_CLOEXEC);
    if (g.errors < 0)
        return err_sys(e, "cannot make a memfd");
    if (proc_which("git", NULL, &git, e) < 0)
        return err_set(e, FAIL_INPUT, "git is not on PATH; install it (apt-get install git)");
    strv_add(&argv, git);
    strv_add(&argv, "-c");
    strv_add(&argv, "core.fsmonitor=false");
    strv_add(&argv, "-c");
    strv_add(&argv, "core.hooksPath=/dev/null");
    strv_add(&argv, "-C");
    strv_add(&argv, dir);
    for (; *words != NULL; words++)
        strv_add(&argv, *words);
    git_env(protocols, &env);
    p.path = git;
    p.argv = argv.v;
    p.envp = env.v;
    p.stdio[2] = g.errors;
    if (proc_capture_begin(&p, max, &g.c, e) < 0)
        return -1;
    g.c.path = "git"; /* argv goes away */
    *out = g;
    g.c = PROC_CAPTURE_INIT; /* both are *out's now */
    g.errors = -1;
    return 0;
}

static int git_end(struct git *g, char **out, size_t *n, struct err *e)
{
    AUTO(git_drop) struct git own = *g;
    AUTO(auto_free) char *text = NULL;
    char why[240];
    size_t len;
    int status;

    *g = GIT_INIT;
    if (proc_capture_end(&own.c, &text, &len, &status, e) < 0)
        return -1;
    if (status != 0) {
        complaint(own.errors, why, sizeof why);
        return err_set(e, FAIL_INPUT, "git: %s", why[0] != '\0' ? why : "failed without a word");
    }
    *out = TAKE_PTR(text);
    *n = len;
    return 0;
}

static int run_git(const char *dir, const char *protocols, const char *const *words, size_t max,
                   char **out, size_t *n, struct err *e)
{
    struct git g = GIT_INIT;

    return git_begin(dir, protocols, words, max, &g, e) < 0 ? -1 : git_end(&g, out, n, e);
}

int repo_git(const char *dir, const char *const *words, size_t max, char **out, size_t *n,
             struct err *e)
{
    return run_git(dir, "none", words, max, out, n, e);
}

int repo_git_local(const char *dir, const char *const *words, struct err *e)
{
    AUTO(auto_free) char *ignored = NULL;
    size_t n;

    return run_git(dir, "file", words, TEXT_MAX_BYTES, &ignored, &n, e);
}

static char *take_line(struct sv *s)
{
    struct sv line;

    return sv_next(s, '\n', &line) ? sv_dup(line) : xstrdup("");
}

/* Best effort: an empty text when git says nothing. */
static char *ask(const char *dir, const char *a, const char *b, const char *c)
{
    const char *words[] = {a, b, c, NULL};
    struct err ignored; /* an unset value is not a failure */
    char *text;
    size_t n;

    if (repo_git(dir, words, TEXT_MAX_BYTES, &text, &n, &ignored) < 0)
        return xstrdup("");
    while (n > 0 && text[n - 1] == '\n')
        text[--n] = '\0';
    return text;
}

static int begin_commit(const char *dir, const char *commit, struct git *g, struct err *e)
{
    static const char format[] =
        "--format=%H%n%P%n%T%n%an%n%ae%n%aI%n%cn%n%ce%n%cI%n%B"; /* the message last: many lines */
    const char *words[] = {"log", "-1", "--no-show-signature", "--encoding=UTF-8", format, commit,
                           "--",  NULL};

    return git_begin(dir, "none", words, TEXT_MAX_BYTES, g, e);
}

static int read_commit(struct repo *r, const char *commit, struct git *g, struct err *e)
{
    AUTO(auto_free) char *text = NULL;
    struct sv s, message;
    size_t n, space;

    if (git_end(g, &text, &n, e) < 0)
        return strcmp(commit, "HEAD") == 0
                   ? err_set(e, FAIL_INPUT, "repository '%s' has no commit yet; commit something",
                             r->top)
                   : err_set(e, FAIL_INPUT, "repository '%s' has no commit '%.80s'; see git log",
                             r->top, commit);
    s = (struct sv){text, n};
    r->sha = take_line(&s);
    r->parent = take_line(&s);
    space = sv_chr(sv_of(r->parent), ' ');
    if (space != SV_NPOS)
        r->parent[space] = '\0';
    r->tree = take_line(&s);
    r->author_name = take_line(&s);
    r->author_email = take_line(&s);
    r->author_date = take_line(&s);
    r->committer_name = take_line(&s);
    r->committer_email = take_line(&s);
    r->committer_date = take_line(&s);
    message = s;
    while (message.n > 0 && message.p[message.n - 1] == '\n')
        message.n--;
    r->message = sv_dup(message);
    return 0;
}

/* Folders of any name become an owner and a name that a repository may have; `slash` lies between them. */
static void make_name(char *repository, size_t slash)
{
    for (size_t i = 0; repository[i] != '\0'; i++)
        if (i != slash && !ch_is_alnum(repository[i]) && strchr("-_.", repository[i]) == NULL)
            repository[i] = '-';
}

/* owner/name of https://host/owner/name(.git), ssh://..., git@host:owner/name.git */
static void read_remote(struct repo *r, struct sv url)
{
    struct sv s = url, name, owner;
    size_t at;

    while (s.n > 0 && s.p[s.n - 1] == '/')
        s.n--;
    if (sv_ends(s, SV(".git")))
        s.n -= 4;
    at = sv_rchr(s, '/');
    if (at != SV_NPOS && at > 0 && s.p[0] != '/' && s.p[0] != '.') {
        name = sv_sub(s, at + 1, s.n);
        s.n = at;
        for (at = s.n; at > 0 && s.p[at - 1] != '/' && s.p[at - 1] != ':';)
            at--;
        owner = sv_sub(s, at, s.n);
        if (at > 0 && owner.n > 0 && name.n > 0) {
            r->repository = xasprintf("%.*s/%.*s", (int)owner.n, owner.p, (int)name.n, name.p);
            make_name(r->repository, owner.n);
            r->owner = sv_dup((struct sv){r->repository, owner.n});
            return;
        }
    }
    name = path_base(sv_of(r->top));
    r->owner = xstrdup("local");
    r->repository = xasprintf("local/%.*s", (int)name.n, name.p);
    make_name(r->repository, 5);
}

char *repo_owner(const char *top)
{
    AUTO(auto_free) char *url = ask(top, "config", "--get", "remote.origin.url");
    struct repo r = {.top = (char *)(uintptr_t)top};

    if (url[0] == '\0')
        return NULL;
    read_remote(&r, sv_of(url));
    free(r.repository);
    return r.owner;
}

static bool has_ref(const struct repo *r, const char *kind, const char *name)
{
    AUTO(auto_free) char *full = xasprintf("%s%s", kind, name);
    AUTO(auto_free) char *sha = ask(r->top, "rev-parse", "--verify", full);

    return sha[0] != '\0';
}

/* NUL-terminated records "KEY\nVALUE"; the last one of a key counts, as for git. */
static void read_config(struct repo *r, struct git *g)
{
    AUTO(auto_free) char *text = NULL;
    struct sv rest = {"", 0}, value, key, url = SV(""), user = SV("");
    struct err ignored; /* nothing is set: git ends with status 1 */
    size_t n;

    if (git_end(g, &text, &n, &ignored) == 0)
        rest = (struct sv){text, n};
    while (rest.n > 0 && sv_next(&rest, '\0', &value)) {
        (void)sv_next(&value, '\n', &key);
        if (value.p == NULL) /* a key without a value */
            value = SV("");
        if (sv_is(key, "remote.origin.url"))
            url = value;
        else if (sv_is(key, "github.user"))
            user = value;
    }
    read_remote(r, url);
    r->actor = user.n > 0 ? sv_dup(user) : xstrdup(r->owner);
}

/* Which of these there are: lines "REF SYMREF". */
static void read_default_branch(struct repo *r, struct git *g)
{
    const struct sv origin = SV("refs/remotes/origin/");
    AUTO(auto_free) char *text = NULL;
    struct sv rest = {"", 0}, to, name, head = SV("");
    struct err ignored; /* no refs known: guessed from what is checked out */
    bool has_main = false, has_master = false;
    size_t n;

    if (git_end(g, &text, &n, &ignored) == 0)
        rest = (struct sv){text, n};
    while (rest.n > 0 && sv_next(&rest, '\n', &to)) {
        (void)sv_next(&to, ' ', &name);
        has_main |= sv_is(name, "refs/heads/main");
        has_master |= sv_is(name, "refs/heads/master");
        if (sv_is(name, "refs/remotes/origin/HEAD") && sv_starts(to, origin))
            head = sv_sub(to, origin.n, to.n);
    }
    if (head.n > 0)
        r->default_branch = sv_dup(head);
    else if (!r->is_tag && r->branch != NULL &&
             (strcmp(r->branch, "main") == 0 || strcmp(r->branch, "master") == 0))
        r->default_branch = xstrdup(r->branch);
    else if (has_main || has_master)
        r->default_branch = xstrdup(has_main ? "main" : "master");
    else
        r->default_branch = xstrdup(r->branch != NULL && !r->is_tag ? r->branch : "main");
}

static void set_ref(struct repo *r, const char *full)
{
    struct sv s = sv_of(full);

    r->ref = xstrdup(full);
    r->is_tag = sv_starts(s, SV("refs/tags/"));
    r->branch = xstrdup(r->is_tag ? full + 10 : sv_starts(s, SV("refs/heads/")) ? full + 11 : full);
}

/* The full name of what the user called a ref. */
static int resolve_ref(struct repo *r, const char *ref, struct err *e)
{
    if (sv_starts(sv_of(ref), SV("refs/"))) {
        set_ref(r, ref);
    } else if (has_ref(r, "refs/heads/", ref)) {
        AUTO(auto_free) char *full = xasprintf("refs/heads/%s", ref);
        set_ref(r, full);
    } else if (has_ref(r, "refs/tags/", ref)) {
        AUTO(auto_free) char *full = xasprintf("refs/tags/%s", ref);
        set_ref(r, full);
    } else {
        return err_set(
            e, FAIL_INPUT,
            "--ref: repository '%s' has no branch or tag '%.80s'; see git branch, git tag", r->top,
            ref);
    }
    return 0;
}

/* What is asked of git at once. */
struct questions {
    struct git head, commit, config, refs;
};

static void questions_drop(struct questions *q)
{
    git_drop(&q->head);
    git_drop(&q->commit);
    git_drop(&q->config);
    git_drop(&q->refs);
}

static int ask_all(const char *dir, bool commit, struct questions *q, struct err *e)
{
    static const char *const head[] = {"rev-parse", "--show-toplevel", "--symbolic-full-name",
                                       "HEAD", NULL};
    static const char *const config[] = {"config", "--null", "--get-regexp",
                                         "^(remote\\.origin\\.url|github\\.user)$", NULL};
    static const char *const refs[] = {"for-each-ref",
                                       "--format=%(refname) %(symref)",
                                       "refs/remotes/origin/HEAD",
                                       "refs/heads/main",
                                       "refs/heads/master",
                                       NULL};

    if (git_begin(dir, "none", head, TEXT_MAX_BYTES, &q->head, e) < 0 ||
        (commit && begin_commit(dir, "HEAD", &q->commit, e) < 0) ||
        git_begin(dir, "none", config, TEXT_MAX_BYTES, &q->config, e) < 0)
        return -1;
    return git_begin(dir, "none", refs, TEXT_MAX_BYTES, &q->refs, e);
}

static int no_repository(const char *dir, struct err *e)
{
    if (sv_find(sv_of(e->msg), SV("not a git repository")) != SV_NPOS ||
        sv_find(sv_of(e->msg), SV("cannot change to")) != SV_NPOS)
        return err_set(e, FAIL_INPUT,
                       "'%.120s' is not inside a git repository; run git init and commit, or name "
                       "one with -C",
                       dir);
    if (sv_find(sv_of(e->msg), SV("dubious ownership")) != SV_NPOS) {
        struct sv why = sv_of(e->msg);
        size_t at = sv_chr(why, '\''); /* git names the folder in quotes */
        AUTO(auto_free) char *where = sv_dup(at != SV_NPOS ? sv_sub(why, at, why.n) : SV("''"));
        return err_set(e, FAIL_INPUT,
                       "the repository %.200s belongs to another user; run gantry as its owner, "
                       "or git config --global --add safe.directory %.200s",
                       where, where);
    }
    return -1;
}

/* The folder, and what is checked out in it: "HEAD" when that is no branch, nothing when there is no commit. */
static int read_top(struct repo *r, const char *dir, struct git *g, char **head, struct err *e)
{
    static const char *const top_only[] = {"rev-parse", "--show-toplevel", NULL};
    AUTO(auto_free) char *text = NULL;
    struct err ignored; /* a repository without commits has no HEAD: the second question tells */
    struct sv s;
    size_t n;

    if (git_end(g, &text, &n, &ignored) < 0 &&
        repo_git(dir, top_only, TEXT_MAX_BYTES, &text, &n, e) < 0)
        return no_repository(dir, e);
    s = (struct sv){text, n};
    r->top = take_line(&s);
    *head = take_line(&s);
    return 0;
}

int repo_read(const char *dir, const char *ref, struct repo *out, struct err *e)
{
    AUTO(repo_done) struct repo r = {.top = NULL};
    AUTO(questions_drop)
    struct questions q = {
        .head = GIT_INIT, .commit = GIT_INIT, .config = GIT_INIT, .refs = GIT_INIT};
    AUTO(auto_free) char *head = NULL;

    if (dir == NULL)
        dir = ".";
    else if (access(dir, X_OK) < 0)
        return err_set(e, FAIL_INPUT, "-C: cannot enter the folder '%.160s': %s", dir,
                       strerrordesc_np(errno));
    if (ask_all(dir, ref == NULL, &q, e) < 0 || read_top(&r, dir, &q.head, &head, e) < 0)
        return -1;
    if (ref != NULL) {
        if (resolve_ref(&r, ref, e) < 0 || begin_commit(r.top, r.ref, &q.commit, e) < 0)
            return -1;
    } else if (sv_starts(sv_of(head), SV("refs/"))) {
        set_ref(&r, head);
    }
    if (read_commit(&r, ref != NULL ? r.ref : "HEAD", &q.commit, e) < 0)
        return -1;
    read_default_branch(&r, &q.refs);
    if (r.ref == NULL) { /* detached: as if the default branch had been pushed */
        AUTO(auto_free) char *full = xasprintf("refs/heads/%s", r.default_branch);
        set_ref(&r, full);
    }
    read_config(&r, &q.config);
    *out = r;
    r = (struct repo){.top = NULL};
    return 0;
}

void repo_read_fork(struct repo *r, const char *base)
{
    static const char *const kinds[] = {"refs/remotes/origin/", "refs/heads/"};

    free(r->fork);
    r->fork = NULL;
    for (size_t i = 0; i < 2 && (r->fork == NULL || r->fork[0] == '\0'); i++) {
        AUTO(auto_free) char *ref = xasprintf("%s%s", kinds[i], base);
        free(r->fork);
        r->fork = ask(r->top, "merge-base", ref, r->sha);
    }
    if (r->fork[0] == '\0' || strcmp(r->fork, r->sha) == 0) {
        free(r->fork);
        r->fork = xstrdup(r->parent);
    }
}

void repo_done(struct repo *r)
{
    char *all[] = {r->top,
                   r->sha,
                   r->ref,
                   r->branch,
                   r->repository,
                   r->owner,
                   r->actor,
                   r->default_branch,
                   r->parent,
                   r->fork,
                   r->tree,
                   r->message,
                   r->author_name,
                   r->author_email,
                   r->author_date,
                   r->committer_name,
                   r->committer_email,
                   r->committer_date};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    *r = (struct repo){.top = NULL};
}

int repo_changed(const struct repo *r, char **text, const char ***paths, size_t *n, struct err *e)
{
    const char *since = r->fork != NULL ? r->fork : r->parent;
    /* The empty tree stands for the parent of the first commit. */
    const char *words[] = {"diff",
                           "--name-only",
                           "-z",
                           "--no-renames",
                           since[0] != '\0' ? since : "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
                           r->sha,
                           "--",
                           NULL};
    const char **list;
    size_t len, count = 0;

    if (repo_git(r->top, words, LIST_MAX_BYTES, text, &len, e) < 0)
        return -1;
    for (size_t i = 0; i < len; i++)
        count += (*text)[i] == '\0';
    list = xcalloc(count + 1, sizeof *list);
    count = 0;
    for (const char *p = *text; p < *text + len; p += strlen(p) + 1)
        list[count++] = p;
    *paths = list;
    *n = count;
    return 0;
}
