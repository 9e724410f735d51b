/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the parts of action resolution. */
#ifndef RUNNER_SERVICE_ACTIONS_PRIV_H
#define RUNNER_SERVICE_ACTIONS_PRIV_H

#include "base/mirror.h"
#include "base/tarball.h"
#include "runner/service/svc_priv.h"

/* One action of a request. */
struct wanted {
    char *key;  /* "owner/name@ref" exactly as asked */
    char *repo; /* owner/name */
    char *ref;
    char *sha; /* once resolved */
};

/* actions_archive.c: into an open file, one top-level folder. */
MUST_USE int mirror_git(struct svc *s, const char *dir, const char *sha, const char *top, int fd,
                        struct err *e);
/* mirror_git_file() through a repository of the service's own, which has no configuration. */
MUST_USE int mirror_objects_file(struct svc *s, const char *dir, const char *sha, const char *path,
                                 size_t max, struct buf *out, struct err *e);
MUST_USE int mirror_folder(const char *dir, const char *top, int fd, struct err *e);

/* actions_fetch.c: from the network. Calls done once, never from inside; on success the archive is in the blob
 * store under actions_blob_name() and w->sha is set. */
struct fetch;
struct fetch *fetch_start(struct svc *s, struct wanted *w,
                          void (*done)(void *ctx, const struct err *e), void *ctx, struct err *e);
void fetch_cancel(struct fetch *f);

/* actions_source.c */
/* 1: the archive is in the blob store and w->sha set; 0: not in the cache. */
int actions_look_in_cache(struct svc *s, struct wanted *w, struct err *e);
void actions_blob_name(const struct wanted *w, struct buf *out);
/* Temporary file in the blob store, and its way to a name. */
MUST_USE int actions_temp(struct svc *s, char **path, int *fd, struct err *e);
MUST_USE int blob_adopt(struct svc *s, const char *temp, const char *name, char **sha256,
                        struct err *e);

#endif
