/* SPDX-License-Identifier: Apache-2.0
 *
 * The planner: the tables of spec expressions 9.3 and 9.5, matrices of 6.2 and 6.3, names, fail-fast, max-parallel,
 * cancellation, restriction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "tests/unit/actions/plan_cases.h"
#include "tests/unit/actions/plan_text.h"

/* ---- the answer as text ---- */

static void add_details(struct buf *b, const struct plan_leg *l, const char *flags)
{
    AUTO(auto_json) json_t *j = val_to_json(l->matrix);

    if (strcmp(flags, "matrices") == 0) {
        buf_addc(b, ' ');
        jx_write(b, j);
    }
    if (strcmp(flags, "ids") == 0)
        buf_addf(b, " %s", l->matrix_id);
    if (strcmp(flags, "labels") == 0) {
        for (size_t i = 0; l->labels[i] != NULL; i++)
            buf_addf(b, "%s%s", i == 0 ? " [" : ",", l->labels[i]);
        buf_addf(b, "]%s%s", l->group != NULL ? " " : "", l->group != NULL ? l->group : "");
    }
    if (strcmp(flags, "groups") == 0)
        buf_addf(b, " group %s%s%s", l->concurrency.name != NULL ? l->concurrency.name : "-",
                 l->concurrency.cancel_in_progress ? " cancel" : "",
                 l->concurrency.queue_max ? " max" : "");
    if (strcmp(flags, "properties") == 0)
        buf_addf(b, " timeout %g cancel %g environment %s", l->timeout_minutes,
                 l->cancel_timeout_minutes, l->environment != NULL ? l->environment : "-");
}

static struct wf *parse(const struct plan_case *c)
{
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    AUTO(buf_free) struct buf b = BUF_INIT(65536);
    struct wf *w = NULL;
    struct err e = {0};

    while (c->jobs == NULL)
        c--;
    buf_adds(&b, "on: push\njobs:\n");
    for (const char *s = c->jobs; *s != '\0'; s++) {
        bool wide = s[0] == '|' && s[1] == '|'; /* an operator */
        if (*s == '|' && !wide)
            buf_addc(&b, '\n');
        else
            buf_addc(&b, *s);
        if (wide)
            buf_addc(&b, *++s);
    }
    if (wf_parse(buf_sv(&b), "f.yml", &w, &errors, &e) < 0)
        fail_msg("%s\n%u:%u: %s", b.p, errors.v[0].line, errors.v[0].col, errors.v[0].text);
    return w;
}

static struct val *many(unsigned n)
{
    AUTO(buf_free) struct buf b = BUF_INIT(65536);
    struct val *vars = val_object();

    for (unsigned i = 0; i < n; i++)
        buf_addf(&b, "%s%u", i == 0 ? "[" : ",", i);
    buf_addc(&b, ']');
    val_sets(vars, "many", val_string(buf_sv(&b)));
    return vars;
}

static void check(void **state)
{
    const struct plan_case *c = *state;
    AUTO(auto_wf) struct wf *w = parse(c);
    AUTO(auto_val) struct val *github = val_object();
    AUTO(auto_val) struct val *vars = many(strcmp(c->flags, "many=256") == 0 ? 256 : 257);
    AUTO(buf_free) struct buf got = BUF_INIT(65536);
    AUTO(buf_free) struct buf key = BUF_INIT(64);
    struct fixture f = {.ids = STRV_INIT};
    struct plan_matrix_filter filter = {0};
    const char *only[] = {NULL, NULL};
    struct plan_inputs in = {.wf = w, .github = github, .vars = vars};
    struct plan p;
    struct err e = {0};

    if (strncmp(c->flags, "long=", 5) == 0) {
        AUTO(auto_free)
        char *text = xasprintf("%*s", strcmp(c->flags, "long=400") == 0 ? 400 : 401, "x");
        val_sets(vars, "long", val_string(sv_of(text)));
    }
    val_sets(github, "ref", val_string(SV("refs/heads/main")));
    val_sets(github, "ref_name", val_string(SV("main")));
    if (strncmp(c->flags, "only=", 5) == 0) {
        only[0] = c->flags + 5;
        in.only_jobs = only;
    }
    if (strncmp(c->flags, "matrix=", 7) == 0) {
        const char *colon = strchr(c->flags, ':');
        buf_add(&key, c->flags + 7, (size_t)(colon - c->flags) - 7);
        filter = (struct plan_matrix_filter){key.p, colon + 1};
        in.matrix_filter = &filter;
        in.n_matrix_filter = 1;
    }
    read_states(&f, c->states);
    assert_int_equal(plan_next(&in, f.states, f.n, strcmp(c->flags, "cancelled") == 0, &p, &e), 0);
    plan_dump(&p, add_details, c->flags, &got);
    plan_done(&p);
    strv_free(&f.ids);
    for (size_t i = 0; i < f.n; i++)
        val_unref(f.states[i].outputs);
    if (!same(got.p, c->want))
        fail_msg("\ngot  %s\nwant %s", got.p, c->want);
}

static void an_unknown_job_is_an_error(void **state)
{
    const struct plan_case c = {"", "  a: {" RUN "}", "", "", ""};
    AUTO(auto_wf) struct wf *w = parse(&c);
    const char *const only[] = {"b", NULL};
    const struct plan_inputs in = {.wf = w, .only_jobs = only};
    struct plan p;
    struct err e = {0};

    (void)state;
    assert_int_equal(plan_next(&in, NULL, 0, false, &p, &e), -1);
    assert_int_equal(e.code, FAIL_INPUT);
    assert_string_equal(e.msg, "no job 'b' in 'f.yml'; see gantry run --list");
    const char *const below[] = {"a/b", NULL}; /* a calls nothing */
    const struct plan_inputs deeper = {.wf = w, .only_jobs = below};
    assert_int_equal(plan_next(&deeper, NULL, 0, false, &p, &e), -1);
    assert_string_equal(e.msg, "no job 'a/b' in 'f.yml'; see gantry run --list");
}

static void add_nothing(struct buf *b, const struct plan_leg *l, const char *flags)
{
    (void)b;
    (void)l;
    (void)flags;
}

/* What the planner says to a matrix that is a variable. */
static void play_matrix(struct val *matrix, struct buf *got)
{
    const struct plan_case c = {"", "  a: {strategy: {matrix: '${{ vars.m }}'}, " RUN "}", "", "",
                                ""};
    AUTO(auto_wf) struct wf *w = parse(&c);
    AUTO(auto_val) struct val *vars = val_object();
    const struct plan_inputs in = {.wf = w, .vars = vars};
    struct plan p;
    struct err e = {0};

    val_sets(vars, "m", matrix);
    assert_int_equal(plan_next(&in, NULL, 0, false, &p, &e), 0);
    plan_dump(&p, add_nothing, "", got);
    plan_done(&p);
}

/* The same text so many times. */
static struct val *copies(const struct val *text, size_t n)
{
    struct val *list = val_array();

    for (size_t i = 0; i < n; i++)
        val_push(list, val_clone_shallow(text));
    return list;
}

/* Each of 400 texts is compared with 400 others, which differ in the last character only. */
static void a_matrix_costs_limited_work(void **state)
{
    AUTO(auto_free) char *text = xasprintf("%6000s", "x");
    AUTO(buf_free) struct buf got = BUF_INIT(65536);
    AUTO(auto_val) struct val *here = val_string(sv_of(text));
    struct val *matrix = val_object(), *exclude = val_array();

    (void)state;
    text[5999] = 'y';
    AUTO(auto_val) struct val *there = val_string(sv_of(text));
    for (size_t i = 0; i < 400; i++) {
        struct val *item = val_object();
        val_sets(item, "k", val_ref(there));
        val_push(exclude, item);
    }
    val_sets(matrix, "k", copies(here, 400));
    val_sets(matrix, "exclude", exclude);
    play_matrix(matrix, &got);
    assert_non_null(strstr(got.p, "The matrix has too many combinations and filters"));
}

/* 256 legs of 400,000 numbers each: minutes and gigabytes, where all of them became a part of the names. */
static void names_of_legs_are_made_of_their_beginnings(void **state)
{
    AUTO(buf_free) struct buf got = BUF_INIT(1U << 20);
    AUTO(auto_val) struct val *zero = val_number(0);
    struct val *matrix = val_object(), *one = val_array(), *legs = val_array();

    (void)state;
    for (unsigned i = 0; i < 256; i++)
        val_push(legs, val_number(i));
    val_push(one, copies(zero, 400000));
    val_sets(matrix, "a", legs);
    val_sets(matrix, "b", one);
    play_matrix(matrix, &got);
    assert_non_null(strstr(got.p, "'a (7, 0, 0, 0, "));
    assert_non_null(strstr(got.p, "'a (255, 0, 0, 0, "));
}

static void results_of_legs_merge_by_the_table(void **state)
{
    /* 9.5: current, then what becomes of it with a leg that was a success, a failure, cancelled, skipped */
    static const enum plan_result rows[][5] = {
        {PLAN_NONE, PLAN_SUCCESS, PLAN_FAILURE, PLAN_CANCELLED, PLAN_SKIPPED},
        {PLAN_SUCCESS, PLAN_SUCCESS, PLAN_FAILURE, PLAN_FAILURE, PLAN_SUCCESS},
        {PLAN_FAILURE, PLAN_FAILURE, PLAN_FAILURE, PLAN_FAILURE, PLAN_FAILURE},
        {PLAN_CANCELLED, PLAN_FAILURE, PLAN_FAILURE, PLAN_CANCELLED, PLAN_FAILURE},
        {PLAN_SKIPPED, PLAN_SUCCESS, PLAN_FAILURE, PLAN_FAILURE, PLAN_SKIPPED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int leg = PLAN_SUCCESS; leg <= PLAN_SKIPPED; leg++)
            assert_int_equal(plan_merge(rows[i][0], (enum plan_result)leg), rows[i][leg]);
}

/* others: one letter each in the order of arrival, o: has the group, e: is being cancelled, w: waits.
 * verdicts: k: stays, r: replaced, c: cancelled; then "full" when the newcomer has to go. */
static const struct {
    const char *name, *others, *newcomer, *verdicts;
} arrivals[] = {
    {"an empty group", "", "", ""},
    {"one that runs goes on", "o", "", "k"},
    {"one that waits is replaced", "ow", "", "kr"},
    {"all that wait are replaced", "owww", "", "krrr"},
    {"cancel-in-progress ends both", "ow", "cancel", "cr"},
    {"one that ends already is left alone", "ew", "cancel", "kr"},
    {"a queue replaces nobody", "oww", "max", "kkk"},
    {"nor does it with one that ends", "ew", "max", "kk"},
};

static void arrivals_follow_the_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof arrivals / sizeof arrivals[0]; i++) {
        struct plan_member m[8] = {{false, false}};
        enum plan_verdict v[8];
        char got[8] = "";
        const size_t n = strlen(arrivals[i].others);
        const struct plan_group g = {.cancel_in_progress =
                                         strcmp(arrivals[i].newcomer, "cancel") == 0,
                                     .queue_max = strcmp(arrivals[i].newcomer, "max") == 0};
        for (size_t k = 0; k < n; k++)
            m[k] = (struct plan_member){arrivals[i].others[k] != 'w', arrivals[i].others[k] == 'e'};
        assert_true(plan_group_arrive(m, n, &g, v));
        for (size_t k = 0; k < n; k++)
            got[k] = "krc"[v[k]];
        if (strcmp(got, arrivals[i].verdicts) != 0)
            fail_msg("%s: got %s, want %s", arrivals[i].name, got, arrivals[i].verdicts);
        assert_int_equal(plan_group_next(m, n), SIZE_MAX);
    }
}

static void a_queue_holds_a_hundred(void **state)
{
    static struct plan_member m[PLAN_MAX_PENDING + 1];
    static enum plan_verdict v[PLAN_MAX_PENDING + 1];
    const struct plan_group max = {.queue_max = true}, single = {.queue_max = false};

    (void)state;
    m[0].open = true;
    assert_true(plan_group_arrive(m, PLAN_MAX_PENDING, &max, v)); /* 99 wait */
    assert_false(plan_group_arrive(m, PLAN_MAX_PENDING + 1, &max, v));
    assert_true(plan_group_arrive(m, PLAN_MAX_PENDING + 1, &single, v));
    assert_int_equal(plan_group_next(&m[1], PLAN_MAX_PENDING), 0); /* the oldest */
    assert_int_equal(plan_group_next(m, 0), SIZE_MAX);
    assert_true(plan_group_same("Prod-\xc3\x84", "prod-\xc3\xa4"));
    assert_false(plan_group_same("prod", "prod "));
}

int main(void)
{
    enum { N = sizeof cases / sizeof cases[0], M = 6 };
    struct CMUnitTest tests[N + M] = {cmocka_unit_test(a_matrix_costs_limited_work),
                                      cmocka_unit_test(names_of_legs_are_made_of_their_beginnings),
                                      cmocka_unit_test(an_unknown_job_is_an_error),
                                      cmocka_unit_test(results_of_legs_merge_by_the_table),
                                      cmocka_unit_test(arrivals_follow_the_rules),
                                      cmocka_unit_test(a_queue_holds_a_hundred)};

    for (size_t i = 0; i < N; i++)
        tests[M + i] = (struct CMUnitTest){.name = cases[i].name,
                                           .test_func = check,
                                           .initial_state = (void *)(uintptr_t)&cases[i]};
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
