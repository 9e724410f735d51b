/* SPDX-License-Identifier: Apache-2.0
 *
 * `gantry run --list`, `--graph` and `--dry-run`: what there is, what waits for what, what would run. */
#include "runner/cli/json_make.h"
#include "runner/cli/run_priv.h"

#include "actions/plan.h"
#include "base/mem.h"
#include "runner/cli/render.h"

#include <jansson.h>

#define JOBS_MAX 1000U /* spec expressions 9.8 allows fewer */

static void print_safe(struct sv s)
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
static void print_title(const struct workflow *w)
{
    print_safe(sv_of(name_of(w)));
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
        for (size_t k = 0; w->wf != NULL && k < w->wf->n_jobs; k++)
            BUG(json_array_append_new(jobs, jx_str_new(w->wf->jobs[k].id)) < 0);
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
            print_safe(sv_of(name_of(w)));
        }
        (void)printf("\n  events: ");
        for (size_t k = 0; k < w->wf->n_events; k++)
            (void)printf("%s" SV_FMT, k > 0 ? ", " : "", SV_ARG(w->wf->events[k]));
        (void)printf("\n  jobs:   ");
        for (size_t k = 0; k < w->wf->n_jobs; k++)
            (void)printf("%s" SV_FMT, k > 0 ? ", " : "", SV_ARG(w->wf->jobs[k].id));
        (void)printf("\n  %s for %s on ", w->matches ? "runs" : "does not run", r->event.name);
        print_safe(sv_of(r->event.ref));
        (void)printf(": ");
        print_safe(sv_of(w->why.text != NULL ? w->why.text : ""));
        (void)printf("\n");
    }
    return r->workflows.invalid > 0 ? EXIT_USAGE : EXIT_OK;
}

/* ---- --graph ---- */

static void graph_one(const struct workflow *w)
{
    print_title(w);
    (void)printf("\n");
    for (size_t i = 0; i < w->wf->n_jobs; i++) {
        const struct wf_job *j = &w->wf->jobs[i];
        (void)printf("  " SV_FMT, SV_ARG(j->id));
        for (size_t k = 0; k < j->n_needs; k++)
            (void)printf("%s" SV_FMT, k == 0 ? " <- " : ", ", SV_ARG(j->needs[k].name));
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

/* ---- --dry-run ---- */

struct dry {
    struct plan_leg_state *v;
    size_t n, cap;
};

static void dry_add(struct dry *d, const char *id, enum plan_result result)
{
    GROW(d->v, d->cap, d->n + 1);
    d->v[d->n++] = (struct plan_leg_state){
        .leg_id = xstrdup(id), .result = result, .started = true, .outputs = val_object()};
}

static void dry_done(struct dry *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free((void *)(uintptr_t)d->v[i].leg_id);
        val_unref(d->v[i].outputs);
    }
    free(d->v);
}

static void print_leg(const struct plan_leg *l, unsigned stage)
{
    (void)printf("  %u. ", stage);
    print_safe(sv_of(l->name));
    (void)printf(" on");
    for (char **label = l->labels; label != NULL && *label != NULL; label++) {
        (void)printf(" ");
        print_safe(sv_of(*label));
    }
    (void)printf("\n");
}

static struct val *github_context(const struct run_request *r)
{
    struct val *g = val_object();

    val_sets(g, "repository", val_string(sv_of(r->repo.repository)));
    val_sets(g, "repository_owner", val_string(sv_of(r->repo.owner)));
    val_sets(g, "event_name", val_string(sv_of(r->event.name)));
    val_sets(g, "sha", val_string(sv_of(r->repo.sha)));
    val_sets(g, "ref", val_string(sv_of(r->event.ref)));
    val_sets(g, "ref_name", val_string(sv_of(r->repo.branch)));
    val_sets(g, "ref_type", val_string(sv_of(r->event.ref_type)));
    val_sets(g, "head_ref", val_string(sv_of(r->event.head_ref)));
    val_sets(g, "base_ref", val_string(sv_of(r->event.base_ref)));
    val_sets(g, "actor", val_string(sv_of(r->actor)));
    val_sets(g, "triggering_actor", val_string(sv_of(r->actor)));
    val_sets(g, "event", val_from_json(r->event.payload));
    return g;
}

/* What this version cannot run is told as "FILE:LINE:COL: ..."; other errors come of outputs that are not there
 * yet ("FILE (Line: ...", "Error when ..."). */
static const char *why_not(const struct workflow *w, const struct plan_skip *s)
{
    AUTO(auto_free) char *place = xasprintf("%s:", w->path);

    if (s->reason == NULL)
        return "skipped";
    return sv_starts(sv_of(s->reason), sv_of(place))
               ? s->reason
               : "depends on outputs, known only when it runs";
}

/* Every job is taken to succeed without outputs; what depends on outputs is known only when it ran. */
static int plan_all(const struct plan_inputs *in, const struct workflow *w, struct err *e)
{
    AUTO(dry_done) struct dry d = {.v = NULL};
    bool done = false;

    for (unsigned stage = 1; !done && stage <= JOBS_MAX; stage++) {
        struct plan p;
        if (plan_next(in, d.v, d.n, false, &p, e) < 0)
            return err_wrap(e, "%s", w->path);
        for (size_t i = 0; i < p.n_ready; i++) {
            print_leg(&p.ready[i], stage);
            dry_add(&d, p.ready[i].id, PLAN_SUCCESS);
        }
        for (size_t i = 0; i < p.n_skipped; i++) {
            (void)printf("  -  ");
            print_safe(sv_of(p.skipped[i].name));
            (void)printf(": ");
            print_safe(sv_of(why_not(w, &p.skipped[i])));
            (void)printf("\n");
            dry_add(&d, p.skipped[i].id, PLAN_SUCCESS);
        }
        done = p.done || (p.n_ready == 0 && p.n_skipped == 0);
        plan_done(&p);
    }
    return 0;
}

static int dry_one(const struct run_request *r, const struct workflow *w, struct err *e)
{
    AUTO(strv_free) struct strv only = workflow_jobs(r, w);
    AUTO(auto_val) struct val *github = github_context(r);
    AUTO(auto_val) struct val *vars = val_from_json(r->vars);
    AUTO(auto_val) struct val *inputs = NULL;
    size_t n = json_array_size(r->matrix), i;
    struct plan_matrix_filter *filter = xcalloc(n + 1, sizeof *filter);
    const char **names = xcalloc(json_object_size(r->secrets) + 1, sizeof *names);
    AUTO(wf_errors_free) struct wf_errors errors = {.n = 0};
    AUTO(auto_wf) struct wf *wf = NULL;
    struct plan_inputs in = {.github = github, .vars = vars, .secret_names = names};
    const char *key;
    json_t *value;
    int rc;

    for (i = 0; i < n; i++) {
        const json_t *o = json_array_get(r->matrix, i);
        filter[i].key = json_string_value(json_object_get(o, "key"));
        filter[i].value = json_string_value(json_object_get(o, "value"));
    }
    i = 0;
    json_object_foreach(r->secrets, key, value) names[i++] = key;
    in.matrix_filter = filter;
    in.n_matrix_filter = n;
    in.only_jobs = only.n > 0 ? (const char *const *)only.v : NULL;
    print_title(w);
    (void)printf(", %s on %s\n", r->event.name, r->event.ref);
    rc = run_load_calls(r, w, &wf, &errors, e);
    for (i = 0; rc < 0 && i < errors.n; i++)
        print_workflow_error(sv_of(errors.v[i].file != NULL ? errors.v[i].file : w->path),
                             errors.v[i].line, errors.v[i].col, sv_of(errors.v[i].text));
    if (errors.n > 0)
        *e = (struct err){.code = FAIL_INPUT}; /* printed */
    if (rc == 0)
        rc = run_inputs(r, w, &inputs, e);
    if (rc == 0) {
        in.wf = wf;
        if (inputs == NULL)
            inputs = val_object();
        in.inputs = inputs;
        rc = plan_all(&in, w, e);
    }
    free(filter);
    free(names);
    return rc;
}

int run_dry(const struct run_request *r)
{
    struct err e = {0};

    for (size_t i = 0; i < r->workflows.n; i++) {
        if (!r->workflows.v[i].matches)
            continue;
        if (dry_one(r, &r->workflows.v[i], &e) < 0)
            return e.msg[0] == '\0' ? EXIT_USAGE : cli_fail(&e);
    }
    return workflows_status(r, EXIT_OK);
}
