/* SPDX-License-Identifier: Apache-2.0
 *
 * The making of one sandbox, launcher's half: job folder, ids, what must be opened as the host's root, the
 * clone, the id maps. The other half runs in the clone (setup.c). */
#include "sandbox/program/build.h"

#include "sandbox/program/init.h"
#include "sandbox/program/jobdir.h"
#include "sandbox/program/namespaces.h"
#include "sandbox/program/rootfs.h"
#include "sandbox/program/setup.h"
#include "sandbox/program/step.h"

#include "base/failpoint.h"
#include "base/fd.h"
#include "base/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

void built_done(struct built *b)
{
    fd_close(&b->sock);
    fd_close(&b->worker_end);
    fd_close(&b->actions_dir);
    fd_close(&b->dir);
    fd_close(&b->range_lock);
    *b = BUILT_INIT;
}

static int put_path(char *dst, size_t n, const char *dir, const char *name, struct err *e)
{
    int r = snprintf(dst, n, "%s%s", dir, name);

    return r < 0 || (size_t)r >= n ? err_set(e, FAIL_LIMIT, "the path '%s' is too long", dir) : 0;
}

static int plain_paths(const struct plan *p, struct box *b, struct err *e)
{
    const char *d = p->job_dir;

    if (put_path(b->home, sizeof b->home, d, "/home", e) < 0 ||
        put_path(b->work, sizeof b->work, d, "/work", e) < 0 ||
        put_path(b->temp, sizeof b->temp, d, "/work/_temp", e) < 0 ||
        put_path(b->actions, sizeof b->actions, d, "/work/_actions", e) < 0 ||
        put_path(b->tools, sizeof b->tools, d, "/tools", e) < 0)
        return -1;
    (void)snprintf(b->actions_host, sizeof b->actions_host, "%s", b->actions);
    (void)snprintf(b->facts, sizeof b->facts, "level=none");
    return 0;
}

static _Noreturn void plain_init(const struct plan *p, struct box *b, int worker, int launcher)
{
    int keep[] = {worker, launcher, p->source_fd, b->lock_fd};
    struct starter none = STARTER_INIT;

    child_begin(keep, 4);
    (void)setsid();
    /* No PDEATHSIG: init must outlive the launcher for the moment that it takes to end the tree. */
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    b->source_fd = p->source_fd;
    init_run(b, &none, worker, launcher);
}

static int build_plain(const struct plan *p, struct built *b, int worker, int launcher,
                       struct err *e)
{
    struct jobdir_owner ours = {(uint32_t)-1, (uint32_t)-1, (uint32_t)-1};
    struct box box = {.level = SBX_NONE,
                      .network = p->network,
                      .source_fd = -1,
                      .lock_fd = -1,
                      .user_ns = -1,
                      .mount_ns = -1,
                      .max_processes = p->max_processes};
    pid_t pid;

    if (jobdir_make(p, &ours, &b->dir, e) < 0 || plain_paths(p, &box, e) < 0)
        return -1;
    box.lock_fd = b->dir;
    b->actions_dir = openat(b->dir, "work/_actions", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (b->actions_dir < 0)
        return err_sys(e, "cannot open the actions folder of the job");
    b->worker_uid = (uint32_t)-1;
    pid = fork();
    if (pid < 0)
        return err_sys(e, "cannot start init");
    if (pid == 0)
        plain_init(p, &box, worker, launcher);
    b->init = pid;
    return 0;
}

/* ---- levels single and full ---- */

static int boxed_paths(const struct host *h, const struct plan *p, struct box *b, struct err *e)
{
    (void)snprintf(b->home, sizeof b->home, "%s", SBX_HOME);
    (void)snprintf(b->work, sizeof b->work, "%s", SBX_WORK);
    (void)snprintf(b->temp, sizeof b->temp, "%s", SBX_TEMP);
    (void)snprintf(b->actions, sizeof b->actions, "%s", SBX_ACTIONS);
    (void)snprintf(b->tools, sizeof b->tools, "%s", SBX_TOOLS);
    (void)snprintf(b->facts, sizeof b->facts, "level=%s missing=%s", sbx_level_name(p->level),
                   h->lacks);
    if (p->level == SBX_SINGLE && h->groups[0] != '\0')
        (void)snprintf(b->facts + strlen(b->facts), sizeof b->facts - strlen(b->facts),
                       " groups=%s", h->groups);
    if (p->level == SBX_FULL) { /* the slot's uid need not reach the folder by its name */
        (void)snprintf(b->actions_host, sizeof b->actions_host, "/proc/self/fd/%d",
                       WIRE_ACTIONS_FD);
        return 0;
    }
    return put_path(b->actions_host, sizeof b->actions_host, p->job_dir, "/actions", e);
}

/* The source as the job's user would own it: readable through this descriptor and shown nowhere. */
static int map_source(const struct plan *p, uint32_t user, int *out, struct err *e)
{
    AUTO(auto_fd) int ns = -1;
    AUTO(auto_fd) int tree = -1;
    struct mount_attr a = {.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                       MOUNT_ATTR_NODEV};
    char uids[64];
    char gids[64];
    struct stat st;

    if (fstat(p->source_fd, &st) < 0)
        return err_sys(e, "cannot stat the local source");
    (void)snprintf(uids, sizeof uids, "%u %u 1\n", st.st_uid, user);
    (void)snprintf(gids, sizeof gids, "%u %u 1\n", st.st_gid, user);
    if (ns_for_map(uids, gids, &ns, e) < 0)
        return -1;
    tree = open_tree(p->source_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    a.userns_fd = (unsigned)ns;
    if (tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH, &a, sizeof a) < 0)
        return err_sys(e, "SBX-IDMAP: the file system of the local source cannot be ID-mapped; "
                          "use a checkout on ext4, xfs or btrfs");
    *out = fd_take(&tree);
    return 0;
}

/* Level full: the ids of the job, and what only the host's root may open. */
static int prepare_full(const struct plan *p, struct built *b, struct box *box, struct err *e)
{
    if (range_take(&b->range, &b->range_lock, e) < 0)
        return -1;
    /* The two ids behind the job's own: what sets up, and the worker where its slot has no uid. */
    b->worker_uid = p->worker_uid != 0 ? p->worker_uid : b->range + RANGE_IDS + 1;
    if (p->source_fd >= 0 && map_source(p, b->range + SBX_STEP_UID, &box->source_fd, e) < 0)
        return -1;
    return 0;
}

static int write_outer_maps(const struct plan *p, const struct built *b, pid_t pid, struct err *e)
{
    char uids[96];
    char gids[96];

    if (p->level == SBX_FULL) {
        (void)snprintf(uids, sizeof uids, "0 %u 1\n1 %u %u\n", b->range + RANGE_IDS, b->range,
                       RANGE_IDS);
        return ns_write_maps(pid, uids, uids, false, e);
    }
    (void)snprintf(uids, sizeof uids, "0 %u 1\n", (unsigned)geteuid());
    (void)snprintf(gids, sizeof gids, "0 %u 1\n", (unsigned)getegid());
    return ns_write_maps(pid, uids, gids, true, e);
}

static int clone_init(struct setup *s, struct built *b, struct err *e)
{
    AUTO(auto_fd) int rd = -1;
    AUTO(auto_fd) int wr = -1;
    int pair[2];
    pid_t pid;

    if (fd_pipe(pair, e) < 0)
        return -1;
    rd = pair[0];
    wr = pair[1];
    s->go = rd;
    pid = ns_fork(setup_clone_flags(s->plan));
    if (pid < 0)
        return err_sys(e, "cannot clone into new namespaces");
    if (pid == 0) {
        fd_close(&wr);
        fd_close(&b->sock); /* the launcher's ends: their loss must show */
        fd_close(&b->worker_end);
        setup_child(s);
    }
    b->init = pid;
    if (write_outer_maps(s->plan, b, pid, e) < 0)
        return -1;
    return fd_write_full(wr, "g", 1, e);
}

static int build_boxed(struct host *h, const struct plan *p, struct built *b, int worker,
                       int launcher, struct err *e)
{
    AUTO(rootfs_done) struct rootfs rootfs = ROOTFS_INIT;
    bool full = p->level == SBX_FULL;
    struct jobdir_owner who = {(uint32_t)-1, (uint32_t)-1, (uint32_t)-1};
    struct box box = {.level = p->level,
                      .network = p->network,
                      .service_port = p->service_port,
                      .max_processes = p->max_processes,
                      .allow_sudo = full && p->allow_sudo,
                      .no_new_privs = !(full && p->allow_sudo),
                      .source_fd = p->source_fd,
                      .lock_fd = -1,
                      .user_ns = -1,
                      .mount_ns = -1,
                      .file_uid = full ? 1 + SBX_STEP_UID : 0,
                      .step_uid = SBX_STEP_UID,
                      .walls_off = p->off};
    struct setup s = {.plan = p,
                      .etc = &h->etc,
                      .rootfs = &rootfs,
                      .box = &box,
                      .worker = worker,
                      .launcher = launcher,
                      .starter = STARTER_INIT};
    int r;

    if (!(p->off & WALL_SECCOMP)) {
        box.profile = &h->profile;
        box.guard = &h->guard;
    }
    b->worker_uid = (uint32_t)-1;
    if (boxed_paths(h, p, &box, e) < 0 || (full && prepare_full(p, b, &box, e) < 0))
        return -1;
    if (full)
        who = (struct jobdir_owner){b->worker_uid, b->range + SBX_STEP_UID, b->range + RANGE_IDS};
    r = jobdir_make(p, &who, &b->dir, e);
    if (r == 0) {
        box.lock_fd = b->dir;
        b->actions_dir = openat(b->dir, "actions", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (b->actions_dir < 0)
            r = err_sys(e, "cannot open the actions folder of the job");
    }
    if (r == 0 && full)
        r = host_idmap(h, b->range, e) < 0 ? -1 : rootfs_open(&rootfs, p, h->idmap, e);
    if (r == 0)
        r = clone_init(&s, b, e);
    if (full && p->source_fd >= 0)
        fd_close(&box.source_fd); /* the clone has it */
    return r;
}

int build_start(struct host *h, const struct plan *p, struct built *b, struct err *e)
{
    AUTO(auto_fd) int init_worker = -1;
    AUTO(auto_fd) int init_launcher = -1;
    int pair[2];

    errno = failpoint_hit("sandbox.build");
    if (errno != 0)
        return err_sys(e, "build the job");
    if (ipc_pair(pair, e) < 0)
        return -1;
    b->worker_end = pair[0];
    init_worker = pair[1];
    if (ipc_pair(pair, e) < 0)
        return -1;
    b->sock = pair[0];
    init_launcher = pair[1];
    if (p->level == SBX_NONE)
        return build_plain(p, b, init_worker, init_launcher, e);
    return build_boxed(h, p, b, init_worker, init_launcher, e);
}
