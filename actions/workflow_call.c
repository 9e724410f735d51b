/* SPDX-License-Identifier: Apache-2.0
 *
 * Loads called workflows (spec expressions 7.1). Source: actions/runner:
 * src/Sdk/WorkflowParser/Conversion/{ReusableWorkflowsLoader,YamlTemplateLoader}.cs. */
#include "actions/workflow_call.h"

#include <stdlib.h>

#include "actions/workflow_priv.h"
#include "base/mem.h"

#define MAX_NAME ((size_t)1 << 20)

struct text {
    struct buf b;
    bool loaded;
};

struct load {
    struct wf_reader r; /* its file and index change from file to file, the rest counts on */
    const struct wf_loader *loader;
    struct wf *top;     /* has the file table */
    struct text *texts; /* of the files of the table, so that each is asked for once */
    size_t cap_texts;
};

/* The number of the name in the file table, from 1, case ignored as there. 0 after an error. */
static unsigned number_of(struct load *l, const struct tok *uses, struct sv name)
{
    struct wf *top = l->top;
    size_t n = top->n_files;

    for (size_t i = 0; i < n; i++) {
        if (sv_ieq(sv_of(top->files[i]), name))
            return (unsigned)i + 1;
    }
    if (n >= l->r.opt->max_files) {
        wf_stop(&l->r, WF_NOWHERE, uses->line, uses->col,
                "The maximum file count of %u has been exceeded", l->r.opt->max_files);
        return 0;
    }
    top->files = xreallocarray(top->files, n + 1, sizeof(char *));
    top->files[n] = sv_dup(name);
    l->r.n_files = ++top->n_files;
    l->r.files = top->files;
    wf_count_string(&l->r, name);
    GROW(l->texts, l->cap_texts, n + 1);
    l->texts[n] = (struct text){.b = BUF_INIT(4 * l->r.opt->max_file_size + 4)};
    return (unsigned)n + 1;
}

static const struct text *text_of(struct load *l, const struct tok *uses, unsigned number)
{
    struct text *t = &l->texts[number - 1];
    struct sv name = sv_of(l->top->files[number - 1]);
    struct err e = {0};

    if (t->loaded)
        return t;
    if (l->loader->read(l->loader->ctx, name, &t->b, &e) < 0 ||
        buf_done(&t->b, "the file", &e) < 0) {
        wf_error_at(&l->r, uses, "Unable to find reusable workflow '" SV_FMT "': %s", SV_ARG(name),
                    err_whole(&e));
        return NULL;
    }
    t->loaded = true;
    return t;
}

/* Errors that do not name the calling file get it in front (2.6). */
static void name_caller(struct load *l, const struct tok *uses)
{
    struct wf_errors *list = l->r.errors;
    struct sv caller = sv_of(l->top->files[uses->file - 1]);

    for (size_t i = 0; i < list->n; i++) {
        AUTO(buf_free) struct buf b = BUF_INIT((size_t)8 << 20);
        struct wf_error *x = &list->v[i];
        wf_error_message(x, &b);
        if (!sv_starts(buf_sv(&b), caller))
            x->caller = xasprintf("In " SV_FMT " (Line: %u, Col: %u): Error from called workflow",
                                  SV_ARG(caller), uses->line, uses->col);
    }
}

static bool is_trusted(const struct load *l, struct sv name)
{
    struct wf_call_name at;

    wf_call_split(name, &at);
    return at.owner.n == 0 || (l->loader->owner.n > 0 && sv_ieq(at.owner, l->loader->owner));
}

static void load_file(struct load *l, struct wf_job *job)
{
    const struct tok *uses = job->uses_token;
    AUTO(buf_free) struct buf name = BUF_INIT(MAX_NAME);

    wf_call_resolve(sv_of(l->top->files[uses->file - 1]), job->uses, &name);
    unsigned number = number_of(l, uses, buf_sv(&name));
    if (number == 0)
        return;
    const struct text *t = text_of(l, uses, number);
    if (t == NULL)
        return;
    l->r.file = l->top->files[number - 1];
    l->r.index = number;
    l->r.trusted = is_trusted(l, sv_of(l->r.file));
    job->called = wf_read_file(&l->r, buf_sv(&t->b), job);
}

/* Recursion is bounded by max_nested. */
static void load_job(struct load *l, struct wf_job *job, unsigned depth)
{
    if (job->uses.n == 0)
        return;
    if (depth > l->r.opt->max_nested) {
        wf_stop(&l->r, WF_NOWHERE, job->uses_token->line, job->uses_token->col,
                "Nested reusable workflow depth exceeded %u.", l->r.opt->max_nested);
        return;
    }
    load_file(l, job);
    name_caller(l, job->uses_token);
    for (size_t i = 0; l->r.errors->n == 0 && i < job->called->n_jobs; i++)
        load_job(l, &job->called->jobs[i], depth + 1);
}

/* The reader of the cases counted jobs when all files were loaded; today the one that is too many is named. */
static void check_job_count(struct wf_reader *r)
{
    if (r->opt->edition == WF_EDITION_CASES && r->opt->max_jobs > 0 && r->jobs > r->opt->max_jobs)
        wf_error_in(r, WF_NOWHERE, 1, 1, "The workflow may not contain more than %u jobs",
                    r->opt->max_jobs);
}

int wf_load_calls(struct wf *w, const struct wf_loader *loader, const struct wf_options *o,
                  struct wf_errors *errors, struct err *e)
{
    struct load l = {.loader = loader, .top = w};

    l.r = (struct wf_reader){
        .file = w->file,
        .index = 1,
        .errors = errors,
        .opt = o != NULL ? o : &wf_default_options,
        .files = w->files,
        .n_files = w->n_files,
        .bytes = w->bytes,
        .jobs = w->all_jobs,
    };
    GROW(l.texts, l.cap_texts, 1);
    l.texts[0] = (struct text){.b = BUF_INIT(4 * l.r.opt->max_file_size + 4)};
    for (size_t i = 0; !l.r.opt->skip_calls && errors->n == 0 && i < w->n_jobs; i++)
        load_job(&l, &w->jobs[i], 1);
    if (errors->n == 0)
        check_job_count(&l.r);
    for (size_t i = 0; i < w->n_files; i++)
        buf_free(&l.texts[i].b);
    free(l.texts);
    w->bytes = l.r.bytes;
    w->all_jobs = l.r.jobs;
    if (errors->n > 0)
        return wf_errors_summary(errors, w->file, e);
    return 0;
}

const struct wf_job *wf_job_at(const struct wf *w, struct sv path, bool *unread)
{
    const struct wf_job *j = NULL;
    struct sv id;

    BUG(w == NULL);
    *unread = false;
    while (sv_next(&path, '/', &id)) {
        if (w == NULL) {
            *unread = j->uses.n > 0;
            return NULL;
        }
        j = wf_job(w, id);
        if (j == NULL)
            return NULL;
        w = j->called;
    }
    return j;
}
