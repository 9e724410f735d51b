/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a policy. Host folders that would show the host as a whole are refused here, and whatever is beyond the
 * limits that the listener set before it gave up root: a listener that was taken over later must not become root
 * through us, by a folder to "remove", a worker of its choice or a job without a sandbox. */
#include "sandbox/program/plan.h"

#include "base/fd.h"
#include "base/ipc.h"
#include "base/mem.h"
#include "base/path.h"

#include <stdlib.h>
#include <string.h>

#ifdef GANTRY_SEAMS
static unsigned walls_off(void)
{
    static const struct {
        const char *name;
        unsigned bit;
    } walls[] = {{"userns2", WALL_USERNS2},
                 {"seccomp", WALL_SECCOMP},
                 {"mounts", WALL_MOUNTS},
                 {"tmpfs-upper", SEAM_DISK}};
    struct sv list = sv_of(getenv("GANTRY_SANDBOX_OFF"));
    struct sv word;
    unsigned off = 0;

    while (sv_next(&list, ',', &word))
        for (size_t i = 0; i < sizeof walls / sizeof walls[0]; i++)
            if (sv_is(word, walls[i].name))
                off |= walls[i].bit;
    return off;
}
#else
static unsigned walls_off(void)
{
    return 0;
}
#endif

int plan_check_host_dir(const char *dir, struct err *e)
{
    static const char *const own[] = {"/",    "/proc", "/sys",  "/dev", "/run",
                                      "/tmp", "/home", "/root", "/var", "/home/runner"};
    AUTO(auto_free) char *clean = path_clean(sv_of(dir));

    if (dir[0] != '/' || strcmp(clean, dir) != 0)
        return err_set(e, FAIL_INPUT, "host folder '%s' is not an absolute, clean path", dir);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (strcmp(dir, own[i]) == 0)
            return err_set(e, FAIL_INPUT,
                           "host folder '%s' cannot be shown to a job; name folders below it", dir);
    if (sv_starts(sv_of(dir), SV("/proc/")) || sv_starts(sv_of(dir), SV("/sys/")) ||
        sv_starts(sv_of(dir), SV("/dev/")) || sv_starts(sv_of(dir), SV("/home/runner/")))
        return err_set(e, FAIL_INPUT, "host folder '%s' cannot be shown to a job", dir);
    return 0;
}

static int read_lists(struct ipc_in *in, struct plan *p, struct err *e)
{
    uint16_t tag;
    struct sv v;

    while (ipc_next(in, &tag, &v)) {
        if (tag != TAG_HOST_DIR && tag != TAG_WORKER_ENV)
            continue;
        if (memchr(v.p, '\0', v.n) != NULL)
            return err_set(e, FAIL_PROTO, "a text of the policy holds a NUL byte");
        strv_addsv(tag == TAG_HOST_DIR ? &p->host_dirs : &p->worker_env, v);
    }
    for (size_t i = 0; i < p->host_dirs.n; i++)
        if (plan_check_host_dir(p->host_dirs.v[i], e) < 0)
            return -1;
    return 0;
}

static bool is_host_name(const char *s)
{
    size_t n = strlen(s);

    if (n == 0 || n > 64)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!ch_is_alnum(s[i]) && s[i] != '-' && s[i] != '.')
            return false;
    return true;
}

int plan_read(struct ipc_in *in, struct plan *p, struct err *e)
{
    uint64_t flags = wire_get_u64(in, TAG_FLAGS, 0);

    *p = (struct plan){.id = in->id,
                       .host_dirs = STRV_INIT,
                       .worker_env = STRV_INIT,
                       .channel_fd = -1,
                       .source_fd = -1};
    p->require = (enum sbx_level)wire_get_u64(in, TAG_REQUIRE, SBX_FULL);
    p->network = (enum sbx_net)wire_get_u64(in, TAG_NETWORK, SBX_NET_NONE);
    p->job_dir = wire_dup_str(in, TAG_JOB_DIR);
    p->hostname = wire_dup_str(in, TAG_HOSTNAME);
    p->service_host = wire_dup_str(in, TAG_SERVICE_HOST);
    p->service_port = (uint16_t)wire_get_u64(in, TAG_SERVICE_PORT, 0);
    p->max_processes = wire_get_u64(in, TAG_MAX_PROCESSES, 0);
    if (p->max_processes == 0)
        p->max_processes = 4096;
    p->allow_sudo = flags & WIRE_FLAG_SUDO;
    p->nested_userns = flags & WIRE_FLAG_NESTED;
    p->keep_groups = flags & WIRE_FLAG_GROUPS;
    p->worker_path = wire_dup_str(in, TAG_WORKER_PATH);
    p->worker_uid = (uint32_t)wire_get_u64(in, TAG_UID, 0);
    p->channel_fd = ipc_take_fd(in, 0);
    if (flags & WIRE_FLAG_SOURCE)
        p->source_fd = ipc_take_fd(in, 1);
    p->off = walls_off();
    if (p->hostname == NULL)
        p->hostname = xstrdup("gantry");
    if (p->job_dir == NULL || p->job_dir[0] != '/' || p->worker_path == NULL || p->channel_fd < 0 ||
        p->require > SBX_FULL || p->network > SBX_NET_NONE ||
        ((flags & WIRE_FLAG_SOURCE) && p->source_fd < 0))
        return err_set(e, FAIL_PROTO, "the policy of the job is incomplete");
    if (!is_host_name(p->hostname) || (p->service_host != NULL && !is_host_name(p->service_host)))
        return err_set(e, FAIL_INPUT, "the host name of the job or of its service is not a name");
    if (p->nested_userns)
        return err_set(e, FAIL_UNSUPPORTED,
                       "nested user namespaces are not supported yet; "
                       "leave nested_userns out of the policy");
    return read_lists(in, p, e);
}

/* ---- limits ---- */

int limits_read(struct ipc_in *in, struct limits *m, struct err *e)
{
    uint16_t tag;
    struct sv v;

    if (m->set)
        return err_set(e, FAIL_PROTO, "the limits of the launcher were set already");
    m->least = (enum sbx_level)wire_get_u64(in, TAG_REQUIRE, SBX_FULL);
    m->jobs_dir = wire_dup_str(in, TAG_JOB_DIR);
    m->worker_path = wire_dup_str(in, TAG_WORKER_PATH);
    m->first_uid = (uint32_t)wire_get_u64(in, TAG_UID, 0);
    m->n_uids = (uint32_t)wire_get_u64(in, TAG_UIDS, 0);
    m->keep_groups = wire_get_u64(in, TAG_FLAGS, 0) & WIRE_FLAG_GROUPS;
    while (ipc_next(in, &tag, &v))
        if (tag == TAG_HOST_DIR)
            strv_addsv(&m->host_dirs, v);
    for (size_t n = m->jobs_dir != NULL ? strlen(m->jobs_dir) : 0;
         n > 0 && m->jobs_dir[n - 1] == '/'; n--)
        m->jobs_dir[n - 1] = '\0';
    if (m->jobs_dir == NULL || m->worker_path == NULL || (m->first_uid == 0 && m->n_uids > 0) ||
        m->n_uids > UINT32_MAX - m->first_uid)
        return err_set(e, FAIL_PROTO, "the limits of the launcher are incomplete");
    m->set = true;
    return 0;
}

void limits_done(struct limits *m)
{
    free(m->jobs_dir);
    strv_free(&m->host_dirs);
    free(m->worker_path);
    *m = LIMITS_INIT;
}

static bool is_directly_below(const char *dir, const char *path)
{
    size_t n = strlen(dir);
    const char *name = path + n + 1;

    return strncmp(path, dir, n) == 0 && path[n] == '/' && name[0] != '\0' && name[0] != '.' &&
           strchr(name, '/') == NULL;
}

static bool is_named(const struct strv *list, const char *s)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->v[i], s) == 0)
            return true;
    return false;
}

static const char *worker_beyond(const char *path, uint32_t uid, const struct limits *m)
{
    if (strcmp(path, m->worker_path) != 0)
        return "another worker";
    if (m->n_uids > 0 && (uid < m->first_uid || uid - m->first_uid >= m->n_uids))
        return "a worker with another uid";
    return NULL;
}

static int beyond(const char *what, struct err *e)
{
    return err_set(e, FAIL_DENIED,
                   "the policy of the job asks for %s than the runner was started with", what);
}

int worker_within(const char *path, uint32_t uid, const struct limits *m, struct err *e)
{
    const char *what = m->set ? worker_beyond(path, uid, m) : NULL;

    return what == NULL ? 0 : beyond(what, e);
}

int plan_within(const struct plan *p, const struct limits *m, struct err *e)
{
    const char *what = NULL;

    if (!m->set)
        return 0;
    if (p->require < m->least)
        what = "a weaker sandbox";
    else if (!is_directly_below(m->jobs_dir, p->job_dir))
        what = "a folder that is no job's";
    else if (p->keep_groups && !m->keep_groups)
        what = "more groups";
    else
        what = worker_beyond(p->worker_path, p->worker_uid, m);
    for (size_t i = 0; what == NULL && i < p->host_dirs.n; i++)
        if (!is_named(&m->host_dirs, p->host_dirs.v[i]))
            what = "another host folder";
    return what == NULL ? 0 : beyond(what, e);
}

void plan_done(struct plan *p)
{
    free(p->job_dir);
    strv_free(&p->host_dirs);
    free(p->hostname);
    free(p->service_host);
    free(p->worker_path);
    strv_free(&p->worker_env);
    fd_close(&p->channel_fd);
    fd_close(&p->source_fd);
    *p = (struct plan){
        .channel_fd = -1, .source_fd = -1, .host_dirs = STRV_INIT, .worker_env = STRV_INIT};
}
