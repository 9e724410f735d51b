/* SPDX-License-Identifier: Apache-2.0
 *
 * init's loop: requests of the worker, ends of children, loss of the launcher. It is the launcher's child
 * without an exec of its own: its memory holds nothing secret (the worker's secrets come over the worker's
 * channel), and its mm stays owned by the initial user namespace and is not dumpable, so that nothing in
 * the job can look into it (probes P29 to P35). */
#include "sandbox/program/init.h"

#include "sandbox/program/helper.h"
#include "sandbox/program/reaper.h"
#include "sandbox/program/step.h"

#include "base/failpoint.h"
#include "base/fd.h"
#include "base/ipc.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CHILDREN   256
#define SPAWN_ATTEMPTS 3

enum child_kind { CHILD_STEP, CHILD_HELPER, CHILD_COPIER };

struct child {
    enum child_kind kind;
    pid_t pid;
    uint32_t id;
    int sock;                         /* step: until execve; copier: until its record; else -1 */
    bool got;                         /* step: the child has the request */
    const volatile uint32_t *started; /* step: it came to execve */
    unsigned attempt;
    struct ipc_in request; /* step: kept until it started, to repeat it */
};

struct init {
    const struct box *box;
    int worker, launcher, signals;
    struct armed armed;
    struct child *children;
    size_t n, cap;
};

static void tell(struct init *in, struct ipc_out *o)
{
    /* A worker that is gone closes the socket, which ends the loop; nobody else wants to know. */
    wire_tell(in->worker, o);
}

static void answer_error(struct init *in, uint8_t type, uint32_t id, const struct err *e)
{
    struct ipc_out o;

    ipc_begin(&o, type, id);
    wire_put_err(&o, e);
    tell(in, &o);
}

static struct child *add_child(struct init *in, enum child_kind kind, pid_t pid, uint32_t id)
{
    GROW(in->children, in->cap, in->n + 1);
    in->children[in->n] =
        (struct child){.kind = kind, .pid = pid, .id = id, .sock = -1, .request = IPC_IN_INIT};
    return &in->children[in->n++];
}

static void drop_child(struct init *in, struct child *c)
{
    fd_close(&c->sock);
    ipc_in_done(&c->request);
    *c = in->children[--in->n];
}

/* ---- steps ---- */

static int hand_over(struct init *in, struct ipc_in *request, struct err *e)
{
    struct ipc_out o;
    uint16_t tag;
    struct sv v;
    size_t first = request->at;

    if (in->armed.pid == 0 && step_arm(in->box, &in->armed, e) < 0)
        return -1;
    ipc_begin(&o, WIRE_SPAWN, request->id);
    while (ipc_next(request, &tag, &v))
        ipc_put_sv(&o, tag, v);
    request->at = first; /* it may be sent again */
    for (size_t i = 0; i < request->n_fds; i++)
        ipc_put_fd(&o, request->fds[i]);
    return ipc_send(in->armed.sock, &o, e);
}

static void disarm(struct init *in)
{
    if (in->armed.pid > 0)
        (void)kill(in->armed.pid, SIGKILL);
    in->armed.pid = 0;
    fd_close(&in->armed.sock);
}

/* Gives the request to the armed child, or to a new one where that one was killed by the job. */
static void start_step(struct init *in, struct ipc_in *request, unsigned attempt)
{
    struct err e = {0};
    struct child *c;

    for (; attempt < SPAWN_ATTEMPTS; attempt++) {
        if (hand_over(in, request, &e) == 0)
            break;
        disarm(in);
    }
    if (attempt == SPAWN_ATTEMPTS) {
        answer_error(in, WIRE_SPAWN_ERROR, request->id, &e);
        ipc_in_done(request);
        return;
    }
    c = add_child(in, CHILD_STEP, in->armed.pid, request->id);
    c->sock = fd_take(&in->armed.sock);
    c->started = in->armed.started;
    c->attempt = attempt;
    c->request = *request;
    *request = IPC_IN_INIT;
    in->armed = ARMED_INIT;
}

static void on_spawn(struct init *in, struct ipc_in *request)
{
    struct err e = {0};

    if (in->n >= MAX_CHILDREN || request->n_fds < 2) {
        (void)err_set(&e, FAIL_LIMIT, "more than %d programs at once in a job", MAX_CHILDREN);
        answer_error(in, WIRE_SPAWN_ERROR, request->id, &e);
        return;
    }
    errno = failpoint_hit("sandbox.spawn");
    if (errno != 0) {
        (void)err_sys(&e, "start a program in the job");
        answer_error(in, WIRE_SPAWN_ERROR, request->id, &e);
        return;
    }
    if ((wire_get_u64(request, TAG_FLAGS, 0) & WIRE_FLAG_AS_ROOT) && !in->box->allow_sudo) {
        (void)err_set(&e, FAIL_DENIED, "the policy of the job gives it no root");
        answer_error(in, WIRE_SPAWN_ERROR, request->id, &e);
        return;
    }
    start_step(in, request, 0);
}

/* The child was killed by the job before it came to execve. */
static void step_lost(struct init *in, struct child *c)
{
    struct ipc_in again = c->request;
    unsigned attempt = c->attempt + 1;
    struct err e = {0};

    fd_close(&c->sock);
    c->request = IPC_IN_INIT;
    c->id = 0; /* its end is of no interest */
    if (attempt < SPAWN_ATTEMPTS) {
        start_step(in, &again, attempt);
        return;
    }
    (void)err_set(&e, FAIL_CANCELED, "the job kills every new process");
    answer_error(in, WIRE_SPAWN_ERROR, again.id, &e);
    ipc_in_done(&again);
}

/* The child's socket closed by execve (or in it, if something killed it there). */
static void step_started(struct init *in, struct child *c)
{
    struct ipc_out o;
    struct err e;

    fd_close(&c->sock);
    ipc_in_done(&c->request);
    ipc_begin(&o, WIRE_SPAWNED, c->id);
    tell(in, &o);
    if (in->armed.pid == 0 && step_arm(in->box, &in->armed, &e) < 0)
        in->armed = ARMED_INIT; /* tried again, and reported, when it is needed */
}

static void on_step_record(struct init *in, struct child *c)
{
    struct ipc_in r = IPC_IN_INIT;
    struct err e = {0};
    int got = ipc_recv(c->sock, &r, &e);

    if (got == 1) {
        wire_get_err(&r, &e);
        answer_error(in, WIRE_SPAWN_ERROR, c->id, &e);
        c->id = 0;
        fd_close(&c->sock);
        ipc_in_done(&c->request);
    } else if (!*c->started) {
        step_lost(in, c);
    } else {
        step_started(in, c);
    }
    ipc_in_done(&r);
}

static void on_signal_request(struct init *in, const struct ipc_in *r)
{
    int sig = (int)wire_get_u64(r, TAG_SIGNAL, 0);
    bool group = wire_get_u64(r, TAG_FLAGS, 0) & WIRE_FLAG_GROUP;

    if (sig <= 0 || sig >= NSIG || r->id == 0)
        return;
    for (size_t i = 0; i < in->n; i++) {
        const struct child *c = &in->children[i];
        /* Not reaped yet, so the number is still this process. ESRCH: it ended, EXITED follows. */
        if (c->kind == CHILD_STEP && c->id == r->id)
            (void)kill(group ? -c->pid : c->pid, sig);
    }
}

/* ---- other requests ---- */

static void on_helper(struct init *in, uint32_t id)
{
    AUTO(auto_fd) int theirs = -1;
    struct err e = {0};
    struct ipc_out o;
    pid_t pid;

    for (size_t i = 0; i < in->n; i++)
        if (in->children[i].kind == CHILD_HELPER)
            (void)kill(in->children[i].pid, SIGKILL); /* replaced: it was stuck */
    if (helper_start(in->box, &pid, &theirs, &e) < 0) {
        answer_error(in, WIRE_FAILED, id, &e);
        return;
    }
    (void)add_child(in, CHILD_HELPER, pid, 0);
    ipc_begin(&o, WIRE_DONE, id);
    ipc_put_fd(&o, theirs);
    tell(in, &o);
}

static void on_copy(struct init *in, struct ipc_in *r)
{
    AUTO(auto_free) char *dest = wire_dup_str(r, TAG_PATH);
    AUTO(auto_fd) int listing = ipc_take_fd(r, 0);
    struct err e = {0};
    struct child *c;
    pid_t pid;
    int sock;

    if (in->box->source_fd < 0)
        (void)err_set(&e, FAIL_DENIED, "the policy of the job names no local source");
    else if (dest == NULL || listing < 0)
        (void)err_set(&e, FAIL_PROTO, "incomplete copy request");
    else if (copier_start(in->box, dest, listing, &pid, &sock, &e) == 0) {
        c = add_child(in, CHILD_COPIER, pid, r->id);
        c->sock = sock;
        return;
    }
    answer_error(in, WIRE_COPIED, r->id, &e);
}

static void on_copier_record(struct init *in, struct child *c)
{
    struct ipc_in r = IPC_IN_INIT;
    struct err e = {0};
    struct ipc_out o;

    ipc_begin(&o, WIRE_COPIED, c->id);
    if (ipc_recv(c->sock, &r, &e) == 1) {
        ipc_put_u64(&o, TAG_FILES, wire_get_u64(&r, TAG_FILES, 0));
        ipc_put_u64(&o, TAG_BYTES, wire_get_u64(&r, TAG_BYTES, 0));
        if (wire_get_u64(&r, TAG_ERR_CODE, FAIL_NONE) != FAIL_NONE) {
            wire_get_err(&r, &e);
            wire_put_err(&o, &e);
        }
    } else {
        (void)err_set(&e, FAIL_INTERNAL, "the copy of the source was killed");
        wire_put_err(&o, &e);
    }
    tell(in, &o);
    ipc_in_done(&r);
    fd_close(&c->sock);
}

static void on_listen(struct init *in, const struct ipc_in *r)
{
    uint64_t port = wire_get_u64(r, TAG_SERVICE_PORT, 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct err e = {0};
    struct ipc_out o;
    AUTO(auto_fd) int fd = -1;
    int one = 1;

    if (in->box->network != SBX_NET_NONE || port == 0 || port != in->box->service_port) {
        (void)err_set(&e, FAIL_DENIED, "the policy of the job names no such port");
        answer_error(in, WIRE_FAILED, r->id, &e);
        return;
    }
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(fd, (const struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 128) < 0) {
        (void)err_sys(&e, "bind 127.0.0.1:%u in the job", (unsigned)port);
        answer_error(in, WIRE_FAILED, r->id, &e);
        return;
    }
    ipc_begin(&o, WIRE_DONE, r->id);
    ipc_put_fd(&o, fd);
    tell(in, &o);
}

/* False when the worker is gone or talks nonsense: the job ends. */
static bool on_worker(struct init *in)
{
    struct ipc_in r = IPC_IN_INIT;
    struct err e = {0};
    bool go_on = true;

    if (ipc_recv(in->worker, &r, &e) <= 0) {
        ipc_in_done(&r);
        return false;
    }
    switch (r.type) {
    case WIRE_SPAWN:
        on_spawn(in, &r);
        break;
    case WIRE_SIGNAL:
        on_signal_request(in, &r);
        break;
    case WIRE_LISTEN:
        on_listen(in, &r);
        break;
    case WIRE_HELPER:
        on_helper(in, r.id);
        break;
    case WIRE_COPY:
        on_copy(in, &r);
        break;
    default:
        go_on = false;
        break;
    }
    ipc_in_done(&r);
    return go_on;
}

/* ---- ends of children ---- */

static void on_exit_of(struct init *in, pid_t pid, int status, const struct rusage *usage)
{
    struct ipc_out o;

    if (pid == in->armed.pid) { /* the job killed it; made anew when it is needed */
        in->armed.pid = 0;
        fd_close(&in->armed.sock);
        return;
    }
    for (size_t i = 0; i < in->n; i++) {
        struct child *c = &in->children[i];
        uint32_t id;

        if (c->pid != pid)
            continue;
        /* What it wrote before it ended comes before its end. */
        while (c->kind == CHILD_STEP && c->sock >= 0) {
            on_step_record(in, c);
            c = &in->children[i]; /* the table may have moved */
        }
        if (c->kind == CHILD_COPIER && c->sock >= 0)
            on_copier_record(in, c);
        id = c->kind == CHILD_STEP ? c->id : 0;
        drop_child(in, c);
        if (id == 0)
            return;
        ipc_begin(&o, WIRE_EXITED, id);
        ipc_put_u64(&o, TAG_STATUS,
                    (uint64_t)(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status)));
        ipc_put_sv(&o, TAG_USAGE, (struct sv){(const char *)usage, sizeof *usage});
        tell(in, &o);
        return;
    }
}

static void on_sigchld(struct init *in)
{
    struct signalfd_siginfo info;
    struct rusage usage;
    int status;
    pid_t pid;

    wire_ignore(read(in->signals, &info, sizeof info)); /* a hint only: signals merge */
    while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0)
        on_exit_of(in, pid, status, &usage);
}

/* Without a PID namespace our death kills nobody: end the tree by hand. */
static _Noreturn void finish(const struct init *in)
{
    if (in->box->level == SBX_NONE) {
        int status;

        while (reaper_kill_children(NULL, 0) || waitpid(-1, &status, WNOHANG) >= 0)
            (void)waitpid(-1, &status, 0);
    }
    _exit(0);
}

static int open_signals(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void say_hello(struct init *in)
{
    const struct box *b = in->box;
    AUTO(auto_fd) int theirs = -1;
    struct err e = {0};
    struct ipc_out o;
    pid_t pid;

    ipc_begin(&o, WIRE_HELLO, 0);
    ipc_put_u64(&o, TAG_LEVEL, (uint64_t)b->level);
    ipc_put_u64(&o, TAG_NETWORK, (uint64_t)b->network);
    ipc_put_u64(&o, TAG_FLAGS, b->source_fd >= 0 ? WIRE_FLAG_SOURCE : 0);
    ipc_put_str(&o, TAG_FACTS, b->facts);
    ipc_put_str(&o, TAG_WORK, b->work);
    ipc_put_str(&o, TAG_TEMP, b->temp);
    ipc_put_str(&o, TAG_ACTIONS, b->actions);
    ipc_put_str(&o, TAG_HOME, b->home);
    ipc_put_str(&o, TAG_TOOLS, b->tools);
    ipc_put_str(&o, TAG_ACTIONS_HOST, b->actions_host);
    if (helper_start(b, &pid, &theirs, &e) == 0) { /* else the worker asks, and gets the reason */
        (void)add_child(in, CHILD_HELPER, pid, 0);
        ipc_put_fd(&o, theirs);
    }
    tell(in, &o);
}

/* Waits once and serves what is there; false = the end. */
static bool turn(struct init *in)
{
    struct pollfd p[3 + MAX_CHILDREN] = {{.fd = in->worker, .events = POLLIN},
                                         {.fd = in->launcher, .events = POLLIN},
                                         {.fd = in->signals, .events = POLLIN}};
    size_t n = in->n < MAX_CHILDREN ? in->n : MAX_CHILDREN;

    for (size_t i = 0; i < n; i++)
        p[3 + i] = (struct pollfd){.fd = in->children[i].sock, .events = POLLIN};
    if (poll(p, (nfds_t)(3 + n), -1) < 0)
        return errno == EINTR;
    if (p[1].revents != 0) /* the launcher says nothing: it is gone, or it wants the end */
        return false;
    for (size_t i = 0; i < n; i++) {
        struct child *c = &in->children[i];

        if (p[3 + i].revents == 0 || c->sock != p[3 + i].fd)
            continue;
        if (c->kind == CHILD_STEP)
            on_step_record(in, c);
        else
            on_copier_record(in, c);
    }
    if (p[2].revents != 0)
        on_sigchld(in);
    return p[0].revents == 0 || on_worker(in);
}

void init_run(const struct box *b, const struct armed *armed, int worker, int launcher)
{
    struct init in = {.box = b, .worker = worker, .launcher = launcher, .armed = *armed};
    struct ipc_out o;
    struct err e = {0};

    in.signals = open_signals();
    say_hello(&in);
    ipc_begin(&o, WIRE_READY, 0);
    ipc_put_str(&o, TAG_FACTS, b->facts);
    wire_tell(launcher, &o); /* a launcher that is gone shows as EOF in the loop */
    if (in.armed.pid == 0 && step_arm(b, &in.armed, &e) < 0)
        in.armed = ARMED_INIT; /* tried again, and reported, with the first step */
    while (turn(&in))
        ;
    finish(&in);
}
