/* SPDX-License-Identifier: Apache-2.0
 *
 * Path text, and Gantry's places. */
#include "base/path.h"

#include "base/fs.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

char *path_join(const char *a, const char *b)
{
    size_t n = strlen(a);

    if (b[0] == '/' || n == 0)
        return xstrdup(b);
    if (b[0] == '\0')
        return xstrdup(a);
    return xasprintf("%s%s%s", a, a[n - 1] == '/' ? "" : "/", b);
}

char *path_clean(struct sv p)
{
    bool absolute = p.n > 0 && p.p[0] == '/';
    char *out = xmalloc(p.n + 2);
    size_t n = 0, floor; /* ".." never goes below floor */
    struct sv rest = {p.p != NULL ? p.p : "", p.n}, part;

    if (absolute)
        out[n++] = '/';
    floor = n;
    while (sv_next(&rest, '/', &part)) {
        if (part.n == 0 || sv_is(part, "."))
            continue;
        if (sv_is(part, "..")) {
            if (n > floor) {
                while (n > floor && out[n - 1] != '/')
                    n--;
                if (n > floor)
                    n--; /* the slash */
                continue;
            }
            if (absolute)
                continue;
        }
        if (n > 0 && out[n - 1] != '/')
            out[n++] = '/';
        memcpy(out + n, part.p, part.n);
        n += part.n;
        if (sv_is(part, ".."))
            floor = n;
    }
    if (n == 0)
        out[n++] = '.';
    out[n] = '\0';
    return out;
}

static struct sv strip_slashes(struct sv p)
{
    while (p.n > 1 && p.p[p.n - 1] == '/')
        p.n--;
    return p;
}

struct sv path_base(struct sv p)
{
    p = strip_slashes(p);
    size_t at = sv_rchr(p, '/');

    return at == SV_NPOS || p.n == 1 ? p : sv_sub(p, at + 1, p.n);
}

struct sv path_dir(struct sv p)
{
    p = strip_slashes(p);
    size_t at = sv_rchr(p, '/');

    if (at == SV_NPOS)
        return SV(".");
    return strip_slashes(sv_sub(p, 0, at > 0 ? at : 1));
}

/* The kernel's limits (NAME_MAX, PATH_MAX); the depth is ours. */
#define MAX_COMPONENT 255
#define MAX_PATH      4095
#define MAX_DEPTH     64

int path_from_untrusted(struct sv p, char **out, struct err *e)
{
    struct sv rest = p, part;
    size_t depth = 0;

    if (p.n == 0)
        return err_set(e, FAIL_INPUT, "path is empty");
    if (p.n > MAX_PATH)
        return err_set(e, FAIL_LIMIT, "path is longer than %d bytes", MAX_PATH);
    if (p.p[0] == '/')
        return err_set(e, FAIL_INPUT, "path '%.*s' is not relative", SV_ARG(p));
    if (sv_chr(p, '\0') != SV_NPOS)
        return err_set(e, FAIL_INPUT, "path has a NUL byte in it");
    while (sv_next(&rest, '/', &part)) {
        if (part.n == 0 || sv_is(part, "."))
            continue;
        if (sv_is(part, ".."))
            return err_set(e, FAIL_INPUT, "path '%.*s' has '..' in it", SV_ARG(p));
        if (part.n > MAX_COMPONENT)
            return err_set(e, FAIL_LIMIT, "a name in the path is longer than %d bytes",
                           MAX_COMPONENT);
        if (++depth > MAX_DEPTH)
            return err_set(e, FAIL_LIMIT, "path is deeper than %d folders", MAX_DEPTH);
    }
    if (depth == 0)
        return err_set(e, FAIL_INPUT, "path '%.*s' names nothing", SV_ARG(p));
    *out = path_clean(p);
    return 0;
}

struct place {
    const char *own;  /* below GANTRY_HOME */
    const char *root; /* FHS */
    const char *xdg;  /* variable */
    const char *home; /* its default, below the home folder */
    const char *tail; /* below the XDG folder */
};
/* Source: XDG Base Directory Specification 0.8; FHS 3.0. */
static const struct place places[] = {
    [PATH_CONFIG] = {"config", "/etc/gantry", "XDG_CONFIG_HOME", ".config", "gantry"},
    [PATH_STATE] = {"state", "/var/lib/gantry", "XDG_STATE_HOME", ".local/state", "gantry"},
    [PATH_JOBS] = {"jobs", "/var/lib/gantry/jobs", "XDG_STATE_HOME", ".local/state", "gantry/jobs"},
    [PATH_CACHE] = {"cache", "/var/cache/gantry", "XDG_CACHE_HOME", ".cache", "gantry"},
    /* Without a runtime folder of the session the sockets lie with the state. */
    [PATH_RUNTIME] = {"run", "/run/gantry", "XDG_RUNTIME_DIR", ".local/state", "gantry/run"},
};

static const char *env_path(const char *name)
{
    const char *v = getenv(name);

    return v != NULL && v[0] == '/' ? v : NULL; /* relative ones are to be ignored, says XDG */
}

static int home_folder(char **out, struct err *e)
{
    const char *home = env_path("HOME");
    struct passwd pw, *found = NULL;
    char text[4096];

    if (home == NULL && getpwuid_r(geteuid(), &pw, text, sizeof text, &found) == 0 &&
        found != NULL && pw.pw_dir != NULL && pw.pw_dir[0] == '/')
        home = pw.pw_dir;
    if (home == NULL)
        return err_set(e, FAIL_INPUT, "no home folder; set HOME or GANTRY_HOME");
    *out = xstrdup(home);
    return 0;
}

static int place_text(const struct place *p, char **out, struct err *e)
{
    const char *own = getenv("GANTRY_HOME"), *xdg = env_path(p->xdg);
    AUTO(auto_free) char *home = NULL;

    if (own != NULL && own[0] != '\0') {
        if (own[0] != '/')
            return err_set(e, FAIL_INPUT, "GANTRY_HOME '%s' is not an absolute path", own);
        *out = path_join(own, p->own);
    } else if (geteuid() == 0) {
        *out = xstrdup(p->root);
    } else if (xdg != NULL) {
        *out = path_join(xdg, strcmp(p->own, "run") == 0 ? "gantry" : p->tail);
    } else {
        if (home_folder(&home, e) < 0)
            return -1;
        *out = xasprintf("%s/%s/%s", home, p->home, p->tail);
    }
    return 0;
}

int path_place(enum path_kind kind, char **out, struct err *e)
{
    AUTO(auto_free) char *path = NULL;

    if (place_text(&places[kind], &path, e) < 0)
        return -1;
    if (fs_mkdir_all(AT_FDCWD, path, 0700, e) < 0)
        return -1;
    *out = TAKE_PTR(path);
    return 0;
}
