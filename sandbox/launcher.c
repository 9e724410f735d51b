/* SPDX-License-Identifier: Apache-2.0
 *
 * The listener's side of the launcher: starts gantry-sandbox, hands it jobs, reads what became of them. */
#include "sandbox/wire.h"

#include "base/fd.h"
#include "base/ipc.h"
#include "base/mem.h"
#include "base/proc.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct sbx_launcher {
    int sock;
    struct proc proc;
    uint32_t last_job;
    bool heard;
};

/* The environment of gantry-sandbox is empty, but for the seams of test builds. */
static void launcher_env(char *envp[8])
{
    size_t n = 0;
#ifdef GANTRY_SEAMS
    static const char *const seams[] = {"GANTRY_FAIL=", "GANTRY_SANDBOX_OFF=", "ASAN_OPTIONS=",
                                        "UBSAN_OPTIONS=", "GANTRY_TEST_CLOCK="};

    for (char **v = environ; *v != NULL; v++)
        for (size_t i = 0; i < sizeof seams / sizeof seams[0] && n < 7; i++)
            if (strncmp(*v, seams[i], strlen(seams[i])) == 0)
                envp[n++] = *v;
#endif
    envp[n] = NULL;
}

/* Runs `path word` with descriptor 3 a socket to us, in *sock. */
static int start_program(const char *path, const char *word, bool with_parent, int *sock,
                         struct proc *out, struct err *e)
{
    char name[] = "gantry-sandbox";
    char verb[16] = "";
    char *argv[] = {name, verb, NULL};
    char *envp[8];
    int pair[2];
    struct proc_spec s = PROC_SPEC_INIT;
    AUTO(auto_fd) int ours = -1;
    AUTO(auto_fd) int theirs = -1;

    for (size_t i = 0; word[i] != '\0' && i + 1 < sizeof verb; i++)
        verb[i] = word[i];
    launcher_env(envp);
    if (ipc_pair(pair, e) < 0)
        return -1;
    ours = pair[0];
    theirs = pair[1];
    /* proc_spawn keeps numbers as they are, and 3 may be taken here: the program looks at its standard
     * input instead, which is the socket. */
    s.path = path;
    s.argv = argv;
    s.envp = envp;
    s.stdio[0] = theirs;
    s.stdio[2] = STDERR_FILENO;
    s.new_session = true;
    s.die_with_parent = with_parent;
    if (proc_spawn(&s, out, e) < 0)
        return err_wrap(e, "start '%s'", path);
    *sock = fd_take(&ours);
    return 0;
}

int sbx_launcher_start(const char *path, struct sbx_launcher **out, struct err *e)
{
    struct sbx_launcher *l = xcalloc(1, sizeof *l);

    l->sock = -1;
    l->proc = PROC_INIT;
    if (start_program(path, "launcher", true, &l->sock, &l->proc, e) < 0) {
        free(l);
        return -1;
    }
    *out = l;
    return 0;
}

/* The first thing that it should have done is to read. */
static int ended_at_once(struct err *e)
{
    return err_set(e, FAIL_NET,
                   "the launcher (gantry-sandbox) ended before it did anything; see what "
                   "'gantry-sandbox probe' says");
}

int sbx_launcher_limit(struct sbx_launcher *l, const struct sbx_limits *m, struct err *e)
{
    struct ipc_out o;

    ipc_begin(&o, WIRE_LIMITS, 0);
    ipc_put_u64(&o, TAG_REQUIRE, (uint64_t)m->least);
    ipc_put_str(&o, TAG_JOB_DIR, m->jobs_dir);
    for (const char *const *d = m->host_dirs; d != NULL && *d != NULL; d++)
        ipc_put_str(&o, TAG_HOST_DIR, *d);
    ipc_put_str(&o, TAG_WORKER_PATH, m->worker_path);
    ipc_put_u64(&o, TAG_UID, m->first_uid);
    ipc_put_u64(&o, TAG_UIDS, m->n_uids);
    ipc_put_u64(&o, TAG_FLAGS, m->keep_groups ? WIRE_FLAG_GROUPS : 0);
    if (ipc_send(l->sock, &o, e) < 0)
        return e->code == FAIL_NET ? ended_at_once(e) : err_wrap(e, "tell the launcher its limits");
    return 0;
}

int sbx_launcher_fd(const struct sbx_launcher *l)
{
    return l->sock;
}

void sbx_launcher_free(struct sbx_launcher *l)
{
    int status;
    struct err e;

    if (l == NULL)
        return;
    fd_close(&l->sock);
    /* It ends when its last job is gone; a failure to wait leaves a zombie and nothing to do about it. */
    if (l->proc.pid > 0 && proc_wait(&l->proc, false, &status, &e) < 0)
        l->proc = PROC_INIT;
    free(l);
}

static void put_policy(struct ipc_out *o, const struct sbx_policy *p)
{
    uint64_t flags = 0;

    ipc_put_u64(o, TAG_REQUIRE, (uint64_t)p->require);
    ipc_put_u64(o, TAG_NETWORK, (uint64_t)p->network);
    ipc_put_str(o, TAG_JOB_DIR, p->job_dir);
    for (const char *const *d = p->host_dirs; d != NULL && *d != NULL; d++)
        ipc_put_str(o, TAG_HOST_DIR, *d);
    ipc_put_str(o, TAG_HOSTNAME, p->hostname);
    ipc_put_str(o, TAG_SERVICE_HOST, p->service_host);
    ipc_put_u64(o, TAG_SERVICE_PORT, p->service_port);
    ipc_put_u64(o, TAG_MAX_PROCESSES, p->max_processes);
    flags |= p->allow_sudo ? WIRE_FLAG_SUDO : 0;
    flags |= p->nested_userns ? WIRE_FLAG_NESTED : 0;
    flags |= p->keep_groups ? WIRE_FLAG_GROUPS : 0;
    flags |= p->source_fd >= 0 ? WIRE_FLAG_SOURCE : 0;
    ipc_put_u64(o, TAG_FLAGS, flags);
}

int sbx_launch(struct sbx_launcher *l, const struct sbx_policy *p, const struct sbx_worker *w,
               uint32_t *job, struct err *e)
{
    struct ipc_out o;
    int r;

    ipc_begin(&o, WIRE_LAUNCH, ++l->last_job);
    put_policy(&o, p);
    ipc_put_str(&o, TAG_WORKER_PATH, w->path);
    ipc_put_strv(&o, TAG_WORKER_ENV, w->envp);
    ipc_put_u64(&o, TAG_UID, w->uid);
    ipc_put_fd(&o, w->channel_fd);
    if (p->source_fd >= 0)
        ipc_put_fd(&o, p->source_fd);
    r = ipc_send(l->sock, &o, e);
    if (r < 0)
        return err_wrap(e, "send a job to the launcher");
    *job = l->last_job;
    return 0;
}

int sbx_keep_spare(struct sbx_launcher *l, const struct sbx_worker *w, bool again, struct err *e)
{
    struct ipc_out o;

    ipc_begin(&o, WIRE_SPARE, 0);
    ipc_put_str(&o, TAG_WORKER_PATH, w->path);
    ipc_put_strv(&o, TAG_WORKER_ENV, w->envp);
    ipc_put_u64(&o, TAG_UID, w->uid);
    ipc_put_u64(&o, TAG_FLAGS, again ? WIRE_FLAG_AGAIN : 0);
    return ipc_send(l->sock, &o, e) < 0 ? err_wrap(e, "ask the launcher for a spare worker") : 0;
}

int sbx_kill(struct sbx_launcher *l, uint32_t job, struct err *e)
{
    struct ipc_out o;

    ipc_begin(&o, WIRE_KILL, job);
    return ipc_send(l->sock, &o, e);
}

static int to_event(const struct ipc_in *in, struct sbx_event *ev, struct err *e)
{
    *ev = (struct sbx_event){.job = in->id};
    ev->level = (enum sbx_level)wire_get_u64(in, TAG_LEVEL, SBX_NONE);
    switch (in->type) {
    case WIRE_STARTED:
        ev->kind = SBX_EV_STARTED;
        return wire_get_str(in, TAG_FACTS, ev->facts, sizeof ev->facts, e);
    case WIRE_REFUSED:
        ev->kind = SBX_EV_REFUSED;
        wire_get_err(in, &ev->error);
        return 0;
    case WIRE_WORKER_ENDED:
        ev->kind = SBX_EV_WORKER_ENDED;
        ev->status = (int)wire_get_u64(in, TAG_STATUS, 255);
        return 0;
    case WIRE_GONE:
        ev->kind = SBX_EV_GONE;
        if (wire_get_u64(in, TAG_ERR_CODE, FAIL_NONE) != FAIL_NONE)
            wire_get_err(in, &ev->error);
        return 0;
    default:
        return err_set(e, FAIL_PROTO, "unexpected record %u from the launcher", (unsigned)in->type);
    }
}

int sbx_launcher_next(struct sbx_launcher *l, struct sbx_event *ev, struct err *e)
{
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
    struct pollfd p = {.fd = l->sock, .events = POLLIN};
    int r;

    do
        r = poll(&p, 1, 0);
    while (r < 0 && errno == EINTR);
    if (r <= 0)
        return r < 0 ? err_sys(e, "poll the launcher") : 0;
    r = ipc_recv(l->sock, &in, e);
    if (r == 0)
        return l->heard ? err_set(e, FAIL_NET, "the launcher (gantry-sandbox) ended")
                        : ended_at_once(e);
    if (r < 0)
        return err_wrap(e, "read from the launcher");
    l->heard = true;
    return to_event(&in, ev, e) < 0 ? -1 : 1;
}

/* Runs a verb of gantry-sandbox that gives one record and ends. */
static int ask(const char *path, const char *verb, struct ipc_out *request, uint8_t want,
               struct ipc_in *in, struct err *e)
{
    AUTO(auto_fd) int sock = -1;
    AUTO(proc_kill_and_reap) struct proc p = PROC_INIT;
    int r;
    int status;

    if (start_program(path, verb, true, &sock, &p, e) < 0) {
        if (request != NULL)
            ipc_out_done(request);
        return -1;
    }
    if (request != NULL && ipc_send(sock, request, e) < 0)
        return -1;
    r = ipc_recv(sock, in, e);
    if (r == 0)
        return err_set(e, FAIL_INTERNAL, "'%s %s' ended without an answer", path, verb);
    if (r < 0)
        return -1;
    if (proc_wait(&p, false, &status, e) < 0)
        return -1;
    if (in->type == WIRE_FAILED) {
        wire_get_err(in, e);
        return -1;
    }
    if (in->type != want)
        return err_set(e, FAIL_PROTO, "unexpected record %u from '%s'", (unsigned)in->type, path);
    return 0;
}

int sbx_probe(const char *launcher_path, enum sbx_level *level, char *missing, size_t n,
              struct err *e)
{
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;

    if (ask(launcher_path, "probe", NULL, WIRE_PROBED, &in, e) < 0 ||
        wire_get_str(&in, TAG_ERR_TEXT, missing, n, e) < 0)
        return err_wrap(e, "probe the sandbox");
    *level = (enum sbx_level)wire_get_u64(&in, TAG_LEVEL, SBX_NONE);
    return 0;
}

int sbx_recover(const char *launcher_path, const char *jobs_dir, struct err *e)
{
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
    struct ipc_out o;

    ipc_begin(&o, WIRE_RECOVERED, 0);
    ipc_put_str(&o, TAG_PATH, jobs_dir);
    if (ask(launcher_path, "recover", &o, WIRE_RECOVERED, &in, e) < 0)
        return err_wrap(e, "remove what dead runners left in '%s'", jobs_dir);
    return 0;
}
