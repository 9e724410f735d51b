/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP requests: the input is what a client sends, over a socket pair into the real server; two bytes 0xff
 * begin a new packet. Whatever it is, the answer is HTTP or nothing, each request that reached a handler
 * ends exactly once, and none outlives its connection. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/http_server.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_INPUT ((size_t)192 * 1024) /* above the header limit */
#define QUIET     4                    /* turns without an answer: the server waits for more */

static struct loop *loop;
static struct hs *server;
static unsigned begun, ended;
static bool stream_began; /* of the last stream */

static void on_end(void *data, bool completed)
{
    (void)data;
    (void)completed;
    ended++;
}

static void begin(struct hs_req *r)
{
    begun++;
    hs_set_data(r, r, on_end);
}

static void h_echo(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    (void)ctx;
    if (stage == HS_HEADERS) {
        begin(r);
        return;
    }
    AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
    buf_adds(&b, hs_param(r, "a"));
    buf_adds(&b, hs_query(r, "q") != NULL ? hs_query(r, "q") : "");
    buf_adds(&b, hs_header(r, "X-H") != NULL ? hs_header(r, "X-H") : "");
    buf_addsv(&b, hs_body(r));
    if (strlen(hs_path(r)) == 0)
        abort();
    hs_reply(r, 200, "text/plain", buf_sv(&b));
}

static ssize_t take_half(void *ctx, const void *p, size_t n)
{
    (void)p;
    hs_resume_body(ctx);
    return (ssize_t)(n + 1) / 2;
}

static void h_sink(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    (void)ctx;
    if (stage == HS_HEADERS) {
        begin(r);
        hs_body_to(r, take_half, r);
    } else {
        hs_reply_json(r, 200, SV("{}"));
    }
}

static void h_wait(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    (void)ctx;
    if (stage == HS_HEADERS)
        begin(r);
    else
        hs_suspend(r);
}

/* Once; then there is nothing more, and no end. */
static ssize_t some(void *ctx, char *p, size_t n)
{
    (void)ctx;
    if (stream_began || n < 4)
        return 0;
    stream_began = true;
    memset(p, 's', 4);
    return 4;
}

static void h_stream(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    (void)ctx;
    if (stage == HS_HEADERS) {
        begin(r);
        return;
    }
    stream_began = false;
    hs_stream(r, 200, NULL, some, NULL);
}

static const struct hs_route routes[] = {
    {"GET", "/e/{a}", h_echo, 0}, {"POST", "/e/{a}", h_echo, 64},  {"PUT", "/r/{a...}", h_sink, 0},
    {"GET", "/wait", h_wait, 0},  {"GET", "/stream", h_stream, 0}, {"*", "/", h_echo, 0},
};

static void start(void)
{
    struct err e;

    if (server != NULL)
        return;
    (void)signal(SIGPIPE, SIG_IGN); /* allow: as proc_main_init() does */
    loop = loop_new(&e);
    server = hs_new(loop, &(struct hs_options){.address = "127.0.0.1"}, routes,
                    sizeof routes / sizeof routes[0], NULL, &e);
    if (server == NULL)
        abort();
}

static void turn(void)
{
    struct err e;

    if (loop_turn(loop, 0, &e) < 0)
        abort();
}

/* Runs the server until it has nothing more to say; looks at the first bytes that it says. */
static void listen_to(int fd, size_t *seen)
{
    char in[65536];

    for (int quiet = 0; quiet < QUIET; quiet++) {
        turn();
        ssize_t n = recv(fd, in, sizeof in, MSG_DONTWAIT);
        if (n <= 0)
            continue;
        if (*seen == 0 && n >= 7 && memcmp(in, "HTTP/1.", 7) != 0)
            abort();
        *seen += (size_t)n;
        quiet = 0;
    }
}

static void say(int fd, const uint8_t *p, size_t n, size_t *seen)
{
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return; /* hung up on */
        if (sent < 0) {
            size_t before = n;
            listen_to(fd, seen);
            sent = send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (sent < 0 && before == n)
                return; /* the server waits for something else */
        }
        p += sent;
        n -= (size_t)sent;
    }
    listen_to(fd, seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t mark[2] = {0xff, 0xff};
    size_t seen = 0;
    struct err e;
    int pair[2];

    if (size > MAX_INPUT)
        return 0;
    start();
    begun = ended = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0 ||
        hs_adopt(server, pair[1], &e) < 0)
        abort();
    while (size > 0) {
        const uint8_t *cut = memmem(data, size, mark, sizeof mark);
        size_t n = cut != NULL ? (size_t)(cut - data) : size;
        say(pair[0], data, n, &seen);
        if (cut != NULL)
            n += sizeof mark;
        data += n;
        size -= n;
    }
    (void)close(pair[0]);
    for (int i = 0; i < 1000 && ended < begun; i++)
        turn();
    if (ended != begun)
        abort();
    turn(); /* what is left of the connection */
    turn();
    return 0;
}
