/* SPDX-License-Identifier: Apache-2.0
 *
 * How much memory the HTTP server takes for large bodies: it runs in a child, the parent sends a body of
 * 1 GiB with Content-Length and one in chunks, and fetches one, and the child's peak (VmHWM) may not have
 * grown by more than 16 MiB. Built without sanitizers, whose own memory would hide it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/http_server.h"
#include "base/mem.h"
#include "tests/unit/base/http_raw.h"

#define BODY_BYTES  ((uint64_t)1 << 30)
#define LIMIT_KIB   (16UL * 1024)
#define BLOCK_BYTES (256UL * 1024)

/* ---- the server -------------------------------------------------------------------------------------- */

struct upload {
    uint64_t bytes;
};

struct download {
    uint64_t left;
};

static struct loop *loop;

static ssize_t take(void *ctx, const void *p, size_t n)
{
    struct upload *u = ctx;

    (void)p;
    u->bytes += n;
    return (ssize_t)n;
}

static void free_upload(void *data, bool completed)
{
    (void)completed;
    free(data);
}

static void h_upload(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    char text[40];

    (void)ctx;
    if (stage == HS_HEADERS) {
        struct upload *u = xcalloc(1, sizeof *u);
        hs_set_data(r, u, free_upload);
        hs_body_to(r, take, u);
        return;
    }
    const struct upload *u = hs_data(r);
    (void)snprintf(text, sizeof text, "took %llu", (unsigned long long)u->bytes);
    hs_reply(r, 200, "text/plain", sv_of(text));
}

static ssize_t give(void *ctx, char *p, size_t n)
{
    struct download *d = ctx;

    if (d->left == 0)
        return -1;
    if (n > d->left)
        n = d->left;
    memset(p, 'x', n);
    d->left -= n;
    return (ssize_t)n;
}

static void free_download(void *data, bool completed)
{
    (void)completed;
    free(data);
}

static void h_download(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    (void)ctx;
    if (stage == HS_HEADERS)
        return;
    struct download *d = xcalloc(1, sizeof *d);
    d->left = BODY_BYTES;
    hs_set_data(r, d, free_download);
    hs_stream(r, 200, NULL, give, d);
}

static const struct hs_route routes[] = {{"PUT", "/upload", h_upload, 0},
                                         {"GET", "/download", h_download, 0}};

static _Noreturn void serve(int ready)
{
    struct err e;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGPIPE, SIG_IGN); /* allow: as proc_main_init() does */
    loop = loop_new(&e);
    struct hs *s = hs_new(loop, &(struct hs_options){.address = "127.0.0.1"}, routes, 2, NULL, &e);
    uint16_t port = s != NULL ? hs_port(s) : 0;
    if (write(ready, &port, sizeof port) != sizeof port || port == 0)
        _exit(1);
    _exit(loop_run(loop, &e) < 0);
}

/* ---- the client -------------------------------------------------------------------------------------- */

static pid_t child;
static uint16_t port;

static int setup(void **state)
{
    int ready[2];

    (void)state;
    if (pipe(ready) < 0)
        return -1;
    child = fork();
    if (child == 0)
        serve(ready[1]);
    (void)close(ready[1]);
    bool ok = child > 0 && read(ready[0], &port, sizeof port) == sizeof port;
    (void)close(ready[0]);
    return ok ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    (void)kill(child, SIGKILL);
    return waitpid(child, NULL, 0) == child ? 0 : -1;
}

static unsigned long peak_kib(void)
{
    char path[64], line[256];
    unsigned long kib = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)child);
    FILE *f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0)
            for (const char *p = line + 6; *p != '\0'; p++)
                kib = *p >= '0' && *p <= '9' ? kib * 10 + (unsigned long)(*p - '0') : kib;
    if (f != NULL)
        (void)fclose(f);
    return kib;
}

static void send_block(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent <= 0)
            fail_msg("the server hung up");
        p += sent;
        n -= (size_t)sent;
    }
}

static void expect_answer(int fd, const char *text)
{
    char in[4096];
    size_t n = 0;
    ssize_t got;

    while (n < sizeof in - 1 && (got = recv(fd, in + n, sizeof in - 1 - n, 0)) > 0) {
        n += (size_t)got;
        in[n] = '\0';
        if (strstr(in, text) != NULL)
            return;
    }
    fail_msg("no '%s' in the answer", text);
}

static void upload(bool chunked)
{
    char *block = calloc(1, BLOCK_BYTES), head[200];
    int fd = raw_dial(port);
    unsigned long before = peak_kib();

    (void)snprintf(head, sizeof head, "PUT /upload HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n",
                   chunked ? "Transfer-Encoding: chunked" : "Content-Length: 1073741824");
    send_block(fd, head, strlen(head));
    for (uint64_t sent = 0; sent < BODY_BYTES; sent += BLOCK_BYTES) {
        if (chunked)
            send_block(fd, "40000\r\n", 7);
        send_block(fd, block, BLOCK_BYTES);
        if (chunked)
            send_block(fd, "\r\n", 2);
    }
    if (chunked)
        send_block(fd, "0\r\nX-Sum: 1\r\n\r\n", strlen("0\r\nX-Sum: 1\r\n\r\n"));
    expect_answer(fd, "took 1073741824");
    (void)close(fd);
    free(block);
    unsigned long after = peak_kib();
    print_message("peak %lu KiB before, %lu KiB after\n", before, after);
    assert_true(before > 0 && after - before < LIMIT_KIB);
}

static void upload_with_length(void **state)
{
    (void)state;
    upload(false);
}

static void upload_chunked(void **state)
{
    (void)state;
    upload(true);
}

static void download(void **state)
{
    static const char request[] = "GET /download HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    static char block[BLOCK_BYTES];
    int fd = raw_dial(port);
    unsigned long before = peak_kib();
    uint64_t total = 0;
    ssize_t n;

    (void)state;
    send_block(fd, request, strlen(request));
    while ((n = recv(fd, block, sizeof block, 0)) > 0)
        total += (uint64_t)n;
    (void)close(fd);
    unsigned long after = peak_kib();
    print_message("peak %lu KiB before, %lu KiB after\n", before, after);
    assert_true(total > BODY_BYTES && total < BODY_BYTES + (1 << 24));
    assert_true(before > 0 && after - before < LIMIT_KIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(upload_with_length, setup, teardown),
        cmocka_unit_test_setup_teardown(upload_chunked, setup, teardown),
        cmocka_unit_test_setup_teardown(download, setup, teardown),
    };

    return cmocka_run_group_tests_name("http_server memory", tests, NULL, NULL);
}
