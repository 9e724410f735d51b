/* SPDX-License-Identifier: Apache-2.0
 *
 * What the server evaluates for one leg of a job (spec expressions 9.2 step 5.5, 9.9): name, labels, time-outs. */
#include <math.h>
#include <stdlib.h>

#include "actions/names.h"
#include "actions/plan_priv.h"
#include "actions/workflow_priv.h"
#include "base/mem.h"

#define MAX_NAME 100U /* UTF-16 units of a display name (JobNameBuilder.cs) */

static struct val *context(void *ctx, struct sv name)
{
    const struct plan_env *p = ctx;
    const struct {
        struct sv name;
        struct val *value;
        bool here;
    } all[] = {
        {SV("github"), p->in->github, true},
        {SV("inputs"), p->scope->inputs, true},
        {SV("vars"), p->in->vars, true},
        {SV("needs"), p->needs, true},
        {SV("matrix"), p->matrix, p->matrix != NULL},
        {SV("strategy"), p->strategy, p->strategy != NULL},
        {SV("jobs"), p->jobs, p->jobs != NULL},
        {SV("secrets"), p->secrets, p->secrets != NULL},
    };

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].here && sv_ieq(name, all[i].name))
            return all[i].value != NULL ? all[i].value : p->empty;
    }
    return NULL;
}

static bool is_success(void *ctx)
{
    const struct plan_env *p = ctx;

    return !p->cancelled && p->all_success;
}

static bool is_failure(void *ctx)
{
    const struct plan_env *p = ctx;

    return !p->cancelled && p->any_failure;
}

static bool is_cancelled(void *ctx)
{
    return ((const struct plan_env *)ctx)->cancelled;
}

static bool success_of(void *ctx, const struct sv *jobs, size_t n)
{
    const struct plan_env *p = ctx;
    bool all = !p->cancelled && p->ancestor != NULL;

    for (size_t i = 0; all && i < n; i++)
        all = p->ancestor(p->graph, jobs[i]) == PLAN_SUCCESS;
    return all;
}

static bool failure_of(void *ctx, const struct sv *jobs, size_t n)
{
    const struct plan_env *p = ctx;

    for (size_t i = 0; !p->cancelled && p->ancestor != NULL && i < n; i++) {
        if (p->ancestor(p->graph, jobs[i]) == PLAN_FAILURE)
            return true;
    }
    return false;
}

void plan_env_init(struct plan_env *p, const struct scope *scope, struct val *needs)
{
    *p = (struct plan_env){
        .scope = scope, .in = scope->pl->in, .needs = needs, .empty = scope->pl->empty};
    p->expr = (struct expr_env){
        .ctx = p,
        .context = context,
        .success = is_success,
        .failure = is_failure,
        .cancelled = is_cancelled,
        .success_of = success_of,
        .failure_of = failure_of,
    };
}

char *plan_leg_id(const struct scope *s, const struct wf_job *job, const struct matrix *m, size_t i)
{
    if (!m->present)
        return plan_id(s, job->id);
    /* '.' cannot stand in the id of a job */
    return xasprintf("%s%.*s.%zu", s->id, SV_ARG(job->id), i);
}

struct val *plan_strategy_context(const struct matrix *m, size_t i)
{
    struct val *s = val_object();

    val_sets(s, "fail-fast", val_bool(m->fail_fast));
    val_sets(s, "job-index", val_number((double)i));
    val_sets(s, "job-total", val_number((double)m->n));
    val_sets(s, "max-parallel", val_number(m->max_parallel >= 1 ? m->max_parallel : (double)m->n));
    return s;
}

/* Longer than 100 UTF-16 units: the first 97 and "...". */
static char *cut_name(struct sv name)
{
    struct sv rest = name;
    size_t units = 0, kept = 0;
    unsigned code;

    if (utf8_utf16_len(name) <= MAX_NAME)
        return sv_dup(name);
    while (utf8_next(&rest, &code) > 0) {
        units += code > 0xFFFF ? 2 : 1;
        if (units > MAX_NAME - 3)
            break;
        kept = name.n - rest.n;
    }
    return xasprintf("%.*s...", (int)kept, name.p);
}

static char *default_name(struct sv base, const char *segments)
{
    AUTO(buf_free) struct buf b = BUF_INIT(16U << 20);

    buf_addsv(&b, base);
    if (segments[0] != '\0') {
        buf_adds(&b, " (");
        buf_adds(&b, segments);
        buf_addc(&b, ')');
    }
    return b.over ? sv_dup(base) : cut_name(buf_sv(&b));
}

static int make_name(struct plan_env *p, const struct wf_job *job, const struct matrix_leg *leg,
                     char **out, struct err *e)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1U << 20);

    if (job->name == NULL || job->name->kind == TOK_STRING) {
        struct sv base = job->name != NULL && job->name->text.n > 0 ? job->name->text : job->id;
        *out = default_name(base, leg->segments);
        return 0;
    }
    if (tok_eval_text(job->name, &p->expr, PLAN_FILES(p->scope), &b, e) < 0 ||
        buf_done(&b, "name of the job", e) < 0)
        return -1;
    *out = b.len > 0 ? buf_take(&b, NULL) : default_name(job->id, leg->segments);
    return 0;
}

/* "caller / job" (6.5) */
static char *with_callers(const struct scope *s, char *own_name)
{
    AUTO(auto_free) char *name = own_name;

    return s->names[0] != '\0' ? xasprintf("%s%s", s->names, name) : TAKE_PTR(name);
}

char *plan_leg_name(struct plan_env *p, const struct wf_job *job, const struct matrix *m, size_t i)
{
    AUTO(auto_val) struct val *strategy = plan_strategy_context(m, i);
    struct plan_env here = *p;
    char *name = NULL;
    struct err e; /* the default name serves then */

    here.expr.ctx = &here;
    here.matrix = m->legs[i].values;
    here.strategy = strategy;
    if (make_name(&here, job, &m->legs[i], &name, &e) < 0)
        name = default_name(job->id, m->legs[i].segments);
    return with_callers(p->scope, name);
}

bool plan_leg_continues(struct plan_env *p, const struct wf_job *job, const struct matrix *m,
                        size_t i)
{
    AUTO(auto_val) struct val *strategy = plan_strategy_context(m, i);
    struct plan_env here = *p;
    bool yes = false;
    struct err e; /* cannot be evaluated: it does not continue */

    if (job->continue_on_error == NULL)
        return false;
    here.expr.ctx = &here;
    here.matrix = m->legs[i].values;
    here.strategy = strategy;
    if (tok_eval_bool(job->continue_on_error, &here.expr, PLAN_FILES(p->scope), &yes, &e) < 0)
        return false;
    return yes;
}

/* ---- runs-on (4.6) ---- */

struct labels {
    char **v;
    size_t n, cap;
    char *group;
};

static int bad_label(const struct plan_env *p, const struct wf_job *job, const struct val *v,
                     struct err *e)
{
    return tok_fail_kind(job->runs_on, PLAN_FILES(p->scope), v, e);
}

static int add_label(const struct plan_env *p, const struct wf_job *job, struct labels *l,
                     const struct val *v, struct err *e)
{
    AUTO(buf_free) struct buf text = BUF_INIT(4096);

    if (val_kind(v) == VAL_ARRAY || val_kind(v) == VAL_OBJECT)
        return bad_label(p, job, v, e);
    val_to_text(v, &text);
    if (text.len == 0)
        return bad_label(p, job, v, e);
    if (buf_done(&text, "label of runs-on", e) < 0)
        return -1;
    GROW(l->v, l->cap, l->n + 2);
    l->v[l->n++] = buf_take(&text, NULL);
    l->v[l->n] = NULL;
    return 0;
}

static int add_labels(const struct plan_env *p, const struct wf_job *job, struct labels *l,
                      const struct val *v, struct err *e)
{
    if (val_kind(v) != VAL_ARRAY)
        return add_label(p, job, l, v, e);
    for (size_t i = 0; i < val_count(v); i++) {
        if (add_label(p, job, l, val_at(v, i), e) < 0)
            return -1;
    }
    return 0;
}

static int add_group(const struct plan_env *p, const struct wf_job *job, struct labels *l,
                     const struct val *v, struct err *e)
{
    struct err bad;

    if (val_kind(v) != VAL_STRING || val_get_string(v).n == 0)
        return bad_label(p, job, v, e);
    if (wf_check_group(val_get_string(v), &bad) < 0)
        return tok_fail(job->runs_on, PLAN_FILES(p->scope), e, "%s", err_whole(&bad));
    l->group = sv_dup(val_get_string(v));
    return 0;
}

static int eval_runs_on(struct plan_env *p, const struct wf_job *job, struct labels *l,
                        struct err *e)
{
    AUTO(auto_val) struct val *v = NULL;

    l->v = xcalloc(1, sizeof *l->v);
    if (tok_eval(job->runs_on, &p->expr, PLAN_FILES(p->scope), &v, e) < 0)
        return -1;
    if (val_kind(v) != VAL_OBJECT)
        return add_labels(p, job, l, v, e);
    for (size_t i = 0; i < val_count(v); i++) {
        struct sv key = val_key_at(v, i);
        int rc = sv_is(key, "labels")  ? add_labels(p, job, l, val_at(v, i), e)
                 : sv_is(key, "group") ? add_group(p, job, l, val_at(v, i), e)
                                       : tok_fail(job->runs_on, PLAN_FILES(p->scope), e,
                                                  "Unexpected value '%.*s'", SV_ARG(key));
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* ---- the rest ---- */

static int eval_minutes(struct plan_env *p, const struct tok *t, double dflt, double *out,
                        struct err *e)
{

    *out = dflt;
    if (t == NULL)
        return 0;
    if (tok_eval_number(t, &p->expr, PLAN_FILES(p->scope), out, e) < 0)
        return -1;
    if (!isfinite(*out))
        return tok_fail(t, PLAN_FILES(p->scope), e, "Unexpected value '%s'",
                        isnan(*out) ? "NaN"
                        : *out < 0  ? "-Infinity"
                                    : "Infinity");
    *out = trunc(*out);
    return 0;
}

static int eval_environment(struct plan_env *p, const struct wf_job *job, char **out, struct err *e)
{
    AUTO(buf_free) struct buf b = BUF_INIT(4096);
    const struct tok *t = job->environment;

    if (t != NULL && t->kind == TOK_MAPPING) /* url is evaluated by the runner */
        t = tok_get(t, SV("name"));
    if (t == NULL)
        return 0;
    if (tok_eval_text(t, &p->expr, PLAN_FILES(p->scope), &b, e) < 0 ||
        buf_done(&b, "name of the environment", e) < 0)
        return -1;
    if (b.len > 0)
        *out = buf_take(&b, NULL);
    return 0;
}

/* Evaluates the image alone: the environment beside it may name what only the runner knows. */
static int has_image(struct plan_env *p, const struct tok *container, bool *out, struct err *e)
{
    AUTO(auto_val) struct val *v = NULL;
    const struct tok *image =
        container->kind == TOK_MAPPING ? tok_get(container, SV("image")) : container;

    *out = true;
    if (image == NULL) /* ${{ insert }} */
        return 0;
    if (tok_eval(image, &p->expr, PLAN_FILES(p->scope), &v, e) < 0)
        return -1;
    *out = names_image(v);
    return 0;
}

static int has_services(struct plan_env *p, const struct tok *services, bool *out, struct err *e)
{
    AUTO(auto_val) struct val *v = NULL;

    *out = false;
    if (services->kind != TOK_MAPPING) {
        if (tok_eval(services, &p->expr, PLAN_FILES(p->scope), &v, e) < 0)
            return -1;
        if (val_kind(v) != VAL_OBJECT && val_kind(v) != VAL_NULL)
            return tok_fail_kind(services, PLAN_FILES(p->scope), v, e);
        for (size_t i = 0; i < val_count(v) && !*out; i++)
            *out = names_image(val_at(v, i));
        return 0;
    }
    for (size_t i = 0; i < services->n && !*out; i++) {
        if (services->items[2 * i]->kind == TOK_INSERT)
            *out = true;
        else if (has_image(p, services->items[2 * i + 1], out, e) < 0)
            return -1;
    }
    return 0;
}

/* Containers whose image evaluates to nothing are not started (4.8, 4.9). */
static int check_container(struct plan_env *p, const struct wf_job *job, struct err *e)
{
    struct sv id = sv_sub(job->id, 0, 60);
    bool has = false;

    if (job->container != NULL && has_image(p, job->container, &has, e) < 0)
        return -1;
    if (!has)
        return 0;
    return err_set(
        e, FAIL_UNSUPPORTED,
        "%.120s:%u:%u: job '%.*s' has a container; container jobs cannot be run yet; choose other jobs (-j)",
        p->scope->wf->file, job->container->line, job->container->col, SV_ARG(id));
}

static int check_services(struct plan_env *p, const struct wf_job *job, struct err *e)
{
    struct sv id = sv_sub(job->id, 0, 60);
    bool has = false;

    if (job->services != NULL && has_services(p, job->services, &has, e) < 0)
        return -1;
    if (!has)
        return 0;
    return err_set(
        e, FAIL_UNSUPPORTED,
        "%.120s:%u:%u: job '%.*s' has services; service containers cannot be run yet; choose other jobs (-j)",
        p->scope->wf->file, job->services->line, job->services->col, SV_ARG(id));
}

int plan_check_supported(const struct wf *wf, const struct wf_job *job, struct err *e)
{
    struct sv id = sv_sub(job->id, 0, 60);

    if (job->snapshot != NULL)
        return err_set(e, FAIL_UNSUPPORTED,
                       "%.120s:%u:%u: job '%.*s' has a snapshot; custom images cannot be made here",
                       wf->file, job->snapshot->line, job->snapshot->col, SV_ARG(id));
    for (size_t i = 0; i < job->n_steps; i++) {
        const struct wf_step *s = &job->steps[i];
        if (s->kind == WF_STEP_CONTROL || s->background)
            return err_set(e, FAIL_UNSUPPORTED,
                           "%.120s:%u:%u: job '%.*s' has a step with '%s'; background steps cannot "
                           "be run yet",
                           wf->file, s->line, s->col, SV_ARG(id),
                           s->background ? "background" : s->control.p);
    }
    return 0;
}

void plan_leg_free(struct plan_leg *l)
{
    free(l->id);
    free(l->path);
    plan_call_free(l->call);
    plan_group_free(&l->concurrency);
    free(l->matrix_id);
    free(l->name);
    free(l->group);
    free(l->environment);
    for (size_t i = 0; l->labels != NULL && l->labels[i] != NULL; i++)
        free(l->labels[i]);
    free(l->labels);
    val_unref(l->matrix);
    val_unref(l->strategy);
    val_unref(l->needs);
    val_unref(l->inputs);
    *l = (struct plan_leg){0};
}

/* Names the key whose evaluation failed, as the service does (spec expressions 2.6). */
static char *eval_reason(const struct wf_job *job, const char *key, const struct err *e)
{
    if (e->code == FAIL_UNSUPPORTED)
        return xstrdup(err_whole(e));
    return plan_reason(job, key, err_whole(e));
}

int plan_leg_make(struct plan_env *p, const struct wf_job *job, const struct matrix *m, size_t i,
                  struct plan_leg *out, char **reason)
{
    struct plan_env here = *p;
    struct labels labels = {0};
    const char *key = "name";
    struct err e = {0};

    *out = (struct plan_leg){
        .id = plan_leg_id(p->scope, job, m, i),
        .path = plan_path(p->scope, job->id),
        .matrix_id = xstrdup(m->legs[i].id),
        .job_id = job->id,
        .matrix = val_ref(m->legs[i].values),
        .strategy = plan_strategy_context(m, i),
        .needs = val_ref(p->needs),
        .inputs = val_ref(p->scope->inputs),
        .wf = p->scope->wf,
        .job = job,
        .call = plan_call_clone(p->scope->call),
    };
    here.expr.ctx = &here;
    here.matrix = out->matrix;
    here.strategy = out->strategy;
    bool ok = make_name(&here, job, &m->legs[i], &out->name, &e) == 0;
    if (ok)
        out->name = with_callers(p->scope, out->name);
    if (ok && job->continue_on_error != NULL) {
        key = "continue-on-error";
        ok = tok_eval_bool(job->continue_on_error, &here.expr, PLAN_FILES(p->scope),
                           &out->continue_on_error, &e) == 0;
    }
    if (ok) {
        key = "timeout-minutes";
        ok = eval_minutes(&here, job->timeout_minutes, 360, &out->timeout_minutes, &e) == 0;
    }
    if (ok) {
        key = "cancel-timeout-minutes";
        ok = eval_minutes(&here, job->cancel_timeout_minutes, 5, &out->cancel_timeout_minutes,
                          &e) == 0;
    }
    if (ok) {
        key = "environment";
        ok = eval_environment(&here, job, &out->environment, &e) == 0;
    }
    if (ok) {
        key = "container";
        ok = plan_check_supported(p->scope->wf, job, &e) == 0 &&
             check_container(&here, job, &e) == 0;
    }
    if (ok) {
        key = "services";
        ok = check_services(&here, job, &e) == 0;
    }
    if (ok) {
        key = "runs-on";
        ok = eval_runs_on(&here, job, &labels, &e) == 0;
    }
    out->labels = labels.v;
    out->group = labels.group;
    if (ok && (job->concurrency == NULL ||
               plan_group_eval(&here, job->concurrency, job, &out->concurrency, reason) == 0))
        return 0;
    if (!ok)
        *reason = eval_reason(job, key, &e);
    plan_leg_free(out);
    return -1;
}
