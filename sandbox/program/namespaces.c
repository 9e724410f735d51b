/* SPDX-License-Identifier: Apache-2.0
 *
 * Raw clone(2), because clone3 is ENOSYS under older container profiles (SBX-CLONE3-ENOSYS) and nothing here
 * needs it. All of these processes have one thread. */
#include "sandbox/program/namespaces.h"

#include "sandbox/program/plan.h"

#include "base/fd.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Above what systemd gives to containers (its range ends below 0x70000000). */
#define RANGE_FIRST 0x70000000U
#define RANGE_COUNT 2048U
#define RANGE_FILE  "/run/gantry/id-ranges"

#if !defined(__x86_64__) && !defined(__aarch64__)
#    error "clone(2) has another order of arguments here"
#endif

pid_t ns_fork(unsigned long flags)
{
    return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
}

static int write_proc(pid_t pid, const char *file, const char *text, struct err *e)
{
    char path[64];
    AUTO(auto_fd) int fd = -1;

    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "cannot open '%s'", path);
    if (write(fd, text, strlen(text)) < 0) /* the kernel takes a map in one write */
        return err_sys(e, "cannot write '%s'", path);
    return 0;
}

int ns_write_maps(pid_t pid, const char *uids, const char *gids, bool deny_setgroups, struct err *e)
{
    if (deny_setgroups && write_proc(pid, "setgroups", "deny", e) < 0)
        return -1;
    if (write_proc(pid, "gid_map", gids, e) < 0 || write_proc(pid, "uid_map", uids, e) < 0)
        return -1;
    return 0;
}

int range_take(uint32_t *range, int *lock, struct err *e)
{
    AUTO(auto_fd) int fd = -1;

    if (mkdir("/run/gantry", 0755) < 0 && errno != EEXIST)
        return err_sys(e, "cannot make '/run/gantry'");
    fd = open(RANGE_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, "cannot open '%s'", RANGE_FILE);
    for (unsigned i = 0; i < RANGE_COUNT; i++) {
        struct flock f = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = i, .l_len = 1};

        if (fcntl(fd, F_OFD_SETLK, &f) == 0) {
            *range = RANGE_FIRST + i * RANGE_STRIDE;
            *lock = fd_take(&fd);
            return 0;
        }
        if (errno != EAGAIN && errno != EACCES)
            return err_sys(e, "cannot lock '%s'", RANGE_FILE);
    }
    return err_set(e, FAIL_LIMIT, "all %u id ranges are in use", RANGE_COUNT);
}

uint32_t range_from_uid(uint32_t uid)
{
    if (uid < RANGE_FIRST || uid >= RANGE_FIRST + RANGE_COUNT * RANGE_STRIDE)
        return 0;
    return uid - (uid - RANGE_FIRST) % RANGE_STRIDE;
}

int ns_for_map(const char *uids, const char *gids, int *out, struct err *e)
{
    char path[64];
    int fd = -1;
    int r;
    pid_t pid = ns_fork(CLONE_NEWUSER);

    if (pid < 0)
        return err_sys(e, "cannot create a user namespace");
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            (void)pause();
    }
    r = ns_write_maps(pid, uids, gids, false, e);
    if (r == 0) {
        (void)snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            r = err_sys(e, "cannot open '%s'", path);
    }
    (void)kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (r == 0)
        *out = fd;
    return r;
}

static _Noreturn void emptier(int go, int dir, const char *name)
{
    struct err e = {0};
    char byte;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (read(go, &byte, 1) != 1 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
        _exit(1);
    _exit(fs_remove_tree(dir, name, &e) < 0 ? 1 : 0);
}

int idmap_run(uint32_t range, int dir, const char *name, struct err *e)
{
    AUTO(auto_fd) int rd = -1;
    AUTO(auto_fd) int wr = -1;
    char map[96];
    int pair[2];
    int status = 0;
    int r;
    pid_t pid;

    (void)snprintf(map, sizeof map, "0 %u 1\n1 %u %u\n", range + RANGE_IDS, range, RANGE_IDS);
    if (fd_pipe(pair, e) < 0)
        return -1;
    rd = pair[0];
    wr = pair[1];
    pid = ns_fork(CLONE_NEWUSER);
    if (pid < 0)
        return err_sys(e, "cannot create a user namespace");
    if (pid == 0)
        emptier(rd, dir, name);
    r = ns_write_maps(pid, map, map, false, e);
    if (r == 0 && write(wr, "g", 1) != 1)
        r = err_sys(e, "write");
    fd_close(&wr);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (r == 0 && status != 0)
        r = err_set(e, FAIL_SYS, "cannot remove '%s' from inside the id map", name);
    return r;
}
