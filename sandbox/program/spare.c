/* SPDX-License-Identifier: Apache-2.0
 *
 * Spare workers: each was started as a worker of its uid, with its environment, and serves the jobs that ask for
 * exactly that. One that dies, or does not answer, costs the time of a fresh start and nothing else. */
#include "sandbox/program/spare.h"

#include "sandbox/program/worker.h"

#include "base/fd.h"
#include "base/ipc.h"
#include "base/mem.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MS  2000 /* Ours: it does nothing but fork, once it has been linked */
#define SPARES_MAX 512U /* Ours: twice the uids of a listener */

struct spare {
    struct spare *next;
    pid_t pid;
    int sock; /* -1: it has been let go and ends */
    char *path;
    struct strv env;
    uint32_t uid; /* 0: ours */
    bool again;
};

static void spare_free(struct spare *s)
{
    fd_close(&s->sock);
    free(s->path);
    strv_free(&s->env);
    free(s);
}

static bool same_env(const struct strv *a, const struct strv *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->v[i], b->v[i]) != 0)
            return false;
    return true;
}

static struct spare *find(struct spare *list, const char *path, const struct strv *env,
                          uint32_t uid)
{
    for (struct spare *s = list; s != NULL; s = s->next)
        if (s->sock >= 0 && s->uid == uid && strcmp(s->path, path) == 0 && same_env(&s->env, env))
            return s;
    return NULL;
}

static int start(struct spare *s, struct err *e)
{
    AUTO(auto_fd) int theirs = -1;
    int pair[2];

    if (ipc_pair(pair, e) < 0)
        return -1;
    s->sock = pair[0];
    theirs = pair[1];
    const struct program p = {.path = s->path,
                              .word = WIRE_SPARE_WORD,
                              .env = s->env.v,
                              .uid = s->uid != 0 ? s->uid : (uint32_t)-1,
                              .fds = {theirs},
                              .n_fds = 1};
    return program_start(&p, &s->pid, e);
}

/* 1 it is in the list, 0 there is one already. */
static int add(struct spare **list, struct spare *s, struct err *e)
{
    if (find(*list, s->path, &s->env, s->uid) != NULL)
        return 0;
    for (struct spare *o = *list; o != NULL && !s->again; o = o->next)
        if (!o->again)
            fd_close(&o->sock);
    if (start(s, e) < 0)
        return -1;
    s->next = *list;
    *list = s;
    return 1;
}

int spare_keep(struct spare **list, struct ipc_in *in, const struct limits *m, struct err *e)
{
    struct spare *s = xcalloc(1, sizeof *s);
    struct sv value;
    uint16_t tag;
    int rc = -1;

    s->sock = -1;
    s->env = STRV_INIT;
    s->path = wire_dup_str(in, TAG_WORKER_PATH);
    s->uid = (uint32_t)wire_get_u64(in, TAG_UID, 0);
    s->again = (wire_get_u64(in, TAG_FLAGS, 0) & WIRE_FLAG_AGAIN) != 0;
    while (ipc_next(in, &tag, &value))
        if (tag == TAG_WORKER_ENV)
            strv_addsv(&s->env, value);
    if (s->path == NULL)
        (void)err_set(e, FAIL_PROTO, "no worker named");
    else if (spare_count(*list) >= SPARES_MAX)
        (void)err_set(e, FAIL_LIMIT, "more than %u spare workers", SPARES_MAX);
    else if (worker_within(s->path, s->uid, m, e) == 0)
        rc = add(list, s, e);
    if (rc != 1)
        spare_free(s);
    return rc < 0 ? -1 : 0;
}

/* The pid of the worker; 0: it did not say. */
static pid_t answer(const struct spare *s)
{
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
    struct pollfd p = {.fd = s->sock, .events = POLLIN};
    struct err e;
    int r;

    do
        r = poll(&p, 1, ANSWER_MS);
    while (r < 0 && errno == EINTR);
    if (r <= 0 || ipc_recv(s->sock, &in, &e) != 1 || in.type != WIRE_FORKED)
        return 0;
    return (pid_t)wire_get_u64(&in, TAG_PID, 0);
}

enum spare_result spare_use(struct spare **list, const struct plan *p, struct built *b, pid_t *pid)
{
    uint32_t uid = b->worker_uid == (uint32_t)-1 ? 0 : b->worker_uid;
    struct spare *s = find(*list, p->worker_path, &p->worker_env, uid);
    struct ipc_out o;
    struct err e;

    if (s == NULL)
        return SPARE_NONE;
    ipc_begin(&o, WIRE_FORK, 0);
    ipc_put_fd(&o, p->channel_fd);
    ipc_put_fd(&o, b->worker_end);
    ipc_put_fd(&o, b->actions_dir);
    *pid = ipc_send(s->sock, &o, &e) == 0 ? answer(s) : 0;
    if (*pid <= 0) {
        (void)kill(s->pid, SIGKILL);
        fd_close(&s->sock);
        return SPARE_LOST;
    }
    if (!s->again)
        fd_close(&s->sock);
    fd_close(&b->worker_end);
    fd_close(&b->actions_dir);
    return SPARE_USED;
}

bool spare_ended(struct spare **list, pid_t pid)
{
    for (struct spare **at = list; *at != NULL; at = &(*at)->next) {
        struct spare *s = *at;
        if (s->pid != pid)
            continue;
        *at = s->next;
        spare_free(s);
        return true;
    }
    return false;
}

size_t spare_count(const struct spare *list)
{
    size_t n = 0;

    for (; list != NULL; list = list->next)
        n++;
    return n;
}

size_t spare_pids(const struct spare *list, pid_t *out)
{
    size_t n = 0;

    for (; list != NULL; list = list->next)
        out[n++] = list->pid;
    return n;
}

void spare_drop_all(struct spare **list)
{
    for (const struct spare *s = *list; s != NULL; s = s->next)
        (void)kill(s->pid, SIGKILL);
    while (*list != NULL) {
        struct spare *s = *list;
        while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        *list = s->next;
        spare_free(s);
    }
}
