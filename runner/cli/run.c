/* SPDX-License-Identifier: Apache-2.0
 *
 * `gantry run`: reads what the user asked for, then shows it or does it. */
#include "runner/cli/run_priv.h"

int cmd_run(const struct args *a)
{
    AUTO(run_request_done) struct run_request r = RUN_REQUEST_INIT;
    AUTO(live_free) struct live *live = NULL;
    struct err e = {0};

    if (run_request_read(a, &r, &e) < 0)
        return cli_fail(&e);
    if (!args_flag(a, "list") && !args_flag(a, "graph") && !args_flag(a, "dry-run"))
        live = live_begin(&r);
    if (run_request_find(&r, &e) < 0 || workflows_read(&r, &e) < 0) {
        if (e.code == FAIL_INPUT && e.msg[0] == '\0') /* printed already */
            return EXIT_USAGE;
        return cli_fail(&e);
    }
    if (args_flag(a, "list"))
        return run_list(&r);
    if (args_flag(a, "graph"))
        return run_graph(&r);
    if (args_flag(a, "dry-run"))
        return run_dry(&r);
    return run_live(live);
}
