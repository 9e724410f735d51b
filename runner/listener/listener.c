/* SPDX-License-Identifier: Apache-2.0
 *
 * The listener's process: launcher first, then root is given up, then the loop with every runner in it. */
#include "runner/listener/listener_priv.h"

#include "base/fd.h"
#include "base/fs.h"
#include "base/ipc.h"
#include "base/path.h"
#include "base/proc.h"

#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define KILL_DEFAULT_MS 25000 /* Ours (7.2): below a supervisor's 30 s */
#define LATE_MAX_BYTES  (4U << 20)
/* Ours: Debian reserves 65000-65533 and gives none of it out (Debian Policy 9.2.2). */
#define SLOT_UID_BASE 65200U
#define RUNNERS_MAX   256U

/* ---- what others read ---- */

/* A job's name comes from a workflow: no control character of it reaches a terminal. */
static void say(const char *fmt, va_list ap) PRINTF_LIKE(1, 0);
static void say(const char *fmt, va_list ap)
{
    AUTO(buf_free) struct buf text = BUF_INIT(65536);
    AUTO(buf_free) struct buf safe = BUF_INIT(4 * 65536 + 1);
    struct sv rest;
    unsigned code;

    buf_addvf(&text, fmt, ap);
    rest = buf_sv(&text);
    for (const char *from = rest.p; utf8_next(&rest, &code) > 0; from = rest.p) {
        if (code < 0x20 || (code >= 0x7f && code < 0xa0))
            buf_addf(&safe, "\\x%02x", code);
        else
            buf_add(&safe, from, (size_t)(rest.p - from));
    }
    buf_addc(&safe, '\n');
    (void)fwrite(safe.p, 1, safe.len, stdout);
    (void)fflush(stdout);
}

void gh_say(const struct gh_listener *l, const char *fmt, ...)
{
    va_list ap;

    if (!l->o.announce)
        return;
    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
}

/* "2026-01-05 09:30:00Z: text" (1.6) */
void gh_say_timed(const struct gh_listener *l, const char *fmt, ...)
{
    AUTO(buf_free) struct buf b = BUF_INIT(8192);
    va_list ap;

    if (!l->o.announce)
        return;
    tm_format_ms(&b, tm_wall_ms());
    (void)printf("%.10s %.8sZ: ", b.p, b.p + 11);
    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
}

void gh_status_line(const struct gh_listener *l, const char *type, const char *job,
                    const char *message)
{
    AUTO(buf_free) struct buf b = BUF_INIT(4096);
    struct err ignored; /* the front end is gone: nobody to tell, and PDEATHSIG is on its way */

    if (l->o.status_fd < 0)
        return;
    buf_addf(&b, "{\"type\":\"%s\"", type);
    if (job != NULL) {
        buf_adds(&b, ",\"job\":");
        jx_quote(&b, sv_sub(sv_of(job), 0, 200));
    }
    if (message != NULL) {
        buf_adds(&b, ",\"message\":");
        jx_quote(&b, sv_of(message));
    }
    buf_adds(&b, "}\n");
    if (fd_write_full(l->o.status_fd, b.p, b.len, &ignored) < 0)
        return;
}

/* ---- launcher ---- */

static void launcher_gone(struct gh_listener *l, const struct err *e)
{
    struct err why = {0};
    char text[512];

    if (l->launcher_gone)
        return;
    l->launcher_gone = true;
    loop_del_fd(l->launcher_watch);
    l->launcher_watch = NULL;
    (void)err_set(&why, FAIL_NET, "%s%s",
                  e->msg[0] != '\0' ? e->msg : "the launcher (gantry-sandbox) ended",
                  strstr(e->msg, "; ") == NULL ? "; run again" : "");
    gh_status_line(l, "failed", NULL, err_text(&why, text, sizeof text));
    for (size_t i = 0; i < l->n; i++) {
        struct gh_runner *r = &l->runners[i];
        struct gh_job *j = &r->job;
        r->stop = true;
        r->exit_code = GH_EXIT_HOST;
        r->why = why;
        j->launched = false; /* it killed every job of its own with itself */
        j->worker_gone = true;
        if (j->state == GH_JOB_RUN && !j->reported)
            gh_job_complete(j, "The sandbox launcher ended while the job ran.");
        else if (j->state == GH_JOB_RUN || j->state == GH_JOB_CLEAN)
            gh_job_over(j);
        else
            gh_session_leave(r);
    }
}

/* A job is forgotten when its worker has ended: what the launcher says of it later is about what it left. */
static void on_event(struct gh_listener *l, const struct sbx_event *ev)
{
    char text[512];

    if (ev->kind == SBX_EV_GONE && ev->error.code != FAIL_NONE)
        log_warn("listener", "left-behind", "why=%s", err_text(&ev->error, text, sizeof text));
    for (size_t i = 0; i < l->n; i++) {
        struct gh_job *j = &l->runners[i].job;
        if (j->launched && j->sbx_id == ev->job) {
            gh_worker_event(j, ev);
            return;
        }
    }
}

static void on_launcher(void *ctx, int fd, unsigned events)
{
    struct gh_listener *l = ctx;
    struct sbx_event ev;
    struct err e = {0};
    int rc;

    (void)fd;
    (void)events;
    while ((rc = sbx_launcher_next(l->launcher, &ev, &e)) == 1)
        on_event(l, &ev);
    if (rc < 0)
        launcher_gone(l, &e);
}

/* ---- end ---- */

void gh_runner_ended(struct gh_runner *r)
{
    struct gh_listener *l = r->l;

    for (size_t i = 0; i < l->n; i++)
        if (l->runners[i].state != GH_ENDED)
            return;
    loop_stop(l->loop);
}

static void on_signal(void *ctx, int sig)
{
    struct gh_listener *l = ctx;
    struct err none = {0};

    if ((sig == SIGHUP && !l->o.hangup_stops) || sig == SIGCHLD)
        return;
    l->stops++;
    log_info("listener", "signal", "signal=%d count=%u", sig, l->stops);
    if (l->stops == 1)
        gh_say(l, "Exiting...");
    for (size_t i = 0; i < l->n; i++) {
        struct gh_runner *r = &l->runners[i];
        if (l->stops == 1) {
            gh_runner_stop(r, GH_EXIT_OK, &none);
        } else if (r->job.state == GH_JOB_RUN) {
            gh_job_kill(&r->job);
        } else if (l->stops > 2) {
            loop_stop(l->loop);
        }
    }
}

/* ---- start ---- */

/* Ours: the folder of its jobs must be the listener's own once root is gone, and passable for the workers. What lies
 * above is somebody else's: its mode stays as it is. */
static int own_jobs_dir(const struct gh_listener *l, uid_t uid, gid_t gid, struct err *e)
{
    if (fchown(l->jobs_fd, uid, gid) < 0)
        return err_sys(e, "cannot give '%s' to uid %u", l->o.jobs_dir, uid);
    if (fchmod(l->jobs_fd, 0711) < 0)
        return err_sys(e, "cannot change the mode of '%s'", l->o.jobs_dir);
    return 0;
}

/* setresuid() clears the death signal that a front end armed. */
static int set_ids(const struct passwd *pw, struct err *e)
{
    pid_t parent = getppid();
    int death = 0;

    if (prctl(PR_GET_PDEATHSIG, &death) < 0)
        return err_sys(e, "cannot read the death signal");
    if (setgroups(0, NULL) < 0 || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
        setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)
        return err_sys(e, "cannot give up root for user '%s'", pw->pw_name);
    if (death != 0 && (prctl(PR_SET_PDEATHSIG, death) < 0 || getppid() != parent))
        return err_set(e, FAIL_CANCELED, "the front end went away");
    return 0;
}

static int drop_root(struct gh_listener *l, struct err *e)
{
    const char *name = l->o.drop_user != NULL ? l->o.drop_user : "nobody";
    const struct passwd *pw;

    if (geteuid() != 0)
        return 0;
    pw = getpwnam(name);
    if (pw == NULL || pw->pw_uid == 0)
        return err_set(
            e, FAIL_INPUT,
            "cannot give up root: there is no unprivileged user '%s'; name one with --user", name);
    if (own_jobs_dir(l, pw->pw_uid, pw->pw_gid, e) < 0 || set_ids(pw, e) < 0)
        return -1;
    if (setuid(0) == 0)
        return err_set(e, FAIL_INTERNAL, "root could be taken back");
    l->slot_uid = SLOT_UID_BASE;
    return 0;
}

/* Before root is given up: whoever takes us over later finds the launcher bound to what the user asked for. */
static int limit_launcher(struct gh_listener *l, struct err *e)
{
    bool none = l->o.sandbox == GH_SANDBOX_NONE;
    bool root = geteuid() == 0;
    struct sbx_limits m = {
        .least = none   ? SBX_NONE
                 : root ? SBX_FULL
                        : SBX_SINGLE,
        .jobs_dir = l->o.jobs_dir,
        .host_dirs = l->o.host_dirs,
        .worker_path = l->o.worker,
        .first_uid = SLOT_UID_BASE,
        .n_uids = root ? RUNNERS_MAX : 0,
        .keep_groups = l->o.keep_groups,
    };

    return sbx_launcher_limit(l->launcher, &m, e);
}

/* The local source belongs to its record: both descriptors or none. */
static int take_source(struct gh_listener *l, struct ipc_in *in, const json_t *late, struct err *e)
{
    if (in->n_fds == 1)
        return 0;
    l->o.source_fd = ipc_take_fd(in, 1);
    l->o.listing_fd = ipc_take_fd(in, 2);
    l->o.source_json = json_string_value(jx_get(late, "source_json"));
    if (l->o.listing_fd < 0 || l->o.source_json == NULL)
        return err_set(e, FAIL_PROTO, "late options: the local source is not complete");
    return 0;
}

static int read_late(struct gh_listener *l, json_t **keep, struct err *e)
{
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
    AUTO(auto_fd) int options = -1;
    char *text = NULL;
    size_t n = 0;
    json_t *jit;
    int64_t port;

    int r = ipc_recv(l->o.late_fd, &in, e);
    if (r == 0)
        return err_set(e, FAIL_CANCELED, "the front end went away before the registration came");
    if (r < 0)
        return -1;
    options = ipc_take_fd(&in, 0);
    if (in.type != GH_LATE || options < 0)
        return err_set(e, FAIL_PROTO, "late options: no such record");
    if (fd_read_memfd(options, LATE_MAX_BYTES, &text, &n, e) < 0)
        return -1;
    *keep = jx_parse((struct sv){text, n}, "late options", e);
    secret_wipe(text, n);
    free(text);
    if (*keep == NULL || jx_need_arr(*keep, "jit", &jit, e) < 0)
        return -1;
    port = jx_int(*keep, "service_port", 0);
    l->service_port = port > 0 && port < 65536 ? (uint16_t)port : 0;
    if (jx_get(*keep, "service_host") != NULL)
        l->service_host = sv_dup(jx_str(*keep, "service_host", ""));
    return take_source(l, &in, *keep, e);
}

static int add_runner(struct gh_listener *l, struct sv jit, struct err *e)
{
    struct gh_runner *r = &l->runners[l->n];

    r->l = l;
    r->slot = (unsigned)l->n;
    r->job = (struct gh_job){.r = r, .msg_fd = -1, .channel = -1};
    if (gh_jit_parse(jit, &r->reg, e) < 0)
        return -1;
    if (r->reg.token.p != NULL)
        log_mask(r->reg.token.p, r->reg.token.n);
    l->n++;
    return 0;
}

static size_t count_jits(const char *const *jit)
{
    size_t n = 0;

    while (jit != NULL && jit[n] != NULL)
        n++;
    return n;
}

static int add_runners(struct gh_listener *l, const json_t *late, struct err *e)
{
    json_t *list = late != NULL ? jx_get(late, "jit") : NULL;
    size_t n = late != NULL ? json_array_size(list) : count_jits(l->o.jit);

    if (n == 0 || n > RUNNERS_MAX)
        return err_set(e, FAIL_INPUT, "%zu runner registrations; between 1 and %u are possible", n,
                       RUNNERS_MAX);
    l->runners = xcalloc(n, sizeof *l->runners);
    for (size_t i = 0; i < n; i++) {
        struct sv jit = late == NULL ? sv_of(l->o.jit[i])
                                     : (struct sv){json_string_value(json_array_get(list, i)),
                                                   json_string_length(json_array_get(list, i))};
        if (jit.p == NULL)
            return err_set(e, FAIL_INPUT, "late options: 'jit' holds something that is not text");
        if (add_runner(l, jit, e) < 0)
            return -1;
    }
    return 0;
}

static int open_jobs_dir(struct gh_listener *l, struct err *e)
{
    if (fs_mkdir_all(AT_FDCWD, l->o.jobs_dir, 0700, e) < 0)
        return -1;
    l->jobs_fd = open(l->o.jobs_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (l->jobs_fd < 0)
        return err_sys(e, "cannot open the jobs folder '%s'", l->o.jobs_dir);
    return 0;
}

static int start_loop(struct gh_listener *l, struct err *e)
{
    static const int sigs[] = {SIGINT, SIGTERM, SIGHUP};

    l->loop = loop_new(e);
    if (l->loop == NULL ||
        loop_on_signals(l->loop, sigs, sizeof sigs / sizeof sigs[0], on_signal, l, e) < 0 ||
        loop_add_fd(l->loop, sbx_launcher_fd(l->launcher), LOOP_READ, on_launcher, l,
                    &l->launcher_watch, e) < 0)
        return -1;
    return 0;
}

/* Plain http to another host (`gantry serve` on a trusted network) only when the registration itself names it:
 * whoever handed that out chose so, and a server can never bring a runner of an https one to it. */
static int start_client(struct gh_listener *l, struct err *e)
{
    struct hc_options o = {
        .user_agent = "Gantry/" GANTRY_VERSION,
        .ca_file = l->o.ca_file,
        .proxy = l->o.proxy,
        .allow_http = true,
    };

    for (size_t i = 0; i < l->n; i++)
        if (!sv_istarts(sv_of(l->runners[i].reg.server_url_v2), SV("http://")))
            o.allow_http = false;
    l->hc = hc_new(l->loop, &o, e);
    return l->hc != NULL ? 0 : -1;
}

static void describe_os(struct gh_listener *l)
{
    struct utsname u;

    if (uname(&u) == 0)
        (void)snprintf(l->os_description, sizeof l->os_description, "%.20s %.60s %.70s", u.sysname,
                       u.release, u.version);
}

static void start_runners(struct gh_listener *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct gh_runner *r = &l->runners[i];
        struct gh_api_options o = {
            .loop = l->loop, .hc = l->hc, .reg = &r->reg, .version = l->o.version};
        r->api = gh_api_new(&o);
        gh_session_open(r);
    }
}

static int start(struct gh_listener *l, json_t **late, struct err *e)
{
    /* Everything that needs root, a single thread or a dumpable process comes before the first network
     * byte and before the first secret. */
    if (open_jobs_dir(l, e) < 0 || sbx_launcher_start(l->o.launcher, &l->launcher, e) < 0 ||
        limit_launcher(l, e) < 0 || drop_root(l, e) < 0)
        return -1;
    proc_no_dump();
    gh_worker_spare(l, 0);
    describe_os(l);
    if (start_loop(l, e) < 0)
        return -1;
    if (l->o.late_fd >= 0 && read_late(l, late, e) < 0)
        return -1;
    if (add_runners(l, *late, e) < 0 || start_client(l, e) < 0)
        return -1;
    start_runners(l);
    return 0;
}

static void stop(struct gh_listener *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct gh_runner *r = &l->runners[i];
        gh_job_drop(&r->job);
        gh_call_cancel(&r->call);
        loop_del_timer(r->timer);
        gh_api_free(r->api);
        gh_registration_done(&r->reg);
        free(r->session_id);
        free(r->early_cancel);
    }
    free(l->runners);
    hc_free(l->hc);
    loop_del_fd(l->launcher_watch);
    loop_free(l->loop);
    sbx_launcher_free(l->launcher);
    fd_close(&l->jobs_fd);
    free(l->service_host);
}

/* The first runner that ended badly speaks for all. */
static int exit_code(const struct gh_listener *l, struct err *e)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->runners[i].exit_code != 0) {
            *e = l->runners[i].why;
            return l->runners[i].exit_code;
        }
    }
    return GH_EXIT_OK;
}

static int fail_code(const struct err *e)
{
    return e->code == FAIL_INPUT || e->code == FAIL_DENIED ? GH_EXIT_TERMINATED : GH_EXIT_HOST;
}

int gh_listener_run(const struct gh_options *o, struct err *e)
{
    struct gh_listener l = {.o = *o, .jobs_fd = -1};
    AUTO(auto_json) json_t *late = NULL;
    char text[512];
    int code;

    if (l.o.version == NULL)
        l.o.version = GH_DEFAULT_RUNNER_VERSION;
    if (l.o.kill_ms == 0)
        l.o.kill_ms = KILL_DEFAULT_MS;
    l.service_host = o->service_host != NULL ? xstrdup(o->service_host) : NULL;
    l.service_port = o->service_port;
    if (start(&l, &late, e) < 0)
        code = fail_code(e);
    else if (loop_run(l.loop, e) < 0)
        code = GH_EXIT_RETRY;
    else
        code = exit_code(&l, e);
    if (code != GH_EXIT_OK)
        gh_status_line(&l, "failed", NULL, err_text(e, text, sizeof text));
    stop(&l);
    return code;
}
