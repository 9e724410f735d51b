/* SPDX-License-Identifier: Apache-2.0
 *
 * The event loop of a process: epoll, timers on the one clock, a signalfd, child ends by pidfd. One thread.
 * Callbacks never block. A callback may remove or free any watch, its own included. */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct loop;
struct loop_fd;    /* one watched descriptor */
struct loop_timer; /* one timer, one-shot; re-arm in its callback for a period */

enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_HUP = 4 };
typedef void loop_fd_fn(void *ctx, int fd, unsigned events);
typedef void loop_timer_fn(void *ctx);
typedef void loop_signal_fn(void *ctx, int sig);

struct loop *loop_new(struct err *e);
void loop_free(
    struct loop *l); /* watches that still exist are freed; descriptors stay the callers' */

MUST_USE int loop_add_fd(struct loop *l, int fd, unsigned events, loop_fd_fn *fn, void *ctx,
                         struct loop_fd **out, struct err *e);
/* 0 pauses the watch. A hang-up or error reports LOOP_HUP and what was asked for, so that the next read or
 * write meets it. */
void loop_set_fd(struct loop_fd *w, unsigned events);
/* Before the descriptor is closed, never after (BUG). NULL is fine. */
void loop_del_fd(struct loop_fd *w);

/* delay_ms >= 0, from now on the one clock. */
struct loop_timer *loop_add_timer(struct loop *l, int64_t delay_ms, loop_timer_fn *fn, void *ctx);
void loop_set_timer(struct loop_timer *t, int64_t delay_ms); /* (re)arms; < 0 disarms */
void loop_del_timer(struct loop_timer *t);                   /* NULL is fine */

/* The signals must be blocked (proc_main_init). One handler for all of the set. */
MUST_USE int loop_on_signals(struct loop *l, const int *sigs, size_t n, loop_signal_fn *fn,
                             void *ctx, struct err *e);

/* Runs until loop_stop(). With the test clock in use, wakes at least every 10 ms to see a jump. */
MUST_USE int loop_run(struct loop *l, struct err *e);
/* One turn: waits at most timeout_ms (-1: until something happens). */
MUST_USE int loop_turn(struct loop *l, int timeout_ms, struct err *e);
void loop_stop(struct loop *l);

#endif
