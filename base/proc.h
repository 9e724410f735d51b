/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting and watching child processes. The only place outside sandbox/ that forks. */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

struct proc_spec {
    const char *path;  /* absolute; executed with execve, no PATH search */
    char *const *argv; /* argv[0] included */
    char *const *envp; /* complete; NULL = empty */
    int stdio[3];      /* -1 = /dev/null; otherwise a descriptor >= 0 that stays the caller's */
    const int *keep;   /* descriptors that the child inherits under the same number */
    size_t n_keep;
    int cwd_fd;           /* -1 = inherit */
    bool new_session;     /* setsid() */
    bool die_with_parent; /* PR_SET_PDEATHSIG SIGKILL; needs a single-threaded parent */
};
#define PROC_SPEC_INIT ((struct proc_spec){.stdio = {-1, -1, -1}, .cwd_fd = -1})

struct proc {
    pid_t pid; /* -1 when none */
    int pidfd; /* poll for readability = ended */
};
#define PROC_INIT ((struct proc){-1, -1})

/* Returns after execve succeeded; an exec failure is reported here with the failing stage. */
MUST_USE int proc_spawn(const struct proc_spec *s, struct proc *out, struct err *e);
MUST_USE int proc_signal(const struct proc *p, int sig, struct err *e);
/* Reaps; blocks unless nohang. Returns 1 reaped, 0 still running (nohang). *status: exit code, or 128 +
 * signal. Closes the pidfd and sets pid -1 when reaped. */
MUST_USE int proc_wait(struct proc *p, bool nohang, int *status, struct err *e);
void proc_kill_and_reap(struct proc *p); /* for AUTO(proc_kill_and_reap) */
/* Runs to the end, standard output collected up to max bytes (free()); stderr goes to ours. *status as above. */
MUST_USE int proc_capture(const struct proc_spec *s, size_t max, char **out, size_t *n, int *status,
                          struct err *e);
/* The same in two steps, so that several run side by side. begin leaves *c alone when it fails; end must follow. */
struct proc_capture {
    struct proc child;
    int from; /* its standard output */
    size_t max;
    const char *path; /* the spec's, for messages */
};
#define PROC_CAPTURE_INIT ((struct proc_capture){.child = PROC_INIT, .from = -1})
MUST_USE int proc_capture_begin(const struct proc_spec *s, size_t max, struct proc_capture *c,
                                struct err *e);
MUST_USE int proc_capture_end(struct proc_capture *c, char **out, size_t *n, int *status,
                              struct err *e);
void proc_capture_drop(struct proc_capture *c); /* kills it, if it still runs */
/* Finds a program on PATH (or the given list of folders, ':'-separated); absolute path, free(). */
MUST_USE int proc_which(const char *name, const char *path_list, char **out, struct err *e);

/* Blocks the handled signals (not SIGHUP that nohup made ignored), ignores SIGPIPE, opens missing stdio. First
 * statement of main. */
void proc_main_init(void);
/* True while one of the standard streams is a terminal: its end (SIGHUP) is that of the program. Ask at the start. */
bool proc_on_terminal(void);
/* setrlimit(CORE, 0) + PR_SET_DUMPABLE 0, for processes that hold keys. */
void proc_no_dump(void);

#endif
