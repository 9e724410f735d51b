/* SPDX-License-Identifier: Apache-2.0
 *
 * gantry-sandbox: launcher, and init of a job. Verbs, for Gantry's own programs only; standard input is the
 * control socket:
 *   launcher        serves jobs until the socket closes
 *   probe           one record: what this host can do
 *   recover         one record in (the jobs folder), one out: leftovers of dead runners are removed */
#include "sandbox/program/build.h"
#include "sandbox/program/jobdir.h"
#include "sandbox/program/launcher.h"

#include "base/fd.h"
#include "base/ipc.h"
#include "base/mem.h"
#include "base/proc.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define SANITIZED 1
#    endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(SANITIZED)
/* LeakSanitizer stops the process with ptrace, which the namespaces and an undumpable init refuse. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

static int answer(int control, struct ipc_out *o, int result, const struct err *e)
{
    struct err sent;

    if (result < 0) {
        ipc_out_done(o);
        ipc_begin(o, WIRE_FAILED, 0);
        wire_put_err(o, e);
    }
    return ipc_send(control, o, &sent);
}

static int probe_main(int control)
{
    struct host h = {0};
    struct ipc_out o;
    int r;

    host_look(&h);
    ipc_begin(&o, WIRE_PROBED, 0);
    ipc_put_u64(&o, TAG_LEVEL, (uint64_t)h.best);
    ipc_put_str(&o, TAG_ERR_TEXT, h.missing);
    r = answer(control, &o, 0, NULL);
    host_done(&h);
    return r;
}

static int recover_main(int control, struct err *e)
{
    AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
    AUTO(auto_free) char *jobs = NULL;
    struct ipc_out o;
    int r;

    if (ipc_recv(control, &in, e) <= 0)
        return err_set(e, FAIL_PROTO, "no request");
    jobs = wire_dup_str(&in, TAG_PATH);
    if (jobs == NULL)
        return err_set(e, FAIL_PROTO, "no jobs folder named");
    ipc_begin(&o, WIRE_RECOVERED, 0);
    r = jobdir_recover(jobs, e);
    return answer(control, &o, r, e);
}

/* What our parent ignored (nohup, a shell's background job) must not be ignored in a job. */
static void default_signals(void)
{
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    struct sigaction now;

    for (int sig = 1; sig < NSIG; sig++)
        if (sigaction(sig, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
            (void)sigaction(sig, &dfl, NULL);
}

int main(int argc, char **argv)
{
    struct err e = {0};
    int control;
    int null;
    int r;

    default_signals();
    proc_main_init();
    (void)umask(0); /* every mode that is asked for is meant */
    control = fcntl(WIRE_LAUNCHER_FD, F_DUPFD_CLOEXEC, 3);
    null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (control < 0 || null < 0 || dup2(null, 0) < 0)
        return 3;
    fd_close(&null);
    if (argc == 2 && strcmp(argv[1], "launcher") == 0) {
        r = launcher_main_run(control, &e);
    } else if (argc == 2 && strcmp(argv[1], "probe") == 0) {
        r = probe_main(control);
    } else if (argc == 2 && strcmp(argv[1], "recover") == 0) {
        r = recover_main(control, &e);
    } else {
        r = err_set(&e, FAIL_INPUT, "gantry-sandbox is started by gantry; run 'gantry help'");
    }
    if (r < 0 && e.code != FAIL_NONE)
        err_print(&e);
    if (r < 0)
        return e.code == FAIL_INPUT ? 2 : 3;
    return 0;
}
