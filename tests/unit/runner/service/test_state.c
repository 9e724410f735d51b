/* SPDX-License-Identifier: Apache-2.0
 *
 * What the service keeps, and what it never keeps: restarts, secrets, the schema of its database, its
 * configuration, registrations with a key pair, and actions from mirrors. */
#include "tests/unit/runner/service/rig.h"

#include <dirent.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/crypto.h"

#define SECRET "correct horse battery staple"
#define TWO_JOBS                                                                        \
    "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [{run: x, id: s}]\n" \
    "  b:\n    needs: a\n    runs-on: ubuntu-latest\n    steps: [{run: y}]\n"

static bool holds(const char *p, size_t n, const char *needle)
{
    return memmem(p, n, needle, strlen(needle)) != NULL;
}

/* Every file below dir, read whole. */
static void search(const char *dir, const char *const *needles)
{
    DIR *d = opendir(dir);
    const struct dirent *de;

    assert_non_null(d);
    while ((de = readdir(d)) != NULL) {
        AUTO(auto_free) char *path = xasprintf("%s/%s", dir, de->d_name);
        AUTO(auto_free) char *text = NULL;
        struct stat st;
        size_t n = 0;
        struct err e;
        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 || lstat(path, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode)) {
            search(path, needles);
            continue;
        }
        if (fs_read_file(AT_FDCWD, path, 64U << 20, &text, &n, &e) < 0)
            fail_err(&e);
        for (size_t i = 0; needles[i] != NULL; i++)
            if (holds(text, n, needles[i]))
                fail_msg("'%s' is in %s", needles[i], path);
    }
    (void)closedir(d);
}

static void no_secret_is_stored(void **state)
{
    struct rig *g = rig_new_dir();
    AUTO(auto_free) char *record = xasprintf(",\"record\":\"%s/record\"", g->dir);
    AUTO(buf_free) struct buf b64 = BUF_INIT(256);
    struct job j;

    (void)state;
    rig_configure(g, "run", record);
    rig_connect(g);
    rig_session(g, 0);
    free(rig_run(g, TWO_JOBS, json_pack("{s:{s:s}}", "secrets", "KEY", SECRET)));
    j = rig_take(g, 0);
    assert_true(sv_is(jx_str(jx_get(jx_get(j.message, "variables"), "KEY"), "value", ""), SECRET));
    base64_encode(&b64, SECRET, strlen(SECRET));
    {
        struct sv token =
            jx_str(jx_get(jx_get(j.message, "variables"), "github_token"), "value", "");
        AUTO(auto_free) char *github = sv_dup(token);
        AUTO(auto_free) char *job_token = xstrdup(j.token);
        const char *const needles[] = {SECRET,    b64.p, g->listener[0], g->front, github,
                                       job_token, NULL};
        search(g->dir, needles);
        assert_int_equal(rig_complete(g, &j, "succeeded", NULL), 204);
        job_done(&j);
        j = rig_take(g, 0);
        search(g->dir, needles);
        assert_int_equal(rig_complete(g, &j, "succeeded", NULL), 204);
        rig_stop(g);
        search(g->dir, needles);
    }
    job_done(&j);
    rig_free(g);
}

/* As a crash: nothing is written on the way out. */
static void kill_service(struct rig *g)
{
    struct err e;
    int status = -1;

    if (proc_signal(&g->proc, SIGKILL, &e) < 0 || proc_wait(&g->proc, false, &status, &e) < 0)
        fail_err(&e);
    fd_close(&g->ready);
}

static void restart(struct rig *g)
{
    kill_service(g);
    rig_configure(g, "serve", "");
    rig_connect(g);
}

static void step_update(struct rig *g, const struct job *j, int status, int conclusion)
{
    struct sv step = jx_str(json_array_get(jx_get(j->message, "steps"), 0), "id", "");
    AUTO(auto_free) char *id = sv_dup(step);
    struct answer a = rig_json(
        g, "POST",
        "twirp/github.actions.results.api.v1.WorkflowStepUpdateService/WorkflowStepsUpdate",
        j->token,
        json_pack("{s:[{s:s, s:i, s:s, s:i, s:s, s:n, s:i, s:i}], s:i, s:s, s:s}", "steps",
                  "external_id", id, "number", 2, "name", "Run x", "status", status, "started_at",
                  "2026-03-04T05:06:07.123Z", "completed_at", "conclusion", conclusion, "log_lines",
                  0, "change_order", 1, "workflow_run_backend_id", j->plan,
                  "workflow_job_run_backend_id", j->id));

    assert_int_equal(a.status, 200);
    answer_done(&a);
}

static void a_run_survives_a_restart(void **state)
{
    struct rig *g = rig_new("serve", "");
    AUTO(auto_free) char *run = NULL;
    struct answer a;
    struct job j;

    (void)state;
    rig_session(g, 0);
    run = rig_run(g, TWO_JOBS, NULL);
    j = rig_take(g, 0);
    step_update(g, &j, 3, 0);
    restart(g);
    a = rig_poll(g, 0, "Busy"); /* sessions are opened anew */
    assert_true(sv_is(jx_str(a.json, "errorKind", ""), "RunnerSessionInvalid"));
    answer_done(&a);
    rig_session(g, 0);
    a = rig_json(g, "POST", "run/renewjob", j.token,
                 json_pack("{s:s, s:s}", "planId", j.plan, "jobId", j.id));
    assert_int_equal(a.status, 200);
    answer_done(&a);
    step_update(g, &j, 6, 2);
    assert_int_equal(rig_complete(g, &j, "succeeded", NULL), 204);
    job_done(&j);
    j = rig_take(g, 0);
    assert_string_equal(j.name, "b");
    assert_int_equal(rig_complete(g, &j, "succeeded", NULL), 204);
    job_done(&j);
    rig_expect_events(g, run,
                      "run.started\njob.queued a\njob.started a\nstep.started a 2 \n"
                      "step.completed a 2 success\njob.completed a success\n"
                      "job.queued b\njob.started b\njob.completed b success\n"
                      "run.completed success\n");
    restart(g);
    {
        AUTO(auto_json) json_t *events = rig_events(g, run, 0);
        assert_int_equal(json_array_size(events), 10);
        assert_true(sv_is(jx_str(json_array_get(events, 3), "id", ""), "s"));
    }
    rig_free(g);
}

/* As after a loss of power: the length of the file is there, its last blocks are not. */
static void a_spoilt_log_of_events_does_not_stop_the_service(void **state)
{
    static const char zeros[5000] = {0};
    struct rig *g = rig_new("serve", "");
    AUTO(auto_free) char *run = NULL;
    AUTO(auto_free) char *path = NULL;
    struct err e;
    struct job j;

    (void)state;
    run = rig_run(g, TWO_JOBS, NULL);
    kill_service(g);
    path = xasprintf("%s/state/events/%s.jsonl", g->dir, run);
    AUTO(auto_fd) int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(fd_write_full(fd, zeros, sizeof zeros, &e), 0);
    assert_int_equal(fd_write_full(fd, "\n{}\n", 4, &e), 0);
    rig_configure(g, "serve", "");
    rig_connect(g);
    rig_session(g, 0);
    j = rig_take(g, 0);
    assert_int_equal(rig_complete(g, &j, "failed", NULL), 204);
    job_done(&j);
    rig_expect_events(g, run,
                      "run.started\njob.queued a\njob.started a\njob.completed a failure\n"
                      "job.completed b skipped\nrun.completed failure\n");
    rig_free(g);
}

static void a_run_with_secrets_does_not(void **state)
{
    struct rig *g = rig_new("serve", "");
    AUTO(auto_free) char *run = NULL;
    AUTO(auto_free) char *request = NULL;
    struct answer a;
    json_t *m;

    (void)state;
    run = rig_run(g, "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [{run: x}]\n",
                  json_pack("{s:{s:s}}", "secrets", "KEY", SECRET));
    restart(g);
    rig_session(g, 0);
    a = rig_poll(g, 0, "Online");
    m = rig_message(&a, "RunnerJobRequest");
    request = sv_dup(jx_str(m, "runner_request_id", ""));
    json_decref(m);
    answer_done(&a);
    a = rig_acquire(g, 0, request);
    assert_int_equal(jx_int(a.json, "statusCode", 0), 422);
    answer_done(&a);
    rig_expect_events(
        g, run,
        "run.started\njob.queued a\nannotation a error: the service was restarted and "
        "secrets are never stored; start the run again\njob.completed a failure\n"
        "run.completed failure\n");
    rig_free(g);
}

/* The error of the ready line; the service must end with status 3. */
static void expect_refusal(struct rig *g, const char *config, const char *want)
{
    AUTO(auto_json) json_t *line = NULL;
    struct err e;
    int status = -1;

    rig_spawn(g, config);
    line = rig_ready_line(g);
    if (strstr(jx_str(line, "error", "").p, want) == NULL)
        fail_msg("%s: got '%s'", want, jx_str(line, "error", "").p);
    assert_int_equal(jx_int(line, "exit", 0), 3);
    if (proc_wait(&g->proc, false, &status, &e) < 0)
        fail_err(&e);
    assert_int_equal(status, 3);
    fd_close(&g->ready);
}

static void a_wrong_configuration_is_refused(void **state)
{
    static const struct {
        const char *config, *want;
    } rows[] = {
        {"{", "service configuration"},
        {"[]", "must be an object"},
        {"{\"mode\":\"run\"}", "'state_dir' must be an absolute path"},
        {"{\"mode\":\"both\"}", "'mode' must be run or serve"},
        {"{\"colour\":1}", "unknown member 'colour'"},
        {"{\"port\":70000}", "'port' must be a number up to 65535"},
        {"{\"labels\":[1]}", "'labels' must be a list of texts"},
    };
    struct rig *g = rig_new_dir();

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_refusal(g, rows[i].config, rows[i].want);
    rig_free(g);
}

static void a_newer_database_is_refused(void **state)
{
    struct rig *g = rig_new("serve", "");
    AUTO(auto_free) char *path = xasprintf("%s/state/service.db", g->dir);
    AUTO(auto_free)
    char *config = xasprintf("{\"mode\":\"serve\",\"state_dir\":\"%s/state\"}", g->dir);
    sqlite3 *db;

    (void)state;
    rig_stop(g);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 999", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
    expect_refusal(g, config, "it has version 999, this program knows up to");
    rig_free(g);
}

/* As the first release wrote it: one job is done, one waits for it. */
static const char version_1[] =
    "CREATE TABLE runs(id INTEGER PRIMARY KEY, plan_id TEXT NOT NULL, request TEXT NOT NULL,"
    " started_ms INTEGER NOT NULL, cancelled INTEGER NOT NULL, done INTEGER NOT NULL,"
    " result INTEGER NOT NULL) STRICT;"
    "CREATE TABLE legs(uuid TEXT PRIMARY KEY, run_id INTEGER NOT NULL, number INTEGER NOT NULL,"
    " leg_id TEXT NOT NULL, job_id TEXT NOT NULL, name TEXT NOT NULL, matrix TEXT NOT NULL,"
    " state INTEGER NOT NULL, result INTEGER NOT NULL, outputs TEXT NOT NULL, steps TEXT NOT NULL,"
    " runner INTEGER NOT NULL, queued_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX legs_of_run ON legs(run_id, number);"
    "CREATE TABLE runners(id INTEGER PRIMARY KEY, name TEXT NOT NULL, labels TEXT NOT NULL,"
    " ephemeral INTEGER NOT NULL, deleted INTEGER NOT NULL, client_id TEXT NOT NULL,"
    " public_key TEXT) STRICT;"
    "CREATE TABLE blobs(name TEXT PRIMARY KEY, sha256 TEXT NOT NULL, size INTEGER NOT NULL) STRICT;"
    "INSERT INTO runs VALUES(1, '11111111-2222-4333-8444-555555555555',"
    " '{\"workflow\":{\"path\":\"ci.yml\",\"text\":\"on: push\\njobs:\\n  a: {runs-on: ubuntu-latest, steps: "
    "[{run: x}]}\\n  b: {needs: a, name: \\\"got ${{ needs.a.outputs.o }}\\\", runs-on: ubuntu-latest, steps: [{run: "
    "x}]}\\n\"},\"repository\":\"acme/rocket\",\"ref\":\"refs/heads/main\",\"secret_names\":[]}',"
    " 1700000000000, 0, 0, 0);"
    "INSERT INTO legs VALUES('66666666-7777-4888-8999-aaaaaaaaaaaa', 1, 1, 'a', 'a', 'a', 'null', 3, 1,"
    " '{\"o\":\"v\"}', '[]', 0, 1700000000000, 1700000000000);"
    "PRAGMA user_version = 1";

static void an_older_database_is_brought_up(void **state)
{
    struct rig *g = rig_new_dir();
    AUTO(auto_free) char *folder = xasprintf("%s/state", g->dir);
    AUTO(auto_free) char *path = xasprintf("%s/service.db", folder);
    struct err e;
    struct job j;
    sqlite3 *db;

    (void)state;
    if (fs_mkdir_all(AT_FDCWD, folder, 0700, &e) < 0)
        fail_err(&e);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, version_1, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
    rig_configure(g, "serve", "");
    rig_connect(g);
    rig_session(g, 0);
    j = rig_take(g, 0);
    assert_string_equal(j.name, "got v");
    assert_int_equal(rig_complete(g, &j, "succeeded", NULL), 204);
    job_done(&j);
    rig_free(g);
}

static void a_port_in_use_is_named(void **state)
{
    struct rig *g = rig_new("run", "");
    struct rig *other = rig_new_dir();
    const char *port = strrchr(g->url, ':') + 1;
    AUTO(auto_free)
    char *config = xasprintf("{\"mode\":\"run\",\"state_dir\":\"%s/state\",\"port\":%.*s}",
                             other->dir, (int)strcspn(port, "/"), port);
    AUTO(auto_free) char *want = xasprintf("%.*s", (int)strcspn(port, "/"), port);

    (void)state;
    expect_refusal(other, config, want);
    rig_free(other);
    rig_free(g);
}

/* No room for the log of events: the service of `gantry run` ends with one line and status 3. */
static void a_full_disk_ends_the_service(void **state)
{
    struct rig *g = rig_new_dir();
    struct err e;
    int status = 0;

    (void)state;
    g->fail = "events-write=error:ENOSPC";
    rig_configure(g, "run", "");
    rig_connect(g);
    free(rig_run(g, TWO_JOBS, NULL));
    if (proc_wait(&g->proc, false, &status, &e) < 0)
        fail_err(&e);
    assert_int_equal(status, 3);
    rig_free(g);
}

static void a_database_that_cannot_be_written_refuses_the_run(void **state)
{
    struct rig *g = rig_new_dir();
    struct answer a;

    (void)state;
    g->fail = "store-write=error:ENOSPC";
    rig_configure(g, "run", "");
    rig_connect(g);
    a = rig_json(g, "POST", "_gantry/runs", g->front,
                 json_pack("{s:{s:s, s:s}}", "workflow", "path", "ci.yml", "text", TWO_JOBS));
    assert_int_equal(a.status, 500);
    assert_non_null(
        strstr(a.body.p, "/service.db': cannot write it: No space left on device; free"));
    answer_done(&a);
    rig_free(g);
}

/* ---- registration with a key pair ---- */

static struct answer token_request(struct rig *g, const char *assertion)
{
    AUTO(buf_free) struct buf b = BUF_INIT(65536);
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded", NULL};

    buf_adds(&b, "grant_type=client_credentials&client_assertion_type=");
    url_encode(&b, SV("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
    buf_adds(&b, "&client_assertion=");
    url_encode(&b, sv_of(assertion));
    return rig_call(g, "POST", "oauth/token", NULL, buf_sv(&b), headers);
}

/* An assertion of this runner with other claims where given. */
static char *assertion(const json_t *cred, const struct cry_rsa *key, const char *aud,
                       int64_t shift_s)
{
    struct sv id = jx_str(jx_get(cred, "data"), "clientId", "");
    AUTO(buf_free) struct buf claims = BUF_INIT(4096);
    AUTO(buf_free) struct buf out = BUF_INIT(16384);
    int64_t now = tm_wall_ms() / 1000 + shift_s;
    struct err e;

    buf_addf(&claims,
             "{\"iss\":\"" SV_FMT "\",\"sub\":\"" SV_FMT
             "\",\"aud\":\"%s\",\"jti\":\"1\",\"nbf\":%lld,"
             "\"exp\":%lld}",
             SV_ARG(id), SV_ARG(id), aud, (long long)now - 60, (long long)now + 240);
    if (cry_jwt_rs256(key, buf_sv(&claims), &out, &e) < 0)
        fail_err(&e);
    return buf_take(&out, NULL);
}

static void expect_token(struct rig *g, char *own_assertion, int status, const char *want)
{
    struct answer a = token_request(g, own_assertion);

    if (a.status != status || strstr(a.body.p, want) == NULL)
        fail_msg("%d %s instead of %d %s", a.status, a.body.p, status, want);
    free(own_assertion);
    answer_done(&a);
}

static void a_key_pair_gets_a_token(void **state)
{
    struct rig *g =
        rig_new("serve", ",\"admin_token\":\"0123456789012345678901234567890123456789\"");
    const char *const path = "api/v3/repos/acme/rocket/actions/runners/generate-jitconfig";
    AUTO(auto_json) json_t *cred = NULL, *params = NULL;
    AUTO(buf_free) struct buf text = BUF_INIT(65536);
    AUTO(auto_free) char *aud = xasprintf("%soauth/token", g->url);
    struct cry_rsa *key = NULL;
    struct answer a, b;
    struct err e;
    char *token;

    (void)state;
    a = rig_json(g, "POST", path, g->front,
                 json_pack("{s:s, s:i, s:[s]}", "name", "n", "runner_group_id", 1, "labels", "x"));
    assert_int_equal(a.status, 401);
    answer_done(&a);
    a = rig_json(g, "POST", path, "0123456789012345678901234567890123456789",
                 json_pack("{s:s, s:i, s:[s]}", "name", "n", "runner_group_id", 1, "labels", "x"));
    assert_int_equal(a.status, 201);
    cred = rig_jit_file(jx_str(a.json, "encoded_jit_config", ""), ".credentials");
    params = rig_jit_file(jx_str(a.json, "encoded_jit_config", ""), ".credentials_rsaparams");
    answer_done(&a);
    a = rig_json(g, "POST", path, "0123456789012345678901234567890123456789",
                 json_pack("{s:s, s:i, s:[s]}", "name", "n", "runner_group_id", 1, "labels", "x"));
    assert_int_equal(a.status, 409);
    answer_done(&a);
    jx_write(&text, params);
    if (cry_rsa_from_params(buf_sv(&text), &key, &e) < 0)
        fail_err(&e);
    expect_token(g, assertion(cred, key, "http://elsewhere/", 0), 400, "invalid_client");
    expect_token(g, assertion(cred, key, aud, -4000), 400, "Current server time is");
    expect_token(g, xstrdup("a.b.c"), 400, "invalid_client");
    token = assertion(cred, key, aud, 0);
    token[strlen(token) - 3] = token[strlen(token) - 3] == 'A' ? 'B' : 'A';
    expect_token(g, token, 400, "signature");
    token = assertion(cred, key, aud, 0);
    a = token_request(g, token);
    assert_int_equal(a.status, 200);
    b = rig_json(g, "POST", "broker/session", jx_str(a.json, "access_token", "").p,
                 json_pack("{s:s}", "ownerName", "t"));
    assert_int_equal(b.status, 200);
    answer_done(&b);
    answer_done(&a);
    free(token);
    cry_rsa_free(key);
    rig_free(g);
}

/* ---- actions ---- */

static void write_file(const char *dir, const char *name, const char *text)
{
    AUTO(auto_free) char *path = xasprintf("%s/%s", dir, name);
    struct err e;

    if (fs_write_atomic(AT_FDCWD, path, 0644, text, strlen(text), &e) < 0)
        fail_err(&e);
}

static struct answer resolve(struct rig *g, const struct job *j, const char *action)
{
    AUTO(auto_free)
    char *url = xasprintf("actions/build/%s/jobs/%s/runnerresolve/actions", j->plan, j->id);

    return rig_json(g, "POST", url, j->token,
                    json_pack("{s:[{s:s, s:s}]}", "actions", "action", action, "version", "v1"));
}

/* What a mirror's own configuration names is never run: the mirror may belong to somebody else. */
static void a_mirror_runs_no_command(void **state)
{
    struct rig *g = rig_new_dir();
    AUTO(auto_free) char *extra = xasprintf(",\"actions_dirs\":[\"%s/mirror:1\"]", g->dir);
    AUTO(auto_free) char *folder = xasprintf("%s/mirror:1/acme/setup", g->dir);
    AUTO(auto_free) char *text = NULL;
    char script[] =
        "set -e; cd \"$1\"; git init -q; echo '* filter=x' >.gitattributes; echo n >action.yml; "
        "git add .; git -c user.name=a -c user.email=a@example.org commit -qm x; git tag v1; "
        "git config tar.tar.gz.command \"sh -c 'touch $2/ran; gzip -cn'\"; "
        "git config filter.x.smudge \"sh -c 'touch $2/ran; cat'\"";
    char sh[] = "/bin/sh", c[] = "-c";
    char *argv[] = {sh, c, script, sh, folder, g->dir, NULL};
    struct proc_spec spec = PROC_SPEC_INIT;
    struct answer a, b;
    struct job j;
    struct err e;
    size_t n;
    int status = -1;

    (void)state;
    spec.path = sh;
    spec.argv = argv;
    spec.envp = environ;
    if (fs_mkdir_all(AT_FDCWD, folder, 0755, &e) < 0 ||
        proc_capture(&spec, 65536, &text, &n, &status, &e) < 0)
        fail_err(&e);
    assert_int_equal(status, 0);
    rig_configure(g, "run", extra);
    rig_connect(g);
    rig_session(g, 0);
    free(rig_run(g, TWO_JOBS, NULL));
    j = rig_take(g, 0);
    a = resolve(g, &j, "acme/setup");
    assert_int_equal(a.status, 200);
    b = rig_call(g, "GET",
                 jx_str(jx_get(jx_get(a.json, "actions"), "acme/setup@v1"), "tar_url", "").p, NULL,
                 SV(""), NULL);
    assert_int_equal(b.status, 200);
    assert_true(b.body.len > 100 && (unsigned char)b.body.p[0] == 0x1f);
    AUTO(auto_free) char *ran = xasprintf("%s/ran", g->dir);
    assert_false(fs_exists(AT_FDCWD, ran));
    answer_done(&b);
    answer_done(&a);
    job_done(&j);
    rig_free(g);
}

static void actions_come_from_mirrors(void **state)
{
    struct rig *g = rig_new_dir();
    AUTO(auto_free)
    char *extra = xasprintf(",\"actions_dirs\":[\"%s/none\",\"%s/mirror\"]", g->dir, g->dir);
    AUTO(auto_free) char *folder = xasprintf("%s/mirror/acme/setup", g->dir);
    AUTO(auto_free) char *want = NULL;
    struct answer a, b;
    struct job j;
    struct err e;
    const json_t *found;

    (void)state;
    if (fs_mkdir_all(AT_FDCWD, folder, 0755, &e) < 0)
        fail_err(&e);
    write_file(folder, "action.yml", "name: setup\nruns: {using: composite, steps: []}\n");
    rig_configure(g, "run", extra);
    rig_connect(g);
    rig_session(g, 0);
    free(rig_run(g, TWO_JOBS, NULL));
    j = rig_take(g, 0);
    a = resolve(g, &j, "acme/setup");
    assert_int_equal(a.status, 200);
    found = jx_get(jx_get(a.json, "actions"), "acme/setup@v1");
    assert_int_equal(jx_str(found, "resolved_sha", "").n, 40);
    b = rig_call(g, "GET", jx_str(found, "tar_url", "").p, NULL, SV(""), NULL);
    assert_int_equal(b.status, 200);
    assert_true(b.body.len > 20 && (unsigned char)b.body.p[0] == 0x1f &&
                (unsigned char)b.body.p[1] == 0x8b);
    answer_done(&b);
    answer_done(&a);
    a = resolve(g, &j, "acme/other");
    assert_int_equal(a.status, 422);
    want = xasprintf("looked in the mirrors '%s/none/acme/other', '%s/mirror/acme/other'", g->dir,
                     g->dir);
    assert_non_null(strstr(a.body.p, want));
    answer_done(&a);
    a = resolve(g, &j, "../etc");
    assert_int_equal(a.status, 422);
    assert_non_null(strstr(a.body.p, "no action reference"));
    answer_done(&a);
    job_done(&j);
    rig_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_secret_is_stored),
        cmocka_unit_test(a_run_survives_a_restart),
        cmocka_unit_test(a_spoilt_log_of_events_does_not_stop_the_service),
        cmocka_unit_test(a_run_with_secrets_does_not),
        cmocka_unit_test(a_wrong_configuration_is_refused),
        cmocka_unit_test(a_newer_database_is_refused),
        cmocka_unit_test(an_older_database_is_brought_up),
        cmocka_unit_test(a_port_in_use_is_named),
        cmocka_unit_test(a_full_disk_ends_the_service),
        cmocka_unit_test(a_database_that_cannot_be_written_refuses_the_run),
        cmocka_unit_test(a_key_pair_gets_a_token),
        cmocka_unit_test(actions_come_from_mirrors),
        cmocka_unit_test(a_mirror_runs_no_command),
    };

    rig_reserve();
    proc_main_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
