/* SPDX-License-Identifier: Apache-2.0
 *
 * A real gantry-service under test, a fake runner that speaks HTTP to it, and the test clock. */
#ifndef TESTS_UNIT_RUNNER_SERVICE_RIG_H
#define TESTS_UNIT_RUNNER_SERVICE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/fs.h"
#include "base/http_client.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/proc.h"
#include "base/strv.h"

#define RIG_RUNNERS 3

struct rig {
    char *dir;
    struct proc proc;
    int ready; /* reading end: the service ends when it closes */
    unsigned char *clock;
    int64_t jumped;
    char *url, *front;
    char *listener[RIG_RUNNERS];
    char *session[RIG_RUNNERS];
    json_t *vars;     /* of the exchange */
    const char *fail; /* GANTRY_FAIL of the next start, or NULL */
};
struct answer {
    int status;
    struct buf body;
    json_t *json; /* NULL when it is none */
};

/* Descriptors 3 and 4 are the service's: nothing of ours may live there. First statement of main. */
static inline void rig_reserve(void)
{
    int fd;

    while ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0 && fd < 4)
        ;
}

static inline void fail_err(const struct err *e)
{
    char text[600];

    fail_msg("%s", err_text(e, text, sizeof text));
}

static inline void rig_spawn(struct rig *g, const char *config)
{
    AUTO(auto_free) char *clock_env = xasprintf("GANTRY_TEST_CLOCK=%s/clock", g->dir);
    AUTO(strv_free) struct strv envp = STRV_INIT;
    AUTO(strv_free) struct strv argv = STRV_INIT;
    struct proc_spec spec = PROC_SPEC_INIT;
    int keep[] = {3, 4}, pipe_fds[2] = {-1, -1}, mem = -1;
    struct err e;

    strv_add(&envp, clock_env);
    strv_add(&envp, "GANTRY_LOG=error");
    if (g->fail != NULL)
        strv_addf(&envp, "GANTRY_FAIL=%s", g->fail);
    strv_add(&argv, GANTRY_BIN "/gantry-service");
    if (fd_memfd("config", config, strlen(config), &mem, &e) < 0 || fd_pipe(pipe_fds, &e) < 0)
        fail_err(&e);
    assert_int_equal(dup3(mem, 3, O_CLOEXEC), 3);
    assert_int_equal(dup3(pipe_fds[1], 4, O_CLOEXEC), 4);
    (void)close(mem);
    (void)close(pipe_fds[1]);
    spec.path = argv.v[0];
    spec.argv = argv.v;
    spec.envp = envp.v;
    spec.stdio[2] = 2;
    spec.keep = keep;
    spec.n_keep = 2;
    if (proc_spawn(&spec, &g->proc, &e) < 0)
        fail_err(&e);
    mem = open("/dev/null", O_RDWR | O_CLOEXEC);
    (void)dup3(mem, 3, O_CLOEXEC);
    (void)dup3(mem, 4, O_CLOEXEC);
    (void)close(mem);
    g->ready = pipe_fds[0];
}

static inline json_t *rig_ready_line(struct rig *g)
{
    AUTO(buf_free) struct buf b = BUF_INIT(8U << 20);
    struct err e;
    char c;
    json_t *j;

    while (read(g->ready, &c, 1) == 1 && c != '\n')
        buf_addc(&b, c);
    j = jx_parse(buf_sv(&b), "ready line", &e);
    if (j == NULL)
        fail_err(&e);
    return j;
}

/* A file inside a JIT configuration, parsed. */
static inline json_t *rig_jit_file(struct sv jit, const char *name)
{
    AUTO(buf_free) struct buf files = BUF_INIT(1U << 20);
    AUTO(buf_free) struct buf text = BUF_INIT(1U << 20);
    AUTO(auto_json) json_t *j = NULL;
    struct err e;
    json_t *c = NULL;

    if (base64_decode(jit, &files, &e) < 0 || (j = jx_parse(buf_sv(&files), "jit", &e)) == NULL ||
        base64_decode(jx_str(j, name, ""), &text, &e) < 0 ||
        (c = jx_parse(buf_sv(&text), name, &e)) == NULL)
        fail_err(&e);
    return c;
}

static inline void rig_connect(struct rig *g)
{
    json_t *line = rig_ready_line(g), *v;
    size_t i;

    free(g->url);
    free(g->front);
    g->url = sv_dup(jx_str(line, "url", ""));
    g->front = sv_dup(jx_str(line, "token", ""));
    if (strlen(g->front) < 32)
        fail_msg("not ready: %.*s", SV_ARG(jx_str(line, "error", "")));
    json_array_foreach(jx_get(line, "jit"), i, v)
    {
        json_t *c;
        if (i >= RIG_RUNNERS)
            break;
        c = rig_jit_file(sv_of(json_string_value(v)), ".credentials");
        free(g->listener[i]);
        g->listener[i] = sv_dup(jx_str(jx_get(c, "data"), "token", ""));
        json_decref(c);
    }
    json_decref(line);
}

/* extra: more members of the configuration, each with a leading comma. */
static inline void rig_configure(struct rig *g, const char *mode, const char *extra)
{
    AUTO(auto_free)
    char *config = xasprintf("{\"mode\":\"%s\",\"state_dir\":\"%s/state\",\"runners\":%d,"
                             "\"offline\":true%s}",
                             mode, g->dir, RIG_RUNNERS, extra);

    rig_spawn(g, config);
}

static inline struct rig *rig_new_dir(void)
{
    struct rig *g = xcalloc(1, sizeof *g);
    AUTO(auto_free) char *path = NULL;
    struct err e;
    int fd;

    g->proc = PROC_INIT;
    g->ready = -1;
    if (fs_temp_dir("/tmp", "gantry-service", &g->dir, &e) < 0)
        fail_err(&e);
    path = xasprintf("%s/clock", g->dir);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(fd, 4096), 0);
    g->clock = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(g->clock, MAP_FAILED);
    (void)close(fd);
    return g;
}

static inline struct rig *rig_new(const char *mode, const char *extra)
{
    struct rig *g = rig_new_dir();

    rig_configure(g, mode, extra);
    rig_connect(g);
    return g;
}

/* Ends the service as a dead parent would, and checks that it ends well (no leak, no error). */
static inline void rig_stop(struct rig *g)
{
    struct err e;
    int status = -1;

    fd_close(&g->ready);
    if (g->proc.pid < 0)
        return;
    if (proc_wait(&g->proc, false, &status, &e) < 0)
        fail_err(&e);
    assert_int_equal(status, 0);
}

static inline void rig_free(struct rig *g)
{
    struct err e;

    rig_stop(g);
    (void)munmap(g->clock, 4096);
    if (fs_remove_tree(AT_FDCWD, g->dir, &e) < 0)
        fail_err(&e);
    for (int i = 0; i < RIG_RUNNERS; i++) {
        free(g->listener[i]);
        free(g->session[i]);
    }
    json_decref(g->vars);
    free(g->url);
    free(g->front);
    free(g->dir);
    free(g);
}

/* The service sees the jump within 10 ms (base/loop.h). */
static inline void rig_jump(struct rig *g, int64_t ms)
{
    g->jumped += ms;
    store_le64(g->clock, (uint64_t)g->jumped);
    (void)msync(g->clock, 4096, MS_SYNC);
}

static inline void answer_done(struct answer *a)
{
    json_decref(a->json);
    buf_free(&a->body);
}

static inline const struct hc_options *rig_client(void)
{
    static const struct hc_options o = {
        .user_agent = "Gantry/test", .allow_http = true, .proxy = ""};

    return &o;
}

/* headers: "Name: value", NULL-terminated; token NULL = none. url absolute, or relative to the service. */
static inline struct answer rig_call(struct rig *g, const char *method, const char *url,
                                     const char *token, struct sv body, const char *const *headers)
{
    AUTO(auto_free)
    char *full = strncmp(url, "http", 4) == 0 ? xstrdup(url) : xasprintf("%s%s", g->url, url);
    struct secret bearer = {NULL, 0};
    struct hc_spec spec = {.method = method,
                           .url = full,
                           .headers = headers,
                           .body = body,
                           .max_bytes = 32U << 20,
                           .timeout_ms = 30000};
    struct answer a = {.body = BUF_INIT(32U << 20)};
    struct err e;

    if (token != NULL) {
        bearer = secret_new(token, strlen(token));
        spec.bearer = &bearer;
    }
    if (hc_fetch(rig_client(), &spec, &a.status, &a.body, &e) < 0)
        fail_err(&e);
    secret_free(&bearer);
    if (a.body.len > 0)
        a.json = jx_parse(buf_sv(&a.body), "answer", &e);
    return a;
}

static inline struct answer rig_json(struct rig *g, const char *method, const char *url,
                                     const char *token, json_t *own_body)
{
    static const char *const headers[] = {"Content-Type: application/json; charset=utf-8", NULL};
    AUTO(buf_free) struct buf b = BUF_INIT(32U << 20);

    if (own_body != NULL)
        jx_write(&b, own_body);
    json_decref(own_body);
    return rig_call(g, method, url, token, buf_sv(&b), headers);
}

/* POST /_gantry/runs with the usual surroundings; returns the run's id. extra (may be NULL) is merged in. */
static inline char *rig_run(struct rig *g, const char *workflow, json_t *own_extra)
{
    json_t *o = json_pack("{s:{s:s, s:s}, s:{s:s, s:{s:s}}, s:s, s:s, s:s, s:s}", "workflow",
                          "path", ".github/workflows/ci.yml", "text", workflow, "event", "name",
                          "push", "payload", "ref", "refs/heads/main", "repository", "acme/rocket",
                          "sha", "00112233445566778899aabbccddeeff00112233", "ref",
                          "refs/heads/main", "actor", "ada");
    struct answer a;
    char *id;

    if (own_extra != NULL)
        (void)json_object_update(o, own_extra);
    json_decref(own_extra);
    a = rig_json(g, "POST", "_gantry/runs", g->front, o);
    if (a.status != 201)
        fail_msg("POST runs: %d %s", a.status, a.body.p);
    id = sv_dup(jx_str(a.json, "run_id", ""));
    answer_done(&a);
    return id;
}

/* Every event of a run that is over, as an array. */
static inline json_t *rig_events(struct rig *g, const char *run, unsigned after)
{
    AUTO(auto_free) char *url = xasprintf("_gantry/runs/%s/events?after=%u", run, after);
    struct answer a = rig_call(g, "GET", url, g->front, SV(""), NULL);
    struct sv rest = buf_sv(&a.body), line;
    json_t *list = json_array();
    struct err e;

    assert_int_equal(a.status, 200);
    while (sv_next(&rest, '\n', &line)) {
        json_t *j = line.n > 0 ? jx_parse(line, "event", &e) : NULL;
        if (line.n > 0 && j == NULL)
            fail_err(&e);
        if (j != NULL)
            (void)json_array_append_new(list, j);
    }
    answer_done(&a);
    return list;
}

/* "type job result|line" of each event on a line: what tests compare. */
static inline void rig_summary(const json_t *events, struct buf *out)
{
    const json_t *v;
    size_t i;

    json_array_foreach(events, i, v)
    {
        struct sv type = jx_str(v, "type", ""), name = jx_str(v, "name", "");
        buf_addsv(out, type);
        if (name.n > 0)
            buf_addf(out, " " SV_FMT, SV_ARG(name));
        if (sv_is(type, "log"))
            buf_addf(out, " %lld: " SV_FMT, (long long)jx_int(v, "step", 0),
                     SV_ARG(jx_str(v, "line", "")));
        if (sv_starts(type, SV("step.")))
            buf_addf(out, " %lld " SV_FMT, (long long)jx_int(v, "step", 0),
                     SV_ARG(jx_str(v, "conclusion", "")));
        if (sv_is(type, "summary"))
            buf_addf(out, " %lld: " SV_FMT, (long long)jx_int(v, "step", 0),
                     SV_ARG(sv_trim(jx_str(v, "text", ""))));
        if (sv_is(type, "annotation"))
            buf_addf(out, " " SV_FMT ": " SV_FMT, SV_ARG(jx_str(v, "level", "")),
                     SV_ARG(jx_str(v, "message", "")));
        if (sv_ends(type, SV(".completed")) && !sv_starts(type, SV("step.")))
            buf_addf(out, " " SV_FMT, SV_ARG(jx_str(v, "result", "")));
        buf_addc(out, '\n');
    }
}

static inline void rig_expect_events(struct rig *g, const char *run, const char *want)
{
    AUTO(auto_json) json_t *events = rig_events(g, run, 0);
    AUTO(buf_free) struct buf got = BUF_INIT(1U << 20);

    rig_summary(events, &got);
    assert_string_equal(got.p, want);
}

/* Session of runner i. */
static inline void rig_session(struct rig *g, int i)
{
    struct answer a = rig_json(g, "POST", "broker/session", g->listener[i],
                               json_pack("{s:s, s:s, s:{s:i, s:s, s:s, s:s}}", "sessionId",
                                         "00000000-0000-0000-0000-000000000000", "ownerName",
                                         "test", "agent", "id", i + 1, "name", "gantry", "version",
                                         "2.336.0", "osDescription", "Linux"));

    if (a.status != 200)
        fail_msg("session: %d %s", a.status, a.body.p);
    free(g->session[i]);
    g->session[i] = sv_dup(jx_str(a.json, "sessionId", ""));
    answer_done(&a);
}

/* A poll that is expected to be answered at once. */
static inline struct answer rig_poll(struct rig *g, int i, const char *status)
{
    AUTO(auto_free)
    char *url = xasprintf("broker/message?sessionId=%s&status=%s&runnerVersion=2.336.0&os=Linux"
                          "&architecture=X64&disableUpdate=true",
                          g->session[i], status);

    return rig_call(g, "GET", url, g->listener[i], SV(""), NULL);
}

/* The inner JSON of a message of this type. */
static inline json_t *rig_message(const struct answer *a, const char *type)
{
    struct err e;
    json_t *j;

    if (a->status != 200 || !sv_is(jx_str(a->json, "messageType", ""), type))
        fail_msg("expected a message %s, got %d %s", type, a->status, a->body.p);
    j = jx_parse(jx_str(a->json, "body", ""), "message body", &e);
    if (j == NULL)
        fail_err(&e);
    return j;
}

struct job {
    char *plan, *id, *token, *name;
    json_t *message;
};
static inline void job_done(struct job *j)
{
    free(j->plan);
    free(j->id);
    free(j->token);
    free(j->name);
    json_decref(j->message);
}

static inline struct answer rig_acquire(struct rig *g, int i, const char *request)
{
    return rig_json(g, "POST", "run/acquirejob", g->listener[i],
                    json_pack("{s:s, s:s}", "jobMessageId", request, "runnerOS", "Linux"));
}

/* Poll, acquire, first renewal. */
static inline struct job rig_take(struct rig *g, int i)
{
    struct answer p = rig_poll(g, i, "Online"), a;
    json_t *m = rig_message(&p, "RunnerJobRequest");
    AUTO(auto_free) char *request = sv_dup(jx_str(m, "runner_request_id", ""));
    struct job j;
    const json_t *ep;

    a = rig_acquire(g, i, request);
    if (a.status != 200)
        fail_msg("acquire: %d %s", a.status, a.body.p);
    ep = json_array_get(jx_get(jx_get(a.json, "resources"), "endpoints"), 0);
    j.message = json_incref(a.json);
    j.plan = sv_dup(jx_str(jx_get(a.json, "plan"), "planId", ""));
    j.id = sv_dup(jx_str(a.json, "jobId", ""));
    j.name = sv_dup(jx_str(a.json, "jobDisplayName", ""));
    j.token = sv_dup(jx_str(jx_get(jx_get(ep, "authorization"), "parameters"), "AccessToken", ""));
    answer_done(&a);
    a = rig_json(g, "POST", "run/renewjob", j.token,
                 json_pack("{s:s, s:s}", "planId", j.plan, "jobId", j.id));
    assert_int_equal(a.status, 200);
    answer_done(&a);
    json_decref(m);
    answer_done(&p);
    return j;
}

static inline int rig_complete(struct rig *g, const struct job *j, const char *conclusion,
                               json_t *own_outputs)
{
    struct answer a = rig_json(g, "POST", "run/completejob", j->token,
                               json_pack("{s:s, s:s, s:s, s:o, s:[], s:[]}", "planId", j->plan,
                                         "jobId", j->id, "conclusion", conclusion, "outputs",
                                         own_outputs != NULL ? own_outputs : json_object(),
                                         "stepResults", "annotations"));
    int status = a.status;

    answer_done(&a);
    return status;
}

#endif
