/* SPDX-License-Identifier: Apache-2.0
 *
 * WebSocket server. The loop's thread listens and accepts; the WebSocket thread adopts the sockets, checks
 * the handshake and reads. Three queues lie between them: accepted sockets and commands one way, events the
 * other. */
#include "base/ws_server.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libwebsockets.h>

#include "base/fd.h"
#include "base/listen.h"
#include "base/mem.h"
#include "base/queue.h"

/* lws_container_of() with the cast by way of void *, which -Wcast-align accepts. */
#define OWNER_OF(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

#define CONNECTIONS 256U
#define MAX_MESSAGE ((size_t)1 << 20)
#define QUEUE_BYTES ((size_t)16 << 20)
#define MAX_WHO     1024U
#define MAX_HEADERS 32768U /* a bearer token of some KiB among them */
#define RX_BYTES    4096U
#define STOP_MS     1000 /* for the closing handshakes */

enum { CMD_SOCKET, CMD_RESUME, CMD_STOP };
/* Events: enum wss_event, and this one: what came before has been read, connections wait for it. */
enum { EVENT_THROTTLED = WSS_CLOSE + 1 };

/* One connection; the WebSocket thread's. */
struct conn {
    struct conn *prev, *next;
    struct lws *wsi;
    uint64_t id; /* 0 before the handshake */
    struct buf who;
    struct buf text; /* message under way */
    bool held;       /* not read from: the loop has too much to do */
};

/* The WebSocket thread's. */
struct side {
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct queue *commands, *events; /* shared */
    wss_auth_fn *auth;
    const void *auth_ctx;
    size_t max_message, max_queue;
    unsigned max_connections;

    struct conn *conns;
    unsigned n_conns;
    uint64_t last_id;
    bool throttled;
    bool stopping, stopped;
    lws_sorted_usec_list_t sul_stop;
};

/* The loop's thread's. */
struct wss {
    struct loop_fd *accept_watch, *event_watch;
    int listener;
    uint16_t port;
    pthread_t thread;
    wss_event_fn *fn;
    void *ctx;
    bool in_event; /* fn is on the stack */
    bool freed;    /* wss_free() was called from fn: on_event() releases the memory */
    struct side side;
};

/* ---- WebSocket thread: connections ------------------------------------------------------------------- */

/* An event's bytes: two bytes length of `who`, who, text. */
static void tell(struct side *s, const struct conn *c, enum wss_event event, struct sv text)
{
    struct queue_msg m = {.kind = event, .id = c->id, .n = 2 + c->who.len + text.n};

    m.p = xmalloc(m.n);
    m.p[0] = (char)(c->who.len >> 8);
    m.p[1] = (char)(c->who.len & 255);
    memcpy(m.p + 2, c->who.p, c->who.len);
    if (text.n > 0)
        memcpy(m.p + 2 + c->who.len, text.p, text.n);
    queue_put_always(s->events, &m);
}

static struct conn *conn_new(struct side *s, struct lws *wsi)
{
    struct conn *c = xcalloc(1, sizeof *c);

    c->wsi = wsi;
    c->who = BUF_INIT(MAX_WHO);
    c->text = BUF_INIT(s->max_message);
    c->next = s->conns;
    if (s->conns != NULL)
        s->conns->prev = c;
    s->conns = c;
    lws_set_opaque_user_data(wsi, c);
    return c;
}

static void conn_free(struct side *s, struct conn *c)
{
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    lws_set_opaque_user_data(c->wsi, NULL);
    buf_free(&c->who);
    buf_free(&c->text);
    free(c);
}

/* ---- WebSocket thread: handshake --------------------------------------------------------------------- */

static bool copy_header(struct lws *wsi, enum lws_token_indexes which, struct buf *out)
{
    int n = lws_hdr_total_length(wsi, which);
    char *room = n > 0 ? buf_room(out, (size_t)n + 1) : NULL;

    if (room == NULL)
        return n <= 0;
    if (lws_hdr_copy(wsi, room, n + 1, which) != n)
        return false;
    buf_grew(out, (size_t)n);
    return true;
}

/* The query is kept by libwebsockets as one fragment a parameter. */
static bool copy_query(struct lws *wsi, struct buf *out)
{
    char *part = xmalloc(MAX_HEADERS);
    int n;

    for (int i = 0;
         (n = lws_hdr_copy_fragment(wsi, part, (int)MAX_HEADERS, WSI_TOKEN_HTTP_URI_ARGS, i)) > 0;
         i++) {
        if (i > 0)
            buf_addc(out, '&');
        buf_add(out, part, (size_t)n);
    }
    free(part);
    return !out->over;
}

static bool is_allowed(struct side *s, struct lws *wsi, struct buf *who)
{
    AUTO(buf_free) struct buf path = BUF_INIT(MAX_HEADERS);
    AUTO(buf_free) struct buf query = BUF_INIT(MAX_HEADERS);
    AUTO(buf_free) struct buf header = BUF_INIT(MAX_HEADERS);
    struct sv token = SV("");

    if (!copy_header(wsi, WSI_TOKEN_GET_URI, &path) || !copy_query(wsi, &query) ||
        !copy_header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, &header))
        return false;
    if (sv_istarts(buf_sv(&header), SV("Bearer ")))
        token = sv_trim(sv_sub(buf_sv(&header), 7, header.len));
    return s->auth(s->auth_ctx, buf_sv(&path), buf_sv(&query), token, who) && !who->over;
}

/* 0 lets the upgrade go on, 1: answered, -1: hang up. */
static int on_upgrade(struct side *s, struct lws *wsi)
{
    struct conn *c = conn_new(s, wsi);

    if (!s->stopping && is_allowed(s, wsi, &c->who))
        return 0;
    return lws_return_http_status(
               wsi, s->stopping ? HTTP_STATUS_SERVICE_UNAVAILABLE : HTTP_STATUS_UNAUTHORIZED,
               NULL) != 0
               ? -1
               : 1;
}

/* ---- WebSocket thread: messages ---------------------------------------------------------------------- */

static int close_with(struct lws *wsi, enum lws_close_status code, const char *why)
{
    char text[124];
    int n = snprintf(text, sizeof text, "%s", why);

    lws_close_reason(wsi, code, (unsigned char *)text, (size_t)n);
    return -1;
}

static void hold(struct side *s, struct conn *c)
{
    if (!c->held && lws_rx_flow_control(c->wsi, 0) == 0)
        c->held = true;
    if (!s->throttled)
        queue_put_always(s->events, &(struct queue_msg){.kind = EVENT_THROTTLED});
    s->throttled = true;
}

static void resume(struct side *s)
{
    s->throttled = false;
    for (struct conn *c = s->conns; c != NULL; c = c->next) {
        if (!c->held)
            continue;
        c->held = false;
        (void)lws_rx_flow_control(c->wsi, 1);
    }
}

static int on_receive(struct side *s, struct conn *c, const char *p, size_t n)
{
    if (lws_frame_is_binary(c->wsi))
        return close_with(c->wsi, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, "text only");
    buf_add(&c->text, p, n);
    if (c->text.over)
        return close_with(c->wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "message too large");
    if (!lws_is_final_fragment(c->wsi) || lws_remaining_packet_payload(c->wsi) > 0)
        return 0;
    tell(s, c, WSS_MESSAGE, buf_sv(&c->text));
    /* One big message must not keep its memory for as long as the connection lives. */
    if (c->text.cap > 65536)
        buf_free(&c->text);
    buf_reset(&c->text);
    if (queue_bytes(s->events) > s->max_queue)
        hold(s, c);
    return 0;
}

/* ---- WebSocket thread: libwebsockets ----------------------------------------------------------------- */

static void on_stop_over(lws_sorted_usec_list_t *sul)
{
    struct side *s = OWNER_OF(sul, struct side, sul_stop);

    s->stopped = true;
}

static void begin_stop(struct side *s)
{
    s->stopping = true;
    for (struct conn *c = s->conns; c != NULL; c = c->next)
        lws_callback_on_writable(c->wsi);
    lws_sul_schedule(s->context, 0, &s->sul_stop, on_stop_over, STOP_MS * LWS_US_PER_MS);
    s->stopped = s->conns == NULL;
}

static void on_woken(struct side *s)
{
    struct queue_msg m;

    while (queue_get(s->commands, &m)) {
        if (m.kind == CMD_RESUME) {
            resume(s);
        } else if (m.kind == CMD_STOP) {
            begin_stop(s);
        } else if (s->stopping || s->n_conns >= s->max_connections) {
            (void)close((int)m.id);
        } else {
            (void)lws_adopt_socket_vhost(s->vhost, (int)m.id); /* closes it on failure */
        }
    }
}

static int on_conn_event(struct side *s, struct lws *wsi, enum lws_callback_reasons reason,
                         void *in, size_t n)
{
    struct conn *c = lws_get_opaque_user_data(wsi);

    if (c == NULL)
        return 0;
    if (reason == LWS_CALLBACK_ESTABLISHED) {
        c->id = ++s->last_id;
        tell(s, c, WSS_OPEN, SV(""));
        if (s->stopping)
            lws_callback_on_writable(wsi);
    } else if (reason == LWS_CALLBACK_RECEIVE) {
        return on_receive(s, c, in, n);
    } else if (reason == LWS_CALLBACK_SERVER_WRITEABLE) {
        return s->stopping ? close_with(wsi, LWS_CLOSE_STATUS_GOINGAWAY, "the server is stopping")
                           : 0;
    } else if (reason == LWS_CALLBACK_WSI_DESTROY) {
        if (c->id != 0)
            tell(s, c, WSS_CLOSE, SV(""));
        conn_free(s, c);
        if (s->stopping && s->conns == NULL)
            s->stopped = true;
    }
    return 0;
}

static int on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n)
{
    struct side *s = lws_context_user(lws_get_context(wsi));

    (void)user;
    if (reason == LWS_CALLBACK_EVENT_WAIT_CANCELLED) {
        on_woken(s);
    } else if (reason == LWS_CALLBACK_HTTP_CONFIRM_UPGRADE) {
        return on_upgrade(s, wsi);
    } else if (reason == LWS_CALLBACK_HTTP) {
        (void)lws_return_http_status(wsi, HTTP_STATUS_NOT_FOUND, NULL);
        return -1;
    } else if (reason == LWS_CALLBACK_WSI_CREATE) {
        s->n_conns++;
    } else {
        if (reason == LWS_CALLBACK_WSI_DESTROY)
            s->n_conns--;
        return on_conn_event(s, wsi, reason, in, n);
    }
    return 0;
}

static const struct lws_protocols protocols[] = {
    {.name = "wss", .callback = on_lws, .rx_buffer_size = RX_BYTES}, {.name = NULL}};

static void *run_thread(void *arg)
{
    struct side *s = arg;

    while (!s->stopped && lws_service(s->context, 0) >= 0)
        ;
    s->stopping = true;
    return NULL;
}

/* ---- loop's thread ----------------------------------------------------------------------------------- */

static void command(struct wss *w, unsigned kind, uint64_t id)
{
    queue_put_always(w->side.commands, &(struct queue_msg){.kind = kind, .id = id});
    lws_cancel_service(w->side.context);
}

static void on_accept(void *ctx, int fd, unsigned events)
{
    struct wss *w = ctx;
    int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (c >= 0)
        command(w, CMD_SOCKET, (uint64_t)c);
}

static void on_event(void *ctx, int fd, unsigned events)
{
    struct wss *w = ctx;
    struct queue_msg m;

    (void)fd;
    (void)events;
    w->in_event = true;
    while (!w->freed && queue_get(w->side.events, &m)) {
        if (m.kind == EVENT_THROTTLED) {
            command(w, CMD_RESUME, 0);
            continue;
        }
        size_t who = (size_t)(unsigned char)m.p[0] << 8 | (unsigned char)m.p[1];
        w->fn(w->ctx, (enum wss_event)m.kind, m.id, (struct sv){m.p + 2, who},
              (struct sv){m.p + 2 + who, m.n - 2 - who});
        free(m.p);
    }
    w->in_event = false;
    if (w->freed)
        free(w);
}

static int start_side(struct side *s, const struct wss_options *o, struct err *e)
{
    s->auth = o->auth;
    s->auth_ctx = o->auth_ctx;
    s->max_message = o->max_message > 0 ? o->max_message : MAX_MESSAGE;
    s->max_queue = o->max_queue_bytes > 0 ? o->max_queue_bytes : QUEUE_BYTES;
    s->max_connections = o->max_connections > 0 ? o->max_connections : CONNECTIONS;

    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .gid = -1,
        .uid = -1,
        .options = LWS_SERVER_OPTION_VALIDATE_UTF8 | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .max_http_header_data = MAX_HEADERS,
        .pt_serv_buf_size = MAX_HEADERS,
        .fd_limit_per_thread = s->max_connections + 16,
        .ka_time = 60,
        .ka_probes = 3,
        .ka_interval = 20,
        .timeout_secs = 20,
        .user = s,
    };

    s->commands = queue_new(1024, 1 << 20, e);
    s->events = s->commands != NULL ? queue_new(SIZE_MAX, s->max_queue, e) : NULL;
    if (s->events == NULL)
        return -1;
    lws_set_log_level(0, NULL);
    s->context = lws_create_context(&info);
    s->vhost = s->context != NULL ? lws_create_vhost(s->context, &info) : NULL;
    if (s->vhost == NULL)
        return access("/dev/urandom", R_OK) < 0
                   ? err_sys(e, "cannot read '/dev/urandom', which libwebsockets needs")
                   : err_set(e, FAIL_INTERNAL, "cannot start libwebsockets");
    return 0;
}

/* With every signal blocked: they belong to the loop. */
static int start_thread(struct wss *w, struct err *e)
{
    sigset_t all, old;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&w->thread, NULL, run_thread, &w->side);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc == 0 ? 0 : err_set(e, FAIL_SYS, "cannot start the WebSocket thread");
}

/* Sockets that were accepted and never adopted. */
static void close_leftovers(struct queue *commands)
{
    struct queue_msg m;

    while (queue_get(commands, &m))
        if (m.kind == CMD_SOCKET)
            (void)close((int)m.id);
}

static void wss_done(struct wss *w)
{
    loop_del_fd(w->accept_watch);
    loop_del_fd(w->event_watch);
    fd_close(&w->listener);
    if (w->side.commands != NULL)
        close_leftovers(w->side.commands);
    queue_free(w->side.commands);
    queue_free(w->side.events);
    w->freed = true;
    if (!w->in_event)
        free(w);
}

struct wss *wss_new(struct loop *l, const struct wss_options *o, wss_event_fn *fn, void *ctx,
                    struct err *e)
{
    struct wss *w = xcalloc(1, sizeof *w);

    w->fn = fn;
    w->ctx = ctx;
    w->listener = listen_tcp(o->address != NULL ? o->address : "127.0.0.1", o->port, e);
    if (w->listener < 0 || start_side(&w->side, o, e) < 0 ||
        loop_add_fd(l, w->listener, LOOP_READ, on_accept, w, &w->accept_watch, e) < 0 ||
        loop_add_fd(l, queue_fd(w->side.events), LOOP_READ, on_event, w, &w->event_watch, e) < 0 ||
        start_thread(w, e) < 0) {
        if (w->side.context != NULL)
            lws_context_destroy(w->side.context);
        wss_done(w);
        return NULL;
    }
    w->port = listen_port(w->listener);
    return w;
}

uint16_t wss_port(const struct wss *s)
{
    return s->port;
}

void wss_free(struct wss *s)
{
    if (s == NULL)
        return;
    command(s, CMD_STOP, 0);
    BUG(pthread_join(s->thread, NULL) != 0);
    /* Not by the thread: it may end before command() has woken it. */
    lws_context_destroy(s->side.context);
    wss_done(s);
}
