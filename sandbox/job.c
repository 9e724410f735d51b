/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker's side of init: starting and signalling what runs in the job, and its events. */
#include "sandbox/job_priv.h"

#include "base/buf.h"
#include "base/fd.h"
#include "base/ipc.h"
#include "base/mem.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static int read_hello(const struct ipc_in *in, struct sbx_hello *h, struct err *e)
{
    *h = (struct sbx_hello){.level = (enum sbx_level)wire_get_u64(in, TAG_LEVEL, SBX_NONE),
                            .network = (enum sbx_net)wire_get_u64(in, TAG_NETWORK, SBX_NET_HOST),
                            .has_source = wire_get_u64(in, TAG_FLAGS, 0) & WIRE_FLAG_SOURCE};
    if (wire_get_str(in, TAG_FACTS, h->facts, sizeof h->facts, e) < 0 ||
        wire_get_str(in, TAG_WORK, h->work, sizeof h->work, e) < 0 ||
        wire_get_str(in, TAG_TEMP, h->temp, sizeof h->temp, e) < 0 ||
        wire_get_str(in, TAG_ACTIONS, h->actions, sizeof h->actions, e) < 0 ||
        wire_get_str(in, TAG_HOME, h->home, sizeof h->home, e) < 0 ||
        wire_get_str(in, TAG_TOOLS, h->tools, sizeof h->tools, e) < 0 ||
        wire_get_str(in, TAG_ACTIONS_HOST, h->actions_host, sizeof h->actions_host, e) < 0 ||
        wire_get_str(in, TAG_MEMORY, h->memory, sizeof h->memory, e) < 0)
        return -1;
    return 0;
}

/* One descriptor that is readable while the socket or the queue holds something. */
static int watch(struct sbx_job *j, struct err *e)
{
    struct epoll_event ev = {.events = EPOLLIN};

    j->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (j->epoll < 0)
        return err_sys(e, "epoll_create1");
    j->queued = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (j->queued < 0)
        return err_sys(e, "eventfd");
    if (epoll_ctl(j->epoll, EPOLL_CTL_ADD, j->sock, &ev) < 0 ||
        epoll_ctl(j->epoll, EPOLL_CTL_ADD, j->queued, &ev) < 0)
        return err_sys(e, "epoll_ctl");
    return 0;
}

int sbx_attach(int own_fd, struct sbx_job **out, struct sbx_hello *hello, struct err *e)
{
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
    struct sbx_job *j = xcalloc(1, sizeof *j);
    int r;

    *j = (struct sbx_job){.sock = own_fd, .helper = -1, .epoll = -1, .queued = -1};
    r = ipc_recv(own_fd, &in, e);
    if (r == 0)
        r = err_set(e, FAIL_NET, "the sandbox ended before it was ready");
    else if (r > 0 && in.type != WIRE_HELLO)
        r = err_set(e, FAIL_PROTO, "unexpected first record %u from init", (unsigned)in.type);
    if (r < 0 || read_hello(&in, hello, e) < 0 || watch(j, e) < 0) {
        sbx_job_free(j);
        return err_wrap(e, "attach to the sandbox");
    }
    j->helper = ipc_take_fd(&in, 0);
    *out = j;
    return 0;
}

int sbx_job_fd(const struct sbx_job *j)
{
    return j->epoll;
}

void sbx_job_free(struct sbx_job *j)
{
    if (j == NULL)
        return;
    fd_close(&j->sock);
    fd_close(&j->helper);
    fd_close(&j->epoll);
    fd_close(&j->queued);
    while (j->first != NULL) {
        struct queued_event *q = j->first;
        j->first = q->next;
        free(q);
    }
    free(j);
}

/* ---- starting ---- */

/* What does not fit into a record any more, and goes in memfds of its own. */
struct overflow {
    size_t room; /* bytes left in the record */
    int fds[1 + SBX_SPAWN_FILES_MAX];
    size_t n;
};

static void overflow_done(struct overflow *f)
{
    for (size_t i = 0; i < f->n; i++)
        fd_close(&f->fds[i]);
}

/* The caller puts what fits; the rest was put as a descriptor. */
static int put_large(struct ipc_out *o, struct overflow *f, const char *name, struct sv content,
                     bool *fits, struct err *e)
{
    *fits = content.n <= f->room;
    if (*fits) {
        f->room -= content.n;
        return 0;
    }
    if (fd_memfd(name, content.p, content.n, &f->fds[f->n], e) < 0)
        return -1;
    ipc_put_fd(o, f->fds[f->n++]);
    return 0;
}

static int put_block(struct ipc_out *o, const struct sbx_spawn *s, struct overflow *f,
                     struct err *e)
{
    AUTO(buf_free) struct buf b = BUF_INIT(WIRE_BLOB_BYTES);
    uint64_t argc = 0;
    bool fits;

    for (char *const *v = s->argv; *v != NULL; v++, argc++)
        buf_add(&b, *v, strlen(*v) + 1);
    for (char *const *v = s->envp; v != NULL && *v != NULL; v++)
        buf_add(&b, *v, strlen(*v) + 1);
    if (buf_done(&b, "arguments and environment of a step", e) < 0)
        return -1;
    ipc_put_u64(o, TAG_ARGC, argc);
    if (put_large(o, f, "gantry-arguments", buf_sv(&b), &fits, e) < 0)
        return -1;
    if (fits)
        ipc_put_sv(o, TAG_BLOB, buf_sv(&b));
    return 0;
}

static int put_files(struct ipc_out *o, const struct sbx_spawn *s, struct overflow *f,
                     struct err *e)
{
    BUG(s->n_files > SBX_SPAWN_FILES_MAX);
    for (size_t i = 0; i < s->n_files; i++) {
        bool fits;
        ipc_put_str(o, TAG_FILE, s->files[i].path);
        ipc_put_u64(o, TAG_MODE, s->files[i].mode);
        ipc_put_str(o, TAG_OLD, s->files[i].recycle);
        if (put_large(o, f, "gantry-file", s->files[i].content, &fits, e) < 0)
            return -1;
        if (fits)
            ipc_put_sv(o, TAG_CONTENT, s->files[i].content);
        else
            ipc_put_u64(o, TAG_FD, 0);
    }
    return 0;
}

static bool paths_are_short(const struct sbx_spawn *s)
{
    size_t n = strlen(s->path) + strlen(s->cwd);

    for (size_t i = 0; i < s->n_files; i++)
        n += strlen(s->files[i].path) +
             (s->files[i].recycle != NULL ? strlen(s->files[i].recycle) : 0);
    return n <= 8192;
}

int sbx_spawn(struct sbx_job *j, const struct sbx_spawn *s, uint32_t *id, struct err *e)
{
    AUTO(overflow_done) struct overflow f = {.room = WIRE_INLINE_BYTES};
    struct ipc_out o;

    if (!paths_are_short(s))
        return err_set(e, FAIL_LIMIT,
                       "path of the program, of the working folder or of a file is too long");
    ipc_begin(&o, WIRE_SPAWN, ++j->last_id);
    ipc_put_str(&o, TAG_PATH, s->path);
    ipc_put_str(&o, TAG_CWD, s->cwd);
    ipc_put_u64(&o, TAG_FLAGS,
                (s->as_root ? WIRE_FLAG_AS_ROOT : 0) | (s->quiet ? WIRE_FLAG_QUIET : 0));
    ipc_put_fd(&o, s->stdout_fd);
    ipc_put_fd(&o, s->stderr_fd);
    if (put_block(&o, s, &f, e) < 0 || put_files(&o, s, &f, e) < 0) {
        ipc_out_done(&o);
        return err_wrap(e, "start '%s'", s->path);
    }
    if (ipc_send(j->sock, &o, e) < 0)
        return err_wrap(e, "start '%s'", s->path);
    *id = j->last_id;
    return 0;
}

int sbx_signal(struct sbx_job *j, uint32_t id, int sig, bool whole_group, struct err *e)
{
    struct ipc_out o;

    ipc_begin(&o, WIRE_SIGNAL, id);
    ipc_put_u64(&o, TAG_SIGNAL, (uint64_t)sig);
    ipc_put_u64(&o, TAG_FLAGS, whole_group ? WIRE_FLAG_GROUP : 0);
    return ipc_send(j->sock, &o, e);
}

int sbx_copy_source(struct sbx_job *j, const char *dest, int listing_fd, uint32_t *id,
                    struct err *e)
{
    struct ipc_out o;

    ipc_begin(&o, WIRE_COPY, ++j->last_id);
    ipc_put_str(&o, TAG_PATH, dest);
    ipc_put_fd(&o, listing_fd);
    if (ipc_send(j->sock, &o, e) < 0)
        return err_wrap(e, "copy the source to '%s'", dest);
    *id = j->last_id;
    return 0;
}

/* ---- events ---- */

static int to_event(const struct ipc_in *in, struct sbx_job_event *ev, struct err *e)
{
    struct sv usage;

    *ev = (struct sbx_job_event){.id = in->id};
    switch (in->type) {
    case WIRE_SPAWNED:
        ev->kind = SBX_JOB_SPAWNED;
        return 0;
    case WIRE_SPAWN_ERROR:
        ev->kind = SBX_JOB_SPAWN_ERROR;
        wire_get_err(in, &ev->error);
        ev->file_failed = wire_get_u64(in, TAG_FLAGS, 0) & WIRE_FLAG_FILE;
        return 0;
    case WIRE_EXITED:
        ev->kind = SBX_JOB_EXITED;
        ev->status = (int)wire_get_u64(in, TAG_STATUS, 255);
        if (ipc_get_sv(in, TAG_USAGE, &usage) && usage.n == sizeof ev->usage)
            memcpy(&ev->usage, usage.p, sizeof ev->usage);
        return 0;
    case WIRE_COPIED:
        ev->kind = SBX_JOB_COPIED;
        ev->files = wire_get_u64(in, TAG_FILES, 0);
        ev->bytes = wire_get_u64(in, TAG_BYTES, 0);
        if (wire_get_u64(in, TAG_ERR_CODE, FAIL_NONE) != FAIL_NONE)
            wire_get_err(in, &ev->error);
        return 0;
    default:
        return err_set(e, FAIL_PROTO, "unexpected record %u from init", (unsigned)in->type);
    }
}

static bool pop(struct sbx_job *j, struct sbx_job_event *ev)
{
    struct queued_event *q = j->first;
    uint64_t n;

    if (q == NULL)
        return false;
    *ev = q->ev;
    j->first = q->next;
    if (j->first == NULL) {
        j->last = NULL;
        wire_ignore(read(j->queued, &n, sizeof n)); /* only resets the readiness; nothing to lose */
    }
    free(q);
    return true;
}

static void push(struct sbx_job *j, const struct sbx_job_event *ev)
{
    struct queued_event *q = xcalloc(1, sizeof *q);
    uint64_t one = 1;

    q->ev = *ev;
    if (j->last != NULL)
        j->last->next = q;
    else
        j->first = q;
    j->last = q;
    wire_ignore(write(j->queued, &one, sizeof one)); /* cannot fail below 2^64 - 1 events */
}

static int wait_readable(int fd, int timeout_ms, struct err *e)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int r;

    do
        r = poll(&p, 1, timeout_ms);
    while (r < 0 && errno == EINTR);
    return r < 0 ? err_sys(e, "poll the sandbox") : r;
}

int sbx_job_next(struct sbx_job *j, struct sbx_job_event *ev, struct err *e)
{
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
    int r;

    if (pop(j, ev))
        return 1;
    r = wait_readable(j->sock, 0, e);
    if (r <= 0)
        return r;
    r = ipc_recv(j->sock, &in, e);
    if (r == 0)
        return err_set(e, FAIL_NET, "the sandbox of the job ended");
    if (r < 0)
        return err_wrap(e, "read from init");
    return to_event(&in, ev, e) < 0 ? -1 : 1;
}

int sbx_job_answer(struct sbx_job *j, uint32_t id, int timeout_ms, struct ipc_in *answer,
                   struct err *e)
{
    for (;;) {
        AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
        struct sbx_job_event ev;
        int r = wait_readable(j->sock, timeout_ms, e);

        if (r < 0)
            return -1;
        if (r == 0)
            return err_set(e, FAIL_TIMEOUT, "the sandbox does not answer");
        r = ipc_recv(j->sock, &in, e);
        if (r == 0)
            return err_set(e, FAIL_NET, "the sandbox of the job ended");
        if (r < 0)
            return -1;
        if (in.id == id && in.type == WIRE_FAILED) {
            wire_get_err(&in, e);
            return -1;
        }
        if (in.id == id && in.type == WIRE_DONE) {
            *answer = in;
            in = IPC_IN_INIT;
            return 0;
        }
        if (to_event(&in, &ev, e) < 0)
            return -1;
        push(j, &ev);
    }
}

int sbx_listen(struct sbx_job *j, uint16_t port, int *out, struct err *e)
{
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
    struct ipc_out o;
    int fd;

    ipc_begin(&o, WIRE_LISTEN, ++j->last_id);
    ipc_put_u64(&o, TAG_SERVICE_PORT, port);
    if (ipc_send(j->sock, &o, e) < 0 || sbx_job_answer(j, j->last_id, SBX_ANSWER_MS, &in, e) < 0)
        return err_wrap(e, "listen on port %u of the job", (unsigned)port);
    fd = ipc_take_fd(&in, 0);
    if (fd < 0)
        return err_set(e, FAIL_PROTO, "init gave no listening socket");
    *out = fd;
    return 0;
}
