/* SPDX-License-Identifier: Apache-2.0
 *
 * The launcher: builds the sandbox of each job, starts init and the worker in parallel, and takes all down when
 * the worker ends, the listener asks, or the listener is gone. One process, one thread, one poll loop; a job
 * needs three children at most: init, the worker, and last the one that removes the job's folder.
 *
 * The loss of the listener is seen by the end of the socket: the kernel checks permissions for PR_SET_PDEATHSIG too, and
 * a listener that gave up root may not signal a launcher that is root. */
#include "sandbox/program/launcher.h"

#include "sandbox/program/build.h"
#include "sandbox/program/jobdir.h"
#include "sandbox/program/reaper.h"
#include "sandbox/program/spare.h"
#include "sandbox/program/worker.h"

#include "base/fd.h"
#include "base/ipc.h"
#include "base/mem.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum job_state {
    JOB_BUILDING, /* init sets up; the worker starts beside it */
    JOB_RUNNING,
    JOB_ENDING,   /* waiting for init and worker to be reaped */
    JOB_REMOVING, /* waiting for the remover */
};

struct job {
    struct job *next;
    struct plan plan;
    struct built built;
    enum job_state state;
    pid_t worker, remover;
    bool refused;
    struct err error; /* why refused, or what was left behind */
};

struct launcher {
    int control, signals;
    bool listener_gone;
    struct job *jobs;
    size_t n_jobs;
    struct host host;
    bool looked; /* host is filled */
    struct limits limits;
    struct spare *spares;
};

#define FIRST_MS \
    5 /* Ours: what the listener wants at once comes within this, before the host is looked at */

static void tell(struct launcher *l, struct ipc_out *o)
{
    struct err e;

    if (l->listener_gone) {
        ipc_out_done(o);
        return;
    }
    if (ipc_send(l->control, o, &e) < 0)
        l->listener_gone = true;
}

static void tell_refused(struct launcher *l, const struct job *j)
{
    struct ipc_out o;

    ipc_begin(&o, WIRE_REFUSED, j->plan.id);
    ipc_put_u64(&o, TAG_LEVEL, (uint64_t)j->plan.level);
    wire_put_err(&o, &j->error);
    tell(l, &o);
}

static void drop_job(struct launcher *l, struct job *j)
{
    struct job **at = &l->jobs;

    while (*at != j)
        at = &(*at)->next;
    *at = j->next;
    l->n_jobs--;
    built_done(&j->built);
    plan_done(&j->plan);
    free(j);
}

/* The last step: nothing of the job is left, or the error says what is. */
static void job_gone(struct launcher *l, struct job *j)
{
    struct ipc_out o;

    if (j->refused) {
        tell_refused(l, j);
    } else {
        ipc_begin(&o, WIRE_GONE, j->plan.id);
        ipc_put_u64(&o, TAG_LEVEL, (uint64_t)j->plan.level);
        if (j->error.code != FAIL_NONE)
            wire_put_err(&o, &j->error);
        tell(l, &o);
    }
    drop_job(l, j);
}

static void start_removal(struct launcher *l, struct job *j)
{
    j->state = JOB_REMOVING;
    if (jobdir_remove_start(j->plan.job_dir, j->built.range, &j->remover, &j->error) < 0) {
        j->remover = 0;
        job_gone(l, j);
    }
}

/* Ends what still runs of a job; goes on when the children are reaped. */
static void end_job(struct launcher *l, struct job *j)
{
    if (j->state == JOB_REMOVING)
        return;
    j->state = JOB_ENDING;
    if (j->worker > 0)
        (void)kill(j->worker, SIGKILL);
    if (j->built.init > 0) {
        /* At level none init must end the tree itself: it does when this socket closes. */
        fd_close(&j->built.sock);
        if (j->plan.level != SBX_NONE)
            (void)kill(j->built.init, SIGKILL); /* and with pid 1 everything in its namespace */
    }
    if (j->worker <= 0 && j->built.init <= 0)
        start_removal(l, j);
}

static void refuse(struct launcher *l, struct job *j, const struct err *e)
{
    j->refused = true;
    if (j->error.code == FAIL_NONE)
        j->error = *e;
    end_job(l, j);
}

static void kill_orphans(const struct launcher *l)
{
    AUTO(auto_free)
    pid_t *keep = xcalloc(3 * l->n_jobs + spare_count(l->spares) + 1, sizeof *keep);
    size_t n = spare_pids(l->spares, keep);

    for (const struct job *j = l->jobs; j != NULL; j = j->next) {
        keep[n++] = j->worker;
        keep[n++] = j->built.init;
        keep[n++] = j->remover;
    }
    (void)reaper_kill_children(keep, n);
}

/* What the host can do takes some milliseconds to find out: once, and beside the start of the first spare worker. */
static void look(struct launcher *l)
{
    if (!l->looked)
        host_look(&l->host);
    l->looked = true;
}

static int start_worker(struct launcher *l, struct job *j, struct err *e)
{
    switch (spare_use(&l->spares, &j->plan, &j->built, &j->worker)) {
    case SPARE_USED:
        return 0;
    case SPARE_LOST:
        j->worker = 0;
        kill_orphans(l);
        break;
    case SPARE_NONE:
        break;
    }
    return worker_start(&j->plan, &j->built, &j->worker, e);
}

static int try_build(struct launcher *l, struct job *j, struct err *e)
{
    look(l);
    if (host_choose(&l->host, &j->plan, e) < 0)
        return -1;
    if (build_start(&l->host, &j->plan, &j->built, e) < 0)
        return err_wrap(e, "SBX-SETUP: build the sandbox (level %s)",
                        sbx_level_name(j->plan.level));
    return start_worker(l, j, e);
}

static void on_launch(struct launcher *l, struct ipc_in *in)
{
    struct job *j = xcalloc(1, sizeof *j);
    struct err e = {0};

    j->built = BUILT_INIT;
    j->next = l->jobs;
    l->jobs = j;
    l->n_jobs++;
    if (plan_read(in, &j->plan, &e) < 0 ||
        plan_within(&j->plan, &l->limits, &e) < 0) { /* the folder was not touched, nor may be */
        j->refused = true;
        j->error = e;
        job_gone(l, j);
        return;
    }
    if (try_build(l, j, &e) < 0) {
        refuse(l, j, &e);
        return;
    }
    fd_close(&j->plan.channel_fd);
    fd_close(&j->plan.source_fd);
}

static void on_kill(struct launcher *l, uint32_t id)
{
    for (struct job *j = l->jobs; j != NULL; j = j->next)
        if (j->plan.id == id) {
            end_job(l, j);
            return;
        }
}

/* A job that finds no spare worker starts its own, and says what is wrong with it. */
static void on_spare(struct launcher *l, struct ipc_in *in)
{
    struct err ignored;

    if (spare_keep(&l->spares, in, &l->limits, &ignored) == 0)
        look(l);
}

static void on_listener(struct launcher *l)
{
    struct ipc_in in = IPC_IN_INIT;
    struct err e = {0};

    bool ok = ipc_recv(l->control, &in, &e) > 0;

    if (ok && in.type == WIRE_LAUNCH)
        on_launch(l, &in);
    else if (ok && in.type == WIRE_KILL)
        on_kill(l, in.id);
    else if (ok && in.type == WIRE_SPARE)
        on_spare(l, &in);
    else if (!ok || in.type != WIRE_LIMITS || limits_read(&in, &l->limits, &e) < 0)
        l->listener_gone = true; /* or it talks another protocol */
    ipc_in_done(&in);
}

static void on_init(struct launcher *l, struct job *j)
{
    struct ipc_in in = IPC_IN_INIT;
    struct err e = {0};
    struct ipc_out o;
    int r = ipc_recv(j->built.sock, &in, &e);

    if (r == 1 && in.type == WIRE_READY && j->state == JOB_BUILDING) {
        struct sv facts = SV("");

        j->state = JOB_RUNNING;
        (void)ipc_get_sv(&in, TAG_FACTS, &facts);
        ipc_begin(&o, WIRE_STARTED, j->plan.id);
        ipc_put_u64(&o, TAG_LEVEL, (uint64_t)j->plan.level);
        ipc_put_sv(&o, TAG_FACTS, facts);
        tell(l, &o);
    } else if (j->state == JOB_BUILDING) {
        if (r == 1)
            wire_get_err(&in, &e);
        else
            (void)err_set(&e, FAIL_INTERNAL, "SBX-SETUP: init ended while it was set up");
        refuse(l, j, &e);
    } else {
        /* init is gone and with it every process of the job. The worker notices, reports and ends. */
        fd_close(&j->built.sock);
    }
    ipc_in_done(&in);
}

static void on_worker_end(struct launcher *l, struct job *j, int status)
{
    struct ipc_out o;

    j->worker = 0;
    if (!j->refused) {
        ipc_begin(&o, WIRE_WORKER_ENDED, j->plan.id);
        ipc_put_u64(&o, TAG_LEVEL, (uint64_t)j->plan.level);
        ipc_put_u64(&o, TAG_STATUS, (uint64_t)status);
        tell(l, &o);
    }
    end_job(l, j);
}

static void on_end_of(struct launcher *l, pid_t pid, int status)
{
    for (struct job *j = l->jobs; j != NULL; j = j->next) {
        if (pid == j->worker) {
            on_worker_end(l, j, status);
            return;
        }
        if (pid == j->built.init) {
            j->built.init = 0;
            if (j->state == JOB_BUILDING) {
                on_init(l, j); /* its last word, if it had one */
            } else if (j->state == JOB_ENDING) {
                end_job(l, j);
            }
            return;
        }
        if (pid == j->remover) {
            if (status != 0 && j->error.code == FAIL_NONE)
                (void)err_set(&j->error, FAIL_SYS, "cannot remove the job folder '%s' completely",
                              j->plan.job_dir);
            job_gone(l, j);
            return;
        }
    }
}

static void on_sigchld(struct launcher *l)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;
    bool orphans = false;

    wire_ignore(read(l->signals, &info, sizeof info)); /* a hint only: signals merge */
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        bool known = spare_ended(&l->spares, pid);

        for (const struct job *j = l->jobs; j != NULL; j = j->next)
            known |= pid == j->worker || pid == j->built.init || pid == j->remover;
        orphans |= !known;
        on_end_of(l, pid, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    }
    /* A job at level none that killed its init: what it left was re-parented to us. */
    if (orphans || l->host.used_none)
        kill_orphans(l);
}

static void turn(struct launcher *l)
{
    AUTO(auto_free) struct pollfd *p = xcalloc(l->n_jobs + 2, sizeof *p);
    AUTO(auto_free) struct job **at = xcalloc(l->n_jobs + 2, sizeof(struct job *));
    nfds_t n = 2;

    p[0] = (struct pollfd){.fd = l->listener_gone ? -1 : l->control, .events = POLLIN};
    p[1] = (struct pollfd){.fd = l->signals, .events = POLLIN};
    for (struct job *j = l->jobs; j != NULL; j = j->next) {
        p[n] = (struct pollfd){.fd = j->built.sock, .events = POLLIN};
        at[n++] = j;
    }
    int r = poll(p, n, l->looked ? -1 : FIRST_MS);
    if (r == 0)
        look(l);
    if (r <= 0)
        return; /* nothing, or EINTR */
    for (nfds_t i = 2; i < n; i++)
        if (p[i].revents != 0 && at[i]->built.sock == p[i].fd)
            on_init(l, at[i]);
    if (p[1].revents != 0)
        on_sigchld(l);
    else if (p[0].revents != 0)
        on_listener(l);
}

int launcher_main_run(int control, struct err *e)
{
    struct launcher l = {.control = control, .limits = LIMITS_INIT};
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return err_sys(e, "sigprocmask");
    l.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (l.signals < 0)
        return err_sys(e, "signalfd");
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        return err_sys(e, "become a subreaper");
    while (!l.listener_gone || l.jobs != NULL) {
        turn(&l);
        if (l.listener_gone)
            for (struct job *j = l.jobs, *next; j != NULL; j = next) {
                next = j->next;
                end_job(&l, j);
            }
    }
    spare_drop_all(&l.spares);
    host_done(&l.host);
    limits_done(&l.limits);
    return 0;
}
