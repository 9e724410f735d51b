/* SPDX-License-Identifier: Apache-2.0
 *
 * Case files: parting, options, running. Source: actions/languageservices: workflow-parser/src/xlang.test.ts. */
#include "actions/workflow_case.h"

#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "actions/token_priv.h"
#include "actions/workflow_call.h"
#include "actions/workflow_json.h"
#include "base/mem.h"

struct called {
    struct sv name, text;
};

struct wf_case {
    char *text; /* everything below is lent from it */
    char *file; /* as messages name it */
    struct sv workflow, expected;
    struct called *called;
    size_t n_called;
    struct wf_options options;
    bool positions;
    bool skip_cs, skip_go; /* both: a case of the editor's parser, which gives events */
    bool partial;          /* a run of some jobs again, whose template names its files in order */
};

void wf_case_free(struct wf_case *c)
{
    if (c == NULL)
        return;
    free(c->text);
    free(c->file);
    free(c->called);
    free(c);
}

void auto_wf_case(struct wf_case **c)
{
    wf_case_free(*c);
    *c = NULL;
}

/* ---- options ---- */

static int wrong(struct sv key, const char *want, struct err *e)
{
    return err_set(e, FAIL_INPUT, "case option '%.*s': expected %s", SV_ARG(key), want);
}

static int to_bool(struct sv key, const struct tok *v, bool *out, struct err *e)
{
    if (v->kind != TOK_BOOL)
        return wrong(key, "true or false", e);
    *out = v->b;
    return 0;
}

static int to_number(struct sv key, const struct tok *v, unsigned *out, struct err *e)
{
    if (v->kind != TOK_NUMBER || !(v->num >= 0) || !(v->num <= INT_MAX) || trunc(v->num) < v->num)
        return wrong(key, "a whole number", e);
    *out = (unsigned)v->num;
    return 0;
}

static int to_size(struct sv key, const struct tok *v, size_t *out, struct err *e)
{
    unsigned n = 0;

    if (to_number(key, v, &n, e) < 0)
        return -1;
    *out = n;
    return 0;
}

/* The names of the service's features and of the editor's; others have no effect on what is read. */
static void set_feature(struct wf_options *o, struct sv name, bool on)
{
    static const struct {
        const char *name;
        unsigned bits;
    } known[] = {
        {"all", WF_ALL_FEATURES},
        {"IdToken", WF_ID_TOKEN},
        {"Snapshot", WF_SNAPSHOT},
        {"AllowServiceContainerCommand", WF_SERVICE_COMMAND},
        {"AllowDeploymentKeyword", WF_DEPLOYMENT},
        {"AllowBackgroundSteps", WF_BACKGROUND_STEPS},
        {"AllowModelsPermission", WF_MODELS | WF_MODELS_IN_ALL},
        {"AllowVulnerabilityAlertsPermission", WF_VULNERABILITY_ALERTS | WF_ALERTS_IN_ALL},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!sv_ieq(name, sv_of(known[i].name)))
            continue;
        o->features = on ? o->features | known[i].bits : o->features & ~known[i].bits;
    }
}

static int read_features(struct sv key, const struct tok *v, struct wf_options *o, struct err *e)
{
    if (v->kind == TOK_STRING) {
        set_feature(o, v->text, true);
        return 0;
    }
    if (v->kind != TOK_SEQUENCE && v->kind != TOK_MAPPING)
        return wrong(key, "names, or a mapping of names to true or false", e);
    for (size_t i = 0; i < v->n; i++) {
        bool on = true;
        const struct tok *name = v->items[v->kind == TOK_MAPPING ? 2 * i : i];
        if (name->kind != TOK_STRING)
            return wrong(key, "names", e);
        if (v->kind == TOK_MAPPING && to_bool(name->text, v->items[2 * i + 1], &on, e) < 0)
            return -1;
        set_feature(o, name->text, on);
    }
    return 0;
}

static int read_skip(struct sv key, const struct tok *v, struct wf_case *c, struct err *e)
{
    for (size_t i = 0; v->kind == TOK_SEQUENCE && i < v->n; i++) {
        struct sv name = v->items[i]->text;
        c->skip_cs = c->skip_cs || sv_ieq(name, SV("C#"));
        c->skip_go = c->skip_go || sv_ieq(name, SV("Go"));
    }
    return v->kind == TOK_SEQUENCE || v->kind == TOK_NULL ? 0 : wrong(key, "a list of names", e);
}

static int read_policy(struct sv key, const struct tok *v, struct wf_options *o, struct err *e)
{
    if (v->kind == TOK_STRING && sv_is(v->text, "LimitedRead"))
        o->policy = WF_POLICY_LIMITED_READ;
    else if (v->kind == TOK_STRING && sv_is(v->text, "Write"))
        o->policy = WF_POLICY_WRITE;
    else
        return wrong(key, "LimitedRead or Write", e);
    return 0;
}

/* As the service started out: these are off unless a case switches them on. */
#define LATER_FEATURES                                                                       \
    ((unsigned)(WF_MODELS_IN_ALL | WF_ALERTS_IN_ALL | WF_PROVENANCE_IN_ALL | WF_DEPLOYMENT | \
                WF_BACKGROUND_STEPS))

static int read_edition(struct sv key, const struct tok *v, struct wf_options *o, struct err *e)
{
    if (v->kind != TOK_STRING || !sv_is(v->text, "today"))
        return wrong(key, "today", e);
    o->edition = WF_EDITION_TODAY;
    o->features |= WF_PROVENANCE_IN_ALL | WF_DEPLOYMENT | WF_BACKGROUND_STEPS;
    return 0;
}

static int read_option(struct wf_case *c, const struct tok *k, const struct tok *v, struct err *e)
{
    struct wf_options *o = &c->options;
    struct sv key = k->text;
    bool deployment;

    if (sv_is(key, "include-source"))
        return to_bool(key, v, &c->positions, e);
    if (sv_is(key, "skip"))
        return read_skip(key, v, c, e);
    if (sv_is(key, "experimental-features"))
        return read_features(key, v, o, e);
    if (sv_is(key, "edition")) /* ours */
        return read_edition(key, v, o, e);
    if (sv_is(key, "max-depth"))
        return to_number(key, v, &o->max_depth, e);
    if (sv_is(key, "max-file-size"))
        return to_size(key, v, &o->max_file_size, e);
    if (sv_is(key, "max-job-limit"))
        return to_number(key, v, &o->max_jobs, e);
    if (sv_is(key, "max-result-size"))
        return to_size(key, v, &o->max_result_size, e);
    if (sv_is(key, "max-nested-reusable-workflows-depth"))
        return to_number(key, v, &o->max_nested, e);
    if (sv_is(key, "permissions-policy"))
        return read_policy(key, v, o, e);
    if (sv_is(key, "skip-reusable-workflows"))
        return to_bool(key, v, &o->skip_calls, e);
    if (sv_is(key, "is-partial-rerun"))
        return to_bool(key, v, &c->partial, e);
    if (sv_is(key, "allow-deployment-keyword")) {
        if (to_bool(key, v, &deployment, e) < 0)
            return -1;
        set_feature(o, SV("AllowDeploymentKeyword"), deployment);
        return 0;
    }
    return err_set(e, FAIL_INPUT, "unknown case option '%.*s'", SV_ARG(key));
}

static int read_options(struct wf_case *c, struct sv text, struct err *e)
{
    AUTO(auto_yx) struct yx_doc *doc = NULL;
    AUTO(auto_tok) struct tok *t = NULL;

    if (yx_parse(text, NULL, &doc, e) < 0)
        return err_wrap(e, "options of the case");
    if (yx_root(doc) == NULL)
        return 0;
    if (tok_from_yaml(yx_root(doc), 1, NULL, &t, e) < 0)
        return err_wrap(e, "options of the case");
    if (t->kind != TOK_MAPPING && t->kind != TOK_NULL)
        return err_set(e, FAIL_INPUT, "options of the case: expected a mapping");
    for (size_t i = 0; t->kind == TOK_MAPPING && i < t->n; i++) {
        if (t->items[2 * i]->kind != TOK_STRING)
            return err_set(e, FAIL_INPUT, "options of the case: expected names as keys");
        if (read_option(c, t->items[2 * i], t->items[2 * i + 1], e) < 0)
            return -1;
    }
    if (c->options.max_depth > 100)
        return err_set(e, FAIL_INPUT, "case option 'max-depth': at most 100");
    return 0;
}

/* ---- parting ---- */

/* Takes the part before the next line "---"; the line break in front of that line belongs to neither. */
static bool next_part(struct sv *rest, struct sv *part)
{
    for (size_t from = 0;;) {
        size_t at = sv_find(sv_sub(*rest, from, SV_NPOS), SV("\n---"));
        if (at == SV_NPOS)
            return false;
        at += from;
        struct sv behind = sv_sub(*rest, at + 4, SV_NPOS);
        if (sv_starts(behind, SV("\r\n")) || sv_starts(behind, SV("\n"))) {
            *part = sv_sub(*rest, 0, at);
            if (sv_ends(*part, SV("\r")))
                part->n--;
            *rest = sv_sub(behind, behind.p[0] == '\r' ? 2 : 1, SV_NPOS);
            return true;
        }
        from = at + 1;
    }
}

static int part(struct wf_case *c, struct sv *options, struct err *e)
{
    struct sv rest = sv_of(c->text), piece;
    size_t cap = 0;

    *options =
        (struct sv){c->text, 0}; /* they may be missing: the file then begins with the line */
    if (sv_starts(rest, SV("---\n")))
        rest = sv_sub(rest, 4, SV_NPOS);
    else if (!next_part(&rest, options))
        return err_set(e, FAIL_INPUT, "not a case: expected options, '---', a workflow");
    if (!next_part(&rest, &c->workflow))
        return err_set(e, FAIL_INPUT, "not a case: expected '---' and JSON after the workflow");
    while (next_part(&rest, &piece)) {
        struct sv name = sv_trim(piece);
        if (name.n == 0 || sv_chr(name, '\n') != SV_NPOS)
            return err_set(e, FAIL_INPUT,
                           "not a case: expected the reference of a called workflow "
                           "on one line");
        if (!next_part(&rest, &piece))
            return err_set(e, FAIL_INPUT, "not a case: the called workflow '%.*s' has no content",
                           SV_ARG(name));
        GROW(c->called, cap, c->n_called + 1);
        c->called[c->n_called++] = (struct called){name, piece};
    }
    c->expected = sv_trim(rest);
    return 0;
}

int wf_case_parse(struct sv text, struct sv file, struct wf_case **out, struct err *e)
{
    size_t slash = sv_rchr(file, '/');
    struct sv base = slash == SV_NPOS ? file : sv_sub(file, slash + 1, SV_NPOS), options;

    if (text.n > WF_CASE_MAX)
        return err_set(e, FAIL_LIMIT, "the case is above %zu bytes", WF_CASE_MAX);
    if (memchr(text.p, '\0', text.n) != NULL)
        return err_set(e, FAIL_INPUT, "not a case: it has a NUL byte");
    AUTO(auto_wf_case) struct wf_case *c = xcalloc(1, sizeof *c);
    c->text = sv_dup(text);
    c->file = xasprintf(".github/workflows/%.*s", SV_ARG(base));
    c->options = wf_default_options;
    c->options.features &= ~LATER_FEATURES;
    c->options.edition = WF_EDITION_CASES;
    c->options.any_call_format = true;
    c->options.no_anchors = true;
    c->positions = true;
    if (part(c, &options, e) < 0 || read_options(c, options, e) < 0)
        return -1;
    if (c->skip_cs && c->skip_go) {
        c->options.edition = WF_EDITION_EDITOR;
        c->options.strict = true;
    }
    *out = TAKE_PTR(c);
    return 0;
}

/* ---- running ---- */

static int read_called(void *ctx, struct sv name, struct buf *out, struct err *e)
{
    const struct wf_case *c = ctx;

    for (size_t i = 0; i < c->n_called; i++) {
        struct sv have = c->called[i].name;
        if (sv_starts(have, SV("./"))) /* a file of the same repository */
            have = sv_sub(have, 2, SV_NPOS);
        if (sv_eq(have, name)) {
            buf_addsv(out, c->called[i].text);
            return 0;
        }
    }
    return err_set(e, FAIL_NOTFOUND, "the case does not supply it");
}

static int name_cmp(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

/* The tokens keep their indexes: a partial run's table is made anew, of the names alone. */
static void sort_names(json_t *files)
{
    size_t n = json_array_size(files);
    AUTO(auto_free) const char **names = xcalloc(n > 0 ? n : 1, sizeof *names);
    json_t *sorted = json_array();

    for (size_t i = 0; i < n; i++)
        names[i] = json_string_value(json_array_get(files, i));
    qsort(names, n, sizeof *names, name_cmp);
    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(sorted, json_string(names[i]));
    (void)json_array_clear(files);
    (void)json_array_extend(files, sorted);
    json_decref(sorted);
}

json_t *wf_case_run(const struct wf_case *c)
{
    const struct wf_loader loader = {.ctx = (void *)(uintptr_t)c, .read = read_called};
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    AUTO(auto_wf) struct wf *w = NULL;
    unsigned flags = WF_JSON_EMPTY_CALLS | (c->positions ? WF_JSON_POSITIONS : 0U);
    struct err e; /* everything is in the list */

    if (wf_parse_with(c->workflow, c->file, &c->options, &w, &errors, &e) < 0 ||
        wf_load_calls(w, &loader, &c->options, &errors, &e) < 0)
        return wf_errors_to_json(&errors);
    json_t *result =
        wf_to_json(w, c->options.edition == WF_EDITION_EDITOR ? WF_JSON_EDITOR : flags);
    json_t *files = jx_get(result, "file-table");
    if (c->partial && files != NULL)
        sort_names(files);
    return result;
}

int wf_case_check(const struct wf_case *c, const json_t *result, struct err *e)
{
    AUTO(buf_free) struct buf want = BUF_INIT(8 * WF_CASE_MAX);
    AUTO(buf_free) struct buf got = BUF_INIT(8 * WF_CASE_MAX);
    AUTO(auto_json) json_t *expected = jx_parse_lax(c->expected, "expected JSON", e);

    if (expected == NULL)
        return -1;
    wf_case_print(&want, expected);
    wf_case_print(&got, result);
    if (buf_done(&want, "expected JSON", e) < 0 || buf_done(&got, "result", e) < 0)
        return -1;
    if (sv_eq(buf_sv(&want), buf_sv(&got)))
        return 0;
    struct sv a = buf_sv(&want), b = buf_sv(&got), x = {"", 0}, y = {"", 0};
    size_t line = 0;
    do {
        x = y = SV("");
        bool more_a = sv_next(&a, '\n', &x), more_b = sv_next(&b, '\n', &y);
        line++;
        if (!more_a && !more_b)
            break;
    } while (sv_eq(x, y));
    return err_set(e, FAIL_INPUT, "line %zu: expected '%.*s', got '%.*s'", line,
                   (int)(x.n > 100 ? 100 : x.n), x.p, (int)(y.n > 100 ? 100 : y.n), y.p);
}
