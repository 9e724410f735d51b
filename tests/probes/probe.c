/* SPDX-License-Identifier: Apache-2.0
 *
 * Attempts to get out of a job, one line of output each: "P07 tmpfs EPERM". Numbers are those of the probe table
 * (sandbox specification, section 5); tests/unit/sandbox/test_probes.c knows what each must answer at which level.
 * Several of these would damage a host, so the program refuses to run outside of a user namespace, and without a
 * token that the test put beside it.
 *
 *     probe TOKEN MARKER       MARKER: path of a file that exists on the host only */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *marker;

/* Zero and more is "ok"; else the name of errno. */
static const char *answer(long r)
{
    return r >= 0 ? "ok" : strerrorname_np(errno);
}

static void say(const char *what, const char *result)
{
    printf("%s %s\n", what, result);
}

static void try(const char *what, long r)
{
    say(what, answer(r));
}

static long opened(const char *path, int flags)
{
    return open(path, flags | O_CLOEXEC);
}

/* ---- files and mounts ---- */

static void p01_to_p06(void)
{
    char below[4096];
    struct stat st;
    gid_t groups[64];
    bool foreign = false;
    int n;

    try("P01 marker", stat(marker, &st));
    try("P02 etc-gantry", stat("/etc/gantry", &st));
    try("P02 state", stat("/var/lib/gantry", &st));
    (void)snprintf(below, sizeof below, "/proc/1/root%s", marker);
    try("P03 root-of-1", stat(below, &st));
    for (int i = 0; i < 64; i++)
        if (chdir("..") < 0)
            break;
    try("P04 dotdot", stat(marker + 1, &st));
    try("P05 docker", stat("/var/run/docker.sock", &st));
    try("P05 containerd", stat("/run/containerd/containerd.sock", &st));
    try("P05 dbus", stat("/run/dbus/system_bus_socket", &st));
    try("P05 fake", stat("/run/gantry-probe.sock", &st));
    n = getgroups(64, groups);
    for (int i = 0; i < n; i++)
        foreign |= groups[i] != getgid();
    say("P06 groups", n < 0 ? "error" : foreign ? "foreign" : "none");
}

static void p07_to_p11(void)
{
    try("P07 tmpfs", mount("tmpfs", "/mnt", "tmpfs", 0, NULL));
    try("P07 proc", mount("proc", "/mnt", "proc", 0, NULL));
    try("P08 mask", umount2("/proc/interrupts", MNT_DETACH));
    try("P08 proc", umount2("/proc", MNT_DETACH));
    try("P09 remount", mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL));
    try("P10 open_tree", syscall(SYS_open_tree, AT_FDCWD, "/etc", 1));
    try("P10 fsopen", syscall(SYS_fsopen, "tmpfs", 0));
    try("P11 pivot_root", syscall(SYS_pivot_root, "/mnt", "/mnt"));
}

static void p12(void)
{
    int old = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    if (chroot("/mnt") < 0) {
        try("P12 chroot", -1);
        return;
    }
    if (fchdir(old) < 0) {
        say("P12 chroot", "no fchdir");
        return;
    }
    for (int i = 0; i < 64; i++)
        if (chdir("..") < 0)
            break;
    try("P12 chroot", stat(marker + 1, &st));
}

static void p13_to_p16(void)
{
    struct {
        struct file_handle head;
        unsigned char bytes[128];
    } h = {.head = {.handle_bytes = 8, .handle_type = 1}};
    int net = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

    try("P13 setns", net < 0 ? -1 : setns(net, CLONE_NEWNET));
    try("P14 ns-of-1", opened("/proc/1/ns/mnt", O_RDONLY));
    try("P15 handle", open_by_handle_at(net, &h.head, O_RDONLY));
    try("P25 block", mknod("/tmp/b", S_IFBLK | 0600, makedev(254, 0)));
    try("P25 mem", mknod("/tmp/m", S_IFCHR | 0600, makedev(1, 1)));
    try("P25 null", mknod("/tmp/n", S_IFCHR | 0600, makedev(1, 3)));
}

static void p17_to_p28(void)
{
    static const char *const writes[][2] = {
        {"P17 core_pattern", "/proc/sys/kernel/core_pattern"},
        {"P18 sysrq", "/proc/sysrq-trigger"},
        {"P19 modprobe", "/proc/sys/kernel/modprobe"},
        {"P22 ip_forward", "/proc/sys/net/ipv4/ip_forward"},
        {"P22 userns", "/proc/sys/user/max_user_namespaces"},
    };
    static const char *const devices[] = {"mem", "kvm", "fuse", "kmsg", "net"};
    bool found = false;
    struct stat st;
    char path[64];

    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        int fd = open(writes[i][1], O_WRONLY | O_CLOEXEC); /* never written to */
        say(writes[i][0], fd >= 0 ? "open" : "refused");
        if (fd >= 0)
            (void)close(fd);
    }
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        (void)snprintf(path, sizeof path, "/dev/%s", devices[i]);
        found |= lstat(path, &st) == 0;
    }
    say("P26 devices", found ? "found" : "none");
    try("P28 syslog", syscall(SYS_syslog, 3, path, sizeof path));
}

/* ---- processes ---- */

static void p29_to_p32(void)
{
    char byte[8];
    struct iovec ours = {byte, sizeof byte};
    struct iovec theirs = {(void *)(uintptr_t)0x10000, sizeof byte};
    int fd;

    try("P29 ptrace", ptrace(PTRACE_ATTACH, 1, NULL, NULL));
    try("P30 vm_readv", process_vm_readv(1, &ours, 1, &theirs, 1, 0));
    try("P31 mem", opened("/proc/1/mem", O_RDONLY));
    fd = (int)opened("/proc/1/environ", O_RDONLY);
    try("P31 environ", fd < 0 ? -1 : read(fd, byte, sizeof byte));
    try("P32 kcmp", syscall(SYS_kcmp, 1, getpid(), 0, 0, 0));
    fd = (int)syscall(SYS_pidfd_open, 1, 0);
    try("P32 getfd", fd < 0 ? -1 : syscall(SYS_pidfd_getfd, fd, 0, 0));
}

static void p33_to_p36(void)
{
    struct dirent *entry;
    char text[64];
    DIR *d = opendir("/proc/self/fd");
    int extra = 0;
    int others = 0;

    for (pid_t pid = 2; pid < 4096; pid++)
        others += getsid(pid) != getsid(0) && kill(pid, 0) == 0;
    (void)snprintf(text, sizeof text, "%d", others);
    say("P33 others", text);
    try("P33 pid-1", kill(1, 0));
    while (d != NULL && (entry = readdir(d)) != NULL)
        extra += entry->d_name[0] != '.' && strcmp(entry->d_name, "0") != 0 &&
                 strcmp(entry->d_name, "1") != 0 && strcmp(entry->d_name, "2") != 0;
    (void)snprintf(text, sizeof text, "%d", extra - (d != NULL)); /* the listing has one itself */
    say("P34 descriptors", text);
    try("P35 exe", readlink("/proc/1/exe", text, sizeof text));
    try("P35 fd", opened("/proc/1/fd", O_RDONLY | O_DIRECTORY) < 0
                      ? -1
                      : (opendir("/proc/1/fd") == NULL ? -1 : 0));
    try("P36 keyctl", syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL));
    try("P36 add_key", syscall(SYS_add_key, "user", "gantry", "x", 1, KEY_SPEC_PROCESS_KEYRING));
}

/* ---- the kernel's surface ---- */

static void p37_to_p43(void)
{
    try("P37 userns", unshare(CLONE_NEWUSER));
    try("P37 mntns", unshare(CLONE_NEWNS));
    try("P38 clone3", syscall(SYS_clone3, NULL, 0));
    try("P39 clone", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL));
    try("P40 io_uring", syscall(SYS_io_uring_setup, 1, NULL));
    try("P40 userfaultfd", syscall(SYS_userfaultfd, 1));
    try("P40 bpf", syscall(SYS_bpf, 0, NULL, 0));
    try("P40 perf", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
    try("P42 unknown", syscall(999));
}

static void p44_p45(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    char byte = 'x';

    if (master < 0) {
        try("P44 pty", -1);
        return;
    }
    try("P44 tiocsti", ioctl(master, 0x5412, &byte));
    try("P44 tiocsti-high", syscall(SYS_ioctl, master, 0x100005412UL, &byte));
    byte = 2;
    try("P45 tioclinux", ioctl(master, 0x541C, &byte));
}

static void p48_to_p65(void)
{
    struct timespec t = {1, 0};
    struct timex x = {.modes = ADJ_TICK, .tick = 10000};

    try("P48 settime", syscall(SYS_clock_settime, CLOCK_REALTIME, &t));
    try("P48 adjtimex", adjtimex(&x));
    try("P49 hostname", sethostname("x", 1));
    say("P52 bounding", prctl(PR_CAPBSET_READ, 21, 0, 0, 0) == 0 ? "0" : "1");
    try("P65 alg", socket(38, SOCK_SEQPACKET, 0));
    try("P65 vsock", socket(40, SOCK_STREAM, 0));
    try("P65 packet", socket(17, SOCK_RAW, 0));
    try("P65 nfnetlink", socket(16, SOCK_RAW, 12));
}

/* Last, since at level single it reaches what serves the job. */
static void p47(void)
{
    try("P47 kill-1", kill(1, SIGKILL));
    try("P47 term-all", kill(-1, SIGTERM));
}

static bool in_user_namespace(void)
{
    char text[64] = "";
    int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    size_t at = 0;
    char squeezed[64];

    if (fd >= 0)
        (void)close(fd);
    if (n <= 0)
        return false;
    for (const char *s = text; *s != '\0' && *s != '\n'; s++)
        if (*s != ' ' || (at > 0 && squeezed[at - 1] != ' '))
            squeezed[at++] = *s;
    squeezed[at] = '\0';
    return strcmp(squeezed, "0 0 4294967295") != 0;
}

/* Each group in a child of its own: one that succeeds must not help the next. */
static void run(void (*group)(void))
{
    pid_t pid = fork();

    if (pid == 0) {
        (void)alarm(5);
        group();
        (void)fflush(stdout);
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, NULL, 0) != pid)
        printf("group failed\n");
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    static void (*const groups[])(void) = {p01_to_p06, p07_to_p11, p12,        p13_to_p16,
                                           p17_to_p28, p29_to_p32, p33_to_p36, p37_to_p43,
                                           p44_p45,    p48_to_p65, p47};

    struct sigaction ignore = {.sa_handler = SIG_IGN};

    if (argc != 3 || !in_user_namespace() || access(argv[1], R_OK) < 0 || argv[2][0] != '/') {
        (void)fputs("probe: only inside a sandbox under test, with its token\n", stderr);
        return 2;
    }
    marker = argv[2];
    (void)sigaction(SIGTERM, &ignore, NULL); /* P47 sends it to all that it may */
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        run(groups[i]);
    return 0;
}
