/* SPDX-License-Identifier: Apache-2.0
 *
 * Which events start a workflow, and which filter and pattern decided (spec expressions 5.2, 5.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>

#include "actions/event.h"
#include "base/json.h"
#include "base/mem.h"

struct match_case {
    const char *name;
    const char *on;    /* behind "on: " */
    const char *event; /* "EVENT REF", "EVENT:ACTIVITY BASE-BRANCH" for pull requests */
    const char *paths; /* changed files, ',' between them; "": none; NULL: not known */
    const char *
        more; /* JSON: the payload, or {"message": of the commit, "commits": how many}; NULL: none */
    const char *want; /* "+ text" or "- text"; then " [FILTER PATTERN VALUE LINE]" of each filter */
};

#define MAIN  "push refs/heads/main"
#define TAG   "push refs/tags/v1"
#define EVERY "+ it runs on every 'push'"

static const struct match_case cases[] = {
    {"any push", "push", MAIN, NULL, NULL, EVERY},
    {"a tag too", "push", TAG, NULL, NULL, EVERY},
    {"another event", "[pull_request, issues]", MAIN, NULL, NULL,
     "- it does not run on 'push' (on: pull_request, issues)"},
    {"names of events have a case", "Push", MAIN, NULL, NULL, NULL},

    /* branches */
    {"a branch", "{push: {branches: [dev, main]}}", MAIN, NULL, NULL,
     "+ 'main' matches 'main' of 'branches' [branches main main 1]"},
    {"one text instead of a list", "{push: {branches: main}}", MAIN, NULL, NULL,
     "+ 'main' matches 'main' of 'branches' [branches main main 1]"},
    {"another branch", "{push: {branches: [dev]}}", MAIN, NULL, NULL,
     "- 'main' matches no pattern of 'branches' [branches - main 1]"},
    {"branches have a case", "{push: {branches: [Main]}}", MAIN, NULL, NULL,
     "- 'main' matches no pattern of 'branches' [branches - main 1]"},
    {"a pattern", "{push: {branches: ['ma*']}}", MAIN, NULL, NULL,
     "+ 'main' matches 'ma*' of 'branches' [branches ma* main 1]"},
    {"a name with slashes", "{push: {branches: ['r/**']}}", "push refs/heads/r/1/x", NULL, NULL,
     "+ 'r/1/x' matches 'r/**' of 'branches' [branches r/** r/1/x 1]"},
    {"the last pattern wins: out", "{push: {branches: ['**', '!main']}}", MAIN, NULL, NULL,
     "- 'main' matches '!main' of 'branches' [branches !main main 1]"},
    {"the last pattern wins: in", "{push: {branches: ['**', '!main', 'ma*']}}", MAIN, NULL, NULL,
     "+ 'main' matches 'ma*' of 'branches' [branches ma* main 1]"},
    {"only negative patterns match nothing", "{push: {branches: ['!dev']}}", MAIN, NULL, NULL,
     "- 'main' matches no pattern of 'branches' [branches - main 1]"},
    {"an ignored branch", "{push: {branches-ignore: ['m*']}}", MAIN, NULL, NULL,
     "- 'main' matches 'm*' of 'branches-ignore' [branches-ignore m* main 1]"},
    {"one that is not ignored", "{push: {branches-ignore: [dev]}}", MAIN, NULL, NULL,
     "+ 'main' matches no pattern of 'branches-ignore' [branches-ignore - main 1]"},
    {"an exclamation mark in an ignore list", "{push: {branches-ignore: ['!main']}}", MAIN, NULL,
     NULL, "+ 'main' matches no pattern of 'branches-ignore' [branches-ignore - main 1]"},
    {"ignores all others", "{push: {branches-ignore: ['!dev']}}", MAIN, NULL, NULL,
     "- 'main' matches '!dev' of 'branches-ignore' [branches-ignore !dev main 1]"},

    {"a key that push does not have filters nothing", "{push: {branch: [dev], types: [x]}}", MAIN,
     NULL, NULL, EVERY},
    {"nor one of another event", "{create: , workflow_dispatch: {branches: [dev], tags: {a: b}}}",
     "workflow_dispatch refs/heads/main", NULL, NULL, "+ it runs on every 'workflow_dispatch'"},
    {"a filter of nothing is none", "{push: {branches: , tags: }}", MAIN, NULL, NULL, EVERY},
    {"a list is no filter", "{push: [dev]}", MAIN, NULL, NULL, EVERY},
    {"create has no filters", "{create: {tags: [v*]}}", "create refs/heads/main", NULL, NULL,
     "+ it runs on every 'create'"},

    /* tags */
    {"a tag", "{push: {tags: ['v*']}}", TAG, NULL, NULL,
     "+ 'v1' matches 'v*' of 'tags' [tags v* v1 1]"},
    {"another tag", "{push: {tags: ['w*']}}", TAG, NULL, NULL,
     "- 'v1' matches no pattern of 'tags' [tags - v1 1]"},
    {"an ignored tag", "{push: {tags-ignore: ['v*']}}", TAG, NULL, NULL,
     "- 'v1' matches 'v*' of 'tags-ignore' [tags-ignore v* v1 1]"},
    {"a tag where branches are asked for", "{push: {branches: ['**']}}", TAG, NULL, NULL,
     "- a tag was pushed and only branches are asked for"},
    {"or ignored", "{push: {branches-ignore: [x]}}", TAG, NULL, NULL,
     "- a tag was pushed and only branches are asked for"},
    {"a branch where tags are asked for", "{push: {tags: ['**']}}", MAIN, NULL, NULL,
     "- a branch was pushed and only tags are asked for"},
    {"both are asked for", "{push: {branches: [dev], tags: ['v*']}}", TAG, NULL, NULL,
     "+ 'v1' matches 'v*' of 'tags' [tags v* v1 1]"},

    /* paths */
    {"a changed file", "{push: {paths: ['src/**']}}", MAIN, "README.md,src/a.c", NULL,
     "+ the changed file 'src/a.c' matches 'src/**' of 'paths' [paths src/** src/a.c 1]"},
    {"no changed file", "{push: {paths: ['src/**']}}", MAIN, "README.md", NULL,
     "- no changed file matches a pattern of 'paths' [paths -  1]"},
    {"a file that is taken out again", "{push: {paths: ['**', '!docs/**']}}", MAIN, "docs/x", NULL,
     "- no changed file matches a pattern of 'paths' [paths -  1]"},
    {"any file is enough", "{push: {paths: ['**', '!docs/**']}}", MAIN, "docs/x,a", NULL,
     "+ the changed file 'a' matches '**' of 'paths' [paths ** a 1]"},
    {"only ignored files", "{push: {paths-ignore: ['**.md']}}", MAIN, "a.md,b/c.md", NULL,
     "- every changed file matches a pattern of 'paths-ignore' [paths-ignore -  1]"},
    {"one that is not", "{push: {paths-ignore: ['**.md']}}", MAIN, "a.md,b.c", NULL,
     "+ the changed file 'b.c' matches no pattern of 'paths-ignore' [paths-ignore - b.c 1]"},
    {"nothing changed", "{push: {paths: ['**']}}", MAIN, "", NULL,
     "- no changed file matches a pattern of 'paths' [paths -  1]"},
    {"nothing changed, ignoring", "{push: {paths-ignore: [x]}}", MAIN, "", NULL,
     "- every changed file matches a pattern of 'paths-ignore' [paths-ignore -  1]"},
    {"files that are not known", "{push: {paths: [x]}}", MAIN, NULL, NULL,
     "+ the changed files are not known: 'paths' passes"},
    {"a branch and a file", "{push: {branches: [main], paths: ['**.c']}}", MAIN, "a.c", NULL,
     "+ 'main' matches 'main' of 'branches'; the changed file 'a.c' matches '**.c' of 'paths' [branches main main 1] "
     "[paths **.c a.c 1]"},
    {"a branch but no file", "{push: {branches: [main], paths: ['**.c']}}", MAIN, "a.h", NULL,
     "- 'main' matches 'main' of 'branches'; no changed file matches a pattern of 'paths' [branches main main 1] "
     "[paths -  1]"},
    {"a tag has no files", "{push: {tags: ['**'], paths: ['**.c']}}", TAG, "a.h", NULL,
     "+ 'v1' matches '**' of 'tags' [tags ** v1 1]"},
    {"1,000 commits", "{push: {paths: [x]}}", MAIN, "a", "{\"commits\": 1000}",
     "- no changed file matches a pattern of 'paths' [paths -  1]"},
    {"more than 1,000 commits", "{push: {paths: [x]}}", MAIN, "a", "{\"commits\": 1001}",
     "+ the changed files are not known: 'paths' passes"},
    {"only the first 300 files count", "{push: {paths: [wanted]}}", MAIN, "*300,wanted", NULL,
     "- none of the first 300 of 301 changed files matches a pattern of 'paths' [paths -  1]"},
    {"the 300th counts", "{push: {paths: [wanted]}}", MAIN, "*299,wanted", NULL,
     "+ the changed file 'wanted' matches 'wanted' of 'paths' [paths wanted wanted 1]"},

    /* pull requests: the base branch */
    {"the base", "{pull_request: {branches: [main]}}", "pull_request:opened main", NULL, NULL,
     "+ 'main' matches 'main' of 'branches' [branches main main 1]"},
    {"another base", "{pull_request: {branches: [main]}}", "pull_request:opened dev", NULL, NULL,
     "- 'dev' matches no pattern of 'branches' [branches - dev 1]"},
    {"of pull_request_target too", "{pull_request_target: {branches-ignore: [dev]}}",
     "pull_request_target:opened dev", NULL, NULL,
     "- 'dev' matches 'dev' of 'branches-ignore' [branches-ignore dev dev 1]"},
    {"its files", "{pull_request: {paths: ['**.c']}}", "pull_request:opened main", "a.h", NULL,
     "- no changed file matches a pattern of 'paths' [paths -  1]"},
    {"opened", "pull_request", "pull_request:opened main", NULL, NULL,
     "+ it runs on every 'pull_request'"},
    {"synchronize", "pull_request", "pull_request:synchronize main", NULL, NULL,
     "+ it runs on every 'pull_request'"},
    {"reopened", "pull_request", "pull_request:reopened main", NULL, NULL,
     "+ it runs on every 'pull_request'"},
    {"labeled is not asked for by default", "pull_request", "pull_request:labeled main", NULL, NULL,
     "- activity 'labeled' is not one of opened, synchronize, reopened"},
    {"nor for pull_request_target", "pull_request_target", "pull_request_target:closed main", NULL,
     NULL, "- activity 'closed' is not one of opened, synchronize, reopened"},
    {"an activity that is asked for", "{pull_request: {types: [labeled]}}",
     "pull_request:labeled main", NULL, NULL,
     "+ activity 'labeled' is in 'types' [types labeled labeled 1]"},
    {"then the others are not", "{pull_request: {types: labeled}}", "pull_request:opened main",
     NULL, NULL, "- activity 'opened' is not in 'types' [types - opened 1]"},

    /* activities of other events */
    {"any activity", "issues", "issues:closed", NULL, NULL, "+ it runs on every 'issues'"},
    {"one that is asked for", "{issues: {types: [opened, closed]}}", "issues:closed", NULL, NULL,
     "+ activity 'closed' is in 'types' [types closed closed 1]"},
    {"one that is not", "{issues: {types: [opened]}}", "issues:closed", NULL, NULL,
     "- activity 'closed' is not in 'types' [types - closed 1]"},
    {"one that nobody knows", "{pull_request: {types: [opened, synchronized]}}",
     "pull_request:synchronize main", NULL, NULL,
     "- activity 'synchronize' is not in 'types' [types - synchronize 1]"},
    {"an event_type", "{repository_dispatch: {types: [deploy]}}", "repository_dispatch:deploy",
     NULL, NULL, "+ activity 'deploy' is in 'types' [types deploy deploy 1]"},
    {"drafts of releases are edited silently", "release", "release:edited", NULL,
     "{\"release\": {\"draft\": true}}", "- the release is a draft"},
    {"but published", "release", "release:published", NULL, "{\"release\": {\"draft\": true}}",
     "+ it runs on every 'release'"},
    {"an inactive deployment", "deployment_status", "deployment_status", NULL,
     "{\"deployment_status\": {\"state\": \"inactive\"}}",
     "- the state 'inactive' of a deployment starts nothing"},
    {"an active one", "deployment_status", "deployment_status", NULL,
     "{\"deployment_status\": {\"state\": \"success\"}}", "+ it runs on every 'deployment_status'"},
    {"the base of a merge group", "{merge_group: {branches: [main]}}",
     "merge_group:checks_requested", NULL, "{\"merge_group\": {\"base_ref\": \"refs/heads/main\"}}",
     "+ 'main' matches 'main' of 'branches' [branches main main 1]"},
    {"another one", "{merge_group: {branches: [main]}}", "merge_group:checks_requested", NULL,
     "{\"merge_group\": {\"base_ref\": \"refs/heads/dev\"}}",
     "- 'dev' matches no pattern of 'branches' [branches - dev 1]"},
    {"an image", "{image_version: {names: ['a*'], versions: ['1.*']}}", "image_version:ready", NULL,
     "{\"image_version\": {\"image_name\": \"ab\", \"version\": \"1.2\"}}",
     "+ 'ab' matches 'a*' of 'names'; '1.2' matches '1.*' of 'versions' [names a* ab 1] [versions 1.* 1.2 1]"},

    /* workflow_run */
    {"a workflow that ran", "{workflow_run: {workflows: [Build, Test]}}", "workflow_run:completed",
     NULL, "{\"workflow_run\": {\"name\": \"Test\"}}",
     "+ the workflow 'Test' is among 'workflows' [workflows Test Test 1]"},
    {"another one", "{workflow_run: {workflows: Build}}", "workflow_run:completed", NULL,
     "{\"workflow_run\": {\"name\": \"Test\"}}",
     "- the workflow 'Test' is not among 'workflows' [workflows - Test 1]"},
    {"a name that would be no pattern", "{workflow_run: {workflows: ['a [b']}}",
     "workflow_run:completed", NULL, "{\"workflow_run\": {\"name\": \"a [b\"}}",
     "+ the workflow 'a [b' is among 'workflows' [workflows a [b a [b 1]"},
    {"its branch", "{workflow_run: {workflows: [B], branches: [main]}}", "workflow_run:completed",
     NULL, "{\"workflow_run\": {\"name\": \"B\", \"head_branch\": \"dev\"}}",
     "- the workflow 'B' is among 'workflows'; 'dev' matches no pattern of 'branches' [workflows B B 1] [branches - dev "
     "1]"},
    {"its activity", "{workflow_run: {workflows: [B], types: [requested]}}",
     "workflow_run:completed", NULL, "{\"workflow_run\": {\"name\": \"B\"}}",
     "- activity 'completed' is not in 'types' [types - completed 1]"},

    /* schedule */
    {"a schedule that is due", "{schedule: [{cron: '0 1 * * *'}, {cron: '0 2 * * *'}]}", "schedule",
     NULL, "{\"schedule\": \"0 2 * * *\"}",
     "+ '0 2 * * *' is one of its schedules [cron 0 2 * * * 0 2 * * * 1]"},
    {"that of another workflow", "{schedule: [{cron: '0 1 * * *'}]}", "schedule", NULL,
     "{\"schedule\": \"0 2 * * *\"}",
     "- '0 2 * * *' is none of its schedules [cron - 0 2 * * * 1]"},
    {"any schedule", "{schedule: [{cron: '0 1 * * *'}]}", "schedule", NULL, NULL,
     "+ it runs on every 'schedule'"},

    /* messages that skip */
    {"skip ci", "push", MAIN, NULL, "{\"message\": \"x [skip ci] y\"}",
     "- the commit message says '[skip ci]' [commit message - [skip ci] 0]"},
    {"ci skip, in the body", "push", MAIN, NULL, "{\"message\": \"x\\n\\nwhy [ci skip]\"}",
     "- the commit message says '[ci skip]' [commit message - [ci skip] 0]"},
    {"no ci", "push", TAG, NULL, "{\"message\": \"[no ci]\"}",
     "- the commit message says '[no ci]' [commit message - [no ci] 0]"},
    {"skip actions", "pull_request", "pull_request:opened main", NULL,
     "{\"message\": \"x [skip actions]\"}",
     "- the commit message says '[skip actions]' [commit message - [skip actions] 0]"},
    {"actions skip", "push", MAIN, NULL, "{\"message\": \"[actions skip] x\"}",
     "- the commit message says '[actions skip]' [commit message - [actions skip] 0]"},
    {"no brackets", "push", MAIN, NULL, "{\"message\": \"skip ci\"}", EVERY},
    {"another event is not skipped", "pull_request_target", "pull_request_target:opened main", NULL,
     "{\"message\": \"x [skip ci]\"}", "+ it runs on every 'pull_request_target'"},
    {"nor is a manual run", "workflow_dispatch", "workflow_dispatch refs/heads/main", NULL,
     "{\"message\": \"x [skip ci]\"}", "+ it runs on every 'workflow_dispatch'"},
    {"a trailer", "push", MAIN, NULL, "{\"message\": \"x\\n\\n\\nskip-checks: true\\n\"}",
     "- the commit message says 'skip-checks: true' [commit message - skip-checks: true 0]"},
    {"without a space", "push", MAIN, NULL, "{\"message\": \"x\\n\\n\\nskip-checks:true\"}",
     "- the commit message says 'skip-checks: true' [commit message - skip-checks: true 0]"},
    {"behind other trailers", "push", MAIN, NULL,
     "{\"message\": \"x\\n\\nbody\\n\\n\\nSigned-off-by: a\\nskip-checks: true\"}",
     "- the commit message says 'skip-checks: true' [commit message - skip-checks: true 0]"},
    {"not the last trailer", "push", MAIN, NULL,
     "{\"message\": \"x\\n\\n\\nskip-checks: true\\nSigned-off-by: a\"}", EVERY},
    {"behind one empty line only", "push", MAIN, NULL,
     "{\"message\": \"x\\n\\nskip-checks: true\"}", EVERY},
    {"a whole message", "push", MAIN, NULL, "{\"message\": \"skip-checks: true\"}", EVERY},
    {"another value", "push", MAIN, NULL, "{\"message\": \"x\\n\\n\\nskip-checks: false\"}", EVERY},
};

struct files {
    char *text;
    const char **v;
    size_t n;
};

/* "*300" stands for so many names. */
static struct files read_files(const char *text)
{
    struct files f = {.text = xstrdup(text), .v = xcalloc(1024, sizeof(char *))};

    for (char *p = f.text; *p != '\0';) {
        char *end = strchrnul(p, ',');
        size_t many = 1;
        char *next = *end == ',' ? end + 1 : end;
        *end = '\0';
        if (*p == '*')
            many = strcmp(p, "*300") == 0 ? 300 : 299;
        while (many-- > 0)
            f.v[f.n++] = p;
        p = next;
    }
    return f;
}

static void dump(bool yes, const struct event_why *w, struct buf *b)
{
    buf_addf(b, "%s %s", yes ? "+" : "-", w->text);
    for (size_t i = 0; i < w->n; i++) {
        const struct event_filter *f = &w->v[i];
        buf_addf(b, " [%s %s %s %u]", f->filter, f->pattern != NULL ? f->pattern : "-", f->value,
                 f->line);
    }
}

static void check(void **state)
{
    const struct match_case *c = *state;
    AUTO(auto_free)
    char *text = xasprintf("on: %s\njobs:\n  a: {runs-on: x, steps: [{run: x}]}\n", c->on);
    AUTO(auto_json) json_t *more = c->more != NULL ? json_loads(c->more, 0, NULL) : NULL;
    AUTO(auto_val) struct val *payload = more != NULL ? val_from_json(more) : NULL;
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    AUTO(event_why_done) struct event_why why = {.text = NULL};
    AUTO(buf_free) struct buf got = BUF_INIT(65536);
    AUTO(auto_wf) struct wf *w = NULL;
    struct files f = read_files(c->paths != NULL ? c->paths : "");
    struct sv rest = sv_of(c->event), name;
    struct err e = {0};

    assert_true(c->more == NULL || more != NULL);
    (void)sv_next(&rest, ' ', &name);
    size_t colon = sv_chr(name, ':');
    const struct event ev = {
        .name = sv_sub(name, 0, colon),
        .action = colon != SV_NPOS ? sv_sub(name, colon + 1, SV_NPOS) : SV(""),
        .ref = rest,
        .base_ref = rest,
        .paths = c->paths != NULL ? f.v : NULL,
        .n_paths = f.n,
        .message = jx_str(more, "message", ""),
        .n_commits = (size_t)jx_int(more, "commits", 0),
        .payload = payload,
    };
    if (wf_parse(sv_of(text), "f.yml", &w, &errors, &e) < 0) {
        if (c->want != NULL)
            fail_msg("%s: %s", c->on, errors.v[0].text);
    } else {
        bool yes = event_matches(w, &ev, &why);
        dump(yes, &why, &got);
        assert_int_equal(event_matches(w, &ev, NULL), yes);
        if (c->want == NULL || strcmp(got.p, c->want) != 0)
            fail_msg("\ngot  %s\nwant %s", got.p, c->want);
    }
    free(f.text);
    free(f.v);
}

int main(void)
{
    enum { N = sizeof cases / sizeof cases[0] };
    struct CMUnitTest tests[N];

    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = check,
                                       .initial_state = (void *)(uintptr_t)&cases[i]};
    return cmocka_run_group_tests_name("event_match", tests, NULL, NULL);
}
