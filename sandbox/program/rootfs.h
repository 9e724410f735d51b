/* SPDX-License-Identifier: Apache-2.0
 *
 * The root of a job: chosen folders of the host on a tmpfs, with everything else private (sandbox.md 3.5). */
#ifndef SANDBOX_PROGRAM_ROOTFS_H
#define SANDBOX_PROGRAM_ROOTFS_H

#include "sandbox/program/etc.h"
#include "sandbox/program/plan.h"

#define ROOTFS_MAX_SOURCES 64

enum source_kind {
    SOURCE_BIND,    /* read-only */
    SOURCE_LAYERED, /* under a layer of ours, and under the job's upper where it has root */
};

struct source {
    char *path; /* on the host and in the job */
    int fd;     /* a detached clone of the mount */
    enum source_kind kind;
};

struct rootfs {
    struct source sources[ROOTFS_MAX_SOURCES];
    size_t n;
    int box, actions; /* detached clones of parts of the job folder */
    int sys;          /* detached clone of /sys, where the network is the host's; else -1 */
};
#define ROOTFS_INIT ((struct rootfs){.box = -1, .actions = -1, .sys = -1})

/* Takes detached clones of all that the job will see. By the launcher at level full (then idmap is a user namespace
 * that carries the map), else by the set-up child in its own mount namespace. */
MUST_USE int rootfs_open(struct rootfs *r, const struct plan *p, int idmap, struct err *e);
/* Builds the root and makes it ours; the old one is detached. In the set-up child, as root of U1. */
MUST_USE int rootfs_build(struct rootfs *r, const struct plan *p, const struct etc *t,
                          struct err *e);
void rootfs_done(struct rootfs *r);

#endif
