/* SPDX-License-Identifier: Apache-2.0
 *
 * The state machines of one runner: session (session.c), poll (poll.c), job (job.c, lease.c, worker.c). */
#ifndef RUNNER_LISTENER_LISTENER_PRIV_H
#define RUNNER_LISTENER_LISTENER_PRIV_H

#include "runner/listener/api.h"
#include "runner/listener/envelope.h"
#include "runner/listener/listener.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "sandbox/sandbox.h"

#include <sys/types.h>

/* Exit codes (1.5) */
enum {
    GH_EXIT_OK = 0,
    GH_EXIT_TERMINATED = 1,
    GH_EXIT_RETRY = 2,
    GH_EXIT_CONFLICT = 5,
    GH_EXIT_OLD = 7
};
#define GH_EXIT_HOST 3 /* Ours (design 5): the launcher is gone or cannot be started */

enum gh_state {
    GH_SESSION, /* asking for a session, or waiting until it is asked for again */
    GH_POLLING, /* a poll is open, or waiting until the next */
    GH_LEAVING, /* the session is being deleted */
    GH_ENDED,
};
enum gh_job_state {
    GH_JOB_NONE,
    GH_JOB_ACK,
    GH_JOB_ACQUIRE,
    GH_JOB_LEASE,    /* first renewal: the worker starts after it */
    GH_JOB_RUN,      /* launched: until the worker ended */
    GH_JOB_COMPLETE, /* the listener completes for a worker that did not */
    GH_JOB_CLEAN,    /* reported; the worker still has to end */
};

struct gh_listener;
struct gh_runner;

/* One job, from its request to the last trace of it. */
struct gh_job {
    struct gh_runner *r;
    enum gh_job_state state;
    char *request_id, *run_url, *billing_owner;
    struct gh_envelope env;
    int msg_fd;
    struct gh_call *call; /* acknowledge, acquirejob, completejob */
    /* lease */
    struct gh_call *renew;
    struct loop_timer *renew_timer;
    int64_t lease_until_ms; /* monotonic */
    unsigned renew_errors;
    /* worker */
    char *dir, *name; /* folder of the job; its name below jobs_dir */
    int channel;
    struct loop_fd *channel_watch;
    uint32_t sbx_id;
    bool launched;    /* sbx_id counts: the launcher has it */
    bool worker_gone; /* only the launcher's cleaning is left, which nobody waits for */
    bool hello, reported;
    uint64_t result; /* .NET's TaskResult */
    bool lost;       /* 404 from the run service: nothing is reported any more */
    /* end */
    bool cancel;
    int64_t cancel_timeout_ms;
    char *cancel_reason;
    bool shutdown; /* cancelled because the runner stops */
    bool killed;
    struct loop_timer *kill_timer;
    char *failure; /* what completejob says for the worker */
};

struct gh_runner {
    struct gh_listener *l;
    struct gh_registration reg;
    struct gh_api *api;
    enum gh_state state;
    unsigned slot;
    char *session_id;
    struct gh_call *call; /* session, poll, delete */
    struct loop_timer *timer;
    unsigned conflicts, poll_errors, quick_polls, acquire_errors;
    bool connected_once, disconnected;
    bool busy_poll; /* what the open poll said */
    bool spared;    /* a spare worker that serves job after job was asked for */
    int64_t poll_began_ms;
    bool received;      /* run-once: its job came */
    bool stop;          /* no new job; leave when there is none */
    bool keep_session;  /* leave without deleting it */
    char *early_cancel; /* job id of a JobCancellation that came before its job */
    int64_t early_cancel_timeout_ms;
    int exit_code;
    struct err why;
    struct gh_job job;
};

struct gh_listener {
    struct gh_options o;
    struct loop *loop;
    struct hc *hc;
    struct sbx_launcher *launcher;
    struct loop_fd *launcher_watch;
    int jobs_fd;
    struct gh_runner *runners;
    size_t n;
    char *service_host;
    uint16_t service_port;
    char os_description[160];
    unsigned stops; /* signals so far */
    bool launcher_gone;
    uint32_t slot_uid; /* root mode: of slot 0; else 0 */
};

/* session.c */
void gh_session_open(struct gh_runner *r);
/* Leaves when no job is left: deletes the session unless keep_session, then GH_ENDED. */
void gh_session_leave(struct gh_runner *r);
void gh_runner_stop(struct gh_runner *r, int exit_code, const struct err *why);
/* poll.c */
void gh_poll_start(struct gh_runner *r);
/* The poll that is open said another status than what holds now: it is replaced. */
void gh_poll_refresh(struct gh_runner *r);
char *gh_poll_url(const struct gh_runner *r, const char *name, bool disable_update);
/* "[d.]hh:mm:ss[.fffffff]" in ms; -1 when malformed */
int64_t gh_timespan_ms(struct sv s);
/* job.c */
void gh_job_request(struct gh_runner *r, const json_t *body);
void gh_job_cancel(struct gh_runner *r, struct sv job_id, int64_t timeout_ms, const char *reason);
void gh_job_shutdown(struct gh_runner *r, const char *reason);
void gh_job_kill(struct gh_job *j);
/* Completes the job for its worker: conclusion by `cancel`, text as its annotation. */
void gh_job_complete(struct gh_job *j, const char *text);
void gh_job_over(
    struct gh_job *j); /* reported or given up: waits for the worker's end, then frees */
void gh_job_say_result(const struct gh_job *j);
void gh_job_drop(struct gh_job *j); /* frees everything, whatever the state */
/* lease.c */
void gh_lease_first(struct gh_job *j);
void gh_lease_stop(struct gh_job *j);
/* worker.c */
/* Has a worker started ahead for the next job of a runner: it is only faster with it, so that failing to ask for it is
 * no failure. */
void gh_worker_spare(struct gh_listener *l, unsigned slot);
void gh_worker_launch(struct gh_job *j);
void gh_worker_tell_cancel(struct gh_job *j);
void gh_worker_event(struct gh_job *j, const struct sbx_event *ev);
void gh_worker_forget(struct gh_job *j); /* closes the channel */
/* listener.c */
void gh_say(const struct gh_listener *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
void gh_say_timed(const struct gh_listener *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
void gh_status_line(const struct gh_listener *l, const char *type, const char *job,
                    const char *message);
void gh_runner_ended(struct gh_runner *r);

#endif
