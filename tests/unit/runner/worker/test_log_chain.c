/* SPDX-License-Identifier: Apache-2.0
 *
 * The line splitter (spec logs 0.4): the same lines however the text is cut, with and without problem matchers, whose
 * turns end between any two lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "runner/worker/log_chain.h"
#include "runner/worker/worker.h"

#define LOG_BYTES ((size_t)4 << 20)

struct chain {
    struct worker w;
    struct exec x;
    struct record record;
};

static void chain_init(struct chain *c, const char *matchers)
{
    struct err e = {0};

    *c = (struct chain){.w = {.mask = mask_new(), .loop = loop_new(&e)}};
    c->x = (struct exec){.w = &c->w, .rec = &c->record};
    assert_int_equal(spool_new("/tmp", c->w.mask, &c->w.spool, &e), 0);
    if (matchers != NULL)
        assert_int_equal(matcher_file_read(sv_of(matchers), &c->w.matchers, &e), 0);
}

/* The lines of the log, time stamps cut off, each ended by '|'. */
static char *chain_end(struct chain *c)
{
    struct buf out = BUF_INIT(LOG_BYTES);
    AUTO(auto_free) char *text = xmalloc(LOG_BYTES);
    struct err e = {0};

    spool_flush(c->w.spool);
    ssize_t n = spool_read(c->w.spool, 0, text, LOG_BYTES, &e);
    assert_true(n >= 0);
    struct sv rest = {text, (size_t)n}, line;
    while (sv_next(&rest, '\n', &line) && line.n >= SPOOL_STAMP_BYTES) {
        buf_addsv(&out, sv_sub(line, SPOOL_STAMP_BYTES, line.n));
        buf_addc(&out, '|');
    }
    for (size_t i = 0; i < c->record.n_issues; i++)
        issue_done(&c->record.issues[i]);
    free(c->record.issues);
    matcher_set_done(&c->w.matchers);
    spool_free(c->w.spool);
    mask_free(c->w.mask);
    loop_free(c->w.loop);
    return buf_take(&out, NULL);
}

static const char *const texts[][2] = {
    {"a\nb\n", "a|b|"}, {"a\nb", "a|b|"},    {"a\rb\r\nc\n\rd", "a|b|c||d|"},
    {"\r\n\r\n", "||"}, {"\r\r\n\n", "|||"}, {"x\r", "x|"},
    {"", ""},
};
static const char nothing[] =
    "{\"problemMatcher\":[{\"owner\":\"o\",\"pattern\":[{\"regexp\":\"never\",\"message\":0}]}]}";

static void test_splitter(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (size_t piece = 1; piece <= 8; piece++)
            for (int with = 0; with < 2; with++) {
                struct chain c;
                struct sv rest = sv_of(texts[i][0]);
                chain_init(&c, with == 1 ? nothing : NULL);
                struct log_stream *s = log_stream_detached(&c.x);
                for (; rest.n > 0; rest = sv_sub(rest, piece, rest.n))
                    log_stream_feed(s, rest.p, piece < rest.n ? piece : rest.n);
                log_stream_free(s);
                AUTO(auto_free) char *got = chain_end(&c);
                assert_string_equal(got, texts[i][1]);
            }
}

/* One line of the pipe takes a time-out; the loop goes on meanwhile, and nothing is lost in the end. */
static const char slow[] = "{\"problemMatcher\":[{\"owner\":\"o\",\"pattern\":[{\"regexp\":"
                           "\"^(a|aa)*[^a]$\",\"message\":0}]}]}";
#define SLOW_LINE "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"

struct seen {
    struct log_stream *s;
    bool turn, behind;
};

/* Comes between the lines: the first one took longer than a turn. */
static void look(void *ctx)
{
    struct seen *seen = ctx;

    seen->turn = true;
    seen->behind = log_stream_is_behind(seen->s);
}

static void test_turns(void **state)
{
    struct chain c;
    struct seen seen = {.turn = false};
    struct err e = {0};
    int ends[2];

    (void)state;
    chain_init(&c, slow);
    strv_setenv(&c.w.opt.env, SV("GITHUB_ACTIONS_RUNNER_ISSUE_MATCHER_TIMEOUT"), SV("0:0:0.2"));
    assert_int_equal(fd_pipe(ends, &e), 0);
    assert_int_equal(
        fd_write_full(ends[1], SLOW_LINE SLOW_LINE "b\nc", 2 * strlen(SLOW_LINE) + 3, &e), 0);
    assert_int_equal(log_stream_new(c.w.loop, &c.x, ends[0], &seen.s, &e), 0);
    struct loop_timer *t = loop_add_timer(c.w.loop, 1, look, &seen);
    while (!seen.turn)
        assert_int_equal(loop_turn(c.w.loop, 1000, &e), 0);
    assert_true(seen.behind);
    log_stream_free(seen.s); /* as when nobody waits any longer */
    fd_close(&ends[1]);
    loop_del_timer(t);
    strv_free(&c.w.opt.env);
    AUTO(auto_free) char *got = chain_end(&c);
    assert_non_null(strstr(got, "##[warning]Removing issue matcher 'o'. Matcher failed 3 times."));
    assert_non_null(strstr(got, "|b|c|"));
}

static void give_up(void *ctx)
{
    struct seen *seen = ctx;

    look(seen);
    log_stream_free(seen->s);
}

/* Given up waiting for: neither what was read nor what is still in the pipe is lost. */
static void test_rest(void **state)
{
    struct chain c;
    struct seen seen = {.turn = false};
    AUTO(auto_free) char *many = xmalloc(200000);
    struct err e = {0};
    size_t lines = 0;
    int ends[2];

    (void)state;
    chain_init(&c, slow);
    strv_setenv(&c.w.opt.env, SV("GITHUB_ACTIONS_RUNNER_ISSUE_MATCHER_TIMEOUT"), SV("0:0:0.2"));
    assert_int_equal(fd_pipe(ends, &e), 0);
    (void)fcntl(ends[1], F_SETPIPE_SZ, 1 << 18);
    assert_int_equal(fd_write_full(ends[1], SLOW_LINE SLOW_LINE, 2 * strlen(SLOW_LINE), &e), 0);
    for (size_t i = 0; i < 200000; i++)
        many[i] = i % 2 == 0 ? 'b' : '\n';
    assert_int_equal(fd_write_full(ends[1], many, 200000, &e), 0);
    assert_int_equal(log_stream_new(c.w.loop, &c.x, ends[0], &seen.s, &e), 0);
    struct loop_timer *t = loop_add_timer(c.w.loop, 1, give_up, &seen);
    while (!seen.turn)
        assert_int_equal(loop_turn(c.w.loop, 1000, &e), 0);
    assert_true(seen.behind);
    fd_close(&ends[1]);
    loop_del_timer(t);
    strv_free(&c.w.opt.env);
    AUTO(auto_free) char *got = chain_end(&c);
    for (const char *p = got; (p = strstr(p, "|b")) != NULL; p += 2)
        lines++;
    assert_int_equal(lines, 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_splitter),
                                       cmocka_unit_test(test_turns), cmocka_unit_test(test_rest)};

    return cmocka_run_group_tests_name("log_chain", tests, NULL, NULL);
}
