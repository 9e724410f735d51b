/* SPDX-License-Identifier: Apache-2.0
 *
 * Removing a tree that somebody else built: links are never followed, folders without permissions are
 * opened up first, and a tree deeper than MAX_LEVEL is cut into pieces by moving what lies below to the
 * top, so that neither the stack nor the descriptors run out. */
#include "base/fs.h"

#include "base/fd.h"
#include "base/ids.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LEVEL 48

struct remover {
    int top; /* the folder that the call removes */
    bool failed;
    bool moved;
    struct err *e; /* the first failure */
};

static void note(struct remover *r, const char *what, const char *name)
{
    if (!r->failed)
        (void)err_sys(r->e, "cannot %s '%s'", what, name);
    r->failed = true;
}

/* Opens a folder to list it, giving ourselves rwx when it has not. */
static int open_folder(int at, const char *name)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    struct stat st;
    char self[40];

    AUTO(auto_fd) int path_fd = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (path_fd < 0 || fstat(path_fd, &st) < 0)
        return -1;
    if ((st.st_mode & 0700) != 0700) {
        /* fchmod() refuses O_PATH descriptors; this name cannot be swapped for a link. */
        (void)snprintf(self, sizeof self, "/proc/self/fd/%d", path_fd);
        if (chmod(self, (st.st_mode & 07777) | 0700) < 0 && geteuid() != 0)
            return -1;
    }
    return openat(path_fd, ".", flags);
}

static void empty_folder(struct remover *r, int fd, unsigned level);

static void remove_entry(struct remover *r, int at, const char *name, unsigned level)
{
    if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
        return;
    /* EISDIR on Linux, EPERM by POSIX; anything else is a real failure. */
    if (errno != EISDIR && errno != EPERM) {
        note(r, "remove", name);
        return;
    }
    int sys = errno;
    AUTO(auto_fd) int fd = open_folder(at, name);
    if (fd < 0) {
        if (errno == ENOTDIR)
            errno = sys; /* a file that unlink refused, e.g. an immutable one */
        note(r, "remove", name);
        return;
    }
    if (level >= MAX_LEVEL) {
        char moved[24];
        (void)memcpy(moved, "gantry-rm-", 10);
        ids_token(moved + 10, 12);
        if (renameat(at, name, r->top, moved) < 0)
            note(r, "move", name);
        r->moved = true;
        return;
    }
    empty_folder(r, fd, level + 1);
    if (unlinkat(at, name, AT_REMOVEDIR) < 0 && errno != ENOENT && !r->failed)
        note(r, "remove", name);
}

static void empty_folder(struct remover *r, int fd, unsigned level)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    DIR *d = own >= 0 ? fdopendir(own) : NULL;

    if (d == NULL) {
        note(r, "list", "a folder");
        fd_close(&own);
        return;
    }
    rewinddir(d);
    for (;;) {
        errno = 0;
        struct dirent *de = readdir(d);
        if (de == NULL) {
            if (errno != 0)
                note(r, "list", "a folder");
            break;
        }
        if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
            remove_entry(r, fd, de->d_name, level);
    }
    (void)closedir(d);
}

int fs_remove_tree(int dirfd, const char *path, struct err *e)
{
    struct remover r = {.top = -1, .e = e};

    if (unlinkat(dirfd, path, 0) == 0 || errno == ENOENT)
        return 0;
    int sys = errno;
    AUTO(auto_fd) int top = open_folder(dirfd, path);
    if (top < 0) {
        if (errno == ENOTDIR)
            errno = sys;
        return err_sys(e, "cannot remove '%s'", path);
    }
    r.top = top;
    do {
        r.moved = false;
        empty_folder(&r, top, 0);
    } while (r.moved && !r.failed);
    if (r.failed)
        return err_wrap(e, "remove '%s'", path);
    if (unlinkat(dirfd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return err_sys(e, "cannot remove '%s'", path);
    return 0;
}
