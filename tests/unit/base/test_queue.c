/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of base/queue.h: limits, the eventfd, and two threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "base/mem.h"
#include "base/queue.h"

static bool readable(const struct queue *q)
{
    struct pollfd p = {.fd = queue_fd(q), .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

static struct queue_msg text(const char *s)
{
    return (struct queue_msg){.kind = 1, .id = 2, .p = xstrdup(s), .n = strlen(s)};
}

static void check_order(void **state)
{
    struct err e;
    struct queue *q = queue_new(10, 100, &e);
    struct queue_msg a = text("a"), b = text("bb"), out;

    (void)state;
    assert_false(readable(q));
    assert_false(queue_get(q, &out));
    assert_true(queue_put(q, &a));
    assert_true(queue_put(q, &b));
    assert_int_equal(queue_bytes(q), 3);
    assert_true(readable(q));
    assert_true(queue_get(q, &out));
    assert_string_equal(out.p, "a");
    assert_int_equal(out.id, 2);
    free(out.p);
    assert_true(readable(q));
    assert_true(queue_get(q, &out));
    assert_string_equal(out.p, "bb");
    free(out.p);
    assert_false(readable(q));
    assert_int_equal(queue_bytes(q), 0);
    queue_free(q);
    queue_free(NULL);
}

static void check_limits(void **state)
{
    struct err e;
    struct queue *q = queue_new(3, 4, &e);
    struct queue_msg five = text("12345"), four = text("1234"), none = {.kind = 1};

    (void)state;
    assert_false(queue_put(q, &five));
    assert_true(queue_put(q, &four));
    assert_true(queue_put(q, &none));
    assert_true(queue_put(q, &none));
    assert_false(queue_put(q, &none)); /* a fourth message */
    queue_put_always(q, &five);
    assert_false(queue_put(q, &none));
    assert_int_equal(queue_bytes(q), 9);
    queue_free(q); /* frees what is left */
}

enum { COUNT = 20000 };

static void *producer(void *arg)
{
    for (unsigned i = 0; i < COUNT; i++) {
        struct queue_msg m = {.kind = i, .p = xmemdup(&i, sizeof i), .n = sizeof i};
        while (!queue_put(arg, &m))
            (void)sched_yield();
    }
    return NULL;
}

static void check_threads(void **state)
{
    struct err e;
    struct queue *q = queue_new(64, 1000, &e);
    pthread_t t;
    bool in_order = true;

    (void)state;
    assert_int_equal(pthread_create(&t, NULL, producer, q), 0);
    for (unsigned i = 0; i < COUNT;) {
        struct pollfd p = {.fd = queue_fd(q), .events = POLLIN};
        struct queue_msg m;
        if (poll(&p, 1, 10000) != 1)
            break;
        while (queue_get(q, &m)) {
            in_order = in_order && m.kind == i++;
            free(m.p);
        }
    }
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_true(in_order);
    queue_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(check_order),
                                       cmocka_unit_test(check_limits),
                                       cmocka_unit_test(check_threads)};

    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
