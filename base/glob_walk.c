/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk. Frames of open folders are kept on a stack of our own; paths are opened by their full text, as the
 * reference does: whoever can rename things under the walk only changes his own digest, since the walk has
 * just the rights of the one who asked for it. */
#include "base/glob_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"

#define MAX_ENTRIES (1U << 22) /* of one folder; ours: bounds memory */

struct frame {
    char *names;  /* each a byte DT_* and the NUL-terminated name */
    uint32_t *at; /* of the names, sorted */
    size_t n, next;
    size_t path_len; /* of the folder */
    dev_t dev;       /* following only: to find cycles */
    ino_t ino;
};
struct walk {
    const struct glob *g;
    const struct glob_walk_options *o;
    struct err *e;
    struct frame *frames;
    size_t n, cap;
    char path[PATH_MAX];
    size_t len;
    unsigned turns;
};

static struct sv path_of(const struct walk *w)
{
    return (struct sv){w->path, w->len};
}

static void frame_free(struct frame *f)
{
    free(f->names);
    free(f->at);
}

/* ---- reading one folder ---- */

static int by_name(const void *a, const void *b, void *names)
{
    const uint32_t *x = a, *y = b;
    const char *text = names;

    return strcmp(text + *x, text + *y);
}

static int read_names(struct walk *w, DIR *d, struct frame *f)
{
    struct buf names = BUF_INIT(UINT32_MAX - 1);
    size_t cap = 0;
    struct dirent *de;

    for (errno = 0; (de = readdir(d)) != NULL; errno = 0) {
        const char *n = de->d_name;
        if (n[0] == '.' && (n[1] == '\0' || (n[1] == '.' && n[2] == '\0')))
            continue;
        if (f->n == MAX_ENTRIES) {
            buf_free(&names);
            return err_set(w->e, FAIL_LIMIT, "'%s' has more than %u entries", w->path, MAX_ENTRIES);
        }
        GROW(f->at, cap, f->n + 1);
        /* The type goes in front of the name, so that sorting positions keeps the two together. */
        buf_addc(&names, (char)de->d_type);
        f->at[f->n++] = (uint32_t)names.len;
        buf_add(&names, n, strlen(n) + 1);
    }
    if (errno != 0) {
        int rc = err_sys(w->e, "cannot read the folder '%s'", w->path);
        buf_free(&names);
        return rc;
    }
    f->names = buf_take(&names, NULL);
    if (f->n > 1)
        qsort_r(f->at, f->n, sizeof *f->at, by_name, f->names);
    return 0;
}

/* 1 = pushed, 0 = a cycle, -1. */
static int push_folder(struct walk *w)
{
    struct stat st;
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (w->o->follow ? 0 : O_NOFOLLOW);
    AUTO(auto_fd) int fd = open(w->path, flags);

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(w->e, "cannot open the folder '%s'", w->path);
    for (size_t i = 0; w->o->follow && i < w->n; i++)
        if (w->frames[i].dev == st.st_dev && w->frames[i].ino == st.st_ino)
            return 0;
    DIR *d = fdopendir(fd);
    if (d == NULL)
        return err_sys(w->e, "cannot open the folder '%s'", w->path);
    (void)fd_take(&fd); /* closed with the stream */
    struct frame f = {.path_len = w->len, .dev = st.st_dev, .ino = st.st_ino};
    int rc = read_names(w, d, &f);
    (void)closedir(d);
    if (rc < 0) {
        frame_free(&f);
        return -1;
    }
    GROW(w->frames, w->cap, w->n + 1);
    w->frames[w->n++] = f;
    return 1;
}

/* ---- items ---- */

/* A matched file or link: what it leads to must be a file; folders are left out. */
static int hand_over(struct walk *w)
{
    struct stat st;
    struct sv ws = w->o->workspace, p = path_of(w);

    if (!sv_starts(p, ws) || p.n <= ws.n || (ws.n > 1 && p.p[ws.n] != '/'))
        return 0;
    AUTO(auto_fd) int fd = open(w->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        int why = errno;
        if (stat(w->path, &st) == 0 && S_ISDIR(st.st_mode))
            return 0; /* a folder that may not be read is no business of ours */
        errno = why;
        return err_sys(w->e, "cannot open '%s'", w->path);
    }
    if (fstat(fd, &st) < 0)
        return err_sys(w->e, "cannot examine '%s'", w->path);
    if (S_ISDIR(st.st_mode))
        return 0;
    if (!S_ISREG(st.st_mode))
        return err_set(w->e, FAIL_INPUT, "cannot hash '%s': not a regular file", w->path);
    return w->o->file(w->o->ctx, fd, p, w->e);
}

/* Type of the current path: DT_DIR, something else, or DT_UNKNOWN for what is to be left out. */
static int type_of(struct walk *w, unsigned char hint, unsigned char *type)
{
    struct stat st;

    if (hint != DT_UNKNOWN && (!w->o->follow || hint != DT_LNK)) {
        *type = hint;
        return 0;
    }
    int rc = w->o->follow ? stat(w->path, &st) : lstat(w->path, &st);
    if (rc < 0) {
        if (!w->o->follow || errno != ENOENT)
            return err_sys(w->e, "cannot examine '%s'", w->path);
        *type = DT_UNKNOWN; /* a dangling link */
        return 0;
    }
    *type = S_ISDIR(st.st_mode) ? DT_DIR : S_ISREG(st.st_mode) ? DT_REG : DT_LNK;
    return 0;
}

static int visit(struct walk *w, unsigned char hint)
{
    unsigned match = glob_match_path(w->g, path_of(w));
    unsigned char type = DT_UNKNOWN;

    if (w->o->late != NULL && (++w->turns & 1023U) == 0 && w->o->late(w->o->ctx))
        return err_set(w->e, FAIL_TIMEOUT, "the search took too long");
    if (match == GLOB_NONE && !glob_may_descend(w->g, path_of(w)))
        return 0;
    if (type_of(w, hint, &type) < 0)
        return -1;
    if (type == DT_DIR)
        return push_folder(w) < 0 ? -1 : 0;
    return type != DT_UNKNOWN && (match & GLOB_FILE) != 0 ? hand_over(w) : 0;
}

static int set_path(struct walk *w, size_t len, struct sv name)
{
    bool slash = len > 0 && w->path[len - 1] != '/';

    if (name.n + 2 > sizeof w->path - len) {
        errno = ENAMETOOLONG;
        return err_sys(w->e, "cannot open '%.*s' in '%.100s...'", SV_ARG(name), w->path);
    }
    if (slash)
        w->path[len++] = '/';
    memcpy(w->path + len, name.p, name.n);
    w->len = len + name.n;
    w->path[w->len] = '\0';
    return 0;
}

static int walk_root(struct walk *w, struct sv root)
{
    struct stat st;

    if (set_path(w, 0, root) < 0)
        return -1;
    if (lstat(w->path, &st) < 0) {
        if (errno == ENOENT)
            return 0;
        return err_sys(w->e, "cannot examine '%s'", w->path);
    }
    if (visit(w, DT_UNKNOWN) < 0)
        return -1;
    while (w->n > 0) {
        struct frame *f = &w->frames[w->n - 1];
        if (f->next == f->n) {
            frame_free(f);
            w->n--;
            continue;
        }
        const char *name = f->names + f->at[f->next++];
        unsigned char hint = (unsigned char)name[-1];
        if (set_path(w, f->path_len, sv_of(name)) < 0 || visit(w, hint) < 0)
            return -1;
    }
    return 0;
}

int glob_walk(const struct glob *g, const struct glob_walk_options *o, struct err *e)
{
    struct walk *w = xcalloc(1, sizeof *w);
    int rc = 0;

    w->g = g;
    w->o = o;
    w->e = e;
    for (size_t i = 0; i < glob_roots(g) && rc == 0; i++)
        rc = walk_root(w, glob_root(g, i));
    while (w->n > 0)
        frame_free(&w->frames[--w->n]);
    free(w->frames);
    free(w);
    return rc;
}
