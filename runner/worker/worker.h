/* SPDX-License-Identifier: Apache-2.0
 *
 * One job: the state that the parts of the worker share, and the waits on its loop. The job's flow is plain
 * sequential code that turns the loop where it waits; callbacks only note what happened. */
#ifndef RUNNER_WORKER_WORKER_H
#define RUNNER_WORKER_WORKER_H

#include "actions/mask.h"
#include "base/http_client.h"
#include "base/loop.h"
#include "base/strv.h"
#include "runner/channel.h"
#include "runner/worker/exec.h"
#include "runner/worker/message.h"
#include "runner/worker/records.h"
#include "runner/worker/spool.h"
#include "sandbox/sandbox.h"

/* The runner version that services see; they refuse old ones (spec github-runner-protocol 8.3). */
#define WORKER_RUNNER_VERSION "2.336.0"
#define WORKER_MAX_FDS        8

struct results;
struct upload;
struct feed;
struct relay;
struct process;
struct actions;

/* Options of CH_JOB (runner/channel.h). */
struct worker_options {
    char *source_repository, *source_sha, *source_ref, *source_folder; /* NULL = no local source */
    bool checkout_action; /* run the stock action instead of the native checkout */
    bool prefill;
    char *ca_file, *proxy; /* NULL = default */
    char *runner_name;     /* NULL = the host's name */
    bool no_color;
    struct strv env; /* base environment of steps, from the runner's configuration */
    struct strv actions_dirs;
};

struct worker {
    struct loop *loop;
    int channel; /* to the listener */
    struct loop_fd *channel_watch;
    struct loop_timer *heartbeat;
    struct sbx_job *sbx;
    struct sbx_hello hello;
    struct loop_fd *sbx_watch;
    bool sbx_gone;
    struct err sbx_error;

    int job_fd, listing_fd; /* memfds of CH_JOB; -1 = none */
    int actions_fds[WORKER_MAX_FDS];
    size_t n_actions_fds;
    bool have_job;
    struct worker_options opt;
    struct message *msg;
    struct mask *mask;
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
    char *environment_url;
    char *workspace;            /* as the job sees it */
    struct val *telemetry;      /* messages of type ActionCommand, each once */
    const char *infrastructure; /* first category seen, or NULL */
    bool step_debug;

    enum task_result result;
    bool cancel_requested; /* CH_CANCEL or CH_SHUTDOWN arrived */
    bool cancel_handled;   /* a running step reacted */
    bool shutdown;
    char *cancel_reason;
    struct exec *running;    /* innermost step whose process or wait is under way */
    struct process *process; /* its process, or NULL */
};

/* ---- the loop (worker.c) ---- */
/* One turn of the loop; -1 when the listener is gone (nothing more may be done). */
MUST_USE int worker_turn(struct worker *w, struct err *e);
int worker_main(void); /* exit status */

/* ---- http (http_wait.c): a call that waits by turning the loop ---- */
struct http_answer {
    int status;
    struct buf body;
};
/* JSON in and out with the job's token. body NULL: GET. Fails with FAIL_CANCELED when the job was cancelled
 * meanwhile and `cancellable` is set. */
MUST_USE int http_json(struct worker *w, const char *url, const json_t *body, bool cancellable,
                       struct http_answer *out, struct err *e);
/* Starts a request and waits for its end; s->done and s->ctx are replaced. */
MUST_USE int http_wait(struct worker *w, const struct hc_spec *s, bool cancellable, int *status,
                       struct buf *body, struct err *e);

/* ---- contexts.c ---- */
MUST_USE int contexts_init(struct worker *w, struct err *e);
void contexts_set_status(struct worker *w); /* job.status from w->result */
/* The whole of spec 5.5, in order, for a step that is about to start. */
void environment_build(struct exec *x, struct strv *out);

/* ---- masks.c ---- */
void masks_from_message(struct worker *w);
/* Trimmed value and each of its lines (spec logs 3.2). */
void masks_add_secret(struct worker *w, struct sv value, bool trim);

/* ---- steps.c ---- */
MUST_USE int steps_run_all(struct worker *w, struct err *e);
/* ---- job_setup.c, job_finish.c ---- */
MUST_USE int job_setup(struct worker *w, struct err *e);
MUST_USE int job_finish(struct worker *w, struct err *e);
/* ---- completion.c ---- */
json_t *completion_body(const struct worker *w);
MUST_USE int completion_send(struct worker *w, struct err *e);
/* ---- cancel.c ---- */
/* Reacts to a cancel while a step is under way (11.3); idempotent. */
void cancel_react(struct worker *w);

#endif
