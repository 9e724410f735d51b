/* SPDX-License-Identifier: Apache-2.0
 *
 * Actions of the job: resolved through the service, downloaded, unpacked, read, and for composite ones prepared
 * all the way down (spec job-execution 3.4 to 3.6). */
#ifndef RUNNER_WORKER_ACTION_PREPARE_H
#define RUNNER_WORKER_ACTION_PREPARE_H

#include "actions/manifest.h"
#include "runner/worker/exec.h"

#define ACTION_MAX_DEPTH    9U /* Source: ActionManager.cs, Constants.CompositeActionsMaxDepth */
#define ACTION_MANIFEST_MAX (4U << 20)   /* ours */
#define ACTION_ARCHIVE_MAX  (1U << 30)   /* ours: bytes of one download */
#define ACTION_UNPACKED_MAX (4ULL << 30) /* ours: bytes of one unpacked action */
#define ACTION_ENTRIES_MAX  200000U      /* ours */

struct action {
    struct action *next;
    char *key;                 /* "owner/name/path@ref", or the path of a local one */
    char *dir;                 /* as the job sees it */
    char *manifest_name;       /* "action.yml", "Dockerfile" */
    struct manifest *manifest; /* NULL: a Dockerfile only */
    struct step_def *steps;    /* composite */
    size_t n_steps;
};
struct actions;
struct actions *actions_new(void);
void actions_free(struct actions *a);

/* Prepares every repository action of these steps, and what they use, at nesting `depth` (0 = workflow). Lines go
 * to x's log. */
MUST_USE int actions_prepare(struct exec *x, const struct step_def *const *steps, size_t n,
                             unsigned depth, struct err *e);
/* A prepared repository action; NULL = was not prepared. */
const struct action *actions_find(const struct worker *w, const struct step_def *d);
/* A local one, read from the job's workspace now; its own uses are prepared. Lent. */
MUST_USE int actions_load_local(struct exec *x, const struct step_def *d, const struct action **out,
                                struct err *e);

/* ---- action_resolve.c ---- */
struct resolved {
    char *name, *ref; /* of the request */
    char *sha, *url;  /* of the answer */
    char *token;      /* NULL = the job's github.token */
};
void resolved_done(struct resolved *r);
/* Fills sha, url and token of each. */
MUST_USE int actions_resolve(struct exec *x, struct resolved *v, size_t n, struct err *e);
/* Downloads and unpacks one into actions_host/owner/name/ref. */
MUST_USE int actions_download(struct exec *x, const struct resolved *r, struct err *e);

/* ---- action_archive.c ---- */
/* Unpacks a tar.gz from the descriptor's start into the empty folder; the single top folder is left out. */
MUST_USE int archive_unpack(int archive_fd, int into_dirfd, const char *what, struct err *e);

#endif
