/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker of one job: its policy, its environment, the channel to it and what its end means. */
#include "runner/listener/listener_priv.h"

#include "base/fd.h"
#include "base/fs.h"
#include "base/ids.h"
#include "base/ipc.h"
#include "base/path.h"
#include "base/strv.h"
#include "runner/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Built from nothing; these few are passed on. */
static const char *const passed_env[] = {
    "PATH",
    "TZ",
    "GANTRY_LOG",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "GANTRY_HOME",
#ifdef GANTRY_SEAMS
    "GANTRY_FAIL",
    "GANTRY_TEST_CLOCK",
    "GANTRY_TEST_SEED",
    "ASAN_OPTIONS",
    "UBSAN_OPTIONS",
    "LSAN_OPTIONS",
#endif
};

static void worker_env(struct strv *env)
{
    for (size_t i = 0; i < sizeof passed_env / sizeof passed_env[0]; i++) {
        const char *v = getenv(passed_env[i]);
        if (v != NULL)
            strv_setenv(env, sv_of(passed_env[i]), sv_of(v));
    }
    strv_setenv(env, SV("LANG"), SV("C.UTF-8"));
}

/* The job's options (channel.h). */
static int options_memfd(const struct gh_job *j, int *out, struct err *e)
{
    const struct gh_options *o = &j->r->l->o;
    AUTO(buf_free) struct buf b = BUF_INIT(65536);

    buf_addf(&b, "{\"runner_name\":");
    jx_quote(&b, sv_of(j->r->reg.agent_name));
    if (o->source_json != NULL) {
        buf_addf(&b, ",\"source\":");
        buf_adds(&b, o->source_json);
    }
    if (o->checkout != NULL) {
        buf_addf(&b, ",\"checkout\":");
        jx_quote(&b, sv_of(o->checkout));
    }
    if (o->prefill)
        buf_addf(&b, ",\"prefill\":true");
    if (o->ca_file != NULL) {
        buf_addf(&b, ",\"ca_file\":");
        jx_quote(&b, sv_of(o->ca_file));
    }
    if (o->proxy != NULL) {
        buf_addf(&b, ",\"proxy\":");
        jx_quote(&b, sv_of(o->proxy));
    }
    buf_addc(&b, '}');
    if (buf_done(&b, "job options", e) < 0)
        return -1;
    return fd_memfd("gantry-options", b.p, b.len, out, e);
}

static int make_folder(struct gh_job *j, struct err *e)
{
    struct gh_listener *l = j->r->l;
    char id[13];

    ids_token(id, 12);
    j->name = xasprintf("%d-%s", (int)getpid(), id);
    j->dir = path_join(l->o.jobs_dir, j->name);
    if (mkdirat(l->jobs_fd, j->name, 0700) < 0) {
        (void)err_sys(e, "cannot make the job folder '%s'", j->dir);
        free(j->name);
        j->name = NULL;
        return -1;
    }
    return 0;
}

static enum sbx_level required(const struct gh_listener *l)
{
    if (l->o.sandbox == GH_SANDBOX_NONE)
        return SBX_NONE;
    return l->slot_uid != 0 ? SBX_FULL : SBX_SINGLE;
}

/* The jobs of one `gantry run` trust each other: they come from one user and one repository. Those of a runner
 * need not: each gets a worker whose memory is laid out anew. At level none the worker runs as we do. */
void gh_worker_spare(struct gh_listener *l, unsigned slot)
{
    AUTO(strv_free) struct strv env = STRV_INIT;
    struct sbx_worker w = {.path = l->o.worker};
    struct err ignored;

    if (l->launcher_gone || (l->o.sandbox == GH_SANDBOX_NONE && l->slot_uid != 0))
        return;
    worker_env(&env);
    w.envp = env.v;
    if (l->slot_uid != 0)
        w.uid = l->slot_uid + slot;
    if (sbx_keep_spare(l->launcher, &w, l->o.late_fd >= 0, &ignored) < 0)
        return; /* the launcher is gone: that is told elsewhere */
}

static void on_channel(void *ctx, int fd, unsigned events);

static int launch(struct gh_job *j, struct err *e)
{
    struct gh_listener *l = j->r->l;
    AUTO(strv_free) struct strv env = STRV_INIT;
    struct sbx_policy policy = {
        .require = required(l),
        .network = l->o.net_none ? SBX_NET_NONE : SBX_NET_HOST,
        .host_dirs = l->o.host_dirs,
        .hostname = "gantry",
        .service_host = l->service_host,
        .service_port = l->service_port,
        .source_fd = l->o.source_fd,
        .allow_sudo = l->slot_uid != 0,
        .keep_groups = l->o.keep_groups,
    };
    struct sbx_worker worker = {.path = l->o.worker};
    int pair[2] = {-1, -1};
    int rc;

    worker_env(&env);
    worker.envp = env.v;
    if (l->slot_uid != 0)
        worker.uid = l->slot_uid + j->r->slot;
    if (l->o.late_fd >= 0 && !j->r->spared) /* there may be more jobs for it */
        gh_worker_spare(l, j->r->slot);
    j->r->spared = true;
    if (make_folder(j, e) < 0)
        return -1;
    policy.job_dir = j->dir;
    if (ipc_pair(pair, e) < 0)
        return -1;
    worker.channel_fd = pair[1];
    rc = sbx_launch(l->launcher, &policy, &worker, &j->sbx_id, e);
    (void)close(pair[1]);
    j->channel = pair[0];
    if (rc < 0)
        return -1;
    j->launched = true;
    if (fd_nonblock(j->channel, true, e) < 0 ||
        loop_add_fd(l->loop, j->channel, LOOP_READ, on_channel, j, &j->channel_watch, e) < 0)
        return -1;
    return 0;
}

void gh_worker_launch(struct gh_job *j)
{
    struct err e = {0};
    char text[512];

    j->state = GH_JOB_RUN;
    if (j->r->l->launcher_gone)
        (void)err_set(&e, FAIL_NET, "the launcher is gone; start the runner again");
    else if (launch(j, &e) == 0)
        return;
    (void)err_wrap(&e, "start job '%s'", j->env.display_name);
    (void)err_text(&e, text, sizeof text);
    log_error("listener", "launch", "why=%s", text);
    gh_status_line(j->r->l, "refused", j->env.display_name, text);
    if (j->launched)
        gh_job_kill(j);
    gh_job_complete(j, text);
}

void gh_worker_forget(struct gh_job *j)
{
    loop_del_fd(j->channel_watch);
    j->channel_watch = NULL;
    fd_close(&j->channel);
}

/* ---- channel ---- */

static int send_job(struct gh_job *j, struct err *e)
{
    const struct gh_options *o = &j->r->l->o;
    AUTO(auto_fd) int options = -1;
    struct ipc_out out;

    if (options_memfd(j, &options, e) < 0)
        return -1;
    ipc_begin(&out, CH_JOB, 0);
    ipc_put_fd(&out, j->msg_fd);
    ipc_put_fd(&out, options);
    if (o->listing_fd >= 0)
        ipc_put_fd(&out, o->listing_fd);
    return ipc_send(j->channel, &out, e);
}

static int send_cancel(struct gh_job *j, struct err *e)
{
    struct ipc_out out;

    ipc_begin(&out, j->shutdown ? CH_SHUTDOWN : CH_CANCEL, 0);
    ipc_put_str(&out, CH_TAG_REASON, j->cancel_reason);
    ipc_put_u64(&out, CH_TAG_TIMEOUT_MS, (uint64_t)j->cancel_timeout_ms);
    return ipc_send(j->channel, &out, e);
}

static void channel_failed(struct gh_job *j, const struct err *e)
{
    char text[512];

    log_error("listener", "worker-channel", "job=%s why=%s", j->env.display_name,
              err_text(e, text, sizeof text));
    if (j->failure == NULL)
        j->failure = xasprintf("The worker broke its channel: %s.", text);
    gh_worker_forget(j);
    gh_job_kill(j); /* WORKER_ENDED follows, which completes the job */
}

void gh_worker_tell_cancel(struct gh_job *j)
{
    struct err e;

    if (!j->hello || j->channel < 0) /* told right after HELLO, or ended already */
        return;
    if (send_cancel(j, &e) < 0)
        channel_failed(j, &e);
}

static int on_record(struct gh_job *j, const struct ipc_in *in, struct err *e)
{
    struct sv text;
    uint64_t v;

    switch (in->type) {
    case CH_HELLO:
        if (j->hello)
            return err_set(e, FAIL_PROTO, "second HELLO from the worker");
        if (!ipc_get_u64(in, CH_TAG_VERSION, &v) || v != IPC_VERSION)
            return err_set(e, FAIL_PROTO, "the worker speaks another version; reinstall gantry");
        j->hello = true;
        if (send_job(j, e) < 0)
            return -1;
        return j->cancel ? send_cancel(j, e) : 0;
    case CH_STATE:
        if (ipc_get_sv(in, CH_TAG_TEXT, &text))
            log_debug("listener", "worker-state", "job=%s state=" SV_FMT "", j->env.display_name,
                      SV_ARG(sv_sub(text, 0, 200)));
        return 0;
    case CH_HEARTBEAT:
        return 0;
    case CH_DONE:
        if (!ipc_get_u64(in, CH_TAG_RESULT, &j->result))
            j->result = 2;
        if (ipc_get_sv(in, CH_TAG_TEXT, &text) && text.n > 0)
            log_error("listener", "not-reported", "job=%s why=" SV_FMT "", j->env.display_name,
                      SV_ARG(sv_sub(text, 0, 300)));
        if (!j->reported)
            gh_job_say_result(j);
        j->reported = true;
        gh_lease_stop(j);
        return 0;
    default:
        return err_set(e, FAIL_PROTO, "record type %u from the worker", in->type);
    }
}

static void on_channel(void *ctx, int fd, unsigned events)
{
    struct gh_job *j = ctx;
    struct err e = {0};

    (void)events;
    for (;;) {
        AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
        int rc = ipc_recv(fd, &in, &e);
        if (rc == 0 && e.sys == EAGAIN)
            return;
        if (rc == 0) { /* closed: the launcher says how the worker ended */
            gh_worker_forget(j);
            return;
        }
        if (rc < 0 || on_record(j, &in, &e) < 0) {
            channel_failed(j, &e);
            return;
        }
    }
}

/* ---- end ---- */

static void worker_ended(struct gh_job *j, int status)
{
    AUTO(auto_free) char *text = NULL;

    if (j->channel >= 0) /* what it said last may still lie there */
        on_channel(j, j->channel, LOOP_READ);
    if (j->state == GH_JOB_CLEAN)
        gh_job_over(j);
    if (j->state != GH_JOB_RUN)
        return;
    if (j->reported || j->lost) {
        gh_job_over(j);
        return;
    }
    if (j->killed && j->cancel)
        text = xstrdup("The job did not end in time after it was canceled and was killed.");
    else if (j->failure != NULL)
        text = xstrdup(j->failure);
    else if (status > 128)
        text = xasprintf("the worker ended by signal %d; run again", status - 128);
    else
        text = xasprintf("the worker ended with status %d before it completed the job", status);
    log_error("listener", "worker-ended", "job=%s status=%d why=%s", j->env.display_name, status,
              text);
    if (!j->cancel)
        gh_status_line(j->r->l, "broken", j->env.display_name, text);
    gh_job_complete(j, text);
}

void gh_worker_event(struct gh_job *j, const struct sbx_event *ev)
{
    char text[512];

    switch (ev->kind) {
    case SBX_EV_STARTED:
        log_debug("listener", "worker-started", "job=%s level=%s facts=%s", j->env.display_name,
                  sbx_level_name(ev->level), ev->facts);
        return;
    case SBX_EV_REFUSED:
        j->launched = false;
        (void)err_text(&ev->error, text, sizeof text);
        log_error("listener", "sandbox-refused", "job=%s why=%s", j->env.display_name, text);
        gh_status_line(j->r->l, "refused", j->env.display_name, text);
        gh_worker_forget(j);
        if (j->state == GH_JOB_RUN)
            gh_job_complete(j, text);
        else if (j->state == GH_JOB_CLEAN)
            gh_job_over(j);
        return;
    case SBX_EV_WORKER_ENDED:
        j->worker_gone = true;
        worker_ended(j, ev->status);
        return;
    case SBX_EV_GONE: /* of a job whose worker never started */
        j->worker_gone = true;
        worker_ended(j, 128 + 9);
        return;
    }
}
