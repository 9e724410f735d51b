/* SPDX-License-Identifier: Apache-2.0
 *
 * init's loop: requests of the worker, ends of children, loss of the launcher. It is the launcher's child
 * without an exec of its own: its memory holds nothing secret (the worker's secrets come over the worker's
 * channel), and its mm stays owned by the initial user namespace and is not dumpable, so that nothing in
 * the job can look into it (probes P29 to P35). */
#include "sandbox/program/init.h"

#include "sandbox/program/helper.h"
#include "sandbox/program/init_priv.h"
#include "sandbox/program/reaper.h"

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

void init_tell(struct init *in, struct ipc_out *o)
{
    /* A worker that is gone closes the socket, which ends the loop; nobody else wants to know. */
    wire_tell(in->worker, o);
}

void init_answer_error(struct init *in, uint8_t type, uint32_t id, const struct err *e)
{
    struct ipc_out o;

    ipc_begin(&o, type, id);
    wire_put_err(&o, e);
    init_tell(in, &o);
}

struct child *init_add_child(struct init *in, enum child_kind kind, pid_t pid, uint32_t id)
{
    GROW(in->children, in->cap, in->n + 1);
    in->children[in->n] =
        (struct child){.kind = kind, .pid = pid, .id = id, .sock = -1, .request = IPC_IN_INIT};
    return &in->children[in->n++];
}

void init_drop_child(struct init *in, struct child *c)
{
    fd_close(&c->sock);
    ipc_in_done(&c->request);
    *c = in->children[--in->n];
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
        init_answer_error(in, WIRE_FAILED, id, &e);
        return;
    }
    (void)init_add_child(in, CHILD_HELPER, pid, 0);
    ipc_begin(&o, WIRE_DONE, id);
    ipc_put_fd(&o, theirs);
    init_tell(in, &o);
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
        c = init_add_child(in, CHILD_COPIER, pid, r->id);
        c->sock = sock;
        return;
    }
    init_answer_error(in, WIRE_COPIED, r->id, &e);
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
    init_tell(in, &o);
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
        init_answer_error(in, WIRE_FAILED, r->id, &e);
        return;
    }
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(fd, (const struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 128) < 0) {
        (void)err_sys(&e, "bind 127.0.0.1:%u in the job", (unsigned)port);
        init_answer_error(in, WIRE_FAILED, r->id, &e);
        return;
    }
    ipc_begin(&o, WIRE_DONE, r->id);
    ipc_put_fd(&o, fd);
    init_tell(in, &o);
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
        steps_spawn(in, &r);
        break;
    case WIRE_SIGNAL:
        steps_signal(in, &r);
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

static void step_ended(struct init *in, uint32_t id, int status, const struct rusage *usage)
{
    struct ipc_out o;

    ipc_begin(&o, WIRE_EXITED, id);
    ipc_put_u64(&o, TAG_STATUS,
                (uint64_t)(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status)));
    ipc_put_sv(&o, TAG_USAGE, (struct sv){(const char *)usage, sizeof *usage});
    init_tell(in, &o);
}

static void on_exit_of(struct init *in, pid_t pid, int status, const struct rusage *usage)
{
    if (pid == in->starter.pid) { /* the job killed it; made anew when it is needed */
        in->starter.pid = 0;
        steps_starter_ended(in);
        return;
    }
    for (size_t i = 0; i < in->n; i++) {
        struct child *c = &in->children[i];

        if (c->pid != pid)
            continue;
        /* What it wrote before it ended comes before its end. */
        if (c->kind == CHILD_COPIER && c->sock >= 0)
            on_copier_record(in, c);
        if (c->kind == CHILD_STEP && c->id != 0)
            step_ended(in, c->id, status, usage);
        init_drop_child(in, c);
        return;
    }
}

/* While a step is being started its process may be a child that is not known yet: only known ones are reaped. */
static bool reap_known(struct init *in)
{
    struct rusage usage;
    int status;

    if (in->starter.pid > 0 && wait4(in->starter.pid, &status, WNOHANG, &usage) > 0) {
        on_exit_of(in, in->starter.pid, status, &usage);
        return true;
    }
    for (size_t i = 0; i < in->n; i++) {
        pid_t pid = in->children[i].pid;
        if (pid > 0 && wait4(pid, &status, WNOHANG, &usage) > 0) {
            on_exit_of(in, pid, status, &usage);
            return true;
        }
    }
    return false;
}

static void reap(struct init *in)
{
    struct rusage usage;
    int status;
    pid_t pid;

    for (;;) {
        steps_see_end(in);
        if (steps_is_starting(in)) {
            if (!reap_known(in))
                return;
        } else {
            pid = wait4(-1, &status, WNOHANG, &usage);
            if (pid <= 0)
                return;
            on_exit_of(in, pid, status, &usage);
        }
    }
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
    ipc_put_str(&o, TAG_MEMORY, b->level == SBX_NONE ? "" : SBX_MEMORY);
    if (helper_start(b, &pid, &theirs, &e) == 0) { /* else the worker asks, and gets the reason */
        (void)init_add_child(in, CHILD_HELPER, pid, 0);
        ipc_put_fd(&o, theirs);
    }
    init_tell(in, &o);
}

/* Waits once and serves what is there; false = the end. */
static bool turn(struct init *in)
{
    enum { WORKER, LAUNCHER, SIGNALS, STARTER, CHILDREN };
    struct pollfd p[CHILDREN + MAX_CHILDREN] = {
        [WORKER] = {.fd = in->worker, .events = POLLIN},
        [LAUNCHER] = {.fd = in->launcher, .events = POLLIN},
        [SIGNALS] = {.fd = in->signals, .events = POLLIN},
        [STARTER] = {.fd = in->starter.sock, .events = POLLIN},
    };
    struct signalfd_siginfo info;
    size_t n = in->n < MAX_CHILDREN ? in->n : MAX_CHILDREN;

    for (size_t i = 0; i < n; i++)
        p[CHILDREN + i] = (struct pollfd){.fd = in->children[i].sock, .events = POLLIN};
    if (poll(p, (nfds_t)(CHILDREN + n), -1) < 0)
        return errno == EINTR;
    if (p[LAUNCHER].revents != 0) /* the launcher says nothing: it is gone, or it wants the end */
        return false;
    for (size_t i = 0; i < n; i++) {
        struct child *c = &in->children[i];

        if (p[CHILDREN + i].revents != 0 && c->sock == p[CHILDREN + i].fd)
            on_copier_record(in, c);
    }
    if (p[SIGNALS].revents != 0)
        wire_ignore(read(in->signals, &info, sizeof info)); /* a hint only: signals merge */
    if (p[STARTER].revents != 0 && in->starter.sock == p[STARTER].fd)
        steps_listen(in);
    if (p[SIGNALS].revents != 0 || p[STARTER].revents != 0)
        reap(in);
    return p[WORKER].revents == 0 || on_worker(in);
}

void init_run(const struct box *b, const struct starter *first, int worker, int launcher)
{
    struct init in = {.box = b, .worker = worker, .launcher = launcher, .starter = *first};
    struct ipc_out o;
    struct err e = {0};

    in.signals = open_signals();
    say_hello(&in);
    ipc_begin(&o, WIRE_READY, 0);
    ipc_put_str(&o, TAG_FACTS, b->facts);
    wire_tell(launcher, &o); /* a launcher that is gone shows as EOF in the loop */
    if (in.starter.pid == 0 && starter_start(b, &in.starter, &e) < 0)
        starter_drop(&in.starter); /* tried again, and reported, with the first step */
    while (turn(&in))
        ;
    finish(&in);
}
