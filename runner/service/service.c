/* SPDX-License-Identifier: Apache-2.0
 *
 * Start, routes, the one pump that moves everything on, and the end. */
#include "runner/service/service.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "runner/service/svc_priv.h"

#define CONFIG_MAX_BYTES (1U << 20)
#define PUMP_MAX_ROUNDS  100000 /* a run that never settles is a bug of the planner */
#define TWIRP_STEPS \
    "/twirp/github.actions.results.api.v1.WorkflowStepUpdateService/WorkflowStepsUpdate"

static const struct hs_route routes[] = {
    {"POST", "/broker/session", session_create, 0},
    {"DELETE", "/broker/session", session_delete, 0},
    {"GET", "/broker/message", session_poll, 0},
    {"POST", "/broker/acknowledge", session_acknowledge, 0},
    {"POST", "/run/acquirejob", runservice_acquire, 0},
    {"POST", "/run/renewjob", runservice_renew, 0},
    {"POST", "/run/completejob", runservice_complete, SVC_MAX_JOB_BODY},
    {"POST", TWIRP_STEPS, results_steps_update, SVC_MAX_JOB_BODY},
    {"POST", "/twirp/results.services.receiver.Receiver/{method}", results_receiver, 0},
    {"PUT", "/blob/{name...}", blob_put, 0},
    {"GET", "/blob/{name...}", blob_get, 0},
    {"POST", "/actions/build/{plan}/jobs/{job}/runnerresolve/actions", actions_resolve, 0},
    {"POST", "/oauth/token", oauth_token, 65536},
    {"POST", "/actions/runners/generate-jitconfig", registration_jit, 0},
    {"POST", "/api/v3/repos/{owner}/{repo}/actions/runners/generate-jitconfig", registration_jit,
     0},
    {"POST", "/api/v3/orgs/{org}/actions/runners/generate-jitconfig", registration_jit, 0},
    {"DELETE", "/actions/runners/{id}", registration_delete, 0},
    {"DELETE", "/api/v3/repos/{owner}/{repo}/actions/runners/{id}", registration_delete, 0},
    {"POST", "/_gantry/runs", run_api_create, SVC_MAX_RUN_BODY},
    {"POST", "/_gantry/runs/{id}/cancel", run_api_cancel, 0},
    {"GET", "/_gantry/runs/{id}/events", run_api_events, 0},
};

static void on_timer(void *ctx)
{
    svc_pump(ctx);
}

void svc_pump(struct svc *s)
{
    int64_t next = -1;
    int rounds = 0;

    if (s->pumping) {
        s->again = true;
        return;
    }
    s->pumping = true;
    do {
        BUG(++rounds > PUMP_MAX_ROUNDS);
        s->again = false;
        for (size_t i = 0; i < s->n_runs; i++)
            while (s->runs[i]->dirty && !s->runs[i]->done)
                run_advance(s->runs[i]);
        next = queue_turn(s);
        for (size_t i = 0; i < s->n_runs; i++)
            if (s->runs[i]->dirty && !s->runs[i]->done)
                s->again = true;
    } while (s->again);
    /* Before the answer that is under way leaves: what a client was told survives a crash. */
    for (size_t i = 0; i < s->n_runs; i++)
        if (s->runs[i]->events != NULL)
            evlog_flush(s->runs[i]->events);
    s->pumping = false;
    loop_set_timer(s->timer, next);
}

void svc_stop(struct svc *s)
{
    if (!s->stopping)
        loop_stop(s->loop);
    s->stopping = true;
}

static void on_signal(void *ctx, int sig)
{
    log_info("service", "stop", "signal=%d", sig);
    svc_stop(ctx);
}

/* The reading end of the ready descriptor belongs to the parent: closed means that it is gone. */
static void on_parent(void *ctx, int fd, unsigned events)
{
    (void)fd;
    if ((events & LOOP_HUP) != 0) {
        log_info("service", "stop", "parent=gone");
        svc_stop(ctx);
    }
}

static void ready_line(int fd, json_t *own_line)
{
    AUTO(auto_json) json_t *o = own_line;
    AUTO(buf_free) struct buf b = BUF_INIT(64U << 20);
    struct err e;

    jx_write(&b, o);
    buf_addc(&b, '\n');
    if (fd_write_full(fd, b.p, b.len, &e) < 0)
        log_warn("service", "ready", "error=%s", e.msg);
    secret_wipe(b.p, b.len);
}

/* Also after the first line: what ends the service reaches the front end whatever the disk is like. */
static void tell_error(int fd, const struct err *e)
{
    char text[sizeof e->ctx + ERR_MAX_TEXT];

    ready_line(fd, json_pack("{s:s, s:i}", "error", err_text(e, text, sizeof text), "exit", 3));
}

/* The signing key: fresh for `run`; for `serve` it outlives restarts, as the tokens that it signed do. */
static int load_key(struct svc *s, struct err *e)
{
    unsigned char fresh[32];
    char *p = NULL;
    size_t n = 0;

    ids_random(fresh, sizeof fresh);
    if (s->cfg.serve && fs_exists(s->state_fd, "key")) {
        if (fs_read_file(s->state_fd, "key", 1024, &p, &n, e) < 0)
            return -1;
        if (n != sizeof fresh) {
            free(p);
            return err_set(e, FAIL_INPUT, "the file 'key' in '%s' is damaged; remove it",
                           s->cfg.state_dir);
        }
        memcpy(fresh, p, sizeof fresh);
        secret_wipe(p, n);
        free(p);
    } else if (s->cfg.serve &&
               fs_write_atomic(s->state_fd, "key", 0600, fresh, sizeof fresh, e) < 0) {
        return -1;
    }
    s->key = secret_new(fresh, sizeof fresh);
    secret_wipe(fresh, sizeof fresh);
    return 0;
}

static int open_state(struct svc *s, struct err *e)
{
    if (fs_mkdir_all(AT_FDCWD, s->cfg.state_dir, 0700, e) < 0)
        return -1;
    s->state_fd = open(s->cfg.state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->state_fd < 0)
        return err_sys(e, "cannot open the state folder '%s'", s->cfg.state_dir);
    /* What was being uploaded when the last service died is of no use. */
    if (fs_remove_tree(s->state_fd, "blobs/tmp", e) < 0 ||
        fs_mkdir_all(s->state_fd, "blobs/tmp", 0700, e) < 0 ||
        fs_mkdir_all(s->state_fd, "blobs/append", 0700, e) < 0)
        return -1;
    if (load_key(s, e) < 0 || record_open(s, e) < 0)
        return -1;
    return store_open(s, &s->store, e);
}

static int busy(struct svc *s, struct err *e)
{
    if (e->sys == EADDRINUSE)
        return err_set(e, FAIL_SYS,
                       "%s port %u is in use by another program; stop it, or give another --port",
                       s->cfg.address, (unsigned)s->cfg.port);
    return -1;
}

static int listen_all(struct svc *s, struct err *e)
{
    struct hs_options o = {.address = s->cfg.address, .port = s->cfg.port, .max_connections = 4096};
    struct wss_options w = {.address = s->cfg.address,
                            .port = s->cfg.feed_port,
                            .auth = token_feed,
                            .auth_ctx = &s->key};

    s->hs = hs_new(s->loop, &o, routes, sizeof routes / sizeof *routes, s, e);
    if (s->hs == NULL)
        return busy(s, e);
    s->wss = wss_new(s->loop, &w, feed_event, s, e);
    if (s->wss == NULL)
        return -1;
    s->url = xasprintf("http://%s:%u/", s->cfg.host_name, (unsigned)hs_port(s->hs));
    s->feed = xasprintf("ws://%s:%u/_ws/ingest.sock", s->cfg.host_name, (unsigned)wss_port(s->wss));
    return 0;
}

static void make_tokens(struct svc *s)
{
    char token[41];

    ids_token(token, 40);
    s->front = secret_new(token, 40);
    if (s->cfg.admin_token != NULL)
        s->admin = secret_new(s->cfg.admin_token, strlen(s->cfg.admin_token));
    else
        s->admin = secret_new(token, 40);
    secret_wipe(token, sizeof token);
}

/* Registrations of the configuration; those of an earlier start keep their ids. */
static json_t *make_runners(struct svc *s, struct err *e)
{
    json_t *jit = json_array();

    for (unsigned i = 0; i < s->cfg.runners; i++) {
        AUTO(auto_free) char *name = xasprintf("gantry-%u", i + 1);
        AUTO(buf_free) struct buf b = BUF_INIT(1U << 20);
        struct runner *r = runner_by_name(s, name);
        if (r == NULL)
            r = runner_add(s, name, &s->cfg.labels, false);
        if (s->cfg.serve && store_put_runner(s->store, r, e) < 0) {
            json_decref(jit);
            return NULL;
        }
        runner_jit(s, r, &b);
        (void)json_array_append_new(jit, jx_str_new(buf_sv(&b)));
        secret_wipe(b.p, b.len);
    }
    return jit;
}

static int start(struct svc *s, int config_fd, int ready_fd, struct err *e)
{
    static const int sigs[] = {SIGTERM, SIGINT};
    AUTO(auto_free) char *text = NULL;
    struct loop_fd *watch;
    size_t n = 0;
    int rc;

    jx_init();
    if (fd_read_memfd(config_fd, CONFIG_MAX_BYTES, &text, &n, e) < 0)
        return err_wrap(e, "service configuration on descriptor %d", config_fd);
    rc = config_parse((struct sv){text, n}, &s->cfg, e);
    secret_wipe(text, n);
    if (rc < 0)
        return -1;
    s->loop = loop_new(e);
    if (s->loop == NULL)
        return -1;
    s->timer = loop_add_timer(s->loop, 0, on_timer, s);
    make_tokens(s);
    if (loop_on_signals(s->loop, sigs, 2, on_signal, s, e) < 0 ||
        loop_add_fd(s->loop, ready_fd, LOOP_HUP, on_parent, s, &watch, e) < 0 ||
        open_state(s, e) < 0 || listen_all(s, e) < 0 || run_restore(s, e) < 0)
        return -1;
    return 0;
}

static void stop(struct svc *s)
{
    if (s->wss != NULL)
        wss_free(s->wss);
    if (s->hs != NULL)
        hs_free(s->hs); /* every request's end runs: runs and runners are still there */
    if (s->hc != NULL)
        hc_free(s->hc);
    groups_free(s);
    for (size_t i = 0; i < s->n_runs; i++)
        run_free(s->runs[i]);
    free(s->runs);
    for (size_t i = 0; i < s->n_runners; i++)
        runner_free(s->runners[i]);
    free(s->runners);
    store_close(s->store);
    if (s->loop != NULL) {
        loop_del_timer(s->timer);
        loop_free(s->loop);
    }
    fd_close(&s->state_fd);
    fd_close(&s->record_fd);
    free(s->url);
    free(s->feed);
    secret_free(&s->key);
    secret_free(&s->front);
    secret_free(&s->admin);
    config_done(&s->cfg);
}

int svc_main_run(int config_fd, int ready_fd, int *exit_code, struct err *e)
{
    struct svc s = {.state_fd = -1, .record_fd = -1};
    json_t *jit;
    int rc;

    *exit_code = 3;
    (void)fcntl(config_fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(ready_fd, F_SETFD, FD_CLOEXEC);
    if (start(&s, config_fd, ready_fd, e) < 0 || (jit = make_runners(&s, e)) == NULL) {
        tell_error(ready_fd, e);
        stop(&s);
        return -1;
    }
    ready_line(ready_fd, json_pack("{s:s, s:i, s:s, s:o}", "url", s.url, "port", (int)hs_port(s.hs),
                                   "token", (const char *)secret_sv(&s.front).p, "jit", jit));
    svc_pump(&s);
    rc = loop_run(s.loop, e);
    if (rc == 0 && s.fatal.code != FAIL_NONE) {
        *e = s.fatal;
        rc = -1;
    }
    if (rc < 0)
        tell_error(ready_fd, e);
    stop(&s);
    return rc;
}
