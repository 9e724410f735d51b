/* SPDX-License-Identifier: Apache-2.0
 *
 * The local workflows that the workflows of a run call: read out of the source as a checkout would bring it (nothing
 * that git ignores, nothing behind a link), with the user's uncommitted changes. Those of other repositories are read
 * by the service, which knows mirrors, cache and network. */
#include "runner/cli/json_make.h"
#include "runner/cli/run_priv.h"
#include "runner/cli/source_files.h"

#include "actions/workflow_call.h"
#include "base/mem.h"

#include <jansson.h>

#define CALLED_MAX_BYTES \
    ((size_t)4 << 20)    /* above the reader's own limit, which has the better text */
#define CALLED_DEPTH 10U /* spec expressions 7.1: levels of called workflows */

struct collect {
    struct source_files source;
    json_t *files;
};

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
        int found = source_files_read(&c->source, name.p, &text, e);
        if (found < 0)
            return -1;
        if (found == 0) /* which the service tells with its place */
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
    struct collect c = {.source = SOURCE_FILES_INIT(r->repo.top), .files = json_object()};
    int rc = collect(&c, w->wf, 1, e);

    source_files_done(&c.source);
    if (rc < 0) {
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
