/* SPDX-License-Identifier: Apache-2.0
 *
 * The live console: text messages of base/ws_server become lines of steps (spec logs 5.3). The job is known from
 * the token of the handshake, never from the message. */
#include "runner/service/svc_priv.h"

#include <jansson.h>

#include "base/log.h"

void feed_event(void *ctx, enum wss_event event, uint64_t conn, struct sv who, struct sv text)
{
    struct svc *s = ctx;
    struct leg *l;
    struct err e;
    AUTO(auto_json) json_t *message = NULL;

    if (event != WSS_MESSAGE)
        return;
    l = leg_find(s, who);
    if (l == NULL || l->state != LEG_RUNNING)
        return;
    message = jx_parse_lax(text, "live feed", &e);
    if (message == NULL) {
        log_debug("service", "feed", "connection=%llu error=%s", (unsigned long long)conn, e.msg);
        return;
    }
    step_feed(l, message);
    svc_pump(s);
}
