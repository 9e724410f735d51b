/* SPDX-License-Identifier: Apache-2.0
 *
 * The making of one sandbox, launcher's half: job folder, ids, what must be opened as the host's root, the
 * clone, the id maps. The other half runs in the clone (setup.c). */
#include "sandbox/program/build.h"

#include "sandbox/program/init.h"
#include "sandbox/program/jobdir.h"
#include "sandbox/program/namespaces.h"
#include "sandbox/program/step.h"

#include "base/fd.h"
#include "base/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

void host_look(struct host *h)
{
    h->looked = true;
    h->best = SBX_NONE;
    (void)snprintf(h->missing, sizeof h->missing, "levels above none are not built yet");
}

void host_done(struct host *h)
{
    *h = (struct host){0};
}

int host_choose(struct host *h, struct plan *p, struct err *e)
{
    if (p->require == SBX_NONE) { /* --no-sandbox: asked for, so nothing more is built */
        p->level = SBX_NONE;
        h->used_none = true;
        if (p->network == SBX_NET_NONE)
            return err_set(e, FAIL_UNSUPPORTED,
                           "network 'none' needs a sandbox; leave out --no-sandbox or use "
                           "--network host");
        if (p->host_dirs.n > 0)
            return 0; /* all of the host is there */
        return 0;
    }
    p->level = h->best;
    if (p->level < p->require)
        return err_set(e, FAIL_UNSUPPORTED,
                       "this host cannot build a sandbox of level '%s', only '%s': %s",
                       sbx_level_name(p->require), sbx_level_name(h->best), h->missing);
    return 0;
}

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
    (void)snprintf(b->facts, sizeof b->facts, "level=none network=host");
    return 0;
}

static _Noreturn void plain_init(const struct plan *p, struct box *b, int worker, int launcher)
{
    int keep[] = {worker, launcher, p->source_fd};

    child_begin(keep, 3);
    (void)setsid();
    /* No PDEATHSIG: init must outlive the launcher for the moment that it takes to end the tree. */
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    b->source_fd = p->source_fd;
    init_run(b, worker, launcher);
}

static int build_plain(const struct plan *p, struct built *b, int worker, int launcher,
                       struct err *e)
{
    struct jobdir_owner ours = {(uint32_t)-1, (uint32_t)-1, (uint32_t)-1};
    struct box box = {.level = SBX_NONE,
                      .network = p->network,
                      .source_fd = -1,
                      .user_ns = -1,
                      .mount_ns = -1,
                      .max_processes = p->max_processes};
    pid_t pid;

    if (jobdir_make(p, &ours, &b->dir, e) < 0 || plain_paths(p, &box, e) < 0)
        return -1;
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

int build_start(struct host *h, const struct plan *p, struct built *b, struct err *e)
{
    AUTO(auto_fd) int init_worker = -1;
    AUTO(auto_fd) int init_launcher = -1;
    int pair[2];

    (void)h;
    if (ipc_pair(pair, e) < 0)
        return -1;
    b->worker_end = pair[0];
    init_worker = pair[1];
    if (ipc_pair(pair, e) < 0)
        return -1;
    b->sock = pair[0];
    init_launcher = pair[1];
    return build_plain(p, b, init_worker, init_launcher, e);
}
