/* SPDX-License-Identifier: Apache-2.0
 *
 * `gantry serve`: the embedded service by itself. JIT configurations for its runners are written to a file. */
#include "runner/cli/run_priv.h"

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/proc.h"
#include "runner/cli/supervise.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>

#define DEFAULT_PORT 8460
#define RUNNERS_MAX  64U
#define STOP_MS      10000

struct serve {
    const struct args *a;
    struct loop *loop;
    struct sup *sup;
    int status;
    unsigned stops;
    bool on_terminal;
};

static int number(const struct args *a, const char *name, uint64_t dflt, uint64_t max,
                  uint64_t *out, struct err *e)
{
    const char *text = args_text(a, name);

    *out = dflt;
    if (text != NULL && num_u64(sv_of(text), max, out, e) < 0)
        return err_set(e, FAIL_INPUT, "--%s: '%.20s' is not a number up to %llu", name, text,
                       (unsigned long long)max);
    return 0;
}

static void set(json_t *o, const char *key, json_t *own)
{
    BUG(json_object_set_new(o, key, own) < 0);
}

static int state_dir(const struct args *a, char **out, struct err *e)
{
    AUTO(auto_free) char *state = NULL;
    const char *given = args_text(a, "state");

    if (given != NULL) {
        if (fs_mkdir_all(AT_FDCWD, given, 0700, e) < 0)
            return err_wrap(e, "--state");
        *out = realpath(given, NULL);
        return *out != NULL ? 0 : err_sys(e, "--state: cannot find '%s'", given);
    }
    if (path_place(PATH_STATE, &state, e) < 0)
        return -1;
    *out = path_join(state, "serve");
    return fs_mkdir_all(AT_FDCWD, *out, 0700, e);
}

static int list(const struct args *a, const char *name, bool folders, json_t *o, const char *key,
                struct err *e)
{
    const struct strv *l = args_list(a, name);
    json_t *array = json_array();

    set(o, key, array);
    for (size_t i = 0; i < l->n; i++) {
        AUTO(auto_free) char *full = NULL;
        if (folders && absolute_folder("--actions", l->v[i], &full, e) < 0)
            return -1;
        BUG(json_array_append_new(array, jx_str_new(sv_of(folders ? full : l->v[i]))) < 0);
    }
    return 0;
}

static int config(const struct args *a, struct buf *out, struct err *e)
{
    AUTO(auto_json) json_t *o = json_object();
    AUTO(auto_free) char *state = NULL;
    AUTO(auto_free) char *cache = NULL;
    AUTO(auto_free) char *archives = NULL;
    const char *address = args_text(a, "address"), *name = args_text(a, "host-name");
    uint64_t port, runners;

    if (number(a, "port", DEFAULT_PORT, 65535, &port, e) < 0 ||
        number(a, "runners", 1, RUNNERS_MAX, &runners, e) < 0 || state_dir(a, &state, e) < 0 ||
        path_place(PATH_CACHE, &cache, e) < 0 || list(a, "actions", true, o, "actions_dirs", e) < 0)
        return -1;
    archives = path_join(cache, "actions");
    set(o, "mode", jx_str_new(SV("serve")));
    set(o, "state_dir", jx_str_new(sv_of(state)));
    set(o, "address", jx_str_new(sv_of(address != NULL ? address : "127.0.0.1")));
    set(o, "port", json_integer((json_int_t)port));
    set(o, "host_name", jx_str_new(sv_of(name != NULL ? name : "gantry.localhost")));
    set(o, "runners", json_integer((json_int_t)runners));
    set(o, "cache_dir", jx_str_new(sv_of(archives)));
    set(o, "offline", json_boolean(args_flag(a, "offline")));
    if (args_text(a, "record") != NULL)
        set(o, "record", jx_str_new(sv_of(args_text(a, "record"))));
    if (args_list(a, "label")->n > 0 && list(a, "label", false, o, "labels", e) < 0)
        return -1;
    jx_write(out, o);
    return buf_done(out, "service configuration", e);
}

static int write_outputs(struct serve *s, struct err *e)
{
    const char *jit_out = args_text(s->a, "jit-out"), *token_out = args_text(s->a, "token-out");
    AUTO(buf_free) struct buf b = BUF_INIT(4U << 20);
    struct sv token = secret_sv(sup_token(s->sup));

    for (const char *const *jit = sup_jit(s->sup); *jit != NULL; jit++)
        buf_addf(&b, "%s\n", *jit);
    if (buf_done(&b, "jit configurations", e) < 0)
        return -1;
    if (jit_out != NULL && fs_write_atomic(AT_FDCWD, jit_out, 0600, b.p, b.len, e) < 0)
        return err_wrap(e, "--jit-out");
    if (token_out != NULL && fs_write_atomic(AT_FDCWD, token_out, 0600, token.p, token.n, e) < 0)
        return err_wrap(e, "--token-out");
    return 0;
}

static void on_ready(void *ctx)
{
    struct serve *s = ctx;
    struct err e = {0};

    if (write_outputs(s, &e) < 0) {
        s->status = cli_fail(&e);
        loop_stop(s->loop);
        return;
    }
    (void)printf("%s\n", sup_url(s->sup));
    (void)fflush(stdout);
}

static void on_failed(void *ctx, const struct err *e)
{
    struct serve *s = ctx;

    if (e->msg[0] != '\0')
        err_print(e);
    s->status = e->code == FAIL_INPUT ? EXIT_USAGE : EXIT_HOST;
    loop_stop(s->loop);
}

static void on_signal(void *ctx, int sig)
{
    struct serve *s = ctx;

    if (sig == SIGHUP && !s->on_terminal)
        return;
    s->stops++;
    loop_stop(s->loop);
}

int cmd_serve(const struct args *a)
{
    static const int sigs[] = {SIGINT, SIGTERM, SIGHUP};
    struct serve s = {.a = a, .on_terminal = proc_on_terminal()};
    AUTO(programs_done) struct programs p = {.self = NULL};
    AUTO(buf_free) struct buf json = BUF_INIT(1U << 20);
    struct sup_spec spec = {.programs = &p, .on = {on_ready, on_failed, NULL, NULL, &s}};
    struct err e = {0};

    if (sup_reserve(&e) < 0 || programs_find(&p, &e) < 0 || config(a, &json, &e) < 0)
        return cli_fail(&e);
    spec.config = buf_sv(&json);
    s.loop = loop_new(&e);
    if (s.loop == NULL || loop_on_signals(s.loop, sigs, 3, on_signal, &s, &e) < 0 ||
        (s.sup = sup_start(s.loop, &spec, &e)) == NULL || loop_run(s.loop, &e) < 0)
        s.status = cli_fail(&e);
    if (s.sup != NULL)
        sup_stop(s.sup, STOP_MS);
    sup_free(s.sup);
    loop_free(s.loop);
    return s.status;
}
