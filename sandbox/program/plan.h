/* SPDX-License-Identifier: Apache-2.0
 *
 * One job as the launcher was told to build it, and the box that came out of it, as init knows it. */
#ifndef SANDBOX_PROGRAM_PLAN_H
#define SANDBOX_PROGRAM_PLAN_H

#include "sandbox/wire.h"

#include "base/strv.h"

#include <linux/filter.h>
#include <stdint.h>

/* Walls that a test build can leave out, to show that a probe notices (GANTRY_SANDBOX_OFF). */
enum wall { WALL_USERNS2 = 1U, WALL_SECCOMP = 2U, WALL_MOUNTS = 4U, SEAM_DISK = 8U };

/* Ids of level full. The range is what U2 maps; the two behind it belong to nobody else. */
#define RANGE_IDS    65536U
#define RANGE_STRIDE 131072U

struct plan {
    uint32_t id;
    enum sbx_level require;
    enum sbx_level level; /* chosen */
    enum sbx_net network;
    char *job_dir;
    struct strv host_dirs;
    char *hostname;
    char *service_host;
    uint16_t service_port;
    uint64_t max_processes;
    bool allow_sudo;
    bool nested_userns;
    bool keep_groups;
    char *worker_path;
    struct strv worker_env;
    uint32_t worker_uid;
    int channel_fd;
    int source_fd;
    bool upper_on_disk; /* the job's changes of the host folders; chosen */
    unsigned off;       /* enum wall */
};
MUST_USE int plan_read(struct ipc_in *in, struct plan *p, struct err *e);
void plan_done(struct plan *p);
/* A folder of the host that may be shown: absolute, clean, not the root, not one of the job's own. */
MUST_USE int plan_check_host_dir(const char *dir, struct err *e);

/* What no plan may exceed (struct sbx_limits). Without it (set = false) everything may be asked for. */
struct limits {
    bool set;
    enum sbx_level least;
    char *jobs_dir;
    struct strv host_dirs;
    char *worker_path;
    uint32_t first_uid, n_uids;
    bool keep_groups;
};
#define LIMITS_INIT            \
    (struct limits)            \
    {                          \
        .host_dirs = STRV_INIT \
    }
MUST_USE int limits_read(struct ipc_in *in, struct limits *m, struct err *e);
void limits_done(struct limits *m);
/* The same for a worker alone. */
MUST_USE int worker_within(const char *path, uint32_t uid, const struct limits *m, struct err *e);
MUST_USE int plan_within(const struct plan *p, const struct limits *m, struct err *e);

/* What init and its children know. Filled by the launcher's child before any job code exists. */
struct box {
    enum sbx_level level;
    enum sbx_net network;
    char facts[512];
    char work[256], temp[256], actions[256], home[256], tools[256], actions_host[256];
    uint16_t service_port;
    uint64_t max_processes;
    bool allow_sudo;
    bool no_new_privs;
    unsigned walls_off;               /* test builds: enum wall */
    int source_fd;                    /* -1 = none */
    int lock_fd;                      /* the locked job folder: locked as long as init lives */
    int user_ns, mount_ns;            /* U2; -1 at level none */
    uint32_t file_uid;                /* the job's user as U1 sees it */
    uint32_t step_uid;                /* the job's user as U2 sees it */
    const struct sock_fprog *profile; /* NULL = none (level none) */
    const struct sock_fprog *guard;
};

#endif
