/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON: whatever is accepted is written, read again and equal; whatever is refused has an error text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/json.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(json_t *j, const struct err *e)
{
    if (j == NULL) {
        if (e->code != FAIL_INPUT || e->msg[0] == '\0')
            abort();
        return;
    }
    AUTO(buf_free) struct buf b = BUF_INIT(8U << 20);
    struct err why = {0};
    jx_write(&b, j);
    AUTO(auto_json) json_t *again = b.over ? NULL : jx_parse_lax(buf_sv(&b), "again", &why);
    if (again == NULL || !json_equal(j, again))
        abort();
    (void)jx_iget(j, "KEY");
    (void)jx_int(j, "key", 0);
    json_decref(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};

    if (size > 65536)
        return 0;
    char *in = malloc(size > 0 ? size : 1); /* exact size: ASan sees one byte too far */
    if (in == NULL)
        abort();
    memcpy(in, data, size);
    check(jx_parse((struct sv){in, size}, "doc", &e), &e);
    e = (struct err){0};
    check(jx_parse_lax((struct sv){in, size}, "doc", &e), &e);
    free(in);
    return 0;
}
