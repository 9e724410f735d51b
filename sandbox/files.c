/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker's side of the file helper: a child of init that opens files of the job as the job's user, over
 * a socket of its own. Where the job runs under the worker's own uid it can kill or stop the helper; then
 * init makes another one and the request is repeated once (every request may be). */
#include "sandbox/job_priv.h"

#include "base/fd.h"
#include "base/file_digest.h"
#include "base/ipc.h"
#include "base/mem.h"
#include "base/num.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_MAX_BYTES 8192U

static int new_helper(struct sbx_job *j, struct err *e)
{
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
    struct ipc_out o;

    fd_close(&j->helper);
    ipc_begin(&o, WIRE_HELPER, ++j->last_id);
    if (ipc_send(j->sock, &o, e) < 0 || sbx_job_answer(j, j->last_id, SBX_ANSWER_MS, &in, e) < 0)
        return -1;
    j->helper = ipc_take_fd(&in, 0);
    return j->helper >= 0 ? 0 : err_set(e, FAIL_PROTO, "init gave no file helper");
}

/* What a request is made of; put anew for each attempt, since ipc_send ends a record. */
struct request {
    uint8_t type;
    const char *path;
    const char *name; /* which, look: the program, path is the list; link: the target */
    const struct sv *patterns;
    size_t n_patterns;
    const char *const *paths; /* look */
    size_t n_paths;
    uint64_t max;
    uint64_t mode;
    uint64_t flags;
    const void *content;
    size_t n_content;
    char *hex; /* hash: the digest */
    int timeout_ms;
};

static int put_request(struct ipc_out *o, const struct request *q, uint32_t id, int *memfd,
                       struct err *e)
{
    ipc_begin(o, q->type, id);
    ipc_put_str(o, TAG_PATH, q->path);
    ipc_put_str(o, TAG_NAME, q->name);
    ipc_put_u64(o, TAG_MAX, q->max);
    ipc_put_u64(o, TAG_MODE, q->mode);
    ipc_put_u64(o, TAG_FLAGS, q->flags);
    for (size_t i = 0; i < q->n_patterns; i++)
        ipc_put_sv(o, TAG_PATTERN, q->patterns[i]);
    for (size_t i = 0; i < q->n_paths; i++)
        ipc_put_str(o, TAG_FILE, q->paths[i]);
    if (q->type != WIRE_WRITE)
        return 0;
    if (q->n_content <= WIRE_INLINE_BYTES) {
        ipc_put_sv(o, TAG_BLOB, (struct sv){q->content, q->n_content});
        return 0;
    }
    if (fd_memfd("gantry-file", q->content, q->n_content, memfd, e) < 0)
        return -1;
    ipc_put_fd(o, *memfd);
    return 0;
}

static int wait_helper(int fd, int timeout_ms, struct err *e)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int r;

    do
        r = poll(&p, 1, timeout_ms);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return err_sys(e, "poll the file helper");
    if (r == 0)
        (void)err_set(e, FAIL_TIMEOUT, "the file helper of the job does not answer");
    return r;
}

/* 1 = a record for this request, 0 = the helper is gone or stuck. */
static int receive(struct sbx_job *j, const struct request *q, uint32_t id, struct ipc_in *answer,
                   struct err *e)
{
    int r = wait_helper(j->helper, q->timeout_ms, e);

    if (r <= 0)
        return r;
    r = ipc_recv(j->helper, answer, e);
    if (r == 0)
        (void)err_set(e, FAIL_NET, "the file helper of the job ended");
    if (r <= 0)
        return r;
    if (answer->id != id)
        return err_set(e, FAIL_PROTO, "unexpected answer of the file helper");
    return 1;
}

/* Files of WIRE_HASH, until the record that ends the answer. */
static int receive_files(struct sbx_job *j, const struct request *q, uint32_t id,
                         struct file_digest *digest, struct ipc_in *answer, struct err *e)
{
    for (;;) {
        int r = receive(j, q, id, answer, e);
        int fd;

        if (r <= 0 || answer->type != WIRE_FILE)
            return r;
        fd = ipc_take_fd(answer, 0);
        r = fd < 0 ? err_set(e, FAIL_PROTO, "a file without a descriptor")
                   : file_digest_add(digest, fd, e);
        fd_close(&fd);
        if (r < 0) {
            fd_close(&j->helper); /* the rest of the answer is not wanted */
            return -1;
        }
    }
}

/* 1 = answered (also with a failure), 0 = the helper is gone or stuck. */
static int once(struct sbx_job *j, const struct request *q, struct ipc_in *answer, struct err *e)
{
    AUTO(auto_fd) int memfd = -1;
    struct ipc_out o;
    uint32_t id = ++j->last_id;
    int r;

    if (put_request(&o, q, id, &memfd, e) < 0) {
        ipc_out_done(&o);
        return -1;
    }
    if (ipc_send(j->helper, &o, e) < 0)
        return e->code == FAIL_NET ? 0 : -1;
    if (q->type == WIRE_HASH) {
        struct file_digest *digest = file_digest_new();

        r = receive_files(j, q, id, digest, answer, e);
        if (r == 1)
            file_digest_end(digest, q->hex);
        file_digest_free(digest);
    } else {
        r = receive(j, q, id, answer, e);
    }
    if (r == 1 && answer->type != WIRE_DONE && answer->type != WIRE_FAILED)
        return err_set(e, FAIL_PROTO, "unexpected answer of the file helper");
    return r;
}

static int ask(struct sbx_job *j, const struct request *q, struct ipc_in *answer, struct err *e)
{
    int r = 0;

    if (strlen(q->path) > PATH_MAX_BYTES)
        return err_set(e, FAIL_LIMIT, "a path is longer than %u bytes", PATH_MAX_BYTES);
    for (int attempt = 0; attempt < 2 && r == 0; attempt++) {
        if (j->helper < 0 && new_helper(j, e) < 0)
            return -1;
        r = once(j, q, answer, e);
        if (r == 0)
            fd_close(&j->helper);
    }
    if (r <= 0)
        return -1;
    if (answer->type == WIRE_FAILED) {
        wire_get_err(answer, e);
        return -1;
    }
    return 0;
}

static int take_content(struct ipc_in *in, const char *path, size_t max, char **out, size_t *n,
                        struct err *e)
{
    AUTO(auto_fd) int fd = ipc_take_fd(in, 0);
    AUTO(auto_free) char *p = NULL;
    struct stat st;
    ssize_t got;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return err_set(e, FAIL_PROTO, "the file helper gave no regular file for '%s'", path);
    /* The job may still write to it: whatever is there beyond `max` makes it too large. */
    p = xmalloc((uint64_t)st.st_size > max ? max + 2 : (size_t)st.st_size + 2);
    got = fd_read_full(fd, p, (uint64_t)st.st_size > max ? max + 1 : (size_t)st.st_size + 1, e);
    if (got < 0)
        return err_wrap(e, "read '%s'", path);
    if ((size_t)got > max)
        return err_set(e, FAIL_LIMIT, "'%s' is larger than %zu bytes", path, max);
    p[got] = '\0';
    *out = TAKE_PTR(p);
    *n = (size_t)got;
    return 0;
}

int sbx_read_file(struct sbx_job *j, const char *path, size_t max, char **out, size_t *n,
                  struct err *e)
{
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
    struct request q = {.type = WIRE_READ, .path = path, .max = max, .timeout_ms = SBX_ANSWER_MS};

    if (ask(j, &q, &in, e) < 0)
        return -1;
    return take_content(&in, path, max, out, n, e);
}

int sbx_write_file(struct sbx_job *j, const char *path, mode_t mode, const void *p, size_t n,
                   struct err *e)
{
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
    struct request q = {.type = WIRE_WRITE,
                        .path = path,
                        .mode = mode,
                        .content = p,
                        .n_content = n,
                        .timeout_ms = SBX_ANSWER_MS};

    return ask(j, &q, &in, e);
}

/* Sends all, then takes the answers: one change of context each way instead of one per file. */
static int all_at_once(struct sbx_job *j, const struct request *q, size_t n, struct ipc_in *answers,
                       struct err *e)
{
    uint32_t first = j->last_id + 1;

    BUG(n == 0 || n > SBX_FILES_MAX);
    if (j->helper < 0 && new_helper(j, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        AUTO(auto_fd) int memfd = -1;
        struct ipc_out o;
        if (put_request(&o, q + i, first + (uint32_t)i, &memfd, e) < 0) {
            ipc_out_done(&o);
            return -1;
        }
        j->last_id++;
        if (ipc_send(j->helper, &o, e) < 0)
            return e->code == FAIL_NET ? 0 : -1;
    }
    for (size_t i = 0; i < n; i++) {
        int r = receive(j, q + i, first + (uint32_t)i, answers + i, e);
        if (r <= 0)
            return r;
        if (answers[i].type != WIRE_DONE && answers[i].type != WIRE_FAILED)
            return err_set(e, FAIL_PROTO, "unexpected answer of the file helper");
    }
    return 1;
}

/* A helper that was lost in the middle: every request may be repeated, so all are, one by one. */
static int ask_all(struct sbx_job *j, const struct request *q, size_t n, struct ipc_in *answers,
                   struct err *e)
{
    int r = all_at_once(j, q, n, answers, e);

    if (r == 1)
        return 0;
    fd_close(&j->helper); /* answers that were not taken are not wanted */
    if (r < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        ipc_in_done(answers + i);
        answers[i] = IPC_IN_INIT;
        if (ask(j, q + i, answers + i, e) < 0 && answers[i].type != WIRE_FAILED)
            return -1;
    }
    return 0;
}

int sbx_write_files(struct sbx_job *j, const struct sbx_file *files, size_t n, size_t *failed,
                    struct err *e)
{
    struct request q[SBX_FILES_MAX];
    struct ipc_in answers[SBX_FILES_MAX];
    int rc;

    BUG(n == 0 || n > SBX_FILES_MAX);
    *failed = 0;
    for (size_t i = 0; i < n; i++) {
        if (strlen(files[i].path) > PATH_MAX_BYTES) {
            *failed = i;
            return err_set(e, FAIL_LIMIT, "a path is longer than %u bytes", PATH_MAX_BYTES);
        }
        q[i] = (struct request){.type = WIRE_WRITE,
                                .path = files[i].path,
                                .mode = files[i].mode,
                                .content = files[i].content.p,
                                .n_content = files[i].content.n,
                                .timeout_ms = SBX_ANSWER_MS};
        answers[i] = IPC_IN_INIT;
    }
    rc = ask_all(j, q, n, answers, e);
    for (size_t i = 0; i < n; i++) {
        if (rc == 0 && answers[i].type == WIRE_FAILED) {
            wire_get_err(&answers[i], e);
            *failed = i;
            rc = -1;
        }
        ipc_in_done(&answers[i]);
    }
    return rc;
}

/* One result of a WIRE_LOOK answer. */
struct result {
    bool is_program; /* the one that was looked up: comes last */
    struct sv
        text; /* lent from the record, or from `own`; p is NULL where there is none: see why */
    char *own;
    struct err why;
};

static void take_inline(const struct sbx_look *l, const char *path, struct sv v, struct result *r)
{
    if (v.n > l->max)
        (void)err_set(&r->why, FAIL_LIMIT, "'%s' is larger than %zu bytes", path, l->max);
    else
        r->text = v;
}

static void take_passed(struct ipc_in *in, const struct sbx_look *l, const char *path, struct sv v,
                        struct result *r)
{
    struct ipc_in one = IPC_IN_INIT;

    one.n_fds = 1;
    one.fds[0] = v.n == 8 ? ipc_take_fd(in, (size_t)load_le64((const unsigned char *)v.p)) : -1;
    if (take_content(&one, path, l->max, &r->own, &r->text.n, &r->why) == 0)
        r->text.p = r->own;
}

/* Code and errno come in front of the text, which ends the result (wire_put_err). */
static bool take_error(uint16_t tag, struct sv v, struct err *why)
{
    uint64_t n = v.n == 8 ? load_le64((const unsigned char *)v.p) : 0;
    int sys = why->sys;

    if (tag == TAG_ERR_CODE)
        why->code = n == FAIL_NONE || n > FAIL_INTERNAL ? FAIL_INTERNAL : (enum fail)n;
    else if (tag == TAG_ERR_SYS)
        why->sys = n <= INT32_MAX ? (int)n : 0;
    if (tag != TAG_ERR_TEXT)
        return false;
    (void)err_set(why, why->code != FAIL_NONE ? why->code : FAIL_INTERNAL, SV_FMT, SV_ARG(v));
    why->sys = sys;
    return true;
}

static bool next_result(struct ipc_in *in, const struct sbx_look *l, const char *path,
                        struct result *r)
{
    uint16_t tag;
    struct sv v;

    *r = (struct result){.is_program = false};
    while (ipc_next(in, &tag, &v)) {
        switch (tag) {
        case TAG_CONTENT:
            take_inline(l, path, v, r);
            return true;
        case TAG_FD:
            take_passed(in, l, path, v, r);
            return true;
        case TAG_PATH:
            r->is_program = true;
            r->text = v;
            return true;
        default:
            if (take_error(tag, v, &r->why))
                return true;
            break;
        }
    }
    return false;
}

int sbx_look(struct sbx_job *j, const struct sbx_look *l, char **found, struct err *e)
{
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
    struct request q = {.type = WIRE_LOOK,
                        .path = l->which_name != NULL ? l->which_list : "",
                        .name = l->which_name,
                        .paths = l->paths,
                        .n_paths = l->n_paths,
                        .max = l->max,
                        .timeout_ms = SBX_ANSWER_MS};
    struct result r;
    size_t i = 0;
    size_t total = 0;

    BUG(l->n_paths > SBX_FILES_MAX);
    for (size_t k = 0; k < l->n_paths; k++)
        total += strlen(l->paths[k]);
    if (total > PATH_MAX_BYTES)
        return err_set(e, FAIL_LIMIT, "paths are longer than %u bytes", PATH_MAX_BYTES);
    if (ask(j, &q, &in, e) < 0)
        return -1;
    if (found != NULL)
        *found = NULL;
    while (next_result(&in, l, i < l->n_paths ? l->paths[i] : "", &r)) {
        if (r.is_program && found != NULL && *found == NULL)
            *found = sv_dup(r.text);
        else if (!r.is_program && i < l->n_paths)
            l->fn(l->ctx, i++, r.text.p, r.text.n, &r.why);
        free(r.own);
    }
    if (i < l->n_paths)
        return err_set(e, FAIL_PROTO, "the file helper gave no answer for '%s'", l->paths[i]);
    return 0;
}

int sbx_exists(struct sbx_job *j, const char *path, enum sbx_kind kind, bool *out, struct err *e)
{
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
    struct request q = {.type = WIRE_EXISTS,
                        .path = path,
                        .mode = kind == SBX_FILE ? S_IFREG : S_IFDIR,
                        .timeout_ms = SBX_ANSWER_MS};

    if (ask(j, &q, &in, e) < 0)
        return -1;
    *out = wire_get_u64(&in, TAG_MODE, 0) != 0;
    return 0;
}

int sbx_mkdir(struct sbx_job *j, const char *path, struct err *e)
{
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
    struct request q = {.type = WIRE_MKDIR, .path = path, .timeout_ms = SBX_ANSWER_MS};

    return ask(j, &q, &in, e);
}

int sbx_link(struct sbx_job *j, const char *path, const char *target, struct err *e)
{
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
    struct request q = {
        .type = WIRE_LINK, .path = path, .name = target, .timeout_ms = SBX_ANSWER_MS};

    return ask(j, &q, &in, e);
}

int sbx_remove(struct sbx_job *j, const char *path, struct err *e)
{
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
    struct request q = {.type = WIRE_REMOVE, .path = path, .timeout_ms = SBX_TREE_MS};

    return ask(j, &q, &in, e);
}

int sbx_which(struct sbx_job *j, const char *name, const char *path_list, char **out, struct err *e)
{
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
    struct request q = {
        .type = WIRE_WHICH, .path = path_list, .name = name, .timeout_ms = SBX_ANSWER_MS};
    char *found;

    if (strlen(name) > 4096)
        return err_set(e, FAIL_LIMIT, "a program's name is longer than 4096 bytes");
    if (ask(j, &q, &in, e) < 0)
        return -1;
    found = wire_dup_str(&in, TAG_PATH);
    if (found == NULL)
        return err_set(e, FAIL_PROTO, "the file helper gave no path for '%s'", name);
    *out = found;
    return 0;
}

int sbx_hash_files(struct sbx_job *j, const char *root, const struct sv *patterns, size_t n,
                   bool follow, char hex[65], struct err *e)
{
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
    char text[65] = "";
    struct request q = {.type = WIRE_HASH,
                        .path = root,
                        .patterns = patterns,
                        .n_patterns = n,
                        .flags = follow ? WIRE_FLAG_FOLLOW : 0,
                        .hex = text,
                        .timeout_ms = SBX_TREE_MS};

    if (ask(j, &q, &in, e) < 0)
        return -1;
    memcpy(hex, text, sizeof text);
    return 0;
}
