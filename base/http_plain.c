/* SPDX-License-Identifier: Apache-2.0
 *
 * One attempt of a request to this machine over plain http, on a socket of our own: what every part of a local run
 * says to its service. libcurl brings 30 libraries along, which cost a process more to load than all of its requests.
 * No proxy, no resolver, no TLS: whatever needs one of these goes through libcurl (http_transfer.c). */
#include "base/http_client_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define BLOCK_BYTES  ((size_t)64 * 1024)
#define READS_A_TURN 8  /* Ours: then the others of the loop */
#define CHUNK_HEAD   20 /* room for the size of a chunk and its line end */

struct hc_plain {
    struct hc_req *r;
    struct hc_conn conn;
    struct loop_fd *watch;
    bool connecting, reused;
    struct buf head; /* of the request; holds the bearer */
    size_t head_at, body_at;
    char *block; /* of a source: [at, end) is to be sent */
    size_t at, end;
    bool chunked, source_over;
    uint64_t source_sent;
    bool deaf; /* the peer takes no more: only its answer counts */
    struct http_answer answer;
};

/* ---- the request ------------------------------------------------------------------------------------- */

static void add_host(struct buf *b, const struct url *u)
{
    buf_addf(b, u->ipv6 ? "Host: [" SV_FMT "]" : "Host: " SV_FMT, SV_ARG(u->host));
    if (u->port != 80)
        buf_addf(b, ":%u", (unsigned)u->port);
    buf_adds(b, "\r\n");
}

static void add_framing(struct hc_plain *p, struct buf *b)
{
    const struct hc_req *r = p->r;
    struct sv method = sv_of(r->method);
    bool sends = sv_is(method, "POST") || sv_is(method, "PUT") || sv_is(method, "PATCH");

    if (r->no_body)
        return;
    p->chunked = r->spec.source != NULL && r->spec.source_bytes < 0;
    if (p->chunked)
        buf_adds(b, "Transfer-Encoding: chunked\r\n");
    else if (r->spec.source != NULL)
        buf_addf(b, "Content-Length: %lld\r\n", (long long)r->spec.source_bytes);
    else if (r->body.n > 0 || sends)
        buf_addf(b, "Content-Length: %zu\r\n", r->body.n);
}

/* Into memory that is taken once: growing would leave copies of the bearer. */
static void build_head(struct hc_plain *p, const struct url *u)
{
    const struct hc_req *r = p->r;
    struct buf *b = &p->head;
    size_t room = 1024 + u->host.n + u->path.n + u->query.n + strlen(r->method) + r->bearer.n +
                  strlen(r->h->user_agent);

    for (size_t i = 0; i < r->headers.n; i++)
        room += strlen(r->headers.v[i]) + 2;
    *b = BUF_INIT(room);
    BUG(buf_room(b, room) == NULL);
    buf_adds(b, r->method);
    buf_addc(b, ' ');
    if (u->path.n == 0)
        buf_addc(b, '/');
    buf_addsv(b, u->path);
    if (u->query.n > 0) {
        buf_addc(b, '?');
        buf_addsv(b, u->query);
    }
    buf_adds(b, " HTTP/1.1\r\n");
    if (!hc_has_header(r, SV("Host")))
        add_host(b, u);
    if (!hc_has_header(r, SV("User-Agent")))
        buf_addf(b, "User-Agent: %s\r\n", r->h->user_agent);
    if (!hc_has_header(r, SV("Accept")))
        buf_adds(b, "Accept: */*\r\n");
    for (size_t i = 0; i < r->headers.n; i++) {
        buf_adds(b, r->headers.v[i]);
        buf_adds(b, "\r\n");
    }
    if (r->bearer.p != NULL) {
        buf_adds(b, "Authorization: Bearer ");
        buf_add(b, r->bearer.p, r->bearer.n);
        buf_adds(b, "\r\n");
    }
    add_framing(p, b);
    buf_adds(b, "\r\n");
    BUG(b->over);
}

/* ---- sending ----------------------------------------------------------------------------------------- */

/* 1 sent, 0 the socket is full or the peer takes no more. */
static int put(struct hc_plain *p, struct iovec *v, size_t n, size_t *sent)
{
    struct msghdr m = {.msg_iov = v, .msg_iovlen = n};
    ssize_t r;

    do
        r = sendmsg(p->conn.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (r < 0 && errno == EINTR);
    if (r < 0) { /* the answer, or the end of the connection, says more */
        p->deaf = errno != EAGAIN;
        return 0;
    }
    *sent = (size_t)r;
    return 1;
}

static int send_own(struct hc_plain *p)
{
    struct hc_req *r = p->r;
    bool body = r->spec.source == NULL && !r->no_body && r->body.n > 0;
    size_t head = p->head.len - p->head_at, rest = body ? r->body.n - p->body_at : 0, sent;

    while (head + rest > 0) {
        struct iovec v[2] = {{.iov_base = p->head.p + p->head_at, .iov_len = head},
                             {.iov_base = body ? r->body.p + p->body_at : NULL, .iov_len = rest}};
        if (put(p, v, 2, &sent) == 0)
            return 0;
        size_t of_head = sent < head ? sent : head;
        p->head_at += of_head;
        p->body_at += sent - of_head;
        head -= of_head;
        rest -= sent - of_head;
    }
    return 1;
}

/* The next block of the source, framed. */
static int fill(struct hc_plain *p, struct err *e)
{
    struct hc_req *r = p->r;
    ssize_t n;

    if (p->block == NULL)
        p->block = xmalloc(CHUNK_HEAD + BLOCK_BYTES + 2);
    r->source_read = true;
    n = r->spec.source(r->spec.ctx, p->block + CHUNK_HEAD, BLOCK_BYTES);
    if (n < 0 || r->canceled) {
        r->stop_code = FAIL_CANCELED;
        return err_set(e, FAIL_CANCELED, "stopped");
    }
    p->source_over = n == 0;
    p->source_sent += (uint64_t)n;
    p->at = CHUNK_HEAD;
    p->end = CHUNK_HEAD + (size_t)n;
    if (p->chunked) {
        char size[CHUNK_HEAD];
        int len = snprintf(size, sizeof size, "%zx\r\n", (size_t)n);
        p->at -= (size_t)len;
        memcpy(p->block + p->at, size, (size_t)len);
        memcpy(p->block + p->end, "\r\n", 2);
        p->end += 2;
    } else if (p->source_sent > (uint64_t)r->spec.source_bytes ||
               (n == 0 && p->source_sent < (uint64_t)r->spec.source_bytes)) {
        return err_set(e, FAIL_NET, "the body has another length than was said");
    } else if (p->source_sent == (uint64_t)r->spec.source_bytes) {
        p->source_over = true;
    }
    return 0;
}

/* 1 everything is sent, 0 later, -1 the body cannot be had. */
static int send_more(struct hc_plain *p, struct err *e)
{
    size_t sent;

    if (p->deaf || send_own(p) == 0)
        return p->deaf;
    if (p->r->spec.source == NULL || p->r->no_body)
        return 1;
    for (int turns = 0; turns < READS_A_TURN;) {
        if (p->at < p->end) {
            struct iovec v = {.iov_base = p->block + p->at, .iov_len = p->end - p->at};
            if (put(p, &v, 1, &sent) == 0)
                return p->deaf;
            p->at += sent;
        } else if (p->source_over) {
            return 1;
        } else {
            turns++;
            if (fill(p, e) < 0)
                return -1;
        }
    }
    return 0;
}

/* ---- the answer -------------------------------------------------------------------------------------- */

static int on_line(void *ctx, struct sv line)
{
    struct hc_plain *p = ctx;

    return hc_take_head(p->r, line);
}

static int on_body(void *ctx, const void *bytes, size_t n)
{
    struct hc_plain *p = ctx;

    return hc_take_body(p->r, p->answer.status, bytes, n);
}

/* 1 complete, 0 later, -1 failed. */
static int receive(struct hc_plain *p, struct err *e)
{
    const struct http_answer_events ev = {.line = on_line, .body = on_body, .ctx = p};
    char block[BLOCK_BYTES];

    for (int turns = 0; turns < READS_A_TURN; turns++) {
        ssize_t n = recv(p->conn.fd, block, sizeof block, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n < 0 && !p->answer.begun)
            return err_sys(e, "no answer");
        if (n <= 0)
            return http_answer_end(&p->answer, e) == 0 ? 1 : -1;
        int rc = http_answer_feed(&p->answer, (struct sv){block, (size_t)n}, &ev, e);
        if (rc != 0 || p->r->canceled)
            return rc;
    }
    return 0;
}

/* ---- connections ------------------------------------------------------------------------------------- */

static bool address_of(const struct url *u, struct hc_conn *c)
{
    char text[INET6_ADDRSTRLEN];

    *c = (struct hc_conn){.fd = -1};
    if (u->ipv6) {
        c->in6.sin6_family = AF_INET6;
        c->in6.sin6_port = htons(u->port);
        c->in6.sin6_addr = in6addr_loopback; /* no other literal is loopback (base/url.h) */
        return true;
    }
    c->in4.sin_family = AF_INET;
    c->in4.sin_port = htons(u->port);
    if (url_host_is_localhost(u->host)) {
        c->in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return true;
    }
    if (u->host.n >= sizeof text)
        return false;
    memcpy(text, u->host.p, u->host.n);
    text[u->host.n] = '\0';
    return inet_pton(AF_INET, text, &c->in4.sin_addr) == 1;
}

bool hc_plain_takes(const struct hc *h, const struct url *u)
{
    struct hc_conn c;

    return !h->curl_only && sv_ieq(u->scheme, SV("http")) && url_host_is_loopback(u->host) &&
           address_of(u, &c);
}

static int dial(struct hc_plain *p, struct err *e)
{
    struct hc_conn *c = &p->conn;
    bool six = c->in4.sin_family == AF_INET6;
    int on = 1;

    c->fd = socket(c->in4.sin_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd < 0)
        return err_sys(e, "cannot make a socket");
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* slower without */
    p->connecting = false;
    p->reused = false;
    if (connect(c->fd, (const struct sockaddr *)&c->in4, six ? sizeof c->in6 : sizeof c->in4) == 0)
        return 0;
    p->connecting = errno == EINPROGRESS;
    return p->connecting ? 0 : err_sys(e, "cannot connect");
}

/* One that waits and has not been closed meanwhile. */
static bool take_idle(struct hc_plain *p)
{
    struct hc *h = p->r->h;

    for (size_t i = h->n_idle; i-- > 0;) {
        struct hc_conn c = h->idle[i];
        char byte;
        if (memcmp(&c.in6, &p->conn.in6, sizeof c.in6) != 0)
            continue;
        h->idle[i] = h->idle[--h->n_idle];
        if (recv(c.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN) {
            p->conn.fd = c.fd;
            p->reused = true;
            return true;
        }
        (void)close(c.fd);
    }
    return false;
}

static void give_back(struct hc_plain *p)
{
    struct hc *h = p->r->h;

    if (h->n_idle < HC_IDLE_MAX) {
        h->idle[h->n_idle] = p->conn;
        h->n_idle++;
        p->conn.fd = -1;
    }
}

static void on_socket(void *ctx, int fd, unsigned events);

static int watch(struct hc_plain *p, struct err *e)
{
    return loop_add_fd(p->r->h->l, p->conn.fd, LOOP_READ | LOOP_WRITE, on_socket, p, &p->watch, e);
}

static void hang_up(struct hc_plain *p)
{
    loop_del_fd(p->watch);
    p->watch = NULL;
    fd_close(&p->conn.fd);
}

/* A kept connection that the peer closed while the request was on its way: once more, over a new one. */
static int again(struct hc_plain *p, struct err *e)
{
    struct hc_req *r = p->r;

    if (r->source_read && (r->spec.rewind == NULL || r->spec.rewind(r->spec.ctx) < 0))
        return -1;
    hang_up(p);
    p->head_at = p->body_at = p->at = p->end = 0;
    p->source_sent = 0;
    p->source_over = p->deaf = false;
    r->source_read = false;
    return dial(p, e) < 0 ? -1 : watch(p, e);
}

/* ---- in the loop ------------------------------------------------------------------------------------- */

static int connected(struct hc_plain *p, struct err *e)
{
    socklen_t n = sizeof(int);
    int sys = 0;

    if (getsockopt(p->conn.fd, SOL_SOCKET, SO_ERROR, &sys, &n) < 0)
        return err_sys(e, "getsockopt");
    errno = sys;
    p->connecting = false;
    return sys == 0 ? 0 : err_sys(e, "cannot connect");
}

/* 1 the answer is there, 0 later, -1 failed. */
static int step(struct hc_plain *p, struct err *e)
{
    int sent, got;

    if (p->connecting && connected(p, e) < 0)
        return -1;
    sent = send_more(p, e);
    if (sent < 0)
        return -1;
    got = receive(p, e);
    if (got < 0 && p->reused && !p->answer.begun && !p->r->canceled)
        return again(p, e) < 0 ? -1 : 0;
    if (got == 1 && sent == 1 && !p->deaf && p->answer.keep) {
        loop_del_fd(p->watch);
        p->watch = NULL;
        give_back(p);
    }
    if (got == 0)
        loop_set_fd(p->watch, sent == 1 ? LOOP_READ : LOOP_READ | LOOP_WRITE);
    return got;
}

static void on_socket(void *ctx, int fd, unsigned events)
{
    struct hc_plain *p = ctx;
    struct hc_req *r = p->r;
    struct hc *h = r->h;
    struct err e = {0};
    int rc;

    (void)fd;
    (void)events;
    h->in_transfer = true;
    rc = step(p, &e);
    h->in_transfer = false;
    if (r->canceled)
        hc_sweep(h);
    else if (rc != 0)
        hc_attempt_over(r, rc == 1 ? FAIL_NONE : FAIL_NET, e.msg, true);
}

int hc_plain_new(struct hc_req *r, const struct url *u, struct err *e)
{
    struct hc_plain *p = xcalloc(1, sizeof *p);

    p->r = r;
    r->plain = p;
    http_answer_init(&p->answer, sv_is(sv_of(r->method), "HEAD"));
    BUG(!address_of(u, &p->conn));
    build_head(p, u);
    if (!take_idle(p) && dial(p, e) < 0)
        return -1;
    return watch(p, e);
}

int hc_plain_status(const struct hc_req *r)
{
    return r->plain->answer.status;
}

void hc_plain_free(struct hc_req *r)
{
    struct hc_plain *p = r->plain;

    if (p == NULL)
        return;
    hang_up(p);
    secret_wipe(p->head.p, p->head.len);
    buf_free(&p->head);
    free(p->block);
    http_answer_done(&p->answer);
    free(p);
    r->plain = NULL;
}

void hc_plain_close_idle(struct hc *h)
{
    while (h->n_idle > 0)
        (void)close(h->idle[--h->n_idle].fd);
}
