/* SPDX-License-Identifier: Apache-2.0
 *
 * The sandbox of one job as its users see it: a policy, the launcher that builds it (listener's side), and
 * init, pid 1 of the job, that runs things in it (worker's side). Knows nothing of Actions.
 *
 * The launcher (`gantry-sandbox`, libc + libseccomp, single-threaded) is exec'd before anything else and is
 * the only root process in root mode. It builds the job's namespaces and mounts from the policy, starts init
 * and the worker, connects the two, and tears all down when either ends. The worker can ask init only for
 * things inside the policy. */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include "base/err.h"
#include "base/sv.h"

#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

enum sbx_level { SBX_NONE, SBX_SINGLE, SBX_SUBID, SBX_FULL };
const char *sbx_level_name(enum sbx_level l);
enum sbx_net { SBX_NET_HOST, SBX_NET_NONE };

/* Where things are inside the job, at every level but `none` (there they are below job_dir). */
#define SBX_HOME "/home/runner"
#define SBX_WORK SBX_HOME "/work"
#define SBX_ACTIONS \
    SBX_WORK "/_actions" /* read-only in the job; the worker fills it from outside */
#define SBX_TEMP     SBX_WORK "/_temp"
#define SBX_MEMORY   "/run/runner"
#define SBX_TOOLS    "/opt/hostedtoolcache"
#define SBX_STEP_UID 1001
#define SBX_SHELL    "/bin/bash" /* of the job's user, in /etc/passwd */

struct sbx_policy {
    enum sbx_level require; /* weaker than this is refused; SBX_NONE = --no-sandbox was asked for */
    enum sbx_net network;
    const char *
        job_dir; /* host folder of this job, made by the caller (0700): overlay upper, home, actions/ */
    const char *const
        *host_dirs; /* extra read-only host folders, at the same path inside; NULL-terminated */
    const char *hostname;
    const char *service_host; /* name listed in the job's /etc/hosts as 127.0.0.1, or NULL */
    uint16_t
        service_port; /* the one port that a job with network none may reach (relayed), 0 = none */
    int source_fd; /* O_PATH or O_RDONLY folder of the local source, -1 = none; see sbx_copy_source */
    uint64_t max_processes; /* 0 = 4096 */
    bool allow_sudo;        /* level full: job root possible */
    bool nested_userns;
    /* Level single cannot take groups of the caller such as docker or sudo away from the job: false refuses it then,
     * true (the job is the caller's own) builds it and says so in the facts. */
    bool keep_groups;
};

/* ---- launcher, the listener's side ---- */
struct sbx_launcher;
struct sbx_worker {
    const char *path;  /* gantry-worker */
    char *const *envp; /* complete */
    int channel_fd;    /* becomes descriptor 3 of the worker; 4 is its socket to init */
    uint32_t uid;      /* root mode: the slot's uid and gid; ignored otherwise */
};
enum sbx_event_kind {
    SBX_EV_STARTED, /* worker and init run */
    SBX_EV_REFUSED, /* could not be built: error holds what, why and the remedy; nothing is left */
    SBX_EV_WORKER_ENDED, /* status: exit code or 128 + signal; the sandbox is being killed */
    SBX_EV_GONE,         /* no process, mount or file of the job is left */
};
struct sbx_event {
    enum sbx_event_kind kind;
    uint32_t job; /* as returned by sbx_launch */
    enum sbx_level level;
    int status;
    struct err error;
    char facts[512]; /* "level=single missing=subid,cgroup" for the job log */
};
/* Starts the program at `path` in its own session; dies with the caller. */
MUST_USE int sbx_launcher_start(const char *path, struct sbx_launcher **out, struct err *e);
/* The most that any policy may ask for. Told once, by a caller that was not attacked yet (before it gives up root
 * and reads its first network byte): whatever is beyond it is refused from then on, whoever asks. */
struct sbx_limits {
    enum sbx_level least; /* no policy may require less */
    const char *jobs_dir; /* job_dir is a folder directly below; absolute and clean */
    const char *const
        *host_dirs;             /* the folders that may be shown; NULL-terminated, or NULL = none */
    const char *worker_path;    /* the one program that is started as a worker */
    uint32_t first_uid, n_uids; /* root mode: uids of workers, none of them 0 */
    bool keep_groups;           /* policies may say so */
};
MUST_USE int sbx_launcher_limit(struct sbx_launcher *l, const struct sbx_limits *m, struct err *e);
int sbx_launcher_fd(
    const struct sbx_launcher *l); /* readable when sbx_launcher_next has something */
MUST_USE int sbx_launch(struct sbx_launcher *l, const struct sbx_policy *p,
                        const struct sbx_worker *w, uint32_t *job, struct err *e);
/* Has a worker of this program, environment and uid (no channel yet) started ahead, so that a job that asks for the
 * very same one does not wait for its start; any other job is started afresh. again: it serves job after job, for a
 * caller whose jobs trust each other; else one job, and of such spares the launcher keeps the last one asked for. */
MUST_USE int sbx_keep_spare(struct sbx_launcher *l, const struct sbx_worker *w, bool again,
                            struct err *e);
/* 1 = *ev filled, 0 = nothing now, -1 = the launcher is gone. */
MUST_USE int sbx_launcher_next(struct sbx_launcher *l, struct sbx_event *ev, struct err *e);
MUST_USE int sbx_kill(struct sbx_launcher *l, uint32_t job,
                      struct err *e); /* at once; GONE follows */
void sbx_launcher_free(
    struct sbx_launcher *l); /* closes the socket: the launcher kills every job and ends */
/* Highest level this host can do for this caller, with what is missing for the next; for doctor and errors. */
MUST_USE int sbx_probe(const char *launcher_path, enum sbx_level *level, char *missing, size_t n,
                       struct err *e);
/* Start-up is recovery: removes job folders, mounts and cgroups of dead runners below `jobs_dir`. */
MUST_USE int sbx_recover(const char *launcher_path, const char *jobs_dir, struct err *e);

/* ---- a spare worker ---- */
/* For the worker program. True: it was started as a spare, and sbx_spare_serve() comes first. */
bool sbx_is_spare(int argc, char *const *argv);
/* Waits for jobs. For each a child is made that is the launcher's, as a worker that was started afresh is: in it 0 is
 * returned, with descriptors 3 to 5 in place. 1: the launcher needs no spare any more. Needs a single thread. */
MUST_USE int sbx_spare_serve(struct err *e);

/* ---- init, the worker's side ---- */
struct sbx_job;
struct sbx_hello {
    enum sbx_level level;
    enum sbx_net network;
    char facts[512];
    char work[256], temp[256], actions[256], home[256], tools[256]; /* as the job sees them */
    char actions_host[256]; /* where the worker writes actions, outside */
    char
        memory[256]; /* a small folder of the job's user that is held in memory; "" at level none */
    bool has_source;
};
/* Takes fd over; waits for HELLO. */
MUST_USE int sbx_attach(int own_fd, struct sbx_job **out, struct sbx_hello *hello, struct err *e);
int sbx_job_fd(const struct sbx_job *j);
void sbx_job_free(struct sbx_job *j);

struct sbx_file {
    const char *path;
    mode_t mode;
    struct sv content;
    const char *
        recycle; /* of sbx_spawn: an earlier file of the same mode that is not needed any more, or NULL. It
                          * is taken instead of a new one where nobody has it open */
};
#define SBX_FILES_MAX       16U
#define SBX_SPAWN_FILES_MAX 12U
struct sbx_spawn {
    const char *path; /* absolute in the job */
    char *const *argv;
    char *const *envp;
    const char *cwd;
    int stdout_fd, stderr_fd; /* write ends; borrowed. stdin is /dev/null */
    bool as_root;             /* policy allow_sudo only */
    bool quiet;               /* no SBX_JOB_SPAWNED */
    /* Made by the step's user before the program runs, at most SBX_SPAWN_FILES_MAX; fresh, whatever was there. */
    const struct sbx_file *files;
    size_t n_files;
};
/* Asynchronous: SBX_JOB_SPAWNED or SBX_JOB_SPAWN_ERROR with this id follows; after the former SBX_JOB_EXITED. */
MUST_USE int sbx_spawn(struct sbx_job *j, const struct sbx_spawn *s, uint32_t *id, struct err *e);
MUST_USE int sbx_signal(struct sbx_job *j, uint32_t id, int sig, bool whole_group, struct err *e);
enum sbx_job_event_kind {
    SBX_JOB_SPAWNED,
    SBX_JOB_SPAWN_ERROR,
    SBX_JOB_EXITED,
    SBX_JOB_COPIED,
    SBX_JOB_RELAY
};
struct sbx_job_event {
    enum sbx_job_event_kind kind;
    uint32_t id;
    int status;          /* EXITED: exit code or 128 + signal */
    struct rusage usage; /* EXITED */
    struct err error; /* SPAWN_ERROR: .sys ENOENT, EACCES, ... ; COPIED: code FAIL_NONE when fine */
    bool file_failed; /* SPAWN_ERROR: one of its files could not be made */
    uint64_t files, bytes; /* COPIED */
};
/* 1 = *ev filled, 0 = nothing now, -1 = init is gone. */
MUST_USE int sbx_job_next(struct sbx_job *j, struct sbx_job_event *ev, struct err *e);

/* Files of the job, opened by a child of init as the job's user (openat2, O_NOFOLLOW, regular files only).
 * These wait for the answer; events that arrive meanwhile are queued for sbx_job_next. */
MUST_USE int sbx_read_file(struct sbx_job *j, const char *path, size_t max, char **out, size_t *n,
                           struct err *e);
/* Several in one go. Those of a step are small and many: what counts is the number of waits. */
/* All are tried; on failure *failed is one that could not be written. */
MUST_USE int sbx_write_files(struct sbx_job *j, const struct sbx_file *files, size_t n,
                             size_t *failed, struct err *e);
/* Each file in its turn; text is NULL where it could not be read: see why. -1 only when none can be.
 * Where which_name is not NULL, that program is looked up as well: *found as of sbx_which, or NULL. */
typedef void sbx_content_fn(void *ctx, size_t i, const char *text, size_t n, const struct err *why);
struct sbx_look {
    const char *const *paths; /* at most SBX_FILES_MAX */
    size_t n_paths;
    size_t max; /* bytes of each */
    sbx_content_fn *fn;
    void *ctx;
    const char *which_name, *which_list;
};
MUST_USE int sbx_look(struct sbx_job *j, const struct sbx_look *l, char **found, struct err *e);
MUST_USE int sbx_write_file(struct sbx_job *j, const char *path, mode_t mode, const void *p,
                            size_t n, struct err *e);
/* Whether there is one that the job's user can see; links are followed. */
enum sbx_kind { SBX_FILE, SBX_FOLDER };
MUST_USE int sbx_exists(struct sbx_job *j, const char *path, enum sbx_kind kind, bool *out,
                        struct err *e);
MUST_USE int sbx_mkdir(struct sbx_job *j, const char *path, struct err *e); /* with parents */
/* A symbolic link; what is there already under that name stays, and is no failure. */
MUST_USE int sbx_link(struct sbx_job *j, const char *path, const char *target, struct err *e);
MUST_USE int sbx_remove(struct sbx_job *j, const char *path,
                        struct err *e); /* tree, as the job's user */
/* First of PATH in which `name` is executable for the job's user; *out free(). FAIL_NOTFOUND. */
MUST_USE int sbx_which(struct sbx_job *j, const char *name, const char *path_list, char **out,
                       struct err *e);
/* hashFiles: glob walk and digest in a helper inside the job. */
MUST_USE int sbx_hash_files(struct sbx_job *j, const char *root, const struct sv *patterns,
                            size_t n, bool follow, char hex[65], struct err *e);
/* A listening TCP socket on 127.0.0.1:port inside the job's network namespace (network none; policy's
 * service_port only). The worker accepts on it and relays. */
MUST_USE int sbx_listen(struct sbx_job *j, uint16_t port, int *out, struct err *e);
/* Copies the local source below dest (in the job): the entries of listing_fd, a memfd of NUL-terminated paths
 * relative to the source folder (files, links; a folder ending in '/' is copied whole). Reflinks where it can.
 * Asynchronous: SBX_JOB_COPIED. */
MUST_USE int sbx_copy_source(struct sbx_job *j, const char *dest, int listing_fd, uint32_t *id,
                             struct err *e);

#endif
