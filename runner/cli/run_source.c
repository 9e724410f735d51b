/* SPDX-License-Identifier: Apache-2.0
 *
 * The listing of the local source: what a checkout would bring, with the uncommitted changes of the user. */
#include "runner/cli/run_git.h"

#include "base/buf.h"
#include "base/fd.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST_MAX_BYTES  (256U << 20)
#define SUBMODULE_DEPTH 16U /* Ours */

static int list(int top_fd, const char *top, const char *prefix, unsigned depth, struct buf *out,
                struct err *e);

static bool has_git(int dir_fd, const char *path)
{
    AUTO(auto_free) char *git = path_join(path, ".git");
    struct stat st;

    return fstatat(dir_fd, git, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ".git" is a folder, or (work trees, submodules) a file that names one elsewhere: then the file alone. */
static void add_git(int top_fd, const char *prefix, struct buf *out)
{
    AUTO(auto_free) char *git = xasprintf("%s.git", prefix);
    struct stat st;

    if (fstatat(top_fd, git, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    if (S_ISDIR(st.st_mode))
        buf_addf(out, "%s/", git);
    else if (S_ISREG(st.st_mode))
        buf_adds(out, git);
    else
        return;
    buf_addc(out, '\0');
}

bool repo_stat(int top_fd, const char *path, struct stat *st)
{
    AUTO(auto_fd) int fd = -1;
    struct err ignored; /* what cannot be reached is not there */

    return fs_open_beneath(top_fd, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, true, &fd, &ignored) ==
               0 &&
           fstat(fd, st) == 0;
}

static int entry(int top_fd, const char *top, const char *prefix, const char *name, unsigned depth,
                 struct buf *out, struct err *e)
{
    AUTO(auto_free) char *path = xasprintf("%s%s", prefix, name);
    size_t n = strlen(path);
    struct stat st;

    if (n > 0 && path[n - 1] == '/') /* an untracked repository of its own: copied whole */
        path[n - 1] = '\0';
    if (!repo_stat(top_fd, path, &st))
        return 0; /* deleted, or behind a link that replaced its folder, but still in the index */
    if (S_ISDIR(st.st_mode)) {
        AUTO(auto_free) char *below = xasprintf("%s/", path);
        if (!has_git(top_fd,
                     path)) /* a submodule that is not checked out: an empty folder on GitHub too */
            return 0;
        return list(top_fd, top, below, depth + 1, out, e);
    }
    if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
        buf_add(out, path, strlen(path) + 1);
    return 0; /* sockets and pipes are no source */
}

static int list(int top_fd, const char *top, const char *prefix, unsigned depth, struct buf *out,
                struct err *e)
{
    static const char *const words[] = {
        "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate", NULL};
    AUTO(auto_free) char *dir = path_join(top, prefix[0] != '\0' ? prefix : ".");
    AUTO(auto_free) char *text = NULL;
    size_t n;

    if (depth > SUBMODULE_DEPTH)
        return err_set(e, FAIL_LIMIT, "submodules of '%s' are nested deeper than %u", top,
                       SUBMODULE_DEPTH);
    add_git(top_fd, prefix, out);
    if (repo_git(dir, words, LIST_MAX_BYTES, &text, &n, e) < 0)
        return err_wrap(e, "list the files of '%s'", dir);
    for (const char *p = text; p < text + n; p += strlen(p) + 1)
        if (entry(top_fd, top, prefix, p, depth, out, e) < 0)
            return -1;
    return 0;
}

int repo_source(const struct repo *r, const char *stage, int *folder, int *listing, struct err *e)
{
    AUTO(auto_fd) int top_fd = open(r->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO(buf_free) struct buf out = BUF_INIT(LIST_MAX_BYTES);

    if (top_fd < 0)
        return err_sys(e, "cannot open the repository '%s'", r->top);
    if (list(top_fd, r->top, "", 0, &out, e) < 0 || buf_done(&out, "list of source files", e) < 0)
        return -1;
    if (repo_is_linked(r)) {
        fd_close(&top_fd);
        if (repo_stage(r, stage, &out, &top_fd, e) < 0)
            return -1;
    }
    if (fd_memfd("gantry-source", out.p, out.len, listing, e) < 0)
        return -1;
    *folder = fd_take(&top_fd);
    return 0;
}
