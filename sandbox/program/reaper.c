/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding our children by their parent id in /proc. */
#include "sandbox/program/reaper.h"

#include "base/fd.h"
#include "base/num.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The parent of a process, 0 when it is gone. stat is "pid (comm) state ppid ..."; comm may hold anything,
 * so the last ')' counts. */
static pid_t parent_of(int proc, const char *pid)
{
    char path[32];
    char text[512];
    AUTO(auto_fd) int fd = -1;
    ssize_t n;
    struct sv s;
    struct sv word;
    uint64_t parent = 0;
    struct err e;
    size_t at;

    (void)snprintf(path, sizeof path, "%.16s/stat", pid);
    fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    n = read(fd, text, sizeof text);
    if (n <= 0)
        return 0;
    s = (struct sv){text, (size_t)n};
    at = sv_rchr(s, ')');
    if (at == SV_NPOS)
        return 0;
    s = sv_sub(s, at + 2, s.n);
    if (!sv_next(&s, ' ', &word) || word.n != 1 || word.p[0] == 'Z')
        return 0;
    if (!sv_next(&s, ' ', &word) || num_u64(word, INT32_MAX, &parent, &e) < 0)
        return 0;
    return (pid_t)parent;
}

static bool is_listed(pid_t pid, const pid_t *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == pid)
            return true;
    return false;
}

bool reaper_kill_children(const pid_t *keep, size_t n_keep)
{
    DIR *d = opendir("/proc");
    struct dirent *entry;
    pid_t self = getpid();
    bool found = false;

    if (d == NULL)
        return false;
    while ((entry = readdir(d)) != NULL) {
        uint64_t pid;
        struct err e;

        if (!ch_is_digit(entry->d_name[0]) ||
            num_u64(sv_of(entry->d_name), INT32_MAX, &pid, &e) < 0)
            continue;
        if (is_listed((pid_t)pid, keep, n_keep) || parent_of(dirfd(d), entry->d_name) != self)
            continue;
        /* Ours and not reaped, so the number is still this process. */
        if (kill((pid_t)pid, SIGKILL) == 0)
            found = true;
    }
    (void)closedir(d);
    return found;
}
