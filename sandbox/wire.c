/* SPDX-License-Identifier: Apache-2.0
 *
 * Fields that more than one record of the sandbox carries. */
#include "sandbox/wire.h"

#include "base/ipc.h"

#include <string.h>

const char *sbx_level_name(enum sbx_level l)
{
    switch (l) {
    case SBX_NONE:
        return "none";
    case SBX_SINGLE:
        return "single";
    case SBX_SUBID:
        return "subid";
    case SBX_FULL:
        return "full";
    }
    return "unknown";
}

void wire_put_err(struct ipc_out *o, const struct err *e)
{
    char text[sizeof e->ctx + sizeof e->msg];

    ipc_put_u64(o, TAG_ERR_CODE, (uint64_t)(unsigned)e->code);
    ipc_put_i64(o, TAG_ERR_SYS, e->sys);
    ipc_put_str(o, TAG_ERR_TEXT, err_text(e, text, sizeof text));
}

void wire_get_err(const struct ipc_in *in, struct err *e)
{
    uint64_t code = FAIL_INTERNAL;
    int64_t sys = 0;
    struct sv text = SV("the sandbox gave no reason");

    (void)ipc_get_u64(in, TAG_ERR_CODE, &code);
    (void)ipc_get_i64(in, TAG_ERR_SYS, &sys);
    (void)ipc_get_sv(in, TAG_ERR_TEXT, &text);
    if (code > FAIL_INTERNAL)
        code = FAIL_INTERNAL;
    (void)err_set(e, (enum fail)code, SV_FMT, SV_ARG(text));
    e->sys = (int)sys;
}

int wire_get_str(const struct ipc_in *in, uint16_t tag, char *dst, size_t n, struct err *e)
{
    struct sv s;

    if (!ipc_get_sv(in, tag, &s) || s.n >= n || memchr(s.p, '\0', s.n) != NULL)
        return err_set(e, FAIL_PROTO, "sandbox record %u: field %u is missing or too long",
                       (unsigned)in->type, (unsigned)tag);
    memcpy(dst, s.p, s.n);
    dst[s.n] = '\0';
    return 0;
}

char *wire_dup_str(const struct ipc_in *in, uint16_t tag)
{
    struct sv s;

    if (!ipc_get_sv(in, tag, &s) || memchr(s.p, '\0', s.n) != NULL)
        return NULL;
    return sv_dup(s);
}

uint64_t wire_get_u64(const struct ipc_in *in, uint16_t tag, uint64_t otherwise)
{
    uint64_t v;

    return ipc_get_u64(in, tag, &v) ? v : otherwise;
}

void wire_tell(int sock, struct ipc_out *o)
{
    struct err e;

    if (ipc_send(sock, o, &e) < 0)
        return;
}
