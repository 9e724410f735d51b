/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers of the protocol in one place, and the recorder that writes each exchange down as a line of JSON. Tokens
 * and secrets are masked structurally: a member that holds one is replaced whatever its value. */
#include "runner/service/svc_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

int record_open(struct svc *s, struct err *e)
{
    s->record_fd = -1;
    if (s->cfg.record == NULL)
        return 0;
    s->record_fd = open(s->cfg.record, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (s->record_fd < 0)
        return err_sys(e, "cannot open the record '%s'", s->cfg.record);
    return 0;
}

static bool is_secret_member(const char *key)
{
    static const char *const names[] = {
        "AccessToken",      "access_token", "token", "encoded_jit_config",
        "client_assertion", "secrets",      "jit"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(key, names[i]) == 0)
            return true;
    return false;
}

/* depth: the parser limited nesting to JX_MAX_DEPTH already. */
static json_t *masked(json_t *v)
{
    const char *key;
    json_t *item;
    size_t i;

    if (json_is_object(v)) {
        json_t *o = json_object();
        bool secret = json_is_true(json_object_get(v, "isSecret"));
        json_object_foreach(v, key, item)
        {
            if (is_secret_member(key) || (secret && strcmp(key, "value") == 0))
                (void)json_object_set_new(o, key, json_string("***"));
            else
                (void)json_object_set_new(o, key, masked(item));
        }
        return o;
    }
    if (json_is_array(v)) {
        json_t *a = json_array();
        json_array_foreach(v, i, item)(void) json_array_append_new(a, masked(item));
        return a;
    }
    if (json_is_string(v)) { /* a signed URL */
        struct sv t = {json_string_value(v), json_string_length(v)};
        size_t at = sv_find(t, SV("sig="));
        if (at != SV_NPOS && sv_starts(t, SV("http"))) {
            AUTO(buf_free) struct buf b = BUF_INIT(8192);
            buf_addsv(&b, sv_sub(t, 0, at));
            buf_adds(&b, "sig=***");
            return jx_str_new(buf_sv(&b));
        }
    }
    return json_deep_copy(v);
}

static json_t *masked_text(struct sv text)
{
    struct err e;
    AUTO(auto_json) json_t *j = text.n > 0 ? jx_parse_lax(text, "body", &e) : NULL;

    if (text.n == 0)
        return json_null();
    /* What is no JSON is a log or an archive: its size is enough. */
    return j != NULL ? masked(j) : json_pack("{s:I}", "bytes", (json_int_t)text.n);
}

static void record(struct hs_req *r, int status, json_t *body)
{
    static const char *const names[] = {"sessionId",    "status",        "runnerVersion", "os",
                                        "architecture", "disableUpdate", "comp",          "seal"};
    struct svc *s = hs_server_ctx(r);
    AUTO(auto_json) json_t *o = NULL;
    AUTO(buf_free) struct buf line = BUF_INIT(SVC_MAX_MESSAGE);
    AUTO(buf_free) struct buf at = BUF_INIT(64);
    AUTO(buf_free) struct buf query = BUF_INIT(4096);
    struct err e;

    if (s->record_fd < 0)
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (hs_query(r, names[i]) != NULL)
            buf_addf(&query, "%s%s=%s", query.len > 0 ? "&" : "", names[i], hs_query(r, names[i]));
    tm_format_ms(&at, tm_wall_ms());
    o = json_pack("{s:s, s:s, s:s, s:o, s:o, s:i, s:o}", "time", at.p, "method", hs_method(r),
                  "path", hs_path(r), "query", jx_str_new(buf_sv(&query)), "request",
                  masked_text(hs_body(r)), "status", status, "response",
                  body != NULL ? masked(body) : json_null());
    if (o == NULL)
        return;
    jx_write(&line, o);
    buf_addc(&line, '\n');
    if (buf_done(&line, "record", &e) < 0 || fd_write_full(s->record_fd, line.p, line.len, &e) < 0)
        log_warn("service", "record", "error=%s", e.msg);
}

void svc_reply(struct hs_req *r, int status, json_t *own_body)
{
    AUTO(auto_json) json_t *body = own_body;
    AUTO(buf_free) struct buf b = BUF_INIT(SVC_MAX_MESSAGE);

    record(r, status, body);
    if (body == NULL) {
        hs_reply_headers(r, status, NULL, SV(""));
        return;
    }
    jx_write(&b, body);
    hs_reply_json(r, status, buf_sv(&b));
    secret_wipe(b.p, b.len); /* may hold tokens; hs_reply_json copied it */
}

void svc_reply_headers(struct hs_req *r, int status, const char *const *headers, struct sv body)
{
    record(r, status, NULL);
    hs_reply_headers(r, status, headers, body);
}

void svc_unauthorized(struct hs_req *r, const char *what)
{
    AUTO(auto_json) json_t *o = json_pack("{s:s}", "message", what);
    AUTO(buf_free) struct buf b = BUF_INIT(1024);
    static const char *const headers[] = {"Content-Type: application/json",
                                          "WWW-Authenticate: Bearer", NULL};

    record(r, 401, o);
    jx_write(&b, o);
    hs_reply_headers(r, 401, headers, buf_sv(&b));
}

/* Source: actions/runner src/Sdk/RSWebApi/Contracts/BrokerError.cs (spec 5.3). */
void svc_broker_error(struct hs_req *r, int status, const char *kind, const char *text)
{
    svc_reply(r, status,
              json_pack("{s:s, s:s, s:i, s:s}", "source", "actions-broker-listener", "errorKind",
                        kind, "statusCode", status, "errorMessage", text));
}

/* Source: actions/runner src/Sdk/RSWebApi/Contracts/RunServiceError.cs (spec 6). */
void svc_run_error(struct hs_req *r, int status, const char *text)
{
    svc_reply(r, status,
              json_pack("{s:s, s:i, s:s}", "source", "actions-run-service", "statusCode", status,
                        "errorMessage", text));
}

void svc_twirp_error(struct hs_req *r, int status, const char *code, const char *text)
{
    svc_reply(r, status, json_pack("{s:s, s:s}", "code", code, "msg", text));
}

json_t *svc_body(struct hs_req *r)
{
    struct err e;
    struct sv text = hs_body(r);
    AUTO(auto_json) json_t *j = NULL;

    if (sv_starts(text, SV("\xef\xbb\xbf")))
        text = sv_sub(text, 3, text.n);
    j = jx_parse_lax(text, "request body", &e);
    if (j != NULL && json_is_object(j))
        return json_incref(j);
    svc_reply(r, 400,
              json_pack("{s:s, s:s}", "code", "malformed", "msg",
                        j == NULL ? e.msg : "request body must be an object"));
    return NULL;
}

void svc_set_text(json_t *o, const char *key, const char *text)
{
    (void)json_object_set_new(o, key, text != NULL ? jx_str_new(sv_of(text)) : json_null());
}

bool svc_get_id(const json_t *o, const char *key, struct buf *out)
{
    const json_t *v = jx_iget(o, key);

    if (json_is_string(v))
        buf_add(out, json_string_value(v), json_string_length(v));
    else if (json_is_integer(v))
        buf_addf(out, "%lld", (long long)json_integer_value(v));
    else
        return false;
    return out->len > 0 && !out->over;
}
