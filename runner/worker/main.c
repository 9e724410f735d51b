/* SPDX-License-Identifier: Apache-2.0
 *
 * gantry-worker: one job. Started by the launcher with its channel to the listener on descriptor 3 and its socket
 * to init on descriptor 4. With the word "spare" it has a socket to the launcher on descriptor 3 instead, and makes
 * a child that is a worker for each job. */
#include "base/json.h"
#include "base/log.h"
#include "base/proc.h"
#include "runner/worker/worker.h"

#include <string.h>

int main(int argc, char **argv)
{
    struct log_options o = {.program = "gantry-worker"};
    struct err e = {0};

    proc_main_init();
    if (log_init(&o, &e) < 0) {
        err_print(&e);
        return 2;
    }
    worker_no_dump();
    if (sbx_is_spare(argc, argv)) {
        int r = sbx_spare_serve(&e);
        if (r < 0)
            err_print(&e);
        if (r != 0)
            return r < 0 ? 1 : 0;
        explicit_bzero(argv[1], strlen(argv[1])); /* no spare any more, for who lists processes */
    }
    jx_init();
    return worker_main();
}
