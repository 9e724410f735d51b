/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker's own walls. The list of system calls is what libcurl, libwebsockets, libarchive and glibc need to
 * talk, to keep files and to run threads: nothing that starts a program, mounts, traces or changes ids. What is
 * not on it fails with ENOSYS, which libraries take as "an old kernel". */
#include "runner/worker/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "runner/worker/worker.h"

#if defined(__SANITIZE_ADDRESS__)
#    define UNDER_SANITIZER 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define UNDER_SANITIZER 1
#    endif
#endif
#ifndef UNDER_SANITIZER
#    define UNDER_SANITIZER 0
#endif

/* ---- Landlock ---- */

#define READ_ACCESS                                               \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | \
     LANDLOCK_ACCESS_FS_EXECUTE) /* execute: mapping libraries of NSS */
#define WRITE_ACCESS                                                                              \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                              \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
     LANDLOCK_ACCESS_FS_MAKE_SYM)
/* Everything that the first version of the interface handles: bits 0 to 12. */
#define HANDLED_V1 ((1ULL << 13) - 1)
#ifdef LANDLOCK_ACCESS_FS_TRUNCATE /* version 3 */
#    define TRUNCATE_ACCESS LANDLOCK_ACCESS_FS_TRUNCATE
#else
#    define TRUNCATE_ACCESS (1ULL << 14)
#endif
#define FILE_ACCESS                                                                              \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE | \
     TRUNCATE_ACCESS)

static const char *const readable[] = {
    "/etc",
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/var/lib/ca-certificates",
    "/proc/self",
    "/proc/sys/kernel",
    "/sys/devices/system/cpu",
    "/dev/urandom",
#if UNDER_SANITIZER
    "/proc",
#endif
};

/* Missing paths are skipped: what is not there cannot be read. */
static int allow(int ruleset, const char *path, uint64_t access, uint64_t handled, struct err *e)
{
    AUTO(auto_fd) int fd = open(path, O_PATH | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return 0;
    if (fstat(fd, &st) < 0)
        return err_sys(e, "cannot stat '%s'", path);
    if (!S_ISDIR(st.st_mode))
        access &= FILE_ACCESS;
    struct landlock_path_beneath_attr rule = {.allowed_access = access & handled, .parent_fd = fd};
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
        return err_sys(e, "cannot allow '%s' in Landlock", path);
    return 0;
}

/* 1 in force, 0 this kernel has no Landlock. */
static int restrict_files(const struct confine *c, struct err *e)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    uint64_t handled = HANDLED_V1;

    if (version < 1)
        return 0;
    if (version >= 3)
        handled |= TRUNCATE_ACCESS;
    struct landlock_ruleset_attr attr = {.handled_access_fs = handled};
    AUTO(auto_fd) int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset < 0)
        return err_sys(e, "cannot make a Landlock rule set");
    for (size_t i = 0; i < sizeof readable / sizeof readable[0]; i++)
        if (allow(ruleset, readable[i], READ_ACCESS, handled, e) < 0)
            return -1;
    for (const char *const *p = c->readable_extra; p != NULL && *p != NULL; p++)
        if (allow(ruleset, *p, READ_ACCESS, handled, e) < 0)
            return -1;
    if (allow(ruleset, "/dev/null", READ_ACCESS | WRITE_ACCESS, handled, e) < 0 ||
        allow(ruleset, c->writable, READ_ACCESS | WRITE_ACCESS | TRUNCATE_ACCESS, handled, e) < 0)
        return -1;
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        return err_sys(e, "cannot enter the Landlock rule set");
    return 1;
}

/* ---- seccomp ---- */

static const int calls[] = {
    /* files */
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(preadv),
    SCMP_SYS(pwritev),
    SCMP_SYS(close),
    SCMP_SYS(close_range),
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(openat2),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(statfs),
    SCMP_SYS(fstatfs),
    SCMP_SYS(lseek),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(getdents64),
    SCMP_SYS(getcwd),
    SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(symlinkat),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(fchmod),
    SCMP_SYS(fchmodat),
    SCMP_SYS(utimensat),
    SCMP_SYS(umask),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(flock),
    SCMP_SYS(fcntl),
    SCMP_SYS(ioctl),
    SCMP_SYS(dup),
    SCMP_SYS(dup2),
    SCMP_SYS(dup3),
    SCMP_SYS(pipe),
    SCMP_SYS(pipe2),
    SCMP_SYS(copy_file_range),
    SCMP_SYS(sendfile),
    SCMP_SYS(splice),
    SCMP_SYS(memfd_create),
    SCMP_SYS(fadvise64),
    /* memory, threads, time */
    SCMP_SYS(brk),
    SCMP_SYS(mmap),
    SCMP_SYS(mprotect),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(mlock),
    SCMP_SYS(munlock),
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(get_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(membarrier),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(tgkill),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigpending),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(arch_prctl),
    SCMP_SYS(prctl),
    SCMP_SYS(getrandom),
    SCMP_SYS(getrusage),
    SCMP_SYS(getrlimit),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
    SCMP_SYS(times),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(getresuid),
    SCMP_SYS(getresgid),
    /* waiting and the network */
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
    SCMP_SYS(epoll_create),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(eventfd2),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(timerfd_gettime),
    SCMP_SYS(signalfd4),
    SCMP_SYS(socketpair),
    SCMP_SYS(connect),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(bind),
    SCMP_SYS(sendto),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(shutdown),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(setsockopt),
    SCMP_SYS(getsockopt),
#if UNDER_SANITIZER /* the leak checker traces its own process */
    SCMP_SYS(ptrace),
    SCMP_SYS(wait4),
    SCMP_SYS(clone),
    SCMP_SYS(kill),
    SCMP_SYS(personality),
    SCMP_SYS(prlimit64),
    SCMP_SYS(socket),
    SCMP_SYS(mincore),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(sched_setaffinity),
    SCMP_SYS(getdents),
#endif
};

/* Calls that depend on an argument: threads but no processes, known address families, own limits only. */
static int add_narrow(scmp_filter_ctx f)
{
    /* Not AF_UNIX: Landlock does not stand before sockets in the file system, and those of an engine or of the
     * user's service manager start programs. Resolvers that use one take ENOSYS as "not there" and ask DNS. */
    static const int families[] = {AF_INET, AF_INET6, AF_NETLINK};

    if (UNDER_SANITIZER)
        return 0;
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        int r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                                 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i], 0));
        if (r < 0)
            return r;
    }
    int r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    if (r < 0)
        return r;
    return seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A0(SCMP_CMP_EQ, 0, 0));
}

static int restrict_calls(struct err *e)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    int r = f == NULL ? -ENOMEM : 0;

    for (size_t i = 0; r >= 0 && i < sizeof calls / sizeof calls[0]; i++)
        r = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
    if (r >= 0)
        r = add_narrow(f);
    if (r >= 0)
        r = seccomp_load(f);
    if (f != NULL)
        seccomp_release(f);
    if (r < 0) {
        errno = -r;
        return err_sys(e, "cannot load the worker's seccomp list");
    }
    return 0;
}

void worker_no_dump(void)
{
    if (!UNDER_SANITIZER) /* the leak checker reads the process */
        proc_no_dump();
}

int confine_self(const struct confine *c, const char **facts, struct err *e)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_sys(e, "cannot set no_new_privs");
    int files = restrict_files(c, e);
    if (files < 0 || restrict_calls(e) < 0)
        return -1;
    *facts = files > 0 ? "landlock,seccomp" : "seccomp";
    return 0;
}
