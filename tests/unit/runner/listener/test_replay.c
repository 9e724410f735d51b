/* SPDX-License-Identifier: Apache-2.0
 *
 * The listener alone against the exchange that was written by hand (tests/data/exchange): a scripted server in this
 * process, the listener in a child, and this program again as its worker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/fs.h"
#include "base/http_server.h"
#include "base/ipc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/proc.h"
#include "runner/channel.h"
#include "runner/listener/listener.h"
#include "sandbox/sandbox.h"

#define LIMIT_S       50 /* of all: SIGALRM ends the test */
#define JUMP_MS       35000
#define JUMP_EVERY_MS 50 /* until the listener, which has armed its timer by then, asks again */

/* ---- the worker ---- */

enum behaviour { W_DONE = 1, W_DIE = 2, W_UNTIL_CANCEL = 3, W_STATUS = 4 };

static int send_u64(uint8_t type, uint16_t tag, uint64_t v)
{
    struct ipc_out o;
    struct err e;

    ipc_begin(&o, type, 0);
    ipc_put_u64(&o, tag, v);
    return ipc_send(CHANNEL_FD, &o, &e);
}

static int wait_for(uint8_t type)
{
    for (;;) {
        struct ipc_in in = IPC_IN_INIT;
        struct err e = {0};
        int rc = ipc_recv(CHANNEL_FD, &in, &e), got = in.type;
        size_t fds = in.n_fds;
        ipc_in_done(&in);
        if (rc != 1)
            return -1;
        if (got == type)
            return type != CH_JOB || fds == 2 ? 0 : -1; /* message and options; no local source */
    }
}

/* Runs as gantry-worker: what it does is told by the one variable of ours that passes. */
static int worker_main(void)
{
    const char *text = getenv("GANTRY_TEST_SEED");
    int what = text != NULL ? text[0] - '0' : 0;

    if (send_u64(CH_HELLO, CH_TAG_VERSION, IPC_VERSION) < 0 || wait_for(CH_JOB) < 0)
        return 9;
    switch (what) {
    case W_DONE:
        return send_u64(CH_DONE, CH_TAG_RESULT, 0) < 0;
    case W_DIE:
        (void)raise(SIGKILL);
        return 9;
    case W_UNTIL_CANCEL:
        return wait_for(CH_CANCEL) < 0 || send_u64(CH_DONE, CH_TAG_RESULT, 3) < 0;
    default:
        return 7;
    }
}

/* ---- the script ---- */

#define STEPS_MAX 12
struct scenario {
    const char *name;
    bool ephemeral;
    enum behaviour worker;
    int exit;
    const char *steps[STEPS_MAX]; /* fixtures; after one with a leading '+' the clock jumps */
};
static const struct scenario scenarios[] = {
    {"an ephemeral runner takes its job and leaves",
     true,
     W_DONE,
     0,
     {"01-session-create", "02-poll-empty", "03-poll-job", "04-acknowledge", "05-acquirejob",
      "06-renewjob", "18-session-delete"}},
    {"a worker that dies is completed for",
     true,
     W_DIE,
     0,
     {"01-session-create", "03-poll-job", "04-acknowledge", "05-acquirejob", "06-renewjob",
      "crash-completejob", "18-session-delete"}},
    {"a cancellation by poll reaches the worker",
     true,
     W_UNTIL_CANCEL,
     0,
     {"01-session-create", "03-poll-job", "04-acknowledge", "05-acquirejob", "06-renewjob",
      "cancel-poll", "18-session-delete"}},
    {"a job whose first renewal is refused is not started",
     true,
     W_DONE,
     0,
     {"01-session-create", "03-poll-job", "04-acknowledge", "05-acquirejob", "error-renew-gone",
      "18-session-delete"}},
    {"a session conflict is tried again after 30 s",
     true,
     W_DONE,
     0,
     {"+error-session-conflict", "01-session-create", "03-poll-job", "04-acknowledge",
      "05-acquirejob", "06-renewjob", "18-session-delete"}},
    {"a refused token ends the runner", true, W_DONE, 1, {"error-session-unauthorized"}},
    {"a lost session is opened again",
     true,
     W_DONE,
     0,
     {"01-session-create", "error-poll-session-invalid", "01-session-create", "03-poll-job",
      "04-acknowledge", "05-acquirejob", "06-renewjob", "18-session-delete"}},
    {"a job that another runner took is left, and a deleted runner ends without a delete",
     false,
     W_DONE,
     0,
     {"01-session-create", "03-poll-job", "04-acknowledge", "error-acquire-taken",
      "error-poll-runner-not-found"}},
};

static volatile int64_t *clock_page; /* one for this process and its children */

struct step {
    json_t *fixture;
    bool used, jump;
};
struct server {
    struct loop *loop;
    struct hs *hs;
    json_t *vars;
    struct step steps[STEPS_MAX];
    size_t n;
    struct buf wrong;    /* what did not match */
    struct hs_req *held; /* the poll that waits */
    pid_t listener;
    int status;
    struct loop_timer *jumps;
};

/* Text with {{name}} and {{?name}} replaced. */
static json_t *filled_text(const struct server *s, const char *text)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1U << 20);

    while (*text != '\0') {
        const char *end = strncmp(text, "{{", 2) == 0 ? strstr(text, "}}") : NULL;
        if (end == NULL) {
            buf_addc(&b, *text++);
            continue;
        }
        AUTO(auto_free) char *name = sv_dup((struct sv){text + 2, (size_t)(end - text) - 2});
        const json_t *v = json_object_get(s->vars, name[0] == '?' ? name + 1 : name);
        if (json_is_integer(v) && text[-0] == '{' && b.len == 0 && end[2] == '\0')
            return json_integer(json_integer_value(v));
        buf_adds(&b, json_is_string(v) ? json_string_value(v) : "made up");
        text = end + 2;
    }
    return jx_str_new(buf_sv(&b));
}

static json_t *filled(const struct server *s, const json_t *j)
{
    json_t *out, *v;
    const char *key;
    size_t i;

    if (json_is_string(j))
        return filled_text(s, json_string_value(j));
    if (json_is_array(j)) {
        out = json_array();
        for (i = 0; i < json_array_size(j); i++)
            json_array_append_new(out, filled(s, json_array_get(j, i)));
        return out;
    }
    if (!json_is_object(j))
        return json_deep_copy(j);
    out = json_object();
    json_object_foreach((json_t *)(uintptr_t)j, key, v) json_object_set_new(out, key, filled(s, v));
    return out;
}

/* What is listed must be there and equal; the two free texts of a session are only there. */
static void compare(struct server *s, const char *where, const json_t *want, const json_t *got)
{
    const char *key;
    json_t *v;

    if (json_is_object(want)) {
        json_object_foreach((json_t *)(uintptr_t)want, key, v)
        {
            AUTO(auto_free) char *at = xasprintf("%s.%s", where, key);
            if (strcmp(key, "ownerName") == 0 || strcmp(key, "osDescription") == 0) {
                if (json_string_length(json_object_get(got, key)) == 0)
                    buf_addf(&s->wrong, "%s is missing\n", at);
            } else {
                compare(s, at, v, json_object_get(got, key));
            }
        }
    } else if (json_is_array(want) && json_array_size(want) == json_array_size(got)) {
        for (size_t i = 0; i < json_array_size(want); i++)
            compare(s, where, json_array_get(want, i), json_array_get(got, i));
    } else if (!json_equal(want, got)) {
        AUTO(buf_free) struct buf b = BUF_INIT(1U << 20);
        if (got != NULL)
            jx_write(&b, got);
        buf_addf(&s->wrong, "%s differs: %s\n", where, b.p);
    }
}

static bool is_session_of_another(const json_t *query)
{
    return strncmp(json_string_value(json_object_get(query, "sessionId")), "00000000", 8) == 0;
}

static void check(struct server *s, struct hs_req *r, const json_t *fixture)
{
    const json_t *q = json_object_get(fixture, "request");
    const json_t *query = json_object_get(q, "query"), *body = json_object_get(q, "body");
    const char *what = json_string_value(json_object_get(fixture, "what"));
    const char *token = json_string_value(json_object_get(fixture, "token"));
    const char *got = hs_header(r, "Authorization"), *key;
    AUTO(auto_free) char *name = xasprintf("%s_token", token);
    json_t *v;

    if (strcmp(token, "none") != 0) {
        AUTO(auto_free)
        char *want = xasprintf("Bearer %s", json_string_value(json_object_get(s->vars, name)));
        if (got == NULL || strcmp(got, want) != 0)
            buf_addf(&s->wrong, "%s: Authorization is %s\n", what, got != NULL ? got : "missing");
    }
    json_object_foreach(json_object_get(q, "headers"), key, v)
    {
        got = hs_header(r, key);
        if (got == NULL || strcmp(got, json_string_value(v)) != 0)
            buf_addf(&s->wrong, "%s: header %s is %s\n", what, key, got != NULL ? got : "missing");
    }
    if (query != NULL && !is_session_of_another(query)) {
        json_object_foreach((json_t *)(uintptr_t)query, key, v)
        {
            got = hs_query(r, key);
            if (got == NULL || strcmp(got, json_string_value(v)) != 0)
                buf_addf(&s->wrong, "%s: query %s is %s\n", what, key,
                         got != NULL ? got : "missing");
        }
    }
    if (body != NULL) {
        struct err e;
        AUTO(auto_json) json_t *j = jx_parse(hs_body(r), "body", &e);
        compare(s, what, body, j);
    }
}

static void jump(void *ctx)
{
    struct server *s = ctx;

    *clock_page += JUMP_MS;
    loop_set_timer(s->jumps, JUMP_MS + JUMP_EVERY_MS);
}

static void answer(struct server *s, struct hs_req *r, const struct step *step)
{
    const json_t *a = json_object_get(step->fixture, "response");
    const json_t *status = json_object_get(a, "status"), *body = json_object_get(a, "body");
    AUTO(buf_free) struct buf b = BUF_INIT(1U << 20);
    int code = (int)json_integer_value(json_is_array(status) ? json_array_get(status, 0) : status);

    if (body != NULL) {
        jx_write(&b, body);
        hs_reply_json(r, code, buf_sv(&b));
    } else {
        hs_reply(r, code, NULL, SV(""));
    }
    loop_del_timer(s->jumps);
    s->jumps = step->jump ? loop_add_timer(s->loop, JUMP_EVERY_MS, jump, s) : NULL;
}

static bool is_for(const struct step *step, const struct hs_req *r)
{
    const json_t *q = json_object_get(step->fixture, "request");
    const char *base = json_string_value(json_object_get(step->fixture, "base"));
    AUTO(auto_free)
    char *path = xasprintf("%s%s", strcmp(base, "broker") == 0 ? "/broker/" : "/run/",
                           json_string_value(json_object_get(q, "path")));

    return !step->used && strcmp(path, hs_path(r)) == 0 &&
           strcmp(json_string_value(json_object_get(q, "method")), hs_method(r)) == 0;
}

/* The first unused step of the request's kind; a poll's only when everything before it has happened, and only with
 * the status that it wants. */
static struct step *next_step(struct server *s, const struct hs_req *r)
{
    bool poll = strcmp(hs_path(r), "/broker/message") == 0, all_used = true;

    for (size_t i = 0; i < s->n; all_used &= s->steps[i++].used) {
        struct step *step = &s->steps[i];
        if (!is_for(step, r))
            continue;
        const json_t *q = json_object_get(json_object_get(step->fixture, "request"), "query");
        const char *status = json_string_value(json_object_get(q, "status"));
        if (poll && (!all_used || (status != NULL && strcmp(status, hs_query(r, "status")) != 0)))
            return NULL;
        return step;
    }
    return NULL;
}

static void take_step(struct server *s, struct hs_req *r, struct step *step)
{
    step->used = true;
    check(s, r, step->fixture);
    answer(s, r, step);
    if (s->held != NULL && s->held != r) { /* its turn may have come */
        struct hs_req *held = s->held;
        step = next_step(s, held);
        if (step != NULL) {
            s->held = NULL;
            take_step(s, held, step);
        }
    }
}

static void on_gone(void *data, bool completed)
{
    struct server *s = data;

    (void)completed;
    s->held = NULL;
}

static void on_request(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    struct server *s = ctx;
    struct step *step;

    if (stage == HS_HEADERS)
        return;
    step = next_step(s, r);
    if (step != NULL) {
        take_step(s, r, step);
    } else if (strcmp(hs_path(r), "/broker/message") == 0) { /* a long poll */
        s->held = r;
        hs_set_data(r, s, on_gone);
        hs_suspend(r);
    } else {
        buf_addf(&s->wrong, "unexpected %s %s\n", hs_method(r), hs_path(r));
        hs_reply(r, 500, NULL, SV(""));
    }
}

static void on_child(void *ctx, int fd, unsigned events)
{
    struct server *s = ctx;

    (void)fd;
    (void)events;
    loop_stop(s->loop);
}

/* ---- one scenario ---- */

static char *jit_config(const struct server *s, bool ephemeral, const char *broker)
{
    AUTO(buf_free) struct buf blob = BUF_INIT(65536);
    AUTO(buf_free) struct buf out = BUF_INIT(65536);
    AUTO(auto_free)
    char *runner = xasprintf(
        "\xef\xbb\xbf{\"AgentId\":\"1\",\"AgentName\":\"%s\",\"PoolId\":1,\"DisableUpdate\":"
        "\"True\",\"Ephemeral\":\"%s\",\"UseV2Flow\":\"True\",\"ServerUrlV2\":\"%s\"}",
        json_string_value(json_object_get(s->vars, "runner_name")), ephemeral ? "True" : "False",
        broker);
    AUTO(auto_free)
    char *credentials = xasprintf("{\"scheme\":\"OAuthAccessToken\",\"data\":{\"token\":\"%s\"}}",
                                  json_string_value(json_object_get(s->vars, "listener_token")));

    buf_adds(&blob, "{\".runner\":\"");
    base64_encode(&blob, runner, strlen(runner));
    buf_adds(&blob, "\",\".credentials\":\"");
    base64_encode(&blob, credentials, strlen(credentials));
    buf_adds(&blob, "\"}");
    base64_encode(&out, blob.p, blob.len);
    return xstrdup(out.p);
}

static json_t *load(const char *name)
{
    AUTO(auto_free) char *path = xasprintf(GANTRY_TEST_DATA "/exchange/%s.json", name);
    AUTO(auto_free) char *text = NULL;
    struct err e;
    size_t n;

    assert_int_equal(fs_read_file(AT_FDCWD, path, 1U << 20, &text, &n, &e), 0);
    json_t *j = jx_parse((struct sv){text, n}, name, &e);
    assert_non_null(j);
    return j;
}

static void set_url(struct server *s, const char *name, uint16_t port, const char *path)
{
    AUTO(auto_free) char *url = xasprintf("http://127.0.0.1:%u%s", port, path);

    json_object_set_new(s->vars, name, json_string(url));
}

static _Noreturn void listener_main(const char *jit, const char *jobs, const struct scenario *c)
{
    const char *const list[] = {jit, NULL};
    char seed[2] = {(char)('0' + (int)c->worker), '\0'};
    struct gh_options o = {
        .jit = list,
        .late_fd = -1,
        .launcher = GANTRY_BIN "/gantry-sandbox",
        .worker = "/proc/self/exe",
        .jobs_dir = jobs,
        .sandbox = GH_SANDBOX_NONE,
        .source_fd = -1,
        .listing_fd = -1,
        .status_fd = -1,
        .proxy = "",
    };
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    struct err e = {0};

    self[n > 0 ? n : 0] = '\0';
    o.worker = self;
    (void)setenv("GANTRY_TEST_SEED", seed, 1); /* allow: the test's own child */
    exit(gh_listener_run(&o, &e));
}

static void run_scenario(void **state)
{
    const struct scenario *c = *state;
    struct server s = {.wrong = BUF_INIT(65536), .status = -1};
    static const struct hs_route route = {"*", "/{rest...}", on_request, 1U << 20};
    struct hs_options ho = {.address = "127.0.0.1"};
    AUTO(auto_free) char *dir = NULL;
    struct loop_fd *watch;
    struct err e = {0};

    assert_int_equal(fs_temp_dir("/tmp", "gantry-listener", &dir, &e), 0);
    s.loop = loop_new(&e);
    s.hs = hs_new(s.loop, &ho, &route, 1, &s, &e);
    assert_non_null(s.hs);
    s.vars = load("vars");
    set_url(&s, "run_service_url", hs_port(s.hs), "/run/");
    set_url(&s, "job_url", hs_port(s.hs), "/run/");
    for (; s.n < STEPS_MAX && c->steps[s.n] != NULL; s.n++) {
        bool jump = c->steps[s.n][0] == '+';
        AUTO(auto_json) json_t *raw = load(c->steps[s.n] + jump);
        s.steps[s.n] = (struct step){.fixture = filled(&s, raw), .jump = jump};
    }
    AUTO(auto_free) char *broker = xasprintf("http://127.0.0.1:%u/broker/", hs_port(s.hs));
    AUTO(auto_free) char *jit = jit_config(&s, c->ephemeral, broker);
    AUTO(auto_free) char *jobs = xasprintf("%s/state/jobs", dir);
    assert_int_equal(fs_mkdir_all(AT_FDCWD, jobs, 0755, &e), 0);
    assert_int_equal(chmod(dir, 0755), 0);
    fflush(NULL);
    s.listener = fork();
    if (s.listener == 0) {
        (void)setenv("GANTRY_LOG", "error", 1); /* allow: the test's own child */
        listener_main(jit, jobs, c);
    }
    int pidfd = (int)syscall(434, s.listener, 0); /* pidfd_open */
    assert_int_equal(loop_add_fd(s.loop, pidfd, LOOP_READ, on_child, &s, &watch, &e), 0);
    assert_int_equal(loop_run(s.loop, &e), 0);
    waitpid(s.listener, &s.status, 0);
    loop_del_timer(s.jumps);
    for (size_t i = 0; i < s.n; i++) {
        if (!s.steps[i].used)
            buf_addf(&s.wrong, "never came: %s\n", c->steps[i]);
        json_decref(s.steps[i].fixture);
    }
    json_decref(s.vars);
    hs_free(s.hs);
    loop_free(s.loop);
    close(pidfd);
    assert_int_equal(fs_remove_tree(AT_FDCWD, dir, &e), 0);
    assert_string_equal(s.wrong.p, "");
    buf_free(&s.wrong);
    assert_true(WIFEXITED(s.status));
    assert_int_equal(WEXITSTATUS(s.status), c->exit);
}

/* Named before the first look at the clock, which remembers it. */
static int make_clock(void)
{
    char path[] = "/tmp/gantry-clock-XXXXXX";
    int fd = mkstemp(path);

    if (fd < 0 || ftruncate(fd, 4096) < 0 || fchmod(fd, 0644) < 0 ||
        setenv("GANTRY_TEST_CLOCK", path, 1) < 0) /* allow: a test's environment */
        return -1;
    clock_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    return clock_page != MAP_FAILED ? 0 : -1;
}

static int drop_clock(void **state)
{
    (void)state;
    return unlink(tm_page_path());
}

int main(int argc, char **argv)
{
    enum { N = sizeof scenarios / sizeof scenarios[0] };
    struct CMUnitTest tests[N];

    struct log_options log = {.program = "listener",
                              .levels = getenv("GANTRY_LOG") ? NULL : "error"};
    struct err e = {0};

    proc_main_init();
    jx_init();
    if (log_init(&log, &e) < 0)
        return 1;
    if (strcmp(argv[0], "gantry-worker") == 0)
        return sbx_is_spare(argc, argv) && sbx_spare_serve(&e) != 0 ? 0 : worker_main();
    if (make_clock() < 0)
        return 1;
    (void)alarm(LIMIT_S);
    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){.name = scenarios[i].name,
                                       .test_func = run_scenario,
                                       .initial_state = (void *)(uintptr_t)&scenarios[i]};
    return cmocka_run_group_tests_name("listener replay", tests, NULL, drop_clock);
}
