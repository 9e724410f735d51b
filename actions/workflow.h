/* SPDX-License-Identifier: Apache-2.0
 *
 * YAML -> workflow model with line and column (spec expressions 3 to 7). What is parsed is right, and what is
 * not known is an error, never ignored. */
#ifndef ACTIONS_WORKFLOW_H
#define ACTIONS_WORKFLOW_H

#include "actions/token.h"
#include "base/buf.h"

enum wf_place {
    WF_AT_TOKEN, /* "file (Line: l, Col: c): text" */
    WF_AT_FILE,  /* "file: text": the file as a whole, though line and column are known */
    WF_NOWHERE,  /* "text" */
};
/* file, line and col are filled for people whatever the official message shows. */
struct wf_error {
    char *file;
    unsigned line, col;
    enum wf_place place;
    char *text;
    char *caller; /* NULL, or "In f (Line: l, Col: c): Error from called workflow" */
};
struct wf_errors {
    struct wf_error *v; /* everything in it is owned */
    size_t n, cap;
    size_t max; /* kept at most; 0 = WF_MAX_ERRORS */
    bool whole; /* for people: messages are cut at ERR_MAX_TEXT bytes, not at WF_MAX_MESSAGE */
    size_t of_schema; /* go_on: so many came from the schema, the others may follow from them */
};
void wf_errors_free(struct wf_errors *l); /* for AUTO(wf_errors_free) */
bool wf_errors_full(const struct wf_errors *l);
/* Ignored when the list is full; cut at the official length. */
void wf_errors_addf(struct wf_errors *l, const char *file, unsigned line, unsigned col,
                    const char *fmt, ...) PRINTF_LIKE(5, 6);
/* The official message: caller, place and text (spec 2.6). */
void wf_error_message(const struct wf_error *x, struct buf *b);
/* The text without the marks with which problems of YAML begin: for people, who see line and col anyway. Lent. */
const char *wf_error_plain(const struct wf_error *x);

#define WF_MAX_ERRORS  10U  /* kept, as the official reader does (spec 2.6) */
#define WF_MAX_MESSAGE 500U /* UTF-16 units of a message with its position, then "[...]" */

/* What the service decides for a run (spec 3.3, 7.1, 7.4, 12.2); copy wf_default_options and change it. */
enum wf_policy { WF_POLICY_WRITE, WF_POLICY_LIMITED_READ };
enum wf_feature {
    WF_ID_TOKEN = 1U << 0,             /* permission id-token */
    WF_SNAPSHOT = 1U << 1,             /* jobs.<id>.snapshot */
    WF_SERVICE_COMMAND = 1U << 2,      /* entrypoint and command of services */
    WF_MODELS = 1U << 3,               /* permission models */
    WF_VULNERABILITY_ALERTS = 1U << 4, /* permission vulnerability-alerts */
    WF_MODELS_IN_ALL = 1U << 5,        /* models is part of read-all and write-all */
    WF_ALERTS_IN_ALL = 1U << 6,        /* vulnerability-alerts is */
    WF_PROVENANCE_IN_ALL = 1U << 7,    /* artifact-metadata and attestations are */
    WF_DEPLOYMENT = 1U << 8,           /* jobs.<id>.environment.deployment */
    WF_BACKGROUND_STEPS = 1U << 9,     /* background, wait, wait-all, cancel, parallel */
    WF_ALL_FEATURES = (1U << 10) - 1,
};
enum wf_edition {
    WF_EDITION_TODAY,  /* the service's reader */
    WF_EDITION_CASES,  /* the one that its public cases (spec 12.2) hold the texts of */
    WF_EDITION_EDITOR, /* the editor's, which has cases of its own and checks less */
};
struct wf_options {
    unsigned max_depth;     /* of sequences and mappings, at most 100 */
    size_t max_file_size;   /* UTF-16 units */
    size_t max_result_size; /* bytes as the official reader counts them, over all files */
    unsigned max_files;     /* the top file and all that it calls, each once */
    unsigned max_nested;    /* called files below each other; 0: calls are not allowed */
    unsigned max_jobs;      /* over all files; 0: any number */
    enum wf_policy policy;  /* permissions when no file states any */
    unsigned features;      /* wf_feature */
    enum wf_edition edition;
    bool no_anchors; /* '&' and '*' are errors, as before the service had them */
    bool skip_calls; /* wf_load_calls does nothing */
    bool go_on;      /* after errors of the schema too, to find all that can be found */
    bool strict;     /* keys that the service passes over are errors */
    bool
        any_call_format; /* the form of `uses` of a job is not looked at, as in the official reader */
};
extern const struct wf_options wf_default_options; /* of github.com */

/* Permission levels by scope (spec 4.11); the order is that of the official template. */
enum wf_level { WF_NONE, WF_READ, WF_WRITE };
#define WF_SCOPES 20U
extern const char *const wf_scopes[WF_SCOPES];
struct wf_permissions {
    bool stated; /* false: no file says anything, the policy decides */
    unsigned char level[WF_SCOPES];
};

/* WF_STEP_CONTROL: wait, wait-all, cancel, parallel (4.5.3); never in an action. */
enum wf_step_kind { WF_STEP_RUN, WF_STEP_USES, WF_STEP_CONTROL };
struct wf_step {
    enum wf_step_kind kind;
    unsigned line, col;
    unsigned if_line, if_col; /* 0: no `if` */
    struct sv id;             /* the user's id, or empty */
    char *
        context_name; /* id, or a generated "__run", "__actions_checkout", ... (job-execution 1.8) */
    struct tok *name, *env, *with, *continue_on_error, *timeout_minutes; /* NULL = absent */
    char *condition; /* expression text with success() added where it must be */
    struct tok *run, *shell, *working_directory; /* WF_STEP_RUN */
    struct sv uses;                              /* WF_STEP_USES, literal */
    const struct tok *uses_token;
    struct sv control; /* WF_STEP_CONTROL: its key */
    struct tok *control_value;
    struct wf_step *inner; /* of `parallel` */
    size_t n_inner;
    bool background;
    const struct tok *background_token; /* NULL: not said */
};
struct wf_need {
    struct sv name;
    unsigned line, col;
    size_t job; /* index into wf.jobs */
};
struct wf_job {
    struct sv id;
    unsigned file, line, col; /* of the id; file: index into the file table, from 1 */
    struct tok *name, *runs_on, *env, *strategy, *outputs, *continue_on_error, *timeout_minutes,
        *defaults, *container, *services, *environment, *concurrency, *permissions, *snapshot,
        *cancel_timeout_minutes, *cache_mode;
    char *condition;          /* with success() added; spec 9.3 */
    unsigned if_line, if_col; /* 0: no `if` */
    struct wf_need *needs;
    size_t n_needs;
    struct wf_step *steps;
    size_t n_steps;
    struct sv uses; /* reusable workflow; empty for an ordinary job */
    const struct tok *uses_token;
    struct tok *with, *secrets;
    bool secrets_inherit;
    struct wf *called; /* owned; NULL until wf_load_calls has loaded it */
    /* In force for the job: its own, else those of its file, else those of the calling job. Of a job that calls:
     * what the called file states when it states any (7.4). */
    struct wf_permissions allowed;
};
struct wf {
    char *file; /* as messages name it: a path in the repository, or "OWNER/REPO/PATH@REF" */
    struct tok *name, *run_name, *on, *env, *defaults, *permissions, *concurrency, *cache_mode;
    struct wf_permissions allowed; /* what `permissions` says */
    struct wf_job *jobs;
    size_t n_jobs;
    size_t *order; /* indexes of all jobs, each behind those that it needs */
    /* Names of the events in `on`, in order. */
    struct sv *events;
    size_t n_events;
    struct tok *root; /* owns every token above */
    /* The file table of the top file: tok.file - 1 is the index; files[0] is this file. A called workflow has
     * none of its own, its tokens count by the table of the top one. */
    char **files;
    size_t n_files;
    size_t bytes, all_jobs; /* counted so far against max_result_size and max_jobs */
};
/* file: the name in messages and in the file table. On any error returns -1 (FAIL_INPUT, "N errors") with the
 * whole list in *errors, at most 10 reported like the official reader. Called workflows are not loaded:
 * actions/workflow_call.h. */
MUST_USE int wf_parse(struct sv yaml, const char *file, struct wf **out, struct wf_errors *errors,
                      struct err *e);
MUST_USE int wf_parse_with(struct sv yaml, const char *file, const struct wf_options *o,
                           struct wf **out, struct wf_errors *errors, struct err *e);
void wf_free(struct wf *w);
void auto_wf(struct wf **w);
const struct wf_job *wf_job(const struct wf *w, struct sv id); /* ASCII case ignored; NULL */
const struct tok *wf_event(const struct wf *w,
                           struct sv name); /* its configuration or NULL; see wf_has_event */
bool wf_has_event(const struct wf *w, struct sv name);
const char *const *wf_event_names(void); /* all that GitHub has, NULL-terminated */

#endif
