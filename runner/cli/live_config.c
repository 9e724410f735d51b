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

int live_source_open(const struct run_request *r, const struct run_state *st,
                     struct live_source *out, struct err *e)
{
    AUTO(auto_free) char *stage = path_join(st->dir, "source");

    return repo_source(&r->repo, stage, &out->folder, &out->listing, e);
}

void live_source_done(struct live_source *s)
{
    fd_close(&s->folder);
    fd_close(&s->listing);
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
    set(o, "mode", text("run"));
    set(o, "state_dir", text(state));
    set(o, "address", text("127.0.0.1"));
    set(o, "port", json_integer(0));
    set(o, "host_name", text(HOST_NAME));
    set(o, "runners", json_integer(r->jobs));
    set(o, "actions_dirs", texts(&r->actions));
    set(o, "cache_dir", text(archives));
    set(o, "offline", json_boolean(args_flag(r->args, "offline")));
    jx_write(out, o);
    return buf_done(out, "service configuration", e);
}

static char *source_json(const struct run_request *r)
{
    AUTO(auto_json) json_t *o = json_object();
    AUTO(buf_free) struct buf b = BUF_INIT(65536);

    set(o, "repository", text(r->repo.repository));
    set(o, "sha", text(r->repo.sha));
    set(o, "ref", text(r->repo.ref));
    set(o, "folder", text(r->repo.top));
    jx_write(&b, o);
    return xstrdup(b.p);
}

int live_listener_config(const struct run_request *r, const struct programs *p,
                         const struct run_state *st, const struct live_source *src, struct buf *out,
                         struct err *e)
{
    AUTO(auto_json) json_t *o = json_object();
    AUTO(auto_free) char *source = source_json(r);

    set(o, "launcher", text(p->launcher));
    set(o, "worker", text(p->worker));
    set(o, "jobs_dir", text(st->jobs_dir));
    if (args_flag(r->args, "no-sandbox"))
        set(o, "sandbox", text("none"));
    set(o, "net_none", json_boolean(r->net_none));
    set(o, "host_dirs", texts(&r->host_dirs));
    set(o, "source_fd", json_integer(src->folder));
    set(o, "listing_fd", json_integer(src->listing));
    set(o, "source_json", text(source));
    set(o, "checkout", text("native"));
    set(o, "prefill", json_boolean(args_flag(r->args, "source")));
    set(o, "proxy", text("")); /* the service is on loopback */
    jx_write(out, o);
    return buf_done(out, "listener options", e);
}
