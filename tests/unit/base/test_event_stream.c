/* SPDX-License-Identifier: Apache-2.0
 *
 * Events and blocks of log lines, whole and in pieces of any size: what comes out is the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/event_stream.h"
#include "base/mem.h"

#define HEAD(lines, bytes, more, seq)                                                            \
    "{\"type\":\"log.block\",\"job\":\"a\",\"name\":\"A \\\"1\\\"\",\"step\":2,\"lines\":" lines \
    ",\"bytes\":" bytes more ",\"time\":\"T\",\"seq\":" seq "}\n"
#define LOG(line, more, seq)                                                               \
    "{\"type\":\"log\",\"job\":\"a\",\"name\":\"A \\\"1\\\"\",\"step\":2,\"line\":\"" line \
    "\"" more ",\"time\":\"T\",\"seq\":" seq "}\n"

struct stream_case {
    const char *name;
    const char *in, *out; /* as JSON Lines; NULL: refused */
};
static const struct stream_case stream_cases[] = {
    {"an object is handed on as it is", "{\"type\":\"x\", \"seq\":1}\n",
     "{\"type\":\"x\", \"seq\":1}\n"},
    {"empty lines between objects are nothing", "\n{\"a\":1}\n\n{\"a\":2}\n",
     "{\"a\":1}\n{\"a\":2}\n"},
    {"a block is as many events, numbered on", HEAD("3", "8", "", "5") "one\n\nb\\\n{\"a\":1}\n",
     LOG("one", "", "5") LOG("", "", "6") LOG("b\\\\", "", "7") "{\"a\":1}\n"},
    {"characters of several bytes stay whole",
     HEAD("1", "10", "", "1") "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n",
     LOG("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "", "1")},
    {"what is none is shown as such", HEAD("1", "4", "", "1") "\xe2\x82y\n",
     LOG("\xef\xbf\xbd\xef\xbf\xbdy", "", "1")},
    {"a part of a line has no end",
     HEAD("1", "3", ",\"partial\":true", "1") "abc" HEAD("1", "2", "", "2") "d\n",
     LOG("abc", ",\"partial\":true", "1") LOG("d", "", "2")},
    {"lines that look like events are lines", HEAD("1", "8", "", "1") "{\"a\":1}\n",
     LOG("{\\\"a\\\":1}", "", "1")},
    {"no JSON", "{\"a\":1\n", NULL},
    {"a block without bytes", HEAD("1", "0", "", "1"), NULL},
    {"a block without lines", HEAD("0", "2", "", "1") "a\n", NULL},
    {"a block with more lines than it says", HEAD("1", "4", "", "1") "a\nb\n", NULL},
    {"a block with fewer", HEAD("3", "4", "", "1") "a\nb\n", NULL},
    {"a block whose last line does not end", HEAD("1", "3", "", "1") "abc", NULL},
    {"two lines in parts", HEAD("2", "3", ",\"partial\":true", "1") "abc", NULL},
    {"a block without a job", "{\"type\":\"log.block\",\"name\":\"a\"}\n", NULL},
    {"a negative length", HEAD("1", "-4", "", "1"), NULL},
    {"no number of an event", HEAD("1", "2", "", "0") "a\n", NULL},
};

struct seen {
    struct buf text;
    size_t longest;
};

static int on_object(void *ctx, struct sv text, const json_t *event, struct err *e)
{
    struct seen *s = ctx;

    (void)e;
    assert_non_null(event);
    buf_addsv(&s->text, text);
    buf_addc(&s->text, '\n');
    return 0;
}

static int on_line(void *ctx, const struct event_line *l, struct err *e)
{
    struct seen *s = ctx;

    (void)e;
    if (l->text.n > s->longest)
        s->longest = l->text.n;
    event_line_json(&s->text, l);
    return 0;
}

/* In pieces of so many bytes; -1: refused. */
static int play(struct sv in, size_t step, struct seen *s, struct err *e)
{
    struct event_reader *r = event_reader_new(on_object, on_line, s);
    int rc = 0;

    *s = (struct seen){.text = BUF_INIT(64U << 20)};
    for (size_t at = 0; at < in.n && rc == 0; at += step)
        rc = event_reader_feed(r, sv_sub(in, at, step), e);
    if (rc == 0)
        assert_int_equal(event_reader_whole(r), in.n);
    event_reader_free(r);
    return rc;
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stream_cases / sizeof stream_cases[0]; i++) {
        const struct stream_case *c = &stream_cases[i];
        for (size_t step = 1; step < 500; step = step < 5 ? step + 1 : step * 10) {
            struct err e = {0};
            struct seen s;
            int rc = play(sv_of(c->in), step, &s, &e);
            if (rc != (c->out != NULL ? 0 : -1))
                fail_msg("%s, by %zu: %d %s", c->name, step, rc, e.msg);
            if (rc == 0 && c->out != NULL && strcmp(s.text.p, c->out) != 0)
                fail_msg("%s, by %zu:\n%s", c->name, step, s.text.p);
            assert_true(rc == 0 || e.code != FAIL_NONE);
            buf_free(&s.text);
        }
    }
}

/* A line that is much longer than what is held, of characters that no border of a piece respects. */
static void test_long_line(void **state)
{
    AUTO(buf_free) struct buf in = BUF_INIT(8U << 20);
    AUTO(buf_free) struct buf out = BUF_INIT(8U << 20);
    AUTO(buf_free) struct buf line = BUF_INIT(8U << 20);
    const struct event_block k = {.job = SV("a"),
                                  .name = SV("A \"1\""),
                                  .step = 2,
                                  .time = SV("T"),
                                  .seq = 1,
                                  .lines = 2,
                                  .bytes = 3000000 + 1 + 2};

    (void)state;
    for (int i = 0; i < 1000000; i++)
        buf_adds(&line, "\xe2\x82\xac");
    event_block_head(&in, &k);
    buf_addsv(&in, buf_sv(&line));
    buf_adds(&in, "\nb\n");
    buf_adds(&out,
             "{\"type\":\"log\",\"job\":\"a\",\"name\":\"A \\\"1\\\"\",\"step\":2,\"line\":\"");
    buf_addsv(&out, buf_sv(&line));
    buf_adds(&out, "\",\"time\":\"T\",\"seq\":1}\n" LOG("b", "", "2"));
    for (size_t step = 1000; step < 4000000; step = step * 3 + 1) {
        struct err e = {0};
        struct seen s;
        assert_int_equal(play(buf_sv(&in), step, &s, &e), 0);
        assert_true(sv_eq(buf_sv(&s.text), buf_sv(&out)));
        if (step < EVENT_LINE_BYTES) /* what is held does not depend on the line */
            assert_true(s.longest < EVENT_LINE_BYTES + step);
        buf_free(&s.text);
    }
}

/* What an interrupted write left is behind the whole part, wherever it was cut. */
static void test_cut(void **state)
{
    static const char whole[] = "{\"a\":1}\n" HEAD("2", "4", "", "1") "x\ny\n";
    static const char rest[] = HEAD("1", "8", "", "3") "one\ntwo\n";

    (void)state;
    for (size_t n = 0; n + 1 < sizeof rest; n++) {
        AUTO(buf_free) struct buf in = BUF_INIT(4096);
        struct seen s = {.text = BUF_INIT(4096)};
        struct event_reader *r = event_reader_new(on_object, on_line, &s);
        struct err e = {0};
        buf_adds(&in, whole);
        buf_add(&in, rest, n);
        assert_int_equal(event_reader_feed(r, buf_sv(&in), &e), 0);
        assert_int_equal(event_reader_whole(r), sizeof whole - 1);
        event_reader_begin(r, 0); /* and begins anew */
        buf_reset(&s.text);
        assert_int_equal(event_reader_feed(r, sv_of(whole), &e), 0);
        assert_string_equal(s.text.p, "{\"a\":1}\n" LOG("x", "", "1") LOG("y", "", "2"));
        event_reader_free(r);
        buf_free(&s.text);
    }
}

/* Interrupted anywhere, and begun again at one of the objects or blocks before: everything comes once. */
static void test_resume(void **state)
{
    static const char *const parts[] = {"{\"a\":1,\"seq\":1}\n", HEAD("2", "4", "", "2") "x\ny\n",
                                        HEAD("1", "100003", "", "4"), "{\"a\":2,\"seq\":5}\n"};
    AUTO(buf_free) struct buf in = BUF_INIT(1U << 20);
    AUTO(buf_free) struct buf want = BUF_INIT(1U << 20);
    size_t starts[4];
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        starts[i] = in.len;
        buf_adds(&in, parts[i]);
        for (int k = 0; i == 2 && k < 33334; k++)
            buf_adds(&in, "\xe2\x82\xac");
        if (i == 2)
            buf_addc(&in, '\n');
    }
    for (size_t cut = 1; cut < in.len; cut += cut < 350 || cut > in.len - 40 ? 3 : 9973)
        for (size_t again = 0; again < 4 && starts[again] <= cut; again++) {
            struct seen s = {.text = BUF_INIT(1U << 20)};
            struct event_reader *r = event_reader_new(on_object, on_line, &s);
            assert_int_equal(event_reader_feed(r, sv_sub(buf_sv(&in), 0, cut), &e), 0);
            event_reader_resume(r);
            assert_int_equal(event_reader_feed(r, sv_sub(buf_sv(&in), starts[again], in.len), &e),
                             0);
            assert_int_equal(event_reader_last(r), 5);
            if (want.len == 0)
                buf_addsv(&want, buf_sv(&s.text));
            if (!sv_eq(buf_sv(&want), buf_sv(&s.text)))
                fail_msg("cut at %zu, again from %zu: %.300s", cut, starts[again], s.text.p);
            event_reader_free(r);
            buf_free(&s.text);
        }
    assert_true(
        sv_starts(buf_sv(&want), SV("{\"a\":1,\"seq\":1}\n" LOG("x", "", "2") LOG("y", "", "3"))));
    assert_true(sv_ends(buf_sv(&want), SV("\",\"time\":\"T\",\"seq\":4}\n{\"a\":2,\"seq\":5}\n")));
}

/* What is not wanted is passed over, also within a block. */
static void test_after(void **state)
{
    struct seen s = {.text = BUF_INIT(4096)};
    struct event_reader *r = event_reader_new(on_object, on_line, &s);
    struct err e = {0};

    (void)state;
    event_reader_begin(r, 2);
    assert_int_equal(
        event_reader_feed(r, SV("{\"a\":1,\"seq\":1}\n" HEAD("2", "4", "", "2") "x\ny\n"), &e), 0);
    assert_string_equal(s.text.p, LOG("y", "", "3"));
    assert_int_equal(event_reader_last(r), 3);
    event_reader_free(r);
    buf_free(&s.text);
}

static int stop(void *ctx, const struct event_line *l, struct err *e)
{
    (void)ctx;
    (void)l;
    return err_set(e, FAIL_CANCELED, "enough");
}

static void test_stop(void **state)
{
    struct seen s = {.text = BUF_INIT(4096)};
    struct event_reader *r = event_reader_new(on_object, stop, &s);
    struct err e = {0};

    (void)state;
    assert_int_equal(event_reader_feed(r, SV(HEAD("2", "4", "", "1") "x\ny\n"), &e), -1);
    assert_int_equal(e.code, FAIL_CANCELED);
    event_reader_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),  cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_cut),    cmocka_unit_test(test_stop),
        cmocka_unit_test(test_resume), cmocka_unit_test(test_after)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
