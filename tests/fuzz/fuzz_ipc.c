/* SPDX-License-Identifier: Apache-2.0
 *
 * Records between processes: what ipc_parse() accepts is walked to its end, and the fields account for every byte.
 * The bytes also go through a real socket pair, with descriptors, where ipc_recv() must come to the same
 * verdict; and the fields that were read, sent again, arrive as the same record. */
#include "base/ipc.h"

#include "base/fd.h"
#include "base/mem.h"

#include <stdint.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void open_pair(int pair[2])
{
    struct err e;

    BUG(ipc_pair(pair, &e) < 0);
}

/* Sends the bytes as they are, with n_fds descriptors. */
static void send_raw(int sock, const uint8_t *data, size_t size, size_t n_fds)
{
    int fds[IPC_MAX_FDS + 2];
    union {
        char bytes[CMSG_SPACE(sizeof fds)];
        struct cmsghdr align;
    } control = {.bytes = {0}};
    struct iovec iov = {(void *)(uintptr_t)data, size};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    if (n_fds > 0) {
        for (size_t i = 0; i < n_fds; i++)
            fds[i] = sock;
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        control.align.cmsg_level = SOL_SOCKET;
        control.align.cmsg_type = SCM_RIGHTS;
        control.align.cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        memcpy(CMSG_DATA(&control.align), fds, sizeof(int) * n_fds);
    }
    BUG(sendmsg(sock, &msg, MSG_NOSIGNAL) != (ssize_t)size);
}

static void receive_raw(const uint8_t *data, size_t size, bool valid)
{
    struct ipc_in in = IPC_IN_INIT;
    struct err e = {0};
    size_t n_fds = size > 4 ? data[4] % (IPC_MAX_FDS + 3) : 0;
    int pair[2];

    open_pair(pair);
    send_raw(pair[0], data, size, n_fds);
    int r = ipc_recv(pair[1], &in, &e);
    if (n_fds > IPC_MAX_FDS || (size == 0 && n_fds > 0) || (size > 0 && !valid))
        BUG(r != -1 || e.code != FAIL_PROTO || in.n_fds != 0);
    else
        BUG(r != (size > 0) || in.n_fds != n_fds);
    if (n_fds > 0 && r == 1) {
        AUTO(fd_close) int taken = ipc_take_fd(&in, 0);
        BUG(taken < 0 || ipc_take_fd(&in, n_fds) != -1);
    }
    ipc_in_done(&in);
    fd_close(&pair[0]);
    BUG(ipc_recv(pair[1], &in, &e) > 0);
    fd_close(&pair[1]);
}

/* The record that was read, put together again from its fields and received. */
static void round_trip(struct ipc_in *in)
{
    struct ipc_in again = IPC_IN_INIT;
    struct ipc_out out;
    struct err e = {0};
    int pair[2];
    uint16_t tag;
    uint64_t u;
    int64_t i;
    struct sv v;

    open_pair(pair);
    ipc_begin(&out, in->type, in->id);
    in->at = 8;
    while (ipc_next(in, &tag, &v)) {
        if (ipc_get_u64(in, tag, &u) && v.n == 8 && memcmp(&u, v.p, 8) == 0)
            ipc_put_u64(&out, tag, u);
        else if (ipc_get_i64(in, tag, &i) && v.n == 8 && memcmp(&i, v.p, 8) == 0)
            ipc_put_i64(&out, tag, i);
        else
            ipc_put_sv(&out, tag, v);
    }
    ipc_put_fd(&out, pair[0]);
    BUG(ipc_send(pair[0], &out, &e) < 0);
    BUG(ipc_recv(pair[1], &again, &e) != 1);
    BUG(again.n != in->n || memcmp(again.data, in->data, in->n) != 0 || again.n_fds != 1);
    ipc_in_done(&again);
    fd_close(&pair[0]);
    fd_close(&pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ipc_in in = IPC_IN_INIT;
    struct err e = {0};
    size_t total = 8;
    uint16_t tag;
    struct sv v, first;

    if (size > IPC_MAX_BYTES + 1)
        return 0;
    unsigned char *exact = xmalloc(size); /* exact size: ASan sees one byte too far */
    if (size > 0)
        (void)memcpy(exact, data, size);
    bool valid = ipc_parse(exact, size, &in, &e) == 0;
    if (size <= IPC_MAX_BYTES)
        receive_raw(exact, size, valid);
    if (!valid) {
        BUG(e.code != FAIL_PROTO || e.msg[0] == '\0');
    } else {
        while (ipc_next(&in, &tag, &v)) {
            BUG(!ipc_get_sv(&in, tag, &first));
            total += 8 + v.n;
        }
        BUG(total != size);
        round_trip(&in);
    }
    ipc_in_done(&in);
    free(exact);
    return 0;
}
