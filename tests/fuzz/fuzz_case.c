/* SPDX-License-Identifier: Apache-2.0
 *
 * Workflow conversion with called workflows: a case file of tests/data/cases, read and converted. */
#include <stdint.h>
#include <stdlib.h>

#include "actions/workflow_case.h"
#include "base/mem.h"
#include "tests/fuzz/said.h"

#define MAX_INPUT ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The result is a template, or at least one and at most ten errors. */
static void check_result(const json_t *result)
{
    const json_t *errors = jx_get(result, "errors"), *jobs = jx_get(result, "jobs");
    AUTO(buf_free) struct buf b = BUF_INIT((size_t)256 << 20);

    if ((errors == NULL) == (jobs == NULL))
        abort();
    wf_case_print(&b, result);
    struct sv said_first = buf_sv(&b);
    size_t at = sv_find(said_first, SV("\"Message\": \""));
    if (errors != NULL && at != SV_NPOS)
        said(b.p + at + sizeof "\"Message\": \"" - 1);
    if (errors == NULL)
        return;
    size_t n = 0;
    for (struct sv rest = buf_sv(&b); sv_find(rest, SV("\"Message\": ")) != SV_NPOS; n++)
        rest = sv_sub(rest, sv_find(rest, SV("\"Message\": ")) + 1, SV_NPOS);
    if (n == 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(auto_wf_case) struct wf_case *c = NULL;
    struct err e = {0};

    if (size > MAX_INPUT)
        return 0;
    AUTO(auto_free) char *in = xmalloc(size > 0 ? size : 1);
    if (size > 0)
        memcpy(in, data, size);
    if (wf_case_parse((struct sv){in, size}, SV("f.yml"), &c, &e) < 0) {
        if (e.code == FAIL_NONE || e.msg[0] == '\0')
            abort();
        return 0;
    }
    AUTO(auto_json) json_t *result = wf_case_run(c);
    check_result(result);
    if (wf_case_check(c, result, &e) < 0 && e.msg[0] == '\0')
        abort();
    return 0;
}
