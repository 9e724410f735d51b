/* SPDX-License-Identifier: Apache-2.0
 *
 * The local workflows that the workflows of a run call: read out of the source as a checkout would bring it (nothing
 * that git ignores, nothing behind a link), with the user's uncommitted changes. Those of other repositories are read
 * by the service, which knows mirrors, cache and network. */
#include "runner/cli/json_make.h"
#include "runner/cli/run_priv.h"

#include "actions/workflow_call.h"
#include "base/fd.h"
#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#define CALLED_MAX_BYTES \
    ((size_t)4 << 20) /* above the reader's own limit, which has the better text */
#define LISTING_MAX  ((size_t)16 << 20)
#define CALLED_DEPTH 10U /* spec expressions 7.1: levels of called workflows */

struct collect {
    const struct run_request *r;
    int top_fd;
    char *listing; /* of the workflow files that belong to the source, NUL-terminated each */
    size_t n;
    json_t *files;
};

static void collect_done(struct collect *c)
{
    fd_close(&c->top_fd);
    free(c->listing);
}

static int list_source(struct collect *c, struct err *e)
{
    static const char *const words[] = {"ls-files",
                                        "-z",
                                        "--cached",
                                        "--others",
                                        "--exclude-standard",
                                        "--",
                                        ".github/workflows",
                                        ".github/workflows-lab",
                                        NULL};

    if (c->listing != NULL)
        return 0;
    c->top_fd = open(c->r->repo.top, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (c->top_fd < 0)
        return err_sys(e, "cannot open the repository '%s'", c->r->repo.top);
    return repo_git(c->r->repo.top, words, LISTING_MAX, &c->listing, &c->n, e);
}

static bool is_listed(const struct collect *c, const char *path)
{
    for (const char *p = c->listing; p < c->listing + c->n; p += strlen(p) + 1)
        if (strcmp(p, path) == 0)
            return true;
    return false;
}

/* The text of a file of the source; false: there is none, which the service tells with its place. */
static bool read_source(const struct collect *c, const char *path, struct buf *out)
{
    AUTO(auto_fd) int fd = -1;
    char chunk[16384];
    struct stat st;
    struct err e; /* not there, or not to be read: as if it were not there */
    ssize_t n;

    if (!is_listed(c, path) ||
        fs_open_beneath(c->top_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0, true,
                        &fd, &e) < 0 ||
        fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    while ((n = fd_read_full(fd, chunk, sizeof chunk, &e)) > 0 && !out->over)
        buf_add(out, chunk, (size_t)n);
    return n == 0 && !out->over;
}

static int collect(struct collect *c, const struct wf *w, unsigned depth, struct err *e)
{
    for (size_t i = 0; depth < CALLED_DEPTH && i < w->n_jobs; i++) {
        AUTO(buf_free) struct buf name = BUF_INIT(4096);
        AUTO(buf_free) struct buf text = BUF_INIT(CALLED_MAX_BYTES);
        AUTO(wf_errors_free) struct wf_errors errors = {.n = 0};
        AUTO(auto_wf) struct wf *called = NULL;
        struct wf_call_name parts;
        struct err bad; /* told by the service, as errors of the caller */
        if (w->jobs[i].uses.n == 0)
            continue;
        wf_call_resolve(sv_of(w->file), w->jobs[i].uses, &name);
        wf_call_split(buf_sv(&name), &parts);
        if (name.over || parts.owner.n > 0 || json_object_get(c->files, name.p) != NULL)
            continue;
        if (list_source(c, e) < 0)
            return -1;
        if (!read_source(c, name.p, &text))
            continue;
        jm_set(c->files, name.p, jx_str_new(buf_sv(&text)));
        if (wf_parse(buf_sv(&text), name.p, &called, &errors, &bad) == 0 &&
            collect(c, called, depth + 1, e) < 0)
            return -1;
    }
    return 0;
}

int run_called_files(const struct run_request *r, const struct workflow *w, json_t **files,
                     struct err *e)
{
    AUTO(collect_done)
    struct collect c = {.r = r, .top_fd = -1, .files = json_object()};

    if (collect(&c, w->wf, 1, e) < 0) {
        json_decref(c.files);
        return err_wrap(e, "%s", w->path);
    }
    *files = c.files;
    return 0;
}

struct collected {
    json_t *files;
    bool elsewhere; /* a file of another repository was asked for */
};

static int read_collected(void *ctx, struct sv name, struct buf *out, struct err *e)
{
    struct collected *c = ctx;
    AUTO(auto_free) char *key = sv_dup(name);
    const json_t *text = json_object_get(c->files, key);
    struct wf_call_name parts;

    wf_call_split(name, &parts);
    if (parts.owner.n > 0)
        c->elsewhere = true;
    if (!json_is_string(text))
        return err_set(e, FAIL_NOTFOUND,
                       "there is no such file in the repository; is it ignored by git?");
    buf_add(out, json_string_value(text), json_string_length(text));
    return 0;
}

int run_load_calls(const struct run_request *r, const struct workflow *w, struct wf **out,
                   struct wf_errors *errors, struct err *e)
{
    AUTO(auto_json) json_t *files = NULL;
    AUTO(auto_wf) struct wf *wf = NULL;
    struct collected c = {.files = NULL};
    const struct wf_loader l = {.ctx = &c, .read = read_collected, .owner = sv_of(r->repo.owner)};
    const struct sv text = {w->text, w->n};

    if (run_called_files(r, w, &files, e) < 0 || wf_parse(text, w->path, &wf, errors, e) < 0)
        return -1;
    c.files = files;
    if (wf_load_calls(wf, &l, NULL, errors, e) < 0) {
        if (!c.elsewhere)
            return -1;
        wf_errors_free(errors);
        *errors = (struct wf_errors){.n = 0};
        wf_free(TAKE_PTR(wf));
        if (wf_parse(text, w->path, &wf, errors, e) < 0)
            return -1;
    }
    *out = TAKE_PTR(wf);
    return 0;
}
