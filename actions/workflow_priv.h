/* SPDX-License-Identifier: Apache-2.0
 *
 * The schema of workflow files and manifests, its reader, and what the converters share. */
#ifndef ACTIONS_WORKFLOW_PRIV_H
#define ACTIONS_WORKFLOW_PRIV_H

#include <stdint.h>

#include "actions/token_priv.h"
#include "actions/workflow.h"

/* Contexts and functions that a place allows (spec expressions 4.1). */
enum wf_context {
    CX_GITHUB = 1 << 0,
    CX_INPUTS = 1 << 1,
    CX_VARS = 1 << 2,
    CX_NEEDS = 1 << 3,
    CX_STRATEGY = 1 << 4,
    CX_MATRIX = 1 << 5,
    CX_SECRETS = 1 << 6,
    CX_STEPS = 1 << 7,
    CX_JOB = 1 << 8,
    CX_RUNNER = 1 << 9,
    CX_ENV = 1 << 10,
    CX_JOBS = 1 << 11,
    CX_HASHFILES = 1 << 12,
    CX_STATUS = 1 << 13,     /* always, success, failure, cancelled: no arguments */
    CX_JOB_STATUS = 1 << 14, /* success and failure take job ids */
    /* the sets of the specification's tables */
    SET_NONE = 0,
    SET_W = CX_GITHUB | CX_INPUTS | CX_VARS,
    SET_WS = SET_W | CX_SECRETS,
    SET_N = SET_W | CX_NEEDS,
    SET_M = SET_N | CX_STRATEGY | CX_MATRIX,
    SET_MS = SET_M | CX_SECRETS,
    SET_DEF = SET_M | CX_ENV,
    SET_CRED = SET_MS | CX_ENV,
    SET_RUNX = SET_M | CX_STEPS | CX_JOB | CX_RUNNER | CX_ENV,
    SET_RUN = SET_RUNX | CX_SECRETS,
    SET_STEP = SET_RUN | CX_HASHFILES,
    SET_STEPIF = SET_RUNX | CX_HASHFILES | CX_STATUS,
    SET_JOBIF = SET_N | CX_JOB_STATUS,
    SET_OUT = SET_W | CX_JOBS,
    SET_COMP = CX_GITHUB | CX_INPUTS | CX_STRATEGY | CX_MATRIX | CX_STEPS | CX_JOB | CX_RUNNER |
               CX_ENV | CX_HASHFILES,
};

enum schema_kind {
    SCHEMA_STRING,
    SCHEMA_BOOL,
    SCHEMA_NUMBER,
    SCHEMA_NULL,
    SCHEMA_SEQUENCE,
    SCHEMA_MAPPING,
    SCHEMA_ONE_OF,
    SCHEMA_ANY
};
struct schema_property {
    const char *name;
    const struct schema *type;
    bool required;
};
struct schema {
    enum schema_kind kind;
    unsigned context;          /* wf_context bits added to those of the ancestors */
    bool non_empty;            /* string */
    bool not_null;             /* string: nothing is not an empty text here */
    bool lenient;              /* mapping: loose keys are passed over, or errors (strict) */
    bool or_nothing;           /* null, a collection that does not fit: absent (strict: errors) */
    bool open;                 /* string: any value will do, not only these (strict: errors) */
    const char *const *values; /* string: the only ones; NULL-terminated */
    const struct schema *item; /* sequence; values of loose keys of a mapping */
    const struct schema *key;  /* mapping: loose keys; NULL = known keys only */
    const struct schema_property *props; /* mapping; ends with a NULL name */
    const struct schema *const *one_of;  /* NULL-terminated */
};
extern const struct schema schema_workflow, schema_on; /* workflow_schema.c, workflow_schema_on.c */
extern const struct schema schema_action;              /* manifest.c */
extern const struct schema schema_string, schema_name, schema_bool, schema_number, schema_null,
    schema_any, schema_names, schema_string_list; /* name(s): non-empty string(s) */

/* Case-insensitive set of names. */
struct nameset {
    char **v; /* open addressing */
    size_t n, size;
};
void nameset_free(struct nameset *s);                /* for AUTO */
bool nameset_add(struct nameset *s, struct sv name); /* false: it was there */
bool nameset_has(const struct nameset *s, struct sv name);
bool nameset_has_exactly(const struct nameset *s, struct sv name); /* case matters */

/* Bytes of an expression error before it is cut: it holds the whole expression. */
#define WF_MAX_REASON (8 * (size_t)EXPR_MAX_LENGTH)

struct wf_reader {
    const char *file;
    unsigned index; /* of the file in the file table, 1-based */
    struct wf_errors *errors;
    const struct wf_options *opt; /* NULL: wf_default_options */
    char *const *files;           /* names of the other files, for errors in them; lent */
    size_t n_files;
    struct tok_arena *arena;          /* of the file that is being read */
    size_t bytes;                     /* of the result, counted like the official reader (3.3) */
    size_t jobs;                      /* so far, over all files */
    unsigned depth;                   /* of open collections */
    const struct yx_problem *problem; /* of the YAML text: reported where reading comes to it */
    bool trusted;                     /* the called file may have id-token by policy */
    bool stopped;                     /* a limit was passed: the one error is in the list */
};
/* Parses the text and reads it by the schema. NULL when there is nothing to convert; errors in r->errors. */
struct tok *wf_read_text(struct wf_reader *r, struct sv yaml, const struct schema *type,
                         bool anchors);
void wf_error_at(struct wf_reader *r, const struct tok *where, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* An error whose official message has the file only, or nothing (enum wf_place). */
void wf_error_in(struct wf_reader *r, enum wf_place place, unsigned line, unsigned col,
                 const char *fmt, ...) PRINTF_LIKE(5, 6);
/* The same, and nothing more is read after it. */
void wf_stop(struct wf_reader *r, enum wf_place place, unsigned line, unsigned col, const char *fmt,
             ...) PRINTF_LIKE(5, 6);
/* Reads a whole workflow file. caller: the job that calls it, or NULL for the top file (workflow.c). */
struct wf *wf_read_file(struct wf_reader *r, struct sv yaml, struct wf_job *caller);
/* Adds the size of a text to r->bytes; the error of the limit comes with the next token. */
void wf_count_string(struct wf_reader *r, struct sv s);
/* "N errors in 'file'"; -1. */
int wf_errors_summary(const struct wf_errors *l, const char *file, struct err *e);
/* Checks of a called file against the job that calls it (workflow_call_check.c). */
void wf_check_trigger(struct wf_reader *r, const struct wf_job *caller, const struct tok *on);
void wf_check_permissions(struct wf_reader *r, const struct wf_job *caller,
                          const struct wf_permissions *max, const struct wf_job *nested,
                          const struct wf_permissions *requested);
/* Levels that the token states; reports scopes that are switched off. t NULL: not stated. */
struct wf_permissions wf_read_permissions(struct wf_reader *r, const struct tok *t);
/* Names for expr_parse from context bits; lent storage. */
struct wf_names {
    const char *contexts[16], *functions[8];
    struct expr_names names;
};
void wf_names_init(struct wf_names *n, unsigned context);

/* The condition of an `if`, success() added where it must be (2.4); NULL after an error. */
char *wf_condition(struct wf_reader *r, const struct tok *t, unsigned context);
/* steps: sequence -> model. if_context: what their `if` may use. */
void wf_convert_steps(struct wf_reader *r, const struct tok *steps, unsigned if_context,
                      struct wf_step **out, size_t *n_out);
void wf_steps_free(struct wf_step *steps, size_t n);
/* Checks an id that the user chose and remembers it. */
void wf_check_id(struct wf_reader *r, struct nameset *known, const struct tok *id);

/* Checks of job keys beyond the schema (workflow_check.c). */
void wf_check_strategy(struct wf_reader *r, const struct tok *strategy);
void wf_check_runs_on(struct wf_reader *r, const struct tok *runs_on);
MUST_USE int wf_check_group(struct sv text, struct err *e); /* of runs-on */
void wf_check_concurrency(struct wf_reader *r, const struct tok *concurrency);
void wf_check_container(struct wf_reader *r, const struct tok *container, bool service);
void wf_check_services(struct wf_reader *r, const struct tok *services);
void wf_check_environment(struct wf_reader *r, const struct tok *environment);
void wf_check_snapshot(struct wf_reader *r, const struct tok *snapshot);
/* Resolves the names of `needs` to jobs; unknown ones and cycles are errors. */
void wf_check_needs(struct wf_reader *r, struct wf *w, const struct tok *jobs);
void wf_check_on(struct wf_reader *r, const struct tok *on);

/* An id from segments joined by "_" (6.5, job-execution 1.8): illegal characters become "_", a digit or "-" at
 * the start gets one before it, "job" when nothing is left, at most 100 characters, unique in the set by "_2",
 * "_3"... malloc'd; NULL when a thousand were not enough. */
char *wf_make_id(struct nameset *used, const struct sv *segments, size_t n, bool reserved_ok);
#define WF_MAX_ID 100U /* WorkflowConstants.MaxNodeNameLength */

#endif
