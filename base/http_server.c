/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon of the HTTP server: libmicrohttpd without threads, its epoll descriptor watched by the
 * process's own loop, its next time-out a timer of the loop. */
#include "base/http_server.h"

#include <sys/socket.h>

#include "base/fd.h"
#include "base/http_server_priv.h"
#include "base/listen.h"
#include "base/mem.h"

#define DEFAULT_CONNECTIONS 256U
#define DEFAULT_IDLE_MS     120000

/* ---- running libmicrohttpd --------------------------------------------------------------------------- */

/* Reports the end of hs_stop() once no request is left; from a timer, so never inside of a callback. */
static bool report_stopped(struct hs *s)
{
    void (*done)(void *ctx) = s->done;

    if (!s->stopping || done == NULL || (s->reqs != NULL && !s->grace_over))
        return false;
    s->done = NULL;
    done(s->done_ctx); /* may free s */
    return true;
}

static void run(struct hs *s)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;

    s->running = true;
    s->again = false;
    (void)MHD_run(s->d); /* fails only on an epoll error, which the next turn meets again */
    s->running = false;
    /* What a handler resumed waits for the next run; libmicrohttpd's own time does not count it. */
    if (s->again || (s->stopping && s->reqs == NULL))
        wait_ms = 0;
    else if (MHD_get_timeout(s->d, &wait_ms) != MHD_YES)
        wait_ms = UINT64_MAX;
    loop_set_timer(s->run_timer, wait_ms > INT64_MAX ? -1 : (int64_t)wait_ms);
}

static void on_readable(void *ctx, int fd, unsigned events)
{
    (void)fd;
    (void)events;
    run(ctx);
}

static void on_timer(void *ctx)
{
    if (!report_stopped(ctx))
        run(ctx);
}

void hs_schedule(struct hs *s)
{
    s->again = true;
    loop_set_timer(s->run_timer, 0);
}

/* ---- set-up ------------------------------------------------------------------------------------------ */

/* Paths and query values are decoded by us, after they were taken apart. */
static size_t keep_encoded(void *cls, struct MHD_Connection *c, char *s)
{
    (void)cls;
    (void)c;
    return strlen(s);
}

static struct MHD_Daemon *start_daemon(struct hs *s, const struct hs_options *o, int listen_fd)
{
    int64_t idle_s = ((o->idle_ms > 0 ? o->idle_ms : DEFAULT_IDLE_MS) + 999) / 1000;
    unsigned connections = o->max_connections > 0 ? o->max_connections : DEFAULT_CONNECTIONS;

    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, hs_on_access, s,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_NOTIFY_COMPLETED, hs_on_completed, s,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_encoded, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        HS_POOL_BYTES, MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)(idle_s > 86400 ? 86400 : idle_s), MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
}

struct hs *hs_new(struct loop *l, const struct hs_options *o, const struct hs_route *routes,
                  size_t n, void *ctx, struct err *e)
{
    int fd = o->listen_fd > 0
                 ? o->listen_fd
                 : listen_tcp(o->address != NULL ? o->address : "127.0.0.1", o->port, e);
    if (fd < 0)
        return NULL;

    struct hs *s = xcalloc(1, sizeof *s);
    s->l = l;
    s->ctx = ctx;
    s->port = listen_port(fd);
    s->routes = xreallocarray(NULL, n > 0 ? n : 1, sizeof *routes);
    memcpy(s->routes, routes, n * sizeof *routes);
    s->n_routes = n;
    s->d = start_daemon(s, o, fd);
    if (s->d == NULL) {
        (void)err_set(e, FAIL_INTERNAL, "cannot start the HTTP server");
        fd_close(&fd);
        hs_free(s);
        return NULL;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->d, MHD_DAEMON_INFO_EPOLL_FD);
    BUG(info == NULL);
    s->run_timer = loop_add_timer(l, 0, on_timer, s);
    if (loop_add_fd(l, info->epoll_fd, LOOP_READ, on_readable, s, &s->watch, e) < 0) {
        hs_free(s);
        return NULL;
    }
    return s;
}

uint16_t hs_port(const struct hs *s)
{
    return s->port;
}

int hs_adopt(struct hs *s, int own_fd, struct err *e)
{
    struct sockaddr_storage ss = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof ss;

    if (getpeername(own_fd, (struct sockaddr *)&ss, &len) < 0 ||
        MHD_add_connection(s->d, own_fd, (struct sockaddr *)&ss, len) != MHD_YES) {
        (void)err_sys(e, "cannot serve this connection");
        fd_close(&own_fd);
        return -1;
    }
    hs_schedule(s);
    return 0;
}

/* ---- the end ----------------------------------------------------------------------------------------- */

static void on_grace_over(void *ctx)
{
    struct hs *s = ctx;

    s->grace_over = true;
    hs_schedule(s);
}

void hs_stop(struct hs *s, int64_t grace_ms, void (*done)(void *ctx), void *ctx)
{
    if (s->stopping)
        return;
    s->stopping = true;
    s->done = done;
    s->done_ctx = ctx;
    int fd = MHD_quiesce_daemon(s->d);
    fd_close(&fd);
    for (struct hs_req *r = s->reqs; r != NULL; r = r->next)
        if (r->waiting)
            hs_reply_error(r, 503, NULL, "the server is stopping");
    s->grace_timer = loop_add_timer(s->l, grace_ms > 0 ? grace_ms : 0, on_grace_over, s);
    hs_schedule(s);
}

void hs_free(struct hs *s)
{
    if (s == NULL)
        return;
    BUG(s->running);
    loop_del_fd(s->watch);
    loop_del_timer(s->run_timer);
    loop_del_timer(s->grace_timer);
    s->run_timer = NULL;
    if (s->d != NULL) {
        /* libmicrohttpd refuses to stop over suspended connections. */
        for (struct hs_req *r = s->reqs; r != NULL; r = r->next) {
            r->vanished = true;
            if (r->suspended)
                MHD_resume_connection(r->c);
            r->suspended = false;
        }
        MHD_stop_daemon(s->d); /* completes what is left and closes the listening socket */
    }
    free(s->routes);
    free(s);
}
