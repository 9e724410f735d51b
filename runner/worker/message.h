/* SPDX-License-Identifier: Apache-2.0
 *
 * The job request message (spec job-execution 1) as the worker uses it. Pure: text in, struct out. Members are
 * looked up without regard to case, unknown ones ignored, and every count has a limit. Views are lent from
 * the message and live as long as it. */
#ifndef RUNNER_WORKER_MESSAGE_H
#define RUNNER_WORKER_MESSAGE_H

#include "actions/token.h"
#include "base/json.h"

/* Ours: far above what github.com sends (about 100 KiB, at most some MiB of event payload). */
#define MESSAGE_MAX_BYTES     (64U << 20)
#define MESSAGE_MAX_STEPS     10000U
#define MESSAGE_MAX_VARIABLES 20000U
#define MESSAGE_MAX_MASKS     20000U
#define MESSAGE_MAX_MAPPINGS  1000U
#define MESSAGE_MAX_FILES     10000U

enum msg_ref {
    REF_SCRIPT,
    REF_REPOSITORY,      /* owner/name[/path]@ref */
    REF_LOCAL,           /* ./path */
    REF_SELF_REPOSITORY, /* $/path */
    REF_CONTAINER,       /* docker://image */
    REF_CONTROL,         /* wait, wait-all, cancel of background steps */
};
struct msg_step {
    struct sv id; /* GUID */
    struct sv name, context_name, legacy_display;
    struct sv condition;
    bool has_condition;
    bool background;
    enum msg_ref ref_kind;
    struct sv repository, ref, path, image;
    struct tok *display, *env, *inputs, *continue_on_error, *timeout; /* NULL = absent */
};
struct msg_variable {
    struct sv name, value;
    bool secret;
};
struct msg_endpoint {
    struct sv url, token;
    struct sv cache_url, pipelines_url, results_url, id_token_url, feed_url;
};
struct message {
    json_t *root;
    struct sv type, plan_id, job_id, display_name, job_name, billing_owner;
    struct msg_endpoint endpoint;
    struct sv *auth_values; /* authorization parameters of every endpoint: all are secrets */
    size_t n_auth_values;
    struct msg_variable *variables;
    size_t n_variables;
    struct sv *masks; /* regular expressions */
    size_t n_masks;
    struct msg_step *steps;
    size_t n_steps;
    struct val *context; /* object: github, needs, ... */
    struct tok **env;
    size_t n_env;
    struct tok **defaults;
    size_t n_defaults;
    struct tok *outputs, *container, *services, *environment_url;
    struct sv environment_name;
    struct sv *files;
    size_t n_files;
    struct sv *dependencies;
    size_t n_dependencies;
    bool has_snapshot;
};

/* FAIL_INPUT and FAIL_LIMIT name the member. */
MUST_USE int message_parse(struct sv text, struct message **out, struct err *e);
void message_free(struct message *m);
void auto_message(struct message **m);
/* Value of a variable, ASCII case ignored; false when absent. */
bool message_var(const struct message *m, const char *name, struct sv *value);
/* The GetBoolean rule of spec job-execution 0: only "true" in any case, blanks around it allowed. */
bool message_flag(const struct message *m, const char *name);

#endif
