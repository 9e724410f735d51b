/* SPDX-License-Identifier: Apache-2.0
 *
 * "Complete job": outputs and the environment's URL (spec job-execution 11.6, 11.7; logs 9.3, 10). Processes that
 * are left over end with the sandbox. */
#include "base/mem.h"
#include "runner/worker/results.h"
#include "runner/worker/upload.h"
#include "runner/worker/worker.h"

enum { OUTPUT_MAX_BYTES = 10 << 20 };

static bool holds_secret(const struct worker *w, struct sv text)
{
    return mask_hits(w->mask, text);
}

static void set_outputs(struct exec *x, bool *failed)
{
    struct worker *w = x->w;
    AUTO(auto_val) struct val *all = val_object();
    struct err e = {0};

    if (w->msg->outputs == NULL)
        return;
    exec_log(x, SV("Evaluate and set job outputs"));
    if (exec_mapping(x, w->msg->outputs, all, &e) < 0) {
        exec_errorf(x, "Fail to evaluate job outputs");
        exec_error(x, &e);
        *failed = true;
        return;
    }
    for (size_t i = 0; i < val_count(all); i++) {
        struct sv name = val_key_at(all, i), value = val_get_string(val_at(all, i));
        if (value.n == 0) {
            exec_debugf(x, "Skip output '" SV_FMT "' since it's empty", SV_ARG(name));
        } else if (holds_secret(w, value)) {
            exec_warningf(x, "Skip output '" SV_FMT "' since it may contain secret.", SV_ARG(name));
        } else {
            exec_logf(x, "Set output '" SV_FMT "'", SV_ARG(name));
            val_set(w->outputs, name, val_string(value));
        }
    }
}

static void set_environment_url(struct exec *x, bool *failed)
{
    struct worker *w = x->w;
    AUTO(buf_free) struct buf url = BUF_INIT(OUTPUT_MAX_BYTES);
    struct err e = {0};

    if (w->msg->environment_url == NULL)
        return;
    exec_log(x, SV("Evaluate and set environment url"));
    if (exec_text(x, w->msg->environment_url, &url, &e) < 0) {
        exec_errorf(x, "Failed to evaluate environment url");
        exec_error(x, &e);
        *failed = true;
    } else if (holds_secret(w, buf_sv(&url))) {
        exec_warningf(
            x, "Skip setting environment url as environment '" SV_FMT "' may contain secret.",
            SV_ARG(w->msg->environment_name));
    } else {
        exec_logf(x, "Evaluated environment url: %s", url.p);
        w->environment_url = buf_take(&url, NULL);
    }
}

int job_finish(struct worker *w, struct err *e)
{
    AUTO(exec_done) struct exec x;
    struct record *r = records_add(&w->records, NULL, SV("Complete job"));
    bool failed = false;

    record_set_kind(r, "runner", SV("complete_job"), SV(""));
    exec_init_job(&x, w, r);
    r->log_from = spool_size(w->spool);
    record_start(r);
    upload_begin(w->upload, r);
    results_poke(w->results);
    exec_debugf(&x, "Starting: Complete job");
    set_outputs(&x, &failed);
    set_environment_url(&x, &failed);
    exec_log(&x, SV("Cleaning up orphan processes"));
    if (spool_failed(w->spool) !=
        NULL) { /* a full disk: the log has a hole, and that fails the job */
        exec_error(&x, spool_failed(w->spool));
        failed = true;
    }
    exec_debugf(&x, "Finishing: Complete job");
    if (failed)
        w->result = result_merge(w->result, RES_FAILED);
    r->has_details = message_flag(w->msg, "gantry.step_details");
    r->log_to = spool_size(w->spool);
    r->outcome = failed ? RES_FAILED : RES_SUCCEEDED;
    record_complete(&w->records, r, failed ? RES_FAILED : RES_SUCCEEDED);
    upload_record(w->upload, r);
    results_poke(w->results);
    return worker_turn_now(w, e);
}
