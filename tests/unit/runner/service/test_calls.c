/* SPDX-License-Identifier: Apache-2.0
 *
 * Called workflows in the service (spec expressions 7): where their files come from, what the job message says of them,
 * that a restart brings them back, and that secret values which are passed on are never stored. */
#include "tests/unit/runner/service/rig.h"

#include <dirent.h>
#include <sys/stat.h>

#define STEP  "runs-on: ubuntu-latest, steps: [{run: x}]"
#define BUILD ".github/workflows/build.yml"
#define CALLS(uses)                      \
    "on: push\njobs:\n  c: {uses: " uses \
    ", with: {v: hello}, secrets: {S: \"<${{ secrets.KEY }}>\"}}\n"
#define CALLED                                                                                    \
    "on:\n  workflow_call:\n    inputs: {v: {type: string}}\n    secrets: {S: {}}\n"              \
    "    outputs: {o: {value: \"${{ jobs.x.outputs.p }}\"}}\njobs:\n  x: {outputs: {p: q}, " STEP \
    "}\n"
#define SECRET "correct horse battery staple"

/* The script gets the rig's folder as $1. */
static void sh(struct rig *g, char *script)
{
    char sh[] = "/bin/sh", c[] = "-c";
    char *argv[] = {sh, c, script, sh, g->dir, NULL};
    AUTO(auto_free) char *text = NULL;
    struct proc_spec spec = PROC_SPEC_INIT;
    struct err e;
    int status = -1;
    size_t n;

    spec.path = sh;
    spec.argv = argv;
    spec.envp = environ;
    if (proc_capture(&spec, 65536, &text, &n, &status, &e) < 0)
        fail_err(&e);
    assert_int_equal(status, 0);
}

static json_t *with_file(const char *path, const char *text)
{
    return json_pack("{s:{s:s}, s:{s:s}}", "files", path, text, "secrets", "KEY", SECRET);
}

static void expect_text(const json_t *o, const char *key, const char *want)
{
    struct sv got = jx_str(o, key, "");

    if (!sv_is(got, want))
        fail_msg("%s: got '" SV_FMT "', want '%s'", key, SV_ARG(got), want);
}

/* A member of a context of the message: objects are pairs there. */
static struct sv context_of(const struct job *j, const char *context, const char *key)
{
    const json_t *list = jx_get(jx_get(jx_get(j->message, "contextData"), context), "d"), *v;
    size_t i;

    json_array_foreach(list, i, v)
    {
        const json_t *value = jx_get(v, "v");
        if (sv_is(jx_str(v, "k", ""), key))
            return json_is_string(value) ? sv_of(json_string_value(value)) : jx_str(value, "s", "");
    }
    return SV("(none)");
}

static void expect_context(const struct job *j, const char *context, const char *key,
                           const char *want)
{
    struct sv got = context_of(j, context, key);

    if (!sv_is(got, want))
        fail_msg("%s.%s: got '" SV_FMT "', want '%s'", context, key, SV_ARG(got), want);
}

static void expect_variable(const struct job *j, const char *name, const char *want)
{
    expect_text(jx_get(jx_get(j->message, "variables"), name), "value", want);
}

static void a_local_call_is_a_job_of_its_own(void **state)
{
    struct rig *g = rig_new("run", "");
    AUTO(auto_free) char *run = NULL;
    struct job j;

    (void)state;
    rig_session(g, 0);
    run = rig_run(
        g, CALLS("./" BUILD) "  d: {needs: c, name: \"${{ needs.c.outputs.o }}\", " STEP "}\n",
        with_file(BUILD, CALLED));
    j = rig_take(g, 0);
    assert_string_equal(j.name, "c / x");
    expect_text(j.message, "jobName", "__default");
    expect_variable(&j, "system.github.job", "x");
    expect_variable(&j, "S", "<" SECRET ">");
    assert_null(jx_get(jx_get(j.message, "variables"), "KEY")); /* it was not passed */
    expect_context(&j, "inputs", "v", "hello");
    expect_context(&j, "github", "workflow", ".github/workflows/ci.yml");
    expect_context(&j, "github", "workflow_ref",
                   "acme/rocket/.github/workflows/ci.yml@refs/heads/main");
    expect_context(&j, "job", "workflow_ref", "acme/rocket/" BUILD "@refs/heads/main");
    expect_context(&j, "job", "workflow_sha", "00112233445566778899aabbccddeeff00112233");
    expect_context(&j, "job", "workflow_repository", "acme/rocket");
    expect_context(&j, "job", "workflow_file_path", BUILD);
    assert_string_equal(json_string_value(json_array_get(jx_get(j.message, "fileTable"), 0)),
                        BUILD);
    assert_int_equal(rig_complete(g, &j, "succeeded", json_pack("{s:{s:s}}", "p", "value", "made")),
                     204);
    job_done(&j);
    j = rig_take(g, 0);
    assert_string_equal(j.name, "made");
    expect_variable(&j, "KEY", SECRET);
    expect_context(&j, "job", "workflow_file_path", ".github/workflows/ci.yml");
    assert_int_equal(rig_complete(g, &j, "succeeded", NULL), 204);
    job_done(&j);
    rig_expect_events(
        g, run,
        "run.started\njob.queued c / x\njob.started c / x\njob.completed c / x success\n"
        "job.queued made\njob.started made\njob.completed made success\n"
        "run.completed success\n");
    AUTO(auto_json) json_t *events = rig_events(g, run, 0);
    expect_text(json_array_get(events, 1), "job", "c/x");
    rig_free(g);
}

#define MIRROR                                                                                        \
    "set -e; mkdir -p $1/mirror/acme/tools; cd $1/mirror/acme/tools; git init -q -b main; "           \
    "mkdir -p .github/workflows; cd .github/workflows; "                                              \
    "printf 'on: workflow_call\\njobs:\\n  m: {uses: ./.github/workflows/inner.yml}\\n' >outer.yml; " \
    "printf 'on: workflow_call\\njobs:\\n  x: {name: one, " STEP "}\\n' >inner.yml; "                 \
    "ln -s inner.yml link.yml; git add -A; "                                                          \
    "git -c user.name=a -c user.email=a@example.org commit -qm x; git tag v1; "                       \
    "sed -i s/one/two/ inner.yml; git -c user.name=a -c user.email=a@example.org commit -qam y"

static struct rig *rig_with_mirror(char *script, const char *more)
{
    struct rig *g = rig_new_dir();
    AUTO(auto_free) char *extra = xasprintf(",\"actions_dirs\":[\"%s/mirror\"]%s", g->dir, more);

    sh(g, script);
    rig_configure(g, "run", extra);
    rig_connect(g);
    rig_session(g, 0);
    return g;
}

#define CALL_OF(name, ref) \
    "on: push\njobs:\n  c: {uses: acme/tools/.github/workflows/" name "@" ref "}\n"

/* The message of the only job of this run. */
static struct job only_job(struct rig *g, const char *workflow)
{
    struct job j;

    free(rig_run(g, workflow, NULL));
    j = rig_take(g, 0);
    assert_int_equal(rig_complete(g, &j, "succeeded", NULL), 204);
    return j;
}

static void another_repository_comes_from_a_mirror(void **state)
{
    char script[] = MIRROR "; git rev-parse v1 >$1/v1";
    struct rig *g = rig_with_mirror(script, "");
    AUTO(auto_free) char *path = xasprintf("%s/v1", g->dir);
    AUTO(auto_free) char *sha = NULL;
    struct err e;
    struct job j;
    size_t n;

    (void)state;
    if (fs_read_file(AT_FDCWD, path, 256, &sha, &n, &e) < 0)
        fail_err(&e);
    sha[40] = '\0';
    j = only_job(g, CALL_OF("outer.yml", "v1"));
    assert_string_equal(j.name, "c / m / one"); /* its local call is of the same commit */
    expect_context(&j, "job", "workflow_ref", "acme/tools/.github/workflows/inner.yml@v1");
    expect_context(&j, "job", "workflow_repository", "acme/tools");
    expect_context(&j, "job", "workflow_file_path", ".github/workflows/inner.yml");
    expect_context(&j, "job", "workflow_sha", sha);
    job_done(&j);
    j = only_job(g, CALL_OF("outer.yml", "main"));
    assert_string_equal(j.name, "c / m / two");
    job_done(&j);
    rig_free(g);
}

static void a_mirror_may_be_bare_or_a_plain_folder(void **state)
{
    char bare[] = MIRROR
        "; cd $1; git clone -q --bare mirror/acme/tools mirror/acme/tools.git; rm -rf mirror/acme/tools";
    char plain[] = MIRROR "; rm -rf $1/mirror/acme/tools/.git";
    struct rig *g = rig_with_mirror(bare, "");
    struct job j = only_job(g, CALL_OF("outer.yml", "v1"));

    (void)state;
    assert_string_equal(j.name, "c / m / one");
    job_done(&j);
    rig_free(g);
    g = rig_with_mirror(plain, "");
    j = only_job(g, CALL_OF("inner.yml", "anything"));
    assert_string_equal(j.name, "c / two");
    expect_context(&j, "job", "workflow_sha", "");
    job_done(&j);
    rig_free(g);
}

static const struct {
    const char *name, *workflow, *want;
} refused[] = {
    {"a link", CALL_OF("link.yml", "v1"), "has no file '.github/workflows/link.yml'"},
    {"another ref", CALL_OF("outer.yml", "v9"),
     "it was not found; put its repository into a mirror"},
    {"another file", CALL_OF("none.yml", "v1"), "has no file '.github/workflows/none.yml'"},
    {"no such repository", "on: push\njobs:\n  c: {uses: acme/none/.github/workflows/x.yml@v1}\n",
     "it was not found; put its repository into a mirror"},
    {"a local one that did not come along",
     "on: push\njobs:\n  c: {uses: ./.github/workflows/x.yml}\n",
     "there is no such file in the repository"},
    {"a way out of the mirror", "on: push\njobs:\n  c: {uses: ../../.github/workflows/x.yml@v1}\n",
     "\"line\":3"},
    {"a ref that looks like an option", CALL_OF("outer.yml", "--upload-pack=x"), "\"line\":3"},
    {"an error inside", "on: push\njobs:\n  c: {uses: acme/bad/.github/workflows/x.yml@v1}\n",
     "\"file\":\"acme/bad/.github/workflows/x.yml@v1\",\"line\":1"},
};

static void what_cannot_be_read_is_told_with_its_place(void **state)
{
    char script[] =
        MIRROR "; mkdir -p $1/mirror/acme/bad/.github/workflows; echo 'on: workflow_call' "
               ">$1/mirror/acme/bad/.github/workflows/x.yml";
    struct rig *g = rig_with_mirror(script, "");

    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct answer a = rig_json(
            g, "POST", "_gantry/runs", g->front,
            json_pack("{s:{s:s, s:s}}", "workflow", "path", "w.yml", "text", refused[i].workflow));
        if (a.status != 422 || strstr(a.body.p, refused[i].want) == NULL)
            fail_msg("%s: %d %s", refused[i].name, a.status, a.body.p);
        answer_done(&a);
    }
    rig_free(g);
}

/* A plain folder's links lead nowhere. */
static void a_link_out_of_a_folder_is_not_followed(void **state)
{
    char script[] = "set -e; mkdir -p $1/mirror/acme/tools/.github; mkdir $1/out; "
                    "printf 'on: workflow_call\\njobs:\\n  x: {" STEP "}\\n' >$1/out/x.yml; "
                    "ln -s $1/out $1/mirror/acme/tools/.github/workflows";
    struct rig *g = rig_with_mirror(script, "");
    struct answer a = rig_json(
        g, "POST", "_gantry/runs", g->front,
        json_pack("{s:{s:s, s:s}}", "workflow", "path", "w.yml", "text", CALL_OF("x.yml", "v1")));

    (void)state;
    assert_int_equal(a.status, 422);
    answer_done(&a);
    rig_free(g);
}

/* A server with the refs and the archive of one repository; prints its port. */
static const char server[] =
    "import http.server, io, sys, tarfile\n"
    "sha = 'a' * 40\n"
    "text = sys.argv[1].encode()\n"
    "out = io.BytesIO()\n"
    "with tarfile.open(fileobj=out, mode='w:gz') as t:\n"
    "    i = tarfile.TarInfo('tools-main/.github/workflows/far.yml')\n"
    "    i.size = len(text)\n"
    "    t.addfile(i, io.BytesIO(text))\n"
    "line = (sha + ' refs/tags/v1\\n').encode()\n"
    "refs = b'001e# service=git-upload-pack\\n0000' + b'%04x' % (len(line) + 4) + line + b'0000'\n"
    "class H(http.server.BaseHTTPRequestHandler):\n"
    "    def log_message(self, *a): pass\n"
    "    def do_GET(self):\n"
    "        known = {'/acme/tools.git/info/refs': refs, '/acme/tools/archive/' + sha + '.tar.gz': out.getvalue()}\n"
    "        body = known.get(self.path.split('?')[0])\n"
    "        self.send_response(200 if body else 404)\n"
    "        self.send_header('Content-Length', str(len(body or b'')))\n"
    "        self.end_headers()\n"
    "        self.wfile.write(body or b'')\n"
    "s = http.server.HTTPServer(('127.0.0.1', 0), H)\n"
    "print(s.server_port, flush=True)\n"
    "s.serve_forever()\n";

static struct proc start_server(char *text, uint64_t *port)
{
    char python[] = "/usr/bin/python3", c[] = "-c";
    AUTO(auto_free) char *script = xstrdup(server);
    char *argv[] = {python, c, script, text, NULL};
    struct proc_spec spec = PROC_SPEC_INIT;
    struct proc p = PROC_INIT;
    struct err e;
    char line[16] = "";
    int fds[2];
    ssize_t n = 0;

    if (fd_pipe(fds, &e) < 0)
        fail_err(&e);
    spec.path = python;
    spec.argv = argv;
    spec.envp = environ;
    spec.stdio[1] = fds[1];
    spec.stdio[2] = 2;
    if (proc_spawn(&spec, &p, &e) < 0)
        fail_err(&e);
    (void)close(fds[1]);
    while (n < (ssize_t)sizeof line - 1 && read(fds[0], line + n, 1) == 1 && line[n] != '\n')
        n++;
    (void)close(fds[0]);
    if (num_u64(sv_trim(sv_of(line)), 65535, port, &e) < 0)
        fail_err(&e);
    return p;
}

static void another_repository_comes_from_the_network(void **state)
{
    char text[] = "on: workflow_call\njobs:\n  x: {" STEP "}\n";
    struct rig *g = rig_new_dir();
    uint64_t port = 0;
    struct proc p = start_server(text, &port);
    AUTO(auto_free)
    char *config = xasprintf(
        "{\"mode\":\"serve\",\"state_dir\":\"%s/state\",\"cache_dir\":\"%s/cache\",\"runners\":3,"
        "\"action_server\":\"http://127.0.0.1:%llu\"}",
        g->dir, g->dir, (unsigned long long)port);
    struct answer a;
    struct job j;

    (void)state;
    rig_spawn(g, config);
    rig_connect(g);
    rig_session(g, 0);
    j = only_job(g, CALL_OF("far.yml", "v1"));
    assert_string_equal(j.name, "c / x");
    expect_context(&j, "job", "workflow_sha", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    job_done(&j);
    a = rig_json(g, "POST", "_gantry/runs", g->front,
                 json_pack("{s:{s:s, s:s}}", "workflow", "path", "w.yml", "text",
                           CALL_OF("near.yml", "v1")));
    assert_int_equal(a.status, 422);
    assert_non_null(strstr(a.body.p, "there is no file '.github/workflows/near.yml' in it"));
    answer_done(&a);
    a = rig_json(
        g, "POST", "_gantry/runs", g->front,
        json_pack("{s:{s:s, s:s}}", "workflow", "path", "w.yml", "text", CALL_OF("far.yml", "v2")));
    assert_int_equal(a.status, 422);
    assert_non_null(strstr(a.body.p, "it has no tag or branch 'v2'"));
    answer_done(&a);
    proc_kill_and_reap(&p);
    j = only_job(g, CALL_OF("far.yml", "v1")); /* the cache */
    job_done(&j);
    rig_free(g);
}

/* ---- restart, secrets ---- */

static void search(const char *dir, const char *needle)
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
            search(path, needle);
            continue;
        }
        if (fs_read_file(AT_FDCWD, path, 64U << 20, &text, &n, &e) < 0)
            fail_err(&e);
        if (memmem(text, n, needle, strlen(needle)) != NULL)
            fail_msg("'%s' is in %s", needle, path);
    }
    (void)closedir(d);
}

static void secrets_that_are_passed_on_are_not_stored(void **state)
{
    struct rig *g = rig_new("serve", "");
    AUTO(auto_free) char *run = NULL;
    struct job j;

    (void)state;
    rig_session(g, 0);
    run = rig_run(g, CALLS("./" BUILD), with_file(BUILD, CALLED));
    assert_non_null(run);
    j = rig_take(g, 0);
    expect_variable(&j, "S", "<" SECRET ">");
    search(g->dir, SECRET);
    assert_int_equal(rig_complete(g, &j, "succeeded", NULL), 204);
    rig_stop(g);
    search(g->dir, SECRET);
    job_done(&j);
    rig_free(g);
}

static void restart(struct rig *g)
{
    struct err e;
    int status = -1;

    if (proc_signal(&g->proc, SIGKILL, &e) < 0 || proc_wait(&g->proc, false, &status, &e) < 0)
        fail_err(&e);
    fd_close(&g->ready);
    rig_configure(g, "serve", "");
    rig_connect(g);
    rig_session(g, 0);
}

static void a_call_survives_a_restart(void **state)
{
    static const char workflow[] =
        "on: push\njobs:\n  c: {concurrency: g, uses: ./" BUILD
        "}\n  w: {concurrency: G, uses: ./" BUILD
        "}\n  d: {needs: c, name: \"got ${{ needs.c.outputs.o }}\", " STEP "}\n";
    static const char called[] =
        "on:\n  workflow_call:\n    outputs: {o: {value: \"${{ jobs.x.outputs.p }}\"}}\njobs:\n"
        "  x: {outputs: {p: q}, " STEP "}\n  y: {needs: x, " STEP "}\n";
    struct rig *g = rig_new("serve", "");
    AUTO(auto_free) char *run = NULL;
    struct job j;

    (void)state;
    rig_session(g, 0);
    run = rig_run(g, workflow, json_pack("{s:{s:s}}", "files", BUILD, called));
    j = rig_take(g, 0);
    assert_string_equal(j.name, "c / x");
    restart(g);
    assert_int_equal(rig_complete(g, &j, "succeeded", json_pack("{s:{s:s}}", "p", "value", "v")),
                     204);
    job_done(&j);
    j = rig_take(g, 0);
    assert_string_equal(j.name, "c / y"); /* the other call waits for the group */
    assert_int_equal(rig_complete(g, &j, "succeeded", NULL), 204);
    job_done(&j);
    restart(g);
    for (int i = 0; i < 3; i++) {
        j = rig_take(g, 0);
        assert_int_equal(rig_complete(g, &j, "succeeded", NULL), 204);
        job_done(&j);
    }
    rig_expect_events(
        g, run,
        "run.started\njob.waiting w\njob.queued c / x\njob.started c / x\njob.completed c / x success\n"
        "job.queued c / y\njob.started c / y\njob.completed c / y success\n"
        "job.queued got v\njob.queued w / x\njob.started got v\njob.completed got v success\n"
        "job.started w / x\njob.completed w / x success\njob.queued w / y\njob.started w / y\n"
        "job.completed w / y success\nrun.completed success\n");
    rig_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_local_call_is_a_job_of_its_own),
        cmocka_unit_test(another_repository_comes_from_a_mirror),
        cmocka_unit_test(a_mirror_may_be_bare_or_a_plain_folder),
        cmocka_unit_test(what_cannot_be_read_is_told_with_its_place),
        cmocka_unit_test(a_link_out_of_a_folder_is_not_followed),
        cmocka_unit_test(another_repository_comes_from_the_network),
        cmocka_unit_test(secrets_that_are_passed_on_are_not_stored),
        cmocka_unit_test(a_call_survives_a_restart),
    };

    rig_reserve();
    proc_main_init();
    return cmocka_run_group_tests_name("calls", tests, NULL, NULL);
}
