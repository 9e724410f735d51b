/* SPDX-License-Identifier: Apache-2.0
 *
 * State folders of runs, and the removal of those whose process is dead. */
#include "runner/cli/state.h"

#include "base/fd.h"
#include "base/fs.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "sandbox/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_SUFFIX ".lock"

static void warn(const char *what, const struct err *e)
{
    char text[512];

    log_warn("run", what, "why=%s", err_text(e, text, sizeof text));
}

/* What a dead run left. Its lock is ours; a failure leaves the lock file for the next start to try again. */
static int remove_run(const struct run_state *s, const char *jobs, const char *launcher,
                      const char *id, struct err *e)
{
    AUTO(auto_free) char *dir = path_join(jobs, id);
    AUTO(auto_free) char *lock = xasprintf("%s" LOCK_SUFFIX, id);

    if (fs_exists(s->jobs_fd, id) && sbx_recover(launcher, dir, e) < 0)
        return -1;
    if (fs_remove_tree(s->jobs_fd, id, e) < 0 || fs_remove_tree(s->runs_fd, id, e) < 0)
        return -1;
    if (unlinkat(s->runs_fd, lock, 0) < 0 && errno != ENOENT)
        return err_sys(e, "cannot remove '%s'", lock);
    return 0;
}

static void recover_one(const struct run_state *s, const char *jobs, const char *launcher,
                        const char *name)
{
    AUTO(auto_fd) int lock = -1;
    AUTO(auto_free) char *id = sv_dup(sv_sub(sv_of(name), 0, strlen(name) - strlen(LOCK_SUFFIX)));
    struct err e = {0};

    if (fs_lock(s->runs_fd, name, &lock, &e) < 0) {
        if (e.code != FAIL_DENIED) /* denied: it is alive */
            warn("lock", &e);
        return;
    }
    if (remove_run(s, jobs, launcher, id, &e) < 0)
        warn("recover", &e);
}

static int recover(const struct run_state *s, const char *jobs, const char *launcher, struct err *e)
{
    int fd = openat(s->runs_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *ent;

    if (d == NULL)
        return err_sys(e, "cannot read the folder of runs");
    while ((ent = readdir(d)) != NULL) {
        struct sv name = sv_of(ent->d_name);
        if (name.n > strlen(LOCK_SUFFIX) && sv_ends(name, SV(LOCK_SUFFIX)))
            recover_one(s, jobs, launcher, ent->d_name);
    }
    (void)closedir(d);
    return 0;
}

/* What cannot be written to there can be somewhere else. */
static int elsewhere(const char *folder, struct err *e)
{
    char text[sizeof e->msg];
    int sys = e->sys;

    if (sys != EACCES && sys != EPERM && sys != EROFS && sys != ENOTDIR && sys != ENOENT)
        return folder != NULL ? err_wrap(e, "in '%s'", folder) : -1;
    (void)snprintf(text, sizeof text, "%s", e->msg);
    (void)err_set(e, FAIL_SYS, "%s%s%s%s; give a folder of your own with GANTRY_HOME=DIR", text,
                  folder != NULL ? " (in '" : "", folder != NULL ? folder : "",
                  folder != NULL ? "')" : "");
    e->sys = sys;
    return -1;
}

static int make_dir(int dirfd, const char *name, const char *path, struct err *e)
{
    return mkdirat(dirfd, name, 0700) < 0 ? err_sys(e, "cannot make the folder '%s'", path) : 0;
}

/* Between creation and lock another start may take the file for a dead run's and unlink it: then again. */
static int lock_new(struct run_state *s, const char *runs, struct err *e)
{
    for (;;) {
        AUTO(auto_free) char *name = NULL;
        struct stat ours, there;
        char id[9];

        ids_token(id, 8);
        free(s->id);
        s->id = xasprintf("%d-%s", (int)getpid(), id);
        name = xasprintf("%s" LOCK_SUFFIX, s->id);
        if (fs_lock(s->runs_fd, name, &s->lock_fd, e) < 0) {
            if (e->code != FAIL_DENIED)
                return elsewhere(runs, e);
            continue;
        }
        if (fstat(s->lock_fd, &ours) == 0 && fstatat(s->runs_fd, name, &there, 0) == 0 &&
            ours.st_ino == there.st_ino)
            return 0;
        fd_close(&s->lock_fd);
    }
}

static int open_dir(const char *path, int *out, struct err *e)
{
    *out = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return *out >= 0 ? 0 : err_sys(e, "cannot open the folder '%s'", path);
}

int run_state_open(const char *launcher, struct run_state *s, struct err *e)
{
    AUTO(auto_free) char *state = NULL;
    AUTO(auto_free) char *jobs = NULL;
    AUTO(auto_free) char *runs = NULL;
    struct run_state n = RUN_STATE_INIT;

    if (path_place(PATH_STATE, &state, e) < 0 || path_place(PATH_JOBS, &jobs, e) < 0)
        return elsewhere(NULL, e);
    runs = path_join(state, "runs");
    if (fs_mkdir_all(AT_FDCWD, runs, 0700, e) < 0)
        return elsewhere(NULL, e);
    if (open_dir(runs, &n.runs_fd, e) < 0 || open_dir(jobs, &n.jobs_fd, e) < 0 ||
        recover(&n, jobs, launcher, e) < 0 || lock_new(&n, runs, e) < 0) {
        run_state_close(&n);
        return -1;
    }
    fs_spread(n.runs_fd);
    fs_spread(n.jobs_fd);
    n.uid = geteuid();
    n.dir = path_join(runs, n.id);
    n.jobs_dir = path_join(jobs, n.id);
    if (make_dir(n.runs_fd, n.id, n.dir, e) < 0 || make_dir(n.jobs_fd, n.id, n.jobs_dir, e) < 0) {
        run_state_close(&n);
        return elsewhere(NULL, e);
    }
    *s = n;
    return 0;
}

void run_state_close(struct run_state *s)
{
    struct err e = {0};

    if (s->lock_fd >= 0 && s->uid == geteuid()) {
        AUTO(auto_free) char *lock = xasprintf("%s" LOCK_SUFFIX, s->id);
        if (fs_remove_tree(s->jobs_fd, s->id, &e) < 0 || fs_remove_tree(s->runs_fd, s->id, &e) < 0)
            warn("remove", &e); /* the next start tries again: the lock file stays */
        else
            (void)unlinkat(s->runs_fd, lock, 0); /* the same */
    }
    fd_close(&s->lock_fd);
    fd_close(&s->runs_fd);
    fd_close(&s->jobs_fd);
    free(s->id);
    free(s->dir);
    free(s->jobs_dir);
    *s = RUN_STATE_INIT;
}
