/* SPDX-License-Identifier: Apache-2.0
 *
 * `gantry run --dry-run`: what would run, and what of it could not: labels that no local runner has, and actions
 * that this version cannot run. Only what lies on this machine is read; nothing is fetched. */
#include "runner/cli/run_priv.h"

#include "actions/manifest.h"
#include "actions/names.h"
#include "actions/plan.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/path.h"
#include "runner/cli/render.h"

#include <fcntl.h>
#include <jansson.h>

#define JOBS_MAX           1000U /* spec expressions 9.8 allows fewer */
#define MANIFEST_MAX_BYTES (1U << 20)
#define MANIFESTS_MAX      200U /* Ours: of one leg */
#define ACTION_DEPTH       9U   /* spec job-execution 8: of composite actions in each other */

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
    show_safe(sv_of(l->name));
    (void)printf(" on");
    for (char **label = l->labels; label != NULL && *label != NULL; label++) {
        (void)printf(" ");
        show_safe(sv_of(*label));
    }
    (void)printf("\n");
}

/* ---- what could not run ---- */

static void note_label(const struct plan_leg *l)
{
    for (char **label = l->labels; label != NULL && *label != NULL; label++)
        if (!names_is_local_label(sv_of(*label))) {
            (void)printf("     no local runner has the label '");
            show_safe(sv_of(*label));
            (void)printf("': the job would fail\n");
        }
}

static void note_action(struct sv uses, const char *what)
{
    (void)printf("     ");
    show_safe(uses);
    (void)printf(" is a %s, which this version cannot run\n", what);
}

/* The manifest of an action in a folder; NULL: it has none (a Dockerfile makes it a Docker action) or an invalid one,
 * which the job says better. */
static struct manifest *read_manifest(const char *folder, bool *docker)
{
    static const char *const names[] = {"action.yml", "action.yaml"};
    struct manifest *m = NULL;

    *docker = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        AUTO(auto_free) char *path = path_join(folder, names[i]);
        AUTO(auto_free) char *text = NULL;
        AUTO(wf_errors_free) struct wf_errors errors = {.n = 0};
        struct err ignored;
        size_t n;
        if (fs_read_file(AT_FDCWD, path, MANIFEST_MAX_BYTES, &text, &n, &ignored) < 0)
            continue;
        return manifest_parse((struct sv){text, n}, names[i], 1, &m, &errors, &ignored) == 0 ? m
                                                                                             : NULL;
    }
    AUTO(auto_free) char *dockerfile = path_join(folder, "Dockerfile");
    *docker = fs_exists(AT_FDCWD, dockerfile);
    return NULL;
}

/* The folder of an action that lies on this machine, or NULL. */
static char *action_folder(const struct run_request *r, const struct uses *u)
{
    if (u->kind == USES_LOCAL)
        return xasprintf("%s/" SV_FMT, r->repo.top, SV_ARG(u->path));
    for (size_t i = 0; u->kind == USES_REPOSITORY && i < r->actions.n; i++) {
        AUTO(auto_free)
        char *folder = xasprintf("%s/" SV_FMT "%s" SV_FMT, r->actions.v[i], SV_ARG(u->repository),
                                 u->path.n > 0 ? "/" : "", SV_ARG(u->path));
        if (fs_exists(AT_FDCWD, folder))
            return TAKE_PTR(folder);
    }
    return NULL;
}

struct look {
    const struct run_request *r;
    unsigned left; /* manifests to read: actions may use each other many times over */
};
static void note_steps(struct look *k, const struct wf_step *v, size_t n, unsigned depth);

/* Done natively: the repository that gantry works on. */
static bool is_local_checkout(const struct run_request *r, const struct wf_step *s,
                              const struct uses *u)
{
    const struct tok *other = s->with != NULL ? tok_get(s->with, SV("repository")) : NULL;

    return u->kind == USES_REPOSITORY && u->path.n == 0 &&
           sv_ieq(u->repository, SV("actions/checkout")) &&
           (other == NULL || other->kind != TOK_STRING || other->text.n == 0 ||
            sv_ieq(other->text, sv_of(r->repo.repository)));
}

static void note_uses(struct look *k, const struct wf_step *s, unsigned depth)
{
    const struct sv uses = s->uses;
    AUTO(auto_manifest) struct manifest *m = NULL;
    AUTO(auto_free) char *folder = NULL;
    struct err ignored; /* a reference of no known form is an error of the job */
    struct uses u;
    bool docker;

    if (uses_parse(uses, &u, &ignored) < 0 || is_local_checkout(k->r, s, &u))
        return;
    if (u.kind == USES_DOCKER) {
        note_action(uses, "Docker action");
        return;
    }
    folder = action_folder(k->r, &u);
    if (folder == NULL || k->left == 0)
        return;
    k->left--;
    m = read_manifest(folder, &docker);
    if (docker || (m != NULL && m->using == MANIFEST_DOCKER))
        note_action(uses, "Docker action");
    else if (m != NULL && m->using == MANIFEST_NODE)
        note_action(uses, "JavaScript action");
    else if (m != NULL && m->using == MANIFEST_PLUGIN)
        note_action(uses, "plugin of the official runner");
    else if (m != NULL)
        note_steps(k, m->steps, m->n_steps, depth + 1);
}

static void note_steps(struct look *k, const struct wf_step *v, size_t n, unsigned depth)
{
    for (size_t i = 0; i < n && depth <= ACTION_DEPTH; i++)
        if (v[i].kind == WF_STEP_USES)
            note_uses(k, &v[i], depth);
}

static void print_notes(const struct run_request *r, const struct plan_leg *l)
{
    struct look k = {r, MANIFESTS_MAX};

    note_label(l);
    if (l->call == NULL) /* "./" of a called workflow is its own repository */
        note_steps(&k, l->job->steps, l->job->n_steps, 0);
}

/* ---- the plan ---- */

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

    if (s->result == PLAN_SKIPPED && s->reason != NULL && sv_starts(sv_of(s->reason), SV("if: ")) &&
        strstr(s->reason, "needs.") != NULL)
        return "its condition depends on other jobs, known only when it runs";
    if (s->result == PLAN_SKIPPED)
        return s->reason != NULL ? s->reason : "skipped";
    return sv_starts(sv_of(s->reason), sv_of(place))
               ? s->reason
               : "depends on outputs, known only when it runs";
}

/* Every job is taken to succeed without outputs; what depends on outputs is known only when it ran. */
static int plan_all(const struct run_request *r, const struct plan_inputs *in,
                    const struct workflow *w, struct err *e)
{
    AUTO(dry_done) struct dry d = {.v = NULL};
    bool done = false;

    for (unsigned stage = 1; !done && stage <= JOBS_MAX; stage++) {
        struct plan p;
        if (plan_next(in, d.v, d.n, false, &p, e) < 0)
            return err_wrap(e, "%s", w->path);
        for (size_t i = 0; i < p.n_ready; i++) {
            print_leg(&p.ready[i], stage);
            print_notes(r, &p.ready[i]);
            dry_add(&d, p.ready[i].id, PLAN_SUCCESS);
        }
        for (size_t i = 0; i < p.n_skipped; i++) {
            (void)printf("  -  ");
            show_safe(sv_of(p.skipped[i].name));
            (void)printf(": ");
            show_safe(sv_of(why_not(w, &p.skipped[i])));
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
    show_title(w);
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
        rc = plan_all(r, &in, w, e);
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
