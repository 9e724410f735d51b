/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker's handle of a job, shared by job.c and files.c. */
#ifndef SANDBOX_JOB_PRIV_H
#define SANDBOX_JOB_PRIV_H

#include "sandbox/wire.h"

#define SBX_ANSWER_MS 10000  /* init and small file requests */
#define SBX_TREE_MS   300000 /* removing or hashing a tree */

struct queued_event {
    struct queued_event *next;
    struct sbx_job_event ev;
};

struct sbx_job {
    int sock;   /* to init */
    int helper; /* to the file helper; -1 = ask init for one */
    int epoll;
    int queued; /* eventfd, readable while first != NULL */
    uint32_t last_id;
    struct queued_event *first, *last;
};

/* Waits for the answer with this id; events that come in between are queued. */
MUST_USE int sbx_job_answer(struct sbx_job *j, uint32_t id, int timeout_ms, struct ipc_in *answer,
                            struct err *e);

#endif
