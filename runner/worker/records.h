/* SPDX-License-Identifier: Apache-2.0
 *
 * The records of a job as services see them: the steps with number, state, result, issues and the place of
 * their log in the spool (spec logs 6.1, 8; numbering spec job-execution 3.2). */
#ifndef RUNNER_WORKER_RECORDS_H
#define RUNNER_WORKER_RECORDS_H

#include "actions/value.h"
#include "base/ids.h"
#include "base/sv.h"

#include <stdint.h>

/* .NET's TaskResult; the numbers go over the channel. */
enum task_result {
    RES_NONE = -1,
    RES_SUCCEEDED = 0,
    RES_FAILED = 2,
    RES_CANCELED = 3,
    RES_SKIPPED = 4,
};
/* "Worst wins, but the first result above Failed sticks" (spec job-execution 0). */
enum task_result result_merge(enum task_result current, enum task_result next);
const char *result_wire(enum task_result r);    /* "succeeded", "canceled" */
const char *result_context(enum task_result r); /* "success", "cancelled" */

enum issue_level { ISSUE_NOTICE, ISSUE_WARNING, ISSUE_ERROR, ISSUE_LEVEL_COUNT_ };
#define ISSUES_PER_LEVEL    10U   /* on one record; Source: ExecutionContext.cs _maxIssueCount */
#define ISSUE_MESSAGE_UNITS 4096U /* UTF-16 units; Source: ExecutionContext.cs */
struct issue {
    enum issue_level level;
    char *message;                                  /* masked and cut */
    char *title, *file;                             /* masked; NULL = none */
    int64_t line, end_line, col, end_col, log_line; /* 0 = none */
    const char *infrastructure;                     /* category (static text) or NULL */
};
void issue_done(struct issue *i);

enum record_state { REC_PENDING, REC_IN_PROGRESS, REC_COMPLETED };
struct record {
    char id[UUID_TEXT_SIZE];
    char *name;
    unsigned number; /* 0: the job itself */
    enum record_state state;
    enum task_result result;
    int64_t started_us, finished_us; /* wall; 0 = not yet */
    struct issue *issues;
    size_t n_issues, issues_cap;
    unsigned per_level[ISSUE_LEVEL_COUNT_];
    char *type, *action_name, *ref; /* telemetry of completejob; NULL = absent */
    uint64_t log_from, log_to; /* bytes in the spool; log_to is set when the record completes */
    uint64_t lines;            /* physical lines */
    unsigned completed_order;  /* 1, 2, ... as the records completed; 0 = not */
    bool changed;              /* a step update is owed */
    /* What the embedded service asks for beyond the protocol (docs/internals/local-service.md). */
    bool has_details;
    enum task_result outcome;
    struct val *outputs; /* masked texts, or NULL */
};
struct records {
    struct record **v;
    size_t n, cap;
    unsigned counter; /* last number given */
    unsigned posts;   /* post steps registered; 0: the counter was not doubled yet */
    unsigned completed;
};
/* id NULL = random. The record is the list's. */
struct record *records_add(struct records *l, const char *id, struct sv name);
void records_free(struct records *l);
void record_set_name(struct record *r, struct sv name);
void record_set_kind(struct record *r, const char *type, struct sv action_name, struct sv ref);
void record_start(struct record *r);
void record_complete(struct records *l, struct record *r, enum task_result result);
/* Takes the issue over (a full level drops it); line numbers are the caller's. */
void record_add_issue(struct record *r, struct issue *own);

#endif
