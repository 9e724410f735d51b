/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptors, memory files, records between processes. */
#include "tests/unit/base/helper.h"

#include "base/fd.h"
#include "base/ipc.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void memfd_round_trip_and_limit(void **state)
{
    (void)state;
    size_t before = open_fds(), n = 0;
    struct err e;
    char *p = NULL;
    int fd = -1;

    assert_int_equal(fd_memfd("m", "a\0bc", 4, &fd, &e), 0);
    assert_int_equal(fd_read_memfd(fd, 4, &p, &n, &e), 0);
    assert_int_equal(n, 4);
    assert_memory_equal(p, "a\0bc\0", 5);
    free(p);
    assert_int_equal(fd_read_memfd(fd, 3, &p, &n, &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
    assert_int_equal(write(fd, "x", 1), -1); /* sealed */
    assert_int_equal(ftruncate(fd, 0), -1);
    fd_close(&fd);
    fd = memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(fd_read_memfd(fd, 10, &p, &n, &e), -1);
    assert_int_equal(e.code, FAIL_DENIED);
    fd_close(&fd);
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(fd_read_memfd(fd, 10, &p, &n, &e), -1);
    assert_int_equal(e.code, FAIL_DENIED);
    fd_close(&fd);
    assert_int_equal(open_fds(), before);
}

static void full_reads_and_writes(void **state)
{
    (void)state;
    int p[2];
    struct err e;
    char got[8] = "";

    assert_int_equal(fd_pipe(p, &e), 0);
    assert_int_equal(fcntl(p[0], F_GETFD), FD_CLOEXEC);
    assert_int_equal(fd_write_full(p[1], "12345", 5, &e), 0);
    fd_close(&p[1]);
    assert_int_equal(fd_read_full(p[0], got, 8, &e), 5);
    assert_memory_equal(got, "12345", 5);
    assert_int_equal(fd_read_full(p[1], got, 8, &e), -1);
    assert_int_equal(e.sys, EBADF);
    assert_int_equal(fd_nonblock(p[0], true, &e), 0);
    assert_true((fcntl(p[0], F_GETFL) & O_NONBLOCK) != 0);
    assert_int_equal(fd_nonblock(p[0], false, &e), 0);
    assert_true((fcntl(p[0], F_GETFL) & O_NONBLOCK) == 0);
    fd_close(&p[0]);
    assert_int_equal(p[0], -1);
    fd_close(&p[0]);
    assert_int_equal(fd_nonblock(-1, true, &e), -1);
}

static int exit_of(void (*fn)(void))
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        fn();
        _exit(0);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void close_from_in_child(void)
{
    int fds[6], keep[2];

    for (int i = 0; i < 6; i++)
        fds[i] = fcntl(0, F_DUPFD, 20 + 2 * i);
    keep[0] = fds[4];
    keep[1] = fds[1];
    fd_close_from(21, keep, 2);
    for (int i = 0; i < 6; i++)
        if ((fcntl(fds[i], F_GETFD) >= 0) != (i == 0 || i == 1 || i == 4))
            _exit(10 + i);
}

static void stdio_in_child(void)
{
    (void)close(0);
    (void)close(2);
    fd_ensure_stdio();
    if (fcntl(0, F_GETFD) != 0 || fcntl(2, F_GETFD) != 0)
        _exit(1);
}

static void sweeps(void **state)
{
    (void)state;
    assert_int_equal(exit_of(close_from_in_child), 0);
    assert_int_equal(exit_of(stdio_in_child), 0);
}

static void ipc_round_trip(void **state)
{
    (void)state;
    size_t before = open_fds();
    int s[2], p[2], fd;
    struct err e;
    struct ipc_out o;
    struct ipc_in in = IPC_IN_INIT;
    char *words[] = {(char *)(uintptr_t) "a", (char *)(uintptr_t) "", (char *)(uintptr_t) "c",
                     NULL};
    uint64_t u = 0;
    int64_t i = 0;
    struct sv v;
    uint16_t tag;

    assert_int_equal(ipc_pair(s, &e), 0);
    assert_int_equal(fd_pipe(p, &e), 0);
    ipc_begin(&o, 7, 0xAABBCCDD);
    ipc_put_u64(&o, 1, UINT64_MAX);
    ipc_put_i64(&o, 2, INT64_MIN);
    ipc_put_str(&o, 3, "text");
    ipc_put_str(&o, 9, NULL);
    ipc_put_strv(&o, 4, words);
    ipc_put_fd(&o, p[1]);
    assert_int_equal(ipc_send(s[0], &o, &e), 0);
    assert_int_equal(ipc_recv(s[1], &in, &e), 1);
    assert_int_equal(in.type, 7);
    assert_int_equal(in.id, 0xAABBCCDD);
    assert_true(ipc_get_u64(&in, 1, &u) && u == UINT64_MAX);
    assert_true(ipc_get_i64(&in, 2, &i) && i == INT64_MIN);
    assert_true(ipc_get_sv(&in, 3, &v) && sv_is(v, "text"));
    assert_false(ipc_get_u64(&in, 3, &u)); /* wrong length */
    assert_false(ipc_get_sv(&in, 9, &v));
    size_t fields = 0, fours = 0;
    while (ipc_next(&in, &tag, &v)) {
        fields++;
        fours += tag == 4;
    }
    assert_int_equal(fields, 6);
    assert_int_equal(fours, 3);
    fd = ipc_take_fd(&in, 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(ipc_take_fd(&in, 0), -1);
    assert_int_equal(ipc_take_fd(&in, 1), -1);
    fd_close(&fd);
    assert_int_equal(fd_nonblock(s[1], true, &e), 0);
    assert_int_equal(ipc_recv(s[1], &in, &e), 0);
    assert_int_equal(e.sys, EAGAIN);
    fd_close(&s[0]);
    assert_int_equal(ipc_recv(s[1], &in, &e), 0);
    assert_int_equal(e.sys, 0);
    ipc_begin(&o, 1, 1);
    assert_int_equal(ipc_send(s[1], &o, &e), -1);
    assert_int_equal(e.code, FAIL_NET);
    fd_close(&s[1]);
    fd_close(&p[0]);
    fd_close(&p[1]);
    ipc_in_done(&in);
    assert_int_equal(open_fds(), before);
}

static void ipc_size_limit(void **state)
{
    (void)state;
    int s[2];
    struct err e;
    struct ipc_out o;
    struct ipc_in in = IPC_IN_INIT;
    char *big = xcalloc(1, IPC_MAX_BYTES);
    struct sv v;

    assert_int_equal(ipc_pair(s, &e), 0);
    ipc_begin(&o, 1, 0);
    ipc_put_sv(&o, 1, (struct sv){big, IPC_MAX_BYTES - 16});
    assert_int_equal(ipc_send(s[0], &o, &e), 0);
    assert_int_equal(ipc_recv(s[1], &in, &e), 1);
    assert_true(ipc_get_sv(&in, 1, &v) && v.n == IPC_MAX_BYTES - 16);
    ipc_begin(&o, 1, 0);
    ipc_put_sv(&o, 1, (struct sv){big, IPC_MAX_BYTES - 15});
    assert_int_equal(ipc_send(s[0], &o, &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
    ipc_begin(&o, 1, 0);
    for (int i = 0; i <= IPC_MAX_FDS; i++)
        ipc_put_fd(&o, s[0]);
    assert_int_equal(ipc_send(s[0], &o, &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
    ipc_begin(&o, 1, 0);
    for (int i = 0; i < IPC_MAX_FDS; i++)
        ipc_put_fd(&o, s[0]);
    assert_int_equal(ipc_send(s[0], &o, &e), 0);
    assert_int_equal(ipc_recv(s[1], &in, &e), 1);
    assert_int_equal(in.n_fds, IPC_MAX_FDS);
    ipc_in_done(&in);
    fd_close(&s[0]);
    fd_close(&s[1]);
    free(big);
}

static void send_raw(int sock, const void *p, size_t n, const int *fds, size_t n_fds)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * 64)];
        struct cmsghdr align;
    } c = {.bytes = {0}};
    struct iovec iov = {(void *)(uintptr_t)p, n};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    if (n_fds > 0) {
        msg.msg_control = c.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        (void)memcpy(CMSG_DATA(h), fds, sizeof(int) * n_fds);
    }
    assert_int_equal(sendmsg(sock, &msg, 0), n);
}

/* Truncation of bytes or descriptors is an error, and nothing leaks. */
static void ipc_truncation(void **state)
{
    (void)state;
    size_t before = open_fds();
    int s[2], many[40];
    struct err e;
    struct ipc_in in = IPC_IN_INIT;
    char *big = xcalloc(1, IPC_MAX_BYTES + 1);
    static const unsigned char head[] = {1, IPC_VERSION, 0, 0, 0, 0, 0, 0};

    assert_int_equal(ipc_pair(s, &e), 0);
    send_raw(s[0], big, IPC_MAX_BYTES + 1, NULL, 0);
    assert_int_equal(ipc_recv(s[1], &in, &e), -1);
    assert_int_equal(e.code, FAIL_PROTO);
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = s[0];
    send_raw(s[0], head, sizeof head, many, COUNT(many));
    assert_int_equal(ipc_recv(s[1], &in, &e), -1);
    assert_int_equal(e.code, FAIL_PROTO);
    assert_int_equal(in.n_fds, 0);
    send_raw(s[0], head, 7, many, 3); /* malformed, with descriptors */
    assert_int_equal(ipc_recv(s[1], &in, &e), -1);
    send_raw(s[0], head, sizeof head, many, 3); /* and after all that it still works */
    assert_int_equal(ipc_recv(s[1], &in, &e), 1);
    assert_int_equal(in.n_fds, 3);
    ipc_in_done(&in);
    fd_close(&s[0]);
    fd_close(&s[1]);
    free(big);
    assert_int_equal(open_fds(), before);
}

struct parse_case {
    const char *name;
    struct sv in;
    int rc;
};
#define ROW(name, lit, rc)               \
    {                                    \
        name, {lit, sizeof(lit) - 1}, rc \
    }
static const struct parse_case parse_cases[] = {
    ROW("empty record", "", -1),
    ROW("seven bytes", "\1\1\0\0\0\0\0", -1),
    ROW("head alone", "\1\1\0\0\0\0\0\0", 0),
    ROW("other version", "\1\2\0\0\0\0\0\0", -1),
    ROW("head with a bit set", "\1\1\0\1\0\0\0\0", -1),
    ROW("empty field", "\1\1\0\0\0\0\0\0\5\0\0\0\0\0\0\0", 0),
    ROW("field of one byte", "\1\1\0\0\0\0\0\0\5\0\0\0\1\0\0\0x", 0),
    ROW("field one byte short", "\1\1\0\0\0\0\0\0\5\0\0\0\2\0\0\0x", -1),
    ROW("field length near 2^32", "\1\1\0\0\0\0\0\0\5\0\0\0\xff\xff\xff\xffx", -1),
    ROW("field head cut", "\1\1\0\0\0\0\0\0\5\0\0\0\0\0\0", -1),
    ROW("field head with a bit set", "\1\1\0\0\0\0\0\0\5\0\0\1\0\0\0\0", -1),
    ROW("text behind the last field", "\1\1\0\0\0\0\0\0\5\0\0\0\0\0\0\0x", -1),
};

static void check_parse(void **state)
{
    const struct parse_case *c = *state;
    struct ipc_in in = IPC_IN_INIT;
    struct err e = {0};

    assert_int_equal(ipc_parse((const unsigned char *)c->in.p, c->in.n, &in, &e), c->rc);
    assert_int_equal(e.code, c->rc < 0 ? FAIL_PROTO : FAIL_NONE);
    ipc_in_done(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memfd_round_trip_and_limit),
        cmocka_unit_test(full_reads_and_writes),
        cmocka_unit_test(sweeps),
        cmocka_unit_test(ipc_round_trip),
        cmocka_unit_test(ipc_size_limit),
        cmocka_unit_test(ipc_truncation),
    };

    return cmocka_run_group_tests_name("fd", tests, NULL, NULL) +
           RUN_TABLE("ipc_parse", parse_cases, check_parse);
}
