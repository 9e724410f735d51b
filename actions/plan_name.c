/* SPDX-License-Identifier: Apache-2.0
 *
 * The name of a run: `run-name` (spec expressions 9.2), or what its event is about. */
#include "actions/plan_priv.h"

#include "base/mem.h"

/* The first line that is not blank: titles of commits come with their bodies. */
static char *title(struct sv text)
{
    struct sv line;

    while (sv_next(&text, '\n', &line))
        if (sv_trim(line).n > 0)
            return sv_dup(sv_trim(line));
    return NULL;
}

static struct sv member(const struct val *o, const char *first, const char *second)
{
    const struct val *v = val_gets(o, first);

    v = v != NULL ? val_gets(v, second) : NULL;
    return v != NULL && val_kind(v) == VAL_STRING ? val_get_string(v) : SV("");
}

/* Source: docs.github.com, "Workflow syntax", run-name: "event-specific information", of which push and pull_request
 * are told. UNVERIFIED for the others: what the Actions tab of github.com shows. */
static char *default_name(const struct plan_inputs *in)
{
    static const struct {
        const char *event, *first, *second;
    } table[] = {
        {"push", "head_commit", "message"},
        {"pull_request", "pull_request", "title"},
        {"pull_request_target", "pull_request", "title"},
        {"pull_request_review", "pull_request", "title"},
        {"pull_request_review_comment", "pull_request", "title"},
        {"issues", "issue", "title"},
        {"issue_comment", "issue", "title"},
        {"discussion", "discussion", "title"},
        {"discussion_comment", "discussion", "title"},
        {"release", "release", "name"},
    };
    const struct val *event = val_gets(in->github, "event");
    const struct val *name = val_gets(in->github, "event_name");
    char *found = NULL;

    for (size_t i = 0; event != NULL && name != NULL && i < sizeof table / sizeof table[0]; i++)
        if (sv_is(val_get_string(name), table[i].event))
            found = title(member(event, table[i].first, table[i].second));
    if (found == NULL && val_gets(in->github, "workflow") != NULL)
        found = title(val_get_string(val_gets(in->github, "workflow")));
    return found != NULL ? found : sv_dup(in->wf->n_files > 0 ? sv_of(in->wf->files[0]) : SV(""));
}

int plan_run_name(const struct plan_inputs *in, char **out, struct err *e)
{
    AUTO(buf_free) struct buf text = BUF_INIT(PLAN_MAX_TEXT);
    AUTO(auto_val) struct val *empty = val_object();
    struct planner pl = {.in = in, .empty = empty};
    const struct scope s = {
        .pl = &pl, .wf = in->wf, .inputs = in->inputs, .id = "", .path = "", .names = ""};
    struct plan_env env;

    plan_env_init(&env, &s, NULL);
    if (in->wf->run_name != NULL &&
        tok_eval_text(in->wf->run_name, &env.expr, PLAN_FILES(&s), &text, e) < 0)
        return -1;
    *out = title(buf_sv(&text));
    if (*out == NULL)
        *out = default_name(in);
    return 0;
}
