/* SPDX-License-Identifier: Apache-2.0
 *
 * Plays a run through the planner: every leg ends somehow, until the run is done. The plan ends, nothing is answered
 * twice, and what was answered and stored is answered again. */
#ifndef TESTS_FUZZ_PLAN_PLAY_H
#define TESTS_FUZZ_PLAN_PLAY_H

#include <stdint.h>
#include <stdlib.h>

#include "actions/message.h"
#include "base/mem.h"
#include "base/strv.h"

#define MAX_LEGS 64U

struct run {
    struct strv ids;
    struct plan_leg_state states[MAX_LEGS];
    size_t n;
};

static inline bool note(struct run *r, const char *id, enum plan_result result)
{
    if (r->n >= MAX_LEGS)
        return false;
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->ids.v[i], id) == 0)
            abort(); /* nothing is answered twice */
    }
    strv_add(&r->ids, id);
    r->states[r->n++] = (struct plan_leg_state){.result = result, .started = true};
    for (size_t i = 0; i < r->n; i++)
        r->states[i].leg_id = r->ids.v[i];
    return true;
}

/* What was answered and stored is answered again. */
static inline void check_settled(const struct plan_inputs *in, const struct run *r, bool cancelled,
                                 enum plan_result want)
{
    struct plan p;
    struct err e = {0};

    if (plan_next(in, r->states, r->n, cancelled, &p, &e) < 0)
        abort();
    if (!p.done || p.result != want || p.n_ready > 0 || p.n_skipped > 0 || p.cancel[0] != NULL)
        abort();
    plan_done(&p);
}

/* Every leg succeeds, fails or is cancelled in turn. */
static inline void play(const struct plan_inputs *in, uint8_t seed)
{
    static const enum plan_result results[] = {PLAN_SUCCESS, PLAN_FAILURE, PLAN_CANCELLED};
    struct run r = {.ids = STRV_INIT};
    bool more = true, room = true;

    for (unsigned turn = 0; more; turn++) {
        struct plan p;
        struct err e = {0};
        bool cancelled = (seed & 0x80) != 0 && turn > 0;
        if (plan_next(in, r.states, r.n, cancelled, &p, &e) < 0)
            abort();
        if (!p.done && p.n_ready == 0 && p.n_skipped == 0)
            abort(); /* everything known has ended: it must go on */
        for (size_t i = 0; i < p.n_ready && room; i++) {
            AUTO(auto_json) json_t *into = jx_parse(SV("{}"), "message", &e);
            /* A reference to nothing ("docker://") is a mistake that is found here. */
            if (message_job_parts(&p.ready[i], 1, into, &e) < 0 &&
                ((e.code != FAIL_UNSUPPORTED && e.code != FAIL_INPUT) || e.msg[0] == '\0'))
                abort();
            room = note(&r, p.ready[i].id, results[(seed + turn + i) % 3]);
        }
        for (size_t i = 0; i < p.n_skipped && room; i++)
            room = note(&r, p.skipped[i].id, p.skipped[i].result);
        if (p.done && room)
            check_settled(in, &r, cancelled, p.result);
        more = !p.done && room;
        plan_done(&p);
    }
    strv_free(&r.ids);
}

#endif
