/* SPDX-License-Identifier: Apache-2.0
 *
 * gantry-worker: one job. Started by the launcher with its channel to the listener on descriptor 3 and its socket
 * to init on descriptor 4; takes no arguments. */
#include "base/json.h"
#include "base/log.h"
#include "base/proc.h"
#include "runner/worker/worker.h"

int main(void)
{
    struct log_options o = {.program = "gantry-worker"};
    struct err e = {0};

    proc_main_init();
    jx_init();
    if (log_init(&o, &e) < 0) {
        err_print(&e);
        return 2;
    }
    worker_no_dump();
    return worker_main();
}
