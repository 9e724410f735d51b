/* SPDX-License-Identifier: Apache-2.0
 *
 * `uses:` steps. Source: actions/runner 2.336.0 src/Runner.Worker/ActionRunner.cs (spec job-execution 7.3, 8). */
#include "runner/worker/action_run.h"

#include "base/mem.h"
#include "runner/worker/action_prepare.h"
#include "runner/worker/checkout.h"
#include "runner/worker/composite.h"
#include "runner/worker/step_run.h"
#include "runner/worker/worker.h"

/* Inputs that the manifest does not know are named, as the official runner does. */
static void warn_unknown_inputs(struct exec *x, const struct manifest *m, const struct val *with)
{
    AUTO(buf_free) struct buf unknown = BUF_INIT(64 << 10);
    AUTO(buf_free) struct buf valid = BUF_INIT(64 << 10);

    for (size_t i = 0; i < val_count(with); i++) {
        struct sv key = val_key_at(with, i);
        bool known = false;
        for (size_t k = 0; k < m->n_inputs && !known; k++)
            known = sv_ieq(m->inputs[k].name, key);
        if (!known)
            buf_addf(&unknown, "%s'" SV_FMT "'", unknown.len > 0 ? ", " : "", SV_ARG(key));
    }
    if (unknown.len == 0)
        return;
    for (size_t k = 0; k < m->n_inputs; k++)
        buf_addf(&valid, "%s'" SV_FMT "'", k > 0 ? ", " : "", SV_ARG(m->inputs[k].name));
    exec_warningf(x, "Unexpected input(s) %s, valid inputs are [%s]", unknown.p, valid.p);
}

/* Given values, then the defaults of what was not given; every value is text. */
static int complete_inputs(struct exec *x, const struct manifest *m, const struct val *with,
                           struct val *out, struct err *e)
{
    for (size_t i = 0; i < m->n_inputs; i++) {
        const struct manifest_input *in = &m->inputs[i];
        const struct val *given = val_get(with, in->name);
        AUTO(buf_free) struct buf b = BUF_INIT(10 << 20);

        if (given != NULL) {
            buf_addsv(&b, val_get_string(given));
            if (in->deprecation.n > 0)
                exec_warningf(x, "Input '" SV_FMT "' has been deprecated with message: " SV_FMT,
                              SV_ARG(in->name), SV_ARG(in->deprecation));
        } else if (exec_text(x, in->dflt, &b, e) < 0) {
            return err_wrap(e, "default of input '" SV_FMT "'", SV_ARG(in->name));
        }
        val_set(out, in->name, val_string(buf_sv(&b)));
    }
    return 0;
}

static void set_kind(struct exec *x, const char *type)
{
    const struct step_def *d = x->def;
    AUTO(auto_free) char *name = NULL;

    if (x->parent != NULL)
        return;
    if (d->kind == REF_REPOSITORY && d->path.n > 0)
        name = xasprintf(SV_FMT "/" SV_FMT, SV_ARG(d->repository), SV_ARG(d->path));
    else
        name = sv_dup(d->kind == REF_REPOSITORY  ? d->repository
                      : d->kind == REF_CONTAINER ? d->image
                                                 : d->path);
    record_set_kind(x->rec, type, sv_of(name), d->kind == REF_REPOSITORY ? d->ref : SV(""));
}

/* One line that names the action, its file and what is missing. */
static int unavailable(struct exec *x, const struct action *a, const char *what)
{
    AUTO(auto_free) char *uses = step_def_uses(x->def);

    if (a != NULL)
        exec_errorf(x,
                    "action '%s' (%s) cannot run: %s are not available in this version of Gantry; "
                    "put a run: step in its place",
                    uses, a->manifest_name, what);
    else
        exec_errorf(x,
                    "action '%s' cannot run: %s are not available in this version of Gantry; put a "
                    "run: step in its place",
                    uses, what);
    x->result = RES_FAILED;
    return 0;
}

static int run_loaded(struct exec *x, const struct action *a, const struct val *with, struct err *e)
{
    AUTO(auto_val) struct val *inputs = val_object();
    struct err why = {0};

    if (a->manifest == NULL) {
        set_kind(x, "Dockerfile");
        return unavailable(x, a, "Docker actions");
    }
    warn_unknown_inputs(x, a->manifest, with);
    if (complete_inputs(x, a->manifest, with, inputs, &why) < 0) {
        step_fail(x, &why);
        return 0;
    }
    switch (a->manifest->using) {
    case MANIFEST_COMPOSITE:
        set_kind(x, "composite");
        step_action_header(x, inputs);
        return composite_run(x, a, inputs, e);
    case MANIFEST_NODE: {
        AUTO(auto_free) char *type = xasprintf("node%u", a->manifest->node_version);
        set_kind(x, type);
        step_action_header(x, inputs);
        return unavailable(x, a, "JavaScript actions");
    }
    case MANIFEST_DOCKER:
        set_kind(x, "Dockerfile");
        step_action_header(x, inputs);
        return unavailable(x, a, "Docker actions");
    case MANIFEST_PLUGIN:
        set_kind(x, "plugin");
        step_action_header(x, inputs);
        return unavailable(x, a, "plugins of the official runner");
    }
    return 0;
}

/* Whether `with.repository` names the local source; without it the workflow's own repository counts. */
static bool names_source(const struct exec *x, const struct val *with)
{
    const struct worker *w = x->w;
    const struct val *given = val_gets(with, "repository");
    struct sv name = given != NULL ? val_get_string(given) : SV("");

    if (name.n == 0 && val_gets(w->github, "repository") != NULL)
        name = val_get_string(val_gets(w->github, "repository"));
    return w->opt.source_repository != NULL && sv_ieq(name, sv_of(w->opt.source_repository));
}

static int run_repository(struct exec *x, const struct val *with, struct err *e)
{
    const struct action *a = actions_find(x->w, x->def);

    if (a != NULL)
        return run_loaded(x, a, with, e);
    if (checkout_is_native(x->w, x->def) && names_source(x, with)) {
        set_kind(x, "native");
        step_action_header(x, with);
        return checkout_run(x, with, e);
    }
    const struct val *other = val_gets(with, "repository");
    AUTO(auto_free) char *uses = step_def_uses(x->def);
    exec_errorf(
        x,
        "action '%s' cannot check out '" SV_FMT "': only the local source '%s' is available "
        "without JavaScript actions",
        uses, SV_ARG(other != NULL ? val_get_string(other) : SV("")), x->w->opt.source_repository);
    x->result = RES_FAILED;
    return 0;
}

static int run_local(struct exec *x, const struct val *with, struct err *e)
{
    const struct action *a = NULL;
    struct err why = {0};

    exec_log(x, SV("Prepare all required actions"));
    if (actions_load_local(x, x->def, &a, &why) < 0) {
        if (x->w->cancel_requested && why.code == FAIL_CANCELED) {
            *e = why;
            if (worker_turn(x->w, e) < 0)
                return -1;
            x->result = RES_CANCELED;
            return 0;
        }
        step_fail(x, &why);
        return 0;
    }
    return run_loaded(x, a, with, e);
}

int action_run(struct exec *x, struct err *e)
{
    AUTO(auto_val) struct val *with = val_object();
    struct err why = {0};

    exec_debugf(x, "Loading inputs");
    if (exec_mapping(x, x->def->with, with, &why) < 0) {
        step_fail(x, &why);
        return 0;
    }
    switch (x->def->kind) {
    case REF_REPOSITORY:
        return run_repository(x, with, e);
    case REF_LOCAL:
        return run_local(x, with, e);
    case REF_CONTAINER:
        set_kind(x, "docker");
        return unavailable(x, NULL, "container steps");
    case REF_SELF_REPOSITORY:
        set_kind(x, "repository");
        return unavailable(x, NULL, "references to the workflow's own repository ('$/')");
    case REF_SCRIPT:
    case REF_CONTROL:
        break;
    }
    return 0;
}
