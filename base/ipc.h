/* SPDX-License-Identifier: Apache-2.0
 *
 * Records between Gantry's own processes: one SOCK_SEQPACKET datagram of at most 64 KiB each, with up to
 * IPC_MAX_FDS descriptors. Layout, little-endian: u8 type, u8 version, u16 zero, u32 id, then fields
 * {u16 tag, u16 zero, u32 length, bytes}. Anything larger travels in a sealed memfd. */
#ifndef BASE_IPC_H
#define BASE_IPC_H

#include "base/buf.h"

#include <stdint.h>

#define IPC_MAX_BYTES 65536U
#define IPC_MAX_FDS   16
#define IPC_VERSION   1

struct ipc_out {
    struct buf b;
    int fds[IPC_MAX_FDS]; /* borrowed */
    size_t n_fds;
};
void ipc_begin(struct ipc_out *o, uint8_t type, uint32_t id);
void ipc_put_u64(struct ipc_out *o, uint16_t tag, uint64_t v);
void ipc_put_i64(struct ipc_out *o, uint16_t tag, int64_t v);
void ipc_put_sv(struct ipc_out *o, uint16_t tag, struct sv s);
void ipc_put_str(struct ipc_out *o, uint16_t tag, const char *s); /* NULL: field is left out */
void ipc_put_strv(struct ipc_out *o, uint16_t tag,
                  char *const *v); /* one field an element, in order */
void ipc_put_fd(struct ipc_out *o, int fd);
/* Sends and ends o. Blocking; EAGAIN on a non-blocking socket is FAIL_TIMEOUT, EPIPE/ECONNRESET FAIL_NET. */
MUST_USE int ipc_send(int sock, struct ipc_out *o, struct err *e);
void ipc_out_done(struct ipc_out *o);

struct ipc_in {
    uint8_t type;
    uint32_t id;
    unsigned char *data; /* owned */
    size_t n;
    size_t at;            /* reader position, for ipc_next */
    int fds[IPC_MAX_FDS]; /* owned; closed by ipc_in_done unless taken */
    size_t n_fds;
};
#define IPC_IN_INIT ((struct ipc_in){.data = NULL})
/* 1 = a record; 0 = peer closed, or nothing there on a non-blocking socket (then *e.sys is EAGAIN);
 * -1 = FAIL_PROTO for truncation, unknown version or malformed fields. */
MUST_USE int ipc_recv(int sock, struct ipc_in *in, struct err *e);
void ipc_in_done(struct ipc_in *in); /* for AUTO(ipc_in_done) */
/* Fields by tag; the first one. False when absent or of the wrong length. */
bool ipc_get_u64(const struct ipc_in *in, uint16_t tag, uint64_t *v);
bool ipc_get_i64(const struct ipc_in *in, uint16_t tag, int64_t *v);
bool ipc_get_sv(const struct ipc_in *in, uint16_t tag, struct sv *v); /* lent */
/* Every field in order: true while there is one. */
bool ipc_next(struct ipc_in *in, uint16_t *tag, struct sv *v);
int ipc_take_fd(struct ipc_in *in, size_t i); /* -1 when there is none */
/* A connected SOCK_SEQPACKET|CLOEXEC pair. */
MUST_USE int ipc_pair(int out[2], struct err *e);
/* Pure decoder, for the fuzz target and for ipc_recv: validates the layout of a record. */
MUST_USE int ipc_parse(const unsigned char *p, size_t n, struct ipc_in *in, struct err *e);

#endif
