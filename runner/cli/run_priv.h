/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by the files of `gantry run`. */
#ifndef RUNNER_CLI_RUN_PRIV_H
#define RUNNER_CLI_RUN_PRIV_H

#include "actions/event.h"
#include "actions/workflow.h"
#include "runner/cli/options.h"
#include "runner/cli/run_event.h"
#include "runner/cli/run_git.h"

struct workflow {
    char *path; /* relative to the repository: ".github/workflows/ci.yml" */
    char *text;
    size_t n;
    struct wf *wf; /* NULL: the file is no valid workflow; its errors were printed */
    struct wf *
        with_calls; /* the same with what it calls, where that is asked for and can be read here; else NULL */
    json_t *errors;       /* those errors: array of {line, column, message} */
    bool matches;         /* runs for the event */
    struct event_why why; /* or why not */
};
struct workflows {
    struct workflow *v;
    size_t n, cap;
    size_t invalid; /* how many of them have no wf */
};
/* What the user asked for, read and checked. */
struct run_request {
    const struct args *args;
    struct repo repo;
    struct run_event event;
    struct workflows workflows;
    char *actor;
    json_t *secrets, *vars, *env, *inputs; /* objects of texts */
    json_t *matrix;                        /* array of {key, value} */
    unsigned jobs;
    bool net_none;
    struct strv host_dirs; /* absolute */
    struct strv actions;
};
#define RUN_REQUEST_INIT ((struct run_request){.host_dirs = STRV_INIT, .actions = STRV_INIT})

/* run_options.c. FAIL_INPUT with one line. First what the options say alone, then what git and the event say. */
MUST_USE int run_request_read(const struct args *a, struct run_request *out, struct err *e);
MUST_USE int run_request_find(struct run_request *r, struct err *e);
void run_request_done(struct run_request *r); /* for AUTO(run_request_done) */
/* An existing folder as an absolute path; `what` names the option. */
MUST_USE int absolute_folder(const char *what, const char *path, char **out, struct err *e);
/* The same for a folder that jobs see at the same path: no symbolic link leads to it. */
MUST_USE int host_folder(const char *what, const char *path, char **out, struct err *e);
MUST_USE int read_network(const char *mode, bool *none, struct err *e);

/* run_workflows.c: reads -W files or every file of .github/workflows and decides which run. Errors of workflow
 * files are printed, one a line. As on GitHub, an invalid file stops itself alone; but a file of -W was meant, and
 * without another that can run there is nothing to do: then FAIL_INPUT with an empty message. */
MUST_USE int workflows_read(struct run_request *r, struct err *e);
void workflows_done(struct workflows *w);
/* The exit status where the rest ended with `status`: at least 2 when a file was invalid, which a last line says. */
int workflows_status(const struct run_request *r, int status);
struct strv workflow_jobs(const struct run_request *r, const struct workflow *w);
/* Appends the paths of ids of all jobs, those of called workflows behind their callers: "call", "call/build". */
void workflow_paths(const struct workflow *w, struct strv *out);
/* "gantry: error: FILE:LINE:COL: text" */
void print_workflow_error(struct sv file, int64_t line, int64_t col, struct sv text);

/* run_show.c: --list, --graph; run_dry.c: --dry-run. Exit status. */
int run_list(const struct run_request *r);
int run_graph(const struct run_request *r);
int run_dry(const struct run_request *r);
void show_safe(struct sv s);               /* prints text of a file, escaped */
void show_title(const struct workflow *w); /* prints "CI (.github/workflows/ci.yml)" or the path */

/* run_post.c: the body of POST /_gantry/runs; errors of inputs are printed as above. */
MUST_USE int run_body(const struct run_request *r, const struct workflow *w, struct buf *out,
                      struct err *e);
/* Typed inputs of a manual run, or NULL in *out. */
MUST_USE int run_inputs(const struct run_request *r, const struct workflow *w, struct val **out,
                        struct err *e);

/* run_calls.c: the local workflows that are called, {path: text}; and the workflow once more with them loaded, or
 * with none where one of another repository is called: the service reads those. */
MUST_USE int run_called_files(const struct run_request *r, const struct workflow *w, json_t **files,
                              struct err *e);
MUST_USE int run_load_calls(const struct run_request *r, const struct workflow *w, struct wf **out,
                            struct wf_errors *errors, struct err *e);

/* run_live.c: starts the processes, posts the runs and shows their events. The processes are started before git is
 * asked, so that all of them get ready side by side; a failure of that is told by run_live, after every error of
 * the user's. r: its options are read; it stays where it is until live_free(). */
struct live;
struct live *live_begin(const struct run_request *r);
int run_live(struct live *v); /* exit status */
void live_free(struct live **own);

#endif
