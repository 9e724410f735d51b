/* SPDX-License-Identifier: Apache-2.0
 *
 * The listing of the local source, without the submodules that a checkout did not ask for. Pure. */
#ifndef RUNNER_WORKER_LISTING_H
#define RUNNER_WORKER_LISTING_H

#include "base/buf.h"
#include "base/strv.h"

#define LISTING_MAX_BYTES (256U << 20)

/* listing: NUL-terminated paths; a submodule shows as its ".git" file ("lib/x/.git"). Entries inside more than
 * `depth` submodules are left out; *empty gets the submodules that are thereby left out whole, in order. */
void listing_filter(struct sv listing, unsigned depth, struct buf *out, struct strv *empty);

#endif
