/* SPDX-License-Identifier: Apache-2.0
 *
 * The relay: pairs of sockets, each direction with a buffer of its own; end of file is passed on as a half
 * close. */
#include "runner/worker/relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

enum { PIECE_BYTES = 64 << 10 };

struct side {
    struct pair *pair;
    int fd;
    struct loop_fd *watch;
    char *data; /* read from this side, not yet written to the other */
    size_t from, to;
    bool eof, shut; /* nothing more comes; and the other side was told */
};
struct pair {
    struct relay *r;
    struct pair *next;
    struct side sides[2]; /* 0: the job, 1: the service */
};
struct relay {
    struct loop *loop;
    int listen_fd;
    struct loop_fd *watch;
    uint16_t port;
    struct pair *pairs;
    unsigned n;
};

static void pair_free(struct pair *p)
{
    struct relay *r = p->r;

    for (struct pair **at = &r->pairs; *at != NULL; at = &(*at)->next)
        if (*at == p) {
            *at = p->next;
            break;
        }
    for (int i = 0; i < 2; i++) {
        loop_del_fd(p->sides[i].watch);
        fd_close(&p->sides[i].fd);
        free(p->sides[i].data);
    }
    free(p);
    r->n--;
    if (r->watch != NULL)
        loop_set_fd(r->watch, LOOP_READ);
}

static struct side *other(struct side *s)
{
    return &s->pair->sides[s == &s->pair->sides[0] ? 1 : 0];
}

static void arm(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        struct side *s = &p->sides[i], *o = other(s);
        unsigned want = 0;
        if (!s->eof && s->from == s->to)
            want |= LOOP_READ;
        if (o->from < o->to)
            want |= LOOP_WRITE;
        loop_set_fd(s->watch, want);
    }
}

/* -1: the pair is broken. */
static int pull(struct side *s)
{
    ssize_t n;

    if (s->eof || s->from < s->to)
        return 0;
    n = recv(s->fd, s->data, PIECE_BYTES, 0);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    s->from = 0;
    s->to = (size_t)n;
    s->eof = n == 0;
    return 0;
}

static int push(struct side *s)
{
    struct side *o = other(s);

    while (s->from < s->to) {
        ssize_t n = send(o->fd, s->data + s->from, s->to - s->from, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == ENOTCONN ? 0 : -1;
        s->from += (size_t)n;
    }
    if (s->eof && !s->shut) {
        s->shut = true;
        (void)shutdown(o->fd, SHUT_WR); /* a peer that is gone shows at the next read */
    }
    return 0;
}

static void on_side(void *ctx, int fd, unsigned events)
{
    struct side *s = ctx;
    struct pair *p = s->pair;

    (void)fd;
    bool hung = (events & LOOP_HUP) != 0 && (events & (LOOP_READ | LOOP_WRITE)) == 0;
    if (hung || pull(s) < 0 || push(s) < 0 || push(other(s)) < 0 ||
        (p->sides[0].shut && p->sides[1].shut)) {
        pair_free(p);
        return;
    }
    arm(p);
}

static int connect_service(uint16_t port, int *out, struct err *e)
{
    AUTO(auto_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    if (fd < 0)
        return err_sys(e, "socket");
    if (connect(fd, (const struct sockaddr *)&a, sizeof a) < 0 && errno != EINPROGRESS)
        return err_sys(e, "cannot connect to the service on port %u", (unsigned)port);
    *out = fd_take(&fd);
    return 0;
}

static int pair_new(struct relay *r, int own_fd, struct err *e)
{
    struct pair *p = xcalloc(1, sizeof *p);

    p->r = r;
    p->next = r->pairs;
    r->pairs = p;
    r->n++;
    for (int i = 0; i < 2; i++)
        p->sides[i] = (struct side){.pair = p, .fd = -1, .data = xmalloc(PIECE_BYTES)};
    p->sides[0].fd = own_fd;
    if (connect_service(r->port, &p->sides[1].fd, e) < 0)
        return -1;
    for (int i = 0; i < 2; i++)
        if (loop_add_fd(r->loop, p->sides[i].fd, LOOP_READ, on_side, &p->sides[i],
                        &p->sides[i].watch, e) < 0)
            return -1;
    return 0;
}

static void on_accept(void *ctx, int fd, unsigned events)
{
    struct relay *r = ctx;
    struct err ignored = {0}; /* the job sees a closed connection */

    (void)events;
    int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (c < 0)
        return;
    if (pair_new(r, c, &ignored) < 0)
        pair_free(r->pairs);
    else if (r->n >= RELAY_MAX_CONNECTIONS)
        loop_set_fd(r->watch, 0);
}

int relay_new(struct loop *l, int own_listen_fd, uint16_t port, struct relay **out, struct err *e)
{
    struct relay *r = xcalloc(1, sizeof *r);

    r->loop = l;
    r->listen_fd = own_listen_fd;
    r->port = port;
    if (fd_nonblock(own_listen_fd, true, e) < 0 ||
        loop_add_fd(l, own_listen_fd, LOOP_READ, on_accept, r, &r->watch, e) < 0) {
        relay_free(r);
        return -1;
    }
    *out = r;
    return 0;
}

void relay_free(struct relay *r)
{
    if (r == NULL)
        return;
    loop_del_fd(r->watch);
    r->watch = NULL;
    for (struct pair *p = r->pairs, *next; p != NULL; p = next) {
        next = p->next;
        pair_free(p);
    }
    fd_close(&r->listen_fd);
    free(r);
}
