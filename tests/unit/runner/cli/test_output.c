/* SPDX-License-Identifier: Apache-2.0
 *
 * Output to readers that are slow, stop reading, or go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/mem.h"
#include "runner/cli/output.h"

#define ALL ((size_t)3 << 20) /* more than a pipe or a socket holds */

struct rig {
    struct loop *loop;
    int ends[2];
    struct output *o;
    unsigned taken;
};

static void on_taken(void *ctx)
{
    struct rig *g = ctx;

    g->taken++;
    loop_stop(g->loop);
}

enum { A_PIPE, A_SOCKET };

static void begin(struct rig *g, int kind)
{
    struct err e = {0};

    *g = (struct rig){.loop = loop_new(&e)};
    if (kind == A_PIPE)
        assert_int_equal(fd_pipe(g->ends, &e), 0);
    else
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, g->ends), 0);
    g->o = output_new(g->loop, g->ends[1], on_taken, g);
}

static void end(struct rig *g)
{
    output_free(g->o);
    loop_free(g->loop);
    fd_close(&g->ends[0]);
    fd_close(&g->ends[1]);
}

static char byte_at(size_t i)
{
    return (char)('a' + i % 23);
}

/* In pieces, the first before anything is read. */
static void put_all(struct rig *g)
{
    char piece[1000];

    for (size_t at = 0; at < ALL;) {
        size_t n = sizeof piece < ALL - at ? sizeof piece : ALL - at;
        for (size_t i = 0; i < n; i++)
            piece[i] = byte_at(at + i);
        assert_int_equal(fwrite(piece, 1, n, output_file(g->o)), n);
        at += n;
    }
}

static void nothing_waits_for_the_reader(void **state)
{
    (void)state;
    for (int kind = A_PIPE; kind <= A_SOCKET; kind++) {
        AUTO(auto_free) char *block = xmalloc(ALL);
        struct rig g;
        struct err e = {0};
        size_t got = 0;
        begin(&g, kind);
        put_all(&g);
        assert_true(output_waiting(g.o) > 0);
        assert_int_equal(fcntl(g.ends[1], F_GETFL) & O_NONBLOCK, 0); /* others have it too */
        while (output_waiting(g.o) > 0) {
            ssize_t n = read(g.ends[0], block + got, ALL - got);
            assert_true(n > 0);
            got += (size_t)n;
            assert_int_equal(loop_turn(g.loop, 1000, &e), 0);
        }
        assert_int_equal(g.taken, 1);
        got += (size_t)fd_read_full(g.ends[0], block + got, ALL - got, &e);
        assert_int_equal(got, ALL);
        for (size_t i = 0; i < ALL; i++)
            assert_int_equal(block[i], byte_at(i));
        end(&g);
    }
}

static void a_reader_that_goes_is_seen(void **state)
{
    (void)state;
    for (int kind = A_PIPE; kind <= A_SOCKET; kind++) {
        struct rig g;
        struct err e = {0};
        begin(&g, kind);
        put_all(&g);
        fd_close(&g.ends[0]);
        assert_int_equal(loop_run(g.loop, &e), 0);
        assert_true(output_failed(g.o));
        assert_int_equal(output_waiting(g.o), 0);
        assert_int_equal(fwrite("x", 1, 1, output_file(g.o)), 0);
        end(&g);
    }
}

static void the_end_waits_as_long_as_something_is_read(void **state)
{
    struct rig g;

    (void)state;
    begin(&g, A_PIPE);
    put_all(&g);
    size_t before = output_waiting(g.o);
    output_finish(g.o, 10); /* nobody reads */
    assert_int_equal(output_waiting(g.o), before);
    end(&g);
}

static void a_file_takes_all(void **state)
{
    char path[] = "/tmp/gantry-output-XXXXXX";
    struct rig g = {.ends = {-1, mkostemp(path, O_CLOEXEC)}};
    struct err e = {0};

    (void)state;
    assert_true(g.ends[1] >= 0);
    g.loop = loop_new(&e);
    g.o = output_new(g.loop, g.ends[1], on_taken, &g);
    put_all(&g);
    assert_int_equal(output_waiting(g.o), 0);
    assert_int_equal(lseek(g.ends[1], 0, SEEK_CUR), ALL);
    (void)unlink(path);
    end(&g);
}

static void a_full_disk_is_a_failure(void **state)
{
    struct rig g = {.ends = {-1, open("/dev/full", O_WRONLY | O_CLOEXEC)}};
    struct err e = {0};

    (void)state;
    g.loop = loop_new(&e);
    g.o = output_new(g.loop, g.ends[1], on_taken, &g);
    assert_int_equal(fwrite("x", 1, 1, output_file(g.o)), 0);
    assert_true(output_failed(g.o));
    end(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_waits_for_the_reader),
        cmocka_unit_test(a_reader_that_goes_is_seen),
        cmocka_unit_test(the_end_waits_as_long_as_something_is_read),
        cmocka_unit_test(a_file_takes_all),
        cmocka_unit_test(a_full_disk_is_a_failure),
    };

    (void)sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
