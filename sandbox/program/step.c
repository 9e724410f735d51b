/* SPDX-License-Identifier: Apache-2.0
 *
 * The starter and a step's way into the job (sandbox.md 3.10). Everything that costs time and is the same for every
 * step is done once. The starter keeps init's ids, which the job cannot signal where it has ids of its own; a
 * step has the job's from before its execve on, while it shares memory with the starter. That memory belongs to
 * the initial user namespace and is not dumpable, so the job can look into it through neither. */
#include "sandbox/program/step.h"

#include "sandbox/program/confine.h"
#include "sandbox/program/job_file.h"
#include "sandbox/program/namespaces.h"

#include "base/fd.h"
#include "base/ipc.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/secret.h"

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
    (void)umask(CHILD_UMASK);
    /* SIG_IGN and the mask would survive execve. The others were reset once, in main. */
    (void)sigaction(SIGPIPE, &dfl, NULL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* ---- the request ---- */

struct request {
    char *path, *cwd;
    char *block; /* arguments, then environment: may hold secrets */
    size_t n_block;
    char **argv, **envp;
    bool as_root;
    /* What the step's user makes first. */
    struct new_file {
        char *path;
        char *old; /* a file to make it from, or NULL */
        mode_t mode;
        struct sv content;
        char *big; /* owned, of a large one */
    } files[SBX_SPAWN_FILES_MAX];
    size_t n_files;
};

static void request_done(struct request *q)
{
    free(q->path);
    free(q->cwd);
    if (q->block != NULL)
        secret_wipe(q->block, q->n_block);
    free(q->block);
    free(q->argv);
    for (size_t i = 0; i < q->n_files; i++) {
        struct new_file *f = &q->files[i];
        if (f->big != NULL)
            secret_wipe(f->big, f->content.n);
        free(f->big);
        free(f->path);
        free(f->old);
    }
}

/* Splits the block into argv and envp, in place. */
static int split_block(struct request *q, uint64_t argc, struct err *e)
{
    char *block = q->block;
    size_t n = q->n_block;
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

static int read_block(struct ipc_in *in, struct request *q, size_t *next_fd, struct err *e)
{
    struct sv inline_block;

    if (ipc_get_sv(in, TAG_BLOB, &inline_block)) {
        q->block = xmemdup(inline_block.p, inline_block.n);
        q->n_block = inline_block.n;
    } else {
        AUTO(auto_fd) int memfd = ipc_take_fd(in, (*next_fd)++);
        if (memfd < 0)
            return err_set(e, FAIL_PROTO, "a step without arguments");
        if (fd_read_memfd(memfd, WIRE_BLOB_BYTES, &q->block, &q->n_block, e) < 0)
            return -1;
    }
    return split_block(q, wire_get_u64(in, TAG_ARGC, 0), e);
}

static int read_files(struct ipc_in *in, struct request *q, size_t *next_fd, struct err *e)
{
    struct new_file *f = NULL;
    uint16_t tag;
    struct sv v;

    while (ipc_next(in, &tag, &v)) {
        if (tag == TAG_FILE) {
            if (q->n_files == SBX_SPAWN_FILES_MAX || memchr(v.p, '\0', v.n) != NULL)
                return err_set(e, FAIL_PROTO, "malformed list of files");
            f = &q->files[q->n_files++];
            *f = (struct new_file){.path = sv_dup(v), .mode = 0600};
        } else if (tag == TAG_OLD && f != NULL && f->old == NULL) {
            f->old = sv_dup(v); /* up to a NUL byte: then it names nothing of ours */
        } else if (tag == TAG_MODE && f != NULL && v.n == 8) {
            f->mode = (mode_t)(load_le64((const unsigned char *)v.p) & 07777);
        } else if (tag == TAG_CONTENT && f != NULL) {
            f->content = v;
        } else if (tag == TAG_FD && f != NULL && f->big == NULL) {
            AUTO(auto_fd) int memfd = ipc_take_fd(in, (*next_fd)++);
            if (memfd < 0)
                return err_set(e, FAIL_PROTO, "a file without content");
            if (fd_read_memfd(memfd, WIRE_FILE_BYTES, &f->big, &f->content.n, e) < 0)
                return -1;
            f->content.p = f->big;
        }
    }
    return 0;
}

static int read_request(struct ipc_in *in, struct request *q, struct err *e)
{
    size_t next_fd = 2; /* behind stdout and stderr */

    q->path = wire_dup_str(in, TAG_PATH);
    q->cwd = wire_dup_str(in, TAG_CWD);
    q->as_root = wire_get_u64(in, TAG_FLAGS, 0) & WIRE_FLAG_AS_ROOT;
    if (q->path == NULL || q->path[0] != '/' || q->cwd == NULL)
        return err_set(e, FAIL_INPUT, "the program of a step needs an absolute path and a folder");
    if (read_block(in, q, &next_fd, e) < 0)
        return -1;
    return read_files(in, q, &next_fd, e);
}

/* ---- the step's process ---- */

struct launch {
    const struct box *box;
    const struct request *request;
    const int *out; /* stdout, stderr */
    int null;
    volatile struct start_page *page;
    bool failed, file_failed;
    struct err error;
};

static int take_stdio(const struct launch *l, struct err *e)
{
    /* All three are above 2, so dup2 clears CLOEXEC. */
    if (dup2(l->null, 0) < 0 || dup2(l->out[0], 1) < 0 || dup2(l->out[1], 2) < 0)
        return err_sys(e, "dup2");
    return 0;
}

static int enter_job(struct launch *l, struct err *e)
{
    const struct request *q = l->request;

    if (take_stdio(l, e) < 0 || confine_ids(l->box, q->as_root, e) < 0)
        return -1;
    /* The change of ids makes the memory what fs.suid_dumpable says: 1 would open it. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return err_sys(e, "set undumpable");
    for (size_t i = 0; i < q->n_files; i++) {
        const struct new_file *f = &q->files[i];
        if (f->old != NULL && job_file_recycle(f->old, f->path, f->mode, f->content))
            continue;
        if (job_file_write(f->path, f->mode, f->content, e) < 0) {
            l->file_failed = true;
            return -1;
        }
    }
    if (chdir(q->cwd) < 0)
        return err_sys(e, "cannot enter the working folder '%s'", q->cwd);
    return 0;
}

/* Shares memory with the starter, which stands still meanwhile. Every descriptor above 2 is CLOEXEC. */
static int step_child(void *arg)
{
    struct launch *l = arg;
    const struct request *q = l->request;

    l->page->pid = (int32_t)getpid();
    (void)setsid();
    if (enter_job(l, &l->error) == 0) {
        l->page->executes = 1;
        (void)execve(q->path, q->argv, q->envp);
        (void)err_sys(&l->error, "cannot execute '%s'", q->path);
        l->page->executes = 0;
    }
    l->failed = true;
    _exit(127);
}

/* The child's stack lies in the frame of the starter, which does not run until the child has left it. */
#define STACK_BYTES (128U << 10)

static pid_t clone_step(struct launch *l)
{
    _Alignas(16) char stack[STACK_BYTES];

    return clone(step_child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PARENT | SIGCHLD,
                 l);
}

/* ---- the starter ---- */

static void answer(int sock, uint8_t type, uint32_t id, pid_t pid, const struct launch *l)
{
    struct ipc_out o;

    ipc_begin(&o, type, id);
    if (pid > 0)
        ipc_put_u64(&o, TAG_PID, (uint64_t)pid);
    if (type == WIRE_SPAWN_ERROR) {
        wire_put_err(&o, &l->error);
        ipc_put_u64(&o, TAG_FLAGS, l->file_failed ? WIRE_FLAG_FILE : 0);
    }
    wire_tell(sock, &o); /* init sees our end in any case */
}

static void serve(const struct box *b, int sock, int null, volatile struct start_page *page,
                  struct ipc_in *in)
{
    AUTO(request_done) struct request q = {.path = NULL};
    struct launch l = {.box = b, .request = &q, .out = in->fds, .null = null, .page = page};
    pid_t pid;

    page->pid = 0;
    page->executes = 0;
    page->id = in->id;
    if (read_request(in, &q, &l.error) < 0) {
        answer(sock, WIRE_SPAWN_ERROR, in->id, 0, &l);
        return;
    }
    pid = clone_step(&l);
    if (pid < 0) {
        (void)err_sys(&l.error, "cannot start a process in the job");
        answer(sock, WIRE_SPAWN_ERROR, in->id, 0, &l);
    } else if (l.failed) {
        answer(sock, WIRE_SPAWN_ERROR, in->id, pid, &l);
    } else {
        /* Killed in execve counts as started; killed before it, the job did not see it run. */
        answer(sock, page->executes ? WIRE_SPAWNED : WIRE_SPAWN_LOST, in->id, pid, &l);
    }
}

static int starter_begin(const struct box *b, int sock, int *null, struct err *e)
{
    if (confine_early(b, e) < 0)
        return -1;
    /* A child of ours has the job's uid before its execve; see the top. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return err_sys(e, "set undumpable");
    fd_close_from(3, &sock, 1);
    *null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return *null < 0 ? err_sys(e, "cannot open '/dev/null' in the job") : 0;
}

static _Noreturn void starter_main(const struct box *b, int sock, volatile struct start_page *page)
{
    int keep[] = {sock, b->user_ns, b->mount_ns};
    struct launch broken = {.error = {.code = FAIL_NONE}};
    struct err e = {0};
    int null = -1;

    child_begin(keep, 3);
    (void)setsid();
    if (starter_begin(b, sock, &null, &broken.error) < 0)
        broken.failed = true;
    for (;;) {
        AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;

        if (ipc_recv(sock, &in, &e) != 1)
            _exit(0); /* init went, or dropped us */
        if (broken.failed)
            answer(sock, WIRE_SPAWN_ERROR, in.id, 0, &broken);
        else
            serve(b, sock, null, page, &in);
        secret_wipe(in.data, in.n);
    }
}

/* ---- init's side ---- */

void starter_drop(struct starter *s)
{
    if (s->pid > 0)
        (void)kill(s->pid, SIGKILL);
    fd_close(&s->sock);
    if (s->page != NULL)
        (void)munmap((void *)(uintptr_t)s->page, sizeof *s->page);
    *s = STARTER_INIT;
}

/* Forks with the clone flags; the child waits for a first byte where it makes new namespaces. */
static int start(const struct box *b, unsigned long flags, struct starter *out, struct err *e)
{
    AUTO(auto_fd) int ours = -1;
    AUTO(auto_fd) int theirs = -1;
    void *page = mmap(NULL, sizeof(struct start_page), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int pair[2];
    char byte;
    pid_t pid;

    if (page == MAP_FAILED)
        return err_sys(e, "mmap");
    if (ipc_pair(pair, e) < 0) {
        (void)munmap(page, sizeof(struct start_page));
        return -1;
    }
    ours = pair[0];
    theirs = pair[1];
    pid = flags != 0 ? ns_fork(flags) : fork();
    if (pid < 0) {
        (void)err_sys(e, flags != 0 ? "cannot create the inner user namespace"
                                    : "cannot start a process in the job");
        (void)munmap(page, sizeof(struct start_page));
        return -1;
    }
    if (pid == 0) {
        fd_close(&ours);
        if (flags != 0 && read(theirs, &byte, 1) != 1)
            _exit(1);
        starter_main(b, theirs, page);
    }
    *out = (struct starter){pid, fd_take(&ours), page};
    return 0;
}

int starter_start(const struct box *b, struct starter *out, struct err *e)
{
    if (start(b, 0, out, e) < 0)
        return -1;
    return fd_nonblock(out->sock, true, e);
}

static int open_ns(pid_t pid, const char *name, int *out, struct err *e)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, name);
    *out = open(path, O_RDONLY | O_CLOEXEC);
    return *out < 0 ? err_sys(e, "cannot open '%s'", path) : 0;
}

int step_inner(struct box *b, struct starter *out, struct err *e)
{
    const char *map = b->level == SBX_FULL ? "0 1 65536\n" : "1001 0 1\n";

    if (b->walls_off & WALL_USERNS2)
        return 0;
    if (start(b, CLONE_NEWUSER | CLONE_NEWNS, out, e) < 0)
        return -1;
    if (ns_write_maps(out->pid, map, map, b->level != SBX_FULL, e) < 0 ||
        open_ns(out->pid, "user", &b->user_ns, e) < 0 ||
        open_ns(out->pid, "mnt", &b->mount_ns, e) < 0 || fd_write_full(out->sock, "g", 1, e) < 0)
        return -1;
    return fd_nonblock(out->sock, true, e);
}
