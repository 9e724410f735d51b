/* SPDX-License-Identifier: Apache-2.0
 *
 * `gantry run --list` and `--graph`: what there is, what waits for what. */
#include "runner/cli/json_make.h"
#include "runner/cli/run_priv.h"

#include "base/mem.h"
#include "runner/cli/render.h"

#include <jansson.h>

void show_safe(struct sv s)
{
    AUTO(buf_free) struct buf b = BUF_INIT(65536);

    render_safe(&b, s, false);
    (void)fputs(b.p, stdout);
}

static const char *name_of(const struct workflow *w)
{
    return w->wf != NULL && w->wf->name != NULL && w->wf->name->kind == TOK_STRING
               ? w->wf->name->text.p
               : w->path;
}

/* "CI (.github/workflows/ci.yml)", or the path alone where there is no name. */
void show_title(const struct workflow *w)
{
    show_safe(sv_of(name_of(w)));
    if (name_of(w) != w->path)
        (void)printf(" (%s)", w->path);
}

/* ---- --list ---- */

/* Which filters decided, and by which pattern. */
static void list_why(const struct event_why *w, json_t *o)
{
    json_t *filters = json_array();

    for (size_t i = 0; i < w->n; i++) {
        const struct event_filter *f = &w->v[i];
        json_t *one = json_object();
        jm_set(one, "filter", jm_text(f->filter));
        jm_set(one, "pattern", f->pattern != NULL ? jm_text(f->pattern) : json_null());
        jm_set(one, "value", jm_text(f->value));
        jm_set(one, "line", f->line > 0 ? json_integer(f->line) : json_null());
        BUG(json_array_append_new(filters, one) < 0);
    }
    jm_set(o, "reason", w->text != NULL ? jm_text(w->text) : json_null());
    jm_set(o, "filters", filters);
}

static void list_json(const struct run_request *r)
{
    for (size_t i = 0; i < r->workflows.n; i++) {
        const struct workflow *w = &r->workflows.v[i];
        AUTO(auto_json) json_t *o = json_object();
        AUTO(buf_free) struct buf b = BUF_INIT(1U << 20);
        json_t *events = json_array(), *jobs = json_array();
        for (size_t k = 0; w->wf != NULL && k < w->wf->n_events; k++)
            BUG(json_array_append_new(events, jx_str_new(w->wf->events[k])) < 0);
        AUTO(strv_free) struct strv paths = STRV_INIT;
        if (w->wf != NULL)
            workflow_paths(w, &paths);
        for (size_t k = 0; k < paths.n; k++)
            BUG(json_array_append_new(jobs, jx_str_new(sv_of(paths.v[k]))) < 0);
        if (w->errors != NULL)
            BUG(json_object_set(o, "errors", w->errors) < 0);
        BUG(json_object_set_new(o, "workflow", jx_str_new(sv_of(name_of(w)))) < 0);
        BUG(json_object_set_new(o, "path", jx_str_new(sv_of(w->path))) < 0);
        BUG(json_object_set_new(o, "events", events) < 0);
        BUG(json_object_set_new(o, "jobs", jobs) < 0);
        BUG(json_object_set_new(o, "runs", json_boolean(w->matches)) < 0);
        list_why(&w->why, o);
        jx_write(&b, o);
        (void)printf("%s\n", b.p);
    }
}

/* "call, call / build": as logs show them, and as -j takes them. */
static void list_jobs(const struct workflow *w)
{
    AUTO(strv_free) struct strv paths = STRV_INIT;

    workflow_paths(w, &paths);
    for (size_t k = 0; k < paths.n; k++) {
        struct sv rest = sv_of(paths.v[k]), id;
        for (bool first = true; sv_next(&rest, '/', &id); first = false) {
            (void)printf("%s", !first ? " / " : k > 0 ? ", " : "");
            show_safe(id);
        }
    }
}

int run_list(const struct run_request *r)
{
    if (args_flag(r->args, "json")) {
        list_json(r);
        return r->workflows.invalid > 0 ? EXIT_USAGE : EXIT_OK;
    }
    for (size_t i = 0; i < r->workflows.n; i++) {
        const struct workflow *w = &r->workflows.v[i];
        (void)printf("%s%s", i > 0 ? "\n" : "", w->path);
        if (w->wf == NULL) {
            (void)printf("\n  invalid, never runs: %zu error%s\n", json_array_size(w->errors),
                         json_array_size(w->errors) == 1 ? "" : "s");
            continue;
        }
        if (name_of(w) != w->path) {
            (void)printf(": ");
            show_safe(sv_of(name_of(w)));
        }
        (void)printf("\n  events: ");
        for (size_t k = 0; k < w->wf->n_events; k++)
            (void)printf("%s" SV_FMT, k > 0 ? ", " : "", SV_ARG(w->wf->events[k]));
        (void)printf("\n  jobs:   ");
        list_jobs(w);
        (void)printf("\n  %s for %s on ", w->matches ? "runs" : "does not run", r->event.name);
        show_safe(sv_of(r->event.ref));
        (void)printf(": ");
        show_safe(sv_of(w->why.text != NULL ? w->why.text : ""));
        (void)printf("\n");
    }
    return r->workflows.invalid > 0 ? EXIT_USAGE : EXIT_OK;
}

/* ---- --graph ---- */

static void graph_one(const struct workflow *w)
{
    show_title(w);
    (void)printf("\n");
    for (size_t i = 0; i < w->wf->n_jobs; i++) {
        const struct wf_job *j = &w->wf->jobs[i];
        (void)printf("  " SV_FMT, SV_ARG(j->id));
        for (size_t k = 0; k < j->n_needs; k++)
            (void)printf("%s" SV_FMT, k == 0 ? " <- " : ", ", SV_ARG(j->needs[k].name));
        if (j->uses.n > 0) {
            (void)printf(" (calls ");
            show_safe(j->uses);
            (void)printf(")");
        }
        (void)printf("\n");
    }
}

int run_graph(const struct run_request *r)
{
    for (size_t i = 0; i < r->workflows.n; i++)
        if (r->workflows.v[i].matches)
            graph_one(&r->workflows.v[i]);
    return workflows_status(r, EXIT_OK);
}
