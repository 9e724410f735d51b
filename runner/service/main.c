/* SPDX-License-Identifier: Apache-2.0
 *
 * gantry-service: the embedded Actions service. Started by `gantry run` and `gantry serve`. */
#include "base/log.h"
#include "base/proc.h"
#include "runner/service/service.h"

int main(void)
{
    struct err e = {.code = FAIL_NONE};
    int code = 3;

    proc_main_init();
    proc_no_dump();
    if (log_init(&(struct log_options){.program = "gantry-service"}, &e) < 0 ||
        svc_main_run(SVC_CONFIG_FD, SVC_READY_FD, &code, &e) < 0) {
        err_print(&e);
        return code;
    }
    return 0;
}
