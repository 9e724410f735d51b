/* SPDX-License-Identifier: Apache-2.0
 *
 * WebSocket client. `struct wsc` belongs to the loop's thread, `struct link` to the WebSocket thread; three
 * queues lie between them: messages, commands, and events the other way. */
#include "base/ws_client.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include <libwebsockets.h>

#include "base/ids.h"
#include "base/mem.h"
#include "base/queue.h"
#include "base/url.h"

/* lws_container_of() with the cast by way of void *, which -Wcast-align accepts. */
#define OWNER_OF(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

/* Source: actions/runner 2.336.0 src/Runner.Common/JobServer.cs (fragments of 1,024 bytes; reconnect after
 * 100 to 500 ms; 30 s; 3 attempts). */
#define FRAME_BYTES       1024U
#define CONNECT_MS        30000
#define CONNECTS          3U
#define RETRIES           3U
#define RECONNECT_MIN_MS  100
#define RECONNECT_SPAN_MS 400
#define QUEUE_BYTES       ((size_t)4 << 20)
#define QUEUE_MESSAGES    65536U
/* Request head with a bearer token of some KiB; libwebsockets formats it in this buffer. */
#define SERVICE_BUFFER 32768U
#define MAX_TOKEN      16384U

enum { CMD_CLOSE, CMD_STOP }; /* commands; CLOSE: id = code << 32 | grace_ms, text = reason */

/* The WebSocket thread's. */
struct link {
    struct lws_context *context;
    struct queue *messages, *commands, *events; /* shared */

    char *address, *host_header, *path, *user_agent;
    struct secret bearer;
    uint16_t port;
    bool tls;
    int64_t connect_ms;
    unsigned max_connects, max_retries;

    struct lws *wsi;
    bool open;
    bool ever_open;
    bool connecting; /* waiting for the next attempt, or for its end */
    bool in_connect; /* inside lws_client_connect_via_info() */
    bool over;       /* last event was sent */
    bool stopping;   /* CMD_STOP */
    bool closing;    /* CMD_CLOSE */
    bool close_sent;
    unsigned close_code;
    char close_reason[124];
    unsigned attempts;
    unsigned retries;     /* for the message under way */
    struct queue_msg cur; /* message under way, or p NULL */
    size_t sent;          /* bytes of it */
    lws_sorted_usec_list_t sul_connect, sul_timeout, sul_grace;
};

/* The loop's thread's. */
struct wsc {
    struct loop *l;
    struct loop_fd *watch;
    pthread_t thread;
    wsc_event_fn *fn;
    void *ctx;
    bool over;
    bool closing;
    bool in_event; /* fn is on the stack */
    bool freed;    /* wsc_free() was called from fn: on_event() releases the memory */
    struct link link;
};

/* ---- WebSocket thread: ends and beginnings ----------------------------------------------------------- */

static void tell(struct link *k, enum wsc_event event, enum fail code, int http, const char *text)
{
    struct queue_msg m = {.kind = (unsigned)event, .id = (uint64_t)code << 32 | (unsigned)http};

    if (k->over)
        return;
    if (text != NULL) {
        m.n = strlen(text);
        m.p = xmemdup(text, m.n);
    }
    k->over = event == WSC_CLOSED || event == WSC_FAILED;
    queue_put_always(k->events, &m);
}

static void drop_messages(struct link *k)
{
    struct queue_msg m;

    free(k->cur.p);
    k->cur.p = NULL;
    while (queue_get(k->messages, &m))
        free(m.p);
}

static void give_up(struct link *k, enum fail code, int http, const char *text)
{
    tell(k, WSC_FAILED, code, http, text);
    drop_messages(k);
}

static void try_connect(lws_sorted_usec_list_t *sul);

static void connect_later(struct link *k)
{
    unsigned char r[2];

    ids_random(r, sizeof r);
    int64_t ms = RECONNECT_MIN_MS + (r[0] << 8 | r[1]) % (RECONNECT_SPAN_MS + 1);
    k->connecting = true;
    lws_sul_schedule(k->context, 0, &k->sul_connect, try_connect, ms * LWS_US_PER_MS);
}

static bool has_work(struct link *k)
{
    return k->cur.p != NULL || queue_bytes(k->messages) > 0;
}

/* The connection is gone, or never came. */
static void on_down(struct link *k, enum fail code, int http, const char *text)
{
    k->wsi = NULL;
    k->open = false;
    k->connecting = false;
    k->sent =
        0; /* a message is repeated as a whole: half of one on a new connection is no message */
    lws_sul_cancel(&k->sul_timeout);
    if (k->over || k->stopping)
        return;
    if (k->closing && (k->close_sent || !has_work(k))) {
        tell(k, WSC_CLOSED, FAIL_NONE, 0, NULL);
        return;
    }
    if (code == FAIL_DENIED) {
        give_up(k, code, http, text);
        return;
    }
    if (!k->ever_open) {
        if (k->attempts >= k->max_connects)
            give_up(k, code, http, text);
        else
            connect_later(k);
        return;
    }
    tell(k, WSC_LOST, code, http, text);
    if (!has_work(k))
        return; /* connects again with the next message */
    if (k->retries >= k->max_retries) {
        give_up(k, code, http, text);
        return;
    }
    k->retries++;
    connect_later(k);
}

static void on_connect_timeout(lws_sorted_usec_list_t *sul)
{
    struct link *k = OWNER_OF(sul, struct link, sul_timeout);
    struct lws *wsi = k->wsi;

    if (wsi == NULL)
        return;
    k->wsi = NULL; /* its error callback comes too late to count twice */
    lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    on_down(k, FAIL_TIMEOUT, 0, "no WebSocket handshake in time");
}

static void try_connect(lws_sorted_usec_list_t *sul)
{
    struct link *k = OWNER_OF(sul, struct link, sul_connect);
    struct lws_client_connect_info i = {
        .context = k->context,
        .address = k->address,
        .port = k->port,
        .ssl_connection = (k->tls ? LCCSCF_USE_SSL : 0) | LCCSCF_HTTP_NO_FOLLOW_REDIRECT,
        .path = k->path,
        .host = k->host_header,
        .local_protocol_name = "wsc",
        .pwsi = &k->wsi,
        .opaque_user_data = k,
    };

    if (k->stopping || k->over)
        return;
    k->connecting = true;
    k->attempts++;
    lws_sul_schedule(k->context, 0, &k->sul_timeout, on_connect_timeout,
                     k->connect_ms * LWS_US_PER_MS);
    /* A failure inside may have been reported through the callback already. */
    k->in_connect = true;
    bool none = lws_client_connect_via_info(&i) == NULL;
    k->in_connect = false;
    if (none && k->connecting && !lws_dll2_is_detached(&k->sul_timeout.list))
        on_down(k, FAIL_NET, 0, "cannot connect");
}

/* ---- WebSocket thread: sending ----------------------------------------------------------------------- */

/* One frame; -1 ends the connection. */
static int send_frame(struct link *k, struct lws *wsi)
{
    unsigned char frame[LWS_PRE + FRAME_BYTES];
    size_t left = k->cur.n - k->sent;
    size_t n = left > FRAME_BYTES ? FRAME_BYTES : left;

    memcpy(frame + LWS_PRE, k->cur.p + k->sent, n);
    int flags = lws_write_ws_flags(LWS_WRITE_TEXT, k->sent == 0, n == left);
    if (lws_write(wsi, frame + LWS_PRE, n, (enum lws_write_protocol)flags) < (int)n)
        return -1;
    k->sent += n;
    if (k->sent == k->cur.n) {
        free(k->cur.p);
        k->cur = (struct queue_msg){.p = NULL};
        k->sent = 0;
        k->retries = 0;
    }
    lws_callback_on_writable(wsi);
    return 0;
}

static int on_writable(struct link *k, struct lws *wsi)
{
    if (k->stopping)
        return -1;
    if (k->cur.p == NULL && !queue_get(k->messages, &k->cur))
        k->cur.p = NULL;
    if (k->cur.p != NULL)
        return send_frame(k, wsi);
    if (!k->closing)
        return 0;
    k->close_sent = true;
    lws_close_reason(wsi, (enum lws_close_status)k->close_code, (unsigned char *)k->close_reason,
                     strlen(k->close_reason));
    return -1;
}

static void on_grace_over(lws_sorted_usec_list_t *sul)
{
    struct link *k = OWNER_OF(sul, struct link, sul_grace);

    if (k->wsi != NULL)
        lws_set_timeout(k->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    if (k->close_sent)
        tell(k, WSC_CLOSED, FAIL_NONE, 0, NULL);
    else
        give_up(k, FAIL_TIMEOUT, 0, "not everything could be sent before the end");
}

static void begin_close(struct link *k, const struct queue_msg *m)
{
    k->closing = true;
    k->close_code = (unsigned)(m->id >> 32);
    (void)snprintf(k->close_reason, sizeof k->close_reason, "%s", m->p);
    lws_sul_schedule(k->context, 0, &k->sul_grace, on_grace_over,
                     (int64_t)(uint32_t)m->id * LWS_US_PER_MS);
    if (!k->open && !k->connecting && !has_work(k))
        tell(k, WSC_CLOSED, FAIL_NONE, 0, NULL);
}

/* The loop's thread put something into a queue. */
static void on_woken(struct link *k)
{
    struct queue_msg m;

    while (queue_get(k->commands, &m)) {
        if (m.kind == CMD_STOP)
            k->stopping = true;
        else if (!k->over)
            begin_close(k, &m);
        free(m.p);
    }
    if (k->over)
        drop_messages(k);
    else if (k->open)
        lws_callback_on_writable(k->wsi);
    else if (!k->connecting && !k->stopping && has_work(k))
        connect_later(k);
}

/* ---- WebSocket thread: libwebsockets ----------------------------------------------------------------- */

/* `in` points to the write position in libwebsockets' request head, `room` bytes are left there. */
static int append_headers(struct link *k, void *in, size_t room)
{
    char **p = in;
    size_t need =
        strlen("Authorization: Bearer \r\nUser-Agent: \r\n") + k->bearer.n + strlen(k->user_agent);

    if (need >= room)
        return -1;
    *p += snprintf(*p, room, "User-Agent: %s\r\n", k->user_agent);
    if (k->bearer.n > 0)
        *p += snprintf(*p, room, "Authorization: Bearer %s\r\n", (const char *)k->bearer.p);
    return 0;
}

static void on_error(struct link *k, struct lws *wsi, const char *text, size_t n)
{
    int status = (int)lws_http_client_http_response(wsi);
    bool denied = status == 401 || status == 403 ||
                  (text != NULL && sv_find((struct sv){text, n}, SV("unauthorized")) != SV_NPOS);
    AUTO(auto_free)
    char *why = xasprintf("no WebSocket connection: " SV_FMT, (int)(text != NULL ? n : 7),
                          text != NULL ? text : "no word");

    if (!k->connecting || k->open)
        return; /* a connection that was given up before */
    on_down(k,
            denied          ? FAIL_DENIED
            : status >= 300 ? FAIL_HTTP
                            : FAIL_NET,
            denied && status == 0 ? 401 : status, why);
}

static int on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n)
{
    struct link *k = lws_context_user(lws_get_context(wsi));

    (void)user;
    if (reason == LWS_CALLBACK_EVENT_WAIT_CANCELLED) {
        on_woken(k);
    } else if (reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER) {
        return append_headers(k, in, n);
    } else if (reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR) {
        if (k->wsi == wsi || k->in_connect)
            on_error(k, wsi, in, n);
    } else if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED) {
        if (k->wsi != wsi)
            return -1;
        lws_sul_cancel(&k->sul_timeout);
        k->open = k->ever_open = true;
        k->connecting = false;
        tell(k, WSC_OPEN, FAIL_NONE, 0, NULL);
        lws_callback_on_writable(wsi);
    } else if (reason == LWS_CALLBACK_CLIENT_WRITEABLE) {
        return k->wsi == wsi && k->open ? on_writable(k, wsi) : -1;
    } else if (reason == LWS_CALLBACK_CLIENT_CLOSED) {
        if (k->wsi == wsi && k->open)
            on_down(k, FAIL_NET, 0, "WebSocket connection closed by the other side");
    }
    return 0;
}

static const struct lws_protocols protocols[] = {
    {.name = "wsc", .callback = on_lws, .rx_buffer_size = 1024}, {.name = NULL}};

static void *run_thread(void *arg)
{
    struct link *k = arg;

    try_connect(&k->sul_connect);
    while (!k->stopping && lws_service(k->context, 0) >= 0)
        ;
    k->stopping = true;
    return NULL;
}

/* ---- loop's thread ----------------------------------------------------------------------------------- */

static void on_event(void *ctx, int fd, unsigned events)
{
    struct wsc *w = ctx;
    struct queue_msg m;

    (void)fd;
    (void)events;
    w->in_event = true;
    while (!w->freed && queue_get(w->link.events, &m)) {
        struct err e = {.code = (enum fail)(m.id >> 32), .http = (int)(uint32_t)m.id};
        if (m.p != NULL)
            (void)snprintf(e.msg, sizeof e.msg, "%s", m.p);
        free(m.p);
        w->over = m.kind == WSC_CLOSED || m.kind == WSC_FAILED;
        w->fn(w->ctx, (enum wsc_event)m.kind, e.code != FAIL_NONE ? &e : NULL);
    }
    w->in_event = false;
    if (w->freed)
        free(w);
}

static int fill_link(struct link *k, const struct wsc_options *o, struct err *e)
{
    struct url u;

    if (url_parse(sv_of(o->url), &u, e) < 0)
        return -1;
    k->tls = sv_ieq(u.scheme, SV("wss")) || sv_ieq(u.scheme, SV("https"));
    if (!k->tls && !o->allow_plain && !url_host_is_loopback(u.host))
        return err_set(e, FAIL_INPUT, "plain ws:// to '" SV_FMT "' is not allowed; use wss://",
                       SV_ARG(u.host));
    if (o->bearer != NULL && o->bearer->n > MAX_TOKEN)
        return err_set(e, FAIL_LIMIT, "access token above %u bytes", MAX_TOKEN);
    for (size_t i = 0; o->bearer != NULL && i < o->bearer->n; i++)
        if (o->bearer->p[i] <= ' ' || o->bearer->p[i] >= 0x7f)
            return err_set(e, FAIL_INPUT, "the access token holds a blank or control character");
    k->port = u.port;
    k->address = url_host_is_localhost(u.host) ? xstrdup("127.0.0.1") : sv_dup(u.host);
    const char *open = u.ipv6 ? "[" : "", *shut = u.ipv6 ? "]" : "";
    k->host_header =
        u.has_port ? xasprintf("%s" SV_FMT "%s:%u", open, SV_ARG(u.host), shut, (unsigned)u.port)
                   : xasprintf("%s" SV_FMT "%s", open, SV_ARG(u.host), shut);
    k->path = xasprintf("%s" SV_FMT "%s" SV_FMT, u.path.n == 0 ? "/" : "", SV_ARG(u.path),
                        u.query.n > 0 ? "?" : "", SV_ARG(u.query));
    k->user_agent = xstrdup(o->user_agent);
    if (o->bearer != NULL)
        k->bearer = secret_new(o->bearer->p, o->bearer->n);
    k->connect_ms = o->connect_ms > 0 ? o->connect_ms : CONNECT_MS;
    k->max_connects = o->connects > 0 ? o->connects : CONNECTS;
    k->max_retries = o->retries > 0 ? o->retries : RETRIES;
    return 0;
}

static int start_link(struct link *k, const struct wsc_options *o, struct err *e)
{
    size_t max = o->max_queue_bytes > 0 ? o->max_queue_bytes : QUEUE_BYTES;
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .gid = -1,
        .uid = -1,
        .options = (k->tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0) |
                   (o->ca_file != NULL ? LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS : 0),
        .client_ssl_ca_filepath = o->ca_file,
        .pt_serv_buf_size = SERVICE_BUFFER,
        .fd_limit_per_thread =
            16, /* its tables are sized by this, not by the limit of the process */
        .user = k,
    };

    k->messages = queue_new(QUEUE_MESSAGES, max, e);
    k->commands = k->messages != NULL ? queue_new(8, 4096, e) : NULL;
    k->events = k->commands != NULL ? queue_new(1024, 1 << 20, e) : NULL;
    if (k->events == NULL)
        return -1;
    lws_set_log_level(0, NULL);
    k->context = lws_create_context(&info);
    if (k->context == NULL)
        return err_set(e, FAIL_INTERNAL, "cannot start libwebsockets");
    return 0;
}

static void link_done(struct link *k)
{
    queue_free(k->messages);
    queue_free(k->commands);
    queue_free(k->events);
    free(k->address);
    free(k->host_header);
    free(k->path);
    free(k->user_agent);
    secret_free(&k->bearer);
}

/* With every signal blocked: they belong to the loop. */
static int start_thread(struct wsc *w, struct err *e)
{
    sigset_t all, old;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&w->thread, NULL, run_thread, &w->link);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc == 0 ? 0 : err_set(e, FAIL_SYS, "cannot start the WebSocket thread");
}

struct wsc *wsc_new(struct loop *l, const struct wsc_options *o, wsc_event_fn *fn, void *ctx,
                    struct err *e)
{
    struct wsc *w = xcalloc(1, sizeof *w);

    w->l = l;
    w->fn = fn;
    w->ctx = ctx;
    if (fill_link(&w->link, o, e) < 0 || start_link(&w->link, o, e) < 0 ||
        loop_add_fd(l, queue_fd(w->link.events), LOOP_READ, on_event, w, &w->watch, e) < 0 ||
        start_thread(w, e) < 0) {
        loop_del_fd(w->watch);
        if (w->link.context != NULL)
            lws_context_destroy(w->link.context);
        link_done(&w->link);
        free(w);
        return NULL;
    }
    return w;
}

int wsc_send(struct wsc *w, struct sv text, struct err *e)
{
    if (w->over || w->closing)
        return err_set(e, FAIL_NET, "the WebSocket connection is closed");
    struct queue_msg m = {.p = xmemdup(text.p, text.n), .n = text.n};
    if (!queue_put(w->link.messages, &m)) {
        free(m.p);
        return err_set(e, FAIL_LIMIT, "too much waits for the WebSocket connection");
    }
    lws_cancel_service(w->link.context);
    return 0;
}

static void command(struct wsc *w, const struct queue_msg *m)
{
    queue_put_always(w->link.commands, m);
    lws_cancel_service(w->link.context);
}

void wsc_close(struct wsc *w, unsigned code, const char *reason, int64_t grace_ms)
{
    uint64_t grace = grace_ms < 0 ? 0 : grace_ms > UINT32_MAX ? UINT32_MAX : (uint64_t)grace_ms;

    if (w->over || w->closing)
        return;
    w->closing = true;
    command(w, &(struct queue_msg){.kind = CMD_CLOSE,
                                   .id = (uint64_t)code << 32 | grace,
                                   .p = xstrdup(reason),
                                   .n = strlen(reason)});
}

void wsc_free(struct wsc *w)
{
    if (w == NULL)
        return;
    command(w, &(struct queue_msg){.kind = CMD_STOP});
    BUG(pthread_join(w->thread, NULL) != 0);
    /* Not by the thread: it may end before command() has woken it. */
    lws_context_destroy(w->link.context);
    drop_messages(&w->link);
    loop_del_fd(w->watch);
    link_done(&w->link);
    w->freed = true;
    if (!w->in_event)
        free(w);
}
