/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a worker: attach, take the job, confine, run it, report it. */
#include "runner/worker/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "runner/worker/action_prepare.h"
#include "runner/worker/completion.h"
#include "runner/worker/confine.h"
#include "runner/worker/feed.h"
#include "runner/worker/process.h"
#include "runner/worker/program.h"
#include "runner/worker/relay.h"
#include "runner/worker/results.h"
#include "runner/worker/steps.h"
#include "runner/worker/upload.h"

enum {
    HEARTBEAT_MS = 10000, /* runner/channel.h */
    TICK_MS = 1000,       /* Source: spec logs 7.2, interval of the upload queue */
    DRAIN_MS =
        120000, /* ours: what services may take at the end; the job's result does not wait longer */
};

/* ---- the loop ---- */

static void on_sandbox(void *ctx, int fd, unsigned events)
{
    struct worker *w = ctx;
    struct sbx_job_event ev;
    int r;

    (void)fd;
    (void)events;
    while ((r = sbx_job_next(w->sbx, &ev, &w->sbx_error)) == 1) {
        if (ev.kind == SBX_JOB_EXITED) {
            w->cpu_ms += ev.usage.ru_utime.tv_sec * 1000 + ev.usage.ru_utime.tv_usec / 1000 +
                         ev.usage.ru_stime.tv_sec * 1000 + ev.usage.ru_stime.tv_usec / 1000;
            if (ev.usage.ru_maxrss * 1024 > w->max_rss_bytes)
                w->max_rss_bytes = ev.usage.ru_maxrss * 1024;
        }
        if (process_event(w->process, &ev))
            continue;
        if (ev.kind == SBX_JOB_COPIED && ev.id == w->copy_id) {
            w->copy_done = true;
            w->copy_error = ev.error;
        }
    }
    if (r < 0 && !w->sbx_gone) {
        w->sbx_gone = true;
        loop_del_fd(w->sbx_watch);
        w->sbx_watch = NULL;
    }
}

static void on_record(struct worker *w, struct ipc_in *in)
{
    struct sv reason;

    if (in->type == CH_JOB && !w->have_job) {
        w->have_job = true;
        w->job_fd = ipc_take_fd(in, 0);
        w->options_fd = ipc_take_fd(in, 1);
        w->listing_fd = ipc_take_fd(in, 2);
    } else if (in->type == CH_CANCEL || in->type == CH_SHUTDOWN) { /* may come again and again */
        w->cancel_requested = true;
        w->shutdown = w->shutdown || in->type == CH_SHUTDOWN;
        if (w->cancel_reason == NULL && ipc_get_sv(in, CH_TAG_REASON, &reason))
            w->cancel_reason = sv_dup(reason);
    }
}

static void on_channel(void *ctx, int fd, unsigned events)
{
    struct worker *w = ctx;
    struct err e = {0};

    (void)events;
    for (;;) {
        AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
        int r = ipc_recv(fd, &in, &e);
        if (r == 0 && e.sys == EAGAIN)
            return;
        if (r <= 0) {
            w->listener_gone = true;
            loop_del_fd(w->channel_watch);
            w->channel_watch = NULL;
            return;
        }
        on_record(w, &in);
    }
}

static int turn(struct worker *w, int timeout_ms, struct err *e)
{
    if (!w->listener_gone && loop_turn(w->loop, timeout_ms, e) < 0)
        return -1;
    if (w->listener_gone)
        return err_set(e, FAIL_CANCELED, "the listener is gone: the job ends");
    return 0;
}

int worker_turn(struct worker *w, struct err *e)
{
    return turn(w, -1, e);
}

int worker_turn_now(struct worker *w, struct err *e)
{
    return turn(w, 0, e);
}

static void set_flag(void *ctx)
{
    *(bool *)ctx = true;
}

int worker_pause(struct worker *w, int64_t ms, bool cancellable, struct err *e)
{
    bool over = false;
    struct loop_timer *t = loop_add_timer(w->loop, ms, set_flag, &over);
    int rc = 0;

    while (rc == 0 && !over) {
        rc = worker_turn(w, e);
        if (rc == 0 && cancellable && w->cancel_requested)
            rc = err_set(e, FAIL_CANCELED, "The operation was canceled.");
    }
    loop_del_timer(t);
    return rc;
}

static int tell(struct worker *w, uint8_t type, struct err *e)
{
    struct ipc_out o;

    ipc_begin(&o, type, 0);
    if (type == CH_HELLO)
        ipc_put_u64(&o, CH_TAG_VERSION, IPC_VERSION);
    return ipc_send(w->channel, &o, e);
}

static void on_heartbeat(void *ctx)
{
    struct worker *w = ctx;
    struct err ignored = {0};

    if (tell(w, CH_HEARTBEAT, &ignored) == 0) /* a listener that is gone shows in on_channel() */
        loop_set_timer(w->heartbeat, HEARTBEAT_MS);
}

/* A status line: only what takes a while is worth one. */
static void tell_step(struct worker *w)
{
    struct err ignored = {0};
    struct ipc_out o;

    if (w->step == NULL || w->step == w->told_step)
        return;
    w->told_step = w->step;
    ipc_begin(&o, CH_STATE, 0);
    ipc_put_sv(&o, CH_TAG_TEXT, sv_sub(sv_of(w->step->name), 0, 1024));
    if (ipc_send(w->channel, &o, &ignored) < 0)
        return; /* a listener that is gone shows in on_channel() */
}

static void on_tick(void *ctx)
{
    struct worker *w = ctx;

    upload_poke(w->upload);
    tell_step(w);
    loop_set_timer(w->tick, TICK_MS);
}

/* ---- the job arrives ---- */

static int attach(struct worker *w, struct err *e)
{
    w->loop = loop_new(e);
    if (w->loop == NULL)
        return -1;
    if (sbx_attach(CHANNEL_INIT_FD, &w->sbx, &w->hello, e) < 0 ||
        fd_nonblock(CHANNEL_FD, true, e) < 0 ||
        loop_add_fd(w->loop, sbx_job_fd(w->sbx), LOOP_READ, on_sandbox, w, &w->sbx_watch, e) < 0 ||
        loop_add_fd(w->loop, CHANNEL_FD, LOOP_READ, on_channel, w, &w->channel_watch, e) < 0)
        return -1;
    w->heartbeat = loop_add_timer(w->loop, HEARTBEAT_MS, on_heartbeat, w);
    return tell(w, CH_HELLO, e);
}

static int take_job(struct worker *w, struct err *e)
{
    AUTO(auto_free) char *text = NULL;
    size_t n = 0;

    while (!w->have_job)
        if (worker_turn(w, e) < 0)
            return -1;
    if (w->job_fd < 0 || w->options_fd < 0)
        return err_set(e, FAIL_PROTO, "the listener sent a job without its message");
    if (fd_read_memfd(w->options_fd, OPTIONS_MAX_BYTES, &text, &n, e) < 0 ||
        worker_options_parse((struct sv){text, n}, &w->opt, e) < 0)
        return -1;
    fd_close(&w->options_fd);
    return 0;
}

static int confine(struct worker *w, struct err *e)
{
    const char *extra[] = {w->opt.ca_file, NULL, NULL, NULL, NULL};
    const char *const from_env[] = {"SSL_CERT_FILE", "SSL_CERT_DIR", "GANTRY_TEST_CLOCK"};
    size_t n = w->opt.ca_file != NULL ? 1 : 0;

    for (size_t i = 0; i < sizeof from_env / sizeof from_env[0]; i++)
        if (getenv(from_env[i]) != NULL)
            extra[n++] = getenv(from_env[i]);
    struct confine c = {.writable = w->hello.actions_host, .readable_extra = extra};
    return confine_self(&c, &w->walls, e);
}

static int read_message(struct worker *w, struct err *e)
{
    char *text = NULL;
    size_t n = 0;

    if (fd_read_memfd(w->job_fd, MESSAGE_MAX_BYTES, &text, &n, e) < 0)
        return err_wrap(e, "job message");
    fd_close(&w->job_fd);
    int rc = message_parse((struct sv){text, n}, &w->msg, e);
    secret_wipe(text, n);
    free(text);
    if (rc < 0)
        return -1;
    w->token = secret_new(w->msg->endpoint.token.p, w->msg->endpoint.token.n);
    w->mask = mask_new();
    masks_from_message(w);
    return 0;
}

static char *make_user_agent(const struct worker *w)
{
    struct sv id;

    /* Source: spec github-runner-protocol 9.2; servers look at the runner's product. */
    if (message_var(w->msg, "system.orchestrationId", &id) && id.n > 0 && id.n < 500)
        return xasprintf("OrchestrationId/" SV_FMT
                         " GitHubActionsRunner-linux-x64/" WORKER_RUNNER_VERSION
                         " (Worker) Gantry/" GANTRY_VERSION,
                         SV_ARG(id));
    return xstrdup("GitHubActionsRunner-linux-x64/" WORKER_RUNNER_VERSION
                   " (Worker) Gantry/" GANTRY_VERSION);
}

static int start_relay(struct worker *w, struct err *e)
{
    struct sv url = w->msg->endpoint.url;
    uint64_t port;
    int fd = -1;

    if (w->hello.network != SBX_NET_NONE)
        return 0;
    if (worker_url_port(url, &port, e) < 0)
        return -1;
    if (sbx_listen(w->sbx, (uint16_t)port, &fd, e) < 0)
        return err_wrap(e, "make the service reachable in the job");
    return relay_new(w->loop, fd, (uint16_t)port, &w->relay, e);
}

static int prepare(struct worker *w, struct err *e)
{
    char guid[UUID_TEXT_SIZE];

    if (spool_new(w->hello.actions_host, w->mask, &w->spool, e) < 0)
        return -1;
    w->user_agent = make_user_agent(w);
    ids_uuid4(guid);
    (void)snprintf(w->session_header, sizeof w->session_header, "X-Actions-Session: %s", guid);
    /* A job that came over plain http, which the runner's registration chose, goes back the same way. */
    struct hc_options o = {.user_agent = w->user_agent,
                           .ca_file = w->opt.ca_file,
                           .proxy = w->opt.proxy,
                           .allow_http = sv_istarts(w->msg->endpoint.url, SV("http://"))};
    w->http = hc_new(w->loop, &o, e);
    if (w->http == NULL || contexts_init(w, e) < 0)
        return -1;
    w->actions = actions_new();
    w->results = results_new(w);
    w->upload = upload_new(w);
    w->feed = feed_new(w);
    w->tick = loop_add_timer(w->loop, TICK_MS, on_tick, w);
    return start_relay(w, e);
}

/* ---- the end ---- */

static int drain(struct worker *w, struct err *e)
{
    bool late = false;
    struct loop_timer *t = loop_add_timer(w->loop, DRAIN_MS, set_flag, &late);
    char text[512];
    int rc = 0;

    spool_flush(w->spool);
    upload_job(w->upload);
    results_hurry(w->results);
    feed_close(w->feed);
    while (rc == 0 && !late &&
           !(upload_idle(w->upload) && results_idle(w->results) && feed_idle(w->feed)))
        rc = worker_turn(w, e);
    loop_del_timer(t);
    if (upload_failed(w->upload) != NULL)
        log_warn("worker", "log was not uploaded whole", "reason=%s",
                 err_text(upload_failed(w->upload), text, sizeof text));
    return rc;
}

/* No step comes any more. Without its worker init ends, and with it every process of the job; the kernel takes the
 * sandbox down while the logs are uploaded. */
static void leave_sandbox(struct worker *w)
{
    relay_free(w->relay);
    w->relay = NULL;
    loop_del_fd(w->sbx_watch);
    w->sbx_watch = NULL;
    sbx_job_free(w->sbx);
    w->sbx = NULL;
}

static int run_job(struct worker *w, struct err *e)
{
    AUTO(step_list_free) struct step_list steps;
    bool ok = false;

    step_list_init(&steps, w);
    if (job_setup(w, &steps, &ok, e) < 0)
        return -1;
    /* When the set-up failed nothing else happens (3.1 step 8). */
    if (ok && (step_list_run(&steps, w, e) < 0 || job_finish(w, e) < 0))
        return -1;
    leave_sandbox(w);
    if (w->result == RES_NONE)
        w->result = RES_SUCCEEDED;
    return drain(w, e);
}

static int report(struct worker *w, struct err *e)
{
    char text[512];
    struct ipc_out o;
    int rc = completion_send(w, e);

    if (rc < 0 && w->listener_gone)
        return -1;
    ipc_begin(&o, CH_DONE, 0);
    ipc_put_u64(&o, CH_TAG_RESULT, (uint64_t)w->result);
    if (rc < 0)
        ipc_put_str(&o, CH_TAG_TEXT, err_text(e, text, sizeof text));
    struct err gone = {0};
    if (ipc_send(w->channel, &o, &gone) < 0 && rc == 0) {
        *e = gone;
        return -1;
    }
    return rc;
}

static void worker_done(struct worker *w)
{
    feed_free(w->feed);
    upload_free(w->upload);
    results_free(w->results);
    relay_free(w->relay);
    hc_free(w->http);
    actions_free(w->actions);
    records_free(&w->records);
    spool_free(w->spool);
    val_unref(w->github);
    val_unref(w->runner);
    val_unref(w->job);
    val_unref(w->secrets);
    val_unref(w->null);
    val_unref(w->steps);
    val_unref(w->env);
    val_unref(w->run_defaults);
    val_unref(w->states);
    val_unref(w->outputs);
    val_unref(w->telemetry);
    matcher_set_done(&w->matchers);
    strv_free(&w->source_copies);
    strv_free(&w->paths);
    strv_free(&w->files);
    val_unref(w->event);
    buf_free(&w->event_text);
    free(w->event_path);
    program_forget(w);
    free(w->old_script);
    free(w->environment_url);
    free(w->workspace);
    free(w->user_agent);
    free(w->cancel_reason);
    worker_options_done(&w->opt);
    message_free(w->msg);
    mask_free(w->mask);
    secret_free(&w->token);
    loop_del_timer(w->heartbeat);
    loop_del_timer(w->tick);
    sbx_job_free(w->sbx);
    loop_free(w->loop);
    fd_close(&w->job_fd);
    fd_close(&w->options_fd);
    fd_close(&w->listing_fd);
}

int worker_main(void)
{
    struct worker w = {.channel = CHANNEL_FD,
                       .job_fd = -1,
                       .options_fd = -1,
                       .listing_fd = -1,
                       .result = RES_NONE,
                       .paths = STRV_INIT,
                       .files = STRV_INIT,
                       .event_text = BUF_INIT(MESSAGE_MAX_BYTES)};
    struct err e = {0};
    int rc = -1;

    if (attach(&w, &e) == 0 && take_job(&w, &e) == 0 && confine(&w, &e) == 0 &&
        read_message(&w, &e) == 0 && prepare(&w, &e) == 0 && run_job(&w, &e) == 0)
        rc = report(&w, &e);
    if (rc < 0)
        err_print(&e);
    worker_done(&w);
    return rc < 0 ? 1 : 0;
}
