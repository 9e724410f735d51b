/* SPDX-License-Identifier: Apache-2.0
 *
 * The job's own files in /etc: a layer over the host's /etc with what names the job's users, its host name and the
 * service, and with whiteouts over what a job must not see. */
#ifndef SANDBOX_PROGRAM_ETC_H
#define SANDBOX_PROGRAM_ETC_H

#include "sandbox/program/plan.h"

#include "base/buf.h"

struct etc { /* read from the host once a launcher */
    struct buf passwd, group, shadow, hosts, resolv;
};
void etc_read(struct etc *t);
void etc_done(struct etc *t);

struct etc_file {
    const char *name;
    mode_t mode;
    struct sv text;
};
#define ETC_FILES 8
/* The files of this job; `own` keeps the text that was made for it. Returns their number. */
size_t etc_files(const struct etc *t, const struct plan *p, struct buf *own, struct etc_file *out);

/* Names below /etc that are hidden. */
extern const char *const etc_hidden[];

/* Fills the layer folder `dir` (a descriptor); owner is the job's root as we see it. */
MUST_USE int etc_write_layer(int dir, const struct etc *t, const struct plan *p, uint32_t owner,
                             struct err *e);

#endif
