/* SPDX-License-Identifier: Apache-2.0
 *
 * Making, locking, marking and removing job folders. */
#include "sandbox/program/jobdir.h"

#include "sandbox/program/namespaces.h"
#include "sandbox/program/step.h"

#include "base/fd.h"
#include "base/fs.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MARK ".gantry-job"
#define UNMARKED_AGE \
    600 /* seconds after which an unmarked, unlocked folder counts as left behind */

static int make(int dir, const char *name, mode_t mode, uint32_t owner, struct err *e)
{
    if (mkdirat(dir, name, mode) < 0) /* the umask of gantry-sandbox is 0 */
        return err_sys(e, "cannot make '%s' in the job folder", name);
    if (owner != (uint32_t)-1 && fchownat(dir, name, owner, owner, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, "cannot give '%s' in the job folder to uid %u", name, (unsigned)owner);
    return 0;
}

struct part {
    const char *name;
    mode_t mode;
    enum { OF_WORKER, OF_USER, OF_SETUP } owner;
};

static const struct part plain_parts[] = {
    {"home", 0755, OF_USER},          {"work", 0755, OF_USER},  {"work/_temp", 0755, OF_USER},
    {"work/_actions", 0755, OF_USER}, {"tools", 0755, OF_USER},
};
static const struct part box_parts[] = {
    {"actions", 0755, OF_WORKER},
    {"box", 0711, OF_SETUP},
    {"box/home", 0755, OF_USER},
    {"box/home/work", 0755, OF_USER},
    {"box/home/work/_temp", 0755, OF_USER},
    {"box/home/work/_actions", 0755, OF_USER},
    {"box/tools", 0755, OF_USER},
};

static int make_parts(int dir, const struct part *parts, size_t n, const struct jobdir_owner *who,
                      struct err *e)
{
    const uint32_t ids[] = {who->worker, who->job_user, who->set_up};

    for (size_t i = 0; i < n; i++)
        if (make(dir, parts[i].name, parts[i].mode, ids[parts[i].owner], e) < 0)
            return -1;
    return 0;
}

int jobdir_make(const struct plan *p, const struct jobdir_owner *who, int *dir, struct err *e)
{
    AUTO(auto_fd) int fd = open(p->job_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    AUTO(auto_fd) int mark = -1;

    if (fd < 0)
        return err_sys(e, "cannot open the job folder '%s'", p->job_dir);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return err_sys(e, "cannot lock the job folder '%s'", p->job_dir);
    /* As root the folder came from an ordinary user, who must not swap what is made in it while it is made. */
    if (p->level == SBX_FULL && fchown(fd, 0, 0) < 0)
        return err_sys(e, "cannot take the job folder '%s' over", p->job_dir);
    mark = openat(fd, MARK, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (mark < 0)
        return err_sys(e, "cannot write to the job folder '%s'", p->job_dir);
    if (p->level == SBX_NONE) {
        if (make_parts(fd, plain_parts, sizeof plain_parts / sizeof plain_parts[0], who, e) < 0)
            return -1;
    } else if (make_parts(fd, box_parts, sizeof box_parts / sizeof box_parts[0], who, e) < 0) {
        return -1;
    }
    *dir = fd_take(&fd);
    return 0;
}

/* ---- removal ---- */

/* In a child of its own. The box may hold files of every id of the range: it is emptied from inside the id
 * map, where these ids can be acted on and nothing else of the host can. */
static _Noreturn void remover_child(const char *path, uint32_t range)
{
    AUTO(auto_fd) int dir = -1;
    struct err e = {0};

    child_begin(NULL, 0);
    dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        _exit(errno == ENOENT ? 0 : 1);
    if (range != 0 && idmap_run(range, dir, "box", &e) < 0)
        (void)e; /* then root removes what is left, below */
    if (fs_remove_tree(AT_FDCWD, path, &e) < 0)
        _exit(1);
    _exit(0);
}

int jobdir_remove_start(const char *path, uint32_t range, pid_t *pid, struct err *e)
{
    pid_t p = fork();

    if (p < 0)
        return err_sys(e, "cannot start the removal of '%s'", path);
    if (p == 0)
        remover_child(path, range);
    *pid = p;
    return 0;
}

/* ---- recovery ---- */

/* The range of a dead job's box, from the owner of its home; 0 when it is not ours or not level full. */
static uint32_t range_of(int dir)
{
    struct stat st;

    if (fstatat(dir, "box/home", &st, AT_SYMLINK_NOFOLLOW) < 0 || geteuid() != 0)
        return 0;
    return range_from_uid(st.st_uid);
}

static int recover_one(int jobs, const char *name, const char *jobs_dir, struct err *e)
{
    AUTO(auto_fd) int dir = openat(jobs, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    AUTO(auto_free) char *path = xasprintf("%s/%s", jobs_dir, name);
    struct stat st;
    int status = 0;
    pid_t pid;

    if (dir < 0)
        return 0; /* not a folder: not ours */
    if (flock(dir, LOCK_EX | LOCK_NB) < 0)
        return 0; /* alive */
    if (fstatat(dir, MARK, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
        (fstat(dir, &st) < 0 || st.st_mtime + UNMARKED_AGE > time(NULL)))
        return 0; /* just made, its launcher has not come to it yet */
    if (jobdir_remove_start(path, range_of(dir), &pid, e) < 0)
        return -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status == 0 ? 0 : err_set(e, FAIL_SYS, "cannot remove the job folder '%s'", path);
}

int jobdir_recover(const char *jobs_dir, struct err *e)
{
    AUTO(auto_fd) int jobs = open(jobs_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct dirent *entry;
    DIR *d;
    int r = 0;

    if (jobs < 0)
        return errno == ENOENT ? 0 : err_sys(e, "cannot open '%s'", jobs_dir);
    d = fdopendir(fcntl(jobs, F_DUPFD_CLOEXEC, 3));
    if (d == NULL)
        return err_sys(e, "cannot list '%s'", jobs_dir);
    while ((entry = readdir(d)) != NULL)
        if (entry->d_name[0] != '.' && recover_one(jobs, entry->d_name, jobs_dir, e) < 0)
            r = -1; /* go on: one stubborn folder must not keep the others */
    (void)closedir(d);
    return r;
}
