/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding and reading mirrors. git is asked with an environment of ours, without the user's configuration and
 * without any protocol. */
#include "base/mirror.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/strv.h"

/* ---- names ---- */

bool mirror_good_repo(struct sv repo)
{
    struct sv part;
    unsigned parts = 0;

    while (sv_next(&repo, '/', &part)) {
        if (part.n == 0 || part.n > 100 || part.p[0] == '.' || part.p[0] == '-')
            return false;
        for (size_t i = 0; i < part.n; i++)
            if (!ch_is_alnum(part.p[i]) && part.p[i] != '.' && part.p[i] != '_' && part.p[i] != '-')
                return false;
        parts++;
    }
    return parts == 2;
}

bool mirror_good_ref(struct sv ref)
{
    if (ref.n == 0 || ref.n > 250 || ref.p[0] == '-' || ref.p[0] == '/' ||
        sv_find(ref, SV("..")) != SV_NPOS || sv_find(ref, SV("@{")) != SV_NPOS)
        return false;
    for (size_t i = 0; i < ref.n; i++)
        if ((unsigned char)ref.p[i] <= ' ' || ref.p[i] == 0x7f ||
            sv_chr(SV("~^:?*[\\"), ref.p[i]) != SV_NPOS)
            return false;
    return true;
}

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *mirror_find(const char *mirror, const char *repo, bool *git)
{
    AUTO(auto_free) char *tree = xasprintf("%s/%s", mirror, repo);
    AUTO(auto_free) char *bare = xasprintf("%s.git", tree);
    AUTO(auto_free) char *dot = xasprintf("%s/.git", tree);

    *git = true;
    if (is_folder(tree)) {
        *git = access(dot, F_OK) == 0;
        return TAKE_PTR(tree);
    }
    return is_folder(bare) ? TAKE_PTR(bare) : NULL;
}

/* ---- folders ---- */

static int read_all(int fd, size_t max, struct buf *out, struct err *e)
{
    char chunk[16384];
    struct stat st;
    ssize_t n;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return err_set(e, FAIL_NOTFOUND, "it is not a regular file");
    while ((n = fd_read_full(fd, chunk, sizeof chunk, e)) > 0) {
        if (out->len + (size_t)n > max)
            return err_set(e, FAIL_LIMIT, "it is longer than %zu bytes", max);
        buf_add(out, chunk, (size_t)n);
    }
    return n < 0 ? -1 : 0;
}

int mirror_folder_file(const char *dir, const char *path, size_t max, struct buf *out,
                       struct err *e)
{
    AUTO(auto_fd) int top = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    AUTO(auto_fd) int fd = -1;

    if (top < 0)
        return err_sys(e, "cannot open '%s'", dir);
    if (fs_open_beneath(top, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0, true, &fd,
                        e) < 0)
        return -1;
    return read_all(fd, max, out, e);
}

/* ---- git ---- */

struct git_call {
    struct strv argv, envp;
    char *path;
    struct proc_spec spec;
};

/* more: further variables, NULL-terminated, or NULL. */
static int git_call(struct git_call *c, const char *dir, const char *const *args, char *const *more,
                    struct err *e)
{
    /* No protocol: an object that a partial clone lacks would be fetched as its configuration says. */
    static const char *const env[] = {"PATH=/usr/local/bin:/usr/bin:/bin",
                                      "HOME=/nonexistent",
                                      "GIT_CONFIG_NOSYSTEM=1",
                                      "GIT_TERMINAL_PROMPT=0",
                                      "GIT_ALLOW_PROTOCOL=none",
                                      "GIT_NO_LAZY_FETCH=1",
                                      "GIT_LITERAL_PATHSPECS=1",
                                      "LC_ALL=C",
                                      NULL};

    *c = (struct git_call){.argv = STRV_INIT, .envp = STRV_INIT, .spec = PROC_SPEC_INIT};
    if (proc_which("git", NULL, &c->path, e) < 0)
        return err_set(e, FAIL_UNSUPPORTED,
                       "a mirror is read by git, which is not on PATH; install it");
    strv_add(&c->argv, c->path);
    strv_add(&c->argv, "-c");
    strv_add(&c->argv,
             "safe.directory=*"); /* the mirror may belong to somebody else; it is only read */
    strv_add(&c->argv, "-C");
    strv_add(&c->argv, dir);
    for (size_t i = 0; args[i] != NULL; i++)
        strv_add(&c->argv, args[i]);
    for (size_t i = 0; env[i] != NULL; i++)
        strv_add(&c->envp, env[i]);
    for (size_t i = 0; more != NULL && more[i] != NULL; i++)
        strv_add(&c->envp, more[i]);
    c->spec.path = c->path;
    c->spec.argv = c->argv.v;
    c->spec.envp = c->envp.v;
    return 0;
}

static void git_call_done(struct git_call *c)
{
    free(c->path);
    strv_free(&c->argv);
    strv_free(&c->envp);
}

static int git_ended(const char *dir, const char *const *args, int status, struct err *e)
{
    if (status != 0)
        return err_set(e, FAIL_NOTFOUND, "git %s in '%s' ended with %d", args[0], dir, status);
    return 0;
}

int mirror_git_text(const char *dir, const char *const *args, char *const *more, size_t max,
                    char **text, size_t *n, struct err *e)
{
    AUTO(git_call_done) struct git_call c;
    int status = 0;

    if (git_call(&c, dir, args, more, e) < 0 || proc_capture(&c.spec, max, text, n, &status, e) < 0)
        return -1;
    return git_ended(dir, args, status, e);
}

int mirror_git_to(const char *dir, const char *const *args, char *const *more, int out_fd,
                  struct err *e)
{
    AUTO(git_call_done) struct git_call c;
    AUTO(proc_kill_and_reap) struct proc p = PROC_INIT;
    int status = 0;

    if (git_call(&c, dir, args, more, e) < 0)
        return -1;
    c.spec.stdio[1] = out_fd;
    if (proc_spawn(&c.spec, &p, e) < 0 || proc_wait(&p, false, &status, e) < 0)
        return -1;
    return git_ended(dir, args, status, e);
}

int mirror_commit(const char *dir, const char *ref, char **sha, struct err *e)
{
    static const char *const forms[] = {"refs/tags/%s^{commit}", "refs/heads/%s^{commit}",
                                        "refs/remotes/origin/%s^{commit}", "%s^{commit}"};

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        AUTO(buf_free) struct buf name = BUF_INIT(2048);
        AUTO(auto_free) char *text = NULL;
        struct sv line;
        size_t at = sv_find(sv_of(forms[i]), SV("%s")), n = 0;
        buf_addsv(&name, sv_sub(sv_of(forms[i]), 0, at));
        buf_adds(&name, ref);
        buf_adds(&name, forms[i] + at + 2);
        if (mirror_git_text(dir,
                            (const char *const[]){"rev-parse", "--verify", "--quiet", name.p, NULL},
                            NULL, 65536, &text, &n, e) < 0) {
            if (e->code != FAIL_NOTFOUND)
                return -1;
            continue;
        }
        line = sv_trim(sv_of(text));
        if (line.n == 40 || line.n == 64) {
            *sha = sv_dup(line);
            return 0;
        }
    }
    return err_set(e, FAIL_NOTFOUND, "'%s' has no ref '%s'", dir, ref);
}

int mirror_git_file(const char *dir, char *const *more, const char *sha, const char *path,
                    size_t max, struct buf *out, struct err *e)
{
    AUTO(auto_free) char *entry = NULL;
    AUTO(auto_free) char *oid = NULL;
    AUTO(auto_free) char *text = NULL;
    size_t n = 0;

    if (mirror_git_text(
            dir, (const char *const[]){"ls-tree", "-z", "--full-tree", sha, "--", path, NULL}, more,
            65536, &entry, &n, e) < 0)
        return -1;
    /* "100644 blob <id><tab>path"; a link, a folder or a submodule is no file */
    struct sv line = {entry, n};
    size_t tab = sv_chr(line, '\t');
    if (!sv_starts(line, SV("100")) || tab == SV_NPOS || tab < 12)
        return err_set(e, FAIL_NOTFOUND, "'%s' has no file '%s'", dir, path);
    oid = sv_dup(sv_sub(line, 12, tab - 12));
    if (mirror_git_text(dir, (const char *const[]){"cat-file", "blob", oid, NULL}, more, max, &text,
                        &n, e) < 0)
        return -1;
    buf_add(out, text, n);
    return 0;
}

/* ---- the cache ---- */

/* OWNER_NAME, as runners call it. An owner with a '_' is parted by a character that no name may have: a_b/c must
 * never be served what was fetched as a/b_c. */
char *mirror_cache_folder(const char *cache, const char *repo)
{
    char *folder = xasprintf("%s/%s", cache, repo);
    char *slash = strrchr(folder, '/');

    *slash = strchr(repo, '_') != NULL && strchr(repo, '_') < strchr(repo, '/') ? '%' : '_';
    return folder;
}

bool mirror_cached(const char *cache, const char *repo, const char *ref, char **sha, int *fd)
{
    AUTO(auto_free) char *folder = mirror_cache_folder(cache, repo);
    AUTO(auto_free) char *name = xasprintf("%s/refs/%s", folder, ref);
    AUTO(auto_free) char *text = NULL;
    struct err ignored; /* what cannot be read is not there */
    size_t n = 0;

    if (fs_read_file(AT_FDCWD, name, 256, &text, &n, &ignored) < 0)
        return false;
    AUTO(auto_free) char *commit = sv_dup(sv_trim((struct sv){text, n}));
    AUTO(auto_free) char *path = xasprintf("%s/%s.tar.gz", folder, commit);
    int opened = open(path, O_RDONLY | O_CLOEXEC);
    if (opened < 0)
        return false;
    *fd = opened;
    *sha = TAKE_PTR(commit);
    return true;
}
