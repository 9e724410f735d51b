/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting steps through the starter, one after the other: one request at a time is with it, so that sending never
 * blocks, whatever the job does to the starter. A step whose process the job killed before its execve is started
 * again; so is one whose starter was killed. */
#include "sandbox/program/init_priv.h"

#include "base/failpoint.h"
#include "base/fd.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#define SPAWN_ATTEMPTS 3

static struct child *at_starter(struct init *in)
{
    for (size_t i = 0; i < in->n; i++)
        if (in->children[i].kind == CHILD_STEP && in->children[i].sent)
            return &in->children[i];
    return NULL;
}

bool steps_is_starting(const struct init *in)
{
    for (size_t i = 0; i < in->n; i++)
        if (in->children[i].kind == CHILD_STEP && in->children[i].sent)
            return true;
    return false;
}

/* The oldest that waits; numbers grow, and wrap after four thousand million steps. */
static struct child *next_waiting(struct init *in)
{
    struct child *found = NULL;

    for (size_t i = 0; i < in->n; i++) {
        struct child *c = &in->children[i];
        if (c->kind == CHILD_STEP && c->pid == 0 && !c->sent &&
            (found == NULL || (int32_t)(c->id - found->id) < 0))
            found = c;
    }
    return found;
}

static int hand_over(struct init *in, struct ipc_in *request, struct err *e)
{
    struct ipc_out o;
    uint16_t tag;
    struct sv v;
    size_t first = request->at;

    if (in->starter.pid == 0 && starter_start(in->box, &in->starter, e) < 0)
        return -1;
    ipc_begin(&o, WIRE_SPAWN, request->id);
    while (ipc_next(request, &tag, &v))
        ipc_put_sv(&o, tag, v);
    request->at = first; /* it may be sent again */
    for (size_t i = 0; i < request->n_fds; i++)
        ipc_put_fd(&o, request->fds[i]);
    return ipc_send(in->starter.sock, &o, e);
}

static void give_up(struct init *in, struct child *c, const struct err *e)
{
    init_answer_error(in, WIRE_SPAWN_ERROR, c->id, e);
    init_drop_child(in, c);
}

static void start_next(struct init *in)
{
    struct child *c;

    while (!steps_is_starting(in) && (c = next_waiting(in)) != NULL) {
        struct err e = {0};

        if (c->attempt >= SPAWN_ATTEMPTS) {
            (void)err_set(&e, FAIL_DENIED, "the job kills every new process");
            give_up(in, c, &e);
        } else if (hand_over(in, &c->request, &e) == 0) {
            c->sent = true;
        } else {
            starter_drop(&in->starter);
            if (++c->attempt == SPAWN_ATTEMPTS)
                give_up(in, c, &e);
        }
    }
}

/* It comes to its execve, or came there. */
static void started(struct init *in, struct child *c, pid_t pid)
{
    bool quiet = wire_get_u64(&c->request, TAG_FLAGS, 0) & WIRE_FLAG_QUIET;
    struct ipc_out o;

    c->pid = pid;
    c->sent = false;
    ipc_in_done(&c->request);
    if (!quiet) {
        ipc_begin(&o, WIRE_SPAWNED, c->id);
        init_tell(in, &o);
    }
    if (c->early_signal != 0)
        (void)kill(c->early_group ? -pid : pid,
                   c->early_signal); /* ESRCH: it ended, EXITED follows */
}

static void failed(struct init *in, struct child *c, const struct ipc_in *r)
{
    struct ipc_out o;
    struct err e;

    wire_get_err(r, &e);
    ipc_begin(&o, WIRE_SPAWN_ERROR, c->id);
    wire_put_err(&o, &e);
    ipc_put_u64(&o, TAG_FLAGS, wire_get_u64(r, TAG_FLAGS, 0));
    init_tell(in, &o);
    init_drop_child(in, c); /* its process, if there is one, is reaped as an unknown */
}

static void lost(struct child *c)
{
    c->sent = false;
    c->attempt++;
}

/* The starter is gone. A step that it was starting may run, may be on its way, or may never have been made. */
static void abandoned(struct init *in, struct child *c)
{
    volatile struct start_page *page = in->starter.page;
    pid_t pid = page->id == c->id ? (pid_t)page->pid : 0;

    /* Ours and not reaped, since nothing unknown is while a step is being started. One that does not come to its
     * execve before the signal never will. */
    if (pid > 0 && !page->executes)
        (void)kill(pid, SIGKILL);
    if (pid > 0 && page->executes)
        started(in, c, pid);
    else
        lost(c);
}

/* It came to its execve; what the starter says of it may still be on the way. */
static bool came_to_execve(const struct init *in, const struct child *c)
{
    volatile struct start_page *page = in->starter.page;

    return c->sent && page->id == c->id && page->pid > 0 && page->executes;
}

void steps_see_end(struct init *in)
{
    struct child *c = at_starter(in);
    volatile struct start_page *page = in->starter.page;
    siginfo_t info = {.si_pid = 0};

    if (c == NULL || !came_to_execve(in, c))
        return;
    if (waitid(P_PID, (id_t)page->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0)
        started(in, c, (pid_t)page->pid);
}

static void on_record(struct init *in, const struct ipc_in *r)
{
    struct child *c = at_starter(in);
    pid_t pid = (pid_t)wire_get_u64(r, TAG_PID, 0);

    if (c == NULL || c->id != r->id)
        return; /* of a step that was given up */
    if (r->type == WIRE_SPAWNED && pid > 0)
        started(in, c, pid);
    else if (r->type == WIRE_SPAWN_LOST)
        lost(c);
    else
        failed(in, c, r);
}

void steps_listen(struct init *in)
{
    struct ipc_in r = IPC_IN_INIT;
    struct err e = {0};
    int got;

    while ((got = ipc_recv(in->starter.sock, &r, &e)) == 1)
        on_record(in, &r);
    ipc_in_done(&r);
    if (got < 0 || e.sys != EAGAIN)
        steps_starter_ended(in);
    else
        start_next(in);
}

void steps_starter_ended(struct init *in)
{
    struct ipc_in r = IPC_IN_INIT;
    struct err e = {0};
    struct child *c;

    if (in->starter.sock < 0)
        return;
    while (ipc_recv(in->starter.sock, &r, &e) == 1) /* what it said before it ended */
        on_record(in, &r);
    ipc_in_done(&r);
    c = at_starter(in);
    if (c != NULL)
        abandoned(in, c);
    starter_drop(&in->starter);
    start_next(in);
}

void steps_spawn(struct init *in, struct ipc_in *request)
{
    struct err e = {0};
    struct child *c;

    if (in->n >= MAX_CHILDREN || request->n_fds < 2) {
        (void)err_set(&e, FAIL_LIMIT, "more than %d programs at once in a job", MAX_CHILDREN);
        init_answer_error(in, WIRE_SPAWN_ERROR, request->id, &e);
        return;
    }
    errno = failpoint_hit("sandbox.spawn");
    if (errno != 0) {
        (void)err_sys(&e, "start a program in the job");
        init_answer_error(in, WIRE_SPAWN_ERROR, request->id, &e);
        return;
    }
    if ((wire_get_u64(request, TAG_FLAGS, 0) & WIRE_FLAG_AS_ROOT) && !in->box->allow_sudo) {
        (void)err_set(&e, FAIL_DENIED, "the policy of the job gives it no root");
        init_answer_error(in, WIRE_SPAWN_ERROR, request->id, &e);
        return;
    }
    c = init_add_child(in, CHILD_STEP, 0, request->id);
    c->request = *request;
    *request = IPC_IN_INIT;
    start_next(in);
}

/* A step that the job holds up on its way is not waited for any longer. */
static void kill_unstarted(struct init *in, struct child *c)
{
    struct err e = {0};

    (void)err_set(&e, FAIL_CANCELED, "killed before it was started");
    if (!c->sent) {
        give_up(in, c, &e);
        return;
    }
    if (in->starter.page->id == c->id && in->starter.page->pid > 0)
        (void)kill((pid_t)in->starter.page->pid, SIGKILL);
    starter_drop(&in->starter);
    give_up(in, c, &e);
    start_next(in);
}

void steps_signal(struct init *in, const struct ipc_in *r)
{
    int sig = (int)wire_get_u64(r, TAG_SIGNAL, 0);
    bool group = wire_get_u64(r, TAG_FLAGS, 0) & WIRE_FLAG_GROUP;

    if (sig <= 0 || sig >= NSIG || r->id == 0)
        return;
    for (size_t i = 0; i < in->n; i++) {
        struct child *c = &in->children[i];

        if (c->kind != CHILD_STEP || c->id != r->id)
            continue;
        if (sig == SIGKILL && came_to_execve(in, c))
            started(in, c, (pid_t)in->starter.page->pid);
        if (c->pid > 0) {
            /* Not reaped yet, so the number is still this process. ESRCH: it ended, EXITED follows. */
            (void)kill(group ? -c->pid : c->pid, sig);
        } else if (sig == SIGKILL) {
            kill_unstarted(in, c);
        } else {
            c->early_signal = sig;
            c->early_group = group;
        }
        return;
    }
}
