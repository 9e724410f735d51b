/* SPDX-License-Identifier: Apache-2.0
 *
 * The workflow files of a run: found, read, and matched against the event. */
#include "runner/cli/run_priv.h"

#include "actions/event.h"
#include "actions/nearest.h"
#include "actions/workflow_call.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/path.h"
#include "runner/cli/json_make.h"
#include "runner/cli/render.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>

#define WORKFLOW_MAX_BYTES (8U << 20) /* above the reader's own limit, which has the better text */
#define FOLDER             ".github/workflows"
#define PATHS_MAX          10000U /* Ours: jobs that are listed; files may call one another many times */

void workflows_done(struct workflows *w)
{
    for (size_t i = 0; i < w->n; i++) {
        free(w->v[i].path);
        free(w->v[i].text);
        wf_free(w->v[i].wf);
        wf_free(w->v[i].with_calls);
        json_decref(w->v[i].errors);
        event_why_done(&w->v[i].why);
    }
    free(w->v);
    *w = (struct workflows){.v = NULL};
}

void print_workflow_error(struct sv file, int64_t line, int64_t col, struct sv text)
{
    AUTO(buf_free) struct buf b = BUF_INIT(16384);

    buf_adds(&b, "gantry: error: ");
    render_safe(&b, file, false);
    if (line > 0)
        buf_addf(&b, ":%lld", (long long)line);
    if (line > 0 && col > 0)
        buf_addf(&b, ":%lld", (long long)col);
    buf_adds(&b, ": ");
    for (struct sv s = text, part; sv_next(&s, '\n', &part);) {
        render_safe(&b, part, false);
        if (s.p != NULL)
            buf_addc(&b, ' ');
    }
    (void)fprintf(stderr, "%s\n", b.p);
}

/* The names of the events of a workflow, for a message. */
static char *event_names(const struct wf *w)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1024);

    for (size_t i = 0; i < w->n_events; i++)
        buf_addf(&b, "%s" SV_FMT, i > 0 ? ", " : "", SV_ARG(w->events[i]));
    return xstrdup(b.p);
}

/* Prints the errors of a file and keeps them for --list. */
static void keep_errors(struct workflow *w, const struct wf_errors *errors, const struct err *why)
{
    w->errors = json_array();
    for (size_t i = 0; i < errors->n; i++) {
        const struct wf_error *one = &errors->v[i];
        json_t *o = json_object();
        print_workflow_error(sv_of(one->file != NULL ? one->file : w->path), one->line, one->col,
                             sv_of(wf_error_plain(one)));
        jm_set(o, "line", json_integer(one->line));
        jm_set(o, "column", json_integer(one->col));
        jm_set(o, "message", jx_str_new(sv_of(wf_error_plain(one))));
        BUG(json_array_append_new(w->errors, o) < 0);
    }
    if (errors->n == 0) {
        char text[sizeof why->ctx + ERR_MAX_TEXT];
        json_t *o = json_object();
        err_print(why);
        jm_set(o, "message", jx_str_new(sv_of(err_text(why, text, sizeof text))));
        BUG(json_array_append_new(w->errors, o) < 0);
    }
}

static int add(struct run_request *r, const char *path, struct err *e)
{
    AUTO(wf_errors_free) struct wf_errors errors = {.whole = true};
    struct workflow *w;
    struct workflow n = {.wf = NULL};
    AUTO(auto_free) char *full = path_join(r->repo.top, path);
    struct err why = {0};

    if (fs_read_file(AT_FDCWD, full, WORKFLOW_MAX_BYTES, &n.text, &n.n, e) < 0)
        return -1;
    n.path = xstrdup(path);
    GROW(r->workflows.v, r->workflows.cap, r->workflows.n + 1);
    w = &r->workflows.v[r->workflows.n++];
    *w = n;
    if (wf_parse((struct sv){w->text, w->n}, w->path, &w->wf, &errors, &why) < 0) {
        w->wf = NULL;
        r->workflows.invalid++;
        keep_errors(w, &errors, &why);
    }
    return 0;
}

/* The path of a -W file, relative to the repository: as given from here, from the top, or by its name alone. */
static int find_named(const struct run_request *r, const char *name, char **out, struct err *e)
{
    AUTO(auto_free) char *here = realpath(name, NULL);
    AUTO(auto_free) char *top = realpath(r->repo.top, NULL);
    AUTO(auto_free) char *from_top = path_join(r->repo.top, name);
    AUTO(auto_free) char *in_folder = xasprintf("%s/" FOLDER "/%s", r->repo.top, name);
    size_t n = top != NULL ? strlen(top) : 0;

    if (here != NULL && n > 0 && strncmp(here, top, n) == 0 && here[n] == '/')
        *out = xstrdup(here + n + 1);
    else if (name[0] != '/' && fs_exists(AT_FDCWD, from_top))
        *out = xstrdup(name);
    else if (fs_exists(AT_FDCWD, in_folder))
        *out = xasprintf(FOLDER "/%s", name);
    else if (here != NULL)
        *out = xstrdup(here);
    else
        return err_set(
            e, FAIL_INPUT,
            "cannot find the workflow file '%.160s'; gantry run --list shows those of the "
            "repository",
            name);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_folder(const struct run_request *r, struct strv *out, struct err *e)
{
    AUTO(auto_free) char *folder = path_join(r->repo.top, FOLDER);
    DIR *d = opendir(folder);
    const struct dirent *ent;

    if (d == NULL && errno != ENOENT)
        return err_sys(e, "cannot read the folder '%s'", folder);
    while (d != NULL && (ent = readdir(d)) != NULL) {
        struct sv name = sv_of(ent->d_name);
        if (sv_ends(name, SV(".yml")) || sv_ends(name, SV(".yaml")))
            strv_addf(out, FOLDER "/%s", ent->d_name);
    }
    if (d != NULL)
        (void)closedir(d);
    qsort(out->v, out->n, sizeof *out->v, by_name);
    if (out->n == 0)
        return err_set(e, FAIL_INPUT,
                       "'%.160s' holds no workflow file; write one or name one with -W", folder);
    return 0;
}

/* -W is the user's choice: the event must be one of the workflow's, but its filters are not asked. */
static void decide(struct run_request *r, struct workflow *w, bool named, const struct event *ev)
{
    AUTO(auto_free) char *events = NULL;

    if (!wf_has_event(w->wf, sv_of(r->event.name))) {
        events = event_names(w->wf);
        w->why.text = xasprintf("runs for %s", events);
    } else if (named) {
        w->matches = true;
        w->why.text = xstrdup("named with -W, its filters are not asked");
    } else {
        w->matches = event_matches(w->wf, ev, &w->why);
    }
}

/* The message of the commit that the event is about: a push has it in its payload. */
static struct sv head_message(const struct run_request *r)
{
    const json_t *p = r->event.payload;
    struct sv head = jx_str(jx_get(jx_get(p, "pull_request"), "head"), "sha", "");

    if (jx_get(p, "head_commit") != NULL)
        return jx_str(jx_get(p, "head_commit"), "message", "");
    return sv_is(head, r->repo.sha) ? sv_of(r->repo.message) : SV("");
}

static int decide_all(struct run_request *r, bool named, struct err *e)
{
    AUTO(auto_free) char *text = NULL;
    AUTO(auto_val) struct val *payload = val_from_json(r->event.payload);
    const char **paths = NULL;
    /* A schedule that nobody named is any. */
    bool made_up =
        strcmp(r->event.name, "schedule") == 0 && args_text(r->args, "event-path") == NULL;
    struct event ev = {
        .name = sv_of(r->event.name),
        .ref = sv_of(r->event.ref),
        .base_ref = sv_of(r->event.base_ref),
        .action = sv_of(r->event.action),
        .message = head_message(r),
        .n_commits = json_array_size(jx_get(r->event.payload, "commits")),
        .payload = made_up ? NULL : payload,
    };
    struct err ignored; /* a diff that cannot be made: path filters pass */
    bool asked = false;
    const struct workflow *valid = NULL;
    size_t running = 0, n_valid = r->workflows.n - r->workflows.invalid;

    for (size_t i = 0; i < r->workflows.n && !named; i++)
        asked |= r->workflows.v[i].wf != NULL && event_asks_paths(r->workflows.v[i].wf, ev.name);
    if (asked && repo_changed(&r->repo, &text, &paths, &ev.n_paths, &ignored) == 0)
        ev.paths = paths;
    for (size_t i = 0; i < r->workflows.n; i++) {
        struct workflow *w = &r->workflows.v[i];
        if (w->wf == NULL)
            continue;
        decide(r, w, named, &ev);
        running += w->matches;
        valid = w;
    }
    free(paths);
    if (running > 0 || args_flag(r->args, "list"))
        return 0;
    if (n_valid == 1 && valid != NULL)
        return err_set(e, FAIL_INPUT, "%s: does not run for event %.60s: %s", valid->path,
                       r->event.name, valid->why.text);
    const char *meant = nearest_name(sv_of(r->event.name), wf_event_names());
    if (meant != NULL && strcmp(meant, r->event.name) != 0)
        return err_set(e, FAIL_INPUT, "there is no event '%.60s'; did you mean '%s'?",
                       r->event.name, meant);
    return err_set(e, FAIL_INPUT,
                   "none of %zu workflows runs for event %.60s on %.100s; gantry run --list shows "
                   "why",
                   n_valid, r->event.name, r->event.ref);
}

/* ---- jobs ---- */

static const struct wf *known(const struct workflow *w)
{
    return w->with_calls != NULL ? w->with_calls : w->wf;
}

/* As deep as calls may be nested. */
static void add_paths(const struct wf *w, const char *prefix, struct strv *out)
{
    for (size_t i = 0; i < w->n_jobs; i++) {
        AUTO(auto_free) char *path = xasprintf("%s" SV_FMT, prefix, SV_ARG(w->jobs[i].id));
        strv_add(out, path);
        if (w->jobs[i].called != NULL && out->n < PATHS_MAX) {
            AUTO(auto_free) char *inner = xasprintf("%s/", path);
            add_paths(w->jobs[i].called, inner, out);
        }
    }
}

void workflow_paths(const struct workflow *w, struct strv *out)
{
    if (known(w) != NULL)
        add_paths(known(w), "", out);
}

/* -j "call / build", as a log shows it, is "call/build". free() */
static char *job_path(const char *text)
{
    AUTO(buf_free) struct buf b = BUF_INIT(65536);
    struct sv rest = sv_of(text), id;

    while (sv_next(&rest, '/', &id)) {
        buf_addc(&b, '/');
        buf_addsv(&b, sv_trim(id));
    }
    return sv_dup(sv_sub(buf_sv(&b), 1, SV_NPOS));
}

/* What a called workflow that cannot be read here holds is found out when it runs. */
static bool has_job(const struct workflow *w, const char *path)
{
    bool unread = false;

    return wf_job_at(known(w), sv_of(path), &unread) != NULL || unread;
}

/* The wanted jobs (-j) that a workflow has. */
struct strv workflow_jobs(const struct run_request *r, const struct workflow *w)
{
    const struct strv *wanted = args_list(r->args, "j");
    struct strv out = STRV_INIT;

    for (size_t i = 0; i < wanted->n; i++) {
        AUTO(auto_free) char *path = job_path(wanted->v[i]);
        if (has_job(w, path))
            strv_add(&out, path);
    }
    return out;
}

/* Whether jobs of called workflows are asked for. */
static bool asks_calls(const struct run_request *r)
{
    const struct strv *wanted = args_list(r->args, "j");
    bool asks = args_flag(r->args, "list");

    for (size_t i = 0; i < wanted->n; i++)
        asks = asks || strchr(wanted->v[i], '/') != NULL;
    return asks;
}

/* Errors of called workflows are errors of those that call them: as in a run they stop the file. */
static void load_calls(struct run_request *r)
{
    for (size_t i = 0; i < r->workflows.n; i++) {
        struct workflow *w = &r->workflows.v[i];
        AUTO(wf_errors_free) struct wf_errors errors = {.whole = true};
        struct err why = {0};
        bool calls = false;
        for (size_t k = 0; w->wf != NULL && k < w->wf->n_jobs; k++)
            calls = calls || w->wf->jobs[k].uses.n > 0;
        if (!calls || run_load_calls(r, w, &w->with_calls, &errors, &why) == 0)
            continue;
        wf_free(w->wf);
        w->wf = NULL;
        r->workflows.invalid++;
        keep_errors(w, &errors, &why);
    }
}

static int no_such_job(const struct run_request *r, const char *wanted, struct err *e)
{
    AUTO(strv_free) struct strv all = STRV_INIT;
    AUTO(auto_free) char *path = job_path(wanted);

    for (size_t i = 0; i < r->workflows.n; i++)
        if (r->workflows.v[i].matches)
            workflow_paths(&r->workflows.v[i], &all);
    const char *meant = all.n > 0 ? nearest_name(sv_of(path), (const char *const *)all.v) : NULL;
    for (size_t i = 0; meant == NULL && i < all.n; i++) { /* without its caller, or with another */
        if (sv_ieq(path_base(sv_of(all.v[i])), path_base(sv_of(path))))
            meant = all.v[i];
    }
    return err_set(
        e, FAIL_INPUT,
        "-j: no workflow that runs has a job '%.100s'%s%.100s%s; gantry run --list shows "
        "them",
        wanted, meant != NULL ? "; did you mean '" : "", meant != NULL ? meant : "",
        meant != NULL ? "'?" : "");
}

/* -j: only the workflows that have one of the jobs run, and each job must be in one of them. */
static int check_jobs(struct run_request *r, struct err *e)
{
    const struct strv *wanted = args_list(r->args, "j");

    for (size_t i = 0; i < wanted->n; i++) {
        AUTO(auto_free) char *path = job_path(wanted->v[i]);
        bool found = false;
        for (size_t k = 0; k < r->workflows.n; k++)
            found |= r->workflows.v[k].matches && has_job(&r->workflows.v[k], path);
        if (!found && !asks_calls(r))
            load_calls(r); /* what was meant may be there */
        if (!found)
            return no_such_job(r, wanted->v[i], e);
    }
    for (size_t k = 0; wanted->n > 0 && k < r->workflows.n; k++) {
        struct workflow *w = &r->workflows.v[k];
        AUTO(strv_free) struct strv has = STRV_INIT;
        if (!w->matches)
            continue;
        has = workflow_jobs(r, w);
        w->matches = has.n > 0;
        if (has.n == 0) {
            event_why_done(&w->why);
            w->why.text = xstrdup("has none of the jobs of -j");
        }
    }
    return 0;
}

/* A person starts one workflow by hand; and what was given to it is right before anything runs. */
static int check_dispatch(const struct run_request *r, bool named, struct err *e)
{
    AUTO(buf_free) struct buf paths = BUF_INIT(1U << 20);
    size_t n = 0;

    if (strcmp(r->event.name, "workflow_dispatch") != 0)
        return 0;
    for (size_t i = 0; i < r->workflows.n; i++)
        if (r->workflows.v[i].matches)
            buf_addf(&paths, "%s%s", n++ > 0 ? ", " : "", r->workflows.v[i].path);
    if (n > 1 && !named)
        return err_set(e, FAIL_INPUT,
                       "workflow_dispatch starts one workflow, and %zu can be started so: %.400s; "
                       "choose one with -W FILE",
                       n, paths.p);
    for (size_t i = 0; i < r->workflows.n; i++) {
        AUTO(auto_val) struct val *inputs = NULL;
        if (r->workflows.v[i].matches && run_inputs(r, &r->workflows.v[i], &inputs, e) < 0)
            return -1;
    }
    return 0;
}

int workflows_status(const struct run_request *r, int status)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1U << 20);
    size_t n = r->workflows.invalid;

    if (n == 0 || status > EXIT_USAGE)
        return status;
    buf_addf(&b, "gantry: error: %zu workflow file%s invalid (see above) and did not run: ", n,
             n == 1 ? " is" : "s are");
    for (size_t i = 0, seen = 0; i < r->workflows.n; i++)
        if (r->workflows.v[i].wf == NULL) {
            buf_adds(&b, seen++ > 0 ? ", " : "");
            render_safe(&b, sv_of(r->workflows.v[i].path), false);
        }
    (void)fprintf(stderr, "%s\n", b.p);
    return EXIT_USAGE;
}

int workflows_read(struct run_request *r, struct err *e)
{
    const struct strv *named = args_list(r->args, "W");
    const bool list = args_flag(r->args, "list");
    AUTO(strv_free) struct strv paths = STRV_INIT;

    for (size_t i = 0; i < named->n; i++) {
        char *path;
        if (find_named(r, named->v[i], &path, e) < 0)
            return -1;
        strv_own(&paths, path);
    }
    if (named->n == 0 && list_folder(r, &paths, e) < 0)
        return -1;
    for (size_t i = 0; i < paths.n; i++)
        if (add(r, paths.v[i], e) < 0)
            return -1;
    if (asks_calls(r))
        load_calls(r);
    if (!list && r->workflows.invalid > 0 &&
        (named->n > 0 || r->workflows.invalid == r->workflows.n)) { /* printed already */
        *e = (struct err){.code = FAIL_INPUT};
        return -1;
    }
    if (decide_all(r, named->n > 0, e) < 0)
        return -1;
    if (list)
        return 0;
    return check_jobs(r, e) < 0 ? -1 : check_dispatch(r, named->n > 0, e);
}
