/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounded queue of owned messages between two threads, with an eventfd that a loop can watch. The only
 * thing that threads of Gantry share, and the only mutex. */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue;

/* Meaning of kind and id belongs to the users of one queue. p is owned (free()) and may be NULL. */
struct queue_msg {
    unsigned kind;
    uint64_t id;
    char *p;
    size_t n;
};

/* Limits on what waits: messages, and the sum of their bytes. One message above max_bytes is never taken. */
struct queue *queue_new(size_t max_msgs, size_t max_bytes, struct err *e);
void queue_free(
    struct queue *q); /* with what is still in it; no other thread may use it any more */

/* Any thread; never blocks. True: the queue owns m->p now. False: it is full, m->p stays the caller's. */
MUST_USE bool queue_put(struct queue *q, const struct queue_msg *m);
/* As queue_put, but ignores the limits: for the few control messages that must never be lost. */
void queue_put_always(struct queue *q, const struct queue_msg *m);
/* Any thread; never blocks. True: *out is the oldest message, owned by the caller. */
MUST_USE bool queue_get(struct queue *q, struct queue_msg *out);
size_t queue_bytes(struct queue *q); /* waiting now */
/* Readable while the queue is not empty; stays the queue's. Do not read from it. */
int queue_fd(const struct queue *q);

#endif
