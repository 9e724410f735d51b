/* SPDX-License-Identifier: Apache-2.0
 *
 * Configuration of the processes of a local run. */
#include "runner/cli/live_config.h"
#include "runner/cli/json_make.h"

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"

#include <jansson.h>

#define HOST_NAME \
    "gantry.localhost" /* ends in .localhost: the toolkit decides from it (design 4) */

static char *source_json(const struct run_request *r)
{
    AUTO(auto_json) json_t *o = json_object();
    AUTO(buf_free) struct buf b = BUF_INIT(65536);

    jm_set(o, "repository", jm_text(r->repo.repository));
    jm_set(o, "sha", jm_text(r->repo.sha));
    jm_set(o, "ref", jm_text(r->repo.ref));
    jm_set(o, "folder", jm_text(r->repo.top));
    jx_write(&b, o);
    return xstrdup(b.p);
}

int live_source_open(const struct run_request *r, const struct run_state *st,
                     struct live_source *out, struct err *e)
{
    AUTO(auto_free) char *stage = path_join(st->dir, "source");

    if (repo_source(&r->repo, stage, &out->folder, &out->listing, e) < 0)
        return -1;
    out->json = source_json(r);
    return 0;
}

void live_source_done(struct live_source *s)
{
    fd_close(&s->folder);
    fd_close(&s->listing);
    free(s->json);
    s->json = NULL;
}

int live_service_config(const struct run_request *r, const struct run_state *st, struct buf *out,
                        struct err *e)
{
    AUTO(auto_json) json_t *o = json_object();
    AUTO(auto_free) char *cache = NULL;
    AUTO(auto_free) char *archives = NULL;
    AUTO(auto_free) char *state = path_join(st->dir, "service");

    if (path_place(PATH_CACHE, &cache, e) < 0)
        return -1;
    archives = path_join(cache, "actions");
    jm_set(o, "mode", jm_text("run"));
    jm_set(o, "state_dir", jm_text(state));
    jm_set(o, "address", jm_text("127.0.0.1"));
    jm_set(o, "port", json_integer(0));
    jm_set(o, "host_name", jm_text(HOST_NAME));
    jm_set(o, "runners", json_integer(r->jobs));
    jm_set(o, "actions_dirs", jm_texts(&r->actions));
    jm_set(o, "cache_dir", jm_text(archives));
    jm_set(o, "offline", json_boolean(args_flag(r->args, "offline")));
    jx_write(out, o);
    return buf_done(out, "service configuration", e);
}

int live_listener_config(const struct run_request *r, const struct programs *p,
                         const struct run_state *st, struct buf *out, struct err *e)
{
    AUTO(auto_json) json_t *o = json_object();

    jm_set(o, "launcher", jm_text(p->launcher));
    jm_set(o, "worker", jm_text(p->worker));
    jm_set(o, "jobs_dir", jm_text(st->jobs_dir));
    if (args_flag(r->args, "no-sandbox"))
        jm_set(o, "sandbox", jm_text("none"));
    jm_set(o, "net_none", json_boolean(r->net_none));
    jm_set(o, "host_dirs", jm_texts(&r->host_dirs));
    jm_set(o, "keep_groups", json_true()); /* the user's own job; its log names them */
    jm_set(o, "checkout", jm_text("native"));
    jm_set(o, "prefill", json_boolean(args_flag(r->args, "source")));
    jm_set(o, "proxy", jm_text("")); /* the service is on loopback */
    jx_write(out, o);
    return buf_done(out, "listener options", e);
}
