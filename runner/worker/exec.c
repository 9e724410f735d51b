/* SPDX-License-Identifier: Apache-2.0
 *
 * Execution contexts: definitions of steps from their two sources, the `steps` context, outputs and the
 * job-wide environment. */
#include "runner/worker/exec.h"

#include <stdio.h>

#include "actions/names.h"
#include "base/mem.h"
#include "runner/worker/worker.h"

void step_def_from_message(struct step_def *out, const struct msg_step *s)
{
    *out = (struct step_def){
        .kind = s->ref_kind,
        .context_name = s->context_name,
        .name = s->name,
        .legacy_display = s->legacy_display,
        .condition = s->condition,
        .has_condition = s->has_condition,
        .display = s->display,
        .env = s->env,
        .with = s->inputs,
        .continue_on_error = s->continue_on_error,
        .timeout = s->timeout,
        .repository = s->repository,
        .ref = s->ref,
        .path = s->path,
        .image = s->image,
        .background = s->background,
    };
    if (s->ref_kind != REF_SCRIPT || s->inputs == NULL)
        return;
    /* Source: spec job-execution 1.8: scripts carry their fields as inputs. */
    out->run = tok_get(s->inputs, SV("script"));
    out->shell = tok_get(s->inputs, SV("shell"));
    out->working_directory = tok_get(s->inputs, SV("workingDirectory"));
}

static int uses_to_def(struct step_def *out, struct sv text, struct err *e)
{
    struct uses u;

    if (uses_parse(text, &u, e) < 0)
        return -1;
    switch (u.kind) {
    case USES_REPOSITORY:
        out->kind = REF_REPOSITORY;
        break;
    case USES_LOCAL:
        out->kind = REF_LOCAL;
        break;
    case USES_SELF_REPOSITORY:
        out->kind = REF_SELF_REPOSITORY;
        break;
    case USES_DOCKER:
        out->kind = REF_CONTAINER;
        break;
    }
    out->repository = u.repository;
    out->ref = u.ref;
    out->path = u.path;
    out->image = u.image;
    return 0;
}

int step_def_from_manifest(struct step_def *out, const struct wf_step *s, struct err *e)
{
    struct step_def d = {
        .kind = REF_SCRIPT,
        .context_name = sv_of(s->context_name),
        .name = sv_of(s->context_name),
        .condition = sv_of(s->condition),
        .has_condition = s->condition != NULL,
        .display = s->name,
        .env = s->env,
        .with = s->with,
        .continue_on_error = s->continue_on_error,
        .run = s->run,
        .shell = s->shell,
        .working_directory = s->working_directory,
    };

    if (s->kind == WF_STEP_USES && uses_to_def(&d, s->uses, e) < 0)
        return -1;
    *out = d;
    return 0;
}

char *step_def_uses(const struct step_def *d)
{
    struct buf b = BUF_INIT(64 << 10);

    switch (d->kind) {
    case REF_REPOSITORY:
        buf_addsv(&b, d->repository);
        if (d->path.n > 0) {
            buf_addc(&b, '/');
            buf_addsv(&b, d->path);
        }
        buf_addc(&b, '@');
        buf_addsv(&b, d->ref);
        break;
    case REF_SELF_REPOSITORY:
        buf_adds(&b, "$/");
        buf_addsv(&b, d->path);
        break;
    case REF_CONTAINER:
        buf_adds(&b, "docker://");
        buf_addsv(&b, d->image);
        break;
    case REF_LOCAL:
    case REF_SCRIPT:
    case REF_CONTROL:
        buf_addsv(&b, d->path);
        break;
    }
    b.over = false; /* names are bounded by the message; a cut one is still good for a message */
    return buf_take(&b, NULL);
}

void exec_init_job(struct exec *x, struct worker *w, struct record *rec)
{
    *x = (struct exec){
        .w = w,
        .rec = rec,
        .github = val_ref(w->github),
        .steps = val_ref(w->steps),
        .env = val_object_cs(),
        .result = RES_NONE,
        .outcome = RES_NONE,
        .command_result = RES_NONE,
        .echo = w->step_debug,
    };
    for (size_t i = 0; w->env != NULL && i < val_count(w->env); i++)
        val_set(x->env, val_key_at(w->env, i), val_ref(val_at(w->env, i)));
}

void exec_init_step(struct exec *x, struct worker *w, const struct step_def *d, struct record *rec,
                    const char *id)
{
    exec_init_job(x, w, rec);
    x->def = d;
    (void)snprintf(x->id, sizeof x->id, "%s", id);
}

void exec_done(struct exec *x)
{
    val_unref(x->github);
    val_unref(x->steps);
    val_unref(x->inputs);
    val_unref(x->env);
    val_unref(x->env_set);
    free(x->display);
    free(x->scope_name);
    free(x->stop_token);
    for (size_t i = 0; i < FILE_COMMAND_COUNT_; i++)
        free(x->files[i]);
    *x = (struct exec){.w = NULL};
}

struct exec *exec_root(struct exec *x)
{
    while (x->parent != NULL)
        x = x->parent;
    return x;
}

bool exec_is_cancelled(const struct exec *x)
{
    for (; x != NULL; x = x->parent)
        if (x->cancelled)
            return true;
    return false;
}

bool exec_has_context(const struct exec *x)
{
    /* Source: spec job-execution 5.1: generated names are never recorded. */
    return x->def != NULL && x->def->context_name.n > 0 &&
           !sv_starts(x->def->context_name, SV("__"));
}

static struct val *steps_entry(struct exec *x)
{
    struct val *entry = val_get(x->steps, x->def->context_name);

    if (entry == NULL) {
        entry = val_object();
        val_sets(entry, "outputs", val_object());
        val_set(x->steps, x->def->context_name, entry);
    }
    return entry;
}

void exec_set_output(struct exec *x, struct sv name, struct sv value)
{
    if (!exec_has_context(x))
        return;
    exec_debugf(x, "Set output " SV_FMT " = " SV_FMT, SV_ARG(name), SV_ARG(value));
    val_set(val_gets(steps_entry(x), "outputs"), name, val_string(value));
}

void exec_record_conclusion(struct exec *x)
{
    if (!exec_has_context(x))
        return;
    struct val *entry = steps_entry(x);
    enum task_result outcome = x->outcome != RES_NONE ? x->outcome : x->result;

    val_sets(entry, "outcome", val_string(sv_of(result_context(outcome))));
    val_sets(entry, "conclusion", val_string(sv_of(result_context(x->result))));
}

void exec_set_env(struct exec *x, struct sv name, struct sv value)
{
    val_set(x->w->env, name, val_string(value));
    for (; x != NULL; x = x->parent)
        if (x->env_set == NULL || val_get(x->env_set, name) == NULL)
            val_set(x->env, name, val_string(value));
}

void exec_add_path(struct exec *x, struct sv path)
{
    struct strv *l = &x->w->paths;
    struct strv next = STRV_INIT;

    for (size_t i = 0; i < l->n; i++)
        if (!sv_is(path, l->v[i]))
            strv_add(&next, l->v[i]);
    strv_addsv(&next, path);
    strv_free(l);
    *l = next;
}

struct sv exec_env_value(const struct exec *x, const char *name)
{
    const struct val *v = x->env != NULL ? val_gets(x->env, name) : NULL;

    return v != NULL ? val_get_string(v) : SV("");
}

void state_save(struct exec *x, struct sv name, struct sv value)
{
    struct val *of_step = val_gets(x->w->states, x->id);

    if (of_step == NULL) {
        of_step = val_object();
        val_sets(x->w->states, x->id, of_step);
    }
    exec_debugf(x, "Save intra-action state " SV_FMT " = " SV_FMT, SV_ARG(name), SV_ARG(value));
    val_set(of_step, name, val_string(value));
}
