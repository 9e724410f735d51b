/* SPDX-License-Identifier: Apache-2.0
 *
 * Cron texts. Invariants: a refusal has a text; what is accepted takes at least one value of each field and none
 * beside it; written out value by value it is read as the same again. */
#include <stdint.h>
#include <stdlib.h>

#include "actions/cron.h"
#include "base/buf.h"
#include "base/mem.h"
#include "tests/fuzz/said.h"

#define MAX_INPUT ((size_t)2 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned min[CRON_FIELDS] = {0, 0, 1, 1, 0},
                          max[CRON_FIELDS] = {59, 23, 31, 12, 6};
    AUTO(buf_free) struct buf text = BUF_INIT(4096);
    struct cron c, again;
    struct err e = {0};

    if (size > MAX_INPUT)
        return 0;
    AUTO(auto_free) char *in = xmemdup(data, size);
    if (cron_parse((struct sv){in, size}, &c, &e) < 0) {
        if (e.code == FAIL_NONE || e.msg[0] == '\0')
            abort();
        said(err_whole(&e));
        return 0;
    }
    for (unsigned i = 0; i < CRON_FIELDS; i++) {
        bool any = false;
        for (unsigned v = 0; v < 64; v++) {
            if ((c.field[i] >> v & 1) == 0)
                continue;
            if (v < min[i] || v > max[i])
                abort();
            buf_addf(&text, "%s%u", any ? "," : i > 0 ? " " : "", v);
            any = true;
        }
        if (!any)
            abort();
    }
    if (cron_parse(buf_sv(&text), &again, &e) < 0 || memcmp(&c, &again, sizeof c) != 0 ||
        cron_shortest_gap(&c) == 0 || cron_shortest_gap(&c) > 60)
        abort();
    return 0;
}
