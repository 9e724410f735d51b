/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of `gantry lint`: the repository around them, what there is to check in it, and reading from it. */
#include "runner/cli/lint_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/path.h"

#define WORKFLOWS   ".github/workflows"
#define MAX_DEPTH   16U     /* Ours: folders above an action.yml */
#define MAX_ENTRIES 200000U /* Ours: names that are looked at */

void lint_root_done(struct lint_root *r)
{
    free(r->top);
    r->top = NULL;
    fd_close(&r->fd);
}

static bool is_top(const char *dir)
{
    AUTO(auto_free) char *git = path_join(dir, ".git");
    AUTO(auto_free) char *github = path_join(dir, ".github");

    return fs_exists(AT_FDCWD, git) || fs_exists(AT_FDCWD, github);
}

int lint_root_find(const char *start, struct lint_root *out, struct err *e)
{
    AUTO(auto_free) char *here = realpath(start, NULL);

    if (here == NULL)
        return errno == ENOENT ? err_set(e, FAIL_NOTFOUND, "there is no folder '%.160s'", start)
                               : err_sys(e, "cannot enter '%.160s'", start);
    AUTO(auto_free) char *at = xstrdup(here);
    while (!is_top(at) && strcmp(at, "/") != 0) {
        char *slash = strrchr(at, '/');
        slash[slash == at ? 1 : 0] = '\0';
    }
    const char *top = is_top(at) ? at : here;
    int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "cannot open the folder '%.160s'", top);
    *out = (struct lint_root){.top = xstrdup(top), .fd = fd};
    return 0;
}

char *lint_root_relative(const struct lint_root *r, const char *file)
{
    AUTO(auto_free) char *full = realpath(file, NULL);
    size_t n = strlen(r->top);

    if (full == NULL || strncmp(full, r->top, n) != 0)
        return NULL;
    if (n == 1) /* "/" */
        return xstrdup(full + 1);
    return full[n] == '/' ? xstrdup(full + n + 1) : NULL;
}

char *lint_root_prefix(const struct lint_root *root, const char *dir)
{
    AUTO(auto_free) char *here = realpath(".", NULL);

    if (here != NULL && strcmp(here, root->top) == 0)
        return xstrdup("");
    AUTO(auto_free) char *given = dir != NULL ? realpath(dir, NULL) : NULL;
    if (given != NULL && strcmp(given, root->top) == 0)
        return xasprintf("%s/", dir);
    return xasprintf("%s/", root->top);
}

int lint_root_read(void *ctx, const char *path, char **out, size_t *n, struct err *e)
{
    const struct lint_root *r = ctx;
    AUTO(auto_fd) int fd = -1;
    struct stat st;

    /* a pipe would wait for its other end */
    if (fs_open_beneath(r->fd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, false, &fd, e) < 0)
        return -1;
    if (fstat(fd, &st) < 0)
        return err_sys(e, "cannot read '%.160s'", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, FAIL_NOTFOUND, "'%.160s' is no file", path);
    if ((uint64_t)st.st_size > LINT_MAX_FILE)
        return err_set(e, FAIL_LIMIT, "'%.160s' is larger than 1 MiB", path);
    AUTO(auto_free) char *text = xmalloc(LINT_MAX_FILE + 1);
    ssize_t got = fd_read_full(fd, text, LINT_MAX_FILE, e);
    if (got < 0)
        return err_wrap(e, "read '%.160s'", path);
    text[got] = '\0';
    *n = (size_t)got;
    *out = TAKE_PTR(text);
    return 0;
}

/* ---- what there is ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct search {
    struct strv *out;
    size_t seen;
};

static bool is_yaml(struct sv name)
{
    return sv_ends(name, SV(".yml")) || sv_ends(name, SV(".yaml"));
}

static bool wanted(const char *dir, struct sv name)
{
    if (strcmp(dir, WORKFLOWS) == 0)
        return is_yaml(name);
    return sv_is(name, "action.yml") || sv_is(name, "action.yaml");
}

static bool entered(struct sv name)
{
    return !sv_is(name, ".") && !sv_is(name, "..") && !sv_is(name, "node_modules") &&
           (!sv_starts(name, SV(".")) || sv_is(name, ".github"));
}

static int search(struct search *s, int dirfd, const char *dir, unsigned depth, struct err *e)
{
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *ent;
    int rc = 0;

    if (d == NULL) {
        if (fd >= 0)
            (void)close(fd);
        return err_sys(e, "cannot read the folder '%.160s'", dir[0] != '\0' ? dir : ".");
    }
    while (rc == 0 && (ent = readdir(d)) != NULL && s->seen++ < MAX_ENTRIES) {
        AUTO(auto_free)
        char *path = dir[0] != '\0' ? path_join(dir, ent->d_name) : xstrdup(ent->d_name);
        struct stat st;
        if (fstatat(dirfd, ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue; /* it is gone */
        if (S_ISREG(st.st_mode) && wanted(dir, sv_of(ent->d_name)))
            strv_add(s->out, path);
        if (!S_ISDIR(st.st_mode) || depth >= MAX_DEPTH || !entered(sv_of(ent->d_name)))
            continue;
        AUTO(auto_fd) int sub = openat(dirfd, ent->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (sub >= 0) /* what cannot be read cannot be checked */
            rc = search(s, sub, path, depth + 1, e);
    }
    (void)closedir(d);
    return rc;
}

int lint_root_list(const struct lint_root *r, struct strv *out, struct err *e)
{
    struct search s = {.out = out};

    if (search(&s, r->fd, "", 0, e) < 0)
        return -1;
    qsort(out->v, out->n, sizeof *out->v, by_name);
    if (out->n == 0)
        return err_set(e, FAIL_INPUT, "'%.160s' holds no workflow and no action.yml; name a file",
                       r->top);
    return 0;
}
