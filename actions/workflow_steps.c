/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps of jobs and of composite actions: conditions, references, ids.
 * Source: actions/runner: src/Sdk/WorkflowParser/Conversion/WorkflowTemplateConverter.cs (ConvertToSteps,
 * ConvertToIfCondition); background steps: actions/languageservices: workflow-parser/src/model/converter/steps.ts. */
#include <stdlib.h>

#include "actions/names.h"
#include "actions/workflow_priv.h"
#include "base/mem.h"

char *wf_condition(struct wf_reader *r, const struct tok *t, unsigned context)
{
    AUTO(auto_expr) struct expr *x = NULL;
    AUTO(buf_free) struct buf why = BUF_INIT(WF_MAX_REASON);
    struct expr_error xe = {.text = &why};
    struct wf_names names;
    UNINIT struct err e; /* the whole message is in why */

    if (t == NULL)
        return xstrdup("success()");
    wf_names_init(&names, context);
    if (expr_parse(t->text, &names.names, &x, &xe, &e) < 0) {
        wf_error_at(r, t, "%s", why.p);
        return NULL;
    }
    if (expr_is_blank(x))
        return xstrdup("success()");
    if (expr_has_status_function(x))
        return sv_dup(t->text);
    AUTO(buf_free) struct buf b = BUF_INIT(t->text.n + 32);
    buf_adds(&b, "success() && (");
    buf_addsv(&b, t->text);
    buf_addc(&b, ')');
    return buf_take(&b, NULL);
}

void wf_steps_free(struct wf_step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(steps[i].context_name);
        free(steps[i].condition);
        wf_steps_free(steps[i].inner, steps[i].n_inner); /* as deep as the file */
    }
    free(steps);
}

/* What a generated id is made of. */
static struct sv id_base(const struct wf_step *s)
{
    struct uses u;
    UNINIT struct err e; /* a bad reference was reported before */

    if (s->kind == WF_STEP_CONTROL)
        return s->control;
    if (s->kind == WF_STEP_RUN || uses_parse(s->uses, &u, &e) < 0)
        return SV("run");
    switch (u.kind) {
    case USES_DOCKER:
        return u.image;
    case USES_LOCAL:
        return SV("self");
    case USES_SELF_REPOSITORY:
        return SV("selfRepository");
    case USES_REPOSITORY:
        break;
    }
    return u.repository;
}

static void name_steps(struct wf_reader *r, struct wf_step *steps, size_t n, struct nameset *ids)
{
    /* a name that cannot be made costs a thousand attempts: none for an error that nobody sees */
    for (size_t i = 0; i < n && !r->stopped && !wf_errors_full(r->errors); i++) {
        struct wf_step *s = &steps[i];
        if (s->id.n > 0) {
            s->context_name = sv_dup(s->id);
            continue;
        }
        AUTO(buf_free) struct buf base = BUF_INIT(1U << 20);
        buf_adds(&base, "__");
        buf_addsv(&base, id_base(s));
        struct sv segment = buf_sv(&base);
        s->context_name = wf_make_id(ids, &segment, 1, true);
        if (s->context_name == NULL)
            wf_stop(r, WF_NOWHERE, s->line, s->col, "Unable to create a unique name");
    }
}

static void check_target(struct wf_reader *r, struct nameset *ids, const struct wf_step *s,
                         const struct tok *target)
{
    if (sv_starts(target->text, SV("__")))
        wf_error_at(r, target,
                    "The identifier '%.*s' is invalid. IDs starting with '__' are reserved.",
                    SV_ARG(target->text));
    else if (s->id.n > 0 && sv_ieq(s->id, target->text))
        wf_error_at(r, target, "Step '%.*s' cannot reference itself", SV_ARG(s->id));
    else if (!nameset_has_exactly(ids, target->text))
        wf_error_at(r, target, "Step references unknown step ID '%.*s'", SV_ARG(target->text));
}

static void check_control(struct wf_reader *r, struct nameset *ids, const struct wf_step *s)
{
    const struct tok *v = s->control_value;

    if (sv_is(s->control, "wait-all") && v->kind == TOK_BOOL && !v->b)
        wf_error_at(r, v, "The value of 'wait-all' must be true or omitted");
    if (!sv_is(s->control, "wait") && !sv_is(s->control, "cancel"))
        return;
    if (v->kind == TOK_STRING)
        check_target(r, ids, s, v);
    for (size_t i = 0; v->kind == TOK_SEQUENCE && i < v->n; i++)
        check_target(r, ids, s, v->items[i]);
}

/* Members of `parallel`: run and uses steps that say nothing of the background; ids in a scope of their own. */
static void convert_parallel(struct wf_reader *r, const struct tok *t, unsigned if_context,
                             struct wf_step *s)
{
    wf_convert_steps(r, s->control_value, if_context, &s->inner, &s->n_inner);
    for (size_t i = 0; i < s->n_inner; i++) {
        const struct wf_step *inner = &s->inner[i];
        if (inner->background_token != NULL)
            wf_error_at(r, t,
                        "'background' is not allowed inside a parallel block. Steps in a parallel "
                        "block are automatically run as background steps.");
        if (inner->kind == WF_STEP_CONTROL && sv_is(inner->control, "parallel"))
            wf_error_at(r, t, "Nested 'parallel' blocks are not allowed.");
        else if (inner->kind == WF_STEP_CONTROL)
            wf_error_at(r, t, "'%.*s' is not allowed inside a parallel block.",
                        SV_ARG(inner->control));
    }
}

static void read_property(struct wf_step *s, struct sv key, struct tok *v)
{
    static const struct {
        const char *key;
        size_t offset;
    } plain[] = {
        {"name", offsetof(struct wf_step, name)},
        {"env", offsetof(struct wf_step, env)},
        {"with", offsetof(struct wf_step, with)},
        {"continue-on-error", offsetof(struct wf_step, continue_on_error)},
        {"timeout-minutes", offsetof(struct wf_step, timeout_minutes)},
        {"run", offsetof(struct wf_step, run)},
        {"shell", offsetof(struct wf_step, shell)},
        {"working-directory", offsetof(struct wf_step, working_directory)},
    };

    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (tok_names(key, plain[i].key))
            *(struct tok **)(void *)((char *)s + plain[i].offset) = v;
    }
    if (tok_names(key, "run"))
        s->kind = WF_STEP_RUN;
    if (tok_names(key, "uses")) {
        s->kind = WF_STEP_USES;
        s->uses = v->text;
        s->uses_token = v;
    }
    if (tok_names(key, "background")) {
        s->background = v->b;
        s->background_token = v;
    }
    if (tok_names(key, "wait") || tok_names(key, "wait-all") || tok_names(key, "cancel") ||
        tok_names(key, "parallel")) {
        s->kind = WF_STEP_CONTROL;
        s->control = key;
        s->control_value = v;
    }
}

static void convert_step(struct wf_reader *r, const struct tok *t, unsigned if_context,
                         struct nameset *ids, struct wf_step *s)
{
    struct uses u;
    struct err e = {0};
    const struct tok *id = NULL, *condition = NULL;

    *s = (struct wf_step){.line = t->line, .col = t->col};
    for (size_t i = 0; i < t->n; i++) {
        struct sv key = t->items[2 * i]->text;
        struct tok *v = t->items[2 * i + 1];
        read_property(s, key, v);
        if (tok_names(key, "id"))
            id = v;
        if (tok_names(key, "if"))
            condition = v;
    }
    if (id != NULL) {
        wf_check_id(r, ids, id);
        s->id = id->text;
    }
    if (condition != NULL) {
        s->if_line = condition->line;
        s->if_col = condition->col;
    }
    s->condition =
        s->kind == WF_STEP_CONTROL ? xstrdup("always()") : wf_condition(r, condition, if_context);
    if (s->uses_token != NULL && !sv_starts(s->uses, SV("docker://")) &&
        uses_parse(s->uses, &u, &e) < 0)
        wf_error_at(r, s->uses_token, "%s", err_whole(&e));
    if (s->kind == WF_STEP_CONTROL)
        check_control(r, ids, s);
    if (s->kind == WF_STEP_CONTROL && sv_is(s->control, "parallel"))
        convert_parallel(r, t, if_context, s);
}

void wf_convert_steps(struct wf_reader *r, const struct tok *steps, unsigned if_context,
                      struct wf_step **out, size_t *n_out)
{
    struct nameset ids = {0};

    *out = NULL;
    *n_out = 0;
    if (steps == NULL || steps->kind != TOK_SEQUENCE || steps->n == 0)
        return;
    struct wf_step *list = xcalloc(steps->n, sizeof *list);
    for (size_t i = 0; i < steps->n; i++)
        convert_step(r, steps->items[i], if_context, &ids, &list[i]);
    name_steps(r, list, steps->n, &ids);
    nameset_free(&ids);
    *out = list;
    *n_out = steps->n;
}
