/* SPDX-License-Identifier: Apache-2.0
 *
 * The event loop. Watches that a callback removes are freed at the end of the turn, since the batch of
 * epoll may still name them; timers leave the heap before their callback, so they are freed at once. */
#include "base/loop.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define BATCH 64
/* Ours: how late a jump of the test clock is seen (loop.h). */
#define TEST_CLOCK_LOOK_MS 10
#define NOT_ARMED          ((size_t)-1)

struct loop_fd {
    struct loop *loop;
    struct loop_fd *prev, *next;
    int fd;
    unsigned events; /* 0: not in the epoll set */
    loop_fd_fn *fn;
    void *ctx;
    bool dead;
};

struct loop_timer {
    struct loop *loop;
    struct loop_timer *prev, *next;
    int64_t due_ms;
    uint64_t seq;   /* order of arming, so that equal times run in it */
    size_t heap_at; /* or NOT_ARMED */
    loop_timer_fn *fn;
    void *ctx;
};

struct loop {
    int epfd;
    int sigfd;
    bool stopped;
    bool dispatching;
    struct loop_fd *fds;
    struct loop_fd *dead;
    struct loop_timer *timers;
    struct loop_timer **heap;
    size_t n_heap, cap_heap;
    uint64_t seq;
    loop_signal_fn *signal_fn;
    void *signal_ctx;
};

struct loop *loop_new(struct err *e)
{
    int epfd = epoll_create1(EPOLL_CLOEXEC);

    if (epfd < 0) {
        (void)err_sys(e, "cannot create an epoll descriptor");
        return NULL;
    }
    struct loop *l = xcalloc(1, sizeof *l);
    l->epfd = epfd;
    l->sigfd = -1;
    return l;
}

static void free_dead(struct loop *l)
{
    while (l->dead != NULL) {
        struct loop_fd *w = l->dead;
        l->dead = w->next;
        free(w);
    }
}

void loop_free(struct loop *l)
{
    if (l == NULL)
        return;
    BUG(l->dispatching);
    while (l->fds != NULL) {
        struct loop_fd *w = l->fds;
        l->fds = w->next;
        free(w); /* the epoll descriptor goes as a whole */
    }
    while (l->timers != NULL) {
        struct loop_timer *t = l->timers;
        l->timers = t->next;
        free(t);
    }
    free_dead(l);
    fd_close(&l->sigfd);
    fd_close(&l->epfd);
    free(l->heap);
    free(l);
}

static uint32_t to_epoll(unsigned events)
{
    return ((events & LOOP_READ) != 0 ? (uint32_t)EPOLLIN : 0) |
           ((events & LOOP_WRITE) != 0 ? (uint32_t)EPOLLOUT : 0) |
           ((events & LOOP_HUP) != 0 ? (uint32_t)EPOLLRDHUP : 0);
}

static unsigned from_epoll(const struct loop_fd *w, uint32_t ev)
{
    unsigned events = 0;

    if ((ev & EPOLLIN) != 0)
        events |= LOOP_READ;
    if ((ev & EPOLLOUT) != 0)
        events |= LOOP_WRITE;
    if ((ev & EPOLLRDHUP) != 0)
        events |= LOOP_HUP;
    /* The reader or writer meets the end or the error in its next call. */
    if ((ev & (EPOLLHUP | EPOLLERR)) != 0)
        events |= LOOP_HUP | (w->events & (LOOP_READ | LOOP_WRITE));
    return events;
}

int loop_add_fd(struct loop *l, int fd, unsigned events, loop_fd_fn *fn, void *ctx,
                struct loop_fd **out, struct err *e)
{
    struct loop_fd *w = xcalloc(1, sizeof *w);
    struct epoll_event ev = {.events = to_epoll(events), .data = {.ptr = w}};

    *w = (struct loop_fd){.loop = l, .fd = fd, .events = events, .fn = fn, .ctx = ctx};
    if (events != 0 && epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
        free(w);
        return err_sys(e, "cannot watch descriptor %d", fd);
    }
    w->next = l->fds;
    if (l->fds != NULL)
        l->fds->prev = w;
    l->fds = w;
    if (out != NULL)
        *out = w;
    return 0;
}

void loop_set_fd(struct loop_fd *w, unsigned events)
{
    struct epoll_event ev = {.events = to_epoll(events), .data = {.ptr = w}};
    int op = w->events == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;

    if (w->dead || events == w->events)
        return;
    /* Nothing to wait for means out of the set: epoll reports hang-ups even for an empty mask. */
    BUG(epoll_ctl(w->loop->epfd, op, w->fd, &ev) < 0);
    w->events = events;
}

void loop_del_fd(struct loop_fd *w)
{
    if (w == NULL || w->dead)
        return;
    struct loop *l = w->loop;
    /* Fails when the descriptor was closed before: its copy in a child would report for ever. */
    BUG(w->events != 0 && epoll_ctl(l->epfd, EPOLL_CTL_DEL, w->fd, NULL) < 0);
    if (w->prev != NULL)
        w->prev->next = w->next;
    else
        l->fds = w->next;
    if (w->next != NULL)
        w->next->prev = w->prev;
    if (!l->dispatching) {
        free(w);
        return;
    }
    w->dead = true;
    w->next = l->dead;
    l->dead = w;
}

/* The heap: smallest due time first. */
static bool before(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->seq < b->seq;
}

static void heap_put(struct loop *l, size_t i, struct loop_timer *t)
{
    l->heap[i] = t;
    t->heap_at = i;
}

static void heap_up(struct loop *l, size_t i)
{
    struct loop_timer *t = l->heap[i];

    while (i > 0 && before(t, l->heap[(i - 1) / 2])) {
        heap_put(l, i, l->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_put(l, i, t);
}

static void heap_down(struct loop *l, size_t i)
{
    struct loop_timer *t = l->heap[i];

    for (;;) {
        size_t c = 2 * i + 1;
        if (c + 1 < l->n_heap && before(l->heap[c + 1], l->heap[c]))
            c++;
        if (c >= l->n_heap || !before(l->heap[c], t))
            break;
        heap_put(l, i, l->heap[c]);
        i = c;
    }
    heap_put(l, i, t);
}

static void disarm(struct loop_timer *t)
{
    struct loop *l = t->loop;
    size_t i = t->heap_at;

    if (i == NOT_ARMED)
        return;
    t->heap_at = NOT_ARMED;
    struct loop_timer *last = l->heap[--l->n_heap];
    if (last == t)
        return;
    heap_put(l, i, last);
    heap_down(l, i);
    heap_up(l, last->heap_at);
}

void loop_set_timer(struct loop_timer *t, int64_t delay_ms)
{
    struct loop *l = t->loop;

    disarm(t);
    if (delay_ms < 0)
        return;
    if (__builtin_add_overflow(tm_now_ms(), delay_ms, &t->due_ms))
        t->due_ms = INT64_MAX;
    t->seq = ++l->seq;
    GROW(l->heap, l->cap_heap, l->n_heap + 1);
    l->heap[l->n_heap] = t;
    heap_up(l, l->n_heap++);
}

struct loop_timer *loop_add_timer(struct loop *l, int64_t delay_ms, loop_timer_fn *fn, void *ctx)
{
    struct loop_timer *t = xcalloc(1, sizeof *t);

    *t = (struct loop_timer){
        .loop = l, .next = l->timers, .heap_at = NOT_ARMED, .fn = fn, .ctx = ctx};
    if (l->timers != NULL)
        l->timers->prev = t;
    l->timers = t;
    loop_set_timer(t, delay_ms);
    return t;
}

void loop_del_timer(struct loop_timer *t)
{
    if (t == NULL)
        return;
    disarm(t);
    if (t->prev != NULL)
        t->prev->next = t->next;
    else
        t->loop->timers = t->next;
    if (t->next != NULL)
        t->next->prev = t->prev;
    free(t);
}

static void on_signal(void *ctx, int fd, unsigned events)
{
    struct loop *l = ctx;
    struct signalfd_siginfo si;

    (void)events;
    while (read(fd, &si, sizeof si) == (ssize_t)sizeof si)
        l->signal_fn(l->signal_ctx, (int)si.ssi_signo);
}

int loop_on_signals(struct loop *l, const int *sigs, size_t n, loop_signal_fn *fn, void *ctx,
                    struct err *e)
{
    sigset_t set;

    BUG(l->sigfd >= 0);
    (void)sigemptyset(&set);
    for (size_t i = 0; i < n; i++)
        BUG(sigaddset(&set, sigs[i]) < 0);
    AUTO(auto_fd) int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return err_sys(e, "cannot create a signal descriptor");
    if (loop_add_fd(l, fd, LOOP_READ, on_signal, l, NULL, e) < 0)
        return -1;
    l->signal_fn = fn;
    l->signal_ctx = ctx;
    l->sigfd = fd_take(&fd);
    return 0;
}

/* Milliseconds for epoll_wait: the caller's limit, the next timer, the look at the test clock. */
static int wait_ms(const struct loop *l, int timeout_ms)
{
    int64_t ms = timeout_ms < 0 ? INT_MAX : timeout_ms;
    bool forever = timeout_ms < 0;

    if (l->n_heap > 0) {
        int64_t due = l->heap[0]->due_ms - tm_now_ms();
        if (due < 0)
            due = 0;
        if (due < ms) {
            ms = due;
            forever = false;
        }
        if (tm_page_path() != NULL && ms > TEST_CLOCK_LOOK_MS) {
            ms = TEST_CLOCK_LOOK_MS;
            forever = false;
        }
    }
    return forever ? -1 : (int)ms;
}

static void run_timers(struct loop *l)
{
    int64_t now = tm_now_ms();
    uint64_t last = l->seq; /* what callbacks arm now waits for the next turn */

    while (l->n_heap > 0 && l->heap[0]->due_ms <= now && l->heap[0]->seq <= last) {
        struct loop_timer *t = l->heap[0];
        disarm(t);
        t->fn(t->ctx); /* may free t */
    }
}

int loop_turn(struct loop *l, int timeout_ms, struct err *e)
{
    struct epoll_event ev[BATCH];
    int n = epoll_wait(l->epfd, ev, BATCH, wait_ms(l, timeout_ms));

    BUG(l->dispatching);
    if (n < 0 && errno != EINTR)
        return err_sys(e, "cannot wait for events");
    l->dispatching = true;
    for (int i = 0; i < n; i++) {
        struct loop_fd *w = ev[i].data.ptr;
        /* An earlier callback of this batch may have changed what w waits for. */
        unsigned events = w->dead ? 0 : from_epoll(w, ev[i].events) & (w->events | LOOP_HUP);
        if (events != 0 && w->events != 0)
            w->fn(w->ctx, w->fd, events);
    }
    run_timers(l);
    l->dispatching = false;
    free_dead(l);
    return 0;
}

int loop_run(struct loop *l, struct err *e)
{
    while (!l->stopped)
        if (loop_turn(l, -1, e) < 0)
            return -1;
    l->stopped = false;
    return 0;
}

void loop_stop(struct loop *l)
{
    l->stopped = true;
}
