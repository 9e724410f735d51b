/* SPDX-License-Identifier: Apache-2.0
 *
 * Called workflows: the texts of the top file, of a.yml and of b.yml, parted by lines of "---". They are loaded, the run
 * is played to its end, and the secrets of its legs are evaluated. Invariants: those of plan_play.h; errors name a
 * file; a leg of a call has a path of ids that its id has too; after a restart every open leg is answered again. */
#include "actions/workflow_call.h"
#include "tests/fuzz/plan_play.h"

#define MAX_INPUT 32768U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct texts {
    struct sv top, a, b;
};

static struct sv take(struct sv *rest)
{
    size_t at = sv_find(*rest, SV("\n---\n"));
    struct sv text = sv_sub(*rest, 0, at == SV_NPOS ? at : at + 1);

    *rest = at == SV_NPOS ? SV("") : sv_sub(*rest, at + 5, SV_NPOS);
    return text;
}

static int read_file(void *ctx, struct sv name, struct buf *out, struct err *e)
{
    const struct texts *t = ctx;

    if (sv_ends(name, SV("/a.yml")))
        buf_addsv(out, t->a);
    else if (sv_ends(name, SV("/b.yml")))
        buf_addsv(out, t->b);
    else
        return err_set(e, FAIL_NOTFOUND, "no such file");
    return 0;
}

static void check_leg(const struct plan_inputs *in, const struct plan_leg *l)
{
    AUTO(auto_val) struct val *all = val_object();
    AUTO(auto_val) struct val *own = NULL;
    struct err e = {0};
    size_t slashes = 0, in_path = 0, calls = 0;

    for (const char *p = l->id; *p != '\0'; p++)
        slashes += *p == '/';
    for (const char *p = l->path; *p != '\0'; p++)
        in_path += *p == '/';
    for (const struct plan_call *c = l->call; c != NULL; c = c->up)
        calls++;
    if (slashes != calls || in_path != calls || l->wf == NULL ||
        !sv_ends(sv_of(l->path), l->job_id))
        abort();
    val_sets(all, "KEY", val_string(SV("value")));
    if (plan_secrets(in, l, all, &own, &e) < 0 && e.msg[0] == '\0')
        abort();
}

/* The first legs, and the same once more as after a restart. */
static void check_again(const struct plan_inputs *in)
{
    struct plan_leg_state *states;
    struct plan p, again;
    struct err e = {0};

    if (plan_next(in, NULL, 0, false, &p, &e) < 0)
        abort();
    states = xcalloc(p.n_ready + p.n_skipped + 1, sizeof *states);
    for (size_t i = 0; i < p.n_ready; i++) {
        check_leg(in, &p.ready[i]);
        states[i] = (struct plan_leg_state){.leg_id = p.ready[i].id, .again = true};
    }
    for (size_t i = 0; i < p.n_skipped; i++)
        states[p.n_ready + i] =
            (struct plan_leg_state){.leg_id = p.skipped[i].id, .result = p.skipped[i].result};
    if (plan_next(in, states, p.n_ready + p.n_skipped, false, &again, &e) < 0)
        abort();
    for (size_t i = 0; i < p.n_ready; i++) {
        bool found = false;
        for (size_t k = 0; k < again.n_ready; k++)
            found = found || strcmp(again.ready[k].id, p.ready[i].id) == 0;
        if (!found)
            abort();
    }
    plan_done(&again);
    plan_done(&p);
    free(states);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_options o = wf_default_options;
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    AUTO(auto_wf) struct wf *w = NULL;
    struct texts t;
    struct wf_loader loader = {.ctx = &t, .read = read_file, .owner = SV("me")};
    struct err e = {0};

    if (size == 0 || size > MAX_INPUT)
        return 0;
    AUTO(auto_free) char *in = xmemdup(data, size);
    struct sv rest = {in, size};
    t.top = take(&rest);
    t.a = take(&rest);
    t.b = take(&rest);
    o.max_nested = 3;
    o.max_files = 6;
    o.max_result_size = (size_t)1 << 20;
    o.max_jobs = 64;
    if (wf_parse_with(t.top, "f.yml", &o, &w, &errors, &e) < 0)
        return 0;
    if (wf_load_calls(w, &loader, &o, &errors, &e) < 0) {
        if (errors.n == 0 || errors.v[0].file == NULL || errors.v[0].text[0] == '\0')
            abort();
        return 0;
    }
    AUTO(auto_val) struct val *github = val_object();
    const struct plan_inputs inputs = {.wf = w, .github = github};
    val_sets(github, "ref_name", val_string(SV("main")));
    check_again(&inputs);
    play(&inputs, data[size - 1]);
    return 0;
}
