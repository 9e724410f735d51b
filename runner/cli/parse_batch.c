/* SPDX-License-Identifier: Apache-2.0
 *
 * Request and answer of one line. */
#include "runner/cli/parse_batch.h"

#include <jansson.h>

#include "actions/manifest.h"
#include "actions/workflow_json.h"
#include "base/mem.h"
#include "base/path.h"
#include "runner/cli/each_line.h"

static void put(json_t *o, const char *key, json_t *own)
{
    (void)json_object_set_new(o, key, own);
}

/* {"errors": [...]}; a failure without a list of its own becomes the one error of the file. */
static void put_errors(json_t *answer, const char *file, const struct wf_errors *errors,
                       const struct err *e)
{
    AUTO(auto_json) json_t *list = NULL;

    if (errors->n > 0) {
        list = wf_errors_to_json(errors);
        (void)json_object_update(answer, list);
        return;
    }
    AUTO(auto_free) char *text = xasprintf("%s: %s", file, e->msg);
    put(answer, "errors", json_pack("[{s:o}]", "Message", jx_str_new(sv_of(text))));
}

static void answer_workflow(json_t *answer, const char *file, struct sv text, const json_t *in)
{
    bool editor = jx_bool(in, "editor", false);
    struct wf_options o = wf_default_options;
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    AUTO(auto_wf) struct wf *w = NULL;
    struct err e = {0};

    o.strict = editor;
    if (wf_parse_with(text, file, &o, &w, &errors, &e) < 0) {
        put_errors(answer, file, &errors, &e);
        return;
    }
    put(answer, "template", wf_to_json(w, WF_JSON_POSITIONS | (editor ? WF_JSON_EDITOR : 0U)));
    if (jx_bool(in, "tokens", false))
        put(answer, "tokens", tok_to_json(w->root));
}

static void answer_manifest(json_t *answer, const char *file, struct sv text)
{
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    AUTO(auto_manifest) struct manifest *m = NULL;
    struct err e = {0};

    if (manifest_parse(text, file, 1, &m, &errors, &e) < 0)
        put_errors(answer, file, &errors, &e);
    else
        put(answer, "tokens", tok_to_json(m->root));
}

static int answer_line(struct sv line, struct buf *out, struct err *e)
{
    AUTO(auto_json) json_t *in = jx_parse(line, "batch line", e);
    AUTO(auto_json) json_t *answer = json_object();
    struct sv file, text;

    if (in == NULL || jx_need_str(in, "file", &file, e) < 0 ||
        jx_need_str(in, "text", &text, e) < 0)
        return -1;
    AUTO(auto_free) char *name = xasprintf("%.*s", SV_ARG(file));
    struct sv base = path_base(sv_of(name));
    if (sv_is(base, "action.yml") || sv_is(base, "action.yaml"))
        answer_manifest(answer, name, text);
    else
        answer_workflow(answer, name, text, in);
    jx_write(out, answer);
    buf_addc(out, '\n');
    return buf_done(out, "answer", e);
}

int cli_parse_batch(void)
{
    return cli_each_line(answer_line);
}
