/* SPDX-License-Identifier: Apache-2.0
 *
 * Logs that are uploaded in blocks while their step runs: what is reported of them, when, and in which form. */
#include "tests/unit/runner/service/rig.h"

#include "base/event_stream.h"

#define ONE_JOB   "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [{run: x, id: s}]\n"
#define STAMP     "2026-03-04T05:06:07.1234567Z "
#define BOM       "\xef\xbb\xbf"
#define RECEIVER  "twirp/results.services.receiver.Receiver/"
#define STARTED   "run.started\njob.queued a\njob.started a\nstep.started a 2 \n"
#define COMPLETED "step.completed a 2 success\njob.completed a success\nrun.completed success\n"

/* A run with one step under way, and the URL of its log. */
struct log_rig {
    struct rig *g;
    struct job j;
    char *run, *step, *url;
};

static json_t *ids(const struct log_rig *t)
{
    return json_pack("{s:s, s:s, s:s}", "workflow_run_backend_id", t->j.plan,
                     "workflow_job_run_backend_id", t->j.id, "step_backend_id", t->step);
}

static void update(struct log_rig *t, int status, int conclusion)
{
    struct answer a = rig_json(
        t->g, "POST",
        "twirp/github.actions.results.api.v1.WorkflowStepUpdateService/WorkflowStepsUpdate",
        t->j.token,
        json_pack("{s:[{s:s, s:i, s:s, s:i, s:s, s:n, s:i}], s:i, s:s, s:s}", "steps",
                  "external_id", t->step, "number", 2, "name", "Run x", "status", status,
                  "started_at", "2026-03-04T05:06:07.123Z", "completed_at", "conclusion",
                  conclusion, "change_order", 1, "workflow_run_backend_id", t->j.plan,
                  "workflow_job_run_backend_id", t->j.id));

    assert_int_equal(a.status, 200);
    answer_done(&a);
}

static void put(struct log_rig *t, const char *suffix, const char *const *headers, struct sv body,
                int want)
{
    AUTO(auto_free) char *url = xasprintf("%s%s", t->url, suffix);
    struct answer a = rig_call(t->g, "PUT", url, NULL, body, headers);

    assert_int_equal(a.status, want);
    answer_done(&a);
}

static void append(struct log_rig *t, struct sv text)
{
    put(t, "&comp=appendblock", NULL, text, 201);
}

static void begin(struct log_rig *t, const char *mode)
{
    static const char *const create[] = {"x-ms-blob-type: AppendBlob", NULL};
    struct answer a;

    *t = (struct log_rig){.g = rig_new(mode, "")};
    rig_session(t->g, 0);
    t->run = rig_run(t->g, ONE_JOB, NULL);
    t->j = rig_take(t->g, 0);
    t->step = sv_dup(jx_str(json_array_get(jx_get(t->j.message, "steps"), 0), "id", ""));
    update(t, 3, 0);
    a = rig_json(t->g, "POST", RECEIVER "GetStepLogsSignedBlobURL", t->j.token, ids(t));
    assert_int_equal(a.status, 200);
    t->url = sv_dup(jx_str(a.json, "logs_url", ""));
    answer_done(&a);
    put(t, "", create, SV(""), 201);
}

static void seal(struct log_rig *t)
{
    struct answer a;

    put(t, "&comp=seal", NULL, SV(""), 200);
    a = rig_json(t->g, "POST", RECEIVER "CreateStepLogsMetadata", t->j.token, ids(t));
    assert_int_equal(a.status, 200);
    answer_done(&a);
}

static void finish(struct log_rig *t)
{
    update(t, 6, 2);
    assert_int_equal(rig_complete(t->g, &t->j, "succeeded", NULL), 204);
}

static void done(struct log_rig *t)
{
    job_done(&t->j);
    free(t->run);
    free(t->step);
    free(t->url);
    rig_free(t->g);
}

/* Nothing has to be sealed for it: a block's lines are reported when it is there. */
static void blocks_are_read_as_they_come(void **state)
{
    struct log_rig t;

    (void)state;
    begin(&t, "run");
    append(&t, SV(BOM STAMP "one\n" STAMP "\n" STAMP "two\r\nraw\n" STAMP "thr"));
    append(&t, SV(BOM "ee\n" BOM STAMP "four\n" STAMP "cut o"));
    finish(&t);
    rig_expect_events(t.g, t.run,
                      STARTED "log a 2: one\nlog a 2: \nlog a 2: two\nlog a 2: raw\n"
                              "log a 2: thr" BOM "ee\nlog a 2: four\n" COMPLETED);
    done(&t);
}

static void the_end_needs_no_line_feed(void **state)
{
    struct log_rig t;

    (void)state;
    begin(&t, "run");
    append(&t, SV(STAMP "one\n" STAMP "t"));
    append(&t, SV("wo"));
    seal(&t);
    finish(&t);
    rig_expect_events(t.g, t.run, STARTED "log a 2: one\nlog a 2: two\n" COMPLETED);
    done(&t);
}

/* The last block of a log that ended where a block does holds a BOM alone (logs 4.2). */
static void a_lone_bom_is_no_line(void **state)
{
    struct log_rig t;

    (void)state;
    begin(&t, "run");
    append(&t, SV(STAMP "one\n"));
    append(&t, SV(BOM));
    seal(&t);
    finish(&t);
    rig_expect_events(t.g, t.run, STARTED "log a 2: one\n" COMPLETED);
    done(&t);
}

/* The line's text out of its events; how many they were. */
static size_t lines_of(const json_t *events, struct buf *out)
{
    const json_t *v;
    size_t i, n = 0;

    json_array_foreach(events, i, v)
    {
        if (!sv_is(jx_str(v, "type", ""), "log"))
            continue;
        buf_addsv(out, jx_str(v, "line", ""));
        if (!jx_bool(v, "partial", false))
            buf_addc(out, '\n');
        n++;
    }
    return n;
}

/* Lines that are longer than what is read at once, over the borders of blocks; one of them longer than an event. */
static void long_lines(void **state)
{
    static const size_t lengths[] = {262144 - 29, 262144 - 28, 1000000, (12U << 20) + 5, 3};
    enum { N = sizeof lengths / sizeof lengths[0], BLOCK = 3000001 };
    AUTO(buf_free) struct buf log = BUF_INIT(32U << 20);
    AUTO(buf_free) struct buf want = BUF_INIT(32U << 20);
    AUTO(buf_free) struct buf got = BUF_INIT(32U << 20);
    struct log_rig t;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        buf_adds(&log, STAMP);
        for (size_t k = 0; k + 3 <= lengths[i]; k += 3) {
            buf_adds(&log, "\xe2\x82\xac");
            buf_adds(&want, "\xe2\x82\xac");
        }
        buf_addc(&log, '\n');
        buf_addc(&want, '\n');
    }
    begin(&t, "run");
    for (size_t at = 0; at < log.len; at += BLOCK)
        append(&t, sv_sub(buf_sv(&log), at, BLOCK));
    finish(&t);
    {
        AUTO(auto_json) json_t *events = rig_events(t.g, t.run, 0);
        assert_int_equal(lines_of(events, &got), N + 1);
        assert_true(sv_eq(buf_sv(&got), buf_sv(&want)));
    }
    done(&t);
}

static int count_object(void *ctx, struct sv text, const json_t *event, struct err *e)
{
    struct buf *out = ctx;

    (void)e;
    assert_non_null(event);
    buf_addsv(out, text);
    buf_addc(out, '\n');
    return 0;
}

static int count_line(void *ctx, const struct event_line *l, struct err *e)
{
    (void)e;
    event_line_json(ctx, l);
    return 0;
}

/* Who asks gets the log as it is, of which the same events can be made; resumed anywhere, also within a block. */
static void both_forms_say_the_same(void **state)
{
    static const char *const headers[] = {"Accept: " EVENT_STREAM_TYPE, NULL};
    AUTO(buf_free) struct buf log = BUF_INIT(1U << 20);
    struct log_rig t;

    (void)state;
    for (int i = 0; i < 5000; i++)
        buf_addf(&log, STAMP "line \"%d\"\n", i);
    begin(&t, "run");
    append(&t, sv_sub(buf_sv(&log), 0, 100000));
    append(&t, sv_sub(buf_sv(&log), 100000, log.len));
    finish(&t);
    for (unsigned after = 0; after < 5010; after += 1001) {
        AUTO(auto_free) char *url = xasprintf("_gantry/runs/%s/events?after=%u", t.run, after);
        AUTO(buf_free) struct buf made = BUF_INIT(4U << 20);
        struct answer lines = rig_call(t.g, "GET", url, t.g->front, SV(""), NULL);
        struct answer raw = rig_call(t.g, "GET", url, t.g->front, SV(""), headers);
        struct event_reader *r = event_reader_new(count_object, count_line, &made);
        struct err e;
        assert_int_equal(event_reader_feed(r, buf_sv(&raw.body), &e), 0);
        assert_true(after > 0 || raw.body.len < lines.body.len / 2);
        assert_true(sv_ends(buf_sv(&made), buf_sv(&lines.body)));
        AUTO(auto_json) json_t *events = rig_events(t.g, t.run, after);
        assert_int_equal(jx_int(json_array_get(events, 0), "seq", 0), after + 1);
        assert_int_equal(json_array_size(events), 5007 - after);
        event_reader_free(r);
        answer_done(&lines);
        answer_done(&raw);
    }
    done(&t);
}

/* What was reported before a crash is not reported again, and what came before it is not lost. */
static void a_crash_between_blocks(void **state)
{
    struct log_rig t;
    struct err e;
    int status = -1;

    (void)state;
    begin(&t, "serve");
    append(&t, SV(STAMP "one\n" STAMP "two\n" STAMP "thr"));
    if (proc_signal(&t.g->proc, SIGKILL, &e) < 0 || proc_wait(&t.g->proc, false, &status, &e) < 0)
        fail_err(&e);
    fd_close(&t.g->ready);
    rig_configure(t.g, "serve", "");
    rig_connect(t.g);
    rig_session(t.g, 0);
    {
        struct answer a =
            rig_json(t.g, "POST", RECEIVER "GetStepLogsSignedBlobURL", t.j.token, ids(&t));
        assert_int_equal(a.status, 200);
        free(t.url);
        t.url = sv_dup(jx_str(a.json, "logs_url", ""));
        answer_done(&a);
    }
    append(&t, SV("ee\n" STAMP "four\n"));
    finish(&t);
    rig_expect_events(t.g, t.run,
                      STARTED
                      "log a 2: one\nlog a 2: two\nlog a 2: three\nlog a 2: four\n" COMPLETED);
    done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_read_as_they_come),
        cmocka_unit_test(the_end_needs_no_line_feed),
        cmocka_unit_test(a_lone_bom_is_no_line),
        cmocka_unit_test(long_lines),
        cmocka_unit_test(both_forms_say_the_same),
        cmocka_unit_test(a_crash_between_blocks),
    };

    rig_reserve();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
