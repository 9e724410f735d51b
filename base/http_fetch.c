/* SPDX-License-Identifier: Apache-2.0
 *
 * One HTTP request in a loop of its own. */
#include "base/http_client.h"

#include "base/mem.h"

struct fetch {
    struct loop *l;
    struct buf *body;
    struct err e;
    int status;
};

static void on_fetched(void *ctx, const struct hc_response *r, const struct err *e)
{
    struct fetch *f = ctx;

    if (e != NULL)
        f->e = *e;
    f->status = r->status;
    if (e == NULL && f->body != NULL)
        buf_addsv(f->body, r->body);
    loop_stop(f->l);
}

static void auto_loop(struct loop **l)
{
    loop_free(*l);
}

static void auto_hc(struct hc **h)
{
    hc_free(*h);
}

int hc_fetch(const struct hc_options *o, const struct hc_spec *s, int *status, struct buf *body,
             struct err *e)
{
    AUTO(auto_loop) struct loop *l = loop_new(e);
    AUTO(auto_hc) struct hc *h = l != NULL ? hc_new(l, o, e) : NULL;
    struct fetch f = {.l = l, .body = body};
    struct hc_spec spec = *s;

    if (h == NULL)
        return -1;
    spec.done = on_fetched;
    spec.ctx = &f;
    BUG(s->source != NULL || s->sink != NULL); /* they would get our ctx */
    if (hc_start(h, &spec, NULL, e) < 0 || loop_run(l, e) < 0)
        return -1;
    if (f.e.code != FAIL_NONE) {
        *e = f.e;
        return -1;
    }
    *status = f.status;
    return 0;
}
