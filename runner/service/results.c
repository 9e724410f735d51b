/* SPDX-License-Identifier: Apache-2.0
 *
 * The Results service: step updates, and where logs and summaries go (spec logs 6.3, 7.1). Twirp over JSON. */
#include "runner/service/svc_priv.h"

#include <jansson.h>

#include "base/log.h"
#include "base/num.h"

#define SUMMARY_LIMIT "1048576"

/* Job of the token, checked against the ids of the body; NULL after it answered. */
static struct leg *job_of(struct svc *s, struct hs_req *r, json_t **body)
{
    struct leg *l = token_leg(s, r);

    if (l == NULL || (*body = svc_body(r)) == NULL)
        return NULL;
    if (sv_ieq(jx_str(*body, "workflow_job_run_backend_id", ""), sv_of(l->uuid)) &&
        sv_ieq(jx_str(*body, "workflow_run_backend_id", ""), sv_of(l->run->plan_id)))
        return l;
    json_decref(*body);
    *body = NULL;
    svc_twirp_error(r, 403, "permission_denied", "the token is of another job");
    return NULL;
}

void results_steps_update(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    AUTO(auto_json) json_t *body = NULL;
    const json_t *steps, *st;
    struct leg *l;
    size_t i;

    if (stage != HS_BODY || (l = job_of(ctx, r, &body)) == NULL)
        return;
    steps = jx_iget(body, "steps");
    if (l->state == LEG_RUNNING) {
        json_array_foreach(steps, i, st) step_update(l, st, false);
        steps_advance(l, false);
    }
    svc_reply(r, 200, json_pack("{s:b}", "ok", 1));
    svc_pump(ctx);
}

/* Lower-case GUID of the request's step; false when it is none (the name becomes part of a path). */
static bool step_id(const json_t *body, char out[UUID_TEXT_SIZE])
{
    struct sv id = jx_str(body, "step_backend_id", "");

    if (id.n != UUID_TEXT_SIZE - 1)
        return false;
    for (size_t i = 0; i < id.n; i++) {
        if (!ch_is_hex(id.p[i]) && id.p[i] != '-')
            return false;
        out[i] = ch_lower(id.p[i]);
    }
    out[id.n] = '\0';
    return true;
}

static void reply_url(struct svc *s, struct hs_req *r, const struct leg *l, const char *id,
                      const char *kind, const char *member, bool limit)
{
    AUTO(buf_free) struct buf name = BUF_INIT(512);
    AUTO(buf_free) struct buf url = BUF_INIT(2048);
    json_t *o;

    blob_log_name(&name, l, id, kind);
    token_blob_url(s, name.p, 'w', &url);
    o = json_pack("{s:s, s:s}", member, url.p, "blob_storage_type", "BLOB_STORAGE_TYPE_AZURE");
    if (limit)
        svc_set_text(o, "soft_size_limit", SUMMARY_LIMIT);
    svc_reply(r, 200, o);
}

/* The upload is complete. A runner that never sealed its append blob is helped. */
static void metadata(struct svc *s, struct hs_req *r, struct leg *l, const char *id,
                     const char *kind)
{
    AUTO(buf_free) struct buf name = BUF_INIT(512);
    struct err e;

    blob_log_name(&name, l, id, kind);
    if (blob_seal(s, name.p, &e) < 0 && e.code != FAIL_NOTFOUND)
        log_error("service", "blob", "error=%s", e.msg);
    if (strcmp(kind, "summary") == 0 && l->state == LEG_RUNNING)
        summary_uploaded(l, id);
    if (strcmp(kind, "step") == 0 && l->state == LEG_RUNNING) {
        struct step *st = step_get(l, id, 0);
        if (st != NULL)
            step_log_uploaded(l, st);
    }
    svc_reply(r, 200, json_pack("{s:b}", "ok", 1));
    svc_pump(s);
}

void results_receiver(void *ctx, struct hs_req *r, enum hs_stage stage)
{
    static const struct {
        const char *method, *kind, *member;
        bool step, limit;
    } table[] = {
        {"GetStepLogsSignedBlobURL", "step", "logs_url", true, true},
        {"CreateStepLogsMetadata", "step", NULL, true, false},
        {"GetJobLogsSignedBlobURL", "job", "logs_url", false, false},
        {"CreateJobLogsMetadata", "job", NULL, false, false},
        {"GetStepSummarySignedBlobURL", "summary", "summary_url", true, true},
        {"CreateStepSummaryMetadata", "summary", NULL, true, false},
        {"GetJobDiagLogsSignedBlobURL", "diagnostics", "diag_logs_url", false, false},
    };
    AUTO(auto_json) json_t *body = NULL;
    const char *method = hs_param(r, "method");
    char id[UUID_TEXT_SIZE] = "";
    struct leg *l;

    if (stage != HS_BODY || (l = job_of(ctx, r, &body)) == NULL)
        return;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].method, method) != 0)
            continue;
        if (table[i].step && !step_id(body, id))
            svc_twirp_error(r, 400, "invalid_argument", "step_backend_id must be a GUID");
        else if (table[i].member != NULL)
            reply_url(ctx, r, l, id, table[i].kind, table[i].member, table[i].limit);
        else
            metadata(ctx, r, l, id, table[i].kind);
        return;
    }
    svc_twirp_error(r, 404, "bad_route", "no such method");
}
