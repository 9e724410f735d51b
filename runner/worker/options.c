/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of the worker. */
#include "runner/worker/options.h"

#include <jansson.h>

#include "base/json.h"
#include "base/mem.h"

static char *text(const json_t *o, const char *key)
{
    struct sv v = jx_str(o, key, "");

    return v.n > 0 ? sv_dup(v) : NULL;
}

int worker_options_parse(struct sv json, struct worker_options *out, struct err *e)
{
    AUTO(auto_json) json_t *j = jx_parse(json, "options of the worker", e);
    const char *key;
    json_t *v;

    if (j == NULL)
        return -1;
    if (!json_is_object(j))
        return err_set(e, FAIL_INPUT, "options of the worker: not a JSON object");
    const json_t *source = jx_get(j, "source");
    out->env = STRV_INIT;
    out->source_repository = text(source, "repository");
    out->source_sha = text(source, "sha");
    out->source_ref = text(source, "ref");
    out->source_folder = text(source, "folder");
    out->checkout_action = sv_is(jx_str(j, "checkout", "native"), "action");
    out->prefill = jx_bool(j, "prefill", false);
    out->ca_file = text(j, "ca_file");
    /* "" means: no proxy, whatever the environment says. */
    out->proxy = jx_get(j, "proxy") != NULL ? sv_dup(jx_str(j, "proxy", "")) : NULL;
    out->runner_name = text(j, "runner_name");
    if (out->runner_name == NULL)
        out->runner_name = xstrdup("gantry");
    out->no_color = jx_bool(j, "no_color", false);
    json_t *env = jx_get(j, "env");
    if (json_is_object(env)) {
        json_object_foreach(env, key, v)
        {
            if (json_is_string(v))
                strv_setenv(&out->env, sv_of(key), sv_of(json_string_value(v)));
        }
    }
    return 0;
}

void worker_options_done(struct worker_options *o)
{
    free(o->source_repository);
    free(o->source_sha);
    free(o->source_ref);
    free(o->source_folder);
    free(o->ca_file);
    free(o->proxy);
    free(o->runner_name);
    if (o->env.v != NULL)
        strv_free(&o->env);
}
