/* SPDX-License-Identifier: Apache-2.0
 *
 * The linter: every rule by the examples that --explain shows, and tables of what is found where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "actions/lint/lint.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"

/* ---- a repository ---- */

static const struct {
    const char *path, *text;
} files[] = {
    {".github/workflows/lint-example.yml", "on:\n"
                                           "  workflow_call:\n"
                                           "    inputs:\n"
                                           "      level: {type: string, required: true}\n"
                                           "      debug: {type: boolean}\n"
                                           "      size: {type: number}\n"
                                           "    secrets:\n"
                                           "      token: {required: true}\n"
                                           "    outputs:\n"
                                           "      tag: {value: x}\n"
                                           "jobs: {}\n"},
    {".github/workflows/lint-writes.yml", "on: workflow_call\n"
                                          "permissions: {contents: write}\n"
                                          "jobs:\n"
                                          "  a: {runs-on: x, steps: [{run: make}]}\n"},
    {".github/workflows/lint-jobs.yml",
     "on: workflow_call\n"
     "jobs:\n"
     "  a: {permissions: {id-token: write, pages: write}, runs-on: x, steps: [{run: make}]}\n"
     "  b: {name: Bee, permissions: read-all, runs-on: x, steps: [{run: make}]}\n"},
    {".github/workflows/lint-nested.yml",
     "on: workflow_call\n"
     "jobs:\n"
     "  a: {uses: ./.github/workflows/lint-writes.yml}\n"
     "  b: {permissions: {}, uses: ./.github/workflows/lint-writes.yml}\n"},
    {".github/workflows/lint-loop.yml", "on: workflow_call\n"
                                        "jobs:\n"
                                        "  a: {uses: ./.github/workflows/lint-loop.yml}\n"
                                        "  b: {uses: ./.github/workflows/lint-loop.yml}\n"},
    {".github/workflows/lint-plain.yml", "on: push\njobs: {}\n"},
    {"lint-example/action.yml", "name: a\n"
                                "description: b\n"
                                "inputs:\n"
                                "  level: {required: true}\n"
                                "  old: {deprecationMessage: use level}\n"
                                "outputs:\n"
                                "  tag: {value: x}\n"
                                "runs:\n"
                                "  using: composite\n"
                                "  steps:\n"
                                "    - run: make\n"
                                "      shell: bash\n"},
    {"old/action.yml", "runs: {using: node12, main: x.js}\n"},
    {"dock/action.yml", "runs: {using: docker, image: docker://x}\n"},
    {"bare/Dockerfile", "FROM scratch\n"},
    {"index.js", ""},
};

static int read_file(void *ctx, const char *path, char **out, size_t *n, struct err *e)
{
    (void)ctx;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (strcmp(files[i].path, path) == 0) {
            *out = xstrdup(files[i].text);
            *n = strlen(*out);
            return 0;
        }
    }
    return err_set(e, FAIL_NOTFOUND, "no '%s'", path);
}
static const struct lint_source source = {NULL, read_file};

static void check_file(const char *path, const char *text, const struct lint_config *config,
                       struct lint_report *out)
{
    const struct lint_options o = {.config = config, .source = &source};
    size_t n = strlen(text);
    AUTO(auto_free) char *exact = xmalloc(n > 0 ? n : 1);

    if (n > 0)
        /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): so that the sanitizer sees one byte too far */
        memcpy(exact, text, n);
    lint_file(&o, path, (struct sv){exact, n}, out);
}

/* ---- examples ---- */

static bool found(const struct lint_report *r, const struct lint_rule *rule)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->v[i].rule == rule)
            return true;
    }
    return false;
}

static void print(const struct lint_report *r, const char *text)
{
    for (size_t i = 0; i < r->n; i++)
        print_message("%u:%u %s: %s [%s]\n", r->v[i].line, r->v[i].col,
                      lint_level_name(r->v[i].level), r->v[i].message, r->v[i].rule->id);
    print_message("in:\n%s\n", text);
}

/* The bad example has the finding; the good one has no error and no warning, and not this finding. */
static void check_example(void **state)
{
    const struct lint_rule *rule = *state;
    const char *path = rule->scope == LINT_ACTION ? "action.yml" : ".github/workflows/example.yml";

    for (int good = 0; good < 2; good++) {
        AUTO(lint_report_done) struct lint_report r = {0};
        AUTO(auto_free) char *text = lint_example(rule, good);
        bool wrong = false;
        check_file(path, text, NULL, &r);
        if (found(&r, rule) == good)
            wrong = true;
        for (size_t i = 0; i < r.n; i++) {
            if (good && r.v[i].level >= LINT_WARNING)
                wrong = true;
            if (!good && r.v[i].rule != rule && r.v[i].level == LINT_ERROR)
                wrong = true;
        }
        if (wrong) {
            print(&r, text);
            fail_msg("the %s example of %s", good ? "good" : "bad", rule->id);
        }
    }
}

static void check_list(void **state)
{
    (void)state;
    for (size_t i = 1; i < lint_n_rules; i++)
        assert_true(strcmp(lint_rules[i - 1]->id, lint_rules[i]->id) < 0);
    for (size_t i = 0; i < lint_n_rules; i++) {
        const struct lint_rule *r = lint_rules[i];
        assert_ptr_equal(lint_rule_find(sv_of(r->id)), r);
        assert_true(strlen(r->summary) > 10 && strlen(r->summary) < 100);
        assert_true(strlen(r->why) > 10);
        assert_true(r->level >= LINT_NOTE && r->level <= LINT_ERROR);
    }
}

/* Jobs of a file that calls itself: every one may lead to all others, level by level. */
static int read_many_calls(void *ctx, const char *path, char **out, size_t *n, struct err *e)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1U << 20);

    (void)ctx;
    if (strcmp(path, ".github/workflows/many.yml") != 0)
        return err_set(e, FAIL_NOTFOUND, "no '%s'", path);
    buf_adds(&b, "on: workflow_call\njobs:\n");
    for (unsigned i = 0; i < 4000; i++)
        buf_addf(&b, "  j%u: {uses: ./.github/workflows/many.yml}\n", i);
    *out = buf_take(&b, n);
    return 0;
}

/* Takes hours where each job of the file may go through all that it leads to. */
static void check_many_calls(void **state)
{
    const struct lint_source many = {NULL, read_many_calls};
    const struct lint_options o = {.source = &many};
    AUTO(lint_report_done) struct lint_report r = {0};
    AUTO(auto_free) char *text = NULL;
    struct err e = {0};
    size_t n = 0;

    (void)state;
    assert_int_equal(read_many_calls(NULL, ".github/workflows/many.yml", &text, &n, &e), 0);
    lint_file(&o, ".github/workflows/many.yml", (struct sv){text, n}, &r);
    assert_false(found(&r, lint_rule_find(SV("call-permissions"))));
}

/* Every job lacks a key that it has nearly: takes minutes where all keys are looked through for each error. */
static void check_many_slips(void **state)
{
    AUTO(lint_report_done) struct lint_report r = {0};
    AUTO(buf_free) struct buf b = BUF_INIT(1U << 20);
    size_t slips = 0;

    (void)state;
    buf_adds(&b, "on: push\njobs:\n");
    for (unsigned i = 0; i < 9000; i++)
        buf_addf(&b, "  j%u: {run-on: x, steps: [{run: x}]}\n", i);
    check_file(".github/workflows/many.yml", b.p, NULL, &r);
    for (size_t i = 0; i < r.n; i++) {
        slips += strstr(r.v[i].message, "did you mean 'runs-on'?") != NULL;
        assert_ptr_not_equal(r.v[i].rule, lint_rule_find(SV("missing-key")));
    }
    assert_true(slips > 10);
}

/* ---- tables ---- */

#define HEAD "on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n"

static char *whole(const char *text)
{
    AUTO(buf_free) struct buf b = BUF_INIT(65536);
    struct sv rest = sv_of(text), line;

    if (strncmp(text, "- ", 2) != 0)
        return xstrdup(text);
    buf_adds(&b, HEAD);
    while (sv_next(&rest, '\n', &line)) {
        buf_adds(&b, line.n > 0 ? "      " : "");
        buf_addsv(&b, line);
        if (rest.p != NULL)
            buf_addc(&b, '\n');
    }
    return buf_take(&b, NULL);
}

/* Each zz... is an unknown property: found exactly where it stands. */
static const char *const places[] = {
    "- run: echo ${{ github.zz1 }}\n",
    "- run: echo ${{github.zz1}}${{   github . zz2   }}\n",
    "- run: 'it''s ${{ github.zz1 }} ''''${{ github.zz2 }}'\n",
    "- run: \"a \\\"b\\\" \\u00e9\\x41\\n ${{ github.zz1 }}\"\n",
    "- run: \"\\N\\_\\L\\P\\U0001F600\\t\\/ ${{ github.zz1 }}\"\n",
    "- run: \"a \\\n    b ${{ github.zz1 }}\\\n   c ${{ github.zz2 }}\"\n",
    "- run: \"a\n\n    b ${{ github.zz1 }}\n    ${{ github.zz2 }}\"\n",
    "- run: |\n    one\n      two ${{ github.zz1 }}\n    \xc3\xa9 ${{ github.zz2 }}\n",
    "- run: | # comment\n\n\n    one ${{ github.zz1 }}\n\n    ${{ github.zz2 }}\n",
    "- run: |-\n    ${{ github.event_name == 'a'\n        && github.zz1\n        || github.zz2 }}\n",
    "- run: >-\n    one\n    two ${{ github.zz1 }}\n\n    x ${{\n      github.zz2 }}\n",
    "- run: >\n    one\n      more ${{ github.zz1 }}\n      indented ${{ github.zz2 }}\n    x\n",
    "- run: one\n    two ${{ github.zz1 }}\n    ${{ github.zz2 }}\n",
    "- run: |2\n      one ${{ github.zz1 }}\n",
    "- run: |\r\n    a ${{ github.zz1 }}\r\n    b ${{ github.zz2 }}\r\n",
    "- run: &a |\n    a ${{ github.zz1 }}\n",
    "- run: !!str a ${{ github.zz1 }}\n",
    "- {run: \"${{ github.zz1 }}\", name: '${{ github.zz2 }}'}\n",
    "- run: \xf0\x9f\x98\x80 ${{ github.zz1 }}\n",
    "- {name: \xf0\x9f\x98\x80, run: \"\xf0\x9f\x98\x80 ${{ github.zz1 }}\"}\n",
    "- if: github.zz1 && github['zz2']\n  run: make\n",
    "- if: >-\n    github.event_name == 'push' &&\n    github.zz1\n  run: make\n",
    "- if: ${{ contains(github.zz1, 'x') }}\n  run: make\n",
    "- run: echo ${{ format('it''s {0}', github.zz1) }}\n",
};

static void check_place(void **state)
{
    const char *const *steps = *state;
    AUTO(lint_report_done) struct lint_report r = {0};
    AUTO(auto_free) char *text = whole(*steps);
    unsigned line = 1, col = 1;
    size_t k = 0;

    check_file("x.yml", text, NULL, &r);
    for (const char *p = text; *p != '\0'; p++) {
        while (k < r.n && r.v[k].level == LINT_NOTE)
            k++;
        if (strncmp(p, "zz", 2) == 0) {
            unsigned quoted = p[-1] == '\''; /* the index is the literal with its quotes */
            if (k >= r.n || r.v[k].line != line || r.v[k].col != col - quoted)
                print(&r, text);
            assert_true(k < r.n);
            assert_int_equal(r.v[k].line, line);
            assert_int_equal(r.v[k].col, col - quoted);
            assert_string_equal(r.v[k].rule->id, "unknown-property");
            k++;
        }
        if (*p == '\n') {
            line++;
            col = 1;
        } else if (((unsigned char)*p & 0xC0) != 0x80) {
            col += (unsigned char)*p >= 0xF0 ? 2 : 1; /* UTF-16 */
        }
    }
    while (k < r.n && r.v[k].level == LINT_NOTE)
        k++;
    assert_int_equal(k, r.n);
}

/* tests/data/lint/cases.txt: "=== NAME", then a whole file, or the steps of a job when it begins with "- ", then
 * "+++" and what is found above notes, a line each: "LINE:COL level rule". */
#define MAX_CASES 400U
static struct lint_case {
    char *name, *text, *want;
} cases[MAX_CASES];
static size_t n_cases;

static void check_case(void **state)
{
    const struct lint_case *c = *state;
    AUTO(lint_report_done) struct lint_report r = {0};
    AUTO(auto_free) char *text = whole(c->text);
    AUTO(buf_free) struct buf got = BUF_INIT(65536);
    bool action = strncmp(text, "name: action", 12) == 0;

    check_file(action ? "action.yml" : ".github/workflows/x.yml", text, NULL, &r);
    for (size_t i = 0; i < r.n; i++) {
        if (r.v[i].level > LINT_NOTE)
            buf_addf(&got, "%u:%u %s %s\n", r.v[i].line, r.v[i].col, lint_level_name(r.v[i].level),
                     r.v[i].rule->id);
    }
    if (strcmp(got.p, c->want) != 0)
        print(&r, text);
    assert_string_equal(got.p, c->want);
}

static void add_case(struct sv block)
{
    size_t eol = sv_chr(block, '\n'), cut = sv_find(block, SV("\n+++\n"));

    if (eol == SV_NPOS || cut == SV_NPOS || n_cases == MAX_CASES)
        abort();
    struct sv want = sv_trim(sv_sub(block, cut + 5, SV_NPOS));
    cases[n_cases++] = (struct lint_case){
        .name = sv_dup(sv_sub(block, 0, eol)),
        .text = sv_dup(sv_sub(block, eol + 1, cut - eol)),
        .want = xasprintf("%.*s%s", SV_ARG(want), want.n > 0 ? "\n" : ""),
    };
}

static void read_cases(void)
{
    AUTO(auto_free) char *text = NULL;
    struct err e = {0};
    size_t n;

    if (fs_read_file(AT_FDCWD, GANTRY_TEST_DATA "/lint/cases.txt", 1U << 20, &text, &n, &e) < 0)
        abort();
    struct sv rest = {text, n};
    size_t at = sv_find(rest, SV("=== "));
    while (at != SV_NPOS) {
        rest = sv_sub(rest, at + 4, SV_NPOS);
        at = sv_find(rest, SV("\n=== "));
        at = at == SV_NPOS ? at : at + 1;
        add_case(sv_sub(rest, 0, at));
    }
}

/* Notes about the branding of an action, which the cases of the file leave out. */
static void check_branding(void **state)
{
    static const struct {
        const char *branding, *want; /* NULL: nothing */
    } rows[] = {
        {"{icon: activity, color: green}", NULL},
        {"{icon: activty, color: green}", "there is no icon 'activty'; did you mean 'activity'?"},
        {"{icon: zzzzzzzzzz}", "there is no icon 'zzzzzzzzzz'"},
        {"{color: [green]}", NULL}, /* the reader's */
        {"{icon: {a: b}}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO(lint_report_done) struct lint_report r = {0};
        AUTO(auto_free)
        char *text = xasprintf(
            "name: a\ndescription: b\nbranding: %s\nruns: {using: node24, main: index.js}\n",
            rows[i].branding);
        const char *got = NULL;
        check_file("action.yml", text, NULL, &r);
        for (size_t k = 0; k < r.n; k++)
            if (strcmp(r.v[k].rule->id, "invalid-branding") == 0)
                got = r.v[k].message;
        if ((got == NULL) != (rows[i].want == NULL) ||
            (got != NULL && strcmp(got, rows[i].want) != 0))
            fail_msg("%s: %s", rows[i].branding, got != NULL ? got : "nothing");
    }
}

/* A file beyond the limits has one finding, at its beginning: an error where GitHub has the same limit. */
static void check_limits(void **state)
{
    static const struct {
        const char *head, *unit;
        size_t n;
        const char *tail;
        enum lint_level level;
        const char *message;
    } large[] = {
        {"on: push\njobs: [", "a,", 100001, "]", LINT_WARNING,
         "the file has more than 100000 YAML nodes and is not checked"},
        {"on: push\na: &a [x,x,x,x,x,x,x,x,x,x]\njobs: [", "*a,", 6000, "]", LINT_ERROR,
         "with its aliases the file has more than 50000 YAML nodes"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
        AUTO(lint_report_done) struct lint_report r = {0};
        AUTO(buf_free) struct buf b = BUF_INIT(1U << 20);
        buf_adds(&b, large[i].head);
        for (size_t k = 0; k < large[i].n; k++)
            buf_adds(&b, large[i].unit);
        buf_adds(&b, large[i].tail);
        check_file("x.yml", b.p, NULL, &r);
        assert_int_equal(r.n, 1);
        assert_string_equal(r.v[0].rule->id, "limit-exceeded");
        assert_int_equal(r.v[0].level, large[i].level);
        assert_string_equal(r.v[0].message, large[i].message);
    }
}

static const char *place_name(size_t i)
{
    static char names[sizeof places / sizeof places[0]][16];

    (void)snprintf(names[i], sizeof names[i], "place %zu", i + 1);
    return names[i];
}

int main(void)
{
    static struct CMUnitTest
        tests[LINT_MAX_RULES + sizeof places / sizeof places[0] + MAX_CASES + 8];
    size_t n = 0;

    tests[n++] = (struct CMUnitTest){.name = "the list of rules", .test_func = check_list};
    tests[n++] = (struct CMUnitTest){.name = "files beyond limits", .test_func = check_limits};
    tests[n++] = (struct CMUnitTest){.name = "branding", .test_func = check_branding};
    tests[n++] = (struct CMUnitTest){.name = "very many calls", .test_func = check_many_calls};
    tests[n++] = (struct CMUnitTest){.name = "very many slips", .test_func = check_many_slips};
    for (size_t i = 0; i < lint_n_rules; i++) {
        if (strcmp(lint_rules[i]->id, "expression-too-long") == 0)
            continue; /* its example is shortened */
        tests[n++] = (struct CMUnitTest){.name = lint_rules[i]->id,
                                         .test_func = check_example,
                                         .initial_state = (void *)(uintptr_t)lint_rules[i]};
    }
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        tests[n++] = (struct CMUnitTest){.name = place_name(i),
                                         .test_func = check_place,
                                         .initial_state = (void *)(uintptr_t)&places[i]};
    read_cases();
    for (size_t i = 0; i < n_cases; i++)
        tests[n++] = (struct CMUnitTest){.name = cases[i].name,
                                         .test_func = check_case,
                                         .initial_state = (void *)(uintptr_t)&cases[i]};
    int failed = _cmocka_run_group_tests("lint", tests, n, NULL, NULL);
    for (size_t i = 0; i < n_cases; i++) {
        free(cases[i].name);
        free(cases[i].text);
        free(cases[i].want);
    }
    return failed;
}
