/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages between two threads: a list under a mutex, and an eventfd that says "not empty". */
#include "base/queue.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

struct node {
    struct node *next;
    struct queue_msg m;
};

struct queue {
    pthread_mutex_t lock;
    struct node *first, **last;
    size_t n, bytes;
    size_t max_msgs, max_bytes;
    int fd;
};

struct queue *queue_new(size_t max_msgs, size_t max_bytes, struct err *e)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0) {
        (void)err_sys(e, "cannot make an eventfd");
        return NULL;
    }
    struct queue *q = xcalloc(1, sizeof *q);
    BUG(pthread_mutex_init(&q->lock, NULL) != 0);
    q->last = &q->first;
    q->max_msgs = max_msgs;
    q->max_bytes = max_bytes;
    q->fd = fd;
    return q;
}

void queue_free(struct queue *q)
{
    struct queue_msg m;

    if (q == NULL)
        return;
    while (queue_get(q, &m))
        free(m.p);
    (void)pthread_mutex_destroy(&q->lock);
    fd_close(&q->fd);
    free(q);
}

static bool put(struct queue *q, const struct queue_msg *m, bool always)
{
    struct node *node = xmalloc(sizeof *node);
    const uint64_t one = 1;
    bool fits, wake;

    *node = (struct node){.m = *m};
    BUG(pthread_mutex_lock(&q->lock) != 0);
    fits = always ||
           (q->n < q->max_msgs && q->bytes <= q->max_bytes && m->n <= q->max_bytes - q->bytes);
    wake = fits && q->first == NULL;
    if (fits) {
        *q->last = node;
        q->last = &node->next;
        q->n++;
        q->bytes += m->n;
    }
    /* Under the lock, so that "readable" and "not empty" never disagree. The counter cannot overflow: it is
     * cleared whenever the queue runs empty. */
    if (wake)
        BUG(write(q->fd, &one, sizeof one) != sizeof one);
    BUG(pthread_mutex_unlock(&q->lock) != 0);
    if (!fits)
        free(node);
    return fits;
}

bool queue_put(struct queue *q, const struct queue_msg *m)
{
    return put(q, m, false);
}

void queue_put_always(struct queue *q, const struct queue_msg *m)
{
    (void)put(q, m, true);
}

bool queue_get(struct queue *q, struct queue_msg *out)
{
    struct node *node;
    uint64_t count;

    BUG(pthread_mutex_lock(&q->lock) != 0);
    node = q->first;
    if (node != NULL) {
        q->first = node->next;
        if (q->first == NULL) {
            q->last = &q->first;
            BUG(read(q->fd, &count, sizeof count) != sizeof count);
        }
        q->n--;
        q->bytes -= node->m.n;
    }
    BUG(pthread_mutex_unlock(&q->lock) != 0);
    if (node == NULL)
        return false;
    *out = node->m;
    free(node);
    return true;
}

size_t queue_bytes(struct queue *q)
{
    BUG(pthread_mutex_lock(&q->lock) != 0);
    size_t bytes = q->bytes;
    BUG(pthread_mutex_unlock(&q->lock) != 0);
    return bytes;
}

int queue_fd(const struct queue *q)
{
    return q->fd;
}
