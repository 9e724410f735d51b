/* SPDX-License-Identifier: Apache-2.0
 *
 * The walker over a job message, in the process that holds the runner's keys. What it accepts is JSON for the
 * reader of the worker too, with the same ids. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "runner/listener/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gh_envelope v = GH_ENVELOPE_INIT;
    struct err e = {0};
    char *in;

    if (size > 65536)
        return 0;
    in = malloc(size > 0 ? size : 1); /* exact size: ASan sees one byte too far */
    if (in == NULL)
        return 0;
    if (size > 0)
        memcpy(in, data, size);
    if (gh_envelope_parse((struct sv){in, size}, &v, &e) < 0) {
        if (e.code != FAIL_PROTO && e.code != FAIL_LIMIT)
            abort();
        if (e.msg[0] == '\0' || v.plan_id != NULL)
            abort();
    } else if (v.plan_id == NULL || v.job_id == NULL || v.url == NULL || v.token.n == 0 ||
               strlen(v.plan_id) > 64 || v.token.n > GH_ENVELOPE_MAX_TOKEN) {
        abort();
    }
    gh_envelope_done(&v);
    free(in);
    return 0;
}
