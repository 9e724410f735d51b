/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the service share: the model of runners, runs, legs and steps. It lives in memory and is
 * written through to the store; one thread, one loop. Secrets are only in memory. */
#ifndef RUNNER_SERVICE_SVC_PRIV_H
#define RUNNER_SERVICE_SVC_PRIV_H

#include "actions/plan.h"
#include "base/http_client.h"
#include "base/http_server.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/secret.h"
#include "base/strv.h"
#include "base/ws_server.h"

#include <stdint.h>

/* Times of the protocol (spec github-runner-protocol 5.1, 5.6, 6.2, 7.4, 11.3). */
#define SVC_POLL_HOLD_MS     50000
#define SVC_SESSION_ALIVE_MS 90000  /* after the last poll */
#define SVC_PICK_UP_MS       60000  /* a job that was delivered but not acquired is queued again */
#define SVC_LOCK_MS          600000 /* acquire and each renewal */
#define SVC_CANCEL_REPEAT_MS 30000
#define SVC_CANCEL_GRACE_MS \
    120000 /* after cancel-timeout-minutes: the service ends the job itself */
/* Limits of self-hosted runners (docs, spec expressions 9.8). */
#define SVC_JOB_MAX_MINUTES 7200.0     /* five days */
#define SVC_QUEUE_MAX_MS    86400000LL /* a day, from when the job could have started */
#define SVC_LOG_LATE_MS     2000       /* how long a step waits for the log of the one before */
#define SVC_TOKEN_TTL_MS    (30LL * 24 * 3600 * 1000)
#define SVC_OAUTH_TTL_MS    3000000LL

#define SVC_MAX_RUN_BODY  (32U << 20)
#define SVC_MAX_JOB_BODY  (16U << 20) /* completejob, step updates */
#define SVC_MAX_BLOB      (1ULL << 40)
#define SVC_SMALL_BLOB    (32U << 10) /* ours: up to here the database is cheaper than a file */
#define SVC_MAX_MESSAGE   (64U << 20) /* a composed job message */
#define SVC_MAX_RUNNERS   10000U
#define SVC_BILLING_OWNER "O_local"

struct svc;
struct calls;
struct place;
struct store_leg;
struct run;
struct leg;
struct store;

struct svc_config {
    bool serve;
    char *state_dir;
    char *address;
    uint16_t port, feed_port;
    char *host_name;
    unsigned runners;
    struct strv labels;
    struct strv actions_dirs;
    char *cache_dir; /* NULL = none */
    bool offline;
    char *action_server;
    char *admin_token; /* NULL = the front end token */
    char *record;      /* NULL = off */
};
MUST_USE int config_parse(struct sv text, struct svc_config *c, struct err *e);
void config_done(struct svc_config *c);

/* A registered runner and its one session. */
struct runner {
    uint64_t id;
    char *name;
    struct strv labels;
    bool ephemeral, deleted;
    char client_id[UUID_TEXT_SIZE];  /* OAuth variant; empty for a static token */
    char *public_key;                /* JSON of the RSA public key; NULL for a static token */
    char session_id[UUID_TEXT_SIZE]; /* empty: none */
    int64_t last_poll_ms;            /* end of the last poll, or creation of the session */
    bool busy;                       /* status of the last poll */
    bool exact_feed;     /* its live feed has no holes (docs/internals/local-service.md) */
    struct hs_req *poll; /* held open; NULL = none */
    int64_t poll_until_ms;
    struct leg *leg; /* assigned or running */
};

enum leg_state { LEG_QUEUED, LEG_ASSIGNED, LEG_RUNNING, LEG_DONE };

struct step_lines { /* lines of the live feed that wait for their turn */
    uint64_t first;
    struct strv lines;
};
struct step {
    char external_id
        [UUID_TEXT_SIZE]; /* lower case; empty after a restart until the runner names it */
    int64_t number;
    char *name;
    char *context_name;               /* NULL: the runner's own step */
    int status;                       /* 5 pending, 3 in progress, 6 completed (spec logs 6.1) */
    int conclusion;                   /* 0 none, 2 success, 3 failure, 4 cancelled, 7 skipped */
    int64_t started_ms, completed_ms; /* wall, as the runner said */
    int64_t done_ms;                  /* clock: when it was completed here */
    bool told_started, told_completed;
    uint64_t next_line;   /* of the log, 1-based: the next one to report */
    int64_t total_lines;  /* -1 unknown */
    uint64_t log_size;    /* bytes of its log that are here */
    uint64_t log_at;      /* where its first line begins that was not reported yet */
    uint64_t log_line;    /* and the number of that */
    uint64_t log_scanned; /* bytes from there that hold no line end */
    bool log_uploaded;    /* its metadata came: nothing follows */
    bool log_done;        /* the uploaded log was reported to its end */
    char *outcome;        /* NULL: as conclusion */
    json_t *outputs;
    struct step_lines *waiting;
    size_t n_waiting, waiting_cap;
    size_t waiting_bytes;
};

struct leg {
    struct run *run;
    const struct plan_leg *plan; /* NULL: decided without running */
    char *id, *name;
    char *job_id;
    json_t *matrix;  /* object or null */
    unsigned number; /* in the run, from 1 */
    char uuid[UUID_TEXT_SIZE];
    enum leg_state state;
    enum plan_result result;
    struct val *outputs;
    uint64_t output_bytes;
    struct runner *runner; /* assigned or running */
    int64_t message_id;
    int64_t assigned_ms, lock_ms;
    int64_t waits_ms; /* clock: it could have started since; 0 = not yet */
    int64_t since_ms; /* clock: running since */
    bool delivered, renewed;
    int64_t queued_ms, started_ms; /* wall */
    bool cancel;
    int64_t cancel_ms, cancel_sent_ms;
    struct secret github_token;
    struct step **steps; /* by number once known */
    size_t n_steps, steps_cap;
    int64_t steps_wait_ms; /* clock: when steps_advance() is due; -1 = not */
    json_t *usage;         /* of completejob; NULL = not told */
    struct strv
        summaries; /* ids of the steps whose summary was uploaded; not kept over a restart */
    bool completed_by_runner;
    bool orphan; /* ended by the service while its runner still has it */
    uint64_t
        finished; /* its place among the ends of the run's legs, from 1; 0 = it has not ended */
    struct place *place; /* in a concurrency group; NULL = none */
};

/* One that wants a concurrency group: a leg, a job that calls a workflow, or a workflow (struct plan_gate). */
struct place {
    struct run *run;
    struct leg *
        leg; /* NULL: of a workflow or of a calling job; or of a leg that is not planned again yet */
    char *id, *path, *name; /* path: "" = the run's own workflow */
    struct plan_group group;
    enum plan_gate_phase phase;
    uint64_t order; /* of arrival */
};

struct evlog;
struct event_block;
struct run_secret {
    char *name;
    struct secret value;
};
struct run {
    struct svc *svc;
    uint64_t id;
    char plan_id[UUID_TEXT_SIZE];
    json_t *request; /* the body of POST /_gantry/runs without secret values */
    char *wf_path;
    char *name; /* of the run: run-name, or what its event is about */
    struct wf *wf;
    struct val *github, *inputs, *vars;
    struct run_secret *secrets;
    size_t n_secrets;
    bool secrets_lost; /* after a restart */
    struct strv secret_names, only_jobs, filter_keys, filter_values;
    struct plan_matrix_filter *filter;
    struct plan_inputs in;
    struct plan **plans; /* legs point into them */
    size_t n_plans, plans_cap;
    struct leg **legs;
    size_t n_legs, legs_cap;
    struct evlog *events;
    bool cancelled, forced, dirty, done;
    enum plan_result result;
    int64_t started_ms;  /* wall */
    uint64_t n_finished; /* legs that ended */
};

struct svc {
    struct svc_config cfg;
    struct loop *loop;
    struct hs *hs;
    struct wss *wss;
    struct hc *hc; /* NULL until something is fetched from the network */
    struct store *store;
    int state_fd, record_fd;
    char *url;  /* "http://gantry.localhost:8799/" */
    char *feed; /* "ws://gantry.localhost:8800/_ws/ingest.sock" */
    struct secret key, front, admin;
    struct runner **runners;
    size_t n_runners, runners_cap;
    struct run **runs;
    size_t n_runs, runs_cap;
    struct place **places; /* in the order of their arrival */
    size_t n_places, places_cap;
    uint64_t next_run, next_message, next_place;
    struct loop_timer *timer;
    bool pumping, again, stopping;
    struct err fatal; /* code != 0: the loop was stopped by a failure */
};

/* service.c */
void svc_pump(struct svc *s); /* advances runs, assigns legs, delivers messages, sets the timer */
void svc_stop(struct svc *s);

/* reply.c: every answer of the protocol goes through these, so that the recorder sees it. */
void svc_reply(struct hs_req *r, int status, json_t *own_body); /* NULL: no body */
void svc_reply_headers(struct hs_req *r, int status, const char *const *headers, struct sv body);
void svc_unauthorized(struct hs_req *r, const char *what);
void svc_broker_error(struct hs_req *r, int status, const char *kind, const char *text);
void svc_run_error(struct hs_req *r, int status, const char *text);
void svc_twirp_error(struct hs_req *r, int status, const char *code, const char *text);
/* The request's JSON object; NULL after it answered 400. */
json_t *svc_body(struct hs_req *r);
void svc_set_text(json_t *o, const char *key, const char *text);
/* First text of a member that may be a string or a number. */
bool svc_get_id(const json_t *o, const char *key, struct buf *out);
MUST_USE int record_open(struct svc *s, struct err *e);

/* tokens.c */
void token_listener(struct svc *s, const struct runner *r, int64_t ttl_ms, struct buf *out);
void token_job(struct svc *s, const struct leg *l, struct buf *out);
/* Checks the bearer token; on failure answers 401 and returns NULL. */
struct runner *token_runner(struct svc *s, struct hs_req *r);
struct leg *token_leg(struct svc *s, struct hs_req *r);
bool token_front(struct svc *s, struct hs_req *r);
bool token_admin(struct svc *s, struct hs_req *r);
/* Runs on the WebSocket thread (base/ws_server.h): reads only the key. */
bool token_feed(const void *ctx, struct sv path, struct sv query, struct sv token, struct buf *who);
/* Signed URL of a blob; purpose "w" or "r". */
void token_blob_url(struct svc *s, const char *name, char purpose, struct buf *out);
bool token_blob_ok(struct svc *s, struct hs_req *r, const char *name, char purpose);

/* registration.c */
struct runner *runner_add(struct svc *s, const char *name, const struct strv *labels,
                          bool ephemeral);
struct runner *runner_find(struct svc *s, uint64_t id);
struct runner *runner_by_name(struct svc *s, const char *name); /* not deleted */
struct runner *runner_by_client(struct svc *s, struct sv client_id);
void runner_free(struct runner *r);
bool runner_has_labels(const struct runner *r, char *const *labels, const char **missing);
void runner_jit(struct svc *s, struct runner *r,
                struct buf *out); /* base64 of a static-token configuration */
/* rsa: the private key's file, or NULL. */
void runner_jit_files(struct svc *s, const struct runner *r, json_t *own_credentials,
                      const struct buf *rsa, struct buf *out);
void registration_jit(void *ctx, struct hs_req *r, enum hs_stage stage);
void registration_delete(void *ctx, struct hs_req *r, enum hs_stage stage);

/* oauth.c: the variant with a key pair (protocol 3) */
MUST_USE int oauth_jit(struct svc *s, struct runner *r, struct buf *out, struct err *e);
void oauth_token(void *ctx, struct hs_req *r, enum hs_stage stage);

/* session.c */
void session_create(void *ctx, struct hs_req *r, enum hs_stage stage);
void session_delete(void *ctx, struct hs_req *r, enum hs_stage stage);
void session_poll(void *ctx, struct hs_req *r, enum hs_stage stage);
void session_acknowledge(void *ctx, struct hs_req *r, enum hs_stage stage);
bool session_alive(const struct runner *r, int64_t now_ms);
void session_end(struct runner *r);
/* Ends a held poll without a message. */
void session_poll_empty(struct runner *r);

/* Answers the open poll with a message. */
void session_deliver(struct runner *run, int64_t message_id, const char *type, json_t *own_body);

/* queue.c */
int64_t
queue_turn(struct svc *s); /* one look at everything that waits; next deadline in ms, or -1 */
void queue_release(struct leg *l); /* the leg's runner is free again */

/* runservice.c */
void runservice_acquire(void *ctx, struct hs_req *r, enum hs_stage stage);
void runservice_renew(void *ctx, struct hs_req *r, enum hs_stage stage);
void runservice_complete(void *ctx, struct hs_req *r, enum hs_stage stage);

/* job_message.c */
MUST_USE int job_message(struct svc *s, struct leg *l, json_t **out, struct err *e);

/* context.c */
struct val *context_github(struct run *r);

/* run.c */
struct run *run_find(struct svc *s, uint64_t id);
/* Reads the request; may be called again after it failed. */
MUST_USE int run_prepare(struct run *r, struct calls *calls, struct wf_errors *errors,
                         struct err *e);
MUST_USE int run_start(struct run *r, struct err *e);
void run_advance(struct run *r);
void run_cancel(struct run *r, bool force);
void run_free(struct run *r);
void run_settle(struct run *r); /* when it is done: only its log and the names of its legs stay */
struct run *run_new(struct svc *s, uint64_t id, json_t *own_request);
struct leg *leg_restore(struct run *r, const struct store_leg *g, struct err *e);
struct leg *leg_find(struct svc *s, struct sv uuid);
/* The end of a leg. reason (may be NULL) becomes an annotation; of a skip, a part of its event. */
void leg_finish(struct leg *l, enum plan_result result, const char *reason);
void leg_request_cancel(struct leg *l);
struct leg *leg_by_id(struct run *r, const char *id);
/* An error that is about the run (path NULL) or about a job that calls a workflow. */
void run_annotation(struct run *r, const char *path, const char *name, const char *text);
MUST_USE int run_restore(struct svc *s, struct err *e);

/* groups.c: concurrency groups */
void groups_enter_leg(struct leg *l); /* a planned leg, if it wants a group */
void groups_leave_leg(struct leg *l);
bool groups_holds_back(const struct leg *l);
enum plan_gate_phase groups_phase(void *ctx,
                                  const char *id); /* ctx: the run; for plan_inputs.gate */
void groups_sync(struct run *r, const struct plan *plan);
void groups_run_over(struct run *r);
struct place *groups_restore(struct run *r, const char *id, const char *group);
void groups_restored(struct svc *s); /* all runs are there again */
void groups_free(struct svc *s);

/* run_api.c */
void run_api_create(void *ctx, struct hs_req *r, enum hs_stage stage);
void run_api_cancel(void *ctx, struct hs_req *r, enum hs_stage stage);
void run_api_events(void *ctx, struct hs_req *r, enum hs_stage stage);

/* results.c */
void results_steps_update(void *ctx, struct hs_req *r, enum hs_stage stage);
void results_receiver(void *ctx, struct hs_req *r, enum hs_stage stage);

/* steps.c: the steps of a leg and their log lines */
struct step *step_get(struct leg *l, const char *external_id, int64_t number);
void step_update(struct leg *l, const json_t *o, bool final);
void step_feed(struct leg *l, const json_t *message);
void step_log_uploaded(struct leg *l, struct step *st);

/* ---- outputs.c ---- */
/* Why they are too large (static text), or NULL; they are dropped then. */
const char *outputs_take(struct leg *l, json_t *outputs);
uint64_t outputs_bytes(const struct val *outputs);

/* summaries.c */
void summary_uploaded(struct leg *l, const char *step_id);
void summaries_report(const struct leg *l); /* when the job ends: an event each */
void step_free(struct step *st);
/* Reports what can be reported; finishing: the job is over, nothing else will come. */
void steps_advance(struct leg *l, bool finishing);
int64_t steps_deadline(const struct leg *l); /* ms on the clock, or -1 */
/* A leg's steps as the events of a run that is restored say. */
void step_restore(struct leg *l, const json_t *event);
void step_restore_lines(struct leg *l, const struct event_block *block);

/* step_log.c: the lines of a step, out of the live feed and of what was uploaded so far */
void step_log_init(struct step *st);
/* Reports what continues the log; exact: a batch of the feed has no holes inside. */
void step_log_report(struct leg *l, struct step *st, bool exact);
void step_log_forget(struct step *st); /* feed lines that wait */
/* A block was appended to a blob: when it is the log of a step that runs, its lines are reported. */
void step_log_grew(struct svc *s, const char *blob, uint64_t size);

/* blobs.c */
void blob_put(void *ctx, struct hs_req *r, enum hs_stage stage);
void blob_get(void *ctx, struct hs_req *r, enum hs_stage stage);
void blob_log_name(struct buf *b, const struct leg *l, const char *step_id, const char *kind);
/* Opens one that still grows, as far as it is there. */
MUST_USE int blob_open_growing(struct svc *s, const char *name, int *fd, struct err *e);
/* Opens a complete blob for reading; FAIL_NOTFOUND. */
MUST_USE int blob_open(struct svc *s, const char *name, int *fd, uint64_t *size, struct err *e);
MUST_USE int blob_seal(struct svc *s, const char *name, struct err *e);

/* feed.c */
void feed_event(void *ctx, enum wss_event event, uint64_t conn, struct sv who, struct sv text);

/* events.c: the log of one run's events; event_readers.c: who reads it */
MUST_USE int evlog_open(struct svc *s, uint64_t run_id, struct evlog **out, struct err *e);
void evlog_free(struct evlog *l);
/* Adds seq and time, appends, wakes the readers. */
void evlog_add(struct evlog *l, json_t *own_event);
/* Log lines of a step, each with its LF: `bytes` bytes, which evlog_bytes() hands over before anything else is
 * added. partial: one line, without a LF, that goes on in the next block. */
void evlog_block(struct evlog *l, const struct leg *leg, int64_t step, uint64_t lines,
                 uint64_t bytes, bool partial);
void evlog_bytes(struct evlog *l, struct sv text);
/* Streams everything after seq `after` into the request, then what comes, until the end: JSON Lines, or, to who asks
 * for EVENT_STREAM_TYPE, the log as it is from some event on that is not behind the first wanted one. */
void evlog_stream(struct evlog *l, struct hs_req *r, uint64_t after);
void evlog_end(struct evlog *l); /* nothing follows */
void evlog_flush(struct evlog *l);
/* All that is there so far. */
struct evlog_seen {
    void *ctx;
    void (*object)(void *ctx, const json_t *event);
    void (*lines)(void *ctx, const struct event_block *block);
};
MUST_USE int evlog_read(struct evlog *l, const struct evlog_seen *seen, struct err *e);
json_t *event_new(const char *type);
json_t *event_job(const struct leg *l, const char *type); /* with job and name */
void event_annotation(const struct leg *l, int64_t step, const json_t *annotation);
const char *conclusion_name(int conclusion);

/* store.c */
MUST_USE int store_open(struct svc *s, struct store **out, struct err *e);
void store_close(struct store *st);
MUST_USE int store_put_run(struct store *st, const struct run *r, struct err *e);
MUST_USE int store_put_leg(struct store *st, const struct leg *l, struct err *e);
MUST_USE int store_put_runner(struct store *st, const struct runner *r, struct err *e);
/* content: of a small blob, which is kept in the database; NULL: it lies in a file. */
MUST_USE int store_put_blob(struct store *st, const char *name, const char *sha256, uint64_t size,
                            const struct sv *content, struct err *e);
struct store_blob {
    char sha256[65];
    uint64_t size;
    bool is_inline;
    struct buf *content; /* gets that of a small one; NULL: not wanted */
};
/* FAIL_NOTFOUND */
MUST_USE int store_get_blob(struct store *st, const char *name, struct store_blob *out,
                            struct err *e);
MUST_USE int store_put_place(struct store *st, const struct place *p, struct err *e);
MUST_USE int store_del_place(struct store *st, const struct place *p, struct err *e);
struct store_leg {
    struct sv id, job_id, name, uuid;
    struct sv outputs, matrix, steps; /* JSON */
    int64_t state, result, runner, queued_ms, started_ms, finished;
};
struct store_place {
    struct sv id, path, name, group;
    int64_t order, phase;
    bool cancel_in_progress, queue_max;
};
struct store_loader {
    void *ctx;
    int (*runner)(void *ctx, const struct runner *r, struct err *e);
    int (*run)(void *ctx, uint64_t id, struct sv plan_id, struct sv request, int64_t started_ms,
               bool cancelled, bool done, int64_t result, struct err *e);
    int (*leg)(void *ctx, uint64_t run_id, const struct store_leg *l, struct err *e);
    int (*place)(void *ctx, uint64_t run_id, const struct store_place *p, struct err *e);
};
MUST_USE int store_load(struct store *st, const struct store_loader *l, struct err *e);

/* actions_source.c */
void actions_resolve(void *ctx, struct hs_req *r, enum hs_stage stage);

#endif
