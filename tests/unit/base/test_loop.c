/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop on the test clock: timers jump with it; callbacks free themselves and each other. */
#include "tests/unit/base/helper.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/num.h"
#include "base/proc.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static unsigned char *page;

enum { TIMERS = 8, WATCHES = 4, MANY = 500 };

struct scene {
    struct loop *l;
    struct loop_timer *t[TIMERS];
    struct loop_fd *w[WATCHES];
    int p[2];
    char order[64];
    size_t n;
    unsigned events;
    int signals;
};

static void mark(struct scene *s, char c)
{
    if (s->n + 1 < sizeof s->order)
        s->order[s->n++] = c;
}

static int scene_start(void **state)
{
    struct scene *s = xcalloc(1, sizeof *s);
    struct err e;

    s->l = loop_new(&e);
    s->p[0] = -1;
    s->p[1] = -1;
    *state = s;
    return s->l != NULL && fd_pipe(s->p, &e) == 0 ? 0 : -1;
}

static int scene_end(void **state)
{
    struct scene *s = *state;

    loop_free(s->l);
    fd_close(&s->p[0]);
    fd_close(&s->p[1]);
    free(s);
    store_le64(page, 0);
    return 0;
}

static void turn(struct scene *s, int ms)
{
    struct err e;

    assert_int_equal(loop_turn(s->l, ms, &e), 0);
}

static void mark_a(void *ctx)
{
    mark(ctx, 'a');
}
static void mark_b(void *ctx)
{
    mark(ctx, 'b');
}
static void mark_c(void *ctx)
{
    mark(ctx, 'c');
}
static void stop(void *ctx)
{
    struct scene *s = ctx;

    loop_stop(s->l);
}

static void timers_run_in_order(void **state)
{
    struct scene *s = *state;
    struct err e;

    /* Far apart, so that a slow machine changes nothing; then all of them are due. */
    (void)loop_add_timer(s->l, 300000, mark_c, s);
    (void)loop_add_timer(s->l, 100000, mark_a, s);
    (void)loop_add_timer(s->l, 200000, mark_b, s);
    (void)loop_add_timer(s->l, 600000, stop, s);
    store_le64(page, 1000000);
    assert_int_equal(loop_run(s->l, &e), 0);
    assert_string_equal(s->order, "abc");
}

static void seventy_minutes_in_one_jump(void **state)
{
    struct scene *s = *state;
    struct err e;

    (void)loop_add_timer(s->l, 60LL * 60 * 1000, mark_a, s);
    (void)loop_add_timer(s->l, 69LL * 60 * 1000, mark_b, s);
    (void)loop_add_timer(s->l, 80LL * 60 * 1000, mark_c, s);
    (void)loop_add_timer(s->l, 70LL * 60 * 1000, stop, s);
    turn(s, 0);
    assert_string_equal(s->order, "");
    int64_t real = tm_now_ms();
    store_le64(page, 70LL * 60 * 1000);
    assert_int_equal(loop_run(s->l, &e), 0);
    assert_string_equal(s->order, "ab");
    assert_in_range(tm_now_ms() - 70LL * 60 * 1000 - real, 0, 5000);
}

static void free_all(void *ctx)
{
    struct scene *s = ctx;

    mark(s, 'x');
    for (size_t i = 0; i < TIMERS; i++) {
        loop_del_timer(s->t[i]); /* its own is among them */
        s->t[i] = NULL;
    }
}

static void timer_frees_itself_and_others(void **state)
{
    struct scene *s = *state;

    for (size_t i = 0; i < TIMERS; i++)
        s->t[i] = loop_add_timer(s->l, 0, free_all, s);
    turn(s, 0);
    turn(s, 0);
    assert_string_equal(s->order, "x");
}

static void rearm(void *ctx)
{
    struct scene *s = ctx;

    mark(s, 'r');
    loop_set_timer(s->t[0], 0);
}

static void rearmed_timer_waits_for_the_next_turn(void **state)
{
    struct scene *s = *state;

    s->t[0] = loop_add_timer(s->l, 0, rearm, s);
    turn(s, 0);
    assert_string_equal(s->order, "r");
    turn(s, 0);
    assert_string_equal(s->order, "rr");
    loop_set_timer(s->t[0], -1);
    turn(s, 0);
    assert_string_equal(s->order, "rr");
    loop_set_timer(s->t[0], INT64_MAX); /* saturates */
    turn(s, 0);
    assert_string_equal(s->order, "rr");
}

static void many_timers(void **state)
{
    struct scene *s = *state;
    struct loop_timer *t[MANY];
    struct err e;

    for (size_t i = 0; i < MANY; i++)
        t[i] = loop_add_timer(s->l, (int64_t)(i * 7919 % 1000), mark_a, s);
    for (size_t i = 0; i < MANY; i++)
        if (i % 10 != 0)
            loop_del_timer(t[i]);
    (void)loop_add_timer(s->l, 1000, stop, s);
    store_le64(page, 2000);
    assert_int_equal(loop_run(s->l, &e), 0);
    assert_int_equal(s->n, 50);
}

static void on_read(void *ctx, int fd, unsigned events)
{
    struct scene *s = ctx;
    char c;

    s->events = events;
    if (read(fd, &c, 1) == 1)
        mark(s, c);
}

static void reads_pauses_and_end(void **state)
{
    struct scene *s = *state;
    struct err e;

    assert_int_equal(loop_add_fd(s->l, s->p[0], LOOP_READ, on_read, s, &s->w[0], &e), 0);
    assert_int_equal(write(s->p[1], "12", 2), 2);
    turn(s, 1000);
    assert_string_equal(s->order, "1");
    loop_set_fd(s->w[0], 0);
    fd_close(&s->p[1]);
    turn(s, 0); /* paused: not even the hang-up is reported */
    assert_string_equal(s->order, "1");
    loop_set_fd(s->w[0], LOOP_READ);
    turn(s, 1000);
    turn(s, 1000);
    assert_string_equal(s->order, "12");
    assert_int_equal(s->events, LOOP_READ | LOOP_HUP);
    loop_del_fd(s->w[0]);
    loop_del_fd(NULL);
    turn(s, 0);
}

static void free_watches(void *ctx, int fd, unsigned events)
{
    struct scene *s = ctx;

    (void)fd;
    (void)events;
    mark(s, 'w');
    for (size_t i = 0; i < WATCHES; i++) {
        loop_del_fd(s->w[i]);
        s->w[i] = NULL;
    }
}

static void watch_frees_itself_and_others(void **state)
{
    struct scene *s = *state;
    struct err e;
    int copies[4];

    for (size_t i = 0; i < COUNT(copies); i++) {
        copies[i] = fcntl(s->p[0], F_DUPFD_CLOEXEC, 3);
        assert_int_equal(loop_add_fd(s->l, copies[i], LOOP_READ, free_watches, s, &s->w[i], &e), 0);
    }
    assert_int_equal(write(s->p[1], "x", 1), 1);
    turn(s, 1000);
    turn(s, 0);
    assert_string_equal(s->order, "w"); /* the other three were ready too */
    for (size_t i = 0; i < COUNT(copies); i++)
        fd_close(&copies[i]);
    assert_int_equal(loop_add_fd(s->l, -1, LOOP_READ, on_read, s, &s->w[0], &e), -1);
}

static void on_signal(void *ctx, int sig)
{
    struct scene *s = ctx;

    s->signals += sig == SIGUSR1 ? 1 : sig == SIGTERM ? 10 : 1000;
    loop_stop(s->l);
}

static void signals_arrive_in_the_loop(void **state)
{
    struct scene *s = *state;
    static const int sigs[] = {SIGUSR1, SIGTERM};
    struct err e;

    assert_int_equal(loop_on_signals(s->l, sigs, 2, on_signal, s, &e), 0);
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    assert_int_equal(loop_run(s->l, &e), 0);
    assert_int_equal(s->signals, 11);
}

static void stop_before_run(void **state)
{
    struct scene *s = *state;
    struct err e;

    loop_stop(s->l);
    assert_int_equal(loop_run(s->l, &e), 0);
}

static void nothing_leaks(void **state)
{
    (void)state;
    size_t before = open_fds();
    struct err e;
    struct loop *l = loop_new(&e);

    assert_int_equal(loop_on_signals(l, (const int[]){SIGUSR2}, 1, on_signal, NULL, &e), 0);
    (void)loop_add_timer(l, 5, stop, NULL);
    loop_free(l);
    loop_free(NULL);
    assert_int_equal(open_fds(), before);
}

#define SCENE(fn) cmocka_unit_test_setup_teardown(fn, scene_start, scene_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(timers_run_in_order),
        SCENE(seventy_minutes_in_one_jump),
        SCENE(timer_frees_itself_and_others),
        SCENE(rearmed_timer_waits_for_the_next_turn),
        SCENE(many_timers),
        SCENE(reads_pauses_and_end),
        SCENE(watch_frees_itself_and_others),
        SCENE(signals_arrive_in_the_loop),
        SCENE(stop_before_run),
        cmocka_unit_test(nothing_leaks),
    };
    char path[] = "/tmp/gantry-clock-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);

    proc_main_init();
    if (fd < 0 || ftruncate(fd, 4096) < 0)
        return 1;
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (page == MAP_FAILED ||
        setenv("GANTRY_TEST_CLOCK", path, 1) < 0) /* allow: own test process */
        return 1;
    int failed = cmocka_run_group_tests_name("loop", tests, NULL, NULL);
    (void)unlink(path);
    return failed;
}
