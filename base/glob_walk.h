/* SPDX-License-Identifier: Apache-2.0
 *
 * Walks folders for the files that a glob names, in the order that decides the digest of hashFiles: search
 * roots in pattern order, depth first, a folder's entries by the bytes of their names. libc only, so that the
 * helper inside a job's sandbox can use it: it walks as the job's user and hands every file on as a descriptor
 * (base/file_digest.h of the receiver makes the digest; the order of the calls is the order of the digest).
 * Source: actions/toolkit: packages/glob/src/internal-globber.ts, internal-hash-files.ts (0.7.0); libuv sorts
 * scandir results with strcmp (nodejs/node: deps/uv/src/unix/fs.c). */
#ifndef BASE_GLOB_WALK_H
#define BASE_GLOB_WALK_H

#include "base/glob.h"

#include <stdbool.h>

/* A matched regular file: fd is open for reading, at 0, lent. Returns -1 with e set to stop. */
typedef int glob_file_fn(void *ctx, int fd, struct sv path, struct err *e);

struct glob_walk_options {
    struct sv
        workspace; /* files that are not below it are left out; absolute, no slash at the end */
    bool follow;   /* --follow-symbolic-links: enter linked folders, leave out dangling links */
    /* Asked now and then, may be NULL: true stops the walk with FAIL_TIMEOUT (the reference gives up after
     * 120 seconds). */
    bool (*late)(void *ctx);
    glob_file_fn *file;
    void *ctx;
};
/* FAIL_SYS: a folder or file cannot be read, which spoils the digest as it does in the reference; FAIL_INPUT: a
 * match is neither file nor folder; FAIL_LIMIT, FAIL_TIMEOUT; or what the callback said. */
MUST_USE int glob_walk(const struct glob *g, const struct glob_walk_options *o, struct err *e);

#endif
