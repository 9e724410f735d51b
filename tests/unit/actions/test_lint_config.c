/* SPDX-License-Identifier: Apache-2.0
 *
 * The linter's configuration file: what each key changes in a report, and what is refused, with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "actions/lint/lint.h"
#include "base/buf.h"
#include "base/mem.h"

/* A label that nobody knows, an action by a tag. */
static const char workflow[] = "on: push\n"
                               "jobs:\n"
                               "  a:\n"
                               "    runs-on: our-own-label\n"
                               "    steps:\n"
                               "      - uses: some/action@v1\n";

struct effect {
    const char *config;
    const char *label, *pin; /* level of unknown-label and of tag-pinned-action, or NULL */
};
static const struct effect effects[] = {
    {"", "note", "note"},
    {"# nothing but a comment\n", "note", "note"},
    {"rules: {unknown-label: error}", "error", "note"},
    {"rules: {unknown-label: warning, tag-pinned-action: off}", "warning", NULL},
    {"rules: {unknown-label: off}", NULL, "note"},
    {"labels: [our-*]", NULL, "note"},
    {"labels: [other, our-own-label]", NULL, "note"},
    {"labels: [other]", "note", "note"},
    {"trusted-actions: [some/*]", "note", NULL},
    {"trusted-actions: [other/*, some/actio]", "note", "note"},
    {"ignore: [{rule: unknown-label}]", NULL, "note"},
    {"ignore: [{path: .github/**}]", NULL, NULL},
    {"ignore: [{path: elsewhere/**}]", "note", "note"},
    {"ignore: [{message: our-own-label}]", NULL, "note"},
    {"ignore: [{message: not in it}]", "note", "note"},
    {"ignore: [{rule: unknown-label, path: elsewhere/**}]", "note", "note"},
    {"ignore: [{rule: unknown-label, path: .github/workflows/a.yml, message: own}]", NULL, "note"},
    {"ignore: [{rule: tag-pinned-action}, {rule: unknown-label, message: label}]", NULL, NULL},
};

static void check_level(const struct lint_report *r, const char *rule, const char *want)
{
    const char *got = NULL;

    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->v[i].rule->id, rule) == 0)
            got = lint_level_name(r->v[i].level);
    if ((got == NULL) != (want == NULL) || (got != NULL && strcmp(got, want) != 0))
        fail_msg("%s is %s, not %s", rule, got != NULL ? got : "not there",
                 want != NULL ? want : "away");
}

static void check_effect(void **state)
{
    const struct effect *f = *state;
    AUTO(lint_config_done) struct lint_config c = {0};
    AUTO(lint_report_done) struct lint_report r = {0};
    const struct lint_options o = {.config = &c};
    struct err e = {0};

    if (lint_config_parse(sv_of(f->config), &c, &e) < 0)
        fail_msg("%s", e.msg);
    lint_file(&o, ".github/workflows/a.yml", sv_of(workflow), &r);
    check_level(&r, "unknown-label", f->label);
    check_level(&r, "tag-pinned-action", f->pin);
}

static void switches(void **state)
{
    static const struct {
        const char *config;
        bool strict, notes;
    } cases[] = {
        {"strict: true", true, false},
        {"notes: true", false, true},
        {"{strict: false, notes: True}", false, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(lint_config_done) struct lint_config c = {0};
        struct err e = {0};
        assert_int_equal(lint_config_parse(sv_of(cases[i].config), &c, &e), 0);
        assert_int_equal(c.strict, cases[i].strict);
        assert_int_equal(c.notes, cases[i].notes);
    }
}

struct refusal {
    const char *config, *error;
};
static const struct refusal refusals[] = {
    {"[a]", "1:1: a mapping was expected"},
    {"text", "1:1: a mapping was expected"},
    {"rule: {}",
     "1:1: unknown key 'rule'; use rules, ignore, labels, trusted-actions, strict and notes"},
    {"rules: []", "1:8: a mapping was expected"},
    {"rules: {no-such-rule: off}", "1:9: there is no rule 'no-such-rule'; see gantry lint --rules"},
    {"rules: {unknown-label: loud}",
     "1:24: there is no level 'loud'; use off, note, warning or error"},
    {"rules: {unknown-label: [off]}",
     "1:24: there is no level ''; use off, note, warning or error"},
    {"labels: one", "1:9: a list was expected"},
    {"labels: [[a]]", "1:10: a text was expected"},
    {"labels: ['[']", "1:10: "},
    {"trusted-actions: {}", "1:18: a list was expected"},
    {"ignore: {}", "1:9: a list was expected"},
    {"ignore: [a]", "1:10: a mapping was expected"},
    {"ignore: [{}]", "1:10: this would ignore everything; use rule, path or message"},
    {"ignore: [{rules: a}]", "1:11: unknown key 'rules'; use rule, path and message"},
    {"ignore: [{rule: []}]", "1:17: a text was expected"},
    {"ignore: [{rule: no-such-rule}]",
     "1:17: there is no rule 'no-such-rule'; see gantry lint --rules"},
    {"ignore: [{path: '['}]", "1:17: "},
    {"strict: yes", "1:9: true or false was expected"},
    {"strict: 'true'", "1:9: true or false was expected"},
    {"notes: [true]", "1:8: true or false was expected"},
    {"a: [", "2:1: "},
};

static void check_refusal(void **state)
{
    const struct refusal *f = *state;
    AUTO(lint_config_done) struct lint_config c = {0};
    struct err e = {0};
    size_t n = strlen(f->error);

    assert_int_equal(lint_config_parse(sv_of(f->config), &c, &e), -1);
    if (f->error[n - 1] != ' ') { /* else the words are another module's */
        assert_string_equal(e.msg, f->error);
    } else if (strncmp(e.msg, f->error, n) != 0 || e.msg[n] == '\0') {
        fail_msg("'%s' does not begin with '%s'", e.msg, f->error);
    }
    assert_int_equal(c.n_ignores + c.n_labels + c.n_trusted, 0);
}

/* A list is read whole or refused. */
static void long_lists(void **state)
{
    static const char *const keys[] = {"labels", "trusted-actions", "ignore"};

    (void)state;
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        AUTO(buf_free) struct buf b = BUF_INIT(1U << 20);
        AUTO(lint_config_done) struct lint_config c = {0}, none = {0};
        struct err e = {0};
        buf_addf(&b, "%s:\n", keys[k]);
        for (unsigned i = 0; i < 1000; i++)
            buf_addf(&b, k == 2 ? "- {path: a%u}\n" : "- a%u\n", i);
        assert_int_equal(lint_config_parse(buf_sv(&b), &c, &e), 0);
        assert_int_equal(c.n_ignores + c.n_labels + c.n_trusted, 1000);
        buf_adds(&b, k == 2 ? "- {path: a}\n" : "- a\n");
        assert_int_equal(lint_config_parse(buf_sv(&b), &none, &e), -1);
        assert_int_equal(e.code, FAIL_LIMIT);
        assert_string_equal(e.msg, "2:1: a list of 1001 items; at most 1000 are read");
    }
}

int main(void)
{
    enum { E = sizeof effects / sizeof effects[0], R = sizeof refusals / sizeof refusals[0] };
    struct CMUnitTest tests[E + R + 2] = {cmocka_unit_test(switches), cmocka_unit_test(long_lists)};
    size_t n = 2;

    for (size_t i = 0; i < E; i++)
        tests[n++] = (struct CMUnitTest){.name = effects[i].config,
                                         .test_func = check_effect,
                                         .initial_state = (void *)(uintptr_t)&effects[i]};
    for (size_t i = 0; i < R; i++)
        tests[n++] = (struct CMUnitTest){.name = refusals[i].config,
                                         .test_func = check_refusal,
                                         .initial_state = (void *)(uintptr_t)&refusals[i]};
    return cmocka_run_group_tests_name("lint_config", tests, NULL, NULL);
}
