/* SPDX-License-Identifier: Apache-2.0
 *
 * Records between processes: what ipc_parse() accepts is walked to its end, and the fields account for every byte. */
#include "base/ipc.h"

#include "base/mem.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    if (ipc_parse(exact, size, &in, &e) < 0) {
        BUG(e.code != FAIL_PROTO || e.msg[0] == '\0');
    } else {
        while (ipc_next(&in, &tag, &v)) {
            BUG(!ipc_get_sv(&in, tag, &first));
            total += 8 + v.n;
        }
        BUG(total != size);
    }
    ipc_in_done(&in);
    free(exact);
    return 0;
}
