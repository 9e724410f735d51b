/* SPDX-License-Identifier: Apache-2.0
 *
 * The listener: N runner registrations in one process, one session each; jobs go to workers that one launcher
 * starts in sandboxes of their own. */
#ifndef RUNNER_LISTENER_LISTENER_H
#define RUNNER_LISTENER_LISTENER_H

#include "base/err.h"
#include "base/sv.h"

#include <stdbool.h>
#include <stdint.h>

/* Reported to servers, which refuse old ones (spec runner-protocol 8.2). */
#define GH_DEFAULT_RUNNER_VERSION "2.336.0"

/* `gantry _listener` reads its options from a sealed memfd under this number: a JSON object, see
 * gh_options_from_json(). */
#define GH_OPTIONS_FD 3

/* What a front end knows only later (base/ipc): fds[0] a sealed memfd of a JSON object with `jit`, `service_host`,
 * `service_port` and, for a local source, `source_json`; then fds[1] and [2] are its folder and its listing. */
#define GH_LATE 1

enum gh_sandbox { GH_SANDBOX_BEST, GH_SANDBOX_NONE };

struct gh_options {
    const char *const *jit; /* NULL-terminated JIT configurations */
    int late_fd; /* >= 0: a socket from which, once the launcher runs, one GH_LATE record comes instead */
    const char *launcher, *worker; /* program paths */
    const char *jobs_dir;
    enum gh_sandbox sandbox;
    bool net_none;
    bool keep_groups;             /* as in struct sbx_policy */
    const char *const *host_dirs; /* NULL-terminated or NULL */
    const char *service_host;     /* in the job's /etc/hosts, or NULL */
    uint16_t service_port;
    int source_fd, listing_fd; /* -1 = no local source */
    const char *source_json;   /* the `source` object of channel.h, or NULL */
    const char *checkout;      /* "native", "action" or NULL */
    bool prefill;
    const char *ca_file, *proxy;
    const char *version; /* NULL: GH_DEFAULT_RUNNER_VERSION */
    bool once;
    bool hangup_stops;     /* SIGHUP is the end of its terminal; else it is passed over */
    bool announce;         /* the lines of spec 1.6 on standard output */
    int status_fd;         /* >= 0: JSON Lines for the front end, see below */
    int64_t kill_ms;       /* a stopping runner kills its jobs after; 0 = 25 s */
    const char *drop_user; /* root only: NULL = "nobody" */
};
/* Status lines: {"type":"ready"}; {"type":"refused","job":"name","message":"one line"}: this host cannot run
 * the job; {"type":"broken",...} the same: its worker died; {"type":"failed","message":"one line"}: the listener ends. */

/* Runs until it is told to stop. Returns an exit status (spec 1.5); *e is set when it is not 0. */
int gh_listener_run(const struct gh_options *o, struct err *e);
/* Strict: unknown members are FAIL_INPUT. The strings live in *keep (a json_t), to be released after
 * gh_options_done(), which frees the lists of such options. */
struct json_t;
MUST_USE int gh_options_from_json(struct sv text, struct gh_options *out, struct json_t **keep,
                                  struct err *e);
void gh_options_done(struct gh_options *o);

#endif
