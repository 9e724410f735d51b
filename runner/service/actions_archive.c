/* SPDX-License-Identifier: Apache-2.0
 *
 * An action from a mirror folder as a .tar.gz with one top-level folder, as a runner wants it (spec job-execution
 * 3.5): `git archive` at the ref for repositories, libarchive for plain folders. */
#include "runner/service/actions_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/crypto.h"
#include "base/fd.h"
#include "base/fs.h"
#include "base/libarchive.h"
#include "base/mem.h"
#include "base/path.h"

#define MIRROR_MAX_DEPTH 64U
#define MIRROR_MAX_FILES 200000U

/* A repository of ours without anything in it: the mirror's objects are read through it, so that the mirror's own
 * configuration (filters of files, commands that compress) is not; it may belong to somebody else. */
static int make_empty(int at, const char *name, bool sha256, struct err *e)
{
    static const char head[] = "ref: refs/heads/none\n";
    static const char config[] = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n"
                                 "[extensions]\n\tobjectformat = sha256\n";
    AUTO(auto_free) char *objects = xasprintf("%s/objects", name);
    AUTO(auto_free) char *refs = xasprintf("%s/refs", name);
    AUTO(auto_free) char *config_path = xasprintf("%s/config", name);
    AUTO(auto_free) char *head_path = xasprintf("%s/HEAD", name);

    if (fs_exists(at, head_path)) /* written last */
        return 0;
    if (fs_mkdir_all(at, objects, 0700, e) < 0 || fs_mkdir_all(at, refs, 0700, e) < 0 ||
        (sha256 && fs_write_atomic(at, config_path, 0600, config, strlen(config), e) < 0))
        return -1;
    return fs_write_atomic(at, head_path, 0600, head, strlen(head), e);
}

/* In quotes, as a ':' would part two folders. */
static void alternate(const char *path, struct buf *out)
{
    buf_adds(out, "GIT_ALTERNATE_OBJECT_DIRECTORIES=\"");
    for (const char *p = path; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            buf_addc(out, '\\');
        buf_addc(out, *p);
    }
    buf_addc(out, '"');
}

/* The environment in which the objects of a mirror are read. */
struct objects {
    char *own;
    struct buf alt;
};

static void objects_done(struct objects *o)
{
    free(o->own);
    buf_free(&o->alt);
}

static int objects_of(struct svc *s, const char *dir, bool sha256, struct objects *o, struct err *e)
{
    const char *name = sha256 ? "git-sha256" : "git";
    AUTO(auto_free) char *empty = xasprintf("%s/%s", s->cfg.state_dir, name);
    AUTO(auto_free) char *git_dir = NULL;
    AUTO(auto_free) char *text = NULL;
    AUTO(auto_free) char *rel = NULL;
    AUTO(auto_free) char *objects = NULL;
    size_t n = 0;

    if (make_empty(s->state_fd, name, sha256, e) < 0 ||
        mirror_git_text(dir, (const char *const[]){"rev-parse", "--git-path", "objects", NULL},
                        NULL, 65536, &text, &n, e) < 0)
        return -1;
    rel = sv_dup(sv_trim(sv_of(text)));
    AUTO(auto_free) char *joined = path_join(dir, rel);
    objects = realpath(joined, NULL);
    git_dir = realpath(empty, NULL);
    if (objects == NULL || git_dir == NULL)
        return err_sys(e, "cannot find the objects of '%s'", dir);
    o->own = xasprintf("GIT_DIR=%s", git_dir);
    alternate(objects, &o->alt);
    return buf_done(&o->alt, "path of a mirror", e);
}

int mirror_git(struct svc *s, const char *dir, const char *sha, const char *top, int fd,
               struct err *e)
{
    AUTO(objects_done) struct objects o = {.alt = BUF_INIT(16384)};
    AUTO(auto_free) char *prefix = xasprintf("--prefix=%s/", top);

    if (objects_of(s, dir, strlen(sha) == 64, &o, e) < 0)
        return -1;
    return mirror_git_to(dir,
                         (const char *const[]){"archive", "--format=tar.gz", prefix, sha, NULL},
                         (char *const[]){o.own, o.alt.p, NULL}, fd, e);
}

int mirror_objects_file(struct svc *s, const char *dir, const char *sha, const char *path,
                        size_t max, struct buf *out, struct err *e)
{
    AUTO(objects_done) struct objects o = {.alt = BUF_INIT(16384)};

    if (objects_of(s, dir, strlen(sha) == 64, &o, e) < 0)
        return -1;
    return mirror_git_file(dir, (char *const[]){o.own, o.alt.p, NULL}, sha, path, max, out, e);
}

struct walk {
    struct archive *a;
    unsigned files;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int archive_error(struct walk *w, struct err *e)
{
    return err_set(e, FAIL_SYS, "cannot write an archive: %s", la.error_string(w->a));
}

static int put_content(struct walk *w, int fd, int64_t size, struct err *e)
{
    char chunk[65536];

    while (size > 0) {
        ssize_t n = read(fd, chunk, size < (int64_t)sizeof chunk ? (size_t)size : sizeof chunk);
        if (n <= 0)
            return err_set(e, FAIL_SYS, "a file of a mirror changed while it was read");
        if (la.write_data(w->a, chunk, (size_t)n) < 0)
            return archive_error(w, e);
        size -= n;
    }
    return 0;
}

static int put_entry(struct walk *w, int dirfd, const char *name, const char *path,
                     const struct stat *st, struct err *e)
{
    struct archive_entry *en = la.entry_new();
    char target[4096];
    AUTO(auto_fd) int fd = -1;
    int rc = 0;

    la.entry_set_pathname(en, path);
    la.entry_set_mode(en, st->st_mode & (S_IFMT | 0777));
    la.entry_set_mtime(en, 0, 0); /* equal content gives an equal archive */
    if (S_ISLNK(st->st_mode)) {
        ssize_t n = readlinkat(dirfd, name, target, sizeof target - 1);
        target[n > 0 ? n : 0] = '\0';
        la.entry_set_symlink(en, target);
    } else if (S_ISREG(st->st_mode)) {
        la.entry_set_size(en, st->st_size);
        fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
            rc = err_sys(e, "cannot read '%s' of a mirror", path);
    }
    if (rc == 0 && la.write_header(w->a, en) < ARCHIVE_WARN)
        rc = archive_error(w, e);
    if (rc == 0 && fd >= 0)
        rc = put_content(w, fd, st->st_size, e);
    la.entry_free(en);
    return rc;
}

static int put_folder(struct walk *w, int own_fd, const char *path, unsigned depth, struct err *e);

static int put_member(struct walk *w, int dirfd, const char *name, const char *folder,
                      unsigned depth, struct err *e)
{
    AUTO(auto_free) char *path = xasprintf("%s/%s", folder, name);
    struct stat st;
    int sub;

    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, "cannot look at '%s' of a mirror", path);
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode))
        return 0; /* sockets and devices are not part of an action */
    if (++w->files > MIRROR_MAX_FILES)
        return err_set(e, FAIL_LIMIT, "a mirror holds more than %u files", MIRROR_MAX_FILES);
    if (put_entry(w, dirfd, name, path, &st, e) < 0)
        return -1;
    if (!S_ISDIR(st.st_mode))
        return 0;
    sub = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (sub < 0)
        return err_sys(e, "cannot open '%s' of a mirror", path);
    return put_folder(w, sub, path, depth + 1, e);
}

static int put_folder(struct walk *w, int own_fd, const char *path, unsigned depth, struct err *e)
{
    AUTO(strv_free) struct strv names = STRV_INIT;
    DIR *d = fdopendir(own_fd);
    const struct dirent *de;
    int rc = 0;

    if (d == NULL) {
        rc = err_sys(e, "cannot list '%s' of a mirror", path);
        (void)close(own_fd);
        return rc;
    }
    if (depth > MIRROR_MAX_DEPTH)
        rc = err_set(e, FAIL_LIMIT, "a mirror is nested deeper than %u", MIRROR_MAX_DEPTH);
    while (rc == 0 && (de = readdir(d)) != NULL)
        if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
            strv_add(&names, de->d_name);
    if (names.n > 1)
        qsort(names.v, names.n, sizeof(char *), by_name);
    for (size_t i = 0; rc == 0 && i < names.n; i++)
        rc = put_member(w, dirfd(d), names.v[i], path, depth, e);
    (void)closedir(d);
    return rc;
}

int mirror_folder(const char *dir, const char *top, int fd, struct err *e)
{
    struct walk w = {.a = NULL};
    int root, rc;

    if (la_open(e) < 0)
        return -1;
    root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_sys(e, "cannot open '%s'", dir);
    w.a = la.write_new();
    (void)la.write_add_filter_gzip(w.a);
    (void)la.write_set_format_pax_restricted(w.a);
    (void)la.write_set_options(w.a, "gzip:!timestamp");
    if (la.write_open_fd(w.a, fd) != ARCHIVE_OK) {
        rc = archive_error(&w, e);
        (void)close(root);
    } else {
        rc = put_folder(&w, root, top, 0, e);
    }
    if (rc == 0 && la.write_close(w.a) != ARCHIVE_OK)
        rc = archive_error(&w, e);
    (void)la.write_free(w.a);
    return rc;
}
