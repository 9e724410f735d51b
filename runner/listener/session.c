/* SPDX-License-Identifier: Apache-2.0
 *
 * The session of one runner (spec runner-protocol 4.1, 4.4) and how it ends (7.1, 7.2). */
#include "runner/listener/listener_priv.h"

#include <jansson.h>
#include <unistd.h>

#define SESSION_RETRY_MS      30000 /* source: spec 4.4 */
#define SESSION_CONFLICTS_MAX 8U    /* 30 s x 8 >= 240 s */
#define SESSION_SKEW_MAX      60U   /* 1800 s of clock skew */
#define SESSION_DELETE_MS     30000 /* source: spec 9.1 */

static void on_retry(void *ctx)
{
    gh_session_open(ctx);
}

static void retry(struct gh_runner *r, const struct gh_answer *a)
{
    char text[512];

    if (!r->disconnected) {
        r->disconnected = true;
        gh_say_timed(r->l, "Runner connect error: %s. Retrying until reconnected.",
                     err_text(&a->e, text, sizeof text));
    }
    log_warn("listener", "session", "runner=%s retry_in_s=30 why=%s", r->reg.agent_name,
             err_text(&a->e, text, sizeof text));
    loop_del_timer(r->timer);
    r->timer = loop_add_timer(r->l->loop, SESSION_RETRY_MS, on_retry, r);
}

static void opened(struct gh_runner *r, const struct gh_answer *a)
{
    AUTO(auto_json) json_t *j = NULL;
    struct gh_answer bad = {.status = a->status};
    const json_t *id;

    j = jx_parse_lax(a->body, "session answer", &bad.e);
    id = j != NULL ? jx_iget(j, "sessionId") : NULL;
    if (j != NULL &&
        (!json_is_string(id) || json_string_length(id) == 0 || json_string_length(id) > 64 ||
         strcmp(json_string_value(id), "00000000-0000-0000-0000-000000000000") == 0))
        (void)err_set(&bad.e, FAIL_PROTO, "create session: the answer holds no session id");
    if (j == NULL || bad.e.code != FAIL_NONE) {
        retry(r, &bad);
        return;
    }
    free(r->session_id);
    r->session_id = xstrdup(json_string_value(id));
    r->conflicts = 0;
    if (!r->connected_once) {
        gh_say(r->l, "Current runner version: '%s'", r->l->o.version);
        gh_say_timed(r->l, "Listening for Jobs");
        gh_status_line(r->l, "ready", NULL, NULL);
    } else if (r->disconnected) {
        gh_say_timed(r->l, "Runner reconnected.");
    }
    r->connected_once = true;
    r->disconnected = false;
    log_info("listener", "session-open", "runner=%s", r->reg.agent_name);
    gh_poll_start(r);
}

/* The table of 4.4, V2 column. */
static void on_session(void *ctx, const struct gh_answer *a)
{
    struct gh_runner *r = ctx;
    struct err e = a->e;

    if (gh_ok(a)) {
        opened(r, a);
    } else if (a->oauth == GH_OAUTH_INVALID_CLIENT) {
        (void)err_set(&e, FAIL_DENIED,
                      "the registration of runner '%s' has been deleted from the server; "
                      "register it again",
                      r->reg.agent_name);
        gh_runner_stop(r, GH_EXIT_TERMINATED, &e);
    } else if (a->status == 401 || a->status == 403) {
        (void)err_set(
            &e, FAIL_DENIED,
            "the server refuses the credentials of runner '%s' (HTTP %d); register it again",
            r->reg.agent_name, a->status);
        gh_runner_stop(r, GH_EXIT_TERMINATED, &e);
    } else if (a->status == 409 && ++r->conflicts >= SESSION_CONFLICTS_MAX) {
        (void)err_set(&e, FAIL_HTTP,
                      "another process holds the session of runner '%s'; stop it or wait until the "
                      "server has forgotten it",
                      r->reg.agent_name);
        gh_runner_stop(r, GH_EXIT_CONFLICT, &e);
    } else if (a->oauth == GH_OAUTH_SKEW && ++r->conflicts >= SESSION_SKEW_MAX) {
        gh_runner_stop(r, GH_EXIT_TERMINATED, &e);
    } else {
        retry(r, a);
    }
}

void gh_session_open(struct gh_runner *r)
{
    AUTO(buf_free) struct buf body = BUF_INIT(16384);
    AUTO(auto_free) char *url = gh_url(r->reg.server_url_v2, "session");
    char host[256] = "localhost";
    struct gh_call_spec s = {
        .what = "create session",
        .method = "POST",
        .url = url,
        .http_retry = true,
        .done = on_session,
        .ctx = r,
        .ref = &r->call,
    };
    AUTO(auto_free) char *owner = NULL;

    r->state = GH_SESSION;
    (void)gethostname(host, sizeof host - 1); /* for humans only */
    owner = xasprintf("%s (PID: %d)", host, (int)getpid());
    buf_adds(&body, "{\"sessionId\":\"00000000-0000-0000-0000-000000000000\",\"ownerName\":");
    jx_quote(&body, sv_of(owner));
    buf_addf(&body, ",\"agent\":{\"id\":%lld,\"name\":", (long long)r->reg.agent_id);
    jx_quote(&body, sv_of(r->reg.agent_name));
    buf_adds(&body, ",\"version\":");
    jx_quote(&body, sv_of(r->l->o.version));
    buf_adds(&body, ",\"osDescription\":");
    jx_quote(&body, sv_of(r->l->os_description));
    buf_adds(&body, ",\"ephemeral\":null,\"status\":0,\"provisioningState\":null},"
                    "\"useFipsEncryption\":false}");
    s.body = buf_sv(&body);
    if (!r->connected_once)
        gh_say(r->l, "\xe2\x88\x9a Connected to GitHub");
    gh_call_start(r->api, &s);
}

static void ended(struct gh_runner *r)
{
    r->state = GH_ENDED;
    log_info("listener", "runner-ended", "runner=%s code=%d", r->reg.agent_name, r->exit_code);
    gh_runner_ended(r);
}

static void on_deleted(void *ctx, const struct gh_answer *a)
{
    struct gh_runner *r = ctx;
    char text[512];

    if (!gh_ok(a)) /* the registration may be gone already (7.1): nothing to be done */
        log_debug("listener", "session-delete", "why=%s", err_text(&a->e, text, sizeof text));
    ended(r);
}

void gh_session_leave(struct gh_runner *r)
{
    AUTO(auto_free) char *url = NULL;
    struct gh_call_spec s = {
        .what = "delete session",
        .method = "DELETE",
        .timeout_ms = SESSION_DELETE_MS,
        .done = on_deleted,
        .ctx = r,
        .ref = &r->call,
    };

    if (r->state == GH_LEAVING || r->state == GH_ENDED || r->job.state != GH_JOB_NONE)
        return;
    gh_call_cancel(&r->call);
    loop_del_timer(r->timer);
    r->timer = NULL;
    if (r->session_id == NULL || r->keep_session) {
        ended(r);
        return;
    }
    r->state = GH_LEAVING;
    url = gh_url(r->reg.server_url_v2, "session");
    s.url = url;
    gh_call_start(r->api, &s);
}

void gh_runner_stop(struct gh_runner *r, int exit_code, const struct err *why)
{
    char text[512];

    r->stop = true;
    if (exit_code != 0 && r->exit_code == 0) {
        r->exit_code = exit_code;
        r->why = *why;
        log_debug("listener", "stop", "why=%s", err_text(why, text, sizeof text));
    }
    if (r->job.state != GH_JOB_NONE)
        gh_job_shutdown(r, "The runner is stopping.");
    gh_session_leave(r);
}
