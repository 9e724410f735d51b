/* SPDX-License-Identifier: Apache-2.0
 *
 * What init's loop (init.c) and the starting of steps (init_steps.c) share. */
#ifndef SANDBOX_PROGRAM_INIT_PRIV_H
#define SANDBOX_PROGRAM_INIT_PRIV_H

#include "sandbox/program/init.h"
#include "sandbox/program/step.h"

#include "base/ipc.h"

#define MAX_CHILDREN 256

enum child_kind { CHILD_STEP, CHILD_HELPER, CHILD_COPIER };

struct child {
    enum child_kind kind;
    pid_t pid;   /* step: 0 until the starter told it */
    uint32_t id; /* 0: its end is of no interest */
    int sock;    /* copier: until its record; else -1 */
    /* A step that has not started yet. */
    bool sent; /* the starter has the request */
    unsigned attempt;
    struct ipc_in request; /* kept until it started, to repeat it */
    int early_signal;      /* asked for before it started; 0 = none */
    bool early_group;
};

struct init {
    const struct box *box;
    int worker, launcher, signals;
    struct starter starter;
    struct child *children;
    size_t n, cap;
};

/* ---- init.c ---- */
void init_tell(struct init *in, struct ipc_out *o);
void init_answer_error(struct init *in, uint8_t type, uint32_t id, const struct err *e);
struct child *init_add_child(struct init *in, enum child_kind kind, pid_t pid, uint32_t id);
void init_drop_child(struct init *in, struct child *c);

/* ---- init_steps.c ---- */
void steps_spawn(struct init *in, struct ipc_in *request);
void steps_signal(struct init *in, const struct ipc_in *r);
/* The starter's socket is readable, or it died: takes what it said, and starts the next. */
void steps_listen(struct init *in);
/* The starter was reaped. */
void steps_starter_ended(struct init *in);
/* The program of the step that is being started may have ended already, and the starter have been stopped by the job
 * before it said so. */
void steps_see_end(struct init *in);
/* A step is being started, and its process may be a child that is not known yet: nothing unknown may be reaped. */
bool steps_is_starting(const struct init *in);

#endif
