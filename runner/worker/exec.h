/* SPDX-License-Identifier: Apache-2.0
 *
 * What a step runs with: its definition, its contexts, its log and its result. A workflow step and every step
 * inside a composite action has one `struct exec`; the latter point to the composite's. */
#ifndef RUNNER_WORKER_EXEC_H
#define RUNNER_WORKER_EXEC_H

#include "actions/workflow.h"
#include "base/strv.h"
#include "runner/worker/message.h"
#include "runner/worker/records.h"

struct worker;
struct action; /* action_prepare.h */

/* A step, wherever it was written. Tokens and views are lent from the message or the manifest. */
struct step_def {
    enum msg_ref kind;
    struct sv context_name;
    struct sv name; /* github.action of workflow steps */
    struct sv legacy_display;
    struct sv condition;
    bool has_condition;
    const struct tok *display, *env, *with, *continue_on_error, *timeout;
    const struct tok *run, *shell, *working_directory; /* REF_SCRIPT */
    struct sv repository, ref, path, image;
    bool background;
};
void step_def_from_message(struct step_def *out, const struct msg_step *s);
/* FAIL_INPUT for a malformed `uses`. */
MUST_USE int step_def_from_manifest(struct step_def *out, const struct wf_step *s, struct err *e);
/* "owner/name[/path]@ref", "./path", "docker://image"; free(). */
char *step_def_uses(const struct step_def *d);

/* Paths of the step's file commands, as the job sees them. */
enum file_command {
    FILE_PATH,
    FILE_ENV,
    FILE_SUMMARY,
    FILE_STATE,
    FILE_OUTPUT,
    FILE_ARTIFACTS,
    FILE_ARTIFACTS_LIST,
    FILE_COMMAND_COUNT_
};

struct exec {
    struct worker *w;
    struct exec *parent; /* the composite step, or NULL */
    const struct step_def *def;
    struct record *rec;  /* of the workflow step; NULL = the job */
    struct val *github;  /* owned; the root object itself for workflow steps */
    struct val *steps;   /* owned; scope of the `steps` context that this step sees */
    struct val *inputs;  /* owned; NULL = the message's */
    struct val *env;     /* owned; the `env` context, case-sensitive */
    struct val *env_set; /* owned; names that this step's `env:` set, with values (8.1) */
    char id[UUID_TEXT_SIZE];
    char *display;
    char *scope_name; /* of a composite: scope of its steps, for nested names */
    enum task_result result, outcome;
    enum task_result command_result; /* of workflow and file commands */
    bool ran;                        /* the handler was entered */
    /* Commands (spec logs 1.2). */
    bool echo;
    char *stop_token;
    bool unsafe_stop; /* an invalid stop token was used: the process is ended, the step fails */
    /* Limits and cancellation. */
    int64_t deadline_ms, limit_from_ms; /* monotonic; 0 = none */
    bool timed_out;
    bool cancelled; /* its token is set: its process is being ended */
    bool shielded;  /* its condition held after the cancel: cannot be cancelled any more */
    char *files[FILE_COMMAND_COUNT_];
    /* Step debug: whose log gets the trace of expressions (NULL: this one's), and whether there is none. */
    struct exec *trace_to;
    bool no_trace;
};

/* Root of evaluations that belong to the job itself; rec may be NULL. */
void exec_init_job(struct exec *x, struct worker *w, struct record *rec);
/* A workflow step. */
void exec_init_step(struct exec *x, struct worker *w, const struct step_def *d, struct record *rec,
                    const char *id);
void exec_done(struct exec *x);

/* ---- evaluation (exec_eval.c) ---- */
struct expr_env exec_expr_env(struct exec *x);
/* Appends the text of a scalar token; NULL token = nothing. */
MUST_USE int exec_text(struct exec *x, const struct tok *t, struct buf *out, struct err *e);
MUST_USE int exec_value(struct exec *x, const struct tok *t, struct val **out, struct err *e);
/* `dflt` when the token is absent. FAIL_INPUT when the value has another kind. */
MUST_USE int exec_bool(struct exec *x, const struct tok *t, bool dflt, bool *out, struct err *e);
MUST_USE int exec_number(struct exec *x, const struct tok *t, double dflt, double *out,
                         struct err *e);
/* Evaluates a mapping to (name, text) pairs appended to the object `into`. */
MUST_USE int exec_mapping(struct exec *x, const struct tok *t, struct val *into, struct err *e);
MUST_USE int exec_condition(struct exec *x, struct sv text, bool *out, struct err *e);
/* The display name (4.4) from what can be evaluated now; masked, one line. Sets x->display. */
void exec_refresh_display(struct exec *x);

/* ---- log (exec_log.c) ---- */
void exec_log(struct exec *x, struct sv text);
void exec_logf(struct exec *x, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* "##[debug]" lines, when step debug is on. */
void exec_debugf(struct exec *x, const char *fmt, ...) PRINTF_LIKE(2, 3);
void exec_debug(struct exec *x, struct sv text);
/* Masks, cuts, writes "##[level]message" and records the issue (8.1). */
struct issue_props {
    struct sv file, title;
    int64_t line, end_line, col, end_col;
    const char *infrastructure;
    struct sv log_text; /* in the log instead of the message; p NULL = the message */
};
void exec_issue(struct exec *x, enum issue_level level, struct sv message,
                const struct issue_props *p);
void exec_errorf(struct exec *x, const char *fmt, ...) PRINTF_LIKE(2, 3);
void exec_warningf(struct exec *x, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* One error issue with the text of e. */
void exec_error(struct exec *x, const struct err *e);
/* Masked copy; free(). */
char *exec_masked(struct exec *x, struct sv text);

/* ---- steps context ---- */
bool exec_has_context(const struct exec *x); /* recorded in `steps` at all */
void exec_set_output(struct exec *x, struct sv name, struct sv value);
void exec_record_conclusion(struct exec *x);
/* GITHUB_ENV, set-env: job-wide, and visible to this step's env context from now on. */
void exec_set_env(struct exec *x, struct sv name, struct sv value);
void exec_add_path(struct exec *x, struct sv path);
/* GITHUB_STATE, save-state: STATE_<name> of this step's later stages. */
void state_save(struct exec *x, struct sv name, struct sv value);
/* Value of the env context as text, or empty. */
struct sv exec_env_value(const struct exec *x, const char *name);
/* Closest workflow step: the one with the record of its own. */
struct exec *exec_root(struct exec *x);
bool exec_is_cancelled(const struct exec *x); /* itself or an enclosing one */

#endif
