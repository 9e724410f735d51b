/* SPDX-License-Identifier: Apache-2.0
 *
 * Records between listener and worker on descriptor 3 of the worker (base/ipc). */
#ifndef RUNNER_CHANNEL_H
#define RUNNER_CHANNEL_H

#include <stdint.h>

#define CHANNEL_FD      3
#define CHANNEL_INIT_FD 4

enum channel_type {
    CH_HELLO = 1, /* w->l: CH_TAG_VERSION */
    CH_JOB =
        2, /* l->w: fds[0] sealed memfd of the untouched acquirejob answer; fds[1] sealed memfd of JSON
                       * options (below); fds[2] listing of the local source, when the runner has one */
    CH_CANCEL =
        3,        /* l->w: CH_TAG_REASON text; CH_TAG_TIMEOUT_MS time for the job to end, 0 = now */
    CH_STATE = 4, /* w->l: CH_TAG_TEXT, one word or step name for status */
    CH_HEARTBEAT = 5, /* w->l, every 10 s */
    CH_DONE =
        6, /* w->l: CH_TAG_RESULT after completejob was accepted (or given up: CH_TAG_TEXT says why) */
    CH_SHUTDOWN = 7, /* l->w: the runner itself stops (CH_TAG_REASON) */
};
enum channel_tag {
    CH_TAG_VERSION = 1,
    CH_TAG_REASON = 2,
    CH_TAG_TIMEOUT_MS = 3,
    CH_TAG_TEXT = 4,
    CH_TAG_RESULT = 5, /* u64: 0 succeeded, 2 failed, 3 canceled, 4 skipped: .NET's TaskResult */
};
/* Options JSON of CH_JOB, all optional:
 *   "source": {"repository": "owner/name", "sha": "...", "ref": "...", "folder": "..."}   native checkout allowed for it
 *   "checkout": "native" | "action"
 *   "prefill": true                       --source: start with the copy in place
 *   "actions_dirs": ["/mirror", ...]      --actions, read by the worker through descriptors passed after fds[2]
 *   "ca_file": "...", "proxy": "..."      of the runner's configuration
 *   "runner_name": "..."                  of the registration
 *   "env": {"NAME": "value"}              base environment of steps, from the runner's configuration
 *   "no_color": true */

#endif
