/* SPDX-License-Identifier: Apache-2.0
 *
 * One question to git for the names, then reads below the top. */
#include "runner/cli/source_files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/fs.h"
#include "base/mem.h"
#include "runner/cli/run_git.h"

#define LISTING_MAX ((size_t)16 << 20)

void source_files_done(struct source_files *s)
{
    fd_close(&s->top_fd);
    free(s->listing);
    s->listing = NULL;
}

static int list(struct source_files *s, struct err *e)
{
    static const char *const words[] = {"ls-files",
                                        "-z",
                                        "--cached",
                                        "--others",
                                        "--exclude-standard",
                                        "--",
                                        ".github/workflows",
                                        ".github/workflows-lab",
                                        NULL};

    if (s->listing != NULL)
        return 0;
    return repo_git(s->top, words, LISTING_MAX, &s->listing, &s->n, e);
}

static bool is_listed(const struct source_files *s, const char *path)
{
    for (const char *p = s->listing; p < s->listing + s->n; p += strlen(p) + 1)
        if (strcmp(p, path) == 0)
            return true;
    return false;
}

int source_files_read(struct source_files *s, const char *path, struct buf *out, struct err *e)
{
    AUTO(auto_fd) int fd = -1;
    char chunk[16384];
    struct stat st;
    struct err ignored; /* not there, or not to be read: as if it were not there */
    ssize_t n;

    if (s->top_fd < 0)
        s->top_fd = open(s->top, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (s->top_fd < 0)
        return err_sys(e, "cannot open the repository '%s'", s->top);
    bool git = fs_exists(s->top_fd, ".git");
    if (git && list(s, e) < 0)
        return -1;
    if ((git && !is_listed(s, path)) ||
        fs_open_beneath(s->top_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0, true,
                        &fd, &ignored) < 0 ||
        fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    while ((n = fd_read_full(fd, chunk, sizeof chunk, &ignored)) > 0 && !out->over)
        buf_add(out, chunk, (size_t)n);
    return n == 0 && !out->over;
}
