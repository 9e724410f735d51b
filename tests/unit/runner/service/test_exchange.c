/* SPDX-License-Identifier: Apache-2.0
 *
 * The hand-written exchange of tests/data/exchange against the service alone, and the events that it makes of it,
 * held against docs/events.schema.json. */
#include "tests/unit/runner/service/rig.h"

#include "base/ws_client.h"

/* ---- comparing an answer with its description ---- */

static void remember(struct rig *g, struct sv name, struct sv value)
{
    AUTO(auto_free) char *key = sv_dup(name);

    (void)json_object_set_new(g->vars, key, jx_str_new(value));
}

static const char *known(struct rig *g, struct sv name)
{
    AUTO(auto_free) char *key = sv_dup(name);

    return json_string_value(json_object_get(g->vars, key));
}

/* want with {{name}} and {{?name}} against got. An unknown name takes what is there. */
static bool text_fits(struct rig *g, struct sv want, struct sv got)
{
    while (want.n > 0) {
        size_t at = sv_find(want, SV("{{")), end, stop;
        struct sv name, next;
        const char *value;
        if (at == SV_NPOS)
            return sv_eq(want, got);
        if (!sv_eq(sv_sub(want, 0, at), sv_sub(got, 0, at)))
            return false;
        want = sv_sub(want, at + 2, want.n);
        got = sv_sub(got, at, got.n);
        end = sv_find(want, SV("}}"));
        name = sv_sub(want, 0, end);
        want = sv_sub(want, end + 2, want.n);
        value = name.p[0] == '?' ? NULL : known(g, name);
        if (value != NULL) {
            if (!sv_starts(got, sv_of(value)))
                return false;
            got = sv_sub(got, strlen(value), got.n);
            continue;
        }
        next = want;
        if (sv_find(want, SV("{{")) != SV_NPOS)
            next = sv_sub(want, 0, sv_find(want, SV("{{")));
        stop = next.n > 0 ? sv_find(got, next) : got.n;
        if (stop == SV_NPOS || stop == 0)
            return false;
        if (name.p[0] == '?')
            name = sv_sub(name, 1, name.n);
        remember(g, name, sv_sub(got, 0, stop));
        got = sv_sub(got, stop, got.n);
    }
    return got.n == 0;
}

static bool fits(struct rig *g, const json_t *want, const json_t *got, const char *where);

static const json_t *by_key(const json_t *list, const char *key)
{
    const json_t *v;
    size_t i;

    json_array_foreach(list, i, v)
    {
        if (sv_is(jx_str(v, "k", ""), key))
            return v;
    }
    return NULL;
}

static bool list_fits(struct rig *g, const json_t *want, const json_t *got, const char *where)
{
    const json_t *v;
    size_t i;

    if (!json_is_array(got))
        return false;
    if (strcmp(where, "mask") == 0)
        return true;
    json_array_foreach(want, i, v)
    {
        const char *key = json_string_value(jx_get(v, "k"));
        const json_t *other = key != NULL ? by_key(got, key) : json_array_get(got, i);
        if (!fits(g, v, other, key != NULL ? key : where))
            return false;
    }
    return true;
}

static bool object_fits(struct rig *g, const json_t *want, const json_t *got, const char *where)
{
    void *it;

    if (jx_get(want, "lit") != NULL && json_is_string(got))
        return fits(g, jx_get(want, "lit"), got, where); /* a literal may be bare */
    if (!json_is_object(got))
        return false;
    for (it = json_object_iter((json_t *)(uintptr_t)want); it != NULL;
         it = json_object_iter_next((json_t *)(uintptr_t)want, it)) {
        const char *key = json_object_iter_key(it);
        const json_t *v = json_object_iter_value(it), *other = json_object_get(got, key);
        bool position =
            strcmp(key, "file") == 0 || strcmp(key, "line") == 0 || strcmp(key, "col") == 0;
        if (other == NULL &&
            (position || json_is_null(v) || (json_is_array(v) && json_array_size(v) == 0)))
            continue;
        if (!fits(g, v, other, key))
            return false;
    }
    return true;
}

static bool fits(struct rig *g, const json_t *want, const json_t *got, const char *where)
{
    bool ok;

    if (json_is_object(want))
        ok = object_fits(g, want, got, where);
    else if (json_is_array(want))
        ok = list_fits(g, want, got, where);
    else if (json_is_string(want))
        ok = json_is_string(got) &&
             text_fits(g, sv_of(json_string_value(want)), sv_of(json_string_value(got)));
    else if (json_is_number(want))
        ok = json_is_number(got);
    else
        ok = json_equal(want, got) || (json_is_null(want) && got == NULL);
    if (!ok)
        print_message("differs at %s\n", where);
    return ok;
}

/* ---- sending ---- */

static char *filled(struct rig *g, struct sv t)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1U << 20);
    size_t at;

    while ((at = sv_find(t, SV("{{"))) != SV_NPOS) {
        size_t end = at + sv_find(sv_sub(t, at, t.n), SV("}}"));
        struct sv name = sv_sub(t, at + 2, end - at - 2);
        buf_addsv(&b, sv_sub(t, 0, at));
        if (known(g, name) == NULL)
            fail_msg("nothing is known as " SV_FMT, SV_ARG(name));
        buf_adds(&b, known(g, name));
        t = sv_sub(t, end + 2, t.n);
    }
    buf_addsv(&b, t);
    return buf_take(&b, NULL);
}

static char *url_of(struct rig *g, const json_t *x)
{
    AUTO(auto_free) char *path = filled(g, jx_str(jx_get(x, "request"), "path", ""));
    struct sv base = jx_str(x, "base", "");
    AUTO(buf_free) struct buf b = BUF_INIT(65536);
    const json_t *query = jx_get(jx_get(x, "request"), "query");
    void *it;

    if (sv_is(base, "broker"))
        buf_addf(&b, "%sbroker/%s", g->url, path);
    else if (sv_is(base, "run") || sv_is(base, "job"))
        buf_addf(&b, "%s%s", known(g, sv_is(base, "run") ? SV("run_service_url") : SV("job_url")),
                 path);
    else if (sv_is(base, "results"))
        buf_addf(&b, "%s%s", known(g, SV("results_url")), path);
    else if (sv_is(base, "launch"))
        buf_addf(&b, "%s%s", known(g, SV("launch_url")), path);
    else
        buf_adds(&b, path);
    for (it = json_object_iter((json_t *)(uintptr_t)query); it != NULL;
         it = json_object_iter_next((json_t *)(uintptr_t)query, it)) {
        AUTO(auto_free)
        char *v = filled(g, sv_of(json_string_value(json_object_iter_value(it))));
        buf_addf(&b, "%s%s=%s", strchr(b.p, '?') == NULL ? "?" : "&", json_object_iter_key(it), v);
    }
    return buf_take(&b, NULL);
}

static const char *token_of(struct rig *g, const json_t *x)
{
    struct sv t = jx_str(x, "token", "none");

    if (sv_is(t, "listener"))
        return g->listener[0];
    return sv_is(t, "job") ? known(g, SV("job_token")) : NULL;
}

static bool status_fits(const json_t *want, int got)
{
    const json_t *v;
    size_t i;

    if (json_is_integer(want))
        return json_integer_value(want) == got;
    json_array_foreach(want, i, v)
    {
        if (json_integer_value(v) == got)
            return true;
    }
    return false;
}

static json_t *load(const char *name)
{
    AUTO(auto_free) char *path = xasprintf("%s/exchange/%s.json", GANTRY_TEST_DATA, name);
    AUTO(auto_free) char *text = NULL;
    size_t n;
    struct err e;
    json_t *j = NULL;

    if (fs_read_file(AT_FDCWD, path, 1U << 20, &text, &n, &e) < 0 ||
        (j = jx_parse((struct sv){text, n}, name, &e)) == NULL)
        fail_err(&e);
    return j;
}

static void play(struct rig *g, const char *name)
{
    AUTO(auto_json) json_t *x = load(name);
    AUTO(auto_free) char *url = url_of(g, x);
    AUTO(strv_free) struct strv headers = STRV_INIT;
    AUTO(buf_free) struct buf raw = BUF_INIT(1U << 20);
    AUTO(auto_free) char *body = NULL;
    json_t *q = jx_get(x, "request"), *h = jx_get(q, "headers");
    struct answer a;
    void *it;

    for (it = json_object_iter(h); it != NULL; it = json_object_iter_next(h, it))
        if (strcmp(json_object_iter_key(it), "Content-Length") != 0)
            strv_addf(&headers, "%s: %s", json_object_iter_key(it),
                      json_string_value(json_object_iter_value(it)));
    if (jx_get(q, "body") != NULL)
        jx_write(&raw, jx_get(q, "body"));
    else
        buf_addsv(&raw, jx_str(q, "text", ""));
    body = filled(g, buf_sv(&raw));
    a = rig_call(g, json_string_value(jx_get(q, "method")), url, token_of(g, x), sv_of(body),
                 (const char *const *)headers.v);
    if (!status_fits(jx_get(jx_get(x, "response"), "status"), a.status))
        fail_msg("%s: status %d: %s", name, a.status, a.body.p);
    if (jx_get(jx_get(x, "response"), "body") != NULL &&
        !fits(g, jx_get(jx_get(x, "response"), "body"), a.json, "body"))
        fail_msg("%s: the answer differs: %s", name, a.body.p);
    answer_done(&a);
}

/* ---- the live feed ---- */

struct feed {
    struct loop *loop;
    bool closed;
};

static void on_feed(void *ctx, enum wsc_event event, const struct err *e)
{
    struct feed *f = ctx;

    if (event == WSC_FAILED)
        fail_err(e);
    if (event == WSC_CLOSED) {
        f->closed = true;
        loop_stop(f->loop);
    }
}

/* Sends messages, then waits until all are out and the connection is closed. */
static void feed(struct rig *g, const char *const *messages)
{
    struct err e = {.code = FAIL_NONE};
    struct feed f = {.loop = loop_new(&e)};
    struct secret token = secret_new(known(g, SV("job_token")), strlen(known(g, SV("job_token"))));
    struct wsc_options o = {
        .url = known(g, SV("feed_url")), .bearer = &token, .user_agent = "Gantry/test"};
    struct wsc *w = wsc_new(f.loop, &o, on_feed, &f, &e);

    if (w == NULL)
        fail_err(&e);
    for (size_t i = 0; messages[i] != NULL; i++) {
        AUTO(auto_free) char *text = filled(g, sv_of(messages[i]));
        if (wsc_send(w, sv_of(text), &e) < 0)
            fail_err(&e);
    }
    wsc_close(w, 1000, "Closing websocket", 10000);
    if (loop_run(f.loop, &e) < 0)
        fail_err(&e);
    assert_true(f.closed);
    wsc_free(w);
    loop_free(f.loop);
    secret_free(&token);
}

/* ---- JSON Schema, as far as docs/events.schema.json uses it ---- */

static bool is_type(const json_t *v, const char *t)
{
    if (strcmp(t, "object") == 0)
        return json_is_object(v);
    if (strcmp(t, "string") == 0)
        return json_is_string(v);
    if (strcmp(t, "integer") == 0)
        return json_is_integer(v);
    return strcmp(t, "null") == 0 && json_is_null(v);
}

static bool in_list(const json_t *list, const json_t *v)
{
    const json_t *x;
    size_t i;

    json_array_foreach(list, i, x)
    {
        if (json_equal(x, v))
            return true;
    }
    return false;
}

static bool type_ok(const json_t *t, const json_t *v)
{
    const json_t *x;
    size_t i;

    if (json_is_string(t))
        return is_type(v, json_string_value(t));
    json_array_foreach(t, i, x)
    {
        if (is_type(v, json_string_value(x)))
            return true;
    }
    return t == NULL;
}

static bool valid(const json_t *schema, const json_t *v)
{
    const json_t *props = jx_get(schema, "properties"), *x;
    unsigned ones = 0;
    size_t i;
    void *it;

    if (!type_ok(jx_get(schema, "type"), v) ||
        (jx_get(schema, "const") != NULL && !json_equal(jx_get(schema, "const"), v)) ||
        (jx_get(schema, "enum") != NULL && !in_list(jx_get(schema, "enum"), v)) ||
        (json_is_integer(v) && json_integer_value(v) < jx_int(schema, "minimum", INT64_MIN)))
        return false;
    json_array_foreach(jx_get(schema, "required"), i, x)
    {
        if (json_object_get(v, json_string_value(x)) == NULL)
            return false;
    }
    for (it = json_object_iter((json_t *)(uintptr_t)props); it != NULL;
         it = json_object_iter_next((json_t *)(uintptr_t)props, it)) {
        const json_t *m = json_object_get(v, json_object_iter_key(it));
        if (m != NULL && !valid(json_object_iter_value(it), m))
            return false;
    }
    json_array_foreach(jx_get(schema, "oneOf"), i, x) ones += valid(x, v) ? 1 : 0;
    return jx_get(schema, "oneOf") == NULL || ones == 1;
}

static void check_schema(const json_t *events)
{
    AUTO(auto_free) char *text = NULL;
    AUTO(auto_json) json_t *schema = NULL;
    const json_t *v;
    size_t n, i;
    struct err e;

    if (fs_read_file(AT_FDCWD, GANTRY_SOURCE "/docs/events.schema.json", 1U << 20, &text, &n, &e) <
            0 ||
        (schema = jx_parse((struct sv){text, n}, "schema", &e)) == NULL)
        fail_err(&e);
    json_array_foreach(events, i, v)
    {
        AUTO(buf_free) struct buf b = BUF_INIT(1U << 20);
        jx_write(&b, v);
        if (!valid(schema, v))
            fail_msg("not as the schema says: %s", b.p);
        assert_int_equal(jx_int(v, "seq", 0), (int64_t)i + 1);
    }
}

/* ---- the tests ---- */

/* The workflow whose job message 05-acquirejob.json describes, line by line. */
static const char workflow[] =
    "name: ci\n"
    "env:\n"
    "  CI_LEVEL: \"1\"\n"
    "jobs:\n"
    "  build:\n"
    "    outputs:\n"
    "      n: ${{ steps.x.outputs.n }}\n"
    "    runs-on: ubuntu-latest\n"
    "    steps:\n"
    "      - run: \"echo \\\"$GREETING\\\"\\necho \\\"n=1\\\" >> \\\"$GITHUB_OUTPUT\\\"\\n\"\n"
    "        env:\n"
    "          GREETING: hello ${{ github.actor }}\n"
    "on: push\n";

static struct rig *start(void)
{
    struct rig *g = rig_new("run", "");
    AUTO(auto_json) json_t *vars = load("vars");

    g->vars = json_object();
    remember(g, SV("runner_id"), SV("1"));
    remember(g, SV("runner_name"), SV("gantry-1"));
    remember(g, SV("setup_id"), jx_str(vars, "setup_id", ""));
    remember(g, SV("complete_id"), jx_str(vars, "complete_id", ""));
    return g;
}

static char *start_run(struct rig *g)
{
    return rig_run(g, workflow,
                   json_pack("{s:{s:s, s:s}}", "secrets", "GITHUB_TOKEN",
                             "ghs_local0000000000000000000000000000000", "DEPLOY_KEY",
                             "correct horse battery staple"));
}

static void the_exchange_of_one_job(void **state)
{
    static const char *const names[] = {"error-session-unauthorized",
                                        "01-session-create",
                                        "error-session-conflict",
                                        "error-poll-session-invalid",
                                        "error-acknowledge-gone",
                                        "03-poll-job",
                                        "error-acquire-unknown",
                                        "04-acknowledge",
                                        "05-acquirejob",
                                        "error-acquire-job-token",
                                        "error-renew-listener-token",
                                        "06-renewjob",
                                        "error-acquire-taken",
                                        "07-steps-update-setup",
                                        "08-steps-update-run",
                                        "10-step-log-url",
                                        "11-step-log-put",
                                        "12-step-log-metadata",
                                        "resolve-actions-unknown",
                                        "summary-url",
                                        "summary-put",
                                        "summary-metadata",
                                        "13-steps-update-done",
                                        "14-job-log-url",
                                        "15-job-log-put",
                                        "16-job-log-metadata",
                                        "17-completejob",
                                        "17-completejob",
                                        "error-renew-gone",
                                        "18-session-delete",
                                        "18-session-delete"};
    struct rig *g = start();
    AUTO(auto_free) char *run = start_run(g);
    AUTO(auto_json) json_t *events = NULL, *tail = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        play(g, names[i]);
    rig_expect_events(g, run,
                      "run.started\njob.queued build\njob.started build\n"
                      "step.started build 1 \nstep.completed build 1 success\n"
                      "step.started build 2 \n"
                      "log build 2: ##[group]Run echo \"$GREETING\"\nlog build 2: hello ada\n"
                      "step.completed build 2 success\n"
                      "step.started build 3 \nstep.completed build 3 success\n"
                      "annotation build notice: look here\n"
                      "summary build 2: # done\n"
                      "job.completed build success\nrun.completed success\n");
    events = rig_events(g, run, 0);
    check_schema(events);
    tail = rig_events(g, run, 12);
    assert_int_equal(json_array_size(tail), json_array_size(events) - 12);
    assert_true(json_equal(json_array_get(tail, 0), json_array_get(events, 12)));
    rig_free(g);
}

static void begin(struct rig *g)
{
    play(g, "01-session-create");
    play(g, "03-poll-job");
    play(g, "04-acknowledge");
    play(g, "05-acquirejob");
    play(g, "06-renewjob");
    play(g, "07-steps-update-setup");
    play(g, "08-steps-update-run");
}

static void a_log_in_blocks(void **state)
{
    struct rig *g = start();
    AUTO(auto_free) char *run = start_run(g);

    (void)state;
    begin(g);
    play(g, "10-step-log-url");
    play(g, "append-log-create");
    play(g, "append-log-block");
    play(g, "10-step-log-url");
    play(g, "append-log-seal");
    play(g, "12-step-log-metadata");
    play(g, "cancel-completejob");
    rig_expect_events(g, run,
                      "run.started\njob.queued build\njob.started build\n"
                      "step.started build 1 \nstep.completed build 1 success\n"
                      "step.started build 2 \n"
                      "log build 2: ##[group]Run echo \"$GREETING\"\n"
                      "step.completed build 2 cancelled\n"
                      "annotation build error: The operation was canceled.\n"
                      "job.completed build cancelled\nrun.completed cancelled\n");
    rig_free(g);
}

/* A small log is kept in the database, a larger one in a file: told the same. */
static void a_log_of_that_size(size_t size)
{
    enum { LINE = 64 };
    static const char *const headers[] = {"x-ms-blob-type: BlockBlob", "If-None-Match: *", NULL};
    static const char stamp[] = "2026-03-04T05:06:08.1234567Z ";
    struct rig *g = start();
    AUTO(auto_free) char *run = start_run(g);
    AUTO(auto_free) char *text = xmalloc(size + 1);
    AUTO(buf_free) struct buf want = BUF_INIT(1U << 20);
    struct answer a;

    memset(text, 'y', size);
    for (size_t at = 0; at + LINE <= size; at += LINE) {
        memcpy(text + at, stamp, sizeof stamp - 1);
        text[at + LINE - 1] = '\n';
    }
    begin(g);
    play(g, "10-step-log-url");
    a = rig_call(g, "PUT", known(g, SV("step_log_url")), NULL, (struct sv){text, size}, headers);
    assert_int_equal(a.status, 201);
    answer_done(&a);
    a = rig_call(g, "PUT", known(g, SV("step_log_url")), NULL, SV("again"), headers);
    assert_int_equal(a.status, 409);
    answer_done(&a);
    play(g, "12-step-log-metadata");
    play(g, "cancel-completejob");
    buf_adds(&want, "run.started\njob.queued build\njob.started build\n"
                    "step.started build 1 \nstep.completed build 1 success\n"
                    "step.started build 2 \n");
    for (size_t at = 0; at < size; at += LINE) {
        size_t skip = at + LINE <= size ? sizeof stamp - 1 : 0;
        size_t n = size - at < LINE ? size - at : LINE;
        buf_adds(&want, "log build 2: ");
        buf_add(&want, text + at + skip, n - skip);
    }
    if (size % LINE != 0) /* the last line has no end */
        buf_addc(&want, '\n');
    buf_adds(&want, "step.completed build 2 cancelled\n"
                    "annotation build error: The operation was canceled.\n"
                    "job.completed build cancelled\nrun.completed cancelled\n");
    rig_expect_events(g, run, want.p);
    rig_free(g);
}

static void a_small_log(void **state)
{
    (void)state;
    a_log_of_that_size(32768);
}

static void a_larger_log(void **state)
{
    (void)state;
    a_log_of_that_size(32769);
}

/* Feed and upload bring the same lines: each is told once, in order, whatever the feed lost. */
static void every_line_once(void **state)
{
    static const char *const messages[] = {
        "{\"count\":1,\"value\":[\"##[group]Run echo \\\"$GREETING\\\"\"],\"stepId\":\"{{step_id}}\",\"startLine\":1}",
        "{\"count\":1,\"value\":[\"##[group]Run echo \\\"$GREETING\\\"\"],\"stepId\":\"{{step_id}}\",\"startLine\":1}",
        "not json",
        "{\"count\":1,\"value\":[\"of the job\"],\"stepId\":\"{{job_id}}\",\"startLine\":1}",
        "{\"count\":1,\"value\":[\"too early\"],\"stepId\":\"{{step_id}}\",\"startLine\":9}",
        NULL};
    struct rig *g = start();
    AUTO(auto_free) char *run = start_run(g);

    (void)state;
    begin(g);
    feed(g, messages);
    play(g, "10-step-log-url");
    play(g, "11-step-log-put");
    play(g, "12-step-log-metadata");
    play(g, "13-steps-update-done");
    play(g, "17-completejob");
    rig_expect_events(g, run,
                      "run.started\njob.queued build\njob.started build\n"
                      "step.started build 1 \nstep.completed build 1 success\n"
                      "step.started build 2 \n"
                      "log build 2: ##[group]Run echo \"$GREETING\"\nlog build 2: hello ada\n"
                      "step.completed build 2 success\n"
                      "step.started build 3 \nstep.completed build 3 success\n"
                      "annotation build notice: look here\n"
                      "job.completed build success\nrun.completed success\n");
    rig_free(g);
}

static void the_listener_completes_for_a_dead_worker(void **state)
{
    struct rig *g = start();
    AUTO(auto_free) char *run = start_run(g);

    (void)state;
    begin(g);
    play(g, "crash-completejob");
    rig_expect_events(g, run,
                      "run.started\njob.queued build\njob.started build\n"
                      "step.started build 1 \nstep.completed build 1 success\n"
                      "step.started build 2 \n"
                      "annotation build error: the worker ended by signal 9; run again\n"
                      "job.completed build failure\nrun.completed failure\n");
    rig_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exchange_of_one_job),
        cmocka_unit_test(a_log_in_blocks),
        cmocka_unit_test(a_small_log),
        cmocka_unit_test(a_larger_log),
        cmocka_unit_test(every_line_once),
        cmocka_unit_test(the_listener_completes_for_a_dead_worker),
    };

    rig_reserve();
    proc_main_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
