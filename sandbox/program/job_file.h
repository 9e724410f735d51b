/* SPDX-License-Identifier: Apache-2.0
 *
 * Files below paths that the worker named, among whatever the job put there: the last component is never
 * followed, nothing is waited on, and magic links of /proc lead nowhere. */
#ifndef SANDBOX_PROGRAM_JOB_FILE_H
#define SANDBOX_PROGRAM_JOB_FILE_H

#include "base/err.h"
#include "base/sv.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* openat2 with O_NOFOLLOW, O_NONBLOCK, O_CLOEXEC. FAIL_NOTFOUND where nothing is there. */
MUST_USE int job_file_open(const char *path, uint64_t flags, uint64_t mode, int *out,
                           struct err *e);
/* What lies there, links followed: S_IFREG and so on; 0 where nothing can be seen. Opens nothing. */
mode_t job_file_kind(const char *path);
/* A fresh file, whatever was there under that name: never written through a link or an old descriptor. */
MUST_USE int job_file_write(const char *path, mode_t mode, struct sv content, struct err *e);
/* The same from the file `old` of the same mode, which takes the new name and content: where the kernel grants that
 * nobody has it open and no other name leads to it, so that it is as good as fresh. False: use job_file_write. */
bool job_file_recycle(const char *old, const char *path, mode_t mode, struct sv content);

#endif
