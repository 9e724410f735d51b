/* SPDX-License-Identifier: Apache-2.0
 *
 * The records of base/ipc between the three ends of a sandbox: listener <-> launcher, launcher <-> init,
 * worker <-> init (and init's file helper). Private to sandbox/; both sides are always of one build, and the
 * version byte of base/ipc guards against a mix. */
#ifndef SANDBOX_WIRE_H
#define SANDBOX_WIRE_H

#include "sandbox/sandbox.h"

#define WIRE_LAUNCHER_FD 0 /* of gantry-sandbox: its socket to the listener */
#define WIRE_CHANNEL_FD  3 /* of the worker */
#define WIRE_INIT_FD     4 /* of the worker */
#define WIRE_ACTIONS_FD  5 /* of the worker: the folder that the job sees as _actions */
#define WIRE_SPARE_FD    3 /* of a spare worker: its socket to the launcher */
#define WIRE_SPARE_WORD  "spare"

/* An argument block up to here travels in the record, a larger one in a sealed memfd. */
#define WIRE_INLINE_BYTES 49152U
#define WIRE_BLOB_BYTES   (8U << 20)
#define WIRE_FILE_BYTES   (1U << 30)

enum wire_type {
    /* listener <-> launcher; id is the job's number */
    WIRE_LAUNCH = 1, /* fds: worker channel [, source folder] */
    WIRE_KILL = 2,
    WIRE_STARTED = 3,
    WIRE_REFUSED = 4,
    WIRE_WORKER_ENDED = 5,
    WIRE_GONE = 6,
    WIRE_PROBED = 7,    /* answer of `gantry-sandbox probe` */
    WIRE_RECOVERED = 8, /* answer of `gantry-sandbox recover` */
    WIRE_LIMITS = 9,    /* once, before the first WIRE_LAUNCH */
    WIRE_SPARE = 10,    /* a spare worker is to be kept */
    /* launcher <-> spare worker */
    WIRE_FORK = 11,   /* fds: what becomes 3, 4 and 5 of the worker */
    WIRE_FORKED = 12, /* TAG_PID, or TAG_ERR_SYS */
    /* init -> launcher */
    WIRE_READY = 16,
    WIRE_BROKEN = 17,
    /* worker <-> init; id is the request's number */
    WIRE_HELLO = 32, /* fds: socket of the file helper */
    WIRE_SPAWN = 33, /* fds: stdout, stderr [, block] [, contents of files] */
    WIRE_SPAWNED = 34,
    WIRE_SPAWN_ERROR = 35,
    WIRE_EXITED = 36,
    WIRE_SIGNAL = 37,
    WIRE_LISTEN = 38, /* answer WIRE_DONE with the socket, or WIRE_FAILED */
    WIRE_HELPER = 39, /* a new file helper, please; answer WIRE_DONE with its socket */
    WIRE_COPY = 40,   /* fds: listing */
    WIRE_COPIED = 41,
    WIRE_SPAWN_LOST = 42, /* starter -> init: killed before it came to execve */
    /* worker <-> file helper */
    WIRE_READ = 64, /* answer WIRE_DONE with the open file */
    WIRE_WRITE = 65,
    WIRE_MKDIR = 66,
    WIRE_REMOVE = 67,
    WIRE_WHICH = 68,
    WIRE_HASH = 69, /* answer WIRE_FILE for each file, in order, then WIRE_DONE */
    WIRE_FILE = 70,
    WIRE_LINK = 71,
    WIRE_LOOK =
        72, /* several files and a program in one go; answer WIRE_DONE, one result a file in order */
    WIRE_EXISTS = 73, /* answer WIRE_DONE, TAG_MODE 1 when it is there */
    WIRE_DONE = 80,
    WIRE_FAILED = 81,
};

enum wire_tag {
    TAG_REQUIRE = 1,
    TAG_NETWORK,
    TAG_JOB_DIR,
    TAG_HOST_DIR, /* one field each */
    TAG_HOSTNAME,
    TAG_SERVICE_HOST,
    TAG_SERVICE_PORT,
    TAG_MAX_PROCESSES,
    TAG_FLAGS,
    TAG_WORKER_PATH,
    TAG_WORKER_ENV, /* one field each */
    TAG_UID,
    TAG_LEVEL,
    TAG_FACTS,
    TAG_STATUS,
    TAG_ERR_CODE,
    TAG_ERR_SYS,
    TAG_ERR_TEXT,
    TAG_WORK,
    TAG_TEMP,
    TAG_ACTIONS,
    TAG_HOME,
    TAG_TOOLS,
    TAG_ACTIONS_HOST,
    TAG_PATH,
    TAG_CWD,
    TAG_ARGC,
    TAG_BLOB, /* NUL-terminated strings: arguments, then environment */
    TAG_SIGNAL,
    TAG_USAGE, /* struct rusage, both ends run on one machine from one build */
    TAG_MAX,
    TAG_MODE,
    TAG_NAME,
    TAG_PATTERN,
    TAG_FILES,
    TAG_BYTES,
    TAG_SEAMS, /* test builds: walls to leave out */
    TAG_UIDS,  /* how many, from TAG_UID on */
    TAG_PID,
    TAG_FILE, /* of SPAWN: made by the step's user before the step runs; TAG_MODE and TAG_CONTENT follow, or
                 TAG_FD; of LOOK: to be read */
    TAG_CONTENT,
    TAG_FD, /* the content comes in a descriptor, the next one of the record */
    TAG_MEMORY,
    TAG_OLD, /* of a file of SPAWN: one that it may be made from */
};

#define WIRE_FLAG_SUDO    1U
#define WIRE_FLAG_NESTED  2U
#define WIRE_FLAG_SOURCE  4U
#define WIRE_FLAG_AS_ROOT 8U
#define WIRE_FLAG_GROUP   16U
#define WIRE_FLAG_FOLLOW  32U
#define WIRE_FLAG_FILE    64U /* of WIRE_SPAWN_ERROR: a file could not be made */
#define WIRE_FLAG_AGAIN   128U
#define WIRE_FLAG_GROUPS  256U
#define WIRE_FLAG_QUIET   512U /* of WIRE_SPAWN: no WIRE_SPAWNED for the worker */

struct ipc_in;
struct ipc_out;
void wire_put_err(struct ipc_out *o, const struct err *e);
void wire_get_err(const struct ipc_in *in, struct err *e);
/* Copies a text field, NUL-terminated; FAIL_PROTO when absent, with a NUL inside, or longer than n - 1. */
MUST_USE int wire_get_str(const struct ipc_in *in, uint16_t tag, char *dst, size_t n,
                          struct err *e);
char *wire_dup_str(const struct ipc_in *in,
                   uint16_t tag); /* NULL when absent or with a NUL inside */
/* Sends to a peer whose loss shows elsewhere: as EOF in the caller's loop, or not at all because the caller ends. */
void wire_tell(int sock, struct ipc_out *o);
/* Takes the result of a read or write whose failure changes nothing. */
static inline void wire_ignore(ssize_t n)
{
    (void)n;
}
uint64_t wire_get_u64(const struct ipc_in *in, uint16_t tag, uint64_t otherwise);

#endif
