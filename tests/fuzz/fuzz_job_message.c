/* SPDX-License-Identifier: Apache-2.0
 *
 * The job message: whatever arrives, it is read within its limits or refused with a reason. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "runner/worker/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message *m = NULL;
    struct err e = {0};
    struct sv v;

    if (size > 65536)
        return 0;
    char *in = malloc(size > 0 ? size : 1); /* exact size: ASan sees one byte too far */
    if (in == NULL)
        return 0;
    memcpy(in, data, size);
    int rc = message_parse((struct sv){in, size}, &m, &e);
    free(in); /* nothing of the message may point into the text */
    if (rc < 0 && (e.code == FAIL_NONE || e.msg[0] == '\0' || m != NULL))
        abort();
    if (rc == 0) {
        if (m->plan_id.n != 36 || m->job_id.n != 36 || m->endpoint.url.n == 0)
            abort();
        (void)message_var(m, "system.github.token", &v);
        (void)message_flag(m, "gantry.step_details");
        message_free(m);
    }
    return 0;
}
