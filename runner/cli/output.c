/* SPDX-License-Identifier: Apache-2.0
 *
 * O_NONBLOCK belongs to the open file, which is shared with whoever else has it: pipes and terminals are opened once
 * more, through /proc. Where that is not allowed (a terminal of another user) writes wait, as everybody's do. */
#include "runner/cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/mem.h"

/* Ours: far above what comes before the one who writes is paused. */
#define WAITING_MAX ((size_t)512 << 20)

struct output {
    struct loop *loop;
    int fd, own; /* own: the second opening, or -1 */
    bool socket, failed;
    struct loop_fd *watch; /* while something waits */
    struct buf rest;
    FILE *file;
    output_fn *taken;
    void *ctx;
};

static int open_again(int fd, bool *is_socket)
{
    AUTO(auto_free) char *path = xasprintf("/proc/self/fd/%d", fd);
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -1;
    *is_socket = S_ISSOCK(st.st_mode);
    if (!S_ISFIFO(st.st_mode) && !isatty(fd))
        return -1;
    return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* Bytes that were taken; fewer: the rest has to wait, or it failed. */
static size_t write_some(struct output *o, const char *p, size_t n)
{
    int fd = o->own >= 0 ? o->own : o->fd;
    size_t done = 0;

    while (done < n && !o->failed) {
        ssize_t r = o->socket ? send(fd, p + done, n - done, MSG_DONTWAIT | MSG_NOSIGNAL)
                              : write(fd, p + done, n - done);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0 && errno == EAGAIN && (o->socket || o->own >= 0))
            break;
        if (r < 0)
            o->failed = true;
        else
            done += (size_t)r;
    }
    return done;
}

static void write_rest(struct output *o)
{
    buf_consume(&o->rest, write_some(o, o->rest.p, o->rest.len));
    if (o->failed)
        buf_reset(&o->rest);
    if (o->rest.len > 0)
        return;
    loop_del_fd(o->watch);
    o->watch = NULL;
}

static void on_writable(void *ctx, int fd, unsigned events)
{
    struct output *o = ctx;

    (void)fd;
    (void)events;
    write_rest(o);
    if (o->rest.len == 0)
        o->taken(o->ctx);
}

static ssize_t on_write(void *ctx, const char *p, size_t n)
{
    struct output *o = ctx;
    size_t done = o->rest.len == 0 ? write_some(o, p, n) : 0;
    struct err e = {0};

    if (o->failed)
        return 0;
    buf_add(&o->rest, p + done, n - done);
    if (o->rest.over || (o->rest.len > 0 && o->watch == NULL &&
                         loop_add_fd(o->loop, o->own >= 0 ? o->own : o->fd, LOOP_WRITE, on_writable,
                                     o, &o->watch, &e) < 0)) {
        o->failed = true;
        return 0;
    }
    return (ssize_t)n;
}

struct output *output_new(struct loop *l, int fd, output_fn *taken, void *ctx)
{
    struct output *o = xcalloc(1, sizeof *o);

    o->loop = l;
    o->fd = fd;
    o->own = open_again(fd, &o->socket);
    o->rest = BUF_INIT(WAITING_MAX);
    o->taken = taken;
    o->ctx = ctx;
    o->file = fopencookie(o, "w", (cookie_io_functions_t){.write = on_write});
    BUG(o->file == NULL);
    (void)setvbuf(o->file, NULL, _IONBF, 0);
    return o;
}

void output_free(struct output *o)
{
    if (o == NULL)
        return;
    (void)fclose(o->file);
    loop_del_fd(o->watch);
    fd_close(&o->own);
    buf_free(&o->rest);
    free(o);
}

FILE *output_file(struct output *o)
{
    return o->file;
}

size_t output_waiting(const struct output *o)
{
    return o->rest.len;
}

bool output_failed(const struct output *o)
{
    return o->failed;
}

bool output_wants_color(const struct output *o)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(o->fd) && (no == NULL || no[0] == '\0') &&
           !(term != NULL && strcmp(term, "dumb") == 0);
}

void output_finish(struct output *o, int stall_ms)
{
    struct pollfd p = {.fd = o->own >= 0 ? o->own : o->fd, .events = POLLOUT};

    while (o->rest.len > 0 && poll(&p, 1, stall_ms) > 0)
        write_rest(o);
}
