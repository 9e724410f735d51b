/* SPDX-License-Identifier: Apache-2.0
 *
 * One job: the state that the parts of the worker share, and the waits on its loop. The job's flow is plain
 * sequential code that turns the loop where it waits; callbacks only note what happened. */
#ifndef RUNNER_WORKER_WORKER_H
#define RUNNER_WORKER_WORKER_H

#include "actions/mask.h"
#include "actions/matcher.h"
#include "base/http_client.h"
#include "base/ipc.h"
#include "base/loop.h"
#include "base/strv.h"
#include "runner/channel.h"
#include "runner/worker/exec.h"
#include "runner/worker/message.h"
#include "runner/worker/options.h"
#include "runner/worker/records.h"
#include "runner/worker/spool.h"
#include "sandbox/sandbox.h"

/* The runner version that services see; they refuse old ones (spec github-runner-protocol 8.3). */
#define WORKER_RUNNER_VERSION "2.336.0"

struct results;
struct upload;
struct feed;
struct relay;
struct process;
struct actions;
struct log_stream;

struct worker {
    struct loop *loop;
    int channel; /* to the listener */
    struct loop_fd *channel_watch;
    struct loop_timer *heartbeat;
    struct sbx_job *sbx;
    struct sbx_hello hello;
    struct loop_fd *sbx_watch;
    bool sbx_gone, listener_gone;
    struct err sbx_error;

    struct loop_timer *tick;
    const char *walls;                  /* of the worker itself: "landlock,seccomp" */
    int job_fd, options_fd, listing_fd; /* memfds of CH_JOB; -1 = none */
    bool have_job;
    struct worker_options opt;
    struct message *msg;
    struct mask *mask;
    struct matcher_set matchers;
    struct log_stream *streams; /* of the processes under way */
    struct strv source_copies;  /* folders of the native checkout */
    struct spool *spool;
    struct hc *http;
    struct secret token; /* of the job */
    char *user_agent;
    char session_header[64]; /* "X-Actions-Session: <guid>" */

    struct records records;
    struct results *results;
    struct upload *upload;
    struct feed *feed;
    struct relay *relay;
    struct actions *actions; /* prepared actions */

    /* Contexts; root objects are changed in place by this process only. */
    struct val *github, *runner, *job, *secrets, *null;
    struct val *steps; /* root scope */
    struct val *env;   /* job-global environment */
    struct strv paths; /* GITHUB_PATH, oldest first */
    struct val *run_defaults;
    struct val *states; /* step id -> object of STATE_ values */
    struct strv files;  /* file table, manifests appended */
    struct val *outputs;
    struct val *event;     /* the payload that event_text shows, or NULL */
    struct buf event_text; /* of event.json */
    char *event_path;
    bool
        event_intact; /* it held that text when it was last looked at, and nothing of the job's ran since */
    struct looked_up {
        char *name, *list,
            *found; /* a program that was found since the last process of a step ended */
    } looked_up;
    char *old_script; /* of the step before, if that went well */
    char *environment_url;
    char *workspace;            /* as the job sees it */
    struct val *telemetry;      /* messages of type ActionCommand, each once */
    const char *infrastructure; /* first category seen, or NULL */
    bool step_debug;
    const struct record *step,
        *told_step; /* under way; the one that the listener was told of last */

    enum task_result result;
    bool cancel_requested; /* CH_CANCEL or CH_SHUTDOWN arrived */
    bool cancel_handled;   /* a running step reacted */
    bool shutdown;
    char *cancel_reason;
    struct exec *running;    /* innermost step whose process or wait is under way */
    struct process *process; /* its process, or NULL */
    uint32_t copy_id;        /* of a copy of the local source */
    bool copy_done;
    struct err copy_error;
    int64_t cpu_ms, max_rss_bytes; /* of the steps' processes */
};

/* ---- the loop (worker.c) ---- */
/* One turn of the loop; -1 when the listener is gone (nothing more may be done). */
MUST_USE int worker_turn(struct worker *w, struct err *e);
/* Looks at what is ready without waiting. */
MUST_USE int worker_turn_now(struct worker *w, struct err *e);
/* Turns the loop for that long. FAIL_CANCELED when the job was cancelled meanwhile and `cancellable` is set. */
MUST_USE int worker_pause(struct worker *w, int64_t ms, bool cancellable, struct err *e);
int worker_main(void); /* exit status */
void worker_no_dump(void);
/* Port of an http or https URL. FAIL_INPUT. */
MUST_USE int worker_url_port(struct sv url, uint64_t *port, struct err *e);

/* ---- contexts.c ---- */
MUST_USE int contexts_init(struct worker *w, struct err *e);
void contexts_set_status(struct worker *w); /* job.status from w->result */
/* The whole of spec 5.5, in order, for a step that is about to start. */
void environment_build(struct exec *x, struct strv *out);

/* ---- masks.c ---- */
void masks_from_message(struct worker *w);
/* Base64 of "x-access-token:TOKEN", as downloads send it. */
void masks_add_basic_auth(struct worker *w, struct sv token);

/* ---- job_setup.c, job_finish.c: "Set up job" and "Complete job"; -1 only when the job cannot go on ---- */
struct step_list;
/* *ok false: the job failed or was cancelled in there; nothing else may run. */
MUST_USE int job_setup(struct worker *w, struct step_list *steps, bool *ok, struct err *e);
MUST_USE int job_finish(struct worker *w, struct err *e);
/* ---- cancel.c ---- */
/* Reacts to a cancel while a step is under way (11.3); idempotent. */
void cancel_react(struct worker *w);

#endif
