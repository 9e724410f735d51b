/* SPDX-License-Identifier: Apache-2.0
 *
 * Evaluation of a step's tokens and conditions with the contexts that it may see (spec job-execution 5.1). */
#include <math.h>

#include "base/mem.h"
#include "runner/worker/exec.h"
#include "runner/worker/worker.h"

enum { EVAL_TEXT_MAX = 10 << 20 }; /* Source: PipelineTemplateEvaluator.cs, 10 MiB of result */

static struct val *lend_message_context(struct worker *w, struct sv name)
{
    struct val *v = w->msg != NULL ? val_get(w->msg->context, name) : NULL;

    return v != NULL ? v : w->null;
}

static struct val *lend_context(void *ctx, struct sv name)
{
    struct exec *x = ctx;
    struct worker *w = x->w;
    bool composite = x->inputs != NULL; /* no secrets, vars, needs in there (8.1) */

    if (sv_ieq(name, SV("github")))
        return x->github;
    if (sv_ieq(name, SV("steps")))
        return x->steps;
    if (sv_ieq(name, SV("env")))
        return x->env;
    if (sv_ieq(name, SV("job")))
        return w->job;
    if (sv_ieq(name, SV("runner")))
        return w->runner;
    if (sv_ieq(name, SV("inputs")))
        return composite ? x->inputs : lend_message_context(w, name);
    if (sv_ieq(name, SV("secrets")))
        return composite ? w->null : w->secrets;
    if (sv_ieq(name, SV("vars")) || sv_ieq(name, SV("needs")))
        return composite ? w->null : lend_message_context(w, name);
    if (sv_ieq(name, SV("strategy")) || sv_ieq(name, SV("matrix")))
        return lend_message_context(w, name);
    return NULL;
}

/* Inside a composite success() and failure() look at the composite, cancelled() at the job (4.3). */
static enum task_result status_of(const struct exec *x)
{
    return x->parent != NULL ? x->parent->result : x->w->result;
}

static bool fn_success(void *ctx)
{
    enum task_result r = status_of(ctx);

    return r == RES_NONE || r == RES_SUCCEEDED;
}

static bool fn_failure(void *ctx)
{
    return status_of(ctx) == RES_FAILED;
}

static bool fn_cancelled(void *ctx)
{
    const struct exec *x = ctx;

    return x->w->result == RES_CANCELED;
}

static int fn_hash_files(void *ctx, const struct sv *patterns, size_t n, struct buf *out,
                         struct err *e)
{
    struct exec *x = ctx;
    bool follow = false;
    char hex[65] = "";

    if (n > 0 && sv_starts(patterns[0], SV("--"))) {
        if (!sv_ieq(patterns[0], SV("--follow-symbolic-links")))
            return err_set(e, FAIL_INPUT,
                           "Invalid glob option '" SV_FMT "', available option: "
                           "'--follow-symbolic-links'.",
                           SV_ARG(sv_sub(patterns[0], 0, 60)));
        follow = true;
        patterns++;
        n--;
    }
    if (sbx_hash_files(x->w->sbx, x->w->workspace, patterns, n, follow, hex, e) < 0)
        return -1;
    buf_adds(out, hex);
    return 0;
}

static void on_trace(void *ctx, struct sv line)
{
    struct exec *x = ctx;

    exec_debug(x->trace_to != NULL ? x->trace_to : x, line);
}

static void on_mask(void *ctx, struct sv text, struct buf *out)
{
    struct exec *x = ctx;

    mask_apply(x->w->mask, text, out);
}

struct expr_env exec_expr_env(struct exec *x)
{
    bool traced = x->w->step_debug && !x->no_trace;

    return (struct expr_env){
        .ctx = x,
        .context = lend_context,
        .success = fn_success,
        .failure = fn_failure,
        .cancelled = fn_cancelled,
        .hash_files = fn_hash_files,
        .trace = traced ? on_trace : NULL,
        .mask = traced ? on_mask : NULL,
    };
}

static const char *const *file_table(const struct worker *w)
{
    return (const char *const *)w->files.v;
}

int exec_text(struct exec *x, const struct tok *t, struct buf *out, struct err *e)
{
    struct expr_env env = exec_expr_env(x);

    if (t == NULL)
        return 0;
    return tok_eval_text(t, &env, file_table(x->w), x->w->files.n, out, e);
}

int exec_value(struct exec *x, const struct tok *t, struct val **out, struct err *e)
{
    struct expr_env env = exec_expr_env(x);

    if (t == NULL) {
        *out = val_null();
        return 0;
    }
    return tok_eval(t, &env, file_table(x->w), x->w->files.n, out, e);
}

static int unexpected(const struct val *v, const char *wanted, struct err *e)
{
    AUTO(buf_free) struct buf b = BUF_INIT(4096);

    val_to_text(v, &b);
    return err_set(e, FAIL_INPUT, "Unexpected value '" SV_FMT "', expected a %s",
                   SV_ARG(sv_sub(buf_sv(&b), 0, 100)), wanted);
}

int exec_bool(struct exec *x, const struct tok *t, bool dflt, bool *out, struct err *e)
{
    AUTO(auto_val) struct val *v = NULL;

    if (t == NULL) {
        *out = dflt;
        return 0;
    }
    if (exec_value(x, t, &v, e) < 0)
        return -1;
    if (val_kind(v) == VAL_NULL || (val_kind(v) == VAL_STRING && val_get_string(v).n == 0)) {
        *out = dflt;
        return 0;
    }
    if (val_kind(v) != VAL_BOOL)
        return unexpected(v, "boolean", e);
    *out = val_get_bool(v);
    return 0;
}

int exec_number(struct exec *x, const struct tok *t, double dflt, double *out, struct err *e)
{
    AUTO(auto_val) struct val *v = NULL;

    if (t == NULL) {
        *out = dflt;
        return 0;
    }
    if (exec_value(x, t, &v, e) < 0)
        return -1;
    double d = val_kind(v) == VAL_NULL ? dflt : val_to_number(v);
    if (isnan(d) || (val_kind(v) != VAL_NUMBER && val_kind(v) != VAL_NULL))
        return unexpected(v, "number", e);
    *out = d;
    return 0;
}

int exec_mapping(struct exec *x, const struct tok *t, struct val *into, struct err *e)
{
    AUTO(auto_val) struct val *v = NULL;

    if (t == NULL)
        return 0;
    if (exec_value(x, t, &v, e) < 0)
        return -1;
    if (val_kind(v) == VAL_NULL || (val_kind(v) == VAL_STRING && val_get_string(v).n == 0))
        return 0;
    if (val_kind(v) != VAL_OBJECT)
        return err_set(e, FAIL_INPUT, "a mapping was expected");
    for (size_t i = 0; i < val_count(v); i++) {
        AUTO(buf_free) struct buf b = BUF_INIT(EVAL_TEXT_MAX);
        val_to_text(val_at(v, i), &b);
        if (buf_done(&b, "value", e) < 0)
            return -1;
        val_set(into, val_key_at(v, i), val_string(buf_sv(&b)));
    }
    return 0;
}

int exec_condition(struct exec *x, struct sv text, bool *out, struct err *e)
{
    AUTO(auto_expr) struct expr *parsed = NULL;
    AUTO(auto_val) struct val *v = NULL;
    struct expr_env env = exec_expr_env(x);
    struct expr_error at = {0};

    if (expr_parse(text, NULL, &parsed, &at, e) < 0 || expr_eval(parsed, &env, &v, &at, e) < 0)
        return -1;
    *out = val_truthy(v);
    return 0;
}

/* ---- display name ---- */

static void note_steps(void *ctx, const struct sv *path, size_t n)
{
    if (n > 0 && sv_ieq(path[0], SV("steps")))
        *(bool *)ctx = true;
}

/* Whether the token can be evaluated before any step ran. */
static bool needs_steps(const struct tok *t)
{
    AUTO(auto_expr) struct expr *parsed = NULL;
    struct expr_error at = {0};
    struct err ignored = {0}; /* an expression that cannot be parsed fails again where it is used */
    bool found = false;

    if (t->kind != TOK_EXPR || expr_parse(t->text, NULL, &parsed, &at, &ignored) < 0)
        return false;
    expr_visit_contexts(parsed, note_steps, &found);
    return found;
}

static int display_token(struct exec *x, const struct tok *t, struct buf *b)
{
    struct err e = {0};

    if (x->rec != NULL && x->rec->state == REC_PENDING && needs_steps(t)) {
        buf_adds(b, "${{ ");
        buf_addsv(b, t->text);
        buf_adds(b, " }}");
        return 0;
    }
    return exec_text(x, t, b, &e); /* a failure is no error (4.4): the fallback name stands */
}

static void raw_display(struct exec *x, struct buf *b)
{
    const struct step_def *d = x->def;

    if (d->legacy_display.n > 0) {
        buf_addsv(b, d->legacy_display);
        return;
    }
    if (d->display != NULL) {
        if (display_token(x, d->display, b) < 0)
            buf_reset(b);
        return;
    }
    if (d->kind == REF_CONTROL) {
        buf_addsv(b, d->name);
        return;
    }
    buf_adds(b, "Run ");
    if (d->kind == REF_SCRIPT) {
        AUTO(buf_free) struct buf script = BUF_INIT(EVAL_TEXT_MAX);
        if (d->run != NULL && display_token(x, d->run, &script) == 0)
            buf_addsv(b, sv_trim(buf_sv(&script)));
        return;
    }
    if (d->kind == REF_CONTAINER) {
        buf_addsv(b, d->image);
        return;
    }
    AUTO(auto_free) char *uses = step_def_uses(d);
    buf_adds(b, uses);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Evaluated in "Set up job" already, whose log has the trace. */
static bool was_settled(const struct exec *x)
{
    const struct tok *t = x->def->display != NULL ? x->def->display : x->def->run;

    return x->parent == NULL && x->trace_to == NULL && (t == NULL || !needs_steps(t));
}

void exec_refresh_display(struct exec *x)
{
    AUTO(buf_free) struct buf b = BUF_INIT(EVAL_TEXT_MAX);
    bool before = x->no_trace;

    if (x->w->step_debug && was_settled(x))
        x->no_trace = true;
    raw_display(x, &b);
    x->no_trace = before;
    struct sv s = buf_sv(&b);
    while (s.n > 0 && is_blank(s.p[0]))
        s = sv_sub(s, 1, s.n);
    size_t end = 0;
    while (end < s.n && s.p[end] != '\n' && s.p[end] != '\r')
        end++;
    s = sv_sub(s, 0, end);
    free(x->display);
    x->display = s.n > 0 ? exec_masked(x, s) : xstrdup("run");
    if (x->w->step_debug && !was_settled(x))
        exec_debugf(x->trace_to != NULL ? x->trace_to : x,
                    "Set step '" SV_FMT "' display name to: '%s'", SV_ARG(x->def->name),
                    x->display);
}
