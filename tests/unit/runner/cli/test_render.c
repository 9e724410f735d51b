/* SPDX-License-Identifier: Apache-2.0
 *
 * Events as text: what a person reads, line by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/event_stream.h"
#include "base/mem.h"
#include "runner/cli/render.h"

#define STEP_STARTED "{'type':'step.started','job':'t','name':'t','step':2,'step_name':'Run make'}"
#define DONE(conclusion)                                                                                   \
    "{'type':'step.completed','job':'t','name':'t','step':2,'step_name':'Run make','outcome':'" conclusion \
    "','conclusion':'" conclusion "','duration_ms':5}"
#define LOG(line) "{'type':'log','job':'t','name':'t','step':2,'line':'" line "'}"
#define OWN_STARTED(what) \
    "{'type':'step.started','job':'t','name':'t','step':1,'id':null,'step_name':'" what "'}"
#define OWN_DONE(what, conclusion)                                                        \
    "{'type':'step.completed','job':'t','name':'t','step':1,'id':null,'step_name':'" what \
    "','outcome':'" conclusion "','conclusion':'" conclusion "','duration_ms':5}"
#define PART(line) "{'type':'log','job':'t','name':'t','step':1,'partial':true,'line':'" line "'}"
#define JOB_DONE(name, result, more)                                               \
    "{'type':'job.completed','job':'" name "','name':'" name "','result':'" result \
    "','duration_ms':5" more "}"
#define SUMMARY(step, text) \
    "{'type':'summary','job':'t','name':'t','step_name':" step ",'text':'" text "'}"
#define ERROR(more) \
    "{'type':'annotation','job':'t','name':'t','step':2,'level':'error','message':'broke'" more "}"

#define FAILED_STEP(number)                                                                   \
    "{'type':'step.completed','job':'t','name':'t','step':" #number ",'step_name':'s" #number \
    "','outcome':'failure','conclusion':'failure','duration_ms':5}"
#define RUN_DONE "{'type':'run.completed','result':'failure','duration_ms':7}"

struct text_case {
    const char *name;
    const char *events[12];
    const char *out;
};
static const struct text_case text_cases[] = {
    {"the group that opens a step's log is not shown",
     {STEP_STARTED, LOG("##[group]Run cmake"), LOG("##[error]cmake"), LOG("##[endgroup]"),
      LOG("built"), DONE("success")},
     "t | > Run make\nt | built\nt | \xe2\x9c\x93 Run make (5ms)\n"},
    {"another group is",
     {STEP_STARTED, LOG("##[group]Run make"), LOG("shell: x"), LOG("##[endgroup]"),
      LOG("##[group]Run make"), LOG("y"), DONE("success")},
     "t | > Run make\nt | Run make\nt |   y\nt | \xe2\x9c\x93 Run make (5ms)\n"},
    {"so is one of the step's own",
     {STEP_STARTED, LOG("##[group]Files"), LOG("x"), LOG("##[endgroup]"), DONE("success")},
     "t | > Run make\nt | Files\nt |   x\nt | \xe2\x9c\x93 Run make (5ms)\n"},
    {"steps of a composite action are named, their scripts are not shown",
     {STEP_STARTED, LOG("Prepare all required actions"), LOG("##[group]Run ./act"), LOG("with:"),
      LOG("##[endgroup]"), LOG("##[group]Run echo a"), LOG("\\u001b[36;1mecho a\\u001b[0m"),
      LOG("shell: /usr/bin/bash -e {0}"), LOG("env:"), LOG("  A: b"), LOG("##[endgroup]"),
      LOG("a")},
     "t | > Run make\nt |   > Run echo a\nt | a\n"},
    {"groups of theirs that are called so are shown",
     {STEP_STARTED, LOG("##[group]Run ./act"), LOG("##[endgroup]"), LOG("##[group]Run tests"),
      LOG("  indented"), LOG("shell: x"), LOG("##[error]y"), LOG("##[endgroup]"), LOG("env:")},
     "t | > Run make\nt |   > Run tests\nt |     indented\nt |   shell: x\nt |   error: y\nt | env:\n"},
    {"those of a script are, too",
     {STEP_STARTED, LOG("##[group]Run x"), LOG("shell: sh"), LOG("##[endgroup]"),
      LOG("##[group]Run tests"), LOG("with:"), LOG("Prepare all required actions")},
     "t | > Run make\nt | Run tests\nt |   with:\nt |   Prepare all required actions\n"},
    {"every step has an opening group",
     {STEP_STARTED, LOG("##[group]Run make"), DONE("success"), STEP_STARTED,
      LOG("##[group]Run make"), LOG("x"), LOG("##[endgroup]"), LOG("y")},
     "t | > Run make\nt | \xe2\x9c\x93 Run make (5ms)\nt | > Run make\nt | y\n"},
    {"a skipped step takes one line",
     {STEP_STARTED, DONE("skipped")},
     "t | - Run make [skipped] (5ms)\n"},
    {"a step without a line is named all the same",
     {STEP_STARTED, DONE("success")},
     "t | > Run make\nt | \xe2\x9c\x93 Run make (5ms)\n"},
    {"an annotation that the log has shown is not repeated",
     {STEP_STARTED, LOG("##[error]broke"), DONE("failure"), ERROR("")},
     "t | > Run make\nt | error: broke\nt | \xe2\x9c\x97 Run make [failure] (5ms)\n"},
    {"one that says where is",
     {STEP_STARTED, LOG("##[error]broke"), DONE("failure"), ERROR(",'file':'a.c','line':3")},
     "t | > Run make\nt | error: broke\nt | \xe2\x9c\x97 Run make [failure] (5ms)\nt | error: a.c:3: broke\n"},
    {"a message of several lines is known by its first",
     {STEP_STARTED, LOG("##[error]broke"), LOG("badly"),
      "{'type':'annotation','job':'t','name':'t','level':'error','message':'broke\\nbadly'}"},
     "t | > Run make\nt | error: broke\nt | badly\n"},
    {"and shown by it where the log has another",
     {"{'type':'annotation','job':'t','name':'t','level':'warning','title':'T','message':'broke\\nbadly'}"},
     "t | warning: T: broke ...\n"},
    {"one that no log has shown is", {ERROR("")}, "t | error: broke\n"},
    {"setting up takes one line, which says the sandbox",
     {OWN_STARTED("Set up job"), LOG("Machine name: x"), LOG("sandbox: level=full missing=cgroup"),
      LOG("##[group]Permissions"), LOG("##[endgroup]"), OWN_DONE("Set up job", "success")},
     "t | \xe2\x9c\x93 Set up job, sandbox full (5ms)\n"},
    {"and what it leaves",
     {OWN_STARTED("Set up job"),
      LOG("sandbox: level=single missing=full groups=docker,sudo worker=x"),
      OWN_DONE("Set up job", "success")},
     "t | \xe2\x9c\x93 Set up job, sandbox single with your groups docker,sudo (5ms)\n"},
    {"or that there is none",
     {OWN_STARTED("Set up job"), LOG("sandbox: level=none worker=none"), LOG("without a sandbox"),
      OWN_DONE("Set up job", "success")},
     "t | \xe2\x9c\x93 Set up job, without a sandbox (5ms)\n"},
    {"what goes wrong in it is shown",
     {OWN_STARTED("Set up job"), LOG("Machine name: x"), LOG("##[error]no such action"),
      OWN_DONE("Set up job", "failure")},
     "t | > Set up job\nt | error: no such action\nt | \xe2\x9c\x97 Set up job [failure] (5ms)\n"},
    {"a long line of it is dropped with all its parts",
     {OWN_STARTED("Set up job"), PART("aaa"), PART("bbb"), LOG("ccc"),
      OWN_DONE("Set up job", "success"), STEP_STARTED, LOG("x")},
     "t | \xe2\x9c\x93 Set up job (5ms)\nt | > Run make\nt | x\n"},
    {"the end of a job takes none",
     {OWN_STARTED("Complete job"), LOG("Cleaning up"), OWN_DONE("Complete job", "success")},
     ""},
    {"unless it warns",
     {OWN_STARTED("Complete job"), LOG("##[warning]left over"),
      OWN_DONE("Complete job", "success")},
     "t | > Complete job\nt | warning: left over\nt | \xe2\x9c\x93 Complete job (5ms)\n"},
    {"a step of the user's is no such step, whatever its name",
     {"{'type':'step.started','job':'t','name':'t','step':2,'id':'a','step_name':'Set up job'}",
      LOG("x")},
     "t | > Set up job\nt | x\n"},
    {"a failure that continues is marked, in the table too",
     {JOB_DONE("t", "failure", ",'continued':true"), JOB_DONE("u", "failure", ""),
      "{'type':'run.completed','result':'failure','duration_ms':7}"},
     "t | \xe2\x9c\x97 job failure [continued] (5ms)\nu | \xe2\x9c\x97 job failure (5ms)\n\n"
     "  t    failure    5ms  (continue-on-error)\n  u    failure    5ms\n  run  failure    7ms\n"},
    {"the table says which step failed, and how",
     {STEP_STARTED, DONE("failure"), ERROR(""), JOB_DONE("t", "failure", ""),
      JOB_DONE("u", "success", ""), "{'type':'run.completed','result':'failure','duration_ms':7}"},
     "t | > Run make\nt | \xe2\x9c\x97 Run make [failure] (5ms)\nt | error: broke\nt | \xe2\x9c\x97 job failure (5ms)\n"
     "u | \xe2\x9c\x93 job success (5ms)\n\n  t    failure    5ms\n    Run make: broke\n  u    success    5ms\n"
     "  run  failure    7ms\n  1 error, 0 warnings\n"},
    {"summaries come at the end, harmless, and of one run only",
     {SUMMARY("'make'", "# T\\r\\n\\n\\u001b[31mred\\u001b[0m\\u0007\\n\\n"), SUMMARY("null", "x"),
      "{'type':'run.completed','result':'success','duration_ms':7}",
      "{'type':'run.completed','result':'success','duration_ms':8}"},
     "\n  run  success    7ms\n\nSummary of t: make\n  # T\n\n  red\\x07\n\nSummary of t\n  x\n"
     "\n  run  success    8ms\n"},
    {"the reason of a failure is an error of the step that failed",
     {FAILED_STEP(3), ERROR(""),
      "{'type':'annotation','job':'t','name':'t','step':3,'level':'error','message':'3 broke'}",
      JOB_DONE("t", "failure", ""), RUN_DONE},
     "t | \xe2\x9c\x97 s3 [failure] (5ms)\nt | error: broke\nt | error: 3 broke\n"
     "t | \xe2\x9c\x97 job failure (5ms)\n\n  t    failure    5ms\n    s3: 3 broke\n"
     "  run  failure    7ms\n  2 errors, 0 warnings\n"},
    {"none of a step that went on",
     {ERROR(""), FAILED_STEP(3), ERROR(""), JOB_DONE("t", "failure", ""), RUN_DONE},
     "t | error: broke\nt | \xe2\x9c\x97 s3 [failure] (5ms)\nt | error: broke\n"
     "t | \xe2\x9c\x97 job failure (5ms)\n\n  t    failure    5ms\n    s3\n"
     "  run  failure    7ms\n  2 errors, 0 warnings\n"},
    {"or of the job, when no step ran",
     {"{'type':'annotation','job':'t','name':'t','level':'error','message':'no label'}",
      JOB_DONE("t", "failure", ""), RUN_DONE},
     "t | error: no label\nt | \xe2\x9c\x97 job failure (5ms)\n\n  t    failure    5ms\n    no label\n"
     "  run  failure    7ms\n  1 error, 0 warnings\n"},
};

/* With --verbose. */
static const struct text_case verbose_cases[] = {
    {"the group that repeats the step's name is not shown twice",
     {STEP_STARTED, LOG("##[group]Run make"), LOG("make"), LOG("##[endgroup]"), LOG("built"),
      DONE("success")},
     "t | > Run make\nt |   make\nt | built\nt | \xe2\x9c\x93 Run make (5ms)\n"},
    {"another group is",
     {STEP_STARTED, LOG("##[group]Run cmake"), LOG("x"), LOG("##[endgroup]"),
      LOG("##[group]Run make"), LOG("y"), DONE("success")},
     "t | > Run make\nt | Run cmake\nt |   x\nt | Run make\nt |   y\nt | \xe2\x9c\x93 Run make (5ms)\n"},
    {"all of it when asked for",
     {OWN_STARTED("Set up job"), LOG("sandbox: level=full missing=cgroup"),
      OWN_DONE("Set up job", "success"), OWN_STARTED("Complete job"), LOG("Cleaning up"),
      OWN_DONE("Complete job", "success")},
     "t | > Set up job\nt | sandbox: level=full missing=cgroup\nt | \xe2\x9c\x93 Set up job (5ms)\n"
     "t | > Complete job\nt | Cleaning up\nt | \xe2\x9c\x93 Complete job (5ms)\n"},
};

static void show(struct render *r, const char *quoted)
{
    AUTO(auto_free) char *line = xstrdup(quoted);
    AUTO(auto_json) json_t *event = NULL;
    struct err e = {0};

    for (char *p = line; *p != '\0'; p++)
        if (*p == '\'')
            *p = '"';
    event = jx_parse_lax(sv_of(line), "event", &e);
    if (event == NULL)
        fail_msg("%s: %s", line, e.msg);
    if (sv_is(jx_str(event, "type", ""), "log")) {
        const struct event_block k = {.job = jx_str(event, "job", ""),
                                      .name = jx_str(event, "name", ""),
                                      .partial = jx_bool(event, "partial", false)};
        render_line(r, &(struct event_line){&k, 1, jx_str(event, "line", ""), true, true});
        return;
    }
    if (render_event(r, sv_of(line), event) != RUN_UNKNOWN)
        render_summary(r);
}

static void check(const struct text_case *c, bool verbose)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    struct render *r = render_new(f, false, false, verbose);

    for (size_t k = 0; k < sizeof c->events / sizeof c->events[0] && c->events[k] != NULL; k++)
        show(r, c->events[k]);
    render_flush(r);
    render_free(r);
    assert_int_equal(fclose(f), 0);
    if (strcmp(text, c->out) != 0)
        fail_msg("%s:\n%s", c->name, text);
    free(text);
}

/* A line that comes in parts reads as if it had come whole, wherever it was cut. */
static void test_parts(void **state)
{
    static const struct {
        const char *line, *plain, *color;
    } cases[] = {
        {"a\x1b[31mred\x1b[0;1mb\x1b[2J\x07\x7f\t!\xc3\xa4",
         "n | aredb\\x1b[2J\\x07\\x7f\t!\xc3\xa4\n",
         "a\x1b[31mred\x1b[0;1mb\\x1b[2J\\x07\\x7f\t!\xc3\xa4\x1b[0m\n"},
        {"##[error]no\x1b[1mway", "n | error: noway\n", "\x1b[31merror: noway\x1b[0m\n"},
        {"ends in \x1b[3", "n | ends in \\x1b[3\n", "ends in \\x1b[3\n"},
        {"\xc2\x9b;1m \xff", "n | \\x9b;1m \xef\xbf\xbd\n", "\\x9b;1m \xef\xbf\xbd\n"},
        {"a\x1b[1111111111111111111111111111111111mb",
         "n | a\\x1b[1111111111111111111111111111111111mb\n",
         "a\\x1b[1111111111111111111111111111111111mb\n"},
    };
    const struct event_block k = {.name = SV("n")};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        bool color = i % 2 == 1;
        const char *want = color ? cases[i / 2].color : cases[i / 2].plain;
        struct sv line = sv_of(cases[i / 2].line);
        for (size_t step = line.n; step > 0; step--) {
            char *text = NULL;
            size_t n = 0;
            FILE *f = open_memstream(&text, &n);
            struct render *r = render_new(f, false, color, false);
            for (size_t at = 0; at < line.n; at += step) {
                struct sv part = sv_sub(line, at, step);
                if (at == 0 && part.n < 9 &&
                    line.n > 9) /* markers come whole: base/event_stream.h */
                    part = sv_sub(line, 0, 9 + step);
                while (utf8_whole(part) < part.n && at + part.n < line.n) /* and characters */
                    part.n++;
                bool last = at + part.n == line.n;
                render_line(r, &(struct event_line){&k, 1, part, at == 0, last});
                at += part.n - step;
            }
            render_flush(r);
            render_free(r);
            assert_int_equal(fclose(f), 0);
            if (!sv_ends(sv_of(text), sv_of(want)) || (!color && strcmp(text, want) != 0))
                fail_msg("case %zu by %zu: %s", i / 2, step, text);
            free(text);
        }
    }
}

static void test_json(void **state)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    struct render *r = render_new(f, true, false, false);
    const struct event_block k = {.job = SV("j"), .name = SV("n"), .step = 3, .time = SV("T")};

    (void)state;
    show(r, "{'type':'x','seq':6}");
    render_line(r, &(struct event_line){&k, 7, {"a\0", 2}, true, false});
    render_line(r, &(struct event_line){&k, 7, SV("\"b"), false, true});
    render_flush(r);
    render_free(r);
    assert_int_equal(fclose(f), 0);
    assert_string_equal(
        text,
        "{\"type\":\"x\",\"seq\":6}\n{\"type\":\"log\",\"job\":\"j\",\"name\":\"n\",\"step\":3,"
        "\"line\":\"a\\u0000\\\"b\",\"time\":\"T\",\"seq\":7}\n");
    free(text);
}

/* A summary of 60 lines and 22 others: what is shown of them is bounded, and the rest is counted. */
static void test_many_summaries(void **state)
{
    AUTO(buf_free) struct buf event = BUF_INIT(65536);
    char *text = NULL;
    size_t n = 0, lines = 0, heads = 0;
    FILE *f = open_memstream(&text, &n);
    struct render *r = render_new(f, false, false, false);

    (void)state;
    buf_adds(&event, "{'type':'summary','job':'t','name':'t','step_name':'s','text':'");
    for (unsigned i = 0; i < 60; i++)
        buf_addf(&event, "row %u\\n", i);
    buf_adds(&event, "'}");
    for (unsigned i = 0; i < 22; i++)
        show(r, i == 0 ? event.p : SUMMARY("'s'", "short"));
    show(r, "{'type':'run.completed','result':'success','duration_ms':7}");
    render_flush(r);
    render_free(r);
    assert_int_equal(fclose(f), 0);
    for (struct sv s = sv_of(text), line; sv_next(&s, '\n', &line);) {
        lines += sv_starts(line, SV("  row "));
        heads += sv_is(line, "Summary of t: s");
    }
    assert_int_equal(lines, 50);
    assert_int_equal(heads, 20);
    assert_non_null(
        strstr(text, "\n  row 49\n  ... 10 more lines; gantry run --json prints them all\n"));
    assert_non_null(strstr(text, "\n2 more step summaries; gantry run --json prints them all\n"));
    free(text);
}

static void test_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof text_cases / sizeof text_cases[0]; i++)
        check(&text_cases[i], false);
    for (size_t i = 0; i < sizeof verbose_cases / sizeof verbose_cases[0]; i++)
        check(&verbose_cases[i], true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_text), cmocka_unit_test(test_parts),
                                       cmocka_unit_test(test_json),
                                       cmocka_unit_test(test_many_summaries)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
