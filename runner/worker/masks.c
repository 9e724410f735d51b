/* SPDX-License-Identifier: Apache-2.0
 *
 * What is secret from the first line on (spec job-execution 1.5, logs 3.2). */
#include "base/base64.h"
#include "base/log.h"
#include "base/mem.h"
#include "runner/worker/worker.h"

void masks_add_basic_auth(struct worker *w, struct sv token)
{
    AUTO(buf_free) struct buf plain = BUF_INIT(64 << 10);
    AUTO(buf_free) struct buf encoded = BUF_INIT(128 << 10);

    if (token.n == 0)
        return;
    buf_adds(&plain, "x-access-token:");
    buf_addsv(&plain, token);
    base64_encode(&encoded, plain.p, plain.len);
    mask_add(w->mask, buf_sv(&encoded));
    secret_wipe(plain.p, plain.len);
}

void masks_from_message(struct worker *w)
{
    const struct message *m = w->msg;
    struct sv token;

    for (size_t i = 0; i < m->n_variables; i++) {
        const struct msg_variable *v = &m->variables[i];
        if (v->secret && !sv_ieq(v->name, SV("ACTIONS_STEP_DEBUG")) &&
            !sv_ieq(v->name, SV("ACTIONS_RUNNER_DEBUG")))
            mask_add(w->mask, v->value);
    }
    for (size_t i = 0; i < m->n_auth_values; i++)
        mask_add(w->mask, m->auth_values[i]);
    for (size_t i = 0; i < m->n_masks; i++) {
        struct err why = {0};
        char text[512];
        if (mask_add_regex(w->mask, m->masks[i], &why) < 0)
            log_warn("worker", "mask pattern of the job cannot be used", "reason=%s",
                     err_text(&why, text, sizeof text));
    }
    if (message_var(m, "system.github.token", &token))
        masks_add_basic_auth(w, token);
}
