/* SPDX-License-Identifier: Apache-2.0
 *
 * The schema of workflow files as tables (spec expressions 4). Contexts are added on the way down.
 * Source: actions/languageservices: workflow-parser/src/workflow-v1.0.json, through the specification's tables. */
#include "actions/workflow_priv.h"

#define LIST(...)   ((const char *const[]){__VA_ARGS__, NULL})
#define ONE_OF(...) ((const struct schema *const[]){__VA_ARGS__, NULL})
#define PROPS(...)  ((const struct schema_property[]){__VA_ARGS__, {NULL, NULL, false}})
#define STRING(ctx)                             \
    {                                           \
        .kind = SCHEMA_STRING, .context = (ctx) \
    }
#define NAME(ctx)                                                  \
    {                                                              \
        .kind = SCHEMA_STRING, .non_empty = true, .context = (ctx) \
    }
#define MAP_OF(k, v, ctx)                                                 \
    {                                                                     \
        .kind = SCHEMA_MAPPING, .key = (k), .item = (v), .context = (ctx) \
    }

const struct schema schema_string = STRING(SET_NONE);
const struct schema schema_name = NAME(SET_NONE);
const struct schema schema_bool = {.kind = SCHEMA_BOOL};
const struct schema schema_number = {.kind = SCHEMA_NUMBER};
const struct schema schema_null = {.kind = SCHEMA_NULL};
const struct schema schema_any = {.kind = SCHEMA_ANY};
const struct schema schema_names = {.kind = SCHEMA_SEQUENCE, .item = &schema_name};
const struct schema schema_string_list = {.kind = SCHEMA_ONE_OF,
                                          .one_of = ONE_OF(&schema_name, &schema_names)};

/* ---- shared pieces ---- */

static const struct schema number_m = {.kind = SCHEMA_NUMBER, .context = SET_M};
static const struct schema bool_m = {.kind = SCHEMA_BOOL, .context = SET_M};
static const struct schema string_m = STRING(SET_M);
static const struct schema string_run = STRING(SET_RUN);
static const struct schema string_runx = STRING(SET_RUNX);
static const struct schema string_step = STRING(SET_STEP);

/* permissions (4.11) */
static const struct schema level_any = {.kind = SCHEMA_STRING,
                                        .values = LIST("read", "write", "none")};
static const struct schema level_write = {.kind = SCHEMA_STRING, .values = LIST("write", "none")};
static const struct schema level_read = {.kind = SCHEMA_STRING, .values = LIST("read", "none")};
static const struct schema permissions_all = {.kind = SCHEMA_STRING,
                                              .values = LIST("read-all", "write-all")};
static const struct schema permissions_map = {
    .kind = SCHEMA_MAPPING,
    .props =
        PROPS({"actions", &level_any, false}, {"artifact-metadata", &level_any, false},
              {"attestations", &level_any, false}, {"checks", &level_any, false},
              {"code-quality", &level_any, false}, {"contents", &level_any, false},
              {"copilot-requests", &level_write, false}, {"deployments", &level_any, false},
              {"discussions", &level_any, false}, {"drives", &level_any, false},
              {"id-token", &level_write, false}, {"issues", &level_any, false},
              {"models", &level_read, false}, {"packages", &level_any, false},
              {"pages", &level_any, false}, {"pull-requests", &level_any, false},
              {"repository-projects", &level_any, false}, {"security-events", &level_any, false},
              {"statuses", &level_any, false}, {"vulnerability-alerts", &level_read, false})};
static const struct schema permissions = {.kind = SCHEMA_ONE_OF,
                                          .one_of = ONE_OF(&permissions_all, &permissions_map)};

/* concurrency (4.12) */
static const struct schema concurrency_queue = {.kind = SCHEMA_STRING,
                                                .values = LIST("single", "max")};
static const struct schema concurrency_map = {
    .kind = SCHEMA_MAPPING,
    .props = PROPS({"group", &schema_name, true}, {"cancel-in-progress", &schema_bool, false},
                   {"queue", &concurrency_queue, false})};
static const struct schema workflow_concurrency = {
    .kind = SCHEMA_ONE_OF, .context = SET_W, .one_of = ONE_OF(&schema_string, &concurrency_map)};
static const struct schema job_concurrency = {
    .kind = SCHEMA_ONE_OF, .context = SET_M, .one_of = ONE_OF(&schema_name, &concurrency_map)};

/* cache-mode: newer than the schema; source: GitHub's changelog of 2026-09-10 and its workflow syntax reference */
static const struct schema cache_mode = {.kind = SCHEMA_STRING,
                                         .values = LIST("read", "write", "write-only", "none")};

/* defaults */
static const struct schema run_defaults = {
    .kind = SCHEMA_MAPPING,
    .props = PROPS({"shell", &schema_name, false}, {"working-directory", &schema_name, false})};
static const struct schema workflow_defaults = {.kind = SCHEMA_MAPPING,
                                                .props = PROPS({"run", &run_defaults, false})};
static const struct schema job_run_defaults = {
    .kind = SCHEMA_MAPPING,
    .context = SET_DEF,
    .props = PROPS({"shell", &schema_name, false}, {"working-directory", &schema_name, false})};
static const struct schema job_defaults = {.kind = SCHEMA_MAPPING,
                                           .props = PROPS({"run", &job_run_defaults, false})};

/* ---- steps (4.5) ---- */

static const struct schema step_env = MAP_OF(&schema_name, &schema_string, SET_STEP);
static const struct schema step_if = STRING(SET_STEPIF);
static const struct schema step_bool = {.kind = SCHEMA_BOOL, .context = SET_STEP};
static const struct schema step_number = {.kind = SCHEMA_NUMBER, .context = SET_STEP};
static const struct schema wait_all = {.kind = SCHEMA_ONE_OF,
                                       .one_of = ONE_OF(&schema_null, &schema_bool)};

static const struct schema run_step = {
    .kind = SCHEMA_MAPPING,
    .props = PROPS({"name", &string_step, false}, {"id", &schema_name, false},
                   {"if", &step_if, false}, {"timeout-minutes", &step_number, false},
                   {"run", &string_step, true}, {"continue-on-error", &step_bool, false},
                   {"env", &step_env, false}, {"working-directory", &string_step, false},
                   {"shell", &schema_name, false}, {"background", &schema_bool, false})};
static const struct schema uses_step = {
    .kind = SCHEMA_MAPPING,
    .props =
        PROPS({"name", &string_step, false}, {"id", &schema_name, false}, {"if", &step_if, false},
              {"continue-on-error", &step_bool, false}, {"timeout-minutes", &step_number, false},
              {"uses", &schema_name, true}, {"with", &step_env, false}, {"env", &step_env, false},
              {"background", &schema_bool, false})};
static const struct schema wait_step = {
    .kind = SCHEMA_MAPPING,
    .props = PROPS({"name", &string_step, false}, {"id", &schema_name, false},
                   {"continue-on-error", &step_bool, false}, {"wait", &schema_string_list, true})};
static const struct schema wait_all_step = {
    .kind = SCHEMA_MAPPING,
    .props = PROPS({"name", &string_step, false}, {"id", &schema_name, false},
                   {"continue-on-error", &step_bool, false}, {"wait-all", &wait_all, true})};
static const struct schema cancel_step = {
    .kind = SCHEMA_MAPPING,
    .props = PROPS({"name", &string_step, false}, {"id", &schema_name, false},
                   {"continue-on-error", &step_bool, false}, {"cancel", &schema_name, true})};
static const struct schema steps; /* what may not stand in `parallel`, the converter says */
static const struct schema parallel_step = {.kind = SCHEMA_MAPPING,
                                            .props = PROPS({"parallel", &steps, true})};
static const struct schema step = {.kind = SCHEMA_ONE_OF,
                                   .one_of = ONE_OF(&run_step, &uses_step, &wait_step,
                                                    &wait_all_step, &cancel_step, &parallel_step)};
static const struct schema steps = {.kind = SCHEMA_SEQUENCE, .item = &step};

/* ---- containers (4.8, 4.9) ---- */

static const struct schema credentials = {
    .kind = SCHEMA_MAPPING,
    .context = SET_CRED,
    .props = PROPS({"username", &schema_name, false}, {"password", &schema_name, false})};
static const struct schema container_env = MAP_OF(&schema_name, &schema_string, SET_RUN);
static const struct schema image = {.kind = SCHEMA_STRING, .not_null = true};
static const struct schema container_map = {
    .kind = SCHEMA_MAPPING,
    .props = PROPS({"image", &image, false}, {"options", &schema_string, false},
                   {"env", &container_env, false}, {"ports", &schema_names, false},
                   {"volumes", &schema_names, false}, {"credentials", &credentials, false})};
static const struct schema container = {
    .kind = SCHEMA_ONE_OF, .context = SET_M, .one_of = ONE_OF(&schema_string, &container_map)};
static const struct schema service_map = {
    .kind = SCHEMA_MAPPING,
    .props = PROPS({"image", &image, false}, {"options", &schema_string, false},
                   {"entrypoint", &schema_string, false}, {"command", &schema_string, false},
                   {"env", &container_env, false}, {"ports", &schema_names, false},
                   {"volumes", &schema_names, false}, {"credentials", &credentials, false})};
static const struct schema service = {.kind = SCHEMA_ONE_OF,
                                      .one_of = ONE_OF(&schema_string, &service_map)};
static const struct schema services = MAP_OF(&schema_name, &service, SET_M);

/* ---- jobs (4.3, 4.4) ---- */

static const struct schema runs_on_map = {
    .kind = SCHEMA_MAPPING,
    .props = PROPS({"group", &schema_name, false}, {"labels", &schema_string_list, false})};
static const struct schema runs_on = {.kind = SCHEMA_ONE_OF,
                                      .context = SET_M,
                                      .one_of = ONE_OF(&schema_name, &schema_names, &runs_on_map)};

static const struct schema any_sequence = {.kind = SCHEMA_SEQUENCE, .item = &schema_any};
static const struct schema matrix_item = MAP_OF(&schema_name, &schema_any, SET_NONE);
static const struct schema matrix_items = {.kind = SCHEMA_SEQUENCE, .item = &matrix_item};
static const struct schema matrix = {
    .kind = SCHEMA_MAPPING,
    .key = &schema_name,
    .item = &any_sequence,
    .props = PROPS({"include", &matrix_items, false}, {"exclude", &matrix_items, false})};
static const struct schema strategy = {.kind = SCHEMA_MAPPING,
                                       .context = SET_N,
                                       .props = PROPS({"fail-fast", &schema_bool, false},
                                                      {"max-parallel", &schema_number, false},
                                                      {"matrix", &matrix, false})};

static const struct schema environment_map = {.kind = SCHEMA_MAPPING,
                                              .props = PROPS({"name", &schema_string, true},
                                                             {"url", &string_runx, false},
                                                             {"deployment", &schema_bool, false})};
static const struct schema environment = {
    .kind = SCHEMA_ONE_OF, .context = SET_M, .one_of = ONE_OF(&schema_string, &environment_map)};

static const struct schema snapshot_if = STRING(SET_M);
static const struct schema snapshot_map = {.kind = SCHEMA_MAPPING,
                                           .props = PROPS({"image-name", &schema_name, true},
                                                          {"if", &snapshot_if, false},
                                                          {"version", &schema_name, false})};
static const struct schema snapshot = {
    .kind = SCHEMA_ONE_OF, .context = SET_M, .one_of = ONE_OF(&schema_name, &snapshot_map)};

static const struct schema job_if = STRING(SET_JOBIF);
static const struct schema job_env = MAP_OF(&schema_name, &schema_string, SET_MS);
static const struct schema job_outputs = MAP_OF(&schema_name, &string_run, SET_NONE);

static const struct schema job_factory = {
    .kind = SCHEMA_MAPPING,
    .props = PROPS({"needs", &schema_string_list, false}, {"if", &job_if, false},
                   {"strategy", &strategy, false}, {"name", &string_m, false},
                   {"runs-on", &runs_on, true}, {"timeout-minutes", &number_m, false},
                   {"cancel-timeout-minutes", &number_m, false},
                   {"continue-on-error", &bool_m, false}, {"container", &container, false},
                   {"services", &services, false}, {"env", &job_env, false},
                   {"environment", &environment, false}, {"permissions", &permissions, false},
                   {"concurrency", &job_concurrency, false}, {"outputs", &job_outputs, false},
                   {"defaults", &job_defaults, false}, {"steps", &steps, false},
                   {"snapshot", &snapshot, false}, {"cache-mode", &cache_mode, false})};

static const struct schema call_value = {.kind = SCHEMA_ONE_OF,
                                         .context = SET_M,
                                         .one_of =
                                             ONE_OF(&schema_string, &schema_bool, &schema_number)};
static const struct schema call_with = MAP_OF(&schema_name, &call_value, SET_NONE);
static const struct schema call_secret = {.kind = SCHEMA_ONE_OF,
                                          .context = SET_MS,
                                          .one_of =
                                              ONE_OF(&schema_string, &schema_bool, &schema_number)};
static const struct schema call_secrets_map = MAP_OF(&schema_name, &call_secret, SET_NONE);
static const struct schema call_inherit = {.kind = SCHEMA_STRING, .values = LIST("inherit")};
static const struct schema call_secrets = {.kind = SCHEMA_ONE_OF,
                                           .one_of = ONE_OF(&call_secrets_map, &call_inherit)};
static const struct schema workflow_job = {
    .kind = SCHEMA_MAPPING,
    .props = PROPS({"name", &string_m, false}, {"uses", &schema_name, true},
                   {"with", &call_with, false}, {"secrets", &call_secrets, false},
                   {"needs", &schema_string_list, false}, {"if", &job_if, false},
                   {"permissions", &permissions, false}, {"concurrency", &job_concurrency, false},
                   {"strategy", &strategy, false}, {"cache-mode", &cache_mode, false})};
static const struct schema job = {.kind = SCHEMA_ONE_OF,
                                  .one_of = ONE_OF(&job_factory, &workflow_job)};
static const struct schema jobs = MAP_OF(&schema_name, &job, SET_NONE);

/* ---- root (4.2) ---- */

static const struct schema run_name = STRING(SET_W);
static const struct schema workflow_env = MAP_OF(&schema_name, &schema_string, SET_WS);

const struct schema schema_workflow = {
    .kind = SCHEMA_MAPPING,
    .props =
        PROPS({"on", &schema_on, true}, {"name", &schema_string, false},
              {"description", &schema_string, false}, {"run-name", &run_name, false},
              {"defaults", &workflow_defaults, false}, {"env", &workflow_env, false},
              {"permissions", &permissions, false}, {"concurrency", &workflow_concurrency, false},
              {"cache-mode", &cache_mode, false}, {"jobs", &jobs, true})};
