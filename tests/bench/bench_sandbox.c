/* SPDX-License-Identifier: Apache-2.0
 *
 * Sandbox creation beside bubblewrap with an equal set (namespaces, read-only host folders, masks, dropped capabilities,
 * the same seccomp programs), and a step's start beside posix_spawn of the same program. The two are run alternately
 * and medians of pairs are printed: a busy machine hurts both alike. Use a build with optimisation.
 *
 *     bench_sandbox [ROUNDS]      as root: level full with sudo; as a user: level single */
#include "tests/unit/sandbox/rig.h"

#include "base/clock.h"
#include "base/num.h"
#include "sandbox/program/seccomp_profile.h"

#include <linux/filter.h>
#include <spawn.h>
#include <sys/mman.h>

#define MAX_ROUNDS 1000

struct figures {
    double a[MAX_ROUNDS], b[MAX_ROUNDS], ratio[MAX_ROUNDS];
};

static int by_size(const void *x, const void *y)
{
    double a = *(const double *)x;
    double b = *(const double *)y;

    return a < b ? -1 : a > b;
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, by_size);
    return v[n / 2];
}

static void print(const char *what, const char *beside, struct figures *f, size_t n)
{
    double ratio = median(f->ratio, n);

    printf("%-36s | %6.2f ms | %-22s %6.2f ms | %.2f x\n", what, median(f->a, n), beside,
           median(f->b, n), ratio);
}

static void spawn_wait(char *const *argv)
{
    pid_t pid;
    int status;

    if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) != 0 ||
        waitpid(pid, &status, 0) != pid || status != 0) {
        (void)fprintf(stderr, "bench_sandbox: cannot run '%s'\n", argv[0]);
        exit(1);
    }
}

/* The filter for bwrap's --add-seccomp-fd: read once, so it is put anew for each run. */
static int filter_fd(const struct sock_fprog *f)
{
    int fd = memfd_create("filter", 0);

    if (fd < 0 || write(fd, f->filter, f->len * sizeof *f->filter) < 0 ||
        lseek(fd, 0, SEEK_SET) < 0)
        exit(1);
    return fd;
}

/* What bubblewrap is asked for, but for what differs by run. */
static const char *const fixed[] = {
    "/usr/bin/bwrap",
    "--unshare-all",
    "--die-with-parent",
    "--new-session",
    "--hostname",
    "gantry",
    "--ro-bind",
    "/usr",
    "/usr",
    "--ro-bind",
    "/etc",
    "/etc",
    "--ro-bind",
    "/opt",
    "/opt",
    "--ro-bind",
    "/var/lib/dpkg",
    "/var/lib/dpkg",
    "--symlink",
    "usr/bin",
    "/bin",
    "--symlink",
    "usr/sbin",
    "/sbin",
    "--symlink",
    "usr/lib",
    "/lib",
    "--symlink",
    "usr/lib64",
    "/lib64",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    "--tmpfs",
    "/tmp",
    "--tmpfs",
    "/run",
    "--tmpfs",
    "/dev/shm",
    "--ro-bind",
    "/dev/null",
    "/proc/interrupts",
    "--ro-bind",
    "/dev/null",
    "/proc/keys",
    "--ro-bind",
    "/dev/null",
    "/proc/timer_list",
    "--ro-bind",
    "/dev/null",
    "/proc/kallsyms",
    "--tmpfs",
    "/proc/acpi",
    "--tmpfs",
    "/sys/firmware",
    "--tmpfs",
    "/sys/fs/cgroup",
    "--cap-drop",
    "ALL",
    "--clearenv",
    "--setenv",
    "PATH",
    "/usr/bin:/bin",
};

static void run_bwrap(const struct sock_fprog *profile, const char *home)
{
    const char *argv[128];
    char fd_text[16];
    int fd = filter_fd(profile);
    size_t n = 0;

    for (; n < sizeof fixed / sizeof fixed[0]; n++)
        argv[n] = fixed[n];
    (void)snprintf(fd_text, sizeof fd_text, "%d", fd);
    argv[n++] = "--seccomp";
    argv[n++] = fd_text;
    argv[n++] = "--bind";
    argv[n++] = home;
    argv[n++] = "/home/runner";
    argv[n++] = "/bin/true";
    argv[n] = NULL;
    spawn_wait((char *const *)(uintptr_t)argv);
    (void)close(fd);
}

static struct rig_result res;

static void one_round(struct rig *r, struct sbx_launcher **launcher, double *create, double *step,
                      double *down)
{
    static const char *const argv[] = {"/bin/true", NULL};
    int64_t t0;
    int64_t t1;
    int64_t t2;

    rig_init(r, geteuid() == 0 ? SBX_FULL : SBX_SINGLE);
    r->policy.network = SBX_NET_NONE;
    r->policy.allow_sudo = geteuid() == 0;
    r->worker = BENCH_WORKER; /* a small program, as none is beside bwrap */
    r->launcher = *launcher;
    if (r->launcher == NULL)
        rig_start_launcher(r);
    *launcher = r->launcher;
    t0 = tm_now_us();
    rig_open(r);
    rig_exec(r, argv, false, &res);
    t1 = tm_now_us();
    rig_exec(r, argv, false, &res);
    t2 = tm_now_us();
    rig_close(r);
    *create = (double)(t1 - t0) / 1000;
    *step = (double)(t2 - t1) / 1000;
    *down = (double)(tm_now_us() - t2) / 1000;
    r->launcher = NULL;
    rig_done(r);
}

static double spawned_ms(char *const *argv)
{
    int64_t t = tm_now_us();

    spawn_wait(argv);
    return (double)(tm_now_us() - t) / 1000;
}

int main(int argc, char **argv)
{
    static struct figures create, step, down;
    struct sbx_launcher *launcher = NULL;
    struct sock_fprog profile;
    char name[] = "/bin/true";
    char *true_argv[] = {name, NULL};
    uint64_t rounds = 40;
    char home[] = "/tmp/gantry-bench-XXXXXX";
    struct rig r;
    struct err e = {0};

    if (rig_was_worker(argc, argv))
        return 0;
    if ((argc > 1 && num_u64(sv_of(argv[1]), MAX_ROUNDS, &rounds, &e) < 0) || rounds == 0 ||
        seccomp_profile_compile(&profile, &e) < 0 || mkdtemp(home) == NULL)
        return 2;
    for (size_t warm = 0; warm < 3; warm++) {
        one_round(&r, &launcher, &create.a[0], &step.a[0], &down.a[0]);
        run_bwrap(&profile, home);
    }
    for (size_t i = 0; i < rounds; i++) {
        int64_t t;

        one_round(&r, &launcher, &create.a[i], &step.a[i], &down.a[i]);
        t = tm_now_us();
        run_bwrap(&profile, home);
        create.b[i] = (double)(tm_now_us() - t) / 1000;
        step.b[i] = spawned_ms(true_argv);
        create.ratio[i] = create.a[i] / create.b[i];
        step.ratio[i] = step.a[i] / step.b[i];
    }
    print(geteuid() == 0 ? "sandbox (full, sudo) and /bin/true" : "sandbox (single) and /bin/true",
          "bwrap, equal set", &create, rounds);
    print("step in a standing sandbox", "posix_spawn /bin/true", &step, rounds);
    printf("%-36s | %6.2f ms\n", "tear down an idle job, until GONE", median(down.a, rounds));
    sbx_launcher_free(launcher);
    free(profile.filter);
    (void)rmdir(home);
    return 0;
}
