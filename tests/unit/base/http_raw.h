/* SPDX-License-Identifier: Apache-2.0
 *
 * For the HTTP tests: a client that is nothing but a socket, run in the same loop as the server, and the
 * page of the test clock. */
#ifndef TESTS_UNIT_BASE_HTTP_RAW_H
#define TESTS_UNIT_BASE_HTTP_RAW_H

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/loop.h"

#define RAW_DEADLINE_MS 20000

static uint64_t *raw_clock; /* the page: milliseconds added to the one clock */

/* Before the first use of the clock. */
static inline void raw_clock_setup(void)
{
    int fd = memfd_create("clock", 0);
    char path[64];

    if (fd < 0 || ftruncate(fd, 4096) < 0)
        abort();
    raw_clock = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (raw_clock == MAP_FAILED || setenv("GANTRY_TEST_CLOCK", path, 1) < 0) /* allow: one thread */
        abort();
}

static inline void raw_clock_jump(uint64_t ms)
{
    __atomic_store_n(raw_clock, htole64(le64toh(*raw_clock) + ms), __ATOMIC_RELEASE);
}

static inline int raw_dial(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
        abort();
    return fd;
}

static inline int64_t raw_real_ms(void)
{
    return tm_now_ms() - tm_jumped_ms();
}

static inline void raw_turn(struct loop *l)
{
    struct err e;

    if (loop_turn(l, 1, &e) < 0)
        abort();
}

/* Sends all of it while the loop runs; false when the peer closed or nothing moves any more. */
static inline bool raw_send(struct loop *l, int fd, struct sv s)
{
    int64_t end = raw_real_ms() + RAW_DEADLINE_MS;

    while (s.n > 0 && raw_real_ms() < end) {
        ssize_t n = send(fd, s.p, s.n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            s = sv_sub(s, (size_t)n, s.n);
        else if (n < 0 && errno != EAGAIN)
            return false;
        raw_turn(l);
    }
    return s.n == 0;
}

/* Reads on until `needle` was seen from `from` on, or (NULL) the peer closed. */
static inline bool raw_read(struct loop *l, int fd, struct buf *in, size_t from, const char *needle)
{
    int64_t end = raw_real_ms() + RAW_DEADLINE_MS;

    while (raw_real_ms() < end) {
        char block[65536];
        ssize_t n;

        if (needle != NULL && sv_find(sv_sub(buf_sv(in), from, in->len), sv_of(needle)) != SV_NPOS)
            return true;
        raw_turn(l);
        n = recv(fd, block, sizeof block, MSG_DONTWAIT);
        if (n > 0)
            buf_add(in, block, (size_t)n);
        else if (n == 0 || errno == ECONNRESET)
            return needle == NULL;
    }
    return false;
}

/* Runs the loop until *flag. */
static inline bool raw_until(struct loop *l, const bool *flag)
{
    int64_t end = raw_real_ms() + RAW_DEADLINE_MS;

    while (!*flag && raw_real_ms() < end)
        raw_turn(l);
    return *flag;
}

#endif
