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

#include <jansson.h>

#include "base/mem.h"
#include "runner/cli/render.h"

#define STEP_STARTED "{'type':'step.started','job':'t','name':'t','step':2,'step_name':'Run make'}"
#define DONE(conclusion)                                                                                   \
    "{'type':'step.completed','job':'t','name':'t','step':2,'step_name':'Run make','outcome':'" conclusion \
    "','conclusion':'" conclusion "','duration_ms':5}"
#define LOG(line) "{'type':'log','job':'t','name':'t','step':2,'line':'" line "'}"
#define ERROR(more) \
    "{'type':'annotation','job':'t','name':'t','step':2,'level':'error','message':'broke'" more "}"

struct text_case {
    const char *name;
    const char *events[8];
    const char *out;
};
static const struct text_case text_cases[] = {
    {"the group that repeats the step's name is not shown twice",
     {STEP_STARTED, LOG("##[group]Run make"), LOG("make"), LOG("##[endgroup]"), LOG("built"),
      DONE("success")},
     "t | > Run make\nt |   make\nt | built\nt | \xe2\x9c\x93 Run make (5ms)\n"},
    {"another group is",
     {STEP_STARTED, LOG("##[group]Run cmake"), LOG("x"), LOG("##[endgroup]"),
      LOG("##[group]Run make"), LOG("y"), DONE("success")},
     "t | > Run make\nt | Run cmake\nt |   x\nt | Run make\nt |   y\nt | \xe2\x9c\x93 Run make (5ms)\n"},
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
    assert_int_equal(render_event(r, sv_of(line), event), RUN_UNKNOWN);
}

static void test_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof text_cases / sizeof text_cases[0]; i++) {
        const struct text_case *c = &text_cases[i];
        char *text = NULL;
        size_t n = 0;
        FILE *f = open_memstream(&text, &n);
        struct render *r = render_new(f, false, false);
        for (size_t k = 0; k < 8 && c->events[k] != NULL; k++)
            show(r, c->events[k]);
        render_free(r);
        assert_int_equal(fclose(f), 0);
        if (strcmp(text, c->out) != 0)
            fail_msg("%s:\n%s", c->name, text);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_text)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
