/* SPDX-License-Identifier: Apache-2.0
 *
 * How large outputs may be (spec logs 10): of a job, and of all jobs of a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/json.h"
#include "base/mem.h"
#include "runner/service/svc_priv.h"

/* {"x": {"value": n times the text}} */
static json_t *outputs_of(const char *text, size_t n)
{
    AUTO(buf_free) struct buf b = BUF_INIT((size_t)4 << 20);
    json_t *o = json_object();

    for (size_t i = 0; i < n; i++)
        buf_adds(&b, text);
    (void)json_object_set_new(o, "x", json_pack("{s:o}", "value", jx_str_new(buf_sv(&b))));
    return o;
}

static void leg_done(struct leg *l)
{
    val_unref(l->outputs);
}

static void test_of_a_job(void **state)
{
    static const struct {
        const char *text;
        size_t n;
        bool fits;
    } rows[] = {
        {"a", 0, true},
        {"a", 524287, true}, /* the name counts */
        {"a", 524288, false},
        {"\xE2\x82\xAC", 524287, true}, /* three bytes, one unit */
        {"\xE2\x82\xAC", 524288, false},
        {"\xF0\x9F\x98\x80", 262143, true}, /* two units */
        {"\xF0\x9F\x98\x80", 262144, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO(auto_json) json_t *o = outputs_of(rows[i].text, rows[i].n);
        struct leg l = {.id = NULL}, *legs[] = {&l};
        struct run r = {.legs = legs, .n_legs = 1};
        l.run = &r;
        const char *why = outputs_take(&l, o);
        if (rows[i].fits)
            assert_null(why);
        else
            assert_string_equal(why, "Job outputs exceed 1,048,576 bytes");
        assert_int_equal(val_count(l.outputs), rows[i].fits ? 1 : 0);
        leg_done(&l);
    }
}

static void test_of_a_run(void **state)
{
    enum { JOBS = 52 };
    static struct leg all[JOBS];
    struct leg *legs[JOBS];
    struct run r = {.legs = legs, .n_legs = JOBS};
    AUTO(auto_json) json_t *most = outputs_of("a", 524287);

    (void)state;
    for (size_t i = 0; i < JOBS; i++) {
        legs[i] = &all[i];
        all[i].run = &r;
    }
    for (size_t i = 0; i < JOBS; i++) {
        const char *why = outputs_take(&all[i], most);
        if (i < 50) /* 50 MiB exactly */
            assert_null(why);
        else
            assert_string_equal(why, "The outputs of all jobs of the run exceed 52,428,800 bytes");
    }
    assert_null(outputs_take(&all[0], most)); /* told again: it does not count twice */
    assert_null(outputs_take(&all[50], json_object_get(most, "none")));
    for (size_t i = 0; i < JOBS; i++)
        leg_done(&all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_of_a_job),
                                       cmocka_unit_test(test_of_a_run)};

    jx_init();
    return cmocka_run_group_tests_name("outputs", tests, NULL, NULL);
}
