/* SPDX-License-Identifier: Apache-2.0
 *
 * The schema of `on` (spec expressions 5): events, their activity types, filters, and inputs.
 * Source: actions/languageservices: workflow-parser/src/workflow-v1.0.json (on-strict). */
#include "actions/workflow_priv.h"

#define LIST(...)   ((const char *const[]){__VA_ARGS__, NULL})
#define ONE_OF(...) ((const struct schema *const[]){__VA_ARGS__, NULL})
#define PROPS(...)  ((const struct schema_property[]){__VA_ARGS__, {NULL, NULL, false}})

/* X_types: one activity type or a list of them; others are taken and match nothing. */
#define TYPES(id, ...)                                                                        \
    static const struct schema id##_type = {                                                  \
        .kind = SCHEMA_STRING, .non_empty = true, .open = true, .values = LIST(__VA_ARGS__)}; \
    static const struct schema id##_list = {.kind = SCHEMA_SEQUENCE, .item = &id##_type};     \
    static const struct schema id##_types = {                                                 \
        .kind = SCHEMA_ONE_OF, .or_nothing = true, .one_of = ONE_OF(&id##_type, &id##_list)}
/* These keys; others are passed over, as the service does. */
#define LENIENT(...)                                                                         \
    {                                                                                        \
        .kind = SCHEMA_MAPPING, .key = &schema_string, .item = &schema_any, .lenient = true, \
        .props = PROPS(__VA_ARGS__)                                                          \
    }
/* X: nothing, or a mapping. */
#define CONFIG(id, ...)                                         \
    static const struct schema id##_map = LENIENT(__VA_ARGS__); \
    static const struct schema id = {.kind = SCHEMA_ONE_OF,     \
                                     .one_of = ONE_OF(&schema_null, &id##_map)}
/* The same, or (as nothing) a list. */
#define EVENT(id, ...)                                          \
    static const struct schema id##_map = LENIENT(__VA_ARGS__); \
    static const struct schema id = {                           \
        .kind = SCHEMA_ONE_OF, .or_nothing = true, .one_of = ONE_OF(&schema_null, &id##_map)}
#define EVENT_OF_TYPES(id, ...) \
    TYPES(id, __VA_ARGS__);     \
    EVENT(id, {"types", &id##_types, false})

/* `create: {tags: v*}` is common, and the filter of no effect */
static const struct schema bare = {.kind = SCHEMA_NULL, .or_nothing = true};
static const struct schema filter = {
    .kind = SCHEMA_ONE_OF, .or_nothing = true, .one_of = ONE_OF(&schema_name, &schema_names)};

EVENT_OF_TYPES(created_edited_deleted, "created", "edited", "deleted");
EVENT_OF_TYPES(check_run, "completed", "created", "rerequested", "requested_action");
EVENT_OF_TYPES(check_suite, "completed");
EVENT_OF_TYPES(discussion, "created", "edited", "deleted", "transferred", "pinned", "unpinned",
               "labeled", "unlabeled", "locked", "unlocked", "category_changed", "answered",
               "unanswered");
EVENT_OF_TYPES(issues, "opened", "edited", "deleted", "transferred", "pinned", "unpinned", "closed",
               "reopened", "assigned", "unassigned", "labeled", "unlabeled", "locked", "unlocked",
               "milestoned", "demilestoned", "field_added", "field_removed", "typed", "untyped");
EVENT_OF_TYPES(milestone, "created", "closed", "opened", "edited", "deleted");
EVENT_OF_TYPES(project, "created", "updated", "closed", "reopened", "edited", "deleted");
EVENT_OF_TYPES(project_card, "created", "moved", "converted", "edited", "deleted");
EVENT_OF_TYPES(project_column, "created", "updated", "moved", "deleted");
EVENT_OF_TYPES(review, "submitted", "edited", "dismissed");
EVENT_OF_TYPES(registry_package, "published", "updated");
EVENT_OF_TYPES(release, "published", "unpublished", "created", "edited", "deleted", "prereleased",
               "released");
EVENT_OF_TYPES(watch, "started");

TYPES(image_version, "created", "ready", "deleted");
EVENT(image_version, {"types", &image_version_types, false}, {"names", &filter, false},
      {"versions", &filter, false});
TYPES(merge_group, "checks_requested");
EVENT(merge_group, {"types", &merge_group_types, false}, {"branches", &filter, false},
      {"branches-ignore", &filter, false});
TYPES(pull_request, "assigned", "unassigned", "labeled", "unlabeled", "opened", "edited", "closed",
      "reopened", "synchronize", "converted_to_draft", "locked", "unlocked", "enqueued", "dequeued",
      "milestoned", "demilestoned", "ready_for_review", "review_requested",
      "review_request_removed", "auto_merge_enabled", "auto_merge_disabled", "stacked");
EVENT(pull_request, {"types", &pull_request_types, false}, {"branches", &filter, false},
      {"branches-ignore", &filter, false}, {"paths", &filter, false},
      {"paths-ignore", &filter, false});
EVENT(push, {"branches", &filter, false}, {"branches-ignore", &filter, false},
      {"tags", &filter, false}, {"tags-ignore", &filter, false}, {"paths", &filter, false},
      {"paths-ignore", &filter, false});
EVENT(repository_dispatch, {"types", &filter, false});
TYPES(workflow_run, "completed", "requested", "in_progress");
EVENT(workflow_run, {"types", &workflow_run_types, false}, {"workflows", &filter, false},
      {"branches", &filter, false}, {"branches-ignore", &filter, false});

static const struct schema cron_item =
    LENIENT({"cron", &schema_name, true}, {"timezone", &schema_string, false});
static const struct schema schedule = {.kind = SCHEMA_SEQUENCE, .item = &cron_item};

/* workflow_dispatch (5.6) */
static const struct schema scalar = {
    .kind = SCHEMA_ONE_OF, .one_of = ONE_OF(&schema_string, &schema_bool, &schema_number)};
static const struct schema dispatch_type = {
    .kind = SCHEMA_STRING, .values = LIST("string", "boolean", "number", "choice", "environment")};
static const struct schema choices = {.kind = SCHEMA_SEQUENCE, .item = &schema_string};
CONFIG(dispatch_input, {"description", &schema_string, false}, {"type", &dispatch_type, false},
       {"required", &schema_bool, false}, {"default", &scalar, false},
       {"options", &choices, false});
static const struct schema dispatch_inputs_map = {
    .kind = SCHEMA_MAPPING, .key = &schema_name, .item = &dispatch_input};
static const struct schema dispatch_inputs = {.kind = SCHEMA_ONE_OF,
                                              .one_of = ONE_OF(&schema_null, &dispatch_inputs_map)};
CONFIG(workflow_dispatch, {"inputs", &dispatch_inputs, false});

/* workflow_call (7.3) */
static const struct schema call_type = {.kind = SCHEMA_STRING,
                                        .values = LIST("string", "boolean", "number")};
static const struct schema call_default = {
    .kind = SCHEMA_ONE_OF,
    .context = SET_W,
    .one_of = ONE_OF(&schema_string, &schema_bool, &schema_number)};
static const struct schema call_input = {
    .kind = SCHEMA_MAPPING,
    .props = PROPS({"description", &schema_string, false}, {"type", &call_type, true},
                   {"required", &schema_bool, false}, {"default", &call_default, false})};
static const struct schema call_inputs = {
    .kind = SCHEMA_MAPPING, .key = &schema_name, .item = &call_input};
static const struct schema call_secret_map = {
    .kind = SCHEMA_MAPPING,
    .props = PROPS({"description", &schema_string, false}, {"required", &schema_bool, false})};
static const struct schema call_secret = {.kind = SCHEMA_ONE_OF,
                                          .one_of = ONE_OF(&schema_null, &call_secret_map)};
static const struct schema call_secrets = {
    .kind = SCHEMA_MAPPING, .key = &schema_name, .item = &call_secret};
static const struct schema call_output_value = {.kind = SCHEMA_STRING, .context = SET_OUT};
static const struct schema call_output = {
    .kind = SCHEMA_MAPPING,
    .props = PROPS({"description", &schema_string, false}, {"value", &call_output_value, true})};
static const struct schema call_outputs = {
    .kind = SCHEMA_MAPPING, .key = &schema_name, .item = &call_output};
static const struct schema call_map = {.kind = SCHEMA_MAPPING,
                                       .props = PROPS({"inputs", &call_inputs, false},
                                                      {"secrets", &call_secrets, false},
                                                      {"outputs", &call_outputs, false})};
static const struct schema workflow_call = {.kind = SCHEMA_ONE_OF,
                                            .one_of = ONE_OF(&schema_null, &call_map)};

static const struct schema event_name = {
    .kind = SCHEMA_STRING,
    .values =
        LIST("branch_protection_rule", "check_run", "check_suite", "create", "delete", "deployment",
             "deployment_status", "discussion", "discussion_comment", "fork", "gollum",
             "image_version", "issue_comment", "issues", "label", "merge_group", "milestone",
             "page_build", "project", "project_card", "project_column", "public", "pull_request",
             "pull_request_comment", "pull_request_review", "pull_request_review_comment",
             "pull_request_target", "push", "registry_package", "release", "repository_dispatch",
             "schedule", "status", "watch", "workflow_call", "workflow_dispatch", "workflow_run")};
static const struct schema event_names = {.kind = SCHEMA_SEQUENCE, .item = &event_name};
static const struct schema event_map = {
    .kind = SCHEMA_MAPPING,
    .props = PROPS({"branch_protection_rule", &created_edited_deleted, false},
                   {"check_run", &check_run, false}, {"check_suite", &check_suite, false},
                   {"create", &bare, false}, {"delete", &bare, false}, {"deployment", &bare, false},
                   {"deployment_status", &bare, false}, {"discussion", &discussion, false},
                   {"discussion_comment", &created_edited_deleted, false}, {"fork", &bare, false},
                   {"gollum", &bare, false}, {"image_version", &image_version, false},
                   {"issue_comment", &created_edited_deleted, false}, {"issues", &issues, false},
                   {"label", &created_edited_deleted, false}, {"merge_group", &merge_group, false},
                   {"milestone", &milestone, false}, {"page_build", &bare, false},
                   {"project", &project, false}, {"project_card", &project_card, false},
                   {"project_column", &project_column, false}, {"public", &bare, false},
                   {"pull_request", &pull_request, false},
                   {"pull_request_comment", &created_edited_deleted, false},
                   {"pull_request_review", &review, false},
                   {"pull_request_review_comment", &created_edited_deleted, false},
                   {"pull_request_target", &pull_request, false}, {"push", &push, false},
                   {"registry_package", &registry_package, false}, {"release", &release, false},
                   {"repository_dispatch", &repository_dispatch, false},
                   {"schedule", &schedule, false}, {"status", &bare, false},
                   {"watch", &watch, false}, {"workflow_call", &workflow_call, false},
                   {"workflow_dispatch", &workflow_dispatch, false},
                   {"workflow_run", &workflow_run, false})};
const struct schema schema_on = {.kind = SCHEMA_ONE_OF,
                                 .one_of = ONE_OF(&event_name, &event_names, &event_map)};

const char *const *wf_event_names(void)
{
    return event_name.values;
}
