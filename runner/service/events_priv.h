/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by events.c (the log grows) and event_readers.c (it is read). */
#ifndef RUNNER_SERVICE_EVENTS_PRIV_H
#define RUNNER_SERVICE_EVENTS_PRIV_H

#include "runner/service/svc_priv.h"

struct reader;
struct evlog_index { /* a place to begin reading at */
    uint64_t seq;    /* of the events before it */
    uint64_t at;
};
struct evlog {
    struct svc *s;
    uint64_t run_id;
    int fd;
    struct buf pending;
    uint64_t size; /* of the file */
    uint64_t seq;
    uint64_t block_left; /* bytes of a block of log lines that its writer owes */
    bool ended, failed;
    struct evlog_index *index;
    size_t n_index, index_cap;
    struct reader **readers;
    size_t n_readers, readers_cap;
    struct loop_timer *timer;
};

/* events.c */
MUST_USE int evlog_open_file(struct evlog *l, struct err *e);
void evlog_write_pending(struct evlog *l);
void evlog_rest(struct evlog *l);

/* event_readers.c */
void evlog_wake_readers(struct evlog *l);
void evlog_forget_readers(struct evlog *l); /* the log goes */

#endif
