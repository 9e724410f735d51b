/* SPDX-License-Identifier: Apache-2.0
 *
 * The local source of a linked work tree (`git worktree`) or of a submodule: their ".git" is a file that names a
 * folder elsewhere on the host, which no job can see. A job gets a repository that stands by itself, so one is made
 * in the run's own folder: the git folder by `git clone --bare` of the local path (objects are hard links), HEAD and
 * index of the work tree, then the listed files. The user's folders are only read. */
#include "runner/cli/run_git.h"

#include "base/fd.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_MAX_BYTES (1U << 20)

static int copy_content(int from, int to, struct err *e)
{
    static char block[1 << 16]; /* Ours; one thread */
    ssize_t n;

    while ((n = read(from, block, sizeof block)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "read");
        if (fd_write_full(to, block, (size_t)n, e) < 0)
            return -1;
    }
    return 0;
}

/* Times are kept: git's index compares them. */
static int copy_file(int src, int dst, const char *path, const struct stat *st, struct err *e)
{
    AUTO(auto_fd) int from = -1;
    AUTO(auto_fd)
    int to = openat(dst, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                    (st->st_mode & 0777) | 0600);
    const struct timespec times[2] = {st->st_atim, st->st_mtim};

    if (to < 0)
        return err_sys(e, "cannot copy '%s' of the source", path);
    if (fs_open_beneath(src, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0, true, &from,
                        e) < 0)
        return err_wrap(e, "copy the source");
    if (copy_content(from, to, e) < 0)
        return err_wrap(e, "copy '%s' of the source", path);
    return futimens(to, times) < 0 ? err_sys(e, "cannot set the time of '%s'", path) : 0;
}

static int copy_link(int src, int dst, const char *path, struct err *e)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(src, path, target, sizeof target - 1);

    if (n < 0)
        return err_sys(e, "cannot read the link '%s' of the source", path);
    target[n] = '\0';
    return symlinkat(target, dst, path) < 0 ? err_sys(e, "cannot copy the link '%s'", path) : 0;
}

static int copy_entry(int src, int dst, const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    struct stat st;

    if (!repo_stat(src, path, &st))
        return 0;
    if (slash != NULL) {
        AUTO(auto_free) char *dir = sv_dup((struct sv){path, (size_t)(slash - path)});
        if (fs_mkdir_all(dst, dir, 0755, e) < 0)
            return -1;
    }
    if (S_ISREG(st.st_mode))
        return copy_file(src, dst, path, &st, e);
    return S_ISLNK(st.st_mode) ? copy_link(src, dst, path, e) : 0;
}

/* The remotes of the real repository, not the folder that was cloned; and a repository with a work tree. */
static int fix_config(const struct repo *r, const char *git, struct err *e)
{
    const char *bare[] = {"config", "core.bare", "false", NULL};
    const char *ask[] = {"config", "--get", "remote.origin.url", NULL};
    const char *drop[] = {"remote", "remove", "origin", NULL};
    AUTO(auto_free) char *url = NULL;
    AUTO(auto_free) char *text = NULL;
    struct err ignored; /* no remote: then none in the copy */
    size_t n;

    if (repo_git(git, bare, CONFIG_MAX_BYTES, &text, &n, e) < 0)
        return -1;
    free(TAKE_PTR(text));
    if (repo_git(r->top, ask, CONFIG_MAX_BYTES, &url, &n, &ignored) < 0)
        return repo_git(git, drop, CONFIG_MAX_BYTES, &text, &n, e);
    url[n > 0 && url[n - 1] == '\n' ? n - 1 : n] = '\0';
    const char *set[] = {"config", "remote.origin.url", url, NULL};
    return repo_git(git, set, CONFIG_MAX_BYTES, &text, &n, e);
}

static int make_git(const struct repo *r, const char *dir, struct err *e)
{
    AUTO(auto_free) char *git = path_join(dir, ".git");
    AUTO(auto_free) char *index = NULL;
    AUTO(auto_fd) int from = -1;
    AUTO(auto_fd) int to = -1;
    const char *clone[] = {"clone", "--quiet", "--bare", "--local", "--", r->top, git, NULL};
    const char *where[] = {"rev-parse", "--path-format=absolute", "--git-path", "index", NULL};
    size_t n;

    if (repo_git_local(r->top, clone, e) < 0 || fix_config(r, git, e) < 0 ||
        repo_git(r->top, where, CONFIG_MAX_BYTES, &index, &n, e) < 0)
        return -1;
    index[n > 0 && index[n - 1] == '\n' ? n - 1 : n] = '\0';
    from = open(index, O_RDONLY | O_CLOEXEC);
    if (from < 0) /* nothing was ever added: no index */
        return errno == ENOENT ? 0 : err_sys(e, "cannot open '%s'", index);
    AUTO(auto_free) char *copy = path_join(git, "index");
    to = open(copy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (to < 0)
        return err_sys(e, "cannot create '%s'", copy);
    return copy_content(from, to, e);
}

bool repo_is_linked(const struct repo *r)
{
    AUTO(auto_free) char *git = path_join(r->top, ".git");
    struct stat st;

    return lstat(git, &st) == 0 && !S_ISDIR(st.st_mode);
}

int repo_stage(const struct repo *r, const char *dir, struct buf *listing, int *folder,
               struct err *e)
{
    AUTO(buf_free) struct buf out = BUF_INIT(listing->max);
    AUTO(auto_fd) int src = -1;
    AUTO(auto_fd) int dst = -1;
    struct sv rest = buf_sv(listing), path;

    if (fs_mkdir_all(AT_FDCWD, dir, 0755, e) < 0 || make_git(r, dir, e) < 0)
        return err_wrap(e, "make a repository of the linked work tree '%s'", r->top);
    src = open(r->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    dst = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (src < 0 || dst < 0)
        return err_sys(e, "cannot open '%s'", src < 0 ? r->top : dir);
    buf_add(&out, ".git/", sizeof ".git/");
    while (sv_next(&rest, '\0', &path)) {
        if (path.n == 0 || sv_is(path, ".git"))
            continue;
        if (copy_entry(src, dst, path.p, e) < 0)
            return -1;
        buf_add(&out, path.p, path.n + 1);
    }
    buf_reset(listing);
    buf_addsv(listing, buf_sv(&out));
    *folder = fd_take(&dst);
    return buf_done(listing, "list of source files", e);
}
