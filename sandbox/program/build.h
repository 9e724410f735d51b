/* SPDX-License-Identifier: Apache-2.0
 *
 * From a plan to a running init: what this host can do, and the making of one sandbox. */
#ifndef SANDBOX_PROGRAM_BUILD_H
#define SANDBOX_PROGRAM_BUILD_H

#include "sandbox/program/etc.h"
#include "sandbox/program/plan.h"

#include <sys/types.h>

/* What this host offers to this caller; found by doing (sandbox.md section 4), once, when first needed. */
struct host {
    enum sbx_level best;
    char missing[512]; /* why not more, with the remedy */
    char lacks[128];   /* the same in words: "subid,cgroup" */
    char groups[128];  /* of the caller, which level single cannot take away: "docker,sudo" */
    bool used_none;
    bool upper_in_memory;
    uint32_t idmap_range; /* whose map idmap carries; 0 = none */
    int idmap;
    struct sock_fprog profile, guard; /* compiled once */
    struct etc etc;
};
void host_look(struct host *h);
/* Names, with commas, of the caller's groups that are refused at level single; "" = none. */
void host_groups(char *dst, size_t size);
void host_done(struct host *h);
/* Makes h->idmap a user namespace with the map of this range. */
MUST_USE int host_idmap(struct host *h, uint32_t range, struct err *e);
/* Sets p->level, or says why the job must be refused. */
MUST_USE int host_choose(struct host *h, struct plan *p, struct err *e);

struct built {
    pid_t init;          /* 0 = none */
    int sock;            /* to init: READY or BROKEN comes, closing ends it */
    int worker_end;      /* of the socket between worker and init */
    int actions_dir;     /* of the worker */
    int dir;             /* the locked job folder */
    int range_lock;      /* level full */
    uint32_t range;      /* level full: first host id of the job's range; else 0 */
    uint32_t worker_uid; /* (uint32_t)-1: ours */
};
#define BUILT_INIT \
    ((struct built){.sock = -1, .worker_end = -1, .actions_dir = -1, .dir = -1, .range_lock = -1})
MUST_USE int build_start(struct host *h, const struct plan *p, struct built *b, struct err *e);
void built_done(struct built *b);

#endif
