/* SPDX-License-Identifier: Apache-2.0
 *
 * The pre-armed child and its way into the job (sandbox.md 3.10). Everything that costs time is done before
 * the request comes. Until then it keeps init's ids, which the job cannot signal where it has ids of its own. */
#include "sandbox/program/step.h"

#include "sandbox/program/confine.h"
#include "sandbox/program/namespaces.h"

#include "base/fd.h"
#include "base/ipc.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

void child_begin(const int *keep, size_t n_keep)
{
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    sigset_t none;

    fd_close_from(3, keep, n_keep);
    (void)umask(022);
    /* SIG_IGN and the mask would survive execve. The others were reset once, in main. */
    (void)sigaction(SIGPIPE, &dfl, NULL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void give_up(int sock, uint32_t id, const struct err *e)
{
    struct ipc_out o;

    ipc_begin(&o, WIRE_SPAWN_ERROR, id);
    wire_put_err(&o, e);
    wire_tell(sock, &o); /* init sees our end in any case */
    _exit(127);
}

struct request {
    char *path, *cwd;
    char **argv, **envp;
    bool as_root;
};

/* Splits the block into argv and envp, in place. */
static int split_block(char *block, size_t n, uint64_t argc, struct request *q, struct err *e)
{
    size_t strings = 0;
    size_t k = 0;

    if (n == 0 || block[n - 1] != '\0')
        return err_set(e, FAIL_PROTO, "malformed argument block");
    for (size_t i = 0; i < n; i++)
        strings += block[i] == '\0';
    if (argc == 0 || argc > strings)
        return err_set(e, FAIL_PROTO, "malformed argument block");
    q->argv = xcalloc(strings + 2, sizeof *q->argv);
    q->envp = q->argv + argc + 1;
    for (size_t i = 0; i < n; i += strlen(block + i) + 1, k++)
        q->argv[k < argc ? k : k + 1] = block + i;
    return 0;
}

static int read_request(struct ipc_in *in, struct request *q, struct err *e)
{
    uint64_t argc = wire_get_u64(in, TAG_ARGC, 0);
    AUTO(auto_fd) int memfd = ipc_take_fd(in, 2);
    struct sv inline_block;
    char *block;
    size_t n;

    q->path = wire_dup_str(in, TAG_PATH);
    q->cwd = wire_dup_str(in, TAG_CWD);
    q->as_root = wire_get_u64(in, TAG_FLAGS, 0) & WIRE_FLAG_AS_ROOT;
    if (q->path == NULL || q->path[0] != '/' || q->cwd == NULL)
        return err_set(e, FAIL_INPUT, "the program of a step needs an absolute path and a folder");
    if (memfd >= 0) {
        if (fd_read_memfd(memfd, WIRE_BLOB_BYTES, &block, &n, e) < 0)
            return -1;
    } else if (ipc_get_sv(in, TAG_BLOB, &inline_block)) {
        block = xmemdup(inline_block.p, inline_block.n);
        n = inline_block.n;
    } else {
        return err_set(e, FAIL_PROTO, "a step without arguments");
    }
    return split_block(block, n, argc, q, e);
}

static int take_stdio(struct ipc_in *in, struct err *e)
{
    int out = ipc_take_fd(in, 0);
    int err = ipc_take_fd(in, 1);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (null < 0)
        return err_sys(e, "cannot open '/dev/null' in the job");
    /* All three are above 2, so dup2 clears CLOEXEC. */
    if (dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
        return err_sys(e, "dup2");
    return 0;
}

static _Noreturn void armed_child(const struct box *b, int sock, volatile uint32_t *started)
{
    struct ipc_in in = IPC_IN_INIT;
    struct request q = {0};
    struct err e = {0};
    int keep[] = {sock, b->user_ns, b->mount_ns};

    child_begin(keep, 3);
    (void)setsid();
    if (confine_early(b, &e) < 0)
        give_up(sock, 0, &e);
    if (ipc_recv(sock, &in, &e) != 1)
        _exit(0); /* init went, or disarmed us */
    if (read_request(&in, &q, &e) < 0 || take_stdio(&in, &e) < 0 ||
        confine_ids(b, q.as_root, &e) < 0)
        give_up(sock, in.id, &e);
    if (chdir(q.cwd) < 0) {
        (void)err_sys(&e, "cannot enter the working folder '%s'", q.cwd);
        give_up(sock, in.id, &e);
    }
    /* Descriptors above 2 are CLOEXEC from birth; this is for those that were inherited without. */
    fd_close_from(3, &sock, 1);
    *started = 1;
    execve(q.path, q.argv, q.envp);
    (void)err_sys(&e, "cannot execute '%s'", q.path);
    give_up(sock, in.id, &e);
}

/* One flag a child, in a page that init shares with its children until they execute: cheaper than a record that
 * wakes init up. Far more flags than children that have not come to execve. */
#define FLAGS 1024U

static volatile uint32_t *next_flag(void)
{
    static uint32_t *flags;
    static unsigned next;
    volatile uint32_t *flag;

    if (flags == NULL) {
        void *p = mmap(NULL, FLAGS * sizeof *flags, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            return NULL;
        flags = p;
    }
    flag = &flags[next++ % FLAGS];
    *flag = 0;
    return flag;
}

/* Forks with the clone flags; the child waits for a first byte where it makes new namespaces. */
static int arm(const struct box *b, unsigned long flags, struct armed *out, struct err *e)
{
    AUTO(auto_fd) int ours = -1;
    AUTO(auto_fd) int theirs = -1;
    volatile uint32_t *started = next_flag();
    int pair[2];
    char byte;
    pid_t pid;

    if (started == NULL)
        return err_sys(e, "mmap");
    if (ipc_pair(pair, e) < 0)
        return -1;
    ours = pair[0];
    theirs = pair[1];
    pid = flags != 0 ? ns_fork(flags) : fork();
    if (pid < 0)
        return err_sys(e, flags != 0 ? "cannot create the inner user namespace"
                                     : "cannot start a process in the job");
    if (pid == 0) {
        fd_close(&ours);
        if (flags != 0 && read(theirs, &byte, 1) != 1)
            _exit(1);
        armed_child(b, theirs, started);
    }
    *out = (struct armed){pid, fd_take(&ours), started};
    return 0;
}

int step_arm(const struct box *b, struct armed *out, struct err *e)
{
    return arm(b, 0, out, e);
}

static int open_ns(pid_t pid, const char *name, int *out, struct err *e)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, name);
    *out = open(path, O_RDONLY | O_CLOEXEC);
    return *out < 0 ? err_sys(e, "cannot open '%s'", path) : 0;
}

int step_inner(struct box *b, struct armed *out, struct err *e)
{
    const char *map = b->level == SBX_FULL ? "0 1 65536\n" : "1001 0 1\n";

    if (b->walls_off & WALL_USERNS2)
        return 0;
    if (arm(b, CLONE_NEWUSER | CLONE_NEWNS, out, e) < 0)
        return -1;
    if (ns_write_maps(out->pid, map, map, b->level != SBX_FULL, e) < 0 ||
        open_ns(out->pid, "user", &b->user_ns, e) < 0 ||
        open_ns(out->pid, "mnt", &b->mount_ns, e) < 0)
        return -1;
    return fd_write_full(out->sock, "g", 1, e);
}
