/* SPDX-License-Identifier: Apache-2.0
 *
 * The file helper (sandbox.md 3.15.3). It stays in U1 with init's uid as real uid, so that the job can neither
 * signal nor trace it, and takes the job's user as file-system uid: every check of the kernel on files is the
 * job user's. It has no capability. Paths come from the worker, what lies there from the job: the last
 * component is never followed, no FIFO or device is waited on, nothing of /proc or /sys is handed out. */
#include "sandbox/program/helper.h"

#include "sandbox/program/job_file.h"
#include "sandbox/program/step.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/fs.h"
#include "base/glob_walk.h"
#include "base/ipc.h"
#include "base/mem.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LOOK_SMALL_BYTES 16384U

int helper_identity(const struct box *b, struct err *e)
{
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};

    if (b->level == SBX_NONE)
        return 0;
    if (b->level == SBX_FULL && setgroups(0, NULL) < 0)
        return err_sys(e, "setgroups");
    /* They report the former id and no error: ask again. */
    (void)setfsgid(b->file_uid);
    (void)setfsuid(b->file_uid);
    if ((uint32_t)setfsgid((gid_t)-1) != b->file_uid ||
        (uint32_t)setfsuid((uid_t)-1) != b->file_uid)
        return err_set(e, FAIL_INTERNAL, "cannot take the file-system ids of the job's user");
    if (syscall(SYS_capset, &h, none) < 0)
        return err_sys(e, "capset");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_sys(e, "set no_new_privs");
    return 0;
}

/* Descriptors that go with an answer, and are closed when it was sent. */
struct passed {
    int fds[SBX_FILES_MAX];
    size_t n;
};

static void passed_done(struct passed *p)
{
    for (size_t i = 0; i < p->n; i++)
        fd_close(&p->fds[i]);
}

static void pass_on(struct passed *p, struct ipc_out *o, int *own_fd)
{
    BUG(p->n == SBX_FILES_MAX);
    p->fds[p->n] = fd_take(own_fd);
    ipc_put_fd(o, p->fds[p->n++]);
}

/* A regular file of at most `max` bytes, not of /proc or /sys. */
static int open_regular(const char *path, uint64_t max, int *out, size_t *n, struct err *e)
{
    AUTO(auto_fd) int fd = -1;
    struct statfs fs;
    struct stat st;

    if (job_file_open(path, O_RDONLY, 0, &fd, e) < 0)
        return -1;
    if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
        return err_sys(e, "cannot stat '%s'", path);
    if (!S_ISREG(st.st_mode) || fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC) {
        (void)err_set(e, FAIL_INPUT, "'%s' is not a regular file", path);
        e->sys = EINVAL;
        return -1;
    }
    if ((uint64_t)st.st_size > max) {
        (void)err_set(e, FAIL_LIMIT, "'%s' is larger than %llu bytes", path,
                      (unsigned long long)max);
        e->sys = EFBIG;
        return -1;
    }
    *n = (size_t)st.st_size;
    *out = fd_take(&fd);
    return 0;
}

static int do_read(const struct ipc_in *in, const char *path, struct ipc_out *o,
                   struct passed *pass, struct err *e)
{
    AUTO(auto_fd) int fd = -1;
    size_t n;

    if (open_regular(path, wire_get_u64(in, TAG_MAX, 0), &fd, &n, e) < 0)
        return -1;
    pass_on(pass, o, &fd);
    return 0;
}

static int do_write(struct ipc_in *in, const char *path, struct err *e)
{
    AUTO(auto_fd) int memfd = ipc_take_fd(in, 0);
    AUTO(auto_free) char *big = NULL;
    mode_t mode = (mode_t)(wire_get_u64(in, TAG_MODE, 0600) & 07777);
    struct sv content;
    size_t n;

    if (memfd >= 0) {
        if (fd_read_memfd(memfd, WIRE_FILE_BYTES, &big, &n, e) < 0)
            return -1;
        content = (struct sv){big, n};
    } else if (!ipc_get_sv(in, TAG_BLOB, &content)) {
        return err_set(e, FAIL_PROTO, "a file without content");
    }
    return job_file_write(path, mode, content, e);
}

static int do_mkdir(const char *path, struct err *e)
{
    if (path[0] != '/')
        return err_set(e, FAIL_INPUT, "'%s' is not an absolute path", path);
    return fs_mkdir_all(AT_FDCWD, path, 0755, e);
}

static int do_exists(const struct ipc_in *in, const char *path, struct ipc_out *o, struct err *e)
{
    if (path[0] != '/')
        return err_set(e, FAIL_INPUT, "'%s' is not an absolute path", path);
    ipc_put_u64(o, TAG_MODE, job_file_kind(path) == (mode_t)wire_get_u64(in, TAG_MODE, S_IFREG));
    return 0;
}

static int do_link(const struct ipc_in *in, const char *path, struct err *e)
{
    AUTO(auto_free) char *target = wire_dup_str(in, TAG_NAME);

    if (target == NULL || path[0] != '/')
        return err_set(e, FAIL_PROTO, "a link without a target");
    return symlink(target, path) < 0 && errno != EEXIST
               ? err_sys(e, "cannot make the link '%s'", path)
               : 0;
}

static int which(const char *name, const char *list, struct ipc_out *o, struct err *e)
{
    struct sv rest = sv_of(list);
    struct sv dir;

    if (strchr(name, '/') != NULL)
        rest = SV("/");
    while (sv_next(&rest, ':', &dir)) {
        AUTO(auto_free) char *folder = sv_dup(dir);
        AUTO(auto_free) char *path = path_join(folder, name);
        struct stat st;

        /* AT_EACCESS: with the file-system ids. */
        if (path[0] != '/' || stat(path, &st) < 0 || !S_ISREG(st.st_mode) ||
            faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
            continue;
        ipc_put_str(o, TAG_PATH, path);
        return 0;
    }
    return err_set(e, FAIL_NOTFOUND, "'%s' is not on the job's PATH (%s)", name, list);
}

static int do_which(const struct ipc_in *in, const char *list, struct ipc_out *o, struct err *e)
{
    AUTO(auto_free) char *name = wire_dup_str(in, TAG_NAME);

    if (name == NULL || name[0] == '\0')
        return err_set(e, FAIL_PROTO, "no program named");
    return which(name, list, o, e);
}

/* ---- several in one go ---- */

struct looking {
    struct ipc_out *o;
    uint64_t max;
    size_t room; /* for contents, in the record */
    struct passed *pass;
};

/* A small file is read here: a descriptor costs more than its content. */
static int read_small(int fd, size_t n, struct looking *l, bool *done, struct err *e)
{
    char content[LOOK_SMALL_BYTES];
    ssize_t got;

    *done = false;
    if (n >= sizeof content || n > l->room)
        return 0;
    got = fd_read_full(fd, content, sizeof content, e);
    if (got < 0)
        return -1;
    if ((size_t)got == sizeof content) /* it grows: then it is the worker's to measure */
        return lseek(fd, 0, SEEK_SET) < 0 ? err_sys(e, "lseek") : 0;
    ipc_put_sv(l->o, TAG_CONTENT, (struct sv){content, (size_t)got});
    l->room -= (size_t)got;
    *done = true;
    return 0;
}

static int look_at(struct looking *l, const char *path, struct err *e)
{
    AUTO(auto_fd) int fd = -1;
    bool done;
    size_t n;

    if (open_regular(path, l->max, &fd, &n, e) < 0 || read_small(fd, n, l, &done, e) < 0)
        return -1;
    if (done)
        return 0;
    ipc_put_u64(l->o, TAG_FD, l->pass->n);
    pass_on(l->pass, l->o, &fd);
    return 0;
}

static int do_look(struct ipc_in *in, const char *list, struct ipc_out *o, struct passed *pass,
                   struct err *e)
{
    AUTO(auto_free) char *name = wire_dup_str(in, TAG_NAME);
    struct looking l = {
        .o = o, .max = wire_get_u64(in, TAG_MAX, 0), .room = WIRE_INLINE_BYTES, .pass = pass};
    struct err why = {0};
    size_t n = 0;
    uint16_t tag;
    struct sv v;

    while (ipc_next(in, &tag, &v)) {
        if (tag != TAG_FILE)
            continue;
        if (n++ == SBX_FILES_MAX || memchr(v.p, '\0', v.n) != NULL)
            return err_set(e, FAIL_PROTO, "malformed list of files");
        AUTO(auto_free) char *path = sv_dup(v);
        if (look_at(&l, path, &why) < 0)
            wire_put_err(o, &why);
    }
    if (name != NULL && which(name, list, o, &why) < 0 && why.code != FAIL_NOTFOUND)
        wire_put_err(o, &why);
    return 0;
}

/* ---- hashFiles ---- */

#define HASH_LIMIT_MS 120000 /* of the reference, spec expressions 1.10 */

struct hashing {
    int sock;
    uint32_t id;
    int64_t until;
};

/* The digest is made by the worker, which has a library for it; the order of the records is its order. */
static int send_file(void *ctx, int fd, struct sv path, struct err *e)
{
    const struct hashing *h = ctx;
    struct ipc_out o;

    (void)path;
    ipc_begin(&o, WIRE_FILE, h->id);
    ipc_put_fd(&o, fd);
    return ipc_send(h->sock, &o, e);
}

static bool hash_late(void *ctx)
{
    const struct hashing *h = ctx;

    return tm_now_ms() > h->until;
}

static int do_hash(struct ipc_in *in, const char *root, int sock, const char *home, struct err *e)
{
    struct hashing h = {.sock = sock, .id = in->id, .until = tm_now_ms() + HASH_LIMIT_MS};
    struct glob_walk_options options = {.workspace = sv_of(root),
                                        .follow = wire_get_u64(in, TAG_FLAGS, 0) & WIRE_FLAG_FOLLOW,
                                        .late = hash_late,
                                        .file = send_file,
                                        .ctx = &h};
    AUTO(auto_glob) struct glob *g = NULL;
    AUTO(auto_free) struct sv *patterns = NULL;
    size_t n = 0;
    size_t cap = 0;
    uint16_t tag;
    struct sv v;

    while (ipc_next(in, &tag, &v))
        if (tag == TAG_PATTERN) {
            GROW(patterns, cap, n + 1);
            patterns[n++] = v;
        }
    if (glob_new(patterns, n, options.workspace, sv_of(home), &g, e) < 0)
        return -1;
    return glob_walk(g, &options, e);
}

static int serve(const struct box *b, int sock, struct ipc_in *in, struct ipc_out *o,
                 struct passed *pass, struct err *e)
{
    AUTO(auto_free) char *path = wire_dup_str(in, TAG_PATH);

    if (path == NULL)
        return err_set(e, FAIL_INPUT, "a path is missing or holds a NUL byte");
    switch (in->type) {
    case WIRE_READ:
        return do_read(in, path, o, pass, e);
    case WIRE_WRITE:
        return do_write(in, path, e);
    case WIRE_MKDIR:
        return do_mkdir(path, e);
    case WIRE_REMOVE:
        return fs_remove_tree(AT_FDCWD, path, e);
    case WIRE_WHICH:
        return do_which(in, path, o, e);
    case WIRE_LINK:
        return do_link(in, path, e);
    case WIRE_EXISTS:
        return do_exists(in, path, o, e);
    case WIRE_LOOK:
        return do_look(in, path, o, pass, e);
    case WIRE_HASH:
        return do_hash(in, path, sock, b->home, e);
    default:
        return err_set(e, FAIL_PROTO, "unknown request %u", (unsigned)in->type);
    }
}

static _Noreturn void helper_child(const struct box *b, int sock)
{
    struct err e = {0};
    struct err identity = {0};

    child_begin(&sock, 1);
    (void)setsid();
    if (helper_identity(b, &identity) < 0)
        (void)err_wrap(&identity, "file helper");
    for (;;) {
        AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
        AUTO(passed_done) struct passed pass = {.n = 0};
        struct ipc_out o;
        int r = ipc_recv(sock, &in, &e);

        if (r <= 0)
            _exit(0);
        ipc_begin(&o, WIRE_DONE, in.id);
        if (identity.code != FAIL_NONE)
            e = identity;
        if (identity.code != FAIL_NONE || serve(b, sock, &in, &o, &pass, &e) < 0) {
            ipc_out_done(&o);
            ipc_begin(&o, WIRE_FAILED, in.id);
            wire_put_err(&o, &e);
        }
        if (ipc_send(sock, &o, &e) < 0)
            _exit(0);
    }
}

int helper_start(const struct box *b, pid_t *pid, int *theirs, struct err *e)
{
    AUTO(auto_fd) int ours = -1;
    AUTO(auto_fd) int other = -1;
    int pair[2];
    pid_t p;

    if (ipc_pair(pair, e) < 0)
        return -1;
    ours = pair[0];
    other = pair[1];
    p = fork();
    if (p < 0)
        return err_sys(e, "cannot start the file helper");
    if (p == 0)
        helper_child(b, ours);
    *pid = p;
    *theirs = fd_take(&other);
    return 0;
}

static _Noreturn void copier_child(const struct box *b, const char *dest, int listing, int sock)
{
    int keep[] = {listing, sock, b->source_fd};
    uint64_t files = 0;
    uint64_t bytes = 0;
    struct err e = {0};
    struct ipc_out o;

    child_begin(keep, 3);
    (void)setsid();
    ipc_begin(&o, WIRE_COPIED, 0);
    if (helper_identity(b, &e) < 0 ||
        copy_tree(b->source_fd, dest, listing, &files, &bytes, &e) < 0)
        wire_put_err(&o, &e);
    ipc_put_u64(&o, TAG_FILES, files);
    ipc_put_u64(&o, TAG_BYTES, bytes);
    wire_tell(sock, &o); /* without it init reports a killed copy */
    _exit(0);
}

int copier_start(const struct box *b, const char *dest, int listing, pid_t *pid, int *sock,
                 struct err *e)
{
    AUTO(auto_fd) int ours = -1;
    AUTO(auto_fd) int theirs = -1;
    int pair[2];
    pid_t p;

    if (ipc_pair(pair, e) < 0)
        return -1;
    ours = pair[0];
    theirs = pair[1];
    p = fork();
    if (p < 0)
        return err_sys(e, "cannot start the copy of the source");
    if (p == 0)
        copier_child(b, dest, listing, theirs);
    *pid = p;
    *sock = fd_take(&ours);
    return 0;
}
