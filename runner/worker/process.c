/* SPDX-License-Identifier: Apache-2.0
 *
 * Running one process of a step. The caller waits in process_run(), which turns the worker's loop; init's
 * events come in through process_event(). */
#include "runner/worker/process.h"

#include <errno.h>
#include <signal.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "runner/worker/log_chain.h"
#include "runner/worker/worker.h"

enum end_stage { END_NONE, END_INT, END_TERM, END_KILL };

struct process {
    struct exec *x;
    uint32_t id;
    struct log_stream *streams[2];
    bool failed, file_failed, exited, drained;
    int status;
    struct err error;
    enum end_stage stage;
    struct loop_timer *stage_timer; /* next step of the ending */
    struct loop_timer *drain_timer;
    unsigned drain_more;
    struct loop_timer *limit_timer;
};

static void send(struct process *p, int sig, bool group)
{
    struct err ignored = {0};

    if (sbx_signal(p->x->w->sbx, p->id, sig, group, &ignored) < 0)
        return; /* it may have ended on its own: then there is nobody to signal */
}

static void kill_now(struct process *p)
{
    p->stage = END_KILL;
    loop_set_timer(p->stage_timer, -1);
    send(p, SIGKILL, true);
}

static void next_stage(void *ctx)
{
    struct process *p = ctx;

    if (p->exited)
        return;
    switch (p->stage) {
    case END_NONE:
        p->stage = END_INT;
        send(p, SIGINT, false);
        loop_set_timer(p->stage_timer, PROCESS_SIGINT_MS);
        break;
    case END_INT:
        p->stage = END_TERM;
        send(p, SIGTERM, false);
        loop_set_timer(p->stage_timer, PROCESS_SIGTERM_MS);
        break;
    case END_TERM:
        kill_now(p);
        break;
    case END_KILL:
        break;
    }
}

static bool is_behind(const struct process *p)
{
    return log_stream_is_behind(p->streams[0]) || log_stream_is_behind(p->streams[1]);
}

/* Text that was read, and only waits for slow matchers, is waited for a little longer. */
static void on_drain(void *ctx)
{
    struct process *p = ctx;

    if (is_behind(p) && p->stage == END_NONE && p->drain_more++ < PROCESS_BEHIND_S)
        loop_set_timer(p->drain_timer, 1000);
    else
        p->drained = true;
}

static void on_limit(void *ctx)
{
    struct process *p = ctx;

    if (p->exited || p->stage != END_NONE)
        return;
    p->x->timed_out = true;
    next_stage(p);
}

bool process_event(struct process *p, const struct sbx_job_event *ev)
{
    if (p == NULL || ev->id != p->id)
        return false;
    /* Killed on its way to the start, as was asked for: that is an end as any other. */
    bool killed_early =
        ev->kind == SBX_JOB_SPAWN_ERROR && ev->error.code == FAIL_CANCELED && p->stage == END_KILL;

    if (ev->kind == SBX_JOB_SPAWN_ERROR && !killed_early) {
        p->failed = true;
        p->error = ev->error;
        p->file_failed = ev->file_failed;
    } else if (ev->kind == SBX_JOB_EXITED || killed_early) {
        p->exited = true;
        p->status = killed_early ? 128 + SIGKILL : ev->status;
        loop_set_timer(p->stage_timer, -1);
        if (p->stage != END_NONE)
            send(p, SIGKILL, true); /* what the ended one left behind would hold its pipes */
        loop_set_timer(p->drain_timer,
                       p->stage != END_NONE ? PROCESS_KILLED_DRAIN_MS : PROCESS_DRAIN_MS);
    }
    return true;
}

static bool is_over(const struct process *p)
{
    if (p->failed)
        return true;
    return p->exited &&
           (p->drained || (log_stream_ended(p->streams[0]) && log_stream_ended(p->streams[1])));
}

static int open_streams(struct process *p, int write_ends[2], struct err *e)
{
    for (int i = 0; i < 2; i++) {
        int fds[2];
        if (fd_pipe(fds, e) < 0)
            return -1;
        write_ends[i] = fds[1];
        if (log_stream_new(p->x->w->loop, p->x, fds[0], &p->streams[i], e) < 0)
            return -1;
    }
    return 0;
}

static int start(struct process *p, const struct process_spec *s, struct err *e)
{
    int ends[2] = {-1, -1};
    int rc = open_streams(p, ends, e);

    if (rc == 0) {
        struct sbx_spawn spawn = {.path = s->path,
                                  .argv = s->argv,
                                  .envp = s->envp,
                                  .cwd = s->cwd,
                                  .stdout_fd = ends[0],
                                  .stderr_fd = ends[1],
                                  .quiet = true, /* only its end counts */
                                  .files = s->files,
                                  .n_files = s->n_files};
        rc = sbx_spawn(p->x->w->sbx, &spawn, &p->id, e);
    }
    fd_close(&ends[0]);
    fd_close(&ends[1]);
    return rc;
}

static int wait_for_end(struct process *p, struct err *e)
{
    struct worker *w = p->x->w;

    while (!is_over(p)) {
        if (worker_turn(w, e) < 0)
            return -1;
        if (w->sbx_gone && !p->exited) {
            *e = w->sbx_error;
            return err_wrap(e, "the sandbox of the job ended");
        }
        cancel_react(w);
        if (p->exited && p->x->cancelled && is_behind(p)) /* nobody waits for slow matchers */
            p->drained = true;
        else if (p->x->unsafe_stop && p->stage != END_KILL)
            kill_now(p);
        else if (p->x->cancelled && p->stage == END_NONE)
            next_stage(p);
    }
    if (p->failed) {
        *e = p->error;
        return -1;
    }
    return 0;
}

int process_run(struct exec *x, struct process_spec *s, int *status, struct err *e)
{
    struct worker *w = x->w;
    struct process p = {.x = x};
    struct exec *outer = w->running;
    int64_t deadline = exec_root(x)->deadline_ms;

    p.stage_timer = loop_add_timer(w->loop, 0, next_stage, &p);
    loop_set_timer(p.stage_timer, -1);
    p.drain_timer = loop_add_timer(w->loop, 0, on_drain, &p);
    loop_set_timer(p.drain_timer, -1);
    p.limit_timer = loop_add_timer(w->loop, 0, on_limit, &p);
    loop_set_timer(p.limit_timer, -1);
    w->running = x;
    w->process = &p;
    int rc = start(&p, s, e);
    if (rc == 0 && deadline > 0) {
        int64_t left = deadline - tm_now_ms();
        loop_set_timer(p.limit_timer, left > 0 ? left : 0);
    }
    if (rc == 0)
        rc = wait_for_end(&p, e);
    w->process = NULL;
    w->running = outer;
    loop_del_timer(p.stage_timer);
    loop_del_timer(p.drain_timer);
    loop_del_timer(p.limit_timer);
    spool_tick(w->spool);
    log_stream_free(p.streams[0]);
    log_stream_free(p.streams[1]);
    s->file_failed = p.file_failed;
    if (rc == 0)
        *status = p.status;
    return rc;
}
