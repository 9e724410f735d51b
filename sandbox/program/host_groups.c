/* SPDX-License-Identifier: Apache-2.0
 *
 * Groups of the caller that stay effective in a job of level single: a user namespace with one id must give up
 * setgroups(), so nobody can take them away (sandbox.md 3.4.3). */
#include "sandbox/program/build.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/num.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define GROUP_FILE_BYTES (1U << 20)

/* Those that give more than their name says: root by another way, devices, other people's files. */
static bool is_strong(struct sv name)
{
    static const char *const strong[] = {"docker",         "podman", "lxd",    "libvirt", "kvm",
                                         "disk",           "adm",    "shadow", "sudo",    "wheel",
                                         "systemd-journal"};

    for (size_t i = 0; i < sizeof strong / sizeof strong[0]; i++)
        if (sv_is(name, strong[i]))
            return true;
    return false;
}

static bool is_ours(const gid_t *own, int n, uint64_t gid)
{
    for (int i = 0; i < n; i++)
        if (own[i] == gid)
            return true;
    return gid == getegid();
}

void host_groups(char *dst, size_t size)
{
    AUTO(auto_free) char *text = NULL;
    gid_t own[NGROUPS_MAX > 1024 ? 1024 : NGROUPS_MAX];
    int n_own = getgroups((int)(sizeof own / sizeof own[0]), own);
    struct err ignored; /* no such file: no names, and groups without one are not on the list */
    struct sv rest, line, name, gid;
    size_t len, used = 0;
    uint64_t id;

    dst[0] = '\0';
    if (fs_read_file(AT_FDCWD, "/etc/group", GROUP_FILE_BYTES, &text, &len, &ignored) < 0)
        return;
    rest = (struct sv){text, len};
    while (sv_next(&rest, '\n', &line)) { /* name:password:gid:members */
        (void)sv_next(&line, ':', &name);
        (void)sv_next(&line, ':', &gid);
        (void)sv_next(&line, ':', &gid);
        if (!is_strong(name) || num_u64(gid, UINT32_MAX, &id, &ignored) < 0 ||
            !is_ours(own, n_own, id) || used + name.n + 2 > size)
            continue;
        used += (size_t)snprintf(dst + used, size - used, "%s" SV_FMT, used > 0 ? "," : "",
                                 SV_ARG(name));
    }
}
