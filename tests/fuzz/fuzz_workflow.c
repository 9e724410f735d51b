/* SPDX-License-Identifier: Apache-2.0
 *
 * Workflow files: parse, then plan and compose messages until the run is done. Errors have positions, the plan
 * ends, and its answers are consistent. */
#include <stdint.h>
#include <stdlib.h>

#include "actions/workflow_json.h"
#include "base/mem.h"
#include "tests/fuzz/plan_play.h"
#include "tests/fuzz/said.h"

#define MAX_INPUT ((size_t)2 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_errors(const struct wf_errors *l, const struct err *e)
{
    if (l->n > 0)
        said(l->v[0].text);
    if (l->n == 0 || l->n > WF_MAX_ERRORS || e->code != FAIL_INPUT)
        abort();
    for (size_t i = 0; i < l->n; i++) {
        if (l->v[i].line == 0 || l->v[i].col == 0 || l->v[i].text[0] == '\0')
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    AUTO(auto_wf) struct wf *w = NULL;
    struct err e = {0};

    if (size > MAX_INPUT)
        return 0;
    AUTO(auto_free) char *in = xmalloc(size > 0 ? size : 1);
    if (size > 0)
        memcpy(in, data, size);
    if (wf_parse((struct sv){in, size}, "f.yml", &w, &errors, &e) < 0) {
        check_errors(&errors, &e);
        return 0;
    }
    AUTO(auto_json) json_t *j = wf_to_json(w, size & (WF_JSON_POSITIONS | WF_JSON_EDITOR));
    if (j == NULL)
        abort();
    play(&(const struct plan_inputs){.wf = w}, size > 0 ? data[size - 1] : 0);
    return 0;
}
