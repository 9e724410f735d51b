/* SPDX-License-Identifier: Apache-2.0
 *
 * `gantry start`, and `gantry _listener`, the same for a front end. */
#include "runner/cli/run_priv.h"

#include "base/fd.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/proc.h"
#include "runner/cli/state.h"
#include "runner/cli/supervise.h"
#include "runner/listener/listener.h"

#include <fcntl.h>

#define JIT_FILE_MAX_BYTES (4U << 20)
#define OPTIONS_MAX_BYTES  (1U << 20)
#define JIT_ENV            "ACTIONS_RUNNER_INPUT_JITCONFIG" /* spec runner-protocol 2.6 */

static int read_jit(const struct args *a, struct strv *out, struct err *e)
{
    const struct strv *given = args_list(a, "jitconfig");
    const struct strv *files = args_list(a, "jitconfig-file");
    const char *env = getenv(JIT_ENV);

    for (size_t i = 0; i < given->n; i++)
        strv_add(out, given->v[i]);
    for (size_t i = 0; i < files->n; i++) {
        AUTO(auto_free) char *text = NULL;
        struct sv rest, line;
        size_t n;
        if (fs_read_file(AT_FDCWD, files->v[i], JIT_FILE_MAX_BYTES, &text, &n, e) < 0)
            return err_wrap(e, "--jitconfig-file");
        rest = (struct sv){text, n};
        while (sv_next(&rest, '\n', &line))
            if (sv_trim(line).n > 0)
                strv_addsv(out, sv_trim(line));
        explicit_bzero(text, n);
    }
    if (out->n == 0 && env != NULL && env[0] != '\0')
        strv_add(out, env);
    if (unsetenv(JIT_ENV) < 0) /* no child sees it */
        return err_sys(e, "cannot change the environment");
    if (out->n == 0)
        return err_set(
            e, FAIL_INPUT,
            "start: no runner is configured; give --jitconfig, --jitconfig-file or " JIT_ENV);
    return 0;
}

static int read_options(const struct args *a, struct gh_options *o, struct strv *jit,
                        struct strv *host_dirs, struct err *e)
{
    const struct strv *dirs = args_list(a, "host-dir");

    if (read_jit(a, jit, e) < 0 || read_network(args_text(a, "network"), &o->net_none, e) < 0)
        return -1;
    for (size_t i = 0; i < dirs->n; i++) {
        char *full;
        if (host_folder("--host-dir", dirs->v[i], &full, e) < 0)
            return -1;
        strv_own(host_dirs, full);
    }
    if (o->net_none && args_flag(a, "no-sandbox"))
        return err_set(e, FAIL_INPUT, "--network none needs the sandbox; leave --no-sandbox away");
    o->jit = (const char *const *)jit->v;
    o->host_dirs = (const char *const *)host_dirs->v;
    o->sandbox = args_flag(a, "no-sandbox") ? GH_SANDBOX_NONE : GH_SANDBOX_BEST;
    o->once = args_flag(a, "once");
    o->ca_file = args_text(a, "ca-file");
    o->proxy = args_text(a, "proxy");
    o->version = args_text(a, "runner-version");
    o->drop_user = args_text(a, "user");
    return 0;
}

int cmd_start(const struct args *a)
{
    AUTO(strv_free) struct strv jit = STRV_INIT;
    AUTO(strv_free) struct strv host_dirs = STRV_INIT;
    AUTO(programs_done) struct programs p = {.self = NULL};
    AUTO(run_state_close) struct run_state st = RUN_STATE_INIT;
    struct gh_options o = {.late_fd = -1,
                           .source_fd = -1,
                           .listing_fd = -1,
                           .status_fd = -1,
                           .announce = true,
                           .hangup_stops = proc_on_terminal()};
    struct err e = {0};
    int status;

    if (read_options(a, &o, &jit, &host_dirs, &e) < 0 || programs_find(&p, &e) < 0 ||
        run_state_open(p.launcher, &st, &e) < 0)
        return cli_fail(&e);
    o.launcher = p.launcher;
    o.worker = p.worker;
    o.jobs_dir = st.jobs_dir;
    status = gh_listener_run(&o, &e);
    if (status != 0)
        err_print(&e);
    return status;
}

/* Hidden: options come in a sealed memfd, never by argv (style 8). */
int cmd_listener(const struct args *a)
{
    AUTO(auto_free) char *text = NULL;
    json_t *keep = NULL;
    struct gh_options o;
    struct err e = {0};
    size_t n;
    int fd = GH_OPTIONS_FD, status;

    (void)a;
    if (fd_read_memfd(fd, OPTIONS_MAX_BYTES, &text, &n, &e) < 0 ||
        gh_options_from_json((struct sv){text, n}, &o, &keep, &e) < 0)
        return cli_fail(&e);
    fd_close(&fd);
    status = gh_listener_run(&o, &e);
    if (status != 0)
        err_print(&e);
    gh_options_done(&o);
    auto_json(&keep);
    return status;
}
