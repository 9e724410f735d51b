/* SPDX-License-Identifier: Apache-2.0
 *
 * One process of a step, in the sandbox: its pipes, its end, and how it is ended on a cancel or a time limit
 * (spec job-execution 11.1). */
#ifndef RUNNER_WORKER_PROCESS_H
#define RUNNER_WORKER_PROCESS_H

#include "runner/worker/exec.h"
#include "sandbox/sandbox.h"

/* Source: actions/runner src/Runner.Sdk/ProcessInvoker.cs. */
#define PROCESS_SIGINT_MS  7500
#define PROCESS_SIGTERM_MS 2500
#define PROCESS_DRAIN_MS   5000 /* pipes that a descendant keeps open */
/* Ours: after a kill nobody deserves five seconds of waiting. */
#define PROCESS_KILLED_DRAIN_MS 500
/* Ours: for text that waits for slow problem matchers. */
#define PROCESS_BEHIND_S 60U

struct process_spec {
    const char *path; /* absolute, in the job */
    char *const *argv;
    char *const *envp;
    const char *cwd;
    const struct sbx_file *files; /* made before it runs */
    size_t n_files;
    bool file_failed; /* set: one of them could not be made */
};
struct process;

/* Runs to the end; output goes to x's log. *status: exit code or 128 + signal. x->cancelled and x->timed_out
 * say whether it was ended. FAIL_SYS with .sys when it could not be started. */
MUST_USE int process_run(struct exec *x, struct process_spec *s, int *status, struct err *e);
/* Events of init for the process under way; false: not its id. */
bool process_event(struct process *p, const struct sbx_job_event *ev);

#endif
