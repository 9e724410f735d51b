/* SPDX-License-Identifier: Apache-2.0
 *
 * passwd and group are the host's (packages look their system users up there) without whoever has the job user's
 * name or number; shadow has no password at all; sudoers is ours. */
#include "sandbox/program/etc.h"

#include "base/fd.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define ETC_FILE_BYTES ((size_t)1 << 20)

const char *const etc_hidden[] = {
    "shadow",    "shadow-", "gshadow",    "gshadow-",   "ssh",         "ssl/private", "sudoers",
    "sudoers.d", "gantry",  "kubernetes", "machine-id", "krb5.keytab", NULL,
};

static void read_text(const char *path, struct buf *b)
{
    AUTO(auto_free) char *text = NULL;
    struct err e;
    size_t n;

    /* A host without the file is fine; one that is too large to be real is left out. */
    if (fs_read_file(AT_FDCWD, path, ETC_FILE_BYTES, &text, &n, &e) == 0)
        buf_add(b, text, n);
}

/* Copies the lines of passwd or group but those of the job's user. */
static void copy_accounts(struct sv text, struct buf *out, struct buf *shadow)
{
    struct sv line;

    while (sv_next(&text, '\n', &line)) {
        struct sv rest = line;
        struct sv name, password, id;
        uint64_t number;
        struct err e;

        if (!sv_next(&rest, ':', &name) || !sv_next(&rest, ':', &password) ||
            !sv_next(&rest, ':', &id) || num_u64(id, UINT32_MAX, &number, &e) < 0)
            continue; /* NIS entries and the like mean nothing in the job */
        if (sv_is(name, "runner") || number == SBX_STEP_UID)
            continue;
        buf_addf(out, SV_FMT "\n", SV_ARG(line));
        if (shadow != NULL)
            buf_addf(shadow, SV_FMT ":*:19000:0:99999:7:::\n", SV_ARG(name));
    }
}

void etc_read(struct etc *t)
{
    AUTO(buf_free) struct buf text = BUF_INIT(ETC_FILE_BYTES);

    *t = (struct etc){.passwd = BUF_INIT(2 * ETC_FILE_BYTES),
                      .group = BUF_INIT(2 * ETC_FILE_BYTES),
                      .shadow = BUF_INIT(2 * ETC_FILE_BYTES),
                      .hosts = BUF_INIT(ETC_FILE_BYTES),
                      .resolv = BUF_INIT(ETC_FILE_BYTES)};
    read_text("/etc/passwd", &text);
    copy_accounts(buf_sv(&text), &t->passwd, &t->shadow);
    buf_adds(&t->passwd, "runner:x:1001:1001:runner:" SBX_HOME ":" SBX_SHELL "\n");
    buf_adds(&t->shadow, "runner:*:19000:0:99999:7:::\n");
    buf_reset(&text);
    read_text("/etc/group", &text);
    copy_accounts(buf_sv(&text), &t->group, NULL);
    buf_adds(&t->group, "runner:x:1001:\n");
    read_text("/etc/hosts", &t->hosts);
    read_text("/etc/resolv.conf", &t->resolv);
}

void etc_done(struct etc *t)
{
    buf_free(&t->passwd);
    buf_free(&t->group);
    buf_free(&t->shadow);
    buf_free(&t->hosts);
    buf_free(&t->resolv);
}

static void put_hosts(const struct etc *t, const struct plan *p, struct buf *b)
{
    buf_addf(b, "127.0.0.1 localhost %s\n::1 localhost ip6-localhost ip6-loopback\n", p->hostname);
    if (p->service_host != NULL)
        buf_addf(b, "127.0.0.1 %s\n", p->service_host);
    if (p->network == SBX_NET_HOST) /* names of the user's own network */
        buf_addsv(b, buf_sv(&t->hosts));
}

size_t etc_files(const struct etc *t, const struct plan *p, struct buf *own, struct etc_file *out)
{
    static const char sudoers[] =
        "Defaults !fqdn\nroot ALL=(ALL:ALL) ALL\nrunner ALL=(ALL:ALL) NOPASSWD:ALL\n";
    size_t n = 0;
    size_t hosts_at;
    size_t name_at = own->len;

    buf_addf(own, "%s\n", p->hostname);
    hosts_at = own->len;
    put_hosts(t, p, own);
    out[n++] = (struct etc_file){"passwd", 0644, buf_sv(&t->passwd)};
    out[n++] = (struct etc_file){"group", 0644, buf_sv(&t->group)};
    out[n++] =
        (struct etc_file){"hostname", 0644, sv_sub(buf_sv(own), name_at, hosts_at - name_at)};
    out[n++] = (struct etc_file){"hosts", 0644, sv_sub(buf_sv(own), hosts_at, own->len)};
    out[n++] = (struct etc_file){"resolv.conf", 0644,
                                 p->network == SBX_NET_HOST ? buf_sv(&t->resolv)
                                                            : SV("# this job has no network\n")};
    if (p->level == SBX_FULL)
        out[n++] = (struct etc_file){"shadow", 0640, buf_sv(&t->shadow)};
    if (p->level == SBX_FULL && p->allow_sudo)
        out[n++] = (struct etc_file){"sudoers", 0440, sv_of(sudoers)};
    return n;
}

static int write_one(int dir, const struct etc_file *f, uint32_t owner, struct err *e)
{
    AUTO(auto_fd) int fd = openat(dir, f->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_sys(e, "cannot write the job's '/etc/%s'", f->name);
    if (fd_write_full(fd, f->text.p, f->text.n, e) < 0)
        return -1;
    if (fchmod(fd, f->mode) < 0 || fchown(fd, owner, owner) < 0)
        return err_sys(e, "cannot set owner and mode of the job's '/etc/%s'", f->name);
    return 0;
}

int etc_write_layer(int dir, const struct etc *t, const struct plan *p, uint32_t owner,
                    struct err *e)
{
    AUTO(buf_free) struct buf own = BUF_INIT(2 * ETC_FILE_BYTES);
    struct etc_file files[ETC_FILES];
    size_t n = etc_files(t, p, &own, files);

    if (mkdirat(dir, "ssl", 0755) < 0 || fchownat(dir, "ssl", owner, owner, 0) < 0)
        return err_sys(e, "cannot make the job's '/etc/ssl'");
    for (size_t i = 0; i < n; i++)
        if (write_one(dir, &files[i], owner, e) < 0)
            return -1;
    if (p->off & WALL_MOUNTS)
        return 0;
    for (const char *const *name = etc_hidden; *name != NULL; name++)
        /* A whiteout: a character device 0:0, which anybody may make since 5.8. */
        if (mknodat(dir, *name, S_IFCHR, makedev(0, 0)) < 0 && errno != EEXIST)
            return err_sys(e, "cannot hide '/etc/%s'", *name);
    return 0;
}
