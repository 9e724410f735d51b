/* SPDX-License-Identifier: Apache-2.0
 *
 * Records between Gantry's processes. The receiver trusts nothing: the layout is checked whole before a
 * field is handed out, truncation of bytes or descriptors is an error. */
#include "base/ipc.h"

#include "base/fd.h"
#include "base/mem.h"
#include "base/num.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define HEAD_BYTES  8U
#define FIELD_BYTES 8U

static void store_le16(unsigned char *p, uint16_t v)
{
    p[0] = (unsigned char)(v & 0xFFU);
    p[1] = (unsigned char)(v >> 8);
}

static uint16_t load_le16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

void ipc_begin(struct ipc_out *o, uint8_t type, uint32_t id)
{
    unsigned char head[HEAD_BYTES] = {type, IPC_VERSION};

    *o = (struct ipc_out){.b = BUF_INIT(IPC_MAX_BYTES)};
    store_le32(head + 4, id);
    buf_add(&o->b, head, sizeof head);
}

void ipc_put_sv(struct ipc_out *o, uint16_t tag, struct sv s)
{
    unsigned char head[FIELD_BYTES] = {0};

    if (s.n > IPC_MAX_BYTES) {
        o->b.over = true;
        return;
    }
    store_le16(head, tag);
    store_le32(head + 4, (uint32_t)s.n);
    buf_add(&o->b, head, sizeof head);
    buf_addsv(&o->b, s);
}

void ipc_put_u64(struct ipc_out *o, uint16_t tag, uint64_t v)
{
    unsigned char bytes[8];

    store_le64(bytes, v);
    ipc_put_sv(o, tag, (struct sv){(const char *)bytes, sizeof bytes});
}

void ipc_put_i64(struct ipc_out *o, uint16_t tag, int64_t v)
{
    ipc_put_u64(o, tag, (uint64_t)v);
}

void ipc_put_str(struct ipc_out *o, uint16_t tag, const char *s)
{
    if (s != NULL)
        ipc_put_sv(o, tag, sv_of(s));
}

void ipc_put_strv(struct ipc_out *o, uint16_t tag, char *const *v)
{
    for (; v != NULL && *v != NULL; v++)
        ipc_put_sv(o, tag, sv_of(*v));
}

void ipc_put_fd(struct ipc_out *o, int fd)
{
    if (o->n_fds == IPC_MAX_FDS) {
        o->b.over = true; /* ipc_send() reports it */
        return;
    }
    o->fds[o->n_fds++] = fd;
}

union fd_control {
    char bytes[CMSG_SPACE(sizeof(int) * IPC_MAX_FDS)];
    struct cmsghdr align;
};

static int send_record(int sock, const struct ipc_out *o, struct err *e)
{
    union fd_control control = {.bytes = {0}};
    struct iovec iov = {o->b.p, o->b.len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t r;

    if (buf_done(&o->b, "record between processes", e) < 0)
        return -1;
    if (o->n_fds > 0) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * o->n_fds);
        struct cmsghdr *c = &control.align; /* what CMSG_FIRSTHDR finds */
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * o->n_fds);
        memcpy(CMSG_DATA(c), o->fds, sizeof(int) * o->n_fds);
    }
    do
        r = sendmsg(sock, &msg, MSG_NOSIGNAL);
    while (r < 0 && errno == EINTR);
    if (r >= 0)
        return 0; /* a datagram is sent whole */
    int sys = errno;
    (void)err_sys(e, "cannot send a record");
    if (sys == EAGAIN)
        e->code = FAIL_TIMEOUT;
    else if (sys == EPIPE || sys == ECONNRESET || sys == ENOTCONN)
        e->code = FAIL_NET;
    return -1;
}

int ipc_send(int sock, struct ipc_out *o, struct err *e)
{
    int r = send_record(sock, o, e);

    ipc_out_done(o);
    return r;
}

void ipc_out_done(struct ipc_out *o)
{
    buf_free(&o->b);
    o->n_fds = 0;
}

int ipc_parse(const unsigned char *p, size_t n, struct ipc_in *in, struct err *e)
{
    size_t at = HEAD_BYTES;

    if (n < HEAD_BYTES)
        return err_set(e, FAIL_PROTO, "record of %zu bytes is too short", n);
    if (n > IPC_MAX_BYTES)
        return err_set(e, FAIL_PROTO, "record of %zu bytes is too long", n);
    if (p[1] != IPC_VERSION)
        return err_set(e, FAIL_PROTO,
                       "record has version %u, wanted %u; install matching Gantry programs",
                       (unsigned)p[1], (unsigned)IPC_VERSION);
    if (load_le16(p + 2) != 0)
        return err_set(e, FAIL_PROTO, "record has a malformed head");
    while (at < n) {
        if (n - at < FIELD_BYTES || load_le16(p + at + 2) != 0 ||
            load_le32(p + at + 4) > n - at - FIELD_BYTES)
            return err_set(e, FAIL_PROTO, "record has a malformed field at byte %zu", at);
        at += FIELD_BYTES + load_le32(p + at + 4);
    }
    free(in->data);
    in->data = (unsigned char *)xmemdup(p, n);
    in->n = n;
    in->at = HEAD_BYTES;
    in->type = p[0];
    in->id = load_le32(p + 4);
    return 0;
}

/* Takes every descriptor of the message, so that none leaks whatever is wrong with it. */
static bool take_fds(struct msghdr *msg, struct ipc_in *in)
{
    bool ok = true;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len < CMSG_LEN(0))
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (in->n_fds < IPC_MAX_FDS) {
                in->fds[in->n_fds++] = fd;
            } else {
                fd_close(&fd);
                ok = false;
            }
        }
    }
    return ok;
}

int ipc_recv(int sock, struct ipc_in *in, struct err *e)
{
    unsigned char data[IPC_MAX_BYTES];
    union fd_control control;
    struct iovec iov = {data, sizeof data};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};
    ssize_t r;

    ipc_in_done(in);
    do
        r = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    while (r < 0 && errno == EINTR);
    e->sys = 0;
    if (r < 0 && errno == EAGAIN) {
        e->sys = EAGAIN;
        return 0;
    }
    if (r < 0 && errno == ECONNRESET)
        return 0; /* the peer died with records of ours unread */
    if (r < 0)
        return err_sys(e, "cannot receive a record");
    bool fds_ok = take_fds(&msg, in);
    if (r == 0 && in->n_fds == 0)
        return 0;
    int ok;
    if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || !fds_ok)
        ok = err_set(e, FAIL_PROTO, "record was cut off");
    else
        ok = ipc_parse(data, (size_t)r, in, e);
    if (ok < 0) {
        ipc_in_done(in);
        return -1;
    }
    return 1;
}

void ipc_in_done(struct ipc_in *in)
{
    for (size_t i = 0; i < in->n_fds; i++)
        fd_close(&in->fds[i]);
    free(in->data);
    in->data = NULL;
    in->n = 0;
    in->at = 0;
    in->n_fds = 0;
    in->type = 0;
    in->id = 0;
}

/* The field at *at; *at moves behind it. The layout was checked by ipc_parse(). */
static bool field_at(const struct ipc_in *in, size_t *at, uint16_t *tag, struct sv *v)
{
    if (in->data == NULL || *at >= in->n)
        return false;
    const unsigned char *p = in->data + *at;
    uint32_t n = load_le32(p + 4);
    *tag = load_le16(p);
    *v = (struct sv){(const char *)p + FIELD_BYTES, n};
    *at += FIELD_BYTES + n;
    return true;
}

bool ipc_get_sv(const struct ipc_in *in, uint16_t tag, struct sv *v)
{
    size_t at = HEAD_BYTES;
    uint16_t t;
    struct sv found;

    while (field_at(in, &at, &t, &found)) {
        if (t == tag) {
            *v = found;
            return true;
        }
    }
    return false;
}

bool ipc_get_u64(const struct ipc_in *in, uint16_t tag, uint64_t *v)
{
    struct sv s;

    if (!ipc_get_sv(in, tag, &s) || s.n != 8)
        return false;
    *v = load_le64((const unsigned char *)s.p);
    return true;
}

bool ipc_get_i64(const struct ipc_in *in, uint16_t tag, int64_t *v)
{
    uint64_t u;

    if (!ipc_get_u64(in, tag, &u))
        return false;
    *v = (int64_t)u;
    return true;
}

bool ipc_next(struct ipc_in *in, uint16_t *tag, struct sv *v)
{
    return field_at(in, &in->at, tag, v);
}

int ipc_take_fd(struct ipc_in *in, size_t i)
{
    return i < in->n_fds ? fd_take(&in->fds[i]) : -1;
}

int ipc_pair(int out[2], struct err *e)
{
    int p[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p) < 0)
        return err_sys(e, "cannot create a socket pair");
    out[0] = p[0];
    out[1] = p[1];
    return 0;
}
