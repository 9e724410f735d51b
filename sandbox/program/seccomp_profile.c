/* SPDX-License-Identifier: Apache-2.0
 *
 * The filters of a step: a profile that lists what is allowed (anything else is EPERM), and a small guard, loaded
 * after it, for what must be looked at by argument or must be ENOSYS (sandbox.md 3.9). What is allowed follows the
 * rules of moby's default for a process with the bounding set of 3.10; native architecture only, so that 32-bit
 * and x32 calls end the process. */
#include "sandbox/program/seccomp_profile.h"

#include "base/fd.h"
#include "base/mem.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Allowed whatever the arguments. A name that libseccomp or the architecture does not know is left out. */
static const char *const allowed[] = {
    "accept",
    "accept4",
    "access",
    "adjtimex",
    "alarm",
    "arch_prctl",
    "bind",
    "brk",
    "cachestat",
    "capget",
    "capset",
    "chdir",
    "chmod",
    "chown",
    "chroot",
    "clock_adjtime",
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "close",
    "close_range",
    "connect",
    "copy_file_range",
    "creat",
    "dup",
    "dup2",
    "dup3",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "eventfd",
    "eventfd2",
    "execve",
    "execveat",
    "exit",
    "exit_group",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fallocate",
    "fanotify_mark",
    "fchdir",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "fchown",
    "fchownat",
    "fcntl",
    "fdatasync",
    "fgetxattr",
    "flistxattr",
    "flock",
    "fork",
    "fremovexattr",
    "fsetxattr",
    "fstat",
    "fstatfs",
    "fsync",
    "ftruncate",
    "futex",
    "futex_requeue",
    "futex_wait",
    "futex_waitv",
    "futex_wake",
    "futimesat",
    "get_robust_list",
    "get_thread_area",
    "getcpu",
    "getcwd",
    "getdents",
    "getdents64",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getitimer",
    "getpeername",
    "getpgid",
    "getpgrp",
    "getpid",
    "getppid",
    "getpriority",
    "getrandom",
    "getresgid",
    "getresuid",
    "getrlimit",
    "getrusage",
    "getsid",
    "getsockname",
    "getsockopt",
    "gettid",
    "gettimeofday",
    "getuid",
    "getxattr",
    "inotify_add_watch",
    "inotify_init",
    "inotify_init1",
    "inotify_rm_watch",
    "io_cancel",
    "io_destroy",
    "io_getevents",
    "io_pgetevents",
    "io_setup",
    "io_submit",
    "ioctl",
    "ioprio_get",
    "ioprio_set",
    "kill",
    "landlock_add_rule",
    "landlock_create_ruleset",
    "landlock_restrict_self",
    "lchown",
    "lgetxattr",
    "link",
    "linkat",
    "listen",
    "listxattr",
    "llistxattr",
    "lremovexattr",
    "lseek",
    "lsetxattr",
    "lstat",
    "madvise",
    "map_shadow_stack",
    "membarrier",
    "memfd_create",
    "memfd_secret",
    "mincore",
    "mkdir",
    "mkdirat",
    "mknod",
    "mknodat",
    "mlock",
    "mlock2",
    "mlockall",
    "mmap",
    "modify_ldt",
    "mprotect",
    "mq_getsetattr",
    "mq_notify",
    "mq_open",
    "mq_timedreceive",
    "mq_timedsend",
    "mq_unlink",
    "mremap",
    "msgctl",
    "msgget",
    "msgrcv",
    "msgsnd",
    "msync",
    "munlock",
    "munlockall",
    "munmap",
    "nanosleep",
    "newfstatat",
    "open",
    "openat",
    "openat2",
    "pause",
    "pidfd_open",
    "pidfd_send_signal",
    "pipe",
    "pipe2",
    "pkey_alloc",
    "pkey_free",
    "pkey_mprotect",
    "poll",
    "ppoll",
    "prctl",
    "pread64",
    "preadv",
    "preadv2",
    "prlimit64",
    "process_mrelease",
    "process_vm_readv",
    "process_vm_writev",
    "pselect6",
    "ptrace",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "read",
    "readahead",
    "readlink",
    "readlinkat",
    "readv",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "remap_file_pages",
    "removexattr",
    "rename",
    "renameat",
    "renameat2",
    "restart_syscall",
    "rmdir",
    "rseq",
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigqueueinfo",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "rt_tgsigqueueinfo",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "sched_getaffinity",
    "sched_getattr",
    "sched_getparam",
    "sched_getscheduler",
    "sched_rr_get_interval",
    "sched_setaffinity",
    "sched_setattr",
    "sched_setparam",
    "sched_setscheduler",
    "sched_yield",
    "seccomp",
    "select",
    "semctl",
    "semget",
    "semop",
    "semtimedop",
    "sendfile",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "set_robust_list",
    "set_thread_area",
    "set_tid_address",
    "setfsgid",
    "setfsuid",
    "setgid",
    "setgroups",
    "setitimer",
    "setpgid",
    "setpriority",
    "setregid",
    "setresgid",
    "setresuid",
    "setreuid",
    "setrlimit",
    "setsid",
    "setsockopt",
    "setuid",
    "setxattr",
    "shmat",
    "shmctl",
    "shmdt",
    "shmget",
    "shutdown",
    "sigaltstack",
    "signalfd",
    "signalfd4",
    "socket",
    "socketpair",
    "splice",
    "stat",
    "statfs",
    "statx",
    "symlink",
    "symlinkat",
    "sync",
    "sync_file_range",
    "syncfs",
    "sysinfo",
    "tee",
    "tgkill",
    "time",
    "timer_create",
    "timer_delete",
    "timer_getoverrun",
    "timer_gettime",
    "timer_settime",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_settime",
    "times",
    "tkill",
    "truncate",
    "umask",
    "uname",
    "unlink",
    "unlinkat",
    "utime",
    "utimensat",
    "utimes",
    "vfork",
    "vmsplice",
    "wait4",
    "waitid",
    "write",
    "writev",
};

/* Values of personality(2) that moby allows; 0xffffffff only reads it. */
static const uint32_t personalities[] = {0, 8, 0x20000, 0x20008, 0xffffffff};

/* The seven CLONE_NEW* flags of clone(2) (not TIME). clone3 hides its flags behind a pointer and is ENOSYS, upon
 * which libc falls back to clone. */
#define CLONE_NEW_MASK 0x7E020000U

static int add_rules(scmp_filter_ctx ctx)
{
    int r = 0;

    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        int nr = seccomp_syscall_resolve_name(allowed[i]);

        if (nr >= 0 && (r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0)) < 0)
            return r;
    }
    for (size_t i = 0; i < sizeof personalities / sizeof personalities[0]; i++) {
        r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffffU, personalities[i]));
        if (r < 0)
            return r;
    }
    r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                         SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEW_MASK, 0));
    if (r < 0)
        return r;
    return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

/* libseccomp 2.5 exports to descriptors only. */
static int export(scmp_filter_ctx ctx, struct sock_fprog *out, struct err *e)
{
    AUTO(auto_fd) int fd = memfd_create("gantry-seccomp", MFD_CLOEXEC);
    struct sock_filter *code;
    struct stat st;
    size_t n;
    int r;

    if (fd < 0)
        return err_sys(e, "memfd_create");
    r = seccomp_export_bpf(ctx, fd);
    if (r < 0 || fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return err_set(e, FAIL_INTERNAL, "SBX-SECCOMP: cannot export the filter");
    n = (size_t)st.st_size / sizeof *code;
    if (n == 0 || n > BPF_MAXINSNS)
        return err_set(e, FAIL_INTERNAL, "SBX-SECCOMP: the filter has %zu instructions", n);
    code = xcalloc(n, sizeof *code);
    if (fd_read_full(fd, code, n * sizeof *code, e) != (ssize_t)(n * sizeof *code)) {
        free(code);
        return err_set(e, FAIL_INTERNAL, "SBX-SECCOMP: cannot read the filter back");
    }
    *out = (struct sock_fprog){.len = (unsigned short)n, .filter = code};
    return 0;
}

int seccomp_profile_compile(struct sock_fprog *out, struct err *e)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int r;

    if (ctx == NULL)
        return err_set(e, FAIL_UNSUPPORTED, "SBX-SECCOMP: libseccomp does not work here");
    /* A binary tree over the call numbers, instead of one comparison after the other. */
    r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (r == 0)
        r = add_rules(ctx);
    if (r < 0)
        r = err_set(e, FAIL_INTERNAL, "SBX-SECCOMP: cannot build the filter: %s",
                    strerrordesc_np(-r));
    else
        r = export(ctx, out, e);
    seccomp_release(ctx);
    return r;
}

/* ---- guard ---- */

#if defined(__x86_64__)
#    define GUARD_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#    define GUARD_ARCH AUDIT_ARCH_AARCH64
#else
#    error "no seccomp guard for this architecture"
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/* Low half of an argument: the kernel looks at 32 bits of these, so a comparison of 64 could be fooled. */
#define LOAD_ARG(n)    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[n]))
#define EQ(v, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (v), (yes), (no))
#define GE(v, yes, no) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (v), (yes), (no))
#define GT(v, yes, no) BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (v), (yes), (no))
#define ANSWER(errno_) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (errno_))
#define ALLOW          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Highest call number that libseccomp knows here: above it libc must see ENOSYS, or it does not fall back. */
static uint32_t highest_known(void)
{
    for (int nr = 1023; nr > 0; nr--) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);
        bool known = name != NULL;

        free(name);
        if (known)
            return (uint32_t)nr;
    }
    return 1023;
}

/* Jumps are relative to the next instruction; the labels below count from the start. */
#define TO(label, here) ((uint8_t)((label) - (here)-1))
enum { DO_IOCTL = 9, DO_SOCKET = 12, DO_ALLOW = 24, DO_ENOSYS, DO_EPERM, DO_AF, DO_PROTO };

void seccomp_guard_compile(struct sock_fprog *out)
{
    const struct sock_filter code[] = {
        [0] = LOAD(arch),
        [1] = EQ(GUARD_ARCH, 0, TO(DO_ALLOW, 1)), /* a foreign one is the profile's to kill */
        [2] = LOAD(nr),
        [3] = GE(0x40000000U, TO(DO_ALLOW, 3), 0), /* x32 too */
        [4] = GT(highest_known(), TO(DO_ENOSYS, 4), 0),
        [5] = EQ(SYS_ioctl, TO(DO_IOCTL, 5), 0),
        [6] = EQ(SYS_socket, TO(DO_SOCKET, 6), 0),
        [7] = EQ(SYS_socketpair, TO(DO_SOCKET, 7), 0),
        [8] = ALLOW,
        [DO_IOCTL] = LOAD_ARG(1),
        [10] = EQ(0x5412, TO(DO_EPERM, 10), 0),                /* TIOCSTI */
        [11] = EQ(0x541C, TO(DO_EPERM, 11), TO(DO_ALLOW, 11)), /* TIOCLINUX */
        [DO_SOCKET] = LOAD_ARG(0),
        [13] = EQ(17, TO(DO_AF, 13), 0),    /* PACKET */
        [14] = EQ(21, TO(DO_AF, 14), 0),    /* RDS */
        [15] = EQ(30, TO(DO_AF, 15), 0),    /* TIPC */
        [16] = EQ(31, TO(DO_AF, 16), 0),    /* BLUETOOTH */
        [17] = EQ(38, TO(DO_AF, 17), 0),    /* ALG */
        [18] = EQ(40, TO(DO_AF, 18), 0),    /* VSOCK */
        [19] = EQ(16, 0, TO(DO_ALLOW, 19)), /* NETLINK */
        [20] = LOAD(nr),
        [21] = EQ(SYS_socket, 0, TO(DO_ALLOW, 21)),
        [22] = LOAD_ARG(2),
        [23] = EQ(12, TO(DO_PROTO, 23), 0), /* NETFILTER */
        [DO_ALLOW] = ALLOW,
        [DO_ENOSYS] = ANSWER(ENOSYS),
        [DO_EPERM] = ANSWER(EPERM),
        [DO_AF] = ANSWER(EAFNOSUPPORT),
        [DO_PROTO] = ANSWER(EPROTONOSUPPORT),
    };
    struct sock_filter *copy = xcalloc(sizeof code / sizeof code[0], sizeof code[0]);

    memcpy(copy, code, sizeof code);
    *out = (struct sock_fprog){.len = sizeof code / sizeof code[0], .filter = copy};
}
