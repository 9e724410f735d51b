/* SPDX-License-Identifier: Apache-2.0
 *
 * Action manifests: either a whole model or errors with positions. */
#include <stdint.h>
#include <stdlib.h>

#include "actions/manifest.h"
#include "base/mem.h"
#include "tests/fuzz/said.h"

#define MAX_INPUT ((size_t)2 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    AUTO(auto_manifest) struct manifest *m = NULL;
    struct err e = {0};

    if (size > MAX_INPUT)
        return 0;
    AUTO(auto_free) char *in = xmalloc(size > 0 ? size : 1);
    if (size > 0)
        memcpy(in, data, size);
    int rc = manifest_parse((struct sv){in, size}, "action.yml", 1, &m, &errors, &e);
    if ((rc == 0) != (m != NULL) || (rc == 0) != (errors.n == 0))
        abort();
    AUTO(wf_errors_free) struct wf_errors all = {.max = 100};
    AUTO(auto_manifest) struct manifest *same = NULL;
    struct err ignored = {0};
    if (manifest_parse_all((struct sv){in, size}, "action.yml", &same, &all, &ignored) != rc ||
        all.n < errors.n)
        abort();
    if (m == NULL) {
        said(errors.v[0].text);
        return 0;
    }
    if ((m->using == MANIFEST_NODE && m->main.n == 0) ||
        (m->using == MANIFEST_DOCKER && m->image.n == 0))
        abort();
    for (size_t i = 0; i < m->n_steps; i++) {
        if (m->steps[i].context_name == NULL || m->steps[i].condition == NULL)
            abort();
    }
    return 0;
}
