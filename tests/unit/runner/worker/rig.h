/* SPDX-License-Identifier: Apache-2.0
 *
 * The real worker in the real sandbox program (level none) against a scripted service: the job message of the
 * hand-written exchange with other steps, every request recorded. */
#ifndef TESTS_RUNNER_WORKER_RIG_H
#define TESTS_RUNNER_WORKER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/fs.h"
#include "base/http_server.h"
#include "base/ipc.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/strv.h"
#include "runner/channel.h"
#include "sandbox/sandbox.h"

#define RIG_PLAN  "3b0f6f2e-2f0e-4f66-9d64-0d4f0a1b2c3d"
#define RIG_JOB   "a1d2c3b4-0000-4000-8000-00000000c0de"
#define RIG_STEP  "9c0ffee0-1111-4222-8333-4444555566%02u"
#define RIG_TOKEN "eyJhbGciOiJIUzI1NiJ9.eyJzY3AiOiJ4In0.am9i"

struct rig_request {
    char *method, *path, *comp, *body;
    size_t body_len;
};
struct rig {
    struct loop *loop;
    struct hs *server;
    struct sbx_launcher *launcher;
    struct loop_fd *launcher_watch, *channel_watch;
    char *dir;
    int channel;
    json_t *message;
    const char *options;
    struct rig_request *reqs;
    size_t n, cap;
    json_t *completion;
    uint64_t result;
    bool hello, done, gone, worker_ended;
    int status;
    struct err refused;
    /* Test's own reaction to a request, before it is answered. */
    void (*on_request)(struct rig *r, const struct rig_request *q);
    const char *tarball; /* file served at /tar */
    uint32_t job;
};

static inline const struct rig_request *rig_find(const struct rig *r, const char *suffix,
                                                 size_t nth)
{
    for (size_t i = 0; i < r->n; i++)
        if (sv_ends(sv_of(r->reqs[i].path), sv_of(suffix)) && nth-- == 0)
            return &r->reqs[i];
    return NULL;
}

static inline json_t *rig_answer_url(const struct rig *r, const char *what, const char *member)
{
    AUTO(auto_free)
    char *url = xasprintf("http://127.0.0.1:%u/blob/%s?sig=x", hs_port(r->server), what);
    json_t *o = json_object();

    json_object_set_new(o, member, json_string(url));
    json_object_set_new(o, "blob_storage_type", json_string("BLOB_STORAGE_TYPE_AZURE"));
    json_object_set_new(o, "soft_size_limit", json_string("1048576"));
    return o;
}

static inline json_t *rig_answer_resolve(const struct rig *r, struct sv body)
{
    struct err e = {0};
    AUTO(auto_json) json_t *q = jx_parse(body, "request", &e);
    json_t *o = json_object(), *all = json_object(), *a;
    size_t i;

    json_array_foreach(jx_get(q, "actions"), i, a)
    {
        AUTO(auto_free)
        char *key = xasprintf("%s@%s", json_string_value(json_object_get(a, "action")),
                              json_string_value(json_object_get(a, "version")));
        AUTO(auto_free) char *url = xasprintf("http://127.0.0.1:%u/tar", hs_port(r->server));
        json_t *one = json_object();
        json_object_set_new(one, "name", json_incref(json_object_get(a, "action")));
        json_object_set_new(one, "resolved_name", json_incref(json_object_get(a, "action")));
        json_object_set_new(one, "version", json_incref(json_object_get(a, "version")));
        json_object_set_new(one, "resolved_sha",
                            json_string("00112233445566778899aabbccddeeff00112233"));
        json_object_set_new(one, "tar_url", json_string(url));
        json_object_set_new(all, key, one);
    }
    json_object_set_new(o, "actions", all);
    return o;
}

static inline void rig_reply(struct rig *r, struct hs_req *q, const char *path, struct sv body)
{
    AUTO(buf_free) struct buf text = BUF_INIT(1 << 20);
    AUTO(auto_json) json_t *o = NULL;
    struct sv p = sv_of(path);

    if (sv_ends(p, SV("GetStepLogsSignedBlobURL"))) {
        struct err e = {0};
        AUTO(auto_json) json_t *j = jx_parse(body, "request", &e);
        AUTO(auto_free) char *name = sv_dup(jx_str(j, "step_backend_id", "none"));
        o = rig_answer_url(r, name, "logs_url");
    } else if (sv_ends(p, SV("GetJobLogsSignedBlobURL"))) {
        o = rig_answer_url(r, "job", "logs_url");
    } else if (sv_ends(p, SV("GetStepSummarySignedBlobURL"))) {
        o = rig_answer_url(r, "summary", "summary_url");
    } else if (sv_ends(p, SV("/runnerresolve/actions"))) {
        o = rig_answer_resolve(r, body);
    } else {
        o = json_pack("{s:b}", "ok", 1);
    }
    jx_write(&text, o);
    if (sv_ends(p, SV("/tar"))) {
        AUTO(auto_free) char *tar = NULL;
        struct err e = {0};
        size_t n = 0;
        if (r->tarball != NULL && fs_read_file(AT_FDCWD, r->tarball, 1 << 20, &tar, &n, &e) == 0)
            hs_reply(q, 200, "application/gzip", (struct sv){tar, n});
        else
            hs_reply(q, 404, "text/plain", SV("no"));
    } else if (sv_starts(p, SV("/blob/"))) {
        hs_reply(q, 201, "text/plain", SV(""));
    } else if (sv_ends(p, SV("/completejob"))) {
        struct err e = {0};
        json_decref(r->completion);
        r->completion = jx_parse(body, "completion", &e);
        hs_reply(q, 204, "text/plain", SV(""));
    } else {
        hs_reply_json(q, 200, buf_sv(&text));
    }
}

static inline void rig_request(void *ctx, struct hs_req *q, enum hs_stage stage)
{
    struct rig *r = ctx;
    struct rig_request rec;

    if (stage != HS_BODY)
        return;
    const char *comp = hs_query(q, "comp");
    rec = (struct rig_request){.method = xstrdup(hs_method(q)),
                               .path = xstrdup(hs_path(q)),
                               .comp = comp != NULL ? xstrdup(comp) : NULL,
                               .body = sv_dup(hs_body(q)),
                               .body_len = hs_body(q).n};
    GROW(r->reqs, r->cap, r->n + 1);
    r->reqs[r->n++] = rec;
    if (r->on_request != NULL)
        r->on_request(r, &r->reqs[r->n - 1]);
    rig_reply(r, q, rec.path, hs_body(q));
}

/* The message of the exchange, its placeholders filled in. */
static inline json_t *rig_message(const struct rig *r)
{
    AUTO(auto_free) char *text = NULL;
    AUTO(buf_free) struct buf out = BUF_INIT(1 << 20);
    AUTO(auto_free) char *base = xasprintf("http://127.0.0.1:%u/", hs_port(r->server));
    const char *const values[][2] = {{"step_id", "9c0ffee0-1111-4222-8333-444455556666"},
                                     {"plan_id", RIG_PLAN},
                                     {"job_id", RIG_JOB},
                                     {"job_token", RIG_TOKEN},
                                     {"billing_owner", "O_local"},
                                     {"feed_url", ""},
                                     {"job_url", base},
                                     {"results_url", base},
                                     {"launch_url", base}};
    struct err e = {0};
    size_t n = 0;

    assert_int_equal(fs_read_file(AT_FDCWD, GANTRY_TEST_DATA "/exchange/05-acquirejob.json",
                                  1 << 20, &text, &n, &e),
                     0);
    for (const char *p = text; *p != '\0';) {
        size_t len = 0;
        const char *close = p[0] == '{' && p[1] == '{' ? strstr(p, "}}") : NULL;
        for (size_t i = 0; close != NULL && i < sizeof values / sizeof values[0]; i++) {
            const char *name = p[2] == '?' ? p + 3 : p + 2;
            if (strlen(values[i][0]) == (size_t)(close - name) &&
                memcmp(name, values[i][0], (size_t)(close - name)) == 0) {
                buf_adds(&out, values[i][1]);
                len = (size_t)(close - p) + 2;
            }
        }
        if (len == 0)
            buf_addc(&out, *p++);
        p += len;
    }
    AUTO(auto_json) json_t *all = jx_parse(buf_sv(&out), "exchange", &e);
    assert_non_null(all);
    return json_incref(json_object_get(json_object_get(all, "response"), "body"));
}

/* Replaces the steps of the message by these script steps (name "s1", "s2", ...). */
static inline void rig_scripts(struct rig *r, const char *const *scripts)
{
    json_t *steps = json_array();

    for (unsigned i = 1; *scripts != NULL; scripts++, i++) {
        AUTO(auto_free) char *name = xasprintf("s%u", i);
        AUTO(auto_free) char *id = xasprintf(RIG_STEP, i);
        json_array_append_new(
            steps, json_pack("{s:s,s:s,s:s,s:s,s:s,s:{s:s},s:{s:i,s:[{s:s,s:s}]}}", "type",
                             "action", "id", id, "name", name, "contextName", name, "condition",
                             "success()", "reference", "type", "script", "inputs", "type", 2, "map",
                             "Key", "script", "Value", *scripts));
    }
    json_object_set_new(r->message, "steps", steps);
}

static inline void rig_init(struct rig *r)
{
    static const struct hs_route routes[] = {{"*", "/{rest...}", rig_request, 64 << 20}};
    struct hs_options o = {.address = "127.0.0.1"};
    struct err e = {0};

    *r = (struct rig){.channel = -1, .options = "{}"};
    r->loop = loop_new(&e);
    assert_non_null(r->loop);
    r->server = hs_new(r->loop, &o, routes, 1, r, &e);
    assert_non_null(r->server);
    assert_int_equal(fs_temp_dir("/tmp", "gantry-worker-test", &r->dir, &e), 0);
    r->message = rig_message(r);
}

static inline void rig_send_job(struct rig *r)
{
    AUTO(buf_free) struct buf text = BUF_INIT(16 << 20);
    int msg = -1, options = -1;
    struct err e = {0};
    struct ipc_out o;

    jx_write(&text, r->message);
    ipc_begin(&o, CH_JOB, 0);
    if (fd_memfd("job", text.p, text.len, &msg, &e) == 0 &&
        fd_memfd("options", r->options, strlen(r->options), &options, &e) == 0) {
        ipc_put_fd(&o, msg);
        ipc_put_fd(&o, options);
        if (ipc_send(r->channel, &o, &e) < 0)
            r->gone = true;
    }
    fd_close(&msg);
    fd_close(&options);
}

static inline void rig_cancel(struct rig *r)
{
    struct err e = {0};
    struct ipc_out o;

    ipc_begin(&o, CH_CANCEL, 0);
    ipc_put_str(&o, CH_TAG_REASON, "test");
    if (ipc_send(r->channel, &o, &e) < 0)
        r->gone = true;
}

static inline void rig_on_channel(void *ctx, int fd, unsigned events)
{
    struct rig *r = ctx;
    struct err e = {0};

    (void)events;
    for (;;) {
        AUTO(ipc_in_done) struct ipc_in in = IPC_IN_INIT;
        int rc = ipc_recv(fd, &in, &e);
        if (rc == 0 && e.sys == EAGAIN)
            return;
        if (rc <= 0) {
            loop_del_fd(r->channel_watch);
            r->channel_watch = NULL;
            return;
        }
        if (in.type == CH_HELLO)
            rig_send_job(r);
        else if (in.type == CH_DONE)
            r->done = ipc_get_u64(&in, CH_TAG_RESULT, &r->result);
    }
}

static inline void rig_on_launcher(void *ctx, int fd, unsigned events)
{
    struct rig *r = ctx;
    struct sbx_event ev;
    struct err e = {0};

    (void)fd;
    (void)events;
    for (int rc; (rc = sbx_launcher_next(r->launcher, &ev, &e)) != 0;) {
        if (rc < 0) {
            r->gone = true;
            loop_del_fd(r->launcher_watch);
            r->launcher_watch = NULL;
            return;
        }
        if (ev.kind == SBX_EV_REFUSED) {
            r->refused = ev.error;
            r->gone = true;
        } else if (ev.kind == SBX_EV_WORKER_ENDED) {
            r->worker_ended = true;
            r->status = ev.status;
        } else if (ev.kind == SBX_EV_GONE) {
            r->gone = true;
        }
    }
}

/* Runs the job to its end. */
static inline void rig_run(struct rig *r)
{
    AUTO(strv_free) struct strv env = STRV_INIT;
    struct sbx_policy policy = {.require = SBX_NONE, .hostname = "gantry", .source_fd = -1};
    struct sbx_worker worker = {
        .path = GANTRY_BIN "/gantry-worker",
    };
    AUTO(auto_free) char *job_dir = xasprintf("%s/job", r->dir);
    struct err e = {0};
    int pair[2];

    strv_add(&env, "PATH=/usr/bin:/bin");
    if (getenv("ASAN_OPTIONS") != NULL)
        strv_addf(&env, "ASAN_OPTIONS=%s", getenv("ASAN_OPTIONS"));
    worker.envp = env.v;
    assert_int_equal(mkdir(job_dir, 0700), 0);
    policy.job_dir = job_dir;
    assert_int_equal(sbx_launcher_start(GANTRY_BIN "/gantry-sandbox", &r->launcher, &e), 0);
    assert_int_equal(ipc_pair(pair, &e), 0);
    worker.channel_fd = pair[1];
    r->channel = pair[0];
    assert_int_equal(sbx_launch(r->launcher, &policy, &worker, &r->job, &e), 0);
    (void)close(pair[1]);
    assert_int_equal(fd_nonblock(r->channel, true, &e), 0);
    assert_int_equal(
        loop_add_fd(r->loop, r->channel, LOOP_READ, rig_on_channel, r, &r->channel_watch, &e), 0);
    assert_int_equal(loop_add_fd(r->loop, sbx_launcher_fd(r->launcher), LOOP_READ, rig_on_launcher,
                                 r, &r->launcher_watch, &e),
                     0);
    int64_t end = tm_now_ms() + 50000;
    while (!r->gone && tm_now_ms() < end)
        assert_int_equal(loop_turn(r->loop, 1000, &e), 0);
    assert_string_equal(r->refused.msg, "");
    assert_true(r->gone);
}

static inline void rig_done(struct rig *r)
{
    struct err e = {0};

    loop_del_fd(r->channel_watch);
    loop_del_fd(r->launcher_watch);
    sbx_launcher_free(r->launcher);
    hs_free(r->server);
    loop_free(r->loop);
    fd_close(&r->channel);
    for (size_t i = 0; i < r->n; i++) {
        free(r->reqs[i].method);
        free(r->reqs[i].path);
        free(r->reqs[i].comp);
        free(r->reqs[i].body);
    }
    free(r->reqs);
    json_decref(r->message);
    json_decref(r->completion);
    assert_int_equal(fs_remove_tree(AT_FDCWD, r->dir, &e), 0);
    free(r->dir);
}

/* The uploaded log of a step, without time stamps; free(). */
static inline char *rig_log(const struct rig *r, const char *step)
{
    AUTO(auto_free) char *path = xasprintf("/blob/%s", step);
    AUTO(buf_free) struct buf all = BUF_INIT(64 << 20);
    struct buf out = BUF_INIT(64 << 20);
    struct sv rest, line;

    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->reqs[i].path, path) == 0)
            buf_add(&all, r->reqs[i].body, r->reqs[i].body_len);
    rest = buf_sv(&all);
    while (sv_next(&rest, '\n', &line) && (rest.p != NULL || line.n > 0)) {
        if (line.n >= 29 && line.p[10] == 'T' && line.p[27] == 'Z')
            line = sv_sub(line, 29, line.n);
        buf_addsv(&out, line);
        buf_addc(&out, '\n');
    }
    return buf_take(&out, NULL);
}

static inline const char *rig_conclusion(const struct rig *r)
{
    const char *s = json_string_value(json_object_get(r->completion, "conclusion"));

    return s != NULL ? s : "(none)";
}

#endif
