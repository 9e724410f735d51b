/* SPDX-License-Identifier: Apache-2.0
 *
 * States of the planner from text, and its answers as text. */
#ifndef TESTS_UNIT_ACTIONS_PLAN_TEXT_H
#define TESTS_UNIT_ACTIONS_PLAN_TEXT_H

#include "actions/plan.h"
#include "base/mem.h"
#include "base/strv.h"

/* ---- states from text ---- */

struct fixture {
    struct strv ids;
    struct plan_leg_state states[16];
    size_t n;
};

static inline enum plan_result result_of(struct sv s)
{
    for (int r = PLAN_SUCCESS; r <= PLAN_SKIPPED; r++) {
        if (sv_is(s, plan_result_name((enum plan_result)r)))
            return (enum plan_result)r;
    }
    return PLAN_NONE;
}

static inline void read_states(struct fixture *f, const char *text)
{
    struct sv rest = sv_of(text), word;

    while (sv_next(&rest, ' ', &word)) {
        if (word.n == 0)
            continue;
        size_t eq = sv_chr(word, '='), brace = sv_chr(word, '{');
        struct plan_leg_state *s = &f->states[f->n++];
        strv_addsv(&f->ids, sv_sub(word, 0, eq));
        *s = (struct plan_leg_state){.started = true};
        if (eq != SV_NPOS)
            s->result =
                result_of(sv_sub(word, eq + 1, (brace == SV_NPOS ? word.n : brace) - eq - 1));
        if (brace != SV_NPOS) {
            struct sv pair = sv_sub(word, brace + 1, word.n - brace - 2);
            size_t colon = sv_chr(pair, ':');
            s->outputs = val_object();
            val_set(s->outputs, sv_sub(pair, 0, colon),
                    val_string(sv_sub(pair, colon + 1, SV_NPOS)));
        }
    }
    for (size_t i = 0; i < f->n; i++)
        f->states[i].leg_id = f->ids.v[i];
}

/* ---- the answer as text ---- */

static inline void add_line(struct buf *b, const char *word, const char *id, const char *name)
{
    if (b->len > 0)
        buf_addc(b, '|');
    buf_addf(b, "%s %s", word, id);
    if (name != NULL)
        buf_addf(b, " '%s'", name);
}

/* Texts of the expression engine are its own tests' business: "..." in `want` stands for the rest. */
static inline void plan_dump(const struct plan *p,
                             void (*details)(struct buf *b, const struct plan_leg *l,
                                             const char *flags),
                             const char *flags, struct buf *b)
{
    for (size_t i = 0; i < p->n_ready; i++) {
        add_line(b, "ready", p->ready[i].id, p->ready[i].name);
        details(b, &p->ready[i], flags);
    }
    for (size_t i = 0; i < p->n_skipped; i++) {
        const struct plan_skip *s = &p->skipped[i];
        add_line(b, "skip", s->id, s->name);
        buf_addf(b, " %s", plan_result_name(s->result));
        if (s->reason != NULL)
            buf_addf(b, " %s", s->reason);
    }
    for (size_t i = 0; p->cancel[i] != NULL; i++)
        add_line(b, "cancel", p->cancel[i], NULL);
    for (size_t i = 0; i < p->n_gates; i++)
        add_line(b, "gate", p->gates[i].id, p->gates[i].group.name);
    if (p->done)
        add_line(b, "done", plan_result_name(p->result), NULL);
    if (p->reason != NULL)
        buf_addf(b, " %s", p->reason);
}

static inline bool same(const char *got, const char *want)
{
    const char *dots = strstr(want, "...|");

    if (dots == NULL)
        return strcmp(got, want) == 0;
    size_t head = (size_t)(dots - want), tail = strlen(dots + 3), n = strlen(got);
    return n > head + tail && strncmp(got, want, head) == 0 &&
           strcmp(got + n - tail, dots + 3) == 0;
}

#endif
