/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting, watching and stopping service and listener. */
#include "runner/cli/supervise.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/fs.h"
#include "base/ipc.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/strv.h"
#include "runner/listener/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define SERVICE_CONFIG_FD 3
#define SERVICE_READY_FD  4
#define LINE_MAX_BYTES    (4U << 20)

struct child {
    struct sup *s;
    const char *name; /* "service", "listener": in messages and of the log file */
    struct proc p;
    struct loop_fd *watch;
    int from; /* ready line, status lines */
    struct loop_fd *from_watch;
    struct buf in;
    char *log; /* file */
};
struct sup {
    struct loop *loop;
    struct sup_events on;
    struct child service, listener;
    int late; /* socket for what the listener is told later */
    const char *source_json;
    int folder, listing;
    char *url;
    struct secret token;
    char **jit;
    bool stopping, failed, ready;
    bool alone; /* a service without a listener of ours: `gantry serve` */
};

int programs_find(struct programs *out, struct err *e)
{
    AUTO(auto_free) char *dir = NULL;

    if (fs_self_dir(&dir, e) < 0)
        return -1;
    out->self = path_join(dir, "gantry");
    out->service = path_join(dir, "gantry-service");
    out->launcher = path_join(dir, "gantry-sandbox");
    out->worker = path_join(dir, "gantry-worker");
    return 0;
}

void programs_done(struct programs *p)
{
    free(p->self);
    free(p->service);
    free(p->launcher);
    free(p->worker);
}

int sup_reserve(struct err *e)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return err_sys(e, "cannot open '/dev/null'");
    } while (fd < SERVICE_READY_FD);
    if (fd > SERVICE_READY_FD)
        (void)close(fd); /* both were taken: by descriptors that we inherited, which are not ours */
    return 0;
}

/* ---- ends ---- */

/* The last line that the process wrote, for the one line that we print. Somebody's kill explains itself, and the
 * log's JSON is none. */
static void last_words(const struct child *c, int status, char *dst, size_t n)
{
    AUTO(auto_free) char *text = NULL;
    struct err ignored; /* no log, no last words */
    struct sv s, line;
    size_t len, nl;

    dst[0] = '\0';
    if (status == 128 + SIGKILL || status == 128 + SIGTERM || c->log == NULL ||
        fs_read_file(AT_FDCWD, c->log, 1U << 20, &text, &len, &ignored) < 0)
        return;
    s = sv_trim((struct sv){text, len});
    nl = sv_rchr(s, '\n');
    line = nl == SV_NPOS ? s : sv_sub(s, nl + 1, s.n);
    line = sv_sub(line, 0, n - 1);
    if (line.n > 0 && line.p[0] != '{') {
        memcpy(dst, line.p, line.n);
        dst[line.n] = '\0';
    }
}

static const char *signal_text(int sig)
{
    const char *text = sigdescr_np(sig);

    if (sig == SIGXFSZ)
        return "File size limit exceeded: raise it with ulimit -f";
    return text != NULL ? text : "unknown";
}

/* One that could not go on has said why and what to do. */
static void describe_end(const struct child *c, int status, struct err *e)
{
    static const char prefix[] = "gantry: error: ";
    char words[280];

    last_words(c, status, words, sizeof words);
    if (sv_starts(sv_of(words), sv_of(prefix)))
        (void)err_set(e, FAIL_PROTO, "the %s ended: %s", c->name, words + strlen(prefix));
    else if (status > 128)
        (void)err_set(e, FAIL_PROTO, "the %s ended by signal %d (%s); run again%s%.100s", c->name,
                      status - 128, signal_text(status - 128), words[0] != '\0' ? ": " : "", words);
    else
        (void)err_set(e, FAIL_PROTO, "the %s ended with status %d; run again%s%.100s", c->name,
                      status, words[0] != '\0' ? ": " : "", words);
}

static void failed(struct sup *s, const struct err *e)
{
    if (s->failed || s->stopping)
        return;
    s->failed = true;
    s->on.failed(s->on.ctx, e);
}

static void unwatch(struct child *c)
{
    loop_del_fd(c->watch);
    c->watch = NULL;
    loop_del_fd(c->from_watch);
    c->from_watch = NULL;
    fd_close(&c->from);
}

static void on_lines(void *ctx, int fd, unsigned events);

static void on_end(void *ctx, int fd, unsigned events)
{
    struct child *c = ctx;
    struct err e = {0};
    int status = 0;

    (void)fd;
    (void)events;
    loop_del_fd(c->watch); /* before proc_wait() closes its descriptor */
    c->watch = NULL;
    if (proc_wait(&c->p, false, &status, &e) < 0) { /* readable: it has ended */
        failed(c->s, &e);
        return;
    }
    if (c->from >= 0) /* what it said last explains its end better than its status */
        on_lines(c, c->from, LOOP_READ);
    describe_end(c, status, &e);
    unwatch(c);
    failed(c->s, &e);
}

/* ---- what the two say ---- */

static int tell_listener(struct sup *s, const json_t *ready, struct err *e)
{
    AUTO(auto_fd) int late = fd_take(&s->late);
    AUTO(auto_fd) int options = -1;
    AUTO(buf_free) struct buf b = BUF_INIT(LINE_MAX_BYTES);
    struct ipc_out o;
    struct sv host = sv_of(strstr(s->url, "://"));
    size_t end;

    if (late < 0)
        return 0;
    host = sv_sub(host, 3, host.n);
    for (end = 0; end < host.n && host.p[end] != ':' && host.p[end] != '/';)
        end++;
    buf_adds(&b, "{\"jit\":");
    jx_write(&b, jx_get(ready, "jit"));
    buf_addf(&b, ",\"service_port\":%lld,\"service_host\":", (long long)jx_int(ready, "port", 0));
    jx_quote(&b, sv_sub(host, 0, end));
    buf_adds(&b, ",\"source_json\":");
    jx_quote(&b, sv_of(s->source_json));
    buf_adds(&b, "}");
    int rc = buf_done(&b, "registrations", e);
    if (rc == 0)
        rc = fd_memfd("gantry-late", b.p, b.len, &options, e);
    secret_wipe(b.p, b.len);
    if (rc < 0)
        return -1;
    ipc_begin(&o, GH_LATE, 0);
    ipc_put_fd(&o, options);
    ipc_put_fd(&o, s->folder);
    ipc_put_fd(&o, s->listing);
    rc = ipc_send(late, &o, e);
    return rc < 0 && e->code == FAIL_NET ? 0 : rc; /* gone: its end is told by on_end() */
}

void sup_go(struct sup *s, const char *source_json, int folder, int listing)
{
    BUG(s->ready);
    s->source_json = source_json;
    s->folder = folder;
    s->listing = listing;
}

static int on_ready_line(struct sup *s, struct sv line, struct err *e)
{
    AUTO(auto_json) json_t *j = jx_parse(line, "ready line of the service", e);
    struct sv url, token;
    json_t *jit;

    if (j == NULL)
        return -1;
    if (jx_get(j, "error") != NULL && s->service.log == NULL) { /* it printed the line itself */
        *e = (struct err){.code = jx_int(j, "exit", 3) == 2 ? FAIL_INPUT : FAIL_PROTO};
        return -1;
    }
    if (jx_get(j, "error") != NULL)
        return err_set(e, jx_int(j, "exit", 3) == 2 ? FAIL_INPUT : FAIL_PROTO, "%s" SV_FMT,
                       s->ready ? "the service ended: " : "", SV_ARG(jx_str(j, "error", "")));
    if (jx_need_str(j, "url", &url, e) < 0 || jx_need_str(j, "token", &token, e) < 0 ||
        jx_need_arr(j, "jit", &jit, e) < 0)
        return -1;
    if (sv_find(url, SV("://")) == SV_NPOS)
        return err_set(e, FAIL_PROTO, "the service's url '" SV_FMT "' is none", SV_ARG(url));
    s->url = sv_dup(url);
    s->token = secret_new(token.p, token.n);
    s->jit = xcalloc(json_array_size(jit) + 1, sizeof *s->jit);
    for (size_t i = 0; i < json_array_size(jit); i++) {
        const char *one = json_string_value(json_array_get(jit, i));
        s->jit[i] = xstrdup(one != NULL ? one : "");
    }
    if (tell_listener(s, j, e) < 0)
        return -1;
    s->ready = true;
    s->on.ready(s->on.ctx);
    return 0;
}

static int on_status_line(struct sup *s, struct sv line, struct err *e)
{
    AUTO(auto_json) json_t *j = jx_parse(line, "status line of the listener", e);
    struct sv type, job, message;

    if (j == NULL)
        return -1;
    type = jx_str(j, "type", "");
    job = jx_str(j, "job", "");
    message = jx_str(j, "message", "");
    if (sv_is(type, "refused"))
        s->on.refused(s->on.ctx, job, message);
    else if (sv_is(type, "broken"))
        s->on.broken(s->on.ctx, job, message);
    else if (sv_is(type, "failed"))
        return err_set(e, FAIL_PROTO, SV_FMT, SV_ARG(message));
    return 0;
}

static void on_lines(void *ctx, int fd, unsigned events)
{
    struct child *c = ctx;
    struct err e = {0};

    (void)events;
    for (;;) {
        char *room = buf_room(&c->in, 16384);
        ssize_t n;
        size_t nl;

        if (room == NULL) {
            (void)err_set(&e, FAIL_LIMIT, "the %s says too much", c->name);
            failed(c->s, &e);
            return;
        }
        n = read(fd, room, 16384);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) /* EAGAIN; anything else shows as the process's end */
            return;
        if (n == 0) {
            loop_del_fd(c->from_watch);
            c->from_watch = NULL;
            return;
        }
        buf_grew(&c->in, (size_t)n);
        while ((nl = sv_chr(buf_sv(&c->in), '\n')) != SV_NPOS) {
            struct sv line = {c->in.p, nl};
            if ((c == &c->s->service ? on_ready_line : on_status_line)(c->s, line, &e) < 0)
                failed(c->s, &e);
            buf_consume(&c->in, nl + 1);
        }
    }
}

void sup_drain(struct sup *s)
{
    if (s->listener.from_watch != NULL)
        on_lines(&s->listener, s->listener.from, LOOP_READ);
}

/* ---- start ---- */

static int open_log(struct child *c, const char *dir, int *out, struct err *e)
{
    AUTO(auto_free) char *name = NULL;

    if (dir == NULL) {
        *out = dup(STDERR_FILENO);
        return *out >= 0 ? 0 : err_sys(e, "cannot duplicate standard error");
    }
    name = xasprintf("%s.log", c->name);
    c->log = path_join(dir, name);
    *out = open(c->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return *out >= 0 ? 0 : err_sys(e, "cannot make '%s'", c->log);
}

static int watch(struct child *c, int from, struct err *e)
{
    c->from = from;
    if (fd_nonblock(from, true, e) < 0 ||
        loop_add_fd(c->s->loop, from, LOOP_READ, on_lines, c, &c->from_watch, e) < 0)
        return -1;
    return loop_add_fd(c->s->loop, c->p.pidfd, LOOP_READ, on_end, c, &c->watch, e);
}

static int spawn(struct child *c, const char *const *argv, const int *keep, size_t n_keep,
                 const char *log_dir, struct err *e)
{
    AUTO(auto_fd) int log = -1;
    struct proc_spec p = PROC_SPEC_INIT;

    if (open_log(c, log_dir, &log, e) < 0)
        return -1;
    p.path = argv[0];
    p.argv = (char *const *)(uintptr_t)argv;
    p.envp = environ;
    p.stdio[2] = log;
    p.keep = keep;
    p.n_keep = n_keep;
    p.new_session = true;
    p.die_with_parent = true;
    if (proc_spawn(&p, &c->p, e) < 0)
        return err_wrap(e, "start the %s", c->name);
    return 0;
}

/* dup3() to a fixed number: the reserved one. */
static int place(int fd, int number, struct err *e)
{
    if (dup3(fd, number, O_CLOEXEC) < 0)
        return err_sys(e, "cannot move a descriptor to number %d", number);
    return 0;
}

static int start_service(struct sup *s, const struct sup_spec *spec, struct err *e)
{
    static const int keep[] = {SERVICE_CONFIG_FD, SERVICE_READY_FD};
    const char *argv[] = {spec->programs->service, NULL};
    AUTO(auto_fd) int config = -1;
    int ready[2] = {-1, -1};
    int rc = -1;

    if (fd_memfd("gantry-config", spec->config.p, spec->config.n, &config, e) < 0 ||
        place(config, SERVICE_CONFIG_FD, e) < 0 || fd_pipe(ready, e) < 0)
        return -1;
    if (place(ready[1], SERVICE_READY_FD, e) == 0 &&
        spawn(&s->service, argv, keep, 2, spec->log_dir, e) == 0)
        rc = watch(&s->service, fd_take(&ready[0]), e);
    fd_close(&ready[0]);
    fd_close(&ready[1]);
    /* /dev/null into the two numbers again, so that nothing else of ours gets them. */
    return sup_reserve(e) < 0 ? -1 : rc;
}

static int start_listener(struct sup *s, const struct sup_spec *spec, struct err *e)
{
    const char *argv[] = {spec->programs->self, "_listener", NULL};
    AUTO(buf_free) struct buf json = BUF_INIT(1U << 20);
    AUTO(auto_fd) int options = -1;
    int late[2] = {-1, -1}, status[2] = {-1, -1}, rc = -1;

    if (ipc_pair(late, e) < 0 || fd_pipe(status, e) < 0)
        return -1;
    const int keep[] = {GH_OPTIONS_FD, late[0], status[1]};
    buf_addsv(&json, sv_sub(spec->listener, 0, spec->listener.n - 1));
    buf_addf(&json, ",\"late_fd\":%d,\"status_fd\":%d}", late[0], status[1]);
    if (buf_done(&json, "listener options", e) == 0 &&
        fd_memfd("gantry-listener", json.p, json.len, &options, e) == 0 &&
        place(options, GH_OPTIONS_FD, e) == 0 &&
        spawn(&s->listener, argv, keep, sizeof keep / sizeof keep[0], spec->log_dir, e) == 0) {
        s->late = fd_take(&late[1]);
        rc = watch(&s->listener, fd_take(&status[0]), e);
    }
    for (int i = 0; i < 2; i++) {
        fd_close(&late[i]);
        fd_close(&status[i]);
    }
    return rc;
}

struct sup *sup_start(struct loop *l, const struct sup_spec *spec, struct err *e)
{
    struct sup *s = xcalloc(1, sizeof *s);

    s->loop = l;
    s->on = spec->on;
    s->late = s->folder = s->listing = -1;
    s->alone = spec->listener.n == 0;
    s->service = (struct child){
        .s = s, .name = "service", .p = PROC_INIT, .from = -1, .in = BUF_INIT(LINE_MAX_BYTES)};
    s->listener = (struct child){
        .s = s, .name = "listener", .p = PROC_INIT, .from = -1, .in = BUF_INIT(LINE_MAX_BYTES)};
    if (start_service(s, spec, e) < 0 || (spec->listener.n > 0 && start_listener(s, spec, e) < 0)) {
        sup_free(s);
        return NULL;
    }
    return s;
}

const char *sup_url(const struct sup *s)
{
    return s->url;
}

const struct secret *sup_token(const struct sup *s)
{
    return &s->token;
}

const char *const *sup_jit(const struct sup *s)
{
    return (const char *const *)s->jit;
}

/* ---- stop ---- */

static void end_child(struct child *c, int64_t until_ms)
{
    struct err e = {0}; /* a process that is gone already needs no signal */
    int status;

    unwatch(c);
    if (c->p.pid > 0 && until_ms > 0 && proc_signal(&c->p, SIGTERM, &e) == 0) {
        while (tm_now_ms() < until_ms && proc_wait(&c->p, true, &status, &e) == 0) {
            struct pollfd pfd = {.fd = c->p.pidfd, .events = POLLIN};
            (void)poll(&pfd, 1, (int)(until_ms - tm_now_ms())); /* a signal ends it early: again */
        }
    }
    proc_kill_and_reap(&c->p);
}

void sup_stop(struct sup *s, int64_t grace_ms)
{
    int64_t until = grace_ms > 0 ? tm_now_ms() + grace_ms : 0;

    s->stopping = true;
    /* The listener first: it deletes its sessions at the service. The service of a run is crash-only and its
     * state folder is removed next: an orderly end of it would only write what is thrown away. */
    end_child(&s->listener, until);
    end_child(&s->service, s->alone ? until : 0);
}

void sup_free(struct sup *s)
{
    if (s == NULL)
        return;
    s->stopping = true;
    end_child(&s->listener, 0);
    end_child(&s->service, 0);
    buf_free(&s->service.in);
    buf_free(&s->listener.in);
    free(s->service.log);
    free(s->listener.log);
    fd_close(&s->late);
    free(s->url);
    secret_free(&s->token);
    for (size_t i = 0; s->jit != NULL && s->jit[i] != NULL; i++) {
        secret_wipe(s->jit[i], strlen(s->jit[i]));
        free(s->jit[i]);
    }
    free(s->jit);
    free(s);
}
